//! Runs: numbers and codes as people write, say and spell them, flattened to characters.
//!
//! "415 555-0100", "four one five double five five", "x k j four eight" and "h as in hotel 9 4" all become a run.
//! The rules then judge characters and lengths and need not know how they were said. A run keeps, for each of its
//! characters, the token it came from, so that a part of it can be turned back into a span.

use std::ops::Range;

use crate::tokens::{Caps, Class, Gap, Token, digit_value};
use crate::turn::Turn;
use crate::words::flag;

/// Longer runs keep only their first characters; no identifier is longer.
const MOST_CHARS: usize = 96;

/// A run of digits and letters in a turn.
#[derive(Debug, Clone)]
pub struct Run {
    /// First token.
    pub first: u32,
    /// Last token.
    pub last: u32,
    /// Its characters in [`Turn::chars`].
    pub chars: Range<u32>,
    /// "two thousand", "1,500": more likely a quantity.
    pub quantity: bool,
    /// A unit follows: "mg", "pm".
    pub unit_after: bool,
}

/// Collects the runs of a turn.
pub fn collect(turn: &mut Turn<'_>) {
    let mut builder = Builder { chars: std::mem::take(&mut turn.chars), source: std::mem::take(&mut turn.source) };
    let mut runs = std::mem::take(&mut turn.runs);
    let mut at = 0;
    while at < turn.tokens.len() {
        match builder.run(turn, at) {
            Some(run) => {
                at = run.last as usize + 1;
                runs.push(run);
            }
            None => at += 1,
        }
    }
    turn.chars = builder.chars;
    turn.source = builder.source;
    turn.runs = runs;
}

/// What one step of a run adds.
enum Piece {
    /// The characters of its token.
    Own,
    /// A digit or a letter, so many times.
    Repeat(u8, usize),
    /// A number of two digits.
    Two(u8),
    /// So many zeros: "hundred".
    Zeros(usize),
}

struct Step {
    piece: Piece,
    next: usize,
}

struct Builder {
    chars: Vec<u8>,
    source: Vec<(u32, u32)>,
}

impl Builder {
    fn run(&mut self, turn: &Turn<'_>, first: usize) -> Option<Run> {
        let begin = self.chars.len();
        let mut quantity = false;
        let mut step = step(turn, first, None)?;
        let mut here = first;
        loop {
            quantity |= turn.at(here).is(flag::SCALE);
            let last = step.next - 1;
            self.add(turn, here, &step.piece, begin);
            self.source.resize(self.chars.len(), (here as u32, last as u32));
            let (next, comma) = joined(turn, here, step.next);
            match next.and_then(|next| Some((next, self::step(turn, next, Some(last))?))) {
                Some((next, following)) => {
                    quantity |= comma;
                    here = next;
                    step = following;
                }
                None => {
                    return Some(Run {
                        first: first as u32,
                        last: last as u32,
                        chars: begin as u32..self.chars.len() as u32,
                        quantity,
                        unit_after: turn.is_unit(step.next),
                    });
                }
            }
        }
    }

    fn add(&mut self, turn: &Turn<'_>, at: usize, piece: &Piece, begin: usize) {
        let room = MOST_CHARS.saturating_sub(self.chars.len() - begin);
        match *piece {
            Piece::Own => {
                for c in turn.str_at(at).chars().take(room) {
                    self.chars.push(match c {
                        'a'..='z' | 'A'..='Z' => (c as u8).to_ascii_uppercase(),
                        _ if turn.at(at).is_digits() => b'0' + digit_value(c) % 10,
                        _ => b'?',
                    });
                }
            }
            Piece::Repeat(byte, times) => self.chars.extend([byte; 3].into_iter().take(times.min(room))),
            Piece::Two(value) => {
                self.chars.extend([b'0' + value / 10 % 10, b'0' + value % 10].into_iter().take(room));
            }
            Piece::Zeros(count) => self.chars.extend([b'0'; 3].into_iter().take(count.min(room))),
        }
    }
}

