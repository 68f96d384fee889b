use std::fs;
use std::os::unix::fs::MetadataExt;

use super::*;
use crate::audit::chain::START;
use crate::audit::verify::{Fault, verify};
use crate::clock::Timestamp;

fn key() -> SecretKey {
    SecretKey::new([42; 32])
}

fn event(n: u32) -> Event {
    Event {
        message: Some(n),
        pass: Some("regex".into()),
        ..Event::new(EventKind::Redaction, Timestamp::from_millis(7))
    }
}

fn events(n: u32) -> Vec<Event> {
    (0..n).map(event).collect()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("audit.jsonl")
    }

    fn open(&self) -> Result<(Journal, Recovered), JournalError> {
        Journal::open(&self.path(), &key())
    }

    /// A closed journal of three events.
    fn with_three_events() -> Self {
        let folder = Self::new();
        folder.open().unwrap().0.append(&events(3)).unwrap();
        folder
    }

    fn change(&self, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        fs::write(self.path(), change(fs::read(self.path()).unwrap())).unwrap();
    }

    fn refusal(&self) -> JournalError {
        self.open().err().unwrap()
    }

    fn verified(&self) -> u64 {
        verify(&fs::read(self.path()).unwrap()[..], &key()).unwrap().events
    }
}

/// The disk is full from now on.
fn fill_disk(journal: &Journal) {
    journal.writer.lock().unwrap().file = OpenOptions::new().write(true).open("/dev/full").unwrap();
}

#[tokio::test]
async fn an_appended_event_is_on_disk_after_synced() {
    let folder = Folder::new();
    let (journal, recovered) = folder.open().unwrap();
    assert_eq!(recovered, Recovered { truncated: 0, end: 0, end_hash: START });
    let receipt = journal.append(&events(7)).unwrap();
    journal.synced(&receipt).await.unwrap();
    journal.synced(&receipt).await.unwrap();
    assert_eq!(receipt.hashes.len(), 7);
    assert_eq!(receipt.range.end, fs::metadata(folder.path()).unwrap().len());
    assert_eq!(fs::metadata(folder.path()).unwrap().mode() & 0o777, 0o600);
    journal.close().unwrap();
    assert_eq!(folder.verified(), 7);
}

