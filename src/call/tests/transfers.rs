//! Transfers of a whole contact: who hears whom, who is where, and what the journal and the others are told.

use super::super::words::{Act, ConsultVerb, Does, Refused, Tell, Transfer};
use super::{Bench, GROUP, dial};
use crate::base::{AgentNo, Span};
use crate::event::Kind;
use crate::event::words::{EndCause, Side, TransferEnding, TransferMode};
use crate::switch::TransferPhase;

const MODES: [TransferMode; 4] =
    [TransferMode::Blind, TransferMode::OnAnswer, TransferMode::ComeBack, TransferMode::Consult];

/// What can happen to a transfer, from any side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happens {
    TransferorBye,
    CustomerBye,
    TargetRings,
    TargetAnswers,
    TargetRefuses,
    TargetBye,
    RingsOut,
    Complete,
    Cancel,
    Swap,
    Join,
}

use Happens::{
    Cancel, Complete, CustomerBye, Join, RingsOut, Swap, TargetAnswers, TargetBye, TargetRefuses, TargetRings,
    TransferorBye,
};

const ALL: [Happens; 10] =
    [TransferorBye, CustomerBye, TargetAnswers, TargetRefuses, TargetBye, RingsOut, Complete, Cancel, Swap, Join];

impl Bench {
    fn ended(&self) -> Option<(TransferEnding, Option<EndCause>)> {
        self.events.iter().find_map(|e| match e.kind {
            Kind::TransferEnded { ending, cause, .. } => Some((ending, cause)),
            _ => None,
        })
    }

    /// Lets it happen if it can.
    fn happens(&mut self, what: Happens, answered: &mut bool) {
        let decide = |verb| Act::Consult { transferor: self.leg("ana"), verb, by: super::asked() };
        let act = match what {
            Complete => Some(decide(ConsultVerb::Complete)),
            Cancel => Some(decide(ConsultVerb::Cancel)),
            Swap => Some(decide(ConsultVerb::Swap)),
            Join => Some(decide(ConsultVerb::Join)),
            TransferorBye | CustomerBye | TargetRings | TargetAnswers | TargetRefuses | TargetBye | RingsOut => None,
        };
        if let Some(act) = act {
            return self.act(act);
        }
        let target = self.is_live("bo");
        match what {
            TransferorBye if self.is_live("ana") => self.bye("ana"),
            CustomerBye if self.is_live("customer") => self.bye("customer"),
            TargetRings if target && !*answered => self.rings("bo"),
            TargetAnswers if target && !std::mem::replace(answered, true) => self.answer("bo"),
            TargetRefuses if target && !*answered => self.fail("bo", EndCause::Busy),
            TargetBye if target && *answered => self.bye("bo"),
            RingsOut if target && !*answered => self.pass(Span::seconds(20)),
            // It cannot happen now, or was a decision.
            TransferorBye | CustomerBye | TargetRings | TargetAnswers | TargetRefuses | TargetBye | RingsOut => {}
            Complete | Cancel | Swap | Join => {}
        }
    }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

/// Mode, flow behind the customer, what happens; then who is with whom, and how the transfer ended.
type Row<'a> = (TransferMode, bool, &'a [Happens], &'a [&'a str], Option<(TransferEnding, Option<EndCause>)>);

