//! OpenAI's chat formats, as small as clients accept them.

use serde_json::{Value, json};

const ID: &str = "chatcmpl-fake0001";
const CREATED: u64 = 1_777_000_000;
const MODEL: &str = "gpt-4o-mini-2024-07-18";

/// A whole completion with the content `text`.
pub fn completion(text: &str) -> Value {
    let message = json!({"role": "assistant", "content": text, "refusal": null});
    completion_of(message, "stop")
}

/// A whole completion that calls one tool; `arguments` is the JSON text.
pub fn tool_call_completion(id: &str, name: &str, arguments: &str) -> Value {
    let call = json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
    let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    completion_of(message, "tool_calls")
}

/// A whole completion with any message.
pub fn completion_of(message: Value, finish_reason: &str) -> Value {
    json!({
        "id": ID, "object": "chat.completion", "created": CREATED, "model": MODEL,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason}],
        "usage": usage(), "service_tier": "default", "system_fingerprint": "fp_fake",
    })
}

/// A chunk with any delta for choice 0.
pub fn chunk(delta: Value) -> Value {
    chunk_of(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": null}]))
}

/// A chunk with any choices.
pub fn chunk_of(choices: Value) -> Value {
    json!({
        "id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": MODEL,
        "service_tier": "default", "system_fingerprint": "fp_fake", "choices": choices,
    })
}

/// The first chunk of a stream, which has a role and no text.
pub fn role_chunk() -> Value {
    chunk(json!({"role": "assistant", "content": "", "refusal": null}))
}

/// A chunk with a piece of text.
pub fn text_chunk(text: &str) -> Value {
    chunk(json!({"content": text}))
}

/// The chunk that opens tool call `index`: the only one with id and name.
pub fn tool_start_chunk(index: usize, id: &str, name: &str) -> Value {
    let function = json!({"name": name, "arguments": ""});
    chunk(json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": function}]}))
}

/// A chunk with a piece of the arguments of tool call `index`.
pub fn tool_arguments_chunk(index: usize, piece: &str) -> Value {
    chunk(json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))
}

/// The chunk that ends choice 0.
pub fn finish_chunk(reason: &str) -> Value {
    chunk_of(json!([{"index": 0, "delta": {}, "logprobs": null, "finish_reason": reason}]))
}

/// The chunk for `stream_options.include_usage`: usage and no choices.
pub fn usage_chunk() -> Value {
    let mut chunk = chunk_of(json!([]));
    chunk["usage"] = usage();
    chunk
}

/// The events of a stream with the content `text`, `piece` characters per chunk, without `[DONE]`.
pub fn text_events(text: &str, piece: usize) -> Vec<Value> {
    let pieces = pieces(text, piece);
    let mut events = vec![role_chunk()];
    events.extend(pieces.iter().map(|piece| text_chunk(piece)));
    events.push(finish_chunk("stop"));
    events
}

/// The events of a stream that calls one tool, without `[DONE]`.
pub fn tool_call_events(id: &str, name: &str, arguments: &str, piece: usize) -> Vec<Value> {
    let pieces = pieces(arguments, piece);
    let mut events = vec![role_chunk(), tool_start_chunk(0, id, name)];
    events.extend(pieces.iter().map(|piece| tool_arguments_chunk(0, piece)));
    events.push(finish_chunk("tool_calls"));
    events
}

/// An error body.
pub fn error(kind: &str, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": null}})
}

/// The list of models, with the one that answers here.
pub fn models() -> Value {
    json!({"object": "list", "data": [
        {"id": "gpt-4o-mini", "object": "model", "created": CREATED, "owned_by": "fake-upstream"},
    ]})
}

fn usage() -> Value {
    json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120})
}

fn pieces(text: &str, size: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let pieces = characters.chunks(size.max(1));
    pieces.map(|piece| piece.iter().collect()).collect()
}
