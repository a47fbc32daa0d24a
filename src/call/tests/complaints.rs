//! What users of other systems complain of about transfers and consults, each as a test that stands for the answer.

use super::super::words::ConsultVerb;
use super::Bench;
use crate::base::{Span, TenantNo};
use crate::event::words::{EndCause, SegmentEdge, TransferEnding, TransferMode};

/// FreePBX issue-tracker#124: a transfer is not logged, so an hour goes to an agent who talked two minutes.
#[test]
fn an_agent_who_talked_two_minutes_of_an_hour_is_told_two_minutes() {
    let mut bench = Bench::talk(false);
    bench.pass(Span::seconds(110));
    bench.transfer(TransferMode::Consult, &["bo"]);
    bench.pass(Span::seconds(5));
    bench.answer("bo");
    bench.pass(Span::seconds(10));
    bench.consult(ConsultVerb::Complete);
    bench.pass(Span::minutes(60));
    bench.bye("customer");
    let record = bench.record();
    let talk = |name: &str| record.legs.iter().find(|l| l.leg == bench.leg(name)).map(|l| l.talk);
    assert_eq!(talk("ana"), Some(Span::seconds(120 + 10)), "two minutes, and ten seconds with Bo");
    assert_eq!(talk("bo"), Some(Span::minutes(60) + Span::seconds(10)));
    assert_eq!(talk("customer"), Some(Span::minutes(62)), "he waited while they talked");
}

/// signalwire/freeswitch#1057, #1042: the record is lost when a transfer meets a hang-up; ids of legs differ.
#[test]
fn a_hang_up_that_meets_a_transfer_leaves_one_whole_record() {
    for first in ["ana", "customer", "bo"] {
        let mut bench = Bench::talk(false);
        bench.transfer(TransferMode::OnAnswer, &["bo"]);
        match first {
            "bo" => bench.answer("bo"),
            name => bench.bye(name),
        }
        // The others' messages crossed it on the wire.
        for name in ["bo", "ana", "customer"] {
            if bench.is_live(name) {
                bench.bye(name);
            }
        }
        assert!(bench.is_over(), "{first}");
        let (record, open) = (bench.record(), bench.open());
        assert_eq!((bench.ledger.contacts.len(), record.anomalies, open.anomalies), (1, 0, 0), "{first}");
        assert!(open.contacts.is_empty() && record.closed.is_some());
        let sent: Vec<_> = record.legs.iter().map(|l| l.leg).collect();
        assert_eq!(sent, ["customer", "ana", "bo"].map(|name| bench.leg(name)), "{first}: the ids of the wire");
        assert_eq!(record.tenant, TenantNo(1));
    }
}

/// mikopbx/Core#1125 and issabelPBX#26: the recording is not resumed after a failed consult, or cut at a transfer.
#[test]
fn the_recording_goes_on_after_a_failed_consult_and_over_a_transfer() {
    let mut bench = Bench::talk(false);
    bench.transfer(TransferMode::Consult, &["bo"]);
    bench.pass(Span::seconds(3));
    bench.fail("bo", EndCause::Busy);
    assert_eq!(bench.recorded(), ("customer".to_owned(), "ana".to_owned()), "Ana is heard in it again");
    bench.pass(Span::seconds(3));
    bench.transfer(TransferMode::OnAnswer, &["cy"]);
    bench.answer("cy");
    assert_eq!(bench.recorded(), ("customer".to_owned(), "cy".to_owned()));
    bench.pass(Span::seconds(3));
    bench.bye("customer");
    assert_eq!(bench.story(&["recording_started", "recording_ended"]), ["recording_started -", "recording_ended -"]);
    let record = bench.record();
    let whose: Vec<_> = record.segments.iter().map(|s| (s.leg, s.to - s.from)).collect();
    let (ana, cy) = (Some(bench.leg("ana")), Some(bench.leg("cy")));
    let (ten, three) = (Span::seconds(10), Span::seconds(3));
    assert_eq!(whose, [(ana, ten), (None, three), (ana, three), (cy, three)]);
    let mut ids: Vec<_> = record.segments.iter().map(|s| s.segment).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4, "each part has its own name");
    assert_eq!(record.segments.last().map(|s| s.ended), Some(SegmentEdge::Ended));
}

/// siphon-sip PR#220: the transferor's BYE before the target answers kills the customer; team-telnyx/freeswitch PR#674:
/// the sender stays parked for 55 s.
#[test]
fn the_transferors_bye_before_the_answer_leaves_the_customer_with_the_target() {
    for mode in [TransferMode::OnAnswer, TransferMode::ComeBack, TransferMode::Consult] {
        let mut bench = Bench::talk(false);
        bench.transfer(mode, &["bo"]);
        bench.rings("bo");
        bench.bye("ana");
        assert_eq!(bench.hears("customer"), "tones/ringback", "{mode:?}: he waits for Bo");
        bench.answer("bo");
        assert_eq!((bench.hears("customer").as_str(), bench.hears("bo").as_str()), ("bo", "customer"));
        let ended = bench.record().transfers[0].ending;
        assert_eq!(ended, Some(TransferEnding::Completed), "{mode:?}");
    }
    // Nobody stays parked: a blind transferor is free in the same step.
    let mut bench = Bench::talk(false);
    bench.transfer(TransferMode::Blind, &["bo"]);
    assert!(!bench.is_live("ana"));
}
