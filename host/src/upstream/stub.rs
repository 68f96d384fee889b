//! The built-in upstream: it echoes its input, which shows the masking without an account at a provider. It is
//! deterministic: the same request returns the same bytes.
//!
//! It replies to the last user message with two lines. The first repeats the text, so the caller receives it with the
//! original values. The second shows what arrived here, with each token replaced by its kind, such as `<NAME>`.
//!
//! If the request offers tools and the last user message contains the name of one (or `tool_choice` forces one), it
//! calls that tool with the text in every string argument. It replies to a tool result with the result.

use bytes::Bytes;
use futures_util::StreamExt;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::{UpstreamRequest, UpstreamResponse};
use crate::tokens::scan::{FinishReason, ScanMode, Scanned, Scanner};

/// Characters per chunk of a stream: few, so that tokens are split.
const CHUNK_CHARS: usize = 7;

/// Responds to a request.
pub fn answer(request: &UpstreamRequest) -> UpstreamResponse {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let reply = Reply::to(&body);
    let model = body.get("model").and_then(Value::as_str).unwrap_or("stub").to_owned();
    let (content_type, pieces) = if request.stream {
        let usage = body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
        ("text/event-stream", reply.chunks(&model, usage))
    } else {
        ("application/json", vec![Bytes::from(reply.whole(&model).to_string())])
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let body = futures_util::stream::iter(pieces.into_iter().map(Ok)).boxed();
    UpstreamResponse { status: StatusCode::OK, headers, body }
}

enum Reply {
    Text(String),
    Call { name: String, arguments: String },
}

impl Reply {
    fn to(body: &Value) -> Self {
        let messages = body.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let last = messages.last().map(text_of).unwrap_or_default();
        let role = messages.last().and_then(|message| message.get("role")).and_then(Value::as_str);
        if role == Some("tool") {
            return Reply::Text(format!("The tool said: {last}"));
        }
        match wanted_tool(body, &last) {
            Some(tool) => Reply::Call {
                name: tool.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
                arguments: arguments(tool, &last).to_string(),
            },
            None => Reply::Text(format!("You said: {last}\nWhat reached me: {}", as_it_arrived(&last))),
        }
    }

    fn finish_reason(&self) -> &'static str {
        match self {
            Reply::Text(_) => "stop",
            Reply::Call { .. } => "tool_calls",
        }
    }

    fn whole(&self, model: &str) -> Value {
        let message = match self {
            Reply::Text(text) => json!({"role": "assistant", "content": text, "refusal": null}),
            Reply::Call { name, arguments } => json!({"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_stub", "type": "function", "function": {"name": name, "arguments": arguments}}]}),
        };
        json!({
            "id": "chatcmpl-stub", "object": "chat.completion", "created": 0, "model": model,
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": self.finish_reason()}],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        })
    }

    fn chunks(&self, model: &str, usage: bool) -> Vec<Bytes> {
        let mut deltas = Vec::new();
        match self {
            Reply::Text(text) => {
                deltas.push(json!({"role": "assistant", "content": ""}));
                deltas.extend(cut(text).map(|piece| json!({"content": piece})));
            }
            Reply::Call { name, arguments } => {
                deltas
                    .push(json!({"role": "assistant", "content": null, "tool_calls": [{"index": 0, "id": "call_stub",
                    "type": "function", "function": {"name": name, "arguments": ""}}]}));
                deltas.extend(
                    cut(arguments).map(|piece| json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})),
                );
            }
        }
        let chunk = |choices: Value| json!({"id": "chatcmpl-stub", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": choices});
        let mut chunks: Vec<Value> = deltas
            .into_iter()
            .map(|delta| chunk(json!([{"index": 0, "delta": delta, "finish_reason": null}])))
            .collect();
        chunks.push(chunk(json!([{"index": 0, "delta": {}, "finish_reason": self.finish_reason()}])));
        if usage {
            let mut last = chunk(json!([]));
            last["usage"] = json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0});
            chunks.push(last);
        }
        let mut events: Vec<Bytes> = chunks.iter().map(|chunk| Bytes::from(format!("data: {chunk}\n\n"))).collect();
        events.push(Bytes::from_static(b"data: [DONE]\n\n"));
        events
    }
}

fn text_of(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text")?.as_str()).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

/// Replaces each token in a text with `<KIND>`, so that no token is left to restore.
fn as_it_arrived(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut scanner = Scanner::new(ScanMode { json: false, compact: true });
    let mut pieces = scanner.push(text);
    pieces.extend(scanner.finish(FinishReason::Stop));
    for piece in pieces {
        match piece {
            Scanned::Text(text) => out.push_str(&text),
            Scanned::Token(token) => out.push_str(&format!("<{}>{}", token.kind(), token.tail)),
            Scanned::Fragment { .. } => out.push_str("<?>"),
            Scanned::Dropped { .. } => {}
        }
    }
    out
}

fn wanted_tool<'b>(body: &'b Value, text: &str) -> Option<&'b Map<String, Value>> {
    let functions = body.get("tools")?.as_array()?.iter().filter_map(|tool| tool.get("function")?.as_object());
    let forced = body.pointer("/tool_choice/function/name").and_then(Value::as_str);
    functions.into_iter().find(|function| {
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default();
        !name.is_empty() && (forced == Some(name) || (forced.is_none() && text.contains(name)))
    })
}

fn arguments(tool: &Map<String, Value>, text: &str) -> Value {
    let properties = tool.get("parameters").and_then(|schema| schema.get("properties")).and_then(Value::as_object);
    let named = properties.into_iter().flatten().map(|(name, schema)| {
        let value = match schema.get("type").and_then(Value::as_str) {
            Some("number" | "integer") => json!(1),
            Some("boolean") => json!(true),
            _ => json!(text),
        };
        (name.clone(), value)
    });
    Value::Object(named.collect())
}

fn cut(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut characters = text.chars().peekable();
    std::iter::from_fn(move || {
        characters.peek()?;
        Some(characters.by_ref().take(CHUNK_CHARS).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "MSKV1.NAME.K_HEALTHCARE.AAAQEAYEAUDAOCAJBIFQYDIOB4";

    async fn reply(body: Value, stream: bool) -> String {
        let body = Bytes::from(body.to_string());
        let answer = answer(&UpstreamRequest { body, stream, authorization: None, headers: HeaderMap::new() });
        let pieces: Vec<_> = answer.body.map(|piece| piece.expect("no faults")).collect().await;
        String::from_utf8(pieces.concat()).expect("UTF-8")
    }

    #[tokio::test]
    async fn echoes_and_shows_what_arrived() {
        let body = json!({"messages": [{"role": "user", "content": format!("I am {TOKEN}.")}]});
        let text = reply(body, false).await;
        assert!(text.contains(&format!("You said: I am {TOKEN}.")));
        assert!(text.contains("What reached me: I am <NAME>."), "{text}");
    }

    #[tokio::test]
    async fn calls_the_tool_that_is_named() {
        let tools = json!([{"type": "function", "function": {"name": "find", "parameters":
            {"type": "object", "properties": {"who": {"type": "string"}}}}}]);
        let body = json!({"messages": [{"role": "user", "content": "find Bo"}], "tools": tools});
        let text = reply(body.clone(), false).await;
        assert!(text.contains(r#""arguments":"{\"who\":\"find Bo\"}""#), "{text}");
        let stream = reply(body, true).await;
        assert!(stream.ends_with("data: [DONE]\n\n"));
        assert!(stream.contains(r#""finish_reason":"tool_calls""#));
    }
}
