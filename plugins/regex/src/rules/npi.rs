//! LICENSE: National Provider Identifiers.

use super::Rule;
use crate::kinds::Kind;
use masker_plugin_sdk::checksums::npi;

/// The rule. Without a key phrase only numbers that begin with 1 are taken, as no telephone number does.
pub static RULE: Rule = Rule {
    strong: &["npi", "n p i", "npi number", "national provider identifier", "national provider id", "npi no"],
    cued: |code, _| {
        let fits = code.is_number() && code.len() == 10;
        fits.then(|| if npi(code.chars()) { 0.98 } else { 0.85 })
    },
    shape: |code| (npi(code.chars()) && code.chars()[0] == b'1' && !code.unit_after).then_some(0.72),
    ..Rule::new(Kind::License)
};
