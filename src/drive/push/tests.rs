//! Deliveries to a socket of the test, with a real journal and a real `site.db`. Waiting is for a delivery or an answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::base::bounds::PUSH_EVENTS;
use crate::base::{ContactId, Span, Time, Utc};
use crate::event::session::SessionEnding;
use crate::event::{About, By, Event, Filter, Kind, VERSION};
use crate::store::secrets::Secrets;
use crate::switch::session::NewSession;

const TENANT: TenantNo = TenantNo(1);
const SESSION: SessionId = SessionId(7);
const PATIENCE: Duration = Duration::from_secs(20);

/// The tenant of the tests: these sessions live, and this was asked of it.
#[derive(Default)]
struct Fake {
    /// Does not say so many times which sessions it has.
    silent: usize,
    live: BTreeSet<SessionId>,
    renewed: usize,
    url: String,
}

impl Fake {
    fn state(&self, session: SessionId) -> SessionState {
        let filter =
            Filter { kinds: Some(["leg_answered".to_owned(), "media_heard".to_owned()].into()), ..Filter::default() };
        let delivery = Delivery::Push { url: self.url.clone() };
        let new = NewSession { token: 1, agent: None, delivery, filter, lease: None };
        SessionState { session, new, opened: Time(0), until: None }
    }

    fn answer(&mut self, body: &Body) -> Answer {
        let one = match body {
            Body::Query(Query::Sessions) if self.silent > 0 => {
                self.silent -= 1;
                return Answer::Refused { code: Code::TooManyCommands, state: String::new() };
            }
            Body::Query(Query::Sessions) => {
                let states = self.live.iter().map(|id| self.state(*id)).collect();
                return Answer::Accepted { snapshot: Snapshot::Sessions(states) };
            }
            Body::Session(SessionVerb::Renew { session, .. }) => {
                self.renewed += 1;
                *session
            }
            Body::Session(SessionVerb::Close { session, .. }) => {
                self.live.remove(session);
                *session
            }
            Body::Query(Query::Session(session)) => *session,
            other => panic!("nobody asks this here: {other:?}"),
        };
        match self.live.contains(&one) {
            true => Answer::Accepted { snapshot: Snapshot::Sessions(vec![self.state(one)]) },
            false => Answer::Refused { code: Code::UnknownSession, state: String::new() },
        }
    }
}

/// Answers each delivery with the next of `statuses`, 200 when there is none, and tells its body.
async fn receive(listener: TcpListener, statuses: Arc<Mutex<VecDeque<u16>>>, told: mpsc::Sender<Value>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut read = Vec::new();
        let body = loop {
            let mut bytes = vec![0; 1 << 16];
            let n = stream.read(&mut bytes).await.expect("readable");
            assert!(n > 0, "a delivery broke off");
            read.extend_from_slice(&bytes[..n]);
            let text = String::from_utf8_lossy(&read).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let secret = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("authorization: bearer ")?.to_owned().into());
            if let Ok(mut body) = serde_json::from_str::<Value>(body) {
                body["secret"] = secret.map_or(Value::Null, Value::String);
                break body;
            }
        };
        let status = statuses.lock().expect("not poisoned").pop_front().unwrap_or(200);
        let answer = format!("HTTP/1.1 {status} Said\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.expect("written");
        if told.send(body).await.is_err() {
            return;
        }
    }
}

struct Rig {
    folder: tempfile::TempDir,
    journal: Arc<Journal>,
    fake: Arc<Mutex<Fake>>,
    statuses: Arc<Mutex<VecDeque<u16>>>,
    deliveries: mpsc::Receiver<Value>,
    /// What deliveries have to carry.
    secret: String,
}

/// A running house's part of it.
struct Running {
    door: Door<Site>,
    store: Arc<SiteStore>,
    task: JoinHandle<()>,
}

