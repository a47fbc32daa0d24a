//! The world around one tenant machine: virtual time, one ordered queue of happenings, far ends, network, disk, sound.
//! Owns what happens next and carries out what the machine says, as `drive` does in production. Decides nothing about
//! calls. One seed gives one run. `check` looks at it after each step; a panic prints what is needed to replay it.

mod front;
mod panics;
mod sound;
mod telling;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use cordboard::acd::open::Open as OpenAcd;
use cordboard::base::bounds::COMMIT_AGE_MAX;
use cordboard::base::{
    Agenda, ContactId, IdBlock, InterfaceNo, LegId, LinkId, Now, PlayerId, Ports, Rng, Span, Supplies, Time, Utc,
};
use cordboard::call::ContactView;
use cordboard::event::Event;
use cordboard::event::words::{Actor, Wire};
use cordboard::ivr::Flows;
use cordboard::media::words::{Command as MediaCommand, Report, ReportBody};
use cordboard::sip::words::Interface;
use cordboard::site::Site;
use cordboard::switch::{Answer, Body, Command, StoreAnswer, StoreAsk};
use cordboard::tenant::words::{House, Input, Output, ShedReason};
use cordboard::tenant::{Parts, Tenant, Why};

use crate::check::Check;
use crate::disk::{Disk, DiskFaults};
use crate::net::{Net, Weather};
use crate::scenario::ua::{Out, Ua};
use crate::sound::Sound;
pub use panics::Panics;

pub const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 5060);
pub const INTERFACE: InterfaceNo = InterfaceNo(1);
const UDP: LinkId = LinkId(1);
/// 2026-03-02, a Monday, 08:00 UTC.
const WALL: Utc = Utc(1_772_438_400_000_000);
/// Inputs and events shown when a run fails: 50 inputs and what they led to.
const LINES_KEPT: usize = 150;

/// More steps at one moment mean a deadline that does not go away.
const AT_ONCE_MAX: u32 = 10_000;

#[derive(Debug)]
enum Happening {
    Datagram {
        from: SocketAddr,
        bytes: Bytes,
    },
    Chunk {
        link: LinkId,
        bytes: Bytes,
    },
    ToPhone {
        ua: usize,
        bytes: Bytes,
    },
    PhoneChunk {
        link: LinkId,
        bytes: Bytes,
    },
    LinkOpened {
        life: u64,
        request: u64,
        link: LinkId,
    },
    LinkFailed {
        life: u64,
        request: u64,
    },
    LinkClosed {
        link: LinkId,
    },
    Commit {
        life: u64,
    },
    CommitLate {
        life: u64,
    },
    Stored {
        life: u64,
        ask: StoreAsk,
        saved: bool,
    },
    Report {
        life: u64,
        report: Report,
    },
    /// The minute after too many panics is over.
    DoorOpens {
        life: u64,
    },
    Listen {
        life: u64,
        leg: LegId,
    },
    PlayerEnds {
        life: u64,
        contact: ContactId,
        player: PlayerId,
    },
    Restart,
    /// Something the run's own script does.
    Cue(u64),
}

/// What a run is made of.
pub struct Setting {
    pub seed: u64,
    pub site: Site,
    pub flows: Flows,
    pub weather: Weather,
    pub faults: DiskFaults,
}

