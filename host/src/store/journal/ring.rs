//! A second copy of the journal's newest bytes, in a preallocated file.
//!
//! Syncing an append writes the data and then commits the file's new length in a file system transaction, which also
//! waits for other processes' writes. Overwriting allocated blocks needs only the first step, so it is faster and uses
//! little CPU time. Syncs therefore go here, and the journal's own file, which has the same bytes in the page cache,
//! is synced in the background, once for each half of the ring. After a machine crash, the next start restores missing
//! bytes from the ring. A clean shutdown removes the ring.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::files;

/// Alignment of every write, as direct I/O requires. Larger than most disks' blocks.
const BLOCK: usize = 4096;

/// Size of one half of the ring: about a hundred syncs.
const HALF: usize = 1 << 20;

/// Largest write. A larger sync goes to the journal's file.
pub(super) const MOST: usize = (128 << 10) - HEAD;

/// Priority (`nice`) of the thread that syncs the journal's file: below the threads that serve requests.
const GIVE_WAY: i32 = 10;

/// Magic, offset in the journal, length, checksum.
const HEAD: usize = 8 + 8 + 4 + 16;
const MAGIC: &[u8; 8] = b"MSKRING1";

/// The ring, owned by the sync thread.
pub(super) struct Ring {
    path: PathBuf,
    file: File,
    /// Index of the half that is being written, and how much of it is filled.
    half: usize,
    used: usize,
    /// Background sync of the journal's file; the other half may be overwritten once it is done.
    flushing: Option<JoinHandle<io::Result<()>>>,
    buffer: Vec<u8>,
}

/// Path of the ring of the journal at `journal`.
pub(super) fn path_of(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".ring");
    name.into()
}

impl Ring {
    /// Creates an empty ring.
    ///
    /// # Errors
    /// When there is no space or the file system does not support direct writes; no file is left then.
    pub fn create(path: &Path) -> io::Result<Self> {
        let made = Self::try_create(path);
        if made.is_err() {
            remove(path)?;
        }
        made
    }

    fn try_create(path: &Path) -> io::Result<Self> {
        // Write zeros rather than only reserve space, so that a later write changes no metadata.
        let mut file = files::private().write(true).create(true).truncate(true).open(path)?;
        for _ in 0..2 {
            file.write_all(&vec![0; HALF])?;
        }
        file.sync_all()?;
        // Sync the folder too: for a while, acknowledged bytes may be on disk in this file only.
        super::sync_folder(path)?;
        let file = open_direct(path)?;
        Ok(Self { path: path.to_owned(), file, half: 0, used: 0, flushing: None, buffer: Vec::new() })
    }

    /// Makes room for `length` bytes: switches to the other half when this one is full.
    ///
    /// # Errors
    /// When the journal's file, which must hold the contents of the other half, could not be synced. Data may be lost
    /// then, and a second sync would not report it.
    pub fn make_room(&mut self, length: usize, journal: &Arc<File>) -> io::Result<()> {
        if self.used + record_size(length) > HALF {
            self.flushed()?;
            let file = journal.clone();
            let flush = thread::Builder::new().name("journal-flush".into()).spawn(move || {
                // If lowering the priority fails, the thread keeps the default.
                let _ = rustix::process::nice(GIVE_WAY);
                file.sync_data()
            })?;
            self.flushing = Some(flush);
            (self.half, self.used) = (1 - self.half, 0);
        }
        Ok(())
    }

    /// Writes the bytes at `offset` of the journal: at most [`MOST`], after [`Ring::make_room`]. They are on disk when
    /// this returns.
    ///
    /// # Errors
    /// When they are not on disk. The journal's file is unaffected.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let size = record_size(bytes.len());
        self.buffer.clear();
        self.buffer.resize(size + BLOCK, 0);
        let start = self.buffer.as_ptr().align_offset(BLOCK);
        let record = &mut self.buffer[start..start + size];
        record[..HEAD].copy_from_slice(&head(offset, bytes));
        record[HEAD..HEAD + bytes.len()].copy_from_slice(bytes);
        self.file.write_all_at(record, (self.half * HALF + self.used) as u64)?;
        self.used += size;
        Ok(())
    }

    fn flushed(&mut self) -> io::Result<()> {
        match self.flushing.take() {
            Some(flushing) => flushing.join().unwrap_or_else(|_| Err(io::Error::other("the background sync panicked"))),
            None => Ok(()),
        }
    }

    /// Removes the ring. The journal's file must already be synced.
    ///
    /// # Errors
    /// When its background sync failed or the ring cannot be removed.
    pub fn remove(mut self) -> io::Result<()> {
        self.flushed()?;
        remove(&self.path)
    }
}

/// Size of a record in the ring.
fn record_size(length: usize) -> usize {
    (HEAD + length).next_multiple_of(BLOCK)
}

/// Removes a ring left by an earlier process.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A contiguous part of a journal.
pub(super) struct Run {
    /// Offset at which it begins, the beginning of a line.
    pub start: u64,
    /// Its bytes, whole lines.
    pub bytes: Vec<u8>,
}

