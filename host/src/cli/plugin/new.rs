//! `masker plugin new`: creates a working project from the examples that the tests build.

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::json;

use super::super::exit::{self, Failure};
use super::super::{Output, show};

/// Languages with a project template.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Rust. The fastest: some microseconds per call.
    Rust,
    /// Python, with componentize-py from PyPI.
    #[value(alias = "py")]
    Python,
    /// JavaScript, with componentize-js from npm.
    #[value(alias = "javascript")]
    Js,
}

macro_rules! files {
    ($from:literal: $($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../", $from, "/", $file)))),*]
    };
}

type Files = &'static [(&'static str, &'static str)];

const RUST: Files = files!("examples/plugins/rust": "Cargo.toml", "Cargo.lock", "src/lib.rs", "tests/cases.rs", "cases.txt", "policy.yaml");
const PYTHON: Files = files!("examples/plugins/python": "plugin.py", "requirements.txt", "cases.txt", "policy.yaml");
const JAVASCRIPT: Files =
    files!("examples/plugins/javascript": "plugin.js", "package.json", "build.mjs", "cases.txt", "policy.yaml");
const CONTRACT: Files = files!("wit/v0.1": "plugin.wit");
const SDK: Files = files!("plugin-sdk":
    "Cargo.toml", "README.md", "wit/plugin.wit", "src/lib.rs", "src/arena.rs", "src/bindings.rs", "src/checksums.rs",
    "src/context.rs", "src/dfa.rs", "src/last_words.rs", "src/pass.rs", "src/settings.rs", "src/testing.rs",
    "words/Cargo.toml", "words/src/lib.rs", "words/src/alphabet.rs", "words/src/atoms.rs", "words/src/compose.rs",
    "words/src/english.rs", "words/src/fold.rs", "words/src/french.rs", "words/src/german.rs", "words/src/italian.rs",
    "words/src/portuguese.rs", "words/src/read.rs", "words/src/say.rs", "words/src/spanish.rs", "words/src/table.rs",
);

/// The example's name, replaced by that of the new project.
const EXAMPLE: &str = "hospital-mrn";

impl Language {
    fn files(self) -> Vec<(PathBuf, String)> {
        let plain = |files: Files, below: &str| {
            files.iter().map(|(file, text)| (Path::new(below).join(file), (*text).to_owned())).collect::<Vec<_>>()
        };
        match self {
            // The SDK is included: it is not on a registry, and this copy matches this version of the program.
            Self::Rust => [plain(RUST, ""), plain(SDK, "masker-plugin-sdk")].concat(),
            Self::Python => [plain(PYTHON, ""), plain(CONTRACT, "wit")].concat(),
            Self::Js => [plain(JAVASCRIPT, ""), plain(CONTRACT, "wit")].concat(),
        }
    }

    fn ignored(self) -> &'static str {
        match self {
            Self::Rust => "/target\n/plugin.wasm\n",
            Self::Python => "/.venv\n/plugin.wasm\n__pycache__\n",
            Self::Js => "/node_modules\n/plugin.wasm\n",
        }
    }
}

/// Creates a new project in a folder with the plugin's name.
pub fn new(name: &str, language: Language, output: Output) -> Result<(), Failure> {
    if !crate::wasm::registry::is_plugin_name(name) {
        let rule = "use lower-case letters, digits and hyphens, starting with a letter, at most 64 characters";
        return Err(Failure::new(exit::USAGE, format!("{name:?} is not a valid plugin name: {rule}")));
    }
    let folder = Path::new(name);
    if folder.exists() {
        return Err(Failure::new(exit::GENERIC, format!("{name}: already exists")));
    }
    let failed =
        |path: &Path, error: std::io::Error| Failure::new(exit::GENERIC, format!("{}: {error}", path.display()));
    let mut files = language.files();
    files.push((".gitignore".into(), language.ignored().to_owned()));
    for (file, text) in files {
        let path = folder.join(&file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        }
        let text = if file.starts_with("masker-plugin-sdk") { own_workspace(&text) } else { renamed(&text, name) };
        fs::write(&path, text).map_err(|error| failed(&path, error))?;
    }
    let next = format!("cd {name}; masker plugin build; masker plugin test");
    show::object(&json!({"folder": name, "next": next}), output)
}

/// The example's text with another name, in every spelling that occurs.
fn renamed(text: &str, name: &str) -> String {
    text.replace("../../../plugin-sdk", "masker-plugin-sdk")
        .replace(EXAMPLE, name)
        .replace("hospital_mrn", &name.replace('-', "_"))
        .replace("HospitalMrn", &type_name(name))
}

/// Converts `lab-order-2` to a type name.
fn type_name(name: &str) -> String {
    let capital = |part: &str| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    name.split('-').map(capital).collect()
}

/// The SDK's manifest for use outside this repository, without the inherited lints.
fn own_workspace(text: &str) -> String {
    text.replace("\n[lints]\nworkspace = true\n", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_project_has_its_own_name_everywhere() {
        for language in [Language::Rust, Language::Python, Language::Js] {
            for (file, text) in language.files() {
                let text = renamed(&text, "lab-order-2");
                let old = ["hospital-mrn", "hospital_mrn", "HospitalMrn"].iter().any(|old| text.contains(old));
                assert!(!old, "{}", file.display());
            }
        }
        assert_eq!(type_name("lab-order-2"), "LabOrder2");
    }

    #[test]
    fn the_sdk_in_a_new_project_is_complete_and_inherits_nothing() {
        for folder in ["src", "words/src"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin-sdk").join(folder);
            for entry in fs::read_dir(path).expect("reads") {
                let name = format!("{folder}/{}", entry.expect("reads").file_name().to_string_lossy());
                assert!(SDK.iter().any(|(file, _)| *file == name), "{name} is not in the template");
            }
        }
        for (file, text) in SDK.iter().filter(|(file, _)| file.ends_with("Cargo.toml")) {
            assert!(!own_workspace(text).contains("workspace = true"), "{file}");
        }
    }

    #[test]
    fn the_three_languages_are_held_to_the_same_cases() {
        let cases = |files: Files| files.iter().find(|(file, _)| *file == "cases.txt").expect("there").1;
        assert_eq!(cases(RUST), cases(PYTHON));
        assert_eq!(cases(RUST), cases(JAVASCRIPT));
    }
}