pub struct World {
    pub seed: u64,
    pub t: Time,
    pub started: Time,
    pub site: Arc<Site>,
    flows: Arc<Flows>,
    sites: Vec<Arc<Site>>,
    pub tenant: Option<Tenant>,
    supplies: Supplies,
    next_id: u64,
    queue: BTreeMap<(Time, u64), Happening>,
    queued: u64,
    pub uas: Vec<Ua>,
    by_address: BTreeMap<SocketAddr, usize>,
    agenda: Agenda<usize>,
    /// The connection a far end uses now.
    links: BTreeMap<usize, LinkId>,
    pub net: Net,
    pub disk: Disk,
    pub sound: Sound,
    pub rng: Rng,
    pub house: House,
    shed_by_journal: bool,
    /// The process dies before this one of its outputs is carried out, and is away for so long.
    pub dies_after: Option<(u64, Span)>,
    /// How often the process died. Reports for the one before find nobody.
    pub life: u64,
    recordings: BTreeMap<ContactId, Span>,
    pub answers: BTreeMap<u64, (Answer, bool)>,
    next_reply: u64,
    /// Outputs that were carried out.
    outputs: u64,
    /// Until somebody has panicked, each input finds only so many ids, as if the driver had forgotten to refill them:
    /// whoever takes one more panics, a contact or the machine itself.
    pub poison: Option<u64>,
    pub panics: Panics,
    /// Media commands, for whoever listens with real engines.
    pub tape: Option<Vec<(Time, MediaCommand)>>,
    /// What was journaled, if somebody wants to know.
    pub told: Option<Vec<Event>>,
    pub check: Check,
    pub step: u64,
    /// Steps since time moved.
    at_once: u32,
    recent: VecDeque<String>,
    /// `CORDBOARD_TELL`: every input and event is printed, not only the last.
    tells: bool,
    /// Cues whose time has come.
    pub cues: VecDeque<u64>,
}

impl World {
    pub fn new(setting: Setting) -> Self {
        let Setting { seed, site, flows, weather, faults } = setting;
        let mut rng = Rng::from_number(seed);
        let mut stream = || Rng::from_seed(rng.bytes());
        let (site, flows) = (Arc::new(site), Arc::new(flows));
        let t = Time::from_wall(WALL);
        let disk = Disk::new(site.tenant, faults, stream());
        let net = Net::new(weather, stream());
        let supplies = Supplies { ids: IdBlock::new(0, 0, 0), ports: Ports::default(), rng: stream() };
        let own = stream();
        let mut world = Self {
            seed,
            t,
            started: t,
            sites: vec![Arc::clone(&site)],
            check: Check::new(Arc::clone(&site), weather),
            site,
            flows,
            tenant: None,
            supplies,
            next_id: 0,
            queue: BTreeMap::new(),
            queued: 0,
            uas: Vec::new(),
            by_address: BTreeMap::new(),
            agenda: Agenda::default(),
            links: BTreeMap::new(),
            net,
            disk,
            sound: Sound::default(),
            rng: own,
            house: House::Open,
            shed_by_journal: false,
            dies_after: None,
            life: 0,
            recordings: BTreeMap::new(),
            answers: BTreeMap::new(),
            next_reply: 0,
            outputs: 0,
            poison: None,
            panics: Panics::default(),
            tape: None,
            told: None,
            step: 0,
            at_once: 0,
            recent: VecDeque::new(),
            tells: std::env::var_os("CORDBOARD_TELL").is_some(),
            cues: VecDeque::new(),
        };
        world.tenant = Some(world.new_tenant());
        world
    }

    pub fn now(&self) -> Now {
        Now { t: self.t, wall: Utc(WALL.0 + (self.t - self.started).0) }
    }

    pub fn since_start(&self) -> Span {
        self.t - self.started
    }

    fn new_tenant(&mut self) -> Tenant {
        self.refill();
        let interface = Interface {
            no: INTERFACE,
            ip: SERVER.ip(),
            public: None,
            local: Vec::new(),
            udp: Some((UDP, SERVER.port())),
            tcp_port: Some(SERVER.port()),
        };
        let parts = Parts {
            site: Arc::clone(&self.site),
            flows: Arc::clone(&self.flows),
            interfaces: vec![interface],
            bindings: self.disk.saved_bindings(),
        };
        let now = self.now();
        Tenant::new(parts, now, &mut self.supplies.rng)
    }

    fn refill(&mut self) {
        if self.supplies.ids.left() < 1 << 11 {
            self.supplies.ids.refill(self.next_id, self.next_id + (1 << 12));
            self.next_id += 1 << 12;
        }
        self.sound.refill(&mut self.supplies.ports, INTERFACE, SERVER.ip());
    }

