//! A client session as its owner sees it.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{Lens, Ref};
use crate::api::watch_list::WatchList;
use crate::event::Filter;
use crate::event::session::Delivery;
use crate::site::Site;
use crate::switch::SessionState;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionView {
    pub id: String,
    pub token_no: u32,
    /// The agent whose client it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Ref>,
    /// `socket`, `poll`, or `{"push": "http://.."}`.
    #[schema(value_type = Object)]
    pub deliver: Value,
    pub filter: WatchList,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<i64>,
    /// What the end of the lease does to the agent: `nothing`, `not-ready`, `sign-out`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<&'static str>,
    pub opened: String,
    /// When it ends unless a sign of life comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionReply {
    pub seq: u64,
    pub session: SessionView,
    /// Of a new session: what comes after it is what came after the opening.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// Of a new session that pushes: what each delivery carries as `Authorization: Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionClosedReply {
    pub seq: u64,
    pub id: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionsReply {
    pub seq: u64,
    pub sessions: Vec<SessionView>,
}

/// In a word.
pub fn way(delivery: &Delivery) -> &'static str {
    match delivery {
        Delivery::Socket => "socket",
        Delivery::Poll => "poll",
        Delivery::Push { .. } => "push",
    }
}

impl SessionView {
    pub fn new(state: &SessionState, lens: &Lens<'_>) -> Self {
        let new = &state.new;
        Self {
            id: state.session.to_string(),
            token_no: new.token,
            agent: new.agent.map(|no| lens.agent(no)),
            deliver: match &new.delivery {
                Delivery::Push { url } => json!({ "push": url }),
                other @ (Delivery::Socket | Delivery::Poll) => json!(way(other)),
            },
            filter: watch_list(&new.filter, lens.site),
            lease_ms: new.lease.map(|lease| lease.length.as_millis()),
            policy: new.lease.map(|lease| lease.policy.word()),
            opened: lens.at(state.opened),
            until: state.until.map(|until| lens.at(until)),
        }
    }
}

/// As it was written; who has left the site since is named by number.
fn watch_list(filter: &Filter, site: &Site) -> WatchList {
    let agent = |no| site.agents.get(no).map(|agent| agent.id.clone());
    let group = |no| site.groups.get(no).map(|group| group.id.clone());
    let flow = |no| site.flows.iter().find(|(_, flow)| *flow == no).map(|(key, _)| key.clone());
    WatchList {
        kinds: filter.kinds.as_ref().map(|kinds| kinds.iter().cloned().collect()),
        agents: listed(filter.agents.iter().map(|no| (no.0, agent(no)))),
        groups: listed(filter.groups.iter().map(|no| (no.0, group(no)))),
        flows: listed(filter.flows.iter().map(|no| (no.0, flow(no)))),
        contacts: Some(filter.contacts.iter().map(ToString::to_string).collect())
            .filter(|list: &Vec<_>| !list.is_empty()),
    }
}

fn listed(entries: impl Iterator<Item = (u32, Option<String>)>) -> Option<Vec<String>> {
    let list: Vec<String> = entries.map(|(no, id)| id.unwrap_or_else(|| format!("no:{no}"))).collect();
    Some(list).filter(|list| !list.is_empty())
}
