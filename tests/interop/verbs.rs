//! The verbs of call control through the real binary, judged by ear: every far end has a tone of its own.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::rtp::{Heard, Rtp, Voice};
use crate::harness::sound::{Stereo, level, loudness};
use crate::harness::wait::alone;
use crate::scenario::place::{PHONES, SECOND_PHONE, Shape};
use crate::scenario::ua::Ua;
use crate::scenario::ua::call::{CallNo, Deed, Phase, Plan};
use crate::wire_stage::OnWire;

/// Far ends in their order, with what each says; whoever is called outside is at the customer's carrier, and `ana2` is
/// ana's second phone.
const TONES: [(&str, f64); PEOPLE] = [
    ("customer", 600.0),
    ("ana", 1_000.0),
    ("bo", 1_400.0),
    ("cai", 1_800.0),
    ("outside", 2_200.0),
    (SECOND_PHONE, 2_600.0),
];
pub const PEOPLE: usize = 6;
/// A tone that is there has a level of 0.25; one that is not has none.
const AUDIBLE: f64 = 0.1;
const INAUDIBLE: f64 = 0.01;
/// What is judged of the latest sound.
const LATEST: Duration = Duration::from_millis(500);

/// Whose tones are in it; a tone that is neither there nor away is named too, with a question mark.
pub fn voices(samples: &[i16]) -> Vec<String> {
    let named = |(name, hz): &(&str, f64)| match level(samples, *hz) {
        strong if strong > AUDIBLE => Some((*name).to_owned()),
        weak if weak < INAUDIBLE => None,
        _ => Some(format!("{name}?")),
    };
    TONES.iter().filter_map(named).collect()
}

pub struct Talk {
    pub stage: OnWire,
    pub contact: String,
    /// Of everybody in their order, the call each is in.
    pub calls: [Option<CallNo>; PEOPLE],
}

pub fn place(who: &str) -> usize {
    TONES.iter().position(|(name, _)| *name == who).unwrap_or_else(|| panic!("there is no {who}"))
}

/// The far end at which he is.
pub fn end(who: &str) -> usize {
    match who {
        "outside" => place("customer"),
        // behind the phones of this site that nobody speaks at
        SECOND_PHONE => PHONES.len(),
        who => place(who),
    }
}

/// The call that rings at a far end.
pub fn ringing(ua: &Ua) -> Option<CallNo> {
    ua.calls.values().rev().find(|call| call.phase == Phase::Calling && !call.diary.outgoing).map(|call| call.no)
}

/// A customer talks with ana; bo is not ready.
pub fn talk() -> Talk {
    talk_at(&Shape::SMALL)
}

pub fn talk_at(shape: &Shape) -> Talk {
    let mut stage = OnWire::new(shape);
    stage.server.api.post("/v1/agents/a1/not-ready", &json!({}));
    let caller = stage.ends.touch(0, |ua, t| ua.call("4008000002", "+8613900000001", Plan::default(), t));
    let mut talk = Talk { stage, contact: String::new(), calls: [None; PEOPLE] };
    talk.calls[0] = Some(caller);
    talk.answers("ana");
    talk.told("offer_connected", 0);
    let calls = talk.stage.server.api.get("/v1/calls");
    talk.contact = calls["contacts"][0]["contact"].as_str().expect("an id").to_owned();
    talk.says("customer");
    talk.hears("ana", &["customer"]);
    talk.hears("customer", &["ana"]);
    talk
}

impl Talk {
    pub fn rtp(&self, who: &str) -> &Rtp {
        self.stage.ends.sound(end(who), self.call(who))
    }

    pub fn call(&self, who: &str) -> CallNo {
        self.calls[place(who)].unwrap_or_else(|| panic!("{who} is in no call"))
    }

    pub fn says(&self, who: &str) {
        self.rtp(who).say(Voice::Tone(TONES[place(who)].1));
    }

    pub fn is_rung(&mut self, who: &str) -> CallNo {
        let at = end(who);
        self.stage.ends.until("a phone to ring", |uas| ringing(&uas[at]).is_some());
        ringing(&self.stage.ends.uas[at]).expect("it rings")
    }

