//! Verifies a journal without trusting its contents.
//!
//! A line is accepted only as the exact bytes that the writer produces: it is parsed, put into canonical form and
//! compared, so that a duplicate key, extra white space or another number format is detected as well as a changed
//! value. Truncation at a line break cannot be detected from the file alone: compare `end_hash` with one that was
//! kept elsewhere.

use std::io::{BufRead, Read};

use serde_json::Value;

use super::canonical::{write_head, write_tail};
use super::chain::{ChainMac, Hash, START, from_hex, hex};
use super::event::{Detail, Event, EventKind};
use crate::keys::SecretKey;

pub use super::line::Line;

/// The longest line, including its line break.
pub const MAX_LINE: usize = 1 << 20;

/// A verified journal: every line is genuine and in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verified {
    /// Number of events.
    pub events: u64,
    /// `this_hash` of the first event; 64 zeros when there is none.
    pub start_hash: Hash,
    /// `this_hash` of the last event; 64 zeros when there is none.
    pub end_hash: Hash,
}

/// The first line that does not verify.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}, byte {offset}: {what}")]
pub struct Broken {
    /// Line number, from 1.
    pub line: u64,
    /// Offset of the line's first byte, from 0.
    pub offset: u64,
    /// The fault.
    pub what: Fault,
}

/// The fault of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// The file could not be read.
    #[error("cannot be read")]
    Unreadable,
    /// Longer than [`MAX_LINE`].
    #[error("is longer than the longest event")]
    TooLong,
    /// No line break at its end.
    #[error("is incomplete")]
    Torn,
    /// Not a JSON object.
    #[error("is not a JSON object")]
    NotJson,
    /// An object without `prev_hash` or `this_hash`.
    #[error("has no hashes")]
    NoHash,
    /// Not in RFC 8785 form.
    #[error("is not in canonical form")]
    NotCanonical,
    /// Does not follow the line before.
    #[error("does not follow the line before it: a line was removed, inserted or moved")]
    WrongPrevious,
    /// Its `this_hash` does not match its content.
    #[error("was changed, or written with another audit key")]
    WrongHash,
    /// The first line is not the first of its journal, and no event records that the lines before it were deleted.
    #[error("is not the first of its journal: the lines before it are missing")]
    Missing,
}

/// Verifies a whole journal, line by line. When retention deleted the beginning, an event of what is left
/// records that.
pub fn verify(journal: impl BufRead, key: &SecretKey) -> Result<Verified, Broken> {
    check_from_its_first_line(journal, key, true)
}

/// Verifies a part of a journal that starts at the beginning of one of its files; the lines before it are not
/// required.
pub fn verify_part(journal: impl BufRead, key: &SecretKey) -> Result<Verified, Broken> {
    check_from_its_first_line(journal, key, false)
}

/// Verifies the rest of a journal whose first `offset` bytes were verified already, with the result `before`.
pub fn resume(journal: impl BufRead, key: &SecretKey, before: Verified, offset: u64) -> Result<Verified, Broken> {
    check_lines(journal, key, before, offset, |_| ())
}

/// The offset of a file in its journal, from the file's first line; `None` for the journal's first file or a line of
/// another format. Does not verify the line.
pub fn begins_at(first_line: &[u8]) -> Option<u64> {
    let Line { event, .. } = Line::parse(first_line)?;
    match event {
        Event { kind: EventKind::JournalRotated, detail: Some(Detail::Count(at)), .. } => Some(at),
        _ => None,
    }
}

fn check_from_its_first_line(mut journal: impl BufRead, key: &SecretKey, whole: bool) -> Result<Verified, Broken> {
    let nothing = Verified { events: 0, start_hash: START, end_hash: START };
    let mut buffer = Vec::new();
    let broken = |what| Broken { line: 1, offset: 0, what };
    let Some(first) = next_line(&mut journal, &mut buffer).map_err(broken)? else { return Ok(nothing) };
    let Some(start) = begins_at(first) else { return resume((&*buffer).chain(journal), key, nothing, 0) };
    let prev = Checker::new(key).check(first).map_err(|what| Broken { line: 1, offset: start, what })?.prev;
    let mut vouched = false;
    let each = |line: &[u8]| vouched |= says_trimmed_to(line, start);
    let verified = check_lines((&*buffer).chain(journal), key, Verified { end_hash: prev, ..nothing }, start, each)?;
    if whole && !vouched {
        return Err(Broken { line: 1, offset: start, what: Fault::Missing });
    }
    Ok(verified)
}

