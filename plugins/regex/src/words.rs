//! The words the grammars know, and one hash table that finds them.
//!
//! A word is looked up once, by the tokeniser; after that every grammar works on flags and small numbers. Keys are
//! the lower-case bytes packed into two 64-bit numbers, so a look-up compares no strings; a word of more than 16
//! bytes is never known. The table is built in `configure` and is part of the snapshot.

use crate::lexicon;

/// What a word can be. A word may be several things: "second" is an ordinal, "may" a month and an auxiliary.
pub mod flag {
    /// Zero to nine, "oh", "nought"; the value is the digit.
    pub const DIGIT: u32 = 1 << 0;
    /// Ten to nineteen.
    pub const TEEN: u32 = 1 << 1;
    /// Twenty, thirty, ... ninety.
    pub const TENS: u32 = 1 << 2;
    /// "hundred".
    pub const HUNDRED: u32 = 1 << 3;
    /// "thousand", "million": a quantity more often than an identifier.
    pub const SCALE: u32 = 1 << 4;
    /// First to thirty-first as one word ("twentieth"); the value is the number.
    pub const ORDINAL: u32 = 1 << 5;
    /// "double", "triple"; the value is how often.
    pub const REPEAT: u32 = 1 << 6;
    /// A month; the value is its number.
    pub const MONTH: u32 = 1 << 7;
    /// A day of the week.
    pub const WEEKDAY: u32 = 1 << 8;
    /// "uh", "um": may stand anywhere.
    pub const FILLER: u32 = 1 << 9;
    /// "no", "sorry", "wait": the speaker starts again.
    pub const RESTART: u32 = 1 << 10;
    /// May stand between a key word and its value: "is", "it's", "number".
    pub const LINK: u32 = 1 << 11;
    /// A function word or another word too common to be part of a street's or a mailbox's name.
    pub const STOP: u32 = 1 << 12;
    /// After a number it makes a quantity or a time: "mg", "pm", "years".
    pub const UNIT: u32 = 1 << 13;
    /// "dash", "dot", "at", "slash"; the value is the ASCII character.
    pub const SPOKEN_SIGN: u32 = 1 << 14;
    /// A street's type; the value is 1 for one that means little else, 2 for one that is also a common word.
    pub const STREET: u32 = 1 << 15;
    /// A street's type that comes first: "rue", "calle".
    pub const STREET_FIRST: u32 = 1 << 16;
    /// "north", "nw".
    pub const DIRECTION: u32 = 1 << 17;
    /// "apartment", "suite".
    pub const APARTMENT: u32 = 1 << 18;
    /// A state of the US by name or by its two letters.
    pub const STATE: u32 = 1 << 19;
    /// A top-level domain; the value is 1 for one that is safe to take without more evidence.
    pub const TLD: u32 = 1 << 20;
    /// A mail provider: "gmail".
    pub const PROVIDER: u32 = 1 << 21;
    /// A word of a spelling alphabet; it stands for its first letter.
    pub const SPELLING: u32 = 1 << 22;
    /// The first word of some key phrase.
    pub const KEY: u32 = 1 << 23;
    /// After "may" or before it, it shows that "may" is a verb.
    pub const VERB_SIGN: u32 = 1 << 24;
    /// "on", "since", "until": often stands before a date.
    pub const BEFORE_DATE: u32 = 1 << 25;
    /// Ending of a written ordinal: "st", "nd", "rd", "th".
    pub const ORDINAL_END: u32 = 1 << 26;

    /// Any word that is part of a spoken number.
    pub const NUMBER: u32 = DIGIT | TEEN | TENS | HUNDRED | SCALE;
}

/// One known word.
#[derive(Debug, Clone, Copy, Default)]
pub struct Word {
    lo: u64,
    hi: u64,
    /// What it can be: [`flag`].
    pub flags: u32,
    /// A number whose meaning depends on the flags.
    pub value: u8,
    /// For [`flag::KEY`]: where its phrases begin.
    pub phrases: u16,
}

/// Number of slots: a power of two, at most half full, so that a miss ends after a probe or two.
const SLOTS: usize = 4096;

/// All known words.
#[derive(Debug, Clone)]
pub struct Words {
    slots: Vec<u16>,
    words: Vec<Word>,
}

/// The id of a word that is not known.
pub const UNKNOWN: u16 = 0;

impl Words {
    /// The table of the built-in lexicon.
    pub fn new() -> Self {
        let mut words = Self { slots: vec![0; SLOTS], words: vec![Word::default()] };
        for &(flags, value, list) in lexicon::WORDS {
            for text in list.split_ascii_whitespace() {
                words.add(text, flags, value);
            }
        }
        words
    }

    /// Adds meanings to a word and returns its id.
    pub fn add(&mut self, text: &str, flags: u32, value: u8) -> u16 {
        let mut key = Key::default();
        text.bytes().for_each(|byte| key.push(byte));
        let mut slot = key.slot();
        loop {
            let id = self.slots[slot];
            if id == UNKNOWN {
                let id = u16::try_from(self.words.len()).unwrap_or(UNKNOWN);
                self.slots[slot] = id;
                self.words.push(Word { lo: key.lo, hi: key.hi, flags, value, phrases: 0 });
                return id;
            }
            let word = &mut self.words[id as usize];
            if (word.lo, word.hi) == (key.lo, key.hi) {
                word.flags |= flags;
                word.value = word.value.max(value);
                return id;
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// The word with this id.
    pub fn get(&self, id: u16) -> &Word {
        &self.words[id as usize]
    }

    /// Says where the phrases of a first word begin.
    pub fn set_phrases(&mut self, id: u16, at: u16) {
        self.words[id as usize].phrases = at;
    }

    /// The id of the word, or [`UNKNOWN`].
    #[inline]
    pub fn find(&self, key: &Key) -> u16 {
        if key.len > 16 {
            return UNKNOWN;
        }
        let mut slot = key.slot();
        loop {
            let id = self.slots[slot];
            let word = &self.words[id as usize];
            if id == UNKNOWN || (word.lo, word.hi) == (key.lo, key.hi) {
                return id;
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

impl Default for Words {
    fn default() -> Self {
        Self::new()
    }
}

/// A word's bytes, packed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Key {
    lo: u64,
    hi: u64,
    len: u32,
}

impl Key {
    /// Adds one byte, which is to be lower case already.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        match self.len {
            0..8 => self.lo |= u64::from(byte) << (8 * self.len),
            8..16 => self.hi |= u64::from(byte) << (8 * (self.len - 8)),
            _ => {}
        }
        self.len = self.len.saturating_add(1);
    }

    fn slot(&self) -> usize {
        // Fibonacci hashing: the high bits of the product depend on every byte of the word.
        let mixed =
            (self.lo ^ self.hi.rotate_left(29).wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        (mixed >> 52) as usize % SLOTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(words: &Words, text: &str) -> Word {
        let mut key = Key::default();
        text.bytes().for_each(|byte| key.push(byte));
        *words.get(words.find(&key))
    }

    #[test]
    fn finds_known_words_and_only_those() {
        let words = Words::new();
        assert_eq!(find(&words, "fourteen").value, 14);
        assert_eq!(find(&words, "may").value, 5);
        assert_eq!(find(&words, "qwertz").flags, 0);
        assert_eq!(find(&words, "averyveryverylongword").flags, 0);
    }

    #[test]
    fn the_table_is_at_most_half_full() {
        assert!(Words::new().words.len() <= SLOTS / 2);
    }
}