/// What token `at` adds to a run, if it can be part of one. `last` is the run's last token so far.
fn step(turn: &Turn<'_>, at: usize, last: Option<usize>) -> Option<Step> {
    let token = turn.at(at);
    if token.claimed {
        return None;
    }
    match token.class {
        Class::Digits if is_measure(turn, at) || last.is_none() && is_fraction(turn, at) => None,
        Class::Digits => Some(Step { piece: Piece::Own, next: at + 1 }),
        Class::Word => word(turn, token, at, last),
        Class::Sign | Class::End => None,
    }
}

fn word(turn: &Turn<'_>, token: &Token, at: usize, last: Option<usize>) -> Option<Step> {
    let next = turn.at(at + 1);
    if token.is(flag::DIGIT) {
        return Some(Step { piece: Piece::Repeat(b'0' + token.value, 1), next: at + 1 });
    }
    if token.is(flag::TEEN) {
        return Some(Step { piece: Piece::Two(token.value), next: at + 1 });
    }
    if token.is(flag::TENS) {
        let one = if next.is_sign(b'-') && next.is_glued() { at + 2 } else { at + 1 };
        let ones = turn.at(one);
        let joined = ones.is(flag::DIGIT) && ones.value > 0;
        return Some(match joined {
            true => Step { piece: Piece::Two(token.value + ones.value), next: one + 1 },
            false => Step { piece: Piece::Two(token.value), next: at + 1 },
        });
    }
    if token.is(flag::HUNDRED | flag::SCALE) {
        // Only after a number: "eight hundred" is how people say 800, "hundreds" of something is not.
        let zeros = if token.is(flag::HUNDRED) { 2 } else { 3 };
        let after_number = last.is_some_and(|last| turn.at(last).is(flag::NUMBER));
        return after_number.then_some(Step { piece: Piece::Zeros(zeros), next: at + 1 });
    }
    if token.is(flag::REPEAT) {
        let times = usize::from(token.value);
        if next.is(flag::DIGIT) {
            return Some(Step { piece: Piece::Repeat(b'0' + next.value, times), next: at + 2 });
        }
        if next.is_letter() && next.sign.is_ascii_alphabetic() {
            return Some(Step { piece: Piece::Repeat(next.sign, times), next: at + 2 });
        }
        let digit = turn.number_at(at + 1).filter(|value| *value < 10)?;
        return Some(Step { piece: Piece::Repeat(b'0' + digit as u8, times), next: at + 2 });
    }
    if token.is_letter() && token.sign.is_ascii_alphabetic() {
        return letter(turn, token, at, last);
    }
    if token.is(flag::SPELLING) {
        let near = |t: &Token| t.is_letter() || t.is_digits() || t.is(flag::DIGIT | flag::SPELLING);
        let first = turn.str_at(at).as_bytes().first()?.to_ascii_uppercase();
        return (last.is_some() || near(next)).then_some(Step { piece: Piece::Repeat(first, 1), next: at + 1 });
    }
    is_code(turn, token, at).then_some(Step { piece: Piece::Own, next: at + 1 })
}

/// A letter that is spelled, with "as in hotel" or "for bravo" after it.
fn letter(turn: &Turn<'_>, token: &Token, at: usize, last: Option<usize>) -> Option<Step> {
    let next = turn.at(at + 1);
    // "Two hundred m g": a unit that is spelled.
    if last.is_some() && turn.is_unit(at) {
        return None;
    }
    let glued = next.is_glued() && next.is_digits()
        || is_hyphened(turn, at + 1)
        || (token.is_glued() && turn.before(at).is_digits());
    if matches!(token.sign, b'A' | b'I') && !glued {
        // "a" and "I" are words, unless spelled or coded characters stand around them.
        let spelled = |t: &Token| t.is_letter() || t.is(flag::SPELLING);
        let inside = last.is_some() && (spelled(next) || next.is_digits() || next.is(flag::DIGIT));
        let at_end = last.is_some() && matches!(next.class, Class::End | Class::Sign);
        if !(inside || at_end || spelled(next) || is_likened(turn, token, at + 1)) {
            return None;
        }
    }
    let mut after = at + 1;
    if is_likened(turn, token, after) {
        // Three tokens for "as in hotel", two for "for hotel".
        after += if turn.str_at(after).eq_ignore_ascii_case("as") { 3 } else { 2 };
    }
    Some(Step { piece: Piece::Repeat(token.sign, 1), next: after })
}

