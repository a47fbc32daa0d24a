//! A driver with real sockets, journal and media thread. Waiting is for a datagram or an event, never for a time.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use super::super::gate::Gate;
use super::super::media_thread::ThreadSettings;
use super::super::media_threads::MediaThreads;
use super::super::ports::{PortPool, PortRange, test_address};
use super::super::recorder_writer::RecorderWriter;
use super::super::supply::IdCounter;
use super::super::udp;
use super::*;
use crate::base::{CommandId, IdBlock, InterfaceNo, LinkId, Ports, Rng, TenantNo};
use crate::call::POISON_KEY;
use crate::event::words::{Actor, Disposition, EndCause, Wire};
use crate::ivr::{self, Known};
use crate::media::Settings;
use crate::media::recorder::Pool;
use crate::media::sound::{Library, Sound};
use crate::media::wav::Format;
use crate::sip::message::Message;
use crate::sip::words::Interface;
use crate::site::{self, Numbering};
use crate::store::secrets::Secrets;
use crate::store::{Journal, Next, SiteStore};
use crate::switch::{Body, Code, Command, Snapshot};
use crate::tenant::words::Received;
use crate::tenant::{POISON_REQUEST, Parts};

const FLOW: &str = "nodes:\n  a: {answer: , next: b}\n  b: {play: music/long, barge: false, next: hangup}\n";
const INTERFACE: InterfaceNo = InterfaceNo(0);
const PATIENCE: Duration = Duration::from_secs(10);

/// One tenant whose only trunk is a socket of the test.
struct House {
    driver: TenantDriver,
    carrier: UdpSocket,
    link: LinkId,
    journal: Arc<Journal>,
    _folder: tempfile::TempDir,
    _writer: RecorderWriter,
}

fn site_of(carrier: SocketAddr) -> Site {
    let text = format!(
        "tenant: t\ndomains: [t.example]\ndefault: true\n\
         trunks:\n  - {{id: carrier, send: \"sip:{carrier}\", accept: [\"{}/32:{}\"], codecs: [PCMA], max_calls: 9}}\n\
         numbers: [{{number: \"9000\", flow: f, record: false}}]\n",
        carrier.ip(),
        carrier.port()
    );
    let file = site::load("t.yaml", &text).unwrap_or_else(|problems| panic!("{}", crate::config::print(&problems)));
    site::plan(Numbering::new(TenantNo(1)), file, &["f"], &mut |_| String::new()).0
}

