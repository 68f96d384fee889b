//! Erases vault values and stored texts: by time, key, agent, call or person.
//!
//! An erasure is a job. Its targets are determined and stored as a plan ([`plan`]), the request is recorded in the
//! journal, and every following step is idempotent: after a crash, the next start of the service or the next command
//! resumes it, until the journal records the result. The plan is deleted last. A running service also drops the erased
//! values from memory; a command that works on the files holds the lock of the install, so no service runs.

mod find;
mod plan;
mod said;

use std::sync::Arc;

pub use find::{ErasurePreview, Unreadable};
pub(crate) use plan::Plan;
use plan::What;

use super::App;
use super::jobs::{Work, append_once};
use crate::audit::event::{Detail, Event, EventKind, Word};
use crate::clock::{Clock, Timestamp};
use crate::ids::{AgentId, EventId};
use crate::keys::Kid;
use crate::pipeline::calls::Calls;
use crate::pipeline::reading;
use crate::sensitive::SensitiveText;
use crate::session::payloads::PayloadKey;
use crate::store::erasures::Erasure;
use crate::store::jobs::Job;
use crate::store::journal::{Journal, JournalError};
use crate::store::vault::Gone;
use crate::store::{Store, StoreError};
use crate::tokens::call_name::CallNames;
use crate::tokens::mint::{Minters, Scope};

/// Minimum number of letters and digits of a value to search for.
const SHORTEST: usize = 3;

/// What to erase.
#[derive(Clone, Debug)]
pub enum Erase {
    /// Everything stored before this moment.
    Before(Timestamp),
    /// The values of tokens with this kid.
    Kid(Kid),
    /// All values of the calls that contain this value: one that only the person has, such as a number.
    Subject(SensitiveText),
    /// A call, by the platform's id or by the id shown in lists and the journal.
    Call(SensitiveText),
    /// All values of an agent.
    Agent(AgentId),
    /// Expired texts, stored before this moment.
    Retention(Timestamp),
}

impl Erase {
    fn what(&self) -> What {
        match self {
            Self::Before(_) => What::Before,
            Self::Kid(_) => What::Kid,
            Self::Subject(_) => What::Subject,
            Self::Call(_) => What::Call,
            Self::Agent(_) => What::Agent,
            Self::Retention(_) => What::Retention,
        }
    }
}

/// How much was erased, or would be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Erased {
    /// Vault values.
    pub values: u64,
    /// Sessions with stored texts.
    pub payloads: u64,
}

/// Why an erasure failed or is incomplete.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Too short to identify a person.
    #[error("the value must have at least {SHORTEST} letters or digits")]
    TooShort,
    /// Some data cannot be decrypted and might contain the value.
    #[error("{0}")]
    Unreadable(Box<Unreadable>),
    /// It cannot be recorded, so it was not started.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It was not started.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was started but did not finish.
    #[error("{0}; the erasure is incomplete; the next `masker vault purge` or the service within the hour resumes it")]
    Begun(StoreError),
}

impl From<Unreadable> for EraseError {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable(Box::new(unreadable))
    }
}

/// A step of an erasure, for tests that interrupt it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The plan is stored.
    Planned,
    /// The request is recorded in the journal.
    Requested,
    /// Some texts are deleted.
    Texts,
    /// Some rows are deleted.
    Rows,
    /// The main database's files no longer contain deleted data.
    MainEmptied,
    /// The same for the vault.
    VaultEmptied,
    /// The result is recorded in the journal.
    Journaled,
    /// The plan is deleted.
    Ended,
}

/// Runs erasures, for both the service and the commands.
pub struct Eraser<'a> {
    /// The store.
    pub store: &'a Store,
    /// The journal.
    pub journal: &'a Journal,
    /// Decrypts vault rows.
    pub minters: &'a Minters,
    /// Decrypts stored texts.
    pub payload_key: PayloadKey,
    /// Hashes call ids.
    pub call_names: &'a CallNames,
    /// [`crate::keys::SecretKey::check_value`] of the session secret.
    pub secret_check: String,
    /// Calls in the memory of a service; `None` in a command.
    pub calls: Option<&'a Calls>,
    /// The clock.
    pub clock: &'a Clock,
    /// Called after each step.
    pub on_step: Option<&'a (dyn Fn(Step) + Send + Sync)>,
}

