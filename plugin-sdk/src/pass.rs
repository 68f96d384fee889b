//! The types a plugin author works with.

use std::borrow::Cow;
use std::ops::Range;

use crate::Settings;

/// One masking pass: finds spans of text.
pub trait Pass: Sized + Send + Sync + 'static {
    /// What a policy may write under this pass's `config`: a struct declared with [`settings!`](crate::settings), or
    /// [`NoSettings`](crate::NoSettings). A policy without `config` passes `{}`.
    type Settings: Settings;

    /// Name and kinds; the same on every call.
    fn manifest() -> Manifest;

    /// Builds the pass. Runs once per configuration, off the request path, and may take seconds.
    fn configure(settings: Self::Settings) -> Result<Self, Error>;

    /// Finds spans to mask in the messages with `search` set. The findings in a message may depend on that message and
    /// on at most the four before it. `earlier` holds the findings of the passes before this one.
    fn detect(&self, messages: &[Message], earlier: &[Finding]) -> Result<Vec<Finding>, Error>;
}

/// A pass's description of itself.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The name policies use: `[a-z][a-z0-9-]{0,63}`.
    pub name: &'static str,
    /// The plugin's version, usually `env!("CARGO_PKG_VERSION")`.
    pub version: &'static str,
    /// One sentence for the operator.
    pub description: &'static str,
    /// Every kind that `detect` may return, each `[A-Z][A-Z0-9_]{0,63}`.
    pub kinds: &'static [&'static str],
    /// The unit of spans. Rust plugins count bytes.
    pub offset_unit: OffsetUnit,
}

/// The unit of a finding's positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetUnit {
    /// Bytes of UTF-8.
    Utf8,
    /// UTF-16 code units.
    Utf16,
    /// Unicode code points.
    CodePoint,
}

/// One piece of the conversation.
#[derive(Debug, Clone)]
pub struct Message {
    /// `system`, `developer`, `user`, `assistant`, `tool`, or `field` (the name of a field whose value follows).
    pub role: String,
    /// The text, exactly as sent.
    pub text: String,
    /// Whether to look for findings here; otherwise it is context.
    pub search: bool,
}

/// A span to mask.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Index of the message.
    pub message: usize,
    /// The span in its text, in the manifest's offset unit (bytes by default); never empty.
    pub span: Range<usize>,
    /// One of the manifest's kinds.
    pub kind: Cow<'static, str>,
    /// From 0 to 1.
    pub confidence: f32,
    /// A suggestion, `tokenize`, `redact` or `passthrough`; the policy decides.
    pub action: Option<String>,
    /// A generalisation (a year for a date) for policies that grant `may_replace` to this pass.
    pub replacement: Option<String>,
}

impl Finding {
    /// A finding without a suggestion.
    pub fn new(message: usize, span: Range<usize>, kind: impl Into<Cow<'static, str>>, confidence: f32) -> Self {
        Self { message, span, kind: kind.into(), confidence, action: None, replacement: None }
    }
}

/// Why a call failed. Never quote message text in it: the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// A short code that programs may compare, such as `invalid-config`.
    pub code: String,
    /// One sentence for the operator.
    pub message: String,
    /// The location in the configuration, as a JSON Pointer.
    pub path: Option<String>,
}

impl Error {
    /// The configuration is invalid; `path` is a JSON Pointer into it.
    pub fn invalid_config(message: impl Into<String>, path: Option<String>) -> Self {
        Self { code: "invalid-config".into(), message: message.into(), path }
    }

    /// A failure that is not caused by the configuration.
    pub fn internal(message: impl Into<String>) -> Self {
        Self { code: "internal".into(), message: message.into(), path: None }
    }
}
