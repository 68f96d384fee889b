//! Stores what it sees, and finds words of earlier requests; in a fresh instance there are none.
use std::sync::Mutex;

use masker_guests::sdk::Finding;

static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

masker_guests::guest!("remembers", |messages| {
    let mut seen = SEEN.lock().unwrap();
    let last = messages.len() - 1;
    let found = if seen.is_empty() { vec![] } else { vec![Finding::new(last, 0..1, "NAME", 1.0)] };
    seen.extend(messages.iter().map(|message| message.text.clone()));
    Ok(found)
});
