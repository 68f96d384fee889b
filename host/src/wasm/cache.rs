//! Compiled plugins on disk.
//!
//! A compiled component is trusted code without an integrity check of its own: whoever can put one here runs in our
//! process. So the folder is private, and nothing is loaded whose MAC (HMAC-SHA256 under a key of this install) over
//! name and content does not verify; such a file is made again. A file is written under another name and renamed, so
//! that a crash leaves no half of one.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::registry::Manifest;
use crate::keys::SecretKey;

const MAC_LEN: usize = 32;

/// The folder.
pub struct Cache {
    folder: PathBuf,
    key: SecretKey,
}

impl Cache {
    /// Opens the folder, making it (mode 0700) where there is none.
    ///
    /// # Errors
    /// When it cannot be made, or others may write to it.
    pub fn open(folder: PathBuf, key: &SecretKey) -> anyhow::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("cannot make the plugin cache {}", folder.display()))?;
        let mode = fs::metadata(&folder)?.permissions().mode();
        if mode & 0o022 != 0 {
            bail!("others may write to the plugin cache {} (mode {:o}): chmod 700 it", folder.display(), mode & 0o777);
        }
        Ok(Self { folder, key: key.derive("masker plugin cache v1") })
    }

    /// The compiled component kept under `name`, as an authenticated open file's path, or `None`.
    pub fn compiled(&self, name: &str) -> Option<PathBuf> {
        let path = self.folder.join(format!("{name}.cwasm"));
        let mut content = blake3::Hasher::new();
        content.update_reader(open_private(&path)?).ok()?;
        let mac = fs::read(self.folder.join(format!("{name}.mac"))).ok()?;
        self.verify(name, &content.finalize(), &mac).then_some(path)
    }

    /// Keeps a compiled component and gives its path.
    pub fn keep_compiled(&self, name: &str, content: &[u8]) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(format!("{name}.cwasm"));
        self.write(&path, content)?;
        self.write(&self.folder.join(format!("{name}.mac")), &self.mac(name, &blake3::hash(content)))?;
        Ok(path)
    }

    /// The manifest read from a component before.
    pub fn manifest(&self, digest: &[u8; 32]) -> Option<Manifest> {
        let name = manifest_name(digest);
        let content = read_private(&self.folder.join(&name))?;
        let (mac, json) = content.split_at_checked(MAC_LEN)?;
        self.verify(&name, &blake3::hash(json), mac).then(|| serde_json::from_slice(json).ok())?
    }

    /// Keeps a manifest. Not being able to costs time at the next start, nothing else.
    pub fn keep_manifest(&self, digest: &[u8; 32], manifest: &Manifest) {
        let name = manifest_name(digest);
        if let Ok(json) = serde_json::to_vec(manifest) {
            let content = [self.mac(&name, &blake3::hash(&json)).as_slice(), &json].concat();
            if let Err(error) = self.write(&self.folder.join(&name), &content) {
                tracing::warn!(%error, "the plugin cache cannot be written to");
            }
        }
    }

    fn write(&self, path: &Path, content: &[u8]) -> anyhow::Result<()> {
        // Two threads may make the same file at the same time: each writes a draft of its own.
        static DRAFTS: AtomicU64 = AtomicU64::new(0);
        let draft =
            path.with_extension(format!("draft-{}-{}", std::process::id(), DRAFTS.fetch_add(1, Ordering::Relaxed)));
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(content)?;
        fs::rename(&draft, path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Over the content's BLAKE3: it is megabytes and is read on every start.
    fn keyed(&self, name: &str, content: &blake3::Hash) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.expose()).expect("HMAC takes a key of any length");
        for part in [name.as_bytes(), &[0], content.as_bytes()] {
            mac.update(part);
        }
        mac
    }

    fn mac(&self, name: &str, content: &blake3::Hash) -> [u8; MAC_LEN] {
        self.keyed(name, content).finalize().into_bytes().into()
    }

    fn verify(&self, name: &str, content: &blake3::Hash, mac: &[u8]) -> bool {
        let sound = self.keyed(name, content).verify_slice(mac).is_ok();
        if !sound {
            tracing::warn!(name, "a file of the plugin cache is not ours or is damaged; it is made again");
        }
        sound
    }
}

fn manifest_name(digest: &[u8; 32]) -> String {
    format!("{}.manifest", data_encoding::HEXLOWER.encode(digest))
}

/// The content of a file that only we can write to.
fn read_private(path: &Path) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    open_private(path)?.read_to_end(&mut content).ok()?;
    Some(content)
}

fn open_private(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    (file.metadata().ok()?.mode() & 0o022 == 0).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_not_loaded() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(folder.path().join("cache"), &SecretKey::new([1; 32])).expect("opens");
        let path = cache.keep_compiled("a", b"code").expect("kept");
        assert!(cache.compiled("a").is_some());
        assert!(cache.compiled("b").is_none());
        fs::write(&path, b"evil").expect("written");
        assert!(cache.compiled("a").is_none());
    }

    #[test]
    fn threads_that_make_the_same_file_do_not_disturb_each_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(folder.path().join("cache"), &SecretKey::new([1; 32])).expect("opens");
        let content = vec![7; 1 << 20];
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| cache.keep_compiled("a", &content))).collect();
            for thread in threads {
                thread.join().expect("no panic").expect("kept");
            }
        });
        assert!(cache.compiled("a").is_some());
        assert_eq!(fs::read_dir(&cache.folder).expect("a folder").count(), 2, "no draft is left");
    }

    #[test]
    fn a_file_of_another_name_or_another_install_is_not_loaded() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(folder.path().join("cache"), &SecretKey::new([1; 32])).expect("opens");
        cache.keep_compiled("a", b"code").expect("kept");
        for kind in ["cwasm", "mac"] {
            fs::copy(cache.folder.join(format!("a.{kind}")), cache.folder.join(format!("b.{kind}"))).expect("copied");
        }
        assert!(cache.compiled("b").is_none());
        let other = Cache::open(folder.path().join("cache"), &SecretKey::new([2; 32])).expect("opens");
        assert!(other.compiled("a").is_none());
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("changed");
        assert!(Cache::open(folder.path().to_owned(), &SecretKey::new([1; 32])).is_err());
    }
}
