//! What is in the vault, taken out of it for good, or sealed anew.
//!
//! A deleted row is gone from the file, not only from the table: SQLite overwrites it (`secure_delete`), and the log, which
//! has the row as well, is emptied (`Db::compact`). Rows that are not in the database yet (`vault/fresh.rs`) go there first.
//! All of it is done in small steps, and others who write come between them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::counts::{self, Counts};
use super::merge::seconds;
use super::search::{self, Wanted};
use super::{COLUMNS, Vault, vault_row};
use crate::clock::Timestamp;
use crate::ids::AgentId;
use crate::keys::Kid;
use crate::kind::Kind;
use crate::store::{StoreError, columns};
use crate::tokens::mint::{RowKey, VaultRow};

/// Rows that are sealed anew or deleted in one transaction.
const STEP: usize = 128;

/// Steps after which the log is copied into the database, so that the writer does not have to do it.
const COPY: usize = 8;

/// A call of an agent, as the vault knows it; zeros for all calls without a name.
pub type Place = (AgentId, [u8; 16]);

/// What the vault holds, without any of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VaultStats {
    /// Rows of each kid, by the name that tokens carry.
    pub by_kid: BTreeMap<Kid, u64>,
    /// Rows by the kid whose key seals them.
    pub sealed_by: BTreeMap<Kid, u64>,
    /// Rows of each kind.
    pub by_kind: BTreeMap<Kind, u64>,
    /// No row was made before the first or after the second of these, to the second.
    pub between: Option<(Timestamp, Timestamp)>,
    /// On the disk.
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
    /// What it was.
    pub key: RowKey,
    /// What stood in its compact token.
    pub label: Option<String>,
}

/// Rows that are to go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Doomed {
    /// Made before this moment; those of its very second stay.
    Before(Timestamp),
    /// Whose tokens carry this kid.
    Kid(Kid),
    /// What was said of a person.
    Subject(Subject),
}

/// Where a value was kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Subject {
    /// Calls with a name: their other values are the same person's.
    pub calls: HashSet<Place>,
    /// Rows of the value where calls have no name.
    pub rows: HashSet<RowKey>,
}

