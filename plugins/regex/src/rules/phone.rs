//! PHONE: telephone numbers, written in the usual groupings or spoken digit by digit.

use super::{Near, Rule};
use crate::code::Code;
use crate::kinds::Kind;
use crate::turn::Turn;
use crate::words::flag;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &[
        "phone",
        "phone number",
        "phone no",
        "telephone",
        "telephone number",
        "tel",
        "cell number",
        "cell phone",
        "cell phone number",
        "cellphone",
        "mobile",
        "mobile number",
        "mobile phone",
        "mobile phone number",
        "home phone",
        "work phone",
        "home number",
        "work number",
        "contact number",
        "contact phone",
        "callback number",
        "call back number",
        "best number",
        "best contact number",
        "reach me at",
        "call me at",
        "call me on",
        "text me at",
        "call back at",
        "call me back at",
        "call us at",
        "reach us at",
        "contact me at",
        "reach them at",
        "call them at",
        "reach him at",
        "reach her at",
        "emergency contact",
        "customer number phone",
        "caller id",
        "whatsapp",
        "phone num",
    ],
    weak: &[
        "cell",
        "call",
        "text",
        "reach",
        "my number",
        "number is",
        "numbers are",
        "direct line",
        "dial",
        "number to call",
        "landline",
    ],
    cued,
    shape,
    ..Rule::new(Kind::Phone)
};

/// Seven digits make a local number.
pub fn cued(code: &Code<'_, '_>, near: Near) -> Option<f32> {
    if near.tail && code.is_number() && (3..=4).contains(&code.len()) {
        return Some(0.8);
    }
    // No country uses all fifteen digits of E.164; fourteen and more without a plus are cards and device numbers.
    let most = if has_plus(code.turn(), code.tokens().0) { 15 } else { 13 };
    let fits = code.is_number() && (7..=most).contains(&code.len());
    fits.then(|| if is_american(code.chars()) { 0.95 } else { 0.9 })
}

/// Ten digits of the North American plan, with or without the 1: area codes and exchanges do not begin with 0 or 1.
fn is_american(digits: &[u8]) -> bool {
    let local = match digits {
        [b'1', rest @ ..] if rest.len() == 10 => rest,
        _ => digits,
    };
    local.len() == 10 && local[0] >= b'2' && local[3] >= b'2'
}

/// Without a key phrase the grouping must be that of a telephone number: "12 30 45 60 80" are vitals.
fn shape(code: &Code<'_, '_>) -> Option<f32> {
    if !code.is_number() || !(7..=15).contains(&code.len()) || code.quantity || code.unit_after {
        return None;
    }
    if has_plus(code.turn(), code.tokens().0) {
        return (code.len() >= 8).then_some(0.9);
    }
    let american = is_american(code.chars());
    let marked = code.has_sign(b"-().");
    if code.has_spoken() {
        return spoken(code, american);
    }
    let groups = code.groups();
    match groups.as_slice() {
        [3, 3, 4] => Some(if marked || american { 0.9 } else { 0.75 }),
        // The prefix of America, Russia and their neighbours; in "take 2 415 555 0100" the 2 is a count.
        [1, 3, 3, 4] if matches!(code.chars()[0], b'0' | b'1' | b'7' | b'8') => {
            Some(if marked || american { 0.9 } else { 0.75 })
        }
        [3, 7] | [6, 4] | [3, 4, 3] if american => Some(0.75),
        [3, 4] => Some(if code.has_sign(b"-.") { 0.75 } else { 0.65 }),
        [_] => bare(code, american),
        [] => None,
        groups if groups.iter().all(|length| *length == 1) => single(code.len()),
        // Most countries write the trunk zero: "020 7946 0958", "01 23 45 67 89".
        groups if code.chars()[0] == b'0' && groups.len() <= 5 => (9..=12).contains(&code.len()).then_some(0.75),
        // Numbers with a country prefix but no plus, and other groupings of ten digits with dashes.
        [2, ..] if marked && code.len() >= 11 => Some(0.65),
        _ if marked && american => Some(0.7),
        _ => None,
    }
}

/// One piece of digits has little evidence: accept the lengths that telephone numbers have.
fn bare(code: &Code<'_, '_>, american: bool) -> Option<f32> {
    match (code.len(), code.chars()[0]) {
        (10 | 11, _) if american => Some(0.75),
        (10 | 11, b'0') => Some(0.7),
        (10, _) => Some(0.62),
        (7, _) => Some(0.6),
        _ => None,
    }
}

fn single(length: usize) -> Option<f32> {
    matches!(length, 7 | 10 | 11).then_some(0.7)
}

/// Spoken without a key phrase: at least a third must be single digits, otherwise it is a list of quantities.
fn spoken(code: &Code<'_, '_>, american: bool) -> Option<f32> {
    if code.singles() * 3 < code.len() {
        return None;
    }
    match code.len() {
        10 | 11 if american => Some(0.85),
        10 | 11 => Some(0.75),
        7 => Some(0.65),
        _ => None,
    }
}

fn has_plus(turn: &Turn<'_>, first: usize) -> bool {
    let before = turn.before(first);
    let before = if before.is_sign(b'(') { turn.before(first - 1) } else { before };
    before.is_sign(b'+') || before.is(flag::SPOKEN_SIGN) && before.value == b'+'
}
