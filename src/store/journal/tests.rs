//! The journal on real files.

use std::sync::mpsc::channel;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::base::bounds::{EVENT_RING, EVENT_RING_BYTES};
use crate::base::{Time, Utc};
use crate::event::words::AlarmKind;
use crate::ledger::script::{NOON, Script, TENANT, event};

pub fn quiet() -> OnCommitted {
    Box::new(|_, _| {})
}

fn open(folder: &TempDir) -> Journal {
    Journal::open(folder.path(), 0, BTreeMap::new(), quiet()).expect("the folder is writable")
}

fn wait_for(journal: &Journal, seq: u64) {
    while journal.status().committed < seq {
        journal.ring().wait(journal.status().committed, Duration::from_secs(10), || false);
    }
}

fn alarm(ms: i64) -> Event {
    event(ms, About::default(), Kind::Alarm { alarm: AlarmKind::ClockStep, text: format!("at {ms}") })
}

fn all(folder: &TempDir) -> Vec<Recorded> {
    let mut events = Vec::new();
    for_each_event(folder.path(), 0, &mut |recorded| events.push(recorded)).expect("readable");
    events
}

#[test]
fn what_is_appended_is_read_again_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = Script::day();
    let journal = open(&folder);
    for recorded in &script.events {
        assert_eq!(journal.append(recorded.event.clone(), None), recorded.seq);
    }
    assert_eq!(journal.close(), Ok(()));
    let status = journal.status();
    assert_eq!((status.committed, status.tail_bytes, status.commit_age), (status.appended, 0, Span::ZERO));
    drop(journal);
    assert_eq!(all(&folder), script.events);

    // The next process goes on after the last.
    let journal = open(&folder);
    let next = script.events.len() as u64 + 1;
    assert_eq!(journal.append(alarm(300_000), None), next);
    assert!(matches!(journal.ring().next(next + 5), Err(Ahead { .. })));
    assert!(matches!(journal.ring().next(3), Ok(Next::Behind)), "the ring is as young as the process");
    let page = journal.read_page(3).expect("kept");
    assert_eq!(page.first().map(|slot| slot.recorded.clone()), script.events.get(3).cloned());
}

#[test]
fn tokens_come_back_once_their_event_is_committed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (sender, told) = channel();
    let on_committed: OnCommitted = Box::new(move |tenant, token| {
        sender.send((tenant, token)).expect("the test listens");
    });
    let journal = Journal::open(folder.path(), 0, BTreeMap::new(), on_committed).expect("writable");
    journal.append(alarm(0), Some(7));
    journal.append(alarm(1), None);
    journal.append(alarm(2), Some(9));
    assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok((TENANT, 7)));
    assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok((TENANT, 9)));
    assert_eq!(all(&folder).len(), 3);
}

#[tokio::test]
async fn subscribers_await_the_committed_position_and_share_views() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(&folder);
    let mut committed = journal.committed();
    journal.append(alarm(0), None);
    journal.append(alarm(1), None);
    let awaited = committed.wait_for(|position| *position == 2);
    tokio::time::timeout(Duration::from_secs(10), awaited).await.expect("soon").expect("the journal lives");
    let Ok(Next::Events(slots)) = journal.ring().next(0) else { panic!("in the ring") };
    assert_eq!(slots.iter().map(|slot| slot.recorded.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(slots[0].view(0, |recorded| format!("{}", recorded.seq)), "1");
    assert_eq!(slots[0].view(0, |_| unreachable!("written once")), "1");
    assert_eq!(slots[0].view(1, |_| "other".to_owned()), "other");
    assert!(matches!(journal.ring().next(2), Ok(Next::Events(none)) if none.is_empty()));
    assert_eq!(journal.ring().next(3).expect_err("beyond"), Ahead { committed: 2 });
    assert!(matches!(journal.read_page(3), Err(ReadError::Ahead { committed: 2 })));
}

#[test]
fn the_ring_keeps_the_last_and_the_files_the_rest() {
    let ring = Ring::new(0);
    let recorded = |seq| Recorded { seq, event: alarm(0) };
    ring.publish((1..=EVENT_RING as u64 + 10).map(|seq| (recorded(seq), 1)));
    assert!(matches!(ring.next(9), Ok(Next::Behind)));
    let Ok(Next::Events(page)) = ring.next(10) else { panic!("the oldest of the ring is 11") };
    assert_eq!((page.len(), page[0].recorded.seq), (EVENT_PAGE, 11));
    let Ok(Next::Events(page)) = ring.next(EVENT_RING as u64 + 9) else { panic!("the last is in it") };
    assert_eq!(page.len(), 1);
}

#[test]
fn large_events_leave_the_ring_sooner() {
    let ring = Ring::new(0);
    let large = |seq| (Recorded { seq, event: alarm(0) }, EVENT_RING_BYTES / 4);
    ring.publish((1..=10).map(large));
    assert!(matches!(ring.next(5), Ok(Next::Behind)));
    let Ok(Next::Events(slots)) = ring.next(6) else { panic!("four of them fit") };
    assert_eq!(slots.len(), 4);
}

#[test]
fn a_new_day_begins_with_everybodys_open_state() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(&folder);
    let script = Script::day();
    for recorded in &script.events {
        journal.append(recorded.event.clone(), None);
    }
    let before = journal.open_state(TENANT);
    let day = Span::hours(24).as_millis();
    let seq = journal.append(alarm(day), None);
    assert_eq!(seq, script.events.len() as u64 + 2, "the checkpoint comes first");
    // The wall clock is set back: the day is not.
    let back = Event { at: NOON, ..alarm(day + 1) };
    journal.append(back, None);
    assert_eq!(journal.close(), Ok(()));
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path()).expect("there").map(|e| e.expect("there").file_name()).collect();
    names.sort();
    assert_eq!(
        names,
        [format!("{}.db", NOON.day()), format!("{}.db", (NOON + Span::hours(24)).day())]
            .map(Into::<std::ffi::OsString>::into)
    );
    assert_eq!(head(folder.path()).expect("readable"), Some(seq - 1));
    let checkpoint = all(&folder).into_iter().find(|recorded| recorded.seq == seq - 1).expect("kept");
    let mut open = Open::default();
    open.apply(&checkpoint);
    let mut passed = before;
    passed.pass(Time(0) + Span::hours(24));
    assert_eq!(open, passed);
    assert_eq!(open.contacts.len(), 1, "one caller waits over midnight");
}

