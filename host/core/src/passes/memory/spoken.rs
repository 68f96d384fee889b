//! Finds values in a form other than the original one: written and then said digit by digit, said and then spelled,
//! or grouped differently.
//!
//! A text is normalised so that all of these are equal: letters in lower case, number words as digits, "at" as `@`,
//! separators removed. The letter o and the digit 0 are one character, since "oh" is both. A value matches where its
//! normalised form does, from the beginning of one word to the end of another.

use masker_words::Language::English;
use masker_words::{cardinals, fillers, repeats, signs, spoken_digits};

use super::needles::Needles;
use crate::text::ByteSpan;

/// Minimum length of a normalised form that is searched for anywhere.
const SHORTEST: usize = 5;
/// A shorter form is searched for only where it is spelled, letter by letter.
const SHORTEST_SPELLED: usize = 3;
/// Number of digits that match even next to further digits: a telephone number after its country code.
const LONG_NUMBER: usize = 7;

/// A normalised text.
#[derive(Default)]
pub struct SpokenForm {
    characters: Vec<u8>,
    words: Vec<Word>,
}

/// A word, number or sign of a text.
#[derive(Clone, Copy)]
struct Word {
    /// Index of its first character in the normalised form. It ends where the next word begins.
    first: usize,
    /// Its span in the text.
    span: ByteSpan,
}

impl SpokenForm {
    /// Replaces the content with the normalised form of a text.
    pub fn take(&mut self, text: &str) {
        let form = self;
        form.characters.clear();
        form.words.clear();
        form.characters.reserve(text.len());
        let mut said = Said::default();
        let mut at = 0;
        let bytes = text.as_bytes();
        while let Some(byte) = bytes.get(at) {
            let (class, start) = (class(*byte), at);
            at += 1;
            match class {
                Class::Letter => {
                    at += run_of(&bytes[at..], Class::Letter);
                    form.word(&bytes[start..at], ByteSpan::new(start, at), &mut said);
                }
                Class::Digit => {
                    at += run_of(&bytes[at..], Class::Digit);
                    said = Said::default();
                    form.push(&bytes[start..at], ByteSpan::new(start, at));
                }
                Class::Sign => {
                    said = Said::default();
                    form.push(&bytes[start..at], ByteSpan::new(start, at));
                }
                Class::Between => {}
            }
        }
    }

    /// The search text when this is the form of a value; `None` when it is too short.
    pub fn needle(&self) -> Option<Vec<u8>> {
        (self.characters.len() >= SHORTEST_SPELLED).then(|| self.characters.clone())
    }

    /// Finds values in any form: `accept` receives span and number, the longest that begins with a word first, and
    /// returns whether that settles the word.
    pub fn each(&self, needles: &Needles, mut accept: impl FnMut(ByteSpan, u32) -> bool) {
        for (index, word) in self.words.iter().enumerate() {
            let rest = &self.characters[word.first..];
            let mut beginning = needles.beginning(rest);
            beginning.any(|(length, number)| {
                self.stands(index, word.first + length).is_some_and(|span| accept(span, number))
            });
        }
    }

    /// The span from the beginning of a word to the character `end`, if a value may occur there.
    fn stands(&self, first: usize, end: usize) -> Option<ByteSpan> {
        let (start, last) = (self.words[first].first, self.word_at(end - 1));
        if self.first_after(last) != end {
            return None;
        }
        let digits = self.characters[start..end].iter().all(|c| is_digit(*c));
        let continued = start > 0 && is_digit(self.characters[start - 1])
            || self.characters.get(end).is_some_and(|next| is_digit(*next));
        let fits = match end - start {
            length if digits => length >= LONG_NUMBER || (length >= SHORTEST && !continued),
            length => length >= SHORTEST || self.is_spelled(first, last),
        };
        let span = ByteSpan::new(self.words[first].span.start, self.words[last].span.end);
        fits.then_some(span)
    }

    /// Whether these words are a complete run of single letters, with none directly before or after.
    fn is_spelled(&self, first: usize, last: usize) -> bool {
        let alone = |word: &Word| word.span.end - word.span.start == 1;
        self.words[first..=last].iter().all(alone)
            && !self.words[..first].last().is_some_and(alone)
            && !self.words.get(last + 1).is_some_and(alone)
    }

    /// The word that a character comes from.
    fn word_at(&self, character: usize) -> usize {
        self.words.partition_point(|word| word.first <= character) - 1
    }

    /// End of the characters of a word.
    fn first_after(&self, word: usize) -> usize {
        self.words.get(word + 1).map_or(self.characters.len(), |next| next.first)
    }

    fn push(&mut self, characters: &[u8], span: ByteSpan) {
        let first = self.characters.len();
        self.characters.extend(characters.iter().map(|c| FOLDED[usize::from(*c)]));
        if characters.contains(&b'\'') {
            let mut kept = first;
            for at in first..self.characters.len() {
                if self.characters[at] != b'\'' {
                    self.characters[kept] = self.characters[at];
                    kept += 1;
                }
            }
            self.characters.truncate(kept);
        }
        // A lone apostrophe is not a word.
        if self.characters.len() > first {
            self.words.push(Word { first, span });
        }
    }

