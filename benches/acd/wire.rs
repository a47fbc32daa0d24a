//! From an agent's `ready` to the INVITE at his phone, through the real binary over the loopback.
//! One thread owns all far ends and the clients of the API; it sleeps in `poll` until something arrives or is due.

use std::collections::VecDeque;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cordboard::sip::message::{Message, Method, Request};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};

use crate::far_end::{self, CALLED, DOMAIN};
use crate::house::user;
use crate::meter;

pub struct Plan {
    pub agents: usize,
    pub waiting: u64,
    /// Agents who are made ready in a second.
    pub rate: u64,
    pub seconds: u64,
}

const TOKEN: &str = "a-token-for-this-run-only";
/// Connections to the API; each has one request in flight.
const CLIENTS: usize = 8;
/// Between two packets of a phone's sound.
const PACKET: Duration = Duration::from_millis(20);
/// Packets that a phone sends from its ACK until it hangs up: the first may come before the server listens there.
const TALK: u16 = 5;
/// An agent is asked again only after this, so that his last call is over for everybody.
const REST: Duration = Duration::from_millis(60);
/// An INVITE later than this has not come.
const LOST: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(60);
/// Packets of sound of each caller once he is answered: three of a source close the latch.
const PACKETS: u16 = 4;

/// What one round measured, in milliseconds.
#[derive(Default)]
struct Round {
    to_invite: Vec<f64>,
    to_answer: Vec<f64>,
    /// Agents who were ready and whose phone did not ring.
    lost: u64,
    /// Events for which no agent or no connection was free in time: the load is late, not the server.
    late: u64,
}

pub fn measure(plan: &Plan, rounds: u64) {
    println!(
        "{} agents, {} callers waiting, {} events a second for {} s\n",
        plan.agents, plan.waiting, plan.rate, plan.seconds
    );
    println!(
        "| round | events | to INVITE p50 / p99 / longest ms | to the API's answer p50 / p99 ms | no INVITE | load late | \
         others % | server's CPU each ms |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    (1..=rounds).for_each(|round| measure_round(plan, round));
}

/// Each with a server of its own: ports rest for a minute, and a host allows only so many descriptors.
fn measure_round(plan: &Plan, round: u64) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (sip, http) = (free_below_media(), free_address());
    let carrier = UdpSocket::bind((Ipv4Addr::new(127, 0, 2, 1), 0)).expect("the loopback has many addresses");
    meter::pin(meter::SERVER_CORE);
    let server = start(folder.path(), sip, http, carrier.local_addr().expect("bound"), plan.agents);
    meter::pin(meter::LOAD_CORE);
    let mut load = Load::new(plan, sip, http, carrier);
    load.fill(plan.waiting);
    let (began, (busy, own)) = (Instant::now(), meter::busy());
    let server_before = cpu(server.0.id());
    let measured = load.run(plan);
    let (took, (busy_after, own_after)) = (began.elapsed(), meter::busy());
    let served = cpu(server.0.id()) - server_before;
    let others = (busy_after - busy).saturating_sub(own_after - own).saturating_sub(served);
    let of = |values: &[f64], part| meter::quantile(values, part);
    println!(
        "| {round} | {} | {:.2} / {:.2} / {:.2} | {:.2} / {:.2} | {} | {} | {:.0} | {:.1} |",
        measured.to_invite.len(),
        of(&measured.to_invite, 0.5),
        of(&measured.to_invite, 0.99),
        of(&measured.to_invite, 1.0),
        of(&measured.to_answer, 0.5),
        of(&measured.to_answer, 0.99),
        measured.lost,
        measured.late,
        others.as_secs_f64() / took.as_secs_f64() * 100.0,
        served.as_secs_f64() * 1e3 / measured.to_invite.len() as f64,
    );
}

/// The binary; it goes with the bench, however that ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let ended =
            kill_process(Pid::from_child(&self.0), Signal::TERM).map_err(Into::into).and_then(|()| self.0.wait());
        if let Err(error) = ended {
            eprintln!("the server does not end: {error}");
        }
    }
}

fn cpu(process: u32) -> Duration {
    meter::Thread::all_of(process).iter().map(meter::Thread::cpu).sum()
}

/// For SIP: the media ports, which a call keeps for a minute after its end, are all those above.
fn free_below_media() -> SocketAddr {
    let free = (15_000..16_384).find_map(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok());
    free.expect("a port is free").local_addr().expect("bound")
}

fn free_address() -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    socket.local_addr().expect("bound")
}

