//! Measures a model on labelled messages.

use masker_plugin_ner::Ner;
use masker_plugin_ner::model::KINDS;

use crate::data::{Sample, Truth};

/// The counts.
#[derive(Default, Clone)]
pub struct Score {
    words: usize,
    gold: usize,
    half: usize,
    whole: usize,
    right_kind: usize,
    chars: usize,
    leaked: usize,
    predicted: usize,
    right: usize,
    wrong: usize,
}

impl Score {
    /// Column titles of [`Self::row`].
    pub const TITLE: &str = "set                            gold  half%  whole%  kind%  leak%   prec%  FP/1000w";

    /// A line of the table.
    pub fn row(&self, name: &str) -> String {
        let percent = |part: usize, all: usize| 100.0 * part as f64 / all.max(1) as f64;
        format!(
            "{name:<30} {:>5} {:>6.1} {:>7.1} {:>6.1} {:>6.1} {:>7.1} {:>9.2}",
            self.gold,
            percent(self.half, self.gold),
            percent(self.whole, self.gold),
            percent(self.right_kind, self.gold),
            percent(self.leaked, self.chars),
            percent(self.right, self.right + self.wrong),
            1000.0 * self.wrong as f64 / self.words.max(1) as f64,
        )
    }

    /// Adds another count.
    pub fn add(&mut self, other: &Self) {
        self.words += other.words;
        self.gold += other.gold;
        self.half += other.half;
        self.whole += other.whole;
        self.right_kind += other.right_kind;
        self.chars += other.chars;
        self.leaked += other.leaked;
        self.predicted += other.predicted;
        self.right += other.right;
        self.wrong += other.wrong;
    }
}

/// Counts names and addresses (organisations only with `organisations`) found with at least this confidence.
pub fn score(ner: &Ner, samples: &[Sample], threshold: f32, organisations: bool) -> Score {
    let mut score = Score::default();
    for sample in samples {
        let messages = sample.messages();
        let found: Vec<_> = ner
            .find(&messages)
            .into_iter()
            .filter(|finding| finding.confidence >= threshold && (finding.kind == KINDS[2]) == organisations)
            .collect();
        score.words += sample.text.split_whitespace().count();
        for span in &sample.spans {
            let Truth::Kind(kind) = span.truth else { continue };
            if (kind == 2) != organisations {
                continue;
            }
            let chars: Vec<usize> = sample.text[span.start..span.end]
                .char_indices()
                .filter(|(_, c)| c.is_alphanumeric())
                .map(|(at, _)| at + span.start)
                .collect();
            let hit = chars.iter().filter(|at| found.iter().any(|finding| finding.span.contains(at))).count();
            score.gold += 1;
            score.chars += chars.len();
            score.leaked += chars.len() - hit;
            score.half += usize::from(2 * hit >= chars.len());
            score.whole += usize::from(hit == chars.len());
            let kind_hit =
                chars.iter().filter(|at| found.iter().any(|f| f.kind == KINDS[kind] && f.span.contains(at))).count();
            score.right_kind += usize::from(2 * kind_hit >= chars.len());
        }
        for finding in &found {
            let over = |span: &&crate::data::Span| span.start < finding.span.end && finding.span.start < span.end;
            score.predicted += 1;
            let touched: Vec<_> =
                sample.spans.iter().filter(over).filter(|span| span.truth != Truth::Unknown).collect();
            if touched.iter().any(|span| matches!(span.truth, Truth::Kind(kind) if (kind == 2) == organisations)) {
                score.right += 1;
            } else if touched.is_empty()
                || touched.iter().all(|span| matches!(span.truth, Truth::Kind(_)) && organisations)
            {
                score.wrong += 1;
            }
        }
    }
    score
}

/// Raw log odds and correctness of every finding, per kind, for the calibration.
pub fn odds(ner: &Ner, samples: &[Sample]) -> [Vec<(f32, bool)>; KINDS.len()] {
    let mut all: [Vec<(f32, bool)>; KINDS.len()] = Default::default();
    for sample in samples {
        for finding in ner.find(&sample.messages()) {
            let kind = KINDS.iter().position(|kind| *kind == finding.kind).unwrap_or(0);
            let touched: Vec<_> = sample
                .spans
                .iter()
                .filter(|span| span.start < finding.span.end && finding.span.start < span.end)
                .collect();
            if touched.iter().any(|span| matches!(span.truth, Truth::Maybe(_) | Truth::Ignored | Truth::Unknown)) {
                continue;
            }
            // A name found as an address, or the reverse, is still protected; organisations are counted apart.
            let right = touched.iter().any(|span| match span.truth {
                Truth::Kind(truth) => (truth == 2) == (kind == 2),
                _ => false,
            });
            let p = finding.confidence.clamp(1e-4, 1.0 - 1e-4);
            all[kind].push(((p / (1.0 - p)).ln(), right));
        }
    }
    all
}

/// Fits slope and offset so that the log odds are calibrated (logistic regression by Newton's method).
pub fn calibrate(points: &[(f32, bool)]) -> (f32, f32) {
    let (mut a, mut b) = (1.0_f64, 0.0_f64);
    if points.len() < 50 {
        return (1.0, 0.0);
    }
    for _ in 0..30 {
        // A weak prior towards the identity keeps the fit finite.
        let (mut ga, mut gb, mut haa, mut hab, mut hbb) = (a - 1.0, b, 1.0, 0.0, 1.0);
        for (x, right) in points {
            let x = f64::from(*x);
            let p = 1.0 / (1.0 + (-(a * x + b)).exp());
            let error = p - f64::from(u8::from(*right));
            let h = p * (1.0 - p);
            ga += error * x;
            gb += error;
            haa += h * x * x;
            hab += h * x;
            hbb += h;
        }
        let determinant = haa * hbb - hab * hab;
        a -= (hbb * ga - hab * gb) / determinant;
        b -= (haa * gb - hab * ga) / determinant;
    }
    (a as f32, b as f32)
}

/// The calibration of the confidences: per tenth, the number of findings and of correct ones.
pub fn reliability(ner: &Ner, samples: &[Sample]) -> String {
    let mut tenths = [(0usize, 0usize); 10];
    for points in odds(ner, samples) {
        for (x, right) in points {
            let p = 1.0 / (1.0 + (-x).exp());
            let tenth = &mut tenths[((p * 10.0) as usize).min(9)];
            tenth.0 += 1;
            tenth.1 += usize::from(right);
        }
    }
    let mut out = String::new();
    for (at, (all, right)) in tenths.iter().enumerate().filter(|(_, (all, _))| *all > 0) {
        out.push_str(&format!("  0.{at}: {:>5} findings, {:>3.0} % right\n", all, 100.0 * *right as f64 / *all as f64));
    }
    out
}