    // ---- far ends

    pub fn add(&mut self, ua: Ua) -> usize {
        let no = self.uas.len();
        assert!(self.by_address.insert(ua.at, no).is_none(), "two far ends at {}", ua.at);
        self.uas.push(ua);
        no
    }

    pub fn ua_rng(&mut self) -> Rng {
        Rng::from_seed(self.rng.bytes())
    }

    /// Somebody in front of a far end does something.
    pub fn touch<R>(&mut self, ua: usize, act: impl FnOnce(&mut Ua, Time) -> R) -> R {
        let result = act(&mut self.uas[ua], self.t);
        self.flush(ua);
        result
    }

    fn flush(&mut self, ua: usize) {
        while let Some(out) = self.uas[ua].poll() {
            match out {
                Out::Send(bytes) => self.send_up(ua, bytes),
                Out::Pressed(call, key) => self.pressed(ua, call, key),
                Out::Vanished => self.vanished(ua),
            }
        }
        let deadline = self.uas[ua].deadline();
        self.agenda.set(ua, deadline);
    }

    fn send_up(&mut self, ua: usize, bytes: Bytes) {
        let at = self.uas[ua].at;
        match self.uas[ua].wire {
            Wire::Udp => {
                for arrival in self.net.datagram(self.t) {
                    self.push(arrival, Happening::Datagram { from: at, bytes: bytes.clone() });
                }
            }
            Wire::Tcp => {
                let t = self.t;
                let known = self.links.get(&ua).copied();
                let link = known.unwrap_or_else(|| self.net.connect(ua, at, t));
                self.links.insert(ua, link);
                for (arrival, bytes) in self.net.stream(link, true, &bytes, t) {
                    self.push(arrival, Happening::Chunk { link, bytes });
                }
            }
        }
    }

    /// Its sockets are silent from here on; a connection breaks later, when somebody notices.
    fn vanished(&mut self, ua: usize) {
        if let Some(link) = self.links.remove(&ua) {
            self.push(self.t + Span::seconds(20), Happening::LinkClosed { link });
        }
    }

    /// A TCP connection breaks under a living phone: it registers anew.
    pub fn break_connection(&mut self, ua: usize) {
        if let Some(link) = self.links.remove(&ua) {
            self.push(self.t, Happening::LinkClosed { link });
            self.touch(ua, |ua, t| {
                ua.misses_something();
                ua.register(t);
            });
        }
    }

    // ---- the queue

    fn push(&mut self, at: Time, happening: Happening) {
        self.queued += 1;
        self.queue.insert((at, self.queued), happening);
    }

    pub fn cue(&mut self, at: Time, cue: u64) {
        self.push(at, Happening::Cue(cue));
    }

    /// Carries on to `until`, or to the next cue. `false`: a cue came first.
    pub fn run(&mut self, until: Time) -> bool {
        while self.cues.is_empty() {
            let queue = self.queue.first_key_value().map(|((at, _), _)| *at);
            let phones = self.agenda.next().map(|(at, _)| at);
            let machine = self.tenant.as_ref().and_then(Tenant::deadline);
            let next = [queue, phones, machine].into_iter().flatten().min();
            let Some(next) = next.filter(|at| *at <= until) else {
                self.t = self.t.max(until);
                return true;
            };
            self.at_once = if next > self.t { 0 } else { self.at_once + 1 };
            assert!(self.at_once < AT_ONCE_MAX, "time stands still");
            self.t = self.t.max(next);
            self.step += 1;
            if queue == Some(next) {
                let (_, happening) = self.queue.pop_first().expect("it was just seen");
                self.happen(happening);
            } else if phones == Some(next) {
                let (_, ua) = self.agenda.next().expect("it was just seen");
                self.touch(ua, Ua::due);
            } else {
                self.feed(Input::Due);
            }
        }
        false
    }

