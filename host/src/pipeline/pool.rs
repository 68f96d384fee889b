//! Thread pool for passes.
//!
//! A guest blocks its thread, and a blocked async worker stalls every other call. Passes therefore have their own
//! threads, about one per core, with a bounded queue: if it is full, the request is refused immediately instead of
//! answered late.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Why a job was not completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The queue is full.
    #[error("too many requests wait for their passes")]
    Full,
    /// The job panicked, or the pool is stopping.
    #[error("a pass thread stopped")]
    Stopped,
}

/// A fixed number of threads and a bounded queue.
#[derive(Clone)]
pub struct PassPool(Arc<Owner>);

/// Stops the threads when dropped.
struct Owner(Arc<Queue>);

struct Queue {
    places: usize,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    over: bool,
}

impl PassPool {
    /// Starts `threads` threads that take jobs from a queue of `queue` slots. They stop when the last handle is
    /// dropped.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub fn start(threads: usize, queue: usize) -> std::io::Result<Self> {
        let queue = Arc::new(Queue { places: queue, state: Mutex::default(), arrived: Condvar::new() });
        let owner = Owner(queue.clone());
        for index in 0..threads.max(1) {
            let queue = queue.clone();
            thread::Builder::new().name(format!("pass-{index}")).spawn(move || queue.work())?;
        }
        Ok(Self(Arc::new(owner)))
    }

    /// Runs a job on one of the threads. Besides its result, a job returns leftovers, which are dropped on that thread
    /// after the result has been sent.
    pub async fn run<T: Send + 'static, R>(
        &self,
        job: impl FnOnce() -> (T, R) + Send + 'static,
    ) -> Result<T, PoolError> {
        let (reply, answer) = oneshot::channel();
        let queue = self.0.0.clone();
        let job: Job = Box::new(move || {
            // If the caller hung up, neither the result nor the work is needed.
            if reply.is_closed() {
                return;
            }
            let (result, left) = job();
            let _ = reply.send(result);
            // The task waiting for the result may need this core to continue. If other jobs are queued for this
            // thread, the core is busy anyway.
            if queue.lock().jobs.is_empty() {
                thread::yield_now();
            }
            drop(left);
        });
        self.0.0.push(job)?;
        answer.await.map_err(|_| PoolError::Stopped)
    }
}

impl Queue {
    fn push(&self, job: Job) -> Result<(), PoolError> {
        let mut state = self.lock();
        if state.jobs.len() >= self.places {
            return Err(PoolError::Full);
        }
        state.jobs.push_back(job);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            // A panic fails one request, not the thread: its reply channel is dropped.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }

    /// The next job; `None` if there will be no more.
    fn next(&self) -> Option<Job> {
        let nothing = |state: &mut State| state.jobs.is_empty() && !state.over;
        let mut state = self.arrived.wait_while(self.lock(), nothing).unwrap_or_else(PoisonError::into_inner);
        state.jobs.pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Consistent after every statement, so a panic elsewhere does not corrupt it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.lock().over = true;
        self.0.arrived.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn runs_jobs_and_survives_a_panic() {
        let pool = PassPool::start(1, 4).expect("threads");
        assert_eq!(pool.run(|| (7, ())).await, Ok(7));
        assert_eq!(pool.run(|| -> (u8, ()) { panic!("told to") }).await, Err(PoolError::Stopped));
        assert_eq!(pool.run(|| (8, ())).await, Ok(8));
    }

    #[tokio::test]
    async fn what_a_job_leaves_is_dropped_on_its_thread() {
        struct Left(std::sync::mpsc::Sender<Option<String>>);
        impl Drop for Left {
            fn drop(&mut self) {
                let _ = self.0.send(thread::current().name().map(str::to_owned));
            }
        }
        let (sender, dropped) = std::sync::mpsc::channel();
        let pool = PassPool::start(1, 4).expect("threads");
        assert_eq!(pool.run(move || (7, Left(sender))).await, Ok(7));
        let name = tokio::task::spawn_blocking(move || dropped.recv()).await.expect("joined").expect("dropped");
        assert_eq!(name.as_deref(), Some("pass-0"));
    }

    #[tokio::test]
    async fn a_full_queue_refuses() {
        let pool = PassPool::start(1, 1).expect("threads");
        let (release, held) = std::sync::mpsc::sync_channel::<()>(0);
        let (entered, inside) = std::sync::mpsc::sync_channel::<()>(0);
        let first = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.run(move || {
                    entered.send(()).expect("the test waits");
                    (held.recv().expect("the test releases"), ())
                })
                .await
            }
        });
        tokio::task::spawn_blocking(move || inside.recv()).await.expect("joined").expect("entered");
        let second = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(|| ((), ())).await }
        });
        while pool.0.0.lock().jobs.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.run(|| ((), ())).await, Err(PoolError::Full));
        release.send(()).expect("held");
        assert_eq!(first.await.expect("joined"), Ok(()));
        assert_eq!(second.await.expect("joined"), Ok(()));
    }
}
