//! What the house does in single calls: each scenario is a table that a supervisor could read.
//! Times are milliseconds from the moment when ana and bo are signed in and ready.

use cordboard::event::words::{
    Display,
    Disposition::{AbandonedInFlow, AbandonedInQueue, AbandonedRinging, Answered, NotAnswered, Refused},
    OfferEnding as Offer, Side,
};

use crate::net::Weather;
use crate::places::Shape;
use crate::sim_stage::Sim;
use crate::stage::{Act::*, Expect::*, Row, Scenario, at, play};

/// The number that leads to the menu, straight to the queue, and to cai's phone.
const MENU: &str = "4008000001";
const QUEUE: &str = "4008000002";
const CAI: &str = "4008000003";

const TALKS: &[Scenario] = &[
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
    Scenario {
        name: "the caller hangs up in the talk",
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(30_000, HangsUp("joe"), &[GetsBye("ana"), Shows("ana", Display::WrapUp)]),
            at(31_000, Nothing, &[Record("joe", Answered, Side::Customer, &[Offer::Connected])]),
            at(45_000, Nothing, &[Shows("ana", Display::Ready)]),
        ],
    },
    Scenario {
        name: "the caller hangs up while a prompt plays",
        rows: &[
            at(0, Calls("joe", MENU), &[Talks("joe")]),
            at(1_500, HangsUp("joe"), &[Contacts(0), Record("joe", AbandonedInFlow, Side::Customer, &[])]),
        ],
    },
    Scenario {
        name: "the caller gives up in the queue, when nobody is ready",
        rows: &[
            at(0, GetsNotReady("ana"), &[Shows("ana", Display::NotReady)]),
            at(10, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(1_000, Calls("joe", QUEUE), &[Talks("joe")]),
            at(15_000, HangsUp("joe"), &[Record("joe", AbandonedInQueue, Side::Customer, &[])]),
            at(16_000, GetsReady("ana"), &[Shows("ana", Display::Ready), IsIdle("ana")]),
        ],
    },
    Scenario {
        name: "the caller gives up while the agent's phone rings",
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(5_000, HangsUp("joe"), &[GetsCancel("ana"), IsIdle("ana"), Shows("ana", Display::Ready)]),
            at(6_000, Nothing, &[Record("joe", AbandonedInQueue, Side::Customer, &[Offer::CallerLeft])]),
        ],
    },
    Scenario {
        name: "who waits longest gets the agent who becomes ready",
        rows: &[
            at(0, GetsNotReady("ana"), &[Shows("ana", Display::NotReady)]),
            at(10, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(1_000, Calls("joe", QUEUE), &[Talks("joe")]),
            at(2_000, Calls("sue", QUEUE), &[Talks("sue")]),
            at(9_000, GetsReady("bo"), &[Rings("bo")]),
            at(10_000, Answers("bo"), &[Talks("bo"), Shows("bo", Display::Talking)]),
            at(20_000, HangsUp("bo"), &[Record("joe", Answered, Side::Flow, &[Offer::Connected])]),
            at(29_000, Nothing, &[Rings("bo")]),
            at(31_000, HangsUp("sue"), &[Record("sue", AbandonedInQueue, Side::Customer, &[Offer::CallerLeft])]),
        ],
    },
    Scenario {
        name: "a caller is put through to a phone, and to nobody when it is busy or silent",
        rows: &[
            at(0, Calls("joe", CAI), &[Rings("cai")]),
            at(2_000, Answers("cai"), &[Talks("cai")]),
            at(20_000, HangsUp("cai"), &[GetsBye("joe"), Record("joe", Answered, Side::Flow, &[])]),
            at(30_000, Calls("sue", CAI), &[Rings("cai")]),
            at(31_000, Rejects("cai", 486), &[GetsBye("sue"), Record("sue", NotAnswered, Side::Flow, &[])]),
            at(40_000, Calls("tom", CAI), &[Rings("cai")]),
            at(62_000, Nothing, &[GetsCancel("cai"), GetsBye("tom"), Record("tom", NotAnswered, Side::Flow, &[])]),
        ],
    },
];

