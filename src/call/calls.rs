//! The calls of a contact: which leg is in which, and how a leg moves.
//! Owns membership; who talks with whom is derived from it and stored nowhere. Leaves what they hear to `hears` and `room`.

use super::contact::{Contact, Context};
use super::leg::Leg;
use super::words::ChairLeaves;
use crate::base::{CallId, LegId};
use crate::event::words::{By, CallKind};
use crate::event::{About, Kind};

/// One conversation as its holder sees it. Its members are the legs that name it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub id: CallId,
    pub kind: CallKind,
    /// Who has the conference, and what his leaving means.
    pub chair: Option<(LegId, ChairLeaves)>,
}

impl Contact {
    /// The call made at birth: the conversation of whom the contact is about.
    pub fn main_call(&self) -> CallId {
        self.calls[0].id
    }

    /// Live parties of this call, ringing ones too; supervisors are none.
    pub fn members(&self, call: CallId) -> impl Iterator<Item = &Leg> {
        self.parties().filter(move |l| l.call == call)
    }

    pub fn chair_of(&self, call: CallId) -> Option<LegId> {
        self.calls.iter().find(|c| c.id == call).and_then(|c| c.chair).map(|(leg, _)| leg)
    }

    /// Those who talk in this call.
    pub fn talkers(&self, call: CallId) -> impl Iterator<Item = &Leg> {
        self.members(call).filter(|l| l.is_answered())
    }

    /// Who talks in the same call as this leg: everybody but himself.
    pub fn company(&self, leg: LegId) -> impl Iterator<Item = &Leg> {
        let call = self.leg(leg).map(|l| l.call);
        self.parties().filter(move |l| l.is_answered() && Some(l.call) == call && l.id != leg)
    }

    /// The main party talks with somebody.
    pub fn main_has_company(&self) -> bool {
        self.main.is_some_and(|main| self.company(main).next().is_some())
    }

    /// In some call two or more talk.
    pub fn talk_goes_on(&self) -> bool {
        self.calls.iter().any(|call| self.talkers(call.id).nth(1).is_some())
    }

    /// The contact is about somebody else from now on: this leg leaves, or gives its call away.
    pub fn pass_main(&mut self, leaving: LegId) {
        let stays = |l: &&Leg| l.id != leaving;
        let customer = self.customer.filter(|&c| c != leaving && self.is_answered(c));
        let next = customer
            .or_else(|| self.talkers(self.main_call()).find(stays).map(|l| l.id))
            .or_else(|| self.parties().find(|l| stays(l) && l.is_answered()).map(|l| l.id));
        self.main = next.or(self.main);
    }

    pub fn open_call(&mut self, context: &mut Context, kind: CallKind, by: By) -> CallId {
        let id = CallId(context.supplies.ids.mint(context.now.t));
        self.calls.push(Call { id, kind, chair: None });
        self.journal(context, About { call: Some(id), ..About::default() }, by, Kind::CallOpened { call_kind: kind });
        id
    }

    /// The one way in which a leg goes from one call to another.
    pub fn hand(&mut self, context: &mut Context, leg: LegId, to: CallId, by: &By) {
        if self.leg(leg).is_none_or(|l| !l.is_live() || l.call == to) {
            return;
        }
        self.journal_leg(context, leg, by.clone(), Kind::CallLeft);
        if let Some(l) = self.leg_mut(leg) {
            l.call = to;
        }
        self.journal_leg(context, leg, by.clone(), Kind::CallJoined);
        self.follow(context, leg, to, by);
    }

    /// Calls beside the main one end with their last member.
    pub fn close_empty_calls(&mut self, context: &mut Context) {
        let main = self.main_call();
        let empty: Vec<CallId> =
            self.calls.iter().map(|c| c.id).filter(|&id| id != main && self.members(id).next().is_none()).collect();
        for id in empty {
            self.close_call(context, id);
            self.calls.retain(|c| c.id != id);
        }
    }

    fn close_call(&self, context: &mut Context, id: CallId) {
        self.journal(context, About { call: Some(id), ..About::default() }, By::SYSTEM, Kind::CallClosed);
    }
}
