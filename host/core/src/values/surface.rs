//! Splits a surface into words, numbers and signs.

use std::borrow::Cow;
use std::ops::Range;

use masker_words::Language;
use unicode_normalization::char::is_combining_mark;

use super::fold::fold;
use super::lexicon::{Word, meaning};

/// A word, a run of digits or a sign of a surface.
#[derive(Clone)]
pub(super) struct Piece<'t> {
    /// Its span.
    pub range: Range<usize>,
    /// As written in the surface.
    pub raw: &'t str,
    /// Lower case, no accents, no apostrophes.
    pub folded: Cow<'t, str>,
    pub sort: Sort,
    pub word: Word,
    /// Whether it directly follows the previous piece.
    pub glued: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sort {
    Letters,
    Digits,
    Sign(char),
}

impl Piece<'_> {
    /// The letter, if it is a single letter. A Chinese character is a word.
    pub fn letter(&self) -> Option<char> {
        let mut letters = self.folded.chars();
        let first = letters.next().filter(|first| first.is_lowercase())?;
        (self.sort == Sort::Letters && letters.next().is_none()).then_some(first)
    }

    /// Its digits, if it is a written number.
    pub fn digits(&self) -> Option<&str> {
        (self.sort == Sort::Digits).then_some(&*self.folded)
    }

    /// The sign, written or spoken.
    pub fn sign(&self) -> Option<char> {
        match (self.sort, self.word) {
            (Sort::Sign(sign), _) | (_, Word::Sign(sign)) => Some(sign),
            _ => None,
        }
    }

    pub fn is_word(&self, word: &str) -> bool {
        self.sort == Sort::Letters && self.folded == word
    }

    pub fn is_number_word(&self) -> bool {
        use Word::*;
        matches!(
            self.word,
            Digit(_) | Oh | Teen(_) | Tens(_) | Hundred | Hundreds(_) | Thousand | Ordinal(_) | Repeat(_)
        )
    }
}

/// The pieces of a surface, without white space.
pub(super) fn pieces<'t>(text: &'t str, languages: &[Language]) -> Vec<Piece<'t>> {
    let mut pieces = Vec::with_capacity(text.len() / 4 + 1);
    let (mut at, mut end) = (0, 0);
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() || first.is_control() {
            at += first.len_utf8();
            continue;
        }
        let sort = match first {
            c if is_letter(c) => Sort::Letters,
            c if c.is_numeric() => Sort::Digits,
            c => Sort::Sign(dash(c)),
        };
        let length = match sort {
            Sort::Letters => letters(&text[at..]),
            Sort::Digits => text[at..].find(|c: char| !c.is_numeric()).unwrap_or(text.len() - at),
            Sort::Sign(_) => first.len_utf8(),
        };
        let raw = &text[at..at + length];
        let folded = match sort {
            Sort::Letters if raw.contains(is_apostrophe) => Cow::Owned(fold(raw).replace(is_apostrophe, "")),
            Sort::Letters | Sort::Digits => fold(raw),
            Sort::Sign(_) => Cow::Borrowed(raw),
        };
        let word = if sort == Sort::Letters { meaning(&folded, languages) } else { Word::Plain };
        pieces.push(Piece { range: at..at + length, raw, folded, sort, word, glued: at == end && at > 0 });
        at += length;
        end = at;
    }
    pieces
}

/// Length of the word at this position. An apostrophe within it is part of it.
fn letters(text: &str) -> usize {
    let mut end = 0;
    for (at, c) in text.char_indices() {
        match c {
            c if is_letter(c) => end = at + c.len_utf8(),
            c if is_apostrophe(c) && end == at => {}
            _ => break,
        }
    }
    end
}

fn is_letter(c: char) -> bool {
    c.is_alphabetic() || is_combining_mark(c)
}

pub(super) fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | 'ʼ' | '`' | '´')
}

/// Maps every hyphen and dash to one character.
fn dash(c: char) -> char {
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::BOTH;
    use super::*;

    #[test]
    fn a_surface_is_cut_into_words_numbers_and_signs() {
        let cut = |text| pieces(text, BOTH).iter().map(|p| p.folded.to_string()).collect::<Vec<_>>();
        assert_eq!(cut("Mr. O'Brien-Peña, 25th"), ["mr", ".", "obrien", "-", "pena", ",", "25", "th"]);
        assert_eq!(cut("smiths' ４１５"), ["smiths", "'", "415"]);
        assert!(cut(" \u{0}\n").is_empty());
        assert!(pieces("25th", BOTH)[1].glued);
    }
}
