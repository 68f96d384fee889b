//! Identifiers: upper-case letters and digits without separators, written and spoken.
//!
//! "W as in whiskey two two seven", `W227` and `w-227` are the same. "oh" is zero inside numbers, and so is the
//! letter o after a digit or at the beginning of a number.

use super::correction::{self, Among};
use super::lexicon::Word;
use super::spelling;
use super::spoken;
use super::surface::{Piece, Sort};

/// Minimum number of letters and digits at which a point or slash is a separator: `1.5` is not 15.
const LONG: usize = 6;

/// The format of numbers of a kind.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    /// The valid lengths of such a number; empty for any length.
    pub lengths: &'static [usize],
    /// Validates digits of such a length.
    pub check: fn(&str) -> bool,
}

impl Rule {
    pub const ANY: Self = Self { lengths: &[], check: |_| true };

    /// The rule of a kind.
    pub fn of(kind: &str) -> Self {
        let lengths: &[usize] = match kind {
            "SSN" => &[9, 4],
            "ZIP" => &[5, 9],
            "CREDIT_CARD" => {
                return Self {
                    lengths: &[16, 15, 14, 13, 17, 18, 19, 4],
                    check: |digits| digits.len() == 4 || luhn(digits),
                };
            }
            _ => &[],
        };
        Self { lengths, ..Self::ANY }
    }

    fn fits(&self, digits: &str) -> bool {
        self.lengths.is_empty() || self.lengths.contains(&digits.len()) && (self.check)(digits)
    }
}

/// The letters and digits of these pieces, written or spoken; `None` if there is anything else.
pub(super) fn read(pieces: &[Piece], rule: Rule) -> Option<String> {
    if let Some((before, after)) = correction::split(pieces, Among::Numbers) {
        return Some(correction::joined(&read(before, rule).unwrap_or_default(), &read(after, rule)?, rule.lengths));
    }
    let pieces = without_mask(without_lead(pieces));
    if pieces.iter().any(|piece| piece.sort == Sort::Letters && piece.word == Word::Plain && !piece.raw.is_ascii()) {
        return None;
    }
    let is_said = is_said(pieces);
    // One run of digits in words: the lengths decide between several meanings.
    if is_said
        && !has_letters(pieces)
        && let Some(digits) = spoken::digits(pieces, |digits| rule.fits(digits))
    {
        return Some(digits);
    }
    let (mut text, mut at, mut signs) = (String::new(), 0, false);
    while let Some(piece) = pieces.get(at) {
        let rest = &pieces[at..];
        at += if let Some(digits) = number(pieces, at, is_said) {
            text.push_str(digits.digits());
            digits.length
        } else if let Some(letter) = spelling::letter(rest) {
            (0..letter.times).for_each(|_| text.push(letter.letter.to_ascii_uppercase()));
            letter.length
        } else if is_separator(piece) || is_hesitation(pieces, at, is_said) {
            signs |= matches!(piece.sign(), Some('.' | '/'));
            1
        } else {
            text.push_str(&letters(piece, is_said)?);
            1
        };
    }
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_plain && (!signs || text.len() >= LONG)).then_some(text)
}

/// The number at this piece, if it is a number in this context.
fn number(pieces: &[Piece], at: usize, is_said: bool) -> Option<spoken::Chunk> {
    let piece = &pieces[at];
    if piece.letter() == Some('o') {
        let before = at.checked_sub(1).map(|before| &pieces[before]);
        let inside = before.is_some_and(|before| before.sort == Sort::Digits || before.is_number_word());
        let begins = before.is_none() && pieces.get(1).is_some_and(Piece::is_number_word);
        return ((inside || begins) && !piece.glued).then(|| spoken::chunk(&pieces[at..]))?;
    }
    // `ONE-234` on a number plate.
    let is_written = piece.sort == Sort::Letters && !is_said && piece.is_number_word();
    if is_written || matches!(piece.word, Word::Ordinal(_)) {
        return None;
    }
    spoken::chunk(&pieces[at..])
}

/// Whether there are single letters: not zeros, nor the "y" within a Spanish number.
fn has_letters(pieces: &[Piece]) -> bool {
    let mut with_before = pieces.iter().enumerate();
    with_before.any(|(at, piece)| match piece.letter() {
        Some('y') => at.checked_sub(1).is_none_or(|before| !pieces[before].is_number_word()),
        Some(letter) => letter != 'o',
        None => false,
    })
}

/// Whether it was spoken rather than written: there are number words. Next to written digits, number words in
/// capitals and prefixes do not count: `TEN-227`, `un 4077143`.
fn is_said(pieces: &[Piece]) -> bool {
    let written = pieces.iter().any(|piece| piece.sort == Sort::Digits);
    let capital = |piece: &Piece| piece.raw.bytes().all(|byte| !byte.is_ascii_lowercase());
    let mut words =
        pieces.iter().enumerate().filter(|(_, piece)| piece.is_number_word() && !(written && capital(piece)));
    match words.next() {
        Some((0, first)) if written && first.folded.len() <= 3 => words.next().is_some(),
        first => first.is_some(),
    }
}

