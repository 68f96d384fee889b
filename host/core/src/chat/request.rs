//! Request bodies: parsing, removal of platform fields, and serialisation.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Platform, size, surrogate};

/// Top-level fields that voice platforms add for their own custom-LLM servers (docs/platforms). They are consumed,
/// never forwarded: they contain the caller's number, account secrets and whole call records.
const PLATFORM_FIELDS: [&str; 8] =
    ["call", "phoneNumber", "customer", "assistant", "elevenlabs_extra_body", "user_id", "chat", "timestamp"];

/// Top-level fields of OpenAI's schema (openai-openapi, 2026-08-21). For a known platform all other fields are
/// dropped.
const OPENAI_FIELDS: [&str; 40] = [
    "messages",
    "model",
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
    "reasoning",
    "thinking",
    "top_k",
    "enable_thinking",
];

/// Why a body is refused. Gives the location, never quotes the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// Not JSON.
    #[error("the body is not JSON: line {line}, column {column}")]
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// JSON of an unexpected shape.
    #[error("{path}: {expected}")]
    Shape {
        /// Path.
        path: String,
        /// What was expected there.
        expected: &'static str,
    },
}

impl BadRequest {
    /// An error for an unexpected value at a path.
    pub fn shape(path: impl Into<String>, expected: &'static str) -> Self {
        Self::Shape { path: path.into(), expected }
    }

    /// The field, for `param` in OpenAI's error format.
    pub fn path(&self) -> Option<&str> {
        match self {
            BadRequest::NotJson { .. } => None,
            BadRequest::Shape { path, .. } => Some(path),
        }
    }
}

/// A chat completion request. No `Debug`: it contains caller text.
pub struct ChatRequest {
    /// The body, without the platform's own fields.
    pub body: Map<String, Value>,
    /// The platform's id of the phone call, when the body has one.
    pub call_id: Option<String>,
    /// Length of the received body, in bytes.
    pub length: usize,
    /// Whether a text contains a lone surrogate, as a truncated answer does.
    has_halves: bool,
}

/// Parses JSON that may contain lone surrogates; returns whether there were any.
fn read(bytes: &[u8]) -> serde_json::Result<(Value, bool)> {
    match serde_json::from_slice(bytes) {
        Ok(value) => Ok((value, false)),
        Err(error) => match std::str::from_utf8(bytes).map(surrogate::mend) {
            Ok(Cow::Owned(mended)) => Ok((serde_json::from_str(&mended)?, true)),
            _ => Err(error),
        },
    }
}

impl ChatRequest {
    /// Parses a body.
    ///
    /// # Errors
    /// The body is not a JSON object with a list of messages, or has too many values. Nesting past 128 levels is
    /// refused as not JSON.
    pub fn parse(bytes: &[u8], platform: Platform) -> Result<Self, BadRequest> {
        if size::is_too_much(bytes) {
            return Err(BadRequest::shape("body", size::TOO_MANY));
        }
        let (value, has_halves) =
            read(bytes).map_err(|error| BadRequest::NotJson { line: error.line(), column: error.column() })?;
        let Value::Object(mut body) = value else {
            return Err(BadRequest::shape("body", "must be a JSON object"));
        };
        match body.get("messages") {
            Some(Value::Array(_)) => {}
            Some(_) => return Err(BadRequest::shape("messages", "must be a list")),
            None => return Err(BadRequest::shape("messages", "is required")),
        }
        let call_id = call_id(&body)?;
        consume_platform_fields(&mut body, platform);
        Ok(Self { body, call_id, length: bytes.len(), has_halves })
    }

    /// Builds a request from caller texts, one message each.
    pub fn said<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let messages: Vec<Value> =
            texts.into_iter().map(|text| serde_json::json!({"role": "user", "content": text})).collect();
        let body = Map::from_iter([("messages".to_owned(), Value::Array(messages))]);
        Self { body, call_id: None, length: usize::MAX, has_halves: false }
    }

    /// The content of every message, where it is a string.
    pub fn contents(&self) -> impl Iterator<Item = Option<&str>> {
        let messages = self.body.get("messages").and_then(Value::as_array).into_iter().flatten();
        messages.map(|message| message.get("content").and_then(Value::as_str))
    }

    /// The requested model.
    pub fn model(&self) -> Result<Option<&str>, BadRequest> {
        match self.body.get("model") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(model)) => Ok(Some(model)),
            Some(_) => Err(BadRequest::shape("model", "must be a string")),
        }
    }

    /// Whether the request asks for a stream.
    pub fn streams(&self) -> Result<bool, BadRequest> {
        match self.body.get("stream") {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(stream)) => Ok(*stream),
            Some(_) => Err(BadRequest::shape("stream", "must be true or false")),
        }
    }

    /// The body as sent upstream.
    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes = serde_json::to_vec(&self.body).expect("a map of JSON values is JSON");
        match std::str::from_utf8(&bytes) {
            Ok(text) if self.has_halves => surrogate::restore(text).into_owned().into_bytes(),
            _ => bytes,
        }
    }
}

