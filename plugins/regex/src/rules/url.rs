//! URL: web addresses, written and spoken.

use super::Rule;
use crate::kinds::Kind;
use crate::tokens::{Class, Gap, Token};
use crate::turn::Turn;
use crate::words::flag;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &["website", "web site", "web address", "url", "homepage", "web page"],
    scan,
    needs: flag::COLON | flag::DOT | flag::SPOKEN_DOT,
    ..Rule::new(Kind::Url)
};

/// The most tokens of one address; the rest of a longer one is not masked, as it holds no host name.
const MOST: usize = 400;

fn scan(turn: &mut Turn<'_>) {
    let mut at = 0;
    while at < turn.tokens.len() {
        let found = scheme(turn, at).or_else(|| domain(turn, at));
        at = match found {
            Some((first, last, confidence)) => {
                turn.found(first, last, Kind::Url, confidence);
                last + 1
            }
            None => at + 1,
        };
    }
}

/// "https://host/path": everything up to the next blank, without the punctuation of the sentence at its end.
fn scheme(turn: &Turn<'_>, at: usize) -> Option<(usize, usize, f32)> {
    let is_scheme = turn.at(at).class == Class::Word
        && turn.at(at + 1).is_sign(b':')
        && turn.at(at + 2).is_sign(b'/')
        && turn.at(at + 3).is_sign(b'/')
        && turn.at(at + 4).is_glued();
    is_scheme.then(|| (at, run_end(turn, at + 4), 0.98))
}

fn run_end(turn: &Turn<'_>, from: usize) -> usize {
    let mut last = from;
    while last - from < MOST && turn.at(last + 1).is_glued() && !turn.at(last + 1).is_sign_of(b"\"<>") {
        let begins = |at: usize| ["http", "https", "www"].iter().any(|word| turn.str_at(at).eq_ignore_ascii_case(word));
        // "https://example.org/a,https://example.org/b".
        if turn.at(last + 1).is_sign_of(b",;|") && begins(last + 2) {
            break;
        }
        last += 1;
    }
    while last > from && turn.at(last).is_sign_of(b".,;:!?)]}'\"") {
        // A bracket opened inside belongs to the path.
        let count = |sign| (from..=last).filter(|at| turn.at(*at).is_sign(sign)).count();
        if turn.at(last).is_sign(b')') && count(b'(') >= count(b')') {
            break;
        }
        last -= 1;
    }
    last
}

/// A bare domain, "www" or not, found by its top-level end: "example.org/x", "www dot example dot org".
fn domain(turn: &Turn<'_>, at: usize) -> Option<(usize, usize, f32)> {
    let top = turn.at(at);
    let dot = turn.before(at);
    if top.claimed || !top.is(flag::TLD) || at < 2 || !is_dot(dot) {
        return None;
    }
    let spoken = dot.class == Class::Word;
    // "us. No": a stop without a blank is part of a domain only before a known top-level domain, and nothing may
    // adjoin that.
    let written = dot.is_glued() && top.is_glued();
    if !spoken && !written || turn.at(at + 1).class == Class::Word && turn.at(at + 1).is_glued() {
        return None;
    }
    let first = host(turn, at - 1, spoken)?;
    let www = turn.str_at(first).eq_ignore_ascii_case("www") || is_spelled_www(turn, first);
    let word = top.is(flag::STOP | flag::LINK | flag::KEY);
    if top.value != 1 && !www && (!spoken || word) {
        return None;
    }
    let mut last = at;
    while is_dot(turn.at(last + 1)) && turn.at(last + 2).is(flag::TLD) && (spoken || turn.at(last + 2).is_glued()) {
        last += 2;
    }
    Some((first, path(turn, last, spoken), if www || !spoken { 0.9 } else { 0.8 }))
}

fn is_dot(token: &Token) -> bool {
    token.is_sign(b'.') || token.is(flag::SPOKEN_SIGN) && token.value == b'.'
}

fn is_spelled_www(turn: &Turn<'_>, at: usize) -> bool {
    (at..at + 3).all(|at| turn.at(at).sign == b'W')
}

/// The first token of the host whose last dot is `dot`.
fn host(turn: &Turn<'_>, dot: usize, spoken: bool) -> Option<usize> {
    let mut first = dot;
    while first > 0 && dot - first < MOST {
        let (token, after) = (turn.at(first - 1), turn.at(first));
        if token.claimed || after.gap == Gap::Line {
            break;
        }
        let joint = is_dot(token) || token.is_sign(b'-') || token.is(flag::SPOKEN_SIGN) && token.value == b'-';
        let label = token.class != Class::Sign;
        let joined = after.is_glued() && (joint || label)
            || spoken && (joint || label && (is_dot(after) || after.is(flag::SPOKEN_SIGN)))
            || spoken && label && (token.is_letter() || token.sign == b'W') && after.is_letter();
        if !joined || spoken && token.is(flag::SPOKEN_SIGN) && token.value == b'@' {
            break;
        }
        first -= 1;
    }
    // "www dot bright clinic dot com": names of several words are spoken without a joint.
    let www = (first.saturating_sub(5)..first).find(|at| turn.str_at(*at).eq_ignore_ascii_case("www"));
    if let Some(www) = www.filter(|www| spoken && (*www..first).all(|at| turn.at(at).class == Class::Word)) {
        first = www;
    }
    while first < dot && (turn.at(first).class == Class::Sign || is_dot(turn.at(first))) {
        first += 1;
    }
    (first < dot).then_some(first)
}

/// What follows the domain: a written path, or "slash patients slash twelve".
fn path(turn: &Turn<'_>, from: usize, spoken: bool) -> usize {
    let next = turn.at(from + 1);
    if next.is_glued() && next.is_sign_of(b"/:?#") {
        return run_end(turn, from + 1).max(from);
    }
    let mut last = from;
    while spoken && turn.at(last + 1).is(flag::SPOKEN_SIGN) && turn.at(last + 1).value == b'/' && last < from + 20 {
        if turn.at(last + 2).class == Class::End {
            break;
        }
        last += 2;
    }
    last
}
