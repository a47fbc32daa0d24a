//! All the ways in which a call does not go as wished: each leaves the right record, the right state of the agent, and
//! nothing else.

use std::time::Duration;

use serde_json::Value;

use crate::harness::scene::Scene;
use crate::harness::server::{MENU, QUEUE, RING};
use crate::harness::sipp::Caller;
use crate::harness::wait::beside_others;
use crate::harness::{Answer, Phone, Plan};

fn words<'r>(record: &'r Value, keys: &[&str]) -> Vec<&'r str> {
    keys.iter().map(|key| record[key].as_str().unwrap_or("?")).collect()
}

const ENDING: [&str; 3] = ["disposition", "ended_by", "cause"];

#[test]
fn the_caller_hangs_up_while_a_prompt_plays() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let mut customer = scene.call(MENU);
    customer.rtp.wait_sound(0);
    customer.sipp.cue();
    customer.sipp.done();
    let record = scene.record(&customer.contact);
    assert_eq!(words(&record, &ENDING), ["abandoned-in-flow", "customer", "hung-up"], "{record}");
    scene.server.assert_rest();
}

#[test]
fn the_caller_hangs_up_while_queued() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let _phone = Phone::new(1001, Answer::ByHand).switch_on(&scene.server);
    scene.sign_in("ana");
    let mut customer = scene.call(QUEUE);
    scene.of(&customer.contact, "item_entered");
    customer.rtp.wait_sound(0);
    assert_eq!(scene.server.api.get("/v1/groups")["groups"][0]["waiting"], 1);
    customer.sipp.cue();
    customer.sipp.done();
    let record = scene.record(&customer.contact);
    assert_eq!(words(&record, &ENDING), ["abandoned-in-queue", "customer", "hung-up"], "{record}");
    assert_eq!(record["visits"][0]["exit"], "caller-left", "{record}");
    assert_eq!(record["offers"].as_array().map(Vec::len), Some(0), "{record}");
    assert_eq!(scene.server.api.agent_state("ana"), "not-ready", "who was not asked is as he was");
    scene.server.assert_rest();
}

#[test]
fn the_caller_hangs_up_while_the_agent_rings() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let mut phone = Phone::new(1001, Answer::ByHand).switch_on(&scene.server);
    scene.ready("ana");
    let mut customer = scene.call(QUEUE);
    phone.wait("CALL_INCOMING");
    scene.of(&customer.contact, "offer_alerting");
    assert_eq!(scene.server.api.agent_state("ana"), "ringing");
    customer.sipp.cue();
    customer.sipp.done();
    phone.wait("CALL_CLOSED");
    let record = scene.record(&customer.contact);
    assert_eq!(words(&record, &ENDING), ["abandoned-in-queue", "customer", "hung-up"], "{record}");
    assert_eq!(record["offers"][0]["ending"], "caller-left", "{record}");
    assert_eq!(scene.server.api.agent_state("ana"), "ready", "he is not charged");
    scene.server.assert_rest();
}

#[test]
fn a_caller_gives_up_before_anything_answers() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let mut phone = Phone::new(1003, Answer::ByHand).switch_on(&scene.server);
    let mut customer = scene.call_from(1, RING, &Caller::GivesUp);
    phone.wait("CALL_INCOMING");
    scene.of(&customer.contact, "leg_progress");
    customer.sipp.cue();
    customer.sipp.done();
    phone.wait("CALL_CLOSED");
    let record = scene.record(&customer.contact);
    assert_eq!(words(&record, &ENDING), ["abandoned-ringing", "customer", "cancelled"], "{record}");
    scene.server.assert_rest();
}

#[test]
fn an_agent_rejects_and_the_next_one_talks_and_hangs_up() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let mut anas = Phone::new(1001, Answer::ByHand).switch_on(&scene.server);
    let mut bos = Phone::new(1002, Answer::Itself).switch_on(&scene.server);
    scene.ready("ana");
    scene.ready("bo");
    let mut customer = scene.call(QUEUE);
    anas.wait("CALL_INCOMING");
    anas.command("hangup", "");
    let rejected = scene.of(&customer.contact, "offer_ended");
    assert_eq!(rejected["data"]["ending"], "rejected", "{rejected}");
    scene.of(&customer.contact, "offer_connected");
    bos.wait("CALL_ESTABLISHED");
    customer.rtp.wait_tone(1_000.0, 0);
    bos.command("hangup", "");
    customer.sipp.done();
    let record = scene.record(&customer.contact);
    // He left the talk, and the flow had nothing more to say.
    assert_eq!(words(&record, &ENDING), ["answered", "agent", "hung-up"], "{record}");
    assert_eq!(words(&record["legs"][2], &["role", "ended_by", "cause"]), ["agent", "agent", "hung-up"], "{record}");
    let offers: Vec<_> = record["offers"].as_array().expect("a list").iter().collect();
    let told: Vec<_> = offers.iter().map(|offer| (offer["agent"]["id"].clone(), offer["ending"].clone())).collect();
    assert_eq!(told, [("ana".into(), "rejected".into()), ("bo".into(), "connected".into())], "{record}");
    let status = offers[0]["sip_status"].as_u64().expect("her phone's answer");
    assert!(matches!(status, 486 | 603), "{record}");
    assert_eq!(scene.server.api.agent_state("ana"), "ready", "only who does not answer is made not ready");
    assert_eq!(scene.server.api.agent_state("bo"), "ready");
    scene.server.assert_rest();
}

