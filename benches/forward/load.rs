//! The far ends of all calls in one thread: each sends a packet every 20 ms and counts what comes back. It never waits:
//! between two sends it looks at its sockets, so that a delay is seen when it is over.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use cordboard::base::Rng;
use cordboard::media::rtp::{self, HEADER_BYTES, Kind, Stamp};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::meter;

const PERIOD: Duration = Duration::from_millis(20);
const SAMPLES: usize = 160;
/// Sends between two looks at the sockets.
const SENDS_AT_ONCE: usize = 4;
const LATE: Duration = Duration::from_millis(1);
/// How long the last packets of a run may take.
const DRAIN: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// Each stream has its own phase of the 20 ms.
    Spread,
    /// 20 phases of a millisecond each.
    Bursts,
}

impl Arrivals {
    pub fn name(self) -> &'static str {
        match self {
            Self::Spread => "spread",
            Self::Bursts => "bursts",
        }
    }

    fn phase(self, place: usize, streams: usize) -> Duration {
        let spread = PERIOD * place as u32 / streams as u32;
        match self {
            Self::Spread => spread,
            Self::Bursts => Duration::from_millis(spread.as_millis() as u64),
        }
    }
}

pub struct Load {
    sockets: Vec<UdpSocket>,
    epoll: OwnedFd,
    ready: Vec<epoll::Event>,
    /// Where each socket sends to.
    targets: Vec<SocketAddr>,
    /// Sockets in the order of their phases.
    order: Vec<(Duration, usize)>,
    began: Instant,
    /// Packets of the whole run, all sockets.
    pub sent: u64,
    pub received: u64,
    pub late: u64,
    /// Microseconds, of the last `run`.
    delays: Vec<f64>,
}

impl Load {
    pub fn new(calls: usize, arrivals: Arrivals) -> Self {
        let streams = 2 * calls;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("a descriptor is free");
        let sockets: Vec<UdpSocket> = (0..streams).map(|_| bind()).collect();
        for (index, socket) in sockets.iter().enumerate() {
            let token = epoll::EventData::new_u64(index as u64);
            epoll::add(&epoll, socket, token, epoll::EventFlags::IN).expect("a socket can be watched");
        }
        let mut shuffled: Vec<usize> = (0..streams).collect();
        let mut rng = Rng::from_number(7);
        for place in (1..streams).rev() {
            shuffled.swap(place, rng.below(place as u64 + 1) as usize);
        }
        let phase = |(place, socket)| (arrivals.phase(place, streams), socket);
        Self {
            sockets,
            epoll,
            ready: Vec::with_capacity(64),
            targets: Vec::new(),
            order: shuffled.into_iter().enumerate().map(phase).collect(),
            began: Instant::now(),
            sent: 0,
            received: 0,
            late: 0,
            delays: Vec::new(),
        }
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().map(|socket| socket.local_addr().expect("bound")).collect()
    }

    pub fn aim(&mut self, targets: &[SocketAddr]) {
        self.targets = targets.to_vec();
        self.began = Instant::now();
    }

    /// Sends and receives for so long. The next run goes on with the same streams.
    pub fn run(&mut self, length: Duration) {
        self.delays.clear();
        self.delays.reserve(self.sockets.len() * 50 * (length.as_secs() as usize + 1));
        let streams = self.order.len() as u64;
        let until = self.began.elapsed() + length;
        loop {
            let now = self.began.elapsed();
            for _ in 0..SENDS_AT_ONCE {
                let (period, place) = (self.sent / streams, (self.sent % streams) as usize);
                let (phase, socket) = self.order[place];
                let due = PERIOD * period as u32 + phase;
                if due >= until {
                    return self.receive_until(until);
                }
                if due > now {
                    break;
                }
                self.late += u64::from(now - due > LATE);
                self.send(socket, period);
            }
            self.receive();
        }
    }

    /// What is on its way when the sending is over.
    pub fn drain(&mut self) {
        let until = self.began.elapsed() + DRAIN;
        self.receive_until(until);
    }

    /// Delay in microseconds below which a part of the last run's packets lies.
    pub fn delay(&self, part: f64) -> f64 {
        meter::quantile(&self.delays, part)
    }

    fn receive_until(&mut self, until: Duration) {
        while self.began.elapsed() < until {
            self.receive();
        }
    }

    fn send(&mut self, socket: usize, period: u64) {
        let mut packet = [0x55; HEADER_BYTES + SAMPLES];
        let stamp = Stamp { marker: period == 0, sequence: period as u16, timestamp: period as u32 * SAMPLES as u32 };
        rtp::write(&mut packet, 8, socket as u32, stamp);
        let sent_at = self.began.elapsed().as_nanos() as u64;
        packet[HEADER_BYTES..HEADER_BYTES + 8].copy_from_slice(&sent_at.to_be_bytes());
        self.sockets[socket].send_to(&packet, self.targets[socket]).expect("the loopback takes a packet");
        self.sent += 1;
    }

    /// One datagram of each socket that has some.
    fn receive(&mut self) {
        self.ready.clear();
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        match epoll::wait(&self.epoll, spare_capacity(&mut self.ready), Some(&at_once)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("{error}"),
        }
        let mut packet = [0; 512];
        for event in &self.ready {
            let Ok(length) = self.sockets[event.data.u64() as usize].recv(&mut packet) else { continue };
            if rtp::kind(&packet[..length]) != Kind::Rtp {
                continue;
            }
            let stamp = packet[HEADER_BYTES..HEADER_BYTES + 8].try_into().expect("eight bytes");
            let sent_at = Duration::from_nanos(u64::from_be_bytes(stamp));
            self.delays.push((self.began.elapsed().saturating_sub(sent_at)).as_secs_f64() * 1e6);
            self.received += 1;
        }
    }
}

fn bind() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    socket.set_nonblocking(true).expect("a socket can be told");
    socket
}
