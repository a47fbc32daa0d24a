//! The real binary with a site of many phones, and clients that register them over UDP as fast as it answers.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cordboard::sip::message::Message;
use rustix::process::{Pid, Signal, kill_process};

use crate::far_end::{self, DOMAIN};
use crate::house::user;
use crate::meter;

/// Clients, each at an address of its own because a source has its rate, with one registration in flight.
const CLIENTS: usize = 64;
/// Past these a client sends again, and the run gives up.
const RESEND: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(60);

pub fn measure(phones: usize, rounds: u32) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let sip = free_address();
    meter::pin(meter::SERVER_CORE);
    let mut server = start(folder.path(), sip, phones);
    meter::pin(meter::LOAD_CORE);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|n| Client::new(n, sip, phones)).collect();
    let mut refreshes = Vec::new();
    for round in 0..rounds {
        let before = cpu_by_thread(server.id());
        let began = Instant::now();
        register_all(&mut clients, 1 + 2 * round);
        let took = began.elapsed();
        let after = cpu_by_thread(server.id());
        let used: BTreeMap<&String, Duration> = after
            .iter()
            .map(|(name, cpu)| (name, cpu.saturating_sub(before.get(name).copied().unwrap_or_default())))
            .collect();
        let each = |time: Duration| time.as_secs_f64() * 1e6 / phones as f64;
        let all = each(used.values().sum());
        let parts: Vec<String> = used
            .iter()
            .map(|(name, cpu)| format!("{name} {:.1}", each(*cpu)))
            .filter(|p| !p.ends_with(" 0.0"))
            .collect();
        let what = if round == 0 { "new" } else { "refreshed" };
        println!(
            "binary, {what}: {all:.1} us each ({}), {:.0} a second",
            parts.join(", "),
            phones as f64 / took.as_secs_f64()
        );
        if round > 0 {
            refreshes.push(all);
        }
    }
    println!("binary, refreshed: {:.1} us, median of {} rounds", meter::median(&refreshes), refreshes.len());
    println!("binary: {} MB resident", meter::resident(&server.id().to_string()) >> 20);
    let pid = Pid::from_child(&server);
    kill_process(pid, Signal::TERM).expect("it lives");
    server.wait().expect("it ends");
}

/// The CPU time of a process by the names of its threads.
fn cpu_by_thread(process: u32) -> BTreeMap<String, Duration> {
    let mut by_name: BTreeMap<String, Duration> = BTreeMap::new();
    for thread in meter::Thread::all_of(process) {
        *by_name.entry(thread.name()).or_default() += thread.cpu();
    }
    by_name
}

fn free_address() -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    socket.local_addr().expect("bound")
}

fn start(folder: &Path, sip: SocketAddr, phones: usize) -> Child {
    let http = free_address();
    let (port, sounds) = (sip.port(), concat!(env!("CARGO_MANIFEST_DIR"), "/sounds"));
    let settings = format!(
        "[[interface]]\nbind = \"127.0.0.1\"\n[sip]\nlisten = [\"udp:{port}\"]\n[media]\nports = \"16384-17383\"\n\
         [[http]]\nlisten = \"{http}\"\ntoken = \"a-token-for-this-run-only\"\n\
         [paths]\ndialplans = \"dialplans\"\nsounds = \"{sounds}\"\n"
    );
    let extensions: String = (0..phones)
        .map(user)
        .map(|user| format!("  - {{number: \"{user}\", password: \"{}\"}}\n", far_end::password(&user)))
        .collect();
    let site = format!("tenant: bench\ndomains: [{DOMAIN}]\ndefault: true\nextensions:\n{extensions}");
    fs::write(folder.join("cordboard.toml"), settings).expect("settings are written");
    fs::write(folder.join("site.yaml"), site).expect("the site is written");
    fs::create_dir(folder.join("dialplans")).expect("a folder can be made");
    let server = Command::new(env!("CARGO_BIN_EXE_cordboard"))
        .current_dir(folder)
        .env("RUST_LOG", "warn")
        .args(["serve", "--config", "cordboard.toml", "--site", "site.yaml", "--data", "data"])
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let began = Instant::now();
    while TcpStream::connect(http).is_err() {
        assert!(began.elapsed() < PATIENCE, "the server does not listen");
        std::thread::yield_now();
    }
    server
}

/// Registers its part of the phones, one after the other.
struct Client {
    socket: UdpSocket,
    at: SocketAddr,
    phones: Vec<usize>,
    next: usize,
    pending: Option<(Bytes, Instant)>,
}

fn register_all(clients: &mut [Client], cseq: u32) {
    let began = Instant::now();
    clients.iter_mut().for_each(|client| client.next = 0);
    let mut works = true;
    while works {
        works = false;
        for client in clients.iter_mut() {
            works |= client.work(cseq);
        }
        assert!(began.elapsed() < PATIENCE, "registrations do not come to an end");
    }
}

impl Client {
    fn new(n: usize, server: SocketAddr, phones: usize) -> Self {
        let socket =
            UdpSocket::bind((Ipv4Addr::new(127, 0, 1, 1 + n as u8), 0)).expect("the loopback has many addresses");
        socket.connect(server).expect("an address");
        socket.set_nonblocking(true).expect("a socket can be told");
        let at = socket.local_addr().expect("bound");
        Self { socket, at, phones: (n..phones).step_by(CLIENTS).collect(), next: 0, pending: None }
    }

    /// One look at its socket. False: all its phones are registered.
    fn work(&mut self, cseq: u32) -> bool {
        let mut buffer = [0; 4096];
        match &self.pending {
            None => match self.phones.get(self.next) {
                None => return false,
                Some(&phone) => self.send(far_end::register(&user(phone), self.at, cseq, None)),
            },
            Some((bytes, at)) => match self.socket.recv(&mut buffer) {
                Ok(length) => self.answer(Bytes::copy_from_slice(&buffer[..length])),
                Err(_) if at.elapsed() > RESEND => self.send(bytes.clone()),
                Err(_) => {}
            },
        }
        true
    }

    fn answer(&mut self, bytes: Bytes) {
        let message = Message::parse_datagram(bytes).expect("the server speaks SIP");
        let pending = self.pending.as_ref().map(|(bytes, _)| Message::parse_datagram(bytes.clone()).expect("ours"));
        // What was sent twice is answered twice.
        if pending.is_none_or(|pending| branch(&pending) != branch(&message)) {
            return;
        }
        match far_end::react(self.at, &message, None).pop() {
            Some(said) => self.send(said.bytes),
            None => {
                self.pending = None;
                self.next += 1;
            }
        }
    }

    fn send(&mut self, bytes: Bytes) {
        self.socket.send(&bytes).unwrap_or_default();
        self.pending = Some((bytes, Instant::now()));
    }
}

fn branch(message: &Message) -> String {
    let via = message.headers().via().expect("each has it");
    via.branch().expect("each has it").to_owned()
}
