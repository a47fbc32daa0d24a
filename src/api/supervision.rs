//! Supervision: an agent listens to a call, speaks to its agent or to all, or takes the agent's place. Reads who watches
//! what; the scope (`supervises` of the agent) is the tenant's to judge. Everything is told by `supervision_*` events and
//! kept in the contact's record.

use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::agents::agent_no;
use super::request::{Caller, JsonBody, Named, minted};
use super::verbs::{LegBody, TargetBody, Verb, ring, target, verb, who};
use super::view::CallReply;
use super::{Problem, Routes};
use crate::base::AgentNo;
use crate::event::words::SupervisionMode;
use crate::switch::permission::Permission;
use crate::switch::{CallVerb, Code, Watch, Who};

pub fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(supervise))
        .routes(routes!(supervise_mode))
        .routes(routes!(intercept))
        .routes(routes!(route))
}

/// Who hears the supervisor.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SupervisionModeBody {
    /// Nobody.
    #[default]
    Listen,
    /// The party he watches, and nobody else; it is in no recording.
    Whisper,
    /// Everybody in the call.
    Barge,
}

impl SupervisionModeBody {
    fn word(self) -> SupervisionMode {
        match self {
            Self::Listen => SupervisionMode::Listen,
            Self::Whisper => SupervisionMode::Whisper,
            Self::Barge => SupervisionMode::Barge,
        }
    }
}

/// One of `{"leg": id}` and `{"agent": id}`, with whom he goes into every call, or `{"call": id}`, in which he stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum WatchBody {
    Leg(String),
    Agent(String),
    Call(String),
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuperviseBody {
    /// The agent who supervises; rung where he is signed in.
    pub by: String,
    /// The contact's main call when absent.
    #[serde(default)]
    pub target: Option<WatchBody>,
    /// `listen` when absent.
    #[serde(default)]
    pub mode: SupervisionModeBody,
    /// How long his phone rings at most; 60 s when absent.
    #[serde(default)]
    pub ring_ms: Option<u64>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuperviseModeBody {
    /// The supervisor's leg.
    #[serde(default)]
    pub leg: Option<String>,
    /// The supervisor.
    #[serde(default)]
    pub agent: Option<String>,
    pub mode: SupervisionModeBody,
    /// What he watches from now on; absent: what he watched before.
    #[serde(default)]
    pub target: Option<WatchBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteBody {
    pub to: TargetBody,
    /// The agent who does so: then only in the groups that he supervises.
    #[serde(default)]
    pub by: Option<String>,
    /// How long it rings at most; 60 s when absent.
    #[serde(default)]
    pub ring_ms: Option<u64>,
}

fn agent(caller: &Caller, id: &str) -> Result<AgentNo, Problem> {
    agent_no(&caller.site, id).ok_or_else(|| Problem::new(Code::UnknownAgent, format!("no agent `{id}`")))
}

fn watch(caller: &Caller, target: Option<WatchBody>) -> Result<Option<Watch>, Problem> {
    Ok(match target {
        None => None,
        Some(WatchBody::Leg(leg)) => Some(Watch::Party(Who::Leg(minted("target", &leg)?))),
        Some(WatchBody::Agent(id)) => Some(Watch::Party(Who::Agent(agent(caller, &id)?))),
        Some(WatchBody::Call(call)) => Some(Watch::Call(minted("target", &call)?)),
    })
}

/// Lets an agent listen to a call, whisper to its agent, or talk to all.
///
/// His phone is rung; `supervision_started` tells that he hears the call. He needs the watched group in his `supervises`.
/// While the caller waits or a phone rings he hears what the caller hears. He ends with what he watches.
#[utoipa::path(post, path = "/v1/calls/{contact}/supervise", tag = "calls", request_body = SuperviseBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn supervise(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<SuperviseBody>) -> Verb {
    let read = |caller: &Caller| {
        let SuperviseBody { by, target, mode, ring_ms } = body;
        let (agent, target) = (agent(caller, &by)?, watch(caller, target)?);
        Ok(CallVerb::Supervise { agent, target, mode: mode.word(), ring: ring(ring_ms)? })
    };
    verb(&caller, &contact, Permission::CallsSupervise, read).await
}

/// Changes who hears a supervisor, or what he watches.
#[utoipa::path(post, path = "/v1/calls/{contact}/supervise/mode", tag = "calls", request_body = SuperviseModeBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn supervise_mode(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<SuperviseModeBody>) -> Verb {
    let read = |caller: &Caller| {
        let SuperviseModeBody { leg, agent, mode, target } = body;
        let (who, target) = (who(caller, leg, agent)?, watch(caller, target)?);
        Ok(CallVerb::SuperviseMode { who, mode: mode.word(), target })
    };
    verb(&caller, &contact, Permission::CallsSupervise, read).await
}

/// Puts a supervisor in the place of the agent he watches, who is released.
///
/// While it still rings, or the caller waits, nobody is rung any longer and he has the caller; whoever was rung is not
/// charged for it.
#[utoipa::path(post, path = "/v1/calls/{contact}/intercept", tag = "calls", request_body = LegBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn intercept(caller: Caller, Named(contact): Named, JsonBody(LegBody { leg, agent }): JsonBody<LegBody>) -> Verb {
    let read = |caller: &Caller| Ok(CallVerb::TakeOver { who: who(caller, leg, agent)? });
    verb(&caller, &contact, Permission::CallsSupervise, read).await
}

/// Sends on a caller whom only a flow or a queue has, to a number, an agent, a group or another flow.
///
/// The flow's node is left and his place in the queue given up. When nobody takes him he is in that node again, or in his
/// group; `route_ended` has the cause.
#[utoipa::path(post, path = "/v1/calls/{contact}/route", tag = "calls", request_body = RouteBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn route(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<RouteBody>) -> Verb {
    let RouteBody { to, by, ring_ms } = body;
    let read = |caller: &Caller| {
        let supervisor = by.map(|id| agent(caller, &id)).transpose()?;
        Ok(CallVerb::Route { supervisor, to: target(caller, to)?, ring: ring(ring_ms)? })
    };
    verb(&caller, &contact, Permission::CallsSupervise, read).await
}
