//! Bounded waits, and which tests may run side by side.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use super::rtp;

/// What a step of a scenario may take.
pub const STEP: Duration = Duration::from_secs(10);
/// Between two looks at what cannot tell when it changes: another process, a page of figures.
const LOOK: Duration = Duration::from_millis(20);

/// Looks until there is something. Only for what has no event.
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited {limit:?} for {what}");
        park_timeout(LOOK);
    }
}

/// Held for reading by ordinary tests and for writing by sound tests.
static SOUND: RwLock<()> = RwLock::new(());

/// An ordinary test: runs beside others, not beside a sound test.
pub fn beside_others() -> RwLockReadGuard<'static, ()> {
    SOUND.read().unwrap_or_else(PoisonError::into_inner)
}

/// A sender's packet that left later than this ran on a machine too busy to judge sound by.
const LATE: Duration = Duration::from_millis(20);

/// A sound test runs alone. If it fails and a sender of its own ran late by its own counters, it is repeated once and
/// says so; no bound is widened.
pub fn alone(test: impl Fn()) {
    let guard = SOUND.write().unwrap_or_else(PoisonError::into_inner);
    rtp::forget_lateness();
    let first = catch_unwind(AssertUnwindSafe(&test));
    if let Err(failure) = first {
        let late = rtp::latest();
        if late < LATE {
            drop(guard);
            resume_unwind(failure);
        }
        eprintln!("a sender of the harness ran {late:?} late: the test is repeated once");
        test();
    }
}
