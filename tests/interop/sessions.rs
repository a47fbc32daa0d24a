//! Client sessions of the real binary: watch lists, leases, and deliveries to a receiver that is away and a server that dies.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, client};

use crate::harness::scene::Scene;
use crate::harness::server::{HELLO, QUEUE};
use crate::harness::wait::{STEP, beside_others};
use crate::harness::{Answer, Events, Phone, Plan};

fn open(scene: &Scene, body: &Value) -> (String, String, Value) {
    let opened = scene.server.api.post("/v1/sessions", body);
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{opened}")).to_owned();
    (text(&opened["session"]["id"]), text(&opened["position"]), opened.clone())
}

fn kinds(page: &Value) -> Vec<&str> {
    page["events"].as_array().expect("a list").iter().filter_map(|event| event["kind"].as_str()).collect()
}

#[test]
fn a_poll_sees_its_watch_list_until_the_session_is_closed() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let (id, position, _) =
        open(&scene, &json!({ "deliver": "poll", "agent": "ana", "filter": { "agents": ["self"] } }));
    let (calls, from, _) =
        open(&scene, &json!({ "deliver": "poll", "filter": { "flows": ["hello"], "groups": ["support"] } }));
    let mut customer = scene.call(HELLO);
    customer.rtp.wait_sound(0);
    scene.sign_in("ana");
    customer.sipp.cue();
    customer.sipp.done();
    scene.record(&customer.contact);
    let page = scene.server.api.get(&format!("/v1/sessions/{id}/events?after={position}&wait_ms=5000"));
    let seen = kinds(&page);
    assert!(seen.contains(&"agent_signed_in") && !seen.contains(&"flow_started"), "{seen:?}");
    assert!(page["events"].as_array().expect("a list").iter().all(|event| event["agent_no"].is_u64()), "{page}");
    let page = scene.server.api.get(&format!("/v1/sessions/{calls}/events?after={from}"));
    assert_eq!(kinds(&page), ["flow_started", "agent_signed_in", "flow_ended"], "the flow, and who serves the group");
    let listed = scene.server.api.get("/v1/sessions");
    assert_eq!(listed["sessions"].as_array().map(Vec::len), Some(2));
    let closed = scene.server.api.send("DELETE", &format!("/v1/sessions/{id}"), &[], "");
    assert_eq!(closed.status, 200, "{}", closed.json());
    let gone = scene.server.api.send("GET", &format!("/v1/sessions/{id}/events"), &[], "");
    assert_eq!((gone.status, &gone.json()["code"]), (404, &"unknown-session".into()));
    assert_eq!(scene.events.any("session_ended")["data"]["ending"], "closed");
}

/// Complaint 40, through the real binary: the page sleeps, its browser goes on answering pings, and nobody is rung.
#[test]
fn an_agent_whose_socket_says_nothing_for_its_lease_is_offered_nothing() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let api = &scene.server.api;
    let _phone = Phone::new(1001, Answer::Itself).switch_on(&scene.server);
    scene.ready("ana");
    let body = json!({ "deliver": "socket", "agent": "ana", "filter": { "agents": ["self"] },
        "lease_ms": 10_000, "policy": "not-ready" });
    let (id, position, _) = open(&scene, &body);
    let url = format!("ws://{}/v1/sessions/{id}/socket?after={position}", api.address);
    let mut request = url.into_client_request().expect("it is a URL");
    for (name, value) in
        [("Authorization", format!("Bearer {}", api.token)), ("Cordboard-Tenant", api.tenant.to_owned())]
    {
        request.headers_mut().insert(name, value.parse().expect("visible ASCII"));
    }
    let stream = TcpStream::connect(api.address).expect("the API listens");
    stream.set_read_timeout(Some(3 * STEP)).expect("a socket option");
    let (mut socket, _) = client(request, stream).expect("it is let in");
    socket.send(Message::Pong(Vec::new().into())).expect("sent");
    let mut seen = Vec::new();
    let code = loop {
        match socket.read().expect("a message") {
            Message::Text(text) => {
                let value: Value = serde_json::from_str(&text).expect("events are JSON");
                seen.extend(value["kind"].as_str().map(str::to_owned));
            }
            Message::Close(frame) => break frame.map(|frame| u16::from(frame.code)),
            Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => {}
        }
    };
    assert_eq!(code, Some(4_001), "{seen:?}");
    assert!(seen.iter().any(|kind| kind == "session_ended"), "{seen:?}");
    scene.events.wait("agent_wish", |event| event["data"]["reason"] == "client-lost");
    assert_eq!(api.agent_state("ana"), "not-ready");
    let mut customer = scene.call(QUEUE);
    scene.of(&customer.contact, "item_entered");
    customer.rtp.wait_sound(0);
    assert!(scene.events.so_far("offer_made").is_empty(), "nobody is rung");
    customer.sipp.cue();
    customer.sipp.done();
    scene.record(&customer.contact);
    scene.server.assert_rest();
}

