//! LICENSE: driver's and professional licences. Every state has its own format, so a key phrase is required.

use super::{Near, Rule, is_plausible};
use crate::code::Code;
use crate::kinds::Kind;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &[
        "driver license",
        "driver license number",
        "drivers license",
        "drivers license number",
        "driver licence",
        "driver licence number",
        "drivers licence",
        "driving licence",
        "driving licence number",
        "driving license",
        "driving license number",
        "license number",
        "licence number",
        "license no",
        "licence no",
        "dl number",
        "state id",
        "state id number",
        "medical license",
        "medical license number",
        "nursing license",
        "professional license",
        "pilot license",
        "dl no",
        "license id",
        "dln",
    ],
    weak: &["license", "licence", "dl"],
    cued,
    ..Rule::new(Kind::License)
};

fn cued(code: &Code<'_, '_>, near: Near) -> Option<f32> {
    if near.strong { is_plausible(code, 4, 20).then_some(0.9) } else { is_plausible(code, 5, 20).then_some(0.8) }
}
