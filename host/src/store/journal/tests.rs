use std::fs::{self, OpenOptions};
use std::os::unix::fs::MetadataExt;

use proptest::prelude::*;

use super::*;
use crate::audit::chain::START;
use crate::audit::event::Detail;
use crate::audit::verify::{Broken, Fault, verify, verify_part};
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
    /// Beside the test binary, so on a disk: tmpfs may not support the ring's direct writes.
    fn new() -> Self {
        let binary = std::env::current_exe().unwrap();
        Self(tempfile::tempdir_in(binary.parent().unwrap()).unwrap())
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

    /// Rotates after every `rotate_at` bytes.
    fn rotating(&self, rotate_at: u64) -> Journal {
        Journal::open_rotating(&self.path(), &key(), rotate_at, 0).unwrap().0
    }

    /// A closed journal of `files` files, with events a second apart.
    fn with_files(files: u64) -> Self {
        let folder = Self::new();
        let journal = folder.rotating(1);
        for second in 0..files {
            let ts = Timestamp::from_millis(second as i64 * 1000);
            let both = [0, 1].map(|n| Event { ts, ..event(n) });
            journal.append(&both).unwrap();
        }
        assert_eq!(journal.closed_files().len() as u64, files - 1);
        folder
    }

    fn files(&self) -> Vec<PathBuf> {
        let closed = segments::list(&self.path()).unwrap();
        closed.into_iter().map(|segment| segment.path).chain([self.path()]).collect()
    }

    fn verified_files(&self) -> Result<u64, Broken> {
        verify(self.bytes(), &key()).map(|verified| verified.events)
    }

    /// What a reader beside a running service sees.
    fn bytes(&self) -> Bytes {
        Snapshot::read_beside(&self.path(), |files| Ok(files.bytes())).unwrap().1.unwrap()
    }
}

/// Makes every write fail as on a full disk.
fn fill_disk(journal: &Journal) {
    journal.writer.lock().unwrap().file = OpenOptions::new().write(true).open("/dev/full").unwrap();
}

#[tokio::test]
async fn an_appended_event_is_on_disk_after_synced() {
    let folder = Folder::new();
    let (journal, recovered) = folder.open().unwrap();
    assert_eq!(recovered, Recovered { truncated: 0, restored: 0, end: 0, end_hash: START });
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
fn zeros_before_a_sound_line_are_damage_and_nothing_is_cut() {
    let folder = Folder::with_three_events();
    let second = fs::read(folder.path()).unwrap().iter().position(|&byte| byte == b'\n').unwrap() + 1;
    folder.change(|mut text| {
        text[second + 30..second + 40].fill(0);
        text
    });
    let before = fs::read(folder.path()).unwrap();
    assert!(matches!(folder.refusal(), JournalError::Tail { offset, .. } if offset == second as u64));
    assert_eq!(fs::read(folder.path()).unwrap(), before);
}

#[test]
fn a_damaged_last_line_that_the_database_remembers_is_not_cut() {
    let folder = Folder::with_three_events();
    let whole = fs::read(folder.path()).unwrap();
    let third = whole[..whole.len() - 1].iter().rposition(|&byte| byte == b'\n').unwrap() as u64 + 1;
    folder.change(|text| text[..text.len() - 5].to_vec());
    let open =
        |remembered| Journal::open_rotating(&folder.path(), &key(), u64::MAX, remembered).map(|(_, found)| found);
    assert_eq!(open(third + 1), Err(JournalError::Tail { offset: third, fault: Fault::Torn }));
    assert_eq!(open(third).unwrap().end, third);
}

/// What may happen to the end of a file.
#[derive(Clone, Debug)]
enum Damage {
    Cut(prop::sample::Index),
    Zeros(prop::sample::Index, usize),
    Flip(prop::sample::Index, u8),
    More(Vec<u8>),
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            any::<prop::sample::Index>().prop_map(Self::Cut),
            (any::<prop::sample::Index>(), 1..900usize).prop_map(|(at, length)| Self::Zeros(at, length)),
            (any::<prop::sample::Index>(), 1u8..).prop_map(|(at, change)| Self::Flip(at, change)),
            proptest::collection::vec(any::<u8>(), 1..200).prop_map(Self::More),
        ]
    }

    fn to(&self, mut text: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Cut(at) => text.truncate(at.index(text.len())),
            Self::Zeros(at, length) => {
                let at = at.index(text.len());
                let end = text.len().min(at + length);
                text[at..end].fill(0);
            }
            Self::Flip(at, change) => {
                let at = at.index(text.len());
                text[at] ^= change;
            }
            Self::More(bytes) => text.extend_from_slice(bytes),
        }
        text
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_damage_to_the_end_loses_a_line_that_verifies(
        lines in 1..6u32, damages in proptest::collection::vec(Damage::any(), 1..3), remembered in 0..6usize,
    ) {
        let folder = Folder::new();
        folder.open().unwrap().0.append(&events(lines)).unwrap();
        let whole = fs::read(folder.path()).unwrap();
        let remembered = whole.split_inclusive(|&byte| byte == b'\n').take(remembered).map(<[u8]>::len).sum::<usize>();
        folder.change(|text| damages.iter().fold(text, |text, damage| if text.is_empty() { text } else { damage.to(text) }));
        let damaged = fs::read(folder.path()).unwrap();
        let checker = crate::audit::verify::Checker::new(&key());
        let sound = |text: &[u8]| -> Vec<Vec<u8>> {
            let lines = text.split_inclusive(|&byte| byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
            lines.filter(|line| checker.check(line).is_ok()).map(<[u8]>::to_vec).collect()
        };
        match Journal::open_rotating(&folder.path(), &key(), u64::MAX, remembered as u64) {
            Ok((journal, recovered)) => {
                journal.append(&events(1)).unwrap();
                drop(journal);
                let kept = sound(&fs::read(folder.path()).unwrap());
                prop_assert_eq!(&kept[..kept.len() - 1], &sound(&damaged)[..]);
                prop_assert_eq!(folder.verified(), kept.len() as u64);
                prop_assert!(recovered.truncated == 0 || recovered.end >= remembered as u64);
            }
            Err(_) => prop_assert_eq!(fs::read(folder.path()).unwrap(), damaged),
        }
    }
}

