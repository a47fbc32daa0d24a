//! The folds, judged by a day of events and by what must hold after each of them.

use serde_json::json;

use super::script::{ANA, Ids, NOON, SUPPORT, Script, TENANT, event};
use super::{ContactRecord, Open, Rows};
use crate::base::bounds::COMMAND_MEMORY;
use crate::base::{CommandId, ContactId, Span, Time, Utc};
use crate::event::words::{
    Display, Disposition, EndCause, ItemExit, NotReadyReason, OfferEnding, OfferPhase, Side, WorkRole,
};
use crate::event::{About, Kind, Recorded};

fn ms(n: i64) -> Time {
    Time(0) + Span::millis(n)
}

fn open_after(script: &Script) -> Open {
    script.events.iter().fold(Open::default(), |mut open, recorded| {
        open.apply(recorded);
        open
    })
}

fn rows_after(script: &Script) -> Rows {
    script.events.iter().fold(Rows::default(), |mut rows, recorded| {
        rows.apply(recorded);
        rows
    })
}

#[test]
fn what_is_open_is_what_was_begun_and_not_ended() {
    let mut script = Script::default();
    script.sign_in(0);
    script.caller_waits(1_000, 1);
    let open = open_after(&script);
    let contact = &open.contacts[&ContactId(100)];
    assert_eq!(contact.flow.as_ref().and_then(|flow| flow.node.as_deref()), Some("menu"));
    assert_eq!(contact.items.values().next().map(|item| item.group), Some(Some(SUPPORT)));
    assert_eq!(contact.data["digit"], "1");
    assert_eq!((contact.opened, contact.opened_at), (ms(1_000), NOON + Span::seconds(1)));
    assert_eq!(open.agents[&ANA].display(), Display::Ready);

    script.agent_answers(1_000, 1);
    let open = open_after(&script);
    let contact = &open.contacts[&ContactId(100)];
    assert!(contact.items.is_empty());
    assert_eq!((contact.legs.len(), contact.calls.values().next().map(|c| c.legs.len())), (2, Some(2)));
    assert_eq!(contact.offers.values().next().map(|o| o.phase), Some(OfferPhase::Connected));
    assert_eq!(contact.recording.as_ref().map(|r| r.file.as_str()), Some("demo/d/1.wav"));
    assert_eq!(open.agents[&ANA].display(), Display::Talking);

    script.caller_hangs_up(1_000, 1);
    let wrapping = Script { events: script.events[..script.events.len() - 1].to_vec() };
    let open = open_after(&wrapping);
    assert!(open.contacts.is_empty());
    assert_eq!(open.agents[&ANA].works[&ContactId(100)].role, WorkRole::WrapUp);
    assert_eq!(open.agents[&ANA].works[&ContactId(100)].until, Some(ms(76_000)));
    let open = open_after(&script);
    assert!(open.agents[&ANA].works.is_empty());
    assert_eq!(open.anomalies, 0, "every id in the script is known");
}

#[test]
fn a_recording_that_closes_paused_is_as_long_as_its_contact() {
    for paused in [false, true] {
        let mut script = Script::default();
        script.sign_in(0);
        script.caller_waits(1_000, 1);
        script.agent_answers(1_000, 1);
        if paused {
            script.tell(21_100, Ids(1).call(), Kind::RecordingPaused);
        }
        script.caller_hangs_up(1_000, 1);
        let closed = |e: &Recorded| matches!(e.event.kind, Kind::ContactClosed { .. });
        let closed = script.events.iter().position(closed).expect("the caller has hung up");
        script.events.truncate(closed + 1);
        let told = open_after(&script).unsealed[&ContactId(100)].told;
        // what was not paused is told by its last segment, which this script tells later
        assert_eq!(told, if paused { Span::millis(64_900) } else { Span::ZERO });
    }
}

