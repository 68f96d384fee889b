//! The file beside the journal that says up to where it was checked.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::audit::checkpoint::Checkpoint;
use crate::files;
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
    files::write(&path_of(journal), &checkpoint.seal(audit_key))
}
