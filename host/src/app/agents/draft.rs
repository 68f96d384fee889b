//! Agent fields from a request, validated against this install: a new agent, or a change of one.
//!
//! A field that a change omits keeps its value. `null` resets a field to its default.

use super::super::lanes::Cancel;
use super::super::{App, Catalog, NamedPolicy};
use super::AgentError;
use crate::chat::Platform;
use crate::ids::{AccountId, AgentId};
use crate::name;
use crate::policy::{CompiledPolicy, Tokenization};
use crate::sensitive::SensitiveText;
use crate::store::agents::{Agent, new_proxy_key};

/// The policy of an agent that does not name one.
pub(crate) const DEFAULT_POLICY: &str = "healthcare-default";
/// Maximum size of a static configuration, in bytes: it is kept in memory for the webhook.
const LONGEST_ASSISTANT: usize = 256 << 10;
/// Valid states of an agreement.
const AGREEMENTS: [&str; 3] = ["signed", "unsigned", "not_required"];
/// Maximum length of a reference to a filed agreement, in characters.
const LONGEST_REFERENCE: usize = 200;
/// Maximum length of a URL.
const LONGEST_URL: usize = 2048;

/// A field of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// Omitted.
    #[default]
    Absent,
    /// `null`.
    Null,
    /// A value.
    Given(T),
}

impl<T> From<Option<Option<T>>> for Field<T> {
    fn from(field: Option<Option<T>>) -> Self {
        match field {
            None => Self::Absent,
            Some(None) => Self::Null,
            Some(Some(value)) => Self::Given(value),
        }
    }
}

impl<T> Field<T> {
    fn given(&self) -> Option<&T> {
        match self {
            Field::Given(value) => Some(value),
            Field::Absent | Field::Null => None,
        }
    }

    fn is_absent(&self) -> bool {
        matches!(self, Field::Absent)
    }
}

/// Fields of a request, not validated yet.
#[derive(Clone, Debug, Default)]
pub struct AgentDraft {
    /// Unique in the account. Required for a new agent.
    pub name: Option<String>,
    /// `openai:MODEL` or `stub`. Required for a new agent.
    pub upstream: Option<String>,
    /// Overrides the policy's token scheme.
    pub tokenization: Field<String>,
    /// Name of a policy.
    pub policy_name: Field<String>,
    /// Or a policy document of its own.
    pub policy_yaml: Field<String>,
    /// The voice platform.
    pub platform: Field<String>,
    /// The static configuration that the webhook returns, as JSON.
    pub assistant: Field<serde_json::Map<String, serde_json::Value>>,
    /// URL that is asked for it instead.
    pub assistant_callback_url: Field<String>,
    /// `id` or `key`: the credential that the proxy requires.
    pub proxy_auth: Field<String>,
    /// Whether the proxy requires a signature.
    pub require_signature: Field<bool>,
    /// Recorded agreements with the parties that process the agent's data.
    pub agreements: Field<serde_json::Map<String, serde_json::Value>>,
}

/// A validated draft.
pub(super) struct Checked {
    pub agent: Agent,
    /// The new proxy key, if there is one; only its hash is stored.
    pub proxy_key: Option<SensitiveText>,
}

/// Fields of a draft that are stored as JSON.
struct Written {
    assistant: Option<String>,
    agreements: Option<String>,
}

impl AgentDraft {
    /// Fast checks: everything but the policy.
    pub(super) fn check(&self, before: Option<&Agent>) -> Result<(), AgentError> {
        self.written(before).map(|_| ())
    }

    fn written(&self, before: Option<&Agent>) -> Result<Written, AgentError> {
        let mut wrong = Vec::new();
        check_name(self, &mut wrong);
        if self.policy_name.given().is_some() && self.policy_yaml.given().is_some() {
            wrong.push(("policy_yaml", "give either policy_name or policy_yaml".to_owned()));
        }
        if self.platform.given().is_some_and(|text| Platform::parse(text).is_none()) {
            wrong.push(("platform", "must be one of vapi, retell, bolna, elevenlabs, twilio, custom".to_owned()));
        }
        if self.tokenization.given().is_some_and(|text| parse_tokenization(text).is_none()) {
            wrong.push(("tokenization", "must be vault-deterministic, reversible-aead or synthetic".to_owned()));
        }
        let assistant = check_assistant(self, &mut wrong);
        check_callback(self, &mut wrong);
        let agreements = check_agreements(self, &mut wrong);
        if self.proxy_auth.given().is_some_and(|word| !["id", "key"].contains(&word.as_str())) {
            wrong.push(("proxy_auth", "must be id or key".to_owned()));
        }
        if !wrong.is_empty() {
            return Err(AgentError::Invalid(wrong));
        }
        check_upstream(&self.upstream(before))?;
        Ok(Written { assistant, agreements })
    }

