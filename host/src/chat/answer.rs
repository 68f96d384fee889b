//! What comes back: whole answers and the chunks of a stream, and the texts in them in which a token may stand.

use serde_json::{Map, Value, json};

/// A text of an answer that tokens are looked for in. In a stream, the same field over all chunks is one text.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Field {
    /// A text of the message itself: `content`, `refusal`, `reasoning_content`, ...
    Text(String),
    /// Arguments of the tool call with this index: JSON.
    ToolArguments(u64),
    /// Input of the custom tool call with this index.
    ToolInput(u64),
    /// Arguments of the old single function call: JSON.
    FunctionArguments,
    /// What a spoken answer says.
    AudioTranscript,
}

impl Field {
    /// What is said.
    pub fn content() -> Self {
        Field::Text("content".into())
    }

    /// Whether it is JSON in a string, in which an original must be escaped.
    pub fn is_json(&self) -> bool {
        matches!(self, Field::ToolArguments(_) | Field::FunctionArguments)
    }

    /// A delta that holds only this field.
    fn delta(&self, text: &str) -> Value {
        match self {
            Field::Text(key) => json!({ key: text }),
            Field::ToolArguments(index) => json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]}),
            Field::ToolInput(index) => json!({"tool_calls": [{"index": index, "custom": {"input": text}}]}),
            Field::FunctionArguments => json!({"function_call": {"arguments": text}}),
            Field::AudioTranscript => json!({"audio": {"transcript": text}}),
        }
    }
}

/// Visits the texts of one `message` or `delta`.
pub fn visit_message(message: &mut Map<String, Value>, visit: &mut dyn FnMut(Field, &mut Value)) {
    for (key, value) in message.iter_mut() {
        match (key.as_str(), value) {
            ("role" | "tool_call_id", _) => {}
            ("tool_calls", Value::Array(calls)) => {
                for (position, call) in calls.iter_mut().enumerate() {
                    let index = call.get("index").and_then(Value::as_u64).unwrap_or(position as u64);
                    visit_at(call, "function", "arguments", Field::ToolArguments(index), visit);
                    visit_at(call, "custom", "input", Field::ToolInput(index), visit);
                }
            }
            ("function_call", value) => {
                if let Some(arguments @ Value::String(_)) = value.get_mut("arguments") {
                    visit(Field::FunctionArguments, arguments);
                }
            }
            ("audio", value) => {
                if let Some(transcript @ Value::String(_)) = value.get_mut("transcript") {
                    visit(Field::AudioTranscript, transcript);
                }
            }
            (_, value @ Value::String(_)) => visit(Field::Text(key.clone()), value),
            // Annotations and whatever else a provider adds: each of its strings is whole.
            (_, value) => visit_strings(value, &mut |value| visit(Field::Text(key.clone()), value)),
        }
    }
}

fn visit_at(call: &mut Value, object: &str, key: &str, field: Field, visit: &mut dyn FnMut(Field, &mut Value)) {
    if let Some(text @ Value::String(_)) = call.get_mut(object).and_then(|object| object.get_mut(key)) {
        visit(field, text);
    }
}

/// Visits every string below a value.
pub fn visit_strings(value: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    match value {
        Value::String(_) => visit(value),
        Value::Array(items) => items.iter_mut().for_each(|item| visit_strings(item, visit)),
        Value::Object(map) => map.values_mut().for_each(|item| visit_strings(item, visit)),
        _ => {}
    }
}

/// Whether a field of `message` or `delta` must not be looked at as one text over a stream: it is whole in itself.
pub fn is_whole(field: &str) -> bool {
    matches!(field, "annotations" | "metadata")
}

/// A finish reason that says that the model was cut short.
pub fn is_cut_short(finish_reason: &str) -> bool {
    finish_reason == "length"
}

/// What all chunks of a stream share: enough to make one of our own.
#[derive(Clone, Default)]
pub struct ChunkHead {
    id: Option<Value>,
    created: Option<Value>,
    model: Option<Value>,
    system_fingerprint: Option<Value>,
    service_tier: Option<Value>,
}

impl ChunkHead {
    /// Whether a chunk was read.
    pub fn is_known(&self) -> bool {
        self.id.is_some()
    }

    /// Remembers what a chunk says of itself.
    pub fn read(&mut self, chunk: &Map<String, Value>) {
        if self.id.is_some() {
            return;
        }
        let field = |name: &str| chunk.get(name).cloned();
        *self = Self {
            id: field("id"),
            created: field("created"),
            model: field("model"),
            system_fingerprint: field("system_fingerprint"),
            service_tier: field("service_tier"),
        };
    }

