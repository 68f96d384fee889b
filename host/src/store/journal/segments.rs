//! The files of a journal: the one that is written, and the closed ones before it, which are immutable.
//!
//! An offset counts bytes across all files in order, so it stays valid after a rotation. `audit.jsonl` is the newest
//! file; the names of the others end with their start offset, and with `.zst` if they are compressed
//! (`journal/compressed.rs`). Each file but the first begins with an event that records its start offset, so it can be
//! verified on its own.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::JournalError;
use super::compressed::{self, Frames};
use crate::audit::verify::{begins_at, next_line};
use crate::session::ByteRange;

/// Digits of the offset in a file name, so that names sort in journal order.
const DIGITS: usize = 20;

/// A closed file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Its byte range in the journal.
    pub range: ByteRange,
    /// Its path.
    pub path: PathBuf,
}

/// The files of a journal.
pub(super) struct Segments {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    closed: Vec<Segment>,
    /// Start offset of the newest file.
    newest: u64,
}

impl Segments {
    /// Finds the files of the journal at this path.
    pub fn find(path: &Path) -> Result<Self, JournalError> {
        let closed = list(path)?;
        let newest = begin_of(path)?;
        let mut follows = closed.first().map(|first| first.range.start);
        for segment in &closed {
            if follows != Some(segment.range.start) {
                return Err(JournalError::Gap { offset: follows.unwrap_or_default() });
            }
            follows = Some(segment.range.end);
        }
        // No closed files: the earlier ones were moved elsewhere, or the newest is the first.
        if follows.is_some_and(|follows| follows != newest) {
            return Err(JournalError::Gap { offset: follows.unwrap_or_default() });
        }
        Ok(Self { path: path.to_owned(), state: Mutex::new(State { closed, newest }) })
    }

    /// Start offset of the journal: 0 unless its first files were deleted.
    pub fn start(&self) -> u64 {
        let state = self.lock();
        state.closed.first().map_or(state.newest, |first| first.range.start)
    }

    /// Start offset of the newest file.
    pub fn newest(&self) -> u64 {
        self.lock().newest
    }

    /// The closed files.
    pub fn closed(&self) -> Vec<Segment> {
        self.lock().closed.clone()
    }

    /// `swap` replaces the newest file, which is at `kept` from then on and ends at `end`. No file is opened
    /// meanwhile.
    pub fn rotate(&self, kept: PathBuf, end: u64, swap: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut state = self.lock();
        swap()?;
        let range = ByteRange { start: state.newest, end };
        state.closed.push(Segment { range, path: kept });
        state.newest = end;
        Ok(())
    }

    /// Deletes the closed files that end at `start` or before, and returns how many.
    pub fn delete_before(&self, start: u64) -> io::Result<usize> {
        let mut state = self.lock();
        let mut deleted = 0;
        while let Some(first) = state.closed.first().filter(|first| first.range.end <= start) {
            // A crash may have left both forms.
            for name in [compressed::name(&first.path), first.path.clone()] {
                remove_if_there(&name)?;
            }
            state.closed.remove(0);
            deleted += 1;
        }
        Ok(deleted)
    }

    /// Replaces the closed file that begins at `start` by its compressed form and deletes the plain one. If the file
    /// was deleted meanwhile, the compressed one is deleted too.
    pub fn replace(&self, start: u64, compressed: PathBuf) -> io::Result<()> {
        let mut state = self.lock();
        match state.closed.iter_mut().find(|segment| segment.range.start == start) {
            Some(segment) => remove_if_there(&std::mem::replace(&mut segment.path, compressed)),
            None => remove_if_there(&compressed),
        }
    }

