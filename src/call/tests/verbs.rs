//! Hold, mute, further parties, digits, announcements and the recording, as what people hear and what the journal says.

use super::super::words::{
    Act, Audience, ChairLeaves, ConferenceChange, ConsultVerb, Dial, Does, Invite, Queued, RecordVerb, Refused, Tell,
    Transfer,
};
use super::{Bench, GROUP, HELD_SDP, asked, dial};
use crate::base::bounds::LEGS_PER_CONTACT;
use crate::base::{InterfaceNo, ItemId, LegId, Span};
use crate::event::words::{By, EndCause, SegmentEdge, Side, TransferMode, Wire};
use crate::event::{DialogState, Kind};
use crate::media::words::{Body, ReportBody};
use crate::sip::words as sip;
use crate::switch::{RecordingPhase, RecordingState};

impl Bench {
    fn hold(&mut self, name: &str) {
        let leg = self.leg(name);
        self.verb(Act::Hold { leg, by: asked() });
    }

    fn retrieve(&mut self, name: &str) {
        let leg = self.leg(name);
        self.verb(Act::Retrieve { leg, by: asked() });
    }

    fn invite(&mut self, to: &str, chair_leaves: ChairLeaves) {
        let invite = Invite { inviter: self.leg("ana"), chair_leaves, dial: dial(&[to]) };
        self.verb(Act::Invite(Box::new(invite)));
    }

    /// Customer, Ana and Bo talk.
    fn conference(chair_leaves: ChairLeaves) -> Self {
        let mut bench = Self::talk(false);
        bench.invite("bo", chair_leaves);
        bench.answer("bo");
        bench
    }

    fn all_hear(&self) -> Vec<String> {
        let present = ["customer", "ana", "bo"].into_iter().filter(|name| self.is_live(name));
        present.map(|name| self.hears(name)).collect()
    }
}

#[test]
fn who_is_held_hears_music_and_is_not_heard() {
    let mut bench = Bench::talk(false);
    bench.hold("customer");
    assert_eq!(bench.all_hear(), ["music/jazz", "nothing"]);
    assert_eq!(
        bench.tells.last(),
        Some(&Tell::AgentDoes { agent: crate::base::AgentNo(1), does: Does::Holds, by: asked() })
    );
    assert_eq!(bench.last("leg_held").by, asked());
    let customer = bench.leg("customer");
    assert_eq!(bench.refused(&Act::Hold { leg: customer, by: asked() }), Some(Refused::AlreadyDone));
    bench.pass(Span::seconds(30));
    bench.retrieve("customer");
    assert_eq!(bench.all_hear(), ["ana", "customer"]);
    let record = bench.record();
    let holds: Vec<_> = record.legs[0].holds.iter().map(|h| h.to.map(|to| to - h.from)).collect();
    assert_eq!(holds, [Some(Span::seconds(30))]);
    bench.hold("customer");
    bench.pass(Span::minutes(15));
    assert_eq!(bench.tells.last(), Some(&Tell::HeldTooLong { leg: customer }), "the longest hold");
    let told = bench.tells.len();
    bench.pass(Span::minutes(14));
    assert_eq!((bench.tells.len(), bench.all_hear()), (told, vec!["music/jazz".to_owned(), "nothing".to_owned()]));
    bench.pass(Span::minutes(1));
    assert_eq!(bench.tells.len(), told + 1, "asked again");
}

#[test]
fn a_phones_own_hold_is_told_too() {
    let mut bench = Bench::talk(false);
    let ana = bench.leg("ana");
    bench.tell(sip::Tell::Offer { leg: ana, sdp: Some(HELD_SDP.to_vec()) }, ana);
    assert_eq!(bench.hears("customer"), "music/jazz");
    assert_eq!(bench.last("leg_held").by, By::PARTY);
    bench.tell(sip::Tell::Offer { leg: ana, sdp: Some(super::SDP.to_vec()) }, ana);
    assert_eq!(bench.story(&["leg_held", "leg_retrieved"]), ["leg_held ana", "leg_retrieved ana"]);
}

