//! What is known of the journal's soundness, and the checks that find it out: one at a time, shared by all that ask.
//!
//! A check goes on from the last one, which the checkpoint beside the journal remembers over a restart. What stood there
//! before is read again by a check of the whole journal: on demand, and each day in the background, where it leaves most
//! of the processor to others and makes way as soon as somebody waits for a check.

use std::io::{self, BufRead, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::EvidenceError;
use crate::audit::checkpoint::{Checked, Checkpoint, Lost, WholeCheck};
use crate::audit::verify::{Broken, Fault, Verified, resume, verify};
use crate::clock::Timestamp;
use crate::keys::SecretKey;
use crate::store::journal::{Bytes, JournalError, Reading, checkpoint};

/// After so many bytes a quiet check rests.
const STRETCH: usize = 1 << 20;
/// How many times as long as it worked.
const REST: u32 = 3;
const LONGEST_REST: Duration = Duration::from_secs(1);

/// How a check uses the processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pace {
    /// Somebody waits.
    Hurried,
    /// Nobody does. It ends without a result when somebody asks for a check of the whole journal.
    Quiet,
    /// As the service ends, which would end any other.
    Last,
}

/// The journal's soundness.
pub struct Evidence {
    key: SecretKey,
    journal: PathBuf,
    state: Mutex<State>,
    /// Held by the one check that goes on from the last.
    since: Mutex<()>,
    /// Held by the one check of the whole.
    whole: Mutex<()>,
    /// Checks of the whole that were begun.
    begun: AtomicU64,
    /// Those who wait for one.
    urgent: AtomicUsize,
    /// Held while the checkpoint is written.
    saving: Mutex<()>,
    stopping: AtomicBool,
}

#[derive(Default)]
struct State {
    /// What is written in the checkpoint.
    known: Checkpoint,
    /// The last check of the whole: its number, and what it found.
    last: Option<(u64, Result<Verified, Broken>)>,
    saved: Checkpoint,
}

/// What the checks found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Soundness {
    /// Whether no check found it broken or shorter than it was.
    pub is_sound: bool,
    /// The last check of the whole journal.
    pub whole: Option<WholeCheck>,
    /// What is missing at its end.
    pub lost: Option<Lost>,
}

impl Evidence {
    /// Of a journal that was just opened and ends at `end`, of which the database remembers `missing` bytes more.
    pub(in crate::app) fn at_start(journal: PathBuf, key: SecretKey, end: u64, missing: u64) -> Self {
        let saved = checkpoint::read(&journal, &key).unwrap_or_default();
        let mut known = saved.clone();
        let missing = missing.max(known.checked.map_or(0, |checked| checked.end.saturating_sub(end)));
        if missing > 0 {
            known.lost = Some(Lost { offset: end, bytes: missing });
            known.checked = None;
        }
        let evidence = Self {
            key,
            journal,
            state: Mutex::new(State { known, saved, ..State::default() }),
            since: Mutex::default(),
            whole: Mutex::default(),
            begun: AtomicU64::new(0),
            urgent: AtomicUsize::new(0),
            saving: Mutex::default(),
            stopping: AtomicBool::new(false),
        };
        evidence.save();
        evidence
    }

    /// What the checks found.
    pub fn soundness(&self) -> Soundness {
        let state = lock(&self.state);
        let Checkpoint { whole, lost, broken_at, .. } = state.known;
        let is_sound = broken_at.is_none() && lost.is_none();
        Soundness { is_sound, whole, lost }
    }

    /// Ends checks that are under way: the service stops, and would wait for them.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether checks are to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Checks what was appended since the last check, and the whole journal, at this pace, where there was none.
    pub(super) fn check_since(&self, journal: &Reading, pace: Pace, now: Timestamp) -> Result<Verified, EvidenceError> {
        if let Some(found) = self.go_on(journal, Pace::Hurried)? {
            return Ok(found);
        }
        let urgent = Urgent::new(self, pace);
        let _whole = lock(&self.whole);
        drop(urgent);
        // Somebody else may have made the check that is gone on from.
        match self.go_on(journal, Pace::Hurried)? {
            Some(found) => Ok(found),
            None => self.read_whole(journal, pace, now),
        }
    }

    /// Checks every line. Those who wait for a check that was begun after they asked share it.
    pub(super) fn check_whole(&self, journal: &Reading, pace: Pace, now: Timestamp) -> Result<Verified, EvidenceError> {
        let asked = self.begun.load(Ordering::Relaxed);
        let urgent = Urgent::new(self, pace);
        let _whole = lock(&self.whole);
        drop(urgent);
        let last = lock(&self.state).last;
        if let Some((_, found)) = last.filter(|(number, _)| *number > asked) {
            found?;
            if let Some(found) = self.go_on(journal, Pace::Hurried)? {
                return Ok(found);
            }
        }
        self.read_whole(journal, pace, now)
    }