#[test]
fn days_are_removed_whole_once_they_are_folded() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(&folder);
    let day = Span::hours(24).as_millis();
    for n in 0..3 {
        journal.append(alarm(n * day), None);
    }
    wait_for(&journal, 5);
    let [first, second, third] = [0, 1, 2].map(|n| (NOON + Span::hours(24 * n)).day());
    assert!(journal.remove_days(&second, 0).expect("readable").is_empty(), "not folded yet");
    assert_eq!(journal.remove_days(&third, 2).expect("readable"), [first]);
    assert!(matches!(journal.read_page(0), Err(ReadError::NotKept { oldest: Some(2) })));
    assert_eq!(journal.read_page(1).expect("kept").len(), 4, "a page goes over files");
    assert_eq!(journal.remove_days("9999-12-31", 5).expect("readable"), [second], "never the newest");
    assert_eq!(journal.close(), Ok(()));
}

/// The files of a process that died are what another process sees of them while the first still runs.
fn copy(from: &TempDir) -> TempDir {
    let to = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(from.path()).expect("there") {
        let entry = entry.expect("there");
        std::fs::copy(entry.path(), to.path().join(entry.file_name())).expect("copied");
    }
    to
}

#[test]
fn a_torn_last_transaction_is_absent_and_the_rest_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(&folder);
    journal.append(alarm(0), None);
    wait_for(&journal, 1);
    journal.append(alarm(1), None);
    wait_for(&journal, 2);
    let crashed = copy(&folder);
    assert_eq!(all(&crashed).len(), 2, "nothing was checkpointed: both lie in the write-ahead log");

    let torn = copy(&folder);
    let log = torn.path().join(format!("{}.db-wal", NOON.day()));
    let bytes = std::fs::read(&log).expect("there");
    std::fs::write(&log, &bytes[..bytes.len() - 100]).expect("ours");
    let events = all(&torn);
    assert_eq!(events.iter().map(|recorded| recorded.seq).collect::<Vec<_>>(), [1]);
    let journal = open(&torn);
    assert_eq!(journal.append(alarm(2), None), 2, "its number was never told to anybody as committed");
}

#[test]
fn a_disk_that_is_away_costs_memory_and_no_event() {
    let folder = tempfile::tempdir().expect("a folder");
    // A directory stands where the day's file should be made.
    let obstacle = folder.path().join(format!("{}.db", Utc(NOON.0).day()));
    let journal = open(&folder);
    std::fs::create_dir(&obstacle).expect("ours");
    journal.append(alarm(0), Some(1));
    journal.append(alarm(1), None);
    while journal.status().commit_age < Span::millis(150) {
        journal.ring().wait(0, Duration::from_millis(20), || false);
    }
    let status = journal.status();
    assert_eq!((status.committed, status.appended), (0, 2));
    assert!(status.tail_bytes > 100);
    std::fs::remove_dir(&obstacle).expect("ours");
    wait_for(&journal, 2);
    assert_eq!(all(&folder).len(), 2);
}
