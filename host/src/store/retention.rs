//! Deletes expired rows in batches: each is its own transaction, small enough not to delay concurrent session writes,
//! and nothing is lost if the process exits in between.

use rusqlite::Connection;

use super::days::day;
use super::{Store, StoreError, stats};
use crate::clock::Timestamp;

/// Maximum number of rows deleted per call.
pub const BATCH: usize = 500;

impl Store {
    /// Deletes session rows that began before this moment, with their stored texts, and returns how many; [`BATCH`]
    /// means there may be more. Their events are kept in the journal.
    pub async fn purge_sessions(&self, before: Timestamp) -> Result<usize, StoreError> {
        // By account, to use the index; there are few accounts.
        let sql = "DELETE FROM sessions WHERE rowid IN (
                       SELECT sessions.rowid FROM accounts CROSS JOIN sessions INDEXED BY sessions_by_account
                       ON sessions.account_id = accounts.id WHERE started_at < ?1 LIMIT ?2)";
        let days = "DELETE FROM agent_days WHERE (agent_id, day, figure, name) IN (
                        SELECT agent_id, day, figure, agent_days.name FROM agents CROSS JOIN agent_days ON agent_id = id
                        WHERE day < ?1 LIMIT ?2)";
        self.main
            .write(move |conn| {
                let deleted = delete(conn, sql, before.millis())?;
                // Keep a day's sums as long as a row of that day may exist.
                if deleted < BATCH {
                    delete(conn, days, day(before.millis()))?;
                }
                Ok(deleted)
            })
            .await
    }

    /// Deletes hourly figures that no window includes. Returns how many, as above.
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
