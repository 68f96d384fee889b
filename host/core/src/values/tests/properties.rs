//! Over many values: no two share a key, every form of one has the same, and nothing makes a reader fail.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::kind::STANDARD;

/// A generator of numbers that needs no crate: splitmix64.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Pairs of near values: a million in a release build.
const PAIRS: usize = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
/// Values whose forms are compared.
const VALUES: u64 = if cfg!(debug_assertions) { 2_000 } else { 50_000 };

const UNITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const TENS: [&str; 10] = ["", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const TEENS: [&str; 10] =
    ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"];
const FIRST: [&str; 12] =
    ["maria", "john", "elena", "kofi", "wei", "anna", "latoya", "emeka", "samuel", "jose", "niels", "oscar"];
const LAST: [&str; 12] = [
    "gonzalez", "gonzales", "smith", "smyth", "nakamura", "obrien", "thompson", "thomson", "lee", "li", "hansen",
    "hanson",
];
const STREETS: [&str; 8] = ["Oak", "Cedar", "Orchard", "Elm", "Maple", "Lake", "Park", "Main"];
const KINDS: [(&str, &str); 6] =
    [("Lane", "LN"), ("Street", "ST"), ("Avenue", "AVE"), ("Drive", "DR"), ("Court", "CT"), ("Road", "RD")];

fn two(number: u64) -> String {
    match number {
        0..10 => format!("oh {}", UNITS[number as usize]),
        10..20 => TEENS[number as usize - 10].into(),
        _ if number.is_multiple_of(10) => TENS[number as usize / 10].into(),
        _ => format!("{} {}", TENS[number as usize / 10], UNITS[number as usize % 10]),
    }
}

fn digits_said(digits: &str, zero: &str) -> String {
    let said = digits.bytes().map(|byte| if byte == b'0' { zero } else { UNITS[usize::from(byte - b'0')] });
    said.collect::<Vec<_>>().join(" ")
}

fn day(numbers: &mut Numbers) -> (u64, u64, u64) {
    (1925 + numbers.below(100), 1 + numbers.below(12), 1 + numbers.below(28))
}

/// Forms of one value, each with a kind.
fn forms(numbers: &mut Numbers) -> Vec<(&'static str, String)> {
    match numbers.below(6) {
        0 => date_forms(day(numbers)),
        1 => phone_forms(&format!("{}{:02}555{:04}", 2 + numbers.below(8), numbers.below(100), numbers.below(10_000))),
        2 => id_forms(numbers),
        3 => name_forms(FIRST[numbers.below(12) as usize], LAST[numbers.below(12) as usize]),
        4 => mail_forms(FIRST[numbers.below(12) as usize], LAST[numbers.below(12) as usize], numbers.below(100)),
        _ => address_forms(numbers),
    }
}

fn date_forms((year, month, day): (u64, u64, u64)) -> Vec<(&'static str, String)> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let name = MONTHS[month as usize - 1];
    let said_year = match year {
        2000..2010 => format!("two thousand {}", if year == 2000 { "" } else { UNITS[year as usize % 10] }),
        _ => format!("{} {}", two(year / 100), two(year % 100)),
    };
    let said_year = said_year.replace("oh zero", "hundred");
    let short = format!("{month}/{day}/{:02}", year % 100);
    let mut forms = vec![
        ("DOB", format!("{year}-{month:02}-{day:02}")),
        ("DATE", format!("{year}-{month:02}-{day:02}T00:00:00.000+00:00")),
        ("DOB", format!("{month:02}/{day:02}/{year}")),
        ("DOB", format!("{year}{month:02}{day:02}")),
        ("DATE", format!("{day:02}-{}-{year}", &name[..3])),
        ("DOB", format!("{name} {day}, {year}")),
        ("DOB", format!("{month}.{day}.{year}")),
        ("DOB", format!("{} {} {said_year}", name.to_lowercase(), two(day).trim_start_matches("oh "))),
        ("DOB", format!("uh {} the {day}th {year}", name.to_lowercase())),
        ("DATE", digits_said(&format!("{month:02}{day:02}{year}"), "oh")),
        ("OTHER_ID", format!("{year}-{month:02}-{day:02}")),
    ];
    // The year of a birth that has two digits is in the last hundred.
    if year > 1926 && year < 2026 {
        forms.push(("DOB", short));
    }
    forms
}

fn phone_forms(digits: &str) -> Vec<(&'static str, String)> {
    let (area, rest) = digits.split_at(3);
    let (exchange, line) = rest.split_at(3);
    vec![
        ("PHONE", format!("+1{digits}")),
        ("PHONE", format!("({area}) {exchange}-{line}")),
        ("FAX", format!("1-{area}-{exchange}-{line}")),
        ("PHONE", digits_said(digits, "oh")),
        ("PHONE", format!("one {}", digits_said(digits, "zero"))),
        ("PHONE", format!("{} triple five {}", digits_said(area, "oh"), digits_said(line, "oh"))),
        (
            "PHONE",
            format!(
                "{}, uh, {}, and then {}",
                digits_said(area, "oh"),
                digits_said(exchange, "oh"),
                digits_said(line, "oh")
            ),
        ),
        ("ACCOUNT", digits.to_owned()),
    ]
}

fn id_forms(numbers: &mut Numbers) -> Vec<(&'static str, String)> {
    const ALPHABET: [&str; 26] = [
        "alpha", "bravo", "charlie", "delta", "echo", "frank", "george", "hotel", "india", "juliet", "kilo", "larry",
        "mary", "nancy", "oscar", "peter", "queen", "robert", "sam", "tom", "umbrella", "victor", "whiskey", "xray",
        "yellow", "zebra",
    ];
    let count = numbers.below(4);
    // Nobody hears whether an o is a letter or a zero.
    let letters: String =
        (0..count).map(|_| char::from(b"ABCDEFGHIJKLMNPQRSTUVWXYZ"[numbers.below(25) as usize])).collect();
    let digits = format!("{:0width$}", numbers.below(10_u64.pow(7)), width = 7);
    let lower = letters.to_lowercase();
    let low: Vec<String> = lower.chars().map(String::from).collect();
    let word = |letter: u8| ALPHABET[usize::from(letter - b'a')];
    let liken: Vec<String> =
        lower.bytes().map(|letter| format!("{} as in {}", char::from(letter), word(letter))).collect();
    vec![
        ("MRN", format!("{letters}{digits}")),
        ("HEALTH_PLAN", format!("{letters}-{}-{}", &digits[..3], &digits[3..])),
        ("ACCOUNT", format!("{} {digits}", letters.to_lowercase())),
        ("MRN", format!("{} {}", low.join(" "), digits_said(&digits, "zero"))),
        ("MRN", format!("{} {}", low.join(" "), digits_said(&digits, "oh"))),
        ("OTHER_ID", format!("{} {}", liken.join(" "), digits_said(&digits, "oh"))),
    ]
}

fn name_forms(first: &str, last: &str) -> Vec<(&'static str, String)> {
    let spelled = last.chars().map(String::from).collect::<Vec<_>>();
    let title = |word: &str| fold::capitalised(word);
    vec![
        ("NAME", format!("{first} {last}")),
        ("NAME", format!("{}, {}", title(last), title(first))),
        ("NAME", format!("{}^{}", last.to_uppercase(), first.to_uppercase())),
        ("NAME", format!("Dr. {} {}", title(first), title(last))),
        ("NAME", format!("{first} {}", spelled.join(" "))),
        ("NAME", format!("{first} {last}, {}", spelled.join("-").to_uppercase())),
        ("NAME", format!(r#"{{"given":["{}"],"family":"{}"}}"#, title(first), title(last))),
    ]
    .into_iter()
    // Two letters are initials.
    .filter(|(_, form)| last.len() > 2 || !form.contains("l i") && !form.contains("L-I"))
    .collect()
}

fn mail_forms(first: &str, last: &str, number: u64) -> Vec<(&'static str, String)> {
    vec![
        ("EMAIL", format!("{first}.{last}{number:02}@example.com")),
        ("EMAIL", format!("{}.{}{number:02}@EXAMPLE.com", first.to_uppercase(), last.to_uppercase())),
        ("EMAIL", format!("{first} dot {last} {} at example dot com", two(number).replace("oh zero", "zero zero"))),
    ]
}

fn address_forms(numbers: &mut Numbers) -> Vec<(&'static str, String)> {
    let number = 1 + numbers.below(9999);
    let street = STREETS[numbers.below(8) as usize];
    let (long, short) = KINDS[numbers.below(6) as usize];
    let unit = 1 + numbers.below(99);
    vec![
        ("ADDRESS", format!("{number} {} {short} APT {unit}B", street.to_uppercase())),
        ("ADDRESS", format!("{number} {street} {long}, Apartment {unit}B")),
        ("ADDRESS", format!("{number} {street} {}., Apt. {unit}-b", fold::capitalised(short))),
        (
            "ADDRESS",
            format!(
                "{} {} {} apartment {} b",
                digits_said(&number.to_string(), "oh"),
                street.to_lowercase(),
                long.to_lowercase(),
                two(unit).trim_start_matches("oh ")
            ),
        ),
    ]
}

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

/// A value with one thing changed: a digit, a day, two neighbours exchanged, an end cut off.
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

/// The values of one plain form, which is its own canonical text: what two of them have in common is seen without a reader.
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
            // Eleven digits that begin with the country code are the ten behind it.
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
