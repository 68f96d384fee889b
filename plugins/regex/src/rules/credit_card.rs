//! CREDIT_CARD: payment card numbers, with Luhn's check digit.

use super::{Near, Rule};
use crate::code::Code;
use crate::kinds::Kind;
use masker_plugin_sdk::checksums::luhn;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &[
        "credit card number",
        "credit card",
        "card number",
        "card no",
        "debit card number",
        "debit card",
        "payment card",
        "visa",
        "visa card",
        "mastercard",
        "master card",
        "amex",
        "american express",
        "discover card",
        "card ending",
        "card on file",
        "number on the card",
        "cc number",
        "four of your card",
        "four of the card",
        "digits of your card",
        "digits of the card",
    ],
    weak: &["card", "discover"],
    cued,
    shape,
    ..Rule::new(Kind::CreditCard)
};

/// A misheard digit breaks the check digit, so near a key phrase it is not required.
fn cued(code: &Code<'_, '_>, near: Near) -> Option<f32> {
    match code.len() {
        _ if !code.is_number() => None,
        13..=19 if luhn(code.chars()) => Some(0.98),
        12..=19 => Some(0.9),
        4 if near.tail => Some(0.9),
        _ => None,
    }
}

/// One in ten numbers passes Luhn by chance; a known issuer prefix makes it certain.
fn shape(code: &Code<'_, '_>) -> Option<f32> {
    let fits = code.is_number() && (13..=19).contains(&code.len()) && luhn(code.chars());
    fits.then(|| if is_issuer(code.chars()) { 0.97 } else { 0.8 })
}

fn is_issuer(digits: &[u8]) -> bool {
    let prefix = digits.iter().take(4).fold(0u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    match digits.len() {
        13 | 19 => (4000..5000).contains(&prefix) || prefix / 100 == 62,
        14 => matches!(prefix / 100, 30 | 36 | 38 | 39),
        15 => matches!(prefix / 100, 34 | 37),
        16 => {
            (4000..5000).contains(&prefix)
                || (5100..5600).contains(&prefix)
                || (2221..=2720).contains(&prefix)
                || prefix == 6011
                || matches!(prefix / 10, 644..=659)
                || matches!(prefix / 100, 35 | 62)
        }
        _ => false,
    }
}
