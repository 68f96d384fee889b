//! EMAIL: spoken addresses: "john dot smith at gmail dot com", "j smith eighty two at yahoo dot com".
//!
//! The search starts at "dot com", which is rarely anything else, and walks back over the domain to the "at" and over
//! the words of the mailbox.

use super::{Rule, finds};
use crate::kinds::Kind;
use crate::tokens::{Class, Gap, Token};
use crate::turn::Turn;
use crate::words::flag;

/// The rule. Its key phrases are in [`super::email`].
pub static RULE: Rule = Rule { scan, needs: flag::PROVIDER | flag::DOT | flag::SPOKEN_DOT, ..Rule::new(Kind::Email) };

/// The most tokens of a mailbox and of a domain.
const MOST: usize = 24;

fn scan(turn: &mut Turn<'_>) {
    let mut at = 1;
    while at < turn.tokens.len() {
        let token = turn.at(at);
        // "(dot) com", an obfuscation for human readers.
        let dot = if is_bracket(turn.before(at)) && at > 1 { turn.before(at - 1) } else { turn.before(at) };
        // "At all. No problem": a written stop is part of a domain only without an adjacent blank.
        let dotted = is_dot(dot) && (dot.class == Class::Word || dot.is_glued() && token.is_glued());
        let ends = token.is(flag::TLD) && dotted || token.is(flag::PROVIDER);
        if ends && !token.claimed {
            if let Some((first, last)) = span(turn, at) {
                turn.found(first, last, Kind::Email, 0.93);
                at = last;
            }
        }
        at += 1;
    }
}

fn is_dot(token: &Token) -> bool {
    token.is_sign(b'.') || token.is(flag::SPOKEN_SIGN) && token.value == b'.'
}

/// "at", "@" and common transcriptions of the sign.
fn is_at(token: &Token) -> bool {
    token.is_sign(b'@') || token.is(flag::SPOKEN_SIGN) && token.value == b'@'
}

/// A sign inside a mailbox or a domain, written or spoken.
fn is_joint(token: &Token) -> bool {
    token.is_sign_of(b"._-+") || token.is(flag::SPOKEN_SIGN) && !matches!(token.value, b'@' | b'/' | b':')
}

/// Brackets around "at" and "dot" that hide the address from machines.
fn is_bracket(token: &Token) -> bool {
    token.is_sign_of(b"()[]{}<>")
}

fn span(turn: &Turn<'_>, top: usize) -> Option<(usize, usize)> {
    let sign = at_sign(turn, top)?;
    let asked = turn.carried.asks_for(|rule| finds(rule, Kind::Email))
        || turn.cue_before(sign, MOST, |cue| finds(cue.rule, Kind::Email)).is_some();
    // "I have a job at yahoo": a provider name alone is a domain only inside an address.
    if turn.at(top).is(flag::PROVIDER) && !asked && !is_followed_by_top(turn, top) {
        return None;
    }
    let first = mailbox(turn, sign, asked)?;
    Some((first, last(turn, top)))
}

fn is_followed_by_top(turn: &Turn<'_>, at: usize) -> bool {
    next_top(turn, at).is_some()
}

/// The next part of the domain after token `at`: after a dot, which may be in brackets.
fn next_top(turn: &Turn<'_>, at: usize) -> Option<usize> {
    let wrapped = is_bracket(turn.at(at + 1)) && is_bracket(turn.at(at + 3));
    let (dot, next) = if wrapped { (at + 2, at + 4) } else { (at + 1, at + 2) };
    (is_dot(turn.at(dot)) && turn.at(next).is(flag::TLD)).then_some(next)
}

