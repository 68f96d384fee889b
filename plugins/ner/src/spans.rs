//! From labels to findings: the bounds of a span, and its confidence.

use std::ops::Range;

use masker_plugin_sdk::Finding;

use crate::cuts;
use crate::decode::{Decoder, Scores, Tables};
use crate::model::{KINDS, Model};
use crate::tokens::Token;

/// How many tokens on either side of the labelled ones enter the sums for a probability; tokens farther away do not
/// change it.
const AROUND: usize = 4;

/// The most values made from a message's spans: the host accepts 10,000 findings per call. The remaining spans are
/// reported as labelled.
const MOST_VALUES: usize = 4000;

/// A part of a span less likely than this does not get the confidence of the whole.
const UNLIKELY: f32 = 0.4;

/// Appends the decoder's labels in message `message` as findings of the wanted kinds.
pub fn collect(
    decoder: &mut Decoder,
    (model, tables): (&Model, &Tables),
    (text, tokens, scores): (&str, &[Token], &[Scores]),
    (message, wanted): (usize, [bool; KINDS.len()]),
    findings: &mut Vec<Finding>,
) {
    let labels = std::mem::take(&mut decoder.labels);
    let mut probabilities = Vec::new();
    let mut room = MOST_VALUES;
    let mut at = 0;
    while let Some(stretch) = next_stretch(&labels, at) {
        at = stretch.end;
        let from = stretch.start;
        decoder.probabilities(tables, scores, stretch.clone(), &mut probabilities);
        for (span, kind) in (Spans { labels: &labels[stretch], at: 0 }) {
            if !wanted[kind] {
                continue;
            }
            let whole = confidence(model, kind, &probabilities[span.clone()]);
            for value in cuts::values(text, tokens, from + span.start..from + span.end, kind, room.max(1)) {
                room = room.saturating_sub(1);
                let (Some(first), Some(last)) = (tokens.get(value.words.start), tokens.get(value.words.end - 1)) else {
                    continue;
                };
                if first.start < last.end {
                    let bytes = first.start as usize..last.end as usize;
                    let words = value.words.start - from..value.words.end - from;
                    let confidence = if words == span {
                        whole
                    } else {
                        // List membership is evidence for each value, but not for a word that hardly looks like one.
                        let own = confidence(model, kind, &probabilities[words]);
                        if own < UNLIKELY || !value.listed { own } else { own.max(whole) }
                    };
                    findings.push(Finding::new(message, bytes, KINDS[kind], confidence));
                }
            }
        }
    }
    decoder.labels = labels;
}

/// The next run of labelled tokens at or after `at`, with its surroundings; runs close to each other are merged.
fn next_stretch(labels: &[u8], at: usize) -> Option<Range<usize>> {
    let first = at + labels.get(at..)?.iter().position(|label| *label != 0)?;
    let mut end = first + 1;
    let mut quiet = 0;
    while end < labels.len() && quiet < 2 * AROUND {
        quiet = if labels[end] == 0 { quiet + 1 } else { 0 };
        end += 1;
    }
    // All of the surroundings before, but half of those after when another run may begin there.
    let end = end - quiet.min(AROUND);
    Some(first.saturating_sub(AROUND).max(at)..end)
}

/// Spans in a run of labels, with the index of their kind.
struct Spans<'l> {
    labels: &'l [u8],
    at: usize,
}

impl Iterator for Spans<'_> {
    type Item = (Range<usize>, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at + self.labels.get(self.at..)?.iter().position(|label| *label != 0)?;
        let kind = usize::from(self.labels[start] - 1) / 2;
        let inside = 2 * kind as u8 + 2;
        let more = self.labels[start + 1..].iter().take_while(|label| **label == inside).count();
        self.at = start + 1 + more;
        Some((start..self.at, kind))
    }
}

/// The probability that the words are of this kind, calibrated on held-out text.
fn confidence(model: &Model, kind: usize, probabilities: &[[f32; 8]]) -> f32 {
    let raw = raw_confidence(kind, probabilities);
    let (slope, offset) = model.calibration[kind];
    let odds = (raw / (1.0 - raw)).ln();
    1.0 / (1.0 + (-(slope * odds + offset)).exp())
}

/// The mean over the words of the probability that the word belongs to this kind.
fn raw_confidence(kind: usize, probabilities: &[[f32; 8]]) -> f32 {
    let sum: f32 = probabilities.iter().map(|of| of[1 + 2 * kind] + of[2 + 2 * kind]).sum();
    (sum / probabilities.len().max(1) as f32).clamp(1e-4, 1.0 - 1e-4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_spans() {
        let labels = [0, 1, 2, 1, 0, 3, 4, 4, 5];
        let spans: Vec<_> = Spans { labels: &labels, at: 0 }.collect();
        assert_eq!(spans, [(1..3, 0), (3..4, 0), (5..8, 1), (8..9, 2)]);
    }

    #[test]
    fn stretches_cover_every_label_once() {
        let mut labels = vec![0; 60];
        for at in [0, 3, 20, 21, 27, 40, 59] {
            labels[at] = 1;
        }
        let (mut at, mut seen) = (0, 0);
        while let Some(stretch) = next_stretch(&labels, at) {
            assert!(stretch.start >= at);
            seen += labels[stretch.clone()].iter().filter(|label| **label != 0).count();
            at = stretch.end;
        }
        assert_eq!(seen, 7);
    }
}
