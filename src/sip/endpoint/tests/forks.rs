//! One leg rung at several phones: the first answer wins, the others are cancelled, late answers get ACK and BYE.

use std::net::SocketAddr;

use super::super::Counts;
use super::world::*;
use crate::base::{LegId, Span, TrunkNo};
use crate::event::words::{EndCause, PartyRef, Wire};
use crate::sip::message::Name;
use crate::sip::phone::{PhoneCall, PhoneEvent};
use crate::sip::testing::EXT_1001;
use crate::sip::words::{Act, Fork, Invite, Target, Tell};

pub(super) const LEG: LegId = LegId(77);
const DESK: &str = "198.51.100.1:5062";
const CELL: &str = "198.51.100.2:5062";

pub(super) fn dial(world: &mut World, targets: Vec<Target>, party: PartyRef) {
    dial_as(world, targets, party, false);
}

fn dial_as(world: &mut World, targets: Vec<Target>, party: PartyRef, one_refusal_ends: bool) {
    let forks = targets.into_iter().map(|target| Fork { target, sdp: SDP.to_vec() }).collect();
    world.act(Act::Invite(Box::new(Invite {
        leg: LEG,
        party,
        forks,
        from_user: "+8613800000000".into(),
        from_name: Some("Lin".into()),
        to_user: "1001".into(),
        max_forwards: 68,
        one_refusal_ends,
        headers: vec![("X-Cordboard-Contact".into(), "99".into())],
    })));
}

