//! What clients and commands ask for: offers outside and in a client, calls by command, transfers. Times as in `table`.

use cordboard::event::words::TransferMode::{Blind, Consult, OnAnswer};
use cordboard::event::words::{
    Display,
    Disposition::{AbandonedInQueue, Answered},
    OfferEnding as Offer, Side,
};
use cordboard::switch::ConsultVerb::{Cancel, Complete};

use super::place::Shape;
use super::stage::{Act::*, Expect::*, Scenario, Word, at, scenario};
use super::table::QUEUE;

/// Ana's mobile, as it is dialled here. It rings at the carrier.
const MOBILE: &str = "913800138000";

pub const OUTSIDE: &[Scenario] = &[
    scenario(
        "an agent at a number outside presses 1: until then the caller is in the queue",
        &[
            at(50, SignsOut("ana"), &[Shows("ana", Display::SignedOut)]),
            at(100, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(200, SignsInOutside("ana", MOBILE), &[Shows("ana", Display::NotReady)]),
            at(300, GetsReady("ana"), &[Shows("ana", Display::Ready)]),
            at(1_000, Calls("joe", QUEUE), &[Talks("joe"), Rings("called"), Shows("ana", Display::Ringing)]),
            at(5_000, Answers("called"), &[Talks("called"), Shows("ana", Display::Ringing)]),
            at(9_000, Presses("called", '1'), &[Shows("ana", Display::Talking)]),
            at(30_000, HangsUp("called"), &[Shows("ana", Display::WrapUp)]),
            at(31_000, Nothing, &[GetsBye("joe"), Record("joe", Answered, Side::Flow, &[Offer::Connected])]),
            at(60_000, SignsOut("ana"), &[Shows("ana", Display::SignedOut)]),
        ],
    ),
    scenario(
        "a voicemail answers for an agent outside: it is no answer, and the next agent gets the caller",
        &[
            at(50, SignsOut("ana"), &[Shows("ana", Display::SignedOut)]),
            at(100, SignsInOutside("ana", MOBILE), &[Shows("ana", Display::NotReady)]),
            at(200, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(300, GetsReady("ana"), &[Shows("ana", Display::Ready)]),
            at(1_000, Calls("joe", QUEUE), &[Talks("joe"), Rings("called")]),
            at(3_000, Answers("called"), &[Talks("called"), Shows("ana", Display::Ringing)]),
            at(4_000, GetsReady("bo"), &[Shows("bo", Display::Ready)]),
            at(10_500, Nothing, &[Shows("ana", Display::Ringing), IsIdle("bo")]),
            at(10_900, Nothing, &[Rings("bo"), GetsBye("called"), Shows("ana", Display::NotReady)]),
            at(14_000, Answers("bo"), &[Talks("bo"), Shows("bo", Display::Talking)]),
            at(30_000, HangsUp("joe"), &[Record("joe", Answered, Side::Customer, &[Offer::RangOut, Offer::Connected])]),
        ],
    ),
    scenario(
        "the caller leaves while an agent outside is asked to press 1",
        &[
            at(50, SignsOut("ana"), &[Shows("ana", Display::SignedOut)]),
            at(100, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(200, SignsInOutside("ana", MOBILE), &[Shows("ana", Display::NotReady)]),
            at(300, GetsReady("ana"), &[Shows("ana", Display::Ready)]),
            at(1_000, Calls("joe", QUEUE), &[Talks("joe"), Rings("called")]),
            at(3_000, Answers("called"), &[Talks("called")]),
            at(4_000, HangsUp("joe"), &[GetsBye("called"), Shows("ana", Display::Ready)]),
            at(5_000, Nothing, &[Record("joe", AbandonedInQueue, Side::Customer, &[Offer::CallerLeft])]),
        ],
    ),
    Scenario {
        name: "a full trunk: the offer to a number outside has failed, and the next agent gets the caller",
        shape: Shape { trunk_calls: 1, ..Shape::SMALL },
        rows: &[
            at(50, SignsOut("ana"), &[Shows("ana", Display::SignedOut)]),
            at(100, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(200, SignsInOutside("ana", MOBILE), &[Shows("ana", Display::NotReady)]),
            at(300, GetsReady("ana"), &[Shows("ana", Display::Ready)]),
            at(1_000, Calls("joe", QUEUE), &[Talks("joe"), IsIdle("called")]),
            at(2_000, GetsReady("bo"), &[Rings("bo")]),
            at(4_000, Answers("bo"), &[Talks("bo"), Shows("bo", Display::Talking)]),
            at(20_000, HangsUp("joe"), &[Record("joe", Answered, Side::Customer, &[Offer::Failed, Offer::Connected])]),
        ],
    },
];

pub const PERMANENT: &[Scenario] = &[
    scenario(
        "a leg that stays up: one INVITE, two callers one after the other, and its own BYE ends it",
        &[
            at(50, SignsOut("ana"), &[Shows("ana", Display::SignedOut)]),
            at(100, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(200, SignsInPermanent("ana"), &[Rings("ana"), Shows("ana", Display::Unreachable)]),
            at(1_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::NotReady), Contacts(0)]),
            at(1_500, GetsReady("ana"), &[Shows("ana", Display::Ready)]),
            at(2_000, Calls("joe", QUEUE), &[Talks("joe"), Shows("ana", Display::Talking), Contacts(1)]),
            at(10_000, HangsUp("joe"), &[Shows("ana", Display::WrapUp), Talks("ana"), Contacts(0)]),
            at(11_000, Nothing, &[Record("joe", Answered, Side::Customer, &[Offer::Connected])]),
            at(15_000, Calls("sue", QUEUE), &[Talks("sue")]),
            at(16_000, Nothing, &[Shows("ana", Display::Talking), Talks("ana")]),
            at(40_000, HangsUp("ana"), &[Shows("ana", Display::WrapUp)]),
            // It is rung again because she is still to be ready.
            at(41_000, Nothing, &[GetsBye("sue"), Rings("ana")]),
            at(48_000, Nothing, &[Record("sue", Answered, Side::Flow, &[Offer::Connected])]),
            at(50_000, Answers("ana"), &[Talks("ana")]),
            at(51_000, Nothing, &[Shows("ana", Display::Ready)]),
            at(65_000, SignsOut("ana"), &[GetsBye("ana"), Shows("ana", Display::SignedOut), Records(2)]),
        ],
    ),
    scenario(
        "a phone that is busy leaves its agent unreachable until he makes himself ready",
        &[
            at(50, SignsOut("ana"), &[Shows("ana", Display::SignedOut)]),
            at(100, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(200, SignsInPermanent("ana"), &[Rings("ana")]),
            at(1_000, Rejects("ana", 486), &[IsIdle("ana"), Shows("ana", Display::Unreachable)]),
            at(2_000, Calls("joe", QUEUE), &[Talks("joe"), IsIdle("ana")]),
            at(9_000, GetsReady("ana"), &[Rings("ana")]),
            at(10_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(20_000, HangsUp("joe"), &[Record("joe", Answered, Side::Customer, &[Offer::Connected])]),
            at(21_000, SignsOut("ana"), &[GetsBye("ana"), Shows("ana", Display::SignedOut)]),
        ],
    ),
    scenario(
        "the server stops while a leg is at rest: it gets BYE, and is rung again",
        &[
            at(50, SignsOut("ana"), &[Shows("ana", Display::SignedOut)]),
            at(100, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(200, SignsInPermanent("ana"), &[Rings("ana")]),
            at(1_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::NotReady)]),
            at(2_000, GetsReady("ana"), &[Shows("ana", Display::Ready)]),
            at(3_000, Crash, &[Rings("ana"), Shows("ana", Display::Unreachable)]),
            at(12_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Ready)]),
            at(13_000, Calls("joe", QUEUE), &[Talks("joe"), Shows("ana", Display::Talking)]),
            at(20_000, HangsUp("joe"), &[Record("joe", Answered, Side::Customer, &[Offer::Connected])]),
            at(21_000, SignsOut("ana"), &[GetsBye("ana"), Shows("ana", Display::SignedOut)]),
        ],
    ),
    scenario(
        "an agent calls by the leg that is up",
        &[
            at(50, SignsOut("ana"), &[Shows("ana", Display::SignedOut)]),
            at(100, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(200, SignsInPermanent("ana"), &[Rings("ana")]),
            at(1_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::NotReady)]),
            at(2_000, LetsCall("c1", "ana", "1901"), &[Accepted("c1"), Rings("dana"), Shows("ana", Display::Dialing)]),
            at(4_000, Answers("dana"), &[Talks("dana"), Talks("ana"), Contacts(1)]),
            at(10_000, HangsUp("dana"), &[Contacts(0), Shows("ana", Display::NotReady), Talks("ana")]),
            at(11_000, SignsOut("ana"), &[GetsBye("ana"), Shows("ana", Display::SignedOut), Records(1)]),
        ],
    ),
];

pub const CLIENTS: &[Scenario] = &[
    Scenario {
        name: "client first: nothing rings before the agent has accepted",
        shape: Shape { offer: "client", ..Shape::SMALL },
        rows: &[
            at(100, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(1_000, Calls("joe", QUEUE), &[Talks("joe"), Shows("ana", Display::Ringing), IsIdle("ana")]),
            at(2_000, InClient("ana", Word::Shows), &[IsIdle("ana")]),
            at(3_000, InClient("ana", Word::Accepts), &[Rings("ana")]),
            at(4_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(20_000, HangsUp("joe"), &[GetsBye("ana")]),
            at(21_000, Nothing, &[Record("joe", Answered, Side::Customer, &[Offer::Connected])]),
        ],
    },
    Scenario {
        name: "client first: the agent rejects, and the next is asked",
        shape: Shape { offer: "client", ..Shape::SMALL },
        rows: &[
            at(100, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(1_000, Calls("joe", QUEUE), &[Talks("joe"), Shows("ana", Display::Ringing)]),
            at(2_000, InClient("ana", Word::Rejects), &[Shows("ana", Display::Ready), IsIdle("ana")]),
            at(3_000, GetsReady("bo"), &[Shows("bo", Display::Ringing)]),
            at(4_000, InClient("bo", Word::Accepts), &[Rings("bo")]),
            at(5_000, Answers("bo"), &[Talks("bo"), Shows("bo", Display::Talking)]),
            at(
                20_000,
                HangsUp("joe"),
                &[Record("joe", Answered, Side::Customer, &[Offer::Rejected, Offer::Connected])],
            ),
        ],
    },
    scenario(
        "an agent sends on to another group what rings at his phone: it is no missed call of his",
        &[
            at(100, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(1_000, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, SendsOn("ana", "sales"), &[GetsCancel("ana"), Shows("ana", Display::Ready)]),
            at(4_000, GetsReady("bo"), &[Rings("bo")]),
            at(5_000, Answers("bo"), &[Talks("bo"), Shows("bo", Display::Talking)]),
            at(20_000, HangsUp("joe"), &[Record("joe", Answered, Side::Customer, &[Offer::SentOn, Offer::Connected])]),
        ],
    ),
    scenario(
        "an agent rejects in his client what rings at his phone",
        &[
            at(100, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(1_000, Calls("joe", QUEUE), &[Rings("ana")]),
            at(2_000, GetsReady("bo"), &[Shows("bo", Display::Ready)]),
            at(3_000, InClient("ana", Word::Rejects), &[GetsCancel("ana"), Rings("bo"), Shows("ana", Display::Ready)]),
            at(5_000, Answers("bo"), &[Talks("bo"), Shows("bo", Display::Talking)]),
            at(
                20_000,
                HangsUp("joe"),
                &[Record("joe", Answered, Side::Customer, &[Offer::Rejected, Offer::Connected])],
            ),
        ],
    ),
];

const ALL: Shape = Shape { strategy: "ring-all", ..Shape::SMALL };

pub const RINGS_ALL: &[Scenario] = &[
    Scenario {
        name: "all phones ring: the first to answer has the caller, the other is free at once",
        shape: ALL,
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana"), Rings("bo"), Shows("bo", Display::Ringing)]),
            at(
                3_000,
                Answers("bo"),
                &[Talks("bo"), GetsCancel("ana"), Shows("ana", Display::Ready), Shows("bo", Display::Talking)],
            ),
            at(4_000, Calls("sue", QUEUE), &[Rings("ana")]),
            at(6_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(20_000, HangsUp("joe"), &[GetsBye("bo")]),
            at(21_000, HangsUp("sue"), &[GetsBye("ana")]),
            at(
                22_000,
                Nothing,
                &[Record("joe", Answered, Side::Customer, &[Offer::LostRace, Offer::Connected]), Contacts(0)],
            ),
        ],
    },
    Scenario {
        name: "two answer at the same instant: one has the caller, the other's answer is ended",
        shape: ALL,
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana"), Rings("bo")]),
            at(3_000, Answers("ana"), &[]),
            at(3_000, Answers("bo"), &[OneTalks(&["ana", "bo"])]),
            at(10_000, Nothing, &[OneTalks(&["ana", "bo"])]),
            at(20_000, HangsUp("joe"), &[IsIdle("ana"), IsIdle("bo"), Contacts(0)]),
        ],
    },
    Scenario {
        name: "one rejects, one comes later: whoever rings is not disturbed",
        shape: ALL,
        rows: &[
            at(0, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(1_000, Calls("joe", QUEUE), &[Rings("ana")]),
            at(2_000, GetsReady("bo"), &[Rings("bo"), Rings("ana")]),
            at(4_000, Rejects("ana", 603), &[Shows("ana", Display::Ready), Rings("bo")]),
            at(6_000, Answers("bo"), &[Talks("bo"), Shows("bo", Display::Talking)]),
            at(20_000, HangsUp("bo"), &[Record("joe", Answered, Side::Flow, &[Offer::Rejected, Offer::Connected])]),
        ],
    },
    Scenario {
        name: "the caller leaves, and no phone rings on",
        shape: ALL,
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana"), Rings("bo")]),
            at(3_000, HangsUp("joe"), &[GetsCancel("ana"), GetsCancel("bo"), Shows("ana", Display::Ready)]),
            at(
                4_000,
                Nothing,
                &[Record("joe", AbandonedInQueue, Side::Customer, &[Offer::CallerLeft, Offer::CallerLeft])],
            ),
        ],
    },
    Scenario {
        name: "an agent gives his caller to a group that rings all",
        shape: ALL,
        rows: &[
            at(0, Calls("joe", QUEUE), &[Rings("ana"), Rings("bo")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking), Shows("bo", Display::Ready)]),
            at(10_000, Gives("ana", Blind, "support"), &[GetsBye("ana"), Rings("bo")]),
            // her wrap-up is over, and she is one of them again
            at(25_000, Nothing, &[Rings("ana"), Rings("bo")]),
            at(27_000, Answers("bo"), &[Talks("bo"), GetsCancel("ana"), Shows("bo", Display::Talking)]),
            at(40_000, HangsUp("joe"), &[GetsBye("bo"), Contacts(0)]),
        ],
    },
];

pub const ORDERS: &[Scenario] = &[
    scenario(
        "an ordered call: whoever answers gets the flow, and an agent",
        &[
            at(0, Orders("one", "913800000000", "callback"), &[Accepted("one"), Rings("carrier")]),
            at(4_000, Answers("carrier"), &[Talks("carrier")]),
            at(6_500, Nothing, &[Rings("ana")]),
            at(8_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(20_000, HangsUp("carrier"), &[GetsBye("ana"), Contacts(0)]),
        ],
    ),
    scenario(
        "the same command twice dials once, also over a restart",
        &[
            at(0, Orders("one", "1900", "callback"), &[Accepted("one"), Rings("cai")]),
            at(1_000, Rejects("cai", 486), &[Contacts(0)]),
            at(2_000, Orders("one", "1900", "callback"), &[Accepted("one"), IsIdle("cai"), Records(1)]),
            at(3_000, Crash, &[]),
            at(6_000, Orders("one", "1900", "callback"), &[Accepted("one"), IsIdle("cai"), Records(1)]),
        ],
    ),
    scenario(
        "nobody answers, and an order that cannot be",
        &[
            at(0, Orders("one", "1900", "callback"), &[Accepted("one"), Rings("cai")]),
            at(59_000, Nothing, &[GetsCancel("cai"), Contacts(0)]),
            at(70_000, Orders("two", "7777", "callback"), &[TurnsDown("two")]),
            at(71_000, Orders("three", "1900", "no-such-flow"), &[TurnsDown("three")]),
        ],
    ),
    scenario(
        "an agent calls by command: his phone rings first, then whom he calls",
        &[
            at(0, GetsNotReady("ana"), &[Shows("ana", Display::NotReady)]),
            at(
                1_000,
                LetsCall("one", "ana", "913800000000"),
                &[Accepted("one"), Rings("ana"), Shows("ana", Display::Dialing)],
            ),
            at(2_000, LetsCall("two", "ana", "1900"), &[TurnsDown("two"), IsIdle("cai")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Rings("carrier")]),
            at(5_000, Answers("carrier"), &[Talks("carrier"), Shows("ana", Display::Talking)]),
            at(20_000, HangsUp("carrier"), &[GetsBye("ana"), Shows("ana", Display::NotReady), Contacts(0)]),
            at(21_000, Nothing, &[Records(1)]),
        ],
    ),
    scenario(
        "whom an agent calls is busy: he hears so and is free again; nobody is dialled when he does not answer",
        &[
            at(0, LetsCall("one", "ana", "1900"), &[Accepted("one"), Rings("ana")]),
            at(2_000, Answers("ana"), &[Rings("cai")]),
            at(3_000, Rejects("cai", 486), &[Talks("ana"), Shows("ana", Display::Dialing)]),
            at(5_000, Nothing, &[GetsBye("ana"), Shows("ana", Display::Ready), Contacts(0)]),
            at(10_000, LetsCall("two", "ana", "1900"), &[Accepted("two"), Rings("ana")]),
            at(12_000, Rejects("ana", 603), &[Contacts(0), IsIdle("cai"), Shows("ana", Display::Ready)]),
            at(13_000, LetsCall("three", "ana", "7777"), &[TurnsDown("three"), IsIdle("ana")]),
        ],
    ),
    scenario(
        "a phone calls by command, and a customer who is called first",
        &[
            at(0, LetsCall("one", "1900", "1901"), &[Accepted("one"), Rings("cai")]),
            at(2_000, Answers("cai"), &[Rings("dana")]),
            at(3_000, Answers("dana"), &[Talks("cai"), Talks("dana")]),
            at(9_000, HangsUp("cai"), &[GetsBye("dana"), Record("cai", Answered, Side::Other, &[])]),
            at(10_000, LetsCall("two", "913800000000", "1900"), &[Accepted("two"), Rings("carrier")]),
            at(12_000, Answers("carrier"), &[Rings("cai")]),
            at(13_000, Answers("cai"), &[Talks("cai"), Talks("carrier")]),
            at(20_000, HangsUp("cai"), &[GetsBye("carrier"), Contacts(0), Records(2)]),
        ],
    ),
    scenario(
        "the process dies while an agent calls: nobody is left in a call",
        &[
            at(0, LetsCall("one", "ana", "913800000000"), &[Accepted("one"), Rings("ana")]),
            at(2_000, Answers("ana"), &[Rings("carrier"), Shows("ana", Display::Dialing)]),
            at(4_000, Crash, &[GetsBye("ana"), Shows("ana", Display::Ready)]),
            at(30_000, LetsCall("two", "ana", "1900"), &[Accepted("two"), Rings("ana")]),
            at(31_000, Answers("ana"), &[Rings("cai")]),
            at(32_000, HangsUp("ana"), &[GetsCancel("cai"), Contacts(0)]),
        ],
    ),
    scenario(
        "a command ends a talk",
        &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(9_000, EndsAll, &[GetsBye("joe"), GetsBye("ana")]),
            at(10_000, Nothing, &[Record("joe", Answered, Side::Command, &[Offer::Connected])]),
        ],
    ),
];

/// A call that an agent gives away goes to a colleague as the ACD sends him.
pub const TRANSFERS: &[Scenario] = &[
    scenario(
        "a flow has the customer for a while and gives him back; then his agent leaves while it has him",
        &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(5_000, Lends("ana", "identity"), &[Shows("ana", Display::Held)]),
            at(9_000, Presses("joe", '1'), &[Shows("ana", Display::Held)]),
            at(9_500, Presses("joe", '#'), &[Shows("ana", Display::Talking), Talks("joe")]),
            at(12_000, Lends("ana", "identity"), &[Shows("ana", Display::Held)]),
            at(14_000, HangsUp("ana"), &[Shows("ana", Display::WrapUp), Talks("joe")]),
            at(15_000, Presses("joe", '#'), &[GetsBye("joe"), Digits("joe", "xxx")]),
            at(20_000, Nothing, &[Record("joe", Answered, Side::Flow, &[Offer::Connected])]),
        ],
    ),
    scenario(
        "a consult with an agent by name: it is his work, and his wrap-up",
        &[
            at(0, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(1_000, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(6_000, Gives("ana", Consult, "bo"), &[Rings("bo"), Shows("bo", Display::Ringing)]),
            at(9_000, Answers("bo"), &[Talks("bo"), Shows("bo", Display::Consulting)]),
            at(12_000, Decides("ana", Complete), &[GetsBye("ana"), Shows("bo", Display::Talking)]),
            at(20_000, HangsUp("bo"), &[Shows("bo", Display::WrapUp)]),
            at(
                21_000,
                Nothing,
                &[GetsBye("joe"), Record("joe", Answered, Side::Flow, &[Offer::Connected, Offer::Connected])],
            ),
        ],
    ),
    scenario(
        "an agent by name who refuses: the customer is with the first again",
        &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(6_000, Gives("ana", OnAnswer, "bo"), &[Rings("bo")]),
            at(8_000, Rejects("bo", 603), &[Shows("ana", Display::Talking), IsIdle("bo")]),
            at(20_000, HangsUp("joe"), &[GetsBye("ana")]),
            at(21_000, Nothing, &[Record("joe", Answered, Side::Customer, &[Offer::Connected, Offer::Rejected])]),
        ],
    ),
    scenario(
        "a consult with a group waits in its queue, and is given up",
        &[
            at(0, GetsNotReady("bo"), &[Shows("bo", Display::NotReady)]),
            at(1_000, Calls("joe", QUEUE), &[Rings("ana")]),
            at(3_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(6_000, Gives("ana", Consult, "sales"), &[IsIdle("bo")]),
            at(9_000, GetsReady("bo"), &[Rings("bo")]),
            at(11_000, Answers("bo"), &[Talks("bo"), Shows("bo", Display::Consulting)]),
            at(14_000, Decides("ana", Cancel), &[GetsBye("bo"), Shows("ana", Display::Talking)]),
            at(20_000, HangsUp("joe"), &[GetsBye("ana"), Shows("ana", Display::WrapUp)]),
        ],
    ),
];

pub const CONFERENCES: &[Scenario] = &[
    scenario(
        "the customer's keys go to one of two, and nobody is told which they were",
        &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(1_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(2_000, Presses("joe", '1'), &[Digits("joe", "1")]),
            at(3_000, Invites("ana", "1002"), &[Rings("bo")]),
            at(4_000, Answers("bo"), &[Talks("bo"), Shows("ana", Display::Conference)]),
            at(5_000, PassesKeys("bo"), &[Talks("joe")]),
            at(6_000, Presses("joe", '4'), &[Digits("joe", "1x")]),
            at(7_000, Informs("joe", '7'), &[Digits("joe", "1xx")]),
            at(8_000, HangsUp("bo"), &[Shows("ana", Display::Talking)]),
            at(9_000, Informs("joe", '2'), &[Digits("joe", "1xx2")]),
            at(10_000, HangsUp("joe"), &[GetsBye("ana")]),
        ],
    ),
    scenario(
        "a conference begins with its chair alone, and ends when its time is over",
        &[
            at(0, Convenes("one", "ana"), &[Accepted("one"), Rings("ana"), Shows("ana", Display::Dialing)]),
            at(2_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Conference)]),
            at(4_000, Invites("ana", "1900"), &[Rings("cai"), Talks("ana")]),
            at(5_000, Answers("cai"), &[Talks("cai"), Shows("ana", Display::Talking)]),
            at(6_000, Limits(3, 4_000), &[Talks("cai")]),
            at(7_000, Invites("ana", "1901"), &[Rings("dana")]),
            at(8_000, Answers("dana"), &[Talks("dana"), Shows("ana", Display::Conference)]),
            at(9_000, Nothing, &[GetsBye("ana"), GetsBye("cai"), GetsBye("dana"), Contacts(0)]),
            at(14_000, Nothing, &[Shows("ana", Display::Ready)]),
        ],
    ),
    scenario(
        "the time of a conference is over: a customer goes on as after any agent",
        &[
            at(0, Calls("joe", QUEUE), &[Rings("ana")]),
            at(1_000, Answers("ana"), &[Talks("ana"), Shows("ana", Display::Talking)]),
            at(2_000, Invites("ana", "1900"), &[Rings("cai")]),
            at(3_000, Answers("cai"), &[Talks("cai"), Shows("ana", Display::Conference)]),
            at(4_000, Limits(3, 3_000), &[Talks("joe")]),
            at(5_000, Nothing, &[GetsBye("ana"), GetsBye("cai"), GetsBye("joe")]),
            at(10_000, Nothing, &[Record("joe", Answered, Side::Flow, &[Offer::Connected])]),
        ],
    ),
];
