//! Responses: whole answers and stream chunks, and the texts in them that may contain a token.
//!
//! One walk handles both, with one table of what it meets: constants that are never changed, opaque provider state
//! that passes byte for byte, and texts. A text is identified by its [`Field`], its path, which is the same in all
//! chunks of a stream.

use serde_json::{Map, Value, json};

use self::field::{Seg, call, is_content};
use super::json_cursor::Step;

mod field;
#[cfg(test)]
mod tests;
mod walk;

pub use self::field::Field;
pub use self::walk::{says_more, visit_choice, visit_top};

/// Category of a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sort {
    /// Plain text, or JSON.
    Speech,
    /// The arguments of a tool call: JSON in a string.
    Arguments,
    /// A string inside arguments that are JSON rather than a string.
    Argument,
    /// A key of such arguments.
    ArgumentKey,
    /// The name of the called tool.
    Name,
    /// An id: changed only when it contains a token.
    Label,
}

/// A text found by the walk.
pub struct Leaf<'w> {
    path: &'w [Seg],
    /// Category.
    pub sort: Sort,
    /// Whether it is complete: never continued by the next chunk.
    pub whole: bool,
    /// The tool of the call that it belongs to, when this chunk names it.
    pub tool: Option<&'w str>,
}

impl Leaf<'_> {
    /// Its path.
    pub fn field(&self) -> Field {
        Field(self.path.to_vec())
    }

    /// Whether it is the spoken content.
    pub fn is_content(&self) -> bool {
        is_content(self.path)
    }

    /// Whether it is part of the spoken content: the whole, or a text part of it.
    pub fn is_answer(&self) -> bool {
        let is_text = self.path.len() == 2 || matches!(self.path.last(), Some(Seg::Key(key)) if key == "text");
        is_text && matches!(self.path.get(1), Some(Seg::Key(key)) if key == "content")
    }

    /// Index of the tool call that it belongs to.
    pub fn call(&self) -> Option<u64> {
        call(self.path)
    }

    /// For [`Sort::Argument`]: its path within the arguments.
    pub fn steps(&self) -> Vec<Step> {
        let inside = self.path.iter().skip_while(|seg| !matches!(seg, Seg::Key(key) if key == "arguments")).skip(1);
        let step = |seg: &Seg| match seg {
            Seg::Key(key) => Step::Key(key.clone().into_owned()),
            Seg::Item(item) => Step::Index(item.at),
        };
        inside.map(step).collect()
    }
}

/// Result of visiting a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// Keep it.
    Keep,
    /// Remove it, along with containers that become empty.
    Drop,
}

/// Visits a text, always a JSON string, and may change it.
pub type Visit<'v> = dyn FnMut(&Leaf<'_>, &mut Value) -> Fate + 'v;

/// Whether a finish reason means that the output was truncated.
pub fn is_cut_short(finish_reason: &str) -> bool {
    finish_reason == "length"
}

/// Fields shared by all chunks of a stream: enough to build a chunk of our own.
#[derive(Clone, Default)]
pub struct ChunkHead {
    id: Option<Value>,
    created: Option<Value>,
    model: Option<Value>,
    system_fingerprint: Option<Value>,
    service_tier: Option<Value>,
}

impl ChunkHead {
    /// Whether a chunk has been read.
    pub fn is_known(&self) -> bool {
        self.id.is_some()
    }

    /// Remembers the shared fields of a chunk.
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

    /// A chunk with a text in one field of one choice.
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
