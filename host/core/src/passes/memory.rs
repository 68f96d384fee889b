//! Memory of a call: a value that was masked once in a call is masked at every other occurrence, including those that
//! no pass found (an assistant repeats a number in another sentence, a name appears without its title).
//!
//! Comparison ignores case, respects word boundaries, and matches written, spoken and spelled forms
//! (`memory/spoken.rs`). A single short word that is also an ordinary word ("May", "Will") matches only as it was
//! written, with its capital: a transcript without capitals would otherwise lose every "will".

mod known;
mod needles;
mod spoken;

use std::sync::Arc;

pub use known::Known;
use memchr::memmem;
use spoken::SpokenForm;

use crate::action::Action;
use crate::chat::position::Search;
use crate::kind::Kind;
use crate::passes::finding::Decision;
use crate::policy::words::begins;
use crate::sensitive::SensitiveText;
use crate::text::ByteSpan;

/// Names that are also common words (from the 500 most frequent given names of the 1990 US census that are also
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

/// A value to search for.
#[derive(Clone)]
pub struct Remembered {
    /// The original text.
    pub text: SensitiveText,
    /// The kind of data.
    pub kind: Kind,
    /// The action for it.
    pub action: Action,
}

/// A text to search.
#[derive(Clone, Copy)]
pub struct Searched<'t> {
    /// The text.
    pub text: &'t str,
    /// Which values are searched for there.
    pub search: Search,
}

/// Minimum number of letters and digits of a value that is searched for in names and keys.
const TELLING: usize = 6;

/// Whether a value is searched for at a position. In names, keys and settings, ordinary words are not masked: a value
/// must be no ordinary word, consist of several words, or have a recognisable format. A word of a setting may also be
/// a name that was said.
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

/// Adds decisions of the pass `memory` to `decisions` where a value of `known` is not covered yet. One list per text,
/// in order.
///
/// Each text is searched once for the written form of values and once for their other forms, for each of the `known`
/// and independent of the number of values. Where several values begin at one position, the longest wins.
pub fn recall(texts: &[Searched<'_>], decisions: &mut [Arc<[Decision]>], known: &[&Known]) {
    let known: Vec<_> = known.iter().filter(|known| !known.is_empty()).collect();
    if known.is_empty() {
        return;
    }
    let pass: Arc<str> = Arc::from("memory");
    let (mut folded, mut form) = (String::new(), SpokenForm::default());
    for (searched, decisions) in texts.iter().zip(decisions) {
        let mut found = Vec::new();
        for known in &known {
            known.written(*searched, decisions, &mut folded, &mut found);
            known.in_other_forms(*searched, decisions, &mut form, &mut found);
        }
        if !found.is_empty() {
            *decisions = with_found(decisions, found, &pass);
        }
    }
}

/// Whether a value occurs in a text as whole words.
pub(crate) fn contains_whole(text: &str, value: &str) -> bool {
    memmem::find_iter(text.as_bytes(), value.as_bytes()).any(|at| begins(text, at) && begins(text, at + value.len()))
}

type Recalled<'v> = Vec<(ByteSpan, &'v Remembered)>;

/// Whether a value is searched for at the position of `text`. A name may be a word of a setting in another case.
fn counts(searched: Searched<'_>, value: &Remembered, text: &str) -> bool {
    let as_written = || searched.search != Search::Word || value.text.expose() == text;
    is_known_at(Search::Name, value) || is_known_at(searched.search, value) && as_written()
}

/// The existing decisions of a text. Queried with positions in ascending order.
struct Covered<'d>(&'d [Decision]);

impl Covered<'_> {
    fn overlaps(&mut self, span: ByteSpan) -> bool {
        while self.0.first().is_some_and(|decision| decision.span.end <= span.start) {
            self.0 = &self.0[1..];
        }
        self.0.first().is_some_and(|decision| decision.span.overlaps(span))
    }
}

fn is_ordinary(word: &str) -> bool {
    const LONGEST: usize = 9;
    word.len() <= LONGEST && ALSO_ORDINARY.contains(&word.to_ascii_lowercase().as_str())
}

/// Merges the new decisions with the existing ones: of two that overlap, the one that begins first wins, then the
/// longer one.
fn with_found(decisions: &[Decision], mut found: Recalled<'_>, pass: &Arc<str>) -> Arc<[Decision]> {
    found.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
    let mut all = decisions.to_vec();
    let mut end = 0;
    for (span, value) in found {
        if span.start >= end {
            end = span.end;
            all.push(decision(span, value, pass.clone()));
        }
    }
    all.sort_by_key(|decision| decision.span);
    all.into()
}

fn decision(span: ByteSpan, value: &Remembered, pass: Arc<str>) -> Decision {
    let Remembered { kind, action, .. } = value;
    Decision { span, kind: kind.clone(), confidence: 1.0, action: *action, pass, replacement: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::work;

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
        recall(&[speech(text)], &mut decisions, &[&Known::new(vec![value])]);
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
        recall(&[speech("Jane Doe, Jane Doe")], &mut decisions, &[&Known::new(vec![value])]);
        assert_eq!(decisions[0].len(), 2);
        assert_eq!(decisions[0][0], own);
        assert_eq!(&*decisions[0][1].pass, "memory");
    }

    #[test]
    fn of_values_at_one_place_the_longest_counts_and_of_equal_ones_the_first() {
        let value = |text: &str, kind: &str| Remembered {
            text: text.into(),
            kind: Kind::new(kind).expect("a kind"),
            action: Action::Tokenize,
        };
        let values = [value("Jane", "NAME"), value("JANE DOE", "NAME"), value("jane doe", "OTHER_ID")];
        let text = "jane doe, jane dow";
        let mut decisions: Vec<Arc<[Decision]>> = vec![Arc::from(Vec::new())];
        recall(&[speech(text)], &mut decisions, &[&Known::new(values)]);
        let found: Vec<(&str, &str)> =
            decisions[0].iter().map(|decision| (&text[decision.span.range()], decision.kind.as_str())).collect();
        assert_eq!(found, [("jane doe", "NAME"), ("jane", "NAME")]);
    }

    #[test]
    fn many_values_in_many_texts_take_linear_time() {
        work::assert_linear(400, |count| {
            let kind = Kind::new("NAME").expect("a kind");
            let values: Vec<Remembered> = (0..count)
                .map(|index| Remembered {
                    text: format!("Caller {index:07}").into(),
                    kind: kind.clone(),
                    action: Action::Tokenize,
                })
                .collect();
            let long: String = values.iter().map(|value| format!("{} and ", value.text.expose())).collect();
            let mut decisions: Vec<Arc<[Decision]>> = vec![Arc::from(Vec::new()); 2];
            recall(&[speech(&long), speech("caller 0000001")], &mut decisions, &[&Known::new(values)]);
            assert_eq!((decisions[0].len(), decisions[1].len()), (count, 1));
        });
    }

    #[test]
    fn values_that_begin_alike_take_no_longer() {
        work::assert_linear(400, |count| {
            let value = |index: usize| Remembered {
                text: format!("a{}", " b".repeat(index % 20 + 1) + &format!(" {index:07}")).into(),
                kind: Kind::new("NAME").expect("a kind"),
                action: Action::Tokenize,
            };
            let values: Vec<Remembered> = (0..count).map(value).collect();
            let mut decisions: Vec<Arc<[Decision]>> = vec![Arc::from(Vec::new())];
            recall(&[speech(&"a b b b b ".repeat(count))], &mut decisions, &[&Known::new(values)]);
            assert!(decisions[0].is_empty());
        });
    }
}
