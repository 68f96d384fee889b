//! Fast path for the most common chunk: one choice with one piece of `content`. It is parsed without building a tree,
//! since a streamed answer has dozens of them and nearly all are forwarded unchanged.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// A chunk in which only `content` may need a change.
pub struct PlainChunk {
    /// Index of the choice.
    pub choice: u64,
    /// Text of the chunk.
    pub content: String,
}

impl PlainChunk {
    /// Parses such a chunk; `None` for any other chunk.
    pub fn parse(data: &str) -> Option<Self> {
        let chunk: Chunk = serde_json::from_str(data).ok()?;
        let (None, None, [choice]) = (chunk.error, chunk.obfuscation, chunk.choices) else { return None };
        let (None, None) = (choice.finish_reason, choice.logprobs) else { return None };
        Some(Self { choice: choice.index, content: choice.delta.content })
    }
}

#[derive(Deserialize)]
struct Chunk {
    choices: [Choice; 1],
    error: Option<IgnoredAny>,
    obfuscation: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice {
    index: u64,
    delta: Delta,
    finish_reason: Option<IgnoredAny>,
    logprobs: Option<IgnoredAny>,
}

/// Unknown keys are rejected: a text under another key would need the full walk.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delta {
    #[serde(rename = "role")]
    _role: Option<IgnoredAny>,
    content: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &str) -> Option<(u64, String)> {
        PlainChunk::parse(data).map(|chunk| (chunk.choice, chunk.content))
    }

    #[test]
    fn a_chunk_with_one_piece_of_content_is_plain() {
        let data = r#"{"id":"c1","created":17,"model":"m","choices":[{"index":2,"delta":{"role":"assistant","content":"a \"b\""},
            "logprobs":null,"finish_reason":null}],"usage":null,"error":null}"#;
        assert_eq!(read(data), Some((2, "a \"b\"".to_owned())));
    }

    #[test]
    fn a_chunk_that_may_hold_anything_else_to_look_at_is_not() {
        for data in [
            r#"{"choices":[]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"b"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a"}}],"obfuscation":"x"}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a"}}],"error":{"message":"x"}}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a","refusal":"b"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a","content":"b"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":null}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[]}}]}"#,
            r#"{"choices":[{"delta":{"content":"a"}}]}"#,
            "[DONE]",
        ] {
            assert_eq!(read(data), None, "{data}");
        }
    }
}
