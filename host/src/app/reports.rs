//! Creates reports: gathers the data, assembles and signs the report, and records it as an event.
//!
//! [`gather`] reads the database and the journal, [`parts`] the configuration, [`lane`] limits reports to one at a
//! time. All of it may block: it runs on its own thread ([`App::report`]).

mod gather;
mod lane;
mod parts;

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tracing::Span;

use super::{App, Depth, EvidenceError};
use crate::audit::chain::{Hash, hex_text};
use crate::audit::event::{Event, EventKind};
use crate::audit::verify::Verified;
use crate::clock::Timestamp;
use crate::ids::{AccountId, AgentId, ReportId, SessionId};
use crate::report::document::{
    Configuration, ErasureNote, Generator, Integrity, PciDss, Period, Report, SCHEMA_VERSION, SessionRoot, Summary,
};
use crate::report::safe_harbor::matrix;
use crate::report::signature::NotCanonical;
use crate::session::SessionRow;
use crate::session::figures::{Figure, Figures, cards};
use crate::store::StoreError;
use crate::store::erasures::Erasure;
use crate::store::journal::JournalError;
use gather::Gathered;
pub(super) use lane::Lanes;
use parts::Parts;

/// Priority (`nice`) of a report on many sessions.
const GIVE_WAY: i32 = 10;

/// Scope of a report.
#[derive(Clone)]
pub enum ReportScope {
    /// One session.
    Session(Box<SessionRow>),
    /// The sessions of an agent.
    Agent {
        /// The agent.
        agent: AgentId,
        /// Start of the period.
        since: Timestamp,
    },
    /// The sessions of an account.
    Account {
        /// Start of the period.
        since: Timestamp,
    },
}

impl ReportScope {
    fn name(&self) -> &'static str {
        match self {
            Self::Session(_) => "session",
            Self::Agent { .. } => "agent",
            Self::Account { .. } => "account",
        }
    }

    fn session(&self) -> Option<SessionId> {
        match self {
            Self::Session(session) => Some(session.id),
            Self::Agent { .. } | Self::Account { .. } => None,
        }
    }

    fn agent(&self) -> Option<AgentId> {
        match self {
            Self::Session(session) => Some(session.agent_id),
            Self::Agent { agent, .. } => Some(*agent),
            Self::Account { .. } => None,
        }
    }

    /// The id of the session, agent or account.
    fn id(&self, account: AccountId) -> String {
        let session = self.session().map(|id| id.text());
        session.or(self.agent().map(|id| id.text())).unwrap_or_else(|| account.text())
    }

    /// How the contents were verified.
    fn method(&self) -> &'static str {
        match self {
            Self::Session(_) => {
                "the hash of each event of the session, their tree hash, and the chain since its last full check"
            }
            Self::Agent { .. } | Self::Account { .. } => {
                "the chain since its last full check, and the tree hash of every listed session over its events"
            }
        }
    }
}

/// A finished report.
pub struct SignedReport {
    /// The report.
    pub report: Report,
    /// The same as `{"report": {..., "signature"}}`.
    pub json: Value,
}

/// Why a report was not created.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The journal is broken, or cannot be read or written.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// A session's events do not match its root.
    #[error("the events of session {0} do not match its tree hash")]
    Root(SessionId),
    /// A number has no canonical form.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// The queue of reports is full.
    #[error("too many reports are waiting")]
    Busy,
    /// The service is stopping.
    #[error("the service is stopping")]
    Stopped,
}

impl From<StoreError> for ReportError {
    fn from(error: StoreError) -> Self {
        Self::Evidence(error.into())
    }
}

impl From<JournalError> for ReportError {
    fn from(error: JournalError) -> Self {
        Self::Evidence(error.into())
    }
}