#[test]
fn only_a_torn_line_is_an_empty_journal() {
    let folder = Folder::new();
    fs::write(folder.path(), "{\"act").unwrap();
    assert_eq!(folder.open().unwrap().1, Recovered { truncated: 5, restored: 0, end: 0, end_hash: START });
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
async fn a_full_disk_refuses_events_while_it_is_full() {
    let folder = Folder::new();
    let (journal, _) = folder.open().unwrap();
    let first = journal.append(&events(2)).unwrap();
    journal.synced(&first).await.unwrap();
    fill_disk(&journal);
    for _ in 0..2 {
        assert_eq!(journal.append(&events(2)), Err(JournalError::Unavailable));
        assert!(!journal.is_healthy());
    }
    // A partial line that could not be truncated.
    let mut file = OpenOptions::new().append(true).open(folder.path()).unwrap();
    file.write_all(b"{\"action\":").unwrap();
    journal.writer.lock().unwrap().file = file;
    let receipt = journal.append(&events(3)).unwrap();
    journal.synced(&receipt).await.unwrap();
    assert!(journal.is_healthy());
    assert_eq!(receipt.range.start, first.range.end);
    drop(journal);
    assert_eq!(folder.verified(), 5);
    assert_eq!(folder.open().unwrap().1.truncated, 0);
}

#[test]
fn a_journal_is_healthy_again_without_an_event_that_tries() {
    let folder = Folder::with_three_events();
    let (journal, _) = folder.open().unwrap();
    fill_disk(&journal);
    journal.append(&events(1)).unwrap_err();
    assert!(!journal.is_healthy());
    journal.writer.lock().unwrap().file = OpenOptions::new().append(true).open(folder.path()).unwrap();
    assert!(journal.is_healthy());
    assert_eq!(folder.verified(), 3, "the failed write was rolled back");
}

#[test]
fn a_failed_sync_fails_whoever_waits_and_every_later_append() {
    // A pipe takes bytes but cannot be synced.
    let (_reader, pipe) = std::io::pipe().unwrap();
    let ring = ring::path_of(&Folder::new().path());
    let mut syncer = Syncer::start(File::from(std::os::fd::OwnedFd::from(pipe)), 0, ring).unwrap();
    syncer.wrote(b"0123456789");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(syncer.synced(10)), Err(JournalError::Unavailable));
    assert!(syncer.failed());
    assert_eq!(syncer.stop(), Err(JournalError::Unavailable));
}

