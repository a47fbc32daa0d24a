//! Calls that agents take or begin by a command, with phones that ring and are heard: pick-up and previews.

use serde_json::json;

use crate::harness::wait::alone;
use crate::scenario::place::Shape;
use crate::scenario::ua::Ua;
use crate::scenario::ua::call::{Phase, Plan};
use crate::verbs::{PEOPLE, Talk};
use crate::wire_stage::OnWire;

/// Both agents are signed in, and not ready.
pub fn nobody_ready() -> Talk {
    let stage = OnWire::new(&Shape::SMALL);
    for agent in ["a0", "a1"] {
        stage.server.api.post(&format!("/v1/agents/{agent}/not-ready"), &json!({}));
    }
    Talk { stage, contact: String::new(), calls: [None; PEOPLE] }
}

impl Talk {
    fn picks(&self, agent: &str) {
        self.stage.server.api.post(&format!("/v1/agents/{agent}/pick"), &json!({ "contact": self.contact }));
    }
}

#[test]
fn what_waits_and_what_rings_at_a_colleague_is_picked_up() {
    alone(|| {
        let mut talk = nobody_ready();
        let caller = talk.stage.ends.touch(0, |ua, t| ua.call("4008000002", "+8613900000001", Plan::default(), t));
        talk.calls[0] = Some(caller);
        talk.contact = talk.told("item_entered", 0)["contact"].as_str().expect("an id").to_owned();
        let up = |uas: &[Ua]| uas[0].calls.get(&caller).is_some_and(|call| call.phase == Phase::Up);
        talk.stage.ends.until("the caller to be up", up);
        talk.hears("customer", &["music"]);
        talk.picks("a1");
        talk.answers("bo");
        talk.says("customer");
        talk.hears("customer", &["bo"]);
        talk.hears("bo", &["customer"]);

        // He gives the customer to ana's number, whose phone rings, and takes him back.
        talk.does("transfer", &json!({ "agent": "a1", "mode": "blind", "to": "1001" }));
        talk.is_released("bo");
        talk.stage.ends.until("ana's phone to ring", |uas| uas[1].live_call().is_some());
        talk.picks("a1");
        talk.stage.ends.until("both to ring", |uas| uas[1].live_calls() + uas[2].live_calls() == 2);
        talk.answers("bo");
        talk.is_released("ana");
        talk.hears("customer", &["bo"]);
        talk.hears("bo", &["customer"]);
        let record = talk.ends();
        let causes: Vec<_> =
            record["legs"].as_array().expect("a list").iter().map(|leg| leg["cause"].clone()).collect();
        assert!(causes.contains(&"lost-race".into()), "{record}");
    });
}

#[test]
fn a_preview_is_skipped_or_dialled() {
    alone(|| {
        let mut talk = nobody_ready();
        let api = talk.stage.server.api.clone();
        api.post("/v1/agents/a0/ready", &json!({}));
        let shown =
            json!({ "to": "913800000000", "timeout_ms": 30_000, "on_timeout": "skip", "data": { "case": "47" } });
        let preview = |talk: &mut Talk| {
            let reply = api.post("/v1/agents/a0/previews", &shown);
            talk.contact = reply["contact"].as_str().unwrap_or_else(|| panic!("no contact: {reply}")).to_owned();
            assert_eq!(talk.view()["data"]["case"], "47");
            format!("/v1/agents/a0/previews/{}", talk.contact)
        };
        let first = preview(&mut talk);
        api.post(&format!("{first}/skip"), &json!({}));
        assert_eq!(talk.told("preview_ended", 0)["data"]["ending"], "skipped");
        assert!(talk.stage.ends.uas.iter().all(|ua| ua.diaries.is_empty()), "nobody was dialled");

        let second = preview(&mut talk);
        api.post(&format!("{second}/dial"), &json!({}));
        talk.answers("ana");
        talk.answers("customer");
        talk.hears("ana", &["customer"]);
        talk.hears("customer", &["ana"]);
        talk.hangs_up("customer");
        talk.is_released("ana");
        talk.told("contact_closed", 1);
        talk.stage.server.assert_rest();
    });
}
