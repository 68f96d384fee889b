//! A policy checked against this install and ready to run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::config::config_json;
use super::error::{ErrorCode, PolicyError, Problems, hint};
use super::phrases::Phrases;
use super::reader::short;
use super::{AuditRules, Deny, HOST_PASSES, Media, OnError, Policy, Texts, TokenStyle, Tokenization};
use crate::action::Action;
use crate::keys::Kid;
use crate::kind::{Kind, STANDARD};

/// Keys and plugins of this install.
#[derive(Clone, Copy, Debug)]
pub struct Environment<'a> {
    /// The kids in the key ring.
    pub kids: &'a [Kid],
    /// Plugins by name, with the kinds that their manifests declare.
    pub plugins: &'a [(Arc<str>, Vec<Kind>)],
}

/// A policy ready to run.
#[derive(Clone)]
pub struct CompiledPolicy {
    /// Name.
    pub name: Arc<str>,
    /// Revision of the document; the caller counts revisions.
    pub version_number: u32,
    /// Key that makes the tokens.
    pub kid: Kid,
    /// Tokenization mode.
    pub tokenization: Tokenization,
    /// Privacy budget of synthetic surrogates.
    pub epsilon: f64,
    /// Passes, in execution order.
    pub passes: Vec<CompiledPass>,
    /// Texts that are never masked.
    pub allow: Texts,
    /// Texts that are always masked.
    pub deny: Vec<Deny>,
    /// Handling of images, audio and files.
    pub media: Media,
    /// Form of a token in the text that the model gets.
    pub token_style: TokenStyle,
    /// Spoken to the caller instead of a token that does not resolve.
    pub fallback_text: Option<Arc<str>>,
    /// Spoken to the caller when a stream fails after it began.
    pub failure_text: Option<Arc<str>>,
    /// Audit settings.
    pub audit: AuditRules,
    /// SHA-256 of the document as RFC 8785 JSON.
    pub digest: [u8; 32],
    rules: BTreeMap<Kind, EntityRule>,
    allowed: Phrases,
    denied: Phrases,
}

/// A pass with its configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompiledPass {
    /// Plugin name.
    pub plugin: Arc<str>,
    /// RFC 8785 JSON for the plugin's `configure`.
    pub config_json: String,
    /// Kinds of the policy's own patterns, which the pass may return besides those of its manifest; sorted.
    pub pattern_kinds: Vec<Kind>,
    /// Behaviour when the pass fails.
    pub on_error: OnError,
    /// Timeout, when the policy sets one.
    pub timeout: Option<Duration>,
    /// Whether suggested replacements of the plugin are used.
    pub may_replace: bool,
}

/// Settings of an enabled kind.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct EntityRule {
    /// Action for findings.
    pub action: Action,
    /// Minimum confidence.
    pub threshold: f32,
    /// Whether findings of the pass `regex` count.
    pub regex: bool,
    /// Whether findings of the pass `ner` count.
    pub ner: bool,
}

impl EntityRule {
    /// Whether findings of this pass count.
    pub fn counts(&self, pass: &str) -> bool {
        match pass {
            "regex" => self.regex,
            "ner" => self.ner,
            _ => true,
        }
    }
}

impl CompiledPolicy {
    /// Overrides the threshold of every kind, for the command line.
    pub fn set_threshold(&mut self, threshold: f32) {
        self.rules.values_mut().for_each(|rule| rule.threshold = threshold);
    }

    /// The settings of a kind; `None` when it is not masked.
    pub fn rule(&self, kind: &Kind) -> Option<&EntityRule> {
        self.rules.get(kind)
    }

    /// The kinds that are enabled, in order.
    pub fn rules(&self) -> impl Iterator<Item = (&Kind, &EntityRule)> {
        self.rules.iter()
    }

    /// The pass of this name.
    pub fn pass(&self, name: &str) -> Option<&CompiledPass> {
        self.passes.iter().find(|pass| &*pass.plugin == name)
    }

    /// [`Self::digest`] in lower-case hexadecimal.
    pub fn digest_hex(&self) -> String {
        self.digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Matcher for the texts of `allow`.
    pub(crate) fn allowed(&self) -> &Phrases {
        &self.allowed
    }

    /// Matcher for the texts of `deny`, in their order.
    pub(crate) fn denied(&self) -> &Phrases {
        &self.denied
    }
}

impl fmt::Debug for CompiledPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompiledPolicy({} version {}, {})", self.name, self.version_number, self.digest_hex())
    }
}

