//! A position in the text of a candidate, and the steps that all parts of a token share.

use super::unit::{More, Source, Sym, Unit};

/// Noise between two characters of a token beyond which they no longer belong together.
const MAX_NOISE: usize = 16;

/// Why reading stopped before the token was whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    /// The text so far can still become a token.
    More,
    /// The text is over, and could have become one.
    End,
    /// It is none.
    Bad,
}

impl From<More> for Stop {
    fn from(_: More) -> Self {
        Stop::More
    }
}

/// A position. What is read never depends on anything beyond `limit`, however much text is there: so a token is judged
/// alike whether its text came at once or letter by letter.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub source: Source<'a>,
    pub at: usize,
    pub limit: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(source: Source<'a>, at: usize, limit: usize) -> Self {
        Self { source, at, limit: at + limit }
    }

    /// The unit here.
    pub fn peek(&self) -> Result<Unit, Stop> {
        if self.at >= self.limit {
            return Err(Stop::Bad);
        }
        self.source.unit(self.at)?.ok_or(Stop::End)
    }

    /// Past a unit that was peeked at.
    pub fn skip(&mut self, unit: Unit) {
        self.at += unit.len;
    }

    /// Past what stands for nothing and, where `gaps` may be, past gaps. Returns whether there were any.
    pub fn noise(&mut self, gaps: bool) -> Result<bool, Stop> {
        let mut seen = false;
        for _ in 0..=MAX_NOISE {
            let unit = self.peek()?;
            match unit.sym {
                Sym::Clear => {}
                Sym::Gap if gaps => seen = true,
                _ => return Ok(seen),
            }
            self.skip(unit);
        }
        Err(Stop::Bad)
    }

    /// A run of letters, digits and underscores, upper-cased, with nothing but zero-width characters in it: at most
    /// `most` of them. `end` is where its last letter ends. Being at the end of the text is no reason to stop here.
    pub fn group(&mut self, most: usize) -> Result<Group, Stop> {
        let mut group = Group { end: self.at, ..Group::default() };
        while group.letters.len() < most {
            let unit = match self.peek() {
                Ok(unit) => unit,
                Err(Stop::End) => {
                    group.ended = true;
                    break;
                }
                Err(stop) => return Err(stop),
            };
            match unit.sym {
                Sym::Alnum(letter) => group.letters.push(char::from(letter)),
                Sym::Under => group.letters.push('_'),
                Sym::Clear => {
                    self.skip(unit);
                    continue;
                }
                _ => break,
            }
            group.lower |= unit.is_lower();
            group.upper |= unit.ch.is_ascii_uppercase();
            self.skip(unit);
            group.end = self.at;
        }
        Ok(group)
    }
}

/// Letters that stand together.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// In upper case.
    pub letters: String,
    /// Where the last one ends.
    pub end: usize,
    /// Whether one was in lower case.
    pub lower: bool,
    /// Whether one was in upper case.
    pub upper: bool,
    /// Whether the text is over after it.
    pub ended: bool,
}

impl Group {
    /// Whether all letters are of the base32 alphabet.
    pub fn is_base32(&self) -> bool {
        self.letters.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'))
    }

    /// Whether there is a digit in it.
    pub fn has_digit(&self) -> bool {
        self.letters.bytes().any(|b| b.is_ascii_digit())
    }

    /// Whether it is one letter, as in a token that was spelled out.
    pub fn is_single(&self) -> bool {
        self.letters.len() == 1
    }
}
