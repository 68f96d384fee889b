//! DEVICE: hardware addresses of network cards, "00:1a:2b:3c:4d:5e".

use super::{Rule, is_plausible};
use crate::kinds::Kind;
use crate::turn::Turn;
use crate::words::flag;

/// The rule. Written, the format suffices; spoken, a key phrase is required.
pub static RULE: Rule = Rule {
    strong: &["mac address", "bluetooth address", "hardware address", "ethernet address"],
    cued: |code, _| is_plausible(code, 10, 14).then_some(0.9),
    scan,
    needs: flag::COLON | flag::DASH | flag::DOT,
    ..Rule::new(Kind::Device)
};

/// Twelve hexadecimal digits with a sign after every two; some vendors put a stop after every four.
const FORMS: [(usize, usize, &[u8]); 2] = [(17, 3, b":-"), (14, 5, b".")];

fn scan(turn: &mut Turn<'_>) {
    let mut at = 0;
    while at < turn.tokens.len() {
        match last(turn, at) {
            Some(last) => {
                turn.found(at, last, Kind::Device, 0.95);
                at = last + 1;
            }
            None => at += 1,
        }
    }
}

fn last(turn: &Turn<'_>, at: usize) -> Option<usize> {
    let token = turn.at(at);
    if token.len() > 4 || token.claimed || token.is_glued() && turn.before(at).is_sign_of(b":-.") {
        return None;
    }
    let start = token.start as usize;
    let rest = &turn.text.as_bytes()[start..];
    let length =
        FORMS.iter().find_map(|(length, group, signs)| has_form(rest, *length, *group, signs).then_some(*length))?;
    let end = start + length;
    let last = at + turn.tokens[at..].iter().take_while(|token| (token.end as usize) <= end).count() - 1;
    // A longer sequence of pairs, or a longer last group, is something else.
    let whole = turn.at(last).end as usize == end;
    let goes_on = turn.at(last + 1).is_glued() && !turn.at(last + 1).is_sign_of(b".,;)!?");
    (whole && !goes_on).then_some(last)
}

fn has_form(rest: &[u8], length: usize, group: usize, signs: &[u8]) -> bool {
    let (Some(bytes), Some(sign)) = (rest.get(..length), rest.get(group - 1)) else { return false };
    signs.contains(sign)
        && bytes.iter().enumerate().all(|(at, byte)| match (at + 1) % group {
            0 => byte == sign,
            _ => byte.is_ascii_hexdigit(),
        })
}