impl Rig {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let opened = Journal::open(&folder.path().join("journal"), 0, BTreeMap::new(), Box::new(|_, _| {}));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
        let (told, deliveries) = mpsc::channel(64);
        let statuses: Arc<Mutex<VecDeque<u16>>> = Arc::default();
        tokio::spawn(receive(listener, Arc::clone(&statuses), told));
        let fake = Arc::new(Mutex::new(Fake { url, ..Fake::default() }));
        Self {
            folder,
            journal: Arc::new(opened.expect("a journal")),
            fake,
            statuses,
            deliveries,
            secret: String::new(),
        }
    }

    async fn start(&self) -> Running {
        let (door, store, mut pushes) = self.pushes();
        pushes.resume().await.expect("readable");
        Running { door, store, task: tokio::spawn(pushes.run()) }
    }

    fn pushes(&self) -> (Door<Site>, Arc<SiteStore>, Pushes) {
        let door = Door::default();
        let site = Arc::new(
            crate::site::plan(
                crate::site::Numbering::new(TENANT),
                crate::site::load("t.yaml", "tenant: t\ndomains: [t.example]\ndefault: true\n").expect("a site"),
                &[],
                &mut |_| String::new(),
            )
            .0,
        );
        let (_, mut lane) = door.open_tenant(TENANT, "t", site);
        let fake = Arc::clone(&self.fake);
        tokio::spawn(async move {
            while let Some(asked) = lane.recv().await {
                let answer = fake.lock().expect("not poisoned").answer(&asked.command.body);
                drop(asked.reply.send((answer, 1)));
            }
        });
        let secrets = Arc::new(Secrets::at(&self.folder.path().join("key")).expect("a key"));
        let store = SiteStore::open(&self.folder.path().join("site.db"), secrets, Box::new(|_, _| {}));
        let store = Arc::new(store.expect("a store"));
        let forms = Forms {
            view: 0,
            event: |recorded| format!("{{\"seq\":{},\"kind\":\"{}\"}}", recorded.seq, recorded.event.kind.name()),
            position: |seq| format!("p{seq}"),
        };
        let rng = Rng::from_number(1);
        let pushes = Pushes::new(door.clone(), Arc::clone(&self.journal), Arc::clone(&store), forms, rng);
        (door, store, pushes)
    }

    fn tell(&self, kind: Kind) -> u64 {
        let about = About { contact: Some(ContactId(1)), ..About::default() };
        let at = Utc(1_795_248_000_000_000);
        self.journal.append(Event { v: VERSION, t: Time(0), at, tenant: TENANT, about, by: By::SYSTEM, kind }, None)
    }

    async fn open(&mut self, running: &Running, after: u64) {
        let state = {
            let mut fake = self.fake.lock().expect("not poisoned");
            fake.live.insert(SESSION);
            fake.state(SESSION)
        };
        self.secret = running.door.push(TENANT, state, after).await.expect("it is saved");
    }

    /// `after`, `position` and the seqs of the next delivery.
    async fn next(&mut self) -> (String, String, Vec<u64>) {
        let delivery =
            tokio::time::timeout(PATIENCE, self.deliveries.recv()).await.expect("in time").expect("one more");
        assert!(delivery["session"] == "7" && delivery["secret"] == self.secret.as_str(), "{delivery}");
        let text = |name: &str| delivery[name].as_str().expect("a place").to_owned();
        let events = delivery["events"].as_array().expect("a list");
        (text("after"), text("position"), events.iter().map(|e| e["seq"].as_u64().expect("a seq")).collect())
    }
}

impl Running {
    /// As a process ends: its tasks first, then the store.
    async fn stop(self) {
        self.task.abort();
        drop(self.task.await);
        self.store.close();
    }
}

fn place(seq: u64) -> String {
    format!("p{seq}")
}

#[tokio::test]
async fn what_is_not_taken_comes_again_and_nothing_else_before_it() {
    let mut rig = Rig::new().await;
    let running = rig.start().await;
    rig.tell(Kind::LegAnswered);
    rig.open(&running, 1).await;
    rig.statuses.lock().expect("not poisoned").extend([500, 302]);
    rig.tell(Kind::CallLeft);
    let heard = rig.tell(Kind::MediaHeard);
    for _ in 0..3 {
        let (after, position, seqs) = rig.next().await;
        assert!([place(1), place(heard - 1)].contains(&after), "nothing was taken yet: {after}");
        assert!(position == place(heard) && seqs == [heard], "{position} {seqs:?}");
    }
    let answered = rig.tell(Kind::LegAnswered);
    assert_eq!(rig.next().await, (place(heard), place(answered), vec![answered]));
    let again = rig.fake.lock().expect("not poisoned").state(SESSION);
    assert_eq!(running.door.push(TENANT, again, 0).await, Ok(rig.secret.clone()), "a repeat begins no second one");
    running.stop().await;
    assert!(rig.fake.lock().expect("not poisoned").renewed >= 1, "a delivery that was taken is a sign of life");
}

#[tokio::test]
async fn a_restart_goes_on_where_it_stopped() {
    let mut rig = Rig::new().await;
    let running = rig.start().await;
    rig.open(&running, 0).await;
    let first = rig.tell(Kind::LegAnswered);
    assert_eq!(rig.next().await, (place(0), place(first), vec![first]));
    // The next delivery says that the one before was taken and its place handed to the store.
    let second = rig.tell(Kind::LegAnswered);
    assert_eq!(rig.next().await.2, [second]);
    running.stop().await;
    let away: Vec<u64> = (0..=PUSH_EVENTS).map(|_| rig.tell(Kind::MediaHeard)).collect();
    let mut committed = rig.journal.committed();
    committed.wait_for(|seq| *seq >= away[PUSH_EVENTS]).await.expect("written");
    let running = rig.start().await;
    let mut seen = Vec::new();
    let mut behind = String::new();
    while seen.last() != away.last() {
        let (after, position, seqs) = rig.next().await;
        assert!(behind.is_empty() || after == behind, "each goes on behind the one before");
        assert!(seqs.len() <= PUSH_EVENTS);
        behind = position;
        seen.extend(seqs);
    }
    seen.retain(|seq| *seq > second);
    assert_eq!(seen, away, "none is missing, none came twice");
    running.stop().await;
}

