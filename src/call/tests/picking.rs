//! Another phone rings as well for whom a phone rings: every way in which that ends.

use super::super::words::{Act, ConsultVerb, Refused, Tell};
use super::{Bench, asked, attempt};
use crate::base::Span;
use crate::event::words::TransferMode;

impl Bench {
    fn pick(&self, name: &str, rung: &str) -> Act {
        let (rung, attempt) = (self.leg(rung), Box::new(attempt(name)));
        Act::PickUp { rung, attempt, ring: Span::seconds(30), by: asked() }
    }

    fn picks(&mut self, name: &str, rung: &str) {
        let act = self.pick(name, rung);
        self.verb(act);
        self.rings(name);
    }

    fn live(&self, names: [&str; 3]) -> Vec<String> {
        names.into_iter().filter(|name| self.is_live(name)).map(str::to_owned).collect()
    }
}

/// Ana gives the customer to Bo, whose phone rings, and Cy's too.
fn given(mode: TransferMode) -> Bench {
    let mut bench = Bench::talk(false);
    bench.transfer(mode, &["bo"]);
    bench.rings("bo");
    bench.picks("cy", "bo");
    bench
}

#[test]
fn whoever_answers_is_the_target_of_the_transfer() {
    let modes = [TransferMode::Blind, TransferMode::OnAnswer, TransferMode::Consult, TransferMode::ComeBack];
    for (mode, first, other) in modes.into_iter().flat_map(|mode| [(mode, "cy", "bo"), (mode, "bo", "cy")]) {
        let mut bench = given(mode);
        bench.answer(first);
        assert!(bench.is_live(first) && !bench.is_live(other), "{mode:?}, {first} is first");
        let with_ana = mode == TransferMode::Consult;
        assert_eq!(bench.hears(first), if with_ana { "ana" } else { "customer" }, "{mode:?}, {first} is first");
    }
}

#[test]
fn both_go_where_the_one_would_have_gone() {
    let mut bench = given(TransferMode::Consult);
    let decide = |bench: &Bench, verb| Act::Consult { transferor: bench.leg("ana"), verb, by: asked() };
    let act = decide(&bench, ConsultVerb::Cancel);
    bench.verb(act);
    assert_eq!((bench.live(["ana", "bo", "cy"]), bench.hears("ana")), (vec!["ana".to_owned()], "customer".to_owned()));

    for (first, other) in [("bo", "cy"), ("cy", "bo")] {
        let mut bench = given(TransferMode::Consult);
        let act = decide(&bench, ConsultVerb::Complete);
        bench.verb(act);
        assert_eq!(bench.live(["ana", "bo", "cy"]), ["bo", "cy"]);
        bench.answer(first);
        assert_eq!((bench.is_live(other), bench.hears("customer")), (false, first.to_owned()));
    }
}

#[test]
fn the_last_refusal_is_the_answer() {
    for order in [["bo", "cy"], ["cy", "bo"]] {
        let mut bench = given(TransferMode::OnAnswer);
        bench.fail(order[0], crate::event::words::EndCause::Busy);
        assert!(bench.is_live(order[1]) && bench.hears("ana") != "customer");
        bench.fail(order[1], crate::event::words::EndCause::Busy);
        assert_eq!(bench.hears("ana"), "customer", "the transfer failed");
    }
}

/// The one who was called rings as long as he would have, or as long as who picks up.
#[test]
fn both_ring_out_together() {
    let mut bench = Bench::phone();
    bench.rings("boss");
    bench.pass(Span::seconds(15));
    bench.picks("cy", "boss");
    bench.pass(Span::seconds(29));
    assert_eq!(bench.live(["ana-zero", "boss", "cy"]), ["ana-zero", "boss", "cy"]);
    bench.pass(Span::seconds(1));
    assert!(!bench.is_live("boss") && !bench.is_live("cy"));
    assert!(bench.tells.iter().any(|tell| matches!(tell, Tell::DialEnded(Err(_)))));
}

#[test]
fn only_what_rings_by_its_number_is_picked_up() {
    let mut bench = Bench::phone();
    bench.rings("boss");
    let caller = bench.pick("cy", "ana-zero");
    assert_eq!(bench.refused(&caller), Some(Refused::NotRinging), "he calls");
    bench.answer("boss");
    let boss = bench.pick("cy", "boss");
    assert_eq!(bench.refused(&boss), Some(Refused::NotRinging), "he talks");

    let mut bench = Bench::customer();
    bench.act(Act::Wait { groups: vec![super::GROUP], music: "jazz".to_owned() });
    bench.ring("ana", 1);
    let offered = bench.pick("cy", "ana");
    assert_eq!(bench.refused(&offered), Some(Refused::NotRinging), "the queue offers him");
}