/// The "at" before the domain that ends in token `top`.
fn at_sign(turn: &Turn<'_>, top: usize) -> Option<usize> {
    for at in (top.saturating_sub(MOST)..top).rev() {
        let token = turn.at(at);
        if is_at(token) {
            return (at > 0 && top > at).then_some(at);
        }
        let part = is_joint(token) || is_bracket(token) || token.class != Class::Sign;
        if !part || token.claimed || turn.at(at + 1).gap == Gap::Line {
            return None;
        }
        // Two plain words in a row are a sentence: neither "at the clinic dot com" nor "at the lake clinic ..." is an
        // address.
        let words = !is_joint(token) && !is_joint(turn.at(at + 1));
        if words && at + 1 != top && !is_spelled(token) && !is_spelled(turn.at(at + 1)) && token.is(flag::STOP) {
            return None;
        }
    }
    None
}

/// The last token of the domain: "dot co dot uk" continues after "co".
fn last(turn: &Turn<'_>, top: usize) -> usize {
    // "Proton mail dot com".
    let mail = turn.at(top).is(flag::PROVIDER) && turn.str_at(top + 1).eq_ignore_ascii_case("mail");
    let top = if mail && is_followed_by_top(turn, top + 1) { top + 1 } else { top };
    let mut last = top;
    while let Some(next) = next_top(turn, last).filter(|_| last < top + 8) {
        last = next;
    }
    // "At icloud com": recognisers drop the dot.
    let bare = last == top && turn.at(top).is(flag::PROVIDER) && turn.str_at(top + 1).eq_ignore_ascii_case("com");
    if bare { top + 1 } else { last }
}

fn is_spelled(token: &Token) -> bool {
    token.is_letter() || token.is_digits() || token.is(flag::NUMBER | flag::REPEAT | flag::SPELLING)
}

/// The first token of the mailbox that ends before `sign`.
fn mailbox(turn: &Turn<'_>, sign: usize, asked: bool) -> Option<usize> {
    // The bracket before an "(at)".
    let mut first = if is_bracket(turn.before(sign)) { sign - 1 } else { sign };
    let mut words = 0;
    while first > 0 && sign - first < MOST {
        let at = first - 1;
        let token = turn.at(at);
        if token.claimed || turn.at(first).gap == Gap::Line {
            break;
        }
        if let Some(letter) = likened(turn, first) {
            first = letter;
            continue;
        }
        let after_joint = is_joint(turn.at(first)) && first < sign;
        let belongs = if is_joint(token) || is_spelled(token) {
            first < sign || is_spelled(token)
        } else if token.class != Class::Word {
            false
        } else if after_joint || turn.at(first).is_glued() {
            true
        } else {
            // Another word without a joint: a name of two spoken words, unless the word belongs to the sentence.
            words += 1;
            !token.is(flag::STOP | flag::LINK | flag::FILLER | flag::KEY) && words <= if asked { 4 } else { 3 }
        };
        if !belongs {
            break;
        }
        first = at;
    }
    while first < sign && (is_joint(turn.at(first)) || is_bracket(turn.at(first)) || is_lone_article(turn, first)) {
        first += 1;
    }
    (first < sign).then_some(first)
}

/// The letter before "as in lima" or "for lima", when that word is token `at`.
fn likened(turn: &Turn<'_>, at: usize) -> Option<usize> {
    let is = |at: Option<usize>, word: &str| at.is_some_and(|at| turn.str_at(at).eq_ignore_ascii_case(word));
    let letter = match at.checked_sub(3) {
        Some(letter) if is(at.checked_sub(2), "as") && is(at.checked_sub(1), "in") => letter,
        _ if is(at.checked_sub(1), "for") || is(at.checked_sub(1), "like") => at.checked_sub(2)?,
        _ => return None,
    };
    let same =
        turn.str_at(at).as_bytes().first().is_some_and(|first| first.to_ascii_uppercase() == turn.at(letter).sign);
    (same && turn.at(letter).is_letter() && turn.at(at).len() > 1).then_some(letter)
}

/// "a" and "I" at the front belong to the sentence.
fn is_lone_article(turn: &Turn<'_>, at: usize) -> bool {
    let (token, next) = (turn.at(at), turn.at(at + 1));
    token.is_letter() && matches!(token.sign, b'A' | b'I') && !is_joint(next) && !is_spelled(next) && !next.is_glued()
}
