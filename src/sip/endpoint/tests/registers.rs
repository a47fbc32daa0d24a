//! REGISTER through the endpoint: challenges, saved bindings, storms, phones that vanish.

use super::super::Counts;
use super::world::*;
use crate::base::{ExtensionNo, Span};
use crate::event::words::Wire;
use crate::sip::front::guard::FAILURES_MAX;
use crate::sip::message::Name;
use crate::sip::phone::PhoneEvent;
use crate::sip::testing;
use crate::sip::words::Tell;
use crate::site::DigestPolicy;

const A: ExtensionNo = testing::EXT_1001;

#[test]
fn a_phone_registers_with_each_digest_over_each_wire_and_leaves() {
    for digest in [DigestPolicy::Md5, DigestPolicy::Both, DigestPolicy::Sha256] {
        for (at, wire) in [("198.51.100.1:5062", Wire::Udp), ("198.51.100.1:7062", Wire::Tcp)] {
            let mut site = testing::default_site();
            site.digest = digest;
            let mut world = World::with(site);
            let phone = world.phone("1001", at, wire);
            world.verb(phone, |phone, now| phone.register(now));
            world.run(Span::seconds(1));
            assert_eq!(world.take_event(phone), Some(PhoneEvent::Registered { seconds: 300 }), "{digest:?} {wire:?}");
            let target = &world.endpoint.targets_of_extension(A, world.now.t)[0];
            assert_eq!((target.remote, target.wire), (phone, wire));
            assert!(target.link.is_some() && world.endpoint.is_reachable(A));
            world.run(Span::minutes(20));
            assert!(world.endpoint.is_reachable(A), "it refreshes");
            world.verb(phone, |phone, now| phone.unregister(now));
            world.run(Span::seconds(40));
            assert!(!world.endpoint.is_reachable(A));
            assert_eq!(world.endpoint.counts(), Counts::default());
        }
    }
}

#[test]
fn a_wrong_password_and_an_unknown_user_read_the_same() {
    let answers: Vec<Vec<String>> = [("1001", "x"), ("4711", "x")]
        .iter()
        .map(|(user, _)| {
            let mut world = World::new();
            let phone = world.phone(user, "198.51.100.1:5062", Wire::Udp);
            let wrong = crate::sip::phone::PhoneConfig {
                user: (*user).into(),
                password: "x".into(),
                domain: "one.example".into(),
                registrar: addr(SERVER),
                local: phone,
                wire: Wire::Udp,
                expires: Span::minutes(5),
            };
            world.phones.insert(phone, crate::sip::phone::Phone::new(wrong, 1));
            world.verb(phone, |phone, now| phone.register(now));
            world.run(Span::seconds(1));
            assert_eq!(world.take_event(phone), Some(PhoneEvent::RegisterFailed { status: 401 }));
            assert!(world.endpoint.counters.refused_credentials == 1 && world.endpoint.is_at_rest());
            world.heard_by("198.51.100.1:5062").iter().map(ToString::to_string).collect()
        })
        .collect();
    assert_eq!(answers[0], answers[1]);
}

/// The source can be forged over UDP, so nobody is banned there; a live registration is never banned.
#[test]
fn a_password_guesser_on_tcp_loses_his_connection() {
    for (from, wire, closes) in [("198.51.100.1:5062", Wire::Udp, false), ("198.51.100.1:7062", Wire::Tcp, true)] {
        let mut world = World::new();
        let guess = |n: u32| {
            format!(
                "REGISTER sip:one.example SIP/2.0\r\nVia: SIP/2.0/{wire:?} {from};branch=z9hG4bK{n};rport\r\n\
                 From: <sip:1001@one.example>;tag=a\r\nTo: <sip:1001@one.example>\r\nCall-ID: x\r\n\
                 CSeq: {n} REGISTER\r\nContact: <sip:1001@{from}>\r\nContent-Length: 0\r\n"
            )
            .replace("Tcp", "TCP")
            .replace("Udp", "UDP")
        };
        world.inject(from, format!("{}\r\n", guess(1)));
        world.run(Span::seconds(1));
        for n in 2..=u32::from(FAILURES_MAX) + 1 {
            assert_eq!(world.closed, [], "{n}");
            let challenge = &world.last_response(from).headers.auth(Name::WwwAuthenticate)[0];
            let wrong = crate::sip::auth::answer(challenge, "1001", "no", "REGISTER", "sip:one.example", n, "c");
            world.inject(from, format!("{}Authorization: {}\r\n\r\n", guess(n), wrong.expect("a proof")));
            world.run(Span::seconds(1));
        }
        let challenge = &world.last_response(from).headers.auth(Name::WwwAuthenticate)[0];
        let right = crate::sip::auth::answer(challenge, "1001", "p1001", "REGISTER", "sip:one.example", 1, "c");
        world.inject(from, format!("{}Authorization: {}\r\n\r\n", guess(50), right.expect("a proof")));
        world.run(Span::seconds(1));
        assert_eq!(world.closed.len(), usize::from(closes), "{wire:?}");
        assert_eq!(world.last_response(from).status, if closes { 401 } else { 200 }, "{wire:?}");
    }
}

