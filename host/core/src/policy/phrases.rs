//! Matches fixed texts on word boundaries, ignoring case, accents, Unicode normalisation form and the amount of white
//! space between words.
//!
//! The text is folded character by character (`phrases/fold.rs`) and fed to one automaton for all phrases, so it is
//! scanned once however many there are. A ring buffer as long as the longest phrase keeps where recent characters
//! began: apart from the matches, memory does not grow with the text.

mod fold;

use std::sync::Arc;

use aho_corasick::Anchored;
use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::contiguous::NFA;

use super::words::begins;
use crate::text::{ByteSpan, work};
use fold::{Folder, is_accent};

/// Texts to look for.
#[derive(Clone, Default)]
pub(crate) struct Phrases(Option<Arc<Finder>>);

struct Finder {
    automaton: NFA,
    /// Index of the text of each pattern.
    indexes: Vec<usize>,
    /// Length of the longest pattern, in bytes.
    longest: usize,
}

impl Phrases {
    /// Builds a matcher for these texts. Blank texts never match.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let folded = |(index, text): (usize, &str)| {
            let mut folded = Vec::new();
            let mut folder = Folder::default();
            text.trim().chars().for_each(|c| folder.fold(c, |byte| folded.push(byte)));
            (index, folded)
        };
        let (indexes, patterns): (Vec<usize>, Vec<Vec<u8>>) =
            texts.into_iter().enumerate().map(folded).filter(|(_, folded)| !folded.is_empty()).unzip();
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
        if longest == 0 {
            return Self::default();
        }
        let automaton = NFA::new(&patterns).expect("a policy's document is far too short to overflow a state's number");
        Self(Some(Arc::new(Finder { automaton, indexes, longest })))
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// All occurrences, ordered by their ends, with the index of the matched text.
    pub fn find_all(&self, text: &str) -> Vec<(ByteSpan, usize)> {
        self.0.as_ref().map_or_else(Vec::new, |finder| finder.find_all(text))
    }

    /// The parts of the text that the phrases cover.
    pub fn covered(&self, text: &str) -> Covered {
        let mut spans: Vec<ByteSpan> = self.find_all(text).into_iter().map(|(span, _)| span).collect();
        spans.sort_unstable();
        let mut end = 0;
        for span in &mut spans {
            end = end.max(span.end);
            span.end = end;
        }
        Covered(spans)
    }
}

/// The parts of a text that phrases cover: for each start, the furthest end of any phrase that starts at or before
/// it.
#[derive(Default)]
pub(crate) struct Covered(Vec<ByteSpan>);

impl Covered {
    /// Whether one occurrence covers the whole span.
    pub fn holds(&self, span: ByteSpan) -> bool {
        let before = self.0.partition_point(|own| own.start <= span.start);
        before > 0 && self.0[before - 1].end >= span.end
    }
}

impl Finder {
    fn find_all(&self, text: &str) -> Vec<(ByteSpan, usize)> {
        const START: &str = "the automaton has an unanchored start";
        let start = self.automaton.start_state(Anchored::No).expect(START);
        let (mut state, mut folder, mut found) = (start, Folder::default(), Vec::new());
        let mut begun = Begun::new(self.longest);
        for (at, c) in text.char_indices() {
            let mut next = Some(at);
            work::steps(1);
            folder.fold(c, |byte| {
                state = self.automaton.next_state(Anchored::No, state, byte);
                begun.push(next.take());
            });
            // Only whole characters match, so check after the last folded byte of a character.
            if next.is_some() || !self.automaton.is_match(state) {
                continue;
            }
            let end = with_accents(text, at + c.len_utf8());
            for index in 0..self.automaton.match_len(state) {
                let pattern = self.automaton.match_pattern(state, index);
                let Some(start) = begun.before(self.automaton.pattern_len(pattern)) else { continue };
                if begins(text, start) && begins(text, end) {
                    found.push((ByteSpan::new(start, end), self.indexes[pattern.as_usize()]));
                }
            }
        }
        found
    }
}

/// Combining accents after a character belong to it.
fn with_accents(text: &str, at: usize) -> usize {
    let accents = text[at..].chars().take_while(|c| is_accent(*c));
    at + accents.map(char::len_utf8).sum::<usize>()
}

/// Ring buffer over the last folded bytes: the source position of each byte that begins a character.
struct Begun {
    ring: Vec<Option<usize>>,
    count: usize,
}

impl Begun {
    fn new(length: usize) -> Self {
        Self { ring: vec![None; length], count: 0 }
    }

