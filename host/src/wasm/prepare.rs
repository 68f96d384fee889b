//! Turns a plugin and a configuration into a component that can be instantiated in microseconds.
//!
//! `configure` runs once; its resulting memory becomes part of the component (wizer), which is then compiled ahead of
//! time. Guests that wizer cannot snapshot (they change tables, drop data segments or keep v128 globals, as guests in
//! other languages may) are compiled unchanged and configured in every instance, which is slower but works.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek};
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_util::FutureExt;
use wasmtime::Store;
use wasmtime::component::{Component, Instance, Linker, WasmList};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use super::cache::Cache;
use super::config_schema;
use super::engine::{Engine, ticks};
use super::last_words;
use super::limits::{self, Limits};
use super::prepared::PreparedPass;
use super::registry::{Plugin, first_line};
use super::v0_1;
use crate::kind::Kind;

/// Why a plugin cannot be used with a configuration.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PrepareError {
    /// The plugin rejects the configuration.
    #[error("plugin {plugin}: {message}")]
    Config {
        /// Name of the plugin.
        plugin: String,
        /// The plugin's message.
        message: String,
        /// Location in the configuration, as a JSON Pointer.
        path: Option<String>,
    },
    /// `configure` trapped or timed out.
    #[error("plugin {plugin}: configure() failed: {message}")]
    Failed {
        /// Name of the plugin.
        plugin: String,
        /// Message of the sandbox.
        message: String,
    },
    /// Compiling or caching failed.
    #[error("plugin {plugin} cannot be compiled: {message}")]
    Compile {
        /// Name of the plugin.
        plugin: String,
        /// Message of the compiler.
        message: String,
    },
}

/// How an instance is configured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Configured in the snapshot.
    Snapshot,
    /// `configure` runs in every instance.
    Configure,
}

/// Whether the compiled component is stored for the next start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Stored in the cache directory.
    OnDisk,
    /// Not stored.
    InMemory,
}

/// Prepares a pass, from the cache if possible.
pub fn prepare(
    engine: &std::sync::Arc<Engine>,
    cache: &Cache,
    keep: Keep,
    plugin: &Plugin,
    config: &str,
    extra_kinds: &[Kind],
) -> Result<PreparedPass, PrepareError> {
    let compile_error = |message: String| PrepareError::Compile { plugin: plugin.manifest.name.clone(), message };
    let kept = [Start::Snapshot, Start::Configure]
        .into_iter()
        .find_map(|start| Some((start, cache.compiled(&cache_name(engine, plugin, config, start))?)));
    let (start, component) = match kept {
        Some((start, file)) => (start, load(engine, file)),
        None => {
            let (start, component) = configured(engine, plugin, config)?;
            if keep == Keep::InMemory {
                (start, Component::from_binary(&engine.run, &component))
            } else {
                let compiled =
                    engine.run.precompile_component(&component).map_err(|error| compile_error(first_line(&error)))?;
                let name = cache_name(engine, plugin, config, start);
                cache.keep_compiled(&name, &compiled);
                // Load from the cached file if there is one: it is mapped, and shared with other mappings of it.
                let kept = cache.compiled(&name);
                (start, kept.map_or_else(|| load_bytes(engine, &compiled), |file| load(engine, file)))
            }
        }
    };
    let component = component.map_err(|error| compile_error(first_line(&error)))?;
    let pre = Linker::new(&engine.run)
        .instantiate_pre(&component)
        .and_then(v0_1::PluginPre::new)
        .map_err(|error| compile_error(first_line(&error)))?;
    let config = (start == Start::Configure).then(|| config.to_owned());
    let kinds = plugin.manifest.kinds.iter().chain(extra_kinds).cloned().collect();
    Ok(PreparedPass::new(engine.clone(), pre, plugin.manifest.clone(), kinds, config))
}

/// Loads a compiled component from the cache.
fn load(engine: &Engine, mut file: File) -> wasmtime::Result<Component> {
    // Use the open descriptor, not the file that has its name by now.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    // SAFETY: the cache has just verified the MAC of this open file, which is in a directory that only this user can
    // access; this engine version compiled it: its compatibility hash is part of the file name (and wasmtime checks
    // it again).
    unsafe { Component::deserialize_file(&engine.run, path) }.or_else(|_| {
        // Without `/proc` the file is read instead of mapped.
        let mut compiled = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut compiled)?;
        load_bytes(engine, &compiled)
    })
}

fn load_bytes(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: as in `load`, or this engine has just compiled it.
    unsafe { Component::deserialize(&engine.run, compiled) }
}

/// Cache key of the result: depends on the component, the configuration, the engine and how an instance is
/// configured.
fn cache_name(engine: &Engine, plugin: &Plugin, config: &str, start: Start) -> String {
    let mut compatibility = DefaultHasher::new();
    engine.run.precompile_compatibility_hash().hash(&mut compatibility);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&plugin.digest);
    hasher.update(blake3::hash(config.as_bytes()).as_bytes());
    hasher.update(&compatibility.finish().to_le_bytes());
    hasher.update(&[u8::from(start == Start::Configure)]);
    hasher.finalize().to_hex().to_string()
}

