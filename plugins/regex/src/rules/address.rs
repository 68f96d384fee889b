//! ADDRESS: street addresses of the English-speaking world, written and spoken: "1482 Oak Lane, Apt 4B", "four fifty
//! six maple avenue apartment two b".
//!
//! The search starts at the street type ("Lane") and walks back over the name to the house number.

use super::address_tail::{apartment, city, direction, postal_code, skip, trailing};
use super::{Rule, finds};
use crate::kinds::Kind;
use crate::tokens::{Caps, Class, Gap};
use crate::turn::Turn;
use crate::words::flag;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &[
        "address",
        "home address",
        "mailing address",
        "street address",
        "billing address",
        "shipping address",
        "live at",
        "lives at",
        "lived at",
        "living at",
        "live on",
        "lives on",
        "living on",
        "reside at",
        "resides at",
        "residing at",
        "located at",
        "my house is",
        "ship it to",
        "deliver it to",
        "visit them at",
        "location is",
    ],
    scan,
    needs: flag::STREET | flag::WRITTEN,
    ..Rule::new(Kind::Address)
};

/// The most words in a street name.
const NAME: usize = 4;

fn scan(turn: &mut Turn<'_>) {
    if turn.seen & flag::STREET != 0 {
        for at in 1..turn.tokens.len() {
            let token = turn.at(at);
            if token.is(flag::STREET) && !token.claimed && is_last_type(turn, at) {
                if let Some((first, confidence)) = front(turn, at) {
                    let last = trailing(turn, first, at);
                    report(turn, first, last, confidence);
                }
            }
        }
    }
    if turn.seen & flag::WRITTEN != 0 {
        unnamed(turn);
    }
}

/// Whether the word is the street type and not part of its name: "Foster Square Lane", "1st Street".
fn is_last_type(turn: &Turn<'_>, at: usize) -> bool {
    let ordinal = turn.at(at).is_glued() && turn.before(at).is_digits();
    let next = turn.at(at + 1);
    let another = next.is(flag::STREET) && next.gap == Gap::Space && !next.claimed;
    // "One-way".
    let compound = turn.at(at).is_glued() && turn.before(at).is_sign(b'-');
    !ordinal && !another && !compound
}

/// Records an address that ends at `last`, with its tail and the postal code after that.
pub fn report(turn: &mut Turn<'_>, first: usize, last: usize, confidence: f32) {
    let last = city(turn, apartment(turn, direction(turn, last)));
    turn.found(first, last, Kind::Address, confidence);
    if let Some((first, last)) = postal_code(turn, last + 1) {
        turn.found(first, last, Kind::Zip, 0.9);
    }
}

/// Whether the text around token `at`, or a question, is about an address.
pub fn is_asked(turn: &Turn<'_>, at: usize) -> bool {
    turn.cue_before(at, 6, |cue| finds(cue.rule, Kind::Address)).is_some()
        || turn.carried.asks_for(|rule| finds(rule, Kind::Address))
}

/// Whether the address that begins at `first` answers a question or follows an announcement.
fn is_answer(turn: &Turn<'_>, first: usize) -> bool {
    turn.cue_before(first, 2, |cue| finds(cue.rule, Kind::Address)).is_some()
        || first <= 2 && turn.carried.asks_for(|rule| finds(rule, Kind::Address))
}

/// The first token of the address whose street type is `street`.
fn front(turn: &Turn<'_>, street: usize) -> Option<(usize, f32)> {
    let weak = turn.at(street).value == 2;
    if weak && is_title(turn, street) {
        return None;
    }
    let mut at = street;
    // "Pop event taking place": a type that is also a common word counts only with a capital of its own.
    let mut capital = turn.at(street).caps != Caps::None;
    while at > 0 && street - at <= NAME {
        let (before, here) = (turn.at(at - 1), turn.at(at));
        if before.claimed || here.gap == Gap::Line {
            return None;
        }
        if let Some(first) = house_number(turn, at - 1) {
            if street == at {
                // "12 street" and "1 st" have no name.
                return None;
            }
            let certain = !weak || capital || is_wide(turn, first, at - 1) || is_answer(turn, first);
            let likely = certain && !is_lone_one(turn, first, at - 1, capital);
            return likely.then_some((first, if weak && !capital { 0.75 } else { 0.92 }));
        }
        if !is_name(turn, at - 1) {
            break;
        }
        capital |= !weak && before.caps != Caps::None;
        at -= 1;
    }
    // Without a number: "I live on maple street".
    let named = (!weak || capital) && !turn.at(at).is(flag::STOP | flag::LINK);
    (named && at < street && street - at <= NAME && is_asked(turn, at) && !turn.at(at).is(flag::STREET))
        .then_some((at, 0.75))
}

