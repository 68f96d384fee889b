//! Vapi's server messages: parses webhook bodies and builds the assistant to return. Pure code, no I/O.
//!
//! Vapi wraps every message in `message`; our own docs page documents the flat form, and some hand-written senders
//! use it. Only `assistant-request` has an answer with content.

use serde_json::{Map, Value};

use crate::sensitive::SensitiveText;

/// Call ids are kept in memory: longer ones are rejected.
const LONGEST_CALL_ID: usize = 256;
/// Longer texts are not phone numbers.
const LONGEST_NUMBER: usize = 128;

/// A message from the platform.
pub enum Message {
    /// Requests the configuration of a call.
    AssistantRequest(IncomingCall),
    /// Any other message, wrapped in `message`: Vapi posts all its messages to one URL.
    OtherNested,
    /// Any other message, flat.
    OtherFlat,
}

/// An incoming call.
#[derive(Default)]
pub struct IncomingCall {
    /// The platform's id of the call.
    pub id: Option<String>,
    /// The platform's id of the assistant, if there is one.
    pub assistant_id: Option<String>,
    /// The caller's number.
    pub caller: Option<SensitiveText>,
}

/// The body is not a server message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadMessage {
    /// Not JSON.
    #[error("must be JSON")]
    NotJson,
    /// Not an object.
    #[error("must be a JSON object")]
    NotAnObject,
    /// `type` or `message.type` is missing.
    #[error("must be a string that names the event")]
    NoType,
}

/// Parses a message in either form.
pub fn read(body: &[u8]) -> Result<Message, BadMessage> {
    let body: Value = serde_json::from_slice(body).map_err(|_| BadMessage::NotJson)?;
    let body = body.as_object().ok_or(BadMessage::NotAnObject)?;
    let nested = body.get("message").and_then(Value::as_object);
    let message = nested.unwrap_or(body);
    let kind = message.get("type").and_then(Value::as_str).ok_or(BadMessage::NoType)?;
    Ok(match (kind, nested) {
        ("assistant-request", _) => Message::AssistantRequest(incoming(message)),
        (_, Some(_)) => Message::OtherNested,
        (_, None) => Message::OtherFlat,
    })
}

fn incoming(message: &Map<String, Value>) -> IncomingCall {
    let text = |paths: &[&[&str]], longest: usize| {
        let texts = paths.iter().filter_map(|path| at(message, path)?.as_str());
        texts.into_iter().find(|text| !text.is_empty() && text.len() <= longest).map(str::to_owned)
    };
    IncomingCall {
        id: text(&[&["call", "id"]], LONGEST_CALL_ID),
        assistant_id: text(&[&["call", "assistantId"], &["assistant", "id"]], LONGEST_CALL_ID),
        caller: text(&[&["call", "customer", "number"], &["customer", "number"]], LONGEST_NUMBER).map(Into::into),
    }
}

fn at<'a>(object: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(object.get(*first)?, |value, key| value.get(*key))
}

/// Points an assistant at the proxy and replaces its model settings, so that the whole call goes through Masker.
pub fn through_proxy(mut assistant: Map<String, Value>, proxy_url: &str, model: &str) -> Map<String, Value> {
    let own = assistant.get_mut("model").and_then(Value::as_object_mut).map(std::mem::take).unwrap_or_default();
    let mut through = own;
    through.insert("provider".into(), "custom-llm".into());
    through.insert("url".into(), proxy_url.into());
    // The proxy refuses any model other than the agent's.
    through.insert("model".into(), model.into());
    assistant.insert("model".into(), through.into());
    assistant
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(body: Value) -> IncomingCall {
        match read(body.to_string().as_bytes()) {
            Ok(Message::AssistantRequest(call)) => call,
            _ => panic!("not taken for an assistant-request: {body}"),
        }
    }

    #[test]
    fn both_forms_are_read() {
        let fields = json!({"type": "assistant-request", "call": {"id": "c1", "assistantId": "a1", "customer": {"number": "+14155550100"}}});
        for body in [fields.clone(), json!({"message": fields})] {
            let call = call(body);
            assert_eq!((call.id.as_deref(), call.assistant_id.as_deref()), (Some("c1"), Some("a1")));
            assert_eq!(call.caller.expect("a number").expose(), "+14155550100");
        }
        let beside =
            json!({"message": {"type": "assistant-request", "customer": {"number": "+1"}, "assistant": {"id": "a2"}}});
        let call = call(beside);
        assert_eq!((call.id, call.assistant_id.as_deref(), call.caller.is_some()), (None, Some("a2"), true));
    }

    #[test]
    fn what_is_too_long_or_of_another_type_is_left_out() {
        let call =
            call(json!({"type": "assistant-request", "call": {"id": "x".repeat(257), "customer": {"number": 7}}}));
        assert!(call.id.is_none() && call.caller.is_none());
        assert!(read(br#"{"type": "assistant-request", "call": []}"#).is_ok());
    }

    #[test]
    fn other_messages_are_told_apart_by_their_form() {
        assert!(matches!(read(br#"{"message": {"type": "hang"}}"#), Ok(Message::OtherNested)));
        assert!(matches!(read(br#"{"type": "hang", "message": "x"}"#), Ok(Message::OtherFlat)));
        for (body, error) in [
            (&b"{"[..], BadMessage::NotJson),
            (b"[]", BadMessage::NotAnObject),
            (b"{}", BadMessage::NoType),
            (br#"{"type": 1}"#, BadMessage::NoType),
            (br#"{"message": {}}"#, BadMessage::NoType),
        ] {
            assert_eq!(read(body).err(), Some(error));
        }
    }

    #[test]
    fn an_assistant_keeps_all_but_where_its_model_is() {
        let assistant = json!({"firstMessage": "hi", "model": {"provider": "openai", "model": "gpt-9", "temperature": 0, "messages": []}});
        let Value::Object(assistant) = assistant else { unreachable!() };
        assert_eq!(
            Value::from(through_proxy(assistant, "https://m/proxy/a/v1/chat/completions", "gpt-4o")),
            json!({"firstMessage": "hi", "model": {"provider": "custom-llm", "model": "gpt-4o", "temperature": 0, "messages": [],
                "url": "https://m/proxy/a/v1/chat/completions"}})
        );
        let minimal = through_proxy(Map::new(), "u", "m");
        assert_eq!(Value::from(minimal), json!({"model": {"provider": "custom-llm", "url": "u", "model": "m"}}));
    }
}
