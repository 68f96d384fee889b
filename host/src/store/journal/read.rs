//! Events read back from the file, without verifying their hashes: `audit::verify` does that.

use super::JournalError;
use super::segments::{Bytes, Segments};
use crate::audit::chain::Hash;
use crate::audit::event::Event;
use crate::audit::verify::{Line, next_line};
use crate::ids::SessionId;
use crate::session::ByteRange;

/// An event and its position.
#[derive(Clone, PartialEq, Debug)]
pub struct JournalEntry {
    /// The event.
    pub event: Event,
    /// Its `this_hash`.
    pub hash: Hash,
    /// Its line, including the line break.
    pub range: ByteRange,
}

/// The events of a byte range of a journal.
pub struct Entries {
    bytes: Bytes,
    offset: u64,
    buffer: Vec<u8>,
    over: bool,
}

impl Entries {
    /// Opens the events within `range`.
    pub(super) fn open(segments: &Segments, range: ByteRange) -> Result<Self, JournalError> {
        Ok(Self { bytes: segments.open(range)?, offset: range.start, buffer: Vec::new(), over: false })
    }
}

impl Iterator for Entries {
    type Item = Result<JournalEntry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let start = self.offset;
        let line = match next_line(&mut self.bytes, &mut self.buffer) {
            Ok(None) => return None,
            Ok(Some(line)) => Line::parse(line).map(|read| (read, start + line.len() as u64 + 1)),
            Err(_) => None,
        };
        let Some((Line { event, hash }, end)) = line else {
            self.over = true;
            return Some(Err(JournalError::Unreadable { offset: start }));
        };
        self.offset = end;
        Some(Ok(JournalEntry { event, hash, range: ByteRange { start, end } }))
    }
}

pub(super) fn session_events(
    segments: &Segments,
    ranges: &[ByteRange],
    session: SessionId,
) -> Result<Vec<JournalEntry>, JournalError> {
    let mut found = Vec::new();
    for range in ranges {
        for entry in Entries::open(segments, *range)? {
            let entry = entry?;
            if entry.event.session_id == Some(session) {
                found.push(entry);
            }
        }
    }
    Ok(found)
}
