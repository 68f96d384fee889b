//! The numbers of a date: days, months and years, written and spoken.

use super::super::lexicon::Word;
use super::super::spoken;
use super::super::surface::{Piece, Sort};
use super::said::is_break;
use super::{Year, numeric};

/// A day or a month: one number below 100, "oh three" too.
pub(super) fn small(pieces: &[Piece]) -> Option<u8> {
    let digit = |piece: &Piece| match piece.word {
        Word::Digit(digit) => Some(digit),
        _ => None,
    };
    match pieces {
        [one] => match one.word {
            Word::Ordinal(number) => Some(number),
            _ => one_chunk(pieces),
        },
        [zero, number] if zero.word == Word::Oh || zero.word == Word::Digit(0) || zero.letter() == Some('o') => {
            digit(number)
        }
        [tens, ones] if matches!((tens.word, ones.word), (Word::Tens(_), Word::Ordinal(1..=9))) => {
            match (tens.word, ones.word) {
                (Word::Tens(tens), Word::Ordinal(ones)) => Some(tens * 10 + ones),
                _ => None,
            }
        }
        _ => one_chunk(pieces),
    }
}

fn one_chunk(pieces: &[Piece]) -> Option<u8> {
    let chunk = spoken::chunk(pieces)?;
    (chunk.length == pieces.len() && chunk.digits().len() <= 2).then(|| chunk.digits().parse().ok())?
}

/// "nineteen eighty two", "two thousand and eight", "eighty two", "oh four", `1982`, `82`.
pub(super) fn year(pieces: &[Piece]) -> Option<Year> {
    if pieces.len() > 8 || pieces.iter().any(is_break) {
        return None;
    }
    let digits = spoken::digits(pieces, |_| true)?;
    match digits.len() {
        // A spoken year is a recent one: "twenty two thousand five" is not the year 1005.
        4 => numeric::year(&digits).filter(|year| is_written(pieces) || (1850..=2100).contains(&year.number)),
        2 => Some(Year { number: digits.parse().ok()?, is_short: true }),
        _ => None,
    }
}

fn is_written(pieces: &[Piece]) -> bool {
    pieces.len() == 1 && pieces[0].sort == Sort::Digits
}

/// The same with its century.
pub(super) fn long_year(pieces: &[Piece]) -> Option<Year> {
    year(pieces).filter(|year| !year.is_short && (1850..=2100).contains(&year.number))
}
