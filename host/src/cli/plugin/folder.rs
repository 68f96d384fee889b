//! `masker plugin list|install|remove --dir`: the folder that a server's `MASKER_PLUGIN_DIR` names, without the server.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::exit::{self, Failure};
use super::super::local::LocalPlugins;
use super::super::{Output, show};
use crate::keys::signature;
use crate::wasm::Plugin;

/// The components of a folder. One that would not be taken ends the command and is named.
pub fn list(folder: &Path, output: Output) -> Result<(), Failure> {
    let rows: Vec<_> = components(folder)?
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

/// Puts a component into a folder, its signature with it, in the place of one of its name.
pub fn install(file: &Path, folder: &Path, output: Output) -> Result<(), Failure> {
    let mut plugins = LocalPlugins::load(None, 1)?;
    let plugin = super::take_in(&mut plugins, file)?;
    let name = &plugin.manifest.name;
    let before = components(folder)?.into_iter().find(|(_, other)| other.manifest.name == *name);
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

/// Removes the component of a name from a folder, and its signature.
pub fn remove(name: &str, folder: &Path) -> Result<(), Failure> {
    let found = components(folder)?.into_iter().find(|(_, plugin)| plugin.manifest.name == name);
    let Some((file, _)) = found else {
        return Err(Failure::new(exit::COMMAND, format!("{}: no plugin {name} in it", folder.display())));
    };
    fs::remove_file(&file).map_err(|error| super::unreadable(&file, &error))?;
    let beside = signature::beside(&file);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(super::unreadable(&beside, &error)),
        _ => Ok(()),
    }
}

fn components(folder: &Path) -> Result<Vec<(PathBuf, Plugin)>, Failure> {
    let plugins = LocalPlugins::load(None, 1)?;
    let entries = fs::read_dir(folder).map_err(|error| super::unreadable(folder, &error))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "wasm"));
    files.sort();
    let inspected = files.into_iter().map(|file| {
        let bytes = fs::read(&file).map_err(|error| super::unreadable(&file, &error))?;
        let plugin = plugins
            .inspect(bytes)
            .map_err(|error| Failure::new(exit::COMMAND, format!("{}: {error}", file.display())))?;
        Ok((file, plugin))
    });
    inspected.collect()
}

/// Written beside and renamed, so that a server that watches never sees half of it.
fn put(bytes: &[u8], place: &Path) -> Result<(), Failure> {
    let draft = place.with_extension("draft");
    fs::write(&draft, bytes).and_then(|()| fs::rename(&draft, place)).map_err(|error| super::unreadable(place, &error))
}