/// The newest contiguous part of the journal that the ring holds, as far as it is behind byte `from`. Every
/// acknowledged byte that is not in it is on disk in the journal's file: older bytes were flushed before they were
/// overwritten, and at a gap the file was synced instead of the ring.
///
/// The caller checks by the hash chain that the bytes belong to this journal.
pub(super) fn newest_run(path: &Path, from: u64) -> io::Result<Option<Run>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(2 * HALF as u64).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let begins = (0..bytes.len()).step_by(BLOCK);
    let mut records: Vec<(u64, &[u8])> = begins.filter_map(|at| record(&bytes[at..])).collect();
    records.retain(|(offset, _)| *offset >= from);
    records.sort_by_key(|(offset, _)| *offset);
    let mut run: Option<Run> = None;
    for (offset, bytes) in records {
        match &mut run {
            Some(run) if run.start + run.bytes.len() as u64 == offset => run.bytes.extend_from_slice(bytes),
            run => *run = Some(Run { start: offset, bytes: bytes.to_vec() }),
        }
    }
    Ok(run)
}

/// The record that begins here, if it is complete.
fn record(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (start, rest) = bytes.split_at_checked(HEAD)?;
    let offset = u64::from_le_bytes(start[8..16].try_into().ok()?);
    let length = u32::from_le_bytes(start[16..20].try_into().ok()?) as usize;
    let body = rest.get(..length)?;
    (start == head(offset, body)).then_some((offset, body))
}

fn head(offset: u64, bytes: &[u8]) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(MAGIC);
    head[8..16].copy_from_slice(&offset.to_le_bytes());
    // At most `MOST`.
    head[16..20].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
    let mut hasher = blake3::Hasher::new();
    hasher.update(&head[..20]).update(bytes);
    head[20..].copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    head
}

#[cfg(target_os = "linux")]
fn open_direct(path: &Path) -> io::Result<File> {
    use std::fs::OpenOptions;
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;
    let flags = OFlags::DIRECT | OFlags::DSYNC;
    OpenOptions::new().write(true).custom_flags(flags.bits() as i32).open(path)
}

#[cfg(not(target_os = "linux"))]
fn open_direct(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        folder: tempfile::TempDir,
        ring: Ring,
        journal: Arc<File>,
        end: u64,
    }

    impl Fixture {
        /// Beside the test binary, so on a disk: tmpfs may not support direct writes.
        fn new() -> Self {
            let binary = std::env::current_exe().unwrap();
            let folder = tempfile::tempdir_in(binary.parent().unwrap()).unwrap();
            let ring = Ring::create(&folder.path().join("ring")).unwrap();
            let journal = Arc::new(tempfile::tempfile().unwrap());
            Self { folder, ring, journal, end: 0 }
        }

        fn write(&mut self, length: usize) {
            let bytes: Vec<u8> = (self.end..self.end + length as u64).map(byte).collect();
            self.ring.make_room(length, &self.journal).unwrap();
            self.ring.write(self.end, &bytes).unwrap();
            self.end += length as u64;
        }

        fn run(&self, from: u64) -> Option<(u64, Vec<u8>)> {
            newest_run(&self.folder.path().join("ring"), from).unwrap().map(|run| (run.start, run.bytes))
        }
    }

    /// Test content: each byte is a function of its offset.
    fn byte(at: u64) -> u8 {
        (at * 31 % 251) as u8 | 1
    }

    fn stretch(start: u64, end: u64) -> Option<(u64, Vec<u8>)> {
        Some((start, (start..end).map(byte).collect()))
    }

    #[test]
    fn what_was_written_one_after_the_other_is_one_run() {
        let mut fixture = Fixture::new();
        assert_eq!(fixture.run(0), None);
        for length in [10, 1, 5000, 300, MOST] {
            fixture.write(length);
        }
        assert_eq!(fixture.run(0), stretch(0, fixture.end));
        assert_eq!(fixture.run(5), stretch(10, fixture.end), "from the first record behind it");
        assert_eq!(fixture.run(fixture.end), None);
    }

    #[test]
    fn the_ring_goes_round_and_keeps_at_least_a_half() {
        let mut fixture = Fixture::new();
        let half = (HALF / 8192 * 7000) as u64;
        for round in 1..900 {
            fixture.write(7000);
            if round % 50 == 0 {
                let (start, bytes) = fixture.run(0).unwrap();
                assert!(start == 0 || fixture.end - start >= half, "{round}: {start}");
                assert_eq!(Some((start, bytes)), stretch(start, fixture.end));
            }
        }
    }

    #[test]
    fn a_record_that_a_crash_left_torn_is_none() {
        let mut fixture = Fixture::new();
        fixture.write(6000);
        let torn_at = fixture.end;
        fixture.write(6000);
        let file = File::options().write(true).open(fixture.folder.path().join("ring")).unwrap();
        // The second block of the second record was not written.
        file.write_all_at(&[0; BLOCK], 3 * BLOCK as u64).unwrap();
        assert_eq!(fixture.run(0), stretch(0, torn_at));
    }

    #[test]
    fn a_gap_ends_what_is_older() {
        let mut fixture = Fixture::new();
        fixture.write(100);
        // Too large for the ring, so synced in the journal's file.
        fixture.end += 1_000_000;
        let start = fixture.end;
        fixture.write(50);
        fixture.write(60);
        assert_eq!(fixture.run(0), stretch(start, fixture.end));
    }

    #[test]
    fn it_is_removed() {
        let fixture = Fixture::new();
        fixture.ring.remove().unwrap();
        assert!(!fixture.folder.path().join("ring").exists());
    }
}
