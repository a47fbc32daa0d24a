//! What a dialled number leads to, asked before anybody dials it.
//! Owns the question and its answer. Leaves the finding to the tenant machine, which uses what dialling uses.

use crate::base::{AgentNo, ExtensionNo, GroupNo, NumberNo, TrunkNo};

/// A number as somebody dials it, and who that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    pub to: String,
    pub by: LookedUpBy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookedUpBy {
    /// A command: an agent's call, one for a group, both, or neither.
    Command { agent: Option<AgentNo>, group: Option<GroupNo> },
    /// A carrier's caller: the number in the trunk's form.
    Trunk(TrunkNo),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// What was asked.
    pub to: String,
    pub leads_to: LeadsTo,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeadsTo {
    Extension {
        extension: ExtensionNo,
        /// Who is signed in there.
        agent: Option<AgentNo>,
        /// Some phone of it could be rung now, and whether it has a call already.
        reachable: bool,
        busy: bool,
    },
    /// One of the tenant's numbers: its flow answers.
    Number {
        number: NumberNo,
        flow: String,
        /// Whose queues the nodes of that flow name, in the order of its file.
        groups: Vec<GroupNo>,
    },
    Outside(Outside),
}

/// Out of the house.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// As the public network knows it.
    pub number: String,
    pub emergency: bool,
    /// Whose rule says what is shown.
    pub shown_by: ShownBy,
    /// In the order in which they are tried.
    pub trunks: Vec<TrunkWay>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkWay {
    pub trunk: TrunkNo,
    /// What this carrier is sent.
    pub dials: String,
    /// It has no room now and is passed over.
    pub full: bool,
    /// The numbers of which one is shown. Of a rotation the first is the next.
    pub shows: Vec<String>,
}

/// Why these numbers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownBy {
    Rule {
        of: RuleOf,
        kind: RuleKind,
    },
    /// No rule: the trunk's `caller_id`, else who calls.
    Trunk,
}

/// Whose rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleOf {
    Agent(AgentNo),
    Group(GroupNo),
    Tenant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    Fixed,
    ByRegion,
    /// Each call draws one of them.
    Random,
    /// Each call shows the next one.
    Rotate,
}
