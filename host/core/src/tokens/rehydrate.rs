//! Prints a scanned piece with the original restored, or with the replacement for an unresolved token.

use super::format::redacted;
use super::mint::{Original, ValueType};
use super::scan::{Scanned, TokenRef};
use crate::kind::Kind;
use crate::sensitive::SensitiveText;
use crate::values::{self, Language, Printed, Reading, View, Wanted};

/// The replacement for a token that does not resolve.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Fallback {
    /// `[REDACTED:KIND]`, or `[REDACTED]` if the kind is unreadable.
    #[default]
    Redacted,
    /// The policy's `fallback_text`, suitable for speech.
    Text(String),
}

impl Fallback {
    /// The replacement text for a value of this kind.
    pub fn text(&self, kind: Option<&Kind>) -> String {
        match (self, kind) {
            (Fallback::Text(text), _) => text.clone(),
            (Fallback::Redacted, Some(kind)) => redacted(kind),
            (Fallback::Redacted, None) => "[REDACTED]".to_owned(),
        }
    }
}

/// A resolved token, with the forms in which the value occurred.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restored {
    /// The text form.
    pub text: SensitiveText,
    /// Whether the value occurred as a number.
    pub form: ValueType,
    /// The form used by a record or a tool.
    pub record: Option<SensitiveText>,
}

impl From<Original> for Restored {
    fn from(Original { text, form }: Original) -> Self {
        Self { text, form, record: None }
    }
}

/// The context into which text is printed.
#[derive(Clone, Copy)]
pub enum Slot<'w> {
    /// Plain text, or the inside of nested JSON strings.
    Inside {
        /// Escaping depth.
        levels: usize,
    },
    /// A JSON document, as a complete value.
    Value {
        /// Number of JSON strings around the document.
        levels: usize,
        /// The schema's expectation at this position.
        wanted: &'w Wanted,
    },
}

impl Slot<'_> {
    /// Plain text without escaping.
    pub const TEXT: Self = Slot::Inside { levels: 0 };

    /// Appends a text with the escaping that this context requires.
    pub fn write(self, text: &str, out: &mut String) {
        match self {
            Slot::Inside { levels } => escape(text, levels, out),
            Slot::Value { levels, .. } => escape(&json_string(text), levels, out),
        }
    }
}

/// Appends a piece to `out` and returns the number of unresolved tokens in it (0 or 1).
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

/// The text of a token: the requested view, otherwise the whole value.
fn shown(token: &TokenRef, value: &Restored, reading: &Reading) -> String {
    let text = value.text.expose();
    let viewed = token
        .view
        .and_then(View::new)
        .and_then(|view| values::read(token.kind(), text, reading).view(view, reading.today, Language::English));
    viewed.unwrap_or_else(|| text.clone())
}

/// A complete value of a document.
#[derive(Clone, PartialEq, Eq)]
pub enum Argument {
    /// A string.
    Text(String),
    /// A number, as written.
    Number(String),
}

/// The output for a token that is a complete value: what the schema expects. If the schema leaves it open, a number
/// stays a number, and the form of a record is preferred to the spoken one.
pub fn argument(token: &TokenRef, value: &Restored, wanted: &Wanted, reading: &Reading) -> Argument {
    if token.view.is_some() {
        let text = shown(token, value, reading);
        let is_wanted = !wanted.takes_text() && is_number(&text);
        return if is_wanted { Argument::Number(text) } else { Argument::Text(text) };
    }
    let surface = value.record.as_ref().unwrap_or(&value.text).expose();
    let was_number = value.form == ValueType::JsonNumber && is_number(surface);
    // A number that is not a plain run of digits is printed unchanged.
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

/// Whether a text is a valid JSON number and can be written without quotation marks.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && serde_json::from_str::<serde_json::Number>(text).is_ok()
}

/// Appends a text, escaped once for each nested JSON string.
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
