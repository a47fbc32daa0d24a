//! Journal, records and a restart together, on real files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::journal::{ReadError, for_each_event};
use super::query::{Cursor, Filter, QueryError, Start};
use super::secrets::Secrets;
use super::site::{StoredPush, StoredSite, StoredToken};
use super::*;
use crate::base::bounds::OPEN_SAVE_EVERY;
use crate::base::{AgentNo, ContactId, ExtensionNo, SegmentId, SessionId, Span, TenantNo, Time, Utc};
use crate::event::words::Disposition;
use crate::ledger::script::{ANA, NOON, SUPPORT, Script, TENANT};
use crate::ledger::{AgentInterval, ContactRecord, Open, Rows};
use crate::switch::{StoreAnswer, StoreAsk};

/// A running journal and projector over one data folder.
struct House {
    journal: Arc<Journal>,
    projector: Projector,
    query: Query,
}

fn start(data: &Path) -> (Recovered, House) {
    let found = recover(data).expect("readable");
    let opens = found.opens.clone();
    let journal = Journal::open(&data.join("journal"), found.last_seq, opens, Box::new(|_, _| {})).expect("writable");
    let journal = Arc::new(journal);
    let records = data.join("records.db");
    let projector = Projector::start(&records, journal.clone()).expect("writable");
    let query = Query::new(&records, projector.reached(), Span::seconds(10));
    (found, House { journal, projector, query })
}

impl House {
    fn append(&self, script: &Script) {
        for recorded in &script.events {
            self.journal.append(recorded.event.clone(), None);
        }
    }

    fn stop(self) {
        assert_eq!(self.journal.close(), Ok(()));
        self.projector.close();
    }
}

/// Contacts, agents' intervals and the saved open state, read with SQL alone.
type Read = (Vec<ContactRecord>, Vec<AgentInterval>, BTreeMap<TenantNo, Open>);

fn read(data: &Path) -> Read {
    let connection = open_reader(&data.join("records.db")).expect("there");
    let bodies = |sql: &str| {
        let mut select = connection.prepare(sql).expect("SQL");
        let rows = select.query_map([], |row| row.get::<_, String>(0)).expect("rows");
        rows.map(|row| row.expect("text")).collect::<Vec<_>>()
    };
    let contacts = bodies("SELECT body FROM contact ORDER BY tenant, contact");
    let intervals = bodies("SELECT body FROM agent_interval ORDER BY tenant, agent, seq");
    (
        contacts.iter().map(|body| records::parse(body).expect("JSON")).collect(),
        intervals.iter().map(|body| records::parse(body).expect("JSON")).collect(),
        records::read_open(&connection).expect("there").opens,
    )
}

fn expected(script: &Script) -> Read {
    let mut rows = Rows::default();
    script.events.iter().for_each(|recorded| rows.apply(recorded));
    (rows.contacts.values().cloned().collect(), rows.intervals.values().cloned().collect(), rows.opens().clone())
}

#[test]
fn sql_holds_the_rows_that_the_fold_makes_however_it_was_interrupted() {
    let script = Script::day();
    for stops in [vec![], vec![1], vec![10, 25], (1..script.events.len()).step_by(3).collect()] {
        let data = tempfile::tempdir().expect("a folder");
        let (_, mut house) = start(data.path());
        for (index, recorded) in script.events.iter().enumerate() {
            if stops.contains(&index) {
                house.stop();
                house = start(data.path()).1;
            }
            house.journal.append(recorded.event.clone(), None);
        }
        house.stop();
        assert!(read(data.path()) == expected(&script), "stopped at {stops:?}");

        // Deleted, and built again from the journal.
        std::fs::remove_file(data.path().join("records.db")).expect("ours");
        start(data.path()).1.stop();
        assert!(read(data.path()) == expected(&script), "rebuilt");
    }
}

