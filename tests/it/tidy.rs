//! Repository rules that the compiler does not check.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file below a folder with this extension, relative to the repository.
pub(crate) fn files(folder: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|own| own == extension) {
                let relative = path.strip_prefix(root()).expect("below the repository");
                found.push(relative.to_str().expect("a UTF-8 path").to_owned());
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "{folder} has no .{extension} files");
    found
}

/// Every text between two marks.
pub(crate) fn between<'t>(text: &'t str, open: &str, close: &str) -> Vec<&'t str> {
    let parts = text.split(open).skip(1);
    parts.filter_map(|part| part.split_once(close).map(|(inside, _)| inside)).collect()
}

#[test]
fn the_sdk_ships_the_contract_as_it_is() {
    assert_eq!(read("plugin-sdk/wit/plugin.wit"), read("wit/v0.1/plugin.wit"));
    assert!(read("plugin-sdk/src/bindings.rs").contains("path: \"wit\""));
}

#[test]
fn every_contract_version_has_its_folder_and_its_bindings() {
    let versions: Vec<String> = fs::read_dir(root().join("wit"))
        .expect("the contract")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_str().expect("a name").trim_start_matches('v').to_owned())
        .collect();
    assert!(versions.contains(&"0.1".to_owned()));
    for version in versions {
        let contract = read(&format!("wit/v{version}/plugin.wit"));
        assert!(contract.contains(&format!("package masker:plugin@{version}.")), "wit/v{version}");
        let bindings = read(&format!("host/src/wasm/v{}.rs", version.replace('.', "_")));
        assert!(bindings.contains(&format!("path: \"../wit/v{version}\"")), "wit/v{version}");
        assert!(bindings.contains(&format!("VERSION: &str = \"{version}.\"")), "wit/v{version}");
    }
}

/// Folders below `plugins` that are crates.
fn plugins() -> Vec<String> {
    let folders =
        fs::read_dir(root().join("plugins")).expect("the plugins").map(|entry| entry.expect("an entry").path());
    let crates = folders.filter(|folder| folder.join("Cargo.toml").exists());
    crates.map(|folder| folder.file_name().and_then(|name| name.to_str()).expect("a name").to_owned()).collect()
}

#[test]
fn every_plugin_that_ships_has_cases() {
    let plugins = plugins();
    assert!(plugins.len() >= 2, "{plugins:?}");
    for plugin in plugins {
        for file in files(&format!("plugins/{plugin}/cases"), "txt") {
            assert!(!read(&file).trim().is_empty(), "{file} is empty");
        }
    }
}

#[test]
fn every_guest_is_built() {
    let manifest = read("tests/guests/Cargo.toml");
    for file in files("tests/guests/examples", "rs") {
        let name = Path::new(&file).file_stem().and_then(|name| name.to_str()).expect("a name");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{file} is not in tests/guests/Cargo.toml");
    }
}

/// Every document for readers, relative to the repository.
pub(crate) fn documents() -> Vec<String> {
    let own = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"];
    own.map(str::to_owned).into_iter().chain(files("docs", "md")).collect()
}

/// The repository's files that a document names: code in backquotes with a slash, and link targets.
fn named_files(document: &str) -> BTreeSet<String> {
    let mut prose = String::new();
    for (index, part) in document.split("```").enumerate() {
        // Blocks of code are commands and examples.
        if index % 2 == 0 {
            prose.push_str(part);
        }
    }
    let code = between_pairs(&prose).into_iter().filter(|code| looks_like_a_file(code)).map(str::to_owned);
    let links = between(&prose, "](", ")").into_iter().filter(|link| !link.contains("://") && !link.starts_with('#'));
    let links = links.map(|link| link.split('#').next().unwrap_or_default().to_owned());
    code.chain(links).map(|name| name.trim_end_matches('/').to_owned()).collect()
}

/// The texts in backquotes.
fn between_pairs(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn looks_like_a_file(code: &str) -> bool {
    const FOLDERS: [&str; 7] = ["host/", "plugin-sdk/", "plugins/", "wit/", "tests/", "examples/", ".ci/"];
    // Capitals are placeholders for the reader's own name.
    let plain = !code.contains("NAME")
        && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-'));
    let source = [".rs", ".md", ".wit", ".yaml", ".sh", ".sql"].iter().any(|end| code.ends_with(end));
    plain && (FOLDERS.iter().any(|folder| code.starts_with(folder)) || (source && code.contains('/')))
}

#[test]
fn documents_name_files_that_are_there() {
    let mut named = 0;
    let mut missing = Vec::new();
    for document in documents() {
        let folder = Path::new(&document).parent().expect("a file").to_owned();
        for file in named_files(&read(&document)) {
            named += 1;
            // Links are relative to their document, and short names are below the host's sources: `http/router.rs`.
            let folders =
                [&folder, Path::new(""), Path::new("host/core/src"), Path::new("host/src"), Path::new("host")];
            let is_there = folders.iter().any(|folder| root().join(folder).join(&file).exists());
            if !is_there {
                missing.push(format!("{document} names {file}"));
            }
        }
    }
    assert!(missing.is_empty(), "files that are not there:\n{}", missing.join("\n"));
    assert!(named > 100, "only {named} files are named: are they still found?");
}

#[test]
fn files_are_found_in_code_and_links_and_not_in_examples() {
    let found = named_files(
        "See `host/src/lib.rs`, [this](tests/it/main.rs#x), `a/b`, [web](https://x.org/y.md).\n```\n`host/no.rs`\n```\n`wit/`",
    );
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["host/src/lib.rs", "tests/it/main.rs", "wit"]);
}

