//! The sound of a caller: a socket whose port stands in the SDP that sipp sends. A thread sends a packet each 20 ms and
//! keeps a diary of what left and what came, on the monotonic clock.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Block;
use super::sound::{PACKET_SAMPLES, alaw_decode, alaw_encode, level, loudness, tone, ulaw_decode, ulaw_encode};
use super::wait::STEP;

const TICK: Duration = Duration::from_millis(20);
const EVENT_TYPE: u8 = 101;
const SSRC: u32 = 0x1eaf_cafe;

/// The worst lateness of any packet since it was forgotten, in microseconds.
static LATEST: AtomicU64 = AtomicU64::new(0);

pub fn latest() -> Duration {
    Duration::from_micros(LATEST.load(Ordering::Relaxed))
}

pub fn forget_lateness() {
    LATEST.store(0, Ordering::Relaxed);
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Voice {
    /// Sends nothing.
    Off,
    /// Sends packets without sound.
    Quiet,
    Tone(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    A = 8,
    Mu = 0,
}

#[derive(Clone)]
pub struct Heard {
    pub at: Instant,
    pub sequence: u16,
    pub timestamp: u32,
    pub payload_type: u8,
    pub payload: Vec<u8>,
}

impl Heard {
    pub fn samples(&self) -> Vec<i16> {
        match self.payload_type {
            0 => self.payload.iter().copied().map(ulaw_decode).collect(),
            8 => self.payload.iter().copied().map(alaw_decode).collect(),
            _ => Vec::new(),
        }
    }
}

struct State {
    voice: Voice,
    /// Where the server's sound came from, which is where it wants ours.
    peer: Option<SocketAddr>,
    digits: VecDeque<char>,
    heard: Vec<Heard>,
    /// When the first packet of each voice left.
    began: Vec<(Instant, Voice)>,
    sent: u64,
    stop: bool,
}

struct Shared {
    state: Mutex<State>,
    more: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct Rtp {
    pub port: u16,
    pub law: Law,
    shared: Arc<Shared>,
    worker: Option<JoinHandle<()>>,
    ports: Option<Block>,
}

impl Rtp {
    pub fn new(law: Law) -> Self {
        // Two, so that nobody else sits where the server sends RTCP.
        let ports = Block::new(2);
        let mut rtp = Self::at(ports.first, law);
        rtp.ports = Some(ports);
        rtp
    }

    /// At a port that the caller holds.
    pub fn at(port: u16, law: Law) -> Self {
        let socket = UdpSocket::bind(("127.0.0.1", port)).expect("the port was free");
        let state = State {
            voice: Voice::Quiet,
            peer: None,
            digits: VecDeque::new(),
            heard: Vec::new(),
            began: Vec::new(),
            sent: 0,
            stop: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), more: Condvar::new() });
        let mut sender = Sender { socket, law, shared: shared.clone(), sequence: 1, timestamp: 0, said: Voice::Off };
        let worker = std::thread::spawn(move || sender.run());
        Self { port, law, shared, worker: Some(worker), ports: None }
    }

    /// The body of an INVITE or of its answer.
    pub fn sdp(&self) -> String {
        let (law, name) = match self.law {
            Law::A => (8, "PCMA"),
            Law::Mu => (0, "PCMU"),
        };
        [
            "v=0",
            "o=caller 1 1 IN IP4 127.0.0.1",
            "s=-",
            "c=IN IP4 127.0.0.1",
            "t=0 0",
            &format!("m=audio {} RTP/AVP {law} {EVENT_TYPE}", self.port),
            &format!("a=rtpmap:{law} {name}/8000"),
            &format!("a=rtpmap:{EVENT_TYPE} telephone-event/8000"),
            &format!("a=fmtp:{EVENT_TYPE} 0-15"),
            "a=sendrecv",
            "",
        ]
        .join("\r\n")
    }

    /// Sends there, without waiting for sound from there.
    pub fn send_to(&self, peer: SocketAddr) {
        self.shared.lock().peer = Some(peer);
    }

    pub fn say(&self, voice: Voice) {
        self.shared.lock().voice = voice;
    }

    /// When the first packet of that voice left; waits for it.
    pub fn said(&self, voice: Voice) -> Instant {
        self.wait("the voice to be sent", |state| {
            state.began.iter().rev().find(|(_, v)| *v == voice).map(|(at, _)| *at)
        })
    }

    /// Presses a key (RFC 4733).
    pub fn press(&self, digit: char) {
        self.shared.lock().digits.push_back(digit);
    }

    fn wait<T>(&self, what: &str, look: impl Fn(&State) -> Option<T>) -> T {
        let end = Instant::now() + STEP;
        let mut state = self.shared.lock();
        loop {
            if let Some(found) = look(&state) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            let (heard, sent) = (state.heard.len(), state.sent);
            assert!(!left.is_zero(), "waited {STEP:?} for {what}; {heard} packets came, {sent} were sent");
            state = self.shared.more.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Packets that came so far.
    pub fn heard(&self) -> usize {
        self.shared.lock().heard.len()
    }

    /// Everything from that packet on as it came.
    pub fn diary(&self, from: usize) -> Vec<Heard> {
        self.shared.lock().heard[from..].to_vec()
    }

    /// Waits until so many packets came.
    pub fn wait_packets(&self, count: usize) {
        self.wait(&format!("{count} packets"), |state| (state.heard.len() >= count).then_some(()));
    }

    /// Waits for 100 ms of a tone and tells when the first packet of it came. Looks at packets from `from` on.
    pub fn wait_tone(&self, hz: f64, from: usize) -> Instant {
        self.wait(&format!("a tone of {hz} Hz"), |state| {
            let run = state.heard.get(from..)?.windows(5).find(|run| {
                run.iter().all(|packet| {
                    let samples = packet.samples();
                    level(&samples, hz) > 0.08 && level(&samples, hz) > 0.8 * loudness(&samples)
                })
            });
            run.map(|run| run[0].at)
        })
    }

    /// Waits for 100 ms of anything that can be heard.
    pub fn wait_sound(&self, from: usize) {
        self.wait("any sound", |state| {
            let mut runs = state.heard.get(from..)?.windows(5);
            runs.any(|run| run.iter().all(|packet| loudness(&packet.samples()) > 0.01)).then_some(())
        });
    }

    /// Sound from packet `from` on, each packet at the place its timestamp gives it.
    pub fn pcm(&self, from: usize) -> Vec<i16> {
        let mut packets = self.diary(from);
        packets.retain(|packet| matches!(packet.payload_type, 0 | 8));
        let Some(first) = packets.first().map(|packet| packet.timestamp) else { return Vec::new() };
        let mut pcm = Vec::new();
        for packet in packets {
            let place = packet.timestamp.wrapping_sub(first) as usize;
            let samples = packet.samples();
            if place < 60 * 60 * 8_000 {
                pcm.resize(pcm.len().max(place + samples.len()), 0);
                pcm[place..place + samples.len()].copy_from_slice(&samples);
            }
        }
        pcm
    }

    /// The part of packets missing by their sequence numbers, from packet `from` on.
    pub fn loss(&self, from: usize) -> f64 {
        let packets = self.diary(from);
        let (Some(first), Some(last)) = (packets.first(), packets.last()) else { return 1.0 };
        let expected = f64::from(last.sequence.wrapping_sub(first.sequence)) + 1.0;
        1.0 - packets.len() as f64 / expected
    }
}

impl Drop for Rtp {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        if let Some(worker) = self.worker.take()
            && worker.join().is_err()
        {
            eprintln!("the sound thread of port {} panicked", self.port);
        }
    }
}

struct Sender {
    socket: UdpSocket,
    law: Law,
    shared: Arc<Shared>,
    sequence: u16,
    timestamp: u32,
    said: Voice,
}

impl Sender {
    fn run(&mut self) {
        let mut next = Instant::now();
        let mut event: Option<KeyPress> = None;
        loop {
            next += TICK;
            self.listen_until(next);
            let (voice, peer, digit) = {
                let mut state = self.shared.lock();
                if state.stop {
                    return;
                }
                let digit = if event.is_none() && state.peer.is_some() { state.digits.pop_front() } else { None };
                (state.voice, state.peer, digit)
            };
            self.timestamp = self.timestamp.wrapping_add(PACKET_SAMPLES as u32);
            let Some(peer) = peer else { continue };
            if let Some(digit) = digit {
                event = Some(KeyPress { digit, begun: self.timestamp, ticks: 0 });
            }
            event = match event {
                Some(press) => self.send_event(press, peer),
                None => self.send_voice(voice, peer),
            };
            let late = Instant::now().saturating_duration_since(next);
            LATEST.fetch_max(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    fn listen_until(&mut self, end: Instant) {
        let mut buffer = [0; 2_048];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.socket.set_read_timeout(Some(left)).expect("a length above zero");
            match self.socket.recv_from(&mut buffer) {
                Ok((length, from)) => self.take(&buffer[..length], from),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) => panic!("the sound socket broke: {error}"),
            }
        }
    }

    fn take(&self, datagram: &[u8], from: SocketAddr) {
        let at = Instant::now();
        if datagram.len() < 12 || datagram[0] != 0x80 {
            return;
        }
        let mut state = self.shared.lock();
        state.peer = Some(from);
        state.heard.push(Heard {
            at,
            sequence: u16::from_be_bytes([datagram[2], datagram[3]]),
            timestamp: u32::from_be_bytes([datagram[4], datagram[5], datagram[6], datagram[7]]),
            payload_type: datagram[1] & 0x7f,
            payload: datagram[12..].to_vec(),
        });
        self.shared.more.notify_all();
    }

    fn send(&mut self, marked_type: u8, timestamp: u32, payload: &[u8], peer: SocketAddr) {
        let mut packet = vec![0x80, marked_type];
        packet.extend_from_slice(&self.sequence.to_be_bytes());
        packet.extend_from_slice(&timestamp.to_be_bytes());
        packet.extend_from_slice(&SSRC.to_be_bytes());
        packet.extend_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        // The far end may have closed its port a moment ago.
        if self.socket.send_to(&packet, peer).is_ok() {
            self.shared.lock().sent += 1;
        }
    }

    fn send_voice(&mut self, voice: Voice, peer: SocketAddr) -> Option<KeyPress> {
        let begins = self.said != voice;
        self.said = voice;
        let at = self.timestamp as usize;
        let sample = |n: usize| match voice {
            Voice::Tone(hz) => tone(at + n, hz),
            Voice::Quiet | Voice::Off => 0,
        };
        let encode = match self.law {
            Law::A => alaw_encode,
            Law::Mu => ulaw_encode,
        };
        let payload: Vec<u8> = (0..PACKET_SAMPLES).map(|n| encode(sample(n))).collect();
        let marker = if begins { 0x80 } else { 0 };
        if begins {
            self.shared.lock().began.push((Instant::now(), voice));
            self.shared.more.notify_all();
        }
        if voice != Voice::Off {
            self.send(self.law as u8 | marker, self.timestamp, &payload, peer);
        }
        None
    }

    /// A key of 120 ms, its end told three times.
    fn send_event(&mut self, mut press: KeyPress, peer: SocketAddr) -> Option<KeyPress> {
        const TICKS: u16 = 6;
        press.ticks += 1;
        let code = "0123456789*#ABCD".find(press.digit).expect("a key of a phone");
        let duration = (press.ticks * PACKET_SAMPLES as u16).to_be_bytes();
        let is_end = press.ticks == TICKS;
        let flags = if is_end { 0x80 | 10 } else { 10 };
        let payload = [u8::try_from(code).expect("0 to 15"), flags, duration[0], duration[1]];
        let marker = if press.ticks == 1 { 0x80 } else { 0 };
        for _ in 0..if is_end { 3 } else { 1 } {
            self.send(EVENT_TYPE | marker, press.begun, &payload, peer);
        }
        (!is_end).then_some(press)
    }
}

#[derive(Clone, Copy)]
struct KeyPress {
    digit: char,
    begun: u32,
    ticks: u16,
}
