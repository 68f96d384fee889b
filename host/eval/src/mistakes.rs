//! Missed labels and false positives, for reviewing a dataset.

use std::fmt::Write;

use masker_core::kind::Kind;
use masker_core::text::ByteSpan;
use serde_json::json;

use crate::dataset::{Dataset, Record};
use crate::measure::Outcome;
use crate::score::is_wrong;

/// Lists the mistakes as JSON lines. They contain message text, which is the user's own input.
pub fn lines(sets: &[Dataset], outcomes: &[Vec<Outcome>]) -> String {
    let mut out = String::new();
    for (set, outcomes) in sets.iter().zip(outcomes) {
        for (record, outcome) in set.records.iter().zip(outcomes) {
            for (span, kind) in &record.entities {
                let left = in_clear(record, *span, outcome);
                if !left.is_empty() {
                    line(&mut out, set, record, "missed", *span, kind, &left);
                }
            }
            for (span, kind) in outcome.masked.iter().filter(|(span, _)| is_wrong(record, *span)) {
                line(&mut out, set, record, "wrong", *span, kind, &record.text.expose()[span.range()]);
            }
        }
    }
    out
}

/// The unmasked letters and digits of a label, with the spaces between them.
fn in_clear(record: &Record, span: ByteSpan, outcome: &Outcome) -> String {
    let text = record.text.expose();
    let open = |at: usize| !outcome.masked.iter().any(|(masked, _)| masked.range().contains(&at));
    let left: String =
        text[span.range()].char_indices().filter(|(at, _)| open(span.start + at)).map(|(_, c)| c).collect();
    let trimmed = left.trim_matches(|c: char| !c.is_alphanumeric());
    trimmed.to_owned()
}

fn line(out: &mut String, set: &Dataset, record: &Record, what: &str, span: ByteSpan, kind: &Kind, text: &str) {
    let place = span.to_chars(record.text.expose());
    let shown = json!({
        "file": set.name, "line": record.line, "id": record.id, "what": what, "kind": kind.as_str(),
        "start": place.start, "end": place.end, "span": text, "text": record.text.expose(),
    });
    let _ = writeln!(out, "{shown}");
}
