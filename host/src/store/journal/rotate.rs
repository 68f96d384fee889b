//! Rotation: starting a new file and deleting the oldest ones.
//!
//! The path of the journal always exists, so a second process cannot start a journal there: the new file is created,
//! locked and given its first event under a temporary name, the old file gets its final name as a hard link, and then
//! the new file is renamed over the path. A crash before the rename changes nothing. Closed files are compressed
//! later, in the background.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::segments::{Segment, closed_name, first_line, remove_if_there};
use super::{Journal, JournalError, Writer, compressed, sync_folder};
use crate::audit::event::{Detail, Event, EventKind};
use crate::audit::verify::Line;
use crate::clock::Timestamp;
use crate::files;

impl Journal {
    /// Rotates if the newest file was begun before `moment` and has more than its first event.
    pub(crate) fn rotate_if_begun_before(&self, moment: Timestamp, now: Timestamp) -> Result<bool, JournalError> {
        let begun = first_event(&self.path)?.is_some_and(|first| first.ts < moment);
        let mut writer = self.writer.lock().map_err(|_| JournalError::Unavailable)?;
        if !begun || self.syncer.failed() {
            return Ok(false);
        }
        let segment = writer.segment;
        self.rotate(&mut writer, now).map(|()| writer.segment != segment)
    }

    /// Start of the first file with an event of `moment` or later; everything before it is older.
    pub(crate) fn first_file_after(&self, moment: Timestamp) -> Result<u64, JournalError> {
        let closed = self.segments.closed();
        let mut keep = self.start();
        for (at, segment) in closed.iter().enumerate() {
            // The first event of the next file is later than every event of this one.
            let next = closed.get(at + 1).map_or(&self.path, |next| &next.path);
            if first_event(next)?.is_none_or(|first| first.ts >= moment) {
                break;
            }
            keep = segment.range.end;
        }
        Ok(keep)
    }

    /// Deletes files that end at `start` or before and returns their number. The deletion must already be recorded in
    /// the journal.
    pub(crate) fn delete_files_before(&self, start: u64) -> Result<usize, JournalError> {
        let deleted = self.segments.delete_before(start)?;
        sync_folder(&self.path)?;
        Ok(deleted)
    }

    /// The closed files, oldest first.
    pub fn closed_files(&self) -> Vec<Segment> {
        self.segments.closed()
    }

    /// Compresses closed files until `pace` returns `false`, and returns how many. A plain file is deleted only after
    /// its compressed copy is synced and compared.
    pub fn compress_closed_files(&self, mut pace: impl FnMut() -> bool) -> io::Result<usize> {
        let mut done = 0;
        for segment in self.segments.closed() {
            if compressed::is_compressed(&segment.path) {
                continue;
            }
            let Some(path) = compressed::compress(&segment.path, &mut pace)? else { break };
            sync_folder(&self.path)?;
            self.segments.replace(segment.range.start, path)?;
            done += 1;
        }
        Ok(done)
    }

    /// Replaces the newest file by a new one. If none can be created, the journal keeps using the current file and
    /// retries later; a failed sync is final.
    pub(super) fn rotate(&self, writer: &mut Writer, now: Timestamp) -> Result<(), JournalError> {
        let fail = |_| {
            self.syncer.fail();
            JournalError::Unavailable
        };
        // Sync everything written before changing the file.
        writer.file.sync_data().map_err(fail)?;
        let before = writer.chain.end();
        let begun = match self.begin_file(writer, now) {
            Ok(begun) => begun,
            Err(error) => {
                tracing::warn!(error = %error.kind(), "the journal cannot be rotated; it keeps using the current file");
                writer.chain.rewind(before);
                writer.rotate_from = writer.end + self.rotate_at / 16;
                let _ = tidy_up(&self.path);
                return Ok(());
            }
        };
        sync_folder(&self.path).map_err(fail)?;
        writer.segment = writer.end;
        writer.end += begun.length;
        writer.rotate_from = writer.segment.saturating_add(self.rotate_at);
        self.syncer.go_on_with(begun.to_sync, writer.end);
        writer.file = begun.file;
        Ok(())
    }

    /// Creates the new file and renames it over the old path.
    fn begin_file(&self, writer: &mut Writer, now: Timestamp) -> io::Result<Begun> {
        let (new, start) = (new_name(&self.path), writer.end);
        let mut file = files::private().read(true).append(true).create(true).open(&new)?;
        file.set_len(0)?;
        file.try_lock().map_err(io::Error::from)?;
        let event = Event { detail: Some(Detail::Count(start)), ..Event::new(EventKind::JournalRotated, now) };
        let mut line = Vec::new();
        writer.chain.push(&event, &mut line);
        line.push(b'\n');
        file.write_all(&line)?;
        file.sync_all()?;
        let to_sync = file.try_clone()?;
        let closed = closed_name(&self.path, self.segments.newest());
        self.segments.rotate(closed.clone(), start, || {
            fs::hard_link(&self.path, &closed)?;
            fs::rename(&new, &self.path)
        })?;
        Ok(Begun { file, to_sync, length: line.len() as u64 })
    }
}

/// A file that was created by a rotation.
struct Begun {
    file: File,
    /// A second handle, for the sync thread.
    to_sync: File,
    /// Length of its first line.
    length: u64,
}

/// Undoes an incomplete rotation.
pub(super) fn tidy_up(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    remove_if_there(&new_name(path))?;
    let Ok(file) = fs::metadata(path) else { return Ok(()) };
    if file.nlink() > 1 {
        // A second name of the newest file is one that was about to be closed, whatever its offset.
        let begins = super::segments::begin_of(path).map_err(|_| io::Error::other("the journal cannot be read"))?;
        let closed = closed_name(path, begins);
        if fs::metadata(&closed).is_ok_and(|other| (other.dev(), other.ino()) == (file.dev(), file.ino())) {
            fs::remove_file(closed)?;
        }
    }
    Ok(())
}

/// Removes incomplete compressed files left by a crash.
pub(super) fn remove_unfinished(path: &Path) -> io::Result<()> {
    let (Some(folder), Some(name)) =
        (super::segments::folder_of(path), path.file_name().and_then(|name| name.to_str()))
    else {
        return Ok(());
    };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let own = |own: &str| own.starts_with(name) && compressed::is_unfinished(own);
        if entry.file_name().to_str().is_some_and(own) {
            remove_if_there(&entry.path())?;
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
    Ok(first_line(path, |line| Line::parse(line).map(|line| line.event))?)
}
