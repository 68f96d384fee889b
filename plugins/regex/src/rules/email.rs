//! EMAIL: written addresses.

use super::Rule;
use crate::kinds::Kind;
use crate::tokens::{Class, Token};
use crate::turn::Turn;
use crate::words::flag;

/// The rule. The phrases serve [`super::email_spoken`] too.
pub static RULE: Rule = Rule {
    strong: &["email", "email address", "e mail", "e mail address", "mail address", "email id"],
    scan,
    needs: flag::AT,
    ..Rule::new(Kind::Email)
};

/// The most tokens on either side of the sign; RFC 5321 allows 64 and 255 characters.
const MOST: usize = 40;

fn scan(turn: &mut Turn<'_>) {
    for at in 0..turn.tokens.len() {
        if turn.at(at).is_sign(b'@') && !turn.at(at).claimed {
            if let Some((first, last)) = span(turn, at) {
                turn.found(first, last, Kind::Email, 0.98);
            }
        }
    }
}

/// The address around the sign, including everything that adjoins it and a single blank on one side ("jane
/// @clinic.org").
fn span(turn: &Turn<'_>, at: usize) -> Option<(usize, usize)> {
    let mut first = at;
    while first > 0 && at - first < MOST && (turn.at(first).is_glued() || first == at) && is_local(turn.at(first - 1)) {
        first -= 1;
    }
    while first < at && turn.at(first).is_sign_of(b".-'") {
        first += 1;
    }
    let mut last = at;
    let mut dot = None;
    while last - at < MOST && (turn.at(last + 1).is_glued() || last == at) && is_domain(turn.at(last + 1)) {
        last += 1;
        if turn.at(last).is_sign(b'.') {
            dot = Some(last);
        }
    }
    while last > at && turn.at(last).is_sign_of(b".-") {
        last -= 1;
        dot = dot.map(|dot| dot.min(last));
    }
    // Without a dot there is no top-level domain: "@jane" is a handle, "2 @ 5" a price.
    let dotted =
        dot.is_some_and(|dot| dot > at + 1 && dot < last + 1) || (at + 1..last).any(|i| turn.at(i).is_sign(b'.'));
    let top = turn.at(last);
    let named = top.class == Class::Word && top.len() >= 2;
    (first < at && dotted && named).then_some((first, last))
}

fn is_local(token: &Token) -> bool {
    !token.claimed && (token.class != Class::Sign || token.is_sign_of(b"._%+-'&=!#"))
}

fn is_domain(token: &Token) -> bool {
    !token.claimed && (token.class != Class::Sign || token.is_sign_of(b".-"))
}
