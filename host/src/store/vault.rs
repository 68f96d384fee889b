//! The vault: what each token stands for, sealed. In files of its own, so that it can be dropped.
//!
//! A row is first in an append-only file (`vault/fresh.rs`), later in the database. Rows of compact tokens go into the
//! database at once, since it is what keeps their labels apart. The first byte of an answer waits for its rows
//! ([`Ticket::kept`]).

mod erase;
mod fresh;
mod merge;

use std::path::Path;
use std::sync::Arc;

pub use erase::{Doomed, Place, VaultStats};
use rusqlite::{Connection, OptionalExtension, Row};
use tokio::sync::oneshot;

use super::db::{self, Db, Writing};
use super::error::is_duplicate;
use super::{StoreError, columns};
use crate::clock::{Clock, Timestamp};
use crate::ids::AgentId;
use crate::keys::Kid;
use crate::kind::Kind;
use crate::tokens::mint::VaultRow;
use fresh::{Fresh, Key};
use merge::{Merge, seconds};

/// The vault.
pub struct Vault {
    db: Db,
    fresh: Arc<Fresh>,
    clock: Clock,
}

/// Rows on their way to the disk.
#[must_use = "the answer may not begin before the rows are kept"]
pub struct Ticket(Result<Option<oneshot::Receiver<Result<(), StoreError>>>, StoreError>);

impl Ticket {
    /// Ends when the rows outlive this process.
    pub async fn kept(self) -> Result<(), StoreError> {
        match self.0? {
            Some(committed) => committed.await.map_err(|_| StoreError::Closed)?,
            None => Ok(()),
        }
    }
}

impl Vault {
    pub(super) fn open(path: &Path, clock: Clock) -> Result<Self, StoreError> {
        // What is deleted is overwritten at once; `Vault::purge` sees to the rest.
        let (db, ()) =
            Db::open(path, &db::VAULT, Arc::new(()), |conn| Ok(conn.pragma_update(None, "secure_delete", true)?))?;
        let fresh = Fresh::open(path).map_err(|error| StoreError::File(error.kind()).opening(&db::VAULT, path))?;
        let vault = Self { db, fresh: Arc::new(fresh), clock };
        if !vault.fresh.is_empty() {
            vault.ask_for_merge();
        }
        Ok(vault)
    }

    /// Keeps rows, at once and without waiting: what goes wrong is in the ticket. A row that is there already stays as it
    /// is; with another label, or with a label that another value has, it is [`StoreError::LabelTaken`].
    pub fn put(&self, rows: Vec<VaultRow>) -> Ticket {
        let now = self.clock.now();
        if rows.iter().any(|row| row.label.is_some()) {
            // The number of a compact token is not derived from anything, so it is synced.
            let (job, committed) = Writing::durable(move |conn: &Connection| insert_labelled(conn, &rows, now));
            return Ticket(self.db.try_enqueue(job).map(|()| Some(committed)));
        }
        // Not synced: a row that a power cut takes is made again, since the call's next turn carries the value, and its
        // token is derived from it.
        match self.fresh.append(&rows, now) {
            Ok(time_to_merge) => {
                if time_to_merge {
                    self.ask_for_merge();
                }
                Ticket(Ok(None))
            }
            Err(error) => Ticket(Err(StoreError::File(error.kind()))),
        }
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
        let key = Key { agent, scope, kid: kid.clone(), kind: kind.clone(), mac };
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

    /// The rows of all compact tokens of a call, by kind and label.
    pub async fn labels(&self, agent: AgentId, scope: [u8; 16]) -> Result<Vec<VaultRow>, StoreError> {
        self.db.read(move |conn| labels(conn, agent, &scope)).await
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
    let there = by_mac(conn, &Key::of(row))?;
    if there.is_some_and(|there| there.label == row.label) { Ok(()) } else { Err(StoreError::LabelTaken) }
}

const COLUMNS: &str = "agent, scope, kid, kind, mac, sealed, label, sealed_by";

fn by_mac(conn: &Connection, key: &Key) -> Result<Option<VaultRow>, StoreError> {
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

fn labels(conn: &Connection, agent: AgentId, scope: &[u8; 16]) -> Result<Vec<VaultRow>, StoreError> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM vault WHERE agent = ?1 AND scope = ?2 AND label IS NOT NULL ORDER BY kind, length(label), label"
    ))?;
    let rows = query.query_map((agent.to_bytes(), scope), vault_row)?;
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
