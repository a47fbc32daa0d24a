//! A caller whom only a flow or a queue has, sent elsewhere by a person; and what becomes of him when nobody takes him there.

use cordboard::base::Span;
use cordboard::event::Kind;
use cordboard::event::words::{Display, EndCause, ItemExit};
use cordboard::switch::{AgentVerb, Answer, Body, CallTarget, CallVerb, Code, Query, Snapshot};

use crate::lending::flow;
use crate::places;
use crate::scenario::place::Shape;
use crate::supervision;
use crate::verbs::{ANA, BO, CAI, CUSTOMER, House, called_at, called_with, number, talk};

/// Asks for a key, which nobody presses.
pub const MENU: &str = "nodes:\n  hello: {answer: , next: ask}\n  ask:\n    menu: main-menu\n    keys: {1: bye}\n    \
                    timeout: 60s\n    no_input: bye\n    invalid: bye\n  bye: {play: goodbye, next: hangup}\n";

fn in_menu() -> House {
    called_with(places::site(&Shape::SMALL), MENU)
}

impl House {
    fn route(&self, to: CallTarget) -> CallVerb {
        CallVerb::Route { supervisor: None, to, ring: None }
    }

    fn routes(&self) -> Vec<Option<EndCause>> {
        let ended = |kind: &Kind| if let Kind::RouteEnded { cause } = kind { Some(*cause) } else { None };
        self.world.told.iter().flatten().map(|event| &event.kind).filter_map(ended).collect()
    }

    fn node(&self) -> Option<(String, String)> {
        let last = self.record().trace.last()?;
        Some((last.node.clone(), last.exit.clone()))
    }
}

#[test]
fn out_of_a_menu_to_a_phone() {
    let mut house = in_menu();
    let Some(Answer::Accepted { snapshot: Snapshot::Contacts(live) }) = house.world.ask(Body::Query(Query::Contacts))
    else {
        panic!("contacts are told")
    };
    assert_eq!(live[0].node.as_deref(), Some("ask"), "where he is, not what he has left");
    house.does(house.route(number("1900")));
    house.hear(&[("customer", "sound"), ("cai", "")]);
    assert_eq!(house.node(), Some(("ask".to_owned(), "taken".to_owned())));
    house.answers(CAI);
    house.wait(Span::millis(500));
    house.hear(&[("customer", "cai"), ("cai", "customer")]);
    assert_eq!(house.routes(), [None]);
    assert!(house.record().flows[0].ended.is_some(), "the flow is over");
    house.refuses(house.route(number("1901")), Code::NotWithFlow);
    house.hangs_up(CAI);
    house.wait(Span::seconds(1));
    assert_eq!(house.world.uas[CUSTOMER].live_calls(), 0, "and does not go on after it");
    house.world.finish();
}

#[test]
fn out_of_a_dial_before_anybody_has_answered_him() {
    const DIAL: &str = "nodes:\n  hello: {dial: \"1900\", ring: 60s, failed: hangup}\n";
    let mut house = called_with(places::site(&Shape::SMALL), DIAL);
    assert_eq!(house.world.uas[CAI].live_calls(), 1);
    house.does(house.route(number("1002")));
    assert_eq!(house.world.uas[CAI].live_calls(), 0, "he is rung no longer");
    house.answers(BO);
    house.wait(Span::seconds(1));
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    house.ends();
}

#[test]
fn nobody_takes_him_and_he_is_asked_again() {
    let mut house = in_menu();
    house.does(house.route(number("1900")));
    house.rejects(CAI);
    house.wait(Span::seconds(1));
    assert_eq!(house.routes(), [Some(EndCause::Busy)]);
    house.hear(&[("customer", "sound")]);
    assert_eq!(house.node(), Some(("ask".to_owned(), "after".to_owned())));
    house.does(house.route(house.bo()));
    house.rejects(BO);
    house.wait(Span::seconds(1));
    assert_eq!(house.routes().len(), 2);
    house.hear(&[("customer", "sound")]);
    house.ends();
}

