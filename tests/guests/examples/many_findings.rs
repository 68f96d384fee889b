//! Returns 20,000 findings: they fit into the output limit, but no message has that many.
use masker_guests::sdk::Finding;
masker_guests::guest!("many-findings", |_| Ok(vec![Finding::new(0, 0..1, "NAME", 1.0); 20_000]));