#[test]
fn a_journal_goes_on_where_it_ended() {
    let folder = Folder::with_three_events();
    let (journal, recovered) = folder.open().unwrap();
    assert_eq!(journal.end().unwrap(), (recovered.end, recovered.end_hash));
    journal.append(&events(2)).unwrap();
    drop(journal);
    assert_eq!(folder.verified(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_one_request_stand_together() {
    let folder = Folder::new();
    let journal = Arc::new(folder.open().unwrap().0);
    let appends = (0..50).map(|i| {
        let journal = journal.clone();
        tokio::spawn(async move {
            let session = SessionId::generate();
            let batch: Vec<_> =
                events(3).into_iter().map(|e| Event { session_id: Some(session), message: Some(i), ..e }).collect();
            let receipt = journal.append(&batch).unwrap();
            journal.synced(&receipt).await.unwrap();
            (session, receipt)
        })
    });
    for append in appends.collect::<Vec<_>>() {
        let (session, receipt) = append.await.unwrap();
        let found = journal.session_events(&[receipt.range], session).await.unwrap();
        assert_eq!(found.iter().map(|entry| entry.hash).collect::<Vec<_>>(), receipt.hashes);
        assert_eq!(found[0].range.start, receipt.range.start);
        assert_eq!(found[2].range.end, receipt.range.end);
    }
    assert_eq!(journal.entries(0).unwrap().count(), 150);
    assert_eq!(folder.verified(), 150);
}

#[test]
fn a_line_torn_by_a_crash_is_cut_off() {
    let folder = Folder::with_three_events();
    let whole = fs::read(folder.path()).unwrap();
    let second = whole.iter().position(|&b| b == b'\n').unwrap() + 1;
    for cut in 1..second as u64 {
        let kept = whole.len() as u64 - cut;
        folder.change(|_| whole[..kept as usize].to_vec());
        let (journal, recovered) = folder.open().unwrap();
        assert_eq!(recovered.end + recovered.truncated, kept);
        assert!(cut == 1 || recovered.truncated > 0);
        journal.append(&events(1)).unwrap();
        drop(journal);
        assert_eq!(folder.verified(), 3);
    }
}

#[test]
fn zeros_that_a_power_cut_left_are_cut_off() {
    let folder = Folder::with_three_events();
    folder.change(|mut text| {
        let at = text.len() - 40;
        text[at..].fill(0);
        text.extend_from_slice(b"\n\0\0\0");
        text
    });
    assert!(folder.open().unwrap().1.truncated > 40);
    assert_eq!(folder.verified(), 2);
}

#[test]
fn only_a_torn_line_is_an_empty_journal() {
    let folder = Folder::new();
    fs::write(folder.path(), "{\"act").unwrap();
    assert_eq!(folder.open().unwrap().1, Recovered { truncated: 5, end: 0, end_hash: START });
}

#[test]
fn a_tampered_tail_is_refused() {
    let folder = Folder::with_three_events();
    let text = fs::read_to_string(folder.path()).unwrap();
    let third = text.trim_end().rfind('\n').unwrap() as u64 + 1;
    folder.change(|text| String::from_utf8(text).unwrap().replace("\"message\":2", "\"message\":9").into_bytes());
    assert_eq!(folder.refusal(), JournalError::Tail { offset: third, fault: Fault::WrongHash });

    let lines: Vec<_> = text.split_inclusive('\n').collect();
    folder.change(|_| [lines[0], lines[2]].concat().into_bytes());
    let offset = lines[0].len() as u64;
    assert_eq!(folder.refusal(), JournalError::Tail { offset, fault: Fault::WrongPrevious });
}

#[test]
fn a_journal_of_another_key_is_refused_and_left_as_it_is() {
    let folder = Folder::with_three_events();
    let before = fs::read(folder.path()).unwrap();
    let other = Journal::open(&folder.path(), &SecretKey::new([1; 32])).err();
    assert_eq!(other, Some(JournalError::Tail { offset: 0, fault: Fault::WrongHash }));
    assert_eq!(fs::read(folder.path()).unwrap(), before);
}

#[test]
fn a_second_process_is_told_that_the_journal_is_in_use() {
    let folder = Folder::with_three_events();
    let first = folder.open().unwrap();
    assert_eq!(folder.refusal(), JournalError::InUse);
    drop(first);
    assert!(folder.open().is_ok());
}

#[test]
fn a_long_journal_opens_by_its_end_alone() {
    let folder = Folder::new();
    let (journal, _) = folder.open().unwrap();
    let batch = events(1000);
    while journal.end().unwrap().0 < 3 * MAX_LINE as u64 {
        journal.append(&batch).unwrap();
    }
    let end = journal.end().unwrap();
    journal.close().unwrap();
    let (_, recovered) = folder.open().unwrap();
    assert_eq!((recovered.end, recovered.end_hash), end);
}

#[tokio::test]
async fn a_full_disk_fails_the_journal_for_good() {
    let folder = Folder::new();
    let (journal, _) = folder.open().unwrap();
    let first = journal.append(&events(2)).unwrap();
    journal.synced(&first).await.unwrap();
    fill_disk(&journal);
    assert_eq!(journal.append(&events(2)), Err(JournalError::Unavailable));
    assert!(!journal.is_healthy());
    journal.writer.lock().unwrap().file = OpenOptions::new().append(true).open(folder.path()).unwrap();
    assert_eq!(journal.append(&events(2)), Err(JournalError::Unavailable), "space again, but nothing is certain");
    assert_eq!(journal.synced(&first).await, Err(JournalError::Unavailable));
    drop(journal);
    assert_eq!(folder.verified(), 2);
    assert_eq!(folder.open().unwrap().1.truncated, 0);
}

#[test]
fn a_failed_sync_fails_whoever_waits_and_every_later_append() {
    // A pipe takes bytes but cannot be synced.
    let (_reader, pipe) = std::io::pipe().unwrap();
    let mut syncer = Syncer::start(File::from(std::os::fd::OwnedFd::from(pipe)), 0).unwrap();
    syncer.wrote(10);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(syncer.synced(10)), Err(JournalError::Unavailable));
    assert!(syncer.failed());
    assert_eq!(syncer.stop(), Err(JournalError::Unavailable));
}

#[test]
fn an_event_too_long_leaves_the_chain_whole() {
    let folder = Folder::new();
    let (journal, _) = folder.open().unwrap();
    let long = Event { call_id: Some("x".repeat(MAX_LINE)), ..event(0) };
    assert_eq!(journal.append(&[event(0), long]), Err(JournalError::TooLong));
    journal.append(&events(2)).unwrap();
    drop(journal);
    assert_eq!(folder.verified(), 2);
}
