//! Sessions. They are written in batches after the response was sent; rows lost in a crash are rebuilt from the
//! journal (`store/rebuild.rs`). A session's row is written once and never changes.

mod feed;
mod gathered;
mod list;

use std::str::FromStr;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row};

use super::days::{STEP, incident_bits};
use super::db::WriteJob;
use super::journal::OpenSessions;
use super::payloads::{self, SealedPayloads};
use super::{Page, Store, StoreError, columns};
use crate::clock::Timestamp;
use crate::ids::{AccountId, AgentId, SessionId};
use crate::session::figures::Figures;
use crate::session::{ByteRange, SessionRow, StageDurations, Status};
use crate::tokens::call_name::SoughtCall;

pub(super) use feed::Feed;
pub use feed::{Watch, Watched};
pub(super) use gathered::Gathered;

/// Filter for an account's sessions, newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionFilter {
    /// The account.
    pub account: AccountId,
    /// Only this agent's sessions; a deleted agent keeps its sessions.
    pub agent: Option<AgentId>,
    /// Only sessions of this phone call: the platform's id, or [`SessionRow::call_id`].
    pub call_id: Option<SoughtCall>,
    /// Only sessions that began at this moment or later.
    pub since: Option<Timestamp>,
    /// Only sessions with this status.
    pub status: Option<Status>,
    /// Only sessions with at least this many masked spans.
    pub min_redactions: Option<u64>,
    /// Only sessions behind this one in the list.
    pub cursor: Option<SessionCursor>,
    /// Page size.
    pub limit: usize,
}

/// A position in the list of sessions; it stays valid when sessions are added or deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionCursor {
    started_at: Timestamp,
    id: SessionId,
}

impl std::fmt::Display for SessionCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.started_at.millis(), self.id)
    }
}

impl FromStr for SessionCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (millis, id) = text.split_once('.').ok_or(InvalidCursor)?;
        let millis = millis.parse().map_err(|_| InvalidCursor)?;
        Ok(Self { started_at: Timestamp::from_millis(millis), id: id.parse().map_err(|_| InvalidCursor)? })
    }
}

/// The text is not a cursor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a cursor")]
pub struct InvalidCursor;

impl Store {
    /// Queues a session's row; an existing row is not changed. Waits only while the queue is full.
    pub async fn record_session(&self, row: SessionRow) -> Result<(), StoreError> {
        self.record_session_with(row, None).await
    }

    /// The same, with the payloads that are kept of it.
    pub async fn record_session_with(
        &self,
        row: SessionRow,
        payloads: Option<SealedPayloads>,
    ) -> Result<(), StoreError> {
        let (open_sessions, feed) = (self.open_sessions.get().cloned(), self.feed.clone());
        let gathered = self.gathered.clone();
        self.main.enqueue(Box::new(Record { row, payloads, open_sessions, feed, gathered, result: Ok(false) })).await
    }

    /// The account's sessions from now on, each once its row is committed.
    pub fn watch_sessions(&self, account: AccountId) -> Watch {
        self.feed.watch(account)
    }

    /// Sessions of the account written after this one, in write order, for a reader that reconnects. `None` if the
    /// session is unknown or too far back.
    pub async fn sessions_behind(
        &self,
        account: AccountId,
        last: SessionId,
    ) -> Result<Option<Vec<SessionRow>>, StoreError> {
        self.main.read(move |conn| behind(conn, account, last)).await
    }

    /// Ends every watch when the service stops.
    pub fn end_watches(&self) {
        self.feed.close();
    }

    /// Resolves when every session queued so far is committed.
    pub async fn sessions_flushed(&self) -> Result<(), StoreError> {
        self.main.write(|_| Ok(())).await
    }

    /// One page of an account's sessions.
    pub async fn sessions_page(&self, filter: SessionFilter) -> Result<Page<SessionRow, SessionCursor>, StoreError> {
        self.main.read(move |conn| list::page(conn, &filter)).await
    }

    /// A session of the account.
    pub async fn session(&self, account: AccountId, id: SessionId) -> Result<Option<SessionRow>, StoreError> {
        self.main.read(move |conn| by_id(conn, account, &id.text())).await
    }
}