/// Whether "as in hotel", "for hotel" or "like hotel" follows the letter H.
fn is_likened(turn: &Turn<'_>, token: &Token, at: usize) -> bool {
    let text = turn.str_at(at);
    let word = if text.eq_ignore_ascii_case("as") && turn.str_at(at + 1).eq_ignore_ascii_case("in") {
        at + 2
    } else if text.eq_ignore_ascii_case("for") || text.eq_ignore_ascii_case("like") {
        at + 1
    } else {
        return false;
    };
    let likened = turn.at(word);
    likened.len() > 1 && turn.str_at(word).as_bytes().first().is_some_and(|b| b.to_ascii_uppercase() == token.sign)
}

/// Whether a word of several letters is part of a code: it touches digits, or it stands beside them and cannot be
/// read as a word (no vowel, or capitals that no list knows).
fn is_code(turn: &Turn<'_>, token: &Token, at: usize) -> bool {
    // "ME-88214", "FT-0042": whatever the word may be otherwise.
    if token.caps == Caps::All && token.len() <= 6 && is_hyphened(turn, at + 1) {
        return true;
    }
    if token.len() > 12
        || token.is(flag::UNIT | flag::ORDINAL_END)
        || !turn.str_at(at).is_ascii()
        || turn.str_at(at).contains('\'')
    {
        return false;
    }
    let (before, next) = (turn.before(at), turn.at(at + 1));
    if (token.is_glued() && before.is_digits()) || (next.is_glued() && next.is_digits()) {
        return true;
    }
    const COMMON: u32 =
        flag::STOP | flag::LINK | flag::KEY | flag::MONTH | flag::WEEKDAY | flag::RESTART | flag::SPOKEN_SIGN;
    // "WEST" and "ME" in capitals are known words, yet parts of codes too.
    if token.len() > 6 || token.flags != 0 && (token.caps != Caps::All || token.is(COMMON)) {
        return false;
    }
    let strange = token.caps == Caps::All || !turn.str_at(at).bytes().any(|b| b"aeiouyAEIOUY".contains(&b));
    let digit = |t: &Token| t.is_digits() || t.is(flag::DIGIT | flag::TEEN | flag::TENS) || t.is_letter();
    let next = if next.is_sign_of(b"-_/") { turn.at(at + 2) } else { next };
    let before = if before.is_sign_of(b"-_/") { turn.before(at.saturating_sub(1)) } else { before };
    strange && (digit(next) || digit(before))
}

/// Whether a dash and digits follow without a blank.
fn is_hyphened(turn: &Turn<'_>, at: usize) -> bool {
    turn.at(at).is_sign(b'-') && turn.at(at).is_glued() && turn.at(at + 1).is_digits() && turn.at(at + 1).is_glued()
}

/// Whether a written number is a price, a percentage, a time or a dose, which belong to no identifier.
fn is_measure(turn: &Turn<'_>, at: usize) -> bool {
    let (before, next) = (turn.before(at), turn.at(at + 1));
    if is_money(turn, at) || next.is_sign_of(b"%$") || (next.is(flag::ORDINAL_END) && next.is_glued()) {
        return true;
    }
    if next.is_sign(b':') && next.is_glued() && turn.at(at + 2).is_digits() && turn.at(at + 2).is_glued() {
        return turn.width_at(at) <= 2;
    }
    if before.is_sign(b':') && turn.at(at).is_glued() && at >= 2 && turn.at(at - 2).is_digits() {
        return turn.width_at(at) <= 2;
    }
    // "0048213 pounds" would be odd; "500 mg" and "3 pm" are not.
    turn.is_unit(at + 1) && turn.width_at(at) <= 5
}

/// The "60" of "3.60".
fn is_fraction(turn: &Turn<'_>, at: usize) -> bool {
    let (token, point) = (turn.at(at), turn.before(at));
    token.is_glued() && point.is_sign_of(b".,") && point.is_glued() && at >= 2 && turn.at(at - 2).is_digits()
}

