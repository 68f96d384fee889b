//! A surface with a value and its correction: two values, with the words between them in clear text.

use std::ops::Range;

use super::correction::{self, Among};
use super::reading::Reading;
use super::surface::{self, Piece};
use super::{Canonical, LONGEST, Value, read};
use crate::kind::Kind;

/// A value with its span in a surface.
pub struct Span {
    /// Its span.
    pub range: Range<usize>,
    /// Its parsed value.
    pub value: Value,
}

/// The slip and the correction, if each is a complete value by itself: "november twenty third nineteen ninety seven,
/// I mean november twenty fourth nineteen ninety seven". They are then different values. `None` if the correction
/// replaces only a part ("no, twenty fourth"): that surface is one value, the corrected one.
pub fn slip(kind: &Kind, surface: &str, reading: &Reading) -> Option<[Span; 2]> {
    if surface.len() > LONGEST {
        return None;
    }
    let pieces = surface::pieces(surface, reading.languages);
    let (before, after) = correction::split(&pieces, Among::Numbers)?;
    let spanned = |pieces: &[Piece]| {
        let range = pieces.first()?.range.start..pieces.last()?.range.end;
        let value = read(kind, surface.get(range.clone())?, reading);
        Some(Span { range, value })
    };
    let (slip, correction) = (spanned(before)?, spanned(after)?);
    let both_whole = slip.value.is_whole() && correction.value.is_whole();
    let as_long = match (&slip.value.canonical, &correction.value.canonical) {
        (Canonical::Identifier(slip), Canonical::Identifier(correction)) => {
            slip.len() == correction.len() && slip.len() > 4
        }
        _ => false,
    };
    (both_whole || as_long).then_some([slip, correction])
}

#[cfg(test)]
mod tests {
    use super::super::Day;
    use super::*;

    #[test]
    fn a_slip_and_its_correction_are_two_values() {
        let reading = Reading::new(Day::new(2026, 12, 1).expect("a day"));
        let check = |kind: &str, surface: &str, expected: Option<[&str; 2]>| {
            let kind = Kind::new(kind).expect("a kind");
            let spans = slip(&kind, surface, &reading);
            let texts = spans.as_ref().map(|spans| [0, 1].map(|at: usize| &surface[spans[at].range.clone()]));
            assert_eq!(texts, expected, "{surface}");
            if let Some([slip, correction]) = spans {
                assert!(slip.value != correction.value && correction.value == read(&kind, surface, &reading));
            }
        };
        check(
            "DOB",
            "the third of may 1997 i mean may fourth 1997",
            Some(["the third of may 1997", "may fourth 1997"]),
        );
        check("PHONE", "415 555 0147, no sorry, it's 415 555 0134.", Some(["415 555 0147", "415 555 0134"]));
        check("MRN", "kvt 2473302, no, kvt 2473320", Some(["kvt 2473302", "kvt 2473320"]));
        check("DOB", "may third, no sorry, may fourth 1997", None);
        check("PHONE", "four one five five five five oh one four seven, no, three four", None);
        check("DOB", "may third 1997", None);
    }
}
