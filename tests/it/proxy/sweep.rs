//! Every position of a request times every form in which a value can be hidden there: no value gets through.
//!
//! The positions are not a list but all those of a full request. Each of its values is replaced by each shape, each of
//! its objects gets a member and each of its members another name. So a position added to the request below is swept
//! automatically.

use masker_tests::TestApp;
use masker_tests::fake_upstream::Reply;
use serde_json::{Value, json};

/// A request with every field that the protocol has, and some that only other servers know.
fn full_request() -> Value {
    json!({
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "system", "content": "Be kind.", "name": "desk"},
            {"role": "developer", "content": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]},
            {"role": "user", "name": "caller", "content": [
                {"type": "text", "text": "hello"},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_id": "file-1", "file_data": "JVBERi0="}},
            ], "words": [{"word": "hello", "start": 0.1}]},
            {"role": "assistant", "refusal": "no", "reasoning_content": "hm", "audio": {"id": "audio_1"}, "annotations": [],
                "content": [
                    {"type": "text", "text": "well"},
                    {"type": "refusal", "refusal": "no"},
                    {"type": "thinking", "thinking": "so", "signature": "EsaBCkgIARABGAIiQL=="},
                ],
                "reasoning_details": [{"type": "reasoning.text", "text": "hm", "format": "x-v1", "index": 0}],
                "tool_calls": [
                    {"id": "call_1", "type": "function", "index": 0, "function": {"name": "find", "arguments": "{\"a\": \"b\", \"n\": 1}"},
                        "extra_content": {"google": {"note": "x"}}},
                    {"id": "call_2", "type": "custom", "custom": {"name": "note", "input": "x"}},
                    {"id": "call_3", "type": "function", "function": {"name": "find", "arguments": {"a": ["b"]}}},
                ],
                "function_call": {"name": "find", "arguments": "{}"}},
            {"role": "tool", "tool_call_id": "call_1", "name": "find", "content": "{\"found\": [1, {\"who\": \"x\"}]}"},
            {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "Result: {\"a\": 1}"}]},
            {"role": "function", "name": "find", "content": "ok"},
        ],
        "tools": [
            {"type": "function", "function": {"name": "find", "description": "Finds.", "strict": true, "parameters": {
                "type": "object", "title": "T", "required": ["who"], "additionalProperties": false,
                "properties": {"who": {"type": "string", "description": "d", "pattern": "^x$", "format": "date",
                    "enum": ["a"], "const": "a", "default": {"k": "v"}, "examples": ["e"]},
                    "n": {"type": "integer", "enum": [1, 2], "default": 3}},
                "$defs": {"z": {"$ref": "#/$defs/z"}}, "anyOf": [{"description": "x"}], "x-extra": {"y": [1]}}}},
            {"type": "custom", "custom": {"name": "note", "description": "Notes.", "format": {"type": "grammar",
                "grammar": {"syntax": "lark", "definition": "start: /x/"}}}},
        ],
        "functions": [{"name": "find", "description": "Finds.", "parameters": {"type": "object", "properties": {"who": {}}}}],
        "tool_choice": {"type": "function", "function": {"name": "find"}},
        "function_call": {"name": "find"},
        "response_format": {"type": "json_schema", "json_schema": {"name": "Event", "description": "d", "strict": true,
            "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}},
        "prediction": {"type": "content", "content": [{"type": "text", "text": "x"}]},
        "stop": ["User:"], "user": "u", "safety_identifier": "s", "prompt_cache_key": "k", "metadata": {"a": "b"},
        "web_search_options": {"search_context_size": "low", "user_location": {"type": "approximate",
            "approximate": {"city": "Lowell", "region": "MA", "country": "US", "timezone": "America/New_York"}}},
        "modalities": ["text"], "audio": {"voice": "alloy", "format": "wav"}, "reasoning_effort": "low", "verbosity": "low",
        "service_tier": "auto", "prompt_cache_retention": "24h", "moderation": {"model": "x"}, "logit_bias": {"50256": -100},
        "stream_options": {"include_usage": true}, "seed": 7, "temperature": 0.5, "max_completion_tokens": 100, "n": 1,
        "logprobs": true, "top_logprobs": 2, "store": false, "parallel_tool_calls": true,
        "provider": {"order": ["DeepInfra"]}, "options": {"num_ctx": 8192}, "stop_token_ids": [151645], "route": "fallback",
        "reasoning": {"effort": "low"}, "thinking": {"type": "enabled", "budget_tokens": 1024},
    })
}

/// A position in a request.
#[derive(Clone, Debug)]
enum Spot {
    /// The value at this pointer.
    Value(String),
    /// One more member of the object at this pointer.
    Member(String),
    /// The name of this member of the object at this pointer.
    Key(String, String),
}

