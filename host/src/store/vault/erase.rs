//! Erasing rows from the vault, and re-encrypting them.
//!
//! A deleted row is removed from the file, not only from the table: SQLite overwrites it (`secure_delete`), and the
//! log, which also has the row, is emptied (`Db::compact`). Pending rows (`vault/write_ahead.rs`) are merged first.
//! All of this runs in small steps that other writes may interleave.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::counts::{self, Counts};
use super::merge::seconds;
use super::search::{self, Wanted};
use super::{COLUMNS, Vault, vault_row};
use crate::clock::Timestamp;
use crate::ids::{AgentId, EventId};
use crate::keys::Kid;
use crate::kind::Kind;
use crate::store::{StoreError, columns};
use crate::tokens::mint::{RowKey, VaultRow};

/// Rows re-encrypted or deleted per transaction.
const STEP: usize = 128;

/// Steps between copies of the log, so that the writer does not have to run the checkpoint.
const COPY: usize = 8;

/// A call of an agent, as the vault identifies it; zeros for all calls without an id.
pub type Place = (AgentId, [u8; 16]);

/// Statistics of the vault.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VaultStats {
    /// Rows by kid, as tokens carry it.
    pub by_kid: BTreeMap<Kid, u64>,
    /// Rows by the kid of the key that encrypts them.
    pub sealed_by: BTreeMap<Kid, u64>,
    /// Rows of each kind.
    pub by_kind: BTreeMap<Kind, u64>,
    /// Bounds of the rows' creation times, in whole seconds.
    pub between: Option<(Timestamp, Timestamp)>,
    /// Size on disk.
    pub bytes: u64,
}

impl VaultStats {
    /// All rows.
    pub fn rows(&self) -> u64 {
        self.by_kid.values().sum()
    }
}

/// A row that was erased.
#[derive(Clone, PartialEq, Eq)]
pub struct Gone {
    /// Its key.
    pub key: RowKey,
    /// The label of its compact token.
    pub label: Option<String>,
}

/// Selects rows to erase.
#[derive(Clone, PartialEq, Eq)]
pub enum PurgeSelector {
    /// Rows created before this moment; rows of the same second are kept.
    Before(Timestamp),
    /// Rows with this kid in their tokens.
    Kid(Kid),
    /// Of this agent.
    Agent(AgentId),
    /// Rows of a person.
    Subject(Subject),
}

/// Where a person's value was found.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// Calls with an id: their other values belong to the same person.
    pub calls: HashSet<Place>,
    /// Rows of the value in calls without an id.
    pub rows: HashSet<RowKey>,
}

impl PurgeSelector {
    /// Whether the selector matches this row. Always `false` for [`PurgeSelector::Before`], since a row does not
    /// include its creation time.
    pub fn has(&self, row: &VaultRow) -> bool {
        match self {
            Self::Before(_) => false,
            Self::Kid(kid) => row.kid == *kid,
            Self::Agent(agent) => row.agent == *agent,
            Self::Subject(Subject { calls, rows }) => {
                calls.contains(&(row.agent, row.scope)) || rows.contains(&row.key())
            }
        }
    }
}

impl Vault {
    /// How many rows there are.
    pub async fn count(&self) -> Result<u64, StoreError> {
        Ok(self.stats().await?.rows())
    }

    /// What there is.
    pub async fn stats(&self) -> Result<VaultStats, StoreError> {
        self.merge().await?;
        let bytes = self.size_bytes().await?;
        Ok(VaultStats { bytes, ..self.db.read(counts::stats).await? })
    }

    /// How many rows [`Vault::purge`] would delete.
    pub async fn count_doomed(&self, doomed: &PurgeSelector) -> Result<u64, StoreError> {
        self.merge().await?;
        match doomed {
            PurgeSelector::Kid(kid) => Ok(self.stats().await?.by_kid.get(kid).copied().unwrap_or_default()),
            PurgeSelector::Before(moment) => self.count_wanted(Wanted::Before(seconds(*moment))).await,
            PurgeSelector::Agent(agent) => self.count_wanted(Wanted::Agent(*agent)).await,
            PurgeSelector::Subject(Subject { calls, rows }) => {
                let mut count = rows.len() as u64;
                for call in calls.clone() {
                    count += self.db.read(move |conn| count_of_call(conn, call)).await?;
                }
                Ok(count)
            }
        }
    }

    async fn count_wanted(&self, wanted: Wanted) -> Result<u64, StoreError> {
        let (mut search, mut count) = (self.search(wanted), 0);
        while let Some(keys) = search.next().await? {
            count += keys.len() as u64;
        }
        Ok(count)
    }

    /// Whether a call has rows of this kid; of any kid if `None`.
    pub async fn has_of_call(&self, call: Place, kid: Option<Kid>) -> Result<bool, StoreError> {
        self.db.read(move |conn| has_of_call(conn, call, kid.as_ref())).await
    }

