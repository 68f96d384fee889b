//! The log of requests and disconnects.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::HeaderMap;
use tokio::sync::watch;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path and query, as sent.
    pub path: String,
    /// Headers, as sent.
    pub headers: HeaderMap,
    /// The body's bytes, as sent; if the client disconnected, those that had arrived.
    pub body: Bytes,
    /// Whether the client closed the connection before it had the whole answer.
    pub disconnected: bool,
}

impl Recorded {
    /// The body as JSON; `Null` if it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text, for searching: invalid UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// One header as text; `None` when absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

#[derive(Debug, Default)]
struct Kept {
    requests: Vec<Recorded>,
    /// Number of requests dropped from the log, which is the number of `requests[0]`.
    forgotten: usize,
}

/// Every request of one upstream, in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Log {
    kept: Mutex<Kept>,
    changes: watch::Sender<()>,
}

impl Log {
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.lock().requests.clone()
    }

    pub(crate) fn clear(&self) {
        let mut kept = self.lock();
        kept.forgotten += kept.requests.len();
        kept.requests.clear();
    }

    /// Adds a request. The entry counts as disconnected unless [`Entry::finish`] is called.
    pub(crate) fn add(self: &Arc<Self>, request: Recorded) -> Entry {
        let mut kept = self.lock();
        let number = kept.forgotten + kept.requests.len();
        kept.requests.push(request);
        drop(kept);
        self.changes.send_replace(());
        Entry { log: Arc::clone(self), number, finished: false }
    }

    /// Waits until `condition` holds for the record.
    pub(crate) async fn wait_for(&self, condition: impl Fn(&[Recorded]) -> bool) {
        let mut changes = self.changes.subscribe();
        while !condition(&self.lock().requests) {
            // The sender lives in `self`, so the channel cannot close while we wait.
            let _ = changes.changed().await;
        }
    }

    // A poisoned lock means that another test thread panicked; report that panic, not the lock.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open exchange with a client. hyper drops it with the handler or the body when the client disconnects.
#[derive(Debug)]
pub(crate) struct Entry {
    log: Arc<Log>,
    number: usize,
    finished: bool,
}

impl Entry {
    /// Marks the exchange as finished: the whole answer was sent, or the upstream itself ended it.
    pub(crate) fn finish(&mut self) {
        self.finished = true;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.finished {
            let mut kept = self.log.lock();
            // After `clear` the request is forgotten, and its index belongs to another.
            let index = self.number.checked_sub(kept.forgotten);
            if let Some(request) = index.and_then(|index| kept.requests.get_mut(index)) {
                request.disconnected = true;
            }
            drop(kept);
            self.log.changes.send_replace(());
        }
    }
}
