//! Invariants at the end of every service test.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use masker::audit::verify::verify;

use super::{TestApp, logs};

/// Panics if a planted value has leaked, or the journal does not verify.
pub fn check(app: &TestApp) {
    let forms: Vec<(&str, Vec<u8>)> = app.planted.iter().flat_map(|value| forms(value)).collect();
    let look = |place: &str, bytes: &[u8]| {
        for (value, form) in &forms {
            assert!(!contains(bytes, form), "the planted value {value:?} is in {place}");
        }
    };
    for (at, request) in app.upstream.requests().iter().enumerate() {
        look(&format!("request {at} to the upstream: {}", request.text()), &request.body);
        look(&format!("the path of request {at} to the upstream"), request.path.as_bytes());
        for (name, header) in &request.headers {
            look(&format!("the header {name} of request {at} to the upstream"), header.as_bytes());
        }
    }
    for file in files(app.folder.path()) {
        match fs::read(&file) {
            Ok(bytes) => look(&format!("the file {}", file.display()), &bytes),
            // The service removes and renames files meanwhile.
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound, "{}", file.display()),
        }
    }
    look("the log", logs::so_far().as_bytes());
    check_journal(app);
}

fn check_journal(app: &TestApp) {
    let running = app.running.as_ref().expect("the app runs");
    let journal = &running.app.pipeline.journal;
    // Background work may append during the check: up to the current end, every line must be complete.
    if journal.end().is_err() {
        return;
    }
    let (bytes, _) = journal.snapshot(0).expect("the journal can be read");
    let verified = verify(bytes, &running.app.config.audit_key);
    verified.unwrap_or_else(|broken| panic!("the journal does not verify: {broken}"));
}

/// A value as it is, and as it appears in JSON.
fn forms(value: &str) -> Vec<(&str, Vec<u8>)> {
    let json = serde_json::Value::from(value).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let mut forms = vec![(value, value.as_bytes().to_vec())];
    if json != value {
        forms.push((value, json.into_bytes()));
    }
    forms
}

/// Every file below a folder. The cache of compiled plugins is a symlink and is not followed: all tests share it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the data folder can be listed");
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.expect("an entry of the data folder");
        let kind = entry.file_type().expect("a file has a type");
        if kind.is_dir() {
            files.extend(self::files(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len().max(1)).any(|window| window == needle)
}
