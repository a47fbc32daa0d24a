//! A supervisor in a talk, with three tones: the customer 440 Hz, the agent 1,000 Hz, the supervisor 1,500 Hz. Who heard
//! which is judged at all three far ends and in the recording.

use serde_json::{Value, json};

use crate::harness::baresip::Baresip;
use crate::harness::rtp::{Rtp, Voice};
use crate::harness::scene::Scene;
use crate::harness::server::QUEUE;
use crate::harness::sound::{RATE, Stereo, level, loudness};
use crate::harness::wait::{STEP, alone, until};
use crate::harness::{Answer, Phone, Plan};

const CUSTOMER: f64 = 440.0;
const AGENT: f64 = 1_000.0;
const SUPERVISOR: f64 = 1_500.0;
/// A tone is said at 0.25. It is there from this level on, and not there below the other.
const THERE: f64 = 0.1;
const NOT_THERE: f64 = 0.01;

const SUE: &str = "  - {id: sue, name: Sue, station: {extension: \"1003\"}, supervises: [support]}\n";

/// Which of the three tones are in it, as `c`, `a` and `s`.
fn voices(samples: &[i16]) -> String {
    let tones = [(CUSTOMER, 'c'), (AGENT, 'a'), (SUPERVISOR, 's')];
    let letter = |(hz, letter): (f64, char)| match level(samples, hz) {
        strong if strong > THERE => Some(letter),
        weak if weak < NOT_THERE => None,
        _ => Some('?'),
    };
    tones.into_iter().filter_map(letter).collect()
}

/// The last second.
fn last(samples: &[i16]) -> &[i16] {
    &samples[samples.len().saturating_sub(RATE)..]
}

struct Talk {
    scene: Scene,
    ana: Baresip,
    sue: Baresip,
}

impl Talk {
    fn post(&self, contact: &str, verb: &str, body: &Value) -> Value {
        self.scene.server.api.post(&format!("/v1/calls/{contact}/{verb}"), body)
    }

    /// About Ana, of Sue.
    fn agent(&self, verb: &str, body: &Value) -> Value {
        self.scene.server.api.post(&format!("/v1/agents/ana/{verb}"), body)
    }

    /// Sue's phone has answered.
    fn there(&self) {
        until("her leg to be up", STEP, || {
            let sue = self.scene.server.api.get("/v1/agents/sue");
            (sue["agent"]["supervises"]["there"] == true).then_some(())
        });
    }

    /// What Sue hears once two more seconds have come.
    fn rest(&self) -> String {
        let from = self.sue.heard_so_far().len();
        until("her phone to hear two seconds more", STEP, || {
            (self.sue.heard_so_far().len() > from + 2 * RATE).then_some(())
        });
        voices(last(&self.sue.heard_so_far()))
    }

    /// What customer, Ana and Sue hear once the newest change has come through.
    fn heard(&self, rtp: &Rtp) -> [String; 3] {
        let (ana, sue) = (self.ana.heard_so_far().len(), self.sue.heard_so_far().len());
        rtp.wait_packets(rtp.heard() + 100);
        let far = |phone: &Baresip, from: usize| {
            until("a phone to hear two seconds more", STEP, || {
                (phone.heard_so_far().len() > from + 2 * RATE).then_some(())
            });
            voices(last(&phone.heard_so_far()))
        };
        let customer = voices(last(&rtp.pcm(rtp.heard() - 75)));
        [customer, far(&self.ana, ana), far(&self.sue, sue)]
    }
}

/// Milliseconds from `from` to `to`, both of the same day.
fn apart_ms(from: &Value, to: &Value) -> usize {
    let ms = |time: &Value| -> usize {
        let text = time.as_str().expect("a time");
        let number = |at: std::ops::Range<usize>| text[at].parse::<usize>().expect("digits");
        let seconds = (number(11..13) * 60 + number(14..16)) * 60 + number(17..19);
        let fraction: String = text[19..].chars().skip(1).take_while(char::is_ascii_digit).collect();
        seconds * 1_000 + format!("{fraction:0<3}")[..3].parse::<usize>().expect("digits")
    };
    (ms(to) + 86_400_000 - ms(from)) % 86_400_000
}

