//! Panics in configure.
masker_guests::guest!("configure-panics", |_| Ok(vec![]), |_| panic!("no"));
