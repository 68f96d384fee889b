//! Scores masked spans against labels.
//!
//! * Only letters and digits count as characters: whether the space in a name is masked is irrelevant.
//! * A label is found *half* if at least half of its characters are masked, and *whole* if all are, as any kind: the
//!   value does not leak then. It is found *as its kind* if at least half is masked as a kind of its family.
//! * A masked span is *right* if it overlaps a label, *of the right kind* if it overlaps one of its family, and *false*
//!   if it overlaps neither a label nor an optional span. A span that overlaps only optional spans is not counted.

use std::collections::BTreeMap;
use std::time::Duration;

use masker_core::kind::Kind;
use masker_core::text::ByteSpan;

use crate::dataset::{Dataset, Record};
use crate::measure::Outcome;

/// Totals over messages, or over the spans of one kind.
#[derive(Clone, Default)]
pub struct Counts {
    /// Messages.
    pub messages: usize,
    /// Words in the messages.
    pub words: usize,
    /// Labels.
    pub spans: usize,
    /// Labels of which at least half is masked.
    pub half: usize,
    /// Labels that are fully masked.
    pub whole: usize,
    /// Labels of which at least half is masked as their kind.
    pub as_kind: usize,
    /// Letters and digits in labels.
    pub characters: usize,
    /// Unmasked letters and digits in labels.
    pub in_clear: usize,
    /// Masked spans that overlap a label.
    pub right: usize,
    /// Masked spans that overlap a label of their kind.
    pub right_kind: usize,
    /// False positives.
    pub wrong: usize,
}

impl Counts {
    /// Share of labelled letters and digits that are not masked.
    pub fn leak(&self) -> Option<f64> {
        share(self.in_clear, self.characters)
    }

    /// Share of labels of which at least half is masked.
    pub fn half(&self) -> Option<f64> {
        share(self.half, self.spans)
    }

    /// Share of labels that are fully masked.
    pub fn whole(&self) -> Option<f64> {
        share(self.whole, self.spans)
    }

    /// Share of labels masked as their kind.
    pub fn as_kind(&self) -> Option<f64> {
        share(self.as_kind, self.spans)
    }

    /// Share of masked spans that are right.
    pub fn precision(&self) -> Option<f64> {
        share(self.right, self.right + self.wrong)
    }

    /// Share of masked spans that are of the right kind.
    pub fn kind_precision(&self) -> Option<f64> {
        share(self.right_kind, self.right + self.wrong)
    }

    /// Harmonic mean of precision and the share of labels found at least half.
    pub fn f1(&self) -> Option<f64> {
        harmonic(self.precision()?, self.half()?)
    }

    /// The same by kind.
    pub fn kind_f1(&self) -> Option<f64> {
        harmonic(self.kind_precision()?, self.as_kind()?)
    }

    /// False positives per 1,000 words.
    pub fn wrong_per_thousand(&self) -> Option<f64> {
        share(1000 * self.wrong, self.words)
    }

    fn add(&mut self, other: &Self) {
        for (sum, part) in [
            (&mut self.messages, other.messages),
            (&mut self.words, other.words),
            (&mut self.spans, other.spans),
            (&mut self.half, other.half),
            (&mut self.whole, other.whole),
            (&mut self.as_kind, other.as_kind),
            (&mut self.characters, other.characters),
            (&mut self.in_clear, other.in_clear),
            (&mut self.right, other.right),
            (&mut self.right_kind, other.right_kind),
            (&mut self.wrong, other.wrong),
        ] {
            *sum += part;
        }
    }
}

fn share(part: usize, all: usize) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

fn harmonic(a: f64, b: f64) -> Option<f64> {
    (a + b > 0.0).then(|| 2.0 * a * b / (a + b))
}

/// All counts of one setup.
#[derive(Default)]
pub struct Tally {
    /// Totals over all sets.
    pub all: Counts,
    /// Per set, in the given order.
    pub sets: Vec<Counts>,
    /// Per style.
    pub styles: BTreeMap<String, Counts>,
    /// Per kind: labels of the kind, and spans masked as the kind.
    pub kinds: BTreeMap<Kind, Counts>,
    /// CPU time of each message, in ascending order.
    pub cpu: Vec<Duration>,
    /// Wall-clock time of each message, in ascending order.
    pub wall: Vec<Duration>,
}

impl Tally {
    /// Scores the outcomes.
    pub fn of(sets: &[Dataset], outcomes: &[Vec<Outcome>]) -> Self {
        let mut tally = Self::default();
        for (set, outcomes) in sets.iter().zip(outcomes) {
            let mut own = Counts::default();
            for (record, outcome) in set.records.iter().zip(outcomes) {
                let counts = tally.count(record, outcome);
                own.add(&counts);
                tally.styles.entry(record.style.clone()).or_default().add(&counts);
                tally.cpu.push(outcome.cpu);
                tally.wall.push(outcome.wall);
            }
            tally.all.add(&own);
            tally.sets.push(own);
        }
        for counts in tally.kinds.values_mut() {
            counts.words = tally.all.words;
        }
        tally.cpu.sort_unstable();
        tally.wall.sort_unstable();
        tally
    }

