//! A customer lent to a flow: an agent sends him there and gets him back when the flow returns him.
//! Owns the flow that stood behind the agent meanwhile, what the other one attached, and who has the customer when it is
//! over and the agent is gone. Leaves the flow to `ivr`, who talks to whom to the contact.
//! In: the command, what the lent-to flow asks for, the transfer's end. Out: acts, and `flow_returned`.

use serde_json::{Map, Value};

use super::commands::Refusal;
use super::{Run, Tenant};
use crate::base::{ContactId, GroupNo, LegId, Now, Supplies};
use crate::call::words::{Act, ConsultVerb};
use crate::event::words::{By, Watched};
use crate::event::{About, Kind};
use crate::ivr::words::Input as Flow;
use crate::switch::Code;

/// What a contact comes back to.
pub(super) struct Lent {
    /// The flow in whose `queue` or `dial` node he was connected to the agent.
    beneath: Option<Run>,
    /// The agent's group: it gets the customer when the agent is gone and no flow stands behind him.
    group: Option<GroupNo>,
    /// What the flow has attached so far.
    set: Map<String, Value>,
}

impl Tenant {
    /// The agent is put aside, and the customer goes through the flow with this data.
    pub(super) fn lend_to_flow(
        &mut self,
        contact: ContactId,
        leg: LegId,
        (key, data): (&str, Map<String, Value>),
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), Refusal> {
        if !self.flows.get(key).is_some_and(|flow| flow.returns()) {
            let remedy = format!("flow `{key}` never gives a caller back: lead one of its exits to `return`");
            return Err((Code::TargetUnfit, remedy));
        }
        let group = self.contacts.groups_watched(contact, Watched::Leg(leg)).first().copied();
        self.attach(contact, data, &by, now, supplies);
        if self.contacts.is_live(contact) {
            self.contacts.act(contact, Act::Lend { transferor: leg, by }, now, supplies);
        }
        if !self.contacts.is_live(contact) {
            // A bug has ended it: its flow hears of that as of any end.
            return Ok(());
        }
        let beneath = self.runs.remove(&contact).filter(|_| self.contacts.is_held_by_flow(contact));
        self.run_agenda.set(contact, None);
        self.lent.insert(contact, Lent { beneath, group, set: Map::new() });
        self.contacts.hold_by_flow(contact);
        self.contacts.hide_digits(contact, true);
        self.introduce(now, supplies);
        if !self.start_flow(contact, key, now, supplies) {
            self.come_back(contact, now, supplies);
        }
        Ok(())
    }

    /// Data that a command gives a flow to work with; nothing is told when there is none.
    pub(super) fn attach(
        &mut self,
        contact: ContactId,
        data: Map<String, Value>,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) {
        if !data.is_empty() {
            self.contacts.act(contact, Act::SetData { data, by: by.clone() }, now, supplies);
        }
    }

    /// A flow attaches this.
    pub(super) fn lent_sets(&mut self, contact: ContactId, key: &str, value: &str) {
        if let Some(lent) = self.lent.get_mut(&contact) {
            lent.set.insert(key.to_owned(), Value::String(value.to_owned()));
        }
    }

    /// The flow sends the customer on by itself: for the agent that is a blind transfer, and nothing stands behind him
    /// any longer.
    pub(super) fn lent_goes_on(&mut self, contact: ContactId, now: Now, supplies: &mut Supplies) {
        let Some(lent) = self.lent.remove(&contact) else { return };
        self.contacts.hide_digits(contact, false);
        if let Some(flow_key) = lent.beneath.and_then(|run| run.flow_key) {
            self.journal_flow_ended(contact, &flow_key);
        }
        if let Some(transferor) = self.contacts.lender(contact) {
            let verb = ConsultVerb::Complete;
            self.contacts.act(contact, Act::Consult { transferor, verb, by: By::FLOW }, now, supplies);
        }
        // that he left is told before he could be offered the same caller
        self.introduce(now, supplies);
    }

    /// A command took the customer out of the flow, back to the agent. He is gone too when their conference's time was
    /// over: with no flow beneath, what happens to the customer is what happens when a flow ends.
    pub(super) fn lent_cancelled(&mut self, contact: ContactId, lender: LegId, now: Now, supplies: &mut Supplies) {
        let Some(lent) = self.lent.remove(&contact) else { return };
        self.flow_ended(contact);
        let alone = lent.beneath.is_none() && !self.contacts.has_leg(contact, lender);
        self.resume(contact, lent.beneath);
        if alone && self.contacts.is_live(contact) {
            self.contacts.act(contact, Act::Unhold, now, supplies);
        }
    }

    /// The flow has ended. `false`: it was lent nobody.
    pub(super) fn lent_ended(&mut self, contact: ContactId, now: Now, supplies: &mut Supplies) -> bool {
        if !self.lent.contains_key(&contact) {
            return false;
        }
        self.flow_ended(contact);
        self.come_back(contact, now, supplies);
        true
    }

    /// Back to the agent; without him to the flow behind him, to his group, or to the end.
    fn come_back(&mut self, contact: ContactId, now: Now, supplies: &mut Supplies) {
        let Some(Lent { beneath, group, set }) = self.lent.remove(&contact) else { return };
        if !self.contacts.is_held_by_flow(contact) {
            // The customer is gone: the flow beneath hears of it too.
            self.resume(contact, beneath);
            return self.flow(contact, Flow::CustomerLeft, now, supplies);
        }
        let lender = self.contacts.lender(contact);
        let flow = self.runs.get(&contact).and_then(|run| self.site.flows.get(run.flow_key.as_ref()?)).copied();
        if let Some(flow) = flow {
            let agent = lender.and_then(|leg| self.contacts.agent_of(contact, leg));
            let about = About { contact: Some(contact), leg: lender, agent, ..About::default() };
            self.contacts.journal(about, By::FLOW, Kind::FlowReturned { flow, data: set });
        }
        let stands = beneath.is_some();
        self.resume(contact, beneath);
        match (lender, group) {
            (Some(transferor), _) => {
                self.contacts.act(contact, Act::ComeBack { transferor }, now, supplies);
            }
            (None, _) if stands => self.flow(contact, Flow::AgentSideEnded, now, supplies),
            (None, Some(group)) => self.queue_stranded(contact, group, now, supplies),
            (None, None) => {
                self.contacts.act(contact, Act::Unhold, now, supplies);
            }
        }
    }

    /// The flow that stood behind the agent stands there again; with none nobody decides what comes next but he.
    fn resume(&mut self, contact: ContactId, beneath: Option<Run>) {
        self.contacts.hide_digits(contact, false);
        match beneath {
            Some(run) => drop(self.runs.insert(contact, run)),
            None => {
                self.runs.remove(&contact);
                self.contacts.let_go_by_flow(contact);
            }
        }
    }
}
