//! One group's queue: who waits, who is ready, who is signed in.
//! Owns the ordered sets, one per level. Leaves who may take what to whoever asks, the choice over several groups to `matcher`.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::bounds::LEVEL_MAX;
use crate::base::{AgentNo, ItemId, Rng, Time};
use crate::site::Strategy;

/// The one order over all groups, fixed while waiting: ageing is in it, because everybody ages alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    pub due: Time,
    pub sequence: u64,
}

const LEVELS: usize = LEVEL_MAX as usize;

#[derive(Clone, Debug, Default)]
pub struct Queue {
    /// What can be offered to one more agent, by needed level; levels nobody needs have no entry.
    waiting: BTreeMap<u8, BTreeMap<Rank, ItemId>>,
    /// By the agents' level.
    ready: [BTreeSet<Turn>; LEVELS],
    /// Signed in, by level.
    members: [usize; LEVELS],
    /// All that are not connected, also those an agent is rung for: contact's first entry, item.
    entered: BTreeSet<(Time, ItemId)>,
}

/// Whose turn it is among ready agents: the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    /// What the group's strategy orders by; 0 where that is the idle time alone.
    pub key: i64,
    pub idle_since: Time,
    pub agent: AgentNo,
}

/// Sets are by level from 1.
fn slot(level: u8) -> usize {
    usize::from(level.clamp(1, LEVEL_MAX)) - 1
}

impl Queue {
    pub fn enter(&mut self, entered: Time, item: ItemId) {
        self.entered.insert((entered, item));
    }

    pub fn leave(&mut self, entered: Time, item: ItemId) {
        self.entered.remove(&(entered, item));
    }

    /// How many are not connected.
    pub fn len(&self) -> usize {
        self.entered.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entered.is_empty()
    }

    pub fn oldest_entry(&self) -> Option<Time> {
        self.entered.first().map(|(t, _)| *t)
    }

