//! Resuming interrupted jobs: the format of their stored plans ([`crate::store::jobs`]), and events that are appended
//! only once however often the job is started.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::erasure::Plan;
use crate::audit::event::Event;
use crate::ids::EventId;
use crate::keys::Kid;
use crate::store::StoreError;
use crate::store::jobs::Job;
use crate::store::journal::{Journal, JournalError};

/// The work of a job.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    /// An erasure, by its plan.
    Erase(Plan),
    /// Re-encryption of every value of this kid.
    Rotate {
        /// The kid.
        kid: String,
        /// Id of the event that records the result.
        done: String,
    },
}

impl Work {
    /// The plan in its stored form.
    pub fn to_json(&self) -> Result<String, StoreError> {
        serde_json::to_string(self).map_err(|_| StoreError::BadRow("jobs"))
    }

    /// Parses the plan of a job.
    pub fn of(job: &Job) -> Result<Self, StoreError> {
        serde_json::from_str(&job.plan).map_err(|_| StoreError::BadRow("jobs"))
    }

    /// A key rotation of this kid; `done` is the id of its last event.
    pub fn rotate(kid: &Kid, done: EventId) -> Self {
        Self::Rotate { kid: kid.to_string(), done: done.text() }
    }
}

/// Parses an id or name in a plan.
pub(crate) fn read<T>(text: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
    read(text).ok_or(StoreError::BadRow("jobs"))
}

/// Appends events of a job; resolves when they are synced. If the job was interrupted, some may already be in the
/// journal, behind the offset where the job began.
pub(crate) async fn append_once(
    journal: &Journal,
    job: &Job,
    is_resumed: bool,
    mut events: Vec<Event>,
) -> Result<(), JournalError> {
    if is_resumed {
        let from = job.journal_at.clamp(journal.start(), journal.end()?.0);
        let entries = journal.entries(from)?;
        let ids: HashSet<EventId> = events.iter().map(|event| event.event_id).collect();
        let find = move || {
            let events = entries.map(|entry| entry.map(|entry| entry.event.event_id));
            events.filter(|id| id.as_ref().map_or(true, |id| ids.contains(id))).collect::<Result<HashSet<_>, _>>()
        };
        let written = tokio::task::spawn_blocking(find).await.map_err(|_| JournalError::Unavailable)??;
        events.retain(|event| !written.contains(&event.event_id));
    }
    if events.is_empty() {
        return Ok(());
    }
    let receipt = journal.append(&events)?;
    journal.synced(&receipt).await
}
