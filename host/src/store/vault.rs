//! The vault: what each token stands for, sealed. In files of its own, so that it can be dropped.
//!
//! A row is first in an append-only file (`vault/write_ahead.rs`), later in the database. Rows of compact tokens go into the
//! database at once, since it is what keeps their labels apart. A text waits for its rows before it leaves ([`Vault::put`]):
//! a full disk or a number that was given out already is known while nothing has gone.

mod counts;
mod erase;
mod merge;
mod openable;
mod search;
mod write_ahead;

use std::path::Path;
use std::sync::Arc;

pub use erase::{Gone, Place, PurgeSelector, Subject, VaultStats};
use rusqlite::{Connection, OptionalExtension, Row};

use super::db::{self, Db, Writing};
use super::error::is_duplicate;
use super::{StoreError, columns};
use crate::clock::{Clock, Timestamp};
use crate::ids::AgentId;
use crate::keys::Kid;
use crate::kind::Kind;
use crate::tokens::mint::{RowKey, VaultRow};
use counts::Counts;
use merge::{Merge, seconds};
pub use openable::Sealed;
use write_ahead::WriteAhead;

/// The vault.
pub struct Vault {
    db: Db,
    fresh: Arc<WriteAhead>,
    clock: Clock,
}

/// What the vault has of a call.
pub struct KeptCall<T> {
    /// What was made of its rows.
    pub rows: Vec<T>,
    /// Its compact tokens.
    pub labels: Vec<Label>,
}

/// A compact token.
#[derive(Clone, PartialEq, Eq)]
pub struct Label {
    /// What sort of data it stands for.
    pub kind: Kind,
    /// What the long token of the value would hold.
    pub mac: [u8; 16],
    /// What stands in the compact one.
    pub label: String,
}

impl Vault {
    pub(super) fn open(path: &Path, clock: Clock) -> Result<Self, StoreError> {
        // What is deleted is overwritten at once; `Vault::purge` sees to the log.
        let (db, ()) =
            Db::open(path, &db::VAULT, Arc::new(()), |conn| Ok(conn.pragma_update(None, "secure_delete", true)?))?;
        let fresh = WriteAhead::open(path).map_err(|error| StoreError::File(error.kind()).opening(&db::VAULT, path))?;
        let vault = Self { db, fresh: Arc::new(fresh), clock };
        if !vault.fresh.is_empty() {
            vault.ask_for_merge();
        }
        Ok(vault)
    }

    /// Keeps rows; ends when they outlive this process. A row that is there already stays as it is, but gets its label if
    /// it has none; with another label, or with one that another value has, it is [`StoreError::LabelTaken`].
    pub async fn put(&self, rows: Vec<VaultRow>) -> Result<(), StoreError> {
        let now = self.clock.now();
        if rows.iter().any(|row| row.label.is_some()) {
            // The number of a compact token is not derived from anything, so it is synced.
            let (job, committed) = Writing::durable(move |conn: &Connection| insert_labelled(conn, &rows, now));
            self.db.try_enqueue(job)?;
            return committed.await.map_err(|_| StoreError::Closed)?;
        }
        // Not synced: a row that a power cut takes is made again, since the call's next turn carries the value, and its
        // token is derived from it.
        if self.fresh.append(&rows, now)? {
            self.ask_for_merge();
        }
        Ok(())
    }

    /// Takes all fresh rows into the database; ends when they are there.
    async fn merge(&self) -> Result<(), StoreError> {
        // Twice: the first may only take what an earlier one left.
        for _ in 0..2 {
            if !self.fresh.is_empty() {
                let (job, over) = Merge::new(self.fresh.clone());
                self.db.enqueue(job).await?;
                over.await.map_err(|_| StoreError::Closed)??;
            }
        }
        Ok(())
    }

    fn ask_for_merge(&self) {
        if self.db.try_enqueue(Merge::new(self.fresh.clone()).0).is_err() {
            self.fresh.not_merged();
        }
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
        let key = RowKey { agent, scope, kid: kid.clone(), kind: kind.clone(), mac };
        let fresh = self.fresh.clone();
        // In this order: a row leaves the fresh ones only when it is in the database.
        let find = move |conn: &Connection| match fresh.get(&key) {
            Some(row) => Ok(Some(row)),
            None => by_mac(conn, &key),
        };
        self.db.read(find).await
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

    /// What there is of a call: of its rows so many at most, as `open` reads them, and all its compact tokens.
    pub async fn call<T: Send + 'static>(
        &self,
        agent: AgentId,
        scope: [u8; 16],
        most: usize,
        open: impl Fn(VaultRow) -> Option<T> + Send + 'static,
    ) -> Result<KeptCall<T>, StoreError> {
        let fresh = self.fresh.clone();
        let read = move |conn: &Connection| {
            // In this order, as above.
            let mut rows = fresh.of_call(agent, scope, most);
            rows.extend(of_call(conn, agent, scope, most)?);
            let rows = rows.into_iter().take(most).filter_map(open).collect();
            Ok(KeptCall { rows, labels: labels(conn, agent, scope)? })
        };
        self.db.read(read).await
    }

