//! Decides whether a candidate is a token, from its first letter on, as far as the text is known.
//!
//! The grammar is `scheme . KIND . kid . value`, optionally followed by `. view`, over [units](super::unit), with
//! noise allowed between and inside parts. Words are not noise: a part continues after a gap only in the same case,
//! and a value only up to its known length, so that `MSKV1.NAME.K.JOHN said hello` ends at `JOHN`.
//!
//! A candidate past the first dot is never released. When it fails, [`Verdict::Fragment`] covers what certainly
//! belongs to a token, and the rest is handled as [debris](super::debris). Two beginnings are ordinary language and
//! are released unless a kind follows: the scheme inside a word (`Omsk1.`) and Moscow time before a number (`at ten
//! MSK 1.`).

use super::cursor::{Cursor, Group, Stop};
use super::debris::Debris;
use super::unit::{Source, Sym};
use super::{AnyToken, FinishReason};
use crate::keys::Kid;
use crate::kind::Kind;
use crate::tokens::format::{AEAD_HEADER_LETTERS, Scheme, Token, VAULT_BYTES, aead_letters, letters, view};

/// Maximum length of scheme, kind and kid in bytes, noise included. The longest without noise is 136.
const MAX_HEAD: usize = 256;

/// Maximum number of multi-letter groups in one part: `HEALTH PLAN` is two.
const MAX_GROUPS: usize = 4;

/// Maximum length of the name of a kind or a key.
const MAX_NAME: usize = 64;

/// Maximum number of letters directly after a token that are still shown or dropped with it.
const MAX_TAIL: usize = 32;

/// The result at a position.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Undecided; needs more text.
    More,
    /// Plain text of this many bytes.
    Text(usize),
    /// Bytes to drop that are not a failure.
    Drop(usize),
    /// A whole token.
    Token {
        /// Length of the token and its tail in bytes.
        len: usize,
        /// The parsed token.
        found: AnyToken,
        /// The requested view.
        view: Option<&'static str>,
        /// Length of the tail in bytes: letters directly after the token.
        tail: usize,
    },
    /// Certainly part of a token, but not a valid one.
    Fragment {
        /// Length in bytes.
        len: usize,
        /// Its kind, if readable.
        kind: Option<Kind>,
        /// What to drop after it.
        debris: Debris,
    },
}

/// The position of a candidate and its context.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub source: Source<'a>,
    pub at: usize,
    /// Whether a letter directly precedes it.
    pub in_word: bool,
    /// The reason for the end of the text, if it has ended.
    pub finish: Option<FinishReason>,
    /// Whether compact tokens are recognised.
    pub compact: bool,
}

impl Candidate<'_> {
    /// Whether the text was cut off, so that its last word may be incomplete.
    pub fn is_cut(&self) -> bool {
        !matches!(self.finish, None | Some(FinishReason::Stop))
    }
}

/// Judges a candidate that begins with the letter M.
pub(super) fn judge(place: Candidate<'_>) -> Verdict {
    let mut reader = CandidateReader::new(place);
    let first = match reader.cursor.peek() {
        Ok(unit) => unit.len,
        Err(_) => return Verdict::More,
    };
    match reader.scheme() {
        Ok(()) => {}
        Err(Stop::More) => return Verdict::More,
        // Cut off inside the scheme word: `MSKV` is dropped, but Omsk is a town.
        Err(Stop::End) if reader.scheme_letters >= 3 && place.is_cut() && (!place.in_word || !reader.lower) => {
            return Verdict::Drop(place.source.text.len() - place.at);
        }
        Err(_) => return Verdict::Text(first),
    }
    match reader.rest() {
        Ok(read) => reader.token(read),
        Err(Stop::More) => Verdict::More,
        Err(_) if reader.is_ordinary() => Verdict::Text(first),
        Err(Stop::End) if place.is_cut() => reader.fragment(place.source.text.len()),
        Err(_) => reader.fragment(reader.sure),
    }
}

/// Maximum length of the name of a view.
const MAX_VIEW: usize = 8;

/// The parts after the first dot.
struct Read {
    /// `None` if the value does not decode.
    token: Option<Token>,
    view: Option<&'static str>,
    tail: usize,
}

struct CandidateReader<'a> {
    place: Candidate<'a>,
    cursor: Cursor<'a>,
    scheme_letters: usize,
    /// `None` for a scheme that does not exist: a model can make one up.
    scheme: Option<Scheme>,
    /// The beginning is ordinary language unless a token follows.
    weak: bool,
    /// Whether the scheme contains a lower-case letter.
    lower: bool,
    kind: Option<Kind>,
    /// End of the part that certainly belongs to a token.
    sure: usize,
    /// Whether the text directly after `sure` belongs to it in any case.
    spelled: bool,
}

impl<'a> CandidateReader<'a> {
    fn new(place: Candidate<'a>) -> Self {
        Self {
            place,
            cursor: Cursor::new(place.source, place.at, MAX_HEAD),
            scheme_letters: 0,
            scheme: None,
            weak: false,
            lower: false,
            kind: None,
            sure: place.at,
            spelled: false,
        }
    }