/// A queued row; it advances the checkpoint when it is written.
struct Record {
    row: SessionRow,
    payloads: Option<SealedPayloads>,
    open_sessions: Option<Arc<OpenSessions>>,
    feed: Arc<Feed>,
    gathered: Arc<Gathered>,
    /// Whether the row was new.
    result: Result<bool, StoreError>,
}

impl WriteJob for Record {
    /// The row can be rebuilt from the journal, so no caller waits for it.
    fn may_wait(&self) -> bool {
        true
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn run(&mut self, conn: &Connection) {
        self.result = self.write(conn);
    }

    fn done(self: Box<Self>, failed: Option<&StoreError>) {
        let failed = failed.or(self.result.as_ref().err());
        if let Some(error) = failed {
            // The session stays open, which keeps the checkpoint before it.
            let (session, agent) = (self.row.id, &*self.row.agent_name);
            tracing::error!(%error, %session, agent, "session not recorded; the next start rebuilds it");
        }
        if let Some(open) = &self.open_sessions {
            open.settled(self.row.id, failed.is_none());
        }
        if failed.is_none() && self.result == Ok(true) {
            self.feed.publish(&self.row);
        }
    }
}

impl Record {
    fn write(&self, conn: &Connection) -> Result<bool, StoreError> {
        let is_new = insert(conn, &self.row, &self.gathered)?;
        if let Some(payloads) = &self.payloads {
            payloads::insert(conn, self.row.id, payloads)?;
        }
        if let Some(open) = &self.open_sessions {
            self.gathered.checkpoint(open.settling(self.row.id));
        }
        Ok(is_new)
    }
}

/// In the order in which [`session`] reads them.
pub(super) const COLUMNS: &str =
    "id, account_id, agent_id, agent_name, call_id, started_at, ended_at, status, redactions_by_kind,
    upstream_model, policy_name, policy_version, detection_ms, tokenize_ms, upstream_ms, rehydrate_ms, rehydrated,
    merkle_root, journal, counted";

/// Inserts a row unless it exists, and counts it; returns whether it was new.
pub(super) fn insert(conn: &Connection, row: &SessionRow, gathered: &Gathered) -> Result<bool, StoreError> {
    let json = |text: serde_json::Result<String>| text.map_err(|_| StoreError::BadRow("sessions"));
    let kinds: serde_json::Map<_, _> =
        row.redactions_by_kind.iter().map(|(kind, n)| (kind.as_str().to_owned(), (*n).into())).collect();
    let journal: Vec<_> = row.journal.iter().map(|range| (range.start, range.end)).collect();
    // The first row of a call begins it.
    let mut insert = conn.prepare_cached(&format!(
        "INSERT OR IGNORE INTO sessions ({COLUMNS}, redaction_count, incidents, begins_call)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
             ?5 IS NOT NULL AND NOT EXISTS (
                 SELECT 1 FROM sessions INDEXED BY sessions_by_call WHERE account_id = ?2 AND call_id = ?5))
         RETURNING begins_call"
    ))?;
    let values = rusqlite::params![
        row.id.text(),
        row.account_id.text(),
        row.agent_id.text(),
        &*row.agent_name,
        row.call_id,
        row.started_at.millis(),
        row.ended_at.map(Timestamp::millis),
        row.status.as_str(),
        json(serde_json::to_string(&kinds))?,
        &*row.upstream_model,
        &*row.policy_name,
        row.policy_version,
        row.stages.detection,
        row.stages.tokenize,
        row.stages.upstream,
        row.stages.rehydrate,
        json(serde_json::to_string(&row.rehydrated))?,
        row.merkle_root,
        json(serde_json::to_string(&journal))?,
        json(row.counted.to_json())?,
        row.redaction_count() as i64,
        incident_bits(&row.counted),
    ];
    let begins_call: Option<bool> = insert.query_row(values, |row| row.get(0)).optional()?;
    if let Some(begins_call) = begins_call {
        gathered.count(row, begins_call);
    }
    Ok(begins_call.is_some())
}