impl App {
    /// Creates a report when its turn comes, and passes it to `finish`, on a blocking thread. If the requester
    /// disconnects, the work still ends before the next report begins.
    ///
    /// # Errors
    /// The journal does not verify, so nothing is derived from it; or the queue is full.
    pub async fn report<T: Send + 'static>(
        self: &Arc<Self>,
        account: AccountId,
        scope: ReportScope,
        finish: impl FnOnce(SignedReport) -> T + Send + 'static,
    ) -> Result<T, ReportError> {
        let place = self.report_lanes.enter(&scope).await?;
        let (app, runtime, span) = (self.clone(), Handle::current(), Span::current());
        let is_short = scope.session().is_some();
        let work = move || {
            let _place = place;
            let _entered = span.entered();
            runtime.block_on(app.make_report(account, scope)).map(finish)
        };
        let work = move || if is_short { work() } else { giving_way(work) };
        tokio::task::spawn_blocking(work).await.map_err(|_| ReportError::Stopped)?
    }

    async fn make_report(
        self: &Arc<Self>,
        account: AccountId,
        scope: ReportScope,
    ) -> Result<SignedReport, ReportError> {
        let now = self.pipeline.clock.now();
        let verified = self.verify_journal(Depth::Since).await?;
        let gathered = self.gather(account, &scope, now).await?;
        let parts = self.parts(account, &scope, &gathered, now).await?;
        let report = self.fill_in(account, &scope, now, gathered, parts, verified);
        // Canonical JSON has one form of each number, while a tree with arbitrary-precision digits has many.
        let mut json = serde_json::to_value(&report).map_err(|_| NotCanonical)?;
        json["signature"] = serde_json::to_value(self.report_key.sign(&json)?).map_err(|_| NotCanonical)?;
        // Recorded beside the session's own events, not among them: its tree is complete.
        let agent_id = scope.agent();
        let account_id = agent_id.is_none().then_some(account);
        let event = Event { agent_id, account_id, ..Event::new(EventKind::ReportGenerated, now) };
        self.record(event).await?;
        Ok(SignedReport { report, json: json!({"report": json}) })
    }

    fn fill_in(
        &self,
        account: AccountId,
        scope: &ReportScope,
        now: Timestamp,
        gathered: Gathered,
        parts: Parts,
        verified: Verified,
    ) -> Report {
        let Gathered { since, until, figures, .. } = &gathered;
        let safe_harbor_detail = matrix(&parts::in_force(self.catalog().as_ref(), &parts.policies));
        let agent = scope.agent();
        let own = agent.and_then(|id| parts.agents.iter().find(|agent| agent.id == id));
        let root = |(id, root): &(SessionId, Hash)| SessionRoot { id: id.text(), merkle_root_hex: hex_text(root) };
        Report {
            id: ReportId::generate().text(),
            schema_version: SCHEMA_VERSION,
            scope: scope.name(),
            session_id: scope.session().map(|id| id.text()),
            agent_id: agent.map(|id| id.text()),
            agent_name: own.map(|agent| agent.name.clone()),
            account_id: account.text(),
            generated_at: now.to_string(),
            period: Period { since: since.to_string(), until: until.to_string() },
            generator: Generator { name: "masker", version: env!("CARGO_PKG_VERSION"), commit: env!("MASKER_COMMIT") },
            merkle_root_hex: hex_text(&gathered.root),
            summary: summary(figures, gathered.agents.len()),
            safe_harbor_coverage: safe_harbor_detail.iter().map(|category| (category.key, category.status)).collect(),
            safe_harbor_detail,
            pci_dss: pci_dss(figures),
            retention: self.kept(&parts.policies),
            erasures: parts.erasures.into_iter().map(erasure_note).collect(),
            baa_chain: parts.agents.iter().flat_map(parts::parties).collect(),
            redactions_by_kind: figures.named(Figure::Kinds).map(owned).collect(),
            redactions_by_pass: figures.named(Figure::Passes).map(owned).collect(),
            masked_transcripts: parts.transcripts,
            masked_transcripts_note: parts.transcripts_note,
            journal_integrity: Integrity {
                verified: true,
                method: scope.method(),
                start_hash: hex_text(&verified.start_hash),
                end_hash: hex_text(&verified.end_hash),
                event_count: verified.events,
                events_in_scope: figures.sum(Figure::Events),
            },
            policy_snapshot: parts.policy_snapshot,
            configuration: Configuration {
                agents: parts.agents.iter().map(parts::agent_snapshot).collect(),
                plugins: parts::plugins(self.catalog().as_ref()),
            },
            sessions_digest_hex: hex_text(&gathered.digest),
            sessions: gathered.listed.iter().map(root).collect(),
            leak_detection: gathered.leaks,
        }
    }
}

/// Runs the work on a low-priority thread. The thread is not reused, since a lowered priority cannot be raised again.
fn giving_way<T: Send>(work: impl FnOnce() -> Result<T, ReportError> + Send) -> Result<T, ReportError> {
    let work = || {
        // If lowering the priority fails, the thread keeps the default.
        let _ = rustix::process::nice(GIVE_WAY);
        work()
    };
    std::thread::scope(|scope| scope.spawn(work).join()).unwrap_or(Err(ReportError::Stopped))
}

fn summary(figures: &Figures, agents: usize) -> Summary {
    Summary {
        sessions: figures.sum(Figure::Sessions),
        sessions_by_status: figures.named(Figure::Sessions).map(owned).collect(),
        calls: figures.sum(Figure::Calls),
        agents: agents as u64,
        redactions: figures.sum(Figure::Kinds),
        carried: figures.sum(Figure::Carried),
        restored: figures.sum(Figure::Restored),
        incidents: figures.incidents(),
    }
}

fn pci_dss(figures: &Figures) -> PciDss {
    let count = |name| figures.get(Figure::Cards, name);
    PciDss {
        cards_found: count(cards::FOUND),
        luhn_checked: count(cards::LUHN),
        tokenized: count(cards::TOKENIZED),
        redacted: count(cards::REDACTED),
        passed_through: count(cards::PASSED),
    }
}

fn owned((name, count): (&str, u64)) -> (String, u64) {
    (name.to_owned(), count)
}

fn erasure_note(Erasure { at, what, values, payloads }: Erasure) -> ErasureNote {
    ErasureNote { at: at.to_string(), by: what, values, payloads }
}
