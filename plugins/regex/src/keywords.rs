//! Key phrases: "member id", "date of birth". A value near a phrase has the phrase's kind.

use crate::rules::RULES;
use crate::tokens::{Class, Gap, Token};
use crate::words::{Words, flag};

/// The largest number of words in a key phrase.
const LONGEST: usize = 5;

/// A key phrase found in a text.
#[derive(Debug, Clone, Copy)]
pub struct Cue {
    /// First token.
    pub first: u32,
    /// Last token.
    pub last: u32,
    /// Index into [`RULES`], or [`NOTHING`].
    pub rule: u8,
    /// Whether the phrase is unambiguous. A weak one counts only right before its value.
    pub strong: bool,
}

/// The rule of phrases that ask for something no rule detects, such as a time: they end the reach of earlier key
/// phrases.
pub const NOTHING: u8 = u8::MAX;

/// Phrases after which a number is not an identifier, whatever was asked before.
const NOTHING_PHRASES: &[&str] = &[
    "what time",
    "which time",
    "how many",
    "how much",
    "how often",
    "how long",
    "how far",
    "when would",
    "when do",
    "when did",
    "what day",
    "which day",
    "room",
    "bed",
    "floor",
    "blood pressure",
    "heart rate",
    "pulse",
    "temperature",
    "weight",
    "height",
    "dose",
    "dosage",
    "pain scale",
    "scale of",
    "oxygen",
    "glucose",
    "blood sugar",
    "cholesterol",
    "party of",
    "table for",
    "option",
];

/// Phrases that announce several values, in the plural.
const PLURALS: &[&str] = &[
    "mrn",
    "ssn",
    "phone",
    "phone number",
    "member id",
    "policy number",
    "patient id",
    "record number",
    "card number",
    "case number",
];

#[derive(Debug, Clone, Copy)]
struct Phrase {
    words: [u16; LONGEST],
    len: u8,
    rule: u8,
    strong: bool,
}

/// All key phrases, grouped by their first word, longest first.
#[derive(Debug, Clone)]
pub struct Keywords {
    phrases: Vec<Phrase>,
}

impl Keywords {
    /// Collects the rules' phrases and marks their first words in `words`.
    pub fn new(words: &mut Words) -> Self {
        let mut phrases = Vec::new();
        for (rule, spec) in RULES.iter().enumerate() {
            for text in spec.strong {
                phrases.push(phrase(words, text, rule as u8, true));
                // "MRNs: 52817346, 60391827".
                if PLURALS.contains(text) {
                    phrases.push(phrase(words, &format!("{text}s"), rule as u8, true));
                }
            }
            for text in spec.weak {
                phrases.push(phrase(words, text, rule as u8, false));
            }
        }
        for text in NOTHING_PHRASES {
            phrases.push(phrase(words, text, NOTHING, true));
        }
        phrases.sort_by_key(|phrase| (phrase.words[0], std::cmp::Reverse(phrase.len)));
        let mut previous = 0;
        for (at, phrase) in phrases.iter().enumerate() {
            if phrase.words[0] != previous {
                previous = phrase.words[0];
                words.set_phrases(previous, at as u16);
            }
        }
        Self { phrases }
    }

    /// Finds the key phrases of a text, in order, not overlapping.
    pub fn find(&self, words: &Words, tokens: &[Token], out: &mut Vec<Cue>) {
        out.clear();
        let mut at = 0;
        while at < tokens.len() {
            let token = &tokens[at];
            if token.is(flag::KEY) {
                let from = words.get(token.word).phrases as usize;
                let group = self.phrases[from..].iter().take_while(|p| p.words[0] == token.word);
                let hit = group.filter_map(|p| Some((p, last_token(p, tokens, at)?))).next();
                if let Some((phrase, last)) = hit {
                    out.push(Cue { first: at as u32, last: last as u32, rule: phrase.rule, strong: phrase.strong });
                    at = last;
                }
            }
            at += 1;
        }
    }
}

fn phrase(words: &mut Words, text: &str, rule: u8, strong: bool) -> Phrase {
    let mut phrase = Phrase { words: [0; LONGEST], len: 0, rule, strong };
    for word in text.split_ascii_whitespace().take(LONGEST) {
        let flags = if phrase.len == 0 { flag::KEY } else { 0 };
        phrase.words[usize::from(phrase.len)] = words.add(word, flags, 0);
        phrase.len += 1;
    }
    phrase
}

/// The last token of the phrase when it occurs at `at`. Signs inside it ("e-mail", "d.o.b.", "license_plate") and one
/// filler between words are skipped.
fn last_token(phrase: &Phrase, tokens: &[Token], at: usize) -> Option<usize> {
    let mut here = at;
    for word in &phrase.words[1..usize::from(phrase.len)] {
        here += 1;
        if tokens.get(here)?.is_sign_of(b"-._'/#") || tokens[here].is(flag::FILLER) {
            here += 1;
        }
        let token = tokens.get(here)?;
        if token.word != *word || token.class != Class::Word || token.gap == Gap::Line {
            return None;
        }
    }
    Some(here)
}
