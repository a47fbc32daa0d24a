//! Extensions, groups and agents: what they are now.

use axum::http::StatusCode;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::reply::Reply;
use super::request::{Caller, Named, wrong_snapshot};
use super::view::{AgentReply, AgentView, AgentsReply, ExtensionView, ExtensionsReply, GroupView, GroupsReply, Lens};
use super::{Problem, Routes};
use crate::base::AgentNo;
use crate::site::Site;
use crate::switch::permission::Permission;
use crate::switch::{Body, Code, Query, Snapshot};

pub fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(list_extensions))
        .routes(routes!(list_groups))
        .routes(routes!(list_agents))
        .routes(routes!(get_agent))
}

/// `ana` or `no:3`.
pub fn agent_no(site: &Site, id: &str) -> Option<AgentNo> {
    if let Some(no) = id.strip_prefix("no:") {
        return no.parse().ok().map(AgentNo).filter(|no| site.agents.contains_key(no));
    }
    site.agents.values().find(|agent| agent.id == id).map(|agent| agent.no)
}

pub(super) fn known_agent(caller: &Caller, id: &str) -> Result<AgentNo, Problem> {
    agent_no(&caller.site, id).ok_or_else(|| Problem::new(Code::UnknownAgent, format!("no agent `{id}`")))
}

/// All extensions, with the phones that are registered.
#[utoipa::path(get, path = "/v1/extensions", tag = "site", responses((status = 200, body = ExtensionsReply)))]
async fn list_extensions(caller: Caller) -> Result<Reply<ExtensionsReply>, Problem> {
    caller.may(Permission::SiteRead)?;
    let (Snapshot::Extensions(states), seq) = caller.ask(Body::Query(Query::Extensions)).await? else {
        return Err(wrong_snapshot());
    };
    let extensions = states.iter().map(|state| ExtensionView::new(state, &caller.lens())).collect();
    Ok(Reply::ok(seq, ExtensionsReply { seq, extensions }))
}

/// All skill groups, with who waits and who could answer.
#[utoipa::path(get, path = "/v1/groups", tag = "site", responses((status = 200, body = GroupsReply)))]
async fn list_groups(caller: Caller) -> Result<Reply<GroupsReply>, Problem> {
    caller.may(Permission::SiteRead)?;
    let (Snapshot::Groups(states), seq) = caller.ask(Body::Query(Query::Groups)).await? else {
        return Err(wrong_snapshot());
    };
    let groups = states.iter().map(|state| GroupView::new(state, &caller.lens())).collect();
    Ok(Reply::ok(seq, GroupsReply { seq, groups }))
}

/// All agents and what they do.
#[utoipa::path(get, path = "/v1/agents", tag = "agents", responses((status = 200, body = AgentsReply)))]
async fn list_agents(caller: Caller) -> Result<Reply<AgentsReply>, Problem> {
    caller.may(Permission::AgentsRead)?;
    let (Snapshot::Agents(states), seq) = caller.ask(Body::Query(Query::Agents)).await? else {
        return Err(wrong_snapshot());
    };
    let agents = states.iter().map(|state| AgentView::new(state, &caller.lens())).collect();
    Ok(Reply::ok(seq, AgentsReply { seq, agents }))
}

/// One agent.
#[utoipa::path(get, path = "/v1/agents/{id}", tag = "agents",
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn get_agent(caller: Caller, Named(id): Named) -> Result<Reply<AgentReply>, Problem> {
    caller.may(Permission::AgentsRead)?;
    let agent = known_agent(&caller, &id)?;
    agent_reply(&caller, Body::Query(Query::Agent(agent))).await
}

type Verb = Result<Reply<AgentReply>, Problem>;

pub(super) async fn agent_reply(caller: &Caller, body: Body) -> Verb {
    let (Snapshot::Agents(states), seq) = caller.ask(body).await? else { return Err(wrong_snapshot()) };
    let state = states.first().ok_or_else(wrong_snapshot)?;
    let lens: Lens<'_> = caller.lens();
    Ok(Reply { status: StatusCode::OK, seq, body: AgentReply { seq, agent: AgentView::new(state, &lens) } })
}
