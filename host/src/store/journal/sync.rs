//! Group commit: one thread calls `fdatasync` for every append that waits. It sleeps while nobody does.

use std::collections::VecDeque;
use std::fs::File;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::JournalError;

/// So many requests wait for a sync that the next one is worth gathering more for.
const CROWD: usize = 4;

/// How far apart syncs begin while a crowd waits. It is short against any model's answer, which the sync overlaps, and
/// saves most of the syncs that a busy server would make: each costs the disk and the processor as much as masking a
/// message. A lone caller's sync begins at once.
const APART: Duration = Duration::from_millis(2);

/// The thread and what it shares with those who wait.
pub(super) struct Syncer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// Bytes handed to the kernel.
    written: AtomicU64,
    failed: AtomicBool,
    /// The file that is written.
    file: Mutex<Arc<File>>,
    state: Mutex<State>,
    wake: Condvar,
}

struct State {
    /// Bytes on disk.
    synced: u64,
    waiting: VecDeque<Waiting>,
    stop: bool,
}

/// Somebody who waits until so many bytes are on disk. Dropped, it says that they never will be.
struct Waiting {
    end: u64,
    reply: oneshot::Sender<()>,
}

impl Syncer {
    pub(super) fn start(file: File, end: u64) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            written: AtomicU64::new(end),
            failed: AtomicBool::new(false),
            file: Mutex::new(Arc::new(file)),
            state: Mutex::new(State { synced: end, waiting: VecDeque::new(), stop: false }),
            wake: Condvar::new(),
        });
        let thread = thread::Builder::new().name("journal-sync".into()).spawn({
            let shared = shared.clone();
            move || shared.run()
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(super) fn wrote(&self, end: u64) {
        self.shared.written.store(end, Ordering::Release);
    }

    /// From here on this file is written and synced; the one before is on disk whole.
    pub(super) fn go_on_with(&self, file: File) {
        *self.shared.file.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(file);
    }

    pub(super) fn failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }

    /// Nothing is written or synced any more, and whoever waits is told.
    pub(super) fn fail(&self) {
        self.shared.fail();
    }

    pub(super) fn synced(&self, end: u64) -> impl Future<Output = Result<(), JournalError>> + Send + 'static + use<> {
        let waits = self.shared.wait_for(end);
        async move {
            match waits? {
                Some(synced) => synced.await.map_err(|_| JournalError::Unavailable),
                None => Ok(()),
            }
        }
    }

    /// Syncs what is written and ends the thread.
    pub(super) fn stop(&mut self) -> Result<(), JournalError> {
        self.shared.lock().stop = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| JournalError::Unavailable)?;
        }
        if self.failed() { Err(JournalError::Unavailable) } else { Ok(()) }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Sound after every statement, so a panic elsewhere does no harm to it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What ends when so many bytes are on disk; nothing when they are.
    fn wait_for(&self, end: u64) -> Result<Option<oneshot::Receiver<()>>, JournalError> {
        let mut state = self.lock();
        if self.failed.load(Ordering::Acquire) {
            return Err(JournalError::Unavailable);
        }
        if end <= state.synced {
            return Ok(None);
        }
        let (reply, synced) = oneshot::channel();
        state.waiting.push_back(Waiting { end, reply });
        if state.waiting.len() == 1 {
            self.wake.notify_one();
        }
        Ok(Some(synced))
    }

    fn fail(&self) {
        let mut state = self.lock();
        self.failed.store(true, Ordering::Release);
        state.waiting.clear();
        state.stop = true;
        self.wake.notify_one();
    }

    fn run(&self) {
        let mut began = None;
        loop {
            let (synced, stop) = self.wait(began);
            began = Some(Instant::now());
            // Everything written by now is covered, also what nobody asked for yet.
            let written = self.written.load(Ordering::Acquire);
            if self.failed() {
                return;
            }
            if written > synced {
                // After `written`: a file that took its place meanwhile has only what was written later.
                let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if file.sync_data().is_err() {
                    return self.fail();
                }
                self.tell(written);
            }
            if stop {
                return;
            }
        }
    }

    fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Ends when somebody waits and it is time for a sync. Says what is on disk, and whether this is the end.
    fn wait(&self, last_began: Option<Instant>) -> (u64, bool) {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.stop;
        let mut state = self.wake.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        if state.waiting.len() >= CROWD
            && let Some(last) = last_began
            && let Some(early) = APART.checked_sub(last.elapsed())
        {
            let going_on = |state: &mut State| !state.stop;
            let waited = self.wake.wait_timeout_while(state, early, going_on);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        (state.synced, state.stop)
    }

    fn tell(&self, synced: u64) {
        let mut state = self.lock();
        state.synced = synced;
        let waiting = std::mem::take(&mut state.waiting);
        for waiting in waiting {
            if waiting.end <= synced {
                // Whoever waited may have left.
                let _ = waiting.reply.send(());
            } else {
                state.waiting.push_back(waiting);
            }
        }
    }
}
