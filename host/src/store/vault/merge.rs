//! Merges pending rows into the database, many per transaction.

use std::io;
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::counts::Counts;
use super::write_ahead::{Batch, WriteAhead};
use crate::clock::Timestamp;
use crate::store::StoreError;
use crate::store::db::WriteJob;
use crate::tokens::mint::VaultRow;

/// Rows per transaction, so that other writes do not wait for the whole merge.
const STEP: usize = 512;

/// A merge job.
pub(super) struct Merge {
    fresh: Arc<WriteAhead>,
    batch: Option<Batch>,
    is_over: bool,
    result: Result<(), StoreError>,
    reply: oneshot::Sender<Result<(), StoreError>>,
}

impl Merge {
    /// A merge job, and a receiver that resolves when it is done.
    pub fn new(fresh: Arc<WriteAhead>) -> (Box<Self>, oneshot::Receiver<Result<(), StoreError>>) {
        let (reply, over) = oneshot::channel();
        (Box::new(Self { fresh, batch: None, is_over: false, result: Ok(()), reply }), over)
    }
}

impl WriteJob for Merge {
    /// The rows already survive a process crash; see `Vault::put` for power failures.
    fn is_durable(&self) -> bool {
        false
    }

    fn run(&mut self, conn: &Connection) {
        if self.batch.is_none() {
            // Only one merge runs at a time; this one waits for the other.
            self.batch = self.fresh.begin_merge();
        }
        if let Some(batch) = &mut self.batch {
            self.result = insert(conn, batch.by_ref().take(STEP));
            self.is_over = batch.is_empty() || self.result.is_err();
        }
    }

    fn is_unfinished(&self) -> bool {
        !self.is_over
    }

    fn done(self: Box<Self>, failed: Option<&StoreError>) {
        let Self { fresh, batch, result, reply, .. } = *self;
        let mut result = failed.cloned().map_or(result, Err);
        if batch.is_some() {
            result = result.and_then(|()| Ok(fresh.merged()?));
            if let Err(error) = &result {
                fresh.not_merged();
                tracing::error!(%error, "pending rows could not be merged into the vault's database; they are kept and retried");
            }
        }
        // Usually no caller waits.
        let _ = reply.send(result);
    }
}

/// Inserts rows; an existing row is not changed.
fn insert(conn: &Connection, rows: impl Iterator<Item = io::Result<(VaultRow, Timestamp)>>) -> Result<(), StoreError> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO vault (agent, scope, kid, kind, mac, sealed, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (agent, scope, kid, kind, mac) DO NOTHING",
    )?;
    let mut counts = Counts::default();
    for row in rows {
        let (row, created_at) = row?;
        let inserted = insert.execute(rusqlite::params![
            row.agent.to_bytes(),
            row.scope,
            row.kid.as_str(),
            row.kind.as_str(),
            row.mac,
            row.sealed,
            seconds(created_at),
        ])?;
        if inserted > 0 {
            counts.add(&row.kid, None, &row.kind, seconds(created_at));
        }
    }
    counts.write(conn)
}

/// Creation times are stored in seconds, rounded down.
pub(super) fn seconds(moment: Timestamp) -> i64 {
    moment.millis().div_euclid(1000)
}
