//! A caller whom only a flow or a queue has, sent elsewhere by a person: by a supervisor, or by the agent to whom he is
//! offered.
//! Owns what he comes back to when nobody takes him there: the node of the flow in which he was, or his group; or, sent on
//! by an agent, his place in the queue. Leaves the phones to the contact, the queue to the ACD, and the flow's place to
//! `ivr`.
//! In: the command, how its dial or item ended. Out: acts, and `route_ended`.

use super::Tenant;
use super::commands::Refusal;
use super::dialling::RING_DEFAULT;
use super::queueing::Wait;
use super::target::Way;
use crate::acd::words::NewItem;
use crate::base::{AgentNo, ContactId, GroupNo, Now, OfferId, Span, Supplies};
use crate::call::words::{Act, Attempt, Dial};
use crate::event::words::{By, EndCause, ItemExit};
use crate::event::{About, Kind};
use crate::ivr::words::Input as Flow;
use crate::switch::{CallTarget, Code, Snapshot};

/// A caller on his way to somebody.
#[derive(Clone, Debug)]
pub(super) struct Routed {
    by: By,
    back: Back,
}

/// What he comes back to.
#[derive(Clone, Debug)]
enum Back {
    /// The node of his flow, or without one this group, where he waited.
    Node(Option<GroupNo>),
    /// This place in a queue; and what he was on his way to when he came to it, if he was.
    Queue(Box<(NewItem, Option<Routed>)>),
}

impl Tenant {
    /// Refused before any effect; then the flow's node is left, his place in the queue given up, and he goes to `to`.
    pub(super) fn route(
        &mut self,
        contact: ContactId,
        supervisor: Option<AgentNo>,
        (to, ring): (&CallTarget, Option<Span>),
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), Refusal> {
        self.may(contact, &Act::TakeOut { by: by.clone() })?;
        let groups = self.contacts.waits_in(contact);
        self.routes_in_scope(supervisor, &groups)?;
        let group = groups.first().copied();
        let way = self.way(contact, to, now)?;
        let new = match &way {
            Way::Queue(to, wait) => Some(self.item_for(contact, group, (to.clone(), *wait, ring), now, supplies)?),
            Way::Ring(_) | Way::Flow(..) => None,
        };
        self.leave_place(contact, &by, now, supplies);
        let routed = Routed { by, back: Back::Node(group) };
        self.set_off(contact, routed, (way, new, ring), now, supplies);
        Ok(())
    }

