//! The main job: a caller comes in, is served, talks to an agent, and everything of it is kept.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::rtp::Voice;
use crate::harness::scene::Scene;
use crate::harness::server::MENU;
use crate::harness::sound::{Stereo, library, likeness, onset_ms, stronger_db};
use crate::harness::wait::{STEP, alone, until};
use crate::harness::{Answer, Phone, Plan};

/// How far tones have to stand apart to be two tracks.
const APART_DB: f64 = 20.0;

/// What no call leaves at zero.
const MOVED: [&str; 8] = [
    "cordboard_sip_datagrams_received_total",
    "cordboard_sip_datagrams_sent_total",
    "cordboard_media_packets_received_total",
    "cordboard_media_packets_sent_total",
    "cordboard_journal_events_total",
    "cordboard_journal_commits_total",
    "cordboard_journal_commit_seconds_total",
    "cordboard_disk_free_bytes",
];

fn millis(from: Instant, to: Instant) -> f64 {
    match to.checked_duration_since(from) {
        Some(after) => after.as_secs_f64() * 1_000.0,
        None => -(from - to).as_secs_f64() * 1_000.0,
    }
}

#[test]
fn a_caller_hears_the_prompt_presses_a_key_waits_and_talks_on_two_tracks() {
    alone(|| {
        let scene = Scene::new(&Plan::default());
        let mut phone = Phone { quiet_ms: 1_000, ..Phone::new(1001, Answer::ByHand) }.switch_on(&scene.server);
        scene.ready("ana");
        let mut customer = scene.call(MENU);
        let (rtp, contact) = (&customer.rtp, customer.contact.clone());

        let welcome = library("en-US/welcome");
        rtp.wait_packets(welcome.len() / 160 + 25);
        let alike = likeness(&rtp.pcm(0), &welcome, 1_600);
        assert!(alike > 0.9, "what came is like the prompt by {alike}");

        rtp.press('1');
        let digit = scene.of(&contact, "digit");
        assert_eq!((&digit["data"]["digit"], &digit["data"]["path"]), (&"1".into(), &"rtp".into()));
        scene.of(&contact, "item_entered");
        let queued_at = rtp.heard();
        rtp.wait_packets(queued_at + 75);
        let in_queue = rtp.pcm(queued_at + 30);

        phone.wait("CALL_INCOMING");
        scene.of(&contact, "offer_alerting");
        phone.command("accept", "");
        scene.of(&contact, "offer_connected");
        let talk_at = rtp.heard();
        let agent_began = rtp.wait_tone(1_000.0, talk_at);
        rtp.say(Voice::Tone(440.0));
        let caller_began = rtp.said(Voice::Tone(440.0));
        assert_eq!(scene.server.api.agent_state("ana"), "talking");
        // The figures that are looked at when all is over do move.
        let figures = ["cordboard_call_contacts_count", "cordboard_call_legs_count"];
        assert_eq!(figures.map(|name| scene.server.api.figure(name)), [1.0, 2.0]);
        until("the open media sockets to be counted", STEP, || {
            (scene.server.api.figure("cordboard_media_legs_count") == 2.0).then_some(())
        });
        until("everything that a call moves to be counted", STEP, || {
            MOVED.iter().all(|name| scene.server.api.figure(name) > 0.0).then_some(())
        });
        rtp.wait_packets(rtp.heard() + 150);
        let caller_heard = rtp.pcm(rtp.heard() - 100);
        customer.sipp.cue();
        customer.sipp.done();
        phone.wait("CALL_CLOSED");

        // Late, as the search takes longer than an agent may be kept ringing.
        let music = library("music/default");
        let alike = likeness(&music, &in_queue[..1_200], music.len());
        assert!(alike > 0.9, "what came in the queue is like the music by {alike}");
        assert!(stronger_db(&caller_heard, 1_000.0, 440.0) > APART_DB, "the caller heard the agent alone");
        let agent_heard = phone.heard();
        let last = &agent_heard[agent_heard.len() - 8_000..];
        assert!(stronger_db(last, 440.0, 1_000.0) > APART_DB, "the agent heard the caller alone");
        scene.of(&contact, "recording_ended");
        let record = scene.record(&contact);
        check_record(&record);
        check_recording(&scene, &record, millis(agent_began, caller_began));
        assert_eq!(scene.server.api.agent_state("ana"), "ready");
        scene.server.assert_rest();
    });
}

