//! An INVITE with Replaces (RFC 3891 section 3): which leg gives way to it and what goes on with the new one. Which dialog
//! is meant, and what of that is refused, are the endpoint's tests.

use super::super::words::{Act, OfferStep, Replacement, Tell};
use super::{Bench, HERE, SDP, arrival, asked};
use crate::base::{LegId, Span};
use crate::event::Kind;
use crate::event::words::{EndCause, SupervisionMode, TransferMode, Watched};
use crate::media::words::Body;
use crate::sdp::Codec;
use crate::sip::words as sip;

/// What none of ours can read: video alone.
const VIDEO: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 4000 RTP/AVP 99\r\n";

/// False: the leg is not one that can be replaced.
fn replace(bench: &mut Bench, old: &str, name: &str, sdp: Option<&[u8]>) -> bool {
    let (old, new) = (bench.leg(old), LegId(bench.supplies.ids.mint(bench.t)));
    bench.names.insert(new, name.to_owned());
    let incoming = sip::Incoming { replaces: Some(old), sdp: sdp.map(<[u8]>::to_vec), ..arrival(new).incoming };
    let with = Replacement { incoming, media_ip: HERE, codecs: vec![Codec::Pcma] };
    let now = bench.now();
    let done = bench.contacts.replace(old, with, now, &mut bench.supplies);
    bench.drain();
    done
}

fn ends(bench: &Bench, name: &str) -> Option<(u16, EndCause)> {
    let leg = bench.leg(name);
    bench.sips.iter().find_map(|act| match act {
        sip::Act::End { leg: of, status, cause } if *of == leg => Some((*status, *cause)),
        _ => None,
    })
}

fn accepted(bench: &Bench, name: &str) -> bool {
    let leg = bench.leg(name);
    bench.sips.iter().any(|act| matches!(act, sip::Act::Accept { leg: of, .. } if *of == leg))
}

#[test]
fn whoever_talks_goes_on_at_another_device() {
    for (old, with_offer) in [("ana", true), ("ana", false), ("customer", true), ("customer", false)] {
        let mut bench = Bench::talk(false);
        assert!(replace(&mut bench, old, "new", with_offer.then_some(SDP)), "{old}");
        assert!(accepted(&bench, "new"), "{old}: the new dialog is answered");
        assert_eq!(ends(&bench, old).map(|(_, cause)| cause), Some(EndCause::Released), "{old}: the old one gets BYE");
        if !with_offer {
            let leg = bench.leg("new");
            bench.tell(sip::Tell::Acked { leg, sdp: Some(SDP.to_vec()) }, leg);
        }
        let other = if old == "ana" { "customer" } else { "ana" };
        assert_eq!((bench.hears("new"), bench.hears(other)), (other.to_owned(), "new".to_owned()), "{old}");
        let ended =
            |tell: &Tell| matches!(tell, Tell::Offer { step: OfferStep::Ended { .. }, .. } | Tell::CustomerLeft);
        assert!(!bench.tells.iter().any(ended), "{old}: his offer, and the contact, go on");
        bench.pass(Span::seconds(5));
        bench.bye("new");
        assert!(bench.is_over(), "{old}: it ends with the new one as it would have with the old");
        assert_eq!(bench.record().anomalies, 0, "{old}");
    }
}

#[test]
fn what_does_not_talk_is_not_replaced() {
    struct Row(&'static str, &'static str, fn() -> Bench);
    let rings = || {
        let mut bench = Bench::talk(false);
        bench.transfer(TransferMode::Consult, &["bo"]);
        bench.rings("bo");
        bench
    };
    let unanswered = Bench::customer;
    let over = || {
        let mut bench = Bench::talk(true);
        bench.bye("ana");
        bench
    };
    let rows = [
        Row("a leg that we ring", "bo", rings),
        Row("a caller who was not answered yet", "customer", unanswered),
        Row("a leg that has ended", "ana", over),
    ];
    for Row(name, old, bench) in rows {
        let mut bench = bench();
        let events = bench.events.len();
        assert!(!replace(&mut bench, old, "new", Some(SDP)), "{name}");
        assert_eq!(bench.events.len(), events, "{name}: nothing came of it");
    }
}

