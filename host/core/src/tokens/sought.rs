//! Searches the vault's originals for a value, so that all data of a person is found.
//!
//! Originals are compared, not the MACs in tokens: a MAC depends on the key that made it, and that key may be gone
//! since its kid got a new secret. Originals that do not open cannot be compared; the caller must report them.

use std::collections::HashMap;

use super::mint::{Original, ValueType, identity};
use crate::kind::Kind;
use crate::sensitive::{Sensitive, SensitiveText};
use crate::values::{Reading, name_words};

/// A value to search for, in any spelling.
pub struct Sought {
    text: SensitiveText,
    /// Its parsed value for each kind.
    identities: HashMap<Kind, Sensitive<Vec<u8>>>,
    /// The words of a multi-word name: compact tokens are made per word.
    words: Vec<Sensitive<Vec<u8>>>,
    reading: Reading,
}

impl Sought {
    /// Prepares the search for this value.
    pub fn new(text: &str, reading: Reading) -> Self {
        let mut words = Vec::new();
        if !text.contains(|c: char| c.is_ascii_digit()) {
            words.extend(name_words(text, &reading).iter().map(|word| word.value.key()));
        }
        if words.len() < 2 {
            words.clear();
        }
        Self { text: text.into(), identities: HashMap::new(), words, reading }
    }

    /// Whether an original of this kind is a word of the name. Without a call, nothing else links the name to its
    /// words.
    pub fn has_word(&self, kind: &Kind, original: &Original) -> bool {
        let is_name = kind.as_str() == "NAME" && !self.words.is_empty();
        is_name && self.words.contains(&identity(kind, original.text.expose(), original.form, &self.reading))
    }

    /// Whether an original of this kind is the value. A number of a JSON document also matches as written.
    pub fn is(&mut self, kind: &Kind, original: &Original) -> bool {
        let text = original.text.expose();
        if original.form == ValueType::JsonNumber && text == self.text.expose() {
            return true;
        }
        if !self.identities.contains_key(kind) {
            let own = identity(kind, self.text.expose(), ValueType::Text, &self.reading);
            self.identities.insert(kind.clone(), own);
        }
        let wanted = self.identities.get(kind);
        wanted.is_some_and(|wanted| *wanted == identity(kind, text, original.form, &self.reading))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, original: &str, form: ValueType, sought: &str, expected: bool) {
        let original = Original { text: original.into(), form };
        let kind = Kind::new(kind).expect("a kind");
        let mut value = Sought::new(sought, crate::values::Reading::new(crate::values::Day::of_millis(0)));
        // Twice: a cached first answer must not change the second.
        for _ in 0..2 {
            assert_eq!(value.is(&kind, &original), expected, "{kind} {sought}");
        }
    }

    #[test]
    fn an_original_is_found_in_every_spelling_of_its_kind() {
        check("PHONE", "(312) 555-0147", ValueType::Text, "3125550147", true);
        check("NAME", "Jane  Doe", ValueType::Text, "jane doe", true);
        check("NAME", "(312) 555-0147", ValueType::Text, "3125550147", false);
        check("PHONE", "3125550147", ValueType::JsonNumber, "312-555-0147", true);
        check("ACCOUNT", "12.50", ValueType::JsonNumber, "12.50", true);
        check("ACCOUNT", "12.5", ValueType::JsonNumber, "12.50", false);
    }

    #[test]
    fn the_words_of_a_name_are_found_by_the_name() {
        let reading = || crate::values::Reading::new(crate::values::Day::of_millis(0));
        for (sought, kind, original, expected) in [
            ("Maria Gonzalez", "NAME", "GONZALEZ", true),
            ("Maria Gonzalez", "NAME", "maria", true),
            ("Maria Gonzalez", "NAME", "Marian", false),
            ("Maria Gonzalez", "ADDRESS", "Maria", false),
            ("Maria", "NAME", "Gonzalez", false),
            ("12 Oak Lane", "NAME", "Lane", false),
        ] {
            let original = Original { text: original.into(), form: ValueType::Text };
            let kind = Kind::new(kind).expect("a kind");
            assert_eq!(Sought::new(sought, reading()).has_word(&kind, &original), expected, "{sought}");
        }
    }
}