fn start(folder: &Path, sip: SocketAddr, http: SocketAddr, carrier: SocketAddr, agents: usize) -> Server {
    let (port, sounds) = (sip.port(), concat!(env!("CARGO_MANIFEST_DIR"), "/sounds"));
    let settings = format!(
        "[[interface]]\nbind = \"127.0.0.1\"\n[sip]\nlisten = [\"udp:{port}\"]\n[media]\nports = \"16384-65533\"\n\
         [[http]]\nlisten = \"{http}\"\ntoken = \"{TOKEN}\"\n\
         [paths]\ndialplans = \"dialplans\"\nsounds = \"{sounds}\"\n"
    );
    fs::write(folder.join("cordboard.toml"), settings).expect("settings are written");
    fs::write(folder.join("site.yaml"), site(carrier, agents)).expect("the site is written");
    fs::create_dir(folder.join("dialplans")).expect("a folder can be made");
    let flow = "nodes:\n  hello: {answer: , next: wait}\n  wait: {queue: support, failed: hangup}\n";
    fs::write(folder.join("dialplans/wait.yaml"), flow).expect("the flow is written");
    let command = Command::new(env!("CARGO_BIN_EXE_cordboard"))
        .current_dir(folder)
        .env("RUST_LOG", "warn")
        .args(["serve", "--config", "cordboard.toml", "--site", "site.yaml", "--data", "data"])
        .stdout(Stdio::null())
        .spawn();
    let server = Server(command.expect("the binary starts"));
    let began = Instant::now();
    while TcpStream::connect(http).is_err() {
        assert!(began.elapsed() < PATIENCE, "the server does not listen");
        std::thread::yield_now();
    }
    server
}

fn site(carrier: SocketAddr, agents: usize) -> String {
    let extensions: String = (0..agents)
        .map(user)
        .map(|user| format!("  - {{number: \"{user}\", password: \"{}\"}}\n", far_end::password(&user)))
        .collect();
    let people: String = (0..agents)
        .map(|n| {
            let station = user(n);
            format!(
                "  - {{id: a{n}, name: A {n}, station: {{extension: \"{station}\"}}, groups: {{support: 5}}, \
                 after_call: not-ready}}\n"
            )
        })
        .collect();
    format!(
        "tenant: bench\ndomains: [{DOMAIN}]\ndefault: true\ntime_zone: UTC\nlanguage: en-US\n\
         limits: {{calls: 20000, cps: 1000}}\nextensions:\n{extensions}\
         groups:\n  - {{id: support, name: Support, strategy: longest-idle, ring: 20s, wrap_up: 0s}}\n\
         agents:\n{people}\
         trunks:\n  - {{id: carrier, send: \"sip:{carrier}\", accept: [\"{}/32:{}\"], codecs: [PCMA], max_calls: 20000, \
         inbound: [{{match: \"^0?(4\\\\d{{9}})$\", to: \"+86$1\"}}]}}\n\
         routes:\n  - {{match: \"^1\\\\d{{4}}$\", extension: true}}\n\
         numbers:\n  - {{number: \"+86{CALLED}\", flow: wait, record: false}}\n",
        carrier.ip(),
        carrier.port(),
    )
}

/// An agent with his phone.
struct Agent {
    socket: UdpSocket,
    at: SocketAddr,
    /// Since when he has nothing to do; none while he is ready or talks.
    idle: Option<Instant>,
    /// When his `ready` was written, until his phone rings.
    ready: Option<Instant>,
    /// The call he is in.
    invite: Option<Request>,
    /// It is up, so many packets of its sound were sent, and he will hang up.
    talks: Option<u16>,
}

/// A connection to the API and the request in flight on it.
struct Client {
    stream: TcpStream,
    asked: Option<Instant>,
    answer: Vec<u8>,
}

struct Load {
    server: SocketAddr,
    carrier: UdpSocket,
    /// Where the carrier takes sound. Nobody reads it: what overflows is dropped for nothing.
    sound: UdpSocket,
    agents: Vec<Agent>,
    clients: Vec<Client>,
    /// Agents by when their next packet is due.
    talks: VecDeque<(Instant, usize)>,
    /// Agents in the order in which they became idle.
    idle: VecDeque<usize>,
    calls: u64,
    waiting: u64,
    round: Round,
}

impl Load {
    fn new(plan: &Plan, server: SocketAddr, http: SocketAddr, carrier: UdpSocket) -> Self {
        carrier.set_nonblocking(true).expect("a socket can be told");
        let sound = UdpSocket::bind((carrier.local_addr().expect("bound").ip(), 0)).expect("a port is free");
        let mut api = Client::new(http);
        let agents: Vec<Agent> = (0..plan.agents).map(|n| Agent::new(n, server)).collect();
        for n in 0..plan.agents {
            api.write(&format!("/v1/agents/a{n}/sign-in"));
            let began = Instant::now();
            while api.read().is_none() {
                assert!(began.elapsed() < PATIENCE, "the API does not answer");
            }
        }
        let clients = (0..CLIENTS).map(|_| Client::new(http)).collect();
        let idle = (0..plan.agents).collect();
        let (talks, round) = (VecDeque::new(), Round::default());
        Self { server, carrier, sound, agents, clients, talks, idle, calls: 0, waiting: 0, round }
    }

