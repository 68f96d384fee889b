//! Parses the value behind a surface (a text as it was said or written), independent of its form.
//!
//! ```text
//! "march fourteenth nineteen eighty two"  03/14/1982  19820314         the 14th of March 1982
//! "four fifteen triple five oh one thirty four"  +14155550134          4155550134
//! "W as in whiskey two two seven"  w-227                               W227
//! GONZALEZ^MARIA  "maria gonzalez"  "g o n z a l e z", "maria"         GONZALEZ MARIA
//! ```
//!
//! * [`read`] parses a surface into a [`Value`]. A surface that cannot be parsed is kept as normalised text.
//! * [`Value::key`] is equal for equal values and for no others, whatever their kind: dates compare with dates, and
//!   everything made of letters and digits by its letters and digits.
//! * [`name_words`] splits a name, so that given and family name can have a token each.
//! * [`relate`] and [`relations`] detect that a value is a part of another, or sounds like it.
//! * [`Value::view`] prints a part of a value: its last four digits, its area code, a spelled name. [`Value::parts`]
//!   is the inverse.
//! * [`Wanted`] is the format that a tool's schema expects, and [`print`] writes a value in it.
//!
//! This module does not depend on tokens, requests or language models. All functions are pure, run in time linear in
//! the text, and have a result for every text. A value is a caller's text: it has no `Display`, its `Debug` shows
//! nothing, and it is wiped when dropped.

mod address;
mod age;
mod calendar;
mod class;
mod correction;
mod date;
mod fold;
mod identifier;
mod lexicon;
mod mail;
mod name;
mod phone;
mod print;
mod reading;
mod relation;
mod schema;
mod shape;
mod slip;
mod sound;
mod spelling;
mod spoken;
mod surface;
mod view;
mod whole;

use std::fmt;
use std::ops::Range;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::kind::Kind;
use crate::sensitive::Sensitive;
use class::Class;

pub use calendar::Day;
pub use masker_words::Language;
pub use print::{Printed, print};
pub use reading::{Reading, Region};
pub use relation::{Part, Related, Relation, age_fact, relate, relations};
pub use schema::{Step, Wanted};
pub use slip::{Span, slip};
pub use view::View;
pub use whole::joined;

/// Maximum length of a surface that is parsed; no value is longer.
const LONGEST: usize = 1024;

/// A parsed surface.
#[derive(Clone)]
pub struct Value {
    canonical: Canonical,
    /// How texts of its kind are parsed. It decides on views and forms, and is not part of the value.
    kind: Class,
}

/// A value in canonical form, for comparison.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
enum Canonical {
    Date(date::Date),
    Phone(phone::Phone),
    /// Upper-case letters and digits.
    Identifier(String),
    Name(name::Name),
    Address(address::Address),
    /// Lower case, as written.
    Written(String),
    Age(age::Age),
    /// Text that could not be parsed.
    Text(String),
}

/// Parses a surface of a kind.
pub fn read(kind: &Kind, surface: &str, reading: &Reading) -> Value {
    let class = Class::of(kind);
    let canonical = match surface.len() {
        ..=LONGEST => class.read(surface, reading),
        _ => None,
    };
    Value { canonical: canonical.unwrap_or_else(|| Canonical::Text(fold::tidy(surface))), kind: class }
}

/// A word of a name, with its span in the surface.
pub struct NameWord {
    /// Its span, including a title or particles before it.
    pub range: Range<usize>,
    /// The name that consists of this word alone.
    pub value: Value,
}

/// Whether a text between two values of a surface consists only of signs and words of a correction ("no, sorry"), so
/// that it may stay unmasked.
pub fn is_said_between(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphanumeric() && !surface::is_apostrophe(c));
    words.filter(|word| word.contains(char::is_alphanumeric)).all(correction::is_said_between)
}

/// The words of a name in the order of the surface. Empty if the surface cannot be split; then it is one value.
///
/// Words that the speaker retracted ("gonzales, no sorry, gonzalez") are included, so that no word stays in clear
/// text.
pub fn name_words(surface: &str, reading: &Reading) -> Vec<NameWord> {
    let words = (surface.len() <= LONGEST).then(|| name::words(surface, reading)).flatten();
    let value = |word: name::NameWord| NameWord {
        range: word.range.clone(),
        value: Value { canonical: Canonical::Name(name::Name { words: vec![word] }), kind: Class::Name },
    };
    words.unwrap_or_default().into_iter().map(value).collect()
}

impl Value {
    /// Bytes that are equal for equal values and for no others. They contain the value itself: hash them under a key
    /// before storing them.
    pub fn key(&self) -> Sensitive<Vec<u8>> {
        Sensitive::new(match &self.canonical {
            Canonical::Date(date) => key_of_date(date),
            canonical => key_of_text(&canonical.text()),
        })
    }

    /// The written forms of the value, the usual one first: forms that a tool or a record may have.
    pub fn forms(&self, reading: &Reading) -> Vec<String> {
        shape::forms(self, reading)
    }

    /// Whether it was parsed. An unparsed value is compared by its text.
    pub fn is_read(&self) -> bool {
        !matches!(self.canonical, Canonical::Text(_))
    }
}

impl Canonical {
    fn text(&self) -> String {
        match self {
            Self::Date(_) => String::new(),
            Self::Phone(phone) => phone.canonical(),
            Self::Identifier(text) | Self::Written(text) | Self::Text(text) => text.clone(),
            Self::Name(name) => name.canonical(),
            Self::Address(address) => address.canonical(),
            Self::Age(age) => age.canonical(),
        }
    }
}

/// Keys of dates and of texts each begin with a character that does not occur in texts.
fn key_of_date(date: &date::Date) -> Vec<u8> {
    let mut key = vec![1];
    date.key(&mut key);
    key
}

fn key_of_text(text: &str) -> Vec<u8> {
    let mut key = String::with_capacity(text.len() + 1);
    key.push('\u{2}');
    fold::push_upper(text, &mut key);
    key.into_bytes()
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Value {}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(..)")
    }
}

#[cfg(test)]
mod tests;