#[test]
fn the_open_state_reads_what_it_writes_at_every_step() {
    let mut open = Open::default();
    for recorded in &Script::day().events {
        open.apply(recorded);
        let text = serde_json::to_string(&open).expect("open state prints");
        assert_eq!(serde_json::from_str::<Open>(&text).expect("and reads"), open, "after seq {}", recorded.seq);
    }
}

#[test]
fn a_checkpoint_replaces_all_that_came_before() {
    let script = Script::day();
    let mut open = open_after(&script);
    let mut checkpoint = event(200_000, About::default(), Kind::Checkpoint { open: open.to_value() });
    let mut fresh = Open::default();
    fresh.apply(&Recorded { seq: 900, event: checkpoint.clone() });
    open.pass(ms(200_000));
    assert_eq!(fresh, open);
    assert!(!fresh.contacts.is_empty());

    checkpoint.kind = Kind::Checkpoint { open: json!({"contacts": 1}) };
    fresh.apply(&Recorded { seq: 901, event: checkpoint });
    open.anomalies += 1;
    assert_eq!(fresh, open, "what cannot be read changes nothing and is counted");
}

#[test]
fn what_is_not_open_is_counted() {
    let none = About::default();
    let cases = [
        (Ids(1).contact(), Kind::ContactData { data: serde_json::Map::new() }),
        (Ids(1).customer(), Kind::LegAnswered),
        (Ids(1).call(), Kind::CallJoined),
        (Ids(1).call(), Kind::CallClosed),
        (Ids(1).item(), Kind::ItemLeft { exit: ItemExit::Full, waited: Span::ZERO }),
        (Ids(1).offer(), Kind::OfferAlerting),
        (none, Kind::AgentSignedOut),
        (Ids(1).work(), Kind::AgentWorkEnded { role: WorkRole::WrapUp }),
        (none, Kind::FlowNode { node: String::new(), exit: String::new() }),
    ];
    for (about, kind) in cases {
        let recorded = Recorded { seq: 1, event: event(0, about, kind) };
        let (mut open, mut rows) = (Open::default(), Rows::default());
        open.apply(&recorded);
        assert_eq!(open, Open { anomalies: 1, ..Open::default() }, "{recorded:?}");
        rows.apply(&recorded);
        assert!(rows.contacts.is_empty());
    }
    let mut script = Script::default();
    script.caller_waits(0, 1);
    script.tell(3_000, Ids(2).customer(), Kind::LegAnswered);
    script.tell(3_000, About { leg: Ids(2).customer().leg, ..Ids(1).contact() }, Kind::LegAnswered);
    let rows = rows_after(&script);
    assert_eq!((rows.orphans(), rows.contacts[&(TENANT, ContactId(100))].anomalies), (1, 1));
    assert_eq!(open_after(&script).anomalies, 2);
}

#[test]
fn a_command_id_is_remembered_for_ten_minutes() {
    let mut script = Script::default();
    script.command(0, "a");
    script.command(1_000, "b");
    let id = |text: &str| CommandId { token: 1, id: text.to_owned() };
    let mut open = open_after(&script);
    assert_eq!(open.commands.get(&id("a")).map(|a| (a.seq, a.body_hash)), Some((1, 7)));
    open.pass(Time(0) + COMMAND_MEMORY - Span::micros(1));
    assert_eq!(open.commands.len(), 2);
    open.pass(Time(0) + COMMAND_MEMORY);
    assert_eq!((open.commands.get(&id("a")), open.commands.len()), (None, 1));
    // The same id again after that is a new command; again within it, the latest counts.
    script.command(1_000, "b");
    script.command(2_000, "b");
    assert_eq!(open_after(&script).commands.iter().map(|a| a.seq).collect::<Vec<_>>(), [1, 4]);
}

