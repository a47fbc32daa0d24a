//! Complaints that no single machine answers, each as a test with its row in `docs/complaints.md`: here the whole house
//! answers, with phones, carrier and sound.

use cordboard::base::{ItemId, Span, Time};
use cordboard::event::words::{Display, EndCause, OfferEnding, WorkRole};
use cordboard::switch::AgentVerb;

use crate::places;
use crate::scenario::place::Shape;
use crate::scenario::ua::call::{Answer, Plan};
use crate::verbs::{ANA, BO, CUSTOMER, House, called_at, talk_at};

fn talk() -> House {
    talk_at(places::site(&Shape::SMALL))
}

/// A caller rings at ana and bo, both of a group that rings all.
fn rings_at_both() -> House {
    let mut house = called_at(places::site(&Shape { strategy: "ring-all", ..Shape::SMALL }));
    house.agent("a1", AgentVerb::Ready);
    house.wait(Span::seconds(2));
    assert_eq!([ANA, BO].map(|ua| house.world.uas[ua].live_calls()), [1, 1]);
    house
}

fn answers_both(house: &mut House) {
    for ua in [ANA, BO] {
        let call = house.world.uas[ua].live_call().expect("it rings");
        house.world.touch(ua, |ua, t| ua.answer(call, t));
    }
}

/// How the offers ended, in the order in which they were made.
fn endings(house: &House) -> Vec<Option<OfferEnding>> {
    house.record().offers.iter().map(|offer| offer.ending).collect()
}

/// Where the caller stands in the queue.
fn place(house: &House) -> Vec<(ItemId, Time)> {
    house.world.disk.open.contacts[&house.contact].items.iter().map(|(item, it)| (*item, it.due)).collect()
}

/// ana is in wrap-up or free: she talks with nobody, in the live state and in the fold of the journal.
fn ana_is_free(house: &House) {
    let ana = house.agent_no("a0");
    assert!(matches!(house.shown("a0"), Some(Display::WrapUp | Display::Ready)), "{:?}", house.shown("a0"));
    let works = &house.world.disk.open.agents[&ana].works;
    assert!(works.values().all(|work| work.role == WorkRole::WrapUp), "{works:?}");
    assert!(house.legs().iter().all(|leg| leg.agent.is_none()), "{:#?}", house.legs());
}

#[test]
fn row_2_two_who_answer_at_once_are_one_winner_and_one_who_is_told_so() {
    let mut house = rings_at_both();
    answers_both(&mut house);
    house.wait(Span::seconds(1));
    let agents: Vec<_> = house.legs().iter().filter_map(|leg| leg.agent).collect();
    let [winner] = agents.as_slice() else { panic!("one agent has the caller: {agents:?}") };
    let (won, lost, loser) = if *winner == house.agent_no("a0") { (ANA, BO, "a1") } else { (BO, ANA, "a0") };
    assert_eq!((house.world.uas[won].live_calls(), house.world.uas[lost].live_calls()), (1, 0));
    let diary = house.world.uas[lost].diaries.values().next_back().expect("it was rung");
    // his 200 crossed our CANCEL: it is acknowledged, and ended with the reason
    assert!(diary.answered() && diary.acked.is_some() && diary.bye_received.is_some(), "{diary:#?}");
    let reason = diary.reason.as_deref().unwrap_or_default();
    assert!(reason.contains("Call completed elsewhere"), "{reason}");
    assert_eq!(house.shown(loser), Some(Display::Ready), "and he is charged with nothing");
    let lost = house.record().offers.iter().find(|o| o.agent != Some(*winner)).and_then(|o| o.ending);
    assert_eq!(lost, Some(OfferEnding::LostRace));
    house.ends();
}

#[test]
fn row_3_a_winner_who_is_gone_before_any_sound_leaves_the_caller_where_he_was() {
    // he hangs up at once, or no sound ever comes from his phone
    for hangs_up in [true, false] {
        let mut house = rings_at_both();
        let waited = place(&house);
        house.world.uas[ANA].silent = true;
        house.answers(ANA);
        house.wait(Span::millis(200));
        assert_eq!([ANA, BO].map(|ua| house.world.uas[ua].live_calls()), [1, 0], "the others stop ringing");
        if hangs_up {
            house.hangs_up(ANA);
        }
        house.wait(Span::millis(if hangs_up { 1_000 } else { 2_500 }));
        assert_eq!(house.world.uas[BO].live_calls(), 1, "the others ring again");
        assert_eq!(place(&house), waited, "and he has kept his age");
        house.answers(BO);
        house.wait(Span::seconds(1));
        house.hear(&[("customer", "bo"), ("bo", "customer")]);
        let out = if hangs_up { OfferEnding::Rejected } else { OfferEnding::Failed };
        assert_eq!(endings(&house)[..2], [Some(out), Some(OfferEnding::LostRace)]);
        house.world.uas[ANA].silent = false;
        house.ends();
    }
}

