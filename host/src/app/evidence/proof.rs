//! Inclusion proof of one event in its session's Merkle tree.

use super::EvidenceError;
use crate::app::App;
use crate::audit::chain::Hash;
use crate::audit::merkle;
use crate::audit::verify::Checker;
use crate::ids::EventId;
use crate::session::SessionRow;
use crate::store::journal::JournalError;

/// Proof that an event is in its session's tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// Its line as in the journal; the leaf is its `this_hash`.
    pub line: String,
    /// The 32 bytes of its `this_hash`.
    pub leaf: Hash,
    /// Index among the session's events, from 0.
    pub index: usize,
    /// Number of the session's events.
    pub size: usize,
    /// Audit path (RFC 6962), nearest sibling first.
    pub path: Vec<Hash>,
    /// Root over all of the session's events.
    pub root: Hash,
}

impl App {
    /// Proves an event of a session; `None` if the session has no such event. Reads only the byte ranges that the
    /// session's row lists, whatever the size of the journal.
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
