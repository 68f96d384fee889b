//! Results as a table, with those of a second setup next to the first.

use std::fmt::Write;

use crate::Setup;
use crate::dataset::Dataset;
use crate::results::{mean, quantile};
use crate::score::{Counts, Tally};

/// A column: its title and its value.
type Column = (&'static str, fn(&Counts) -> Option<f64>);

const COLUMNS: [Column; 9] = [
    ("leak%", |counts| percent(counts.leak())),
    ("half%", |counts| percent(counts.half())),
    ("whole%", |counts| percent(counts.whole())),
    ("prec%", |counts| percent(counts.precision())),
    ("F1%", |counts| percent(counts.f1())),
    ("kind%", |counts| percent(counts.as_kind())),
    ("kprec%", |counts| percent(counts.kind_precision())),
    ("kF1%", |counts| percent(counts.kind_f1())),
    ("FP/1000w", |counts| counts.wrong_per_thousand()),
];

/// Legend under every table.
const LEGEND: &str = "\
leak: labelled letters and digits that are not masked. half, whole: labels masked at least half or fully, as any kind.
prec: masked spans that overlap a label; F1: of prec and half. kind, kprec, kF1: the same, requiring the right kind.
FP/1000w: false positives per 1,000 words. Rows of kinds count labels of the kind and spans masked as the kind.
";

fn percent(share: Option<f64>) -> Option<f64> {
    share.map(|share| 100.0 * share)
}

/// Returns the full output.
pub fn print(setups: &[Setup<'_>], sets: &[Dataset], measured: &[Tally]) -> String {
    let mut out = String::new();
    for (letter, setup) in ["A", "B"].into_iter().zip(setups) {
        let name = if setups.len() > 1 { format!("{letter}: ") } else { String::new() };
        let _ = writeln!(out, "{name}{}", setup.title());
    }
    let rows = rows(sets, measured);
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default().max(10);
    header(&mut out, width, setups.len() > 1);
    for (name, counts) in &rows {
        row(&mut out, width, name, counts);
    }
    out.push('\n');
    for (setup, tally) in setups.iter().zip(measured) {
        time(&mut out, setup, tally);
    }
    out.push('\n');
    out.push_str(LEGEND);
    out
}

type Row<'a> = (String, Vec<&'a Counts>);

fn rows<'a>(sets: &[Dataset], measured: &'a [Tally]) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    for (at, set) in sets.iter().enumerate() {
        rows.push((set.name.clone(), measured.iter().map(|tally| &tally.sets[at]).collect()));
    }
    if sets.len() > 1 {
        rows.push(("all".into(), measured.iter().map(|tally| &tally.all).collect()));
    }
    if measured[0].styles.len() > 1 {
        for style in measured[0].styles.keys() {
            let name = format!("  {}", if style.is_empty() { "no style" } else { style });
            rows.push((name, measured.iter().map(|tally| &tally.styles[style]).collect()));
        }
    }
    let mut kinds: Vec<_> = measured.iter().flat_map(|tally| tally.kinds.keys()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let counts = measured.iter().map(|tally| tally.kinds.get(kind).unwrap_or(&NOTHING)).collect();
        rows.push((format!("  {kind}"), counts));
    }
    rows
}

static NOTHING: Counts = Counts {
    messages: 0,
    words: 0,
    spans: 0,
    half: 0,
    whole: 0,
    as_kind: 0,
    characters: 0,
    in_clear: 0,
    right: 0,
    right_kind: 0,
    wrong: 0,
};

fn header(out: &mut String, width: usize, two: bool) {
    let _ = write!(out, "\n{:width$} {:>7}", "", "spans");
    for (title, _) in COLUMNS {
        if two {
            let _ = write!(out, " {:>8} {:>8}", format!("A {title}"), format!("B {title}"));
        } else {
            let _ = write!(out, " {title:>8}");
        }
    }
    out.push('\n');
}

fn row(out: &mut String, width: usize, name: &str, counts: &[&Counts]) {
    let _ = write!(out, "{name:width$} {:>7}", counts[0].spans);
    for (title, figure) in COLUMNS {
        for counts in counts {
            let digits = if title.starts_with("FP") { 2 } else { 1 };
            let shown = figure(counts).map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"));
            let _ = write!(out, " {shown:>8}");
        }
    }
    out.push('\n');
}

fn time(out: &mut String, setup: &Setup<'_>, tally: &Tally) {
    for (name, times) in [("CPU", &tally.cpu), ("wall", &tally.wall)] {
        let micros = |time: std::time::Duration| time.as_secs_f64() * 1e6;
        let _ = writeln!(
            out,
            "time per message, {name}: mean {:.0} us, median {:.0} us, 99 of 100 within {:.0} us, {}",
            micros(mean(times)),
            micros(quantile(times, 50)),
            micros(quantile(times, 99)),
            setup.title()
        );
    }
}
