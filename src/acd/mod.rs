//! Agents, work items, offers and the matcher.
//! Owns who is signed in where, what everybody does, who waits, and which caller is offered to whom. Leaves ringing to
//! whoever answers an [`Output::Offer`] with [`OfferStep`](words::OfferStep)s, sound to the rooms, proof that a phone is
//! there to whoever hears [`Output::Watch`], counting to the ledger.
//! In: the calls below, each with `now`; out: [`Acd::poll`] until `None`. What happened is journaled before anything
//! that follows from it. Nothing polls: an agent and a caller who fit are joined in the call that made them fit.
//!
//! Start at [`Acd::settle`]: every input changes state and notes whom it touched; `settle` alone makes offers.

mod agent;
mod answers;
mod change;
mod direct;
mod item;
mod line;
mod matcher;
mod moved;
mod offer;
mod offers;
pub mod open;
mod people;
mod phone;
mod presence;
mod queue;
mod roles;
mod rounds;
#[cfg(test)]
mod tests;
mod wishes;
pub mod words;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::base::bounds::LEVEL_MAX;
use crate::base::{Agenda, AgentNo, GroupNo, ItemId, Now, OfferId, Supplies, Time};
use crate::event::{About, By, Kind};
use crate::site::{Site, Strategy};
use crate::switch::WaitState;
use agent::{Agent, Doing, Seat};
use item::Item;
use matcher::Matcher;
use offer::Lease;
pub use open::{Open, OpenAgent, OpenItem, OpenOffer, OpenRest, OpenWork};
use phone::{Phone, PhoneId};
use queue::Rank;
use wishes::Waiting;
use words::{AgentSnapshot, Output, QueueSnapshot};

/// The agents, items and offers of one tenant.
#[derive(Debug)]
pub struct Acd {
    site: Arc<Site>,
    /// Everybody in the site, and whoever left it while signed in.
    agents: BTreeMap<AgentNo, Agent>,
    phones: BTreeMap<PhoneId, Phone>,
    items: BTreeMap<ItemId, Item>,
    offers: BTreeMap<OfferId, Lease>,
    /// Items that somebody is not offered as long as they wait.
    barring: BTreeSet<ItemId>,
    matcher: Matcher,
    /// Agents with a seat: counted as they come and go, because it is asked after every input.
    signed_in: usize,
    agenda: Agenda<Owner>,
    /// Changed since the last `settle`.
    touched: BTreeSet<AgentNo>,
    /// Came or came back to a queue since the last `settle`, in rank.
    fresh: BTreeSet<(Rank, ItemId)>,
    /// Who waits for rest, the first first. As many as are signed in, at most.
    rests: VecDeque<Waiting>,
    /// Who rests, or will after his call: they count in the quota.
    resting: BTreeSet<AgentNo>,
    /// Waiting items that agents chose since the last `settle`.
    picked: VecDeque<(ItemId, AgentNo, GroupNo)>,
    /// Of the last item; breaks ties of rank.
    sequence: u64,
    late: u64,
    outputs: VecDeque<Output>,
}

/// Whose deadline it is. At one instant an offer ends before its item's patience does, so the item is not offered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Offer(OfferId),
    Item(ItemId),
    Agent(AgentNo),
    Phone(PhoneId),
}

/// An item to look at, and the agent who drew it and draws the next when it is gone.
type Candidate = (Rank, ItemId, Option<AgentNo>);

/// What is asked after every input: each is known without looking at anybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    pub items: usize,
    pub signed_in: usize,
    pub ready: usize,
}

/// What is held, for tests of "at rest nothing is left". Looks at every agent and phone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub items: usize,
    pub offers: usize,
    pub works: usize,
    pub claims: usize,
    pub signed_in: usize,
    pub ready: usize,
    pub deadlines: usize,
    /// Steps, withdrawals and ends of talks that came after the thing they speak of had ended.
    pub late: u64,
}

