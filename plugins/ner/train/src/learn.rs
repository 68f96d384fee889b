//! From labelled sets to a model file: a first run over every feature, a selection of those worth keeping, a second
//! run over those alone, and confidences calibrated on the tuning set.

use std::path::Path;

use masker_plugin_ner::lexicon::Lexicon;
use masker_plugin_ner::model::KINDS;
use masker_plugin_ner::{Ner, Settings};

use crate::corpus::{Builder, count_common, keep, prune};
use crate::crf::{self, Crf, Rate};
use crate::data::{self, Sample, Use};
use crate::grammar::Grammar;
use crate::lists::{self, Lists};
use crate::rng::Rng;
use crate::{SETS, augment, own_lists, pack, score};

const SYNTHETIC: usize = 220_000;
const TABLE_BITS: u32 = 17;
/// Training with every feature, to select those worth keeping, and then with those alone.
const SURVEY: Plan = Plan { epochs: 8, step: 0.12, cooling: 0.0 };
const FINAL: Plan = Plan { epochs: 8, step: 0.08, cooling: 0.3 };
/// The weights are the mean over the epochs of [`FINAL`] from this one on.
const MEAN_FROM: usize = 2;
const DROPOUT: f64 = 0.5;
const DECAY: f32 = 2e-5;
/// A feature seen once is a coincidence.
const LEAST: u32 = 2;

/// How long and at what rate to train.
struct Plan {
    epochs: usize,
    step: f32,
    /// How much the step shrinks with each epoch.
    cooling: f32,
}

impl Plan {
    fn rate(&self, epoch: usize) -> Rate {
        Rate { step: self.step / (1.0 + self.cooling * epoch as f32), dropout: DROPOUT, decay: DECAY }
    }
}

/// A model file's bytes, and its number of features and words.
pub struct Learned {
    pub model: Vec<u8>,
    pub features: usize,
    pub words: usize,
}

/// Trains on every set, or on all but one.
pub fn learn(data: &Path, without: Option<&str>) -> Result<Learned, Box<dyn std::error::Error>> {
    let mut rng = Rng::new(20_261_123);
    let mut lists = Lists::read(&data.join("gazetteers"), &own_lists())?;
    let (mut learn, mut tune) = (Vec::new(), Vec::new());
    for (set, split, questions) in SETS.into_iter().filter(|(set, ..)| without.is_none_or(|out| !set.starts_with(out)))
    {
        for (part, sample) in data::read(&data.join("dev").join(set), split, questions)? {
            match part {
                Use::Train => learn.push(weighted(sample, set)),
                Use::Tune => tune.push(sample),
                Use::Report => {}
            }
        }
    }
    let common = count_common(&learn);
    for (hash, count) in &common {
        lists.set_common(*hash, lists::common_level(*count));
    }
    let grammar = Grammar::read(&own_lists(), &lists)?;
    let made: Vec<Sample> = (0..SYNTHETIC).map(|_| grammar.sample(&mut rng)).collect();
    tune.extend((0..SYNTHETIC / 60).map(|_| grammar.sample(&mut rng)));
    eprintln!("{} messages to learn from, {} made up, {} to tune on", learn.len(), made.len(), tune.len());

    let (starts, entries) = lists.sections();
    let lexicon = Lexicon::new(&starts, &entries).ok_or("the lexicon does not fit")?;
    let mut builder = Builder::new(&lexicon, &common, &lists.dictionary);
    for (sample, real) in learn.iter().map(|s| (s, true)).chain(made.iter().map(|s| (s, false))) {
        for variant in variants(sample, &mut rng) {
            builder.add(&variant, real.then_some(sample), &mut rng);
        }
    }
    let Builder { mut corpus, hashes, counts, .. } = builder;
    eprintln!("{} tokens, {} features", corpus.masks.len(), hashes.len());
    let (hashes, counts) = prune(&mut corpus, &hashes, &counts, LEAST);
    eprintln!("{} features seen often enough", hashes.len());

    let mut crf = Crf::new(hashes.len());
    for epoch in 0..SURVEY.epochs {
        let loss = crf.epoch(&corpus, SURVEY.rate(epoch), &mut rng);
        eprintln!("epoch {epoch}: loss {loss:.5}");
    }
    let layout = pack::choose(&hashes, &counts, &crf, TABLE_BITS);
    eprintln!("{} features kept", layout.placed.len());
    keep(&mut corpus, &layout, hashes.len());
    let mut mean = crf::Mean::new(hashes.len());
    for epoch in 0..FINAL.epochs {
        let loss = crf.epoch(&corpus, FINAL.rate(epoch), &mut rng);
        eprintln!("epoch {epoch} with those kept: loss {loss:.5}");
        if epoch >= MEAN_FROM {
            mean.take(&crf);
        }
    }
    mean.give(&mut crf);

    let mut held = Vec::new();
    for sample in &tune {
        held.push(sample.clone());
        held.push(augment::transcript(sample, &mut rng));
    }
    let raw = pack::write(&layout, &hashes, &crf, &[(1.0, 0.0); KINDS.len()], &lists);
    let points = score::odds(&Ner::with_model(&raw, &Settings::default()).map_err(|error| error.message)?, &held);
    let calibration = points.map(|points| score::calibrate(&points));
    eprintln!("calibration {calibration:?}");
    let model = pack::write(&layout, &hashes, &crf, &calibration, &lists);
    Ok(Learned { model, features: layout.placed.len(), words: lists.entries.len() })
}

/// Real speech counts more than tweets, otherwise the generated turns dominate it.
fn weighted(mut sample: Sample, set: &str) -> Sample {
    sample.weight = match set {
        "slurp_devel.jsonl" => 2.0,
        "evi_train.jsonl.gz" | "mts_negatives.jsonl.gz" => 2.0,
        "btc.jsonl.gz" => 0.7,
        _ => 1.0,
    };
    sample
}

/// The message itself, its transcript, and at random other styles.
fn variants(sample: &Sample, rng: &mut Rng) -> Vec<Sample> {
    let mut all = vec![sample.clone(), augment::transcript(sample, rng)];
    if rng.chance(0.25) {
        all.push(augment::lower(sample));
    }
    if rng.chance(0.08) {
        all.push(augment::upper(sample));
    }
    if !sample.context.is_empty() && rng.chance(0.4) {
        let alone = Sample { context: Vec::new(), ..sample.clone() };
        all.push(augment::transcript(&alone, rng));
        all.push(alone);
    }
    all
}