#[test]
fn each_order_leaves_everybody_where_he_belongs() {
    use TransferEnding::{CameBack, Cancelled, Completed, CustomerLeft, Failed, Joined};
    use TransferMode::{Blind, ComeBack, Consult, OnAnswer};
    let busy = Some(EndCause::Busy);
    let rows: &[Row] = &[
        (Blind, false, &[], &["customer+bo"], None),
        (Blind, false, &[TargetRings, TargetAnswers], &["customer+bo"], Some((Completed, None))),
        (Blind, true, &[Cancel], &["customer"], Some((Cancelled, None))),
        (Blind, false, &[CustomerBye], &[], Some((CustomerLeft, Some(EndCause::HungUp)))),
        (Blind, false, &[TargetRefuses], &["customer"], Some((Failed, busy))),
        (Blind, true, &[TargetRefuses], &["customer"], Some((Failed, busy))),
        (Blind, true, &[RingsOut], &["customer"], Some((Failed, Some(EndCause::NoAnswer)))),
        (OnAnswer, false, &[], &["customer", "ana+bo"], None),
        (OnAnswer, false, &[TargetAnswers], &["customer+bo"], Some((Completed, None))),
        (OnAnswer, false, &[TargetRefuses], &["customer+ana"], Some((Failed, busy))),
        (OnAnswer, false, &[RingsOut], &["customer+ana"], Some((Failed, Some(EndCause::NoAnswer)))),
        (OnAnswer, false, &[Cancel], &["customer+ana"], Some((Cancelled, None))),
        (OnAnswer, false, &[TransferorBye], &["customer+bo"], None),
        (OnAnswer, false, &[TransferorBye, TargetAnswers], &["customer+bo"], Some((Completed, None))),
        (OnAnswer, false, &[TransferorBye, TargetRefuses], &["customer"], Some((Failed, busy))),
        (OnAnswer, false, &[CustomerBye], &[], Some((CustomerLeft, Some(EndCause::HungUp)))),
        (ComeBack, false, &[TargetAnswers], &["customer+bo", "ana"], None),
        (ComeBack, false, &[TargetAnswers, TargetBye], &["customer+ana"], Some((CameBack, Some(EndCause::HungUp)))),
        (ComeBack, false, &[TargetAnswers, TransferorBye], &["customer+bo"], Some((Completed, None))),
        (ComeBack, false, &[TargetAnswers, CustomerBye], &[], Some((CustomerLeft, Some(EndCause::HungUp)))),
        (ComeBack, false, &[TargetAnswers, Join], &["customer+ana+bo"], Some((Joined, None))),
        (Consult, false, &[TargetAnswers], &["customer", "ana+bo"], None),
        (Consult, false, &[TargetAnswers, Complete], &["customer+bo"], Some((Completed, None))),
        (Consult, false, &[TargetAnswers, Cancel], &["customer+ana"], Some((Cancelled, None))),
        (Consult, false, &[TargetAnswers, Swap], &["customer+ana", "bo"], None),
        (Consult, false, &[TargetAnswers, Swap, Swap], &["customer", "ana+bo"], None),
        (Consult, false, &[TargetAnswers, Swap, Complete], &["customer+bo"], Some((Completed, None))),
        (Consult, false, &[TargetAnswers, Swap, TransferorBye], &["customer+bo"], Some((Completed, None))),
        (Consult, false, &[TargetAnswers, Join], &["customer+ana+bo"], Some((Joined, None))),
        (Consult, false, &[TargetAnswers, TransferorBye], &["customer+bo"], Some((Completed, None))),
        (Consult, false, &[TargetAnswers, TargetBye], &["customer+ana"], Some((CameBack, Some(EndCause::HungUp)))),
        (Consult, false, &[Complete, TargetAnswers], &["customer+bo"], Some((Completed, None))),
        (Consult, false, &[TargetAnswers, CustomerBye], &["ana+bo"], Some((CustomerLeft, Some(EndCause::HungUp)))),
        (Consult, true, &[TargetAnswers, CustomerBye], &["ana+bo"], Some((CustomerLeft, Some(EndCause::HungUp)))),
        (
            Consult,
            false,
            &[TargetAnswers, Swap, CustomerBye],
            &["ana+bo"],
            Some((CustomerLeft, Some(EndCause::HungUp))),
        ),
        (Consult, true, &[TargetAnswers, Swap, CustomerBye], &["ana+bo"], Some((CustomerLeft, Some(EndCause::HungUp)))),
    ];
    for (mode, flow, order, calls, ended) in rows {
        let mut bench = Bench::talk(*flow);
        bench.transfer(*mode, &["bo"]);
        let mut answered = false;
        for what in *order {
            bench.happens(*what, &mut answered);
        }
        if bench.tells.contains(&Tell::CustomerLeft) {
            // What a flow says to that; who talks on does so.
            bench.act(Act::Unhold);
        }
        assert_eq!((bench.calls(), bench.ended()), (names(calls), *ended), "{mode:?} {order:?}");
        let told = bench.tells.iter().filter(|t| matches!(t, Tell::TransferEnded { .. })).count();
        assert_eq!(told, usize::from(ended.is_some()), "{mode:?} {order:?}");
        let runs = match (ended, answered) {
            (Some(_), _) => None,
            (None, false) => Some(TransferPhase::Ringing),
            (None, true) if *mode == ComeBack => Some(TransferPhase::Away),
            (None, true) => Some(TransferPhase::Consulting),
        };
        let seen = bench.contacts.view(bench.contact).and_then(|view| view.transfer);
        assert_eq!(seen.map(|t| (t.mode, t.phase)), runs.map(|phase| (*mode, phase)), "{order:?}");
    }
}

