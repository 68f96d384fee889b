//! Policies: what is protected, which passes look for it, and what happens to what they find (docs/policies.md).
//!
//! Two types for two stages: [`Policy`] is a document as its author wrote it, checked on its own; [`CompiledPolicy`] is
//! checked against this install (its keys, its plugins) and ready to run. [`load`] does both and reports every mistake
//! of both stages at once.
//!
//! What the words of a policy mean, where docs/policies.md leaves it open:
//! * A kind that is not listed under `entities`, or is listed with `enabled: false`, is not masked. For a standard kind
//!   that is a choice. A kind of a plugin's own must be listed, enabled or not, so that installing a plugin never leaves
//!   a kind unmasked by accident: `missing_entity`.
//! * A listed kind that is not standard must be found by something: a plugin that is used, a pattern or a `deny`.
//!   Otherwise it is a slip of the pen that would leave data unmasked.
//! * `regex: false` under a kind ignores what the pass `regex` finds of it, `ner: false` the same for `ner`; other passes
//!   are not affected. `gemma` is another name for `ner`.
//! * `patterns` are run by the pass `regex`, which must then be among `passes`. `deny` is the host's own and needs no
//!   pass; it holds whatever the threshold, and it wins over `allow`. Both compare without case, on word boundaries.
//! * `audit.log_payloads` is kept as written; whether payloads may be written is decided where they would be.
//!
//! Unlike most readers of YAML this one forgives nothing: an unknown key, `yes` for `true`, a key given twice, an anchor
//! or an empty value is an error that says where it stands and what to write instead. All of a document's errors are
//! reported together. The texts under `allow` and `deny` may be people's names: no error and no debug print shows them.

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

/// The policy that agents have unless they name another.
pub const HEALTHCARE_DEFAULT: &str = include_str!("../../policies/healthcare-default.yaml");

/// The policies that come with Masker, by name.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("healthcare-default", HEALTHCARE_DEFAULT),
    ("financial-default", include_str!("../../policies/financial-default.yaml")),
    ("minimal", include_str!("../../policies/minimal.yaml")),
    ("strict", include_str!("../../policies/strict.yaml")),
];

/// The largest document that is read, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// Names of passes that are the host's own: no plugin in a policy may have one. What they find is masked whatever
/// its confidence and whatever is allowed, as long as the policy masks the kind at all.
pub const HOST_PASSES: [&str; 3] = ["deny", "memory", "host"];

/// Reads and compiles a document. `version_number` is the document's revision, as the caller counts it.
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
        // What could not be read stands in the draft as a default, of which there is nothing more to say.
        Err(more) => {
            let known: Vec<String> = errors.iter().map(|error| error.path.clone()).collect();
            errors.extend(more.into_iter().filter(|error| !known.contains(&error.path)));
            errors.sort_by_key(|error| error.line);
        }
    }
    Err(errors)
}

/// The same for a document that somebody brings: what its patterns cost is checked too. `cancelled` is asked between
/// steps; it ends the check early, with an error.
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

/// A document as it was written, typed and checked on its own.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    /// What it is called, `[a-z0-9][a-z0-9_.-]*`.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The key that tokens are made with.
    pub kid: Kid,
    /// How a token is made.
    pub tokenization: Tokenization,
    /// Privacy budget of synthetic surrogates.
    pub epsilon: f64,
    /// The passes, in the order in which they run.
    pub passes: Vec<PassSpec>,
    /// What is protected.
    pub entities: BTreeMap<Kind, Entity>,
    /// What is recorded.
    pub audit: AuditRules,
    /// Texts that are never masked.
    pub allow: Texts,
    /// Texts that always are.
    pub deny: Vec<Deny>,
    /// What happens to images, audio and files.
    pub media: Media,
    /// How a token looks to the model.
    pub token_style: TokenStyle,
    /// What a caller hears in place of a token that does not resolve.
    pub fallback_text: Option<String>,
    /// What a caller hears when a stream fails after it began.
    pub failure_text: Option<String>,
    /// The whole document as RFC 8785 JSON.
    canonical: String,
    /// Where each part of the document stands.
    lines: BTreeMap<String, u32>,
}

impl Policy {
    /// Reads a document, YAML or JSON. The errors are all there are, in the order of the document.
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

    /// The document as RFC 8785 JSON: comments, order of keys and YAML or JSON make no difference.
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

/// How a token is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tokenization {
    /// A keyed hash; the original lies encrypted in the vault.
    VaultDeterministic,
    /// The token is the encrypted original.
    ReversibleAead,
    /// A realistic stand-in, which stands for its value in this request only.
    Synthetic,
}

/// One entry of `passes`.
#[derive(Clone, PartialEq, Debug)]
pub struct PassSpec {
    /// The plugin's name, with its alias resolved.
    pub plugin: Arc<str>,
    /// What it is configured with.
    pub config: serde_json::Map<String, serde_json::Value>,
    /// What happens when it fails.
    pub on_error: OnError,
    /// How long it may take, when the policy says so.
    pub timeout: Option<Duration>,
    /// Whether its suggested replacements are used.
    pub may_replace: bool,
}

/// What happens when a pass fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnError {
    /// The request is refused.
    #[default]
    Block,
    /// The request goes on without the pass, which is recorded.
    Skip,
}

/// One kind under `entities`.
#[derive(Clone, PartialEq, Debug)]
pub struct Entity {
    /// Whether it is masked at all.
    pub enabled: bool,
    /// Whether findings of the pass `regex` count.
    pub regex: bool,
    /// Whether findings of the pass `ner` count.
    pub ner: bool,
    /// Findings below this are ignored.
    pub confidence_threshold: f32,
    /// What happens to it.
    pub action: Action,
    /// More patterns for the pass `regex`.
    pub patterns: Vec<Pattern>,
}

/// A pattern of the policy's own.
#[derive(Clone, PartialEq, Debug)]
pub struct Pattern {
    /// What it is called.
    pub name: String,
    /// `regex-automata` syntax without look-around.
    pub regex: String,
    /// How sure a match is.
    pub confidence: f32,
    /// Words that raise the confidence when they stand near.
    pub context: Vec<String>,
    /// A check of the match's digits, one of `VALIDATORS`.
    pub validator: Option<&'static str>,
}

/// What is recorded, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AuditRules {
    /// Events, without any text.
    pub log_events: bool,
    /// Payloads as well.
    pub log_payloads: bool,
    /// Days to keep them.
    pub retention_days: u32,
}

impl Default for AuditRules {
    fn default() -> Self {
        Self { log_events: true, log_payloads: false, retention_days: 2555 }
    }
}

/// Texts of the policy that may name people.
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
    /// As what.
    pub kind: Kind,
}

impl fmt::Debug for Deny {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deny({})", self.kind)
    }
}

/// What happens to images, audio and files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Media {
    /// A text that says so stands in their place.
    #[default]
    Block,
    /// They go to the model as they are.
    Pass,
}

/// How a token looks to the model.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TokenStyle {
    /// The token itself.
    #[default]
    Full,
    /// `[NAME_1]`.
    Compact,
}
