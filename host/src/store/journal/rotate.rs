//! Going on in a new file, and deleting the oldest ones.
//!
//! The path of the journal is at no moment free, so that no second process can begin a journal there: the new file is made,
//! locked and given its first event under another name, the old one gets a second name, and then the new one takes its
//! place. A crash before that leaves everything as it was.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::segments::{Segment, closed_name};
use super::{Journal, JournalError, Writer, sync_folder};
use crate::audit::event::{Detail, Event, EventKind};
use crate::audit::verify::{Line, next_line};
use crate::clock::Timestamp;

impl Journal {
    /// Goes on in a new file when the newest was begun before `moment` and has more than its first event.
    pub fn rotate_if_begun_before(&self, moment: Timestamp, now: Timestamp) -> Result<bool, JournalError> {
        let begun = first_event(&self.path)?.is_some_and(|first| first.ts < moment);
        let mut writer = self.writer.lock().map_err(|_| JournalError::Unavailable)?;
        if !begun || self.syncer.failed() {
            return Ok(false);
        }
        self.rotate(&mut writer, now).map(|()| true)
    }

    /// The byte at which the first file begins that has an event of `moment` or later; everything before it is older.
    pub fn first_file_after(&self, moment: Timestamp) -> Result<u64, JournalError> {
        let closed = self.segments.closed();
        let mut keep = self.start();
        for (at, segment) in closed.iter().enumerate() {
            // The first event of the next file is later than all of this one.
            let next = closed.get(at + 1).map_or(&self.path, |next| &next.path);
            if first_event(next)?.is_none_or(|first| first.ts >= moment) {
                break;
            }
            keep = segment.range.end;
        }
        Ok(keep)
    }

    /// Deletes files that end at `start` or before. Says how many. That they are to go must be in the journal by now.
    pub fn delete_files_before(&self, start: u64) -> Result<usize, JournalError> {
        let deleted = self.segments.delete_before(start)?;
        sync_folder(&self.path)?;
        Ok(deleted)
    }

    /// The files that are not written any more, oldest first.
    pub fn closed_files(&self) -> Vec<Segment> {
        self.segments.closed()
    }

    /// Puts a new file in the place of the newest. When that fails, nothing is appended any more.
    pub(super) fn rotate(&self, writer: &mut Writer, now: Timestamp) -> Result<(), JournalError> {
        self.try_rotate(writer, now).map_err(|_| {
            self.syncer.fail();
            JournalError::Unavailable
        })
    }

    fn try_rotate(&self, writer: &mut Writer, now: Timestamp) -> io::Result<()> {
        // What was written is on disk before anything is done to the file.
        writer.file.sync_data()?;
        let (new, start) = (new_name(&self.path), writer.end);
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&new)?;
        file.set_len(0)?;
        file.try_lock().map_err(io::Error::from)?;
        let event = Event { detail: Some(Detail::Count(start)), ..Event::new(EventKind::JournalRotated, now) };
        let mut line = Vec::new();
        writer.chain.push(&event, &mut line);
        line.push(b'\n');
        file.write_all(&line)?;
        file.sync_all()?;
        let closed = closed_name(&self.path, self.segments.newest());
        self.segments.rotate(closed.clone(), start, || {
            fs::hard_link(&self.path, &closed)?;
            fs::rename(&new, &self.path)
        })?;
        sync_folder(&self.path)?;
        writer.end = start + line.len() as u64;
        self.syncer.go_on_with(file.try_clone()?, writer.end);
        writer.file = file;
        writer.segment = start;
        Ok(())
    }
}

/// Undoes what a crash left of a rotation.
pub(super) fn tidy_up(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    match fs::remove_file(new_name(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let Ok(file) = fs::metadata(path) else { return Ok(()) };
    if file.nlink() > 1 {
        // Whatever byte it begins at, a second name of the same file is one that was about to be closed.
        let begins = super::segments::begin_of(path).map_err(|_| io::Error::other("the journal cannot be read"))?;
        let closed = closed_name(path, begins);
        if fs::metadata(&closed).is_ok_and(|other| (other.dev(), other.ino()) == (file.dev(), file.ino())) {
            fs::remove_file(closed)?;
        }
    }
    Ok(())
}

fn new_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

fn first_event(path: &Path) -> Result<Option<Event>, JournalError> {
    let mut buffer = Vec::new();
    let first = next_line(&mut BufReader::new(File::open(path)?), &mut buffer).ok().flatten();
    Ok(first.and_then(Line::parse).map(|line| line.event))
}
