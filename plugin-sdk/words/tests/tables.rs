//! Invariants of every table.

use masker_words::*;

#[track_caller]
fn check<T: Copy + std::fmt::Debug>(table: Table<T>, language: Language, name: &str) {
    let has_none = ["French digits", "German digits", "Spanish digits", "Italian digits"];
    assert_eq!(table.is_empty(), has_none.contains(&&*format!("{language:?} {name}")), "{language:?} {name}");
    for pair in table.windows(2) {
        assert!(pair[0].0 < pair[1].0, "{language:?} {name}: {:?} before {:?}", pair[0], pair[1]);
    }
    for (word, _) in table {
        let mut parts = word.split(' ');
        let mut folded = Folded::new(parts.next().expect("a word")).expect("Latin letters");
        assert!(parts.all(|part| folded.add_word(part)), "{word}");
        assert_eq!(folded.as_bytes(), word.as_bytes(), "{language:?} {name}: {word} is in its normal form");
        assert!(word.split(' ').all(|part| !part.is_empty()), "{word:?}");
    }
}

#[test]
fn tables_are_sorted_without_repeats_and_in_normal_form() {
    for language in Language::ALL {
        check(cardinals(language), language, "cardinals");
        check(spoken_digits(language), language, "digits");
        check(repeats(language), language, "repeats");
        check(ordinals(language), language, "ordinals");
        check(months(language), language, "months");
        check(weekdays(language), language, "weekdays");
        check(letters(language), language, "letters");
        check(sounds(language), language, "sounds");
        check(signs(language), language, "signs");
        check(alphabet(language), language, "alphabet");
        check(likeners(language), language, "likeners");
        check(fillers(language), language, "fillers");
        check(ordinal_endings(language), language, "ordinal endings");
        check(connectives(language), language, "connectives");
    }
    check(nato(), Language::English, "nato");
}

#[test]
fn months_and_days_are_found_by_their_names() {
    for language in Language::ALL {
        for number in 1..=12 {
            let name = month_name(language, number).expect("a name");
            assert_eq!(month(language, name), Some(number), "{name}");
        }
        assert_eq!((month_name(language, 0), month_name(language, 13)), (None, None));
        for number in 1..=7 {
            let name = weekday_names(language)[usize::from(number) - 1];
            assert_eq!(weekday(language, name), Some(number), "{name}");
        }
    }
}

#[test]
fn the_international_alphabet_has_every_letter() {
    for letter in 'a'..='z' {
        assert!(nato().iter().any(|(word, ())| word.starts_with(letter)), "{letter}");
    }
}

#[test]
fn a_sign_is_read_as_it_is_said() {
    for language in Language::ALL {
        for sign in "-./_+@".chars() {
            let name = say::sign_name(language, sign).unwrap_or_else(|| panic!("{language:?} {sign}"));
            let read = read::sign(language, name.split(' ')).unwrap_or_else(|| panic!("{name}"));
            assert_eq!((read.value, read.words), (sign, name.split(' ').count()), "{name}");
        }
    }
}
