//! REFER and Replaces: what a phone may refer to, what it hears of it, and whose dialog an INVITE takes over.

use std::net::SocketAddr;

use super::super::Counts;
use super::world::*;
use crate::base::{LegId, Span};
use crate::event::words::EndCause;
use crate::sip::message::Message;
use crate::sip::phone::{PhoneCall, PhoneEvent};
use crate::sip::words::{Act, Incoming, Refer, ReferNo, Tell};

/// 1001 talks to 9000 in a call; again: in another one.
fn talk(world: &mut World, phone: SocketAddr) -> (PhoneCall, LegId) {
    let call = world.verb(phone, |phone, now| phone.call("9000", SDP, now));
    world.run(Span::millis(100));
    let incoming = incoming(world);
    world.act(Act::Accept { leg: incoming.leg, sdp: SDP.to_vec() });
    world.run(Span::millis(100));
    world.take_tells();
    world.events.clear();
    (call, incoming.leg)
}

fn incoming(world: &mut World) -> Incoming {
    let tells = world.take_tells();
    let found = tells.iter().find_map(|tell| if let Tell::Incoming(incoming) = tell { Some(incoming) } else { None });
    *found.unwrap_or_else(|| panic!("{tells:?}")).clone()
}

fn referred(world: &mut World) -> Refer {
    match &world.take_tells()[..] {
        [Tell::Refer(refer)] => (**refer).clone(),
        other => panic!("{other:?}"),
    }
}

/// Statuses of REFER and NOTIFYs, the last one marked.
fn heard(world: &mut World, phone: SocketAddr) -> Vec<String> {
    let mut heard = Vec::new();
    while let Some(event) = world.take_event(phone) {
        match event {
            PhoneEvent::Referred { status, .. } => heard.push(format!("{status}")),
            PhoneEvent::Notified { status, last, .. } => {
                heard.push(format!("N{status}{}", if last { "!" } else { "" }))
            }
            PhoneEvent::Ended { .. } => heard.push("BYE".to_owned()),
            other => panic!("{other:?}"),
        }
    }
    heard
}

fn at_rest(world: &mut World) {
    world.run(Span::seconds(70));
    assert_eq!(world.endpoint.counts(), Counts::default(), "{:#?}", world.endpoint);
}

#[test]
fn a_phone_refers_and_reads_how_it_goes() {
    let mut world = World::new();
    let phone = world.registered("1001", "198.51.100.1:5062");
    let (call, leg) = talk(&mut world, phone);
    world.verb(phone, |phone, now| phone.refer(call, "10%302", None, now));
    world.run(Span::millis(100));
    let refer = referred(&mut world);
    assert_eq!((refer.leg, refer.to.as_str(), refer.replaces), (leg, "1002", None));
    assert_eq!(refer.referred_by.as_deref(), Some("sip:1001@one.example"));
    assert_eq!(heard(&mut world, phone), ["202", "N100"]);
    // the second waits for the answer to the first, and the final word takes its place
    for status in [180, 183, 200, 486] {
        world.act(Act::ReferProgress { refer: refer.refer, status });
    }
    world.act(Act::End { leg, status: 480, cause: EndCause::Released });
    world.run(Span::millis(200));
    assert_eq!(heard(&mut world, phone), ["N180", "BYE"], "a phone whose call is over has no dialog for more");
    at_rest(&mut world);
}

#[test]
fn the_last_word_comes_before_the_bye_of_the_same_step() {
    let mut world = World::new();
    let phone = world.registered("1001", "198.51.100.1:5062");
    let (call, leg) = talk(&mut world, phone);
    world.verb(phone, |phone, now| phone.refer(call, "1002", None, now));
    world.run(Span::millis(100));
    let refer = referred(&mut world).refer;
    world.act(Act::ReferProgress { refer, status: 200 });
    world.act(Act::End { leg, status: 480, cause: EndCause::Released });
    world.run(Span::millis(100));
    assert_eq!(heard(&mut world, phone), ["202", "N100", "N200!", "BYE"]);
    at_rest(&mut world);
}

#[test]
fn a_failed_reference_leaves_the_call_and_may_be_tried_again() {
    let mut world = World::new();
    let phone = world.registered("1001", "198.51.100.1:5062");
    let (call, leg) = talk(&mut world, phone);
    for _ in 0..2 {
        world.verb(phone, |phone, now| phone.refer(call, "1002", None, now));
        world.run(Span::millis(100));
        let refer = referred(&mut world).refer;
        world.act(Act::ReferProgress { refer, status: 486 });
        world.run(Span::millis(100));
        assert_eq!(heard(&mut world, phone), ["202", "N100", "N486!"]);
    }
    world.act(Act::End { leg, status: 480, cause: EndCause::Released });
    at_rest(&mut world);
}

