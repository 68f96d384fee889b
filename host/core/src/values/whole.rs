//! Whether a value is a complete number of its kind, and numbers that are given in pieces.

use super::identifier::Rule;
use super::reading::Reading;
use super::{Canonical, Class, Value, read};
use crate::kind::Kind;

/// Maximum number of pieces that are combined into a number.
const MAX_PIECES: usize = 4;

impl Value {
    /// Whether it is complete, as far as its kind tells: ten digits of a telephone number, nine of an SSN, a date
    /// with its year. False for kinds without a fixed length, where it is unknown.
    pub fn is_whole(&self) -> bool {
        match (&self.canonical, self.kind) {
            (Canonical::Date(date), _) => date.day().is_some(),
            (Canonical::Phone(phone), _) => phone.is_whole(),
            (Canonical::Identifier(text), Class::Identifier(kind)) => {
                let rule = Rule::of(kind);
                let part = matches!(kind, "SSN" | "CREDIT_CARD") && text.len() == 4;
                !part && rule.lengths.contains(&text.len()) && (rule.check)(text)
            }
            (Canonical::Written(text), Class::Mail) => super::mail::is_address(text),
            _ => false,
        }
    }
}

/// The number that consists of these pieces, in the order in which they were said: "(828) 555", then "0171". It is
/// formed by some of the last pieces, and their number is returned. It must be complete, or `is_known` in the call;
/// the single pieces are parts of it.
pub fn joined(
    kind: &Kind,
    said: &[&str],
    reading: &Reading,
    is_known: impl Fn(&Value) -> bool,
) -> Option<(usize, Value)> {
    (2..=said.len().min(MAX_PIECES)).find_map(|count| {
        let value = read(kind, &said[said.len() - count..].join(" "), reading);
        let is_number = matches!(value.canonical, Canonical::Phone(_) | Canonical::Identifier(_));
        (is_number && (value.is_whole() || is_known(&value))).then_some((count, value))
    })
}

#[cfg(test)]
mod tests {
    use super::super::Day;
    use super::*;

    #[test]
    fn a_number_in_pieces_is_the_whole_one() {
        let reading = Reading::new(Day::new(2026, 12, 1).expect("a day"));
        let kind = |kind| Kind::new(kind).expect("a kind");
        let check = |name, said: &[&str], whole: &str| {
            let whole = read(&kind(name), whole, &reading);
            joined(&kind(name), said, &reading, |value| *value == whole).map(|(count, value)| (count, value == whole))
        };
        assert_eq!(check("PHONE", &["(828) 555 ...", "0171"], "8285550171"), Some((2, true)));
        assert_eq!(
            check("PHONE", &["maria", "eight two eight", "five five five", "oh one seven one"], "8285550171"),
            Some((3, true))
        );
        assert_eq!(
            check("SSN", &["one two three", "four five", "six seven eight nine"], "123-45-6789"),
            Some((3, true))
        );
        assert_eq!(
            check("HEALTH_PLAN", &["k v t", "two four seven three three oh two"], "KVT2473302"),
            Some((2, true))
        );
        assert_eq!(check("HEALTH_PLAN", &["k v t", "two four"], "KVT2473302"), None);
        assert_eq!(check("PHONE", &["8285550171"], "8285550171"), None, "one piece is no join");
        assert_eq!(check("DOB", &["march", "fourteenth nineteen eighty two"], "1982-03-14"), None);
    }

    #[test]
    fn what_is_missing_is_known_where_the_kind_has_a_length() {
        let reading = Reading::new(Day::new(2026, 12, 1).expect("a day"));
        let is_whole = |kind, surface| read(&Kind::new(kind).expect("a kind"), surface, &reading).is_whole();
        assert!(is_whole("PHONE", "4155550134") && !is_whole("PHONE", "5550134") && !is_whole("PHONE", "0134"));
        assert!(is_whole("SSN", "123-45-6789") && !is_whole("SSN", "6789"));
        assert!(is_whole("DOB", "1982-03-14") && !is_whole("DOB", "march fourteenth"));
        assert!(is_whole("CREDIT_CARD", "4111 1111 1111 1111") && !is_whole("CREDIT_CARD", "4111 1111 1111 1112"));
        assert!(!is_whole("MRN", "W227"));
    }
}
