//! A customer lent to a flow: his agent is put aside, hears nothing of it, and has him again when the flow returns him.
//! Every order in which the one or the other leaves meanwhile.

use std::sync::Arc;

use cordboard::base::Span;
use cordboard::event::words::{Actor, Display, TransferEnding, TransferMode};
use cordboard::ivr::{self, Known};
use cordboard::switch::{Body, CallTarget, CallVerb, Caller, Code, Command, ConferenceChange, ConsultVerb};
use serde_json::{Value, json};

use crate::places;
use crate::scenario::place::Shape;
use crate::scenario::ua::call::Deed;
use crate::verbs::{ANA, CAI, CUSTOMER, FLOW, House, called_with_all, number, talk, to};

const ASIDE: [(&str, &str); 2] = [("customer", "sound"), ("ana", "music")];
const TALK: [(&str, &str); 2] = [("customer", "ana"), ("ana", "customer")];

pub fn flow(key: &str) -> CallTarget {
    CallTarget::Flow { key: key.to_owned(), data: Default::default() }
}

impl House {
    fn lends(&self, data: Value) -> CallVerb {
        let Value::Object(data) = data else { panic!("{data} is no object") };
        to(self.ana(), TransferMode::ComeBack, CallTarget::Flow { key: "identity".to_owned(), data })
    }

    pub fn presses(&mut self, keys: &str) {
        let call = self.world.uas[CUSTOMER].live_call().expect("he is there");
        for key in keys.chars() {
            self.world.touch(CUSTOMER, |ua, t| ua.carry_out(call, Deed::Press(key), t));
            self.wait(Span::millis(300));
        }
        self.wait(Span::millis(500));
    }

    fn data(&self, key: &str) -> Option<String> {
        let tenant = self.world.tenant.as_ref().expect("it runs");
        tenant.contacts().data(self.contact)?.get(key)?.as_str().map(str::to_owned)
    }

    /// Flows in the order in which they began: the key, and whether it has ended.
    fn flows(&self) -> Vec<(&str, bool)> {
        self.record().flows.iter().map(|flow| (flow.key.as_str(), flow.ended.is_some())).collect()
    }
}

#[test]
fn he_comes_back_with_what_the_flow_found_and_the_flow_behind_her_goes_on() {
    let mut house = talk();
    house.does(house.lends(json!({"pin": "4711"})));
    house.hear(&ASIDE);
    assert_eq!(house.shown("a0"), Some(Display::Held));
    house.presses("4711#");
    house.hear(&TALK);
    assert_eq!(house.shown("a0"), Some(Display::Talking));
    assert_eq!(house.transfer(), (TransferMode::ComeBack, Some(TransferEnding::CameBack)));
    assert_eq!(house.data("verified").as_deref(), Some("yes"));
    let digits: String = house.record().digits.iter().map(|digit| digit.digit).collect();
    assert_eq!(digits, "xxxxx", "which keys he pressed is told to nobody");
    assert_eq!(house.flows(), [("direct", false), ("identity", true)]);
    // a second time, with the wrong keys; then the flow behind her goes on as if nothing had been
    house.does(house.lends(json!({})));
    house.presses("99#");
    house.hear(&TALK);
    assert_eq!(house.data("verified").as_deref(), Some("no"));
    house.hangs_up(ANA);
    house.wait(Span::seconds(1));
    house.hear(&[("customer", "music")]);
    assert_eq!(house.record().visits.len(), 2, "`after` has put him into the queue again");
    assert_eq!(house.flows()[0], ("direct", false));
    house.presses("1");
    let last = house.record().digits.last().expect("a digit").digit;
    assert_eq!(last, '1', "keys are told again");
    house.ends();
}

#[test]
fn he_presses_nothing_and_comes_back() {
    let mut house = talk();
    house.does(house.lends(json!({})));
    house.wait(Span::seconds(14));
    house.hear(&TALK);
    assert_eq!(house.data("verified"), None);
    house.ends();
}

#[test]
fn she_takes_him_back_before_the_flow_is_over() {
    let mut house = talk();
    house.does(house.lends(json!({})));
    house.refuses(CallVerb::Consult { who: house.ana(), verb: ConsultVerb::Swap }, Code::TransferNotThere);
    house.refuses(CallVerb::Consult { who: house.ana(), verb: ConsultVerb::Join }, Code::TransferNotThere);
    house.does(CallVerb::Consult { who: house.ana(), verb: ConsultVerb::Cancel });
    house.hear(&TALK);
    assert_eq!(house.transfer(), (TransferMode::ComeBack, Some(TransferEnding::Cancelled)));
    assert_eq!(house.flows(), [("direct", false), ("identity", true)]);
    house.presses("4711#");
    assert_eq!(house.data("verified"), None, "no flow hears it");
    house.ends();
}

