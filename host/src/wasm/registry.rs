//! The installed plugins. A plugin is checked before installation; a failed check changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};

use super::cache::Cache;
use super::engine::Engine;
use super::offsets::OffsetUnit;
use super::prepare::new_store;
use super::{config_schema, last_words, limits, v0_1};
use crate::kind::Kind;

/// A plugin that passed the install check.
#[derive(Clone)]
pub struct Plugin {
    /// The component.
    pub bytes: Bytes,
    /// BLAKE3 of the component.
    pub digest: [u8; 32],
    /// SHA-256 of the component, which users can check with standard tools.
    pub sha256: [u8; 32],
    /// The plugin's manifest, checked.
    pub manifest: Arc<Manifest>,
}

/// A checked manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// `[a-z][a-z0-9-]{0,63}`.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// Description, one sentence.
    pub description: String,
    /// The kinds it may return.
    #[serde(with = "kind_names")]
    pub kinds: Vec<Kind>,
    /// JSON Schema of its configuration.
    pub config_schema: String,
    /// Unit of its positions.
    pub offset_unit: OffsetUnit,
    /// Contract version that it was built against.
    pub contract: String,
}

/// Why a component is rejected. The messages are for its author.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InstallError {
    /// Not a WebAssembly component.
    #[error("not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// A core module: it has not been converted to a component.
    #[error("this is a core WebAssembly module, not a component: `masker plugin build` converts it")]
    CoreModule,
    /// It has imports.
    #[error(
        "it imports {0}; a plugin may import nothing. Build it without: Rust with --target wasm32-unknown-unknown, \
         Python with componentize-py --stub-wasi, JavaScript with disableFeatures of componentize-js; `masker plugin build` does each"
    )]
    Imports(String),
    /// It does not export the contract.
    #[error("it does not export masker:plugin/pass")]
    NoPass,
    /// An unsupported contract version.
    #[error("it was built against masker:plugin/pass@{0}; this version of Masker supports 0.1")]
    Contract(String),
    /// It exports the interface with other types.
    #[error("its exports do not match masker:plugin/pass@0.1: {0}")]
    Shape(String),
    /// It requires more than the limits allow.
    #[error("it asks for {0}")]
    Resources(String),
    /// `describe` failed.
    #[error("describe() failed: {0}")]
    Describe(String),
    /// A signature is required, and there is no valid one.
    #[error("{0}")]
    Signature(#[from] crate::keys::signature::SignatureError),
    /// The manifest is invalid.
    #[error("manifest: {0}")]
    Manifest(String),
}

/// Installed plugins, by name.
#[derive(Clone, Default)]
pub struct Registry(BTreeMap<String, Plugin>);

impl Registry {
    /// Adds a plugin, and returns the one of the same name that it replaces.
    pub fn insert(&mut self, plugin: Plugin) -> Option<Plugin> {
        self.0.insert(plugin.manifest.name.clone(), plugin)
    }

    /// Removes a plugin.
    pub fn remove(&mut self, name: &str) -> Option<Plugin> {
        self.0.remove(name)
    }

    /// The plugin of this name.
    pub fn get(&self, name: &str) -> Option<&Plugin> {
        self.0.get(name)
    }

    /// All plugins, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Plugin> {
        self.0.values()
    }
}

/// Bytes of a WebAssembly memory page.
const WASM_PAGE: usize = 64 << 10;

/// Checks a component before installation.
pub fn inspect(engine: &Engine, cache: &Cache, bytes: Bytes) -> Result<Plugin, InstallError> {
    let digest = *blake3::hash(&bytes).as_bytes();
    let manifest = match cache.manifest(&digest) {
        Some(known) => known,
        None => {
            let read = read_manifest(engine, &bytes)?;
            cache.keep_manifest(&digest, &read);
            read
        }
    };
    let sha256 = Sha256::digest(&bytes).into();
    Ok(Plugin { bytes, digest, sha256, manifest: Arc::new(manifest) })
}

fn read_manifest(engine: &Engine, bytes: &[u8]) -> Result<Manifest, InstallError> {
    // The first eight bytes: "\0asm", then version 1 for a core module or 0x0d with layer 1 for a component.
    if bytes.starts_with(b"\0asm\x01\0\0\0") {
        return Err(InstallError::CoreModule);
    }
    let component = Component::from_binary(&engine.configure, bytes)
        .map_err(|error| InstallError::NotAComponent(first_line(&error)))?;
    check_imports(engine, &component)?;
    let contract = check_exports(engine, &component)?;
    check_resources(&component).map_err(InstallError::Resources)?;

    let linker = Linker::new(&engine.configure);
    let pre = linker
        .instantiate_pre(&component)
        .and_then(v0_1::PluginPre::new)
        .map_err(|error| InstallError::Shape(first_line(&error)))?;
    let _ticking = engine.ticking();
    let mut store = new_store(&engine.configure, limits::CONFIGURE);
    let described = pre
        .instantiate(&mut store)
        .and_then(|instance| instance.masker_plugin_pass().call_describe(&mut store))
        .map_err(|error| InstallError::Describe(last_words::explain(&error, &store)))?;
    check_manifest(described, contract).map_err(InstallError::Manifest)
}

