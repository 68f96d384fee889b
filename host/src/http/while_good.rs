//! Answers that go on after their caller was checked: they end when the caller's sign-in or token does.

use std::sync::Arc;
use std::time::Duration;

use super::auth::Caller;
use crate::app::App;

/// How often is looked without a notice: for a token whose time is over, and for what another process ended.
const LOOK_EVERY: Duration = Duration::from_secs(4);

/// Ends when the caller's credential has: at once when this process ended it, and else within seconds.
pub async fn is_over(app: Arc<App>, caller: Caller) {
    let mut revoked = app.store().watch_revocations();
    while caller.is_still_good(&app).await {
        // A notice and the time are both a reason to look.
        let _ = tokio::time::timeout(LOOK_EVERY, revoked.next()).await;
    }
}
