//! Figures of an agent for its page: hourly sums updated as sessions are written, so that no list or page scans all
//! sessions.
//!
//! Counts of a window are exact: whole hours are summed, and the hour in which the window begins is counted in an
//! index. Percentiles cover the whole hours that the window touches, with an error of at most 3.1 %
//! ([`crate::session::latency`]).

use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;

use super::{Store, StoreError, columns};
use crate::clock::Timestamp;
use crate::ids::{AccountId, AgentId};
use crate::kind::Kind;
use crate::session::{SessionRow, latency};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Hours older than this are outside every window.
pub(super) const HOURS_KEPT: i64 = 8 * 24;

/// Recent activity of an agent. Latency is the time that Masker added.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct AgentStats {
    /// Sessions of the last 24 hours.
    pub session_count_24h: u64,
    /// Sessions of the last seven days.
    pub session_count_7d: u64,
    /// Spans masked within the last 24 hours.
    pub redaction_count_24h: u64,
    /// Median added latency of the last 24 hours; `None` without sessions.
    pub p50_latency_ms: Option<f64>,
    /// The 95th percentile.
    pub p95_latency_ms: Option<f64>,
}

/// Recent activity of an account's agents.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AccountStats {
    /// Agents that are not deleted.
    pub agents: u64,
    /// The last 24 hours.
    pub day: AgentStats,
    /// The hours of the last week with activity, oldest first.
    pub hours: Vec<HourStats>,
}

/// Figures of one hour.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HourStats {
    /// Start of the hour, in milliseconds since 1970.
    pub begins_at: i64,
    /// Sessions that began in it.
    pub sessions: u64,
    /// Spans masked in them.
    pub redactions: u64,
    /// Masked spans by kind.
    pub redactions_by_kind: BTreeMap<Kind, u64>,
}

impl Store {
    /// Recent activity of an account's agents.
    pub async fn account_stats(&self, account: AccountId) -> Result<AccountStats, StoreError> {
        let now = self.clock.now();
        self.main.read(move |conn| account_stats(conn, account, now)).await
    }

    /// Recent activity of an agent.
    pub async fn agent_stats(&self, agent: AgentId) -> Result<AgentStats, StoreError> {
        let now = self.clock.now();
        self.main.read(move |conn| stats(conn, agent, now)).await
    }
}

/// A period up to now, split at its first full hour.
#[derive(Clone, Copy)]
pub(super) struct Window {
    /// Start of the period, exclusive.
    pub since: i64,
    /// Its first full hour, counted from 1970.
    pub first_hour: i64,
    /// Start of that hour.
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

/// Hour number since 1970 of a time in milliseconds.
pub(super) fn hour(millis: i64) -> i64 {
    millis.div_euclid(HOUR_MS)
}

/// Hourly figures of new sessions, written in the transaction that writes their rows.
#[derive(Default)]
pub(super) struct Totals {
    hours: HashMap<(AgentId, i64), (i64, i64)>,
    latencies: HashMap<(AgentId, i64, u32), i64>,
    kinds: HashMap<(AccountId, i64, Kind), i64>,
}

impl Totals {
    /// Counts a session.
    pub fn count(&mut self, row: &SessionRow) {
        let hour = hour(row.started_at.millis());
        let (sessions, redactions) = self.hours.entry((row.agent_id, hour)).or_default();
        *sessions += 1;
        *redactions += row.redaction_count() as i64;
        // A session that ended before anything was measured (rejected, or interrupted by a crash) has no latency.
        let added = row.stages.added();
        if added > 0.0 {
            *self.latencies.entry((row.agent_id, hour, latency::bucket(added))).or_default() += 1;
        }
        for (kind, count) in &row.redactions_by_kind {
            *self.kinds.entry((row.account_id, hour, kind.clone())).or_default() += i64::from(*count);
        }
    }

    /// Adds the figures to the database.
    pub fn write(self, conn: &Connection) -> Result<(), StoreError> {
        let mut hours = conn.prepare_cached(
            "INSERT INTO agent_hours (agent_id, hour, sessions, redactions) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET sessions = sessions + excluded.sessions, redactions = redactions + excluded.redactions",
        )?;
        for ((agent, hour), (sessions, redactions)) in self.hours {
            hours.execute((agent.text(), hour, sessions, redactions))?;
        }
        let mut latencies = conn.prepare_cached(
            "INSERT INTO agent_hour_latencies (agent_id, hour, bucket, sessions) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET sessions = sessions + excluded.sessions",
        )?;
        for ((agent, hour, bucket), sessions) in self.latencies {
            latencies.execute((agent.text(), hour, bucket, sessions))?;
        }
        let mut kinds = conn.prepare_cached(
            "INSERT INTO account_hour_kinds (account_id, hour, kind, redactions) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET redactions = redactions + excluded.redactions",
        )?;
        for ((account, hour, kind), redactions) in self.kinds {
            kinds.execute((account.text(), hour, kind.as_str(), redactions))?;
        }
        Ok(())
    }
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
            redactions_by_kind: BTreeMap::new(),
        })
    })?;
    let mut hours: Vec<HourStats> = hours.collect::<Result<_, _>>()?;
    let day = Window::day(now);
    let mut query = conn.prepare_cached(
        "SELECT bucket, sum(sessions) FROM agents INDEXED BY agents_ever
         JOIN agent_hour_latencies ON agent_hour_latencies.agent_id = agents.id
         WHERE account_id = ?1 AND hour >= ?2 GROUP BY bucket ORDER BY bucket",
    )?;
    let latencies = query
        .query_map((&owner, day.first_hour - 1), |row| Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)? as u64)))?;
    let latencies: Vec<(u32, u64)> = latencies.collect::<Result<_, _>>()?;
    let mut query = conn
        .prepare_cached("SELECT hour, kind, redactions FROM account_hour_kinds WHERE account_id = ?1 AND hour >= ?2")?;
    let mut kinds = query.query((&owner, week.first_hour - 1))?;
    while let Some(row) = kinds.next()? {
        let begins_at = row.get::<_, i64>(0)? * HOUR_MS;
        if let Ok(at) = hours.binary_search_by_key(&begins_at, |hour| hour.begins_at) {
            hours[at].redactions_by_kind.insert(columns::read(row, 1, Kind::new)?, row.get::<_, i64>(2)? as u64);
        }
    }
    // Whole hours are precise enough for the page.
    let of_day = || hours.iter().filter(|hour| hour.begins_at >= day.first_hour_begins - HOUR_MS);
    let figures = AgentStats {
        session_count_24h: of_day().map(|hour| hour.sessions).sum(),
        session_count_7d: hours.iter().map(|hour| hour.sessions).sum(),
        redaction_count_24h: of_day().map(|hour| hour.redactions).sum(),
        p50_latency_ms: latency::percentile(&latencies, 50),
        p95_latency_ms: latency::percentile(&latencies, 95),
    };
    Ok(AccountStats { agents, day: figures, hours })
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

/// Number of sessions per latency bucket, for the whole hours that the window touches.
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
