//! What the house does in single calls: each scenario is a table that a supervisor could read.
//! Times are milliseconds from the moment when ana and bo are signed in and ready.

use cordboard::event::words::{
    Display,
    Disposition::{AbandonedInFlow, AbandonedInQueue, AbandonedRinging, Answered, NotAnswered, Refused},
    OfferEnding as Offer, Side, Wire,
};

use super::place::Shape;
use super::stage::{Act::*, Expect::*, Row, Scenario, at, only_sim, scenario};

/// The number that leads to the menu, straight to the queue, and to cai's phone.
pub const MENU: &str = "4008000001";
pub const QUEUE: &str = "4008000002";
pub const CAI: &str = "4008000003";

pub const TALKS: &[Scenario] = &[
    scenario(
        "a caller presses a key, waits, talks to the agent, and the agent hangs up",
        &[
            at(0, Calls("joe", MENU), &[Talks("joe"), Contacts(1)]),
            at(6_000, Presses("joe", '1'), &[Rings("ana"), Shows("ana", Display::Ringing)]),
            at(12_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(40_000, HangsUp("ana"), &[Shows("ana", Display::WrapUp)]),
            at(41_000, Nothing, &[GetsBye("joe"), Record("joe", Answered, Side::Flow, &[Offer::Connected])]),
            at(60_000, Nothing, &[Shows("ana", Display::Ready), Contacts(0), Digits("joe", "1")]),
        ],
    ),
    scenario(
        "the caller hangs up in the talk",
        &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(30_000, HangsUp("joe"), &[GetsBye("ana"), Shows("ana", Display::WrapUp)]),
            at(31_000, Nothing, &[Record("joe", Answered, Side::Customer, &[Offer::Connected])]),
            at(45_000, Nothing, &[Shows("ana", Display::Ready)]),
        ],
    ),
    scenario(
        "the caller hangs up while a prompt plays",
        &[
            at(0, Calls("joe", MENU), &[Talks("joe")]),
            at(1_500, HangsUp("joe"), &[Contacts(0), Record("joe", AbandonedInFlow, Side::Customer, &[])]),
        ],
    ),
    scenario(
        "the caller gives up in the queue, when nobody is ready",
        &[
            at(0, GetsNotReady("ana"), &[Shows("ana", Display::NotReady)]),
            at(10, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(1_000, Calls("joe", QUEUE), &[Talks("joe")]),
            at(15_000, HangsUp("joe"), &[Record("joe", AbandonedInQueue, Side::Customer, &[])]),
            at(16_000, GetsReady("ana"), &[Shows("ana", Display::Ready), IsIdle("ana")]),
        ],
    ),
    scenario(
        "the caller gives up while the agent's phone rings",
        &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(5_000, HangsUp("joe"), &[GetsCancel("ana"), IsIdle("ana"), Shows("ana", Display::Ready)]),
            at(6_000, Nothing, &[Record("joe", AbandonedInQueue, Side::Customer, &[Offer::CallerLeft])]),
        ],
    ),
    scenario(
        "who waits longest gets the agent who becomes ready",
        &[
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
    ),
    scenario(
        "a caller is put through to a phone, and to nobody when it is busy or silent",
        &[
            at(0, Calls("joe", CAI), &[Rings("cai")]),
            at(2_000, Answers("cai"), &[Talks("cai")]),
            at(20_000, HangsUp("cai"), &[GetsBye("joe"), Record("joe", Answered, Side::Flow, &[])]),
            at(30_000, Calls("sue", CAI), &[Rings("cai")]),
            at(31_000, Rejects("cai", 486), &[GetsBye("sue"), Record("sue", NotAnswered, Side::Flow, &[])]),
            at(40_000, Calls("tom", CAI), &[Rings("cai")]),
            at(62_000, Nothing, &[GetsCancel("cai"), GetsBye("tom"), Record("tom", NotAnswered, Side::Flow, &[])]),
        ],
    ),
];

pub const OFFERS: &[Scenario] = &[
    scenario(
        "the agent rejects, and the next one is asked",
        &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Rejects("ana", 603), &[Rings("bo"), Shows("ana", Display::Ready)]),
            at(6_000, Answers("bo"), &[Talks("bo"), Shows("bo", Display::Talking)]),
            at(20_000, HangsUp("joe"), &[GetsBye("bo")]),
            at(21_000, Nothing, &[Record("joe", Answered, Side::Customer, &[Offer::Rejected, Offer::Connected])]),
        ],
    ),
    scenario(
        "no answer goes to the next agent, and the first is not ready",
        &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(19_000, Nothing, &[GetsCancel("ana"), Rings("bo"), Shows("ana", Display::NotReady)]),
            at(24_000, Answers("bo"), &[Talks("bo"), Shows("bo", Display::Talking)]),
            at(40_000, HangsUp("bo"), &[Shows("bo", Display::WrapUp)]),
            at(45_000, Nothing, &[Record("joe", Answered, Side::Flow, &[Offer::RangOut, Offer::Connected])]),
            only_sim("the rest is five minutes", at(330_000, Nothing, &[Shows("ana", Display::Ready)])),
        ],
    ),
    scenario(
        "a phone that answers with an error rests, and the caller goes on waiting",
        &[
            at(0, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(1_000, Calls("joe", QUEUE), &[Rings("ana")]),
            at(2_000, Rejects("ana", 500), &[IsIdle("ana")]),
            at(12_000, HangsUp("joe"), &[Contacts(0)]),
        ],
    ),
    scenario(
        "the agent's phone loses its power in the talk: he is free within a minute, and the caller is told goodbye",
        &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(20_000, Vanishes("ana"), &[GetsBye("joe")]),
            at(80_000, Nothing, &[Shows("ana", Display::Unreachable), Contacts(0)]),
            at(81_000, Nothing, &[Record("joe", Answered, Side::Flow, &[Offer::Connected])]),
            at(90_000, ComesBack("ana"), &[Shows("ana", Display::Ready)]),
        ],
    ),
    scenario(
        "the agent's phone loses its power while it rings",
        &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(2_000, Vanishes("ana"), &[Rings("bo")]),
            at(25_000, Answers("bo"), &[Talks("bo"), Shows("bo", Display::Talking)]),
            at(40_000, HangsUp("bo"), &[Contacts(0)]),
        ],
    ),
    scenario(
        "the caller's line dies in the talk",
        &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(20_000, Vanishes("carrier"), &[GetsBye("ana"), Shows("ana", Display::WrapUp)]),
            at(90_000, ComesBack("carrier"), &[Record("joe", Answered, Side::System, &[Offer::Connected])]),
        ],
    ),
    scenario(
        "a phone that unregisters makes its agent unreachable: he is offered nobody until it is back",
        &[
            at(0, Unregisters("ana"), &[RegisterGets("ana", 200), Shows("ana", Display::Unreachable)]),
            at(1_000, Calls("joe", QUEUE), &[Rings("bo"), IsIdle("ana")]),
            at(3_000, HangsUp("joe"), &[GetsCancel("bo"), IsIdle("ana"), Contacts(0)]),
            at(4_000, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(5_000, Calls("sue", QUEUE), &[Talks("sue"), IsIdle("ana")]),
            at(8_000, Registers("ana", "secret-1001"), &[RegisterGets("ana", 200), Rings("ana")]),
            at(10_000, HangsUp("sue"), &[GetsCancel("ana"), Contacts(0)]),
        ],
    ),
    scenario(
        "signing out takes back the offer",
        &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, SignsOut("ana"), &[Shows("ana", Display::SignedOut), GetsCancel("ana"), Rings("bo")]),
            at(5_000, HangsUp("joe"), &[IsIdle("bo")]),
            at(6_000, SignsIn("ana"), &[Shows("ana", Display::NotReady)]),
            at(
                7_000,
                Nothing,
                &[Record("joe", AbandonedInQueue, Side::Customer, &[Offer::Rejected, Offer::CallerLeft])],
            ),
        ],
    ),
    scenario(
        "two phones of one extension: the first 200 wins, the other gets CANCEL",
        &[
            at(0, Registers("ana2", "secret-1001"), &[RegisterGets("ana2", 200)]),
            at(1_000, Calls("joe", QUEUE), &[Rings("ana"), Rings("ana2")]),
            at(
                3_000,
                Answers("ana2"),
                &[Talks("ana2"), GetsCancel("ana"), IsIdle("ana"), Shows("ana", Display::Talking)],
            ),
            at(20_000, HangsUp("ana2"), &[Record("joe", Answered, Side::Flow, &[Offer::Connected])]),
        ],
    ),
];

