//! The messages of a masked request, for people to read.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::document::Line;
use crate::ids::SessionId;

/// Transcripts of a report.
pub const MOST: usize = 20;
/// Characters of one message that are shown.
const LONGEST: usize = 4000;

/// The same sessions for the same scope, whoever asks and when.
pub fn sample(scope: &str, sessions: impl Iterator<Item = SessionId>) -> Vec<SessionId> {
    let mut drawn: Vec<([u8; 32], SessionId)> = sessions
        .map(|session| {
            let lot = Sha256::new().chain_update(scope).chain_update([0]).chain_update(session.to_bytes());
            (lot.finalize().into(), session)
        })
        .collect();
    drawn.sort_unstable();
    drawn.into_iter().map(|(_, session)| session).collect()
}

/// The messages of a body that went to the model. One that is cut short or has none gives none.
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

    #[test]
    fn a_sample_depends_on_its_scope_and_not_on_the_order_of_sessions() {
        let sessions: Vec<SessionId> = (0..50).map(|_| SessionId::generate()).collect();
        let drawn = sample("a", sessions.iter().copied());
        assert_eq!(drawn, sample("a", sessions.iter().rev().copied()));
        assert_ne!(drawn, sample("b", sessions.iter().copied()));
        assert_eq!(drawn.len(), 50);
    }
}
