//! Gathers what a report is made of, signs it, and writes down that it was made.

mod parts;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Value, json};

use parts::{agent_snapshot, parties};

use super::{App, Depth, EvidenceError, embedded};
use crate::audit::chain::{Hash, hex_text};
use crate::audit::event::{Event, EventKind};
use crate::audit::merkle;
use crate::audit::verify::Verified;
use crate::clock::Timestamp;
use crate::ids::{AccountId, AgentId, ReportId, SessionId};
use crate::report::document::{
    Configuration, ErasureNote, Generator, Integrity, Period, PluginSnapshot, Report, SCHEMA_VERSION, SessionRoot,
    Summary,
};
use crate::report::safe_harbor::{InForce, matrix};
use crate::report::signature::NotCanonical;
use crate::report::tally::Tally;
use crate::session::{ByteRange, SessionRow};
use crate::store::StoreError;
use crate::store::erasures::Erasure;
use crate::store::journal::JournalError;

/// Stretches of the journal that are closer than this are read as one.
const GAP: u64 = 64 << 10;

/// What a report is about.
#[derive(Clone)]
pub enum ReportScope {
    /// One session.
    Session(Box<SessionRow>),
    /// The sessions of an agent.
    Agent {
        /// The agent.
        agent: AgentId,
        /// From here on.
        since: Timestamp,
    },
    /// The sessions of an account.
    Account {
        /// From here on.
        since: Timestamp,
    },
}

/// A finished report.
pub struct SignedReport {
    /// The report.
    pub report: Report,
    /// The same as `{"report": {..., "signature"}}`.
    pub json: Value,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The journal is broken, or cannot be read or written.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// A session's events are not those that its root was made of.
    #[error("the events of session {0} are not those that its tree hash was made of")]
    Root(SessionId),
    /// A figure has no canonical form.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
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

/// The sessions of a report and the time they are of.
struct Gathered {
    sessions: Vec<SessionRow>,
    turns: HashMap<SessionId, u64>,
    period: (Timestamp, Timestamp),
}

impl App {
    /// Makes a report. `progress` hears of each thousand events that were read.
    ///
    /// # Errors
    /// The journal does not verify: nothing is made of a broken one.
    pub async fn make_report(
        self: &Arc<Self>,
        account: AccountId,
        scope: ReportScope,
        progress: impl Fn(u64) + Send + 'static,
    ) -> Result<SignedReport, ReportError> {
        let id = ReportId::generate();
        let now = self.pipeline.clock.now();
        let gathered = self.gather(account, &scope, now).await?;
        let (app, depth) =
            (self.clone(), if matches!(scope, ReportScope::Session(_)) { Depth::Since } else { Depth::Whole });
        let checking = tokio::task::spawn_blocking(move || app.check_journal(depth));
        let (app, turns, sessions) = (self.clone(), gathered.turns.clone(), gathered.sessions.clone());
        let counting = tokio::task::spawn_blocking(move || app.tally(&sessions, turns, progress));
        let verified = checking.await.map_err(|_| JournalError::Unavailable)??;
        let tally = counting.await.map_err(|_| JournalError::Unavailable)??;
        let report = self.fill_in(id, account, &scope, now, gathered, tally, verified).await?;
        // Canonical JSON has one way to write a number; a tree with the digits kept apart has many.
        let mut json = serde_json::to_value(&report).map_err(|_| NotCanonical)?;
        json["signature"] = serde_json::to_value(self.report_key.sign(&json)?).map_err(|_| NotCanonical)?;
        let agent_id = match &scope {
            // Beside the session, not in it: its tree is closed.
            ReportScope::Session(session) => Some(session.agent_id),
            ReportScope::Agent { agent, .. } => Some(*agent),
            ReportScope::Account { .. } => None,
        };
        let account_id = agent_id.is_none().then_some(account);
        let event = Event { agent_id, account_id, ..Event::new(EventKind::ReportGenerated, now) };
        self.record(event).await?;
        Ok(SignedReport { report, json: json!({"report": json}) })
    }

    async fn gather(&self, account: AccountId, scope: &ReportScope, now: Timestamp) -> Result<Gathered, StoreError> {
        if let ReportScope::Session(session) = scope {
            let turns = HashMap::from([(session.id, self.store().turn_of(session).await?)]);
            let period = (session.started_at, session.ended_at.unwrap_or(session.started_at));
            return Ok(Gathered { sessions: vec![(**session).clone()], turns, period });
        }
        self.store().sessions_flushed().await?;
        let (agent, since) = match scope {
            ReportScope::Agent { agent, since } => (Some(*agent), *since),
            ReportScope::Account { since } => (None, *since),
            ReportScope::Session(session) => (None, session.started_at),
        };
        let sessions = self.store().sessions_between(account, agent, since, now).await?;
        Ok(Gathered { turns: turns(&sessions), sessions, period: (since, now) })
    }

