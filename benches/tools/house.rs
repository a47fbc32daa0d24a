//! One tenant as `cordboard serve` composes it, without its drivers: front, tenant machine, media engine and the fold of
//! its journal, in made-up time. What the driver's put would do is done at once; disk and site writer answer at once.

#![allow(dead_code, reason = "each bench uses its part")]

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use cordboard::base::{
    ContactId, IdBlock, InterfaceNo, LegId, LinkId, Now, PortPair, Ports, Rng, Span, Supplies, TenantNo, Time, Utc,
};
use cordboard::event::words::{Actor, Wire};
use cordboard::event::{Kind, Recorded};
use cordboard::ivr::{self, Flows, Known};
use cordboard::ledger::Open;
use cordboard::media::recorder::Pool;
use cordboard::media::rtp::{self, HEADER_BYTES, Stamp};
use cordboard::media::sound::{Library, Sound};
use cordboard::media::wav::Format;
use cordboard::media::words::{Body, Command as MediaCommand, Fact, Report, ReportBody};
use cordboard::media::{self, Channel, Engine, Home, Slot};
use cordboard::sip::front::{self, Rates};
use cordboard::sip::message::Message;
use cordboard::sip::words::Interface;
use cordboard::site::{self, Numbering, Site};
use cordboard::switch::{AgentVerb, Body as CommandBody, Command, StoreAnswer, StoreAsk};
use cordboard::tenant::words::{Input, Output, Received};
use cordboard::tenant::{Parts, Tenant};

use crate::far_end::{self, DOMAIN};
use crate::meter;

pub const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 5060);
pub const CARRIER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 1, 1)), 5080);
const TENANT: TenantNo = TenantNo(1);
const INTERFACE: InterfaceNo = InterfaceNo(1);
const UDP: LinkId = LinkId(1);
/// 2026-03-02, a Monday, 08:00 UTC.
const WALL: Utc = Utc(1_772_438_400_000_000);
/// When a caller presses the key that leads to the agents.
const KEY_AFTER: Span = Span::seconds(3);

/// One `handle`: the input's name and its CPU time, in microseconds. Not elapsed time, which others take part of.
pub struct Step {
    pub input: &'static str,
    pub handle: f64,
    /// With taking all outputs.
    pub whole: f64,
}

enum Happening {
    Datagram(SocketAddr, Bytes),
    Key(ContactId, LegId),
}

pub struct House {
    pub tenant: Tenant,
    pub t: Time,
    site: Arc<Site>,
    sites: Vec<Arc<Site>>,
    rates: Rates,
    supplies: Supplies,
    next_id: u64,
    next_port: u16,
    engine: Engine,
    slots: BTreeMap<PortPair, Slot>,
    /// Where the far end of a leg sends from.
    far: BTreeMap<PortPair, SocketAddr>,
    open: Open,
    seq: u64,
    outputs: Vec<Output>,
    inputs: VecDeque<Input>,
    /// What the far ends have not received yet.
    pub sent: Vec<(SocketAddr, Bytes)>,
    later: BTreeMap<(Time, u64), Happening>,
    happenings: u64,
    /// Contacts whose caller talks with an agent, in the order in which they began to.
    pub connected: VecDeque<ContactId>,
    /// How long callers talk; they never hang up without.
    pub talk: Option<Span>,
    /// Each `handle` while it is there.
    pub steps: Option<Vec<Step>>,
}

/// The address of the phone of an extension.
pub fn phone(index: usize) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::new(10, 1, (index / 250) as u8, 1 + (index % 250) as u8).into(), 5060)
}

pub fn user(index: usize) -> String {
    (10_001 + index).to_string()
}

