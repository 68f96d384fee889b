//! A well-behaved self-hosted plugin: finds `E-` and five digits as STAFF_ID.
use masker_guests::sdk::Finding;
masker_guests::guest!("staff-id", |messages| {
    let mut found = Vec::new();
    for (index, message) in messages.iter().enumerate().filter(|(_, message)| message.search) {
        for (at, _) in message.text.match_indices("E-") {
            let digits = message.text[at + 2..].bytes().take_while(u8::is_ascii_digit).count();
            if digits == 5 {
                found.push(Finding::new(index, at..at + 7, "STAFF_ID", 0.95));
            }
        }
    }
    Ok(found)
});
