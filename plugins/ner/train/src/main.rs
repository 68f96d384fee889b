//! Trains the weights of the `ner` plugin, and measures them.
//!
//! `masker-ner-train train DATA OUT` reads the labelled sets and gazetteers under DATA (see README.md of the plugin),
//! makes up turns from `lists/`, trains, and writes `model.bin` and `manifest.txt` to OUT.
//! `masker-ner-train eval DATA MODEL` prints the scores of a model file on the parts of DATA kept for reporting.
//! `masker-ner-train holdout DATA SOURCE` learns without the sets whose file name begins so and prints the scores on them.
//! `tune` and `errors` do so on the parts kept for tuning, `show` prints made-up turns, `try` marks lines of its input.
//! Everything is from fixed seeds and on one thread: the same data give the same file.

mod augment;
mod crf;
mod data;
mod grammar;
mod lists;
mod pack;
mod rng;
mod score;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::Path;

use masker_plugin_ner::context::Context;
use masker_plugin_ner::lexicon::{Lexicon, entry};
use masker_plugin_ner::model::KINDS;
use masker_plugin_ner::tokens::{Gap, Token, shape, tokenize};
use masker_plugin_ner::{Ner, Settings, features, read};
use sha2::{Digest, Sha256};

use crf::{ANY, Corpus, Crf, Mask, Rate, Sequence};
use data::{Sample, Span, Split, Truth, Use};
use grammar::Grammar;
use lists::Lists;
use rng::Rng;
use score::{Score, score};

/// Sets that may be learned from (CC BY), how they are split, and whether they say what was asked.
const SETS: [(&str, Split, bool); 7] = [
    ("btc.jsonl.gz", Split { report: 1, tune: 1 }, false),
    ("wikigold.jsonl.gz", Split { report: 1, tune: 1 }, false),
    ("wnut17_train.jsonl.gz", Split { report: 0, tune: 1 }, false),
    ("slurp_devel.jsonl", Split { report: 3, tune: 1 }, false),
    ("evi_train.jsonl.gz", Split { report: 2, tune: 1 }, true),
    ("rest8k_train.jsonl.gz", Split { report: 0, tune: 1 }, true),
    ("mts_negatives.jsonl.gz", Split { report: 2, tune: 1 }, false),
];

/// Sets for the report alone. SGD is share-alike: nothing is learned from it.
const REPORT_ONLY: [&str; 4] = ["rest8k_test.jsonl", "wnut17_dev.jsonl", "sgd_dev.jsonl.gz", "sgd_dev_asr.jsonl.gz"];

const SYNTHETIC: usize = 220_000;
const TABLE_BITS: u32 = 17;
/// Learning with every feature, to see which are worth keeping, and then with those alone.
const SURVEY: Plan = Plan { epochs: 8, step: 0.12, cooling: 0.0 };
const FINAL: Plan = Plan { epochs: 8, step: 0.08, cooling: 0.3 };
/// The weights are the mean of those after the passes of [`FINAL`] from this one on.
const MEAN_FROM: usize = 2;
const DROPOUT: f64 = 0.5;
const DECAY: f32 = 2e-5;
/// A feature seen once is a coincidence.
const LEAST: u32 = 2;

/// How long and how fast to learn.
struct Plan {
    epochs: usize,
    step: f32,
    /// How much the step shrinks with each pass.
    cooling: f32,
}

impl Plan {
    fn rate(&self, epoch: usize) -> Rate {
        Rate { step: self.step / (1.0 + self.cooling * epoch as f32), dropout: DROPOUT, decay: DECAY }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["train", data, out] => train(Path::new(data), Path::new(out)),
        ["holdout", data, source] => holdout(Path::new(data), source),
        ["eval", data, model] => {
            print!("{}", report(Path::new(data), &std::fs::read(model)?)?);
            Ok(())
        }
        ["tune", data, model] => {
            print!("{}", tuning(Path::new(data), &std::fs::read(model)?)?);
            Ok(())
        }
        ["errors", data, model, set] => errors(Path::new(data), &std::fs::read(model)?, set),
        ["show", data, count] => show(Path::new(data), count.parse()?),
        ["try", model] => try_lines(&std::fs::read(model)?),
        _ => Err("usage: train DATA OUT | holdout DATA SOURCE | eval DATA MODEL | tune DATA MODEL | errors DATA MODEL SET | show DATA COUNT | try MODEL".into()),
    }
}