#[test]
fn a_supervisor_listens_whispers_barges_in_and_takes_over() {
    alone(|| {
        let scene = Scene::new(&Plan { agents: SUE, ..Plan::default() });
        let ana = Phone { hz: AGENT, ..Phone::new(1001, Answer::Itself) }.switch_on(&scene.server);
        let sue = Phone { hz: SUPERVISOR, ..Phone::new(1003, Answer::Itself) }.switch_on(&scene.server);
        scene.ready("ana");
        scene.sign_in("sue");
        let mut customer = scene.call(QUEUE);
        let contact = customer.contact.clone();
        scene.of(&contact, "offer_connected");
        customer.rtp.say(Voice::Tone(CUSTOMER));
        let talk = Talk { scene, ana, sue };

        talk.post(&contact, "supervise", &json!({ "by": "sue", "target": { "agent": "ana" } }));
        let started = talk.scene.of(&contact, "supervision_started");
        assert_eq!(started["data"]["mode"], "listen", "{started}");
        assert_eq!(talk.heard(&customer.rtp), ["a", "c", "ca"], "she listens");
        for (mode, expected) in
            [("whisper", ["a", "cs", "ca"]), ("barge", ["as", "cs", "ca"]), ("listen", ["a", "c", "ca"])]
        {
            talk.post(&contact, "supervise/mode", &json!({ "agent": "sue", "mode": mode }));
            assert_eq!(talk.heard(&customer.rtp), expected, "{mode}");
        }
        talk.post(&contact, "intercept", &json!({ "agent": "sue" }));
        let from = talk.sue.heard_so_far().len();
        customer.rtp.wait_packets(customer.rtp.heard() + 100);
        assert_eq!(voices(last(&customer.rtp.pcm(customer.rtp.heard() - 75))), "s", "she has the customer");
        until("her phone to hear two seconds more", STEP, || {
            (talk.sue.heard_so_far().len() > from + 2 * RATE).then_some(())
        });
        assert_eq!(voices(last(&talk.sue.heard_so_far())), "c");
        customer.sipp.cue();
        customer.sipp.done();
        talk.scene.of(&contact, "recording_ended");
        let record = talk.scene.record(&contact);
        check_record(&record);
        check_recording(&talk.scene, &record);
        talk.scene.server.assert_rest();
    });
}

#[test]
fn a_supervisor_goes_with_an_agent_from_call_to_call() {
    alone(|| {
        let scene = Scene::new(&Plan { agents: SUE, ..Plan::default() });
        let ana = Phone { hz: AGENT, ..Phone::new(1001, Answer::Itself) }.switch_on(&scene.server);
        let sue = Phone { hz: SUPERVISOR, ..Phone::new(1003, Answer::Itself) }.switch_on(&scene.server);
        scene.ready("ana");
        scene.sign_in("sue");
        let talk = Talk { scene, ana, sue };
        talk.agent("supervise", &json!({ "by": "sue" }));
        talk.there();
        assert_eq!(talk.rest(), "", "silence, in no call");
        for (mode, ear) in [("listen", "c"), ("whisper", "cs")] {
            if mode != "listen" {
                talk.agent("supervise/mode", &json!({ "by": "sue", "mode": mode }));
            }
            let mut customer = talk.scene.call(QUEUE);
            let contact = customer.contact.clone();
            customer.rtp.say(Voice::Tone(CUSTOMER));
            talk.scene.of(&contact, "offer_connected");
            let started = talk.scene.of(&contact, "supervision_started");
            assert_eq!(started["data"]["mode"], mode, "{started}");
            assert_eq!(talk.heard(&customer.rtp), ["a", ear, "ca"], "{mode}");
            customer.sipp.cue();
            customer.sipp.done();
            talk.scene.of(&contact, "recording_ended");
            let record = talk.scene.record(&contact);
            let supervision = &record["supervisions"][0];
            assert_eq!(supervision["ending"], "target-left", "{record}");
            assert_eq!(supervision["agent"]["id"], "sue", "{record}");
            assert_eq!(talk.rest(), "", "silence after a call");
            talk.scene.server.api.post("/v1/agents/ana/ready", &json!({}));
        }
        talk.agent("supervise/stop", &json!({ "by": "sue" }));
        let ended = talk.scene.events.any("watch_ended");
        assert_eq!(ended["data"]["ending"], "stopped", "{ended}");
        let answered = talk.scene.events.so_far("leg_answered");
        let rung = answered.iter().filter(|event| event["contact"].is_null()).count();
        assert_eq!(rung, 1, "rung once: {answered:?}");
        talk.scene.server.assert_rest();
    });
}

