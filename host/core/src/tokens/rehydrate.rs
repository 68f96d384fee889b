//! Prints a scanned piece with the original put back, or with what stands for a token that does not resolve.

use super::format::redacted;
use super::mint::{Original, ValueType};
use super::scan::{Scanned, TokenRef};
use crate::chat::tools::Wanted;
use crate::kind::Kind;

/// What a caller gets in the place of a token that does not resolve.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Fallback {
    /// `[REDACTED:KIND]`, or `[REDACTED]` where the kind could not be read.
    #[default]
    Redacted,
    /// The policy's `fallback_text`, which a voice can say.
    Text(String),
}

impl Fallback {
    /// The text, in the place of a value of this kind.
    pub fn text(&self, kind: Option<&Kind>) -> String {
        match (self, kind) {
            (Fallback::Text(text), _) => text.clone(),
            (Fallback::Redacted, Some(kind)) => redacted(kind),
            (Fallback::Redacted, None) => "[REDACTED]".to_owned(),
        }
    }
}

/// What is printed becomes a part of this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    /// A text, or the inside of so many strings of JSON in each other.
    Inside {
        /// How often it is escaped.
        levels: usize,
    },
    /// A document of JSON, as a whole value of it.
    Value {
        /// Strings of JSON around the document.
        levels: usize,
        /// What the document's schema asks for there.
        wanted: Option<Wanted>,
    },
}

impl Slot {
    /// Words.
    pub const TEXT: Self = Slot::Inside { levels: 0 };

    /// Appends a text as it must be written here.
    pub fn write(self, text: &str, out: &mut String) {
        match self {
            Slot::Inside { levels } => escape(text, levels, out),
            Slot::Value { levels, .. } => escape(&json_string(text), levels, out),
        }
    }
}

/// Appends a piece to `out` and returns how many tokens in it did not resolve (0 or 1).
pub fn render(
    piece: &Scanned,
    resolver: &mut dyn FnMut(&TokenRef) -> Option<Original>,
    place: Slot,
    fallback: &Fallback,
    out: &mut String,
) -> usize {
    match piece {
        Scanned::Text(text) => out.push_str(text),
        Scanned::Dropped { .. } => {}
        Scanned::Token(token) => match resolver(token) {
            Some(original) => resolved(token, &original, place, out),
            None => {
                place.write(&fallback.text(Some(token.kind())), out);
                return 1;
            }
        },
        Scanned::Fragment { kind, .. } => {
            place.write(&fallback.text(kind.as_ref()), out);
            return 1;
        }
    }
    0
}

fn resolved(token: &TokenRef, original: &Original, place: Slot, out: &mut String) {
    let text = original.text.expose();
    match place {
        Slot::Value { wanted, .. } if token.tail.is_empty() && is_wanted_as_number(original, wanted) => {
            out.push_str(text);
        }
        Slot::Value { .. } => place.write(&format!("{text}{}", token.tail), out),
        Slot::Inside { .. } => {
            place.write(text, out);
            out.push_str(&token.tail);
        }
    }
}

/// Whether a whole value comes back as a number: where the schema asks for one, and where it says nothing and the value
/// was one.
pub fn is_wanted_as_number(original: &Original, wanted: Option<Wanted>) -> bool {
    let text = original.text.expose();
    let was_number = original.form == ValueType::JsonNumber;
    match wanted {
        Some(Wanted::Text | Wanted::Other) => false,
        // What was said in words is a number where it is nothing but digits.
        Some(Wanted::Number | Wanted::Integer) => {
            (was_number || text.bytes().all(|byte| byte.is_ascii_digit())) && is_number(text)
        }
        None => was_number && is_number(text),
    }
}

/// Whether a text is a JSON number, so that it can stand without quotation marks.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && serde_json::from_str::<serde_json::Number>(text).is_ok()
}

/// Appends a text, escaped for as many strings of JSON in each other.
fn escape(text: &str, levels: usize, out: &mut String) {
    if levels == 0 {
        out.push_str(text);
        return;
    }
    let string = json_string(text);
    escape(&string[1..string.len() - 1], levels - 1, out);
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
