//! Detached signatures of components: Ed25519 over the bytes of the file, base64, in a file `NAME.wasm.sig` next to
//! it.
//!
//! A signature tells who built a component, not what it does: the sandbox limits every component, signed or not.

use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use zeroize::Zeroizing;

/// Size limit of a signature file, in bytes.
pub const MOST_BYTES: usize = 1024;

/// Why a component is treated as unsigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The signature file is missing.
    #[error("it is not signed: `masker plugin sign` writes a signature next to it, NAME.wasm.sig")]
    Missing,
    /// Not base64 of 64 bytes.
    #[error("the signature is not 64 bytes in base64")]
    Malformed,
    /// Made by another key, or for other bytes.
    #[error("no trusted key made this signature, or the component was changed after it was signed")]
    Untrusted,
}

/// Path of a component's signature file.
pub fn beside(component: &Path) -> PathBuf {
    let mut name = component.as_os_str().to_owned();
    name.push(".sig");
    PathBuf::from(name)
}

/// Trusted public keys.
#[derive(Clone, Debug, Default)]
pub struct TrustedKeys(Vec<VerifyingKey>);

impl TrustedKeys {
    /// Parses keys: 32 bytes each, in base64.
    ///
    /// # Errors
    /// A key is invalid; the error gives its number, from 1.
    pub fn parse<'k>(keys: impl IntoIterator<Item = &'k str>) -> anyhow::Result<Self> {
        let key = |(at, text): (usize, &str)| {
            let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            let key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
            key.with_context(|| format!("key {} is not an Ed25519 public key in base64", at + 1))
        };
        keys.into_iter().enumerate().map(key).collect::<anyhow::Result<_>>().map(Self)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The public key that signed the component.
    ///
    /// # Errors
    /// The signature was not made by a trusted key for these bytes.
    pub fn signer(&self, component: &[u8], signature: &str) -> Result<String, SignatureError> {
        let bytes = STANDARD.decode(signature.trim()).map_err(|_| SignatureError::Malformed)?;
        let signature = Signature::from_slice(&bytes).map_err(|_| SignatureError::Malformed)?;
        let by = self.0.iter().find(|key| key.verify_strict(component, &signature).is_ok());
        by.map(|key| STANDARD.encode(key.as_bytes())).ok_or(SignatureError::Untrusted)
    }
}

/// Which components an install accepts.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Any component: the sandbox limits what it can do.
    #[default]
    Anyone,
    /// Components signed by one of these keys.
    Signed(TrustedKeys),
}

impl Trust {
    /// Checks whether a component is accepted. `signature` is the content of its signature file.
    ///
    /// # Errors
    /// A signature is required, and there is none from a trusted key.
    pub fn check(&self, component: &[u8], signature: Option<&str>) -> Result<(), SignatureError> {
        match (self, signature) {
            (Self::Anyone, _) => Ok(()),
            (Self::Signed(_), None) => Err(SignatureError::Missing),
            (Self::Signed(keys), Some(signature)) => keys.signer(component, signature).map(drop),
        }
    }
}

/// A signing key.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Generates a key from the system's random numbers.
    ///
    /// # Errors
    /// The system has none.
    pub fn generate() -> anyhow::Result<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// Parses the secret half as [`SigningKey::secret`] writes it.
    ///
    /// # Errors
    /// Not 32 bytes in base64. The error does not quote the text.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let bytes = STANDARD.decode(text.trim()).ok().map(Zeroizing::new);
        let seed = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok()).map(Zeroizing::new);
        let seed = seed.context("not a key that `masker plugin keygen` wrote")?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// The secret half: 32 bytes in base64.
    pub fn secret(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_bytes()))
    }

    /// The public half: 32 bytes in base64.
    pub fn public(&self) -> String {
        STANDARD.encode(self.0.verifying_key().as_bytes())
    }

    /// A component's signature, in base64.
    pub fn sign(&self, component: &[u8]) -> String {
        STANDARD.encode(self.0.sign(component).to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_bytes_and_its_key_only() {
        let key = SigningKey::generate().expect("random");
        let other = SigningKey::generate().expect("random");
        let signature = key.sign(b"component");
        let trusted = TrustedKeys::parse([other.public().as_str(), key.public().as_str()]).expect("keys");
        assert_eq!(trusted.signer(b"component", &format!("{signature}\n")), Ok(key.public()));
        assert_eq!(trusted.signer(b"components", &signature), Err(SignatureError::Untrusted));
        assert_eq!(trusted.signer(b"component", "aGk="), Err(SignatureError::Malformed));
        assert_eq!(trusted.signer(b"component", "?"), Err(SignatureError::Malformed));
        let stranger = TrustedKeys::parse([other.public().as_str()]).expect("keys");
        assert_eq!(stranger.signer(b"component", &signature), Err(SignatureError::Untrusted));
        let again = SigningKey::parse(&key.secret()).expect("reads");
        assert_eq!(again.public(), key.public());
    }

    #[test]
    fn what_is_no_key_is_named_by_its_place_and_not_repeated() {
        let key = SigningKey::generate().expect("random").public();
        let error = TrustedKeys::parse([key.as_str(), "hello"]).expect_err("refused").to_string();
        assert!(error.contains("key 2") && !error.contains("hello"), "{error}");
        let error = SigningKey::parse("c2VjcmV0").err().expect("refused").to_string();
        assert!(!error.contains("c2Vj"), "{error}");
    }

    #[test]
    fn the_signature_stands_beside_the_component() {
        assert_eq!(beside(Path::new("a/b.wasm")), Path::new("a/b.wasm.sig"));
    }
}
