//! Figures of one agent, for its page.

use rusqlite::Connection;

use super::{Store, StoreError};
use crate::clock::Timestamp;
use crate::ids::AgentId;

const DAY_MS: i64 = 86_400_000;
/// The newest sessions of the last 24 hours that the percentiles are taken from.
const SAMPLE: i64 = 10_000;

/// What an agent did lately. Latency is the time that Masker added.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct AgentStats {
    /// Sessions of the last 24 hours.
    pub session_count_24h: u64,
    /// Sessions of the last seven days.
    pub session_count_7d: u64,
    /// Spans masked within the last 24 hours.
    pub redaction_count_24h: u64,
    /// Half of the sessions were quicker; `None` without sessions.
    pub p50_latency_ms: Option<f64>,
    /// Nineteen of twenty were quicker.
    pub p95_latency_ms: Option<f64>,
}

impl Store {
    /// What the agent did lately.
    pub async fn agent_stats(&self, agent: AgentId) -> Result<AgentStats, StoreError> {
        let now = self.clock.now();
        self.main.read(move |conn| stats(conn, agent, now)).await
    }
}

fn stats(conn: &Connection, agent: AgentId, now: Timestamp) -> Result<AgentStats, StoreError> {
    let day = now.millis() - DAY_MS;
    let (session_count_24h, redaction_count_24h) = conn
        .prepare_cached(
            "SELECT count(*), coalesce(sum(redaction_count), 0) FROM sessions WHERE agent_id = ?1 AND started_at > ?2",
        )?
        .query_row((agent.text(), day), |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)))?;
    let session_count_7d =
        conn.prepare_cached("SELECT count(*) FROM sessions WHERE agent_id = ?1 AND started_at > ?2")?
            .query_row((agent.text(), now.millis() - 7 * DAY_MS), |row| row.get::<_, i64>(0))? as u64;
    let latencies = latencies(conn, agent, day)?;
    Ok(AgentStats {
        session_count_24h,
        session_count_7d,
        redaction_count_24h,
        p50_latency_ms: percentile(&latencies, 50),
        p95_latency_ms: percentile(&latencies, 95),
    })
}

fn latencies(conn: &Connection, agent: AgentId, since: i64) -> Result<Vec<f64>, StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT detection_ms + tokenize_ms + rehydrate_ms FROM sessions
         WHERE agent_id = ?1 AND started_at > ?2 ORDER BY started_at DESC, id DESC LIMIT ?3",
    )?;
    let rows = query.query_map((agent.text(), since, SAMPLE), |row| row.get(0))?;
    let mut latencies = rows.collect::<Result<Vec<f64>, _>>()?;
    latencies.sort_by(f64::total_cmp);
    Ok(latencies)
}

/// The smallest value that `percent` of all values do not exceed.
fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(percentile(&values, 50), Some(10.0));
        assert_eq!(percentile(&values, 95), Some(19.0));
        assert_eq!(percentile(&values[..1], 95), Some(1.0));
        assert_eq!(percentile(&[], 50), None);
    }
}
