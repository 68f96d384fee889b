//! LICENSE: registrations with the US Drug Enforcement Administration.

use super::Rule;
use crate::code::Code;
use crate::kinds::Kind;
use masker_plugin_sdk::checksums::dea;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &["dea", "dea number", "d e a number", "dea registration", "dea no"],
    cued: |code, _| (code.len() == 9 && code.digits() >= 7).then(|| if dea(code.chars()) { 0.98 } else { 0.85 }),
    shape: |code| (has_form(code) && dea(code.chars())).then_some(0.95),
    ..Rule::new(Kind::License)
};

/// The first letter is the registrant type; X and some others were never issued to people.
fn has_form(code: &Code<'_, '_>) -> bool {
    code.len() == 9 && b"ABCDEFGHJKLMPRSTUX".contains(&code.chars()[0]) && code.chars()[1].is_ascii_uppercase()
}
