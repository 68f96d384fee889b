//! The tokeniser: one walk over the bytes, after which no grammar looks at characters again unless it must.
//!
//! A token is a run of letters, a run of digits, or one sign. "XKJ-48211" is letters, sign, digits; "3pm" is digits
//! and, glued to them, letters. [`crate::characters`] says which character is what.

use crate::characters::{Char, class_at};
use crate::words::{Key, UNKNOWN, Words};

/// What a token is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Letters, with a short ending after an apostrophe ("driver's").
    Word,
    /// Decimal digits of one of the common scripts.
    Digits,
    /// One sign; its `sign` says which.
    Sign,
    /// Not a token: what lies before the first and after the last.
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

/// Which letters of a word are capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caps {
    /// Not the first.
    None,
    /// The first.
    First,
    /// All of two or more.
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
    pub flags: u32,
    /// Id of a known word.
    pub word: u16,
    /// The known word's value.
    pub value: u8,
    /// For a sign, its byte, other dashes and quotes being mapped to ASCII's, 0 for all that is not ASCII.
    /// For a word of one ASCII letter, the letter in upper case.
    pub sign: u8,
    /// What it is.
    pub class: Class,
    /// What lies before it.
    pub gap: Gap,
    /// Capitals of a word.
    pub caps: Caps,
    /// Already part of something found, so that other grammars leave it alone.
    pub claimed: bool,
}

/// Stands for what lies outside the text.
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
    pub fn is(&self, flags: u32) -> bool {
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
        self.class == Class::Word && self.sign != 0
    }

    /// Whether it is written digits.
    #[inline]
    pub fn is_digits(&self) -> bool {
        self.class == Class::Digits
    }

    /// Whether it touches the token before.
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

/// Splits `text` into `out`, which is emptied first. Returns every flag that some word has.
pub fn tokenize(words: &Words, text: &str, out: &mut Vec<Token>) -> u32 {
    out.clear();
    let bytes = text.as_bytes();
    let mut seen = 0;
    let mut gap = Gap::Line;
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let mut token = END;
        match class_at(bytes, at) {
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
            // Zero-width characters hide inside numbers; they separate nothing.
            (Char::Nothing, width) => {
                at += width;
                continue;
            }
            (Char::Digit, _) => {
                token.class = Class::Digits;
                while let (Char::Digit, width) = class_at(bytes, at) {
                    at += width;
                }
            }
            (Char::Letter, _) => {
                token.class = Class::Word;
                at = word(words, bytes, at, &mut token);
                seen |= token.flags;
            }
            (Char::Sign(sign), width) => {
                token.class = Class::Sign;
                token.sign = sign;
                at += width;
            }
        }
        token.start = start as u32;
        token.end = at as u32;
        token.gap = gap;
        gap = Gap::Glued;
        out.push(token);
    }
    seen
}

fn word(words: &Words, bytes: &[u8], start: usize, token: &mut Token) -> usize {
    let mut key = Key::default();
    let mut capitals = 0usize;
    let mut at = start;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte.is_ascii_alphabetic() {
            capitals += usize::from(byte.is_ascii_uppercase());
            key.push(byte.to_ascii_lowercase());
            at += 1;
        } else if byte >= 0x80 && matches!(class_at(bytes, at).0, Char::Letter) {
            let width = class_at(bytes, at).1;
            bytes[at..at + width].iter().for_each(|byte| key.push(*byte));
            at += width;
        } else {
            break;
        }
    }
    let letters = at - start;
    token.word = words.find(&key);
    let known = words.get(token.word);
    token.flags = known.flags;
    token.value = known.value;
    if letters == 1 {
        token.sign = bytes[start].to_ascii_uppercase();
    }
    token.caps = match capitals {
        0 => Caps::None,
        _ if capitals == letters && letters > 1 => Caps::All,
        _ if bytes[start].is_ascii_uppercase() => Caps::First,
        _ => Caps::None,
    };
    let ended = at + ending(bytes, at);
    if ended > at {
        // "I'm", "c's": not a letter that someone spells.
        token.sign = 0;
    }
    ended
}

/// Length of an apostrophe with one or two letters ("'s", "'re"), which belongs to the word before it.
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
