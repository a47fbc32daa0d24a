//! Client sessions: opening, keeping alive and closing one; its events as a poll and as a WebSocket.
//! Owns turning keys into numbers and refusing what cannot be meant. Leaves leases to the tenant, what a subscriber sees to
//! `reader`. A session belongs to the token that opened it; `admin` sees and closes all.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::agents::known_agent;
use super::events::poll;
use super::position::Position;
use super::reader::{Reader, Window};
use super::reply::Reply;
use super::request::{Caller, JsonBody, Named, Params, minted, wrong_snapshot};
use super::subscriber::{self, Frame, Holding};
use super::view::{EventsReply, SessionClosedReply, SessionReply, SessionView, SessionsReply};
use super::watch_list::WatchList;
use super::{Api, Problem, Routes};
use crate::base::bounds::{LEASE_DEFAULT, LEASE_MAX, LEASE_MIN};
use crate::base::{SessionId, Span};
use crate::event::session::{Delivery, Lease, LeasePolicy};
use crate::switch::permission::Permission;
use crate::switch::push_url::PushUrl;
use crate::switch::session::NewSession;
use crate::switch::{Body, Code, Query, SessionState, SessionVerb, Snapshot};

pub fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(open_session, list_sessions))
        .routes(routes!(get_session, close_session))
        .routes(routes!(renew_session))
        .routes(routes!(session_events))
        .routes(routes!(session_socket))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionBody {
    /// The agent whose client it is, by id; needs `agents.control`. `self` in `filter.agents` is he.
    #[serde(default)]
    pub agent: Option<String>,
    #[serde(default)]
    pub filter: WatchList,
    /// How long it lives without a sign of the client: 10 s to 24 h. Absent: 60 s; a session that pushes has none then, and
    /// lives until it is closed.
    #[serde(default)]
    pub lease_ms: Option<i64>,
    /// What the end of the lease does to the agent. Absent: nothing.
    #[serde(default)]
    pub policy: Option<PolicyBody>,
    pub deliver: DeliverBody,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyBody {
    Nothing,
    NotReady,
    SignOut,
}

#[derive(Clone, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeliverBody {
    /// By `GET /v1/sessions/{id}/socket`.
    Socket,
    /// By `GET /v1/sessions/{id}/events`.
    Poll,
    /// Posted to this `http://` address.
    Push(String),
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SessionEventsQuery {
    /// A `position` to go on behind, `oldest`, or `newest` (what comes from now on; the default).
    pub after: Option<String>,
    /// How long to wait for the first event, in milliseconds; at most 30000 and half the lease.
    pub wait_ms: Option<u32>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SessionSocketQuery {
    /// A `position` to go on behind, `oldest`, or `newest` (what comes from now on; the default).
    pub after: Option<String>,
}

impl SessionBody {
    fn lease(&self) -> Result<Option<Lease>, Problem> {
        let default = match self.deliver {
            DeliverBody::Push(_) if self.policy.is_none() => None,
            DeliverBody::Push(_) | DeliverBody::Socket | DeliverBody::Poll => Some(LEASE_DEFAULT),
        };
        let Some(length) = self.lease_ms.map(Span::millis).or(default) else { return Ok(None) };
        if length < LEASE_MIN || length > LEASE_MAX {
            return Err(Problem::field("lease_ms", format!("a lease lasts {LEASE_MIN} to {LEASE_MAX}")));
        }
        let policy = match self.policy.unwrap_or(PolicyBody::Nothing) {
            PolicyBody::Nothing => LeasePolicy::Nothing,
            PolicyBody::NotReady => LeasePolicy::NotReady,
            PolicyBody::SignOut => LeasePolicy::SignOut,
        };
        if policy != LeasePolicy::Nothing && self.agent.is_none() {
            return Err(Problem::field("policy", "a policy acts on the session's `agent`; name him"));
        }
        Ok(Some(Lease { length, policy }))
    }

    fn read(&self, caller: &Caller) -> Result<NewSession, Problem> {
        let agent = self.agent.as_deref().map(|id| known_agent(caller, id)).transpose()?;
        let filter = self.filter.read_of(caller, agent)?;
        let delivery = match &self.deliver {
            DeliverBody::Socket => Delivery::Socket,
            DeliverBody::Poll => Delivery::Poll,
            DeliverBody::Push(url) => match PushUrl::read(url) {
                Ok(_) => Delivery::Push { url: url.clone() },
                Err(refused) => return Err(Problem::field("deliver.push", refused.to_string())),
            },
        };
        Ok(NewSession { token: caller.token.no(), agent, delivery, filter, lease: self.lease()? })
    }
}

/// Whose sessions the caller may see and close: `None` is everybody's.
fn of(caller: &Caller) -> Option<u32> {
    (!caller.token.row.permissions.allow(Permission::Admin)).then_some(caller.token.no())
}

async fn ask(caller: &Caller, body: Body) -> Result<(Vec<SessionState>, u64), Problem> {
    let (Snapshot::Sessions(states), seq) = caller.ask(body).await? else { return Err(wrong_snapshot()) };
    Ok((states, seq))
}

/// A command repeated after its session has ended finds none.
async fn ask_one(caller: &Caller, body: Body) -> Result<(SessionState, u64), Problem> {
    let (states, seq) = ask(caller, body).await?;
    let ended = || Problem::new(Code::UnknownSession, "it has ended since");
    Ok((states.into_iter().next().ok_or_else(ended)?, seq))
}

fn reply(caller: &Caller, state: &SessionState, seq: u64) -> SessionReply {
    SessionReply { seq, session: SessionView::new(state, &caller.lens()), position: None, secret: None }
}

/// Opens a session: a client's way to hear events, alive as long as the client shows signs of life.
///
/// Each poll, each message over the socket, and `renew` begin the lease anew. When it runs out the session ends, and
/// `policy` acts on its agent unless he has another session. Full is 429.
#[utoipa::path(post, path = "/v1/sessions", tag = "sessions", request_body = SessionBody,
    responses((status = 201, body = SessionReply)))]
