//! IBAN: international bank account numbers.

use super::Rule;
use crate::code::Code;
use crate::kinds::Kind;
use masker_plugin_sdk::checksums::mod97;

/// The rule. The check digits suffice: one in 97 codes of this format passes by chance, and few codes have the format.
pub static RULE: Rule = Rule {
    strong: &["iban", "i b a n", "iban number", "international bank account number"],
    cued: |code, _| {
        let fits = has_form(code) || (15..=34).contains(&code.len()) && code.digits() >= 10;
        fits.then(|| if mod97(code.chars()) { 0.99 } else { 0.85 })
    },
    shape: |code| (has_form(code) && mod97(code.chars())).then_some(0.98),
    ..Rule::new(Kind::Iban)
};

/// A country, two check digits, then 11 (Norway) to 30 (Malta and longer) more characters.
fn has_form(code: &Code<'_, '_>) -> bool {
    let chars = code.chars();
    (15..=34).contains(&chars.len())
        && chars[..2].iter().all(u8::is_ascii_uppercase)
        && chars[2..4].iter().all(u8::is_ascii_digit)
}
