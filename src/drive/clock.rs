//! The house's clock: the one place where a clock is read for a machine.

use std::sync::Mutex;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::base::{Now, Span, Time, Utc};

/// Set once from the wall clock and never below the last journaled time; from then on it advances with the monotonic
/// clock only.
#[derive(Debug)]
pub struct Clock {
    origin: Time,
    started: Instant,
    /// Wall minus house axis, as last seen: a change is a step of the wall clock.
    offset: Mutex<Span>,
}

/// A step of the wall clock smaller than this is its ordinary steering.
const STEP_MIN: Span = Span::seconds(1);

impl Clock {
    /// `last`: the time of the last journaled event, so that nothing after a restart lies before it.
    pub fn start(last: Option<Time>) -> Self {
        let from_wall = Time::from_wall(wall());
        let origin = last.map_or(from_wall, |last| from_wall.max(last + Span::seconds(1)));
        let clock = Self { origin, started: Instant::now(), offset: Mutex::new(Span::ZERO) };
        let now = clock.now();
        *clock.offset.lock().expect("no holder of this lock can panic") = offset(now);
        clock
    }

    pub fn now(&self) -> Now {
        Now { t: self.t(), wall: wall() }
    }

    pub fn t(&self) -> Time {
        let elapsed = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.origin + Span(elapsed)
    }

    /// The step of the wall clock since this was asked last, if it was one.
    pub fn wall_step(&self) -> Option<Span> {
        let now = offset(self.now());
        let mut seen = self.offset.lock().expect("no holder of this lock can panic");
        let step = now - *seen;
        *seen = now;
        (step.0.abs() >= STEP_MIN.0).then_some(step)
    }

    /// For a driver that waits until a machine's deadline.
    pub fn instant_of(&self, t: Time) -> Instant {
        self.started + (t - self.origin).to_std()
    }
}

fn offset(now: Now) -> Span {
    Span(Time::from_wall(now.wall).0 - now.t.0)
}

pub fn wall() -> Utc {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Utc(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_goes_on_after_the_last_journaled_time() {
        let ahead = Time::from_wall(wall()) + Span::hours(5);
        let clock = Clock::start(Some(ahead));
        assert!(clock.t() >= ahead + Span::seconds(1));
        let a = clock.t();
        assert!(clock.t() >= a);
        assert_eq!(clock.wall_step(), None);
    }
}
