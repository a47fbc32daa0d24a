//! Where a verb leads: from the target of a command to phones that can be rung, a group's queue or a flow. Refused
//! beforehand is what is known to lead nowhere, so that nobody is given away to nobody.

use serde_json::{Map, Value};

use super::Tenant;
use super::commands::Refusal;
use crate::acd::words::{NotNow, To};
use crate::base::bounds::GROUPS_PER_ITEM;
use crate::base::{AgentNo, ContactId, ExtensionNo, GroupNo, Now, Span};
use crate::call::words::{Attempt, Phones};
use crate::event::words::{EndCause, Line, Station};
use crate::site::{Destination, Origin, ResolveError, resolve};
use crate::switch::{CallTarget, Code};

/// What stands at the end of a way.
#[derive(Clone, Debug)]
pub(super) enum Way {
    Ring(Vec<Phones>),
    /// Agents come as the ACD sends them, at most so late.
    Queue(To, Option<Span>),
    Flow(String, Map<String, Value>),
}

impl Tenant {
    /// Where `to` leads from this contact.
    pub(super) fn way(&self, contact: ContactId, to: &CallTarget, now: Now) -> Result<Way, Refusal> {
        match to {
            CallTarget::Number(number) => self.way_to_number(contact, number, now),
            CallTarget::Agent { agent, wait } => self.way_to_one(contact, *agent, *wait),
            CallTarget::Groups(groups) => self.way_to_groups(groups),
            CallTarget::Flow { key, data } => self.way_to_flow(contact, key, data),
        }
    }

    /// An agent by name, who is not in this contact.
    fn way_to_one(&self, contact: ContactId, agent: AgentNo, wait: Span) -> Result<Way, Refusal> {
        let name = self.agent_name(agent);
        if self.acd.snapshot(agent).is_none() {
            return Err((Code::UnknownAgent, name));
        }
        if self.contacts.legs_of(contact).iter().any(|leg| self.is_of(leg, agent)) {
            return Err((Code::AlreadyDone, name));
        }
        match self.acd.direct(agent) {
            Err(NotNow::SignedOut) => return Err((Code::NotSignedIn, name)),
            Err(NotNow::Leaves) => return Err((Code::Retiring, name)),
            Err(NotNow::Unreachable) if wait == Span::ZERO => return Err((Code::TargetUnreachable, name)),
            Err(NotNow::Busy) if wait == Span::ZERO => return Err((Code::TargetBusy, name)),
            Err(NotNow::NotReady) if wait == Span::ZERO => return Err((Code::AgentNotAvailable, name)),
            Ok(()) | Err(NotNow::Unreachable | NotNow::Busy | NotNow::NotReady) => {}
        }
        Ok(Way::Queue(To::Agent { agent, group: None, ring: self.site.direct.ring }, Some(wait)))
    }

    pub(super) fn way_to_groups(&self, groups: &[GroupNo]) -> Result<Way, Refusal> {
        if groups.is_empty() || groups.len() > GROUPS_PER_ITEM {
            return Err((Code::TargetUnfit, format!("name 1 to {GROUPS_PER_ITEM} groups, not {}", groups.len())));
        }
        for group in groups {
            match self.site.groups.get(group) {
                Some(found) if found.retiring => return Err((Code::Retiring, found.id.clone())),
                Some(_) => {}
                None => return Err((Code::UnknownGroup, group.to_string())),
            }
        }
        Ok(Way::Queue(To::Groups(groups.to_vec()), None))
    }

    fn way_to_number(&self, contact: ContactId, number: &str, now: Now) -> Result<Way, Refusal> {
        let destination = match resolve(&self.site, &Origin::Api, number) {
            Ok(Destination::Number { no }) => {
                let flow = self.site.numbers.get(&no).map(|n| n.flow.clone()).unwrap_or_default();
                return self.way_to_flow(contact, &flow, &Map::new());
            }
            Ok(destination) => destination,
            Err(ResolveError::NotFound) => return Err((Code::UnknownNumber, number.to_owned())),
            Err(ResolveError::Forbidden) => return Err((Code::OutboundForbidden, number.to_owned())),
        };
        let from = self.contacts.caller(contact).unwrap_or_default();
        let refused = |cause| match cause {
            EndCause::Busy => Code::TargetBusy,
            EndCause::Full => Code::TrunkFull,
            _ => Code::UnknownNumber,
        };
        let ways = self.attempts(destination, &from, now).map_err(|cause| (refused(cause), number.to_owned()))?;
        can_ring(&ways, number)?;
        Ok(Way::Ring(ways))
    }

    /// His phone, rung without an offer. One outside is rung by offers alone: only they prove that he answered it himself,
    /// and make it his work.
    pub(super) fn way_to_agent(&self, contact: ContactId, agent: AgentNo, now: Now) -> Result<Attempt, Refusal> {
        if let Some(line) = self.line_of(agent) {
            return line.map(|()| Attempt::Line { agent, caller: None });
        }
        let extension = self.extension_unoffered(agent)?;
        let name = self.agent_name(agent);
        if self.acd.is_station_full(extension) {
            return Err((Code::TargetBusy, name));
        }
        let from = self.contacts.caller(contact).unwrap_or_default();
        let phones = self.phone_attempt(extension, &from, None, now);
        can_ring(std::slice::from_ref(&phones), &name)?;
        Ok(phones.into())
    }

    /// The phone of an agent who is to be rung without an offer.
    pub(super) fn extension_unoffered(&self, agent: AgentNo) -> Result<ExtensionNo, Refusal> {
        let name = self.agent_name(agent);
        let Some(seen) = self.acd.snapshot(agent) else { return Err((Code::UnknownAgent, name)) };
        match seen.station {
            Some(Station::Extension(extension)) => Ok(extension),
            Some(Station::Permanent(Line::Extension(extension))) => Ok(extension),
            Some(Station::Outside { number, .. } | Station::Permanent(Line::Outside { number, .. })) => {
                Err((Code::TargetUnfit, format!("{name} at {number}")))
            }
            None => Err((Code::NotSignedIn, name)),
        }
    }

    fn way_to_flow(&self, contact: ContactId, key: &str, data: &Map<String, Value>) -> Result<Way, Refusal> {
        if !self.flows.contains_key(key) || !self.site.flows.contains_key(key) {
            return Err((Code::UnknownFlow, key.to_owned()));
        }
        if !data.is_empty() && !self.contacts.data_fits(contact, data) {
            return Err((Code::DataTooLarge, String::new()));
        }
        Ok(Way::Flow(key.to_owned(), data.clone()))
    }

    pub(super) fn agent_name(&self, agent: AgentNo) -> String {
        self.site.agents.get(&agent).map_or_else(|| agent.to_string(), |a| a.id.clone())
    }
}

fn can_ring(ways: &[Phones], name: &str) -> Result<(), Refusal> {
    if ways.iter().all(|way| way.targets.is_empty()) {
        return Err((Code::TargetUnreachable, name.to_owned()));
    }
    Ok(())
}
