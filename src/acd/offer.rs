//! One offer: a lease that joins an item and an agent until it has one ending.
//! Owns the states (pending, alerting, confirming, accepted, connected) and when each runs out. Leaves what an ending means for
//! item, agent and phone to the composition, and the ringing itself to whoever sends `OfferStep`s.

use super::agent::Doing;
use super::words::OfferStep;
use crate::base::bounds::{CONFIRM_MAX, OFFER_CONNECT_MAX};
use crate::base::{AgentNo, ContactId, GroupNo, ItemId, OfferId, SegmentId, Time};
use crate::event::About;
use crate::event::words::{OfferEnding, OfferWay};

#[derive(Clone, Debug)]
pub struct Lease {
    pub id: OfferId,
    pub item: ItemId,
    pub holder: ContactId,
    pub agent: AgentNo,
    pub group: Option<GroupNo>,
    pub state: LeaseState,
    pub way: OfferWay,
    /// The agent's part of the recording.
    pub segment: SegmentId,
    /// He has accepted it in his client, and his station has not answered yet.
    pub accepted: bool,
    /// Why he rejected it.
    pub reason: Option<String>,
    /// His wrap-up of the same contact: it is his work again should this come to nothing.
    pub beneath: Option<Doing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// The phone has not said anything yet.
    Pending { until: Time },
    /// A client shows it; nothing rings.
    Shown { until: Time },
    /// It rings.
    Alerting { until: Time },
    /// It was picked up by what may be a machine; a key must follow.
    Confirming { until: Time },
    /// It was picked up; sound must follow.
    Accepted { until: Time },
    /// The item has left its queue. Proof of life is the talk's own.
    Connected,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance {
    Alerting,
    Confirming {
        until: Time,
    },
    Accepted,
    Connected,
    /// The station of who has accepted does what it should.
    Proceeds,
    Ended(OfferEnding),
    /// It has failed, and not by the station.
    NoWay,
    /// It says nothing new: repeated, or overtaken by a later one.
    Stale,
}

/// The offer rings at the agent's station, where he answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rings;

impl Lease {
    /// A client shows it. True when that is news.
    pub fn show(&mut self) -> Result<bool, Rings> {
        match (self.way, self.state) {
            (OfferWay::Ring | OfferWay::Permanent, _) => Err(Rings),
            (OfferWay::Client, LeaseState::Pending { until }) => {
                self.state = LeaseState::Shown { until };
                Ok(true)
            }
            (OfferWay::Client, _) => Ok(false),
        }
    }

    /// He takes it in his client; his station has until then to answer. False: he had done so.
    pub fn accept(&mut self, until: Time) -> Result<bool, Rings> {
        match (self.way, self.state) {
            (OfferWay::Ring | OfferWay::Permanent, _) => Err(Rings),
            (OfferWay::Client, LeaseState::Pending { .. } | LeaseState::Shown { .. }) => {
                (self.state, self.accepted) = (LeaseState::Accepted { until }, true);
                Ok(true)
            }
            (OfferWay::Client, _) => Ok(false),
        }
    }

    /// What the station of who has accepted says; `None`: what it says counts as ever.
    fn proceed(&mut self, step: OfferStep, t: Time) -> Option<Advance> {
        let longest = match step {
            OfferStep::Alerting => return self.accepted.then_some(Advance::Proceeds),
            OfferStep::Confirming => CONFIRM_MAX,
            OfferStep::Accepted => OFFER_CONNECT_MAX,
            OfferStep::Connected | OfferStep::Ended { .. } | OfferStep::NoWay => return None,
        };
        if !self.accepted || !matches!(self.state, LeaseState::Accepted { .. }) {
            return None;
        }
        self.accepted = step != OfferStep::Accepted;
        self.state = LeaseState::Accepted { until: t + longest };
        Some(Advance::Proceeds)
    }

