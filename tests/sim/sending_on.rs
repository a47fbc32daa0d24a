//! An agent sends on unanswered what is offered to her: in a world of one caller, two agents and a phone.

use cordboard::base::{OfferId, Span};
use cordboard::event::words::{Actor, Display, ItemExit, OfferEnding, WorkRole};
use cordboard::switch::{AgentVerb, Answer, Body, CallTarget, Code, Command};

use crate::places;
use crate::scenario::place::Shape;
use crate::verbs::{ANA, BO, CAI, CUSTOMER, House, called_at, number};

/// A caller waits, ana's phone rings.
fn called() -> House {
    called_at(places::site(&Shape::SMALL))
}

/// Offered to ana, who sends him on.
impl House {
    fn send_on(&mut self, to: CallTarget) -> Answer {
        let agent = self.agent_no("a0");
        let offer = self.offer_of("a0").expect("an offer");
        let reason = Some("not mine".to_owned());
        let body = Body::SendOn { agent, offer, to, ring: Some(Span::seconds(10)), reason };
        let reply = self.world.command(Command { id: None, actor: Actor::Integration(1), body });
        let answer = self.world.answers[&reply].0.clone();
        self.wait(Span::millis(500));
        answer
    }

    fn offer_of(&self, agent: &str) -> Option<OfferId> {
        let seen = self.world.tenant.as_ref()?.acd().snapshot(self.agent_no(agent))?;
        seen.works.iter().find(|w| w.role == WorkRole::Offered)?.offer
    }

    fn sends_on(&mut self, to: CallTarget) {
        let answer = self.send_on(to.clone());
        assert!(matches!(answer, Answer::Accepted { .. }), "{to:?}: {answer:?}");
        assert_eq!((self.world.uas[ANA].live_calls(), self.shown("a0")), (0, Some(Display::Ready)), "she is free");
        let first = &self.record().offers[0];
        assert_eq!((first.ending, first.reason.as_deref()), (Some(OfferEnding::SentOn), Some("not mine")));
    }

    fn offers(&self) -> Vec<Option<OfferEnding>> {
        self.record().offers.iter().map(|offer| offer.ending).collect()
    }

    fn group(&self, id: &str) -> CallTarget {
        CallTarget::Groups(vec![self.world.site.group(id).expect("a group of the site").no])
    }
}

#[test]
fn to_another_group_with_the_age_he_has() {
    let mut house = called();
    house.agent("a1", AgentVerb::Ready);
    house.wait(Span::seconds(4));
    let sales = house.group("sales");
    house.sends_on(sales);
    let visits = house.record().visits.clone();
    assert_eq!((visits.len(), visits[0].exit, visits[0].due), (2, Some(ItemExit::Routed), visits[1].due), "his age");
    house.answers(BO);
    house.wait(Span::seconds(1));
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    // The flow stands behind him: after the agent it has the caller wait for support.
    house.hangs_up(BO);
    house.wait(Span::seconds(1));
    assert_eq!(house.shown("a0"), Some(Display::Ringing));
    house.ends();
}

#[test]
fn to_an_agent_a_phone_and_outside() {
    let mut house = called();
    house.agent("a1", AgentVerb::Ready);
    let bo = house.bo();
    house.sends_on(bo);
    house.answers(BO);
    house.wait(Span::seconds(1));
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    house.ends();

    for to in ["1900", "913800138000"] {
        let mut house = called();
        house.sends_on(number(to));
        let ua = if to == "1900" { CAI } else { CUSTOMER };
        let call = house.world.uas[ua].calls.keys().next_back().copied().expect("rung");
        house.world.touch(ua, |ua, t| ua.answer(call, t));
        house.wait(Span::seconds(1));
        assert_eq!(house.legs().len(), 2, "{to}: {:#?}", house.legs());
        assert_eq!(house.offers(), [Some(OfferEnding::SentOn)]);
        house.drops(ua, call);
        house.wait(Span::seconds(1));
        assert_eq!(house.shown("a0"), Some(Display::Ringing), "{to}: as after an agent");
        house.ends();
    }
}

