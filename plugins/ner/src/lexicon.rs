//! Word lists as a compact lookup table.
//!
//! The lists (census names, places, names of many languages, words of speech) are stored as fingerprints: a word's
//! hash selects a bucket, sixteen more bits of it distinguish the words of one bucket, and sixteen bits hold the
//! entry. No word can be recovered from it. About three look-ups in 100,000 return the entry of another word.

use crate::tokens::Token;

/// Fields of an entry.
pub mod entry {
    /// Given name: 0 is none, 3 a common one.
    pub const FIRST: u32 = 0;
    /// Family name, on the same scale.
    pub const LAST: u32 = 2;
    /// Town, on the same scale, by population.
    pub const PLACE: u32 = 4;
    /// How often the word occurs as an ordinary word: 0 never, 3 often.
    pub const COMMON: u32 = 6;
    /// One of [`super::category`], four bits.
    pub const CATEGORY: u32 = 8;
    /// A place name of several words may begin here.
    pub const BEGINS_PLACE: u16 = 1 << 12;
    /// What a question with this word asks for, three bits: [`super::ask`].
    pub const ASK: u32 = 13;
    /// The bits set by lists of names. The trainer drops them at random so that the model does not rely on them.
    pub const NAMES: u16 = 0x3f;
}

/// The category of a word, other than names.
pub mod category {
    /// None of the others.
    pub const NONE: u16 = 0;
    /// Street, avenue, strasse, rue.
    pub const STREET: u16 = 1;
    /// A number as a word.
    pub const NUMBER: u16 = 2;
    /// Mister, doctor, nurse: a name may follow.
    pub const TITLE: u16 = 3;
    /// A weekday or a month.
    pub const CALENDAR: u16 = 4;
    /// A nationality or a language.
    pub const NATION: u16 = 5;
    /// Clinic, bank, inc: part of an organisation's name.
    pub const COMPANY: u16 = 6;
    /// A drug, or a person's name that is also an illness or a device (Parkinson, Foley).
    pub const MEDICAL: u16 = 7;
    /// A country or a state.
    pub const STATE: u16 = 8;
    /// Wife, brother: a name may follow.
    pub const RELATIVE: u16 = 9;
    /// Apartment, suite, floor.
    pub const UNIT: u16 = 10;
    /// North, southwest.
    pub const DIRECTION: u16 = 11;
    /// A word of the spelling alphabets (alpha, bravo).
    pub const SPELLING: u16 = 12;
    /// A known organisation.
    pub const BRAND: u16 = 13;
}

/// What a question asks for, as bits.
pub mod ask {
    /// A person's name.
    pub const NAME: u16 = 1;
    /// An address or a part of one.
    pub const ADDRESS: u16 = 2;
    /// Any other identifier: a date, a number, a mail address.
    pub const OTHER: u16 = 4;
}

/// Bits of the bucket index.
pub const BUCKET_BITS: u32 = 15;

/// The lists, ready for look-ups. Borrows its data, which stays where the compiler put it.
#[derive(Debug, Clone, Copy)]
pub struct Lexicon<'m> {
    /// The start of each bucket in `entries`, as little-endian `u32`; one more at the end.
    starts: &'m [u8],
    /// Fingerprint and entry, little-endian `u16` each.
    entries: &'m [u8],
}

impl<'m> Lexicon<'m> {
    /// Reads the two sections of the model file; `None` when they do not fit together.
    pub fn new(starts: &'m [u8], entries: &'m [u8]) -> Option<Self> {
        let sound = starts.len() == ((1 << BUCKET_BITS) + 1) * 4 && entries.len() & 3 == 0;
        sound.then_some(Self { starts, entries })
    }

    /// The entry of a word by its hash; 0 when it is in no list.
    #[inline]
    pub fn get(&self, hash: u64) -> u16 {
        let (bucket, print) = place(hash);
        let (Some(from), Some(to)) = (self.start(bucket), self.start(bucket + 1)) else { return 0 };
        for pair in self.entries.get(from * 4..to * 4).unwrap_or_default().chunks_exact(4) {
            if u16::from_le_bytes([pair[0], pair[1]]) == print {
                return u16::from_le_bytes([pair[2], pair[3]]);
            }
        }
        0
    }

    #[inline]
    fn start(&self, bucket: usize) -> Option<usize> {
        let bytes = self.starts.get(bucket * 4..bucket * 4 + 4)?;
        Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
    }
}

/// Bucket and fingerprint of a hash.
pub fn place(hash: u64) -> (usize, u16) {
    ((hash >> (64 - BUCKET_BITS)) as usize, (hash >> 16) as u16)
}

/// The hash of a two-word place name or, applied again, of a three-word one.
pub fn phrase(first: u64, second: u64) -> u64 {
    (first.rotate_left(23) ^ second).wrapping_mul(0x9fb2_1c65_1e98_df25)
}

/// Sets the entry of each token.
pub fn annotate(lexicon: &Lexicon, tokens: &mut [Token]) {
    for token in tokens.iter_mut() {
        token.entry = lexicon.get(token.word);
    }
    mark_places(lexicon, tokens);
}

/// Marks place names of two and three words ("new york city").
fn mark_places(lexicon: &Lexicon, tokens: &mut [Token]) {
    let mut at = 0;
    while at + 1 < tokens.len() {
        let length = match tokens[at].entry & entry::BEGINS_PLACE {
            0 => 0,
            _ => place_length(lexicon, &tokens[at..]),
        };
        if length == 0 {
            at += 1;
            continue;
        }
        tokens[at].place = 1;
        for token in &mut tokens[at + 1..at + length] {
            token.place = 2;
        }
        at += length;
    }
}

fn place_length(lexicon: &Lexicon, tokens: &[Token]) -> usize {
    let two = phrase(tokens[0].word, tokens[1].word);
    let listed = |hash: u64| lexicon.get(hash) >> entry::PLACE & 3 > 0;
    match tokens.get(2) {
        Some(third) if listed(phrase(two, third.word)) => 3,
        _ if listed(two) => 2,
        _ => 0,
    }
}
