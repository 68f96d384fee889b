//! Runs: numbers and codes as people write, say and spell them, flattened to characters.
//!
//! "415 555-0100", "four one five double five five", "x k j four eight" and "h as in hotel 9 4" all become runs. The
//! rules then look at characters and lengths, independent of notation. A run keeps the source token of each character,
//! so that a part of it maps back to a span.

use std::ops::Range;

use crate::characters::digit_value;
use crate::joints::joined;
use crate::parts;
use crate::steps::{Piece, step};
use crate::tokens::{Caps, Class, Token};
use crate::turn::Turn;
use crate::words::{Flags, flag};

/// A longer run is cut; no identifier is longer.
const MOST_CHARS: usize = 96;

/// A run of digits and letters in a turn, or a part of one.
#[derive(Debug, Clone)]
pub struct Run {
    /// First token.
    pub first: u32,
    /// Last token.
    pub last: u32,
    /// The range of its characters in [`Turn::chars`].
    pub chars: Range<u32>,
    /// "two thousand", "1,500": more likely a quantity.
    pub quantity: bool,
    /// A unit follows: "mg", "pm".
    pub unit_after: bool,
    /// It has blanks between digits, or digits and number words: its parts may be values.
    pub in_parts: bool,
}

/// Collects the runs of a turn.
pub fn collect(turn: &mut Turn<'_>) {
    let mut builder = Builder { chars: std::mem::take(&mut turn.chars), source: std::mem::take(&mut turn.source) };
    let mut runs = std::mem::take(&mut turn.runs);
    let mut at = 0;
    while at < turn.tokens.len() {
        if !may_begin(turn, at) {
            at += 1;
            continue;
        }
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

/// Whether a run may begin at this token: at a digit or a letter, or at a word that may be part of a code. Most words
/// are rejected here.
fn may_begin(turn: &Turn<'_>, at: usize) -> bool {
    const PIECE: Flags = flag::WRITTEN | flag::LETTER | flag::DIGIT | flag::TEEN | flag::TENS;
    let token = turn.at(at);
    if token.class != Class::Word || token.is(PIECE | flag::REPEAT | flag::SPELLING) {
        return token.is(PIECE | flag::REPEAT | flag::SPELLING);
    }
    let (before, next) = (turn.before(at), turn.at(at + 1));
    let beside = |token: &Token| token.is(PIECE | flag::SIGN);
    let strange = token.len() <= 6 && (token.is_plain() || token.caps == Caps::All);
    token.is_glued() || next.is_glued() || strange && (beside(next) || beside(before))
}

struct Builder {
    chars: Vec<u8>,
    source: Vec<(u32, u32)>,
}

impl Builder {
    fn run(&mut self, turn: &Turn<'_>, first: usize) -> Option<Run> {
        let begin = self.chars.len();
        let (mut quantity, mut in_parts) = (false, false);
        let mut step = step(turn, first, None)?;
        let mut here = first;
        // The start of the piece after the last comma or slash.
        let mut piece = begin;
        loop {
            quantity |= turn.at(here).is(flag::SCALE);
            let last = step.next - 1;
            self.add(turn, here, &step.piece, begin);
            self.source.resize(self.chars.len(), (here as u32, last as u32));
            let (next, comma) = joined(turn, here, step.next, self.chars.len() - piece);
            if matches!(turn.at(step.next).sign, b',' | b'/') {
                piece = self.chars.len();
            }
            // The rest is a separate run.
            let next = next.filter(|_| self.chars.len() - begin < MOST_CHARS);
            match next.and_then(|next| Some((next, crate::steps::step(turn, next, Some(last))?))) {
                Some((next, following)) => {
                    quantity |= comma;
                    in_parts = in_parts || !turn.at(next).is_glued() && parts::may_part(turn, last, next);
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
                        in_parts,
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
