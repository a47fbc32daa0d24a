//! A hold that has lasted as long as one may (site: `hold_max`): a caller whom a command holds is given back, a far end that
//! holds us by itself has left.
//! Owns when that is. Leaves to the tenant whether the agent who held talks to somebody else by now.

use super::contact::{Contact, Context, Timer};
use super::words::Tell;
use crate::base::{LegId, Time};
use crate::event::words::{EndCause, Side};

impl Contact {
    /// The next time at which a hold is too long. One that nobody ended then is asked about again, as long after.
    pub fn watch_holds(&mut self) {
        let (longest, recalled) = (self.limits.hold_max, self.marks.recalled);
        let due = |since: Time| match recalled {
            Some(recalled) if recalled >= since + longest => recalled + longest,
            Some(_) | None => since + longest,
        };
        let next = self.parties().flat_map(|l| [l.held_since, l.away_since]).flatten().map(due).min();
        self.timers.set(Timer::HoldMax, next);
    }

    pub fn hold_over(&mut self, context: &mut Context) {
        let (t, longest) = (context.t(), self.limits.hold_max);
        let over = |since: Option<Time>| since.is_some_and(|since| since + longest <= t);
        self.marks.recalled = Some(t);
        let held: Vec<LegId> = self.parties().filter(|l| over(l.held_since)).map(|l| l.id).collect();
        let gone: Vec<LegId> = self.parties().filter(|l| over(l.away_since)).map(|l| l.id).collect();
        for leg in held {
            self.tell(context, Tell::HeldTooLong { leg });
        }
        for leg in gone {
            self.release_leg(context, leg, EndCause::TooLong, Side::System);
        }
    }
}