/// A folder after a machine crash: the ring is on disk, and the journal's file is what `change` returns.
fn crashed(from: &Folder, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Folder {
    let folder = Folder::new();
    fs::write(folder.path(), change(fs::read(from.path()).unwrap())).unwrap();
    fs::copy(ring::path_of(&from.path()), ring::path_of(&folder.path())).unwrap();
    folder
}

/// A journal that is open and has a ring.
async fn with_ring(folder: &Folder, syncs: usize) -> Journal {
    let journal = folder.open().unwrap().0;
    for _ in 0..syncs {
        journal.synced(&journal.append(&events(3)).unwrap()).await.unwrap();
    }
    assert!(ring::path_of(&folder.path()).exists());
    journal
}

#[tokio::test]
async fn what_was_synced_outlives_a_crash_of_the_machine() {
    let folder = Folder::new();
    let journal = with_ring(&folder, 40).await;
    let text = fs::read(folder.path()).unwrap();
    let end = text.len();
    let line = text.split_inclusive(|&byte| byte == b'\n').take(90).map(<[u8]>::len).sum::<usize>();
    for kept in [line - 1, line, line + 1, line + 400, end - 1, end] {
        let crashed = crashed(&folder, |text| text[..kept].to_vec());
        let (again, recovered) = crashed.open().unwrap();
        assert_eq!((recovered.end as usize, recovered.restored as usize), (end, end - kept));
        assert_eq!(recovered.truncated, 0);
        again.append(&events(1)).unwrap();
        drop(again);
        assert_eq!(crashed.verified(), 121);
        assert!(!ring::path_of(&crashed.path()).exists());
    }
    drop(journal);
    assert!(!ring::path_of(&folder.path()).exists(), "a clean shutdown leaves no ring");
}

#[tokio::test]
async fn blocks_that_did_not_get_to_the_disk_in_order_are_put_back() {
    let folder = Folder::new();
    let journal = with_ring(&folder, 400).await;
    let end = fs::metadata(folder.path()).unwrap().len();
    let hole = |mut text: Vec<u8>| {
        let at = text.len() / 4;
        text[at..at + 4096].fill(0);
        text
    };
    let crashed = crashed(&folder, hole);
    let (again, recovered) = crashed.open().unwrap();
    assert_eq!((recovered.end, recovered.truncated), (end, 0));
    assert!(recovered.restored > 4096);
    drop(again);
    assert_eq!(crashed.verified(), 1200);
    drop(journal);
}

#[tokio::test]
async fn what_was_written_behind_the_ring_stays() {
    let folder = Folder::new();
    let journal = with_ring(&folder, 10).await;
    // Not synced, but the process ran until the kernel wrote it back.
    journal.append(&events(2)).unwrap();
    let crashed = crashed(&folder, |text| text);
    assert_eq!(crashed.open().unwrap().1.restored, 0);
    assert_eq!(crashed.verified(), 32);
}

#[tokio::test]
async fn a_ring_of_another_journal_is_left_alone() {
    let folder = Folder::new();
    let _journal = with_ring(&folder, 20).await;
    let ring = ring::path_of(&folder.path());
    let other = Folder::new();
    other.open().unwrap().0.append(&events(30)).unwrap();
    fs::copy(&ring, ring::path_of(&other.path())).unwrap();
    let (journal, recovered) = other.open().unwrap();
    assert_eq!((recovered.restored, recovered.truncated), (0, 0));
    drop(journal);
    assert_eq!(other.verified(), 30);

    // A journal that was deleted is not restored.
    fs::copy(&ring, ring::path_of(&other.path())).unwrap();
    fs::remove_file(other.path()).unwrap();
    assert_eq!(other.open().unwrap().1.end, 0);
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

#[tokio::test]
async fn a_chain_goes_on_from_file_to_file() {
    let folder = Folder::new();
    let session = SessionId::generate();
    let mut ranges = Vec::new();
    for _ in 0..3 {
        let journal = folder.rotating(900);
        for n in 0..10 {
            let own = Event { session_id: Some(session), ..event(n) };
            let receipt = journal.append(&[own, event(n)]).unwrap();
            journal.synced(&receipt).await.unwrap();
            ranges.push(receipt.range);
        }
        assert_eq!(journal.session_events(&ranges, session).await.unwrap().len(), ranges.len());
        let all = ByteRange { start: 0, end: journal.end().unwrap().0 };
        assert_eq!(journal.session_events(&[all], session).await.unwrap().len(), ranges.len());
        assert_eq!(journal.events_within(&ranges).count(), 2 * ranges.len());
        let (bytes, end) = journal.snapshot(0).unwrap();
        let verified = verify(bytes, &key()).unwrap();
        assert_eq!((end, verified.end_hash), journal.end().unwrap());
        assert_eq!(verified.events as usize, 2 * ranges.len() + journal.closed_files().len());
        // From the middle of one of the older files.
        assert_eq!(journal.entries(ranges[1].start).unwrap().next().unwrap().unwrap().range.start, ranges[1].start);
    }
    assert!(folder.files().len() > 5);
    assert_eq!(folder.verified_files().unwrap(), 60 + folder.files().len() as u64 - 1);
    for file in folder.files() {
        assert_eq!(fs::metadata(file).unwrap().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_second_process_is_kept_out_after_a_rotation_too() {
    let folder = Folder::new();
    let journal = folder.rotating(1);
    journal.append(&events(1)).unwrap();
    journal.append(&events(1)).unwrap();
    assert_eq!(journal.closed_files().len(), 1);
    assert_eq!(folder.refusal(), JournalError::InUse);
}

#[test]
fn a_rotation_that_a_crash_cut_short_is_undone() {
    let folder = Folder::with_files(2);
    let closed = segments::closed_name(&folder.path(), segments::begin_of(&folder.path()).unwrap());
    fs::hard_link(folder.path(), &closed).unwrap();
    let new = folder.path().with_extension("jsonl.new");
    fs::write(&new, "{\"half of an event").unwrap();
    let journal = folder.rotating(1);
    assert!(!closed.exists() && !new.exists());
    journal.append(&events(1)).unwrap();
    drop(journal);
    assert_eq!((folder.files().len(), folder.verified_files().unwrap()), (3, 7));
}

#[test]
fn a_file_that_is_missing_or_cut_is_noticed_at_start_and_by_a_check() {
    for (at, change) in [(1, "missing"), (1, "cut"), (3, "missing"), (3, "emptied")] {
        let folder = Folder::with_files(4);
        let file = &folder.files()[at];
        let length = fs::metadata(file).unwrap().len();
        match change {
            "missing" => fs::remove_file(file).unwrap(),
            "cut" => fs::write(file, &fs::read(file).unwrap()[..length as usize / 2]).unwrap(),
            _ => fs::write(file, "").unwrap(),
        }
        assert!(matches!(folder.refusal(), JournalError::Gap { .. }), "{at} {change}: {}", folder.refusal());
        if at == 1 {
            folder.verified_files().unwrap_err();
        }
    }
}

#[test]
fn a_byte_flipped_in_any_file_is_named_by_its_place_in_the_whole() {
    let folder = Folder::with_files(4);
    let mut begins = 0;
    for file in folder.files() {
        let whole = fs::read(&file).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(&file, &flipped).unwrap();
            let line = whole[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            let broken = folder.verified_files().unwrap_err();
            assert_eq!(broken.offset, begins + line as u64, "{}: {broken}", file.display());
        }
        fs::write(&file, &whole).unwrap();
        begins += whole.len() as u64;
    }
    folder.verified_files().unwrap();
}

#[test]
fn old_files_are_deleted_and_the_journal_says_so() {
    let folder = Folder::with_files(4);
    let journal = folder.rotating(1 << 20);
    let end = journal.end().unwrap();
    assert_eq!(journal.first_file_after(Timestamp::from_millis(0)).unwrap(), 0);
    let start = journal.first_file_after(Timestamp::from_millis(2500)).unwrap();
    assert_eq!(start, journal.closed_files()[2].range.start, "the third file has an event of the third second");

    // Without an event that records the deletion, files are missing from the journal's beginning.
    let away: Vec<_> = folder.files()[..2].iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect();
    away.iter().for_each(|(file, _)| fs::remove_file(file).unwrap());
    assert_eq!(folder.verified_files().unwrap_err().what, Fault::Missing);
    assert_eq!(verify_part(folder.bytes(), &key()).unwrap().events, 6);
    away.iter().for_each(|(file, bytes)| fs::write(file, bytes).unwrap());

    let trimmed = Event { detail: Some(Detail::Count(start)), ..Event::new(EventKind::JournalTrimmed, event(0).ts) };
    journal.append(&[trimmed]).unwrap();
    assert_eq!(journal.delete_files_before(start).unwrap(), 2);
    assert_eq!((journal.start(), journal.closed_files().len()), (start, 1));
    assert_eq!(folder.verified_files().unwrap(), 7);
    assert_eq!(verify(journal.snapshot(0).unwrap().0, &key()).unwrap().events, 7);
    assert!(journal.end().unwrap().0 > end.0);
    assert!(matches!(journal.events_within(&[ByteRange { start: 0, end: 10 }]).next(), Some(Err(_))));
    drop(journal);
    let (journal, _) = folder.open().unwrap();
    assert_eq!((journal.start(), journal.entries(0).unwrap().count()), (start, 7));
    // One file more than the journal records.
    drop(journal);
    fs::remove_file(&folder.files()[0]).unwrap();
    assert_eq!(folder.verified_files().unwrap_err().what, Fault::Missing);
}

#[tokio::test]
async fn a_compressed_file_is_read_as_the_plain_one() {
    let folder = Folder::with_files(4);
    let journal = folder.rotating(1 << 20);
    let session = SessionId::generate();
    let receipt = journal.append(&[Event { session_id: Some(session), ..event(0) }]).unwrap();
    journal.rotate_if_begun_before(Timestamp::from_millis(i64::MAX), Timestamp::from_millis(9000)).unwrap();
    let plain: Vec<_> = folder.files()[..4].iter().map(|file| fs::read(file).unwrap()).collect();
    let (verified, entries) = (folder.verified_files().unwrap(), journal.entries(0).unwrap().count());
    let snapshot = journal.snapshot(0).unwrap().0;
    assert_eq!(journal.compress_closed_files(|| true).unwrap(), 4);
    assert_eq!(journal.compress_closed_files(|| true).unwrap(), 0);

    let files = folder.files();
    assert!(files[..4].iter().all(|file| compressed::is_compressed(file)), "{files:?}");
    let ranges: Vec<_> = journal.closed_files().iter().map(|segment| segment.range).collect();
    assert_eq!(
        ranges.iter().map(|range| (range.end - range.start) as usize).collect::<Vec<_>>(),
        plain.iter().map(Vec::len).collect::<Vec<_>>()
    );
    assert_eq!(verify(snapshot, &key()).unwrap().events, verified, "a snapshot taken before stays valid");
    for (file, plain) in files.iter().zip(&plain) {
        let mut text = Vec::new();
        Bytes::of_file(file.clone()).read_to_end(&mut text).unwrap();
        assert!(text == *plain && fs::metadata(file).unwrap().mode() & 0o777 == 0o600);
    }
    assert_eq!((folder.verified_files().unwrap(), journal.entries(0).unwrap().count()), (verified, entries));
    assert_eq!(journal.session_events(&[receipt.range], session).await.unwrap().len(), 1);
    assert_eq!(journal.first_file_after(Timestamp::from_millis(2500)).unwrap(), ranges[2].start);
    drop(journal);
    let journal = folder.rotating(1 << 20);
    assert_eq!(journal.closed_files().iter().map(|segment| segment.range).collect::<Vec<_>>(), ranges);
    assert_eq!(journal.delete_files_before(ranges[1].start).unwrap(), 1);
    assert_eq!((folder.files().len(), files[0].exists()), (4, false));
}

#[test]
fn a_crash_while_a_file_is_compressed_leaves_it_once() {
    let folder = Folder::with_files(3);
    let [first, second] = [0, 1].map(|at| folder.files()[at].clone());
    let (one, other) = (fs::read(&first).unwrap(), fs::read(&second).unwrap());
    let expected = folder.verified_files().unwrap();
    folder.rotating(1 << 20).compress_closed_files(|| true).unwrap();
    // A crash before the plain file was deleted, and one while the other was written.
    fs::write(&first, one).unwrap();
    fs::write(&second, other).unwrap();
    let unfinished = compressed::name(&second).with_added_extension("new");
    fs::rename(compressed::name(&second), &unfinished).unwrap();
    assert_eq!(folder.verified_files().unwrap(), expected);
    let journal = folder.rotating(1 << 20);
    assert!(!unfinished.exists());
    assert_eq!((journal.closed_files().len(), journal.entries(0).unwrap().count() as u64), (2, expected));
    assert_eq!(journal.compress_closed_files(|| true).unwrap(), 2);
    assert!(!first.exists() && !second.exists());
    assert_eq!(folder.verified_files().unwrap(), expected);
    // A file with a damaged table counts as missing, and none of its bytes is read.
    drop(journal);
    let compressed = compressed::name(&first);
    fs::write(&compressed, &fs::read(&compressed).unwrap()[..100]).unwrap();
    assert!(matches!(folder.refusal(), JournalError::Gap { .. }));
}

#[test]
fn a_file_is_closed_when_it_was_begun_long_ago() {
    let folder = Folder::with_files(1);
    let journal = folder.rotating(1 << 20);
    let moment = |seconds: i64| Timestamp::from_millis(seconds * 1000);
    assert!(!journal.rotate_if_begun_before(moment(0), moment(9)).unwrap());
    assert!(journal.rotate_if_begun_before(moment(1), moment(9)).unwrap());
    assert!(!journal.rotate_if_begun_before(moment(1), moment(9)).unwrap(), "the new one was begun at 9");
    assert_eq!(folder.verified_files().unwrap(), 3);
}

#[test]
fn where_no_new_file_can_be_begun_the_old_one_goes_on() {
    let folder = Folder::new();
    let journal = folder.rotating(1);
    journal.append(&events(2)).unwrap();
    let obstacle = folder.path().with_extension("jsonl.new");
    fs::create_dir(&obstacle).unwrap();
    journal.append(&events(1)).unwrap();
    assert!(journal.is_healthy());
    assert_eq!((folder.verified(), folder.files().len()), (3, 1));
    fs::remove_dir(obstacle).unwrap();
    journal.append(&events(1)).unwrap();
    drop(journal);
    assert_eq!((folder.verified_files().unwrap(), folder.files().len()), (5, 2));
}

#[test]
fn a_rotation_that_fails_half_way_leaves_the_old_file_and_no_second_name_of_it() {
    let folder = Folder::new();
    let journal = folder.rotating(1);
    journal.append(&events(2)).unwrap();
    // The name for the closed file is taken.
    let taken = segments::closed_name(&folder.path(), 0);
    fs::create_dir(&taken).unwrap();
    journal.append(&events(1)).unwrap();
    assert_eq!(fs::metadata(folder.path()).unwrap().nlink(), 1);
    fs::remove_dir(taken).unwrap();
    journal.append(&events(1)).unwrap();
    drop(journal);
    assert_eq!((folder.verified_files().unwrap(), folder.files().len()), (5, 2));
}

#[test]
fn readers_see_whole_files_while_they_are_rotated_and_compressed() {
    let folder = Folder::new();
    let journal = folder.rotating(2000);
    std::thread::scope(|scope| {
        let appending = scope.spawn(|| {
            for n in 0..300 {
                journal.append(&[event(n)]).unwrap();
                if n % 20 == 0 {
                    journal.compress_closed_files(|| true).unwrap();
                }
            }
        });
        while !appending.is_finished() {
            let (bytes, _) = journal.snapshot(0).unwrap();
            verify(bytes, &key()).unwrap();
            // Beside a running service the newest line may be incomplete.
            let found = verify(folder.bytes(), &key());
            assert!(matches!(found, Ok(_) | Err(Broken { what: Fault::Torn, .. })), "{found:?}");
        }
    });
    assert!(journal.closed_files().len() > 10);
    assert_eq!(journal.entries(0).unwrap().count(), 300 + journal.closed_files().len());
}

#[test]
fn a_file_that_may_not_be_written_refuses_events() {
    let folder = Folder::with_three_events();
    let (journal, _) = folder.open().unwrap();
    // The state after a read-only remount.
    journal.writer.lock().unwrap().file = File::open(folder.path()).unwrap();
    assert_eq!(journal.append(&events(1)), Err(JournalError::Unavailable));
    assert!(!journal.is_healthy());
    drop(journal);
    assert_eq!(folder.verified(), 3);
}

#[test]
fn a_place_where_nothing_may_be_made_is_refused() {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    // No process can create files there, not even as root.
    let refused = Journal::open(Path::new("/sys/audit.jsonl"), &key()).err().unwrap();
    assert!(matches!(refused, JournalError::Open(PermissionDenied | ReadOnlyFilesystem)), "{refused}");
    let folder = Folder::new();
    fs::create_dir(folder.path()).unwrap();
    assert!(matches!(folder.refusal(), JournalError::Open(_)));
}
