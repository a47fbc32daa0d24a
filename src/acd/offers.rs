//! Items and offers: how they begin, proceed and end, and what each ending costs whom.
//! Owns the rules between item, agent and phone. Leaves the states of an offer to `offer`, order to `matcher`.

use super::agent::Doing;
use super::item::{Item, ItemState};
use super::offer::{Advance, Lease, LeaseState};
use super::people::about_work;
use super::phone::Phone;
use super::words::{NewItem, OfferStep, Output, To};
use super::{Acd, Owner};
use crate::base::{AgentNo, CallId, ContactId, GroupNo, ItemId, Now, OfferId, SegmentId, Span, Supplies, Time};
use crate::event::words::{AfterCall, ItemExit, NotReadyReason, OfferEnding, OfferWay, Wish};
use crate::event::{By, Kind};
use crate::site::Strategy;

impl Acd {
    /// A caller comes to a queue. It may leave at once: `NoAgent` when nobody is signed in who could ever take it (also
    /// for a group that is being removed), `Full` when it would have to wait and the group has as many as it may.
    pub fn enqueue(&mut self, new: &NewItem, by: &By, now: Now, supplies: &mut Supplies) {
        if self.items.contains_key(&new.item) {
            self.late += 1;
            return;
        }
        self.sequence += 1;
        let item = Item::new(new, self.sequence, now.t);
        let groups = if item.groups().len() > 1 { item.groups().to_vec() } else { Vec::new() };
        let entered = Kind::ItemEntered { due: item.rank.due, priority: item.priority, visit: item.visit, groups };
        self.journal(item.about(), by, entered);
        match self.refusal(&item) {
            Some(exit) => self.tell_left(&item, exit, &By::SYSTEM, now.t),
            None => self.admit(item),
        }
        self.settle(now.t, supplies);
    }

    /// How this item would leave its queue at once, if so.
    pub fn would_refuse(&self, new: &NewItem, now: Now) -> Option<ItemExit> {
        self.refusal(&Item::new(new, self.sequence, now.t))
    }

    /// The caller left, or a command took the item out. An offer for it ends with `CallerLeft`, or else `Rescinded`.
    /// Nothing happens (and it is counted) when the item has left already.
    pub fn withdraw(&mut self, item: ItemId, exit: ItemExit, by: &By, now: Now, supplies: &mut Supplies) {
        let Some(offers) = self.items.get(&item).map(|i| i.state.offers().to_vec()) else {
            self.late += 1;
            return self.settle(now.t, supplies);
        };
        let ending = match exit {
            ItemExit::CallerLeft => OfferEnding::CallerLeft,
            ItemExit::Connected
            | ItemExit::TimedOut
            | ItemExit::Full
            | ItemExit::NoAgent
            | ItemExit::Withdrawn
            | ItemExit::Routed => OfferEnding::Rescinded,
        };
        // Before the item leaves: what the caller hears next, he hears without a phone that still holds him.
        for offer in offers {
            self.call_off(offer, ending, by, now.t);
        }
        self.leave(item, exit, by, now.t);
        self.settle(now.t, supplies);
    }

    /// A waiting item is worth so many steps of waiting from now on; its age stays. False when it waits no longer or is
    /// being offered.
    pub fn set_priority(&mut self, id: ItemId, priority: i32, by: &By, now: Now, supplies: &mut Supplies) -> bool {
        let Some(item) = self.items.get_mut(&id).filter(|item| item.is_waiting()) else {
            return false;
        };
        self.matcher.stop_waiting(item);
        self.fresh.remove(&(item.rank, id));
        item.set_priority(priority);
        self.matcher.wait(item);
        self.fresh.insert((item.rank, id));
        let (about, due) = (item.about(), item.rank.due);
        self.journal(about, by, Kind::ItemPriority { due, priority });
        self.settle(now.t, supplies);
        true
    }

