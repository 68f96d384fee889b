//! Finds tokens in what a model writes, while it writes.
//!
//! The promise: a caller never hears a raw token or a part of one, however the model mangled it. Natural text comes
//! second to that, but close: text that cannot be part of a token is never held back.
//!
//! A [`Scanner`] keeps only the candidate that is not decided yet and judges it again when more of it has come. A
//! judgement never looks further than the bytes that it is about, and bounds how many those can be; so the result does
//! not depend on how the text was cut into pieces, and what is held back is bounded (some 500 bytes for the vault, more
//! for an AEAD token that announces more).
//!
//! * `unit`: one character, with escapes, width and case set aside.
//! * `cursor`: steps over units, with noise between them.
//! * `candidate`: the long tokens. `compact`: those in brackets.
//! * `debris`: what to drop after something that failed. `stray`: values whose token was lost before them.

use self::candidate::{Candidate, Verdict};
use self::debris::{Debris, Sweep};
use self::stray::CapitalRun;
use self::unit::{Source, Sym};
use super::format::{CompactToken, Token};
use crate::kind::Kind;
use crate::text::ByteSpan;

mod candidate;
mod compact;
mod cursor;
mod debris;
mod stray;
mod unit;

#[cfg(test)]
mod tests;

/// What sort of text is scanned.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ScanMode {
    /// The text is a JSON document in pieces, such as the arguments of a tool call.
    pub json: bool,
    /// Compact tokens are looked for besides the long ones.
    pub compact: bool,
}

/// How the text ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// It was cut off at a limit.
    Length,
    /// The stream broke.
    Broken,
}

/// A token that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AnyToken {
    /// `MSKV1` or `MSK1`.
    Long(Token),
    /// `[KIND_label]`.
    Compact(CompactToken),
}

/// A token that was found, to be resolved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenRef {
    /// What it says.
    pub found: AnyToken,
    /// The view of the value that is asked for, the name of a [`crate::values::View`]; `None` for all of it.
    pub view: Option<&'static str>,
    /// Letters that stood directly after it, as they were written. They are shown after the original; when the token
    /// does not resolve they are taken for more of it and dropped, since a made-up token has no right length.
    pub tail: String,
    /// Characters of the model's text that it covers.
    pub len: usize,
}

impl TokenRef {
    /// What sort of data it stands for.
    pub fn kind(&self) -> &Kind {
        match &self.found {
            AnyToken::Long(token) => &token.kind,
            AnyToken::Compact(token) => &token.kind,
        }
    }
}

/// A piece of scanned text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scanned {
    /// Safe to release.
    Text(String),
    /// To be resolved.
    Token(TokenRef),
    /// Certainly (part of) a token, but cut, malformed or made up: never shown.
    Fragment {
        /// Its kind, when that could be read.
        kind: Option<Kind>,
        /// Characters of the model's text that it covers.
        len: usize,
    },
    /// Nothing that is shown, and no failure: what belongs to a fragment before it.
    Dropped {
        /// Characters of the model's text that it covers.
        len: usize,
    },
}

/// Finds tokens in one text that arrives in pieces: one scanner per choice and field.
#[derive(Debug)]
pub struct Scanner {
    walk: Walk,
    /// The candidate that is not decided yet.
    held: String,
}

impl Scanner {
    /// A scanner at the beginning of a text.
    pub fn new(mode: ScanMode) -> Self {
        Self { walk: Walk::new(mode), held: String::new() }
    }

    /// As [`Scanner::push_into`], with a list of its own.
    pub fn push(&mut self, text: &str) -> Vec<Scanned> {
        let mut pieces = Vec::new();
        self.push_into(text, &mut pieces);
        pieces
    }

    /// Takes the next piece of the text and appends what is decided by it.
    pub fn push_into(&mut self, text: &str, pieces: &mut Vec<Scanned>) {
        if self.held.is_empty() {
            let held = self.walk.pieces(text, None, pieces);
            self.held.push_str(&text[held..]);
        } else {
            let mut text = std::mem::take(&mut self.held) + text;
            let held = self.walk.pieces(&text, None, pieces);
            text.drain(..held);
            self.held = text;
        }
    }

