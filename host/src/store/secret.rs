//! Secrets that we hand out. They are shown once; the database has their SHA-256, which is enough for 256 random bits and
//! makes the look-up a comparison of hashes: its time tells nothing about the secret.

use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use super::StoreError;
use crate::sensitive::SensitiveText;

/// What stands in the database for a secret.
pub(super) type Hash = [u8; 32];

/// A new secret that begins with `prefix`, by which scanners and people tell it from others.
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
