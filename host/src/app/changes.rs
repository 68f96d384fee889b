//! Changes of what agents are made of, while they serve.
//!
//! One at a time. The next catalog is made, and every agent that it touches is prepared from it, which may take seconds
//! and happens off the path of requests. Then, in one step, the event is on disk, the change is kept, and catalog and
//! agents are swapped; requests in flight finish on what they began with. A change with which an agent could not serve any
//! more is refused, and nothing has changed. Whoever asked may leave meanwhile: a change is done as a whole or not at all.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::MutexGuard;

use super::agents::explain;
use super::catalog::{Catalog, NamedPolicy};
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

/// Why nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The policy cannot be used.
    #[error("the policy cannot be used")]
    Policy(Vec<PolicyError>),
    /// A plugin refuses what the policy configures it with.
    #[error("{0}")]
    Configuration(#[from] PrepareError),
    /// Files of policies cannot be used: which, and where.
    #[error("the policy files cannot be used")]
    Files(Vec<(String, PolicyError)>),
    /// The name is that of a policy of the install.
    #[error("a policy that comes with the install has this name")]
    NameTaken,
    /// The component cannot be used.
    #[error("{0}")]
    Plugin(#[from] InstallError),
    /// The folder of plugins cannot be read.
    #[error("{0}")]
    Folder(String),
    /// The plugin has a name that no policy could use.
    #[error("a plugin may not be called {0}: the name has another meaning in policies")]
    PluginName(String),
    /// There is no such plugin.
    #[error("there is no such plugin")]
    NoPlugin,
    /// The plugin was not uploaded, so there is nothing to remove.
    #[error("the plugin was not uploaded")]
    NotUploaded(Origin),
    /// Agents could not serve any more.
    #[error("{agents} of the agents in use could not serve any more: {why}")]
    Breaks {
        /// How many.
        agents: usize,
        /// Of one of them.
        why: String,
    },
    /// The journal takes no events.
    #[error("the audit journal cannot be written")]
    Journal(#[from] JournalError),
    /// Ours.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// Ours.
    #[error("the data folder cannot be written: {0}")]
    File(#[from] std::io::Error),
}

/// What reading the policy files again has changed.
pub struct Reloaded {
    /// Policies that are new or have a new version.
    pub changed: Vec<Policy>,
    /// Policies that are not there any more.
    pub removed: Vec<String>,
}

/// The next catalog with the agents that it touches. Until it is gone no agent changes.
struct Change<'a> {
    next: Arc<Catalog>,
    serving: Vec<(AgentId, Serving)>,
    _no_agent_changes: MutexGuard<'a, ()>,
}

impl App {
    /// What agents are made of now.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.load_full()
    }

    /// Makes a policy of an account, or its next version; whether it is new comes with it.
    pub async fn put_policy(
        self: &Arc<Self>,
        account: AccountId,
        name: String,
        document: String,
    ) -> Result<(Policy, bool), ChangeError> {
        let app = self.clone();
        to_the_end(async move {
            let _one_change_at_a_time = app.changing_catalog.lock().await;
            let before = app.catalog();
            let own = before.policy_of_account(account, &name);
            if own.is_none() && before.policy_of_install(&name).is_some() {
                return Err(ChangeError::NameTaken);
            }
            let version = own.map_or(1, |policy| policy.version + 1);
            app.check_policy(&before, document.clone(), version, Some(name.clone())).await?;
            let policy = NamedPolicy { document: document.as_str().into(), version };
            let next = before.with_policy(account, &name, policy);
            let named = name.clone();
            let touches = move |agent: &Agent| agent.account_id == account && follows(agent, &named);
            let change = app.prepare_change(next, touches).await?;
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

    /// Everything that is wrong with a document here: with itself, with the install, and with what its plugins say of
    /// their configuration. `name` is what it must be called, when that is given.
    pub async fn check_policy(
        self: &Arc<Self>,
        catalog: &Arc<Catalog>,
        document: String,
        version: u32,
        name: Option<String>,
    ) -> Result<(), ChangeError> {
        let catalog = catalog.clone();
        self.off_path(move |app| {
            let compiled = catalog.compile(&document, version).map_err(ChangeError::Policy)?;
            if let Some(name) = name.filter(|name| **name != *compiled.name) {
                let message = format!("must be {name}, as it is called in the URL");
                let code = ErrorCode::PolicyYamlInvalid;
                return Err(ChangeError::Policy(vec![PolicyError { code, path: "name".into(), line: None, message }]));
            }
            for pass in &compiled.passes {
                if let Some(plugin) = catalog.plugin(&pass.plugin) {
                    app.wasm.check_configuration(plugin, &pass.config_json)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Reads the policy files again.
    pub async fn reload_policies(self: &Arc<Self>) -> Result<Reloaded, ChangeError> {
        let app = self.clone();
        to_the_end(async move {
            let _one_change_at_a_time = app.changing_catalog.lock().await;
            let before = app.catalog();
            let catalog = before.clone();
            let sound = app
                .off_path(move |app| {
                    let (sound, bad) = policies::read(app.config.policy_path.as_deref(), &catalog);
                    if bad.is_empty() { Ok(sound) } else { Err(ChangeError::Files(by_file(bad))) }
                })
                .await?;
            let is_new = |name: &str, document: &str| {
                before.policy_of_install(name).is_none_or(|policy| *policy.document != *document)
            };
            let changed: Vec<String> = sound
                .iter()
                .filter(|policy| is_new(&policy.name, &policy.document))
                .map(|policy| policy.name.clone())
                .collect();
            let removed: Vec<String> = before
                .names_of_install()
                .filter(|name| sound.iter().all(|policy| policy.name != *name))
                .map(str::to_owned)
                .collect();
            for policy in sound.iter().filter(|policy| changed.contains(&policy.name)) {
                app.check_policy(&before, policy.document.clone(), 1, None).await?;
            }
            // The store gives the versions. What they will be is known, since nothing else changes these policies.
            let known = app.store().install_policies().await?;
            let next = before.with_policies_of_install(sound.iter().map(|policy| {
                let version = match known.iter().find(|known| known.name == policy.name) {
                    Some(known) if known.document == policy.document => known.version,
                    Some(known) => known.version + 1,
                    None => 1,
                };
                (policy.name.clone(), NamedPolicy { document: policy.document.as_str().into(), version })
            }));
            let names: Vec<String> = changed.iter().chain(&removed).cloned().collect();
            let catalog = before.clone();
            let touches = move |agent: &Agent| {
                let own = catalog.policy_of_account(agent.account_id, &agent.policy_name).is_some();
                !own && names.iter().any(|name| follows(agent, name))
            };
            let change = app.prepare_change(next, touches).await?;
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

    /// Takes a component in; whether its name is new comes with it.
    pub async fn install_plugin(
        self: &Arc<Self>,
        bytes: Vec<u8>,
        signature: Option<String>,
    ) -> Result<(String, bool), ChangeError> {
        let app = self.clone();
        to_the_end(async move {
            let trusted = app.config.plugin_trust.check(&bytes, signature.as_deref());
            trusted.map_err(InstallError::from)?;
            let plugin = app.off_path(move |app| Ok(app.wasm.inspect(bytes)?)).await?;
            let name = plugin.manifest.name.clone();
            if HOST_PASSES.contains(&name.as_str()) || name == "gemma" {
                return Err(ChangeError::PluginName(name));
            }
            let _one_change_at_a_time = app.changing_catalog.lock().await;
            let before = app.catalog();
            let is_new = before.plugin(&name).is_none();
            let next = before.with_shelf(before.shelf().with(plugin.clone()));
            let change = app.prepare_change(next, app.runs(&name)).await?;
            let draft = app.off_path(move |app| Ok(app.uploads.draft(&plugin, signature.as_deref())?)).await?;
            app.record(app.plugin_event(EventKind::PluginInstalled, &name)).await?;
            app.off_path(move |_| Ok(draft.keep()?)).await?;
            app.take_effect(change);
            app.pipeline.metrics.forget_plugin(&name);
            Ok((name, is_new))
        })
        .await
    }

    /// Removes an uploaded plugin. One that it covered is there again.
    pub async fn remove_plugin(self: &Arc<Self>, name: String) -> Result<(), ChangeError> {
        let app = self.clone();
        to_the_end(async move {
            let _one_change_at_a_time = app.changing_catalog.lock().await;
            let before = app.catalog();
            match before.shelf().origin(&name) {
                None => return Err(ChangeError::NoPlugin),
                Some(Origin::Uploaded) => {}
                Some(origin) => return Err(ChangeError::NotUploaded(origin)),
            }
            let next = before.with_shelf(before.shelf().without(&name));
            let change = app.prepare_change(next, app.runs(&name)).await?;
            app.record(app.plugin_event(EventKind::PluginRemoved, &name)).await?;
            let gone = name.clone();
            app.off_path(move |app| Ok(app.uploads.remove(&gone)?)).await?;
            app.take_effect(change);
            app.pipeline.metrics.forget_plugin(&name);
            Ok(())
        })
        .await
    }

    /// Puts what stands in `MASKER_PLUGIN_DIR` now in the place of what stood there. The names of those that are new, changed
    /// or gone come back.
    pub async fn reload_plugin_folder(self: &Arc<Self>) -> Result<Vec<String>, ChangeError> {
        let Some(folder) = self.config.plugin_dir.clone() else { return Ok(Vec::new()) };
        let app = self.clone();
        to_the_end(async move {
            let read = move |app: &Arc<App>| {
                let before = app.catalog();
                let old = Some(before.shelf().folder());
                let found = Folder::read(&app.wasm, &app.config.plugin_trust, &folder, old);
                found.map_err(|error| ChangeError::Folder(format!("{error:#}")))
            };
            let found = app.off_path(read).await?;
            let _one_change_at_a_time = app.changing_catalog.lock().await;
            let before = app.catalog();
            let changed = before.shelf().folder().changed(&found);
            if changed.is_empty() {
                return Ok(changed);
            }
            let gone: Vec<bool> = changed.iter().map(|name| found.get(name).is_none()).collect();
            let next = before.with_shelf(before.shelf().with_folder(found));
            let touched: Vec<_> = changed.iter().map(|name| app.runs(name)).collect();
            let change = app.prepare_change(next, move |agent| touched.iter().any(|runs| runs(agent))).await?;
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

    /// Prepares the agents that a change touches. One that could not serve before need not serve afterwards.
    async fn prepare_change(
        self: &Arc<Self>,
        next: Catalog,
        touches: impl Fn(&Agent) -> bool + Send + Sync,
    ) -> Result<Change<'_>, ChangeError> {
        let next = Arc::new(next);
        loop {
            let touched = async || -> Result<Vec<Agent>, StoreError> {
                Ok(self.store().all_agents().await?.into_iter().filter(&touches).collect())
            };
            let agents = touched().await?;
            let (catalog, prepared) = (next.clone(), agents.clone());
            let serving = self.off_path(move |app| app.prepare_all(&catalog, &prepared)).await?;
            let guard = self.changing_agents.lock().await;
            // Again when an agent was changed meanwhile.
            if touched().await? == agents {
                return Ok(Change { next, serving, _no_agent_changes: guard });
            }
        }
    }

    fn prepare_all(&self, catalog: &Catalog, agents: &[Agent]) -> Result<Vec<(AgentId, Serving)>, ChangeError> {
        let mut serving = Vec::with_capacity(agents.len());
        let mut broken: Vec<AgentError> = Vec::new();
        for agent in agents {
            match self.prepare_agent(catalog, agent) {
                Ok(ready) => serving.push((agent.id, Serving::Ready(Arc::new(ready)))),
                Err(_) if matches!(self.serving(&agent.id), Some(Serving::Unusable)) => {}
                Err(error) => broken.push(error),
            }
        }
        match broken.first() {
            None => Ok(serving),
            Some(first) => Err(ChangeError::Breaks { agents: broken.len(), why: explain(first) }),
        }
    }

    fn take_effect(&self, change: Change<'_>) {
        self.catalog.store(change.next);
        self.agents.rcu(|agents| {
            let mut agents = HashMap::clone(agents);
            agents.extend(change.serving.iter().cloned());
            agents
        });
    }

    /// Whether an agent runs this plugin; one that cannot serve might, with it.
    fn runs(self: &Arc<Self>, plugin: &str) -> impl Fn(&Agent) -> bool + Send + Sync + use<> {
        let (app, plugin) = (self.clone(), plugin.to_owned());
        move |agent| match app.serving(&agent.id) {
            Some(Serving::Ready(ready)) => ready.policy.pass(&plugin).is_some(),
            Some(Serving::Unusable) | None => true,
        }
    }

    fn event(&self, kind: EventKind) -> Event {
        Event::new(kind, self.pipeline.clock.now())
    }

    fn plugin_event(&self, kind: EventKind, plugin: &str) -> Event {
        Event { pass: Some(plugin.into()), ..self.event(kind) }
    }

    /// Runs what takes long on a thread of its own, one at a time: compiling two plugins at once would take the cores
    /// away from requests.
    async fn off_path<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Arc<Self>) -> Result<T, ChangeError> + Send + 'static,
    ) -> Result<T, ChangeError> {
        let app = self.clone();
        let _turn = self.compiling.lock().await;
        let done = tokio::task::spawn_blocking(move || work(&app)).await;
        done.map_err(|_| ChangeError::Store(StoreError::Closed))?
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

/// Runs on when whoever waits for it leaves.
async fn to_the_end<T: Send + 'static>(
    step: impl Future<Output = Result<T, ChangeError>> + Send + 'static,
) -> Result<T, ChangeError> {
    tokio::spawn(step).await.map_err(|_| ChangeError::Store(StoreError::Closed))?
}
