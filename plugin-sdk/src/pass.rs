//! The types a plugin author works with.

use std::borrow::Cow;
use std::ops::Range;

use crate::Settings;

/// One masking pass: finds spans of text, and nothing else.
pub trait Pass: Sized + Send + Sync + 'static {
    /// What a policy may write under this pass's `config`: a struct made with [`settings!`](crate::settings), or
    /// [`NoSettings`](crate::NoSettings). `{}` is passed when a policy says nothing.
    type Settings: Settings;

    /// Name and kinds; the same on every call.
    fn manifest() -> Manifest;

    /// Builds the pass. Runs once for a configuration, off the request path, and may take seconds.
    fn configure(settings: Self::Settings) -> Result<Self, Error>;

    /// Finds what is to be masked in the messages whose `search` is set. What is found in a message may depend on
    /// that message and on at most the four before it. `earlier` holds what the passes before this one found.
    fn detect(&self, messages: &[Message], earlier: &[Finding]) -> Result<Vec<Finding>, Error>;
}

/// What a pass says of itself.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The name policies use: `[a-z][a-z0-9-]{0,63}`.
    pub name: &'static str,
    /// The plugin's version, usually `env!("CARGO_PKG_VERSION")`.
    pub version: &'static str,
    /// One sentence for people.
    pub description: &'static str,
    /// Every kind that `detect` may return, each `[A-Z][A-Z0-9_]{0,63}`.
    pub kinds: &'static [&'static str],
    /// What the spans count. Rust plugins count bytes.
    pub offset_unit: OffsetUnit,
}

/// What a finding's positions count.
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
    /// The text, exactly as it was sent.
    pub text: String,
    /// Whether to look for findings here; otherwise it is context.
    pub search: bool,
}

/// A span that is to be masked.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Index of the message.
    pub message: usize,
    /// Where in its text, in the manifest's offset unit (bytes, unless said otherwise); never empty.
    pub span: Range<usize>,
    /// One of the manifest's kinds.
    pub kind: Cow<'static, str>,
    /// From 0 to 1.
    pub confidence: f32,
    /// A wish for `tokenize`, `redact` or `passthrough`; the policy decides.
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

/// Why a call failed. Never quote a message's text in it: it is shown to the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// A short word programs may compare, such as `invalid-config`.
    pub code: String,
    /// One sentence for the operator.
    pub message: String,
    /// Where in the configuration, as a JSON Pointer.
    pub path: Option<String>,
}

impl Error {
    /// The configuration cannot be used; `path` is a JSON Pointer into it.
    pub fn invalid_config(message: impl Into<String>, path: Option<String>) -> Self {
        Self { code: "invalid-config".into(), message: message.into(), path }
    }

    /// Something failed that the configuration is not to blame for.
    pub fn internal(message: impl Into<String>) -> Self {
        Self { code: "internal".into(), message: message.into(), path: None }
    }
}
