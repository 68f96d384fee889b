//! `masker plugin keygen`, `sign` and `verify`: detached Ed25519 signatures in `FILE.sig`, next to the component.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::exit::{self, Failure};
use super::super::{Output, show};
use crate::files;
use crate::keys::signature::{self, SigningKey, TrustedKeys};

/// Generates a key pair. The secret key goes into a file readable only by its owner; the public key is printed.
pub fn keygen(out: &Path, output: Output) -> Result<(), Failure> {
    let key = SigningKey::generate().map_err(Failure::from)?;
    let secret = zeroize::Zeroizing::new(format!("{}\n", key.secret().as_str()));
    let written = files::write_new(out, secret.as_bytes()).map_err(|error| super::unreadable(out, &error))?;
    if !written {
        return Err(super::unreadable(out, &ErrorKind::AlreadyExists.into()));
    }
    show::object(&json!({"secret_key": out.display().to_string(), "public_key": key.public()}), output)
}

/// Signs a component.
pub fn sign(file: &Path, key: &Path, output: Output) -> Result<(), Failure> {
    let bytes = fs::read(file).map_err(|error| super::unreadable(file, &error))?;
    let secret = zeroize::Zeroizing::new(fs::read_to_string(key).map_err(|error| super::unreadable(key, &error))?);
    let signing =
        SigningKey::parse(&secret).map_err(|error| Failure::new(exit::USAGE, format!("{}: {error}", key.display())))?;
    let beside = signature::beside(file);
    fs::write(&beside, format!("{}\n", signing.sign(&bytes))).map_err(|error| super::unreadable(&beside, &error))?;
    show::object(&json!({"signature": beside.display().to_string(), "public_key": signing.public()}), output)
}

/// Prints which of the keys signed a component. Ends with [`exit::COMMAND`] if none did.
pub fn verify(file: &Path, keys: &[String], given: Option<PathBuf>, output: Output) -> Result<(), Failure> {
    let trusted = TrustedKeys::parse(keys.iter().map(String::as_str))
        .map_err(|error| Failure::new(exit::USAGE, format!("--key: {error}")))?;
    let bytes = fs::read(file).map_err(|error| super::unreadable(file, &error))?;
    let beside = given.unwrap_or_else(|| signature::beside(file));
    let text = fs::read_to_string(&beside).map_err(|error| super::unreadable(&beside, &error))?;
    let by = trusted
        .signer(&bytes, &text)
        .map_err(|error| Failure::new(exit::COMMAND, format!("{}: {error}", beside.display())))?;
    show::object(&json!({"component": file.display().to_string(), "signed_by": by}), output)
}