fn own_lists() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("lists")
}

fn train(data: &Path, out: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let learned = learn(data, None)?;
    std::fs::create_dir_all(out)?;
    std::fs::write(out.join("model.bin"), &learned.model)?;
    eprintln!("{}", tuning(data, &learned.model)?);
    let report = report(data, &learned.model)?;
    print!("{report}");
    std::fs::write(out.join("manifest.txt"), manifest(data, &learned, &report)?)?;
    Ok(())
}

/// Learns without a source and prints the scores on all of it: how well the rest carries over to text of another sort.
fn holdout(data: &Path, source: &str) -> Result<(), Box<dyn std::error::Error>> {
    let learned = learn(data, Some(source))?;
    let ner = Ner::with_model(&learned.model, &Settings::default()).map_err(|error| error.message)?;
    println!("{}", Score::TITLE);
    for (set, _, questions) in SETS.into_iter().filter(|(set, ..)| set.starts_with(source)) {
        let name = set.split('.').next().unwrap_or(set);
        let whole = |questions| -> std::io::Result<Vec<Sample>> {
            let split = Split { report: 10, tune: 0 };
            Ok(data::read(&data.join("dev").join(set), split, questions)?
                .into_iter()
                .map(|(_, sample)| sample)
                .collect())
        };
        println!("{}", score(&ner, &whole(false)?, 0.6, false).row(name));
        if questions {
            println!("{}", score(&ner, &whole(true)?, 0.6, false).row(&format!("{name} +question")));
        }
    }
    Ok(())
}

/// A model file's bytes, and how many features and words are in it.
struct Learned {
    model: Vec<u8>,
    features: usize,
    words: usize,
}

/// Learns from every set, or from all but one.
fn learn(data: &Path, without: Option<&str>) -> Result<Learned, Box<dyn std::error::Error>> {
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
    let mut builder = Builder {
        lexicon: &lexicon,
        common: &common,
        dictionary: &lists.dictionary,
        numbers: HashMap::default(),
        hashes: Vec::new(),
        counts: Vec::new(),
        corpus: Corpus::default(),
    };
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

/// Real speech counts more than tweets, or the made-up turns drown it.
fn weighted(mut sample: Sample, set: &str) -> Sample {
    sample.weight = match set {
        "slurp_devel.jsonl" => 2.0,
        "evi_train.jsonl.gz" | "mts_negatives.jsonl.gz" => 2.0,
        "btc.jsonl.gz" => 0.7,
        _ => 1.0,
    };
    sample
}

/// In how many messages each word is an ordinary one: outside every span, and not a name by its capital.
fn count_common(samples: &[Sample]) -> HashMap<u64, u32> {
    let mut counts = HashMap::new();
    for sample in samples {
        for hash in ordinary(sample) {
            *counts.entry(hash).or_insert(0) += 1;
        }
    }
    counts
}

/// The ordinary words of a message, each once.
fn ordinary(sample: &Sample) -> Vec<u64> {
    let mut tokens = Vec::new();
    tokenize(&sample.text, &mut tokens);
    let mut words: Vec<u64> = tokens
        .iter()
        .filter(|token| {
            let small = matches!(token.shape, shape::LOWER | shape::LETTER);
            let start = token.gap.ends_sentence() && token.shape == shape::TITLE;
            (small || start) && token.gap != Gap::At && covering(&sample.spans, token).is_none()
        })
        .map(|token| token.word)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn covering<'s>(spans: &'s [Span], token: &Token) -> Option<&'s Span> {
    spans.iter().find(|span| span.start < token.end as usize && (token.start as usize) < span.end)
}

/// The message as it is, as a transcript, and now and then in other writing.
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

/// Feature hashes are random already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Turns samples into numbered features.
struct Builder<'l> {
    lexicon: &'l Lexicon<'l>,
    common: &'l HashMap<u64, u32>,
    dictionary: &'l HashMap<u64, u16>,
    numbers: HashMap<u64, u32, BuildHasherDefault<AsIs>>,
    hashes: Vec<u64>,
    counts: Vec<u32>,
    corpus: Corpus,
}

