//! Daily sums per agent, written in the same transaction as the session rows, so that a report of any length reads one
//! set of rows per day.
//!
//! Session rows older than these sums are counted once, in steps ([`Store::uncounted_sessions`]).

use std::collections::HashMap;

use rusqlite::Connection;

use super::{Store, StoreError, columns, sessions};
use crate::audit::event::EventKind;
use crate::ids::AgentId;
use crate::session::SessionRow;
use crate::session::figures::{Figure, Figures, INCIDENTS};

pub(super) const DAY_MS: i64 = 86_400_000;
/// Old rows counted per transaction.
pub(super) const STEP: i64 = 500;

/// Day number since 1970 of a time in milliseconds.
pub(super) fn day(millis: i64) -> i64 {
    millis.div_euclid(DAY_MS)
}

/// Daily figures of new sessions, written in the transaction that writes their rows.
#[derive(Default)]
pub(super) struct Days(HashMap<(AgentId, i64), Figures>);

impl Days {
    /// Counts a session.
    pub fn count(&mut self, row: &SessionRow, begins_call: bool) {
        let own = self.0.entry((row.agent_id, day(row.started_at.millis()))).or_default();
        own.add_all(&Figures::of(row, begins_call));
    }

    /// Adds the figures to the database.
    pub fn write(self, conn: &Connection) -> Result<(), StoreError> {
        let mut upsert = conn.prepare_cached(
            "INSERT INTO agent_days (agent_id, day, figure, name, count) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET count = count + excluded.count",
        )?;
        for ((agent, day), figures) in self.0 {
            for (figure, name, count) in figures.iter() {
                upsert.execute((agent.text(), day, figure.as_str(), name, count as i64))?;
            }
        }
        Ok(())
    }
}

/// The sums of an agent over whole days.
pub(super) fn of_agent(conn: &Connection, agent: AgentId, days: std::ops::Range<i64>) -> Result<Figures, StoreError> {
    let mut query = conn
        .prepare_cached("SELECT figure, name, count FROM agent_days WHERE agent_id = ?1 AND day >= ?2 AND day < ?3")?;
    let mut rows = query.query((agent.text(), days.start, days.end))?;
    let mut figures = Figures::default();
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        figures.add(columns::read(row, 0, Figure::from_word)?, &name, row.get::<_, i64>(2)? as u64);
    }
    Ok(figures)
}

impl Store {
    /// Rows that are not in a daily sum yet, oldest first; empty once all are counted.
    pub async fn uncounted_sessions(&self) -> Result<Vec<SessionRow>, StoreError> {
        self.main.read(sessions::uncounted).await
    }

    /// Adds rows of [`Self::uncounted_sessions`], with their figures filled in, to their days. A row counted meanwhile
    /// is skipped.
    pub async fn count_sessions(&self, rows: Vec<SessionRow>) -> Result<(), StoreError> {
        self.main.write(move |conn| count_old(conn, &rows)).await
    }
}

fn count_old(conn: &Connection, rows: &[SessionRow]) -> Result<(), StoreError> {
    let mut days = Days::default();
    let mut update = conn.prepare_cached(
        "UPDATE sessions SET counted = ?2, incidents = ?3, begins_call = call_id IS NOT NULL AND NOT EXISTS (
             SELECT 1 FROM sessions AS earlier INDEXED BY sessions_by_call
             WHERE earlier.account_id = sessions.account_id AND earlier.call_id = sessions.call_id
             AND (earlier.started_at, earlier.id) < (sessions.started_at, sessions.id))
         WHERE id = ?1 AND counted IS NULL RETURNING begins_call",
    )?;
    for row in rows {
        let counted = row.counted.to_json().map_err(|_| StoreError::BadRow("sessions"))?;
        let mut updated = update.query((row.id.text(), counted, incident_bits(&row.counted)))?;
        let begins_call: Option<bool> = updated.next()?.map(|row| row.get(0)).transpose()?;
        if let Some(begins_call) = begins_call {
            days.count(row, begins_call);
        }
    }
    days.write(conn)
}

/// A bit for each kind of incident that occurred.
pub(super) fn incident_bits(figures: &Figures) -> i64 {
    let had = |kind: &EventKind| figures.get(Figure::Incidents, kind.as_str()) > 0;
    INCIDENTS.into_iter().filter(had).map(incident_bit).sum()
}

/// The bit of a kind of incident.
pub(super) fn incident_bit(kind: EventKind) -> i64 {
    INCIDENTS.iter().position(|own| *own == kind).map_or(0, |at| 1 << at)
}

#[cfg(test)]
mod tests;
