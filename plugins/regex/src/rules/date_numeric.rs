//! DATE and DOB: dates in numbers only: "03/14/1982", "1982-03-14", "three fourteen nineteen eighty two", "the first
//! of the seventh 1944".

use super::{Rule, date, dob};
use crate::kinds::Kind;
use crate::numbers::{self, Number};
use crate::tokens::{Class, Gap};
use crate::turn::Turn;
use crate::words::flag;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &[
        "admission date",
        "discharge date",
        "date of service",
        "date of death",
        "expiration date",
        "exp date",
        "expiry date",
        "appointment date",
        "surgery date",
        "effective date",
        "date of visit",
        "start date",
    ],
    scan,
    needs: flag::WRITTEN | flag::NUMBER | flag::ORDINAL,
    ..Rule::new(Kind::Date)
};

fn scan(turn: &mut Turn<'_>) {
    let mut at = 0;
    while at < turn.tokens.len() {
        let token = turn.at(at);
        let found = match token.class {
            _ if token.claimed || !token.is(flag::WRITTEN | flag::NUMBER | flag::ORDINAL) => None,
            Class::Digits => written(turn, at).or_else(|| spaced(turn, at)).or_else(|| of_the(turn, at)),
            Class::Word if token.is(flag::TENS) => spoken(turn, at).or_else(|| of_the(turn, at)),
            Class::Word if token.is(flag::DIGIT | flag::TEEN) => spoken(turn, at),
            Class::Word if token.is(flag::ORDINAL) => of_the(turn, at),
            _ => None,
        };
        at = match found {
            Some((last, confidence)) => {
                date::report(turn, at, last, confidence);
                last + 1
            }
            None => at + 1,
        };
    }
}

fn is_day_and_month(a: u32, b: u32) -> bool {
    let fits = |day: u32, month: u32| (1..=31).contains(&day) && (1..=12).contains(&month);
    fits(a, b) || fits(b, a)
}

/// Three numbers with the same sign twice, or a day and a month when a date is expected.
fn written(turn: &Turn<'_>, at: usize) -> Option<(usize, f32)> {
    let sign = turn.at(at + 1);
    if !sign.is_sign_of(b"/-.") || turn.before(at).is_sign_of(b"/-.$") && turn.at(at).is_glued() {
        return None;
    }
    let second = turn.number_at(at + 2)?;
    let first = turn.number_at(at)?;
    // "11/2027": a month and a year. Nothing else is a small number, a slash and a year.
    if sign.is_sign(b'/') && sign.is_glued() && turn.at(at + 2).is_glued() && turn.width_at(at + 2) == 4 {
        let ends = !turn.at(at + 3).is_glued() || !turn.at(at + 3).is_sign_of(b"/-") && !turn.at(at + 3).is_digits();
        let month = (1..=12).contains(&first) && turn.width_at(at) <= 2 && (1900..=2100).contains(&second);
        return (month && ends).then_some((at + 2, 0.9));
    }
    // "415-555": groups of a telephone number are wider than a day.
    if turn.width_at(at + 2) > 2 || !turn.at(at + 2).is_glued() && !sign.is_sign(b'/') {
        return None;
    }
    if turn.at(at + 3).is_sign(sign.sign) {
        return whole(turn, at, first, second);
    }
    // "3/14" may also be a fraction, "3-14" a range, "3.14" a number.
    let lone = sign.is_sign(b'/') && sign.is_glued() && is_day_and_month(first, second) && turn.width_at(at) <= 2;
    let expected = dob::is_birth(turn, at, at + 2)
        || turn.before(at).is(flag::WEEKDAY)
        || second > 12 && turn.before(at).is(flag::BEFORE_DATE) && !is_unit(turn, at + 3)
        || turn
            .cue_before(at, 3, |cue| std::ptr::eq(super::RULES[usize::from(cue.rule) % super::RULES.len()], &RULE))
            .is_some();
    if lone && expected && !is_unit(turn, at + 3) {
        return Some((at + 2, 0.75));
    }
    // "27/12 1967", "05-02 2011": mixed notation from a recogniser.
    let year = numbers::year(turn, at + 3).filter(|_| turn.at(at + 3).gap == Gap::Space)?;
    (is_day_and_month(first, second) && !is_unit(turn, year.next)).then_some((year.next - 1, 0.85))
}

fn is_unit(turn: &Turn<'_>, at: usize) -> bool {
    turn.at(at).is(flag::UNIT) || turn.at(at).is_sign(b'%')
}

fn whole(turn: &Turn<'_>, at: usize, first: u32, second: u32) -> Option<(usize, f32)> {
    let last = at + 4;
    let third = turn.number_at(last)?;
    let goes_on = turn.at(last + 1).is_sign(turn.at(at + 1).sign)
        && turn.at(last + 1).is_glued()
        && turn.at(last + 2).is_glued()
        && turn.at(last + 2).is_digits();
    if goes_on {
        return None;
    }
    match (turn.width_at(at), turn.width_at(last)) {
        (4, 1 | 2) if (1800..=2100).contains(&first) && is_day_and_month(third, second) && second <= 12 => {
            Some((timestamp(turn, last), 0.97))
        }
        (1 | 2, 4) if (1800..=2100).contains(&third) && is_day_and_month(first, second) => Some((last, 0.97)),
        (1 | 2, 2) if is_day_and_month(first, second) => {
            // "1.2.10" may be a section, "5-10-15" a series of doses; with slashes both are unlikely.
            let confidence = if turn.at(at + 1).is_sign(b'/') { 0.9 } else { 0.7 };
            Some((last, confidence))
        }
        _ => None,
    }
}

