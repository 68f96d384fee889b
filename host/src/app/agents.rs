//! Creating, changing and deleting agents, and preparing them to serve.
//!
//! A change first prepares the new agent in a lane ([`super::lanes`]), which takes seconds if its policy is new on
//! this machine. It then takes effect in one step: row, event, and the map used by requests. Requests in flight finish
//! with the previous agent. If the caller disconnects, the preparation is cancelled, but a started step is always
//! finished.

mod draft;
mod ready;
mod trial;

use std::collections::HashMap;
use std::sync::Arc;

use super::lanes::{Cancel, Refused, Ticket};
use super::{App, Catalog, Serving, Stopped};
use crate::audit::event::{Event, EventKind};
use crate::ids::{AccountId, AgentId};
use crate::pipeline::ReadyAgent;
use crate::policy::PolicyError;
use crate::sensitive::SensitiveText;
use crate::store::StoreError;
use crate::store::agents::{Agent, new_proxy_key};
use crate::wasm::PrepareError;

pub use draft::{AgentDraft, Field};
use draft::{Checked, DEFAULT_POLICY};
pub(crate) use ready::prepare_passes;
pub use trial::{Trial, Trials};

/// Why an agent cannot be created or changed.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The account has no such agent.
    #[error("there is no such agent")]
    NotFound,
    /// Some fields are invalid, with reasons.
    #[error("the agent cannot be created")]
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
    /// A plugin rejects the policy's configuration.
    #[error("{0}")]
    Plugin(#[from] PrepareError),
    /// The name is taken.
    #[error("an agent of this name already exists")]
    NameTaken,
    /// The journal accepts no events.
    #[error("the audit journal cannot be written")]
    AuditUnavailable,
    /// Its lane is full, or the server is stopping.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A failure of the database.
    #[error("the database failed")]
    Store(#[source] StoreError),
}

impl From<StoreError> for AgentError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NameTaken => Self::NameTaken,
            other => Self::Store(other),
        }
    }
}

/// An agent that was created or changed.
#[derive(Debug)]
pub struct ChangedAgent {
    /// Its current state.
    pub agent: Agent,
    /// Its new proxy key, if there is one: shown once.
    pub proxy_key: Option<SensitiveText>,
}

impl App {
    /// Creates an agent; it is ready to serve when this returns.
    pub async fn create_agent(
        self: &Arc<Self>,
        account: AccountId,
        draft: AgentDraft,
    ) -> Result<ChangedAgent, AgentError> {
        draft.check(None)?;
        let lane = self.lanes.changes.enter(Some(account)).await?;
        loop {
            let catalog = self.catalog();
            let (Checked { agent, proxy_key }, ready) =
                self.prepare_draft(&lane, &catalog, account, &draft, None).await?;
            if self.insert_agent(catalog, agent.clone(), ready).await? {
                return Ok(ChangedAgent { agent, proxy_key });
            }
        }
    }

    /// Returns `false` if the catalog changed meanwhile.
    async fn insert_agent(
        self: &Arc<Self>,
        catalog: Arc<Catalog>,
        agent: Agent,
        ready: ReadyAgent,
    ) -> Result<bool, AgentError> {
        let app = self.clone();
        to_the_end(async move {
            let _one_change_at_a_time = app.changing_agents.lock().await;
            if !Arc::ptr_eq(&app.catalog(), &catalog) {
                return Ok(false);
            }
            app.store().insert_agent(agent.clone()).await?;
            if let Err(error) = app.note(EventKind::AgentCreated, agent.id).await {
                // Undo a change that could not be recorded.
                app.store().delete_agent(agent.account_id, agent.id).await?;
                return Err(error);
            }
            app.serve(ready);
            Ok(true)
        })
        .await
    }

    /// Changes the fields of an agent that the draft names. Its next request uses the new settings.
    pub async fn update_agent(
        self: &Arc<Self>,
        account: AccountId,
        id: AgentId,
        draft: AgentDraft,
    ) -> Result<ChangedAgent, AgentError> {
        let before = self.store().agent(account, id).await?.ok_or(AgentError::NotFound)?;
        draft.check(Some(&before))?;
        let lane = self.lanes.changes.enter(Some(account)).await?;
        loop {
            let before = self.store().agent(account, id).await?.ok_or(AgentError::NotFound)?;
            let catalog = self.catalog();
            let (Checked { agent, proxy_key }, ready) =
                self.prepare_draft(&lane, &catalog, account, &draft, Some(&before)).await?;
            // Start again if another change came first.
            if self.replace_agent(catalog, before, agent.clone(), ready).await? {
                return Ok(ChangedAgent { agent, proxy_key });
            }
        }
    }

    /// Gives an agent's proxy a new key and requires it from now on; the previous key becomes invalid.
    pub async fn rotate_proxy_key(
        self: &Arc<Self>,
        account: AccountId,
        id: AgentId,
    ) -> Result<ChangedAgent, AgentError> {
        let lane = self.lanes.changes.enter(Some(account)).await?;
        loop {
            let before = self.store().agent(account, id).await?.ok_or(AgentError::NotFound)?;
            let (key, hash) = new_proxy_key()?;
            let agent = Agent { proxy_key_hash: Some(hash), ..before.clone() };
            let (app, catalog) = (self.clone(), self.catalog());
            let (of, row) = (catalog.clone(), agent.clone());
            let ready = lane.run(move |cancel| app.prepare_agent(&of, &row, cancel)).await??;
            if self.replace_agent(catalog, before, agent.clone(), ready).await? {
                return Ok(ChangedAgent { agent, proxy_key: Some(key) });
            }
        }
    }

