//! Too much of everything at once, beside a call that has to keep its sound.

use std::time::{Duration, Instant};

use crate::harness::raw::{Raw, authorization, header, status};
use crate::harness::rtp::{Law, Voice};
use crate::harness::scene::{Customer, Scene};
use crate::harness::server::{DOMAIN, QUEUE};
use crate::harness::wait::alone;
use crate::harness::{Answer, Baresip, Phone, Plan, Rtp};

/// A caller and ana, who talk.
fn talk(scene: &Scene) -> (Customer, Baresip) {
    let phone = Phone::new(1001, Answer::Itself).switch_on(&scene.server);
    scene.ready("ana");
    let customer = scene.call(QUEUE);
    scene.of(&customer.contact, "offer_connected");
    customer.rtp.say(Voice::Tone(440.0));
    customer.rtp.wait_tone(1_000.0, 0);
    (customer, phone)
}

/// The talk had its sound since packet `from`, still has it, and ends when its people want.
fn still_well(scene: &Scene, customer: &mut Customer, phone: &mut Baresip, from: usize) {
    let rtp = &customer.rtp;
    rtp.wait_packets(rtp.heard() + 25);
    let loss = rtp.loss(from);
    assert!(loss < 0.01, "{loss} of the packets are missing");
    let packets = rtp.diary(from);
    let span = (packets[packets.len() - 1].at - packets[0].at).as_secs_f64();
    let rate = (packets.len() - 1) as f64 / span;
    assert!((49.0..51.0).contains(&rate), "{rate} packets per second came, of 50");
    rtp.wait_tone(1_000.0, rtp.heard() - 20);
    customer.sipp.cue();
    customer.sipp.done();
    phone.wait("CALL_CLOSED");
    let record = scene.record(&customer.contact);
    assert_eq!((&record["disposition"], &record["cause"]), (&"answered".into(), &"hung-up".into()), "{record}");
}

const PHONES: u32 = 5_000;

#[test]
fn five_thousand_phones_that_register_at_once_end_nobodys_call() {
    alone(|| {
        let scene = Scene::new(&Plan { extensions: PHONES, ..Plan::default() });
        let (mut customer, mut phone) = talk(&scene);
        let from = customer.rtp.heard();
        let raw = Raw::new(&scene.server);
        let mut registered = std::collections::BTreeSet::new();
        let wanted: Vec<u32> = (1_010..1_001 + PHONES).collect();
        let end = Instant::now() + Duration::from_secs(60);
        let mut challenged: std::collections::BTreeMap<u32, String> = std::collections::BTreeMap::new();
        while registered.len() < wanted.len() {
            assert!(Instant::now() < end, "{} of {} phones are registered", registered.len(), wanted.len());
            // All that have no answer yet, at once, as after a power cut; they repeat as phones do.
            for number in wanted.iter().filter(|number| !registered.contains(*number)) {
                let who = number.to_string();
                let call_id = format!("flood-{number}");
                let text = match challenged.get(number) {
                    None => raw.register(&who, 1, &call_id, ""),
                    Some(challenge) => {
                        let uri = format!("sip:{DOMAIN}");
                        let answer = authorization(challenge, "REGISTER", &uri, &who, &format!("secret-{who}"));
                        raw.register(&who, 2, &call_id, &answer)
                    }
                };
                raw.send(&text);
            }
            while let Some(answer) = raw.receive(Duration::from_millis(500)) {
                let call_id = header(&answer, "Call-ID").and_then(|text| text.strip_prefix("flood-")).unwrap_or("0");
                let number: u32 = call_id.parse().expect("our own");
                match status(&answer) {
                    200 => drop(registered.insert(number)),
                    401 => drop(challenged.insert(number, answer)),
                    _ => {}
                }
            }
        }
        still_well(&scene, &mut customer, &mut phone, from);
        scene.server.assert_rest();
    });
}

#[test]
fn a_phone_that_floods_info_in_its_call_ends_nobodys_call() {
    alone(|| {
        let scene = Scene::new(&Plan::default());
        let (mut customer, mut phone) = talk(&scene);
        let raw = Raw::new(&scene.server);
        assert_eq!(status(&raw.register_with("1003", "secret-1003", "flooder")), 200);
        let own_sound = Rtp::new(Law::A);
        let dialog = raw.call("1003", "secret-1003", "9002", &own_sound.sdp());
        own_sound.wait_sound(0);
        let from = customer.rtp.heard();
        for cseq in 3..10_003 {
            raw.send(&dialog.request(raw.own, "INFO", cseq, "Signal=5\r\nDuration=160\r\n"));
        }
        let mut answered = 0;
        while let Some(answer) = raw.receive(Duration::from_millis(500)) {
            answered += usize::from(status(&answer) >= 200);
        }
        assert!(answered > 0, "those that were taken were answered");
        still_well(&scene, &mut customer, &mut phone, from);
        assert!(scene.server.api.figure("cordboard_tenant_panics_total") == 0.0);
    });
}

#[test]
fn a_client_that_hammers_the_api_ends_nobodys_call() {
    alone(|| {
        let scene = Scene::new(&Plan::default());
        let (mut customer, mut phone) = talk(&scene);
        let from = customer.rtp.heard();
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let clients = (0..64).map(|_| {
                scope.spawn(|| {
                    let replies = (0..30).map(|_| scene.server.api.try_send("GET", "/v1/calls", &[], ""));
                    replies.map(|reply| reply.map_or(0, |reply| reply.status)).collect::<Vec<u16>>()
                })
            });
            let clients: Vec<_> = clients.collect();
            clients.into_iter().flat_map(|client| client.join().expect("it only asks")).collect()
        });
        assert!(statuses.contains(&200), "some were answered");
        let others: Vec<_> = statuses.iter().filter(|status| !matches!(status, 200 | 429 | 503)).collect();
        assert!(others.is_empty(), "answers are 200 or 429, not {others:?}");
        still_well(&scene, &mut customer, &mut phone, from);
        scene.server.assert_rest();
    });
}
