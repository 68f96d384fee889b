//! Panics.
masker_guests::guest!("panics", |messages| panic!("{}", messages[0].text));
