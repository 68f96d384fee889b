//! What is in the vault, taken out of it for good, or sealed anew.
//!
//! A deleted row is gone from the file, not only from the table: SQLite overwrites it (`secure_delete`), the file is
//! written again without what splits and merges of pages left lying about (`VACUUM`), and the log, which has the rows
//! too, is emptied. Rows that are not in the database yet (`vault/fresh.rs`) go there first.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, params_from_iter};

use super::merge::seconds;
use super::{COLUMNS, Vault, vault_row};
use crate::clock::Timestamp;
use crate::ids::AgentId;
use crate::keys::Kid;
use crate::kind::Kind;
use crate::store::{StoreError, columns};
use crate::tokens::mint::VaultRow;

/// Rows that are sealed anew in one transaction.
const CHUNK: usize = 2000;

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
    /// When the oldest and the newest were made, to the second.
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

/// Rows that are to go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Doomed {
    /// Made before this moment; those of its very second stay.
    Before(Timestamp),
    /// Whose tokens carry this kid.
    Kid(Kid),
    /// All of these calls. Where calls have no name, rows of one of these values only.
    Places(HashSet<Place>, HashSet<[u8; 16]>),
}

impl Doomed {
    /// Whether this row is one of them. When a row was made is not in it: never, of [`Doomed::Before`].
    pub fn has(&self, row: &VaultRow) -> bool {
        match self {
            Self::Before(_) => false,
            Self::Kid(kid) => row.kid == *kid,
            Self::Places(places, values) => {
                places.contains(&(row.agent, row.scope)) && (row.scope != [0; 16] || values.contains(&row.mac))
            }
        }
    }
}

impl Vault {
    /// How many rows there are. Reads the whole file.
    pub async fn count(&self) -> Result<u64, StoreError> {
        self.merge().await?;
        let count =
            |conn: &Connection| Ok(conn.query_row("SELECT count(*) FROM vault", [], |row| row.get::<_, i64>(0))?);
        Ok(self.db.read(count).await? as u64)
    }

    /// What there is. Reads the whole file.
    pub async fn stats(&self) -> Result<VaultStats, StoreError> {
        self.merge().await?;
        let bytes = self.size_bytes().await?;
        Ok(VaultStats { bytes, ..self.db.read(stats).await? })
    }

    /// The calls in which one of these values was kept.
    pub async fn places_of(&self, values: HashSet<(Kid, Kind, [u8; 16])>) -> Result<HashSet<Place>, StoreError> {
        self.merge().await?;
        self.db.read(move |conn| places_of(conn, &values)).await
    }

    /// Kids and kinds that occur.
    pub async fn kinds(&self) -> Result<Vec<(Kid, Kind)>, StoreError> {
        self.merge().await?;
        self.db.read(kinds).await
    }

    /// How many rows [`Vault::purge`] would delete.
    pub async fn count_doomed(&self, doomed: Doomed) -> Result<u64, StoreError> {
        self.merge().await?;
        self.db.read(move |conn| doomed_rows(conn, &doomed, "SELECT count(*) FROM vault", count)).await
    }

    /// Deletes rows, so that they are in no file any more; says how many. Their tokens resolve no more. The file is written
    /// anew: new compact tokens wait meanwhile, other requests do not.
    pub async fn purge(&self, doomed: Doomed) -> Result<u64, StoreError> {
        self.merge().await?;
        let deleted = self.db.write(move |conn| doomed_rows(conn, &doomed, "DELETE FROM vault", delete)).await?;
        if deleted > 0 {
            self.db.compact().await?;
        }
        Ok(deleted)
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
        let (mut replaced, mut after) = (0, None);
        loop {
            let rows = self.page(after, CHUNK).await?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.clone());
            let sealed = rows.iter().filter_map(|(row, _)| seal(row).transpose()).collect::<Result<Vec<_>, E>>()?;
            replaced += sealed.len() as u64;
            self.db.write(move |conn| sealed.iter().try_for_each(|row| replace(conn, row))).await?;
        }
        if replaced > 0 {
            self.db.compact().await?;
        }
        Ok(replaced)
    }
}

