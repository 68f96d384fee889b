//! Policies: the protected kinds, the passes that detect them, and the action for each finding (docs/policies.md).
//!
//! Two types for two stages: [`Policy`] is a document as written, checked on its own; [`CompiledPolicy`] is checked
//! against this install (its keys and plugins) and ready to run. [`load`] does both and reports all errors of both
//! stages at once.
//!
//! What docs/policies.md leaves open:
//! * A kind that is not listed under `entities`, or is listed with `enabled: false`, is not masked. For a standard
//!   kind that is a choice. A kind that a plugin declares must be listed, enabled or not, so that installing a plugin
//!   never leaves a kind unmasked by accident: `missing_entity`.
//! * A listed kind that is not standard needs a source: a plugin in `passes`, a pattern or a `deny` entry. Without
//!   one it is a typo that would leave data unmasked.
//! * `regex: false` under a kind ignores its findings from the pass `regex`; `ner: false` does the same for `ner`.
//!   Other passes are not affected. `gemma` is an alias of `ner`.
//! * `patterns` are run by the pass `regex`, which must be listed in `passes`. `deny` is implemented by the host and
//!   needs no pass; it applies at any threshold and takes precedence over `allow`. Both match case-insensitively, on
//!   word boundaries.
//! * `audit.log_payloads` is kept as written; the code that writes payloads decides whether they may be written.
//!
//! The YAML reader is strict: an unknown key, `yes` for `true`, a duplicate key, an anchor or an empty value is an
//! error that gives the line and the fix. All errors of a document are reported together. Texts under `allow` and
//! `deny` may be people's names: no error and no debug output shows them.

mod compiled;
mod config;
mod document;
mod entities;
mod error;
mod parse;
mod passes;
mod patterns;
pub(crate) mod phrases;
mod reader;
#[cfg(test)]
mod tests;
pub mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

pub use compiled::{CompiledPass, CompiledPolicy, EntityRule, Environment};
pub use error::{ErrorCode, PolicyError};

use crate::action::Action;
use crate::keys::Kid;
use crate::kind::Kind;

/// The default policy of an agent.
pub const HEALTHCARE_DEFAULT: &str = include_str!("../../policies/healthcare-default.yaml");

/// The built-in policies, by name.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("healthcare-default", HEALTHCARE_DEFAULT),
    ("financial-default", include_str!("../../policies/financial-default.yaml")),
    ("minimal", include_str!("../../policies/minimal.yaml")),
    ("strict", include_str!("../../policies/strict.yaml")),
];

/// Size limit of a document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// Names of passes that the host implements: a plugin in a policy cannot use them. Their findings are masked
/// regardless of confidence and of `allow`, as long as the policy masks the kind.
pub const HOST_PASSES: [&str; 3] = ["deny", "memory", "host"];

/// Reads and compiles a document. `version_number` is the document's revision; the caller counts revisions.
pub fn load(
    text: &str,
    version_number: u32,
    environment: &Environment<'_>,
) -> Result<(Policy, CompiledPolicy), Vec<PolicyError>> {
    let (policy, mut errors) = parse::read(text);
    let Some(policy) = policy else {
        return Err(errors);
    };
    match policy.compile(version_number, environment) {
        Ok(compiled) if errors.is_empty() => return Ok((policy, compiled)),
        Ok(_) => {}
        // A part that could not be read has its default in the draft: report nothing more about it.
        Err(more) => {
            let known: Vec<String> = errors.iter().map(|error| error.path.clone()).collect();
            errors.extend(more.into_iter().filter(|error| !known.contains(&error.path)));
            errors.sort_by_key(|error| error.line);
        }
    }
    Err(errors)
}

/// Like [`load`], for an untrusted document: also checks the cost of its patterns. `cancelled` is polled between
/// steps and ends the check early, with an error.
pub fn check(
    text: &str,
    version_number: u32,
    environment: &Environment<'_>,
    cancelled: &dyn Fn() -> bool,
) -> Result<CompiledPolicy, Vec<PolicyError>> {
    let (policy, compiled) = load(text, version_number, environment)?;
    let errors = patterns::check(&policy, cancelled);
    if errors.is_empty() { Ok(compiled) } else { Err(errors) }
}

