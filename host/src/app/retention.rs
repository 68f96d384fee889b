//! What is deleted when its time is over, and how one sees that it is.
//!
//! A pass is made at start and every hour. It deletes in small transactions ([`crate::store::PURGE_BATCH`]), so that what
//! is killed in the middle goes on where it was, and what is written meanwhile hardly waits. How it does shows in
//! `/health`, in `masker_retention_*` and in the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{App, EraseError};
use crate::audit::event::{Detail, Event, EventKind};
use crate::clock::Timestamp;
use crate::store::{PURGE_BATCH, StoreError};

/// Between two passes.
const EVERY: Duration = Duration::from_secs(3600);

/// Days after which a file of the journal is closed, where its files are to be deleted one day.
const LONGEST_FILE: u32 = 31;

/// How the last pass ended.
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

/// One thing that is kept for a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kept {
    Payloads,
    Sessions,
    Figures,
    /// Files of the journal.
    Journal,
}

impl Kept {
    /// In this order: what was said goes first.
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
    /// Makes a pass now and every hour. Ends when it is dropped, between two transactions.
    pub async fn keep_deleting(self: Arc<Self>) {
        loop {
            self.delete_expired().await;
            tokio::time::sleep(EVERY).await;
        }
    }

    /// One pass: continues erasures that were interrupted, and deletes everything whose time is over. One thing that cannot be
    /// deleted does not keep the others.
    pub async fn delete_expired(&self) {
        let mut failed = false;
        if let Err(error) = self.resume_erasures().await {
            tracing::error!(%error, "an erasure that was interrupted is not over; the next attempt is in an hour");
            failed = true;
        }
        for kept in Kept::ALL {
            match self.delete_all(kept).await {
                Ok(0) => {}
                Ok(rows) => {
                    tracing::info!(what = kept.as_str(), rows, "deleted: their time was over");
                    self.pipeline.metrics.retention_deleted(kept.as_str(), rows);
                }
                Err(error) => {
                    tracing::error!(what = kept.as_str(), %error, "cannot be deleted; the next attempt is in an hour");
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
            // An erasure, which ends by itself.
            Kept::Payloads => Ok(0),
            Kept::Sessions => self.store().purge_sessions(now.days_before(self.config.session_retention_days)).await,
            Kept::Figures => self.store().purge_figures().await,
            Kept::Journal => self.trim_journal(now).await,
        }
    }

    /// Texts go as everything else does that is erased. They are kept no longer than their sessions.
    async fn delete_payloads(&self) -> Result<usize, EraseError> {
        let now = self.pipeline.clock.now();
        // Without a retention nothing is kept, and what was before it was taken away goes too.
        let before = match self.config.payload_retention_days {
            0 => Timestamp::from_millis(i64::MAX),
            days => now.days_before(days).max(now.days_before(self.config.session_retention_days)),
        };
        Ok(usize::try_from(self.erase_expired(before).await?).unwrap_or(usize::MAX))
    }

    /// Deletes files of the journal whose every event is older than its retention, once the journal itself says so. A file
    /// that is never full is closed after a month, so that it can be deleted as a whole one day.
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
