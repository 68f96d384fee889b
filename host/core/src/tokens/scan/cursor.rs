//! A position in the text of a candidate, and the reading steps that all parts of a token share.

use super::unit::{More, Source, Sym, Unit};

/// Maximum noise between two characters of one token.
const MAX_NOISE: usize = 16;

/// Why reading stopped before the token was complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    /// Needs more text: it can still become a token.
    More,
    /// The text ended inside a possible token.
    End,
    /// Not a token.
    Bad,
}

impl From<More> for Stop {
    fn from(_: More) -> Self {
        Stop::More
    }
}

/// A position. The result never depends on text beyond `limit`, so a token is judged the same whether its text
/// arrived at once or letter by letter.
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

    /// The unit at the position.
    pub fn peek(&self) -> Result<Unit, Stop> {
        if self.at >= self.limit {
            return Err(Stop::Bad);
        }
        self.source.unit(self.at)?.ok_or(Stop::End)
    }

    /// Advances past a peeked unit.
    pub fn skip(&mut self, unit: Unit) {
        self.at += unit.len;
    }

    /// Skips ignored units and, if `gaps` is set, gaps. Returns whether there were any gaps.
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

    /// A run of at most `most` letters, digits and underscores, upper-cased, with only zero-width characters between
    /// them. `end` is the end of its last letter. The end of the text is not an error here.
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

/// A run of adjacent letters.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// In upper case.
    pub letters: String,
    /// End of the last letter.
    pub end: usize,
    /// Whether any letter was in lower case.
    pub lower: bool,
    /// Whether any letter was in upper case.
    pub upper: bool,
    /// Whether the text ends after it.
    pub ended: bool,
}

impl Group {
    /// Whether all letters are in the base32 alphabet.
    pub fn is_base32(&self) -> bool {
        self.letters.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'))
    }

    /// Whether it contains a digit.
    pub fn has_digit(&self) -> bool {
        self.letters.bytes().any(|b| b.is_ascii_digit())
    }

    /// Whether it is a single letter, as in a token that was spelled out.
    pub fn is_single(&self) -> bool {
        self.letters.len() == 1
    }
}
