//! An agent picks up what rings at a colleague by that one's own number: who answers first has the caller.

use cordboard::base::{ContactId, Span};
use cordboard::event::words::{Actor, EndCause, TransferEnding, TransferMode};
use cordboard::site::Site;
use cordboard::switch::{AgentVerb, Answer, Body, Code, Command};

use crate::places;
use crate::scenario::place::Shape;
use crate::scenario::ua::call::CallNo;
use crate::verbs::{ANA, BO, CAI, CUSTOMER, House, number, talk, talk_at, to};

impl House {
    fn picks(&mut self, id: &str, contact: ContactId) -> Option<Code> {
        let body = Body::Agent { agent: self.agent_no(id), verb: AgentVerb::Pick { contact }, force: None };
        let reply = self.world.command(Command { id: None, actor: Actor::Integration(1), body });
        let answer = self.world.answers[&reply].0.clone();
        self.wait(Span::millis(500));
        match answer {
            Answer::Accepted { .. } => None,
            Answer::Refused { code, .. } => Some(code),
        }
    }

    fn newest(&self) -> ContactId {
        self.world.tenant.as_ref().and_then(|t| t.contacts().ids().last()).expect("a contact")
    }

    /// The customer is gone, ana is in her wrap-up, and cai calls bo by his number.
    fn cai_calls_bo(site: Site) -> (Self, CallNo) {
        let mut house = talk_at(site);
        house.hangs_up(CUSTOMER);
        house.wait(Span::seconds(1));
        let call = house.dials(CAI, "1002");
        house.contact = house.newest();
        house.hear(&[("cai", ""), ("bo", "")]);
        (house, call)
    }

    fn rung(&self) -> [usize; 2] {
        [ANA, BO].map(|ua| self.world.uas[ua].live_calls())
    }
}

fn over(mut house: House) {
    for ua in [ANA, BO, CAI] {
        if house.world.uas[ua].live_calls() > 0 {
            house.hangs_up(ua);
        }
    }
    house.wait(Span::seconds(1));
    house.world.finish();
}

#[test]
fn a_colleague_picks_up_what_rings_by_number() {
    let (mut house, _) = House::cai_calls_bo(places::site(&Shape::SMALL));
    let contact = house.contact;
    assert_eq!(house.picks("a0", contact), None);
    assert_eq!(house.rung(), [1, 1], "bo's phone rings on: if ana's fails, nobody is lost");
    assert_eq!(house.picks("a0", contact), Some(Code::AlreadyDone));
    house.answers(ANA);
    house.hear(&[("ana", "cai"), ("cai", "ana")]);
    assert_eq!(house.rung(), [1, 0]);
    let causes: Vec<_> = house.record().legs.iter().map(|leg| leg.cause).collect();
    assert_eq!(causes, [None, Some(EndCause::LostRace), None]);
    over(house);
}

#[test]
fn who_was_called_may_still_be_first() {
    let (mut house, _) = House::cai_calls_bo(places::site(&Shape::SMALL));
    let contact = house.contact;
    assert_eq!(house.picks("a0", contact), None);
    house.answers(BO);
    house.hear(&[("bo", "cai"), ("cai", "bo")]);
    assert_eq!(house.rung(), [0, 1]);
    assert_eq!(house.picks("a0", contact), Some(Code::NotQueued), "nothing rings any more");
    over(house);
}

#[test]
fn one_refusal_leaves_the_other_ringing() {
    for (first, last) in [(ANA, BO), (BO, ANA)] {
        let (mut house, _) = House::cai_calls_bo(places::site(&Shape::SMALL));
        let contact = house.contact;
        assert_eq!(house.picks("a0", contact), None);
        house.rejects(first);
        assert_eq!(house.world.uas[CAI].live_calls(), 1, "{first} has refused");
        house.rejects(last);
        assert_eq!(house.world.uas[CAI].live_calls(), 0);
        over(house);
    }
}

#[test]
fn the_caller_who_gives_up_ends_both() {
    let (mut house, call) = House::cai_calls_bo(places::site(&Shape::SMALL));
    let contact = house.contact;
    assert_eq!(house.picks("a0", contact), None);
    house.drops(CAI, call);
    assert_eq!(house.rung(), [0, 0]);
    over(house);
}

/// Whom a blind transfer was to reach is rung; another has the customer, and the transfer is complete.
#[test]
fn what_was_transferred_is_picked_up() {
    let mut house = talk();
    let ana = house.ana();
    let contact = house.contact;
    house.does(to(ana, TransferMode::Blind, number("1002")));
    house.wait(Span::seconds(1));
    assert_eq!(house.picks("a0", contact), None, "she thinks better of it");
    house.answers(ANA);
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    assert_eq!((house.rung(), house.transfer().1), ([1, 0], Some(TransferEnding::Completed)));
    house.ends();
}

#[test]
fn only_colleagues_who_are_there_and_free_pick_up() {
    let mut site = places::site(&Shape::SMALL);
    let bo = site.agents.values_mut().find(|agent| agent.id == "a1").expect("there");
    bo.groups.retain(|_, _| false);
    let (mut house, _) = House::cai_calls_bo(site);
    let contact = house.contact;
    assert_eq!(house.picks("a0", contact), Some(Code::NotMember));
    over(house);

    let mut house = talk();
    house.dials(CAI, "1002");
    let (customers, contact) = (house.contact, house.newest());
    assert_eq!(house.picks("a0", contact), Some(Code::AgentBusy), "she talks");
    assert_eq!(house.picks("a1", contact), Some(Code::AlreadyDone), "it rings at him");
    assert_eq!(house.picks("a1", customers), Some(Code::NotQueued));
    house.hangs_up(CAI);
    house.ends();
}
