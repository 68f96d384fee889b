//! Takes fresh rows into the database, many in one transaction.

use std::sync::Arc;
use std::thread;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::fresh::{Batch, Fresh};
use crate::clock::Timestamp;
use crate::store::StoreError;
use crate::store::db::WriteJob;

/// A merge on its way to the writer.
pub(super) struct Merge {
    fresh: Arc<Fresh>,
    result: Result<(), StoreError>,
    reply: oneshot::Sender<Result<(), StoreError>>,
}

impl Merge {
    /// A merge, and what tells when it is over.
    pub fn new(fresh: Arc<Fresh>) -> (Box<Self>, oneshot::Receiver<Result<(), StoreError>>) {
        let (reply, over) = oneshot::channel();
        (Box::new(Self { fresh, result: Ok(()), reply }), over)
    }
}

impl WriteJob for Merge {
    /// The rows outlive the process already; see `Vault::put` for power cuts.
    fn is_durable(&self) -> bool {
        false
    }

    fn run(&mut self, conn: &Connection) {
        self.result = insert(conn, &self.fresh.begin_merge());
    }

    fn done(self: Box<Self>, failed: Option<&StoreError>) {
        let result = failed.cloned().map_or(self.result, Err);
        let result = result.and_then(|()| self.fresh.merged().map_err(|error| StoreError::File(error.kind())));
        if let Err(error) = &result {
            self.fresh.not_merged();
            tracing::error!(%error, "fresh rows were not taken into the vault's database; they are kept and tried again");
        }
        // Mostly nobody waits.
        let _ = self.reply.send(result);
    }
}

/// Rows after which whoever waits for the processor goes first.
const STRETCH: usize = 64;

/// Inserts rows; one that is there stays as it is.
fn insert(conn: &Connection, batch: &Batch) -> Result<(), StoreError> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO vault (agent, scope, kid, kind, mac, sealed, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (agent, scope, kid, kind, mac) DO NOTHING",
    )?;
    for (at, row) in batch.rows().enumerate() {
        let (row, created_at) = row.map_err(|error| StoreError::File(error.kind()))?;
        insert.execute(rusqlite::params![
            row.agent.to_bytes(),
            row.scope,
            row.kid.as_str(),
            row.kind.as_str(),
            row.mac,
            row.sealed,
            seconds(created_at),
        ])?;
        if at % STRETCH == STRETCH - 1 {
            thread::yield_now();
        }
    }
    Ok(())
}

/// Moments are kept in seconds, rounded down.
pub(super) fn seconds(moment: Timestamp) -> i64 {
    moment.millis().div_euclid(1000)
}