#[test]
fn an_agent_who_does_not_answer_is_made_not_ready_and_the_caller_waits_on() {
    let _others = beside_others();
    let scene = Scene::new(&Plan { ring: "2s", ..Plan::default() });
    let mut phone = Phone::new(1001, Answer::ByHand).switch_on(&scene.server);
    scene.ready("ana");
    let mut customer = scene.call(QUEUE);
    phone.wait("CALL_INCOMING");
    let made = scene.of(&customer.contact, "offer_made");
    let ended = scene.of(&customer.contact, "offer_ended");
    assert_eq!(ended["data"]["ending"], "rang-out", "{ended}");
    let rang = ended["t_ms"].as_i64().expect("ms") - made["t_ms"].as_i64().expect("ms");
    assert!((2_000..2_300).contains(&rang), "it rang for {rang} ms");
    phone.wait("CALL_CLOSED");
    let agent = scene.server.api.get("/v1/agents/ana")["agent"].clone();
    assert_eq!((&agent["state"], &agent["not_ready"]), (&"not-ready".into(), &"rang-out".into()), "{agent}");
    let from = customer.rtp.heard();
    customer.rtp.wait_sound(from);
    customer.sipp.cue();
    customer.sipp.done();
    let record = scene.record(&customer.contact);
    assert_eq!(words(&record, &ENDING), ["abandoned-in-queue", "customer", "hung-up"], "{record}");
    scene.server.assert_rest();
}

#[test]
fn a_phone_that_loses_power_in_a_talk_frees_its_agent_within_a_minute() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let mut phone = Phone::new(1001, Answer::Itself).switch_on(&scene.server);
    scene.ready("ana");
    let mut customer = scene.call(QUEUE);
    scene.of(&customer.contact, "offer_connected");
    customer.rtp.wait_tone(1_000.0, 0);
    phone.lose_power();
    // 30 s without sound, then a probe that nobody answers.
    let minute = Duration::from_secs(60);
    let ended = scene.events.wait_for(minute, "leg_ended", |event| event["contact"] == customer.contact.as_str());
    assert_eq!(ended["data"]["cause"], "media-lost", "{ended}");
    customer.sipp.done();
    let record = scene.record(&customer.contact);
    assert_eq!(words(&record, &ENDING), ["answered", "system", "media-lost"], "{record}");
    assert_eq!(
        words(&record["legs"][1], &["role", "ended_by", "cause"]),
        ["agent", "system", "media-lost"],
        "{record}"
    );
    let agent = scene.server.api.get("/v1/agents/ana")["agent"].clone();
    assert_eq!(agent["work"].as_array().map(Vec::len), Some(0), "{agent}");
    scene.server.assert_rest();
}

#[test]
fn a_phone_that_hangs_is_passed_over_and_the_next_agent_is_rung() {
    let _others = beside_others();
    let scene = Scene::new(&Plan { ring: "2s", ..Plan::default() });
    let anas = Phone::new(1001, Answer::Itself).switch_on(&scene.server);
    let _bos = Phone::new(1002, Answer::Itself).switch_on(&scene.server);
    scene.ready("ana");
    scene.ready("bo");
    anas.freeze();
    let mut customer = scene.call(QUEUE);
    let connected = scene.of(&customer.contact, "offer_connected");
    assert_eq!(connected["agent_no"], 2, "{connected}");
    customer.rtp.wait_tone(1_000.0, 0);
    customer.sipp.cue();
    customer.sipp.done();
    let record = scene.record(&customer.contact);
    let first = &record["offers"][0];
    assert_eq!(first["agent"]["id"], "ana", "{record}");
    let ending = first["ending"].as_str().unwrap_or("?");
    assert!(matches!(ending, "unreachable" | "rang-out" | "failed"), "{record}");
    assert_ne!(scene.server.api.agent_state("ana"), "ready", "nobody rings him again at once");
    scene.server.assert_rest();
}

#[test]
fn of_two_phones_of_one_extension_the_first_to_answer_wins_and_the_other_stops_ringing() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let mut desk = Phone::new(1001, Answer::ByHand).switch_on(&scene.server);
    let mut cellar = Phone { hz: 700.0, ..Phone::new(1001, Answer::ByHand) }.switch_on(&scene.server);
    scene.ready("ana");
    let mut customer = scene.call(QUEUE);
    desk.wait("CALL_INCOMING");
    cellar.wait("CALL_INCOMING");
    cellar.command("accept", "");
    desk.wait("CALL_CLOSED");
    scene.of(&customer.contact, "offer_connected");
    customer.rtp.wait_tone(700.0, 0);
    customer.sipp.cue();
    customer.sipp.done();
    cellar.wait("CALL_CLOSED");
    let record = scene.record(&customer.contact);
    assert_eq!(words(&record, &ENDING), ["answered", "customer", "hung-up"], "{record}");
    let legs = record["legs"].as_array().expect("a list");
    assert_eq!(legs.len(), 2, "an extension with two phones is one leg: {record}");
    assert_eq!(scene.server.api.agent_state("ana"), "ready");
    scene.server.assert_rest();
}
