//! Compact tokens: `[NAME_1]`, in any case, with escapes and gaps inside the brackets, and with a gap instead of the
//! underscore. A dot and the name of a view may follow the label: `[SSN_4.last4]`.
//!
//! A bracket in ordinary text is released at the first character that cannot be part of `KIND_label`. After a
//! standard kind and a label, a missing bracket makes the candidate a fragment.

use super::AnyToken;
use super::candidate::{Candidate, Verdict};
use super::cursor::{Cursor, Stop};
use super::debris::Debris;
use super::unit::Sym;
use crate::kind::{Kind, STANDARD};
use crate::tokens::format::{CompactToken, HASH_LABEL_MAX, view};

/// Maximum length of a compact token in bytes, noise included.
const MAX_LEN: usize = 256;

/// Maximum number of letters between the brackets: a kind, `_` and a label.
const MAX_INNER: usize = 64 + 1 + HASH_LABEL_MAX;

/// Judges a candidate that begins with `[` or `\[`.
pub(super) fn judge(place: Candidate<'_>) -> Verdict {
    let mut cursor = Cursor::new(place.source, place.at, MAX_LEN);
    let first = match cursor.peek() {
        Ok(unit) => unit.len,
        Err(_) => return Verdict::More,
    };
    let mut inner = Inner { text: String::new(), end: place.at, spaced: false };
    match inner.read(&mut cursor) {
        Ok(view) => match CompactToken::from_inner(&inner.text) {
            Some(token) => Verdict::Token { len: cursor.at - place.at, found: AnyToken::Compact(token), view, tail: 0 },
            None => Verdict::Text(first),
        },
        Err(Stop::More) => Verdict::More,
        Err(Stop::Bad) => inner.unclosed(place, inner.end).unwrap_or(Verdict::Text(first)),
        Err(Stop::End) => inner.cut(place).unwrap_or(Verdict::Text(first)),
    }
}

struct Inner {
    /// Upper-cased.
    text: String,
    /// End of its last letter.
    end: usize,
    /// A gap was read as an underscore.
    spaced: bool,
}

impl Inner {
    /// Reads up to the closing bracket and returns the requested view.
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<Option<&'static str>, Stop> {
        cursor.noise(false)?;
        let open = cursor.peek()?;
        if open.sym != Sym::Open {
            return Err(Stop::Bad);
        }
        cursor.skip(open);
        let mut gap = cursor.noise(true)?;
        loop {
            let unit = cursor.peek()?;
            match unit.sym {
                Sym::Close if !self.text.is_empty() => {
                    cursor.skip(unit);
                    return Ok(None);
                }
                Sym::Dot if !self.text.is_empty() => {
                    cursor.skip(unit);
                    return self.view(cursor);
                }
                Sym::Alnum(letter) => self.push(letter, gap)?,
                Sym::Under => self.push(b'_', gap)?,
                _ => return Err(Stop::Bad),
            }
            cursor.skip(unit);
            self.end = cursor.at;
            gap = cursor.noise(true)?;
        }
    }

    /// The name of a view, up to the closing bracket. For a standard kind, an unknown view means the whole value.
    fn view(&self, cursor: &mut Cursor<'_>) -> Result<Option<&'static str>, Stop> {
        let token = CompactToken::from_inner(&self.text).ok_or(Stop::Bad)?;
        cursor.noise(true)?;
        let group = cursor.group(MAX_INNER)?;
        let view = view(&group.letters);
        cursor.noise(true)?;
        let close = cursor.peek()?;
        if close.sym != Sym::Close || view.is_none() && !token.kind.is_standard() {
            return Err(Stop::Bad);
        }
        cursor.skip(close);
        Ok(view)
    }

    /// Words in brackets are not a token: a gap may be next to an underscore, or replace it after a kind.
    fn push(&mut self, letter: u8, gap: bool) -> Result<(), Stop> {
        let first = self.text.is_empty();
        let mut apart = gap && !first && letter != b'_' && !self.text.ends_with('_');
        if apart && self.may_end_a_word() {
            self.text.push('_');
            (self.spaced, apart) = (true, false);
        }
        if self.text.len() == MAX_INNER || apart || (first && !letter.is_ascii_uppercase()) {
            return Err(Stop::Bad);
        }
        self.text.push(char::from(letter));
        Ok(())
    }

    /// Whether an underscore may follow in a standard kind and its label.
    fn may_end_a_word(&self) -> bool {
        let follows =
            |kind: &str| kind.strip_prefix(&*self.text).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
        STANDARD.into_iter().any(follows)
    }

    /// A complete token except for its closing bracket.
    fn unclosed(&self, place: Candidate<'_>, end: usize) -> Option<Verdict> {
        let token = CompactToken::from_inner(&self.text).filter(|token| token.kind.is_standard() && !self.spaced)?;
        Some(Verdict::Fragment { len: end - place.at, kind: Some(token.kind), debris: Debris::none() })
    }

    /// The text ended inside the brackets.
    fn cut(&self, place: Candidate<'_>) -> Option<Verdict> {
        let len = place.source.text.len() - place.at;
        match self.text.rsplit_once('_') {
            Some((kind, label)) => {
                let kind = Kind::new(kind).filter(Kind::is_standard)?;
                // A label begins with a digit; other words after a gap are the model's own, as in `[name here]`.
                let is_word = self.spaced && !label.starts_with(|c: char| c.is_ascii_digit());
                let label =
                    label.len() <= HASH_LABEL_MAX && label.bytes().all(|b| b.is_ascii_alphanumeric()) && !is_word;
                label.then(|| Verdict::Fragment { len, kind: Some(kind), debris: Debris::none() })
            }
            // Only the beginning of a kind: dropped where the text was cut off, like the bare scheme word.
            None => {
                let begins = !self.text.is_empty() && STANDARD.iter().any(|kind| kind.starts_with(&self.text));
                (place.is_cut() && begins).then_some(Verdict::Drop(len))
            }
        }
    }
}
