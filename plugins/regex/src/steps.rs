//! What each word or number contributes to a run: digits, number words, spelled letters, parts of codes.

use crate::keywords::NOTHING;
use crate::lists::is_whole;
use crate::tokens::{Caps, Class, Token};
use crate::turn::Turn;
use crate::words::{Flags, flag};

/// The contribution of one step to a run.
pub enum Piece {
    /// The characters of its token.
    Own,
    /// A digit or a letter, repeated this many times.
    Repeat(u8, usize),
    /// A number of two digits.
    Two(u8),
    /// This many zeros: "hundred".
    Zeros(usize),
}

/// One step of a run.
pub struct Step {
    /// The contribution.
    pub piece: Piece,
    /// The first token after it.
    pub next: usize,
}

/// What token `at` contributes to a run, if it can be part of one. `last` is the run's last token so far.
pub fn step(turn: &Turn<'_>, at: usize, last: Option<usize>) -> Option<Step> {
    let token = turn.at(at);
    if token.claimed {
        return None;
    }
    match token.class {
        Class::Digits if is_measure(turn, at) || last.is_none() && is_fraction(turn, at) => None,
        Class::Digits => Some(Step { piece: Piece::Own, next: at + 1 }),
        Class::Word => word(turn, token, at, last),
        Class::Sign | Class::End => None,
    }
}

fn word(turn: &Turn<'_>, token: &Token, at: usize, last: Option<usize>) -> Option<Step> {
    let next = turn.at(at + 1);
    if token.is(flag::DIGIT) {
        return Some(Step { piece: Piece::Repeat(b'0' + token.value, 1), next: at + 1 });
    }
    if token.is(flag::TEEN) {
        return Some(Step { piece: Piece::Two(token.value), next: at + 1 });
    }
    if token.is(flag::TENS) {
        let one = if next.is_sign(b'-') && next.is_glued() { at + 2 } else { at + 1 };
        let ones = turn.at(one);
        let joined = ones.is(flag::DIGIT) && ones.value > 0;
        return Some(match joined {
            true => Step { piece: Piece::Two(token.value + ones.value), next: one + 1 },
            false => Step { piece: Piece::Two(token.value), next: at + 1 },
        });
    }
    if token.is(flag::HUNDRED | flag::SCALE) {
        // Only after a number: "eight hundred" means 800, "hundreds" of something is not a number.
        let zeros = if token.is(flag::HUNDRED) { 2 } else { 3 };
        let after_number = last.is_some_and(|last| turn.at(last).is(flag::NUMBER));
        return after_number.then_some(Step { piece: Piece::Zeros(zeros), next: at + 1 });
    }
    if token.is(flag::REPEAT) {
        let times = usize::from(token.value);
        if next.is(flag::DIGIT) {
            return Some(Step { piece: Piece::Repeat(b'0' + next.value, times), next: at + 2 });
        }
        if next.is_letter() && next.sign.is_ascii_alphabetic() {
            return Some(Step { piece: Piece::Repeat(next.sign, times), next: at + 2 });
        }
        let digit = turn.number_at(at + 1).filter(|value| *value < 10)?;
        return Some(Step { piece: Piece::Repeat(b'0' + digit as u8, times), next: at + 2 });
    }
    if token.is_letter() && token.sign.is_ascii_alphabetic() {
        return letter(turn, token, at, last);
    }
    if token.is(flag::SPELLING) {
        let near = |t: &Token| t.is_letter() || t.is_digits() || t.is(flag::DIGIT | flag::SPELLING);
        let first = turn.str_at(at).as_bytes().first()?.to_ascii_uppercase();
        return (last.is_some() || near(next)).then_some(Step { piece: Piece::Repeat(first, 1), next: at + 1 });
    }
    is_code(turn, token, at).then_some(Step { piece: Piece::Own, next: at + 1 })
}

/// A spelled letter, including a following "as in hotel" or "for bravo".
fn letter(turn: &Turn<'_>, token: &Token, at: usize, last: Option<usize>) -> Option<Step> {
    let next = turn.at(at + 1);
    // "Two hundred m g": a spelled unit.
    if last.is_some() && turn.is_unit(at) {
        return None;
    }
    let glued = next.is_glued() && next.is_digits()
        || is_hyphened(turn, at + 1)
        || (token.is_glued() && turn.before(at).is_digits());
    if matches!(token.sign, b'A' | b'I') && !glued {
        // "a" and "I" are words, unless spelled or coded characters surround them.
        let spelled = |t: &Token| t.is_letter() || t.is(flag::SPELLING);
        let sign = next.is(flag::SPOKEN_SIGN) && next.value != b'@';
        let inside = last.is_some() && (spelled(next) || sign || next.is_digits() || next.is(flag::DIGIT));
        let at_end = last.is_some() && matches!(next.class, Class::End | Class::Sign);
        // "My chart number is A 4 4 8": here "A" is not an article before a count.
        let announced = last.is_none() && counted(next) && is_announced(turn, at);
        if !(inside || at_end || announced || spelled(next) || is_likened(turn, token, at + 1)) {
            return None;
        }
    }
    let mut after = at + 1;
    if is_likened(turn, token, after) {
        // Three tokens for "as in hotel", two for "for hotel".
        after += if turn.str_at(after).eq_ignore_ascii_case("as") { 3 } else { 2 };
    }
    Some(Step { piece: Piece::Repeat(token.sign, 1), next: after })
}