#[test]
fn to_a_group_to_an_agent_and_to_another_flow() {
    let mut house = in_menu();
    let support = house.world.site.groups.values().find(|g| g.id == "support").expect("a group").no;
    house.does(house.route(CallTarget::Groups(vec![support])));
    house.answers(ANA);
    house.wait(Span::seconds(1));
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    assert_eq!((house.routes(), house.shown("a0")), (vec![None], Some(Display::Talking)));
    house.ends();

    let mut house = in_menu();
    house.does(house.route(flow("identity")));
    assert_eq!(house.routes(), [None]);
    let flows: Vec<_> = house.record().flows.iter().map(|f| (f.key.as_str(), f.ended.is_some())).collect();
    assert_eq!(flows, [("direct", true), ("identity", false)]);
    house.refuses(house.route(flow("none")), Code::UnknownFlow);
    house.ends();
}

#[test]
fn out_of_a_queue_while_an_agent_rings() {
    let mut house = called_at(places::site(&Shape::SMALL));
    house.does(house.route(house.bo()));
    house.wait(Span::seconds(1));
    assert_eq!(house.world.uas[ANA].live_calls(), 0, "she is rung no longer");
    assert_eq!(house.record().visits[0].exit, Some(ItemExit::Routed));
    house.answers(BO);
    house.wait(Span::seconds(1));
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    house.hangs_up(BO);
    house.wait(Span::seconds(1));
    assert_eq!(house.world.uas[CUSTOMER].live_calls(), 0);
    house.world.finish();
}

#[test]
fn out_of_a_queue_and_back_into_it() {
    let mut house = called_at(places::site(&Shape::SMALL));
    let due = house.record().visits[0].due;
    house.does(house.route(house.bo()));
    house.rejects(BO);
    house.wait(Span::seconds(1));
    let visits = &house.record().visits;
    assert_eq!((visits.len(), visits[2].due), (3, due), "as old as he was");
    house.answers(ANA);
    house.wait(Span::seconds(1));
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    house.ends();
}

#[test]
fn a_caller_who_waits_without_a_flow_is_his_groups_again() {
    let mut house = talk();
    let support = house.world.site.groups.values().find(|g| g.id == "support").expect("a group").no;
    // his flow is over, and he waits
    house.does(crate::verbs::to(
        house.ana(),
        cordboard::event::words::TransferMode::Blind,
        CallTarget::Groups(vec![support]),
    ));
    house.does(house.route(number("1900")));
    house.rejects(CAI);
    house.wait(Span::seconds(12));
    house.answers(ANA);
    house.wait(Span::seconds(1));
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    house.ends();
}

#[test]
fn he_hangs_up_on_his_way_or_is_sent_on_twice() {
    let mut house = in_menu();
    house.does(house.route(number("1900")));
    house.does(house.route(house.bo()));
    house.wait(Span::millis(500));
    assert_eq!(house.world.uas[CAI].live_calls(), 0);
    assert_eq!(house.routes(), [Some(EndCause::Rescinded)]);
    house.hangs_up(CUSTOMER);
    house.wait(Span::seconds(1));
    assert_eq!(house.routes(), [Some(EndCause::Rescinded), Some(EndCause::PeerLeft)]);
    assert_eq!(house.world.uas[BO].live_calls(), 0);
    house.world.finish();
}

#[test]
fn only_whom_a_flow_has_and_only_in_scope() {
    let house = talk();
    let mut house = house;
    house.refuses(house.route(number("1900")), Code::NotWithFlow);
    house.ends();

    let mut house = called_at(supervision::site());
    let by = |id: &str, house: &House| CallVerb::Route {
        supervisor: Some(house.agent_no(id)),
        to: number("1900"),
        ring: None,
    };
    house.refuses(by("a0", &house), Code::OutOfScope);
    house.agent("a1", AgentVerb::SignOut);
    house.does(by("a1", &house));
    house.answers(CAI);
    house.wait(Span::seconds(1));
    house.hear(&[("customer", "cai"), ("cai", "customer")]);
    house.ends();
}

#[test]
fn the_process_dies_on_his_way() {
    let mut house = in_menu();
    house.does(house.route(number("1900")));
    house.world.crash(Span::seconds(1));
    house.wait(Span::seconds(2));
    assert!(house.record().closed.is_some());
    // what rings does so until somebody answers: then there is nobody, and he is released
    house.answers(CAI);
    house.wait(Span::seconds(1));
    assert_eq!(house.world.uas[CAI].live_calls(), 0);
    house.world.finish();
}
