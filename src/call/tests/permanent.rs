//! An agent's leg that stays up: at rest it hears silence and nobody, in a contact it is a leg like others, and only its own
//! end ends it.

use super::super::POISON_KEY;
use super::super::words::{Act, Attempt, Birth, Caller, ConsultVerb, Dial, OfferStep, Supervise, Tell};
use super::{Bench, GROUP, HELD_SDP, asked, dial};
use crate::base::{AgentNo, OfferId, Span, Time};
use crate::event::Kind;
use crate::event::words::{EndCause, LegRole, OfferEnding, SupervisionMode, TransferMode, Watched};
use crate::media::words::{Body, Fact, ReportBody, Subject};
use crate::sip::words::{Act as Sip, Tell as FromSip};

const SILENCE: &str = "tones/silence";
const TONE: &str = "tones/beep";

/// Ana's leg is up, and nobody has called.
fn up() -> Bench {
    let mut bench = Bench::empty();
    bench.stand("ana", 1, false);
    bench.rings("ana");
    bench.answer("ana");
    bench.heard("ana");
    bench
}

/// A customer talks to her by it, since the tone is over.
fn talk() -> Bench {
    let mut bench = up();
    bench.next_customer("joe");
    bench.offer_line(1, 1);
    bench.played("ana");
    bench
}

fn invites(bench: &Bench) -> usize {
    bench.sips.iter().filter(|act| matches!(act, Sip::Invite(_))).count()
}

fn ends(bench: &Bench, name: &str) -> usize {
    let leg = bench.leg(name);
    bench.sips.iter().filter(|act| matches!(act, Sip::End { leg: l, .. } if *l == leg)).count()
}

fn is_at_rest(bench: &Bench, name: &str) -> bool {
    let leg = bench.leg(name);
    let folded = bench.open().at_rest.get(&leg).is_some_and(|l| l.agent == Some(AgentNo(1)) && l.call.is_none());
    assert_eq!(bench.contacts.line(AgentNo(1)) == Some(leg), folded, "live and by the journal");
    folded
}

fn steps(bench: &Bench, offer: u64) -> Vec<OfferStep> {
    let step = |tell: &Tell| match tell {
        Tell::Offer { offer: OfferId(of), step } if *of == 900 + offer => Some(*step),
        _ => None,
    };
    bench.tells.iter().filter_map(step).collect()
}

#[test]
fn at_rest_it_hears_silence_and_is_in_no_contact() {
    let bench = up();
    assert_eq!(bench.hears("ana"), SILENCE);
    assert!(is_at_rest(&bench, "ana") && bench.tells.contains(&Tell::LineUp { agent: AgentNo(1) }));
    assert_eq!((bench.contacts.live(), bench.contacts.ids().count(), bench.contacts.views().count()), (0, 0, 0));
    let told: Vec<&str> = bench.events.iter().map(|e| e.kind.name()).collect();
    assert_eq!(told, ["leg_created", "leg_progress", "leg_answered", "media_heard"]);
    assert!(bench.events.iter().all(|e| e.about.contact.is_none() && e.about.agent == Some(AgentNo(1))));
    assert!(bench.ledger.contacts.is_empty() && bench.ledger.orphans() == 0);
    // Neither alone nor too long.
    let mut bench = bench;
    bench.pass(Span::minutes(600));
    assert!(is_at_rest(&bench, "ana"));
}

