//! The journal: append-only, hash-chained JSON lines, synced to disk before the first byte of a response is sent.
//!
//! [`Journal::append`] is one `write(2)` into the page cache, so async code may call it; [`Journal::synced`] waits for
//! the group commit of the sync thread (`journal/sync.rs`). A failed write is rolled back, and later writes are tried
//! again. The first failed sync is final: the kernel may have dropped the bytes, so nothing is appended until a
//! restart has checked the file.

pub(crate) mod checkpoint;
mod compressed;
mod error;
mod open_sessions;
mod read;
mod ring;
mod rotate;
mod segments;
mod snapshot;
mod sync;
mod tail;

use std::fs::{File, Permissions};
use std::future::Future;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

pub use error::JournalError;
pub(super) use open_sessions::OpenSessions;
pub use read::{Entries, JournalEntry};
use segments::Segments;
pub use segments::{Bytes, Segment};
pub(crate) use snapshot::Snapshot;

use crate::audit::chain::{Chain, Hash};
use crate::audit::event::{Event, EventKind};
use crate::audit::verify::MAX_LINE;
use crate::files;
use crate::ids::SessionId;
use crate::keys::SecretKey;
use crate::session::ByteRange;
use sync::Syncer;

/// The journal, open for appending by this process only.
pub struct Journal {
    path: PathBuf,
    /// Size in bytes above which the file is rotated.
    rotate_at: u64,
    segments: Arc<Segments>,
    writer: Mutex<Writer>,
    syncer: Syncer,
    open_sessions: Arc<OpenSessions>,
    /// The last append failed.
    refusing: AtomicBool,
}

/// What recovery did when the journal was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recovered {
    /// Bytes of a torn line that were removed.
    pub truncated: u64,
    /// Bytes lost in a machine crash that were restored from the ring.
    pub restored: u64,
    /// Length of the journal.
    pub end: u64,
    /// `this_hash` of its last event; 64 zeros when it is empty.
    pub end_hash: Hash,
}

/// Proof that events were appended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// `this_hash` of each event, in order: the leaves of the session's Merkle tree.
    pub hashes: Vec<Hash>,
    /// Their byte range in the journal.
    pub range: ByteRange,
}

struct Writer {
    file: File,
    chain: Chain,
    /// Byte of the journal at which the file begins.
    segment: u64,
    end: u64,
    /// End of the journal at which the next rotation is due.
    rotate_from: u64,
    /// Part of a failed write may be left behind the end.
    torn: bool,
    buffer: Vec<u8>,
}

impl Journal {
    /// Opens or creates a journal (mode 0600) and locks it until the process exits.
    ///
    /// The last lines must verify under `audit_key`; a torn write behind them is cut off.
    pub fn open(path: &Path, audit_key: &SecretKey) -> Result<(Self, Recovered), JournalError> {
        Self::open_rotating(path, audit_key, u64::MAX, 0)
    }

    /// The same, with rotation whenever the newest file is longer than `rotate_at`. Nothing before byte `remembered`
    /// is cut off: the database has the sessions up to there.
    pub fn open_rotating(
        path: &Path,
        audit_key: &SecretKey,
        rotate_at: u64,
        remembered: u64,
    ) -> Result<(Self, Recovered), JournalError> {
        if let (false, Some(last)) = (path.exists(), segments::list(path)?.last()) {
            return Err(JournalError::Gap { offset: last.range.end });
        }
        let is_new = !path.exists();
        let mut file = open_file(path)?;
        rotate::tidy_up(path)?;
        rotate::remove_unfinished(path)?;
        let segments = Segments::find(path)?;
        let ring = ring::path_of(path);
        // Do not restore a journal that was deleted.
        let run = if is_new { None } else { ring::newest_run(&ring, segments.newest())? };
        let mut restored = 0;
        if let Some(run) = run {
            restored = tail::restore(&mut file, segments.newest(), audit_key, &run)?;
            // Bytes in the file may be on disk in the ring only.
            file.sync_all()?;
        }
        let recovered = Recovered { restored, ..tail::recover(&file, segments.newest(), remembered, audit_key)? };
        ring::remove(&ring)?;
        sync_folder(path)?;
        let syncer = Syncer::start(file.try_clone()?, recovered.end, ring)?;
        let journal = Self {
            path: path.to_owned(),
            rotate_at,
            writer: Mutex::new(Writer {
                file,
                chain: Chain::new(audit_key, recovered.end_hash),
                segment: segments.newest(),
                end: recovered.end,
                rotate_from: segments.newest().saturating_add(rotate_at),
                torn: false,
                buffer: Vec::new(),
            }),
            syncer,
            segments: Arc::new(segments),
            open_sessions: Arc::new(OpenSessions::new(recovered.end)),
            refusing: AtomicBool::new(false),
        };
        Ok((journal, recovered))
    }

