//! One work item: its rank, its patience and whom it is not offered to, for a while or as long as it waits.
//! Owns what stays the same while it waits. Leaves its place in a queue to `queue` and its offer to `offer`.

use super::queue::Rank;
use super::words::{NewItem, To};
use crate::base::bounds::{EXCLUSIONS_PER_ITEM, PRIORITY_STEP, REFUSED_REST};
use crate::base::{AgentNo, CallId, ContactId, GroupNo, ItemId, OfferId, Span, Time};
use crate::event::About;

#[derive(Clone, Debug)]
pub struct Item {
    pub id: ItemId,
    pub to: To,
    pub call: Option<CallId>,
    pub holder: ContactId,
    pub level: u8,
    pub priority: i32,
    pub visit: u32,
    /// When the contact first entered a queue.
    pub entered: Time,
    /// When this visit began: waits and their limits count from here.
    pub since: Time,
    pub rank: Rank,
    /// Its own patience; the group's may be shorter.
    wait_max: Option<Span>,
    /// The oldest first.
    excluded: Vec<Exclusion>,
    /// The group whose agent was offered it last.
    pub served: Option<GroupNo>,
    pub state: ItemState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exclusion {
    agent: AgentNo,
    /// Without it: as long as the item waits.
    until: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemState {
    Waiting,
    /// To one agent: it was offered to him alone, or he was the first of a round to accept.
    Offered(OfferId),
    /// To several agents of one group at once, and nobody has accepted yet.
    Round {
        group: GroupNo,
        offers: Vec<OfferId>,
    },
}

impl ItemState {
    /// The live offers for it.
    pub fn offers(&self) -> &[OfferId] {
        match self {
            Self::Waiting => &[],
            Self::Offered(offer) => std::slice::from_ref(offer),
            Self::Round { group: _, offers } => offers,
        }
    }
}

impl Item {
    pub fn new(new: &NewItem, sequence: u64, t: Time) -> Self {
        Self {
            id: new.item,
            to: new.to.clone(),
            call: new.call,
            holder: new.holder,
            level: new.level.max(1),
            priority: new.priority,
            visit: new.visit,
            entered: new.entered,
            since: t,
            rank: Rank { due: due(new.entered, new.priority), sequence },
            wait_max: new.wait_max,
            excluded: new.not_to.iter().map(|agent| Exclusion { agent: *agent, until: None }).collect(),
            served: None,
            state: ItemState::Waiting,
        }
    }

    /// As it would come to its queue again: as old as it is, and not to this agent.
    pub fn again(&self, not_to: AgentNo) -> NewItem {
        let mut barred: Vec<AgentNo> = self.barred().filter(|agent| *agent != not_to).collect();
        barred.push(not_to);
        let surplus = barred.len().saturating_sub(EXCLUSIONS_PER_ITEM);
        NewItem {
            item: self.id,
            to: self.to.clone(),
            call: self.call,
            entered: self.entered,
            priority: self.priority,
            level: self.level,
            wait_max: self.wait_max,
            holder: self.holder,
            visit: self.visit,
            not_to: barred.split_off(surplus),
        }
    }

    pub fn deadline(&self, group_wait_max: Option<Span>) -> Option<Time> {
        [self.wait_max, group_wait_max].into_iter().flatten().min().map(|longest| self.since + longest)
    }

    /// Where it waits; none when it is for a named agent.
    pub fn groups(&self) -> &[GroupNo] {
        match &self.to {
            To::Groups(groups) => groups,
            To::Agent { .. } => &[],
        }
    }

    /// Whom alone it is for.
    pub fn named(&self) -> Option<AgentNo> {
        match self.to {
            To::Groups(_) => None,
            To::Agent { agent, .. } => Some(agent),
        }
    }

    /// The group that events about it name: the one that served it, or else its first.
    pub fn group(&self) -> Option<GroupNo> {
        self.served.or(match &self.to {
            To::Groups(groups) => groups.first().copied(),
            To::Agent { group, .. } => *group,
        })
    }

    /// It is as old as if it had entered then.
    pub fn set_entered(&mut self, entered: Time) {
        self.entered = entered;
        self.rank.due = due(entered, self.priority);
    }

    /// The age stays: only what it is worth changes.
    pub fn set_priority(&mut self, priority: i32) {
        self.priority = priority;
        self.rank.due = due(self.entered, priority);
    }

    pub fn is_waiting(&self) -> bool {
        self.state == ItemState::Waiting
    }

    /// This offer has come to nothing. True when it was the last.
    pub fn lose(&mut self, offer: OfferId) -> bool {
        match &mut self.state {
            ItemState::Waiting | ItemState::Offered(_) => true,
            ItemState::Round { group: _, offers } => {
                offers.retain(|other| *other != offer);
                offers.is_empty()
            }
        }
    }

    /// It is not offered to him: until others were asked, or as long as it waits.
    pub fn excludes(&self, agent: AgentNo) -> bool {
        self.excluded.iter().any(|exclusion| exclusion.agent == agent)
    }

    /// To whom it is not offered as long as it waits.
    pub fn barred(&self) -> impl Iterator<Item = AgentNo> {
        self.excluded.iter().filter(|exclusion| exclusion.until.is_none()).map(|exclusion| exclusion.agent)
    }

    /// His offer came to nothing: others are asked before him.
    pub fn exclude(&mut self, agent: AgentNo, t: Time) {
        let until = Some(t + REFUSED_REST);
        if let Some(known) = self.excluded.iter_mut().find(|exclusion| exclusion.agent == agent) {
            known.until = known.until.and(until);
            return;
        }
        if self.excluded.len() == EXCLUSIONS_PER_ITEM {
            let oldest = self.excluded.iter().position(|exclusion| exclusion.until.is_some());
            self.excluded.remove(oldest.unwrap_or(0));
        }
        self.excluded.push(Exclusion { agent, until });
    }

    /// When the next of those who refused it may be asked again.
    pub fn next_lapse(&self) -> Option<Time> {
        self.excluded.iter().filter_map(|exclusion| exclusion.until).min()
    }

    /// True when somebody may be asked again.
    pub fn lapse(&mut self, t: Time) -> bool {
        let before = self.excluded.len();
        self.excluded.retain(|exclusion| exclusion.until.is_none_or(|until| until > t));
        self.excluded.len() < before
    }

    pub fn about(&self) -> About {
        About {
            contact: Some(self.holder),
            call: self.call,
            agent: self.named(),
            group: self.group(),
            item: Some(self.id),
            ..About::default()
        }
    }
}

/// Where an item stands: each step of priority is worth `PRIORITY_STEP` of waiting.
fn due(entered: Time, priority: i32) -> Time {
    entered - PRIORITY_STEP * i64::from(priority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(priority: i32, wait_max: Option<Span>) -> Item {
        let (item, to, holder) = (ItemId(1), To::Groups(vec![GroupNo(1)]), ContactId(1));
        let entered = Time(90_000_000);
        let new = NewItem {
            item,
            to,
            call: None,
            entered,
            priority,
            level: 0,
            wait_max,
            holder,
            visit: 1,
            not_to: Vec::new(),
        };
        Item::new(&new, 1, Time(100_000_000))
    }

    #[test]
    fn rank_counts_from_the_first_entry_and_patience_from_this_one() {
        assert_eq!(item(0, None).rank.due, Time(90_000_000));
        assert_eq!(item(2, None).rank.due, Time(-30_000_000));
        assert_eq!(item(-1, None).rank.due, Time(150_000_000));
        assert_eq!(item(0, None).level, 1);
        let (short, long) = (Span::seconds(5), Span::seconds(9));
        for (own, group, expected) in [
            (None, None, None),
            (Some(short), None, Some(105)),
            (Some(long), Some(short), Some(105)),
            (None, Some(long), Some(109)),
        ] {
            assert_eq!(item(0, own).deadline(group), expected.map(|s| Time(s * 1_000_000)), "{own:?} {group:?}");
        }
    }

    #[test]
    fn a_full_list_of_exclusions_forgets_the_oldest_that_passes() {
        let t = Time(0);
        let mut item = item(0, None);
        item.excluded.push(Exclusion { agent: AgentNo(99), until: None });
        for no in 1..=EXCLUSIONS_PER_ITEM as u32 {
            item.exclude(AgentNo(no), t);
            item.exclude(AgentNo(no), t);
        }
        item.exclude(AgentNo(99), t);
        assert_eq!(item.excluded.len(), EXCLUSIONS_PER_ITEM);
        assert!(!item.excludes(AgentNo(1)) && item.excludes(AgentNo(2)) && item.excludes(AgentNo(99)));
        assert_eq!(item.again(AgentNo(7)).not_to, [AgentNo(99), AgentNo(7)], "the others may be asked again by then");
        assert!(!item.lapse(t) && item.lapse(item.next_lapse().expect("they pass")));
        assert_eq!(item.barred().collect::<Vec<_>>(), [AgentNo(99)]);
        assert_eq!((item.excludes(AgentNo(2)), item.next_lapse()), (false, None));
    }
}
