//! ZIP: postal codes of the US, the UK and Canada.

use super::{Near, Rule};
use crate::code::Code;
use crate::kinds::Kind;
use crate::tokens::Caps;
use crate::words::flag;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &["zip", "zip code", "zipcode", "zip codes", "postal code", "postcode", "post code", "postalcode"],
    cued,
    shape,
    ..Rule::new(Kind::Zip)
};

/// Spelled postcodes are misheard more often than not, so any short combination of letters and digits is accepted.
fn cued(code: &Code<'_, '_>, near: Near) -> Option<f32> {
    match code.len() {
        5 | 9 if code.is_number() => Some(0.95),
        4..=8 if near.direct && code.digits() >= 1 && code.digits() < code.len() => Some(0.9),
        // The first three digits are protected like the whole; other countries have four or six.
        3 | 4 | 6 if near.direct && code.is_number() => Some(0.75),
        _ => None,
    }
}

fn shape(code: &Code<'_, '_>) -> Option<f32> {
    if !code.is_written() || code.unit_after {
        return None;
    }
    let chars = code.chars();
    if code.is_number() {
        return number(code);
    }
    // Only in capitals: "b12 3 mg" is not a postcode.
    let (first, last) = code.tokens();
    let loud = (first..=last).all(|at| {
        let token = code.turn().at(at);
        !token.is_letter() && token.caps != Caps::None
            || token.is_digits()
            || token.is_letter() && code.turn().str_at(at).as_bytes()[0].is_ascii_uppercase()
    });
    let split = match code.groups().as_slice() {
        [first, 3] => usize::from(*first),
        [_] if chars.len() >= 5 => chars.len() - 3,
        _ => return None,
    };
    (loud && (is_british(chars, split) || is_canadian(chars))).then_some(0.8)
}

fn number(code: &Code<'_, '_>) -> Option<f32> {
    let before = code.turn().before(code.tokens().0);
    let groups = code.groups();
    let form = matches!(groups.as_slice(), [5] | [5, 4]);
    // After a state: "Austin, TX 78701". A two-letter state must be in capitals, as "in", "or" and "me" are words.
    let state = before.is(flag::STATE) && (before.value == 1 || before.caps == Caps::All);
    match (form, state) {
        (true, true) => Some(0.9),
        (true, false) if groups.as_slice() == [5, 4] && code.has_sign(b"-") => Some(0.8),
        _ => None,
    }
}

/// An area of one or two letters, a district of a digit and perhaps one more character; then digit, letter, letter.
fn is_british(chars: &[u8], split: usize) -> bool {
    let (outward, inward) = chars.split_at(split.min(chars.len()));
    let letters = outward.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let district = &outward[letters.min(outward.len())..];
    (1..=2).contains(&letters)
        && (1..=2).contains(&district.len())
        && district[0].is_ascii_digit()
        && inward.len() == 3
        && inward[0].is_ascii_digit()
        && inward[1..].iter().all(u8::is_ascii_uppercase)
}

fn is_canadian(chars: &[u8]) -> bool {
    chars.len() == 6
        && chars.iter().enumerate().all(
            |(at, byte)| {
                if at % 2 == 0 { byte.is_ascii_uppercase() } else { byte.is_ascii_digit() }
            },
        )
}
