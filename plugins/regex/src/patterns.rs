//! A tenant's own patterns: one dense automaton each, with an optional check digit and context words.

use std::ops::Range;

use masker_plugin_sdk::dfa;

use crate::settings::PatternSettings;
use masker_plugin_sdk::checksums;

/// How much a context word adds to the confidence, and the upper limit.
const CONTEXT_GAIN: f32 = 0.3;
const CONTEXT_LIMIT: f32 = 0.99;
/// How many words a context word may be away.
const CONTEXT_REACH: usize = 8;
/// A search for context words reads at most this many bytes on either side.
const CONTEXT_BYTES: usize = 200;

/// A check on upper-case letters and digits.
type Validator = fn(&[u8]) -> bool;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    kind: String,
    confidence: f32,
    context: Vec<String>,
    validator: Option<Validator>,
    automaton: dfa::Pattern,
}

impl Pattern {
    /// Compiles a pattern. The error holds the field and a message.
    pub fn new(settings: &PatternSettings) -> Result<Self, (&'static str, String)> {
        if !is_kind(&settings.kind) {
            return Err(("kind", "a kind is one to 64 of A-Z, 0-9 and _, and begins with a letter".into()));
        }
        if !(0.0..=1.0).contains(&settings.confidence) {
            return Err(("confidence", "a confidence is a number from 0 to 1".into()));
        }
        let validator = settings.validator.as_deref().map(validator).transpose()?;
        let automaton = dfa::Pattern::new(&settings.regex).map_err(|message| ("regex", message))?;
        Ok(Self {
            kind: settings.kind.clone(),
            confidence: settings.confidence,
            context: settings.context.iter().map(|word| word.to_lowercase()).collect(),
            validator,
            automaton,
        })
    }

    /// The kind of its matches.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The matches with a valid check digit, with their confidences.
    pub fn find<'p>(&'p self, text: &'p str) -> impl Iterator<Item = (Range<usize>, f32)> + 'p {
        self.automaton.find_iter(text).filter(|span| self.is_valid(&text[span.clone()])).map(move |span| {
            let near = !self.context.is_empty() && self.has_context(text, &span);
            let raised = (self.confidence + CONTEXT_GAIN).min(CONTEXT_LIMIT).max(self.confidence);
            (span, if near { raised } else { self.confidence })
        })
    }

    fn is_valid(&self, text: &str) -> bool {
        let Some(validator) = self.validator else { return true };
        let mut code = [0; 64];
        let mut length = 0;
        for byte in text.bytes().filter(u8::is_ascii_alphanumeric) {
            let Some(place) = code.get_mut(length) else { return false };
            *place = byte.to_ascii_uppercase();
            length += 1;
        }
        validator(&code[..length])
    }

    fn has_context(&self, text: &str, span: &Range<usize>) -> bool {
        let mut from = span.start.saturating_sub(CONTEXT_BYTES);
        let mut to = (span.end + CONTEXT_BYTES).min(text.len());
        while !text.is_char_boundary(from) {
            from += 1;
        }
        while !text.is_char_boundary(to) {
            to -= 1;
        }
        let is_context = |word: &str| self.context.iter().any(|context| *context == word.to_lowercase());
        words(&text[from..span.start]).rev().take(CONTEXT_REACH).any(is_context)
            || words(&text[span.end..to]).take(CONTEXT_REACH).any(is_context)
    }
}

fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn is_kind(kind: &str) -> bool {
    let upper = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    kind.len() <= 64 && kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.bytes().all(upper)
}

fn validator(name: &str) -> Result<Validator, (&'static str, String)> {
    Ok(match name {
        "luhn" => checksums::luhn,
        "mod97" => checksums::mod97,
        "npi" => checksums::npi,
        "dea" => checksums::dea,
        "vin" => checksums::vin,
        "aba" => checksums::aba,
        "imei" => checksums::imei,
        _ => return Err(("validator", "a validator is one of luhn, mod97, npi, dea, vin, aba, imei".into())),
    })
}