    fn word(&mut self, word: &[u8], span: ByteSpan, said: &mut Said) {
        let before = std::mem::take(said);
        match meaning(word) {
            Meaning::Plain => self.push(word, span),
            Meaning::Nothing => {}
            Meaning::At => self.push(b"@", span),
            Meaning::Repeat(times) => *said = Said { repeat: Some((times, span.start)), tens: false },
            Meaning::Digit(digit) => match (before.repeat, before.tens) {
                (Some((times, start)), _) => {
                    self.push(&b"000"[..usize::from(times)], ByteSpan::new(start, span.end));
                    let from = self.characters.len() - usize::from(times);
                    self.characters[from..].fill(digit);
                }
                // "Eighty two": the zero of eighty becomes the two, and both words become one.
                (None, true) if digit != b'0' => {
                    if let (Some(last), Some(own)) = (self.characters.last_mut(), self.words.last_mut()) {
                        *last = digit;
                        own.span.end = span.end;
                    }
                }
                _ => self.push(&[digit], span),
            },
            Meaning::Teen(digits) => self.push(&digits, span),
            Meaning::Tens(digit) => {
                self.push(&[digit, b'0'], span);
                *said = Said { repeat: None, tens: true };
            }
        }
    }
}

/// The effect of a word on the next one.
#[derive(Default)]
struct Said {
    /// "double", "triple", with its span.
    repeat: Option<(u8, usize)>,
    /// "eighty".
    tens: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    Sign,
    Between,
}

/// Byte classes.
const CLASSES: [Class; 256] = {
    let mut classes = [Class::Between; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | 0x80.. | b'\'' => Class::Letter,
            b'0'..=b'9' => Class::Digit,
            b'@' | b'\0' => Class::Sign,
            _ => Class::Between,
        };
        byte += 1;
    }
    classes
};

/// The normalised form of each byte.
const FOLDED: [u8; 256] = {
    let mut folded = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        folded[byte] = match (byte as u8).to_ascii_lowercase() {
            b'o' => b'0',
            other => other,
        };
        byte += 1;
    }
    folded
};

fn class(byte: u8) -> Class {
    CLASSES[usize::from(byte)]
}

/// Number of leading bytes of this class.
fn run_of(bytes: &[u8], class: Class) -> usize {
    bytes.iter().position(|byte| self::class(*byte) != class).unwrap_or(bytes.len())
}

fn is_digit(c: u8) -> bool {
    c.is_ascii_digit()
}

#[derive(Clone, Copy)]
enum Meaning {
    Plain,
    Nothing,
    At,
    Repeat(u8),
    Digit(u8),
    Teen([u8; 2]),
    Tens(u8),
}

/// Words with a special meaning, by hash; collisions go to the next free slot.
static MEANINGS: [(u128, Meaning); SLOTS] = meanings();

/// A power of two; a quarter of the slots are used.
const SLOTS: usize = 256;

/// Words that are not converted: they are names too, or are rarely said within a number or an address.
const PLAIN: [&str; 17] = [
    "ah", "aught", "erm", "fife", "fower", "fourty", "hm", "hmm", "minus", "mm", "naught", "nil", "niner", "period",
    "treble", "uhm", "umm",
];

#[allow(irrefutable_let_patterns, reason = "some of the tables are taken whole")]
const fn meanings() -> [(u128, Meaning); SLOTS] {
    let mut slots = [(0, Meaning::Plain); SLOTS];
    macro_rules! each {
        ($table:expr, $value:pat => $meaning:expr) => {
            let (table, mut at) = ($table, 0);
            while at < table.len() {
                if let (word, $value) = table[at] {
                    put(&mut slots, word.as_bytes(), $meaning);
                }
                at += 1;
            }
        };
    }
    each!(signs(English), '@' => Meaning::At);
    each!(signs(English), '-' | '.' | '_' => Meaning::Nothing);
    each!(fillers(English), () => Meaning::Nothing);
    each!(repeats(English), times @ ..=3 => Meaning::Repeat(times));
    each!(spoken_digits(English), digit => Meaning::Digit(b'0' + digit));
    each!(cardinals(English), number @ 0..10 => Meaning::Digit(b'0' + number as u8));
    each!(cardinals(English), number @ 10..20 => Meaning::Teen([b'1', b'0' + (number % 10) as u8]));
    each!(cardinals(English), number @ 20..100 => Meaning::Tens(b'0' + (number / 10) as u8));
    slots
}

const fn put(slots: &mut [(u128, Meaning); SLOTS], word: &[u8], meaning: Meaning) {
    let mut at = 0;
    while at < PLAIN.len() {
        if packed(PLAIN[at].as_bytes()) == packed(word) {
            return;
        }
        at += 1;
    }
    if word.len() < LONGEST {
        let mut slot = slot(packed(word));
        while slots[slot].0 != 0 {
            slot = (slot + 1) % SLOTS;
        }
        slots[slot] = (packed(word), meaning);
    }
}

