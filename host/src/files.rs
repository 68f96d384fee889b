//! Creation of an install's files: private to the owner from creation, and complete under their final name.
//!
//! A file that is written once goes to a temporary file, which is synced and renamed, so that neither a crash nor a
//! full disk leaves a partial file. Files that grow (databases, the journal) are opened with [`private`] and handle
//! crashes themselves.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Options to open a file, or to create it with mode 0600.
pub fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Creates a folder with mode 0700, and its missing parents. An existing folder is unchanged.
pub fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Creates a folder with mode 0700; fails if the name exists.
pub fn create_new_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Writes or replaces a file atomically. The file and its name are on disk when this returns.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = Draft::write(path, ".new", bytes)?;
    fs::rename(&draft.0, path)?;
    std::mem::forget(draft);
    sync_folder_of(path)
}

/// Atomically writes a new file, also if several processes try at once. Returns `false` if the name exists.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let mut own = [0; 8];
    getrandom::fill(&mut own).map_err(|error| io::Error::other(error.to_string()))?;
    let draft = Draft::write(path, &format!(".{}.new", data_encoding::HEXLOWER.encode(&own)), bytes)?;
    match fs::hard_link(&draft.0, path) {
        Ok(()) => {
            drop(draft);
            sync_folder_of(path)?;
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// A temporary file, removed on drop unless it is renamed to its final name.
struct Draft(PathBuf);

impl Draft {
    fn write(path: &Path, ending: &str, bytes: &[u8]) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let draft = Self(name.into());
        let mut file = private().write(true).create(true).truncate(true).open(&draft.0)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Syncs a folder: a new name survives a crash only once its folder is on disk.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name =
            |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name().to_string_lossy().into_owned();
        let mut names: Vec<String> = fs::read_dir(folder).expect("a folder").map(name).collect();
        names.sort();
        names
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it exists").mode() & 0o777
    }

    #[test]
    fn a_file_is_private_whole_and_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("a/b");
        create_folder(&inner).expect("created");
        create_folder(&inner).expect("it exists");
        assert!(create_new_folder(&inner).is_err());
        let path = inner.join("file");
        write(&path, b"one").expect("written");
        write(&path, b"two").expect("replaced");
        assert_eq!((fs::read(&path).expect("it is there"), mode(&path)), (b"two".to_vec(), 0o600));
        assert_eq!((mode(&inner), mode(&folder.path().join("a")), names(&inner)), (0o700, 0o700, vec!["file".into()]));
    }

    #[test]
    fn a_new_file_replaces_none_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let wrote = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4u8)
                .map(|n| {
                    scope.spawn({
                        let path = &path;
                        move || write_new(path, &[n; 32])
                    })
                })
                .collect();
            let results = threads.into_iter().map(|thread| thread.join().expect("no panic").expect("no error"));
            results.filter(|wrote| *wrote).count()
        });
        let content = fs::read(&path).expect("it is there");
        assert_eq!((wrote, content.len(), mode(&path)), (1, 32, 0o600));
        assert!(content.iter().all(|byte| *byte == content[0]), "of one of them");
        assert_eq!(names(folder.path()), ["key"]);
    }

    #[test]
    fn where_it_cannot_be_written_nothing_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("taken")).expect("created");
        assert!(write(&folder.path().join("taken"), b"x").is_err(), "a folder has the name");
        assert_eq!(names(folder.path()), ["taken"]);
    }
}
