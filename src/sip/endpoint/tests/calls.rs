//! Calls of one dialog each: set up, talked in, refreshed, ended, by either side and over both transports.

use super::super::Counts;
use super::world::*;
use crate::base::{LegId, Span};
use crate::event::words::{EndCause, PartyRef};
use crate::sip::phone::{PhoneCall, PhoneEvent};
use crate::sip::words::{Act, Tell};

/// 1001 calls 9000; the leg.
fn inbound(world: &mut World) -> (std::net::SocketAddr, PhoneCall, LegId) {
    let phone = world.registered("1001", "198.51.100.1:5062");
    world.take_tells();
    let call = world.verb(phone, |phone, now| phone.call("9000", SDP, now));
    world.run(Span::millis(100));
    let tells = world.take_tells();
    let [Tell::Incoming(incoming)] = &tells[..] else { panic!("{tells:?}") };
    assert_eq!(incoming.party, PartyRef::Extension(crate::sip::testing::EXT_1001));
    assert_eq!((incoming.dialled.as_str(), incoming.from_user.as_str()), ("9000", "1001"));
    assert_eq!((incoming.sdp.as_deref(), incoming.max_forwards), (Some(SDP), 70));
    (phone, call, incoming.leg)
}

fn answered(world: &mut World) -> (std::net::SocketAddr, PhoneCall, LegId) {
    let (phone, call, leg) = inbound(world);
    world.act(Act::Accept { leg, sdp: SDP.to_vec() });
    world.run(Span::millis(100));
    assert_eq!(world.take_event(phone), Some(PhoneEvent::Answered { call, sdp: SDP.to_vec() }));
    assert_eq!(world.take_tells(), [Tell::Acked { leg, sdp: None }]);
    (phone, call, leg)
}

fn at_rest(world: &mut World) {
    world.run(Span::seconds(70));
    assert_eq!(world.endpoint.counts(), Counts::default(), "{:#?}", world.endpoint);
}

#[test]
fn a_phone_calls_rings_talks_and_hangs_up() {
    let mut world = World::new();
    let (phone, call, leg) = inbound(&mut world);
    world.act(Act::Progress { leg, status: 183, sdp: Some(SDP.to_vec()) });
    world.run(Span::millis(50));
    assert_eq!(world.take_event(phone), Some(PhoneEvent::Progress { call, status: 183, sdp: SDP.to_vec() }));
    world.act(Act::Accept { leg, sdp: SDP.to_vec() });
    world.run(Span::seconds(5));
    assert_eq!(world.take_event(phone), Some(PhoneEvent::Answered { call, sdp: SDP.to_vec() }));
    assert!(world.tells.iter().any(|tell| matches!(tell, Tell::Dialog { leg: of, .. } if *of == leg)));
    let traced = world.tells.iter().filter(|tell| matches!(tell, Tell::Traced(_))).count();
    assert_eq!(traced, 3, "183, 200, ACK; INVITE and 100 were taken before");
    assert_eq!(world.take_tells(), [Tell::Acked { leg, sdp: None }]);
    world.verb(phone, |phone, now| phone.hang_up(call, now));
    world.run(Span::millis(100));
    let ended = Tell::Ended { leg, cause: EndCause::HungUp, status: None, by_far_end: true };
    assert_eq!(world.take_tells(), [ended]);
    at_rest(&mut world);
}

#[test]
fn we_hang_up_and_say_why() {
    let mut world = World::new();
    let (phone, call, leg) = answered(&mut world);
    world.act(Act::End { leg, status: 480, cause: EndCause::PeerLeft });
    world.run(Span::millis(100));
    let reason = Some("Q.850;cause=16;text=\"Normal call clearing\"".to_owned());
    assert_eq!(world.take_event(phone), Some(PhoneEvent::Ended { call, status: None, by_far_end: true, reason }));
    assert_eq!(world.take_tells(), [], "who ended it knows");
    world.act(Act::End { leg, status: 480, cause: EndCause::PeerLeft });
    world.act(Act::Accept { leg, sdp: SDP.to_vec() });
    assert_eq!(world.take_tells(), [], "acts on a leg that is gone are nothing");
    at_rest(&mut world);
}

#[test]
fn an_unanswered_call_is_refused_or_cancelled() {
    let mut world = World::new();
    let (phone, call, leg) = inbound(&mut world);
    world.act(Act::End { leg, status: 486, cause: EndCause::Full });
    world.run(Span::millis(100));
    assert!(
        matches!(world.take_event(phone), Some(PhoneEvent::Ended { call: of, status: Some(486), .. }) if of == call)
    );
    at_rest(&mut world);

    let mut world = World::new();
    let (phone, call, leg) = inbound(&mut world);
    world.verb(phone, |phone, now| phone.hang_up(call, now));
    world.run(Span::millis(100));
    let ended = Tell::Ended { leg, cause: EndCause::Cancelled, status: Some(487), by_far_end: true };
    assert_eq!(world.take_tells(), [ended]);
    world.act(Act::Accept { leg, sdp: SDP.to_vec() });
    world.run(Span::millis(100));
    assert!(matches!(world.take_event(phone), Some(PhoneEvent::Ended { status: Some(487), .. })));
    at_rest(&mut world);
}