    /// Waits until he is rung, picks up and speaks.
    pub fn answers(&mut self, who: &str) {
        let (at, call) = (end(who), self.is_rung(who));
        self.calls[place(who)] = Some(call);
        self.stage.ends.touch(at, |ua, t| ua.answer(call, t));
        self.stage.ends.until("a phone to be up", |uas| uas[at].calls.get(&call).is_some_and(|c| c.phase == Phase::Up));
        self.says(who);
    }

    /// He is rung, and is heard before he picks up.
    pub fn speaks_early(&mut self, who: &str) {
        let call = self.is_rung(who);
        self.calls[place(who)] = Some(call);
        self.stage.ends.touch(end(who), |ua, t| ua.speaks_early(call, t));
        self.says(who);
    }

    /// ana's second phone is switched on.
    pub fn has_second_phone(&mut self) {
        let at = end(SECOND_PHONE);
        self.stage.ends.touch(at, Ua::register);
        self.stage.ends.until("her second phone to register", |uas| uas[at].registered_until.is_some());
    }

    pub fn rejects(&mut self, who: &str) {
        let call = self.is_rung(who);
        self.stage.ends.touch(end(who), |ua, t| ua.reject(call, 486, t));
    }

    pub fn hangs_up(&mut self, who: &str) {
        let call = self.call(who);
        self.stage.ends.touch(end(who), |ua, t| ua.hang_up(call, t));
        self.is_released(who);
    }

    /// The call he is in is over, or he is in none.
    pub fn is_released(&mut self, who: &str) {
        let (at, call) = (end(who), self.calls[place(who)]);
        self.stage.ends.until("a phone to be released", |uas| match call {
            Some(call) => uas[at].calls.get(&call).is_none_or(|call| call.phase == Phase::Over),
            None => uas[at].live_calls() == 0,
        });
        self.calls[place(who)] = None;
    }

    pub fn told(&mut self, kind: &str, before: usize) -> Value {
        let told = |stage: &mut OnWire| stage.events.so_far(kind).get(before).cloned();
        self.stage.carry_on_until(kind, |stage| told(stage).is_some());
        told(&mut self.stage).expect("it was there")
    }

    fn path(&self, verb: &str) -> String {
        format!("/v1/calls/{}/{verb}", self.contact)
    }

    pub fn does(&self, verb: &str, body: &Value) -> Value {
        self.stage.server.api.post(&self.path(verb), body)
    }

    pub fn refuses(&self, verb: &str, body: &Value, status: u16, code: &str) {
        let reply = self.stage.server.api.send("POST", &self.path(verb), &[], &body.to_string());
        let problem = reply.json();
        assert_eq!((reply.status, problem["code"].as_str()), (status, Some(code)), "{verb} {body}: {problem}");
    }

    pub fn customer(&self) -> Value {
        let calls = self.stage.server.api.get(&format!("/v1/calls/{}", self.contact));
        let legs = calls["contact"]["calls"][0]["legs"].as_array().cloned().unwrap_or_default();
        let leg = legs.iter().find(|leg| leg["role"] == "customer").unwrap_or_else(|| panic!("no customer: {calls}"));
        json!({ "leg": leg["leg"] })
    }

    /// These and nobody else, within the time of a step; `music` is sound that is nobody's tone.
    pub fn hears(&mut self, who: &str, expected: &[&str]) {
        let (at, call) = (end(who), self.call(who));
        let fits = |stage: &mut OnWire| {
            let rtp = stage.ends.sound(at, call);
            let packets = rtp.diary(rtp.heard().saturating_sub(50));
            let latest = packets.iter().filter(|p| p.at.elapsed() < LATEST && matches!(p.payload_type, 0 | 8));
            let pcm: Vec<i16> = latest.flat_map(Heard::samples).collect();
            let tones = TONES.iter().all(|(name, hz)| match expected.contains(name) {
                true => level(&pcm, *hz) > AUDIBLE,
                false => level(&pcm, *hz) < INAUDIBLE,
            });
            let enough = expected.is_empty() || pcm.len() >= 20 * 160;
            tones && enough && (!expected.contains(&"music") || loudness(&pcm) > 0.002)
        };
        self.stage.carry_on_until(&format!("{who} to hear {expected:?}"), fits);
    }

