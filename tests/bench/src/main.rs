//! Measures Masker against a bare proxy, in one run on one machine, and prints a table.
//!
//! Absolute times depend on the machine and its other load; the ratio to the floor depends on them much less. Nothing
//! is printed unless the work was done: see [`check`]. Load generator and model run in this process, on one thread and
//! one core; the floor and Masker are processes on the other core.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test panics when its own setup fails"))]

mod check;
mod cores;
mod fill;
mod floor;
mod http1;
mod load;
mod measures;
mod model;
mod servers;
mod stand_in;
mod stats;
mod table;
mod usage;
mod workload;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand, ValueEnum};
use serde_json::json;

use crate::cores::Cores;
use crate::load::{Load, Plan, Target};
use crate::measures::{Bench, Effort, growth, latency, streams, throughput};
use crate::model::Model;
use crate::servers::{Install, MaskerCommand, Server};
use crate::table::{Reach, Row};
use crate::workload::Shape;

/// Measures Masker against a bare proxy.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// The masker binary, built with --release.
    #[arg(long, default_value = "target/release/masker")]
    masker: PathBuf,
    /// Takes about a minute: fewer rounds, a smaller vault.
    #[arg(long)]
    quick: bool,
    /// Measure only these groups of rows.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Group>,
    /// Send a call id (`Masker-Session-Id`) that changes after this many requests of a caller; 0 sends none.
    #[arg(long, default_value_t = 0)]
    turns_per_call: u64,
    /// A program that prints the median times of the `regex` pass in a fresh instance and native, in microseconds,
    /// separated by a space.
    #[arg(long)]
    sandbox: Option<PathBuf>,
    /// Also write the result here as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Measure a stand-in instead of Masker, to validate the bench itself.
    #[arg(long)]
    stand_in: bool,
}