    /// What was wanted in a consult call is the contact's own from now on, and as old as the contact. Also while an agent
    /// is rung for it. False when it has left.
    pub fn take_place(&mut self, id: ItemId, entered: Time, by: &By, now: Now, supplies: &mut Supplies) -> bool {
        let Some(item) = self.items.get_mut(&id) else {
            return false;
        };
        let waits = item.is_waiting();
        self.matcher.stop_waiting(item);
        self.fresh.remove(&(item.rank, id));
        self.matcher.leave(item);
        item.call = None;
        item.set_entered(entered);
        self.matcher.enter(item);
        if waits {
            self.matcher.wait(item);
            self.fresh.insert((item.rank, id));
        }
        let (about, due, priority) = (item.about(), item.rank.due, item.priority);
        self.journal(about, by, Kind::ItemPriority { due, priority });
        self.sync_round(id, now.t);
        self.settle(now.t, supplies);
        true
    }

    /// Whoever is sent for this item comes into another call than it was wanted for. Rank and offers stay.
    pub fn wanted_in(&mut self, id: ItemId, call: CallId, by: &By) {
        let Some(item) = self.items.get_mut(&id) else { return };
        item.call = Some(call);
        let (about, due, priority) = (item.about(), item.rank.due, item.priority);
        self.journal(about, by, Kind::ItemPriority { due, priority });
    }

    /// Whoever rings tells how it goes. A step of an offer that has ended is ignored and counted: a late 200 wins nothing.
    pub fn offer_step(&mut self, offer: OfferId, step: OfferStep, now: Now, supplies: &mut Supplies) {
        let t = now.t;
        let Some(lease) = self.offers.get_mut(&offer) else {
            self.late += 1;
            return;
        };
        let (advance, about) = (lease.step(step, t), lease.about());
        self.agenda.set(Owner::Offer(offer), lease.deadline());
        match advance {
            Advance::Stale => self.late += 1,
            Advance::Proceeds => {}
            Advance::Alerting => self.journal(about, &By::PARTY, Kind::OfferAlerting),
            Advance::Confirming { until } => self.journal(about, &By::PARTY, Kind::OfferConfirming { until }),
            Advance::Accepted => {
                self.journal(about, &By::PARTY, Kind::OfferAccepted);
                self.win(offer, &By::PARTY, t);
            }
            Advance::Connected => {
                self.win(offer, &By::PARTY, t);
                self.connected(offer, t);
            }
            Advance::Ended(ending) => self.ended_by_party(offer, ending, step, t),
            Advance::NoWay => self.no_way(offer, t),
        }
        self.settle(t, supplies);
    }

    /// The agent's last leg of this contact has ended. He wraps up for `wrap_up`, whatever group the call came from.
    pub fn talk_ended(
        &mut self,
        agent: AgentNo,
        contact: ContactId,
        wrap_up: Span,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) {
        let doing = self.agents.get(&agent).and_then(|a| a.seat()).and_then(|s| s.doing(contact));
        match doing {
            // He called somebody for no group: nothing follows from it.
            Some(Doing::Call { offer: None, .. }) if wrap_up == Span::ZERO => {
                self.end_work(agent, Some(contact), by, now.t);
            }
            Some(Doing::Call { offer, .. }) => {
                if let Some(offer) = offer {
                    self.finish(offer, OfferEnding::Connected, None, by, now.t);
                }
                let own = self.seat_of(agent).ok().and_then(|seat| seat.preferences.after_call);
                let sites = self.site.agents.get(&agent).map(|a| a.after_call);
                let after = own.or(sites).unwrap_or(AfterCall::WrapUp);
                if after == AfterCall::NotReady {
                    self.after_call(agent, now.t);
                }
                if after == AfterCall::WrapUp && wrap_up > Span::ZERO {
                    let doing = Doing::WrapUp { until: Some(now.t + wrap_up) };
                    self.set_doing(agent, doing, about_work(agent, Some(contact)), by, now.t);
                } else {
                    self.end_work(agent, Some(contact), by, now.t);
                }
            }
            Some(Doing::Offered(_) | Doing::Monitoring | Doing::Reserved { .. } | Doing::WrapUp { .. }) | None => {
                self.late += 1
            }
        }
        self.settle(now.t, supplies);
    }

