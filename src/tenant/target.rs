//! Where a verb leads: from the target of a command to phones that can be rung, a group's queue or a flow. Refused
//! beforehand is what is known to lead nowhere, so that nobody is given away to nobody.

use super::Tenant;
use super::commands::Refusal;
use crate::base::{AgentNo, ContactId, GroupNo, Now};
use crate::call::words::Attempt;
use crate::event::words::{EndCause, Station};
use crate::site::{Destination, Origin, ResolveError, resolve};
use crate::switch::{CallTarget, Code};

/// What stands at the end of a way.
#[derive(Clone, Debug)]
pub(super) enum Way {
    Ring(Vec<Attempt>),
    Group(GroupNo),
    Flow(String),
}

impl Tenant {
    /// Where `to` leads from this contact.
    pub(super) fn way(&self, contact: ContactId, to: &CallTarget, now: Now) -> Result<Way, Refusal> {
        match to {
            CallTarget::Number(number) => self.way_to_number(contact, number, now),
            CallTarget::Agent(agent) => self.way_to_agent(contact, *agent, now).map(Way::Ring),
            CallTarget::Group(group) => match self.site.groups.get(group) {
                Some(found) if found.retiring => Err((Code::Retiring, found.id.clone())),
                Some(_) => Ok(Way::Group(*group)),
                None => Err((Code::UnknownGroup, group.to_string())),
            },
            CallTarget::Flow(key) => self.way_to_flow(key),
        }
    }

    /// As `way`, for verbs that ring somebody.
    pub(super) fn phones(&self, contact: ContactId, to: &CallTarget, now: Now) -> Result<Vec<Attempt>, Refusal> {
        match self.way(contact, to, now)? {
            Way::Ring(attempts) => Ok(attempts),
            Way::Group(_) => Err((Code::TargetUnfit, "a group".to_owned())),
            Way::Flow(key) => Err((Code::TargetUnfit, format!("flow `{key}`"))),
        }
    }

    fn way_to_number(&self, contact: ContactId, number: &str, now: Now) -> Result<Way, Refusal> {
        let destination = match resolve(&self.site, &Origin::Api, number) {
            Ok(Destination::Number { no }) => {
                let flow = self.site.numbers.get(&no).map(|n| n.flow.clone()).unwrap_or_default();
                return self.way_to_flow(&flow);
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
        let attempts = self.attempts(destination, &from, now).map_err(|cause| (refused(cause), number.to_owned()))?;
        can_ring(attempts, number).map(Way::Ring)
    }

    pub(super) fn way_to_agent(&self, contact: ContactId, agent: AgentNo, now: Now) -> Result<Vec<Attempt>, Refusal> {
        let name = self.agent_name(agent);
        let Some(seen) = self.acd.snapshot(agent) else { return Err((Code::UnknownAgent, name)) };
        let extension = match seen.station {
            Some(Station::Extension(extension)) => extension,
            // Dialled so, a voicemail there would take the call.
            Some(Station::Outside { confirm: true, .. }) => return Err((Code::TargetUnfit, name)),
            Some(Station::Outside { number, confirm: false }) => {
                let attempt = self.outside_attempt(&number, contact, now).ok_or((Code::TrunkFull, number))?;
                return can_ring(vec![attempt], &name);
            }
            None => return Err((Code::NotSignedIn, name)),
        };
        if self.acd.is_station_full(extension) {
            return Err((Code::TargetBusy, name));
        }
        let from = self.contacts.caller(contact).unwrap_or_default();
        can_ring(vec![self.phone_attempt(extension, &from, None, now)], &name)
    }

    fn way_to_flow(&self, key: &str) -> Result<Way, Refusal> {
        if self.flows.contains_key(key) && self.site.flows.contains_key(key) {
            Ok(Way::Flow(key.to_owned()))
        } else {
            Err((Code::UnknownFlow, key.to_owned()))
        }
    }

    pub(super) fn agent_name(&self, agent: AgentNo) -> String {
        self.site.agents.get(&agent).map_or_else(|| agent.to_string(), |a| a.id.clone())
    }
}

fn can_ring(attempts: Vec<Attempt>, name: &str) -> Result<Vec<Attempt>, Refusal> {
    if attempts.iter().all(|attempt| attempt.targets.is_empty()) {
        return Err((Code::TargetUnreachable, name.to_owned()));
    }
    Ok(attempts)
}
