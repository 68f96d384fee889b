//! USERNAME: log-in names by key phrase, and handles.

use super::Rule;
use crate::keywords::Cue;
use crate::kinds::Kind;
use crate::tokens::{Class, Gap, Token};
use crate::turn::Turn;
use crate::words::{Flags, flag};

/// The rule.
pub static RULE: Rule = Rule {
    strong: &[
        "username",
        "user name",
        "user id",
        "userid",
        "login name",
        "login id",
        "login",
        "screen name",
        "screenname",
        "twitter handle",
        "instagram handle",
        "my handle",
        "account name",
        "portal id",
        "portal login",
        "gamertag",
        "skype id",
        "telegram",
    ],
    scan,
    needs: Flags::MAX,
    ..Rule::new(Kind::Username)
};

fn scan(turn: &mut Turn<'_>) {
    by_cue(turn, &RULE, Kind::Username, 0.88);
    if turn.seen & flag::AT != 0 {
        handles(turn);
    }
}

/// Masks the value right after each key phrase of `rule`, with this confidence if no "is" is in between.
pub fn by_cue(turn: &mut Turn<'_>, rule: &'static Rule, kind: Kind, confidence: f32) {
    for at in 0..turn.cues.len() {
        let cue = turn.cues[at];
        let own = super::RULES.get(usize::from(cue.rule)).is_some_and(|found| std::ptr::eq(*found, rule));
        if !own {
            continue;
        }
        if let Some((first, last, linked)) = value(turn, cue) {
            // "My user name is ann lee": the phrase states the kind, whatever else the value looks like.
            turn.found(first, last, kind, if linked { 1.0 } else { confidence });
        }
    }
    let asked = turn
        .carried
        .asks_for(|rule_at| super::RULES.get(usize::from(rule_at)).is_some_and(|found| std::ptr::eq(*found, rule)));
    // An answer of exactly one word: more words would be a sentence.
    if asked && turn.cues.is_empty() && turn.hits.is_empty() {
        let first = turn.tokens.iter().position(|token| !token.is(flag::LINK | flag::FILLER));
        if let Some((first, last)) = first.and_then(|first| extent(turn, first)) {
            let ends = turn.tokens[last + 1..].iter().all(|token| token.class == Class::Sign);
            if ends {
                turn.found(first, last, kind, confidence);
            }
        }
    }
}

/// The value after a key phrase. A link must be in between, unless the value cannot be a word: "my username is frank",
/// "login jsmith82"; but not "username and password".
fn value(turn: &Turn<'_>, cue: Cue) -> Option<(usize, usize, bool)> {
    let mut at = cue.last as usize + 1;
    // "My login's jdoe".
    let mut linked = turn.str_at(cue.last as usize).ends_with("'s");
    for _ in 0..4 {
        let token = turn.at(at);
        let link = token.is_sign_of(b":=-")
            || ["is", "was", "it", "it's", "equals", "are"]
                .iter()
                .any(|word| turn.str_at(at).eq_ignore_ascii_case(word));
        if link {
            linked = true;
        } else if !token.is(flag::FILLER) && !token.is_sign_of(b",\"'") {
            break;
        }
        at += 1;
    }
    let (first, last) = extent(turn, at)?;
    let last = if linked && turn.at(first).is_plain() { words_to_number(turn, last) } else { last };
    let coded = (first..=last).any(|at| {
        turn.at(at).is_digits() || turn.at(at).is_sign_of(b"_.@") || turn.at(at).is(flag::NUMBER) && first < last
    });
    let plain = turn.at(first).is(flag::STOP | flag::LINK | flag::KEY | flag::VERB_SIGN) && first == last;
    (coded || linked && !plain).then_some((first, last, linked))
}

/// "Cool cat ninety nine": unlisted words, up to a number or to the end of the text.
fn words_to_number(turn: &Turn<'_>, last: usize) -> usize {
    let unknown =
        |at: usize| turn.at(at).class == Class::Word && turn.at(at).is_plain() && turn.at(at).gap == Gap::Space;
    let mut end = last;
    while end < last + 3 && unknown(end + 1) {
        end += 1;
    }
    let after = turn.at(end + 1);
    let number = after.is_digits() || after.is(flag::NUMBER);
    match (number, after.class) {
        (true, _) => extent(turn, end).map_or(end, |(_, last)| last),
        (false, Class::End) => end,
        _ => last,
    }
}

/// The tokens of one value: adjoining tokens, and words joined by spoken signs, digits and letters.
fn extent(turn: &Turn<'_>, first: usize) -> Option<(usize, usize)> {
    let token = turn.at(first);
    if token.claimed || token.class == Class::End || token.class == Class::Sign && !token.is_sign_of(b"@_#") {
        return None;
    }
    let spelled = |token: &Token| {
        !token.claimed && (token.is_digits() || token.is(flag::NUMBER | flag::REPEAT) || token.is_letter())
    };
    let joint = |token: &Token| token.is(flag::SPOKEN_SIGN) && token.value != b'@';
    let mut last = first;
    while last - first < 24 {
        let next = turn.at(last + 1);
        let more = turn.at(last + 2);
        if next.claimed || next.class == Class::End || next.gap == Gap::Line {
            break;
        }
        if next.is_glued() && !next.is_sign_of(b",;:!?\"'()[]<>{}") {
            last += 1;
        } else if joint(next) && more.class != Class::End {
            last += 2;
        } else if spelled(next) {
            last += 1;
        } else if turn.at(last).is_letter() && next.is_plain() && (spelled(more) || more.class == Class::End) {
            // "J smith eight two".
            last += 1;
        } else {
            break;
        }
    }
    while last > first && turn.at(last).is_sign_of(b".-") {
        last -= 1;
    }
    Some((first, last))
}

/// "@jane_doe": at the start of a word; inside one it is part of an address.
fn handles(turn: &mut Turn<'_>) {
    for at in 0..turn.tokens.len() {
        let (sign, name) = (turn.at(at), turn.at(at + 1));
        let starts = sign.is_sign(b'@') && !sign.claimed && !sign.is_glued();
        if !starts || name.class != Class::Word || !name.is_glued() || name.claimed {
            continue;
        }
        if let Some((_, last)) = extent(turn, at) {
            turn.found(at, last, Kind::Username, 0.65);
        }
    }
}
