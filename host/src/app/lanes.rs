//! Lanes: bounded queues for expensive work requested over the API.
//!
//! A lane runs a fixed number of jobs at once and has a bounded queue per account and in total; requests beyond that
//! are rejected immediately. An account runs one job at a time, so that one caller cannot fill a lane. A job keeps its
//! place until it ends, even if its request is cancelled. Such a job is cancelled, and so is every job when the server
//! stops; jobs check for this between steps ([`Cancel::check`]).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ids::AccountId;

/// Jobs of one account in a lane: one running, the others queued.
const PLACES_OF_ACCOUNT: usize = 8;
/// Jobs of all accounts in a lane.
const PLACES: usize = 64;

/// Why a job was not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The queue is full.
    #[error("too many jobs of this kind are waiting; try again in a few seconds")]
    Busy,
    /// The server is stopping, or the job panicked.
    #[error("the server stopped the job before it finished")]
    Stopped,
}

/// The lanes of a server. No lane waits for another one.
#[derive(Default)]
pub struct Lanes {
    /// Changes of agents, policies and plugins, which compile.
    pub changes: Lane,
    /// Policies that are tried out, which compile but change nothing.
    pub trials: Lane,
}

impl Lanes {
    /// Cancels running jobs and rejects queued ones.
    pub fn stop(&self) {
        [&self.changes, &self.trials].into_iter().for_each(Lane::stop);
    }
}

/// A queue that runs one job at a time.
#[derive(Clone)]
pub struct Lane(Arc<Shared>);

struct Shared {
    running: Arc<Semaphore>,
    stopped: AtomicBool,
    inside: Mutex<HashMap<Option<AccountId>, Queue>>,
}

/// The jobs of one account.
struct Queue {
    jobs: usize,
    turn: Arc<Semaphore>,
}

impl Default for Lane {
    fn default() -> Self {
        let running = Arc::new(Semaphore::new(1));
        Self(Arc::new(Shared { running, stopped: AtomicBool::new(false), inside: Mutex::default() }))
    }
}

impl Lane {
    /// Waits for an account's turn; `None` is the install itself.
    pub async fn enter(&self, account: Option<AccountId>) -> Result<Ticket, Refused> {
        let (place, turn) = self.place(account)?;
        let turn = turn.acquire_owned().await.map_err(|_| Refused::Stopped)?;
        Ok(Ticket { lane: self.0.clone(), held: Arc::new((turn, place)) })
    }

    fn place(&self, account: Option<AccountId>) -> Result<(LanePermit, Arc<Semaphore>), Refused> {
        let mut inside = self.0.inside();
        let all: usize = inside.values().map(|queue| queue.jobs).sum();
        let own = inside.get(&account).map_or(0, |queue| queue.jobs);
        if all >= PLACES || own >= PLACES_OF_ACCOUNT {
            return Err(Refused::Busy);
        }
        let queue = inside.entry(account).or_insert_with(|| Queue { jobs: 0, turn: Arc::new(Semaphore::new(1)) });
        queue.jobs += 1;
        Ok((LanePermit { lane: self.0.clone(), account }, queue.turn.clone()))
    }

    fn stop(&self) {
        self.0.stopped.store(true, Ordering::Relaxed);
        self.0.running.close();
    }
}

impl Shared {
    fn inside(&self) -> MutexGuard<'_, HashMap<Option<AccountId>, Queue>> {
        // Every change of the map is a single call, so a poisoned lock is safe to use.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in an account's queue.
struct LanePermit {
    lane: Arc<Shared>,
    account: Option<AccountId>,
}

impl Drop for LanePermit {
    fn drop(&mut self) {
        let mut inside = self.lane.inside();
        if let Some(queue) = inside.get_mut(&self.account) {
            queue.jobs -= 1;
            if queue.jobs == 0 {
                inside.remove(&self.account);
            }
        }
    }
}

/// An account's turn in a lane: it may run jobs one after another.
pub struct Ticket {
    lane: Arc<Shared>,
    /// Drop order: the next job gets its turn before this place is counted as free.
    held: Arc<(OwnedSemaphorePermit, LanePermit)>,
}

impl Ticket {
    /// Runs a job on a thread for blocking work, once no other job of the lane runs.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce(&Cancel) -> T + Send + 'static) -> Result<T, Refused> {
        let slot = self.lane.running.clone().acquire_owned().await.map_err(|_| Refused::Stopped)?;
        let cancel = Cancel { gone: Arc::default(), lane: Some(self.lane.clone()) };
        let _request = Gone(cancel.gone.clone());
        let held = self.held.clone();
        let running = tokio::task::spawn_blocking(move || {
            let _until_it_ends = (slot, held);
            job(&cancel)
        });
        running.await.map_err(|_| Refused::Stopped)
    }
}

