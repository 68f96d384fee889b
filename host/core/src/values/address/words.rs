//! The words of an address, each normalised.

use super::super::lexicon::Word;
use super::super::spoken;
use super::super::surface::{Piece, Sort};
use super::tables;

/// A normalised word.
pub(super) struct Normal {
    pub text: String,
    /// In upper case, before abbreviation.
    pub said: String,
    pub after_comma: bool,
}

/// The words; `None` if there is a sign that does not occur in addresses.
pub(super) fn normal(pieces: &[Piece]) -> Option<Vec<Normal>> {
    let mut words: Vec<Normal> = Vec::new();
    let (mut at, mut after_comma) = (0, false);
    while let Some(piece) = pieces.get(at) {
        let rest = &pieces[at..];
        let mut length = 1;
        match piece.sort {
            Sort::Sign(',' | '^' | ';') => {
                after_comma = !words.is_empty();
                at += 1;
                continue;
            }
            Sort::Sign('#') => push(&mut words, "#", "#", &mut after_comma),
            Sort::Sign(sign) if is_silent_sign(sign) => {}
            Sort::Sign(_) => return None,
            Sort::Digits | Sort::Letters if is_number(rest, words.last()) => {
                let (number, taken) = number(rest, words.last())?;
                length = taken;
                push(&mut words, &number, &number, &mut after_comma);
            }
            Sort::Letters if matches!(piece.word, Word::Filler) && !matches!(&*piece.folded, "el" | "la") => {}
            Sort::Letters => {
                let said = piece.folded.to_uppercase();
                push(&mut words, &short(pieces, at), &said, &mut after_comma);
            }
            Sort::Digits => return None,
        }
        at += length;
    }
    Some(words)
}

fn push(words: &mut Vec<Normal>, text: &str, said: &str, after_comma: &mut bool) {
    words.push(Normal { text: text.to_owned(), said: said.to_owned(), after_comma: std::mem::take(after_comma) });
}

fn is_silent_sign(sign: char) -> bool {
    matches!(sign, '.' | '-' | '\'' | '’' | '"' | '(' | ')' | '/' | ':' | '&')
}

/// A word in upper case, or its abbreviation. A direction is abbreviated before and after a street name, but not when
/// it is the name.
fn short(pieces: &[Piece], at: usize) -> String {
    let word = &*pieces[at].folded;
    let next = pieces[at + 1..].iter().find(|piece| piece.sort != Sort::Sign('.'));
    let names_a_street = next.is_some_and(|next| tables::kind(&next.folded).is_some());
    let short = match tables::direction(word) {
        Some(short) if !names_a_street && at > 0 => Some(short),
        Some(_) => None,
        None => tables::kind(word).or_else(|| tables::unit(word)),
    };
    short.map_or_else(|| word.to_uppercase(), str::to_owned)
}

fn is_number(pieces: &[Piece], before: Option<&Normal>) -> bool {
    let first = &pieces[0];
    let after_unit = before.is_some_and(|word| tables::is_unit(&word.text));
    first.sort == Sort::Digits
        || first.is_number_word() && first.word != Word::Hundred
        || after_unit && first.letter().is_some()
}

/// The number at this position, with its letter: "twelve", "fourteen twenty", "3b", "three b", "twenty third".
fn number(pieces: &[Piece], before: Option<&Normal>) -> Option<(String, usize)> {
    let after_unit = before.is_some_and(|word| tables::is_unit(&word.text));
    let (mut text, mut at) = (String::new(), 0);
    if after_unit && let Some(letter) = pieces[0].letter() {
        text.push(letter.to_ascii_uppercase());
        at = 1;
    }
    while let Some(piece) = pieces.get(at) {
        if let Some((ordinal, length)) = ordinal(&pieces[at..]) {
            // "fifty one fifth avenue": a house and a street.
            if at > 0 {
                break;
            }
            return Some((ordinal, length));
        }
        let continues = at == 0 || piece.sort == Sort::Letters || piece.glued || after_unit;
        let is_letter_only = piece.letter().is_some();
        // `60614-1234` is one number, `12 60614` are two.
        if piece.sort == Sort::Sign('-')
            && piece.glued
            && pieces.get(at + 1).is_some_and(|next| next.sort == Sort::Digits)
        {
            at += 1;
            continue;
        }
        let Some(chunk) =
            spoken::chunk(&pieces[at..]).filter(|_| continues && (!is_letter_only || piece.word == Word::Oh))
        else {
            break;
        };
        text.push_str(chunk.digits());
        at += chunk.length;
    }
    let letter = pieces.get(at).filter(|piece| piece.glued || after_unit && pieces.get(at.wrapping_sub(1)).is_some());
    // `3-B`
    let dashed = after_unit && pieces.get(at).is_some_and(|piece| piece.sort == Sort::Sign('-'));
    let letter = if dashed { pieces.get(at + 1) } else { letter };
    if let Some(letter) =
        letter.and_then(Piece::letter).filter(|_| at > 0 && text.ends_with(|c: char| c.is_ascii_digit()))
    {
        text.push(letter.to_ascii_uppercase());
        at += 1 + usize::from(dashed);
    }
    (!text.is_empty()).then_some((text, at.max(1)))
}

/// "twenty third" and `23rd` are `23RD`.
fn ordinal(pieces: &[Piece]) -> Option<(String, usize)> {
    let value = |tens: u8, ones: u8| u32::from(tens) * 10 + u32::from(ones);
    let (number, length) = match pieces {
        [tens, ones, ..] if matches!((tens.word, ones.word), (Word::Tens(_), Word::Ordinal(1..=9))) => {
            match (tens.word, ones.word) {
                (Word::Tens(tens), Word::Ordinal(ones)) => (value(tens, ones), 2),
                _ => return None,
            }
        }
        [one, ..] if matches!(one.word, Word::Ordinal(_)) => match one.word {
            Word::Ordinal(number) => (value(0, number), 1),
            _ => return None,
        },
        [digits, ending, ..] if ending.glued && matches!(&*ending.folded, "st" | "nd" | "rd" | "th") => {
            (digits.digits()?.parse().ok()?, 2)
        }
        _ => return None,
    };
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "TH",
        (_, 1) => "ST",
        (_, 2) => "ND",
        (_, 3) => "RD",
        _ => "TH",
    };
    Some((format!("{number}{ending}"), length))
}