    /// So many callers wait.
    fn fill(&mut self, waiting: u64) {
        let began = Instant::now();
        while self.waiting < waiting {
            if self.calls < waiting && self.calls <= self.waiting + 10 {
                self.call();
            }
            self.work(Instant::now() + Duration::from_millis(1));
            assert!(began.elapsed() < PATIENCE, "callers do not get to the queue");
        }
        self.work_until(Instant::now() + Duration::from_millis(500));
    }

    fn run(&mut self, plan: &Plan) -> Round {
        self.round = Round::default();
        let (began, step) = (Instant::now(), Duration::from_secs(1) / plan.rate as u32);
        for event in 0..plan.rate * plan.seconds {
            self.work_until(began + step * event as u32);
            self.make_ready();
        }
        self.work_until(Instant::now() + Duration::from_millis(500));
        for (n, agent) in self.agents.iter_mut().enumerate() {
            if agent.ready.take().is_some_and(|since| since.elapsed() > LOST / 4) {
                self.round.lost += 1;
                agent.idle = Some(Instant::now());
                self.idle.push_back(n);
            }
        }
        std::mem::take(&mut self.round)
    }

    fn make_ready(&mut self) {
        let now = Instant::now();
        let rested = |agent: &Agent| agent.idle.is_some_and(|since| now.duration_since(since) >= REST);
        let client = self.clients.iter().position(|client| client.asked.is_none());
        let agent = self.idle.front().copied().filter(|&n| rested(&self.agents[n]));
        let (Some(client), Some(agent)) = (client, agent) else {
            self.round.late += 1;
            return;
        };
        self.idle.pop_front();
        self.agents[agent].idle = None;
        self.agents[agent].ready = Some(Instant::now());
        self.clients[client].write(&format!("/v1/agents/a{agent}/ready"));
    }

    fn call(&mut self) {
        let port = self.sound.local_addr().expect("bound").port();
        let at = self.carrier.local_addr().expect("bound");
        send(&self.carrier, self.server, &far_end::invite_for(self.calls, at, self.server, port));
        self.calls += 1;
    }

    fn work_until(&mut self, until: Instant) {
        while Instant::now() < until {
            self.work(until);
        }
    }

    /// Sleeps until something arrives or is due, and does what there is to do.
    fn work(&mut self, until: Instant) {
        let now = Instant::now();
        let next = self.talks.front().map_or(until, |(at, _)| until.min(*at));
        let left = next.saturating_duration_since(now);
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        let mut watched: Vec<PollFd<'_>> = vec![PollFd::new(&self.carrier, PollFlags::IN)];
        watched.extend(self.agents.iter().map(|agent| PollFd::new(&agent.socket, PollFlags::IN)));
        watched.extend(self.clients.iter().map(|client| PollFd::new(&client.stream, PollFlags::IN)));
        let ready = poll(&mut watched, Some(&timeout)).expect("poll works");
        let arrived = Instant::now();
        let readable: Vec<bool> = watched.iter().map(|one| !one.revents().is_empty()).collect();
        if ready > 0 {
            for n in 0..self.agents.len() {
                if readable[1 + n] {
                    self.phone(n, arrived);
                }
            }
            for n in 0..self.clients.len() {
                if readable[1 + self.agents.len() + n] {
                    self.round.to_answer.extend(self.clients[n].read());
                }
            }
            if readable[0] {
                self.carrier();
            }
        }
        while self.talks.front().is_some_and(|(at, _)| *at <= Instant::now()) {
            let Some((at, n)) = self.talks.pop_front() else { break };
            let agent = &mut self.agents[n];
            let (Some(invite), Some(packet)) = (&agent.invite, &mut agent.talks) else { continue };
            if *packet == TALK {
                send(&agent.socket, self.server, &far_end::bye(agent.at, invite));
                continue;
            }
            speak(&agent.socket, self.server.ip(), invite.body(), *packet);
            *packet += 1;
            self.talks.push_back((at + PACKET, n));
        }
    }