/// A word as letters: a word of a telephone alphabet is its letter in spoken numbers.
fn letters(piece: &Piece, is_said: bool) -> Option<String> {
    if piece.sort != Sort::Letters {
        return None;
    }
    let letter = is_said.then(|| spelling::alphabet(&piece.folded)).flatten();
    Some(letter.map_or_else(|| piece.folded.to_ascii_uppercase(), |letter| letter.to_ascii_uppercase().to_string()))
}

fn is_separator(piece: &Piece) -> bool {
    let sign = matches!(piece.sign(), Some('-' | '.' | '/' | ',' | '(' | ')' | '_' | ':' | '#' | ';' | '…' | '\''));
    sign || piece.word == Word::And && piece.letter().is_none() || piece.is_word("capital") || piece.is_word("letter")
}

/// Whether a word is a filler. `MM` at the beginning of `MM9044628` is two letters.
fn is_hesitation(pieces: &[Piece], at: usize, is_said: bool) -> bool {
    let is_glued = pieces[at].glued || pieces.get(at + 1).is_some_and(|next| next.glued && next.sort == Sort::Digits);
    pieces[at].word == Word::Filler && !is_glued && (at > 0 || is_said || pieces[at].folded.len() > 3)
}

/// Strips a leading "number" or `#`.
fn without_lead<'p, 't>(mut pieces: &'p [Piece<'t>]) -> &'p [Piece<'t>] {
    while let [first, rest @ ..] = pieces
        && (first.is_word("number") || first.is_word("numero") || first.sort == Sort::Sign('#'))
        && !rest.is_empty()
    {
        pieces = rest;
    }
    pieces
}

/// Strips mask characters at the beginning of a number: `xxx-xx-6789` and `***-**-6789` are the visible digits.
fn without_mask<'p, 't>(pieces: &'p [Piece<'t>]) -> &'p [Piece<'t>] {
    let hides = |piece: &Piece| match piece.sort {
        Sort::Letters => piece.folded.len() > 1 && piece.folded.bytes().all(|byte| byte == b'x'),
        Sort::Sign(sign) => matches!(sign, '*' | '•' | '-' | '#' | ' '),
        Sort::Digits => false,
    };
    let end = pieces.iter().position(|piece| !hides(piece)).unwrap_or(0);
    let is_mask = pieces[..end].iter().any(|piece| piece.sort != Sort::Sign('-'));
    let digits_follow = pieces.get(end).is_some_and(|piece| piece.sort == Sort::Digits) && pieces.len() == end + 1;
    if end > 1 && is_mask && digits_follow { &pieces[end..] } else { pieces }
}

/// Whether digits pass the check of card numbers (ISO/IEC 7812-1, annex B).
pub(super) fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, byte)| {
            let digit = u32::from(byte.wrapping_sub(b'0'));
            let doubled = digit * (1 + at as u32 % 2);
            doubled / 10 + doubled % 10
        })
        .sum();
    digits.bytes().all(|byte| byte.is_ascii_digit()) && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::super::reading::BOTH;
    use super::super::surface::pieces;
    use super::*;

    fn check(kind: &str, surface: &str, expected: &str) {
        let text = read(&pieces(surface, BOTH), Rule::of(kind));
        assert_eq!(text.as_deref().unwrap_or("-"), expected, "{kind}: {surface}");
    }

    #[test]
    fn every_form_of_a_number_is_that_number() {
        for surface in [
            "W227",
            "w-227",
            "w 227",
            "W as in whiskey two two seven",
            "whiskey two two seven",
            "w two twenty seven",
            "double u two two seven",
        ] {
            check("MRN", surface, "W227");
        }
        check("HEALTH_PLAN", "v l c four eighty one eighty sixty seven", "VLC4818067");
        check("HEALTH_PLAN", "r c g six two five oh seven six two", "RCG6250762");
        check("HEALTH_PLAN", "r c g six two five o seven six two", "RCG6250762");
        check("HEALTH_PLAN", "kvt 2473302", "KVT2473302");
        check(
            "HEALTH_PLAN",
            "h as in hotel x as in xray f as in frank seven oh six three eight eight five",
            "HXF7063885",
        );
        check("HEALTH_PLAN", "WDW-140-2061", "WDW1402061");
        check("HEALTH_PLAN", "r o g one two", "ROG12");
        check("ACCOUNT", "seventeen eighteen fifty fifty four ninety one", "1718505491");
        check("ACCOUNT", "double four one nine nine double oh seven one two", "4419900712");
        check("SSN", "xxx-xx-6789", "6789");
        check("SSN", "***-**-6789", "6789");
        check("SSN", "eight oh one one", "8011");
        check("SSN", "sixty seven eighty nine", "6789");
        check("ZIP", "five five four uh two one", "55421");
        check("ZIP", "60614-1234", "606141234");
        check("CREDIT_CARD", "4111 1111 1111 1111", "4111111111111111");
        check("LICENSE", "ONE-234", "ONE234");
        check("IBAN", "de89 3704 0044 0532 0130 00", "DE89370400440532013000");
        check("MRN", "q w w two oh seven nine, no sorry, two oh eight nine nine oh two", "QWW2089902");
    }

    #[test]
    fn what_is_no_number_is_not_read() {
        check("ACCOUNT", "1.5", "-");
        check("ACCOUNT", "12/3", "-");
        check("SSN", "12345678é", "-");
        check("MRN", "", "-");
        check("MRN", "номер 12", "-");
    }
}