/// The program's own helper processes.
#[derive(Subcommand)]
enum Role {
    /// The floor, a bare proxy.
    #[command(hide = true)]
    Floor {
        #[arg(long)]
        listen: SocketAddr,
        #[arg(long)]
        upstream: String,
    },
    /// The stand-in for Masker.
    #[command(hide = true)]
    StandIn {
        /// `serve` or `token create ...`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

/// A group of rows that are measured together.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Group {
    Latency,
    Paced,
    Throughput,
    Streams,
    Memory,
    Vault,
    Sandbox,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = tokio::task::LocalSet::new();
    match &arguments.role {
        Some(Role::Floor { listen, upstream }) => runtime.block_on(floor::serve(*listen, upstream)),
        Some(Role::StandIn { command }) if command[..] == ["serve"] => runtime.block_on(stand_in::serve()),
        Some(Role::StandIn { .. }) => Ok(writeln!(io::stdout(), "mskt_stand_in")?),
        None => runtime.block_on(tasks.run_until(measure(arguments))),
    }
}

async fn measure(arguments: Arguments) -> Result<()> {
    let cores = Cores::pick()?;
    cores::pin(cores.load)?;
    // Beside the binary, and therefore on a disk: a temporary folder in memory would make every fsync free.
    let binary = std::env::current_exe()?;
    let scratch = tempfile::tempdir_in(binary.parent().context("the folder of this binary")?)?;
    let model = Model::start().await?;
    let upstream = format!("http://{}/v1", model.address());
    let direct = Target { address: model.address(), path: floor::PATH.to_owned(), masks: false, pid: None };
    let load = Rc::new(Load::new(model, arguments.turns_per_call));

    let floor = Server::floor(&upstream, scratch.path(), cores).await?;
    let command = masker_command(&arguments, upstream)?;
    let (install, server) = Install::create(command, &scratch.path().join("first"), cores).await?;
    let masker = server.target(&install.path, true);
    for target in [&direct, &floor.floor_target(), &masker] {
        check_both_ways(&load, target).await?;
    }
    // From here on every instance starts with plugins compiled and a few values in its vault.
    server.stop().await?;
    let run = install.copy(&scratch.path().join("run"))?;
    let server = run.start(cores).await?;

    let bench = Bench {
        load,
        direct,
        floor: floor.floor_target(),
        masker: server.target(&install.path, true),
        effort: if arguments.quick { Effort::QUICK } else { Effort::FULL },
    };
    let rows = all_rows(&arguments, &bench, server, &install, scratch.path(), cores).await?;
    report(&arguments, &rows)
}

fn masker_command(arguments: &Arguments, upstream: String) -> Result<MaskerCommand> {
    let (program, first_arguments) = if arguments.stand_in {
        (std::env::current_exe()?, vec!["stand-in".to_owned()])
    } else {
        let program = arguments.masker.canonicalize();
        let hint = || format!("{}: build it with --release first", arguments.masker.display());
        (program.with_context(hint)?, Vec::new())
    };
    Ok(MaskerCommand { program, first_arguments, upstream })
}

/// Warms a target up and checks every answer, plain and streamed; without success no figures are printed.
async fn check_both_ways(load: &Rc<Load>, target: &Target) -> Result<()> {
    for (streamed, all_new) in [(false, false), (true, false), (false, true), (true, true)] {
        let plan = Plan::one_caller(Shape { all_new, streamed }, 20);
        let run = load.run(target, plan).await;
        run.with_context(|| format!("{} does not do the work", target.path))?;
    }
    Ok(())
}

async fn all_rows(
    arguments: &Arguments,
    bench: &Bench,
    server: Server,
    install: &Install,
    scratch: &Path,
    cores: Cores,
) -> Result<Vec<Row>> {
    let wanted = |group| arguments.only.is_empty() || arguments.only.contains(&group);
    let mut rows = Vec::new();
    if wanted(Group::Latency) {
        rows.extend(latency::one_caller(bench).await?);
    }
    if wanted(Group::Paced) {
        rows.extend(latency::twenty_callers(bench).await?);
    }
    if wanted(Group::Throughput) {
        rows.extend(throughput::full_core(bench).await?);
    }
    if wanted(Group::Streams) {
        rows.extend(streams::twenty_streams(bench).await?);
        rows.extend(streams::one_stream(bench).await?);
    }
    let after_mib = usage::pss_mib(server.pid())?;
    server.stop().await?;
    if wanted(Group::Memory) {
        rows.push(Row::new("memory after the run, Pss, MiB", Reach::Most(64.0), after_mib, None));
        rows.extend(growth::memory(bench, install, scratch, cores).await?);
    }
    if wanted(Group::Vault) {
        rows.extend(growth::vault(bench, install, scratch, cores).await?);
    }
    if wanted(Group::Sandbox) {
        rows.push(sandbox(arguments.sandbox.as_deref())?);
    }
    Ok(rows)
}

/// Runs the helper program: the bench cannot run a pass natively itself.
fn sandbox(program: Option<&Path>) -> Result<Row> {
    let measure = "regex in a fresh instance / native, x";
    let reach = Reach::Most(1.5);
    let Some(program) = program else {
        return Ok(Row::missing(measure, reach, "see --sandbox"));
    };
    let output = std::process::Command::new(program).output();
    let output = output.with_context(|| format!("run {}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let times: Vec<f64> = text.split_whitespace().flat_map(str::parse).collect();
    ensure!(times.len() == 2, "{} printed {text:?}", program.display());
    let note = format!("{:.1} / {:.1} us", times[0], times[1]);
    Ok(Row::new(measure, reach, times[0] / times[1], None).note(note))
}

fn report(arguments: &Arguments, rows: &[Row]) -> Result<()> {
    let machine = usage::machine();
    let compared =
        if arguments.stand_in { "a stand-in, not Masker".to_owned() } else { arguments.masker.display().to_string() };
    let mode = if arguments.quick { "quick" } else { "full" };
    let mut out = io::stdout();
    writeln!(out, "Machine: {machine}")?;
    writeln!(
        out,
        "Compared: {compared} and the floor (parse the JSON, write it again, forward), interleaved, {mode} run; each \
         server on one core, load and model on another. Added = latency less the model's without a proxy. Every \
         sampled answer had all five values masked on the way in and restored on the way out.\n"
    )?;
    write!(out, "{}", table::render(rows))?;
    if let Some(path) = &arguments.json {
        let rows: Vec<_> = rows.iter().map(Row::json).collect();
        let result = json!({"machine": machine, "compared": compared, "mode": mode, "rows": rows});
        std::fs::write(path, format!("{result:#}\n")).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}
