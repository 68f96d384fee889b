//! The application: everything built once from the settings, and the agents that are ready to serve.

mod agents;
mod api_tokens;
mod assistants;
mod catalog;
mod changes;
mod erasure;
mod evidence;
pub(crate) mod jobs;
mod key_ages;
pub mod lanes;
mod limits;
mod lost_keys;
mod oauth_state;
mod plugin_folder;
mod plugins;
mod policies;
mod reports;
mod retention;
mod sealed;
mod sign_in;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use arc_swap::ArcSwap;
use lanes::{Cancel, Lanes};
use sealed::Sealer;

use crate::audit::event::Event;
use crate::callback::Callbacks;
use crate::clock::Clock;
use crate::config::{Config, Provider};
use crate::files;
use crate::github::GitHub;
use crate::ids::{AccountId, AgentId};
use crate::pipeline::pool::PassPool;
use crate::pipeline::{Pipeline, ReadyAgent, RecordedSpans, calls::Calls, detect::DecisionCache, metrics::Metrics};
use crate::report::signature::ReportKey;
use crate::session::SessionRow;
use crate::session::payloads::{PayloadKey, Payloads};
use crate::store::journal::{Journal, JournalError};
use crate::store::lock::DataLock;
use crate::store::policies::InstallPolicy;
use crate::store::rebuild::remembered_end;
use crate::store::{Store, StoreError, StorePaths};
use crate::tokens::call_name::CallNames;
use crate::tokens::mint::Minters;
use crate::upstream::Upstream;
use crate::upstream::openai::OpenAi;
use crate::wasm::Wasm;

use agents::Trials;
pub(crate) use agents::prepare_passes;
pub use agents::{AgentDraft, AgentError, ChangedAgent, Field, Trial};
pub use api_tokens::{TokenError, token_event};
pub use catalog::{Catalog, NamedPolicy};
pub use changes::{ChangeError, Reloaded};
pub use erasure::{Erase, EraseError, Erased, Eraser, ErasurePreview, Step};
pub use evidence::{Depth, Evidence, EvidenceError, Pieces, Proof, Soundness};
pub use key_ages::KeyAge;
pub use limits::{Limits, RateLimited};
pub use oauth_state::LIFE_SECONDS as OAUTH_STATE_SECONDS;
pub use plugins::{InstalledPlugins, Origin, Uploads, embedded, load as load_plugins};
pub use policies::compile_local;
pub use reports::{ReportError, ReportScope, SignedReport};
pub use retention::Retention;
pub use sign_in::{Begun, Finished, Returned, SignInError, SignedIn, ToConfirm, login_url};

/// Queue length per pass thread. At a millisecond per request, this is about a tenth of a second of work.
const QUEUE_PER_THREAD: usize = 128;

/// Whether an agent can serve requests.
#[derive(Clone)]
pub enum Serving {
    /// It can serve.
    Ready(Arc<ReadyAgent>),
    /// Its policy or one of its plugins cannot be used; the log of the start says why.
    Unusable(Arc<Stopped>),
}

/// An agent that cannot serve.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stopped {
    /// Its name.
    pub name: String,
    /// The account that owns it.
    pub account: AccountId,
}

/// Shared state of all handlers.
pub struct App {
    /// The settings.
    pub config: Config,
    /// The masking and unmasking pipeline.
    pub pipeline: Arc<Pipeline>,
    /// The WebAssembly runtime.
    pub wasm: Arc<Wasm>,
    /// Rate limits of the accounts.
    pub limits: Limits,
    /// Start time.
    pub started: Instant,
    catalog: ArcSwap<Catalog>,
    agents: ArcSwap<HashMap<AgentId, Serving>>,
    /// State of the retention pass.
    pub retention: Retention,
    /// Verification state of the journal.
    pub evidence: Arc<Evidence>,
    report_lanes: reports::Lanes,
    /// Signing key of reports.
    pub report_key: ReportKey,
    /// The keys of this install, and when each was first seen.
    pub key_ages: Vec<KeyAge>,
    /// Bounded queues for expensive API work.
    pub lanes: Lanes,
    /// Held while a change of an agent takes effect.
    changing_agents: Arc<tokio::sync::Mutex<()>>,
    /// Held for the whole duration of a change of plugins or policies.
    changing_catalog: Arc<tokio::sync::Mutex<()>>,
    trials: Trials,
    uploads: Uploads,
    upstream: Upstream,
    github: Option<GitHub>,
    callbacks: Callbacks,
    sealer: Sealer,
    /// Keeps other processes away from the files; dropped last.
    _lock: DataLock,
}

