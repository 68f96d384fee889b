//! The plugins of an install, in increasing precedence: embedded ones, those of `MASKER_PLUGIN_DIR`, and uploaded
//! ones, which are stored below the data folder. A plugin replaces one of the same name with lower precedence; when an
//! uploaded one is removed, the replaced one is active again. A plugin that fails to load is not replaced by one of
//! lower precedence: agents that use it do not serve.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use bytes::Bytes;

use crate::files;
use crate::keys::signature::{self, Trust};
use crate::wasm::{Plugin, Registry, Wasm};

/// Origin of a plugin.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Origin {
    /// Shipped with Masker.
    BuiltIn,
    /// From `MASKER_PLUGIN_DIR`.
    Folder,
    /// Over the API.
    Uploaded,
}

impl Origin {
    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::Folder => "folder",
            Self::Uploaded => "uploaded",
        }
    }
}

/// All plugins, including replaced ones.
#[derive(Clone, Default)]
pub struct InstalledPlugins {
    built_in: Registry,
    folder: Folder,
    uploaded: Uploaded,
    in_use: Registry,
}

/// The uploaded plugins.
#[derive(Clone, Default)]
struct Uploaded {
    plugins: Registry,
    /// Names of those that failed to load at the start. The plugins they replace are not used either, since they may
    /// detect less.
    unusable: BTreeSet<String>,
}

impl InstalledPlugins {
    /// Loads the plugins of an install at start. One that fails to load is left out and logged.
    ///
    /// # Errors
    /// An embedded plugin fails to load, or the folder cannot be read.
    pub fn load(
        wasm: &Wasm,
        trust: &Trust,
        folder: Option<&Path>,
        extra: Vec<Vec<u8>>,
        uploads: &Uploads,
    ) -> anyhow::Result<Self> {
        let shelf = Self {
            built_in: built_in(wasm, extra)?,
            folder: folder.map(|folder| Folder::read(wasm, trust, folder, None)).transpose()?.unwrap_or_default(),
            uploaded: uploads.load(wasm, trust)?,
            in_use: Registry::default(),
        };
        Ok(shelf.sorted())
    }

    /// The active plugins, which policies can name.
    pub fn plugins(&self) -> &Registry {
        &self.in_use
    }

    /// Origin of the plugin of this name.
    pub fn origin(&self, name: &str) -> Option<Origin> {
        if self.uploaded.unusable.contains(name) {
            return Some(Origin::Uploaded);
        }
        let layers = [
            (&self.uploaded.plugins, Origin::Uploaded),
            (&self.folder.plugins, Origin::Folder),
            (&self.built_in, Origin::BuiltIn),
        ];
        layers.into_iter().find(|(registry, _)| registry.get(name).is_some()).map(|(_, origin)| origin)
    }

    /// The plugins of `MASKER_PLUGIN_DIR`, including replaced ones.
    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Whether every plugin of the folder and every uploaded one loaded at the start, or was repaired since.
    pub(super) fn is_whole(&self) -> bool {
        self.folder.unusable.is_empty() && self.uploaded.unusable.is_empty()
    }

    /// A copy with these as the plugins of `MASKER_PLUGIN_DIR`.
    pub(super) fn with_folder(&self, folder: Folder) -> Self {
        Self { folder, ..self.clone() }.sorted()
    }

    /// A copy with another uploaded plugin.
    pub(super) fn with(&self, plugin: Plugin) -> Self {
        let mut shelf = self.clone();
        shelf.uploaded.unusable.remove(&plugin.manifest.name);
        shelf.uploaded.plugins.insert(plugin);
        shelf.sorted()
    }

    /// A copy without an uploaded plugin.
    pub(super) fn without(&self, name: &str) -> Self {
        let mut shelf = self.clone();
        shelf.uploaded.unusable.remove(name);
        shelf.uploaded.plugins.remove(name);
        shelf.sorted()
    }