const OFFERS: &[Scenario] = &[
    Scenario {
        name: "the agent rejects, and the next one is asked",
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Rejects("ana", 603), &[Rings("bo"), Shows("ana", Display::Ready)]),
            at(6_000, Answers("bo"), &[Talks("bo")]),
            at(20_000, HangsUp("joe"), &[GetsBye("bo")]),
            at(21_000, Nothing, &[Record("joe", Answered, Side::Customer, &[Offer::Rejected, Offer::Connected])]),
        ],
    },
    Scenario {
        name: "no answer goes to the next agent, and the first is not ready",
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(19_000, Nothing, &[GetsCancel("ana"), Rings("bo"), Shows("ana", Display::NotReady)]),
            at(24_000, Answers("bo"), &[Talks("bo")]),
            at(40_000, HangsUp("bo"), &[Shows("bo", Display::WrapUp)]),
            at(45_000, Nothing, &[Record("joe", Answered, Side::Flow, &[Offer::RangOut, Offer::Connected])]),
            at(330_000, Nothing, &[Shows("ana", Display::Ready)]),
        ],
    },
    Scenario {
        name: "a phone that answers with an error rests, and the caller goes on waiting",
        rows: &[
            at(0, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(1_000, Calls("joe", QUEUE), &[Rings("ana")]),
            at(2_000, Rejects("ana", 500), &[IsIdle("ana")]),
            at(12_000, HangsUp("joe"), &[Contacts(0)]),
        ],
    },
    Scenario {
        name: "the agent's phone loses its power in the talk: he is free within a minute, and the caller is told goodbye",
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(20_000, Vanishes("ana"), &[GetsBye("joe")]),
            at(80_000, Nothing, &[Shows("ana", Display::Unreachable), Contacts(0)]),
            at(81_000, Nothing, &[Record("joe", Answered, Side::Flow, &[Offer::Connected])]),
            at(90_000, ComesBack("ana"), &[Shows("ana", Display::Ready)]),
        ],
    },
    Scenario {
        name: "the agent's phone loses its power while it rings",
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(2_000, Vanishes("ana"), &[Rings("bo")]),
            at(25_000, Answers("bo"), &[Talks("bo")]),
            at(40_000, HangsUp("bo"), &[Contacts(0)]),
        ],
    },
    Scenario {
        name: "the caller's line dies in the talk",
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana")]),
            at(20_000, Vanishes("carrier"), &[GetsBye("ana"), Shows("ana", Display::WrapUp)]),
            at(90_000, ComesBack("carrier"), &[Record("joe", Answered, Side::System, &[Offer::Connected])]),
        ],
    },
    Scenario {
        name: "signing out takes back the offer",
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, SignsOut("ana"), &[Shows("ana", Display::SignedOut), GetsCancel("ana"), Rings("bo")]),
            at(5_000, HangsUp("joe"), &[IsIdle("bo")]),
            at(6_000, SignsIn("ana"), &[Shows("ana", Display::NotReady)]),
            at(
                7_000,
                Nothing,
                &[Record("joe", AbandonedInQueue, Side::Customer, &[Offer::Rescinded, Offer::CallerLeft])],
            ),
        ],
    },
    Scenario {
        name: "two phones of one extension: the first 200 wins, the other gets CANCEL",
        rows: &[
            at(0, Registers("ana2", "secret-1001"), &[RegisterGets("ana2", 200)]),
            at(1_000, Calls("joe", QUEUE), &[Rings("ana"), Rings("ana2")]),
            at(3_000, Answers("ana2"), &[Talks("ana2"), GetsCancel("ana"), IsIdle("ana")]),
            at(20_000, HangsUp("ana2"), &[Record("joe", Answered, Side::Flow, &[Offer::Connected])]),
        ],
    },
];