/// A document as written, typed and checked on its own.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    /// Name, `[a-z0-9][a-z0-9_.-]*`.
    pub name: String,
    /// Description.
    pub description: Option<String>,
    /// Key that makes the tokens.
    pub kid: Kid,
    /// Tokenization mode.
    pub tokenization: Tokenization,
    /// Privacy budget of synthetic surrogates.
    pub epsilon: f64,
    /// Passes, in execution order.
    pub passes: Vec<PassSpec>,
    /// Protected kinds.
    pub entities: BTreeMap<Kind, Entity>,
    /// Audit settings.
    pub audit: AuditRules,
    /// Texts that are never masked.
    pub allow: Texts,
    /// Texts that are always masked.
    pub deny: Vec<Deny>,
    /// Handling of images, audio and files.
    pub media: Media,
    /// Form of a token in the text that the model gets.
    pub token_style: TokenStyle,
    /// Spoken to the caller instead of a token that does not resolve.
    pub fallback_text: Option<String>,
    /// Spoken to the caller when a stream fails after it began.
    pub failure_text: Option<String>,
    /// The whole document as RFC 8785 JSON.
    canonical: String,
    /// Line of each part of the document, by path.
    lines: BTreeMap<String, u32>,
}

impl Policy {
    /// Reads a document, YAML or JSON. Returns all errors, in document order.
    pub fn parse(text: &str) -> Result<Self, Vec<PolicyError>> {
        match parse::read(text) {
            (Some(policy), errors) if errors.is_empty() => Ok(policy),
            (_, errors) => Err(errors),
        }
    }

    /// Checks the policy against this install and makes it ready to run.
    pub fn compile(
        &self,
        version_number: u32,
        environment: &Environment<'_>,
    ) -> Result<CompiledPolicy, Vec<PolicyError>> {
        compiled::compile(self, version_number, environment)
    }

    /// The document as RFC 8785 JSON: independent of comments, key order, and YAML or JSON syntax.
    pub fn canonical_json(&self) -> &str {
        &self.canonical
    }

    /// SHA-256 of [`Self::canonical_json`].
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.canonical.as_bytes()).into()
    }

    /// The line of a part of the document.
    fn line(&self, path: &str) -> Option<u32> {
        self.lines.get(path).copied()
    }
}

/// Tokenization mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tokenization {
    /// A keyed hash; the original is stored encrypted in the vault.
    VaultDeterministic,
    /// The token is the encrypted original.
    ReversibleAead,
    /// A realistic substitute value, valid in this request only.
    Synthetic,
}

/// One entry of `passes`.
#[derive(Clone, PartialEq, Debug)]
pub struct PassSpec {
    /// Plugin name, with its alias resolved.
    pub plugin: Arc<str>,
    /// Configuration of the plugin.
    pub config: serde_json::Map<String, serde_json::Value>,
    /// Behaviour when the pass fails.
    pub on_error: OnError,
    /// Timeout, when the policy sets one.
    pub timeout: Option<Duration>,
    /// Whether suggested replacements of the plugin are used.
    pub may_replace: bool,
}

/// Behaviour when a pass fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnError {
    /// The request is refused.
    #[default]
    Block,
    /// The request continues without the pass; the failure is recorded.
    Skip,
}

/// One kind under `entities`.
#[derive(Clone, PartialEq, Debug)]
pub struct Entity {
    /// Whether the kind is masked.
    pub enabled: bool,
    /// Whether findings of the pass `regex` count.
    pub regex: bool,
    /// Whether findings of the pass `ner` count.
    pub ner: bool,
    /// Minimum confidence; findings below it are ignored.
    pub confidence_threshold: f32,
    /// Action for findings of the kind.
    pub action: Action,
    /// Additional patterns for the pass `regex`.
    pub patterns: Vec<Pattern>,
}

/// A pattern that the policy defines.
#[derive(Clone, PartialEq, Debug)]
pub struct Pattern {
    /// Name.
    pub name: String,
    /// `regex-automata` syntax without look-around.
    pub regex: String,
    /// Confidence of a match.
    pub confidence: f32,
    /// Nearby words that raise the confidence.
    pub context: Vec<String>,
    /// Check of the match's digits, one of `VALIDATORS`.
    pub validator: Option<&'static str>,
}

/// Audit settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AuditRules {
    /// Record events, without any text.
    pub log_events: bool,
    /// Record payloads as well.
    pub log_payloads: bool,
    /// Retention in days.
    pub retention_days: u32,
}

impl Default for AuditRules {
    fn default() -> Self {
        Self { log_events: true, log_payloads: false, retention_days: 2555 }
    }
}

/// Texts of the policy that may be names of people.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Texts(pub Vec<String>);

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Texts({})", self.0.len())
    }
}

/// A text that is always masked.
#[derive(Clone, PartialEq, Eq)]
pub struct Deny {
    /// The text.
    pub text: String,
    /// Kind that it is masked as.
    pub kind: Kind,
}

impl fmt::Debug for Deny {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deny({})", self.kind)
    }
}

/// Handling of images, audio and files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Media {
    /// Replaced by a notice.
    #[default]
    Block,
    /// Sent to the model unchanged.
    Pass,
}

/// Form of a token in the text that the model gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TokenStyle {
    /// The token itself.
    #[default]
    Full,
    /// `[NAME_1]`.
    Compact,
}
