//! The vault: what each token stands for, sealed. In a file of its own, so that it can be dropped.
//!
//! Rows are committed in batches; the first byte of an answer waits for its own ([`Ticket::committed`]).

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row};
use tokio::sync::oneshot;
use ulid::Ulid;

use super::db::{self, Db, Writing};
use super::error::is_duplicate;
use super::{StoreError, columns};
use crate::clock::{Clock, Timestamp};
use crate::ids::AgentId;
use crate::keys::Kid;
use crate::kind::Kind;
use crate::tokens::mint::VaultRow;

/// The vault's database.
pub struct Vault {
    db: Db,
    clock: Clock,
}

/// Rows on their way to the disk.
#[must_use = "the answer may not begin before the rows are committed"]
pub struct Ticket(Result<oneshot::Receiver<Result<(), StoreError>>, StoreError>);

impl Ticket {
    /// Ends when the rows are committed: they survive the end of this process.
    pub async fn committed(self) -> Result<(), StoreError> {
        self.0?.await.map_err(|_| StoreError::Closed)?
    }
}

impl Vault {
    pub(super) fn open(path: &Path, clock: Clock) -> Result<Self, StoreError> {
        let (db, ()) = Db::open(path, &db::VAULT, |_| Ok(()))?;
        Ok(Self { db, clock })
    }

    /// Queues rows at once, without waiting: what goes wrong is in the ticket. A row that is there already stays as it
    /// is; with another label, or with a label that another value has, it is [`StoreError::LabelTaken`].
    pub fn put(&self, rows: Vec<VaultRow>) -> Ticket {
        let now = self.clock.now();
        // A row that a power cut takes is made again: the call's next turn carries the value, and its token is derived
        // from it. The number of a compact token is not derived from anything, so it is synced.
        let numbered = rows.iter().any(|row| row.label.is_some());
        let work = move |conn: &Connection| insert(conn, &rows, now);
        let (job, committed) = if numbered { Writing::durable(work) } else { Writing::committed(work) };
        Ticket(self.db.try_enqueue(job).map(|()| committed))
    }

    /// The row of a token.
    pub async fn get(
        &self,
        agent: AgentId,
        scope: [u8; 16],
        kid: &Kid,
        kind: &Kind,
        mac: [u8; 16],
    ) -> Result<Option<VaultRow>, StoreError> {
        let (kid, kind) = (kid.clone(), kind.clone());
        self.db.read(move |conn| by_mac(conn, agent, &scope, &kid, &kind, &mac)).await
    }

    /// The row of a compact token.
    pub async fn by_label(
        &self,
        agent: AgentId,
        scope: [u8; 16],
        kind: &Kind,
        label: &str,
    ) -> Result<Option<VaultRow>, StoreError> {
        let (kind, label) = (kind.clone(), label.to_owned());
        self.db.read(move |conn| by_label(conn, agent, &scope, &kind, &label)).await
    }

    /// The rows of all compact tokens of a call, by kind and label.
    pub async fn labels(&self, agent: AgentId, scope: [u8; 16]) -> Result<Vec<VaultRow>, StoreError> {
        self.db.read(move |conn| labels(conn, agent, &scope)).await
    }

    /// How many rows there are. Reads the whole file.
    pub async fn count(&self) -> Result<u64, StoreError> {
        let count =
            |conn: &Connection| Ok(conn.query_row("SELECT count(*) FROM vault", [], |row| row.get::<_, i64>(0))?);
        Ok(self.db.read(count).await? as u64)
    }

    /// How much of the disk it takes, the log aside.
    pub async fn size_bytes(&self) -> Result<u64, StoreError> {
        let sql = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        let size = |conn: &Connection| Ok(conn.query_row(sql, [], |row| row.get::<_, i64>(0))?);
        Ok(self.db.read(size).await? as u64)
    }

    /// Deletes the rows made before this moment; says how many. Their tokens resolve no more.
    pub async fn purge(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.db.write(move |conn| purge(conn, before)).await
    }

