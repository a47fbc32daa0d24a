//! One station as the ACD sees it: is it there, who sits at it, which calls is it in, must it rest.
//! Owns the rest that keeps a broken phone from being offered to again and again. Leaves proof of life to whoever
//! asks the phone (`Output::Watch`), and the agent's own state to `agent`.

use super::line::LineState;
use crate::base::bounds::{
    CALLS_PER_AGENT, OUTSIDE_FAILURES_IN_A_ROW, REFUSALS_IN_A_ROW, STATION_REST_MAX, STATION_REST_MIN,
};
use crate::base::{AgentNo, ContactId, ExtensionNo, Span, Time};
use crate::event::words::EndCause;

/// Which phone. One outside is known by who sits at it, and is forgotten when he leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PhoneId {
    Extension(ExtensionNo),
    Outside(AgentNo),
}

#[derive(Clone, Debug, Default)]
pub struct Phone {
    /// Who is signed in here.
    pub holder: Option<AgentNo>,
    /// What was last told by whoever watches it. Nobody watches one outside: it is taken to be there.
    pub proved: bool,
    outside: bool,
    /// Set when its leg stays up between calls: then that alone says whether it is there.
    pub line: Option<LineState>,
    rest: Option<Rest>,
    /// Rests in a row, without a talk between.
    rests: u32,
    /// Offers refused in a row, without a talk between.
    refusals: u32,
    /// Calls it is in that no offer made.
    claims: Vec<ContactId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rest {
    why: RestWhy,
    until: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RestWhy {
    /// It answered with an error, or refused too often: it is there, but not offered to.
    Trouble,
    /// It did not answer: its agent counts as unreachable.
    Silence,
}

impl Phone {
    /// A phone of the public network.
    pub fn outside() -> Self {
        Self { proved: true, outside: true, ..Self::default() }
    }

    /// The agent at it can be reached.
    pub fn reachable(&self) -> bool {
        let there = self.line.map_or(self.proved, |line| line == LineState::Up);
        there && self.rest.is_none_or(|r| r.why == RestWhy::Trouble)
    }

    /// Why its leg is not up that should be.
    pub fn down(&self) -> Option<EndCause> {
        match self.line {
            Some(LineState::Down(cause)) => cause,
            Some(LineState::Rings | LineState::Up) | None => None,
        }
    }

    pub fn resting(&self) -> bool {
        self.rest.is_some()
    }

    pub fn deadline(&self) -> Option<Time> {
        self.rest.map(|r| r.until)
    }

    /// It is there, or not. A fresh proof ends a rest for silence; the length of the next rest is kept.
    pub fn prove(&mut self, there: bool) {
        self.proved = there;
        if there && self.rest.is_some_and(|r| r.why == RestWhy::Silence) {
            self.rest = None;
        }
    }

    /// It, or the way to it, failed. Outside, failures in a row are all that tells of a phone that is not there.
    pub fn failed(&mut self, t: Time) {
        let silent = self.outside && self.rests.saturating_add(1) >= OUTSIDE_FAILURES_IN_A_ROW;
        self.begin_rest(if silent { RestWhy::Silence } else { RestWhy::Trouble }, t);
    }

    /// There was no room on the way to it: it is tried again soon, and has failed in nothing.
    pub fn pause(&mut self, t: Time) {
        self.rest = Some(Rest { why: RestWhy::Trouble, until: t + STATION_REST_MIN });
    }

    pub fn silent(&mut self, t: Time) {
        if self.outside {
            return self.failed(t);
        }
        self.begin_rest(RestWhy::Silence, t);
    }

    /// The first few refusals cost nothing.
    pub fn refused(&mut self, t: Time) {
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals >= REFUSALS_IN_A_ROW {
            self.begin_rest(RestWhy::Trouble, t);
        }
    }

    /// A talk came about: all is forgiven.
    pub fn talked(&mut self) {
        (self.rests, self.refusals, self.rest) = (0, 0, None);
    }

    /// He asks for it to be rung; the next rest is as long as it would be.
    pub fn end_rest(&mut self) {
        self.rest = None;
    }

    /// A rest whose time is over ends.
    pub fn wake(&mut self, t: Time) {
        self.rest = self.rest.filter(|r| r.until > t);
    }

    pub fn claims(&self) -> &[ContactId] {
        &self.claims
    }

    /// False when it is in as many calls as it may.
    pub fn claim(&mut self, contact: ContactId) -> bool {
        if self.claims.contains(&contact) {
            return true;
        }
        let room = self.claims.len() < CALLS_PER_AGENT;
        if room {
            self.claims.push(contact);
        }
        room
    }

    /// True when it held the claim.
    pub fn release(&mut self, contact: ContactId) -> bool {
        let before = self.claims.len();
        self.claims.retain(|c| *c != contact);
        self.claims.len() < before
    }

    fn begin_rest(&mut self, why: RestWhy, t: Time) {
        let length = Span(STATION_REST_MIN.0 << self.rests.min(16)).min(STATION_REST_MAX);
        self.rests = self.rests.saturating_add(1);
        self.rest = Some(Rest { why, until: t + length });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_to_their_bound_and_a_talk_ends_them() {
        let mut phone = Phone { proved: true, ..Phone::default() };
        let lengths: Vec<i64> = (0..8)
            .map(|_| {
                phone.failed(Time(0));
                phone.deadline().expect("it rests").since(Time(0)).as_seconds()
            })
            .collect();
        assert_eq!(lengths, [5, 10, 20, 40, 80, 160, 300, 300]);
        phone.wake(Time(299_999_999));
        assert!(phone.reachable() && phone.resting());
        phone.wake(Time(300_000_000));
        assert!(!phone.resting());
        phone.talked();
        phone.silent(Time(0));
        assert_eq!(phone.deadline(), Some(Time(5_000_000)));
        assert!(!phone.reachable());
        phone.prove(true);
        assert!(phone.reachable() && !phone.resting());
    }

    #[test]
    fn outside_only_failures_in_a_row_make_it_unreachable() {
        let mut phone = Phone::outside();
        for failure in [Phone::failed, Phone::silent] {
            failure(&mut phone, Time(0));
            assert!(phone.resting() && phone.reachable());
        }
        // a full trunk is none
        phone.pause(Time(0));
        assert_eq!(phone.deadline(), Some(Time(5_000_000)));
        assert!(phone.reachable());
        phone.silent(Time(0));
        assert!(!phone.reachable());
        let over = phone.deadline().expect("it rests");
        assert_eq!(over, Time(20_000_000));
        phone.wake(over);
        assert!(phone.reachable() && !phone.resting());
        phone.failed(over);
        assert!(!phone.reachable());
        phone.talked();
        phone.failed(over);
        assert!(phone.reachable());
    }

    #[test]
    fn only_refusals_in_a_row_cost_a_rest() {
        let mut phone = Phone::default();
        for n in 1..=REFUSALS_IN_A_ROW {
            assert!(!phone.resting(), "refusal {n}");
            phone.refused(Time(0));
        }
        assert!(phone.resting());
    }
}
