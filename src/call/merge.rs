//! Two contacts become one: a phone in both gives its two far ends to each other (an attended transfer by REFER), or a
//! command asks for it. Owns which contact goes on, whether two may be joined, and the move of legs between them. Leaves
//! what then happens between transferor and target to the contact's transfer machine, whatever order it comes in.
//!
//! The older goes on and the younger ends as its alias; a contact in which nobody talks yet never goes on. The legs of
//! the younger move with their sockets (`Body::Hand`), dial and all; only the transferor's own stays and ends there.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::Contacts;
use super::contact::{Contact, Context};
use super::dial::{Dialing, Purpose};
use super::end::LegEnd;
use super::leg::Leg;
use super::transfer::{Event, Phase, Transfer};
use super::words::{Act, ConsultVerb, Does, Refused, Tell};
use crate::base::bounds::LEGS_PER_CONTACT;
use crate::base::{ContactId, LegId, Now, Supplies};
use crate::event::Kind;
use crate::event::words::{By, EndCause, LegRole, Side, TransferMode};
use crate::media::words::Body;

/// A contact, and the transferor's leg in it.
pub(super) type End = (ContactId, LegId);

/// What leaves a contact for another.
pub(super) struct Moving {
    from: ContactId,
    pub legs: Vec<Leg>,
    dialing: Option<Dialing>,
    customer: Option<LegId>,
    record: bool,
    data: Map<String, Value>,
}

impl Contacts {
    /// Whether the far ends of these two legs, both of one party, can be joined.
    pub fn may_merge(&self, one: LegId, other: LegId) -> Result<(), Refused> {
        self.merging(one, other).map(|_| ())
    }

