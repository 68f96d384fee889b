//! Ed25519 (RFC 8032) over the RFC 8785 form of a report without its signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature as Ed25519, Signer, SigningKey, Verifier, VerifyingKey};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::keys::SecretKey;

/// Name of the algorithm.
const ALG: &str = "Ed25519";

/// Signs reports.
#[derive(Clone)]
pub struct ReportKey {
    key: SigningKey,
    /// The previous key, during a rotation.
    old: Option<VerifyingKey>,
}

/// The signature of a report.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Signature {
    /// `Ed25519`.
    pub alg: &'static str,
    /// Id of the signing key.
    pub key_id: String,
    /// The signature, base64.
    pub sig: String,
}

/// A public key.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PublicKey {
    /// The first 16 hexadecimal digits of the SHA-256 of the key.
    pub key_id: String,
    /// `Ed25519`.
    pub alg: &'static str,
    /// 32 bytes, base64.
    pub public_key: String,
}

/// The report has no canonical form: it contains a number that JSON cannot express.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the report has no canonical form")]
pub struct NotCanonical;

impl ReportKey {
    /// Derives the keys from an RFC 8032 seed, and from the previous seed during a rotation.
    pub fn new(seed: &SecretKey, old: Option<&SecretKey>) -> Self {
        let key = |seed: &SecretKey| SigningKey::from_bytes(seed.expose());
        Self { key: key(seed), old: old.map(|seed| key(seed).verifying_key()) }
    }

    /// Signs a report's `report` object, which has no `signature` yet.
    ///
    /// # Errors
    /// A number in it has no canonical form.
    pub fn sign(&self, report: &Value) -> Result<Signature, NotCanonical> {
        let bytes = serde_json_canonicalizer::to_vec(report).map_err(|_| NotCanonical)?;
        let sig = STANDARD.encode(self.key.sign(&bytes).to_bytes());
        Ok(Signature { alg: ALG, key_id: key_id(&self.key.verifying_key()), sig })
    }

    /// The public keys: the signing key first, then the previous one.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        std::iter::once(self.key.verifying_key()).chain(self.old).map(|key| public(&key)).collect()
    }
}

/// Whether one of these keys signed the report; `report` includes its `signature`.
pub fn is_genuine(report: &Value, keys: &[PublicKey]) -> bool {
    let mut report = report.clone();
    let Some(signature) = report.as_object_mut().and_then(|report| report.remove("signature")) else { return false };
    let text = |key: &str| signature.get(key).and_then(Value::as_str).unwrap_or_default();
    let key = keys.iter().find(|key| key.key_id == text("key_id") && text("alg") == ALG);
    let key = key.and_then(|key| STANDARD.decode(&key.public_key).ok()).and_then(|key| key.try_into().ok());
    let key = key.and_then(|key: [u8; 32]| VerifyingKey::from_bytes(&key).ok());
    let sig = STANDARD.decode(text("sig")).ok().and_then(|sig| Ed25519::from_slice(&sig).ok());
    match (key, sig, serde_json_canonicalizer::to_vec(&report)) {
        (Some(key), Some(sig), Ok(bytes)) => key.verify(&bytes, &sig).is_ok(),
        _ => false,
    }
}

fn public(key: &VerifyingKey) -> PublicKey {
    PublicKey { key_id: key_id(key), alg: ALG, public_key: STANDARD.encode(key.as_bytes()) }
}

fn key_id(key: &VerifyingKey) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(key.as_bytes())[..8])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_test_vector_of_rfc_8032_has_its_public_key() {
        let seed = data_encoding::HEXLOWER
            .decode(b"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
            .expect("hexadecimal");
        let key = ReportKey::new(&SecretKey::new(seed.try_into().expect("32 bytes")), None);
        let expected = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(data_encoding::HEXLOWER.encode(key.key.verifying_key().as_bytes()), expected);
    }

    #[test]
    fn a_signature_holds_for_its_report_alone_and_a_rotated_key_still_vouches_for_its_own() {
        let (seed, next) = (SecretKey::new([1; 32]), SecretKey::new([2; 32]));
        let key = ReportKey::new(&seed, None);
        let mut report = json!({"b": 1, "a": "é"});
        report["signature"] = serde_json::to_value(key.sign(&report).expect("it can be signed")).expect("JSON");
        assert!(is_genuine(&report, &key.public_keys()));
        let mut other = report.clone();
        other["b"] = json!(2);
        assert!(!is_genuine(&other, &key.public_keys()));
        let rotated = ReportKey::new(&next, Some(&seed));
        assert!(is_genuine(&report, &rotated.public_keys()));
        assert!(!is_genuine(&report, &rotated.public_keys()[..1]));
        assert!(!is_genuine(&json!({"a": 1}), &key.public_keys()));
    }
}
