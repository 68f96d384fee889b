//! A confidence that is not a number.
use masker_guests::sdk::Finding;
masker_guests::guest!("not-a-number", |messages| Ok(vec![Finding::new(messages.len() - 1, 0..1, "NAME", f32::NAN)]));