#[test]
fn nobody_takes_him_and_he_is_back_where_he_was_but_not_hers() {
    let mut house = called();
    let due = house.record().visits[0].due;
    house.sends_on(number("1900"));
    house.rejects(CAI);
    house.wait(Span::seconds(1));
    let back = house.record().visits.last().expect("he waits again").clone();
    assert_eq!((back.due, back.exit), (due, None), "his old rank");
    assert_eq!(house.shown("a0"), Some(Display::Ready), "it does not come back to her");
    house.agent("a1", AgentVerb::Ready);
    house.wait(Span::millis(500));
    house.answers(BO);
    house.wait(Span::seconds(1));
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    house.ends();
}

#[test]
fn twice_sent_on_and_back_step_by_step() {
    let mut house = called();
    house.agent("a1", AgentVerb::Ready);
    let sales = house.group("sales");
    house.sends_on(sales);
    let (agent, offer) = (house.agent_no("a1"), house.offer_of("a1").expect("bo is rung"));
    let body = Body::SendOn { agent, offer, to: number("1900"), ring: None, reason: None };
    house.world.command(Command { id: None, actor: Actor::Integration(1), body });
    house.wait(Span::millis(500));
    house.rejects(CAI);
    house.wait(Span::seconds(1));
    let groups: Vec<_> = house.record().visits.iter().map(|visit| visit.group).collect();
    assert_eq!(
        (groups.len(), groups[1]),
        (4, groups[2]),
        "in sales again, where nobody is but bo, who has sent him on"
    );
    assert_eq!(groups[3], groups[0], "and so in support again");
    house.ends();
}

#[test]
fn into_a_flow_and_what_is_refused() {
    let mut house = called();
    let refused = |house: &mut House, to, expected| {
        let before = house.picture();
        let answer = house.send_on(to);
        assert!(matches!(&answer, Answer::Refused { code, .. } if *code == expected), "{answer:?}");
        assert_eq!((house.picture(), house.shown("a0")), (before, Some(Display::Ringing)));
    };
    refused(&mut house, number("777"), Code::UnknownNumber);
    let herself = CallTarget::Agent { agent: house.agent_no("a0"), wait: Span::ZERO };
    refused(&mut house, herself, Code::AlreadyDone);
    let bo = house.bo();
    house.agent("a1", AgentVerb::SignOut);
    refused(&mut house, bo, Code::NotSignedIn);
    let flow = CallTarget::Flow { key: "identity".to_owned(), data: serde_json::Map::new() };
    house.sends_on(flow);
    house.wait(Span::seconds(1));
    let runs: Vec<_> = house.record().flows.iter().map(|run| run.ended.is_some()).collect();
    assert_eq!(runs, [true, false], "the other flow has him");
    house.ends();
}

#[test]
fn who_has_answered_sends_nobody_on() {
    let mut house = called();
    let (agent, offer) = (house.agent_no("a0"), house.offer_of("a0").expect("an offer"));
    house.answers(ANA);
    house.wait(Span::seconds(1));
    for (agent, expected) in
        [(agent, [Code::OfferOver, Code::OfferAccepted]), (house.agent_no("a1"), [Code::OfferOver; 2])]
    {
        let body = Body::SendOn { agent, offer, to: number("1900"), ring: None, reason: None };
        let reply = house.world.command(Command { id: None, actor: Actor::Integration(1), body });
        let answer = &house.world.answers[&reply].0;
        assert!(matches!(answer, Answer::Refused { code, .. } if expected.contains(code)), "{answer:?}");
    }
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    house.ends();
}

#[test]
fn the_caller_leaves_on_his_way() {
    let mut house = called();
    house.sends_on(number("1900"));
    let call = house.world.uas[CUSTOMER].live_call().expect("his");
    house.drops(CUSTOMER, call);
    house.wait(Span::seconds(1));
    assert_eq!(house.world.uas[CAI].live_calls(), 0);
    house.world.finish();
}
