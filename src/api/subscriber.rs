//! A WebSocket of events: frames, signs of life, and what happens to a subscriber who does not read.
//! Leaves what it sees to `reader`, keeping events to the archive: it is asked page by page, so a slow subscriber holds no
//! memory.

use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use serde::Serialize;
use tokio::time::{Instant, sleep_until, timeout};
use utoipa::ToSchema;

use super::position::Position;
use super::reader::Reader;
use super::request::Caller;
use super::{Api, Problem};
use crate::base::bounds::{
    SESSION_RENEW_EVERY, SUBSCRIBER_IDLE, SUBSCRIBER_MESSAGE_BYTES, SUBSCRIBER_STALL, SUBSCRIBERS,
};
use crate::base::{SessionId, Span};
use crate::event::session::{Lease, SessionEnding};
use crate::switch::door::House;
use crate::switch::{Body, Code, SessionVerb};

/// What we speak over the WebSocket; a client that offers subprotocols offers this one.
pub const PROTOCOL: &str = "cordboard.v1";

/// A message of the WebSocket that is no event.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Frame {
    /// Where to resume: the first message, and every 15 s without an event.
    Position { position: String, seq: u64 },
    /// The node is being stopped; resume at another when this one closes.
    Draining { contacts_left: u32 },
}

/// Answers 101 and serves the socket.
///
/// # Errors
/// `overloaded` at [`SUBSCRIBERS`].
pub fn serve(
    api: Arc<Api>,
    upgrade: WebSocketUpgrade,
    reader: Reader,
    session: Option<Holding>,
) -> Result<Response, Problem> {
    if usize::try_from(api.door.meters().http_subscribers.get()).is_ok_and(|open| open >= SUBSCRIBERS) {
        return Err(Problem::new(Code::Overloaded, format!("{SUBSCRIBERS} event WebSockets are open")));
    }
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(SUBSCRIBER_MESSAGE_BYTES);
    Ok(upgrade.on_upgrade(async move |socket| {
        api.door.meters().http_subscribers.add(1);
        let ended = Subscriber { socket, api: api.clone(), session }.run(reader).await;
        api.door.meters().http_subscribers.add(-1);
        if let Err(Stalled) = ended {
            api.door.meters().http_stalled.add(1);
        }
    }))
}

/// The client took nothing for 5 s.
pub struct Stalled;

pub struct Subscriber {
    pub socket: WebSocket,
    pub api: Arc<Api>,
    /// The session that lives by this socket.
    pub session: Option<Holding>,
}

/// A session as its socket keeps it alive.
pub struct Holding {
    pub caller: Caller,
    pub session: SessionId,
    /// When a sign of the client was passed on last.
    pub renewed: Instant,
    pub lease: Option<Lease>,
}

/// Codes of a close that ends with the session, of those that RFC 6455 section 7.4.2 leaves to applications.
const fn close_code_of(ending: SessionEnding) -> u16 {
    match ending {
        SessionEnding::Closed => 4_000,
        SessionEnding::Expired => 4_001,
        SessionEnding::Revoked => 4_002,
    }
}

/// How often a position is told. Two may be lost before a client that only answers them loses its lease.
fn beat(lease: Option<Lease>) -> Span {
    lease.map_or(SUBSCRIBER_IDLE, |lease| SUBSCRIBER_IDLE.min(Span(lease.length.0 / 3)))
}

impl Holding {
    /// The client said something. It is passed on at most once a second.
    async fn sign_of_life(&mut self) {
        if self.renewed.elapsed() < SESSION_RENEW_EVERY.to_std() {
            return;
        }
        self.renewed = Instant::now();
        let verb = SessionVerb::Renew { session: self.session, of: Some(self.caller.token.no()) };
        // One that has ended is told by its event; a full lane by the next sign.
        if let Err(problem) = self.caller.ask(Body::Session(verb)).await {
            tracing::debug!(session = %self.session, code = problem.code.text(), "a session was not renewed");
        }
    }
}

/// What woke a subscriber.
enum Woken {
    /// A message from the client that asks for nothing. A pong is no sign of life: a browser answers pings for a page
    /// that sleeps.
    Heard {
        sign: bool,
    },
    Left,
    Events(Result<Vec<String>, Problem>),
    House,
    Idle,
    Closing,
}

impl Subscriber {
    /// Until the client leaves, stalls, or the server closes.
    pub async fn run(mut self, mut reader: Reader) -> Result<(), Stalled> {
        let mut house = self.api.door.watch_house();
        house.mark_changed();
        let api = self.api.clone();
        self.send(&Frame::Position { position: Position(reader.after).text(), seq: reader.after }).await?;
        let beat = beat(self.session.as_ref().and_then(|holding| holding.lease)).to_std();
        let mut idle = Instant::now() + beat;
        loop {
            let woken = tokio::select! {
                heard = self.socket.recv() => match heard {
                    Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Ping(_))) => Woken::Heard { sign: true },
                    Some(Ok(Message::Pong(_))) => Woken::Heard { sign: false },
                    Some(Ok(Message::Close(_)) | Err(_)) | None => Woken::Left,
                },
                events = reader.next() => Woken::Events(events),
                changed = house.changed() => if changed.is_ok() { Woken::House } else { Woken::Closing },
                () = sleep_until(idle) => Woken::Idle,
                () = api.until_closing() => Woken::Closing,
            };
            match woken {
                Woken::Heard { sign } => {
                    if let Some(holding) = self.session.as_mut().filter(|_| sign) {
                        holding.sign_of_life().await;
                    }
                }
                Woken::Left => return Ok(()),
                Woken::Events(Ok(events)) => {
                    for event in events {
                        self.put(Message::Text(event.into())).await?;
                        // Who holds a session answers positions, however much happens: its lease goes by that.
                        if self.session.is_none() {
                            idle = Instant::now() + beat;
                        }
                    }
                    if let Some(ending) = reader.ended {
                        return self.close(close_code_of(ending), ending.word()).await;
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
                    idle = Instant::now() + beat;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::session::LeasePolicy;

    #[test]
    fn a_position_comes_thrice_in_a_short_lease() {
        let of = |seconds| beat(Some(Lease { length: Span::seconds(seconds), policy: LeasePolicy::Nothing }));
        assert_eq!((beat(None), of(60), of(45)), (SUBSCRIBER_IDLE, SUBSCRIBER_IDLE, SUBSCRIBER_IDLE));
        assert_eq!(of(30), Span::seconds(10));
    }
}
