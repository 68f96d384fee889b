//! The install's policies: built-in ones, and those of `MASKER_POLICY_PATH`, which replace built-in ones of the same
//! name.

use std::path::{Path, PathBuf};

use super::catalog::{Catalog, plugin_kinds};
use super::lanes::Cancel;
use crate::keys::Kid;
use crate::policy::{self, CompiledPolicy, ErrorCode, PolicyError};
use crate::store::policies::{InstallPolicy, Source};
use crate::wasm::Registry;

/// Errors of one policy source.
pub struct BadPolicy {
    /// The name of the file or of the built-in policy.
    pub source: String,
    /// All its errors.
    pub errors: Vec<PolicyError>,
}

impl std::fmt::Display for BadPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}:", self.source)?;
        self.errors.iter().try_for_each(|error| writeln!(f, "  {error}"))
    }
}

/// Reads and checks the built-in policies and those below `path`: returns the valid ones, and the errors of the
/// others. Reads files, and takes milliseconds per policy.
pub fn read(path: Option<&Path>, catalog: &Catalog, cancel: &Cancel) -> (Vec<InstallPolicy>, Vec<BadPolicy>) {
    let mut sound: Vec<InstallPolicy> = Vec::new();
    let mut bad = Vec::new();
    for (name, document) in policy::BUILT_IN {
        match catalog.compile(document, 1) {
            Ok(_) => sound.push(InstallPolicy {
                name: name.to_owned(),
                source: Source::BuiltIn,
                document: document.to_owned(),
            }),
            Err(errors) => bad.push(BadPolicy { source: format!("the built-in policy {name}"), errors }),
        }
    }
    let Some(path) = path else { return (sound, bad) };
    if !path.exists() {
        bad.push(one_error("MASKER_POLICY_PATH".into(), "", "there is no such file or folder"));
        return (sound, bad);
    }
    match files(path) {
        Ok(files) => {
            for file in files {
                read_file(&file, catalog, cancel, &mut sound, &mut bad);
            }
        }
        Err(error) => bad.push(unreadable("MASKER_POLICY_PATH".into(), &error)),
    }
    (sound, bad)
}

fn read_file(
    file: &Path,
    catalog: &Catalog,
    cancel: &Cancel,
    sound: &mut Vec<InstallPolicy>,
    bad: &mut Vec<BadPolicy>,
) {
    let source = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let document = match std::fs::read_to_string(file) {
        Ok(document) => document,
        Err(error) => return bad.push(unreadable(source, &error)),
    };
    let name = match catalog.check(&document, 1, cancel) {
        Ok(compiled) => compiled.name.to_string(),
        Err(errors) => return bad.push(BadPolicy { source, errors }),
    };
    match sound.iter_mut().find(|other| other.name == name) {
        Some(other) if other.source == Source::File => {
            bad.push(one_error(source, "name", "another file has a policy of this name"));
        }
        Some(other) => (other.source, other.document) = (Source::File, document),
        None => sound.push(InstallPolicy { name, source: Source::File, document }),
    }
}

/// One file, or the `.yaml` and `.yml` files of a folder, sorted.
fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn unreadable(source: String, error: &std::io::Error) -> BadPolicy {
    one_error(source, "", &format!("cannot be read: {}", error.kind()))
}

fn one_error(source: String, path: &str, message: &str) -> BadPolicy {
    let code = ErrorCode::PolicyYamlInvalid;
    let error = PolicyError { code, path: path.to_owned(), line: None, message: message.to_owned() };
    BadPolicy { source, errors: vec![error] }
}

/// Checks a document for the command line: against these plugins, and with any kid it names.
pub fn compile_local(document: &str, plugins: &Registry) -> Result<CompiledPolicy, Vec<PolicyError>> {
    let kids: Vec<Kid> = policy::Policy::parse(document).map(|policy| vec![policy.kid]).unwrap_or_default();
    let plugins = plugin_kinds(plugins);
    policy::check(document, 1, &policy::Environment { kids: &kids, plugins: &plugins }, &|| false)
}
