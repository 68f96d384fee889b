//! Agents: made, listed, and kept ready to serve.

use std::collections::HashMap;
use std::sync::Arc;

use super::{App, Serving};
use crate::audit::event::{Event, EventKind};
use crate::chat::Platform;
use crate::ids::{AccountId, AgentId};
use crate::passes::ReadyPass;
use crate::pipeline::ReadyAgent;
use crate::policy::{CompiledPolicy, OnError, PolicyError, Tokenization};
use crate::store::StoreError;
use crate::store::agents::Agent;
use crate::tokens::rehydrate::Fallback;
use crate::upstream::Upstream;
use crate::wasm::PrepareError;

/// An agent to be made. Its texts are not checked yet.
#[derive(Clone, Debug, Default)]
pub struct NewAgent {
    /// Unique in the account.
    pub name: String,
    /// `openai:MODEL` or `stub`.
    pub upstream: String,
    /// Overrides the policy's, when given.
    pub tokenization: Option<String>,
    /// A policy of the install.
    pub policy_name: Option<String>,
    /// Or a policy of its own.
    pub policy_yaml: Option<String>,
    /// The voice platform.
    pub platform: Option<String>,
}

/// What happened to an agent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AgentChange {
    /// It was made.
    Created,
    /// It was deleted.
    Deleted,
}

