//! Finds the rows to erase. The only index is the primary key, in which the rows of a call are adjacent: an index by
//! value or time would make each new row six times as expensive, and erasures are rare. So all rows are scanned, in
//! steps between which other reads run.

use rusqlite::{Connection, Row};

use crate::ids::AgentId;
use crate::keys::Kid;
use crate::kind::Kind;
use crate::store::{StoreError, columns};
use crate::tokens::mint::RowKey;

/// Rows scanned per step: about two milliseconds.
const STEP: usize = 4096;

/// Rows behind a key, in primary key order.
pub(super) const BEHIND: &str = "SELECT agent, scope, kid, kind, mac, created_at FROM vault
    WHERE (agent, scope, kid, kind, mac) > (?1, ?2, ?3, ?4, ?5) ORDER BY agent, scope, kid, kind, mac LIMIT ?6";

/// Rows of a call, up to a limit.
pub(super) const OF_CALL: &str =
    "SELECT agent, scope, kid, kind, mac FROM vault WHERE agent = ?1 AND scope = ?2 LIMIT ?3";

/// Number of rows of a call.
pub(super) const COUNT_OF_CALL: &str = "SELECT count(*) FROM vault WHERE agent = ?1 AND scope = ?2";

/// What a scan looks for.
pub(super) enum Wanted {
    /// Rows created before this second.
    Before(i64),
    /// Rows of this kid.
    Kid(Kid),
    /// Rows of this agent.
    Agent(AgentId),
}

impl Wanted {
    fn has(&self, row: &Row<'_>) -> rusqlite::Result<bool> {
        Ok(match self {
            Self::Before(second) => row.get::<_, i64>(5)? < *second,
            Self::Kid(kid) => row.get_ref(2)?.as_str() == Ok(kid.as_str()),
            Self::Agent(agent) => row.get_ref(0)?.as_blob() == Ok(&agent.to_bytes()[..]),
        })
    }
}

/// Result of a step.
pub(super) struct SearchHit {
    /// Matching rows.
    pub keys: Vec<RowKey>,
    /// The last row scanned; `None` at the end of the table.
    pub last: Option<RowKey>,
}

/// Scans the rows behind `after`.
pub(super) fn step(conn: &Connection, after: Option<&RowKey>, wanted: &Wanted) -> Result<SearchHit, StoreError> {
    let mut query = conn.prepare_cached(BEHIND)?;
    let step = STEP as i64;
    let mut rows = match after {
        Some(RowKey { agent, scope, kid, kind, mac }) => {
            query.query((agent.to_bytes(), scope, kid.as_str(), kind.as_str(), mac, step))?
        }
        // Sorts before every row.
        None => query.query(([0; 0], [0; 0], "", "", [0; 0], step))?,
    };
    let (mut keys, mut looked_at) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        looked_at += 1;
        if wanted.has(row)? {
            keys.push(key(row)?);
        }
        if looked_at == STEP {
            return Ok(SearchHit { keys, last: Some(key(row)?) });
        }
    }
    Ok(SearchHit { keys, last: None })
}

/// Rows of a call, up to a limit.
pub(super) fn of_call(
    conn: &Connection,
    (agent, scope): (AgentId, [u8; 16]),
    most: usize,
) -> Result<Vec<RowKey>, StoreError> {
    let mut query = conn.prepare_cached(OF_CALL)?;
    let keys = query.query_map((agent.to_bytes(), scope, most as i64), key)?;
    Ok(keys.collect::<Result<_, _>>()?)
}

fn key(row: &Row<'_>) -> rusqlite::Result<RowKey> {
    Ok(RowKey {
        agent: AgentId::from_bytes(row.get(0)?),
        scope: row.get(1)?,
        kid: columns::read(row, 2, Kid::new)?,
        kind: columns::read(row, 3, Kind::new)?,
        mac: row.get(4)?,
    })
}