#[test]
fn two_customers_one_after_the_other_and_one_invite() {
    let mut bench = up();
    for (n, customer) in [(1, "joe"), (2, "sue")] {
        bench.next_customer(customer);
        bench.offer_line(1, n);
        assert_eq!(steps(&bench, n), [OfferStep::Accepted, OfferStep::Connected], "in the step of the offer");
        assert_eq!((bench.hears("ana").as_str(), bench.hears(customer).as_str()), (TONE, "ana"));
        bench.played("ana");
        assert_eq!((bench.hears("ana").as_str(), bench.hears(customer).as_str()), (customer, "ana"));
        assert_eq!(bench.recorded(), (customer.to_owned(), "ana".to_owned()));
        bench.pass(Span::seconds(10));
        bench.act(Act::Unhold);
        bench.bye(customer);
        let over = OfferStep::Ended { ending: OfferEnding::Connected, sip_status: None };
        assert_eq!(steps(&bench, n)[2..], [over]);
        assert!(bench.tells.contains(&Tell::AgentGone { agent: AgentNo(1), group: Some(GROUP) }));
        assert_eq!(bench.hears("ana"), SILENCE);
        assert!(is_at_rest(&bench, "ana") && !bench.is_live(customer));
        let record = bench.record();
        let hers = record.legs.iter().find(|leg| leg.role == LegRole::Agent).expect("her leg is in the record");
        assert_eq!((hers.talk, hers.cause), (Span::seconds(10), Some(EndCause::PeerLeft)));
        assert_eq!((record.talk, record.anomalies), (Span::seconds(10), 0));
    }
    assert_eq!((invites(&bench), ends(&bench, "ana")), (1, 0));
    let hands = bench.medias.iter().filter(|body| matches!(body, Body::Hand { .. })).count();
    assert_eq!(hands, 4, "there and back, twice");
    bench.drop_line(1);
    assert_eq!(ends(&bench, "ana"), 1);
    assert!(bench.is_over() && bench.open().at_rest.is_empty());
    assert!(!bench.tells.iter().any(|tell| matches!(tell, Tell::LineDown { .. })), "who dropped it knows");
}

#[test]
fn a_first_sound_that_was_told_of_the_station_is_heard_in_the_contact_that_got_the_leg() {
    let mut bench = Bench::empty();
    bench.stand("ana", 1, false);
    bench.rings("ana");
    bench.answer("ana");
    let ana = bench.leg("ana");
    let (station, _) = bench.contacts.place_of(ana).expect("it is up");
    bench.next_customer("joe");
    bench.offer_line(1, 1);
    assert_eq!(steps(&bench, 1), [OfferStep::Accepted]);
    bench.report_of(station, ReportBody::Fact { leg: ana, fact: Fact::FirstSound });
    assert_eq!(steps(&bench, 1), [OfferStep::Accepted, OfferStep::Connected]);
    bench.played("ana");
    assert_eq!((bench.hears("ana").as_str(), bench.hears("joe").as_str()), ("joe", "ana"));
}

#[test]
fn its_far_end_hangs_up_as_every_agent_does_and_is_gone() {
    let mut bench = talk();
    bench.act(Act::Unhold);
    bench.bye("ana");
    assert!(bench.is_over());
    assert_eq!(ends(&bench, "joe"), 1);
    assert!(bench.tells.contains(&Tell::LineDown { agent: AgentNo(1), cause: EndCause::HungUp }));
    assert!(bench.open().at_rest.is_empty());
    assert_eq!(bench.last("leg_ended").about.contact, Some(bench.contact), "told of her contact");

    let mut bench = up();
    bench.bye("ana");
    assert!(bench.is_over() && bench.open().at_rest.is_empty());
    assert!(bench.tells.contains(&Tell::LineDown { agent: AgentNo(1), cause: EndCause::HungUp }));
}

#[test]
fn what_the_customer_loses_is_not_its_loss() {
    let mut bench = talk();
    bench.act(Act::Unhold);
    let leg = bench.leg("joe");
    bench.report(ReportBody::Fact { leg, fact: Fact::Silence });
    bench.pass(Span::seconds(11));
    assert!(!bench.is_live("joe") && is_at_rest(&bench, "ana"));
    assert_eq!(ends(&bench, "ana"), 0);
    assert!(!bench.tells.iter().any(|tell| matches!(tell, Tell::LineDown { .. })));
}

#[test]
fn a_leg_that_is_rung_in_vain_is_told_of_with_its_cause() {
    for (cause, expected) in [(EndCause::Busy, EndCause::Busy), (EndCause::Unreachable, EndCause::Unreachable)] {
        let mut bench = Bench::empty();
        bench.stand("ana", 1, false);
        bench.fail("ana", cause);
        assert!(bench.is_over() && bench.tells.contains(&Tell::LineDown { agent: AgentNo(1), cause: expected }));
    }
    let mut bench = Bench::empty();
    bench.stand("ana", 1, false);
    bench.pass(Span::seconds(21));
    assert!(bench.is_over() && bench.tells.contains(&Tell::LineDown { agent: AgentNo(1), cause: EndCause::NoAnswer }));
    let mut bench = Bench::empty();
    bench.stand("nobody", 1, false);
    let unreachable = Tell::LineDown { agent: AgentNo(1), cause: EndCause::Unreachable };
    assert!(bench.is_over() && bench.tells == [unreachable]);
}