/// Runs `configure` and takes a snapshot, or determines that this guest must be configured in every instance.
fn configured(engine: &Engine, plugin: &Plugin, config: &str) -> Result<(Start, Vec<u8>), PrepareError> {
    let name = &plugin.manifest.name;
    let mut wizer = Wizer::new();
    // Exports are not renamed or removed: `configure` stays, unused.
    wizer.keep_init_func(true);
    let Ok((context, instrumented)) = wizer.instrument_component(&plugin.bytes) else {
        tracing::info!(plugin = name, "cannot snapshot this plugin; configure() runs in every request");
        run_configure(engine, plugin, &plugin.bytes, config)?;
        return Ok((Start::Configure, plugin.bytes.to_vec()));
    };
    let (store, instance) = run_configure(engine, plugin, &instrumented, config)?;
    let mut state = State { store, instance };
    // Wizer's accessors cannot report a failure, and they run in an untrusted guest: a panic in here counts as a
    // failure of this plugin only.
    let snapshot = catch_unwind(AssertUnwindSafe(|| wizer.snapshot_component(&context, &mut state).now_or_never()))
        .map_err(|_| PrepareError::Compile { plugin: name.clone(), message: "its memory could not be read".into() })?;
    match snapshot {
        Some(Ok(snapshot)) => Ok((Start::Snapshot, snapshot)),
        Some(Err(error)) => {
            tracing::info!(plugin = name, error = %first_line(&error), "cannot snapshot this plugin; configure() runs in every request");
            Ok((Start::Configure, plugin.bytes.to_vec()))
        }
        None => Err(PrepareError::Compile { plugin: name.clone(), message: "the snapshot did not finish".into() }),
    }
}

/// Runs `configure` and discards the instance.
pub fn check(engine: &Engine, plugin: &Plugin, config: &str) -> Result<(), PrepareError> {
    run_configure(engine, plugin, &plugin.bytes, config).map(|_| ())
}

/// Checks the plugin's schema first, so that an invalid setting is an error with a location, whatever language the
/// plugin is written in.
fn check_schema(plugin: &Plugin, config: &str) -> Result<(), PrepareError> {
    let refused = |message, path| PrepareError::Config { plugin: plugin.manifest.name.clone(), message, path };
    let schema = config_schema::compile(&plugin.manifest.config_schema).map_err(|message| refused(message, None))?;
    let config = serde_json::from_str(config).map_err(|error| refused(error.to_string(), None))?;
    config_schema::check(&schema, &config).map_err(|wrong| refused(wrong.message, Some(wrong.path)))
}

fn run_configure(
    engine: &Engine,
    plugin: &Plugin,
    component: &[u8],
    config: &str,
) -> Result<(Store<Limits>, Instance), PrepareError> {
    let name = || plugin.manifest.name.clone();
    check_schema(plugin, config)?;
    let component = Component::from_binary(&engine.configure, component)
        .map_err(|error| PrepareError::Compile { plugin: name(), message: first_line(&error) })?;
    let _ticking = engine.ticking();
    let mut store = new_store(&engine.configure, limits::CONFIGURE);
    let called = Linker::new(&engine.configure).instantiate(&mut store, &component).and_then(|instance| {
        let plugin = v0_1::Plugin::new(&mut store, &instance)?;
        Ok((instance, plugin.masker_plugin_pass().call_configure(&mut store, config)?))
    });
    let (instance, result) = called
        .map_err(|error| PrepareError::Failed { plugin: name(), message: last_words::explain(&error, &store) })?;
    result.map_err(|error| PrepareError::Config { plugin: name(), message: error.message, path: error.path })?;
    Ok((store, instance))
}

/// Fuel of a call where fuel is counted: effectively unlimited.
pub(super) const FUEL: u64 = u64::MAX / 2;

/// A store with all limits set.
pub(super) fn new_store(engine: &wasmtime::Engine, limit: Duration) -> Store<Limits> {
    let mut store = Store::new(engine, Limits::default());
    store.limiter(|limits| limits);
    store.set_epoch_deadline(ticks(limit));
    store.set_hostcall_fuel(limits::OUTPUT);
    // Fails when this engine does not count fuel.
    let _ = store.set_fuel(FUEL);
    store
}

/// Wizer's access to the configured instance.
struct State {
    store: Store<Limits>,
    instance: Instance,
}

impl State {
    fn call<R: wasmtime::component::Lift + 'static>(&mut self, interface: &str, function: &str) -> R {
        // Wizer added these accessors, with these types, to the component it instrumented.
        let found = "wizer's accessors are exported by the component it instrumented";
        let (_, interface) = self.instance.get_export(&mut self.store, None, interface).expect(found);
        let (_, function) = self.instance.get_export(&mut self.store, Some(&interface), function).expect(found);
        // A snapshot is as large as the memory, well above the output limit of a request.
        self.store.set_hostcall_fuel(usize::MAX);
        self.store.set_epoch_deadline(ticks(limits::CONFIGURE));
        let (value,) = self
            .instance
            .get_typed_func::<(), (R,)>(&mut self.store, function)
            .and_then(|accessor| accessor.call(&mut self.store, ()))
            .expect(found);
        value
    }
}

impl ComponentInstanceState for State {
    async fn call_func_ret_list_u8(&mut self, interface: &str, function: &str, contents: impl FnOnce(&[u8]) + Send) {
        let list: WasmList<u8> = self.call(interface, function);
        contents(list.as_le_slice(&self.store));
    }

    async fn call_func_ret_s32(&mut self, interface: &str, function: &str) -> i32 {
        self.call(interface, function)
    }

    async fn call_func_ret_s64(&mut self, interface: &str, function: &str) -> i64 {
        self.call(interface, function)
    }

    async fn call_func_ret_f32(&mut self, interface: &str, function: &str) -> u32 {
        self.call::<f32>(interface, function).to_bits()
    }

    async fn call_func_ret_f64(&mut self, interface: &str, function: &str) -> u64 {
        self.call::<f64>(interface, function).to_bits()
    }
}
