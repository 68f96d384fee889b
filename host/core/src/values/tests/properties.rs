//! Property tests over many values: no two share a key, all forms of one share it, and parsing never fails.

use std::collections::HashMap;

use proptest::prelude::*;

use super::forms::{FIRST, KINDS, LAST, Numbers, STREETS, day, forms};

use super::*;
use crate::kind::STANDARD;

/// Pairs of similar values: a million in a release build.
const PAIRS: usize = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
/// Number of values whose forms are compared.
const VALUES: u64 = if cfg!(debug_assertions) { 2_000 } else { 50_000 };

#[test]
fn every_form_of_a_value_has_the_same_key() {
    let mut numbers = Numbers(7);
    for _ in 0..VALUES {
        let forms = forms(&mut numbers);
        let first = value(forms[0].0, &forms[0].1);
        assert!(first.is_read(), "{:?}", forms[0]);
        for form in &forms {
            assert!(value(form.0, &form.1) == first, "{form:?} {:?}", forms[0]);
        }
    }
}

/// A value with one change: a digit, a day, two neighbours exchanged, an end cut off.
fn near(numbers: &mut Numbers, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = numbers.below(bytes.len() as u64) as usize;
    match numbers.below(4) {
        0 => {
            bytes[at] = match bytes[at] {
                b'0'..=b'8' | b'A'..=b'Y' | b'a'..=b'y' => bytes[at] + 1,
                b'9' => b'0',
                other => other,
            }
        }
        1 if at > 0 => bytes.swap(at, at - 1),
        2 if bytes.len() > 2 => {
            bytes.pop();
        }
        _ => bytes.push(b'0' + numbers.below(10) as u8),
    }
    String::from_utf8(bytes).expect("ASCII")
}

/// Values in one plain form that is its own canonical text, so they can be compared without parsing.
#[test]
fn near_values_never_share_a_key() {
    let mut numbers = Numbers(11);
    let mut seen: HashMap<Vec<u8>, (bool, String)> = HashMap::new();
    let mut add = |kind: &str, text: &str, canonical: String| {
        let is_date = matches!(kind, "DOB");
        let key = value(kind, text).key().into_exposed();
        let known = seen.entry(key).or_insert_with(|| (is_date, canonical.clone()));
        assert_eq!(*known, (is_date, canonical), "{kind}: {text}");
    };
    for _ in 0..PAIRS / 4 {
        let id: String =
            (0..4 + numbers.below(9)).map(|_| char::from(b"ABCXYZ0123456789"[numbers.below(16) as usize])).collect();
        let other = near(&mut numbers, &id);
        for id in [id, other] {
            add("MRN", &id, id.clone());
        }
        let (year, month, day) = day(&mut numbers);
        for (month, day) in [(month, day), (month % 12 + 1, day), (month, day % 28 + 1), (day.min(12), month)] {
            add("DOB", &format!("{year:04}-{month:02}-{day:02}"), format!("{year:04}-{month:02}-{day:02}"));
        }
        let phone = format!("{}{:09}", 2 + numbers.below(8), numbers.below(1_000_000_000));
        let other = near(&mut numbers, &phone);
        for phone in [phone, other] {
            // Eleven digits that begin with the country code equal the ten after it.
            let number = if phone.len() == 11 { phone.strip_prefix('1').unwrap_or(&phone) } else { &phone };
            add("PHONE", &phone, number.to_owned());
        }
        let (first, last) = (FIRST[numbers.below(12) as usize], LAST[numbers.below(12) as usize]);
        let mut words = [near(&mut numbers, first), last.to_owned()];
        words[0].retain(|c| c.is_ascii_alphabetic());
        let name = words.join(" ");
        words.sort();
        if words[0].len() > 1 && words[1].len() > 1 {
            add("NAME", &name, words.join(" ").to_uppercase());
        }
        let number = 1 + numbers.below(99_999);
        let (long, short) = KINDS[numbers.below(6) as usize];
        let street = STREETS[numbers.below(8) as usize];
        for number in [number, number + 1, number * 10] {
            add("ADDRESS", &format!("{number} {street} {long}"), format!("{number} {street} {short}").to_uppercase());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 128 } else { 20_000 }))]

    #[test]
    fn no_text_makes_a_reader_or_a_printer_fail(text in "\\PC{0,60}|[a-z0-9 ,.'/@:^#+-]{0,60}|((one|oh|two|twenty|fifty|hundred|thousand|and|march|fourth|no|sorry|double|y|de|mil|a|o|as in|dot|at|st|lane|apt|3|82|1982|-|,|/|:|\\^) ?){0,14}") {
        let reading = Reading::new(today());
        let whole = value("SSN", "123-45-6789");
        for kind in STANDARD {
            let value = value(kind, &text);
            let key = value.key();
            prop_assert!(key.expose().len() <= 1 + text.len() * 18 + 64);
            for view in View::ALL {
                for language in [Language::English, Language::Spanish] {
                    value.view(view, today(), language);
                }
            }
            value.parts(&reading);
            relate(&value, &whole);
            relate(&whole, &value);
            print(&value, &text, &Wanted::default(), &reading);
            prop_assert!(super::value(kind, &text) == value);
        }
        let words = name_words(&text, &reading);
        let mut end = 0;
        for word in words {
            prop_assert!(word.range.start >= end && text.get(word.range.clone()).is_some_and(|word| !word.is_empty()));
            end = word.range.end;
        }
    }

    #[test]
    fn what_is_printed_is_the_value_again(seed in any::<u64>()) {
        let reading = Reading::new(today());
        for (kind, form) in forms(&mut Numbers(seed)) {
            let value = value(kind, &form);
            match print(&value, &form, &Wanted::default(), &reading) {
                Printed::Text(text) => prop_assert!(super::value(kind, &text) == value, "{kind}: {form} -> {text}"),
                _ => prop_assert!(false, "{kind}: {form}"),
            }
        }
    }
}
