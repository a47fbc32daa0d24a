//! A phone that is not ours, baresip, does by itself what phones have keys for: hold, resume, REFER; and is asked to
//! answer by itself. Its version has no attended transfer: the far ends of `refers` stand for that.

use std::time::Duration;

use serde_json::json;

use crate::harness::rtp::{Rtp, Voice};
use crate::harness::scene::{Customer, Scene};
use crate::harness::server::{DOMAIN, QUEUE};
use crate::harness::sound::{RATE, level, loudness};
use crate::harness::wait::{STEP, alone, until};
use crate::harness::{Answer, Baresip, Phone, Plan};

const CUSTOMER: f64 = 440.0;
const ANA: f64 = 1_000.0;
const OTHER: f64 = 700.0;
/// A tone is said at 0.25.
const THERE: f64 = 0.1;
const NOT_THERE: f64 = 0.01;
/// What is judged of the latest sound.
const LATEST: Duration = Duration::from_millis(500);

/// Of what the customer hears now.
fn customer_hears(rtp: &Rtp, what: &str, fits: impl Fn(&[i16]) -> bool) {
    until(what, STEP, || {
        let packets = rtp.diary(rtp.heard().saturating_sub(50));
        let pcm: Vec<i16> = packets.iter().filter(|p| p.at.elapsed() < LATEST).flat_map(|p| p.samples()).collect();
        (pcm.len() >= 20 * 160 && fits(&pcm)).then_some(())
    });
}

/// Of half a second that comes to the phone from now on.
fn phone_hears(phone: &Baresip, what: &str, fits: impl Fn(&[i16]) -> bool) {
    let from = phone.heard_so_far().len();
    until(what, STEP, || {
        let heard = phone.heard_so_far();
        let new = heard.get(from..).unwrap_or_default();
        (new.len() >= RATE / 2 && fits(&new[new.len() - RATE / 2..])).then_some(())
    });
}

fn is(hz: f64) -> impl Fn(&[i16]) -> bool {
    move |pcm| level(pcm, hz) > THERE
}

/// The customer and ana, at her baresip, hear each other.
fn talk(scene: &Scene, answer: Answer) -> (Baresip, Customer) {
    let mut ana = Phone { hz: ANA, ..Phone::new(1001, answer) }.switch_on(&scene.server);
    scene.ready("ana");
    let customer = scene.call(QUEUE);
    if answer == Answer::ByHand {
        ana.wait("CALL_INCOMING");
        ana.command("accept", "");
    }
    scene.of(&customer.contact, "offer_connected");
    customer.rtp.say(Voice::Tone(CUSTOMER));
    customer_hears(&customer.rtp, "the customer to hear ana", is(ANA));
    phone_hears(&ana, "ana to hear the customer", is(CUSTOMER));
    (ana, customer)
}

/// Judged by the customer's ear: this version plays and writes nothing more after a hold of its own, though the sound
/// comes. `legs` judges a phone's ear after its hold.
#[test]
fn a_foreign_phone_holds_and_resumes() {
    alone(|| {
        let scene = Scene::new(&Plan::default());
        let (mut ana, mut customer) = talk(&scene, Answer::Itself);
        for _ in 0..2 {
            ana.command("hold", "");
            let is_music = |pcm: &[i16]| level(pcm, ANA) < NOT_THERE && loudness(pcm) > 0.002;
            customer_hears(&customer.rtp, "the customer to hear music and no ana", is_music);
            ana.command("resume", "");
            customer_hears(&customer.rtp, "the customer to hear ana again", is(ANA));
        }
        customer.sipp.cue();
        customer.sipp.done();
        assert_eq!(scene.record(&customer.contact)["disposition"], "answered");
        scene.server.assert_rest();
    });
}

#[test]
fn a_foreign_phone_refers_the_customer_to_another_and_is_out() {
    alone(|| {
        let scene = Scene::new(&Plan::default());
        let (mut ana, mut customer) = talk(&scene, Answer::Itself);
        let mut other = Phone { hz: OTHER, ..Phone::new(1003, Answer::ByHand) }.switch_on(&scene.server);
        ana.command("transfer", &format!("sip:1003@{DOMAIN}"));
        other.wait("CALL_INCOMING");
        other.command("accept", "");
        ana.wait("CALL_CLOSED");
        customer_hears(&customer.rtp, "the customer to hear the other", |pcm| {
            level(pcm, OTHER) > THERE && level(pcm, ANA) < NOT_THERE
        });
        phone_hears(&other, "the other to hear the customer", is(CUSTOMER));
        customer.sipp.cue();
        customer.sipp.done();
        let record = scene.record(&customer.contact);
        assert_eq!(record["disposition"], "answered", "{record}");
        scene.server.assert_rest();
    });
}

/// What baresip is told to answer by itself it lets ring: this version reads neither header. It is not disturbed by them.
#[test]
fn a_phone_is_asked_to_answer_by_itself() {
    alone(|| {
        let scene = Scene::new(&Plan::default());
        let asks = |contact: &str| {
            let reply = scene.server.api.send("GET", &format!("/v1/calls/{contact}/sip"), &[], "");
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            let invite = text.split("INVITE sip:1001").nth(1).unwrap_or_else(|| panic!("she was invited: {text}"));
            let invite = invite.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
            [invite.contains("answer-after=0"), invite.contains("alert-info:")]
        };
        let (mut ana, mut first) = talk(&scene, Answer::ByHand);
        assert_eq!(asks(&first.contact), [false, false]);
        first.sipp.cue();
        first.sipp.done();
        scene.record(&first.contact);
        ana.wait("CALL_CLOSED");
        scene.server.api.post("/v1/agents/ana/preferences", &json!({ "auto_answer": true }));
        ana.forget();
        let mut second = scene.call_from(2, QUEUE, &crate::harness::sipp::Caller::Talks);
        ana.wait("CALL_INCOMING");
        assert_eq!(asks(&second.contact), [true, true]);
        ana.command("accept", "");
        scene.of(&second.contact, "offer_connected");
        second.rtp.say(Voice::Tone(CUSTOMER));
        customer_hears(&second.rtp, "the customer to hear ana", is(ANA));
        second.sipp.cue();
        second.sipp.done();
        scene.record(&second.contact);
        scene.server.assert_rest();
    });
}
