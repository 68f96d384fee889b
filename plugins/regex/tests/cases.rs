//! Checks that every case in `cases/` is found exactly as marked.
//!
//! A line is a case; lines that begin with `#` are comments. `assistant: what's your name? || it's ...` gives a case
//! preceding messages, each with its role.

use std::path::Path;

use masker_plugin_regex::Plugin;
use masker_plugin_sdk::testing::{configure, marked, unmark};

#[test]
fn every_case_is_found_as_marked() {
    let plugin: Plugin = configure("{}").expect("the default settings are valid");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut failures = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("cases").map(|file| file.expect("file").path()).collect();
    files.sort();
    assert!(files.len() >= 24, "one file for each kind");
    for file in files {
        let text = std::fs::read_to_string(&file).expect("readable");
        for (at, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let found = outcome(&plugin, line);
            let wanted = line.rsplit(" || ").next().unwrap_or(line);
            if found != wanted {
                let name = file.file_name().expect("name").to_string_lossy();
                failures.push(format!("{name}:{}\n  wanted {wanted}\n  found  {found}", at + 1));
            }
        }
    }
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
}

fn outcome(plugin: &Plugin, line: &str) -> String {
    let mut parts: Vec<&str> = line.split(" || ").collect();
    let text = parts.pop().map(unmark).expect("a line has a text");
    let context: Vec<(&str, &str)> =
        parts.iter().map(|part| part.split_once(": ").expect("context begins with a role")).collect();
    marked(plugin, &context, &text).expect("detects")
}