fn says_trimmed_to(line: &[u8], start: u64) -> bool {
    // Nearly all lines lack this word and are not parsed.
    let word = EventKind::JournalTrimmed.as_str().as_bytes();
    line.len() < 1000
        && line.windows(word.len()).any(|window| window == word)
        && Line::parse(line).is_some_and(|line| {
            line.event.kind == EventKind::JournalTrimmed && line.event.detail == Some(Detail::Count(start))
        })
}

/// Every line must be genuine and follow the one before; calls `each` with those that do.
fn check_lines(
    mut journal: impl BufRead,
    key: &SecretKey,
    before: Verified,
    offset: u64,
    mut each: impl FnMut(&[u8]),
) -> Result<Verified, Broken> {
    let checker = Checker::new(key);
    let (mut verified, mut offset) = (before, offset);
    let mut buffer = Vec::new();
    loop {
        let broken = |what| Broken { line: verified.events + 1, offset, what };
        let Some(line) = next_line(&mut journal, &mut buffer).map_err(broken)? else {
            return Ok(verified);
        };
        let link = checker.check(line).map_err(broken)?;
        if link.prev != verified.end_hash {
            return Err(broken(Fault::WrongPrevious));
        }
        each(line);
        offset += line.len() as u64 + 1;
        verified.events += 1;
        verified.end_hash = link.this;
        if verified.events == 1 {
            verified.start_hash = link.this;
        }
    }
}

/// The next line without its line break, `None` at the end. Memory use is bounded for any input.
pub fn next_line<'a>(journal: &mut impl BufRead, buffer: &'a mut Vec<u8>) -> Result<Option<&'a [u8]>, Fault> {
    buffer.clear();
    journal.by_ref().take(MAX_LINE as u64).read_until(b'\n', buffer).map_err(|_| Fault::Unreadable)?;
    match buffer.split_last() {
        None => Ok(None),
        Some((b'\n', line)) => Ok(Some(line)),
        Some(_) if buffer.len() == MAX_LINE => Err(Fault::TooLong),
        Some(_) => Err(Fault::Torn),
    }
}

/// Position of a genuine line in its chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// Its `prev_hash`.
    pub prev: Hash,
    /// Its `this_hash`.
    pub this: Hash,
}

/// Verifies single lines.
pub struct Checker(ChainMac);

impl Checker {
    /// A checker with the journal's key.
    pub fn new(key: &SecretKey) -> Self {
        Self(ChainMac::new(key))
    }

    /// Verifies a line by itself; the caller checks that it follows the one before.
    pub fn check(&self, line: &[u8]) -> Result<Link, Fault> {
        match self.check_as_written(line) {
            Some(link) => Ok(link),
            None => self.check_any(line),
        }
    }

    /// The fast path, four times as fast: a line that is byte for byte what this version writes for its event is
    /// canonical. `None` is no verdict: the line may be an event of another version.
    fn check_as_written(&self, line: &[u8]) -> Option<Link> {
        let Line { event, hash: this } = Line::parse(line)?;
        let prev = prev_hash(line)?;
        let mut written = Vec::with_capacity(line.len());
        write_head(&mut written, &event, &hex(&prev));
        let head = written.len();
        written.extend_from_slice(&this_hash_member(&this));
        let tail = written.len();
        write_tail(&mut written, &event);
        if written != line {
            return None;
        }
        let actual = self.0.hash(&hex(&prev), &[&written[..head], &written[tail..]]);
        bool::from(subtle::ConstantTimeEq::ct_eq(&actual[..], &this[..])).then_some(Link { prev, this })
    }

