//! Actions on protected data: set in a policy, carried by a decision, recorded in an event.

/// Action on a span.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Replaced by a token, and restored in the answer.
    Tokenize,
    /// Replaced by `[REDACTED:KIND]`, permanently.
    Redact,
    /// Left unchanged.
    Passthrough,
}
