//! Finds the boundary between two values separated by signs or blanks that also occur inside numbers: "617-555-0129,
//! 206-555-0173", "52817346 / 60391827", "1) 415-555-0100". Also finds number words beside a written number that count
//! something else: "the new one 415-555-0134", "415-555-0134 oh wait".
//!
//! A wrong split loses nothing: the parts are classified too.

use crate::tokens::{Class, Gap};
use crate::turn::Turn;
use crate::words::{Flags, flag};

/// No piece of a number is read further than this, in tokens.
const MOST_TOKENS: usize = 12;
/// A piece with this many characters is a value by itself.
const WHOLE: usize = 7;
/// Two adjacent pieces with this many characters are two values.
const LONG: usize = 5;

/// Whether another value begins after token `from - 1`, the last of a run whose piece since the last comma or slash
/// has `so_far` characters.
pub fn separates(turn: &Turn<'_>, from: usize, so_far: usize) -> bool {
    let (token, next) = (turn.at(from), turn.at(from + 1));
    let spaced = token.gap == Gap::Space && next.gap == Gap::Space;
    match token.sign {
        _ if has_columns(turn, from) => true,
        _ if token.class != Class::Sign => !token.is_glued() && follows(turn, from, so_far),
        b',' => {
            let after = after(turn, from + 1);
            so_far >= WHOLE || after >= WHOLE || so_far >= LONG && after >= LONG
        }
        b'+' => token.gap == Gap::Space || so_far >= LONG,
        b'(' => so_far >= WHOLE && after(turn, from) >= WHOLE,
        b')' if so_far <= 2 => !is_opened(turn, from),
        b')' => so_far >= WHOLE && after(turn, from + 1) >= WHOLE,
        b'-' if spaced => {
            let after = after(turn, from + 1);
            // "2 - 415-555-0100" at the start of a line is a numbered item.
            let numbered = so_far <= 2 && turn.before(from).gap == Gap::Line;
            so_far >= LONG && after >= LONG || numbered && after >= WHOLE
        }
        b'/' if spaced => so_far >= LONG && after(turn, from + 1) >= LONG,
        b'/' => so_far >= WHOLE && after(turn, from + 1) >= WHOLE,
        _ => false,
    }
}

/// Whether the piece after a blank is a value like the one before: "52817346 60391827", "415 555 0100 415 555 0101".
fn follows(turn: &Turn<'_>, at: usize, so_far: usize) -> bool {
    if turn.at(at).is(flag::NUMBER | flag::REPEAT) || turn.before(at).is(flag::NUMBER | flag::REPEAT) {
        return false;
    }
    // A word is part of a value only where it touches digits.
    let word = turn.at(at).class == Class::Word && !turn.at(at + 1).is_glued();
    if word || turn.at(at).len() < 2 {
        return false;
    }
    if group_before(turn, at) >= WHOLE && group(turn, at) >= WHOLE {
        return true;
    }
    if so_far < 9 {
        return false;
    }
    let width = |at: usize| if turn.at(at).is_digits() && !turn.at(at).is_glued() { turn.width_at(at) } else { 0 };
    let [a, b, c] = [0, 1, 2].map(|place| width(at + place));
    let in_line = (at..at + 3).all(|at| turn.at(at).gap == Gap::Space && !has_columns(turn, at));
    let again = at >= 3 && in_line && so_far >= a + b + c && [3, 2, 1].map(|place| width(at - place)) == [a, b, c];
    // Cards have four pieces of four.
    again && a + b + c >= 9 && !(a == b && b == c)
}

/// Whether a bracket that closes at `at` was opened shortly before.
fn is_opened(turn: &Turn<'_>, at: usize) -> bool {
    let inside = (at.saturating_sub(MOST_TOKENS)..at).rev().take_while(|at| !turn.at(*at).is_sign(b')'));
    let mut line = false;
    for at in inside {
        if line || turn.at(at).is_sign(b'(') {
            return !line;
        }
        line = turn.at(at).gap == Gap::Line;
    }
    false
}

/// Whether the number that begins after a comma or a point is too long to be a fraction.
pub fn is_whole(turn: &Turn<'_>, at: usize) -> bool {
    after(turn, at) >= WHOLE
}