    /// `MSK`, an optional `V`, a number and a dot.
    fn scheme(&mut self) -> Result<(), Stop> {
        // Inside a word, the scheme continues without gaps only: "I am sk.." has no token in it.
        let gaps = !self.place.in_word;
        for letter in *b"MSK" {
            if self.scheme_letters > 0 {
                self.cursor.noise(gaps)?;
            }
            self.letter(|found| found == letter)?;
        }
        let mut gap = self.cursor.noise(gaps)?;
        let vault = self.cursor.peek()?.sym == Sym::Alnum(b'V');
        if vault {
            self.letter(|_| true)?;
            gap = self.cursor.noise(gaps)?;
        }
        self.weak = !vault && (gap || self.place.in_word && self.lower);
        let mut number = Vec::new();
        // `MSKV.` is made up, but `msk.` occurs in domain names.
        while number.is_empty() || number.len() < 3 && !gap {
            if self.cursor.peek()?.sym == Sym::Dot && (vault || !number.is_empty()) {
                break;
            }
            number.push(self.letter(|found| found.is_ascii_digit())?);
            gap = self.cursor.noise(gaps)?;
        }
        self.dot()?;
        self.scheme = match (number.as_slice(), vault) {
            (b"1", true) => Some(Scheme::Vault),
            (b"1", false) => Some(Scheme::Aead),
            _ => None,
        };
        if self.place.in_word && self.weak && !matches!(self.cursor.peek()?.sym, Sym::Alnum(_) | Sym::Clear) {
            return Err(Stop::Bad);
        }
        Ok(())
    }

    fn letter(&mut self, wanted: impl Fn(u8) -> bool) -> Result<u8, Stop> {
        let unit = self.cursor.peek()?;
        match unit.sym {
            Sym::Alnum(letter) if wanted(letter) => {
                self.lower |= unit.is_lower();
                self.scheme_letters += 1;
                self.cursor.skip(unit);
                Ok(letter)
            }
            _ => Err(Stop::Bad),
        }
    }

    fn dot(&mut self) -> Result<(), Stop> {
        let unit = self.cursor.peek()?;
        if unit.sym != Sym::Dot {
            return Err(Stop::Bad);
        }
        self.cursor.skip(unit);
        self.sure = self.cursor.at;
        Ok(())
    }

    /// Everything after the first dot.
    fn rest(&mut self) -> Result<Read, Stop> {
        let kind = self.name()?;
        let kind = Kind::new(&kind).ok_or(Stop::Bad)?;
        self.kind = Some(kind.clone());
        let kid = Kid::new(&self.name()?).ok_or(Stop::Bad)?;
        let value = self.value()?;
        let tail = self.tail()?;
        let token = self.scheme.and_then(|scheme| Token::from_parts(scheme, kind, kid, &value));
        let view = if tail == 0 && token.is_some() { self.view()? } else { None };
        Ok(Read { token, view, tail })
    }

