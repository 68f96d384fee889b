//! Live feed of sessions: a bounded ring per watched account, so that a slow reader blocks no one and sees nothing of
//! other accounts. Fields that grow with a request are left out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast::{self, error::RecvError};

use crate::ids::AccountId;
use crate::session::SessionRow;

/// Sessions a reader may lag behind.
const RING: usize = 1024;

/// The watched accounts and their rings.
pub(in crate::store) struct Feed(Mutex<State>);

#[derive(Default)]
struct State {
    accounts: HashMap<AccountId, broadcast::Sender<Arc<SessionRow>>>,
    closed: bool,
}

/// One reader's place in its account's ring.
pub struct Watch(broadcast::Receiver<Arc<SessionRow>>);

/// What a reader receives.
#[derive(Clone, Debug)]
pub enum Watched {
    /// A session whose row is committed.
    Session(Arc<SessionRow>),
    /// The reader lagged and missed this many; the number is not always known.
    Missed(Option<u64>),
}

impl Watch {
    /// Waits for the next session. `None` once the feed is closed.
    pub async fn next(&mut self) -> Option<Watched> {
        match self.0.recv().await {
            Ok(row) => Some(Watched::Session(row)),
            Err(RecvError::Lagged(count)) => Some(Watched::Missed(Some(count))),
            Err(RecvError::Closed) => None,
        }
    }
}

impl Feed {
    pub fn new() -> Self {
        Self(Mutex::new(State::default()))
    }

    /// Sessions of the account from now on.
    pub fn watch(&self, account: AccountId) -> Watch {
        let mut state = self.lock();
        if state.closed {
            return Watch(broadcast::channel(1).1);
        }
        state.accounts.retain(|_, readers| readers.receiver_count() > 0);
        Watch(state.accounts.entry(account).or_insert_with(|| broadcast::channel(RING).0).subscribe())
    }

    /// Publishes a session to the readers of its account. The row is cloned only if there are any.
    pub fn publish(&self, row: &SessionRow) {
        let mut state = self.lock();
        let Some(readers) = state.accounts.get(&row.account_id) else { return };
        if readers.receiver_count() == 0 {
            state.accounts.remove(&row.account_id);
        } else {
            // Fails only without readers.
            let _ = readers.send(Arc::new(row.clone().for_lists()));
        }
    }

    /// Ends all watches and refuses new ones.
    pub fn close(&self) {
        *self.lock() = State { accounts: HashMap::new(), closed: true };
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Consistent after each step, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{sessions, tests};

    fn row() -> SessionRow {
        sessions::tests::row(&tests::agent(AccountId::generate(), "desk"), 1000)
    }

    #[tokio::test]
    async fn a_watch_shows_its_own_account_until_it_is_closed() {
        let feed = Feed::new();
        let (own, other) = (row(), row());
        feed.publish(&own);
        let mut watch = feed.watch(own.account_id);
        feed.publish(&other);
        feed.publish(&own);
        feed.close();
        assert!(matches!(watch.next().await, Some(Watched::Session(seen)) if *seen == own.clone().for_lists()));
        assert!(watch.next().await.is_none());
        assert!(feed.watch(own.account_id).next().await.is_none());
    }

    #[tokio::test]
    async fn a_reader_that_is_too_slow_is_told_how_many_it_missed() {
        let feed = Feed::new();
        let own = row();
        let mut watch = feed.watch(own.account_id);
        for _ in 0..RING + 3 {
            feed.publish(&own);
        }
        assert!(matches!(watch.next().await, Some(Watched::Missed(Some(3)))));
        assert!(matches!(watch.next().await, Some(Watched::Session(_))));
    }

    #[test]
    fn nothing_is_kept_for_those_who_left() {
        let feed = Feed::new();
        let own = row();
        drop(feed.watch(own.account_id));
        feed.publish(&own);
        assert!(feed.lock().accounts.is_empty());
        // The same for an account without activity.
        drop(feed.watch(own.account_id));
        let _watch = feed.watch(AccountId::generate());
        assert_eq!(feed.lock().accounts.len(), 1);
    }
}
