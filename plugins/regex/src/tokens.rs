//! The tokeniser: one pass over the bytes, after which grammars rarely look at characters again.
//!
//! A token is a run of letters, a run of digits, or one sign. "XKJ-48211" is letters, sign, digits; "3pm" is digits
//! and adjoining letters. [`crate::characters`] classifies the characters.

use crate::characters::{Char, class_at};
use crate::words::{Flags, Key, UNKNOWN, Words, flag};

/// What a token is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Letters, including a short ending after an apostrophe ("driver's").
    Word,
    /// Decimal digits of a common script.
    Digits,
    /// One sign; its `sign` field says which.
    Sign,
    /// Not a token: the position before the first and after the last.
    End,
}

/// What separates a token from the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// Nothing.
    Glued,
    /// Blanks.
    Space,
    /// At least one line break, or the start of the text.
    Line,
}

/// The capitalisation of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caps {
    /// Does not begin with a capital.
    None,
    /// Begins with a capital.
    First,
    /// All of two or more letters.
    All,
}

/// One token. Positions count bytes from the start of the text that was tokenised.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// [`crate::words::flag`]s of a known word.
    pub flags: Flags,
    /// Id of a known word.
    pub word: u16,
    /// The known word's value.
    pub value: u8,
    /// For a sign, its byte, with other dashes and quotes mapped to ASCII's, or 0 for other non-ASCII signs. For a
    /// word of one ASCII letter, the letter in upper case.
    pub sign: u8,
    /// What it is.
    pub class: Class,
    /// The gap before it.
    pub gap: Gap,
    /// Capitalisation of a word.
    pub caps: Caps,
    /// Already part of a finding, so that other grammars skip it.
    pub claimed: bool,
}

/// The token outside the text.
pub const END: Token = Token {
    start: 0,
    end: 0,
    flags: 0,
    word: UNKNOWN,
    value: 0,
    sign: 0,
    class: Class::End,
    gap: Gap::Line,
    caps: Caps::None,
    claimed: false,
};

impl Token {
    /// Whether it has any of these flags.
    #[inline]
    pub fn is(&self, flags: Flags) -> bool {
        self.flags & flags != 0
    }

    /// Whether it is this sign.
    #[inline]
    pub fn is_sign(&self, sign: u8) -> bool {
        self.class == Class::Sign && self.sign == sign
    }

    /// Whether it is a sign out of these.
    pub fn is_sign_of(&self, signs: &[u8]) -> bool {
        self.class == Class::Sign && signs.contains(&self.sign)
    }

    /// Whether it is one letter.
    #[inline]
    pub fn is_letter(&self) -> bool {
        self.is(flag::LETTER)
    }

    /// Whether the word is in no list.
    #[inline]
    pub fn is_plain(&self) -> bool {
        !self.is(flag::KNOWN)
    }

    /// Whether it is a digit token.
    #[inline]
    pub fn is_digits(&self) -> bool {
        self.is(flag::WRITTEN)
    }

    /// Whether it touches the previous token.
    #[inline]
    pub fn is_glued(&self) -> bool {
        self.gap == Gap::Glued
    }

    /// Length in bytes.
    #[allow(clippy::len_without_is_empty)] // An empty token does not occur.
    #[inline]
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }
}

/// Splits `text` into `out`, which is cleared first. Returns the union of all tokens' flags.
pub fn tokenize(words: &Words, text: &str, out: &mut Vec<Token>) -> Flags {
    out.clear();
    // A word and a blank average six bytes, digits and signs fewer.
    out.reserve(text.len() / 4 + 8);
    let bytes = text.as_bytes();
    let mut seen = 0;
    let mut gap = Gap::Line;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte == b' ' {
            if gap == Gap::Glued {
                gap = Gap::Space;
            }
            at += 1;
            continue;
        }
        let next = Eight::at(bytes, at);
        // Pushed here, so that the fields of a token go from registers to memory without another copy.
        if let Some(token) = word(words, bytes, at, next) {
            at = token.end as usize;
            seen |= token.flags;
            out.push(Token { gap, ..token });
            gap = Gap::Glued;
            continue;
        }
        let token = match class_at(bytes, at) {
            (Char::Blank, width) => {
                if gap == Gap::Glued {
                    gap = Gap::Space;
                }
                at += width;
                continue;
            }
            (Char::Break, width) => {
                gap = Gap::Line;
                at += width;
                continue;
            }
            // Zero-width characters may hide inside numbers; they separate nothing.
            (Char::Nothing, width) => {
                at += width;
                continue;
            }
            (Char::Digit, _) => digits(bytes, at),
            (Char::Letter, _) => long_word(words, bytes, at),
            (Char::Sign(sign), width) => mark(bytes, at, sign, width),
        };
        at = token.end as usize;
        seen |= token.flags;
        out.push(Token { gap, ..token });
        gap = Gap::Glued;
    }
    seen
}

