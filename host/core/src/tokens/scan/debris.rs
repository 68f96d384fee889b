//! Decides which characters after a failed token are dropped with it.
//!
//! After a [fragment](super::candidate::Verdict::Fragment), all directly adjacent text is dropped too, up to the next
//! white space or closing punctuation. After that, groups that look like token letters are dropped: base32 letters
//! with a digit among them, in capitals if the token was in capitals, or letter by letter if it was spelled out. The
//! first ordinary word ends it, so little natural text is lost.

use super::candidate::{Candidate, Verdict};
use super::cursor::{Cursor, Group, Stop};
use super::judge_at;
use super::unit::Sym;

/// Maximum number of letters in groups without a digit that count as token letters: the length of a vault token.
const MAX_PLAIN: usize = 26;

/// Maximum length of a group.
const MAX_GROUP: usize = 64;

/// What to drop after a fragment.
#[derive(Clone, Debug)]
pub(super) struct Debris {
    /// The token was written in capitals.
    upper: bool,
    /// It was spelled out letter by letter.
    spelled: bool,
    /// Still directly after the fragment.
    glued: bool,
    /// Remaining number of letters without digits that may be dropped.
    plain: usize,
}

/// The next action.
#[derive(Debug)]
pub(super) enum Sweep {
    /// Undecided; needs more text.
    More,
    /// Drop this many bytes and continue.
    Drop(usize),
    /// Judge the text here like any other text.
    Leave,
}

impl Debris {
    pub fn new(upper: bool, spelled: bool) -> Self {
        Self { upper, spelled, glued: true, plain: MAX_PLAIN }
    }

    /// Nothing.
    pub fn none() -> Self {
        Self { upper: false, spelled: false, glued: false, plain: 0 }
    }

    /// Whether a group belongs to a token.
    pub fn takes(&self, group: &Group) -> bool {
        if group.letters.contains('_') {
            return self.upper && !group.lower;
        }
        if !group.is_base32() || group.letters.is_empty() {
            return false;
        }
        match (group.is_single(), group.has_digit()) {
            (true, _) => self.spelled,
            (false, true) => group.upper || group.lower,
            (false, false) => self.upper && !group.lower && group.letters.len() <= self.plain,
        }
    }

    /// The action for the text at `place`.
    pub fn sweep(&mut self, place: Candidate<'_>) -> Sweep {
        let swept = if self.glued { self.glued(place) } else { self.group(place) };
        swept.unwrap_or_else(|stop| if stop == Stop::More { Sweep::More } else { Sweep::Leave })
    }

    /// Directly after the fragment: drops letters, and punctuation between letters.
    fn glued(&mut self, place: Candidate<'_>) -> Result<Sweep, Stop> {
        let mut cursor = Cursor::new(place.source, place.at, 64);
        let unit = cursor.peek()?;
        if unit.sym == Sym::Quote {
            return Ok(Sweep::Leave);
        }
        if is_token(Candidate { in_word: true, ..place })? {
            return Ok(Sweep::Leave);
        }
        match unit.sym {
            Sym::Alnum(_) | Sym::Under => return Ok(Sweep::Drop(unit.len)),
            // A backslash may belong to the quotation mark that ends a string.
            Sym::Clear if unit.ch != '\\' => return Ok(Sweep::Drop(unit.len)),
            // A Latin letter continues the word; scripts without spaces begin a new one.
            _ if unit.is_word() && unit.ch < '\u{250}' => return Ok(Sweep::Drop(unit.len)),
            _ if unit.ch.is_ascii_graphic() => {
                cursor.skip(unit);
                if matches!(cursor.peek()?.sym, Sym::Alnum(_) | Sym::Under) {
                    return Ok(Sweep::Drop(unit.len));
                }
            }
            _ => {}
        }
        self.glued = false;
        self.group(place)
    }

    /// The next group after a gap.
    fn group(&mut self, place: Candidate<'_>) -> Result<Sweep, Stop> {
        let mut cursor = Cursor::new(place.source, place.at, 256);
        if !cursor.noise(true)? || is_token(Candidate { at: cursor.at, in_word: false, ..place })? {
            return Ok(Sweep::Leave);
        }
        let group = cursor.group(MAX_GROUP)?;
        if !self.takes(&group) {
            return Ok(Sweep::Leave);
        }
        if !group.has_digit() {
            self.plain -= group.letters.len().min(self.plain);
        }
        Ok(Sweep::Drop(group.end - place.at))
    }
}

/// Whether another token begins here.
fn is_token(place: Candidate<'_>) -> Result<bool, Stop> {
    match judge_at(place) {
        Verdict::More => Err(Stop::More),
        Verdict::Text(_) | Verdict::Drop(_) => Ok(false),
        Verdict::Token { .. } | Verdict::Fragment { .. } => Ok(true),
    }
}