impl Acd {
    pub fn new(site: Arc<Site>, now: Now) -> Self {
        let agents = site.agents.keys().map(|no| (*no, Agent::new(*no, now.t))).collect();
        Self {
            site,
            agents,
            phones: BTreeMap::new(),
            items: BTreeMap::new(),
            offers: BTreeMap::new(),
            barring: BTreeSet::new(),
            matcher: Matcher::default(),
            signed_in: 0,
            agenda: Agenda::default(),
            touched: BTreeSet::new(),
            fresh: BTreeSet::new(),
            rests: VecDeque::new(),
            resting: BTreeSet::new(),
            picked: VecDeque::new(),
            sequence: 0,
            late: 0,
            outputs: VecDeque::new(),
        }
    }

    /// What was decided, in order; until `None` before the next input.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `due` is to be called next.
    pub fn deadline(&self) -> Option<Time> {
        self.agenda.next().map(|(t, _)| t)
    }

    /// Everything whose time has come ends; then callers are offered to whoever became free.
    pub fn due(&mut self, now: Now, supplies: &mut Supplies) {
        let t = now.t;
        while let Some(owner) = self.agenda.due(t) {
            match owner {
                Owner::Offer(offer) => self.offer_due(offer, t),
                Owner::Item(item) => self.item_due(item, t),
                Owner::Agent(agent) => self.agent_due(agent, t),
                Owner::Phone(phone) => self.phone_due(phone, t),
            }
        }
        self.settle(t, supplies);
    }

    /// None for an agent the site has never named.
    pub fn snapshot(&self, agent: AgentNo) -> Option<AgentSnapshot> {
        let seen = self.agents.get(&agent)?.snapshot(self.site_groups(agent));
        let phone = self.seat_of(agent).ok().and_then(|seat| self.phones.get(&seat.phone(agent)));
        let down = phone.and_then(Phone::down).filter(|_| !seen.reachable);
        let rests_until = phone.and_then(Phone::deadline);
        Some(AgentSnapshot { rest_wait: self.rest_wait(agent), down, rests_until, ..seen })
    }

    pub fn snapshots(&self) -> Vec<AgentSnapshot> {
        self.agents.keys().filter_map(|no| self.snapshot(*no)).collect()
    }

    pub fn queue_snapshot(&self, group: GroupNo) -> QueueSnapshot {
        self.matcher.queue(group).map_or_else(QueueSnapshot::default, |queue| QueueSnapshot {
            waiting: queue.len(),
            oldest: queue.oldest_entry(),
            signed_in: queue.signed_in(),
            ready: queue.ready(),
        })
    }

    /// Where an item stands that is not connected yet.
    pub fn wait(&self, item: ItemId) -> Option<WaitState> {
        let item = self.items.get(&item)?;
        Some(WaitState {
            groups: item.groups().to_vec(),
            agent: item.named(),
            since: item.since,
            first: item.entered,
            priority: item.priority,
            offered: item.state.offers().iter().filter_map(|id| Some((self.offers.get(id)?.agent, *id))).collect(),
        })
    }

    pub fn gauges(&self) -> Gauges {
        Gauges { items: self.items.len(), signed_in: self.signed_in, ready: self.matcher.ready() }
    }

    pub fn counts(&self) -> Counts {
        let seats = || self.agents.values().filter_map(Agent::seat);
        Counts {
            items: self.items.len(),
            offers: self.offers.len(),
            works: seats().map(|s| s.works().len()).sum(),
            claims: self.phones.values().map(|p| p.claims().len()).sum(),
            signed_in: seats().count(),
            ready: self.matcher.ready(),
            deadlines: self.agenda.len(),
            late: self.late,
        }
    }

    /// No item, offer, work or claim is left; who is signed in may stay so.
    pub fn is_at_rest(&self) -> bool {
        let counts = self.counts();
        counts.items + counts.offers + counts.works + counts.claims == 0 && self.outputs.is_empty()
    }