/// Whether a currency sign begins the number that token `at` is a part of: "$9,520.80".
fn is_money(turn: &Turn<'_>, at: usize) -> bool {
    let mut at = at;
    for _ in 0..8 {
        let before = turn.before(at);
        if before.is_sign(b'$') {
            return true;
        }
        if at < 2 || !turn.at(at).is_glued() || !before.is_glued() || !before.is_sign_of(b",.") {
            return false;
        }
        at -= 2;
    }
    false
}

/// The next token of a run that has reached `from`, past separators, and whether a comma groups thousands there.
/// `last` is where the last step began.
fn joined(turn: &Turn<'_>, last: usize, from: usize) -> (Option<usize>, bool) {
    let spoken = turn.at(last).class == Class::Word && !turn.before(from).is_digits();
    let token = turn.at(from);
    if token.gap == Gap::Line {
        return (None, false);
    }
    match token.class {
        Class::Sign => sign(turn, last, from, spoken),
        Class::Digits => (spaced(turn, from).then_some(from), false),
        Class::Word => (between_words(turn, from, spoken), false),
        Class::End => (None, false),
    }
}

fn sign(turn: &Turn<'_>, last: usize, from: usize, spoken: bool) -> (Option<usize>, bool) {
    let (token, next) = (turn.at(from), turn.at(from + 1));
    let digits_around = turn.before(from).is_digits() && next.is_digits();
    match token.sign {
        b'.' if digits_around => {
            // "415.555.0100" but not "98.6": a decimal has one digit, or a single one before it.
            let wide = turn.width_at(from - 1) >= 2 && turn.width_at(from + 1) >= 2;
            ((wide && next.is_glued()).then_some(from + 1), false)
        }
        b',' if digits_around && next.is_glued() && turn.width_at(from + 1) == 3 => (Some(from + 1), true),
        b',' if digits_around => {
            let wide = turn.width_at(from - 1) >= 3 && turn.width_at(from + 1) >= 3;
            (wide.then_some(from + 1), false)
        }
        // A recogniser that punctuates puts commas and stops where the speaker breathes.
        b',' | b'.' if spoken && next.is(flag::DIGIT | flag::REPEAT) && turn.at(last).is(flag::DIGIT) => {
            (Some(from + 1), false)
        }
        b'-' | b'_' | b'/' | b'(' | b')' | b'+' => {
            let after = if next.is_sign_of(b"-()") { from + 2 } else { from + 1 };
            ((turn.at(after).gap != Gap::Line).then_some(after), false)
        }
        _ => (None, false),
    }
}

/// Whether digits after a blank go on with the number before: not where it is complete and a small number follows.
fn spaced(turn: &Turn<'_>, at: usize) -> bool {
    let before = turn.before(at);
    if turn.at(at).is_glued() || !before.is_digits() {
        return true;
    }
    !(turn.width_at(at - 1) >= 5 && turn.width_at(at) <= 2)
}

/// Passes over spoken separators, fillers and new starts.
fn between_words(turn: &Turn<'_>, from: usize, spoken: bool) -> Option<usize> {
    let token = turn.at(from);
    if token.is(flag::SPOKEN_SIGN) && token.value != b'@' {
        return Some(from + 1);
    }
    if token.is(flag::FILLER) {
        let next = from + 1;
        return Some(if turn.at(next).is(flag::FILLER) || turn.at(next).is_sign(b',') { next + 1 } else { next });
    }
    let next_digit = |at: usize| turn.at(at).is(flag::DIGIT | flag::REPEAT) || turn.at(at).is_digits();
    // "four one no four five": what was taken back is masked with what replaces it.
    if token.is(flag::RESTART) && spoken {
        let next = if turn.at(from + 1).is(flag::RESTART | flag::FILLER) || turn.at(from + 1).is_sign(b',') {
            from + 2
        } else {
            from + 1
        };
        return next_digit(next).then_some(next);
    }
    if turn.before(from).is(flag::HUNDRED | flag::SCALE) && turn.str_at(from).eq_ignore_ascii_case("and") {
        return Some(from + 1);
    }
    if spoken && turn.str_at(from).eq_ignore_ascii_case("then") && next_digit(from + 1) {
        return Some(from + 1);
    }
    Some(from)
}
