//! What comes back: whole answers and the chunks of a stream, and the texts in them in which a token may stand.
//!
//! There is one walk for both, and one table of what it meets: closed words that are never looked at, state of a provider
//! that goes on byte for byte, and texts. A text is known by its [`Field`], the way to it, which is the same over all
//! chunks of a stream.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::json_cursor::Step;

/// Words of the protocol. Nobody's text, so never looked at and never changed.
const CLOSED: [&str; 6] = ["type", "role", "index", "format", "object", "finish_reason"];

/// State of a provider that comes back to it with the next request, signed or encrypted.
const OPAQUE: [&str; 6] =
    ["signature", "thought_signature", "thoughtSignature", "encrypted_content", "obfuscation", "b64_json"];

/// Whose `data` is such state, or a sound.
const WITH_OPAQUE_DATA: [&str; 5] =
    ["audio", "reasoning_details", "thinking_blocks", "redacted_thinking", "input_audio"];

/// What a chunk or an answer says of itself.
const HEAD: [&str; 9] =
    ["id", "object", "created", "model", "system_fingerprint", "service_tier", "usage", "choices", "obfuscation"];

/// What comes in one piece, also in a stream.
const WHOLE: [&str; 6] =
    ["annotations", "metadata", "citations", "search_results", "images", "provider_specific_fields"];

/// Keys that most texts stand under.
const USUAL: [&str; 10] = [
    "delta",
    "message",
    "content",
    "tool_calls",
    "function",
    "arguments",
    "text",
    "thinking",
    "reasoning_content",
    "refusal",
];

/// A step of the way to a text.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Seg {
    Key(Cow<'static, str>),
    Item(Item),
}

/// An item of a list: known by its index, by its type, or else by its place.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Item {
    index: Option<u64>,
    kind: Option<String>,
    at: usize,
}

impl Item {
    fn of(item: &Value, at: usize) -> Self {
        let index = item.get("index").and_then(Value::as_u64);
        let kind = item.get("type").and_then(Value::as_str).map(str::to_owned);
        let at = if index.is_none() && kind.is_none() { at } else { 0 };
        Self { index, kind, at }
    }

    fn place(at: usize) -> Self {
        Self { index: None, kind: None, at }
    }

    /// Whether both can be pieces of one: later pieces often leave the type away.
    fn may_be(&self, other: &Self) -> bool {
        self == other
            || self.index.is_some() && self.index == other.index && (self.kind.is_none() || other.kind.is_none())
    }
}

/// The way from a choice to a text of it. In a stream, the same field over all chunks is one text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field(Vec<Seg>);

impl Field {
    /// What is said.
    pub fn content() -> Self {
        Self(vec![Seg::Key("delta".into()), Seg::Key("content".into())])
    }

    /// Whether it is what is said, as one text.
    pub fn is_content(&self) -> bool {
        is_content(&self.0)
    }

    /// The index of the tool call that it is part of.
    pub fn call(&self) -> Option<u64> {
        call(&self.0)
    }

    /// Whether another field can be the same one: later pieces often leave away of which type they are.
    pub fn may_be(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|pair| match pair {
                (Seg::Item(own), Seg::Item(other)) => own.may_be(other),
                (own, other) => own == other,
            })
    }

    /// A choice that holds only this field.
    fn choice(&self, index: u64, text: &str) -> Value {
        let inner = self.0.iter().rev().fold(Value::from(text), |inner, seg| match seg {
            Seg::Key(key) => {
                let mut map = Map::new();
                map.insert(key.clone().into_owned(), inner);
                Value::Object(map)
            }
            Seg::Item(item) => Value::Array(vec![item.around(inner)]),
        });
        let mut choice = Map::new();
        choice.insert("index".into(), index.into());
        if let Value::Object(inner) = inner {
            choice.extend(inner);
        }
        choice.insert("finish_reason".into(), Value::Null);
        Value::Object(choice)
    }
}

impl Item {
    /// The item with nothing in it but `inner` and what it is known by.
    fn around(&self, inner: Value) -> Value {
        let Value::Object(inner) = inner else { return inner };
        let mut item = Map::new();
        if let Some(index) = self.index {
            item.insert("index".into(), index.into());
        }
        if let Some(kind) = &self.kind {
            item.insert("type".into(), kind.clone().into());
        }
        item.extend(inner);
        Value::Object(item)
    }
}

