//! The server dies in the middle of a talk, and what it does when it comes back.

use std::time::Duration;

use crate::harness::rtp::Voice;
use crate::harness::scene::Scene;
use crate::harness::server::QUEUE;
use crate::harness::sound::{Stereo, stronger_db};
use crate::harness::wait::{STEP, alone, until};
use crate::harness::{Answer, Events, Phone, Plan};

#[test]
fn a_killed_server_says_bye_to_both_ends_and_keeps_recording_phones_and_agents() {
    alone(|| {
        let mut scene = Scene::new(&Plan::default());
        let mut phone = Phone::new(1001, Answer::Itself).switch_on(&scene.server);
        scene.ready("ana");
        let mut customer = scene.call(QUEUE);
        scene.of(&customer.contact, "offer_connected");
        customer.rtp.say(Voice::Tone(440.0));
        let began = customer.rtp.wait_tone(1_000.0, 0);
        // Three seconds of talk.
        customer.rtp.wait_packets(customer.rtp.heard() + 150);
        let last = customer.rtp.diary(0).pop().expect("packets came").at;
        scene.server.kill9();
        assert!(customer.sipp.is_running(), "the caller does not know yet");

        let took = scene.server.start_again();
        assert!(took < Duration::from_secs(2), "it took {took:?} to be ready");
        // sipp's scenario ends well only by a BYE that it can answer.
        customer.sipp.done();
        phone.wait("CALL_CLOSED");
        scene.events = Events::open(&scene.server.api, "oldest");
        scene.events.any("restarted");
        let record = scene.record(&customer.contact);
        assert_eq!((&record["disposition"], &record["cause"]), (&"crash".into(), &"crash".into()), "{record}");
        assert!(record["legs"].as_array().expect("a list").iter().all(|leg| leg["ended"].is_string()), "{record}");

        let extensions = scene.server.api.get("/v1/extensions");
        let first = &extensions["extensions"][0];
        assert_eq!(first["bindings"][0]["usable"], true, "the phone is still registered: {first}");
        // His station answers, so he is back by himself.
        until("ana to be back", STEP, || (scene.server.api.agent_state("ana") == "ready").then_some(()));

        let segments = record["recording"]["segments"].as_array().expect("it was recorded").clone();
        let talk = segments.iter().find(|segment| segment["agent"]["id"] == "ana").expect("a segment with ana");
        let reply = scene.server.api.send("GET", talk["url"].as_str().expect("a place"), &[], "");
        assert_eq!(reply.status, 200);
        let sound = Stereo::read(&reply.body);
        let talked = (last - began).as_secs_f64() * 1_000.0;
        let length = sound.length_ms();
        assert!((length - talked).abs() < 1_500.0, "{length} ms were kept of {talked} ms");
        let middle = sound.left.len() / 2 - 4_000..sound.left.len() / 2;
        assert!(stronger_db(&sound.left[middle.clone()], 440.0, 1_000.0) > 20.0);
        assert!(stronger_db(&sound.right[middle], 1_000.0, 440.0) > 20.0);

        // And it works on: the same agent takes the next call at the same phone.
        scene.events.forget();
        let mut next = scene.call(QUEUE);
        scene.of(&next.contact, "offer_connected");
        next.rtp.wait_tone(1_000.0, 0);
        next.sipp.cue();
        next.sipp.done();
        scene.record(&next.contact);
        scene.server.assert_rest();
    });
}
