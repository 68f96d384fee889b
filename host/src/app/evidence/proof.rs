//! One event of a session, with the path that leads from it to the session's root.

use super::EvidenceError;
use crate::app::App;
use crate::audit::chain::Hash;
use crate::audit::merkle;
use crate::audit::verify::Checker;
use crate::ids::EventId;
use crate::session::SessionRow;
use crate::store::journal::JournalError;

/// That an event stands in its session's tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// Its line, as it stands in the journal: the leaf is the `this_hash` in it.
    pub line: String,
    /// The 32 bytes of its `this_hash`.
    pub leaf: Hash,
    /// Which of the session's events it is, counted from 0.
    pub index: usize,
    /// How many events the session has.
    pub size: usize,
    /// RFC 6962, nearest sibling first.
    pub path: Vec<Hash>,
    /// Over all of the session's events.
    pub root: Hash,
}

impl App {
    /// Proves an event of a session; `None` when the session has no such event. Reads the lines that the session's row
    /// names, however long the journal is.
    pub async fn prove(&self, session: &SessionRow, event: EventId) -> Result<Option<Proof>, EvidenceError> {
        let journal = self.pipeline.journal.clone();
        let entries = journal.session_events(&session.journal, session.id).await?;
        let leaves: Vec<Hash> = entries.iter().map(|entry| entry.hash).collect();
        let root = merkle::root(&leaves);
        if session.merkle_root.is_some_and(|kept| kept != root) {
            return Err(EvidenceError::Session(session.id));
        }
        let Some(index) = entries.iter().position(|entry| entry.event.event_id == event) else { return Ok(None) };
        let (range, leaf, size) = (entries[index].range, leaves[index], leaves.len());
        let unreadable = JournalError::Unreadable { offset: range.start };
        let line = tokio::task::spawn_blocking(move || journal.line(range)).await.map_err(|_| unreadable)??;
        if Checker::new(&self.config.audit_key).check(line.as_bytes()).map(|link| link.this) != Ok(leaf) {
            return Err(EvidenceError::Session(session.id));
        }
        let path = merkle::inclusion_proof(&leaves, index).unwrap_or_default();
        Ok(Some(Proof { line, leaf, index, size, path, root }))
    }
}
