//! Tracks what a connection is doing and when it times out.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Version;
use futures_util::task::AtomicWaker;
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};

use crate::config::ConnectionLimits;

/// Activity of one connection.
pub(super) struct Activity {
    state: Mutex<State>,
    head: Duration,
    idle: Duration,
    /// Wakes the connection's task.
    task: AtomicWaker,
    /// Notified when the connection has no more requests in flight.
    rested: Arc<Notify>,
}

struct State {
    /// Requests in flight.
    requests: usize,
    /// Requests in flight that wait for the server rather than for the client to read the response.
    working: usize,
    /// Start of the current wait for the client: for a request head to start or complete, or for data to be read.
    since: Instant,
    /// Whether a request head is being received, or the first one is awaited.
    awaits_head: bool,
    /// HTTP/2: data received between two requests is not necessarily a request head.
    is_multiplexed: bool,
    /// Since when the client has not read data that is ready for it.
    blocked: Option<Instant>,
    /// Whether part of a request body was left unread, so the client may still be sending it.
    has_unread: bool,
    is_closed: bool,
}

impl Activity {
    pub(super) fn new(limits: &ConnectionLimits, rested: Arc<Notify>) -> Self {
        let state = State {
            requests: 0,
            working: 0,
            since: Instant::now(),
            awaits_head: true,
            is_multiplexed: false,
            blocked: None,
            has_unread: false,
            is_closed: false,
        };
        let (head, idle) = (limits.head, limits.idle);
        Self { state: Mutex::new(state), head, idle, task: AtomicWaker::new(), rested }
    }

    /// Records the start of a request. It is in flight until the visit is dropped.
    pub(super) fn begin(self: &Arc<Self>, version: Version) -> Visit {
        let mut state = self.state();
        state.requests += 1;
        state.working += 1;
        state.awaits_head = false;
        state.is_multiplexed = version == Version::HTTP_2;
        Visit { activity: self.clone(), is_worked_on: true }
    }

    /// Records that bytes were received.
    pub(super) fn has_read(&self) {
        let mut state = self.state();
        if state.requests == 0 && !state.awaits_head && !state.is_multiplexed {
            state.awaits_head = true;
            state.since = Instant::now();
        }
    }

    /// Records an attempt to write: whether bytes were accepted.
    pub(super) fn has_written(&self, were_taken: bool) {
        let mut state = self.state();
        let now = Instant::now();
        match were_taken {
            false => _ = state.blocked.get_or_insert(now),
            true => {
                state.blocked = None;
                // In HTTP/2 these bytes may be the reply to a ping.
                if state.working == 0 && !state.awaits_head && !state.is_multiplexed {
                    state.since = now;
                }
            }
        }
    }

    /// Records that a request body was dropped before its end.
    pub(super) fn leaves_unread(&self) {
        self.state().has_unread = true;
    }

    /// Records that the connection is ending. Returns whether the client may still be sending, which it may do as
    /// long as a request head may take.
    pub(super) fn is_ending(&self) -> bool {
        let mut state = self.state();
        state.awaits_head = true;
        state.since = Instant::now();
        state.has_unread
    }

