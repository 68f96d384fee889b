//! The journal as evidence: checked from its first line to its last, and given away, whole or in part.

mod proof;

use std::io::{self, BufRead, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes as Piece;
use serde_json::json;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::App;
use crate::audit::chain::{Hash, hex_text};
use crate::audit::event::Event;
use crate::audit::merkle::Tree;
use crate::audit::verify::{Broken, Fault, Line, Verified, next_line, resume, verify};
use crate::ids::{AccountId, SessionId};
use crate::store::StoreError;
use crate::store::journal::{Bytes, Journal, JournalError};
use crate::store::rebuild::Owners;
pub use proof::Proof;

/// Bytes of one piece of an export.
const PIECE: usize = 64 << 10;
/// Pieces that wait for a slow reader.
const AHEAD: usize = 4;

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The journal does not verify: nothing is made of it.
    #[error("the journal is broken: {0}")]
    Broken(#[from] Broken),
    /// The events of a session are not those that its root was made of.
    #[error("the events of session {0} are not those that its tree hash was made of")]
    Session(SessionId),
    /// It cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The bytes of an export, in pieces; a piece that cannot be read ends it with an error.
pub type Pieces = Receiver<Result<Piece, std::io::Error>>;

/// What is known of the journal's soundness.
#[derive(Default)]
pub struct Evidence {
    /// Up to which byte it was checked, and what was found there.
    checked: Mutex<Option<(Verified, u64)>>,
    broken: AtomicBool,
    stopping: Arc<AtomicBool>,
}

impl Evidence {
    /// Whether no check found it broken.
    pub fn is_sound(&self) -> bool {
        !self.broken.load(Ordering::Relaxed)
    }

    /// Ends checks that are under way: the service stops, and would wait for them.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    fn checked(&self) -> Option<(Verified, u64)> {
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, found: &Result<Verified, Broken>, end: u64) {
        self.broken.store(found.is_err(), Ordering::Relaxed);
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = found.as_ref().ok().map(|found| (*found, end));
    }
}

/// How much of the journal is read for a check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// All of it: a million events take seconds.
    Whole,
    /// What was appended since the last check; all of it when there was none. What stood there at that time is not
    /// looked at again.
    Since,
}

impl App {
    /// Checks the journal, as it is now.
    pub async fn verify_journal(self: &Arc<Self>, depth: Depth) -> Result<Verified, EvidenceError> {
        let app = self.clone();
        let check = move || app.check_journal(depth);
        tokio::task::spawn_blocking(check).await.map_err(|_| JournalError::Unavailable)?
    }

    /// The same, on this thread.
    pub(super) fn check_journal(&self, depth: Depth) -> Result<Verified, EvidenceError> {
        let journal = &self.pipeline.journal;
        let checked = match depth {
            Depth::Whole => None,
            // What it goes on from may have been deleted since.
            Depth::Since => self.evidence.checked().filter(|(_, checked)| *checked >= journal.start()),
        };
        let (key, began) = (&self.config.audit_key, journal.start());
        let (bytes, end) = journal.snapshot(checked.map_or(0, |(_, from)| from))?;
        let bytes = Stoppable { bytes, stopping: self.evidence.stopping.clone() };
        let found = match checked {
            Some((before, from)) => resume(bytes, key, before, from),
            None => verify(bytes, key),
        };
        if self.evidence.stopping.load(Ordering::Relaxed) {
            return Err(JournalError::Unavailable.into());
        }
        if matches!(found, Err(Broken { what: Fault::Unreadable, .. })) && journal.start() != began {
            // Its oldest files were deleted under our eyes.
            return self.check_journal(Depth::Whole);
        }
        self.evidence.note(&found, end);
        if let Err(broken) = &found {
            tracing::error!(%broken, "the journal does not verify");
        }
        Ok(found?)
    }

    /// Checks the whole journal in the background, as the service starts: its end was checked before.
    pub fn check_journal_at_start(self: &Arc<Self>) {
        let app = self.clone();
        tokio::task::spawn_blocking(move || match app.check_journal(Depth::Whole) {
            Ok(verified) => tracing::debug!(events = verified.events, "the journal verifies"),
            Err(EvidenceError::Broken(_)) => {}
            Err(error) => tracing::error!(%error, "the journal cannot be checked"),
        });
    }

