//! Figures of one agent, for its page: sums over hours that are counted as the sessions come, so that no list or page
//! looks at every session.
//!
//! Counts of a window are exact: whole hours are summed up, and the hour in which the window begins is counted in an
//! index. Percentiles are those of the whole hours that the window touches, and off by 3.1 % at most
//! ([`crate::session::latency`]).

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{Store, StoreError, columns};
use crate::clock::Timestamp;
use crate::ids::{AccountId, AgentId};
use crate::session::{SessionRow, latency};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Hours older than this are in no window any more.
pub(super) const HOURS_KEPT: i64 = 8 * 24;

/// What an agent did lately. Latency is the time that Masker added.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct AgentStats {
    /// Sessions of the last 24 hours.
    pub session_count_24h: u64,
    /// Sessions of the last seven days.
    pub session_count_7d: u64,
    /// Spans masked within the last 24 hours.
    pub redaction_count_24h: u64,
    /// Half of the sessions of the last 24 hours were quicker; `None` without sessions.
    pub p50_latency_ms: Option<f64>,
    /// Nineteen of twenty were quicker.
    pub p95_latency_ms: Option<f64>,
}

/// What an account's agents did lately.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AccountStats {
    /// Living agents.
    pub agents: u64,
    /// The last 24 hours.
    pub day: AgentStats,
    /// The hours of the last week in which something happened, oldest first.
    pub hours: Vec<HourStats>,
    /// Spans by kind, of the newest [`RECENT`] sessions.
    pub recent_by_kind: BTreeMap<String, u64>,
    /// How many sessions those are.
    pub recent_sessions: u64,
}

/// One hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HourStats {
    /// In milliseconds since 1970.
    pub begins_at: i64,
    /// Sessions that began in it.
    pub sessions: u64,
    /// Spans masked in them.
    pub redactions: u64,
}

/// Sessions whose kinds are looked at one by one.
pub const RECENT: usize = 1000;

impl Store {
    /// What an account's agents did lately.
    pub async fn account_stats(&self, account: AccountId) -> Result<AccountStats, StoreError> {
        let now = self.clock.now();
        self.main.read(move |conn| account_stats(conn, account, now)).await
    }

    /// What the agent did lately.
    pub async fn agent_stats(&self, agent: AgentId) -> Result<AgentStats, StoreError> {
        let now = self.clock.now();
        self.main.read(move |conn| stats(conn, agent, now)).await
    }
}

/// A stretch of time up to now, cut where its first whole hour begins.
#[derive(Clone, Copy)]
pub(super) struct Window {
    /// What began later than this is in it.
    pub since: i64,
    /// Its first whole hour, counted from 1970.
    pub first_hour: i64,
    /// When that hour begins.
    pub first_hour_begins: i64,
}

impl Window {
    /// The last 24 hours.
    pub fn day(now: Timestamp) -> Self {
        Self::since(now.millis() - DAY_MS)
    }

    fn week(now: Timestamp) -> Self {
        Self::since(now.millis() - 7 * DAY_MS)
    }

    fn since(since: i64) -> Self {
        let first_hour = hour(since) + 1;
        Self { since, first_hour, first_hour_begins: first_hour * HOUR_MS }
    }
}

/// The hour of a moment, counted from 1970.
pub(super) fn hour(millis: i64) -> i64 {
    millis.div_euclid(HOUR_MS)
}

/// Counts a session whose row was just written, in the same transaction.
pub(super) fn count(conn: &Connection, row: &SessionRow) -> Result<(), StoreError> {
    let (agent, hour) = (row.agent_id.text(), hour(row.started_at.millis()));
    conn.prepare_cached(
        "INSERT INTO agent_hours (agent_id, hour, sessions, redactions) VALUES (?1, ?2, 1, ?3)
         ON CONFLICT DO UPDATE SET sessions = sessions + 1, redactions = redactions + excluded.redactions",
    )?
    .execute((&agent, hour, row.redaction_count() as i64))?;
    // A session that ended before anything was measured (refused, or cut off by the end of the process) took no time.
    let added = row.stages.added();
    if added > 0.0 {
        conn.prepare_cached(
            "INSERT INTO agent_hour_latencies (agent_id, hour, bucket, sessions) VALUES (?1, ?2, ?3, 1)
             ON CONFLICT DO UPDATE SET sessions = sessions + 1",
        )?
        .execute((&agent, hour, latency::bucket(added)))?;
    }
    Ok(())
}