#[test]
fn the_answer_to_our_refresh_counts_as_much_as_an_offer_of_theirs() {
    let mut bench = Bench::talk(false);
    // What we last said is our answer to the customer, and our offer to Ana.
    for name in ["customer", "ana"] {
        let (leg, other) = (bench.leg(name), if name == "ana" { "customer" } else { "ana" });
        let moved = String::from_utf8_lossy(super::SDP).replace("m=audio 4", "m=audio 5").into_bytes();
        assert_ne!(moved, super::SDP);
        bench.tell(sip::Tell::Refreshed { leg, sdp: moved }, leg);
        let at = |body: &Body| match body {
            Body::SetLeg(spec) if spec.leg == leg => spec.remote.map(|remote| remote.rtp.port()),
            _ => None,
        };
        assert_eq!(bench.medias.iter().rev().find_map(at), Some(5_000), "{name}: sound goes where it is taken now");
        bench.tell(sip::Tell::Refreshed { leg, sdp: HELD_SDP.to_vec() }, leg);
        assert_eq!(bench.hears(other), "music/jazz");
        bench.tell(sip::Tell::Refreshed { leg, sdp: b"nonsense".to_vec() }, leg);
        assert_eq!(bench.hears(other), "music/jazz", "{name}: what cannot be used changes nothing");
        bench.tell(sip::Tell::Refreshed { leg, sdp: super::SDP.to_vec() }, leg);
        assert_eq!(bench.hears(other), name);
    }
}

#[test]
fn mute_works_by_leg_and_direction() {
    // From, to; then what customer, Ana and Bo hear.
    let rows = [
        ((true, false), ["bo", "customer+bo", "customer"]),
        ((false, true), ["ana+bo", "nothing", "customer+ana"]),
        ((true, true), ["bo", "nothing", "customer"]),
    ];
    for ((from, to), heard) in rows {
        let mut bench = Bench::conference(ChairLeaves::PassOn);
        let leg = bench.leg("ana");
        bench.verb(Act::Mute { leg, from, to, by: asked() });
        assert_eq!(bench.all_hear(), heard, "from {from} to {to}");
        assert_eq!(bench.last("leg_muted").kind, Kind::LegMuted { from, to });
        assert_eq!(bench.refused(&Act::Mute { leg, from, to, by: asked() }), Some(Refused::AlreadyDone));
        bench.verb(Act::Mute { leg, from: false, to: false, by: asked() });
        assert_eq!(bench.all_hear(), ["ana+bo", "customer+bo", "customer+ana"]);
    }
}

#[test]
fn a_third_party_joins_when_it_answers_and_its_failure_touches_nobody() {
    let mut bench = Bench::talk(false);
    bench.invite("bo", ChairLeaves::PassOn);
    bench.rings("bo");
    assert_eq!(bench.all_hear()[..2], ["ana", "customer"]);
    bench.fail("bo", EndCause::Busy);
    assert_eq!(bench.all_hear(), ["ana", "customer"]);
    assert_eq!(bench.last("invite_ended").kind, Kind::InviteEnded { cause: Some(EndCause::Busy) });
    assert_eq!(bench.last("invite_ended").by, asked());
    bench.invite("bo", ChairLeaves::PassOn);
    bench.pass(Span::seconds(20));
    assert_eq!(bench.last("invite_ended").kind, Kind::InviteEnded { cause: Some(EndCause::NoAnswer) });
    bench.invite("bo", ChairLeaves::PassOn);
    bench.answer("bo");
    assert_eq!(bench.all_hear(), ["ana+bo", "customer+bo", "customer+ana"]);
    assert_eq!(bench.recorded(), ("customer".to_owned(), "ana+bo".to_owned()));
    assert_eq!(
        bench.tells.last(),
        Some(&Tell::AgentDoes { agent: crate::base::AgentNo(1), does: Does::Confers, by: By::SYSTEM })
    );
    // A member is held, and one is removed: the others talk on.
    bench.hold("bo");
    assert_eq!(bench.all_hear(), ["ana", "customer", "music/jazz"]);
    bench.retrieve("bo");
    let bo = bench.leg("bo");
    bench.hang_up(Some(bo));
    assert_eq!(bench.all_hear(), ["ana", "customer"]);
}