impl Eraser<'_> {
    /// Erases and returns what was erased. After a crash or an error, [`Eraser::resume`] continues it.
    pub async fn erase(&self, what: &Erase) -> Result<Erased, EraseError> {
        let _one = self.store.working().await;
        let found = self.find(what).await?;
        if matches!(what, Erase::Retention(_)) && found.count == Erased::default() {
            return Ok(Erased::default());
        }
        let plan = Plan::new(what, found);
        let job = Job {
            id: EventId::generate(),
            asked_at: self.clock.now(),
            journal_at: self.journal.end()?.0,
            plan: Work::Erase(plan).to_json()?,
        };
        self.store.begin_job(job.clone()).await?;
        self.step(Step::Planned);
        self.run(&job, false).await
    }

    /// Resumes interrupted erasures; returns what each has erased in total.
    pub async fn resume(&self) -> Result<Vec<Erased>, EraseError> {
        let _one = self.store.working().await;
        let mut resumed = Vec::new();
        for job in self.store.jobs().await? {
            if matches!(Work::of(&job)?, Work::Erase(_)) {
                resumed.push(self.run(&job, true).await?);
            }
        }
        Ok(resumed)
    }

    async fn run(&self, job: &Job, is_resumed: bool) -> Result<Erased, EraseError> {
        let Work::Erase(plan) = Work::of(job)? else { return Err(StoreError::BadRow("jobs").into()) };
        let request = Event { event_id: job.id, ts: job.asked_at, ..self.event(EventKind::PurgeRequested, &plan)? };
        if let Err(error) = append_once(self.journal, job, is_resumed, vec![request]).await {
            if !is_resumed {
                self.store.end_job(job.id, None).await?;
            }
            return Err(error.into());
        }
        self.step(Step::Requested);
        let erased = self.work(job, &plan).await.map_err(EraseError::Begun)?;
        append_once(self.journal, job, is_resumed, self.done_events(job, &plan, erased)?).await?;
        self.step(Step::Journaled);
        let Erased { values, payloads } = erased;
        // Retention is automatic, so it is not listed as an erasure on demand.
        let (at, what) = (self.clock.now(), plan.what().word().to_owned());
        let noted = (plan.what() != What::Retention).then_some(Erasure { at, what, values, payloads });
        self.store.end_job(job.id, noted).await.map_err(EraseError::Begun)?;
        self.step(Step::Ended);
        // The counter means nothing without its job, so a crash before this is harmless.
        self.store.vault().forget_job(job.id).await.map_err(EraseError::Begun)?;
        Ok(erased)
    }

    /// The idempotent part: texts first, since rows lead to them.
    async fn work(&self, job: &Job, plan: &Plan) -> Result<Erased, StoreError> {
        let (vault, doomed) = (self.store.vault(), plan.doomed()?);
        self.store.erase_texts(job.id, &plan.texts()?, || self.step(Step::Texts)).await?;
        if let Some(doomed) = doomed {
            let forget = |gone: &[Gone]| {
                if let Some(calls) = self.calls {
                    calls.forget_rows(gone, self.minters, &reading(self.clock));
                }
                self.step(Step::Rows);
            };
            vault.purge(job.id, doomed, forget).await?;
        }
        if let (Some(memory), What::Subject | What::Call) = (self.calls, plan.what()) {
            plan.calls()?.into_iter().for_each(|(agent, id)| memory.forget_call(Scope::with_id(agent, id)));
        }
        self.store.compact().await?;
        self.step(Step::MainEmptied);
        vault.compact().await?;
        self.step(Step::VaultEmptied);
        let payloads = self.store.texts_erased_by(job.id).await?;
        Ok(Erased { values: vault.rows_of_job(job.id).await?, payloads })
    }

    fn done_events(&self, job: &Job, plan: &Plan, erased: Erased) -> Result<Vec<Event>, StoreError> {
        let (values, texts) = plan.events()?;
        let done = |kind, event_id, count| {
            let event = self.event(kind, plan)?;
            Ok::<_, StoreError>(Event { event_id, request: Some(job.id), detail: Some(Detail::Count(count)), ..event })
        };
        let mut events = Vec::new();
        if plan.what() != What::Retention {
            events.push(done(EventKind::VaultPurged, values, erased.values)?);
        }
        if erased.payloads > 0 {
            events.push(done(EventKind::PayloadsPurged, texts, erased.payloads)?);
        }
        Ok(events)
    }

    fn event(&self, kind: EventKind, plan: &Plan) -> Result<Event, StoreError> {
        Ok(Event {
            account_id: Some(self.store.first_account()),
            agent_id: plan.agent()?,
            field: Some(Word::from(plan.what().word())),
            kid: plan.kid()?,
            ..Event::new(kind, self.clock.now())
        })
    }

    fn step(&self, step: Step) {
        if let Some(on_step) = self.on_step {
            on_step(step);
        }
    }
}

impl App {
    /// Erases, and drops the erased values from the memory of calls. A request in flight keeps the values it has. It
    /// completes even if the caller does not wait.
    pub async fn erase(self: Arc<Self>, what: Erase) -> Result<Erased, EraseError> {
        let erasing = tokio::spawn(async move {
            let erased = self.eraser().erase(&what).await;
            match &erased {
                Ok(Erased { values, payloads }) => {
                    tracing::info!(what = what.what().word(), values, payloads, "erased");
                }
                Err(error @ EraseError::Begun(_)) => tracing::error!(%error, "an erasure is incomplete"),
                Err(_) => {}
            }
            erased
        });
        erasing.await.map_err(|_| StoreError::Closed)?
    }

    /// What [`App::erase`] would erase.
    pub async fn count_erasure(&self, what: &Erase) -> Result<Erased, EraseError> {
        Ok(self.eraser().find(what).await?.count)
    }

    /// Deletes texts stored before this moment.
    pub(super) async fn erase_expired(&self, before: Timestamp) -> Result<u64, EraseError> {
        Ok(self.eraser().erase(&Erase::Retention(before)).await?.payloads)
    }

    /// Resumes interrupted erasures. For a key rotation, which needs a command, it logs that command.
    pub async fn resume_erasures(&self) -> Result<(), EraseError> {
        for job in self.store().jobs().await? {
            if let Work::Rotate { kid, .. } = Work::of(&job)? {
                tracing::warn!(
                    "a key rotation was interrupted: resume it with `masker vault rotate-key --new-kid {kid}`"
                );
            }
        }
        for Erased { values, payloads } in self.eraser().resume().await? {
            tracing::info!(values, payloads, "an interrupted erasure was completed");
        }
        Ok(())
    }

    fn eraser(&self) -> Eraser<'_> {
        Eraser {
            store: self.store(),
            journal: &self.pipeline.journal,
            minters: &self.pipeline.minters,
            payload_key: PayloadKey::new(&self.config.session_secret),
            call_names: &self.pipeline.call_names,
            secret_check: self.config.session_secret.check_value(),
            calls: Some(&self.pipeline.calls),
            clock: &self.pipeline.clock,
            on_step: None,
        }
    }
}
