//! Errors in OpenAI's shape: `{"error": {"message", "type", "param", "code", "request_id"}}`.

use serde_json::{Map, Value, json};

/// An error body.
pub fn body(message: &str, kind: &str, param: Option<&str>, code: &str, request_id: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": param, "code": code, "request_id": request_id}})
}

/// What is kept of an upstream's error body. The message may quote the request; it is to be scrubbed by the caller.
pub struct UpstreamError {
    /// The provider's words, in which tokens may stand.
    pub message: String,
    kind: Value,
    param: Value,
    code: Value,
}

impl UpstreamError {
    /// Reads an error body; `None` when it is none of OpenAI's shape.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let error = match value.get("error")? {
            // Some compatible servers answer `{"error": "words"}`.
            Value::String(message) => {
                let mut map = Map::new();
                map.insert("message".into(), Value::String(message.clone()));
                map
            }
            Value::Object(map) => map.clone(),
            _ => return None,
        };
        let field = |name: &str| error.get(name).cloned().unwrap_or(Value::Null);
        Some(Self {
            message: error.get("message").and_then(Value::as_str).unwrap_or("the provider gave no message").to_owned(),
            kind: field("type"),
            param: field("param"),
            code: field("code"),
        })
    }

    /// The body to send, with the message put in its scrubbed form. Other fields are kept where they are short words.
    pub fn into_body(self, scrubbed: &str, request_id: &str) -> Value {
        let word = |value: Value| match value {
            Value::String(text) if text.len() <= 128 && !text.contains(' ') && !text.contains("MSK") => {
                Value::String(text)
            }
            Value::Number(number) => Value::Number(number),
            _ => Value::Null,
        };
        json!({"error": {
            "message": scrubbed,
            "type": word(self.kind),
            "param": word(self.param),
            "code": word(self.code),
            "request_id": request_id,
        }})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms_of_an_error_body() {
        let long = br#"{"error": {"message": "too long", "type": "invalid_request_error", "param": "messages", "code": null}}"#;
        let error = UpstreamError::parse(long).expect("an error");
        assert_eq!(error.message, "too long");
        let body = error.into_body("scrubbed", "req_1");
        assert_eq!(body["error"]["type"], "invalid_request_error");
        assert_eq!(body["error"]["message"], "scrubbed");
        assert_eq!(UpstreamError::parse(br#"{"error": "words"}"#).expect("an error").message, "words");
        assert!(UpstreamError::parse(b"<html>").is_none());
        assert!(UpstreamError::parse(b"{}").is_none());
    }
}
