//! Previews: an agent is shown whom he may call, and says whether he does.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::agent_verbs::NoFields;
use super::agents::{agent_reply, known_agent};
use super::calls::{check_data, group_named};
use super::reply::Reply;
use super::request::{Caller, JsonBody, Named, NamedTwo, minted, wrong_snapshot};
use super::verbs::{TargetBody, ring, target};
use super::view::{AgentReply, OriginateReply};
use super::{Problem, Routes};
use crate::base::Span;
use crate::base::bounds::RESERVE_MAX;
use crate::event::words::OnTimeout;
use crate::switch::permission::Permission;
use crate::switch::{self, Body, Snapshot, TwoWay};

pub fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(show_preview)).routes(routes!(dial_preview)).routes(routes!(skip_preview))
}

/// Whom the agent may call, and until when he may decide.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewBody {
    /// An internal number, a public one with `+`, `{"agent": id}`, `{"group": id}` or `{"flow": key}`.
    pub to: TargetBody,
    /// 1 s to 5 min.
    pub timeout_ms: i64,
    /// What then happens: `skip`, also when absent, or `dial`.
    #[serde(default)]
    pub on_timeout: Option<OnTimeoutBody>,
    /// For which of his groups he calls; its wrap-up follows.
    #[serde(default)]
    pub group: Option<String>,
    /// His phone is asked to answer by itself. Absent: what the site says of the extension.
    #[serde(default)]
    pub auto_answer: Option<bool>,
    /// How long `to` rings at most; 60 s when absent.
    #[serde(default)]
    pub ring_ms: Option<u64>,
    /// The number shown to the far end: one of the tenant's own.
    #[serde(default)]
    pub from: Option<String>,
    /// What he is shown; attached to the contact, at most 16 KB.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnTimeoutBody {
    Skip,
    Dial,
}

/// Shows an agent whom he may call, and keeps him free for it.
///
/// The contact is there at once with its data, and is told by `contact_opened`, `contact_data` and `preview_shown`; nobody is
/// dialled before he says so, or the time is over.
#[utoipa::path(post, path = "/v1/agents/{id}/previews", tag = "agents", request_body = PreviewBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 201, body = OriginateReply)))]
async fn show_preview(
    caller: Caller,
    Named(id): Named,
    JsonBody(body): JsonBody<PreviewBody>,
) -> Result<Reply<OriginateReply>, Problem> {
    caller.may(Permission::CallsOriginate)?;
    let agent = known_agent(&caller, &id)?;
    let PreviewBody { to, timeout_ms, on_timeout, group, auto_answer, ring_ms, from, data } = body;
    check_data(&data)?;
    if !(1_000..=RESERVE_MAX.as_millis()).contains(&timeout_ms) {
        return Err(Problem::field("timeout_ms", format!("`timeout_ms` is 1000 to {}", RESERVE_MAX.as_millis())));
    }
    let on_timeout = match on_timeout {
        None | Some(OnTimeoutBody::Skip) => OnTimeout::Skip,
        Some(OnTimeoutBody::Dial) => OnTimeout::Dial,
    };
    let (to, group, ring) = (target(&caller, to)?, group_named(&caller, group)?, ring(ring_ms)?);
    let order = TwoWay { by: switch::Caller::Agent(agent), to: Some(to), group, from, auto_answer, ring, data };
    let preview = Body::Preview { order, timeout: Span::millis(timeout_ms), on_timeout };
    let (Snapshot::Ordered(contact), seq) = caller.ask(preview).await? else { return Err(wrong_snapshot()) };
    let contact = contact.to_string();
    Ok(Reply { status: StatusCode::CREATED, seq, body: OriginateReply { seq, contact } })
}

async fn decide(caller: &Caller, (id, contact): (String, String), dial: bool) -> Result<Reply<AgentReply>, Problem> {
    caller.may(Permission::CallsOriginate)?;
    let agent = known_agent(caller, &id)?;
    let contact = minted("contact", &contact)?;
    agent_reply(caller, Body::Decide { agent, contact, dial }).await
}

/// The agent calls: his phone rings, then whom he was shown.
#[utoipa::path(post, path = "/v1/agents/{id}/previews/{contact}/dial", tag = "agents",
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number"),
        ("contact" = String, Path, description = "the preview's contact")),
    responses((status = 200, body = AgentReply)))]
async fn dial_preview(
    caller: Caller,
    NamedTwo(id, contact): NamedTwo,
    JsonBody(NoFields {}): JsonBody<NoFields>,
) -> Result<Reply<AgentReply>, Problem> {
    decide(&caller, (id, contact), true).await
}

/// The agent does not call; the contact ends and he is free.
#[utoipa::path(post, path = "/v1/agents/{id}/previews/{contact}/skip", tag = "agents",
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number"),
        ("contact" = String, Path, description = "the preview's contact")),
    responses((status = 200, body = AgentReply)))]
async fn skip_preview(
    caller: Caller,
    NamedTwo(id, contact): NamedTwo,
    JsonBody(NoFields {}): JsonBody<NoFields>,
) -> Result<Reply<AgentReply>, Problem> {
    decide(&caller, (id, contact), false).await
}
