//! Signatures of voice platforms over the raw request body. Supported forms: the secret itself, or an HMAC-SHA256 with
//! it in hexadecimal, with or without the prefix `sha256=`.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::Config;

/// The header in which Vapi's older servers send the secret itself.
const SECRET_HEADER: &str = "x-vapi-secret";

/// The signature of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signature {
    /// Neither header is present.
    Absent,
    /// Made with our secret.
    Valid,
    /// Not made with our secret, or no secret is configured.
    Invalid,
    /// Possibly a signature over the body, which was not read yet.
    OfBody,
}

/// Checks the signature of a request. Without the body, the result is preliminary.
pub fn of(headers: &HeaderMap, body: Option<&[u8]>, config: &Config) -> Signature {
    let secret = config.vapi_webhook_secret.as_ref().map(|secret| secret.expose().as_bytes());
    check(headers, body, secret, &config.vapi_signature_header)
}

/// The same for a webhook, which may also send the secret as `Authorization: Bearer`.
pub fn of_webhook(headers: &HeaderMap, body: Option<&[u8]>, config: &Config) -> Signature {
    let secret = config.vapi_webhook_secret.as_ref().map(|secret| secret.expose().as_bytes());
    let bearer = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    match (check(headers, body, secret, &config.vapi_signature_header), bearer, secret) {
        (Signature::Absent, Some(_), None) => Signature::Invalid,
        (Signature::Absent, Some(bearer), Some(secret)) if is_secret(without_scheme(bearer), secret) => {
            Signature::Valid
        }
        (Signature::Absent, Some(_), Some(_)) => Signature::Invalid,
        (signature, ..) => signature,
    }
}

/// Vapi sends Bearer credentials in any configured header, with or without the scheme.
fn without_scheme(value: &[u8]) -> &[u8] {
    match value.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token,
        _ => value,
    }
}

fn check(headers: &HeaderMap, body: Option<&[u8]>, secret: Option<&[u8]>, header: &HeaderName) -> Signature {
    let signed = headers.get(header).map(|value| value.as_bytes());
    let plain = headers.get(SECRET_HEADER).map(|value| value.as_bytes());
    if signed.is_none() && plain.is_none() {
        return Signature::Absent;
    }
    let Some(secret) = secret else { return Signature::Invalid };
    if !plain.is_none_or(|value| is_secret(value, secret)) {
        return Signature::Invalid;
    }
    match (signed, body) {
        (None, _) => Signature::Valid,
        (Some(value), _) if is_secret(without_scheme(value), secret) => Signature::Valid,
        (Some(value), Some(body)) if is_hmac(value, body, secret) => Signature::Valid,
        (Some(value), None) if digest(value).is_some() => Signature::OfBody,
        (Some(_), _) => Signature::Invalid,
    }
}

/// Compares digests, so that the duration does not reveal even the length of the secret.
fn is_secret(shown: &[u8], secret: &[u8]) -> bool {
    Sha256::digest(shown).as_slice().ct_eq(Sha256::digest(secret).as_slice()).into()
}

fn is_hmac(shown: &[u8], body: &[u8], secret: &[u8]) -> bool {
    let Some(bytes) = digest(shown) else { return false };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(body);
    mac.verify_slice(&bytes).is_ok()
}

/// Parses the digest.
fn digest(shown: &[u8]) -> Option<Vec<u8>> {
    let digits = shown.strip_prefix(b"sha256=").unwrap_or(shown);
    data_encoding::HEXLOWER_PERMISSIVE.decode(digits).ok().filter(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '{"a":1}' | openssl dgst -sha256 -hmac secret-of-tests`
    const HMAC: &str = "9dec1653c04c21a397f143637da053281314d061066a73051cabd09a89ca5af3";

    #[test]
    fn every_form_in_use_is_taken_and_no_other() {
        let sha256 = format!("sha256={HMAC}");
        let upper = HMAC.to_uppercase();
        let cut = &HMAC[..62];
        for (shown, expected) in [
            ("secret-of-tests", Signature::Valid),
            (HMAC, Signature::Valid),
            (upper.as_str(), Signature::Valid),
            (sha256.as_str(), Signature::Valid),
            ("", Signature::Invalid),
            ("secret-of-test", Signature::Invalid),
            (cut, Signature::Invalid),
            ("sha256=", Signature::Invalid),
            ("sha256=secret-of-tests", Signature::Invalid),
        ] {
            assert_eq!(with(&[("x-own", shown)], Some(b"secret-of-tests")), expected, "{shown:?}");
        }
    }

    #[test]
    fn every_header_that_is_there_must_hold() {
        let secret = Some(b"secret-of-tests".as_slice());
        assert_eq!(with(&[], secret), Signature::Absent);
        assert_eq!(with(&[("x-vapi-signature", HMAC)], secret), Signature::Absent, "another header was configured");
        assert_eq!(with(&[(SECRET_HEADER, "secret-of-tests")], secret), Signature::Valid);
        assert_eq!(with(&[(SECRET_HEADER, HMAC)], secret), Signature::Invalid, "this header has the secret itself");
        assert_eq!(with(&[("x-own", HMAC), (SECRET_HEADER, "x")], secret), Signature::Invalid);
        assert_eq!(with(&[("x-own", "x"), (SECRET_HEADER, "secret-of-tests")], secret), Signature::Invalid);
        assert_eq!(with(&[("x-own", HMAC)], None), Signature::Invalid, "nothing to check it with");
    }

    #[test]
    fn without_the_body_only_a_digest_is_left_open() {
        let check = |headers: &[(&'static str, &str)]| before_body(headers, Some(b"secret-of-tests"));
        assert_eq!(check(&[]), Signature::Absent);
        assert_eq!(check(&[("x-own", "secret-of-tests")]), Signature::Valid);
        assert_eq!(check(&[("x-own", HMAC)]), Signature::OfBody);
        assert_eq!(check(&[("x-own", &HMAC[..62])]), Signature::Invalid);
        assert_eq!(check(&[("x-own", HMAC), (SECRET_HEADER, "x")]), Signature::Invalid);
        assert_eq!(before_body(&[("x-own", HMAC)], None), Signature::Invalid);
    }

    fn with(headers: &[(&'static str, &str)], secret: Option<&[u8]>) -> Signature {
        looked_at(headers, Some(br#"{"a":1}"#), secret)
    }

    fn before_body(headers: &[(&'static str, &str)], secret: Option<&[u8]>) -> Signature {
        looked_at(headers, None, secret)
    }

    fn looked_at(headers: &[(&'static str, &str)], body: Option<&[u8]>, secret: Option<&[u8]>) -> Signature {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a header's value")));
        check(&headers.collect(), body, secret, &HeaderName::from_static("x-own"))
    }
}
