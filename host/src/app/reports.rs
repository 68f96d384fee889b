//! Gathers what a report is made of, signs it, and writes down that it was made.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};

use super::{App, Depth, EvidenceError, embedded};
use crate::audit::chain::{Hash, hex_text};
use crate::audit::event::{Event, EventKind};
use crate::audit::merkle;
use crate::audit::verify::Verified;
use crate::clock::Timestamp;
use crate::ids::{AccountId, AgentId, ReportId, SessionId};
use crate::policy::CompiledPolicy;
use crate::report::document::{
    AgentSnapshot, Configuration, ErasureNote, Generator, Integrity, Kept, Party, Period, PluginSnapshot,
    PolicySnapshot, Report, SCHEMA_VERSION, SessionRoot, Summary, Transcript,
};
use crate::report::safe_harbor::{InForce, matrix};
use crate::report::signature::NotCanonical;
use crate::report::tally::Tally;
use crate::report::transcript;
use crate::session::{ByteRange, SessionRow};
use crate::store::StoreError;
use crate::store::agents::Agent;
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
            }
        }
        Ok(tally)
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
        let ids: BTreeSet<AgentId> = sessions.iter().map(|session| session.agent_id).chain(agent).collect();
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

    /// Every policy that a session ran on, or that an agent without sessions would run on: as it was written, and compiled.
    async fn policies_in_force(
        &self,
        account: AccountId,
        sessions: &[SessionRow],
        agents: &[Agent],
    ) -> Result<(Vec<PolicySnapshot>, Vec<CompiledPolicy>), StoreError> {
        let own: HashMap<AgentId, &Agent> = agents.iter().map(|agent| (agent.id, agent)).collect();
        let used = sessions.iter().map(|session| {
            let own = own
                .get(&session.agent_id)
                .and_then(|agent| own_policy(agent, &session.policy_name, session.policy_version));
            (session.policy_name.to_string(), session.policy_version, own)
        });
        let mut used: BTreeSet<(String, u32, Option<String>)> = used.collect();
        if used.is_empty() {
            used.extend(
                agents.iter().map(|agent| (agent.policy_name.clone(), agent.policy_version, agent.policy_yaml.clone())),
            );
        }
        let (mut snapshots, mut compiled) = (Vec::new(), Vec::new());
        let catalog = self.catalog();
        for (name, version, own) in used {
            let yaml = match own {
                Some(own) => Some(own),
                None => self.policy_document(account, &name, version).await?,
            };
            let policy = yaml.as_deref().and_then(|yaml| catalog.compile(yaml, version).ok());
            snapshots.push(PolicySnapshot {
                name,
                version,
                digest: policy.as_ref().map(CompiledPolicy::digest_hex),
                yaml,
            });
            compiled.extend(policy);
        }
        Ok((snapshots, compiled))
    }

    async fn policy_document(
        &self,
        account: AccountId,
        name: &str,
        version: u32,
    ) -> Result<Option<String>, StoreError> {
        let Some(policy) = self.store().policy(account, name).await? else { return Ok(None) };
        Ok(self.store().policy_version(policy.id, version).await?.map(|(document, _)| document))
    }

    /// A sample of what the model got, where that is kept.
    async fn transcripts(
        &self,
        scope: &str,
        sessions: &[SessionRow],
        policies: &[CompiledPolicy],
    ) -> Result<(Vec<Transcript>, Option<String>), StoreError> {
        let keeps = self.config.payload_retention_days > 0 && policies.iter().any(|policy| policy.audit.log_payloads);
        if !keeps {
            let note = "Texts are not kept: MASKER_PAYLOAD_RETENTION_DAYS is 0, or no policy sets audit.log_payloads.";
            return Ok((Vec::new(), Some(note.to_owned())));
        }
        let rows: HashMap<SessionId, &SessionRow> = sessions.iter().map(|session| (session.id, session)).collect();
        let mut transcripts = Vec::new();
        for id in transcript::sample(scope, rows.keys().copied()) {
            let Some(session) = rows.get(&id) else { continue };
            let Some(masked) = self.payloads(session).await?.and_then(|payloads| payloads.masked) else { continue };
            transcripts.push(Transcript {
                session_id: id.text(),
                agent_name: session.agent_name.to_string(),
                started_at: session.started_at.to_string(),
                messages: transcript::lines(masked.expose()),
            });
            if transcripts.len() == transcript::MOST {
                break;
            }
        }
        let note = transcripts.is_empty().then(|| "No texts are kept of these sessions any more.".to_owned());
        Ok((transcripts, note))
    }

    /// What the configuration really does.
    fn kept(&self, policies: &[CompiledPolicy]) -> Vec<Kept> {
        let payload_days = self.config.payload_retention_days;
        let keeping: Vec<&str> =
            policies.iter().filter(|policy| policy.audit.log_payloads).map(|policy| &*policy.name).collect();
        let texts = match (payload_days, keeping.as_slice()) {
            (0, _) => "Not kept: MASKER_PAYLOAD_RETENTION_DAYS is 0.".to_owned(),
            (_, []) => "Not kept: no policy in force sets audit.log_payloads.".to_owned(),
            (_, names) => format!(
                "Sealed with AES-256-GCM-SIV, for the policies {}; deleted by the hourly pass.",
                names.join(", ")
            ),
        };
        let days = self.config.session_retention_days;
        vec![
            Kept {
                what: "Texts of callers and answers",
                rule: texts,
                days: Some(if keeping.is_empty() { 0 } else { payload_days }),
            },
            Kept {
                what: "Rows of sessions: times, counts, outcome; no text",
                rule: "Deleted by the hourly pass.".to_owned(),
                days: Some(days),
            },
            Kept {
                what: "Vault: originals behind tokens",
                rule: "Each sealed with AES-256-GCM-SIV under its policy's key; kept until it is deleted.".to_owned(),
                days: None,
            },
            Kept {
                what: "Journal: events without values",
                rule: match self.config.audit_retention_days {
                    0 => "Append-only and chained; Masker deletes nothing of it.".to_owned(),
                    _ => "Append-only and chained; whole files are deleted when their time is over.".to_owned(),
                },
                days: Some(self.config.audit_retention_days).filter(|days| *days > 0),
            },
        ]
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

/// The agent's own document, when that is what ran.
fn own_policy(agent: &Agent, name: &str, version: u32) -> Option<String> {
    (agent.policy_name == name && agent.policy_version == version).then(|| agent.policy_yaml.clone()).flatten()
}

fn agent_snapshot(agent: &Agent) -> AgentSnapshot {
    AgentSnapshot {
        id: agent.id.text(),
        name: agent.name.clone(),
        upstream: agent.upstream.clone(),
        platform: agent.platform.clone(),
        tokenization: agent.tokenization.clone(),
        policy_name: agent.policy_name.clone(),
        policy_version: agent.policy_version,
        deleted: agent.deleted_at.is_some(),
    }
}

/// Who handles an agent's data, from the caller to the model.
fn parties(agent: &Agent) -> [Party; 3] {
    let agreements: Value =
        agent.agreements.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let recorded = |party: &str, field: &str| agreements.get(party)?.get(field)?.as_str().map(str::to_owned);
    let party = |role: &'static str, name: String, sees: &'static str| Party {
        agent: agent.name.clone(),
        role,
        name,
        sees,
        agreement: recorded(role, "status").unwrap_or_else(|| "not_recorded".to_owned()),
        reference: recorded(role, "reference"),
    };
    let model = match agent.upstream.split_once(':') {
        Some((provider, model)) => format!("{provider} ({model})"),
        None => "stub, inside Masker".to_owned(),
    };
    let operator = Party {
        agreement: "not_required".to_owned(),
        ..party("operator", "this install of Masker, run by its operator".to_owned(), "in the clear")
    };
    [
        party("voice_platform", agent.platform.clone(), "in the clear"),
        operator,
        party("llm_provider", model, "tokens only"),
    ]
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
