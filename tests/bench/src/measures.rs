//! One function for each group of rows. Every comparison is interleaved (model, floor, Masker, then in reverse order,
//! and so on), so that other load on the machine affects all of them; a figure is the median of the rounds.

pub mod growth;
pub mod latency;
pub mod streams;
pub mod throughput;

use std::rc::Rc;

use anyhow::{Context, Result};

use crate::load::{Load, Outcome, Plan, Sample, Target};
use crate::model::Pace;
use crate::stats::{median, percentile};

/// How much is measured. More rounds reduce noise but do not change the figures.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds per target.
    pub rounds: usize,
    /// Requests of one caller per round.
    pub requests: u64,
    /// Seconds of a round with 20 callers and a delayed model.
    pub paced_seconds: f64,
    /// Seconds of a round that saturates the server's core.
    pub full_seconds: f64,
    /// Seconds of a round of streams.
    pub stream_seconds: f64,
    /// Streams of one caller in a round.
    pub streams: u64,
    /// Requests before memory is read the first and the second time.
    pub memory_requests: (u64, u64),
    /// Values put into the vault.
    pub vault_rows: u64,
}

impl Effort {
    /// For published figures: takes some minutes.
    pub const FULL: Self = Self {
        rounds: 7,
        requests: 1_500,
        paced_seconds: 5.0,
        full_seconds: 2.0,
        stream_seconds: 3.0,
        streams: 40,
        memory_requests: (10_000, 100_000),
        vault_rows: 1_000_000,
    };

    /// For a comparison between two changes: about a minute.
    pub const QUICK: Self = Self {
        rounds: 3,
        requests: 300,
        paced_seconds: 1.5,
        full_seconds: 0.7,
        stream_seconds: 1.5,
        streams: 15,
        memory_requests: (1_000, 10_000),
        vault_rows: 100_000,
    };
}

/// The context of every measure.
#[derive(Debug)]
pub struct Bench {
    /// Sends the requests and owns the model.
    pub load: Rc<Load>,
    /// The model without a proxy: what is subtracted from every latency.
    pub direct: Target,
    /// The minimal proxy.
    pub floor: Target,
    /// The target under test.
    pub masker: Target,
    /// The amount of measurement.
    pub effort: Effort,
}

/// The results of one target's rounds.
type Rounds = Vec<Outcome>;

impl Bench {
    /// Runs the plan on model, floor and Masker in turn.
    async fn three(&self, pace: Pace, plan: Plan) -> Result<[Rounds; 3]> {
        let targets = [&self.direct, &self.floor, &self.masker];
        let rounds = self.interleave(&targets, pace, plan).await?;
        rounds.try_into().ok().context("three targets")
    }

    /// Runs the plan on every target in every round, in changing order.
    async fn interleave(&self, targets: &[&Target], pace: Pace, plan: Plan) -> Result<Vec<Rounds>> {
        self.load.model.set_pace(pace);
        let mut rounds: Vec<Rounds> = targets.iter().map(|_| Vec::new()).collect();
        for round in 0..self.effort.rounds {
            let mut order: Vec<usize> = (0..targets.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for target in order {
                let outcome = self.load.run(targets[target], plan).await?;
                rounds[target].push(outcome);
            }
        }
        Ok(rounds)
    }
}

/// Selects a time of a sample.
type Time = fn(&Sample) -> f64;

/// Until the complete answer.
const WHOLE: Time = |sample| sample.whole;

/// Until the first word.
const FIRST_WORD: Time = |sample| sample.first_word;

/// The latency that a proxy added at this percentile, in milliseconds: its percentile less the *median* of the model
/// without a proxy in the same round. Subtracting the model's own percentile would understate a p99.
fn added(proxy: &Rounds, direct: &Rounds, time: Time, share: f64) -> f64 {
    let rounds = proxy
        .iter()
        .zip(direct)
        .map(|(proxy, direct)| percentile(&times(proxy, time), share) - median(&times(direct, time)));
    median(&rounds.collect::<Vec<_>>())
}

fn times(outcome: &Outcome, time: Time) -> Vec<f64> {
    outcome.samples.iter().map(time).collect()
}

/// The median over rounds of a figure.
fn over_rounds(rounds: &Rounds, figure: impl Fn(&Outcome) -> f64) -> f64 {
    median(&rounds.iter().map(figure).collect::<Vec<_>>())
}