    /// Deletes rows for a job, which counts them; `gone` is called with the deleted rows, call by call. Their tokens
    /// no longer resolve. No file contains the rows once the log is emptied ([`Vault::compact`]).
    pub async fn purge(
        &self,
        job: EventId,
        doomed: PurgeSelector,
        gone: impl FnMut(&[Gone]),
    ) -> Result<(), StoreError> {
        self.merge().await?;
        let mut purge = Purge { vault: self, job, gone, steps: 0 };
        match doomed {
            PurgeSelector::Kid(kid) => purge.delete_all(self.search(Wanted::Kid(kid))).await?,
            PurgeSelector::Agent(agent) => purge.delete_all(self.search(Wanted::Agent(agent))).await?,
            PurgeSelector::Before(moment) => {
                let second = seconds(moment);
                purge.delete_all(self.search(Wanted::Before(second))).await?;
                self.db.write(move |conn| counts::begin_at(conn, second)).await?;
            }
            PurgeSelector::Subject(Subject { calls, rows }) => {
                purge.delete(rows.into_iter().collect()).await?;
                for call in calls {
                    // Repeat until there are none: new rows may have been added.
                    loop {
                        let keys = self.db.read(move |conn| search::of_call(conn, call, STEP)).await?;
                        if keys.is_empty() {
                            break;
                        }
                        purge.delete(keys).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Removes what was deleted or replaced from all files.
    pub async fn compact(&self) -> Result<(), StoreError> {
        self.db.compact().await
    }

    /// Rows that a job has deleted or re-encrypted so far.
    pub async fn rows_of_job(&self, job: EventId) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(rows), 0) FROM jobs WHERE id = ?1";
        let rows = move |conn: &Connection| Ok(conn.query_row(sql, [job.text()], |row| row.get::<_, i64>(0))? as u64);
        self.db.read(rows).await
    }

    /// Deletes the counter of a finished job.
    pub async fn forget_job(&self, job: EventId) -> Result<(), StoreError> {
        let forget = move |conn: &Connection| Ok(conn.execute("DELETE FROM jobs WHERE id = ?1", [job.text()])?);
        self.db.write(forget).await.map(drop)
    }

    fn search(&self, wanted: Wanted) -> Search<'_> {
        Search { vault: self, wanted: Arc::new(wanted), after: None, is_over: false }
    }

    /// Every row, in pages, with its creation time in seconds.
    pub async fn page(&self, after: Option<VaultRow>, limit: usize) -> Result<Vec<(VaultRow, Timestamp)>, StoreError> {
        if after.is_none() {
            self.merge().await?;
        }
        self.db.read(move |conn| page(conn, after.as_ref(), limit)).await
    }

    /// Replaces every row by the result of `seal`, for a job that counts them; `None` keeps a row unchanged. An error
    /// of `seal` stops the run; it can be repeated, and completed rows are kept.
    pub async fn seal_anew<E: From<StoreError>>(
        &self,
        job: EventId,
        mut seal: impl FnMut(&VaultRow) -> Result<Option<VaultRow>, E>,
    ) -> Result<(), E> {
        let mut after = None;
        loop {
            let rows = self.page(after, STEP).await?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.clone());
            let sealed = rows.iter().filter_map(|(row, made)| {
                let sealed = seal(row).transpose()?;
                Some(sealed.map(|sealed| (row.sealed_by.clone(), sealed, seconds(*made))))
            });
            let sealed = sealed.collect::<Result<Vec<_>, E>>()?;
            self.db.write_unsynced(move |conn| replace(conn, job, &sealed)).await?;
        }
        Ok(())
    }
}

/// A scan of all rows.
struct Search<'v> {
    vault: &'v Vault,
    wanted: Arc<Wanted>,
    after: Option<RowKey>,
    is_over: bool,
}

impl Search<'_> {
    /// The matches of the next step; may be empty.
    async fn next(&mut self) -> Result<Option<Vec<RowKey>>, StoreError> {
        if self.is_over {
            return Ok(None);
        }
        let (wanted, after) = (self.wanted.clone(), self.after.take());
        let found = self.vault.db.read(move |conn| search::step(conn, after.as_ref(), &wanted)).await?;
        self.is_over = found.last.is_none();
        self.after = found.last;
        Ok(Some(found.keys))
    }
}

/// An erasure in progress.
struct Purge<'v, G> {
    vault: &'v Vault,
    job: EventId,
    gone: G,
    steps: usize,
}

impl<G: FnMut(&[Gone])> Purge<'_, G> {
    async fn delete_all(&mut self, mut search: Search<'_>) -> Result<(), StoreError> {
        while let Some(keys) = search.next().await? {
            self.delete(keys).await?;
        }
        Ok(())
    }

    async fn delete(&mut self, mut keys: Vec<RowKey>) -> Result<(), StoreError> {
        // In table order, so that neighbouring rows share a page.
        keys.sort_unstable();
        for keys in keys.chunks(STEP) {
            let (job, keys) = (self.job, keys.to_vec());
            let gone = self.vault.db.write_unsynced(move |conn| delete(conn, job, keys)).await?;
            (self.gone)(&gone);
            self.steps += 1;
            if self.steps.is_multiple_of(COPY) {
                self.vault.db.copy_log().await?;
            }
        }
        Ok(())
    }
}

