//! A directory that only this user can access, held open.
//!
//! It is checked after opening, and its files are accessed relative to the descriptor, not by path: renaming or
//! replacing a parent directory does not affect what is read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::files;

/// Why a directory is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be created or opened, or its last component is a symbolic link.
    #[error("it cannot be opened: {0}")]
    Io(#[from] io::Error),
    /// Owned by another user.
    #[error("it belongs to another user")]
    Owner,
    /// Other users have access.
    #[error("other users have access to it (mode {0:o}): run chmod 700 on it")]
    Mode(u32),
}

impl From<Errno> for FolderError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

/// The open directory.
pub(super) struct PrivateFolder(OwnedFd);

impl PrivateFolder {
    /// Opens the directory; creates it if it does not exist.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        files::create_folder(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty())?;
        let found = rustix::fs::fstat(&folder)?;
        check(found.st_uid, own_user(), found.st_mode)?;
        Ok(Self(folder))
    }

    /// Opens a file and marks it as just used.
    pub fn read(&self, name: &str) -> Option<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&self.0, name, flags, Mode::empty()).ok()?);
        let found = file.metadata().ok()?;
        if !found.is_file() || found.uid() != own_user() || found.mode() & 0o022 != 0 {
            return None;
        }
        // On failure, the file only counts as older than it is.
        let _ = file.set_modified(SystemTime::now());
        Some(file)
    }

    /// Writes a file atomically: a crash leaves no partial file, and two threads may write the same file
    /// concurrently.
    pub fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| io::Error::other("no random bytes"))?;
        let draft = format!("{name}.draft-{}", data_encoding::HEXLOWER.encode(&random));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&self.0, &draft, flags, Mode::RUSR | Mode::WUSR)?);
        let written =
            file.write_all(content).and_then(|()| Ok(rustix::fs::renameat(&self.0, draft.as_str(), &self.0, name)?));
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&self.0, &draft, AtFlags::empty());
        }
        written
    }

    /// Deletes the least recently used files until the rest takes at most `most` bytes. Files with the same name up
    /// to the first dot are deleted together.
    pub fn trim(&self, most: u64) -> io::Result<()> {
        let groups = self.groups()?;
        let mut total: u64 = groups.values().map(|group| group.bytes).sum();
        let mut groups: Vec<Group> = groups.into_values().collect();
        groups.sort_by_key(|group| group.used);
        for group in groups {
            if total <= most {
                break;
            }
            for name in &group.names {
                match rustix::fs::unlinkat(&self.0, name, AtFlags::empty()) {
                    // Deleted by another process.
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            total -= group.bytes;
        }
        Ok(())
    }

    fn groups(&self) -> io::Result<BTreeMap<String, Group>> {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            // Another process may have deleted it.
            let Ok(found) = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
                continue;
            }
            let group = groups.entry(name.split('.').next().unwrap_or_default().to_owned()).or_default();
            group.bytes += u64::try_from(found.st_size).unwrap_or_default();
            group.used = group.used.max((found.st_mtime, found.st_mtime_nsec));
            group.names.push(name.to_owned());
        }
        Ok(groups)
    }
}

/// Files that are deleted together.
#[derive(Default)]
struct Group {
    names: Vec<String>,
    bytes: u64,
    /// Last use, in seconds and nanoseconds.
    used: (i64, u64),
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn check(owner: u32, own: u32, mode: u32) -> Result<(), FolderError> {
    match mode & 0o777 {
        _ if owner != own => Err(FolderError::Owner),
        mode if mode & 0o077 != 0 => Err(FolderError::Mode(mode)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::Duration;

    use std::fs;

    use super::*;

    #[test]
    fn only_a_folder_of_its_own_user_that_nobody_else_can_use_is_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cache");
        assert!(PrivateFolder::open(&path).is_ok(), "made where there is none");
        for mode in [0o777, 0o770, 0o701, 0o750, 0o720] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("changed");
            assert!(matches!(PrivateFolder::open(&path), Err(FolderError::Mode(found)) if found == mode), "{mode:o}");
        }
        assert!(matches!(check(1000, 0, 0o40700), Err(FolderError::Owner)));
        assert!(check(1000, 1000, 0o40700).is_ok());
    }

    #[test]
    fn a_symbolic_link_is_not_followed_to_a_folder_or_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        let opened = PrivateFolder::open(&real).expect("opens");
        symlink(&real, &link).expect("linked");
        assert!(matches!(PrivateFolder::open(&link), Err(FolderError::Io(_))));
        fs::write(folder.path().join("elsewhere"), "x").expect("written");
        symlink(folder.path().join("elsewhere"), real.join("a")).expect("linked");
        assert!(opened.read("a").is_none());
    }

    #[test]
    fn what_takes_the_folders_name_later_is_not_looked_into() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cache");
        let opened = PrivateFolder::open(&path).expect("opens");
        opened.write("a", b"ours").expect("written");
        fs::rename(&path, folder.path().join("moved")).expect("renamed");
        fs::create_dir(&path).expect("made");
        fs::write(path.join("a"), "theirs").expect("written");
        fs::write(path.join("b"), "theirs").expect("written");
        let read = io::read_to_string(opened.read("a").expect("ours")).expect("text");
        assert_eq!((read.as_str(), opened.read("b").is_none()), ("ours", true));
    }

    #[test]
    fn what_was_not_used_for_the_longest_time_goes_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let opened = PrivateFolder::open(&folder.path().join("cache")).expect("opens");
        let used = |name: &str, second| {
            let file = File::options().write(true).open(folder.path().join("cache").join(name)).expect("a file");
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(second)).expect("changed");
        };
        for (at, name) in ["a.code", "a.mac", "b.code", "c.code", "d.code.draft-1"].into_iter().enumerate() {
            opened.write(name, &[0; 10]).expect("written");
            used(name, at as u64);
        }
        let left = || {
            let mut names: Vec<_> =
                opened.groups().expect("a list").into_values().flat_map(|group| group.names).collect();
            names.sort();
            names
        };
        opened.trim(50).expect("trimmed");
        assert_eq!(left().len(), 5);
        drop(opened.read("a.code"));
        opened.trim(49).expect("trimmed");
        assert_eq!(left(), ["a.code", "a.mac", "c.code", "d.code.draft-1"], "the one that was just used stays");
        opened.trim(25).expect("trimmed");
        assert_eq!(left(), ["a.code", "a.mac"]);
    }
}
