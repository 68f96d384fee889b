//! Findings of passes, and the decisions made from them.

use std::sync::Arc;

use crate::action::Action;
use crate::kind::Kind;
use crate::text::ByteSpan;

/// A span that a pass wants masked. Validated: inside its message, on character boundaries, not empty.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// Index into the messages that were searched.
    pub message: usize,
    /// The span in the message's text.
    pub span: ByteSpan,
    /// The kind of data.
    pub kind: Kind,
    /// Confidence, from 0 to 1.
    pub confidence: f32,
    /// The pass that found it.
    pub pass: Arc<str>,
    /// The replacement, where the policy lets this pass propose one.
    pub replacement: Option<Arc<str>>,
}

/// The decision about one span. The spans of a message are in order and do not overlap.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// The span.
    pub span: ByteSpan,
    /// The kind of data.
    pub kind: Kind,
    /// Confidence of the finding, from 0 to 1.
    pub confidence: f32,
    /// The action; never [`Action::Passthrough`], which produces no decision.
    pub action: Action,
    /// The pass that found it, or `memory`, `deny` or `host`.
    pub pass: Arc<str>,
    /// The replacement to use instead of a token.
    pub replacement: Option<Arc<str>>,
}