async fn open_session(caller: Caller, JsonBody(body): JsonBody<SessionBody>) -> Result<Reply<SessionReply>, Problem> {
    caller.may(Permission::EventsRead)?;
    if body.agent.is_some() {
        caller.may(Permission::AgentsControl)?;
    }
    let new = body.read(&caller)?;
    let (state, seq) = ask_one(&caller, Body::Session(SessionVerb::Open(new))).await?;
    // A position is one of what is on disk: from here on nothing is missed, and nobody is told of a position to come.
    caller.api.archive.until_committed(seq).await?;
    let position = Some(Position(seq).text());
    let secret = match state.new.delivery {
        // One whose deliveries cannot begin waits for this command to be repeated.
        Delivery::Push { .. } => Some(caller.api.door.push(caller.tenant.no, state.clone(), seq).await?),
        Delivery::Socket | Delivery::Poll => None,
    };
    Ok(Reply {
        status: StatusCode::CREATED,
        seq,
        body: SessionReply { position, secret, ..reply(&caller, &state, seq) },
    })
}

/// The token's sessions, oldest first; with `admin` all of the tenant.
#[utoipa::path(get, path = "/v1/sessions", tag = "sessions", responses((status = 200, body = SessionsReply)))]
async fn list_sessions(caller: Caller) -> Result<Reply<SessionsReply>, Problem> {
    caller.may(Permission::EventsRead)?;
    let (states, seq) = ask(&caller, Body::Query(Query::Sessions)).await?;
    let of = of(&caller);
    let own = states.iter().filter(|state| of.is_none_or(|token| token == state.new.token));
    let sessions = own.map(|state| SessionView::new(state, &caller.lens())).collect();
    Ok(Reply::ok(seq, SessionsReply { seq, sessions }))
}

/// One session.
#[utoipa::path(get, path = "/v1/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "the session's id")), responses((status = 200, body = SessionReply)))]
async fn get_session(caller: Caller, Named(id): Named) -> Result<Reply<SessionReply>, Problem> {
    caller.may(Permission::EventsRead)?;
    let session: SessionId = minted("id", &id)?;
    let (state, seq) = ask_one(&caller, Body::Query(Query::Session(session))).await?;
    if of(&caller).is_some_and(|token| token != state.new.token) {
        return Err(Problem::new(Code::UnknownSession, id));
    }
    Ok(Reply::ok(seq, reply(&caller, &state, seq)))
}

