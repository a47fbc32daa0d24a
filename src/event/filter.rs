//! Which events a subscriber wants to see: a watch list, as it stands in subscriptions and in client sessions.
//! Owns what it means that an event names somebody. Leaves keys and their numbers to `api`, pulling to whoever reads.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Event, Kind};
use crate::base::{AgentNo, ContactId, FlowNo, GroupNo};

/// Kinds narrow; subjects widen: an event is seen if its kind is listed, or no kind is, and if it names one of the
/// agents, groups, flows or contacts on the lists, or nobody is on any of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// `None`: all that are shown. Names as [`Kind::name`] gives them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<BTreeSet<String>>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub agents: BTreeSet<AgentNo>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<GroupNo>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub flows: BTreeSet<FlowNo>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub contacts: BTreeSet<ContactId>,
}

impl Filter {
    /// An event names the agent, group and contact it is about; `agent_signed_in` and `agent_groups` the groups they
    /// list, `contact_merged` the other contact, `leg_moved` where the leg comes from and goes to, `flow_started`,
    /// `flow_ended` and `flow_returned` the flow, `playback` the contact it is of. Nothing else counts: what came before in
    /// the same contact is not looked up.
    pub fn sees(&self, event: &Event) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(event.kind.name()))
            && (self.is_of_everybody() || self.is_named(event))
    }

    /// Of all lists.
    pub fn entries(&self) -> usize {
        let Self { kinds, agents, groups, flows, contacts } = self;
        kinds.as_ref().map_or(0, BTreeSet::len) + agents.len() + groups.len() + flows.len() + contacts.len()
    }

    fn is_of_everybody(&self) -> bool {
        self.agents.is_empty() && self.groups.is_empty() && self.flows.is_empty() && self.contacts.is_empty()
    }

    fn is_named(&self, event: &Event) -> bool {
        let about = &event.about;
        about.agent.is_some_and(|agent| self.agents.contains(&agent))
            || about.group.is_some_and(|group| self.groups.contains(&group))
            || about.contact.is_some_and(|contact| self.contacts.contains(&contact))
            || self.is_named_inside(&event.kind)
    }

    /// What most kinds name stands in `about`; these name more.
    fn is_named_inside(&self, kind: &Kind) -> bool {
        if let Kind::AgentSignedIn { groups, .. }
        | Kind::AgentGroups { groups, .. }
        | Kind::ItemEntered { groups, .. } = kind
        {
            return groups.iter().any(|group| self.groups.contains(group));
        }
        if let Kind::LegMoved { from, to, .. } = kind {
            return from.is_some_and(|from| self.contacts.contains(&from)) || self.contacts.contains(to);
        }
        if let Kind::Playback { of, .. } = kind {
            return self.contacts.contains(of);
        }
        if let Kind::FlowStarted { flow, .. } | Kind::FlowEnded { flow } | Kind::FlowReturned { flow, .. } = kind {
            return self.flows.contains(flow);
        }
        matches!(kind, Kind::ContactMerged { with, .. } if self.contacts.contains(with))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{TenantNo, Time, Utc};
    use crate::event::words::Station;
    use crate::event::{About, By, VERSION};

    fn event(about: About, kind: Kind) -> Event {
        Event { v: VERSION, t: Time(0), at: Utc(0), tenant: TenantNo(1), about, by: By::SYSTEM, kind }
    }

    #[test]
    fn kinds_narrow_and_subjects_widen() {
        let station = Station::Extension(crate::base::ExtensionNo(1));
        let agent = About { agent: Some(AgentNo(1)), ..About::default() };
        let offered =
            About { agent: Some(AgentNo(2)), group: Some(GroupNo(5)), contact: Some(ContactId(9)), ..About::default() };
        let events = [
            event(agent, Kind::AgentSignedIn { station, groups: vec![GroupNo(5), GroupNo(6)], chosen: false }),
            event(agent, Kind::AgentSignedOut),
            event(offered, Kind::OfferAlerting),
            event(
                About { contact: Some(ContactId(9)), ..About::default() },
                Kind::ContactMerged { with: ContactId(8), goes_on: true },
            ),
            event(About { contact: Some(ContactId(7)), ..About::default() }, Kind::FlowEnded { flow: FlowNo(3) }),
            event(About::default(), Kind::SiteChanged { version: 1 }),
        ];
        let all = Filter::default();
        let kinds = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let rows = [
            ("nobody and nothing listed", all.clone(), vec![0, 1, 2, 3, 4, 5]),
            ("an agent", Filter { agents: [AgentNo(1)].into(), ..all.clone() }, vec![0, 1]),
            (
                "a group, also one that a sign-in lists",
                Filter { groups: [GroupNo(5)].into(), ..all.clone() },
                vec![0, 2],
            ),
            ("a group that only the list has", Filter { groups: [GroupNo(6)].into(), ..all.clone() }, vec![0]),
            ("a contact", Filter { contacts: [ContactId(9)].into(), ..all.clone() }, vec![2, 3]),
            ("the contact that was merged", Filter { contacts: [ContactId(8)].into(), ..all.clone() }, vec![3]),
            ("a flow", Filter { flows: [FlowNo(3)].into(), ..all.clone() }, vec![4]),
            (
                "an agent or a flow",
                Filter { agents: [AgentNo(2)].into(), flows: [FlowNo(3)].into(), ..all.clone() },
                vec![2, 4],
            ),
            (
                "kinds of everybody",
                Filter { kinds: kinds(&["site_changed", "offer_alerting"]), ..all.clone() },
                vec![2, 5],
            ),
            (
                "kinds of an agent",
                Filter {
                    kinds: kinds(&["agent_signed_out", "offer_alerting"]),
                    agents: [AgentNo(1)].into(),
                    ..all.clone()
                },
                vec![1],
            ),
            ("somebody of whom nothing is told", Filter { agents: [AgentNo(4)].into(), ..all }, vec![]),
        ];
        for (name, filter, seen) in rows {
            let found: Vec<usize> = (0..events.len()).filter(|&at| filter.sees(&events[at])).collect();
            assert_eq!(found, seen, "{name}");
            let text = serde_json::to_string(&filter).expect("text keys");
            assert_eq!(serde_json::from_str::<Filter>(&text).expect("its own form"), filter, "{name}");
        }
    }
}