pub const PHONES: &[Scenario] = &[
    scenario(
        "a phone calls a phone",
        &[
            at(0, Calls("cai", "1901"), &[Rings("dana"), HearsRinging("cai")]),
            at(3_000, Answers("dana"), &[Talks("dana"), Talks("cai")]),
            at(20_000, HangsUp("cai"), &[GetsBye("dana"), Record("cai", Answered, Side::Other, &[])]),
        ],
    ),
    scenario(
        "a phone calls outside, and the outside hangs up",
        &[
            at(0, Calls("cai", "913800000000"), &[Rings("carrier"), HearsRinging("cai")]),
            at(3_000, Answers("carrier"), &[Talks("carrier"), Talks("cai")]),
            at(20_000, HangsUp("carrier"), &[GetsBye("cai"), Record("cai", Answered, Side::Customer, &[])]),
        ],
    ),
    scenario(
        "a busy phone, one that refuses, and a caller who gives up",
        &[
            at(0, Calls("cai", "1901"), &[Rings("dana")]),
            at(1_000, Rejects("dana", 486), &[Gets("cai", 486), Record("cai", NotAnswered, Side::Other, &[])]),
            at(5_000, Calls("cai", "1901"), &[Rings("dana")]),
            at(6_000, Rejects("dana", 603), &[Gets("cai", 603)]),
            at(10_000, Calls("cai", "1901"), &[Rings("dana")]),
            at(12_000, HangsUp("cai"), &[GetsCancel("dana"), Gets("cai", 487)]),
            at(13_000, Nothing, &[Record("cai", AbandonedRinging, Side::Other, &[])]),
        ],
    ),
    scenario(
        "an agent on the phone is not offered anybody",
        &[
            at(0, Calls("ana", "1900"), &[Rings("cai"), Shows("ana", Display::Dialing)]),
            at(1_000, Answers("cai"), &[Talks("cai"), Shows("ana", Display::Talking)]),
            at(2_000, Calls("joe", QUEUE), &[Rings("bo")]),
            at(5_000, HangsUp("ana"), &[Shows("ana", Display::Ready)]),
            at(8_000, HangsUp("joe"), &[Contacts(0)]),
            at(10_000, Calls("cai", "1001"), &[Rings("ana"), Shows("ana", Display::Dialing)]),
            at(11_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(12_000, HangsUp("cai"), &[Shows("ana", Display::Ready), Contacts(0)]),
        ],
    ),
    scenario(
        "hold and back, and digits by INFO",
        &[
            at(0, Calls("cai", "1901"), &[Rings("dana")]),
            at(1_000, Answers("dana"), &[Talks("dana")]),
            at(3_000, Holds("dana"), &[IsSettled("dana")]),
            at(8_000, Retrieves("dana"), &[IsSettled("dana")]),
            at(10_000, Informs("cai", '5'), &[Digits("cai", "5")]),
            at(12_000, HangsUp("dana"), &[GetsBye("cai"), Record("cai", Answered, Side::Other, &[])]),
        ],
    ),
    scenario(
        "a wrong password reads the same as an unknown user, and the right one is let in",
        &[
            at(0, Registers("ana2", "wrong"), &[RegisterGets("ana2", 401)]),
            at(5_000, Registers("ana2", "secret-1001"), &[RegisterGets("ana2", 200)]),
        ],
    ),
];

pub const REFERS: &[Scenario] = &[
    scenario(
        "a phone refers the customer and says BYE before anybody answers: the customer lives, and talks to the target",
        &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(5_000, Refers("ana", "1900"), &[Rings("cai")]),
            at(6_000, HangsUp("ana"), &[IsIdle("ana"), Rings("cai"), Talks("joe"), Shows("ana", Display::WrapUp)]),
            at(8_000, Answers("cai"), &[Talks("cai"), Talks("joe")]),
            at(12_000, HangsUp("joe"), &[GetsBye("cai")]),
            at(13_000, Nothing, &[Record("joe", Answered, Side::Customer, &[Offer::Connected])]),
        ],
    ),
    scenario(
        "the same, and the target refuses: the flow has the customer, as after any agent",
        &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(5_000, Refers("ana", "1900"), &[Rings("cai")]),
            at(6_000, HangsUp("ana"), &[IsIdle("ana"), Rings("cai"), Talks("joe")]),
            at(8_000, Rejects("cai", 486), &[IsIdle("cai")]),
            at(9_000, Nothing, &[GetsBye("joe"), Record("joe", Answered, Side::Flow, &[Offer::Connected])]),
        ],
    ),
];