#[test]
fn every_promise_has_its_test_and_every_test_its_promise() {
    let tests = read("tests/it/promises.rs");
    let tests: BTreeSet<&str> = between(&tests, "\nasync fn ", "(").into_iter().collect();
    for document in ["README.md", "docs/security/promises.md"] {
        let text = read(document);
        let (_, table) = text.split_once("| promise | test |").expect("the table of promises");
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let promised: BTreeSet<&str> =
            rows.map(|row| *between_pairs(row).last().expect("a promise names its test")).collect();
        assert_eq!(promised, tests, "{document}");
    }
}

#[test]
fn every_kind_of_event_is_explained_to_auditors() {
    let docs = read("docs/audit.md");
    let (_, table) = docs.split_once("| kind | when |").expect("the table of kinds");
    let rows: String = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    for kind in masker::audit::event::EventKind::ALL {
        assert!(rows.contains(&format!("`{}`", kind.as_str())), "{} is not in docs/audit.md", kind.as_str());
    }
}

#[test]
fn every_kind_of_event_is_written_by_somebody() {
    let elsewhere = files("host/src", "rs");
    let writers = elsewhere.iter().filter(|file| !file.contains("tests"));
    let code: String =
        writers.map(|file| read(file).split("#[cfg(test)]").next().unwrap_or_default().to_owned()).collect();
    for kind in masker::audit::event::EventKind::ALL {
        assert!(code.contains(&format!("EventKind::{kind:?}")), "nothing writes {kind:?}");
    }
}

/// Sources that create files in their own way, each with the reason.
const CREATORS: [(&str, &str); 6] = [
    ("host/src/files.rs", "the others go through it"),
    ("host/src/cli/eval.rs", "figures, readable by everybody"),
    ("host/src/cli/plugin/new.rs", "a project of its author"),
    ("host/src/cli/plugin/build.rs", "a project of its author"),
    ("host/src/cli/plugin/signing.rs", "a signature is public"),
    ("host/src/cli/plugin/folder.rs", "a folder that another user may fill"),
];

/// Statements that create a file or a folder without explicit permissions.
fn creations(source: &str) -> Vec<&str> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let creates = |statement: &&str| {
        let plain = ["fs::write(", "File::create", "create_dir", "DirBuilder::new"];
        let opens = [".create(true)", ".create_new(true)"];
        plain.iter().any(|call| statement.contains(call))
            || opens.iter().any(|option| statement.contains(option)) && !statement.contains("private()")
    };
    code.split([';', '{', '}']).filter(creates).collect()
}

#[test]
fn what_creates_a_file_says_for_whom() {
    let mut excused = BTreeSet::new();
    for file in files("host/src", "rs").into_iter().filter(|file| !file.contains("tests")) {
        let source = read(&file);
        let found = creations(&source);
        match CREATORS.iter().find(|(creator, _)| *creator == file) {
            Some((creator, _)) if !found.is_empty() => drop(excused.insert(creator)),
            _ => assert!(found.is_empty(), "{file}: use `files`: {found:?}"),
        }
    }
    assert_eq!(excused.len(), CREATORS.len(), "remove the exception that is no longer needed");
    let found = creations("let a = private().create(true); OpenOptions::new().create(true); fs::write(a, b)");
    assert_eq!(found, [" OpenOptions::new().create(true)", " fs::write(a, b)"]);
}

#[test]
fn every_setting_is_documented() {
    let settings = read("docs/operate/settings.md");
    for variable in masker::config::VARIABLES {
        assert!(settings.contains(variable), "{variable} is not in docs/operate/settings.md");
    }
}

#[test]
fn documents_name_settings_that_are_there() {
    for document in documents() {
        for rest in read(&document).split("MASKER_").skip(1) {
            let end = rest.find(|c: char| !(c.is_ascii_uppercase() || c == '_')).unwrap_or(rest.len());
            let name = format!("MASKER_{}", rest[..end].trim_end_matches("_FILE"));
            // `MASKER_KEY_<KID>`, `MASKER_*`, and variables that only the build and the tests read.
            let known = name.starts_with("MASKER_KEY_")
                || ["MASKER_", "MASKER_WASM_TOOLCHAIN", "MASKER_WRITE_DOCS"].contains(&name.as_str());
            assert!(
                known || masker::config::VARIABLES.contains(&name.as_str()),
                "{document} names {name}, which nothing reads"
            );
        }
    }
}
