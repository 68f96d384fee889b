//! Spoken and written numbers as values: days, years, ages. [`crate::runs`] handles identifiers.

use crate::tokens::Class;
use crate::turn::Turn;
use crate::words::flag;

/// A value and the token after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// The value.
    pub value: u32,
    /// The first token that does not belong to it.
    pub next: usize,
    /// It is an ordinal ("fourteenth", "14th").
    pub ordinal: bool,
    /// It is written in digits.
    pub written: bool,
}

/// A spoken number from 0 to 99: "eighty two", "fourteen", "five".
pub fn below_hundred(turn: &Turn<'_>, at: usize) -> Option<Number> {
    let token = turn.at(at);
    if token.claimed {
        return None;
    }
    if token.is(flag::TENS) {
        let mut one = at + 1;
        if turn.at(one).is_sign(b'-') {
            one += 1;
        }
        let last = turn.at(one);
        if last.is(flag::DIGIT) && last.value > 0 && last.sign == 0 && !last.is_letter() {
            return Some(spoken(u32::from(token.value + last.value), one + 1));
        }
        return Some(spoken(u32::from(token.value), at + 1));
    }
    let said = token.is(flag::TEEN) || (token.is(flag::DIGIT) && !token.is_letter());
    said.then(|| spoken(u32::from(token.value), at + 1))
}

fn spoken(value: u32, next: usize) -> Number {
    Number { value, next, ordinal: false, written: false }
}

/// A number from 0 to 999, spoken or written: "a hundred and two", "92".
pub fn below_thousand(turn: &Turn<'_>, at: usize) -> Option<Number> {
    if let Some(value) = turn.number_at(at) {
        return Some(Number { value, next: at + 1, ordinal: false, written: true });
    }
    let (hundreds, next) = match below_hundred(turn, at) {
        Some(number) if turn.at(number.next).is(flag::HUNDRED) => (number.value, number.next + 1),
        Some(number) => return Some(number),
        None if turn.at(at).is(flag::HUNDRED) => (1, at + 1),
        None => return None,
    };
    let rest = if is_and(turn, next) { next + 1 } else { next };
    let (value, next) = below_hundred(turn, rest).map_or((0, next), |n| (n.value, n.next));
    Some(spoken(hundreds * 100 + value, next))
}

fn is_and(turn: &Turn<'_>, at: usize) -> bool {
    turn.at(at).class == Class::Word && turn.str_at(at).eq_ignore_ascii_case("and")
}

/// A day of a month: "14", "14th", "fourteen", "fourteenth", "twenty-first".
pub fn day(turn: &Turn<'_>, at: usize) -> Option<Number> {
    let token = turn.at(at);
    if token.claimed {
        return None;
    }
    let number = if token.is_digits() {
        let end = turn.at(at + 1);
        let ordinal = end.is(flag::ORDINAL_END) && (end.is_glued() || turn.str_at(at + 1).eq_ignore_ascii_case("th"));
        let value = turn.number_at(at).filter(|_| turn.width_at(at) <= 2)?;
        Number { value, next: at + 1 + usize::from(ordinal), ordinal, written: true }
    } else if token.is(flag::ORDINAL) {
        Number { ordinal: true, ..spoken(u32::from(token.value), at + 1) }
    } else if token.is(flag::TENS) && ordinal_one(turn, at + 1).is_some() {
        let (one, next) = ordinal_one(turn, at + 1)?;
        Number { ordinal: true, ..spoken(u32::from(token.value) + one, next) }
    } else {
        below_hundred(turn, at).filter(|day| !turn.at(day.next).is(flag::HUNDRED | flag::SCALE))?
    };
    (1..=31).contains(&number.value).then_some(number)
}

