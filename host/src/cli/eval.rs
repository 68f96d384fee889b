//! `masker eval`: measures how well a policy's passes find the labels of a dataset.
//!
//! [`masker_eval`] reads the data, scores and prints; this module runs the real sandboxed passes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use masker_eval::dataset::{self, Dataset};
use masker_eval::measure::Run;
use masker_eval::score::Tally;
use masker_eval::{EvalError, Masked, Search, Setup, mistakes, results, table};

use super::Output;
use super::exit::{self, Failure};
use super::local::{LocalPlugins, Selection, failure, pass_fault};
use crate::config::Environment;
use crate::passes::Message;
use crate::pipeline::ReadyAgent;
use crate::pipeline::detect::Detecting;
use crate::pipeline::masking::recall_in;
use crate::pipeline::pieces::Piece;

/// Longer than the budget of a call, because a measurement has no latency limit.
const BUDGET: Duration = Duration::from_secs(10);

/// Options of the command.
#[derive(clap::Args)]
pub struct EvalOptions {
    /// Labelled messages as JSON lines, optionally gzipped (`.gz`). See docs/detection.md for the format.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// Run only these passes of the policy, comma-separated.
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    passes: Option<Vec<String>>,
    /// Ignore findings below this confidence, overriding the policy's thresholds.
    #[arg(long, value_name = "0..1")]
    threshold: Option<f32>,
    /// Second policy, to compare with the one of `--policy`.
    #[arg(long, value_name = "FILE")]
    compare: Option<String>,
    /// Passes of the second measurement, comma-separated.
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    compare_passes: Option<Vec<String>>,
    /// Threshold of the second measurement.
    #[arg(long, value_name = "0..1")]
    compare_threshold: Option<f32>,
    /// Run the passes on each message alone, without the conversation before it.
    #[arg(long)]
    no_context: bool,
    /// Also write the recall of each kind as JSON, for the coverage matrix of reports.
    #[arg(long, value_name = "FILE")]
    coverage: Option<PathBuf>,
    /// Also write every missed label and every false positive as JSON lines.
    #[arg(long, value_name = "FILE")]
    mistakes: Option<PathBuf>,
    /// Number of threads. Defaults to the number of CPU cores.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: Option<u8>,
}

/// A policy that is measured.
struct Subject {
    agent: ReadyAgent,
    threshold: Option<f32>,
}

impl Subject {
    fn prepare(selection: &Selection<'_>, plugins: &LocalPlugins) -> Result<Self, Failure> {
        let policy = selection.compile(plugins)?;
        let passes = plugins.prepare(&policy)?;
        Ok(Self { agent: ReadyAgent::local(policy, passes), threshold: selection.threshold })
    }

    fn setup(&self) -> Setup<'_> {
        let policy = &self.agent.policy;
        let passes = policy.passes.iter().map(|pass| &*pass.plugin).collect();
        Setup { policy: &policy.name, passes, threshold: self.threshold, search: self }
    }
}

impl Search for Subject {
    fn search(&self, messages: &[Message]) -> Result<Masked, String> {
        let agent = &self.agent;
        let pieces: Vec<Piece> =
            messages.iter().map(|message| Piece::said(message.role, message.text.clone())).collect();
        let last = pieces.len() - 1;
        let mut detecting = Detecting::begin_with(agent, pieces, |index| index == last, None, usize::MAX);
        // Dropping the instances is part of a pass's cost.
        drop(detecting.run(agent, None, BUDGET));
        detecting.check().map_err(|error| {
            let what = pass_fault(&detecting.reports).unwrap_or_else(|| failure(&error));
            what.to_string()
        })?;
        recall_in(&detecting.pieces, &mut detecting.decisions, None);
        let decisions = detecting.decisions.pop().unwrap_or_default();
        Ok(decisions.iter().map(|decision| (decision.span, decision.kind.clone())).collect())
    }
}

/// Reads the dataset, measures and prints the result.
pub fn run(options: &EvalOptions, policy: &str, environment: &Environment, output: Output) -> Result<(), Failure> {
    let sets = options.data.iter().map(|file| dataset::read(file)).collect::<Result<Vec<Dataset>, _>>();
    let sets = sets.map_err(failed)?;
    let threads = match options.threads {
        Some(threads) => usize::from(threads),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let plugins = LocalPlugins::load(environment.plugin_dir().as_deref(), threads)?;
    let mut subjects = vec![Subject::prepare(&options.first(policy), &plugins)?];
    if let Some(second) = options.second(policy) {
        subjects.push(Subject::prepare(&second, &plugins)?);
    }
    let setups: Vec<Setup<'_>> = subjects.iter().map(Subject::setup).collect();
    let mut measured = Vec::new();
    for setup in &setups {
        let run = Run { setup, threads, context: !options.no_context, quiet: output.quiet };
        let outcomes = run.all(&sets).map_err(failed)?;
        measured.push(Tally::of(&sets, &outcomes));
        if let Some(file) = options.mistakes.as_deref().filter(|_| measured.len() == 1) {
            write(file, &mistakes::lines(&sets, &outcomes))?;
        }
    }
    if let Some(file) = &options.coverage {
        write(file, &results::coverage(&setups[0], &sets, &measured[0]))?;
    }
    let printed =
        if output.json { results::json(&setups, &sets, &measured) } else { table::print(&setups, &sets, &measured) };
    exit::written(std::io::Write::write_all(&mut std::io::stdout(), printed.as_bytes()))
}

impl EvalOptions {
    fn first<'a>(&'a self, policy: &'a str) -> Selection<'a> {
        Selection { policy, passes: self.passes.as_deref(), threshold: self.threshold }
    }

    /// The second measurement, if one was requested. Options that it does not set are those of the first; its passes
    /// are those of its own policy.
    fn second<'a>(&'a self, policy: &'a str) -> Option<Selection<'a>> {
        if self.compare.is_none() && self.compare_passes.is_none() && self.compare_threshold.is_none() {
            return None;
        }
        let passes = if self.compare.is_some() { None } else { self.passes.as_deref() };
        Some(Selection {
            policy: self.compare.as_deref().unwrap_or(policy),
            passes: self.compare_passes.as_deref().or(passes),
            threshold: self.compare_threshold.or(self.threshold),
        })
    }
}

fn failed(error: EvalError) -> Failure {
    Failure::new(exit::GENERIC, error.to_string())
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text)
        .map_err(|error| Failure::new(exit::GENERIC, format!("cannot write {}: {error}", file.display())))
}
