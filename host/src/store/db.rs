//! One database file: one writer thread, a few reader threads, and their queues.
//!
//! The writer commits all queued jobs as one transaction, so that they share one sync. A failed statement is rolled
//! back and fails only its own job; a failed commit fails every job of the batch.

mod reader;
mod writer;

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::M;
use tokio::sync::{mpsc, oneshot};

use super::{StoreError, lock, migrations};
use crate::files;
use writer::{Job, Write};

/// Timeout for a lock held by another process.
const BUSY: Duration = if cfg!(test) { Duration::from_millis(20) } else { Duration::from_secs(5) };
/// Queue length, for the writer and for all readers together.
const QUEUE: usize = 4096;
/// Free pages returned to the file system per transaction.
const GIVE_BACK: usize = 64;
const READERS: usize = 2;
/// Timeout of a health check.
const HEALTH: Duration = Duration::from_secs(1);

/// What distinguishes the two databases.
pub(super) struct Kind {
    name: &'static str,
    /// Name in messages.
    pub(super) what: &'static str,
    /// The setting with its path.
    pub(super) variable: &'static str,
    migrations: &'static [M<'static>],
    /// Pages in the write-ahead log before a checkpoint. With a longer log, a page that many transactions change is
    /// copied less often.
    checkpoint_pages: u32,
}

pub(super) const MAIN: Kind = Kind {
    name: "db",
    what: "the database",
    variable: "MASKER_DATABASE_URL",
    migrations: migrations::MAIN,
    checkpoint_pages: 1000,
};
pub(super) const VAULT: Kind = Kind {
    name: "vault",
    what: "the vault",
    variable: "MASKER_VAULT_PATH",
    migrations: migrations::VAULT,
    checkpoint_pages: 4000,
};

/// Page cache that a connection adds, in KiB. SQLite is built with one shared pool: the writer also uses what the
/// readers add, so the sum is used up over time.
const CACHE_KIB: i64 = 256;

/// A database. Dropping it writes what is queued and joins its threads.
pub(super) struct Db {
    writes: Option<mpsc::Sender<Box<dyn Job>>>,
    reads: Option<mpsc::Sender<reader::Read>>,
    writer: Option<JoinHandle<()>>,
    readers: Vec<JoinHandle<()>>,
    healthy: Arc<AtomicBool>,
    path: PathBuf,
    /// Released last, once all connections are closed.
    _lock: File,
}

