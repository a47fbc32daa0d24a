//! Rounds: a caller of a group that rings all is offered to every available agent of it at once, and the first to accept
//! has him.
//! Owns who is in a round, who joins it, and what its decision is to the others. Leaves each offer's own lease, ending and
//! cost to `offer` and `offers`: one who rejects or lets it ring out leaves only his own.
//!
//! While a round may grow its item stands in the set of those who wait, of that one group: so whoever becomes free finds
//! it there in its rank. A round is of one group, also when its caller waits in several.

use super::item::ItemState;
use super::words::Output;
use super::{Acd, Owner};
use crate::base::bounds::RING_ALL_MAX;
use crate::base::{GroupNo, ItemId, OfferId, Supplies, Time};
use crate::event::By;
use crate::event::words::OfferEnding;
use crate::site::Strategy;

impl Acd {
    /// Offers the item to all available agents of the group, the longest idle first, as far as the round has room.
    pub(super) fn ring_all(&mut self, id: ItemId, group: GroupNo, t: Time, supplies: &mut Supplies) {
        loop {
            let Some(item) = self.items.get(&id) else { return };
            let full = item.state.offers().len() >= RING_ALL_MAX;
            let may = |no| self.may_take(no, item);
            let next = || self.matcher.best_for(item, group, Strategy::RingAll, &may, &mut supplies.rng);
            let Some(no) = (!full).then(next).flatten() else { return };
            let offer = self.make_offer(no, id, Some(group), t, supplies);
            if let Some(item) = self.items.get_mut(&id) {
                let mut offers = item.state.offers().to_vec();
                offers.push(offer);
                item.state = ItemState::Round { group, offers };
            }
            if !self.sync_round(id, t) {
                return;
            }
        }
    }

    /// The item of a round can be offered to more agents, or no longer: the round is full, the caller has waited as long
    /// as he may, or his group rings one at a time now. True: it can.
    pub(super) fn sync_round(&mut self, id: ItemId, t: Time) -> bool {
        let Some(item) = self.items.get(&id) else { return false };
        let ItemState::Round { group, ref offers } = item.state else { return false };
        let rings_all = self.site.groups.get(&group).is_some_and(|g| g.strategy == Strategy::RingAll);
        let deadline = item.deadline(self.patience(item));
        let until = deadline.filter(|until| *until > t);
        let grows = rings_all && until == deadline && offers.len() < RING_ALL_MAX;
        self.matcher.stop_waiting(item);
        if grows {
            self.matcher.wait_for_more(item, group);
        } else {
            self.fresh.remove(&(item.rank, id));
        }
        self.agenda.set(Owner::Item(id), [until, item.next_lapse()].into_iter().flatten().min());
        grows
    }

    /// This offer has come to nothing. The others of its round go on, and somebody else may take its place; after the last
    /// the item is back in its queue.
    pub(super) fn came_to_nothing(&mut self, id: ItemId, offer: OfferId, t: Time) {
        let Some(item) = self.items.get_mut(&id) else { return };
        if item.lose(offer) {
            return self.requeue(id, t);
        }
        let rank = item.rank;
        if self.sync_round(id, t) {
            self.fresh.insert((rank, id));
        }
    }

    /// The agent of this offer has accepted: he has won. The others are told in the same instant, and it costs them
    /// nothing.
    pub(super) fn win(&mut self, offer: OfferId, by: &By, t: Time) {
        let Some(id) = self.offers.get(&offer).map(|lease| lease.item) else { return };
        let Some(item) = self.items.get_mut(&id) else { return };
        let ItemState::Round { group: _, offers } = std::mem::replace(&mut item.state, ItemState::Offered(offer))
        else {
            return;
        };
        self.fresh.remove(&(item.rank, id));
        self.matcher.stop_waiting(item);
        for other in offers.into_iter().filter(|other| *other != offer) {
            self.call_off(other, OfferEnding::LostRace, by, t);
        }
    }

    /// Ends an offer that is not connected from here, and has whoever rings told to stop; what becomes of the item the
    /// caller says.
    pub(super) fn call_off(&mut self, offer: OfferId, ending: OfferEnding, by: &By, t: Time) {
        let Some(holder) = self.offers.get(&offer).map(|lease| lease.holder) else { return };
        self.finish(offer, ending, None, by, t);
        self.outputs.push_back(Output::Rescind { offer, holder, ending });
    }
}