    /// How many of the journal's events are this account's.
    pub async fn count_events(self: &Arc<Self>, account: AccountId) -> Result<u64, EvidenceError> {
        let (app, owners) = (self.clone(), self.store().agent_owners().await?);
        let count = move || {
            let own = own_lines(&app.pipeline.journal, &owners, account)?;
            Ok(own.own.len() as u64)
        };
        tokio::task::spawn_blocking(count).await.map_err(|_| JournalError::Unavailable)?
    }

    /// The whole journal, as it stands in the file.
    pub fn export_journal(self: &Arc<Self>) -> Result<Pieces, EvidenceError> {
        let mut file = self.pipeline.journal.snapshot(0)?.0;
        let (pieces, receiver) = channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            loop {
                let mut piece = Vec::with_capacity(PIECE);
                let read = file.by_ref().take(PIECE as u64).read_to_end(&mut piece);
                let is_over = piece.is_empty();
                let piece = read.map(|_| piece.into());
                if is_over || pieces.blocking_send(piece).is_err() {
                    return;
                }
            }
        });
        Ok(receiver)
    }

    /// The events of one account, each with its proof that it stands in the journal: the journal's tree head first, then
    /// a line for each event.
    pub async fn export_own_events(self: &Arc<Self>, account: AccountId) -> Result<Pieces, EvidenceError> {
        let (app, owners) = (self.clone(), self.store().agent_owners().await?);
        let (pieces, receiver) = channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = send_own(&app.pipeline.journal, &owners, account, &pieces) {
                let _ = pieces.blocking_send(Err(std::io::Error::other(error)));
            }
        });
        Ok(receiver)
    }
}

/// Bytes that end with an error when the service stops.
struct Stoppable {
    bytes: Bytes,
    stopping: Arc<AtomicBool>,
}

impl Read for Stoppable {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer)
    }
}

impl BufRead for Stoppable {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.stopping.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::NotConnected.into()),
            false => self.bytes.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        self.bytes.consume(amount);
    }
}

/// One account's lines in the tree over the whole journal.
struct OwnLines {
    tree: Tree,
    end_hash: Option<Hash>,
    events: u64,
    /// Number and text of each.
    own: Vec<(usize, Vec<u8>)>,
}

fn own_lines(journal: &Journal, owners: &Owners, account: AccountId) -> Result<OwnLines, JournalError> {
    let mut reader = journal.snapshot(0)?.0;
    let (mut buffer, mut hashes, mut own, mut offset) = (Vec::new(), Vec::new(), Vec::new(), journal.start());
    loop {
        let unreadable = JournalError::Unreadable { offset };
        let Some(line) = next_line(&mut reader, &mut buffer).map_err(|_| unreadable)? else { break };
        let Line { event, hash } = Line::parse(line).ok_or(unreadable)?;
        if account_of(&event, owners) == Some(account) {
            own.push((hashes.len(), line.to_vec()));
        }
        offset += line.len() as u64 + 1;
        hashes.push(hash);
    }
    let (events, end_hash) = (hashes.len() as u64, hashes.last().copied());
    Ok(OwnLines { tree: Tree::new(hashes.into_iter()), end_hash, events, own })
}

/// Whose event it is; nobody's are the install's own.
pub(super) fn account_of(event: &Event, owners: &Owners) -> Option<AccountId> {
    let agents = event.agent_id.and_then(|agent| owners.get(&agent));
    agents.map(|(account, _)| *account).or(event.account_id)
}

fn send_own(
    journal: &Journal,
    owners: &Owners,
    account: AccountId,
    pieces: &Sender<Result<Piece, std::io::Error>>,
) -> Result<(), JournalError> {
    let OwnLines { tree, end_hash, events, own } = own_lines(journal, owners, account)?;
    let head = json!({"journal": {
        "event_count": events, "tree_root_hex": hex_text(&tree.root()), "end_hash": end_hash.as_ref().map(hex_text),
    }});
    let mut piece = format!("{head}\n").into_bytes();
    for (index, line) in own {
        let path: Vec<String> = tree.inclusion_proof(index).unwrap_or_default().iter().map(hex_text).collect();
        piece.extend_from_slice(b"{\"event\":");
        piece.extend_from_slice(&line);
        let proof = json!({"leaf_index": index, "tree_size": events, "path": path});
        piece.extend_from_slice(format!(",\"proof\":{proof}}}\n").as_bytes());
        if piece.len() >= PIECE && pieces.blocking_send(Ok(std::mem::take(&mut piece).into())).is_err() {
            return Ok(());
        }
    }
    let _ = pieces.blocking_send(Ok(piece.into()));
    Ok(())
}
