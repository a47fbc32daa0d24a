//! Supervisors: who hears them and what, in which call they are, when they leave, and how they take an agent's place.

use super::super::words::{Act, ChairLeaves, ConsultVerb, Invite, OfferStep, Refused, Supervise, Tell};
use super::{Bench, GROUP, asked, attempt, dial};
use crate::base::bounds::ALONE_MAX;
use crate::base::{AgentNo, LegId, OfferId, Span};
use crate::event::words::{
    EndCause, LegRole, OfferEnding, SupervisionEnding as Ending, SupervisionMode as Mode, TransferMode, Watched,
};
use crate::event::{About, Kind};

const SUE: AgentNo = AgentNo(9);

impl Bench {
    fn supervise(target: Watched, mode: Mode) -> Act {
        let (attempt, ring, by) = (attempt("sue"), Span::seconds(20), asked());
        Act::Supervise(Box::new(Supervise { agent: SUE, target, mode, attempt, ring, by }))
    }

    /// Sue's phone is rung and answers.
    fn supervised(&mut self, target: Watched, mode: Mode) {
        self.verb(Self::supervise(target, mode));
        self.rings("sue");
        self.answer("sue");
    }

    /// Customer and Ana talk, Sue watches Ana.
    pub(super) fn watched(mode: Mode) -> Self {
        let mut bench = Self::talk(false);
        let ana = Watched::Leg(bench.leg("ana"));
        bench.supervised(ana, mode);
        bench
    }

    fn change(&mut self, mode: Mode, target: Option<Watched>) {
        let leg = self.leg("sue");
        self.verb(Act::ChangeMode { leg, mode, target, by: asked() });
    }

    fn take_over(&mut self) {
        let leg = self.leg("sue");
        self.verb(Act::TakeOver { leg, by: asked() });
    }

    /// What the customer, Ana and Sue hear.
    fn three_hear(&self) -> [String; 3] {
        ["customer", "ana", "sue"].map(|name| self.hears(name))
    }

    fn supervision_ended(&self) -> (Ending, Option<EndCause>) {
        match self.last("supervision_ended").kind {
            Kind::SupervisionEnded { ending, cause } => (ending, cause),
            ref other => panic!("{other:?}"),
        }
    }

    fn main(&self) -> Watched {
        Watched::Call(self.call_of("customer").expect("he is in a call"))
    }
}

#[test]
fn who_hangs_a_supervisor_up_is_told_with_what_ends_by_it() {
    let mut bench = Bench::watched(Mode::Listen);
    bench.hang_up(Some(bench.leg("sue")));
    for kind in ["supervision_ended", "leg_ended"] {
        assert_eq!(bench.last(kind).by, asked(), "{kind}");
    }
    bench.bye("ana");
    assert_eq!(bench.last("leg_ended").by, crate::event::words::By::SYSTEM, "the next step is nobody's");
}

#[test]
fn modes_change_at_any_time_and_the_recording_has_what_the_customer_hears() {
    let mut bench = Bench::watched(Mode::Listen);
    assert_eq!(bench.three_hear(), ["ana", "customer", "customer+ana"]);
    assert_eq!(bench.last("supervision_started").by, asked());
    let started = bench.last("supervision_started").about;
    let expected = About { agent: Some(SUE), leg: Some(bench.leg("sue")), contact: Some(bench.contact), ..started };
    assert_eq!(started, expected);
    bench.change(Mode::Whisper, None);
    assert_eq!(bench.three_hear(), ["ana", "customer+sue", "customer+ana"]);
    assert_eq!(bench.recorded(), ("customer".to_owned(), "ana".to_owned()));
    bench.change(Mode::Barge, None);
    assert_eq!(bench.three_hear(), ["ana+sue", "customer+sue", "customer+ana"]);
    assert_eq!(bench.recorded(), ("customer".to_owned(), "ana+sue".to_owned()));
    bench.pass(Span::seconds(5));
    bench.change(Mode::Listen, None);
    assert_eq!(bench.three_hear(), ["ana", "customer", "customer+ana"]);
    assert_eq!(bench.recorded().1, "ana");
    let (leg, mode) = (bench.leg("sue"), Mode::Listen);
    let again = Act::ChangeMode { leg, mode, target: None, by: asked() };
    assert_eq!(bench.refused(&again), Some(Refused::AlreadyDone));
    bench.bye("sue");
    assert_eq!(bench.supervision_ended(), (Ending::Left, Some(EndCause::HungUp)));
    assert_eq!((bench.hears("customer"), bench.hears("ana")), ("ana".to_owned(), "customer".to_owned()));
    let supervision = &bench.record().supervisions[0];
    let modes: Vec<Mode> = supervision.stretches.iter().map(|s| s.mode).collect();
    assert_eq!(modes, [Mode::Listen, Mode::Whisper, Mode::Barge, Mode::Listen]);
    let barged = &supervision.stretches[2];
    assert_eq!(barged.to.map(|to| to - barged.from), Some(Span::seconds(5)));
    assert_eq!((supervision.agent, supervision.ending), (Some(SUE), Some(Ending::Left)));
    assert!(!bench.record().agents().contains(&SUE), "who only listened did not talk");
}

