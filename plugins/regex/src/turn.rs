//! One message during the search: its tokens, key phrases, number runs and findings so far.

use crate::context::Carried;
use crate::keywords::{Cue, Keywords};
use crate::kinds::Kind;
use crate::runs::Run;
use crate::tokens::{Class, END, Gap, Token, tokenize};
use crate::words::{Flags, Words, flag};

/// A finding, in bytes of the turn's text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// What it is.
    pub kind: Kind,
    /// From 0 to 1.
    pub confidence: f32,
}

/// One message, or one window of a long one. The vectors are reused from message to message.
#[derive(Debug, Default)]
pub struct Turn<'t> {
    /// The text.
    pub text: &'t str,
    /// Its tokens.
    pub tokens: Vec<Token>,
    /// Its key phrases.
    pub cues: Vec<Cue>,
    /// Its runs of digits and spelled letters; filled after dates and addresses are claimed.
    pub runs: Vec<Run>,
    /// The runs' characters, upper case.
    pub chars: Vec<u8>,
    /// For each of `chars`, its first and last source token.
    pub source: Vec<(u32, u32)>,
    /// The findings.
    pub hits: Vec<Hit>,
    /// The union of all tokens' flags.
    pub seen: Flags,
    /// What the messages before ask for.
    pub carried: Carried,
}

impl<'t> Turn<'t> {
    /// Reads a new text.
    pub fn read(&mut self, words: &Words, keywords: &Keywords, text: &'t str, carried: Carried) {
        self.text = text;
        self.carried = carried;
        self.seen = tokenize(words, text, &mut self.tokens);
        self.cues.clear();
        if self.seen & flag::KEY != 0 {
            keywords.find(words, &self.tokens, &mut self.cues);
        }
        self.runs.clear();
        self.chars.clear();
        self.source.clear();
        self.hits.clear();
    }

    /// Whether any grammar could find something: a digit, a sign of an address, or a word with which some rule begins.
    pub fn may_hold_something(&self) -> bool {
        const WORDS: Flags = flag::NUMBER
            | flag::ORDINAL
            | flag::MONTH
            | flag::STREET
            | flag::STREET_FIRST
            | flag::TLD
            | flag::PROVIDER
            | flag::KEY
            | flag::SPELLING
            | flag::WRITTEN
            | flag::AT
            | flag::COLON;
        self.seen & WORDS != 0 || self.carried.asked().is_some()
    }

    /// The token, or [`END`] outside the text.
    #[inline]
    pub fn at(&self, at: usize) -> &Token {
        self.tokens.get(at).unwrap_or(&END)
    }

    /// The token before `at`, or [`END`] outside the text.
    #[inline]
    pub fn before(&self, at: usize) -> &Token {
        at.checked_sub(1).map_or(&END, |at| self.at(at))
    }

    /// The token's text.
    pub fn str_at(&self, at: usize) -> &'t str {
        let token = self.at(at);
        &self.text[token.start as usize..token.end as usize]
    }

    /// The number written by a token of at most nine digits.
    pub fn number_at(&self, at: usize) -> Option<u32> {
        let token = self.at(at);
        // The widest digit the tokeniser accepts has three bytes.
        if token.class != Class::Digits || token.len() > 27 {
            return None;
        }
        let digits = self.str_at(at).chars().map(|c| u32::from(crate::characters::digit_value(c)));
        if digits.clone().count() > 9 {
            return None;
        }
        Some(digits.fold(0, |sum, digit| sum * 10 + digit))
    }

    /// Number of digits of a digit token.
    pub fn width_at(&self, at: usize) -> usize {
        let text = self.str_at(at);
        if text.is_ascii() { text.len() } else { text.chars().count() }
    }

    /// Whether a unit follows at `at`: "mg", "percent", "%", and "m g" as recognisers spell it.
    pub fn is_unit(&self, at: usize) -> bool {
        let (token, next) = (self.at(at), self.at(at + 1));
        let counted = |token: &Token| token.is_digits() || token.is(flag::NUMBER);
        // "Eight c m eight" is part of a vehicle's number.
        let spelled = token.is_letter()
            && counted(self.before(at))
            && !counted(self.at(at + 2))
            && !self.at(at + 2).is_letter()
            && next.is_letter()
            && matches!(
                (token.sign, next.sign),
                (b'M', b'G' | b'L' | b'M') | (b'K', b'G') | (b'C', b'C' | b'M') | (b'A' | b'P', b'M')
            );
        token.is(flag::UNIT) || token.is_sign(b'%') || spelled
    }

    /// Whether the word is "id".
    pub fn is_id(&self, at: usize) -> bool {
        ["id", "ids"].iter().any(|word| self.str_at(at).eq_ignore_ascii_case(word))
    }

    /// Whether a sentence ends before this token.
    pub fn starts_sentence(&self, at: usize) -> bool {
        let before = self.before(at);
        self.at(at).gap == Gap::Line || (before.is_sign_of(b".!?") && !self.at(at).is_glued())
    }

    /// Records the tokens `first..=last` as a finding and marks them as claimed.
    pub fn found(&mut self, first: usize, last: usize, kind: Kind, confidence: f32) {
        let (Some(from), Some(to)) = (self.tokens.get(first), self.tokens.get(last)) else { return };
        self.hits.push(Hit { start: from.start, end: to.end, kind, confidence });
        self.tokens[first..=last].iter_mut().for_each(|token| token.claimed = true);
    }

    /// The last key phrase that ends before token `at`, at most `reach` tokens away, and for which `wanted` holds.
    pub fn cue_before(&self, at: usize, reach: usize, wanted: impl Fn(&Cue) -> bool) -> Option<&Cue> {
        let after = self.cues.partition_point(|cue| (cue.last as usize) < at);
        let cue = self.cues[..after].last()?;
        (at - cue.last as usize <= reach + 1 && wanted(cue)).then_some(cue)
    }

    /// The next key phrase that begins after token `at`, with the same conditions.
    pub fn cue_after(&self, at: usize, reach: usize, wanted: impl Fn(&Cue) -> bool) -> Option<&Cue> {
        let after = self.cues.partition_point(|cue| (cue.first as usize) <= at);
        let cue = self.cues.get(after)?;
        (cue.first as usize - at <= reach + 1 && wanted(cue)).then_some(cue)
    }
}