#[test]
fn the_record_tells_the_whole_contact() {
    let rows = rows_after(&Script::day());
    let record = &rows.contacts[&(TENANT, ContactId(100))];
    assert_eq!((record.anomalies, record.cut, rows.orphans()), (0, 0, 0));
    assert_eq!(record.disposition, Some(Disposition::Answered));
    assert_eq!(record.closed.map(|closed| closed.t), Some(ms(66_000)));
    assert_eq!(record.talk, Span::millis(59_900), "from the offer's connection to the hang-up: before it he waits");
    assert!(record.legs.iter().all(|leg| leg.talk == record.talk), "{:?}", record.legs);
    assert_eq!(record.waited, Span::millis(3_100));
    assert_eq!((record.agents(), record.groups()), (vec![ANA], vec![SUPPORT]));
    let [customer, agent] = &record.legs[..] else { panic!("{:?}", record.legs) };
    assert_eq!((customer.created, customer.answered, customer.ended), (ms(1_000), Some(ms(1_100)), Some(ms(66_000))));
    assert_eq!((customer.media_heard, customer.media.map(|m| m.received)), (Some(ms(1_150)), Some(3_250)));
    assert_eq!((agent.progress, agent.answered, agent.agent), (Some(ms(4_200)), Some(ms(6_000)), Some(ANA)));
    let [offer] = &record.offers[..] else { panic!("{:?}", record.offers) };
    assert_eq!(
        (offer.alerting, offer.accepted, offer.connected, offer.ended, offer.ending),
        (Some(ms(4_200)), Some(ms(6_000)), Some(ms(6_100)), Some(ms(66_000)), Some(OfferEnding::Connected))
    );
    assert_eq!((record.visits[0].exit, record.visits[0].left), (Some(ItemExit::Connected), Some(ms(6_100))));
    assert_eq!(
        (record.trace[0].node.as_str(), record.trace[0].exit.as_str(), record.digits[0].digit),
        ("menu", "1", '1')
    );
    assert_eq!((record.segments[0].to, record.segments[0].agent), (Span::millis(64_900), Some(ANA)));
    assert_eq!(record.recording.as_ref().and_then(|r| r.length), Some(Span::millis(64_900)));
    assert_eq!((record.wrap_ups[0].from, record.wrap_ups[0].to), (ms(66_000), Some(ms(76_000))), "told after its end");
    let stays: Vec<_> = record.calls[0].stays.iter().map(|stay| (stay.joined, stay.left)).collect();
    assert_eq!(stays, [(ms(1_000), Some(ms(66_000))), (ms(6_000), Some(ms(66_000)))]);

    let gave_up = &rows.contacts[&(TENANT, ContactId(200))];
    assert_eq!(gave_up.disposition, Some(Disposition::AbandonedInQueue));
    assert_eq!((gave_up.waited, gave_up.talk, gave_up.agents().len()), (Span::seconds(4), Span::ZERO, 0));
    assert_eq!(rows.contacts[&(TENANT, ContactId(300))].closed, None);
}

/// The phone answers, and no sound comes from it: the offer fails.
#[test]
fn who_answered_without_being_connected_has_not_talked() {
    let mut script = Script::default();
    script.caller_waits(1_000, 1);
    script.agent_answers(1_000, 1);
    let connected = |e: &Recorded| matches!(e.event.kind, Kind::OfferConnected);
    let connects = script.events.iter().position(connected).expect("he has answered");
    script.events.truncate(connects);
    let ending = OfferEnding::Failed;
    script.tell(12_000, Ids(1).offer(), Kind::OfferEnded { ending, sip_status: None, reason: None });
    let (cause, side) = (EndCause::MediaLost, Side::System);
    script.tell(12_000, Ids(1).agent(), Kind::LegEnded { cause, side, sip_status: None });
    script.tell(12_000, About { leg: Ids(1).agent().leg, ..Ids(1).call() }, Kind::CallLeft);
    script.tell(20_000, Ids(1).item(), Kind::ItemLeft { exit: ItemExit::Withdrawn, waited: Span::seconds(17) });
    let rows = rows_after(&script);
    let record = &rows.contacts[&(TENANT, ContactId(100))];
    assert_eq!((record.talk, record.talking_since, record.agents()), (Span::ZERO, None, Vec::new()));
    assert!(record.legs.iter().all(|leg| leg.talk == Span::ZERO && leg.talking_since.is_none()), "{:?}", record.legs);
}

