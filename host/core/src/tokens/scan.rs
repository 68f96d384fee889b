//! Finds tokens in a model's streamed answer.
//!
//! The guarantee: a caller never receives a raw token or a part of one, however the model mangled it. Natural text
//! has the second priority: text that cannot be part of a token is never held back.
//!
//! A [`Scanner`] buffers only the undecided candidate and judges it again when more of it has arrived. A judgement
//! never reads beyond the bytes it covers, and their number is bounded. The result therefore does not depend on how
//! the text was split, and the buffer is bounded (some 500 bytes for the vault, more for an AEAD token that announces
//! more).
//!
//! * `unit`: one character, with escapes, width and case normalised.
//! * `cursor`: iterates over units, with noise between them.
//! * `candidate`: long tokens. `compact`: tokens in brackets.
//! * `debris`: what to drop after a failed token. `stray`: values that lost the start of their token.

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

/// Options of a scan.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ScanMode {
    /// The text is a JSON document in pieces, such as the arguments of a tool call.
    pub json: bool,
    /// Compact tokens are recognised as well as long ones.
    pub compact: bool,
}

/// The reason for the end of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FinishReason {
    /// The model finished.
    Stop,
    /// It was cut off at a limit.
    Length,
    /// The stream was interrupted.
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

/// A token that was found and has to be resolved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenRef {
    /// The parsed token.
    pub found: AnyToken,
    /// The requested view, the name of a [`crate::values::View`]; `None` for the whole value.
    pub view: Option<&'static str>,
    /// Letters directly after the token, as written. They are printed after the original. If the token does not
    /// resolve, they count as part of it and are dropped, since a made-up token has no correct length.
    pub tail: String,
    /// Number of characters of the model's text that it covers.
    pub len: usize,
}

impl TokenRef {
    /// The kind of data.
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
    /// Certainly a token or part of one, but cut, malformed or made up: never shown.
    Fragment {
        /// Its kind, if readable.
        kind: Option<Kind>,
        /// Number of characters of the model's text that it covers.
        len: usize,
    },
    /// Dropped text that is not a failure: the rest of a previous fragment.
    Dropped {
        /// Number of characters of the model's text that it covers.
        len: usize,
    },
}

/// Finds tokens in one streamed text: use one scanner per choice and field.
#[derive(Debug)]
pub struct Scanner {
    walk: Walk,
    /// The undecided candidate.
    held: String,
}

impl Scanner {
    /// A scanner at the beginning of a text.
    pub fn new(mode: ScanMode) -> Self {
        Self { walk: Walk::new(mode), held: String::new() }
    }

    /// Like [`Scanner::push_into`], returning a new list.
    pub fn push(&mut self, text: &str) -> Vec<Scanned> {
        let mut pieces = Vec::new();
        self.push_into(text, &mut pieces);
        pieces
    }

    /// Takes the next chunk and appends the pieces that are decided by it.
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

    /// Fast path: takes the next chunk if all of it is evidently text, as nearly every chunk is. Returns true if the
    /// chunk can be forwarded unchanged. Otherwise the scanner is unchanged.
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

    /// Whether the buffer is exactly one whole token, which waits only for what may follow it.
    pub fn holds_whole_token(&self) -> bool {
        let mut walk = Walk::new(self.walk.mode);
        let step = (!self.held.is_empty()).then(|| walk.step(&self.held, 0, Some(FinishReason::Stop))).flatten();
        matches!(step, Some((len, Step::Token { .. })) if len == self.held.len())
    }

    /// Ends the text: decides what was held back. The scanner is then ready for a new text.
    pub fn finish(&mut self, reason: FinishReason) -> Vec<Scanned> {
        let mut pieces = Vec::new();
        let text = std::mem::take(&mut self.held);
        let decided = self.walk.pieces(&text, Some(reason), &mut pieces);
        if decided < text.len() {
            // Everything is decided at the end of a text; this is the safe fallback.
            pieces.push(Scanned::Fragment { kind: None, len: text[decided..].chars().count() });
        }
        self.walk = Walk::new(self.walk.mode);
        pieces
    }
}

/// Spans of a caller's own text that a scanner would take for a token, sorted and disjoint. They are data and get
/// tokens of their own, so that nothing a caller says is ever resolved or dropped.
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

/// Advances through a text from one decision to the next.
#[derive(Debug)]
struct Walk {
    mode: ScanMode,
    /// Whether the last character was a letter.
    in_word: bool,
    /// The run of capitals at the current position.
    run: CapitalRun,
    /// What to drop next.
    debris: Option<Debris>,
}

/// A decision about a range of bytes.
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

    /// Appends the decided pieces of a text and returns the number of decided bytes.
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

    /// The decision at `at` and its length in bytes; `None` while it is undecided.
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

    /// Skips to the next byte at which a token could begin and returns the number of bytes skipped.
    fn plain(&mut self, bytes: &[u8]) -> usize {
        let compact = self.mode.compact;
        for (at, &byte) in bytes.iter().enumerate() {
            let start = match STARTS[usize::from(byte)] {
                Start::Never => false,
                Start::Value => self.run.is_held(),
                // For most words with an M, the next character rules out a token.
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

/// Bytes at which a token can begin: an M, literal, escaped or full-width, characters that may precede one, and the
/// letters of values.
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

/// Judges the candidate at a position.
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

/// Appends plain text, merging it with a preceding text piece.
fn release(text: &str, pieces: &mut Vec<Scanned>) {
    if text.is_empty() {
        return;
    }
    match pieces.last_mut() {
        Some(Scanned::Text(last)) => last.push_str(text),
        _ => pieces.push(Scanned::Text(text.to_owned())),
    }
}