#[test]
fn a_whisper_has_one_hearer_who_is_no_customer() {
    let bench = Bench::talk(false);
    let customer = Watched::Leg(bench.leg("customer"));
    assert_eq!(bench.refused(&Bench::supervise(customer, Mode::Whisper)), Some(Refused::NobodyToWhisperTo));
    assert_eq!(bench.refused(&Bench::supervise(bench.main(), Mode::Whisper)), Some(Refused::NobodyToWhisperTo));
    assert_eq!(bench.refused(&Bench::supervise(customer, Mode::Listen)), None);
    let nobody = Watched::Leg(LegId(1));
    assert_eq!(bench.refused(&Bench::supervise(nobody, Mode::Listen)), Some(Refused::UnknownLeg));
    let ana = bench.leg("ana");
    let change = Act::ChangeMode { leg: ana, mode: Mode::Barge, target: None, by: asked() };
    assert_eq!(bench.refused(&change), Some(Refused::NotSupervisor));
    assert_eq!(bench.refused(&Act::TakeOver { leg: ana, by: asked() }), Some(Refused::NotSupervisor));
}

#[test]
fn a_supervisor_gives_no_call_away_and_is_not_supervised() {
    let bench = Bench::watched(Mode::Barge);
    let sue = bench.leg("sue");
    assert_eq!(bench.refused(&Bench::supervise(Watched::Leg(sue), Mode::Listen)), Some(Refused::UnknownLeg));
    let transfer = super::super::words::Transfer { transferor: sue, mode: TransferMode::Blind, dial: dial(&["bo"]) };
    assert_eq!(bench.refused(&Act::Transfer(Box::new(transfer))), Some(Refused::NotTransferor));
    // Nor by joining it to a call of his own.
    let mut bench = bench;
    bench.phone_calls("sue-two", "bo");
    bench.answer("bo");
    let legs = (sue, bench.leg("sue-two"));
    assert_eq!(bench.merge(legs), Err(Refused::NotTransferor));
}

#[test]
fn who_watches_an_agent_goes_with_him_into_a_consult_and_back() {
    for mode in [Mode::Listen, Mode::Whisper, Mode::Barge] {
        let mut bench = Bench::watched(mode);
        bench.transfer(TransferMode::Consult, &["bo"]);
        assert_eq!(bench.call_of("sue"), bench.call_of("ana"), "{mode:?}");
        bench.answer("bo");
        assert_eq!((bench.hears("customer"), bench.hears("sue")), ("music/jazz".to_owned(), "ana+bo".to_owned()));
        assert_eq!(bench.hears("bo") == "ana+sue", mode == Mode::Barge);
        bench.consult(ConsultVerb::Cancel);
        assert_eq!(bench.hears("sue"), "customer+ana", "{mode:?}");
        bench.transfer(TransferMode::Consult, &["bo"]);
        bench.answer("bo");
        bench.consult(ConsultVerb::Complete);
        assert!(!bench.is_live("sue") && bench.is_live("bo"), "{mode:?}");
        assert_eq!(bench.supervision_ended(), (Ending::TargetLeft, Some(EndCause::PeerLeft)));
        assert_eq!(bench.hears("customer"), "bo");
    }
}

#[test]
fn who_watches_a_call_stays_in_it() {
    let mut bench = Bench::talk(false);
    bench.supervised(bench.main(), Mode::Listen);
    bench.transfer(TransferMode::Consult, &["bo"]);
    bench.answer("bo");
    assert_eq!(bench.call_of("sue"), bench.call_of("customer"));
    assert_eq!(
        (bench.hears("sue"), bench.hears("customer")),
        ("customer+music/jazz".to_owned(), "music/jazz".to_owned())
    );
    bench.change(Mode::Barge, None);
    assert_eq!(bench.hears("customer"), "sue", "nobody else talks to him");
    bench.consult(ConsultVerb::Complete);
    assert_eq!((bench.hears("sue"), bench.hears("customer")), ("customer+bo".to_owned(), "sue+bo".to_owned()));
    let bo = Watched::Leg(bench.leg("bo"));
    bench.change(Mode::Whisper, Some(bo));
    assert_eq!((bench.hears("bo"), bench.hears("customer")), ("customer+sue".to_owned(), "bo".to_owned()));
    bench.bye("customer");
    assert!(bench.is_over());
    assert_eq!(bench.record().anomalies, 0);
}

