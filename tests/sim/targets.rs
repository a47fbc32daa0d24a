//! Whom a verb leads to when the ACD sends him: an agent by name, agents of groups, and what becomes of those who wait.

use cordboard::base::Span;
use cordboard::event::words::{Actor, Display, ItemExit, OfferEnding, Station, TransferEnding, TransferMode};
use cordboard::switch::{
    AgentVerb, Answer, Body, CallTarget, CallVerb, Caller, ChairLeaves, Code, Command, ConsultVerb, TwoWay,
};

use crate::places;
use crate::scenario::place::Shape;
use crate::verbs::{ANA, BO, CAI, House, called_with, number, talk, talk_at, to};

fn groups(house: &House, ids: &[&str]) -> CallTarget {
    let no = |id: &&str| house.world.site.groups.values().find(|g| g.id == *id).expect("a group").no;
    CallTarget::Groups(ids.iter().map(no).collect())
}

fn decide(house: &House, verb: ConsultVerb) -> CallVerb {
    CallVerb::Consult { who: house.ana(), verb }
}

/// How each offer of this contact ended, and for whom.
fn offers(house: &mut House) -> Vec<(u32, Option<OfferEnding>)> {
    house.wait(Span::seconds(1));
    house.record().offers.iter().map(|o| (o.agent.expect("an agent").0, o.ending)).collect()
}

#[test]
fn a_transfer_to_an_agent_is_his_work_to_the_end_of_his_wrap_up() {
    let mut house = talk();
    let (ana, bo) = (house.ana(), house.bo());
    house.does(to(ana, TransferMode::OnAnswer, bo));
    assert_eq!(house.shown("a1"), Some(Display::Ringing), "he was not ready, and is rung");
    assert_eq!(house.shown("a0"), Some(Display::Consulting));
    house.answers(BO);
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    assert_eq!((house.shown("a0"), house.shown("a1")), (Some(Display::WrapUp), Some(Display::Talking)));
    house.wait(Span::seconds(5));
    house.hangs_up(BO);
    assert_eq!(house.shown("a1"), Some(Display::WrapUp), "by the group of whoever gave him the call");
    let record = house.record();
    assert_eq!(record.agents(), [house.agent_no("a0"), house.agent_no("a1")]);
    assert!(record.segments.iter().any(|segment| segment.agent == Some(house.agent_no("a1"))));
    assert!(record.visits[1].agent == Some(house.agent_no("a1")) && record.visits[1].call.is_some());
    house.ends();
}

#[test]
fn a_consulted_agent_consults_and_then_talks() {
    let mut house = talk();
    let (ana, bo) = (house.ana(), house.bo());
    house.does(to(ana, TransferMode::Consult, bo));
    house.hear(&[("customer", "music"), ("ana", "music"), ("bo", "")]);
    house.answers(BO);
    house.hear(&[("customer", "music"), ("ana", "bo"), ("bo", "ana")]);
    assert_eq!((house.shown("a0"), house.shown("a1")), (Some(Display::Consulting), Some(Display::Consulting)));
    let swap = decide(&house, ConsultVerb::Swap);
    house.does(swap);
    house.hear(&[("customer", "ana"), ("ana", "customer"), ("bo", "music")]);
    assert_eq!((house.shown("a0"), house.shown("a1")), (Some(Display::Talking), Some(Display::Held)));
    let complete = decide(&house, ConsultVerb::Complete);
    house.does(complete);
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    assert_eq!(house.shown("a1"), Some(Display::Talking));
    house.ends();
}

#[test]
fn a_consult_that_an_agent_refuses_brings_back_the_customer() {
    let mut house = talk();
    let (ana, bo) = (house.ana(), house.bo());
    house.does(to(ana, TransferMode::Consult, bo));
    house.rejects(BO);
    assert_eq!(house.transfer(), (TransferMode::Consult, Some(TransferEnding::Failed)));
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    assert_eq!((house.shown("a0"), house.shown("a1")), (Some(Display::Talking), Some(Display::NotReady)));
    house.ends();
}

