//! Consults that the queue sends through the real binary: to an agent by name and to a group, and a supervisor in one. Who
//! hears whom is judged at each far end, and that nothing of a consult is in the recording.

use serde_json::{Value, json};

use crate::harness::sound::{RATE, Stereo, loudness};
use crate::harness::wait::alone;
use crate::scenario::place::Shape;
use crate::verbs::{Talk, talk, talk_at, voices};

/// Quieter than any sound: G.711 has no exact zero.
const SILENT: f64 = 0.002;

/// What is asked is done a little later, and a packet is older than its arrival: so much at both ends of a stretch is not
/// judged.
const EDGE: usize = RATE / 10;

impl Talk {
    /// For a second of what he hears.
    fn talks_on(&self, who: &str) {
        self.rtp(who).wait_packets(self.rtp(who).heard() + 50);
    }

    /// Nothing of them since packet `from`, nor for a second more.
    fn never_hears(&self, who: &str, from: usize, others: &[&str]) {
        self.talks_on(who);
        self.never_heard(who, from, others);
    }

    /// ana consults whoever `to` leads to, who is bo: from the first moment only they hear each other.
    fn consults_bo(&mut self, to: &Value, ready: bool) {
        self.talks_on("customer");
        self.does("consult", &json!({ "agent": "a0", "to": to }));
        self.hears("customer", &["music"]);
        self.hears("ana", &["music"]);
        let from = ["customer", "ana"].map(|who| self.rtp(who).heard());
        if ready {
            self.stage.server.api.post("/v1/agents/a1/ready", &json!({}));
        }
        self.answers("bo");
        self.hears("ana", &["bo"]);
        self.hears("bo", &["ana"]);
        self.hears("customer", &["music"]);
        for agent in ["a0", "a1"] {
            assert_eq!(self.stage.server.api.agent_state(agent), "consulting");
        }
        let view = self.view();
        let consult = &view["calls"][1];
        assert_eq!((&consult["kind"], &consult["legs"][1]["agent"]["id"]), (&json!("consult"), &json!("a1")), "{view}");
        self.talks_on("customer");
        self.never_hears("customer", from[0], &["ana", "bo"]);
        self.never_hears("ana", from[1], &["customer"]);
        self.never_hears("bo", 0, &["customer"]);
    }

    /// ana gives bo the customer. The record of the contact, which is over then.
    fn has_bo_take_him(&mut self) -> Value {
        self.does("consult/complete", &json!({ "agent": "a0" }));
        self.is_released("ana");
        self.hears("customer", &["bo"]);
        self.hears("bo", &["customer"]);
        assert_eq!(self.stage.server.api.agent_state("a1"), "talking");
        self.talks_on("customer");
        let record = self.is_over();
        let agents: Vec<_> = record["agents"].as_array().expect("a list").iter().map(|a| a["id"].clone()).collect();
        assert_eq!(agents, ["a0", "a1"], "{record}");
        assert_eq!(record["transfers"][0]["ending"], "completed", "{record}");
        record
    }

    /// Who is with whom: each of them hears the others, and music where nobody is.
    fn are_heard(&mut self, rows: &[(&str, &[&str])]) {
        for (who, others) in rows {
            self.hears(who, others);
        }
    }

    /// One stretch of the recording: whose it is, and both its tracks.
    fn stretch(&mut self, segment: &Value) -> (Value, Stereo) {
        let url = segment["url"].as_str().unwrap_or_else(|| panic!("no sound: {segment}"));
        let wav = self.stage.server.api.send("GET", url, &[], "");
        assert_eq!(wav.status, 200, "{segment}");
        (segment["agent"]["id"].clone(), Stereo::read(&wav.body))
    }

    /// The customer is in it without a gap, each agent while he talks to him, and nobody while they consult.
    fn has_nothing_of_the_consult_recorded(&mut self, record: &Value) {
        self.told("recording_ended", 0);
        let segments = record["recording"]["segments"].as_array().expect("a list").clone();
        // The first one is from his call to ana's answer.
        let stretches: Vec<_> = segments[1..].iter().map(|segment| self.stretch(segment)).collect();
        let whose: Vec<_> = stretches.iter().map(|(agent, _)| agent.clone()).collect();
        assert_eq!(whose, [json!("a0"), Value::Null, json!("a1")], "{record}");
        let [(_, ana), (_, consult), (_, bo)] = &stretches[..] else { panic!("three stretches: {record}") };
        let tail = |track: &[i16]| voices(&track[track.len() / 2..]);
        assert_eq!((tail(&ana.left), tail(&ana.right)), (vec!["customer".to_owned()], vec!["ana".to_owned()]));
        assert_eq!((tail(&bo.left), tail(&bo.right)), (vec!["customer".to_owned()], vec!["bo".to_owned()]));
        assert!(consult.left.len() > RATE, "of {} samples", consult.left.len());
        let within = EDGE..consult.left.len() - EDGE;
        assert_eq!(voices(&consult.left[within.clone()]), ["customer"], "he goes on to be recorded");
        let leak = loudness(&consult.right[within]);
        assert!(leak < SILENT, "{leak} of the consult was recorded: {:?}", voices(&consult.right));
    }
}

