//! Classifies each run of a turn: by the key phrase that governs it, then by what earlier messages ask for, then by
//! its shape.

use crate::code::Code;
use crate::context::is_fragment;
use crate::keywords::{Cue, NOTHING};
use crate::kinds::Kind;
use crate::parts::{self, Place, Places, part};
use crate::reach::{carries_sentence_end, gap, is_possessive, is_year};
use crate::rules::{self, Near, RULES, Rule};
use crate::runs::Run;
use crate::tokens::Class;
use crate::turn::Turn;
use crate::words::flag;

/// How far a key phrase reaches, in tokens other than links.
const LONG_REACH: usize = 8;
const SHORT_REACH: usize = 4;
/// Hard limit on a key phrase's reach in tokens, links included.
const MOST_TOKENS: usize = 24;
/// A shape with this confidence (a good check digit) wins over a key phrase that is not right beside it.
const CERTAIN: f32 = 0.9;
/// Confidence required of a part of a run that begins or ends at an ordinary blank: "98 600 1200" is not a number.
const SURE_PART: f32 = 0.8;
/// A shorter part is not a value.
const LEAST_PART: usize = 4;
/// A weak key phrase yields less than this.
const WEAK: f32 = 0.8;

/// Classifies every run of the turn. The runs must have been collected.
pub fn judge(turn: &mut Turn<'_>) {
    let runs = std::mem::take(&mut turn.runs);
    // The token up to which the last key phrase has found its value.
    let mut used = None;
    for run in &runs {
        match whole(turn, run, &mut used) {
            Some(verdict) => report(turn, &verdict),
            None if run.in_parts => judge_parts(turn, run, &mut used),
            None => {}
        }
    }
    if !runs.is_empty() && turn.hits.is_empty() {
        piece(turn, &runs);
    }
    turn.runs = runs;
}

struct Verdict {
    tokens: (usize, usize),
    kind: Kind,
    confidence: f32,
}

/// The key phrase that last found its value, and the last token of that value.
type Used = Option<(usize, usize)>;

fn report(turn: &mut Turn<'_>, verdict: &Verdict) {
    let (first, last) = widened(turn, verdict.tokens);
    turn.found(first, last, verdict.kind, verdict.confidence);
}

/// The verdict on the run as a whole. `None` when its parts say more: only some of the run is a value, and a part
/// covers more of it. When a part is surer and lacks at most two characters of the run, the verdict on that part:
/// "take 2 512-10-2462".
fn whole(turn: &Turn<'_>, run: &Run, used: &mut Used) -> Option<Verdict> {
    let before = *used;
    let whole = verdict(turn, run, used)?;
    let entire = whole.tokens == (run.first as usize, run.last as usize);
    if !run.in_parts || entire && whole.confidence >= CERTAIN {
        return Some(whole);
    }
    let places = Places::of(turn, run);
    if !places.any_telling() {
        return Some(whole);
    }
    let Some(part) = best_part(turn, run, places.as_slice(), before) else { return Some(whole) };
    if entire && part.verdict.confidence >= CERTAIN && part.length + 2 >= run.chars.len() {
        *used = part.used;
        return Some(part.verdict);
    }
    let sources = &turn.source[run.chars.start as usize..run.chars.end as usize];
    let inside = |(first, last): &(u32, u32)| *first as usize >= whole.tokens.0 && *last as usize <= whole.tokens.1;
    // "X1234567 two thousand" without its X.
    let torn = whole.tokens.0 > run.first as usize && turn.at(whole.tokens.0).is_glued()
        || whole.tokens.1 < run.last as usize && turn.at(whole.tokens.1 + 1).is_glued();
    if torn || !entire && part.length > sources.iter().filter(|source| inside(source)).count() {
        *used = before;
        return None;
    }
    Some(whole)
}

/// Classifies the parts of a run that matches nothing as a whole: the surest first, then what remains on either side.
fn judge_parts(turn: &mut Turn<'_>, run: &Run, used: &mut Used) {
    let places = Places::of(turn, run);
    let places = places.as_slice();
    let mut open = [(0, 0); parts::MOST + 2];
    open[0] = (0, places.len().saturating_sub(1));
    let mut count = 1;
    while count > 0 {
        count -= 1;
        let (from, to) = open[count];
        let Some(part) = places.get(from..=to).and_then(|places| best_part(turn, run, places, *used)) else { continue };
        *used = part.used;
        report(turn, &part.verdict);
        // The left one first: key phrases reach forwards.
        for side in [(from + part.places.1, to), (from, from + part.places.0)] {
            if side.0 < side.1 && count < open.len() {
                open[count] = side;
                count += 1;
            }
        }
    }
}

struct Part {
    places: (usize, usize),
    length: usize,
    verdict: Verdict,
    used: Used,
}

