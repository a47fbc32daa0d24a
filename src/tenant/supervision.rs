//! Supervision as commands: whose station is rung, what he may watch, and what the queue is told when he takes over.
//! Owns the scope: an agent supervises the groups that the site gives him. Leaves who hears whom to `call`.

use super::Tenant;
use super::commands::Refusal;
use super::dialling::RING_DEFAULT;
use crate::acd::words::RoleRefused;
use crate::base::{AgentNo, ContactId, GroupNo, LegId, Now, Span, Supplies};
use crate::call::words::{Act, Supervise};
use crate::event::words::{By, ItemExit, PartyRef, SupervisionMode, WatchEnding, Watched};
use crate::switch::{AgentVerb, Code, LegState, Watch, Who};

impl Tenant {
    /// His station is rung as one more call of his; the command is done when he hears something or was not reached.
    pub(super) fn supervise(
        &mut self,
        contact: ContactId,
        agent: AgentNo,
        (target, mode, ring): (Option<Watch>, SupervisionMode, Option<Span>),
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), Refusal> {
        let target = self.watched(contact, target)?;
        self.in_scope(contact, agent, target)?;
        let name = self.agent_name(agent);
        if let Some(watch) = self.watches.state(agent) {
            return Err((Code::AgentBusy, format!("{name} goes with {}", self.agent_name(watch.agent))));
        }
        if self.contacts.legs_of(contact).iter().any(|leg| self.is_of(leg, agent)) {
            return Err((Code::AlreadyDone, name));
        }
        let attempt = self.way_to_agent(contact, agent, now)?;
        let ring = ring.unwrap_or(RING_DEFAULT);
        let act = Act::Supervise(Box::new(Supervise { agent, target, mode, attempt, ring, by: by.clone() }));
        self.may(contact, &act)?;
        // Granted before his phone is rung, so nobody else rings it.
        self.acd.monitoring(agent, contact, true, &by, now, supplies).map_err(|why| self.not_free(why, agent))?;
        self.contacts.act(contact, act, now, supplies);
        if !self.contacts.legs_of(contact).iter().any(|leg| self.is_of(leg, agent)) {
            // His phone could not be rung, as the event says.
            self.monitors_no_more(contact, agent, &by, now, supplies);
        }
        Ok(())
    }

    pub(super) fn not_free(&self, why: RoleRefused, agent: AgentNo) -> Refusal {
        let code = match why {
            RoleRefused::Talks(_) | RoleRefused::Full | RoleRefused::Watches => Code::TargetBusy,
            RoleRefused::NotHis => Code::AgentBusy,
        };
        (code, self.agent_name(agent))
    }

    fn monitors_no_more(&mut self, contact: ContactId, agent: AgentNo, by: &By, now: Now, supplies: &mut Supplies) {
        if let Err(why) = self.acd.monitoring(agent, contact, false, by, now, supplies) {
            tracing::debug!(%contact, %agent, ?why, "he did not supervise");
        }
    }

    pub(super) fn mode_of(
        &self,
        contact: ContactId,
        who: Option<Who>,
        (mode, target): (SupervisionMode, Option<Watch>),
        by: By,
    ) -> Result<Act, Refusal> {
        let target = target.map(|watch| self.watched(contact, Some(watch))).transpose()?;
        let change = |leg: LegId| Act::ChangeMode { leg, mode, target, by: by.clone() };
        let leg = self.leg(contact, who, change)?;
        let legs = self.contacts.legs_of(contact);
        let supervisor = legs.iter().find(|l| l.leg == leg).and_then(|l| l.agent);
        if let (Some(agent), Some(target)) = (supervisor, target) {
            self.in_scope(contact, agent, target)?;
        }
        Ok(change(leg))
    }

    /// The customer talks to a supervisor: he waits for nobody.
    pub(super) fn taken_over(
        &mut self,
        contact: ContactId,
        (agent, group): (AgentNo, Option<GroupNo>),
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) {
        if let Some(item) = self.waits.get(&contact).and_then(|wait| wait.item) {
            self.acd.withdraw(item, ItemExit::Connected, by, now, supplies);
        }
        self.end_watch(agent, (WatchEnding::TookOver, None), by.clone(), now, supplies);
        if let Err(why) = self.acd.takes_over(agent, contact, group, by, now, supplies) {
            // Signed out by force meanwhile: his call goes on without him.
            tracing::debug!(%contact, %agent, ?why, "his call is not counted");
        }
    }

    fn watched(&self, contact: ContactId, watch: Option<Watch>) -> Result<Watched, Refusal> {
        let Some(view) = self.contacts.view(contact) else {
            return Err((Code::UnknownContact, contact.to_string()));
        };
        match watch {
            Some(Watch::Call(call)) => Ok(Watched::Call(call)),
            Some(Watch::Party(who)) => self.party(contact, who).map(Watched::Leg),
            // The call that the contact is about; it is there as long as the contact.
            None => match view.calls.first() {
                Some(call) => Ok(Watched::Call(call.call)),
                None => Err((Code::UnknownCall, contact.to_string())),
            },
        }
    }

