//! Single legs through the real binary, judged by ear: one is ended by its name, one hears an announcement with all
//! others, one is held of three, one is outside, one calls somebody while another waits on hold.

use serde_json::{Value, json};

use crate::harness::wait::alone;
use crate::picking::nobody_ready;
use crate::scenario::place::CARRIER;
use crate::scenario::ua::call::Deed;
use crate::verbs::{Talk, end, place, talk};

/// A number outside as a phone dials it.
const OUTSIDE: &str = "913800000000";

impl Talk {
    fn all_hear_each_other(&mut self, all: &[&str]) {
        for who in all {
            let others: Vec<&str> = all.iter().copied().filter(|other| other != who).collect();
            self.hears(who, &others);
        }
    }

    /// bo comes to ana and the customer.
    fn is_joined_by_bo(&mut self) {
        self.does("invite", &json!({ "agent": "a0", "to": { "agent": "a1" } }));
        self.answers("bo");
        self.all_hear_each_other(&["customer", "ana", "bo"]);
    }

    fn leg(&self, agent: &str) -> Value {
        let view = self.view();
        let legs = view["calls"][0]["legs"].as_array().cloned().unwrap_or_default();
        let leg = legs.iter().find(|leg| leg["agent"]["id"] == agent).unwrap_or_else(|| panic!("no {agent}: {view}"));
        leg["leg"].clone()
    }

    /// Whoever is called over the carrier picks up; which number he was shown.
    fn outside_answers(&mut self) -> String {
        self.answers("outside");
        let ua = &self.stage.ends.uas[end("outside")];
        assert_eq!(ua.name, CARRIER);
        let from = ua.calls[&self.call("outside")].remote.clone();
        let user = from.split_once("sip:").and_then(|(_, rest)| rest.split_once('@')).map(|(user, _)| user.to_owned());
        user.unwrap_or_else(|| panic!("a number in {from}"))
    }

    /// The site's file with these parts changed.
    fn site_has(&self, changes: &[(&str, &str)]) {
        let file = self.stage.server.folder.path().join("sites/site.yaml");
        let before = std::fs::read_to_string(file).expect("the site was written");
        let after = changes.iter().fold(before, |text, (old, new)| {
            assert!(text.contains(old), "{old} is in the site");
            text.replacen(old, new, 1)
        });
        let reply = self.stage.server.api.send("PUT", "/v1/site", &[], &json!({ "site": after }).to_string());
        assert_eq!(reply.status, 200, "{}", reply.json());
    }
}

#[test]
fn one_leg_is_ended_by_its_name_whether_it_rings_or_talks() {
    alone(|| {
        let mut talk = talk();
        talk.does("invite", &json!({ "agent": "a0", "to": { "agent": "a1" } }));
        let rung = talk.is_rung("bo");
        talk.does("hangup", &json!({ "agent": "a1" }));
        talk.is_released("bo");
        assert!(talk.stage.ends.uas[place("bo")].diaries[&rung].cancelled.is_some(), "CANCEL");
        talk.all_hear_each_other(&["customer", "ana"]);
        assert_eq!(talk.told("invite_ended", 0)["data"]["cause"], "released");

        talk.is_joined_by_bo();
        talk.does("hangup", &json!({ "leg": talk.leg("a1") }));
        talk.is_released("bo");
        talk.all_hear_each_other(&["customer", "ana"]);

        talk.does("hangup", &json!({ "agent": "a0" }));
        talk.is_released("ana");
        // the flow has the customer, says goodbye and hangs up
        talk.hears("customer", &["music"]);
        talk.is_released("customer");
        talk.told("contact_closed", 0);
        talk.stage.server.assert_rest();
    });
}

#[test]
fn a_whole_call_hears_an_announcement_instead_of_each_other() {
    alone(|| {
        let mut talk = talk();
        talk.is_joined_by_bo();
        let call = talk.view()["calls"][0]["call"].clone();
        assert!(call.is_string(), "{call}");
        talk.does("announce", &json!({ "call": call, "sounds": ["en-US/main-menu"] }));
        for who in ["customer", "ana", "bo"] {
            talk.hears(who, &["music"]);
        }
        let ended = talk.told("announcement_ended", 0);
        assert!(ended["data"]["missing"].is_null(), "{ended}");
        talk.all_hear_each_other(&["customer", "ana", "bo"]);
        talk.hangs_up("bo");
        talk.ends();
    });
}

#[test]
fn all_of_a_conference_are_warned_of_its_end_and_again_when_it_is_put_off() {
    alone(|| {
        let mut talk = talk();
        talk.is_joined_by_bo();
        talk.refuses("conference/extend", &json!({ "by_ms": 8_000 }), 409, "nothing-to-end");
        let limits = json!({ "length_ms": 10_000, "warn_ms": 8_000, "sounds": ["en-US/main-menu"] });
        talk.does("conference", &limits);
        for n in 0..2 {
            talk.told("conference_ending", n);
            for who in ["customer", "ana", "bo"] {
                talk.hears(who, &["music"]);
            }
            if n == 0 {
                talk.does("conference/extend", &json!({ "by_ms": 8_000 }));
                talk.all_hear_each_other(&["customer", "ana", "bo"]);
            }
        }
        // the end: agents are released, and the flow has the customer
        talk.is_released("ana");
        talk.is_released("bo");
        talk.hears("customer", &["music"]);
        talk.is_released("customer");
        talk.told("contact_closed", 0);
        let seq = talk.stage.server.api.get("/v1/calls")["seq"].as_u64().expect("a seq");
        let record = talk.stage.server.api.record(&talk.contact, seq);
        let legs = record["legs"].as_array().cloned().unwrap_or_default();
        assert_eq!(legs.iter().filter(|leg| leg["cause"] == "too-long").count(), 2, "{record}");
        talk.stage.server.assert_rest();
    });
}

