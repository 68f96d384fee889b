//! The threads that passes run on.
//!
//! A guest blocks the thread it runs on, and an async worker that is blocked stalls every other call. So passes have
//! threads of their own, about one per core, behind a bounded queue: when it is full the request is refused at once
//! rather than answered late.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crossbeam_channel::{Sender, TrySendError, bounded};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Why a job did not run to its end.
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
pub struct PassPool {
    jobs: Sender<Job>,
}

impl PassPool {
    /// Starts `threads` threads that take jobs from a queue of `queue` places. They end when the last handle is gone.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(threads: usize, queue: usize) -> std::io::Result<Self> {
        let (jobs, waiting) = bounded::<Job>(queue);
        for index in 0..threads.max(1) {
            let waiting = waiting.clone();
            thread::Builder::new().name(format!("pass-{index}")).spawn(move || {
                for job in waiting {
                    // A panic is one request's failure, not the thread's: its reply channel is dropped.
                    let _ = catch_unwind(AssertUnwindSafe(job));
                }
            })?;
        }
        Ok(Self { jobs })
    }

    /// Runs a job on one of the threads.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, PoolError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move || {
            // The caller may have hung up; then nobody needs the result, nor the work.
            if !reply.is_closed() {
                let _ = reply.send(job());
            }
        });
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => PoolError::Full,
            TrySendError::Disconnected(_) => PoolError::Stopped,
        })?;
        answer.await.map_err(|_| PoolError::Stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn runs_jobs_and_survives_a_panic() {
        let pool = PassPool::start(1, 4).expect("threads");
        assert_eq!(pool.run(|| 7).await, Ok(7));
        assert_eq!(pool.run(|| -> u8 { panic!("told to") }).await, Err(PoolError::Stopped));
        assert_eq!(pool.run(|| 8).await, Ok(8));
    }

    #[tokio::test]
    async fn a_full_queue_refuses() {
        let pool = PassPool::start(1, 1).expect("threads");
        let (release, held) = crossbeam_channel::bounded::<()>(0);
        let (entered, inside) = crossbeam_channel::bounded::<()>(0);
        let first = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.run(move || {
                    entered.send(()).expect("the test waits");
                    held.recv().expect("the test releases");
                })
                .await
            }
        });
        tokio::task::spawn_blocking(move || inside.recv()).await.expect("joined").expect("entered");
        let second = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(|| ()).await }
        });
        while pool.jobs.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.run(|| ()).await, Err(PoolError::Full));
        release.send(()).expect("held");
        assert_eq!(first.await.expect("joined"), Ok(()));
        assert_eq!(second.await.expect("joined"), Ok(()));
    }
}
