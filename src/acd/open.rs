//! What is open, as plain values: the live state to compare with a fold of the journal, and what a restart begins with.

use super::agent::{Agent, Doing, Seat};
use super::item::Item;
use super::offer::LeaseState;
use super::{Acd, about_agent};
use crate::base::{AgentNo, ContactId, ExtensionNo, GroupNo, ItemId, Now, OfferId, Supplies, Time};
use crate::event::words::{ItemExit, NotReadyReason, OfferEnding, OfferPhase, Station, Wish, WorkRole};
use crate::event::{About, By, Kind};

/// Everything about agents, items and offers that a fold of the journal knows too, each list ordered by its id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    pub agents: Vec<OpenAgent>,
    pub items: Vec<OpenItem>,
    pub offers: Vec<OpenOffer>,
}

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
    /// By contact.
    pub works: Vec<OpenWork>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenWork {
    pub contact: ContactId,
    pub role: WorkRole,
    pub until: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenItem {
    pub item: ItemId,
    pub holder: ContactId,
    pub group: GroupNo,
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
    pub group: GroupNo,
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
                        LeaseState::Alerting { .. } => OfferPhase::Alerting,
                        LeaseState::Accepted { .. } => OfferPhase::Accepted,
                        LeaseState::Connected => OfferPhase::Connected,
                    },
                })
                .collect(),
        }
    }

    /// After a restart, on a fresh machine: what was open before. Offers, items and works end in the journal, because
    /// every call of before is ended; a wrap-up that is not over goes on. Agents stay signed in; who was ready is not
    /// ready (restart) and returns when his phone is told `reachable`. Who can no longer sign in is signed out.
    pub fn restore(&mut self, open: &Open, now: Now, supplies: &mut Supplies) {
        let t = now.t;
        for offer in &open.offers {
            self.end_offer_of_before(offer);
        }
        for item in &open.items {
            let about = About {
                contact: Some(item.holder),
                group: Some(item.group),
                item: Some(item.item),
                ..About::default()
            };
            let left = Kind::ItemLeft { exit: ItemExit::Withdrawn, waited: t.since(item.since) };
            self.journal(about, &By::SYSTEM, left);
        }
        for agent in &open.agents {
            self.restore_agent(agent, t);
        }
        self.settle(t, supplies);
    }

    fn end_offer_of_before(&mut self, offer: &OpenOffer) {
        let about = About {
            contact: Some(offer.holder),
            agent: Some(offer.agent),
            group: Some(offer.group),
            item: Some(offer.item),
            offer: Some(offer.offer),
            ..About::default()
        };
        let ending = match offer.phase {
            OfferPhase::Connected => OfferEnding::Connected,
            OfferPhase::Made | OfferPhase::Alerting | OfferPhase::Accepted => OfferEnding::Rescinded,
        };
        self.journal(about, &By::SYSTEM, Kind::OfferEnded { ending, sip_status: None });
    }

    fn restore_agent(&mut self, open: &OpenAgent, t: Time) {
        let no = open.agent;
        let kept = self.restore_works(open, t);
        let Station::Extension(extension) = open.station;
        if !self.may_sit(no, extension) {
            for work in &kept {
                self.journal(about_work(no, work.contact), &By::SYSTEM, Kind::AgentWorkEnded { role: work.role });
            }
            self.journal(about_agent(no), &By::SYSTEM, Kind::AgentSignedOut);
            return;
        }
        if open.reachable {
            self.journal(about_agent(no), &By::SYSTEM, Kind::AgentReachable { reachable: false });
        }
        let mut seat = Seat::new(open.station, self.site_groups(no), t);
        (seat.since, seat.wish, seat.wish_since) = (open.since, open.wish, open.wish_since);
        for work in kept {
            if let Some(until) = work.until {
                seat.set_doing(work.contact, Doing::WrapUp { until }, t);
            }
        }
        let groups = seat.group_numbers();
        if groups != open.groups {
            self.journal(about_agent(no), &By::SYSTEM, Kind::AgentGroups { groups });
        }
        let was_ready = open.wish == Wish::Ready;
        if was_ready {
            let wish = Wish::NotReady(NotReadyReason::Restart);
            seat.set_wish(wish, t);
            self.journal(about_agent(no), &By::SYSTEM, Kind::AgentWish { wish });
        }
        self.take_seat(no, seat, t);
    }

    /// Ends in the journal what was lost, and answers what goes on.
    fn restore_works(&mut self, open: &OpenAgent, t: Time) -> Vec<OpenWork> {
        let goes_on = |w: &&OpenWork| w.role == WorkRole::WrapUp && w.until.is_some_and(|until| until > t);
        let (kept, lost): (Vec<&OpenWork>, Vec<&OpenWork>) = open.works.iter().partition(goes_on);
        for work in lost {
            self.journal(about_work(open.agent, work.contact), &By::SYSTEM, Kind::AgentWorkEnded { role: work.role });
        }
        kept.into_iter().copied().collect()
    }

    fn may_sit(&self, no: AgentNo, extension: ExtensionNo) -> bool {
        let agent = self.site.agents.get(&no).is_some_and(|a| !a.retiring);
        let phone = self.site.extensions.contains_key(&extension);
        let free = self.phones.get(&extension).is_none_or(|p| p.holder.is_none());
        agent && phone && free && self.agents.get(&no).is_some_and(|a: &Agent| a.seat().is_none())
    }
}

fn about_work(agent: AgentNo, contact: ContactId) -> About {
    About { contact: Some(contact), agent: Some(agent), ..About::default() }
}

fn open_agent(agent: AgentNo, seat: &Seat) -> OpenAgent {
    let mut works: Vec<OpenWork> = seat
        .works()
        .iter()
        .map(|w| OpenWork { contact: w.contact, role: w.doing.role(), until: w.doing.until() })
        .collect();
    works.sort_unstable_by_key(|w| w.contact);
    OpenAgent {
        agent,
        station: seat.station,
        groups: seat.group_numbers(),
        since: seat.since,
        wish: seat.wish,
        wish_since: seat.wish_since,
        reachable: seat.reachable,
        works,
    }
}

fn open_item(item: &Item) -> OpenItem {
    OpenItem {
        item: item.id,
        holder: item.holder,
        group: item.group,
        due: item.rank.due,
        priority: item.priority,
        visit: item.visit,
        since: item.since,
    }
}