#[test]
fn a_cancel_that_crosses_our_200_is_nothing_and_the_phone_says_bye() {
    let mut world = World::new();
    let (phone, call, leg) = inbound(&mut world);
    world.verb(phone, |phone, now| phone.hang_up(call, now));
    world.act(Act::Accept { leg, sdp: SDP.to_vec() });
    world.run(Span::seconds(2));
    let tells = world.take_tells();
    assert!(
        matches!(tells[..], [Tell::Acked { .. }, Tell::Ended { cause: EndCause::HungUp, by_far_end: true, .. }]),
        "{tells:?}"
    );
    assert_eq!(world.phones[&phone].calls(), 0);
    at_rest(&mut world);
}

#[test]
fn each_lost_message_is_sent_again() {
    for lost in ["INVITE", "SIP/2.0 200", "ACK", "BYE"] {
        let mut world = World::new();
        let phone = world.registered("1001", "198.51.100.1:5062");
        world.take_tells();
        world.drop_next = vec![lost];
        let call = world.verb(phone, |phone, now| phone.call("9000", SDP, now));
        world.run(Span::seconds(2));
        let tells = world.take_tells();
        let [Tell::Incoming(incoming)] = &tells[..] else { panic!("{lost}: {tells:?}") };
        let leg = incoming.leg;
        world.act(Act::Accept { leg, sdp: SDP.to_vec() });
        world.run(Span::seconds(3));
        assert_eq!(world.take_tells(), [Tell::Acked { leg, sdp: None }], "{lost}");
        world.verb(phone, |phone, now| phone.hang_up(call, now));
        world.run(Span::seconds(3));
        assert!(matches!(world.take_tells()[..], [Tell::Ended { cause: EndCause::HungUp, .. }]), "{lost}");
        assert!(world.drop_next.is_empty(), "{lost} was dropped once");
        at_rest(&mut world);
    }
}

#[test]
fn a_200_that_nobody_acknowledges_ends_in_bye_after_32_seconds() {
    let mut world = World::new();
    let (phone, _, leg) = inbound(&mut world);
    world.phones.get_mut(&phone).expect("a phone").dead = true;
    world.act(Act::Accept { leg, sdp: SDP.to_vec() });
    world.run(Span::millis(31_900));
    assert_eq!(world.take_tells(), []);
    world.run(Span::millis(200));
    let ended = Tell::Ended { leg, cause: EndCause::SignallingLost, status: None, by_far_end: false };
    assert_eq!(world.take_tells(), [ended]);
    let oks = world.heard_by("198.51.100.1:5062").iter().filter(|line| line.contains("200")).count();
    // the REGISTER's, then at 0, .5, 1.5, 3.5 s and each 4 s
    assert_eq!(oks, 12);
    assert!(world.heard_by("198.51.100.1:5062").last().is_some_and(|line| line.starts_with("BYE")));
    at_rest(&mut world);
}

#[test]
fn ending_before_the_ack_waits_for_it() {
    let mut world = World::new();
    let (phone, call, leg) = inbound(&mut world);
    world.act(Act::Accept { leg, sdp: SDP.to_vec() });
    world.act(Act::End { leg, status: 480, cause: EndCause::Released });
    assert!(!world.heard_by("198.51.100.1:5062").iter().any(|line| line.starts_with("BYE")));
    world.run(Span::millis(100));
    assert_eq!(world.take_event(phone), Some(PhoneEvent::Answered { call, sdp: SDP.to_vec() }));
    assert!(matches!(world.take_event(phone), Some(PhoneEvent::Ended { by_far_end: true, .. })));
    assert_eq!(world.take_tells(), []);
    at_rest(&mut world);
}

#[test]
fn digits_come_by_info_and_a_flood_of_them_ends_nothing() {
    let mut world = World::new();
    let (phone, call, leg) = answered(&mut world);
    world.verb(phone, |phone, now| phone.info(call, '5', now));
    world.run(Span::millis(100));
    assert_eq!(world.take_tells(), [Tell::Digit { leg, digit: '5' }]);
    world.run(Span::seconds(2));
    for _ in 0..500 {
        world.verb(phone, |phone, now| phone.info(call, '1', now));
    }
    world.run(Span::millis(50));
    let digits = world.take_tells().len();
    assert!(digits <= 21, "{digits}");
    assert!(world.endpoint.counters.infos_refused >= 479);
    world.act(Act::SendDigit { leg, digit: '#', duration: Span::millis(100) });
    world.act(Act::Probe { leg });
    world.run(Span::seconds(1));
    assert_eq!(world.take_tells(), [Tell::Alive { leg }], "the call is still up");
    world.act(Act::End { leg, status: 480, cause: EndCause::Released });
    at_rest(&mut world);
}

