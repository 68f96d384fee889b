//! Detached signatures of components: Ed25519 over the bytes of the file, in base64, in a file `NAME.wasm.sig` beside it.
//!
//! A signature says who built a component, not what it does: what it can do is the sandbox's business, whoever built it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use zeroize::Zeroizing;

/// The largest signature file that is read, in bytes.
pub const MOST_BYTES: usize = 1024;

/// Why a component counts as unsigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is none.
    #[error("it is not signed: `masker plugin sign` writes a signature beside it, NAME.wasm.sig")]
    Missing,
    /// Not base64 of 64 bytes.
    #[error("the signature is not 64 bytes in base64")]
    Malformed,
    /// Made by another key, or for other bytes.
    #[error("the signature is of none of the trusted keys, or the component was changed after it was signed")]
    Untrusted,
}

/// Where the signature of a component stands.
pub fn beside(component: &Path) -> PathBuf {
    let mut name = component.as_os_str().to_owned();
    name.push(".sig");
    PathBuf::from(name)
}

/// Public keys whose components are taken.
#[derive(Clone, Debug, Default)]
pub struct TrustedKeys(Vec<VerifyingKey>);

impl TrustedKeys {
    /// Keys as they are written: 32 bytes each, in base64.
    ///
    /// # Errors
    /// One is not; the error says which, counted from 1.
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
    /// The signature is not one of a trusted key for these bytes.
    pub fn signer(&self, component: &[u8], signature: &str) -> Result<String, SignatureError> {
        let bytes = STANDARD.decode(signature.trim()).map_err(|_| SignatureError::Malformed)?;
        let signature = Signature::from_slice(&bytes).map_err(|_| SignatureError::Malformed)?;
        let by = self.0.iter().find(|key| key.verify_strict(component, &signature).is_ok());
        by.map(|key| STANDARD.encode(key.as_bytes())).ok_or(SignatureError::Untrusted)
    }
}

/// Whose components an install takes.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Anybody's: the sandbox holds whatever it is.
    #[default]
    Anyone,
    /// Those that one of these keys signed.
    Signed(TrustedKeys),
}

impl Trust {
    /// Whether a component is taken, with what stands beside it as its signature.
    ///
    /// # Errors
    /// A signature is asked for, and there is none of a trusted key.
    pub fn check(&self, component: &[u8], signature: Option<&str>) -> Result<(), SignatureError> {
        match (self, signature) {
            (Self::Anyone, _) => Ok(()),
            (Self::Signed(_), None) => Err(SignatureError::Missing),
            (Self::Signed(keys), Some(signature)) => keys.signer(component, signature).map(drop),
        }
    }
}

/// A key that signs.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A new one, from the system's random numbers.
    ///
    /// # Errors
    /// The system has none.
    pub fn generate() -> anyhow::Result<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// The secret half as [`SigningKey::secret`] writes it.
    ///
    /// # Errors
    /// Not 32 bytes in base64. The error does not repeat them.
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
