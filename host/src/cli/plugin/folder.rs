//! `masker plugin list|install|remove --dir`: manage a server's `MASKER_PLUGIN_DIR` without calling the server.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::exit::{self, Failure};
use super::super::local::LocalPlugins;
use super::super::{Output, show};
use crate::keys::signature;
use crate::wasm::Plugin;

/// Lists the components of a folder. Components that a server would reject are reported on standard error.
pub fn list(folder: &Path, output: Output) -> Result<(), Failure> {
    let Components { sound, unusable } = components(folder)?;
    for (file, error) in &unusable {
        let _ = writeln!(std::io::stderr(), "masker: {}: ignored: {error}", file.display());
    }
    let rows: Vec<_> = sound
        .iter()
        .map(|(file, plugin)| {
            let manifest = &plugin.manifest;
            let kinds: Vec<&str> = manifest.kinds.iter().map(|kind| kind.as_str()).collect();
            json!({
                "name": manifest.name, "version": manifest.version, "kinds": kinds.join(" "),
                "size": plugin.bytes.len(), "file": file.display().to_string(),
            })
        })
        .collect();
    let columns = [("name", "name"), ("version", "version"), ("kinds", "kinds"), ("size", "size"), ("file", "file")];
    show::rows(&rows, &columns, output)
}

/// Copies a component and its signature into a folder, replacing a component of the same name.
pub fn install(file: &Path, folder: &Path, output: Output) -> Result<(), Failure> {
    let mut plugins = LocalPlugins::load(None, 1)?;
    let plugin = super::take_in(&mut plugins, file)?;
    let name = &plugin.manifest.name;
    let before = components(folder)?.sound.into_iter().find(|(_, other)| other.manifest.name == *name);
    let place = before.map_or_else(|| folder.join(format!("{name}.wasm")), |(place, _)| place);
    let beside = signature::beside(file);
    if beside.exists() {
        put(&fs::read(&beside).map_err(|error| super::unreadable(&beside, &error))?, &signature::beside(&place))?;
    }
    put(&plugin.bytes, &place)?;
    show::object(
        &json!({"name": name, "version": plugin.manifest.version, "file": place.display().to_string()}),
        output,
    )
}

/// Removes a component and its signature from a folder, by name. An invalid component goes by its file name.
pub fn remove(name: &str, folder: &Path) -> Result<(), Failure> {
    let Components { sound, unusable } = components(folder)?;
    let named = sound.into_iter().find(|(_, plugin)| plugin.manifest.name == name).map(|(file, _)| file);
    let unusable = || unusable.into_iter().map(|(file, _)| file).find(|file| file.file_stem() == Some(name.as_ref()));
    let Some(file) = named.or_else(unusable) else {
        return Err(Failure::new(exit::COMMAND, format!("{}: no plugin named {name}", folder.display())));
    };
    fs::remove_file(&file).map_err(|error| super::unreadable(&file, &error))?;
    let beside = signature::beside(&file);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(super::unreadable(&beside, &error)),
        _ => Ok(()),
    }
}

/// The components of a folder: those that a server would accept, and the others with the reason.
#[derive(Default)]
struct Components {
    sound: Vec<(PathBuf, Plugin)>,
    unusable: Vec<(PathBuf, String)>,
}

fn components(folder: &Path) -> Result<Components, Failure> {
    let plugins = LocalPlugins::load(None, 1)?;
    let entries = fs::read_dir(folder).map_err(|error| super::unreadable(folder, &error))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "wasm"));
    files.sort();
    let mut found = Components::default();
    for file in files {
        // An unreadable file counts as an invalid component.
        let read = fs::read(&file).map_err(|error| error.to_string());
        match read.and_then(|bytes| plugins.inspect(bytes).map_err(|error| error.to_string())) {
            Ok(plugin) => found.sound.push((file, plugin)),
            Err(error) => found.unusable.push((file, error)),
        }
    }
    Ok(found)
}

/// Writes a temporary file and renames it, so that a watching server never sees a partial file.
fn put(bytes: &[u8], place: &Path) -> Result<(), Failure> {
    let draft = place.with_extension("draft");
    fs::write(&draft, bytes).and_then(|()| fs::rename(&draft, place)).map_err(|error| super::unreadable(place, &error))
}
