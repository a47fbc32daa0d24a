//! Committed events for subscribers: a WebSocket that resumes, and the same as a poll.
//! Owns filters, frames and what happens to a subscriber who does not read. Leaves keeping events to the archive: it is
//! asked page by page, so a slow subscriber holds no memory.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::archive::PageError;
use super::position::Position;
use super::reply::Reply;
use super::request::{Caller, Params};
use super::view::{EventView, EventsReply};
use super::watch_list::{WatchList, by_commas};
use super::{Api, Problem, Routes};
use crate::base::bounds::{
    POLL_PAGES, POLL_WAIT_MAX, SUBSCRIBER_IDLE, SUBSCRIBER_MESSAGE_BYTES, SUBSCRIBER_STALL, SUBSCRIBERS,
};
use crate::base::{Span, TenantNo};
use crate::event::{Filter, Recorded};
use crate::store::journal::Slot;
use crate::switch::Code;
use crate::switch::door::House;
use crate::switch::permission::Permission;

/// What we speak over the WebSocket; a client that offers subprotocols offers this one.
pub const PROTOCOL: &str = "cordboard.v1";

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
    /// the groups they list, `contact_merged` the other contact, `leg_moved` both, `flow_started` and `flow_ended` the flow.
    pub agents: Option<String>,
    /// The same for skill groups, by id.
    pub groups: Option<String>,
    /// The same for flows, by key.
    pub flows: Option<String>,
    /// The same for contacts.
    pub contacts: Option<String>,
    /// How long a poll waits for the first event, in milliseconds; at most 30000. Not for a WebSocket.
    pub wait_ms: Option<u32>,
}

impl EventsQuery {
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

/// The text of an event that the subscriber sees; written once for all who do. Evaluated when it is pulled.
fn text<'e>(tenant: TenantNo, filter: &Filter, slot: &'e Slot) -> Option<&'e str> {
    let event = &slot.recorded.event;
    let wanted = event.tenant == tenant && filter.sees(event);
    let text = if wanted { slot.view(NATIVE_VIEW, written) } else { "" };
    (!text.is_empty()).then_some(text)
}

/// Our number among the views of a slot.
const NATIVE_VIEW: usize = 0;

/// Empty for kinds that are not shown.
fn written(recorded: &Recorded) -> String {
    let view = EventView::new(recorded);
    view.map_or_else(String::new, |view| {
        serde_json::to_string(&view).expect("texts, numbers and objects with text keys")
    })
}

/// A subscriber's place. Dropping a call of `next` half-way loses nothing: the place moves last.
struct Reader {
    api: Arc<Api>,
    tenant: TenantNo,
    filter: Filter,
    after: u64,
    committed: watch::Receiver<u64>,
}

impl Reader {
    fn new(caller: &Caller, filter: Filter, after: Option<&str>) -> Result<Self, Problem> {
        let api = caller.api.clone();
        let committed = api.archive.committed();
        let newest = api.archive.newest();
        let after = match after {
            None | Some("newest") => newest,
            Some("oldest") => api.archive.oldest().saturating_sub(1),
            Some(text) => Position::read(text)?.0,
        };
        let reader = Self { api, tenant: caller.tenant.no, filter, after, committed };
        match after > newest || after.saturating_add(1) < reader.api.archive.oldest() {
            true => Err(reader.out_of_reach()),
            false => Ok(reader),
        }
    }

    fn out_of_reach(&self) -> Problem {
        let (oldest, newest) = (self.api.archive.oldest(), self.api.archive.newest());
        Problem::new(Code::PositionUnknown, "the position is not among the events that are kept")
            .with("oldest", Position(oldest.saturating_sub(1)).text())
            .with("newest", Position(newest).text())
    }

    /// Waits for events behind the place and moves behind them. Those that the filter leaves out make an empty list.
    async fn next(&mut self) -> Result<Vec<String>, Problem> {
        while self.api.archive.newest() <= self.after {
            if self.committed.changed().await.is_err() {
                return Err(Problem::new(Code::Draining, "the journal is closed"));
            }
        }
        let page = match self.api.archive.page(self.after).await {
            Ok(page) => page,
            Err(PageError::OutOfReach) => return Err(self.out_of_reach()),
            Err(PageError::Unreadable) => {
                return Err(Problem::new(Code::InternalError, "the journal cannot be read"));
            }
        };
        let texts = page.iter().filter_map(|slot| text(self.tenant, &self.filter, slot)).map(str::to_owned).collect();
        if let Some(last) = page.last() {
            self.after = last.recorded.seq;
        }
        Ok(texts)
    }
}

