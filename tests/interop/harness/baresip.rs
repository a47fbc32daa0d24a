//! baresip as a phone: registers, rings, answers, says a tone, and writes what it hears into a file.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::process::Process;
use super::server::DOMAIN;
use super::sound::{read_mono, write_tone};
use super::wait::{self, STEP};
use super::{Block, Server};

/// For the sound of its calls.
const MEDIA_PORTS: u16 = 20;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// At once.
    Itself,
    /// When the test says so.
    ByHand,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Udp,
    Tcp,
}

/// A phone before it is switched on.
pub struct Phone {
    pub extension: u32,
    pub answer: Answer,
    pub line: Line,
    pub hz: f64,
    /// Silence before its tone begins in each call.
    pub quiet_ms: usize,
}

impl Phone {
    pub fn new(extension: u32, answer: Answer) -> Self {
        Self { extension, answer, line: Line::Udp, hz: 1_000.0, quiet_ms: 0 }
    }

    pub fn switch_on(self, server: &Server) -> Baresip {
        let mut baresip = self.alone(server.folder.path(), server.sip, 600);
        baresip.until_registered(server, self.extension);
        baresip
    }

    /// Without a registrar when `register_every` is 0.
    pub fn alone(&self, folder: &Path, proxy: SocketAddr, register_every: u32) -> Baresip {
        Baresip::start(folder, self, &account(self, proxy, register_every))
    }
}

pub struct Baresip {
    process: Process,
    control: TcpStream,
    unread: Vec<u8>,
    seen: Vec<Value>,
    heard: PathBuf,
    pub port: u16,
    _ports: [Block; 3],
}

impl Baresip {
    fn start(folder: &Path, phone: &Phone, account: &str) -> Self {
        let (sip, listens, media) = (Block::new(2), Block::one(), Block::new(MEDIA_PORTS));
        let (port, control_port) = (sip.first, listens.first);
        let folder = folder.join(format!("phone-{}-{port}", phone.extension));
        let heard = folder.join("heard");
        fs::create_dir_all(&heard).expect("the phone has a folder");
        let tone = folder.join("says.wav");
        write_tone(&tone, phone.quiet_ms, phone.hz);
        let config = config(port, control_port, media.first, &tone.display().to_string(), &heard.display().to_string());
        fs::write(folder.join("config"), config).expect("its settings are written");
        fs::write(folder.join("accounts"), account).expect("its account is written");
        fs::write(folder.join("contacts"), "").expect("its contacts are written");
        let mut command = Command::new("baresip");
        command.arg("-f").arg(&folder).args(["-v", "-s"]);
        let process = Process::start("baresip", &mut command, &folder.join("log"));
        let control = wait::until("baresip to listen", STEP, || TcpStream::connect(("127.0.0.1", control_port)).ok());
        Self { process, control, unread: Vec::new(), seen: Vec::new(), heard, port, _ports: [sip, listens, media] }
    }

    fn until_registered(&mut self, server: &Server, extension: u32) {
        // It may have registered before the control connection stood, so the server is asked.
        let number = extension.to_string();
        wait::until("the phone to be registered", STEP, || {
            let extensions = server.api.get("/v1/extensions");
            let list = extensions["extensions"].as_array().expect("a list");
            let own = list.iter().find(|extension| extension["number"] == number.as_str()).expect("the site has it");
            let bindings = own["bindings"].as_array().expect("a list");
            let own_port = format!(":{}", self.port);
            bindings.iter().any(|b| b["contact"].as_str().is_some_and(|uri| uri.contains(&own_port))).then_some(())
        });
        self.forget();
    }

    /// `dial`, `accept`, `hangup` and what else its menu knows; waits for the answer.
    pub fn command(&mut self, command: &str, parameters: &str) -> Value {
        let text = json!({ "command": command, "params": parameters, "token": "t" }).to_string();
        let framed = format!("{}:{text},", text.len());
        self.control.write_all(framed.as_bytes()).expect("baresip listens");
        self.message(&format!("the answer to `{command}`"), |message| message["response"] == true)
    }

    /// Waits for an event of its own: `CALL_INCOMING`, `CALL_ESTABLISHED`, `CALL_CLOSED`.
    pub fn wait(&mut self, kind: &str) -> Value {
        self.message(kind, |message| message["type"] == kind)
    }

