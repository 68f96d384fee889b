//! On-disk cache of compiled plugins.
//!
//! A compiled component is trusted code without an integrity check of its own: it runs in our process. So it is
//! loaded only from a directory that this user owns and no other user can access (`cache/folder.rs`), and only if its
//! MAC (HMAC-SHA256 under a key of this install) over name and content verifies; a file with an invalid MAC is
//! compiled again. Without such a directory, everything is compiled in memory.

mod folder;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use folder::PrivateFolder;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::registry::Manifest;
use crate::keys::SecretKey;

const MAC_LEN: usize = 32;

/// Size limit of the cache, in bytes: about eighty compiled plugins of the size of `ner`.
const MOST_BYTES: u64 = 256 << 20;

/// The cache. A failed write only costs time at the next start.
pub struct Cache {
    folder: Option<PrivateFolder>,
    fault: Option<String>,
    key: SecretKey,
}

impl Cache {
    /// Opens the directory; creates it (mode 0700) if it does not exist. An untrusted directory is not used.
    pub fn open(folder: &Path, key: &SecretKey) -> Self {
        let (opened, fault) = match PrivateFolder::open(folder) {
            Ok(opened) => (Some(opened), None),
            Err(error) => (None, Some(format!("{}: {error}", folder.display()))),
        };
        Self { folder: opened, fault, key: key.derive("masker plugin cache v1") }
    }

    /// Why the directory is not used, if it is not.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// The compiled component stored under `name`: the same open file whose content was authenticated.
    pub fn compiled(&self, name: &str) -> Option<File> {
        let mut file = self.folder.as_ref()?.read(&format!("{name}.cwasm"))?;
        let mut content = blake3::Hasher::new();
        content.update_reader(&mut file).ok()?;
        let mac = self.read(&format!("{name}.mac"))?;
        self.verify(name, &content.finalize(), &mac).then_some(file)
    }

    /// Stores a compiled component.
    pub fn keep_compiled(&self, name: &str, content: &[u8]) {
        self.write(&format!("{name}.cwasm"), content);
        self.write(&format!("{name}.mac"), &self.mac(name, &blake3::hash(content)));
        if let Some(Err(error)) = self.folder.as_ref().map(|folder| folder.trim(MOST_BYTES)) {
            tracing::warn!(%error, "the plugin cache cannot be trimmed");
        }
    }

    /// The stored manifest of a component.
    pub fn manifest(&self, digest: &[u8; 32]) -> Option<Manifest> {
        let name = manifest_name(digest);
        let content = self.read(&name)?;
        let (mac, json) = content.split_at_checked(MAC_LEN)?;
        self.verify(&name, &blake3::hash(json), mac).then(|| serde_json::from_slice(json).ok())?
    }

    /// Stores a manifest.
    pub fn keep_manifest(&self, digest: &[u8; 32], manifest: &Manifest) {
        let name = manifest_name(digest);
        if let Ok(json) = serde_json::to_vec(manifest) {
            let content = [self.mac(&name, &blake3::hash(&json)).as_slice(), &json].concat();
            self.write(&name, &content);
        }
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        self.folder.as_ref()?.read(name)?.read_to_end(&mut content).ok()?;
        Some(content)
    }

    fn write(&self, name: &str, content: &[u8]) {
        if let Some(Err(error)) = self.folder.as_ref().map(|folder| folder.write(name, content)) {
            tracing::warn!(%error, "the plugin cache cannot be written to");
        }
    }

    /// MAC over the name and the content's BLAKE3 hash: the content is megabytes and is read on every start.
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
            tracing::warn!(
                name,
                "a file of the plugin cache is damaged or was not written by this install; compiling again"
            );
        }
        sound
    }
}

fn manifest_name(digest: &[u8; 32]) -> String {
    format!("{}.manifest", data_encoding::HEXLOWER.encode(digest))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a folder"))
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("cache")
        }

        fn open(&self, key: u8) -> Cache {
            Cache::open(&self.path(), &SecretKey::new([key; 32]))
        }
    }

    #[test]
    fn a_changed_file_is_not_loaded() {
        let folder = Folder::new();
        let cache = folder.open(1);
        cache.keep_compiled("a", b"code");
        assert!(cache.compiled("a").is_some());
        assert!(cache.compiled("b").is_none());
        fs::write(folder.path().join("a.cwasm"), b"evil").expect("written");
        assert!(cache.compiled("a").is_none());
    }

    #[test]
    fn threads_that_make_the_same_file_do_not_disturb_each_other() {
        let folder = Folder::new();
        let cache = folder.open(1);
        let content = vec![7; 1 << 20];
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| cache.keep_compiled("a", &content));
            }
        });
        assert!(cache.compiled("a").is_some());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "no draft is left");
    }

    #[test]
    fn a_file_of_another_name_or_another_install_is_not_loaded() {
        let folder = Folder::new();
        let cache = folder.open(1);
        cache.keep_compiled("a", b"code");
        for kind in ["cwasm", "mac"] {
            let file = |name: &str| folder.path().join(format!("{name}.{kind}"));
            fs::copy(file("a"), file("b")).expect("copied");
        }
        assert!(cache.compiled("b").is_none());
        assert!(folder.open(2).compiled("a").is_none());
    }

    #[test]
    fn in_a_folder_that_cannot_be_trusted_nothing_is_read_or_kept() {
        use std::os::unix::fs::PermissionsExt;
        let folder = Folder::new();
        folder.open(1).keep_compiled("a", b"code");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("changed");
        let cache = folder.open(1);
        assert!(cache.fault().is_some_and(|fault| fault.contains("mode 755")), "{:?}", cache.fault());
        cache.keep_compiled("b", b"code");
        assert!(cache.compiled("a").is_none() && !folder.path().join("b.cwasm").exists());
    }
}