#[test]
fn a_consult_to_an_agent_is_between_the_two_and_then_the_customer_has_him() {
    alone(|| {
        let mut talk = talk();
        talk.consults_bo(&json!({ "agent": "a1" }), false);
        let record = talk.has_bo_take_him();
        talk.has_nothing_of_the_consult_recorded(&record);
        talk.stage.server.assert_rest();
    });
}

#[test]
fn a_consult_to_a_group_waits_for_whoever_is_ready_and_the_customer_hears_nothing_of_it() {
    alone(|| {
        let mut talk = talk();
        talk.consults_bo(&json!({ "group": "sales" }), true);
        let record = talk.has_bo_take_him();
        talk.has_nothing_of_the_consult_recorded(&record);
        talk.stage.server.assert_rest();
    });
}

/// bo supervises the group that has ana.
pub const SUPERVISED: Shape = Shape { bo_supervises: "support", ..Shape::SMALL };

#[test]
fn a_supervisor_goes_with_ana_into_her_consult_and_takes_her_place_once_it_is_over() {
    alone(|| {
        let mut talk = talk_at(&SUPERVISED);
        let (ana, bo) = (json!({ "agent": "a0" }), json!({ "agent": "a1" }));
        talk.does("consult", &json!({ "agent": "a0", "to": "1900" }));
        talk.answers("cai");
        talk.hears("ana", &["cai"]);
        let apart = ["customer", "cai"].map(|who| (who, talk.rtp(who).heard()));
        talk.does("supervise", &json!({ "by": "a1", "target": ana }));
        talk.answers("bo");
        let listens: [(&str, &[&str]); 4] =
            [("bo", &["ana", "cai"]), ("ana", &["cai"]), ("cai", &["ana"]), ("customer", &["music"])];
        talk.are_heard(&listens);
        talk.refuses("intercept", &bo, 409, "transfer-runs");
        talk.are_heard(&listens);
        talk.does("supervise/mode", &json!({ "agent": "a1", "mode": "whisper" }));
        talk.are_heard(&[("ana", &["cai", "bo"]), ("cai", &["ana"]), ("customer", &["music"])]);
        talk.does("supervise/mode", &json!({ "agent": "a1", "mode": "listen" }));

        talk.does("consult/swap", &ana);
        talk.are_heard(&[
            ("bo", &["customer", "ana"]),
            ("ana", &["customer"]),
            ("customer", &["ana"]),
            ("cai", &["music"]),
        ]);
        talk.refuses("intercept", &bo, 409, "transfer-runs");
        talk.does("consult/swap", &ana);
        talk.are_heard(&listens);
        talk.never_hears("customer", apart[0].1, &["bo", "cai"]);
        talk.never_hears("cai", apart[1].1, &["bo", "customer"]);

        talk.does("consult/cancel", &ana);
        talk.is_released("cai");
        talk.are_heard(&[("bo", &["customer", "ana"]), ("ana", &["customer"]), ("customer", &["ana"])]);
        talk.does("intercept", &bo);
        talk.is_released("ana");
        talk.are_heard(&[("customer", &["bo"]), ("bo", &["customer"])]);
        assert_eq!(talk.stage.server.api.agent_state("a1"), "talking");
        let record = talk.ends();
        let supervision = &record["supervisions"][0];
        assert_eq!(
            (&supervision["agent"]["id"], &supervision["ending"]),
            (&json!("a1"), &json!("took-over")),
            "{record}"
        );
        assert_eq!(record["transfers"][0]["ending"], "cancelled", "{record}");
    });
}

#[test]
fn a_supervisor_who_stays_with_the_customer_takes_the_place_of_whoever_the_consult_brought() {
    alone(|| {
        let mut talk = talk_at(&SUPERVISED);
        talk.does("supervise", &json!({ "by": "a1" }));
        talk.answers("bo");
        talk.hears("bo", &["customer", "ana"]);
        talk.does("consult", &json!({ "agent": "a0", "to": "1900" }));
        talk.hears("bo", &["customer", "music"]);
        let from = talk.rtp("bo").heard();
        talk.answers("cai");
        talk.are_heard(&[
            ("ana", &["cai"]),
            ("cai", &["ana"]),
            ("customer", &["music"]),
            ("bo", &["customer", "music"]),
        ]);
        talk.never_hears("bo", from, &["ana", "cai"]);
        talk.refuses("intercept", &json!({ "agent": "a1" }), 409, "transfer-runs");
        talk.does("consult/complete", &json!({ "agent": "a0" }));
        talk.is_released("ana");
        talk.are_heard(&[("bo", &["customer", "cai"]), ("customer", &["cai"]), ("cai", &["customer"])]);
        talk.does("intercept", &json!({ "agent": "a1" }));
        talk.is_released("cai");
        talk.are_heard(&[("customer", &["bo"]), ("bo", &["customer"])]);
        let record = talk.ends();
        assert_eq!(record["supervisions"][0]["ending"], "took-over", "{record}");
        assert_eq!(record["transfers"][0]["ending"], "completed", "{record}");
    });
}
