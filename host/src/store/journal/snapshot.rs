//! The files of a journal at one moment, for a reader beside a running service that writes, rotates, compresses and
//! deletes them.
//!
//! The newest file is opened first and counts as the newest even if the journal is rotated later. Earlier files are
//! immutable and have one of two names; a list with a gap was made during a rename, and is made again.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::JournalError;
use super::segments::{Bytes, Part, Segment, closed_name, id_of, list_beside};
use crate::audit::verify::{Broken, Fault, begins_at, next_line};

/// How often a journal that changes during the read is read again.
const LOOKS: usize = 10;

/// The files.
pub(crate) struct Snapshot {
    path: PathBuf,
    closed: Vec<Segment>,
    newest: Arc<File>,
    begins: u64,
    length: u64,
}

impl Snapshot {
    /// Runs `read` on the journal at this path. A failure that a concurrent change may have caused is retried before
    /// it is returned.
    pub fn read_beside<T>(
        path: &Path,
        read: impl FnMut(&Self) -> Result<T, Broken>,
    ) -> Result<(Self, Result<T, Broken>), JournalError> {
        Self::read_in_steps(path, &|| (), read)
    }

    /// The same; calls `step` between any two steps.
    fn read_in_steps<T>(
        path: &Path,
        step: &dyn Fn(),
        mut read: impl FnMut(&Self) -> Result<T, Broken>,
    ) -> Result<(Self, Result<T, Broken>), JournalError> {
        let mut files = Self::take(path, step)?;
        for _ in 1..LOOKS {
            let found = read(&files);
            if !found.as_ref().is_err_and(may_be_a_change) {
                return Ok((files, found));
            }
            let again = Self::take(path, step)?;
            if again.is_same(&files) {
                return Ok((files, found));
            }
            files = again;
        }
        let found = read(&files);
        Ok((files, found))
    }

    fn take(path: &Path, step: &dyn Fn()) -> Result<Self, JournalError> {
        let mut looks = 1..LOOKS;
        loop {
            let newest = Arc::new(File::open(path)?);
            step();
            let id = id_of(&newest.metadata()?);
            let begins = begin(At { file: newest.clone(), at: 0, end: u64::MAX });
            step();
            let mut closed = list_beside(path, Some(id), step)?;
            // Taken after the list: events up to here record what was deleted from the list.
            let length = newest.metadata()?.len();
            step();
            let mut is_sound = true;
            match begins {
                // Files closed since then, including this one, come behind it.
                Some(begins) => closed.retain(|segment| segment.range.start < begins),
                // The first file of all, or a damaged one: only its name can identify it.
                None => is_sound = id_of(&fs::metadata(path)?) == id,
            }
            let begins = begins.unwrap_or_else(|| closed.last().map_or(0, |last| last.range.end));
            let files = Self { path: path.to_owned(), closed, newest, begins, length };
            if (is_sound && files.has_no_gap()) || looks.next().is_none() {
                return Ok(files);
            }
        }
    }

    fn has_no_gap(&self) -> bool {
        let starts = self.closed.iter().skip(1).map(|segment| segment.range.start).chain([self.begins]);
        self.closed.iter().zip(starts).all(|(segment, next)| segment.range.end == next)
    }

    /// The bytes of all files.
    pub fn bytes(&self) -> Bytes {
        let closed = self.closed.iter().map(|segment| {
            let length = segment.range.end - segment.range.start;
            Part::Named { path: segment.path.clone(), from: 0, length }
        });
        Bytes { parts: closed.chain([self.newest(self.length)]).collect() }
    }

    /// One byte past its last.
    pub fn end(&self) -> u64 {
        self.begins + self.length
    }

    /// The path of the file that contains this byte of the journal, its offset in that file, and the bytes before it.
    pub fn file_at(&self, offset: u64) -> (PathBuf, u64, Bytes) {
        let closed = self.closed.iter().find(|segment| (segment.range.start..segment.range.end).contains(&offset));
        let (path, begins) = match closed {
            Some(closed) => (closed.path.clone(), closed.range.start),
            None => (self.newest_path(), self.begins),
        };
        let length = offset.saturating_sub(begins);
        let part = match closed {
            Some(closed) => Part::Named { path: closed.path.clone(), from: 0, length },
            None => self.newest(length),
        };
        (path, length, Bytes { parts: [part].into() })
    }

    fn newest(&self, length: u64) -> Part {
        Part::Open(Box::new(BufReader::new(At { file: self.newest.clone(), at: 0, end: length })))
    }

    /// Current path of the newest file.
    fn newest_path(&self) -> PathBuf {
        let id = |file: io::Result<fs::Metadata>| file.ok().map(|file| id_of(&file));
        match id(fs::metadata(&self.path)) == id(self.newest.metadata()) {
            true => self.path.clone(),
            false => closed_name(&self.path, self.begins),
        }
    }

    /// Whether these are the same files, with the same lengths.
    fn is_same(&self, other: &Self) -> bool {
        (&self.closed, self.begins, self.length) == (&other.closed, other.begins, other.length)
    }
}

/// Whether a concurrent change may explain the fault: a line being written, a file being deleted, or a deletion
/// recorded in a newer file. Any other fault is permanent.
fn may_be_a_change(broken: &Broken) -> bool {
    matches!(broken.what, Fault::Torn | Fault::Unreadable | Fault::Missing)
}

/// Start offset of a file, if its first line has one.
fn begin(file: At) -> Option<u64> {
    let mut buffer = Vec::new();
    next_line(&mut BufReader::new(file), &mut buffer).ok().flatten().and_then(begins_at)
}

/// A file read from an offset of its own, so that several readers can share it.
struct At {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let length = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