impl Builder<'_> {
    /// `original`: the real message this is a variant of; its own words do not count towards how common they are,
    /// or no word of the training text would ever look new.
    fn add(&mut self, sample: &Sample, original: Option<&Sample>, rng: &mut Rng) {
        let own = original.map(ordinary).unwrap_or_default();
        let mut tokens = Vec::new();
        let messages = sample.messages();
        let context = Context::of(&messages, messages.len() - 1, self.lexicon, &mut tokens);
        let forgetful = rng.chance(0.25);
        read(&sample.text, self.lexicon, &mut tokens, |tokens| {
            for token in tokens {
                if own.binary_search(&token.word).is_ok() {
                    let count = self.common.get(&token.word).copied().unwrap_or(0);
                    let known = self.dictionary.get(&token.word).copied().unwrap_or(0);
                    let level = lists::common_level(count.saturating_sub(1)).max(known);
                    token.entry = token.entry & !(3 << entry::COMMON) | level << entry::COMMON;
                }
                // Now and then the lists do not know a name, as will happen.
                if forgetful && covering(&sample.spans, token).is_some() && rng.chance(0.5) {
                    token.entry &= !entry::NAMES;
                    token.place = 0;
                }
            }
        });
        let from = self.corpus.masks.len() as u32;
        let mut previous = None;
        for at in features::PADDING..tokens.len() - features::PADDING {
            let span = covering(&sample.spans, &tokens[at]);
            let first = span.map(|span| span.start) != previous;
            previous = span.map(|span| span.start);
            self.corpus.masks.push(mask(span, first));
            features::each(&tokens, at, context, |hash| {
                let next = self.hashes.len() as u32;
                let number = *self.numbers.entry(hash).or_insert(next);
                if number == next {
                    self.hashes.push(hash);
                    self.counts.push(0);
                }
                self.counts[number as usize] += 1;
                self.corpus.features.push(number);
            });
            self.corpus.ends.push(self.corpus.features.len() as u32);
        }
        let to = self.corpus.masks.len() as u32;
        if from < to {
            self.corpus.sequences.push(Sequence { from, to, weight: sample.weight });
        }
    }
}

fn mask(span: Option<&Span>, first: bool) -> Mask {
    match span.map(|span| span.truth) {
        None | Some(Truth::Ignored) => 1,
        Some(Truth::Unknown) => ANY,
        Some(Truth::Kind(kind)) if first => 2 << (2 * kind),
        Some(Truth::Kind(kind)) => 4 << (2 * kind),
        Some(Truth::Maybe(kind)) => (1 | 2 << (2 * kind) | 4 << (2 * kind)) & ANY,
    }
}

/// Drops features seen fewer than `least` times.
fn prune(corpus: &mut Corpus, hashes: &[u64], counts: &[u32], least: u32) -> (Vec<u64>, Vec<u32>) {
    let mut renumbered = vec![u32::MAX; hashes.len()];
    let (mut kept, mut kept_counts) = (Vec::new(), Vec::new());
    for (number, count) in counts.iter().enumerate().filter(|(_, count)| **count >= least) {
        renumbered[number] = kept.len() as u32;
        kept.push(hashes[number]);
        kept_counts.push(*count);
    }
    renumber(corpus, &renumbered);
    (kept, kept_counts)
}

/// Drops the features that found no room in the table.
fn keep(corpus: &mut Corpus, layout: &pack::Layout, features: usize) {
    let mut renumbered = vec![u32::MAX; features];
    for (number, _) in &layout.placed {
        renumbered[*number as usize] = *number;
    }
    renumber(corpus, &renumbered);
}

fn renumber(corpus: &mut Corpus, numbers: &[u32]) {
    let (mut from, mut to) = (0, 0);
    for end in &mut corpus.ends {
        while from < *end as usize {
            let number = numbers[corpus.features[from] as usize];
            if number != u32::MAX {
                corpus.features[to] = number;
                to += 1;
            }
            from += 1;
        }
        *end = to as u32;
    }
    corpus.features.truncate(to);
}

/// The sets to choose settings by: what is kept for that of the sets learned from, and a tenth of SGD's training part,
/// from which nothing is learned.
fn tuning_sets(data: &Path) -> std::io::Result<Vec<(String, Vec<Sample>)>> {
    let tenth = Split { report: 0, tune: 1 };
    let mut all = Vec::new();
    for (set, split, _) in
        SETS.into_iter().chain([("sgd_train.jsonl.gz", tenth, false), ("sgd_train_asr.jsonl.gz", tenth, false)])
    {
        let read = data::read(&data.join("dev").join(set), split, false)?;
        let samples: Vec<Sample> =
            read.into_iter().filter(|(part, _)| *part == Use::Tune).map(|(_, sample)| sample).collect();
        if !set.contains("sgd") {
            let mut rng = Rng::new(5);
            let spoken = samples.iter().map(|sample| augment::transcript(sample, &mut rng)).collect();
            all.push((format!("{set} spoken"), spoken));
        }
        all.push((set.to_string(), samples));
    }
    Ok(all)
}

