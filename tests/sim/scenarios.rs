//! What the house does in single calls: each scenario is a table that a supervisor could read.

use cordboard::event::words::{Disposition::*, Display, OfferEnding as Offer, Side};

use crate::net::Weather;
use crate::places::Shape;
use crate::sim_stage::Sim;
use crate::stage::{Act::*, Expect::*, Scenario, at, play};

/// The number that leads to the menu, straight to the queue, and to cai's phone.
const MENU: &str = "4008000001";
const QUEUE: &str = "4008000002";

const CALLS: &[Scenario] = &[
    Scenario {
        name: "a caller presses a key, waits, talks to the agent, and the agent hangs up",
        rows: &[
            at(0, Calls("joe", MENU), &[Talks("joe"), Contacts(1)]),
            at(6_000, Presses("joe", '1'), &[Rings("ana"), Shows("ana", Display::Ringing)]),
            at(12_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(40_000, HangsUp("ana"), &[Shows("ana", Display::WrapUp)]),
            at(41_000, Nothing, &[GetsBye("joe"), Record("joe", Answered, Side::Flow, &[Offer::Connected])]),
            at(60_000, Nothing, &[Shows("ana", Display::Ready), Contacts(0), Digits("joe", "1")]),
        ],
    },
];

#[test]
fn calls() {
    for scenario in CALLS {
        play(scenario, Sim::new(1, &Shape::SMALL, Weather::FINE));
    }
}
