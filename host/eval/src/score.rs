//! Counts: what was labelled, what was masked, and how the two lie to each other.
//!
//! * A character is a letter or a digit: whether the space in a name is masked says nothing.
//! * A label is found *half* when at least half of its characters are masked, *whole* when all are, as whatever kind: it
//!   does not leave then. It is found *as its kind* when at least half is masked as a kind of its family.
//! * A masked span is *right* when it touches a label, *of the right kind* when it touches one of its family, and *false*
//!   when it touches neither a label nor ground that is marked optional. One that only touches optional ground counts
//!   neither way.

use std::collections::BTreeMap;
use std::time::Duration;

use masker_core::kind::Kind;
use masker_core::text::ByteSpan;

use crate::dataset::{Dataset, Record};
use crate::measure::Outcome;

/// Sums over messages, or over the spans of one kind.
#[derive(Clone, Default)]
pub struct Counts {
    /// Messages.
    pub messages: usize,
    /// Their words.
    pub words: usize,
    /// Labels.
    pub spans: usize,
    /// Found at least half.
    pub half: usize,
    /// Found whole.
    pub whole: usize,
    /// Found at least half as their kind.
    pub as_kind: usize,
    /// Letters and digits in labels.
    pub characters: usize,
    /// Those that nothing masks.
    pub in_clear: usize,
    /// Masked spans that touch a label.
    pub right: usize,
    /// Those that touch one of their kind.
    pub right_kind: usize,
    /// Masked spans that should not be.
    pub wrong: usize,
}

impl Counts {
    /// Share of labelled letters and digits left in clear.
    pub fn leak(&self) -> Option<f64> {
        share(self.in_clear, self.characters)
    }

    /// Share of labels found at least half.
    pub fn half(&self) -> Option<f64> {
        share(self.half, self.spans)
    }

    /// Share of labels found whole.
    pub fn whole(&self) -> Option<f64> {
        share(self.whole, self.spans)
    }

    /// Share of labels found as their kind.
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

    /// Harmonic mean of precision and the share found at least half.
    pub fn f1(&self) -> Option<f64> {
        harmonic(self.precision()?, self.half()?)
    }

    /// The same with both by kind.
    pub fn kind_f1(&self) -> Option<f64> {
        harmonic(self.kind_precision()?, self.as_kind()?)
    }

    /// Wrong spans in a thousand words.
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

/// Everything that is counted of one setup.
#[derive(Default)]
pub struct Tally {
    /// All sets together.
    pub all: Counts,
    /// Per set, in their order.
    pub sets: Vec<Counts>,
    /// Per style.
    pub styles: BTreeMap<String, Counts>,
    /// Per kind: its labels; masked spans under the kind they were masked as.
    pub kinds: BTreeMap<Kind, Counts>,
    /// Processor time of each message, shortest first.
    pub cpu: Vec<Duration>,
    /// Time on the clock likewise.
    pub wall: Vec<Duration>,
}

impl Tally {
    /// Counts.
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

/// What became of a label.
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

/// Whether a masked span is right.
fn judged(record: &Record, span: ByteSpan, kind: &Kind) -> Counts {
    let touched: Vec<&Kind> =
        record.entities.iter().filter(|(label, _)| label.overlaps(span)).map(|(_, kind)| kind).collect();
    let right = usize::from(!touched.is_empty());
    let right_kind = usize::from(touched.iter().any(|touched| family(touched) == family(kind)));
    let wrong = usize::from(is_wrong(record, span));
    Counts { right, right_kind, wrong, ..Counts::default() }
}

/// Whether a masked span touches nothing that may be masked.
pub fn is_wrong(record: &Record, span: ByteSpan) -> bool {
    let touches = |other: &ByteSpan| other.overlaps(span);
    !record.entities.iter().map(|(label, _)| label).chain(&record.optional).any(touches)
}

/// Labelled sets know fewer kinds than policies do: kinds of one family count as one.
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

    /// `anna lee 12345 may`: a name, a number, and ground where either is fine.
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
