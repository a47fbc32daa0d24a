//! Text that is spoken: by a flow, and by an order to whoever answers.

use serde_json::{Value, json};

use crate::harness::rtp::Law;
use crate::harness::scene::Scene;
use crate::harness::server::{SAY, SAY_TEXT};
use crate::harness::sipp::Callee;
use crate::harness::sound::{RATE, likeness, loudness, spoken};
use crate::harness::wait::alone;
use crate::harness::{Plan, Rtp, Sipp};

const NOTICE: &str = "Good morning. Your order 4711 is on its way and will be with you at noon.";

/// What came is what the voice says, at the level of speech, whole.
fn assert_spoken(heard: &[i16], text: &str) {
    let said = spoken("en-US", text);
    let (came, made) = (heard.len() as f64 / RATE as f64, said.len() as f64 / RATE as f64);
    assert!(made > 2.0 && came > made - 0.1 && came < made + 1.0, "{came} s came of {made} s");
    let alike = likeness(heard, &said[..said.len() - RATE / 10], 1_600);
    assert!(alike > 0.9, "what came is like the text by {alike}");
    let level = loudness(heard);
    assert!((0.02..0.5).contains(&level), "speech at {level}");
}

fn exits(record: &Value) -> Vec<String> {
    let trace = record["flows"][0]["trace"].as_array().expect("a list");
    let words =
        |step: &Value| format!("{}>{}", step["node"].as_str().unwrap_or("?"), step["exit"].as_str().unwrap_or("?"));
    trace.iter().map(words).collect()
}

#[test]
fn a_flow_speaks_a_text_and_the_second_time_it_is_there_already() {
    alone(|| {
        let scene = Scene::new(&Plan::default());
        for _ in 0..2 {
            let mut customer = scene.call(SAY);
            customer.sipp.done();
            assert_spoken(&customer.rtp.pcm(0), SAY_TEXT);
            let record = scene.record(&customer.contact);
            assert_eq!(exits(&record), ["hello>next", "say>next"], "{record}");
        }
        assert_eq!(scene.server.voice_ran(), 1, "one child made what both heard");
        assert_eq!(std::fs::read_dir(scene.server.data.join("speech")).expect("the folder").count(), 1);
        scene.server.assert_rest();
    });
}

#[test]
fn an_order_speaks_to_whoever_answers_and_hangs_up() {
    alone(|| {
        let scene = Scene::new(&Plan::default());
        let rtp = Rtp::new(Law::A);
        let mut carrier = Sipp::answer(&scene.server, &rtp, &Callee::Answers);
        let order = json!({ "to": "913800138000", "say": { "text": NOTICE } });
        let reply = scene.server.api.post("/v1/calls", &order);
        let contact = reply["contact"].as_str().expect("the contact's id").to_owned();
        carrier.done();
        assert_spoken(&rtp.pcm(0), NOTICE);
        let record = scene.record(&contact);
        let said = json!({ "text": NOTICE, "language": "en-US", "ending": "whole" });
        assert_eq!(record["said"], said, "{record}");
        assert_eq!((&record["ended_by"], &record["cause"]), (&"flow".into(), &"flow-ended".into()), "{record}");
        assert_eq!(record["flows"], json!([]), "{record}");
        scene.server.assert_rest();
    });
}

#[test]
fn without_a_voice_the_flow_goes_its_other_way_and_one_alarm_is_told() {
    alone(|| {
        let scene = Scene::new(&Plan::default());
        scene.server.lose_voice();
        for _ in 0..2 {
            let mut customer = scene.call(SAY);
            customer.sipp.done();
            let record = scene.record(&customer.contact);
            assert_eq!(exits(&record), ["hello>next", "say>failed", "sorry>next"], "{record}");
        }
        let rtp = Rtp::new(Law::A);
        let mut carrier = Sipp::answer(&scene.server, &rtp, &Callee::Answers);
        let reply = scene.server.api.post("/v1/calls", &json!({ "to": "913800138000", "say": { "text": NOTICE } }));
        carrier.done();
        let record = scene.record(reply["contact"].as_str().expect("the contact's id"));
        assert_eq!(record["said"]["ending"], "failed", "{record}");
        let alarms = scene.events.so_far("alarm");
        assert_eq!(alarms.len(), 1, "{alarms:?}");
        assert_eq!(alarms[0]["data"]["alarm"], "speech-unavailable", "{alarms:?}");
        scene.server.assert_rest();
    });
}
