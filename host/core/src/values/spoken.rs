//! Spoken numbers and their digits.
//!
//! Most have one meaning: "nineteen eighty two" is 1982. Some have two: "twenty one" is 21 or 20 and 1, "eight
//! hundred five" is 805 or 800 and 5. A caller that knows the required number of digits ([`digits`]) takes the
//! meaning with that length.

use super::lexicon::Word;
use super::surface::{Piece, Sort};

/// A number said as one, with its possible meanings, the usual one first.
pub(super) struct Chunk {
    /// Number of pieces that it takes.
    pub length: usize,
    senses: Senses,
}

struct Senses {
    usual: String,
    other: Option<String>,
}

/// Maximum number of combinations tried for one run of numbers.
const MAX_CHOICES: usize = 64;

impl Chunk {
    fn one(length: usize, digits: impl Into<String>) -> Self {
        Self { length, senses: Senses { usual: digits.into(), other: None } }
    }

    /// The usual meaning.
    pub fn digits(&self) -> &str {
        &self.senses.usual
    }
}

/// The number at this position.
pub(super) fn chunk(pieces: &[Piece]) -> Option<Chunk> {
    let first = pieces.first()?;
    match first.word {
        Word::Repeat(times) => {
            let digit = one_digit(pieces.get(1)?)?;
            return Some(Chunk::one(2, digit.to_string().repeat(usize::from(times))));
        }
        Word::Hundreds(hundreds) => return Some(with_rest(pieces, 1, u32::from(hundreds) * 100, 100)),
        Word::Thousand => return Some(with_rest(pieces, 1, 1000, 1000)),
        Word::Hundred => return Some(Chunk::one(1, "100")),
        _ => {}
    }
    if let Some(digits) = first.digits() {
        return digits.is_ascii().then(|| Chunk::one(1, digits));
    }
    if first.word == Word::Oh || first.word == Word::Digit(0) || first.letter() == Some('o') {
        return Some(Chunk::one(1, "0"));
    }
    let (length, value) = below_hundred(pieces)?;
    match pieces.get(length).map(|piece| piece.word) {
        Some(Word::Hundred) => Some(with_rest(pieces, length + 1, value * 100, 100)),
        Some(Word::Thousand) => Some(with_rest(pieces, length + 1, value * 1000, 1000)),
        _ => {
            let mut chunk = Chunk::one(length, value.to_string());
            if length > 1 {
                chunk.senses.other = Some(format!("{}{}", value / 10 * 10, value % 10));
            }
            Some(chunk)
        }
    }
}

/// "twenty one", "seven", "treinta y uno"; not zero.
fn below_hundred(pieces: &[Piece]) -> Option<(usize, u32)> {
    let digit = |at: usize| match pieces.get(at).map(|piece| piece.word) {
        Some(Word::Digit(digit @ 1..)) => Some(u32::from(digit)),
        _ => None,
    };
    match pieces.first()?.word {
        Word::Digit(digit @ 1..) => Some((1, digit.into())),
        Word::Teen(number) => Some((1, number.into())),
        Word::Tens(tens) => {
            let tens = u32::from(tens) * 10;
            // "treinta y uno". An "and" in English begins another number.
            let joined = pieces.get(1).is_some_and(|piece| piece.is_word("y"));
            let hyphen = pieces.get(1).is_some_and(|piece| piece.sort == Sort::Sign('-') && piece.glued);
            let at = 1 + usize::from(joined || hyphen);
            Some(digit(at).map_or((1, tens), |digit| (at + 1, tens + digit)))
        }
        _ => None,
    }
}

/// A multiple of a hundred or a thousand, with the rest of the same number after it.
fn with_rest(pieces: &[Piece], length: usize, base: u32, unit: u32) -> Chunk {
    let alone = Chunk::one(length, base.to_string());
    let and = usize::from(pieces.get(length).is_some_and(|piece| piece.word == Word::And));
    let Some(rest) = pieces.get(length + and..) else { return alone };
    let (taken, value) = match rest.first().map(|piece| piece.word) {
        Some(Word::Hundreds(hundreds)) if unit == 1000 => small(with_rest(rest, 1, u32::from(hundreds) * 100, 100)),
        _ => match below_hundred(rest) {
            Some((taken, value))
                if rest.get(taken).is_some_and(|piece| piece.word == Word::Hundred) && unit == 1000 && value < 10 =>
            {
                small(with_rest(rest, taken + 1, value * 100, 100))
            }
            Some((taken, value)) => (taken, value),
            None => return alone,
        },
    };
    // "eight hundred five five five": separate digits.
    let digits_follow = || rest.get(taken).is_some_and(|next| next.is_number_word() || next.sort == Sort::Digits);
    if value >= unit || (value < 10 && and == 0 && digits_follow()) {
        return alone;
    }
    let other = (and == 0).then(|| format!("{base}{value}"));
    Chunk { length: length + and + taken, senses: Senses { usual: (base + value).to_string(), other } }
}

