//! DATE and DOB: dates with a month name: "March 14th, 1982", "the third of may", "14-Mar-82".
//!
//! A date needs a day or a year beside the month; a month alone, a weekday, "tomorrow" and a year alone are not
//! masked.

use super::{Rule, dob};
use crate::kinds::Kind;
use crate::numbers::{self, Number};
use crate::tokens::{Caps, Class, Gap};
use crate::turn::Turn;
use crate::words::flag;

/// The rule.
pub static RULE: Rule = Rule { scan, needs: flag::MONTH, ..Rule::new(Kind::Date) };

fn scan(turn: &mut Turn<'_>) {
    for at in 0..turn.tokens.len() {
        if turn.at(at).is(flag::MONTH) && !turn.at(at).claimed {
            if let Some((first, last, confidence)) = around(turn, at) {
                report(turn, first, last, confidence);
            }
        }
    }
}

/// Records a date, including an adjacent weekday.
pub fn report(turn: &mut Turn<'_>, first: usize, last: usize, confidence: f32) {
    let kind = if dob::is_birth(turn, first, last) { Kind::Dob } else { Kind::Date };
    let (first, last) = (with_weekday(turn, first), before_weekday(turn, last));
    turn.found(first, last, kind, confidence);
}

/// "Thursday, March 14th", "Tue the 28th of August", "Sunday, on August 19th": the weekday is part of the date.
fn with_weekday(turn: &Turn<'_>, first: usize) -> usize {
    let mut at = first;
    for _ in 0..3 {
        let link = turn.before(at).is_sign_of(b",.")
            || at > 0 && ["the", "on"].iter().any(|word| turn.str_at(at - 1).eq_ignore_ascii_case(word));
        if link {
            at -= 1;
        }
    }
    let is_weekday = at > 0 && turn.before(at).is(flag::WEEKDAY) && !turn.before(at).claimed;
    if is_weekday && (at..=first).all(|at| turn.at(at).gap != Gap::Line) { at - 1 } else { first }
}

/// "December 19th, Wednesday".
fn before_weekday(turn: &Turn<'_>, last: usize) -> usize {
    let next = if turn.at(last + 1).is_sign(b',') { last + 2 } else { last + 1 };
    // "March third sun is out": short names may be words, so only names of at least three letters that are not words
    // count.
    let weekday = turn.at(next);
    if weekday.is(flag::WEEKDAY) && weekday.len() >= 6 && weekday.gap == Gap::Space { next } else { last }
}

fn around(turn: &Turn<'_>, month: usize) -> Option<(usize, usize, f32)> {
    let left = day_before(turn, month);
    let right_of_month = skip_dot(turn, month + 1);
    // "A table for two march fourteenth": the cardinal before the month is a count.
    let ordinal_after = day_after(turn, right_of_month).is_some_and(|day| day.ordinal);
    let left = left.filter(|(_, ordinal, of)| *ordinal || *of || !ordinal_after);
    if let Some((first, ordinal, of)) = left {
        let year = year_after(turn, right_of_month, turn.at(month + 1).is_sign_of(b"-/"));
        if year.is_some() || ordinal && of || !is_verb_after(turn, month) {
            let last = year.map_or(month, |year| year.next - 1);
            return Some((first, last, if year.is_some() { 0.97 } else { 0.9 }));
        }
    }
    if let Some(day) = day_after(turn, right_of_month) {
        let year = year_after(turn, day.next, turn.at(day.next).is_sign_of(b"-/"));
        if year.is_some() || is_date(turn, month, day) {
            let last = year.map_or(day.next - 1, |year| year.next - 1);
            return Some((month, last, if year.is_some() { 0.97 } else { 0.9 }));
        }
        return None;
    }
    // "March 1982", "in december of nineteen oh five".
    let from = [",", "of", "in"].iter().any(|word| turn.str_at(right_of_month).eq_ignore_ascii_case(word));
    let year = numbers::year(turn, right_of_month + usize::from(from))?;
    let named = !year.written || turn.width_at(year.next - 1) == 4 || turn.width_at(year.next - 1) == 2;
    let quantity = turn.at(year.next).is(flag::UNIT) || turn.at(year.next).is_sign(b':');
    (named && !quantity && !is_verb_before(turn, month)).then_some((month, year.next - 1, 0.85))
}

fn skip_dot(turn: &Turn<'_>, at: usize) -> usize {
    if turn.at(at).is_sign(b'.') && turn.at(at).is_glued() { at + 1 } else { at }
}

