//! Work that must not be left half done: an erasure or a key rotation. A job is recorded before its first step and
//! deleted after its last one; a job found at start was interrupted and is resumed. The plan is opaque to this module.

use rusqlite::Connection;

use super::erasures::{self, Erasure};
use super::{Store, StoreError, columns};
use crate::clock::Timestamp;
use crate::ids::EventId;

/// A job in progress.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// The event that requested it.
    pub id: EventId,
    /// Time of the request.
    pub asked_at: Timestamp,
    /// Journal offset behind which the job's events are, if they were written.
    pub journal_at: u64,
    /// The work to do, as JSON.
    pub plan: String,
}

impl Store {
    /// Held while a job runs: one at a time, so that a running job is not mistaken for an interrupted one.
    pub async fn working(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.working.lock().await
    }

    /// Records a job.
    pub async fn begin_job(&self, job: Job) -> Result<(), StoreError> {
        self.main.write(move |conn| insert(conn, &job)).await
    }

    /// Unfinished jobs, oldest first.
    pub async fn jobs(&self) -> Result<Vec<Job>, StoreError> {
        self.main.read(all).await
    }

    /// Number of sessions whose texts a job has erased.
    pub async fn texts_erased_by(&self, job: EventId) -> Result<u64, StoreError> {
        let sql = "SELECT payloads FROM jobs WHERE id = ?1";
        let count = move |conn: &Connection| Ok(conn.query_row(sql, [job.text()], |row| row.get::<_, i64>(0))? as u64);
        self.main.read(count).await
    }

    /// Deletes a finished job and records its erasure, if it was one.
    pub async fn end_job(&self, job: EventId, erasure: Option<Erasure>) -> Result<(), StoreError> {
        let end = move |conn: &Connection| {
            conn.execute("DELETE FROM jobs WHERE id = ?1", [job.text()])?;
            erasure.map_or(Ok(()), |erasure| erasures::insert(conn, &erasure))
        };
        self.main.write(end).await
    }
}

fn insert(conn: &Connection, job: &Job) -> Result<(), StoreError> {
    let sql = "INSERT INTO jobs (id, asked_at, journal_at, plan, payloads) VALUES (?1, ?2, ?3, ?4, 0)";
    conn.execute(sql, (job.id.text(), job.asked_at.millis(), job.journal_at as i64, &job.plan))?;
    Ok(())
}

fn all(conn: &Connection) -> Result<Vec<Job>, StoreError> {
    let mut query = conn.prepare_cached("SELECT id, asked_at, journal_at, plan FROM jobs ORDER BY id")?;
    let rows = query.query_map([], |row| {
        Ok(Job {
            id: columns::parsed(row, 0)?,
            asked_at: columns::moment(row, 1)?,
            journal_at: row.get::<_, i64>(2)? as u64,
            plan: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Adds to the number of sessions whose texts a job erased.
pub(super) fn count(conn: &Connection, job: EventId, texts: u64) -> Result<(), StoreError> {
    let mut update = conn.prepare_cached("UPDATE jobs SET payloads = payloads + ?2 WHERE id = ?1")?;
    update.execute((job.text(), texts as i64))?;
    Ok(())
}
