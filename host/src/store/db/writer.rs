//! The thread that writes, in batches of whatever waits.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::store::StoreError;

/// Jobs in one transaction at most.
const BATCH: usize = 1024;

/// Something to write.
pub(in crate::store) trait Job: Send {
    /// Whether it must be on disk when it is done.
    fn is_durable(&self) -> bool;
    /// Whether nobody waits for it, so that it may be written a moment later, together with others.
    fn may_wait(&self) -> bool {
        false
    }
    /// Whether it must run outside of any transaction.
    fn is_alone(&self) -> bool {
        false
    }
    /// Whether there is more to write than `run` did: it is called again in the next transaction, so that others who wait
    /// come in between.
    fn is_unfinished(&self) -> bool {
        false
    }
    /// Writes, within a transaction that other jobs share.
    fn run(&mut self, conn: &Connection);
    /// Called once, after the commit, or with the reason why there was none; `run` may then not have been called.
    fn done(self: Box<Self>, failed: Option<&StoreError>);
}

/// What jobs leave to be written once, at the end of the transaction that they share.
pub(in crate::store) trait AtCommit: Send + Sync {
    /// Writes what was left since it was last asked.
    fn write(&self, conn: &Connection) -> Result<(), StoreError>;
    /// There was no commit: what was left is forgotten.
    fn forget(&self);
}

/// Jobs that leave nothing.
impl AtCommit for () {
    fn write(&self, _: &Connection) -> Result<(), StoreError> {
        Ok(())
    }

    fn forget(&self) {}
}

/// A job made of a function, which answers through a channel.
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
    /// A job that must be on disk when it is answered.
    pub(in crate::store) fn durable(work: F) -> (Box<dyn Job>, Answer<T>) {
        let (reply, answer) = oneshot::channel();
        (
            Box::new(Self { work: Some(work), result: Err(StoreError::Closed), reply, durable: true, alone: false }),
            answer,
        )
    }

    /// A job that runs outside of any transaction.
    pub(in crate::store) fn alone(work: F) -> (Box<dyn Job>, Answer<T>) {
        let (reply, answer) = oneshot::channel();
        let job = Self { work: Some(work), result: Err(StoreError::Closed), reply, durable: true, alone: true };
        (Box::new(job), answer)
    }

    /// A job that must outlive this process when it is answered, but need not outlive a power cut.
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
        // Whoever asked may have left.
        let _ = self.reply.send(result);
    }
}

/// How long rows that nobody waits for are gathered before they are written: one transaction for what would be dozens.
const GATHER: Duration = Duration::from_millis(20);

/// How much the thread gives way to those that serve: the kernel's `nice`. Nobody waits for most of what it writes; a little
/// is enough, and with much more it would not keep up with a busy core.
const GIVE_WAY: i32 = 4;

pub(super) fn start(
    name: &str,
    mut conn: Connection,
    mut jobs: mpsc::Receiver<Box<dyn Job>>,
    healthy: Arc<AtomicBool>,
    at_commit: Arc<dyn AtCommit>,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(format!("{name}-write")).spawn(move || {
        // A thread that cannot lower its priority writes with the usual one.
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

/// A batch that nobody waits for needs no sync of its own.
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
        // A full disk and the like end the transaction: what ran before is gone, what follows would stand alone.
        if transaction.is_autocommit() {
            return Err(StoreError::Io);
        }
    }
    at_commit.write(&transaction)?;
    Ok(transaction.commit()?)
}
