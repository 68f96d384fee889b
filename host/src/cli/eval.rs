//! `masker eval`: how well a policy's passes find what a labelled text holds.
//!
//! [`masker_eval`] reads, counts and prints; here the real sandboxed passes run.

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

/// A measurement may take longer than a call.
const BUDGET: Duration = Duration::from_secs(10);

/// Options of the command.
#[derive(clap::Args)]
pub struct EvalOptions {
    /// Labelled messages, one JSON object a line (`.gz`: gzip): see docs/detection.md for the format.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// Run only these passes of the policy, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    passes: Option<Vec<String>>,
    /// Ignore findings below this confidence, in place of the policy's thresholds.
    #[arg(long, value_name = "0..1")]
    threshold: Option<f32>,
    /// A second policy, measured beside the one of `--policy`.
    #[arg(long, value_name = "FILE")]
    compare: Option<String>,
    /// Other passes, measured beside the first.
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    compare_passes: Option<Vec<String>>,
    /// Another threshold, measured beside the first.
    #[arg(long, value_name = "0..1")]
    compare_threshold: Option<f32>,
    /// Give every message alone to the passes, without what was said before it.
    #[arg(long)]
    no_context: bool,
    /// Also write how much of each kind was found, as JSON, for the report's matrix.
    #[arg(long, value_name = "FILE")]
    coverage: Option<PathBuf>,
    /// Also write every label that was missed and every finding that is none, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    mistakes: Option<PathBuf>,
    /// Threads; as many as the machine has cores when it is not given.
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
        // Throwing the instances away is part of what a pass costs.
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

/// Reads, measures, prints.
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

    /// What is not said of the second is as in the first; its passes are those of its own policy.
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
