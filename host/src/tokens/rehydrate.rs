//! Prints a scanned piece with the original put back, or with what stands for a token that does not resolve.

use super::format::redacted;
use super::mint::{Form, Original};
use super::scan::{Piece, TokenRef};
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

/// Appends a piece to `out` and returns how many tokens in it did not resolve (0 or 1).
///
/// `json` must be what the piece was scanned with: originals are then escaped as inside a JSON string, and a number that
/// is a whole string becomes a number again.
pub fn render(
    piece: &Piece,
    resolver: &mut dyn FnMut(&TokenRef) -> Option<Original>,
    json: bool,
    fallback: &Fallback,
    out: &mut String,
) -> usize {
    match piece {
        Piece::Text(text) => {
            out.push_str(text);
            0
        }
        Piece::Token(token) => match resolver(token) {
            Some(original) => {
                resolved(token, &original, json, out);
                0
            }
            None => {
                quoted(&fallback.text(Some(token.kind())), json, token.quoted, out);
                1
            }
        },
        Piece::Fragment { kind } => {
            quoted(&fallback.text(kind.as_ref()), json, false, out);
            1
        }
    }
}

fn resolved(token: &TokenRef, original: &Original, json: bool, out: &mut String) {
    let text = original.text.expose();
    if token.quoted && original.form == Form::JsonNumber && is_number(text) {
        out.push_str(text);
    } else {
        quoted(text, json, token.quoted, out);
    }
    out.push_str(&token.tail);
}

/// Whether a text is a JSON number, so that it can stand without quotation marks.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && serde_json::from_str::<serde_json::Number>(text).is_ok()
}

/// A text as it is, or escaped for JSON, with its quotation marks where the piece covered them.
pub fn quoted(text: &str, json: bool, quotes: bool, out: &mut String) {
    if !json {
        out.push_str(text);
        return;
    }
    let string = serde_json::Value::from(text).to_string();
    out.push_str(if quotes { &string } else { &string[1..string.len() - 1] });
}

#[cfg(test)]
mod tests;
