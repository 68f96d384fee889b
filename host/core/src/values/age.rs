//! Ages: "forty four", "44 years old", `44yo`, "18 months".

use zeroize::Zeroize;

use super::lexicon::Word;
use super::spoken;
use super::surface::{Piece, Sort};

/// An age. Years need no unit.
#[derive(Clone, PartialEq, Eq, Zeroize)]
pub(super) struct Age {
    /// Digits, perhaps with a point between them.
    pub number: String,
    #[zeroize(skip)]
    pub unit: &'static str,
}

impl Age {
    pub fn canonical(&self) -> String {
        format!("{}{}", self.number, self.unit)
    }
}

/// Parses an age; `None` if there is anything else.
pub(super) fn read(pieces: &[Piece]) -> Option<Age> {
    const YEARS: [&str; 11] = ["year", "years", "yr", "yrs", "yo", "y", "ano", "anos", "aged", "age", "edad"];
    const REST: [&str; 5] = ["old", "o", "of", "de", "im"];
    let is = |piece: &Piece, words: &[&str]| words.iter().any(|word| piece.is_word(word));
    let end = pieces.iter().rposition(|piece| piece.sort == Sort::Digits || piece.is_number_word())?;
    let start = pieces.iter().position(|piece| piece.sort == Sort::Digits || piece.is_number_word())?;
    let mut unit = "";
    for piece in pieces[..start].iter().chain(&pieces[end + 1..]) {
        match &*piece.folded {
            "month" | "months" | "mo" | "mos" | "mes" | "meses" => unit = "MO",
            "week" | "weeks" | "wk" | "wks" | "semana" | "semanas" => unit = "WK",
            "day" | "days" | "dia" | "dias" => unit = "D",
            _ if is(piece, &YEARS) || is(piece, &REST) || piece.word == Word::Filler => {}
            _ if matches!(piece.sort, Sort::Sign('-' | '/' | '.' | ',')) => {}
            _ => return None,
        }
    }
    let number = &pieces[start..=end];
    let text = match number {
        [whole, point, part] if point.sort == Sort::Sign('.') && point.glued && part.glued => {
            format!("{}.{}", whole.digits()?, part.digits()?)
        }
        _ => spoken::digits(number, |digits| digits.len() <= 2)?,
    };
    let text = text.trim_start_matches('0');
    let number = if text.is_empty() { "0" } else { text };
    (number.len() <= 5).then(|| Age { number: number.to_owned(), unit })
}

#[cfg(test)]
mod tests {
    use super::super::reading::BOTH;
    use super::super::surface::pieces;
    use super::*;

    fn check(surface: &str, expected: &str) {
        let age = read(&pieces(surface, BOTH)).map(|age| age.canonical());
        assert_eq!(age.as_deref().unwrap_or("-"), expected, "{surface}");
    }

    #[test]
    fn every_form_of_an_age_is_that_age() {
        for surface in [
            "44",
            "forty four",
            "44 years old",
            "44-year-old",
            "44yo",
            "44 y/o",
            "forty-four years old",
            "cuarenta y cuatro años",
            "age 44",
        ] {
            check(surface, "44");
        }
        check("a hundred and two", "-");
        check("one hundred and two", "102");
        check("18 months", "18MO");
        check("1.5 years", "1.5");
        check("old", "-");
    }
}