#[test]
fn nobody_knows_after_three_minutes() {
    let mut world = World::new();
    let phone = world.registered("1001", "198.51.100.1:5062");
    let (call, leg) = talk(&mut world, phone);
    world.verb(phone, |phone, now| phone.refer(call, "1002", None, now));
    world.run(Span::minutes(3) + Span::seconds(1));
    let refer = referred(&mut world).refer;
    assert_eq!(heard(&mut world, phone), ["202", "N100", "N100!"]);
    world.act(Act::ReferProgress { refer, status: 200 });
    world.run(Span::seconds(1));
    assert_eq!(heard(&mut world, phone), Vec::<String>::new());
    world.act(Act::End { leg, status: 480, cause: EndCause::Released });
    // the phone has registered again meanwhile
    world.run(Span::seconds(30));
    at_rest(&mut world);
}

#[test]
fn a_phone_that_takes_no_notify_keeps_its_call() {
    let mut world = World::new();
    let phone = world.registered("1001", "198.51.100.1:5062");
    let (call, leg) = talk(&mut world, phone);
    world.drop_next = vec!["NOTIFY"; 12];
    world.verb(phone, |phone, now| phone.refer(call, "1002", None, now));
    world.run(Span::seconds(40));
    assert_eq!((referred(&mut world).leg, world.take_tells()), (leg, vec![]), "the leg lives");
    assert_eq!(world.endpoint.counts().legs, 1);
    world.act(Act::End { leg, status: 480, cause: EndCause::Released });
    at_rest(&mut world);
}

#[test]
fn a_second_dialog_is_found_by_its_tags() {
    let mut world = World::new();
    let phone = world.registered("1001", "198.51.100.1:5062");
    let (call, leg) = talk(&mut world, phone);
    let (second, other) = talk(&mut world, phone);
    world.verb(phone, |phone, now| phone.refer(call, "9000", Some(second), now));
    world.run(Span::millis(100));
    let refer = referred(&mut world);
    assert_eq!((refer.leg, refer.replaces), (leg, Some(other)));
    world.act(Act::ReferProgress { refer: refer.refer, status: 200 });
    world.run(Span::millis(100));
    assert_eq!(heard(&mut world, phone), ["202", "N100", "N200!"]);
    // one that is over: 481 by NOTIFY, never by the answer, which would end the dialog (RFC 5057 §5.1)
    world.act(Act::End { leg: other, status: 480, cause: EndCause::Released });
    world.verb(phone, |phone, now| phone.refer(call, "9000", Some(second), now));
    world.run(Span::millis(200));
    assert_eq!(world.take_tells(), []);
    assert_eq!(heard(&mut world, phone), ["BYE", "202", "N100", "N481!"]);
    world.act(Act::End { leg, status: 480, cause: EndCause::Released });
    at_rest(&mut world);
}

const PEER: &str = "\r\nTo: <sip:9000@one.example>";

/// A call of the trunk in raw messages; the leg, and our tag.
fn trunk_call(world: &mut World, call_id: &str) -> (LegId, String) {
    world.inject(TRUNK, invite(call_id, "z9hG4bKi", ""));
    world.run(Span::millis(50));
    let leg = incoming(world).leg;
    world.act(Act::Progress { leg, status: 180, sdp: None });
    world.run(Span::millis(50));
    let tag = world.last_response(TRUNK).headers.to().expect("To").tag().expect("a tag").to_owned();
    (leg, tag)
}

fn invite(call_id: &str, branch: &str, more: &str) -> String {
    format!(
        "INVITE sip:9000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {TRUNK};branch={branch}{call_id}\r\n\
         From: <sip:+861@carrier.example>;tag=ft{call_id}{PEER}\r\nCall-ID: {call_id}\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:{TRUNK}>\r\nMax-Forwards: 70\r\n{more}Content-Length: 0\r\n\r\n"
    )
}

