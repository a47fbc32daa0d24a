//! What a record must be in itself, and against the diaries of those who were there.

use std::collections::BTreeMap;

use cordboard::base::{AgentNo, LegId, Span, Time};
use cordboard::event::Recorded;
use cordboard::event::words::{Direction, Display, Disposition, LegRole, SegmentEdge};
use cordboard::ledger::record::{LegRecord, Stay};
use cordboard::ledger::{AgentInterval, ContactRecord, Rows};

use crate::scenario::ua::Ua;
use crate::scenario::ua::call::Diary;

/// (3, 9, 11) within one record.
///
/// `partly`: a command began its recording after the answer, or ended it before the end.
pub fn is_sound(record: &ContactRecord, partly: bool) {
    let contact = record.contact;
    assert_eq!(record.anomalies, 0, "(3) contact {contact}: events name what its record does not have");
    assert!(record.closed.is_some() && record.disposition.is_some(), "(3) contact {contact} did not end");
    for leg in &record.legs {
        assert!(ended(record, leg).is_some(), "(3) leg {} did not end: {leg:#?}", leg.leg);
        one_call_at_a_time(record, leg);
    }
    for offer in &record.offers {
        assert!(offer.ended.is_some() && offer.ending.is_some(), "(9) offer {} has no ending", offer.offer);
    }
    for visit in &record.visits {
        assert!(visit.exit.is_some(), "(9) visit of item {} has no exit", visit.item);
    }
    if !matches!(record.disposition, Some(Disposition::Crash | Disposition::InternalError)) {
        recorded_is_answered(record, partly);
    }
}

/// The leg went on in another contact.
pub fn moved_away(record: &ContactRecord, leg: &LegRecord) -> Option<Time> {
    let left = record.calls.iter().flat_map(|c| &c.stays).filter(|s| s.leg == leg.leg).filter_map(|s| s.left).max();
    left.filter(|at| leg.ended.is_none() && record.merged.iter().any(|m| !m.goes_on && m.at == *at))
}

/// When it ended here.
fn ended(record: &ContactRecord, leg: &LegRecord) -> Option<Time> {
    leg.ended.or_else(|| moved_away(record, leg))
}

/// (3) A leg is in exactly one call as long as it lives; one that rests between two visits of this contact, in each.
fn one_call_at_a_time(record: &ContactRecord, leg: &LegRecord) {
    let again = record.legs.iter().filter(|l| l.leg == leg.leg && l.created > leg.created).map(|l| l.created).min();
    let of_it = |s: &&Stay| s.leg == leg.leg && s.joined >= leg.created && again.is_none_or(|again| s.joined < again);
    let mut stays: Vec<_> = record.calls.iter().flat_map(|call| &call.stays).filter(of_it).collect();
    // a stay may last no time at all
    stays.sort_by_key(|stay| (stay.joined, stay.left.is_none(), stay.left));
    assert!(!stays.is_empty(), "(3) leg {} was in no call", leg.leg);
    assert_eq!(stays[0].joined, leg.created, "(3) leg {} was without a call at first", leg.leg);
    assert_eq!(
        stays.last().and_then(|s| s.left),
        ended(record, leg),
        "(3) leg {} left its call at another time",
        leg.leg
    );
    for pair in stays.windows(2) {
        assert_eq!(pair[0].left, Some(pair[1].joined), "(3) leg {} was in two calls or in none", leg.leg);
    }
}

/// (5) What a dying process ended is ended no later than it: nobody talked or waited while it was away.
pub fn outlives_no_process(record: &ContactRecord, crashes: &[Time]) {
    let Some(closed) = record.closed else { return };
    let survived = crashes.iter().find(|at| record.opened.t < **at && **at < closed.t);
    assert!(survived.is_none(), "(5) contact {} goes on over the crash at {survived:?}: {record:#?}", record.contact);
}

