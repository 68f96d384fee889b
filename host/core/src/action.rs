//! What happens to protected data: a policy says it, a decision carries it, an event records it.

/// What happens to a span.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// A token stands in its place and comes back in the answer.
    Tokenize,
    /// `[REDACTED:KIND]` stands in its place, for good.
    Redact,
    /// It stays.
    Passthrough,
}
