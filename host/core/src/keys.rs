//! The key ring: for every kid the current key and, during a rotation, the previous one.
//!
//! A kid's secret is used directly as the HMAC key of vault tokens (docs/api.md, "Tokens"). For encryption, a key is
//! derived from it with HKDF-SHA256 (RFC 5869) under a label of its own, so that the two uses never share a key.

pub mod signature;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use hkdf::Hkdf;
use sha2::Sha256;

use crate::sensitive::Sensitive;

/// The name of a key: `[A-Z0-9_]+`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Kid(Arc<str>);

impl Kid {
    /// A kid, or `None` when the text is not `[A-Z0-9_]{1,64}`.
    pub fn new(text: &str) -> Option<Self> {
        let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        ((1..=64).contains(&text.len()) && text.bytes().all(fits)).then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// 32 secret bytes.
#[derive(Clone, Debug)]
pub struct SecretKey(Sensitive<[u8; 32]>);

impl SecretKey {
    /// From bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Sensitive::new(bytes))
    }

    /// The bytes, for a cipher or a MAC.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// A fingerprint that distinguishes this key from others and reveals nothing else: 16 hexadecimal digits.
    pub fn check_value(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.derive("masker key check value v1").expose()[..8])
    }

    /// Derives a key for another purpose: HKDF-SHA256 with `label` as its info.
    pub fn derive(&self, label: &str) -> SecretKey {
        let mut out = [0; 32];
        Hkdf::<Sha256>::new(None, self.expose())
            .expand(label.as_bytes(), &mut out)
            .expect("32 bytes are within HKDF-SHA256's limit of 8160");
        SecretKey::new(out)
    }
}

/// A kid's keys.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// Mints and resolves.
    pub current: SecretKey,
    /// Resolves only.
    pub old: Option<SecretKey>,
}

/// All keys of this install, by kid.
#[derive(Clone, Debug, Default)]
pub struct KeyRing(BTreeMap<Kid, KeyPair>);

impl KeyRing {
    /// A ring with these keys.
    pub fn new(keys: impl IntoIterator<Item = (Kid, KeyPair)>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// The keys of a kid.
    pub fn get(&self, kid: &Kid) -> Option<&KeyPair> {
        self.0.get(kid)
    }

    /// The kids, sorted.
    pub fn kids(&self) -> impl Iterator<Item = &Kid> {
        self.0.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_keys_differ_by_label() {
        let key = SecretKey::new([7; 32]);
        assert_ne!(key.derive("a").expose(), key.derive("b").expose());
        assert_eq!(key.derive("a").expose(), key.derive("a").expose());
    }

    #[test]
    fn a_kid_is_upper_case() {
        assert!(Kid::new("K_HEALTHCARE").is_some());
        assert!(Kid::new("k").is_none());
        assert!(Kid::new("").is_none());
        assert!(Kid::new("K.A").is_none());
    }

    #[test]
    fn a_key_is_never_printed() {
        assert_eq!(format!("{:?}", SecretKey::new([7; 32])), "SecretKey(Sensitive(..))");
    }
}