/// Three happenings in any order, in every mode, with and without a flow: nobody is forgotten, the customer goes only
/// when he wants to or when nobody is left for him, and when all have hung up nothing is left.
#[test]
fn no_order_kills_the_customer_or_leaves_a_leg() {
    for mode in MODES {
        for order in 0..ALL.len().pow(3) {
            // Half of them with a flow behind the customer.
            let flow = (order + order / ALL.len()).is_multiple_of(2);
            let order = [0, 1, 2].map(|place| ALL[order / ALL.len().pow(place) % ALL.len()]);
            judge(mode, flow, &order);
        }
    }
}

fn judge(mode: TransferMode, flow: bool, order: &[Happens]) {
    let mut bench = Bench::talk(flow);
    bench.transfer(mode, &["bo"]);
    let mut answered = false;
    for (place, what) in order.iter().enumerate() {
        let was_live = bench.is_live("customer");
        bench.happens(*what, &mut answered);
        let stranded = bench.tells.iter().any(|t| matches!(t, Tell::Stranded { .. } | Tell::OtherSideLeft));
        let own_will = order[..=place].contains(&CustomerBye);
        // With nobody left to talk to, and nobody who is rung for him, a contact without a flow ends.
        let last = !flow && !bench.is_live("ana") && !bench.is_live("bo");
        assert!(
            bench.is_live("customer") || !was_live || own_will || stranded || last,
            "{mode:?} flow {flow} {order:?}: the customer died at {what:?}: {:?}",
            bench.story(&["leg_ended", "transfer_ended"])
        );
        if bench.is_live("customer") {
            let quiet = bench.hears("customer") == "nothing";
            assert!(!quiet || stranded, "{mode:?} flow {flow} {order:?}: he hears nothing after {what:?}");
        }
    }
    for name in ["customer", "ana", "bo"] {
        if bench.is_live(name) {
            bench.bye(name);
        }
    }
    bench.hang_up(None);
    assert!(bench.is_over(), "{mode:?} flow {flow} {order:?}");
    let record = bench.record();
    assert_eq!((record.anomalies, record.transfers.len()), (0, 1), "{mode:?} {order:?}");
    assert!(record.transfers[0].ended.is_some() && record.legs.iter().all(|l| l.ended.is_some()));
    assert!(record.calls.iter().all(|c| c.closed.is_some() && c.stays.iter().all(|s| s.left.is_some())));
    let gone = bench.tells.iter().filter(|t| matches!(t, Tell::AgentGone { .. })).count();
    assert_eq!(gone, 1, "{mode:?} {order:?}: one wrap-up");
}

#[test]
fn while_the_target_rings_everybody_hears_what_helps_him() {
    let mut bench = Bench::talk(false);
    bench.transfer(TransferMode::Consult, &["bo"]);
    bench.rings("bo");
    assert_eq!((bench.hears("customer").as_str(), bench.hears("ana").as_str()), ("music/jazz", "tones/ringback"));
    assert_eq!(bench.recorded(), ("customer".to_owned(), String::new()));
    bench.answer("bo");
    assert_eq!((bench.hears("ana").as_str(), bench.hears("bo").as_str()), ("bo", "ana"));
    assert_eq!(bench.hears("customer"), "music/jazz");
    assert_eq!(bench.recorded().1, "", "a consult never reaches the customer's file");
    bench.consult(ConsultVerb::Swap);
    assert_eq!((bench.hears("customer").as_str(), bench.hears("bo").as_str()), ("ana", "music/jazz"));
    bench.consult(ConsultVerb::Join);
    assert_eq!((bench.hears("customer").as_str(), bench.hears("bo").as_str()), ("ana+bo", "customer+ana"));
    assert_eq!(bench.recorded().1, "ana+bo");
    let does: Vec<Does> = bench
        .tells
        .iter()
        .filter_map(|t| match t {
            Tell::AgentDoes { agent: AgentNo(1), does, by: _ } => Some(*does),
            _ => None,
        })
        .collect();
    assert_eq!(does, [Does::Consults, Does::Talks, Does::Confers]);
}