    /// Joins the far ends of two legs of one party. Its leg that the transfer is told of, when it is not over at once.
    pub fn merge(
        &mut self,
        (one, other): (LegId, LegId),
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<LegId, Refused> {
        let Some((goes_on, ends)) = self.merging(one, other)? else {
            return self.complete_consult(one, other, by, now, supplies);
        };
        let mut moving = None;
        self.with(ends.0, now, supplies, |contact, context| {
            moving = Some(contact.give_legs(context, ends.1, false, goes_on.0, &by));
        });
        let Some(moving) = moving else { return Err(Refused::UnknownContact) };
        for leg in &moving.legs {
            self.by_leg.insert(leg.id, goes_on.0);
        }
        let panics = self.panics;
        self.with(goes_on.0, now, supplies, |contact, context| {
            let (came, dialing) = contact.take_legs(context, moving, None, &by);
            let dialled = dialing.as_ref().and_then(Dialing::leg);
            if let Some(dialing) = dialing {
                let main = contact.main_call();
                contact.adopt_dialing(dialing, main);
            }
            let target = dialled.or_else(|| came.iter().copied().find(|&leg| contact.is_answered(leg)));
            contact.give_to(context, goes_on.1, target, &by);
            contact.settle(context);
        });
        assert_eq!(self.panics, panics, "legs that were on their way are nobody's: the driver renews the machine");
        self.with(ends.0, now, supplies, |contact, context| contact.end_merged(context, ends.1));
        Ok(goes_on.1)
    }

    /// The live contact of a leg, as far as it has one.
    pub(super) fn place(&self, leg: LegId) -> Option<&Contact> {
        let id = self.by_leg.get(&leg)?;
        self.contacts.get(id).filter(|c| !c.sealed && c.live_legs().any(|l| l.id == leg))
    }

    /// Which of the two goes on; `None`: both legs are in one contact, whose consult they are.
    fn merging(&self, one: LegId, other: LegId) -> Result<Option<(End, End)>, Refused> {
        let place = |leg: LegId| self.place(leg).map(|contact| (contact, leg));
        let (a, b) = place(one).zip(place(other)).ok_or(Refused::UnknownLeg)?;
        if a.0.id == b.0.id {
            let act = a.0.consult_of(one, other).ok_or(Refused::NotTalking)?;
            return a.0.may(&act).map(|()| None);
        }
        let age = |(contact, leg): (&Contact, LegId)| (!contact.is_answered(leg), contact.born, contact.id);
        let (goes_on, ends) = if age(a) <= age(b) { (a, b) } else { (b, a) };
        goes_on.0.may_give_away(goes_on.1)?;
        ends.0.may_give_away(ends.1)?;
        if !goes_on.0.is_answered(goes_on.1) {
            return Err(Refused::NotTalking);
        }
        if goes_on.0.live_legs().count() + ends.0.live_legs().count() > LEGS_PER_CONTACT {
            return Err(Refused::Full);
        }
        Ok(Some(((goes_on.0.id, goes_on.1), (ends.0.id, ends.1))))
    }

    fn complete_consult(
        &mut self,
        one: LegId,
        other: LegId,
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<LegId, Refused> {
        let id = *self.by_leg.get(&one).ok_or(Refused::UnknownLeg)?;
        let consult = self.contacts.get(&id).and_then(|c| c.consult_of(one, other));
        let Some(Act::Consult { transferor, verb, .. }) = consult else { return Err(Refused::NotTalking) };
        self.act(id, Act::Consult { transferor, verb, by }, now, supplies);
        Ok(transferor)
    }
}

impl Contact {
    /// The consult that one of these legs has, to be completed.
    fn consult_of(&self, one: LegId, other: LegId) -> Option<Act> {
        let transferor = self.transfer.as_ref().map(|t| t.transferor).filter(|&leg| leg == one || leg == other)?;
        Some(Act::Consult { transferor, verb: ConsultVerb::Complete, by: By::PARTY })
    }

    /// This leg's far end, or whom it has dialled, can go without it.
    pub(super) fn may_give_away(&self, leg: LegId) -> Result<(), Refused> {
        let found = self.leg(leg).ok_or(Refused::UnknownLeg)?;
        if found.call != self.main_call() || found.role == LegRole::Customer || found.watches().is_some() {
            return Err(Refused::NotTransferor);
        }
        if self.transfer.is_some() || self.invites() {
            return Err(Refused::TransferRuns);
        }
        let rung = self.rung_for(Purpose::Connect);
        let dials = !rung.is_empty() && !rung.contains(&leg);
        let talks = found.is_answered() && self.company(leg).next().is_some();
        if self.waiting.is_some() || !(talks || dials) { Err(Refused::NotTalking) } else { Ok(()) }
    }

    /// Everybody leaves for another contact, but not the transferor unless he goes too.
    pub(super) fn give_legs(
        &mut self,
        context: &mut Context,
        transferor: LegId,
        goes_too: bool,
        to: ContactId,
        by: &By,
    ) -> Moving {
        self.journal(context, Default::default(), by.clone(), Kind::ContactMerged { with: to, goes_on: false });
        if self.flow_holds {
            self.flow_holds = false;
            self.tell(context, Tell::CustomerLeft);
        }
        let rung = self.rung_for(Purpose::Connect).first().copied();
        let dialing = rung.and_then(|leg| self.take_dialing(leg));
        if dialing.is_some() {
            self.tell(context, Tell::DialEnded(Err(EndCause::Released)));
        }
        // Who watched the younger ends with it.
        let stays = |l: &Leg| (l.id == transferor && !goes_too) || l.role == LegRole::Supervisor || !l.is_live();
        let leaving: BTreeSet<LegId> = self.legs.iter().filter(|l| !stays(l)).map(|l| l.id).collect();
        if self.customer.or(self.main).is_some_and(|left| leaving.contains(&left)) {
            self.stop_recorder(context, By::SYSTEM, None);
        }
        for &leg in &leaving {
            self.let_leg_go(context, leg, to, by);
        }
        let (legs, stay) = std::mem::take(&mut self.legs).into_iter().partition(|l| leaving.contains(&l.id));
        self.legs = stay;
        self.calls.iter_mut().for_each(|call| call.chair = None);
        self.main = Some(transferor);
        let customer = self.customer.take_if(|customer| leaving.contains(customer));
        Moving { from: self.id, legs, dialing, customer, record: self.record, data: Map::clone(&self.data) }
    }

    fn let_leg_go(&mut self, context: &mut Context, leg: LegId, to: ContactId, by: &By) {
        let Some(l) = self.leg(leg) else { return };
        let (open, moved) = (l.media.open, moved(l, self.id, to));
        if let Some(freed) = self.busy_tell(leg, false) {
            self.tell(context, freed);
        }
        self.journal_leg(context, leg, by.clone(), Kind::CallLeft);
        self.journal_leg(context, leg, by.clone(), moved);
        self.forget_in_room(leg);
        if open {
            self.media(context, Body::Hand { leg, to });
        }
    }

    /// They come into the main call. Who came, and the dial that came with them. `known`: a leg that takes another's place
    /// here, whose work and name it has already.
    pub(super) fn take_legs(
        &mut self,
        context: &mut Context,
        moving: Moving,
        known: Option<LegId>,
        by: &By,
    ) -> (Vec<LegId>, Option<Dialing>) {
        let Moving { from, legs, dialing, customer, record, data } = moving;
        let main = self.main_call();
        let came: Vec<LegId> = legs.iter().map(|l| l.id).collect();
        for mut leg in legs {
            (leg.call, leg.probing) = (main, false);
            if Some(leg.id) != known {
                leg.does = if leg.caller.is_some() { Does::Dials } else { leg.does };
                leg.offered.iter_mut().for_each(|offered| offered.over = true);
            }
            if leg.role == LegRole::Customer && self.customer.is_some() {
                leg.role = LegRole::Other;
            }
            self.legs.push(leg);
        }
        if self.customer.is_none() && customer.is_some() {
            self.customer = customer;
            self.record |= record;
        }
        self.journal(context, Default::default(), by.clone(), Kind::ContactMerged { with: from, goes_on: true });
        for &leg in &came {
            self.welcome(context, leg, from, Some(leg) != known, by);
        }
        self.adopt_data(context, data, by);
        (came, dialing)
    }

    /// The leg is a part of this contact from here on.
    fn welcome(&mut self, context: &mut Context, leg: LegId, from: ContactId, is_new: bool, by: &By) {
        let Some(l) = self.leg(leg) else { return };
        let (offered, moved) = (l.offered, moved(l, from, self.id));
        self.journal_leg(context, leg, by.clone(), moved);
        self.journal_leg(context, leg, by.clone(), Kind::CallJoined);
        let told = match offered {
            _ if !is_new => None,
            Some(offered) => Some(Tell::AgentMoved { agent: offered.agent, from }),
            None => self.busy_tell(leg, true),
        };
        told.into_iter().for_each(|told| self.tell(context, told));
    }

    /// What was attached to the other one, where this one has nothing of that name and there is room.
    fn adopt_data(&mut self, context: &mut Context, mut data: Map<String, Value>, by: &By) {
        data.retain(|key, _| !self.data.contains_key(key));
        if !data.is_empty() && self.data_fits(&data) {
            Arc::make_mut(&mut self.data).extend(data);
            self.journal(context, Default::default(), by.clone(), Kind::ContactData { data: Map::clone(&self.data) });
        }
    }

    /// A transfer to somebody who is here already: he has answered, or is rung still.
    fn give_to(&mut self, context: &mut Context, transferor: LegId, target: Option<LegId>, by: &By) {
        let mode = TransferMode::OnAnswer;
        if self.main == Some(transferor) {
            self.pass_main(transferor);
        }
        self.journal_leg(context, transferor, by.clone(), Kind::TransferBegan { mode });
        let group = self.leg(transferor).and_then(|l| l.offered).and_then(|o| o.group);
        // While it rings its dial knows it: another way may be tried by then.
        let target = target.filter(|leg| self.is_answered(*leg));
        self.transfer = Some(Box::new(Transfer {
            mode,
            phase: Phase::Ringing,
            transferor,
            transferor_here: true,
            target,
            side: None,
            group,
            by: by.clone(),
        }));
        if target.is_some() {
            self.marks.talked = true;
            self.transfer_event(context, Event::TargetAnswered, None);
        }
    }

    /// All that is left is the leg of whoever gave its far end away.
    pub(super) fn end_merged(&mut self, context: &mut Context, transferor: LegId) {
        let side = self.side_of(transferor);
        self.mark_ending(LegEnd { cause: EndCause::Released, side, status: None });
        self.release_leg(context, transferor, EndCause::Released, Side::System);
        self.settle(context);
    }
}

fn moved(leg: &Leg, from: ContactId, to: ContactId) -> Kind {
    let (direction, role, party, remote) = (leg.direction, leg.role, leg.party, leg.remote.clone());
    let answered = leg.is_answered().then_some(leg.since);
    Kind::LegMoved { from: Some(from), to, direction, role, party, remote, answered }
}
