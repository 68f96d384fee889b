//! Street addresses in postal form: upper case, digits, the abbreviations of USPS Publication 28 (appendices B and
//! C), no punctuation. `12 OAK LN APT 3B SPRINGFIELD IL 62704`.

mod tables;
mod words;

use zeroize::Zeroize;

use super::fold::capitalised;
use super::surface::Piece;

/// An address. Missing parts are empty.
#[derive(Clone, PartialEq, Eq, Default, Zeroize)]
pub(super) struct Address {
    /// House number, street and unit.
    pub street: String,
    pub city: String,
    /// Two letters.
    pub state: String,
    /// Five or nine digits.
    pub zip: String,
}

/// Maximum length of an address, in words.
const MAX_PIECES: usize = 64;

/// Parses an address; `None` if there are no pieces, or too many.
pub(super) fn read(pieces: &[Piece]) -> Option<Address> {
    if pieces.len() > MAX_PIECES {
        return None;
    }
    let words = words::normal(pieces)?;
    (!words.is_empty()).then(|| split(&words))
}

impl Address {
    pub fn canonical(&self) -> String {
        let parts = [&self.street, &self.city, &self.state, &self.zip];
        parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// ZIP or ZIP+4 in written form.
    pub fn zip(&self) -> String {
        match self.zip.len() {
            9 => format!("{}-{}", &self.zip[..5], &self.zip[5..]),
            _ => self.zip.clone(),
        }
    }

    /// `12 Oak Ln Apt 3B, Springfield, IL 62704`.
    pub fn shown(&self) -> String {
        let end = [&*self.state, &self.zip()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        let parts = [shown(&self.street), shown(&self.city), end];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

/// Words capitalised as usual; words with a digit, and directions, in capitals.
pub(super) fn shown(words: &str) -> String {
    let show = |word: &str| match word {
        "NE" | "NW" | "SE" | "SW" | "PO" => word.to_owned(),
        word if word.bytes().next().is_some_and(|byte| byte.is_ascii_digit()) && tables::is_ordinal(word) => {
            word.to_lowercase()
        }
        word if word.bytes().any(|byte| byte.is_ascii_digit()) => word.to_owned(),
        word => capitalised(word),
    };
    words.split(' ').map(show).collect::<Vec<_>>().join(" ")
}

/// A street with its abbreviations expanded: `12 Oak Lane Apartment 3B`.
pub(super) fn long(street: &str) -> String {
    let words = street.split(' ').enumerate().map(|(at, word)| match tables::long(word) {
        Some(long) if at > 0 => capitalised(long),
        _ => shown(word),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Street, city, state and ZIP from normalised words. A part with several possible roles belongs to the street.
fn split(words: &[words::Normal]) -> Address {
    let text = |words: &[words::Normal]| words.iter().map(|word| &*word.text).collect::<Vec<_>>().join(" ");
    let mut end = words.len();
    if end > 1 && matches!(&*words[end - 1].text, "USA" | "US") {
        end -= 1;
    }
    let zip = words[..end].last().filter(|word| end > 1 && is_zip(&word.text)).map(|word| word.text.clone());
    end -= usize::from(zip.is_some());
    let state = tables::state(&words[..end], zip.is_some());
    end -= state.map_or(0, |(_, length)| length);
    let has_tail = zip.is_some() || state.is_some();
    let street = street_end(&words[..end]).unwrap_or(if has_tail && !starts_with_number(words) { 0 } else { end });
    Address {
        street: text(&words[..street]),
        city: text(&words[street..end]),
        state: state.map_or_else(String::new, |(state, _)| state.to_owned()),
        zip: zip.unwrap_or_default(),
    }
}

fn starts_with_number(words: &[words::Normal]) -> bool {
    words.first().is_some_and(|word| word.text.bytes().next().is_some_and(|byte| byte.is_ascii_digit()))
}

fn is_zip(word: &str) -> bool {
    matches!(word.len(), 5 | 9) && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// End of street and unit: after the street type, the direction after it and the unit. Unknown if all of these are
/// missing.
fn street_end(words: &[words::Normal]) -> Option<usize> {
    let kind = (2..words.len()).find(|at| tables::is_kind(&words[*at].text))?;
    let mut end = kind + 1;
    while end < words.len() && tables::is_kind(&words[end].text) && !words[end].after_comma {
        end += 1;
    }
    if words.get(end).is_some_and(|word| {
        tables::is_direction(&word.text)
            && words.get(end + 1).is_none_or(|next| next.after_comma || tables::is_unit(&next.text))
    }) {
        end += 1;
    }
    while words.get(end).is_some_and(|word| tables::is_unit(&word.text)) {
        end += 2;
    }
    Some(end.min(words.len()))
}

#[cfg(test)]
mod tests;