#[test]
fn a_conference_goes_on_while_two_talk() {
    for leaves in ["customer", "ana", "bo"] {
        let mut bench = Bench::conference(ChairLeaves::PassOn);
        bench.bye(leaves);
        assert!(!bench.is_over(), "{leaves}");
        let left: Vec<_> = ["customer", "ana", "bo"].into_iter().filter(|n| *n != leaves).collect();
        assert_eq!((bench.hears(left[0]).as_str(), bench.hears(left[1]).as_str()), (left[1], left[0]));
        let told = bench.tells.contains(&Tell::CustomerLeft);
        assert_eq!(told, leaves == "customer");
        bench.bye(left[0]);
        assert!(bench.is_over(), "{leaves}, then {}", left[0]);
    }
}

#[test]
fn the_chair_is_passed_on_or_ends_it() {
    let mut bench = Bench::conference(ChairLeaves::PassOn);
    bench.invite("cy", ChairLeaves::End);
    bench.answer("cy");
    bench.bye("ana");
    assert_eq!(bench.story(&["chair_taken"]), ["chair_taken ana", "chair_taken customer"]);
    assert_eq!(bench.calls(), ["customer+bo+cy"]);

    let mut bench = Bench::conference(ChairLeaves::End);
    bench.bye("ana");
    assert!(bench.is_over());
    assert_eq!((bench.record().side, bench.record().cause), (Some(Side::Agent), Some(EndCause::HungUp)));
}

#[test]
fn the_chair_is_handed_on_by_a_command_with_what_its_leaving_means() {
    let mut bench = Bench::conference(ChairLeaves::End);
    let take = |bench: &Bench, who| Act::TakeChair { leg: bench.leg(who), by: asked() };
    assert_eq!(bench.refused(&take(&bench, "ana")), Some(Refused::AlreadyDone));
    let act = take(&bench, "bo");
    bench.verb(act);
    assert_eq!(bench.last("chair_taken").by, asked());
    bench.invite("cy", ChairLeaves::PassOn);
    assert_eq!(bench.refused(&take(&bench, "cy")), Some(Refused::NotTalking), "he only rings");
    bench.answer("cy");
    assert_eq!(bench.story(&["chair_taken"]), ["chair_taken ana", "chair_taken bo"]);
    bench.bye("ana");
    assert_eq!(bench.calls(), ["customer+bo+cy"], "ana is a party like others");
    bench.bye("bo");
    assert!(bench.is_over());
}

#[test]
fn a_chair_who_gives_the_call_away_takes_nobody_along() {
    for mode in [TransferMode::Blind, TransferMode::OnAnswer, TransferMode::Consult] {
        let mut bench = Bench::conference(ChairLeaves::End);
        bench.transfer(mode, &["cy"]);
        bench.answer("cy");
        if mode == TransferMode::Consult {
            bench.consult(ConsultVerb::Complete);
        }
        assert_eq!(bench.calls(), ["customer+bo+cy"], "{mode:?}");
        // What his leaving was to mean is nobody's concern now.
        bench.bye("cy");
        assert_eq!(bench.calls(), ["customer+bo"], "{mode:?}");
    }
}

