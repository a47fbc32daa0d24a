//! Who waits for a skill group, and what follows when the waiting is over: for a flow's `queue` node, for a transfer to a
//! group, and for a customer whose transfer failed. Owns a contact's item and its age; leaves the queue to the ACD.

use super::Tenant;
use crate::acd::words::{NewItem, To};
use crate::base::bounds::QUEUE_VISITS;
use crate::base::{ContactId, GroupNo, ItemId, Now, Span, Supplies, Time};
use crate::call::words::Act;
use crate::event::words::{By, EndCause, ItemExit};
use crate::ivr::words::{Input as Flow, WaitsFor};

/// What a contact waits for, and since when it has been waiting anywhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub item: Option<ItemId>,
    /// When it first entered a queue: its age for rank.
    first: Time,
    /// How often it did.
    visits: u32,
    /// A flow stands in its `queue` node for it.
    by_flow: bool,
    /// Who has the customer when the agent he waits for by name does not come.
    else_group: Option<GroupNo>,
}

impl Wait {
    /// A flow stands in its `queue` node for it.
    pub fn is_by_flow(&self) -> bool {
        self.by_flow
    }

    /// He waits there no longer and nobody is told; the item that he had.
    pub fn leave(&mut self) -> Option<ItemId> {
        (self.by_flow, self.else_group) = (false, None);
        self.item.take()
    }
}

impl Tenant {
    /// A flow puts its caller into a queue.
    pub(super) fn flow_queues(
        &mut self,
        contact: ContactId,
        to: &WaitsFor,
        priority: i32,
        wait_max: Option<Span>,
        now: Now,
        supplies: &mut Supplies,
    ) {
        let Some(to) = self.wanted_by_flow(to) else {
            return self.failed_at_once.push_back((contact, Flow::QueueLeft(ItemExit::NoAgent)));
        };
        let Some(new) = self.new_item(contact, to, now, supplies) else {
            return self.failed_at_once.push_back((contact, Flow::QueueLeft(ItemExit::Full)));
        };
        self.enqueue(NewItem { priority, wait_max, ..new }, true, &By::FLOW, now, supplies);
    }

    /// Whom the flow's ids mean. One that the site has no longer is left out; `None`: nobody is left.
    fn wanted_by_flow(&self, to: &WaitsFor) -> Option<To> {
        match to {
            WaitsFor::Groups(ids) => {
                let no = |id: &String| self.site.groups.values().find(|g| g.id == *id).map(|g| g.no);
                let groups: Vec<GroupNo> = ids.iter().filter_map(no).collect();
                (!groups.is_empty()).then_some(To::Groups(groups))
            }
            WaitsFor::Agent(id) => {
                let agent = self.site.agent(id)?.no;
                Some(To::Agent { agent, group: None, ring: self.site.direct.ring })
            }
        }
    }

    /// An item for this contact; `None`: it has been in queues too often. It enters by `enqueue`.
    pub(super) fn new_item(&self, contact: ContactId, to: To, now: Now, supplies: &mut Supplies) -> Option<NewItem> {
        let wait = self.waits.get(&contact);
        let visit = wait.map_or(0, |w| w.visits) + 1;
        let item = ItemId(supplies.ids.mint(now.t));
        let entered = wait.map_or(now.t, |w| w.first);
        let (call, priority, level, wait_max, holder) = (None, 0, 1, None, contact);
        let not_to = Vec::new();
        let new = NewItem { item, to, call, entered, priority, level, wait_max, holder, visit, not_to };
        (visit as usize <= QUEUE_VISITS).then_some(new)
    }

    pub(super) fn enqueue(&mut self, new: NewItem, by_flow: bool, by: &By, now: Now, supplies: &mut Supplies) {
        // What led here may have ended it.
        if !self.contacts.is_live(new.holder) {
            return;
        }
        let (groups, music) = self.waits_in(&new.to);
        let else_group = match new.to {
            To::Groups(_) => None,
            To::Agent { group, .. } => group,
        };
        let wait = Wait { item: Some(new.item), first: new.entered, visits: new.visit, by_flow, else_group };
        self.waits.insert(new.holder, wait);
        self.contacts.act(new.holder, Act::Wait { groups, music }, now, supplies);
        self.acd.enqueue(&new, by, now, supplies);
    }

    /// The groups whose supervisors may watch who waits, and whose music he hears.
    pub(super) fn waits_in(&self, to: &To) -> (Vec<GroupNo>, String) {
        let groups = match to {
            To::Groups(groups) => groups.clone(),
            To::Agent { group, .. } => group.iter().copied().collect(),
        };
        let music = groups.first().and_then(|group| self.site.groups.get(group)).map(|g| g.music.clone());
        (groups, music.unwrap_or_default())
    }