/// Why an agent cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// These fields are wrong, and why.
    #[error("the agent cannot be made")]
    Invalid(Vec<(&'static str, String)>),
    /// No such provider, or not configured.
    #[error("{0}")]
    UnknownUpstream(String),
    /// No policy of this name.
    #[error("there is no policy of this name")]
    UnknownPolicy,
    /// The policy does not compile.
    #[error("the policy cannot be used")]
    Policy(Vec<PolicyError>),
    /// A plugin refuses the policy's configuration.
    #[error("{0}")]
    Plugin(#[from] PrepareError),
    /// The name is taken.
    #[error("an agent of this name exists already")]
    NameTaken,
    /// The journal takes no events.
    #[error("the audit journal cannot be written")]
    AuditUnavailable,
    /// Ours.
    #[error("the database failed")]
    Store(#[source] StoreError),
}

impl App {
    /// Makes an agent, ready to serve when this returns. It takes seconds when its policy is new to this machine.
    pub async fn create_agent(self: &Arc<Self>, account: AccountId, new: NewAgent) -> Result<Agent, AgentError> {
        let agent = self.check_agent(account, new)?;
        let app = self.clone();
        let candidate = agent.clone();
        let ready = tokio::task::spawn_blocking(move || app.prepare_agent(&candidate))
            .await
            .map_err(|_| AgentError::Store(StoreError::Closed))??;
        self.store().insert_agent(agent.clone()).await.map_err(|error| match error {
            StoreError::NameTaken => AgentError::NameTaken,
            other => AgentError::Store(other),
        })?;
        self.note(AgentChange::Created, agent.id)?;
        self.serve(ready);
        Ok(agent)
    }

    /// Deletes an agent: its URL is unknown from now on, requests in flight finish.
    pub async fn delete_agent(&self, account: AccountId, id: AgentId) -> Result<bool, AgentError> {
        let deleted = self.store().delete_agent(account, id).await.map_err(AgentError::Store)?;
        if deleted {
            self.note(AgentChange::Deleted, id)?;
            self.agents.rcu(|agents| {
                let mut agents = HashMap::clone(agents);
                agents.remove(&id);
                agents
            });
        }
        Ok(deleted)
    }

    /// Prepares the agents of the database. One that cannot be is left out, and says why: its requests get 503.
    pub(super) async fn prepare_agents(self: &Arc<Self>) -> anyhow::Result<()> {
        let app = self.clone();
        // What every new agent needs, so that the first one does not wait for it.
        let default = self.policies.document("healthcare-default");
        let agents = self.store().all_agents().await?;
        let ready = tokio::task::spawn_blocking(move || {
            if let Some(Ok(policy)) = default.map(|document| app.policies.compile(&document))
                && let Err(error) = app.prepare_passes(&policy)
            {
                tracing::error!(%error, "the default policy cannot be used");
            }
            let prepare = |agent: &Agent| match app.prepare_agent(agent) {
                Ok(ready) => (agent.id, Serving::Ready(Arc::new(ready))),
                Err(error) => {
                    tracing::error!(agent = agent.name, error = %explain(&error), "an agent cannot serve");
                    (agent.id, Serving::Unusable)
                }
            };
            agents.iter().map(prepare).collect::<HashMap<_, _>>()
        })
        .await?;
        self.agents.store(Arc::new(ready));
        Ok(())
    }

    fn serve(&self, agent: ReadyAgent) {
        let agent = Arc::new(agent);
        self.agents.rcu(|agents| {
            let mut agents = HashMap::clone(agents);
            agents.insert(agent.id, Serving::Ready(agent.clone()));
            agents
        });
    }

    fn note(&self, change: AgentChange, id: AgentId) -> Result<(), AgentError> {
        let kind = match change {
            AgentChange::Created => EventKind::AgentCreated,
            AgentChange::Deleted => EventKind::AgentDeleted,
        };
        let event = Event { agent_id: Some(id), ..Event::new(kind, self.pipeline.clock.now()) };
        self.pipeline.journal.append(&[event]).map(|_| ()).map_err(|_| AgentError::AuditUnavailable)
    }

    fn check_agent(&self, account: AccountId, new: NewAgent) -> Result<Agent, AgentError> {
        let mut wrong = Vec::new();
        let length = new.name.chars().count();
        if !(1..=64).contains(&length) || new.name.chars().any(char::is_control) {
            wrong.push(("name", "must have 1 to 64 characters, none of them a control character".to_owned()));
        }
        if new.policy_name.is_some() && new.policy_yaml.is_some() {
            wrong.push(("policy_yaml", "give either policy_name or policy_yaml".to_owned()));
        }
        let platform = match new.platform.as_deref() {
            None => Some(Platform::Custom),
            Some(text) => Platform::parse(text),
        };
        if platform.is_none() {
            wrong.push(("platform", "must be one of vapi, retell, bolna, elevenlabs, twilio, custom".to_owned()));
        }
        let tokenization = new.tokenization.as_deref().map(parse_tokenization);
        match tokenization {
            Some(None) if new.tokenization.as_deref() == Some("synthetic") => {
                wrong.push(("tokenization", "synthetic is not available in this release".to_owned()));
            }
            Some(None) => {
                wrong.push(("tokenization", "must be vault-deterministic or reversible-aead".to_owned()));
            }
            _ => {}
        }
        if !wrong.is_empty() {
            return Err(AgentError::Invalid(wrong));
        }
        Self::check_upstream(&new.upstream)?;
        let document = match (&new.policy_yaml, &new.policy_name) {
            (Some(document), _) => Arc::from(document.as_str()),
            (None, name) => self
                .policies
                .document(name.as_deref().unwrap_or("healthcare-default"))
                .ok_or(AgentError::UnknownPolicy)?,
        };
        let policy = self.policies.compile(&document).map_err(AgentError::Policy)?;
        Ok(Agent {
            id: AgentId::generate(),
            account_id: account,
            name: new.name,
            upstream: new.upstream,
            tokenization: tokenization_name(tokenization.flatten().unwrap_or(policy.tokenization)).to_owned(),
            policy_name: policy.name.to_string(),
            policy_yaml: new.policy_yaml,
            policy_version: policy.version_number,
            platform: platform.unwrap_or_default().as_str().to_owned(),
            assistant: None,
            assistant_callback_url: None,
            proxy_key_hash: None,
            require_signature: false,
            created_at: self.pipeline.clock.now(),
            deleted_at: None,
        })
    }

    fn check_upstream(upstream: &str) -> Result<(), AgentError> {
        let unknown = |message: &str| Err(AgentError::UnknownUpstream(message.to_owned()));
        match upstream.split_once(':') {
            None if upstream == "stub" => Ok(()),
            Some(("openai", model)) if is_model_name(model) => Ok(()),
            Some(("openai", _)) => unknown("the model's name after openai: is empty or has characters no model has"),
            _ => unknown("must be stub or openai:MODEL"),
        }
    }

    /// Compiles an agent's policy and prepares its passes. Off the request path: it may take seconds.
    fn prepare_agent(&self, agent: &Agent) -> Result<ReadyAgent, AgentError> {
        let document = match &agent.policy_yaml {
            Some(document) => Arc::from(document.as_str()),
            None => self.policies.document(&agent.policy_name).ok_or(AgentError::UnknownPolicy)?,
        };
        let mut policy = self.policies.compile(&document).map_err(AgentError::Policy)?;
        if let Some(tokenization) = parse_tokenization(&agent.tokenization) {
            policy.tokenization = tokenization;
        }
        let passes = self.prepare_passes(&policy)?;
        let (model, upstream) = match agent.upstream.split_once(':') {
            Some((_, model)) => (model, self.upstream.clone()),
            None => ("stub", Upstream::Stub),
        };
        Ok(ReadyAgent {
            id: agent.id,
            account: agent.account_id,
            name: agent.name.as_str().into(),
            model: model.into(),
            upstream,
            platform: Platform::parse(&agent.platform).unwrap_or_default(),
            fallback: policy
                .fallback_text
                .as_deref()
                .map_or(Fallback::Redacted, |text| Fallback::Text(text.to_owned())),
            passes,
            policy: Arc::new(policy),
            generation: ReadyAgent::next_generation(),
        })
    }

    /// Prepares the passes of a policy, in its order.
    pub fn prepare_passes(&self, policy: &CompiledPolicy) -> Result<Arc<[ReadyPass]>, AgentError> {
        prepare_passes(&self.wasm, &self.plugins, policy)
    }
}

/// Prepares the passes of a policy, in its order.
pub(crate) fn prepare_passes(
    wasm: &crate::wasm::Wasm,
    plugins: &crate::wasm::Registry,
    policy: &CompiledPolicy,
) -> Result<Arc<[ReadyPass]>, AgentError> {
    let prepared = policy.passes.iter().map(|pass| {
        // The policy was compiled against this registry; were the plugin gone, there is nothing to mask with.
        let plugin = plugins.get(&pass.plugin).ok_or(AgentError::UnknownPolicy)?;
        let runner = wasm.prepare(plugin, &pass.config_json, &pass.pattern_kinds)?;
        Ok(ReadyPass {
            name: pass.plugin.clone(),
            runner,
            may_skip: pass.on_error == OnError::Skip,
            limit: pass.timeout,
            may_replace: pass.may_replace,
        })
    });
    prepared.collect::<Result<Vec<_>, AgentError>>().map(Into::into)
}

fn parse_tokenization(text: &str) -> Option<Tokenization> {
    match text {
        "vault-deterministic" => Some(Tokenization::VaultDeterministic),
        "reversible-aead" => Some(Tokenization::ReversibleAead),
        _ => None,
    }
}

fn tokenization_name(tokenization: Tokenization) -> &'static str {
    match tokenization {
        Tokenization::VaultDeterministic => "vault-deterministic",
        Tokenization::ReversibleAead => "reversible-aead",
    }
}

fn is_model_name(model: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'/');
    (1..=128).contains(&model.len()) && model.bytes().all(fits)
}

/// An error with everything it has to say, for the log.
fn explain(error: &AgentError) -> String {
    match error {
        AgentError::Policy(errors) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}