    /// Brings the sets up to date with whom the input touched, then joins who fits. Everybody else was joined before:
    /// so only touched agents and fresh items can make a new pair, and only they are looked at.
    ///
    /// They are looked at in one order of rank: each fresh item, and for each agent who became free the oldest caller he
    /// may take. Each goes to the best of all ready agents by its group's strategy, or rings at all of them.
    fn settle(&mut self, t: Time, supplies: &mut Supplies) {
        self.grant_rests(t);
        while let Some((item, no, group)) = self.picked.pop_front() {
            self.end_works(no, &By::SYSTEM, t, Doing::is_wrap_up);
            self.offer_to(no, item, Some(group), t, supplies);
        }
        let mut next: BTreeSet<Candidate> = BTreeSet::new();
        while let Some(no) = self.touched.pop_first() {
            self.retire_if_idle(no, t);
            self.place(no, t);
            next.extend(self.draw(no));
        }
        let fresh = std::mem::take(&mut self.fresh);
        next.extend(fresh.into_iter().map(|(rank, item)| (rank, item, None)));
        while let Some((_, item, drawn_by)) = next.pop_first() {
            self.offer_best(item, t, supplies);
            next.extend(drawn_by.and_then(|no| self.draw(no)));
        }
    }

    /// The oldest caller this agent may take: of his groups if he is ready, or for him alone.
    fn draw(&self, no: AgentNo) -> Option<Candidate> {
        let may = |id: ItemId| self.items.get(&id).is_some_and(|item| self.may_take(no, item));
        let private = self.matcher.private_of(no).filter(|_| self.direct(no).is_ok()).find(|(_, id)| may(*id));
        let first = self.matcher.oldest_for(no, &may).into_iter().chain(private).min();
        first.map(|(rank, item)| (rank, item, Some(no)))
    }

    /// Puts the agent into the ready sets or takes him out, and notes what is shown of him.
    fn place(&mut self, no: AgentNo, t: Time) {
        let Some(agent) = self.agents.get_mut(&no) else {
            self.matcher.unset_ready(no);
            self.agenda.set(Owner::Agent(no), None);
            return;
        };
        agent.show(t);
        self.agenda.set(Owner::Agent(no), agent.deadline());
        let rests = |phone: PhoneId| self.phones.get(&phone).is_some_and(Phone::resting);
        match agent.seat().filter(|seat| seat.available() && !rests(seat.phone(no))) {
            Some(seat) => {
                let held = seat.holds().unwrap_or(usize::MAX);
                let placed = |(group, level): &(GroupNo, u8)| match self.site.groups.get(group) {
                    Some(g) if held >= g.calls_per_agent as usize => None,
                    Some(g) => Some((*group, *level, key(g.strategy, seat, no, &self.site))),
                    None => Some((*group, *level, 0)),
                };
                let groups: Vec<(GroupNo, u8, i64)> = seat.groups.iter().filter_map(placed).collect();
                match held == 0 || !groups.is_empty() {
                    true => self.matcher.set_ready(no, agent.idle_since, groups),
                    false => self.matcher.unset_ready(no),
                }
            }
            None => self.matcher.unset_ready(no),
        }
    }

    /// Group and level of an agent by the site, ordered; empty once he is being removed.
    fn site_groups(&self, no: AgentNo) -> Vec<(GroupNo, u8)> {
        let mut groups: Vec<(GroupNo, u8)> = match self.site.agents.get(&no) {
            Some(agent) if !agent.retiring => agent
                .groups
                .iter()
                .filter(|(group, _)| self.site.groups.contains_key(*group))
                .map(|(group, level)| (*group, (*level).clamp(1, LEVEL_MAX)))
                .collect(),
            Some(_) | None => Vec::new(),
        };
        groups.sort_unstable();
        groups
    }

    fn journal(&mut self, about: About, by: &By, kind: Kind) {
        self.outputs.push_back(Output::Journal { about, by: by.clone(), kind });
    }
}

/// What a strategy orders ready agents by, the least first; 0 where that is level and idle time alone.
fn key(strategy: Strategy, seat: &Seat, no: AgentNo, site: &Site) -> i64 {
    match strategy {
        Strategy::LongestIdle | Strategy::SkillLevel | Strategy::Random | Strategy::RingAll => 0,
        Strategy::LeastTalk => seat.talked.as_micros(),
        Strategy::FewestCalls => i64::from(seat.calls),
        // Whom nobody was offered to yet comes first.
        Strategy::RoundRobin => seat.offered.map_or(i64::MIN, |t| t.0),
        Strategy::TopDown => site.agents.get_index_of(&no).and_then(|at| i64::try_from(at).ok()).unwrap_or(i64::MAX),
    }
}

/// An event about an agent alone.
fn about_agent(agent: AgentNo) -> About {
    About { agent: Some(agent), ..About::default() }
}