    fn count(&mut self, record: &Record, outcome: &Outcome) -> Counts {
        let mut sum = Counts { messages: 1, words: record.words(), ..Counts::default() };
        for (span, kind) in &record.entities {
            let counts = label(record, *span, kind, &outcome.masked);
            sum.add(&counts);
            self.kinds.entry(kind.clone()).or_default().add(&counts);
        }
        for (span, kind) in &outcome.masked {
            let counts = judged(record, *span, kind);
            sum.add(&counts);
            self.kinds.entry(kind.clone()).or_default().add(&counts);
        }
        sum
    }
}

/// Scores one label.
fn label(record: &Record, span: ByteSpan, kind: &Kind, masked: &[(ByteSpan, Kind)]) -> Counts {
    let text = record.text.expose();
    let (mut characters, mut hidden, mut hidden_as_kind) = (0, 0, 0);
    for (at, _) in text[span.range()].char_indices().filter(|(_, c)| c.is_alphanumeric()) {
        characters += 1;
        let at = span.start + at;
        if let Some((_, as_kind)) = masked.iter().find(|(masked, _)| masked.range().contains(&at)) {
            hidden += 1;
            hidden_as_kind += usize::from(family(as_kind) == family(kind));
        }
    }
    Counts {
        spans: 1,
        half: usize::from(2 * hidden >= characters),
        whole: usize::from(hidden == characters),
        as_kind: usize::from(2 * hidden_as_kind >= characters),
        characters,
        in_clear: characters - hidden,
        ..Counts::default()
    }
}

/// Scores one masked span.
fn judged(record: &Record, span: ByteSpan, kind: &Kind) -> Counts {
    let touched: Vec<&Kind> =
        record.entities.iter().filter(|(label, _)| label.overlaps(span)).map(|(_, kind)| kind).collect();
    let right = usize::from(!touched.is_empty());
    let right_kind = usize::from(touched.iter().any(|touched| family(touched) == family(kind)));
    let wrong = usize::from(is_wrong(record, span));
    Counts { right, right_kind, wrong, ..Counts::default() }
}

/// Whether a masked span overlaps neither a label nor an optional span.
pub fn is_wrong(record: &Record, span: ByteSpan) -> bool {
    let touches = |other: &ByteSpan| other.overlaps(span);
    !record.entities.iter().map(|(label, _)| label).chain(&record.optional).any(touches)
}

/// The family of a kind. Datasets have fewer kinds than policies, so kinds of one family count as equal.
pub fn family(kind: &Kind) -> &str {
    match kind.as_str() {
        "DOB" => "DATE",
        "ZIP" => "ADDRESS",
        "IBAN" => "ACCOUNT",
        "PASSPORT" | "NATIONAL_ID" | "USERNAME" => "OTHER_ID",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::dataset::Meta;

    fn kind(name: &str) -> Kind {
        Kind::new(name).expect("a kind")
    }

    /// `anna lee 12345 may`: a name, a number, and an optional span.
    fn counted(masked: &[(usize, usize, &str)]) -> Counts {
        let record = Record {
            id: "a".into(),
            line: 1,
            style: "asr".into(),
            text: Arc::new("anna lee 12345 may".into()),
            entities: vec![(ByteSpan::new(0, 8), kind("NAME")), (ByteSpan::new(9, 14), kind("ADDRESS"))],
            optional: vec![ByteSpan::new(15, 18)],
            meta: Meta::default(),
        };
        let masked = masked.iter().map(|(start, end, name)| (ByteSpan::new(*start, *end), kind(name))).collect();
        Tally::default().count(&record, &Outcome { masked, ..Outcome::default() })
    }

    #[test]
    fn nothing_masked_leaves_everything_in_clear() {
        let counts = counted(&[]);
        assert_eq!((counts.spans, counts.half, counts.characters, counts.in_clear), (2, 0, 12, 12));
        assert_eq!((counts.leak(), counts.precision(), counts.f1()), (Some(1.0), None, None));
    }

    #[test]
    fn half_and_whole_are_told_apart_and_spaces_do_not_count() {
        let counts = counted(&[(0, 4, "NAME"), (9, 14, "ZIP")]);
        assert_eq!((counts.half, counts.whole, counts.as_kind, counts.in_clear), (2, 1, 2, 3));
        assert_eq!(counted(&[(0, 4, "NAME"), (5, 8, "NAME")]).whole, 1);
    }

    #[test]
    fn any_kind_protects_but_only_its_own_is_right_by_kind() {
        let counts = counted(&[(0, 8, "DATE")]);
        assert_eq!((counts.whole, counts.as_kind, counts.right, counts.right_kind, counts.wrong), (1, 0, 1, 0, 0));
    }

    #[test]
    fn optional_ground_counts_neither_way() {
        let counts = counted(&[(15, 18, "DATE")]);
        assert_eq!((counts.right, counts.wrong), (0, 0));
    }

    #[test]
    fn what_touches_nothing_is_wrong() {
        let record = Record {
            id: "a".into(),
            line: 1,
            style: String::new(),
            text: Arc::new("no one here".into()),
            entities: Vec::new(),
            optional: Vec::new(),
            meta: Meta::default(),
        };
        let masked = vec![(ByteSpan::new(0, 6), kind("NAME"))];
        let counts = Tally::default().count(&record, &Outcome { masked, ..Outcome::default() });
        assert_eq!((counts.wrong, counts.words), (1, 3));
        assert!(counts.wrong_per_thousand().is_some_and(|rate| (rate - 333.333).abs() < 0.01));
    }
}
