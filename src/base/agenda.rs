//! One ordered set of deadlines for a composition of machines, updated after each child's `handle`.

use std::collections::{BTreeMap, BTreeSet};

use super::Time;

/// `(Time, owner)` in order; ties by the owner's own order. Each owner has at most one deadline, its next.
#[derive(Clone, Debug)]
pub struct Agenda<O> {
    by_time: BTreeSet<(Time, O)>,
    by_owner: BTreeMap<O, Time>,
}

impl<O: Ord + Copy> Agenda<O> {
    /// The owner's next deadline is now `at`; `None` takes it off.
    pub fn set(&mut self, owner: O, at: Option<Time>) {
        let before = match at {
            Some(t) => self.by_owner.insert(owner, t),
            None => self.by_owner.remove(&owner),
        };
        if before == at {
            return;
        }
        if let Some(t) = before {
            self.by_time.remove(&(t, owner));
        }
        if let Some(t) = at {
            self.by_time.insert((t, owner));
        }
    }

    pub fn next(&self) -> Option<(Time, O)> {
        self.by_time.first().copied()
    }

    /// The first owner whose deadline has come. It stays on the agenda until `set` again.
    pub fn due(&self, t: Time) -> Option<O> {
        self.next().filter(|(at, _)| *at <= t).map(|(_, owner)| owner)
    }

    pub fn len(&self) -> usize {
        self.by_owner.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_owner.is_empty()
    }
}

impl<O> Default for Agenda<O> {
    fn default() -> Self {
        Self { by_time: BTreeSet::new(), by_owner: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_ties_go_by_owner() {
        let mut agenda = Agenda::default();
        agenda.set(2, Some(Time(10)));
        agenda.set(1, Some(Time(10)));
        agenda.set(3, Some(Time(5)));
        agenda.set(3, Some(Time(20)));
        assert_eq!(agenda.next(), Some((Time(10), 1)));
        assert_eq!(agenda.due(Time(9)), None);
        agenda.set(1, None);
        assert_eq!(agenda.due(Time(10)), Some(2));
        agenda.set(2, None);
        agenda.set(3, None);
        assert!(agenda.is_empty() && agenda.by_time.is_empty());
    }
}