#[test]
fn at_a_number_outside_a_key_says_that_a_person_is_there() {
    let mut bench = Bench::empty();
    bench.stand("mobile", 1, true);
    bench.answer("mobile");
    bench.heard("mobile");
    assert_eq!(bench.hears("mobile"), "en-US/agent-confirm");
    assert!(bench.contacts.line(AgentNo(1)).is_none());
    let leg = bench.leg("mobile");
    bench.tell(FromSip::Digit { leg, digit: '1' }, leg);
    assert!(bench.tells.contains(&Tell::LineUp { agent: AgentNo(1) }));
    assert_eq!(bench.hears("mobile"), SILENCE);
    assert!(is_at_rest(&bench, "mobile"));

    let mut bench = Bench::empty();
    bench.stand("mobile", 1, true);
    bench.answer("mobile");
    bench.pass(Span::seconds(9));
    assert_eq!(ends(&bench, "mobile"), 1, "a voicemail");
    assert!(bench.is_over());
}

#[test]
fn a_dead_phone_is_probed_at_rest_too() {
    let mut bench = up();
    let (leg, standing) = (bench.leg("ana"), bench.contacts.place_of(bench.leg("ana")).expect("it lives").0);
    bench.contact = standing;
    bench.report(ReportBody::Fact { leg, fact: Fact::Silence });
    assert!(bench.sips.iter().any(|act| matches!(act, Sip::Probe { .. })));
    assert!(bench.contacts.line(AgentNo(1)).is_none(), "nobody is given to it now");
    bench.tell(FromSip::Alive { leg }, leg);
    assert!(is_at_rest(&bench, "ana"));
    bench.report(ReportBody::Fact { leg, fact: Fact::Silence });
    bench.pass(Span::seconds(11));
    assert!(bench.tells.contains(&Tell::LineDown { agent: AgentNo(1), cause: EndCause::MediaLost }));
    assert!(bench.is_over());

    // In a talk it is no rest that follows.
    let mut bench = talk();
    let leg = bench.leg("ana");
    bench.report(ReportBody::Fact { leg, fact: Fact::Silence });
    bench.pass(Span::seconds(11));
    assert_eq!(ends(&bench, "ana"), 1);
    assert!(bench.tells.contains(&Tell::LineDown { agent: AgentNo(1), cause: EndCause::MediaLost }));
}

#[test]
fn every_end_of_her_part_brings_it_back_to_rest() {
    type Deed = fn(&mut Bench);
    let deeds: [(&str, Deed); 6] = [
        ("she is released", |bench| bench.hang_up(Some(bench.leg("ana")))),
        ("all is hung up", |bench| bench.hang_up(None)),
        ("a blind transfer", |bench| bench.transfer(TransferMode::Blind, &["bo"])),
        ("a transfer that is answered", |bench| {
            bench.transfer(TransferMode::OnAnswer, &["bo"]);
            bench.answer("bo");
        }),
        ("a consult that is completed", |bench| {
            bench.transfer(TransferMode::Consult, &["bo"]);
            bench.answer("bo");
            assert_eq!((bench.hears("ana").as_str(), bench.hears("joe").as_str()), ("bo", "music/jazz"));
            bench.consult(ConsultVerb::Complete);
        }),
        ("the offer is rescinded before sound", |bench| {
            bench.act(Act::Unring { offer: OfferId(901), ending: OfferEnding::Rescinded });
        }),
    ];
    for (what, deed) in deeds {
        let mut bench = talk();
        deed(&mut bench);
        assert_eq!((bench.hears("ana").as_str(), ends(&bench, "ana")), (SILENCE, 0), "{what}");
        assert!(is_at_rest(&bench, "ana"), "{what}");
        bench.drop_line(1);
        assert_eq!(ends(&bench, "ana"), 1, "{what}");
    }
}

#[test]
fn it_comes_to_the_same_contact_twice() {
    let mut bench = talk();
    bench.pass(Span::seconds(5));
    bench.hang_up(Some(bench.leg("ana")));
    bench.act(Act::Wait { groups: vec![GROUP], music: "jazz".to_owned() });
    bench.offer_line(1, 2);
    bench.played("ana");
    assert_eq!((bench.hears("ana").as_str(), bench.hears("joe").as_str()), ("joe", "ana"));
    bench.pass(Span::seconds(5));
    bench.act(Act::Unhold);
    bench.bye("joe");
    assert!(is_at_rest(&bench, "ana"));
    let record = bench.record();
    assert_eq!((record.talk, record.anomalies), (Span::seconds(10), 0));
    bench.drop_line(1);
    assert!(bench.is_over());
}

