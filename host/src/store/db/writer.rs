//! The writer thread: commits queued jobs in batches.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::store::StoreError;

/// Maximum number of jobs in a transaction.
const BATCH: usize = 1024;

/// A write job.
pub(in crate::store) trait Job: Send {
    /// Whether it must be synced before it is reported as done.
    fn is_durable(&self) -> bool;
    /// Whether no caller waits for it, so that it may be delayed and batched.
    fn may_wait(&self) -> bool {
        false
    }
    /// Whether it must run outside a transaction.
    fn is_alone(&self) -> bool {
        false
    }
    /// Whether `run` has more to do: it is then called again in the next transaction, so that other jobs can run in
    /// between.
    fn is_unfinished(&self) -> bool {
        false
    }
    /// Does the work, in a transaction shared with other jobs.
    fn run(&mut self, conn: &Connection);
    /// Called once, after the commit or with the error that prevented it; `run` may not have been called then.
    fn done(self: Box<Self>, failed: Option<&StoreError>);
}

/// State that jobs leave to be written once, at the end of their shared transaction.
pub(in crate::store) trait AtCommit: Send + Sync {
    /// Writes what was left since the last call.
    fn write(&self, conn: &Connection) -> Result<(), StoreError>;
    /// The transaction was rolled back: drops what was left.
    fn forget(&self);
}

/// For jobs that leave nothing.
impl AtCommit for () {
    fn write(&self, _: &Connection) -> Result<(), StoreError> {
        Ok(())
    }

    fn forget(&self) {}
}

/// A job made from a function; the result is sent through a channel.
pub(in crate::store) struct Write<T, F> {
    work: Option<F>,
    result: Result<T, StoreError>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    durable: bool,
    alone: bool,
}

type Answer<T> = oneshot::Receiver<Result<T, StoreError>>;

impl<T, F> Write<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
{
    /// A job that is synced before it is answered.
    pub(in crate::store) fn durable(work: F) -> (Box<dyn Job>, Answer<T>) {
        let (reply, answer) = oneshot::channel();
        (
            Box::new(Self { work: Some(work), result: Err(StoreError::Closed), reply, durable: true, alone: false }),
            answer,
        )
    }

    /// A job that runs outside a transaction.
    pub(in crate::store) fn alone(work: F) -> (Box<dyn Job>, Answer<T>) {
        let (reply, answer) = oneshot::channel();
        let job = Self { work: Some(work), result: Err(StoreError::Closed), reply, durable: true, alone: true };
        (Box::new(job), answer)
    }

    /// A job that survives a crash of this process once it is answered, but possibly not a power failure.
    pub(in crate::store) fn committed(work: F) -> (Box<dyn Job>, Answer<T>) {
        let (reply, answer) = oneshot::channel();
        (
            Box::new(Self { work: Some(work), result: Err(StoreError::Closed), reply, durable: false, alone: false }),
            answer,
        )
    }
}

impl<T, F> Job for Write<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
{
    fn is_durable(&self) -> bool {
        self.durable
    }

    fn is_alone(&self) -> bool {
        self.alone
    }

    fn run(&mut self, conn: &Connection) {
        if let Some(work) = self.work.take() {
            self.result = work(conn);
        }
    }

    fn done(self: Box<Self>, failed: Option<&StoreError>) {
        let result = match failed {
            Some(error) => Err(error.clone()),
            None => self.result,
        };
        // The caller may have been cancelled.
        let _ = self.reply.send(result);
    }
}

/// How long jobs that no caller waits for are gathered: one transaction instead of dozens.
const GATHER: Duration = Duration::from_millis(20);

/// Priority (`nice`) of the writer thread, below the threads that serve requests. Most of its writes are not waited
/// for; with a much lower priority it would fall behind on a busy core.
const GIVE_WAY: i32 = 4;

pub(super) fn start(
    name: &str,
    mut conn: Connection,
    mut jobs: mpsc::Receiver<Box<dyn Job>>,
    healthy: Arc<AtomicBool>,
    at_commit: Arc<dyn AtCommit>,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(format!("{name}-write")).spawn(move || {
        // If lowering the priority fails, the thread keeps the default.
        let _ = rustix::process::nice(GIVE_WAY);
        let mut batch: Vec<Box<dyn Job>> = Vec::with_capacity(BATCH);
        let mut synchronous = true;
        while !batch.is_empty() || jobs.blocking_recv_many(&mut batch, BATCH) > 0 {
            if batch.iter().all(|job| job.may_wait()) {
                thread::sleep(GATHER);
            }
            while batch.len() < BATCH
                && let Ok(job) = jobs.try_recv()
            {
                batch.push(job);
            }
            let mut alone = Vec::new();
            for at in (0..batch.len()).rev().filter(|at| batch[*at].is_alone()).collect::<Vec<_>>() {
                alone.push(batch.remove(at));
            }
            let durable = batch.iter().any(|job| job.is_durable());
            let result =
                set_pace(&conn, &mut synchronous, durable).and_then(|()| commit(&mut conn, &mut batch, &*at_commit));
            if result.is_err() {
                at_commit.forget();
            }
            healthy.store(result.is_ok(), Ordering::Relaxed);
            for job in std::mem::take(&mut batch) {
                match &result {
                    Ok(()) if job.is_unfinished() => batch.push(job),
                    result => job.done(result.as_ref().err()),
                }
            }
            for mut job in alone.into_iter().rev() {
                job.run(&conn);
                job.done(None);
            }
        }
    })
}

/// A batch that no caller waits for needs no sync of its own.
fn set_pace(conn: &Connection, synchronous: &mut bool, durable: bool) -> Result<(), StoreError> {
    if *synchronous != durable {
        conn.pragma_update(None, "synchronous", if durable { "FULL" } else { "NORMAL" })?;
        *synchronous = durable;
    }
    Ok(())
}

fn commit(conn: &mut Connection, batch: &mut [Box<dyn Job>], at_commit: &dyn AtCommit) -> Result<(), StoreError> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for job in batch {
        job.run(&transaction);
        // A full disk and similar errors end the transaction: earlier jobs are rolled back, and later ones would run
        // outside it.
        if transaction.is_autocommit() {
            return Err(StoreError::Io);
        }
    }
    at_commit.write(&transaction)?;
    Ok(transaction.commit()?)
}
