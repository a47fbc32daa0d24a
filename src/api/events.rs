//! Committed events for subscribers: a WebSocket that resumes, and the same as a poll.
//! Owns the questions and the poll. Leaves what is seen to `reader`, the WebSocket to `subscriber`.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::instant;
use super::position::Position;
use super::reader::{Reader, Window};
use super::reply::Reply;
use super::request::{Caller, Params};
use super::subscriber::{self, Frame};
use super::view::EventsReply;
use super::watch_list::{WatchList, by_commas};
use super::{Api, Problem, Routes};
use crate::base::Span;
use crate::base::bounds::{POLL_PAGES, POLL_WAIT_MAX};
use crate::event::session::SessionEnding;
use crate::switch::door::House;
use crate::switch::permission::Permission;

pub fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(events))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// A `position` to go on behind, `oldest`, or `newest` (what comes from now on; the default).
    pub after: Option<String>,
    /// Only these kinds, separated by commas.
    pub kinds: Option<String>,
    /// Only events that name one of these agents, or one of the groups, flows and contacts: ids, or `no:` and a number,
    /// separated by commas. An event names the agent, group and contact it is about; `agent_signed_in` and `agent_groups`
    /// the groups they list, `contact_merged` the other contact, `leg_moved` both, `flow_started`, `flow_ended` and
    /// `flow_returned` the flow, `playback` the contact it is of.
    pub agents: Option<String>,
    /// The same for skill groups, by id.
    pub groups: Option<String>,
    /// The same for flows, by key.
    pub flows: Option<String>,
    /// The same for contacts.
    pub contacts: Option<String>,
    /// Only what happened at this time or later, RFC 3339. Without `after` it begins there.
    pub since: Option<String>,
    /// Only what happened before this time, RFC 3339. Not for a WebSocket.
    pub before: Option<String>,
    /// How long a poll waits for the first event, in milliseconds; at most 30000. Not for a WebSocket.
    pub wait_ms: Option<u32>,
}

impl EventsQuery {
    fn window(&self) -> Result<Window, Problem> {
        Ok(Window {
            since: self.since.as_deref().map(|text| instant::read("since", text)).transpose()?,
            before: self.before.as_deref().map(|text| instant::read("before", text)).transpose()?,
        })
    }

    fn watch_list(&self) -> WatchList {
        WatchList {
            kinds: by_commas(self.kinds.as_deref()),
            agents: by_commas(self.agents.as_deref()),
            groups: by_commas(self.groups.as_deref()),
            flows: by_commas(self.flows.as_deref()),
            contacts: by_commas(self.contacts.as_deref()),
        }
    }
}

/// Committed events of the tenant, as a WebSocket or as a poll.
///
/// With `Upgrade: websocket` each message is one JSON object: an event as a poll gives it, or one
/// whose `type` is `position` or `draining`; browsers offer
/// the subprotocols `cordboard.v1` and `bearer.<token>`. Without, the answer comes with the first events or after
/// `wait_ms`. A position that is not kept any more, or not yet there, is 410 with `oldest` and `newest`.
/// Who does not read for 5 s is disconnected and resumes.
#[utoipa::path(get, path = "/v1/events", tag = "events", params(EventsQuery),
    responses((status = 200, body = EventsReply), (status = 101, description = "a WebSocket of events and `Frame` objects", body = Frame)))]
async fn events(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Params(query): Params<EventsQuery>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    caller.may(Permission::EventsRead)?;
    let (filter, window) = (query.watch_list().read(&caller)?, query.window()?);
    let reader = Reader::new(&caller, filter, window, query.after.as_deref())?;
    if !headers.contains_key(header::UPGRADE) {
        return poll(reader, Span::millis(query.wait_ms.unwrap_or(0).into())).await.map(IntoResponse::into_response);
    }
    if window.before.is_some() {
        return Err(Problem::field("before", "a WebSocket goes on; only a poll ends with `before`"));
    }
    let upgrade = upgrade.map_err(|refused| Problem::field("Upgrade", refused.body_text()))?;
    subscriber::serve(api, upgrade, reader, None)
}

/// `wait` is cut to [`POLL_WAIT_MAX`].
pub async fn poll(mut reader: Reader, wait: Span) -> Result<Reply<EventsReply>, Problem> {
    let deadline = Instant::now() + wait.min(POLL_WAIT_MAX).to_std();
    let mut events = Vec::new();
    // A filter that wants what is rare is answered with a position to go on behind, not after the whole journal.
    let mut pages = 0;
    while events.is_empty() && pages < POLL_PAGES && reader.ended.is_none() && !reader.complete {
        let ready = reader.api.archive.newest() > reader.after;
        pages += 1;
        // What is there already is read even without a wish to wait.
        if ready {
            events = reader.next().await?;
            continue;
        }
        match timeout_at(deadline, reader.next()).await {
            Ok(found) => events = found?,
            Err(_) => break,
        }
    }
    let events = events.into_iter().map(|text| RawValue::from_string(text).expect("it was written as JSON")).collect();
    let seq = reader.after;
    let contacts_left = match reader.api.door.house() {
        House::Draining { contacts_left } => Some(contacts_left),
        House::Starting | House::Open | House::Shed { .. } => None,
    };
    let (complete, ended) = (reader.complete, reader.ended.map(SessionEnding::word));
    Ok(Reply::ok(seq, EventsReply { seq, events, position: Position(seq).text(), complete, contacts_left, ended }))
}
