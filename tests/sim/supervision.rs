//! Supervision in a world of one caller, two agents and a phone: bo supervises ana's group.

use cordboard::base::Span;
use cordboard::event::words::{
    Display, LegRole, OfferEnding, Station, SupervisionEnding, SupervisionMode as Mode, TransferMode,
};
use cordboard::site::Site;
use cordboard::switch::{AgentVerb, CallVerb, Code, ConsultVerb, Watch, Who};

use crate::places;
use crate::routing::MENU;
use crate::scenario::place::Shape;
use crate::scenario::ua::call::Plan;
use crate::verbs::{ANA, BO, CUSTOMER, House, called_at, called_with, number, talk_at, to};

/// Leads to the queue of `support` too.
const SALES: &str = "4008000002";

/// bo (`a1`) supervises `support`.
pub fn site() -> Site {
    places::site(&Shape { bo_supervises: "support", ..Shape::SMALL })
}

impl House {
    fn supervises(&self, mode: Mode, target: Option<Watch>) -> CallVerb {
        CallVerb::Supervise { agent: self.agent_no("a1"), target, mode, ring: None }
    }

    fn bo_watches_ana(&mut self, mode: Mode) {
        let ana = self.named("ana").map(Watch::Party);
        self.does(self.supervises(mode, ana));
        assert_eq!(self.shown("a1"), Some(Display::Monitoring), "granted before he is rung");
        self.answers(BO);
    }

    fn mode(&self, mode: Mode) -> CallVerb {
        CallVerb::SuperviseMode { who: Some(Who::Agent(self.agent_no("a1"))), mode, target: None }
    }

    fn ending(&self) -> Option<SupervisionEnding> {
        self.record().supervisions.last().and_then(|supervision| supervision.ending)
    }
}

#[test]
fn modes_and_the_end_with_the_call() {
    let mut house = talk_at(site());
    house.bo_watches_ana(Mode::Listen);
    house.hear(&[("customer", "ana"), ("ana", "customer"), ("bo", "customer+ana")]);
    house.refuses(house.supervises(Mode::Listen, None), Code::AlreadyDone);
    house.does(house.mode(Mode::Whisper));
    house.hear(&[("customer", "ana"), ("ana", "customer+bo"), ("bo", "customer+ana")]);
    house.does(house.mode(Mode::Barge));
    house.hear(&[("customer", "ana+bo"), ("ana", "customer+bo"), ("bo", "customer+ana")]);
    house.hangs_up(ANA);
    house.wait(Span::seconds(1));
    assert_eq!(house.world.uas[BO].live_calls(), 0, "with whom he watched");
    assert_eq!(house.ending(), Some(SupervisionEnding::TargetLeft));
    assert_ne!(house.shown("a1"), Some(Display::Monitoring));
    house.ends();
}

#[test]
fn only_his_groups_and_only_while_he_is_free() {
    let mut house = talk_at(site());
    let verb = CallVerb::Supervise { agent: house.agent_no("a0"), target: None, mode: Mode::Listen, ring: None };
    house.refuses(verb, Code::OutOfScope);
    house.refuses(house.supervises(Mode::Whisper, None), Code::NobodyToWhisperTo);
    let customer = house.named("customer").map(Watch::Party);
    house.refuses(house.supervises(Mode::Whisper, customer), Code::OutOfScope);
    house.refuses(CallVerb::TakeOver { who: house.ana() }, Code::NotSupervisor);
    house.agent("a1", AgentVerb::SignOut);
    house.refuses(house.supervises(Mode::Listen, None), Code::NotSignedIn);
    house.ends();
}

#[test]
fn whom_only_a_flow_has_anybody_hears_who_supervises_a_group() {
    let mut house = called_with(site(), MENU);
    let verb = CallVerb::Supervise { agent: house.agent_no("a0"), target: None, mode: Mode::Listen, ring: None };
    house.refuses(verb, Code::OutOfScope);
    house.does(house.supervises(Mode::Listen, None));
    house.answers(BO);
    house.hear(&[("customer", ""), ("bo", "customer")]);
    house.refuses(CallVerb::TakeOver { who: None }, Code::NobodyToReplace);
    house.ends();
}

#[test]
fn his_phone_refuses_and_the_talk_goes_on() {
    let mut house = talk_at(site());
    house.does(house.supervises(Mode::Barge, None));
    house.hear(&[("customer", "ana"), ("ana", "customer"), ("bo", "")]);
    house.rejects(BO);
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    assert!(house.record().supervisions.is_empty());
    assert_ne!(house.shown("a1"), Some(Display::Monitoring));
    house.ends();
}

