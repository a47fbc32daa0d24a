//! Far ends on real sockets: carries what the user agents of `scenario::ua` say and hear, and owns their clock and sound.
//! A call that is up sends a packet each 20 ms. Waiting is for whatever comes first: a message, a deadline of a far end,
//! or a bell that somebody else rings. Decides nothing about calls.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cordboard::base::{Rng, Span, Time, Utc};
use cordboard::event::words::Wire;
use cordboard::sip::message::{Frame, StreamFramer};
use socket2::{Domain, Socket, Type};

use crate::harness::rtp::Law;
use crate::harness::wait::STEP;
use crate::harness::{Block, Rtp};
use crate::scenario::stage::lines;
use crate::scenario::ua::call::{CallNo, Phase};
use crate::scenario::ua::{Out, Ua, wire_datagram};

/// Where the clock of the far ends begins: any moment will do.
const WALL: Utc = Utc(1_772_438_400_000_000);
/// Each far end has so many ports: one to speak at, one to connect from, the others two and two for the sound of its
/// calls.
const PORTS: u16 = 20;
/// How long a thread that reads may not notice that all is over.
const LOOK: Duration = Duration::from_millis(100);
/// A phone whose connection broke, or cannot be made, tries again so much later.
const AGAIN: Span = Span::millis(500);
/// At least so often the owner looks at what has neither message nor event.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// What the threads that read have to tell.
pub enum News {
    Datagram(usize, Bytes),
    Opened(usize, TcpStream),
    Chunk(usize, u64, Bytes),
    Broken(usize, u64),
    /// Rung by others, who have news of their own.
    Bell,
}

enum Line {
    Udp(UdpSocket),
    Tcp { connections: BTreeMap<u64, Connection>, current: Option<u64> },
}

struct Connection {
    stream: TcpStream,
    framer: StreamFramer,
}

pub struct FarEnds {
    pub uas: Vec<Ua>,
    lines: Vec<Line>,
    server: SocketAddr,
    teller: Sender<News>,
    news: Receiver<News>,
    connections: u64,
    began: Instant,
    rng: Rng,
    sounds: BTreeMap<(usize, CallNo), Rtp>,
    stop: Arc<AtomicBool>,
    readers: Vec<JoinHandle<()>>,
    /// Given back when all sockets are closed.
    seats: Vec<Block>,
}

/// Where a far end will be; its sound has the ports behind it.
pub fn seat() -> Block {
    Block::new(PORTS)
}

impl FarEnds {
    pub fn new(server: SocketAddr) -> Self {
        let (teller, news) = channel();
        Self {
            uas: Vec::new(),
            lines: Vec::new(),
            server,
            teller,
            news,
            connections: 0,
            began: Instant::now(),
            rng: Rng::from_number(1),
            sounds: BTreeMap::new(),
            stop: Arc::new(AtomicBool::new(false)),
            readers: Vec::new(),
            seats: Vec::new(),
        }
    }

    /// A far end at a [`seat`]; over TCP it also takes connections there.
    pub fn add(&mut self, name: &str, seat: Block, wire: Wire, domain: &str) -> &mut Ua {
        let at = seat.address();
        let rng = Rng::from_seed(self.rng.bytes());
        let mut ua = Ua::new(name, at, wire, self.server, domain, rng);
        (ua.media_first, ua.media_calls) = (at.port() + 2, usize::from(PORTS / 2 - 1));
        let no = self.uas.len();
        let line = match wire {
            Wire::Udp => {
                let socket = UdpSocket::bind(at).expect("the port was free");
                let reads = socket.try_clone().expect("a socket can be doubled");
                let (teller, stop) = (self.teller.clone(), Arc::clone(&self.stop));
                self.readers.push(std::thread::spawn(move || read_datagrams(no, &reads, &teller, &stop)));
                Line::Udp(socket)
            }
            Wire::Tcp => {
                let listener = TcpListener::bind(at).expect("the port was free");
                let (teller, stop) = (self.teller.clone(), Arc::clone(&self.stop));
                self.readers.push(std::thread::spawn(move || take_connections(no, &listener, &teller, &stop)));
                Line::Tcp { connections: BTreeMap::new(), current: None }
            }
        };
        self.lines.push(line);
        self.seats.push(seat);
        self.uas.push(ua);
        &mut self.uas[no]
    }