    /// Checks what was appended since the last check, as the service ends, and writes the checkpoint.
    pub(super) fn finish(&self, journal: &Reading) {
        // A broken journal is in the log already.
        let _ = self.go_on(journal, Pace::Last);
        self.save();
    }

    /// Goes on from the last check; `None` where there is none, or what it began with was deleted since.
    fn go_on(&self, journal: &Reading, pace: Pace) -> Result<Option<Verified>, EvidenceError> {
        let _since = lock(&self.since);
        let begins = journal.begins();
        let Some(before) = lock(&self.state).known.checked.filter(|checked| checked.begins == begins) else {
            return Ok(None);
        };
        if before.end >= journal.end {
            return Ok(Some(before.verified));
        }
        let bytes = self.paced(journal.bytes(before.end)?, pace);
        let found = resume(bytes, &self.key, before.verified, before.end);
        if self.is_over(pace) {
            return Err(JournalError::Unavailable.into());
        }
        self.note(&found, begins, journal.end);
        Ok(Some(found?))
    }

    /// Reads the whole journal; [`Self::whole`] is held.
    fn read_whole(&self, journal: &Reading, pace: Pace, now: Timestamp) -> Result<Verified, EvidenceError> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let broken_before = lock(&self.state).known.broken_at;
        loop {
            let begins = journal.begins();
            let found = verify(self.paced(journal.bytes(0)?, pace), &self.key);
            if self.is_over(pace) {
                return Err(JournalError::Unavailable.into());
            }
            if matches!(found, Err(Broken { what: Fault::Unreadable, .. })) && journal.begins() != begins {
                // Its oldest files were deleted under our eyes.
                continue;
            }
            let mut state = lock(&self.state);
            if found.is_ok() && state.known.broken_at == broken_before {
                state.known.broken_at = None;
            }
            let events = found.map_or_else(|broken| broken.line.saturating_sub(1), |verified| verified.events);
            state.known.whole = Some(WholeCheck::new(now, found.is_ok(), events));
            state.last = Some((number, found));
            drop(state);
            self.note(&found, begins, journal.end);
            self.save();
            return Ok(found?);
        }
    }

    fn note(&self, found: &Result<Verified, Broken>, begins: u64, end: u64) {
        let mut state = lock(&self.state);
        match *found {
            // Another check may have read more, or found a bad line.
            Ok(verified) => {
                let is_newer = |before: &Checked| before.begins == begins && before.end > end;
                if state.known.broken_at.is_none() && !state.known.checked.as_ref().is_some_and(is_newer) {
                    state.known.checked = Some(Checked { verified, begins, end });
                }
            }
            Err(broken) => {
                tracing::error!(%broken, "the journal does not verify");
                state.known.checked = None;
                state.known.broken_at = Some(broken.offset);
            }
        }
    }

    /// Writes what is known beside the journal, if it is not there.
    pub(super) fn save(&self) {
        let _saving = lock(&self.saving);
        let known = {
            let state = lock(&self.state);
            if state.known == state.saved {
                return;
            }
            state.known.clone()
        };
        match checkpoint::write(&self.journal, &known, &self.key) {
            Ok(()) => lock(&self.state).saved = known,
            Err(error) => tracing::warn!(error = %error.kind(), "the journal's checkpoint cannot be written"),
        }
    }

    fn paced(&self, bytes: Bytes, pace: Pace) -> Paced<'_> {
        Paced { bytes, pace, evidence: self, worked: Instant::now(), read: 0 }
    }

    /// Whether a check of this pace must end.
    fn is_over(&self, pace: Pace) -> bool {
        let stopping = self.is_stopping() && pace != Pace::Last;
        stopping || (pace == Pace::Quiet && self.urgent.load(Ordering::Relaxed) > 0)
    }
}

/// Somebody who waits for a check of the whole journal.
struct Urgent<'a>(Option<&'a AtomicUsize>);

impl<'a> Urgent<'a> {
    fn new(evidence: &'a Evidence, pace: Pace) -> Self {
        let urgent = (pace != Pace::Quiet).then_some(&evidence.urgent);
        if let Some(urgent) = urgent {
            urgent.fetch_add(1, Ordering::Relaxed);
        }
        Self(urgent)
    }
}

impl Drop for Urgent<'_> {
    fn drop(&mut self) {
        if let Some(urgent) = self.0 {
            urgent.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Bytes that come as fast as the check's pace has it, and end with an error when it must end.
struct Paced<'a> {
    bytes: Bytes,
    pace: Pace,
    evidence: &'a Evidence,
    worked: Instant,
    read: usize,
}

impl Read for Paced<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer)
    }
}

impl BufRead for Paced<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.evidence.is_over(self.pace) {
            true => Err(io::ErrorKind::NotConnected.into()),
            false => self.bytes.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        self.bytes.consume(amount);
        self.read += amount;
        if self.pace == Pace::Quiet && self.read >= STRETCH {
            thread::sleep((self.worked.elapsed() * REST).min(LONGEST_REST));
            (self.worked, self.read) = (Instant::now(), 0);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Sound after every statement, so a panic elsewhere does no harm to it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