    /// How much of the disk it takes, the log aside.
    pub async fn size_bytes(&self) -> Result<u64, StoreError> {
        let sql = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        let size = |conn: &Connection| Ok(conn.query_row(sql, [], |row| row.get::<_, i64>(0))?);
        Ok(self.db.read(size).await? as u64 + self.fresh.size_bytes())
    }

    pub(super) async fn is_healthy(&self) -> bool {
        self.fresh.is_healthy() && self.db.is_healthy().await
    }
}

impl Drop for Vault {
    /// The writer ends after what is queued.
    fn drop(&mut self) {
        if !self.fresh.is_empty() {
            self.ask_for_merge();
        }
    }
}

fn insert_labelled(conn: &Connection, rows: &[VaultRow], now: Timestamp) -> Result<(), StoreError> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO vault (agent, scope, kid, kind, mac, sealed, label, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (agent, scope, kid, kind, mac) DO NOTHING",
    )?;
    let mut counts = Counts::default();
    let mut result = Ok(());
    for row in rows {
        let inserted = insert.execute(rusqlite::params![
            row.agent.to_bytes(),
            row.scope,
            row.kid.as_str(),
            row.kind.as_str(),
            row.mac,
            row.sealed,
            row.label,
            seconds(now),
        ]);
        result = match inserted {
            Ok(0) => row.label.as_ref().map_or(Ok(()), |label| label_in_place(conn, &row.key(), label)),
            Ok(_) => {
                counts.add(&row.kid, None, &row.kind, seconds(now));
                Ok(())
            }
            Err(error) => Err(label_error(error)),
        };
        if result.is_err() {
            break;
        }
    }
    // Those before the one that failed stay.
    counts.write(conn)?;
    result
}

fn label_error(error: rusqlite::Error) -> StoreError {
    if is_duplicate(&error) { StoreError::LabelTaken } else { error.into() }
}

/// Gives a row that is there its label, if it has none. A token that was given out before must not get another one.
fn label_in_place(conn: &Connection, key: &RowKey, label: &str) -> Result<(), StoreError> {
    let mut update = conn.prepare_cached(
        "UPDATE vault SET label = ?6 WHERE agent = ?1 AND scope = ?2 AND kid = ?3 AND kind = ?4 AND mac = ?5
         AND (label IS NULL OR label = ?6)",
    )?;
    let bound = (key.agent.to_bytes(), key.scope, key.kid.as_str(), key.kind.as_str(), key.mac, label);
    match update.execute(bound).map_err(label_error)? {
        0 => Err(StoreError::LabelTaken),
        _ => Ok(()),
    }
}

const COLUMNS: &str = "agent, scope, kid, kind, mac, sealed, label, sealed_by";

fn by_mac(conn: &Connection, key: &RowKey) -> Result<Option<VaultRow>, StoreError> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM vault WHERE agent = ?1 AND scope = ?2 AND kid = ?3 AND kind = ?4 AND mac = ?5"
    ))?;
    let bound = (key.agent.to_bytes(), key.scope, key.kid.as_str(), key.kind.as_str(), key.mac);
    Ok(query.query_row(bound, vault_row).optional()?)
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
    Ok(query.query_row((agent.to_bytes(), scope, kind.as_str(), label), vault_row).optional()?)
}

fn of_call(conn: &Connection, agent: AgentId, scope: [u8; 16], most: usize) -> Result<Vec<VaultRow>, StoreError> {
    let mut query =
        conn.prepare_cached(&format!("SELECT {COLUMNS} FROM vault WHERE agent = ?1 AND scope = ?2 LIMIT ?3"))?;
    let rows = query.query_map((agent.to_bytes(), scope, most as i64), vault_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn labels(conn: &Connection, agent: AgentId, scope: [u8; 16]) -> Result<Vec<Label>, StoreError> {
    let sql = "SELECT kind, mac, label FROM vault WHERE agent = ?1 AND scope = ?2 AND label IS NOT NULL";
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map((agent.to_bytes(), scope), |row| {
        Ok(Label { kind: columns::read(row, 0, Kind::new)?, mac: row.get(1)?, label: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn vault_row(row: &Row<'_>) -> rusqlite::Result<VaultRow> {
    Ok(VaultRow {
        agent: AgentId::from_bytes(row.get(0)?),
        scope: row.get(1)?,
        kid: columns::read(row, 2, Kid::new)?,
        kind: columns::read(row, 3, Kind::new)?,
        mac: row.get(4)?,
        sealed: row.get(5)?,
        label: row.get(6)?,
        sealed_by: columns::read_if(row, 7, Kid::new)?,
    })
}

#[cfg(test)]
mod tests;