fn account_stats(conn: &Connection, account: AccountId, now: Timestamp) -> Result<AccountStats, StoreError> {
    let owner = account.text();
    let agents = conn
        .prepare_cached(
            "SELECT count(*) FROM agents INDEXED BY agents_by_account WHERE account_id = ?1 AND deleted_at IS NULL",
        )?
        .query_row([&owner], |row| row.get::<_, i64>(0))? as u64;
    let week = Window::week(now);
    let mut query = conn.prepare_cached(
        "SELECT hour, sum(sessions), sum(redactions) FROM agents INDEXED BY agents_ever
         JOIN agent_hours ON agent_hours.agent_id = agents.id
         WHERE account_id = ?1 AND hour >= ?2 GROUP BY hour ORDER BY hour",
    )?;
    let hours = query.query_map((&owner, week.first_hour - 1), |row| {
        Ok(HourStats {
            begins_at: row.get::<_, i64>(0)? * HOUR_MS,
            sessions: row.get::<_, i64>(1)? as u64,
            redactions: row.get::<_, i64>(2)? as u64,
        })
    })?;
    let hours: Vec<HourStats> = hours.collect::<Result<_, _>>()?;
    let day = Window::day(now);
    let mut query = conn.prepare_cached(
        "SELECT bucket, sum(sessions) FROM agents INDEXED BY agents_ever
         JOIN agent_hour_latencies ON agent_hour_latencies.agent_id = agents.id
         WHERE account_id = ?1 AND hour >= ?2 GROUP BY bucket ORDER BY bucket",
    )?;
    let latencies = query
        .query_map((&owner, day.first_hour - 1), |row| Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)? as u64)))?;
    let latencies: Vec<(u32, u64)> = latencies.collect::<Result<_, _>>()?;
    let mut query = conn.prepare_cached(
        "SELECT redactions_by_kind FROM sessions INDEXED BY sessions_by_account
         WHERE account_id = ?1 AND started_at > ?2 ORDER BY started_at DESC, id DESC LIMIT ?3",
    )?;
    let kinds =
        query.query_map((&owner, week.since, RECENT as i64), |row| columns::json::<BTreeMap<String, u64>>(row, 0))?;
    let (mut recent_by_kind, mut recent_sessions) = (BTreeMap::new(), 0);
    for kinds in kinds {
        recent_sessions += 1;
        for (kind, count) in kinds? {
            *recent_by_kind.entry(kind).or_default() += count;
        }
    }
    // Whole hours: the page shows what is going on, not a bill.
    let of_day = || hours.iter().filter(|hour| hour.begins_at >= day.first_hour_begins - HOUR_MS);
    let figures = AgentStats {
        session_count_24h: of_day().map(|hour| hour.sessions).sum(),
        session_count_7d: hours.iter().map(|hour| hour.sessions).sum(),
        redaction_count_24h: of_day().map(|hour| hour.redactions).sum(),
        p50_latency_ms: latency::percentile(&latencies, 50),
        p95_latency_ms: latency::percentile(&latencies, 95),
    };
    Ok(AccountStats { agents, day: figures, hours, recent_by_kind, recent_sessions })
}

fn stats(conn: &Connection, agent: AgentId, now: Timestamp) -> Result<AgentStats, StoreError> {
    let day = Window::day(now);
    let (session_count_24h, redaction_count_24h) = counts(conn, agent, day)?;
    let (session_count_7d, _) = counts(conn, agent, Window::week(now))?;
    let latencies = latencies(conn, agent, day)?;
    Ok(AgentStats {
        session_count_24h,
        session_count_7d,
        redaction_count_24h,
        p50_latency_ms: latency::percentile(&latencies, 50),
        p95_latency_ms: latency::percentile(&latencies, 95),
    })
}

/// Sessions and masked spans.
fn counts(conn: &Connection, agent: AgentId, window: Window) -> Result<(u64, u64), StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT sum(sessions), sum(redactions) FROM (
             SELECT coalesce(sum(sessions), 0) AS sessions, coalesce(sum(redactions), 0) AS redactions
             FROM agent_hours WHERE agent_id = ?1 AND hour >= ?3
             UNION ALL
             SELECT count(*), coalesce(sum(redaction_count), 0) FROM sessions INDEXED BY sessions_by_agent
             WHERE agent_id = ?1 AND started_at > ?2 AND started_at < ?4)",
    )?;
    let values = (agent.text(), window.since, window.first_hour, window.first_hour_begins);
    Ok(query.query_row(values, |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)))?)
}

/// How many sessions are in each bucket, of the whole hours that the window touches.
fn latencies(conn: &Connection, agent: AgentId, window: Window) -> Result<Vec<(u32, u64)>, StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT bucket, sum(sessions) FROM agent_hour_latencies WHERE agent_id = ?1 AND hour >= ?2
         GROUP BY bucket ORDER BY bucket",
    )?;
    let rows = query.query_map((agent.text(), window.first_hour - 1), |row| {
        Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)? as u64))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests;
