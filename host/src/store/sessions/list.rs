//! One page of sessions, at a bounded cost however selective the filter is.
//!
//! Every list is a merge of *runs*: ranges of an index in which all sessions match and are sorted newest first.
//! Without a filter there is one run. Filters by status and by minimum number of spans have one run for each pair of
//! status and span count that occurs; from the next multiple of 64 on, one for each 64 counts. A page merges the runs
//! and reads no more of each than it shows. There are few: at most 63 for each status, and of the others, with `n`
//! spans masked in all, no more than about `sqrt(n / 32)` occur. A phone call has one run for every agent that may
//! have had it; other filters on a call are checked session by session, and a call has as many as it has turns.

use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::ops::Range;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, ToSql, params_from_iter};

use super::{SessionCursor, SessionFilter, by_id};
use crate::ids::{AccountId, AgentId};
use crate::session::{SessionRow, Status};
use crate::store::{Page, StoreError};
use crate::tokens::call_name::SoughtCall;

/// Keys read at a time from a run after the first one.
const CHUNK: usize = 16;

/// A session's position in a list: start time and id.
type Key = (i64, String);

/// Span counts from here on are indexed in steps of this size.
const MANY: i64 = 64;

/// Runs of one index that differ in a few values.
struct Runs {
    /// Query for up to a given number of keys of one run, behind a position.
    sql: String,
    /// The values that differ, for each run.
    each: Vec<Vec<Value>>,
    /// The values they share.
    shared: Vec<Value>,
}

/// A run and the keys already read from it.
struct IndexRun<'r> {
    of: &'r Runs,
    values: &'r [Value],
    ahead: VecDeque<Key>,
    over: bool,
}

pub(super) fn page(conn: &Connection, filter: &SessionFilter) -> Result<Page<SessionRow, SessionCursor>, StoreError> {
    // Several queries, one snapshot.
    let snapshot = conn.unchecked_transaction()?;
    let mut rows = Vec::new();
    for (_, id) in newest(&snapshot, &all_runs(&snapshot, filter)?, filter)? {
        rows.extend(by_id(&snapshot, filter.account, &id)?);
    }
    Ok(Page::new(rows, filter.limit, |row: &SessionRow| SessionCursor { started_at: row.started_at, id: row.id }))
}

/// All runs that may contain matches.
fn all_runs(conn: &Connection, filter: &SessionFilter) -> Result<Vec<Runs>, StoreError> {
    let (account, agent) = (filter.account, filter.agent);
    if let Some(agent) = agent
        && !is_of_account(conn, account, agent)?
    {
        return Ok(Vec::new());
    }
    let (whose, owner) = match agent {
        Some(agent) => ("agent", agent.text()),
        None => ("account", account.text()),
    };
    if let Some(call) = &filter.call_id {
        return Ok(vec![calls(filter, call_ids(conn, account, agent, call)?)]);
    }
    if filter.status.is_none() && filter.min_redactions.unwrap_or(0) == 0 {
        let sql = sql(&format!("sessions_by_{whose}"), &[&format!("{whose}_id = ?1")]);
        return Ok(vec![Runs { sql, each: vec![vec![owner.into()]], shared: Vec::new() }]);
    }
    let least = filter.min_redactions.map_or(0, |least| i64::try_from(least).unwrap_or(i64::MAX));
    // Single counts up to the next multiple of 64; smaller ones are in no other index.
    let by_64 = (least / MANY + i64::from(least % MANY > 0)).max(1);
    let one_by_one = Outcomes::new(whose, "outcome", "redaction_count", least..by_64.saturating_mul(MANY));
    let many = Outcomes::new(whose, "many", "redaction_count >> 6", by_64..i64::MAX);
    Ok(vec![one_by_one.runs(conn, &owner, filter)?, many.runs(conn, &owner, filter)?])
}

/// Which span counts to look up in which index.
struct Outcomes {
    index: String,
    /// Filter by owner and status.
    conditions: String,
    /// The span count, or the indexed expression of it.
    number: &'static str,
    range: Range<i64>,
}

impl Outcomes {
    fn new(whose: &str, index: &str, number: &'static str, range: Range<i64>) -> Self {
        // Repeats the index condition, so that SQLite can use the partial index.
        let part = if index == "many" { "redaction_count >= 64 AND " } else { "" };
        let conditions = format!("{part}{whose}_id = ?1 AND status = ?2");
        Self { index: format!("sessions_by_{whose}_{index}"), conditions, number, range }
    }

    /// One run for every pair of status and count that occurs and matches.
    fn runs(&self, conn: &Connection, owner: &str, filter: &SessionFilter) -> Result<Runs, StoreError> {
        let mut query = conn.prepare_cached(&self.next())?;
        let statuses = match &filter.status {
            Some(status) => std::slice::from_ref(status),
            None => Status::ALL,
        };
        let mut each = Vec::new();
        for status in statuses {
            let mut from = self.range.start;
            while let Some(number) = query
                .query_row((owner, status.as_str(), from, self.range.end), |row| row.get::<_, i64>(0))
                .optional()?
            {
                each.push(vec![owner.to_owned().into(), status.as_str().to_owned().into(), number.into()]);
                from = number.saturating_add(1);
            }
        }
        let sql = sql(&self.index, &[&self.conditions, &format!("{} = ?3", self.number)]);
        Ok(Runs { sql, each, shared: Vec::new() })
    }