    pub fn items(&self) -> impl Iterator<Item = ItemId> + '_ {
        self.entered.iter().map(|(_, item)| *item)
    }

    pub fn wait(&mut self, level: u8, rank: Rank, item: ItemId) {
        self.waiting.entry(level).or_default().insert(rank, item);
    }

    pub fn stop_waiting(&mut self, level: u8, rank: Rank) {
        if let Some(set) = self.waiting.get_mut(&level) {
            set.remove(&rank);
            if set.is_empty() {
                self.waiting.remove(&level);
            }
        }
    }

    pub fn join(&mut self, level: u8) {
        self.members[slot(level)] += 1;
    }

    pub fn part(&mut self, level: u8) {
        self.members[slot(level)] -= 1;
    }

    pub fn signed_in(&self) -> usize {
        self.members.iter().sum()
    }

    /// How many are signed in who could ever take an item that needs this level.
    pub fn able_members(&self, level: u8) -> usize {
        if level > LEVEL_MAX { 0 } else { self.members[slot(level)..].iter().sum() }
    }

    /// Waiting items that nobody signed in could ever take.
    pub fn hopeless(&self) -> Vec<ItemId> {
        self.waiting
            .iter()
            .filter(|(level, _)| self.able_members(**level) == 0)
            .flat_map(|(_, set)| set.values().copied())
            .collect()
    }

    pub fn set_ready(&mut self, level: u8, turn: Turn) {
        self.ready[slot(level)].insert(turn);
    }

    pub fn unset_ready(&mut self, level: u8, turn: Turn) {
        self.ready[slot(level)].remove(&turn);
    }

    pub fn ready(&self) -> usize {
        self.ready.iter().map(BTreeSet::len).sum()
    }

    /// The first in rank that an agent of this level may take.
    pub fn oldest(&self, agent_level: u8, may: &impl Fn(ItemId) -> bool) -> Option<(Rank, ItemId)> {
        self.waiting
            .range(..=agent_level)
            .filter_map(|(_, set)| set.iter().find(|(_, item)| may(**item)))
            .map(|(rank, item)| (*rank, *item))
            .min()
    }

    /// The ready agent who gets an item that needs this level.
    pub fn best(
        &self,
        level: u8,
        strategy: Strategy,
        may: &impl Fn(AgentNo) -> bool,
        rng: &mut Rng,
    ) -> Option<AgentNo> {
        let mut firsts = self.able(level).filter_map(|set| set.iter().find(|turn| may(turn.agent)));
        match strategy {
            Strategy::SkillLevel => firsts.next_back(),
            Strategy::Random => {
                let all = || self.able(level).flatten().filter(|turn| may(turn.agent));
                // Nothing is drawn where nobody is free: who cannot be chosen costs no chance.
                let n = all().count() as u64;
                if n == 0 { None } else { all().nth(usize::try_from(rng.below(n)).unwrap_or(0)) }
            }
            Strategy::LongestIdle
            | Strategy::LeastTalk
            | Strategy::FewestCalls
            | Strategy::RoundRobin
            | Strategy::TopDown
            | Strategy::RingAll => firsts.min(),
        }
        .map(|turn| turn.agent)
    }

    /// A ready agent could take an item that needs this level.
    pub fn any(&self, level: u8, may: &impl Fn(AgentNo) -> bool) -> bool {
        self.able(level).flatten().any(|turn| may(turn.agent))
    }

    /// The ready agents of this level and better.
    fn able(&self, level: u8) -> impl DoubleEndedIterator<Item = &BTreeSet<Turn>> {
        let from = if level > LEVEL_MAX { LEVELS } else { slot(level) };
        self.ready[from..].iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strategies_choose_among_the_able() {
        let mut queue = Queue::default();
        for (level, idle, agent) in [(2, 10, 1), (5, 20, 2), (5, 15, 3), (9, 30, 4)] {
            let key = 100 - i64::from(agent);
            queue.set_ready(level, Turn { key, idle_since: Time(idle), agent: AgentNo(agent) });
        }
        let mut rng = Rng::from_number(1);
        let cases: &[(u8, Strategy, &[u32], Option<u32>)] = &[
            (1, Strategy::TopDown, &[], Some(4)),
            (1, Strategy::RoundRobin, &[4], Some(3)),
            (9, Strategy::LeastTalk, &[4], None),
            (9, Strategy::Random, &[], Some(4)),
            (9, Strategy::Random, &[4], None),
            (1, Strategy::SkillLevel, &[], Some(4)),
            (1, Strategy::SkillLevel, &[4], Some(3)),
            (9, Strategy::SkillLevel, &[4], None),
            (10, Strategy::LongestIdle, &[], None),
            (10, Strategy::Random, &[], None),
        ];
        for (level, strategy, excluded, expected) in cases {
            let may = |agent: AgentNo| !excluded.contains(&agent.0);
            assert_eq!(queue.best(*level, *strategy, &may, &mut rng), expected.map(AgentNo), "{level} {strategy:?}");
            assert_eq!(queue.any(*level, &may), expected.is_some(), "{level} {strategy:?}");
        }
        let drawn: BTreeSet<AgentNo> =
            (0..100).filter_map(|_| queue.best(3, Strategy::Random, &|agent| agent != AgentNo(2), &mut rng)).collect();
        assert_eq!(drawn, BTreeSet::from([AgentNo(3), AgentNo(4)]));
    }

    #[test]
    fn the_first_in_rank_within_ones_level_is_taken() {
        let mut queue = Queue::default();
        for (level, due, sequence) in [(5, 1, 1), (1, 2, 2), (3, 2, 3)] {
            queue.wait(level, Rank { due: Time(due), sequence }, ItemId(sequence));
        }
        let first = |level, not| queue.oldest(level, &|item| item != ItemId(not)).map(|(_, item)| item.0);
        assert_eq!(
            [first(9, 0), first(9, 1), first(3, 0), first(3, 2), first(2, 2)],
            [Some(1), Some(2), Some(2), Some(3), None]
        );
    }

    #[test]
    fn hopeless_is_who_needs_more_than_anybody_signed_in_has() {
        let mut queue = Queue::default();
        queue.join(4);
        for level in [1, 4, 5] {
            queue.wait(level, Rank { due: Time(0), sequence: u64::from(level) }, ItemId(u64::from(level)));
        }
        assert_eq!(queue.hopeless(), [ItemId(5)]);
        queue.part(4);
        assert_eq!(queue.hopeless().len(), 3);
        assert_eq!([queue.able_members(10), queue.able_members(1)], [0, 0]);
    }
}
