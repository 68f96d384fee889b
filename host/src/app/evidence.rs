//! The journal as evidence: verification ([`checks`], in the background in [`upkeep`]), export ([`export`]), and
//! proofs of single events ([`proof`]).

mod checks;
mod export;
mod proof;
mod upkeep;

use std::sync::Arc;

use super::App;
use crate::audit::checkpoint::Lost;
use crate::audit::verify::{Broken, Verified};
use crate::ids::SessionId;
use crate::store::StoreError;
use crate::store::journal::JournalError;
use checks::Pace;
pub use checks::{Evidence, Soundness};
pub use export::Pieces;
pub use proof::Proof;

/// Why evidence is not available.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The journal does not verify: no evidence is made from it.
    #[error("the journal is broken: {0}")]
    Broken(#[from] Broken),
    /// The journal verifies but is shorter than before.
    #[error("the journal is shorter than it was: {0}")]
    Shorter(Lost, Verified),
    /// The events of a session do not match its root.
    #[error("the events of session {0} do not match its tree hash")]
    Session(SessionId),
    /// It cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How much of the journal a check reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// All of it: takes seconds for a million events.
    Whole,
    /// Only what was appended since the last check, or all of it if there was none. Earlier bytes are not read again.
    Since,
}

impl App {
    /// Verifies the journal up to its current end. Concurrent requests share a check.
    pub(crate) async fn verify_journal(self: &Arc<Self>, depth: Depth) -> Result<Verified, EvidenceError> {
        let app = self.clone();
        let check = move || app.check_journal(depth);
        tokio::task::spawn_blocking(check).await.map_err(|_| JournalError::Unavailable)?
    }

    /// The same, on this thread.
    pub(super) fn check_journal(&self, depth: Depth) -> Result<Verified, EvidenceError> {
        let journal = self.pipeline.journal.reading()?;
        let now = self.pipeline.clock.now();
        let verified = match depth {
            Depth::Whole => self.evidence.check_whole(&journal, Pace::Hurried, now)?,
            Depth::Since => self.evidence.check_since(&journal, Pace::Hurried, now)?,
        };
        match self.evidence.soundness().lost {
            Some(lost) => Err(EvidenceError::Shorter(lost, verified)),
            None => Ok(verified),
        }
    }
}