    fn happen(&mut self, happening: Happening) {
        let life = self.life;
        match happening {
            Happening::Datagram { from, bytes } => self.datagram_arrived(from, bytes),
            Happening::Chunk { link, bytes } => self.chunk_arrived(link, &bytes),
            Happening::ToPhone { ua, bytes } => {
                if let Some(message) = crate::scenario::ua::wire_datagram(bytes) {
                    self.touch(ua, |ua, t| ua.receive(message, t));
                }
            }
            Happening::PhoneChunk { link, bytes } => self.phone_chunk(link, &bytes),
            Happening::LinkOpened { life: of, request, link } if of == life => {
                self.feed(Input::LinkOpened { request, link });
            }
            Happening::LinkFailed { life: of, request } if of == life => self.feed(Input::LinkFailed { request }),
            Happening::LinkClosed { link } => {
                self.net.connections.remove(&link);
                self.feed(Input::LinkClosed { link });
            }
            Happening::Commit { life: of } if of == life => self.committed(),
            Happening::CommitLate { life: of } if of == life => self.look_at_commits(),
            Happening::Stored { life: of, ask, saved } if of == life => self.stored(ask, saved),
            Happening::Report { life: of, report } if of == life => self.feed(Input::Media(report)),
            Happening::Listen { life: of, leg } if of == life => self.listen(leg),
            Happening::PlayerEnds { life: of, contact, player } if of == life => {
                if self.sound.player_ended(player, self.t) {
                    let body = ReportBody::PlayerEnded { player, missing: None };
                    self.feed(Input::Media(Report { contact, body }));
                }
            }
            Happening::DoorOpens { life: of } if of == life => {
                self.house = House::Open;
                self.feed(Input::House(self.house));
            }
            Happening::Restart => self.restart(),
            Happening::Cue(cue) => self.cues.push_back(cue),
            // of a process that died
            Happening::LinkOpened { .. }
            | Happening::LinkFailed { .. }
            | Happening::Commit { .. }
            | Happening::CommitLate { .. }
            | Happening::Stored { .. }
            | Happening::Report { .. }
            | Happening::DoorOpens { .. }
            | Happening::Listen { .. }
            | Happening::PlayerEnds { .. } => {}
        }
    }

    // ---- the machine, as `drive::tenant`

    pub fn feed(&mut self, input: Input) {
        self.refill();
        let now = self.now();
        let Some(mut tenant) = self.tenant.take() else { return };
        self.remember(&input);
        let Some(ids) = self.poison else {
            tenant.handle(input, now, &mut self.supplies);
            return self.carry_out(tenant);
        };
        self.supplies.ids.refill(self.next_id, self.next_id + ids);
        self.next_id += ids;
        let (supplies, before) = (&mut self.supplies, tenant.contacts().panics);
        let caught = panics::made_up(|| tenant.handle(input, now, supplies));
        self.supplies.ids.refill(self.next_id, self.next_id);
        self.refill();
        if caught.is_err() {
            self.poison = None;
            return self.renew(&tenant);
        }
        if tenant.contacts().panics > before {
            self.poison = None;
        }
        self.panics.contacts += tenant.contacts().panics - before;
        self.check.expect_panics(tenant.contacts().panics);
        self.carry_out(tenant);
    }

    fn carry_out(&mut self, mut tenant: Tenant) {
        while let Some(output) = tenant.poll() {
            if let Some((outputs, away)) = &mut self.dies_after {
                *outputs = outputs.saturating_sub(1);
                if *outputs == 0 {
                    let away = *away;
                    return self.crash(away);
                }
            }
            self.put(output);
        }
        self.tenant = Some(tenant);
        let view =
            CheckView { t: self.t, tenant: self.tenant.as_ref(), disk: &self.disk, sound: &self.sound, uas: &self.uas };
        self.check.after_step(&view, &self.supplies.ports);
    }

