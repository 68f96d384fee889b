//! Verification state of the journal, and its checks: one at a time, shared by concurrent requests.
//!
//! An incremental check continues from the last one, which the checkpoint file preserves over a restart. Earlier bytes
//! are read again by a full check: on demand, and once a day in the background, where it uses little CPU time and
//! yields as soon as a request waits for a check.

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

/// Bytes between two pauses of a background check: about two milliseconds of work, too short to delay a call.
const STRETCH: usize = 1 << 18;
/// Length of a pause, as a multiple of the work before it.
const REST: u32 = 15;
const LONGEST_REST: Duration = Duration::from_secs(1);

/// How a check uses the CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pace {
    /// A request waits for it.
    Hurried,
    /// Background. It ends without a result when a request needs a full check.
    Quiet,
    /// At shutdown, when other checks are cancelled.
    Last,
}

/// Verification state of the journal.
pub struct Evidence {
    key: SecretKey,
    journal: PathBuf,
    state: Mutex<State>,
    /// Held by the running incremental check.
    since: Mutex<()>,
    /// Held by the running full check.
    whole: Mutex<()>,
    /// Number of full checks that were started.
    begun: AtomicU64,
    /// Number of requests waiting for a full check.
    urgent: AtomicUsize,
    /// Held while the checkpoint is written.
    saving: Mutex<()>,
    stopping: AtomicBool,
}

#[derive(Default)]
struct State {
    /// The contents of the checkpoint.
    known: Checkpoint,
    /// The last full check: its number and its result.
    last: Option<(u64, Result<Verified, Broken>)>,
    saved: Checkpoint,
}

/// Results of the checks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Soundness {
    /// Whether a check found an invalid line, and no later full check succeeded.
    pub is_broken: bool,
    /// The last check of the whole journal.
    pub whole: Option<WholeCheck>,
    /// Bytes missing at its end.
    pub lost: Option<Lost>,
}

impl Soundness {
    /// Whether no check found the journal broken or truncated.
    pub fn is_sound(&self) -> bool {
        !self.is_broken && self.lost.is_none()
    }
}

impl Evidence {
    /// State for a journal that was just opened and ends at `end`; `missing` bytes more are known to the database.
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

    /// Results of the checks.
    pub(crate) fn soundness(&self) -> Soundness {
        let state = lock(&self.state);
        let Checkpoint { whole, lost, broken_at, .. } = state.known;
        Soundness { is_broken: broken_at.is_some(), whole, lost }
    }

    /// Cancels running checks, so that shutdown does not wait for them.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether checks are being cancelled.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Verifies what was appended since the last check, or the whole journal at this pace if there was none.
    pub(super) fn check_since(&self, journal: &Reading, pace: Pace, now: Timestamp) -> Result<Verified, EvidenceError> {
        if let Some(found) = self.go_on(journal, Pace::Hurried)? {
            return Ok(found);
        }
        let urgent = Urgent::new(self, pace);
        let _whole = lock(&self.whole);
        drop(urgent);
        // Another thread may have finished the first check meanwhile.
        match self.go_on(journal, Pace::Hurried)? {
            Some(found) => Ok(found),
            None => self.read_whole(journal, pace, now),
        }
    }

    /// Verifies every line. Requests share a check that was started after they arrived.
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

    /// Verifies what was appended since the last check, at shutdown, and writes the checkpoint.
    pub(super) fn finish(&self, journal: &Reading) {
        // A broken journal was already logged.
        let _ = self.go_on(journal, Pace::Last);
        self.save();
    }

    /// Continues from the last check; `None` if there was none, or files at its beginning were deleted since.
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

    /// Verifies the whole journal; requires [`Self::whole`] to be held.
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
                // The oldest files were deleted during the check.
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
            // Another check may have read more, or found an invalid line.
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

    /// Writes the checkpoint file if it is out of date.
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

/// A request waiting for a full check.
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

/// A reader that throttles a check to its pace, and fails when the check must end.
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
    // Consistent after every statement, so a poisoned lock is safe to use.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::audit::event::{Event, EventKind};
    use crate::store::journal::Journal;

    const NOW: Timestamp = Timestamp::from_millis(1000);

    fn key() -> SecretKey {
        SecretKey::new([42; 32])
    }

    /// A journal with several files.
    fn journal(folder: &Path) -> Journal {
        Journal::open_rotating(&folder.join("audit.jsonl"), &key(), 1000, 0).unwrap().0
    }

    fn append(journal: &Journal, events: usize) {
        for _ in 0..events {
            journal.append(&[Event::new(EventKind::Login, NOW)]).unwrap();
        }
    }

    fn evidence(journal: &Journal) -> Evidence {
        Evidence::at_start(journal.path().to_owned(), key(), journal.end().unwrap().0, 0)
    }