    pub fn bell(&self) -> impl Fn() + Send + Sync + 'static {
        let teller = self.teller.clone();
        // Whoever listened may be gone, and then nobody waits for it.
        move || drop(teller.send(News::Bell))
    }

    pub fn t(&self) -> Time {
        let since = i64::try_from(self.began.elapsed().as_micros()).expect("a test is over within an age");
        Time::from_wall(WALL) + Span::micros(since)
    }

    pub fn touch<R>(&mut self, ua: usize, act: impl FnOnce(&mut Ua, Time) -> R) -> R {
        let t = self.t();
        let result = act(&mut self.uas[ua], t);
        while let Some(out) = self.uas[ua].poll() {
            match out {
                Out::Send(bytes) => self.send(ua, &bytes),
                Out::Pressed(call, key) => {
                    let rtp = self.sounds.get(&(ua, call));
                    rtp.expect("a call that is up has its sound").press(key);
                }
                Out::Vanished => {
                    if let Line::Tcp { current, .. } = &mut self.lines[ua] {
                        *current = None;
                    }
                }
            }
        }
        self.tend_sounds(ua);
        result
    }

    /// Waits until something was heard or is due, at most until `end`; then carries it out, and all that came with it.
    pub fn wait(&mut self, end: Instant) {
        let now = Instant::now();
        let due = self.uas.iter().filter_map(Ua::deadline).min();
        let due = due.map(|due| now + Duration::from_micros((due - self.t()).as_micros().max(0).unsigned_abs()));
        let until = due.into_iter().chain([end, now + LONGEST_WAIT]).min().unwrap_or(end);
        if let Ok(news) = self.news.recv_timeout(until.saturating_duration_since(now)) {
            self.take(news);
            while let Ok(news) = self.news.try_recv() {
                self.take(news);
            }
        }
        for ua in 0..self.uas.len() {
            if self.uas[ua].deadline().is_some_and(|due| due <= self.t()) {
                self.touch(ua, Ua::due);
            }
        }
    }

    /// Carries on until it holds; for what far ends see.
    pub fn until(&mut self, what: &str, holds: impl Fn(&[Ua]) -> bool) {
        let end = Instant::now() + STEP;
        while !holds(&self.uas) {
            let diaries: Vec<_> = self.uas.iter().map(|ua| (&ua.name, &ua.diaries)).collect();
            assert!(Instant::now() < end, "waited {STEP:?} for {what}:\n{}", lines(&diaries));
            self.wait(end);
        }
    }

    pub fn live_calls(&self) -> usize {
        self.uas.iter().map(Ua::live_calls).sum()
    }

    /// The sound of a call that is up.
    pub fn sound(&self, ua: usize, call: CallNo) -> &Rtp {
        &self.sounds[&(ua, call)]
    }

    fn take(&mut self, news: News) {
        match news {
            News::Datagram(ua, bytes) => {
                if let Some(message) = wire_datagram(bytes) {
                    self.touch(ua, |ua, t| ua.receive(message, t));
                }
            }
            News::Opened(ua, stream) => {
                self.open(ua, stream);
            }
            News::Chunk(ua, no, bytes) => self.chunk(ua, no, &bytes),
            News::Broken(ua, no) => {
                let Line::Tcp { connections, current } = &mut self.lines[ua] else { return };
                connections.remove(&no);
                if *current == Some(no) {
                    *current = None;
                    self.touch(ua, |ua, t| ua.lost_connection(t + AGAIN));
                }
            }
            News::Bell => {}
        }
    }

    fn chunk(&mut self, ua: usize, no: u64, bytes: &[u8]) {
        let mut messages = Vec::new();
        let Line::Tcp { connections, current } = &mut self.lines[ua] else { return };
        let Some(connection) = connections.get_mut(&no) else { return };
        *current = Some(no);
        connection.framer.push(bytes);
        while let Some(frame) = connection.framer.next_frame() {
            match frame {
                Frame::Message(message) => messages.push(message),
                Frame::Ping | Frame::Pong => {}
                Frame::Refused(error) | Frame::Broken(error) => panic!("the house sent what cannot be read: {error:?}"),
            }
        }
        for message in messages {
            self.touch(ua, |ua, t| ua.receive(message, t));
        }
    }

    fn open(&mut self, ua: usize, stream: TcpStream) -> Option<u64> {
        self.connections += 1;
        let no = self.connections;
        let mut reads = stream.try_clone().expect("a socket can be doubled");
        let teller = self.teller.clone();
        self.readers.push(std::thread::spawn(move || read_stream(ua, no, &mut reads, &teller)));
        let Line::Tcp { connections, current } = &mut self.lines[ua] else { return None };
        connections.insert(no, Connection { stream, framer: StreamFramer::default() });
        *current = Some(no);
        Some(no)
    }

    fn send(&mut self, ua: usize, bytes: &[u8]) {
        let server = self.server;
        let current = match &self.lines[ua] {
            Line::Udp(socket) => {
                socket.send_to(bytes, server).expect("the loopback takes it");
                return;
            }
            Line::Tcp { current, .. } => *current,
        };
        // a carrier is known by the port it comes from
        let own =
            self.uas[ua].account.is_none().then(|| SocketAddr::new(self.uas[ua].at.ip(), self.uas[ua].at.port() + 1));
        let no = current.or_else(|| connect(own, server).ok().and_then(|stream| self.open(ua, stream)));
        let Line::Tcp { connections, .. } = &mut self.lines[ua] else { return };
        let written = no.and_then(|no| connections.get_mut(&no)).map(|c| c.stream.write_all(bytes).is_ok());
        if written != Some(true) {
            let t = self.t();
            self.uas[ua].lost_connection(t + AGAIN);
        }
    }

    /// Each live call has its port, and sends once it is up.
    fn tend_sounds(&mut self, no: usize) {
        let ua = &self.uas[no];
        self.sounds.retain(|(of, call), _| {
            *of != no || (!ua.gone && ua.calls.get(call).is_some_and(|call| call.phase != Phase::Over))
        });
        for call in ua.calls.values().filter(|call| !ua.gone && call.phase != Phase::Over) {
            let rtp = self.sounds.entry((no, call.no)).or_insert_with(|| Rtp::at(call.rtp.port(), Law::A));
            if let Some(peer) = call.peer_rtp.filter(|_| call.phase == Phase::Up || call.early) {
                rtp.send_to(peer);
            }
        }
    }
}

