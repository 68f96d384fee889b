//! Letters are read as they are said.

use masker_words::Language::{self, English};
use masker_words::{digit, filler, read, say, sound, spelling};

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