#[test]
fn the_end_of_the_call_ends_the_supervision_and_not_the_other_way_round() {
    for mode in [Mode::Listen, Mode::Whisper, Mode::Barge] {
        for call in [false, true] {
            if call && mode == Mode::Whisper {
                continue;
            }
            for leaves in ["customer", "ana"] {
                let mut bench = Bench::talk(false);
                let target = if call { bench.main() } else { Watched::Leg(bench.leg("ana")) };
                bench.supervised(target, mode);
                bench.bye(leaves);
                assert!(bench.is_over(), "{mode:?} {call} {leaves}");
                assert_eq!(bench.supervision_ended().0, Ending::TargetLeft);
                assert_eq!(bench.record().anomalies, 0);
            }
        }
    }
}

#[test]
fn a_supervisor_keeps_nobody_in_a_dead_call() {
    // The flow is over, the customer alone: he has as long as without a supervisor.
    let mut bench = Bench::talk(true);
    bench.supervised(bench.main(), Mode::Barge);
    bench.bye("ana");
    assert!(bench.tells.contains(&Tell::OtherSideLeft), "the flow goes on");
    assert_eq!(bench.hears("customer"), "sue");
    bench.act(Act::Unhold);
    assert!(bench.is_over());
    let mut bench = Bench::talk(false);
    bench.supervised(bench.main(), Mode::Listen);
    bench.pass(ALONE_MAX + Span::seconds(1));
    assert!(bench.is_live("customer"), "two talk");
}

#[test]
fn his_phone_may_ring_out_or_refuse_and_nobody_notices() {
    let mut bench = Bench::talk(false);
    let ana = Watched::Leg(bench.leg("ana"));
    bench.verb(Bench::supervise(ana, Mode::Barge));
    bench.rings("sue");
    assert_eq!((bench.hears("customer"), bench.hears("ana")), ("ana".to_owned(), "customer".to_owned()));
    let sue = bench.leg("sue");
    let change = Act::ChangeMode { leg: sue, mode: Mode::Listen, target: None, by: asked() };
    assert_eq!(bench.refused(&change), Some(Refused::NotTalking));
    bench.pass(Span::seconds(20));
    assert_eq!(bench.supervision_ended(), (Ending::Failed, Some(EndCause::NoAnswer)));
    assert_eq!(bench.last("supervision_ended").by, asked());
    bench.verb(Bench::supervise(ana, Mode::Barge));
    bench.fail("sue", EndCause::Busy);
    assert_eq!(bench.supervision_ended(), (Ending::Failed, Some(EndCause::Busy)));
    assert!(bench.is_live("customer") && bench.is_live("ana"));
    assert!(bench.record().supervisions.is_empty(), "he has heard nothing");
    bench.bye("ana");
    assert!(bench.is_over());
}

#[test]
fn who_waits_is_heard_with_his_music_and_then_with_his_agent() {
    let mut bench = Bench::customer();
    bench.act(Act::Wait { groups: vec![GROUP], music: "jazz".to_owned() });
    bench.supervised(bench.main(), Mode::Listen);
    assert_eq!(
        (bench.hears("customer"), bench.hears("sue")),
        ("music/jazz".to_owned(), "customer+music/jazz".to_owned())
    );
    bench.ring("ana", 1);
    bench.rings("ana");
    assert_eq!(bench.hears("sue"), "customer+music/jazz");
    bench.answer("ana");
    bench.heard("ana");
    assert!(bench.tells.contains(&Tell::Offer { offer: OfferId(901), step: OfferStep::Connected }));
    assert_eq!(bench.three_hear(), ["ana", "customer", "customer+ana"]);
}

#[test]
fn an_intercept_takes_the_agents_place() {
    let mut bench = Bench::watched(Mode::Listen);
    bench.take_over();
    assert!(!bench.is_live("ana"));
    assert_eq!((bench.hears("customer"), bench.hears("sue")), ("sue".to_owned(), "customer".to_owned()));
    assert_eq!(bench.recorded().1, "sue");
    assert_eq!(bench.supervision_ended(), (Ending::TookOver, None));
    assert_eq!(bench.last("supervision_ended").by, asked());
    assert!(bench.tells.contains(&Tell::AgentGone { agent: AgentNo(1), group: Some(GROUP) }));
    assert_eq!(bench.open().contacts[&bench.contact].legs[&bench.leg("sue")].role, LegRole::Agent);
    let leg = bench.leg("sue");
    assert_eq!(bench.refused(&Act::TakeOver { leg, by: asked() }), Some(Refused::NotSupervisor));
    assert!(bench.record().agents().contains(&SUE));
    bench.bye("sue");
    assert!(bench.is_over(), "he was the other side");
}

