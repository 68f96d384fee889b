//! Watches `MASKER_PLUGIN_DIR`: added, changed and removed plugins take effect without a restart.
//!
//! The folder is polled: file system notifications are not available on every network share or container volume, and a
//! delay of some seconds is acceptable.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::App;
use super::plugins::components;
use crate::keys::signature;

/// Polling interval.
const EVERY: Duration = Duration::from_secs(2);

/// Fingerprint of the folder's state: name, size and modification time of every component and signature.
type Seen = Vec<(std::path::PathBuf, Option<(u64, SystemTime)>, Option<(u64, SystemTime)>)>;

impl App {
    /// Polls the folder forever; returns at once if none is set.
    pub async fn watch_plugin_folder(self: Arc<Self>) {
        let Some(folder) = self.config.plugin_dir.clone() else { return };
        let (mut taken, mut last) = (seen(&folder), None);
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = seen(&folder);
            // Wait until the state is unchanged between two polls, so that a file is not read while it is copied.
            if now == taken || last.replace(now.clone()) != Some(now.clone()) {
                continue;
            }
            taken = now;
            self.take_plugin_folder().await;
        }
    }
}

impl App {
    async fn take_plugin_folder(self: &Arc<Self>) {
        let was_whole = self.catalog().shelf().is_whole();
        match self.reload_plugin_folder().await {
            Ok(changed) if changed.is_empty() => {}
            Ok(changed) => {
                tracing::info!(plugins = changed.join(" "), "the plugin folder was reloaded");
                // Policies that were left out because a plugin was missing.
                if !was_whole && let Err(error) = self.reload_policies().await {
                    tracing::error!(%error, "policies left out at the start still cannot be loaded");
                }
            }
            Err(error) => {
                tracing::error!(%error, "the plugin folder cannot be reloaded; the loaded plugins stay in use")
            }
        }
    }
}

fn seen(folder: &Path) -> Option<Seen> {
    let state = |path: &Path| {
        let file = path.metadata().ok()?;
        Some((file.len(), file.modified().ok()?))
    };
    let files = components(folder).ok()?;
    Some(files.into_iter().map(|file| (file.clone(), state(&file), state(&signature::beside(&file)))).collect())
}
