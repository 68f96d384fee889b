//! One database file: one thread that writes, a few that read, and the queues before them.
//!
//! The writer takes whatever waits and commits it as one transaction, so that a sync is paid once for many. A statement
//! that fails undoes itself and fails its own job; a commit that fails, fails every job of the batch.

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

/// How long a lock of another process is waited for.
const BUSY: Duration = if cfg!(test) { Duration::from_millis(20) } else { Duration::from_secs(5) };
/// Jobs that may wait, for the writer and for all readers together.
const QUEUE: usize = 4096;
/// Free pages that are given back to the file system in one transaction.
const GIVE_BACK: usize = 64;
const READERS: usize = 2;
/// A health check that takes longer is a no.
const HEALTH: Duration = Duration::from_secs(1);

/// What sets one database apart from another.
pub(super) struct Kind {
    name: &'static str,
    /// For people.
    pub(super) what: &'static str,
    /// The setting that says where it is.
    pub(super) variable: &'static str,
    migrations: &'static [M<'static>],
    /// Pages of the write-ahead log before it is copied into the database. A longer log copies a page that many
    /// transactions touched only once.
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

/// Memory for pages, in KiB, that a connection brings. SQLite is built with one pool for all of them: a writer takes what
/// readers brought, so it is the sum that is used up in time.
const CACHE_KIB: i64 = 256;

/// A database. Dropping it writes what is queued and ends its threads.
pub(super) struct Db {
    writes: Option<mpsc::Sender<Box<dyn Job>>>,
    reads: Option<mpsc::Sender<reader::Read>>,
    writer: Option<JoinHandle<()>>,
    readers: Vec<JoinHandle<()>>,
    healthy: Arc<AtomicBool>,
    path: PathBuf,
    /// Goes last, once all connections are closed.
    _lock: File,
}

impl Db {
    /// Opens or creates the file, runs the migrations it lacks, then `first`. What jobs leave to `at_commit` is written with
    /// them.
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

    /// Runs on a reader.
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

    /// Runs on the writer; ends when it is committed, and on disk whatever the database's pace.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, answer) = Write::durable(work);
        self.enqueue(job).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// As [`Db::write`], but a power cut may take it until something else is synced.
    pub(super) async fn write_unsynced<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, answer) = Write::committed(work);
        self.enqueue(job).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Gives free space back to the file system and empties the log, in small steps; other writes come between them. What is
    /// deleted is overwritten at once (`secure_delete`), in pages that are split and merged too.
    pub(super) async fn compact(&self) -> Result<(), StoreError> {
        while self.write_unsynced(give_back).await? == GIVE_BACK {}
        // Most of the log is copied while others write; they wait for the rest only.
        self.copy_log().await?;
        let (job, answer) = Write::alone(empty_log);
        self.enqueue(job).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Copies what is in the log into the database, while others read and write.
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
        // Whoever closes the database last copies the log into it, which a reader may not.
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

/// Keeps every other process of Masker away from a database. The lock is on a file of its own: closing any descriptor of the
/// database itself would release the locks of SQLite.
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
    // SQLite gives the log and the shared memory the mode of the database.
    let file = files::private().write(true).create(true).truncate(false).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    drop(file);
    let mut conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | NO_MUTEX)?;
    set_up(&conn)?;
    // Only a new file takes this on.
    conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "wal_autocheckpoint", kind.checkpoint_pages)?;
    migrations::run(&mut conn, kind.migrations)?;
    Ok(conn)
}

/// Gives free pages at the end of the file back to the file system, in a file that was made so that it can
/// (`auto_vacuum`); says how many.
fn give_back(conn: &Connection) -> Result<usize, StoreError> {
    let mut query = conn.prepare_cached(&format!("PRAGMA incremental_vacuum({GIVE_BACK})"))?;
    let (mut rows, mut pages) = (query.query([])?, 0);
    while rows.next()?.is_some() {
        pages += 1;
    }
    Ok(pages)
}

/// Copies what is left of the log into the database and empties it. Waits for readers, as long as for any lock.
fn empty_log(conn: &Connection) -> Result<(), StoreError> {
    let busy: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy == 0 { Ok(()) } else { Err(StoreError::Locked) }
}

/// A connection that only reads.
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
