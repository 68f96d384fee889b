//! The call's own memory: a value that was masked once in a call is masked wherever it stands, also where no pass saw
//! it (an assistant repeats a number in another sentence, a name comes without its title).
//!
//! Comparison is without case and on word boundaries, and without regard to whether a value is written, said or spelled
//! (`memory/spoken.rs`). A single short word that is also an ordinary word ("May", "Will") is only found again as it was
//! written, with its capital: a transcript without capitals would lose every "will".

mod spoken;

use std::collections::HashSet;
use std::sync::Arc;

use memchr::memmem;
use spoken::Form;

use crate::chat::position::Search;
use crate::kind::Kind;
use crate::passes::finding::{Action, Decision};
use crate::policy::words::begins;
use crate::sensitive::SensitiveText;
use crate::text::ByteSpan;

/// Words that are names and much else (from the 500 most frequent given names of the US census of 1990 that are also
/// ordinary English words).
const ALSO_ORDINARY: [&str; 64] = [
    "amber",
    "angel",
    "april",
    "art",
    "august",
    "autumn",
    "bill",
    "bob",
    "brook",
    "carol",
    "chance",
    "charity",
    "chase",
    "cherry",
    "christian",
    "chuck",
    "crystal",
    "daisy",
    "dale",
    "dawn",
    "dean",
    "dick",
    "don",
    "drew",
    "earnest",
    "eve",
    "faith",
    "frank",
    "gene",
    "ginger",
    "glen",
    "grace",
    "grant",
    "harmony",
    "heather",
    "holly",
    "hope",
    "hunter",
    "iris",
    "ivy",
    "jack",
    "jasmine",
    "jean",
    "jewel",
    "joy",
    "june",
    "kitty",
    "lane",
    "mark",
    "mason",
    "max",
    "may",
    "mercy",
    "olive",
    "pat",
    "pearl",
    "penny",
    "rich",
    "rose",
    "ruby",
    "summer",
    "sue",
    "violet",
    "will",
];

/// A value to look for.
#[derive(Clone)]
pub struct Remembered {
    /// As it stood.
    pub text: SensitiveText,
    /// What it is.
    pub kind: Kind,
    /// What happens to it.
    pub action: Action,
}

/// A text to look in.
#[derive(Clone, Copy)]
pub struct Searched<'t> {
    /// The text.
    pub text: &'t str,
    /// What is searched for there.
    pub search: Search,
}

/// Letters and digits that make a value one that names and keys are searched for.
const TELLING: usize = 6;

/// Whether a value is looked for at a position. In names, keys and settings a word is a word: there a value must be one that
/// no ordinary word is, several words or one with a form. A word of a setting may also be a name that was said.
pub fn is_known_at(search: Search, value: &Remembered) -> bool {
    let text = value.text.expose();
    let is_long = || text.chars().filter(|c| c.is_alphanumeric()).count() >= TELLING;
    match search {
        Search::Speech | Search::Field | Search::Static => true,
        Search::Word if value.kind.as_str() == "NAME" => is_long(),
        Search::Setting | Search::Word | Search::Name | Search::Known => {
            text.contains(|c: char| c.is_ascii_digit() || c == '@' || c.is_whitespace()) && is_long()
        }
    }
}

