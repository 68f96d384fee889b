//! What a pass found, and what is decided about it.

use std::sync::Arc;

pub use crate::action::Action;
use crate::kind::Kind;
use crate::text::ByteSpan;

/// A span that a pass wants masked. Checked: inside its message, on character boundaries, not empty.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// Index into the messages that were searched.
    pub message: usize,
    /// Where in its text.
    pub span: ByteSpan,
    /// What it is.
    pub kind: Kind,
    /// From 0 to 1.
    pub confidence: f32,
    /// The pass that found it.
    pub pass: Arc<str>,
    /// What to put in its place, where the policy lets this pass say so.
    pub replacement: Option<Arc<str>>,
}

/// What happens to one span: the spans of a message do not overlap, and are in order.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// Where.
    pub span: ByteSpan,
    /// As what.
    pub kind: Kind,
    /// How sure the finding was, from 0 to 1.
    pub confidence: f32,
    /// What to do; never [`Action::Passthrough`], which leaves no decision behind.
    pub action: Action,
    /// The pass that found it, or `memory`, `deny` or `host`.
    pub pass: Arc<str>,
    /// What to put in its place instead of a token.
    pub replacement: Option<Arc<str>>,
}
