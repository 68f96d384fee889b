//! One page of sessions, however rare what is asked for.
//!
//! Every list is made of *runs*: stretches of an index in which all sessions fit and stand newest first. Without a filter
//! there is one run. "Ended like this" and "at least so many spans" have one for each pair of status and number of spans
//! that occurs; a page merges them and reads no more of each than it shows. There are few: with `n` spans masked in all,
//! no more than about `sqrt(2n)` different numbers of them occur. A phone call has a run of its own, for every agent that
//! may have had it; what else is asked for of a call is looked at session by session, and a call has as many as it has
//! turns.

use std::collections::{BTreeSet, BinaryHeap, VecDeque};

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params_from_iter};

use super::{SessionCursor, SessionFilter, by_id};
use crate::ids::{AccountId, AgentId};
use crate::session::{SessionRow, Status};
use crate::store::{Page, StoreError};
use crate::tokens::mint::Scope;

/// What a run gives at a time when it gives more than its first session.
const CHUNK: usize = 16;

/// A session's place in a list: when it began, and its id.
type Key = (i64, String);

/// Runs that differ in a few values.
struct Listing {
    /// Up to as many keys as asked for, of one run, from a place on.
    sql: String,
    /// Those values, of each run.
    runs: Vec<Vec<Value>>,
    /// The values that they share.
    shared: Vec<Value>,
}

/// A run, and what of it was read already.
struct Run {
    values: Vec<Value>,
    ahead: VecDeque<Key>,
    over: bool,
}

pub(super) fn page(conn: &Connection, filter: &SessionFilter) -> Result<Page<SessionRow, SessionCursor>, StoreError> {
    // Several questions, one moment.
    let snapshot = conn.unchecked_transaction()?;
    let mut rows = Vec::new();
    if let Some(listing) = listing(&snapshot, filter)? {
        for (_, id) in newest(&snapshot, &listing, filter)? {
            rows.extend(by_id(&snapshot, filter.account, &id)?);
        }
    }
    Ok(Page::new(rows, filter.limit, |row: &SessionRow| SessionCursor { started_at: row.started_at, id: row.id }))
}

/// Which runs there are; `None` when nothing can be in them.
fn listing(conn: &Connection, filter: &SessionFilter) -> Result<Option<Listing>, StoreError> {
    let (account, agent) = (filter.account, filter.agent);
    if let Some(agent) = agent
        && !is_of_account(conn, account, agent)?
    {
        return Ok(None);
    }
    let (whose, owner) = match agent {
        Some(agent) => ("agent", agent.text()),
        None => ("account", account.text()),
    };
    if let Some(call) = &filter.call_id {
        return Ok(Some(call_listing(filter, call_ids(conn, account, agent, call)?)));
    }
    if filter.status.is_none() && filter.min_redactions.unwrap_or(0) == 0 {
        let sql = sql(&format!("sessions_by_{whose}"), &[&format!("{whose}_id = ?1")]);
        return Ok(Some(Listing { sql, runs: vec![vec![owner.into()]], shared: Vec::new() }));
    }
    let runs = outcomes(conn, whose, &owner, filter)?;
    let conditions = [&format!("{whose}_id = ?1"), "status = ?2", "redaction_count = ?3"];
    let sql = sql(&format!("sessions_by_{whose}_outcome"), &conditions);
    Ok(Some(Listing { sql, runs, shared: Vec::new() }))
}

fn call_listing(filter: &SessionFilter, calls: BTreeSet<String>) -> Listing {
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
        shared.push(number(least));
    }
    let sql = sql("sessions_by_call", &conditions);
    let account = filter.account.text();
    let runs = calls.into_iter().map(|call| vec![account.clone().into(), call.into()]).collect();
    Listing { sql, runs, shared }
}

fn sql(index: &str, conditions: &[&str]) -> String {
    format!(
        "SELECT started_at, id FROM sessions INDEXED BY {index} WHERE {}
         AND started_at >= ? AND (started_at, id) < (?, ?) ORDER BY started_at DESC, id DESC LIMIT ?",
        conditions.join(" AND ")
    )
}

