//! Group commit: one thread calls `fdatasync` for every append that waits. It sleeps while nobody does.

use std::fs::File;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::watch;

use super::JournalError;

/// The thread and what it shares with those who wait.
pub(super) struct Syncer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// Bytes handed to the kernel.
    written: AtomicU64,
    failed: AtomicBool,
    wanted: Mutex<Wanted>,
    wake: Condvar,
    /// Bytes on disk, or an error for good.
    synced: watch::Sender<Result<u64, JournalError>>,
}

struct Wanted {
    end: u64,
    stop: bool,
}

impl Syncer {
    pub(super) fn start(file: File, end: u64) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            written: AtomicU64::new(end),
            failed: AtomicBool::new(false),
            wanted: Mutex::new(Wanted { end, stop: false }),
            wake: Condvar::new(),
            synced: watch::Sender::new(Ok(end)),
        });
        let thread = thread::Builder::new().name("journal-sync".into()).spawn({
            let shared = shared.clone();
            move || shared.run(&file, end)
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(super) fn wrote(&self, end: u64) {
        self.shared.written.store(end, Ordering::Release);
    }

    pub(super) fn failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }

    /// Nothing is written or synced any more, and whoever waits is told.
    pub(super) fn fail(&self) {
        self.shared.fail();
    }

    pub(super) fn synced(&self, end: u64) -> impl Future<Output = Result<(), JournalError>> + Send + 'static + use<> {
        let mut synced = self.shared.synced.subscribe();
        if matches!(*synced.borrow(), Ok(done) if done < end) {
            self.shared.ask(|wanted| wanted.end = wanted.end.max(end));
        }
        async move {
            let done = synced.wait_for(|done| !matches!(done, Ok(done) if *done < end)).await;
            done.map_err(|_| JournalError::Unavailable)?.map(|_| ())
        }
    }

    /// Syncs what is written and ends the thread.
    pub(super) fn stop(&mut self) -> Result<(), JournalError> {
        self.shared.ask(|wanted| wanted.stop = true);
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| JournalError::Unavailable)?;
        }
        self.shared.synced.borrow().map(|_| ())
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

impl Shared {
    fn ask(&self, change: impl FnOnce(&mut Wanted)) {
        change(&mut self.wanted.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_one();
    }

    fn fail(&self) {
        self.failed.store(true, Ordering::Release);
        let _ = self.synced.send_replace(Err(JournalError::Unavailable));
    }

    fn run(&self, file: &File, mut synced: u64) {
        loop {
            let stop = self.wait(synced);
            // Everything written by now is covered, also what nobody asked for yet.
            let written = self.written.load(Ordering::Acquire);
            if self.failed.load(Ordering::Acquire) {
                return;
            }
            if written > synced {
                if file.sync_data().is_err() {
                    return self.fail();
                }
                synced = written;
                self.synced.send_if_modified(|done| {
                    done.is_ok() && {
                        *done = Ok(synced);
                        true
                    }
                });
            }
            if stop {
                return;
            }
        }
    }

    fn wait(&self, synced: u64) -> bool {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = |wanted: &mut Wanted| wanted.end <= synced && !wanted.stop;
        self.wake.wait_while(wanted, idle).unwrap_or_else(PoisonError::into_inner).stop
    }
}