    /// A dot and the name of a view. Anything else after a dot belongs to the sentence.
    fn view(&mut self) -> Result<Option<&'static str>, Stop> {
        let before = self.cursor;
        self.cursor.limit = before.at + 8 * (MAX_VIEW + 2);
        let name = self.name_of_view();
        self.cursor = before;
        match name {
            Ok(group) => Ok(view(&group.letters).inspect(|_| self.cursor.at = group.end)),
            Err(Stop::More) => Err(Stop::More),
            Err(_) => Ok(None),
        }
    }

    fn name_of_view(&mut self) -> Result<Group, Stop> {
        self.cursor.noise(false)?;
        let dot = self.cursor.peek()?;
        if dot.sym != Sym::Dot {
            return Err(Stop::Bad);
        }
        self.cursor.skip(dot);
        self.cursor.group(MAX_VIEW + 1)
    }

    /// A kind or a kid, and the dot after it.
    fn name(&mut self) -> Result<String, Stop> {
        let gap = self.cursor.noise(true)?;
        let (mut name, mut words, mut spelled) = (String::new(), 0, true);
        let (mut lower, mut upper) = (false, false);
        loop {
            let group = self.cursor.group(MAX_NAME + 1)?;
            if group.letters.is_empty() {
                return Err(Stop::Bad);
            }
            if name.is_empty() && !gap {
                self.sure = group.end;
            }
            words += usize::from(!group.is_single());
            lower |= group.lower;
            upper |= group.upper;
            let first = name.is_empty();
            spelled &= group.is_single();
            name.push_str(&group.letters);
            if words > MAX_GROUPS || name.len() > MAX_NAME || (!first && lower && upper) {
                return Err(Stop::Bad);
            }
            let gap = self.cursor.noise(true)?;
            match self.cursor.peek()?.sym {
                Sym::Dot => break self.dot()?,
                Sym::Alnum(_) | Sym::Under if gap => {}
                _ => return Err(Stop::Bad),
            }
        }
        if name.len() > 1 {
            self.spelled = spelled;
        }
        Ok(name)
    }

    /// The value. Its length is known at once for the vault, after four letters for AEAD.
    fn value(&mut self) -> Result<String, Stop> {
        let mut gap = self.cursor.noise(true)?;
        let mut value = Value::new(self.scheme);
        let mut single = false;
        self.cursor.limit = self.cursor.at + value.room();
        loop {
            let (first, before) = (value.letters.is_empty(), self.cursor);
            // A value that is not spaced out ends at its known length. Otherwise it ends at the end of a group, and
            // one more letter shows that it does not.
            let mut group = self.cursor.group(value.left() + usize::from(!first))?;
            if value.letters.len() + group.letters.len() >= AEAD_HEADER_LETTERS && value.need.is_none() {
                // The first four letters determine the length: read the group again with it.
                value.header(&group)?;
                self.cursor = Cursor { limit: before.at + value.room(), ..before };
                group = self.cursor.group(value.left() + usize::from(!first))?;
            }
            self.spelled |= single && group.is_single();
            single = group.is_single();
            let upper = (value.upper || group.upper) && !value.lower && !group.lower;
            if Debris::new(upper, self.spelled).takes(&group) || (first && !gap) {
                self.sure = group.end.max(self.sure);
            }
            value.add(&group)?;
            if value.left() == 0 {
                self.cursor.at = group.end;
                return if first || value.is_random() { Ok(value.letters) } else { Err(Stop::Bad) };
            }
            if group.ended {
                return Err(Stop::End);
            }
            gap = self.cursor.noise(true)?;
            if !gap || !matches!(self.cursor.peek()?.sym, Sym::Alnum(_)) {
                return Err(Stop::Bad);
            }
        }
    }

    /// Letters directly after a value: a suffix of the sentence, or more of a made-up token.
    fn tail(&mut self) -> Result<usize, Stop> {
        let start = self.cursor.at;
        self.cursor.limit = start + 8 * MAX_TAIL;
        for _ in 0..MAX_TAIL {
            let unit = match self.cursor.peek() {
                Ok(unit) => unit,
                Err(Stop::More) => return Err(Stop::More),
                Err(_) => break,
            };
            if !matches!(unit.sym, Sym::Alnum(_)) || self.is_scheme_here()? {
                break;
            }
            self.cursor.skip(unit);
        }
        Ok(self.cursor.at - start)
    }

    /// Whether the next token begins here.
    fn is_scheme_here(&self) -> Result<bool, Stop> {
        let mut ahead = self.cursor;
        for letter in *b"MSK" {
            match ahead.peek() {
                Ok(unit) if unit.sym == Sym::Alnum(letter) => ahead.skip(unit),
                Err(Stop::More) => return Err(Stop::More),
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Whether a failed candidate is ordinary language.
    fn is_ordinary(&self) -> bool {
        self.weak && !self.kind.as_ref().is_some_and(Kind::is_standard)
    }

    fn token(&self, Read { token, view, tail }: Read) -> Verdict {
        let len = self.cursor.at - self.place.at;
        match token {
            Some(token) => Verdict::Token { len, found: AnyToken::Long(token), view, tail },
            None => self.fragment(self.cursor.at),
        }
    }

    fn fragment(&self, end: usize) -> Verdict {
        let debris = Debris::new(!self.lower, self.spelled);
        Verdict::Fragment { len: end - self.place.at, kind: self.kind.clone(), debris }
    }
}

/// The letters of a value so far.
struct Value {
    letters: String,
    /// The required number of letters, once known.
    need: Option<usize>,
    lower: bool,
    upper: bool,
}

impl Value {
    fn new(scheme: Option<Scheme>) -> Self {
        let need = (scheme != Some(Scheme::Aead)).then(|| letters(VAULT_BYTES));
        Self { letters: String::new(), need, lower: false, upper: false }
    }

    /// Number of missing letters, as far as known.
    fn left(&self) -> usize {
        self.need.unwrap_or(AEAD_HEADER_LETTERS) - self.letters.len()
    }

    /// Maximum length of the rest in bytes, noise included: every letter may be escaped.
    fn room(&self) -> usize {
        128 + 6 * self.left()
    }

    /// Reads the length from the first four letters, the last of which are in `group`.
    fn header(&mut self, group: &Group) -> Result<(), Stop> {
        let first: String = self.letters.chars().chain(group.letters.chars()).take(AEAD_HEADER_LETTERS).collect();
        let first = first.as_bytes().try_into().map_err(|_| Stop::Bad)?;
        self.need = Some(aead_letters(first).ok_or(Stop::Bad)?);
        Ok(())
    }

    /// Accepts a group, unless it is a word of the sentence.
    fn add(&mut self, group: &Group) -> Result<(), Stop> {
        let first = self.letters.is_empty();
        self.lower |= group.lower;
        self.upper |= group.upper;
        let mixed = !first && self.lower && self.upper && !group.has_digit();
        if group.letters.is_empty() || group.letters.len() > self.left() || !group.is_base32() || mixed {
            return Err(Stop::Bad);
        }
        self.letters.push_str(&group.letters);
        Ok(())
    }

    /// Whether it does not look like words: a sentence after a made-up token can have the right length.
    fn is_random(&self) -> bool {
        !self.lower || self.letters.bytes().any(|b| b.is_ascii_digit())
    }
}
