//! Which item goes to which agent, over all groups of a tenant.
//! Owns the queues and each ready agent's places in them. Leaves making the offer to the composition.
//! It is asked on a change or a deadline, never by polling, and looks at the heads of ordered sets only: past a head it
//! goes just where whoever asks says that this agent may not take that item, which is seldom: see `Acd::may_take`.

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
    /// What waits for one agent alone.
    private: BTreeMap<AgentNo, BTreeMap<Rank, ItemId>>,
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

    /// The item is in its groups' queues, until `leave`.
    pub fn enter(&mut self, item: &Item) {
        for group in item.groups() {
            self.queue_mut(*group).enter(item.entered, item.id);
        }
    }

    pub fn leave(&mut self, item: &Item) {
        for group in item.groups() {
            self.queue_mut(*group).leave(item.entered, item.id);
        }
    }

    /// It can be offered to somebody.
    pub fn wait(&mut self, item: &Item) {
        for group in item.groups() {
            self.queue_mut(*group).wait(item.level, item.rank, item.id);
        }
        if let Some(agent) = item.named() {
            self.private.entry(agent).or_default().insert(item.rank, item.id);
        }
    }

    /// It rings at agents of this group, and more of them can be offered it.
    pub fn wait_for_more(&mut self, item: &Item, group: GroupNo) {
        self.queue_mut(group).wait(item.level, item.rank, item.id);
    }

    pub fn stop_waiting(&mut self, item: &Item) {
        for group in item.groups() {
            self.queue_mut(*group).stop_waiting(item.level, item.rank);
        }
        if let Some(agent) = item.named()
            && let Some(waiting) = self.private.get_mut(&agent)
        {
            waiting.remove(&item.rank);
            if waiting.is_empty() {
                self.private.remove(&agent);
            }
        }
    }

    /// What waits for this agent alone, the first in rank first.
    pub fn private_of(&self, agent: AgentNo) -> impl Iterator<Item = (Rank, ItemId)> {
        self.private.get(&agent).into_iter().flatten().map(|(rank, item)| (*rank, *item))
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
    pub fn oldest_for(&self, agent: AgentNo, may: &impl Fn(ItemId) -> bool) -> Option<(Rank, ItemId)> {
        self.places
            .get(&agent)?
            .groups
            .iter()
            .filter_map(|(group, level, _)| self.queues.get(group)?.oldest(*level, may))
            .min()
    }

    /// The ready agent of this group that the item goes to.
    pub fn best_for(
        &self,
        item: &Item,
        group: GroupNo,
        strategy: Strategy,
        may: &impl Fn(AgentNo) -> bool,
        rng: &mut Rng,
    ) -> Option<AgentNo> {
        self.queues.get(&group)?.best(item.level, strategy, may, rng)
    }

    /// There is one in any of its groups.
    pub fn any_for(&self, item: &Item, may: &impl Fn(AgentNo) -> bool) -> bool {
        item.groups().iter().any(|group| self.queues.get(group).is_some_and(|queue| queue.any(item.level, may)))
    }
}