/// Vapi's `call.id`; ElevenLabs' extra body, where a session id is set by hand. An id of another type is refused: a
/// call without an id would share memory with all callers.
fn call_id(body: &Map<String, Value>) -> Result<Option<String>, BadRequest> {
    for (field, key) in [("call", "id"), ("elevenlabs_extra_body", "session_id")] {
        match body.get(field).and_then(|object| object.get(key)) {
            None | Some(Value::Null) => {}
            Some(Value::String(id)) if id.is_empty() => {}
            Some(Value::String(id)) => return Ok(Some(id.clone())),
            Some(_) => return Err(BadRequest::shape(format!("{field}.{key}"), "must be a string")),
        }
    }
    Ok(None)
}

fn consume_platform_fields(body: &mut Map<String, Value>, platform: Platform) {
    for field in PLATFORM_FIELDS {
        body.shift_remove(field);
    }
    if platform == Platform::Vapi {
        body.shift_remove("metadata");
    }
    if platform != Platform::Custom {
        body.retain(|field, _| OPENAI_FIELDS.contains(&field.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str, platform: Platform) -> Result<ChatRequest, BadRequest> {
        ChatRequest::parse(body.as_bytes(), platform)
    }

    fn refused(body: &str) -> String {
        match parse(body, Platform::Custom) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_body_that_is_no_chat_request_is_refused_with_a_place() {
        assert_eq!(refused("{"), "the body is not JSON: line 1, column 1");
        assert_eq!(refused("[]"), "body: must be a JSON object");
        assert_eq!(refused("{}"), "messages: is required");
        assert_eq!(refused(r#"{"messages": {}}"#), "messages: must be a list");
        assert_eq!(
            refused(&format!("{}{}", "[".repeat(10_000), "]".repeat(10_000))),
            "the body is not JSON: line 1, column 128"
        );
        assert!(ChatRequest::parse(b"{\"messages\": [\"\xff\"]}", Platform::Custom).is_err());
        let many = format!("{{\"messages\": [], \"x\": [{}1]}}", "1,".repeat(size::MOST));
        assert_eq!(refused(&many), format!("body: {}", size::TOO_MANY));
    }

    #[test]
    fn what_a_platform_adds_for_itself_is_consumed() {
        let body = r#"{"messages": [], "call": {"id": "c1"}, "phoneNumber": {"twilioAuthToken": "x"},
            "customer": {"number": "+14155550123"}, "metadata": {"a": "b"}, "anything": "Jane"}"#;
        let vapi = parse(body, Platform::Vapi).expect("parsed");
        assert_eq!(vapi.call_id.as_deref(), Some("c1"));
        assert_eq!(vapi.body.keys().collect::<Vec<_>>(), ["messages"]);
        let custom = parse(body, Platform::Custom).expect("parsed");
        assert_eq!(custom.body.keys().collect::<Vec<_>>(), ["messages", "metadata", "anything"]);
    }

    #[test]
    fn the_name_of_a_call_is_a_string_or_refused() {
        for (body, refusal) in [
            (r#"{"messages": [], "call": {"id": 7}}"#, "call.id: must be a string"),
            (
                r#"{"messages": [], "elevenlabs_extra_body": {"session_id": ["x"]}}"#,
                "elevenlabs_extra_body.session_id: must be a string",
            ),
            (r#"{"messages": [], "call": {"id": null}}"#, ""),
            (r#"{"messages": [], "call": {}}"#, ""),
        ] {
            assert_eq!(refused(body), refusal);
        }
    }

    #[test]
    fn of_two_equal_keys_the_last_is_what_is_masked_and_sent() {
        let request = parse(r#"{"messages": [], "user": "Jane", "user": "Joe"}"#, Platform::Custom).expect("parsed");
        assert_eq!(request.to_bytes(), br#"{"messages":[],"user":"Joe"}"#);
    }

    #[test]
    fn half_of_a_character_is_sent_as_it_came() {
        let body = r#"{"messages":[{"role":"assistant","content":"cut short \ud83d"}]}"#;
        assert_eq!(parse(body, Platform::Custom).expect("parsed").to_bytes(), body.as_bytes());
    }

    #[test]
    fn numbers_are_sent_as_they_came() {
        let body = r#"{"messages":[],"seed":12345678901234567890123,"temperature":1.0}"#;
        assert_eq!(parse(body, Platform::Custom).expect("parsed").to_bytes(), body.as_bytes());
    }
}