pub const REFUSALS: &[Scenario] = &[
    scenario(
        "a number that means nothing: 404",
        &[
            at(0, Calls("cai", "7777"), &[Gets("cai", 404), Record("cai", Refused, Side::System, &[])]),
            at(1_000, Calls("joe", "4119999999"), &[Gets("joe", 404), Contacts(0)]),
        ],
    ),
    scenario(
        "draining: no new contact, and the running ones go on to an agent",
        &[
            at(0, Calls("joe", MENU), &[Talks("joe")]),
            at(1_000, Drain, &[]),
            at(1_100, Calls("sue", MENU), &[Gets("sue", 503)]),
            at(1_200, Orders("late", "1900", "callback"), &[TurnsDown("late")]),
            at(6_000, Presses("joe", '1'), &[Rings("ana")]),
            at(10_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(20_000, DrainEnds, &[GetsBye("joe"), GetsBye("ana"), Contacts(0)]),
        ],
    ),
    scenario(
        "the process dies in the talk: both far ends get BYE, the record says so, the agent is still signed in",
        &[
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
    ),
    scenario(
        "the process dies while a phone rings: whoever answers is sent away",
        &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Crash, &[GetsBye("joe")]),
            at(10_000, Answers("ana"), &[GetsBye("ana"), IsIdle("ana")]),
        ],
    ),
];

