//! What a sign-in with GitHub needs to remember between going there and coming back. It is kept where only the browser
//! that went has it, in a cookie, and sealed, so that a browser can neither read nor make one.

use aes_gcm_siv::aead::{Aead, KeyInit};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::clock::Timestamp;
use crate::keys::SecretKey;
use crate::sensitive::SensitiveText;

/// How long somebody may take at GitHub.
pub const LIFE_SECONDS: i64 = 600;
const NONCE: usize = 12;

/// What was remembered of a sign-in.
#[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
pub struct OauthState {
    /// What GitHub gives back.
    pub state: String,
    /// What proves that it was us who sent the browser there (PKCE, RFC 7636).
    pub verifier: String,
    /// Where to go once it is done.
    pub redirect_to: String,
    /// In milliseconds since 1970.
    pub expires_at: i64,
}

impl OauthState {
    /// A new one.
    pub fn generate(redirect_to: String, now: Timestamp) -> Result<Self, getrandom::Error> {
        Ok(Self { state: random()?, verifier: random()?, redirect_to, expires_at: now.millis() + LIFE_SECONDS * 1000 })
    }

    /// The verifier's challenge, by the method S256.
    pub fn challenge(&self) -> String {
        BASE64URL_NOPAD.encode(&Sha256::digest(&self.verifier))
    }
}

/// Seals and opens.
pub struct OauthStates(Aes256GcmSiv);

impl OauthStates {
    /// With a key of its own.
    pub fn new(secret: &SecretKey) -> Self {
        Self(Aes256GcmSiv::new(secret.derive("masker oauth state v1").expose().into()))
    }

    /// The cookie's value.
    pub fn seal(&self, state: &OauthState) -> Result<SensitiveText, getrandom::Error> {
        let mut sealed = vec![0; NONCE];
        getrandom::fill(&mut sealed)?;
        let nonce: [u8; NONCE] = std::array::from_fn(|at| sealed[at]);
        let plain = serde_json::to_vec(state).expect("texts and a number are JSON");
        let text = self.0.encrypt(&Nonce::from(nonce), plain.as_slice()).expect("a few hundred bytes can be sealed");
        sealed.extend(text);
        Ok(BASE64URL_NOPAD.encode(&sealed).into())
    }

    /// What was sealed, if GitHub gave back what we gave it, in time.
    pub fn open(&self, cookie: &str, state: &str, now: Timestamp) -> Option<OauthState> {
        let sealed = BASE64URL_NOPAD.decode(cookie.as_bytes()).ok()?;
        let (nonce, text) = sealed.split_first_chunk::<NONCE>()?;
        let plain = self.0.decrypt(&Nonce::from(*nonce), text).ok()?;
        let known: OauthState = serde_json::from_slice(&plain).ok()?;
        let matches: bool = known.state.as_bytes().ct_eq(state.as_bytes()).into();
        (matches && now.millis() < known.expires_at).then_some(known)
    }
}

/// 256 random bits, of characters that a URL takes as they are.
fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1000);

    fn states(key: u8) -> OauthStates {
        OauthStates::new(&SecretKey::new([key; 32]))
    }

    #[test]
    fn it_opens_with_its_own_state_in_time_and_otherwise_not() {
        let state = OauthState::generate("/portal/x".into(), NOW).expect("randomness");
        let cookie = states(1).seal(&state).expect("randomness");
        let cookie = cookie.expose();
        assert_eq!(states(1).open(cookie, &state.state, NOW).as_ref(), Some(&state));
        assert_eq!(states(1).open(cookie, "other", NOW), None);
        assert_eq!(states(1).open(cookie, &state.state[1..], NOW), None);
        assert_eq!(states(1).open(cookie, "", NOW), None);
        assert_eq!(states(2).open(cookie, &state.state, NOW), None);
        assert_eq!(states(1).open(&cookie[1..], &state.state, NOW), None);
        assert_eq!(states(1).open("", "", NOW), None);
        let late = Timestamp::from_millis(NOW.millis() + 600_000);
        assert_eq!(states(1).open(cookie, &state.state, late), None);
    }

    #[test]
    fn a_cookie_shows_nothing_and_no_two_are_the_same() {
        let state = OauthState::generate("/portal/x".into(), NOW).expect("randomness");
        let other = OauthState::generate("/portal/x".into(), NOW).expect("randomness");
        assert!(state.state != other.state && state.verifier != other.verifier && state.state != state.verifier);
        let cookie = states(1).seal(&state).expect("randomness");
        let bytes = BASE64URL_NOPAD.decode(cookie.expose().as_bytes()).expect("base64");
        assert!(!bytes.windows(7).any(|window| window == b"/portal"));
        assert_ne!(cookie, states(1).seal(&state).expect("randomness"));
    }

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // The example of RFC 7636, appendix B.
        let state = OauthState {
            state: String::new(),
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(),
            redirect_to: String::new(),
            expires_at: 0,
        };
        assert_eq!(state.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