impl House {
    /// The first `agents` of the phones are agents' stations.
    pub fn new(phones: usize, agents: usize) -> Self {
        let site = Arc::new(site(phones, agents));
        let t = Time::from_wall(WALL);
        let mut supplies = Supplies { ids: IdBlock::new(0, 0, 0), ports: Ports::default(), rng: Rng::from_number(1) };
        let interface = Interface {
            no: INTERFACE,
            ip: SERVER.ip(),
            public: None,
            local: Vec::new(),
            udp: Some((UDP, SERVER.port())),
            tcp_port: None,
        };
        let parts = Parts {
            site: Arc::clone(&site),
            flows: Arc::new(flows()),
            interfaces: vec![interface],
            bindings: Vec::new(),
        };
        let settings = media::Settings {
            library: Arc::new(library()),
            pool: Pool::default(),
            format: Format::Pcm16,
            rng: Rng::from_number(2),
            home: Home { index: 0, threads: 1 },
        };
        Self {
            tenant: Tenant::new(parts, Now { t, wall: WALL }, &mut supplies.rng),
            t,
            sites: vec![Arc::clone(&site)],
            site,
            rates: Rates::default(),
            supplies,
            next_id: 0,
            next_port: 16_384,
            engine: Engine::new(settings),
            slots: BTreeMap::new(),
            far: BTreeMap::new(),
            open: Open::default(),
            seq: 0,
            outputs: Vec::new(),
            inputs: VecDeque::new(),
            sent: Vec::new(),
            later: BTreeMap::new(),
            happenings: 0,
            connected: VecDeque::new(),
            talk: None,
            steps: None,
        }
    }

    fn now(&self) -> Now {
        Now { t: self.t, wall: Utc(WALL.0 + (self.t - Time::from_wall(WALL)).0) }
    }

    // ---- what far ends do

    pub fn register(&mut self, phone_index: usize, cseq: u32) {
        let at = phone(phone_index);
        self.receive(at, far_end::register(&user(phone_index), at, cseq, None));
        self.deliver();
    }

    pub fn call(&mut self, call: u64) {
        self.receive(CARRIER, far_end::invite(call, CARRIER, SERVER));
        self.deliver();
    }

    /// An agent comes to work.
    pub fn sign_in(&mut self, index: usize) {
        self.sign_in_only(index);
        self.agent(index, AgentVerb::Ready);
    }

    /// He is not ready.
    pub fn sign_in_only(&mut self, index: usize) {
        self.agent(index, AgentVerb::SignIn { station: None, groups: None });
    }

    fn agent(&mut self, index: usize, verb: AgentVerb) {
        let agent = self.site.agent(&format!("a{index}")).expect("an agent of the site").no;
        self.command(CommandBody::Agent { agent, verb, force: None });
    }

    /// Ends the talk that began first.
    pub fn hang_up_oldest(&mut self) {
        let contact = self.connected.pop_front().expect("somebody talks");
        self.command(CommandBody::Hangup { contact, who: None, supervisor: None });
    }

    fn command(&mut self, body: CommandBody) {
        let command = Box::new(Command { id: None, actor: Actor::Integration(1), body });
        self.step(Input::Command { reply: 0, command });
        self.deliver();
    }

    /// A datagram, as `drive::gate` takes it.
    pub fn receive(&mut self, from: SocketAddr, bytes: Bytes) {
        let message = Message::parse_datagram(bytes).expect("the far ends speak SIP");
        let class = front::class(&message);
        assert!(from == CARRIER || self.rates.admit(from.ip(), class, self.t), "too fast");
        let owner = front::owner(&self.sites, from, &message);
        assert_eq!(owner, Some(TENANT));
        self.step(Input::Sip(Received { link: UDP, interface: INTERFACE, wire: Wire::Udp, from, message }));
    }

    /// Far ends take what was sent to them and think of something to say.
    pub fn deliver(&mut self) {
        for (at, bytes) in std::mem::take(&mut self.sent) {
            let message = Message::parse_datagram(bytes).expect("the server speaks SIP");
            for said in far_end::react(at, &message, self.talk) {
                self.later(said.after, Happening::Datagram(at, said.bytes));
            }
        }
    }

    fn later(&mut self, after: Span, happening: Happening) {
        self.happenings += 1;
        self.later.insert((self.t + after, self.happenings), happening);
    }

    /// Lets time pass.
    pub fn run(&mut self, length: Span) {
        let until = self.t + length;
        loop {
            let said = self.later.first_key_value().map(|((at, _), _)| *at);
            let (machine, engine) = (self.tenant.deadline(), self.engine.deadline());
            let Some(next) = [said, machine, engine].into_iter().flatten().min().filter(|at| *at <= until) else {
                break;
            };
            self.t = self.t.max(next);
            if said == Some(next) {
                match self.later.pop_first() {
                    Some((_, Happening::Datagram(from, bytes))) => self.receive(from, bytes),
                    Some((_, Happening::Key(contact, leg))) => {
                        let body = ReportBody::Fact { leg, fact: Fact::Digit('1') };
                        self.step(Input::Media(Report { contact, body }));
                    }
                    None => {}
                }
            } else if machine == Some(next) {
                self.step(Input::Due);
            } else {
                let now = self.now();
                self.engine.tick(now, &mut |_, _, _, _| {});
                self.listen();
                self.carry_on();
            }
            self.deliver();
        }
        self.t = until;
    }