/// The first token of a day that ends right before the month ("14", "14th of", "twenty first of"), whether it is an
/// ordinal, and whether "of" separates it from the month.
fn day_before(turn: &Turn<'_>, month: usize) -> Option<(usize, bool, bool)> {
    let mut end = month;
    let mut of = false;
    if turn.before(end).is_sign_of(b"-/.,") && turn.at(end).gap != Gap::Line {
        // "On the 14th. March is late": a stop followed by a blank ends the sentence.
        if turn.before(end).is_sign_of(b".,") && !turn.at(end).is_glued() {
            return None;
        }
        end -= 1;
    } else if end > 0 && turn.str_at(end - 1).eq_ignore_ascii_case("of") {
        end -= 1;
        of = true;
    }
    (1..=3).rev().find_map(|width| {
        let first = end.checked_sub(width)?;
        let day = numbers::day(turn, first).filter(|day| day.next == end)?;
        let price = turn.before(first).is_sign_of(b"$:.") && turn.at(first).is_glued();
        // "twenty four march": when more number words precede, only the last two are the day.
        let more = turn.before(first).is(flag::TENS | flag::HUNDRED) || price;
        (!more).then_some((first, day.ordinal, of))
    })
}

fn day_after(turn: &Turn<'_>, at: usize) -> Option<Number> {
    let token = turn.at(at);
    let skipped = token.is_sign_of(b"-/,") || token.class == Class::Word && turn.str_at(at).eq_ignore_ascii_case("the");
    let at = if skipped { at + 1 } else { at };
    let mut day = numbers::day(turn, at)?;
    // "May the 3 of us come".
    if skipped && token.class == Class::Word && !day.ordinal {
        return None;
    }
    let after = turn.at(day.next);
    let time = after.is_sign(b':') && turn.at(day.next + 1).is_glued();
    let measure = !day.ordinal && turn.is_unit(day.next);
    if time || measure {
        return None;
    }
    // "March 14-16", "march fourteenth to sixteenth".
    let joint = after.is_sign(b'-')
        || ["to", "through", "and", "or"].iter().any(|w| turn.str_at(day.next).eq_ignore_ascii_case(w));
    if joint {
        let the = turn.str_at(day.next + 1).eq_ignore_ascii_case("the");
        let second = numbers::day(turn, day.next + 1 + usize::from(the));
        let second = second.filter(|second| second.ordinal || after.is_glued());
        if let Some(second) = second.filter(|second| second.value > day.value) {
            let month_follows = turn.at(second.next).is(flag::MONTH) || turn.str_at(second.next) == "of";
            if !month_follows {
                day.next = second.next;
            }
        }
    }
    Some(day)
}

/// A year after the day. Two digits count after a dash or an apostrophe, or when a date of birth is given.
fn year_after(turn: &Turn<'_>, at: usize, dashed: bool) -> Option<Number> {
    let at = if turn.at(at).is_sign_of(b",-/.") { at + 1 } else { at };
    let linked = ["of", "in", "to", "the", "year"].iter().any(|word| turn.str_at(at).eq_ignore_ascii_case(word));
    let at = if linked { at + 1 } else { at };
    if turn.at(at).gap == Gap::Line {
        return None;
    }
    let timed = |year: &Number| turn.at(year.next).is_sign(b':') || turn.at(year.next).is(flag::UNIT);
    if let Some(year) = numbers::year(turn, at) {
        return (!timed(&year)).then_some(year);
    }
    let short = numbers::short_year(turn, at)?;
    let quoted = turn.at(at).is_sign(b'\'');
    // "March fourteenth eighty two": neither a clock time nor a day reaches 82.
    let year_like = !short.written && short.value >= 32 && !turn.at(at).is(flag::DIGIT);
    (dashed && short.written || quoted || year_like || !linked && dob::is_birth(turn, at, at)).then_some(short)
}

/// Whether a month followed by a day without a year is a date: "may" and "march" are also verbs.
fn is_date(turn: &Turn<'_>, month: usize, day: Number) -> bool {
    let name = turn.at(month);
    if !matches!(name.value, 3 | 5) || name.caps == Caps::First && !starts_plain(turn, month) {
        return !(name.value == 5 && is_verb_before(turn, month));
    }
    let before = turn.before(month);
    if before.is(flag::BEFORE_DATE | flag::WEEKDAY) || name.value == 3 && day.ordinal {
        return true;
    }
    // "You may second that", "may 5 people come"; but "may second works for me".
    let next = turn.at(day.next);
    let ends = next.class != Class::Word || next.is(flag::STOP | flag::LINK);
    !is_verb_before(turn, month) && (day.ordinal || month == 0 || day.written || ends)
}

fn starts_plain(turn: &Turn<'_>, at: usize) -> bool {
    at == 0 || turn.starts_sentence(at)
}

fn is_verb_before(turn: &Turn<'_>, month: usize) -> bool {
    turn.at(month).value == 5
        && month > 0
        && turn.before(month).is(flag::VERB_SIGN)
        && turn.at(month).caps != Caps::First
}

/// "The second may be better", "the third march was long": before a verb, "may" is an auxiliary.
fn is_verb_after(turn: &Turn<'_>, month: usize) -> bool {
    turn.at(month).value == 5 && turn.at(month).caps != Caps::First && turn.at(month + 1).is(flag::VERB_SIGN)
}
