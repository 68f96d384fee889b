//! The lock of a data folder: only one process works on the files of an install.
//!
//! A command that finds it taken asks the service that holds it, or waits for a while. The file names its holder, for
//! messages.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::words;
use crate::files;

const NAME: &str = "masker.lock";

/// Timeout for the lock: a command takes a second or two, and a stopping service finishes its writes.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Interval between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// The lock of a data folder, released at the latest when the process exits.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

/// Why the lock was not acquired.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("{} is in use by {holder}: only one process can use an install at a time", folder.display())]
    Held {
        /// The data folder.
        folder: PathBuf,
        /// Description of the holder.
        holder: String,
    },
    /// The file cannot be opened.
    #[error("{}: the lock cannot be taken: {}", .0.display(), words(*.1))]
    File(PathBuf, io::ErrorKind),
}

impl DataLock {
    /// Acquires the lock for a command of this name, which is shown to others. Waits up to [`PATIENCE`].
    pub fn take(folder: &Path, command: &str) -> Result<Self, LockError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Self::try_take(folder, command) {
                Err(LockError::Held { .. }) if Instant::now() < deadline => std::thread::sleep(PAUSE),
                taken => return taken,
            }
        }
    }

    /// Acquires the lock unless another process holds it.
    pub fn try_take(folder: &Path, command: &str) -> Result<Self, LockError> {
        let path = folder.join(NAME);
        let failed = |error: io::Error| LockError::File(path.clone(), error.kind());
        let file = files::private().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        if !lock(&file).map_err(failed)? {
            return Err(LockError::Held { folder: folder.to_owned(), holder: holder(&file) });
        }
        // Ignore a full disk: the text is informational.
        let text = format!("PID {} ({command})\n", std::process::id());
        let _ = file.set_len(0).and_then(|()| file.write_all_at(text.as_bytes(), 0));
        Ok(Self { _file: file })
    }

    /// Description of the current holder of a folder's lock. Creates nothing.
    pub fn holder(folder: &Path) -> Option<String> {
        let file = OpenOptions::new().read(true).open(folder.join(NAME)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(holder(&file)),
            _ => None,
        }
    }
}

/// Locks a file; `false` if another process holds the lock.
pub(super) fn lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn holder(file: &File) -> String {
    let mut text = String::new();
    let read = file.take(200).read_to_string(&mut text);
    let line = text.lines().next().filter(|line| line.starts_with("PID ") && !line.contains(char::is_control));
    match (read, line) {
        (Ok(_), Some(line)) => line.to_owned(),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_it_and_the_others_are_told_who() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(DataLock::holder(folder.path()), None);
        assert!(!folder.path().join(NAME).exists(), "asking creates nothing");
        let own = DataLock::try_take(folder.path(), "masker serve").unwrap();
        let words = format!("PID {} (masker serve)", std::process::id());
        assert_eq!(DataLock::holder(folder.path()).as_ref(), Some(&words));
        let refused = DataLock::try_take(folder.path(), "masker vault purge").unwrap_err();
        assert_eq!(refused, LockError::Held { folder: folder.path().to_owned(), holder: words });
        drop(own);
        assert_eq!(DataLock::holder(folder.path()), None);
        // Nothing is left of a longer text behind a shorter one.
        drop(DataLock::try_take(folder.path(), "masker vault rotate-key").unwrap());
        let _own = DataLock::try_take(folder.path(), "x").unwrap();
        assert_eq!(DataLock::holder(folder.path()).unwrap(), format!("PID {} (x)", std::process::id()));
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let refused = DataLock::take(Path::new("/nowhere"), "x").unwrap_err();
        assert_eq!(refused, LockError::File("/nowhere/masker.lock".into(), io::ErrorKind::NotFound));
    }
}