    /// Reads the sessions' events, counts them, and holds them against the sessions' tree hashes.
    fn tally(
        &self,
        sessions: &[SessionRow],
        turns: HashMap<SessionId, u64>,
        progress: impl Fn(u64),
    ) -> Result<Tally, ReportError> {
        let mut tally = Tally::new(turns);
        let mut leaves: HashMap<SessionId, Vec<Hash>> = HashMap::new();
        let roots = sessions.iter().filter_map(|session| Some((session.id, session.merkle_root?)));
        let roots: HashMap<SessionId, Hash> = roots.collect();
        let mut confirmed: HashSet<SessionId> = HashSet::with_capacity(roots.len());
        for (read, entry) in self
            .pipeline
            .journal
            .events_within(&stretches(sessions.iter().flat_map(|session| session.journal.iter().copied())))
            .enumerate()
        {
            let entry = entry?;
            tally.count(&entry.event);
            if read % 1000 == 0 {
                progress(read as u64);
            }
            let Some(session) = entry.event.session_id.filter(|session| roots.contains_key(session)) else { continue };
            leaves.entry(session).or_default().push(entry.hash);
            if entry.event.kind == EventKind::SessionCompleted {
                let own = leaves.remove(&session).unwrap_or_default();
                if roots.get(&session) != Some(&merkle::root(&own)) {
                    return Err(ReportError::Root(session));
                }
                confirmed.insert(session);
            }
        }
        // A session that Masker was stopped in has no last event.
        confirmed.extend(
            leaves.iter().filter(|(session, own)| roots.get(*session) == Some(&merkle::root(own))).map(|(id, _)| *id),
        );
        // Of sessions whose part of the journal was deleted when its time was over, nothing can be held against anything.
        let begin = self.pipeline.journal.start();
        let is_there = |session: &SessionRow| session.journal.first().is_some_and(|range| range.start >= begin);
        let mut unconfirmed = sessions.iter().filter(|session| roots.contains_key(&session.id) && is_there(session));
        match unconfirmed.find(|session| !confirmed.contains(&session.id)) {
            Some(session) => Err(ReportError::Root(session.id)),
            None => Ok(tally),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "each is a part of the report and named like it")]
    async fn fill_in(
        &self,
        id: ReportId,
        account: AccountId,
        scope: &ReportScope,
        now: Timestamp,
        gathered: Gathered,
        tally: Tally,
        verified: Verified,
    ) -> Result<Report, ReportError> {
        let Gathered { sessions, period: (since, until), .. } = gathered;
        let erasures = self.store().erasures(since, now).await?.into_iter().map(erasure_note).collect();
        let (session, scope_name, agent) = match scope {
            ReportScope::Session(session) => (Some(session.id), "session", Some(session.agent_id)),
            ReportScope::Agent { agent, .. } => (None, "agent", Some(*agent)),
            ReportScope::Account { .. } => (None, "account", None),
        };
        let mut ids: BTreeSet<AgentId> = sessions.iter().map(|session| session.agent_id).chain(agent).collect();
        if agent.is_none() {
            // An account's report names every agent that could have been called.
            let living = self.store().all_agents().await?;
            ids.extend(living.iter().filter(|agent| agent.account_id == account).map(|agent| agent.id));
        }
        let agents = self.store().agents_of_report(account, ids.into_iter().collect()).await?;
        let (policy_snapshot, policies) = self.policies_in_force(account, &sessions, &agents).await?;
        let catalog = self.catalog();
        let shipped = embedded();
        let is_shipped = |pass: &str| {
            let digest = catalog.plugin(pass).map(|plugin| plugin.digest);
            shipped.iter().any(|bytes| Some(*blake3::hash(bytes).as_bytes()) == digest)
        };
        let in_force: Vec<InForce<'_>> = policies
            .iter()
            .map(|policy| InForce {
                policy,
                as_shipped: policy.passes.iter().map(|pass| &*pass.plugin).filter(|pass| is_shipped(pass)).collect(),
            })
            .collect();
        let safe_harbor_detail = matrix(&in_force);
        let scope_id = session.map(|id| id.text()).or(agent.map(|id| id.text())).unwrap_or_else(|| account.text());
        let (masked_transcripts, masked_transcripts_note) = self.transcripts(&scope_id, &sessions, &policies).await?;
        let mut redactions_by_kind: BTreeMap<String, u64> = BTreeMap::new();
        let mut sessions_by_status: BTreeMap<&'static str, u64> = BTreeMap::new();
        for session in &sessions {
            *sessions_by_status.entry(session.status.as_str()).or_default() += 1;
            for (kind, count) in &session.redactions_by_kind {
                *redactions_by_kind.entry(kind.to_string()).or_default() += u64::from(*count);
            }
        }
        let calls: BTreeSet<_> = sessions.iter().filter_map(|s| Some((s.agent_id, s.call_id.as_deref()?))).collect();
        let roots: Vec<(SessionId, Hash)> = sessions
            .iter()
            .map(|session| (session.id, session.merkle_root.unwrap_or_else(|| merkle::root(&[]))))
            .collect();
        let merkle_root = match (session, roots.as_slice()) {
            (Some(_), [(_, root)]) => *root,
            _ => merkle::root(&roots.iter().map(|(_, root)| *root).collect::<Vec<_>>()),
        };
        let agent_name =
            agent.and_then(|id| agents.iter().find(|agent| agent.id == id)).map(|agent| agent.name.clone());
        Ok(Report {
            id: id.text(),
            schema_version: SCHEMA_VERSION,
            scope: scope_name,
            session_id: session.map(|id| id.text()),
            agent_id: agent.map(|id| id.text()),
            agent_name,
            account_id: account.text(),
            generated_at: now.to_string(),
            period: Period { since: since.to_string(), until: until.to_string() },
            generator: Generator { name: "masker", version: env!("CARGO_PKG_VERSION"), commit: env!("MASKER_COMMIT") },
            merkle_root_hex: hex_text(&merkle_root),
            summary: Summary {
                sessions: sessions.len() as u64,
                calls: calls.len() as u64,
                agents: sessions.iter().map(|session| session.agent_id).collect::<BTreeSet<_>>().len() as u64,
                redactions: redactions_by_kind.values().sum(),
                restored: sessions.iter().map(|session| session.rehydrated.len() as u64).sum(),
                incidents: tally.incidents,
                sessions_by_status,
            },
            safe_harbor_coverage: safe_harbor_detail.iter().map(|category| (category.key, category.status)).collect(),
            safe_harbor_detail,
            pci_dss: tally.cards,
            leak_detection: tally.leaks,
            retention: self.kept(&policies),
            erasures,
            baa_chain: agents.iter().flat_map(parties).collect(),
            redactions_by_kind,
            redactions_by_pass: tally.by_pass,
            masked_transcripts,
            masked_transcripts_note,
            journal_integrity: Integrity {
                verified: true,
                method: match scope {
                    ReportScope::Session(_) => {
                        "the session's tree hash over its events, and the chain since its last whole check"
                    }
                    _ => "the whole chain from its first event, and every session's tree hash over its events",
                },
                start_hash: hex_text(&verified.start_hash),
                end_hash: hex_text(&verified.end_hash),
                event_count: verified.events,
                events_in_scope: tally.events,
            },
            policy_snapshot,
            configuration: Configuration {
                agents: agents.iter().map(agent_snapshot).collect(),
                plugins: catalog
                    .shelf()
                    .plugins()
                    .iter()
                    .map(|plugin| PluginSnapshot {
                        name: plugin.manifest.name.clone(),
                        version: plugin.manifest.version.clone(),
                        sha256: data_encoding::HEXLOWER.encode(&plugin.sha256),
                    })
                    .collect(),
            },
            sessions: roots
                .iter()
                .map(|(id, root)| SessionRoot { id: id.text(), merkle_root_hex: hex_text(root) })
                .collect(),
        })
    }
}

/// Which turn of its call each session is, counted from 1.
fn turns(sessions: &[SessionRow]) -> HashMap<SessionId, u64> {
    let mut calls: HashMap<(AgentId, &str), u64> = HashMap::new();
    let turn = |session: &'_ SessionRow, turns: &mut u64| {
        *turns += 1;
        (session.id, *turns)
    };
    let numbered = sessions.iter().map(|session| match &session.call_id {
        Some(call) => turn(session, calls.entry((session.agent_id, call.as_str())).or_default()),
        None => (session.id, 1),
    });
    numbered.collect()
}

fn erasure_note(Erasure { at, what, values, payloads }: Erasure) -> ErasureNote {
    ErasureNote { at: at.to_string(), by: what, values, payloads }
}

/// The stretches of the journal that hold the sessions' events, in order, close ones joined.
fn stretches(ranges: impl Iterator<Item = ByteRange>) -> Vec<ByteRange> {
    let mut ranges: Vec<ByteRange> = ranges.collect();
    ranges.sort_unstable();
    let mut joined: Vec<ByteRange> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(GAP) => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_stretches_are_read_as_one() {
        let ranges = [(500_000, 500_100), (0, 10), (10, 20), (600_000, 600_001)];
        let ranges = ranges.into_iter().map(|(start, end)| ByteRange { start, end });
        let read: Vec<_> = stretches(ranges).iter().map(|range| (range.start, range.end)).collect();
        assert_eq!(read, [(0, 20), (500_000, 500_100), (600_000, 600_001)]);
    }
}
