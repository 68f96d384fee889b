//! Normalisation: spellings of the same value share a token.
//!
//! A spelling is folded only if it cannot be another value: two values under one token would put one caller's data
//! into another's sentence. Where a rule does not fit a value, the next, more careful rule applies, down to `folded`.
//! The original spelling is what is restored; the normalised one is only hashed.
//!
//! Normalised text never contains a control character, so a form can be marked with one (see [`super::mint`]).

use crate::kind::Kind;

/// The normalised spelling of a value of this kind.
pub fn normalise(kind: &Kind, original: &str) -> String {
    match kind.as_str() {
        "PHONE" | "FAX" => phone(original).unwrap_or_else(|| folded(original)),
        // The local part is case-sensitive by the standard (RFC 5321, 2.4), but not on mail servers in use.
        "EMAIL" => folded(original),
        // Fixed formats of letters and digits: separators have no meaning.
        "SSN" | "CREDIT_CARD" | "IBAN" => bare(original, |c| c == '.').unwrap_or_else(|| folded(original)),
        // Numbers in issuer-defined formats, read out in groups. They may contain a point or a slash.
        "MRN" | "ACCOUNT" | "HEALTH_PLAN" | "LICENSE" | "PASSPORT" | "NATIONAL_ID" | "VEHICLE" | "ZIP" => {
            bare(original, |_| false).unwrap_or_else(|| folded(original))
        }
        // `/A` and `/a` are two pages, and two user names may differ by case.
        "URL" | "USERNAME" => collapsed(original),
        // A comma or full stop after a date or a street belongs to the sentence.
        "DATE" | "DOB" | "AGE" | "ADDRESS" => unpunctuated(original),
        _ => folded(original),
    }
}

/// Digits of a telephone number. North American numbers lose their country code, if present; others keep their `+`,
/// without which +49 30 123456 would be the American (493) 012-3456. Texts with anything but digits and the usual
/// separators (an extension, a vanity number) and numbers that are too short are left to the next rule.
fn phone(original: &str) -> Option<String> {
    let text = original.trim();
    let (plus, rest) = text.strip_prefix('+').map_or((false, text), |rest| (true, rest));
    let separator = |c: char| c.is_whitespace() || is_dash(c) || matches!(c, '(' | ')' | '.' | '/');
    let mut digits = String::with_capacity(rest.len());
    for c in rest.chars() {
        match c {
            '0'..='9' => digits.push(c),
            c if separator(c) => {}
            _ => return None,
        }
    }
    match digits.len() {
        ..7 => None,
        11 if digits.starts_with('1') => Some(digits.split_off(1)),
        _ if plus => Some(format!("+{digits}")),
        _ => Some(digits),
    }
}

/// ASCII letters and digits, upper case, without spaces, dashes and `more` separators; `None` for other texts.
fn bare(original: &str, more: fn(char) -> bool) -> Option<String> {
    let mut out = String::with_capacity(original.len());
    for c in original.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => out.push(c.to_ascii_uppercase()),
            c if c.is_whitespace() || is_dash(c) || more(c) => {}
            _ => return None,
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Lower case, white space collapsed: valid for every kind.
fn folded(original: &str) -> String {
    collapsed(&original.to_lowercase())
}

/// Like [`folded`], without sentence punctuation at the ends.
fn unpunctuated(original: &str) -> String {
    let text = folded(original);
    let trimmed = text.trim_matches(|c: char| matches!(c, ',' | '.' | ';' | ':' | '!' | '?') || c.is_whitespace());
    if trimmed.is_empty() { text } else { trimmed.to_owned() }
}

/// Runs of white space and control characters become one space, none at the ends.
fn collapsed(original: &str) -> String {
    let mut out = String::with_capacity(original.len());
    for word in original.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Hyphens and dashes, including those that word processors insert.
fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(kind: &str, original: &str, expected: &str) {
        let kind = Kind::new(kind).expect("a kind");
        assert_eq!(normalise(&kind, original), expected, "{kind}: {original}");
    }

    #[test]
    fn spellings_of_one_value() {
        check("PHONE", "(555) 123-4567", "5551234567");
        check("PHONE", "+1 555.123.4567", "5551234567");
        check("PHONE", "1-555-123-4567", "5551234567");
        check("FAX", "555\u{2011}123\u{2011}4567", "5551234567");
        check("PHONE", "+49 30 123456", "+4930123456");
        check("EMAIL", " Jane.Doe@Example.COM ", "jane.doe@example.com");
        check("SSN", "123-45-6789", "123456789");
        check("SSN", "123 45 6789", "123456789");
        check("CREDIT_CARD", "4111 1111 1111 1111", "4111111111111111");
        check("IBAN", "de89 3704 0044 0532 0130 00", "DE89370400440532013000");
        check("MRN", "ab-12 34", "AB1234");
        check("NAME", "  Jane \n DOE ", "jane doe");
        check("NAME", "José Núñez", "josé núñez");
        check("DATE", "March  3,", "march 3");
        check("ADDRESS", "12 Main St.", "12 main st");
        check("URL", " https://x.org/A ", "https://x.org/A");
        check("OTHER_ID", " A  b ", "a b");
    }

    #[test]
    fn different_values_stay_different() {
        let pairs = [
            ("PHONE", "555-123-4567 ext 8", "555-123-45678"),
            ("PHONE", "+49 30 123456 7", "493 012 3456 7"),
            ("PHONE", "1.5", "15"),
            ("ACCOUNT", "1.5", "15"),
            ("ACCOUNT", "12/3", "123"),
            ("AGE", "1.5", "15"),
            ("DATE", "1/12", "11/2"),
            ("OTHER_ID", "a-b", "ab"),
            ("OTHER_ID", "5", "-5"),
            ("NAME", "Anna Maria", "Annamaria"),
            ("URL", "x.org/A", "x.org/a"),
            ("SSN", "12345678é", "12345678"),
        ];
        for (kind, a, b) in pairs {
            let kind = Kind::new(kind).expect("a kind");
            assert_ne!(normalise(&kind, a), normalise(&kind, b), "{kind}: {a} | {b}");
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing_and_leaves_no_control_characters(text in any::<String>()) {
            for kind in crate::kind::STANDARD {
                let kind = Kind::new(kind).expect("a kind");
                let once = normalise(&kind, &text);
                prop_assert!(!once.chars().any(char::is_control));
                if kind.as_str() != "PHONE" && kind.as_str() != "FAX" {
                    prop_assert_eq!(normalise(&kind, &once), once);
                }
            }
        }
    }
}