fn small(chunk: Chunk) -> (usize, u32) {
    (chunk.length, chunk.digits().parse().unwrap_or(0))
}

fn one_digit(piece: &Piece) -> Option<char> {
    match piece.word {
        Word::Digit(digit) => Some(char::from(b'0' + digit)),
        Word::Oh => Some('0'),
        _ => match piece.digits() {
            Some(digits) if digits.len() == 1 => digits.chars().next(),
            _ => (piece.letter() == Some('o')).then_some('0'),
        },
    }
}

/// The digits of a run of numbers with only separators between them; among several meanings the first that `fits`,
/// otherwise the usual one. `None` if there is a word that is not a number.
pub(super) fn digits(pieces: &[Piece], fits: impl Fn(&str) -> bool) -> Option<String> {
    let mut chunks = Vec::new();
    let mut at = 0;
    while let Some(piece) = pieces.get(at) {
        match chunk(&pieces[at..]) {
            // "8 hundred": two zeros after the written digit.
            Some(chunk) if piece.word == Word::Hundred && at > 0 => {
                at += chunk.length;
                chunks.push(Chunk::one(1, "00"));
            }
            Some(chunk) => {
                at += chunk.length;
                chunks.push(chunk);
            }
            None if is_separator(piece) => at += 1,
            None => return None,
        }
    }
    (!chunks.is_empty()).then(|| choose(&chunks, fits))
}

/// Separators allowed between the digits of a number.
pub(super) fn is_separator(piece: &Piece) -> bool {
    match (piece.sort, piece.word) {
        (Sort::Sign(sign), _) | (_, Word::Sign(sign)) => {
            matches!(sign, '-' | '.' | '(' | ')' | '/' | ',' | ';' | '…' | '·' | ' ' | '–' | '?')
        }
        (_, word) => matches!(word, Word::Filler | Word::And),
    }
}

fn choose(chunks: &[Chunk], fits: impl Fn(&str) -> bool) -> String {
    let usual: String = chunks.iter().map(Chunk::digits).collect();
    if fits(&usual) {
        return usual;
    }
    let open: Vec<usize> = (0..chunks.len()).filter(|at| chunks[*at].senses.other.is_some()).collect();
    let choices = 1_usize.checked_shl(open.len() as u32).unwrap_or(MAX_CHOICES).min(MAX_CHOICES);
    for choice in 1..choices {
        let mut bit = 0;
        let digits: String = chunks.iter().fold(String::with_capacity(usual.len() + 8), |mut digits, chunk| {
            let sense = match &chunk.senses.other {
                Some(other) => {
                    bit += 1;
                    if choice >> (bit - 1) & 1 == 1 { other } else { &chunk.senses.usual }
                }
                None => &chunk.senses.usual,
            };
            digits.push_str(sense);
            digits
        });
        if fits(&digits) {
            return digits;
        }
    }
    usual
}

#[cfg(test)]
mod tests {
    use super::super::reading::BOTH;
    use super::super::surface::pieces;
    use super::*;

    fn check(said: &str, expected: &str) {
        let pieces = pieces(said, BOTH);
        assert_eq!(digits(&pieces, |digits| digits.len() == 10).as_deref().unwrap_or("-"), expected, "{said}");
    }

    #[test]
    fn numbers_are_read_as_they_are_said() {
        check("four one five five five five oh one three four", "4155550134");
        check("four fifteen triple five oh one thirty four", "4155550134");
        check("four one five double five five zero one, three four", "4155550134");
        check("eight hundred five fifty five oh one thirty four", "8005550134");
        check("eight hundred five five five oh one three four", "8005550134");
        check("nine hundred twelve", "912");
        check("nineteen hundred and fifty eight", "1958");
        check("two thousand and eight", "2008");
        check("twenty-one", "21");
        check("mil novecientos setenta y siete", "1977");
        check("dos mil veintisiete", "2027");
        check("seis cero dos cinco cincuenta y cinco cero uno cincuenta y tres", "6025550153");
        check("four one five uh five five five and then oh one three four", "4155550134");
        check("four apples", "-");
        check("double", "-");
        check("", "-");
    }

    #[test]
    fn a_number_with_two_senses_is_the_one_that_has_enough_digits() {
        check("four one five five five twenty one three four", "4155520134");
        check("twenty one four five", "2145");
    }
}