    /// Since packet `from` he has heard nothing of them.
    pub fn never_heard(&self, who: &str, from: usize, others: &[&str]) {
        let packets = self.rtp(who).diary(from);
        assert!(packets.len() > 20, "{who} heard {} packets", packets.len());
        for window in packets.chunks(10) {
            let pcm: Vec<i16> = window.iter().flat_map(Heard::samples).collect();
            for other in others {
                let heard = level(&pcm, TONES[place(other)].1);
                assert!(heard < 0.05, "{who} heard {other} at {heard}");
            }
        }
    }

    pub fn ends(mut self) -> Value {
        let record = self.is_over();
        self.stage.server.assert_rest();
        record
    }

    /// The customer hangs up, and with him goes everybody; the record.
    pub fn is_over(&mut self) -> Value {
        let at = place("customer");
        let call = self.calls[at].expect("he called");
        let up = self.stage.ends.uas[at].calls.get(&call).is_some_and(|c| c.phase == Phase::Up);
        assert!(up, "the customer never died with anybody");
        self.stage.ends.touch(at, |ua, t| ua.hang_up(call, t));
        for (who, _) in TONES {
            self.is_released(who);
        }
        self.closed()
    }

    /// The record of a contact that ends by itself.
    pub fn closed(&mut self) -> Value {
        self.told("contact_closed", 0);
        let calls = self.stage.server.api.get("/v1/calls");
        self.stage.server.api.record(&self.contact, calls["seq"].as_u64().expect("a seq"))
    }

    /// The whole recording of a contact that is over.
    pub fn recorded(&mut self) -> Stereo {
        self.told("recording_ended", 0);
        let path = format!("/v1/contacts/{}/recording", self.contact);
        Stereo::read(&self.stage.server.api.send("GET", &path, &[], "").body)
    }
}

#[test]
fn hold_mute_digits_and_announcements() {
    alone(|| {
        let mut talk = talk();
        let (customer, ana) = (talk.customer(), json!({ "agent": "a0" }));
        talk.refuses("hold", &json!({}), 422, "leg-not-named");
        let answer = talk.does("hold", &customer);
        assert!(answer["contact"]["calls"][0]["legs"][0]["held"].is_string(), "{answer}");
        talk.hears("customer", &["music"]);
        talk.hears("ana", &[]);
        talk.refuses("hold", &customer, 409, "already-done");
        talk.does("retrieve", &json!({}));
        talk.hears("customer", &["ana"]);
        talk.hears("ana", &["customer"]);

        talk.does("mute", &ana);
        talk.hears("customer", &[]);
        talk.hears("ana", &["customer"]);
        talk.does("unmute", &ana);
        talk.hears("customer", &["ana"]);

        talk.refuses("digits", &json!({ "agent": "a0", "digits": "12x" }), 422, "bad-digits");
        talk.does("digits", &json!({ "leg": customer["leg"], "digits": "12#" }));
        let caller = talk.calls[0].expect("he called");
        talk.stage.carry_on_until("three keys at the customer's", |stage| {
            let rtp = stage.ends.sound(0, caller);
            let mut keys: Vec<(u32, u8)> =
                rtp.diary(0).iter().filter(|p| p.payload_type == 101).map(|p| (p.timestamp, p.payload[0])).collect();
            keys.dedup();
            keys.iter().map(|(_, key)| *key).collect::<Vec<_>>() == [1, 2, 11]
        });

        talk.does("announce", &json!({ "leg": customer["leg"], "sounds": ["en-US/thank-you-for-waiting"] }));
        talk.hears("customer", &["music"]);
        talk.hears("ana", &["customer"]);
        let ended = talk.told("announcement_ended", 0);
        assert!(ended["data"]["missing"].is_null(), "{ended}");
        talk.hears("customer", &["ana"]);
        talk.ends();
    });
}