    /// The leg is this agent's, whether an offer made it or not.
    pub(super) fn is_of(&self, leg: &LegState, agent: AgentNo) -> bool {
        leg.agent == Some(agent) || self.agent_at(leg.party) == Some(agent)
    }

    /// Who is signed in at the phone of this leg.
    pub(super) fn agent_at(&self, party: PartyRef) -> Option<AgentNo> {
        let PartyRef::Extension(extension) = party else { return None };
        self.acd.holder(extension)
    }

    pub(super) fn in_scope(&self, contact: ContactId, supervisor: AgentNo, target: Watched) -> Result<(), Refusal> {
        let mut groups = self.contacts.groups_watched(contact, target);
        let legs = self.contacts.legs_of(contact);
        // A leg that no offer made belongs to the groups of who sits at its phone.
        let watched = legs.iter().filter(|leg| match target {
            Watched::Leg(watched) => leg.leg == watched,
            Watched::Call(_) => leg.supervision.is_none(),
        });
        if groups.is_empty() {
            groups = watched.filter_map(|leg| self.agent_at(leg.party)).flat_map(|no| self.groups_of(no)).collect();
        }
        // Whom only a flow has is of no group yet: as for `route`, anybody who supervises one may hear him.
        let waits = !self.contacts.waits_in(contact).is_empty();
        let by_flow = || self.contacts.may(contact, &Act::TakeOut { by: By::SYSTEM }).is_ok();
        if groups.is_empty() && !waits && by_flow() {
            return self.supervises_any(supervisor);
        }
        self.supervises_one(supervisor, &groups)
    }

    /// A supervisor forces only agents of his groups; who loses his station by it is one of them too.
    pub(super) fn forces_in_scope(
        &self,
        supervisor: Option<AgentNo>,
        agent: AgentNo,
        verb: &AgentVerb,
    ) -> Result<(), Refusal> {
        let Some(supervisor) = supervisor else { return Ok(()) };
        if !self.site.agents.contains_key(&agent) {
            return Err((Code::UnknownAgent, agent.to_string()));
        }
        let loses = match verb {
            AgentVerb::SignIn { station, .. } => self.acd.seated_where(agent, station.as_ref()),
            AgentVerb::SignOut
            | AgentVerb::Groups { .. }
            | AgentVerb::Ready
            | AgentVerb::NotReady { .. }
            | AgentVerb::WrapUp { .. }
            | AgentVerb::ExtendWrapUp { .. }
            | AgentVerb::QuitWrapUp
            | AgentVerb::Rest { .. }
            | AgentVerb::CancelRest
            | AgentVerb::Reserve { .. }
            | AgentVerb::Release
            | AgentVerb::Pick { .. }
            | AgentVerb::Prefer { .. }
            | AgentVerb::Offer { .. }
            | AgentVerb::Note { .. } => None,
        };
        for forced in [Some(agent), loses].into_iter().flatten() {
            self.supervises_one(supervisor, &self.groups_of(forced))?;
        }
        Ok(())
    }

    /// A supervisor ends what he might watch: this leg, or the whole contact.
    pub(super) fn ends_in_scope(
        &self,
        supervisor: Option<AgentNo>,
        contact: ContactId,
        leg: Option<LegId>,
    ) -> Result<(), Refusal> {
        let Some(supervisor) = supervisor else { return Ok(()) };
        let target = self.watched(contact, leg.map(|leg| Watch::Party(Who::Leg(leg))))?;
        self.in_scope(contact, supervisor, target)
    }

    /// The scope: one of these groups is his.
    pub(super) fn supervises_one(&self, supervisor: AgentNo, groups: &[GroupNo]) -> Result<(), Refusal> {
        self.supervises_where(supervisor, |group| groups.contains(group))
    }

    /// As [`Self::supervises_one`], for whom no group has yet.
    pub(super) fn supervises_any(&self, supervisor: AgentNo) -> Result<(), Refusal> {
        self.supervises_where(supervisor, |_| true)
    }

    fn supervises_where(&self, supervisor: AgentNo, is_one: impl Fn(&GroupNo) -> bool) -> Result<(), Refusal> {
        let Some(agent) = self.site.agents.get(&supervisor).filter(|agent| !agent.retiring) else {
            return Err((Code::UnknownAgent, self.agent_name(supervisor)));
        };
        if agent.supervises.iter().any(is_one) { Ok(()) } else { Err((Code::OutOfScope, agent.id.clone())) }
    }

    /// Of an agent, by the site.
    pub(super) fn groups_of(&self, agent: AgentNo) -> Vec<GroupNo> {
        self.site.agents.get(&agent).into_iter().flat_map(|agent| agent.groups.keys().copied()).collect()
    }
}