    /// Why an item may not come in, if so. Of several groups it is enough that one takes it and has room.
    fn refusal(&self, item: &Item) -> Option<ItemExit> {
        if let Some(agent) = item.named() {
            return self.direct_refusal(agent, item);
        }
        let capable = |group: &&GroupNo| {
            let open = self.site.groups.get(*group).is_some_and(|g| !g.retiring);
            open && self.is_able(**group, item)
        };
        let has_room = |group: &GroupNo| {
            let most = self.site.groups.get(group).and_then(|g| g.length_max);
            most.is_none_or(|most| self.matcher.queue(*group).is_none_or(|queue| queue.len() < most as usize))
        };
        let mut open = item.groups().iter().filter(capable).peekable();
        if open.peek().is_none() {
            return Some(ItemExit::NoAgent);
        }
        let taken = || self.matcher.any_for(item, &|no| self.may_take(no, item));
        (!open.any(has_room) && !taken()).then_some(ItemExit::Full)
    }

    fn admit(&mut self, item: Item) {
        self.agenda.set(Owner::Item(item.id), self.item_deadline(&item));
        if item.barred().next().is_some() {
            self.barring.insert(item.id);
        }
        self.matcher.enter(&item);
        self.matcher.wait(&item);
        self.fresh.insert((item.rank, item.id));
        self.items.insert(item.id, item);
    }

    /// The shortest that any of its groups waits.
    pub(super) fn patience(&self, item: &Item) -> Option<Span> {
        item.groups().iter().filter_map(|group| self.site.groups.get(group)?.wait_max).min()
    }

    /// While it waits: the end of its patience, or when somebody who refused it may be asked again.
    pub(super) fn item_deadline(&self, item: &Item) -> Option<Time> {
        [item.deadline(self.patience(item)), item.next_lapse()].into_iter().flatten().min()
    }

    /// Somebody is signed in with this group who could take the item sooner or later.
    fn is_able(&self, group: GroupNo, item: &Item) -> bool {
        let serves = |no: &AgentNo| {
            let seat = self.seat_of(*no);
            seat.is_ok_and(|seat| seat.groups.iter().any(|(his, level)| *his == group && *level >= item.level))
        };
        let barred = item.barred().filter(serves).count();
        self.matcher.queue(group).is_some_and(|queue| queue.able_members(item.level) > barred)
    }

    /// Nobody signed in could ever take it.
    pub(super) fn is_hopeless(&self, item: &Item) -> bool {
        match item.named() {
            Some(agent) => item.excludes(agent) || self.seat_of(agent).is_err(),
            None => !item.groups().iter().any(|group| self.is_able(*group, item)),
        }
    }

    /// After an offer that came to nothing: back at the old rank, unless its patience has ended meanwhile or nobody is
    /// left who could take it.
    pub(super) fn requeue(&mut self, id: ItemId, t: Time) {
        let item = self.items.get_mut(&id).expect("only an item that is offered comes back");
        item.state = ItemState::Waiting;
        let item = &self.items[&id];
        let deadline = item.deadline(self.patience(item));
        if self.is_hopeless(item) {
            self.leave(id, ItemExit::NoAgent, &By::SYSTEM, t);
        } else if deadline.is_some_and(|at| at <= t) {
            self.leave(id, ItemExit::TimedOut, &By::SYSTEM, t);
        } else {
            self.matcher.wait(item);
            self.fresh.insert((item.rank, id));
            self.agenda.set(Owner::Item(id), self.item_deadline(item));
        }
    }

    /// The one way out of a queue.
    pub(super) fn leave(&mut self, id: ItemId, exit: ItemExit, by: &By, t: Time) {
        let Some(item) = self.items.remove(&id) else {
            return;
        };
        self.agenda.set(Owner::Item(id), None);
        self.fresh.remove(&(item.rank, id));
        self.barring.remove(&id);
        self.matcher.stop_waiting(&item);
        self.matcher.leave(&item);
        for group in item.groups() {
            self.forget_if_removed(*group);
        }
        self.tell_left(&item, exit, by, t);
    }

    fn tell_left(&mut self, item: &Item, exit: ItemExit, by: &By, t: Time) {
        self.journal(item.about(), by, Kind::ItemLeft { exit, waited: t.since(item.since) });
        self.outputs.push_back(Output::ItemLeft { item: item.id, holder: item.holder, exit });
    }