#[test]
fn a_consult_that_the_customer_never_hears() {
    alone(|| {
        let mut talk = talk();
        let ana = json!({ "agent": "a0" });
        talk.does("consult", &json!({ "agent": "a0", "to": "1900" }));
        talk.hears("customer", &["music"]);
        let from = talk.rtp("customer").heard();
        talk.refuses("consult/swap", &ana, 409, "transfer-not-there");
        talk.answers("cai");
        talk.hears("ana", &["cai"]);
        talk.hears("cai", &["ana"]);
        talk.hears("customer", &["music"]);
        talk.rtp("customer").wait_packets(from + 100);
        talk.never_heard("customer", from, &["ana", "cai"]);
        talk.does("consult/cancel", &ana);
        talk.is_released("cai");
        talk.hears("customer", &["ana"]);
        talk.hears("ana", &["customer"]);

        talk.does("consult", &json!({ "agent": "a0", "to": "1900" }));
        talk.answers("cai");
        talk.hears("cai", &["ana"]);
        talk.does("consult/complete", &ana);
        talk.is_released("ana");
        talk.hears("customer", &["cai"]);
        talk.hears("cai", &["customer"]);
        let record = talk.ends();
        let endings: Vec<_> =
            record["transfers"].as_array().expect("a list").iter().map(|t| t["ending"].clone()).collect();
        assert_eq!(endings, ["cancelled", "completed"], "{record}");
    });
}

#[test]
fn blind_transfers_to_a_phone_and_to_a_group() {
    alone(|| {
        let mut first = talk();
        first.does("transfer", &json!({ "agent": "a0", "mode": "blind", "to": "1900" }));
        first.is_released("ana");
        first.answers("cai");
        first.hears("customer", &["cai"]);
        first.hears("cai", &["customer"]);
        first.ends();

        let mut second = talk();
        second.does("transfer", &json!({ "agent": "a0", "mode": "blind", "to": { "group": "sales" } }));
        second.is_released("ana");
        second.hears("customer", &["music"]);
        second.stage.server.api.post("/v1/agents/a1/ready", &json!({}));
        second.answers("bo");
        second.hears("customer", &["bo"]);
        second.hears("bo", &["customer"]);
        let record = second.ends();
        let groups: Vec<_> =
            record["visits"].as_array().expect("a list").iter().map(|v| v["group"]["id"].clone()).collect();
        assert_eq!(groups, ["support", "sales"], "{record}");
    });
}

#[test]
fn a_failed_transfer_restores_and_a_third_party_joins() {
    alone(|| {
        let mut talk = talk();
        talk.does("transfer", &json!({ "agent": "a0", "mode": "on-success", "to": "1900" }));
        talk.hears("customer", &["music"]);
        talk.rejects("cai");
        talk.hears("customer", &["ana"]);
        talk.hears("ana", &["customer"]);
        let ended = talk.told("transfer_ended", 0);
        assert_eq!((&ended["data"]["ending"], &ended["data"]["cause"]), (&"failed".into(), &"busy".into()), "{ended}");

        talk.does("invite", &json!({ "agent": "a0", "to": { "agent": "a1" } }));
        talk.answers("bo");
        talk.hears("customer", &["ana", "bo"]);
        talk.hears("ana", &["customer", "bo"]);
        talk.hears("bo", &["customer", "ana"]);
        talk.does("chair", &json!({ "agent": "a1" }));
        let bo = talk.told("chair_taken", 1);
        assert_eq!((&bo["agent_no"], &talk.view()["calls"][0]["chair"]), (&2.into(), &bo["leg"]), "{bo}");
        // the others go on without whoever leaves
        talk.hangs_up("ana");
        talk.hears("customer", &["bo"]);
        talk.ends();
    });
}

