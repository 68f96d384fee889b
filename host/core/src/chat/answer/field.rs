//! The path to a text of a choice: its identity over all chunks of a stream.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Common keys of texts.
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

/// A step of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Seg {
    Key(Cow<'static, str>),
    Item(Item),
}

/// An item of a list: identified by its index, else its type, else its position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Item {
    pub index: Option<u64>,
    pub kind: Option<String>,
    pub at: usize,
}

impl Item {
    pub fn of(item: &Value, at: usize) -> Self {
        let index = item.get("index").and_then(Value::as_u64);
        let kind = item.get("type").and_then(Value::as_str).map(str::to_owned);
        let at = if index.is_none() && kind.is_none() { at } else { 0 };
        Self { index, kind, at }
    }

    pub fn place(at: usize) -> Self {
        Self { index: None, kind: None, at }
    }

    /// Whether both may be chunks of one item: later chunks often omit the type.
    fn may_be(&self, other: &Self) -> bool {
        self == other
            || self.index.is_some() && self.index == other.index && (self.kind.is_none() || other.kind.is_none())
    }
}

/// The path from a choice to one of its texts. In a stream, chunks with the same path form one text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field(pub(super) Vec<Seg>);

impl Field {
    /// The spoken content.
    pub fn content() -> Self {
        Self(vec![Seg::Key("delta".into()), Seg::Key("content".into())])
    }

    /// Whether it is the spoken content as a single text.
    pub fn is_content(&self) -> bool {
        is_content(&self.0)
    }

    /// Index of the tool call that it belongs to.
    pub fn call(&self) -> Option<u64> {
        call(&self.0)
    }

    /// Whether another field may be the same one: later chunks often omit the type.
    pub fn may_be(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|pair| match pair {
                (Seg::Item(own), Seg::Item(other)) => own.may_be(other),
                (own, other) => own == other,
            })
    }

    /// A choice that contains only this field.
    pub(super) fn choice(&self, index: u64, text: &str) -> Value {
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
    /// The item with only `inner` and what identifies it.
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

impl Seg {
    /// A step with this key.
    pub fn key(key: &str) -> Self {
        match USUAL.iter().find(|usual| **usual == key) {
            Some(usual) => Seg::Key(Cow::Borrowed(*usual)),
            None => Seg::Key(Cow::Owned(key.to_owned())),
        }
    }

    /// Whether its key or type is one of `names`.
    pub fn is_one_of(&self, names: &[&str]) -> bool {
        match self {
            Seg::Key(key) => names.contains(&&**key),
            Seg::Item(item) => item.kind.as_deref().is_some_and(|kind| names.contains(&kind)),
        }
    }
}

pub(super) fn call(path: &[Seg]) -> Option<u64> {
    match path.get(1..3) {
        Some([Seg::Key(key), Seg::Item(item)]) if key == "tool_calls" => item.index,
        _ => None,
    }
}

pub(super) fn is_content(path: &[Seg]) -> bool {
    matches!(path, [Seg::Key(_), Seg::Key(key)] if key == "content")
}
