//! Values without their token: the letters that remain when a model lost or mangled what stood before them
//! (`NAME:K3F7Q2ZT…`), so that nothing announces them.
//!
//! The first letters of a word in capitals pass at once; from the sixth on a run of base32 letters is held until it
//! ends. As long as a value and with digits in it, it is none of a language's words, and what was held is dropped. A
//! caller's own number of that shape is found by [`super::find_lookalikes`] and has a token of its own.

use super::unit::More;

/// Letters that pass before a run is held.
const FREE: usize = 5;

/// Letters of a vault token's value.
const VALUE: usize = 26;

/// The longest piece of a run that is judged at once.
const MAX_RUN: usize = 64;

/// A run of base32 letters in capitals, as far as it was released.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CapitalRun {
    letters: usize,
    digits: usize,
    /// Whether a token broke off in this word already.
    alert: bool,
}

impl CapitalRun {
    /// At the end of a fragment: what is left of its value is shorter than a value.
    pub fn after_fragment() -> Self {
        Self { alert: true, ..Self::default() }
    }

    /// Whether the next letter is held.
    pub fn is_held(self) -> bool {
        self.letters >= FREE
    }

    /// Counts a byte that was released.
    pub fn push(&mut self, byte: u8) {
        if is_letter(byte) {
            self.letters += 1;
            self.digits += usize::from(byte.is_ascii_digit());
        } else {
            *self = Self { alert: self.alert && !byte.is_ascii_whitespace(), ..Self::default() };
        }
    }

    /// Whether all of it could be a value. `INTERNATIONALISATION` has no digit, a booking code is shorter. One value in two
    /// hundred has no digit either, and then it is longer than a word.
    fn is_value(self) -> bool {
        matches!((self.letters, self.digits), (16.., 1..) | (12.., 3..) | (VALUE.., 0))
            || self.alert && self.letters >= 8 && self.digits > 0
    }

    /// How far the run goes on in `bytes`, and whether it is a value.
    pub fn judge(mut self, bytes: &[u8], done: bool) -> Result<(usize, bool), More> {
        for (at, &byte) in bytes.iter().take(MAX_RUN).enumerate() {
            if !is_letter(byte) || at > 0 && is_scheme(&bytes[at..], done)? {
                return Ok((at, self.is_value()));
            }
            self.push(byte);
        }
        if bytes.len() < MAX_RUN && !done { Err(More) } else { Ok((bytes.len().min(MAX_RUN), self.is_value())) }
    }
}

/// Whether a byte is a base32 letter in capitals.
pub(super) fn is_letter(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'2'..=b'7')
}

/// Whether a token begins here: its first letter would be taken for one of the run.
fn is_scheme(bytes: &[u8], done: bool) -> Result<bool, More> {
    let known = bytes.len().min(3);
    let begins = bytes[..known].eq_ignore_ascii_case(&b"MSK"[..known]);
    if begins && known < 3 && !done { Err(More) } else { Ok(begins && known == 3) }
}
