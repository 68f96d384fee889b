//! The grammars' words, and the hash table that finds them.
//!
//! The tokeniser looks each word up once; after that every grammar works on flags and small numbers. A key is one
//! 64-bit number, so a look-up compares no strings; words of more than 16 bytes are never in the table. `configure`
//! builds the table, which is part of the snapshot. It is kept small: every page of it that a call reads costs the
//! host time.

use crate::lexicon;

/// A set of [`flag`]s.
pub type Flags = u64;

/// The meanings of a word. A word may have several: "second" is an ordinal, "may" a month and an auxiliary.
pub mod flag {
    use super::Flags;

    /// Zero to nine, "oh", "nought"; the value is the digit.
    pub const DIGIT: Flags = 1 << 0;
    /// Ten to nineteen.
    pub const TEEN: Flags = 1 << 1;
    /// Twenty, thirty, ... ninety.
    pub const TENS: Flags = 1 << 2;
    /// "hundred".
    pub const HUNDRED: Flags = 1 << 3;
    /// "thousand", "million": a quantity more often than an identifier.
    pub const SCALE: Flags = 1 << 4;
    /// First to thirty-first as one word ("twentieth"); the value is the number.
    pub const ORDINAL: Flags = 1 << 5;
    /// "double", "triple"; the value is the number of repetitions.
    pub const REPEAT: Flags = 1 << 6;
    /// A month; the value is its number.
    pub const MONTH: Flags = 1 << 7;
    /// A day of the week.
    pub const WEEKDAY: Flags = 1 << 8;
    /// "uh", "um": may occur anywhere.
    pub const FILLER: Flags = 1 << 9;
    /// "no", "sorry", "wait": the speaker starts again.
    pub const RESTART: Flags = 1 << 10;
    /// May occur between a key phrase and its value: "is", "it's", "number".
    pub const LINK: Flags = 1 << 11;
    /// A function word or another word too common to be part of a street name or a mailbox.
    pub const STOP: Flags = 1 << 12;
    /// After a number it marks a quantity or a time: "mg", "pm", "years".
    pub const UNIT: Flags = 1 << 13;
    /// "dash", "dot", "at", "slash"; the value is the ASCII character.
    pub const SPOKEN_SIGN: Flags = 1 << 14;
    /// A street type; the value is 1 for an unambiguous one, 2 for one that is also a common word.
    pub const STREET: Flags = 1 << 15;
    /// A street type that comes first: "rue", "calle".
    pub const STREET_FIRST: Flags = 1 << 16;
    /// "north", "nw".
    pub const DIRECTION: Flags = 1 << 17;
    /// "apartment", "suite".
    pub const APARTMENT: Flags = 1 << 18;
    /// A state of the US by name or by its two letters.
    pub const STATE: Flags = 1 << 19;
    /// A top-level domain; the value is 1 for one that is safe to take without more evidence.
    pub const TLD: Flags = 1 << 20;
    /// A mail provider: "gmail".
    pub const PROVIDER: Flags = 1 << 21;
    /// A word of a spelling alphabet; it means its first letter.
    pub const SPELLING: Flags = 1 << 22;
    /// The first word of some key phrase.
    pub const KEY: Flags = 1 << 23;
    /// Next to "may", it shows that "may" is a verb.
    pub const VERB_SIGN: Flags = 1 << 24;
    /// "on", "since", "until": common before a date.
    pub const BEFORE_DATE: Flags = 1 << 25;
    /// Ending of a written ordinal: "st", "nd", "rd", "th".
    pub const ORDINAL_END: Flags = 1 << 26;
    /// "dot", "period".
    pub const SPOKEN_DOT: Flags = 1 << 27;
    /// "ending", "last": only the end of a number is given.
    pub const TAIL: Flags = 1 << 28;

    // The lexicon sets none of the following: the tokeniser does.
    /// Written digits.
    pub const WRITTEN: Flags = 1 << 32;
    /// One ASCII letter.
    pub const LETTER: Flags = 1 << 33;
    /// A sign.
    pub const SIGN: Flags = 1 << 34;
    /// "@".
    pub const AT: Flags = 1 << 35;
    /// ":".
    pub const COLON: Flags = 1 << 36;
    /// "-".
    pub const DASH: Flags = 1 << 37;
    /// A stop that is not followed by a blank.
    pub const DOT: Flags = 1 << 38;

