//! The words for numbers, months, ordinals, letters and signs, as people say them and recognisers write them.
//!
//! Everything takes a [`Language`]. There are three layers:
//!
//! * **Tables**: [`months`], [`cardinals`], ... return all words of a kind, and [`month`], [`cardinal`], ... look one
//!   up. Pass words as written; [`Folded`] describes the normal form in which the tables keep them.
//! * **Reading**: [`read::number`] composes "four hundred and fifteen", [`read::ordinal`] "twenty-first",
//!   [`read::year`] "nineteen eighty two", [`read::letter`] "b as in bravo". They start at the first word and return how
//!   many words they consumed. Callers with their own tokenizer push [`atoms`] into a [`Number`].
//! * **Writing**: [`say`] writes numbers, dates, digits and spelled words as they are spoken.
//!
//! The caller decides the meaning of a word in context: "may" is in the table of months, "second" in that of ordinals,
//! "for" in that of the words between letters. Nothing allocates or panics, and the time is linear in the text. The
//! linker drops the tables of languages that a program does not name.
//!
//! ```
//! use masker_words::{Language::English, month, read, say};
//!
//! assert_eq!(month(English, "Sept."), Some(9));
//! let year = read::year(English, "nineteen eighty two it was".split(' ')).expect("a year");
//! assert_eq!((year.value, year.words), (1982, 3));
//! assert_eq!(say::date(English, Some(1982), 3, 14).to_string(), "March fourteenth, nineteen eighty two");
//! assert_eq!(say::digits(English, "415-555").to_string(), "four one five, five five five");
//! ```

#![no_std]

mod alphabet;
mod atoms;
mod compose;
mod english;
mod fold;
mod french;
mod german;
mod italian;
mod portuguese;
pub mod read;
pub mod say;
mod spanish;
mod table;

pub use atoms::{Atom, Atoms, Class, atoms};
pub use compose::Number;
pub use fold::Folded;
pub use table::Table;

use table::find;

/// The language of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// US English, with British forms where they differ.
    English,
    /// Spanish of Spain and of the Americas.
    Spanish,
    /// French of France, with the tens of Belgium and Switzerland.
    French,
    /// German, with the words of Austria.
    German,
    /// Portuguese of Brazil and of Portugal.
    Portuguese,
    /// Italian.
    Italian,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 6] =
        [Self::English, Self::Spanish, Self::French, Self::German, Self::Portuguese, Self::Italian];
}

/// The item with this name in a language's module. By name, so that only the requested tables are linked.
macro_rules! of {
    ($language:expr, $name:ident) => {
        match $language {
            $crate::Language::English => $crate::english::$name,
            $crate::Language::Spanish => $crate::spanish::$name,
            $crate::Language::French => $crate::french::$name,
            $crate::Language::German => $crate::german::$name,
            $crate::Language::Portuguese => $crate::portuguese::$name,
            $crate::Language::Italian => $crate::italian::$name,
        }
    };
}
/// The function with this name in a language's module.
macro_rules! call {
    ($language:expr, $name:ident($($argument:expr),*)) => {
        match $language {
            $crate::Language::English => $crate::english::$name($($argument),*),
            $crate::Language::Spanish => $crate::spanish::$name($($argument),*),
            $crate::Language::French => $crate::french::$name($($argument),*),
            $crate::Language::German => $crate::german::$name($($argument),*),
            $crate::Language::Portuguese => $crate::portuguese::$name($($argument),*),
            $crate::Language::Italian => $crate::italian::$name($($argument),*),
        }
    };
}
pub(crate) use {call, of};

