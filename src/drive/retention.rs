//! Removes journal files older than the kept days: at start, and within a minute of each new day.
//! Leaves to the journal which days may go: whole ones, never the newest, and none that the projector has not folded yet.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::clock::wall;
use crate::base::{Span, Utc};
use crate::store::Journal;

/// How often the day is looked at, and what the projector was behind with is tried again.
const EVERY: Duration = Duration::from_secs(60);

pub struct Retention {
    pub journal: Arc<Journal>,
    /// The setting `journal.keep`.
    pub keep: Span,
    /// The position up to which records are written.
    pub projected: watch::Receiver<u64>,
}

impl Retention {
    /// Runs until the process ends.
    pub async fn run(self) {
        let this = Arc::new(self);
        let mut looks = tokio::time::interval(EVERY);
        loop {
            looks.tick().await;
            let sweeper = Arc::clone(&this);
            // Unlinking a day's file may take the disk a while.
            if let Err(error) = tokio::task::spawn_blocking(move || sweeper.sweep(wall())).await {
                tracing::error!(%error, "old days were not removed");
            }
        }
    }

    /// Removes what is older than `keep` at this wall time. Returns the days that went.
    fn sweep(&self, now: Utc) -> Vec<String> {
        let first_kept = Utc(now.0.saturating_sub(self.keep.0)).day();
        match self.journal.remove_days(&first_kept, *self.projected.borrow()) {
            Ok(days) => {
                for day in &days {
                    tracing::info!(day, "a day of the journal is older than `journal.keep` and was removed");
                }
                days
            }
            Err(error) => {
                tracing::error!(%error, "old days of the journal cannot be removed; it is tried again");
                Vec::new()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::{TenantNo, Time};
    use crate::event::words::By;
    use crate::event::{About, Event, Kind, VERSION};

    const DAY: Span = Span::hours(24);

    fn day(n: i64) -> Utc {
        Utc(Utc(0).0 + n * DAY.0)
    }

    #[test]
    fn days_older_than_the_kept_ones_go_when_they_are_folded() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(folder.path(), 0, BTreeMap::new(), Box::new(|_, _| {})).expect("writable");
        let journal = Arc::new(journal);
        let (about, by, kind) = (About::default(), By::SYSTEM, Kind::SiteChanged { version: 1 });
        for n in 1..=5 {
            let event = Event {
                v: VERSION,
                t: Time(n),
                at: day(n),
                tenant: TenantNo(1),
                about,
                by: by.clone(),
                kind: kind.clone(),
            };
            journal.append(event, None);
        }
        // The first day has one event, each later one its checkpoint before it.
        let all = 9;
        while journal.status().committed < all {
            journal.ring().wait(journal.status().committed, Duration::from_secs(10), || false);
        }
        let (position, projected) = watch::channel(1);
        let retention = Retention { journal, keep: Span(2 * DAY.0), projected };
        assert_eq!(retention.sweep(day(3)), Vec::<String>::new(), "two days back lies the first: it is kept");
        assert_eq!(retention.sweep(day(5)), [day(1).day()], "the second is not folded");
        position.send_replace(all);
        assert_eq!(retention.sweep(Utc(day(5).0 + DAY.0 - 1)), [day(2).day()]);
        assert_eq!(retention.sweep(day(50)), [day(3).day(), day(4).day()], "never the newest");
        assert_eq!(retention.journal.oldest(), Some(8));
    }
}
