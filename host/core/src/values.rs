//! What a text means: the value behind a surface, whatever the form in which it was said or written.
//!
//! ```text
//! "march fourteenth nineteen eighty two"  03/14/1982  19820314         the 14th of March 1982
//! "four fifteen triple five oh one thirty four"  +14155550134          4155550134
//! "W as in whiskey two two seven"  w-227                               W227
//! GONZALEZ^MARIA  "maria gonzalez"  "g o n z a l e z", "maria"         GONZALEZ MARIA
//! ```
//!
//! * [`read`] reads a surface into a [`Value`]. What cannot be read stays what it is, in one spelling.
//! * [`Value::key`] is the same for the same value and for no other, whatever its kind: dates compare with dates, and everything made of
//!   letters and digits by its letters and digits.
//! * [`name_words`] cuts a name, so that given and family name can have a token each.
//! * [`relate`] and [`relations`] tell that a value is a part of another, or sounds like it.
//! * [`Value::view`] prints a part of a value: its last four digits, its area code, a spelled name. [`Value::parts`] is the way back.
//! * [`Wanted`] is what a tool's schema asks for, and [`print`] writes a value so.
//!
//! Nothing here knows a token, a request or a language model. All of it is pure, takes time in proportion to the text, and has an answer for
//! every text. A value is a caller's text: it has no `Display`, its `Debug` shows nothing, and it is wiped when it is dropped.

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

/// A surface that is longer is not read: no value is.
const LONGEST: usize = 1024;

/// What a surface means.
#[derive(Clone)]
pub struct Value {
    canonical: Canonical,
    /// What its kind makes of texts. It decides on views and forms, and is no part of the value.
    kind: Class,
}

/// A value in the one form in which it is compared.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
enum Canonical {
    Date(date::Date),
    Phone(phone::Phone),
    /// Upper case letters and digits.
    Identifier(String),
    Name(name::Name),
    Address(address::Address),
    /// Lower case, as it is written.
    Written(String),
    Age(age::Age),
    /// What could not be read.
    Text(String),
}

/// The value that a surface of a kind means.
pub fn read(kind: &Kind, surface: &str, reading: &Reading) -> Value {
    let class = Class::of(kind);
    let canonical = match surface.len() {
        ..=LONGEST => class.read(surface, reading),
        _ => None,
    };
    Value { canonical: canonical.unwrap_or_else(|| Canonical::Text(fold::tidy(surface))), kind: class }
}

/// A word of a name, with its place in the surface.
pub struct NameWord {
    /// Its place, including a title or particles before it.
    pub range: Range<usize>,
    /// The name that is this word alone.
    pub value: Value,
}

/// Whether a text between two values of a surface is nothing but signs and words of a correction ("no, sorry"), so that it may
/// stay as it is.
pub fn is_said_between(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphanumeric() && !surface::is_apostrophe(c));
    words.filter(|word| word.contains(char::is_alphanumeric)).all(correction::is_said_between)
}

/// The words of a name in the order of the surface. Empty when the surface cannot be cut; then it is one value.
///
/// Words that the speaker took back ("gonzales, no sorry, gonzalez") are among them, so that no word is left in clear.
pub fn name_words(surface: &str, reading: &Reading) -> Vec<NameWord> {
    let words = (surface.len() <= LONGEST).then(|| name::words(surface, reading)).flatten();
    let value = |word: name::NameWord| NameWord {
        range: word.range.clone(),
        value: Value { canonical: Canonical::Name(name::Name { words: vec![word] }), kind: Class::Name },
    };
    words.unwrap_or_default().into_iter().map(value).collect()
}

impl Value {
    /// Bytes that are the same for the same value and for no other. They are the value itself: hash them under a key before they are kept.
    pub fn key(&self) -> Sensitive<Vec<u8>> {
        Sensitive::new(match &self.canonical {
            Canonical::Date(date) => key_of_date(date),
            canonical => key_of_text(&canonical.text()),
        })
    }

    /// The forms in which it can be written, the usual one first: what a tool or a record may have.
    pub fn forms(&self, reading: &Reading) -> Vec<String> {
        shape::forms(self, reading)
    }

    /// Whether it was read. What was not is compared by its text.
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

/// Keys of dates and of texts begin with a character each that no text has.
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
