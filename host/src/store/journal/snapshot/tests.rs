use std::cell::Cell;
use std::io::BufRead;

use super::*;
use crate::audit::event::{Detail, Event, EventKind};
use crate::audit::verify::{Verified, verify};
use crate::clock::Timestamp;
use crate::keys::SecretKey;
use crate::store::journal::Journal;

fn key() -> SecretKey {
    SecretKey::new([42; 32])
}

fn event(kind: EventKind, second: i64) -> Event {
    Event::new(kind, Timestamp::from_millis(second * 1000))
}

struct Folder(tempfile::TempDir);

impl Folder {
    /// Beside the test binary, so on a disk: tmpfs may not support the ring's direct writes.
    fn new() -> Self {
        let binary = std::env::current_exe().expect("a binary");
        Self(tempfile::tempdir_in(binary.parent().expect("in a folder")).expect("a folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("audit.jsonl")
    }

    /// A journal with this many files; every event starts a new one.
    fn journal(&self, files: i64) -> Journal {
        let (journal, _) = Journal::open_rotating(&self.path(), &key(), 1, 0).expect("opens");
        (0..files).for_each(|second| append(&journal, event(EventKind::Login, second)));
        journal
    }
}

fn append(journal: &Journal, event: Event) {
    journal.append(&[event]).expect("it takes events");
}

/// A reader that calls the hook before each read.
struct InSteps<'s, R>(R, &'s dyn Fn());

impl<R: BufRead> Read for InSteps<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for InSteps<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        (self.1)();
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}

fn check(path: &Path, step: &dyn Fn()) -> Result<Verified, Broken> {
    let read = |files: &Snapshot| verify(InSteps(files.bytes(), step), &key());
    Snapshot::read_in_steps(path, step, read).expect("a journal").1
}

/// Checks a journal of several files while `change` runs between two steps of the reader: after the first, then after
/// the second, and so on; with `at_every_step`, between any two.
fn check_while(change: impl Fn(&Journal), at_every_step: bool) {
    let mut changed = true;
    for wanted in 0.. {
        if !std::mem::take(&mut changed) {
            break;
        }
        let (folder, taken, done) = (Folder::new(), Cell::new(0), Cell::new(false));
        let journal = folder.journal(5);
        let step = || {
            if taken.replace(taken.get() + 1) == wanted {
                change(&journal);
                done.set(true);
            }
        };
        let found = check(&folder.path(), &step);
        assert!(found.is_ok(), "a change at step {wanted}: {found:?}");
        changed = done.get();
    }
    if at_every_step {
        let folder = Folder::new();
        let journal = folder.journal(5);
        let found = check(&folder.path(), &|| change(&journal));
        assert!(found.is_ok(), "{found:?}");
    }
}

#[test]
fn a_journal_that_rotates_between_every_two_steps_is_sound() {
    check_while(|journal| append(journal, event(EventKind::Login, 9)), true);
}

#[test]
fn a_journal_whose_files_are_compressed_meanwhile_is_sound() {
    let compress = |journal: &Journal| {
        append(journal, event(EventKind::Login, 9));
        journal.compress_closed_files(|| true).expect("compressed");
    };
    check_while(compress, true);
}

#[test]
fn a_journal_whose_first_files_are_deleted_meanwhile_is_sound() {
    let delete = |journal: &Journal| {
        let start = journal.first_file_after(Timestamp::from_millis(4000)).expect("a place");
        append(journal, Event { detail: Some(Detail::Count(start)), ..event(EventKind::JournalTrimmed, 9) });
        assert!(journal.delete_files_before(start).expect("deleted") > 0);
    };
    check_while(delete, false);
}

#[test]
fn a_line_that_is_gone_is_found_beside_a_journal_that_rotates() {
    let folder = Folder::new();
    let journal = folder.journal(5);
    let file = journal.closed_files().remove(2).path;
    let text = fs::read_to_string(&file).expect("a file");
    fs::write(&file, text.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>()).expect("written");
    let left = Cell::new(40_u32);
    let rotate = || {
        if left.replace(left.get().saturating_sub(1)) > 0 {
            append(&journal, event(EventKind::Login, 9));
        }
    };
    assert_eq!(check(&folder.path(), &rotate).expect_err("broken").what, Fault::WrongPrevious);
    fs::remove_file(&file).expect("removed");
    left.set(40);
    assert_eq!(check(&folder.path(), &rotate).expect_err("broken").what, Fault::WrongPrevious);
}

#[test]
fn a_place_is_found_in_the_file_that_it_was_in() {
    let folder = Folder::new();
    let journal = folder.journal(3);
    let files = Snapshot::take(&folder.path(), &|| ()).expect("a journal");
    let (begins, newest) = (files.begins, fs::read(folder.path()).expect("a file"));
    append(&journal, event(EventKind::Login, 9));
    let (path, offset, mut before) = files.file_at(begins + 5);
    let mut text = Vec::new();
    before.read_to_end(&mut text).expect("read");
    assert_eq!((offset, &text[..]), (5, &newest[..5]), "the file as it was opened");
    assert_eq!(fs::read(path).expect("its name of now"), newest);
}
