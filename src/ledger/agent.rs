//! An agent who is signed in, folded from his events: where, what he wished, what he does. Owns what a restart gives back
//! of him. Leaves the list of them to `open`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Fold, Unknown};
use crate::base::{AgentNo, ContactId, GroupNo, ReasonNo, Span, Time};
use crate::event::About;
use crate::event::words::{Display, NotReadyReason, Preferences, Station, Wish, WorkRole};

/// Somebody signed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenAgent {
    pub station: Station,
    pub groups: Vec<GroupNo>,
    pub since: Time,
    pub wish: Wish,
    pub wish_since: Time,
    pub reachable: bool,
    /// What he does, at most one thing per contact.
    pub works: BTreeMap<ContactId, OpenWork>,
    /// What he does for no contact: wraps up, or is reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<OpenWork>,
    /// He chose among his groups.
    #[serde(default)]
    pub chosen: bool,
    /// How long his wish may last, and when that is over once it has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish_limit: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish_until: Option<Time>,
    /// That it is over was told.
    #[serde(default)]
    pub overtime: bool,
    /// Since he signed in: time in talks that have ended, calls taken, and when he was last offered one.
    #[serde(default)]
    pub talked: Span,
    #[serde(default)]
    pub calls: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered: Option<Time>,
    #[serde(default)]
    pub preferences: Preferences,
}

/// Somebody who waits for rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRest {
    pub agent: AgentNo,
    pub reason: Option<ReasonNo>,
    pub length: Span,
    pub since: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenWork {
    pub role: WorkRole,
    pub since: Time,
    pub until: Option<Time>,
}

impl OpenAgent {
    /// The one state that people see.
    pub fn display(&self) -> Display {
        let works = self.works.values().chain(&self.aside);
        Display::of(works.map(|work| work.role), self.reachable, self.wish)
    }

    /// Not ready and not yet proved to be there, as the ACD begins.
    pub(super) fn signed_in(station: Station, groups: Vec<GroupNo>, t: Time) -> Self {
        let wish = Wish::NotReady(NotReadyReason::SignedIn);
        Self {
            station,
            groups,
            since: t,
            wish,
            wish_since: t,
            reachable: false,
            works: BTreeMap::new(),
            aside: None,
            chosen: false,
            wish_limit: None,
            wish_until: None,
            overtime: false,
            talked: Span::ZERO,
            calls: 0,
            offered: None,
            preferences: Preferences::default(),
        }
    }

    pub(super) fn chooses(&mut self, groups: &[GroupNo], chosen: bool) {
        (self.groups, self.chosen) = (groups.to_vec(), chosen);
    }

    pub(super) fn wishes(&mut self, wish: Wish, limit: Option<Span>, until: Option<Time>, t: Time) {
        (self.wish, self.wish_since, self.overtime) = (wish, t, false);
        (self.wish_limit, self.wish_until) = (limit, until);
    }

    pub(super) fn works(&mut self, about: &About, role: WorkRole, t: Time, until: Option<Time>) -> Fold {
        let before = match about.contact {
            Some(contact) => self.works.get(&contact).copied(),
            None => self.aside,
        };
        let same = before.filter(|before| before.role == role);
        let work = OpenWork { role, since: same.map_or(t, |same| same.since), until };
        match about.contact {
            Some(contact) => drop(self.works.insert(contact, work)),
            None => self.aside = Some(work),
        }
        if same.is_none() {
            self.count_begun(before.map(|before| before.role), role, t);
            self.count_ended(before, t);
        }
        Ok(())
    }

    pub(super) fn work_ended(&mut self, about: &About, t: Time) -> Fold {
        let ended = match about.contact {
            Some(contact) => self.works.remove(&contact),
            None => self.aside.take(),
        };
        self.count_ended(ended, t);
        ended.map(drop).ok_or(Unknown)
    }

    /// An offer is counted when it is made, a call when the offer becomes a talk or a supervisor takes it over.
    fn count_begun(&mut self, before: Option<WorkRole>, role: WorkRole, t: Time) {
        match role {
            WorkRole::Offered => self.offered = Some(t),
            WorkRole::Talking if matches!(before, Some(WorkRole::Offered | WorkRole::Monitoring)) => self.calls += 1,
            WorkRole::Talking
            | WorkRole::WrapUp
            | WorkRole::Dialing
            | WorkRole::Held
            | WorkRole::Consulting
            | WorkRole::Conference
            | WorkRole::Monitoring
            | WorkRole::Reserved => {}
        }
    }

    fn count_ended(&mut self, work: Option<OpenWork>, t: Time) {
        if let Some(work) = work.filter(|work| work.role == WorkRole::Talking) {
            self.talked = self.talked + (t - work.since);
        }
    }
}
