//! What a dialled number leads to: the question as a query string.

use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::agents::known_agent;
use super::calls::group_named;
use super::reply::Reply;
use super::request::{Caller, Params, wrong_snapshot};
use super::view::ResolveReply;
use super::{Problem, Routes};
use crate::switch::permission::Permission;
use crate::switch::{Body, LookedUpBy, Lookup, Query, Snapshot};

pub fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(resolve))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResolveQuery {
    /// It must be there; read after the permission, so that who may not ask learns nothing.
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    agent: Option<String>,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    trunk: Option<String>,
}

/// What a dialled number leads to, by which trunks, and what a call there would show.
///
/// Nothing is dialled, and no rotation goes on. A number that leads nowhere is refused as dialling it would be.
#[utoipa::path(get, path = "/v1/resolve", tag = "site",
    params(("to" = String, Query, description = "the number, as somebody dials it"),
        ("agent" = Option<String>, Query, description = "this agent calls: his rule of the calling number comes first"),
        ("group" = Option<String>, Query, description = "the call is for this group, one of the agent's if one is named"),
        ("trunk" = Option<String>, Query, description = "a caller of this trunk dials it, in the trunk's form")),
    responses((status = 200, body = ResolveReply)))]
async fn resolve(caller: Caller, Params(query): Params<ResolveQuery>) -> Result<Reply<ResolveReply>, Problem> {
    caller.may(Permission::SiteRead)?;
    let ResolveQuery { to, agent, group, trunk } = query;
    let to = to.ok_or_else(|| Problem::field("to", "missing field `to`"))?;
    let by = match trunk {
        Some(_) if agent.is_some() || group.is_some() => {
            return Err(Problem::field("trunk", "name `trunk`, or `agent` and `group`"));
        }
        Some(id) => {
            let found = caller.site.trunks.values().find(|trunk| trunk.id == id).map(|trunk| trunk.no);
            LookedUpBy::Trunk(found.ok_or_else(|| Problem::field("trunk", format!("no trunk `{id}`")))?)
        }
        None => {
            let agent = agent.map(|id| known_agent(&caller, &id)).transpose()?;
            LookedUpBy::Command { agent, group: group_named(&caller, group)? }
        }
    };
    let lookup = Body::Query(Query::Resolve(Lookup { to, by }));
    let (Snapshot::Resolved(resolved), seq) = caller.ask(lookup).await? else { return Err(wrong_snapshot()) };
    Ok(Reply::ok(seq, ResolveReply::new(seq, &resolved, &caller.lens())))
}