    /// Nothing of a contact is offered to who works for it already: a work is by contact, and an offer would take the place
    /// of the one he has. For him by name it waits until that is over, but not for a wrap-up, and a reservation is for
    /// just this.
    pub(super) fn may_take(&self, no: AgentNo, item: &Item) -> bool {
        let doing = self.seat_of(no).ok().and_then(|seat| seat.doing(item.holder));
        let free = match doing {
            None => true,
            Some(Doing::WrapUp { .. } | Doing::Reserved { .. }) => item.named() == Some(no),
            Some(Doing::Offered(_) | Doing::Call { .. } | Doing::Monitoring) => false,
        };
        free && !item.excludes(no)
    }

    /// Offers a waiting item to the best ready agent, if there is one: of the first of its groups that has one; to all of
    /// them where that group rings all, also when some are rung already. What is for a named agent is offered to him as
    /// soon as he can be called directly.
    pub(super) fn offer_best(&mut self, id: ItemId, t: Time, supplies: &mut Supplies) {
        let Some(item) = self.items.get(&id) else { return };
        match item.state {
            ItemState::Waiting => {}
            ItemState::Offered(_) => return,
            ItemState::Round { group, offers: _ } => {
                if self.sync_round(id, t) {
                    self.ring_all(id, group, t, supplies);
                }
                return;
            }
        }
        if let Some(agent) = item.named() {
            if self.direct(agent).is_ok() && self.may_take(agent, item) {
                self.end_works(agent, &By::SYSTEM, t, Doing::is_reserved);
                self.offer_to(agent, id, None, t, supplies);
            }
            return;
        }
        let may = |no| self.may_take(no, item);
        let best = item.groups().iter().find_map(|group| {
            let strategy = self.site.groups.get(group)?.strategy;
            Some((self.matcher.best_for(item, *group, strategy, &may, &mut supplies.rng)?, *group, strategy))
        });
        match best {
            Some((_, group, Strategy::RingAll)) => self.ring_all(id, group, t, supplies),
            Some((no, group, _)) => self.offer_to(no, id, Some(group), t, supplies),
            None => {}
        }
    }

    /// Offers a waiting item to this agent alone, as one of this group.
    pub(super) fn offer_to(
        &mut self,
        no: AgentNo,
        id: ItemId,
        group: Option<GroupNo>,
        t: Time,
        supplies: &mut Supplies,
    ) {
        if !self.items.get(&id).is_some_and(Item::is_waiting) {
            return;
        }
        let offer = self.make_offer(no, id, group, t, supplies);
        if let Some(item) = self.items.get_mut(&id) {
            item.state = ItemState::Offered(offer);
        }
    }

    /// One more offer of the item, which waits no longer; whether it is the only one the caller says.
    pub(super) fn make_offer(
        &mut self,
        no: AgentNo,
        id: ItemId,
        group: Option<GroupNo>,
        t: Time,
        supplies: &mut Supplies,
    ) -> OfferId {
        let item = self.items.get_mut(&id).expect("whoever makes an offer has looked at the item");
        let served = group.or(item.group());
        let ring = match (&item.to, group) {
            (To::Agent { ring, .. }, None) => *ring,
            (To::Agent { .. } | To::Groups(_), _) => {
                served.and_then(|group| self.site.groups.get(&group)).map_or(self.site.direct.ring, |g| g.ring)
            }
        };
        let offer = OfferId(supplies.ids.mint(t));
        let segment = SegmentId(supplies.ids.mint(t));
        let until = t + ring;
        item.served = served;
        self.matcher.stop_waiting(item);
        let (state, holder, group) = (LeaseState::Pending { until }, item.holder, served);
        let way = self.way_of(no, group);
        let seat = self.agents.get(&no).and_then(|a| a.seat()).expect("only who is signed in stands in a ready set");
        let beneath = seat.doing(holder).filter(|doing| doing.is_wrap_up());
        let (accepted, reason) = (false, None);
        let lease =
            Lease { id: offer, item: id, holder, agent: no, group, state, way, segment, accepted, reason, beneath };
        let about = lease.about();
        self.offers.insert(offer, lease);
        self.agenda.set(Owner::Offer(offer), Some(until));
        let made = Kind::OfferMade { station: seat.station.clone(), until, segment, way };
        self.journal(about, &By::SYSTEM, made);
        self.set_doing(no, Doing::Offered(offer), about, &By::SYSTEM, t);
        match way {
            OfferWay::Ring | OfferWay::Permanent => self.ring_station(offer),
            OfferWay::Client => {}
        }
        self.place(no, t);
        self.touched.remove(&no);
        offer
    }

