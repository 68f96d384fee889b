//! Prints a scanned piece with the original put back, or with what stands for a token that does not resolve.

use super::format::redacted;
use super::mint::{Original, ValueType};
use super::scan::{Scanned, TokenRef};
use crate::kind::Kind;
use crate::sensitive::SensitiveText;
use crate::values::{self, Language, Printed, Reading, View, Wanted};

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

/// What a token stands for, in the forms in which the value was there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restored {
    /// What comes back in text.
    pub text: SensitiveText,
    /// Whether the value was a number anywhere.
    pub form: ValueType,
    /// The form that a record or a tool had.
    pub record: Option<SensitiveText>,
}

impl From<Original> for Restored {
    fn from(Original { text, form }: Original) -> Self {
        Self { text, form, record: None }
    }
}

/// What is printed becomes a part of this.
#[derive(Clone, Copy)]
pub enum Slot<'w> {
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
        wanted: &'w Wanted,
    },
}

impl Slot<'_> {
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
    resolver: &mut dyn FnMut(&TokenRef) -> Option<Restored>,
    place: Slot<'_>,
    fallback: &Fallback,
    reading: &Reading,
    out: &mut String,
) -> usize {
    match piece {
        Scanned::Text(text) => out.push_str(text),
        Scanned::Dropped { .. } => {}
        Scanned::Token(token) => match resolver(token) {
            Some(value) => resolved(token, &value, place, reading, out),
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

fn resolved(token: &TokenRef, value: &Restored, place: Slot<'_>, reading: &Reading, out: &mut String) {
    match place {
        Slot::Value { wanted, levels } if token.tail.is_empty() => match argument(token, value, wanted, reading) {
            Argument::Number(number) => out.push_str(&number),
            Argument::Text(text) => escape(&json_string(&text), levels, out),
        },
        Slot::Value { .. } => place.write(&format!("{}{}", shown(token, value, reading), token.tail), out),
        Slot::Inside { .. } => {
            place.write(&shown(token, value, reading), out);
            out.push_str(&token.tail);
        }
    }
}

/// What a token becomes in text: the view that it asks for, else the whole value.
fn shown(token: &TokenRef, value: &Restored, reading: &Reading) -> String {
    let text = value.text.expose();
    let viewed = token
        .view
        .and_then(View::new)
        .and_then(|view| values::read(token.kind(), text, reading).view(view, reading.today, Language::English));
    viewed.unwrap_or_else(|| text.clone())
}

/// A whole value of a document.
#[derive(Clone, PartialEq, Eq)]
pub enum Argument {
    /// A string.
    Text(String),
    /// A number, as it is written.
    Number(String),
}

/// What a token becomes where it is a whole value: what the schema asks for; where it leaves that open, a number that was
/// one, and the form of a record rather than what was said.
pub fn argument(token: &TokenRef, value: &Restored, wanted: &Wanted, reading: &Reading) -> Argument {
    if token.view.is_some() {
        let text = shown(token, value, reading);
        let is_wanted = !wanted.takes_text() && is_number(&text);
        return if is_wanted { Argument::Number(text) } else { Argument::Text(text) };
    }
    let surface = value.record.as_ref().unwrap_or(&value.text).expose();
    let was_number = value.form == ValueType::JsonNumber && is_number(surface);
    // What is no row of digits is the number that it is, and nothing else.
    let is_odd = was_number && !surface.bytes().all(|byte| byte.is_ascii_digit());
    if was_number && (wanted.is_open() || is_odd && wanted.takes_number()) {
        return Argument::Number(surface.clone());
    }
    if is_odd {
        return Argument::Text(surface.clone());
    }
    match values::print(&values::read(token.kind(), surface, reading), surface, wanted, reading) {
        Printed::Number(number) => Argument::Number(number.to_string()),
        Printed::Text(text) => Argument::Text(text),
        Printed::AsItStood if wanted.takes_number() && is_digits(surface) => Argument::Number(surface.clone()),
        Printed::AsItStood => Argument::Text(surface.clone()),
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && is_number(text)
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
