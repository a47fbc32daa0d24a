//! What a dialled number leads to and what a call there would show, asked without an effect.
//! Owns putting the answer together. The way to a destination, the rule of calling numbers and the form for a carrier are
//! those that dialling uses.

use super::Tenant;
use super::commands::Refusal;
use super::dialling::{ANONYMOUS, shown_over};
use crate::base::{AgentNo, GroupNo, TrunkNo};
use crate::event::words::PartyRef;
use crate::site::{CallingNumber, Destination, Origin};
use crate::switch::{LeadsTo, LookedUpBy, Lookup, Outside, Resolved, RuleKind, RuleOf, ShownBy, Snapshot, TrunkWay};

impl Tenant {
    pub(super) fn look_up(&self, lookup: &Lookup) -> Result<Snapshot, Refusal> {
        let (origin, agent, group) = match lookup.by {
            LookedUpBy::Command { agent, group } => (Origin::Api, agent, group),
            LookedUpBy::Trunk(trunk) => (Origin::Trunk(trunk), None, None),
        };
        if agent.is_some() {
            self.in_his_group(agent, group)?;
        }
        let leads_to = match self.destination_from(&origin, &lookup.to)? {
            Destination::Extension { no: extension } => LeadsTo::Extension {
                extension,
                agent: self.agent_at(PartyRef::Extension(extension)),
                reachable: self.sip.is_reachable(extension),
                busy: self.acd.is_station_full(extension),
            },
            Destination::Number { no: number } => {
                let flow = self.site.numbers.get(&number).map(|n| n.flow.clone()).unwrap_or_default();
                LeadsTo::Number { number, groups: self.groups_of_flow(&flow), flow }
            }
            Destination::Trunks { number, trunks } => {
                let (shown_by, numbers) = self.would_show(agent, group, &number);
                LeadsTo::Outside(self.outside((number, false), &trunks, shown_by, &numbers))
            }
            // An emergency call shows who calls, by no rule.
            Destination::Emergency { number, trunks } => {
                let from = self.own_number(agent);
                LeadsTo::Outside(self.outside((number, true), &trunks, ShownBy::Trunk, &[from]))
            }
        };
        Ok(Snapshot::Resolved(Box::new(Resolved { to: lookup.to.clone(), leads_to })))
    }

    /// The numbers of which one is given to the trunk, and why.
    fn would_show(&self, agent: Option<AgentNo>, group: Option<GroupNo>, called: &str) -> (ShownBy, Vec<String>) {
        let Some((owner, rule)) = self.rule_for(agent, group, called) else {
            return (ShownBy::Trunk, vec![self.own_number(agent)]);
        };
        let of = match owner {
            (Some(agent), _) => RuleOf::Agent(agent),
            (None, Some(group)) => RuleOf::Group(group),
            (None, None) => RuleOf::Tenant,
        };
        let kind = match rule {
            CallingNumber::Fixed(_) => RuleKind::Fixed,
            CallingNumber::ByRegion(_) => RuleKind::ByRegion,
            CallingNumber::Random(_) => RuleKind::Random,
            CallingNumber::Rotate(_) => RuleKind::Rotate,
        };
        let numbers = rule.candidates(called, self.rotated(owner)).into_iter().map(str::to_owned).collect();
        (ShownBy::Rule { of, kind }, numbers)
    }

    /// Who calls, when no rule says otherwise.
    fn own_number(&self, agent: Option<AgentNo>) -> String {
        let extension = agent.and_then(|agent| self.extension_unoffered(agent).ok());
        let phone = extension.and_then(|extension| self.site.extensions.get(&extension));
        phone.map_or_else(|| ANONYMOUS.to_owned(), |phone| phone.number.clone())
    }

    fn outside(
        &self,
        (number, emergency): (String, bool),
        trunks: &[TrunkNo],
        shown_by: ShownBy,
        from: &[String],
    ) -> Outside {
        let way = |no: &TrunkNo| {
            let trunk = self.site.trunks.get(no)?;
            Some(TrunkWay {
                trunk: *no,
                dials: trunk.outbound_form(&number),
                full: !emergency && self.trunk_is_full(*no),
                shows: from.iter().map(|from| shown_over(trunk, from)).collect(),
            })
        };
        let trunks = trunks.iter().filter_map(way).collect();
        Outside { emergency, shown_by, trunks, number }
    }

    /// Each once, in the order of the flow's file.
    fn groups_of_flow(&self, key: &str) -> Vec<GroupNo> {
        let named = self.flows.get(key).map(|flow| flow.groups()).unwrap_or_default();
        let found = |id: &str| self.site.groups.values().find(|group| group.id == id).map(|group| group.no);
        named.into_iter().filter_map(found).collect()
    }
}