    /// A chunk for one choice and one field.
    pub fn chunk(&self, choice: u64, field: &Field, text: &str) -> Value {
        self.with_choice(json!({"index": choice, "delta": field.delta(text), "finish_reason": null}))
    }

    /// A chunk that only finishes a choice.
    pub fn finish(&self, choice: u64) -> Value {
        self.with_choice(json!({"index": choice, "delta": {}, "finish_reason": "stop"}))
    }

    fn with_choice(&self, choice: Value) -> Value {
        let mut chunk = Map::new();
        chunk.insert("id".into(), self.id.clone().unwrap_or_else(|| json!("chatcmpl-masker")));
        chunk.insert("object".into(), json!("chat.completion.chunk"));
        chunk.insert("created".into(), self.created.clone().unwrap_or_else(|| json!(0)));
        chunk.insert("model".into(), self.model.clone().unwrap_or_else(|| json!("")));
        for (name, value) in [("system_fingerprint", &self.system_fingerprint), ("service_tier", &self.service_tier)] {
            if let Some(value) = value {
                chunk.insert(name.into(), value.clone());
            }
        }
        chunk.insert("choices".into(), Value::Array(vec![choice]));
        Value::Object(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_visited(message: Value, expected: &[(Field, &str)]) {
        let Value::Object(mut message) = message else { panic!("a message is an object") };
        let before = message.clone();
        let mut seen = Vec::new();
        visit_message(&mut message, &mut |field, value| {
            seen.push((field, value.as_str().expect("only strings are visited").to_owned()));
        });
        let expected: Vec<_> = expected.iter().map(|(field, text)| (field.clone(), (*text).to_owned())).collect();
        assert_eq!(seen, expected);
        assert_eq!(message, before);
    }

    fn text(key: &str) -> Field {
        Field::Text(key.into())
    }

    #[test]
    fn every_text_of_a_message_is_visited_under_its_own_name() {
        check_visited(
            json!({"role": "assistant", "content": "a", "refusal": "b", "reasoning_content": "c", "audio": {"id": "x",
                "data": "AAAA", "transcript": "d"}, "function_call": {"name": "f", "arguments": "e"}, "n": null}),
            &[
                (text("content"), "a"),
                (text("refusal"), "b"),
                (text("reasoning_content"), "c"),
                (Field::AudioTranscript, "d"),
                (Field::FunctionArguments, "e"),
            ],
        );
    }

    #[test]
    fn a_tool_call_is_known_by_its_index_and_else_by_its_position() {
        check_visited(
            json!({"tool_calls": [
                {"index": 7, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "a"}},
                {"type": "custom", "custom": {"name": "g", "input": "b"}},
            ]}),
            &[(Field::ToolArguments(7), "a"), (Field::ToolInput(1), "b")],
        );
    }

    #[test]
    fn what_a_provider_adds_is_visited_string_by_string() {
        check_visited(
            json!({"annotations": [{"url_citation": {"title": "a", "start_index": 1}}, "b"]}),
            &[(text("annotations"), "a"), (text("annotations"), "b")],
        );
        assert!(is_whole("annotations") && !is_whole("content"));
    }

    #[test]
    fn only_arguments_are_json() {
        for (field, json) in [
            (Field::ToolArguments(0), true),
            (Field::FunctionArguments, true),
            (Field::ToolInput(0), false),
            (text("content"), false),
            (Field::AudioTranscript, false),
        ] {
            assert_eq!(field.is_json(), json, "{field:?}");
        }
    }

    #[test]
    fn a_chunk_of_our_own_holds_the_field_it_is_for_and_looks_like_its_neighbours() {
        let mut head = ChunkHead::default();
        for chunk in [json!({"id": "c1", "created": 5, "model": "m", "service_tier": "auto"}), json!({"id": "c2"})] {
            head.read(chunk.as_object().expect("an object"));
        }
        for field in [
            text("content"),
            text("refusal"),
            Field::ToolArguments(2),
            Field::ToolInput(3),
            Field::FunctionArguments,
            Field::AudioTranscript,
        ] {
            let chunk = head.chunk(1, &field, "Jane");
            assert_eq!((&chunk["id"], &chunk["created"], &chunk["model"]), (&json!("c1"), &json!(5), &json!("m")));
            assert_eq!((&chunk["service_tier"], chunk.get("system_fingerprint")), (&json!("auto"), None));
            assert_eq!((&chunk["object"], &chunk["choices"][0]["index"]), (&json!("chat.completion.chunk"), &json!(1)));
            check_visited(chunk["choices"][0]["delta"].clone(), &[(field, "Jane")]);
        }
        assert_eq!(head.finish(4)["choices"], json!([{"index": 4, "delta": {}, "finish_reason": "stop"}]));
    }
}