const PHONES: &[Scenario] = &[
    Scenario {
        name: "a phone calls a phone",
        rows: &[
            at(0, Calls("cai", "1901"), &[Rings("dana"), HearsRinging("cai")]),
            at(3_000, Answers("dana"), &[Talks("dana"), Talks("cai")]),
            at(20_000, HangsUp("cai"), &[GetsBye("dana"), Record("cai", Answered, Side::Other, &[])]),
        ],
    },
    Scenario {
        name: "a phone calls outside, and the outside hangs up",
        rows: &[
            at(0, Calls("cai", "913800000000"), &[Rings("carrier"), HearsRinging("cai")]),
            at(3_000, Answers("carrier"), &[Talks("carrier"), Talks("cai")]),
            at(20_000, HangsUp("carrier"), &[GetsBye("cai"), Record("cai", Answered, Side::Customer, &[])]),
        ],
    },
    Scenario {
        name: "a busy phone, one that refuses, and a caller who gives up",
        rows: &[
            at(0, Calls("cai", "1901"), &[Rings("dana")]),
            at(1_000, Rejects("dana", 486), &[Gets("cai", 486), Record("cai", NotAnswered, Side::Other, &[])]),
            at(5_000, Calls("cai", "1901"), &[Rings("dana")]),
            at(6_000, Rejects("dana", 603), &[Gets("cai", 603)]),
            at(10_000, Calls("cai", "1901"), &[Rings("dana")]),
            at(12_000, HangsUp("cai"), &[GetsCancel("dana"), Gets("cai", 487)]),
            at(13_000, Nothing, &[Record("cai", AbandonedRinging, Side::Other, &[])]),
        ],
    },
    Scenario {
        name: "an agent on the phone is not offered anybody",
        rows: &[
            at(0, Calls("ana", "1900"), &[Rings("cai"), Shows("ana", Display::Dialing)]),
            at(1_000, Answers("cai"), &[Talks("cai")]),
            at(2_000, Calls("joe", QUEUE), &[Rings("bo")]),
            at(5_000, HangsUp("ana"), &[Shows("ana", Display::Ready)]),
            at(8_000, HangsUp("joe"), &[Contacts(0)]),
        ],
    },
    Scenario {
        name: "hold and back, and digits by INFO",
        rows: &[
            at(0, Calls("cai", "1901"), &[Rings("dana")]),
            at(1_000, Answers("dana"), &[Talks("dana")]),
            at(3_000, Holds("dana"), &[]),
            at(8_000, Retrieves("dana"), &[]),
            at(10_000, Informs("cai", '5'), &[Digits("cai", "5")]),
            at(12_000, HangsUp("dana"), &[GetsBye("cai"), Record("cai", Answered, Side::Other, &[])]),
        ],
    },
    Scenario {
        name: "a wrong password reads the same as an unknown user, and the right one is let in",
        rows: &[
            at(0, Registers("ana2", "wrong"), &[RegisterGets("ana2", 401)]),
            at(5_000, Registers("ana2", "secret-1001"), &[RegisterGets("ana2", 200)]),
        ],
    },
];

const REFUSALS: &[Scenario] = &[
    Scenario {
        name: "a number that means nothing: 404",
        rows: &[
            at(0, Calls("cai", "7777"), &[Gets("cai", 404), Record("cai", Refused, Side::System, &[])]),
            at(1_000, Calls("joe", "4119999999"), &[Gets("joe", 404), Contacts(0)]),
        ],
    },
    Scenario {
        name: "draining: no new contact, and the running ones go on to an agent",
        rows: &[
            at(0, Calls("joe", MENU), &[Talks("joe")]),
            at(1_000, Drain, &[]),
            at(1_100, Calls("sue", MENU), &[Gets("sue", 503)]),
            at(1_200, Orders("late", "1900", "callback"), &[TurnsDown("late")]),
            at(6_000, Presses("joe", '1'), &[Rings("ana")]),
            at(10_000, Answers("ana"), &[Talks("ana")]),
            at(20_000, DrainEnds, &[GetsBye("joe"), GetsBye("ana"), Contacts(0)]),
        ],
    },
    Scenario {
        name: "the process dies in the talk: both far ends get BYE, the record says so, the agent is still signed in",
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(20_000, Crash, &[GetsBye("joe"), GetsBye("ana"), Shows("ana", Display::Ready)]),
            at(
                30_000,
                Nothing,
                &[Record("joe", cordboard::event::words::Disposition::Crash, Side::System, &[Offer::Connected])],
            ),
            at(31_000, Calls("sue", QUEUE), &[Rings("ana")]),
            at(33_000, HangsUp("sue"), &[Contacts(0)]),
        ],
    },
    Scenario {
        name: "the process dies while a phone rings: whoever answers is sent away",
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Crash, &[GetsBye("joe")]),
            at(10_000, Answers("ana"), &[GetsBye("ana"), IsIdle("ana")]),
        ],
    },
];