    /// The agent to whom he is offered sends him on before he takes him. Refused before any effect. A flow that has him in
    /// its queue stands behind whoever takes him, as behind an agent.
    pub(super) fn send_on(
        &mut self,
        (agent, offer): (AgentNo, OfferId),
        (to, ring): (&CallTarget, Option<Span>),
        reason: Option<String>,
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<Snapshot, Refusal> {
        let item = self.acd.offered(agent, offer).map_err(|refused| self.verb_refused(refused, agent))?;
        let contact = item.holder;
        if self.waits.get(&contact).and_then(|wait| wait.item) != Some(item.item) {
            let text = "he is wanted in a talk of others, who decide about it: reject the offer without `to`";
            return Err((Code::TargetUnfit, text.to_owned()));
        }
        self.may(contact, &Act::TakeOut { by: by.clone() })?;
        let way = self.way(contact, to, now)?;
        let new = match &way {
            Way::Queue(to, wait) => {
                let account = self.contacts.waits_in(contact).first().copied();
                let new = self.item_for(contact, account, (to.clone(), *wait, ring), now, supplies)?;
                Some(NewItem { not_to: vec![agent], ..new })
            }
            Way::Ring(_) | Way::Flow(..) => None,
        };
        let by_flow = self.waits.get(&contact).is_some_and(Wait::is_by_flow);
        self.waits.get_mut(&contact).map(Wait::leave);
        let before = self.routed.remove(&contact);
        self.acd.send_on(offer, reason, &by, now, supplies);
        self.introduce(now, supplies);
        self.contacts.act(contact, Act::TakeOut { by: by.clone() }, now, supplies);
        if by_flow {
            self.flow(contact, Flow::SentOn, now, supplies);
        }
        self.introduce(now, supplies);
        let routed = Routed { by, back: Back::Queue(Box::new((item, before))) };
        self.set_off(contact, routed, (way, new, ring), now, supplies);
        self.introduce(now, supplies);
        Ok(Snapshot::Agents(self.agent_state(agent).into_iter().collect()))
    }

    fn set_off(
        &mut self,
        contact: ContactId,
        routed: Routed,
        (way, new, ring): (Way, Option<NewItem>, Option<Span>),
        now: Now,
        supplies: &mut Supplies,
    ) {
        let by = routed.by.clone();
        match (way, new) {
            (Way::Flow(key, data), _) => {
                self.attach(contact, data, &by, now, supplies);
                self.end_run(contact, now, supplies);
                self.route_told(contact, &routed, None);
                if !self.start_flow(contact, &key, now, supplies) {
                    self.not_connected(contact, EndCause::NotFound, now, supplies);
                }
            }
            (Way::Ring(ways), _) => {
                self.routed.insert(contact, routed);
                // Whatever becomes of the dial, it is not the end of the caller.
                self.contacts.hold_by_flow(contact);
                let ring = ring.unwrap_or(RING_DEFAULT);
                let attempts = Attempt::by_phones(ways);
                let dial = Dial { attempts, queue: None, ring, customer: false, by };
                self.contacts.act(contact, Act::Dial(Box::new(dial)), now, supplies);
            }
            (Way::Queue(..), Some(new)) => {
                self.routed.insert(contact, routed);
                self.enqueue(new, false, &by, now, supplies);
            }
            // whoever sends him to a queue has made the item
            (Way::Queue(..), None) => {}
        }
    }

    /// A supervisor sends on who waits for a group of his; whom no group has yet, anybody who supervises one.
    fn routes_in_scope(&self, supervisor: Option<AgentNo>, groups: &[GroupNo]) -> Result<(), Refusal> {
        let Some(supervisor) = supervisor else { return Ok(()) };
        if groups.is_empty() { self.supervises_any(supervisor) } else { self.supervises_one(supervisor, groups) }
    }

    /// The node, the queue and whoever rings for him are left.
    fn leave_place(&mut self, contact: ContactId, by: &By, now: Now, supplies: &mut Supplies) {
        if let Some(before) = self.routed.remove(&contact) {
            self.route_told(contact, &before, Some(EndCause::Rescinded));
        }
        self.contacts.act(contact, Act::TakeOut { by: by.clone() }, now, supplies);
        let item = self.waits.get_mut(&contact).and_then(|wait| wait.leave());
        if let Some(item) = item {
            self.acd.withdraw(item, ItemExit::Routed, by, now, supplies);
        }
        self.flow(contact, Flow::Taken, now, supplies);
        self.introduce(now, supplies);
    }

    /// How a dial for him ended. `false`: nobody had sent him.
    pub(super) fn routed_dial_ended(
        &mut self,
        contact: ContactId,
        result: Result<(), EndCause>,
        now: Now,
        supplies: &mut Supplies,
    ) -> bool {
        let Some(routed) = self.routed.remove(&contact) else { return false };
        self.route_over(contact, routed, result, now, supplies);
        true
    }

    /// How his item left the queue. `false`: nobody had sent him there.
    pub(super) fn routed_item_left(
        &mut self,
        contact: ContactId,
        exit: ItemExit,
        now: Now,
        supplies: &mut Supplies,
    ) -> bool {
        let Some(routed) = self.routed.remove(&contact) else { return false };
        let result = match exit {
            ItemExit::Connected => Ok(()),
            ItemExit::TimedOut => Err(EndCause::NoAnswer),
            ItemExit::Full => Err(EndCause::Busy),
            ItemExit::NoAgent => Err(EndCause::Unreachable),
            ItemExit::CallerLeft => Err(EndCause::PeerLeft),
            ItemExit::Withdrawn | ItemExit::Routed => Err(EndCause::Released),
        };
        self.route_over(contact, routed, result, now, supplies);
        true
    }

    /// The caller left on his way.
    pub(super) fn routed_left(&mut self, contact: ContactId) {
        if let Some(routed) = self.routed.remove(&contact) {
            self.route_told(contact, &routed, Some(EndCause::PeerLeft));
        }
    }

    /// Somebody has him and his flow is over; or he is back where he was.
    fn route_over(
        &mut self,
        contact: ContactId,
        routed: Routed,
        result: Result<(), EndCause>,
        now: Now,
        supplies: &mut Supplies,
    ) {
        self.route_told(contact, &routed, result.err());
        let group = match (routed.back, result) {
            (Back::Node(_), Ok(())) => return self.end_run(contact, now, supplies),
            (Back::Node(group), Err(_)) => group,
            (Back::Queue(place), Ok(())) => {
                if let Some(before) = place.1 {
                    self.route_told(contact, &before, None);
                }
                return self.unheld(contact);
            }
            (Back::Queue(place), Err(_)) => return self.back_in_queue(contact, *place, now, supplies),
        };
        let cause = result.err().unwrap_or(EndCause::NoAnswer);
        if self.runs.get(&contact).is_some_and(|run| !run.flow.is_ended()) {
            return self.flow(contact, Flow::AgentSideEnded, now, supplies);
        }
        self.contacts.let_go_by_flow(contact);
        match group {
            Some(group) => self.queue_stranded(contact, group, now, supplies),
            None => self.not_connected(contact, cause, now, supplies),
        }
    }

    /// What kept him from ending with the dial; a flow that stands behind him goes on holding him.
    fn unheld(&mut self, contact: ContactId) {
        if self.runs.get(&contact).is_none_or(|run| run.flow.is_ended()) {
            self.contacts.let_go_by_flow(contact);
        }
    }

    /// Nobody took him there: he waits where he did, with the age he had.
    fn back_in_queue(
        &mut self,
        contact: ContactId,
        (place, before): (NewItem, Option<Routed>),
        now: Now,
        supplies: &mut Supplies,
    ) {
        self.unheld(contact);
        let NewItem { to, priority, level, wait_max, not_to, .. } = place;
        match self.new_item(contact, to, now, supplies) {
            Some(new) => {
                if let Some(before) = before {
                    self.routed.insert(contact, before);
                }
                let new = NewItem { priority, level, wait_max, not_to, ..new };
                self.enqueue(new, false, &By::SYSTEM, now, supplies);
            }
            None => self.waited_in_vain(contact, ItemExit::Full, now, supplies),
        }
    }

    fn end_run(&mut self, contact: ContactId, now: Now, supplies: &mut Supplies) {
        self.lent_goes_on(contact, now, supplies);
        if self.runs.get(&contact).is_some_and(|run| !run.flow.is_ended()) {
            self.flow_ended(contact);
        }
        self.runs.remove(&contact);
        self.run_agenda.set(contact, None);
        self.contacts.let_go_by_flow(contact);
    }

    fn route_told(&mut self, contact: ContactId, routed: &Routed, cause: Option<EndCause>) {
        let about = About { contact: Some(contact), ..About::default() };
        self.contacts.journal(about, routed.by.clone(), Kind::RouteEnded { cause });
    }
}