    /// Earlier events are not waited for any more.
    pub fn forget(&mut self) {
        self.read(Duration::from_millis(1));
        self.seen.clear();
    }

    fn message(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + STEP;
        loop {
            if let Some(place) = self.seen.iter().position(&fits) {
                return self.seen.remove(place);
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited {STEP:?} for baresip's {what}; it told {:?}", self.seen);
            self.read(left);
        }
    }

    /// Reads netstrings of JSON until there is one or the time is over.
    fn read(&mut self, limit: Duration) {
        self.control.set_read_timeout(Some(limit)).expect("a length above zero");
        let mut buffer = [0; 4_096];
        if let Ok(length) = self.control.read(&mut buffer) {
            self.unread.extend_from_slice(&buffer[..length]);
        }
        while let Some(colon) = self.unread.iter().position(|byte| *byte == b':') {
            let length = std::str::from_utf8(&self.unread[..colon]).ok().and_then(|text| text.parse::<usize>().ok());
            let length = length.expect("a netstring begins with its length");
            if self.unread.len() < colon + 1 + length + 1 {
                return;
            }
            let rest = self.unread.split_off(colon + 1 + length + 1);
            let text = &self.unread[colon + 1..colon + 1 + length];
            self.seen.push(serde_json::from_slice(text).expect("baresip speaks JSON"));
            self.unread = rest;
        }
    }

    /// What it heard in its last call, which has to have ended.
    pub fn heard(&self) -> Vec<i16> {
        read_mono(&self.heard_file().expect("it heard a call"))
    }

    /// Waits until it has heard so many seconds of its call.
    pub fn until_heard(&self, seconds: u64) {
        wait::until("the phone to hear its call", STEP, || {
            let length = fs::metadata(self.heard_file()?).ok()?.len();
            (length >= seconds * 16_000).then_some(())
        });
    }

    /// What it has heard of a call that goes on: the header of the file is not final, so its samples are read as they are.
    pub fn heard_so_far(&self) -> Vec<i16> {
        const HEADER: usize = 44;
        let bytes = self.heard_file().and_then(|file| fs::read(file).ok()).unwrap_or_default();
        let samples = bytes.get(HEADER..).unwrap_or_default().chunks_exact(2);
        samples.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    }

    fn heard_file(&self) -> Option<PathBuf> {
        let files = fs::read_dir(&self.heard).expect("its folder is there");
        let mut heard: Vec<PathBuf> = files.map(|file| file.expect("readable").path()).collect();
        heard.retain(|path| path.to_string_lossy().ends_with("-dec.wav"));
        heard.sort();
        heard.pop()
    }

    /// The cable is pulled: no packet comes from it any more, nothing is answered.
    pub fn lose_power(&mut self) {
        self.process.kill9();
    }

    /// It hangs: its sockets are there, nobody reads them.
    pub fn freeze(&self) {
        self.process.signal(Signal::STOP);
    }
}

fn config(port: u16, control_port: u16, media: u16, tone: &str, heard: &str) -> String {
    let last = media + MEDIA_PORTS - 1;
    format!(
        "poll_method epoll
sip_listen 127.0.0.1:{port}
net_interface 127.0.0.1
dns_server 127.0.0.1:53
call_local_timeout 120
call_max_calls 8
module_path /usr/lib/baresip/modules
audio_source aufile,{tone}
audio_player aubridge,ear
audio_alert aubridge,bell
audio_channels 1
rtp_ports {media}-{last}
rtcp_mux no
jitter_buffer_delay 1-5
ctrl_tcp_listen 127.0.0.1:{control_port}
snd_path {heard}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
"
    )
}

fn account(phone: &Phone, proxy: SocketAddr, register_every: u32) -> String {
    let transport = match phone.line {
        Line::Udp => "udp",
        Line::Tcp => "tcp",
    };
    let answer = match phone.answer {
        Answer::Itself => "auto",
        Answer::ByHand => "manual",
    };
    let number = phone.extension;
    format!(
        "<sip:{number}@{DOMAIN};transport={transport}>;auth_pass=secret-{number};regint={register_every};answermode={answer};outbound=\"sip:{proxy};transport={transport}\"\n"
    )
}