    // ---- the machine, as `drive::tenant`

    pub fn step(&mut self, input: Input) {
        self.inputs.push_back(input);
        self.carry_on();
    }

    fn carry_on(&mut self) {
        while let Some(input) = self.inputs.pop_front() {
            self.refill();
            let (name, now) = (input.name(), self.now());
            let began = meter::own_cpu();
            self.tenant.handle(input, now, &mut self.supplies);
            let handled = meter::own_cpu() - began;
            while let Some(output) = self.tenant.poll() {
                self.outputs.push(output);
            }
            if let Some(steps) = &mut self.steps {
                let (handle, whole) = (handled.as_secs_f64() * 1e6, (meter::own_cpu() - began).as_secs_f64() * 1e6);
                steps.push(Step { input: name, handle, whole });
            }
            let mut outputs = std::mem::take(&mut self.outputs);
            outputs.drain(..).for_each(|output| self.put(output));
            self.outputs = outputs;
        }
    }

    fn refill(&mut self) {
        if self.supplies.ids.left() < 1 << 16 {
            self.supplies.ids.refill(self.next_id, self.next_id + (1 << 17));
            self.next_id += 1 << 17;
        }
        while self.supplies.ports.left(INTERFACE) < 8 {
            self.supplies.ports.put(PortPair { interface: INTERFACE, ip: SERVER.ip(), rtp: self.next_port });
            self.next_port += 2;
        }
    }

    fn put(&mut self, output: Output) {
        match output {
            Output::Send { link: _, to, bytes } => self.sent.push((to, bytes)),
            Output::Open { to, .. } => panic!("nobody at {to} speaks TCP"),
            Output::Media(command) => self.media(command),
            Output::Journal { event, notify } => {
                self.seq += 1;
                if let Kind::OfferConnected = event.kind {
                    self.connected.extend(event.about.contact);
                }
                self.open.apply(&Recorded { seq: self.seq, event: *event });
                self.inputs.extend(notify.map(|token| Input::Committed { token }));
            }
            Output::Answer { .. } => {}
            Output::Store(StoreAsk::SaveBinding { request, .. }) => {
                self.inputs.push_back(Input::Store(StoreAnswer { request, saved: true }));
            }
            Output::Store(StoreAsk::UpdateBinding { .. } | StoreAsk::RemoveBinding { .. }) => {}
        }
    }

    /// A far end with an address is heard at once.
    fn media(&mut self, command: MediaCommand) {
        let (contact, now) = (command.contact, self.now());
        let speaks = match &command.body {
            Body::SetLeg(spec) => spec.remote.map(|remote| (spec.leg, spec.ports, remote.rtp)),
            Body::ReturnPorts(pair) => return self.supplies.ports.put(*pair),
            Body::SetRow { .. } | Body::Hand { .. } | Body::SetPlayer(_) | Body::SetTrack(_) | Body::Close(_) => None,
        };
        self.engine.command(TENANT, command, now);
        self.listen();
        let Some((leg, ports, from)) = speaks else { return };
        self.far.insert(ports, from);
        if self.engine.counts(leg).is_none_or(|counts| counts.received > 0) {
            return;
        }
        self.speak(ports);
        self.listen();
        if from.ip() == CARRIER.ip() {
            self.later(KEY_AFTER, Happening::Key(contact, leg));
        }
    }

    /// One packet of a leg's far end.
    fn speak(&mut self, ports: PortPair) {
        let (Some(&slot), Some(&from)) = (self.slots.get(&ports), self.far.get(&ports)) else { return };
        let mut packet = [0x55; HEADER_BYTES + 160];
        rtp::write(&mut packet, 8, 1, Stamp { marker: false, sequence: 1, timestamp: 1 });
        self.engine.on_datagram(slot, Channel::Rtp, from, &mut packet, self.t);
    }

