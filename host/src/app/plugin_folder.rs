//! Watches `MASKER_PLUGIN_DIR`: what is put there, changed or removed takes effect without a restart.
//!
//! The folder is looked at, not subscribed to: notices of the file system do not come from every network share or
//! container volume, and a plugin may be some seconds late.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::App;
use super::plugins::components;
use crate::keys::signature;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(2);

/// What tells one state of the folder from another: name, size and time of every component and signature.
type Seen = Vec<(std::path::PathBuf, Option<(u64, SystemTime)>, Option<(u64, SystemTime)>)>;

impl App {
    /// Looks at the folder for ever; ends at once where none is set.
    pub async fn watch_plugin_folder(self: Arc<Self>) {
        let Some(folder) = self.config.plugin_dir.clone() else { return };
        let (mut taken, mut last) = (seen(&folder), None);
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = seen(&folder);
            // A file that is still being copied looks different the next time.
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
                tracing::info!(plugins = changed.join(" "), "the folder of plugins was taken over anew");
                // Policies that were left out for want of a plugin.
                if !was_whole && let Err(error) = self.reload_policies().await {
                    tracing::error!(%error, "policies that were left out at the start still cannot be used");
                }
            }
            Err(error) => {
                tracing::error!(%error, "the folder of plugins cannot be used as it is; what was loaded serves on")
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
