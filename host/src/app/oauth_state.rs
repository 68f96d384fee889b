//! State of a GitHub sign-in between the redirect and the callback. It is kept in an encrypted browser cookie, not in
//! the database.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::sealed::Sealed;
use crate::clock::Timestamp;

/// Maximum duration of the visit to GitHub.
pub const LIFE_SECONDS: i64 = 600;

/// The state of a sign-in.
#[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
pub struct OauthState {
    /// The `state` parameter, which GitHub returns.
    pub state: String,
    /// The PKCE code verifier (RFC 7636).
    pub verifier: String,
    /// Where to redirect after the sign-in.
    pub redirect_to: String,
    /// Public id of the sign-in that started this, if its user has no GitHub user yet and may link one.
    pub begun_in: Option<String>,
    /// Expiry, in milliseconds since 1970.
    pub expires_at: i64,
}

impl OauthState {
    /// Generates a new state.
    pub fn generate(redirect_to: String, begun_in: Option<String>, now: Timestamp) -> Result<Self, getrandom::Error> {
        let expires_at = now.millis() + LIFE_SECONDS * 1000;
        Ok(Self { state: random()?, verifier: random()?, redirect_to, begun_in, expires_at })
    }

    /// The PKCE code challenge, method S256.
    pub fn challenge(&self) -> String {
        BASE64URL_NOPAD.encode(&Sha256::digest(&self.verifier))
    }

    /// Whether GitHub returned the same state, compared in constant time.
    pub fn is(&self, state: &str) -> bool {
        self.state.as_bytes().ct_eq(state.as_bytes()).into()
    }
}

impl Sealed for OauthState {
    const PURPOSE: &'static str = "state";

    fn expires_at(&self) -> i64 {
        self.expires_at
    }
}

/// 256 random bits in URL-safe characters.
fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> OauthState {
        OauthState::generate("/portal/x".into(), None, Timestamp::from_millis(1000)).expect("randomness")
    }

    #[test]
    fn no_two_are_the_same_and_each_knows_its_own_state() {
        let (one, other) = (state(), state());
        assert!(one.state != other.state && one.verifier != other.verifier && one.state != one.verifier);
        assert!(one.is(&one.state.clone()));
        for wrong in ["", "other", &one.state[1..], &other.state, &one.verifier] {
            assert!(!one.is(wrong), "{wrong}");
        }
        assert_eq!(one.expires_at, 601_000);
    }

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // The example of RFC 7636, appendix B.
        let state = OauthState { verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(), ..state() };
        assert_eq!(state.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