#[test]
fn a_reinvite_is_answered_or_refused() {
    let mut world = World::new();
    let (phone, call, leg) = answered(&mut world);
    world.verb(phone, |phone, now| phone.reinvite(call, b"v=1\r\n", now));
    world.run(Span::millis(50));
    assert_eq!(world.take_tells(), [Tell::Offer { leg, sdp: Some(b"v=1\r\n".to_vec()) }]);
    world.verb(phone, |phone, now| phone.reinvite(call, b"v=2\r\n", now));
    world.run(Span::millis(50));
    assert_eq!(world.take_tells(), [], "a second offer before the answer gets 500");
    world.act(Act::AnswerOffer { leg, sdp: b"v=3\r\n".to_vec() });
    world.run(Span::millis(50));
    assert_eq!(world.take_tells(), [Tell::Acked { leg, sdp: None }]);
    world.verb(phone, |phone, now| phone.reinvite(call, b"v=4\r\n", now));
    world.run(Span::millis(50));
    world.act(Act::RefuseOffer { leg, status: 488 });
    world.run(Span::millis(50));
    assert!(world.heard_by("198.51.100.1:5062").iter().any(|line| line.contains("488")));
    world.act(Act::AnswerOffer { leg, sdp: SDP.to_vec() });
    world.act(Act::End { leg, status: 480, cause: EndCause::Released });
    at_rest(&mut world);
}

#[test]
fn a_probe_without_an_answer_ends_the_leg() {
    let mut world = World::new();
    let (phone, _, leg) = answered(&mut world);
    world.phones.get_mut(&phone).expect("a phone").dead = true;
    world.act(Act::Probe { leg });
    world.run(Span::seconds(33));
    assert_eq!(world.take_tells(), [Tell::Ended { leg, cause: EndCause::MediaLost, status: None, by_far_end: false }]);
    at_rest(&mut world);
}

#[test]
fn a_restart_says_bye_to_what_was_open() {
    let mut world = World::new();
    let (phone, call, leg) = {
        let (phone, call, leg) = inbound(&mut world);
        world.act(Act::Accept { leg, sdp: SDP.to_vec() });
        world.run(Span::millis(100));
        (phone, call, leg)
    };
    let state = world.tells.iter().find_map(|tell| match tell {
        Tell::Dialog { leg: of, dialog } if *of == leg => Some(dialog.clone()),
        _ => None,
    });
    // another process
    let mut after = World::new();
    std::mem::swap(&mut after.phones, &mut world.phones);
    after.act(Act::ByeRestored { dialog: state.expect("told"), cause: EndCause::Crash });
    after.run(Span::millis(100));
    let reason = Some("SIP;cause=500;text=\"Server restarted\"".to_owned());
    assert_eq!(after.take_event(phone), Some(PhoneEvent::Ended { call, status: None, by_far_end: true, reason }));
    at_rest(&mut after);
}

#[test]
fn a_trunk_calls_without_a_challenge_and_with_a_late_offer() {
    let mut world = World::new();
    let invite = "INVITE sip:9000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.50:5060;branch=z9hG4bKt1\r\n\
         Max-Forwards: 9\r\nFrom: \"Bo\" <sip:+8610@carrier>;tag=ct\r\nTo: <sip:9000@192.0.2.1>\r\nCall-ID: tc\r\n\
         CSeq: 7 INVITE\r\nContact: <sip:192.0.2.50:5060>\r\nP-Asserted-Identity: <sip:+8611@carrier>\r\n\
         X-Cordboard-Contact: 17, 18\r\nContent-Length: 0\r\n\r\n";
    world.inject(TRUNK, invite);
    world.run(Span::millis(50));
    let tells = world.take_tells();
    let [Tell::Incoming(incoming)] = &tells[..] else { panic!("{tells:?}") };
    let leg = incoming.leg;
    assert_eq!((incoming.sdp.as_ref(), incoming.asserted_user.as_deref()), (None, Some("+8611")));
    assert_eq!((incoming.met.join("+").as_str(), incoming.max_forwards), ("17+18", 9));
    assert_eq!((incoming.from_user.as_str(), incoming.from_name.as_deref()), ("+8610", Some("Bo")));
    world.act(Act::Accept { leg, sdp: b"offer".to_vec() });
    world.run(Span::millis(50));
    let ok = world.last_response(TRUNK);
    assert_eq!((ok.status, &ok.body()[..]), (200, &b"offer"[..]));
    let tag = ok.headers.to().expect("To").tag().expect("a tag").to_owned();
    let ack = format!(
        "ACK sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.50:5060;branch=z9hG4bKt2\r\nFrom: <sip:+8610@carrier>;tag=ct\r\n\
         To: <sip:9000@192.0.2.1>;tag={tag}\r\nCall-ID: tc\r\nCSeq: 7 ACK\r\nContent-Type: application/sdp\r\n\
         Content-Length: 6\r\n\r\nanswer"
    );
    world.inject(TRUNK, ack);
    world.run(Span::millis(50));
    assert_eq!(world.take_tells(), [Tell::Acked { leg, sdp: Some(b"answer".to_vec()) }]);
    world.act(Act::End { leg, status: 480, cause: EndCause::Released });
    world.run(Span::millis(50));
    let bye = world.last_request(TRUNK, "BYE");
    assert_eq!((bye.uri.as_str(), bye.headers.cseq().expect("CSeq").number), ("sip:192.0.2.50:5060", 1));
    world.run(Span::seconds(70));
    assert_eq!(world.endpoint.counts(), Counts::default());
}

