use serde_json::{Value as Json, json};

use super::super::{Day, Step, read};
use super::*;
use crate::kind::Kind;

fn printed(kind: &str, surface: &str, property: &str, schema: Json) -> String {
    let reading = Reading::new(Day::new(2026, 12, 1).expect("a day"));
    let value = read(&Kind::new(kind).expect("a kind"), surface, &reading);
    let schema = json!({"type": "object", "properties": {property: schema}});
    match print(&value, surface, &Wanted::at(&schema, &[Step::Key(property)]), &reading) {
        Printed::Text(text) => text,
        Printed::Number(number) => format!("number {number}"),
        Printed::AsItStood => "as it stood".into(),
    }
}

const DATE: &str = "march fourteenth nineteen eighty two";
const PHONE: &str = "four one five triple five oh one three four";

fn check(kind: &str, surface: &str, schema: Json, expected: &str) {
    assert_eq!(printed(kind, surface, "value", schema.clone()), expected, "{kind} {surface} {schema}");
}

#[test]
fn type_and_format_come_first() {
    check("DOB", DATE, json!({"type": "string", "format": "date"}), "1982-03-14");
    check("DOB", "03/14/1982", json!({"type": "string", "format": "date", "description": "MM/DD/YYYY"}), "1982-03-14");
    check("DOB", DATE, json!({"format": "date-time"}), "1982-03-14T00:00:00Z");
    check("PHONE", PHONE, json!({"type": "string", "format": "phone"}), "+14155550134");
    check("EMAIL", "maria dot g at example dot com", json!({"format": "email"}), "maria.g@example.com");
    check("ACCOUNT", "seventeen eighteen fifty fifty four ninety one", json!({"type": "integer"}), "number 1718505491");
    check("ACCOUNT", "171850549", json!({"anyOf": [{"type": "integer"}, {"type": "null"}]}), "number 171850549");
    check("ACCOUNT", "0171850549", json!({"type": "integer"}), "as it stood");
    check("PHONE", PHONE, json!({"type": "number"}), "number 4155550134");
    check("MRN", "W227", json!({"type": "integer"}), "as it stood");
    check("DOB", DATE, json!({"type": "boolean"}), "as it stood");
    check("DOB", DATE, json!({"type": "integer", "description": "YYYYMMDD"}), "number 19820314");
    assert_eq!(printed("DOB", DATE, "birth_year", json!({"type": "integer"})), "number 1982");
    assert_eq!(printed("DOB", DATE, "age", json!({"type": "integer"})), "number 44");
}

#[test]
fn then_the_first_form_that_matches_the_pattern() {
    check("PHONE", PHONE, json!({"pattern": r"^\+1\d{10}$"}), "+14155550134");
    check("PHONE", PHONE, json!({"pattern": r"^[0-9]{10}$"}), "4155550134");
    check("PHONE", PHONE, json!({"pattern": r"^\d{3}-\d{3}-\d{4}$"}), "415-555-0134");
    check("PHONE", PHONE, json!({"pattern": r"^\(\d{3}\) \d{3}-\d{4}$"}), "(415) 555-0134");
    check("DOB", DATE, json!({"pattern": r"^\d{2}/\d{2}/\d{4}$"}), "03/14/1982");
    check("DOB", DATE, json!({"pattern": r"^\d{8}$"}), "19820314");
    check(
        "HEALTH_PLAN",
        "k v t two four seven three three oh two",
        json!({"pattern": r"^[A-Z]{3}\d{7}$", "maxLength": 10}),
        "KVT2473302",
    );
    check(
        "HEALTH_PLAN",
        "k v t two four seven three three oh two",
        json!({"pattern": r"^[A-Z]{3}-\d{7}$"}),
        "KVT-2473302",
    );
    check(
        "SSN",
        "one two three four five six seven eight nine",
        json!({"pattern": r"^\d{3}-\d{2}-\d{4}$"}),
        "123-45-6789",
    );
    check("SSN", "123-45-6789", json!({"pattern": r"^\d{4}$"}), "6789");
    check("ZIP", "60614-1234", json!({"pattern": r"^\d{5}$"}), "60614");
    check("ZIP", "60614-1234", json!({"minLength": 5, "maxLength": 5}), "60614");
    check("CREDIT_CARD", "4111 1111 1111 1111", json!({"pattern": r"^\d{16}$"}), "4111111111111111");
    check("PHONE", PHONE, json!({"pattern": r"^\d{3}$"}), "+14155550134");
}

#[test]
fn then_a_member_that_is_the_same_value() {
    check("DATE", "december fifth twenty twenty six", json!({"enum": ["12/04/2026", "12/05/2026"]}), "12/05/2026");
    check("NAME", "dr maria gonzalez", json!({"enum": ["Dr. Gonzalez, Maria", "Dr. Smith"]}), "Dr. Gonzalez, Maria");
    check("PHONE", PHONE, json!({"const": "(415) 555-0134"}), "(415) 555-0134");
    check("ACCOUNT", "one two three four five six", json!({"enum": [123_455, 123_456]}), "number 123456");
}

