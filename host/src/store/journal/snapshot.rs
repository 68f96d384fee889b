//! The files of a journal as they are at one moment, for a reader beside the service that writes, rotates, compresses and
//! deletes them.
//!
//! The newest file is opened first, and counts as the newest however often the journal is rotated from then on. The files before
//! it never change, and have either of two names; a list of them that has a gap was made while one of them was renamed, and is
//! made again.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::JournalError;
use super::segments::{Bytes, Part, Segment, closed_name, id_of, list_beside};
use crate::audit::verify::{Broken, Fault, begins_at, next_line};

/// How often a journal that changes under our eyes is looked at again.
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
    /// What `read` finds in the journal at this path. What may come of a change meanwhile is looked at again before it is
    /// said.
    pub fn read_beside<T>(
        path: &Path,
        read: impl FnMut(&Self) -> Result<T, Broken>,
    ) -> Result<(Self, Result<T, Broken>), JournalError> {
        Self::read_in_steps(path, &|| (), read)
    }

    /// The same; between every two steps others get their turn.
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
            // After the list: what the list has no more, the events up to here tell of.
            let length = newest.metadata()?.len();
            step();
            let mut is_sound = true;
            match begins {
                // Those that were closed since, this one with them, come behind.
                Some(begins) => closed.retain(|segment| segment.range.start < begins),
                // The first of all, or damaged: then only its name says which one it is.
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

    /// The file in which a byte of the journal is, where in it that byte is, and what stands before that.
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

    /// Where the newest file is by now.
    fn newest_path(&self) -> PathBuf {
        let id = |file: io::Result<fs::Metadata>| file.ok().map(|file| id_of(&file));
        match id(fs::metadata(&self.path)) == id(self.newest.metadata()) {
            true => self.path.clone(),
            false => closed_name(&self.path, self.begins),
        }
    }

    /// Whether these are the same files, of the same lengths.
    fn is_same(&self, other: &Self) -> bool {
        (&self.closed, self.begins, self.length) == (&other.closed, other.begins, other.length)
    }
}

/// A line that is being written, a file that is deleted, and an event in a newer file that tells of that. Whatever else is
/// wrong with a line stays so.
fn may_be_a_change(broken: &Broken) -> bool {
    matches!(broken.what, Fault::Torn | Fault::Unreadable | Fault::Missing)
}

/// At which byte of the journal a file begins, if its first line says so.
fn begin(file: At) -> Option<u64> {
    let mut buffer = Vec::new();
    next_line(&mut BufReader::new(file), &mut buffer).ok().flatten().and_then(begins_at)
}

/// A file from a place of its own on, so that several may read it at once.
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