    /// Deletes an agent: its URL is unknown from now on; requests in flight finish.
    pub async fn delete_agent(self: &Arc<Self>, account: AccountId, id: AgentId) -> Result<(), AgentError> {
        let app = self.clone();
        to_the_end(async move {
            let _one_change_at_a_time = app.changing_agents.lock().await;
            app.store().agent(account, id).await?.ok_or(AgentError::NotFound)?;
            app.note(EventKind::AgentDeleted, id).await?;
            app.store().delete_agent(account, id).await?;
            app.agents.rcu(|agents| {
                let mut agents = HashMap::clone(agents);
                agents.remove(&id);
                agents
            });
            Ok(())
        })
        .await
    }

    /// Replaces `before` by `after`; `false` if the agent or the catalog has changed meanwhile.
    async fn replace_agent(
        self: &Arc<Self>,
        catalog: Arc<Catalog>,
        before: Agent,
        after: Agent,
        ready: ReadyAgent,
    ) -> Result<bool, AgentError> {
        let app = self.clone();
        to_the_end(async move {
            let _one_change_at_a_time = app.changing_agents.lock().await;
            let is_same = Arc::ptr_eq(&app.catalog(), &catalog)
                && app.store().agent(before.account_id, before.id).await?.as_ref() == Some(&before);
            if !is_same {
                return Ok(false);
            }
            app.store().update_agent(after.clone()).await?;
            if let Err(error) = app.note(EventKind::AgentUpdated, after.id).await {
                app.store().update_agent(before).await?;
                return Err(error);
            }
            app.serve(ready);
            Ok(true)
        })
        .await
    }

    /// Prepares the agents of the database. If that fails for one, the reason is logged and its requests get 503.
    pub(super) async fn prepare_agents(self: &Arc<Self>) -> anyhow::Result<()> {
        let app = self.clone();
        // Prepare the default policy, so that the first new agent does not wait for it.
        let catalog = self.catalog();
        let agents = self.store().all_agents().await?;
        let ready = tokio::task::spawn_blocking(move || {
            let default = catalog.policy_of_install(DEFAULT_POLICY);
            let never = Cancel::never();
            if let Some(Ok(policy)) = default.map(|policy| catalog.compile(&policy.document, policy.version))
                && let Err(error) = app.prepare_passes(&catalog, &policy, &never)
            {
                tracing::error!(%error, "the default policy cannot be used");
            }
            let prepare = |agent: &Agent| match app.prepare_agent(&catalog, agent, &never) {
                Ok(ready) => (agent.id, Serving::Ready(Arc::new(ready))),
                Err(error) => {
                    tracing::error!(agent = agent.name, error = %explain(&error), "an agent cannot serve");
                    let stopped = Stopped { name: agent.name.clone(), account: agent.account_id };
                    (agent.id, Serving::Unusable(Arc::new(stopped)))
                }
            };
            agents.iter().map(prepare).collect::<HashMap<_, _>>()
        })
        .await?;
        self.agents.store(Arc::new(ready));
        Ok(())
    }

    /// Checks a draft and prepares its agent, in a lane.
    async fn prepare_draft(
        self: &Arc<Self>,
        lane: &Ticket,
        catalog: &Arc<Catalog>,
        account: AccountId,
        draft: &AgentDraft,
        before: Option<&Agent>,
    ) -> Result<(Checked, ReadyAgent), AgentError> {
        let (app, catalog, draft, before) = (self.clone(), catalog.clone(), draft.clone(), before.cloned());
        let prepare = move |cancel: &Cancel| {
            let (checked, policy) = app.complete(&catalog, account, &draft, before.as_ref(), cancel)?;
            let ready = app.prepare_with(&catalog, &checked.agent, policy, cancel)?;
            Ok((checked, ready))
        };
        lane.run(prepare).await?
    }

    fn serve(&self, agent: ReadyAgent) {
        let agent = Arc::new(agent);
        self.agents.rcu(|agents| {
            let mut agents = HashMap::clone(agents);
            agents.insert(agent.id, Serving::Ready(agent.clone()));
            agents
        });
    }

    async fn note(&self, kind: EventKind, id: AgentId) -> Result<(), AgentError> {
        let event = Event { agent_id: Some(id), ..Event::new(kind, self.pipeline.clock.now()) };
        self.record(event).await.map_err(|_| AgentError::AuditUnavailable)
    }
}

/// Runs a step to completion even if the caller disconnects.
async fn to_the_end<T: Send + 'static>(
    step: impl Future<Output = Result<T, AgentError>> + Send + 'static,
) -> Result<T, AgentError> {
    tokio::spawn(step).await.map_err(|_| AgentError::Store(StoreError::Closed))?
}

/// An error with all its details.
pub(super) fn explain(error: &AgentError) -> String {
    match error {
        AgentError::Policy(errors) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}
