//! The meaning of words inside a value: numbers, months, signs, fillers.

use std::collections::HashMap;
use std::sync::LazyLock;

use masker_words::{self as words, Language};

/// The meaning of a word that is part of a number, a date or a spelled address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Word {
    /// One to nine, and "zero".
    Digit(u8),
    /// "oh": zero inside a number.
    Oh,
    /// A number of two digits that is one word: ten to nineteen, in Spanish also twenty-one to twenty-nine.
    Teen(u8),
    /// Twenty to ninety, as their first digit.
    Tens(u8),
    /// "hundred", after a number.
    Hundred,
    /// "quinientos": so many hundreds, in one word.
    Hundreds(u8),
    /// "thousand", after a number.
    Thousand,
    /// "fourteenth".
    Ordinal(u8),
    /// "march", "mar".
    Month(u8),
    /// "sunday".
    Weekday,
    /// "double", "triple": so many of what comes next.
    Repeat(u8),
    /// "and": ignored inside numbers.
    And,
    /// "of": between day and month. In Spanish it determines the order.
    Of,
    /// A sign said as a word: `@`, `.`, `-`, `_`, `/`, `+`, `:`, `#`.
    Sign(char),
    /// "uh", "then": ignored.
    Filler,
    /// Any other word.
    Plain,
}

/// The words of each language.
static WORDS: LazyLock<Vec<(Language, HashMap<&'static str, Word>)>> =
    LazyLock::new(|| Language::ALL.iter().map(|language| (*language, table(*language))).collect());

/// The meaning of a folded word in these languages; the first language that has it wins.
pub(super) fn meaning(word: &str, languages: &[Language]) -> Word {
    let tables = languages.iter().filter_map(|language| WORDS.iter().find(|(own, _)| own == language));
    tables.map(|(_, words)| words).find_map(|words| words.get(word)).copied().unwrap_or(Word::Plain)
}

fn table(language: Language) -> HashMap<&'static str, Word> {
    let mut table = HashMap::new();
    // A single letter is a letter first; the Spanish "y" is nearly always "and".
    let mut add = |word: &'static str, meaning: Option<Word>| {
        if let Some(meaning) = meaning.filter(|_| word.len() > 1 || word == "y") {
            table.entry(word).or_insert(meaning);
        }
    };
    let small = |number: u32| u8::try_from(number).ok();
    words::months(language).iter().for_each(|(word, month)| add(word, Some(Word::Month(*month))));
    words::cardinals(language).iter().for_each(|(word, number)| add(word, cardinal(language, *number)));
    words::ordinals(language).iter().for_each(|(word, number)| add(word, small(*number).map(Word::Ordinal)));
    words::spoken_digits(language)
        .iter()
        .for_each(|(word, digit)| add(word, Some(if *digit == 0 { Word::Oh } else { Word::Digit(*digit) })));
    words::repeats(language).iter().for_each(|(word, times)| add(word, Some(Word::Repeat(*times))));
    words::weekdays(language).iter().for_each(|(word, _)| add(word, Some(Word::Weekday)));
    words::signs(language).iter().for_each(|(word, sign)| add(word, Some(Word::Sign(*sign))));
    words::connectives(language).iter().for_each(|(word, ())| add(word, Some(Word::And)));
    words::fillers(language).iter().for_each(|(word, ())| add(word, Some(Word::Filler)));
    let (of, fillers): (&[&str], &[&str]) = match language {
        Language::English => (&["of"], &["then", "so", "like", "the", "please", "okay"]),
        Language::Spanish => (&["de", "del"], &["este", "pues", "luego", "el", "la"]),
        _ => (&["de", "du", "do", "di"], &[]),
    };
    of.iter().for_each(|word| add(word, Some(Word::Of)));
    fillers.iter().for_each(|word| add(word, Some(Word::Filler)));
    table
}

fn cardinal(language: Language, number: u32) -> Option<Word> {
    let small = u8::try_from(number).unwrap_or(u8::MAX);
    Some(match number {
        0..10 => Word::Digit(small),
        20..100 if number.is_multiple_of(10) => Word::Tens(small / 10),
        10..100 => Word::Teen(small),
        // "ciento" is a hundred by itself; "hundred" multiplies.
        100 if language == Language::Spanish => Word::Hundreds(1),
        100 => Word::Hundred,
        200..1000 => Word::Hundreds(u8::try_from(number / 100).ok()?),
        1000 => Word::Thousand,
        _ => return None,
    })
}
