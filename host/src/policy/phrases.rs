//! Fixed texts, looked for without case, on word boundaries, with any white space where the text has some.
//!
//! It is on the path of every request: nearly every place is ruled out by a look at its first character, and the others
//! are compared only with texts that begin with it.

use super::words::begins;
use crate::text::ByteSpan;

/// Texts to look for.
#[derive(Clone)]
pub(crate) struct Phrases {
    /// In order of their first character.
    phrases: Vec<Phrase>,
    /// For each ASCII character, in either case, whether one of them begins with it.
    firsts: [bool; 128],
    /// The most characters one of them has.
    longest: usize,
}

#[derive(Clone)]
struct Phrase {
    folded: Vec<char>,
    index: usize,
}

impl Phrases {
    /// These texts. Blank ones are never found.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let phrase = |(index, text): (usize, &str)| {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            Phrase { folded: text.chars().flat_map(fold).collect(), index }
        };
        let mut phrases: Vec<_> =
            texts.into_iter().enumerate().map(phrase).filter(|phrase| !phrase.folded.is_empty()).collect();
        phrases.sort_by_key(|phrase| (phrase.folded[0], phrase.index));
        let longest = phrases.iter().map(|phrase| phrase.folded.len()).max().unwrap_or(0);
        let mut firsts = [false; 128];
        for (byte, first) in (0..).zip(&mut firsts) {
            let folded = fold(char::from(byte)).next();
            *first = phrases.iter().any(|phrase| Some(phrase.folded[0]) == folded);
        }
        Self { phrases, firsts, longest }
    }

    /// Whether the span lies wholly inside an occurrence of one of the texts.
    pub fn cover(&self, text: &str, span: ByteSpan) -> bool {
        if self.phrases.is_empty() {
            return false;
        }
        let mut at = span.start;
        // A run of white space counts once, as it does when texts are compared.
        let mut left = self.longest;
        let mut in_space = false;
        loop {
            if self.at(text, at).any(|(_, end)| end >= span.end) {
                return true;
            }
            let Some(before) = text[..at].chars().next_back() else { return false };
            if !(in_space && before.is_whitespace()) {
                let Some(fewer) = left.checked_sub(1) else { return false };
                left = fewer;
            }
            in_space = before.is_whitespace();
            at -= before.len_utf8();
        }
    }

    /// All occurrences, with the index of the text found.
    pub fn find_all(&self, text: &str) -> Vec<(ByteSpan, usize)> {
        if self.phrases.is_empty() {
            return Vec::new();
        }
        let starts = text.char_indices().map(|(at, _)| at).filter(|at| self.may_begin(text, *at));
        starts.flat_map(|at| self.at(text, at).map(move |(index, end)| (ByteSpan::new(at, end), index))).collect()
    }

    /// The texts that stand at a place: index and end.
    fn at<'s>(&'s self, text: &'s str, at: usize) -> impl Iterator<Item = (usize, usize)> + 's {
        let candidates = if self.may_begin(text, at) { self.beginning(&text[at..]) } else { &[] };
        candidates.iter().filter_map(move |phrase| {
            let end = match_end(&text[at..], &phrase.folded)? + at;
            begins(text, end).then_some((phrase.index, end))
        })
    }

    fn may_begin(&self, text: &str, at: usize) -> bool {
        let first = text.as_bytes().get(at).is_some_and(|byte| *self.firsts.get(usize::from(*byte)).unwrap_or(&true));
        first && begins(text, at)
    }

    /// The phrases that begin as the text does.
    fn beginning(&self, text: &str) -> &[Phrase] {
        let Some(first) = text.chars().next().and_then(|c| fold(c).next()) else { return &[] };
        let from = self.phrases.partition_point(|phrase| phrase.folded[0] < first);
        let count = self.phrases[from..].partition_point(|phrase| phrase.folded[0] == first);
        &self.phrases[from..from + count]
    }
}

/// Where the match ends when `text` begins with the folded text.
fn match_end(text: &str, folded: &[char]) -> Option<usize> {
    let mut wanted = folded.iter().copied();
    let mut left = folded.len();
    let mut after_space = false;
    for (at, c) in text.char_indices() {
        if after_space && c.is_whitespace() {
            continue;
        }
        if left == 0 {
            return Some(at);
        }
        after_space = c.is_whitespace();
        for c in fold(c) {
            if wanted.next() != Some(c) {
                return None;
            }
            left -= 1;
        }
    }
    (left == 0).then_some(text.len())
}

/// The character without case; a typographic apostrophe and every white space as the plain one.
fn fold(c: char) -> impl Iterator<Item = char> {
    let c = match c {
        '\u{2019}' => '\'',
        c if c.is_whitespace() => ' ',
        c => c,
    };
    c.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(phrase: &str, text: &str) -> Vec<String> {
        let phrases = Phrases::new([phrase]);
        phrases.find_all(text).into_iter().map(|(span, _)| text[span.range()].to_owned()).collect()
    }

    #[test]
    fn case_and_white_space_do_not_matter() {
        assert_eq!(found("Lakeside  clinic", "the LAKESIDE\n Clinic."), ["LAKESIDE\n Clinic"]);
        assert_eq!(found("Élan", "élan ÉLAN elan"), ["élan", "ÉLAN"]);
        assert_eq!(found("O'Hara", "o\u{2019}hara"), ["o\u{2019}hara"]);
    }

    #[test]
    fn only_whole_words_are_found() {
        assert_eq!(found("ann", "Ann, Anna, Joann, ann's"), ["Ann", "ann"]);
        assert_eq!(found("ann", "ann\u{301}"), [""; 0]);
        assert_eq!(found("+49", "a+49"), ["+49"]);
        assert_eq!(found("张伟", "我是张伟吗"), ["张伟"]);
        assert_eq!(found("a b", "a b"), ["a b"]);
        assert_eq!(found(" ", "a b"), [""; 0]);
    }

    #[test]
    fn a_span_is_covered_only_as_a_whole() {
        let phrases = Phrases::new(["St. Mary Clinic", "Mary"]);
        let text = "at St.   Mary Clinic, Mary Jones";
        let span = |part: &str| {
            let start = text.find(part).expect("it is there");
            ByteSpan::new(start, start + part.len())
        };
        for (part, covered) in
            [("Mary", true), ("Clinic", true), ("St.   Mary", true), ("Mary Jones", false), ("Clinic, Mary", false)]
        {
            assert_eq!(phrases.cover(text, span(part)), covered, "{part}");
        }
    }
}
