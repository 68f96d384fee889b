//! Why a request gets no answer. Nothing here can hold a caller's text.

use crate::chat::request::BadRequest;
use crate::upstream::UpstreamFault;

/// Why a request gets no answer. All but [`PipelineError::AnswerUnrecorded`] and the
/// upstream's come before it was forwarded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PipelineError {
    /// The body cannot be worked with.
    #[error("{0}")]
    BadRequest(#[from] BadRequest),
    /// Another model than the agent's.
    #[error("this agent may use {allowed} and dated snapshots of it, not the model asked for")]
    ModelNotAllowed {
        /// The agent's model.
        allowed: String,
    },
    /// A required pass failed: nothing is forwarded unmasked.
    #[error(
        "the pass {pass} failed ({fault}) and the policy does not allow to go on without it; nothing was forwarded"
    )]
    PassFailed {
        /// The pass.
        pass: String,
        /// How.
        fault: &'static str,
    },
    /// Masking could not be done or did not hold.
    #[error("masking is not available: {0}; nothing was forwarded")]
    MaskingUnavailable(&'static str),
    /// The journal takes no events.
    #[error("the audit journal cannot be written; nothing is processed unrecorded")]
    AuditUnavailable,
    /// It was forwarded, and the journal's events are not on disk.
    #[error("the audit journal cannot be written: the masked request was forwarded, and its answer is withheld")]
    AnswerUnrecorded,
    /// No answer from upstream.
    #[error("{0}")]
    Upstream(#[from] UpstreamFault),
    /// Upstream answered with something that is neither an answer nor an error of its own.
    #[error("the LLM provider answered with something that is not a chat completion")]
    UpstreamGarbage,
}
