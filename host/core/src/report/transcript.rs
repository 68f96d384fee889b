//! Readable transcripts from masked requests.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::document::Line;

/// Limit of transcripts in a report.
pub const MOST: usize = 20;
/// Limit of characters shown of one message.
const LONGEST: usize = 4000;

/// Sessions sampled: the texts of some may be deleted before they are read.
const DRAWN: usize = 2 * MOST;

/// Samples sessions deterministically: the same scope always gives the same sample.
pub struct Sample {
    scope: Sha256,
    /// The lowest hashes so far.
    drawn: BTreeMap<[u8; 32], String>,
}

impl Sample {
    /// A sample for this scope.
    pub fn new(scope: &str) -> Self {
        Self { scope: Sha256::new().chain_update(scope).chain_update([0]), drawn: BTreeMap::new() }
    }

    /// Offers a session. `has_texts` is called only when its hash is low enough.
    pub fn offer<E>(&mut self, id: &str, has_texts: impl FnOnce() -> Result<bool, E>) -> Result<(), E> {
        let lot: [u8; 32] = self.scope.clone().chain_update(id).finalize().into();
        let is_low = self.drawn.len() < DRAWN || self.drawn.last_key_value().is_some_and(|(last, _)| lot < *last);
        if is_low && has_texts()? {
            self.drawn.insert(lot, id.to_owned());
            if self.drawn.len() > DRAWN {
                self.drawn.pop_last();
            }
        }
        Ok(())
    }

    /// The sampled sessions, in the order of their hashes.
    pub fn drawn(self) -> impl Iterator<Item = String> {
        self.drawn.into_values()
    }
}

/// The messages of a body that went to the model; empty when the body is truncated or has no messages.
pub fn lines(masked: &str) -> Vec<Line> {
    let Ok(body) = serde_json::from_str::<Value>(masked) else { return Vec::new() };
    let messages = body.get("messages").and_then(Value::as_array);
    let line = |message: &Value| {
        let text = text_of(message.get("content")?)?;
        let role = message.get("role").and_then(Value::as_str).unwrap_or("user").to_owned();
        Some(Line { role, text: shortened(text) })
    };
    messages.into_iter().flatten().filter_map(line).collect()
}

fn text_of(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            Some(texts.collect::<Vec<_>>().join("\n"))
        }
        _ => None,
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} [...]", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_parts_are_read_and_what_has_no_text_is_left_out() {
        let body = r#"{"messages": [{"role": "system", "content": "a"}, {"role": "assistant", "content": null},
            {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "image_url"}, {"type": "text", "text": "c"}]}]}"#;
        let lines = lines(body);
        let read: Vec<_> = lines.iter().map(|line| (line.role.as_str(), line.text.as_str())).collect();
        assert_eq!(read, [("system", "a"), ("user", "b\nc")]);
        assert!(super::lines("{\"messages\": [{\"content\": \"cut").is_empty());
    }

    fn drawn(scope: &str, ids: &[String]) -> Vec<String> {
        let mut sample = Sample::new(scope);
        for id in ids {
            sample.offer(id, || Ok::<_, ()>(!id.ends_with('0'))).expect("it is known");
        }
        sample.drawn().collect()
    }

    #[test]
    fn a_sample_depends_on_its_scope_and_not_on_the_order_of_sessions() {
        let mut ids: Vec<String> = (0..200).map(|n| format!("sess_{n}")).collect();
        let first = drawn("a", &ids);
        ids.reverse();
        assert_eq!(drawn("a", &ids), first);
        assert_ne!(drawn("b", &ids), first);
        assert_eq!(first.len(), DRAWN);
        assert!(first.iter().all(|id| !id.ends_with('0')), "those without texts take no part");
    }
}
