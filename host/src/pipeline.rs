//! The whole flow, in one readable function per direction.
//!
//! [`request`] masks what goes out, [`response`] and [`stream`] put the originals back into what comes, [`record`]
//! writes down what happened, also when it fails half way.

pub mod agent;
mod call_started;
pub mod calls;
pub mod detect;
mod egress;
pub mod error;
#[cfg(test)]
mod fixtures;
mod incoming;
mod keep_alive;
pub mod masking;
pub mod metrics;
pub mod pieces;
pub mod plugin_stats;
pub mod pool;
mod positions;
pub mod preview;
pub mod reader;
mod recent;
pub mod record;
mod recorded;
pub mod request;
pub mod resolve;
pub mod response;
pub mod stream;
mod texts;
pub mod tokenize;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::session::payloads::PayloadKey;
use crate::store::Store;
use crate::store::journal::Journal;
use crate::tokens::call_name::CallNames;
use crate::tokens::mint::Minters;
use crate::values::{Day, Reading};
use pool::PassPool;

pub use agent::ReadyAgent;
pub use error::PipelineError;
pub use recorded::RecordedSpans;

/// How values are read today.
pub fn reading(clock: &Clock) -> Reading {
    Reading::new(Day::of_millis(clock.now().millis()))
}

/// What every request shares.
pub struct Pipeline {
    /// Threads for passes.
    pub pool: PassPool,
    /// For all passes of a request together.
    pub detection_timeout: Duration,
    /// Where events go.
    pub journal: Arc<Journal>,
    /// Sessions and the vault.
    pub store: Arc<Store>,
    /// Token keys.
    pub minters: Minters,
    /// What is known of calls in progress.
    pub calls: calls::Calls,
    /// What calls are called.
    pub call_names: CallNames,
    /// Which spans of calls in progress are in the journal.
    pub recorded: recorded::RecordedSpans,
    /// Findings of messages seen before.
    pub memo: detect::DecisionCache,
    /// Places for long answers that are restored at the same time.
    pub long_answers: Arc<tokio::sync::Semaphore>,
    /// Counters.
    pub metrics: Arc<metrics::Metrics>,
    /// Seals the texts of sessions whose policy wants them kept; `None` where nothing is kept.
    pub payload_key: Option<PayloadKey>,
    /// Time.
    pub clock: Clock,
}