#[test]
fn a_restart_finds_what_is_open_with_and_without_records() {
    let script = Script::day();
    let (_, _, opens) = expected(&script);
    let data = tempfile::tempdir().expect("a folder");
    assert_eq!(recover(data.path()).expect("nothing yet").last_seq, 0);
    let (_, house) = start(data.path());
    house.append(&script);
    house.stop();
    let found = recover(data.path()).expect("readable");
    assert_eq!((&found.opens, found.last_seq, found.folded), (&opens, script.events.len() as u64, 0));
    let last = script.events.last().map(|recorded| recorded.event.t);
    assert_eq!(found.last_t, last);
    let alive = Alive::open(data.path()).expect("a file");
    for (told, seen) in [(Time(1), last), (last.expect("some") + Span::hours(1), last.map(|t| t + Span::hours(1)))] {
        alive.tell(told).expect("room");
        assert_eq!(recover(data.path()).expect("readable").last_t, seen);
    }
    std::fs::write(data.path().join("alive"), b"0000").expect("ours");
    assert_eq!(recover(data.path()).expect("readable").last_t, last, "half a sign is none");

    std::fs::write(data.path().join("records.db"), b"no database").expect("ours");
    let found = recover(data.path()).expect("the journal is enough");
    assert_eq!((&found.opens, found.folded), (&opens, script.events.len() as u64));
    std::fs::remove_file(data.path().join("records.db")).expect("ours");

    // The journal is gone and records are not: numbers already told are not given again.
    start(data.path()).1.stop();
    std::fs::remove_dir_all(data.path().join("journal")).expect("ours");
    let (found, house) = start(data.path());
    assert_eq!(found.last_seq, script.events.len() as u64);
    assert_eq!(house.journal.append(script.events[0].event.clone(), None), found.last_seq + 1);
    house.stop();
}

#[test]
fn open_state_is_saved_now_and_then_and_folded_up_from_there() {
    let data = tempfile::tempdir().expect("a folder");
    let (_, house) = start(data.path());
    let mut script = Script::default();
    let mut open = Open::default();
    while script.events.len() as u64 <= OPEN_SAVE_EVERY + 100 {
        let n = script.events.len() as u64;
        script.caller_waits(n as i64 * 1_000, n);
        script.caller_gives_up(n as i64 * 1_000, n);
    }
    script.caller_waits(9_000_000_000, 77_777);
    for recorded in &script.events {
        house.journal.append(recorded.event.clone(), None);
        open.apply(recorded);
    }
    assert_eq!(house.journal.close(), Ok(()));
    let last = script.events.len() as u64;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(house.query.at_least(last, Span::seconds(60))).expect("folded");
    // As after `kill -9`: the projector has not said good-bye.
    let crashed = tempfile::tempdir().expect("a folder");
    for name in ["records.db", "records.db-wal"] {
        std::fs::copy(data.path().join(name), crashed.path().join(name)).expect("copied");
    }
    std::fs::create_dir(crashed.path().join("journal")).expect("ours");
    for entry in std::fs::read_dir(data.path().join("journal")).expect("there") {
        let entry = entry.expect("there");
        std::fs::copy(entry.path(), crashed.path().join("journal").join(entry.file_name())).expect("copied");
    }
    let found = recover(crashed.path()).expect("readable");
    assert_eq!(found.opens[&TENANT], open);
    // How many lie behind the last save depends on the batches; none, when the last batch was the one that saved.
    assert!(found.folded < last - OPEN_SAVE_EVERY + 513, "{} events", found.folded);
    start(crashed.path()).1.stop();
    house.projector.close();
    assert!(read(crashed.path()) == read(data.path()));
}

