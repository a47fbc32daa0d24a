//! What only a socket shows: WebSockets, slow clients, the end of the server.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::house::{Rig, SESSION, of_contact, opened, session_state};
use crate::api::{Crowd, serve, subscriber};
use crate::base::GroupNo;
use crate::base::bounds::{HTTP_HEAD_WAIT, SESSION_RENEW_EVERY};
use crate::event::session::{Delivery, SessionEnding};
use crate::event::{About, Kind};
use crate::switch::door::House;
use crate::switch::session::NewSession;
use crate::switch::{Answer, SessionState, Snapshot};

struct Served {
    rig: Rig,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Served {
    async fn new() -> Self {
        Self::with(Rig::new()).await
    }

    async fn with(rig: Rig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel::<()>();
        let api = rig.api.clone();
        let serving = tokio::spawn(async move {
            serve(listener, api, Crowd::new(100), async move { drop(stopped.await) }).await;
        });
        Self { rig, address, stop: Some(stop), serving }
    }

    /// A subscriber with `query`, its token sent as a browser must.
    async fn subscribe(&self, query: &str) -> Result<WebSocketStream<TcpStream>, Error> {
        self.open(&format!("/v1/events{query}"), "admin").await
    }

    async fn open(&self, path: &str, token: &str) -> Result<WebSocketStream<TcpStream>, Error> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request()?;
        let offered = format!("{}, bearer.{token}", subscriber::PROTOCOL);
        request.headers_mut().insert("sec-websocket-protocol", offered.parse().expect("ASCII"));
        let stream = TcpStream::connect(self.address).await.expect("listening");
        let (socket, response) = tokio_tungstenite::client_async(request, stream).await?;
        assert_eq!(
            response.headers().get("sec-websocket-protocol").map(|p| p.as_bytes()),
            Some(subscriber::PROTOCOL.as_bytes())
        );
        Ok(socket)
    }
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Value {
    let message = tokio::time::timeout(Duration::from_secs(10), socket.next()).await.expect("a message within 10 s");
    match message {
        Some(Ok(Message::Text(text))) => serde_json::from_str(&text).expect("JSON"),
        other => panic!("no text: {other:?}"),
    }
}

#[tokio::test]
async fn a_subscriber_sees_what_comes_and_resumes_where_it_left() {
    let served = Served::new().await;
    served.rig.commit(of_contact(), opened());
    let mut socket = served.subscribe("").await.expect("open");
    let hello = next(&mut socket).await;
    assert_eq!((hello["type"].as_str(), hello["seq"].as_u64()), (Some("position"), Some(1)));
    served.rig.commit(of_contact(), Kind::LegAnswered);
    let event = next(&mut socket).await;
    assert_eq!(
        (event["type"].as_str(), event["kind"].as_str(), event["seq"].as_u64()),
        (Some("event"), Some("leg_answered"), Some(2))
    );
    drop(socket);
    served.rig.commit(of_contact(), Kind::MediaHeard);
    served.rig.commit(of_contact(), Kind::CallLeft);
    let after = event["position"].as_str().expect("a position");
    let mut socket = served.subscribe(&format!("?after={after}&kinds=call_left,media_heard")).await.expect("open");
    assert_eq!(next(&mut socket).await["position"], event["position"]);
    let seen = [next(&mut socket).await, next(&mut socket).await];
    assert_eq!([seen[0]["kind"].as_str(), seen[1]["kind"].as_str()], [Some("media_heard"), Some("call_left")]);
}

#[tokio::test]
async fn a_subscription_that_is_refused_is_told_by_http() {
    let served = Served::new().await;
    for (query, status) in [("?after=AQAAAAAAAAUK", 410), ("?after=x", 400), ("?kinds=x", 400)] {
        match served.subscribe(query).await {
            Err(Error::Http(response)) => assert_eq!(response.status().as_u16(), status, "{query}"),
            other => panic!("{query}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_drain_is_announced_and_the_end_closes_subscribers() {
    let mut served = Served::new().await;
    let mut socket = served.subscribe("").await.expect("open");
    assert_eq!(next(&mut socket).await["type"], "position");
    served.rig.api.door.set_house(House::Draining { contacts_left: 2 });
    let told = next(&mut socket).await;
    assert_eq!((told["type"].as_str(), told["contacts_left"].as_u64()), (Some("draining"), Some(2)));
    drop(served.stop.take());
    let closed = tokio::time::timeout(Duration::from_secs(10), socket.next()).await.expect("an end");
    assert!(matches!(closed, Some(Ok(Message::Close(Some(frame)))) if frame.code == 1001.into()));
    tokio::time::timeout(Duration::from_secs(10), served.serving).await.expect("served to the end").expect("no panic");
}

/// What a page that sleeps still sends, its browser's answers to pings, renews nothing.
#[tokio::test]
async fn a_session_lives_by_what_its_client_says_and_ends_with_a_code() {
    let state =
        || SessionState { new: NewSession { delivery: Delivery::Socket, ..session_state().new }, ..session_state() };
    let rig = Rig::answering(move |_| Some(Answer::Accepted { snapshot: Snapshot::Sessions(vec![state()]) }));
    let served = Served::with(rig).await;
    let renewals = || served.rig.heard.lock().expect("not poisoned").len();
    let mut socket = served.open(&format!("/v1/sessions/{SESSION}/socket"), "clerk").await.expect("open");
    assert_eq!(next(&mut socket).await["type"], "position");
    assert_eq!(renewals(), 1, "coming is a sign of life");
    tokio::time::pause();
    tokio::time::advance(SESSION_RENEW_EVERY.to_std()).await;
    tokio::time::resume();
    socket.send(Message::Pong(Vec::new().into())).await.expect("sent");
    served.rig.commit(About { group: Some(GroupNo(2)), ..of_contact() }, Kind::OfferAlerting);
    assert_eq!(next(&mut socket).await["kind"], "offer_alerting");
    assert_eq!(renewals(), 1, "a pong is none");
    socket.send(Message::Text("{}".into())).await.expect("sent");
    tokio::time::timeout(Duration::from_secs(10), async {
        while renewals() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("words are a sign");
    served.rig.commit(About::default(), Kind::SessionEnded { session: SESSION, ending: SessionEnding::Expired });
    let closed = tokio::time::timeout(Duration::from_secs(10), socket.next()).await.expect("an end");
    assert!(matches!(&closed, Some(Ok(Message::Close(Some(frame)))) if frame.code == 4001.into()), "{closed:?}");
}

async fn exchange(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("listening");
    stream.write_all(text.as_bytes()).await.expect("written");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect("an end");
    read.expect("read");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn requests_over_a_socket() {
    let served = Served::new().await;
    let close = "Host: x\r\nAuthorization: Bearer admin\r\nConnection: close\r\n\r\n";
    let long = format!("GET /v1/agents HTTP/1.1\r\nX-Long: {}\r\n{close}", "x".repeat(64 << 10));
    let rows = [
        (format!("GET /v1/agents HTTP/1.1\r\n{close}"), "HTTP/1.1 200 OK"),
        (format!("HEAD /v1/agents HTTP/1.1\r\n{close}"), "HTTP/1.1 200 OK"),
        (format!("BREW /v1/agents HTTP/1.1\r\n{close}"), "HTTP/1.1 405 Method Not Allowed"),
        ("not HTTP at all\r\n\r\n".to_owned(), "HTTP/1.1 400 Bad Request"),
        (long, "HTTP/1.1 431 Request Header Fields Too Large"),
    ];
    for (request, status) in rows {
        let answer = exchange(served.address, &request).await;
        assert!(answer.starts_with(status), "{request:.60}: {answer:.200}");
        assert_eq!(answer.ends_with("\r\n\r\n"), !answer.contains('{'), "{answer}");
    }
}

/// Paused time runs on by itself when everything waits: a head that never ends is cut off at its limit.
#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_cut_off() {
    let served = Served::new().await;
    let mut stream = TcpStream::connect(served.address).await.expect("listening");
    let begun = tokio::time::Instant::now();
    stream.write_all(b"GET /v1/agents HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.expect("written");
    let mut rest = Vec::new();
    let ended = stream.read_to_end(&mut rest).await;
    assert!(ended.is_err() || rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{rest:?}");
    assert!(begun.elapsed() >= HTTP_HEAD_WAIT.to_std(), "{:?}", begun.elapsed());
}
