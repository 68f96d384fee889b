//! Decoding: scores to labels (Viterbi) and to probabilities (forward-backward).

use std::ops::Range;

use crate::model::{LABELS, Model, OUTSIDE};

/// Scores of one token, per label.
pub type Scores = [i32; 8];

/// Subtracted from the score of "outside" during decoding, so that spans slightly less likely than not are found too,
/// with a correspondingly low confidence. A policy that prefers false positives lowers its threshold and gets them.
const OUTSIDE_HANDICAP: i32 = 12;

/// Buffers reused for every message of a call.
#[derive(Debug, Default)]
pub struct Decoder {
    back: Vec<[u8; 8]>,
    /// The best label of each token.
    pub labels: Vec<u8>,
    forward: Vec<[f32; 8]>,
}

impl Decoder {
    /// Fills `labels`; returns whether any is not "outside".
    pub fn best(&mut self, model: &Model, scores: &[Scores]) -> bool {
        self.back.clear();
        let mut best = [i32::MIN / 4; 8];
        best[OUTSIDE] = 0;
        for token in scores {
            let mut next = [i32::MIN / 4; 8];
            let mut from = [0; 8];
            for label in 0..LABELS {
                let (mut top, mut top_from) = (i32::MIN / 2, 0);
                for (before, score) in best.iter().enumerate().take(LABELS) {
                    let score = score + i32::from(model.transitions[before * 8 + label]);
                    if score > top {
                        (top, top_from) = (score, before as u8);
                    }
                }
                let handicap = if label == OUTSIDE { OUTSIDE_HANDICAP } else { 0 };
                next[label] = top + token[label] - handicap;
                from[label] = top_from;
            }
            self.back.push(from);
            best = rebase(next);
        }
        self.trace(&best)
    }

    fn trace(&mut self, best: &Scores) -> bool {
        let mut label = (0..LABELS).max_by_key(|label| best[*label]).unwrap_or(OUTSIDE) as u8;
        self.labels.clear();
        self.labels.resize(self.back.len(), 0);
        let mut any = false;
        for (slot, from) in self.labels.iter_mut().zip(&self.back).rev() {
            *slot = label;
            any |= label != 0;
            label = from[usize::from(label & 7)];
        }
        any
    }

    /// Fills `out` with the probability of each label of each token of a part of the message. The tokens before that
    /// part count as outside.
    pub fn probabilities(
        &mut self,
        tables: &Tables,
        scores: &[Scores],
        stretch: Range<usize>,
        out: &mut Vec<[f32; 8]>,
    ) {
        let scores = &scores[stretch];
        self.forward.clear();
        let mut state = [0.0; 8];
        state[OUTSIDE] = 1.0;
        out.clear();
        for token in scores {
            let local = tables.local(token);
            let mut next = [0.0; 8];
            for (before, weight) in state.iter().enumerate().take(LABELS) {
                let row = &tables.transitions[before];
                for label in 0..8 {
                    next[label] += weight * row[label];
                }
            }
            for label in 0..8 {
                next[label] *= local[label];
            }
            state = normal(next);
            self.forward.push(state);
            out.push(local);
        }
        let mut after = [1.0; 8];
        for (forward, slot) in self.forward.iter().zip(out).rev() {
            let local = *slot;
            let mut joint = [0.0; 8];
            for label in 0..8 {
                joint[label] = forward[label] * after[label];
            }
            *slot = normal(joint);
            let mut carried = [0.0; 8];
            for label in 0..8 {
                carried[label] = after[label] * local[label];
            }
            let mut before = [0.0; 8];
            for (label, value) in before.iter_mut().enumerate().take(LABELS) {
                let row = &tables.transitions[label];
                *value = (0..8).map(|next| row[next] * carried[next]).sum();
            }
            after = normal(before);
        }
    }
}

/// Keeps the sums of a long message from overflowing: only differences matter.
fn rebase(mut scores: Scores) -> Scores {
    let top = scores.iter().take(LABELS).copied().max().unwrap_or(0);
    for score in &mut scores {
        *score = (*score - top).max(i32::MIN / 4);
    }
    scores
}

fn normal(mut values: [f32; 8]) -> [f32; 8] {
    let sum: f32 = values.iter().sum();
    // One-byte weights cannot make the sum zero; should it happen, "outside" claims nothing.
    if sum <= 0.0 || sum.is_nan() {
        let mut outside = [0.0; 8];
        outside[OUTSIDE] = 1.0;
        return outside;
    }
    let scale = 1.0 / sum;
    for value in &mut values {
        *value *= scale;
    }
    values
}

/// Exponentials computed once, in `configure`: `exp` itself is slow in WebAssembly.
#[derive(Debug)]
pub struct Tables {
    transitions: [[f32; 8]; 8],
    exp: Vec<f32>,
}

impl Tables {
    /// Computes them for a model.
    pub fn new(model: &Model) -> Self {
        let mut transitions = [[0.0; 8]; 8];
        for (before, row) in transitions.iter_mut().enumerate().take(LABELS) {
            for (label, value) in row.iter_mut().enumerate().take(LABELS) {
                *value = (f32::from(model.transitions[before * 8 + label]) * crate::model::UNIT).exp();
            }
        }
        let exp = (0..512).map(|score: u16| (-f32::from(score) * crate::model::UNIT).exp()).collect();
        Self { transitions, exp }
    }

    fn local(&self, scores: &Scores) -> [f32; 8] {
        let top = scores.iter().take(LABELS).copied().max().unwrap_or(0);
        let mut local = [0.0; 8];
        for label in 0..LABELS {
            let below = usize::try_from(top - scores[label]).unwrap_or(0).min(511);
            local[label] = self.exp.get(below).copied().unwrap_or(0.0);
        }
        local
    }
}