    /// Since when the connection has been idle, if it is.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.requests == 0 && state.blocked.is_none()).then_some(state.since)
    }

    /// Closes the connection.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.task.wake();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// Ready when the connection has to end. Polled by its task, which is woken when the result may have changed.
    pub(super) fn poll_over(&self, context: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<()> {
        self.task.register(context.waker());
        loop {
            let due = {
                let state = self.state();
                if state.is_closed {
                    return Poll::Ready(());
                }
                state.due(self.head, self.idle)
            };
            let Some(due) = due else { return Poll::Pending };
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            // Waking too early costs less than resetting the timer for every request.
            if due < timer.deadline() || timer.is_elapsed() {
                timer.as_mut().reset(due);
            }
            ready!(timer.as_mut().poll(context));
        }
    }

    fn end(&self) {
        let mut state = self.state();
        state.requests -= 1;
        if state.requests > 0 {
            return;
        }
        state.since = Instant::now();
        drop(state);
        self.rested.notify_one();
    }

    fn work(&self, begins: bool) {
        let mut state = self.state();
        match begins {
            true => state.working += 1,
            false => state.working -= 1,
        }
        if state.working == 0 {
            state.since = Instant::now();
            // HTTP/2 requests run in their own tasks; HTTP/1 requests run in the connection's task.
            if state.is_multiplexed {
                drop(state);
                self.task.wake();
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn due(&self, head: Duration, idle: Duration) -> Option<Instant> {
        let waits = (self.working == 0).then(|| self.since + if self.awaits_head { head } else { idle });
        let reads = self.blocked.map(|at| at + idle);
        waits.into_iter().chain(reads).min()
    }
}

/// A request in flight.
pub(super) struct Visit {
    activity: Arc<Activity>,
    is_worked_on: bool,
}

impl Visit {
    fn set_worked_on(&mut self, is_worked_on: bool) {
        if self.is_worked_on != is_worked_on {
            self.is_worked_on = is_worked_on;
            self.activity.work(is_worked_on);
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.set_worked_on(false);
        self.activity.end();
    }
}

/// A response body: its request is in flight until the body is sent or dropped.
pub(super) struct Counted {
    body: Body,
    visit: Visit,
}

impl Counted {
    pub(super) fn new(body: Body, mut visit: Visit) -> Self {
        visit.set_worked_on(false);
        Self { body, visit }
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.visit.set_worked_on(polled.is_pending());
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(75);

    fn activity() -> Arc<Activity> {
        let limits = ConnectionLimits { most: None, head: HEAD, body: HEAD, idle: IDLE, buffered: 0 };
        Arc::new(Activity::new(&limits, Arc::default()))
    }

    /// Time left for a connection, counted from when it started to wait, blocked or not.
    fn time(activity: &Activity) -> Option<Duration> {
        let state = activity.state();
        state.due(HEAD, IDLE).map(|due| due - state.blocked.unwrap_or(state.since))
    }

    #[test]
    fn a_head_has_less_time_than_a_connection_between_two_requests() {
        let activity = activity();
        assert_eq!(time(&activity), Some(HEAD), "the first head is waited for");
        activity.has_read();
        assert_eq!(time(&activity), Some(HEAD));
        let visit = activity.begin(Version::HTTP_11);
        activity.has_read();
        assert_eq!((time(&activity), activity.waiting_since()), (None, None), "its body has a pace of its own");
        drop(visit);
        assert_eq!(time(&activity), Some(IDLE));
        activity.has_read();
        assert_eq!(time(&activity), Some(HEAD), "the next head is on its way");
    }

    #[test]
    fn bytes_of_a_head_win_it_no_time() {
        let activity = activity();
        let due = activity.state().due(HEAD, IDLE);
        activity.has_read();
        activity.has_read();
        assert_eq!(activity.state().due(HEAD, IDLE), due);
    }

    #[test]
    fn an_answer_that_nobody_reads_is_waited_for_and_not_forever() {
        let activity = activity();
        let visit = activity.begin(Version::HTTP_11);
        activity.has_written(false);
        assert_eq!(time(&activity), Some(IDLE));
        activity.has_written(true);
        assert_eq!(time(&activity), None);
        drop(visit);
        activity.has_written(false);
        assert_eq!(activity.waiting_since(), None, "it is not closed in favour of another one");
    }

    #[test]
    fn an_answer_that_nobody_asks_more_of_is_waited_for_as_long() {
        let activity = activity();
        // A zero window in HTTP/2 is not visible as a blocked write.
        let held = Counted::new(Body::from("answer"), activity.begin(Version::HTTP_2));
        assert_eq!((time(&activity), activity.waiting_since()), (Some(IDLE), None));
        let due = activity.state().due(HEAD, IDLE);
        activity.has_written(true);
        assert_eq!(activity.state().due(HEAD, IDLE), due, "a ping wins it no time");
        let other = activity.begin(Version::HTTP_2);
        assert_eq!(time(&activity), None, "another request is being worked on");
        drop(other);
        assert_eq!(time(&activity), Some(IDLE));
        drop(held);
        assert!(activity.waiting_since().is_some());
    }

    #[test]
    fn between_requests_of_http_2_anything_may_come() {
        let activity = activity();
        drop(activity.begin(Version::HTTP_2));
        activity.has_read();
        assert_eq!(time(&activity), Some(IDLE));
    }
}
