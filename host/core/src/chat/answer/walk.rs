//! The walk over an answer: finds its texts and their categories.

use serde_json::{Map, Value};

use super::field::{Item, Seg};
use super::{Fate, Leaf, Sort, Visit};

/// Constants of the protocol: not free text, so never examined and never changed.
const CLOSED: [&str; 6] = ["type", "role", "index", "format", "object", "finish_reason"];

/// Opaque provider state that is sent back with the next request, signed or encrypted.
const OPAQUE: [&str; 6] =
    ["signature", "thought_signature", "thoughtSignature", "encrypted_content", "obfuscation", "b64_json"];

/// Types whose `data` is such state, or audio.
const WITH_OPAQUE_DATA: [&str; 5] =
    ["audio", "reasoning_details", "thinking_blocks", "redacted_thinking", "input_audio"];

/// Metadata of a chunk or an answer.
const HEAD: [&str; 9] =
    ["id", "object", "created", "model", "system_fingerprint", "service_tier", "usage", "choices", "obfuscation"];

/// Texts that are never split, also in a stream.
const WHOLE: [&str; 6] =
    ["annotations", "metadata", "citations", "search_results", "images", "provider_specific_fields"];

/// Visits the fields next to the choices of an answer or a chunk.
pub fn visit_top(answer: &mut Map<String, Value>, visit: &mut Visit<'_>) {
    let mut walk = Walk { path: Vec::new(), whole: true, tool: None, visit };
    answer.retain(|key, value| HEAD.contains(&key.as_str()) || walk.below(key, value) == Fate::Keep);
}

/// Whether a chunk has content besides its choices.
pub fn says_more(chunk: &Map<String, Value>) -> bool {
    chunk.keys().any(|key| !HEAD.contains(&key.as_str()))
}

/// Visits the texts of one choice: in its `message` or `delta`, and next to it.
pub fn visit_choice(choice: &mut Map<String, Value>, visit: &mut Visit<'_>) {
    let mut walk = Walk { path: Vec::with_capacity(8), whole: false, tool: None, visit };
    choice.retain(|key, value| match (key.as_str(), value) {
        ("logprobs", _) => true,
        ("message" | "delta", Value::Object(message)) => {
            walk.at(key, |walk| walk.message(message));
            true
        }
        ("text", value) => walk.below(key, value) == Fate::Keep,
        (closed, _) if CLOSED.contains(&closed) => true,
        (_, value) => walk.wholly(|walk| walk.below(key, value)) == Fate::Keep,
    });
}

struct Walk<'w, 'v> {
    path: Vec<Seg>,
    whole: bool,
    tool: Option<String>,
    visit: &'w mut Visit<'v>,
}

impl Walk<'_, '_> {
    fn at<T>(&mut self, key: &str, walk: impl FnOnce(&mut Self) -> T) -> T {
        self.through(Seg::key(key), walk)
    }

    fn through<T>(&mut self, seg: Seg, walk: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(seg);
        let result = walk(self);
        self.path.pop();
        result
    }

