//! What is done for the journal in the background, on a thread that gives way to those that serve: the check at start, a
//! check of what is new each minute, which moves the checkpoint, a check of the whole each day, and the compression of
//! closed files.

use std::sync::Arc;
use std::time::Duration;

use super::EvidenceError;
use super::checks::Pace;
use crate::app::App;
use crate::store::journal::JournalError;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(60);
/// Between two checks of the whole journal, in milliseconds.
const DAY: i64 = 86_400_000;
/// How much the thread gives way: the kernel's `nice`.
const GIVE_WAY: i32 = 10;

impl App {
    /// Checks in the background what was appended since the checkpoint, and all of it where there is none.
    pub(in crate::app) fn check_journal_at_start(&self) -> Result<(), JournalError> {
        let (evidence, journal) = (self.evidence.clone(), self.pipeline.journal.reading()?);
        let now = self.pipeline.clock.now();
        in_background(move || {
            told(evidence.check_since(&journal, Pace::Quiet, now).map(drop));
            evidence.save();
        });
        Ok(())
    }

    /// Looks after the journal until it is dropped.
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

    /// Checks what is new, compresses closed files, and checks the whole journal when that is due.
    pub fn look_after_journal(&self) {
        let (evidence, now) = (&self.evidence, self.pipeline.clock.now());
        let Ok(journal) = self.pipeline.journal.reading() else { return };
        // Of a broken one that would be the whole, again and again.
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

    /// Ends what is done in the background, and moves the checkpoint to the end: the next start goes on from there.
    pub(crate) async fn finish_journal(self: Arc<Self>) {
        self.evidence.stop();
        let finish = move || self.pipeline.journal.reading().map(|journal| self.evidence.finish(&journal));
        let _ = tokio::task::spawn_blocking(finish).await;
    }
}

/// A broken journal is in the log already.
fn told(checked: Result<(), EvidenceError>) {
    match checked {
        Ok(()) | Err(EvidenceError::Broken(_) | EvidenceError::Journal(JournalError::Unavailable)) => {}
        Err(error) => tracing::error!(%error, "the journal cannot be checked"),
    }
}

fn in_background(work: impl FnOnce() + Send + 'static) {
    let started = std::thread::Builder::new().name("journal-upkeep".into()).spawn(move || {
        // A thread that cannot lower its priority works with the usual one.
        let _ = rustix::process::nice(GIVE_WAY);
        work();
    });
    if let Err(error) = started {
        tracing::error!(error = %error.kind(), "no thread looks after the journal");
    }
}
