//! What session rows leave to be written once per transaction: hourly and daily figures, and the journal checkpoint.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::set_checkpoint;
use crate::session::SessionRow;
use crate::store::StoreError;
use crate::store::days::Days;
use crate::store::db::AtCommit;
use crate::store::stats::Totals;

/// Filled on the writer thread.
#[derive(Default)]
pub(in crate::store) struct Gathered(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    totals: Totals,
    days: Days,
    checkpoint: Option<u64>,
}

impl Gathered {
    /// Counts a session with a new row.
    pub fn count(&self, row: &SessionRow, begins_call: bool) {
        let mut inner = self.lock();
        inner.totals.count(row);
        inner.days.count(row, begins_call);
    }

    /// Every session before this journal offset has a row now.
    pub fn checkpoint(&self, offset: u64) {
        self.lock().checkpoint = Some(offset);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Consistent after every statement, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AtCommit for Gathered {
    fn write(&self, conn: &Connection) -> Result<(), StoreError> {
        let Inner { totals, days, checkpoint } = std::mem::take(&mut *self.lock());
        totals.write(conn)?;
        days.write(conn)?;
        checkpoint.map_or(Ok(()), |offset| set_checkpoint(conn, offset))
    }

    fn forget(&self) {
        *self.lock() = Inner::default();
    }
}
