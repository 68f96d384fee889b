//! Row counts by key and kind, updated in the transaction that changes the rows and never recounted.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::VaultStats;
use crate::clock::Timestamp;
use crate::keys::Kid;
use crate::kind::Kind;
use crate::store::{StoreError, columns};

/// Changes made by one transaction.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<(Kid, Kid, Kind), Change>);

#[derive(Default)]
struct Change {
    rows: i64,
    /// Creation times of the oldest and newest added row, in seconds.
    between: Option<(i64, i64)>,
}

impl Counts {
    /// Counts a row that was created in this second.
    pub fn add(&mut self, kid: &Kid, sealed_by: Option<&Kid>, kind: &Kind, second: i64) {
        let change = self.of(kid, sealed_by, kind);
        change.rows += 1;
        let (first, last) = change.between.unwrap_or((second, second));
        change.between = Some((first.min(second), last.max(second)));
    }

    /// Counts a deleted row.
    pub fn remove(&mut self, kid: &Kid, sealed_by: Option<&Kid>, kind: &Kind) {
        self.of(kid, sealed_by, kind).rows -= 1;
    }

    fn of(&mut self, kid: &Kid, sealed_by: Option<&Kid>, kind: &Kind) -> &mut Change {
        self.0.entry((kid.clone(), sealed_by.unwrap_or(kid).clone(), kind.clone())).or_default()
    }

    /// Writes the changes to the database.
    pub fn write(self, conn: &Connection) -> Result<(), StoreError> {
        let mut add = conn.prepare_cached(
            "INSERT INTO vault_counts (kid, sealed_by, kind, rows, oldest, newest) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (kid, sealed_by, kind) DO UPDATE SET
             rows = rows + excluded.rows, oldest = min(oldest, excluded.oldest), newest = max(newest, excluded.newest)",
        )?;
        let mut remove = conn.prepare_cached(
            "UPDATE vault_counts SET rows = rows + ?4 WHERE kid = ?1 AND sealed_by = ?2 AND kind = ?3",
        )?;
        for ((kid, sealed_by, kind), Change { rows, between }) in &self.0 {
            let key = (kid.as_str(), sealed_by.as_str(), kind.as_str());
            match between {
                Some((first, last)) => add.execute((key.0, key.1, key.2, rows, first, last))?,
                None => remove.execute((key.0, key.1, key.2, rows))?,
            };
        }
        conn.prepare_cached("DELETE FROM vault_counts WHERE rows <= 0")?.execute([])?;
        Ok(())
    }
}

/// Records that no row is older than this.
pub(super) fn begin_at(conn: &Connection, second: i64) -> Result<(), StoreError> {
    conn.execute("UPDATE vault_counts SET oldest = max(oldest, ?1), newest = max(newest, ?1)", [second])?;
    Ok(())
}

/// Statistics of the vault, except its size.
pub(super) fn stats(conn: &Connection) -> Result<VaultStats, StoreError> {
    let mut stats = VaultStats::default();
    let mut query = conn.prepare_cached("SELECT kid, sealed_by, kind, rows, oldest, newest FROM vault_counts")?;
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