/// The surest part of a run between two of these places; among equals the longest.
fn best_part(turn: &Turn<'_>, run: &Run, places: &[Place], used: Used) -> Option<Part> {
    let mut best: Option<Part> = None;
    for (from, first) in places.iter().enumerate() {
        for (to, last) in places.iter().enumerate().skip(from + 1) {
            let length = (last.at - first.at) as usize;
            if length < LEAST_PART || length == run.chars.len() {
                continue;
            }
            let mut used = used;
            let Some(verdict) = verdict(turn, &part(turn, run, *first, *last), &mut used) else { continue };
            let sure = first.telling && last.telling || verdict.confidence >= SURE_PART;
            let better = |best: &Part| (verdict.confidence, length) > (best.verdict.confidence, best.length);
            if sure && best.as_ref().is_none_or(better) {
                best = Some(Part { places: (from, to), length, verdict, used });
            }
        }
    }
    best
}

fn verdict(turn: &Turn<'_>, run: &Run, used: &mut Used) -> Option<Verdict> {
    let code = Code::of(turn, run);
    if code.len() < 2 {
        return None;
    }
    let whole = shape(&code).or_else(|| code.core().and_then(|core| shape(&core)));
    let corrected = code.corrected().and_then(|rest| shape(&rest));
    let shape = match (whole, corrected) {
        (Some(whole), Some(corrected)) if whole.confidence >= corrected.confidence => Some(whole),
        (whole, corrected) => corrected.map(|kind| Verdict { tokens: code.tokens(), ..kind }).or(whole),
    };
    let by_cue = by_cue(turn, run, &code, used);
    match (by_cue, shape) {
        (Some((verdict, direct)), Some(shape)) => {
            let shape_wins = !direct && shape.confidence >= CERTAIN && shape.confidence > verdict.confidence;
            Some(if shape_wins { shape } else { verdict })
        }
        // "The id is x k j four": the preceding question knows better which id.
        (Some((verdict, _)), None) if verdict.confidence < WEAK => {
            carried(turn, run, &code).filter(|asked| asked.confidence > verdict.confidence).or(Some(verdict))
        }
        (Some((verdict, _)), None) => Some(verdict),
        (None, shape) => {
            let carried = carried(turn, run, &code);
            match (carried, shape) {
                (Some(asked), Some(shape)) if shape.confidence > asked.confidence => Some(shape),
                (Some(asked), _) => Some(asked),
                (None, shape) => shape,
            }
        }
    }
}

/// The verdict by the code's shape alone.
fn shape(code: &Code<'_, '_>) -> Option<Verdict> {
    if code.len() < 5 {
        return None;
    }
    let (kind, confidence) = rules::shape(code)?;
    Some(Verdict { tokens: code.tokens(), kind, confidence })
}

/// The verdict by the key phrases of the same message, and whether one of them is right beside the run.
fn by_cue(turn: &Turn<'_>, run: &Run, code: &Code<'_, '_>, used: &mut Used) -> Option<(Verdict, bool)> {
    let first = run.first as usize;
    let before = turn.cues.partition_point(|cue| (cue.last as usize) < first);
    for (at, cue) in turn.cues[..before].iter().enumerate().rev().take(3) {
        if cue.rule == NOTHING || first - cue.last as usize > MOST_TOKENS {
            break;
        }
        let mut from = cue.last as usize + 1;
        // A second value of the same key phrase must follow the first closely: "accounts 12345678 and 87654321".
        let again = used.is_some_and(|(cue, _)| cue == at);
        if let Some((_, last)) = used.filter(|(cue, _)| *cue == at) {
            from = last + 1;
            if code.len() < 5 {
                continue;
            }
        }
        let (gap, tail) = gap(turn, from, first);
        let long = code.len() >= 6 && code.digits() >= 4;
        let reach = match (cue.strong, again) {
            (_, true) | (false, _) => 1,
            (true, false) if long => LONG_REACH,
            (true, false) => SHORT_REACH,
        };
        if gap > reach {
            continue;
        }
        let near = Near { direct: gap == 0, tail, strong: cue.strong };
        if let Some(verdict) = cued(turn, run, code, cue, near) {
            *used = Some((at, run.last as usize));
            return Some((verdict, near.direct));
        }
    }
    // "415 555 0100 is my fax number", "that's my cell".
    let after = turn.cues[before..].iter().find(|cue| cue.first as usize > run.last as usize)?;
    let between = run.last as usize + 1..after.first as usize;
    let announced = between.len() <= 5
        && after.rule != NOTHING
        && between.clone().any(|at| is_possessive(turn, at))
        && between.clone().all(|at| turn.at(at).is(flag::LINK) || turn.at(at).is_sign(b','))
        && !carries_sentence_end(turn, between);
    if !announced {
        return None;
    }
    // "It ends in four four two one, my social".
    let tail = (first.saturating_sub(3)..first).any(|at| turn.at(at).is(flag::TAIL));
    let near = Near { direct: false, tail, strong: after.strong };
    cued(turn, run, code, after, near).map(|verdict| (verdict, false))
}