    /// The slow path: any event, of any version.
    fn check_any(&self, line: &[u8]) -> Result<Link, Fault> {
        let value: Value = serde_json::from_slice(line).map_err(|_| Fault::NotJson)?;
        let event = value.as_object().ok_or(Fault::NotJson)?;
        if serde_json_canonicalizer::to_vec(&value).ok().as_deref() != Some(line) {
            return Err(Fault::NotCanonical);
        }
        let hash = |key| event.get(key).and_then(Value::as_str).and_then(from_hex).ok_or(Fault::NoHash);
        let (prev, this) = (hash("prev_hash")?, hash("this_hash")?);
        let (head, tail) = without_hash(line, &this).ok_or(Fault::NoHash)?;
        let actual = self.0.hash(&hex(&prev), &[head, tail]);
        if !bool::from(subtle::ConstantTimeEq::ct_eq(&actual[..], &this[..])) {
            return Err(Fault::WrongHash);
        }
        Ok(Link { prev, this })
    }
}

/// Splits a canonical line around its `this_hash`, which is never the first key, since `prev_hash` sorts before it.
/// The remainder is canonical again. A string value cannot contain the key, since its quotes are escaped; a nested
/// key could match, and then the hash would not.
fn without_hash<'a>(line: &'a [u8], this: &Hash) -> Option<(&'a [u8], &'a [u8])> {
    let member = this_hash_member(this);
    let start = line.windows(member.len()).position(|window| window == member)?;
    Some((&line[..start], &line[start + member.len()..]))
}

fn this_hash_member(this: &Hash) -> [u8; 79] {
    let mut member = [0; 79];
    member[..14].copy_from_slice(b",\"this_hash\":\"");
    member[14..78].copy_from_slice(&hex(this));
    member[78] = b'"';
    member
}

