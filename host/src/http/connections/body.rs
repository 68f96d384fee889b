//! Request bodies: enforces a minimum pace and a memory budget shared by all bodies.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::Activity;
use crate::config::ConnectionLimits;

/// Why a body failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(in crate::http) enum BodyFault {
    /// Received too slowly.
    #[error("the body is received too slowly")]
    TooSlow,
    /// The memory budget for all bodies is exhausted.
    #[error("too many bodies are in memory")]
    TooMany,
    /// The connection failed, or the data is not valid HTTP.
    #[error("the body cannot be read")]
    Broken,
}

/// Memory budget for request bodies, in bytes.
pub(super) struct Budget {
    left: AtomicUsize,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self { left: AtomicUsize::new(bytes) }
    }

    /// A lease for one body. Dropping it returns what it took.
    pub(super) fn lease(self: &Arc<Self>) -> Arc<Lease> {
        Arc::new(Lease { budget: self.clone(), taken: AtomicUsize::new(0) })
    }
}

/// The part of the budget that one body has taken.
pub(super) struct Lease {
    budget: Arc<Budget>,
    taken: AtomicUsize,
}

impl Lease {
    fn take(&self, bytes: usize) -> bool {
        let left = |left: usize| left.checked_sub(bytes);
        let is_taken = self.budget.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok();
        if is_taken {
            self.taken.fetch_add(bytes, Ordering::Relaxed);
        }
        is_taken
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.left.fetch_add(*self.taken.get_mut(), Ordering::Relaxed);
    }
}

/// A body with deadlines.
pub(super) struct Paced<B = Incoming> {
    body: B,
    /// Deadline for the whole body.
    whole_by: Instant,
    /// Deadline for the next chunk.
    next_by: Instant,
    between: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    is_over: bool,
    activity: Arc<Activity>,
    lease: Arc<Lease>,
}

impl<B> Paced<B> {
    pub(super) fn new(body: B, limits: &ConnectionLimits, activity: Arc<Activity>, lease: Arc<Lease>) -> Self {
        let now = Instant::now();
        let (whole_by, next_by) = (now + limits.body, now + limits.head);
        Self { body, whole_by, next_by, between: limits.head, timer: None, is_over: false, activity, lease }
    }

    /// Ready when a deadline has passed. The timer is created only when the body has to wait.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let due = self.whole_by.min(self.next_by);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(context)
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Paced<B> {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                if !self.lease.take(frame.data_ref().map_or(0, Bytes::len)) {
                    return Poll::Ready(Some(Err(BodyFault::TooMany)));
                }
                self.next_by = Instant::now() + self.between;
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(BodyFault::Broken))),
            Poll::Ready(None) => {
                self.is_over = true;
                Poll::Ready(None)
            }
            Poll::Pending => self.poll_late(context).map(|()| Some(Err(BodyFault::TooSlow))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Paced<B> {
    fn drop(&mut self) {
        if !self.is_over {
            self.activity.leaves_unread();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::{BodyExt, Full};

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    /// A body that never yields data.
    struct Stalled;

    impl HttpBody for Stalled {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    fn paced<B>(
        body: B,
        head: Duration,
        whole: Duration,
        budget: &Arc<Budget>,
    ) -> (Paced<B>, Arc<Lease>, Arc<Activity>) {
        let limits = ConnectionLimits { most: None, head, body: whole, idle: LONG, buffered: 0 };
        let (activity, lease) = (Arc::new(Activity::new(&limits, Arc::default())), budget.lease());
        (Paced::new(body, &limits, activity.clone(), lease.clone()), lease, activity)
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up_whichever_time_is_over_first() {
        for (head, whole) in [(Duration::ZERO, LONG), (LONG, Duration::ZERO)] {
            let (mut body, _lease, activity) = paced(Stalled, head, whole, &Arc::new(Budget::new(0)));
            let frame = tokio::time::timeout(Duration::from_secs(30), body.frame()).await.expect("an end in time");
            let fault = frame.expect("an end").expect_err("a fault");
            assert_eq!(fault, BodyFault::TooSlow);
            drop(body);
            assert!(activity.is_ending(), "its caller may still be sending");
        }
    }

    #[tokio::test]
    async fn all_bodies_share_a_budget_and_give_back_what_they_took() {
        let budget = Arc::new(Budget::new(10));
        let of = |bytes: &'static [u8]| paced(Full::new(Bytes::from_static(bytes)), LONG, LONG, &budget);
        let (first, held, activity) = of(b"sevenby");
        assert_eq!(first.collect().await.expect("within the budget").to_bytes(), "sevenby");
        assert!(!activity.is_ending(), "nothing of it is left");
        let refused = of(b"four").0.collect().await.expect_err("too much");
        assert_eq!(refused, BodyFault::TooMany);
        assert!(of(b"3by").0.collect().await.is_ok());
        drop(held);
        assert!(of(b"ten bytes.").0.collect().await.is_ok());
    }
}
