//! NATIONAL_ID: identity, insurance and tax numbers of other countries.

use super::{Near, Rule};
use crate::code::Code;
use crate::kinds::Kind;
use masker_plugin_sdk::checksums::{cpf, luhn};

/// The rule.
pub static RULE: Rule = Rule {
    strong: &[
        "national id",
        "national id number",
        "national identity number",
        "national identification number",
        "identity card number",
        "identity card",
        "identity number",
        "national insurance number",
        "national insurance",
        "ni number",
        "nino",
        "nhs number",
        "nhs no",
        "social insurance number",
        "aadhaar",
        "aadhaar number",
        "aadhar",
        "aadhar number",
        "pan number",
        "pan card",
        "curp",
        "cpf",
        "rut",
        "dni",
        "nie",
        "nif",
        "bsn",
        "personnummer",
        "cpr number",
        "pesel",
        "codice fiscale",
        "tax file number",
        "tfn",
        "medicare card number",
        "resident id",
        "nric",
        "hkid",
        "ppsn",
        "pps number",
        "steuer id",
        "citizen id",
        "emirates id",
        "sin number",
        "alien number",
        "alien registration number",
        "green card number",
        "uscis number",
    ],
    weak: &["nhs"],
    cued,
    shape,
    ..Rule::new(Kind::NationalId)
};

fn cued(code: &Code<'_, '_>, _: Near) -> Option<f32> {
    ((6..=18).contains(&code.len()) && code.digits() >= 4).then_some(0.9)
}

/// Only formats that are rare or have a check digit.
fn shape(code: &Code<'_, '_>) -> Option<f32> {
    let chars = code.chars();
    if !code.is_written() || code.unit_after {
        return None;
    }
    let groups = code.groups();
    match groups.as_slice() {
        // Brazil's CPF in its printed format.
        [3, 3, 3, 2] if cpf(chars) => Some(0.95),
        // Canada's SIN.
        [3, 3, 3] if code.is_number() && luhn(chars) => Some(0.8),
        // India's Aadhaar never begins with 0 or 1.
        [4, 4, 4] if code.is_number() && chars[0] >= b'2' => Some(0.75),
        _ if matches(chars, b"AA999999L") && chars[8] <= b'D' => Some(0.85),
        // Mexico's CURP and Italy's codice fiscale: name and birth date in letters and digits.
        _ if matches(chars, b"AAAA999999AAAAAAXX") && matches!(chars[10], b'H' | b'M' | b'X') => Some(0.95),
        _ if matches(chars, b"AAAAAA99A99A999A") => Some(0.95),
        // Singapore's NRIC.
        _ if matches(chars, b"A9999999A") && b"STFGM".contains(&chars[0]) && code.is_unbroken() => Some(0.75),
        _ => None,
    }
}

/// `9` is a digit, `X` either, anything else a letter.
fn matches(chars: &[u8], pattern: &[u8]) -> bool {
    chars.len() == pattern.len()
        && chars.iter().zip(pattern).all(|(char, class)| match class {
            b'9' => char.is_ascii_digit(),
            b'X' => char.is_ascii_alphanumeric(),
            _ => char.is_ascii_uppercase(),
        })
}
