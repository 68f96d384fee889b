//! Events read back from the file, without a check of their hashes: `audit::verify` does that.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Take};
use std::path::Path;

use super::JournalError;
use crate::audit::chain::Hash;
use crate::audit::event::Event;
use crate::audit::verify::{Line, next_line};
use crate::ids::SessionId;
use crate::session::ByteRange;

/// An event and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// The event.
    pub event: Event,
    /// Its `this_hash`.
    pub hash: Hash,
    /// Where its line is, line break included.
    pub range: ByteRange,
}

/// The events of a stretch of a journal.
pub struct Entries {
    file: BufReader<Take<File>>,
    offset: u64,
    buffer: Vec<u8>,
    over: bool,
}

impl Entries {
    /// Opens a journal to read this stretch of it. Takes no lock.
    pub fn open(path: &Path, range: ByteRange) -> Result<Self, JournalError> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(range.start))?;
        let file = BufReader::new(file.take(range.end.saturating_sub(range.start)));
        Ok(Self { file, offset: range.start, buffer: Vec::new(), over: false })
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let start = self.offset;
        let line = match next_line(&mut self.file, &mut self.buffer) {
            Ok(None) => return None,
            Ok(Some(line)) => Line::parse(line).map(|read| (read, start + line.len() as u64 + 1)),
            Err(_) => None,
        };
        let Some((Line { event, hash }, end)) = line else {
            self.over = true;
            return Some(Err(JournalError::Unreadable { offset: start }));
        };
        self.offset = end;
        Some(Ok(Entry { event, hash, range: ByteRange { start, end } }))
    }
}

pub(super) fn session_events(
    path: &Path,
    ranges: &[ByteRange],
    session: SessionId,
) -> Result<Vec<Entry>, JournalError> {
    let mut found = Vec::new();
    for range in ranges {
        for entry in Entries::open(path, *range)? {
            let entry = entry?;
            if entry.event.session_id == Some(session) {
                found.push(entry);
            }
        }
    }
    Ok(found)
}