#[tokio::test]
async fn an_end_is_the_end_and_what_nobody_was_told_of_is_closed() {
    let mut rig = Rig::new().await;
    let running = rig.start().await;
    rig.open(&running, 0).await;
    let first = rig.tell(Kind::LegAnswered);
    assert_eq!(rig.next().await.2, [first]);
    rig.fake.lock().expect("not poisoned").live.clear();
    rig.tell(Kind::SessionEnded { session: SESSION, ending: SessionEnding::Closed });
    rig.tell(Kind::LegAnswered);
    let store = Arc::clone(&running.store);
    tokio::time::timeout(PATIENCE, async {
        while !store.load_pushes().expect("readable").is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("its place is forgotten");
    running.stop().await;
    assert!(store.load_pushes().expect("readable").is_empty());
    assert!(rig.deliveries.try_recv().is_err(), "nothing after the end");
    // A session whose opening was journaled, and the process died before its place was saved.
    rig.fake.lock().expect("not poisoned").live.insert(SESSION);
    // And a place whose session has ended meanwhile.
    let running = {
        let secrets = Arc::new(Secrets::at(&rig.folder.path().join("key")).expect("a key"));
        let store = SiteStore::open(&rig.folder.path().join("site.db"), secrets, Box::new(|_, _| {})).expect("a store");
        let push = StoredPush { tenant: TENANT, session: SessionId(8), secret: "s3cret".to_owned(), position: 1 };
        store.save_push(&push).expect("saved");
        store.close();
        rig.start().await
    };
    assert!(rig.fake.lock().expect("not poisoned").live.is_empty());
    let store = Arc::clone(&running.store);
    running.stop().await;
    assert!(store.load_pushes().expect("readable").is_empty());
}

#[tokio::test]
async fn a_lease_is_kept_by_deliveries_of_nothing() {
    let mut rig = Rig::new().await;
    let running = rig.start().await;
    let state = {
        let mut fake = rig.fake.lock().expect("not poisoned");
        fake.live.insert(SESSION);
        let state = fake.state(SESSION);
        let lease = crate::event::session::Lease {
            length: Span::millis(300),
            policy: crate::event::session::LeasePolicy::Nothing,
        };
        let new = NewSession { lease: Some(lease), ..state.new };
        SessionState { new, ..state }
    };
    rig.secret = running.door.push(TENANT, state, 0).await.expect("saved");
    for _ in 0..2 {
        assert_eq!(rig.next().await, (place(0), place(0), vec![]));
    }
    running.stop().await;
    assert!(rig.fake.lock().expect("not poisoned").renewed >= 1);
}

#[tokio::test]
async fn a_tenant_that_does_not_answer_at_the_start_keeps_its_places() {
    let mut rig = Rig::new().await;
    let running = rig.start().await;
    rig.open(&running, 0).await;
    running.stop().await;
    rig.fake.lock().expect("not poisoned").silent = 1;
    let first = rig.tell(Kind::LegAnswered);
    let running = rig.start().await;
    assert_eq!(rig.next().await.2, [first]);
    running.stop().await;
}

#[tokio::test]
async fn what_a_panic_or_a_full_disk_left_is_looked_through() {
    let mut rig = Rig::new().await;
    let running = rig.start().await;
    rig.open(&running, 0).await;
    running.stop().await;
    let (door, store, mut pushes) = rig.pushes();
    let tenant = door.tenant(TENANT).expect("open");
    // Its worker panicked.
    let worker = pushes.workers.spawn(async { panic!("meant") });
    pushes.keys.insert(worker.id(), (TENANT, SESSION));
    pushes.running.insert((TENANT, SESSION), rig.secret.clone());
    let ended = pushes.workers.join_next_with_id().await.expect("one");
    pushes.ended(ended);
    assert!(pushes.running.is_empty() && pushes.again.contains_key(&TENANT));
    pushes.look_again(TENANT).await;
    let first = rig.tell(Kind::LegAnswered);
    assert_eq!(rig.next().await.2, [first], "it runs again, where it was");
    // Another was opened, but its place could not be saved: it has a while to be repeated.
    rig.fake.lock().expect("not poisoned").live.insert(SessionId(9));
    let live = |rig: &Rig| rig.fake.lock().expect("not poisoned").live.len();
    pushes.look_through(&tenant, false).await.expect("readable");
    assert!(live(&rig) == 2 && pushes.again.contains_key(&TENANT));
    pushes.look_again(TENANT).await;
    assert!(live(&rig) == 1 && pushes.again.is_empty(), "nobody repeated it");
    drop(pushes);
    store.close();
}