#[test]
fn a_hold_or_mute_is_over_with_who_made_it() {
    for (mutes, hears) in [(false, "music/jazz"), (true, "nothing")] {
        let stop = |bench: &mut Bench| match mutes {
            false => bench.hold("customer"),
            true => bench.verb(Act::Mute { leg: bench.leg("customer"), from: false, to: true, by: asked() }),
        };
        let mut bench = Bench::talk(true);
        stop(&mut bench);
        assert_eq!(bench.hears("customer"), hears);
        bench.bye("ana");
        bench.act(Act::Play { sounds: vec!["survey".into()] });
        assert_eq!(bench.hears("customer"), "survey");
        // Nor does the next agent meet it, where it was made in the queue.
        bench.act(Act::Wait { groups: vec![super::GROUP], music: "jazz".to_owned() });
        stop(&mut bench);
        bench.ring("cy", 2);
        bench.answer("cy");
        bench.heard("cy");
        assert_eq!((bench.hears("customer").as_str(), bench.hears("cy").as_str()), ("cy", "customer"));
        assert_eq!(bench.record().anomalies, 0);
    }
}

#[test]
fn whom_nobody_waits_for_is_not_rung() {
    let mut bench = Bench::talk(false);
    bench.invite("bo", ChairLeaves::PassOn);
    bench.bye("customer");
    assert!(bench.is_over());
    assert_eq!(bench.record().anomalies, 0);
}

#[test]
fn who_waits_or_is_in_a_flow_invites_nobody_and_is_not_given_away() {
    let mut bench = Bench::customer();
    bench.act(Act::Answer);
    let invite = |bench: &Bench, name: &str| {
        let invite = Invite { inviter: bench.leg(name), chair_leaves: ChairLeaves::PassOn, dial: dial(&["bo"]) };
        bench.refused(&Act::Invite(Box::new(invite)))
    };
    assert_eq!(invite(&bench, "customer"), Some(Refused::NotTalking), "a flow has him");
    bench.act(Act::Wait { groups: vec![super::GROUP], music: "jazz".to_owned() });
    assert_eq!(invite(&bench, "customer"), Some(Refused::NotTalking), "he waits");
    bench.ring("ana", 1);
    bench.answer("ana");
    let transfer = Transfer { transferor: bench.leg("ana"), mode: TransferMode::Blind, dial: dial(&["bo"]) };
    assert_eq!(
        bench.refused(&Act::Transfer(Box::new(transfer))),
        Some(Refused::NotTalking),
        "without sound he waits on"
    );
    assert_eq!(invite(&bench, "ana"), Some(Refused::NotTalking));
    bench.heard("ana");
    assert_eq!(invite(&bench, "ana"), None);
    // Whom he invites is not rung on for a customer whom the flow has again.
    bench.invite("bo", ChairLeaves::PassOn);
    bench.bye("ana");
    assert!(!bench.is_live("bo") && bench.is_live("customer"));
}

#[test]
fn a_contact_has_so_many_legs() {
    let mut bench = Bench::talk(false);
    for _ in 0..LEGS_PER_CONTACT - 2 {
        bench.invite("bo", ChairLeaves::PassOn);
    }
    let invite = Invite { inviter: bench.leg("ana"), chair_leaves: ChairLeaves::PassOn, dial: dial(&["cy"]) };
    assert_eq!(bench.refused(&Act::Invite(Box::new(invite))), Some(Refused::Full));
}

#[test]
fn however_many_phones_ring_for_one_invite_it_takes_one_seat() {
    let mut bench = Bench::talk(false);
    let change = ConferenceChange { seats: Some(4), ..ConferenceChange::default() };
    bench.verb(Act::LimitConference { change, by: asked() });
    let invite = |bench: &Bench, dial: Dial| {
        Act::Invite(Box::new(Invite { inviter: bench.leg("ana"), chair_leaves: ChairLeaves::PassOn, dial }))
    };
    let queue = Some(Queued { item: ItemId(850), groups: vec![GROUP], music: "jazz".to_owned() });
    bench.verb(invite(&bench, Dial { queue, ..dial(&[]) }));
    for (name, no) in [("x", 50), ("y", 51), ("z", 52)] {
        bench.offer_for(&[name], no, ItemId(850), false);
    }
    // Two talk, one will come.
    let fourth = invite(&bench, dial(&["bo"]));
    assert_eq!(bench.refused(&fourth), None);
    bench.verb(fourth);
    assert_eq!(bench.refused(&invite(&bench, dial(&["cy"]))), Some(Refused::NoSeat));
}