/// A table for each language, and the look-up of one word in it.
macro_rules! tables {
    ($($(#[$doc:meta])* $tables:ident, $(#[$word_doc:meta])* $lookup:ident: $type:ty = $name:ident;)+) => {$(
        $(#[$doc])*
        #[inline]
        pub const fn $tables(language: Language) -> Table<$type> {
            of!(language, $name)
        }

        $(#[$word_doc])*
        #[inline]
        pub fn $lookup(language: Language, word: &str) -> Option<$type> {
            find($tables(language), Folded::new(word)?.as_bytes())
        }
    )+};
}

tables! {
    /// One-word cardinal numbers and their values: zero to nineteen, tens, hundreds, scales.
    cardinals,
    /// The value of a one-word cardinal number.
    cardinal: u32 = CARDINALS;

    /// Words for single digits that are in no larger number: "oh", "nought", "niner".
    spoken_digits,
    /// The digit of such a word.
    spoken_digit: u8 = DIGITS;

    /// Words that repeat the next digit or letter: "double", "triple".
    repeats,
    /// The number of repetitions of the next digit or letter.
    repeat: u8 = REPEATS;

    /// Months, full and abbreviated, 1 to 12.
    months,
    /// The number of a month, full or abbreviated.
    month: u8 = MONTHS;

    /// Days of the week, full and abbreviated, from 1 for Monday as in ISO 8601.
    weekdays,
    /// The number of a day of the week, full or abbreviated.
    weekday: u8 = WEEKDAYS;

    /// Names of letters that are rarely any other word: "bee", "zed", "double u".
    letters,
    /// The letter with this name, in lower case.
    letter: char = LETTERS;

    /// Common words that sound like the name of a letter: "see", "you". They count as letters only during spelling.
    sounds,
    /// The letter that this common word sounds like, in lower case.
    sound: char = SOUNDS;

    /// Spoken signs and their ASCII characters: "dash", "at", "underscore".
    signs,
    /// The ASCII character with this spoken name.
    sign: char = SIGNS;

    /// Words of the language's own telephone alphabets, each for its first letter. [`nato`] has the international
    /// alphabet.
    alphabet,
    /// Whether the word is in one of the language's own telephone alphabets.
    in_alphabet: () = ALPHABET;

    /// Words between a letter and a word that begins with it: "as in", "for".
    likeners,
    /// Whether the word connects a letter and a word that begins with it.
    likener: () = LIKENERS;

    /// Hesitation sounds: "uh", "um".
    fillers,
    /// Whether the word is a hesitation sound.
    filler: () = FILLERS;

    /// Suffixes of written ordinals: "st", "nd".
    ordinal_endings,
    /// Whether the word is the suffix of a written ordinal.
    ordinal_ending: () = ORDINAL_ENDINGS;

    /// Words within numbers that have no value: "and".
    connectives,
    /// Whether the word occurs within numbers and has no value.
    connective: () = AND;
}

/// One-word ordinal numbers and their values; in German those that end with "e".
#[inline]
pub const fn ordinals(language: Language) -> Table<u32> {
    of!(language, ORDINALS)
}

/// The value of a one-word ordinal number.
#[inline]
pub fn ordinal(language: Language, word: &str) -> Option<u32> {
    find(ordinals(language), atoms::without_case(language, Folded::new(word)?.as_bytes()))
}

/// The international radiotelephony alphabet in its usual spellings, each word for its first letter.
pub const fn nato() -> Table<()> {
    alphabet::NATO
}

/// The letter, in lower case, for a word of the international alphabet or of one of the language's own.
pub fn spelling(language: Language, word: &str) -> Option<char> {
    let word = Folded::new(word)?;
    find(alphabet::NATO, word.as_bytes()).or_else(|| find(alphabet(language), word.as_bytes()))?;
    word.as_bytes().first().map(|first| char::from(*first))
}

/// A single spoken digit: "four", "oh", "niner".
pub fn digit(language: Language, word: &str) -> Option<u8> {
    let word = Folded::new(word)?;
    let cardinal = find(cardinals(language), word.as_bytes()).filter(|value| *value < 10);
    cardinal.and_then(|value| u8::try_from(value).ok()).or_else(|| find(spoken_digits(language), word.as_bytes()))
}

/// The names of the months as written within a sentence.
pub const fn month_names(language: Language) -> &'static [&'static str; 12] {
    of!(language, MONTH_NAMES)
}

/// The names of the days of the week as written within a sentence, from Monday.
pub const fn weekday_names(language: Language) -> &'static [&'static str; 7] {
    of!(language, WEEKDAY_NAMES)
}

/// The name of a month, 1 to 12.
pub fn month_name(language: Language, month: u8) -> Option<&'static str> {
    month_names(language).get(usize::from(month).checked_sub(1)?).copied()
}
