//! Extensions, groups and agents: what they are now, and the verbs of an agent.

use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::reply::Reply;
use super::request::{Caller, JsonBody, Named, wrong_snapshot};
use super::view::{AgentReply, AgentView, AgentsReply, ExtensionView, ExtensionsReply, GroupView, GroupsReply, Lens};
use super::{Problem, Routes};
use crate::base::AgentNo;
use crate::event::words::Station;
use crate::site::Site;
use crate::switch::permission::Permission;
use crate::switch::{AgentVerb, Body, Code, Query, Snapshot};

pub fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(list_extensions))
        .routes(routes!(list_groups))
        .routes(routes!(list_agents))
        .routes(routes!(get_agent))
        .routes(routes!(sign_in))
        .routes(routes!(sign_out))
        .routes(routes!(make_ready))
        .routes(routes!(make_not_ready))
}

/// Where the agent takes calls. Absent: at the station the site names.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInBody {
    #[serde(default)]
    pub station: Option<StationBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StationBody {
    /// An extension's number.
    pub extension: String,
}

/// A verb without fields.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoFields {}

/// `ana` or `no:3`.
pub fn agent_no(site: &Site, id: &str) -> Option<AgentNo> {
    if let Some(no) = id.strip_prefix("no:") {
        return no.parse().ok().map(AgentNo).filter(|no| site.agents.contains_key(no));
    }
    site.agents.values().find(|agent| agent.id == id).map(|agent| agent.no)
}

fn station(site: &Site, named: Option<&StationBody>) -> Result<Option<Station>, Problem> {
    let Some(StationBody { extension: number }) = named else { return Ok(None) };
    let found = site.extensions.values().find(|extension| extension.number == *number);
    let extension = found.ok_or_else(|| Problem::new(Code::UnknownStation, format!("no extension `{number}`")))?;
    Ok(Some(Station::Extension(extension.no)))
}

fn known_agent(caller: &Caller, id: &str) -> Result<AgentNo, Problem> {
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

/// Signs an agent in, not ready, at the named station or at his own.
#[utoipa::path(post, path = "/v1/agents/{id}/sign-in", tag = "agents", request_body = SignInBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn sign_in(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<SignInBody>) -> Verb {
    let station = station(&caller.site, body.station.as_ref());
    verb(&caller, &id, station.map(|station| AgentVerb::SignIn { station })).await
}

/// Signs an agent out. A call he is in goes on.
#[utoipa::path(post, path = "/v1/agents/{id}/sign-out", tag = "agents",
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn sign_out(caller: Caller, Named(id): Named, JsonBody(NoFields {}): JsonBody<NoFields>) -> Verb {
    verb(&caller, &id, Ok(AgentVerb::SignOut)).await
}

/// The agent takes calls, at once or after what he does now.
#[utoipa::path(post, path = "/v1/agents/{id}/ready", tag = "agents",
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn make_ready(caller: Caller, Named(id): Named, JsonBody(NoFields {}): JsonBody<NoFields>) -> Verb {
    verb(&caller, &id, Ok(AgentVerb::Ready)).await
}

/// The agent takes no further calls. A call he is in goes on.
#[utoipa::path(post, path = "/v1/agents/{id}/not-ready", tag = "agents",
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn make_not_ready(caller: Caller, Named(id): Named, JsonBody(NoFields {}): JsonBody<NoFields>) -> Verb {
    verb(&caller, &id, Ok(AgentVerb::NotReady)).await
}

type Verb = Result<Reply<AgentReply>, Problem>;

/// Permission first, so that who may not act learns nothing about which agents and stations there are.
async fn verb(caller: &Caller, id: &str, verb: Result<AgentVerb, Problem>) -> Verb {
    caller.may(Permission::AgentsControl)?;
    let agent = known_agent(caller, id)?;
    agent_reply(caller, Body::Agent { agent, verb: verb? }).await
}

async fn agent_reply(caller: &Caller, body: Body) -> Verb {
    let (Snapshot::Agents(states), seq) = caller.ask(body).await? else { return Err(wrong_snapshot()) };
    let state = states.first().ok_or_else(wrong_snapshot)?;
    let lens: Lens<'_> = caller.lens();
    Ok(Reply { status: StatusCode::OK, seq, body: AgentReply { seq, agent: AgentView::new(state, &lens) } })
}
