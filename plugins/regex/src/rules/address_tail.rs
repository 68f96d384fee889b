//! The parts after the street: direction, apartment, city, postal code. Each function takes the last token so far and
//! returns the last token including its part.

use crate::tokens::{Caps, Class, Gap, Token};
use crate::turn::Turn;
use crate::words::flag;

/// The apartment that recognisers put right after the street: "maple avenue six", "pine street seventy eight".
pub fn trailing(turn: &Turn<'_>, first: usize, street: usize) -> usize {
    let numbered = turn.at(first).is_digits() || turn.at(first).is(flag::NUMBER);
    if !numbered || turn.at(street + 1).gap != Gap::Space || five_digits(turn, street + 1).is_some() {
        return street;
    }
    let part = |token: &Token| token.is(flag::NUMBER) || token.is_letter() && !matches!(token.sign, b'A' | b'I');
    let mut last = street;
    while last < street + 4 && part(turn.at(last + 1)) && !turn.at(last + 1).claimed {
        last += 1;
    }
    // "Drive b200".
    if last > street && turn.at(last + 1).is_digits() && turn.at(last + 1).is_glued() {
        last += 1;
    }
    let goes_on = turn.is_unit(last + 1)
        || turn.at(last + 1).is(flag::SPOKEN_SIGN)
        || part(turn.at(last + 1))
        || turn.str_at(last + 1).eq_ignore_ascii_case("of");
    if goes_on { street } else { last }
}

/// "Northwest", "NW".
pub fn direction(turn: &Turn<'_>, last: usize) -> usize {
    let next = skip(turn, last + 1, b".");
    let token = turn.at(next);
    let letter = token.is_letter() && token.caps != Caps::First;
    if token.is(flag::DIRECTION) && token.gap != Gap::Line && !letter { next } else { last }
}

/// The token after one of these signs, or the token itself.
pub fn skip(turn: &Turn<'_>, at: usize, signs: &[u8]) -> usize {
    if turn.at(at).is_sign_of(signs) { at + 1 } else { at }
}

/// "Apt 4B", "suite two hundred", "# 305C", "number three ten".
pub fn apartment(turn: &Turn<'_>, last: usize) -> usize {
    let next = skip(turn, skip(turn, last + 1, b"."), b",");
    let token = turn.at(next);
    let number_word =
        turn.str_at(next).eq_ignore_ascii_case("number") || turn.str_at(next).eq_ignore_ascii_case("floor");
    if token.gap == Gap::Line || !(token.is(flag::APARTMENT) || token.is_sign(b'#') || number_word) {
        return last;
    }
    let mut end = skip(turn, skip(turn, next + 1, b"."), b"#");
    let from = end;
    let part = |token: &Token| token.is_digits() || token.is(flag::NUMBER) || token.is_letter();
    while end - from < 6 && part(turn.at(end)) && turn.at(end).gap != Gap::Line {
        end += 1;
    }
    // "Suite one hundred four one five dash six ...": three digits before a dash begin a telephone number.
    if turn.at(end).is(flag::SPOKEN_SIGN) && turn.at(end).value == b'-' && end - from > 3 {
        end -= 3;
    }
    if end == from { last } else { end - 1 }
}

/// ", Springfield, IL", "springfield illinois"; or a capitalised name after a comma, ", Brooklyn".
pub fn city(turn: &Turn<'_>, last: usize) -> usize {
    let from = skip(turn, skip(turn, last + 1, b"."), b",");
    let mut at = from;
    let mut names = last;
    for words in 0..=3 {
        let token = turn.at(at);
        let abbreviated = token.is(flag::STATE) && token.value == 0 && token.len() == 2;
        let loud = token.caps == Caps::All || turn.at(at + 1).is_digits();
        let state = token.is(flag::STATE) && (!abbreviated || loud);
        if words > 0 && state {
            return at;
        }
        let common = token.is(flag::STOP | flag::LINK | flag::NUMBER | flag::MONTH | flag::WEEKDAY | flag::KEY);
        if token.class != Class::Word || common || token.gap == Gap::Line && words > 0 {
            break;
        }
        let listed = turn.before(from).is_sign(b',') && (names + 1 == at || at == from);
        if listed && token.caps == Caps::First && token.gap == Gap::Space {
            names = at;
        }
        at = skip(turn, at + 1, b",");
    }
    names
}

/// Five digits (and four) soon after an address, spoken or written.
pub fn postal_code(turn: &Turn<'_>, from: usize) -> Option<(usize, usize)> {
    for at in from..from + 5 {
        let token = turn.at(at);
        if token.is_digits() || token.is(flag::DIGIT) {
            return five_digits(turn, at);
        }
        let place = token.class == Class::Word && !token.is(flag::STOP | flag::NUMBER | flag::UNIT);
        if !(place || token.is_sign_of(b",.")) {
            return None;
        }
    }
    None
}

fn five_digits(turn: &Turn<'_>, at: usize) -> Option<(usize, usize)> {
    if turn.at(at).is_digits() && turn.width_at(at) == 5 {
        let more = turn.at(at + 1).is_sign(b'-') && turn.at(at + 2).is_glued() && turn.width_at(at + 2) == 4;
        return Some((at, if more { at + 2 } else { at }));
    }
    let digits = (at..at + 6).take_while(|at| turn.at(*at).is(flag::DIGIT)).count();
    (digits == 5).then_some((at, at + 4))
}