fn check_imports(engine: &Engine, component: &Component) -> Result<(), InstallError> {
    let wanted: Vec<String> = component
        .component_type()
        .imports(&engine.configure)
        .filter_map(|(name, item)| match item.ty {
            // An interface with only types imports no functions.
            ComponentItem::ComponentInstance(interface) => interface
                .exports(&engine.configure)
                .find(|(_, item)| !matches!(item.ty, ComponentItem::Type(_)))
                .map(|(function, _)| format!("{name}#{function}")),
            ComponentItem::Type(_) => None,
            _ => Some(name.to_string()),
        })
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let more = wanted.len().saturating_sub(5);
    let mut names = wanted.into_iter().take(5).collect::<Vec<_>>().join(", ");
    if more > 0 {
        names.push_str(&format!(" and {more} more"));
    }
    Err(InstallError::Imports(names))
}

fn check_exports(engine: &Engine, component: &Component) -> Result<String, InstallError> {
    let versions: Vec<String> = component
        .component_type()
        .exports(&engine.configure)
        .filter_map(|(name, _)| name.strip_prefix(v0_1::INTERFACE).map(str::to_owned))
        .collect();
    match versions.iter().find(|version| version.starts_with(v0_1::VERSION)) {
        Some(version) => Ok(version.clone()),
        None => Err(versions.first().map_or(InstallError::NoPass, |other| InstallError::Contract(other.clone()))),
    }
}

/// Checks the initial resources of its instances.
fn check_resources(component: &Component) -> Result<(), String> {
    // `None` only for a component that imports modules, and imports are not allowed.
    let Some(wanted) = component.resources_required() else { return Ok(()) };
    for (count, most, what) in
        [(wanted.num_memories, limits::MEMORIES, "memories"), (wanted.num_tables, limits::TABLES, "tables")]
    {
        if count > most {
            return Err(format!("{count} {what}; a plugin may have {most}"));
        }
    }
    let most = (limits::MEMORY / WASM_PAGE) as u64;
    match wanted.max_initial_memory_size {
        Some(pages) if pages > most => Err(limits::OVER_MEMORY.into()),
        _ => Ok(()),
    }
}

/// Whether a plugin name is valid: `[a-z][a-z0-9-]{0,63}`.
pub fn is_plugin_name(name: &str) -> bool {
    let named = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.len() <= 64 && name.bytes().all(named)
}

fn check_manifest(raw: v0_1::Manifest, contract: String) -> Result<Manifest, String> {
    if !is_plugin_name(&raw.name) {
        return Err("name is not of the form [a-z][a-z0-9-]{0,63}".into());
    }
    for (field, text, most) in [
        ("version", &raw.version, 64),
        ("description", &raw.description, 1024),
        ("config-schema", &raw.config_schema, 1 << 20),
    ] {
        if text.len() > most {
            return Err(format!("{field} has {} bytes; {most} are allowed", text.len()));
        }
        if field != "config-schema" && text.chars().any(char::is_control) {
            return Err(format!("{field} contains control characters"));
        }
    }
    if raw.kinds.is_empty() || raw.kinds.len() > 256 {
        return Err(format!("{} kinds; 1 to 256 are allowed", raw.kinds.len()));
    }
    let kinds = raw
        .kinds
        .iter()
        .enumerate()
        .map(|(index, kind)| {
            Kind::new(kind).ok_or_else(|| format!("kinds[{index}] is not of the form [A-Z][A-Z0-9_]*"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    config_schema::compile(&raw.config_schema)?;
    let offset_unit = match raw.offset_unit.as_str() {
        "utf-8" => OffsetUnit::Utf8,
        "utf-16" => OffsetUnit::Utf16,
        "code-point" => OffsetUnit::CodePoint,
        _ => return Err("unknown offset-unit, expected one of utf-8, utf-16, code-point".into()),
    };
    Ok(Manifest {
        name: raw.name,
        version: raw.version,
        description: raw.description,
        kinds,
        config_schema: raw.config_schema,
        offset_unit,
        contract,
    })
}

/// The first lines of an error chain, without a guest's backtrace and memory dump.
pub(super) fn first_line(error: &wasmtime::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if ["error while executing at wasm backtrace", "wasm coredump"].iter().any(|start| cause.starts_with(start)) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(cause.lines().next().unwrap_or_default());
    }
    text
}

mod kind_names {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::kind::Kind;

    pub fn serialize<S: Serializer>(kinds: &[Kind], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(kinds.iter().map(Kind::as_str))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Kind>, D::Error> {
        Vec::<String>::deserialize(deserializer)?
            .iter()
            .map(|name| Kind::new(name).ok_or_else(|| D::Error::custom("not a kind")))
            .collect()
    }
}
