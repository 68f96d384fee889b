//! Names of people: their words, in any order.
//!
//! `maria gonzalez`, `GONZALEZ^MARIA` (HL7 v2, chapter 2A, XPN), `Gonzalez, Maria`,
//! `{"given":["Maria"],"family":"Gonzalez"}` (FHIR HumanName) and "g o n z a l e z" consist of the same words. Case,
//! accents, titles and punctuation are not part of a word. A particle or a title belongs to the word after it: "de la
//! Cruz" is one word, like `DeLaCruz`.

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
    /// The display form: the surface's, without a title; capitalised for a spelled word.
    pub shown: String,
    /// Its span in the surface, title and particles included.
    #[zeroize(skip)]
    pub range: Range<usize>,
    /// Whether it was spelled.
    pub is_spelled: bool,
}

/// A name. Given names come first, if the surface distinguishes them.
#[derive(Clone, PartialEq, Eq, Zeroize)]
pub(super) struct Name {
    pub words: Vec<NameWord>,
}

/// Parses a name; `None` if it has no word, or a word that is not letters.
pub(super) fn read(surface: &str, reading: &Reading) -> Option<Name> {
    let words = match json::strings(surface) {
        Some(parts) => {
            parts.iter().flat_map(|part| words::meant(part, &pieces(part, reading.languages))).flatten().collect()
        }
        None => words::meant(surface, &pieces(surface, reading.languages))?,
    };
    (!words.is_empty()).then_some(Name { words })
}

/// Every word of a name with its span, including those that the speaker retracted; `None` if the surface cannot be
/// split.
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

    /// The last word that is not a suffix, of a name with several words.
    pub fn family(&self) -> Option<&NameWord> {
        let is_suffix = |word: &&NameWord| words::is_suffix(&word.letters);
        let family = self.words.iter().rposition(|word| !is_suffix(&word)).filter(|at| *at > 0)?;
        self.words.get(family)
    }
}

#[cfg(test)]
mod tests;
