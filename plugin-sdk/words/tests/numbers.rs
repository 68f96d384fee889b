//! Numbers are read as they are said, and the other way round.

use masker_words::Language::{self, English};
use masker_words::{atoms, read, say};

#[track_caller]
fn number(language: Language, words: &str, value: u64) {
    let read = read::number(language, words.split(' ')).unwrap_or_else(|| panic!("{words} is a number"));
    assert_eq!((read.value, read.words), (value, words.split(' ').count()), "{words}");
}

/// What is read at the beginning, and the number of words.
fn begins(language: Language, words: &str) -> Option<(u64, usize)> {
    read::number(language, words.split(' ')).map(|read| (read.value, read.words))
}

#[track_caller]
fn ordinal(language: Language, words: &str, value: u64) {
    let read = read::ordinal(language, words.split(' ')).unwrap_or_else(|| panic!("{words} is an ordinal"));
    assert_eq!((read.value, read.words), (value, words.split(' ').count()), "{words}");
}

#[track_caller]
fn year(language: Language, words: &str, value: u32) {
    let read = read::year(language, words.split(' ')).unwrap_or_else(|| panic!("{words} is a year"));
    assert_eq!((read.value, read.words), (value, words.split(' ').count()), "{words}");
}

/// Says each number below a million and reads it back, and so each way that `variants` gives of writing it.
fn round_trip(language: Language, variants: &[fn(&str) -> String]) {
    // All of them in a release build; without optimisation those with a new form and then one in a hundred.
    let numbers = (0..=2_200).chain((2_200..=999_999).step_by(if cfg!(debug_assertions) { 97 } else { 1 }));
    for value in numbers.chain([999_999]) {
        let said = say::cardinal(language, value).to_string();
        number(language, &said, value.into());
        for variant in variants {
            number(language, &variant(&said), value.into());
        }
    }
}

#[test]
fn every_english_number_below_a_million_is_read_as_it_is_said() {
    let and = |said: &str| said.replace(" hundred ", " hundred and ").replace("and thousand", "thousand");
    let hyphens = |said: &str| {
        let tens = ["twenty ", "thirty ", "forty ", "fifty ", "sixty ", "seventy ", "eighty ", "ninety "];
        let joined = tens.iter().fold(said.to_owned(), |said, ten| said.replace(ten, &ten.replace(' ', "-")));
        joined.replace("-hundred", " hundred").replace("-thousand", " thousand")
    };
    let capitals = |said: &str| said.to_uppercase();
    round_trip(English, &[and, hyphens, capitals, |said| said.replace(' ', "-"), |said| said.replace(' ', "")]);
}

#[test]
fn english_numbers() {
    number(English, "four hundred fifteen", 415);
    number(English, "four hundred and forty-two", 442);
    number(English, "hundred and two", 102);
    number(English, "nineteen hundred and five", 1_905);
    number(English, "two thousand and four", 2_004);
    number(English, "fortytwo", 42);
    number(English, "two billion three million four thousand and five", 2_003_004_005);
    number(English, "four thousand million", 4_000_000_000);
    assert_eq!(begins(English, "nineteen eighty two"), Some((19, 1)));
    assert_eq!(begins(English, "four five"), Some((4, 1)));
    assert_eq!(begins(English, "two hundred and then"), Some((200, 2)));
    assert_eq!(begins(English, "zero five"), Some((0, 1)));
    assert_eq!(begins(English, "forty-two-five"), None);
    for other in ["oh", "and", "double", "tenor", "someone", "twentieth", "", "-", "two-", "a"] {
        assert_eq!(begins(English, other), None, "{other}");
    }
    assert!(atoms(English, "eighty-twoo").next().is_none());
}

#[test]
fn english_ordinals_and_years() {
    ordinal(English, "first", 1);
    ordinal(English, "twenty-first", 21);
    ordinal(English, "twenty first", 21);
    ordinal(English, "one hundred and third", 103);
    ordinal(English, "two hundredth", 200);
    assert_eq!(read::ordinal(English, "twentieth first".split(' ')).map(|read| read.value), Some(20));
    assert_eq!(read::ordinal(English, ["twenty"]), None);
    for value in (1..=2_100).chain([999_999]) {
        ordinal(English, &say::ordinal(English, value).to_string(), value.into());
    }
    year(English, "nineteen eighty two", 1982);
    year(English, "nineteen eighty-two", 1982);
    year(English, "nineteen hundred", 1900);
    year(English, "twenty oh five", 2005);
    year(English, "twenty zero five", 2005);
    year(English, "two thousand and five", 2005);
    assert_eq!(read::year(English, "twenty five".split(' ')), None);
    assert_eq!(read::year(English, "nineteen four".split(' ')), None);
    for value in 1000..3000 {
        year(English, &say::year(English, value).to_string(), value);
    }
}

#[test]
fn english_dates_and_digits_are_said() {
    assert_eq!(say::date(English, Some(1982), 3, 14).to_string(), "March fourteenth, nineteen eighty two");
    assert_eq!(say::date(English, None, 6, 21).to_string(), "June twenty first");
    assert_eq!(say::date(English, Some(2005), 5, 1).to_string(), "May first, two thousand five");
    assert_eq!(say::digits(English, "(415) 555-0").to_string(), "four one five, five five five, zero");
}
