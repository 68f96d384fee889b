//! Key files that development mode makes.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The key in `folder/name`, made there (mode 0600) when there is none.
pub fn read_or_make_key(folder: &Path, name: &str) -> io::Result<String> {
    let path = folder.join(name);
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let text = STANDARD.encode(bytes);
    // `create_new`: two processes that start together must not end up with two keys.
    match File::options().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            Ok(text)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::read_to_string(&path),
        Err(error) => Err(error),
    }
}
