//! Key files that development mode generates.

use std::fs;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::files;

/// Reads the key in `folder/name`.
pub fn read_key(folder: &Path, name: &str) -> io::Result<String> {
    fs::read_to_string(folder.join(name))
}

/// Reads the key in `folder/name`, or generates it if there is none.
pub fn read_or_make_key(folder: &Path, name: &str) -> io::Result<String> {
    match read_key(folder, name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    files::create_folder(folder)?;
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    files::write_new(&folder.join(name), STANDARD.encode(bytes).as_bytes())?;
    // Two processes that start at the same time end up with the same key.
    read_key(folder, name)
}