impl House {
    /// `reports`: whether what the media thread says reaches the tenant.
    async fn start(first_port: u16, reports: bool) -> Self {
        let ip: IpAddr = test_address();
        let folder = tempfile::tempdir().expect("a folder");
        let carrier = UdpSocket::bind((ip, 0)).expect("a port");
        carrier.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        let site = Arc::new(site_of(carrier.local_addr().expect("bound")));
        let clock = Arc::new(Clock::start(None));
        let lanes = Arc::new(Lanes::default());
        let gate = Arc::new(Gate::new(Arc::clone(&clock), None, 100, Arc::default()));
        let socket = udp::bind(SocketAddr::new(ip, 0)).expect("a port");
        let port = socket.local_addr().expect("bound").port();
        // A send never waits, so the first one must find the socket ready.
        socket.writable().await.expect("a socket");
        let link = gate.links.add_udp(socket);
        let range = PortRange { interface: INTERFACE, ip, first: first_port, last: first_port + 19 };
        let ports = Arc::new(PortPool::new(&[range], usize::MAX));
        let mut library = Library::default();
        library.insert("music/long", Sound::from_linear(vec![5_000; 80_000]));
        let to_lanes = Arc::clone(&lanes);
        let report = move |_, report| {
            if reports {
                to_lanes.put(Input::Media(report));
            }
        };
        let writer = RecorderWriter::start(folder.path().join("r"), Format::Pcm16, report.clone()).expect("a thread");
        let media_clock = Arc::clone(&clock);
        let thread = ThreadSettings {
            name: "media-test".to_owned(),
            engine: Settings {
                library: Arc::new(library),
                pool: Pool::default(),
                format: Format::Pcm16,
                rng: Rng::from_number(1),
                home: crate::media::Home::default(),
            },
            ports: Arc::clone(&ports),
            coalesce: false,
            clock: Arc::new(move || media_clock.now()),
            writer: writer.sender(),
            load: Arc::new(|clip, mailbox| mailbox.put_sound(clip, None)),
        };
        let threads = Arc::new(MediaThreads::start(vec![thread], report).expect("a thread"));
        let journal = Journal::open(&folder.path().join("journal"), 0, BTreeMap::new(), Box::new(|_, _| {}));
        let journal = Arc::new(journal.expect("writable"));
        let secrets = Secrets::at(&folder.path().join("key")).expect("writable");
        let store = SiteStore::open(&folder.path().join("site.db"), Arc::new(secrets), Box::new(|_, _| {}));
        let interface =
            Interface { no: INTERFACE, ip, public: None, local: Vec::new(), udp: Some((link, port)), tcp_port: None };
        let flow = ivr::load("f.yaml", FLOW, &Known::default()).expect("a flow");
        let flows = [("f".to_owned(), Arc::new(flow))].into_iter().collect();
        let parts = Parts {
            site: Arc::clone(&site),
            flows: Arc::new(flows),
            interfaces: vec![interface],
            bindings: Vec::new(),
        };
        let mut supplies = Supplies { ids: IdBlock::new(0, 0, 0), ports: Ports::default(), rng: Rng::from_number(2) };
        let machine = Tenant::new(parts, clock.now(), &mut supplies.rng);
        let (door, commands) = door::Door::default().open_tenant(TenantNo(1), "t", Arc::clone(&site));
        let world = World {
            tenant: TenantNo(1),
            gate,
            lanes: Arc::clone(&lanes),
            ports: Arc::clone(&ports),
            threads,
            journal: Arc::clone(&journal),
            site: Arc::new(store.expect("writable")),
            addresses: [(INTERFACE, ip)].into_iter().collect(),
        };
        let supplier = Supplier { ids: Arc::new(IdCounter::default()), ports, interfaces: vec![INTERFACE] };
        let driver =
            TenantDriver { machine, supplies, supplier, lanes, commands, clock, world, door, state: State::default() };
        Self { driver, carrier, link, journal, _folder: folder, _writer: writer }
    }

    /// The carrier says this; `{me}` stands for its address.
    fn says(&mut self, text: &str) {
        let from = self.carrier.local_addr().expect("bound");
        let text = text.replace("{me}", &from.to_string()).replace("{ip}", &from.ip().to_string());
        let message = Message::parse_datagram(text.into()).unwrap_or_else(|error| panic!("{error:?}"));
        let received = Received { link: self.link, interface: INTERFACE, wire: Wire::Udp, from, message };
        self.driver.step(Input::Sip(received));
    }

    /// The next message to the carrier whose first line begins so.
    fn hears(&self, begins: &str) -> String {
        let mut buffer = [0; 4_096];
        loop {
            let length = self.carrier.recv(&mut buffer).unwrap_or_else(|error| panic!("no `{begins}`: {error}"));
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.starts_with(begins) {
                return text;
            }
        }
    }

    fn orders(&mut self, id: &str, body: Body) -> (Answer, u64) {
        let (reply, mut answer) = oneshot::channel();
        let id = Some(CommandId { token: 1, id: id.to_owned() });
        let command = Box::new(Command { id, actor: Actor::Integration(1), body });
        let input = self.driver.asked(Asked { command, reply });
        self.driver.step(input);
        answer.try_recv().expect("an answer within the step")
    }

    fn contact(&self, index: usize) -> ContactId {
        self.driver.machine.contacts().ids().nth(index).expect("a contact")
    }

    fn poisons(&mut self) {
        self.driver.step(Input::LinkFailed { request: POISON_REQUEST });
    }

    fn events(&self) -> Vec<Event> {
        let committed = self.journal.status().appended;
        while self.journal.status().committed < committed {
            self.journal.ring().wait(self.journal.status().committed, PATIENCE, || false);
        }
        let Ok(Next::Events(slots)) = self.journal.ring().next(0) else { panic!("all of it is in the ring") };
        slots.iter().map(|slot| slot.recorded.event.clone()).collect()
    }

    /// How each contact was closed, in its order.
    fn endings(&self) -> Vec<(ContactId, Disposition, EndCause)> {
        let ending = |event: &Event| match event.kind {
            Kind::ContactClosed { disposition, cause, .. } => Some((event.about.contact?, disposition, cause)),
            _ => None,
        };
        self.events().iter().filter_map(ending).collect()
    }

