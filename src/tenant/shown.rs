//! The number that a call shows outside: named by a command, or chosen by the rule of the agent, the group or the tenant.
//! Owns whose rule holds and what each rotation showed last, which a restart brings back. Leaves the rules to the site.

use super::Tenant;
use super::commands::Refusal;
use super::dialling::shown_over;
use crate::base::{AgentNo, ContactId, GroupNo, LegId, Now, Supplies};
use crate::call::words::Phones;
use crate::event::words::{By, PartyRef, Watched};
use crate::event::{About, Kind};
use crate::ledger::OpenRotation;
use crate::site::{CallingNumber, Destination};
use crate::switch::{CallTarget, Code};

/// Whose rule it is: an agent's, a group's, or neither: the tenant's.
pub(super) type Owner = (Option<AgentNo>, Option<GroupNo>);

impl Tenant {
    /// A command may show the tenant's own numbers.
    pub(super) fn may_show(&self, from: Option<&str>) -> Result<(), Refusal> {
        match from {
            Some(number) if !self.site.owns(number) => Err((Code::NumberNotOwned, number.to_owned())),
            Some(_) | None => Ok(()),
        }
    }

    /// Whoever a verb leads to may be shown a number of the tenant's, if he is outside.
    pub(super) fn may_show_there(&self, from: Option<&str>, to: &CallTarget) -> Result<(), Refusal> {
        self.may_show(from)?;
        let Some(from) = from else { return Ok(()) };
        let outside = match to {
            CallTarget::Number(number) => match self.destination(number)? {
                Destination::Trunks { .. } | Destination::Emergency { .. } => true,
                Destination::Extension { .. } | Destination::Number { .. } => false,
            },
            CallTarget::Agent { .. } | CallTarget::Groups(_) | CallTarget::Flow { .. } => false,
        };
        if outside { Ok(()) } else { Err((Code::TargetUnfit, format!("{from} can be shown outside only"))) }
    }

    /// What a call to `called` shows: the rule of the agent, else of the group he calls for, else of the tenant. `None`: the
    /// trunk's own number.
    pub(super) fn shown_number(
        &mut self,
        agent: Option<AgentNo>,
        group: Option<GroupNo>,
        called: &str,
        now: Now,
        supplies: &mut Supplies,
    ) -> Option<String> {
        let (owner, rule) = self.rule_for(agent, group, called)?;
        let number = rule.choose(called, self.rotated(owner), &mut supplies.rng)?.to_owned();
        if matches!(rule, CallingNumber::Rotate(_)) {
            self.rotations.insert(owner, number.clone());
            let about = About { agent: owner.0, group: owner.1, ..About::default() };
            self.journal(now, about, By::SYSTEM, Kind::NumberRotated { number: number.clone() }, None);
        }
        Some(number)
    }

    /// A consult or an invitation shows outside what his phone would show that asks for it, and not the contact's caller.
    pub(super) fn show_own(
        &mut self,
        (contact, leg): (ContactId, LegId),
        ways: &mut [Phones],
        now: Now,
        supplies: &mut Supplies,
    ) {
        let is_outside = |way: &&Phones| !Self::is_phone(way.party);
        let Some(called) = ways.iter().find(is_outside).map(|way| way.remote.clone()) else { return };
        let Some(own) = self.contacts.legs_of(contact).into_iter().find(|state| state.leg == leg) else { return };
        let (agent, group) = (
            own.agent.or_else(|| self.agent_at(own.party)),
            self.contacts.groups_watched(contact, Watched::Leg(leg)).first().copied(),
        );
        let number = self.shown_number(agent, group, &called, now, supplies);
        let from = number.or_else(|| match own.party {
            PartyRef::Extension(extension) => self.site.extensions.get(&extension).map(|e| e.number.clone()),
            PartyRef::Trunk(_) => None,
        });
        self.show(&from.unwrap_or_default(), ways);
    }

    /// On each way outside.
    pub(super) fn show(&self, from: &str, ways: &mut [Phones]) {
        for way in ways {
            if let PartyRef::Trunk(trunk) = way.party
                && let Some(trunk) = self.site.trunks.get(&trunk)
            {
                way.from_user = shown_over(trunk, from);
            }
        }
    }

    /// The first rule that has a number for `called`, and whose it is.
    pub(super) fn rule_for(
        &self,
        agent: Option<AgentNo>,
        group: Option<GroupNo>,
        called: &str,
    ) -> Option<(Owner, &CallingNumber)> {
        let named = [agent.map(|agent| (Some(agent), None)), group.map(|group| (None, Some(group)))];
        let owners = named.into_iter().flatten().chain([(None, None)]);
        let mut rules = owners.filter_map(|owner| Some((owner, self.rule_of(owner)?)));
        rules.find(|(owner, rule)| !rule.candidates(called, self.rotated(*owner)).is_empty())
    }

    /// What the rotation of this owner showed last.
    pub(super) fn rotated(&self, owner: Owner) -> Option<&str> {
        self.rotations.get(&owner).map(String::as_str)
    }

    fn rule_of(&self, owner: Owner) -> Option<&CallingNumber> {
        match owner {
            (Some(agent), _) => self.site.agents.get(&agent)?.calling_number.as_ref(),
            (None, Some(group)) => self.site.groups.get(&group)?.calling_number.as_ref(),
            (None, None) => self.site.calling_number.as_ref(),
        }
    }

    pub(super) fn restore_rotations(&mut self, open: &[OpenRotation]) {
        self.rotations = open.iter().map(|r| ((r.agent, r.group), r.number.clone())).collect();
    }
}
