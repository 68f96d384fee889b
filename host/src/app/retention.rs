//! Retention: deletes expired data, and reports its own state.
//!
//! A pass runs at start and every hour. It deletes in small transactions ([`crate::store::PURGE_BATCH`]), so that an
//! interrupted pass resumes where it stopped and concurrent writes barely wait. Its state is visible in `/health`, in
//! `masker_retention_*` and in the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{App, EraseError};
use crate::audit::event::{Detail, Event, EventKind};
use crate::clock::Timestamp;
use crate::store::{PURGE_BATCH, StoreError};

/// Interval between two passes.
const EVERY: Duration = Duration::from_secs(3600);

/// Maximum number of days that a file of the journal stays open, if the journal has a retention.
const LONGEST_FILE: u32 = 31;

/// Result of the last pass.
#[derive(Default)]
pub struct Retention {
    failed: AtomicBool,
}

impl Retention {
    /// Whether the last pass deleted everything that was due.
    pub fn is_well(&self) -> bool {
        !self.failed.load(Ordering::Relaxed)
    }
}

/// A category of data with a retention.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kept {
    Payloads,
    Sessions,
    Figures,
    /// Files of the journal.
    Journal,
}

impl Kept {
    /// In this order: texts first.
    const ALL: [Self; 4] = [Self::Payloads, Self::Sessions, Self::Figures, Self::Journal];

    fn as_str(self) -> &'static str {
        match self {
            Kept::Payloads => "payloads",
            Kept::Sessions => "sessions",
            Kept::Figures => "figures",
            Kept::Journal => "journal_files",
        }
    }
}

impl App {
    /// Runs a pass now and every hour. Dropping it stops between two transactions.
    pub async fn keep_deleting(self: Arc<Self>) {
        loop {
            self.delete_expired().await;
            tokio::time::sleep(EVERY).await;
        }
    }

    /// One pass: resumes interrupted erasures and deletes all expired data. A failure in one category does not affect
    /// the others.
    pub async fn delete_expired(&self) {
        let mut failed = false;
        if let Err(error) = self.resume_erasures().await {
            tracing::error!(%error, "an interrupted erasure is still incomplete; the next attempt is in an hour");
            failed = true;
        }
        for kept in Kept::ALL {
            match self.delete_all(kept).await {
                Ok(0) => {}
                Ok(rows) => {
                    tracing::info!(what = kept.as_str(), rows, "expired data was deleted");
                    self.pipeline.metrics.retention_deleted(kept.as_str(), rows);
                }
                Err(error) => {
                    tracing::error!(what = kept.as_str(), %error, "expired data cannot be deleted; the next attempt is in an hour");
                    failed = true;
                }
            }
        }
        self.retention.failed.store(failed, Ordering::Relaxed);
        self.pipeline.metrics.retention_ended((!failed).then(|| self.pipeline.clock.now()));
    }

    async fn delete_all(&self, kept: Kept) -> Result<usize, EraseError> {
        if kept == Kept::Payloads {
            return self.delete_payloads().await;
        }
        let mut all = 0;
        loop {
            let rows = self.delete_some(kept).await?;
            all += rows;
            if rows < PURGE_BATCH {
                return Ok(all);
            }
        }
    }

    async fn delete_some(&self, kept: Kept) -> Result<usize, StoreError> {
        let now = self.pipeline.clock.now();
        match kept {
            // Handled as an erasure, which resumes by itself.
            Kept::Payloads => Ok(0),
            Kept::Sessions => self.store().purge_sessions(now.days_before(self.config.session_retention_days)).await,
            Kept::Figures => self.store().purge_figures().await,
            Kept::Journal => self.trim_journal(now).await,
        }
    }

    /// Texts are deleted by an erasure, like all other erased data. They are kept no longer than their sessions.
    async fn delete_payloads(&self) -> Result<usize, EraseError> {
        let now = self.pipeline.clock.now();
        // Without a retention nothing is stored, and texts stored before it was removed are deleted too.
        let before = match self.config.payload_retention_days {
            0 => Timestamp::from_millis(i64::MAX),
            days => now.days_before(days).max(now.days_before(self.config.session_retention_days)),
        };
        Ok(usize::try_from(self.erase_expired(before).await?).unwrap_or(usize::MAX))
    }

    /// Deletes files of the journal whose events are all past the retention, after recording this in the journal. A
    /// file that never fills is closed after a month, so that it can be deleted as a whole.
    async fn trim_journal(&self, now: Timestamp) -> Result<usize, StoreError> {
        let days = self.config.audit_retention_days;
        if days == 0 {
            return Ok(0);
        }
        let journal = self.pipeline.journal.clone();
        let find = move || {
            journal.rotate_if_begun_before(now.days_before(LONGEST_FILE), now)?;
            journal.first_file_after(now.days_before(days))
        };
        let start = tokio::task::spawn_blocking(find).await.map_err(|_| StoreError::Closed)??;
        if start == self.pipeline.journal.start() {
            return Ok(0);
        }
        let event = Event { detail: Some(Detail::Count(start)), ..Event::new(EventKind::JournalTrimmed, now) };
        self.record(event).await?;
        let journal = self.pipeline.journal.clone();
        let deleted = tokio::task::spawn_blocking(move || journal.delete_files_before(start)).await;
        Ok(deleted.map_err(|_| StoreError::Closed)??)
    }
}