    fn invites(&mut self, call: &str) {
        self.says(&invite(call));
    }

    /// A call that the flow has answered.
    fn calls(&mut self, call: &str) {
        self.invites(call);
        let ok = self.hears("SIP/2.0 200");
        let tag = ok.lines().find_map(|line| line.strip_prefix("To:")?.split_once(";tag=")).expect("a tag").1.trim();
        self.says(&format!(
            "ACK sip:9000@t.example SIP/2.0\r\nVia: SIP/2.0/UDP {{me}};branch=z9hG4bKa{call}\r\n\
             From: <sip:4123@{{ip}}>;tag=f{call}\r\nTo: <sip:9000@t.example>;tag={tag}\r\nCall-ID: {call}\r\n\
             CSeq: 1 ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ));
    }

    fn alarms(&self) -> Vec<(AlarmKind, About)> {
        self.events();
        alarms_of(&self.journal)
    }
}

fn alarms_of(journal: &Journal) -> Vec<(AlarmKind, About)> {
    let Ok(Next::Events(slots)) = journal.ring().next(0) else { panic!("all of it is in the ring") };
    let alarm = |event: &Event| match event.kind {
        Kind::Alarm { alarm, .. } => Some((alarm, event.about)),
        _ => None,
    };
    slots.iter().filter_map(|slot| alarm(&slot.recorded.event)).collect()
}

fn invite(call: &str) -> String {
    let sdp = "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
    // The length counts what the placeholders become.
    let filled = sdp.replace("{ip}", &test_address().to_string());
    format!(
        "INVITE sip:9000@t.example SIP/2.0\r\nVia: SIP/2.0/UDP {{me}};branch=z9hG4bK{call}\r\n\
         From: <sip:4123@{{ip}}>;tag=f{call}\r\nTo: <sip:9000@t.example>\r\nCall-ID: {call}\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:4123@{{me}}>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{sdp}",
        filled.len()
    )
}

#[tokio::test]
async fn a_media_thread_that_does_not_answer_is_one_alarm() {
    let mut house = House::start(21_000, false).await;
    house.calls("a");
    house.calls("b");
    let journal = Arc::clone(&house.journal);
    let House { driver, carrier, _folder, _writer, .. } = house;
    let running = tokio::spawn(driver.run());
    let mut committed = journal.committed();
    while alarms_of(&journal).is_empty() {
        tokio::time::timeout(PATIENCE, committed.changed()).await.expect("soon").expect("the journal lives");
    }
    let found = alarms_of(&journal);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(matches!(found[0], (AlarmKind::MediaLate, About { contact: Some(_), .. })), "{found:?}");
    running.abort();
    drop(carrier);
}

#[tokio::test]
async fn a_media_thread_that_answers_is_no_alarm() {
    let mut house = House::start(21_100, true).await;
    house.calls("a");
    while house.driver.state.lateness.deadline().is_some() {
        tokio::time::timeout(PATIENCE, house.driver.lanes.woken()).await.expect("a report");
        house.driver.turn();
    }
    house.driver.watch_media();
    assert_eq!(house.alarms(), []);
}

#[tokio::test]
async fn a_repeated_command_on_an_ended_contact_has_its_first_answer() {
    let mut house = House::start(21_200, true).await;
    house.calls("a");
    let contact = house.contact(0);
    let hangup = Body::Hangup { contact, who: None, supervisor: None };
    let first = house.orders("h1", hangup.clone());
    assert!(matches!(&first.0, Answer::Accepted { snapshot: Snapshot::Contacts(c) } if c[0].contact == contact));
    house.hears("BYE");
    let (mut again, seq) = house.orders("h1", hangup.clone());
    assert_eq!((&again, seq), (&first.0, first.1), "the same id, the same answer");
    again = house.orders("h1", Body::Hangup { contact: ContactId(7), who: None, supervisor: None }).0;
    assert!(matches!(again, Answer::Refused { code: Code::IdReused, .. }), "{again:?}");
    again = house.orders("h2", hangup.clone()).0;
    assert!(matches!(again, Answer::Refused { code: Code::UnknownContact, .. }), "a new command finds nothing");
    assert_eq!(house.endings().len(), 1);

    // A machine in its place remembers the id, and no more of the contact than that.
    house.poisons();
    let (again, seq_after) = house.orders("h1", hangup);
    assert!(matches!(&again, Answer::Accepted { snapshot: Snapshot::Contacts(c) } if c[0].contact == contact));
    assert_eq!(seq_after, seq);
}

#[tokio::test]
async fn a_contact_that_panics_ends_alone() {
    let mut house = House::start(21_300, true).await;
    house.calls("a");
    house.calls("b");
    let (sick, well) = (house.contact(0), house.contact(1));
    let data = [(POISON_KEY.to_owned(), serde_json::Value::Null)].into_iter().collect();
    house.orders("p", Body::SetData { contact: sick, data });
    let bye = house.hears("BYE");
    assert!(bye.contains("Call-ID: a"), "{bye}");
    let ended = (sick, Disposition::InternalError, EndCause::InternalError);
    assert_eq!(house.endings(), [ended]);
    let alarm = (AlarmKind::InternalError, About { contact: Some(sick), ..About::default() });
    assert_eq!(house.alarms(), [alarm]);
    assert_eq!(house.driver.machine.contacts().ids().collect::<Vec<_>>(), [well]);
    house.orders("d", Body::SetData { contact: well, data: serde_json::Map::new() });
    house.calls("c");
    assert_eq!(house.driver.machine.live_contacts(), 2, "the others and new ones go on");
}

#[tokio::test]
async fn the_third_panic_in_a_minute_closes_the_door_for_a_minute() {
    let mut house = House::start(21_400, true).await;
    house.calls("a");
    let first = house.contact(0);
    house.poisons();
    assert!(house.hears("BYE").contains("Call-ID: a"));
    assert_eq!(house.endings(), [(first, Disposition::InternalError, EndCause::InternalError)]);
    assert_eq!(house.driver.state.media.len(), 0, "sockets and players of before are closed");
    house.calls("b");
    house.poisons();
    house.calls("c");
    house.poisons();
    house.invites("d");
    house.hears("SIP/2.0 503");
    let alarms: Vec<_> = house.alarms().into_iter().map(|(alarm, _)| alarm).collect();
    assert_eq!(alarms, [AlarmKind::InternalError; 3]);
    // The minute is over.
    let until = house.driver.state.shed_until.expect("the door is closed");
    assert!(until > house.driver.clock.t() + Span::seconds(50) && house.driver.deadline() <= Some(until));
    house.driver.state.shed_until = Some(house.driver.clock.t());
    house.driver.step(Input::Due);
    house.calls("e");
    assert_eq!(house.driver.machine.live_contacts(), 1);
}

#[tokio::test]
async fn a_closed_link_ends_its_connection() {
    let house = House::start(21_500, true).await;
    let gate = Arc::clone(&house.driver.world.gate);
    let listener = tokio::net::TcpListener::bind((test_address(), 0)).await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(super::super::tcp::accept(listener, INTERFACE, gate));
    let mut phone = tokio::net::TcpStream::connect(address).await.expect("it listens");
    // A ping is answered by whoever reads: the connection has its link.
    tokio::io::AsyncWriteExt::write_all(&mut phone, b"\r\n\r\n").await.expect("sent");
    let mut buffer = [0; 16];
    let pong = tokio::io::AsyncReadExt::read(&mut phone, &mut buffer).await.expect("a pong");
    assert_eq!(&buffer[..pong], b"\r\n");
    house.driver.world.close(LinkId(house.link.0 + 1));
    let end = tokio::time::timeout(PATIENCE, tokio::io::AsyncReadExt::read(&mut phone, &mut buffer));
    assert_eq!(end.await.expect("soon").expect("an orderly end"), 0);
}

#[tokio::test]
async fn an_invite_that_panics_is_refused_alone() {
    let mut house = House::start(21_600, true).await;
    house.calls("a");
    house.says(&invite("p").replace("sip:4123@", &format!("sip:{POISON_KEY}@")));
    house.hears("SIP/2.0 500");
    assert_eq!(house.alarms(), [(AlarmKind::InternalError, About::default())]);
    assert_eq!((house.driver.machine.live_contacts(), house.endings()), (1, Vec::new()));
}
