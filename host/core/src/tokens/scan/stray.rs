//! Values without their token: the letters that remain when a model lost or mangled the part before them
//! (`NAME:K3F7Q2ZT…`), so that nothing announces them.
//!
//! The first letters of a word in capitals pass immediately; from the sixth on, a run of base32 letters is held back
//! until it ends. A run that is as long as a value and contains digits is not a word of any language, and the held
//! part is dropped. A caller's own number of that shape is found by [`super::find_lookalikes`] and has a token of its
//! own.

use super::unit::More;

/// Number of letters that pass before a run is held back.
const FREE: usize = 5;

/// Number of letters of a vault token's value.
const VALUE: usize = 26;

/// Maximum length of a run that is judged at once.
const MAX_RUN: usize = 64;

/// A run of base32 letters in capitals, counted as far as it was released.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CapitalRun {
    letters: usize,
    digits: usize,
    /// Whether a token already broke off in this word.
    alert: bool,
}

impl CapitalRun {
    /// The state after a fragment: the rest of its value is shorter than a value.
    pub fn after_fragment() -> Self {
        Self { alert: true, ..Self::default() }
    }

    /// Whether the next letter is held back.
    pub fn is_held(self) -> bool {
        self.letters >= FREE
    }

    /// Counts a released byte.
    pub fn push(&mut self, byte: u8) {
        if is_letter(byte) {
            self.letters += 1;
            self.digits += usize::from(byte.is_ascii_digit());
        } else {
            *self = Self { alert: self.alert && !byte.is_ascii_whitespace(), ..Self::default() };
        }
    }

    /// Whether the whole run could be a value. `INTERNATIONALISATION` has no digit, a booking code is shorter. One
    /// value in two hundred has no digit either; it is then recognised by being longer than a word.
    fn is_value(self) -> bool {
        matches!((self.letters, self.digits), (16.., 1..) | (12.., 3..) | (VALUE.., 0))
            || self.alert && self.letters >= 8 && self.digits > 0
    }

    /// The length of the run in `bytes`, and whether it is a value.
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

/// Whether a token begins here: its first letter would otherwise count as part of the run.
fn is_scheme(bytes: &[u8], done: bool) -> Result<bool, More> {
    let known = bytes.len().min(3);
    let begins = bytes[..known].eq_ignore_ascii_case(&b"MSK"[..known]);
    if begins && known < 3 && !done { Err(More) } else { Ok(begins && known == 3) }
}