    fn connected(&mut self, offer: OfferId, t: Time) {
        let lease = &self.offers[&offer];
        let (about, no, item) = (lease.about(), lease.agent, lease.item);
        self.journal(about, &By::PARTY, Kind::OfferConnected);
        self.set_doing(no, Doing::talking(offer), about, &By::PARTY, t);
        if let Some(phone) = self.phone_of(no) {
            phone.talked();
        }
        self.sync_phone(no);
        self.leave(item, ItemExit::Connected, &By::PARTY, t);
    }

    fn ended_by_party(&mut self, offer: OfferId, ending: OfferEnding, step: OfferStep, t: Time) {
        let lease = &self.offers[&offer];
        let (no, item) = (lease.agent, lease.item);
        let sip_status = match step {
            OfferStep::Ended { sip_status, .. } => sip_status,
            OfferStep::Alerting
            | OfferStep::Confirming
            | OfferStep::Accepted
            | OfferStep::Connected
            | OfferStep::NoWay => None,
        };
        self.finish(offer, ending, sip_status, &By::PARTY, t);
        match ending {
            OfferEnding::CallerLeft => {
                let others = self.items.get(&item).map_or_else(Vec::new, |item| item.state.offers().to_vec());
                for other in others {
                    self.call_off(other, ending, &By::PARTY, t);
                }
                self.leave(item, ItemExit::CallerLeft, &By::PARTY, t);
            }
            OfferEnding::Connected => {}
            // Told by the phone with nothing else here to keep the agent busy: without a rest he would be rung again at once.
            OfferEnding::LostRace => {
                self.rest(no, t, Phone::failed);
                self.came_to_nothing(item, offer, t);
            }
            OfferEnding::Rejected
            | OfferEnding::RangOut
            | OfferEnding::Failed
            | OfferEnding::Unreachable
            | OfferEnding::Rescinded
            | OfferEnding::SentOn => self.came_to_nothing(item, offer, t),
        }
    }

    /// No way to the station has room. Its agent is asked again a little later, and nothing is charged to the station.
    fn no_way(&mut self, offer: OfferId, t: Time) {
        let Some(lease) = self.end_offer(offer, OfferEnding::Failed, None, &By::SYSTEM, t) else { return };
        self.rest(lease.agent, t, Phone::pause);
        self.came_to_nothing(lease.item, offer, t);
    }

    /// Ends an offer that is not connected from here: whoever rings is told to stop, the item comes back unless it rings
    /// elsewhere too.
    pub(super) fn rescind(&mut self, offer: OfferId, ending: OfferEnding, by: &By, t: Time) {
        let Some(item) = self.offers.get(&offer).map(|lease| lease.item) else { return };
        self.call_off(offer, ending, by, t);
        self.came_to_nothing(item, offer, t);
    }

    /// It stops ringing wherever it does because somebody else is about to be offered the item: without a look at the
    /// item's patience, which may be none beyond these offers.
    pub(super) fn pass_on(&mut self, id: ItemId, by: &By, t: Time) {
        let offers = self.items.get(&id).map_or_else(Vec::new, |item| item.state.offers().to_vec());
        for offer in offers {
            self.call_off(offer, OfferEnding::LostRace, by, t);
        }
        if let Some(item) = self.items.get_mut(&id) {
            self.fresh.remove(&(item.rank, id));
            item.state = ItemState::Waiting;
            self.matcher.wait(item);
        }
    }

