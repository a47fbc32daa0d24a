//! A real thread with real sockets on the loopback. Waiting is for a packet or a report, never for a time.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use super::*;
use crate::base::{ContactId, InterfaceNo, LegId, PlayerId, PortPair, Rng, Utc};
use crate::drive::media_threads::MediaThreads;
use crate::drive::ports::{PortRange, test_address};
use crate::drive::recorder_writer::RecorderWriter;
use crate::media::POISON_SSRC;
use crate::media::recorder::Pool;
use crate::media::rtp::{self, HEADER_BYTES, Stamp};
use crate::media::sound::Sound;
use crate::media::wav::Format;
use crate::media::words::{Body, LegSpec, PlayerSpec, Remote, ReportBody, Source, Subject, TrackSpec};
use crate::sdp::Codec;

const TENANT: TenantNo = TenantNo(3);
const CONTACT: ContactId = ContactId(42);
/// Lives on the other thread, where there are two.
const OTHER: ContactId = ContactId(43);
const INTERFACE: InterfaceNo = InterfaceNo(0);

struct House {
    threads: MediaThreads,
    ports: Arc<PortPool>,
    reports: Receiver<(TenantNo, Report)>,
    writer: RecorderWriter,
    folder: tempfile::TempDir,
    clock: Arc<dyn Fn() -> Now + Send + Sync>,
    version: u64,
    legs: BTreeMap<LegId, (PortPair, UdpSocket)>,
}

impl House {
    fn start(first_port: u16) -> Self {
        Self::with_threads(first_port, 1)
    }

    fn with_threads(first_port: u16, threads: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (tell, reports) = channel();
        let range = PortRange { interface: INTERFACE, ip: test_address(), first: first_port, last: first_port + 39 };
        let ports = Arc::new(PortPool::new(&[range], usize::MAX));
        let mut library = Library::default();
        library.insert("tone", Sound::from_linear(vec![5_000; 8_000]));
        let started = Instant::now();
        let clock: Arc<dyn Fn() -> Now + Send + Sync> = Arc::new(move || {
            let t = Time(1_000_000 + started.elapsed().as_micros() as i64);
            Now { t, wall: Utc(1_700_000_000_000_000 + t.0) }
        });
        let ended = tell.clone();
        let writer = RecorderWriter::start(folder.path().to_owned(), Format::Pcm16, move |tenant, report| {
            ended.send((tenant, report)).expect("the test listens");
        })
        .expect("a thread");
        let library = Arc::new(library);
        let settings = (0..threads).map(|index| ThreadSettings {
            name: format!("media-test-{index}"),
            engine: Settings {
                library: Arc::clone(&library),
                pool: Pool::default(),
                format: Format::Pcm16,
                rng: Rng::from_number(index as u64),
                home: Home::default(),
            },
            ports: Arc::clone(&ports),
            coalesce: false,
            clock: Arc::clone(&clock),
            writer: writer.sender(),
            load: Arc::new(|clip, mailbox| mailbox.put_sound(clip, None)),
        });
        let threads = MediaThreads::start(settings.collect(), move |tenant, report| {
            tell.send((tenant, report)).expect("the test listens");
        })
        .expect("threads");
        Self { threads, ports, reports, writer, folder, clock, version: 0, legs: BTreeMap::new() }
    }

    fn tell(&mut self, body: Body) {
        self.tell_of(CONTACT, body);
    }

    fn tell_of(&mut self, contact: ContactId, body: Body) {
        self.version += 1;
        self.threads.send(TENANT, Command { contact, version: self.version, body });
    }

    /// A leg whose far end is a socket of the test.
    fn leg(&mut self, leg: LegId) {
        self.leg_of(CONTACT, leg);
    }

    fn leg_of(&mut self, contact: ContactId, leg: LegId) {
        let far = UdpSocket::bind((test_address(), 0)).expect("a port");
        far.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
        let at = far.local_addr().expect("bound");
        let ports = self.ports.supply(INTERFACE, 1)[0];
        self.legs.insert(leg, (ports, far));
        self.tell_of(
            contact,
            Body::SetLeg(LegSpec {
                leg,
                ports,
                remote: Some(Remote {
                    rtp: at,
                    rtcp: at,
                    rtcp_mux: true,
                    codec: Codec::Pcma,
                    payload_type: 8,
                    ptime_ms: 20,
                }),
                latch_epoch: 1,
                telephone_event_send: None,
                telephone_event_receive: None,
                send: true,
                receive: true,
                watch: false,
                digits: vec![],
                keeps_keys: false,
            }),
        );
        self.wait(|body| matches!(body, ReportBody::Applied { subject: Subject::Leg(applied), .. } if *applied == leg));
    }

    fn wait(&self, wanted: impl Fn(&ReportBody) -> bool) -> ReportBody {
        loop {
            let (tenant, report) = self.reports.recv_timeout(Duration::from_secs(10)).expect("a report within 10 s");
            assert_eq!(tenant, TENANT);
            assert!([CONTACT, OTHER].contains(&report.contact));
            if wanted(&report.body) {
                return report.body;
            }
        }
    }

