//! Latency that Masker adds to a request: with one caller, and with twenty and a delayed model.

use std::time::Duration;

use anyhow::Result;

use super::{Bench, WHOLE, added};
use crate::load::{Plan, Until};
use crate::model::Pace;
use crate::table::{Reach, Row};
use crate::workload::Shape;

/// One caller, with the model answering at once.
pub async fn one_caller(bench: &Bench) -> Result<Vec<Row>> {
    let stable = Plan::one_caller(Shape::default(), bench.effort.requests);
    let [direct, floor, masker] = bench.three(Pace::default(), stable).await?;
    let row = |name: &str, reach, share| {
        let floor = added(&floor, &direct, WHOLE, share);
        let masker = added(&masker, &direct, WHOLE, share);
        Row::new(name, reach, masker, Some(floor))
    };
    let half = row("added p50, 1 connection, last message new, ms", Reach::MostAndTimesFloor(0.45, 2.5), 0.5);
    let most = row("added p99, 1 connection, last message new, ms", Reach::Most(1.0), 0.99);

    let all_new = Shape { all_new: true, ..Shape::default() };
    let varied = Plan::one_caller(all_new, bench.effort.requests);
    let [direct, floor, masker] = bench.three(Pace::default(), varied).await?;
    let new = Row::new(
        "added p50, 1 connection, every message new, ms",
        Reach::Most(1.2),
        added(&masker, &direct, WHOLE, 0.5),
        Some(added(&floor, &direct, WHOLE, 0.5)),
    );
    Ok(vec![half, most, new])
}

/// Twenty concurrent callers, with the model answering in about 300 ms: the typical load of voice agents.
pub async fn twenty_callers(bench: &Bench) -> Result<Vec<Row>> {
    let thinking = Duration::from_millis(300);
    let pace = Pace { thinking, jitter: Duration::from_millis(20), gap: Duration::ZERO };
    let plan = Plan {
        callers: 20,
        shape: Shape::default(),
        until: Until::Elapsed(Duration::from_secs_f64(bench.effort.paced_seconds)),
        check_every: 1,
        stagger: thinking,
    };
    let [direct, floor, masker] = bench.three(pace, plan).await?;
    let row = |name: &str, limit, share| {
        let floor = added(&floor, &direct, WHOLE, share);
        let masker = added(&masker, &direct, WHOLE, share);
        Row::new(name, Reach::Most(limit), masker, Some(floor))
    };
    Ok(vec![
        row("added p50, 20 connections, model in 300 ms, ms", 1.5, 0.5),
        row("added p99, 20 connections, model in 300 ms, ms", 4.0, 0.99),
    ])
}
