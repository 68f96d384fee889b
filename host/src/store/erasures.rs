//! Erasing texts of sessions, and the list of past erasures.

use rusqlite::Connection;

use super::vault::Place;
use super::{Store, StoreError, columns, jobs, sessions};
use crate::clock::Timestamp;
use crate::ids::{AgentId, EventId, SessionId};
use crate::session::SessionRow;

/// Sessions whose texts are searched per step; each may have some MiB.
const CHUNK: usize = 16;

/// Sessions read per step without their texts.
const PAGE: usize = 500;

/// Calls or sessions whose texts are deleted per transaction.
const STEP: usize = 64;

/// A past erasure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Erasure {
    /// Time of the erasure.
    pub at: Timestamp,
    /// Selector: `before`, `subject`, `kid`, `call` or `agent`.
    pub what: String,
    /// Vault values that were erased.
    pub values: u64,
    /// Sessions whose texts were erased.
    pub payloads: u64,
}

/// Selects texts to erase.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Texts {
    /// Texts stored before this moment.
    KeptBefore(Timestamp),
    /// Texts of all sessions of these calls, and of these individual sessions.
    Of {
        /// Calls.
        calls: Vec<Place>,
        /// Individual sessions.
        sessions: Vec<SessionId>,
    },
}

impl Store {
    /// The erasures in a period, in order.
    pub async fn erasures(&self, since: Timestamp, until: Timestamp) -> Result<Vec<Erasure>, StoreError> {
        self.main.read(move |conn| between(conn, since, until)).await
    }

    /// Sessions with stored texts, in pages, with the sealed texts; behind `after`.
    pub async fn kept_payloads(&self, after: Option<SessionId>) -> Result<Vec<(SessionRow, Vec<u8>)>, StoreError> {
        self.main.read(move |conn| kept(conn, after)).await
    }

    /// The same without the texts, in larger pages.
    pub async fn sessions_with_texts(&self, after: Option<SessionId>) -> Result<Vec<SessionRow>, StoreError> {
        self.main.read(move |conn| with_texts(conn, after)).await
    }

    /// How many sessions [`Store::erase_texts`] would delete texts of.
    pub async fn count_texts(&self, texts: &Texts) -> Result<u64, StoreError> {
        match texts.clone() {
            Texts::KeptBefore(moment) => self.main.read(move |conn| count_before(conn, moment)).await,
            Texts::Of { calls, sessions } => {
                let mut count = 0;
                for some in calls.chunks(STEP).map(<[_]>::to_vec) {
                    let texts = move |conn: &Connection| {
                        some.iter().map(|call| count_of_call(conn, *call)).sum::<Result<u64, _>>()
                    };
                    count += self.main.read(texts).await?;
                }
                for some in sessions.chunks(STEP).map(<[_]>::to_vec) {
                    let texts = move |conn: &Connection| {
                        some.iter().map(|session| count_of(conn, *session)).sum::<Result<u64, _>>()
                    };
                    count += self.main.read(texts).await?;
                }
                Ok(count)
            }
        }
    }

    /// Deletes texts for a job in small steps, each counted for the job; `step` is called after each. No file contains
    /// the texts once the log is emptied ([`Store::compact`]).
    pub async fn erase_texts(&self, job: EventId, texts: &Texts, step: impl Fn()) -> Result<(), StoreError> {
        match texts.clone() {
            Texts::KeptBefore(moment) => loop {
                let delete = move |conn: &Connection| {
                    let deleted = conn.prepare_cached(DELETE_BEFORE)?.execute((moment.millis(), STEP as i64))?;
                    counted(conn, job, deleted)
                };
                let deleted = self.main.write_unsynced(delete).await?;
                step();
                if deleted < STEP {
                    return Ok(());
                }
            },
            Texts::Of { calls, sessions } => {
                for some in calls.chunks(STEP).map(<[_]>::to_vec) {
                    self.main.write_unsynced(move |conn| delete_of_calls(conn, job, &some)).await?;
                    step();
                }
                for some in sessions.chunks(STEP).map(<[_]>::to_vec) {
                    self.main.write_unsynced(move |conn| delete_of(conn, job, &some)).await?;
                    step();
                }
                Ok(())
            }
        }
    }

    /// Removes deleted data from all files of the main database.
    pub async fn compact(&self) -> Result<(), StoreError> {
        self.main.compact().await
    }
}

pub(super) fn insert(conn: &Connection, erasure: &Erasure) -> Result<(), StoreError> {
    conn.execute(
        "INSERT INTO erasures (at, what, vault_values, payloads) VALUES (?1, ?2, ?3, ?4)",
        (erasure.at.millis(), &erasure.what, erasure.values as i64, erasure.payloads as i64),
    )?;
    Ok(())
}