    /// Appends these events in one write. From here on they survive a crash of this process, and after
    /// [`Journal::synced`] a crash of the machine.
    pub fn append(&self, events: &[Event]) -> Result<Receipt, JournalError> {
        let mut writer = self.writer.lock().map_err(|_| JournalError::Unavailable)?;
        if self.syncer.failed() {
            return Err(JournalError::Unavailable);
        }
        if let (true, Some(first)) = (writer.end >= writer.rotate_from, events.first()) {
            self.rotate(&mut writer, first.ts)?;
        }
        let before = writer.chain.end();
        let (receipt, opened) = writer.line_up(events)?;
        let written = writer.write();
        self.refusing.store(written.is_err(), Ordering::Relaxed);
        if written.is_err() {
            writer.chain.rewind(before);
            return Err(JournalError::Unavailable);
        }
        self.syncer.wrote(&writer.buffer);
        self.open_sessions.appended(receipt.range.end, opened);
        Ok(receipt)
    }

    /// Resolves when the events of `receipt` are on disk. The sync is requested now, not at the first poll.
    pub fn synced(&self, receipt: &Receipt) -> impl Future<Output = Result<(), JournalError>> + Send + 'static + use<> {
        self.syncer.synced(receipt.range.end)
    }

    /// Whether the journal accepts events. After a failed write this tries another one, since a service that is
    /// reported unhealthy may get no request that would.
    pub(crate) fn is_healthy(&self) -> bool {
        if !self.syncer.failed() && self.refusing.load(Ordering::Relaxed) {
            let takes_bytes = self.writer.lock().is_ok_and(|mut writer| writer.try_bytes().is_ok());
            self.refusing.store(!takes_bytes, Ordering::Relaxed);
        }
        !self.syncer.failed() && !self.refusing.load(Ordering::Relaxed)
    }

    /// Path of the newest file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Current length and last hash, for an external anchor.
    pub fn end(&self) -> Result<(u64, Hash), JournalError> {
        let writer = self.writer.lock().map_err(|_| JournalError::Unavailable)?;
        Ok((writer.end, writer.chain.end()))
    }

    /// The byte at which the journal begins: 0 unless its first files were deleted.
    pub fn start(&self) -> u64 {
        self.segments.start()
    }

    /// The events from byte `from`, which must be the beginning of a line, to the current end. Reads the disk: not for
    /// async code.
    pub fn entries(&self, from: u64) -> Result<Entries, JournalError> {
        Entries::open(&self.segments, ByteRange { start: from.max(self.start()), end: self.end()?.0 })
    }

    /// The current files, for a check. They stay readable whatever happens to the journal.
    pub(crate) fn reading(&self) -> Result<Reading, JournalError> {
        Ok(Reading { segments: self.segments.clone(), end: self.end()?.0 })
    }

    /// The bytes from `from` to the current end, and that end. Reads the disk: not for async code.
    pub fn snapshot(&self, from: u64) -> Result<(Bytes, u64), JournalError> {
        let end = self.end()?.0;
        Ok((self.segments.open(ByteRange { start: from.max(self.start()), end })?, end))
    }

    /// The text of a line, without its line break. Reads the disk: not for async code.
    pub fn line(&self, range: ByteRange) -> Result<String, JournalError> {
        let unreadable = |_| JournalError::Unreadable { offset: range.start };
        let mut line = String::new();
        self.segments.open(range)?.take(MAX_LINE as u64).read_to_string(&mut line).map_err(unreadable)?;
        Ok(line.trim_end_matches('\n').to_owned())
    }

    /// The events within these ranges of whole lines, in order.
    pub(crate) fn events_within(
        &self,
        ranges: &[ByteRange],
    ) -> impl Iterator<Item = Result<JournalEntry, JournalError>> {
        let segments = self.segments.clone();
        ranges.iter().copied().flat_map(move |range| {
            let (entries, failed) = match Entries::open(&segments, range) {
                Ok(entries) => (Some(entries), None),
                Err(error) => (None, Some(Err(error))),
            };
            failed.into_iter().chain(entries.into_iter().flatten())
        })
    }

    /// The events of a session, found within `ranges`.
    pub async fn session_events(
        &self,
        ranges: &[ByteRange],
        session: SessionId,
    ) -> Result<Vec<JournalEntry>, JournalError> {
        let (segments, ranges) = (self.segments.clone(), ranges.to_vec());
        let read = move || read::session_events(&segments, &ranges, session);
        tokio::task::spawn_blocking(read).await.map_err(|_| JournalError::Unavailable)?
    }

    /// Syncs what was appended and joins the thread. Dropping does the same but ignores the result.
    pub fn close(mut self) -> Result<(), JournalError> {
        self.syncer.stop()
    }

    pub(super) fn open_sessions(&self) -> Arc<OpenSessions> {
        self.open_sessions.clone()
    }
}