#[test]
fn an_agent_who_cannot_be_called_is_waited_for_as_long_as_was_said() {
    let mut house = talk();
    let ana = house.ana();
    let patient = CallTarget::Agent { agent: house.agent_no("a1"), wait: Span::seconds(30) };
    house.refuses(
        to(ana, TransferMode::Consult, CallTarget::Agent { agent: house.agent_no("a0"), wait: Span::ZERO }),
        Code::AlreadyDone,
    );
    let other = house.dials(BO, "1900");
    let bo = house.bo();
    house.refuses(to(ana, TransferMode::Consult, bo), Code::TargetBusy);
    house.does(to(ana, TransferMode::Consult, patient.clone()));
    house.hear(&[("customer", "music"), ("ana", "music")]);
    house.wait(Span::seconds(20));
    house.drops(BO, other);
    assert_eq!(house.shown("a1"), Some(Display::Ringing), "free, and rung at once");
    house.rejects(BO);
    let other = house.dials(BO, "1900");
    house.does(to(ana, TransferMode::Consult, patient));
    house.wait(Span::seconds(31));
    assert_eq!(house.transfer(), (TransferMode::Consult, Some(TransferEnding::Failed)));
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    house.drops(BO, other);
    house.ends();
}

#[test]
fn an_invited_agent_joins_the_talk() {
    let mut house = talk();
    let (who, bo) = (house.ana(), house.bo());
    house.does(CallVerb::Invite { who, to: bo, from: None, ring: None, chair_leaves: ChairLeaves::PassOn });
    house.hear(&[("customer", "ana"), ("ana", "customer"), ("bo", "")]);
    house.answers(BO);
    house.hear(&[("customer", "ana+bo"), ("ana", "customer+bo"), ("bo", "customer+ana")]);
    assert_eq!((house.shown("a0"), house.shown("a1")), (Some(Display::Conference), Some(Display::Conference)));
    house.hangs_up(ANA);
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    assert_eq!(house.shown("a1"), Some(Display::Talking));
    house.ends();
}

#[test]
fn a_consult_to_a_group_waits_in_its_queue() {
    let mut house = talk();
    let (ana, sales) = (house.ana(), groups(&house, &["sales"]));
    house.does(to(ana, TransferMode::Consult, sales));
    house.hear(&[("customer", "music"), ("ana", "music")]);
    house.wait(Span::seconds(10));
    house.agent("a1", AgentVerb::Ready);
    house.wait(Span::millis(500));
    assert_eq!(house.shown("a1"), Some(Display::Ringing));
    house.hear(&[("customer", "music"), ("ana", "music"), ("bo", "")]);
    house.answers(BO);
    house.hear(&[("customer", "music"), ("ana", "bo"), ("bo", "ana")]);
    assert_eq!(house.shown("a1"), Some(Display::Consulting));
    let join = decide(&house, ConsultVerb::Join);
    house.does(join);
    house.hear(&[("customer", "ana+bo"), ("ana", "customer+bo"), ("bo", "customer+ana")]);
    let record = house.record();
    assert_eq!(record.waited, record.visits[0].waited.expect("he came to ana"), "the customer did not wait for this");
    house.ends();
}

#[test]
fn who_completes_before_the_group_has_answered_leaves_the_customer_in_his_place() {
    for rings in [false, true] {
        let mut house = talk();
        let (ana, sales) = (house.ana(), groups(&house, &["sales"]));
        house.does(to(ana, TransferMode::Consult, sales));
        house.wait(Span::seconds(10));
        if rings {
            house.agent("a1", AgentVerb::Ready);
            house.wait(Span::millis(500));
        }
        let complete = decide(&house, ConsultVerb::Complete);
        house.does(complete);
        assert_eq!(house.world.uas[ANA].live_calls(), 0, "she is released");
        assert_eq!(house.transfer(), (TransferMode::Consult, Some(TransferEnding::Completed)));
        let visits = &house.record().visits;
        assert_eq!((visits.len(), visits[1].call), (2, None), "it is the customer's own now");
        if !rings {
            house.hear(&[("customer", "music")]);
            house.agent("a1", AgentVerb::Ready);
            house.wait(Span::millis(500));
        }
        house.hear(&[("customer", "music"), ("bo", "")]);
        house.answers(BO);
        house.hear(&[("customer", "bo"), ("bo", "customer")]);
        assert_eq!(house.shown("a1"), Some(Display::Talking));
        house.ends();
    }
}

#[test]
fn who_hangs_up_while_he_waits_for_a_group_leaves_the_customer_in_his_place() {
    let mut house = talk();
    let (ana, sales) = (house.ana(), groups(&house, &["sales"]));
    house.does(to(ana, TransferMode::OnAnswer, sales));
    house.hangs_up(ANA);
    house.hear(&[("customer", "music")]);
    house.agent("a1", AgentVerb::Ready);
    house.wait(Span::millis(500));
    house.answers(BO);
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    house.ends();
}

