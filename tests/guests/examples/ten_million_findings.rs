//! Returns more than the output limit. (It fits into the memory limit, because the findings share one kind.)
use masker_guests::sdk::Finding;
masker_guests::guest!("ten-million-findings", |_| Ok(vec![Finding::new(0, 0..1, "NAME", 1.0); 300_000]));