    fn upstream(&self, before: Option<&Agent>) -> String {
        self.upstream.clone().or_else(|| before.map(|agent| agent.upstream.clone())).unwrap_or_default()
    }
}

impl App {
    /// Builds an agent from a draft: a new one, or `before` with its changes. Compiles its policy, so run it in a
    /// lane.
    pub(super) fn complete(
        &self,
        catalog: &Catalog,
        account: AccountId,
        draft: &AgentDraft,
        before: Option<&Agent>,
        cancel: &Cancel,
    ) -> Result<(Checked, CompiledPolicy), AgentError> {
        let Written { assistant, agreements } = draft.written(before)?;
        let (NamedPolicy { document, version }, policy_yaml) = policy_of(catalog, account, draft, before)?;
        let policy = match draft.policy_yaml.given() {
            Some(_) => catalog.check(&document, version, cancel),
            None => catalog.compile(&document, version),
        };
        cancel.check()?;
        let mut policy = policy.map_err(AgentError::Policy)?;
        let kept = |field: &Field<String>, of: fn(&Agent) -> Option<String>| match field {
            Field::Absent => before.and_then(of),
            Field::Null => None,
            Field::Given(value) => Some(value.clone()),
        };
        let (proxy_key, proxy_key_hash) = proxy_key_of(draft, before)?;
        let agent = Agent {
            id: before.map_or_else(AgentId::generate, |agent| agent.id),
            account_id: account,
            name: draft.name.clone().or_else(|| before.map(|agent| agent.name.clone())).unwrap_or_default(),
            upstream: draft.upstream(before),
            tokenization: kept(&draft.tokenization, |agent| Some(agent.tokenization.clone()))
                .unwrap_or_else(|| tokenization_name(policy.tokenization).to_owned()),
            policy_name: policy.name.to_string(),
            policy_version: match (&policy_yaml, before) {
                (None, _) => policy.version_number,
                (Some(own), before) => own_version(own, before),
            },
            policy_yaml,
            platform: kept(&draft.platform, |agent| Some(agent.platform.clone()))
                .unwrap_or_else(|| Platform::default().as_str().to_owned()),
            assistant: if draft.assistant.is_absent() {
                before.and_then(|agent| agent.assistant.clone())
            } else {
                assistant
            },
            assistant_callback_url: kept(&draft.assistant_callback_url, |agent| agent.assistant_callback_url.clone()),
            proxy_key_hash,
            require_signature: match draft.require_signature {
                Field::Absent => before.is_some_and(|agent| agent.require_signature),
                Field::Null => false,
                Field::Given(required) => required,
            },
            created_at: before.map_or_else(|| self.pipeline.clock.now(), |agent| agent.created_at),
            deleted_at: None,
            agreements: if draft.agreements.is_absent() {
                before.and_then(|agent| agent.agreements.clone())
            } else {
                agreements
            },
        };
        policy.version_number = agent.policy_version;
        Ok((Checked { agent, proxy_key }, policy))
    }
}

fn check_upstream(upstream: &str) -> Result<(), AgentError> {
    let unknown = |message: &str| Err(AgentError::UnknownUpstream(message.to_owned()));
    match upstream.split_once(':') {
        None if upstream == "stub" => Ok(()),
        Some(("openai", model)) if is_model_name(model) => Ok(()),
        Some(("openai", _)) => unknown("the model's name after openai: is empty or has invalid characters"),
        _ => unknown("must be stub or openai:MODEL"),
    }
}

/// The agent's policy, and its document if it is the agent's own.
fn policy_of(
    catalog: &Catalog,
    account: AccountId,
    draft: &AgentDraft,
    before: Option<&Agent>,
) -> Result<(NamedPolicy, Option<String>), AgentError> {
    let untouched = draft.policy_name.is_absent() && draft.policy_yaml.is_absent();
    let (own, name) = match before.filter(|_| untouched) {
        Some(agent) => (agent.policy_yaml.as_ref(), Some(&agent.policy_name)),
        None => (draft.policy_yaml.given(), draft.policy_name.given()),
    };
    if let Some(own) = own {
        return Ok((NamedPolicy { document: own.as_str().into(), version: 1 }, Some(own.clone())));
    }
    let name = name.map_or(DEFAULT_POLICY, String::as_str);
    Ok((catalog.policy(account, name).ok_or(AgentError::UnknownPolicy)?.clone(), None))
}