/// A journal up to its end at one moment.
#[derive(Clone)]
pub(crate) struct Reading {
    segments: Arc<Segments>,
    /// One byte past its last.
    pub end: u64,
}

impl Reading {
    /// The byte at which it begins now.
    pub fn begins(&self) -> u64 {
        self.segments.start()
    }

    /// The bytes from `from` on.
    pub fn bytes(&self, from: u64) -> Result<Bytes, JournalError> {
        self.segments.open(ByteRange { start: from.max(self.begins()), end: self.end })
    }
}

impl Writer {
    /// Serialises the events into the buffer and advances the chain.
    fn line_up(&mut self, events: &[Event]) -> Result<(Receipt, Vec<(SessionId, u64)>), JournalError> {
        let before = self.chain.end();
        let mut hashes = Vec::with_capacity(events.len());
        let mut opened = Vec::new();
        self.buffer.clear();
        for event in events {
            let start = self.buffer.len();
            hashes.push(self.chain.push(event, &mut self.buffer));
            self.buffer.push(b'\n');
            if self.buffer.len() - start > MAX_LINE {
                self.chain.rewind(before);
                return Err(JournalError::TooLong);
            }
            if let (EventKind::SessionOpened, Some(session)) = (event.kind, event.session_id) {
                opened.push((session, self.end + start as u64));
            }
        }
        let range = ByteRange { start: self.end, end: self.end + self.buffer.len() as u64 };
        Ok((Receipt { hashes, range }, opened))
    }

    /// Writes the buffer. On failure, truncates what was partly written, now or before the next write. If the process
    /// ends first, the next open cuts it off.
    fn write(&mut self) -> std::io::Result<()> {
        if self.torn {
            self.take_back()?;
        }
        if let Err(error) = self.file.write_all(&self.buffer) {
            self.torn = true;
            let _ = self.take_back();
            return Err(error);
        }
        self.end += self.buffer.len() as u64;
        Ok(())
    }

    /// Writes a probe that is not a line, and truncates it.
    fn try_bytes(&mut self) -> std::io::Result<()> {
        self.take_back()?;
        self.torn = true;
        self.file.write_all(&[b' '; 4096])?;
        self.take_back()
    }

    fn take_back(&mut self) -> std::io::Result<()> {
        self.file.set_len(self.end - self.segment)?;
        self.torn = false;
        Ok(())
    }
}

fn open_file(path: &Path) -> Result<File, JournalError> {
    let file = files::private().read(true).append(true).create(true).open(path)?;
    if !super::lock::lock(&file)? {
        return Err(JournalError::InUse);
    }
    if !file.metadata()?.is_file() {
        return Err(JournalError::Open(std::io::ErrorKind::InvalidInput));
    }
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// A new file survives a crash only once its folder is synced too.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    File::open(segments::folder_of(path).unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests;