#[test]
fn nobody_registers_for_another() {
    let mut world = World::new();
    let phone = world.phone("1001", "198.51.100.1:5062", Wire::Udp);
    world.verb(phone, |phone, now| phone.register(now));
    // the To of another extension, with credentials that are right: the digest does not cover To
    world.run(Span::millis(15));
    let challenge = world.phones.remove(&phone).map(|_| ());
    assert!(challenge.is_some());
    world.run(Span::seconds(1));
    let value = world.last_response("198.51.100.1:5062").headers.auth(crate::sip::message::Name::WwwAuthenticate);
    let proof = crate::sip::auth::answer(&value[0], "1001", "p1001", "REGISTER", "sip:one.example", 1, "c");
    let text = |to: &str, from: &str| {
        format!(
            "REGISTER sip:one.example SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5062;branch=z9hG4bK{to}{from};rport\r\n\
             From: <sip:{from}@one.example>;tag=a\r\nTo: <sip:{to}@one.example>\r\nCall-ID: x\r\nCSeq: 9 REGISTER\r\n\
             Contact: <sip:1001@198.51.100.1:5062>\r\nAuthorization: {}\r\nContent-Length: 0\r\n\r\n",
            proof.as_ref().expect("a proof")
        )
    };
    world.inject("198.51.100.1:5062", text("1002", "1001"));
    world.run(Span::seconds(1));
    assert_eq!(world.last_response("198.51.100.1:5062").status, 403);
}

#[test]
fn a_full_node_asks_phones_to_come_back_apart() {
    let mut world = World::new();
    world.endpoint.set_shedding(true);
    let phone = world.phone("1001", "198.51.100.1:5062", Wire::Udp);
    world.verb(phone, |phone, now| phone.register(now));
    world.run(Span::seconds(1));
    assert_eq!(world.take_event(phone), Some(PhoneEvent::RegisterFailed { status: 503 }));
}

#[test]
fn a_disk_that_is_away_means_503_after_two_seconds() {
    let mut world = World::new();
    world.disk = None;
    let phone = world.phone("1001", "198.51.100.1:5062", Wire::Udp);
    world.verb(phone, |phone, now| phone.register(now));
    world.run(Span::millis(1_900));
    assert_eq!(world.take_event(phone), None);
    world.run(Span::millis(200));
    assert_eq!(world.take_event(phone), Some(PhoneEvent::RegisterFailed { status: 503 }));
    world.run(Span::seconds(40));
    assert_eq!(world.endpoint.counts(), Counts::default());
}

#[test]
fn a_watched_phone_answers_options_until_it_loses_its_power() {
    let mut world = World::new();
    let phone = world.registered("1001", "198.51.100.1:5062");
    world.act(crate::sip::words::Act::Watch { extension: A, on: true });
    world.take_tells();
    world.run(Span::minutes(3));
    let proof = Tell::Reachable { extension: A, reachable: true };
    let tells = world.take_tells();
    assert!(
        !tells.is_empty() && tells.iter().all(|tell| *tell == proof),
        "each answer is one, and none is missed: {tells:?}"
    );
    let asked = world.heard_by("198.51.100.1:5062").iter().filter(|line| line.starts_with("OPTIONS")).count();
    assert!((4..=7).contains(&asked), "{asked}");
    world.phones.get_mut(&phone).expect("a phone").dead = true;
    let died = world.now.t;
    while world.endpoint.is_reachable(A) {
        world.run(Span::millis(100));
        assert!(world.now.t.since(died) <= Span::seconds(61), "a phone that vanishes is noticed within a minute");
    }
    assert!(world.take_tells().contains(&Tell::Reachable { extension: A, reachable: false }));
}

#[test]
fn a_tcp_phone_is_gone_with_its_connection() {
    let mut world = World::new();
    let phone = world.phone("1001", "198.51.100.1:7062", Wire::Tcp);
    world.verb(phone, |phone, now| phone.register(now));
    world.run(Span::seconds(1));
    assert!(world.endpoint.is_reachable(A));
    world.close_link(phone);
    assert!(!world.endpoint.is_reachable(A) && world.endpoint.targets_of_extension(A, world.now.t).is_empty());
}

/// Anybody can write another's address on a datagram: it must not keep him out.
#[test]
fn forged_datagrams_ban_nobody_and_a_registered_source_is_never_banned() {
    let wrong = |world: &mut World, at: &str, wire: Wire| {
        let phone = world.phone("1001", at, wire);
        let config = crate::sip::phone::PhoneConfig {
            user: "1001".into(),
            password: "x".into(),
            domain: "one.example".into(),
            registrar: addr(SERVER),
            local: phone,
            wire,
            expires: Span::minutes(5),
        };
        for n in 0..crate::sip::front::guard::FAILURES_MAX {
            world.phones.insert(phone, crate::sip::phone::Phone::new(config.clone(), u64::from(n)));
            world.verb(phone, |phone, now| phone.register(now));
            world.run(Span::seconds(1));
        }
        world.phones.remove(&phone);
        world.events.clear();
    };
    let comes_in = |world: &mut World, at: &str| {
        let phone = world.phone("1001", at, Wire::Tcp);
        world.verb(phone, |phone, now| phone.register(now));
        world.run(Span::seconds(1));
        matches!(world.take_event(phone), Some(PhoneEvent::Registered { .. }))
    };
    let mut world = World::new();
    wrong(&mut world, "198.51.100.1:5062", Wire::Udp);
    assert!(comes_in(&mut world, "198.51.100.1:7062"), "the datagrams were forged");
    wrong(&mut world, "198.51.100.1:7063", Wire::Tcp);
    assert!(comes_in(&mut world, "198.51.100.1:7064"), "a phone is registered there");
    let mut world = World::new();
    wrong(&mut world, "198.51.100.1:7063", Wire::Tcp);
    assert!(!comes_in(&mut world, "198.51.100.1:7064"), "a guesser");
}