    /// A transfer failed after its transferor had left: his group has the customer, or nobody.
    pub(super) fn queue_stranded(&mut self, contact: ContactId, group: GroupNo, now: Now, supplies: &mut Supplies) {
        match self.new_item(contact, To::Groups(vec![group]), now, supplies) {
            Some(new) => self.enqueue(new, false, &By::SYSTEM, now, supplies),
            None => self.waited_in_vain(contact, ItemExit::Full, now, supplies),
        }
    }

    pub(super) fn item_left(
        &mut self,
        item: ItemId,
        holder: ContactId,
        exit: ItemExit,
        now: Now,
        supplies: &mut Supplies,
    ) {
        let Some(wait) = self.waits.get_mut(&holder).filter(|wait| wait.item == Some(item)) else {
            return self.dial_unqueued(item, holder, exit, now, supplies);
        };
        wait.item = None;
        let (by_flow, else_group) = (wait.by_flow, wait.else_group.take());
        if exit != ItemExit::Connected {
            self.contacts.act(holder, Act::WaitOver, now, supplies);
        }
        if self.routed_item_left(holder, exit, now, supplies) {
            return;
        }
        match exit {
            _ if by_flow => self.flow(holder, Flow::QueueLeft(exit), now, supplies),
            ItemExit::Connected | ItemExit::CallerLeft => {}
            ItemExit::TimedOut | ItemExit::Full | ItemExit::NoAgent | ItemExit::Withdrawn | ItemExit::Routed => {
                match else_group.filter(|_| !self.contacts.is_held_by_flow(holder)) {
                    Some(group) => self.queue_stranded(holder, group, now, supplies),
                    None => self.waited_in_vain(holder, exit, now, supplies),
                }
            }
        }
    }

    /// Somebody was wanted in a call, and nobody came.
    fn dial_unqueued(&mut self, item: ItemId, holder: ContactId, exit: ItemExit, now: Now, supplies: &mut Supplies) {
        let cause = match exit {
            // He is there, as the offer's steps have told.
            ItemExit::Connected => return,
            ItemExit::TimedOut => EndCause::NoAnswer,
            ItemExit::Full => EndCause::Busy,
            ItemExit::NoAgent => EndCause::Unreachable,
            ItemExit::CallerLeft | ItemExit::Withdrawn | ItemExit::Routed => EndCause::Released,
        };
        self.contacts.act(holder, Act::Unqueued { item, cause }, now, supplies);
    }

    /// Who was given away waits in the place of who consulted, and is as old there as he is.
    pub(super) fn takes_place(&mut self, contact: ContactId, item: ItemId, by: &By, now: Now, supplies: &mut Supplies) {
        let before = self.waits.get(&contact);
        let first = before.map_or(now.t, |wait| wait.first);
        let visits = before.map_or(0, |wait| wait.visits) + 1;
        let else_group = self.acd.account_of(item);
        self.waits.insert(contact, Wait { item: Some(item), first, visits, by_flow: false, else_group });
        self.acd.take_place(item, first, by, now, supplies);
    }

    /// No agent took whom an agent had given away: his flow goes on as after an agent, or the contact ends.
    pub(super) fn waited_in_vain(&mut self, contact: ContactId, exit: ItemExit, now: Now, supplies: &mut Supplies) {
        if self.contacts.is_held_by_flow(contact) {
            return self.flow(contact, Flow::AgentSideEnded, now, supplies);
        }
        let cause = match exit {
            ItemExit::Full => EndCause::Full,
            ItemExit::Connected
            | ItemExit::CallerLeft
            | ItemExit::TimedOut
            | ItemExit::NoAgent
            | ItemExit::Withdrawn
            | ItemExit::Routed => EndCause::NoAnswer,
        };
        self.not_connected(contact, cause, now, supplies);
    }

    pub(super) fn customer_left(&mut self, contact: ContactId, now: Now, supplies: &mut Supplies) {
        if let Some(item) = self.waits.get_mut(&contact).and_then(|wait| wait.item.take()) {
            self.acd.withdraw(item, ItemExit::CallerLeft, &By::PARTY, now, supplies);
        }
        self.routed_left(contact);
        self.flow(contact, Flow::CustomerLeft, now, supplies);
    }

    pub(super) fn unqueue(&mut self, contact: ContactId, now: Now, supplies: &mut Supplies) {
        // Without an item an agent was faster, and the flow has been told so.
        if let Some(item) = self.waits.get(&contact).and_then(|wait| wait.item) {
            self.acd.withdraw(item, ItemExit::Withdrawn, &By::FLOW, now, supplies);
        }
    }
}