#[test]
fn who_began_it_alone_stays_when_the_chair_leaves() {
    // Whether the boss is given the chair, who hangs up then, and who is left.
    let rows = [(false, "boss", true), (true, "boss", true), (false, "ana-zero", false), (true, "ana-zero", false)];
    for (given, leaves, ana_stays) in rows {
        let mut bench = Bench::phone();
        bench.answer("boss");
        bench.verb(Act::Convene { by: asked() });
        if given {
            bench.verb(Act::TakeChair { leg: bench.leg("boss"), by: asked() });
        }
        bench.bye(leaves);
        bench.pass(Span::minutes(2));
        assert_eq!(bench.is_live("ana-zero"), ana_stays, "{given} {leaves}");
        assert!(!bench.is_live("boss"), "{given} {leaves}");
    }
}

#[test]
fn digits_reach_one_leg() {
    let mut bench = Bench::conference(ChairLeaves::PassOn);
    let leg = bench.leg("bo");
    for digits in ["", "12x", &"1".repeat(65)] {
        let act = Act::SendDigits { leg, digits: digits.to_owned(), by: asked() };
        assert_eq!(bench.refused(&act), Some(Refused::BadDigits), "{digits}");
    }
    bench.verb(Act::SendDigits { leg, digits: "12#".to_owned(), by: asked() });
    assert_eq!(bench.last("digits_sent").about.leg, Some(leg));
    assert_eq!(bench.refused(&Act::Hold { leg: LegId(1), by: asked() }), Some(Refused::UnknownLeg));
}

#[test]
fn a_recording_ends_by_itself_when_it_is_as_long_as_it_was_to_be() {
    // When it is paused, when stopped, and the parts of the file with what ended it.
    let start = |length| Act::Record { verb: RecordVerb::Start { length: Some(Span::seconds(length)) }, by: asked() };
    let act = |verb| Act::Record { verb, by: asked() };
    let rows = [(None, None, 1, true), (Some(3), None, 1, true), (None, Some(4), 1, false)];
    for (paused, stopped, parts, by_itself) in rows {
        let mut bench = Bench::phone();
        bench.answer("boss");
        assert!(bench.track.is_none(), "a call of a phone is not recorded unless it is asked for");
        bench.verb(start(10));
        let until = bench.t + Span::seconds(10);
        let started = bench.last("recording_started");
        assert!(matches!(started.kind, Kind::RecordingStarted { until: Some(at), .. } if at == until), "{started:?}");
        let open = |bench: &Bench| bench.open().contacts[&bench.contact].recording.clone();
        assert_eq!(open(&bench).expect("it runs").until, Some(until), "a restart finds it");
        assert_eq!(bench.refused(&start(5)), Some(Refused::AlreadyDone));
        for second in 1..10 {
            bench.pass(Span::seconds(1));
            if paused == Some(second) {
                bench.verb(act(RecordVerb::Pause));
            }
            if stopped == Some(second) {
                bench.verb(act(RecordVerb::Stop));
            }
        }
        bench.pass(Span::millis(999));
        assert_eq!(open(&bench).is_some(), by_itself, "{paused:?} {stopped:?}: not before its time");
        bench.pass(Span::seconds(5));
        assert!(open(&bench).is_none());
        let ended = bench.last("recording_ended");
        assert_eq!(ended.by, asked());
        let Kind::RecordingEnded { answered, cause, .. } = ended.kind else { panic!("{ended:?}") };
        let expected = if by_itself { (Span::seconds(10), Some(EndCause::TooLong)) } else { (Span::seconds(4), None) };
        assert_eq!((answered, cause), expected, "{paused:?} {stopped:?}");
        assert_eq!(bench.record().segments.len(), parts);
        assert_eq!(bench.refused(&start(5)), Some(Refused::RecordingOver), "for good");
        assert!(bench.is_live("boss"), "the talk goes on");
    }
}

