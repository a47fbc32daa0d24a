//! The number that a call shows outside: named by a command, or chosen by the rule of the agent, the group or the tenant.
//! Owns whose rule holds and what each rotation showed last, which a restart brings back. Leaves the rules to the site.

use super::Tenant;
use super::commands::Refusal;
use crate::base::{AgentNo, GroupNo, Now, Supplies};
use crate::event::words::By;
use crate::event::{About, Kind};
use crate::ledger::OpenRotation;
use crate::site::CallingNumber;
use crate::switch::Code;

/// Whose rule it is: an agent's, a group's, or neither: the tenant's.
type Owner = (Option<AgentNo>, Option<GroupNo>);

impl Tenant {
    /// A command may show the tenant's own numbers.
    pub(super) fn may_show(&self, from: Option<&str>) -> Result<(), Refusal> {
        match from {
            Some(number) if !self.site.owns(number) => Err((Code::NumberNotOwned, number.to_owned())),
            Some(_) | None => Ok(()),
        }
    }

    /// What a call to `called` shows: the rule of the agent, else of the group he calls for, else of the tenant. `None`: the
    /// trunk's own number.
    pub(super) fn shown_number(
        &mut self,
        agent: Option<AgentNo>,
        group: Option<GroupNo>,
        called: &str,
        now: Now,
        supplies: &mut Supplies,
    ) -> Option<String> {
        for owner in [(agent, None), (None, group), (None, None)] {
            let Some(rule) = self.rule_of(owner) else { continue };
            let last = self.rotations.get(&owner).map(String::as_str);
            let Some(number) = rule.choose(called, last, &mut supplies.rng).map(str::to_owned) else { continue };
            if matches!(rule, CallingNumber::Rotate(_)) {
                self.rotations.insert(owner, number.clone());
                let about = About { agent: owner.0, group: owner.1, ..About::default() };
                self.journal(now, about, By::SYSTEM, Kind::NumberRotated { number: number.clone() }, None);
            }
            return Some(number);
        }
        None
    }

    fn rule_of(&self, owner: Owner) -> Option<&CallingNumber> {
        match owner {
            (Some(agent), _) => self.site.agents.get(&agent)?.calling_number.as_ref(),
            (None, Some(group)) => self.site.groups.get(&group)?.calling_number.as_ref(),
            (None, None) => self.site.calling_number.as_ref(),
        }
    }

    pub(super) fn restore_rotations(&mut self, open: &[OpenRotation]) {
        self.rotations = open.iter().map(|r| ((r.agent, r.group), r.number.clone())).collect();
    }
}