/// Characters of the number that begins at `from`, counted until they are enough for a value, up to a comma, a word or
/// a sign that no number contains.
fn after(turn: &Turn<'_>, from: usize) -> usize {
    let mut count = 0;
    for at in from..from + MOST_TOKENS {
        let token = turn.at(at);
        match token.class {
            Class::Digits if at == from || token.gap != Gap::Line => count += turn.width_at(at),
            Class::Word if at == from || token.is_glued() => count += token.len(),
            Class::Sign if token.is_sign_of(b"-.()+") && token.gap != Gap::Line => {}
            _ => break,
        }
        if count >= WHOLE {
            break;
        }
    }
    count
}

/// Characters of the adjoining tokens from `from` on.
fn group(turn: &Turn<'_>, from: usize) -> usize {
    let glued = (from..from + MOST_TOKENS).take_while(|at| *at == from || turn.at(*at).is_glued());
    glued.map(|at| characters(turn, at)).sum()
}

/// Characters of the adjoining tokens up to the token before `at`.
fn group_before(turn: &Turn<'_>, at: usize) -> usize {
    let mut count = 0;
    for at in (at.saturating_sub(MOST_TOKENS)..at).rev() {
        count += characters(turn, at);
        if !turn.at(at).is_glued() {
            break;
        }
    }
    count
}

fn characters(turn: &Turn<'_>, at: usize) -> usize {
    match turn.at(at).class {
        Class::Digits => turn.width_at(at),
        Class::Word => turn.at(at).len(),
        Class::Sign | Class::End => 0,
    }
}

/// A tab, or as many blanks as separate columns.
fn has_columns(turn: &Turn<'_>, at: usize) -> bool {
    let (from, to) = (turn.before(at).end as usize, turn.at(at).start as usize);
    turn.at(at).gap == Gap::Space && (to - from >= 3 || turn.text.as_bytes().get(from) == Some(&b'\t'))
}

/// Words before a number word that make it a count or a pronoun: "the new one".
const BEFORE: &[&str] = &[
    "new", "old", "other", "another", "this", "that", "which", "last", "next", "same", "right", "wrong", "correct",
    "first", "second", "every", "each", "only", "good", "for", "just", "any", "no", "these", "those",
];
/// Words after one that do the same, besides unlisted words: "one more thing", "two of them".
const AFTER: &[&str] =
    &["of", "more", "other", "another", "last", "second", "sec", "best", "good", "new", "old", "time"];

/// Whether one of the tokens around `from` is a number word separate from an adjacent written number, in a run of
/// `so_far` characters that has reached `from`.
pub fn is_aside(turn: &Turn<'_>, from: usize, so_far: usize) -> bool {
    const SAID: Flags = flag::DIGIT | flag::TEEN | flag::TENS;
    let (before, here) = (turn.before(from), turn.at(from));
    if before.is_digits() && here.is(SAID) && !here.is_letter() {
        return so_far >= 4 && counts_after(turn, from);
    }
    if !before.is(SAID) || !here.is_digits() || so_far > 2 || group(turn, from) < 4 {
        return false;
    }
    let introduced = from >= 2 && BEFORE.iter().any(|word| turn.str_at(from - 2).eq_ignore_ascii_case(word));
    // "The blue one" is a pronoun; but "is one", "number one" and "and one" may begin a number.
    let pronoun =
        before.value == 1 && from >= 2 && turn.at(from - 2).is_plain() && turn.at(from - 2).class == Class::Word;
    // "Oh, 415 ..." without its comma.
    let exclaims = turn.str_at(from - 1).eq_ignore_ascii_case("oh") && group(turn, from) >= WHOLE;
    introduced || pronoun || exclaims
}

/// "One more thing", "two of them", "oh wait": a number word that begins something new.
fn counts_after(turn: &Turn<'_>, at: usize) -> bool {
    let (word, next) = (turn.at(at), turn.at(at + 1));
    if next.class != Class::Word
        || next.is(flag::NUMBER | flag::REPEAT | flag::SPOKEN_SIGN | flag::SPELLING)
        || next.is_letter()
    {
        return false;
    }
    let exclaims = word.is(flag::DIGIT) && word.value == 0 && next.is(flag::RESTART | flag::FILLER);
    let listed = AFTER.iter().any(|word| turn.str_at(at + 1).eq_ignore_ascii_case(word));
    exclaims || listed || next.is(flag::UNIT) || next.is_plain()
}
