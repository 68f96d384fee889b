use super::super::{Day, Reading, read};
use super::*;
use crate::kind::Kind;

fn value(kind: &str, surface: &str) -> Value {
    read(&Kind::new(kind).expect("a kind"), surface, &Reading::new(Day::new(2026, 12, 1).expect("a day")))
}

fn check(part: (&str, &str), whole: (&str, &str), expected: Option<Relation>) {
    assert_eq!(relate(&value(part.0, part.1), &value(whole.0, whole.1)), expected, "{part:?} {whole:?}");
}

#[test]
fn parts_of_a_value_are_told() {
    let part = |part| Some(Relation::Part(part));
    check(("SSN", "6789"), ("SSN", "123-45-6789"), part(Part::LAST_FOUR));
    check(("SSN", "sixty seven eighty nine"), ("SSN", "123-45-6789"), part(Part::LAST_FOUR));
    check(("OTHER_ID", "123"), ("SSN", "123-45-6789"), part(Part::FIRST_THREE));
    check(("PHONE", "(828) 555"), ("PHONE", "828-555-0171"), part(Part::First(6)));
    check(("PHONE", "0171"), ("PHONE", "828-555-0171"), part(Part::LAST_FOUR));
    check(("OTHER_ID", "828"), ("PHONE", "828-555-0171"), part(Part::Area));
    check(("PHONE", "828-555-0171"), ("PHONE", "828-555-0171 ext 5"), part(Part::Number));
    check(("DOB", "march fourteenth"), ("DOB", "1982-03-14"), part(Part::MonthAndDay));
    check(("DOB", "march 1982"), ("DOB", "1982-03-14"), part(Part::MonthAndYear));
    check(("DATE", "1982"), ("DOB", "1982-03-14"), part(Part::Year));
    check(("DATE", "1982-03-14"), ("DATE", "1982-03-14T09:30:00Z"), part(Part::WithoutTime));
    check(("NAME", "maria"), ("NAME", "Gonzalez, Maria"), part(Part::Word));
    check(("NAME", "leonard mendoza"), ("NAME", "Leonard K Mendoza"), part(Part::Word));
    check(("ZIP", "60614"), ("ZIP", "60614-1234"), part(Part::Zip));
    check(("ADDRESS", "twelve oak lane"), ("ADDRESS", "12 Oak Ln, Springfield, IL 62704"), part(Part::Street));
    check(
        ("ADDRESS", "12 Oak Ln, Springfield"),
        ("ADDRESS", "12 Oak Ln, Springfield, IL 62704"),
        part(Part::WithoutCity),
    );
    check(("ZIP", "62704"), ("ADDRESS", "12 Oak Ln, Springfield, IL 62704"), part(Part::Zip));
    check(("URL", "example.com"), ("EMAIL", "maria@example.com"), part(Part::Domain));
}

#[test]
fn names_that_sound_alike_are_told() {
    let similar = Some(Relation::Similar);
    check(("NAME", "gonzales"), ("NAME", "Gonzalez"), similar);
    check(("NAME", "rhonda thomson"), ("NAME", "Rhonda Thompson"), similar);
    check(("NAME", "Thompson, Rhonda"), ("NAME", "rhonda thomson"), similar);
    check(("NAME", "rhonda thomson"), ("NAME", "Ronda Thompson"), None);
    check(("NAME", "maria gonzalez"), ("NAME", "gonzalez maria"), None);
    check(("NAME", "marisol calloway"), ("NAME", "helene calloway"), None);
}

#[test]
fn what_is_the_same_or_strange_is_no_part() {
    check(("SSN", "123-45-6789"), ("SSN", "123456789"), None);
    check(("SSN", "6788"), ("SSN", "123-45-6789"), None);
    check(("DOB", "1982-03-14"), ("DOB", "1982-03-15"), None);
    check(("DOB", "march fifteenth"), ("DOB", "1982-03-14"), None);
    check(("PHONE", "4155550134"), ("PHONE", "4155550143"), None);
    check(("NAME", "no name at all 5"), ("NAME", "maria"), None);
}

#[test]
fn many_values_are_related_without_comparing_every_two() {
    let ids: Vec<Value> = (0..10_000).map(|at| value("MRN", &format!("A{:07}", at * 7919 % 10_000_000))).collect();
    let names = ["gonzales", "gonzalez", "maria"].map(|name| value("NAME", name));
    let four = value("SSN", "6789");
    let ssn = value("SSN", "123-45-6789");
    let mut all: Vec<&Value> = names.iter().chain([&four, &ssn]).collect();
    all.extend(&ids);
    let found = relations(&all, 1000);
    assert!(found.contains(&Related { part: 0, relation: Relation::Similar, whole: 1 }));
    assert!(found.contains(&Related { part: 3, relation: Relation::Part(Part::LAST_FOUR), whole: 4 }));
    assert!(!found.iter().any(|related| related.part == 2 || related.whole == 2));
    assert_eq!(relations(&all, 1).len(), 1);
}

#[test]
fn a_fact_has_labels_and_no_text() {
    assert_eq!(
        Relation::Part(Part::LAST_FOUR).fact("[SSN_2]", "[SSN_7]"),
        "[SSN_2] is the last four digits of [SSN_7]."
    );
    assert_eq!(Relation::Similar.fact("[NAME_3]", "[NAME_1]"), "[NAME_3] sounds like [NAME_1].");
    assert_eq!(Relation::Part(Part::Word).fact("[NAME_3]", "[NAME_1]"), "[NAME_3] is a part of the name [NAME_1].");
}