/// The journal offset before which every session has a row.
pub(super) fn checkpoint(conn: &Connection) -> Result<u64, StoreError> {
    Ok(conn.query_row("SELECT offset FROM journal_checkpoint", [], |row| row.get::<_, i64>(0))? as u64)
}

pub(super) fn set_checkpoint(conn: &Connection, offset: u64) -> Result<(), StoreError> {
    let mut update = conn.prepare_cached("UPDATE journal_checkpoint SET offset = ?1")?;
    update.execute([offset as i64])?;
    Ok(())
}

/// Rows whose events are not counted yet, oldest first.
pub(super) fn uncounted(conn: &Connection) -> Result<Vec<SessionRow>, StoreError> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM sessions INDEXED BY sessions_uncounted WHERE counted IS NULL ORDER BY id LIMIT ?1"
    ))?;
    let rows = query.query_map([STEP], session)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A session by its id, whatever its account.
pub(super) fn by_its_id(conn: &Connection, id: &str) -> Result<Option<SessionRow>, StoreError> {
    let mut query = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM sessions WHERE id = ?1"))?;
    Ok(query.query_row([id], session).optional()?)
}

fn by_id(conn: &Connection, account: AccountId, id: &str) -> Result<Option<SessionRow>, StoreError> {
    let mut query =
        conn.prepare_cached(&format!("SELECT {COLUMNS} FROM sessions WHERE id = ?1 AND account_id = ?2"))?;
    Ok(query.query_row((id, account.text()), session).optional()?)
}

/// Maximum number of rows a reconnecting reader may have missed, including other accounts' rows.
const LONGEST_GAP: i64 = 10_000;
/// The same for rows of its own account.
const MOST_MISSED: i64 = 1000;

fn behind(conn: &Connection, account: AccountId, last: SessionId) -> Result<Option<Vec<SessionRow>>, StoreError> {
    // Row ids increase in write order and do not change.
    let mut query = conn.prepare_cached(
        "SELECT rowid, (SELECT max(rowid) FROM sessions) FROM sessions WHERE id = ?1 AND account_id = ?2",
    )?;
    let place = query.query_row((last.text(), account.text()), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((last, newest)) = place.filter(|(last, newest): &(i64, i64)| newest - last <= LONGEST_GAP) else {
        return Ok(None);
    };
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM sessions NOT INDEXED
         WHERE rowid > ?1 AND rowid <= ?2 AND account_id = ?3 ORDER BY rowid LIMIT ?4"
    ))?;
    let rows = query.query_map((last, newest, account.text(), MOST_MISSED + 1), session)?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Ok((rows.len() as i64 <= MOST_MISSED).then_some(rows))
}

pub(super) fn session(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    let kinds: std::collections::BTreeMap<String, u32> = columns::json(row, 8)?;
    let journal: Vec<(u64, u64)> = columns::json(row, 18)?;
    let text = |column| row.get::<_, String>(column).map(Arc::from);
    Ok(SessionRow {
        id: columns::parsed(row, 0)?,
        account_id: columns::parsed(row, 1)?,
        agent_id: columns::parsed(row, 2)?,
        agent_name: text(3)?,
        call_id: row.get(4)?,
        started_at: columns::moment(row, 5)?,
        ended_at: columns::moment_if(row, 6)?,
        status: columns::read(row, 7, Status::from_word)?,
        redactions_by_kind: kinds
            .into_iter()
            .map(|(kind, n)| Some((crate::kind::Kind::new(&kind)?, n)))
            .collect::<Option<_>>()
            .ok_or_else(|| columns::bad(8))?,
        upstream_model: text(9)?,
        policy_name: text(10)?,
        policy_version: row.get(11)?,
        stages: StageDurations {
            detection: row.get(12)?,
            tokenize: row.get(13)?,
            upstream: row.get(14)?,
            rehydrate: row.get(15)?,
        },
        rehydrated: columns::json(row, 16)?,
        merkle_root: row.get(17)?,
        journal: journal.into_iter().map(|(start, end)| ByteRange { start, end }).collect(),
        counted: columns::read_if(row, 19, Figures::from_json)?.unwrap_or_default(),
    })
}

#[cfg(test)]
pub(super) mod tests;
