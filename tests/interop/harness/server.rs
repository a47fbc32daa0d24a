//! The real binary with a site of its own, in a folder that goes with the test.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use super::process::Process;
use super::wait::STEP;
use super::{Api, Block, Events, wait};

/// A start reads a large program from a disk that others may be using; nothing is judged by it.
const START: Duration = Duration::from_secs(30);

pub const TENANT: &str = "test";
pub const DOMAIN: &str = "test.example";
/// Ports of the carrier from which it calls in; the first is also where calls out are sent.
const TRUNK_PORTS: u16 = 6;
const MEDIA_PORTS: u16 = 240;
const SITES: &str = "sites";
/// All that `PATH` of the server leads to, and the voice in it, which notes each time it is run.
const PROGRAMS: &str = "programs";
const VOICE: &str = "espeak-ng";
/// Servers start one after the other: side by side each waits for the others' sounds to be loaded.
static STARTS: Mutex<()> = Mutex::new(());

/// What a test wants of its server.
pub struct Plan {
    pub extensions: u32,
    /// How long a group rings an agent.
    pub ring: &'static str,
    pub wrap_up: &'static str,
    pub drain: &'static str,
    /// More keys of the carrier, each after a comma.
    pub carrier: &'static str,
    /// More agents, each a line of the site.
    pub agents: &'static str,
}

impl Default for Plan {
    fn default() -> Self {
        Self { extensions: 4, ring: "10s", wrap_up: "0s", drain: "20s", carrier: "", agents: "" }
    }
}

pub struct Server {
    pub sip: SocketAddr,
    pub api: Api,
    pub data: PathBuf,
    /// The carrier's.
    trunk: Option<Block>,
    /// The file or folder it is started with.
    site: String,
    process: Process,
    starts: u32,
    pub folder: TempDir,
    _ports: [Block; 3],
}

