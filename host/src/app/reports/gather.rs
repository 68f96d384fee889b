//! Data of a report about its sessions: figures, hashes, incidents. For many sessions these come from sums and hashes
//! in the database; the journal is only read for the sessions that the report lists.

use std::collections::{BTreeSet, HashMap};

use sha2::{Digest, Sha256};

use super::{ReportError, ReportScope};
use crate::app::App;
use crate::audit::chain::{Hash, hex_text};
use crate::audit::event::EventKind;
use crate::audit::merkle;
use crate::audit::verify::Checker;
use crate::clock::Timestamp;
use crate::ids::{AccountId, AgentId, SessionId};
use crate::keys::SecretKey;
use crate::report::document::LeakDetection;
use crate::report::leaks::Leaks;
use crate::session::figures::{Figure, Figures, policy_of};
use crate::session::{ByteRange, SessionRow};
use crate::store::journal::{Journal, JournalEntry};
use crate::store::reports::{ReportRows, ReportSessions};

/// Byte ranges of the journal that are closer than this are read as one.
const GAP: u64 = 64 << 10;

/// Data about the sessions.
pub(super) struct Gathered {
    pub since: Timestamp,
    pub until: Timestamp,
    pub figures: Figures,
    /// The agents that were called.
    pub agents: BTreeSet<AgentId>,
    /// Policies by name and version, with the agent that used them.
    pub policies: BTreeSet<(AgentId, String, u32)>,
    pub leaks: LeakDetection,
    pub root: Hash,
    pub digest: Hash,
    /// The first sessions, each with its root.
    pub listed: Vec<(SessionId, Hash)>,
    /// A sample of sessions with stored texts.
    pub sample: Vec<SessionRow>,
}

impl App {
    pub(super) async fn gather(
        &self,
        account: AccountId,
        scope: &ReportScope,
        now: Timestamp,
    ) -> Result<Gathered, ReportError> {
        let (agent, since) = match scope {
            ReportScope::Session(session) => {
                let turn = self.store().turn_of(session).await?;
                return gather_one(&self.pipeline.journal, &self.config.audit_key, session, turn);
            }
            ReportScope::Agent { agent, since } => (Some(*agent), *since),
            ReportScope::Account { since } => (None, *since),
        };
        self.count_older_sessions().await?;
        self.store().sessions_flushed().await?;
        let sessions = ReportSessions { account, agent, since, until: now };
        let scope = self.pipeline.payload_key.as_ref().map(|_| scope.id(account));
        let rows = self.store().report_rows(&sessions, scope.as_deref())?;
        gather_many(&self.pipeline.journal, &sessions, rows)
    }

    /// Counts sessions older than the daily sums, once after an upgrade. An interruption keeps what was counted.
    async fn count_older_sessions(&self) -> Result<(), ReportError> {
        loop {
            let mut rows = self.store().uncounted_sessions().await?;
            if rows.is_empty() {
                return Ok(());
            }
            count_events(&self.pipeline.journal, &mut rows);
            self.store().count_sessions(rows).await?;
        }
    }
}

fn gather_one(journal: &Journal, key: &SecretKey, session: &SessionRow, turn: u64) -> Result<Gathered, ReportError> {
    let checker = Checker::new(key);
    let mut leaks = Leaks::new(HashMap::from([(session.id, turn)]));
    let mut counted = Figures::default();
    confirm(journal, std::slice::from_ref(session), |entry| {
        let line = journal.line(entry.range)?;
        if checker.check(line.as_bytes()).map(|link| link.this) != Ok(entry.hash) {
            return Err(ReportError::Root(session.id));
        }
        counted.count(&entry.event);
        leaks.look(&entry.event);
        Ok(())
    })?;
    let figures = Figures::of(&SessionRow { counted, ..session.clone() }, session.call_id.is_some());
    let root = root_of(session);
    Ok(Gathered {
        since: session.started_at,
        until: session.ended_at.unwrap_or(session.started_at),
        agents: BTreeSet::from([session.agent_id]),
        policies: BTreeSet::from([(session.agent_id, session.policy_name.to_string(), session.policy_version)]),
        leaks: leaks.finish(&figures),
        figures,
        root,
        digest: Sha256::digest(format!("{} {}\n", session.id, hex_text(&root))).into(),
        listed: vec![(session.id, root)],
        sample: vec![session.clone()],
    })
}

