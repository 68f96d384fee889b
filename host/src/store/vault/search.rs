//! How rows are found that are to go. The table has no index but its primary key, in which the rows of a call stand
//! together: an index by value or by time would cost every new row six times what the row itself does, and erasing is rare.
//! So all rows are walked through, in steps, between which others read.

use rusqlite::{Connection, Row};

use crate::ids::AgentId;
use crate::keys::Kid;
use crate::kind::Kind;
use crate::store::{StoreError, columns};
use crate::tokens::mint::RowKey;

/// Rows that are looked at in one step: about two milliseconds.
const STEP: usize = 4096;

/// Behind a row, in the order of the primary key.
pub(super) const BEHIND: &str = "SELECT agent, scope, kid, kind, mac, created_at FROM vault
    WHERE (agent, scope, kid, kind, mac) > (?1, ?2, ?3, ?4, ?5) ORDER BY agent, scope, kid, kind, mac LIMIT ?6";

/// Of a call, so many at most.
pub(super) const OF_CALL: &str =
    "SELECT agent, scope, kid, kind, mac FROM vault WHERE agent = ?1 AND scope = ?2 LIMIT ?3";

/// How many a call has.
pub(super) const COUNT_OF_CALL: &str = "SELECT count(*) FROM vault WHERE agent = ?1 AND scope = ?2";

/// What is looked for.
pub(super) enum Wanted {
    /// Made before this second.
    Before(i64),
    /// Of this kid.
    Kid(Kid),
    /// Of this agent.
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

/// What a step found.
pub(super) struct SearchHit {
    /// Rows that are wanted.
    pub keys: Vec<RowKey>,
    /// The last row that was looked at; nothing when there are no more.
    pub last: Option<RowKey>,
}

/// Looks at the rows behind this one.
pub(super) fn step(conn: &Connection, after: Option<&RowKey>, wanted: &Wanted) -> Result<SearchHit, StoreError> {
    let mut query = conn.prepare_cached(BEHIND)?;
    let step = STEP as i64;
    let mut rows = match after {
        Some(RowKey { agent, scope, kid, kind, mac }) => {
            query.query((agent.to_bytes(), scope, kid.as_str(), kind.as_str(), mac, step))?
        }
        // Before all others.
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

/// Rows of a call, so many at most.
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