#[test]
fn a_customer_whose_transfer_fails_belongs_to_the_flow_the_group_or_nobody() {
    let mut bench = Bench::talk(true);
    bench.transfer(TransferMode::Blind, &["bo"]);
    assert_eq!(bench.hears("customer"), "tones/ringback");
    bench.fail("bo", EndCause::Busy);
    assert_eq!(
        bench.tells.last(),
        Some(&Tell::TransferEnded {
            transferor: bench.leg("ana"),
            ending: TransferEnding::Failed,
            cause: Some(EndCause::Busy),
        })
    );
    assert!(bench.tells.contains(&Tell::OtherSideLeft));

    let mut bench = Bench::talk(false);
    bench.transfer(TransferMode::Blind, &["bo"]);
    bench.fail("bo", EndCause::Busy);
    assert!(bench.tells.contains(&Tell::Stranded { group: GROUP }));
    bench.act(Act::Wait { groups: vec![GROUP], music: "jazz".to_owned() });
    bench.pass(Span::minutes(1));
    assert_eq!(bench.hears("customer"), "music/jazz");

    // Bo is no agent: when his transfer fails there is no group.
    let mut bench = Bench::talk(false);
    bench.transfer(TransferMode::OnAnswer, &["bo"]);
    bench.answer("bo");
    let transfer = Transfer { transferor: bench.leg("bo"), mode: TransferMode::Blind, dial: dial(&["cy"]) };
    bench.verb(Act::Transfer(Box::new(transfer)));
    bench.fail("cy", EndCause::Busy);
    assert!(bench.is_over());
    assert_eq!((bench.record().cause, bench.record().side), (Some(EndCause::Busy), Some(Side::Other)));
}

#[test]
fn a_dial_of_several_ways_goes_on_after_the_transferor_left() {
    let mut bench = Bench::talk(false);
    bench.transfer(TransferMode::OnAnswer, &["nobody", "bo", "cy"]);
    bench.bye("ana");
    bench.fail("bo", EndCause::Unreachable);
    assert_eq!(bench.calls(), ["customer+cy"]);
    bench.answer("cy");
    assert_eq!((bench.hears("customer").as_str(), bench.ended()), ("cy", Some((TransferEnding::Completed, None))));
}

#[test]
fn nobody_to_be_rung_restores_at_once() {
    for mode in MODES {
        let mut bench = Bench::talk(false);
        bench.transfer(mode, &["nobody"]);
        assert_eq!(bench.calls(), ["customer+ana"], "{mode:?}");
        assert_eq!(bench.ended(), Some((TransferEnding::Failed, Some(EndCause::Unreachable))), "{mode:?}");
        assert_eq!(bench.hears("customer"), "ana");
    }
}

#[test]
fn what_does_not_fit_is_refused_before_anything_happens() {
    let mut bench = Bench::talk(false);
    let transfer = |bench: &Bench, who: &str| {
        let transferor = bench.leg(who);
        Act::Transfer(Box::new(Transfer { transferor, mode: TransferMode::Consult, dial: dial(&["cy"]) }))
    };
    let decide = |bench: &Bench, who, verb| Act::Consult { transferor: bench.leg(who), verb, by: super::asked() };
    assert_eq!(bench.refused(&transfer(&bench, "customer")), Some(Refused::NotTransferor));
    assert_eq!(bench.refused(&decide(&bench, "ana", ConsultVerb::Swap)), Some(Refused::NothingToEnd));
    bench.transfer(TransferMode::Consult, &["bo"]);
    assert_eq!(bench.refused(&decide(&bench, "ana", ConsultVerb::Swap)), Some(Refused::TransferNotThere));
    assert_eq!(bench.refused(&transfer(&bench, "bo")), Some(Refused::NotTalking));
    bench.answer("bo");
    assert_eq!(bench.refused(&transfer(&bench, "bo")), Some(Refused::NotTransferor));
    assert_eq!(bench.refused(&decide(&bench, "bo", ConsultVerb::Cancel)), Some(Refused::NotTransferor));
    let told = bench.events.len();
    bench.act(decide(&bench, "bo", ConsultVerb::Cancel));
    assert_eq!(bench.events.len(), told, "what is refused has no effect");
    bench.hang_up(None);
    assert_eq!(bench.refused(&transfer(&bench, "ana")), Some(Refused::UnknownContact));
}