fn digits(bytes: &[u8], start: usize) -> Token {
    let mut at = start;
    while let (Char::Digit, width) = class_at(bytes, at) {
        at += width;
    }
    Token { start: start as u32, end: at as u32, flags: flag::WRITTEN, class: Class::Digits, ..END }
}

fn mark(bytes: &[u8], start: usize, sign: u8, width: usize) -> Token {
    let end = start + width;
    let flags = match sign {
        b'@' => flag::SIGN | flag::AT,
        b':' => flag::SIGN | flag::COLON,
        b'-' => flag::SIGN | flag::DASH,
        b'.' if bytes.get(end).is_some_and(|next| *next > b' ') => flag::SIGN | flag::DOT,
        _ => flag::SIGN,
    };
    Token { start: start as u32, end: end as u32, flags, class: Class::Sign, sign, ..END }
}

/// The word that begins at `start` with the byte `first`; `None` unless it has at most fifteen ASCII letters.
#[inline(always)]
fn word(words: &Words, bytes: &[u8], start: usize, first: Eight) -> Option<Token> {
    let count = first.letters();
    let rest = if count == 8 { Eight::at(bytes, start + 8) } else { Eight(0) };
    let more = rest.letters();
    let letters = count + more;
    let mut end = start + letters;
    let next = bytes.get(end).copied().unwrap_or(b' ');
    if letters == 0 || more == 8 || !next.is_ascii() {
        return None;
    }
    let id = words.find(Key::packed(first.lower(count), rest.lower(more)));
    let known = words.get(id);
    let caps = match (first.capitals(count) | rest.capitals(more), first.smalls(count) | rest.smalls(more)) {
        (0, _) => Caps::None,
        (_, 0) if letters > 1 => Caps::All,
        _ if first.capitals(1) != 0 => Caps::First,
        _ => Caps::None,
    };
    // "I'm", "c's": not a spelled letter.
    let lone = letters == 1 && ending(bytes, end) == 0;
    if next == b'\'' || next == b'`' {
        end += ending(bytes, end);
    }
    Some(Token {
        start: start as u32,
        end: end as u32,
        flags: known.flags() | if lone { flag::LETTER } else { 0 },
        word: id,
        value: known.value,
        sign: if lone { bytes[start].to_ascii_uppercase() } else { 0 },
        class: Class::Word,
        caps,
        ..END
    })
}

/// A word that contains or touches non-ASCII characters, or has sixteen letters or more.
#[cold]
fn long_word(words: &Words, bytes: &[u8], start: usize) -> Token {
    let (mut capitals, mut end) = (0, start);
    while let (Char::Letter, width) = class_at(bytes, end) {
        capitals += usize::from(bytes[end].is_ascii_uppercase());
        end += width;
    }
    let letters = end - start;
    let id = Key::of(&bytes[start..end]).map_or(UNKNOWN, |key| words.find(key));
    let known = words.get(id);
    let mut token = Token {
        start: start as u32,
        end: (end + ending(bytes, end)) as u32,
        flags: known.flags(),
        word: id,
        value: known.value,
        class: Class::Word,
        caps: match capitals {
            0 => Caps::None,
            _ if capitals == letters && letters > 1 => Caps::All,
            _ if bytes[start].is_ascii_uppercase() => Caps::First,
            _ => Caps::None,
        },
        ..END
    };
    if token.len() == 1 {
        token.sign = bytes[start].to_ascii_uppercase();
        token.flags |= flag::LETTER;
    }
    token
}

/// Eight bytes of a text, the first of them lowest; zeros past its end. Words are read in these units, not byte by
/// byte.
#[derive(Clone, Copy)]
struct Eight(u64);