const ORDERS: &[Scenario] = &[
    Scenario {
        name: "an ordered call: whoever answers gets the flow, and an agent",
        rows: &[
            at(0, Orders("one", "913800000000", "callback"), &[Accepted("one"), Rings("carrier")]),
            at(4_000, Answers("carrier"), &[Talks("carrier")]),
            at(6_500, Nothing, &[Rings("ana")]),
            at(8_000, Answers("ana"), &[Talks("ana")]),
            at(20_000, HangsUp("carrier"), &[GetsBye("ana"), Contacts(0)]),
        ],
    },
    Scenario {
        name: "the same command twice dials once, also over a restart",
        rows: &[
            at(0, Orders("one", "1900", "callback"), &[Accepted("one"), Rings("cai")]),
            at(1_000, Rejects("cai", 486), &[Contacts(0)]),
            at(2_000, Orders("one", "1900", "callback"), &[Accepted("one"), IsIdle("cai"), Records(1)]),
            at(3_000, Crash, &[]),
            at(6_000, Orders("one", "1900", "callback"), &[Accepted("one"), IsIdle("cai"), Records(1)]),
        ],
    },
    Scenario {
        name: "nobody answers, and an order that cannot be",
        rows: &[
            at(0, Orders("one", "1900", "callback"), &[Accepted("one"), Rings("cai")]),
            at(59_000, Nothing, &[GetsCancel("cai"), Contacts(0)]),
            at(70_000, Orders("two", "7777", "callback"), &[TurnsDown("two")]),
            at(71_000, Orders("three", "1900", "no-such-flow"), &[TurnsDown("three")]),
        ],
    },
    Scenario {
        name: "a command ends a talk",
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana")]),
            at(9_000, EndsAll, &[GetsBye("joe"), GetsBye("ana")]),
            at(10_000, Nothing, &[Record("joe", Answered, Side::Command, &[Offer::Connected])]),
        ],
    },
];

fn all(scenarios: &[Scenario]) {
    for scenario in scenarios {
        eprintln!("-- {}", scenario.name);
        play(scenario, Sim::new(1, &Shape::SMALL, Weather::FINE));
    }
}

#[test]
fn talks() {
    all(TALKS);
}

#[test]
fn offers_end_in_every_way() {
    all(OFFERS);
}

#[test]
fn phones() {
    all(PHONES);
}

#[test]
fn refusals_and_ends() {
    all(REFUSALS);
}

#[test]
fn orders() {
    all(ORDERS);
}

#[test]
fn a_full_tenant_and_a_full_trunk_answer_486() {
    const FULL: Scenario = Scenario {
        name: "the third of two",
        rows: &[
            at(0, Calls("joe", MENU), &[Talks("joe")]),
            at(500, Calls("sue", MENU), &[Talks("sue")]),
            at(1_000, Calls("tom", MENU), &[Gets("tom", 486)]),
            at(1_500, HangsUp("joe"), &[Record("tom", Refused, Side::System, &[])]),
            at(2_000, Calls("tom", MENU), &[Talks("tom")]),
        ],
    };
    play(&FULL, Sim::new(1, &Shape { calls: 2, ..Shape::SMALL }, Weather::FINE));
    play(&FULL, Sim::new(1, &Shape { trunk_calls: 2, ..Shape::SMALL }, Weather::FINE));
}

#[test]
fn phones_prove_themselves_by_either_digest() {
    const ROWS: &[Row] =
        &[at(0, Calls("cai", "1901"), &[Rings("dana")]), at(1_000, HangsUp("cai"), &[Gets("cai", 487)])];
    for digest in ["md5", "both", "sha-256"] {
        let scenario = Scenario { name: digest, rows: ROWS };
        play(&scenario, Sim::new(1, &Shape { digest, ..Shape::SMALL }, Weather::FINE));
    }
}

/// The same tables hold when one datagram in twenty is lost, as far as they leave time for repeats.
#[test]
fn a_bad_network_changes_nothing() {
    const CALLS: Scenario = Scenario {
        name: "a talk in bad weather",
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(15_000, Answers("ana"), &[Talks("ana")]),
            at(60_000, HangsUp("joe"), &[GetsBye("ana"), Record("joe", Answered, Side::Customer, &[Offer::Connected])]),
        ],
    };
    for seed in 1..40 {
        play(&CALLS, Sim::new(seed, &Shape::SMALL, Weather::FOUL));
    }
}
