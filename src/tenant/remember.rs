//! Command ids: the same id within `COMMAND_MEMORY` has the same answer and no second effect.
//! Accepted ones are a fold of the journal and survive a restart; refusals are remembered in memory only.

use std::collections::{BTreeMap, VecDeque};

use crate::base::bounds::{COMMAND_IDS_KEPT, COMMAND_MEMORY, SHOWN_CONTACTS_KEPT};
use crate::base::{CommandId, ContactId, Time};
use crate::switch::{Body, Code, ContactState};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    Accepted {
        /// The contact it made, if it made one.
        contact: Option<ContactId>,
        /// The contact it acted on, as the first answer showed it: it may have ended when the command is repeated.
        shown: Option<Box<ContactState>>,
    },
    Refused {
        code: Code,
        state: String,
    },
}

#[derive(Debug, Default)]
pub(super) struct AcceptedIds {
    by_id: BTreeMap<CommandId, (u64, Outcome)>,
    by_time: VecDeque<(Time, CommandId)>,
    /// Whose outcome still has what was shown, the oldest first.
    shown: VecDeque<CommandId>,
}

/// What the memory knows of an id.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Known {
    /// Never seen, or forgotten.
    New,
    Repeated(Outcome),
    /// The id came with another command before.
    Reused,
}

impl AcceptedIds {
    pub fn look_up(&mut self, id: &CommandId, body_hash: u64, t: Time) -> Known {
        self.forget_before(t - COMMAND_MEMORY);
        match self.by_id.get(id) {
            None => Known::New,
            Some((hash, _)) if *hash != body_hash => Known::Reused,
            Some((_, outcome)) => Known::Repeated(outcome.clone()),
        }
    }

    pub fn remember(&mut self, id: CommandId, body_hash: u64, outcome: Outcome, t: Time) {
        if matches!(outcome, Outcome::Accepted { shown: Some(_), .. }) {
            self.shown.push_back(id.clone());
            self.forget_shown();
        }
        if self.by_id.insert(id.clone(), (body_hash, outcome)).is_none() {
            self.by_time.push_back((t, id));
        }
        while self.by_time.len() > COMMAND_IDS_KEPT {
            self.forget_oldest();
        }
    }

    /// What was shown goes earlier than the id; the oldest of it first.
    fn forget_shown(&mut self) {
        if self.shown.len() <= SHOWN_CONTACTS_KEPT {
            return;
        }
        let oldest = self.shown.pop_front().and_then(|id| self.by_id.get_mut(&id));
        if let Some((_, Outcome::Accepted { shown, .. })) = oldest {
            *shown = None;
        }
    }

    fn forget_before(&mut self, t: Time) {
        while self.by_time.front().is_some_and(|(at, _)| *at < t) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.by_time.pop_front() {
            self.by_id.remove(&id);
        }
    }
}

/// A number for a command's content, the same in every process: FNV-1a over its printed form.
pub(super) fn body_hash(body: &Body) -> u64 {
    format!("{body:?}")
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;

    #[test]
    fn an_id_is_one_command_for_ten_minutes() {
        let mut ids = AcceptedIds::default();
        let id = CommandId { token: 1, id: "a".into() };
        assert_eq!(ids.look_up(&id, 7, Time(0)), Known::New);
        ids.remember(id.clone(), 7, Outcome::Accepted { contact: None, shown: None }, Time(0));
        assert_eq!(ids.look_up(&id, 7, Time(5)), Known::Repeated(Outcome::Accepted { contact: None, shown: None }));
        assert_eq!(ids.look_up(&id, 8, Time(5)), Known::Reused);
        assert_eq!(ids.look_up(&id, 7, Time(0) + COMMAND_MEMORY + Span(1)), Known::New);
    }

    #[test]
    fn what_was_shown_is_bounded() {
        let mut ids = AcceptedIds::default();
        let id = |n: usize| CommandId { token: 1, id: n.to_string() };
        for n in 0..=SHOWN_CONTACTS_KEPT {
            let shown = Some(Box::new(ContactState::ended(ContactId(n as u64))));
            ids.remember(id(n), 7, Outcome::Accepted { contact: None, shown }, Time(0));
        }
        let shown = |known| matches!(known, Known::Repeated(Outcome::Accepted { shown: Some(_), .. }));
        assert_eq!([0, 1].map(|n| shown(ids.look_up(&id(n), 7, Time(1)))), [false, true]);
    }
}
