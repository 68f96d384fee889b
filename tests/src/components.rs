//! The components under test: the shipped plugins, and the guests of `tests/guests`.

use std::path::{Path, PathBuf};

/// A shipped plugin: `regex` or `ner`.
///
/// # Panics
/// When it was not built.
pub fn plugin(name: &str) -> Vec<u8> {
    read(&target_dir().join("plugins").join(format!("{name}.wasm")))
}

/// A plugin of the tests, such as `staff-id`.
///
/// # Panics
/// When it was not built.
pub fn guest(name: &str) -> Vec<u8> {
    read(&target_dir().join("guests").join(format!("{name}.wasm")))
}

/// Cargo's target folder, in which `make` puts the components.
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) if Path::new(&folder).is_absolute() => folder.into(),
        Some(folder) => workspace().join(folder),
        None => workspace().join("target"),
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> Vec<u8> {
    match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => panic!("{} cannot be read ({error}): run `make test`, which builds it", path.display()),
    }
}
