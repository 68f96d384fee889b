//! Erasing: what a time, a key, an agent, a call or a person left in the vault, and the texts of their sessions.
//!
//! An erasure is a job. What it takes is found and kept as a plan ([`plan`]), the journal says that it was asked for, and then
//! every step can be done again: after a crash it is continued at the next start of the service or by the next command,
//! until the journal says what was really done. The plan goes last. A service that runs forgets what is erased
//! too; a command that works on the files has the lock of the install, so that no service runs.

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

/// Letters and digits that a value must have to be looked for.
const SHORTEST: usize = 3;

/// What is to be erased.
#[derive(Clone, Debug)]
pub enum Erase {
    /// What was kept before this moment.
    Before(Timestamp),
    /// What tokens of this kid stand for.
    Kid(Kid),
    /// What was said in the calls in which this value was: one that only the person has, such as a number.
    Subject(SensitiveText),
    /// A call, by the platform's name for it or as lists and journal show it.
    Call(SensitiveText),
    /// What was said to an agent.
    Agent(AgentId),
    /// Texts that were kept before this moment: their time is over.
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
    /// Values of the vault.
    pub values: u64,
    /// Sessions whose texts were kept.
    pub payloads: u64,
}

/// Why nothing, or not everything yet, was erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Too short to stand for one person.
    #[error("the value must have at least {SHORTEST} letters or digits")]
    TooShort,
    /// What is looked for may be in what cannot be looked at.
    #[error("{0}")]
    Unreadable(Box<Unreadable>),
    /// It cannot be written down, so it is not done.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It was not begun.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was begun and is not over.
    #[error(
        "{0}; the erasure was begun, and is continued by the next `masker vault purge` or by the service within the hour"
    )]
    Begun(StoreError),
}

impl From<Unreadable> for EraseError {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable(Box::new(unreadable))
    }
}

/// A step of an erasure. What a crash leaves behind differs by the step that came last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The plan is kept.
    Planned,
    /// The journal says that it was asked for.
    Requested,
    /// Some texts are deleted.
    Texts,
    /// Some rows are deleted.
    Rows,
    /// What was deleted is in no file of the main database.
    MainEmptied,
    /// Nor of the vault.
    VaultEmptied,
    /// The journal says what was done.
    Journaled,
    /// The plan is gone.
    Ended,
}

/// Erases; made of the parts that a service and a command both have.
pub struct Eraser<'a> {
    /// Vault and sessions.
    pub store: &'a Store,
    /// Where it is written down.
    pub journal: &'a Journal,
    /// To look into the vault.
    pub minters: &'a Minters,
    /// To look into kept texts.
    pub payload_key: PayloadKey,
    /// To look for calls.
    pub call_names: &'a CallNames,
    /// [`crate::keys::SecretKey::check_value`] of the session secret.
    pub secret_check: String,
    /// What a service remembers of calls; a command that works on the files remembers nothing.
    pub calls: Option<&'a Calls>,
    /// Time.
    pub clock: &'a Clock,
    /// Told of each step once it is done.
    pub on_step: Option<&'a (dyn Fn(Step) + Send + Sync)>,
}

impl Eraser<'_> {
    /// Erases, and says what is gone. Ended early by a crash or an error, it is continued by [`Eraser::resume`].
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

    /// Continues what was interrupted; says what these erasures have erased, from their beginning on.
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
        // What ends by itself is not something that was done on demand.
        let (at, what) = (self.clock.now(), plan.what().word().to_owned());
        let noted = (plan.what() != What::Retention).then_some(Erasure { at, what, values, payloads });
        self.store.end_job(job.id, noted).await.map_err(EraseError::Begun)?;
        self.step(Step::Ended);
        // Without its job the count means nothing, so a crash before this does no harm.
        self.store.vault().forget_job(job.id).await.map_err(EraseError::Begun)?;
        Ok(erased)
    }

    /// Everything that can be done again: texts first, since rows lead to them.
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
    /// Erases, and forgets what is known of it in calls in progress. A request that is under way goes on with what it holds. It
    /// is done also when who asked does not wait for it.
    pub async fn erase(self: Arc<Self>, what: Erase) -> Result<Erased, EraseError> {
        let erasing = tokio::spawn(async move {
            let erased = self.eraser().erase(&what).await;
            match &erased {
                Ok(Erased { values, payloads }) => {
                    tracing::info!(what = what.what().word(), values, payloads, "erased");
                }
                Err(error @ EraseError::Begun(_)) => tracing::error!(%error, "an erasure is not over"),
                Err(_) => {}
            }
            erased
        });
        erasing.await.map_err(|_| StoreError::Closed)?
    }

    /// What [`App::erase`] would take.
    pub async fn count_erasure(&self, what: &Erase) -> Result<Erased, EraseError> {
        Ok(self.eraser().find(what).await?.count)
    }

    /// Deletes texts of sessions that were kept before this moment.
    pub(super) async fn erase_expired(&self, before: Timestamp) -> Result<u64, EraseError> {
        Ok(self.eraser().erase(&Erase::Retention(before)).await?.payloads)
    }

    /// Continues erasures that were interrupted. A rotation of keys needs a command, which is named.
    pub async fn resume_erasures(&self) -> Result<(), EraseError> {
        for job in self.store().jobs().await? {
            if let Work::Rotate { kid, .. } = Work::of(&job)? {
                tracing::warn!(
                    "a rotation of keys was interrupted: continue it with `masker vault rotate-key --new-kid {kid}`"
                );
            }
        }
        for Erased { values, payloads } in self.eraser().resume().await? {
            tracing::info!(values, payloads, "an erasure that was interrupted is over");
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
