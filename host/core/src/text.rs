//! Positions in text. Plugins and the pipeline count bytes, the API counts characters: two types and one conversion
//! between them.

use std::ops::Range;

pub(crate) mod work;

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
    /// A span from `start` to `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The span as a range, for indexing text.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// Whether the two share a byte.
    pub fn overlaps(self, other: ByteSpan) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Converts to a span in characters of `text`, to which it must belong. For many spans of one text use
    /// [`CharCounter`].
    pub fn to_chars(self, text: &str) -> CharSpan {
        CharCounter::new(text).span(self)
    }
}

/// Converts spans of one text to characters. Spans in ascending order are converted in one pass over the text.
pub struct CharCounter<'t> {
    text: &'t str,
    byte: usize,
    chars: usize,
}

impl<'t> CharCounter<'t> {
    /// Starts at the beginning of `text`.
    pub fn new(text: &'t str) -> Self {
        Self { text, byte: 0, chars: 0 }
    }

    /// Converts a span to characters.
    pub fn span(&mut self, span: ByteSpan) -> CharSpan {
        let start = self.count_to(span.start);
        CharSpan { start, end: self.count_to(span.end) }
    }

    fn count_to(&mut self, at: usize) -> usize {
        if at < self.byte {
            *self = Self::new(self.text);
        }
        work::steps(at - self.byte);
        self.chars += self.text[self.byte..at].chars().count();
        self.byte = at;
        self.chars
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

    #[test]
    fn all_spans_of_a_text_take_one_sweep() {
        work::assert_linear(100, |count| {
            let text = "José ".repeat(count);
            let mut counter = CharCounter::new(&text);
            for index in 0..count {
                let span = counter.span(ByteSpan::new(index * 6, index * 6 + 5));
                assert_eq!(span, CharSpan { start: index * 5, end: index * 5 + 4 });
            }
        });
        let mut counter = CharCounter::new("José");
        assert_eq!(counter.span(ByteSpan::new(3, 5)), CharSpan { start: 3, end: 4 });
        assert_eq!(counter.span(ByteSpan::new(0, 1)), CharSpan { start: 0, end: 1 }, "also backwards");
    }
}
