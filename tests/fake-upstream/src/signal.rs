//! A one-time signal from a test to a waiting reply. It makes sleeps in tests unnecessary.

use tokio::sync::watch;

/// Delays a reply until the test fires it. Clones share the same signal.
#[derive(Clone, Debug)]
pub struct Signal {
    reached: watch::Sender<bool>,
    fired: watch::Sender<bool>,
}

impl Signal {
    /// A signal that has not been fired.
    pub fn new() -> Self {
        Self { reached: watch::Sender::new(false), fired: watch::Sender::new(false) }
    }

    /// Releases every reply that waits for this signal, now and later.
    pub fn fire(&self) {
        self.fired.send_replace(true);
    }

    /// Returns once a reply has reached this signal: everything before it was handed to the connection.
    pub async fn reached(&self) {
        until_true(&self.reached).await;
    }

    pub(crate) async fn wait(&self) {
        self.reached.send_replace(true);
        until_true(&self.fired).await;
    }
}

impl Default for Signal {
    fn default() -> Self {
        Self::new()
    }
}

async fn until_true(flag: &watch::Sender<bool>) {
    // The sender is borrowed, so the channel cannot close during the wait.
    let _ = flag.subscribe().wait_for(|set| *set).await;
}
