//! Formats that can be verified from the text alone.
//!
//! In the operator's own text, in names and in keys, a value may be replaced only if its format identifies it
//! (docs/api.md). A plugin's finding of one of these kinds is checked against the format here.

use crate::kind::Kind;

/// A finding of a plugin's own kind is accepted with at least this many digits.
const OWN_DIGITS: usize = 5;

/// Whether a text may contain anything that [`is_checked`] accepts. Otherwise no pass has to run on it.
pub fn may_hold(text: &str) -> bool {
    text.contains('@') || digits(text).nth(OWN_DIGITS - 1).is_some()
}

/// Whether a text has the format of this kind: an e-mail address, a full telephone number, a payment card, a social
/// security number, an IBAN. The format of a plugin's own kind is unknown here; its finding is accepted if it has
/// five digits or more.
pub fn is_checked(kind: &Kind, text: &str) -> bool {
    match kind.as_str() {
        "EMAIL" => is_email(text),
        "PHONE" | "FAX" => is_phone(text),
        "CREDIT_CARD" => is_card(text),
        "SSN" => is_ssn(text),
        "IBAN" => is_iban(text),
        _ if kind.is_standard() => false,
        _ => digits(text).count() >= OWN_DIGITS,
    }
}

fn digits(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0')
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let has_end = domain.rsplit_once('.').is_some_and(|(name, end)| !name.is_empty() && end.len() >= 2);
    !local.is_empty() && has_end && !text.contains(char::is_whitespace)
}

/// Ten digits of the North American plan, with or without the leading 1, or a plus with a country code.
fn is_phone(text: &str) -> bool {
    let digits: Vec<u8> = digits(text).collect();
    let only = text.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || "+-().–‑/".contains(c));
    if text.trim_start().starts_with('+') {
        return only && (8..=15).contains(&digits.len());
    }
    // An area code and an exchange begin with 2 to 9 (NANPA).
    let is_plan = |digits: &[u8]| digits.len() == 10 && digits[0] >= 2 && digits[3] >= 2;
    only && (is_plan(&digits) || digits.len() == 11 && digits[0] == 1 && is_plan(&digits[1..]))
}

/// ISO/IEC 7812: 13 to 19 digits and a check digit.
fn is_card(text: &str) -> bool {
    let digits: Vec<u8> = digits(text).collect();
    let only = text.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-'));
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(*digit) * 2) {
            (0, double) => double / 2,
            (_, double) => double / 10 + double % 10,
        })
        .sum();
    only && (13..=19).contains(&digits.len()) && sum.is_multiple_of(10)
}

/// Nine digits, without any group that is never assigned (SSA, 2011).
fn is_ssn(text: &str) -> bool {
    let digits: Vec<u8> = digits(text).collect();
    let only = text.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.'));
    let number =
        |range: std::ops::Range<usize>| digits[range].iter().fold(0_u32, |sum, digit| sum * 10 + u32::from(*digit));
    only && digits.len() == 9 && {
        let area = number(0..3);
        area != 0 && area != 666 && area < 900 && number(3..5) != 0 && number(5..9) != 0
    }
}

/// ISO 13616: two letters, two check digits, and the remainder 1 of 97.
fn is_iban(text: &str) -> bool {
    let bare: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').map(|byte| byte.to_ascii_uppercase()).collect();
    let sound = (15..=34).contains(&bare.len())
        && bare.iter().all(u8::is_ascii_alphanumeric)
        && bare[..2].iter().all(u8::is_ascii_uppercase)
        && bare[2..4].iter().all(u8::is_ascii_digit);
    let remainder = |sum: u32, byte: &u8| match byte {
        b'0'..=b'9' => (sum * 10 + u32::from(byte - b'0')) % 97,
        _ => (sum * 100 + u32::from(byte - b'A') + 10) % 97,
    };
    sound && bare[4..].iter().chain(&bare[..4]).fold(0, remainder) == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: &str, checked: &[&str], others: &[&str]) {
        let kind = Kind::new(kind).expect("a kind");
        for text in checked {
            assert!(is_checked(&kind, text) && may_hold(text), "{kind}: {text}");
        }
        for text in others {
            assert!(!is_checked(&kind, text), "{kind}: {text}");
        }
    }

    #[test]
    fn a_form_is_checked_by_its_kind() {
        check(
            "EMAIL",
            &["jo@example.com", "a.b+c@mail.example.org"],
            &["@jo", "jo@", "jo@host", "jo at example.com", "a b@x.org"],
        );
        check(
            "PHONE",
            &["415-555-0134", "(415) 555-0134", "+14155550134", "1 415 555 0134", "+49 30 901820"],
            &["E.164", "164", "10", "2026-11-24", "1234567890", "415-155-0134", "555-0134", "000 000 0000"],
        );
        check("CREDIT_CARD", &["4111 1111 1111 1111", "378282246310005"], &["4111 1111 1111 1112", "0", "YYYY"]);
        check(
            "SSN",
            &["512-10-2462", "512102462"],
            &["000-10-2462", "666-10-2462", "987-65-4321", "512-00-2462", "12345678"],
        );
        check("IBAN", &["DE89 3704 0044 0532 0130 00"], &["DE88 3704 0044 0532 0130 00", "DE89"]);
        check("STAFF_ID", &["E-12345"], &["E-1", "desk"]);
        check("NAME", &[], &["Jane Doe", "E-12345"]);
        check("DATE", &[], &["2026-11-24"]);
    }
}
