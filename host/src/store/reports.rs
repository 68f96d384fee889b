//! What reports are made of: every session of a time, oldest first, and the agents they name.

use rusqlite::{Connection, params_from_iter};

use super::agents::{self, Agent};
use super::sessions;
use super::{Store, StoreError};
use crate::clock::Timestamp;
use crate::ids::{AccountId, AgentId};
use crate::session::SessionRow;

impl Store {
    /// The sessions of an account, or of one agent of it, that began in this time, oldest first.
    pub async fn sessions_between(
        &self,
        account: AccountId,
        agent: Option<AgentId>,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<SessionRow>, StoreError> {
        self.main.read(move |conn| sessions::between(conn, account, agent, since, until)).await
    }

    /// Which turn of its call a session is, counted from 1.
    pub async fn turn_of(&self, session: &SessionRow) -> Result<u64, StoreError> {
        let Some(call) = session.call_id.clone() else { return Ok(1) };
        let (account, agent) = (session.account_id.text(), session.agent_id.text());
        let (started_at, id) = (session.started_at.millis(), session.id.text());
        self.main
            .read(move |conn| {
                let mut query = conn.prepare_cached(
                    "SELECT count(*) FROM sessions WHERE account_id = ?1 AND call_id = ?2 AND agent_id = ?3
                     AND (started_at, id) <= (?4, ?5)",
                )?;
                Ok(query.query_row((account, call, agent, started_at, id), |row| row.get::<_, i64>(0))?.max(1) as u64)
            })
            .await
    }

    /// These agents of an account, deleted ones too.
    pub async fn agents_of_report(&self, account: AccountId, ids: Vec<AgentId>) -> Result<Vec<Agent>, StoreError> {
        self.main
            .read(move |conn: &Connection| {
                let marks = vec!["?"; ids.len()].join(", ");
                let mut query = conn.prepare(&format!(
                    "SELECT {} FROM agents WHERE account_id = ? AND id IN ({marks}) ORDER BY id",
                    agents::COLUMNS
                ))?;
                let values = std::iter::once(account.text()).chain(ids.iter().map(AgentId::text));
                let rows = query.query_map(params_from_iter(values), agents::agent)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}
