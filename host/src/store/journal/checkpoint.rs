//! The file beside the journal that says up to where it was checked.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::sync_folder;
use crate::audit::checkpoint::Checkpoint;
use crate::keys::SecretKey;

/// No checkpoint is longer.
const LONGEST: u64 = 4096;

fn path_of(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".checkpoint");
    name.into()
}

/// The checkpoint of a journal; `None` where there is none, or another key sealed it.
pub(crate) fn read(journal: &Path, audit_key: &SecretKey) -> Option<Checkpoint> {
    let mut text = Vec::new();
    File::open(path_of(journal)).ok()?.take(LONGEST).read_to_end(&mut text).ok()?;
    Checkpoint::open(&text, audit_key)
}

/// Puts a checkpoint in the place of the last one, in one step.
pub(crate) fn write(journal: &Path, checkpoint: &Checkpoint, audit_key: &SecretKey) -> io::Result<()> {
    let path = path_of(journal);
    let new = path.with_added_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(&checkpoint.seal(audit_key))?;
    file.sync_all()?;
    fs::rename(new, path)?;
    sync_folder(journal)
}
