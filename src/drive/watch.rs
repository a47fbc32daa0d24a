//! Tells when a file below a folder changed: flows are loaded again.

use std::path::Path;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Editors write in several steps; changes within this time are one.
const SETTLE: Duration = Duration::from_millis(300);

/// One word per burst of changes. The watcher lives as long as this value.
pub struct Changes {
    seen: mpsc::Receiver<()>,
    _watcher: RecommendedWatcher,
}

impl Changes {
    pub fn of(folder: &Path) -> notify::Result<Self> {
        let (sender, seen) = mpsc::channel(1);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let changed = event.is_ok_and(|event| !event.kind.is_access());
            // Full means a change is waiting to be told already.
            if changed && let Err(mpsc::error::TrySendError::Closed(())) = sender.try_send(()) {
                tracing::debug!("nobody watches any more");
            }
        })?;
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        Ok(Self { seen, _watcher: watcher })
    }

    pub async fn next(&mut self) -> Option<()> {
        self.seen.recv().await?;
        tokio::time::sleep(SETTLE).await;
        while self.seen.try_recv().is_ok() {}
        Some(())
    }
}