/// Ends a session. Nothing follows for its agent.
#[utoipa::path(delete, path = "/v1/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "the session's id")), responses((status = 200, body = SessionClosedReply)))]
async fn close_session(caller: Caller, Named(id): Named) -> Result<Reply<SessionClosedReply>, Problem> {
    caller.may(Permission::EventsRead)?;
    let session = minted("id", &id)?;
    let verb = SessionVerb::Close { session, of: of(&caller) };
    let (_, seq) = ask(&caller, Body::Session(verb)).await?;
    Ok(Reply::ok(seq, SessionClosedReply { seq, id }))
}

/// A sign of life: the lease begins anew.
#[utoipa::path(post, path = "/v1/sessions/{id}/renew", tag = "sessions",
    params(("id" = String, Path, description = "the session's id")), responses((status = 200, body = SessionReply)))]
async fn renew_session(caller: Caller, Named(id): Named) -> Result<Reply<SessionReply>, Problem> {
    caller.may(Permission::EventsRead)?;
    let (state, seq) = renewed(&caller, &id).await?;
    Ok(Reply::ok(seq, reply(&caller, &state, seq)))
}

/// Only whoever opened it renews it: an admin who looks is no sign of the client's life.
async fn renewed(caller: &Caller, id: &str) -> Result<(SessionState, u64), Problem> {
    let session = minted("id", id)?;
    let verb = SessionVerb::Renew { session, of: Some(caller.token.no()) };
    ask_one(caller, Body::Session(verb)).await
}

fn delivered(state: &SessionState, way: &Delivery) -> Result<(), Problem> {
    if state.new.delivery == *way {
        return Ok(());
    }
    Err(Problem::new(Code::WrongDelivery, super::view::session::way(&state.new.delivery)))
}

/// The session's events behind a position, and a sign of life.
///
/// The answer comes with the first events or after `wait_ms`, with at most 512 events. With `ended` the session is over.
#[utoipa::path(get, path = "/v1/sessions/{id}/events", tag = "sessions",
    params(("id" = String, Path, description = "the session's id"), SessionEventsQuery),
    responses((status = 200, body = EventsReply)))]
async fn session_events(
    caller: Caller,
    Named(id): Named,
    Params(query): Params<SessionEventsQuery>,
) -> Result<Reply<EventsReply>, Problem> {
    caller.may(Permission::EventsRead)?;
    let (state, _) = renewed(&caller, &id).await?;
    delivered(&state, &Delivery::Poll)?;
    // Half of the lease is left for the way back and the next poll.
    let half = Span(state.new.lease.map_or(LEASE_DEFAULT, |lease| lease.length).0 / 2);
    let reader = Reader::new(&caller, state.new.filter, Window::default(), query.after.as_deref())?.of(state.session);
    poll(reader, Span::millis(query.wait_ms.unwrap_or(0).into()).min(half)).await
}

/// The session's events over a WebSocket.
///
/// Messages are those of `/v1/events`. Whatever text, binary message or ping the client sends is a sign of life; a pong is
/// none, as browsers answer for pages that sleep. A client without anything to say answers each `position` with `{}`. When
/// the session ends the server closes: 4000 closed, 4001 expired, 4002 revoked. A socket that breaks ends no session.
#[utoipa::path(get, path = "/v1/sessions/{id}/socket", tag = "sessions",
    params(("id" = String, Path, description = "the session's id"), SessionSocketQuery),
    responses((status = 101, description = "a WebSocket of events and `Frame` objects", body = Frame)))]
async fn session_socket(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Named(id): Named,
    Params(query): Params<SessionSocketQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    caller.may(Permission::EventsRead)?;
    let upgrade = upgrade.map_err(|refused| Problem::field("Upgrade", refused.body_text()))?;
    let (state, _) = renewed(&caller, &id).await?;
    delivered(&state, &Delivery::Socket)?;
    let lease = state.new.lease;
    let reader = Reader::new(&caller, state.new.filter, Window::default(), query.after.as_deref())?.of(state.session);
    let holding = Holding { caller, session: state.session, renewed: Instant::now(), lease };
    subscriber::serve(api, upgrade, reader, Some(holding))
}
