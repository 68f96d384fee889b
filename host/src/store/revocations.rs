//! Notifies long-lived responses that a sign-in or token was revoked.

use tokio::sync::watch;

use super::Store;

/// Sends the notices. A notice does not name the credential: every receiver checks its own.
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
    /// Returns when a sign-in or token was revoked since this was created or last returned; never after the store is
    /// dropped.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

impl Store {
    /// Notices from now on.
    pub fn watch_revocations(&self) -> Revoked {
        Revoked(self.revocations.0.subscribe())
    }
}
