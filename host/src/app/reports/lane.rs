//! Runs one report at a time; a few others wait, and more are rejected. Reports of one session have a separate lane,
//! since they take a moment while those of an account take seconds.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{ReportError, ReportScope};

/// Queue length for reports of an agent or account.
const WIDE_WAITING: usize = 4;
/// Queue length for reports of a session.
const SESSIONS_WAITING: usize = 64;

/// The lanes of reports.
pub struct Lanes {
    sessions: Lane,
    wide: Lane,
}

struct Lane {
    /// Places for the running report and the waiting ones.
    places: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

/// A place in a lane whose turn has come. The work holds it, not the requester: a cancelled request makes no room for
/// more work.
pub struct Place {
    _turn: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Default for Lanes {
    fn default() -> Self {
        Self { sessions: Lane::new(SESSIONS_WAITING), wide: Lane::new(WIDE_WAITING) }
    }
}

impl Lanes {
    /// Waits until a report of this scope may start.
    ///
    /// # Errors
    /// The queue is full.
    pub async fn enter(&self, scope: &ReportScope) -> Result<Place, ReportError> {
        match scope {
            ReportScope::Session(_) => self.sessions.enter().await,
            ReportScope::Agent { .. } | ReportScope::Account { .. } => self.wide.enter().await,
        }
    }
}

impl Lane {
    fn new(waiting: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(1 + waiting)), turn: Arc::new(Semaphore::new(1)) }
    }

    async fn enter(&self) -> Result<Place, ReportError> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| ReportError::Busy)?;
        let turn = self.turn.clone().acquire_owned().await.map_err(|_| ReportError::Stopped)?;
        Ok(Place { _turn: turn, _place: place })
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_is_made_some_wait_and_the_next_is_turned_away() {
        let lane = Lane::new(2);
        let first = lane.enter().await.expect("the lane is empty");
        let (mut second, mut third) = (pin!(lane.enter()), pin!(lane.enter()));
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none(), "both wait");
        assert!(matches!(lane.enter().await, Err(ReportError::Busy)));
        drop(first);
        let second = second.await.expect("its turn");
        assert!(third.as_mut().now_or_never().is_none());
        drop(second);
        drop(third.await.expect("its turn"));
        drop(lane.enter().await.expect("the lane is empty again"));
    }

    #[tokio::test]
    async fn who_leaves_the_line_makes_room() {
        let lane = Lane::new(1);
        let first = lane.enter().await.expect("the lane is empty");
        {
            let mut second = Box::pin(lane.enter());
            assert!(second.as_mut().now_or_never().is_none());
        }
        let mut third = pin!(lane.enter());
        assert!(third.as_mut().now_or_never().is_none(), "it waits and is not rejected");
        drop(first);
        assert!(third.await.is_ok());
    }
}
