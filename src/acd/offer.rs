//! One offer: a lease that joins an item and an agent until it has one ending.
//! Owns the states (pending, alerting, confirming, accepted, connected) and when each runs out. Leaves what an ending means for
//! item, agent and phone to the composition, and the ringing itself to whoever sends `OfferStep`s.

use super::words::OfferStep;
use crate::base::bounds::{CONFIRM_MAX, OFFER_CONNECT_MAX};
use crate::base::{AgentNo, ContactId, GroupNo, ItemId, OfferId, Time};
use crate::event::About;
use crate::event::words::OfferEnding;

#[derive(Clone, Debug)]
pub struct Lease {
    pub id: OfferId,
    pub item: ItemId,
    pub holder: ContactId,
    pub agent: AgentNo,
    pub group: Option<GroupNo>,
    pub state: LeaseState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// The phone has not said anything yet.
    Pending { until: Time },
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
    Ended(OfferEnding),
    /// It says nothing new: repeated, or overtaken by a later one.
    Stale,
}

impl Lease {
    pub fn step(&mut self, step: OfferStep, t: Time) -> Advance {
        match (self.state, step) {
            (LeaseState::Pending { until }, OfferStep::Alerting) => {
                self.state = LeaseState::Alerting { until };
                Advance::Alerting
            }
            (LeaseState::Pending { .. } | LeaseState::Alerting { .. }, OfferStep::Confirming) => {
                let until = t + CONFIRM_MAX;
                self.state = LeaseState::Confirming { until };
                Advance::Confirming { until }
            }
            (
                LeaseState::Pending { .. } | LeaseState::Alerting { .. } | LeaseState::Confirming { .. },
                OfferStep::Accepted,
            ) => {
                self.state = LeaseState::Accepted { until: t + OFFER_CONNECT_MAX };
                Advance::Accepted
            }
            (
                LeaseState::Pending { .. }
                | LeaseState::Alerting { .. }
                | LeaseState::Confirming { .. }
                | LeaseState::Accepted { .. },
                OfferStep::Connected,
            ) => {
                self.state = LeaseState::Connected;
                Advance::Connected
            }
            (LeaseState::Connected, OfferStep::Ended { .. }) => Advance::Ended(OfferEnding::Connected),
            (
                LeaseState::Pending { .. }
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
            | (LeaseState::Connected, OfferStep::Connected) => Advance::Stale,
        }
    }

    pub fn deadline(&self) -> Option<Time> {
        match self.state {
            LeaseState::Pending { until }
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
            LeaseState::Alerting { .. } | LeaseState::Confirming { .. } => Some(OfferEnding::RangOut),
            LeaseState::Accepted { .. } => Some(OfferEnding::Failed),
            LeaseState::Connected => None,
        }
    }

    /// Not picked up by a person yet: a change of the agent's state can still end it.
    pub fn rings(&self) -> bool {
        match self.state {
            LeaseState::Pending { .. } | LeaseState::Alerting { .. } | LeaseState::Confirming { .. } => true,
            LeaseState::Accepted { .. } | LeaseState::Connected => false,
        }
    }

    /// The phone has said that it rings.
    pub fn alerts(&self) -> bool {
        match self.state {
            LeaseState::Alerting { .. } | LeaseState::Confirming { .. } => true,
            LeaseState::Pending { .. } | LeaseState::Accepted { .. } | LeaseState::Connected => false,
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
        | OfferEnding::Rescinded => ending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNTIL: Time = Time(20_000_000);

    fn lease(state: LeaseState) -> Lease {
        let (id, item, holder) = (OfferId(1), ItemId(2), ContactId(3));
        Lease { id, item, holder, agent: AgentNo(4), group: Some(GroupNo(5)), state }
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