fn counted(token: &Token) -> bool {
    token.is(flag::WRITTEN | flag::DIGIT)
}

/// Whether a key phrase comes right before, with only links between: "my member number is".
fn is_announced(turn: &Turn<'_>, at: usize) -> bool {
    turn.cue_before(at, 2, |cue| {
        cue.strong && cue.rule != NOTHING && (cue.last as usize + 1..at).all(|at| turn.at(at).is(flag::LINK))
    })
    .is_some()
}

/// Whether "as in hotel", "for hotel" or "like hotel" follows the letter H.
fn is_likened(turn: &Turn<'_>, token: &Token, at: usize) -> bool {
    let text = turn.str_at(at);
    let word = if text.eq_ignore_ascii_case("as") && turn.str_at(at + 1).eq_ignore_ascii_case("in") {
        at + 2
    } else if text.eq_ignore_ascii_case("for") || text.eq_ignore_ascii_case("like") {
        at + 1
    } else {
        return false;
    };
    let likened = turn.at(word);
    likened.len() > 1 && turn.str_at(word).as_bytes().first().is_some_and(|b| b.to_ascii_uppercase() == token.sign)
}

/// Whether a word of several letters is part of a code: it touches digits, or it is beside them and cannot be read as
/// a word (no vowel, or unlisted capitals).
fn is_code(turn: &Turn<'_>, token: &Token, at: usize) -> bool {
    // "ME-88214", "FT-0042": whatever the word is otherwise.
    if token.caps == Caps::All && token.len() <= 6 && is_hyphened(turn, at + 1) {
        return true;
    }
    let (before, next) = (turn.before(at), turn.at(at + 1));
    let digit = |t: &Token| t.is(flag::WRITTEN | flag::DIGIT | flag::TEEN | flag::TENS | flag::LETTER);
    let second = if next.is_sign_of(b"-_/") { turn.at(at + 2) } else { next };
    let first = if before.is_sign_of(b"-_/") { turn.before(at.saturating_sub(1)) } else { before };
    // Most words have no digits beside them and are rejected here.
    if !(digit(second) || digit(first)) {
        return false;
    }
    let glued = token.is_glued() && before.is_digits() || next.is_glued() && next.is_digits();
    if token.len() > if glued { 12 } else { 6 } || token.is(flag::UNIT | flag::ORDINAL_END) {
        return false;
    }
    const COMMON: Flags =
        flag::STOP | flag::LINK | flag::KEY | flag::MONTH | flag::WEEKDAY | flag::RESTART | flag::SPOKEN_SIGN;
    // "WEST" and "ME" in capitals are known words, but may be parts of codes.
    if !glued && !token.is_plain() && (token.caps != Caps::All || token.is(COMMON)) {
        return false;
    }
    let text = turn.str_at(at);
    if !text.is_ascii() || text.contains('\'') {
        return false;
    }
    glued
        || token.caps == Caps::All
        || !text.bytes().any(|b| b"aeiouyAEIOUY".contains(&b))
        // "The serial number is ab one two three".
        || text.len() <= 3 && counted(next) && is_announced(turn, at)
}

/// Whether a dash and digits follow without a blank.
fn is_hyphened(turn: &Turn<'_>, at: usize) -> bool {
    turn.at(at).is_sign(b'-') && turn.at(at).is_glued() && turn.at(at + 1).is_digits() && turn.at(at + 1).is_glued()
}

/// Whether a written number is a price, a percentage, a time or a dose, which are not part of an identifier.
fn is_measure(turn: &Turn<'_>, at: usize) -> bool {
    let (before, next) = (turn.before(at), turn.at(at + 1));
    if is_money(turn, at) || next.is_sign_of(b"%$") || (next.is(flag::ORDINAL_END) && next.is_glued()) {
        return true;
    }
    if next.is_sign(b':') && next.is_glued() && turn.at(at + 2).is_digits() && turn.at(at + 2).is_glued() {
        return turn.width_at(at) <= 2;
    }
    if before.is_sign(b':') && turn.at(at).is_glued() && at >= 2 && turn.at(at - 2).is_digits() {
        return turn.width_at(at) <= 2;
    }
    // "0048213 pounds" is unlikely as a quantity; "500 mg" and "3 pm" are not.
    turn.is_unit(at + 1) && turn.width_at(at) <= 5
}

/// The "60" of "3.60", but not a telephone number after "415-555-0100,".
fn is_fraction(turn: &Turn<'_>, at: usize) -> bool {
    let (token, point) = (turn.at(at), turn.before(at));
    !(point.is_sign(b',') && is_whole(turn, at))
        && token.is_glued()
        && point.is_sign_of(b".,")
        && point.is_glued()
        && at >= 2
        && turn.at(at - 2).is_digits()
}

/// Whether a currency sign begins the number that contains token `at`: "$9,520.80".
fn is_money(turn: &Turn<'_>, at: usize) -> bool {
    let mut at = at;
    for _ in 0..8 {
        let before = turn.before(at);
        if before.is_sign(b'$') {
            return true;
        }
        if at < 2 || !turn.at(at).is_glued() || !before.is_glued() || !before.is_sign_of(b",.") {
            return false;
        }
        at -= 2;
    }
    false
}
