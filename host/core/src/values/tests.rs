mod forms;
mod properties;

use super::*;

fn today() -> Day {
    Day::new(2026, 12, 1).expect("a day")
}

fn value(kind: &str, surface: &str) -> Value {
    read(&Kind::new(kind).expect("a kind"), surface, &Reading::new(today()))
}

fn same(forms: &[(&str, &str)]) {
    let (kind, surface) = forms[0];
    let first = value(kind, surface);
    for (kind, surface) in forms {
        assert!(value(kind, surface) == first, "{kind}: {surface}");
    }
}

fn different(a: (&str, &str), b: (&str, &str)) {
    assert!(value(a.0, a.1) != value(b.0, b.1), "{a:?} {b:?}");
}

#[test]
fn a_kind_is_no_part_of_a_value() {
    same(&[
        ("DOB", "march fourteenth nineteen eighty two"),
        ("DATE", "1982-03-14"),
        ("OTHER_ID", "1982-03-14T00:00:00Z"),
        ("OTHER_ID", "march fourteenth nineteen eighty two"),
        ("PHONE", "14-Mar-1982"),
        ("MRN", "03/14/1982"),
    ]);
    same(&[
        ("PHONE", "+14155550134"),
        ("FAX", "(415) 555-0134"),
        ("ACCOUNT", "4155550134"),
        ("OTHER_ID", "four one five triple five oh one three four"),
        ("ACCOUNT", "+1 415 555 0134"),
    ]);
    same(&[
        ("SSN", "6789"),
        ("ACCOUNT", "six seven eight nine"),
        ("PHONE", "6789"),
        ("DATE", "sixty seven eighty nine"),
        ("ADDRESS", "6789"),
        ("OTHER_ID", "xxx-xx-6789"),
    ]);
    same(&[
        ("NAME", "González"),
        ("USERNAME", "gonzalez"),
        ("OTHER_ID", "GONZALEZ"),
        ("NAME", "González's"),
        ("NAME", "g o n z a l e z"),
    ]);
    same(&[("ZIP", "60614"), ("ADDRESS", "60614")]);
    same(&[("AGE", "44 years old"), ("OTHER_ID", "44")]);
}

#[test]
fn different_values_stay_different() {
    different(("DOB", "1982-03-14"), ("DOB", "1982-03-15"));
    different(("DOB", "1982-03-14"), ("DOB", "march fourteenth"));
    different(("DOB", "1982-03-14"), ("DOB", "1982-03-14T09:30:00Z"));
    different(("DOB", "19820314"), ("ACCOUNT", "19820314"));
    different(("PHONE", "+49 30 123456 7"), ("PHONE", "493 012 3456 7"));
    different(("PHONE", "555-123-4567 ext 8"), ("PHONE", "555-123-45678"));
    different(("ACCOUNT", "1.5"), ("ACCOUNT", "15"));
    different(("ACCOUNT", "12/3"), ("ACCOUNT", "123"));
    different(("AGE", "1.5"), ("AGE", "15"));
    different(("AGE", "18 months"), ("AGE", "18"));
    different(("NAME", "Anna Maria"), ("NAME", "Annamaria"));
    different(("NAME", "John Smith Jr"), ("NAME", "John Smith"));
    different(("SSN", "12345678é"), ("SSN", "12345678"));
    different(("ZIP", "60614"), ("ZIP", "60614-1234"));
    different(("ADDRESS", "12 Oak Ln"), ("ADDRESS", "12 Oak Ln, Springfield, IL"));
    different(("ADDRESS", "12 East St"), ("ADDRESS", "12 E St"));
    different(("EMAIL", "maria.g@example.com"), ("EMAIL", "mariag@example.com"));
    different(("OTHER_ID", "5"), ("OTHER_ID", "*5"));
}

#[test]
fn what_cannot_be_read_stays_itself() {
    same(&[("DOB", "31 February 1982"), ("DOB", " 31  february 1982. ")]);
    different(("DOB", "31 February 1982"), ("DOB", "30 February 1982"));
    same(&[("ORGANIZATION", "Acme Health"), ("ORGANIZATION", "ACME  health")]);
    assert!(!value("DOB", "31 February 1982").is_read() && value("DOB", "28 February 1982").is_read());
    let long = "four ".repeat(1000);
    assert!(!value("ACCOUNT", &long).is_read());
    different(("ACCOUNT", &long), ("ACCOUNT", &"four ".repeat(1001)));
    different(("NAME", "Ольга"), ("NAME", "Olga"));
}

#[test]
fn a_value_shows_nothing_of_itself() {
    assert_eq!(format!("{:?}", value("NAME", "maria gonzalez")), "Value(..)");
}

#[test]
fn a_name_is_cut_into_words_that_are_values() {
    let reading = Reading::new(today());
    let words = |surface: &str| {
        let words = name_words(surface, &reading);
        words.iter().map(|word| (surface[word.range.clone()].to_owned(), word.value.clone())).collect::<Vec<_>>()
    };
    let (said, record) = (words("maria gonzalez"), words("GONZALEZ^MARIA^^^MRS"));
    assert!(said[0].1 == record[1].1 && said[1].1 == record[0].1 && said[0].1 != said[1].1);
    assert_eq!(record[0].0, "GONZALEZ");
    assert!(words("{\"family\":\"Gonzalez\"}").is_empty() && words("4155550134").is_empty() && words("").is_empty());
}

#[test]
fn only_signs_and_words_of_a_correction_may_stay_between_values() {
    for (text, may_stay) in [
        (", ", true),
        (" no, I'm sorry, it's ", true),
        (" y ", true),
        (" 12 ", false),
        (" Halvorsen ", false),
        (" two ", false),
        (" No Sorry Halvorsen ", false),
    ] {
        assert_eq!(is_said_between(text), may_stay, "{text}");
    }
}
