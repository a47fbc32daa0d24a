//! Gives every object of a tenant its number, and turns keys into numbers.
//! Owns the numbering: small integers per tenant and kind, never reused, so what a record says stays true.
//! Leaves storing of the numbering to `store`. In: the numbering so far and a checked file. Out: the site.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::file::{AgentEntry, ExtensionEntry, RouteEntry, RouteEntryAction, SiteFile, StationEntry, TrunkEntry};
use super::{
    Agent, Dialled, Emergency, Extension, Group, Number, Reason, Route, RouteAction, Secret, Site, StationPlan, Trunk,
};
use crate::base::{AgentNo, ExtensionNo, FlowNo, GroupNo, NumberNo, ReasonNo, RouteNo, TenantNo, TrunkNo};
use crate::event::words::Line;

/// Which number each key of a tenant has, also of objects that are gone. Belongs in site.db beside the site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbering {
    pub tenant: TenantNo,
    /// How often this tenant was planned.
    version: u64,
    extensions: Register,
    agents: Register,
    groups: Register,
    #[serde(default)]
    reasons: Register,
    trunks: Register,
    /// A route's key is its pattern.
    routes: Register,
    numbers: Register,
    flows: Register,
}

/// Numbers by key, from 1. A key that comes back gets the number it had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    last: u32,
    by_key: BTreeMap<String, u32>,
}

impl Register {
    pub fn number(&mut self, key: &str) -> u32 {
        if let Some(no) = self.by_key.get(key) {
            return *no;
        }
        self.last += 1;
        self.by_key.insert(key.to_owned(), self.last);
        self.last
    }
}

impl Numbering {
    /// Of a tenant that had no objects before. Tenants are numbered by a [`Register`] of the house.
    pub fn new(tenant: TenantNo) -> Self {
        let none = Register::default;
        Self {
            tenant,
            version: 0,
            extensions: none(),
            agents: none(),
            groups: none(),
            reasons: none(),
            trunks: none(),
            routes: none(),
            numbers: none(),
            flows: none(),
        }
    }
}

/// The site that a file describes, and the numbering with what was new in it.
///
/// `flows` are the keys of the loaded flows; those that numbers name get a number in any case. `password` is asked for
/// each extension for which the file has none; who answers keeps the answer, because the next plan asks again.
pub fn plan(
    previous: Numbering,
    file: SiteFile,
    flows: &[&str],
    password: &mut dyn FnMut(&str) -> String,
) -> (Site, Numbering) {
    let mut n = previous;
    n.version += 1;
    let groups = file.groups.into_iter().map(|g| numbered_group(&mut n, g)).collect();
    let reasons = file.reasons.into_iter().map(|r| numbered_reason(&mut n, r)).collect();
    let extensions: IndexMap<_, _> =
        file.extensions.into_iter().map(|e| numbered_extension(&mut n, e, password)).collect();
    let agents = file.agents.into_iter().map(|a| numbered_agent(&mut n, a)).collect();
    let trunks = file.trunks.into_iter().map(|t| numbered_trunk(&mut n, t)).collect();
    let routes = file.routes.into_iter().map(|r| numbered_route(&mut n, r)).collect();
    let numbers: IndexMap<_, _> = file.numbers.into_iter().map(|number| numbered_number(&mut n, number)).collect();
    let named = numbers.values().map(|number| number.flow.as_str()).chain(flows.iter().copied());
    let flows = named.map(|key| (key.to_owned(), FlowNo(n.flows.number(key)))).collect();
    let emergency =
        Emergency { numbers: file.emergency_numbers, trunks: trunk_numbers(&mut n, &file.emergency_trunks) };
    let dialled = extensions.values().map(|e: &Extension| (e.number.clone(), Dialled::Extension(e.no)));
    let dialled = dialled.chain(numbers.values().map(|n| (n.number.clone(), Dialled::Number(n.no)))).collect();
    let site = Site {
        dialled,
        tenant: n.tenant,
        version: n.version,
        key: file.key,
        domains: file.domains,
        default: file.default,
        time_zone: file.time_zone,
        language: file.language,
        digest: file.digest,
        limits: file.limits,
        extensions,
        agents,
        groups,
        reasons,
        rest: file.rest,
        take_over: file.take_over,
        direct: file.direct,
        calling_number: file.calling_number,
        trunks,
        routes,
        numbers,
        emergency,
        flows,
    };
    (site, n)
}

