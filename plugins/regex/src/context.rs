//! What the previous messages say about a message: which value they ask for.
//!
//! Invariant: a summary depends on one message alone and at most four summaries are consulted, so the findings in a
//! message depend on nothing older, as the contract requires.

use crate::keywords::NOTHING;
use crate::tokens::{Class, Token};
use crate::turn::Turn;
use crate::words::{Flags, flag};

/// How many messages back are consulted; the number comes from the contract.
pub const REACH: usize = 4;
/// How many key phrases of one message are remembered (the last ones).
const CUES: usize = 6;

/// What one message tells the messages after it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Summary {
    rules: [u8; CUES],
    count: u8,
    /// Its last key phrase asks for something that no rule detects.
    closed: bool,
    /// It holds a value: digits or spelled characters of some length. An older question has been answered.
    pub answered: bool,
    /// It holds only a piece of a number, with this many digits.
    pub fragment: u8,
    /// It is the name of a field.
    pub field: bool,
    /// It asks for the last digits only.
    pub tail: bool,
    /// It is the name of a field that holds a count, a measure or a time.
    pub measure: bool,
    /// It is a field name that says "id" without saying of what: a short value may be an index.
    pub vague: bool,
    /// It holds a whole number, so it already answers what it asks for.
    complete: bool,
}

impl Summary {
    /// Summarises a turn whose runs have been collected.
    pub fn of(turn: &Turn<'_>, role: &str) -> Self {
        let mut summary = Self { field: role == "field", ..Self::default() };
        for cue in &turn.cues {
            summary.closed = cue.rule == NOTHING;
            if cue.rule == NOTHING {
                // "Thanks for the member id. What time suits you?": only the last question is open.
                summary.count = 0;
                continue;
            }
            // Weak words ("card", "policy") are mentioned more often than they are asked for; in a field name only the
            // last word says what the value is ("order_quantity").
            let named = summary.field && cue.last as usize + 1 == turn.tokens.len();
            if !cue.strong && !named {
                continue;
            }
            if usize::from(summary.count) == CUES {
                summary.rules.copy_within(1.., 0);
                summary.count -= 1;
            }
            summary.rules[usize::from(summary.count)] = cue.rule;
            summary.count += 1;
        }
        summary.vague =
            summary.field && turn.cues.last().is_some_and(|cue| !cue.strong && turn.is_id(cue.last as usize));
        let digits = digits(turn);
        summary.answered = digits + 2 * dates(turn) >= 4;
        summary.complete = digits >= 7;
        summary.tail = asks_for_tail(turn);
        if digits > 0 && is_fragment(turn) {
            summary.fragment = digits.min(200) as u8;
        }
        summary
    }

    /// Clears everything that its key phrases ask for.
    pub fn ask_nothing(&mut self) {
        self.count = 0;
    }

    /// The rules asked for, last first.
    pub fn rules(&self) -> impl Iterator<Item = u8> + '_ {
        self.rules[..usize::from(self.count)].iter().rev().copied()
    }
}

/// "The last four of your card", "ending in".
fn asks_for_tail(turn: &Turn<'_>) -> bool {
    let is = |at: usize, words: &[&str]| words.iter().any(|word| turn.str_at(at).eq_ignore_ascii_case(word));
    turn.seen & flag::TAIL != 0
        && !turn.cues.is_empty()
        && (1..turn.tokens.len()).any(|at| {
            turn.at(at - 1).is(flag::TAIL) && is(at - 1, &["last"]) && is(at, &["four", "4", "digits", "three", "few"])
        })
}

/// Digits that a turn writes or says. Counted over tokens, not runs: a context-only message has no runs, and must
/// produce the same summary as if it were searched.
fn digits(turn: &Turn<'_>) -> usize {
    if turn.seen & (flag::WRITTEN | flag::DIGIT | flag::TEEN | flag::TENS) == 0 {
        return 0;
    }
    let digits = |token: &Token| match token.class {
        Class::Digits => token.len(),
        Class::Word if token.is(flag::DIGIT) => 1,
        Class::Word if token.is(flag::TEEN | flag::TENS) => 2,
        _ => 0,
    };
    turn.tokens.iter().map(digits).sum()
}

/// Names of months and ordinals.
fn dates(turn: &Turn<'_>) -> usize {
    const PARTS: Flags = flag::MONTH | flag::ORDINAL;
    if turn.seen & PARTS == 0 { 0 } else { turn.tokens.iter().filter(|token| token.is(PARTS)).count() }
}

/// Whether the turn holds only pieces of a number, fillers and link words.
pub fn is_fragment(turn: &Turn<'_>) -> bool {
    const PIECE: Flags = flag::NUMBER | flag::REPEAT | flag::SPOKEN_SIGN | flag::FILLER | flag::RESTART | flag::LINK;
    let is_piece = |token: &Token| token.class != Class::Word || token.is(PIECE) || token.is_letter();
    // A longer message is not a piece of a number.
    turn.tokens.len() <= 24 && turn.tokens.iter().all(is_piece)
}

/// The summaries of the preceding messages, nearest first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Carried {
    before: [Summary; REACH],
    count: usize,
}

impl Carried {
    /// Adds the summary of the message just processed.
    pub fn push(&mut self, summary: Summary) {
        self.before.copy_within(..REACH - 1, 1);
        self.before[0] = summary;
        self.count = (self.count + 1).min(REACH);
    }

    /// The nearest message with an open question, and how many messages back it is. A field name asks only for the
    /// value right after it, and nothing else asks for that value.
    pub fn asked(&self) -> Option<(&Summary, usize)> {
        if self.is_field_value() {
            return Some((&self.before[0], 1)).filter(|(field, _)| field.count > 0);
        }
        for (at, summary) in self.before[..self.count].iter().enumerate().filter(|(_, summary)| !summary.field) {
            if summary.count > 0 {
                // A key phrase answered in its own message asks for nothing later.
                return (at == 0 || !summary.complete).then_some((summary, at + 1));
            }
            if summary.closed || (summary.answered && summary.fragment == 0 && !self.is_value(at)) {
                return None;
            }
        }
        None
    }

    /// Whether the previous message is a field name.
    pub fn is_field_value(&self) -> bool {
        self.count > 0 && self.before[0].field
    }

    /// Whether the message at `at` is a field's value: it follows its name, is not a piece of what somebody says, and
    /// answers no other question. For the last of the four this is unknown, since its name would be a fifth.
    fn is_value(&self, at: usize) -> bool {
        self.before[..self.count].get(at + 1).is_some_and(|before| before.field)
    }

    /// Whether one of the latest open questions is about one of these rules.
    pub fn asks_for(&self, wanted: impl Fn(u8) -> bool) -> bool {
        self.asked().is_some_and(|(summary, _)| summary.rules().any(wanted))
    }

    /// Whether the previous message is the name of a field that holds a count, a measure or a time.
    pub fn measures(&self) -> bool {
        self.is_field_value() && self.before[0].measure
    }

    /// Digits of the number pieces in the preceding messages, if this message is another piece.
    pub fn digits_so_far(&self) -> usize {
        if self.is_field_value() {
            return 0;
        }
        let spoken = (0..self.count).filter(|at| !self.is_value(*at));
        spoken.map(|at| usize::from(self.before[at].fragment)).sum()
    }
}
