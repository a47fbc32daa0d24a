//! What a dialled number leads to, as clients see it.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Lens, Ref};
use crate::switch::{LeadsTo, Outside, Resolved, RuleKind, RuleOf, ShownBy, TrunkWay};

/// One of `extension`, `number` and `outside` is there.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ResolveReply {
    pub seq: u64,
    /// What was asked.
    pub to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension: Option<LedToExtensionView>,
    /// One of the tenant's numbers, which its flow answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<LedToNumberView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outside: Option<OutsideView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LedToExtensionView {
    pub extension: Ref,
    /// Who is signed in there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Ref>,
    /// A phone of it could be rung now.
    pub reachable: bool,
    /// It has as many calls as it may.
    pub busy: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LedToNumberView {
    pub number: Ref,
    /// The flow's key.
    pub flow: String,
    /// Groups that the flow's `queue` nodes name, in the order of its file.
    pub groups: Vec<Ref>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OutsideView {
    /// As the public network knows it.
    pub number: String,
    pub emergency: bool,
    pub shown_by: ShownByView,
    /// In the order in which they are tried.
    pub trunks: Vec<TrunkWayView>,
}

/// Why these numbers are shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShownByView {
    /// `fixed`, `by-region`, `random` (each call draws one of them), `rotate` (each call the next one), or `trunk`: there is
    /// no rule, and the trunk shows its `caller_id`, else who calls.
    pub rule: String,
    /// Whose rule; with neither, the tenant's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Ref>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Ref>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TrunkWayView {
    pub trunk: Ref,
    /// What this carrier is sent.
    pub dials: String,
    /// It has no room now and is passed over.
    pub full: bool,
    /// The numbers of which one is shown. Of a rotation the first is the next.
    pub shows: Vec<String>,
}

impl ResolveReply {
    pub fn new(seq: u64, resolved: &Resolved, lens: &Lens<'_>) -> Self {
        let mut reply = Self { seq, to: resolved.to.clone(), extension: None, number: None, outside: None };
        match &resolved.leads_to {
            LeadsTo::Extension { extension, agent, reachable, busy } => {
                reply.extension = Some(LedToExtensionView {
                    extension: lens.extension(*extension),
                    agent: agent.map(|agent| lens.agent(agent)),
                    reachable: *reachable,
                    busy: *busy,
                });
            }
            LeadsTo::Number { number, flow, groups } => {
                reply.number = Some(LedToNumberView {
                    number: lens.number(*number),
                    flow: flow.clone(),
                    groups: groups.iter().map(|group| lens.group(*group)).collect(),
                });
            }
            LeadsTo::Outside(outside) => reply.outside = Some(OutsideView::new(outside, lens)),
        }
        reply
    }
}

impl OutsideView {
    fn new(outside: &Outside, lens: &Lens<'_>) -> Self {
        Self {
            number: outside.number.clone(),
            emergency: outside.emergency,
            shown_by: ShownByView::new(outside.shown_by, lens),
            trunks: outside.trunks.iter().map(|way| TrunkWayView::new(way, lens)).collect(),
        }
    }
}

impl ShownByView {
    fn new(shown_by: ShownBy, lens: &Lens<'_>) -> Self {
        let ShownBy::Rule { of, kind } = shown_by else {
            return Self { rule: "trunk".to_owned(), agent: None, group: None };
        };
        let rule = match kind {
            RuleKind::Fixed => "fixed",
            RuleKind::ByRegion => "by-region",
            RuleKind::Random => "random",
            RuleKind::Rotate => "rotate",
        };
        let (agent, group) = match of {
            RuleOf::Agent(agent) => (Some(lens.agent(agent)), None),
            RuleOf::Group(group) => (None, Some(lens.group(group))),
            RuleOf::Tenant => (None, None),
        };
        Self { rule: rule.to_owned(), agent, group }
    }
}

impl TrunkWayView {
    fn new(way: &TrunkWay, lens: &Lens<'_>) -> Self {
        Self { trunk: lens.trunk(way.trunk), dials: way.dials.clone(), full: way.full, shows: way.shows.clone() }
    }
}
