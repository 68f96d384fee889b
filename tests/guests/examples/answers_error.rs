//! Returns an error that quotes the caller.
use masker_guests::sdk::Error;
masker_guests::guest!("answers-error", |messages| Err(Error::internal(
    messages.iter().map(|m| m.text.clone()).collect::<String>()
)));
