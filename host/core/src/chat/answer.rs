//! What comes back: whole answers and the chunks of a stream, and the texts in them in which a token may stand.
//!
//! There is one walk for both, and one table of what it meets: closed words that are never looked at, state of a provider
//! that passes byte for byte, and texts. A text is known by its [`Field`], the way to it, which is the same over all
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
    /// An id: it is changed only where it contains a token.
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
