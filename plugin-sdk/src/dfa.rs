//! Regular expressions as fully built automata, so that no work is left for request time.

use std::ops::Range;

use regex_automata::dfa::regex::{Builder, Regex};
use regex_automata::dfa::{StartKind, dense};
use regex_automata::{Input, util::syntax};

/// The largest automaton of one pattern, in bytes. A counter such as `\d{1,200}` or a Unicode class can exceed it:
/// check lengths in code after a match, and write letters as byte classes.
pub const SIZE_LIMIT: usize = 2 << 20;

/// A compiled regular expression over bytes.
///
/// The syntax is that of `regex-automata`, with `\b` in its ASCII form as the only look-around. Write patterns inside
/// `(?-u:...)` and letters as `[A-Za-z\x80-\xff]`: a Unicode class makes an automaton hundreds of times larger. A
/// match is extended to character boundaries, so a span is always valid UTF-8.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// Compiles a pattern. The error names the cause: the syntax, the size, or that the pattern matches the empty
    /// string.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let regex = Builder::new()
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .dense(
                dense::Config::new()
                    .start_kind(StartKind::Both)
                    .minimize(false)
                    .dfa_size_limit(Some(SIZE_LIMIT))
                    .determinize_size_limit(Some(4 * SIZE_LIMIT)),
            )
            .build(pattern)
            .map_err(|error| describe(&error))?;
        if regex.is_match(Input::new("")) {
            return Err("the pattern matches the empty string".into());
        }
        Ok(Self { regex })
    }

    /// The leftmost match at or after `from`, in bytes. `None` without a match, or when `from` is past the end.
    pub fn find_at(&self, text: &str, from: usize) -> Option<Range<usize>> {
        if from > text.len() {
            return None;
        }
        let found = self.regex.find(Input::new(text).range(from..))?;
        Some(widen(text, found.start(), found.end()))
    }

    /// All matches, leftmost first, not overlapping.
    pub fn find_iter<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
        let mut from = 0;
        std::iter::from_fn(move || {
            let found = self.find_at(text, from)?;
            from = found.end.max(from + 1);
            Some(found)
        })
    }

    /// Whether the pattern matches somewhere.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(Input::new(text))
    }
}

fn widen(text: &str, mut start: usize, mut end: usize) -> Range<usize> {
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_match_in_order() {
        let pattern = Pattern::new(r"\b[0-9]{3}-[0-9]{4}\b").expect("compiles");
        let found: Vec<_> = pattern.find_iter("555-0100 or 555-0199.").collect();
        assert_eq!(found, [0..8, 12..20]);
    }

    #[test]
    fn a_pattern_that_matches_nothing_at_all_is_refused() {
        assert!(Pattern::new("a*").expect_err("refused").contains("empty"));
    }

    #[test]
    fn a_pattern_that_grows_too_large_is_refused() {
        let message = Pattern::new("[ab]*a[ab]{20}").expect_err("refused");
        assert!(message.contains("size") || message.contains("limit"), "{message}");
    }

    #[test]
    fn a_match_inside_a_character_is_moved_to_its_edges() {
        let pattern = Pattern::new(r"(?-u:\xa9)").expect("compiles");
        assert_eq!(pattern.find_at("aéb", 0), Some(1..3));
    }
}
