//! Exports of the journal: all of it byte for byte, or one account's events with their proofs.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes as Chunk;
use serde_json::json;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::EvidenceError;
use crate::app::App;
use crate::audit::chain::{Hash, hex_text};
use crate::audit::event::Event;
use crate::audit::merkle::Tree;
use crate::audit::verify::{Line, next_line};
use crate::ids::AccountId;
use crate::store::journal::{Journal, JournalError};
use crate::store::rebuild::Owners;

/// Size of a chunk of an export.
const PIECE: usize = 64 << 10;
/// Chunks buffered for a slow reader.
const AHEAD: usize = 4;

/// The chunks of an export; a read error ends it.
pub type Pieces = Receiver<Result<Chunk, std::io::Error>>;

impl App {
    /// How many of the journal's events belong to this account.
    pub(crate) async fn count_events(self: &Arc<Self>, account: AccountId) -> Result<u64, EvidenceError> {
        let (app, owners) = (self.clone(), self.store().agent_owners().await?);
        let count = move || {
            let own = own_lines(&app.pipeline.journal, &owners, account)?;
            Ok(own.own.len() as u64)
        };
        tokio::task::spawn_blocking(count).await.map_err(|_| JournalError::Unavailable)?
    }

    /// The whole journal, byte for byte.
    pub(crate) fn export_journal(self: &Arc<Self>) -> Result<Pieces, EvidenceError> {
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

    /// The events of one account, each with a proof of inclusion in the journal: first the tree head, then one line
    /// per event.
    pub(crate) async fn export_own_events(self: &Arc<Self>, account: AccountId) -> Result<Pieces, EvidenceError> {
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

/// One account's lines in the tree over the whole journal.
struct OwnLines {
    tree: Tree,
    end_hash: Option<Hash>,
    events: u64,
    /// Index and text of each.
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

/// The account an event belongs to; `None` for events of the install.
fn account_of(event: &Event, owners: &Owners) -> Option<AccountId> {
    let agents = event.agent_id.and_then(|agent| owners.get(&agent));
    agents.map(|(account, _)| *account).or(event.account_id)
}

fn send_own(
    journal: &Journal,
    owners: &Owners,
    account: AccountId,
    pieces: &Sender<Result<Chunk, std::io::Error>>,
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