    fn put(&mut self, output: Output) {
        self.outputs += 1;
        match output {
            Output::Send { link, to, bytes } => {
                let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
                self.note(format!("    -> {to} {}", String::from_utf8_lossy(line)));
                self.send_down(link, to, bytes);
            }
            Output::Open { request, interface: _, wire: _, to } => self.open(request, to),
            Output::Media(command) => {
                self.panics.media_version = command.version;
                if let Some(tape) = &mut self.tape {
                    tape.push((self.t, command.clone()));
                }
                self.media(command);
            }
            Output::Journal { event, notify } => self.journal(*event, notify),
            Output::Answer { reply, answer, repeat_of } => {
                let before = self.answers.insert(reply, (answer, repeat_of.is_some()));
                assert!(before.is_none(), "a command is answered once");
            }
            Output::Store(ask) => {
                let (takes, saved) = self.disk.save_takes();
                self.push(self.t + takes, Happening::Stored { life: self.life, ask, saved });
            }
        }
    }

    fn open(&mut self, request: u64, to: SocketAddr) {
        let takes = Span(self.net.weather.delay.0 * 3);
        let alive = self.by_address.get(&to).copied().filter(|ua| !self.uas[*ua].gone);
        let life = self.life;
        match alive {
            Some(ua) => {
                let link = self.net.connect(ua, to, self.t);
                self.links.entry(ua).or_insert(link);
                self.push(self.t + takes, Happening::LinkOpened { life, request, link });
            }
            None => self.push(self.t + Span::seconds(3), Happening::LinkFailed { life, request }),
        }
    }

    fn journal(&mut self, event: Event, notify: Option<u64>) {
        if let Some(told) = &mut self.told {
            told.push(event.clone());
        }
        let (recorded, commit) = self.disk.append(event, notify, self.t);
        self.note(format!("    {} {:?} {:?}", recorded.seq, recorded.event.about, recorded.event.kind));
        self.check.journaled(&recorded, &self.disk.open, self.t);
        if let Some(at) = commit {
            self.push(at, Happening::Commit { life: self.life });
            self.push(self.t + COMMIT_AGE_MAX + Span(1), Happening::CommitLate { life: self.life });
        }
    }

    fn committed(&mut self) {
        let (tokens, next) = self.disk.commit(self.t);
        if let Some(at) = next {
            self.push(at, Happening::Commit { life: self.life });
            self.push(self.t + COMMIT_AGE_MAX + Span(1), Happening::CommitLate { life: self.life });
        }
        for token in tokens {
            self.feed(Input::Committed { token });
        }
        self.look_at_commits();
    }

    /// The disk machine's rule in one line: a commit that is late sheds new contacts.
    fn look_at_commits(&mut self) {
        let late = self.disk.commit_age(self.t) > COMMIT_AGE_MAX;
        if late != self.shed_by_journal && self.house != House::Draining {
            self.shed_by_journal = late;
            self.house = if late { House::Shed(ShedReason::Journal) } else { House::Open };
            self.feed(Input::House(self.house));
        }
    }

    fn stored(&mut self, ask: StoreAsk, saved: bool) {
        match ask {
            StoreAsk::SaveBinding { request, extension, contact, json } => {
                if saved {
                    self.disk.bindings.insert((extension, contact), json);
                }
                self.feed(Input::Store(StoreAnswer { request, saved }));
            }
            StoreAsk::UpdateBinding { extension, contact, json } => {
                self.disk.bindings.insert((extension, contact), json);
            }
            StoreAsk::RemoveBinding { extension, contact } => {
                self.disk.bindings.remove(&(extension, contact));
            }
        }
    }

