//! Temporary agents for trying policies out, with a small cache, so that a policy is prepared once for many texts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::lanes::Cancel;
use super::super::{App, Catalog};
use super::ready::passes_of;
use super::{AgentError, DEFAULT_POLICY};
use crate::ids::{AccountId, AgentId};
use crate::pipeline::ReadyAgent;
use crate::store::agents::Agent;

/// Cache size. An entry may use as much memory as a plugin is allowed, but most use a few MiB.
const KEPT: usize = 4;

/// The policy to try.
#[derive(Clone, Debug)]
pub enum Trial {
    /// The default policy.
    Default,
    /// A policy visible to the account.
    Named(String),
    /// A policy document.
    Document(String),
}

impl Trial {
    /// The name, or the document.
    fn text(&self) -> &str {
        match self {
            Self::Default => DEFAULT_POLICY,
            Self::Named(text) | Self::Document(text) => text,
        }
    }

    /// Cache key: account and policy.
    fn key(&self, account: AccountId) -> Key {
        let mut hasher = blake3::Hasher::new();
        hasher.update(account.text().as_bytes());
        hasher.update(&[u8::from(matches!(self, Self::Document(_)))]);
        hasher.update(self.text().as_bytes());
        *hasher.finalize().as_bytes()
    }
}

type Key = [u8; 32];

/// Cache of the agents of recently tried policies.
#[derive(Default)]
pub struct Trials(Mutex<Tried>);

#[derive(Default)]
struct Tried {
    /// The catalog they were built from; a change invalidates them.
    catalog: Option<Arc<Catalog>>,
    /// In order of use, most recent last.
    ready: VecDeque<(Key, Arc<ReadyAgent>)>,
}

impl Trials {
    fn get(&self, catalog: &Arc<Catalog>, key: &Key) -> Option<Arc<ReadyAgent>> {
        let mut tried = self.of(catalog);
        let at = tried.ready.iter().position(|(own, _)| own == key)?;
        let entry = tried.ready.remove(at)?;
        let agent = entry.1.clone();
        tried.ready.push_back(entry);
        Some(agent)
    }

    fn keep(&self, catalog: &Arc<Catalog>, key: Key, agent: Arc<ReadyAgent>) {
        let mut tried = self.of(catalog);
        if tried.ready.len() >= KEPT {
            tried.ready.pop_front();
        }
        tried.ready.push_back((key, agent));
    }

    fn of(&self, catalog: &Arc<Catalog>) -> MutexGuard<'_, Tried> {
        // A panic elsewhere leaves at most an entry too few.
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !tried.catalog.as_ref().is_some_and(|own| Arc::ptr_eq(own, catalog)) {
            *tried = Tried { catalog: Some(catalog.clone()), ready: VecDeque::new() };
        }
        tried
    }
}

impl App {
    /// Compiles a policy and prepares its passes, unless they are cached. Takes seconds if a plugin has not been used
    /// with this configuration before.
    pub async fn try_policy(
        self: &Arc<Self>,
        account: AccountId,
        policy: Trial,
    ) -> Result<Arc<ReadyAgent>, AgentError> {
        let (catalog, key) = (self.catalog(), policy.key(account));
        if let Some(agent) = self.trials.get(&catalog, &key) {
            return Ok(agent);
        }
        let lane = self.lanes.trials.enter(Some(account)).await?;
        // Another request may have prepared it meanwhile.
        if let Some(agent) = self.trials.get(&catalog, &key) {
            return Ok(agent);
        }
        let (app, of) = (self.clone(), catalog.clone());
        let agent = lane.run(move |cancel| app.prepare_trial(&of, account, &policy, cancel)).await??;
        let agent = Arc::new(agent);
        self.trials.keep(&catalog, key, agent.clone());
        Ok(agent)
    }

    fn prepare_trial(
        &self,
        catalog: &Catalog,
        account: AccountId,
        trial: &Trial,
        cancel: &Cancel,
    ) -> Result<ReadyAgent, AgentError> {
        let policy = match trial {
            Trial::Document(document) => catalog.check(document, 1, cancel),
            Trial::Default | Trial::Named(_) => {
                let named = catalog.policy(account, trial.text()).ok_or(AgentError::UnknownPolicy)?;
                catalog.compile(&named.document, named.version)
            }
        };
        cancel.check()?;
        let policy = policy.map_err(AgentError::Policy)?;
        let passes = match trial {
            // Not written to the disk cache: it may never be used again, and that cache is unbounded.
            Trial::Document(_) => passes_of(catalog.shelf().plugins(), &policy, cancel, |plugin, pass| {
                self.wasm.prepare_unkept(plugin, &pass.config_json, &pass.pattern_kinds)
            }),
            Trial::Default | Trial::Named(_) => self.prepare_passes(catalog, &policy, cancel),
        }?;
        let agent = Agent {
            id: AgentId::generate(),
            account_id: account,
            name: String::new(),
            upstream: "stub".into(),
            // Taken from the policy.
            tokenization: String::new(),
            policy_name: String::new(),
            policy_yaml: None,
            policy_version: 1,
            platform: String::new(),
            assistant: None,
            assistant_callback_url: None,
            proxy_key_hash: None,
            require_signature: false,
            created_at: self.pipeline.clock.now(),
            deleted_at: None,
            agreements: None,
        };
        Ok(self.ready(&agent, policy, passes))
    }
}
