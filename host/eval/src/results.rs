//! Results as JSON: the full figures, and the recall of each kind for the coverage matrix of reports.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::Setup;
use crate::dataset::Dataset;
use crate::score::{Counts, Tally};

/// Format version of the coverage file, incremented on incompatible changes.
const FORMAT: u32 = 1;

/// Recall of each kind. Integers only, so that the same data always gives the same file.
#[derive(Serialize)]
struct Coverage<'a> {
    format: u32,
    policy: &'a str,
    passes: &'a [&'a str],
    sets: Vec<Set<'a>>,
    kinds: BTreeMap<&'a str, FoundSpan>,
}

#[derive(Serialize)]
struct Set<'a> {
    name: &'a str,
    sha256: &'a str,
    records: usize,
    words: usize,
}

#[derive(Serialize)]
struct FoundSpan {
    spans: usize,
    whole: usize,
    half: usize,
    as_kind: usize,
    characters: usize,
    in_clear: usize,
}

/// Content of the coverage file.
pub fn coverage(setup: &Setup<'_>, sets: &[Dataset], tally: &Tally) -> String {
    let kinds = tally.kinds.iter().filter(|(_, counts)| counts.spans > 0).map(|(kind, counts)| {
        let Counts { spans, whole, half, as_kind, characters, in_clear, .. } = *counts;
        (kind.as_str(), FoundSpan { spans, whole, half, as_kind, characters, in_clear })
    });
    let coverage = Coverage {
        format: FORMAT,
        policy: setup.policy,
        passes: &setup.passes,
        sets: sets.iter().map(set).collect(),
        kinds: kinds.collect(),
    };
    let mut out = serde_json::to_string_pretty(&coverage).expect("numbers and names are JSON");
    out.push('\n');
    out
}

/// The full results, one for each setup.
pub fn json(setups: &[Setup<'_>], sets: &[Dataset], measured: &[Tally]) -> String {
    let results: Vec<Value> = setups
        .iter()
        .zip(measured)
        .map(|(setup, tally)| {
            let sets: Vec<Value> =
                sets.iter().zip(&tally.sets).map(|(set, counts)| with("set", &set.name, counts)).collect();
            let styles: Vec<Value> = tally.styles.iter().map(|(style, counts)| with("style", style, counts)).collect();
            let kinds: Vec<Value> =
                tally.kinds.iter().map(|(kind, counts)| with("kind", kind.as_str(), counts)).collect();
            json!({
                "policy": setup.policy, "passes": setup.passes, "threshold": setup.threshold,
                "all": figures(&tally.all), "sets": sets, "styles": styles, "kinds": kinds,
                "time_us": {"cpu": times(&tally.cpu), "wall": times(&tally.wall)},
            })
        })
        .collect();
    let sets: Vec<Set<'_>> = sets.iter().map(set).collect();
    format!("{}\n", json!({"sets": sets, "results": results}))
}

fn set(set: &Dataset) -> Set<'_> {
    Set { name: &set.name, sha256: &set.digest, records: set.records.len(), words: set.words() }
}

fn with(key: &str, name: &str, counts: &Counts) -> Value {
    let mut value = figures(counts);
    value[key] = name.into();
    value
}

fn figures(counts: &Counts) -> Value {
    let rounded = |rate: Option<f64>| rate.map(|rate| (rate * 1e5).round() / 1e5);
    json!({
        "messages": counts.messages, "words": counts.words, "spans": counts.spans, "half": counts.half,
        "whole": counts.whole, "as_kind": counts.as_kind, "characters": counts.characters,
        "in_clear": counts.in_clear, "right": counts.right, "right_kind": counts.right_kind, "wrong": counts.wrong,
        "leak_rate": rounded(counts.leak()), "recall_half": rounded(counts.half()),
        "recall_whole": rounded(counts.whole()), "precision": rounded(counts.precision()),
        "f1": rounded(counts.f1()), "kind_recall": rounded(counts.as_kind()),
        "kind_precision": rounded(counts.kind_precision()), "kind_f1": rounded(counts.kind_f1()),
        "wrong_per_1000_words": rounded(counts.wrong_per_thousand()),
    })
}

fn times(sorted: &[Duration]) -> Value {
    let micros = |time: Duration| (time.as_secs_f64() * 1e7).round() / 10.0;
    json!({"mean": micros(mean(sorted)), "p50": micros(quantile(sorted, 50)), "p99": micros(quantile(sorted, 99))})
}

/// Mean of these times.
pub fn mean(times: &[Duration]) -> Duration {
    times.iter().sum::<Duration>() / u32::try_from(times.len().max(1)).unwrap_or(u32::MAX)
}

/// Percentile of these times.
pub fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_few_times_are_times_that_were_taken() {
        let times: Vec<Duration> = (1..=4).map(Duration::from_micros).collect();
        assert_eq!(quantile(&times, 50), Duration::from_micros(3));
        assert_eq!(quantile(&times, 99), Duration::from_micros(4));
        assert_eq!(mean(&times), Duration::from_nanos(2500));
        assert_eq!((quantile(&[], 50), mean(&[])), (Duration::ZERO, Duration::ZERO));
    }
}
