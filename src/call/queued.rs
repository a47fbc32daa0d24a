//! Dials whose target comes from a queue: an agent of a group, or one by name, is wanted in a call that others are in.
//! Owns what becomes of such a dial as offers for its item come and go. Leaves the item to the ACD, and what the answer
//! means to the dial's purpose.
//!
//! Whoever dials waits in the call with the queue's music. When he leaves before anybody has come, the one whom he gave
//! away takes his place in the queue. Several who talk on wait for nobody: whoever comes joins them.

use super::contact::{Contact, Context, Waiting};
use super::dial::{Dialing, Purpose};
use super::end::LegEnd;
use super::words::Tell;
use crate::base::{CallId, ContactId, ItemId, LegId};
use crate::event::words::{By, EndCause, Side};

impl super::Contacts {
    /// The call into which an agent is wanted for this item.
    pub fn call_of_item(&self, id: ContactId, item: ItemId) -> Option<CallId> {
        self.contacts.get(&id)?.call_of_item(item)
    }
}

impl Contact {
    pub fn await_queue(&mut self, dialing: Dialing) {
        if let Some(queue) = &dialing.queue {
            self.room.music_key.clone_from(&queue.music);
        }
        self.dialings.push(dialing);
        self.watch_dials();
    }

    pub fn dialing_of_item(&mut self, item: ItemId) -> Option<&mut Dialing> {
        self.dialings.iter_mut().find(|d| d.queue.as_ref().is_some_and(|queue| queue.item == item))
    }

    fn call_of_item(&self, item: ItemId) -> Option<CallId> {
        self.dialings.iter().find(|d| d.queue.as_ref().is_some_and(|queue| queue.item == item)).map(|d| d.call)
    }

    /// This leg was rung from a queue, for a call that others are in.
    pub fn is_from_queue(&self, leg: LegId) -> bool {
        self.dialings.iter().any(|d| d.legs.contains(&leg) && d.queue.is_some())
    }

    /// Nobody came: the dial ends as the last one did who was rung.
    pub fn unqueued(&mut self, context: &mut Context, item: ItemId, cause: EndCause) {
        let is_it = |d: &Dialing| d.queue.as_ref().is_some_and(|queue| queue.item == item);
        let Some(at) = self.dialings.iter().position(is_it) else { return };
        let dialing = self.dialings.remove(at);
        self.watch_dials();
        let end = dialing.last.unwrap_or(LegEnd { cause, side: Side::System, status: None });
        self.dial_over(context, &dialing, Err(end));
    }

    /// These dials are not wanted any longer; legs that ring for them are ended by the caller.
    pub fn give_up_dials(&mut self, context: &mut Context, unwanted: impl Fn(&Dialing) -> bool) {
        let (given_up, kept) = std::mem::take(&mut self.dialings).into_iter().partition(unwanted);
        self.dialings = kept;
        self.watch_dials();
        let given_up: Vec<Dialing> = given_up;
        for dialing in given_up {
            if dialing.is_invite() {
                let end = LegEnd { cause: EndCause::PeerLeft, side: Side::System, status: None };
                self.dial_over(context, &dialing, Err(end));
            }
            if let Dialing { queue: Some(queue), by, .. } = dialing {
                self.tell(context, Tell::Unqueue { item: queue.item, by });
            }
        }
    }

    /// Who waited for the target of his transfer leaves before it has come. Those whom he gives away wait in his place,
    /// whoever is rung just now; while several of them talk on, whoever comes joins their call. False when the target
    /// comes from no queue.
    pub fn hand_to_queue(&mut self, context: &mut Context, by: &By) -> bool {
        let Some(at) = self.dialings.iter().position(is_queued_transfer) else { return false };
        let main = self.main_call();
        for leg in self.dialings[at].legs.clone() {
            self.hand(context, leg, main, by);
        }
        if self.main_has_company() {
            self.dialings[at].call = main;
            if let Some(item) = self.dialings[at].queue.as_ref().map(|queue| queue.item) {
                self.tell(context, Tell::WantedIn { item, call: main, by: by.clone() });
            }
            return true;
        }
        let Some(queue) = self.dialings.remove(at).queue else { return false };
        self.watch_dials();
        self.marks.queued = true;
        self.room.music_key = queue.music;
        self.waiting = Some(Waiting { groups: queue.groups });
        self.tell(context, Tell::TakesPlace { item: queue.item, by: by.clone() });
        true
    }

    /// The target of a transfer comes from a queue and has not come yet.
    pub fn awaits_queued_target(&self) -> bool {
        self.dialings.iter().any(is_queued_transfer)
    }

    /// The last of those who talked on has lost the others: he waits in the place of who gave him away.
    pub fn wait_when_alone(&mut self, context: &mut Context) {
        let given_away = self.transfer.as_ref().is_some_and(|transfer| !transfer.transferor_here);
        if given_away && self.awaits_queued_target() && self.main.is_some_and(|main| self.is_answered(main)) {
            self.leave_to_queue(context);
        }
    }
}

fn is_queued_transfer(dialing: &Dialing) -> bool {
    dialing.purpose == Purpose::Transfer && dialing.queue.is_some()
}
