//! Why a request gets no answer. Nothing here can hold a caller's text.

use crate::chat::request::BadRequest;
use crate::upstream::UpstreamFault;

/// Why a request gets no answer. Before it was forwarded, or in [`PipelineError::Withheld`] and of the upstream, after.
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
    /// It was forwarded, and its answer may not go to the caller.
    #[error("{0}")]
    Withheld(#[from] Withheld),
    /// No answer from upstream.
    #[error("{0}")]
    Upstream(#[from] UpstreamFault),
    /// Upstream answered with something that is neither an answer nor an error of its own.
    #[error("the LLM provider answered with something that is not a chat completion")]
    UpstreamGarbage,
}

/// Why the answer of a request that was forwarded does not go to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// The journal's events are not on disk.
    #[error("the audit journal cannot be written: the masked request was forwarded, and its answer is withheld")]
    Unrecorded,
    /// The vault has not what the answer's tokens stand for.
    #[error("the vault cannot be written: the masked request was forwarded, and its answer is withheld")]
    NotKept,
    /// A compact token of it means another value of the call.
    #[error(
        "another turn of this call used the same label at the same time: the masked request was forwarded, and its \
         answer is withheld; send it again"
    )]
    LabelTaken,
}