fn stats(conn: &Connection) -> Result<VaultStats, StoreError> {
    let mut stats = VaultStats::default();
    let mut query = conn.prepare(
        "SELECT kid, coalesce(sealed_by, kid), kind, count(*), min(created_at), max(created_at) FROM vault GROUP BY 1, 2, 3",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let count = row.get::<_, i64>(3)? as u64;
        *stats.by_kid.entry(columns::read(row, 0, Kid::new)?).or_default() += count;
        *stats.sealed_by.entry(columns::read(row, 1, Kid::new)?).or_default() += count;
        *stats.by_kind.entry(columns::read(row, 2, Kind::new)?).or_default() += count;
        let second =
            |column| Ok::<_, StoreError>(Timestamp::from_millis(row.get::<_, i64>(column)?.saturating_mul(1000)));
        let (oldest, newest) = (second(4)?, second(5)?);
        let (before, after) = stats.between.unwrap_or((oldest, newest));
        stats.between = Some((before.min(oldest), after.max(newest)));
    }
    Ok(stats)
}

fn kinds(conn: &Connection) -> Result<Vec<(Kid, Kind)>, StoreError> {
    let mut query = conn.prepare("SELECT DISTINCT kid, kind FROM vault")?;
    let rows = query.query_map([], |row| Ok((columns::read(row, 0, Kid::new)?, columns::read(row, 1, Kind::new)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn places_of(conn: &Connection, values: &HashSet<(Kid, Kind, [u8; 16])>) -> Result<HashSet<Place>, StoreError> {
    let mut query = conn.prepare(&format!("SELECT {COLUMNS} FROM vault"))?;
    let mut rows = query.query([])?;
    let mut places = HashSet::new();
    while let Some(row) = rows.next()? {
        let row = vault_row(row)?;
        if values.contains(&(row.kid, row.kind, row.mac)) {
            places.insert((row.agent, row.scope));
        }
    }
    Ok(places)
}

fn count(conn: &Connection, sql: &str, bound: Vec<rusqlite::types::Value>) -> Result<u64, StoreError> {
    Ok(conn.prepare_cached(sql)?.query_row(params_from_iter(bound), |row| row.get::<_, i64>(0))? as u64)
}

fn delete(conn: &Connection, sql: &str, bound: Vec<rusqlite::types::Value>) -> Result<u64, StoreError> {
    Ok(conn.prepare_cached(sql)?.execute(params_from_iter(bound))? as u64)
}

/// Does the same to every group of doomed rows, and adds up how many they were.
fn doomed_rows(
    conn: &Connection,
    doomed: &Doomed,
    verb: &str,
    run: fn(&Connection, &str, Vec<rusqlite::types::Value>) -> Result<u64, StoreError>,
) -> Result<u64, StoreError> {
    match doomed {
        Doomed::Before(moment) => run(conn, &format!("{verb} WHERE created_at < ?1"), vec![seconds(*moment).into()]),
        Doomed::Kid(kid) => run(conn, &format!("{verb} WHERE kid = ?1"), vec![kid.as_str().to_owned().into()]),
        Doomed::Places(places, values) => {
            let mut all = 0;
            for (agent, scope) in places {
                let bound = vec![agent.to_bytes().to_vec().into(), scope.to_vec().into()];
                if *scope != [0; 16] {
                    all += run(conn, &format!("{verb} WHERE agent = ?1 AND scope = ?2"), bound)?;
                    continue;
                }
                for value in values {
                    let bound = bound.iter().cloned().chain([value.to_vec().into()]).collect();
                    all += run(conn, &format!("{verb} WHERE agent = ?1 AND scope = ?2 AND mac = ?3"), bound)?;
                }
            }
            Ok(all)
        }
    }
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

fn replace(conn: &Connection, row: &VaultRow) -> Result<(), StoreError> {
    let mut update = conn.prepare_cached(
        "UPDATE vault SET sealed = ?6, sealed_by = ?7
         WHERE agent = ?1 AND scope = ?2 AND kid = ?3 AND kind = ?4 AND mac = ?5",
    )?;
    update.execute(rusqlite::params![
        row.agent.to_bytes(),
        row.scope,
        row.kid.as_str(),
        row.kind.as_str(),
        row.mac,
        row.sealed,
        row.sealed_by.as_ref().map(Kid::as_str),
    ])?;
    Ok(())
}
