//! Which plugins an install starts with: the embedded ones, and those of `MASKER_PLUGIN_DIR`, which come in their place.

use std::path::Path;

use anyhow::Context;

use crate::wasm::{Registry, Wasm};

/// The components inside this binary: `regex` and `ner`. None in a build without the feature `embed-plugins`.
pub fn embedded() -> Vec<Vec<u8>> {
    #[cfg(feature = "embed-plugins")]
    {
        vec![
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/plugins/regex.wasm")).to_vec(),
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/plugins/ner.wasm")).to_vec(),
        ]
    }
    #[cfg(not(feature = "embed-plugins"))]
    Vec::new()
}

/// Loads embedded plugins, then `extra`, then the folder's: a later one replaces an earlier one of its name.
pub fn load(wasm: &Wasm, folder: Option<&Path>, extra: Vec<Vec<u8>>) -> anyhow::Result<Registry> {
    let mut registry = Registry::default();
    for bytes in embedded().into_iter().chain(extra) {
        registry.insert(wasm.inspect(bytes).context("an embedded plugin cannot be used")?);
    }
    let Some(folder) = folder else { return Ok(registry) };
    let listing =
        std::fs::read_dir(folder).with_context(|| format!("MASKER_PLUGIN_DIR: cannot read {}", folder.display()))?;
    let mut files: Vec<_> = listing
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .collect();
    files.sort();
    for file in files {
        let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let plugin = wasm.inspect(bytes).with_context(|| format!("plugin {}", file.display()))?;
        let name = plugin.manifest.name.clone();
        match registry.insert(plugin) {
            Some(_) => tracing::info!(plugin = name, file = %file.display(), "a plugin takes the place of another"),
            None => tracing::info!(plugin = name, file = %file.display(), "a plugin was loaded"),
        }
    }
    Ok(registry)
}