/// "Room 12, hello Dr Smith": a title, not a drive. In lower case any word after it may be a name.
fn is_title(turn: &Turn<'_>, at: usize) -> bool {
    if !turn.str_at(at).eq_ignore_ascii_case("dr") {
        return false;
    }
    let after = skip(turn, at + 1, b".");
    let next = turn.at(after);
    let name = next.class == Class::Word && !next.is(flag::APARTMENT | flag::DIRECTION | flag::STOP | flag::STATE);
    name && next.gap != Gap::Line && (next.caps != Caps::None || turn.at(at).caps == Caps::None)
}

/// A word that may be part of a street's name.
fn is_name(turn: &Turn<'_>, at: usize) -> bool {
    let token = turn.at(at);
    if token.class == Class::Sign {
        // "St. John's Rd", "N. Main St", "Winston-Salem Ave".
        // A stop after a longer word ends a sentence.
        let short = turn.before(at).caps != Caps::None && turn.before(at).len() <= 3;
        return token.is_glued() && (token.is_sign(b'-') || token.is_sign(b'.') && short);
    }
    if token.class == Class::Digits {
        return turn.at(at + 1).is(flag::ORDINAL_END) && turn.at(at + 1).is_glued();
    }
    let small = token.caps == Caps::None;
    let common = token.is(flag::STOP | flag::UNIT | flag::FILLER | flag::RESTART | flag::SCALE | flag::LINK);
    token.class == Class::Word && !(common && small) || token.is(flag::ORDINAL | flag::ORDINAL_END)
}

/// The first token of the house number that ends at `last`.
pub fn house_number(turn: &Turn<'_>, last: usize) -> Option<usize> {
    let token = turn.at(last);
    if token.is_digits() {
        let ordinal = turn.at(last + 1).is(flag::ORDINAL_END) && turn.at(last + 1).is_glued();
        let fraction = turn.before(last).is_sign_of(b".,") && last >= 2 && turn.at(last - 2).is_digits();
        let price = (fraction || turn.before(last).is_sign(b'$')) && token.is_glued();
        if ordinal || price || turn.width_at(last) > 6 || token.claimed {
            return None;
        }
        let ranged =
            turn.before(last).is_sign_of(b"-/") && token.is_glued() && last >= 2 && turn.at(last - 2).is_digits();
        return Some(if ranged { last - 2 } else { last });
    }
    // "221 B Baker Street", "12a High Street".
    if token.is_letter() && turn.before(last).is_digits() && turn.width_at(last - 1) <= 5 {
        return Some(last - 1);
    }
    if !token.is(flag::NUMBER) || token.is_letter() {
        return None;
    }
    let mut first = last;
    while first > 0 && last - first < 6 && turn.at(first - 1).is(flag::NUMBER) && !turn.at(first - 1).claimed {
        first -= 1;
    }
    Some(first)
}

/// A house number of two digits or two words.
fn is_wide(turn: &Turn<'_>, first: usize, last: usize) -> bool {
    first < last || turn.width_at(first) >= 2 && turn.at(first).is_digits()
}

/// "One busy street": a single "one" or "two" in lower case is a count.
fn is_lone_one(turn: &Turn<'_>, first: usize, last: usize, capital: bool) -> bool {
    let token = turn.at(first);
    first == last && token.is(flag::DIGIT) && !capital && !is_asked(turn, first)
}

/// A number and a name where an address was asked for: "123 Broadway", "4 The Elms".
fn unnamed(turn: &mut Turn<'_>) {
    let mut at = 0;
    while at < turn.tokens.len() {
        let token = turn.at(at);
        let name = turn.at(at + 1);
        let numbered = token.is_digits() && !token.claimed && turn.width_at(at) <= 5;
        let named = name.class == Class::Word && name.gap == Gap::Space && name.caps == Caps::First && !name.claimed;
        if numbered && named && !name.is(flag::UNIT | flag::MONTH | flag::WEEKDAY) && is_asked(turn, at) {
            let mut last = at + 1;
            while last < at + 4 && turn.at(last + 1).caps == Caps::First && turn.at(last + 1).gap == Gap::Space {
                last += 1;
            }
            report(turn, at, last, 0.8);
            at = last;
        }
        at += 1;
    }
}
