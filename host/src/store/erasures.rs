//! What was erased on demand, and the payloads that go with it.

use rusqlite::Connection;

use super::{Store, StoreError, columns, sessions};
use crate::clock::Timestamp;
use crate::ids::SessionId;
use crate::session::SessionRow;

/// Sessions whose payloads are looked through at a time; each may be some MiB.
const CHUNK: usize = 16;

/// That something was erased.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Erasure {
    /// When.
    pub at: Timestamp,
    /// What was asked for: `before`, `subject` or `kid`.
    pub what: String,
    /// Values of the vault that are gone.
    pub values: u64,
    /// Sessions whose texts are gone.
    pub payloads: u64,
}

impl Store {
    /// Notes an erasure that was made.
    pub async fn note_erasure(&self, erasure: Erasure) -> Result<(), StoreError> {
        self.main.write(move |conn| insert(conn, &erasure)).await
    }

    /// The erasures of a time, in order.
    pub async fn erasures(&self, since: Timestamp, until: Timestamp) -> Result<Vec<Erasure>, StoreError> {
        self.main.read(move |conn| between(conn, since, until)).await
    }

    /// Sessions whose texts are kept, in pieces, with the texts as they are kept: those behind this one.
    pub async fn kept_payloads(&self, after: Option<SessionId>) -> Result<Vec<(SessionRow, Vec<u8>)>, StoreError> {
        self.main.read(move |conn| kept(conn, after)).await
    }

    /// Deletes the texts of these sessions, so that they are in no file any more. Says how many had some.
    pub async fn erase_payloads(&self, sessions: Vec<SessionId>) -> Result<u64, StoreError> {
        let erase = move |conn: &Connection| {
            let mut delete = conn.prepare_cached("DELETE FROM session_payloads WHERE session_id = ?1")?;
            sessions.iter().try_fold(0, |all, session| Ok(all + delete.execute([session.text()])? as u64))
        };
        let erased = self.main.write(erase).await?;
        if erased > 0 {
            self.main.compact().await?;
        }
        Ok(erased)
    }
}

fn insert(conn: &Connection, erasure: &Erasure) -> Result<(), StoreError> {
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