#[test]
fn an_announcement_is_heard_by_one_or_all_and_ends_by_itself() {
    let mut bench = Bench::conference(ChairLeaves::PassOn);
    let (ana, main) = (bench.leg("ana"), bench.call_of("ana").expect("she talks"));
    let say = |to| Act::Announce { to, sounds: vec!["hush".to_owned()], by: asked() };
    bench.verb(say(Audience::Leg(ana)));
    assert_eq!(bench.all_hear(), ["ana+bo", "hush", "customer+ana"]);
    bench.verb(Act::StopAnnounce { to: Audience::Leg(ana), by: asked() });
    assert_eq!(bench.hears("ana"), "customer+bo");
    bench.verb(say(Audience::Call(main)));
    assert_eq!(bench.all_hear(), ["hush", "hush", "hush"]);
    assert_eq!(bench.recorded().1, "hush", "what is said to the customer is in his file");
    let player = bench.players.keys().last().copied().expect("it plays");
    bench.report(ReportBody::PlayerEnded { player, missing: None });
    assert_eq!(bench.all_hear(), ["ana+bo", "customer+bo", "customer+ana"]);
    assert_eq!(bench.last("announcement_ended").by, asked());
    assert_eq!(bench.refused(&Act::StopAnnounce { to: Audience::Leg(ana), by: asked() }), Some(Refused::NothingToEnd));
    bench.verb(say(Audience::Leg(ana)));
    bench.bye("ana");
    assert_eq!(bench.story(&["announced", "announcement_ended"]).len(), 6, "it ends with its leg");
    bench.verb(say(Audience::Call(main)));
    bench.hang_up(None);
    assert_eq!(bench.story(&["announced", "announcement_ended"]).len(), 8, "and with its contact");
}

#[test]
fn a_pause_is_silence_and_no_segment() {
    let mut bench = Bench::talk(false);
    let record = |verb| Act::Record { verb, by: asked() };
    let seen = |bench: &Bench| bench.contacts.view(bench.contact).and_then(|view| view.recording).expect("it began");
    assert_eq!(seen(&bench).phase, RecordingPhase::On);
    bench.verb(record(RecordVerb::Pause));
    let paused = seen(&bench);
    assert_eq!(paused.phase, RecordingPhase::Paused);
    assert_eq!(bench.recorded(), (String::new(), String::new()));
    assert_eq!(bench.refused(&record(RecordVerb::Pause)), Some(Refused::AlreadyDone));
    bench.pass(Span::seconds(5));
    // What a restart goes by: of a pause it makes no segment, and the next begins where it was resumed.
    let stored = |bench: &Bench| bench.open().contacts[&bench.contact].recording.clone().expect("it began");
    let before = stored(&bench);
    assert!(before.paused);
    assert_eq!(seen(&bench), paused);
    bench.verb(record(RecordVerb::Resume));
    assert!(!stored(&bench).paused && stored(&bench).told >= before.told + Span::seconds(5));
    assert_eq!(
        seen(&bench),
        RecordingState { phase: RecordingPhase::On, since: paused.since + Span::seconds(5), until: None }
    );
    assert_eq!(bench.recorded(), ("customer".to_owned(), "ana".to_owned()));
    bench.pass(Span::seconds(5));
    bench.verb(record(RecordVerb::Stop));
    assert_eq!(
        seen(&bench),
        RecordingState { phase: RecordingPhase::Over, since: paused.since + Span::seconds(10), until: None }
    );
    assert_eq!(bench.refused(&record(RecordVerb::Start { length: None })), Some(Refused::RecordingOver));
    assert_eq!(bench.last("recording_ended").by, asked());
    bench.bye("customer");
    let edges: Vec<_> = bench.record().segments.iter().map(|s| (s.began, s.ended)).collect();
    let last = &edges[edges.len() - 2..];
    assert_eq!(last[0].1, SegmentEdge::Paused);
    assert_eq!(last[1], (SegmentEdge::Resumed, SegmentEdge::Ended));
}

