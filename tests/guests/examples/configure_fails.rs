//! Refuses every configuration.
use masker_guests::sdk::Error;
masker_guests::guest!("configure-fails", |_| Ok(vec![]), |_| Err(Error::invalid_config(
    "this word is not known",
    Some("/word".into())
)));