#[test]
fn a_number_outside_is_consulted_and_invited_and_sees_our_number() {
    alone(|| {
        let mut talk = talk();
        let (trunk, agent) = ("codecs: [PCMA], ", "{id: a0, ");
        let caller_id = format!("{trunk}caller_id: \"+864008000003\", ");
        talk.site_has(&[(trunk, &caller_id)]);
        talk.does("consult", &json!({ "agent": "a0", "to": OUTSIDE }));
        assert_eq!(talk.outside_answers(), "+864008000003", "the trunk's number");
        let from = talk.rtp("customer").heard();
        talk.hears("ana", &["outside"]);
        talk.hears("outside", &["ana"]);
        talk.hears("customer", &["music"]);
        talk.never_heard("customer", from, &["ana", "outside"]);
        talk.does("consult/cancel", &json!({ "agent": "a0" }));
        talk.is_released("outside");
        talk.all_hear_each_other(&["customer", "ana"]);

        let rule = format!("{agent}calling_number: {{fixed: \"+864008000001\"}}, ");
        talk.site_has(&[(trunk, &caller_id), (agent, &rule)]);
        talk.does("invite", &json!({ "agent": "a0", "to": OUTSIDE }));
        assert_eq!(talk.outside_answers(), "+864008000001", "the agent's number");
        talk.all_hear_each_other(&["customer", "ana", "outside"]);
        talk.hangs_up("outside");
        talk.all_hear_each_other(&["customer", "ana"]);

        talk.does("consult", &json!({ "agent": "a0", "to": OUTSIDE, "from": "+864008000003" }));
        assert_eq!(talk.outside_answers(), "+864008000003", "the number it names");
        talk.hears("ana", &["outside"]);
        talk.does("consult/complete", &json!({ "agent": "a0" }));
        talk.is_released("ana");
        talk.all_hear_each_other(&["customer", "outside"]);
        talk.ends();
    });
}

#[test]
fn one_of_three_is_held_and_the_others_talk_on() {
    alone(|| {
        let mut talk = talk();
        talk.is_joined_by_bo();
        let bo = json!({ "agent": "a1" });
        talk.does("hold", &bo);
        talk.hears("bo", &["music"]);
        talk.all_hear_each_other(&["customer", "ana"]);
        talk.does("retrieve", &bo);
        talk.all_hear_each_other(&["customer", "ana", "bo"]);
        let customer = talk.customer();
        talk.does("hold", &customer);
        talk.hears("customer", &["music"]);
        talk.all_hear_each_other(&["ana", "bo"]);
        talk.does("retrieve", &customer);
        talk.all_hear_each_other(&["customer", "ana", "bo"]);
        talk.hangs_up("bo");
        talk.ends();
    });
}

#[test]
fn a_phone_holds_and_takes_back_by_its_own_offers() {
    alone(|| {
        let mut talk = talk();
        for _ in 0..2 {
            talk.carries_out("ana", Deed::Hold);
            talk.hears("customer", &["music"]);
            talk.carries_out("ana", Deed::Retrieve);
            talk.all_hear_each_other(&["customer", "ana"]);
        }
        talk.ends();
    });
}

#[test]
fn an_agent_calls_a_colleague_while_the_customer_is_on_hold_and_comes_back() {
    alone(|| {
        let mut talk = talk();
        let customer = talk.customer();
        talk.does("hold", &customer);
        talk.hears("customer", &["music"]);
        let (first, from) = (talk.call("ana"), talk.rtp("customer").heard());
        let order = json!({ "by": { "agent": "a0" }, "to": "1900" });
        let second = talk.stage.server.api.post("/v1/calls", &order)["contact"].clone();
        assert!(second.is_string(), "{second}");
        talk.answers("ana");
        talk.answers("cai");
        talk.all_hear_each_other(&["ana", "cai"]);
        talk.hears("customer", &["music"]);
        talk.never_heard("customer", from, &["ana", "cai"]);
        talk.refuses("retrieve", &json!({}), 409, "agent-busy");
        talk.hangs_up("ana");
        talk.is_released("cai");
        talk.calls[place("ana")] = Some(first);
        talk.does("retrieve", &json!({}));
        talk.all_hear_each_other(&["customer", "ana"]);
        talk.ends();
    });
}

#[test]
fn whoever_calls_a_group_waits_in_its_queue_and_talks_to_who_comes() {
    alone(|| {
        let mut talk = nobody_ready();
        let api = talk.stage.server.api.clone();
        let order = json!({ "by": { "agent": "a0" }, "to": { "group": "sales" } });
        talk.contact = api.post("/v1/calls", &order)["contact"].as_str().expect("an id").to_owned();
        talk.answers("ana");
        talk.hears("ana", &["music"]);
        assert!(talk.stage.ends.uas[place("bo")].diaries.is_empty(), "he is not ready");
        api.post("/v1/agents/a1/ready", &json!({}));
        talk.answers("bo");
        talk.all_hear_each_other(&["ana", "bo"]);
        talk.hangs_up("ana");
        talk.is_released("bo");
        talk.told("contact_closed", 0);
        let seq = api.get("/v1/calls")["seq"].as_u64().expect("a seq");
        let record = api.record(&talk.contact, seq);
        assert_eq!(record["visits"][0]["group"]["id"], "sales", "{record}");
        talk.stage.server.assert_rest();
    });
}
