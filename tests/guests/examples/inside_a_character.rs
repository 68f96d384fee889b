//! A span that ends inside a character (the test's message begins with one of two bytes).
use masker_guests::sdk::Finding;
masker_guests::guest!("inside-a-character", |messages| Ok(vec![Finding::new(messages.len() - 1, 0..1, "NAME", 1.0)]));
