//! Positions in text. Plugins and the pipeline count bytes, the API counts characters: two types, one conversion.

use std::ops::Range;

/// A span in bytes of UTF-8, on character boundaries of the text it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ByteSpan {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A span in Unicode scalar values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CharSpan {
    /// First character.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
}

impl ByteSpan {
    /// From `start` to `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// As a range, to index text with.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// Whether the two share a byte.
    pub fn overlaps(self, other: ByteSpan) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The span in characters of `text`, which it must belong to.
    pub fn to_chars(self, text: &str) -> CharSpan {
        let start = text[..self.start].chars().count();
        CharSpan { start, end: start + text[self.range()].chars().count() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_not_bytes() {
        let text = "José Núñez";
        assert_eq!(ByteSpan::new(6, text.len()).to_chars(text), CharSpan { start: 5, end: 10 });
    }
}