#[test]
fn what_was_done_to_it_in_a_contact_stays_there() {
    let mut bench = talk();
    let leg = bench.leg("ana");
    bench.verb(Act::Mute { leg, from: true, to: false, by: asked() });
    bench.verb(Act::Hold { leg, by: asked() });
    bench.hang_up(None);
    assert_eq!(bench.hears("ana"), SILENCE);
    bench.next_customer("sue");
    bench.offer_line(1, 2);
    bench.played("ana");
    assert_eq!((bench.hears("ana").as_str(), bench.hears("sue").as_str()), ("sue", "ana"));
    // Her phone's own hold goes with her.
    bench.tell(FromSip::Offer { leg, sdp: Some(HELD_SDP.to_vec()) }, leg);
    bench.hang_up(None);
    bench.next_customer("tom");
    bench.offer_line(1, 3);
    assert_eq!(bench.hears("tom"), "music/jazz");
}

#[test]
fn without_a_leg_an_offer_is_over_at_once_and_a_caller_who_left_lends_nothing() {
    let mut bench = Bench::customer();
    bench.act(Act::Wait { groups: vec![GROUP], music: "jazz".to_owned() });
    bench.offer_line(1, 1);
    assert_eq!(steps(&bench, 1), [OfferStep::Ended { ending: OfferEnding::Unreachable, sip_status: None }]);

    let mut bench = up();
    bench.contact = bench.customer_calls();
    bench.offer_line(1, 1);
    assert_eq!(steps(&bench, 1), [OfferStep::Ended { ending: OfferEnding::CallerLeft, sip_status: None }]);
    assert_eq!(bench.hears("ana"), SILENCE);
    assert!(is_at_rest(&bench, "ana"));
}

#[test]
fn she_calls_by_the_leg_that_is_up() {
    let mut bench = up();
    let caller = Caller { agent: AgentNo(1), group: Some(GROUP) };
    bench.contact = crate::base::ContactId(1 << 40);
    let birth = Birth {
        contact: bench.contact,
        from: "1001".to_owned(),
        to: "bo".to_owned(),
        language: "en-US".to_owned(),
        record: true,
        data: serde_json::Map::new(),
        limits: super::LIMITS,
        two_way: true,
        call_kind: crate::event::words::CallKind::Main,
        shown: None,
        standing: None,
        by: asked(),
    };
    let now = bench.now();
    bench.contacts.born(birth, now, &mut bench.supplies);
    bench.drain();
    let attempts = vec![Attempt::Line { agent: AgentNo(1), caller: Some(caller) }];
    bench.act(Act::Dial(Box::new(Dial { attempts, ..dial(&[]) })));
    assert!(bench.tells.contains(&Tell::DialEnded(Ok(()))), "{:?}", bench.tells);
    let busy =
        |bench: &Bench, now| bench.tells.iter().any(|t| matches!(t, Tell::LineBusy { busy, .. } if *busy == now));
    assert!(busy(&bench, true));
    bench.played("ana");
    bench.act(Act::Dial(Box::new(Dial { customer: true, ..dial(&["bo"]) })));
    bench.rings("bo");
    assert_eq!(bench.hears("ana"), "tones/ringback");
    bench.answer("bo");
    assert_eq!((bench.hears("ana").as_str(), bench.hears("bo").as_str()), ("bo", "ana"));
    assert_eq!(bench.recorded(), ("bo".to_owned(), "ana".to_owned()));
    bench.bye("bo");
    assert_eq!((bench.hears("ana").as_str(), ends(&bench, "ana"), invites(&bench)), (SILENCE, 0, 2));
    assert!(is_at_rest(&bench, "ana"));
    assert!(busy(&bench, false));
    assert!(bench.tells.contains(&Tell::CallerGone { agent: AgentNo(1), group: Some(GROUP) }));
}