    fn sorted(mut self) -> Self {
        self.in_use = self.built_in.clone();
        for name in &self.folder.unusable {
            self.in_use.remove(name);
        }
        for plugin in self.folder.plugins.iter() {
            self.in_use.insert(plugin.clone());
        }
        for name in &self.uploaded.unusable {
            self.in_use.remove(name);
        }
        for plugin in self.uploaded.plugins.iter() {
            self.in_use.insert(plugin.clone());
        }
        self
    }
}

/// The embedded components, `regex` and `ner`, without copying them. Empty in a build without the feature
/// `embed-plugins`.
pub fn embedded() -> Vec<Bytes> {
    #[cfg(feature = "embed-plugins")]
    {
        vec![
            Bytes::from_static(include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/plugins/regex.wasm"))),
            Bytes::from_static(include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/plugins/ner.wasm"))),
        ]
    }
    #[cfg(not(feature = "embed-plugins"))]
    Vec::new()
}

/// Loads embedded plugins, then `extra`, then the folder's: a later one replaces an earlier one of the same name.
///
/// # Errors
/// One of them fails to load.
pub fn load(wasm: &Wasm, folder: Option<&Path>, extra: Vec<Vec<u8>>) -> anyhow::Result<Registry> {
    let mut registry = built_in(wasm, extra)?;
    if let Some(folder) = folder {
        for file in files_of(folder)? {
            registry.insert(of_file(wasm, &Trust::Anyone, &file)?);
        }
    }
    Ok(registry)
}

fn built_in(wasm: &Wasm, extra: Vec<Vec<u8>>) -> anyhow::Result<Registry> {
    let mut registry = Registry::default();
    for bytes in embedded().into_iter().chain(extra.into_iter().map(Bytes::from)) {
        registry.insert(wasm.inspect(bytes).context("an embedded plugin cannot be used")?);
    }
    Ok(registry)
}

/// The plugins of `MASKER_PLUGIN_DIR`.
#[derive(Clone, Default)]
pub(super) struct Folder {
    plugins: Registry,
    /// The name of the plugin in each file.
    files: BTreeMap<PathBuf, String>,
    /// Names of files that failed to load at the start. An embedded plugin of that name is not used either: it may
    /// detect less than the one the operator put in its place.
    unusable: BTreeSet<String>,
}

impl Folder {
    /// Reads a folder. A file that fails to load is left out and logged; if `before` has a plugin for it, that one is
    /// kept.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn read(wasm: &Wasm, trust: &Trust, folder: &Path, before: Option<&Self>) -> anyhow::Result<Self> {
        let mut found = Self::default();
        for file in files_of(folder)? {
            match of_file(wasm, trust, &file) {
                Ok(plugin) => {
                    tracing::info!(plugin = plugin.manifest.name, file = %file.display(), "a plugin was loaded");
                    found.put(file, plugin);
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(file = %file.display(), error, "a file in MASKER_PLUGIN_DIR was not loaded");
                    found.leave_out(file, before);
                }
            }
        }
        Ok(found)
    }

    fn put(&mut self, file: PathBuf, plugin: Plugin) {
        self.files.insert(file, plugin.manifest.name.clone());
        self.plugins.insert(plugin);
    }

    fn leave_out(&mut self, file: PathBuf, before: Option<&Self>) {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let Some(before) = before else {
            self.unusable.insert(name);
            return;
        };
        match before.files.get(&file).and_then(|name| before.get(name)) {
            Some(plugin) => self.put(file, plugin.clone()),
            // Only a start removes a plugin because of a file that fails to load.
            None if before.unusable.contains(&name) => drop(self.unusable.insert(name)),
            None => {}
        }
    }

    /// The plugin of this name.
    pub fn get(&self, name: &str) -> Option<&Plugin> {
        self.plugins.get(name)
    }

    /// Names of plugins that are new, changed or gone in `next`.
    pub fn changed(&self, next: &Self) -> Vec<String> {
        let digest = |folder: &Self, name: &str| folder.get(name).map(|plugin| plugin.digest);
        let plugins = self.plugins.iter().chain(next.plugins.iter()).map(|plugin| &plugin.manifest.name);
        let mut names: BTreeSet<&String> = plugins.filter(|name| digest(self, name) != digest(next, name)).collect();
        names.extend(self.unusable.symmetric_difference(&next.unusable));
        names.into_iter().cloned().collect()
    }
}

/// Loads the plugin in a file of the plugin folder.
fn of_file(wasm: &Wasm, trust: &Trust, file: &Path) -> anyhow::Result<Plugin> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let signature = read_signature(&signature::beside(file))?;
    let taken = trust.check(&bytes, signature.as_deref()).map_err(anyhow::Error::from);
    taken.and_then(|()| Ok(wasm.inspect(bytes)?)).with_context(|| format!("plugin {}", file.display()))
}

