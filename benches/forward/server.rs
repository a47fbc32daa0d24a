//! The server's own media thread with calls in it, and the writer of their recordings, as `cordboard serve` starts them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use cordboard::base::{ContactId, InterfaceNo, LegId, Now, PortPair, Rng, TenantNo};
use cordboard::drive::clock::Clock;
use cordboard::drive::mailbox::Mailbox;
use cordboard::drive::media_thread::{Mailboxes, MediaThread, ThreadSettings};
use cordboard::drive::ports::{PortPool, PortRange};
use cordboard::drive::recorder_writer::RecorderWriter;
use cordboard::media::recorder::Pool;
use cordboard::media::sound::Library;
use cordboard::media::wav::Format;
use cordboard::media::words::{Body, Command, LegSpec, Remote, Report, ReportBody, Source, Subject, TrackSpec};
use cordboard::media::{Home, Settings};
use cordboard::sdp::Codec;
use tempfile::TempDir;

const TENANT: TenantNo = TenantNo(1);
const INTERFACE: InterfaceNo = InterfaceNo(0);
/// Two ports for each leg of 2,500 calls, below the ports that the system gives to others.
const PORTS: (u16, u16) = (16_384, 26_383);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Plain,
    Coalesced,
    Recorded,
}

pub struct MediaServer {
    thread: MediaThread,
    writer: RecorderWriter,
    reports: Receiver<Report>,
    addresses: Vec<SocketAddr>,
    version: u64,
    _recordings: TempDir,
}

impl MediaServer {
    /// Legs 2i and 2i + 1 talk to each other; each has its far end.
    pub fn start(way: Way, far_ends: &[SocketAddr]) -> Self {
        let (clock, recordings) = (Arc::new(Clock::start(None)), TempDir::new().expect("a folder can be made"));
        let (first, last) = PORTS;
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let ports = Arc::new(PortPool::new(&[PortRange { interface: INTERFACE, ip, first, last }], usize::MAX));
        let (tell, reports) = channel();
        // Nobody listens any more once the run is over.
        let ended = |_: TenantNo, _: Report| {};
        let writer =
            RecorderWriter::start(recordings.path().to_owned(), Format::Pcm16, ended).expect("a thread can be started");
        let now = {
            let clock = Arc::clone(&clock);
            move || -> Now { clock.now() }
        };
        let settings = ThreadSettings {
            name: "media".to_owned(),
            engine: Settings {
                library: Arc::new(Library::default()),
                pool: Pool::default(),
                format: Format::Pcm16,
                rng: Rng::from_number(1),
                home: Home { index: 0, threads: 1 },
            },
            ports: Arc::clone(&ports),
            coalesce: way == Way::Coalesced,
            clock: Arc::new(now),
            writer: writer.sender(),
            load: Arc::new(|clip, mailbox| mailbox.put_sound(clip, None)),
        };
        let mailboxes: Mailboxes = Arc::new([Arc::new(Mailbox::new().expect("a descriptor is free"))]);
        let report = move |_: TenantNo, report: Report| tell.send(report).unwrap_or_default();
        let thread = MediaThread::start(settings, &mailboxes, report).expect("a thread can be started");
        let pairs = ports.supply(INTERFACE, far_ends.len());
        assert_eq!(pairs.len(), far_ends.len(), "ports {first}-{last} are in use");
        let addresses = pairs.iter().map(|pair| SocketAddr::new(pair.ip, pair.rtp)).collect();
        let mut server = Self { thread, writer, reports, addresses, version: 0, _recordings: recordings };
        for (index, (pair, far_end)) in pairs.iter().zip(far_ends).enumerate() {
            server.add_leg(index, *pair, *far_end);
        }
        if way == Way::Recorded {
            (0..far_ends.len() / 2).for_each(|call| server.record(call, clock.now()));
        }
        server.wait();
        server
    }

    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    fn tell(&mut self, call: usize, body: Body) {
        self.version += 1;
        self.thread.send(TENANT, Command { contact: ContactId(call as u64 + 1), version: self.version, body });
    }

    fn add_leg(&mut self, index: usize, ports: PortPair, far_end: SocketAddr) {
        let remote =
            Remote { rtp: far_end, rtcp: far_end, rtcp_mux: true, codec: Codec::Pcma, payload_type: 8, ptime_ms: 20 };
        let spec = LegSpec {
            leg: leg(index),
            ports,
            remote: Some(remote),
            latch_epoch: 1,
            telephone_event_send: Some(101),
            telephone_event_receive: Some(101),
            send: true,
            receive: true,
            watch: true,
            digits: Vec::new(),
            keeps_keys: false,
        };
        self.tell(index / 2, Body::SetLeg(spec));
        self.tell(index / 2, Body::SetRow { sink: leg(index), sources: vec![Source::Leg(leg(index ^ 1))] });
    }

    fn record(&mut self, call: usize, now: Now) {
        let track = TrackSpec {
            recorder: ContactId(call as u64 + 1),
            file: format!("{call}.wav"),
            origin: now.t,
            left: vec![Source::Leg(leg(2 * call))],
            right: vec![Source::Leg(leg(2 * call + 1))],
        };
        self.tell(call, Body::SetTrack(track));
    }

    /// Until the newest command holds. They come in order.
    fn wait(&self) {
        let last = self.version;
        let is_last = |report: Report| matches!(report.body, ReportBody::Applied { version, .. } if version == last);
        while !is_last(self.reports.recv_timeout(Duration::from_secs(10)).expect("the media thread answers")) {}
    }

    pub fn stop(mut self) {
        for call in 0..self.addresses.len() / 2 {
            self.tell(call, Body::Close(Subject::Recorder(ContactId(call as u64 + 1))));
        }
        assert!(self.thread.stop(), "the media thread panicked");
        assert!(self.writer.stop(), "the writer panicked");
    }
}

fn leg(index: usize) -> LegId {
    LegId(index as u64 + 1)
}
