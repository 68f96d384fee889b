//! OTHER_ID: any other number that identifies a person or a case, by key phrase; and long codes that no other rule
//! explains.

use super::{Near, Rule, is_plausible};
use crate::code::Code;
use crate::context::is_fragment;
use crate::kinds::Kind;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &[
        "case number",
        "case id",
        "case no",
        "reference number",
        "reference no",
        "reference code",
        "reference id",
        "confirmation number",
        "confirmation code",
        "ticket number",
        "ticket id",
        "order number",
        "order id",
        "tracking number",
        "employee id",
        "employee number",
        "student id",
        "student number",
        "certificate number",
        "id number",
        "id no",
        "identification number",
        "identifier",
        "prescription number",
        "rx number",
        "prescription id",
        "invoice number",
        "booking reference",
        "booking number",
        "reservation number",
        "application number",
        "file number",
        "accession number",
        "specimen number",
        "specimen id",
        "badge number",
        "badge id",
        "study id",
        "study number",
        "subject id",
        "subject number",
        "participant id",
        "referral number",
        "authorization number",
        "authorization code",
        "verification code",
        "access code",
        "pin number",
        "pin code",
        "military id",
        "veteran id",
        "inmate number",
        "voter id",
        "union number",
        "birth certificate number",
        "death certificate number",
        "transaction id",
        "transaction number",
        "session id",
        "uuid",
        "gift card number",
        "loyalty number",
        "frequent flyer number",
        "rewards number",
        "docket number",
        "service number",
    ],
    weak: &[
        "reference",
        "confirmation",
        "case",
        "ticket",
        "order",
        "tracking",
        "ref",
        "id",
        "prescription",
        "badge",
        "pin",
        "certificate",
        "invoice",
        "rx",
        "passcode",
        "referral",
        "authorization",
    ],
    cued,
    shape,
    ..Rule::new(Kind::OtherId)
};

fn cued(code: &Code<'_, '_>, near: Near) -> Option<f32> {
    match near.strong {
        true => is_plausible(code, 4, 64).then_some(0.85),
        // A PIN has four digits; shorter numbers beside such words are counts.
        false => (near.direct && is_plausible(code, 4, 64)).then_some(0.7),
    }
}

fn shape(code: &Code<'_, '_>) -> Option<f32> {
    if code.quantity || code.unit_after || is_years(code) {
        return None;
    }
    if code.is_number() {
        let said_singly = !code.has_spoken() || code.singles() * 3 >= code.len();
        let joined = code.groups().as_slice().len() == 1 || code.has_sign(b"-/_") || code.has_spoken();
        return (code.len() >= 8 && said_singly && joined).then_some(0.62);
    }
    let digits = code.digits();
    if code.is_written() && code.is_unbroken() {
        // A UUID or a hash; a code such as "XKJ-48211-07".
        let hexadecimal = code.len() >= 16 && code.chars().iter().all(u8::is_ascii_hexdigit);
        return match code.len() {
            _ if hexadecimal => Some(0.85),
            8.. if digits >= 5 => Some(0.65),
            6..=7 if digits >= 5 => Some(0.6),
            _ => None,
        };
    }
    // A message that only spells a code: the question was not recognised, but the answer is a code.
    let spelled = digits >= 2 && code.len() >= 5 && code.len() - digits >= 1 && is_fragment(code.turn());
    spelled.then_some(0.62)
}

/// "2019-2020" is a time span.
fn is_years(code: &Code<'_, '_>) -> bool {
    let year = |part: &[u8]| part.starts_with(b"1") || part.starts_with(b"20");
    code.groups().as_slice() == [4, 4] && year(&code.chars()[..4]) && year(&code.chars()[4..])
}