    /// What arrived at an agent's phone.
    fn phone(&mut self, n: usize, arrived: Instant) {
        while let Some(message) = receive(&self.agents[n].socket) {
            let agent = &mut self.agents[n];
            match &message {
                Message::Request(request) if request.method == Method::Invite => {
                    if let Some(asked) = agent.ready.take() {
                        self.round.to_invite.push(arrived.duration_since(asked).as_secs_f64() * 1e3);
                        agent.invite = Some(request.clone());
                    }
                    send(&agent.socket, self.server, &far_end::accept(agent.at, request, 20_000));
                }
                // Before it the server may not know yet where he is.
                Message::Request(request) if request.method == Method::Ack => {
                    if agent.invite.is_some() && agent.talks.is_none() {
                        agent.talks = Some(0);
                        self.talks.push_back((arrived, n));
                    }
                }
                // The 200 to his BYE.
                Message::Response(_) => {
                    agent.invite = None;
                    agent.talks = None;
                    if agent.idle.is_none() && agent.ready.is_none() {
                        agent.idle = Some(Instant::now());
                        self.idle.push_back(n);
                    }
                }
                Message::Request(_) => {
                    for said in far_end::react(agent.at, &message, None) {
                        send(&agent.socket, self.server, &said.bytes);
                    }
                }
            }
        }
    }

    /// What arrived at the carrier. A caller who was answered speaks and waits; for one whose call is over another calls.
    fn carrier(&mut self) {
        let at = self.carrier.local_addr().expect("bound");
        while let Some(message) = receive(&self.carrier) {
            for said in far_end::react(at, &message, None) {
                send(&self.carrier, self.server, &said.bytes);
            }
            match &message {
                Message::Response(response) if response.status == 200 => {
                    (0..PACKETS).for_each(|n| speak(&self.sound, self.server.ip(), response.body(), n));
                    self.waiting += 1;
                }
                Message::Request(request) if request.method == Method::Bye => {
                    self.waiting = self.waiting.saturating_sub(1);
                    self.call();
                }
                Message::Response(_) | Message::Request(_) => {}
            }
        }
    }
}

/// A packet to where a description says that sound is taken.
fn speak(socket: &UdpSocket, ip: IpAddr, description: &[u8], sequence: u16) {
    let text = String::from_utf8_lossy(description);
    let port = text.lines().find_map(|line| line.strip_prefix("m=audio ")?.split(' ').next()?.parse().ok());
    let Some(port) = port else { return };
    let mut packet = [0x55; 12 + 160];
    packet[..12].copy_from_slice(&[0x80, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
    socket.send_to(&packet, SocketAddr::new(ip, port)).unwrap_or_default();
}

fn send(socket: &UdpSocket, to: SocketAddr, bytes: &Bytes) {
    socket.send_to(bytes, to).unwrap_or_default();
}

fn receive(socket: &UdpSocket) -> Option<Message> {
    let mut buffer = [0; 4096];
    let (length, _) = socket.recv_from(&mut buffer).ok()?;
    Some(Message::parse_datagram(Bytes::copy_from_slice(&buffer[..length])).expect("the server speaks SIP"))
}

impl Agent {
    /// His phone registers.
    fn new(n: usize, server: SocketAddr) -> Self {
        let address = Ipv4Addr::new(127, 0, 1, 1 + (n % 250) as u8);
        let socket = UdpSocket::bind((address, 0)).expect("the loopback has many addresses");
        let at = socket.local_addr().expect("bound");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket can be told");
        let mut next = Some(far_end::register(&user(n), at, 1, None));
        while let Some(bytes) = next {
            send(&socket, server, &bytes);
            let message = receive(&socket).expect("the server answers");
            next = far_end::react(at, &message, None).pop().map(|said| said.bytes);
        }
        socket.set_nonblocking(true).expect("a socket can be told");
        Self { socket, at, idle: Some(Instant::now()), ready: None, invite: None, talks: None }
    }
}

impl Client {
    fn new(http: SocketAddr) -> Self {
        let stream = TcpStream::connect(http).expect("the API listens");
        stream.set_nodelay(true).expect("a socket can be told");
        stream.set_nonblocking(true).expect("a socket can be told");
        Self { stream, asked: None, answer: Vec::new() }
    }

    fn write(&mut self, path: &str) {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {TOKEN}\r\nCordboard-Tenant: bench\r\n\
             Content-Length: 0\r\n\r\n"
        );
        self.asked = Some(Instant::now());
        self.stream.write_all(request.as_bytes()).expect("a request fits the socket's buffer");
    }

    /// Milliseconds from the request to its whole answer, once it is there.
    fn read(&mut self) -> Option<f64> {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => panic!("the API closed the connection"),
            Ok(length) => self.answer.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => panic!("the API: {error}"),
        }
        let text = String::from_utf8_lossy(&self.answer).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() < length.unwrap_or(0) {
            return None;
        }
        assert!(head.starts_with("HTTP/1.1 200"), "the API says {text}");
        self.answer.clear();
        Some(self.asked.take()?.elapsed().as_secs_f64() * 1e3)
    }
}
