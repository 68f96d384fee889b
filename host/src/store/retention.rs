//! Deleting what has been kept for long enough, in batches: each is a transaction of its own, small enough that sessions
//! which are being written meanwhile do not wait, and lost by nobody when the process ends in between.

use rusqlite::Connection;

use super::days::day;
use super::{Store, StoreError, stats};
use crate::clock::Timestamp;

/// Rows that one call deletes at most.
pub const BATCH: usize = 500;

impl Store {
    /// Deletes rows of sessions that began before this moment, and what was kept of their texts. Says how many; there
    /// may be more while it says [`BATCH`]. Their events stay in the journal.
    pub async fn purge_sessions(&self, before: Timestamp) -> Result<usize, StoreError> {
        // By account, since there is an index for that; accounts are few.
        let sql = "DELETE FROM sessions WHERE rowid IN (
                       SELECT sessions.rowid FROM accounts CROSS JOIN sessions INDEXED BY sessions_by_account
                       ON sessions.account_id = accounts.id WHERE started_at < ?1 LIMIT ?2)";
        let days = "DELETE FROM agent_days WHERE (agent_id, day, figure, name) IN (
                        SELECT agent_id, day, figure, agent_days.name FROM agents CROSS JOIN agent_days ON agent_id = id
                        WHERE day < ?1 LIMIT ?2)";
        self.main
            .write(move |conn| {
                let deleted = delete(conn, sql, before.millis())?;
                // The sums of a day stay as long as a row of it may.
                if deleted < BATCH {
                    delete(conn, days, day(before.millis()))?;
                }
                Ok(deleted)
            })
            .await
    }

    /// Deletes hourly figures that no window reaches any more. Says how many, as above.
    pub async fn purge_figures(&self) -> Result<usize, StoreError> {
        let hours = "DELETE FROM agent_hours WHERE (agent_id, hour) IN (
                         SELECT agent_id, hour FROM agents CROSS JOIN agent_hours ON agent_id = id
                         WHERE hour < ?1 LIMIT ?2)";
        let latencies = "DELETE FROM agent_hour_latencies WHERE (agent_id, hour, bucket) IN (
                             SELECT agent_id, hour, bucket FROM agents CROSS JOIN agent_hour_latencies ON agent_id = id
                             WHERE hour < ?1 LIMIT ?2)";
        let kinds = "DELETE FROM account_hour_kinds WHERE (account_id, hour, kind) IN (
                         SELECT account_id, hour, kind FROM accounts CROSS JOIN account_hour_kinds ON account_id = id
                         WHERE hour < ?1 LIMIT ?2)";
        let before = stats::hour(self.clock.now().millis()) - stats::HOURS_KEPT;
        self.main
            .write(move |conn| {
                [hours, latencies, kinds].iter().try_fold(0, |most, sql| Ok(delete(conn, sql, before)?.max(most)))
            })
            .await
    }
}

fn delete(conn: &Connection, sql: &str, before: i64) -> Result<usize, StoreError> {
    Ok(conn.prepare_cached(sql)?.execute((before, BATCH as i64))?)
}

#[cfg(test)]
mod tests;