pub const TRUNKS: &[Scenario] = &[
    Scenario {
        name: "a trunk over TCP: calls in and out",
        shape: Shape { trunk_wire: Wire::Tcp, ..Shape::SMALL },
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Talks("joe"), Shows("ana", Display::Talking)]),
            at(10_000, HangsUp("joe"), &[GetsBye("ana"), Record("joe", Answered, Side::Customer, &[Offer::Connected])]),
            at(30_000, Calls("cai", "913800000000"), &[Rings("carrier"), HearsRinging("cai")]),
            at(33_000, Answers("carrier"), &[Talks("carrier"), Talks("cai")]),
            at(40_000, HangsUp("cai"), &[GetsBye("carrier"), Record("cai", Answered, Side::Other, &[])]),
        ],
    },
    scenario(
        "the carrier offers nothing, and answers our offer in its ACK",
        &[
            at(0, CallsWithoutOffer("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Talks("joe"), Shows("ana", Display::Talking)]),
            at(10_000, HangsUp("ana"), &[GetsBye("joe"), Record("joe", Answered, Side::Flow, &[Offer::Connected])]),
        ],
    ),
    scenario(
        "a phone offers nothing, and answers our offer in its ACK",
        &[
            at(0, CallsWithoutOffer("cai", "1901"), &[Rings("dana")]),
            at(3_000, Answers("dana"), &[Talks("dana"), Talks("cai")]),
            at(10_000, HangsUp("dana"), &[GetsBye("cai"), Record("cai", Answered, Side::Other, &[])]),
        ],
    ),
];

const THIRD_OF_TWO: &[Row] = &[
    at(0, Calls("joe", MENU), &[Talks("joe")]),
    at(500, Calls("sue", MENU), &[Talks("sue")]),
    at(1_000, Calls("tom", MENU), &[Gets("tom", 486)]),
    at(1_500, HangsUp("joe"), &[Record("tom", Refused, Side::System, &[])]),
    at(2_000, Calls("tom", MENU), &[Talks("tom")]),
];

pub const FULL: &[Scenario] = &[
    Scenario { name: "a full tenant answers 486", shape: Shape { calls: 2, ..Shape::SMALL }, rows: THIRD_OF_TWO },
    Scenario { name: "a full trunk answers 486", shape: Shape { trunk_calls: 2, ..Shape::SMALL }, rows: THIRD_OF_TWO },
];

const PROOF: &[Row] = &[at(0, Calls("cai", "1901"), &[Rings("dana")]), at(1_000, HangsUp("cai"), &[Gets("cai", 487)])];

pub const DIGESTS: &[Scenario] = &[
    Scenario { name: "phones prove themselves by MD5", shape: Shape::SMALL, rows: PROOF },
    Scenario { name: "by either digest", shape: Shape { digest: "both", ..Shape::SMALL }, rows: PROOF },
    Scenario { name: "by SHA-256", shape: Shape { digest: "sha-256", ..Shape::SMALL }, rows: PROOF },
];

/// Its times leave room for repeats: it also runs where one datagram in twenty is lost.
pub const ROOMY: Scenario = scenario(
    "a talk with time for repeats",
    &[
        at(0, Calls("joe", QUEUE), &[Rings("ana")]),
        at(15_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
        at(60_000, HangsUp("joe"), &[GetsBye("ana"), Record("joe", Answered, Side::Customer, &[Offer::Connected])]),
    ],
);

/// A test for each part of the table, played by the function named: no back-end can leave one out.
macro_rules! tests_of_all {
    ($all:ident) => {
        #[test]
        fn talks() {
            $all($crate::scenario::table::TALKS);
        }

        #[test]
        fn offers_end_in_every_way() {
            $all($crate::scenario::table::OFFERS);
        }

        #[test]
        fn phones() {
            $all($crate::scenario::table::PHONES);
        }

        #[test]
        fn phones_refer() {
            $all($crate::scenario::table::REFERS);
        }

        #[test]
        fn refusals_and_ends() {
            $all($crate::scenario::table::REFUSALS);
        }

        #[test]
        fn agents_outside_prove_that_they_are_there() {
            $all($crate::scenario::asked::OUTSIDE);
        }

        #[test]
        fn legs_stay_up_between_calls() {
            $all($crate::scenario::asked::PERMANENT);
        }

        #[test]
        fn agents_answer_in_their_clients() {
            $all($crate::scenario::asked::CLIENTS);
        }

        #[test]
        fn a_group_that_rings_all() {
            $all($crate::scenario::asked::RINGS_ALL);
        }

        #[test]
        fn orders() {
            $all($crate::scenario::asked::ORDERS);
        }

        #[test]
        fn transfers() {
            $all($crate::scenario::asked::TRANSFERS);
        }

        #[test]
        fn conferences() {
            $all($crate::scenario::asked::CONFERENCES);
        }

        #[test]
        fn trunks() {
            $all($crate::scenario::table::TRUNKS);
        }

        #[test]
        fn a_full_tenant_and_a_full_trunk_answer_486() {
            $all($crate::scenario::table::FULL);
        }

        #[test]
        fn phones_prove_themselves_by_either_digest() {
            $all($crate::scenario::table::DIGESTS);
        }
    };
}
pub(crate) use tests_of_all;