fn numbered_extension(
    n: &mut Numbering,
    entry: ExtensionEntry,
    password: &mut dyn FnMut(&str) -> String,
) -> (ExtensionNo, Extension) {
    let ExtensionEntry { number, name, password: given, outbound, record, auto_answer } = entry;
    let no = ExtensionNo(n.extensions.number(&number));
    let password = given.unwrap_or_else(|| Secret(password(&number)));
    (no, Extension { no, number, name, password, outbound, record, auto_answer, retiring: false })
}

fn numbered_agent(n: &mut Numbering, entry: AgentEntry) -> (AgentNo, Agent) {
    let AgentEntry { id, name, station, groups, after_call, offer, supervises, calling_number } = entry;
    let no = AgentNo(n.agents.number(&id));
    let station = match station {
        StationEntry::Extension { extension, permanent } => {
            let no = ExtensionNo(n.extensions.number(&extension));
            if permanent { StationPlan::Permanent(Line::Extension(no)) } else { StationPlan::Extension(no) }
        }
        StationEntry::Outside { number, confirm, permanent: false } => StationPlan::Outside { number, confirm },
        StationEntry::Outside { number, confirm, permanent: true } => {
            StationPlan::Permanent(Line::Outside { number, confirm })
        }
    };
    let groups = groups.iter().map(|(id, level)| (GroupNo(n.groups.number(id)), *level)).collect();
    let supervises = supervises.iter().map(|id| GroupNo(n.groups.number(id))).collect();
    (no, Agent { no, id, name, station, groups, after_call, offer, supervises, calling_number, retiring: false })
}

fn numbered_trunk(n: &mut Numbering, entry: TrunkEntry) -> (TrunkNo, Trunk) {
    let TrunkEntry { id, send, accept, codecs, max_calls, inbound, outbound, caller_id, refer, account } = entry;
    let no = TrunkNo(n.trunks.number(&id));
    (
        no,
        Trunk {
            no,
            id,
            send,
            accept,
            codecs,
            max_calls,
            inbound,
            outbound,
            caller_id,
            refer,
            account,
            retiring: false,
        },
    )
}

fn numbered_route(n: &mut Numbering, entry: RouteEntry) -> Route {
    let RouteEntry { pattern, action } = entry;
    let no = RouteNo(n.routes.number(pattern.text()));
    let action = match action {
        RouteEntryAction::Trunks { to, trunks } => RouteAction::Trunks { to, trunks: trunk_numbers(n, &trunks) },
        RouteEntryAction::Extension => RouteAction::Extension,
    };
    Route { no, pattern, action }
}

fn numbered_group(n: &mut Numbering, group: Group) -> (GroupNo, Group) {
    let no = GroupNo(n.groups.number(&group.id));
    (no, Group { no, ..group })
}

fn numbered_reason(n: &mut Numbering, reason: Reason) -> (ReasonNo, Reason) {
    let no = ReasonNo(n.reasons.number(&reason.id));
    (no, Reason { no, ..reason })
}

fn numbered_number(n: &mut Numbering, number: Number) -> (NumberNo, Number) {
    let no = NumberNo(n.numbers.number(&number.number));
    (no, Number { no, ..number })
}

fn trunk_numbers(n: &mut Numbering, ids: &[String]) -> Vec<TrunkNo> {
    ids.iter().map(|id| TrunkNo(n.trunks.number(id))).collect()
}