#[test]
fn a_paused_recording_is_silent_for_as_long() {
    alone(|| {
        let mut talk = talk();
        talk.hears("ana", &["customer"]);
        talk.rtp("ana").wait_packets(talk.rtp("ana").heard() + 50);
        let from = Instant::now();
        talk.does("record/pause", &json!({}));
        talk.refuses("record/pause", &json!({}), 409, "already-done");
        talk.rtp("ana").wait_packets(talk.rtp("ana").heard() + 75);
        talk.does("record/resume", &json!({}));
        let paused = from.elapsed().as_secs_f64();
        talk.rtp("ana").wait_packets(talk.rtp("ana").heard() + 50);
        let path = format!("/v1/contacts/{}/recording", talk.contact);
        let api = talk.stage.server.api.clone();
        // read before the end: it is playable at every moment
        talk.rtp("ana").wait_packets(talk.rtp("ana").heard() + 75);
        let wav = api.send("GET", &path, &[], "");
        assert_eq!(wav.status, 200);
        let left = Stereo::read(&wav.body).left;
        let tone = |window: &[i16]| level(window, TONES[0].1) > AUDIBLE;
        let spoken: Vec<bool> = left.chunks_exact(400).map(tone).collect();
        let (first, last) = (spoken.iter().position(|s| *s), spoken.iter().rposition(|s| *s));
        let (Some(first), Some(last)) = (first, last) else { panic!("nothing of the customer is recorded") };
        let silent = spoken[first..last].iter().filter(|s| !**s).count() as f64 * 0.05;
        assert!((silent - paused).abs() < 0.4, "{silent} s are silent, it was paused for {paused} s");
        talk.ends();
    });
}

impl Talk {
    pub fn view(&self) -> Value {
        self.stage.server.api.get(&format!("/v1/calls/{}", self.contact))["contact"].clone()
    }
}

#[test]
fn a_talk_that_comes_back_and_one_that_is_joined() {
    alone(|| {
        let mut talk = talk();
        let ana = json!({ "agent": "a0" });
        talk.does("transfer", &json!({ "agent": "a0", "mode": "talk", "to": "1900" }));
        talk.hears("customer", &["music"]);
        assert_eq!(talk.view()["transfer"]["phase"], "ringing");
        talk.answers("cai");
        talk.hears("customer", &["cai"]);
        talk.hears("cai", &["customer"]);
        talk.hears("ana", &[]);
        let view = talk.view();
        assert_eq!((&view["transfer"]["phase"], &view["recording"]["state"]), (&"away".into(), &"on".into()), "{view}");
        // the target leaves, and the transferor has the customer again
        talk.hangs_up("cai");
        talk.hears("customer", &["ana"]);
        talk.hears("ana", &["customer"]);
        let ended = talk.told("transfer_ended", 0);
        assert_eq!(ended["data"]["ending"], "came-back", "{ended}");
        assert!(talk.view()["transfer"].is_null());

        talk.does("transfer", &json!({ "agent": "a0", "mode": "talk", "to": "1900" }));
        talk.answers("cai");
        talk.hears("customer", &["cai"]);
        talk.does("consult/join", &ana);
        talk.hears("customer", &["ana", "cai"]);
        talk.hears("ana", &["customer", "cai"]);
        talk.hears("cai", &["customer", "ana"]);
        assert_eq!(talk.told("transfer_ended", 1)["data"]["ending"], "joined");
        talk.hangs_up("cai");
        talk.hears("customer", &["ana"]);
        talk.ends();
    });
}

#[test]
fn a_swap_goes_to_and_fro() {
    alone(|| {
        let mut talk = talk();
        let ana = json!({ "agent": "a0" });
        talk.does("consult", &json!({ "agent": "a0", "to": "1900" }));
        talk.answers("cai");
        talk.hears("ana", &["cai"]);
        assert_eq!(talk.view()["calls"][1]["kind"], "consult");
        for _ in 0..2 {
            let (customer, cai) = (talk.rtp("customer").heard(), talk.rtp("cai").heard());
            talk.does("consult/swap", &ana);
            talk.hears("customer", &["ana"]);
            talk.hears("ana", &["customer"]);
            talk.hears("cai", &["music"]);
            talk.does("consult/swap", &ana);
            talk.hears("cai", &["ana"]);
            talk.hears("ana", &["cai"]);
            talk.hears("customer", &["music"]);
            // whoever ana is with, the two of them never hear each other
            talk.never_heard("customer", customer, &["cai"]);
            talk.never_heard("cai", cai, &["customer"]);
        }
        talk.does("consult/swap", &ana);
        talk.hears("customer", &["ana"]);
        talk.does("consult/complete", &ana);
        talk.is_released("ana");
        talk.hears("customer", &["cai"]);
        talk.hears("cai", &["customer"]);
        talk.ends();
    });
}

