//! Converts positions between a plugin's unit and bytes. All positions in a text are converted in one pass over it.

use serde::{Deserialize, Serialize};

/// Unit of a plugin's positions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OffsetUnit {
    /// Bytes.
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-16 code units.
    #[serde(rename = "utf-16")]
    Utf16,
    /// Unicode code points.
    CodePoint,
}

/// A span of one of several texts, in bytes or in a plugin's unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessagePlace {
    /// Index of the text.
    pub text: usize,
    /// First position.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

impl OffsetUnit {
    /// Converts to bytes; `None` for a span that is out of range or splits a character.
    pub(super) fn to_bytes<'t>(
        self,
        places: &[MessagePlace],
        text: impl Fn(usize) -> &'t str,
    ) -> Vec<Option<MessagePlace>> {
        match self {
            Self::Utf8 => {
                places.iter().map(|place| text(place.text).get(place.start..place.end).map(|_| *place)).collect()
            }
            _ => by_text(places, |at, wanted| translate(wanted, self.boundaries(text(at)))),
        }
    }

    /// Converts to this unit; `None` for a span that is out of range or splits a character.
    pub(super) fn to_unit<'t>(
        self,
        places: &[MessagePlace],
        text: impl Fn(usize) -> &'t str,
    ) -> Vec<Option<MessagePlace>> {
        match self {
            Self::Utf8 => places.iter().map(|place| Some(*place)).collect(),
            _ => by_text(places, |at, wanted| {
                translate(wanted, self.boundaries(text(at)).map(|(position, byte)| (byte, position)))
            }),
        }
    }

    /// Positions of all character starts and of the end of the text: in this unit, and in bytes.
    fn boundaries(self, text: &str) -> impl Iterator<Item = (usize, usize)> {
        let width = move |character: char| match self {
            Self::Utf8 => character.len_utf8(),
            Self::Utf16 => character.len_utf16(),
            Self::CodePoint => 1,
        };
        let characters = text.char_indices().map(|(byte, character)| (byte, Some(character)));
        characters.chain([(text.len(), None)]).scan(0, move |at, (byte, character)| {
            let here = *at;
            *at += character.map_or(0, width);
            Some((here, byte))
        })
    }
}

/// Converts both ends of all spans, with one call of `convert` per text.
fn by_text(
    places: &[MessagePlace],
    convert: impl Fn(usize, &[usize]) -> Vec<Option<usize>>,
) -> Vec<Option<MessagePlace>> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|at| places[*at].text);
    let mut converted = vec![None; places.len()];
    for of_one in order.chunk_by(|a, b| places[*a].text == places[*b].text) {
        let text = places[of_one[0]].text;
        let ends: Vec<usize> = of_one.iter().flat_map(|at| [places[*at].start, places[*at].end]).collect();
        for (at, ends) in of_one.iter().zip(convert(text, &ends).chunks_exact(2)) {
            converted[*at] = ends[0].zip(ends[1]).map(|(start, end)| MessagePlace { text, start, end });
        }
    }
    converted
}

/// Looks up each key in a list of pairs sorted by key; `None` for a missing key.
fn translate(wanted: &[usize], pairs: impl Iterator<Item = (usize, usize)>) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_unstable_by_key(|at| wanted[*at]);
    let mut found = vec![None; wanted.len()];
    let mut pairs = pairs.peekable();
    for at in order {
        while pairs.next_if(|(key, _)| *key < wanted[at]).is_some() {}
        found[at] = pairs.peek().filter(|(key, _)| *key == wanted[at]).map(|(_, value)| *value);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const TEXT: &str = "a😀é b";

    fn check(unit: OffsetUnit, start: usize, end: usize, expected: Option<&str>) {
        let place = MessagePlace { text: 0, start, end };
        let [found] = unit.to_bytes(&[place], |_| TEXT)[..] else { panic!("one place") };
        assert_eq!(found.map(|found| &TEXT[found.start..found.end]), expected, "{unit:?} {start}..{end}");
        if let Some(found) = found {
            assert_eq!(unit.to_unit(&[found], |_| TEXT), [Some(place)]);
        }
    }

    #[test]
    fn positions_of_every_unit() {
        check(OffsetUnit::Utf8, 1, 5, Some("😀"));
        check(OffsetUnit::Utf8, 2, 5, None);
        check(OffsetUnit::Utf8, 0, 99, None);
        check(OffsetUnit::Utf16, 1, 3, Some("😀"));
        check(OffsetUnit::Utf16, 2, 3, None);
        check(OffsetUnit::Utf16, 3, 6, Some("é b"));
        check(OffsetUnit::CodePoint, 1, 2, Some("😀"));
        check(OffsetUnit::CodePoint, 2, 5, Some("é b"));
        check(OffsetUnit::CodePoint, 2, 6, None);
    }

    #[test]
    fn places_of_several_texts_in_any_order_keep_their_own() {
        let texts = ["é1", "😀22", "333"];
        let place = |text, start, end| MessagePlace { text, start, end };
        let places = [place(2, 0, 3), place(1, 2, 4), place(0, 1, 2), place(1, 0, 2), place(1, 9, 9)];
        let expected = [Some(place(2, 0, 3)), Some(place(1, 4, 6)), Some(place(0, 2, 3)), Some(place(1, 0, 4)), None];
        assert_eq!(OffsetUnit::Utf16.to_bytes(&places, |at| texts[at]), expected);
    }

    #[test]
    fn a_text_is_walked_over_once_whatever_the_number_of_positions() {
        let (text, walks) = ("é".repeat(10_000), Cell::new(0));
        let places: Vec<MessagePlace> =
            (0..10_000).rev().map(|start| MessagePlace { text: 0, start, end: start + 1 }).collect();
        let text_of = |_| {
            walks.set(walks.get() + 1);
            text.as_str()
        };
        let bytes = OffsetUnit::Utf16.to_bytes(&places, text_of);
        let found: Vec<MessagePlace> = bytes.into_iter().map(|place| place.expect("a place")).collect();
        assert!(places.iter().zip(&found).all(|(place, found)| found.start == 2 * place.start));
        assert!(OffsetUnit::Utf16.to_unit(&found, text_of).into_iter().eq(places.into_iter().map(Some)));
        assert_eq!(walks.get(), 2, "one walk each way");
    }
}
