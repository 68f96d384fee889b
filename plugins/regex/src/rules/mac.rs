//! DEVICE: hardware addresses of network cards, "00:1a:2b:3c:4d:5e".

use super::{Rule, is_plausible};
use crate::kinds::Kind;
use crate::turn::Turn;
use crate::words::flag;

/// The rule. Written, the form alone suffices; spoken, the key phrase tells.
pub static RULE: Rule = Rule {
    strong: &["mac address", "bluetooth address", "hardware address", "ethernet address"],
    cued: |code, _| is_plausible(code, 10, 14).then_some(0.9),
    scan,
    needs: flag::COLON | flag::DASH,
    ..Rule::new(Kind::Device)
};

/// Twelve hexadecimal digits and five signs.
const LENGTH: usize = 17;

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
    if token.len() > 2 || token.claimed || token.is_glued() && turn.before(at).is_sign_of(b":-") {
        return None;
    }
    let start = token.start as usize;
    let bytes = turn.text.as_bytes().get(start..start + LENGTH)?;
    let sign = bytes[2];
    let form = matches!(sign, b':' | b'-')
        && bytes.iter().enumerate().all(|(at, byte)| match at % 3 {
            2 => *byte == sign,
            _ => byte.is_ascii_hexdigit(),
        });
    if !form {
        return None;
    }
    let end = start + LENGTH;
    let last = at + turn.tokens[at..].iter().take_while(|token| (token.end as usize) <= end).count() - 1;
    // A longer row of pairs is something else, and a longer last group too.
    let whole = turn.at(last).end as usize == end;
    let goes_on = turn.at(last + 1).is_glued() && !turn.at(last + 1).is_sign_of(b".,;)!?");
    (whole && !goes_on).then_some(last)
}
