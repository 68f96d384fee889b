//! Reading and writing spoken numbers.

use masker_words::Language::{self, English, French, German, Italian, Portuguese, Spanish};
use masker_words::{atoms, read, say};

#[track_caller]
fn number(language: Language, words: &str, value: u64) {
    let read = read::number(language, words.split(' ')).unwrap_or_else(|| panic!("{words} is a number"));
    assert_eq!((read.value, read.words), (value, words.split(' ').count()), "{words}");
}

/// The value read at the beginning, and the number of words.
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

/// Says each number below a million and reads it back, as well as each spelling that `variants` produces.
fn round_trip(language: Language, variants: &[fn(&str) -> String]) {
    // All of them in a release build; without optimisation those with a new pattern and then one in a thousand.
    let numbers = (0..=1_200).chain((1_200..=999_999).step_by(if cfg!(debug_assertions) { 997 } else { 1 }));
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

#[test]
fn every_spanish_number_below_a_million_is_read_as_it_is_said() {
    let feminine = |said: &str| said.replace("cientos", "cientas").replace("quinientos", "quinientas");
    let plain = |said: &str| said.replace(" y ", " ");
    let joined = |said: &str| said.replace(" y ", "i");
    let old = |said: &str| said.replace("veinti", "veinte y ").replace("dieci", "diez y ");
    round_trip(Spanish, &[feminine, plain, joined, old, |said| said.replace(' ', "-"), |said| without_accents(said)]);
}

fn without_accents(said: &str) -> String {
    said.replace('é', "e").replace('ó', "o").replace('ú', "u").to_uppercase()
}

#[test]
fn every_number_below_a_million_is_read_as_it_is_said_in_the_other_languages() {
    round_trip(French, &[|said| said.replace('-', " "), |said| said.replace(' ', "-")]);
    round_trip(German, &[|said| said.replace('ü', "ue").replace('ö', "oe").replace('ß', "ss")]);
    round_trip(Portuguese, &[|said| said.replace(" e ", " "), |said| said.replace("uzentos", "uzentas")]);
    round_trip(Italian, &[|said| said.replace('é', "e"), |said| said.replace("centott", "centoott")]);
}

#[test]
fn millions_are_read_as_they_are_said() {
    for language in Language::ALL {
        for value in [1_000_000, 1_000_001, 2_021_031, 21_000_000, 300_400_500, 999_999_999] {
            number(language, &say::cardinal(language, value).to_string(), value.into());
        }
    }
    number(Spanish, "dos mil trescientos millones cuatro", 2_300_000_004);
    number(Spanish, &say::cardinal(Spanish, u32::MAX).to_string(), u32::MAX.into());
}

#[test]
fn numbers_are_said_as_the_grammars_say() {
    #[track_caller]
    fn check(language: Language, value: u32, said: &str) {
        assert_eq!(say::cardinal(language, value).to_string(), said);
    }
    check(English, 12_342, "twelve thousand three hundred forty two");
    check(Spanish, 21_031, "veintiún mil treinta y uno");
    check(Spanish, 100_116, "cien mil ciento dieciséis");
    check(Spanish, 1_500, "mil quinientos");
    check(French, 71, "soixante et onze");
    check(French, 80, "quatre-vingts");
    check(French, 92, "quatre-vingt-douze");
    check(French, 200, "deux cents");
    check(French, 280_201, "deux cent quatre-vingt mille deux cent un");
    check(German, 21, "einundzwanzig");
    check(German, 101_001, "einhunderteintausendeins");
    check(German, 1_000_035, "eine Million fünfunddreißig");
    check(Portuguese, 21, "vinte e um");
    check(Portuguese, 1_100, "mil e cem");
    check(Portuguese, 2_345, "dois mil trezentos e quarenta e cinco");
    check(Italian, 21, "ventuno");
    check(Italian, 88, "ottantotto");
    check(Italian, 123, "centoventitré");
    check(Italian, 183_008, "centottantatremilaotto");
    check(Italian, 3, "tre");
}

#[test]
fn numbers_of_other_places_are_read() {
    number(Spanish, "treintaicuatro", 34);
    number(Spanish, "diez y seis", 16);
    number(Spanish, "setecientas una", 701);
    number(Spanish, "nueve cientos", 900);
    number(French, "septante-deux", 72);
    number(French, "nonante et un", 91);
    number(French, "dix-neuf cent quatre-vingt-deux", 1_982);
    number(German, "zwei und zwanzig", 22);
    number(German, "zwoundzwanzig", 22);
    number(German, "hundertundeins", 101);
    number(German, "neunzehnhundertzweiundachtzig", 1_982);
    number(Portuguese, "cento e dezasseis", 116);
    number(Portuguese, "mil e um", 1_001);
    number(Italian, "cento e uno", 101);
    number(Italian, "centuno", 101);
    number(Italian, "ventun mila", 21_000);
    assert_eq!(begins(Spanish, "treinta y siempre"), Some((30, 1)));
    assert_eq!(begins(Spanish, "treinta y cien"), Some((30, 1)));
    assert_eq!(begins(French, "vingt et dix"), Some((20, 1)));
    assert_eq!(begins(German, "zwei und drei"), Some((2, 1)));
    assert_eq!(begins(Italian, "cent"), None);
}

#[test]
fn days_are_read_as_they_are_said() {
    for language in Language::ALL {
        for day in 1..=31 {
            ordinal(language, &say::ordinal(language, day).to_string(), day.into());
        }
    }
    ordinal(Spanish, "primer", 1);
    ordinal(Spanish, "décimo cuarto", 14);
    ordinal(Spanish, "vigésima primera", 21);
    ordinal(Spanish, "decimoctava", 18);
    ordinal(French, "vingt-et-unième", 21);
    ordinal(French, "dix-septième", 17);
    ordinal(German, "einundzwanzigsten", 21);
    ordinal(German, "ersten", 1);
    ordinal(Portuguese, "décimo primeiro", 11);
    ordinal(Italian, "ventottesimo", 28);
    ordinal(Italian, "sessantatreesimo", 63);
    assert_eq!(masker_words::ordinal(German, "Dritter"), Some(3));
}

#[test]
fn years_and_dates_are_said() {
    for language in Language::ALL {
        for value in 1_000..3_000 {
            year(language, &say::year(language, value).to_string(), value);
        }
    }
    year(Spanish, "veinte veinticuatro", 2024);
    let date = |language| say::date(language, Some(1982), 3, 14).to_string();
    assert_eq!(date(Spanish), "catorce de marzo de mil novecientos ochenta y dos");
    assert_eq!(date(French), "quatorze mars mille neuf cent quatre-vingt-deux");
    assert_eq!(date(German), "vierzehnter März neunzehnhundertzweiundachtzig");
    assert_eq!(date(Portuguese), "catorze de março de mil novecentos e oitenta e dois");
    assert_eq!(date(Italian), "quattordici marzo millenovecentottantadue");
    assert_eq!(say::digits(Spanish, "91-08").to_string(), "nueve uno, cero ocho");
}

#[test]
fn no_order_of_words_overflows_or_panics() {
    let mut state = 1_u64;
    let mut below = |end: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % end
    };
    for language in Language::ALL {
        let numbers: Vec<&str> = masker_words::cardinals(language).iter().map(|(word, _)| *word).collect();
        let is_scale = |word: &&str| atoms(language, word).any(|atom| atom.class == masker_words::Class::Scale);
        let scales: Vec<&str> = numbers.iter().copied().filter(is_scale).collect();
        let joints: Vec<&str> = masker_words::connectives(language).iter().map(|(word, ())| *word).collect();
        for _ in 0..2_000 {
            let words: Vec<&str> = (0..12)
                .map(|_| match below(4) {
                    0 => joints[below(joints.len())],
                    1 => scales[below(scales.len())],
                    _ => numbers[below(numbers.len())],
                })
                .collect();
            for joint in [" ", "-", ""] {
                let said = words.join(joint);
                let read = read::number(language, said.split(' '));
                assert!(read.is_none_or(|read| (1..=12).contains(&read.words)), "{said}");
                let _ = (read::ordinal(language, said.split(' ')), read::year(language, said.split(' ')));
            }
        }
    }
}