    pub(super) async fn is_healthy(&self) -> bool {
        self.db.is_healthy().await
    }
}

fn insert(conn: &Connection, rows: &[VaultRow], now: Timestamp) -> Result<(), StoreError> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO vault (agent, scope, kid, kind, mac, sealed, label, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (agent, scope, kid, kind, mac) DO NOTHING",
    )?;
    for row in rows {
        let inserted = insert.execute(rusqlite::params![
            agent_bytes(row.agent)?,
            row.scope,
            row.kid.as_str(),
            row.kind.as_str(),
            row.mac,
            row.sealed,
            row.label,
            now.millis().div_euclid(1000),
        ]);
        match inserted {
            Ok(0) if row.label.is_some() => same_label(conn, row)?,
            Ok(_) => {}
            Err(error) if is_duplicate(&error) => return Err(StoreError::LabelTaken),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A token that was given out before must not get another label.
fn same_label(conn: &Connection, row: &VaultRow) -> Result<(), StoreError> {
    let there = by_mac(conn, row.agent, &row.scope, &row.kid, &row.kind, &row.mac)?;
    if there.is_some_and(|there| there.label == row.label) { Ok(()) } else { Err(StoreError::LabelTaken) }
}

const COLUMNS: &str = "agent, scope, kid, kind, mac, sealed, label";

fn by_mac(
    conn: &Connection,
    agent: AgentId,
    scope: &[u8; 16],
    kid: &Kid,
    kind: &Kind,
    mac: &[u8; 16],
) -> Result<Option<VaultRow>, StoreError> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM vault WHERE agent = ?1 AND scope = ?2 AND kid = ?3 AND kind = ?4 AND mac = ?5"
    ))?;
    Ok(query.query_row((agent_bytes(agent)?, scope, kid.as_str(), kind.as_str(), mac), vault_row).optional()?)
}

fn by_label(
    conn: &Connection,
    agent: AgentId,
    scope: &[u8; 16],
    kind: &Kind,
    label: &str,
) -> Result<Option<VaultRow>, StoreError> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM vault WHERE agent = ?1 AND scope = ?2 AND kind = ?3 AND label = ?4"
    ))?;
    Ok(query.query_row((agent_bytes(agent)?, scope, kind.as_str(), label), vault_row).optional()?)
}

fn labels(conn: &Connection, agent: AgentId, scope: &[u8; 16]) -> Result<Vec<VaultRow>, StoreError> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM vault WHERE agent = ?1 AND scope = ?2 AND label IS NOT NULL ORDER BY kind, length(label), label"
    ))?;
    let rows = query.query_map((agent_bytes(agent)?, scope), vault_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn purge(conn: &Connection, before: Timestamp) -> Result<usize, StoreError> {
    // Seconds are kept rounded down: a row of the very second stays.
    Ok(conn.execute("DELETE FROM vault WHERE created_at < ?1", [before.millis().div_euclid(1000)])?)
}

fn vault_row(row: &Row<'_>) -> rusqlite::Result<VaultRow> {
    Ok(VaultRow {
        agent: agent_id(&row.get(0)?).ok_or_else(|| columns::bad(0))?,
        scope: row.get(1)?,
        kid: columns::read(row, 2, Kid::new)?,
        kind: columns::read(row, 3, Kind::new)?,
        mac: row.get(4)?,
        sealed: row.get(5)?,
        label: row.get(6)?,
    })
}

/// 16 bytes instead of 30 characters in every row and index.
fn agent_bytes(agent: AgentId) -> Result<[u8; 16], StoreError> {
    let text = agent.text();
    let ulid = text.strip_prefix("agt_").and_then(|text| Ulid::from_string(text).ok());
    ulid.map(|ulid| ulid.to_bytes()).ok_or(StoreError::BadRow("vault"))
}

fn agent_id(bytes: &[u8; 16]) -> Option<AgentId> {
    format!("agt_{}", Ulid::from_bytes(*bytes)).parse().ok()
}

#[cfg(test)]
mod tests;