fn between(conn: &Connection, since: Timestamp, until: Timestamp) -> Result<Vec<Erasure>, StoreError> {
    let sql = "SELECT at, what, vault_values, payloads FROM erasures WHERE at >= ?1 AND at <= ?2 ORDER BY at, rowid";
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map((since.millis(), until.millis()), |row| {
        Ok(Erasure {
            at: columns::moment(row, 0)?,
            what: row.get(1)?,
            values: row.get::<_, i64>(2)? as u64,
            payloads: row.get::<_, i64>(3)? as u64,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn kept(conn: &Connection, after: Option<SessionId>) -> Result<Vec<(SessionRow, Vec<u8>)>, StoreError> {
    let sql = "SELECT session_id, sealed FROM session_payloads WHERE session_id > ?1 ORDER BY session_id LIMIT ?2";
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map((after.map_or_else(String::new, |id| id.text()), CHUNK as i64), |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (id, sealed) = row?;
        found.extend(sessions::by_its_id(conn, &id)?.map(|session| (session, sealed)));
    }
    Ok(found)
}

fn with_texts(conn: &Connection, after: Option<SessionId>) -> Result<Vec<SessionRow>, StoreError> {
    let sql = "SELECT session_id FROM session_payloads WHERE session_id > ?1 ORDER BY session_id LIMIT ?2";
    let mut query = conn.prepare_cached(sql)?;
    let ids = query
        .query_map((after.map_or_else(String::new, |id| id.text()), PAGE as i64), |row| row.get::<_, String>(0))?;
    let mut found = Vec::new();
    for id in ids {
        found.extend(sessions::by_its_id(conn, &id?)?);
    }
    Ok(found)
}

const DELETE_BEFORE: &str = "DELETE FROM session_payloads WHERE rowid IN (
    SELECT rowid FROM session_payloads INDEXED BY session_payloads_by_age WHERE kept_since < ?1 LIMIT ?2)";

fn count_before(conn: &Connection, moment: Timestamp) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM session_payloads INDEXED BY session_payloads_by_age WHERE kept_since < ?1";
    Ok(conn.prepare_cached(sql)?.query_row([moment.millis()], |row| row.get::<_, i64>(0))? as u64)
}

/// Key to look up the sessions of a call: account, call and agent.
fn of_call(conn: &Connection, (agent, scope): Place) -> Result<Option<(String, String, String)>, StoreError> {
    let account = account_of(conn, agent)?;
    Ok(account.map(|account| (account, data_encoding::HEXLOWER.encode(&scope), agent.text())))
}

fn account_of(conn: &Connection, agent: AgentId) -> Result<Option<String>, StoreError> {
    let mut query = conn.prepare_cached("SELECT account_id FROM agents WHERE id = ?1")?;
    let mut rows = query.query([agent.text()])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}

fn count_of_call(conn: &Connection, call: Place) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM session_payloads WHERE session_id IN (
        SELECT id FROM sessions INDEXED BY sessions_by_call WHERE account_id = ?1 AND call_id = ?2 AND agent_id = ?3)";
    let Some(key) = of_call(conn, call)? else { return Ok(0) };
    Ok(conn.prepare_cached(sql)?.query_row(key, |row| row.get::<_, i64>(0))? as u64)
}

fn count_of(conn: &Connection, session: SessionId) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM session_payloads WHERE session_id = ?1";
    Ok(conn.prepare_cached(sql)?.query_row([session.text()], |row| row.get::<_, i64>(0))? as u64)
}

fn delete_of_calls(conn: &Connection, job: EventId, calls: &[Place]) -> Result<usize, StoreError> {
    let mut delete = conn.prepare_cached(
        "DELETE FROM session_payloads WHERE session_id IN (
         SELECT id FROM sessions INDEXED BY sessions_by_call WHERE account_id = ?1 AND call_id = ?2 AND agent_id = ?3)",
    )?;
    let mut deleted = 0;
    for call in calls {
        if let Some(key) = of_call(conn, *call)? {
            deleted += delete.execute(key)?;
        }
    }
    counted(conn, job, deleted)
}

fn delete_of(conn: &Connection, job: EventId, sessions: &[SessionId]) -> Result<usize, StoreError> {
    let mut delete = conn.prepare_cached("DELETE FROM session_payloads WHERE session_id = ?1")?;
    let deleted =
        sessions.iter().try_fold(0, |all, session| Ok::<_, StoreError>(all + delete.execute([session.text()])?))?;
    counted(conn, job, deleted)
}

fn counted(conn: &Connection, job: EventId, deleted: usize) -> Result<usize, StoreError> {
    jobs::count(conn, job, deleted as u64)?;
    Ok(deleted)
}
