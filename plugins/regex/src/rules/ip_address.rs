//! IP_ADDRESS: version 4, written and spoken, and version 6.

use std::net::Ipv6Addr;

use super::Rule;
use crate::kinds::Kind;
use crate::tokens::{Class, Token};
use crate::turn::Turn;
use crate::words::flag;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &["ip address", "ip", "i p address"],
    scan,
    needs: flag::COLON | flag::DOT | flag::SPOKEN_DOT,
    ..Rule::new(Kind::IpAddress)
};

fn scan(turn: &mut Turn<'_>) {
    let mut at = 0;
    while at < turn.tokens.len() {
        let token = turn.at(at);
        let found = match token.class {
            _ if token.claimed => None,
            Class::Digits if turn.at(at + 1).is_sign(b'.') => version_4(turn, at),
            Class::Word if token.is(flag::NUMBER) => spoken(turn, at),
            _ => None,
        };
        let found = found.or_else(|| version_6(turn, at));
        at = match found {
            Some(last) => {
                turn.found(at, last, Kind::IpAddress, 0.92);
                last + 1
            }
            None => at + 1,
        };
    }
}

/// Four numbers up to 255. A fifth makes it a version or a section number.
fn version_4(turn: &Turn<'_>, at: usize) -> Option<usize> {
    if turn.at(at).is_glued() && turn.before(at).is_sign(b'.') {
        return None;
    }
    for part in 0..4 {
        let number = at + 2 * part;
        let dotted = part == 3 || turn.at(number + 1).is_sign(b'.') && turn.at(number + 1).is_glued();
        let glued = part == 0 || turn.at(number).is_glued();
        if !dotted || !glued || turn.width_at(number) > 3 || turn.number_at(number)? > 255 {
            return None;
        }
    }
    let last = at + 6;
    let goes_on = turn.at(last + 1).is_sign(b'.') && turn.at(last + 2).is_glued() && turn.at(last + 2).is_digits();
    (!goes_on).then_some(last)
}

/// "One nine two dot one sixty eight dot one dot one": four numbers with "dot" or "point" between.
fn spoken(turn: &Turn<'_>, at: usize) -> Option<usize> {
    if is_dot(turn.before(at)) || turn.before(at).is(flag::NUMBER) {
        return None;
    }
    let mut here = at;
    for part in 0..4 {
        let begin = here;
        while turn.at(here).is(flag::NUMBER) && here - begin < 5 {
            here += 1;
        }
        if here == begin {
            return None;
        }
        if part < 3 {
            if !is_dot(turn.at(here)) {
                return None;
            }
            here += 1;
        }
    }
    Some(here - 1)
}

fn is_dot(token: &Token) -> bool {
    token.is(flag::SPOKEN_DOT)
}

/// Groups of hexadecimal digits with at least two colons; the standard parser decides. A clock time has no "::" and
/// fewer than eight groups, so it cannot pass.
fn version_6(turn: &Turn<'_>, at: usize) -> Option<usize> {
    let token = turn.at(at);
    let starts = token.is_sign(b':') || token.class != Class::Sign && token.len() <= 4;
    if !starts || token.claimed || token.is_glued() && turn.before(at).is_sign(b':') {
        return None;
    }
    // An address has a colon among its first three tokens ("20", "01", ":").
    if !(at..at + 4).any(|at| turn.at(at).is_sign(b':') && (turn.at(at + 1).is_glued())) {
        return None;
    }
    let start = token.start as usize;
    let bytes = turn.text.as_bytes();
    let width = bytes[start..]
        .iter()
        .take(46)
        .take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        .count();
    let text = turn.text.get(start..start + width)?.trim_end_matches('.');
    let text = if text.ends_with("::") { text } else { text.trim_end_matches(':') };
    // "::" alone is an operator in many programming languages.
    let groups = text.split(':').filter(|group| !group.is_empty()).count();
    if groups < 2 && text != "::1" || text.parse::<Ipv6Addr>().is_err() {
        return None;
    }
    let end = start + text.len();
    let last = at + turn.tokens[at..].iter().take_while(|token| (token.end as usize) <= end).count() - 1;
    (turn.at(last).end as usize == end).then_some(last)
}
