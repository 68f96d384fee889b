//! Telephone and fax numbers.
//!
//! A number of the region is stored as its national digits; a number of another country keeps `+` and its code
//! (E.164), without which +49 30 123456 would be the American (493) 012-3456. An extension is stored separately.

use zeroize::Zeroize;

use super::correction::{self, Among};
use super::lexicon::Word;
use super::reading::{Reading, Region};
use super::spoken;
use super::surface::{Piece, Sort};

/// A telephone number. Its digits are ASCII.
#[derive(Clone, PartialEq, Eq, Zeroize)]
pub(super) struct Phone {
    /// National digits, or `+`, country code and digits.
    pub number: String,
    pub extension: Option<String>,
    /// The region's country code.
    #[zeroize(skip)]
    pub calling: &'static str,
}

/// Maximum length of an E.164 number, and minimum length of a number without context.
const LONGEST: usize = 15;
const SHORTEST: usize = 7;

/// The number of these pieces, written or spoken.
pub(super) fn read(pieces: &[Piece], reading: &Reading) -> Option<Phone> {
    let region = reading.region;
    let (pieces, extension) = without_extension(pieces)?;
    let pieces = without_lead(pieces);
    let (number, plus) = number(pieces, region)?;
    let number = canonical(&number, plus, region)?;
    Some(Phone { number, extension, calling: region.calling })
}

/// Whether the format is unique to telephone numbers: `+14155550134`, `(415) 555-0134`, `1-415-555-0134`.
pub(super) fn is_unmistakable(surface: &str) -> bool {
    let digits = surface.bytes().filter(u8::is_ascii_digit).count();
    let signs: String = surface.chars().filter(|c| !c.is_ascii_digit() && !c.is_whitespace()).collect();
    match signs.as_bytes() {
        [b'+', rest @ ..] => digits >= 10 && rest.iter().all(|sign| matches!(sign, b'-' | b'.' | b'(' | b')')),
        [b'(', b')', rest @ ..] => digits == 10 && rest.len() <= 1,
        b"---" => digits == 11 && surface.starts_with("1-"),
        _ => false,
    }
}

/// The spoken digits, with corrections applied, and whether a plus precedes them.
fn number(pieces: &[Piece], region: Region) -> Option<(String, bool)> {
    let whole: Vec<usize> =
        region.national.into_iter().flat_map(|length| [length, length + region.calling.len()]).collect();
    if let Some((before, after)) = correction::split(pieces, Among::Numbers) {
        let (before, plus) = number(without_lead(before), region)?;
        let (after, anew) = number(without_lead(after), region)?;
        return Some((
            correction::joined(&before, &after, &whole),
            if after.len() >= before.len() { anew } else { plus },
        ));
    }
    let plus = pieces.first().is_some_and(|piece| piece.sign() == Some('+'));
    let rest = if plus { &pieces[1..] } else { pieces };
    let fits = |digits: &str| match digits.len() {
        length if Some(length) == region.national => true,
        length => whole.contains(&length) && digits.starts_with(region.calling),
    };
    Some((spoken::digits(rest, fits)?, plus))
}

fn canonical(digits: &str, plus: bool, region: Region) -> Option<String> {
    if !(SHORTEST..=LONGEST + 3).contains(&digits.len()) {
        return None;
    }
    let national = |rest: &str| match rest.strip_prefix('0') {
        Some(rest) if region.trunk => rest.to_owned(),
        _ => rest.to_owned(),
    };
    let abroad = if region.calling == "1" { "011" } else { "00" };
    let international = if plus { Some(digits) } else { digits.strip_prefix(abroad).filter(|rest| rest.len() >= 8) };
    if let Some(digits) = international {
        return Some(match digits.strip_prefix(region.calling) {
            Some(rest) if fits_national(rest, region) => national(rest),
            _ => format!("+{digits}"),
        });
    }
    match digits.strip_prefix(region.calling) {
        Some(rest) if Some(rest.len()) == region.national => Some(rest.to_owned()),
        _ => Some(national(digits)),
    }
}

fn fits_national(rest: &str, region: Region) -> bool {
    region.national.is_none_or(|length| rest.len() == length || region.trunk && rest.len() == length + 1)
}

/// Strips `tel:` and "area code".
fn without_lead<'p, 't>(mut pieces: &'p [Piece<'t>]) -> &'p [Piece<'t>] {
    const LEADS: [&str; 8] = ["tel", "phone", "fax", "area", "code", "its", "callto", "sip"];
    while let Some((first, rest)) = pieces.split_first()
        && (LEADS.iter().any(|lead| first.is_word(lead)) || first.sort == Sort::Sign(':') || first.word == Word::Filler)
    {
        pieces = rest;
    }
    pieces
}

