//! Short answers to a question for an identifier, masked from the first piece to the last.
//!
//! Speech recognisers mishear spelling: "n four two nine x z" becomes "and 4 to 9 x said". When the previous message
//! asked for such a value and this one is mostly pieces of one, the words between the pieces belong to the value.

use crate::kinds::Kind;
use crate::rules::RULES;
use crate::tokens::{Caps, Class, Token};
use crate::turn::Turn;
use crate::words::{Flags, flag};

/// A longer answer is a sentence with other content.
const MOST_TOKENS: usize = 14;

/// Adds a finding for the whole of a short answer unless its pieces already form one.
pub fn complete(turn: &mut Turn<'_>) {
    if turn.tokens.len() > MOST_TOKENS || !turn.cues.is_empty() {
        return;
    }
    let Some((asked, distance)) = turn.carried.asked() else { return };
    let Some(rule) = asked.rules().next().and_then(|rule| RULES.get(usize::from(rule))) else { return };
    if asked.vague {
        return;
    }
    // "March" - "March what?" - "fourteenth nineteen eighty two": a date of birth may also arrive in pieces.
    if distance > 1 && rule.kind != Kind::Dob {
        return;
    }
    let Some(least) = least_share(rule.kind) else { return };
    let Some((first, last)) = ends(turn, rule.kind) else { return };
    // "Hp" and "am" are ends of spelled postcodes; elsewhere a unit makes the number a quantity.
    if rule.kind != Kind::Zip && ((first..=last).any(|at| turn.is_unit(at)) || turn.is_unit(last + 1)) {
        return;
    }
    let inside = &turn.tokens[first..=last];
    let words = inside.iter().filter(|token| token.class != Class::Sign).count();
    let pieces = inside.iter().filter(|token| is_piece(token, rule.kind)).count();
    if pieces * 10 < words * least || !is_enough(inside, rule.kind) {
        return;
    }
    let (first, last) = if rule.kind == Kind::Zip { to_the_edges(turn, first) } else { (first, last) };
    if !is_covered(turn, first, last) {
        turn.found(first, last, rule.kind, 0.8);
    }
}

/// How many tenths of the words must be pieces; `None` for kinds whose values are not a sequence of pieces.
fn least_share(kind: Kind) -> Option<usize> {
    match kind {
        Kind::Zip => Some(5),
        Kind::Dob => Some(6),
        Kind::Ssn | Kind::Mrn | Kind::HealthPlan | Kind::Account | Kind::CreditCard | Kind::License => Some(7),
        Kind::Passport | Kind::NationalId | Kind::Vehicle | Kind::Device | Kind::OtherId | Kind::Iban => Some(7),
        Kind::Phone | Kind::Fax => Some(7),
        _ => None,
    }
}

fn is_piece(token: &Token, kind: Kind) -> bool {
    const NUMBERS: Flags = flag::NUMBER | flag::REPEAT | flag::SPELLING;
    const DATES: Flags = NUMBERS | flag::ORDINAL | flag::ORDINAL_END | flag::MONTH;
    match kind {
        Kind::Dob => token.is_digits() || token.is(DATES),
        // "BL5", "MK 7": areas in capitals.
        Kind::Zip if token.caps == Caps::All && token.len() <= 4 => true,
        _ => token.is_digits() || token.is_letter() || token.is(NUMBERS),
    }
}

fn ends(turn: &Turn<'_>, kind: Kind) -> Option<(usize, usize)> {
    let first = turn.tokens.iter().position(|token| is_piece(token, kind))?;
    let last = turn.tokens.iter().rposition(|token| is_piece(token, kind))?;
    Some((first, last))
}

/// Whether the pieces are more than a stray "two" or "a".
fn is_enough(inside: &[Token], kind: Kind) -> bool {
    let digits: usize = inside
        .iter()
        .map(|token| match token.class {
            Class::Digits => token.len(),
            _ if token.is(flag::DIGIT) => 1,
            _ if token.is(flag::TEEN | flag::TENS | flag::ORDINAL) => 2,
            _ => 0,
        })
        .sum();
    let letters = |token: &Token| match token.caps {
        Caps::All => token.len(),
        _ => usize::from(token.is_letter() || token.is(flag::SPELLING)),
    };
    let letters: usize = inside.iter().map(letters).sum();
    match kind {
        // "I just turned fifty eight" after talk of a birthday is an age.
        Kind::Dob => digits >= 4 || digits >= 1 && inside.iter().any(|token| token.is(flag::MONTH)),
        Kind::Zip => digits >= 1 && digits + letters >= 2 || letters >= 3,
        _ => digits >= 4,
    }
}

/// How recognisers transcribe letters and digits: "n" and "m", "r", "u", "y", "b", "c", 4, 2.
const HOMOPHONES: &[&str] = &["and", "in", "are", "you", "why", "be", "see", "for", "to"];

/// A postcode's letters are misheard as words at both ends ("N 1 7 2 F page", "and 6 9 4 z said"), so the whole answer
/// except its opening and its thanks is taken.
fn to_the_edges(turn: &Turn<'_>, first: usize) -> (usize, usize) {
    let is_courtesy = |at: usize| {
        let thanks = turn.str_at(at).eq_ignore_ascii_case("you")
            && turn.str_at(at.saturating_sub(1)).eq_ignore_ascii_case("thank");
        let courtesy = turn.at(at).class == Class::Sign || turn.at(at).is(flag::LINK | flag::FILLER);
        courtesy && !turn.at(at).is_letter() && (thanks || !is_homophone(turn, at))
    };
    let mut start = (0..first).find(|at| !is_opening(turn, *at)).unwrap_or(first);
    if start == first && first > 0 && is_homophone(turn, first - 1) {
        start -= 1;
    }
    let end = (first..turn.tokens.len()).rev().find(|at| !is_courtesy(*at)).unwrap_or(first);
    (start, end)
}

fn is_opening(turn: &Turn<'_>, at: usize) -> bool {
    let token = turn.at(at);
    token.class == Class::Sign || token.is(flag::LINK | flag::FILLER) && !token.is_letter()
}

fn is_homophone(turn: &Turn<'_>, at: usize) -> bool {
    HOMOPHONES.iter().any(|word| turn.str_at(at).eq_ignore_ascii_case(word))
}

fn is_covered(turn: &Turn<'_>, first: usize, last: usize) -> bool {
    let (start, end) = (turn.at(first).start, turn.at(last).end);
    turn.hits.iter().any(|hit| hit.start <= start && hit.end >= end)
}
