//! Which item goes to which agent, over all groups of a tenant.
//! Owns the queues and each ready agent's places in them. Leaves making the offer to the composition.
//! It is asked on a change or a deadline, never by polling, and looks at the heads of ordered sets only: past a head it
//! goes just where an exclusion stands.

use std::collections::BTreeMap;

use super::item::Item;
use super::queue::{Queue, Rank, Turn};
use crate::base::{AgentNo, GroupNo, ItemId, Rng, Time};
use crate::site::Strategy;

#[derive(Clone, Debug, Default)]
pub struct Matcher {
    queues: BTreeMap<GroupNo, Queue>,
    /// The keys under which each ready agent stands in his groups' sets.
    places: BTreeMap<AgentNo, Place>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    idle_since: Time,
    /// Group, level, and the key of the group's strategy.
    groups: Vec<(GroupNo, u8, i64)>,
}

impl Matcher {
    pub fn queue(&self, group: GroupNo) -> Option<&Queue> {
        self.queues.get(&group)
    }

    pub fn queue_mut(&mut self, group: GroupNo) -> &mut Queue {
        self.queues.entry(group).or_default()
    }

    pub fn queues(&self) -> impl Iterator<Item = (GroupNo, &Queue)> {
        self.queues.iter().map(|(group, queue)| (*group, queue))
    }

    pub fn forget(&mut self, group: GroupNo) {
        self.queues.remove(&group);
    }

    /// Somebody signed in with these groups.
    pub fn join(&mut self, groups: &[(GroupNo, u8)]) {
        for (group, level) in groups {
            self.queue_mut(*group).join(*level);
        }
    }

    pub fn part(&mut self, groups: &[(GroupNo, u8)]) {
        for (group, level) in groups {
            self.queue_mut(*group).part(*level);
        }
    }

    /// The agent can be offered work.
    pub fn set_ready(&mut self, agent: AgentNo, idle_since: Time, groups: Vec<(GroupNo, u8, i64)>) {
        let unchanged = self.places.get(&agent).is_some_and(|p| p.idle_since == idle_since && p.groups == groups);
        if unchanged {
            return;
        }
        self.unset_ready(agent);
        for (group, level, key) in groups.iter().copied() {
            self.queue_mut(group).set_ready(level, Turn { key, idle_since, agent });
        }
        self.places.insert(agent, Place { idle_since, groups });
    }

    pub fn unset_ready(&mut self, agent: AgentNo) {
        let Some(place) = self.places.remove(&agent) else {
            return;
        };
        for (group, level, key) in place.groups {
            self.queue_mut(group).unset_ready(level, Turn { key, idle_since: place.idle_since, agent });
        }
    }

    pub fn ready(&self) -> usize {
        self.places.len()
    }

    /// The oldest caller this ready agent may take, over all his groups; none when he is not ready.
    pub fn oldest_for(&self, agent: AgentNo, items: &BTreeMap<ItemId, Item>) -> Option<(Rank, ItemId)> {
        let excludes = |item: ItemId| items.get(&item).is_none_or(|i| i.excludes(agent));
        self.places
            .get(&agent)?
            .groups
            .iter()
            .filter_map(|(group, level, _)| self.queues.get(group)?.oldest(*level, &excludes))
            .min()
    }

    /// The ready agent this item goes to.
    pub fn best_for(&self, item: &Item, strategy: Strategy, rng: &mut Rng) -> Option<AgentNo> {
        self.queues.get(&item.group)?.best(item.level, strategy, item.excluded(), rng)
    }

    /// There is one.
    pub fn any_for(&self, item: &Item) -> bool {
        self.queues.get(&item.group).is_some_and(|queue| queue.any(item.level, item.excluded()))
    }
}
