//! The distance between a key phrase and a value, and what separates them.

use crate::code::Code;
use crate::tokens::Class;
use crate::turn::Turn;
use crate::words::flag;

/// "Is my", "that's the": the words between a value and the key phrase after it.
pub fn is_possessive(turn: &Turn<'_>, at: usize) -> bool {
    ["is", "my", "your", "his", "her", "their", "the"].iter().any(|w| turn.str_at(at).eq_ignore_ascii_case(w))
        || turn.str_at(at).get(..4).is_some_and(|text| text.eq_ignore_ascii_case("that"))
}

/// Whether a sentence ends among these tokens.
pub fn carries_sentence_end(turn: &Turn<'_>, mut between: std::ops::Range<usize>) -> bool {
    between.any(|at| turn.at(at).is_sign_of(b".?!"))
}

/// "Fingerprints in 2019", "policy since 1998".
pub fn is_year(turn: &Turn<'_>, code: &Code<'_, '_>) -> bool {
    let first = code.tokens().0;
    let dated = ["in", "since", "from", "until", "of", "by", "before", "after", "during", "late", "early"];
    code.len() == 4
        && (code.chars().starts_with(b"19") || code.chars().starts_with(b"20"))
        && first > 0
        && (dated.iter().any(|word| turn.str_at(first - 1).eq_ignore_ascii_case(word))
            || turn.str_at(first - 1).ends_with("'s"))
}

/// Tokens between a key phrase and a run other than links, with a sentence end counting as two; and whether "last
/// four" or "ending in" is among them.
pub fn gap(turn: &Turn<'_>, from: usize, to: usize) -> (usize, bool) {
    let (mut gap, mut tail) = (0, false);
    for at in from..to.max(from) {
        let token = turn.at(at);
        if token.class == Class::Sign {
            // The stop of "ext." and "acct." does not end a sentence.
            let ends = token.is_sign_of(b"!?;") || token.is_sign(b'.') && at > from;
            gap += if ends && !turn.at(at + 1).is_glued() { 2 } else { 0 };
            continue;
        }
        tail |= token.is(flag::TAIL);
        gap += usize::from(!token.is(flag::LINK | flag::FILLER | flag::SPOKEN_SIGN));
    }
    (gap, tail)
}