/// (6) Up to the event that comes next, no instant of a customer is both wait and talk.
pub fn waits_or_talks(rows: &Rows, next: &Recorded) {
    let key = next.event.about.contact.map(|contact| (next.event.tenant, contact));
    let Some(record) = key.and_then(|key| rows.contacts.get(&key)) else { return };
    let visits = record.visits.iter().filter(|visit| visit.call.is_none() && visit.left.is_none());
    let customers = record.legs.iter().filter(|leg| leg.role == LegRole::Customer);
    let (waits, talks) = (visits.map(|v| v.entered).min(), customers.filter_map(|leg| leg.talking_since).min());
    if let (Some(waits), Some(talks)) = (waits, talks) {
        let both = waits.max(talks);
        assert!(both >= next.event.t, "(6) the customer waits and talks since {both:?}, up to {next:?}: {record:#?}");
    }
}

/// (11) What was recorded, and what is excused, make up the answered time; the segments tile it.
fn recorded_is_answered(record: &ContactRecord, partly: bool) {
    let contact = record.contact;
    let customer = record.legs.iter().find(|leg| leg.role == LegRole::Customer);
    let Some(recording) = &record.recording else {
        let answered = customer.is_some_and(|leg| leg.answered.is_some() && leg.answered != leg.ended);
        assert!(!(record.record && answered), "(11) contact {contact} was answered and is not recorded");
        return;
    };
    let (Some(length), Some(answered)) = (recording.length, recording.answered) else {
        panic!("(11) the recording of contact {contact} did not end: {record:#?}");
    };
    let excused = recording.gap.map_or(Span::ZERO, |(_, gap)| gap);
    assert_eq!(length + excused, answered, "(11) contact {contact}: recorded and answered time");
    if let Some(leg) = customer.filter(|_| record.merged.is_empty()) {
        let from = leg.answered.unwrap_or(recording.started);
        let lasted = leg.ended.map(|end| end - from);
        let fits = if partly { lasted >= Some(answered) } else { lasted == Some(answered) };
        assert!(fits, "(11) contact {contact}: {answered} answered, the leg lasted {lasted:?}");
    }
    let (mut place, mut paused) = (Span::ZERO, false);
    for segment in &record.segments {
        let fits = if paused { segment.from >= place } else { segment.from == place };
        assert!(fits, "(11) contact {contact}: segments {:?}", record.segments);
        (place, paused) = (segment.to, segment.ended == SegmentEdge::Paused);
    }
    assert!(place == answered || paused, "(11) contact {contact}: segments end with the recording");
}

/// (5) Both sides tell the same story, as far as the network lets them.
pub fn equals_diaries(
    record: &ContactRecord,
    dialogs: &BTreeMap<LegId, String>,
    uas: &[Ua],
    slack: Span,
    crashes: &[Time],
) {
    if record.disposition == Some(Disposition::Crash) {
        return;
    }
    let ended = record.closed.map_or(record.opened.t, |moment| moment.t);
    let cut = |at: &Time| *at >= record.opened.t - slack && *at <= ended + slack;
    if crashes.iter().any(cut) {
        return;
    }
    // A leg that was up at rest before is in the diary of one call, and in as many records as contacts it was in.
    let from_rest = |leg: &LegRecord| leg.answered == Some(leg.created);
    for leg in record.legs.iter().filter(|leg| moved_away(record, leg).is_none() && !from_rest(leg)) {
        let Some(call_id) = dialogs.get(&leg.leg) else { continue };
        let diary = uas.iter().find_map(|ua| ua.diary(call_id));
        let diary = diary.unwrap_or_else(|| panic!("(5) nobody knows of leg {}, {call_id}", leg.leg));
        if !diary.vanished {
            same_story(leg, diary, slack);
        }
    }
}

