//! ACCOUNT: routing numbers of US banks.

use super::Rule;
use crate::kinds::Kind;
use masker_plugin_sdk::checksums;

/// The rule. Nine digits alone count as a social security number, so a key phrase is needed even with a valid check
/// digit.
pub static RULE: Rule = Rule {
    strong: &[
        "routing number",
        "routing",
        "routing no",
        "bank routing number",
        "aba",
        "aba number",
        "aba routing number",
        "transit number",
        "routing transit number",
    ],
    cued: |code, _| {
        let fits = code.is_number() && (8..=9).contains(&code.len());
        fits.then(|| if checksums::aba(code.chars()) { 0.98 } else { 0.85 })
    },
    ..Rule::new(Kind::Account)
};