    fn say(&self, leg: LegId, ssrc: u32, sequence: u16) {
        let (ports, far) = &self.legs[&leg];
        let mut packet = [0x55; HEADER_BYTES + 160];
        rtp::write(&mut packet, 8, ssrc, Stamp { marker: false, sequence, timestamp: u32::from(sequence) * 160 });
        far.send_to(&packet, SocketAddr::new(ports.ip, ports.rtp)).expect("sent");
    }

    /// The next RTP packet at a far end.
    fn hear(&self, leg: LegId) -> rtp::Header {
        let (_, far) = &self.legs[&leg];
        let mut packet = [0; 400];
        loop {
            let (length, _) = far.recv_from(&mut packet).expect("a packet within 10 s");
            match rtp::kind(&packet[..length]) {
                rtp::Kind::Rtp => return rtp::read(&packet[..length]).expect("RTP"),
                rtp::Kind::Rtcp
                | rtp::Kind::Stun
                | rtp::Kind::Zrtp
                | rtp::Kind::Dtls
                | rtp::Kind::TurnChannel
                | rtp::Kind::Unknown => {}
            }
        }
    }

    /// Whether a packet of sound came within the far end's patience.
    fn hears_rtp(&self, leg: LegId) -> bool {
        let mut packet = [0; 400];
        let came = self.legs[&leg].1.recv(&mut packet);
        came.is_ok_and(|length| rtp::kind(&packet[..length]) == rtp::Kind::Rtp)
    }

    fn status(&self) -> Status {
        self.threads.status().next().expect("a thread")
    }

    fn end(self) {
        assert!(self.threads.stop());
        assert!(self.writer.stop());
    }
}

const A: LegId = LegId(1);
const B: LegId = LegId(2);

#[test]
fn a_talk_is_forwarded_and_its_ports_rest_afterwards() {
    let mut house = House::start(22_000);
    house.leg(A);
    house.leg(B);
    house.tell(Body::SetRow { sink: A, sources: vec![Source::Leg(B)] });
    house.tell(Body::SetRow { sink: B, sources: vec![Source::Leg(A)] });
    house.wait(|body| matches!(body, ReportBody::Applied { subject: Subject::Row(row), .. } if *row == B));
    let mut last = None;
    for sequence in 0..50 {
        house.say(A, 7, sequence);
        let heard = house.hear(B);
        assert_eq!((heard.payload_type, heard.payload_bytes), (8, 160));
        assert!(last.is_none_or(|last: u16| heard.sequence == last.wrapping_add(1)));
        last = Some(heard.sequence);
    }
    house.tell(Body::Close(Subject::Leg(A)));
    house.tell(Body::Close(Subject::Leg(B)));
    let closed = house.wait(|body| matches!(body, ReportBody::LegClosed { leg, .. } if *leg == B));
    let ReportBody::LegClosed { counts, .. } = closed else { unreachable!("waited for it") };
    assert_eq!((counts.sent, counts.received), (50, 0));
    assert_eq!(house.ports.counts(), (0, 2));
    house.end();
}

#[test]
fn a_leg_opened_and_closed_at_once_gives_its_ports_back() {
    let mut house = House::start(22_100);
    for number in 0..10 {
        house.leg(LegId(100 + number));
        house.tell(Body::Close(Subject::Leg(LegId(100 + number))));
    }
    house.wait(|body| matches!(body, ReportBody::LegClosed { leg, .. } if leg.0 == 109));
    assert_eq!(house.ports.counts(), (0, 10));
    house.end();
}

#[test]
fn panics_drop_their_leg_and_the_third_drops_all() {
    let mut house = House::start(22_200);
    for leg in 1..=4 {
        house.leg(LegId(leg));
    }
    let closed = |leg: u64| move |body: &ReportBody| matches!(body, ReportBody::LegClosed { leg: closed, .. } if closed.0 == leg);
    house.say(LegId(1), POISON_SSRC, 1);
    house.wait(closed(1));
    house.tell(Body::SetRow { sink: LegId(4), sources: vec![Source::Leg(LegId(3))] });
    house.wait(|body| matches!(body, ReportBody::Applied { subject: Subject::Row(_), .. }));
    house.say(LegId(3), 5, 1);
    house.hear(LegId(4));
    house.say(LegId(2), POISON_SSRC, 1);
    house.wait(closed(2));
    house.say(LegId(3), POISON_SSRC, 2);
    house.wait(closed(3));
    house.wait(closed(4));
    house.leg(LegId(5));
    let until = Instant::now() + Duration::from_secs(10);
    while house.status().panics < 3 && Instant::now() < until {
        std::thread::yield_now();
    }
    let status = house.status();
    assert_eq!((status.panics, status.counters.abandoned, status.legs), (3, 4, 1));
    house.end();
}

