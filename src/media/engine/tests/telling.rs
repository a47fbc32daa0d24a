//! What is told of far ends, to them and about them: RTCP, silence, strangers, rubbish; and what that may cost at most.

use super::*;

#[test]
fn reports_go_out_every_five_seconds_and_bye_at_the_end() {
    let mut world = World::with(&[(A, Codec::Pcma)]);
    world.play("music/default", true, true);
    world.row(A, Some(Source::Player(PROMPT)));
    for index in 0..3_000 {
        world.hums(A, Codec::Pcma, 440.0, index);
        world.pass(Span::millis(20));
    }
    let reports = world.rtcp.len();
    assert!((9..=16).contains(&reports), "{reports} in a minute");
    let (at, to, last) = world.rtcp.last().expect("a report");
    assert_eq!(to.port(), 4_001);
    let heard = rtcp::read(last, A.0 as u32).expect("lawful");
    assert_eq!((heard.about_us.map(|about| about.lost), heard.bye), (Some(0), false));
    let (_, ntp) = heard.sender_report.expect("we sent");
    let wall = Utc(world.now.wall.0 - (world.now.t - *at).as_micros());
    assert_eq!(ntp, rtcp::ntp(wall));

    let ssrc = world.heard_by(A)[0].header.ssrc;
    let about = crate::media::receive::Block {
        ssrc,
        fraction_lost: 3,
        lost: 5,
        highest: 9,
        jitter: 16,
        last_sender_report: (rtcp::ntp(world.now.wall) >> 16) as u32,
        delay: 0,
    };
    let mut bytes = [0; rtcp::PACKET_BYTES];
    let length = rtcp::write(&mut bytes, 1, "far", None, Some(about), false).expect("it fits");
    world.pass(Span::millis(50));
    let from = SocketAddr::from(([10, 0, 0, 1], 9_999));
    assert_eq!(world.send(A, from, Channel::Rtcp, &bytes[..length]), Verdict::Consume);
    let (peer, round_trip) = world.engine.peer(A).expect("a report");
    assert_eq!((peer.lost, peer.jitter), (5, 16));
    assert!((round_trip.expect("both clocks") - Span::millis(50)).as_micros().abs() < 100);
    let stranger = SocketAddr::from(([10, 9, 9, 9], 4_001));
    assert_eq!(world.send(A, stranger, Channel::Rtcp, &bytes[..length]), Verdict::Drop(Refusal::Latched));

    let sent = world.heard_by(A).len() as u64;
    world.tell(Body::Close(Subject::Leg(A)));
    let (_, to, bye) = world.rtcp.last().expect("a BYE");
    assert!(rtcp::read(bye, 0).expect("lawful").bye);
    assert_eq!(*to, from, "RTCP goes where it came from");
    assert_eq!(world.released.len(), 1);
    let closed = world.reports.iter().find_map(|body| match body {
        ReportBody::LegClosed { leg, counts } => Some((*leg, *counts)),
        ReportBody::Applied { .. }
        | ReportBody::Fact { .. }
        | ReportBody::PlayerEnded { .. }
        | ReportBody::RecordingEnded { .. } => None,
    });
    let (leg, counts) = closed.expect("told");
    assert_eq!((leg, counts.received, counts.sent, counts.lost, counts.refused), (A, 3_000, sent, 0, 0));
    assert_eq!(world.engine.deadline(), None, "a closed room has nothing to do");
}

#[test]
fn silence_is_told_once_and_again_after_sound_came_back() {
    let mut world = World::with(&[(A, Codec::Pcma)]);
    let silences = |world: &World| world.facts().iter().filter(|(_, fact)| *fact == Fact::Silence).count();
    world.pass(Span::millis(29_900));
    assert_eq!(silences(&world), 0);
    world.pass(Span::seconds(90));
    assert_eq!(silences(&world), 1);
    world.hums(A, Codec::Pcma, 440.0, 0);
    world.pass(Span::millis(29_900));
    assert_eq!(silences(&world), 1);
    world.pass(Span::millis(200));
    assert_eq!(silences(&world), 2);
    let mut held = spec(A, Codec::Pcma);
    held.receive = false;
    world.tell(Body::SetLeg(held));
    world.pass(Span::minutes(5));
    assert_eq!(silences(&world), 2);
}

