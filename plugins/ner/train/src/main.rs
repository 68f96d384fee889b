//! Trains the weights of the `ner` plugin, and measures them.
//!
//! `masker-ner-train train DATA OUT` reads the labelled sets and gazetteers under DATA (see README.md of the plugin),
//! generates turns from `lists/`, trains, and writes `model.bin` and `manifest.txt` to OUT.
//! `masker-ner-train eval DATA MODEL` prints the scores of a model file on the parts of DATA kept for reporting.
//! `masker-ner-train holdout DATA SOURCE` trains without the sets whose file names begin with SOURCE and prints the
//! scores on them.
//! `tune` and `errors` do so on the parts kept for tuning, `show` prints generated turns, `try` marks lines of its
//! input.
//! Everything uses fixed seeds and one thread: the same data produce the same file.

mod augment;
mod corpus;
mod crf;
mod data;
mod grammar;
mod learn;
mod lists;
mod pack;
mod report;
mod rng;
mod score;

use std::path::Path;

use masker_plugin_ner::model::KINDS;
use masker_plugin_ner::{Ner, Settings};

use data::{Sample, Split, Truth};
use grammar::Grammar;
use learn::learn;
use lists::Lists;
use report::{errors, manifest, report, tuning};
use rng::Rng;
use score::{Score, score};

/// Sets that may be used for training (CC BY), how they are split, and whether they say what was asked.
const SETS: [(&str, Split, bool); 7] = [
    ("btc.jsonl.gz", Split { report: 1, tune: 1 }, false),
    ("wikigold.jsonl.gz", Split { report: 1, tune: 1 }, false),
    ("wnut17_train.jsonl.gz", Split { report: 0, tune: 1 }, false),
    ("slurp_devel.jsonl", Split { report: 3, tune: 1 }, false),
    ("evi_train.jsonl.gz", Split { report: 2, tune: 1 }, true),
    ("rest8k_train.jsonl.gz", Split { report: 0, tune: 1 }, true),
    ("mts_negatives.jsonl.gz", Split { report: 2, tune: 1 }, false),
];

/// Sets for the report only. SGD is share-alike and is not used for training.
const REPORT_ONLY: [&str; 4] = ["rest8k_test.jsonl", "wnut17_dev.jsonl", "sgd_dev.jsonl.gz", "sgd_dev_asr.jsonl.gz"];

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

/// Trains without a source and prints the scores on all of it: how well the model generalises to text of another sort.
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

/// Prints generated turns for review.
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

/// Marks lines of standard input, `assistant: question || answer` with a question; for experiments.
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
