//! Surrogates for numbers: the digits change, separators are kept. Spoken digits stay spoken.

use super::dice::Dice;

/// Digits as words.
const WORDS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/// Area codes in use, so that the number looks real; 555-0100 to 555-0199 is unassigned in all of them.
const AREAS: [&str; 24] = [
    "202", "206", "212", "213", "215", "303", "305", "312", "314", "317", "404", "410", "412", "415", "502", "503",
    "504", "512", "602", "612", "614", "617", "702", "713",
];

/// Prefixes of the test numbers that payment processors publish: first digit, length, prefix.
const TEST_CARDS: [(u8, usize, &str); 8] = [
    (4, 16, "411111"),
    (4, 16, "424242"),
    (5, 16, "555555"),
    (5, 16, "510510"),
    (3, 15, "378282"),
    (3, 15, "371449"),
    (6, 16, "601111"),
    (6, 16, "601100"),
];

/// The digit for a word.
fn spoken(word: &str) -> Option<u8> {
    let lower = word.to_ascii_lowercase();
    let at = WORDS.iter().position(|known| *known == lower);
    at.map(|digit| digit as u8).or((lower == "oh").then_some(0))
}

/// The words and the other characters of a text, in order.
pub fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = if first.is_alphabetic() {
            rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (part, after) = rest.split_at(end);
        rest = after;
        Some(part)
    })
}

/// The digits of a text, written and spoken.
pub fn digits(text: &str) -> Vec<u8> {
    let digit = |part: &str| match part.as_bytes() {
        [digit @ b'0'..=b'9'] => Some(digit - b'0'),
        _ => spoken(part),
    };
    parts(text).filter_map(digit).collect()
}

/// The text with its digits replaced by these, and its other words replaced by `word`.
pub fn with_digits(text: &str, digits: &[u8], mut word: impl FnMut(&str) -> String) -> String {
    let mut digits = digits.iter();
    let mut out = String::with_capacity(text.len());
    for part in parts(text) {
        let is_letter = part.starts_with(char::is_alphabetic);
        match (spoken(part), part.as_bytes()) {
            (_, [b'0'..=b'9']) => out.extend(digits.next().map(|digit| char::from(b'0' + digit))),
            (Some(_), _) => out.push_str(&like(part, digits.next().map_or("zero", |digit| WORDS[usize::from(*digit)]))),
            (None, _) if is_letter => out.push_str(&word(part)),
            _ => out.push_str(part),
        }
    }
    out
}

/// A word in the case of another word.
pub fn like(original: &str, word: &str) -> String {
    let mut letters = original.chars().filter(|c| c.is_alphabetic());
    let first_is_capital = letters.next().is_some_and(char::is_uppercase);
    let rest_is_capital = letters.next().is_some_and(char::is_uppercase);
    match (first_is_capital, rest_is_capital) {
        (true, true) => word.to_uppercase(),
        (true, false) => {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
        (false, _) => word.to_lowercase(),
    }
}

/// The same number of arbitrary digits; a non-zero first digit stays non-zero.
pub fn any(dice: &mut Dice, original: &[u8]) -> Vec<u8> {
    let mut digits: Vec<u8> = original.iter().map(|_| dice.digit()).collect();
    if let (Some(first), Some(1..)) = (digits.first_mut(), original.first()) {
        *first = 1 + dice.below(9) as u8;
    }
    digits
}

/// A telephone number of the range that is reserved for fiction. A foreign number keeps the beginning of its country
/// code.
pub fn phone(dice: &mut Dice, original: &[u8], is_foreign: bool) -> Vec<u8> {
    let mut digits = any(dice, original);
    let start = usize::from(digits.len() > 10 && original.first() == Some(&1));
    if is_foreign {
        digits.iter_mut().zip(original).take(2).for_each(|(digit, own)| *digit = *own);
    } else if digits.len() >= start + 10 {
        digits[..start].fill(1);
        put(&mut digits[start..], dice.pick(&AREAS));
        put(&mut digits[start + 3..], "55501");
    } else if digits.len() == 7 {
        put(&mut digits, "55501");
    }
    digits
}

/// An SSN with area 666, which is never assigned.
pub fn ssn(dice: &mut Dice, original: &[u8]) -> Vec<u8> {
    let mut digits = any(dice, original);
    if digits.len() == 9 {
        put(&mut digits, "666");
        let group = format!("{:02}{:04}", 1 + dice.below(99), 1 + dice.below(9999));
        put(&mut digits[3..], &group);
    }
    digits
}

/// A card number with the prefix of its brand's published test numbers and a valid check digit.
pub fn card(dice: &mut Dice, original: &[u8]) -> Vec<u8> {
    let mut digits = any(dice, original);
    if digits.len() < 12 {
        return digits;
    }
    let of_brand: Vec<&str> =
        TEST_CARDS.iter().filter(|(first, ..)| Some(first) == original.first()).map(|(.., start)| *start).collect();
    put(&mut digits, dice.pick(if of_brand.is_empty() { &["411111"] } else { &of_brand }));
    let last = digits.len() - 1;
    digits[last] = 0;
    digits[last] = (10 - luhn(&digits)) % 10;
    digits
}

/// The Luhn sum, modulo 10.
fn luhn(digits: &[u8]) -> u8 {
    let value = |(at, digit): (usize, &u8)| match at % 2 {
        1 if *digit > 4 => 2 * digit - 9,
        1 => 2 * digit,
        _ => *digit,
    };
    (digits.iter().rev().enumerate().map(value).map(u32::from).sum::<u32>() % 10) as u8
}

/// An IBAN of the same country with a non-existent bank and valid check digits; `None` if the text is not an IBAN.
pub fn iban(dice: &mut Dice, original: &str) -> Option<String> {
    let bare: Vec<u8> = original.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_uppercase()).collect();
    let is_iban =
        bare.len() >= 15 && bare[..2].iter().all(u8::is_ascii_uppercase) && bare[2..4].iter().all(u8::is_ascii_digit);
    if !is_iban || !original.is_ascii() {
        return None;
    }
    let mut new = bare.clone();
    for (at, byte) in new.iter_mut().enumerate().skip(4) {
        *byte = match *byte {
            b'0'..=b'9' if at < 8 => b'0',
            b'0'..=b'9' => b'0' + dice.digit(),
            _ => b'A' + dice.below(26) as u8,
        };
    }
    new[2..4].copy_from_slice(b"00");
    let check = 98
        - new[4..].iter().chain(&new[..4]).fold(0u32, |rest, byte| match byte {
            b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
            _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
        });
    new[2..4].copy_from_slice(format!("{check:02}").as_bytes());
    let mut new = new.into_iter().map(char::from);
    Some(original.chars().map(|c| if c.is_ascii_alphanumeric() { new.next().unwrap_or(c) } else { c }).collect())
}