#[test]
fn a_prompt_is_heard_and_recorded_and_the_file_plays() {
    let mut house = House::start(22_300);
    house.leg(A);
    let origin = (house.clock)().t;
    let (player, file) = (PlayerId(1), "3/2026-11-21/42.wav".to_owned());
    let (left, right) = (vec![Source::Leg(A)], vec![Source::Player(player)]);
    house.tell(Body::SetTrack(TrackSpec { recorder: CONTACT, file: file.clone(), origin, left, right }));
    house.tell(Body::SetPlayer(PlayerSpec {
        player,
        sounds: vec!["tone".into()],
        repeat: false,
        is_music: false,
        paused: false,
        position: None,
    }));
    house.tell(Body::SetRow { sink: A, sources: vec![Source::Player(player)] });
    for _ in 0..50 {
        assert_eq!(house.hear(A).payload_bytes, 160);
    }
    house.wait(|body| matches!(body, ReportBody::PlayerEnded { missing: None, .. }));
    house.tell(Body::Close(Subject::Recorder(CONTACT)));
    let ended = house.wait(|body| matches!(body, ReportBody::RecordingEnded { .. }));
    let ReportBody::RecordingEnded { length, gap, .. } = ended else { unreachable!("waited for it") };
    assert_eq!(gap, None);
    let reader = hound::WavReader::open(house.folder.path().join(file)).expect("a WAV file");
    assert_eq!(i64::from(reader.duration()), length.as_micros() / 125);
    let samples: Vec<i16> = reader.into_samples().map(|sample| sample.expect("a sample")).collect();
    let loud = samples.chunks(2).filter(|frame| frame[1] == 5_000).count();
    assert!((7_999..=8_000).contains(&loud), "{loud}");
    house.end();
}

/// Design 6: a leg that joins a room elsewhere moves with its sockets, and what comes meanwhile waits in them.
#[test]
fn a_thousand_moves_of_a_talking_recorded_leg_lose_no_packet() {
    const MOVES: u16 = 1_000;
    const SAMPLES: usize = 40;
    let mut house = House::with_threads(22_400, 2);
    let sinks = [(CONTACT, B, "a.wav"), (OTHER, LegId(3), "b.wav")];
    house.leg(A);
    let origin = (house.clock)().t;
    for (contact, sink, file) in sinks {
        house.leg_of(contact, sink);
        house.legs[&sink].1.set_read_timeout(Some(Duration::from_millis(1))).expect("set");
        house.tell_of(contact, Body::SetRow { sink, sources: vec![Source::Leg(A)] });
        let (file, left) = (file.to_owned(), vec![Source::Leg(A)]);
        house.tell_of(contact, Body::SetTrack(TrackSpec { recorder: contact, file, origin, left, right: vec![] }));
        house.wait(|body| matches!(body, ReportBody::Applied { subject: Subject::Recorder(_), .. }));
    }
    let began = Instant::now();
    let mut heard = 0;
    for number in 0..MOVES {
        let (from, to) = if number % 2 == 0 { (CONTACT, OTHER) } else { (OTHER, CONTACT) };
        house.tell_of(from, Body::Hand { leg: A, to });
        let (ports, far) = &house.legs[&A];
        let mut packet = [0x2A; HEADER_BYTES + SAMPLES];
        // The far end's clock is ours: when this machine is held up, the talk has a pause and no burst.
        let sent = began.elapsed();
        let stamp = Stamp { marker: false, sequence: number, timestamp: (sent.as_micros() / 125) as u32 };
        rtp::write(&mut packet, 8, 7, stamp);
        far.send_to(&packet, SocketAddr::new(ports.ip, ports.rtp)).expect("sent");
        house.wait(|body| matches!(body, ReportBody::Applied { subject: Subject::Hand(A), .. }));
        // The talk goes at the pace of its sound; until then the far ends listen.
        let due = sent + Duration::from_millis(5);
        while began.elapsed() < due || heard <= usize::from(number) {
            heard += sinks.iter().filter(|(_, sink, _)| house.hears_rtp(*sink)).count();
            assert!(began.elapsed() < due + Duration::from_secs(10), "packet {number} is lost");
        }
    }
    assert_eq!(heard, usize::from(MOVES));
    house.tell(Body::Close(Subject::Leg(A)));
    let closed = house.wait(|body| matches!(body, ReportBody::LegClosed { leg: A, .. }));
    let ReportBody::LegClosed { counts, .. } = closed else { unreachable!("waited for it") };
    assert_eq!((counts.received, counts.lost), (u64::from(MOVES), 0));
    let mut loud = 0;
    for (contact, _, file) in sinks {
        house.tell_of(contact, Body::Close(Subject::Recorder(contact)));
        house.wait(|body| matches!(body, ReportBody::RecordingEnded { .. }));
        let reader = hound::WavReader::open(house.folder.path().join(file)).expect("a WAV file");
        let samples: Vec<i16> = reader.into_samples().map(|sample| sample.expect("a sample")).collect();
        loud += samples.chunks(2).filter(|frame| frame[0].unsigned_abs() > 10_000).count();
    }
    let expected = usize::from(MOVES) * SAMPLES;
    assert!(loud.abs_diff(expected) < SAMPLES, "{loud} samples of {expected} are recorded");
    house.end();
}
