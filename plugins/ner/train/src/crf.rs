//! The linear-chain conditional random field: sequences of numbered features, forward-backward, AdaGrad.

use masker_plugin_ner::model::LABELS;

use crate::rng::Rng;

/// A set of labels as bits.
pub type Mask = u8;
/// No label is excluded.
pub const ANY: Mask = 0x7f;

/// One message for training.
pub struct Sequence {
    /// First token in [`Corpus::masks`].
    pub from: u32,
    /// One past the last.
    pub to: u32,
    /// Its weight.
    pub weight: f32,
}

/// All training messages, flat.
#[derive(Default)]
pub struct Corpus {
    /// The messages.
    pub sequences: Vec<Sequence>,
    /// Per token: the allowed labels.
    pub masks: Vec<Mask>,
    /// Per token: the end of its features in `features`; they begin where the previous token's end.
    pub ends: Vec<u32>,
    /// Feature numbers.
    pub features: Vec<u32>,
}

impl Corpus {
    fn of_token(&self, token: usize) -> &[u32] {
        let from = if token == 0 { 0 } else { self.ends[token - 1] as usize };
        &self.features[from..self.ends[token] as usize]
    }
}

type Row = [f32; 8];

/// Weights, and AdaGrad's state of their gradients.
pub struct Crf {
    /// Per feature and label.
    pub weights: Vec<Row>,
    squares: Vec<Row>,
    /// From label to label.
    pub transitions: [Row; 8],
    transition_squares: [Row; 8],
}

/// The mean of the weights over several epochs: more stable than those of a single one.
pub struct Mean {
    weights: Vec<Row>,
    transitions: [Row; 8],
    count: f32,
}

impl Mean {
    /// An empty mean.
    pub fn new(features: usize) -> Self {
        Self { weights: vec![[0.0; 8]; features], transitions: [[0.0; 8]; 8], count: 0.0 }
    }

    /// Adds the current weights.
    pub fn take(&mut self, crf: &Crf) {
        self.count += 1.0;
        let all = crf.weights.iter().chain(&crf.transitions);
        for (sum, row) in self.weights.iter_mut().chain(&mut self.transitions).zip(all) {
            for (sum, value) in sum.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }

    /// Replaces the weights with the mean.
    pub fn give(self, crf: &mut Crf) {
        let sums = self.weights.iter().chain(&self.transitions);
        for (row, sum) in crf.weights.iter_mut().chain(&mut crf.transitions).zip(sums) {
            *row = sum.map(|value| value / self.count);
        }
    }
}

/// Hyperparameters of one epoch.
#[derive(Clone, Copy)]
pub struct Rate {
    /// AdaGrad's step.
    pub step: f32,
    /// Share of features dropped at random, so that none relies on the others.
    pub dropout: f64,
    /// Shrinks every weight slightly each time it is used.
    pub decay: f32,
}

impl Crf {
    /// An untrained model.
    pub fn new(features: usize) -> Self {
        Self {
            weights: vec![[0.0; 8]; features],
            squares: vec![[1e-2; 8]; features],
            transitions: [[0.0; 8]; 8],
            transition_squares: [[1.0; 8]; 8],
        }
    }

    /// Whether a label may follow another: "inside" only continues its own kind.
    pub fn allowed(from: usize, to: usize) -> bool {
        to == 0 || to % 2 == 1 || from == to || from == to - 1
    }

    /// One epoch over the corpus in random order. Returns the mean loss per token.
    pub fn epoch(&mut self, corpus: &Corpus, rate: Rate, rng: &mut Rng) -> f64 {
        let mut order: Vec<usize> = (0..corpus.sequences.len()).collect();
        rng.shuffle(&mut order);
        let mut work = Work::default();
        let (mut loss, mut tokens) = (0.0, 0);
        for at in order {
            let sequence = &corpus.sequences[at];
            loss += self.learn(corpus, sequence, rate, &mut work, rng);
            tokens += (sequence.to - sequence.from) as usize;
        }
        loss / tokens as f64
    }