#[tokio::test]
async fn lists_page_by_cursor_and_by_offset() {
    let data = tempfile::tempdir().expect("a folder");
    let (_, house) = start(data.path());
    let mut script = Script::day();
    for n in 4..12 {
        script.caller_waits(200_000, n);
        script.caller_gives_up(200_000, n);
    }
    house.append(&script);
    let last = script.events.len() as u64;
    house.query.at_least(last, Span::seconds(60)).await.expect("folded");
    let late = house.query.at_least(last + 1, Span::millis(1)).await;
    assert!(matches!(late, Err(QueryError::NotCaughtUp { reached }) if reached == last));

    let ids = |page: &query::Page| page.contacts.iter().map(|record| record.contact.0 / 100).collect::<Vec<_>>();
    let (mut seen, mut start) = (Vec::new(), Start::Offset(0));
    loop {
        let page = house.query.contacts(TENANT, Filter::default(), start, 4).await.expect("a page");
        assert_eq!(page.total, (start == Start::Offset(0)).then_some(11));
        seen.extend(ids(&page));
        let Some(cursor) = page.next else { break };
        start = Start::After(cursor);
    }
    assert_eq!(seen, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1], "newest first, each once");
    let page = house.query.contacts(TENANT, Filter::default(), Start::Offset(9), 4).await.expect("a page");
    assert_eq!((ids(&page), page.next, page.total), (vec![2, 1], None::<Cursor>, Some(11)));

    let filters = [
        (Filter { agent: Some(ANA), ..Filter::default() }, vec![1]),
        (Filter { agent: Some(AgentNo(9)), ..Filter::default() }, vec![]),
        (Filter { group: Some(SUPPORT), until: Some(NOON + Span::seconds(100)), ..Filter::default() }, vec![2, 1]),
        (
            Filter {
                since: Some(NOON + Span::seconds(100)),
                until: Some(NOON + Span::seconds(200)),
                ..Filter::default()
            },
            vec![3],
        ),
        (Filter { from: Some("+8613800000002".to_owned()), ..Filter::default() }, vec![2]),
        (Filter { to: Some("9001".to_owned()), ..Filter::default() }, vec![]),
        (Filter { closed: Some(false), ..Filter::default() }, vec![3]),
        (Filter { disposition: Some(Disposition::Answered), closed: Some(true), ..Filter::default() }, vec![1]),
    ];
    for (filter, expected) in filters {
        let page = house.query.contacts(TENANT, filter.clone(), Start::Offset(0), 50).await.expect("a page");
        assert_eq!((ids(&page), page.total), (expected.clone(), Some(expected.len() as u64)), "{filter:?}");
    }
    let other = house.query.contacts(TenantNo(2), Filter::default(), Start::Offset(0), 50).await.expect("a page");
    assert_eq!(other.total, Some(0), "another tenant sees nothing");
}

#[tokio::test]
async fn one_contact_one_segment_and_an_agents_day_are_found() {
    let data = tempfile::tempdir().expect("a folder");
    let (_, house) = start(data.path());
    let script = Script::day();
    house.append(&script);
    house.query.at_least(script.events.len() as u64, Span::seconds(60)).await.expect("folded");
    let record = house.query.contact(TENANT, ContactId(100)).await.expect("asked").expect("found");
    assert_eq!(Some(&record), expected(&script).0.first());
    assert_eq!(house.query.contact(TenantNo(2), ContactId(100)).await.expect("asked"), None);
    let found = house.query.segment(TENANT, SegmentId(106)).await.expect("asked").expect("found");
    assert_eq!((found.contact, found.segment.and_then(|segment| segment.agent)), (ContactId(100), Some(ANA)));
    assert_eq!(found.recording.map(|recording| recording.file).as_deref(), Some("demo/d/1.wav"));
    assert_eq!(house.query.segment(TENANT, SegmentId(1)).await.expect("asked"), None);
    let all = house.query.intervals(TENANT, ANA, Utc(0), Utc(i64::MAX)).await.expect("asked");
    assert_eq!(all, expected(&script).1);
    let (since, until) = (NOON + Span::seconds(66), NOON + Span::seconds(67));
    let some = house.query.intervals(TENANT, ANA, since, until).await.expect("asked");
    assert_eq!(some.iter().map(|interval| interval.from).collect::<Vec<_>>(), [Time(66_000_000)]);
}