/// An address of the documentation ranges (RFC 5737, RFC 3849).
pub fn ip(dice: &mut Dice, original: &str) -> Option<String> {
    if original.contains(':') {
        return Some(format!("2001:db8::{:x}:{:x}", 1 + dice.below(0xfffe), 1 + dice.below(0xfffe)));
    }
    let is_written = original.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    is_written.then(|| format!("{}.{}", dice.pick(&["192.0.2", "198.51.100", "203.0.113"]), 1 + dice.below(254)))
}

fn put(digits: &mut [u8], text: &str) {
    digits.iter_mut().zip(text.bytes()).for_each(|(digit, byte)| *digit = byte - b'0');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(original: &str, make: fn(&mut Dice, &[u8]) -> Vec<u8>) -> Vec<String> {
        let one = |at: u8| {
            let new = make(&mut Dice::new(&[at; 32], &[]), &digits(original));
            with_digits(original, &new, str::to_owned)
        };
        (0..50).map(one).collect()
    }

    #[test]
    fn telephone_numbers_are_nobodys() {
        for number in made("(312) 555-9876", |dice, own| phone(dice, own, false)) {
            assert!(number.starts_with('(') && number[5..].starts_with(" 555-01"), "{number}");
        }
        for number in made("+1 312 867 5309", |dice, own| phone(dice, own, false)) {
            assert!(number.starts_with("+1 ") && number.contains(" 555 01"), "{number}");
        }
        for number in made("eight six seven five three oh nine", |dice, own| phone(dice, own, false)) {
            assert!(number.starts_with("five five five zero one "), "{number}");
        }
        for number in made("+49 30 901820", |dice, own| phone(dice, own, true)) {
            assert!(number.starts_with("+49 ") && number.len() == 13, "{number}");
        }
    }

    #[test]
    fn cards_pass_the_check_and_are_of_a_test_range() {
        for (original, starts) in
            [("4539 1488 0343 6467", ["4111 11", "4242 42"]), ("3782-822463-10005", ["3782-82", "3714-49"])]
        {
            for number in made(original, card) {
                assert_eq!(luhn(&digits(&number)), 0, "{number}");
                assert!(starts.iter().any(|start| number.starts_with(start)), "{number}");
            }
        }
        assert_eq!(luhn(&digits("4111111111111111")), 0);
        assert_ne!(luhn(&digits("4111111111111112")), 0);
    }

    #[test]
    fn ssns_are_of_an_area_that_is_never_issued() {
        for number in made("536-22-8726", ssn) {
            let parts: Vec<&str> = number.split('-').collect();
            assert_eq!((parts[0], parts.len()), ("666", 3), "{number}");
            assert!(parts[1] != "00" && parts[2] != "0000", "{number}");
        }
        assert!(made("8726", ssn).iter().all(|number| number.len() == 4));
    }

    #[test]
    fn ibans_pass_the_check() {
        let number = iban(&mut Dice::new(&[1; 32], &[]), "DE89 3704 0044 0532 0130 00").expect("an IBAN");
        let bare: String = number.split(' ').collect();
        let moved = format!("{}{}", &bare[4..], &bare[..4]);
        let rest = moved.bytes().fold(0u32, |rest, byte| match byte {
            b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
            _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
        });
        assert_eq!((rest, &number[..2], number.len()), (1, "DE", 27), "{number}");
        assert_eq!(iban(&mut Dice::new(&[1; 32], &[]), "hello"), None);
    }

    #[test]
    fn addresses_of_machines_are_for_documentation() {
        let dice = || Dice::new(&[1; 32], &[]);
        let v4 = ip(&mut dice(), "10.1.2.3").expect("an address");
        assert!(["192.0.2.", "198.51.100.", "203.0.113."].iter().any(|start| v4.starts_with(start)), "{v4}");
        assert!(ip(&mut dice(), "fe80::1").is_some_and(|v6| v6.starts_with("2001:db8::")));
    }

    #[test]
    fn what_stands_between_digits_stays() {
        assert_eq!(with_digits("A1-Two. x3", &[7, 8, 9], |word| format!("<{word}>")), "<A>7-Eight. <x>9");
        for (original, word, expected) in
            [("JANE", "ellis", "ELLIS"), ("Jane", "ellis", "Ellis"), ("jane", "Ellis", "ellis")]
        {
            assert_eq!(like(original, word), expected);
        }
    }
}