/// Checks a policy against this install. Returns all errors.
pub fn compile(
    policy: &Policy,
    version_number: u32,
    environment: &Environment<'_>,
) -> Result<CompiledPolicy, Vec<PolicyError>> {
    let mut problems = Problems::new(&policy.lines);
    check_kid(policy, environment, &mut problems);
    check_passes(policy, environment, &mut problems);
    check_kinds(policy, environment, &mut problems);
    let passes = compile_passes(policy, environment, &mut problems);
    let errors = problems.into_errors();
    if !errors.is_empty() {
        return Err(errors);
    }
    let rules = policy.entities.iter().filter(|(_, entity)| entity.enabled).map(|(kind, entity)| {
        let rule = EntityRule {
            action: entity.action,
            threshold: entity.confidence_threshold,
            regex: entity.regex,
            ner: entity.ner,
        };
        (kind.clone(), rule)
    });
    Ok(CompiledPolicy {
        name: policy.name.as_str().into(),
        version_number,
        kid: policy.kid.clone(),
        tokenization: policy.tokenization,
        epsilon: policy.epsilon,
        passes,
        media: policy.media,
        token_style: policy.token_style,
        fallback_text: policy.fallback_text.as_deref().map(Into::into),
        failure_text: policy.failure_text.as_deref().map(Into::into),
        audit: policy.audit,
        digest: policy.digest(),
        rules: rules.collect(),
        allowed: Phrases::new(policy.allow.0.iter().map(String::as_str)),
        denied: Phrases::new(policy.deny.iter().map(|deny| deny.text.as_str())),
        allow: policy.allow.clone(),
        deny: policy.deny.clone(),
    })
}

fn check_kid(policy: &Policy, environment: &Environment<'_>, problems: &mut Problems<'_>) {
    if !environment.kids.contains(&policy.kid) {
        let kid = &policy.kid;
        let hint = hint(kid.as_str(), environment.kids.iter().map(Kid::as_str), "kids");
        problems.add(ErrorCode::UnknownKid, "kid", format!("there is no key {kid}: set MASKER_KEY_{kid}{hint}"));
    }
}

fn check_passes(policy: &Policy, environment: &Environment<'_>, problems: &mut Problems<'_>) {
    for (index, pass) in policy.passes.iter().enumerate() {
        let names = environment.plugins.iter().map(|(name, _)| &**name);
        if HOST_PASSES.contains(&&*pass.plugin) || !names.clone().any(|name| name == &*pass.plugin) {
            let at = format!("passes[{index}]");
            let within = format!("{at}.plugin");
            let path = if policy.line(&within).is_some() { within } else { at };
            let hint = hint(&pass.plugin, names, "plugins");
            problems.add(ErrorCode::InvalidPass, path, format!("there is no plugin {}{hint}", short(&pass.plugin)));
        }
    }
}

/// Checks both directions: kinds that a plugin may return are listed, and listed kinds have a source.
fn check_kinds(policy: &Policy, environment: &Environment<'_>, problems: &mut Problems<'_>) {
    let mut found = BTreeSet::new();
    for pass in &policy.passes {
        let Some((name, kinds)) = environment.plugins.iter().find(|(name, _)| *name == pass.plugin) else { continue };
        for kind in kinds.iter().filter(|kind| !kind.is_standard()) {
            if found.insert(kind) && !policy.entities.contains_key(kind) {
                let message = format!(
                    "the plugin {name} finds {kind}, which is not listed under entities: add `{kind}: {{}}`, or \
                     `{kind}: {{enabled: false}}` to leave it unmasked"
                );
                problems.add(ErrorCode::MissingEntity, format!("entities.{kind}"), message);
            }
        }
    }
    found.extend(policy.deny.iter().map(|deny| &deny.kind));
    for (kind, entity) in &policy.entities {
        if !kind.is_standard() && !found.contains(kind) && entity.patterns.is_empty() {
            let known = found.iter().map(|kind| kind.as_str()).chain(STANDARD);
            let hint = super::error::nearest(kind.as_str(), known).map_or_else(
                || "; use a plugin that does, or add patterns".to_owned(),
                |near| format!("; did you mean {near}?"),
            );
            problems.invalid(format!("entities.{kind}"), format!("nothing in this policy finds {kind}{hint}"));
        }
    }
}

fn compile_passes(policy: &Policy, environment: &Environment<'_>, problems: &mut Problems<'_>) -> Vec<CompiledPass> {
    let mut passes = Vec::new();
    for (index, pass) in policy.passes.iter().enumerate() {
        let known = environment.plugins.iter().find(|(name, _)| *name == pass.plugin);
        let kinds = known.map_or(&[][..], |(_, kinds)| kinds);
        match config_json(policy, pass, kinds) {
            Some(config_json) => passes.push(CompiledPass {
                plugin: pass.plugin.clone(),
                config_json,
                pattern_kinds: pattern_kinds(policy, &pass.plugin),
                on_error: pass.on_error,
                timeout: pass.timeout,
                may_replace: pass.may_replace,
            }),
            None => problems.invalid(format!("passes[{index}].config"), "holds a number that JSON cannot express"),
        }
    }
    passes
}

fn pattern_kinds(policy: &Policy, plugin: &str) -> Vec<Kind> {
    if plugin != "regex" {
        return Vec::new();
    }
    let with = policy.entities.iter().filter(|(_, entity)| entity.enabled && !entity.patterns.is_empty());
    with.map(|(kind, _)| kind.clone()).collect()
}
