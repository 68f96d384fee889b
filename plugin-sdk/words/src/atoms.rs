//! The parts of number words: "forty-two" is a ten and a unit, "einundzwanzig" a unit, "and" and a ten.

use crate::table::find;
use crate::{Folded, Language, cardinals, connectives, ordinals, repeats, spoken_digits};

/// What an atom does in a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Zero to nine.
    Unit,
    /// Ten to nineteen, and whatever else below a hundred has no unit after it.
    Teen,
    /// Twenty, thirty, ... ninety.
    Ten,
    /// A hundred, or several in one word.
    Hundred,
    /// A thousand and more.
    Scale,
    /// "and".
    And,
    /// A digit that is part of no larger number: "oh".
    Digit,
    /// "double": the value is how often the next one is said.
    Repeat,
}

/// A word of a number or the part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Atom {
    /// What it does.
    pub class: Class,
    /// Its value; 0 for "and".
    pub value: u32,
    /// It is said as an ordinal.
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
}

/// The atoms of one word, in order; none when it is not all of a number.
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

/// The longest word that is part of others has fewer letters.
const LONGEST_PART: usize = 20;

impl Atoms {
    fn none(language: Language) -> Self {
        Self { language, word: Folded::EMPTY, at: 0 }
    }

    fn is_done(&self) -> bool {
        self.at >= self.word.as_bytes().len()
    }

    /// The word whole. Only so is it a connective, a digit like "oh" or a repeater.
    fn whole(&self) -> Option<Atom> {
        let word = self.word.as_bytes();
        let plain = |class, value: u8| Atom { class, value: value.into(), ordinal: false };
        cardinal(self.language, word)
            .or_else(|| ordinal(self.language, word))
            .or_else(|| and(self.language, word))
            .or_else(|| find(spoken_digits(self.language), word).map(|digit| plain(Class::Digit, digit)))
            .or_else(|| find(repeats(self.language), word).map(|times| plain(Class::Repeat, times)))
    }

    /// The longest part that begins at `from`, and where it ends. An ordinal is the end of a word ("tenth" is not in
    /// "tenthousand").
    fn part(&self, from: usize) -> Option<(Atom, usize)> {
        let rest = self.word.as_bytes().get(from..)?;
        let most = rest.iter().position(|byte| *byte == b'-').unwrap_or(rest.len()).min(LONGEST_PART);
        (1..=most).rev().find_map(|length| {
            let part = rest.get(..length)?;
            let ends = length == rest.len();
            let atom = cardinal(self.language, part)
                .or_else(|| ordinal(self.language, part).filter(|_| ends))
                .or_else(|| and(self.language, part).filter(|_| from > 0 && !ends))?;
            Some((atom, from + length))
        })
    }
}

fn cardinal(language: Language, word: &[u8]) -> Option<Atom> {
    find(cardinals(language), word).map(|value| Atom::number(value, false))
}

fn ordinal(language: Language, word: &[u8]) -> Option<Atom> {
    find(ordinals(language), word).map(|value| Atom::number(value, true))
}

fn and(language: Language, word: &[u8]) -> Option<Atom> {
    find(connectives(language), word).map(|()| Atom { class: Class::And, value: 0, ordinal: false })
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