    /// The flags that the lexicon sets.
    pub const KNOWN: Flags = WRITTEN - 1;
    /// Any word that is part of a spoken number.
    pub const NUMBER: Flags = DIGIT | TEEN | TENS | HUNDRED | SCALE;
}

/// One known word.
#[derive(Debug, Clone, Copy, Default)]
pub struct Word {
    key: Key,
    /// Its meanings: the [`flag`]s that the lexicon sets.
    flags: u32,
    /// A number whose meaning depends on the flags.
    pub value: u8,
    /// For [`flag::KEY`]: the start of its phrases.
    pub phrases: u16,
}

/// Number of slots: a power of two, at most half full, so that a miss ends after a probe or two.
const SLOTS: usize = 4096;

/// All known words.
#[derive(Debug, Clone)]
pub struct Words {
    slots: Box<[u16; SLOTS]>,
    words: Vec<Word>,
}

/// The id of an unknown word.
pub const UNKNOWN: u16 = 0;

impl Word {
    /// Its meanings: [`flag`].
    #[inline]
    pub fn flags(&self) -> Flags {
        Flags::from(self.flags)
    }
}

impl Words {
    /// The table of the built-in lexicon.
    pub fn new() -> Self {
        let mut words = Self { slots: Box::new([UNKNOWN; SLOTS]), words: Vec::with_capacity(SLOTS / 2) };
        words.words.push(Word::default());
        lexicon::each(|text, flags, value| {
            // A token contains no blanks or hyphens.
            if text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'\'') {
                words.add(text, flags, value);
            }
        });
        words
    }

    /// Adds meanings to a word and returns its id.
    pub fn add(&mut self, text: &str, flags: Flags, value: u8) -> u16 {
        let key = Key::of(text.as_bytes()).expect("the lexicon's words have at most 16 bytes");
        let flags = u32::try_from(flags).expect("the lexicon gives known flags only");
        let mut slot = key.slot();
        loop {
            let id = self.slots[slot];
            if id == UNKNOWN {
                let id = u16::try_from(self.words.len()).unwrap_or(UNKNOWN);
                self.slots[slot] = id;
                self.words.push(Word { key, flags, value, phrases: 0 });
                return id;
            }
            let word = &mut self.words[id as usize];
            if word.key == key {
                word.flags |= flags;
                word.value = word.value.max(value);
                return id;
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// The word with this id.
    #[inline]
    pub fn get(&self, id: u16) -> &Word {
        &self.words[id as usize]
    }

    /// Sets where the phrases of a first word begin.
    pub fn set_phrases(&mut self, id: u16, at: u16) {
        self.words[id as usize].phrases = at;
    }

    /// The id of the word, or [`UNKNOWN`].
    #[inline]
    pub fn find(&self, key: Key) -> u16 {
        let mut slot = key.slot();
        loop {
            let id = self.slots[slot];
            let word = &self.words[id as usize];
            if id == UNKNOWN || word.key == key {
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

/// A word in lower case: up to eight bytes as they are, a longer one as a mixture of all sixteen that is unlikely to
/// collide with another word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Key(u64);

impl Key {
    /// The key of the lower-case bytes, packed with the first lowest.
    #[inline]
    pub fn packed(first: u64, rest: u64) -> Self {
        Self(first ^ rest.rotate_left(29).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The key of a word; `None` when it is longer than any known word.
    pub fn of(word: &[u8]) -> Option<Self> {
        let pack =
            |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(byte.to_ascii_lowercase()));
        let (first, rest) = word.split_at(word.len().min(8));
        (rest.len() <= 8).then(|| Self::packed(pack(first), pack(rest)))
    }

    #[inline]
    fn slot(self) -> usize {
        // Fibonacci hashing: the high bits of the product depend on every byte of the word.
        (self.0.wrapping_mul(0xff51_afd7_ed55_8ccd) >> 52) as usize % SLOTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(words: &Words, text: &str) -> Word {
        *words.get(Key::of(text.as_bytes()).map_or(UNKNOWN, |key| words.find(key)))
    }

    #[test]
    fn finds_known_words_and_only_those() {
        let words = Words::new();
        assert_eq!(find(&words, "fourteen").value, 14);
        assert_eq!(find(&words, "may").value, 5);
        assert_eq!(find(&words, "qwertz").flags(), 0);
        assert_eq!(find(&words, "averyveryverylongword").flags(), 0);
    }

    #[test]
    fn the_table_is_at_most_half_full() {
        assert!(Words::new().words.len() <= SLOTS / 2);
    }
}