impl Doomed {
    /// Whether this row is one of them. When a row was made is not in it: never, of [`Doomed::Before`].
    pub fn has(&self, row: &VaultRow) -> bool {
        match self {
            Self::Before(_) => false,
            Self::Kid(kid) => row.kid == *kid,
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

    /// Where one of these values was kept.
    pub async fn subject(&self, values: HashSet<(Kid, Kind, [u8; 16])>) -> Result<Subject, StoreError> {
        self.merge().await?;
        let mut subject = Subject::default();
        let mut search = self.search(Wanted::Values(values));
        while let Some(keys) = search.next().await? {
            let (rows, calls): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.scope == [0; 16]);
            subject.rows.extend(rows);
            subject.calls.extend(calls.into_iter().map(|key| (key.agent, key.scope)));
        }
        Ok(subject)
    }

    /// Kids and kinds that occur.
    pub async fn kinds(&self) -> Result<Vec<(Kid, Kind)>, StoreError> {
        self.merge().await?;
        self.db.read(counts::kinds).await
    }

    /// How many rows [`Vault::purge`] would delete.
    pub async fn count_doomed(&self, doomed: &Doomed) -> Result<u64, StoreError> {
        let mut count = 0;
        match doomed {
            Doomed::Kid(kid) => count = self.stats().await?.by_kid.get(kid).copied().unwrap_or_default(),
            Doomed::Before(moment) => {
                self.merge().await?;
                let mut search = self.search(Wanted::Before(seconds(*moment)));
                while let Some(keys) = search.next().await? {
                    count += keys.len() as u64;
                }
            }
            Doomed::Subject(Subject { calls, rows }) => {
                count = rows.len() as u64;
                for call in calls.clone() {
                    count += self.db.read(move |conn| count_of_call(conn, call)).await?;
                }
            }
        }
        Ok(count)
    }

    /// Deletes rows, so that they are in no file any more; says how many, and `gone` is told which, call by call. Their
    /// tokens resolve no more.
    pub async fn purge(&self, doomed: Doomed, gone: impl FnMut(&[Gone])) -> Result<u64, StoreError> {
        let _one = self.erasing.lock().await;
        self.merge().await?;
        let mut purge = Purge { vault: self, gone, steps: 0, rows: 0 };
        match doomed {
            Doomed::Kid(kid) => purge.delete_all(self.search(Wanted::Kid(kid))).await?,
            Doomed::Before(moment) => {
                let second = seconds(moment);
                purge.delete_all(self.search(Wanted::Before(second))).await?;
                self.db.write(move |conn| counts::begin_at(conn, second)).await?;
            }
            Doomed::Subject(Subject { calls, rows }) => {
                purge.delete(rows.into_iter().collect()).await?;
                for call in calls {
                    // Until there are none: it may have got more meanwhile.
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
        let rows = purge.rows;
        if rows > 0 {
            self.db.compact().await?;
        }
        Ok(rows)
    }

    fn search(&self, wanted: Wanted) -> Search<'_> {
        Search { vault: self, wanted: Arc::new(wanted), after: None, is_over: false }
    }

    /// Every row, in pieces, with the second in which it was made.
    pub async fn page(&self, after: Option<VaultRow>, limit: usize) -> Result<Vec<(VaultRow, Timestamp)>, StoreError> {
        self.merge().await?;
        self.db.read(move |conn| page(conn, after.as_ref(), limit)).await
    }

    /// Puts what `seal` makes of a row in its place, for every row; nothing leaves it as it is. Says how many were replaced.
    /// An error of `seal` ends it; what was done until then stays, and it can be done again.
    pub async fn seal_anew<E: From<StoreError>>(
        &self,
        mut seal: impl FnMut(&VaultRow) -> Result<Option<VaultRow>, E>,
    ) -> Result<u64, E> {
        let _one = self.erasing.lock().await;
        let (mut replaced, mut after) = (0, None);
        loop {
            let rows = self.page(after, STEP).await?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.clone());
            let sealed = rows.iter().filter_map(|(row, made)| {
                let sealed = seal(row).transpose()?;
                Some(sealed.map(|sealed| (row.sealed_by.clone(), sealed, seconds(*made))))
            });
            let sealed = sealed.collect::<Result<Vec<_>, E>>()?;
            replaced += sealed.len() as u64;
            self.db.write_unsynced(move |conn| replace(conn, &sealed)).await?;
        }
        if replaced > 0 {
            self.db.compact().await?;
        }
        Ok(replaced)
    }
}

/// A walk through all rows.
struct Search<'v> {
    vault: &'v Vault,
    wanted: Arc<Wanted>,
    after: Option<RowKey>,
    is_over: bool,
}

impl Search<'_> {
    /// What the next step found, which may be nothing.
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

/// An erasure under way.
struct Purge<'v, G> {
    vault: &'v Vault,
    gone: G,
    steps: usize,
    rows: u64,
}

impl<G: FnMut(&[Gone])> Purge<'_, G> {
    async fn delete_all(&mut self, mut search: Search<'_>) -> Result<(), StoreError> {
        while let Some(keys) = search.next().await? {
            self.delete(keys).await?;
        }
        Ok(())
    }

    async fn delete(&mut self, mut keys: Vec<RowKey>) -> Result<(), StoreError> {
        // In the order of the table, so that neighbours are found on the same page.
        keys.sort_unstable();
        for keys in keys.chunks(STEP) {
            let keys = keys.to_vec();
            let gone = self.vault.db.write_unsynced(move |conn| delete(conn, keys)).await?;
            self.rows += gone.len() as u64;
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

fn delete(conn: &Connection, keys: Vec<RowKey>) -> Result<Vec<Gone>, StoreError> {
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
    Ok(gone)
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

/// Rows, by whose key they were sealed before, and the second in which they were made.
fn replace(conn: &Connection, rows: &[(Option<Kid>, VaultRow, i64)]) -> Result<(), StoreError> {
    let mut update = conn.prepare_cached(
        "UPDATE vault SET sealed = ?6, sealed_by = ?7
         WHERE agent = ?1 AND scope = ?2 AND kid = ?3 AND kind = ?4 AND mac = ?5",
    )?;
    let mut counts = Counts::default();
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
            counts.remove(&row.kid, before.as_ref(), &row.kind);
            counts.add(&row.kid, row.sealed_by.as_ref(), &row.kind, *second);
        }
    }
    counts.write(conn)
}

#[cfg(test)]
mod tests;