fn connect(own: Option<SocketAddr>, server: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if let Some(own) = own {
        socket.set_reuse_address(true)?;
        socket.bind(&own.into())?;
    }
    socket.connect_timeout(&server.into(), STEP)?;
    Ok(socket.into())
}

fn read_datagrams(ua: usize, socket: &UdpSocket, teller: &Sender<News>, stop: &AtomicBool) {
    socket.set_read_timeout(Some(LOOK)).expect("a length above zero");
    let mut buffer = vec![0; 65_536];
    while !stop.load(Ordering::Relaxed) {
        match socket.recv_from(&mut buffer) {
            Ok((length, _)) => {
                if teller.send(News::Datagram(ua, Bytes::copy_from_slice(&buffer[..length]))).is_err() {
                    return;
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            Err(error) => panic!("the socket broke: {error}"),
        }
    }
}

fn take_connections(ua: usize, listener: &TcpListener, teller: &Sender<News>, stop: &AtomicBool) {
    while let Ok((stream, _)) = listener.accept() {
        if stop.load(Ordering::Relaxed) || teller.send(News::Opened(ua, stream)).is_err() {
            return;
        }
    }
}

fn read_stream(ua: usize, no: u64, stream: &mut TcpStream, teller: &Sender<News>) {
    let mut buffer = vec![0; 65_536];
    loop {
        let news = match stream.read(&mut buffer) {
            Ok(length @ 1..) => News::Chunk(ua, no, Bytes::copy_from_slice(&buffer[..length])),
            Ok(0) | Err(_) => News::Broken(ua, no),
        };
        let is_end = matches!(news, News::Broken(..));
        if teller.send(news).is_err() || is_end {
            return;
        }
    }
}

impl Drop for FarEnds {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for (line, ua) in self.lines.iter().zip(&self.uas) {
            let Line::Tcp { connections, .. } = line else { continue };
            for connection in connections.values() {
                if connection.stream.shutdown(Shutdown::Both).is_err() {
                    // The server closed it first, which is as good.
                }
            }
            // wakes who waits for connections
            drop(TcpStream::connect(ua.at));
        }
        for reader in self.readers.drain(..) {
            if reader.join().is_err() {
                eprintln!("a thread that reads panicked");
            }
        }
    }
}
