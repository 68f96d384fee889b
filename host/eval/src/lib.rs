//! Measures how well a policy's passes find the labels of a dataset, for `masker eval`.
//!
//! One record is one message. [`dataset`] reads them, `conversation` adds context, [`measure`] runs a [`Search`] on
//! several threads, [`score`] counts, [`table`] and [`results`] print, [`mistakes`] lists the errors. This crate only
//! compares findings with labels. It is not used for requests.

mod conversation;
pub mod dataset;
pub mod measure;
pub mod mistakes;
pub mod results;
pub mod score;
pub mod table;

use std::fmt::Display;

use masker_core::kind::Kind;
use masker_core::passes::Message;
use masker_core::text::ByteSpan;

/// Spans that would be masked in a message, in order, without overlaps.
pub type Masked = Vec<(ByteSpan, Kind)>;

/// Finds what would be masked. Calls are timed and must free their resources before they return.
pub trait Search: Sync {
    /// Finds what would be masked in the last of these messages. The others are its context.
    ///
    /// # Errors
    /// The reason of the failure, without message text.
    fn search(&self, messages: &[Message]) -> Result<Masked, String>;
}

/// A configuration to measure.
pub struct Setup<'a> {
    /// Name of the policy.
    pub policy: &'a str,
    /// Names of its passes.
    pub passes: Vec<&'a str>,
    /// Threshold that overrides those of the policy.
    pub threshold: Option<f32>,
    /// Runs the passes.
    pub search: &'a dyn Search,
}

impl Setup<'_> {
    /// Title for the output: `healthcare-default (regex, ner)`.
    fn title(&self) -> String {
        let threshold = self.threshold.map(|threshold| format!(", threshold {threshold}")).unwrap_or_default();
        format!("{} ({}{threshold})", self.policy, self.passes.join(", "))
    }
}

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {what}")]
pub struct EvalError {
    /// The file, with the line if it is known.
    place: String,
    what: String,
}

impl EvalError {
    fn new(place: &dyn Display, what: &dyn Display) -> Self {
        Self { place: place.to_string(), what: what.to_string() }
    }
}
