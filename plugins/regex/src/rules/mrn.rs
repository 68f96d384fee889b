//! MRN: medical record numbers. Every hospital has its own format, so a key phrase is required.

use super::{Near, Rule, is_plausible};
use crate::code::Code;
use crate::kinds::Kind;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &[
        "mrn",
        "m r n",
        "medical record number",
        "medical record",
        "medical record no",
        "medical record id",
        "med rec number",
        "chart number",
        "chart no",
        "patient id",
        "patient number",
        "patient identifier",
        "patient id number",
        "hospital number",
        "hospital id",
        "record number",
        "health record number",
        "encounter number",
        "encounter id",
    ],
    weak: &["chart", "record"],
    cued,
    ..Rule::new(Kind::Mrn)
};

fn cued(code: &Code<'_, '_>, near: Near) -> Option<f32> {
    if near.strong { is_plausible(code, 4, 20).then_some(0.9) } else { is_plausible(code, 5, 20).then_some(0.75) }
}
