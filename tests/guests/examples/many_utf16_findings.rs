//! Finds 10,000 values all over a text, in positions that the host has to convert.
use masker_guests::sdk::Finding;
masker_guests::guest!(
    "many-utf16-findings",
    |messages| {
        let last = messages.len() - 1;
        let step = messages[last].text.encode_utf16().count() / 10_000;
        Ok((0..10_000).map(|at| Finding::new(last, at * step..at * step + 1, "STAFF_ID", 1.0)).collect())
    },
    |_: &str| Ok(()),
    Utf16
);