#[test]
fn an_offer_that_cannot_be_answered_changes_nothing() {
    let mut bench = Bench::talk(false);
    let returned = |bench: &Bench| bench.medias.iter().filter(|body| matches!(body, Body::ReturnPorts(_))).count();
    let (events, before) = (bench.events.len(), returned(&bench));
    assert!(replace(&mut bench, "ana", "new", Some(VIDEO)), "it is refused here");
    assert_eq!(ends(&bench, "new"), Some((488, EndCause::NotAcceptable)));
    assert_eq!((bench.events.len(), returned(&bench)), (events, before + 1), "its ports go back");
    assert_eq!((bench.hears("customer"), bench.hears("ana")), ("ana".to_owned(), "customer".to_owned()));
}

#[test]
fn what_was_done_to_the_old_leg_is_so_of_the_new_one() {
    let mut bench = Bench::talk(false);
    let (customer, ana) = (bench.leg("customer"), bench.leg("ana"));
    bench.verb(Act::Hold { leg: customer, by: asked() });
    bench.verb(Act::Mute { leg: ana, from: true, to: false, by: asked() });
    assert!(replace(&mut bench, "customer", "mobile", Some(SDP)));
    assert!(replace(&mut bench, "ana", "desk", Some(SDP)));
    let (mobile, desk) = (bench.leg("mobile"), bench.leg("desk"));
    let story: Vec<_> = bench.events.iter().filter_map(|event| Some((event.about.leg?, &event.kind))).collect();
    assert!(story.contains(&(mobile, &Kind::LegHeld)), "the record says so too");
    assert!(story.contains(&(desk, &Kind::LegMuted { from: true, to: false })));
    bench.verb(Act::Retrieve { leg: mobile, by: asked() });
    bench.verb(Act::Mute { leg: desk, from: false, to: false, by: asked() });
    assert_eq!((bench.hears("mobile"), bench.hears("desk")), ("desk".to_owned(), "mobile".to_owned()));
}

#[test]
fn who_transfers_may_go_to_another_device() {
    let mut bench = Bench::talk(false);
    bench.transfer(TransferMode::Consult, &["bo"]);
    bench.rings("bo");
    bench.answer("bo");
    assert!(replace(&mut bench, "ana", "desk", Some(SDP)));
    assert_eq!((bench.hears("desk"), bench.hears("bo")), ("bo".to_owned(), "desk".to_owned()));
    let transferor = bench.leg("desk");
    bench.verb(Act::Consult { transferor, verb: super::super::words::ConsultVerb::Complete, by: asked() });
    assert_eq!((bench.hears("customer"), bench.hears("bo")), ("bo".to_owned(), "customer".to_owned()));
    assert_eq!(ends(&bench, "desk").map(|(_, cause)| cause), Some(EndCause::Released));
}

#[test]
fn who_watches_a_leg_goes_on_with_the_one_in_its_place() {
    let mut bench = Bench::watched(SupervisionMode::Whisper);
    assert!(replace(&mut bench, "ana", "new", Some(SDP)));
    assert_eq!((bench.hears("new"), bench.hears("sue")), ("customer+sue".to_owned(), "customer+new".to_owned()));
    let (mode, target) = (SupervisionMode::Whisper, Watched::Leg(bench.leg("new")));
    assert_eq!(bench.last("supervision_changed").kind, Kind::SupervisionChanged { mode, target });
    let leg = bench.leg("sue");
    let folded = bench.open().contacts[&bench.contact].legs[&leg].supervision;
    assert_eq!((folded, bench.record().anomalies), (Some((mode, target)), 0));
}