const DELETE: &str = "DELETE FROM vault WHERE agent = ?1 AND scope = ?2 AND kid = ?3 AND kind = ?4 AND mac = ?5
    RETURNING label, sealed_by";

fn delete(conn: &Connection, job: EventId, keys: Vec<RowKey>) -> Result<Vec<Gone>, StoreError> {
    let mut delete = conn.prepare_cached(DELETE)?;
    let (mut gone, mut counts) = (Vec::with_capacity(keys.len()), Counts::default());
    for key in keys {
        let bound = (key.agent.to_bytes(), key.scope, key.kid.as_str(), key.kind.as_str(), key.mac);
        let row = delete.query_row(bound, |row| Ok((row.get(0)?, columns::read_if(row, 1, Kid::new)?))).optional()?;
        if let Some((label, sealed_by)) = row {
            counts.remove(&key.kid, sealed_by.as_ref(), &key.kind);
            gone.push(Gone { key, label });
        }
    }
    counts.write(conn)?;
    count_for(conn, job, gone.len())?;
    Ok(gone)
}

/// Adds to the number of rows that a job deleted or re-encrypted.
fn count_for(conn: &Connection, job: EventId, rows: usize) -> Result<(), StoreError> {
    let mut add = conn.prepare_cached(
        "INSERT INTO jobs (id, rows) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET rows = rows + excluded.rows",
    )?;
    add.execute((job.text(), rows as i64))?;
    Ok(())
}

fn has_of_call(conn: &Connection, (agent, scope): Place, kid: Option<&Kid>) -> Result<bool, StoreError> {
    let kid = kid.map(Kid::as_str);
    let sql = match kid {
        Some(_) => "SELECT 1 FROM vault WHERE agent = ?1 AND scope = ?2 AND kid = ?3 LIMIT 1",
        None => "SELECT 1 FROM vault WHERE agent = ?1 AND scope = ?2 AND ?3 IS NULL LIMIT 1",
    };
    Ok(conn.prepare_cached(sql)?.query_row((agent.to_bytes(), scope, kid), |_| Ok(())).optional()?.is_some())
}

fn count_of_call(conn: &Connection, (agent, scope): Place) -> Result<u64, StoreError> {
    let mut query = conn.prepare_cached(search::COUNT_OF_CALL)?;
    Ok(query.query_row((agent.to_bytes(), scope), |row| row.get::<_, i64>(0))? as u64)
}

fn page(conn: &Connection, after: Option<&VaultRow>, limit: usize) -> Result<Vec<(VaultRow, Timestamp)>, StoreError> {
    let sql = |place: &str| {
        format!("SELECT {COLUMNS}, created_at FROM vault {place} ORDER BY agent, scope, kid, kind, mac LIMIT {limit}")
    };
    let row = |row: &rusqlite::Row<'_>| {
        Ok((vault_row(row)?, Timestamp::from_millis(row.get::<_, i64>(8)?.saturating_mul(1000))))
    };
    let rows = match after {
        None => conn.prepare_cached(&sql(""))?.query_map([], row)?.collect::<Result<_, _>>(),
        Some(last) => {
            let bound = (last.agent.to_bytes(), last.scope, last.kid.as_str(), last.kind.as_str(), last.mac);
            let place = "WHERE (agent, scope, kid, kind, mac) > (?1, ?2, ?3, ?4, ?5)";
            conn.prepare_cached(&sql(place))?.query_map(bound, row)?.collect::<Result<_, _>>()
        }
    };
    Ok(rows?)
}

/// Rows, the kid of the key that encrypted them before, and their creation time in seconds.
fn replace(conn: &Connection, job: EventId, rows: &[(Option<Kid>, VaultRow, i64)]) -> Result<(), StoreError> {
    let mut update = conn.prepare_cached(
        "UPDATE vault SET sealed = ?6, sealed_by = ?7
         WHERE agent = ?1 AND scope = ?2 AND kid = ?3 AND kind = ?4 AND mac = ?5",
    )?;
    let (mut counts, mut replaced) = (Counts::default(), 0);
    for (before, row, second) in rows {
        let updated = update.execute(rusqlite::params![
            row.agent.to_bytes(),
            row.scope,
            row.kid.as_str(),
            row.kind.as_str(),
            row.mac,
            row.sealed,
            row.sealed_by.as_ref().map(Kid::as_str),
        ])?;
        if updated > 0 {
            replaced += updated;
            counts.remove(&row.kid, before.as_ref(), &row.kind);
            counts.add(&row.kid, row.sealed_by.as_ref(), &row.kind, *second);
        }
    }
    counts.write(conn)?;
    count_for(conn, job, replaced)
}

#[cfg(test)]
mod tests;
