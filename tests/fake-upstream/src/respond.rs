//! Ready-made responders: answers that depend on the request.

use serde_json::{Map, Value};

use crate::{Recorded, Reply, Script, openai};

/// Characters per streamed chunk: fewer than in any of Masker's tokens, so that every token is split.
const PIECE: usize = 5;

/// Repeats the last message, or passes it to a tool, streamed or whole, as requested.
///
/// * `GET .../models` lists one model.
/// * When the request offers tools and does not end with a tool's result, it calls the first tool, with the text
///   of the last message in every declared parameter.
/// * Otherwise it answers `You said: ` and the text of the last message.
pub fn echo(request: &Recorded) -> Reply {
    if request.method == "GET" && request.path.ends_with("/models") {
        return Reply::json(&openai::models());
    }
    let body = request.json();
    let Some(last) = body["messages"].as_array().and_then(|all| all.last()) else {
        return Reply::error(400, "invalid_request_error", "there are no messages");
    };
    let text = content_text(&last["content"]);
    let tool = body["tools"].get(0).map(|tool| &tool["function"]);
    match tool.filter(|_| last["role"] != "tool") {
        Some(tool) => call_tool(&body, tool, &text),
        None => say(&body, &format!("You said: {text}")),
    }
}

/// The text of a message's content, a string or a list of parts.
pub fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

fn say(body: &Value, text: &str) -> Reply {
    if streams(body) { stream(body, openai::text_events(text, PIECE)) } else { Reply::text(text) }
}

fn call_tool(body: &Value, tool: &Value, text: &str) -> Reply {
    let declared = tool["parameters"]["properties"].as_object();
    let names = declared.into_iter().flat_map(Map::keys);
    let arguments: Map<String, Value> = names.map(|name| (name.clone(), text.into())).collect();
    let arguments = Value::Object(arguments).to_string();
    let name = tool["name"].as_str().unwrap_or("unnamed");
    if streams(body) {
        let events = openai::tool_call_events("call_fake0001", name, &arguments, PIECE);
        stream(body, events)
    } else {
        let answer = openai::tool_call_completion("call_fake0001", name, &arguments);
        Reply::json(&answer)
    }
}

fn stream(body: &Value, mut events: Vec<Value>) -> Reply {
    if body["stream_options"]["include_usage"] == true {
        events.push(openai::usage_chunk());
    }
    Reply::stream(Script::new().events(&events).done())
}

fn streams(body: &Value) -> bool {
    body["stream"] == true
}
