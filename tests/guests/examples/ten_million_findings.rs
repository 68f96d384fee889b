//! Answers with more than may cross the border. (The memory limit allows it to be made: they share one kind.)
use masker_guests::sdk::Finding;
masker_guests::guest!("ten-million-findings", |_| Ok(vec![Finding::new(0, 0..1, "NAME", 1.0); 300_000]));
