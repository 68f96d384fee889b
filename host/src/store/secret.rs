//! Generated secrets. They are shown once; the database stores their SHA-256, which is sufficient for 256 random bits,
//! and lookups compare hashes, so their timing reveals nothing about the secret.

use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use super::StoreError;
use crate::sensitive::SensitiveText;

/// The stored hash of a secret.
pub(super) type Hash = [u8; 32];

/// A new secret that begins with `prefix`, so that scanners and people can recognise it.
pub(super) fn new(prefix: &str) -> Result<SensitiveText, StoreError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| StoreError::NoRandomness)?;
    let secret = format!("{prefix}{}", data_encoding::BASE64URL_NOPAD.encode(&bytes));
    bytes.zeroize();
    Ok(secret.into())
}

pub(super) fn hash(secret: &str) -> Hash {
    Sha256::digest(secret).into()
}
