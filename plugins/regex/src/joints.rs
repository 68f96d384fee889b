//! What may separate the pieces of a run: blanks, dashes, "dash", fillers, restarts.

use crate::lists::{is_aside, separates};
use crate::tokens::{Caps, Class, Gap};
use crate::turn::Turn;
use crate::words::flag;

/// The next token of a run that has reached `from`, past separators, and whether a comma groups thousands there.
/// `last` is the start of the last step, `so_far` the number of characters since the last comma or slash.
pub fn joined(turn: &Turn<'_>, last: usize, from: usize, so_far: usize) -> (Option<usize>, bool) {
    let spoken = turn.at(last).class == Class::Word && !turn.before(from).is_digits();
    let token = turn.at(from);
    if token.gap == Gap::Line {
        return (None, false);
    }
    // Spoken digits are not in a list.
    let said = spoken && token.class == Class::Word;
    if !said && (separates(turn, from, so_far) || is_aside(turn, from, so_far)) {
        return (None, false);
    }
    match token.class {
        Class::Sign => sign(turn, last, from, spoken),
        Class::Digits => (spaced(turn, from).then_some(from), false),
        Class::Word => (between_words(turn, from, spoken), false),
        Class::End => (None, false),
    }
}

fn sign(turn: &Turn<'_>, last: usize, from: usize, spoken: bool) -> (Option<usize>, bool) {
    let (token, next) = (turn.at(from), turn.at(from + 1));
    let digits_around = turn.before(from).is_digits() && next.is_digits();
    match token.sign {
        b'.' if digits_around => {
            // "415.555.0100" but not "98.6": a decimal has one digit after the point, or a single one before it.
            let wide = turn.width_at(from - 1) >= 2 && turn.width_at(from + 1) >= 2;
            ((wide && next.is_glued()).then_some(from + 1), false)
        }
        b',' if digits_around && next.is_glued() && turn.width_at(from + 1) == 3 => (Some(from + 1), true),
        b',' if digits_around => {
            let wide = turn.width_at(from - 1) >= 3 && turn.width_at(from + 1) >= 3;
            (wide.then_some(from + 1), false)
        }
        // A recogniser that punctuates puts commas and stops at the speaker's pauses.
        b',' | b'.' if spoken && next.is(flag::DIGIT | flag::REPEAT) && turn.at(last).is(flag::DIGIT) => {
            (Some(from + 1), false)
        }
        b'-' | b'_' | b'/' | b'(' | b')' | b'+' => {
            // "(71)/577-1280" and "(03).7037.6530": any separator may follow an area code's bracket.
            let goes_on = next.is_sign_of(b"-()") || token.sign == b')' && next.is_sign_of(b"/.") && next.is_glued();
            let after = if goes_on { from + 2 } else { from + 1 };
            ((turn.at(after).gap != Gap::Line).then_some(after), false)
        }
        _ => (None, false),
    }
}

/// Whether digits after a blank continue the number: not when it is complete and a small number follows.
fn spaced(turn: &Turn<'_>, at: usize) -> bool {
    let before = turn.before(at);
    if turn.at(at).is_glued() || !before.is_digits() {
        return true;
    }
    // "+34874 31 43 15" is one number from its plus on.
    if at >= 2 && turn.before(at - 1).is_sign(b'+') {
        return true;
    }
    // "XKJ 48211 07", "48211 07": no count begins with a zero, and a code continues.
    let coded = turn.str_at(at).starts_with('0') || turn.before(at - 1).caps == Caps::All;
    // "2123 45670 1": Australia's Medicare card is printed this way, with the person's own digit at the end.
    let card = at >= 2 && turn.width_at(at - 2) == 4 && turn.width_at(at - 1) == 5 && turn.width_at(at) == 1;
    coded || card || !(turn.width_at(at - 1) >= 5 && turn.width_at(at) <= 2)
}

/// Skips spoken separators, fillers and restarts.
fn between_words(turn: &Turn<'_>, from: usize, spoken: bool) -> Option<usize> {
    let token = turn.at(from);
    if token.is(flag::SPOKEN_SIGN) && token.value != b'@' {
        return Some(from + 1);
    }
    let next_digit = |at: usize| turn.at(at).is(flag::DIGIT | flag::REPEAT | flag::WRITTEN);
    if token.is(flag::FILLER) {
        let next = from + 1;
        // "Nine one seven uh let me see five five five".
        let pause = (next..next + 4).find(|at| !turn.at(*at).is(flag::FILLER | flag::LINK) || next_digit(*at));
        if let Some(digit) = pause.filter(|at| spoken && next_digit(*at)) {
            return Some(digit);
        }
        return Some(if turn.at(next).is(flag::FILLER) || turn.at(next).is_sign(b',') { next + 1 } else { next });
    }
    // "four one no four five": the retracted part is masked together with its replacement.
    if token.is(flag::RESTART) && spoken {
        let next = if turn.at(from + 1).is(flag::RESTART | flag::FILLER) || turn.at(from + 1).is_sign(b',') {
            from + 2
        } else {
            from + 1
        };
        return next_digit(next).then_some(next);
    }
    if turn.before(from).is(flag::HUNDRED | flag::SCALE) && turn.str_at(from).eq_ignore_ascii_case("and") {
        return Some(from + 1);
    }
    if spoken && turn.str_at(from).eq_ignore_ascii_case("then") && next_digit(from + 1) {
        return Some(from + 1);
    }
    Some(from)
}