#[test]
fn records_read_what_they_write() {
    for record in rows_after(&Script::day()).contacts.values() {
        let text = serde_json::to_string(record).expect("a record prints");
        assert_eq!(&serde_json::from_str::<ContactRecord>(&text).expect("and reads"), record);
    }
}

#[test]
fn a_full_list_counts_what_it_leaves_out() {
    let mut script = Script::default();
    script.caller_waits(0, 1);
    for _ in 0..crate::base::bounds::RECORD_LIST {
        script.tell(3_000, Ids(1).customer(), Kind::Digit { digit: '2', path: crate::event::words::DigitPath::Info });
    }
    let rows = rows_after(&script);
    let record = &rows.contacts[&(TENANT, ContactId(100))];
    assert_eq!((record.digits.len(), record.cut, record.anomalies), (crate::base::bounds::RECORD_LIST, 1, 0));
}

#[test]
fn an_agents_states_tile_his_signed_in_time() {
    let mut script = Script::day();
    let about = About { agent: Some(ANA), ..About::default() };
    script.tell(120_000, about, Kind::AgentSignedOut);
    let rows = rows_after(&script);
    let told: Vec<_> = rows.intervals.values().map(|i| (i.from, i.to, i.state, i.reason)).collect();
    let reason = Some(NotReadyReason::SignedIn);
    let expected = [
        (0, 500, Display::NotReady, reason),
        (500, 4_000, Display::Ready, None),
        (4_000, 6_100, Display::Ringing, None),
        (6_100, 66_000, Display::Talking, None),
        (66_000, 76_000, Display::WrapUp, None),
        (76_000, 120_000, Display::Ready, None),
    ];
    assert_eq!(told, expected.map(|(from, to, state, reason)| (ms(from), Some(ms(to)), state, reason)));
    assert!(rows.intervals.values().all(|interval| interval.from_at > Utc(0)));
}

#[test]
#[should_panic(expected = "in order")]
fn rows_refuse_a_gap() {
    let mut rows = Rows::default();
    rows.apply(&Script::day().events[1]);
}

proptest::proptest! {
    /// Whatever was lost, doubled or disordered: no panic, and what results can be stored and read.
    #[test]
    fn no_order_of_events_breaks_a_fold(picks in proptest::collection::vec(0_usize..1_000, 0..120)) {
        let day = Script::day().events;
        let (mut open, mut rows) = (Open::default(), Rows::default());
        for (pick, seq) in picks.into_iter().zip(1..) {
            let recorded = Recorded { seq, event: day[pick % day.len()].event.clone() };
            open.apply(&recorded);
            rows.apply(&recorded);
        }
        let none = Open::default();
        proptest::prop_assert_eq!(rows.open(TENANT).unwrap_or(&none), &open);
        let text = serde_json::to_string(&open).expect("open state prints");
        proptest::prop_assert_eq!(serde_json::from_str::<Open>(&text).expect("and reads"), open);
    }
}

#[test]
fn accepted_command_ids_have_a_bound_and_the_oldest_go() {
    use crate::base::CommandId;
    use crate::base::bounds::COMMAND_IDS_KEPT;
    let id = |n: usize| CommandId { token: 1, id: n.to_string() };
    let mut open = Open::default();
    for n in 0..COMMAND_IDS_KEPT + 10 {
        let kind = Kind::CommandAccepted { id: id(n), code: "accepted".to_owned(), body_hash: 1 };
        // All within the time for which an id is remembered.
        let event = super::script::event(i64::try_from(n / 1_000).expect("small"), About::default(), kind);
        open.apply(&Recorded { seq: n as u64 + 1, event });
    }
    assert_eq!(open.commands.len(), COMMAND_IDS_KEPT);
    assert_eq!(open.commands.iter().count(), COMMAND_IDS_KEPT);
    assert!(open.commands.get(&id(0)).is_none() && open.commands.get(&id(COMMAND_IDS_KEPT + 9)).is_some());
}
