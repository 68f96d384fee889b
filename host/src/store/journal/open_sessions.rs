//! Sessions that are in the journal but not yet in the database: they determine where a rebuild must start reading.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ids::SessionId;

/// Sessions without a committed row.
pub(in crate::store) struct OpenSessions(Mutex<Inner>);

struct Inner {
    end: u64,
    by_offset: BTreeMap<u64, SessionId>,
    offsets: HashMap<SessionId, u64>,
    settling: HashMap<SessionId, u64>,
}

impl OpenSessions {
    pub(super) fn new(end: u64) -> Self {
        Self(Mutex::new(Inner { end, by_offset: BTreeMap::new(), offsets: HashMap::new(), settling: HashMap::new() }))
    }

    /// The journal now ends at `end`; these sessions were opened at these offsets.
    pub(super) fn appended(&self, end: u64, opened: Vec<(SessionId, u64)>) {
        let mut inner = self.lock();
        inner.end = end;
        for (session, offset) in opened {
            inner.by_offset.insert(offset, session);
            inner.offsets.insert(session, offset);
        }
    }

    /// The session's row is part of a transaction. Returns the offset from which a rebuild must read once it is
    /// committed.
    pub(in crate::store) fn settling(&self, session: SessionId) -> u64 {
        let mut inner = self.lock();
        if let Some(offset) = inner.offsets.remove(&session) {
            inner.by_offset.remove(&offset);
            inner.settling.insert(session, offset);
        }
        inner.by_offset.first_key_value().map_or(inner.end, |(offset, _)| *offset)
    }

    /// The transaction was committed or rolled back.
    pub(in crate::store) fn settled(&self, session: SessionId, committed: bool) {
        let mut inner = self.lock();
        if let (Some(offset), false) = (inner.settling.remove(&session), committed) {
            inner.by_offset.insert(offset, session);
            inner.offsets.insert(session, offset);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
