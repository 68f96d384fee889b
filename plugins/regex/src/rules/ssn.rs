//! SSN: US social security numbers and the taxpayer numbers of the same format.

use super::{Near, Rule};
use crate::code::Code;
use crate::kinds::Kind;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &[
        "ssn",
        "s s n",
        "social security number",
        "social security",
        "social security no",
        "social sec",
        "soc sec",
        "ss number",
        "itin",
        "taxpayer id",
        "taxpayer identification number",
        "tax id",
        "tax id number",
        "social number",
        "last four of my social",
        "last four of your social",
        "last four of the social",
    ],
    weak: &["social", "of my social", "of your social", "of the social"],
    cued,
    shape,
    ..Rule::new(Kind::Ssn)
};

/// All nine digits, or the last four, which people are asked for more often.
fn cued(code: &Code<'_, '_>, near: Near) -> Option<f32> {
    if !code.is_number() {
        return None;
    }
    match code.len() {
        9 => Some(0.97),
        4 if near.tail => Some(0.9),
        // "Social 1982" may be a year; "social security number 4821" is not.
        4 if near.direct => Some(if near.strong { 0.8 } else { 0.65 }),
        8 | 10 if near.strong => Some(0.7),
        _ => None,
    }
}

/// The dashes are evidence; nine digits in one piece may be many things, but a false positive is better than a leak.
fn shape(code: &Code<'_, '_>) -> Option<f32> {
    if !code.is_number() || code.len() != 9 || code.quantity || code.unit_after {
        return None;
    }
    let issued = is_issued(code.chars());
    if code.has_spoken() {
        return (code.singles() * 3 >= code.len()).then_some(if issued { 0.75 } else { 0.65 });
    }
    match code.groups().as_slice() {
        [3, 2, 4] if code.has_sign(b"-") => Some(if issued { 0.92 } else { 0.75 }),
        [3, 2, 4] => Some(if issued { 0.85 } else { 0.7 }),
        [9] => Some(if issued { 0.7 } else { 0.62 }),
        groups if groups.iter().all(|length| *length == 1) => Some(0.7),
        _ => None,
    }
}

/// Areas 000 and 666, group 00 and serial 0000 were never issued.
fn is_issued(digits: &[u8]) -> bool {
    !(digits.starts_with(b"000") || digits.starts_with(b"666") || &digits[3..5] == b"00" || &digits[5..] == b"0000")
}