impl Eight {
    /// Bit 5 of each byte: set in lower-case letters, clear in capitals.
    const SMALL: u64 = u64::from_le_bytes([0x20; 8]);
    /// Bit 7 of each byte.
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);

    #[inline]
    fn at(bytes: &[u8], at: usize) -> Self {
        match bytes.get(at..).and_then(<[u8]>::first_chunk) {
            Some(chunk) => Self(u64::from_le_bytes(*chunk)),
            None => Self::tail(bytes, at),
        }
    }

    fn tail(bytes: &[u8], at: usize) -> Self {
        let rest = bytes.get(at..).unwrap_or_default();
        Self(rest.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    /// How many ASCII letters it begins with.
    #[inline]
    fn letters(self) -> usize {
        let small = self.0 | Self::SMALL;
        let low = small & !Self::HIGH;
        // The addition sets bit 7 in bytes from "a" up, and in bytes above "z"; no byte carries into the next.
        let from_a = low + u64::from_le_bytes([0x80 - b'a'; 8]);
        let past_z = low + u64::from_le_bytes([0x7f - b'z'; 8]);
        let others = !(from_a & !past_z & !small) & Self::HIGH;
        others.trailing_zeros() as usize / 8
    }

    /// The first `count` bytes, all letters, in lower case.
    #[inline]
    fn lower(self, count: usize) -> u64 {
        (self.0 | Self::SMALL) & Self::mask(count)
    }

    /// Non-zero when one of the first `count` bytes, all letters, is a capital.
    #[inline]
    fn capitals(self, count: usize) -> u64 {
        !self.0 & Self::SMALL & Self::mask(count)
    }

    /// Non-zero when one of the first `count` bytes, all letters, is lower case.
    #[inline]
    fn smalls(self, count: usize) -> u64 {
        self.0 & Self::SMALL & Self::mask(count)
    }

    /// The first `count` bytes; `count` is at most eight.
    #[inline]
    fn mask(count: usize) -> u64 {
        const MASKS: [u64; 9] = {
            let mut masks = [u64::MAX; 9];
            let mut count = 0;
            while count < 8 {
                masks[count] = (1 << (8 * count)) - 1;
                count += 1;
            }
            masks
        };
        MASKS[count]
    }
}

/// Length of an apostrophe with one or two letters ("'s", "'re") that belongs to the word before it.
fn ending(bytes: &[u8], at: usize) -> usize {
    let (Char::Sign(b'\''), width) = class_at(bytes, at) else { return 0 };
    let rest = &bytes[at + width..];
    let letters = rest.iter().take(3).take_while(|byte| byte.is_ascii_alphabetic()).count();
    if letters == 1 || letters == 2 { width + letters } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::characters::digit_value;

    fn split(text: &str) -> Vec<&str> {
        let mut tokens = Vec::new();
        tokenize(&Words::new(), text, &mut tokens);
        tokens.iter().map(|t| &text[t.start as usize..t.end as usize]).collect()
    }

    #[test]
    fn splits_letters_digits_and_signs() {
        assert_eq!(split("MRN: XKJ-48 3pm"), ["MRN", ":", "XKJ", "-", "48", "3", "pm"]);
    }

    #[test]
    fn words_of_every_length_are_read_whole() {
        let words = Words::new();
        let check = |text: &str, length: usize, caps: Caps| {
            let mut tokens = Vec::new();
            tokenize(&words, text, &mut tokens);
            assert_eq!((tokens[0].len(), tokens[0].caps), (length, caps), "{text}");
        };
        for length in 1..40 {
            check(&"a".repeat(length), length, Caps::None);
            check(&format!("{} b", "a".repeat(length)), length, Caps::None);
            check(&format!("{}é b", "a".repeat(length)), length + 2, Caps::None);
            check(&format!("A{}[", "a".repeat(length)), length + 1, Caps::First);
            check(&format!("A{}@", "A".repeat(length)), length + 1, Caps::All);
        }
    }

    #[test]
    fn an_ending_after_an_apostrophe_belongs_to_the_word() {
        assert_eq!(split("driver’s it's 'tis"), ["driver’s", "it's", "'", "tis"]);
    }

    #[test]
    fn other_scripts_have_digits_and_dashes_too() {
        assert_eq!(split("٤١٥\u{2011}۵۵۵ Żółć"), ["٤١٥", "\u{2011}", "۵۵۵", "Żółć"]);
        assert_eq!(digit_value('۵'), 5);
    }

    #[test]
    fn zero_width_characters_glue() {
        let mut tokens = Vec::new();
        tokenize(&Words::new(), "41\u{200b}5", &mut tokens);
        assert!(tokens[1].is_glued());
    }
}