/// Invalid fields, with reasons.
type Wrong = Vec<(&'static str, String)>;

fn check_name(draft: &AgentDraft, wrong: &mut Wrong) {
    if let Some(Err(fault)) = draft.name.as_deref().map(name::check) {
        wrong.push(("name", fault.to_string()));
    }
}

fn check_assistant(draft: &AgentDraft, wrong: &mut Wrong) -> Option<String> {
    // A value that was parsed can always be serialised.
    let text = serde_json::to_string(draft.assistant.given()?).unwrap_or_default();
    if text.len() > LONGEST_ASSISTANT {
        wrong.push(("assistant", format!("is larger than {LONGEST_ASSISTANT} bytes")));
    }
    Some(text)
}

fn check_callback(draft: &AgentDraft, wrong: &mut Wrong) {
    let Some(url) = draft.assistant_callback_url.given() else { return };
    let sound = url.len() <= LONGEST_URL
        && url.parse::<hyper::Uri>().is_ok_and(|uri| {
            let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
            matches!(uri.scheme_str(), Some("http" | "https")) && plain
        });
    if !sound {
        let message = "must be an http or https URL of at most 2048 characters, without a user or password";
        wrong.push(("assistant_callback_url", message.to_owned()));
    }
}

/// `{"voice_platform": {"status", "reference"}, "llm_provider": {...}}`: for the BAA chain of reports.
fn check_agreements(draft: &AgentDraft, wrong: &mut Wrong) -> Option<String> {
    let given = draft.agreements.given()?;
    for (party, agreement) in given {
        let fields = agreement.as_object();
        let status = fields.and_then(|fields| fields.get("status")).and_then(serde_json::Value::as_str);
        let reference = fields.and_then(|fields| fields.get("reference"));
        let is_sound = ["voice_platform", "llm_provider"].contains(&party.as_str())
            && fields.is_some_and(|fields| fields.keys().all(|key| key == "status" || key == "reference"))
            && status.is_some_and(|status| AGREEMENTS.contains(&status))
            && reference.is_none_or(|reference| {
                reference.is_null() || reference.as_str().is_some_and(|text| text.chars().count() <= LONGEST_REFERENCE)
            });
        if !is_sound {
            let message = "must have voice_platform and llm_provider only, each with a status (signed, unsigned or \
                not_required) and perhaps a reference of at most 200 characters";
            wrong.push(("agreements", message.to_owned()));
            return None;
        }
    }
    serde_json::to_string(given).ok()
}

/// The version of an agent's own policy: each different document gets the next version.
fn own_version(own: &str, before: Option<&Agent>) -> u32 {
    let before = before.and_then(|agent| Some((agent.policy_yaml.as_deref()?, agent.policy_version)));
    match before {
        Some((same, version)) if same == own => version,
        Some((_, version)) => version.saturating_add(1),
        None => 1,
    }
}

/// A new key if the agent is to have one and has none.
fn proxy_key_of(
    draft: &AgentDraft,
    before: Option<&Agent>,
) -> Result<(Option<SensitiveText>, Option<[u8; 32]>), AgentError> {
    let there = before.and_then(|agent| agent.proxy_key_hash);
    match (&draft.proxy_auth, there) {
        (Field::Absent, there) => Ok((None, there)),
        (Field::Given(word), Some(there)) if word == "key" => Ok((None, Some(there))),
        (Field::Given(word), None) if word == "key" => {
            let (key, hash) = new_proxy_key()?;
            Ok((Some(key), Some(hash)))
        }
        (Field::Null | Field::Given(_), _) => Ok((None, None)),
    }
}

pub(super) fn parse_tokenization(text: &str) -> Option<Tokenization> {
    match text {
        "vault-deterministic" => Some(Tokenization::VaultDeterministic),
        "reversible-aead" => Some(Tokenization::ReversibleAead),
        "synthetic" => Some(Tokenization::Synthetic),
        _ => None,
    }
}

fn tokenization_name(tokenization: Tokenization) -> &'static str {
    match tokenization {
        Tokenization::VaultDeterministic => "vault-deterministic",
        Tokenization::ReversibleAead => "reversible-aead",
        Tokenization::Synthetic => "synthetic",
    }
}

fn is_model_name(model: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'/');
    (1..=128).contains(&model.len()) && model.bytes().all(fits)
}
