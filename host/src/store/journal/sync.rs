//! Group commit: one thread syncs for all pending appends and sleeps when there are none. The first syncs go to the
//! journal's file; a process that makes more of them creates a ring (`journal/ring.rs`).

use std::collections::VecDeque;
use std::fs::File;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::JournalError;
use super::ring::{self, Ring};

/// Syncs before a ring is created: it takes some milliseconds and two megabytes, which commands that append an event
/// or two do not need.
const WORTH_A_RING: u32 = 4;

/// Minimum interval between syncs, by the number of requests that waited for the last one. A single request is synced
/// at once. Under load more requests are gathered: each sync costs as much CPU time as a tenth of masking a message,
/// and the wait is short compared with the model's answer, which it overlaps.
fn apart(waited: usize) -> Duration {
    match waited {
        0 | 1 => Duration::ZERO,
        2 | 3 => Duration::from_millis(1),
        _ => Duration::from_millis(4),
    }
}

/// The sync thread and the state it shares with waiting requests.
pub(super) struct Syncer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    failed: AtomicBool,
    written: Mutex<Written>,
    state: Mutex<State>,
    wake: Condvar,
}

/// What was handed to the kernel.
struct Written {
    /// The file that is written.
    file: Arc<File>,
    /// End offset in the journal.
    end: u64,
    /// The newest bytes that are not synced yet; empty if there were too many to keep.
    newest: Vec<u8>,
    too_many: bool,
}

struct State {
    /// Offset up to which the journal is on disk.
    synced: u64,
    waiting: VecDeque<Waiting>,
    stop: bool,
}

/// A request that waits until the journal is on disk up to an offset. Dropping it reports a failure.
struct Waiting {
    end: u64,
    reply: oneshot::Sender<()>,
}

impl Syncer {
    /// Starts the thread for a journal that is on disk up to `end`; `ring` is the path of its ring.
    pub(super) fn start(file: File, end: u64, ring: PathBuf) -> io::Result<Self> {
        let written = Written { file: Arc::new(file), end, newest: Vec::new(), too_many: false };
        let shared = Arc::new(Shared {
            failed: AtomicBool::new(false),
            written: Mutex::new(written),
            state: Mutex::new(State { synced: end, waiting: VecDeque::new(), stop: false }),
            wake: Condvar::new(),
        });
        let thread = thread::Builder::new().name("journal-sync".into()).spawn({
            let shared = shared.clone();
            move || {
                if shared.run(ring).is_err() {
                    shared.fail();
                }
            }
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Notes that these bytes were appended.
    pub(super) fn wrote(&self, bytes: &[u8]) {
        let mut written = self.shared.written();
        written.end += bytes.len() as u64;
        written.too_many |= written.newest.len() + bytes.len() > ring::MOST;
        if !written.too_many {
            written.newest.extend_from_slice(bytes);
        }
    }

    /// Switches to a new file after a rotation. It is on disk up to byte `end`, and the previous file completely.
    pub(super) fn go_on_with(&self, file: File, end: u64) {
        let mut written = self.shared.written();
        *written = Written { file: Arc::new(file), end, newest: Vec::new(), too_many: false };
    }

    pub(super) fn failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }

    /// Stops all writes and syncs and reports a failure to every waiting request.
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

    /// Syncs what is written and joins the thread.
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
        // Consistent after every statement, so a poisoned lock is safe to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A receiver that resolves once the journal is on disk up to `end`; `None` if it already is.
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
        let first = state.waiting.len() == 1;
        // Unlock before the wake-up: otherwise the thread would wake only to block on the lock.
        drop(state);
        if first {
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

    /// Syncs until it is stopped or a sync fails.
    fn run(&self, path: PathBuf) -> io::Result<()> {
        let (mut ring, mut syncs, mut newest): (Option<Ring>, u32, Vec<u8>) = (None, 0, Vec::new());
        let mut next = Instant::now();
        loop {
            let (synced, stop) = self.wait(next);
            let began = Instant::now();
            if self.failed() {
                return Ok(());
            }
            // The sync covers everything written so far, including bytes that nothing waits for yet.
            let (file, end, whole) = self.take(&mut newest);
            if end > synced {
                ring = match ring {
                    Some(mut ring) if whole => {
                        ring.make_room(newest.len(), &file)?;
                        match ring.write(end - newest.len() as u64, &newest) {
                            Ok(()) => Some(ring),
                            Err(_) => {
                                file.sync_data()?;
                                ring.remove()?;
                                None
                            }
                        }
                    }
                    ring => {
                        file.sync_data()?;
                        ring
                    }
                };
                next = began + apart(self.tell(end));
                syncs = syncs.saturating_add(1);
            }
            if stop {
                file.sync_data()?;
                return ring.map_or(Ok(()), Ring::remove);
            }
            if syncs == WORTH_A_RING && ring.is_none() {
                ring = Ring::create(&path).ok();
                syncs += 1;
            }
        }
    }

    /// Returns the current file and the end of the journal, moves the bytes not taken before into `newest`, and says
    /// whether those are all of them.
    fn take(&self, newest: &mut Vec<u8>) -> (Arc<File>, u64, bool) {
        newest.clear();
        let mut written = self.written();
        std::mem::swap(newest, &mut written.newest);
        let whole = !std::mem::take(&mut written.too_many);
        (written.file.clone(), written.end, whole)
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        // Consistent after every statement, so a poisoned lock is safe to use.
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Blocks until a sync is wanted and due. Returns the offset that is on disk, and whether the thread is to stop.
    fn wait(&self, next: Instant) -> (u64, bool) {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.stop;
        let mut state = self.wake.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        let early = next.saturating_duration_since(Instant::now());
        if !early.is_zero() {
            let going_on = |state: &mut State| !state.stop;
            let waited = self.wake.wait_timeout_while(state, early, going_on);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        (state.synced, state.stop)
    }

    /// Notifies the requests whose bytes are on disk now. Returns how many there were.
    fn tell(&self, synced: u64) -> usize {
        let mut state = self.lock();
        state.synced = synced;
        let (done, waiting): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut state.waiting).into_iter().partition(|waiting| waiting.end <= synced);
        state.waiting = waiting;
        drop(state);
        let told = done.len();
        for waiting in done {
            // The request may have been cancelled.
            let _ = waiting.reply.send(());
        }
        told
    }
}
