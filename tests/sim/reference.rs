//! Who may be offered whom, written a second time: slowly, from the journal's open state alone, and without a look at
//! `acd`. A pair that is eligible here and still waits there is a bug.

use std::collections::{BTreeMap, BTreeSet};

use cordboard::base::bounds::{REFUSALS_IN_A_ROW, REFUSED_REST, RING_ALL_MAX, STATION_REST_MAX};
use cordboard::base::{AgentNo, ContactId, GroupNo, ItemId, Span, Time};
use cordboard::event::About;
use cordboard::event::words::{OfferEnding, OfferPhase, Wish, WorkRole};
use cordboard::ledger::Open;
use cordboard::ledger::open::{OpenAgent, OpenContact};
use cordboard::site::Site;

/// What offers came to, as far as it keeps an agent from the next one.
#[derive(Debug, Default)]
pub struct Troubles {
    last: BTreeMap<AgentNo, Time>,
    /// Since his last talk.
    refusals: BTreeMap<AgentNo, u32>,
    refused: BTreeMap<(ItemId, AgentNo), Time>,
    /// Whom he sent on comes back to others.
    sent_on: BTreeSet<(ContactId, AgentNo)>,
    /// What rings at several agents of a group, until all are out or one has accepted.
    rounds: BTreeMap<ItemId, GroupNo>,
}

/// Nobody of the simulator's callers waits shorter; after that nobody joins those who are rung.
const PATIENCE: Span = Span::minutes(2);

impl Troubles {
    /// A phone that failed, was silent or refuses again and again rests for at most `STATION_REST_MAX`; whoever refused an
    /// item is not asked for it for a while. A caller who left and a talk are no trouble; who let it ring out is not ready.
    pub fn offer_ended(&mut self, about: &About, ending: OfferEnding, t: Time) {
        let Some(agent) = about.agent else { return };
        match ending {
            OfferEnding::Connected => {
                self.refusals.remove(&agent);
            }
            OfferEnding::CallerLeft | OfferEnding::RangOut => {}
            OfferEnding::SentOn => self.sent_on.extend(about.contact.map(|contact| (contact, agent))),
            OfferEnding::Failed | OfferEnding::LostRace | OfferEnding::Unreachable => {
                self.last.insert(agent, t);
            }
            OfferEnding::Rejected | OfferEnding::Rescinded => {
                self.refused.extend(about.item.map(|item| ((item, agent), t)));
                let refusals = self.refusals.entry(agent).or_default();
                *refusals += u32::from(ending == OfferEnding::Rejected);
                if *refusals >= REFUSALS_IN_A_ROW {
                    self.last.insert(agent, t);
                }
            }
        }
    }

    /// An offer was made, or has come further or to an end.
    pub fn offer_moved(&mut self, contact: &OpenContact, item: ItemId, group: Option<GroupNo>) {
        let offers = || contact.offers.values().filter(|offer| offer.item == Some(item));
        if offers().next().is_none() || offers().any(|o| is_decided(o.phase)) {
            self.rounds.remove(&item);
        } else if offers().nth(1).is_some() {
            self.rounds.extend(group.map(|group| (item, group)));
        }
    }

    fn hinders(&self, contact: ContactId, item: ItemId, agent: AgentNo, t: Time) -> bool {
        let within = |since: Option<&Time>, rest: Span| since.is_some_and(|since| t - *since <= rest);
        within(self.last.get(&agent), STATION_REST_MAX)
            || within(self.refused.get(&(item, agent)), REFUSED_REST)
            || self.sent_on.contains(&(contact, agent))
    }
}

/// Somebody has it: who else was rung for it has lost the race, and is hindered by nothing.
pub fn is_decided(phase: OfferPhase) -> bool {
    matches!(phase, OfferPhase::Accepted | OfferPhase::Connected)
}

/// Every pair that should not exist after a step.
pub fn reference_eligible(open: &Open, site: &Site, troubles: &Troubles, t: Time) -> Option<(ItemId, AgentNo)> {
    let idle: Vec<_> = open
        .agents
        .iter()
        .filter(|(no, agent)| {
            agent.wish == Wish::Ready
                && agent.reachable
                && agent.aside.is_none()
                && agent.works.values().all(|work| work.role == WorkRole::Held && agent.station.permanent().is_none())
                && site.agents.get(*no).is_some_and(|a| !a.retiring)
        })
        .collect();
    if idle.is_empty() {
        return None;
    }
    for (id, contact) in &open.contacts {
        for (item, waiting) in &contact.items {
            let rung = contact.offers.values().filter(|offer| offer.item == Some(*item)).count();
            let groups: BTreeSet<GroupNo> = match troubles.rounds.get(item) {
                Some(group) if rung > 0 && rung < RING_ALL_MAX && t - waiting.entered < PATIENCE => [*group].into(),
                _ if rung > 0 => continue,
                _ => waiting.group.into_iter().chain(waiting.groups.iter().copied()).collect(),
            };
            let serves = |agent: &OpenAgent| {
                let room =
                    |group| site.groups.get(group).is_some_and(|g| agent.works.len() < g.calls_per_agent as usize);
                groups.iter().any(|group| room(group) && agent.groups.contains(group))
            };
            let free = idle.iter().find(|(no, agent)| {
                let his = waiting.agent.map_or_else(|| serves(agent), |named| named == **no);
                // whoever works for a contact is not wanted in it once more
                let elsewhere = !agent.works.contains_key(id);
                his && elsewhere && !troubles.hinders(*id, *item, **no, t)
            });
            if let Some((no, _)) = free {
                return Some((*item, **no));
            }
        }
    }
    None
}