/// The day simulator's seed 403: the journal knew nothing of it.
#[test]
fn who_takes_the_place_of_the_chair_has_the_chair() {
    let mut bench = Bench::watched(Mode::Listen);
    let invite = Invite { inviter: bench.leg("ana"), chair_leaves: ChairLeaves::PassOn, dial: dial(&["bo"]) };
    bench.verb(Act::Invite(Box::new(invite)));
    bench.rings("bo");
    bench.answer("bo");
    bench.take_over();
    assert_eq!(bench.story(&["chair_taken"]), ["chair_taken ana", "chair_taken sue"]);
    assert!(bench.is_live("bo") && !bench.is_live("ana"));
}

#[test]
fn an_intercept_ends_a_hold_and_waits_for_a_transfer() {
    let mut bench = Bench::watched(Mode::Listen);
    let customer = bench.leg("customer");
    bench.verb(Act::Hold { leg: customer, by: asked() });
    bench.take_over();
    assert_eq!(bench.hears("customer"), "sue");
    let mut bench = Bench::watched(Mode::Listen);
    bench.transfer(TransferMode::Consult, &["bo"]);
    let leg = bench.leg("sue");
    assert_eq!(bench.refused(&Act::TakeOver { leg, by: asked() }), Some(Refused::TransferRuns));
}

#[test]
fn he_takes_over_while_it_rings_and_the_agent_is_not_charged() {
    for call in [false, true] {
        let mut bench = Bench::customer();
        bench.act(Act::Wait { groups: vec![GROUP], music: "jazz".to_owned() });
        bench.ring("ana", 1);
        bench.rings("ana");
        let target = if call { bench.main() } else { Watched::Leg(bench.leg("ana")) };
        bench.supervised(target, Mode::Listen);
        bench.take_over();
        assert!(!bench.is_live("ana"));
        let lost = OfferStep::Ended { ending: OfferEnding::LostRace, sip_status: None };
        assert!(bench.tells.contains(&Tell::Offer { offer: OfferId(901), step: lost }));
        assert!(bench.tells.contains(&Tell::TakenOver { agent: SUE, group: Some(GROUP), by: asked() }));
        assert_eq!((bench.hears("customer"), bench.hears("sue")), ("sue".to_owned(), "customer".to_owned()));
        bench.bye("customer");
        assert!(bench.is_over());
        assert_eq!(bench.record().anomalies, 0);
    }
}

#[test]
fn a_customer_whom_only_a_flow_has_is_nobodys_to_take() {
    let mut bench = Bench::customer();
    bench.act(Act::Answer);
    bench.supervised(bench.main(), Mode::Listen);
    let leg = bench.leg("sue");
    assert_eq!(bench.refused(&Act::TakeOver { leg, by: asked() }), Some(Refused::NobodyToReplace));
    bench.bye("customer");
    assert!(bench.is_over());
}

#[test]
fn whom_an_order_still_rings_is_nobodys_to_take() {
    let mut bench = Bench::order();
    let call = Watched::Call(bench.call_of("bo").expect("he is rung"));
    bench.supervised(call, Mode::Listen);
    let leg = bench.leg("sue");
    assert_eq!(bench.refused(&Act::TakeOver { leg, by: asked() }), Some(Refused::NobodyToReplace));
}

#[test]
fn what_a_supervisor_presses_is_nobodys() {
    let mut bench = Bench::watched(Mode::Barge);
    let sent = bench.sips.len();
    let sue = bench.leg("sue");
    bench.tell(crate::sip::words::Tell::Digit { leg: sue, digit: '1' }, sue);
    assert_eq!(bench.sips.len(), sent);
    assert!(!bench.tells.contains(&Tell::Digit('1')));
}

#[test]
fn who_watched_him_whose_place_is_taken_goes_on_with_who_took_it() {
    let mut bench = Bench::watched(Mode::Listen);
    let target = Watched::Leg(bench.leg("ana"));
    let (agent, attempt, ring, by) = (AgentNo(8), attempt("eve"), Span::seconds(20), asked());
    bench.verb(Act::Supervise(Box::new(Supervise { agent, target, mode: Mode::Barge, attempt, ring, by })));
    bench.rings("eve");
    bench.answer("eve");
    let sue = bench.leg("sue");
    bench.verb(Act::TakeOver { leg: sue, by: asked() });
    assert_eq!((bench.hears("customer"), bench.hears("eve")), ("sue+eve".to_owned(), "customer+sue".to_owned()));
    let changed = bench.last("supervision_changed");
    assert_eq!(
        (&changed.kind, changed.about.leg),
        (&Kind::SupervisionChanged { mode: Mode::Barge, target: Watched::Leg(sue) }, Some(bench.leg("eve")),)
    );
    bench.bye("sue");
    assert_eq!(bench.supervision_ended().0, Ending::TargetLeft, "and leaves with him");
    assert_eq!(bench.record().anomalies, 0);
}