/// ana has called cai in, waits for a group to come back from, and hangs up: two of three talk on.
fn two_talk_on() -> House {
    let mut house = talk();
    let ana = house.ana();
    house.calls_cai_in();
    let sales = groups(&house, &["sales"]);
    house.does(to(ana, TransferMode::ComeBack, sales));
    house.hangs_up(ANA);
    house.hear(&[("customer", "cai"), ("cai", "customer")]);
    house
}

#[test]
fn whoever_a_group_sends_joins_those_who_talk_on() {
    let mut house = two_talk_on();
    let main = house.world.contacts()[0].calls[0].call;
    assert_eq!(house.record().visits[1].call, Some(main), "they wait for nobody");
    house.agent("a1", AgentVerb::Ready);
    house.wait(Span::millis(500));
    house.hear(&[("customer", "cai"), ("cai", "customer"), ("bo", "")]);
    house.answers(BO);
    house.hear(&[("customer", "cai+bo"), ("cai", "customer+bo"), ("bo", "customer+cai")]);
    assert_eq!(house.transfer(), (TransferMode::ComeBack, Some(TransferEnding::Completed)));
    house.ends();
}

#[test]
fn the_last_of_those_who_talk_on_waits_for_whom_the_group_sends() {
    let mut house = two_talk_on();
    house.hangs_up(CAI);
    house.hear(&[("customer", "music")]);
    house.agent("a1", AgentVerb::Ready);
    house.wait(Span::millis(500));
    house.answers(BO);
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    house.ends();
}

#[test]
fn a_cancelled_consult_to_a_group_leaves_its_queue() {
    let mut house = talk();
    let (ana, sales) = (house.ana(), groups(&house, &["sales"]));
    house.does(to(ana, TransferMode::Consult, sales.clone()));
    let cancel = decide(&house, ConsultVerb::Cancel);
    house.does(cancel);
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    let exits: Vec<_> = house.record().visits.iter().map(|visit| visit.exit).collect();
    assert_eq!(exits, [Some(ItemExit::Connected), Some(ItemExit::Withdrawn)]);
    house.does(to(ana, TransferMode::Consult, sales));
    house.agent("a1", AgentVerb::Ready);
    house.wait(Span::millis(500));
    let cancel = decide(&house, ConsultVerb::Cancel);
    house.does(cancel);
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    assert_eq!(house.shown("a1"), Some(Display::Ready), "his phone is quiet again");
    house.ends();
}

#[test]
fn a_customer_who_leaves_takes_the_consult_with_him() {
    let mut house = talk();
    let (ana, sales) = (house.ana(), groups(&house, &["sales"]));
    house.does(to(ana, TransferMode::Consult, sales));
    house.ends();
}

#[test]
fn complaint_27_a_failed_consult_to_a_queue_keeps_the_recording() {
    let mut house = talk();
    let (ana, sales) = (house.ana(), groups(&house, &["sales"]));
    house.does(to(ana, TransferMode::Consult, sales));
    house.wait(Span::seconds(5));
    // the last of the group goes home
    house.agent("a1", AgentVerb::SignOut);
    house.wait(Span::seconds(1));
    assert_eq!(house.transfer(), (TransferMode::Consult, Some(TransferEnding::Failed)));
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    house.wait(Span::seconds(20));
    house.hangs_up(ANA);
    house.wait(Span::seconds(1));
    let record = house.record();
    let last = record.segments.last().expect("a part of the recording");
    assert!(last.to - last.from >= Span::seconds(20), "{:?}", record.segments);
    house.ends();
}

#[test]
fn a_transfer_to_several_groups_is_served_by_the_first_who_is_ready() {
    let mut house = talk();
    let ana = house.ana();
    let both = groups(&house, &["sales", "support"]);
    house.does(to(ana, TransferMode::Blind, both));
    house.hear(&[("customer", "music")]);
    house.wait(Span::seconds(11));
    assert_eq!(house.shown("a0"), Some(Display::Ringing), "ana is back from her wrap-up");
    house.rejects(ANA);
    house.agent("a1", AgentVerb::Ready);
    house.wait(Span::millis(500));
    house.answers(BO);
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    let sales = house.world.site.group("sales").expect("a group").no;
    assert_eq!(house.record().visits[1].group, Some(sales), "the group that served");
    let ended = offers(&mut house);
    assert_eq!(
        ended.iter().map(|(_, ending)| *ending).collect::<Vec<_>>()[..2],
        [Some(OfferEnding::Connected), Some(OfferEnding::Rejected)]
    );
    house.ends();
}

/// Agents may hold one call while they take another.
fn two_calls() -> House {
    let mut site = places::site(&Shape::SMALL);
    site.groups.values_mut().for_each(|group| group.calls_per_agent = 2);
    talk_at(site)
}