fn gather_many(journal: &Journal, sessions: &ReportSessions, rows: ReportRows) -> Result<Gathered, ReportError> {
    let ReportRows { figures: by_agent, root, digest, listed, incidents, turns, sample } = rows;
    let mut leaks = Leaks::new(turns);
    let roots = listed.iter().map(|session| (session.id, root_of(session))).collect();
    let known: BTreeSet<SessionId> = listed.iter().map(|session| session.id).collect();
    let mut named = listed;
    named.extend(incidents.into_iter().filter(|session| !known.contains(&session.id)));
    named.sort_by_key(|session| session.id);
    named.dedup_by_key(|session| session.id);
    confirm(journal, &named, |entry| {
        leaks.look(&entry.event);
        Ok(())
    })?;
    let mut figures = Figures::default();
    let mut policies = BTreeSet::new();
    for (agent, own) in &by_agent {
        figures.add_all(own);
        let own = own.named(Figure::Policies).filter_map(|(name, _)| policy_of(name));
        policies.extend(own.map(|(name, version)| (*agent, name.to_owned(), version)));
    }
    Ok(Gathered {
        since: sessions.since,
        until: sessions.until,
        agents: by_agent.into_keys().collect(),
        policies,
        leaks: leaks.finish(&figures),
        figures,
        root,
        digest,
        listed: roots,
        sample,
    })
}

fn root_of(session: &SessionRow) -> Hash {
    session.merkle_root.unwrap_or_else(|| merkle::root(&[]))
}

/// Reads the sessions' events and compares them with the sessions' roots.
fn confirm(
    journal: &Journal,
    sessions: &[SessionRow],
    mut see: impl FnMut(&JournalEntry) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let sessions = there(journal, sessions);
    let roots: HashMap<SessionId, Option<Hash>> = sessions.iter().map(|own| (own.id, own.merkle_root)).collect();
    let mut leaves: HashMap<SessionId, Vec<Hash>> = HashMap::new();
    let mut confirmed = BTreeSet::new();
    let is_root = |id: &SessionId, own: &[Hash]| roots.get(id) == Some(&Some(merkle::root(own)));
    for entry in journal.events_within(&stretches(&sessions)) {
        let entry = entry?;
        let Some(session) = entry.event.session_id.filter(|id| roots.contains_key(id)) else { continue };
        see(&entry)?;
        leaves.entry(session).or_default().push(entry.hash);
        if entry.event.kind == EventKind::SessionCompleted
            && is_root(&session, &leaves.remove(&session).unwrap_or_default())
        {
            confirmed.insert(session);
        }
    }
    // A session interrupted by a crash has no last event.
    confirmed.extend(leaves.iter().filter(|(id, own)| is_root(id, own)).map(|(id, _)| *id));
    match sessions.iter().find(|own| own.merkle_root.is_some() && !confirmed.contains(&own.id)) {
        Some(session) => Err(ReportError::Root(session.id)),
        None => Ok(()),
    }
}

/// Adds figures from the events of these rows. If they cannot be read, only the row itself counts.
fn count_events(journal: &Journal, rows: &mut [SessionRow]) {
    let stretches = stretches(&there(journal, rows));
    let mut own: HashMap<SessionId, &mut Figures> = rows.iter_mut().map(|row| (row.id, &mut row.counted)).collect();
    for entry in journal.events_within(&stretches).map_while(Result::ok) {
        if let Some(figures) = entry.event.session_id.and_then(|id| own.get_mut(&id)) {
            figures.count(&entry.event);
        }
    }
}

/// Sessions whose part of the journal was not deleted by retention.
fn there<'s>(journal: &Journal, sessions: &'s [SessionRow]) -> Vec<&'s SessionRow> {
    let begin = journal.start();
    let is_there = |session: &&SessionRow| session.journal.first().is_some_and(|range| range.start >= begin);
    sessions.iter().filter(is_there).collect()
}

/// The byte ranges of the journal with the sessions' events, in order; close ones are joined.
fn stretches(sessions: &[&SessionRow]) -> Vec<ByteRange> {
    joined(sessions.iter().flat_map(|session| &session.journal).copied().collect())
}

fn joined(mut ranges: Vec<ByteRange>) -> Vec<ByteRange> {
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
        let ranges = ranges.into_iter().map(|(start, end)| ByteRange { start, end }).collect();
        let read: Vec<_> = joined(ranges).iter().map(|range| (range.start, range.end)).collect();
        assert_eq!(read, [(0, 20), (500_000, 500_100), (600_000, 600_001)]);
    }
}
