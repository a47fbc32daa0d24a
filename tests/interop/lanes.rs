//! Lanes that are full: who does not read his events is cut, who asks too much at once is turned away, and nobody else
//! notices.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use tokio_tungstenite::tungstenite::{Message, client};

use crate::harness::events;
use crate::harness::scene::Scene;
use crate::harness::server::{HELLO, QUEUE};
use crate::harness::wait::{self, STEP, beside_others};
use crate::harness::{Answer, Api, Phone, Plan};

/// Its events of 15 kB fill every buffer between the server and a client many times over.
const EVENTS: usize = 800;

/// A connection whose client takes as little ahead as the system allows.
fn narrow(api: &Api) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    socket.connect_timeout(&api.address.into(), STEP).expect("the API listens");
    socket.into()
}

fn count(page: &Value) -> usize {
    page["events"].as_array().expect("a list").len()
}

#[test]
fn a_subscriber_who_does_not_read_is_cut_and_goes_on_where_he_was() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let mut customer = scene.call(HELLO);
    customer.rtp.wait_sound(0);
    let api = &scene.server.api;
    let (mut stalled, _) = client(events::request(api, "newest"), narrow(api)).expect("it is let in");
    let large = "x".repeat(15_000);
    let from = customer.rtp.heard();
    for n in 0..EVENTS {
        let body = json!({ "n": n, "large": large }).to_string();
        let reply = api.send("PATCH", &format!("/v1/calls/{}/data", customer.contact), &[], &body);
        assert_eq!(reply.status, 200, "{}", reply.json());
    }
    scene.events.nth("contact_data", EVENTS - 1);
    wait::until("the server to cut who does not read", 2 * STEP, || {
        (api.figure("cordboard_http_subscribers_stalled_total") >= 1.0).then_some(())
    });
    // What was on its way is still there; behind it the connection has ended.
    let mut seen = 0;
    let mut position = None;
    while let Ok(message) = stalled.read() {
        let Message::Text(text) = message else { continue };
        let value: Value = serde_json::from_str(&text).expect("events are JSON");
        seen += usize::from(value["kind"] == "contact_data");
        position = value["position"].as_str().map(str::to_owned).or(position);
    }
    assert!(seen < EVENTS, "he was cut before the end");
    let mut position = position.expect("each message tells the place behind it");
    while seen < EVENTS {
        let page = api.get(&format!("/v1/events?after={position}&kinds=contact_data&wait_ms=1000"));
        seen += count(&page);
        let next = page["position"].as_str().expect("where to go on").to_owned();
        assert_ne!(next, position, "{seen} of {EVENTS} events are there");
        position = next;
    }
    assert_eq!(seen, EVENTS, "none is missing, none came twice");
    customer.rtp.wait_sound(from);
    customer.sipp.cue();
    customer.sipp.done();
    let record = scene.record(&customer.contact);
    assert_eq!(record["cause"], "hung-up", "{record}");
    scene.server.assert_rest();
}

/// Far more than one token may have under way.
const AT_ONCE: usize = 200;
/// The moment at which all are under way is the machine's to choose.
const ROUNDS: usize = 50;

/// Sends the same command over so many connections at one moment; the statuses of the answers, with a body of a 429.
fn volley(api: &Api, path: &str) -> (Vec<u16>, Option<String>) {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\nCordboard-Tenant: {}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{",
        api.token, api.tenant
    );
    let connect = |_| {
        let mut stream = TcpStream::connect(api.address).expect("the API listens");
        stream.set_read_timeout(Some(STEP)).expect("a length above zero");
        stream.write_all(head.as_bytes()).expect("the loopback takes it");
        stream
    };
    let mut streams: Vec<TcpStream> = (0..AT_ONCE).map(connect).collect();
    for stream in &mut streams {
        stream.write_all(b"}").expect("the loopback takes it");
    }
    let mut refusal = None;
    let answer = |mut stream: TcpStream| {
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        if status == 429 {
            refusal = Some(text);
        }
        status
    };
    (streams.into_iter().map(answer).collect(), refusal)
}

#[test]
fn more_commands_at_once_than_a_token_may_have_get_429_and_end_nobodys_call() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let mut phone = Phone::new(1001, Answer::Itself).switch_on(&scene.server);
    scene.ready("ana");
    scene.sign_in("bo");
    let mut customer = scene.call(QUEUE);
    scene.of(&customer.contact, "offer_connected");
    customer.rtp.wait_tone(1_000.0, 0);
    let api = &scene.server.api;
    let mut refused = None;
    for _ in 0..ROUNDS {
        let (statuses, refusal) = volley(api, "/v1/agents/bo/not-ready");
        assert!(statuses.iter().all(|status| matches!(status, 200 | 429)), "{statuses:?}");
        assert!(statuses.contains(&200), "as many as may are taken: {statuses:?}");
        refused = refusal;
        if refused.is_some() {
            break;
        }
    }
    let refused = refused.expect("so many at once are too many");
    assert!(refused.contains("\"too-many-commands\""), "{refused}");
    api.post("/v1/agents/bo/not-ready", &json!({}));
    let from = customer.rtp.heard();
    customer.rtp.wait_tone(1_000.0, from);
    customer.sipp.cue();
    customer.sipp.done_within(Duration::from_secs(20));
    phone.wait("CALL_CLOSED");
    let record = scene.record(&customer.contact);
    assert_eq!((&record["disposition"], &record["cause"]), (&"answered".into(), &"hung-up".into()), "{record}");
    scene.server.assert_rest();
}