#[test]
fn with_the_agent_into_a_consult() {
    let mut house = talk_at(site());
    house.bo_watches_ana(Mode::Listen);
    house.does(to(house.ana(), TransferMode::Consult, number("1900")));
    house.answers(3);
    house.hear(&[("customer", "music"), ("ana", "cai"), ("cai", "ana"), ("bo", "ana+cai")]);
    house.does(CallVerb::Consult { who: house.ana(), verb: ConsultVerb::Cancel });
    house.hear(&[("customer", "ana"), ("ana", "customer"), ("bo", "customer+ana")]);
    house.ends();
}

#[test]
fn an_intercept_leaves_the_customer_with_the_supervisor() {
    let mut house = talk_at(site());
    house.bo_watches_ana(Mode::Listen);
    house.does(CallVerb::TakeOver { who: None });
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    assert_eq!(house.world.uas[ANA].live_calls(), 0);
    assert_eq!(house.shown("a1"), Some(Display::Talking));
    let role = house.legs().iter().find(|leg| leg.agent == Some(house.agent_no("a1"))).map(|leg| leg.role);
    assert_eq!((role, house.ending()), (Some(LegRole::Agent), Some(SupervisionEnding::TookOver)));
    assert!(house.record().agents().contains(&house.agent_no("a1")));
    house.wait(Span::seconds(5));
    house.hangs_up(BO);
    assert_eq!(house.shown("a1"), Some(Display::WrapUp), "as after any talk of the group");
    house.ends();
}

#[test]
fn between_watching_and_talking_nobody_is_offered_to_him() {
    let mut house = talk_at(site());
    house.agent("a1", AgentVerb::Ready);
    house.bo_watches_ana(Mode::Listen);
    // ana's wrap-up, and another caller who would go to whoever is free
    let next = house.world.touch(CUSTOMER, |ua, t| ua.call(SALES, "+8613900000002", Plan::default(), t));
    house.wait(Span::seconds(1));
    house.does(CallVerb::TakeOver { who: None });
    house.wait(Span::seconds(1));
    assert_eq!(house.shown("a1"), Some(Display::Talking));
    assert_eq!(house.world.uas[BO].live_calls(), 1, "the next caller did not ring");
    house.drops(CUSTOMER, next);
    house.ends();
}

#[test]
fn whom_a_supervisor_takes_over_is_free_of_holds_and_mutes() {
    let mut house = talk_at(site());
    house.bo_watches_ana(Mode::Listen);
    house.does(CallVerb::Mute { who: house.named("customer"), from: true, to: true });
    house.does(CallVerb::Hold { who: house.named("customer") });
    house.does(CallVerb::TakeOver { who: None });
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    house.ends();
}

#[test]
fn a_supervisor_at_a_number_outside_is_refused() {
    let mut house = talk_at(site());
    for confirm in [true, false] {
        house.agent("a1", AgentVerb::SignOut);
        let station = Some(Station::Outside { number: "913800138000".to_owned(), confirm });
        house.agent("a1", AgentVerb::SignIn { station, groups: None });
        assert_eq!(house.shown("a1"), Some(Display::NotReady), "signed in");
        house.refuses(house.supervises(Mode::Listen, None), Code::TargetUnfit);
        assert_eq!(house.shown("a1"), Some(Display::NotReady), "and free");
    }
    house.agent("a1", AgentVerb::SignOut);
    house.refuses(house.supervises(Mode::Listen, None), Code::NotSignedIn);
    house.ends();
}

#[test]
fn he_takes_over_what_rings_and_nobody_is_charged() {
    let mut house = called_at(site());
    house.does(house.supervises(Mode::Listen, None));
    house.answers(BO);
    house.hear(&[("customer", "music"), ("ana", ""), ("bo", "customer+music")]);
    house.does(CallVerb::TakeOver { who: None });
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    assert_eq!(house.shown("a0"), Some(Display::Ready), "ana was rung for nothing");
    let offer = house.record().offers.last().and_then(|offer| offer.ending);
    assert!(matches!(offer, Some(OfferEnding::Rescinded | OfferEnding::LostRace)), "{offer:?}");
    house.ends();
}

#[test]
fn what_rings_at_ana_is_picked_up_by_bo() {
    let mut house = called_at(site());
    let contact = house.contact;
    house.agent("a1", AgentVerb::Pick { contact });
    house.wait(Span::millis(500));
    assert_eq!(house.world.uas[ANA].live_calls(), 0);
    assert_eq!(house.record().offers[0].ending, Some(OfferEnding::LostRace));
    assert_eq!(house.shown("a0"), Some(Display::Ready));
    house.answers(BO);
    house.wait(Span::seconds(1));
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    house.ends();
}