/// Takes deliveries; each is told with its bearer.
fn receiver(listener: TcpListener, told: Sender<(String, Value)>) {
    for stream in listener.incoming() {
        let stream = stream.expect("a connection");
        let mut reader = BufReader::new(&stream);
        let (mut length, mut bearer, mut line) = (0, String::new(), String::new());
        loop {
            line.clear();
            reader.read_line(&mut line).expect("a head");
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            if lower.starts_with("authorization: bearer ") {
                bearer = line["authorization: bearer ".len()..].trim().to_owned();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").expect("answered");
        let value = serde_json::from_slice(&body).expect("JSON");
        if told.send((bearer, value)).is_err() {
            return;
        }
    }
}

/// Seqs of one kind, until one of `contact` came.
fn until(deliveries: &Receiver<(String, Value)>, secret: &str, contact: &str, seen: &mut Vec<Value>) {
    loop {
        let (bearer, delivery) = deliveries.recv_timeout(2 * STEP).expect("a delivery in time");
        assert_eq!(bearer, secret);
        let events = delivery["events"].as_array().expect("a list").clone();
        let found = events.iter().any(|event| event["contact"] == contact);
        seen.extend(events);
        if found {
            return;
        }
    }
}

#[test]
fn deliveries_go_on_where_they_stopped_when_the_server_dies() {
    let _others = beside_others();
    let mut scene = Scene::new(&Plan::default());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let body =
        json!({ "deliver": { "push": format!("http://{address}/events") }, "filter": { "kinds": ["contact_closed"] } });
    let refused = json!({ "deliver": { "push": "https://127.0.0.1/events" } }).to_string();
    let refused = scene.server.api.send("POST", "/v1/sessions", &[], &refused);
    assert_eq!((refused.status, &refused.json()["field"]), (400, &"deliver.push".into()), "{}", refused.json());
    let (id, _, opened) = open(&scene, &body);
    let secret = opened["secret"].as_str().expect("told once").to_owned();
    let (told, deliveries) = channel();
    std::thread::spawn(move || receiver(listener, told));
    let mut seen = Vec::new();
    let talk = |scene: &Scene| {
        let mut customer = scene.call(HELLO);
        customer.rtp.wait_sound(0);
        customer.sipp.cue();
        customer.sipp.done();
        scene.events.closed(&customer.contact);
        customer.contact
    };
    let first = talk(&scene);
    until(&deliveries, &secret, &first, &mut seen);
    scene.server.kill9();
    scene.server.start_again();
    scene.events = Events::open(&scene.server.api, "oldest");
    let listed = scene.server.api.get(&format!("/v1/sessions/{id}"));
    assert_eq!((&listed["session"]["deliver"]["push"], &listed["secret"]), (&body["deliver"]["push"], &Value::Null));
    // Each start tells it: behind the second one nothing of the first life comes any more.
    scene.events.nth("restarted", 1);
    scene.events.forget();
    let second = talk(&scene);
    until(&deliveries, &secret, &second, &mut seen);
    // At least once: what came before the kill may come again, nothing is missing.
    let mut contacts: Vec<&str> = seen.iter().filter_map(|event| event["contact"].as_str()).collect();
    contacts.dedup();
    assert_eq!(contacts, [first.as_str(), second.as_str()], "{seen:?}");
    let closed = scene.server.api.send("DELETE", &format!("/v1/sessions/{id}"), &[], "");
    assert_eq!(closed.status, 200, "{}", closed.json());
    let third = talk(&scene);
    let late = deliveries.try_recv();
    assert!(late.is_err(), "nothing after the end, {third} least of all: {late:?}");
}