/// Cancels a job whose request was dropped.
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Tells a job whether its result is still needed.
pub struct Cancel {
    gone: Arc<AtomicBool>,
    lane: Option<Arc<Shared>>,
}

impl Cancel {
    /// For work that no request asked for: it is never cancelled.
    pub fn never() -> Self {
        Self { gone: Arc::default(), lane: None }
    }

    /// Whether the job should end.
    pub fn is_set(&self) -> bool {
        let stopped = self.lane.as_ref().is_some_and(|lane| lane.stopped.load(Ordering::Relaxed));
        stopped || self.gone.load(Ordering::Relaxed)
    }

    /// Returns an error if the job should end.
    pub fn check(&self) -> Result<(), Refused> {
        if self.is_set() { Err(Refused::Stopped) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::task::Poll;

    use futures_util::poll;

    use super::*;

    /// A job that signals its start and ends when told to.
    fn gated() -> (impl FnOnce(&Cancel) -> bool + Send + 'static, tokio::sync::oneshot::Receiver<()>, Sender<()>) {
        let (began, begun) = tokio::sync::oneshot::channel();
        let (open, gate): (Sender<()>, Receiver<()>) = channel();
        let job = move |cancel: &Cancel| {
            let _ = began.send(());
            let _ = gate.recv();
            cancel.is_set()
        };
        (job, begun, open)
    }

    fn account() -> Option<AccountId> {
        Some(AccountId::generate())
    }

    #[tokio::test]
    async fn a_job_keeps_its_place_when_its_request_is_gone_and_is_told_to_end() {
        let lane = Lane::default();
        let own = account();
        let (job, begun, open) = gated();
        let (told, hear) = tokio::sync::oneshot::channel();
        let ticket = lane.enter(own).await.expect("a turn");
        let mut request = Box::pin(async move {
            ticket
                .run(move |cancel| {
                    let _ = told.send(job(cancel));
                })
                .await
        });
        assert!(poll!(&mut request).is_pending());
        begun.await.expect("it runs");
        drop(request);
        let mut same = Box::pin(lane.enter(own));
        assert!(poll!(&mut same).is_pending(), "an account runs one job at a time, even if its request was dropped");
        let other = lane.enter(account()).await.expect("a turn of its own");
        let mut run = Box::pin(other.run(|_| ()));
        assert!(poll!(&mut run).is_pending(), "one job runs at a time");
        open.send(()).expect("it waits");
        assert!(hear.await.expect("it ended"), "it was told");
        run.await.expect("it runs now");
        same.await.expect("it got its turn");
    }

    #[tokio::test]
    async fn an_account_and_all_accounts_have_a_limit() {
        let lane = Lane::default();
        let own = account();
        let first = lane.enter(own).await.expect("a turn");
        let mut waiting: Vec<_> = (1..PLACES_OF_ACCOUNT).map(|_| Box::pin(lane.enter(own))).collect();
        for one in &mut waiting {
            assert!(poll!(one).is_pending());
        }
        assert_eq!(lane.enter(own).await.err(), Some(Refused::Busy));
        let mut others = Vec::new();
        for _ in PLACES_OF_ACCOUNT..PLACES {
            others.push(lane.enter(account()).await.expect("a place"));
        }
        assert_eq!(lane.enter(account()).await.err(), Some(Refused::Busy));
        // A queued request that is cancelled frees its place.
        waiting.pop();
        lane.enter(account()).await.expect("a place");
        drop((first, others));
        waiting.remove(0).await.expect("its turn");
        drop(waiting);
        assert!(lane.0.inside().is_empty(), "no state is left of an account without jobs");
    }

    #[tokio::test]
    async fn a_stop_ends_what_runs_and_refuses_what_waits() {
        let lanes = Lanes::default();
        let (job, begun, open) = gated();
        let ticket = lanes.trials.enter(account()).await.expect("a turn");
        let mut running = Box::pin(ticket.run(job));
        assert!(poll!(&mut running).is_pending());
        begun.await.expect("it runs");
        let waits = lanes.trials.enter(account()).await.expect("a turn");
        let mut waiting = Box::pin(waits.run(|_| ()));
        assert!(poll!(&mut waiting).is_pending());
        lanes.stop();
        assert_eq!(poll!(&mut waiting), Poll::Ready(Err(Refused::Stopped)));
        open.send(()).expect("it waits");
        assert_eq!(running.await, Ok(true), "it is told to end");
    }

    #[tokio::test]
    async fn a_panic_ends_its_own_job_only() {
        let lane = Lane::default();
        let ticket = lane.enter(None).await.expect("a turn");
        assert_eq!(ticket.run(|_| panic!("in a job")).await, Err::<(), _>(Refused::Stopped));
        assert_eq!(ticket.run(|_| 7).await, Ok(7));
    }
}