#[tokio::test]
async fn a_segment_is_found_while_its_agent_is_rung() {
    let data = tempfile::tempdir().expect("a folder");
    let (_, house) = start(data.path());
    let mut script = Script::default();
    script.sign_in(0);
    script.caller_waits(0, 1);
    script.agent_answers(0, 1);
    house.append(&script);
    house.query.at_least(script.events.len() as u64, Span::seconds(60)).await.expect("folded");
    let found = house.query.segment(TENANT, SegmentId(106)).await.expect("asked").expect("named");
    assert_eq!((found.contact, found.segment), (ContactId(100), None));
    assert!(found.recording.is_some_and(|recording| recording.length.is_none()));
}

#[tokio::test]
async fn events_come_from_memory_from_files_and_when_they_happen() {
    let data = tempfile::tempdir().expect("a folder");
    let (_, house) = start(data.path());
    let script = Script::day();
    house.append(&script);
    house.stop();
    let (_, house) = start(data.path());
    let last = script.events.len() as u64;
    let old = query::events(&house.journal, 10, Span::ZERO).await.expect("kept");
    assert_eq!((old.len() as u64, old[0].recorded.seq), (last - 10, 11), "the ring is empty, the files are not");
    let journal = house.journal.clone();
    let waiting = tokio::spawn(async move { query::events(&journal, last, Span::seconds(10)).await });
    tokio::task::yield_now().await;
    house.append(&Script { events: script.events[..1].to_vec() });
    let new = waiting.await.expect("no panic").expect("committed");
    assert_eq!(new.iter().map(|slot| slot.recorded.seq).collect::<Vec<_>>(), [last + 1]);
    assert!(query::events(&house.journal, last + 1, Span::millis(1)).await.expect("none yet").is_empty());
    let beyond = query::events(&house.journal, last + 9, Span::ZERO).await;
    assert!(matches!(beyond, Err(ReadError::Ahead { committed }) if committed == last + 1));
}

#[tokio::test]
async fn a_question_past_its_deadline_is_interrupted() {
    let data = tempfile::tempdir().expect("a folder");
    let (_, house) = start(data.path());
    let query = Query::new(&data.path().join("records.db"), house.projector.reached(), Span::millis(50));
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let (sender, told) = channel();
    let late = query
        .run(move |connection| {
            let result = connection.query_row(endless, [], |row| row.get::<_, i64>(0));
            sender.send(result.is_err()).expect("the test listens");
            Ok(result?)
        })
        .await;
    assert!(matches!(late, Err(QueryError::Late)));
    assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok(true), "the statement itself has ended");
}

#[test]
fn records_that_cannot_be_written_do_not_stop_the_journal() {
    let data = tempfile::tempdir().expect("a folder");
    let (_, house) = start(data.path());
    let thief = rusqlite::Connection::open(data.path().join("records.db")).expect("there");
    thief.execute_batch("ALTER TABLE contact RENAME TO stolen").expect("SQL");
    let script = Script::day();
    house.append(&script);
    assert_eq!(house.journal.close(), Ok(()));
    assert!(*house.projector.reached().borrow() < script.events.len() as u64);
    thief.execute_batch("ALTER TABLE stolen RENAME TO contact").expect("SQL");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(house.query.at_least(script.events.len() as u64, Span::seconds(60))).expect("folded at last");
    house.projector.close();
    assert!(read(data.path()) == expected(&script));
}

#[test]
fn a_file_of_another_version_is_refused() {
    let data = tempfile::tempdir().expect("a folder");
    let path = data.path().join("records.db");
    rusqlite::Connection::open(&path).expect("made").pragma_update(None, "user_version", 99).expect("SQL");
    let journal = Journal::open(&data.path().join("journal"), 0, BTreeMap::new(), Box::new(|_, _| {}));
    let refused = Projector::start(&path, Arc::new(journal.expect("writable")));
    assert!(matches!(refused, Err(StoreError::Version { found: 99, known: SCHEMA })));
}

/// Site store over `data`, and what it answers.
fn site(data: &Path) -> (SiteStore, Receiver<(TenantNo, StoreAnswer)>) {
    let secrets = Arc::new(Secrets::at(&data.join("key")).expect("made or read"));
    let (sender, answers) = channel();
    let on_saved = Box::new(move |tenant, answer| sender.send((tenant, answer)).expect("the test listens"));
    (SiteStore::open(&data.join("site.db"), secrets, on_saved).expect("writable"), answers)
}

