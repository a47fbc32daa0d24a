//! A new site while everything runs: memberships, levels, strategies and limits are live; who or what was removed
//! finishes its running work.
//! This and `snapshots` are the only inputs that look at every agent; sites change by hand.

use std::sync::Arc;

use super::agent::Agent;
use super::item::ItemState;
use super::phone::PhoneId;
use super::{Acd, Owner};
use crate::base::{AgentNo, GroupNo, ItemId, Now, Supplies, Time};
use crate::event::By;
use crate::site::Site;

impl Acd {
    /// Takes the new site at once. A removed agent is offered nothing more and is signed out when his work is done; a
    /// removed group's callers leave with `NoAgent`, a retiring group serves who waits and takes nobody new.
    pub fn set_site(&mut self, site: Arc<Site>, now: Now, supplies: &mut Supplies) {
        let t = now.t;
        self.site = site;
        for no in self.site.agents.keys() {
            self.agents.entry(*no).or_insert_with(|| Agent::new(*no, t));
        }
        let everybody: Vec<AgentNo> = self.agents.keys().copied().collect();
        for no in everybody {
            self.change_groups(no, t);
            self.touched.insert(no);
        }
        let groups: Vec<GroupNo> = self.matcher.queues().map(|(group, _)| group).collect();
        for group in groups {
            self.expel_hopeless(group, t);
            self.change_patience(group, t);
            self.forget_if_removed(group);
        }
        self.forget_phones(t);
        self.settle(t, supplies);
    }

    /// The agent's groups and levels are what the site says now; of whoever chose, those that he chose.
    pub(super) fn change_groups(&mut self, no: AgentNo, t: Time) {
        let mut groups = self.site_groups(no);
        let Ok(seat) = self.seat_of(no) else {
            return;
        };
        let chosen = seat.chosen;
        if chosen {
            groups.retain(|(group, _)| seat.groups.iter().any(|(his, _)| his == group));
        }
        if seat.groups != groups {
            self.replace_groups(no, groups, chosen, &By::SYSTEM, t);
        }
    }

    /// The group's longest wait and its strategy are live: deadlines of those who wait are reckoned anew.
    fn change_patience(&mut self, group: GroupNo, t: Time) {
        let waiting: Vec<ItemId> = self.matcher.queue(group).map_or_else(Vec::new, |q| q.items().collect());
        for id in waiting {
            let item = &self.items[&id];
            match item.state {
                ItemState::Waiting => {
                    self.agenda.set(Owner::Item(id), self.item_deadline(item));
                }
                // Reckoned when the offer ends.
                ItemState::Offered(_) => {}
                ItemState::Round { .. } => drop(self.sync_round(id, t)),
            }
        }
    }

    pub(super) fn forget_if_removed(&mut self, group: GroupNo) {
        let gone = !self.site.groups.contains_key(&group);
        if gone && self.matcher.queue(group).is_some_and(|q| q.is_empty()) {
            self.matcher.forget(group);
        }
    }

    /// A removed extension answers no more; it is forgotten when nobody sits at it and it is in no call.
    fn forget_phones(&mut self, t: Time) {
        let is_gone = |id: &PhoneId| match id {
            PhoneId::Extension(no) => !self.site.extensions.contains_key(no),
            // It goes with who sits there.
            PhoneId::Outside(_) => false,
        };
        let gone: Vec<PhoneId> = self.phones.keys().copied().filter(is_gone).collect();
        for id in gone {
            let phone = self.phones.entry(id).or_default();
            phone.prove(false);
            match phone.holder {
                Some(no) => self.sync_reach(no, &By::SYSTEM, t),
                None if phone.claims().is_empty() => {
                    self.phones.remove(&id);
                    self.agenda.set(Owner::Phone(id), None);
                }
                None => {}
            }
        }
    }
}
