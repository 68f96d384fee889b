//! Background maintenance of the journal, on a low-priority thread: the check at start, an incremental check every
//! minute, which advances the checkpoint, a daily full check, and the compression of closed files.

use std::sync::Arc;
use std::time::Duration;

use super::EvidenceError;
use super::checks::Pace;
use crate::app::App;
use crate::store::journal::JournalError;

/// Interval of the maintenance.
const EVERY: Duration = Duration::from_secs(60);
/// Interval of full checks, in milliseconds.
const DAY: i64 = 86_400_000;
/// Priority (`nice`) of the thread.
const GIVE_WAY: i32 = 10;

impl App {
    /// Verifies in the background what was appended since the checkpoint, or all of it if there is no checkpoint.
    pub(in crate::app) fn check_journal_at_start(&self) -> Result<(), JournalError> {
        let (evidence, journal) = (self.evidence.clone(), self.pipeline.journal.reading()?);
        let now = self.pipeline.clock.now();
        in_background(move || {
            told(evidence.check_since(&journal, Pace::Quiet, now).map(drop));
            evidence.save();
        });
        Ok(())
    }

    /// Maintains the journal until it is dropped.
    pub(crate) async fn keep_journal(self: Arc<Self>) {
        loop {
            tokio::time::sleep(EVERY).await;
            let app = self.clone();
            let (done, ended) = tokio::sync::oneshot::channel();
            in_background(move || {
                app.look_after_journal();
                let _ = done.send(());
            });
            let _ = ended.await;
        }
    }

    /// Verifies new events, compresses closed files, and runs a full check if it is due.
    pub fn look_after_journal(&self) {
        let (evidence, now) = (&self.evidence, self.pipeline.clock.now());
        let Ok(journal) = self.pipeline.journal.reading() else { return };
        // Skip a broken journal: it would be checked in full every time.
        if !evidence.soundness().is_broken {
            told(evidence.check_since(&journal, Pace::Quiet, now).map(drop));
        }
        evidence.save();
        match self.pipeline.journal.compress_closed_files(|| !evidence.is_stopping()) {
            Ok(0) => {}
            Ok(files) => tracing::info!(files, "closed files of the journal were compressed"),
            Err(error) => tracing::warn!(error = %error.kind(), "a closed file of the journal cannot be compressed"),
        }
        let is_due = evidence.soundness().whole.is_none_or(|whole| now.millis() - whole.at().millis() >= DAY);
        if is_due {
            told(evidence.check_whole(&journal, Pace::Quiet, now).map(drop));
        }
    }

    /// Stops the background work and moves the checkpoint to the end, where the next start continues.
    pub(crate) async fn finish_journal(self: Arc<Self>) {
        self.evidence.stop();
        let finish = move || self.pipeline.journal.reading().map(|journal| self.evidence.finish(&journal));
        let _ = tokio::task::spawn_blocking(finish).await;
    }
}

/// A broken journal was already logged.
fn told(checked: Result<(), EvidenceError>) {
    match checked {
        Ok(()) | Err(EvidenceError::Broken(_) | EvidenceError::Journal(JournalError::Unavailable)) => {}
        Err(error) => tracing::error!(%error, "the journal cannot be checked"),
    }
}

fn in_background(work: impl FnOnce() + Send + 'static) {
    let started = std::thread::Builder::new().name("journal-upkeep".into()).spawn(move || {
        // If lowering the priority fails, the thread keeps the default.
        let _ = rustix::process::nice(GIVE_WAY);
        work();
    });
    if let Err(error) = started {
        tracing::error!(error = %error.kind(), "the maintenance thread of the journal cannot be started");
    }
}