#[test]
fn a_site_is_saved_sealed_and_keeps_its_number() {
    let data = tempfile::tempdir().expect("a folder");
    let (store, _answers) = site(data.path());
    let demo = store.tenant("demo").expect("saved");
    let other = store.tenant("other").expect("saved");
    assert_eq!((demo, store.tenant("demo").expect("known")), (TenantNo(1), TenantNo(1)));
    store.save_site(demo, r#"{"agents":{"ana":1}}"#, "password: blue-42").expect("saved");
    assert!(store.save_site(TenantNo(9), "{}", "").is_err(), "no such tenant");
    store.close();
    let bytes = std::fs::read(data.path().join("site.db")).expect("there");
    assert!(!bytes.windows(7).any(|window| window == b"blue-42"), "a password is never on disk as it is");
    let (store, _answers) = site(data.path());
    let key = |key: &str| key.to_owned();
    let document = Some(key("password: blue-42"));
    assert_eq!(
        store.load_sites().expect("ours"),
        [
            StoredSite { tenant: demo, key: key("demo"), numbering: key(r#"{"agents":{"ana":1}}"#), document },
            StoredSite { tenant: other, key: key("other"), numbering: key("{}"), document: None },
        ]
    );
}

#[test]
fn a_binding_is_answered_once_it_is_on_disk() {
    let data = tempfile::tempdir().expect("a folder");
    let (store, answers) = site(data.path());
    let (extension, contact) = (ExtensionNo(7), "sip:a@127.0.0.1".to_owned());
    let json = |n: u32| format!("{{\"cseq\":{n}}}");
    let update = |n| StoreAsk::UpdateBinding { extension, contact: contact.clone(), json: json(n) };
    let save = |request, at: &str| StoreAsk::SaveBinding { request, extension, contact: at.to_owned(), json: json(1) };
    assert!(store.ask(TENANT, save(5, &contact)));
    let answer = answers.recv_timeout(Duration::from_secs(10)).expect("answered");
    assert_eq!(answer, (TENANT, StoreAnswer { request: 5, saved: true }));
    assert_eq!(store.load_bindings(TENANT).expect("ours"), [(extension, contact.clone(), json(1))]);
    // A refresh goes along with the next save, or by itself a little later; both are in order.
    assert!(store.ask(TENANT, update(2)));
    assert!(store.ask(TENANT, save(6, "sip:b@127.0.0.1")));
    answers.recv_timeout(Duration::from_secs(10)).expect("answered");
    assert_eq!(store.load_bindings(TENANT).expect("ours")[0].2, json(2));
    assert!(store.ask(TENANT, update(3)));
    assert!(store.ask(TENANT, StoreAsk::RemoveBinding { extension, contact: "sip:b@127.0.0.1".to_owned() }));
    store.close();
    assert!(!store.ask(TENANT, update(4)), "closed");
    let (store, _answers) = site(data.path());
    assert_eq!(store.load_bindings(TENANT).expect("ours"), [(extension, contact.clone(), json(3))]);
    assert!(store.load_bindings(TenantNo(2)).expect("ours").is_empty());
}

#[test]
fn places_of_sessions_that_push_are_kept_and_their_secrets_sealed() {
    let data = tempfile::tempdir().expect("a folder");
    let (store, _answers) = site(data.path());
    let push = |session: u64, position| StoredPush {
        tenant: TENANT,
        session: SessionId(session),
        secret: "s3cret-of-a-session".to_owned(),
        position,
    };
    store.save_push(&push(7, 40)).expect("saved");
    store.save_push(&push(8, 41)).expect("saved");
    store.move_push(TENANT, SessionId(7), 50);
    store.move_push(TENANT, SessionId(9), 50);
    store.remove_push(TENANT, SessionId(8));
    store.close();
    let (store, _answers) = site(data.path());
    assert_eq!(store.load_pushes().expect("ours"), [push(7, 50)]);
    let sealed = ["site.db", "site.db-wal"].map(|name| std::fs::read(data.path().join(name)).unwrap_or_default());
    assert!(!sealed.iter().any(|bytes| bytes.windows(19).any(|text| text == b"s3cret-of-a-session")));
}

#[test]
fn tokens_have_numbers_that_are_never_given_again() {
    let data = tempfile::tempdir().expect("a folder");
    let (store, _answers) = site(data.path());
    let token = |digest: u8, tenant| StoredToken {
        no: 0,
        digest: [digest; 32],
        tenant,
        permissions: "admin".to_owned(),
        name: "first".to_owned(),
    };
    assert_eq!(store.save_token(token(1, None)).expect("saved"), 1);
    assert_eq!(store.save_token(token(2, Some(TENANT))).expect("saved"), 2);
    assert!(store.save_token(token(2, None)).is_err(), "the same text twice");
    assert!(store.remove_token(2).expect("asked") && !store.remove_token(2).expect("asked"));
    assert_eq!(store.save_token(token(3, Some(TENANT))).expect("saved"), 3);
    let stored = store.load_tokens().expect("ours");
    assert_eq!(stored, [StoredToken { no: 1, ..token(1, None) }, StoredToken { no: 3, ..token(3, Some(TENANT)) }]);
}

#[test]
fn the_journal_alone_tells_what_is_open_after_old_days_are_gone() {
    let data = tempfile::tempdir().expect("a folder");
    let (_, house) = start(data.path());
    let script = Script::day();
    house.append(&script);
    let mut tomorrow = Script::default();
    tomorrow.command(Span::hours(24).as_millis(), "c9");
    let seq = house.journal.append(tomorrow.events[0].event.clone(), None);
    house.stop();
    let (_, house) = start(data.path());
    assert_eq!(house.journal.remove_days("9999-12-31", seq).expect("readable"), [NOON.day()]);
    let open = house.journal.open_state(TENANT);
    house.stop();
    std::fs::remove_file(data.path().join("records.db")).expect("ours");
    let found = recover(data.path()).expect("readable");
    assert_eq!((found.opens.get(&TENANT), found.last_seq), (Some(&open), seq));
    assert_eq!(open.contacts.len(), 1);
    let mut kept = 0;
    for_each_event(&data.path().join("journal"), 0, &mut |_| kept += 1).expect_err("the first day is gone");
    assert_eq!(kept, 0);
    // Records are built again from what is kept, and go on.
    let (_, house) = start(data.path());
    house.stop();
    let (contacts, intervals, opens) = read(data.path());
    assert_eq!((contacts.len(), intervals.len(), opens.get(&TENANT)), (0, 1, Some(&open)));
}

#[test]
fn records_and_what_is_open_stay_when_their_days_go() {
    let data = tempfile::tempdir().expect("a folder");
    let (_, house) = start(data.path());
    let script = Script::day();
    house.append(&script);
    let mut last = 0;
    for n in 1..=4 {
        let mut day = Script::default();
        day.command(Span::hours(24 * n).as_millis(), "c9");
        last = house.journal.append(day.events[0].event.clone(), None);
    }
    house.stop();
    let before = read(data.path());
    assert!(before.0.len() > 1 && !before.2[&TENANT].contacts.is_empty(), "something closed, something open");
    let (_, house) = start(data.path());
    let removed = house.journal.remove_days(&(NOON + Span::hours(72)).day(), last).expect("readable");
    assert_eq!(removed, [0, 24, 48].map(|hours| (NOON + Span::hours(hours)).day()));
    house.stop();
    assert!(read(data.path()) == before, "no row went with its day");
    // The process dies and comes back, with records and without.
    let found = recover(data.path()).expect("readable");
    assert_eq!((found.opens.get(&TENANT), found.last_seq), (before.2.get(&TENANT), last));
    let (_, house) = start(data.path());
    house.stop();
    assert!(read(data.path()) == before, "the projector goes on where it was");
}