    fn wholly<T>(&mut self, walk: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.whole, true);
        let result = walk(self);
        self.whole = before;
        result
    }

    fn leaf(&mut self, sort: Sort, value: &mut Value) -> Fate {
        let whole = self.whole || !matches!(sort, Sort::Speech | Sort::Arguments);
        (self.visit)(&Leaf { path: &self.path, sort, whole, tool: self.tool.as_deref() }, value)
    }

    fn message(&mut self, message: &mut Map<String, Value>) {
        message.retain(|key, value| {
            let fate = match (key.as_str(), value) {
                ("tool_calls", Value::Array(calls)) => self.at(key, |walk| walk.calls(calls)),
                ("function_call", Value::Object(call)) => self.at(key, |walk| walk.function(call)),
                (_, value) => self.below(key, value),
            };
            fate == Fate::Keep
        });
    }

    fn calls(&mut self, calls: &mut Vec<Value>) -> Fate {
        let mut at = 0;
        let before = calls.len();
        calls.retain_mut(|call| {
            let index = call.get("index").and_then(Value::as_u64).unwrap_or(at as u64);
            at += 1;
            let Value::Object(call) = call else { return true };
            let item = Item { index: Some(index), kind: None, at: 0 };
            self.through(Seg::Item(item), |walk| walk.call(call)) == Fate::Keep
        });
        if calls.is_empty() && before > 0 { Fate::Drop } else { Fate::Keep }
    }

    fn call(&mut self, call: &mut Map<String, Value>) -> Fate {
        let before = call.len();
        call.retain(|key, value| {
            let fate = match (key.as_str(), value) {
                ("function" | "custom", Value::Object(function)) => self.at(key, |walk| walk.function(function)),
                (_, value) => self.wholly(|walk| walk.below(key, value)),
            };
            fate == Fate::Keep
        });
        let says = |key: &String| !matches!(key.as_str(), "index" | "type");
        if call.len() < before && !call.keys().any(says) { Fate::Drop } else { Fate::Keep }
    }

    /// The function of a call, or the call of a custom tool.
    fn function(&mut self, function: &mut Map<String, Value>) -> Fate {
        self.tool = function.get("name").and_then(Value::as_str).map(str::to_owned);
        let before = function.len();
        function.retain(|key, value| {
            let fate = match (key.as_str(), value) {
                ("name", value @ Value::String(_)) => self.at(key, |walk| walk.leaf(Sort::Name, value)),
                ("arguments", value @ Value::String(_)) => self.at(key, |walk| walk.leaf(Sort::Arguments, value)),
                ("arguments", value) => self.at(key, |walk| walk.arguments(value)),
                (_, value) => self.below(key, value),
            };
            fate == Fate::Keep
        });
        self.tool = None;
        if function.is_empty() && before > 0 { Fate::Drop } else { Fate::Keep }
    }

    /// Arguments that are JSON rather than a string: their keys are not the protocol's.
    fn arguments(&mut self, value: &mut Value) -> Fate {
        match value {
            Value::String(_) => {
                self.leaf(Sort::Argument, value);
            }
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    self.through(Seg::Item(Item::place(at)), |walk| walk.arguments(item));
                }
            }
            Value::Object(map) => {
                for (key, mut value) in std::mem::take(map) {
                    let mut name = Value::String(key.clone());
                    self.at(&key, |walk| {
                        walk.leaf(Sort::ArgumentKey, &mut name);
                        walk.arguments(&mut value);
                    });
                    map.insert(name.as_str().unwrap_or(&key).to_owned(), value);
                }
            }
            _ => {}
        }
        Fate::Keep
    }

    /// The value of a key.
    fn below(&mut self, key: &str, value: &mut Value) -> Fate {
        if matches!(value, Value::Null | Value::Bool(_) | Value::Number(_))
            || CLOSED.contains(&key)
            || OPAQUE.contains(&key)
        {
            return Fate::Keep;
        }
        if key == "data" && self.path.iter().any(|seg| seg.is_one_of(&WITH_OPAQUE_DATA)) {
            return Fate::Keep;
        }
        let is_id = key == "id" || key.ends_with("_id");
        let mut below = |walk: &mut Self| walk.at(key, |walk| walk.value(value, is_id));
        if WHOLE.contains(&key) { self.wholly(below) } else { below(self) }
    }

    fn value(&mut self, value: &mut Value, is_id: bool) -> Fate {
        match value {
            Value::String(text) if is_inline_file(text) => Fate::Keep,
            Value::String(_) => self.leaf(if is_id { Sort::Label } else { Sort::Speech }, value),
            Value::Array(items) => {
                let (mut at, before) = (0, items.len());
                items.retain_mut(|item| {
                    let seg = Seg::Item(Item::of(item, at));
                    at += 1;
                    self.through(seg, |walk| walk.value(item, false)) == Fate::Keep
                });
                if items.is_empty() && before > 0 { Fate::Drop } else { Fate::Keep }
            }
            Value::Object(map) => {
                let before = map.len();
                map.retain(|key, value| self.below(key, value) == Fate::Keep);
                let says = |(key, value): (&String, &Value)| {
                    !value.is_null() && key != "id" && !CLOSED.contains(&key.as_str())
                };
                if map.len() < before && !map.iter().any(says) { Fate::Drop } else { Fate::Keep }
            }
            _ => Fate::Keep,
        }
    }
}

/// Whether a text is an inline image or file (a data URL).
fn is_inline_file(text: &str) -> bool {
    text.starts_with("data:") && text.as_bytes()[..text.len().min(256)].windows(8).any(|part| part == b";base64,")
}
