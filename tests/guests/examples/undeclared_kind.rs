//! A kind that the manifest does not name: the text itself.
use masker_guests::sdk::Finding;
masker_guests::guest!("undeclared-kind", |messages| {
    let last = messages.len() - 1;
    Ok(vec![Finding::new(last, 0..2, messages[last].text.clone(), 1.0)])
});
