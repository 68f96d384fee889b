//! A notice that some sign-in or token has ended, for answers that go on after their caller was checked.

use tokio::sync::watch;

use super::Store;

/// Tells those who wait that credentials have ended. Which ones is not said: everybody looks again.
#[derive(Default)]
pub(super) struct Revocations(watch::Sender<()>);

impl Revocations {
    pub(super) fn tell(&self) {
        self.0.send_replace(());
    }
}

/// Waits for the next notice.
pub struct Revoked(watch::Receiver<()>);

impl Revoked {
    /// Returns once a sign-in or token has ended since this was made or last returned. Never returns after the store is
    /// dropped.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

impl Store {
    /// From now on.
    pub fn watch_revocations(&self) -> Revoked {
        Revoked(self.revocations.0.subscribe())
    }
}