fn confirm(world: &mut World, call_id: &str, (leg, tag): (LegId, &str)) {
    world.act(Act::Accept { leg, sdp: SDP.to_vec() });
    world.run(Span::millis(50));
    world.inject(
        TRUNK,
        format!(
            "ACK sip:9000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {TRUNK};branch=z9hG4bKa{call_id}\r\n\
             From: <sip:+861@carrier.example>;tag=ft{call_id}{PEER};tag={tag}\r\nCall-ID: {call_id}\r\n\
             CSeq: 1 ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ),
    );
    world.run(Span::millis(50));
}

#[test]
fn an_invite_takes_over_its_own_dialog_or_is_refused_and_is_never_a_new_call() {
    let mut world = World::new();
    world.registered("1001", "198.51.100.1:5062");
    world.take_tells();
    let (leg, tag) = trunk_call(&mut world, "one");
    let ask = |world: &mut World, name: &str, replaces: &str| {
        world.inject(TRUNK, invite(name, "z9hG4bKr", &format!("Replaces: {replaces}\r\n")));
        world.run(Span::millis(50));
        let calls: Vec<Option<LegId>> = (world.take_tells().iter())
            .filter_map(|tell| if let Tell::Incoming(i) = tell { Some(i.replaces) } else { None })
            .collect();
        // the refusals before are repeated, as nobody acknowledges them
        let of = |response: &crate::sip::message::Response| response.headers.call_id().is_ok_and(|id| id == name);
        let status = world.inbox.iter().rev().find_map(|(_, message)| match message {
            Message::Response(response) if of(response) => Some(response.status),
            Message::Request(_) | Message::Response(_) => None,
        });
        (status.unwrap_or(0), calls)
    };
    let early = ask(&mut world, "r1", &format!("one;to-tag={tag};from-tag=ftone"));
    assert_eq!(early, (481, vec![]), "an early dialog that we did not begin");
    confirm(&mut world, "one", (leg, &tag));
    struct Row(&'static str, String, u16);
    let rows = [
        Row("r2", "two;to-tag=x;from-tag=y".into(), 481),
        Row("r3", format!("one;to-tag={tag};from-tag=other"), 481),
        Row("r4", format!("one;to-tag={tag};from-tag=ftone;early-only"), 486),
        Row("r5", "one;from-tag=ftone".into(), 400),
        Row("r6", format!("one;to-tag={tag};from-tag=ftone\r\nReplaces: one;to-tag={tag};from-tag=ftone"), 400),
    ];
    for Row(name, replaces, status) in rows {
        assert_eq!(ask(&mut world, name, &replaces), (status, vec![]), "{replaces}");
    }
    let taken = ask(&mut world, "r7", &format!("one;from-tag=ftone;to-tag={tag}"));
    assert_eq!(taken, (100, vec![Some(leg)]));
    world.act(Act::End { leg, status: 480, cause: EndCause::Released });
    world.run(Span::millis(50));
    assert_eq!(ask(&mut world, "r8", &format!("one;to-tag={tag};from-tag=ftone")).0, 603, "it has ended");
}

#[test]
fn what_cannot_be_referred_is_refused() {
    struct Row(&'static str, u16);
    let rows = [
        Row("", 400),
        Row("Refer-To: <sip:1@x>\r\nRefer-To: <sip:2@x>\r\n", 400),
        Row("Refer-To: \"<\r\n", 400),
        Row("Refer-To: <http://x>\r\n", 416),
        Row("Refer-To: <sips:1@x>\r\n", 416),
        Row("Refer-To: <sip:1@x;method=BYE>\r\n", 501),
        Row("Refer-To: <sip:1@x?Replaces=a%3Bto-tag%3Db>\r\n", 400),
        Row("Refer-To: <sip:1@x>\r\nReferred-By: <\r\n", 400),
        Row("Refer-To: <sip:1@x;method=INVITE>\r\nRefer-Sub: false\r\n", 202),
    ];
    for Row(headers, status) in rows {
        let mut world = World::new();
        let phone = world.registered("1001", "198.51.100.1:5062");
        let (call, leg) = talk(&mut world, phone);
        world.verb(phone, |phone, now| phone.refer_raw(call, headers, now));
        world.run(Span::millis(200));
        assert_eq!(heard(&mut world, phone), [status.to_string()], "{headers}");
        assert_eq!(world.take_tells().len(), usize::from(status == 202), "{headers}");
        world.act(Act::ReferProgress { refer: ReferNo(0), status: 200 });
        world.act(Act::End { leg, status: 480, cause: EndCause::Released });
        at_rest(&mut world);
    }
}
