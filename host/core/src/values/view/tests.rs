use masker_words::Language;

use super::super::{Day, Reading, Value, read};
use super::*;
use crate::kind::Kind;

fn today() -> Day {
    Day::new(2026, 12, 1).expect("a day")
}

fn value(kind: &str, surface: &str) -> Value {
    read(&Kind::new(kind).expect("a kind"), surface, &Reading::new(today()))
}

fn check(kind: &str, surface: &str, expected: &[(&str, &str)]) {
    let value = value(kind, surface);
    let views = View::ALL.into_iter().map(|view| (view.as_str(), value.view(view, today(), Language::English)));
    let printed: Vec<(&str, String)> = views.filter_map(|(view, text)| Some((view, text?))).collect();
    let expected: Vec<(&str, String)> = expected.iter().map(|(view, text)| (*view, (*text).to_owned())).collect();
    assert_eq!(printed, expected, "{kind}: {surface}");
}

#[test]
fn every_kind_has_the_views_that_mean_something_for_it() {
    check(
        "SSN",
        "123-45-6789",
        &[
            ("last4", "6789"),
            ("first3", "123"),
            ("digits", "123456789"),
            ("spoken", "one two three four five six seven eight nine"),
            ("spelled", "1 2 3 4 5 6 7 8 9"),
        ],
    );
    check(
        "PHONE",
        "four one five triple five oh one three four",
        &[
            ("last4", "0134"),
            ("first3", "415"),
            ("area", "415"),
            ("digits", "4155550134"),
            ("spoken", "four one five, five five five, zero one three four"),
            ("spelled", "4 1 5 5 5 5 0 1 3 4"),
        ],
    );
    check(
        "DOB",
        "03/14/1982",
        &[
            ("spoken", "March fourteenth, nineteen eighty two"),
            ("year", "1982"),
            ("month", "March"),
            ("day", "14"),
            ("weekday", "Sunday"),
            ("iso", "1982-03-14"),
            ("age", "44"),
        ],
    );
    check(
        "NAME",
        "GONZALEZ^MARIA",
        &[
            ("spoken", "Maria Gonzalez"),
            ("spelled", "M A R I A, G O N Z A L E Z"),
            ("initials", "M.G."),
            ("given", "MARIA"),
            ("family", "GONZALEZ"),
        ],
    );
    check("NAME", "g o n z a l e z", &[("spoken", "Gonzalez"), ("spelled", "G O N Z A L E Z"), ("initials", "G.")]);
    check(
        "EMAIL",
        "maria.g@example.com",
        &[
            ("spoken", "maria dot g at example dot com"),
            ("spelled", "m a r i a . g @ e x a m p l e . c o m"),
            ("domain", "example.com"),
        ],
    );
    check(
        "ADDRESS",
        "12 Oak Ln Apt 3B, Springfield, IL 62704",
        &[
            ("digits", "62704"),
            ("spoken", "12 Oak Lane Apartment 3B, Springfield, IL, six two seven zero four"),
            ("city", "Springfield"),
            ("state", "IL"),
            ("zip", "62704"),
            ("street", "12 Oak Ln Apt 3B"),
        ],
    );
    check(
        "ZIP",
        "60614-1234",
        &[
            ("last4", "1234"),
            ("first3", "606"),
            ("digits", "606141234"),
            ("spoken", "six zero six one four one two three four"),
            ("spelled", "6 0 6 1 4 1 2 3 4"),
            ("zip", "60614"),
        ],
    );
    check("AGE", "44", &[("digits", "44"), ("spoken", "forty four"), ("age", "44")]);
    check("DOB", "february thirty first", &[]);
}

#[test]
fn views_are_said_in_the_callers_language() {
    let spanish = |surface, view| value("DOB", surface).view(view, today(), Language::Spanish);
    assert_eq!(
        spanish("1982-03-14", View::Spoken).as_deref(),
        Some("catorce de marzo de mil novecientos ochenta y dos")
    );
    assert_eq!(spanish("2001-05-01", View::Spoken).as_deref(), Some("primero de mayo de dos mil uno"));
    assert_eq!(spanish("1982-03-14", View::Weekday).as_deref(), Some("domingo"));
}

#[test]
fn a_part_that_is_said_is_a_view_of_the_whole() {
    let reading = Reading::new(today());
    let view_of = |whole: &Value, kind, said| {
        let said = value(kind, said);
        whole.parts(&reading).into_iter().find(|(part, ..)| *part == said).map(|(_, view, _)| view)
    };
    let ssn = value("SSN", "123-45-4413");
    assert_eq!(view_of(&ssn, "SSN", "4413"), Some(View::Last4));
    assert_eq!(view_of(&ssn, "SSN", "forty four thirteen"), Some(View::Last4));
    assert_eq!(view_of(&ssn, "SSN", "4414"), None);
    assert_eq!(view_of(&ssn, "SSN", "123454413"), None, "the whole is no part of itself");
    assert_eq!(view_of(&value("PHONE", "+14155550134"), "PHONE", "oh one three four"), Some(View::Last4));
    assert_eq!(view_of(&value("DOB", "03/14/1982"), "DOB", "nineteen eighty two"), Some(View::Year));
    assert_eq!(view_of(&value("NAME", "Maria Gonzalez"), "NAME", "gonzález"), Some(View::Family));
    assert_eq!(view_of(&value("ADDRESS", "12 Oak Ln, Springfield, IL 62704"), "ZIP", "62704"), Some(View::Zip));
    assert_eq!(
        view_of(&value("ADDRESS", "12 Oak Ln, Springfield, IL 62704"), "ADDRESS", "twelve oak lane"),
        Some(View::Street)
    );
    assert_eq!(view_of(&value("ZIP", "60614-1234"), "ZIP", "six oh six one four"), Some(View::Zip));
}

#[test]
fn what_a_view_says_is_read_as_the_value_again() {
    for (kind, surface) in [
        ("DOB", "1982-03-14"),
        ("DOB", "2004-02-29"),
        ("DOB", "1900-01-30"),
        ("PHONE", "4155550134"),
        ("MRN", "W227"),
        ("EMAIL", "maria.g_82@example.com"),
        ("NAME", "Maria Gonzalez"),
        ("AGE", "44"),
    ] {
        let value = value(kind, surface);
        let reading = Reading::new(today());
        let kind = Kind::new(kind).expect("a kind");
        for language in [Language::English, Language::Spanish] {
            let said = value.view(View::Spoken, today(), language).expect("a view");
            assert!(read(&kind, &said, &reading) == value, "{kind}: {said}");
        }
    }
}
