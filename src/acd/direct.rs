//! Direct calls: items for one named agent.
//! Owns when an agent can be called directly and when what waits for him leaves. Leaves rank to `matcher`, what an ending
//! of the offer costs to `offers`.
//!
//! The rule: an explicit call reaches him when his phone does and he has a hand free, whatever he wishes; a wrap-up or a
//! call on hold is no hindrance, and a reservation is for just this. The site may ask for more: that he be ready.

use super::Acd;
use super::item::Item;
use super::phone::Phone;
use super::words::NotNow;
use crate::base::{AgentNo, GroupNo, ItemId, Time};
use crate::event::By;
use crate::event::words::{ItemExit, Wish, WorkRole};
use crate::site::DirectWhen;

impl Acd {
    /// Whether he can be called directly now, and if not, why.
    pub fn direct(&self, no: AgentNo) -> Result<(), NotNow> {
        let seat = self.seat_of(no).map_err(|_| NotNow::SignedOut)?;
        let stays = self.site.agents.get(&no).is_some_and(|a| !a.retiring);
        if !stays || seat.wish == Wish::SignOut {
            return Err(NotNow::Leaves);
        }
        let rests = self.phones.get(&seat.phone(no)).is_some_and(Phone::resting);
        if !seat.reachable || rests {
            return Err(NotNow::Unreachable);
        }
        // A leg that stays up is in the call on hold.
        let permanent = seat.station.permanent().is_some();
        let free = |role: WorkRole| match role {
            WorkRole::WrapUp | WorkRole::Reserved => true,
            WorkRole::Held => !permanent,
            WorkRole::Offered
            | WorkRole::Talking
            | WorkRole::Dialing
            | WorkRole::Consulting
            | WorkRole::Conference
            | WorkRole::Monitoring => false,
        };
        if seat.is_full() || !seat.works().iter().all(|w| free(w.doing.role())) {
            return Err(NotNow::Busy);
        }
        let ready = seat.wish == Wish::Ready && !seat.works().iter().any(|w| w.doing.is_wrap_up());
        match self.site.direct.when {
            DirectWhen::Ready if !ready => Err(NotNow::NotReady),
            DirectWhen::Ready | DirectWhen::Reachable => Ok(()),
        }
    }

    /// The group on whose account the call is that this item makes to an agent by name.
    pub fn account_of(&self, item: ItemId) -> Option<GroupNo> {
        self.items.get(&item).filter(|item| item.named().is_some()).and_then(Item::group)
    }

    /// Why an item for him may not come in, if so: without patience he must be free at once.
    pub(super) fn direct_refusal(&self, no: AgentNo, item: &Item) -> Option<ItemExit> {
        if item.excludes(no) {
            return Some(ItemExit::NoAgent);
        }
        let in_contact = if self.may_take(no, item) { Ok(()) } else { Err(NotNow::Busy) };
        match self.direct(no).and(in_contact) {
            Ok(()) => None,
            Err(NotNow::SignedOut | NotNow::Leaves) => Some(ItemExit::NoAgent),
            Err(NotNow::Unreachable | NotNow::Busy | NotNow::NotReady) => {
                let patient = item.deadline(None).is_none_or(|until| until > item.since);
                (!patient).then_some(ItemExit::Full)
            }
        }
    }

    /// He is gone: nobody will ever take what waits for him alone.
    pub(super) fn expel_private(&mut self, no: AgentNo, t: Time) {
        let waiting: Vec<ItemId> = self.matcher.private_of(no).map(|(_, item)| item).collect();
        for item in waiting {
            self.leave(item, ItemExit::NoAgent, &By::SYSTEM, t);
        }
    }
}