/// She hears what the caller hears, and both when they talk; the caller never hears her.
#[test]
fn a_supervisor_is_there_while_the_agents_phone_rings() {
    alone(|| {
        let scene = Scene::new(&Plan { agents: SUE, ..Plan::default() });
        let mut ana = Phone { hz: AGENT, ..Phone::new(1001, Answer::ByHand) }.switch_on(&scene.server);
        let sue = Phone { hz: SUPERVISOR, ..Phone::new(1003, Answer::Itself) }.switch_on(&scene.server);
        scene.ready("ana");
        scene.sign_in("sue");
        let mut customer = scene.call(QUEUE);
        let contact = customer.contact.clone();
        customer.rtp.say(Voice::Tone(CUSTOMER));
        ana.wait("CALL_INCOMING");
        let path = format!("/v1/calls/{contact}/supervise");
        scene.server.api.post(&path, &json!({ "by": "sue" }));
        scene.of(&contact, "supervision_started");
        let from = sue.heard_so_far().len();
        until("her phone to hear the queue", STEP, || {
            let heard = sue.heard_so_far();
            let new = heard.get(from..).unwrap_or_default();
            let latest = &new[new.len().saturating_sub(RATE / 2)..];
            (latest.len() == RATE / 2 && loudness(latest) > 0.002 && !voices(latest).contains('a')).then_some(())
        });
        ana.command("accept", "");
        scene.of(&contact, "offer_connected");
        let talk = Talk { scene, ana, sue };
        assert_eq!(talk.heard(&customer.rtp), ["a", "c", "ca"], "she listens");
        let ever = customer.rtp.pcm(0);
        assert!(ever.chunks(RATE / 2).all(|part| level(part, SUPERVISOR) < 0.05), "he never heard her");
        customer.sipp.cue();
        customer.sipp.done();
        let record = talk.scene.record(&contact);
        assert_eq!(record["offers"].as_array().map(Vec::len), Some(1), "the ring went on: {record}");
        assert_eq!(record["supervisions"][0]["agent"]["id"], "sue", "{record}");
        talk.scene.server.assert_rest();
    });
}

fn check_record(record: &Value) {
    let supervision = &record["supervisions"][0];
    assert_eq!((&supervision["agent"]["id"], &supervision["ending"]), (&"sue".into(), &"took-over".into()), "{record}");
    let stretches = supervision["stretches"].as_array().expect("a list");
    let modes: Vec<_> = stretches.iter().map(|s| s["mode"].as_str().unwrap_or("?")).collect();
    assert_eq!(modes, ["listen", "whisper", "barge", "listen"], "{record}");
    assert!(stretches.iter().all(|s| s["by"]["actor"] == "integration" && s["to"].is_string()), "{record}");
    let agents = record["agents"].as_array().expect("a list");
    assert_eq!(agents.iter().map(|a| a["id"].as_str().unwrap_or("?")).collect::<Vec<_>>(), ["ana", "sue"], "{record}");
}

/// Left the customer alone; right who spoke to him, and never the whisper.
fn check_recording(scene: &Scene, record: &Value) {
    let recording = &record["recording"];
    let url = recording["url"].as_str().expect("it was recorded");
    let sound = Stereo::read(&scene.server.api.send("GET", url, &[], "").body);
    let stretches = record["supervisions"][0]["stretches"].as_array().expect("a list");
    for (stretch, right) in stretches.iter().zip(["a", "a", "as", "a"]) {
        let to = apart_ms(&recording["started"], &stretch["to"]) * RATE / 1_000;
        // The second before its last tenth of a second: what is asked is done a little later.
        let within = to - RATE - RATE / 10..to - RATE / 10;
        assert_eq!(voices(&sound.left[within.clone()]), "c", "{stretch}");
        assert_eq!(voices(&sound.right[within]), right, "{stretch}");
    }
    let end = sound.right.len() - RATE - RATE / 5..sound.right.len() - RATE / 5;
    assert_eq!(voices(&sound.right[end]), "s", "after she took over");
}

#[test]
fn who_may_not_supervise_rings_nobody() {
    let _others = crate::harness::wait::beside_others();
    let scene = Scene::new(&Plan { agents: SUE, ..Plan::default() });
    let _ana = Phone::new(1001, Answer::Itself).switch_on(&scene.server);
    let _bo = Phone::new(1002, Answer::Itself).switch_on(&scene.server);
    scene.ready("ana");
    scene.sign_in("bo");
    let mut customer = scene.call(QUEUE);
    let contact = customer.contact.clone();
    scene.of(&contact, "offer_connected");
    let ask = |by: &str, body: &str| {
        let body = format!("{{\"by\": \"{by}\"{body}}}");
        let reply = scene.server.api.send("POST", &format!("/v1/calls/{contact}/supervise"), &[], &body);
        (reply.status, reply.json()["code"].as_str().unwrap_or("?").to_owned())
    };
    assert_eq!(ask("bo", ""), (403, "out-of-scope".to_owned()), "he supervises no group");
    assert_eq!(ask("sue", ""), (409, "not-signed-in".to_owned()));
    scene.sign_in("sue");
    assert_eq!(
        ask("sue", ", \"mode\": \"whisper\""),
        (409, "target-unreachable".to_owned()),
        "no phone of hers is there"
    );
    assert_eq!(ask("zoe", ""), (404, "unknown-agent".to_owned()));
    customer.sipp.cue();
    customer.sipp.done();
    let record = scene.record(&contact);
    assert_eq!(record["supervisions"].as_array().map(Vec::len), Some(0), "{record}");
    scene.server.assert_rest();
}