    /// What is refused has no effect: nothing comes out but the refusal, and nobody is in another state than before.
    pub fn command(&mut self, command: Command) -> u64 {
        let is_due = |world: &Self| world.tenant.as_ref().and_then(Tenant::deadline).is_some_and(|at| at <= world.t);
        while is_due(self) {
            self.feed(Input::Due);
        }
        let reply = self.next_reply;
        self.next_reply += 1;
        let (body, outputs, before) = (command.body.clone(), self.outputs, self.picture());
        self.feed(Input::Command { reply, command: Box::new(command) });
        if let Some((Answer::Refused { code, .. }, _)) = self.answers.get(&reply) {
            assert_eq!(self.outputs - outputs, 1, "{body:?} was refused ({code:?}) and did something");
            assert!(self.picture() == before, "{body:?} was refused ({code:?}) and left another state");
        }
        reply
    }

    /// What a client reads.
    pub fn ask(&mut self, body: Body) -> Option<Answer> {
        let reply = self.command(Command { id: None, actor: Actor::Integration(1), body });
        self.answers.remove(&reply).map(|(answer, _)| answer)
    }

    /// Live contacts as a client sees them.
    pub fn contacts(&self) -> Vec<ContactView> {
        self.tenant.as_ref().map(|tenant| tenant.contacts().views().collect()).unwrap_or_default()
    }

    /// As if others had taken so many.
    pub fn skip_ids(&mut self, count: u64) {
        self.refill();
        self.supplies.ids = (0..count).fold(self.supplies.ids, |mut ids, _| {
            ids.mint(self.t);
            ids
        });
    }

    pub fn ports(&self) -> &Ports {
        &self.supplies.ports
    }

    /// All that is known of contacts and agents.
    fn picture(&self) -> Option<(Vec<ContactView>, OpenAcd)> {
        self.tenant.as_ref().map(|tenant| (self.contacts(), tenant.acd().open()))
    }

    // ---- the end of a process, and the next one

    /// The process dies now and comes back. Far ends know nothing of it.
    pub fn crash(&mut self, away: Span) {
        self.tenant = None;
        self.dies_after = None;
        self.panics.media_version = 0;
        self.panics.recent.clear();
        self.check.expect_panics(0);
        self.life += 1;
        let lost = self.disk.crash();
        self.recordings = self.sound.crash(self.t);
        self.supplies.ports = Ports::default();
        self.check.crashed(&self.disk.open, lost, self.t);
        self.note(format!("{:>10} crash, {lost} events lost", self.since_start()));
        let links: Vec<LinkId> = self.net.connections.keys().copied().collect();
        for link in links {
            let ua = self.net.connections[&link].ua;
            self.net.connections.remove(&link);
            if self.links.remove(&ua).is_some() && !self.uas[ua].gone {
                // the phone sees its connection break and comes back once somebody listens
                self.uas[ua].lost_connection(self.t + away);
                self.flush(ua);
            }
        }
        self.push(self.t + away, Happening::Restart);
    }

    fn restart(&mut self) {
        let mut tenant = self.new_tenant();
        let now = self.now();
        let alive = None;
        let why = Why::Start { alive, recordings: std::mem::take(&mut self.recordings), tokens: [1].into() };
        let open = self.disk.open.clone();
        tenant.restore(&open, why, now, &mut self.supplies);
        self.carry_out(tenant);
        self.house = House::Open;
        self.shed_by_journal = false;
    }

    /// Everybody has hung up: waits until nothing moves any more, then looks at everything.
    pub fn finish(&mut self) {
        let patience = self.t + Span::minutes(15);
        let at_rest = |world: &Self| {
            world.tenant.as_ref().is_some_and(Tenant::is_at_rest) && world.uas.iter().all(|ua| ua.live_calls() == 0)
        };
        while !at_rest(self) && self.t < patience {
            self.run(self.t + Span::millis(100));
        }
        let view =
            CheckView { t: self.t, tenant: self.tenant.as_ref(), disk: &self.disk, sound: &self.sound, uas: &self.uas };
        self.check.finish(&view, &self.supplies.ports);
    }
}

/// What the checks look at.
pub struct CheckView<'a> {
    pub t: Time,
    pub tenant: Option<&'a Tenant>,
    pub disk: &'a Disk,
    pub sound: &'a Sound,
    pub uas: &'a [Ua],
}
