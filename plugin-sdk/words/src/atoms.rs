//! The parts of number words: "forty-two" is a ten and a unit, "einundzwanzig" a unit, "and" and a ten.

use crate::table::{find, longest};
use crate::{Folded, Language, cardinals, connectives, of, ordinals, repeats, spoken_digits};

/// The role of an atom in a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Zero to nine.
    Unit,
    /// Ten to nineteen, and any other number below a hundred that takes no unit after it.
    Teen,
    /// Twenty, thirty, ... ninety.
    Ten,
    /// A hundred, or several in one word.
    Hundred,
    /// A thousand or more.
    Scale,
    /// "and".
    And,
    /// A digit that is never part of a larger number: "oh".
    Digit,
    /// "double": the value is the number of repetitions of the next one.
    Repeat,
}

/// A number word or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Atom {
    /// Its role.
    pub class: Class,
    /// Its value; 0 for "and".
    pub value: u32,
    /// It is an ordinal.
    pub ordinal: bool,
}

impl Atom {
    fn number(value: u32, ordinal: bool) -> Self {
        let class = match value {
            0..=9 => Class::Unit,
            20..=90 if value % 10 == 0 => Class::Ten,
            10..=99 => Class::Teen,
            100..=999 => Class::Hundred,
            _ => Class::Scale,
        };
        Self { class, value, ordinal }
    }

    fn and((): ()) -> Self {
        Self { class: Class::And, value: 0, ordinal: false }
    }
}

/// The atoms of one word, in order; none unless the whole word is a number.
pub fn atoms(language: Language, word: &str) -> Atoms {
    let whole = Folded::new(word).map_or(Atoms::none(language), |word| Atoms { language, word, at: 0 });
    let mut rest = whole;
    match rest.by_ref().last() {
        Some(_) if rest.is_done() => whole,
        _ => Atoms::none(language),
    }
}

/// Iterates over the atoms of a word.
#[derive(Clone, Copy, Debug)]
pub struct Atoms {
    language: Language,
    word: Folded,
    at: usize,
}

impl Atoms {
    fn none(language: Language) -> Self {
        Self { language, word: Folded::EMPTY, at: 0 }
    }

    fn is_done(&self) -> bool {
        self.at >= self.word.as_bytes().len()
    }

    /// The whole word as one atom. Connectives, digits like "oh" and repeaters exist only in this form.
    fn whole(&self) -> Option<Atom> {
        let word = self.word.as_bytes();
        let plain = |class, value: u8| Atom { class, value: value.into(), ordinal: false };
        find(cardinals(self.language), word)
            .map(|value| Atom::number(value, false))
            .or_else(|| {
                find(ordinals(self.language), without_case(self.language, word)).map(|value| Atom::number(value, true))
            })
            .or_else(|| find(connectives(self.language), word).map(Atom::and))
            .or_else(|| find(spoken_digits(self.language), word).map(|digit| plain(Class::Digit, digit)))
            .or_else(|| find(repeats(self.language), word).map(|times| plain(Class::Repeat, times)))
    }

    /// The longest part that begins at `from`, and its end. An ordinal ends a word ("tenth" is not in "tenthousand").
    fn part(&self, from: usize) -> Option<(Atom, usize)> {
        let rest = self.word.as_bytes().get(from..)?;
        let parts = rest.split(|byte| *byte == b'-').next()?;
        let base = without_case(self.language, parts);
        let ends = |length| length == base.len() && parts.len() == rest.len();
        match longest(ordinals(self.language), base) {
            Some((value, length)) if ends(length) => {
                return Some((Atom::number(value, true), self.word.as_bytes().len()));
            }
            Some((value, length)) if of!(self.language, ORDINALS_CHAIN) => {
                return Some((Atom::number(value, true), from + length));
            }
            _ => {}
        }
        // "Cent-otto": the vowel before the next part is elided.
        let is_elided =
            |length| parts.get(length..).is_some_and(|next| next.starts_with(b"u") || next.starts_with(b"ott"));
        let elided = longest(of!(self.language, ELIDED), parts).filter(|(_, length)| is_elided(*length));
        if let Some((value, length)) = elided {
            return Some((Atom::number(value, false), from + length));
        }
        if let Some((value, length)) = longest(cardinals(self.language), parts) {
            return Some((Atom::number(value, false), from + length));
        }
        let (and, length) = longest(connectives(self.language), parts)?;
        (from > 0 && length < rest.len()).then(|| (Atom::and(and), from + length))
    }
}

/// A German ordinal without the ending for case and gender: "ersten" is "erste" and an n.
pub(crate) fn without_case(language: Language, word: &[u8]) -> &[u8] {
    match word {
        [base @ .., b'n' | b'r' | b's' | b'm'] if language == Language::German && base.ends_with(b"te") => base,
        _ => word,
    }
}

impl Iterator for Atoms {
    type Item = Atom;

    fn next(&mut self) -> Option<Atom> {
        if self.at == 0 {
            if let Some(atom) = self.whole() {
                self.at = self.word.as_bytes().len();
                return Some(atom);
            }
        }
        let hyphen = self.at > 0 && self.word.as_bytes().get(self.at) == Some(&b'-');
        let (atom, end) = self.part(self.at + usize::from(hyphen))?;
        self.at = end;
        Some(atom)
    }
}