/// The number and the extension after it: `x5`, "ext. 5", "extension five", `;ext=5`.
fn without_extension<'p, 't>(pieces: &'p [Piece<'t>]) -> Option<(&'p [Piece<'t>], Option<String>)> {
    const WORDS: [&str; 6] = ["x", "ext", "extn", "extension", "extensions", "interno"];
    let Some(at) = pieces.iter().position(|piece| WORDS.iter().any(|word| piece.is_word(word))).filter(|at| *at > 0)
    else {
        return Some((pieces, None));
    };
    let signs = |piece: &&Piece| !matches!(piece.sort, Sort::Sign('.' | '=' | ':'));
    let behind: Vec<Piece> = pieces[at + 1..].iter().filter(signs).cloned().collect();
    let extension = spoken::digits(&behind, |_| true).filter(|digits| digits.len() <= 8)?;
    let end = pieces[..at].iter().rposition(|piece| !matches!(piece.sort, Sort::Sign(';' | ',')))?;
    Some((&pieces[..=end], Some(extension)))
}

impl Phone {
    /// `+14155550134`.
    pub fn e164(&self) -> String {
        match self.number.strip_prefix('+') {
            Some(_) => self.number.clone(),
            None => format!("+{}{}", self.calling, self.number),
        }
    }

    /// The digits of a North American number: area, exchange and line.
    pub fn parts(&self) -> Option<(&str, &str, &str)> {
        let is_american = self.calling == "1" && self.number.len() == 10 && !self.number.starts_with('+');
        is_american.then(|| (&self.number[..3], &self.number[3..6], &self.number[6..]))
    }

    /// Whether it is a complete number and not the end of one.
    pub fn is_whole(&self) -> bool {
        self.number.starts_with('+') || self.calling != "1" || self.number.len() == 10
    }

    pub fn canonical(&self) -> String {
        match &self.extension {
            Some(extension) => format!("{};EXT={extension}", self.number),
            None => self.number.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::calendar::Day;
    use super::super::reading::BOTH;
    use super::super::surface::pieces;
    use super::*;

    fn check(region: &str, surface: &str, expected: &str) {
        let region = Region::new(region).expect("a region");
        let reading = Reading { region, ..Reading::new(Day::new(2026, 12, 1).expect("a day")) };
        let phone = read(&pieces(surface, BOTH), &reading).map(|phone| phone.canonical());
        assert_eq!(phone.as_deref().unwrap_or("-"), expected, "{surface}");
    }

    #[test]
    fn every_form_of_a_number_is_that_number() {
        for surface in [
            "(415) 555-0134",
            "+14155550134",
            "1-415-555-0134",
            "+1 415 555 0134",
            "415.555.0134",
            "tel:+1-415-555-0134",
            "011 1 415 555 0134",
            "four one five five five five oh one three four",
            "one four one five five five five oh one three four",
            "plus one four one five five five five zero one three four",
            "four fifteen triple five oh one thirty four",
            "area code four one five, triple five, oh one three four",
            "four fifteen five fifty five oh one thirty four",
            "four one five uh five five five dash oh one thirty four",
            "four one five five five five oh one four seven, no sorry, three four",
            "four one five five five six, sorry, five five five oh one three four",
            "415 555 0147 no wait it's 415 555 0134",
        ] {
            check("US", surface, "4155550134");
        }
        check("US", "eight hundred five five five oh one three four", "8005550134");
        check("US", "415-555-0134 ext. 12", "4155550134;EXT=12");
        check("US", "four one five five five five oh one three four extension twelve", "4155550134;EXT=12");
        check("US", "seis cero dos cinco cincuenta y cinco cero uno cincuenta y tres", "6025550153");
    }

    #[test]
    fn other_countries_keep_their_code() {
        check("US", "+49 30 123456", "+4930123456");
        check("US", "011 49 30 123456", "+4930123456");
        check("DE", "+49 (0)30 123456", "30123456");
        check("DE", "030 123456", "30123456");
        check("DE", "+1 415 555 0134", "+14155550134");
        check("ES", "+34 612 345 678", "612345678");
    }

    #[test]
    fn what_is_no_number_is_not_read() {
        for surface in ["", "555", "1-800-FLOWERS", "four apples", "12345678901234567890", "+", "x5"] {
            check("US", surface, "-");
        }
    }
}