/// The "first" of "twenty first" or "-first" of "twenty-first".
fn ordinal_one(turn: &Turn<'_>, at: usize) -> Option<(u32, usize)> {
    let at = if turn.at(at).is_sign(b'-') { at + 1 } else { at };
    let token = turn.at(at);
    (token.is(flag::ORDINAL) && token.value < 10).then(|| (u32::from(token.value), at + 1))
}

/// A year with its century, 1900 to 2099: "1982", "nineteen eighty two", "twenty oh five", "two thousand and five".
pub fn year(turn: &Turn<'_>, at: usize) -> Option<Number> {
    let token = turn.at(at);
    if token.claimed {
        return None;
    }
    if token.is_digits() {
        return written_year(turn, at);
    }
    if token.is(flag::DIGIT) && token.value == 2 && is_thousand(turn, at + 1) {
        let rest = if is_and(turn, at + 2) { at + 3 } else { at + 2 };
        let (value, next) = below_hundred(turn, rest).map_or((0, at + 2), |n| (n.value, n.next));
        return Some(spoken(2000 + value, next));
    }
    let century = match (token.is(flag::TEEN | flag::TENS), token.value) {
        (true, 19) => 1900,
        (true, 20) => 2000,
        _ => return None,
    };
    let rest = turn.at(at + 1);
    if rest.is(flag::HUNDRED) {
        let rest = if is_and(turn, at + 2) { at + 3 } else { at + 2 };
        let (value, next) = below_hundred(turn, rest).map_or((0, at + 2), |n| (n.value, n.next));
        return Some(spoken(century + value, next));
    }
    if rest.is(flag::DIGIT) && rest.value == 0 {
        let one = below_hundred(turn, at + 2).filter(|n| n.value < 10)?;
        return Some(spoken(century + one.value, one.next));
    }
    if rest.is_digits() && turn.width_at(at + 1) == 2 {
        return Some(spoken(century + turn.number_at(at + 1)?, at + 2));
    }
    let rest = below_hundred(turn, at + 1).filter(|n| n.value >= 10)?;
    Some(spoken(century + rest.value, rest.next))
}

fn is_thousand(turn: &Turn<'_>, at: usize) -> bool {
    turn.at(at).is(flag::SCALE) && turn.str_at(at).eq_ignore_ascii_case("thousand")
}

fn written_year(turn: &Turn<'_>, at: usize) -> Option<Number> {
    let value = turn.number_at(at)?;
    let number = |value, next| Some(Number { value, next, ordinal: false, written: true });
    match turn.width_at(at) {
        4 if (1600..=2099).contains(&value) => number(value, at + 1),
        // Speech recognisers write "nineteen seventeen" as "19 17".
        2 if matches!(value, 19 | 20) && turn.width_at(at + 1) == 2 => {
            let rest = turn.number_at(at + 1)?;
            let after = turn.at(at + 2);
            (!after.is_digits() && !after.is(flag::UNIT)).then_some(())?;
            number(value * 100 + rest, at + 2)
        }
        _ => None,
    }
}

/// A year without its century: "'82", "82", "eighty two".
pub fn short_year(turn: &Turn<'_>, at: usize) -> Option<Number> {
    let at = if turn.at(at).is_sign(b'\'') { at + 1 } else { at };
    let number = if turn.at(at).is_digits() {
        let value = turn.number_at(at).filter(|_| turn.width_at(at) == 2)?;
        Number { value, next: at + 1, ordinal: false, written: true }
    } else if turn.at(at).is(flag::DIGIT) && turn.at(at).value == 0 {
        let one = below_hundred(turn, at + 1).filter(|n| n.value < 10)?;
        spoken(one.value, one.next)
    } else {
        below_hundred(turn, at).filter(|n| n.value >= 10)?
    };
    let after = turn.at(number.next);
    // "March 14th 10:30", "march fourteenth ten am", "march fourteenth ten thirty".
    let is_time = after.is(flag::UNIT | flag::NUMBER) || after.is_sign_of(b":%") || after.is_digits();
    (!is_time).then_some(number)
}
