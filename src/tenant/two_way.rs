//! A call of two by command: whoever calls is rung first and then connected to whom he calls.
//! Owns who may call whom, and what becomes of the second dial. Leaves the first dial to `dialling`, ring-back, the talk and
//! its end to the contact, and whether an agent is free for it to the ACD.

use super::Tenant;
use super::commands::{Refusal, attachable};
use super::dialling::{Next, Ordered, RING_DEFAULT, Rung};
use super::target::Way;
use crate::acd::words::{NewItem, RoleRefused, To};
use crate::base::{AgentNo, ContactId, GroupNo, Now, Span, Supplies};
use crate::call::words::{Act, Attempt, Birth, Caller, Dial};
use crate::event::words::{By, CallKind, EndCause};
use crate::site::Destination;
use crate::switch::{self, CallTarget, Code, Snapshot, TwoWay};

/// What the phone of a chair shows, and his contact as the one called, while he is alone.
const CONFERENCE: &str = "conference";

/// What comes when whoever calls has answered.
#[derive(Clone, Debug)]
pub(super) struct Connect {
    /// His own number.
    pub first: String,
    /// `None`: nobody yet, he is the chair of a conference.
    to: Option<CallTarget>,
    ring: Span,
    by: By,
}

impl Tenant {
    pub(super) fn two_way(
        &mut self,
        order: TwoWay,
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<Snapshot, Refusal> {
        let (birth, ordered, agent) = self.planned(order, &by, now, supplies)?;
        let contact = ordered.contact;
        let ordered = self.order(birth, ordered, now, supplies);
        if let Some(agent) = agent {
            self.claim_call(agent, contact, &by, now, supplies);
        }
        Ok(ordered)
    }

    /// His claim, before his phone is rung. He was asked whether he may.
    pub(super) fn claim_call(
        &mut self,
        agent: AgentNo,
        contact: ContactId,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) {
        if let Err(why) = self.acd.dials(agent, contact, by, now, supplies) {
            return tracing::debug!(%contact, %agent, ?why, "his call is not counted");
        }
        self.callers.insert(contact, agent);
    }

    /// A contact to be born, what it dials first, and the agent who calls. Refused before any effect.
    pub(super) fn planned(
        &mut self,
        order: TwoWay,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(Birth, Ordered, Option<AgentNo>), Refusal> {
        self.house_lets_in()?;
        attachable(&order.data)?;
        self.may_show(order.from.as_deref())?;
        let (to, outside) = match &order.to {
            Some(to) => self.second(to)?,
            None => (CONFERENCE.to_owned(), false),
        };
        let (rung, first) = self.first(&order, &to)?;
        let caller = match &rung {
            Rung::Phone { caller, .. } => *caller,
            Rung::Line { caller, .. } => Some(*caller),
            Rung::Number(_) => None,
        };
        let contact = ContactId(supplies.ids.mint(now.t));
        if let Some(Caller { agent, .. }) = caller {
            self.acd.may_dial(agent, contact).map_err(|why| self.may_not_dial(why, agent))?;
        }
        self.tenant_has_room(now)?;
        let called = match &rung {
            Rung::Number(number) => self.outside_number(number),
            Rung::Phone { .. } | Rung::Line { .. } => self.outside_number(&to),
        };
        let TwoWay { to: target, from, group, ring, data, .. } = order;
        let agent = caller.map(|caller| caller.agent);
        let from = from.or_else(|| self.shown_number(agent, group, &called?, now, supplies));
        let phone = match &rung {
            Rung::Phone { extension, .. } | Rung::Line { extension: Some(extension), .. } => {
                self.site.extensions.get(extension)
            }
            Rung::Number(_) | Rung::Line { extension: None, .. } => None,
        };
        let internal = phone.is_some() && !outside;
        let birth = Birth {
            contact,
            from: first.clone(),
            to,
            language: self.site.language.clone(),
            record: !internal || phone.is_some_and(|phone| phone.record),
            data,
            limits: self.contact_limits(),
            two_way: true,
            call_kind: if internal { CallKind::Internal } else { CallKind::Main },
            shown: from.clone(),
            standing: None,
            by: by.clone(),
        };
        let connect = Connect { first, to: target, ring: ring.unwrap_or(RING_DEFAULT), by: by.clone() };
        let ordered = Ordered { contact, to: rung, from, then: Next::Connect(connect), by: by.clone() };
        Ok((birth, ordered, agent))
    }

    /// As the public network knows it, when this number leads there.
    fn outside_number(&self, number: &str) -> Option<String> {
        match self.destination(number) {
            Ok(Destination::Trunks { number, .. }) => Some(number),
            Ok(Destination::Extension { .. } | Destination::Number { .. } | Destination::Emergency { .. }) | Err(_) => {
                None
            }
        }
    }

    /// The second party's name, and whether it is outside. Refused is what is known to lead nowhere.
    fn second(&self, to: &CallTarget) -> Result<(String, bool), Refusal> {
        Ok(match to {
            CallTarget::Number(number) => {
                let outside =
                    matches!(self.destination(number)?, Destination::Trunks { .. } | Destination::Emergency { .. });
                (number.clone(), outside)
            }
            CallTarget::Agent { agent, wait: _ } => (self.agent_name(*agent), false),
            CallTarget::Groups(groups) => {
                self.way_to_groups(groups)?;
                let first = groups.first().and_then(|group| self.site.groups.get(group));
                (first.map(|group| group.id.clone()).unwrap_or_default(), false)
            }
            CallTarget::Flow { key, data } if self.flows.contains_key(key) && self.site.flows.contains_key(key) => {
                attachable(data)?;
                (key.clone(), false)
            }
            CallTarget::Flow { key, data: _ } => return Err((Code::UnknownFlow, key.clone())),
        })
    }

    /// Who is rung first, and his number. A phone at which an agent is signed in is his.
    fn first(&self, order: &TwoWay, to: &str) -> Result<(Rung, String), Refusal> {
        if let Some(found) = self.by_line(order) {
            return found;
        }
        let (extension, agent) = match &order.by {
            switch::Caller::Agent(agent) => (self.extension_unoffered(*agent)?, Some(*agent)),
            switch::Caller::Number(number) => match self.destination(number)? {
                Destination::Extension { no } => (no, self.agent_at(crate::event::words::PartyRef::Extension(no))),
                // Only who works here has a conference.
                Destination::Trunks { .. } | Destination::Emergency { .. } if order.to.is_none() => {
                    return Err((Code::TargetUnfit, number.clone()));
                }
                Destination::Trunks { .. } | Destination::Emergency { .. } => {
                    self.in_his_group(None, order.group)?;
                    return Ok((Rung::Number(number.clone()), number.clone()));
                }
                Destination::Number { .. } => return Err((Code::TargetUnfit, number.clone())),
            },
        };
        let caller = agent.map(|agent| Caller { agent, group: order.group });
        self.in_his_group(agent, order.group)?;
        let Some(phone) = self.site.extensions.get(&extension) else {
            return Err((Code::UnknownStation, extension.to_string()));
        };
        if !self.sip.is_reachable(extension) {
            return Err((Code::TargetUnreachable, phone.number.clone()));
        }
        if agent.is_none() && self.acd.is_station_full(extension) {
            return Err((Code::TargetBusy, phone.number.clone()));
        }
        let auto_answer = order.auto_answer.unwrap_or(agent.is_some() && self.auto_answers(extension));
        Ok((Rung::Phone { extension, caller, to: to.to_owned(), auto_answer }, phone.number.clone()))
    }

    /// Of an agent at a permanent station: nothing is rung.
    fn by_line(&self, order: &TwoWay) -> Option<Result<(Rung, String), Refusal>> {
        let agent = match &order.by {
            switch::Caller::Agent(agent) => *agent,
            switch::Caller::Number(number) => match self.destination(number).ok()? {
                Destination::Extension { no } => self.agent_at(crate::event::words::PartyRef::Extension(no))?,
                Destination::Trunks { .. } | Destination::Emergency { .. } | Destination::Number { .. } => return None,
            },
        };
        let station = self.acd.snapshot(agent)?.station?;
        let caller = Caller { agent, group: order.group };
        let line = self.line_of(agent)?;
        let number = self.station_number(&station);
        let rung = Rung::Line { caller, extension: station.extension() };
        Some(self.in_his_group(Some(agent), order.group).and(line.map(|()| (rung, number))))
    }

    pub(super) fn in_his_group(&self, agent: Option<AgentNo>, group: Option<GroupNo>) -> Result<(), Refusal> {
        let Some(group) = group else { return Ok(()) };
        let Some(found) = self.site.groups.get(&group) else { return Err((Code::UnknownGroup, group.to_string())) };
        let his = agent.and_then(|agent| self.site.agents.get(&agent)).is_some_and(|a| a.groups.contains_key(&group));
        if his { Ok(()) } else { Err((Code::NotMember, found.id.clone())) }
    }

    pub(super) fn may_not_dial(&self, why: RoleRefused, agent: AgentNo) -> Refusal {
        match why {
            RoleRefused::Talks(other) => (Code::AgentBusy, other.to_string()),
            RoleRefused::Full | RoleRefused::Watches => (Code::TargetBusy, self.agent_name(agent)),
            RoleRefused::NotHis => (Code::NotSignedIn, self.agent_name(agent)),
        }
    }

    /// Whoever calls has answered: he hears how it rings where he calls, and talks to whoever answers.
    pub(super) fn connect_second(&mut self, contact: ContactId, connect: Connect, now: Now, supplies: &mut Supplies) {
        let Connect { first: _, to, ring, by } = connect;
        let Some(to) = to else {
            self.contacts.act(contact, Act::Convene { by }, now, supplies);
            return;
        };
        match self.way(contact, &to, now) {
            Ok(Way::Ring(ways)) => {
                let outside = ways.iter().any(|way| !Self::is_phone(way.party));
                let attempts = Attempt::by_phones(ways);
                let customer = outside && !self.contacts.has_customer(contact);
                let dial = Dial { attempts, queue: None, ring, customer, by };
                self.contacts.act(contact, Act::Dial(Box::new(dial)), now, supplies);
            }
            Ok(Way::Queue(to, wait)) => {
                let to = match to {
                    To::Agent { agent, group, ring: _ } => To::Agent { agent, group, ring },
                    To::Groups(groups) => To::Groups(groups),
                };
                self.wait_for_second(contact, (to, wait), &by, now, supplies);
            }
            Ok(Way::Flow(key, data)) => {
                self.attach(contact, data, &by, now, supplies);
                if !self.start_flow(contact, &key, now, supplies) {
                    self.not_connected(contact, EndCause::NotFound, now, supplies);
                }
            }
            Err((code, _)) => self.not_connected(contact, cause_of(code), now, supplies),
        }
    }

    fn wait_for_second(
        &mut self,
        contact: ContactId,
        (to, wait_max): (To, Option<Span>),
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) {
        match self.new_item(contact, to, now, supplies) {
            Some(new) => self.enqueue(NewItem { wait_max, ..new }, false, by, now, supplies),
            None => self.not_connected(contact, EndCause::Full, now, supplies),
        }
    }

    /// A caller reads it in a final status; whoever was dialled himself hears it before he is released.
    pub(super) fn not_connected(&mut self, contact: ContactId, cause: EndCause, now: Now, supplies: &mut Supplies) {
        self.contacts.act(contact, Act::NotConnected { cause }, now, supplies);
    }
}

fn cause_of(code: Code) -> EndCause {
    match code {
        Code::TargetBusy | Code::AgentBusy => EndCause::Busy,
        Code::TrunkFull => EndCause::Full,
        Code::TargetUnreachable | Code::NotSignedIn => EndCause::Unreachable,
        Code::OutboundForbidden => EndCause::Forbidden,
        _ => EndCause::NotFound,
    }
}
