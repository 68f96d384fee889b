//! Runs plugins: sandboxed WebAssembly components without access to network, files or clock.
//!
//! The life cycle of a plugin:
//! 1. [`registry`] checks the file: a component, no function imports, a supported contract version, a valid manifest.
//! 2. [`config_schema`] validates a policy's `config` against the manifest's schema; [`prepare`] runs `configure` once
//!    for each (plugin, configuration) pair, snapshots the memory and compiles the result ahead of time; [`cache`]
//!    stores it on disk, authenticated with a MAC.
//! 3. [`prepared`] creates a fresh instance of that snapshot for every request, under the [`limits`], and
//!    [`findings`] validates the output, because plugin output is untrusted input.

pub mod cache;
pub mod config_schema;
pub mod engine;
pub mod findings;
mod last_words;
pub mod limits;
mod offsets;
pub mod prepare;
pub mod prepared;
pub mod registry;
mod v0_1;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;

use crate::keys::SecretKey;

use prepare::Keep;
pub use prepare::PrepareError;
pub use prepared::PreparedPass;
pub use registry::{InstallError, Plugin, Registry};

/// The plugin runtime.
pub struct Wasm {
    engine: Arc<engine::Engine>,
    cache: cache::Cache,
    /// Prepared passes, so that agents with the same policy share one copy.
    prepared: Mutex<HashMap<[u8; 32], Weak<PreparedPass>>>,
}

impl Wasm {
    /// Starts the engines. Compiled plugins are stored below `cache_dir`, authenticated with `cache_key`.
    ///
    /// # Errors
    /// The machine does not support what the sandbox requires.
    pub fn start(cache_dir: PathBuf, cache_key: &SecretKey, threads: usize) -> anyhow::Result<Self> {
        Ok(Self {
            engine: engine::Engine::start(threads)?,
            cache: cache::Cache::open(&cache_dir, cache_key),
            prepared: Mutex::default(),
        })
    }

    /// Same, with engines that count fuel: for measurements, not for serving.
    ///
    /// # Errors
    /// As for [`Wasm::start`].
    pub fn start_counting(cache_dir: PathBuf, cache_key: &SecretKey) -> anyhow::Result<Self> {
        Ok(Self {
            engine: engine::Engine::start_counting()?,
            cache: cache::Cache::open(&cache_dir, cache_key),
            prepared: Mutex::default(),
        })
    }

    /// Same, with engines that report what a plugin says when it fails: for plugin authors, not for serving.
    ///
    /// # Errors
    /// As for [`Wasm::start`].
    pub fn start_for_author(cache_dir: PathBuf, cache_key: &SecretKey) -> anyhow::Result<Self> {
        Ok(Self {
            engine: engine::Engine::start_for_author()?,
            cache: cache::Cache::open(&cache_dir, cache_key),
            prepared: Mutex::default(),
        })
    }

    /// Why compiled plugins are not stored on disk, if they are not.
    pub fn cache_fault(&self) -> Option<&str> {
        self.cache.fault()
    }

    /// Checks a component and reads its manifest.
    pub fn inspect(&self, bytes: impl Into<Bytes>) -> Result<Plugin, InstallError> {
        registry::inspect(&self.engine, &self.cache, bytes.into())
    }

    /// Whether a plugin accepts a configuration: runs `configure` once and discards the result.
    pub fn check_configuration(&self, plugin: &Plugin, config: &str) -> Result<(), PrepareError> {
        prepare::check(&self.engine, plugin, config)
    }

    /// Prepares a pass from a plugin and a configuration. Takes seconds the first time, milliseconds from the cache:
    /// call it off the request path. `extra_kinds` are kinds that the configuration adds.
    pub fn prepare(
        &self,
        plugin: &Plugin,
        config: &str,
        extra_kinds: &[crate::kind::Kind],
    ) -> Result<Arc<PreparedPass>, PrepareError> {
        self.prepare_in(Keep::OnDisk, plugin, config, extra_kinds)
    }

    /// Same, without storing the result on disk: for a configuration that is only being tried out.
    pub fn prepare_unkept(
        &self,
        plugin: &Plugin,
        config: &str,
        extra_kinds: &[crate::kind::Kind],
    ) -> Result<Arc<PreparedPass>, PrepareError> {
        self.prepare_in(Keep::InMemory, plugin, config, extra_kinds)
    }

    fn prepare_in(
        &self,
        keep: Keep,
        plugin: &Plugin,
        config: &str,
        extra_kinds: &[crate::kind::Kind],
    ) -> Result<Arc<PreparedPass>, PrepareError> {
        let key = identity(plugin, config, extra_kinds);
        if let Some(pass) = self.prepared().get(&key).and_then(Weak::upgrade) {
            return Ok(pass);
        }
        let pass = Arc::new(prepare::prepare(&self.engine, &self.cache, keep, plugin, config, extra_kinds)?);
        let mut prepared = self.prepared();
        prepared.retain(|_, pass| pass.strong_count() > 0);
        prepared.insert(key, Arc::downgrade(&pass));
        Ok(pass)
    }

    fn prepared(&self) -> MutexGuard<'_, HashMap<[u8; 32], Weak<PreparedPass>>> {
        // Every change of the map is a single call, so it is consistent after a panic elsewhere.
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Identifies a (plugin, configuration) pair.
fn identity(plugin: &Plugin, config: &str, extra_kinds: &[crate::kind::Kind]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&plugin.digest);
    hasher.update(blake3::hash(config.as_bytes()).as_bytes());
    for kind in extra_kinds {
        hasher.update(kind.as_str().as_bytes());
        hasher.update(b"\0");
    }
    *hasher.finalize().as_bytes()
}
