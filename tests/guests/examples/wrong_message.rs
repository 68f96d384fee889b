//! A finding in message 9999.
use masker_guests::sdk::Finding;
masker_guests::guest!("wrong-message", |_| Ok(vec![Finding::new(9999, 0..1, "NAME", 1.0)]));