/// What a server is started with, as files.
pub struct House {
    /// Whom the API is asked about.
    pub tenant: &'static str,
    /// Name and text; several are given as a folder.
    pub sites: Vec<(&'static str, String)>,
    /// Key and text.
    pub flows: Vec<(&'static str, String)>,
    pub drain: &'static str,
    pub sip: Block,
    pub media_ports: u16,
}

impl Server {
    pub fn start(plan: &Plan) -> Self {
        let trunk = Block::new(TRUNK_PORTS);
        let flows = FLOWS.iter().map(|(key, text)| (*key, (*text).to_owned())).collect();
        let sites = vec![("site.yaml", site(plan, trunk.first))];
        let drain = plan.drain;
        let house = House { tenant: TENANT, sites, flows, drain, sip: Block::one(), media_ports: MEDIA_PORTS };
        let mut server = Self::open(house);
        server.trunk = Some(trunk);
        server
    }

    pub fn open(house: House) -> Self {
        let folder = TempDir::with_prefix("cordboard-interop-").expect("a folder can be made");
        let (control, media) = (Block::one(), Block::new(house.media_ports));
        let (sip, http) = (house.sip.address(), control.address());
        let data = folder.path().join("data");
        let token = "an-admin-token-for-this-test-only".to_owned();
        fs::write(folder.path().join("cordboard.toml"), settings(&house, media.first, http, &token))
            .expect("settings are written");
        let (sites, flows) = (folder.path().join(SITES), folder.path().join("dialplans"));
        for made in [&sites, &flows, &folder.path().join(PROGRAMS)] {
            fs::create_dir(made).expect("a folder can be made");
        }
        write_voice(&folder);
        for (name, text) in &house.sites {
            fs::write(sites.join(name), text).expect("a site is written");
        }
        for (key, text) in &house.flows {
            fs::write(flows.join(format!("{key}.yaml")), text).expect("a flow is written");
        }
        let site = match &house.sites[..] {
            [(name, _)] => format!("{SITES}/{name}"),
            _ => SITES.to_owned(),
        };
        let api = Api { address: http, token, tenant: house.tenant };
        let turn = STARTS.lock().unwrap_or_else(PoisonError::into_inner);
        let process = spawn(&folder, &site, &data, 0);
        let mut server =
            Self { sip, api, data, trunk: None, site, process, starts: 1, folder, _ports: [house.sip, control, media] };
        server.until_ready();
        drop(turn);
        server
    }

    fn until_ready(&mut self) {
        wait::until("the server to be ready", START, || {
            let ended = self.process.has_ended();
            assert_eq!(ended, None, "the server ended");
            let listens = TcpStream::connect(self.api.address).is_ok();
            let ready = listens && self.api.try_send("GET", "/readyz", &[], "").is_ok_and(|reply| reply.status == 200);
            ready.then_some(())
        });
    }

    /// A port from which the server takes calls of the carrier without asking for a password. 0 to 5; calls out go to
    /// number 0.
    pub fn trunk(&self, index: u16) -> u16 {
        assert!(index < TRUNK_PORTS);
        let trunk = self.trunk.as_ref().expect("a server that was started with a plan");
        trunk.first + index
    }

    /// Events from now on, or all those of a server just started.
    pub fn events(&self) -> Events {
        Events::open(&self.api, "newest")
    }

    /// How often a text was made into sound.
    pub fn voice_ran(&self) -> usize {
        fs::read_to_string(self.folder.path().join("spoken")).map_or(0, |lines| lines.lines().count())
    }

    /// From now on there is no voice.
    pub fn lose_voice(&self) {
        fs::remove_file(self.folder.path().join(PROGRAMS).join(VOICE)).expect("there was one");
    }

    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Starts the binary again with the same data; returns how long it took to be ready.
    pub fn start_again(&mut self) -> Duration {
        let began = Instant::now();
        self.process = spawn(&self.folder, &self.site, &self.data, self.starts);
        self.starts += 1;
        self.until_ready();
        began.elapsed()
    }

    pub fn terminate(&self) {
        self.process.signal(Signal::TERM);
    }

    pub fn exit(&mut self, limit: Duration) -> ExitStatus {
        self.process.exit(limit)
    }

    pub fn is_alive(&mut self) -> bool {
        self.process.has_ended().is_none()
    }

    /// Nothing is left of any call: no contact, leg, caller in a queue, or open media socket.
    pub fn assert_rest(&self) {
        const AT_REST: [&str; 4] = [
            "cordboard_call_contacts_count",
            "cordboard_call_legs_count",
            "cordboard_acd_waiting_count",
            "cordboard_media_legs_count",
        ];
        wait::until("every figure to be at rest", STEP, || {
            AT_REST.iter().all(|name| self.api.figure(name) == 0.0).then_some(())
        });
        assert_eq!(self.api.figure("cordboard_tenant_panics_total"), 0.0, "a panic was caught");
        assert_eq!(self.api.get("/v1/calls")["contacts"].as_array().map(Vec::len), Some(0));
    }
}

fn spawn(folder: &TempDir, site: &str, data: &PathBuf, start: u32) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
    command.current_dir(folder.path()).env("RUST_LOG", "info").arg("serve");
    command.env("PATH", folder.path().join(PROGRAMS));
    command.args(["--config", "cordboard.toml", "--site", site, "--data"]).arg(data);
    Process::start("cordboard", &mut command, &folder.path().join(format!("cordboard-{start}.log")))
}

fn write_voice(folder: &TempDir) {
    let (file, note) = (folder.path().join(PROGRAMS).join(VOICE), folder.path().join("spoken"));
    let path = std::env::var("PATH").unwrap_or_default();
    let text = format!("#!/bin/sh\necho ran >> '{}'\nPATH='{path}' exec {VOICE} \"$@\"\n", note.display());
    fs::write(&file, text).expect("the voice is written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it can be run");
}

fn settings(house: &House, media: u16, http: SocketAddr, token: &str) -> String {
    let repository = env!("CARGO_MANIFEST_DIR");
    let (sip, last, drain) = (house.sip.first, media + house.media_ports - 1, house.drain);
    format!(
        r#"drain = "{drain}"
[[interface]]
bind = "127.0.0.1"
[sip]
listen = ["udp:{sip}", "tcp:{sip}"]
[media]
ports = "{media}-{last}"
[[http]]
listen = "{http}"
token = "{token}"
[paths]
dialplans = "dialplans"
sounds = "{repository}/sounds"
"#
    )
}

/// Extensions from 1001 on, password `secret-<number>`; agents ana at 1001 and bo at 1002; numbers by flow.
fn site(plan: &Plan, trunk: u16) -> String {
    let extensions: String = (0..plan.extensions)
        .map(|n| 1_001 + n)
        .map(|n| format!("  - {{number: \"{n}\", password: \"secret-{n}\", outbound: true, record: true}}\n"))
        .collect();
    let accept: Vec<String> = (trunk..trunk + TRUNK_PORTS).map(|port| format!("\"127.0.0.1/32:{port}\"")).collect();
    let numbers: String = NUMBERS
        .iter()
        .map(|(dialled, internal, flow)| {
            format!("  - {{number: \"+86{dialled}\", flow: {flow}}}\n  - {{number: \"{internal}\", flow: {flow}}}\n")
        })
        .collect();
    let (ring, wrap_up, accept, more) = (plan.ring, plan.wrap_up, accept.join(", "), plan.carrier);
    let agents = plan.agents;
    format!(
        r#"tenant: {TENANT}
domains: [{DOMAIN}]
default: true
language: en-US
limits: {{calls: 500, cps: 200, register_min: 1s}}
extensions:
{extensions}groups:
  - {{id: support, name: Support, ring: {ring}, wrap_up: {wrap_up}}}
agents:
  - {{id: ana, name: Ana, station: {{extension: "1001"}}, groups: {{support: 5}}}}
  - {{id: bo, name: Bo, station: {{extension: "1002"}}, groups: {{support: 5}}}}
{agents}trunks:
  - {{id: carrier, send: "sip:127.0.0.1:{trunk}", accept: [{accept}], codecs: [PCMA, PCMU], inbound: [{{match: "^0?(4\\d{{9}})$", to: "+86$1"}}]{more}}}
routes:
  - {{match: "^9(\\d{{7,}})$", to: "+86$1", trunks: [carrier]}}
  - {{match: "^[1-7]\\d{{3}}$", extension: true}}
numbers:
{numbers}"#
    )
}

/// As the carrier dials it, as a phone dials it, and the flow.
const NUMBERS: [(&str, &str, &str); 5] = [
    (MENU, "9000", "menu"),
    (QUEUE, "9001", "queue"),
    (HELLO, "9002", "hello"),
    (RING, "9003", "ring"),
    (SAY, "9004", "say"),
];
/// Says `welcome`, then a menu in which 1 leads to the group.
pub const MENU: &str = "4008001230";
/// Straight to the group.
pub const QUEUE: &str = "4008001231";
/// Says the opening hours again and again.
pub const HELLO: &str = "4008001232";
/// Rings 1003, unanswered until that answers.
pub const RING: &str = "4008001233";

/// Speaks [`SAY_TEXT`], or says that one should try later.
pub const SAY: &str = "4008001234";
pub const SAY_TEXT: &str = "You called +864008001234. It is a fine day today, and you are number 3 in the line.";

const FLOWS: [(&str, &str); 5] = [
    (
        "say",
        "nodes:
  hello: {answer: , next: say}
  say:
    say: \"You called {{to}}. It is a fine day today, and you are number {{1 + 2}} in the line.\"
    next: hangup
    failed: sorry
  sorry: {play: try-later, next: hangup}
",
    ),
    (
        "menu",
        "nodes:
  hello: {answer: , next: welcome}
  welcome: {play: welcome, barge: false, next: main}
  main:
    menu: main-menu
    keys: {1: support}
    no_input: hangup
    invalid: hangup
  support: {queue: support, after: hangup, failed: hangup}
",
    ),
    (
        "queue",
        "nodes:
  hello: {answer: , next: support}
  support: {queue: support, after: hangup, failed: hangup}
",
    ),
    (
        "hello",
        "nodes:
  hello: {answer: , next: say}
  say: {play: [opening-hours, opening-hours, opening-hours, opening-hours], barge: false, next: hangup}
",
    ),
    (
        "ring",
        "nodes:
  ring: {dial: \"1003\", ring: 20s, after: hangup, failed: hangup}
",
    ),
];
