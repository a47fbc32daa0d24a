//! Holds that were forgotten: nobody is hung up on, and nobody hears music for ever.

use cordboard::base::Span;
use cordboard::event::words::{Display, EndCause};
use cordboard::switch::{CallVerb, Code};

use crate::scenario::ua::call::Deed;
use crate::verbs::{ANA, CAI, House, talk};

const TALK: [(&str, &str); 2] = [("customer", "ana"), ("ana", "customer")];
const HELD: [(&str, &str); 2] = [("customer", "music"), ("ana", "")];

fn holds(house: &mut House) {
    let who = house.named("customer");
    house.does(CallVerb::Hold { who });
    house.hear(&HELD);
}

#[test]
fn row_40_a_forgotten_hold_is_over_by_itself() {
    let mut house = talk();
    holds(&mut house);
    house.wait(Span::minutes(14));
    house.hear(&HELD);
    house.wait(Span::minutes(1));
    house.hear(&TALK);
    assert_eq!(house.shown("a0"), Some(Display::Talking));
    house.ends();
}

#[test]
fn who_talks_to_somebody_else_by_then_is_given_nobody_back() {
    let mut house = talk();
    holds(&mut house);
    let other = house.dials(ANA, "1900");
    house.answers(CAI);
    house.wait(Span::minutes(15));
    house.hear(&HELD);
    let who = house.named("customer");
    house.refuses(CallVerb::Retrieve { who }, Code::AgentBusy);
    house.drops(ANA, other);
    house.wait(Span::minutes(15));
    house.hear(&TALK);
    house.ends();
}

/// Her phone cannot be made to take the call back: she counts as gone, and the flow has the customer.
#[test]
fn a_phone_that_holds_for_too_long_has_left() {
    let mut house = talk();
    let call = house.world.uas[ANA].live_call().expect("she talks");
    house.world.touch(ANA, |ua, t| ua.carry_out(call, Deed::Hold, t));
    house.wait(Span::seconds(1));
    assert_eq!(house.picture()[1], ("customer", "music".to_owned()));
    house.wait(Span::minutes(15));
    assert_eq!(house.world.uas[ANA].live_calls(), 0);
    house.hear(&[("customer", "music")]);
    let record = house.record();
    assert!(record.legs.iter().any(|leg| leg.cause == Some(EndCause::TooLong)));
    assert_eq!(record.visits.len(), 2, "in the queue again, as after an agent");
    house.ends();
}
