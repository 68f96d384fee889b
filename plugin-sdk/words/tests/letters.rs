//! Reading spoken letters.

use masker_words::Language::{self, English, French, German, Italian, Portuguese, Spanish};
use masker_words::{digit, filler, month, read, repeat, say, sound, spelling, weekday};

#[track_caller]
fn letter(language: Language, words: &str, value: char) {
    let read = read::letter(language, words.split(' ')).unwrap_or_else(|| panic!("{words} is a letter"));
    assert_eq!((read.value, read.words), (value, words.split(' ').count()), "{words}");
}

#[test]
fn english_letters() {
    letter(English, "G", 'g');
    letter(English, "bee", 'b');
    letter(English, "double u", 'w');
    letter(English, "zed", 'z');
    letter(English, "bravo", 'b');
    letter(English, "X-ray", 'x');
    letter(English, "b as in bravo", 'b');
    letter(English, "bee for baker", 'b');
    letter(English, "b like boy", 'b');
    let read = read::letter(English, "b as in delta".split(' ')).expect("a letter");
    assert_eq!((read.value, read.words), ('b', 1));
    assert_eq!(read::letter(English, ["see"]), None);
    assert_eq!(sound(English, "see"), Some('c'));
    assert_eq!(spelling(English, "zebra"), Some('z'));
    assert_eq!((digit(English, "O"), digit(English, "niner"), digit(English, "ten")), (Some(0), Some(9), None));
    assert!(filler(English, "Uh").is_some());
    assert_eq!(say::spelled(English, "Gonzalez").to_string(), "g o n z a l e z");
    assert_eq!(say::spelled(English, "Tom_4@x.org").to_string(), "t o m underscore four at x dot o r g");
}

#[test]
fn letters_of_the_other_languages() {
    letter(Spanish, "hache", 'h');
    letter(Spanish, "doble ve", 'w');
    letter(Spanish, "uve doble", 'w');
    letter(Spanish, "i griega", 'y');
    letter(Spanish, "be de burro", 'b');
    letter(Spanish, "b de Barcelona", 'b');
    letter(Spanish, "eñe", 'n');
    letter(French, "i grec", 'y');
    letter(French, "B comme Berthe", 'b');
    letter(German, "B wie Berta", 'b');
    letter(German, "Vau", 'v');
    letter(Portuguese, "erre", 'r');
    letter(Italian, "doppia vu", 'w');
    letter(Italian, "B come Bologna", 'b');
    assert_eq!(say::spelled(Spanish, "ana_2@x.es").to_string(), "a n a guion bajo dos arroba x punto e s");
}

#[test]
fn words_are_looked_up_with_accents_and_stops() {
    assert_eq!((month(Spanish, "Sept."), month(French, "août"), month(German, "März")), (Some(9), Some(8), Some(3)));
    assert_eq!(
        (month(English, "marzo"), weekday(Spanish, "MIÉRCOLES"), weekday(Italian, "lunedì")),
        (None, Some(3), Some(1))
    );
    assert_eq!(
        (repeat(Spanish, "doble"), digit(Portuguese, "meia"), digit(German, "zwo")),
        (Some(2), Some(6), Some(2))
    );
    assert_eq!(read::sign(Spanish, "guion bajo".split(' ')).map(|read| (read.value, read.words)), Some(('_', 2)));
    assert_eq!(read::sign(Spanish, "guión de".split(' ')).map(|read| (read.value, read.words)), Some(('-', 1)));
}
