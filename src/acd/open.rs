//! What is open, as plain values: the live state to compare with a fold of the journal, and what a restart begins with.

use super::agent::{Doing, Seat, Work};
use super::item::Item;
use super::offer::LeaseState;
use super::people::about_work;
use super::wishes::Waiting;
use super::words::To;
use super::{Acd, about_agent};
use crate::base::{AgentNo, CallId, ContactId, GroupNo, ItemId, Now, OfferId, Span, Supplies, Time};
use crate::event::words::{ItemExit, OfferEnding, OfferPhase, Preferences, Station, Wish, WorkRole};
use crate::event::{About, By, Kind};

/// Everything about agents, items and offers that a fold of the journal knows too, each list ordered by its id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    pub agents: Vec<OpenAgent>,
    pub items: Vec<OpenItem>,
    pub offers: Vec<OpenOffer>,
    /// Who waits for rest, the first first.
    pub rests: Vec<OpenRest>,
}

pub use crate::ledger::open::OpenRest;

/// Somebody signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAgent {
    pub agent: AgentNo,
    pub station: Station,
    pub groups: Vec<GroupNo>,
    pub since: Time,
    pub wish: Wish,
    pub wish_since: Time,
    pub reachable: bool,
    /// By contact; what he does for none is the first.
    pub works: Vec<OpenWork>,
    pub chosen: bool,
    pub wish_limit: Option<Span>,
    pub wish_until: Option<Time>,
    pub overtime: bool,
    pub talked: Span,
    pub calls: u32,
    pub offered: Option<Time>,
    pub preferences: Preferences,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenWork {
    pub contact: Option<ContactId>,
    pub role: WorkRole,
    pub since: Time,
    pub until: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenItem {
    pub item: ItemId,
    pub holder: ContactId,
    /// The call that an agent is wanted in beside others.
    pub call: Option<CallId>,
    /// Whom alone it is for.
    pub agent: Option<AgentNo>,
    /// The first of its groups.
    pub group: Option<GroupNo>,
    /// All of them, when there are several.
    pub groups: Vec<GroupNo>,
    pub due: Time,
    pub priority: i32,
    pub visit: u32,
    /// When this visit began.
    pub since: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOffer {
    pub offer: OfferId,
    pub item: ItemId,
    pub holder: ContactId,
    pub agent: AgentNo,
    pub group: Option<GroupNo>,
    pub phase: OfferPhase,
}

impl Acd {
    /// The live state.
    pub fn open(&self) -> Open {
        Open {
            agents: self.agents.values().filter_map(|a| Some(open_agent(a.no, a.seat()?))).collect(),
            items: self.items.values().map(open_item).collect(),
            offers: self
                .offers
                .values()
                .map(|lease| OpenOffer {
                    offer: lease.id,
                    item: lease.item,
                    holder: lease.holder,
                    agent: lease.agent,
                    group: lease.group,
                    phase: match lease.state {
                        LeaseState::Pending { .. } => OfferPhase::Made,
                        LeaseState::Shown { .. } => OfferPhase::Shown,
                        LeaseState::Alerting { .. } => OfferPhase::Alerting,
                        LeaseState::Confirming { .. } => OfferPhase::Confirming,
                        LeaseState::Accepted { .. } => OfferPhase::Accepted,
                        LeaseState::Connected => OfferPhase::Connected,
                    },
                })
                .collect(),
            rests: self.rests.iter().map(open_rest).collect(),
        }
    }

    /// After a restart, on a fresh machine: what was open before. Offers, items and works end in the journal, because
    /// every call of before is ended; a wrap-up that is not over `now` goes on. Agents stay signed in; who was ready is
    /// not ready (restart) and returns when his phone is told `reachable`. Who can no longer sign in is signed out.
    /// All of it is of the time `t` at which the process ended: the outage is nobody's talk, wait or work.
    pub fn restore(&mut self, open: &Open, t: Time, now: Now, supplies: &mut Supplies) {
        for offer in &open.offers {
            self.end_offer_of_before(offer);
        }
        for item in &open.items {
            let about = About {
                contact: Some(item.holder),
                call: item.call,
                agent: item.agent,
                group: item.group,
                item: Some(item.item),
                ..About::default()
            };
            let left = Kind::ItemLeft { exit: ItemExit::Withdrawn, waited: t.since(item.since) };
            self.journal(about, &By::SYSTEM, left);
        }
        for agent in &open.agents {
            self.restore_agent(agent, t, now.t);
        }
        for rest in &open.rests {
            self.restore_rest(*rest);
        }
        self.settle(t, supplies);
    }

    /// Whoever waited for rest and is still there keeps his place.
    fn restore_rest(&mut self, rest: OpenRest) {
        let OpenRest { agent, reason, length, since } = rest;
        self.rests.push_back(Waiting { agent, reason, length, since, by: By::SYSTEM });
        if self.seat_of(agent).is_err() {
            self.unqueue_rest(agent, false, &By::SYSTEM);
        }
    }

    fn end_offer_of_before(&mut self, offer: &OpenOffer) {
        let about = About {
            contact: Some(offer.holder),
            agent: Some(offer.agent),
            group: offer.group,
            item: Some(offer.item),
            offer: Some(offer.offer),
            ..About::default()
        };
        let ending = match offer.phase {
            OfferPhase::Connected => OfferEnding::Connected,
            OfferPhase::Made
            | OfferPhase::Shown
            | OfferPhase::Alerting
            | OfferPhase::Confirming
            | OfferPhase::Accepted => OfferEnding::Rescinded,
        };
        self.journal(about, &By::SYSTEM, Kind::OfferEnded { ending, sip_status: None, reason: None });
    }

    fn restore_agent(&mut self, open: &OpenAgent, t: Time, now: Time) {
        let no = open.agent;
        let kept = self.restore_works(open, now);
        if !self.may_sit(no, &open.station) {
            for work in &kept {
                self.journal(about_work(no, work.contact), &By::SYSTEM, Kind::AgentWorkEnded { role: work.role });
            }
            self.journal(about_agent(no), &By::SYSTEM, Kind::AgentSignedOut);
            return;
        }
        if open.reachable {
            self.journal(about_agent(no), &By::SYSTEM, Kind::AgentReachable { reachable: false, cause: None });
        }
        let seat = self.seat_of_before(open, &kept, t);
        let (groups, chosen) = (seat.group_numbers(), seat.chosen);
        if groups != open.groups {
            self.journal(about_agent(no), &By::SYSTEM, Kind::AgentGroups { groups, chosen });
        }
        if open.wish == Wish::Ready {
            let kind = Kind::AgentWish { wish: Self::AFTER_RESTART, limit: None, until: None };
            self.journal(about_agent(no), &By::SYSTEM, kind);
        }
        self.take_seat(no, seat, t);
        self.rest_line(no, t);
    }

    /// His seat as it was, without what was lost.
    fn seat_of_before(&self, open: &OpenAgent, kept: &[OpenWork], t: Time) -> Seat {
        let mut groups = self.site_groups(open.agent);
        groups.retain(|(group, _)| !open.chosen || open.groups.contains(group));
        let mut seat = Seat::new(open.station.clone(), groups, t);
        (seat.chosen, seat.since) = (open.chosen, open.since);
        (seat.wish, seat.wish_since, seat.overtime) = (open.wish, open.wish_since, open.overtime);
        (seat.limit, seat.until) = (open.wish_limit, open.wish_until);
        (seat.talked, seat.calls, seat.offered) = (open.talked, open.calls, open.offered);
        seat.preferences = open.preferences;
        for work in &open.works {
            let lost = !kept.contains(work);
            if lost && work.role == WorkRole::Talking {
                seat.talked = seat.talked + (t - work.since);
            }
        }
        for OpenWork { contact, role, since, until } in kept.iter().copied() {
            let doing = match (role, until) {
                (WorkRole::Reserved, Some(until)) => Doing::Reserved { until },
                _ => Doing::WrapUp { until },
            };
            seat.put(Work { contact, doing, since });
        }
        if open.wish == Wish::Ready {
            seat.set_wish(Self::AFTER_RESTART, None, &By::SYSTEM, t);
        }
        seat
    }

    /// Ends in the journal what was lost, and answers what goes on.
    fn restore_works(&mut self, open: &OpenAgent, now: Time) -> Vec<OpenWork> {
        let goes_on = |w: &&OpenWork| match w.role {
            WorkRole::WrapUp => w.until.is_none_or(|until| until > now),
            // what he was shown is over with its contact
            WorkRole::Reserved => w.contact.is_none() && w.until.is_some_and(|until| until > now),
            WorkRole::Offered
            | WorkRole::Talking
            | WorkRole::Dialing
            | WorkRole::Held
            | WorkRole::Consulting
            | WorkRole::Conference
            | WorkRole::Monitoring => false,
        };
        let (kept, lost): (Vec<&OpenWork>, Vec<&OpenWork>) = open.works.iter().partition(goes_on);
        for work in lost {
            self.journal(about_work(open.agent, work.contact), &By::SYSTEM, Kind::AgentWorkEnded { role: work.role });
        }
        kept.into_iter().copied().collect()
    }
}

fn open_rest(waiting: &Waiting) -> OpenRest {
    OpenRest { agent: waiting.agent, reason: waiting.reason, length: waiting.length, since: waiting.since }
}

fn open_agent(agent: AgentNo, seat: &Seat) -> OpenAgent {
    let mut works: Vec<OpenWork> = seat
        .works()
        .iter()
        .map(|w| OpenWork { contact: w.contact, role: w.doing.role(), since: w.since, until: w.doing.until() })
        .collect();
    works.sort_unstable_by_key(|w| w.contact);
    OpenAgent {
        agent,
        station: seat.station.clone(),
        groups: seat.group_numbers(),
        since: seat.since,
        wish: seat.wish,
        wish_since: seat.wish_since,
        reachable: seat.reachable,
        works,
        chosen: seat.chosen,
        wish_limit: seat.limit,
        wish_until: seat.until,
        overtime: seat.overtime,
        talked: seat.talked,
        calls: seat.calls,
        offered: seat.offered,
        preferences: seat.preferences,
    }
}

fn open_item(item: &Item) -> OpenItem {
    OpenItem {
        item: item.id,
        holder: item.holder,
        call: item.call,
        agent: item.named(),
        group: match &item.to {
            To::Groups(groups) => groups.first().copied(),
            To::Agent { group, .. } => *group,
        },
        groups: if item.groups().len() > 1 { item.groups().to_vec() } else { Vec::new() },
        due: item.rank.due,
        priority: item.priority,
        visit: item.visit,
        since: item.since,
    }
}