fn tuning(data: &Path, model: &[u8]) -> Result<String, Box<dyn std::error::Error>> {
    let ner = Ner::with_model(model, &Settings::default()).map_err(|error| error.message)?;
    let mut out = format!("{}\n", Score::TITLE);
    let mut all = Score::default();
    for (set, samples) in tuning_sets(data)? {
        let one = score(&ner, &samples, 0.6, false);
        out.push_str(&format!("{}\n", one.row(&set.replace(".jsonl", "").replace(".gz", ""))));
        all.add(&one);
    }
    out.push_str(&format!("{}\n", all.row("all")));
    Ok(out)
}

/// Prints what is missed (`-`) and what is wrong (`+`) in a tuning set.
fn errors(data: &Path, model: &[u8], set: &str) -> Result<(), Box<dyn std::error::Error>> {
    let ner = Ner::with_model(model, &Settings::default()).map_err(|error| error.message)?;
    for (name, samples) in tuning_sets(data)? {
        if !name.starts_with(set) {
            continue;
        }
        for sample in samples {
            let found: Vec<_> = ner
                .find(&sample.messages())
                .into_iter()
                .filter(|f| f.confidence >= 0.6 && f.kind != KINDS[2])
                .collect();
            for span in &sample.spans {
                let hit = found.iter().any(|f| f.span.start < span.end && span.start < f.span.end);
                if matches!(span.truth, Truth::Kind(0 | 1)) && !hit {
                    println!("- {} | {}", &sample.text[span.start..span.end], sample.text.replace('\n', " "));
                }
            }
            for finding in &found {
                if !sample.spans.iter().any(|span| {
                    span.truth != Truth::Unknown && finding.span.start < span.end && span.start < finding.span.end
                }) {
                    println!(
                        "+ {} {:.2} | {}",
                        &sample.text[finding.span.clone()],
                        finding.confidence,
                        sample.text.replace('\n', " ")
                    );
                }
            }
        }
    }
    Ok(())
}

/// Scores on everything kept for reporting.
fn report(data: &Path, model: &[u8]) -> Result<String, Box<dyn std::error::Error>> {
    let ner = Ner::with_model(model, &Settings::default()).map_err(|error| error.message)?;
    let mut rng = Rng::new(7);
    let mut out = format!("names and addresses, confidence at least 0.6\n{}\n", Score::TITLE);
    let mut all = Vec::new();
    let mut line = |name: &str, samples: &[Sample], out: &mut String| {
        out.push_str(&format!("{}\n", score(&ner, samples, 0.6, false).row(name)));
        all.extend_from_slice(samples);
    };
    for (set, split, questions) in SETS {
        let kept = |questions| -> std::io::Result<Vec<Sample>> {
            let read = data::read(&data.join("dev").join(set), split, questions)?;
            Ok(read.into_iter().filter(|(part, _)| *part == Use::Report).map(|(_, sample)| sample).collect())
        };
        let samples = kept(false)?;
        if samples.is_empty() {
            continue;
        }
        let name = set.split('.').next().unwrap_or(set);
        line(name, &samples, &mut out);
        if questions {
            line(&format!("{name} +question"), &kept(true)?, &mut out);
        }
        let spoken: Vec<Sample> = samples.iter().map(|sample| augment::transcript(sample, &mut rng)).collect();
        line(&format!("{name} as transcript"), &spoken, &mut out);
    }
    for set in REPORT_ONLY {
        let read = |questions| -> std::io::Result<Vec<Sample>> {
            let split = Split { report: 10, tune: 0 };
            Ok(data::read(&data.join("dev").join(set), split, questions)?
                .into_iter()
                .map(|(_, sample)| sample)
                .collect())
        };
        let samples = read(false)?;
        let name = set.split('.').next().unwrap_or(set);
        line(name, &samples, &mut out);
        if set.starts_with("rest8k") {
            line(&format!("{name} +question"), &read(true)?, &mut out);
        }
        if !set.contains("asr") {
            let spoken: Vec<Sample> = samples.iter().map(|sample| augment::transcript(sample, &mut rng)).collect();
            line(&format!("{name} as transcript"), &spoken, &mut out);
        }
    }
    out.push_str(&format!("\norganisations, confidence at least 0.6\n{}\n", Score::TITLE));
    let (set, split, _) = SETS[0];
    let btc: Vec<Sample> = data::read(&data.join("dev").join(set), split, false)?
        .into_iter()
        .filter(|(part, _)| *part == Use::Report)
        .map(|(_, sample)| sample)
        .collect();
    out.push_str(&format!("{}\n", score(&ner, &btc, 0.6, true).row("btc")));
    out.push_str(&format!(
        "\nconfidences, all of the above (organisations in btc alone are judged)\n{}",
        score::reliability(&ner, &all)
    ));
    Ok(out)
}