/// The value after the first match of the key. If the match is something else, the line rebuilt from it differs from
/// the line that was read.
fn prev_hash(line: &[u8]) -> Option<Hash> {
    let key = b"\"prev_hash\":\"";
    let start = line.windows(key.len()).position(|window| window == key)? + key.len();
    from_hex(std::str::from_utf8(line.get(start..start + 64)?).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::chain::tests::{event, key};
    use crate::audit::chain::{Chain, hex_text};
    use crate::audit::event::{Event, EventKind};
    use crate::clock::Timestamp;

    fn journal(n: usize) -> Vec<String> {
        let mut chain = Chain::new(&key(), START);
        (0..n)
            .map(|i| {
                let mut line = Vec::new();
                let event = Event {
                    pass: Some("regex".into()),
                    confidence: Some(0.75),
                    ..Event::new(EventKind::Redaction, Timestamp::from_millis(i as i64))
                };
                chain.push(&event, &mut line);
                String::from_utf8(line).unwrap()
            })
            .collect()
    }

    fn check(lines: &[String]) -> Result<Verified, Broken> {
        verify(lines.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes(), &key())
    }

    fn broken(lines: &[String]) -> (u64, Fault) {
        let broken = check(lines).unwrap_err();
        (broken.line, broken.what)
    }

    #[test]
    fn an_untouched_journal_verifies() {
        let verified = check(&journal(5)).unwrap();
        assert_eq!(verified.events, 5);
        assert!(journal(1)[0].contains(&hex_text(&START)));
        assert_eq!(check(&[]), Ok(Verified { events: 0, start_hash: START, end_hash: START }));
    }

    proptest! {
        #[test]
        fn both_ways_of_checking_agree(event in event(), at in any::<prop::sample::Index>(), bit in 0..8) {
            let mut line = Vec::new();
            let this = Chain::new(&key(), [9; 32]).push(&event, &mut line);
            let checker = Checker::new(&key());
            let link = Link { prev: [9; 32], this };
            prop_assert_eq!(checker.check_as_written(&line), Some(link));
            prop_assert_eq!(checker.check_any(&line), Ok(link));
            let place = at.index(line.len());
            line[place] ^= 1u8 << bit;
            prop_assert_eq!(checker.check_as_written(&line), None);
            prop_assert!(checker.check_any(&line).is_err());
        }
    }

    #[test]
    fn an_event_of_a_later_version_is_checked_as_any_other() {
        let event = serde_json::json!({"kind": "of_tomorrow", "later": 1, "prev_hash": hex_text(&START)});
        let text = serde_json_canonicalizer::to_vec(&event).unwrap();
        let this = ChainMac::new(&key()).hash(&hex(&START), &[&text]);
        let mut whole = event;
        whole["this_hash"] = hex_text(&this).into();
        let line = serde_json_canonicalizer::to_vec(&whole).unwrap();
        assert_eq!(Checker::new(&key()).check(&line), Ok(Link { prev: START, this }));
    }

    #[test]
    fn a_changed_line_is_named() {
        let mut lines = journal(5);
        lines[2] = lines[2].replace("0.75", "0.25");
        assert_eq!(broken(&lines), (3, Fault::WrongHash));
    }

    #[test]
    fn a_byte_flipped_anywhere_is_caught_and_its_line_named() {
        let whole: Vec<u8> = journal(40).iter().flat_map(|line| format!("{line}\n").into_bytes()).collect();
        // Pseudo-random positions and bits, the same on every run (Knuth's MMIX generator).
        let mut state = 1u64;
        for _ in 0..1000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (at, bit) = ((state >> 33) as usize % whole.len(), state >> 61);
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            let before = &whole[..at];
            let line = before.iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
            let offset = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1) as u64;
            let broken = verify(&flipped[..], &key()).expect_err("a byte was flipped");
            assert_eq!((broken.line, broken.offset), (line, offset), "byte {at}, bit {bit}: {broken}");
        }
    }

    #[test]
    fn a_removed_inserted_or_moved_line_is_named() {
        let mut lines = journal(5);
        lines.remove(1);
        assert_eq!(broken(&lines), (2, Fault::WrongPrevious));
        let mut lines = journal(5);
        lines.remove(0);
        assert_eq!(broken(&lines), (1, Fault::WrongPrevious));
        let mut lines = journal(5);
        lines.insert(3, lines[1].clone());
        assert_eq!(broken(&lines), (4, Fault::WrongPrevious));
        let mut lines = journal(5);
        lines.swap(3, 4);
        assert_eq!(broken(&lines), (4, Fault::WrongPrevious));
    }

    #[test]
    fn another_form_of_the_same_json_is_refused() {
        let lines = journal(1);
        let doubled = lines[0].replacen('{', "{\"kind\":\"login\",", 1);
        assert_eq!(broken(&[doubled]), (1, Fault::NotCanonical));
        assert_eq!(broken(&[lines[0].replace("0.75", "0.750")]), (1, Fault::NotCanonical));
        assert_eq!(broken(&[lines[0].replace("\":", "\": ")]), (1, Fault::NotCanonical));
        assert_eq!(broken(&[format!("{}\r", lines[0])]), (1, Fault::NotCanonical));
    }

    #[test]
    fn another_key_verifies_nothing() {
        let text = format!("{}\n", journal(1)[0]);
        let broken = verify(text.as_bytes(), &SecretKey::new([1; 32])).unwrap_err();
        assert_eq!(broken, Broken { line: 1, offset: 0, what: Fault::WrongHash });
        assert_eq!(broken.to_string(), "line 1, byte 0: was changed, or written with another audit key");
    }

    #[test]
    fn what_is_no_event_is_named() {
        for (text, what) in [
            ("{}", Fault::Torn),
            ("{}\n", Fault::NoHash),
            ("\n", Fault::NotJson),
            ("[]\n", Fault::NotJson),
            ("\u{0}\u{0}\n", Fault::NotJson),
            ("{\"this_hash\":\"x\"}\n", Fault::NoHash),
        ] {
            assert_eq!(verify(text.as_bytes(), &key()), Err(Broken { line: 1, offset: 0, what }), "{text:?}");
        }
        let endless = vec![b'a'; MAX_LINE + 1];
        assert_eq!(verify(&endless[..], &key()), Err(Broken { line: 1, offset: 0, what: Fault::TooLong }));
    }
}
