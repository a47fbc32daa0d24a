//! The server is told to stop.

use std::time::Duration;

use crate::harness::rtp::Law;
use crate::harness::scene::Scene;
use crate::harness::server::QUEUE;
use crate::harness::sipp::Caller;
use crate::harness::wait::{STEP, beside_others, until};
use crate::harness::{Answer, Phone, Plan, Rtp, Server, Sipp};

#[test]
fn a_server_told_to_stop_finishes_its_calls_and_takes_no_new_ones() {
    let _others = beside_others();
    let mut scene = Scene::new(&Plan::default());
    let _phone = Phone::new(1001, Answer::Itself).switch_on(&scene.server);
    scene.ready("ana");
    let mut customer = scene.call(QUEUE);
    scene.of(&customer.contact, "offer_connected");
    customer.rtp.wait_tone(1_000.0, 0);
    scene.server.terminate();
    until("the server to refuse new contacts", STEP, || {
        let reply = scene.server.api.send("GET", "/readyz", &[], "");
        (reply.status == 503 && reply.json()["state"] == "draining").then_some(())
    });
    let rtp = Rtp::new(Law::A);
    let mut late = Sipp::call(&scene.server, 2, QUEUE, &rtp, &Caller::Refused(503));
    late.done();
    let order = scene.server.api.send("POST", "/v1/calls", &[], r#"{"to": "1003", "flow": "hello"}"#);
    assert_eq!(order.status, 503, "{}", order.json());
    let from = customer.rtp.heard();
    customer.rtp.wait_tone(1_000.0, from);
    assert!(scene.server.is_alive());
    customer.sipp.cue();
    customer.sipp.done();
    let status = scene.server.exit(STEP);
    assert!(status.success(), "it ended with {status}");
}

#[test]
fn the_drain_has_an_end() {
    let _others = beside_others();
    let mut scene = Scene::new(&Plan { drain: "2s", ..Plan::default() });
    let _phone = Phone::new(1001, Answer::Itself).switch_on(&scene.server);
    scene.ready("ana");
    let mut customer = scene.call(QUEUE);
    scene.of(&customer.contact, "offer_connected");
    scene.server.terminate();
    // Ends well only by a BYE from the server.
    customer.sipp.done();
    assert!(scene.server.exit(STEP).success());
    scene.server.start_again();
    let record = scene.server.api.get(&format!("/v1/contacts/{}", customer.contact))["contact"].clone();
    assert_eq!((&record["disposition"], &record["cause"]), (&"answered".into(), &"drained".into()), "{record}");
}

#[test]
fn a_server_without_calls_stops_at_once() {
    let _others = beside_others();
    let mut server = Server::start(&Plan::default());
    server.terminate();
    assert!(server.exit(Duration::from_secs(3)).success());
}

#[test]
fn what_was_accepted_until_the_last_moment_is_still_so_after_a_restart() {
    let _others = beside_others();
    let mut server = Server::start(&Plan::default());
    for _ in 0..3 {
        server.terminate();
        let mut last = None;
        loop {
            let verb = if last == Some("sign-in") { "sign-out" } else { "sign-in" };
            match server.api.try_send("POST", &format!("/v1/agents/ana/{verb}"), &[], "{}") {
                Ok(reply) if reply.status == 200 => last = Some(verb),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        assert!(server.exit(Duration::from_secs(3)).success());
        server.start_again();
        let state = server.api.agent_state("ana");
        let expected = match last {
            Some("sign-in") => state != "signed-out",
            Some(_) => state == "signed-out",
            None => true,
        };
        assert!(expected, "{last:?} was accepted last, and ana is {state}");
        server.api.send("POST", "/v1/agents/ana/sign-out", &[], "{}");
    }
}