fn manifest(data: &Path, learned: &Learned, report: &str) -> std::io::Result<String> {
    let Learned { model, features: rows, words } = learned;
    let digest = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut out =
        String::from("What model.bin was made from. Written by plugins/ner/train; see README.md beside it.\n\n");
    out.push_str("command   cargo run --release -- train DATA ../model   (in plugins/ner/train)\n");
    out.push_str(&format!("features  version {}\n", features::VERSION));
    out.push_str(&format!("size      {} bytes: {rows} features, {words} words in the lists\n", model.len()));
    out.push_str(&format!("sha256    {}\n\ndata, sha256\n", digest(model)));
    let names = ["names.txt", "world_names.txt", "english_words.txt.gz", "categories.txt", "grammar.txt"];
    for name in names {
        out.push_str(&format!("  {}  train/lists/{name}\n", digest(&data::bytes(&own_lists().join(name))?)));
    }
    for (set, ..) in SETS {
        out.push_str(&format!("  {}  dev/{set}\n", digest(&data::bytes(&data.join("dev").join(set))?)));
    }
    for name in [
        "us_census1990_first_female",
        "us_census1990_first_male",
        "us_census1990_surnames",
        "geonames_us_cities",
        "geonames_world_cities100k",
    ] {
        let name = format!("gazetteers/{name}.tsv.gz");
        out.push_str(&format!("  {}  {name}\n", digest(&data::bytes(&data.join(&name))?)));
    }
    out.push_str(&format!("\nscores\n{report}"));
    Ok(out)
}

/// Prints made-up turns, to read them through.
fn show(data: &Path, count: usize) -> Result<(), Box<dyn std::error::Error>> {
    let lists = Lists::read(&data.join("gazetteers"), &own_lists())?;
    let grammar = Grammar::read(&own_lists(), &lists)?;
    let mut rng = Rng::new(3);
    for _ in 0..count {
        let sample = grammar.sample(&mut rng);
        for sample in [sample.clone(), augment::transcript(&sample, &mut rng)] {
            let mut marked = String::new();
            let mut at = 0;
            for span in &sample.spans {
                let Truth::Kind(kind) = span.truth else { continue };
                marked.push_str(&sample.text[at..span.start]);
                marked.push_str(&format!("[{}:{}]", KINDS[kind], &sample.text[span.start..span.end]));
                at = span.end;
            }
            marked.push_str(&sample.text[at..]);
            println!("{:?} {} {}", sample.context, sample.role, marked.replace('\n', "\\n"));
        }
    }
    Ok(())
}

/// Marks lines of standard input, `assistant: question || answer` with a question; for trying things out.
fn try_lines(model: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    let ner = Ner::with_model(model, &Settings::default()).map_err(|error| error.message)?;
    for line in std::io::stdin().lines() {
        let line = line?;
        let mut context = Vec::new();
        let mut text = line.as_str();
        while let Some((before, rest)) = text.split_once(" || ") {
            let (role, said) = before.split_once(": ").unwrap_or(("assistant", before));
            context.push((role.to_string(), said.to_string()));
            text = rest;
        }
        let sample = Sample { context, role: "user".into(), text: text.into(), spans: Vec::new(), weight: 1.0 };
        let messages = sample.messages();
        let found = ner.find(&messages);
        println!("{}", masker_plugin_sdk::testing::mark(text, &found));
        for finding in found {
            println!("    {} {:.2} {}", finding.kind, finding.confidence, &text[finding.span]);
        }
    }
    Ok(())
}