fn check_record(record: &Value) {
    let words = ["disposition", "ended_by", "cause"].map(|key| record[key].as_str().unwrap_or("?"));
    assert_eq!(words, ["answered", "customer", "hung-up"], "{record}");
    assert_eq!((&record["from"], &record["to"]), (&"13800138000".into(), &"+864008001230".into()), "{record}");
    let legs = record["legs"].as_array().expect("a list");
    let roles: Vec<_> = legs.iter().map(|leg| leg["role"].as_str().unwrap_or("?")).collect();
    assert_eq!(roles, ["customer", "agent"], "{record}");
    assert!(legs.iter().all(|leg| leg["answered"].is_string() && leg["ended"].is_string()), "{record}");
    assert_eq!((&legs[0]["cause"], &legs[1]["cause"]), (&"hung-up".into(), &"peer-left".into()), "{record}");
    let received = legs[0]["media"]["received"].as_u64().expect("the packets were counted");
    assert!(received > 200, "{record}");
    assert!(!record["calls"].as_array().expect("a list").is_empty(), "{record}");
    let visit = &record["visits"][0];
    assert_eq!((&visit["group"]["id"], &visit["exit"]), (&"support".into(), &"connected".into()), "{record}");
    let offer = &record["offers"][0];
    assert_eq!((&offer["agent"]["id"], &offer["ending"]), (&"ana".into(), &"connected".into()), "{record}");
    assert!(offer["alerting"].is_string() && offer["connected"].is_string(), "{record}");
    let trace = record["flows"][0]["trace"].as_array().expect("a list");
    let nodes: Vec<_> = trace.iter().map(|step| step["node"].as_str().unwrap_or("?")).collect();
    assert_eq!(nodes, ["hello", "welcome", "main", "support"], "{record}");
    assert_eq!(record["digits"][0]["digit"], "1", "{record}");
    assert_eq!(record["agents"][0]["id"], "ana", "{record}");
}

fn check_recording(scene: &Scene, record: &Value, caller_after_agent_ms: f64) {
    let segments = record["recording"]["segments"].as_array().expect("it was recorded");
    let talk = segments.iter().find(|segment| segment["agent"]["id"] == "ana").expect("a segment with ana");
    assert_eq!(talk["segment"], record["offers"][0]["segment"], "the segment's id was told with the offer");
    let url = talk["url"].as_str().expect("a place");
    let reply = scene.server.api.send("GET", url, &[], "");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("audio/wav")));
    let sound = Stereo::read(&reply.body);

    let last = sound.left.len() - 8_000..sound.left.len() - 800;
    let left = stronger_db(&sound.left[last.clone()], 440.0, 1_000.0);
    let right = stronger_db(&sound.right[last], 1_000.0, 440.0);
    assert!(left > APART_DB && right > APART_DB, "left holds the caller by {left} dB, right the agent by {right} dB");
    let measured = onset_ms(&sound.left, 440.0) - onset_ms(&sound.right, 1_000.0);
    let off = measured - caller_after_agent_ms;
    assert!(off.abs() < 40.0, "the tracks stand {off} ms off: {measured} ms, by the diary {caller_after_agent_ms} ms");

    let talk_ms = record["talk_ms"].as_f64().expect("a length");
    let length = sound.length_ms();
    assert!((length - talk_ms).abs() < 60.0, "{length} ms were recorded of {talk_ms} ms");

    let part = scene.server.api.send("GET", url, &[("Range", "bytes=100-1099")], "");
    assert_eq!((part.status, part.body.len()), (206, 1_000));
    assert_eq!(part.body, reply.body[100..1_100], "the range is that part of the whole");
    let range = format!("bytes 100-1099/{}", reply.body.len());
    assert_eq!(part.header("content-range"), Some(range.as_str()));
    let beyond = scene.server.api.send("GET", url, &[("Range", "bytes=999999999-")], "");
    assert_eq!(beyond.status, 416);

    let whole = record["recording"]["url"].as_str().expect("a place");
    let whole = Stereo::read(&scene.server.api.send("GET", whole, &[], "").body);
    let alike = likeness(&whole.right, &library("en-US/welcome"), 1_600);
    assert!(alike > 0.9, "the whole recording begins with the prompt on the right: {alike}");
    assert!(whole.length_ms() > length + 2_000.0, "the whole holds more than the talk");
}

#[test]
fn sound_is_converted_between_the_laws_and_keeps_coming() {
    alone(|| {
        let scene = Scene::new(&Plan::default());
        let _phone = Phone::new(1001, Answer::Itself).switch_on(&scene.server);
        scene.ready("ana");
        let rtp = crate::harness::Rtp::new(crate::harness::rtp::Law::Mu);
        let queue = crate::harness::server::QUEUE;
        let caller = crate::harness::sipp::Caller::Talks;
        let mut sipp = crate::harness::Sipp::call(&scene.server, 1, queue, &rtp, &caller);
        scene.events.any("offer_connected");
        let from = rtp.heard();
        rtp.wait_tone(1_000.0, from);
        let from = rtp.heard();
        rtp.wait_packets(from + 200);
        assert!(rtp.diary(from).iter().all(|packet| packet.payload_type == 0), "he offered mu-law and nothing else");
        assert!(rtp.loss(from) < 0.01, "{} of the packets are missing", rtp.loss(from));
        let waits = rtp.diary(from);
        let longest = waits.windows(2).map(|pair| pair[1].at - pair[0].at).max().expect("packets came");
        assert!(longest < Duration::from_millis(200), "nothing came for {longest:?}");
        sipp.cue();
        sipp.done();
    });
}