#[test]
fn she_hangs_up_and_the_flow_behind_her_has_him_at_the_end() {
    let mut house = talk();
    house.does(house.lends(json!({"pin": "1"})));
    house.hangs_up(ANA);
    assert_eq!(house.transfer(), (TransferMode::ComeBack, Some(TransferEnding::Completed)));
    house.hear(&[("customer", "sound")]);
    house.presses("1#");
    house.wait(Span::seconds(1));
    house.hear(&[("customer", "music")]);
    assert_eq!(house.data("verified").as_deref(), Some("yes"));
    assert_eq!(house.record().visits.len(), 2, "the flow went on as after an agent");
    house.ends();
}

#[test]
fn he_comes_back_while_she_talks_to_somebody_else() {
    let mut house = talk();
    house.does(house.lends(json!({"pin": "1"})));
    let other = house.dials(ANA, "1900");
    house.answers(CAI);
    let contact = house.contact;
    house.presses("1#");
    house.hear(&[("customer", "music"), ("ana", "")]);
    assert_eq!(house.transfer(), (TransferMode::ComeBack, Some(TransferEnding::CameBack)));
    let customer = house.named("customer");
    house.refuses(CallVerb::Retrieve { who: customer }, Code::AgentBusy);
    house.drops(ANA, other);
    house.contact = contact;
    house.does(CallVerb::Retrieve { who: customer });
    house.hear(&TALK);
    assert_eq!(house.shown("a0"), Some(Display::Talking));
    house.ends();
}

#[test]
fn she_lets_him_go_and_it_is_a_blind_transfer() {
    let mut house = talk();
    house.does(house.lends(json!({})));
    house.does(CallVerb::Consult { who: house.ana(), verb: ConsultVerb::Complete });
    assert_eq!(house.world.uas[ANA].live_calls(), 0);
    assert_eq!(house.transfer(), (TransferMode::ComeBack, Some(TransferEnding::Completed)));
    house.hear(&[("customer", "sound")]);
    house.ends();
}

#[test]
fn the_customer_hangs_up_in_the_flow() {
    let mut house = talk();
    house.does(house.lends(json!({})));
    house.hangs_up(CUSTOMER);
    house.wait(Span::seconds(1));
    assert_eq!(house.world.uas[ANA].live_calls(), 0, "nobody comes back to her");
    assert_eq!(house.transfer(), (TransferMode::ComeBack, Some(TransferEnding::CustomerLeft)));
    assert_eq!(house.flows(), [("direct", true), ("identity", true)]);
    house.world.finish();
}

#[test]
fn a_command_ends_the_call_of_whom_a_flow_has_and_she_has_left() {
    let mut house = talk();
    house.does(house.lends(json!({})));
    house.hangs_up(ANA);
    let body = Body::Hangup { contact: house.contact, who: None, supervisor: None };
    house.world.command(Command { id: None, actor: Actor::Integration(1), body });
    house.wait(Span::seconds(1));
    assert_eq!(house.flows(), [("direct", true), ("identity", true)]);
    house.world.finish();
}

#[test]
fn the_time_of_a_conference_ends_meanwhile_and_he_is_released_or_goes_on() {
    let lasts = || {
        let (length, warn) = (Some(Span::seconds(5)), Some(Span::seconds(1)));
        CallVerb::Conference { change: ConferenceChange { length, warn, ..ConferenceChange::default() } }
    };
    let mut house = talk();
    house.does(lasts());
    house.does(house.lends(json!({})));
    house.wait(Span::seconds(6));
    house.hear(&[("customer", "music")]);
    house.hangs_up(CUSTOMER);
    house.wait(Span::seconds(15));
    // Whom she has called herself has no flow behind her.
    let order = crate::dialling::order(Caller::Agent(house.agent_no("a0")), number("913800000000"));
    house.contact = house.ordered("out", Body::TwoWay(order));
    house.answers(ANA);
    house.answers(CUSTOMER);
    house.does(lasts());
    house.does(house.lends(json!({})));
    assert_eq!(house.world.uas[CUSTOMER].live_calls(), 1);
    house.wait(Span::seconds(6));
    assert_eq!(house.world.uas[CUSTOMER].live_calls(), 0);
    assert!(house.record().closed.is_some());
    house.world.finish();
}

#[test]
fn a_return_with_nobody_to_return_to_is_the_end() {
    const ON: &str = "nodes:\n  hello: {answer: , next: dial}\n  dial: {dial: \"1900\", after: bye, failed: back}\n  \
                      back: {play: goodbye, next: return}\n  bye: {play: goodbye, next: hangup}\n";
    let mut house = crate::verbs::called_with(places::site(&Shape::SMALL), ON);
    house.wait(Span::seconds(1));
    // `direct` rings cai for this caller; he refuses, and the flow has nobody to give the caller back to
    assert!(ivr::load("on.yaml", ON, &Known::default()).is_ok_and(|flow| Arc::new(flow).returns()));
    house.rejects(crate::verbs::CAI);
    house.wait(Span::seconds(4));
    assert_eq!(house.flows(), [("direct", true)], "`return` with nobody there is the end");
    house.world.finish();
}

