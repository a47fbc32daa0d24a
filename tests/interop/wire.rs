//! What the wire can carry: phones over TCP, large messages, messages in pieces, and messages that are none.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::harness::raw::{Raw, over_tcp, status};
use crate::harness::scene::Scene;
use crate::harness::server::HELLO;
use crate::harness::wait::beside_others;
use crate::harness::{Answer, Line, Phone, Plan, Server};

#[test]
fn a_phone_over_tcp_is_called_on_its_own_connection() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let mut phone = Phone { line: Line::Tcp, ..Phone::new(1003, Answer::Itself) }.switch_on(&scene.server);
    let mut other = Phone::new(1004, Answer::ByHand).switch_on(&scene.server);
    let extensions = scene.server.api.get("/v1/extensions");
    assert_eq!(extensions["extensions"][2]["bindings"][0]["transport"], "tcp", "{extensions}");
    let connections = || scene.server.api.figure("cordboard_sip_connections_count");
    assert_eq!(connections(), 1.0, "the phone's own");
    other.command("dial", "1003");
    other.wait("CALL_ESTABLISHED");
    phone.wait("CALL_ESTABLISHED");
    assert_eq!(connections(), 1.0, "no second connection was made");
    let contact = scene.events.any("contact_opened")["contact"].as_str().expect("an id").to_owned();
    phone.command("hangup", "");
    other.wait("CALL_CLOSED");
    let record = scene.record(&contact);
    assert_eq!((&record["disposition"], &record["cause"]), (&"answered".into(), &"hung-up".into()), "{record}");
    scene.server.assert_rest();
}

fn options(call_id: &str, extra: &str) -> String {
    format!(
        "OPTIONS sip:test.example SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK{call_id}\r\nMax-Forwards: 70\r\nFrom: <sip:x@test.example>;tag=x\r\nTo: <sip:test.example>\r\nCall-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\n{extra}Content-Length: 0\r\n\r\n"
    )
}

#[test]
fn large_messages_and_messages_in_pieces_are_read_and_too_large_ones_end_the_connection_only() {
    let _others = beside_others();
    let server = Server::start(&Plan::default());
    let limit = Duration::from_secs(5);
    let large = options("large", &format!("Subject: {}\r\n", "x".repeat(30_000)));
    let answer = over_tcp(&server, &[large.as_bytes()], limit);
    assert!(status(&answer) >= 200 && status(&answer) != 513, "{answer}");
    let whole = options("pieces", "");
    let pieces: Vec<&[u8]> = whole.as_bytes().chunks(7).collect();
    let answer = over_tcp(&server, &pieces, limit);
    assert!(status(&answer) >= 200, "{answer}");
    let two = format!("\r\n\r\n{}{}", options("first", ""), options("second", ""));
    let answer = over_tcp(&server, &[two.as_bytes()], limit);
    assert!(answer.starts_with("\r\n"), "a ping has its pong: {answer}");
    assert!(status(answer.trim_start()) >= 200, "{answer}");
    let endless = options("endless", &format!("Subject: {}\r\n", "x".repeat(200_000)));
    let answer = over_tcp(&server, &[endless.as_bytes()], limit);
    assert!(answer.is_empty() || status(&answer) == 513, "{answer}");
    let raw = Raw::new(&server);
    assert_eq!(status(&raw.register_with("1001", "secret-1001", "after")), 200);
}

#[test]
fn malformed_datagrams_get_a_refusal_or_nothing_and_disturb_nobody() {
    let _others = beside_others();
    let mut scene = Scene::new(&Plan::default());
    let mut customer = scene.call(HELLO);
    customer.rtp.wait_sound(0);
    let raw = Raw::new(&scene.server);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture");
    let mut sent = 0;
    for file in fs::read_dir(folder).expect("the messages are there") {
        let path = file.expect("readable").path();
        if path.extension().is_some_and(|ending| ending == "sip") {
            raw.send_bytes(&fs::read(path).expect("readable"));
            sent += 1;
        }
    }
    assert_eq!(sent, 61);
    let noise: [&[u8]; 6] = [b"", b"\r\n\r\n", b"\0\0\0\0", b"INVITE", &[0xff; 60_000], b"SIP/2.0 200 OK\r\n\r\n"];
    for datagram in noise {
        raw.send_bytes(datagram);
    }
    raw.send(&"INVITE sip:1001@test.example SIP/2.0\r\n".repeat(1_000));
    // Whatever was answered was a refusal or a challenge.
    while let Some(answer) = raw.receive(Duration::from_millis(300)) {
        let is_call = answer.contains("INVITE") && status(&answer) / 100 == 2;
        assert!(!is_call, "a stranger's call was taken: {answer}");
    }
    let other = Raw::new(&scene.server);
    assert_eq!(status(&other.register_with("1001", "secret-1001", "after")), 200);
    assert!(scene.server.is_alive());
    let from = customer.rtp.heard();
    customer.rtp.wait_sound(from);
    customer.sipp.cue();
    customer.sipp.done();
    scene.record(&customer.contact);
    assert_eq!(scene.events.so_far("contact_opened").len(), 1, "only the customer's call was one");
    scene.server.assert_rest();
}
