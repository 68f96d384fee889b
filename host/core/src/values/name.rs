//! Names of people: their words, in any order.
//!
//! `maria gonzalez`, `GONZALEZ^MARIA` (HL7 v2, chapter 2A, XPN), `Gonzalez, Maria`, `{"given":["Maria"],"family":"Gonzalez"}` (FHIR HumanName)
//! and "g o n z a l e z" are made of the same words. Case, accents, titles and punctuation are no part of a word. A particle or a title goes
//! with the word after it: "de la Cruz" is one word, as `DeLaCruz` is.

mod json;
mod words;

use std::ops::Range;

use zeroize::Zeroize;

use super::reading::Reading;
use super::surface::pieces;

/// A word of a name.
#[derive(Clone, PartialEq, Eq, Zeroize)]
pub(super) struct NameWord {
    /// Lower case letters without accents.
    pub letters: String,
    /// The form to show: the surface's, without a title; for a spelled word, with a capital letter.
    pub shown: String,
    /// Its place in the surface, title and particles included.
    #[zeroize(skip)]
    pub range: Range<usize>,
    /// Whether it was spelled.
    pub is_spelled: bool,
}

/// A name. Its given names come first, where the surface tells.
#[derive(Clone, PartialEq, Eq, Zeroize)]
pub(super) struct Name {
    pub words: Vec<NameWord>,
}

/// The name that a surface has; nothing when there is no word in it, or one that is no letters.
pub(super) fn read(surface: &str, reading: &Reading) -> Option<Name> {
    let words = match json::strings(surface) {
        Some(parts) => {
            parts.iter().flat_map(|part| words::meant(part, &pieces(part, reading.languages))).flatten().collect()
        }
        None => words::meant(surface, &pieces(surface, reading.languages))?,
    };
    (!words.is_empty()).then_some(Name { words })
}

/// Every word of a name with its place, those included that the speaker took back; nothing when the surface cannot be cut.
pub(super) fn words(surface: &str, reading: &Reading) -> Option<Vec<NameWord>> {
    let mut words = words::all(surface, &pieces(surface, reading.languages))?;
    words.sort_by_key(|word| word.range.start);
    Some(words)
}

impl Name {
    /// Its words in upper case, sorted.
    pub fn canonical(&self) -> String {
        let mut words: Vec<&str> = self.words.iter().map(|word| &*word.letters).collect();
        words.sort_unstable();
        words.join(" ").to_uppercase()
    }

    /// The last word that is no suffix, of a name that has others.
    pub fn family(&self) -> Option<&NameWord> {
        let is_suffix = |word: &&NameWord| words::is_suffix(&word.letters);
        let family = self.words.iter().rposition(|word| !is_suffix(&word)).filter(|at| *at > 0)?;
        self.words.get(family)
    }
}

#[cfg(test)]
mod tests;
