use proptest::prelude::*;

use super::*;
use crate::kind::STANDARD;

fn kind(name: &str) -> Kind {
    Kind::new(name).expect("a kind")
}

fn synthesizer(seed: &str, text: &str) -> Synthesizer {
    Synthesizer::new(&SecretKey::new([7; 32]), seed.as_bytes(), 0.5, &[text])
}

fn made(name: &str, original: &str) -> String {
    synthesizer("seed", original).surrogate(&kind(name), original).expect("a surrogate")
}

#[test]
fn the_form_stays() {
    for (name, original, fits) in [
        (
            "NAME",
            "Ingrid Halvorsen",
            (|text| text.split(' ').count() == 2 && text.split(' ').all(|word| word.starts_with(char::is_uppercase)))
                as fn(&str) -> bool,
        ),
        ("NAME", "Dr. Halvorsen", |text| text.starts_with("Dr. ")),
        ("NAME", "HALVORSEN", |text| text.chars().all(char::is_uppercase)),
        ("NAME", "mary o'brien", |text| text.chars().all(|c| c.is_lowercase() || c == ' ')),
        ("NAME", "J. Halvorsen", |text| text.chars().nth(1) == Some('.') && !text.starts_with('J')),
        ("NAME", "H-A-L-V", |text| text.split('-').all(|letter| letter.len() == 1) && text.contains('-')),
        ("PHONE", "(312) 867-5309", |text| text.contains(") 555-01")),
        ("SSN", "536-22-8726", |text| text.starts_with("666-")),
        ("MRN", "AB-12345", |text| text.len() == 8 && text.chars().nth(2) == Some('-')),
        ("ACCOUNT", "one two three four", |text| text.split(' ').count() == 4),
        ("EMAIL", "ingrid@gmail.com", |text| text.ends_with("@example.com")),
        ("EMAIL", "ingrid at gmail dot com", |text| text.ends_with(" at example dot com")),
        ("URL", "https://lakeside.org/p/7", |text| text.starts_with("https://www.example.com/")),
        ("ADDRESS", "412 Oak Street, Apt 3", |text| text.contains(" Street, Apt ")),
        ("ZIP", "60614", |text| text.len() == 5),
        ("DOB", "03/14/1962", |text| text.len() == 10 && text.matches('/').count() == 2),
        ("DATE", "next Tuesday", |text| text.starts_with("next ")),
        ("DATE", "the day after", |text| !text.contains("day after")),
        ("STAFF_ID", "E-12345", |text| text.len() == 7),
        ("OTHER_ID", "!!!", |text| text.chars().all(char::is_alphabetic)),
    ] {
        let text = made(name, original);
        assert!(fits(&text) && text != original, "{name}: {original} became {text}");
    }
}

#[test]
fn a_value_keeps_its_surrogate_under_one_seed_and_has_another_under_another() {
    for (name, original) in [("NAME", "Ingrid Halvorsen"), ("PHONE", "312-867-5309"), ("DOB", "March 14, 1962")] {
        let with = |seed: &str| synthesizer(seed, "").surrogate(&kind(name), original).expect("a surrogate");
        assert_eq!(with("a"), with("a"));
        let others: HashSet<String> = (0..20).map(|seed| with(&seed.to_string())).collect();
        assert!(others.len() > 10, "{others:?}");
    }
    let other_key = Synthesizer::new(&SecretKey::new([8; 32]), b"seed", 0.5, &[]).surrogate(&kind("MRN"), "12345678");
    assert_ne!(other_key, synthesizer("seed", "").surrogate(&kind("MRN"), "12345678"));
}

#[test]
fn spellings_of_one_value_have_spellings_of_one_surrogate() {
    let mut all = synthesizer("seed", "");
    let mut made = |name: &str, text: &str| all.surrogate(&kind(name), text).expect("a surrogate");
    let (first, second) = (made("PHONE", "(312) 867-5309"), made("PHONE", "312.867.5309"));
    assert_eq!(digits(&first), digits(&second));
    assert!(second.matches('.').count() == 2, "{second}");
    let (whole, part) = (made("NAME", "Ingrid Halvorsen"), made("NAME", "Ms. Halvorsen"));
    assert_eq!(whole.split(' ').next_back(), part.split(' ').next_back());
    assert_eq!(made("NAME", "ingrid"), whole.split(' ').next().expect("a name").to_lowercase());
}

#[test]
fn two_values_never_share_a_surrogate_however_many_there_are() {
    for name in STANDARD {
        let mut all = synthesizer("seed", "");
        let mut seen = HashSet::new();
        for index in 0..150u32 {
            let original = match name {
                "NAME" => format!(
                    "{}{} {}",
                    char::from(b'a' + (index / 26) as u8),
                    char::from(b'a' + (index % 26) as u8),
                    "x".repeat(3)
                ),
                "DATE" | "DOB" => format!("{}/{}/19{}", 1 + index % 12, 1 + index % 28, 10 + index % 90),
                "AGE" => format!("{index}"),
                _ => format!("{}", 10_000 + index),
            };
            let made = all.surrogate(&kind(name), &original).unwrap_or_else(|_| panic!("{name} {original}"));
            assert!(seen.insert(bare(&made)), "{name}: {original} shares {made}");
            assert_ne!(made, original);
        }
    }
}

#[test]
fn a_surrogate_is_nothing_that_was_said() {
    // Every possible choice already occurs in the text.
    let mut said = String::new();
    for _ in 0..10 {
        let mut all = synthesizer("seed", &said);
        let name = all.surrogate(&kind("NAME"), "Ingrid").expect("a surrogate");
        let number = all.surrogate(&kind("MRN"), "12345678").expect("a surrogate");
        assert!(!said.contains(&name) && !said.contains(&number), "{name} {number}: {said}");
        said.push_str(&format!("{name} {number}. "));
    }
}

proptest! {
    #[test]
    fn any_text_has_a_surrogate_and_none_is_the_text(text in "\\PC{1,40}") {
        for name in STANDARD {
            let mut all = synthesizer("seed", &text);
            let made = all.surrogate(&kind(name), &text);
            prop_assert!(made.as_ref().is_ok_and(|made| *made != text), "{}: {:?}", name, made);
        }
    }
}
