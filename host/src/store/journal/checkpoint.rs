//! The checkpoint file beside the journal: the position up to which the journal was verified.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::audit::checkpoint::Checkpoint;
use crate::files;
use crate::keys::SecretKey;

/// Upper bound for the size of a checkpoint.
const LONGEST: u64 = 4096;

fn path_of(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".checkpoint");
    name.into()
}

/// Reads the checkpoint of a journal; `None` if it is missing or sealed with another key.
pub(crate) fn read(journal: &Path, audit_key: &SecretKey) -> Option<Checkpoint> {
    let mut text = Vec::new();
    File::open(path_of(journal)).ok()?.take(LONGEST).read_to_end(&mut text).ok()?;
    Checkpoint::open(&text, audit_key)
}

/// Replaces the checkpoint atomically.
pub(crate) fn write(journal: &Path, checkpoint: &Checkpoint, audit_key: &SecretKey) -> io::Result<()> {
    files::write(&path_of(journal), &checkpoint.seal(audit_key))
}