    /// Query for the smallest count from a given one on that occurs.
    fn next(&self) -> String {
        let Self { index, conditions, number, .. } = self;
        format!(
            "SELECT {number} FROM sessions INDEXED BY {index}
             WHERE {conditions} AND {number} >= ?3 AND {number} < ?4 ORDER BY {number} LIMIT 1"
        )
    }
}

fn calls(filter: &SessionFilter, calls: BTreeSet<String>) -> Runs {
    let mut conditions = vec!["account_id = ?1", "call_id = ?2"];
    let mut shared = Vec::new();
    if let Some(agent) = filter.agent {
        conditions.push("agent_id = ?");
        shared.push(agent.text().into());
    }
    if let Some(status) = filter.status {
        conditions.push("status = ?");
        shared.push(status.as_str().to_owned().into());
    }
    if let Some(least) = filter.min_redactions {
        conditions.push("redaction_count >= ?");
        shared.push(i64::try_from(least).unwrap_or(i64::MAX).into());
    }
    let sql = sql("sessions_by_call", &conditions);
    let account = filter.account.text();
    let each = calls.into_iter().map(|call| vec![account.clone().into(), call.into()]).collect();
    Runs { sql, each, shared }
}

fn sql(index: &str, conditions: &[&str]) -> String {
    format!(
        "SELECT started_at, id FROM sessions INDEXED BY {index} WHERE {}
         AND started_at >= ? AND (started_at, id) < (?, ?) ORDER BY started_at DESC, id DESC LIMIT ?",
        conditions.join(" AND ")
    )
}

/// Whether the agent belongs to the account; deleted agents count, since their sessions remain.
fn is_of_account(conn: &Connection, account: AccountId, agent: AgentId) -> Result<bool, StoreError> {
    let mut query = conn.prepare_cached("SELECT 1 FROM agents WHERE account_id = ?1 AND id = ?2")?;
    Ok(query.query_row((account.text(), agent.text()), |_| Ok(())).optional()?.is_some())
}

/// The stored ids a call may have: the platform's id is hashed with the agent's id. A hash is used as it is.
fn call_ids(
    conn: &Connection,
    account: AccountId,
    agent: Option<AgentId>,
    call: &SoughtCall,
) -> Result<BTreeSet<String>, StoreError> {
    let agents = match agent {
        Some(agent) => vec![agent],
        None => {
            let mut query =
                conn.prepare_cached("SELECT id FROM agents INDEXED BY agents_ever WHERE account_id = ?1")?;
            let agents = query.query_map([account.text()], |row| crate::store::columns::parsed(row, 0))?;
            agents.collect::<Result<_, _>>()?
        }
    };
    let given = std::iter::once(call.given().to_owned());
    Ok(agents.into_iter().flat_map(|agent| call.ids(agent)).chain(given).collect())
}

/// The newest keys of all runs: a page and one more, if there is one.
fn newest(conn: &Connection, all: &[Runs], filter: &SessionFilter) -> Result<Vec<Key>, StoreError> {
    let wanted = filter.limit + 1;
    let mut runs: Vec<IndexRun<'_>> = all.iter().flat_map(Runs::begin).collect();
    let first = if runs.len() == 1 { wanted } else { 1 };
    let end = filter.cursor.map_or((i64::MAX, String::new()), |cursor| (cursor.started_at.millis(), cursor.id.text()));
    let mut next = BinaryHeap::new();
    for (at, run) in runs.iter_mut().enumerate() {
        run.read(conn, filter, &end, first)?;
        next.extend(run.ahead.pop_front().map(|key| (key, at)));
    }
    let mut page = Vec::with_capacity(wanted);
    while page.len() < wanted
        && let Some((key, at)) = next.pop()
    {
        let run = &mut runs[at];
        if run.ahead.is_empty() && !run.over {
            run.read(conn, filter, &key, CHUNK)?;
        }
        next.extend(run.ahead.pop_front().map(|key| (key, at)));
        page.push(key);
    }
    Ok(page)
}

impl Runs {
    fn begin(&self) -> impl Iterator<Item = IndexRun<'_>> {
        self.each.iter().map(|values| IndexRun { of: self, values, ahead: VecDeque::new(), over: false })
    }
}

impl IndexRun<'_> {
    /// Reads the next `count` keys behind a position.
    fn read(
        &mut self,
        conn: &Connection,
        filter: &SessionFilter,
        behind: &Key,
        count: usize,
    ) -> Result<(), StoreError> {
        let mut query = conn.prepare_cached(&self.of.sql)?;
        let since = filter.since.map_or(i64::MIN, |since| since.millis());
        let place: [&dyn ToSql; 4] = [&since, &behind.0, &behind.1, &(count as i64)];
        let own = self.values.iter().chain(&self.of.shared).map(|value| value as &dyn ToSql);
        let rows = query.query_map(params_from_iter(own.chain(place)), |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.ahead = rows.collect::<Result<_, _>>()?;
        self.over = self.ahead.len() < count;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