/// What a text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sort {
    /// Words, or JSON.
    Speech,
    /// The arguments of a tool call: JSON as text.
    Arguments,
    /// A string of arguments that came as JSON and not as text.
    Argument,
    /// A key of such arguments.
    ArgumentKey,
    /// The name of the tool that is called.
    Name,
    /// An id: it is changed only where a token stands in it.
    Label,
}

/// A text on the walk.
pub struct Leaf<'w> {
    path: &'w [Seg],
    /// What it is.
    pub sort: Sort,
    /// Whether it is complete in itself: never continued by the next chunk.
    pub whole: bool,
    /// The tool whose call it is part of, where that is said here.
    pub tool: Option<&'w str>,
}

impl Leaf<'_> {
    /// The way to it.
    pub fn field(&self) -> Field {
        Field(self.path.to_vec())
    }

    /// Whether it is what is said.
    pub fn is_content(&self) -> bool {
        is_content(self.path)
    }

    /// Whether it is part of what is said: that as one text, or a part of it that is text.
    pub fn is_answer(&self) -> bool {
        let is_text = self.path.len() == 2 || matches!(self.path.last(), Some(Seg::Key(key)) if key == "text");
        is_text && matches!(self.path.get(1), Some(Seg::Key(key)) if key == "content")
    }

    /// The index of the tool call that it is part of.
    pub fn call(&self) -> Option<u64> {
        call(self.path)
    }

    /// For [`Sort::Argument`]: the way to it from the arguments.
    pub fn steps(&self) -> Vec<Step> {
        let inside = self.path.iter().skip_while(|seg| !matches!(seg, Seg::Key(key) if key == "arguments")).skip(1);
        let step = |seg: &Seg| match seg {
            Seg::Key(key) => Step::Key(key.clone().into_owned()),
            Seg::Item(item) => Step::Index(item.at),
        };
        inside.map(step).collect()
    }
}

fn call(path: &[Seg]) -> Option<u64> {
    match path.get(1..3) {
        Some([Seg::Key(key), Seg::Item(item)]) if key == "tool_calls" => item.index,
        _ => None,
    }
}

fn is_content(path: &[Seg]) -> bool {
    matches!(path, [Seg::Key(_), Seg::Key(key)] if key == "content")
}

/// What becomes of a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It stays.
    Keep,
    /// It goes, and with it what holds nothing else.
    Drop,
}

/// Sees a text, which is a string, and may change it.
pub type Visit<'v> = dyn FnMut(&Leaf<'_>, &mut Value) -> Fate + 'v;

/// Visits what stands beside the choices of an answer or a chunk.
pub fn visit_top(answer: &mut Map<String, Value>, visit: &mut Visit<'_>) {
    let mut walk = Walk { path: Vec::new(), whole: true, tool: None, visit };
    answer.retain(|key, value| HEAD.contains(&key.as_str()) || walk.below(key, value) == Fate::Keep);
}

/// Visits the texts of one choice: of its `message` or `delta`, and beside it.
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
        let key = match USUAL.iter().find(|usual| **usual == key) {
            Some(usual) => Cow::Borrowed(*usual),
            None => Cow::Owned(key.to_owned()),
        };
        self.through(Seg::Key(key), walk)
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

    /// The function of a call, or what is called of a custom tool.
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

    /// Arguments that are JSON and no text: there a key is anybody's.
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

    /// What stands under a key.
    fn below(&mut self, key: &str, value: &mut Value) -> Fate {
        if matches!(value, Value::Null | Value::Bool(_) | Value::Number(_))
            || CLOSED.contains(&key)
            || OPAQUE.contains(&key)
        {
            return Fate::Keep;
        }
        if key == "data" && self.path.iter().any(Seg::has_opaque_data) {
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

impl Seg {
    fn has_opaque_data(&self) -> bool {
        match self {
            Seg::Key(key) => WITH_OPAQUE_DATA.contains(&&**key),
            Seg::Item(item) => item.kind.as_deref().is_some_and(|kind| WITH_OPAQUE_DATA.contains(&kind)),
        }
    }
}

/// Whether a text is a picture or another file, spelled out.
fn is_inline_file(text: &str) -> bool {
    text.starts_with("data:") && text.as_bytes()[..text.len().min(256)].windows(8).any(|part| part == b";base64,")
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
        self.with_choice(field.choice(choice, text))
    }

    /// A chunk that only finishes a choice.
    pub fn finish(&self, choice: u64) -> Value {
        self.with_choice(json!({"index": choice, "delta": {}, "finish_reason": "stop"}))
    }

    /// A chunk with this choice.
    pub fn with_choice(&self, choice: Value) -> Value {
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
mod tests;