    /// Takes the next piece if all of it is text at first sight, which is so for nearly every piece of nearly every
    /// answer, and says so: it can go on as it came. Otherwise nothing has happened.
    pub fn passes(&mut self, text: &str) -> bool {
        if self.is_holding() || self.walk.debris.is_some() {
            return false;
        }
        let before = self.walk.run;
        if self.walk.plain(text.as_bytes()) < text.len() {
            self.walk.run = before;
            return false;
        }
        if let Some(last) = text.chars().next_back() {
            self.walk.in_word = last.is_alphanumeric();
        }
        true
    }

    /// Whether something is held back.
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether what is held back is one whole token and nothing else: it waits only for what may follow it.
    pub fn holds_whole_token(&self) -> bool {
        let mut walk = Walk::new(self.walk.mode);
        let step = (!self.held.is_empty()).then(|| walk.step(&self.held, 0, Some(FinishReason::Stop))).flatten();
        matches!(step, Some((len, Step::Token { .. })) if len == self.held.len())
    }

    /// The text is over: decides what was held back. The scanner is then at the beginning of a new text.
    pub fn finish(&mut self, reason: FinishReason) -> Vec<Scanned> {
        let mut pieces = Vec::new();
        let text = std::mem::take(&mut self.held);
        let decided = self.walk.pieces(&text, Some(reason), &mut pieces);
        if decided < text.len() {
            // Everything is decided at the end of a text; were it not, this is the safe side.
            pieces.push(Scanned::Fragment { kind: None, len: text[decided..].chars().count() });
        }
        self.walk = Walk::new(self.walk.mode);
        pieces
    }
}

/// Spans of a caller's own text that a scanner would take for a token, in order and apart. They are data and get tokens
/// of their own, so that nothing a caller says is ever resolved or dropped.
pub fn find_lookalikes(text: &str, compact: bool) -> Vec<ByteSpan> {
    let mut walk = Walk::new(ScanMode { json: false, compact });
    let (mut spans, mut at): (Vec<ByteSpan>, usize) = (Vec::new(), 0);
    while at < text.len() {
        let (len, step) = walk.step(text, at, Some(FinishReason::Stop)).unwrap_or((text.len() - at, Step::Drop));
        if !matches!(step, Step::Text) {
            match spans.last_mut() {
                Some(last) if last.end == at => last.end = at + len,
                _ => spans.push(ByteSpan::new(at, at + len)),
            }
        }
        at += len;
    }
    spans
}

/// Goes through a text from one decision to the next.
#[derive(Debug)]
struct Walk {
    mode: ScanMode,
    /// Whether a letter was the last thing.
    in_word: bool,
    /// The capitals that were the last thing.
    run: CapitalRun,
    /// What to drop of what follows.
    debris: Option<Debris>,
}

/// What was decided about some bytes.
enum Step {
    Text,
    Drop,
    Token { found: AnyToken, view: Option<&'static str>, tail: usize },
    Fragment(Option<Kind>),
}

impl Walk {
    fn new(mode: ScanMode) -> Self {
        Self { mode, in_word: false, run: CapitalRun::default(), debris: None }
    }

    /// Appends the pieces of a text as far as they are decided, and returns how far that is.
    fn pieces(&mut self, text: &str, finish: Option<FinishReason>, pieces: &mut Vec<Scanned>) -> usize {
        let (mut at, mut plain) = (0, 0);
        while at < text.len() {
            let Some((len, step)) = self.step(text, at, finish) else {
                break;
            };
            if !matches!(step, Step::Text) {
                release(&text[plain..at], pieces);
                plain = at + len;
            }
            let covered = &text[at..at + len];
            match step {
                Step::Text => {}
                Step::Drop => pieces.push(Scanned::Dropped { len: covered.chars().count() }),
                Step::Token { found, view, tail } => {
                    let tail = covered[len - tail..].to_owned();
                    pieces.push(Scanned::Token(TokenRef { found, view, tail, len: covered.chars().count() }));
                }
                Step::Fragment(kind) => pieces.push(Scanned::Fragment { kind, len: covered.chars().count() }),
            }
            at += len;
        }
        release(&text[plain..at], pieces);
        at
    }