/// A message of the WebSocket that is no event.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Frame {
    /// Where to resume: the first message, and every 15 s without an event.
    Position { position: String, seq: u64 },
    /// The node is being stopped; resume at another when this one closes.
    Draining { contacts_left: u32 },
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
    let reader = Reader::new(&caller, query.watch_list().read(&caller)?, query.after.as_deref())?;
    if !headers.contains_key(header::UPGRADE) {
        return poll(reader, Span::millis(query.wait_ms.unwrap_or(0).into())).await.map(IntoResponse::into_response);
    }
    let upgrade = upgrade.map_err(|refused| Problem::field("Upgrade", refused.body_text()))?;
    if usize::try_from(api.door.meters().http_subscribers.get()).is_ok_and(|open| open >= SUBSCRIBERS) {
        return Err(Problem::new(Code::Overloaded, format!("{SUBSCRIBERS} event WebSockets are open")));
    }
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(SUBSCRIBER_MESSAGE_BYTES);
    Ok(upgrade.on_upgrade(async move |socket| {
        api.door.meters().http_subscribers.add(1);
        let ended = Subscriber { socket, api: api.clone() }.run(reader).await;
        api.door.meters().http_subscribers.add(-1);
        if let Err(Stalled) = ended {
            api.door.meters().http_stalled.add(1);
        }
    }))
}

async fn poll(mut reader: Reader, wait: Span) -> Result<Reply<EventsReply>, Problem> {
    let deadline = Instant::now() + wait.min(POLL_WAIT_MAX).to_std();
    let mut events = Vec::new();
    // A filter that wants what is rare is answered with a position to go on behind, not after the whole journal.
    let mut pages = 0;
    while events.is_empty() && pages < POLL_PAGES {
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
    Ok(Reply::ok(seq, EventsReply { seq, events, position: Position(seq).text() }))
}

/// The client took nothing for 5 s.
struct Stalled;

struct Subscriber {
    socket: WebSocket,
    api: Arc<Api>,
}

/// What woke a subscriber.
enum Woken {
    /// A message from the client that asks for nothing.
    Heard,
    Left,
    Events(Result<Vec<String>, Problem>),
    House,
    Idle,
    Closing,
}

impl Subscriber {
    /// Until the client leaves, stalls, or the server closes.
    async fn run(mut self, mut reader: Reader) -> Result<(), Stalled> {
        let mut house = self.api.door.watch_house();
        house.mark_changed();
        let api = self.api.clone();
        self.send(&Frame::Position { position: Position(reader.after).text(), seq: reader.after }).await?;
        let mut idle = Instant::now() + SUBSCRIBER_IDLE.to_std();
        loop {
            let woken = tokio::select! {
                heard = self.socket.recv() => match heard {
                    Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => Woken::Heard,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => Woken::Left,
                },
                events = reader.next() => Woken::Events(events),
                changed = house.changed() => if changed.is_ok() { Woken::House } else { Woken::Closing },
                () = sleep_until(idle) => Woken::Idle,
                () = api.until_closing() => Woken::Closing,
            };
            match woken {
                Woken::Heard => continue,
                Woken::Left => return Ok(()),
                Woken::Events(Ok(events)) => {
                    for event in events {
                        self.put(Message::Text(event.into())).await?;
                        idle = Instant::now() + SUBSCRIBER_IDLE.to_std();
                    }
                }
                Woken::Events(Err(problem)) => {
                    return self.close(close_code::AGAIN, problem.code.text()).await;
                }
                Woken::House => {
                    let state = house.borrow_and_update().clone();
                    if let House::Draining { contacts_left } = state {
                        self.send(&Frame::Draining { contacts_left }).await?;
                    }
                }
                Woken::Idle => {
                    let seq = reader.after;
                    self.send(&Frame::Position { position: Position(seq).text(), seq }).await?;
                    idle = Instant::now() + SUBSCRIBER_IDLE.to_std();
                }
                Woken::Closing => return self.close(close_code::AWAY, "the server is stopping").await,
            }
        }
    }

    /// A client that is gone is found by the next `recv`.
    async fn send(&mut self, frame: &Frame) -> Result<(), Stalled> {
        let text = serde_json::to_string(frame).expect("views hold texts, numbers, lists and objects with text keys");
        self.put(Message::Text(text.into())).await
    }

    async fn close(mut self, code: u16, reason: &'static str) -> Result<(), Stalled> {
        self.put(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await
    }

    async fn put(&mut self, message: Message) -> Result<(), Stalled> {
        match timeout(SUBSCRIBER_STALL.to_std(), self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::debug!(%error, "subscriber left");
                Ok(())
            }
            Err(_) => Err(Stalled),
        }
    }
}
