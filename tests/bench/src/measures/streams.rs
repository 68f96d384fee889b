//! Streamed answers: the time to the first word, and the cost of events.

use std::time::Duration;

use anyhow::Result;

use super::{Bench, FIRST_WORD, added, over_rounds};
use crate::load::{Outcome, Plan, Until};
use crate::model::{EVENTS, Pace};
use crate::table::{Reach, Row};
use crate::workload::Shape;

const STREAMED: Shape = Shape { all_new: false, streamed: true };

/// One stream at a time, with the model answering at once.
pub async fn one_stream(bench: &Bench) -> Result<Vec<Row>> {
    let pace = Pace { gap: Duration::from_millis(1), ..Pace::default() };
    let plan = Plan::one_caller(STREAMED, bench.effort.streams);
    let [direct, floor, masker] = bench.three(pace, plan).await?;
    Ok(vec![Row::new(
        "added time to first token p50, 1 connection, ms",
        Reach::Most(0.7),
        added(&masker, &direct, FIRST_WORD, 0.5),
        Some(added(&floor, &direct, FIRST_WORD, 0.5)),
    )])
}

/// Twenty concurrent streams, with a model that waits 50 ms and then sends a word every 2 ms: each event reaches the
/// proxy separately, as in a call, and has its own cost.
pub async fn twenty_streams(bench: &Bench) -> Result<Vec<Row>> {
    let pace =
        Pace { thinking: Duration::from_millis(50), jitter: Duration::from_millis(20), gap: Duration::from_millis(2) };
    let plan = Plan {
        callers: 20,
        shape: STREAMED,
        until: Until::Elapsed(Duration::from_secs_f64(bench.effort.stream_seconds)),
        check_every: 4,
        stagger: Duration::from_millis(150),
    };
    let [direct, floor, masker] = bench.three(pace, plan).await?;
    Ok(vec![
        Row::new(
            "added time to first token p50, 20 streams, ms",
            Reach::Most(1.0),
            added(&masker, &direct, FIRST_WORD, 0.5),
            Some(added(&floor, &direct, FIRST_WORD, 0.5)),
        ),
        Row::new(
            &format!("CPU s per 1,000 requests, streamed ({EVENTS} events)"),
            Reach::Most(2.5),
            over_rounds(&masker, Outcome::cpu_per_thousand),
            Some(over_rounds(&floor, Outcome::cpu_per_thousand)),
        ),
    ])
}
