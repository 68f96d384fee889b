//! The throughput of one core.

use std::time::Duration;

use anyhow::Result;

use super::{Bench, Rounds, over_rounds};
use crate::load::{Outcome, Plan, Until};
use crate::model::Pace;
use crate::table::{Reach, Row, figure};
use crate::workload::Shape;

/// Enough callers to keep the server's core busy.
const CALLERS: u64 = 32;

/// Requests per second and CPU time per request with the server's core saturated.
pub async fn full_core(bench: &Bench) -> Result<Vec<Row>> {
    let stable = saturate(bench, false).await?;
    let varied = saturate(bench, true).await?;
    let rate = |name: &str, least, rounds: &[Rounds; 2]| {
        let [floor, masker] = rounds.each_ref().map(|rounds| over_rounds(rounds, Outcome::rate));
        Row::new(name, Reach::Least(least), masker, Some(floor)).note(load_note(rounds))
    };
    let [floor, masker] = stable.each_ref().map(|rounds| over_rounds(rounds, Outcome::cpu_per_thousand));
    let cpu = Row::new("CPU s per 1,000 requests, plain", Reach::Most(0.25), masker, Some(floor));
    Ok(vec![
        rate("requests/s on one core, last message new", 4_000.0, &stable),
        rate("requests/s on one core, every message new", 1_200.0, &varied),
        cpu,
    ])
}

/// Floor and Masker.
async fn saturate(bench: &Bench, all_new: bool) -> Result<[Rounds; 2]> {
    let plan = Plan {
        callers: CALLERS,
        shape: Shape { all_new, streamed: false },
        until: Until::Elapsed(Duration::from_secs_f64(bench.effort.full_seconds)),
        check_every: 50,
        stagger: Duration::ZERO,
    };
    let targets = [&bench.floor, &bench.masker];
    let mut rounds = bench.interleave(&targets, Pace::default(), plan).await?;
    let masker = rounds.pop().unwrap_or_default();
    let floor = rounds.pop().unwrap_or_default();
    Ok([floor, masker])
}

/// Notes when the core was not saturated: the load's core was the bottleneck, or other processes used the server's.
/// The server's own limit follows from its CPU time.
fn load_note([floor, masker]: &[Rounds; 2]) -> String {
    let note = |name: &str, rounds: &Rounds| {
        let busy = over_rounds(rounds, |outcome| outcome.cpu / outcome.elapsed);
        let alone = over_rounds(rounds, |outcome| outcome.samples.len() as f64 / outcome.cpu.max(0.01));
        (busy < 0.9).then(|| format!("{name} had {:.0} % of its core, {} per CPU second", busy * 100.0, figure(alone)))
    };
    let notes = [note("floor", floor), note("masker", masker)];
    notes.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