fn cued(turn: &Turn<'_>, run: &Run, code: &Code<'_, '_>, cue: &Cue, near: Near) -> Option<Verdict> {
    let rule = RULES.get(usize::from(cue.rule))?;
    let is_measure = code.unit_after && code.len() <= 5;
    if rule.kind != Kind::Dob && is_year(turn, code) {
        return None;
    }
    let amount = code.quantity && (code.len() < 7 || code.unit_after || !near.direct);
    if amount || is_measure || code.digits() == 0 && !near.direct {
        return None;
    }
    let fits = |code: &Code<'_, '_>| {
        let confidence = rules::cued(cue.rule, code, near)?;
        Some(Verdict { tokens: code.tokens(), kind: rule.kind, confidence })
    };
    let whole = fits(code).or_else(|| code.core().and_then(|core| fits(&core)));
    // "My phone number is four one five": the rest comes in the next message.
    whole.or_else(|| {
        let last = turn.tokens.iter().skip(run.last as usize + 1).all(|token| token.class == Class::Sign);
        let broken_off = near.strong && near.direct && last && (3..=8).contains(&code.len()) && code.is_number();
        (broken_off && in_pieces(rule)).then(|| Verdict { tokens: code.tokens(), kind: rule.kind, confidence: 0.7 })
    })
}

/// The verdict by what the previous messages ask for.
fn carried(turn: &Turn<'_>, run: &Run, code: &Code<'_, '_>) -> Option<Verdict> {
    let (asked, distance) = turn.carried.asked()?;
    let enough = match (asked.field, distance) {
        // `eventId: 4821` is usually an index.
        (true, 1) if asked.vague => code.len() >= 5,
        (true, 1) => code.len() >= 2,
        (false, 1) if asked.tail => code.len() >= 3,
        (false, 1) => code.len() >= 4 && code.digits() >= 2 || code.len() >= 5,
        _ => code.len() >= 5 && code.digits() >= 3,
    };
    if !enough || code.unit_after || code.quantity {
        return None;
    }
    let near = Near { direct: distance == 1 && is_first(turn, run), tail: asked.tail, strong: true };
    asked.rules().find_map(|rule| {
        let kind = RULES.get(usize::from(rule))?.kind;
        let fits = |code: &Code<'_, '_>| {
            let confidence = rules::cued(rule, code, near)?;
            Some(Verdict { tokens: code.tokens(), kind, confidence })
        };
        fits(code).or_else(|| code.core().and_then(|core| fits(&core)))
    })
}

/// Whether only links precede the run.
fn is_first(turn: &Turn<'_>, run: &Run) -> bool {
    turn.tokens[..run.first as usize]
        .iter()
        .all(|token| token.class == Class::Sign || token.is(flag::LINK | flag::FILLER))
}

/// A message that is only a piece of a number, while a number is being asked for or has been begun.
fn piece(turn: &mut Turn<'_>, runs: &[Run]) {
    if !is_fragment(turn) {
        return;
    }
    let digits: usize = turn.chars.iter().filter(|byte| byte.is_ascii_digit()).count();
    let begun = turn.carried.digits_so_far();
    let asked = turn.carried.asked().and_then(|(asked, distance)| {
        let rule = asked.rules().filter_map(|rule| RULES.get(usize::from(rule))).find(|rule| in_pieces(rule))?;
        Some((rule.kind, distance))
    });
    let vague = turn.carried.asked().is_some_and(|(asked, _)| asked.vague);
    let (kind, confidence) = match asked {
        _ if vague && turn.chars.len() < 5 => return,
        Some((kind, 1)) if turn.chars.len() >= 3 => (kind, 0.8),
        Some((kind, _)) if begun > 0 && turn.chars.len() >= 2 => (kind, 0.8),
        None if begun >= 3 && begun + digits >= 7 => (Kind::Phone, 0.65),
        _ => return,
    };
    for run in runs {
        // "Ten thirty" is a time, even when a number was asked for; digits spoken one by one are not.
        let code = Code::of(turn, run);
        let is_piece = (code.is_written() || code.singles() * 2 >= code.len()) && !code.unit_after;
        if is_piece && code.digits() > 0 && code.len() >= 2 {
            let (first, last) = code.tokens();
            turn.found(first, last, kind, confidence);
        }
    }
}

/// Kinds whose values are long enough to be given over several messages.
fn in_pieces(rule: &Rule) -> bool {
    !matches!(rule.kind, Kind::Email | Kind::Dob | Kind::Date | Kind::Age | Kind::Address | Kind::Url | Kind::Username)
}

/// Includes the bracket or plus sign before a number.
fn widened(turn: &Turn<'_>, (mut first, last): (usize, usize)) -> (usize, usize) {
    let count = |sign: u8| (first..=last).filter(|at| turn.at(*at).is_sign(sign)).count();
    let mut unopened = count(b')').saturating_sub(count(b'('));
    while first > 0 {
        let before = turn.at(first - 1);
        let belongs = before.is_sign(b'+') && turn.at(first).is_glued()
            || unopened > 0 && before.is_sign(b'(')
            || before.is(flag::SPOKEN_SIGN) && before.value == b'+';
        if before.claimed || !belongs {
            break;
        }
        unopened -= usize::from(before.is_sign(b'('));
        first -= 1;
    }
    (first, last)
}
