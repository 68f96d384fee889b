//! The request pipeline, one function per direction.
//!
//! [`request`] masks an outgoing request. [`response`] and [`stream`] restore the originals in the answer. [`record`]
//! writes the journal events, also for a request that fails half way.

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

/// Settings for reading values, with the current date.
pub fn reading(clock: &Clock) -> Reading {
    Reading::new(Day::of_millis(clock.now().millis()))
}

/// State shared by all requests.
pub struct Pipeline {
    /// Worker threads for passes.
    pub pool: PassPool,
    /// Time budget for all passes of one request.
    pub detection_timeout: Duration,
    /// Journal that events are appended to.
    pub journal: Arc<Journal>,
    /// Database of sessions and the vault.
    pub store: Arc<Store>,
    /// Token keys.
    pub minters: Minters,
    /// Memory of calls in progress.
    pub calls: calls::Calls,
    /// Names of calls.
    pub call_names: CallNames,
    /// Spans of calls in progress that are already in the journal.
    pub recorded: recorded::RecordedSpans,
    /// Cache of findings in messages seen before.
    pub memo: detect::DecisionCache,
    /// Counters.
    pub metrics: Arc<metrics::Metrics>,
    /// Seals the texts of sessions whose policy keeps them; `None` if texts are not kept.
    pub payload_key: Option<PayloadKey>,
    /// Clock.
    pub clock: Clock,
}
