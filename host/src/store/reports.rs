//! Data of a report: daily sums and the sessions at the edges of the period, the hashes of all sessions, and the few
//! sessions it lists.
//!
//! A report reads one snapshot of the database on its own connection: it blocks no other query, and memory use does
//! not grow with the number of sessions.

mod rows;

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, params_from_iter};
use sha2::{Digest, Sha256};

use super::agents::{self, Agent};
use super::db::open_reader;
use super::{Store, StoreError, days};
use crate::audit::chain::{Hash, hex_text};
use crate::audit::merkle::{self, RootStream};
use crate::clock::Timestamp;
use crate::ids::{AccountId, AgentId, SessionId};
use crate::report::document::LISTED_SESSIONS;
use crate::report::transcript::Sample;
use crate::session::SessionRow;
use crate::session::figures::{Figure, Figures, INCIDENTS};
use rows::Rows;

/// Selects the sessions of a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportSessions {
    /// The account.
    pub account: AccountId,
    /// Only this agent's sessions.
    pub agent: Option<AgentId>,
    /// Sessions that began at this moment or later.
    pub since: Timestamp,
    /// Sessions that began at this moment or before.
    pub until: Timestamp,
}

/// Data about the selected sessions.
#[derive(Default)]
pub struct ReportRows {
    /// Figures of each agent that was called.
    pub figures: BTreeMap<AgentId, Figures>,
    /// Merkle root over the sessions' roots, in order.
    pub root: Hash,
    /// SHA-256 over one line per session, in order: its id, a space, its root.
    pub digest: Hash,
    /// The first sessions.
    pub listed: Vec<SessionRow>,
    /// The first sessions with an incident, for each kind of incident.
    pub incidents: Vec<SessionRow>,
    /// The turn of each of those.
    pub turns: HashMap<SessionId, u64>,
    /// A sample of sessions with stored texts.
    pub sample: Vec<SessionRow>,
}

impl Store {
    /// Collects the data of a report. `scope` seeds the sample of sessions with stored texts; without it the sample is
    /// empty. Takes about a second for a million sessions: not for async code.
    pub fn report_rows(&self, sessions: &ReportSessions, scope: Option<&str>) -> Result<ReportRows, StoreError> {
        let conn = open_reader(&self.main_path)?;
        let snapshot = conn.unchecked_transaction()?;
        let agents = own_agents(&snapshot, sessions)?;
        let rows = Rows::of(sessions);
        let Some(oldest) = rows.oldest(&snapshot)? else { return Ok(empty()) };
        // Older sessions were deleted, so the sums of their days would count too many.
        let since = sessions.since.millis().max(oldest);
        let mut found = ReportRows { figures: figures(&snapshot, &rows, &agents, since)?, ..empty() };
        walk(&snapshot, &rows, scope, &mut found)?;
        found.listed = rows.first(&snapshot, LISTED_SESSIONS)?;
        for kind in INCIDENTS {
            found.incidents.extend(rows.with_incident(&snapshot, sessions, kind)?);
        }
        for row in &found.incidents {
            found.turns.insert(row.id, turn(&snapshot, row)?);
        }
        Ok(found)
    }

    /// The turn number of a session within its call, from 1.
    pub async fn turn_of(&self, session: &SessionRow) -> Result<u64, StoreError> {
        let session = session.clone();
        self.main.read(move |conn| turn(conn, &session)).await
    }

    /// These agents of an account, including deleted ones.
    pub async fn agents_of_report(&self, account: AccountId, ids: Vec<AgentId>) -> Result<Vec<Agent>, StoreError> {
        self.main
            .read(move |conn: &Connection| {
                let marks = vec!["?"; ids.len()].join(", ");
                let mut query = conn.prepare(&format!(
                    "SELECT {} FROM agents WHERE account_id = ? AND id IN ({marks}) ORDER BY id",
                    agents::COLUMNS
                ))?;
                let values = std::iter::once(account.text()).chain(ids.iter().map(AgentId::text));
                let rows = query.query_map(params_from_iter(values), agents::agent)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}

fn empty() -> ReportRows {
    ReportRows { root: merkle::root(&[]), digest: Sha256::digest([]).into(), ..ReportRows::default() }
}

/// The agents whose sessions may match, including deleted ones.
fn own_agents(conn: &Connection, sessions: &ReportSessions) -> Result<Vec<AgentId>, StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT id FROM agents INDEXED BY agents_ever WHERE account_id = ?1 AND (?2 IS NULL OR id = ?2)",
    )?;
    let agent = sessions.agent.map(|agent| agent.text());
    let agents = query.query_map((sessions.account.text(), agent), |row| super::columns::parsed(row, 0))?;
    Ok(agents.collect::<Result<_, _>>()?)
}

/// Daily sums. The first day is counted from the start of the period, and sessions of the last day that began after
/// its end are subtracted: there are few, since reports reach up to now.
fn figures(
    conn: &Connection,
    rows: &Rows,
    agents: &[AgentId],
    since: i64,
) -> Result<BTreeMap<AgentId, Figures>, StoreError> {
    let end = rows.until.saturating_add(1);
    let (first, last) = (days::day(since - 1) + 1, days::day(rows.until));
    if first > last {
        return rows.count(conn, since..end);
    }
    let mut figures = rows.count(conn, since..first * days::DAY_MS)?;
    for agent in agents {
        figures.entry(*agent).or_default().add_all(&days::of_agent(conn, *agent, first..last + 1)?);
    }
    for (agent, behind) in rows.count(conn, end..(last + 1) * days::DAY_MS)? {
        figures.entry(agent).or_default().take_all(&behind);
    }
    figures.retain(|_, own| own.sum(Figure::Sessions) > 0);
    Ok(figures)
}

/// Reads id and hash of every session.
fn walk(conn: &Connection, rows: &Rows, scope: Option<&str>, found: &mut ReportRows) -> Result<(), StoreError> {
    let (mut root, mut digest) = (RootStream::default(), Sha256::new());
    let mut sample = scope.map(Sample::new);
    let mut has_texts = conn.prepare_cached("SELECT 1 FROM session_payloads WHERE session_id = ?1")?;
    rows.each(conn, |id, hash| {
        let hash = hash.unwrap_or_else(|| merkle::root(&[]));
        root.push(&hash);
        digest.update(id);
        digest.update(b" ");
        digest.update(hex_text(&hash));
        digest.update(b"\n");
        match &mut sample {
            Some(sample) => Ok(sample.offer(id, || has_texts.exists([id]))?),
            None => Ok(()),
        }
    })?;
    (found.root, found.digest) = (root.root(), digest.finalize().into());
    for id in sample.into_iter().flat_map(Sample::drawn) {
        found.sample.extend(super::sessions::by_its_id(conn, &id)?);
    }
    Ok(())
}

fn turn(conn: &Connection, session: &SessionRow) -> Result<u64, StoreError> {
    let Some(call) = &session.call_id else { return Ok(1) };
    let mut query = conn.prepare_cached(
        "SELECT count(*) FROM sessions INDEXED BY sessions_by_call
         WHERE account_id = ?1 AND call_id = ?2 AND agent_id = ?3 AND (started_at, id) <= (?4, ?5)",
    )?;
    let (account, agent) = (session.account_id.text(), session.agent_id.text());
    let values = (account, call, agent, session.started_at.millis(), session.id.text());
    Ok(query.query_row(values, |row| row.get::<_, i64>(0))?.max(1) as u64)
}

#[cfg(test)]
mod tests;