#[test]
fn rubbish_and_strangers_are_refused_by_name() {
    let mut world = World::with(&[(A, Codec::Pcma)]);
    world.hums(A, Codec::Pcma, 440.0, 0);
    let good = packet(8, 5, stamp(1), &[0; 160]);
    let stranger = SocketAddr::from(([10, 9, 9, 9], 1));
    for (from, channel, bytes, why) in [
        (address(A), Channel::Rtp, &[0, 1, 0, 0][..], Refusal::NotRtp),
        (address(A), Channel::Rtp, &[0x80, 8, 0], Refusal::Malformed),
        (address(A), Channel::Rtp, &[0x80, 200, 0, 9], Refusal::Malformed),
        (address(A), Channel::Rtcp, &good, Refusal::NotRtp),
        (stranger, Channel::Rtp, &good, Refusal::Latched),
        (address(A), Channel::Rtp, &[], Refusal::NotRtp),
    ] {
        assert_eq!(world.send(A, from, channel, bytes), Verdict::Drop(why), "{bytes:?}");
    }
    let mut bytes = good.clone();
    let nobody = world.engine.on_datagram(Slot(99), Channel::Rtp, stranger, &mut bytes, world.now.t);
    assert_eq!(nobody, Verdict::Drop(Refusal::NoLeg));
    let mut early = spec(B, Codec::Pcma);
    early.remote = None;
    world.tell(Body::SetLeg(early));
    assert_eq!(world.says(B, 8, stamp(0), &[0; 160]), Verdict::Drop(Refusal::NotListening));
    let dropped = world.engine.counters().dropped;
    assert_eq!(dropped, [1, 3, 2, 1, 0, 1, 0]);
}

#[test]
fn a_poisoned_packet_ends_its_leg_and_no_other() {
    let mut world = World::with(&[(A, Codec::Pcma), (B, Codec::Pcma)]);
    world.row(A, Some(Source::Leg(B)));
    world.row(B, Some(Source::Leg(A)));
    let mut bytes = packet(8, POISON_SSRC, stamp(0), &[0; 160]);
    let (slot, now) = (world.slots[&A], world.now.t);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        world.engine.on_datagram(slot, Channel::Rtp, address(A), &mut bytes, now)
    }));
    assert!(caught.is_err());
    assert!(world.engine.abandon(now));
    assert!(!world.engine.abandon(now));
    world.settle();
    assert_eq!((world.engine.legs(), world.released.len(), world.engine.counters().abandoned), (1, 1, 1));
    assert_eq!(world.hums(B, Codec::Pcma, 440.0, 0), Verdict::Consume);
    world.engine.abandon_all(now);
    world.settle();
    assert_eq!((world.engine.legs(), world.released.len()), (0, 2));
}

#[test]
fn facts_that_nobody_takes_are_bounded_and_counted() {
    let mut world = World::with(&[(A, Codec::Pcma)]);
    for index in 0..100_u64 {
        let stamp = Stamp { timestamp: index as u32 * 1_000, ..stamp(index) };
        let mut bytes = packet(101, 1, stamp, &[(index % 10) as u8, 0x8A, 3, 32]);
        world.engine.on_datagram(world.slots[&A], Channel::Rtp, address(A), &mut bytes, world.now.t);
    }
    world.settle();
    assert_eq!(world.facts().len(), bounds::FACTS_PER_LEG);
    assert_eq!(world.facts().last(), Some(&(A, Fact::Digit('9'))));
    assert_eq!(world.engine.counters().facts_lost, 101 - bounds::FACTS_PER_LEG as u64);
}

proptest::proptest! {
    /// Bytes from outside never panic and never leave more behind than they brought.
    #[test]
    fn any_bytes_are_survived(
        packets in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..300), 1..40),
        kinds in proptest::collection::vec((0..4_u8, proptest::bool::ANY), 40),
    ) {
        let mut world = World::with(&[(A, Codec::Pcma), (B, Codec::Pcmu)]);
        world.row(B, Some(Source::Leg(A)));
        world.record(Some(Source::Leg(A)), Some(Source::Leg(B)), world.now.t);
        for (mut bytes, (kind, rtcp)) in packets.into_iter().zip(kinds) {
            if let [first, second, ..] = &mut bytes[..] {
                match kind {
                    0 => (*first, *second) = (0x80, 8),
                    1 => (*first, *second) = (*first & 0x3F | 0x80, 101),
                    2 => (*first, *second) = (0x81, 200 + *second % 8),
                    _ => {}
                }
            }
            let length = bytes.len();
            let channel = if rtcp { Channel::Rtcp } else { Channel::Rtp };
            if let Verdict::Forward(forward) =
                world.engine.on_datagram(world.slots[&A], channel, address(A), &mut bytes, world.now.t)
            {
                assert!(forward.length <= length);
            }
            world.pass(Span::millis(20));
        }
    }
}
