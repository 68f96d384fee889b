//! Ends a long response, such as an event stream, when the sign-in or token of its caller ends.

use std::sync::Arc;

use super::auth::Caller;
use crate::app::App;

/// Returns when the caller's credential is no longer valid: at once if this process revoked it, else within seconds.
pub async fn is_over(app: Arc<App>, caller: Caller) {
    let mut revoked = app.store().watch_revocations();
    while caller.is_still_good(&app).await {
        // Check again after a notice or after the timeout.
        let _ = tokio::time::timeout(app.config.recheck_credentials, revoked.next()).await;
    }
}