fn files_of(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    components(folder).with_context(|| format!("MASKER_PLUGIN_DIR: cannot read {}", folder.display()))
}

fn read_signature(file: &Path) -> anyhow::Result<Option<String>> {
    let read = File::open(file).and_then(|file| {
        let mut text = String::new();
        file.take(signature::MOST_BYTES as u64).read_to_string(&mut text).map(|_| text)
    });
    match read {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

pub(super) fn components(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<_> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .collect();
    files.sort();
    Ok(files)
}

/// Uploaded components: a private folder with one file each, named after the plugin.
pub struct Uploads(PathBuf);

impl Uploads {
    /// The folder need not exist.
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    fn load(&self, wasm: &Wasm, trust: &Trust) -> anyhow::Result<Uploaded> {
        let mut found = Uploaded::default();
        if !self.0.exists() {
            return Ok(found);
        }
        for file in components(&self.0).with_context(|| format!("cannot read {}", self.0.display()))? {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let plugin = fs::read(&file).map_err(anyhow::Error::from).and_then(|bytes| {
                trust.check(&bytes, read_signature(&self.signature(&name, &bytes))?.as_deref())?;
                Ok(wasm.inspect(bytes)?)
            });
            match plugin {
                Ok(plugin) => drop(found.plugins.insert(plugin)),
                Err(error) => {
                    tracing::error!(plugin = name, file = %file.display(), %error, "an uploaded plugin cannot be used");
                    found.unusable.insert(name);
                }
            }
        }
        Ok(found)
    }

    /// Writes a component under a temporary name and syncs it. Its signature is named after the component's digest, so
    /// that a component is never beside the signature of another.
    pub(super) fn draft(&self, plugin: &Plugin, signature: Option<&str>) -> io::Result<Draft> {
        files::create_folder(&self.0)?;
        let name = &plugin.manifest.name;
        if let Some(signature) = signature {
            write_private(&self.signature(name, &plugin.bytes), signature.as_bytes())?;
        }
        let place = self.place(name);
        let draft = place.with_extension("draft");
        write_private(&draft, &plugin.bytes)?;
        Ok(Draft { draft, place })
    }

    /// Removes a component and every signature stored under its name.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.place(name))?;
        for entry in fs::read_dir(&self.0)?.flatten() {
            let file = entry.file_name();
            let of_it = file.to_str().and_then(|file| file.strip_suffix(".sig")?.rsplit_once('.'));
            if of_it.is_some_and(|(of, _)| of == name) {
                fs::remove_file(entry.path())?;
            }
        }
        File::open(&self.0)?.sync_all()
    }

    fn signature(&self, name: &str, component: &[u8]) -> PathBuf {
        let digest = blake3::hash(component).to_hex();
        self.0.join(format!("{name}.{}.sig", &digest.as_str()[..16]))
    }

    /// A plugin's name has no special characters of a path.
    fn place(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.wasm"))
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = files::private().write(true).create(true).truncate(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A component that is written but not in place yet.
pub(super) struct Draft {
    draft: PathBuf,
    place: PathBuf,
}

impl Draft {
    /// Renames it into place, replacing another one of its name.
    pub fn keep(self) -> io::Result<()> {
        fs::rename(&self.draft, &self.place)?;
        self.place.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}