#[test]
fn who_talks_elsewhere_is_not_brought_back() {
    let mut house = two_calls();
    let customer = house.named("customer");
    house.does(CallVerb::Hold { who: customer });
    let other = house.dials(ANA, "1900");
    house.answers(CAI);
    assert_eq!(house.shown("a0"), Some(Display::Talking), "she talks to cai");
    house.refuses(CallVerb::Retrieve { who: customer }, Code::AgentBusy);
    house.drops(ANA, other);
    house.does(CallVerb::Retrieve { who: customer });
    assert_eq!(house.shown("a0"), Some(Display::Talking));
    house.ends();
}

#[test]
fn whoever_was_swapped_away_and_talks_elsewhere_stays_where_he_is() {
    let mut house = two_calls();
    let (ana, bo) = (house.ana(), house.bo());
    house.does(to(ana, TransferMode::Consult, bo));
    house.answers(BO);
    let swap = decide(&house, ConsultVerb::Swap);
    house.does(swap.clone());
    assert_eq!(house.shown("a1"), Some(Display::Held));
    let other = house.dials(BO, "1900");
    house.answers(CAI);
    house.refuses(swap.clone(), Code::AgentBusy);
    for verb in [ConsultVerb::Join, ConsultVerb::Complete] {
        let verb = decide(&house, verb);
        house.refuses(verb, Code::AgentBusy);
    }
    house.drops(BO, other);
    house.does(swap);
    house.hear(&[("customer", "music"), ("ana", "bo"), ("bo", "ana")]);
    house.ends();
}

#[test]
fn a_call_that_an_agent_dialled_himself_is_held_too() {
    let mut house = two_calls();
    let customers = house.contact;
    let other = house.dials(BO, "1900");
    house.answers(CAI);
    let ids: Vec<_> = house.world.tenant.iter().flat_map(|t| t.contacts().ids()).collect();
    house.contact = *ids.iter().find(|id| **id != customers).expect("bo's call");
    assert_eq!(house.shown("a1"), Some(Display::Talking));
    let cai = house.named("cai");
    house.does(CallVerb::Hold { who: cai });
    assert_eq!(house.shown("a1"), Some(Display::Held));
    house.does(CallVerb::Retrieve { who: cai });
    assert_eq!(house.shown("a1"), Some(Display::Talking));
    house.contact = customers;
    house.drops(BO, other);
    house.ends();
}

#[test]
fn an_agent_at_a_number_outside_is_not_rung_to_call_for_himself() {
    for (station, code) in [(true, Code::TargetUnfit), (false, Code::NotSignedIn)] {
        let mut house = talk();
        house.agent("a1", AgentVerb::SignOut);
        if station {
            let station = Some(Station::Outside { number: "913800138000".to_owned(), confirm: false });
            house.agent("a1", AgentVerb::SignIn { station, groups: None });
        }
        let (by, to) = (Caller::Agent(house.agent_no("a1")), number("1900"));
        let data = Default::default();
        let order = TwoWay { by, to: Some(to), group: None, from: None, auto_answer: None, ring: None, data };
        let body = Body::TwoWay(order);
        let reply = house.world.command(Command { id: None, actor: Actor::Integration(1), body });
        let answer = &house.world.answers[&reply].0;
        assert!(matches!(answer, Answer::Refused { code: refused, .. } if *refused == code), "{answer:?}");
        house.ends();
    }
}

/// First bo alone, then whoever of two groups is free.
const FOR_BO: &str = "nodes:\n  hello:\n    answer:\n    next: bo\n  bo:\n    queue: {agent: a1}\n    wait_max: 1m\n    \
     no_agent: many\n    failed: bye\n  many:\n    queue: {groups: [sales, support]}\n    failed: bye\n  bye:\n    \
     play: goodbye\n    next: hangup\n";

#[test]
fn a_flow_waits_for_one_agent_and_then_for_groups() {
    let mut house = called_with(places::site(&Shape::SMALL), FOR_BO);
    assert_eq!(house.shown("a1"), Some(Display::Ringing), "not ready, and it is for him");
    assert_eq!(house.shown("a0"), Some(Display::Ready), "ana is free, and it is not for her");
    house.rejects(BO);
    house.wait(Span::seconds(1));
    assert_eq!(house.shown("a0"), Some(Display::Ringing));
    house.answers(ANA);
    house.wait(Span::seconds(1));
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    let record = house.record();
    let support = house.world.site.group("support").expect("a group").no;
    assert_eq!((record.visits[0].exit, record.visits[1].group), (Some(ItemExit::NoAgent), Some(support)));
    house.ends();
}
