//! An agent's leg that stays up between calls, with two customers whom she hears one after the other.

use serde_json::{Value, json};

use crate::harness::wait::alone;
use crate::scenario::place::Shape;
use crate::scenario::ua::call::{Phase, Plan};
use crate::verbs::{PEOPLE, Talk, place};
use crate::wire_stage::OnWire;

/// Nobody's leg is there yet: ana's rings once and stays up.
fn permanent() -> Talk {
    let stage = OnWire::new(&Shape::SMALL);
    let api = &stage.server.api;
    api.post("/v1/agents/a1/not-ready", &json!({}));
    api.post("/v1/agents/a0/sign-out", &json!({}));
    api.post("/v1/agents/a0/sign-in", &json!({ "station": { "extension": "1001", "permanent": true } }));
    let mut talk = Talk { stage, contact: String::new(), calls: [None; PEOPLE] };
    talk.answers("ana");
    talk.told("media_heard", 0);
    talk.stage.server.api.post("/v1/agents/a0/ready", &json!({}));
    talk
}

impl Talk {
    /// The `n`th customer calls and talks with ana at once; the record of his contact when he has left.
    fn is_served_by_ana(&mut self, n: usize) -> Value {
        let caller =
            self.stage.ends.touch(0, |ua, t| ua.call("4008000002", &format!("+861390000000{n}"), Plan::default(), t));
        self.calls[place("customer")] = Some(caller);
        self.told("offer_connected", n);
        let calls = self.stage.server.api.get("/v1/calls");
        self.contact = calls["contacts"][0]["contact"].as_str().expect("an id").to_owned();
        self.says("customer");
        self.hears("ana", &["customer"]);
        self.hears("customer", &["ana"]);
        self.stage.ends.touch(0, |ua, t| ua.hang_up(caller, t));
        self.is_released("customer");
        self.told("contact_closed", n);
        let seq = self.stage.server.api.get("/v1/calls")["seq"].as_u64().expect("a seq");
        self.stage.server.api.record(&self.contact, seq)
    }
}

#[test]
fn a_leg_that_stays_up_hears_each_customer_and_silence_between() {
    alone(|| {
        let mut talk = permanent();
        let call = talk.calls[place("ana")].expect("her leg is up");
        for n in 0..2 {
            // At rest: packets of silence.
            talk.hears("ana", &[]);
            let from = talk.rtp("ana").heard();
            talk.rtp("ana").wait_packets(from + 50);
            talk.never_heard("ana", from, &["customer", "bo", "cai"]);
            let record = talk.is_served_by_ana(n);
            let segments = record["recording"]["segments"].as_array().cloned().unwrap_or_default();
            assert!(segments.iter().any(|segment| segment["agent"]["id"] == "a0"), "{record}");
            let legs = record["legs"].as_array().cloned().unwrap_or_default();
            assert!(legs.iter().any(|leg| leg["role"] == "agent" && leg["cause"] == "peer-left"), "{record}");
        }
        let ana = &talk.stage.ends.uas[1];
        assert_eq!(ana.diaries.values().filter(|diary| !diary.outgoing).count(), 1, "one INVITE");
        assert!(ana.calls.get(&call).is_some_and(|c| c.phase == Phase::Up), "and no BYE");
        let rested = talk.stage.events.so_far("leg_rested").len();
        assert_eq!(rested, 2);
        talk.stage.server.api.post("/v1/agents/a0/sign-out", &json!({}));
        talk.is_released("ana");
        talk.stage.server.assert_rest();
    });
}
