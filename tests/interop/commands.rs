//! Calls that the API makes and ends.

use serde_json::json;

use crate::harness::rtp::Law;
use crate::harness::scene::Scene;
use crate::harness::sipp::Callee;
use crate::harness::sound::{library, likeness};
use crate::harness::wait::{alone, beside_others};
use crate::harness::{Answer, Phone, Plan, Rtp, Sipp};

#[test]
fn an_ordered_call_rings_a_phone_and_runs_the_flow_once_per_key() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let mut phone = Phone::new(1003, Answer::Itself).switch_on(&scene.server);
    let order = json!({ "to": "1003", "flow": "hello", "data": { "order": "4711" } }).to_string();
    let key = [("Idempotency-Key", "order-4711")];
    let first = scene.server.api.send("POST", "/v1/calls", &key, &order);
    assert_eq!(first.status, 202, "{}", first.json());
    let contact = first.json()["contact"].as_str().expect("the contact's id").to_owned();
    let again = scene.server.api.send("POST", "/v1/calls", &key, &order);
    assert_eq!(
        (again.status, &again.json()["contact"]),
        (202, &contact.as_str().into()),
        "the same key, the same answer"
    );
    assert_eq!(again.json()["seq"], first.json()["seq"]);
    let other = json!({ "to": "1004", "flow": "hello" }).to_string();
    let reused = scene.server.api.send("POST", "/v1/calls", &key, &other);
    assert!((400..500).contains(&reused.status), "the key of another order: {}", reused.json());

    phone.wait("CALL_ESTABLISHED");
    let started = scene.of(&contact, "flow_started");
    assert_eq!(started["data"]["flow"], "hello");
    let live = scene.server.api.get(&format!("/v1/calls/{contact}"))["contact"].clone();
    assert_eq!(live["data"]["order"], "4711", "{live}");
    let sip = scene.server.api.send("GET", &format!("/v1/calls/{contact}/sip"), &[], "");
    let history = String::from_utf8_lossy(&sip.body).into_owned();
    assert!(history.contains("INVITE sip:1003") && history.contains("200 "), "{history}");

    let key = [("Idempotency-Key", "hang-up-4711")];
    let reply = scene.server.api.send("POST", &format!("/v1/calls/{contact}/hangup"), &key, "{}");
    assert_eq!(reply.status, 200, "{}", reply.json());
    phone.wait("CALL_CLOSED");
    let record = scene.record(&contact);
    assert_eq!((&record["ended_by"], &record["cause"]), (&"command".into(), &"released".into()), "{record}");
    assert_eq!(record["data"]["order"], "4711", "{record}");
    assert_eq!(scene.events.so_far("contact_opened").len(), 1, "one effect");
    let again = scene.server.api.send("POST", &format!("/v1/calls/{contact}/hangup"), &key, "{}");
    assert_eq!((again.status, again.json()), (200, reply.json()), "it has ended, and the same key has the same answer");
    let gone = scene.server.api.send("POST", &format!("/v1/calls/{contact}/hangup"), &[], "{}");
    assert!((400..500).contains(&gone.status), "{}", gone.json());
    scene.server.assert_rest();
}

#[test]
fn an_ordered_call_goes_out_over_the_carrier_and_hears_the_flow() {
    alone(|| {
        let scene = Scene::new(&Plan::default());
        let rtp = Rtp::new(Law::A);
        let mut carrier = Sipp::answer(&scene.server, &rtp, &Callee::Answers);
        let reply = scene.server.api.post("/v1/calls", &json!({ "to": "913800138000", "flow": "hello" }));
        let contact = reply["contact"].as_str().expect("the contact's id").to_owned();
        scene.of(&contact, "flow_started");
        let said = library("en-US/opening-hours");
        rtp.wait_packets(said.len() / 160 + 40);
        let alike = likeness(&rtp.pcm(0), &said, 4_000);
        assert!(alike > 0.9, "what came is like the prompt by {alike}");
        let sip = scene.server.api.send("GET", &format!("/v1/calls/{contact}/sip"), &[], "");
        let history = String::from_utf8_lossy(&sip.body).into_owned();
        let call_id = history.lines().find_map(|line| line.strip_prefix("Call-ID: ")).expect("a Call-ID").to_owned();
        carrier.cue_in(&call_id);
        carrier.done();
        let record = scene.record(&contact);
        assert_eq!((&record["disposition"], &record["cause"]), (&"answered".into(), &"hung-up".into()), "{record}");
        scene.server.assert_rest();
    });
}

#[test]
fn an_ordered_call_that_nobody_can_take_says_why() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let rtp = Rtp::new(Law::A);
    let mut carrier = Sipp::answer(&scene.server, &rtp, &Callee::Refuses(486));
    let reply = scene.server.api.post("/v1/calls", &json!({ "to": "913800138000", "flow": "hello" }));
    let contact = reply["contact"].as_str().expect("the contact's id").to_owned();
    carrier.done();
    let record = scene.record(&contact);
    assert_eq!((&record["disposition"], &record["cause"]), (&"not-answered".into(), &"busy".into()), "{record}");
    assert_eq!(record["sip_status"], 486, "{record}");

    let unknown = scene.server.api.send("POST", "/v1/calls", &[], r#"{"to": "5555", "flow": "hello"}"#);
    assert!((400..500).contains(&unknown.status), "{}", unknown.json());
    let no_flow = scene.server.api.send("POST", "/v1/calls", &[], r#"{"to": "1003", "flow": "nothing"}"#);
    assert!((400..500).contains(&no_flow.status), "{}", no_flow.json());
    let wrong_field = scene.server.api.send("POST", "/v1/calls", &[], r#"{"to": "1003", "flow": "hello", "tp": 1}"#);
    assert_eq!(wrong_field.status, 400, "{}", wrong_field.json());
    assert!(wrong_field.json().to_string().contains("tp"), "the problem names the field: {}", wrong_field.json());
    let mut stranger = scene.server.api.clone();
    stranger.token = "somebody-elses".to_owned();
    assert_eq!(stranger.send("GET", "/v1/calls", &[], "").status, 401);
    scene.server.assert_rest();
}
