//! VEHICLE: vehicle identification numbers.

use super::Rule;
use crate::kinds::Kind;
use masker_plugin_sdk::checksums::vin;

/// The rule. Older and non-American vehicles have no check digit, so near a key phrase it is not required.
pub static RULE: Rule = Rule {
    strong: &["vin", "vin number", "v i n", "vehicle identification number", "vehicle id", "vehicle id number"],
    cued: |code, _| {
        let fits = (6..=17).contains(&code.len()) && code.digits() >= 3;
        fits.then(|| if vin(code.chars()) { 0.99 } else { 0.9 })
    },
    shape: |code| (!code.is_number() && vin(code.chars())).then_some(0.96),
    ..Rule::new(Kind::Vehicle)
};