/// Adds decisions of the pass `memory` to `decisions` where a remembered value is uncovered. One list per text.
pub fn recall(texts: &[Searched<'_>], decisions: &mut [Arc<[Decision]>], values: &[Remembered]) {
    let values = unique(values);
    if values.is_empty() {
        return;
    }
    // One text out of all, so that every value is looked for once. ASCII case is folded, which keeps positions.
    let mut haystack = String::with_capacity(texts.iter().map(|searched| searched.text.len() + 1).sum());
    let mut starts = Vec::with_capacity(texts.len());
    for searched in texts {
        starts.push(haystack.len());
        haystack.push_str(searched.text);
        haystack.push('\0');
    }
    haystack.make_ascii_lowercase();

    let place = |at: usize| starts.partition_point(|start| *start <= at) - 1;
    let (form, mut own) = (Form::of(&haystack), Form::default());
    let mut added: Vec<(usize, Decision)> = Vec::new();
    for value in values {
        let is_telling = is_known_at(Search::Name, value);
        let counts = |index: usize, found: ByteSpan| {
            let Searched { text, search } = texts[index];
            // A name may be a word of a setting in another case.
            let as_written = || search != Search::Word || text.get(found.range()) == Some(value.text.expose());
            is_telling || is_known_at(search, value) && as_written()
        };
        for needle in needles(value.text.expose()) {
            for at in memmem::find_iter(haystack.as_bytes(), needle.as_bytes()) {
                let index = place(at);
                let span = ByteSpan::new(at - starts[index], at - starts[index] + needle.len());
                if counts(index, span)
                    && stands(texts[index].text, span, value)
                    && !decisions[index].iter().any(|d| d.span.overlaps(span))
                {
                    added.push((index, decision(span, value)));
                }
            }
        }
        own.take(value.text.expose());
        for span in form.find(&own) {
            let index = place(span.start);
            let span = ByteSpan::new(span.start - starts[index], span.end - starts[index]);
            let ordinary = texts[index].text.get(span.range()).is_none_or(is_ordinary);
            if counts(index, span) && !ordinary && !decisions[index].iter().any(|d| d.span.overlaps(span)) {
                added.push((index, decision(span, value)));
            }
        }
    }
    insert(added, decisions);
}

fn is_ordinary(word: &str) -> bool {
    ALSO_ORDINARY.contains(&word.to_ascii_lowercase().as_str())
}

/// Whether every character between `start` and `end` of an uncovered text is free of these values: the check after
/// masking, made of plain search and nothing that masking itself used.
pub fn contains_whole(text: &str, value: &str) -> bool {
    memmem::find_iter(text.as_bytes(), value.as_bytes()).any(|at| begins(text, at) && begins(text, at + value.len()))
}

fn unique(values: &[Remembered]) -> Vec<&Remembered> {
    let mut seen = HashSet::new();
    let mut unique: Vec<&Remembered> = values
        .iter()
        .filter(|value| value.text.expose().chars().filter(|c| c.is_alphanumeric()).count() > 1)
        .filter(|value| seen.insert(value.text.expose().as_str()))
        .collect();
    // The longest first, so that a name is found before a part of it.
    unique.sort_by_key(|value| std::cmp::Reverse(value.text.expose().len()));
    unique
}

/// What to look for in a text whose ASCII letters are folded: other letters are tried in both cases.
fn needles(value: &str) -> impl Iterator<Item = String> {
    let own = value.to_ascii_lowercase();
    let others: Vec<String> = if value.is_ascii() {
        Vec::new()
    } else {
        [value.to_lowercase(), value.to_uppercase()]
            .into_iter()
            .map(|text| text.to_ascii_lowercase())
            .filter(|text| *text != own)
            .collect()
    };
    std::iter::once(own).chain(others)
}

fn stands(text: &str, span: ByteSpan, value: &Remembered) -> bool {
    let Some(found) = text.get(span.range()) else { return false };
    let own = value.text.expose();
    let as_written = found == own && own.starts_with(char::is_uppercase);
    begins(text, span.start) && begins(text, span.end) && (!is_ordinary(own) || as_written)
}

fn decision(span: ByteSpan, value: &Remembered) -> Decision {
    Decision {
        span,
        kind: value.kind.clone(),
        confidence: 1.0,
        action: value.action,
        pass: Arc::from("memory"),
        replacement: None,
    }
}

fn insert(mut added: Vec<(usize, Decision)>, decisions: &mut [Arc<[Decision]>]) {
    added.sort_by_key(|(index, decision)| (*index, decision.span.start, std::cmp::Reverse(decision.span.end)));
    let mut rest = added.into_iter().peekable();
    while let Some((index, first)) = rest.next() {
        let mut list = decisions[index].to_vec();
        let mut end = first.span.end;
        list.push(first);
        while let Some((_, next)) = rest.next_if(|(other, _)| *other == index) {
            if next.span.start >= end {
                end = next.span.end;
                list.push(next);
            }
        }
        list.sort_by_key(|decision| decision.span);
        decisions[index] = list.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speech(text: &str) -> Searched<'_> {
        Searched { text, search: Search::Speech }
    }

    #[test]
    fn in_names_and_settings_only_a_telling_value_is_found_again() {
        for (value, is_known) in [
            ("Book", false),
            ("Halvorsen", false),
            ("Ingrid Halvorsen", true),
            ("E-12345", true),
            ("12345", false),
            ("jo@x.org", true),
            ("1980", false),
        ] {
            let named = |kind| Remembered {
                text: value.into(),
                kind: Kind::new(kind).expect("a kind"),
                action: Action::Tokenize,
            };
            for search in [Search::Name, Search::Known, Search::Setting] {
                assert_eq!(is_known_at(search, &named("NAME")), is_known, "{value}");
            }
            assert_eq!(is_known_at(Search::Word, &named("OTHER_ID")), is_known, "{value}");
            assert!(is_known_at(Search::Speech, &named("NAME")) && is_known_at(Search::Static, &named("NAME")));
            assert_eq!(is_known_at(Search::Word, &named("NAME")), is_known || value == "Halvorsen", "{value}");
        }
    }

    fn recalled(text: &str, value: &str, kind: &str) -> Vec<String> {
        let mut decisions: Vec<Arc<[Decision]>> = vec![Arc::from(Vec::new())];
        let value = Remembered { text: value.into(), kind: Kind::new(kind).expect("a kind"), action: Action::Tokenize };
        recall(&[speech(text)], &mut decisions, &[value]);
        decisions[0].iter().map(|decision| text[decision.span.range()].to_owned()).collect()
    }

    #[test]
    fn a_value_is_found_again_in_any_case_and_only_as_a_word() {
        assert_eq!(
            recalled("so JANE DOE and jane doe, not jane doesn't", "Jane Doe", "NAME"),
            ["JANE DOE", "jane doe"]
        );
        assert_eq!(recalled("Álvarez and ÁLVAREZ", "álvarez", "NAME"), ["Álvarez", "ÁLVAREZ"]);
        assert_eq!(recalled("1234567 and 12345", "12345", "ZIP"), ["12345"]);
        assert!(recalled("a b", "a", "NAME").is_empty());
    }

    #[test]
    fn a_name_that_is_also_a_word_needs_its_capital() {
        assert_eq!(recalled("Will said he will. Will?", "Will", "NAME"), ["Will", "Will"]);
        assert!(recalled("he will come in may", "will", "NAME").is_empty());
    }

    #[test]
    fn a_value_is_found_again_however_it_is_said() {
        assert_eq!(
            recalled("that was four one five five five five oh one three four", "415-555-0134", "PHONE"),
            ["four one five five five five oh one three four"]
        );
        assert_eq!(recalled("spelled G O N Z A L E Z", "Gonzalez", "NAME"), ["G O N Z A L E Z"]);
        assert!(recalled("with grace, she said", "g r a c e", "NAME").is_empty(), "an ordinary word");
    }

    #[test]
    fn what_is_covered_already_stays_as_it_is() {
        let own = Decision {
            span: ByteSpan::new(0, 8),
            kind: Kind::new("NAME").expect("a kind"),
            confidence: 0.7,
            action: Action::Redact,
            pass: "ner".into(),
            replacement: None,
        };
        let mut decisions: Vec<Arc<[Decision]>> = vec![Arc::from(vec![own.clone()])];
        let value = Remembered { text: "Jane Doe".into(), kind: own.kind.clone(), action: Action::Tokenize };
        recall(&[speech("Jane Doe, Jane Doe")], &mut decisions, &[value]);
        assert_eq!(decisions[0].len(), 2);
        assert_eq!(decisions[0][0], own);
        assert_eq!(&*decisions[0][1].pass, "memory");
    }
}