/// The agents of an account are known by their ids, the deleted ones too: their sessions stay.
fn is_of_account(conn: &Connection, account: AccountId, agent: AgentId) -> Result<bool, StoreError> {
    let mut query = conn.prepare_cached("SELECT 1 FROM agents WHERE account_id = ?1 AND id = ?2")?;
    Ok(query.query_row((account.text(), agent.text()), |_| Ok(())).optional()?.is_some())
}

/// What a call may be stored as: the platform's name for it is hashed with the agent's id. A hash is taken as it is.
fn call_ids(
    conn: &Connection,
    account: AccountId,
    agent: Option<AgentId>,
    call: &str,
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
    let hash = |agent: AgentId| data_encoding::HEXLOWER.encode(&Scope { agent, call: Some(call) }.id());
    Ok(agents.into_iter().map(hash).chain([call.to_owned()]).collect())
}

/// Every pair of status and number of spans that occurs and is asked for, with its owner: each is one run.
fn outcomes(
    conn: &Connection,
    whose: &str,
    owner: &str,
    filter: &SessionFilter,
) -> Result<Vec<Vec<Value>>, StoreError> {
    let mut query = conn.prepare_cached(&next_count(whose))?;
    let statuses = match &filter.status {
        Some(status) => std::slice::from_ref(status),
        None => Status::ALL,
    };
    let mut runs = Vec::new();
    for status in statuses {
        let mut least = number(filter.min_redactions.unwrap_or(0));
        while let Some(count) =
            query.query_row((owner, status.as_str(), &least), |row| row.get::<_, i64>(0)).optional()?
        {
            runs.push(vec![owner.to_owned().into(), status.as_str().to_owned().into(), count.into()]);
            least = count.saturating_add(1).into();
        }
    }
    Ok(runs)
}

fn next_count(whose: &str) -> String {
    format!(
        "SELECT redaction_count FROM sessions INDEXED BY sessions_by_{whose}_outcome
         WHERE {whose}_id = ?1 AND status = ?2 AND redaction_count >= ?3 ORDER BY redaction_count LIMIT 1"
    )
}

fn number(count: u64) -> Value {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}

/// The keys of a page and one more, if there is one: always the newest of what the runs have next.
fn newest(conn: &Connection, listing: &Listing, filter: &SessionFilter) -> Result<Vec<Key>, StoreError> {
    let wanted = filter.limit + 1;
    let first = if listing.runs.len() == 1 { wanted } else { 1 };
    let since = filter.since.map_or(i64::MIN, |since| since.millis());
    let end = filter.cursor.map_or((i64::MAX, String::new()), |cursor| (cursor.started_at.millis(), cursor.id.text()));
    let mut query = conn.prepare_cached(&listing.sql)?;
    let mut read = |run: &mut Run, before: &Key, count: usize| -> Result<(), StoreError> {
        run.ahead = keys(&mut query, &run.values, &listing.shared, since, before, count)?;
        run.over = run.ahead.len() < count;
        Ok(())
    };
    let mut runs = Vec::with_capacity(listing.runs.len());
    let mut next = BinaryHeap::new();
    for (at, values) in listing.runs.iter().enumerate() {
        let mut run = Run { values: values.clone(), ahead: VecDeque::new(), over: false };
        read(&mut run, &end, first)?;
        next.extend(run.ahead.pop_front().map(|key| (key, at)));
        runs.push(run);
    }
    let mut page = Vec::with_capacity(wanted);
    while page.len() < wanted
        && let Some((key, at)) = next.pop()
    {
        let run = &mut runs[at];
        if run.ahead.is_empty() && !run.over {
            read(run, &key, CHUNK)?;
        }
        next.extend(run.ahead.pop_front().map(|key| (key, at)));
        page.push(key);
    }
    Ok(page)
}

fn keys(
    query: &mut CachedStatement<'_>,
    run: &[Value],
    shared: &[Value],
    since: i64,
    before: &Key,
    count: usize,
) -> Result<VecDeque<Key>, StoreError> {
    let place = [since.into(), before.0.into(), before.1.clone().into(), (count as i64).into()];
    let values = run.iter().chain(shared).cloned().chain(place);
    let rows = query.query_map(params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests;