    fn push(&mut self, place: Option<usize>) {
        let at = self.count % self.ring.len();
        self.ring[at] = place;
        self.count += 1;
    }

    /// The position of the character whose first byte was pushed `bytes` ago; `None` when that byte is not a first
    /// byte.
    fn before(&self, bytes: usize) -> Option<usize> {
        self.ring[(self.count - bytes) % self.ring.len()]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(phrase: &str, text: &str) -> Vec<String> {
        let phrases = Phrases::new([phrase]);
        phrases.find_all(text).into_iter().map(|(span, _)| text[span.range()].to_owned()).collect()
    }

    #[test]
    fn case_and_white_space_do_not_matter() {
        assert_eq!(found("Lakeside  clinic", "the LAKESIDE\n Clinic."), ["LAKESIDE\n Clinic"]);
        assert_eq!(found(" Élan", "élan ÉLAN"), ["élan", "ÉLAN"]);
        assert_eq!(found("O'Hara", "o\u{2019}hara"), ["o\u{2019}hara"]);
    }

    #[test]
    fn accents_and_unicode_forms_do_not_matter() {
        const WRITTEN: [&str; 5] =
            ["Café Müller", "Cafe\u{301} Mu\u{308}ller", "cafe muller", "CAFÉ MÜLLER", "Ｃａｆé  Müller"];
        for phrase in WRITTEN {
            for text in WRITTEN {
                assert_eq!(found(phrase, &format!("to {text}, ok")), [text], "{phrase}");
            }
        }
        assert_eq!(found("Łukasz Groß", "lukasz GROSS"), ["lukasz GROSS"]);
        assert_eq!(found("lukasz gross", "Łukasz Groß"), ["Łukasz Groß"]);
        assert_eq!(found("김민", "\u{1100}\u{1175}\u{11b7}\u{1106}\u{1175}\u{11ab}").len(), 1, "composed and in parts");
        assert_eq!(found("efficient", "e\u{fb03}cient"), ["e\u{fb03}cient"], "a ligature");
    }

    #[test]
    fn only_whole_words_are_found() {
        assert_eq!(found("ann", "Ann, Anna, Joann, ann's"), ["Ann", "ann"]);
        assert_eq!(found("ann", "ann\u{301}"), ["ann\u{301}"], "its accent goes with it");
        assert_eq!(found("ann", "ann\u{301}a"), [""; 0]);
        assert_eq!(found("+49", "a+49"), ["+49"]);
        assert_eq!(found("张伟", "我是张伟吗"), ["张伟"]);
        assert_eq!(found("a b", "a b"), ["a b"]);
        assert_eq!(found(" ", "a b"), [""; 0]);
        assert_eq!(found("i", "\u{fb01}"), [""; 0], "half of a ligature");
        assert_eq!(found("e", "ê\u{301} e"), ["ê\u{301}", "e"]);
    }

    #[test]
    fn a_span_is_covered_only_as_a_whole() {
        let text = "at St.   Mary Clinic, Mary Jones";
        let covered = Phrases::new(["St. Mary Clinic", "Mary"]).covered(text);
        let span = |part: &str| {
            let start = text.find(part).expect("it is there");
            ByteSpan::new(start, start + part.len())
        };
        for (part, expected) in
            [("Mary", true), ("Clinic", true), ("St.   Mary", true), ("Mary Jones", false), ("Clinic, Mary", false)]
        {
            assert_eq!(covered.holds(span(part)), expected, "{part}");
        }
    }

    #[test]
    fn phrases_that_overlap_are_all_found() {
        let phrases = Phrases::new(["a b", "b", "b c"]);
        let found: Vec<usize> = phrases.find_all("a b c").into_iter().map(|(_, index)| index).collect();
        assert_eq!(found, [0, 1, 2]);
    }

    #[test]
    fn a_text_is_gone_through_once() {
        let phrases = Phrases::new(
            (0..200).map(|index| format!("{}b", "a ".repeat(index))).collect::<Vec<_>>().iter().map(String::as_str),
        );
        work::assert_linear(1000, |count| {
            phrases.find_all(&"a ".repeat(count));
        });
    }

    proptest! {
        #[test]
        fn what_is_found_lies_on_characters(text in "[a-cé\u{301} ﬁ]{0,20}", phrase in "[a-cé\u{301} ]{0,4}") {
            for (span, _) in Phrases::new([phrase.as_str()]).find_all(&text) {
                prop_assert!(text.get(span.range()).is_some_and(|found| !found.is_empty()));
            }
        }
    }
}