    fn learn(&mut self, corpus: &Corpus, sequence: &Sequence, rate: Rate, work: &mut Work, rng: &mut Rng) -> f64 {
        let range = sequence.from as usize..sequence.to as usize;
        let masks = &corpus.masks[range.clone()];
        let exp = self.exp_transitions();
        work.scores.clear();
        work.used.clear();
        work.ends.clear();
        // The remaining features are scaled up for the dropped ones.
        let scale = 1.0 / (1.0 - rate.dropout as f32);
        for token in range.clone() {
            let mut row = [0.0; 8];
            let from = work.used.len();
            work.used.extend(
                corpus.of_token(token).iter().copied().filter(|_| rate.dropout == 0.0 || !rng.chance(rate.dropout)),
            );
            work.ends.push(work.used.len());
            for feature in &work.used[from..] {
                for (sum, weight) in row.iter_mut().zip(&self.weights[*feature as usize]) {
                    *sum += weight;
                }
            }
            work.scores.push(row.map(|score| score * scale));
        }
        let mut pairs = [[0.0; 8]; 8];
        let free = work.run(&exp, None, &mut pairs, 1.0);
        std::mem::swap(&mut work.marginals, &mut work.free);
        let tied = work.run(&exp, Some(masks), &mut pairs, -1.0);
        let mut from = 0;
        for (end, (free, tied)) in work.ends.iter().zip(work.free.iter().zip(&work.marginals)) {
            let used = &work.used[from..*end];
            from = *end;
            let mut gradient = [0.0; 8];
            let mut size = 0.0_f32;
            for label in 0..LABELS {
                gradient[label] = (free[label] - tied[label]) * sequence.weight;
                size = size.max(gradient[label].abs());
            }
            // Tokens the model is certain of contribute no gradient; skipping them halves the time.
            if size < 1e-3 {
                continue;
            }
            for feature in used {
                step(&mut self.weights[*feature as usize], &mut self.squares[*feature as usize], &gradient, rate);
            }
        }
        let rate = Rate { decay: 0.0, ..rate };
        let rows = self.transitions.iter_mut().zip(&mut self.transition_squares);
        for ((weights, squares), gradient) in rows.zip(&pairs).take(LABELS) {
            step(weights, squares, &gradient.map(|value| value * sequence.weight), rate);
        }
        f64::from(free - tied) * f64::from(sequence.weight)
    }

    fn exp_transitions(&self) -> [Row; 8] {
        let mut exp = [[0.0; 8]; 8];
        for (from, row) in exp.iter_mut().enumerate().take(LABELS) {
            for (to, value) in row.iter_mut().enumerate().take(LABELS) {
                if Self::allowed(from, to) {
                    *value = self.transitions[from][to].exp();
                }
            }
        }
        exp
    }
}

fn step(weights: &mut Row, squares: &mut Row, gradient: &Row, rate: Rate) {
    for label in 0..8 {
        let g = gradient[label] + rate.decay * weights[label];
        squares[label] += g * g;
        weights[label] -= rate.step * g / squares[label].sqrt();
    }
}

/// Buffers of one message.
#[derive(Default)]
struct Work {
    used: Vec<u32>,
    ends: Vec<usize>,
    scores: Vec<Row>,
    local: Vec<Row>,
    forward: Vec<Row>,
    marginals: Vec<Row>,
    free: Vec<Row>,
}

impl Work {
    /// Forward-backward, restricted to the allowed labels if `masks` is given. Fills `marginals`, adds `sign` times
    /// the expected transitions to `pairs`, and returns the log of the sum over all paths.
    fn run(&mut self, exp: &[Row; 8], masks: Option<&[Mask]>, pairs: &mut [Row; 8], sign: f32) -> f32 {
        let count = self.scores.len();
        let mut log = 0.0;
        self.local.clear();
        self.forward.clear();
        let mut state = [0.0; 8];
        state[0] = 1.0;
        for at in 0..count {
            let scores = &self.scores[at];
            let top = scores[..LABELS].iter().copied().fold(f32::MIN, f32::max);
            let mut local = [0.0; 8];
            for label in 0..LABELS {
                let allowed = masks.is_none_or(|masks| masks[at] >> label & 1 == 1);
                local[label] = if allowed { (scores[label] - top).max(-60.0).exp() } else { 0.0 };
            }
            let mut next = [0.0; 8];
            for from in 0..LABELS {
                for to in 0..8 {
                    next[to] += state[from] * exp[from][to];
                }
            }
            let mut sum = 0.0;
            for to in 0..8 {
                next[to] *= local[to];
                sum += next[to];
            }
            let sum = sum.max(1e-35);
            for value in &mut next {
                *value /= sum;
            }
            log += top + sum.ln();
            state = next;
            self.local.push(local);
            self.forward.push(state);
        }
        self.marginals.clear();
        self.marginals.resize(count, [0.0; 8]);
        let mut after = [1.0; 8];
        for at in (0..count).rev() {
            let joint: Row = std::array::from_fn(|label| self.forward[at][label] * after[label]);
            let sum = joint.iter().sum::<f32>().max(1e-35);
            self.marginals[at] = joint.map(|value| value / sum);
            let before = if at == 0 { [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0] } else { self.forward[at - 1] };
            let mut carried = [0.0; 8];
            for label in 0..8 {
                carried[label] = after[label] * self.local[at][label];
            }
            let mut total = 0.0;
            let mut next_after = [0.0; 8];
            for from in 0..LABELS {
                for to in 0..8 {
                    next_after[from] += exp[from][to] * carried[to];
                }
                total += before[from] * next_after[from];
            }
            let scale = sign / total.max(1e-35);
            for from in 0..LABELS {
                for to in 0..8 {
                    pairs[from][to] += before[from] * exp[from][to] * carried[to] * scale;
                }
            }
            let sum: f32 = next_after.iter().sum::<f32>().max(1e-35);
            for value in &mut next_after {
                *value /= sum;
            }
            after = next_after;
        }
        log
    }
}
