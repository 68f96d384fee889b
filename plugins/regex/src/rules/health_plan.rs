//! HEALTH_PLAN: member, policy, group and Medicare numbers.

use super::{Near, Rule, is_plausible};
use crate::code::Code;
use crate::kinds::Kind;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &[
        "member id",
        "member number",
        "member id number",
        "member no",
        "membership number",
        "membership id",
        "subscriber id",
        "subscriber number",
        "policy number",
        "policy id",
        "policy no",
        "group number",
        "group id",
        "group no",
        "insurance id",
        "insurance number",
        "insurance id number",
        "insurance policy number",
        "insurance member id",
        "health plan number",
        "health plan id",
        "plan id",
        "plan number",
        "beneficiary number",
        "beneficiary id",
        "medicare number",
        "medicare id",
        "medicare",
        "medicaid number",
        "medicaid id",
        "medicaid",
        "claim number",
        "claim id",
        "rx bin",
        "rxbin",
        "rx group",
        "rxgrp",
        "pcn",
        "insurance card number",
        "prior authorization number",
        "policyholder id",
        "mbi",
        "memberid",
        "health insurance number",
        "health card number",
    ],
    weak: &["policy", "insurance", "member", "subscriber", "group", "plan", "claim"],
    cued,
    shape: |code| (code.is_written() && is_mbi(code.chars())).then_some(0.9),
    ..Rule::new(Kind::HealthPlan)
};

fn cued(code: &Code<'_, '_>, near: Near) -> Option<f32> {
    if near.strong { is_plausible(code, 4, 24).then_some(0.9) } else { is_plausible(code, 5, 24).then_some(0.75) }
}

/// A Medicare Beneficiary Identifier: a fixed pattern of digits (N), letters (A) and either (M), without S, L, O, I, B
/// and Z. The pattern is rare enough to need no key phrase.
fn is_mbi(chars: &[u8]) -> bool {
    const PATTERN: &[u8; 11] = b"CAMNAMNAANN";
    chars.len() == PATTERN.len()
        && chars.iter().zip(PATTERN).all(|(char, class)| {
            let letter = char.is_ascii_uppercase() && !b"SLOIBZ".contains(char);
            match class {
                b'C' => (b'1'..=b'9').contains(char),
                b'A' => letter,
                b'N' => char.is_ascii_digit(),
                _ => letter || char.is_ascii_digit(),
            }
        })
}