#[test]
fn a_refresh_that_met_their_offer_is_made_up_for() {
    let mut world = World::new();
    let invite = "INVITE sip:9000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.50:5060;branch=z9hG4bKs1\r\n\
         Max-Forwards: 9\r\nFrom: <sip:+8610@carrier>;tag=ct\r\nTo: <sip:9000@192.0.2.1>\r\nCall-ID: sc\r\n\
         CSeq: 7 INVITE\r\nContact: <sip:192.0.2.50:5060>\r\nSupported: timer\r\n\
         Session-Expires: 90;refresher=uas\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\noffer";
    world.inject(TRUNK, invite);
    world.run(Span::millis(50));
    let tells = world.take_tells();
    let [Tell::Incoming(incoming)] = &tells[..] else { panic!("{tells:?}") };
    let leg = incoming.leg;
    world.act(Act::Accept { leg, sdp: b"answer".to_vec() });
    world.run(Span::millis(50));
    let tag = world.last_response(TRUNK).headers.to().expect("To").tag().expect("a tag").to_owned();
    let later = |text: &str, branch: &str| {
        let text = text.replace("<sip:9000@192.0.2.1>", &format!("<sip:9000@192.0.2.1>;tag={tag}"));
        text.replace("z9hG4bKs1", branch)
    };
    world.inject(TRUNK, later(invite, "z9hG4bKs2").replace("INVITE", "ACK"));
    world.run(Span::seconds(44));
    // theirs is not answered while our refresh falls due, and then it is refused
    world.inject(TRUNK, later(invite, "z9hG4bKs3").replace("CSeq: 7", "CSeq: 8"));
    world.run(Span::seconds(3));
    world.act(Act::RefuseOffer { leg, status: 488 });
    world.run(Span::seconds(6));
    world.last_request(TRUNK, "INVITE");
}

#[test]
fn a_trunk_whose_connection_closed_in_the_talk_hears_our_bye() {
    for closes in [false, true] {
        let mut world = World::new();
        let far = "192.0.2.50:7070";
        let invite = "INVITE sip:9000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.50:5060;branch=z9hG4bKw1\r\n\
             Max-Forwards: 9\r\nFrom: <sip:+8610@carrier>;tag=ct\r\nTo: <sip:9000@192.0.2.1>\r\nCall-ID: wc\r\n\
             CSeq: 7 INVITE\r\nContact: <sip:192.0.2.50:5060;transport=tcp>\r\nContent-Length: 0\r\n\r\n";
        world.inject_tcp(far, invite);
        world.run(Span::millis(50));
        let tells = world.take_tells();
        let [Tell::Incoming(incoming)] = &tells[..] else { panic!("{tells:?}") };
        let leg = incoming.leg;
        world.act(Act::Accept { leg, sdp: b"offer".to_vec() });
        world.run(Span::millis(50));
        let tag = world.last_response(far).headers.to().expect("To").tag().expect("a tag").to_owned();
        let ack = invite.replace("INVITE", "ACK").replace("w1", "w2");
        world.inject_tcp(far, ack.replace("9000@192.0.2.1>\r\nC", &format!("9000@192.0.2.1>;tag={tag}\r\nC")));
        world.run(Span::millis(50));
        if closes {
            world.close_link(addr(far));
        }
        world.act(Act::End { leg, status: 480, cause: EndCause::Released });
        world.run(Span::millis(50));
        let opened: Vec<String> = world.opened.iter().map(ToString::to_string).collect();
        assert_eq!(opened, if closes { vec![TRUNK] } else { vec![] }, "a new connection only where there is none");
        let heard =
            world.inbox.iter().any(|(_, message)| message.headers().cseq().is_ok_and(|c| c.method.as_str() == "BYE"));
        assert!(heard, "closed: {closes}");
    }
}