    pub fn step(&mut self, step: OfferStep, t: Time) -> Advance {
        if let Some(advance) = self.proceed(step, t) {
            return advance;
        }
        match (self.state, step) {
            (LeaseState::Pending { until } | LeaseState::Shown { until }, OfferStep::Alerting) => {
                self.state = LeaseState::Alerting { until };
                Advance::Alerting
            }
            (
                LeaseState::Pending { .. } | LeaseState::Shown { .. } | LeaseState::Alerting { .. },
                OfferStep::Confirming,
            ) => {
                let until = t + CONFIRM_MAX;
                self.state = LeaseState::Confirming { until };
                Advance::Confirming { until }
            }
            (
                LeaseState::Pending { .. }
                | LeaseState::Shown { .. }
                | LeaseState::Alerting { .. }
                | LeaseState::Confirming { .. },
                OfferStep::Accepted,
            ) => {
                self.state = LeaseState::Accepted { until: t + OFFER_CONNECT_MAX };
                Advance::Accepted
            }
            (
                LeaseState::Pending { .. }
                | LeaseState::Shown { .. }
                | LeaseState::Alerting { .. }
                | LeaseState::Confirming { .. }
                | LeaseState::Accepted { .. },
                OfferStep::Connected,
            ) => {
                self.state = LeaseState::Connected;
                Advance::Connected
            }
            (
                LeaseState::Pending { .. }
                | LeaseState::Shown { .. }
                | LeaseState::Alerting { .. }
                | LeaseState::Confirming { .. }
                | LeaseState::Accepted { .. },
                OfferStep::NoWay,
            ) => Advance::NoWay,
            (LeaseState::Connected, OfferStep::Ended { .. }) => Advance::Ended(OfferEnding::Connected),
            (
                LeaseState::Pending { .. }
                | LeaseState::Shown { .. }
                | LeaseState::Alerting { .. }
                | LeaseState::Confirming { .. }
                | LeaseState::Accepted { .. },
                OfferStep::Ended { ending, .. },
            ) => Advance::Ended(unconnected(ending)),
            (
                LeaseState::Alerting { .. }
                | LeaseState::Confirming { .. }
                | LeaseState::Accepted { .. }
                | LeaseState::Connected,
                OfferStep::Alerting,
            )
            | (
                LeaseState::Confirming { .. } | LeaseState::Accepted { .. } | LeaseState::Connected,
                OfferStep::Confirming,
            )
            | (LeaseState::Accepted { .. } | LeaseState::Connected, OfferStep::Accepted)
            | (LeaseState::Connected, OfferStep::Connected | OfferStep::NoWay) => Advance::Stale,
        }
    }

    pub fn deadline(&self) -> Option<Time> {
        match self.state {
            LeaseState::Pending { until }
            | LeaseState::Shown { until }
            | LeaseState::Alerting { until }
            | LeaseState::Confirming { until }
            | LeaseState::Accepted { until } => Some(until),
            LeaseState::Connected => None,
        }
    }

    /// How it ends when its deadline has come. A phone that never said it rings did not ring: the agent is not
    /// charged with letting it ring out.
    pub fn lapse(&self, t: Time) -> Option<OfferEnding> {
        if self.deadline().is_none_or(|until| t < until) {
            return None;
        }
        match self.state {
            LeaseState::Pending { .. } => Some(OfferEnding::Unreachable),
            // What answered was no agent.
            LeaseState::Shown { .. } | LeaseState::Alerting { .. } | LeaseState::Confirming { .. } => {
                Some(OfferEnding::RangOut)
            }
            LeaseState::Accepted { .. } => Some(OfferEnding::Failed),
            LeaseState::Connected => None,
        }
    }

    /// Not picked up by a person yet: a change of the agent's state can still end it.
    pub fn rings(&self) -> bool {
        match self.state {
            LeaseState::Pending { .. }
            | LeaseState::Shown { .. }
            | LeaseState::Alerting { .. }
            | LeaseState::Confirming { .. } => true,
            LeaseState::Accepted { .. } | LeaseState::Connected => false,
        }
    }

    /// The phone has said that it rings.
    pub fn alerts(&self) -> bool {
        match self.state {
            LeaseState::Alerting { .. } | LeaseState::Confirming { .. } => true,
            LeaseState::Pending { .. }
            | LeaseState::Shown { .. }
            | LeaseState::Accepted { .. }
            | LeaseState::Connected => false,
        }
    }

