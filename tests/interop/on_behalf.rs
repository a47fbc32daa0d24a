//! What is done in somebody's name, with phones that are heard: a supervisor ends a leg or a contact and forces an agent,
//! and an agent is called and led to a flow. Events and record say whose doing it was.

use serde_json::{Value, json};

use crate::consults::SUPERVISED;
use crate::harness::sound::{RATE, library, likeness, quarters};
use crate::harness::wait::alone;
use crate::scenario::place::Shape;
use crate::scenario::ua::call::Plan;
use crate::verbs::{PEOPLE, Talk, end, talk_at};
use crate::wire_stage::OnWire;

/// bo did it, and the token through which he did.
fn assert_bos(event: &Value) {
    let by = &event["by"];
    assert_eq!((&by["actor"], &by["agent_no"]), (&json!("agent"), &json!(2)), "{event}");
    assert!(by["token_no"].is_u64(), "{event}");
}

impl Talk {
    /// What bo forces on ana.
    fn forces(&self, verb: &str) -> Value {
        let body = json!({ "force": "called to the desk", "by": "a1" });
        self.stage.server.api.post(&format!("/v1/agents/a0/{verb}"), &body)
    }

    fn event_of(&self, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.stage.events.wait(kind, is_it)
    }
}

#[test]
fn a_supervisor_ends_anas_leg_and_the_customer_hears_what_his_flow_says_then() {
    alone(|| {
        let mut talk = talk_at(&SUPERVISED);
        let customer = talk.customer()["leg"].clone();
        talk.refuses("hangup", &json!({ "leg": customer, "by": "a1" }), 403, "out-of-scope");
        talk.refuses("hangup", &json!({ "agent": "a0", "by": "a0" }), 403, "out-of-scope");
        talk.hears("customer", &["ana"]);
        talk.hears("ana", &["customer"]);
        talk.does("hangup", &json!({ "agent": "a0", "by": "a1" }));
        talk.is_released("ana");
        let hers = talk.event_of("leg_ended", |event| event["agent_no"] == 1);
        assert_eq!(hers["data"]["cause"], "released", "{hers}");
        assert_bos(&hers);
        // The flow goes on behind her: it says goodbye and ends the call.
        talk.is_released("customer");
        let record = talk.closed();
        assert_eq!((&record["ended_by"], &record["disposition"]), (&json!("flow"), &json!("answered")), "{record}");
        let legs = record["legs"].as_array().expect("a list");
        let hers = legs.iter().find(|leg| leg["agent"]["id"] == "a0").expect("she talked");
        assert_eq!((&hers["ended_by"], &hers["cause"]), (&json!("command"), &json!("released")), "{record}");
        let said = talk.recorded().right;
        let alike = likeness(&said[said.len().saturating_sub(2 * RATE)..], &library("en-US/goodbye"), RATE * 3 / 2);
        assert!(alike > 0.9, "what came is like the prompt by {alike}");
        talk.stage.server.assert_rest();
    });
}

#[test]
fn a_supervisor_ends_a_whole_contact() {
    alone(|| {
        let mut talk = talk_at(&SUPERVISED);
        talk.does("hangup", &json!({ "by": "a1" }));
        talk.is_released("ana");
        talk.is_released("customer");
        let record = talk.closed();
        assert_eq!((&record["ended_by"], &record["cause"]), (&json!("command"), &json!("released")), "{record}");
        for event in talk.stage.events.so_far("leg_ended") {
            assert_bos(&event);
        }
        talk.stage.server.assert_rest();
    });
}

#[test]
fn what_a_supervisor_forces_on_an_agent_who_talks_waits_for_the_end_of_her_talk() {
    alone(|| {
        let mut talk = talk_at(&SUPERVISED);
        let api = talk.stage.server.api.clone();
        let refused = |body: Value| {
            let reply = api.send("POST", "/v1/agents/a0/sign-out", &[], &body.to_string());
            (reply.status, reply.json()["code"].as_str().unwrap_or("?").to_owned())
        };
        assert_eq!(refused(json!({ "force": "home", "by": "a0" })), (403, "out-of-scope".to_owned()));
        assert_eq!(
            refused(json!({ "by": "a1" })),
            (400, "bad-request".to_owned()),
            "without a reason nothing is forced"
        );
        assert_eq!(talk.stage.events.so_far("agent_forced").len(), 0);
        talk.forces("sign-out");
        let forced = talk.told("agent_forced", 0);
        assert_eq!((&forced["agent_no"], &forced["data"]["verb"]), (&json!(1), &json!("sign-out")), "{forced}");
        assert_eq!(forced["data"]["why"], "called to the desk", "{forced}");
        assert_bos(&forced);
        let from = talk.rtp("customer").heard();
        talk.rtp("customer").wait_packets(from + 50);
        talk.hears("customer", &["ana"]);
        talk.hears("ana", &["customer"]);
        assert_eq!(api.agent_state("a0"), "talking");
        let record = talk.is_over();
        assert_eq!(record["ended_by"], "customer", "{record}");
        talk.event_of("agent_signed_out", |event| event["agent_no"] == 1);
        assert_eq!(api.agent_state("a0"), "signed-out");
        talk.stage.server.assert_rest();
    });
}