/// Maximum length of a word with a special meaning, exclusive, in bytes.
const LONGEST: usize = 16;

/// A word as one integer, ASCII letters in lower case. Integer comparison is cheaper than text comparison, and every
/// word of a call passes through here.
const fn packed(word: &[u8]) -> u128 {
    let mut packed = 0;
    let mut at = 0;
    while at < word.len() && at < LONGEST {
        packed |= (word[at].to_ascii_lowercase() as u128) << (8 * at);
        at += 1;
    }
    packed
}

const fn slot(packed: u128) -> usize {
    let folded = packed as u64 ^ (packed >> 64) as u64;
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize % SLOTS
}

fn meaning(word: &[u8]) -> Meaning {
    // A single letter is not converted.
    if !(2..LONGEST).contains(&word.len()) {
        return Meaning::Plain;
    }
    let packed = packed(word);
    let mut at = slot(packed);
    while MEANINGS[at].0 != 0 {
        if MEANINGS[at].0 == packed {
            return MEANINGS[at].1;
        }
        at = (at + 1) % SLOTS;
    }
    Meaning::Plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form_of(text: &str) -> SpokenForm {
        let mut form = SpokenForm::default();
        form.take(text);
        form
    }

    fn spans(text: &str, value: &str) -> Vec<ByteSpan> {
        let needles = form_of(value).needle().into_iter().map(|needle| (needle, 0));
        let (needles, mut found) = (Needles::new(needles.collect()), Vec::new());
        form_of(text).each(&needles, |span, _| {
            found.push(span);
            true
        });
        found
    }

    fn found<'t>(text: &'t str, value: &str) -> Vec<&'t str> {
        spans(text, value).into_iter().map(|span| &text[span.range()]).collect()
    }

    #[test]
    fn a_number_is_found_however_it_is_said_or_grouped() {
        for text in [
            "415-555-0134",
            "4155550134",
            "(415) 555 0134",
            "four one five five five five oh one three four",
            "four fifteen triple five oh one thirty four",
            "four one five uh double five five, zero one, three four",
        ] {
            for value in ["415.555.0134", "four one five five five five zero one three four"] {
                assert_eq!(found(&format!("it is {text} ok"), value), [text.trim_start_matches('(')], "{value}");
            }
        }
        assert_eq!(found("+1 415 555 0134", "4155550134"), ["415 555 0134"]);
        assert!(found("24155550134", "4155550134").is_empty(), "part of a longer group");
        assert_eq!(found("zip nine four one one oh", "94110"), ["nine four one one oh"]);
        assert!(found("the account is nine four one one oh seven", "94110").is_empty(), "a short one in a longer one");
        assert!(found("room 9411", "9411").is_empty(), "too short");
    }

    #[test]
    fn a_word_is_found_spelled_and_a_spelled_one_as_a_word() {
        assert_eq!(found("that is g o n z a l e z", "gonzalez"), ["g o n z a l e z"]);
        assert_eq!(found("that is g-o-n-z-a-l-e-z.", "gonzalez"), ["g-o-n-z-a-l-e-z"]);
        assert_eq!(found("mrs gonzalez", "g o n z a l e z"), ["gonzalez"]);
        assert_eq!(found("l e e", "lee"), ["l e e"]);
        assert!(found("b l e e k", "lee").is_empty(), "within another word");
        assert!(found("the sleet and lee way", "lee").is_empty(), "short words are found by their own spelling");
    }

    #[test]
    fn an_address_is_found_said_and_written() {
        for text in
            ["john.smith82@mail.com", "john dot smith eighty two at mail dot com", "j o h n smith 82 at mail com"]
        {
            for value in ["john.smith82@mail.com", "john dot smith eighty two at mail dot com"] {
                assert_eq!(found(&format!("write to {text}"), value), [text], "{value}");
            }
        }
    }

    #[test]
    fn nothing_is_found_over_the_end_of_a_text() {
        assert!(found("415 555\0 0134", "4155550134").is_empty());
        assert_eq!(found("it was eighty\0two oh three four five", "20345"), ["two oh three four five"]);
        assert_eq!(found("a double\0five two three four six", "52346"), ["five two three four six"]);
        assert!(found("", "4155550134").is_empty());
        assert!(found("4155550134", "").is_empty());
        assert!(found("double", "double").is_empty());
    }

    proptest! {
        #[test]
        fn what_is_found_lies_within_the_text(text in "[a-z0-9 é@\\-\0]{0,60}", value in "[a-z0-9 é@]{0,20}") {
            for span in spans(&text, &value) {
                prop_assert!(text.get(span.range()).is_some_and(|found| !found.is_empty()));
            }
        }

        #[test]
        fn said_digits_are_the_written_ones(digits in proptest::collection::vec(0_usize..10, 5..12)) {
            const NAMES: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
            let said = digits.iter().map(|digit| NAMES[*digit]).collect::<Vec<_>>().join(" ");
            let written: String = digits.iter().map(usize::to_string).collect();
            prop_assert_eq!(found(&said, &written), [said.as_str()]);
            prop_assert_eq!(found(&written, &said), [written.as_str()]);
        }
    }
}
