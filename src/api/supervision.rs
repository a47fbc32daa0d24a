//! Supervision: an agent listens to a call, speaks to its agent or to all, or takes the agent's place. Reads who watches
//! what; the scope (`supervises` of the agent) is the tenant's to judge. Everything is told by `supervision_*` events and
//! kept in the contact's record.

use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::agents::{agent_no, agent_reply, known_agent};
use super::reply::Reply;
use super::request::{Caller, JsonBody, Named, minted};
use super::verbs::{LegBody, TargetBody, Verb, ring, target, verb, who};
use super::view::{AgentReply, CallReply};
use super::{Problem, Routes};
use crate::base::AgentNo;
use crate::event::words::SupervisionMode;
use crate::switch::permission::Permission;
use crate::switch::{Body, CallVerb, Code, Watch, WatchVerb, Who};

pub fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(supervise))
        .routes(routes!(supervise_mode))
        .routes(routes!(intercept))
        .routes(routes!(route))
        .routes(routes!(supervise_agent))
        .routes(routes!(supervise_agent_mode))
        .routes(routes!(supervise_agent_stop))
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
#[serde(untagged, deny_unknown_fields, expecting = "expected one of {\"leg\": id}, {\"agent\": id} and {\"call\": id}")]
pub enum WatchBody {
    Leg { leg: String },
    Agent { agent: String },
    Call { call: String },
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
pub struct SuperviseAgentBody {
    /// The agent who supervises; rung once where he is signed in.
    pub by: String,
    /// `listen` when absent.
    #[serde(default)]
    pub mode: SupervisionModeBody,
    /// How long his phone rings at most; 60 s when absent.
    #[serde(default)]
    pub ring_ms: Option<u64>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuperviseAgentModeBody {
    /// The supervisor.
    pub by: String,
    pub mode: SupervisionModeBody,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuperviseAgentStopBody {
    /// The supervisor.
    pub by: String,
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
        Some(WatchBody::Leg { leg }) => Some(Watch::Party(Who::Leg(minted("target", &leg)?))),
        Some(WatchBody::Agent { agent: id }) => Some(Watch::Party(Who::Agent(agent(caller, &id)?))),
        Some(WatchBody::Call { call }) => Some(Watch::Call(minted("target", &call)?)),
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

type AgentVerb = Result<Reply<AgentReply>, Problem>;

async fn watch_verb(caller: &Caller, (id, by): (&str, &str), verb: Result<WatchVerb, Problem>) -> AgentVerb {
    caller.may(Permission::CallsSupervise)?;
    let (agent, supervisor) = (known_agent(caller, id)?, known_agent(caller, by)?);
    agent_reply(caller, Body::Watch { agent, supervisor, verb: verb? }).await
}

/// Lets an agent go with another from call to call: he listens, whispers or talks to all, as when he supervises one call.
///
/// His phone is rung once, whether the other is in a call or not. A beep tells that a call begins, also while it rings;
/// between calls he hears silence. He hears the calls of the groups in his `supervises`, and is offered none. Answers the
/// supervisor. `supervision_started` and `supervision_ended` tell of each call, `watch_ended` when it is over: by `stop`,
/// when he hangs up or takes a call over, when either signs out, or when he supervises none of the other's groups.
#[utoipa::path(post, path = "/v1/agents/{id}/supervise", tag = "agents", request_body = SuperviseAgentBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn supervise_agent(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<SuperviseAgentBody>) -> AgentVerb {
    let SuperviseAgentBody { by, mode, ring_ms } = body;
    let verb = ring(ring_ms).map(|ring| WatchVerb::Start { mode: mode.word(), ring });
    watch_verb(&caller, (&id, &by), verb).await
}

/// Changes who hears a supervisor who goes with this agent, now and in the calls to come.
#[utoipa::path(post, path = "/v1/agents/{id}/supervise/mode", tag = "agents", request_body = SuperviseAgentModeBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn supervise_agent_mode(
    caller: Caller,
    Named(id): Named,
    JsonBody(SuperviseAgentModeBody { by, mode }): JsonBody<SuperviseAgentModeBody>,
) -> AgentVerb {
    watch_verb(&caller, (&id, &by), Ok(WatchVerb::Mode { mode: mode.word() })).await
}

/// A supervisor goes with this agent no longer, and his phone is released.
#[utoipa::path(post, path = "/v1/agents/{id}/supervise/stop", tag = "agents", request_body = SuperviseAgentStopBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn supervise_agent_stop(
    caller: Caller,
    Named(id): Named,
    JsonBody(SuperviseAgentStopBody { by }): JsonBody<SuperviseAgentStopBody>,
) -> AgentVerb {
    watch_verb(&caller, (&id, &by), Ok(WatchVerb::Stop)).await
}