impl Db {
    /// Opens or creates the file, runs pending migrations, then `first`. `at_commit` runs at the end of each
    /// transaction, to write what the jobs left for it.
    pub(super) fn open<T>(
        path: &Path,
        kind: &Kind,
        at_commit: Arc<dyn AtCommit>,
        first: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<(Self, T), StoreError> {
        Self::try_open(path, kind, at_commit, first).map_err(|error| error.opening(kind, path))
    }

    fn try_open<T>(
        path: &Path,
        kind: &Kind,
        at_commit: Arc<dyn AtCommit>,
        first: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<(Self, T), StoreError> {
        let lock = lock(path)?;
        let writer = open_writer(path, kind)?;
        let first = first(&writer)?;
        let readers = (0..READERS).map(|_| open_reader(path)).collect::<Result<Vec<_>, _>>()?;
        let (writes, jobs) = mpsc::channel(QUEUE);
        let (reads, questions) = mpsc::channel(QUEUE);
        let healthy = Arc::new(AtomicBool::new(true));
        let db = Self {
            writes: Some(writes),
            reads: Some(reads),
            writer: Some(writer::start(kind.name, writer, jobs, healthy.clone(), at_commit)?),
            readers: reader::start(kind.name, readers, questions)?,
            healthy,
            path: path.to_owned(),
            _lock: lock,
        };
        Ok((db, first))
    }

    /// Runs a query on a reader.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let read = Box::new(move |conn: &Connection| {
            let _ = reply.send(question(conn));
        });
        self.reads.as_ref().ok_or(StoreError::Closed)?.send(read).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs a job on the writer; resolves once it is committed and synced, whatever the database's sync mode.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, answer) = Write::durable(work);
        self.enqueue(job).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// As [`Db::write`], but a power failure may lose it until a later sync.
    pub(super) async fn write_unsynced<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, answer) = Write::committed(work);
        self.enqueue(job).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Returns free pages to the file system and empties the write-ahead log, in small steps that other writes may
    /// interleave. Deleted data is already overwritten (`secure_delete`), including in pages that were split or
    /// merged.
    pub(super) async fn compact(&self) -> Result<(), StoreError> {
        while self.write_unsynced(give_back).await? == GIVE_BACK {}
        // Copies most of the log while other writes proceed; they only wait for the rest.
        self.copy_log().await?;
        let (job, answer) = Write::alone(empty_log);
        self.enqueue(job).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Copies the log into the database without blocking reads and writes.
    pub(super) async fn copy_log(&self) -> Result<(), StoreError> {
        let path = self.path.clone();
        let copy = move || -> Result<(), StoreError> {
            let conn = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | NO_MUTEX)?;
            set_up(&conn)?;
            Ok(conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
        };
        tokio::task::spawn_blocking(copy).await.map_err(|_| StoreError::Closed)?
    }

    /// Queues a job; waits while the queue is full.
    pub(super) async fn enqueue(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.writes.as_ref().ok_or(StoreError::Closed)?.send(job).await.map_err(|_| StoreError::Closed)
    }

    /// Queues a job, or says that the queue is full.
    pub(super) fn try_enqueue(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.writes.as_ref().ok_or(StoreError::Closed)?.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })
    }

    /// Whether the last batch was committed and a reader answers.
    pub(super) async fn is_healthy(&self) -> bool {
        let ask = self.read(|conn| Ok(conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?));
        self.healthy.load(Ordering::Relaxed) && matches!(tokio::time::timeout(HEALTH, ask).await, Ok(Ok(())))
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        // The last connection to close runs the final checkpoint, which a reader is not allowed to do.
        self.reads = None;
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        self.writes = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

pub(super) use writer::{AtCommit, Job as WriteJob, Write as Writing};

/// Keeps other Masker processes away from a database. The lock is on a separate file: closing any descriptor of the
/// database itself would release SQLite's own locks.
fn lock(path: &Path) -> Result<File, StoreError> {
    let file = files::private().write(true).create(true).truncate(false).open(with_ending(path, "-lock"))?;
    let deadline = Instant::now() + BUSY;
    while !lock::lock(&file)? {
        if Instant::now() > deadline {
            return Err(StoreError::Locked);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(file)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn open_writer(path: &Path, kind: &Kind) -> Result<Connection, StoreError> {
    // SQLite creates the log and the shared memory file with the mode of the database.
    let file = files::private().write(true).create(true).truncate(false).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    drop(file);
    let mut conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | NO_MUTEX)?;
    set_up(&conn)?;
    // Only takes effect on a new file.
    conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "wal_autocheckpoint", kind.checkpoint_pages)?;
    migrations::run(&mut conn, kind.migrations)?;
    Ok(conn)
}

/// Returns free pages at the end of the file to the file system, if the file was created with `auto_vacuum`; returns
/// how many.
fn give_back(conn: &Connection) -> Result<usize, StoreError> {
    let mut query = conn.prepare_cached(&format!("PRAGMA incremental_vacuum({GIVE_BACK})"))?;
    let (mut rows, mut pages) = (query.query([])?, 0);
    while rows.next()?.is_some() {
        pages += 1;
    }
    Ok(pages)
}

/// Copies the rest of the log into the database and truncates it. Waits for readers up to the lock timeout.
fn empty_log(conn: &Connection) -> Result<(), StoreError> {
    let busy: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy == 0 { Ok(()) } else { Err(StoreError::Locked) }
}

/// A read-only connection.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | NO_MUTEX)?;
    set_up(&conn)?;
    Ok(conn)
}

/// Each connection stays on one thread.
const NO_MUTEX: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;

fn set_up(conn: &Connection) -> Result<(), StoreError> {
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(64);
    conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

#[cfg(test)]
mod tests;
