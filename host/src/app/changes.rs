//! Changes of plugins and policies while agents serve.
//!
//! One change at a time. It builds the next catalog and prepares every affected agent, which may take seconds and runs
//! in a lane ([`super::lanes`]). Then, in one step, the event is synced, the change is stored, and catalog and agents
//! are swapped; requests in flight finish with the previous ones. A change that would make an agent unusable is
//! rejected without effect. A caller that disconnects before the last step cancels the change; the step itself is
//! always finished.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use super::agents::explain;
use super::catalog::{Catalog, NamedPolicy};
use super::lanes::{Cancel, Refused, Ticket};
use super::plugins::{Folder, Origin};
use super::policies::{self, BadPolicy};
use super::{AgentError, App, Serving};
use crate::audit::event::{Detail, Event, EventKind};
use crate::ids::{AccountId, AgentId};
use crate::policy::{ErrorCode, HOST_PASSES, PolicyError};
use crate::store::StoreError;
use crate::store::agents::Agent;
use crate::store::journal::JournalError;
use crate::store::policies::Policy;
use crate::wasm::{InstallError, PrepareError};

/// Why a change was rejected.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The policy cannot be used.
    #[error("the policy cannot be used")]
    Policy(Vec<PolicyError>),
    /// A plugin rejects the policy's configuration.
    #[error("{0}")]
    Configuration(#[from] PrepareError),
    /// Some policy files are invalid.
    #[error("the policy files cannot be used")]
    Files(Vec<(String, PolicyError)>),
    /// The name belongs to a policy of the install.
    #[error("a policy that comes with the install has this name")]
    NameTaken,
    /// The component cannot be used.
    #[error("{0}")]
    Plugin(#[from] InstallError),
    /// The folder of plugins cannot be read.
    #[error("{0}")]
    Folder(String),
    /// The plugin's name is reserved in policies.
    #[error("a plugin cannot be named {0}: the name is reserved in policies")]
    PluginName(String),
    /// There is no such plugin.
    #[error("there is no such plugin")]
    NoPlugin,
    /// The plugin was not uploaded, so it cannot be removed.
    #[error("the plugin was not uploaded")]
    NotUploaded(Origin),
    /// Some agents would become unusable.
    #[error("{agents} of the agents in use could no longer serve: {why}")]
    Breaks {
        /// Number of agents.
        agents: usize,
        /// The reason for one of them.
        why: String,
    },
    /// The journal accepts no events.
    #[error("the audit journal cannot be written")]
    Journal(#[from] JournalError),
    /// A failure of the database.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// A failure of the file system.
    #[error("the data folder cannot be written: {0}")]
    File(#[from] std::io::Error),
    /// Its lane is full, or the server is stopping.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Result of reloading the policy files.
pub struct Reloaded {
    /// Policies that are new or have a new version.
    pub changed: Vec<Policy>,
    /// Policies that were removed.
    pub removed: Vec<String>,
}

/// Exclusive right to change the catalog, held until it is dropped.
struct Turn {
    lane: Ticket,
    /// The current catalog.
    before: Arc<Catalog>,
    _no_other_change: OwnedMutexGuard<()>,
}

/// The next catalog and the agents affected by it. No agent changes until it is dropped.
struct Change {
    next: Arc<Catalog>,
    serving: Vec<(AgentId, Serving)>,
    _no_agent_changes: OwnedMutexGuard<()>,
    _turn: Turn,
}

impl App {
    /// The current catalog.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.load_full()
    }

    /// Creates a policy of an account or its next version; also returns whether it is new.
    pub async fn put_policy(
        self: &Arc<Self>,
        account: AccountId,
        name: String,
        document: String,
    ) -> Result<(Policy, bool), ChangeError> {
        let turn = self.begin_change(Some(account)).await?;
        let own = turn.before.policy_of_account(account, &name);
        if own.is_none() && turn.before.policy_of_install(&name).is_some() {
            return Err(ChangeError::NameTaken);
        }
        let version = own.map_or(1, |policy| policy.version + 1);
        let document: Arc<str> = document.into();
        self.check_in(&turn.lane, &turn.before, document.clone(), Some(name.clone())).await?;
        let next = turn.before.with_policy(account, &name, NamedPolicy { document: document.clone(), version });
        let named = name.clone();
        let touches = move |agent: &Agent| agent.account_id == account && follows(agent, &named);
        let change = self.prepare_change(turn, next, touches).await?;
        let app = self.clone();
        to_the_end(async move {
            app.record(Event {
                account_id: Some(account),
                policy_name: Some(name.as_str().into()),
                policy_version: Some(version),
                ..app.event(EventKind::PolicyReloaded)
            })
            .await?;
            let kept = app.store().put_policy(account, &name, &document).await?;
            app.take_effect(change);
            Ok((kept, version == 1))
        })
        .await
    }

    /// All problems of a document on this install: in itself, with the install, and as reported by its plugins for
    /// their configuration.
    pub async fn check_policy(self: &Arc<Self>, account: AccountId, document: String) -> Result<(), ChangeError> {
        let ticket = self.lanes.trials.enter(Some(account)).await?;
        self.check_in(&ticket, &self.catalog(), document.into(), None).await
    }

    /// The same in a lane. If `name` is given, the policy must have that name.
    async fn check_in(
        self: &Arc<Self>,
        ticket: &Ticket,
        catalog: &Arc<Catalog>,
        document: Arc<str>,
        name: Option<String>,
    ) -> Result<(), ChangeError> {
        let (app, catalog) = (self.clone(), catalog.clone());
        let check = move |cancel: &Cancel| {
            let compiled = catalog.check(&document, 1, cancel);
            cancel.check()?;
            let compiled = compiled.map_err(ChangeError::Policy)?;
            if let Some(name) = name.filter(|name| **name != *compiled.name) {
                let message = format!("must be {name}, the name in the URL");
                let code = ErrorCode::PolicyYamlInvalid;
                return Err(ChangeError::Policy(vec![PolicyError { code, path: "name".into(), line: None, message }]));
            }
            for pass in &compiled.passes {
                cancel.check()?;
                if let Some(plugin) = catalog.plugin(&pass.plugin) {
                    app.wasm.check_configuration(plugin, &pass.config_json)?;
                }
            }
            Ok(())
        };
        ticket.run(check).await?
    }

    /// Reloads the policy files.
    pub async fn reload_policies(self: &Arc<Self>) -> Result<Reloaded, ChangeError> {
        let turn = self.begin_change(None).await?;
        let (app, catalog) = (self.clone(), turn.before.clone());
        let read = move |cancel: &Cancel| {
            let (sound, bad) = policies::read(app.config.policy_path.as_deref(), &catalog, cancel);
            cancel.check()?;
            if bad.is_empty() { Ok(sound) } else { Err(ChangeError::Files(by_file(bad))) }
        };
        let sound = turn.lane.run(read).await??;
        let is_new = |name: &str, document: &str| {
            turn.before.policy_of_install(name).is_none_or(|policy| *policy.document != *document)
        };
        let changed: Vec<String> = sound
            .iter()
            .filter(|policy| is_new(&policy.name, &policy.document))
            .map(|policy| policy.name.clone())
            .collect();
        let removed: Vec<String> = turn
            .before
            .names_of_install()
            .filter(|name| sound.iter().all(|policy| policy.name != *name))
            .map(str::to_owned)
            .collect();
        for policy in sound.iter().filter(|policy| changed.contains(&policy.name)) {
            self.check_in(&turn.lane, &turn.before, policy.document.as_str().into(), None).await?;
        }
        // The store assigns the versions. They are known in advance, since nothing else changes these policies.
        let known = self.store().install_policies().await?;
        let next = turn.before.with_policies_of_install(sound.iter().map(|policy| {
            let version = match known.iter().find(|known| known.name == policy.name) {
                Some(known) if known.document == policy.document => known.version,
                Some(known) => known.version + 1,
                None => 1,
            };
            (policy.name.clone(), NamedPolicy { document: policy.document.as_str().into(), version })
        }));
        let names: Vec<String> = changed.iter().chain(&removed).cloned().collect();
        let catalog = turn.before.clone();
        let touches = move |agent: &Agent| {
            let own = catalog.policy_of_account(agent.account_id, &agent.policy_name).is_some();
            !own && names.iter().any(|name| follows(agent, name))
        };
        let change = self.prepare_change(turn, next, touches).await?;
        let app = self.clone();
        to_the_end(async move {
            let count = Detail::Count((changed.len() + removed.len()) as u64);
            app.record(Event { detail: Some(count), ..app.event(EventKind::PolicyReloaded) }).await?;
            app.store().set_install_policies(sound).await?;
            app.take_effect(change);
            let all = app.store().all_policies().await?;
            let is_changed = |policy: &Policy| policy.account_id.is_none() && changed.contains(&policy.name);
            Ok(Reloaded { changed: all.into_iter().filter(is_changed).collect(), removed })
        })
        .await
    }

    /// Installs an uploaded component; also returns whether its name is new.
    pub async fn install_plugin(
        self: &Arc<Self>,
        bytes: Vec<u8>,
        signature: Option<String>,
    ) -> Result<(String, bool), ChangeError> {
        let turn = self.begin_change(None).await?;
        let app = self.clone();
        let inspect = move |_: &Cancel| -> Result<_, ChangeError> {
            app.config.plugin_trust.check(&bytes, signature.as_deref()).map_err(InstallError::from)?;
            Ok((app.wasm.inspect(bytes)?, signature))
        };
        let (plugin, signature) = turn.lane.run(inspect).await??;
        let name = plugin.manifest.name.clone();
        if HOST_PASSES.contains(&name.as_str()) || name == "gemma" {
            return Err(ChangeError::PluginName(name));
        }
        let is_new = turn.before.plugin(&name).is_none();
        let next = turn.before.with_shelf(turn.before.shelf().with(plugin.clone()));
        let change = self.prepare_change(turn, next, self.runs(&name)).await?;
        let app = self.clone();
        to_the_end(async move {
            let draft = app.on_disk(move |app| app.uploads.draft(&plugin, signature.as_deref())).await?;
            app.record(app.plugin_event(EventKind::PluginInstalled, &name)).await?;
            app.on_disk(move |_| draft.keep()).await?;
            app.take_effect(change);
            app.pipeline.metrics.forget_plugin(&name);
            Ok((name, is_new))
        })
        .await
    }

    /// Removes an uploaded plugin. A plugin that it replaced becomes active again.
    pub async fn remove_plugin(self: &Arc<Self>, name: String) -> Result<(), ChangeError> {
        let turn = self.begin_change(None).await?;
        match turn.before.shelf().origin(&name) {
            None => return Err(ChangeError::NoPlugin),
            Some(Origin::Uploaded) => {}
            Some(origin) => return Err(ChangeError::NotUploaded(origin)),
        }
        let next = turn.before.with_shelf(turn.before.shelf().without(&name));
        let change = self.prepare_change(turn, next, self.runs(&name)).await?;
        let app = self.clone();
        to_the_end(async move {
            app.record(app.plugin_event(EventKind::PluginRemoved, &name)).await?;
            let gone = name.clone();
            app.on_disk(move |app| app.uploads.remove(&gone)).await?;
            app.take_effect(change);
            app.pipeline.metrics.forget_plugin(&name);
            Ok(())
        })
        .await
    }

    /// Reloads `MASKER_PLUGIN_DIR`. Returns the names of plugins that are new, changed or gone.
    pub async fn reload_plugin_folder(self: &Arc<Self>) -> Result<Vec<String>, ChangeError> {
        let Some(folder) = self.config.plugin_dir.clone() else { return Ok(Vec::new()) };
        let turn = self.begin_change(None).await?;
        let (app, before) = (self.clone(), turn.before.clone());
        let read = move |_: &Cancel| {
            let old = Some(before.shelf().folder());
            let found = Folder::read(&app.wasm, &app.config.plugin_trust, &folder, old);
            found.map_err(|error| ChangeError::Folder(format!("{error:#}")))
        };
        let found = turn.lane.run(read).await??;
        let changed = turn.before.shelf().folder().changed(&found);
        if changed.is_empty() {
            return Ok(changed);
        }
        let gone: Vec<bool> = changed.iter().map(|name| found.get(name).is_none()).collect();
        let next = turn.before.with_shelf(turn.before.shelf().with_folder(found));
        let touched: Vec<_> = changed.iter().map(|name| self.runs(name)).collect();
        let change = self.prepare_change(turn, next, move |agent| touched.iter().any(|runs| runs(agent))).await?;
        let app = self.clone();
        to_the_end(async move {
            for (name, gone) in changed.iter().zip(gone) {
                let kind = if gone { EventKind::PluginRemoved } else { EventKind::PluginInstalled };
                app.record(app.plugin_event(kind, name)).await?;
            }
            app.take_effect(change);
            changed.iter().for_each(|name| app.pipeline.metrics.forget_plugin(name));
            Ok(changed)
        })
        .await
    }

    /// Waits until a change of the catalog may begin. `account` is the requester; `None` is the install itself.
    async fn begin_change(&self, account: Option<AccountId>) -> Result<Turn, ChangeError> {
        let lane = self.lanes.changes.enter(account).await?;
        let guard = self.changing_catalog.clone().lock_owned().await;
        Ok(Turn { lane, before: self.catalog(), _no_other_change: guard })
    }

    /// Prepares the agents affected by a change. An agent that was already unusable may stay so.
    async fn prepare_change(
        self: &Arc<Self>,
        turn: Turn,
        next: Catalog,
        touches: impl Fn(&Agent) -> bool + Send + Sync,
    ) -> Result<Change, ChangeError> {
        let next = Arc::new(next);
        loop {
            let touched = async || -> Result<Vec<Agent>, StoreError> {
                Ok(self.store().all_agents().await?.into_iter().filter(&touches).collect())
            };
            let agents = touched().await?;
            let (app, catalog, prepared) = (self.clone(), next.clone(), agents.clone());
            let serving = turn.lane.run(move |cancel| app.prepare_all(&catalog, &prepared, cancel)).await??;
            let guard = self.changing_agents.clone().lock_owned().await;
            // Repeat if an agent was changed meanwhile.
            if touched().await? == agents {
                return Ok(Change { next, serving, _no_agent_changes: guard, _turn: turn });
            }
        }
    }

    fn prepare_all(
        &self,
        catalog: &Catalog,
        agents: &[Agent],
        cancel: &Cancel,
    ) -> Result<Vec<(AgentId, Serving)>, ChangeError> {
        let mut serving = Vec::with_capacity(agents.len());
        let mut broken: Vec<AgentError> = Vec::new();
        for agent in agents {
            match self.prepare_agent(catalog, agent, cancel) {
                Ok(ready) => serving.push((agent.id, Serving::Ready(Arc::new(ready)))),
                Err(AgentError::Refused(refused)) => return Err(refused.into()),
                Err(_) if matches!(self.serving(&agent.id), Some(Serving::Unusable(_))) => {}
                Err(error) => broken.push(error),
            }
        }
        match broken.first() {
            None => Ok(serving),
            Some(first) => Err(ChangeError::Breaks { agents: broken.len(), why: explain(first) }),
        }
    }

    fn take_effect(&self, change: Change) {
        self.catalog.store(change.next);
        self.agents.rcu(|agents| {
            let mut agents = HashMap::clone(agents);
            agents.extend(change.serving.iter().cloned());
            agents
        });
    }

    /// Whether an agent uses this plugin; an unusable agent might.
    fn runs(self: &Arc<Self>, plugin: &str) -> impl Fn(&Agent) -> bool + Send + Sync + use<> {
        let (app, plugin) = (self.clone(), plugin.to_owned());
        move |agent| match app.serving(&agent.id) {
            Some(Serving::Ready(ready)) => ready.policy.pass(&plugin).is_some(),
            Some(Serving::Unusable(_)) | None => true,
        }
    }

    fn event(&self, kind: EventKind) -> Event {
        Event::new(kind, self.pipeline.clock.now())
    }

    fn plugin_event(&self, kind: EventKind, plugin: &str) -> Event {
        Event { pass: Some(plugin.into()), ..self.event(kind) }
    }

    /// Writes the files of a change. There is one change at a time, so this needs no lane.
    async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        write: impl FnOnce(&Self) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, ChangeError> {
        let app = self.clone();
        let done = tokio::task::spawn_blocking(move || write(&app)).await;
        Ok(done.map_err(|_| StoreError::Closed)??)
    }
}

/// Whether an agent uses the policy of this name.
fn follows(agent: &Agent, name: &str) -> bool {
    agent.policy_yaml.is_none() && agent.policy_name == name
}

fn by_file(bad: Vec<BadPolicy>) -> Vec<(String, PolicyError)> {
    let errors = |BadPolicy { source, errors }| errors.into_iter().map(move |error| (String::clone(&source), error));
    bad.into_iter().flat_map(errors).collect()
}

/// Runs a step to completion even if the caller disconnects.
async fn to_the_end<T: Send + 'static>(
    step: impl Future<Output = Result<T, ChangeError>> + Send + 'static,
) -> Result<T, ChangeError> {
    tokio::spawn(step).await.map_err(|_| ChangeError::Store(StoreError::Closed))?
}
