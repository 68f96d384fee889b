//! DOB: which dates are dates of birth, and birth dates written as plain digits.

use super::{Near, Rule, finds};
use crate::code::Code;
use crate::kinds::Kind;
use crate::turn::Turn;

/// The rule. It has no search of its own: [`super::date`] uses it to classify a date.
pub static RULE: Rule = Rule {
    strong: &[
        "date of birth",
        "dob",
        "d o b",
        "birth date",
        "birthdate",
        "birthday",
        "born",
        "born on",
        "birth day",
        "was born",
        "dateofbirth",
        "day of birth",
        "year of birth",
        "birth year",
        "bday",
        "and the year",
        "and what year",
        "the year please",
        "year you were born",
    ],
    cued,
    ..Rule::new(Kind::Dob)
};

/// The largest distance between a key phrase and a date, in tokens.
const REACH: usize = 14;

/// "03141982", "0314 82", "1001 1940": only when a birth date is being given, since eight digits may be anything.
fn cued(code: &Code<'_, '_>, near: Near) -> Option<f32> {
    let year = code.len() == 4 && (code.chars().starts_with(b"19") || code.chars().starts_with(b"20"));
    let fits = code.is_number() && ((5..=8).contains(&code.len()) || year && near.strong);
    fits.then_some(if near.direct { 0.9 } else { 0.7 })
}

/// Whether the tokens `first..=last` are in the position of a date of birth: after or before its key phrase, or in
/// answer to a question for it.
pub fn is_birth(turn: &Turn<'_>, first: usize, last: usize) -> bool {
    let announced = turn.cue_before(first, REACH, |cue| {
        // A date in between is the one the key phrase announced.
        finds(cue.rule, Kind::Dob) && turn.tokens[cue.last as usize..first].iter().all(|token| !token.claimed)
    });
    announced.is_some()
        || turn
            .cue_after(last, 5, |cue| finds(cue.rule, Kind::Dob) && !turn.starts_sentence(cue.first as usize))
            .is_some()
        || is_asked(turn)
}

/// Whether an earlier message asks for a date of birth and this one has not given it yet.
fn is_asked(turn: &Turn<'_>) -> bool {
    turn.carried.asks_for(|rule| finds(rule, Kind::Dob)) && turn.hits.iter().all(|hit| hit.kind != Kind::Dob)
}
