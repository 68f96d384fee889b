//! Short-lived values that a browser carries between two requests. They are encrypted and authenticated: a browser can
//! neither read nor forge them, and each can be opened only for its own purpose.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Timestamp;
use crate::keys::SecretKey;
use crate::sensitive::SensitiveText;

const NONCE: usize = 12;

/// A value that can be encrypted.
pub trait Sealed: Serialize + DeserializeOwned {
    /// Authenticated with the value, so that a value of one type cannot be opened as another.
    const PURPOSE: &'static str;

    /// When it expires, in milliseconds since 1970.
    fn expires_at(&self) -> i64;
}

/// Encrypts and decrypts values.
pub struct Sealer(Aes256GcmSiv);

impl Sealer {
    /// A sealer with a key derived from the secret.
    pub fn new(secret: &SecretKey) -> Self {
        Self(Aes256GcmSiv::new(secret.derive("masker oauth state v1").expose().into()))
    }

    /// Encrypts a value. The result is base64url, which fits into a cookie or a URL.
    pub fn seal<T: Sealed>(&self, value: &T) -> Result<SensitiveText, getrandom::Error> {
        let mut sealed = vec![0; NONCE];
        getrandom::fill(&mut sealed)?;
        let nonce: [u8; NONCE] = std::array::from_fn(|at| sealed[at]);
        let plain = serde_json::to_vec(value).expect("texts and numbers are JSON");
        let payload = Payload { msg: &plain, aad: T::PURPOSE.as_bytes() };
        sealed.extend(self.0.encrypt(&Nonce::from(nonce), payload).expect("a few hundred bytes can be sealed"));
        Ok(BASE64URL_NOPAD.encode(&sealed).into())
    }

    /// Decrypts a value; `None` if the text is forged, has another purpose, or is expired.
    pub fn open<T: Sealed>(&self, text: &str, now: Timestamp) -> Option<T> {
        let sealed = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (nonce, msg) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg, aad: T::PURPOSE.as_bytes() };
        let plain = self.0.decrypt(&Nonce::from(*nonce), payload).ok()?;
        let value: T = serde_json::from_slice(&plain).ok()?;
        (now.millis() < value.expires_at()).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1000);

    #[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
    struct Cake(i64);
    #[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
    struct Pie(i64);

    impl Sealed for Cake {
        const PURPOSE: &'static str = "cake";

        fn expires_at(&self) -> i64 {
            self.0
        }
    }

    impl Sealed for Pie {
        const PURPOSE: &'static str = "pie";

        fn expires_at(&self) -> i64 {
            self.0
        }
    }

    fn sealer(key: u8) -> Sealer {
        Sealer::new(&SecretKey::new([key; 32]))
    }

    #[test]
    fn it_opens_in_time_with_its_key_for_its_purpose_and_otherwise_not() {
        let text = sealer(1).seal(&Cake(1001)).expect("randomness");
        let text = text.expose();
        assert_eq!(sealer(1).open(text, NOW), Some(Cake(1001)));
        assert_eq!(sealer(1).open::<Pie>(text, NOW), None);
        assert_eq!(sealer(2).open::<Cake>(text, NOW), None);
        assert_eq!(sealer(1).open::<Cake>(&text[1..], NOW), None);
        assert_eq!(sealer(1).open::<Cake>("", NOW), None);
        assert_eq!(sealer(1).open::<Cake>(text, Timestamp::from_millis(1001)), None);
        assert_ne!(sealer(1).seal(&Cake(1001)).expect("randomness").expose(), text, "each result is unique");
    }
}