#[test]
fn she_supervises_by_it() {
    let mut bench = Bench::talk(false);
    bench.stand("eve", 9, false);
    bench.answer("eve");
    let supervise = Supervise {
        agent: AgentNo(9),
        target: Watched::Leg(bench.leg("ana")),
        mode: SupervisionMode::Listen,
        attempt: Attempt::Line { agent: AgentNo(9), caller: None },
        ring: Span::seconds(20),
        by: asked(),
    };
    bench.verb(Act::Supervise(Box::new(supervise)));
    bench.played("eve");
    assert_eq!(bench.hears("eve"), "customer+ana");
    assert!(matches!(bench.last("supervision_started").kind, Kind::SupervisionStarted { .. }));
    bench.bye("customer");
    assert_eq!((bench.hears("eve").as_str(), ends(&bench, "eve")), (SILENCE, 0));
    assert_eq!(bench.contacts.counts().1, 1);
}

#[test]
fn a_bug_in_her_contact_ends_it_with_the_others() {
    let mut bench = talk();
    let data = [(POISON_KEY.to_owned(), serde_json::Value::Null)].into_iter().collect();
    bench.act(Act::SetData { data, by: asked() });
    assert_eq!((ends(&bench, "ana"), ends(&bench, "joe")), (1, 1));
    assert!(bench.tells.contains(&Tell::LineDown { agent: AgentNo(1), cause: EndCause::InternalError }));
    assert!(bench.is_over() && bench.open().at_rest.is_empty());
}

/// Her part in the contact is over, and the place where her leg belongs cannot take it.
#[test]
fn a_bug_in_the_place_where_it_rests_ends_it_and_not_the_contact_it_comes_from() {
    let mut bench = Bench::empty();
    bench.stand(POISON_KEY, 1, false);
    bench.answer(POISON_KEY);
    bench.heard(POISON_KEY);
    let (leg, station) = (bench.leg(POISON_KEY), bench.contacts.place_of(bench.leg(POISON_KEY)).expect("it lives").0);
    bench.next_customer("joe");
    bench.offer_line(1, 1);
    bench.played(POISON_KEY);
    assert_eq!((bench.hears(POISON_KEY).as_str(), bench.hears("joe").as_str()), ("joe", POISON_KEY));
    bench.hang_up(Some(leg));
    assert_eq!((bench.contacts.panics, ends(&bench, POISON_KEY)), (1, 1), "its BYE");
    let closed = bench.medias.iter().filter(|body| **body == Body::Close(Subject::Leg(leg))).count();
    assert_eq!(closed, 1, "and its sockets");
    let told: Vec<_> = bench.events.iter().filter(|e| e.about.leg == Some(leg)).map(|e| e.kind.name()).collect();
    assert!(told.ends_with(&["leg_rested", "call_left", "leg_ended"]), "{told:?}");
    assert_eq!(bench.last("leg_ended").about.contact, None, "told of it alone");
    assert!(bench.open().at_rest.is_empty() && bench.open().anomalies == 0);
    assert_eq!(bench.events.iter().filter(|e| matches!(e.kind, Kind::Alarm { .. })).count(), 1);
    let down = Tell::LineDown { agent: AgentNo(1), cause: EndCause::InternalError };
    assert_eq!(bench.tells.iter().filter(|tell| **tell == down).count(), 1, "his station is rung again");
    assert!(bench.contacts.place_of(leg).is_none() && !bench.contacts.has_line(AgentNo(1)));
    assert!(!bench.contacts.is_live(station), "nothing is left of it");
    // The customer is not touched: the next one talks to him.
    assert!(bench.is_live("joe"));
    bench.act(Act::Wait { groups: vec![GROUP], music: "jazz".to_owned() });
    bench.ring("bo", 2);
    bench.answer("bo");
    bench.heard("bo");
    assert_eq!((bench.hears("joe").as_str(), bench.hears("bo").as_str()), ("bo", "joe"));
    bench.act(Act::Unhold);
    bench.bye("joe");
    assert!(bench.is_over());
    assert_eq!(bench.record().anomalies, 0);
}

#[test]
fn nothing_can_be_asked_of_it_at_rest() {
    let mut bench = up();
    let leg = bench.leg("ana");
    let (standing, _) = bench.contacts.place_of(leg).expect("it lives");
    bench.contact = standing;
    let refused = bench.refused(&Act::Hold { leg, by: asked() });
    assert_eq!(refused, Some(super::super::words::Refused::UnknownContact));
    assert!(bench.t > Time(0));
}