#[test]
fn then_what_words_and_names_say() {
    let said = |text: &str| json!({"type": "string", "description": text});
    check("DOB", DATE, said("Date of birth, MM/DD/YYYY."), "03/14/1982");
    check("DOB", DATE, said("the date (dd.mm.yyyy)"), "14.03.1982");
    check("DOB", DATE, said("strftime %m-%d-%Y"), "03-14-1982");
    check("DOB", DATE, said("ISO date of birth of the member"), "1982-03-14");
    check("DOB", "03/14/1982", said("The day of the visit in ISO 8601 (YYYY-MM-DD)."), "1982-03-14");
    check("DOB", DATE, json!({"examples": ["01/31/1990"]}), "03/14/1982");
    check("DOB", DATE, json!({"examples": ["31/01/1990"]}), "14/03/1982");
    check("PHONE", PHONE, said("Phone number in E.164 format"), "+14155550134");
    check("PHONE", PHONE, said("10 digits, digits only"), "4155550134");
    check("PHONE", PHONE, said("like 212-555-0100"), "415-555-0134");
    check("PHONE", PHONE, said("(XXX) XXX-XXXX"), "(415) 555-0134");
    check("SSN", "123-45-6789", said("last four of the SSN"), "6789");
    check("SSN", "123-45-6789", said("no dashes"), "123456789");
    check("SSN", "123456789", json!({"examples": ["000-00-0000"]}), "123-45-6789");
    check("NAME", "maria gonzalez", said("Last, First"), "Gonzalez, Maria");
    assert_eq!(printed("SSN", "123-45-6789", "ssn_last4", json!({"type": "string"})), "6789");
    assert_eq!(printed("PHONE", PHONE, "phoneE164", json!({"type": "string"})), "+14155550134");
    assert_eq!(printed("NAME", "Gonzalez, Maria", "first_name", json!({"type": "string"})), "Maria");
    assert_eq!(printed("NAME", "Gonzalez, Maria", "lastName", json!({"type": "string"})), "Gonzalez");
    assert_eq!(
        printed("ADDRESS", "12 Oak Ln, Springfield, IL 62704", "postal_code", json!({"type": "string"})),
        "62704"
    );
}

#[test]
fn then_as_it_stood_or_as_a_program_reads_it() {
    let silent = || json!({"type": "string"});
    for (kind, surface, expected) in [
        ("DOB", DATE, "1982-03-14"),
        ("DOB", "03/14/1982", "03/14/1982"),
        ("DOB", "19820314", "19820314"),
        ("DOB", "Mar 14, 1982", "Mar 14, 1982"),
        ("DOB", "march 14th 1982", "1982-03-14"),
        ("DOB", "3/14/82", "1982-03-14"),
        ("DOB", "3 14 1982", "1982-03-14"),
        ("DOB", "14 de marzo de 1982", "1982-03-14"),
        ("PHONE", PHONE, "+14155550134"),
        ("PHONE", "(415) 555-0134", "(415) 555-0134"),
        ("MRN", "w two two seven", "W227"),
        ("MRN", "w227", "w227"),
        ("MRN", "ZFC 265 1228", "ZFC2651228"),
        ("SSN", "123-45-6789", "123-45-6789"),
        ("SSN", "eight oh one one", "8011"),
        ("EMAIL", "Maria.G@Example.com", "Maria.G@Example.com"),
        ("EMAIL", "maria dot g at example dot com", "maria.g@example.com"),
        ("NAME", "belinda zamora", "belinda zamora"),
        ("NAME", "Gonzalez, Maria", "Gonzalez, Maria"),
        ("NAME", "Andrés Peña", "Andrés Peña"),
        ("NAME", "Dr. Maria Gonzalez", "Dr. Maria Gonzalez"),
        ("NAME", "g o n z a l e z", "Gonzalez"),
        ("NAME", "maria gonzales, no sorry, gonzalez", "Maria Gonzalez"),
        ("ADDRESS", "twelve oak lane apartment three b", "12 Oak Ln Apt 3B"),
        ("ADDRESS", "12 Oak Ln Apt 3B", "12 Oak Ln Apt 3B"),
        ("ADDRESS", "12 Oak Lane, Springfield, IL 62704", "12 Oak Lane, Springfield, IL 62704"),
        ("AGE", "forty four", "44"),
        ("ORGANIZATION", "Acme Health", "Acme Health"),
        ("DOB", "february thirty first", "as it stood"),
        ("DOB", "march fourteenth", "as it stood"),
        ("PHONE", "four apples", "as it stood"),
    ] {
        check(kind, surface, silent(), expected);
        check(kind, surface, json!({}), expected);
    }
}

#[test]
fn no_schema_and_no_value_makes_it_fail() {
    let evil = json!({"type": ["string", 5], "pattern": "^(([a-z])+.)+\\1$", "enum": [null, {}, []], "format": 7, "examples": [1], "minLength": -1});
    check("DOB", DATE, evil, "1982-03-14");
    check("NAME", "B", json!({"pattern": "^(a+)+$", "maxLength": 0}), "B");
    check("DOB", DATE, json!({"description": "YMD ".repeat(100_000)}), "1982-03-14");
}