fn spots(value: &Value, at: &str, found: &mut Vec<Spot>) {
    if !at.is_empty() {
        found.push(Spot::Value(at.to_owned()));
    }
    match value {
        Value::Object(map) => {
            found.push(Spot::Member(at.to_owned()));
            for (key, value) in map {
                found.push(Spot::Key(at.to_owned(), key.clone()));
                spots(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| spots(item, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

fn planted(mut request: Value, spot: &Spot, shape: &Value) -> Value {
    match spot {
        Spot::Value(at) => *request.pointer_mut(at).expect("a place") = shape.clone(),
        Spot::Member(at) => request.pointer_mut(at).expect("a place")["x_added"] = shape.clone(),
        Spot::Key(at, key) => {
            let name = shape.as_str().map_or_else(|| shape.to_string(), str::to_owned);
            let object = request.pointer_mut(at).and_then(Value::as_object_mut).expect("an object");
            let value = object.remove(key).expect("a member");
            object.insert(name, value);
        }
    }
    request
}

/// A text with all encodings undone, layer by layer, until nothing changes.
fn undone(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..12 {
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(c) = rest.chars().next() {
            let decoded = ["\\u00", "&#x", "%"].into_iter().find_map(|mark| {
                let digits = rest.strip_prefix(mark)?.get(..2)?;
                let byte = u8::from_str_radix(digits, 16).ok().filter(u8::is_ascii)?;
                let end = mark.len() + 2 + usize::from(mark == "&#x");
                Some((char::from(byte), end))
            });
            let (c, len) = decoded.unwrap_or((c, c.len_utf8()));
            out.push(c);
            rest = rest.get(len..).unwrap_or_default();
        }
        out = out.replace("\\\\", "\\");
        if out == text {
            break;
        }
        text = out;
    }
    text
}

/// Sweeps a request with these shapes and looks for `value` in what the upstream received. Returns the leaks, and how
/// many requests were sent and refused.
async fn sweep(
    app: &TestApp,
    said: &str,
    shapes: &[Value],
    is_left: impl Fn(&str) -> bool,
) -> (Vec<String>, usize, usize) {
    app.upstream.respond_with(|_| Reply::text("ok"));
    let mut request = full_request();
    request["messages"].as_array_mut().expect("messages").push(json!({"role": "user", "content": said}));
    let mut found = Vec::new();
    spots(&full_request(), "", &mut found);
    let (mut left, mut sent, mut refused) = (Vec::new(), 0, 0);
    for spot in &found {
        for shape in shapes {
            app.upstream.clear();
            let answer = app.chat(planted(request.clone(), spot, shape)).await;
            match app.upstream.requests().first() {
                Some(received) => {
                    sent += 1;
                    if is_left(&undone(&String::from_utf8_lossy(&received.body))) {
                        left.push(format!("{spot:?} <- {shape}"));
                    }
                }
                None => {
                    assert_eq!(answer.status, 422, "{spot:?} <- {shape}: {}", answer.text());
                    refused += 1;
                }
            }
        }
    }
    (left, sent, refused)
}

#[tokio::test]
async fn no_value_gets_past_in_any_position_and_form() {
    let value = "E-12345";
    let shapes = [
        json!(value),
        json!(format!("it is {value}.")),
        json!({"deep": [value]}),
        json!([value, {value: 1}]),
        json!(json!({"a": value, value: 1}).to_string()),
        json!(json!({"a": json!({"b": json!([value]).to_string()}).to_string()}).to_string()),
        json!("Result: {\"a\": \"\\u0045-1\\u00323\\u00345\"} ok"),
        json!("{\"a\": \"Result: {\\\"b\\\": \\\"\\\\u0045-12345\\\"}\"}"),
        json!("id=E%2D12345&b=c"),
        json!("E&#x2d;12345"),
        json!(format!("data:text/plain,{value}")),
        json!({"type": "text", "text": "hello", "image_url": value, "x": {"type": value}}),
    ];
    for media in ["block", "pass"] {
        let app = TestApp::builder().staff_policy_with(&format!("media: {media}")).start().await;
        let (left, sent, refused) = sweep(&app, "hello", &shapes, |body| body.contains(value)).await;
        eprintln!("media: {media}: {sent} requests left, {refused} were refused, {} with a value in it", left.len());
        assert!(left.is_empty(), "{} of {sent}:\n{}", left.len(), left.join("\n"));
        assert!(sent > 2000, "the sweep is one: {sent}");
        app.finish().await;
    }
}

/// Numeric settings of the protocol: only in these positions is a number not protected data.
const SETTINGS: [&str; 2] = ["seed", "max_completion_tokens"];

fn is_setting(left: &str) -> bool {
    let is_number = left.rsplit_once(" <- ").is_some_and(|(_, shape)| !shape.starts_with(['{', '"']));
    is_number && SETTINGS.iter().any(|name| left.starts_with(&format!("Value(\"/{name}\")")))
}

#[tokio::test]
async fn no_number_that_was_said_gets_past_in_any_position_and_form() {
    let app = TestApp::healthcare().await;
    let shapes: Vec<Value> =
        ["3125550147", "-3125550147", "3125550147.0", "3.125550147e9", "{\"n\": [3125550147]}", "\"3125550147\""]
            .into_iter()
            .map(|shape| serde_json::from_str(shape).expect("JSON"))
            .collect();
    let said = "my number is 312-555-0147";
    let (mut left, sent, refused) =
        sweep(&app, said, &shapes, |body| body.contains("3125550147") || body.contains("3.125550147e9")).await;
    left.retain(|left| !is_setting(left));
    eprintln!("{sent} requests left, {refused} were refused, {} with a number in it", left.len());
    assert!(left.is_empty(), "{} of {sent}:\n{}", left.len(), left.join("\n"));
    app.finish().await;
}
