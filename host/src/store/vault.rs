//! The vault: encrypted originals behind tokens. It has its own files, so it can be dropped separately.
//!
//! A row is first appended to a write-ahead file (`vault/write_ahead.rs`) and later merged into the database. Rows of
//! compact tokens go into the database at once, since its unique index keeps labels distinct. A request waits for its
//! rows before its text is sent ([`Vault::put`]), so a full disk or a label conflict is detected before anything
//! leaves.

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

/// The vault's content for one call.
pub struct KeptCall<T> {
    /// Its rows, as mapped by `open`.
    pub rows: Vec<T>,
    /// Its compact tokens.
    pub labels: Vec<Label>,
}

/// A compact token.
#[derive(Clone, PartialEq, Eq)]
pub struct Label {
    /// The kind of the value.
    pub kind: Kind,
    /// The mac that the value's long token would carry.
    pub mac: [u8; 16],
    /// The label in the compact token.
    pub label: String,
}

impl Vault {
    pub(super) fn open(path: &Path, clock: Clock) -> Result<Self, StoreError> {
        // Deleted data is overwritten at once; `Vault::purge` handles the log.
        let (db, ()) =
            Db::open(path, &db::VAULT, Arc::new(()), |conn| Ok(conn.pragma_update(None, "secure_delete", true)?))?;
        let fresh = WriteAhead::open(path).map_err(|error| StoreError::File(error.kind()).opening(&db::VAULT, path))?;
        let vault = Self { db, fresh: Arc::new(fresh), clock };
        if !vault.fresh.is_empty() {
            vault.ask_for_merge();
        }
        Ok(vault)
    }

    /// Stores rows; resolves once they survive a crash of this process. An existing row is not changed, except that it
    /// gets its label if it has none; a different label, or a label of another value, is [`StoreError::LabelTaken`].
    pub async fn put(&self, rows: Vec<VaultRow>) -> Result<(), StoreError> {
        let now = self.clock.now();
        if rows.iter().any(|row| row.label.is_some()) {
            // The number of a compact token cannot be derived again, so it is synced.
            let (job, committed) = Writing::durable(move |conn: &Connection| insert_labelled(conn, &rows, now));
            self.db.try_enqueue(job)?;
            return committed.await.map_err(|_| StoreError::Closed)?;
        }
        // Not synced: a row lost in a power failure is created again, since the call's next turn contains the value
        // and the token is derived from it.
        if self.fresh.append(&rows, now)? {
            self.ask_for_merge();
        }
        Ok(())
    }

    /// Merges all pending rows into the database; resolves when done.
    async fn merge(&self) -> Result<(), StoreError> {
        // Twice: the first merge may only take rows left by an earlier one.
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
        // Write-ahead file first: a row leaves it only once it is in the database.
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

    /// Everything stored for a call: up to `most` rows, mapped by `open`, and all its compact tokens.
    pub async fn call<T: Send + 'static>(
        &self,
        agent: AgentId,
        scope: [u8; 16],
        most: usize,
        open: impl Fn(VaultRow) -> Option<T> + Send + 'static,
    ) -> Result<KeptCall<T>, StoreError> {
        let fresh = self.fresh.clone();
        let read = move |conn: &Connection| {
            // Write-ahead file first, as above.
            let mut rows = fresh.of_call(agent, scope, most);
            rows.extend(of_call(conn, agent, scope, most)?);
            let rows = rows.into_iter().take(most).filter_map(open).collect();
            Ok(KeptCall { rows, labels: labels(conn, agent, scope)? })
        };
        self.db.read(read).await
    }

    /// Size of the database on disk, without the log.
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
    /// The writer stops after the queued jobs.
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
    // Rows before the one that failed are kept.
    counts.write(conn)?;
    result
}

fn label_error(error: rusqlite::Error) -> StoreError {
    if is_duplicate(&error) { StoreError::LabelTaken } else { error.into() }
}

/// Sets the label of an existing row that has none. A token that was already issued must not change.
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
