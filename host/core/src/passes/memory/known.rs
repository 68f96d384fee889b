//! Index of a call's values, prepared for searching its texts.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::needles::Needles;
use super::spoken::SpokenForm;
use super::{Covered, Recalled, Remembered, Searched, counts, is_known_at, is_ordinary};
use crate::chat::position::Search;
use crate::passes::finding::Decision;
use crate::policy::words::begins;
use crate::text::ByteSpan;

/// Indexed values. Built once and reused until the values change.
#[derive(Default)]
pub struct Known {
    values: Vec<Remembered>,
    /// By written form. ASCII case is folded, which keeps positions; other letters are indexed in both cases.
    written: Index,
    /// By normalised form.
    forms: Index,
    /// Value indices, sorted by text.
    by_text: Vec<usize>,
}

impl Known {
    /// Indexes these values. Of two with the same written form the first wins; a single letter or digit is not
    /// indexed.
    pub fn new(values: impl IntoIterator<Item = Remembered>) -> Self {
        let is_long = |value: &Remembered| value.text.expose().chars().filter(|c| c.is_alphanumeric()).nth(1).is_some();
        let mut values: Vec<Remembered> = values.into_iter().filter(is_long).collect();
        let first = {
            let mut seen = HashSet::with_capacity(values.len());
            values.iter().map(|value| seen.insert(value.text.expose().as_str())).collect::<Vec<_>>()
        };
        let mut first = first.into_iter();
        values.retain(|_| first.next().unwrap_or_default());
        let mut by_text: Vec<usize> = (0..values.len()).collect();
        by_text.sort_unstable_by_key(|at| values[*at].text.expose());
        let mut form = SpokenForm::default();
        let written = Index::new(&values, |text| spellings(text).map(String::into_bytes).collect());
        let forms = Index::new(&values, |text| {
            form.take(text);
            form.needle().into_iter().collect()
        });
        Self { written, forms, values, by_text }
    }

    /// Whether it contains no values.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether it contains a value with exactly this written form.
    pub fn contains(&self, value: &str) -> bool {
        self.exact(value).is_some()
    }

    fn exact(&self, text: &str) -> Option<&Remembered> {
        let at = self.by_text.binary_search_by_key(&text, |at| self.values[*at].text.expose().as_str()).ok()?;
        Some(&self.values[self.by_text[at]])
    }

    pub(super) fn written<'k>(
        &'k self,
        searched: Searched<'_>,
        covered: &[Decision],
        folded: &mut String,
        found: &mut Recalled<'k>,
    ) {
        let text = searched.text;
        folded.clear();
        folded.push_str(text);
        folded.make_ascii_lowercase();
        let folded = folded.as_bytes();
        let mut covered = Covered(covered);
        for start in (0..folded.len()).filter(|start| self.written.needles.may_begin(&folded[*start..])) {
            if !text.is_char_boundary(start) || !begins(text, start) {
                continue;
            }
            for (length, group) in self.written.needles.beginning(&folded[start..]) {
                let span = ByteSpan::new(start, start + length);
                if !text.is_char_boundary(span.end) || !begins(text, span.end) || covered.overlaps(span) {
                    continue;
                }
                if let Some(value) = self.written_value(&self.written.groups[group as usize], searched, span) {
                    found.push((span, value));
                    break;
                }
            }
        }
    }

    fn written_value(&self, group: &Group, searched: Searched<'_>, span: ByteSpan) -> Option<&Remembered> {
        let text = &searched.text[span.range()];
        let exact = self.exact(text);
        if is_ordinary(text) {
            let is_name = |value: &&Remembered| value.text.expose().starts_with(char::is_uppercase);
            return exact.filter(is_name).filter(|value| counts(searched, value, text));
        }
        self.value(group, searched, text, exact)
    }

    pub(super) fn in_other_forms<'k>(
        &'k self,
        searched: Searched<'_>,
        covered: &[Decision],
        form: &mut SpokenForm,
        found: &mut Recalled<'k>,
    ) {
        if self.forms.groups.is_empty() {
            return;
        }
        form.take(searched.text);
        let mut covered = Covered(covered);
        form.each(&self.forms.needles, |span, group| {
            let Some(text) = searched.text.get(span.range()) else { return false };
            if covered.overlaps(span) || is_ordinary(text) {
                return false;
            }
            let value = self.value(&self.forms.groups[group as usize], searched, text, self.exact(text));
            found.extend(value.map(|value| (span, value)));
            value.is_some()
        });
    }

    /// The value of a group that matches `text`: `exact` is the one with exactly that written form.
    fn value<'k>(
        &'k self,
        group: &Group,
        searched: Searched<'_>,
        text: &str,
        exact: Option<&'k Remembered>,
    ) -> Option<&'k Remembered> {
        let of_group = [Some(group.first), group.telling].into_iter().flatten().map(|at| &self.values[at]);
        of_group.chain(exact).find(|value| counts(searched, value, text))
    }
}

/// Values by search text.
#[derive(Default)]
struct Index {
    needles: Needles,
    groups: Vec<Group>,
}

/// The values that share one search text, reduced to what matters: the first of them, and the first that is searched
/// for everywhere.
struct Group {
    first: usize,
    telling: Option<usize>,
}

impl Index {
    fn new(values: &[Remembered], mut texts: impl FnMut(&str) -> Vec<Vec<u8>>) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let mut places: HashMap<Vec<u8>, u32> = HashMap::new();
        for (at, value) in values.iter().enumerate() {
            let telling = is_known_at(Search::Name, value).then_some(at);
            for text in texts(value.text.expose()) {
                match places.entry(text) {
                    Entry::Occupied(place) => {
                        let group = &mut groups[*place.get() as usize];
                        group.telling = group.telling.or(telling);
                    }
                    Entry::Vacant(place) => {
                        place.insert(groups.len() as u32);
                        groups.push(Group { first: at, telling });
                    }
                }
            }
        }
        Self { needles: Needles::new(places.into_iter().collect()), groups }
    }
}

/// Needles for a text whose ASCII letters are folded: other letters are tried in both cases.
fn spellings(value: &str) -> impl Iterator<Item = String> {
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
