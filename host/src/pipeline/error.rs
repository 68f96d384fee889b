//! Errors for a request that gets no answer. They never contain a caller's text.

use crate::chat::request::BadRequest;
use crate::upstream::UpstreamFault;

/// Why a request gets no answer. All variants but [`PipelineError::AnswerUnrecorded`] and the upstream errors occur
/// before the request is forwarded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PipelineError {
    /// The body is not usable.
    #[error("{0}")]
    BadRequest(#[from] BadRequest),
    /// The request names a model other than the agent's.
    #[error("this agent may use {allowed} and dated snapshots of it, not the model asked for")]
    ModelNotAllowed {
        /// The agent's model.
        allowed: String,
    },
    /// A required pass failed; nothing is forwarded unmasked.
    #[error(
        "the pass {pass} failed ({fault}) and the policy does not allow to go on without it; nothing was forwarded"
    )]
    PassFailed {
        /// The pass.
        pass: String,
        /// The fault.
        fault: &'static str,
    },
    /// Masking failed, or the egress check found a value.
    #[error("masking is not available: {0}; nothing was forwarded")]
    MaskingUnavailable(&'static str),
    /// The journal accepts no events.
    #[error("the audit journal cannot be written; nothing is processed unrecorded")]
    AuditUnavailable,
    /// The request was forwarded, but the journal's events are not on disk.
    #[error("the audit journal cannot be written: the masked request was forwarded, and its answer is withheld")]
    AnswerUnrecorded,
    /// No answer from the upstream.
    #[error("{0}")]
    Upstream(#[from] UpstreamFault),
    /// The upstream's answer is neither a completion nor a recognised error.
    #[error("the LLM provider answered with something that is not a chat completion")]
    UpstreamGarbage,
}
