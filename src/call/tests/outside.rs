//! An agent at a number outside: until he presses 1 he is nobody, and the caller hears the queue.

use super::super::words::{Act, OfferStep, Tell};
use super::{Bench, GROUP};
use crate::base::{OfferId, Span};
use crate::event::words::{EndCause, OfferEnding};
use crate::media::words::{Fact, ReportBody};
use crate::sip::words::{Act as Sip, Tell as FromSip};

const PROMPT: &str = "en-US/agent-confirm";

/// The mobile was answered by somebody or something that speaks.
fn answered() -> Bench {
    let mut bench = Bench::customer();
    bench.act(Act::Wait { groups: vec![GROUP], music: "jazz".to_owned() });
    bench.offer("mobile", 1, true);
    bench.rings("mobile");
    bench.answer("mobile");
    bench.heard("mobile");
    bench
}

fn press(bench: &mut Bench, key: char) {
    let leg = bench.leg("mobile");
    bench.report(ReportBody::Fact { leg, fact: Fact::Digit(key) });
}

fn steps(bench: &Bench) -> Vec<OfferStep> {
    let step = |tell: &Tell| match tell {
        Tell::Offer { offer: OfferId(901), step } => Some(*step),
        _ => None,
    };
    bench.tells.iter().filter_map(step).collect()
}

#[test]
fn whoever_answers_is_asked_and_the_caller_hears_the_queue() {
    let mut bench = answered();
    assert_eq!((bench.hears("customer").as_str(), bench.hears("mobile").as_str()), ("music/jazz", PROMPT));
    press(&mut bench, '2');
    bench.pass(Span::seconds(7));
    assert_eq!((bench.hears("customer").as_str(), bench.hears("mobile").as_str()), ("music/jazz", PROMPT));
    assert_eq!(steps(&bench), [OfferStep::Alerting, OfferStep::Confirming]);
    // A digit of his is no digit of the caller's flow.
    assert!(!bench.tells.iter().any(|tell| matches!(tell, Tell::Digit(_))));
    press(&mut bench, '1');
    assert_eq!((bench.hears("customer").as_str(), bench.hears("mobile").as_str()), ("mobile", "customer"));
    assert_eq!(steps(&bench)[2..], [OfferStep::Accepted, OfferStep::Connected]);
    bench.pass(Span::seconds(30));
    bench.bye("customer");
    assert!(bench.is_over());
}

#[test]
fn by_info_too_and_without_sound_he_is_not_connected_yet() {
    let mut bench = Bench::customer();
    bench.act(Act::Wait { groups: vec![GROUP], music: "jazz".to_owned() });
    bench.offer("mobile", 1, true);
    bench.answer("mobile");
    let leg = bench.leg("mobile");
    bench.tell(FromSip::Digit { leg, digit: '1' }, leg);
    assert_eq!(steps(&bench), [OfferStep::Confirming, OfferStep::Accepted]);
    bench.heard("mobile");
    assert_eq!(steps(&bench)[2..], [OfferStep::Connected]);
}

#[test]
fn row_40_a_machine_is_hung_up_on_and_never_hears_the_caller() {
    let mut bench = answered();
    let leg = bench.leg("mobile");
    bench.act(Act::Unring { offer: OfferId(901), ending: OfferEnding::RangOut });
    assert!(
        bench.sips.iter().any(|act| matches!(act, Sip::End { leg: l, cause: EndCause::NoAnswer, .. } if *l == leg))
    );
    assert!(!bench.is_live("mobile") && bench.is_live("customer"));
    assert_eq!(bench.hears("customer"), "music/jazz");
    assert_eq!(steps(&bench).last(), Some(&OfferStep::Ended { ending: OfferEnding::RangOut, sip_status: None }));
}

#[test]
fn a_hang_up_on_either_side_ends_the_question() {
    for (who, ending) in [("mobile", OfferEnding::Rejected), ("customer", OfferEnding::CallerLeft)] {
        let mut bench = answered();
        bench.bye(who);
        assert!(!bench.is_live("mobile"), "{who}");
        assert_eq!(steps(&bench).last(), Some(&OfferStep::Ended { ending, sip_status: None }), "{who}");
        assert_eq!(bench.is_over(), who == "customer");
    }
}

#[test]
fn a_way_that_leads_nowhere_gives_the_next_its_turn() {
    let mut bench = Bench::customer();
    bench.act(Act::Wait { groups: vec![GROUP], music: "jazz".to_owned() });
    bench.offer_over(&["one", "two"], 1, false);
    bench.fail("one", EndCause::Overloaded);
    assert_eq!(steps(&bench), [], "the offer goes on");
    bench.rings("two");
    bench.fail("two", EndCause::Busy);
    let busy = OfferStep::Ended { ending: OfferEnding::Rejected, sip_status: Some(486) };
    assert_eq!(steps(&bench), [OfferStep::Alerting, busy]);
    // whoever is called and will not have it is not tried another way
    bench.offer_over(&["three", "four"], 2, false);
    bench.fail("three", EndCause::Busy);
    assert!(!bench.is_live("four"));
    // nothing is open at all
    bench.offer_over(&[], 1, false);
    assert_eq!(steps(&bench)[2..], [OfferStep::NoWay]);
    bench.bye("customer");
    assert!(bench.is_over());
}
