//! Watch lists as clients write them: keys of agents, groups and flows, ids of contacts, names of kinds.
//! Owns reading them against the site and the bounds of a list. Leaves what they mean to `event::Filter`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use super::agents::agent_no;
use super::request::{Caller, minted};
use super::view::event::KINDS;
use crate::base::bounds::WATCHED_MAX;
use crate::base::{AgentNo, ContactId};
use crate::event::Filter;
use crate::switch::Code;

/// Which events to tell: those that name one of the agents, groups, flows or contacts, or all when no such list is given;
/// of these, the listed kinds. A list that is given has 1 to 256 entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchList {
    /// Kinds of events as `docs/events.md` lists them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<String>>,
    /// Agents by id, or `no:` and a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<Vec<String>>,
    /// Skill groups by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// Flows by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flows: Option<Vec<String>>,
    /// Contacts by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacts: Option<Vec<String>>,
}

/// A list of a query string.
pub fn by_commas(text: Option<&str>) -> Option<Vec<String>> {
    text.map(|list| list.split(',').map(|entry| entry.trim().to_owned()).collect())
}

/// Each entry read; `field` is named when the list is empty or too long.
fn each<T: Ord>(
    field: &str,
    list: Option<&Vec<String>>,
    read: impl Fn(&str) -> Result<T, Problem>,
) -> Result<BTreeSet<T>, Problem> {
    let Some(list) = list else { return Ok(BTreeSet::new()) };
    if list.is_empty() || list.len() > WATCHED_MAX {
        return Err(Problem::field(field, format!("a list has 1 to {WATCHED_MAX} entries; leave it out to see all")));
    }
    list.iter().map(|entry| read(entry)).collect()
}

impl WatchList {
    /// # Errors
    /// 400 naming the list; `unknown-agent`, `unknown-group` or `unknown-flow` for whom the site does not have.
    pub fn read(&self, caller: &Caller) -> Result<Filter, Problem> {
        self.read_of(caller, None)
    }

    /// `own` is whom the entry `self` of `agents` means.
    pub fn read_of(&self, caller: &Caller, own: Option<AgentNo>) -> Result<Filter, Problem> {
        let site = &caller.site;
        let kind = |name: &str| match KINDS.contains(&name) {
            true => Ok(name.to_owned()),
            false => Err(Problem::field("kinds", format!("there is no kind `{name}`"))),
        };
        let agent = |id: &str| {
            let own = own.filter(|_| id == "self");
            own.or_else(|| agent_no(site, id))
                .ok_or_else(|| Problem::new(Code::UnknownAgent, format!("no agent `{id}`")))
        };
        let group = |id: &str| {
            let found = site.groups.iter().find(|(_, group)| group.id == id).map(|(no, _)| *no);
            found.ok_or_else(|| Problem::new(Code::UnknownGroup, format!("no group `{id}`")))
        };
        let flow = |key: &str| {
            let found = site.flows.get(key).copied();
            found.ok_or_else(|| Problem::new(Code::UnknownFlow, format!("no flow `{key}`")))
        };
        let contact = |id: &str| minted::<ContactId>("contacts", id);
        let kinds = each("kinds", self.kinds.as_ref(), kind)?;
        Ok(Filter {
            kinds: self.kinds.is_some().then_some(kinds),
            agents: each("agents", self.agents.as_ref(), agent)?,
            groups: each("groups", self.groups.as_ref(), group)?,
            flows: each("flows", self.flows.as_ref(), flow)?,
            contacts: each("contacts", self.contacts.as_ref(), contact)?,
        })
    }
}