/// Two phones of 1001, dialled; both ring.
fn ringing(world: &mut World) -> Vec<(SocketAddr, PhoneCall)> {
    let phones = [world.registered("1001", DESK), world.registered("1001", CELL)];
    world.take_tells();
    let targets = world.endpoint.targets_of_extension(EXT_1001, world.now.t);
    assert_eq!(targets.iter().map(|target| target.remote).collect::<Vec<_>>(), [phones[1], phones[0]], "newest first");
    dial(world, targets, PartyRef::Extension(EXT_1001));
    world.run(Span::millis(50));
    let calls: Vec<_> = phones
        .iter()
        .map(|phone| match world.take_event(*phone) {
            Some(PhoneEvent::Incoming { call, from, sdp }) => {
                assert_eq!((from.as_str(), &sdp[..]), ("+8613800000000", SDP));
                (*phone, call)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    for (phone, call) in &calls {
        world.verb(*phone, |phone, now| phone.ring(*call, now));
    }
    world.run(Span::millis(50));
    let tells = world.take_tells();
    let rung = |fork| Tell::Progress { leg: LEG, fork, status: 180, sdp: None };
    assert_eq!(tells, [rung(1), rung(0)]);
    calls
}

pub(super) fn at_rest(world: &mut World) {
    world.run(Span::seconds(100));
    assert_eq!(world.endpoint.counts(), Counts::default(), "{:#?}", world.endpoint);
    assert!(world.phones.values().all(|phone| phone.calls() == 0));
}

#[test]
fn the_first_phone_wins_and_the_other_hears_who_did() {
    let mut world = World::new();
    let calls = ringing(&mut world);
    let ((desk, one), (cell, two)) = (calls[0], calls[1]);
    world.verb(desk, |phone, now| phone.answer(one, b"answer", now));
    world.run(Span::millis(100));
    assert_eq!(world.take_tells(), [Tell::Answered { leg: LEG, fork: 1, sdp: b"answer".to_vec() }]);
    assert!(matches!(world.take_event(desk), Some(PhoneEvent::Acked { .. })));
    let reason = Some("SIP;cause=200;text=\"Call completed elsewhere\"".to_owned());
    assert_eq!(world.take_event(cell), Some(PhoneEvent::Ended { call: two, status: None, by_far_end: true, reason }));
    world.verb(desk, |phone, now| phone.hang_up(one, now));
    world.run(Span::millis(50));
    let ended = Tell::Ended { leg: LEG, cause: EndCause::HungUp, status: None, by_far_end: true };
    assert_eq!(world.take_tells(), [ended]);
    at_rest(&mut world);
}

#[test]
fn a_second_200_gets_ack_and_bye() {
    let mut world = World::new();
    let calls = ringing(&mut world);
    for (phone, call) in &calls {
        world.verb(*phone, |phone, now| phone.answer(*call, SDP, now));
    }
    world.run(Span::seconds(1));
    assert!(matches!(world.take_tells()[..], [Tell::Answered { .. }]), "told once");
    let over: Vec<SocketAddr> = calls.iter().map(|(at, _)| *at).filter(|at| world.phones[at].calls() == 0).collect();
    assert_eq!(over.len(), 1, "one of them talks");
    assert!(matches!(world.take_event(over[0]), Some(PhoneEvent::Acked { .. })));
    let reason = Some("SIP;cause=200;text=\"Call completed elsewhere\"".to_owned());
    assert!(matches!(world.take_event(over[0]), Some(PhoneEvent::Ended { reason: told, .. }) if told == reason));
    world.act(Act::End { leg: LEG, status: 480, cause: EndCause::PeerLeft });
    at_rest(&mut world);
}

#[test]
fn a_caller_that_leaves_cancels_all_and_a_200_that_crosses_gets_bye() {
    for crosses in [false, true] {
        let mut world = World::new();
        let calls = ringing(&mut world);
        world.act(Act::End { leg: LEG, status: 487, cause: EndCause::Cancelled });
        if crosses {
            world.verb(calls[0].0, |phone, now| phone.answer(calls[0].1, SDP, now));
        }
        world.run(Span::seconds(1));
        assert_eq!(world.take_tells(), []);
        assert!(world.phones.values().all(|phone| phone.calls() == 0), "crosses: {crosses}");
        at_rest(&mut world);
    }
}

#[test]
fn a_cancel_waits_for_the_first_provisional() {
    let mut world = World::new();
    let target = trunk(&world);
    dial(&mut world, vec![target], PartyRef::Trunk(TrunkNo(1)));
    world.run(Span::millis(100));
    world.act(Act::End { leg: LEG, status: 487, cause: EndCause::Cancelled });
    world.run(Span::seconds(1));
    assert!(!world.heard_by(TRUNK).iter().any(|line| line.starts_with("CANCEL")));
    let invite = world.last_request(TRUNK, "INVITE");
    respond(&mut world, &invite, "180 Ringing", "t", "");
    world.run(Span::millis(50));
    let cancel = world.last_request(TRUNK, "CANCEL");
    assert_eq!(cancel.headers.via().expect("Via").branch(), invite.headers.via().expect("Via").branch());
    assert_eq!(cancel.headers.text(Name::Reason).as_deref(), Some("SIP;cause=487;text=\"Cancelled\""));
    respond(&mut world, &invite, "487 Request Terminated", "t", "");
    world.run(Span::millis(50));
    assert!(world.heard_by(TRUNK).last().is_some_and(|line| line.starts_with("ACK")));
    assert_eq!(world.take_tells(), []);
    at_rest(&mut world);
}

#[test]
fn without_a_200_the_best_refusal_is_told() {
    let mut world = World::new();
    let calls = ringing(&mut world);
    world.verb(calls[0].0, |phone, now| phone.reject(calls[0].1, 480, now));
    world.run(Span::millis(50));
    assert_eq!(world.take_tells(), []);
    world.verb(calls[1].0, |phone, now| phone.reject(calls[1].1, 486, now));
    world.run(Span::millis(50));
    assert_eq!(world.take_tells(), [Tell::Failed { leg: LEG, status: 486, cause: EndCause::Busy }]);
    at_rest(&mut world);

    let mut world = World::new();
    let calls = ringing(&mut world);
    world.verb(calls[0].0, |phone, now| phone.reject(calls[0].1, 603, now));
    world.run(Span::millis(50));
    assert_eq!(world.take_tells(), [Tell::Failed { leg: LEG, status: 603, cause: EndCause::Rejected }]);
    world.run(Span::millis(50));
    assert_eq!(world.phones[&calls[1].0].calls(), 0, "6xx is for all");
    at_rest(&mut world);
}

#[test]
fn an_agent_who_refuses_on_one_phone_refuses_on_all() {
    for (one_ends, told) in
        [(true, vec![Tell::Failed { leg: LEG, status: 486, cause: EndCause::Busy }]), (false, vec![])]
    {
        let mut world = World::new();
        let phones = [world.registered("1001", DESK), world.registered("1001", CELL)];
        world.take_tells();
        let targets = world.endpoint.targets_of_extension(EXT_1001, world.now.t);
        dial_as(&mut world, targets, PartyRef::Extension(EXT_1001), one_ends);
        world.run(Span::millis(50));
        let call = match world.take_event(phones[0]) {
            Some(PhoneEvent::Incoming { call, .. }) => call,
            other => panic!("{other:?}"),
        };
        world.verb(phones[0], |phone, now| phone.reject(call, 486, now));
        world.run(Span::millis(50));
        assert_eq!(world.take_tells(), told);
        assert_eq!(world.phones[&phones[1]].calls() == 0, one_ends);
    }
}

#[test]
fn nobody_there_is_unreachable() {
    let mut world = World::new();
    let phone = world.registered("1001", DESK);
    world.take_tells();
    world.phones.get_mut(&phone).expect("a phone").dead = true;
    let targets = world.endpoint.targets_of_extension(EXT_1001, world.now.t);
    dial(&mut world, targets, PartyRef::Extension(EXT_1001));
    world.run(Span::seconds(33));
    assert_eq!(world.take_tells(), [Tell::Failed { leg: LEG, status: 408, cause: EndCause::Unreachable }]);
    dial(&mut world, Vec::new(), PartyRef::Extension(EXT_1001));
    assert_eq!(world.take_tells(), [Tell::Failed { leg: LEG, status: 480, cause: EndCause::Unreachable }]);

    let mut world = World::new();
    world.opens = false;
    let target = Target { wire: Wire::Tcp, link: None, ..trunk(&world) };
    dial(&mut world, vec![target], PartyRef::Trunk(TrunkNo(1)));
    assert_eq!(world.take_tells(), [Tell::Failed { leg: LEG, status: 503, cause: EndCause::Unreachable }]);
    at_rest(&mut world);
}

pub(super) fn trunk(world: &World) -> Target {
    world.endpoint.target_of_trunk(TrunkNo(1), "+8610").expect("an address")
}

/// The carrier's answer to an INVITE.
pub(super) fn respond(world: &mut World, invite: &crate::sip::message::Request, status: &str, tag: &str, more: &str) {
    respond_with(world, invite, status, (tag, more), "");
}

pub(super) fn respond_with(
    world: &mut World,
    invite: &crate::sip::message::Request,
    status: &str,
    (tag, more): (&str, &str),
    body: &str,
) {
    let text = |name| invite.headers.text(name).expect("a field").into_owned();
    let response = format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag={tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
         Contact: <sip:c@192.0.2.50:5060>\r\n{more}Content-Length: {}\r\n\r\n{body}",
        text(Name::Via),
        text(Name::From),
        text(Name::To),
        text(Name::CallId),
        text(Name::CSeq),
        body.len(),
    );
    world.inject(TRUNK, response);
}

#[test]
fn a_trunk_is_called_and_the_session_is_kept_alive() {
    let mut world = World::new();
    let target = trunk(&world);
    assert_eq!((target.uri.as_str(), target.remote), ("sip:+8610@192.0.2.50:5060", addr(TRUNK)));
    dial(&mut world, vec![target], PartyRef::Trunk(TrunkNo(1)));
    world.run(Span::millis(50));
    let invite = world.last_request(TRUNK, "INVITE");
    assert_eq!(invite.headers.max_forwards(), Ok(Some(68)));
    assert_eq!(invite.headers.named("X-Cordboard-Contact").as_deref(), Some("99"));
    assert_eq!(invite.headers.text(Name::SessionExpires).as_deref(), Some("1800"));
    respond(&mut world, &invite, "422 Session Interval Too Small", "t", "Min-SE: 3600\r\n");
    world.run(Span::millis(50));
    let invite = world.last_request(TRUNK, "INVITE");
    assert_eq!(invite.headers.text(Name::SessionExpires).as_deref(), Some("3600"));
    respond(&mut world, &invite, "200 OK", "t", "Session-Expires: 3600;refresher=uac\r\nAllow: UPDATE\r\n");
    world.run(Span::millis(50));
    assert!(matches!(world.take_tells()[..], [Tell::Answered { leg: LEG, fork: 0, .. }]));
    // the ACK is repeated with each repeated 200
    respond(&mut world, &invite, "200 OK", "t", "");
    world.run(Span::millis(50));
    assert_eq!(world.heard_by(TRUNK).iter().filter(|line| line.starts_with("ACK")).count(), 3, "one is the 422's");
    // another far end behind the carrier's proxy answers as well
    respond(&mut world, &invite, "200 OK", "other", "");
    world.run(Span::millis(50));
    assert!(world.heard_by(TRUNK).last().is_some_and(|line| line.starts_with("BYE")));
    world.run(Span::seconds(1_800));
    let update = world.last_request(TRUNK, "UPDATE");
    assert_eq!(update.headers.text(Name::SessionExpires).as_deref(), Some("3600;refresher=uac"));
    assert!(update.body().is_empty());
    respond(&mut world, &update, "200 OK", "", "Session-Expires: 3600;refresher=uac\r\n");
    world.run(Span::seconds(1_700));
    assert_eq!(world.take_tells(), []);
    // the next refresh gets no answer
    world.run(Span::seconds(200));
    let ended = Tell::Ended { leg: LEG, cause: EndCause::SignallingLost, status: None, by_far_end: false };
    assert_eq!(world.take_tells(), [ended]);
    at_rest(&mut world);
}

#[test]
fn a_200_after_a_restart_gets_ack_and_bye_made_from_it() {
    let mut before = World::new();
    let target = trunk(&before);
    dial(&mut before, vec![target], PartyRef::Trunk(TrunkNo(1)));
    before.run(Span::millis(50));
    let invite = before.last_request(TRUNK, "INVITE");
    let mut world = World::new();
    respond(&mut world, &invite, "200 OK", "late", "Record-Route: <sip:192.0.2.51;lr>\r\n");
    world.run(Span::millis(50));
    let lines = world.heard_by(TRUNK);
    assert!(lines[0].starts_with("ACK sip:c@192.0.2.50:5060") && lines[1].starts_with("BYE"), "{lines:?}");
    assert_eq!(world.last_request(TRUNK, "BYE").headers.list(Name::Route), ["<sip:192.0.2.51;lr>"]);
    assert_eq!(world.take_tells(), []);
    at_rest(&mut world);
}

#[test]
fn a_phone_over_tcp_is_called_over_its_own_connection() {
    let mut world = World::new();
    let phone = world.phone("1001", "198.51.100.1:7062", Wire::Tcp);
    world.verb(phone, |phone, now| phone.register(now));
    world.run(Span::seconds(1));
    world.take_event(phone);
    world.take_tells();
    world.opens = false;
    let targets = world.endpoint.targets_of_extension(EXT_1001, world.now.t);
    dial(&mut world, targets, PartyRef::Extension(EXT_1001));
    world.run(Span::millis(50));
    let Some(PhoneEvent::Incoming { call, .. }) = world.take_event(phone) else { panic!("it rings") };
    world.verb(phone, |phone, now| phone.answer(call, SDP, now));
    world.run(Span::millis(50));
    assert!(matches!(world.take_tells()[..], [Tell::Answered { .. }]));
    world.act(Act::End { leg: LEG, status: 480, cause: EndCause::PeerLeft });
    at_rest(&mut world);
}