    fn change(journal: &Journal, file: usize) {
        let path = &journal.closed_files()[file].path;
        let text = fs::read_to_string(path).unwrap();
        fs::write(path, text.replace("\"login\"", "\"logia\"")).unwrap();
    }

    #[test]
    fn a_check_goes_on_from_the_checkpoint_and_the_whole_is_read_on_demand() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path());
        append(&journal, 20);
        let first = evidence(&journal);
        let known = first.check_since(&journal.reading().unwrap(), Pace::Quiet, NOW).unwrap();
        assert_eq!(first.soundness().whole.map(|whole| (whole.sound, whole.events)), Some((true, known.events)));
        first.save();
        let before = journal.closed_files().len();
        let sound = fs::read(&journal.closed_files()[0].path).unwrap();

        // Before the checkpoint: a start does not read it, but a full check finds it.
        change(&journal, 0);
        append(&journal, 20);
        let second = evidence(&journal);
        let reading = journal.reading().unwrap();
        let since = second.check_since(&reading, Pace::Quiet, NOW).unwrap();
        assert!(since.events > known.events && second.soundness().is_sound());
        assert!(
            second
                .check_whole(&reading, Pace::Quiet, NOW)
                .is_err_and(|error| matches!(error, EvidenceError::Broken(_)))
        );
        assert!(!second.soundness().is_sound());
        let third = evidence(&journal);
        assert!(!third.soundness().is_sound(), "the next start detects it");
        third.check_since(&reading, Pace::Quiet, NOW).unwrap_err();

        // Restore the file.
        fs::write(&journal.closed_files()[0].path, sound).unwrap();
        assert_eq!(third.check_since(&reading, Pace::Quiet, NOW).unwrap(), since);
        assert!(third.soundness().is_sound());

        // Behind the checkpoint: the start finds it.
        change(&journal, before + 1);
        let fourth = Evidence { state: Mutex::default(), ..evidence(&journal) };
        lock(&fourth.state).known = first.state.into_inner().unwrap().known;
        fourth.check_since(&reading, Pace::Quiet, NOW).unwrap_err();
        assert!(!fourth.soundness().is_sound());
    }

    #[test]
    fn those_who_wait_share_one_check() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path());
        append(&journal, 20);
        let evidence = evidence(&journal);
        for depth in ["whole", "since"] {
            let begun = evidence.begun.load(Ordering::Relaxed);
            lock(&evidence.state).known.checked = None;
            let checking = lock(&evidence.whole);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let reading = journal.reading().unwrap();
                        match depth {
                            "whole" => evidence.check_whole(&reading, Pace::Hurried, NOW),
                            _ => evidence.check_since(&reading, Pace::Hurried, NOW),
                        }
                        .unwrap()
                    });
                }
                while evidence.urgent.load(Ordering::Relaxed) < 4 {
                    thread::yield_now();
                }
                drop(checking);
            });
            assert_eq!(evidence.begun.load(Ordering::Relaxed), begun + 1, "{depth}");
        }
    }

    #[test]
    fn a_quiet_check_makes_way_and_none_outlives_the_service() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path());
        append(&journal, 20);
        let (evidence, reading) = (evidence(&journal), journal.reading().unwrap());
        let over = |pace| match evidence.check_whole(&reading, pace, NOW) {
            Ok(_) => false,
            Err(EvidenceError::Journal(JournalError::Unavailable)) => true,
            Err(error) => panic!("{error}"),
        };
        let waits = Urgent::new(&evidence, Pace::Hurried);
        assert!(over(Pace::Quiet) && !over(Pace::Hurried));
        drop(waits);
        assert!(!over(Pace::Quiet));
        evidence.stop();
        assert!(over(Pace::Quiet) && over(Pace::Hurried));
        append(&journal, 1);
        evidence.finish(&journal.reading().unwrap());
        let saved = checkpoint::read(journal.path(), &key()).unwrap();
        assert_eq!(saved.checked.unwrap().end, journal.end().unwrap().0);
    }

    #[test]
    fn a_journal_that_lost_its_end_is_known_as_such_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path());
        append(&journal, 3);
        let (end, path) = (journal.end().unwrap().0, journal.path().to_owned());
        let lost = Some(Lost { offset: end, bytes: 10 });
        assert_eq!(Evidence::at_start(path.clone(), key(), end, 10).soundness().lost, lost);
        let later = evidence(&journal);
        later.check_since(&journal.reading().unwrap(), Pace::Quiet, NOW).unwrap();
        assert!(later.soundness().lost == lost && !later.soundness().is_sound());
        later.save();
        assert_eq!(evidence(&journal).soundness().lost, lost);
        // Without a database, the checkpoint detects the truncation.
        let shorter = Evidence::at_start(path, key(), end - 5, 0).soundness();
        assert_eq!(shorter.lost, Some(Lost { offset: end - 5, bytes: 5 }));
    }
}