fn same_story(leg: &LegRecord, diary: &Diary, slack: Span) {
    let near = |what: &str, ours: Option<Time>, theirs: Option<Time>| {
        let (Some(ours), Some(theirs)) = (ours, theirs) else { return };
        let apart = if ours > theirs { ours - theirs } else { theirs - ours };
        assert!(apart <= slack, "(5) {what}: {ours:?} here, {theirs:?} there\n{leg:#?}\n{diary:#?}");
    };
    assert_eq!(diary.outgoing, leg.direction == Direction::Inbound, "(5) who called whom\n{leg:#?}\n{diary:#?}");
    near("answered", leg.answered, diary.up);
    near("ended", leg.ended, diary.bye_sent.or(diary.bye_received).filter(|_| leg.answered.is_some()));
    if leg.answered.is_some() {
        let gave_up = diary.gave_up || diary.cancelled.is_some();
        assert!(diary.answered() || gave_up, "(5) answered here and not there\n{leg:#?}\n{diary:#?}");
    }
    let is_talk = diary.answered() && diary.bye_sent.is_none() && diary.bye_received.is_none();
    assert!(!is_talk, "(5) ended here and not there\n{leg:#?}\n{diary:#?}");
    if diary.outgoing && leg.answered.is_none() {
        assert!(!diary.answered(), "(5) answered there and not here\n{leg:#?}\n{diary:#?}");
    }
}

/// (4) What people saw of an agent tiles the time he was signed in.
pub fn intervals_tile(rows: &Rows, seats: &[(AgentNo, Time, bool)], crashes: &[Time]) {
    let mut by_agent: BTreeMap<AgentNo, Vec<&AgentInterval>> = BTreeMap::new();
    for interval in rows.intervals.values() {
        by_agent.entry(interval.agent).or_default().push(interval);
    }
    for (agent, intervals) in by_agent {
        for pair in intervals.windows(2) {
            let (to, from) = (pair[0].to.expect("only the last one runs"), pair[1].from);
            let seat = |at: Time, is_in: bool| seats.contains(&(agent, at, is_in));
            let away = seat(to, false) && seat(from, true);
            assert!(to == from || away, "(4) agent {agent}: {:#?} {:#?}", pair[0], pair[1]);
        }
        // Not who is ready at a number outside, which nothing watches: he is that again as of the end.
        let at_work = |i: &&&AgentInterval| [Display::Talking, Display::Ringing].contains(&i.state);
        for interval in intervals.iter().filter(at_work) {
            let survived = crashes.iter().find(|at| interval.from < **at && interval.to.is_none_or(|to| **at < to));
            assert!(survived.is_none(), "(4) agent {agent} works over the crash at {survived:?}: {interval:#?}");
        }
        let first = intervals.first().map(|i| i.from);
        let came = seats.iter().find(|(no, _, is_in)| *no == agent && *is_in).map(|(_, t, _)| *t);
        assert!(first == came || !crashes.is_empty(), "(4) agent {agent} is seen from {first:?}, came {came:?}");
    }
}

/// (8) From the diaries: every INVITE we sent ended in ACK, CANCEL and ACK, or BYE; every one we got has one final answer.
pub fn every_invite_ends(ua: &Ua, t: Time, crashes: &[Time], lossy: bool) {
    // an INVITE that a dying process left behind is repeated, rung for and given up without it
    let orphaned = |diary: &Diary| {
        crashes
            .iter()
            .any(|at| *at >= diary.invite - Span::seconds(64) && *at <= diary.over.unwrap_or(t) + Span::seconds(64))
    };
    for diary in ua.diaries.values().filter(|d| !d.vanished && !orphaned(d)) {
        let told = || format!("\n{} {diary:#?}", ua.name);
        assert!(diary.over.is_some(), "(8) a call that never ended{}", told());
        let mut finals: Vec<u16> = diary.finals.iter().map(|(_, status)| *status).collect();
        finals.dedup();
        assert!(finals.len() <= 1, "(8) two final answers{}", told());
        let final_status = finals.first().copied();
        if final_status.is_none() {
            assert!(diary.gave_up && lossy, "(8) no final answer{}", told());
            continue;
        }
        // whoever gets BYE no longer repeats his 200, so a lost ACK does not come again
        let lost = diary.gave_up || diary.bye_received.is_some() || (diary.late && final_status >= Some(300));
        let acknowledged = diary.acked.is_some() || (lossy && lost);
        assert!(acknowledged, "(8) no ACK{}", told());
        if diary.answered() {
            let parted = diary.bye_sent.is_some() || diary.bye_received.is_some();
            assert!(parted, "(8) a talk without BYE{}", told());
        }
    }
}
