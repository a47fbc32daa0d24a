//! Two contacts become one, and the party that is in both stays: all of them talk to each other.
//! Owns which of its two legs goes on. Leaves the move of the others to `merge`, whose older contact goes on here too.
//!
//! The phone goes on with the call in which it talks; the one that it holds ends. When that is the call of the contact that
//! ends, its leg moves with the others and takes the place of the held one: offer, agent and chair are the held leg's.

use super::Contacts;
use super::contact::{Contact, Context};
use super::end::LegEnd;
use super::leg::Leg;
use super::merge::End;
use super::words::{ChairLeaves, Does, OfferStep, Refused, Tell};
use crate::base::bounds::LEGS_PER_CONTACT;
use crate::base::{LegId, Now, Supplies};
use crate::event::Kind;
use crate::event::words::{By, EndCause, OfferEnding, Side};

/// Both contacts, and whether his leg in the one that ends is the one that goes on.
type Staying = (End, End, bool);

impl Contacts {
    /// Whether all of both contacts can talk to each other, the party of these two legs with them.
    pub fn may_stay(&self, one: LegId, other: LegId) -> Result<(), Refused> {
        self.staying(one, other).map(|_| ())
    }

    pub fn merge_and_stay(
        &mut self,
        (one, other): (LegId, LegId),
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), Refused> {
        let (goes_on, ends, moves) = self.staying(one, other)?;
        let (old, new) = if moves { (goes_on.1, ends.1) } else { (ends.1, goes_on.1) };
        let passes_to = |leg| self.place(leg).and_then(|contact| contact.leg(leg)).and_then(|l| l.passes_to);
        // What the line that goes on passes itself stands before it.
        let inherited = passes_to(old).filter(|_| passes_to(new).is_none());
        let (mut moving, panics) = (None, self.panics);
        self.with(ends.0, now, supplies, |contact, context| {
            let legs = contact.give_legs(context, ends.1, moves, goes_on.0, &by);
            moving = Some(legs);
            if moves {
                let talked = contact.marks.talked;
                let left = moving.iter_mut().flat_map(|moving| &mut moving.legs).find(|l| l.id == ends.1);
                if let Some(leg) = left {
                    contact.work_ends_here(context, leg, talked);
                }
                let side = Side::Agent;
                contact.mark_ending(LegEnd { cause: EndCause::Released, side, status: None });
                contact.settle(context);
            } else {
                if inherited.is_some() {
                    contact.forget_passing(old);
                }
                contact.end_merged(context, old);
            }
        });
        // After a panic who gives has all its legs back, and ends with them: what was copied is nobody's.
        let mut moving = moving.filter(|_| self.panics == panics).ok_or(Refused::UnknownContact)?;
        for leg in &moving.legs {
            self.by_leg.insert(leg.id, goes_on.0);
        }
        self.with(goes_on.0, now, supplies, |contact, context| {
            let known = moves.then_some(ends.1);
            if let Some(came) = moving.legs.iter_mut().find(|l| Some(l.id) == known) {
                contact.give_place(goes_on.1, came);
            }
            // Nobody is dialled for the contact that ends: it talks.
            contact.take_legs(context, moving, known, &by);
            if inherited.is_some() {
                contact.forget_passing(old);
            }
            contact.passing_goes_on(context, (old, new), inherited);
            if moves {
                contact.end_held(context, goes_on.1, ends.1);
            }
            let stays = if moves { ends.1 } else { goes_on.1 };
            let main = contact.main_call();
            contact.retrieve_all(context, main, &by);
            contact.marks.talked = true;
            contact.take_chair(context, main, stays, ChairLeaves::PassOn);
            contact.settle(context);
        });
        assert_eq!(self.panics, panics, "legs that were on their way are nobody's: the driver renews the machine");
        Ok(())
    }

    fn staying(&self, one: LegId, other: LegId) -> Result<Staying, Refused> {
        let (a, b) = self.place(one).zip(self.place(other)).ok_or(Refused::UnknownLeg)?;
        if a.id == b.id {
            return Err(Refused::AlreadyDone);
        }
        let (a, b) = ((a, one), (b, other));
        let (goes_on, ends) = if (a.0.born, a.0.id) <= (b.0.born, b.0.id) { (a, b) } else { (b, a) };
        for (contact, leg) in [goes_on, ends] {
            contact.may_give_away(leg)?;
            let talks = contact.is_answered(leg) && contact.company(leg).next().is_some();
            if !talks || contact.awaits_dial() {
                return Err(Refused::NotTalking);
            }
        }
        let came = ends.0.parties().count() - 1;
        if goes_on.0.live_legs().count() + came > LEGS_PER_CONTACT {
            return Err(Refused::Full);
        }
        goes_on.0.has_seats(came)?;
        let talks = |(contact, leg): (&Contact, LegId)| {
            contact.leg(leg).is_some_and(|l| l.does != Does::Holds && l.is_off_hold())
        };
        let moves = talks(ends) && !talks(goes_on);
        Ok(((goes_on.0.id, goes_on.1), (ends.0.id, ends.1), moves))
    }
}

impl Contact {
    /// What his leg was in this contact is over; the leg itself goes on elsewhere.
    fn work_ends_here(&self, context: &mut Context, leg: &mut Leg, talked: bool) {
        if let Some(offered) = leg.offered.take() {
            if !offered.over {
                let step = OfferStep::Ended { ending: OfferEnding::Connected, sip_status: None };
                self.tell(context, Tell::Offer { offer: offered.offer, step });
            }
            self.tell(context, Tell::AgentGone { agent: offered.agent, group: offered.group });
        }
        if let Some(caller) = leg.caller.take() {
            let group = caller.group.filter(|_| talked);
            self.tell(context, Tell::CallerGone { agent: caller.agent, group });
        }
    }

    /// The leg that comes takes the place of the held one: what that one was is told of it from its coming on.
    fn give_place(&mut self, held: LegId, came: &mut Leg) {
        let Some(old) = self.leg_mut(held) else { return };
        (came.offered, came.caller, came.role) = (old.offered.take(), old.caller.take(), old.role);
        (came.does, came.supervision) = (old.does, old.supervision.take());
    }

    fn end_held(&mut self, context: &mut Context, held: LegId, came: LegId) {
        self.put_in_place(context, held, came);
        let main = self.main_call();
        if self.chair_of(main) == Some(came) {
            self.journal_leg(context, came, By::SYSTEM, Kind::ChairTaken);
        }
        self.end_replaced(context, held);
    }
}