#[test]
fn what_rings_at_an_agent_who_is_forced_away_goes_to_the_next() {
    alone(|| {
        let mut stage = OnWire::new(&SUPERVISED);
        stage.server.api.post("/v1/agents/a1/not-ready", &json!({}));
        let caller = stage.ends.touch(0, |ua, t| ua.call("4008000002", "+8613900000001", Plan::default(), t));
        let mut talk = Talk { stage, contact: String::new(), calls: [None; PEOPLE] };
        talk.calls[0] = Some(caller);
        talk.is_rung("ana");
        talk.contact = talk.told("offer_alerting", 0)["contact"].as_str().expect("an id").to_owned();
        talk.forces("not-ready");
        talk.is_released("ana");
        let ended = talk.told("offer_ended", 0);
        assert_eq!((&ended["agent_no"], &ended["data"]["ending"]), (&json!(1), &json!("rescinded")), "{ended}");
        assert_bos(&ended);
        talk.hears("customer", &["music"]);
        talk.stage.server.api.post("/v1/agents/a1/ready", &json!({}));
        talk.answers("bo");
        talk.says("customer");
        talk.hears("customer", &["bo"]);
        talk.hears("bo", &["customer"]);
        let record = talk.ends();
        let offers = record["offers"].as_array().expect("a list");
        let endings: Vec<_> = offers.iter().map(|o| (o["agent"]["id"].clone(), o["ending"].clone())).collect();
        let expected = [("a0", "rescinded"), ("a1", "connected")].map(|(agent, ending)| (json!(agent), json!(ending)));
        assert_eq!(endings, expected, "{record}");
    });
}

#[test]
fn an_agent_is_called_and_led_to_a_flow_which_speaks_to_him_and_sends_him_to_a_group() {
    alone(|| {
        let welcome = library("en-US/welcome");
        let stage = OnWire::new(&Shape::SMALL);
        let order = json!({ "by": { "agent": "a1" }, "to": { "flow": "callback", "data": { "order": "4711" } } });
        let contact = stage.server.api.post("/v1/calls", &order)["contact"].as_str().expect("an id").to_owned();
        let mut talk = Talk { stage, contact, calls: [None; PEOPLE] };
        let call = talk.is_rung("bo");
        assert_eq!(talk.stage.server.api.agent_state("a1"), "dialing");
        assert_eq!(talk.stage.events.so_far("flow_started").len(), 0, "nobody is there to hear it");
        talk.answers("bo");
        let started = talk.told("flow_started", 0);
        assert_eq!(
            (&started["contact"], &started["data"]["flow"]),
            (&json!(talk.contact), &json!("callback")),
            "{started}"
        );
        // It begins with the first packet; ana does not ring for ever.
        let rtp = talk.stage.ends.sound(end("bo"), call);
        rtp.wait_packets(welcome.len() / 160 + 20);
        let heard = rtp.pcm(0);
        assert_eq!(talk.view()["data"]["order"], "4711");
        // He is one of the group himself, and talks: it is ana who is rung.
        talk.answers("ana");
        talk.hears("bo", &["ana"]);
        talk.hears("ana", &["bo"]);
        for agent in ["a0", "a1"] {
            assert_eq!(talk.stage.server.api.agent_state(agent), "talking");
        }
        let came = quarters(&heard, &welcome);
        assert!(came >= 2, "{came} quarters of the prompt came");
        talk.hangs_up("bo");
        talk.is_released("ana");
        let record = talk.closed();
        let flows: Vec<_> = record["flows"].as_array().expect("a list").iter().map(|f| f["flow"].clone()).collect();
        assert_eq!((flows, &record["ended_by"]), (vec![json!("callback")], &json!("agent")), "{record}");
        talk.stage.server.assert_rest();
    });
}