    /// Opens the bytes of a range.
    pub fn open(&self, range: ByteRange) -> Result<Bytes, JournalError> {
        let state = self.lock();
        let start = state.closed.first().map_or(state.newest, |first| first.range.start);
        if range.start < start {
            return Err(JournalError::Unreadable { offset: range.start });
        }
        let mut parts = VecDeque::new();
        for segment in state.closed.iter().filter(|segment| segment.range.end > range.start) {
            if segment.range.start >= range.end {
                break;
            }
            let from = range.start.max(segment.range.start) - segment.range.start;
            let length = range.end.min(segment.range.end) - segment.range.start - from;
            parts.push_back(Part::Named { path: segment.path.clone(), from, length });
        }
        if range.end > state.newest {
            // Open it now: the name may belong to another file later.
            let from = range.start.max(state.newest) - state.newest;
            parts.push_back(Part::Open(opened(&self.path, from, range.end - state.newest - from)?));
        }
        Ok(Bytes { parts })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Consistent after every statement, so a poisoned lock is safe to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The closed files of a journal, in order.
pub(super) fn list(path: &Path) -> Result<Vec<Segment>, JournalError> {
    list_beside(path, fs::metadata(path).ok().map(|file| id_of(&file)), &|| ())
}

/// The closed files beside the newest file with this id. If a crash left both forms of a file, the plain one counts.
/// `step` is called before each step, so that tests can interleave changes.
pub(super) fn list_beside(path: &Path, newest: Option<FileId>, step: &dyn Fn()) -> Result<Vec<Segment>, JournalError> {
    let (Some(name), Some(folder)) = (path.file_name().and_then(|name| name.to_str()), folder_of(path)) else {
        return Ok(Vec::new());
    };
    let mut segments = BTreeMap::new();
    // Collect all names first: listing a folder that grows may never end.
    for entry in fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()? {
        step();
        let file_name = entry.file_name();
        let rest = file_name.to_str().and_then(|own| own.strip_prefix(name)?.strip_prefix('.'));
        let digits = rest.map(|rest| rest.strip_suffix(".zst").unwrap_or(rest));
        let Some(start) = digits.filter(|digits| digits.len() == DIGITS).and_then(|digits| digits.parse().ok()) else {
            continue;
        };
        let Ok(file) = entry.metadata() else { continue };
        // An incomplete rotation: this is still the newest file.
        if newest == Some(id_of(&file)) {
            continue;
        }
        let path = entry.path();
        let is_compressed = compressed::is_compressed(&path);
        // A file with a damaged table counts as empty, which shows up as a gap.
        let length = if is_compressed { compressed::length(&path).unwrap_or_default() } else { file.len() };
        let segment = Segment { range: ByteRange { start, end: start.saturating_add(length) }, path };
        if is_compressed {
            segments.entry(start).or_insert(segment);
        } else {
            segments.insert(start, segment);
        }
    }
    Ok(segments.into_values().collect())
}

type FileId = (u64, u64);

pub(super) fn id_of(file: &fs::Metadata) -> FileId {
    (file.dev(), file.ino())
}

pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Name of the newest file once it is closed.
pub(super) fn closed_name(path: &Path, start: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{start:0DIGITS$}"));
    name.into()
}

/// Start offset of the newest file, read from its first line.
pub(super) fn begin_of(path: &Path) -> Result<u64, JournalError> {
    Ok(begin(BufReader::new(File::open(path)?)))
}

fn begin(mut file: impl BufRead) -> u64 {
    let mut buffer = Vec::new();
    next_line(&mut file, &mut buffer).ok().flatten().and_then(begins_at).unwrap_or_default()
}

/// The folder of a path.
pub(super) fn folder_of(path: &Path) -> Option<&Path> {
    path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

/// The bytes of a file, plain or compressed.
fn opened(path: &Path, from: u64, length: u64) -> io::Result<Box<dyn BufRead + Send>> {
    if compressed::is_compressed(path) {
        return Ok(Box::new(Frames::open(path, from)?.take(length)));
    }
    let mut file = match File::open(path) {
        // It may have been compressed since it was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let frames = Frames::open(&compressed::name(path), from).map_err(|_| error)?;
            return Ok(Box::new(frames.take(length)));
        }
        file => file?,
    };
    file.seek(SeekFrom::Start(from))?;
    Ok(Box::new(BufReader::new(file.take(length))))
}

/// The first line of a file, plain or compressed.
pub(super) fn first_line<T>(path: &Path, read: impl FnOnce(&[u8]) -> Option<T>) -> io::Result<Option<T>> {
    let mut buffer = Vec::new();
    Ok(next_line(&mut opened(path, 0, u64::MAX)?, &mut buffer).ok().flatten().and_then(read))
}

/// The bytes of a range of a journal, as they are in its files.
pub struct Bytes {
    pub(super) parts: VecDeque<Part>,
}

pub(super) enum Part {
    /// Not opened yet.
    Named {
        path: PathBuf,
        from: u64,
        length: u64,
    },
    Open(Box<dyn BufRead + Send>),
}

impl Bytes {
    /// The bytes of a single file.
    pub(crate) fn of_file(path: PathBuf) -> Self {
        Self { parts: [Part::Named { path, from: 0, length: u64::MAX }].into() }
    }
}

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Bytes {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while let Some(part) = self.parts.front_mut() {
            if let Part::Named { path, from, length } = part {
                *part = Part::Open(opened(path, *from, *length)?);
            }
            let Part::Open(file) = part else { continue };
            if file.fill_buf()?.is_empty() {
                self.parts.pop_front();
            } else {
                break;
            }
        }
        match self.parts.front_mut() {
            Some(Part::Open(file)) => file.fill_buf(),
            Some(Part::Named { .. }) | None => Ok(&[]),
        }
    }

    fn consume(&mut self, amount: usize) {
        if let Some(Part::Open(file)) = self.parts.front_mut() {
            file.consume(amount);
        }
    }
}
