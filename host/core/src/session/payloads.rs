//! Texts of a session, stored where the policy sets `audit.log_payloads` and a retention is configured: encrypted
//! with a key of this install, bound to one session of one account.
//!
//! AES-256-GCM-SIV. Session and account are authenticated, so a ciphertext cannot be moved to another session. A
//! session's payloads are sealed once, and the nonce is derived from the session's id, so no nonce repeats.

use std::borrow::Cow;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::SessionRow;
use crate::keys::SecretKey;
use crate::sensitive::SensitiveText;

/// Limit of bytes kept per text; a turn of a call has a few thousand.
pub const LONGEST: usize = 1 << 20;

/// The texts of a session. A text that does not exist is `None`: a refused request has no answer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Payloads {
    /// The caller's request, without the platform's own fields.
    pub request: Option<SensitiveText>,
    /// The request as sent to the model.
    pub masked: Option<SensitiveText>,
    /// The answer to the caller, with originals restored: a body, or the events of a stream.
    pub response: Option<SensitiveText>,
    /// Whether a text exceeded [`LONGEST`] and was truncated.
    pub truncated: bool,
}

impl Payloads {
    /// Sets the caller's request.
    pub fn set_request(&mut self, body: &[u8]) {
        append(&mut self.request, body, &mut self.truncated);
    }

    /// Sets the request as sent to the model.
    pub fn set_masked(&mut self, body: &[u8]) {
        append(&mut self.masked, body, &mut self.truncated);
    }

    /// Appends to the answer.
    pub fn add_response(&mut self, piece: &[u8]) {
        append(&mut self.response, piece, &mut self.truncated);
    }
}

fn append(text: &mut Option<SensitiveText>, piece: &[u8], truncated: &mut bool) {
    let text = text.get_or_insert_default().expose_mut();
    let piece = String::from_utf8_lossy(piece);
    let room = LONGEST - text.len();
    let end = match room {
        // After a truncation the room left may be smaller than a character: end the text here, so that it has no gap.
        0..4 => 0,
        _ => piece.floor_char_boundary(room),
    };
    *truncated |= end < piece.len();
    text.push_str(&piece[..end]);
}

/// Seals and opens payloads.
#[derive(Clone)]
pub struct PayloadKey(Aes256GcmSiv);

/// Serialised form before encryption.
#[derive(Serialize, Deserialize)]
struct Content<'t> {
    request: Option<Cow<'t, str>>,
    masked: Option<Cow<'t, str>>,
    response: Option<Cow<'t, str>>,
    truncated: bool,
}

impl PayloadKey {
    /// Derives the key from the install's session secret.
    pub fn new(session_secret: &SecretKey) -> Self {
        let key = session_secret.derive("masker session payloads v1");
        Self(Aes256GcmSiv::new(key.expose().into()))
    }

    /// Encrypts the payloads; `None` when there is nothing to store.
    pub fn seal(&self, row: &SessionRow, payloads: &Payloads) -> Option<Vec<u8>> {
        let content = Content {
            request: borrowed(&payloads.request),
            masked: borrowed(&payloads.masked),
            response: borrowed(&payloads.response),
            truncated: payloads.truncated,
        };
        let content = Zeroizing::new(serde_json::to_vec(&content).ok()?);
        let bound = bound_to(row);
        self.0.encrypt(&nonce(row), Payload { msg: &content, aad: &bound }).ok()
    }

    /// Decrypts the payloads of this session; `None` when they are of another session or key.
    pub fn open(&self, row: &SessionRow, sealed: &[u8]) -> Option<Payloads> {
        let bound = bound_to(row);
        let content = Zeroizing::new(self.0.decrypt(&nonce(row), Payload { msg: sealed, aad: &bound }).ok()?);
        let content: Content<'_> = serde_json::from_slice(&content).ok()?;
        let text = |text: Option<Cow<'_, str>>| text.map(|text| SensitiveText::from(text.into_owned()));
        Some(Payloads {
            request: text(content.request),
            masked: text(content.masked),
            response: text(content.response),
            truncated: content.truncated,
        })
    }
}

fn borrowed(text: &Option<SensitiveText>) -> Option<Cow<'_, str>> {
    text.as_ref().map(|text| Cow::Borrowed(text.expose().as_str()))
}

fn bound_to(row: &SessionRow) -> Vec<u8> {
    format!("masker session payloads v1 {} {}", row.account_id, row.id).into_bytes()
}

fn nonce(row: &SessionRow) -> Nonce {
    let hash = Sha256::new().chain_update("masker payload nonce v1").chain_update(row.id.text()).finalize();
    let mut nonce = [0; 12];
    nonce.copy_from_slice(&hash[..12]);
    nonce.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AccountId, SessionId};
    use crate::session::tests::row;

    fn key(byte: u8) -> PayloadKey {
        PayloadKey::new(&SecretKey::new([byte; 32]))
    }

    fn payloads() -> Payloads {
        let mut payloads = Payloads::default();
        payloads.set_request("I am \"Jane\" Döe\n".as_bytes());
        payloads.add_response(b"Hello ");
        payloads.add_response(b"Jane");
        payloads
    }

    #[test]
    fn what_is_sealed_opens_for_its_session_only() {
        let row = row();
        let sealed = key(1).seal(&row, &payloads()).expect("sealed");
        assert!(!sealed.windows(4).any(|window| window == b"Jane"));
        let opened = key(1).open(&row, &sealed).expect("opens");
        assert_eq!(opened, payloads());
        assert_eq!(opened.response.expect("a response").expose(), "Hello Jane");
        assert_eq!(opened.masked, None);

        let other = SessionRow { id: SessionId::generate(), ..row.clone() };
        assert_eq!(key(1).open(&other, &sealed), None);
        let other = SessionRow { account_id: AccountId::generate(), ..row.clone() };
        assert_eq!(key(1).open(&other, &sealed), None);
        assert_eq!(key(2).open(&row, &sealed), None);
        let mut altered = sealed.clone();
        altered[3] ^= 1;
        assert_eq!(key(1).open(&row, &altered), None);
        assert_eq!(key(1).open(&row, b""), None);
    }

    #[test]
    fn a_long_text_ends_at_a_whole_character() {
        let mut payloads = Payloads::default();
        payloads.add_response("x".repeat(LONGEST - 1).as_bytes());
        assert!(!payloads.truncated);
        for piece in ["é and more", "é", "a"] {
            payloads.add_response(piece.as_bytes());
            assert!(payloads.truncated);
        }
        assert_eq!(payloads.response.expect("kept").expose().len(), LONGEST - 1);
    }
}