#[test]
fn a_transfer_to_a_flow_is_heard_and_leads_to_the_next_agent() {
    alone(|| {
        let mut talk = talk();
        talk.does("transfer", &json!({ "agent": "a0", "mode": "blind", "to": { "flow": "callback" } }));
        talk.is_released("ana");
        talk.hears("customer", &["music"]);
        talk.stage.carry_on_until("the flow's queue", |stage| stage.events.so_far("item_entered").len() == 2);
        talk.stage.server.api.post("/v1/agents/a1/ready", &json!({}));
        talk.answers("bo");
        talk.hears("customer", &["bo"]);
        talk.hears("bo", &["customer"]);
        let record = talk.ends();
        let flows: Vec<_> = record["flows"].as_array().expect("a list").iter().map(|f| f["flow"].clone()).collect();
        assert_eq!(flows, ["direct", "callback"], "{record}");
    });
}

impl Talk {
    pub fn presses(&mut self, who: &str, key: char) {
        self.carries_out(who, Deed::Press(key));
    }

    pub fn informs(&mut self, who: &str, key: char) {
        self.carries_out(who, Deed::Info(key));
    }

    pub fn carries_out(&mut self, who: &str, deed: Deed) {
        let call = self.call(who);
        self.stage.ends.touch(end(who), |ua, t| ua.carry_out(call, deed, t));
    }
}

#[test]
fn a_flow_has_the_customer_while_the_agent_hears_nothing_of_it_and_gives_him_back() {
    alone(|| {
        let mut talk = talk();
        let to = json!({ "flow": "identity", "data": { "pin": "47" } });
        talk.refuses(
            "transfer",
            &json!({ "agent": "a0", "mode": "talk", "to": { "flow": "direct" } }),
            422,
            "target-unfit",
        );
        talk.does("transfer", &json!({ "agent": "a0", "mode": "talk", "to": to }));
        // the voice of the menu
        talk.hears("customer", &["music"]);
        talk.hears("ana", &["music"]);
        let aside = talk.rtp("ana").heard();
        talk.rtp("ana").wait_packets(aside + 60);
        for (n, key) in ['4', '7', '#'].into_iter().enumerate() {
            talk.presses("customer", key);
            assert_eq!(talk.told("digit", n)["data"]["digit"], "x", "nobody is told");
            if key == '7' {
                let keys = talk.rtp("ana").diary(aside).iter().filter(|p| p.payload_type == 101).count();
                assert_eq!(keys, 0, "nor hears it");
                talk.never_heard("ana", aside, &["customer"]);
            }
        }
        talk.hears("customer", &["ana"]);
        talk.hears("ana", &["customer"]);
        let back = talk.told("flow_returned", 0);
        assert_eq!((&back["data"]["data"]["verified"], &back["agent_no"]), (&"yes".into(), &1.into()), "{back}");
        assert_eq!(talk.told("transfer_ended", 0)["data"]["ending"], "came-back");
        assert_eq!(talk.view()["data"]["verified"], "yes");
        let record = talk.ends();
        let flows: Vec<_> = record["flows"].as_array().expect("a list").iter().map(|f| f["flow"].clone()).collect();
        assert_eq!(flows, ["direct", "identity"], "{record}");
        let digits: Vec<_> = record["digits"].as_array().expect("a list").iter().map(|d| d["digit"].clone()).collect();
        assert_eq!(digits, ["x", "x", "x"], "{record}");
    });
}

