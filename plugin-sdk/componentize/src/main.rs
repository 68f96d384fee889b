//! `masker-componentize MODULE.wasm COMPONENT.wasm`: wraps the core module that `cargo build` produced from a plugin
//! into a component. The plugin's bindings embed the contract in the module, so no WIT file is needed.

use std::path::Path;

use anyhow::{Context, Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, component] = arguments.as_slice() else {
        bail!("usage: masker-componentize MODULE.wasm COMPONENT.wasm");
    };
    let bytes = std::fs::read(module).with_context(|| format!("cannot read {module}"))?;
    let encoded =
        masker_componentize::componentize(&bytes).with_context(|| format!("{module} is not a plugin's core module"))?;
    let target = Path::new(component);
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // The host embeds components: an unchanged one must keep its modification time, or the host is recompiled.
    if std::fs::read(target).is_ok_and(|there| there == encoded) {
        return Ok(());
    }
    std::fs::write(target, encoded).with_context(|| format!("cannot write {component}"))
}
