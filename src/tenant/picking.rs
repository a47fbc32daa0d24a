//! An agent picks up what rings at a colleague by that one's own number, where no queue offers the call.
//! Owns who is a colleague: somebody signed in at the phone, with whom he shares a group. Leaves who answers first to the
//! contact, and calls that wait in a queue to the ACD.

use super::Tenant;
use super::commands::Refusal;
use super::dialling::RING_DEFAULT;
use crate::base::{AgentNo, ContactId, Now, Supplies};
use crate::call::words::Act;
use crate::event::words::By;
use crate::switch::{Code, LegState};

impl Tenant {
    /// His phone rings too, and whoever answers first has the caller: what cannot be reached loses nobody a call.
    pub(super) fn pick_up(
        &mut self,
        agent: AgentNo,
        contact: ContactId,
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), Refusal> {
        let legs = self.contacts.legs_of(contact);
        if legs.iter().any(|leg| self.is_of(leg, agent)) {
            return Err((Code::AlreadyDone, self.agent_name(agent)));
        }
        let rung = legs.iter().find(|leg| self.contacts.rings_directly(contact, leg.leg));
        let Some(rung) = rung else { return Err((Code::NotQueued, contact.to_string())) };
        self.is_colleague(agent, rung)?;
        let attempt = self.way_to_agent(contact, agent, now)?;
        self.acd.may_dial(agent, contact).map_err(|why| self.may_not_dial(why, agent))?;
        let act = Act::PickUp { rung: rung.leg, attempt: Box::new(attempt), ring: RING_DEFAULT, by };
        self.may(contact, &act)?;
        self.contacts.act(contact, act, now, supplies);
        self.introduce(now, supplies);
        Ok(())
    }

    fn is_colleague(&self, agent: AgentNo, rung: &LegState) -> Result<(), Refusal> {
        let theirs = self.agent_at(rung.party).map(|no| self.groups_of(no)).unwrap_or_default();
        if self.groups_of(agent).iter().any(|group| theirs.contains(group)) {
            return Ok(());
        }
        let first = theirs.first().and_then(|group| self.site.groups.get(group));
        Err((Code::NotMember, first.map_or_else(|| rung.remote.clone(), |group| group.id.clone())))
    }
}
