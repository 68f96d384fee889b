//! How well a policy's passes find what a labelled text holds: what `masker eval` counts.
//!
//! One record is one message. [`dataset`] reads them, `conversation` puts what was said before in front of each, [`measure`]
//! has a [`Search`] look at each on several threads, [`score`] counts, [`table`] and [`results`] print, [`mistakes`] lists. Nothing
//! here is on the path of a request, and nothing of it decides anything: it only compares what would be masked with the labels.

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

/// What would be masked in a message: in order, without overlaps.
pub type Masked = Vec<(ByteSpan, Kind)>;

/// Looks for what would be masked. It is timed: what it leaves behind must be thrown away when it returns.
pub trait Search: Sync {
    /// What would be masked in the last of these messages; those before it are its context.
    ///
    /// # Errors
    /// Why it cannot be told, without text of a message.
    fn search(&self, messages: &[Message]) -> Result<Masked, String>;
}

/// What is measured.
pub struct Setup<'a> {
    /// The policy's name.
    pub policy: &'a str,
    /// Its passes, by name.
    pub passes: Vec<&'a str>,
    /// The threshold in place of the policy's own.
    pub threshold: Option<f32>,
    /// Runs them.
    pub search: &'a dyn Search,
}

impl Setup<'_> {
    /// In words: `healthcare-default (regex, ner)`.
    fn title(&self) -> String {
        let threshold = self.threshold.map(|threshold| format!(", threshold {threshold}")).unwrap_or_default();
        format!("{} ({}{threshold})", self.policy, self.passes.join(", "))
    }
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {what}")]
pub struct EvalError {
    /// The file, and where it is known the line.
    place: String,
    what: String,
}

impl EvalError {
    fn new(place: &dyn Display, what: &dyn Display) -> Self {
        Self { place: place.to_string(), what: what.to_string() }
    }
}