    /// The one way an offer ends, and what its ending costs agent and phone; the caller says what becomes of the item.
    /// Nothing happens when the offer has ended before.
    pub(super) fn finish(&mut self, offer: OfferId, ending: OfferEnding, sip_status: Option<u16>, by: &By, t: Time) {
        let Some(lease) = self.end_offer(offer, ending, sip_status, by, t) else { return };
        let no = lease.agent;
        match ending {
            // Before anybody is picked again, so a change of state never brings the same offer back.
            OfferEnding::Rescinded => self.exclude(lease.item, no, t),
            OfferEnding::Rejected => {
                self.exclude(lease.item, no, t);
                self.rest(no, t, Phone::refused);
            }
            OfferEnding::RangOut => {
                self.set_rang_out(no, t);
                // Nobody else can take it, so it is not rung again.
                if self.items.get(&lease.item).is_some_and(|item| item.named() == Some(no)) {
                    self.exclude(lease.item, no, t);
                }
            }
            OfferEnding::Failed => self.rest(no, t, Phone::failed),
            // No client showed it: that says nothing of the phone, and no proof of the phone mends it.
            OfferEnding::Unreachable if lease.way == OfferWay::Client => self.rest(no, t, Phone::failed),
            OfferEnding::Unreachable => self.rest(no, t, Phone::silent),
            // Its item leaves, and does not come back to him.
            OfferEnding::SentOn => {}
            OfferEnding::Connected | OfferEnding::CallerLeft | OfferEnding::LostRace => {}
        }
    }

    /// It is over; answers one that never was connected, whose agent does again what he did before.
    fn end_offer(
        &mut self,
        offer: OfferId,
        ending: OfferEnding,
        sip_status: Option<u16>,
        by: &By,
        t: Time,
    ) -> Option<Lease> {
        let lease = self.offers.remove(&offer)?;
        self.agenda.set(Owner::Offer(offer), None);
        let ended = Kind::OfferEnded { ending, sip_status, reason: lease.reason.clone() };
        self.journal(lease.about(), by, ended);
        if lease.state == LeaseState::Connected {
            return None;
        }
        let (no, contact) = (lease.agent, Some(lease.holder));
        if let Some(wrap_up) = lease.beneath {
            self.set_doing(no, wrap_up, about_work(no, contact), by, t);
        }
        if lease.beneath.is_none_or(|wrap_up| wrap_up.until().is_some_and(|until| until <= t)) {
            self.end_work(no, contact, by, t);
        }
        Some(lease)
    }

    /// Whoever has asked for a break meanwhile keeps his own reason.
    fn set_rang_out(&mut self, no: AgentNo, t: Time) {
        let seat = self.agents.get(&no).and_then(|a| a.seat());
        if seat.is_some_and(|s| s.wish == Wish::Ready) {
            self.set_wish(no, Wish::NotReady(NotReadyReason::RangOut), &By::SYSTEM, t);
        }
    }

    fn exclude(&mut self, item: ItemId, agent: AgentNo, t: Time) {
        if let Some(item) = self.items.get_mut(&item) {
            item.exclude(agent, t);
        }
    }

    pub(super) fn offer_due(&mut self, offer: OfferId, t: Time) {
        match self.offers.get(&offer).and_then(|lease| lease.lapse(t)) {
            Some(ending) => self.rescind(offer, ending, &By::SYSTEM, t),
            None => self.agenda.set(Owner::Offer(offer), self.offers.get(&offer).and_then(Lease::deadline)),
        }
    }

    /// The longest wait is over: while an agent is rung the offer decides, see `requeue`; nobody else is rung. Or who
    /// refused it may be asked again, at its old rank.
    pub(super) fn item_due(&mut self, id: ItemId, t: Time) {
        self.agenda.set(Owner::Item(id), None);
        let Some(item) = self.items.get_mut(&id) else { return };
        let asked_again = item.lapse(t);
        let item = &self.items[&id];
        let rank = item.rank;
        let waits = match item.state {
            ItemState::Waiting if item.deadline(self.patience(item)).is_some_and(|at| at <= t) => {
                return self.leave(id, ItemExit::TimedOut, &By::SYSTEM, t);
            }
            ItemState::Waiting => {
                self.agenda.set(Owner::Item(id), self.item_deadline(item));
                true
            }
            ItemState::Offered(_) => {
                self.agenda.set(Owner::Item(id), item.next_lapse());
                false
            }
            ItemState::Round { .. } => self.sync_round(id, t),
        };
        if asked_again && waits {
            self.fresh.insert((rank, id));
        }
    }
}