#[test]
fn row_5_nobody_is_shown_answered_when_the_call_is_dead() {
    // whoever hangs up, in whatever state of the talk
    for (who, holds) in [(CUSTOMER, false), (ANA, false), (CUSTOMER, true)] {
        let mut house = talk();
        if holds {
            house.does(cordboard::switch::CallVerb::Hold { who: house.named("customer") });
        }
        house.hangs_up(who);
        ana_is_free(&house);
        house.world.touch(CUSTOMER, |ua, t| ua.live_call().into_iter().for_each(|call| ua.hang_up(call, t)));
        house.wait(Span::seconds(1));
        let tenant = house.world.tenant.as_ref().expect("it runs");
        assert_eq!(tenant.live_contacts(), 0);
        house.world.finish();
    }
}

#[test]
fn row_6_a_lost_bye_frees_the_agent_within_a_minute() {
    // ana's phone lost its power: it says no BYE, and no sound comes any more
    let mut house = talk();
    house.world.touch(ANA, |ua, _| ua.vanish());
    house.wait(Span::seconds(25));
    assert_eq!(house.shown("a0"), Some(Display::Talking), "a pause is no death");
    house.wait(Span::seconds(35));
    assert!(house.legs().iter().all(|leg| leg.agent.is_none()), "{:#?}", house.legs());
    assert!(!matches!(house.shown("a0"), Some(Display::Talking)), "{:?}", house.shown("a0"));
    let ana = house.record().legs.iter().find(|leg| leg.agent.is_some()).expect("hers").cause;
    assert_eq!(ana, Some(EndCause::MediaLost), "freed with its cause");
    house.world.touch(ANA, |ua, t| ua.come_back(t));
    house.ends();
}

#[test]
fn row_6_a_customers_lost_bye_frees_the_agent_within_a_minute() {
    let mut house = talk();
    house.world.touch(CUSTOMER, |ua, _| ua.vanish());
    house.wait(Span::seconds(60));
    ana_is_free(&house);
    house.world.touch(CUSTOMER, |ua, _| ua.gone = false);
    house.wait(Span::seconds(40));
    house.world.finish();
}

#[test]
fn row_15_a_ring_timer_touches_no_talk_and_nobody_else() {
    // she answers in the last millisecond of the ring, and bo stands ready for whoever is left over
    for early in [1, 20, 200] {
        let mut house = called_at(places::site(&Shape::SMALL));
        house.agent("a1", AgentVerb::Ready);
        house.world.uas[BO].manner = |_| Plan { answer: Answer::After(Span::millis(300)), ..Plan::default() };
        let made = house.record().offers[0].made;
        house.world.run(made + Span::seconds(20) - Span::millis(early));
        let call = house.world.uas[ANA].live_call().expect("she is rung");
        house.world.touch(ANA, |ua, t| ua.answer(call, t));
        house.wait(Span::seconds(30));
        let offers = &house.record().offers;
        let connected: Vec<_> = offers.iter().filter(|o| o.connected.is_some()).map(|o| o.agent).collect();
        assert_eq!(connected.len(), 1, "{early} ms: one agent talks, and he is the one who is credited: {offers:#?}");
        let agents: Vec<_> = house.legs().iter().filter_map(|leg| leg.agent).map(Some).collect();
        assert_eq!(agents, connected, "{early} ms: nobody else is rung into the talk");
        let rung: usize = [ANA, BO].iter().map(|ua| house.world.uas[*ua].live_calls()).sum();
        assert_eq!(rung, 1, "{early} ms");
        house.ends();
    }
}

#[test]
fn row_15_no_leg_rings_on_after_the_hang_up() {
    let mut house = called_at(places::site(&Shape::SMALL));
    assert_eq!(house.world.uas[ANA].live_calls(), 1);
    house.hangs_up(CUSTOMER);
    house.wait(Span::seconds(1));
    assert_eq!(house.world.uas[ANA].live_calls(), 0, "her phone is silent at once");
    let endings: Vec<_> = house.record().offers.iter().map(|o| o.ending).collect();
    assert_eq!(endings, [Some(OfferEnding::CallerLeft)], "and nobody is charged a miss");
    house.wait(Span::seconds(50));
    assert!(house.world.tenant.as_ref().is_some_and(|t| t.is_at_rest()), "no timer of it is left");
    house.world.finish();
}
