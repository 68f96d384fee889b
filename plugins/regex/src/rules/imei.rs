//! DEVICE: the IMEI of a mobile phone, with Luhn's check digit.

use super::Rule;
use crate::kinds::Kind;
use masker_plugin_sdk::checksums::imei;

/// The rule. American Express has fifteen digits and the same check; its prefixes win in `credit_card`.
pub static RULE: Rule = Rule {
    strong: &["imei", "i m e i", "imei number", "meid"],
    cued: |code, _| {
        let fits = (14..=16).contains(&code.len()) && code.digits() >= 13;
        fits.then(|| if imei(code.chars()) { 0.99 } else { 0.9 })
    },
    shape: |code| (code.is_number() && imei(code.chars())).then_some(0.85),
    ..Rule::new(Kind::Device)
};
