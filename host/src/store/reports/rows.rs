//! The session rows of a report, ordered by start time and id.

use std::collections::BTreeMap;
use std::ops::Range;

use rusqlite::{Connection, OptionalExtension};

use super::ReportSessions;
use crate::audit::chain::Hash;
use crate::audit::event::EventKind;
use crate::ids::AgentId;
use crate::report::leaks::LISTED;
use crate::session::SessionRow;
use crate::session::figures::Figures;
use crate::store::sessions::{COLUMNS, session};
use crate::store::{StoreError, days};

/// Selects the index to read: by account or by agent.
pub(super) struct Rows {
    whose: &'static str,
    owner: String,
    since: i64,
    pub until: i64,
}

impl Rows {
    pub fn of(sessions: &ReportSessions) -> Self {
        let (whose, owner) = match sessions.agent {
            Some(agent) => ("agent", agent.text()),
            None => ("account", sessions.account.text()),
        };
        Self { whose, owner, since: sessions.since.millis(), until: sessions.until.millis() }
    }

    /// Start of the oldest existing session, whether in the period or not.
    pub fn oldest(&self, conn: &Connection) -> Result<Option<i64>, StoreError> {
        let whose = self.whose;
        let mut query = conn.prepare_cached(&format!(
            "SELECT started_at FROM sessions INDEXED BY sessions_by_{whose} WHERE {whose}_id = ?1
             ORDER BY started_at LIMIT 1"
        ))?;
        Ok(query.query_row([&self.owner], |row| row.get(0)).optional()?)
    }

    /// Sums over the rows of a part of the period, counted one by one.
    pub fn count(&self, conn: &Connection, part: Range<i64>) -> Result<BTreeMap<AgentId, Figures>, StoreError> {
        let whose = self.whose;
        let mut query = conn.prepare_cached(&format!(
            "SELECT {COLUMNS}, begins_call FROM sessions INDEXED BY sessions_by_{whose}
             WHERE {whose}_id = ?1 AND started_at >= ?2 AND started_at < ?3"
        ))?;
        let mut rows = query.query((&self.owner, part.start, part.end))?;
        let mut figures: BTreeMap<AgentId, Figures> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let (own, begins_call) = (session(row)?, row.get("begins_call")?);
            figures.entry(own.agent_id).or_default().add_all(&Figures::of(&own, begins_call));
        }
        Ok(figures)
    }

    /// Calls `see` with id and root of each row.
    pub fn each(
        &self,
        conn: &Connection,
        mut see: impl FnMut(&str, Option<Hash>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let whose = self.whose;
        let mut query = conn.prepare_cached(&format!(
            "SELECT id, merkle_root FROM sessions INDEXED BY sessions_by_{whose}
             WHERE {whose}_id = ?1 AND started_at >= ?2 AND started_at <= ?3 ORDER BY started_at, id"
        ))?;
        let mut rows = query.query((&self.owner, self.since, self.until))?;
        while let Some(row) = rows.next()? {
            see(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?, row.get(1)?)?;
        }
        Ok(())
    }

    /// The first rows.
    pub fn first(&self, conn: &Connection, most: usize) -> Result<Vec<SessionRow>, StoreError> {
        let whose = self.whose;
        let mut query = conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM sessions INDEXED BY sessions_by_{whose}
             WHERE {whose}_id = ?1 AND started_at >= ?2 AND started_at <= ?3 ORDER BY started_at, id LIMIT ?4"
        ))?;
        let rows = query.query_map((&self.owner, self.since, self.until, most as i64), session)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The first rows with an incident of this kind.
    pub fn with_incident(
        &self,
        conn: &Connection,
        sessions: &ReportSessions,
        kind: EventKind,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let mut query = conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM sessions INDEXED BY sessions_with_incidents
             WHERE incidents > 0 AND account_id = ?1 AND started_at >= ?2 AND started_at <= ?3
             AND (?4 IS NULL OR agent_id = ?4) AND incidents & ?5 > 0 ORDER BY started_at, id LIMIT ?6"
        ))?;
        let (account, agent) = (sessions.account.text(), sessions.agent.map(|agent| agent.text()));
        let values = (account, self.since, self.until, agent, days::incident_bit(kind), LISTED as i64);
        let rows = query.query_map(values, session)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