    pub fn about(&self) -> About {
        About {
            contact: Some(self.holder),
            agent: Some(self.agent),
            group: self.group,
            item: Some(self.item),
            offer: Some(self.id),
            ..About::default()
        }
    }
}

/// Only what was connected ends as connected; a talk that is over before sound flowed has failed.
fn unconnected(ending: OfferEnding) -> OfferEnding {
    match ending {
        OfferEnding::Connected => OfferEnding::Failed,
        OfferEnding::Rejected
        | OfferEnding::RangOut
        | OfferEnding::CallerLeft
        | OfferEnding::Failed
        | OfferEnding::LostRace
        | OfferEnding::Unreachable
        | OfferEnding::Rescinded
        | OfferEnding::SentOn => ending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNTIL: Time = Time(20_000_000);

    fn lease(state: LeaseState) -> Lease {
        let (id, item, holder) = (OfferId(1), ItemId(2), ContactId(3));
        Lease {
            id,
            item,
            holder,
            agent: AgentNo(4),
            group: Some(GroupNo(5)),
            state,
            way: OfferWay::Ring,
            segment: SegmentId(6),
            accepted: false,
            reason: None,
            beneath: None,
        }
    }

    fn ended(ending: OfferEnding) -> OfferStep {
        OfferStep::Ended { ending, sip_status: None }
    }

    #[test]
    fn every_state_takes_every_step() {
        let t = Time(1_000_000);
        let (pending, alerting) = (LeaseState::Pending { until: UNTIL }, LeaseState::Alerting { until: UNTIL });
        let accepted = LeaseState::Accepted { until: t + OFFER_CONNECT_MAX };
        let until = t + CONFIRM_MAX;
        let (confirming, asked) = (LeaseState::Confirming { until }, Advance::Confirming { until });
        let (rejected, over) = (ended(OfferEnding::Rejected), ended(OfferEnding::Connected));
        let cases = [
            (pending, OfferStep::Alerting, Advance::Alerting, alerting),
            (pending, OfferStep::Accepted, Advance::Accepted, accepted),
            (pending, OfferStep::Connected, Advance::Connected, LeaseState::Connected),
            (pending, rejected, Advance::Ended(OfferEnding::Rejected), pending),
            (pending, OfferStep::NoWay, Advance::NoWay, pending),
            (accepted, OfferStep::NoWay, Advance::NoWay, accepted),
            (LeaseState::Connected, OfferStep::NoWay, Advance::Stale, LeaseState::Connected),
            (pending, OfferStep::Confirming, asked, confirming),
            (alerting, OfferStep::Confirming, asked, confirming),
            (confirming, OfferStep::Alerting, Advance::Stale, confirming),
            (confirming, OfferStep::Confirming, Advance::Stale, confirming),
            (confirming, OfferStep::Accepted, Advance::Accepted, accepted),
            (confirming, OfferStep::Connected, Advance::Connected, LeaseState::Connected),
            (confirming, rejected, Advance::Ended(OfferEnding::Rejected), confirming),
            (accepted, OfferStep::Confirming, Advance::Stale, accepted),
            (LeaseState::Connected, OfferStep::Confirming, Advance::Stale, LeaseState::Connected),
            (alerting, OfferStep::Alerting, Advance::Stale, alerting),
            (alerting, OfferStep::Accepted, Advance::Accepted, accepted),
            (alerting, OfferStep::Connected, Advance::Connected, LeaseState::Connected),
            (alerting, over, Advance::Ended(OfferEnding::Failed), alerting),
            (accepted, OfferStep::Alerting, Advance::Stale, accepted),
            (accepted, OfferStep::Accepted, Advance::Stale, accepted),
            (accepted, OfferStep::Connected, Advance::Connected, LeaseState::Connected),
            (accepted, rejected, Advance::Ended(OfferEnding::Rejected), accepted),
            (LeaseState::Connected, OfferStep::Alerting, Advance::Stale, LeaseState::Connected),
            (LeaseState::Connected, OfferStep::Accepted, Advance::Stale, LeaseState::Connected),
            (LeaseState::Connected, OfferStep::Connected, Advance::Stale, LeaseState::Connected),
            (LeaseState::Connected, rejected, Advance::Ended(OfferEnding::Connected), LeaseState::Connected),
        ];
        for (before, step, advance, after) in cases {
            let mut lease = lease(before);
            assert_eq!((lease.step(step, t), lease.state), (advance, after), "{before:?} {step:?}");
        }
    }

    #[test]
    fn a_client_shows_and_accepts_before_anything_rings() {
        let t = Time(1_000_000);
        let client = |state| Lease { way: OfferWay::Client, ..lease(state) };
        let mut offered = client(LeaseState::Pending { until: UNTIL });
        assert_eq!((offered.show(), offered.show()), (Ok(true), Ok(false)));
        assert_eq!(offered.lapse(UNTIL), Some(OfferEnding::RangOut));
        assert!(offered.rings() && !offered.alerts());
        let until = t + OFFER_CONNECT_MAX + CONFIRM_MAX + OFFER_CONNECT_MAX;
        assert_eq!((offered.accept(until), offered.accept(UNTIL)), (Ok(true), Ok(false)));
        assert!(!offered.rings());
        assert_eq!(offered.lapse(until), Some(OfferEnding::Failed));
        for (step, advance, until) in [
            (OfferStep::Alerting, Advance::Proceeds, until),
            (OfferStep::Confirming, Advance::Proceeds, t + CONFIRM_MAX),
            (OfferStep::Accepted, Advance::Proceeds, t + OFFER_CONNECT_MAX),
            (OfferStep::Accepted, Advance::Stale, t + OFFER_CONNECT_MAX),
        ] {
            assert_eq!((offered.step(step, t), offered.deadline()), (advance, Some(until)), "{step:?}");
        }
        assert_eq!(offered.step(OfferStep::Connected, t), Advance::Connected);
        let mut rings = lease(LeaseState::Alerting { until: UNTIL });
        assert_eq!((rings.show(), rings.accept(UNTIL)), (Err(Rings), Err(Rings)));
    }

    #[test]
    fn what_a_lease_ends_as_depends_on_how_far_it_came() {
        let cases = [
            (LeaseState::Pending { until: UNTIL }, Some(OfferEnding::Unreachable)),
            (LeaseState::Alerting { until: UNTIL }, Some(OfferEnding::RangOut)),
            (LeaseState::Confirming { until: UNTIL }, Some(OfferEnding::RangOut)),
            (LeaseState::Accepted { until: UNTIL }, Some(OfferEnding::Failed)),
            (LeaseState::Connected, None),
        ];
        for (state, ending) in cases {
            assert_eq!(lease(state).lapse(UNTIL), ending, "{state:?}");
            assert_eq!(lease(state).lapse(Time(UNTIL.0 - 1)), None, "{state:?}");
        }
    }
}
