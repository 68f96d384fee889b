//! Growth with use that must be bounded: memory with requests, latency with the size of the vault.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::{Bench, WHOLE, added};
use crate::cores::Cores;
use crate::fill::{fill_vault, find_vault};
use crate::load::{Plan, Until};
use crate::model::Pace;
use crate::servers::Install;
use crate::table::{Reach, Row};
use crate::usage::pss_mib;
use crate::workload::Shape;

/// Memory of a fresh instance, idle, after many requests and after a tenth of them. No other instance may run: Pss
/// divides the binary's pages among all processes that map it.
pub async fn memory(bench: &Bench, install: &Install, scratch: &Path, cores: Cores) -> Result<Vec<Row>> {
    let install = install.copy(&scratch.join("memory"))?;
    let server = install.start(cores).await?;
    let target = server.target(&install.path, true);
    let idle = pss_mib(server.pid())?;
    let (few, many) = bench.effort.memory_requests;
    bench.load.model.set_pace(Pace::default());
    let plan = |requests| Plan {
        callers: 8,
        shape: Shape::default(),
        until: Until::Requests(requests),
        check_every: 50,
        stagger: Duration::ZERO,
    };
    bench.load.run(&target, plan(few)).await?;
    let after_few = pss_mib(server.pid())?;
    bench.load.run(&target, plan(many - few)).await?;
    let after_many = pss_mib(server.pid())?;
    let growth = format!("memory after {many} requests / after {few}, x");
    Ok(vec![
        Row::new("memory idle, Pss, MiB", Reach::Most(40.0), idle, None),
        Row::new(&growth, Reach::Most(1.1), after_many / after_few, None)
            .note(format!("{after_few:.1} -> {after_many:.1} MiB")),
    ])
}

/// The added p50 of an install whose vault is full, compared with one whose vault is empty, both running.
pub async fn vault(bench: &Bench, install: &Install, scratch: &Path, cores: Cores) -> Result<Vec<Row>> {
    let rows = bench.effort.vault_rows;
    let name = format!("added p50 with {rows} vault values / empty, x");
    let reach = Reach::Most(1.2);
    let (empty, full) = (install.copy(&scratch.join("empty"))?, install.copy(&scratch.join("full"))?);
    let Some(database) = find_vault(full.data()) else {
        let note = "no SQLite file with `vault` in its name in the data directory";
        return Ok(vec![Row::missing(&name, reach, note)]);
    };
    if let Err(error) = fill_vault(&database, rows) {
        let note = format!("the vault could not be filled: {error:#}");
        return Ok(vec![Row::missing(&name, reach, &note)]);
    }
    let (empty_server, full_server) = (empty.start(cores).await?, full.start(cores).await?);
    let [empty, full] = [&empty_server, &full_server].map(|server| server.target(&install.path, true));
    let plan = Plan::one_caller(Shape::default(), bench.effort.requests);
    let targets = [&bench.direct, &empty, &full];
    let rounds = bench.interleave(&targets, Pace::default(), plan).await?;
    let [empty, full] = [1, 2].map(|target| added(&rounds[target], &rounds[0], WHOLE, 0.5));
    let note = format!("{empty:.3} -> {full:.3} ms");
    Ok(vec![Row::new(&name, reach, full / empty, None).note(note)])
}
