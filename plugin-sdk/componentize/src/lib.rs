//! Turns a core module into a component.

use anyhow::{Context, Result};
use wit_component::ComponentEncoder;

/// Wraps a plugin's core module into a component.
///
/// # Errors
/// When the bytes are not a WebAssembly module, or lack the contract's bindings.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default()
        .module(module)
        .context("no bindings found: is `register_pass!` in the crate's root?")?
        .validate(true)
        .encode()
        .context("the module does not fit its bindings")
}
