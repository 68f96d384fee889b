//! VEHICLE: licence plates, by key phrase.

use super::{Near, Rule};
use crate::code::Code;
use crate::kinds::Kind;

/// The rule. A plate is any short combination of letters and digits.
pub static RULE: Rule = Rule {
    strong: &[
        "license plate",
        "license plate number",
        "licence plate",
        "licence plate number",
        "plate number",
        "number plate",
        "registration plate",
        "vehicle registration",
        "vehicle registration number",
        "tag number",
        "car registration",
        "plate no",
        "license tag",
        "vehicle plate",
    ],
    weak: &["plate", "plates", "registration number"],
    cued,
    ..Rule::new(Kind::Vehicle)
};

fn cued(code: &Code<'_, '_>, near: Near) -> Option<f32> {
    let least = if near.strong { 3 } else { 4 };
    ((least..=9).contains(&code.len()) && code.digits() >= 1).then_some(if near.strong { 0.9 } else { 0.75 })
}
