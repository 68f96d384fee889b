//! Connection slots: fewer than the process may have open files.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Resource, getrlimit};
use tokio::sync::Notify;

use super::activity::Activity;
use crate::config::ConnectionLimits;

/// Upper bound; a single process has no use for more.
const MOST: u64 = 10_000;
/// File descriptors reserved for databases, the journal, plugins and everything else.
const OWN_FILES: u64 = 128;

/// The requested number of connections, limited by the available file descriptors.
pub(super) fn most(asked: Option<usize>) -> usize {
    let descriptors = getrlimit(Resource::Nofile).current;
    let most = most_of(asked, descriptors);
    if let Some(asked) = asked.filter(|asked| *asked > most) {
        let descriptors = descriptors.unwrap_or_default();
        tracing::warn!(asked, most, descriptors, "MASKER_MAX_CONNECTIONS exceeds what the open file limit allows");
    }
    most
}

/// Without a requested number, reserves a second descriptor per connection for one to the upstream.
fn most_of(asked: Option<usize>, descriptors: Option<u64>) -> usize {
    let spare = descriptors.map_or(u64::MAX, |all| all.saturating_sub(OWN_FILES));
    let most = asked.map_or((spare / 2).min(MOST), |asked| spare.min(asked as u64));
    most.max(1) as usize
}

/// The connection slots of a listener.
pub(super) struct Places {
    most: usize,
    open: Mutex<Open>,
    /// Notified when a slot may have become free, or a connection may have become idle.
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Open {
    next: u64,
    all: BTreeMap<u64, Arc<Activity>>,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self { most, open: Mutex::default(), changed: Arc::default() }
    }

    /// Takes a slot. If all are taken, evicts the connection that has been idle the longest; if none is idle, waits for
    /// the first one that is.
    pub(super) async fn take(self: &Arc<Self>, limits: &ConnectionLimits) -> ConnectionSlot {
        loop {
            if let Some(place) = self.free(limits) {
                return place;
            }
            self.close_idlest();
            self.changed.notified().await;
        }
    }

    /// Completes when there are no connections.
    pub(super) async fn all_free(&self) {
        while !self.open().all.is_empty() {
            self.changed.notified().await;
        }
    }

    fn free(self: &Arc<Self>, limits: &ConnectionLimits) -> Option<ConnectionSlot> {
        let mut open = self.open();
        if open.all.len() >= self.most {
            return None;
        }
        let (id, activity) = (open.next, Arc::new(Activity::new(limits, self.changed.clone())));
        open.next += 1;
        open.all.insert(id, activity.clone());
        Some(ConnectionSlot { places: self.clone(), id, activity })
    }

    /// Closes the connection that has been idle the longest. One at a time: a closing connection frees its slot soon.
    pub(super) fn close_idlest(&self) {
        let open = self.open();
        if open.all.values().any(|activity| activity.is_closed()) {
            return;
        }
        let waiting = open.all.values().filter_map(|activity| Some((activity.waiting_since()?, activity)));
        if let Some((_, idlest)) = waiting.min_by_key(|(since, _)| *since) {
            idlest.close();
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's slot, freed on drop.
pub(super) struct ConnectionSlot {
    places: Arc<Places>,
    id: u64,
    pub(super) activity: Arc<Activity>,
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.places.open().all.remove(&self.id);
        self.places.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use axum::http::Version;

    use super::*;

    const LIMITS: ConnectionLimits = ConnectionLimits {
        most: None,
        head: Duration::from_secs(10),
        body: Duration::from_secs(60),
        idle: Duration::from_secs(75),
        buffered: 0,
    };

    fn poll<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    fn take(places: &Arc<Places>) -> ConnectionSlot {
        poll(pin!(places.take(&LIMITS))).expect("a place is free")
    }

    #[test]
    fn half_of_the_descriptors_that_masker_does_not_need_itself_are_for_callers() {
        assert_eq!(most_of(None, Some(1024)), 448);
        assert_eq!(most_of(None, Some(524_288)), 10_000);
        assert_eq!((most_of(None, None), most_of(None, Some(64))), (10_000, 1));
        assert_eq!((most_of(Some(700), Some(1024)), most_of(Some(5000), Some(1024))), (700, 896));
        assert_eq!(most_of(Some(50_000), None), 50_000);
    }

    #[test]
    fn a_newcomer_takes_the_place_of_the_one_that_has_waited_longest() {
        let places = Arc::new(Places::new(3));
        let busy = take(&places);
        let _visit = busy.activity.begin(Version::HTTP_11);
        let (first, second) = (take(&places), take(&places));
        let mut newcomer = pin!(places.take(&LIMITS));
        assert!(poll(newcomer.as_mut()).is_none());
        let closed = [&busy, &first, &second].map(|place| place.activity.is_closed());
        assert_eq!(closed, [false, true, false]);
        drop(first);
        assert!(poll(newcomer.as_mut()).is_some());
    }

    #[test]
    fn where_all_are_busy_a_newcomer_waits_for_the_first_that_is_not() {
        let places = Arc::new(Places::new(1));
        let busy = take(&places);
        let visit = busy.activity.begin(Version::HTTP_11);
        let mut newcomer = pin!(places.take(&LIMITS));
        assert!(poll(newcomer.as_mut()).is_none());
        assert!(!busy.activity.is_closed());
        drop(visit);
        assert!(poll(newcomer.as_mut()).is_none());
        assert!(busy.activity.is_closed());
        drop(busy);
        drop(poll(newcomer.as_mut()).expect("the place is free"));
        assert!(poll(pin!(places.all_free())).is_some());
    }
}