/// ISO 8601 continues with "T10:00:00Z"; the time is part of the value.
fn timestamp(turn: &Turn<'_>, last: usize) -> usize {
    let t = turn.at(last + 1);
    if !(t.is_letter() && t.sign == b'T' && t.is_glued() && turn.at(last + 2).is_digits()) {
        return last;
    }
    let mut last = last + 2;
    for _ in 0..10 {
        let next = turn.at(last + 1);
        let belongs = next.is_digits() || next.is_letter() && next.sign == b'Z' || next.is_sign_of(b":.+-");
        if !next.is_glued() || !belongs {
            break;
        }
        last += 1;
    }
    while turn.at(last).class == Class::Sign {
        last -= 1;
    }
    last
}

/// "13 12 1978", "05 02 2011": three pieces separated by blanks, with a four-digit year.
fn spaced(turn: &Turn<'_>, at: usize) -> Option<(usize, f32)> {
    let (second, third) = (turn.at(at + 1), turn.at(at + 2));
    if second.gap != Gap::Space || third.gap != Gap::Space || turn.width_at(at) > 2 || turn.width_at(at + 1) > 2 {
        return None;
    }
    let year = numbers::year(turn, at + 2).filter(|year| year.written && turn.width_at(at + 2) == 4)?;
    let alone = !turn.before(at).is_digits() && !turn.at(year.next).is_digits() && !is_unit(turn, year.next);
    let fits = is_day_and_month(turn.number_at(at)?, turn.number_at(at + 1)?);
    (alone && fits).then_some((year.next - 1, 0.8))
}

/// "Three fourteen nineteen eighty two", "oh three slash fourteen slash eighty two".
fn spoken(turn: &Turn<'_>, at: usize) -> Option<(usize, f32)> {
    // In a longer sequence of numbers it is part of something else.
    let before = if turn.before(at).is(flag::SPOKEN_SIGN) { turn.before(at - 1) } else { turn.before(at) };
    if before.is(flag::NUMBER | flag::REPEAT) || before.is_digits() {
        return None;
    }
    let first = padded(turn, at)?;
    let (from, slashed) = past_sign(turn, first.next);
    let second = padded(turn, from)?;
    let (from, slashed_twice) = past_sign(turn, second.next);
    if !is_day_and_month(first.value, second.value) {
        return None;
    }
    let birth = dob::is_birth(turn, at, from);
    let full = numbers::year(turn, from);
    let year = full.or_else(|| numbers::short_year(turn, from).filter(|_| birth || slashed && slashed_twice))?;
    let after = turn.at(year.next);
    if after.is(flag::UNIT | flag::NUMBER | flag::REPEAT) || after.is_digits() {
        return None;
    }
    let confidence = match (birth, slashed && slashed_twice) {
        (true, _) | (_, true) => 0.92,
        _ => 0.75,
    };
    Some((year.next - 1, confidence))
}

fn past_sign(turn: &Turn<'_>, at: usize) -> (usize, bool) {
    let token = turn.at(at);
    let said = token.is(flag::SPOKEN_SIGN) && matches!(token.value, b'/' | b'-' | b'.');
    if said { (at + 1, true) } else { (at, false) }
}

/// A number up to 31, optionally with "oh" before it.
fn padded(turn: &Turn<'_>, at: usize) -> Option<Number> {
    let zero = turn.at(at).is(flag::DIGIT) && turn.at(at).value == 0 && !turn.at(at).is_letter();
    let number = if zero {
        numbers::below_hundred(turn, at + 1).filter(|number| number.value < 10)?
    } else {
        numbers::below_hundred(turn, at)?
    };
    (1..=31).contains(&number.value).then_some(number)
}

/// "The 18th of the 8th 2009", "first of the seventh nineteen forty four".
fn of_the(turn: &Turn<'_>, at: usize) -> Option<(usize, f32)> {
    let day = numbers::day(turn, at).filter(|day| day.ordinal)?;
    let joined =
        turn.str_at(day.next).eq_ignore_ascii_case("of") && turn.str_at(day.next + 1).eq_ignore_ascii_case("the");
    if !joined {
        return None;
    }
    let month = numbers::day(turn, day.next + 2).filter(|month| month.ordinal && month.value <= 12)?;
    match numbers::year(turn, month.next) {
        Some(year) => Some((year.next - 1, 0.92)),
        // "The first of the second batch" is not a date.
        None => dob::is_birth(turn, at, month.next - 1).then_some((month.next - 1, 0.8)),
    }
}
