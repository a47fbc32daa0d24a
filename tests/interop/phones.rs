//! Phones that dial: each other, and out over the carrier.

use crate::harness::rtp::{Law, Voice};
use crate::harness::scene::Scene;
use crate::harness::sipp::Callee;
use crate::harness::sound::stronger_db;
use crate::harness::wait::{alone, beside_others};
use crate::harness::{Answer, Phone, Plan, Rtp, Sipp};

#[test]
fn two_phones_hear_each_other() {
    alone(|| {
        let scene = Scene::new(&Plan::default());
        let mut ours = Phone::new(1003, Answer::ByHand).switch_on(&scene.server);
        let mut theirs = Phone { hz: 700.0, ..Phone::new(1004, Answer::Itself) }.switch_on(&scene.server);
        ours.command("dial", "1004");
        ours.wait("CALL_ESTABLISHED");
        theirs.wait("CALL_ESTABLISHED");
        let contact = scene.events.any("contact_opened")["contact"].as_str().expect("an id").to_owned();
        ours.until_heard(3);
        theirs.until_heard(3);
        ours.command("hangup", "");
        theirs.wait("CALL_CLOSED");
        let record = scene.record(&contact);
        assert_eq!((&record["disposition"], &record["cause"]), (&"answered".into(), &"hung-up".into()), "{record}");
        assert_eq!(record["calls"][0]["kind"], "internal", "{record}");
        let (here, there) = (ours.heard(), theirs.heard());
        assert!(here.len() > 16_000 && there.len() > 16_000, "{} and {} samples", here.len(), there.len());
        assert!(stronger_db(&here[8_000..], 700.0, 1_000.0) > 20.0, "1003 heard 1004 alone");
        assert!(stronger_db(&there[8_000..], 1_000.0, 700.0) > 20.0, "1004 heard 1003 alone");
        scene.server.assert_rest();
    });
}

#[test]
fn a_phone_dials_out_over_the_carrier() {
    alone(|| {
        let scene = Scene::new(&Plan::default());
        let mut phone = Phone::new(1003, Answer::ByHand).switch_on(&scene.server);
        let rtp = Rtp::new(Law::A);
        rtp.say(Voice::Tone(440.0));
        let mut carrier = Sipp::answer(&scene.server, &rtp, &Callee::Answers);
        phone.command("dial", "913800138000");
        phone.wait("CALL_ESTABLISHED");
        rtp.wait_tone(1_000.0, 0);
        rtp.wait_packets(rtp.heard() + 100);
        phone.command("hangup", "");
        carrier.done();
        let contact = scene.events.any("contact_opened")["contact"].as_str().expect("an id").to_owned();
        let record = scene.record(&contact);
        assert_eq!((&record["disposition"], &record["cause"]), (&"answered".into(), &"hung-up".into()), "{record}");
        let outer = record["legs"].as_array().expect("a list").iter().find(|leg| leg["party"]["trunk"].is_object());
        let outer = outer.expect("a leg of the carrier");
        assert_eq!((&outer["direction"], &outer["remote"]), (&"outbound".into(), &"+8613800138000".into()), "{record}");
        let heard = phone.heard();
        assert!(stronger_db(&heard[heard.len() - 8_000..], 440.0, 1_000.0) > 20.0, "the phone heard the far end");
        scene.server.assert_rest();
    });
}

#[test]
fn a_busy_far_end_is_told_to_the_phone() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let mut phone = Phone::new(1003, Answer::ByHand).switch_on(&scene.server);
    let rtp = Rtp::new(Law::A);
    let mut carrier = Sipp::answer(&scene.server, &rtp, &Callee::Refuses(486));
    phone.command("dial", "913800138000");
    let closed = phone.wait("CALL_CLOSED");
    assert!(closed["param"].as_str().is_some_and(|why| why.contains("486")), "{closed}");
    carrier.done();
    let contact = scene.events.any("contact_opened")["contact"].as_str().expect("an id").to_owned();
    let record = scene.record(&contact);
    assert_eq!((&record["disposition"], &record["cause"]), (&"not-answered".into(), &"busy".into()), "{record}");
    scene.server.assert_rest();
}

#[test]
fn a_phone_that_hangs_up_early_cancels_the_far_end() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let mut phone = Phone::new(1003, Answer::ByHand).switch_on(&scene.server);
    let rtp = Rtp::new(Law::A);
    let mut carrier = Sipp::answer(&scene.server, &rtp, &Callee::RingsOn);
    phone.command("dial", "913800138000");
    phone.wait("CALL_RINGING");
    phone.command("hangup", "");
    carrier.done();
    let contact = scene.events.any("contact_opened")["contact"].as_str().expect("an id").to_owned();
    let record = scene.record(&contact);
    assert_eq!(
        (&record["disposition"], &record["cause"]),
        (&"abandoned-ringing".into(), &"cancelled".into()),
        "{record}"
    );
    scene.server.assert_rest();
}

#[test]
fn an_unknown_number_is_refused() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let mut phone = Phone::new(1003, Answer::ByHand).switch_on(&scene.server);
    phone.command("dial", "5555");
    let closed = phone.wait("CALL_CLOSED");
    assert!(closed["param"].as_str().is_some_and(|why| why.contains("404")), "{closed}");
    scene.server.assert_rest();
}
