//! What a model finds and misses, on the tuning and on the reporting parts.

use std::path::Path;

use masker_plugin_ner::model::KINDS;
use masker_plugin_ner::{Ner, Settings, features};
use sha2::{Digest, Sha256};

use crate::data::{self, Sample, Split, Truth, Use};
use crate::learn::Learned;
use crate::rng::Rng;
use crate::score::{self, Score, score};
use crate::{REPORT_ONLY, SETS, augment, own_lists};

/// The sets for choosing settings: the tuning parts of the training sets, and a tenth of SGD's training part, which is
/// not used for training.
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

/// Scores on the sets for choosing settings.
pub fn tuning(data: &Path, model: &[u8]) -> Result<String, Box<dyn std::error::Error>> {
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
pub fn errors(data: &Path, model: &[u8], set: &str) -> Result<(), Box<dyn std::error::Error>> {
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
pub fn report(data: &Path, model: &[u8]) -> Result<String, Box<dyn std::error::Error>> {
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

/// What a model was trained on, and its scores: the text of `manifest.txt`.
pub fn manifest(data: &Path, learned: &Learned, report: &str) -> std::io::Result<String> {
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
