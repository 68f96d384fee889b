//! Rebuilds lost session rows at start, from the journal behind the checkpoint.
//!
//! A `session_opened` without a row becomes a row, `partial` unless its `session_completed` was written too.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::mpsc;

use super::journal::{Entries, Journal, JournalEntry};
use super::sessions::{checkpoint, insert, set_checkpoint};
use super::{Store, StoreError, columns};
use crate::audit::chain::Hash;
use crate::audit::event::{Event, EventKind};
use crate::audit::merkle;
use crate::ids::{AccountId, AgentId, SessionId};
use crate::session::{ByteRange, SessionRow, Status};

/// Rows per transaction.
const CHUNK: usize = 500;

/// Result of a rebuild.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rebuilt {
    /// Sessions found behind the checkpoint, including those that already had a row, which is not changed.
    pub sessions: u64,
    /// Sessions of agents that are not in this database.
    pub orphans: u64,
    /// Bytes missing at the end of the journal since the database was last written: unsynced lines lost in a power
    /// failure, or a truncation.
    pub missing: u64,
}

/// The journal offset up to which a database knows its sessions; `None` if it cannot be read. Usable without opening
/// the store: it writes nothing.
pub(crate) fn remembered_end(database: &Path) -> Option<u64> {
    let path = database.to_str()?;
    let is_in_use = Path::new(&format!("{path}-wal")).exists();
    let escaped = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let uri = format!("file:{escaped}?{}", if is_in_use { "mode=ro" } else { "immutable=1" });
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    checkpoint(&Connection::open_with_flags(uri, flags).ok()?).ok()
}

impl Store {
    /// Account and name of each agent, including deleted ones.
    pub(crate) async fn agent_owners(&self) -> Result<Owners, StoreError> {
        self.main.read(owners).await
    }

    /// Reads the journal from the checkpoint, writes missing rows, and from then on advances the checkpoint with the
    /// sessions. Call it once, at start, before the first request.
    pub(crate) async fn rebuild_sessions(&self, journal: &Journal) -> Result<Rebuilt, StoreError> {
        let (from, owners) = self.main.read(|conn| Ok((checkpoint(conn)?, owners(conn)?))).await?;
        let end = journal.end()?.0;
        let entries = journal.entries(from.min(end))?;
        let (chunks, mut ready) = mpsc::channel::<Vec<SessionRow>>(2);
        let reading = tokio::task::spawn_blocking(move || read(entries, &owners, &chunks));
        while let Some(rows) = ready.recv().await {
            let gathered = self.gathered.clone();
            let write = move |conn: &Connection| rows.iter().try_for_each(|row| insert(conn, row, &gathered).map(drop));
            self.main.write(write).await?;
        }
        let mut rebuilt = reading.await.map_err(|_| StoreError::Closed)??;
        rebuilt.missing = from.saturating_sub(end);
        self.main.write(move |conn| set_checkpoint(conn, end)).await?;
        let _ = self.open_sessions.set(journal.open_sessions());
        Ok(rebuilt)
    }
}

/// Account and name of each agent.
pub type Owners = HashMap<AgentId, (AccountId, Arc<str>)>;

/// Account and name of each agent, including deleted ones.
fn owners(conn: &Connection) -> Result<Owners, StoreError> {
    let mut query = conn.prepare("SELECT id, account_id, name FROM agents")?;
    let rows = query.query_map([], |row| {
        Ok((columns::parsed(row, 0)?, (columns::parsed(row, 1)?, row.get::<_, String>(2)?.into())))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

struct JournalSession {
    row: SessionRow,
    leaves: Vec<Hash>,
}

fn read(entries: Entries, owners: &Owners, chunks: &mpsc::Sender<Vec<SessionRow>>) -> Result<Rebuilt, StoreError> {
    let mut rebuilt = Rebuilt::default();
    let mut open: HashMap<SessionId, JournalSession> = HashMap::new();
    let mut done = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Some(session) = entry.event.session_id else { continue };
        if entry.event.kind == EventKind::SessionOpened {
            match opened(&entry.event, session, owners) {
                Some(row) => drop(open.insert(session, JournalSession { row, leaves: Vec::new() })),
                None => rebuilt.orphans += 1,
            }
        }
        let Some(found) = open.get_mut(&session) else { continue };
        found.add(&entry);
        if entry.event.kind == EventKind::SessionCompleted {
            done.extend(open.remove(&session).map(JournalSession::into_row));
        }
        if done.len() >= CHUNK {
            rebuilt.sessions += done.len() as u64;
            chunks.blocking_send(std::mem::take(&mut done)).map_err(|_| StoreError::Closed)?;
        }
    }
    done.extend(open.into_values().map(JournalSession::into_row));
    rebuilt.sessions += done.len() as u64;
    chunks.blocking_send(done).map_err(|_| StoreError::Closed)?;
    Ok(rebuilt)
}

fn opened(event: &Event, id: SessionId, owners: &Owners) -> Option<SessionRow> {
    let agent_id = event.agent_id?;
    let (account_id, agent_name) = owners.get(&agent_id)?;
    let opened = event.opened.as_ref()?;
    Some(SessionRow {
        id,
        account_id: *account_id,
        agent_id,
        agent_name: agent_name.clone(),
        call_id: event.call_id.clone(),
        started_at: event.ts,
        ended_at: None,
        status: Status::Partial,
        redactions_by_kind: opened.carried_by_kind.clone(),
        upstream_model: opened.model.clone(),
        policy_name: opened.policy_name.clone(),
        policy_version: event.policy_version.unwrap_or_default(),
        stages: Default::default(),
        rehydrated: Vec::new(),
        merkle_root: None,
        journal: Vec::new(),
        counted: Default::default(),
    })
}

impl JournalSession {
    fn add(&mut self, JournalEntry { event, hash, range }: &JournalEntry) {
        self.leaves.push(*hash);
        self.row.counted.count(event);
        match self.row.journal.last_mut() {
            Some(ByteRange { end, .. }) if *end == range.start => *end = range.end,
            _ => self.row.journal.push(*range),
        }
        if let (EventKind::Redaction, Some(kind)) = (event.kind, &event.entity_kind) {
            *self.row.redactions_by_kind.entry(kind.clone()).or_default() += 1;
        }
        if let Some(completed) = &event.completed {
            self.row.ended_at = Some(event.ts);
            self.row.status = completed.status;
            self.row.redactions_by_kind = completed.redactions_by_kind.clone();
            self.row.stages = completed.stages;
            self.row.rehydrated = completed.rehydrated.clone();
        }
    }

    fn into_row(mut self) -> SessionRow {
        self.row.merkle_root = Some(merkle::root(&self.leaves));
        self.row
    }
}

#[cfg(test)]
mod tests;