    /// What stands at `at`, and how many bytes of it; nothing when that is not clear yet.
    fn step(&mut self, text: &str, at: usize, finish: Option<FinishReason>) -> Option<(usize, Step)> {
        let source = Source { text, json: self.mode.json, done: finish.is_some() };
        let place = Candidate { source, at, in_word: self.in_word, finish, compact: self.mode.compact };
        if let Some(debris) = &mut self.debris {
            match debris.sweep(place) {
                Sweep::More => return None,
                Sweep::Drop(len) => return Some((len, Step::Drop)),
                Sweep::Leave => self.debris = None,
            }
        }
        let bytes = &text.as_bytes()[at..];
        let plain = self.plain(bytes);
        if plain > 0 {
            self.in_word = text[at..at + plain].chars().next_back().is_some_and(char::is_alphanumeric);
            return Some((plain, Step::Text));
        }
        let verdict = match judge_at(place) {
            Verdict::Text(_) if self.run.is_held() && stray::is_letter(bytes[0]) => {
                let (len, is_value) = self.run.judge(bytes, finish.is_some()).ok()?;
                match is_value {
                    true => Verdict::Fragment { len, kind: None, debris: Debris::new(true, false) },
                    false => Verdict::Text(len),
                }
            }
            verdict => verdict,
        };
        Some(match verdict {
            Verdict::More => return None,
            Verdict::Text(len) => {
                bytes[..len].iter().for_each(|byte| self.run.push(*byte));
                self.in_word = matches!(source.unit(at), Ok(Some(unit)) if unit.is_word());
                (len, Step::Text)
            }
            Verdict::Drop(len) => (len, Step::Drop),
            Verdict::Token { len, found, view, tail } => {
                (self.in_word, self.run) = (false, CapitalRun::default());
                (len, Step::Token { found, view, tail })
            }
            Verdict::Fragment { len, kind, debris } => {
                (self.in_word, self.run) = (true, CapitalRun::after_fragment());
                self.debris = Some(debris);
                (len, Step::Fragment(kind))
            }
        })
    }

    /// Passes the bytes before one at which a token could begin, and says how many they are.
    fn plain(&mut self, bytes: &[u8]) -> usize {
        let compact = self.mode.compact;
        for (at, &byte) in bytes.iter().enumerate() {
            let start = match STARTS[usize::from(byte)] {
                Start::Never => false,
                Start::Value => self.run.is_held(),
                // Most words with an M are settled by its neighbour.
                Start::Letter => {
                    let next = bytes.get(at + 1).copied().unwrap_or(b's');
                    matches!(next, b'S' | b's') || !next.is_ascii_alphanumeric() || self.run.is_held()
                }
                Start::Always => true,
                Start::InCompact => compact,
            };
            if start {
                return at;
            }
            self.run.push(byte);
        }
        bytes.len()
    }
}

#[derive(Clone, Copy)]
enum Start {
    Never,
    Value,
    Letter,
    Always,
    InCompact,
}

/// Bytes at which a token can begin: an M, written as it is, as an escape or full-width, or what may stand before one;
/// and the letters of values.
static STARTS: [Start; 256] = {
    let mut starts = [Start::Never; 256];
    let mut byte = 0;
    while byte < 128 {
        if matches!(byte as u8, b'A'..=b'Z' | b'2'..=b'7') {
            starts[byte] = Start::Value;
        }
        byte += 1;
    }
    starts[b'M' as usize] = Start::Letter;
    starts[b'm' as usize] = Start::Letter;
    starts[b'&' as usize] = Start::Always;
    starts[b'\\' as usize] = Start::Always;
    // The first byte of U+F000 to U+FFFF.
    starts[0xEF] = Start::Always;
    starts[b'[' as usize] = Start::InCompact;
    starts
};

/// Judges what begins at a place.
fn judge_at(place: Candidate<'_>) -> Verdict {
    let unit = match place.source.unit(place.at) {
        Ok(Some(unit)) => unit,
        Ok(None) => return Verdict::Text(0),
        Err(_) => return Verdict::More,
    };
    match unit.sym {
        Sym::Alnum(b'M') => candidate::judge(place),
        Sym::Open if place.compact => compact::judge(place),
        Sym::Clear if place.compact && unit.ch == '\\' => compact::judge(place),
        _ => Verdict::Text(unit.len),
    }
}

/// Appends plain text, to the last piece where that is text too.
fn release(text: &str, pieces: &mut Vec<Scanned>) {
    if text.is_empty() {
        return;
    }
    match pieces.last_mut() {
        Some(Scanned::Text(last)) => last.push_str(text),
        _ => pieces.push(Scanned::Text(text.to_owned())),
    }
}