    /// All far ends are heard, so that nobody is taken for lost.
    pub fn speak_all(&mut self) {
        let legs: Vec<PortPair> = self.far.keys().copied().collect();
        legs.into_iter().for_each(|ports| self.speak(ports));
        self.listen();
        self.carry_on();
    }

    fn listen(&mut self) {
        while let Some(output) = self.engine.poll() {
            match output {
                media::Output::Report(_, report) => self.inputs.push_back(Input::Media(report)),
                media::Output::Listen { slot, ports } => {
                    self.slots.insert(ports, slot);
                }
                media::Output::Release { ports, .. } => {
                    self.slots.remove(&ports);
                    self.far.remove(&ports);
                    self.supplies.ports.put(ports);
                }
                media::Output::Write(_) => {}
                media::Output::Give { .. } => panic!("there is one engine"),
                media::Output::Load(_) => panic!("nothing is spoken here"),
            }
        }
    }
}

/// A table of `handle` by the kind of the input, and what it all took of a core.
pub fn print_by_input(steps: &[Step], calls: u64) {
    let mut kinds: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for step in steps {
        kinds.entry(step.input).or_default().push(step.handle);
        kinds.entry("all").or_default().push(step.handle);
    }
    println!("| input | per call | mean us | p50 us | p99 us | longest us |\n|---|---|---|---|---|---|");
    for (kind, times) in &kinds {
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        let at = |part| meter::quantile(times, part);
        println!(
            "| {kind} | {:.1} | {mean:.1} | {:.1} | {:.1} | {:.0} |",
            times.len() as f64 / calls as f64,
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
    let whole: f64 = steps.iter().map(|step| step.whole).sum();
    println!(
        "\n{:.0} inputs a second of one core; a call takes {:.0} us of it",
        steps.len() as f64 / whole * 1e6,
        whole / calls as f64
    );
}

fn site(phones: usize, agents: usize) -> Site {
    let extensions: String = (0..phones)
        .map(user)
        .map(|user| format!("  - {{number: \"{user}\", password: \"{}\"}}\n", far_end::password(&user)))
        .collect();
    let agents: String = (0..agents)
        .map(|n| {
            format!("  - {{id: a{n}, name: A {n}, station: {{extension: \"{}\"}}, groups: {{support: 5}}}}\n", user(n))
        })
        .collect();
    let text = format!(
        "tenant: bench\ndomains: [{DOMAIN}]\ndefault: true\ntime_zone: UTC\nlanguage: en-US\n\
         limits: {{calls: 20000, cps: 1000}}\nextensions:\n{extensions}\
         groups:\n  - {{id: support, name: Support, strategy: longest-idle, ring: 20s, wrap_up: 5s}}\n\
         agents:\n{agents}\
         trunks:\n  - {{id: carrier, send: \"sip:{CARRIER}\", accept: [\"{}/32:{}\"], codecs: [PCMA], \
         max_calls: 20000, inbound: [{{match: \"^0?(4\\\\d{{9}})$\", to: \"+86$1\"}}]}}\n\
         routes:\n  - {{match: \"^1\\\\d{{4}}$\", extension: true}}\n\
         numbers:\n  - {{number: \"+86{}\", flow: main}}\n",
        CARRIER.ip(),
        CARRIER.port(),
        far_end::CALLED,
    );
    let file = site::load("bench.yaml", &text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let mut no_password = |number: &str| panic!("{number} has a password");
    site::plan(Numbering::new(TENANT), file, &["main"], &mut no_password).0
}

/// The flow that ships.
fn flows() -> Flows {
    let text = include_str!("../../dialplans/main.yaml");
    let flow = ivr::load("main.yaml", text, &Known::default()).unwrap_or_else(|problems| panic!("{problems:#?}"));
    [(flow.key.clone(), Arc::new(flow))].into_iter().collect()
}

/// Two seconds for each sound of the flow that a call gets to.
fn library() -> Library {
    let mut library = Library::default();
    for key in ["welcome", "main-menu", "please-wait", "thank-you-for-waiting", "goodbye"] {
        library.insert(&format!("en-US/{key}"), Sound::from_linear(vec![1_000; 16_000]));
    }
    library.insert("music/default", Sound::from_linear(vec![1_000; 80_000]));
    library
}