impl App {
    /// Opens all files and prepares every agent. `extra_plugins` are loaded before the embedded ones.
    ///
    /// # Errors
    /// Anything that prevents the service from starting, as a message for the operator.
    pub async fn start(config: Config, clock: Clock, extra_plugins: Vec<Vec<u8>>) -> anyhow::Result<Arc<Self>> {
        let folder = config.data_dir.clone();
        let lock = tokio::task::spawn_blocking(move || own(&folder)).await??;
        let remembered = remembered_end(&config.database).unwrap_or_default();
        let (journal, recovered) =
            Journal::open_rotating(&config.journal, &config.audit_key, config.audit_rotate_bytes, remembered)
                .with_context(|| format!("MASKER_AUDIT_LOG_PATH={}", config.journal.display()))?;
        let paths = StorePaths { main: config.database.clone(), vault: config.vault.clone() };
        let store = Arc::new(Store::open(&paths, clock.clone())?);
        if recovered.truncated > 0 {
            tracing::warn!(bytes = recovered.truncated, "an incomplete last line of the journal was removed");
        }
        if recovered.restored > 0 {
            tracing::warn!(bytes = recovered.restored, "events lost from the journal's file in a crash were restored");
        }
        let journal = Arc::new(journal);
        let rebuilt = store.rebuild_sessions(&journal).await.context("the sessions cannot be rebuilt")?;
        if rebuilt.sessions > 0 {
            tracing::info!(sessions = rebuilt.sessions, "lost sessions were rebuilt from the journal");
        }
        if rebuilt.missing > 0 {
            tracing::error!(
                bytes = rebuilt.missing,
                "the journal is shorter than it was: a power failure, or it was truncated"
            );
        }
        let minters = Minters::new(&config.keys);
        lost_keys::check(&config, &store, &journal, &minters, clock.now()).await?;
        let (path, key) = (config.journal.clone(), config.audit_key.clone());
        let evidence = Evidence::at_start(path, key, recovered.end, rebuilt.missing);
        let cache = config.data_dir.join("cache").join("plugins");
        let wasm = Arc::new(Wasm::start(cache, &config.session_secret, config.pass_threads)?);
        if let Some(fault) = wasm.cache_fault() {
            tracing::warn!("compiled plugins are not cached: {fault}");
        }
        let uploads = Uploads::new(config.data_dir.join("plugins"));
        let shelf =
            InstalledPlugins::load(&wasm, &config.plugin_trust, config.plugin_dir.as_deref(), extra_plugins, &uploads)?;
        let catalog = Catalog::new(shelf, config.keys.kids().cloned().collect());
        store.set_install_policies(policies_at_start(&config, &catalog)?).await?;
        let catalog = catalog.with_policies(store.all_policies().await?);
        let upstream = match config.provider {
            Provider::Stub => Upstream::Stub,
            Provider::Openai => Upstream::Openai(Box::new(OpenAi::new(
                &config.openai_completions_url,
                config.openai_api_key.clone(),
                config.upstream_timeout,
            )?)),
        };
        let pipeline = Arc::new(Pipeline {
            pool: PassPool::start(config.pass_threads, config.pass_threads * QUEUE_PER_THREAD)?,
            detection_timeout: config.detection_timeout,
            journal,
            store,
            minters,
            calls: Calls::default(),
            call_names: CallNames::new(&config.session_secret),
            recorded: RecordedSpans::default(),
            memo: DecisionCache::new(config.memo_bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?,
            metrics: Arc::new(Metrics::new()),
            payload_key: (config.payload_retention_days > 0).then(|| PayloadKey::new(&config.session_secret)),
            clock,
        });
        let report_key = ReportKey::new(&config.report_key, config.report_key_old.as_ref());
        let key_ages = key_ages::of(&config, &report_key, &pipeline.store).await?;
        let github = config.sign_in.github.clone().map(GitHub::new).transpose()?;
        let app = Arc::new(Self {
            limits: Limits::new(&config, &pipeline.clock),
            sealer: Sealer::new(&config.session_secret),
            github,
            callbacks: Callbacks::new(config.callback_allow.clone()),
            config,
            pipeline,
            wasm,
            catalog: ArcSwap::from_pointee(catalog),
            uploads,
            started: Instant::now(),
            agents: ArcSwap::default(),
            lanes: Lanes::default(),
            changing_agents: Arc::default(),
            changing_catalog: Arc::default(),
            trials: Trials::default(),
            retention: Retention::default(),
            evidence: Arc::new(evidence),
            report_lanes: reports::Lanes::default(),
            report_key,
            key_ages,
            upstream,
            _lock: lock,
        });
        app.check_journal_at_start()?;
        app.prepare_agents().await?;
        app.end_tokens_of_who_left().await?;
        Ok(app)
    }

    /// An agent that is not deleted, and whether it can serve.
    pub fn serving(&self, id: &AgentId) -> Option<Serving> {
        self.agents.load().get(id).cloned()
    }

    /// The agents that cannot serve, by name: their requests are answered with 503.
    pub fn unusable_agents(&self) -> Vec<Arc<Stopped>> {
        let agents = self.agents.load();
        let stopped = agents.values().filter_map(|agent| match agent {
            Serving::Ready(_) => None,
            Serving::Unusable(stopped) => Some(stopped.clone()),
        });
        let mut stopped: Vec<_> = stopped.collect();
        stopped.sort();
        stopped
    }

    /// Records an event of the install and waits until it is on disk.
    ///
    /// # Errors
    /// When it could not be recorded: the recorded action must not be carried out then.
    pub async fn record(&self, event: Event) -> Result<(), JournalError> {
        self.record_all(vec![event]).await
    }

    /// The same for several events, in one write.
    async fn record_all(&self, events: Vec<Event>) -> Result<(), JournalError> {
        if events.is_empty() {
            return Ok(());
        }
        let receipt = self.pipeline.journal.append(&events)?;
        self.pipeline.journal.synced(&receipt).await
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.pipeline.store
    }

    /// The stored texts of a session, until the end of their retention.
    pub async fn payloads(&self, session: &SessionRow) -> Result<Option<Payloads>, StoreError> {
        let Some(key) = &self.pipeline.payload_key else { return Ok(None) };
        let oldest = self.pipeline.clock.now().days_before(self.config.payload_retention_days);
        let kept = self.store().payloads(session.id).await?.filter(|kept| kept.kept_since >= oldest);
        let opened = kept.map(|kept| key.open(session, &kept.sealed));
        if opened == Some(None) {
            tracing::warn!(session = %session.id, "stored texts cannot be decrypted: MASKER_SESSION_SECRET was changed");
        }
        Ok(opened.flatten())
    }
}

/// The install's policies. A policy that does not compile prevents the start, except in development mode or if a
/// plugin could not be loaded, which may be the cause: then it is left out.
fn policies_at_start(config: &Config, catalog: &Catalog) -> anyhow::Result<Vec<InstallPolicy>> {
    let (sound, bad) = policies::read(config.policy_path.as_deref(), catalog, &Cancel::never());
    for policy in &bad {
        if !config.development && catalog.shelf().is_whole() {
            anyhow::bail!("{policy}");
        }
        tracing::error!("policy not loaded: {policy}");
    }
    Ok(sound)
}

/// Creates the data folder if it is missing, and acquires its lock.
fn own(folder: &Path) -> anyhow::Result<DataLock> {
    files::create_folder(folder)
        .with_context(|| format!("MASKER_DATA_DIR={}: the folder cannot be created", folder.display()))?;
    DataLock::take(folder, "masker serve").context("MASKER_DATA_DIR")
}