#[test]
fn a_caller_in_the_queue_is_sent_to_a_phone_by_a_person() {
    alone(|| {
        let mut stage = OnWire::new(&Shape::SMALL);
        for agent in ["a0", "a1"] {
            stage.server.api.post(&format!("/v1/agents/{agent}/not-ready"), &json!({}));
        }
        let caller = stage.ends.touch(0, |ua, t| ua.call("4008000002", "+8613900000001", Plan::default(), t));
        let mut talk = Talk { stage, contact: String::new(), calls: [None; PEOPLE] };
        talk.calls[0] = Some(caller);
        talk.contact = talk.told("item_entered", 0)["contact"].as_str().expect("an id").to_owned();
        let up = |uas: &[crate::scenario::ua::Ua]| uas[0].calls.get(&caller).is_some_and(|c| c.phase == Phase::Up);
        talk.stage.ends.until("the caller to be up", up);
        talk.hears("customer", &["music"]);
        talk.does("route", &json!({ "to": "1900" }));
        talk.rejects("cai");
        assert_eq!(talk.told("route_ended", 0)["data"]["cause"], "busy");
        talk.hears("customer", &["music"]);
        talk.does("route", &json!({ "to": "1900" }));
        talk.answers("cai");
        talk.says("customer");
        talk.hears("customer", &["cai"]);
        talk.hears("cai", &["customer"]);
        assert!(talk.told("route_ended", 1)["data"]["cause"].is_null());
        talk.refuses("route", &json!({ "to": "1900" }), 409, "not-with-flow");
        let record = talk.ends();
        assert_eq!(record["visits"][0]["exit"], "routed", "{record}");
    });
}

/// Both sides of the file are heard at the phone; it stands still, goes back and ends as it is told.
#[test]
fn a_recording_is_played_to_a_phone() {
    alone(|| {
        let mut talk = talk();
        talk.rtp("ana").wait_packets(talk.rtp("ana").heard() + 200);
        let recorded = talk.contact.clone();
        let path = "/v1/agents/a1/play";
        let api = talk.stage.server.api.clone();
        let refused = |body: Value, status: u16, code: &str| {
            let reply = api.send("POST", path, &[], &body.to_string());
            assert_eq!((reply.status, reply.json()["code"].as_str()), (status, Some(code)), "{body}");
        };
        refused(json!({ "contact": recorded }), 409, "recording-runs");
        refused(json!({ "contact": "116703443107610625" }), 404, "not-found");
        refused(json!({}), 400, "bad-request");
        talk.hangs_up("customer");
        for who in ["customer", "ana"] {
            talk.is_released(who);
        }
        talk.told("recording_ended", 0);
        talk.contact = api.post(path, &json!({ "contact": recorded }))["contact"].as_str().expect("an id").to_owned();
        talk.answers("bo");
        talk.hears("bo", &["customer", "ana"]);
        let started = talk.told("playback", 0);
        assert_eq!(started["data"]["step"], "started");
        assert_eq!((&started["data"]["of"], &started["agent_no"]), (&recorded.clone().into(), &2.into()), "{started}");
        assert!(started["data"]["length_ms"].as_i64().expect("a length") > 3_000, "{started}");
        talk.does("playback/pause", &json!({}));
        talk.hears("bo", &[]);
        assert_eq!(talk.view()["playback"]["paused"], true);
        talk.refuses("playback/pause", &json!({}), 409, "already-done");
        talk.does("playback/seek", &json!({ "to_ms": 500 }));
        talk.does("playback/resume", &json!({}));
        talk.hears("bo", &["customer", "ana"]);
        talk.does("playback/pause", &json!({}));
        talk.does("playback/seek", &json!({ "by_ms": -100_000 }));
        assert_eq!(talk.view()["playback"]["at_ms"], 0);
        talk.does("playback/stop", &json!({}));
        talk.is_released("bo");
        assert_eq!(talk.told("playback", 6)["data"]["ending"], "stopped");
        // to its end, which ends it; and what is damaged is refused
        talk.contact = api.post(path, &json!({ "contact": recorded, "from_ms": 2_000 }))["contact"]
            .as_str()
            .expect("an id")
            .to_owned();
        talk.answers("bo");
        talk.is_released("bo");
        assert_eq!(talk.told("playback", 8)["data"]["ending"], "played");
        let file = talk.told("recording_started", 0)["data"]["file"].as_str().expect("a file").to_owned();
        let file = talk.stage.server.data.join("recordings").join(file);
        std::fs::write(&file, b"no sound").expect("writable");
        refused(json!({ "contact": recorded }), 409, "recording-broken");
        std::fs::remove_file(&file).expect("it is there");
        refused(json!({ "contact": recorded }), 404, "not-found");
        talk.stage.server.assert_rest();
    });
}