/// The day simulator's seed 6: everybody was released when the target of the chair's transfer answered.
#[test]
fn a_chair_who_gives_his_call_away_ends_no_conference() {
    for chair_leaves in [ChairLeaves::End, ChairLeaves::PassOn] {
        let mut bench = Bench::conference(chair_leaves);
        bench.bye("bo");
        bench.transfer(TransferMode::OnAnswer, &["cy"]);
        bench.answer("cy");
        assert!(!bench.is_live("ana"), "{chair_leaves:?}");
        assert_eq!((bench.hears("customer").as_str(), bench.hears("cy").as_str()), ("cy", "customer"));
    }
}

/// The day simulator's seeds 4 and 12: a caller in a queue talked to somebody, a party of a consult was left there alone.
#[test]
fn nobody_is_invited_where_no_talk_is_or_into_a_consult() {
    let mut bench = Bench::talk(true);
    let invite =
        |inviter| Act::Invite(Box::new(Invite { inviter, chair_leaves: ChairLeaves::End, dial: dial(&["bo"]) }));
    bench.transfer(TransferMode::Consult, &["cy"]);
    bench.answer("cy");
    for (name, refused) in [("ana", Refused::TransferRuns), ("cy", Refused::TransferRuns)] {
        assert_eq!(bench.refused(&invite(bench.leg(name))), Some(refused), "{name}");
    }
    let customer = bench.leg("customer");
    assert_eq!(bench.refused(&invite(customer)), Some(Refused::NotTalking), "he waits alone");
}

#[test]
fn who_is_invited_to_a_talk_that_is_over_is_not_rung() {
    let mut bench = Bench::talk(true);
    bench.invite("bo", ChairLeaves::PassOn);
    bench.rings("bo");
    bench.bye("ana");
    assert!(bench.is_live("customer") && !bench.is_live("bo"), "the flow has the customer, and nobody joins him there");
}

/// The day simulator's seed 6: what a BYE needs was told of a contact that was closed already.
#[test]
fn a_leg_that_has_ended_tells_no_dialog() {
    let mut bench = Bench::talk(false);
    bench.transfer(TransferMode::Blind, &["bo"]);
    let leg = bench.leg("ana");
    let dialog = Box::new(DialogState {
        interface: InterfaceNo(0),
        transport: Wire::Udp,
        remote: ([127, 0, 0, 1], 5060).into(),
        call_id: "c".to_owned(),
        local_tag: "l".to_owned(),
        remote_tag: "r".to_owned(),
        local_uri: "<sip:l@127.0.0.1>".to_owned(),
        remote_uri: "<sip:r@127.0.0.1>".to_owned(),
        remote_target: "sip:r@127.0.0.1".to_owned(),
        route_set: Vec::new(),
        cseq_reserved: 1_000,
    });
    bench.tell(sip::Tell::Dialog { leg, dialog }, leg);
    assert_eq!((bench.story(&["leg_dialog"]), bench.open().anomalies), (Vec::new(), 0));
}

/// The chair takes all with him while one of them transfers and another waits for somebody from a queue.
#[test]
fn nobody_waits_in_a_queue_for_a_contact_that_is_over() {
    let mut bench = Bench::talk(false);
    bench.invite("bo", ChairLeaves::End);
    bench.answer("bo");
    let transfer = Transfer { transferor: bench.leg("bo"), mode: TransferMode::ComeBack, dial: dial(&["cai"]) };
    bench.verb(Act::Transfer(Box::new(transfer)));
    let queue = Some(Queued { item: ItemId(850), groups: vec![GROUP], music: "jazz".to_owned() });
    let (inviter, chair_leaves, dial) = (bench.leg("customer"), ChairLeaves::PassOn, Dial { queue, ..dial(&[]) });
    bench.verb(Act::Invite(Box::new(Invite { inviter, chair_leaves, dial })));
    bench.bye("ana");
    assert!(bench.is_over());
    let told = |tell: &&Tell| matches!(tell, Tell::Unqueue { item: ItemId(850), .. });
    assert_eq!(bench.tells.iter().filter(told).count(), 1, "{:?}", bench.tells);
}