/// A flow that tries a phone before it gives him back.
fn lent_to_a_dial(of: &str) -> House {
    let dials = format!(
        "nodes:\n  hello: {{answer: , next: dial}}\n  dial: {{dial: \"{of}\", ring: 20s, after: bye, busy: sorry, no_answer: \
         sorry, failed: sorry}}\n  sorry: {{play: try-later, next: return}}\n  bye: {{play: goodbye, next: hangup}}\n"
    );
    let flows = [("direct", FLOW), ("identity", dials.as_str())];
    let mut house = called_with_all(places::site(&Shape::SMALL), &flows).answered();
    house.does(house.lends(json!({"pin": "1"})));
    assert_eq!(house.transfer(), (TransferMode::ComeBack, Some(TransferEnding::Completed)), "a blind transfer");
    assert_eq!(house.flows(), [("direct", true), ("identity", false)], "nothing stands behind her any longer");
    house
}

#[test]
fn a_flow_that_dials_for_him_has_released_her_and_he_talks_to_whoever_answers() {
    let mut house = lent_to_a_dial("1900");
    assert_eq!((house.world.uas[ANA].live_calls(), house.shown("a0")), (0, Some(Display::WrapUp)));
    house.hear(&[("customer", "sound"), ("cai", "")]);
    house.presses("7");
    assert_eq!(house.record().digits.last().map(|digit| digit.digit), Some('7'), "keys are told again");
    house.answers(CAI);
    house.hear(&[("customer", "cai"), ("cai", "customer")]);
    house.hangs_up(CAI);
    house.wait(Span::seconds(3));
    assert_eq!(house.world.uas[CUSTOMER].live_calls(), 0, "the flow went on and ended");
    assert_eq!(house.flows(), [("direct", true), ("identity", true)]);
    house.world.finish();
}

#[test]
fn a_flow_that_dials_in_vain_has_nobody_to_give_him_back_to() {
    type Deed = fn(&mut House);
    let rows: [(&str, &str, Deed); 4] = [
        ("he refuses", "1900", |house| house.rejects(CAI)),
        ("nobody answers", "1900", |house| house.wait(Span::millis(19_500))),
        ("nobody is there", "1901", |_| ()),
        ("it leads nowhere", "7777", |_| ()),
    ];
    for (what, to, deed) in rows {
        let mut house = lent_to_a_dial(to);
        deed(&mut house);
        house.hear(&[("customer", "sound")]);
        house.wait(Span::seconds(4));
        assert_eq!(house.world.uas[CUSTOMER].live_calls(), 0, "{what}: the end of the flow is the end");
        assert_eq!(house.world.uas[ANA].live_calls(), 0, "{what}");
        assert_eq!(house.flows(), [("direct", true), ("identity", true)], "{what}");
        assert!(house.record().closed.is_some(), "{what}");
        house.world.finish();
    }
}

#[test]
fn a_flow_that_dials_the_phone_of_her_who_lent_him_rings_it_anew() {
    let mut house = lent_to_a_dial("1001");
    assert_eq!(house.world.uas[ANA].live_calls(), 1);
    house.hear(&[("customer", "sound"), ("ana", "")]);
    house.answers(ANA);
    house.hear(&TALK);
    house.ends();
}

#[test]
fn he_hangs_up_or_the_process_dies_while_the_lent_flow_dials() {
    for dies in [false, true] {
        let mut house = lent_to_a_dial("1900");
        if dies {
            house.world.crash(Span::seconds(1));
            house.wait(Span::seconds(1));
            // Nobody can take back what rings: who picks up gets BYE.
            house.answers(CAI);
        } else {
            house.hangs_up(CUSTOMER);
        }
        house.wait(Span::seconds(2));
        assert_eq!([CUSTOMER, ANA, CAI].map(|ua| house.world.uas[ua].live_calls()), [0; 3]);
        assert!(house.record().closed.is_some());
        house.world.finish();
    }
}

#[test]
fn what_cannot_give_him_back_is_refused() {
    let mut house = talk();
    house.refuses(to(house.ana(), TransferMode::ComeBack, flow("direct")), Code::TargetUnfit);
    house.refuses(to(house.ana(), TransferMode::ComeBack, flow("none")), Code::UnknownFlow);
    let data = json!({"a": "x".repeat(17_000)});
    house.refuses(house.lends(data), Code::DataTooLarge);
    let customer = house.named("customer");
    house.refuses(to(customer, TransferMode::ComeBack, flow("identity")), Code::NotTransferor);
    house.ends();
}

#[test]
fn the_process_dies_meanwhile() {
    let mut house = talk();
    house.does(house.lends(json!({})));
    house.world.crash(Span::seconds(1));
    house.wait(Span::seconds(2));
    assert!(house.record().closed.is_some());
    assert_eq!(house.world.uas[ANA].live_calls(), 0);
    assert_eq!(house.world.uas[CUSTOMER].live_calls(), 0);
    house.world.finish();
}
