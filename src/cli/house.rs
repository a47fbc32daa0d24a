//! Puts the house together and takes it down in order: the one place that knows every room.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::ServeArgs;
use super::before::{Before, repair_recordings};
use super::files::{self, Failure};
use super::pushes;
use super::sites::{self, Generated};
use super::tokens;
use crate::api::archive::Archive;
use crate::api::{Api, Crowd, Door};
use crate::base::bounds::{SPEECH_CACHE_BYTES, SPEECH_CHILD_MAX};
use crate::base::{IdBlock, InterfaceNo, Ports, Rng, Span, Supplies, TenantNo};
use crate::config::{RecordingFormat, Settings};
use crate::drive::clips::ClipLoader;
use crate::drive::clock::Clock;
use crate::drive::disk::{DiskDriver, Verdict};
use crate::drive::gate::Gate;
use crate::drive::lanes::Lanes;
use crate::drive::media_thread::{Load, ThreadSettings};
use crate::drive::media_threads::MediaThreads;
use crate::drive::ports::{PortPool, PortRange};
use crate::drive::process::{self, Shares};
use crate::drive::recorder_writer::RecorderWriter;
use crate::drive::retention::Retention;
use crate::drive::supply::{IdCounter, Load as Busy, Supplier};
use crate::drive::tenant::{State, TenantDriver};
use crate::drive::trace::Trace;
use crate::drive::tts_child::{self, Tts, TtsError};
use crate::drive::watch::Changes;
use crate::drive::world::World;
use crate::drive::{tcp, udp};
use crate::event::words::{AlarmKind, By, Wire};
use crate::event::{About, Event, Kind, VERSION};
use crate::media::sound::Library;
use crate::media::wav::Format;
use crate::media::words::Report;
use crate::media::{Home, Settings as EngineSettings};
use crate::sip::words::{Binding, Interface};
use crate::site::{Network, Site};
use crate::store::{self, Alive, Journal, Projector, Query, SiteStore};
use crate::switch::door::{self, SiteAsked};
use crate::tenant::words::{House as Order, Input, ShedReason};
use crate::tenant::{Parts, Tenant, Why};

/// How long one question to the records may take.
const QUERY_MAX: Span = Span::seconds(5);
/// How often the house looks at itself: meters, the wall clock, whether a drain is over.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Where everything listens, and what a first start made up.
#[derive(Clone, Debug)]
pub struct Addresses {
    pub sip: Vec<(Wire, SocketAddr)>,
    pub http: Vec<SocketAddr>,
    pub recordings: PathBuf,
    pub token: Option<String>,
    pub generated: Generated,
    pub sites: Vec<Arc<Site>>,
}

pub struct House {
    pub addresses: Addresses,
    pub(super) settings: Settings,
    pub(super) door: Door,
    clock: Arc<Clock>,
    pub(super) journal: Arc<Journal>,
    pub(super) projector: Projector,
    pub(super) site_store: Arc<SiteStore>,
    pub(super) threads: Arc<MediaThreads>,
    pub(super) recorder: Arc<RecorderWriter>,
    clips: ClipLoader,
    pub(super) tenants: Vec<Running>,
    pub(super) gate: Arc<Gate>,
    site_asks: mpsc::Receiver<SiteAsked>,
    verdicts: mpsc::Receiver<Verdict>,
    changes: Option<Changes>,
    pub(super) library: Arc<Library>,
    pub(super) dialplans: Vec<(String, String)>,
    /// What the disk allows; a drain outranks it.
    order: Order,
    http: Vec<(oneshot::Sender<()>, JoinHandle<()>)>,
    /// Measures the disk.
    disk: JoinHandle<()>,
    /// Pushes events.
    pushes: Option<JoinHandle<()>>,
    _lock: File,
}

/// A tenant's task.
pub(super) struct Running {
    pub site: Arc<Site>,
    pub lanes: Arc<Lanes>,
    door: Arc<door::Tenant<Site>>,
    task: JoinHandle<()>,
}

type LanesByTenant = Arc<RwLock<BTreeMap<TenantNo, Arc<Lanes>>>>;

/// Only one process uses a data folder.
pub fn lock(data: &Path) -> Result<File, Failure> {
    let failure = |error: std::io::Error| {
        Failure::new(format_args!("`{}` cannot be used: {error}", data.display()), "set `data` or `--data`")
    };
    std::fs::create_dir_all(data).map_err(failure)?;
    let file = File::create(data.join("lock")).map_err(failure)?;
    let taken = rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
    taken.map_err(|_| {
        Failure::new(
            format_args!("another cordboard uses `{}`", data.display()),
            "stop it, or start with another `--data`",
        )
    })?;
    Ok(file)
}

/// Seeded by the operating system.
pub fn rng() -> Result<Rng, Failure> {
    let mut seed = [0; 32];
    let read = File::open("/dev/urandom").and_then(|mut file| std::io::Read::read_exact(&mut file, &mut seed));
    read.map_err(|error| Failure::new(format_args!("no randomness: {error}"), "make /dev/urandom readable"))?;
    Ok(Rng::from_seed(seed))
}

/// An address of the host, what peers outside its local networks are told, and those networks.
type Place = (IpAddr, Option<IpAddr>, Vec<Network>);

/// One interface per `[[interface]]`; a wildcard becomes one per address of the host.
fn interfaces(settings: &Settings) -> Result<Vec<Place>, Failure> {
    let mut found: Vec<Place> = Vec::new();
    for interface in &settings.interfaces {
        let mut addresses = vec![interface.bind];
        if interface.bind.is_unspecified() {
            let host = if_addrs::get_if_addrs().map_err(|error| {
                Failure::new(format_args!("the host's addresses cannot be read: {error}"), "name them in `bind`")
            })?;
            let same_family = |ip: &IpAddr| ip.is_ipv4() == interface.bind.is_ipv4();
            // A link-local IPv6 address needs a scope that no SDP can carry.
            let usable = |ip: &IpAddr| !matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local());
            addresses = host.iter().map(if_addrs::Interface::ip).filter(same_family).filter(usable).collect();
        }
        for ip in addresses {
            if !found.iter().any(|(known, ..)| *known == ip) {
                found.push((ip, interface.public, interface.local.clone()));
            }
        }
    }
    Ok(found)
}

impl House {
    pub async fn start(args: &ServeArgs) -> Result<Self, Failure> {
        let settings = files::settings(args)?;
        let data = settings.data.clone();
        let lock = lock(&data)?;
        let shares = process::prepare();
        let mut rng = rng()?;
        let library = Arc::new(files::sounds(&settings.paths.sounds)?);
        let dialplans = files::dialplans(&settings.paths.dialplans)?;
        let recovered = store::recover(&data).map_err(|error| {
            Failure::new(format_args!("the journal cannot be read: {error}"), "restore `data/journal`")
        })?;
        let clock = Arc::new(Clock::start(recovered.last_t));
        let lanes: LanesByTenant = Arc::default();
        let site_store = Arc::new(open_site_store(&data, &lanes)?);
        let keys = files::flow_keys(&dialplans);
        let (mut planned, generated) = sites::load(&site_store, args, &data, &keys, &library, &mut rng)?;
        sites::resolve_trunks(&mut planned).await;
        let journal = open_journal(&data, &recovered, &lanes)?;
        let recordings = data.join("recordings");
        let lengths = repair_recordings(&recordings, &recovered.opens);
        let trace = args.trace_sip.as_deref().map(Trace::open).transpose().map_err(|error| {
            Failure::new(format_args!("the SIP trace cannot be written: {error}"), "name another folder")
        })?;
        let door = Door::default();
        let gate = Arc::new(Gate::new(Arc::clone(&clock), trace, shares.sip_connections, Arc::clone(door.meters())));
        let (interfaces, sip) = listen(&settings, &gate).await?;
        let ports = Arc::new(port_pool(&settings, &interfaces, shares));
        let (send_verdict, verdicts) = mpsc::channel(16);
        let clips = start_clips(&data, &recordings, send_verdict.clone())?;
        let load = clips.asker();
        let (threads, recorder) =
            start_media(&settings, &recordings, &library, &ports, &clock, &lanes, load, &mut rng)?;
        let projector = Projector::start(&data.join("records.db"), Arc::clone(&journal))
            .map_err(|error| sites::store_failure(&data, &error))?;
        let (keep, projected) = (settings.journal.keep, projector.reached());
        tokio::spawn(Retention { journal: Arc::clone(&journal), keep, projected }.run());
        let token = tokens::load(&settings, &site_store, &door, &mut rng, &data)?;
        let disk = watch_disk(&data, &journal, &recorder, &clock, send_verdict, &door)?;
        let query = Query::new(&data.join("records.db"), projector.reached(), QUERY_MAX);
        let api = Api::new(door.clone(), Archive::new(Arc::clone(&journal), query), recordings.clone());
        let mut house = Self {
            addresses: Addresses { sip, http: Vec::new(), recordings, token, generated, sites: Vec::new() },
            changes: watch_dialplans(&settings.paths.dialplans),
            settings,
            site_asks: door.open_sites(),
            door,
            clock,
            journal,
            projector,
            site_store,
            threads,
            recorder,
            clips,
            tenants: Vec::new(),
            gate,
            verdicts,
            library,
            dialplans,
            order: Order::Open,
            http: Vec::new(),
            disk,
            pushes: None,
            _lock: lock,
        };
        let supplier = Supplier {
            ids: Arc::new(IdCounter::default()),
            interfaces: interfaces.iter().map(|i| i.no).collect(),
            ports,
        };
        for site in planned {
            let before = Before::of(&recovered, &lengths, site.tenant);
            house.start_tenant(site, before, &interfaces, &supplier, &lanes, &mut rng)?;
        }
        let pushes = pushes::start(&house.door, &house.journal, &house.site_store, Rng::from_seed(rng.bytes())).await;
        house.pushes = Some(pushes.map_err(|error| sites::store_failure(&data, &error))?);
        house.serve_http(api, shares.http_connections).await?;
        house.look();
        house.door.set_house(door::House::Open);
        Ok(house)
    }

    fn start_tenant(
        &mut self,
        site: Site,
        before: Before,
        interfaces: &[Interface],
        supplier: &Supplier,
        lanes_by_tenant: &LanesByTenant,
        rng: &mut Rng,
    ) -> Result<(), Failure> {
        let no = site.tenant;
        let flows = files::flows(&self.dialplans, &self.library, &site)?;
        let site = Arc::new(site);
        let lanes = Arc::new(Lanes::default());
        lanes_by_tenant.write().expect(UNPOISONED).insert(no, Arc::clone(&lanes));
        let bindings =
            load_bindings(&self.site_store, no).map_err(|e| sites::store_failure(&self.settings.data, &e))?;
        let parts =
            Parts { site: Arc::clone(&site), flows: Arc::new(flows), interfaces: interfaces.to_vec(), bindings };
        let Before { open, alive, recordings } = before;
        let now = self.clock.now();
        let mut supplies = supplier.supplies(Rng::from_seed(rng.bytes()));
        supplier.refill(&mut supplies, Busy { contacts: open.contacts.len(), waiting: 0 });
        let mut machine = Tenant::new(parts, now, &mut supplies.rng);
        let why = Why::Start { alive, recordings, tokens: self.door.token_numbers(no) };
        machine.restore(&open, why, now, &mut supplies);
        let (tenant, commands) = self.door.open_tenant(no, &site.key, Arc::clone(&site));
        self.gate.set_tenant(Arc::clone(&site), Arc::clone(&lanes));
        let world = World {
            tenant: no,
            gate: Arc::clone(&self.gate),
            lanes: Arc::clone(&lanes),
            ports: Arc::clone(&supplier.ports),
            threads: Arc::clone(&self.threads),
            journal: Arc::clone(&self.journal),
            site: Arc::clone(&self.site_store),
            addresses: interfaces.iter().map(|i| (i.no, i.ip)).collect(),
        };
        let driver = TenantDriver {
            machine,
            supplies,
            supplier: supplier.clone(),
            lanes: Arc::clone(&lanes),
            commands,
            clock: Arc::clone(&self.clock),
            world,
            door: Arc::clone(&tenant),
            state: State::default(),
        };
        let task = tokio::spawn(driver.run());
        self.addresses.sites.push(Arc::clone(&site));
        self.tenants.push(Running { site, lanes, door: tenant, task });
        Ok(())
    }

    async fn serve_http(&mut self, api: Arc<Api>, connections: usize) -> Result<(), Failure> {
        let crowd = Crowd::new(connections);
        for http in &self.settings.http {
            let listener = tokio::net::TcpListener::bind(http.listen).await;
            let listener = listener.map_err(|error| {
                Failure::new(
                    format_args!("HTTP cannot listen on {}: {error}", http.listen),
                    "change `listen` of `[[http]]`",
                )
            })?;
            self.addresses.http.push(listener.local_addr().unwrap_or(http.listen));
            let (stop, stopped) = oneshot::channel::<()>();
            let (api, crowd) = (Arc::clone(&api), crowd.clone());
            let task = tokio::spawn(async move {
                crate::api::serve(listener, api, crowd, async {
                    // Either way the house is ending.
                    stopped.await.unwrap_or_default();
                })
                .await;
            });
            self.http.push((stop, task));
        }
        Ok(())
    }

    /// Runs until it was told to stop and has drained. `true`: it ended as it was told to; `false`: the disk ended it.
    pub async fn run(mut self, mut stop: mpsc::Receiver<()>) -> bool {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let mut drain_until = None;
        let mut as_told = true;
        loop {
            tokio::select! {
                _ = looks.tick() => {
                    self.look();
                    if let Some(limit) = drain_until && self.drained(limit) {
                        break;
                    }
                }
                Some(()) = stop.recv() => match drain_until {
                    None => drain_until = Some(self.drain()),
                    Some(_) => drain_until = Some(self.clock.t()),
                },
                Some(verdict) = self.verdicts.recv() => match verdict {
                    Verdict::House(order) => self.set_order(order),
                    Verdict::Alarm(alarm, text) => self.alarm(alarm, &text),
                    Verdict::DrainAndExit => {
                        as_told = false;
                        self.drain();
                        drain_until = Some(self.clock.t());
                    }
                },
                Some(()) = next_change(&mut self.changes) => self.reload_flows(),
                Some(asked) = self.site_asks.recv() => self.site_asked(asked).await,
            }
        }
        self.end().await;
        as_told
    }

    fn drain(&mut self) -> crate::base::Time {
        tracing::info!(contacts = self.contacts(), "draining: no new contacts, running ones go on");
        self.tell_all(Order::Draining);
        self.order = Order::Draining;
        self.clock.t() + self.settings.drain
    }

    fn drained(&mut self, limit: crate::base::Time) -> bool {
        let left = self.contacts();
        let contacts_left = u32::try_from(left).unwrap_or(u32::MAX);
        self.door.set_house(door::House::Draining { contacts_left });
        if left > 0 && self.clock.t() >= limit && self.order != Order::Ending {
            self.order = Order::Ending;
            self.tell_all(Order::Ending);
        }
        // Legs are counted until their sockets are closed and the recording is complete.
        left == 0 && self.legs() == 0
    }

    fn legs(&self) -> i64 {
        self.tenants.iter().map(|tenant| tenant.door.meters.legs.get()).sum()
    }

    fn contacts(&self) -> i64 {
        self.tenants.iter().map(|tenant| tenant.door.meters.contacts.get()).sum()
    }

    fn tell_all(&self, order: Order) {
        for tenant in &self.tenants {
            tenant.lanes.put(Input::House(order));
        }
    }

    /// What the disk allows; a drain is not taken back.
    fn set_order(&mut self, order: Order) {
        if matches!(self.order, Order::Draining | Order::Ending) {
            return;
        }
        self.order = order;
        self.tell_all(order);
        self.door.set_house(match order {
            Order::Open => door::House::Open,
            Order::Shed(ShedReason::Disk) => door::House::Shed { why: "disk" },
            Order::Shed(ShedReason::Journal) => door::House::Shed { why: "journal" },
            Order::Shed(ShedReason::Media) => door::House::Shed { why: "media" },
            Order::Shed(ShedReason::InternalError) => door::House::Shed { why: "internal-error" },
            Order::Draining | Order::Ending => return,
        });
    }

    /// Fills the meters and watches the wall clock.
    fn look(&mut self) {
        let now = self.clock.now();
        self.door.set_clock(now.t, now.wall);
        if let Some(step) = self.clock.wall_step() {
            self.alarm(AlarmKind::ClockStep, &format!("the wall clock was stepped by {} ms", step.as_millis()));
        }
        self.measure();
        let late = self.threads.status().any(|status| status.is_late);
        match (late, self.order) {
            (true, Order::Open) => self.set_order(Order::Shed(ShedReason::Media)),
            (false, Order::Shed(ShedReason::Media)) => self.set_order(Order::Open),
            _ => {}
        }
    }

    /// An alarm of the house itself stands in every tenant's journal.
    pub(super) fn alarm(&self, alarm: AlarmKind, text: &str) {
        let now = self.clock.now();
        for tenant in &self.tenants {
            let kind = Kind::Alarm { alarm, text: text.to_owned() };
            let (about, by) = (About::default(), By::SYSTEM);
            let event = Event { v: VERSION, t: now.t, at: now.wall, tenant: tenant.site.tenant, about, by, kind };
            self.journal.append(event, None);
        }
    }

    /// Contacts are over; then recorder, journal, projector, sessions, sockets.
    async fn end(self) {
        let Self {
            threads, recorder, clips, journal, projector, site_store, http, door, tenants, disk, pushes, ..
        } = self;
        // From here on a command is refused: accepted after the journal's end it would be forgotten. A task ends between
        // two steps, and what it appended until then is committed below.
        for task in tenants.into_iter().map(|tenant| tenant.task).chain([disk]).chain(pushes) {
            task.abort();
            if let Err(error) = task.await
                && error.is_panic()
            {
                tracing::error!(%error, "a task of the house ended by a panic");
            }
        }
        drop(door);
        let ended = tokio::task::spawn_blocking(move || {
            if let Ok(threads) = Arc::try_unwrap(threads) {
                threads.stop();
            }
            if !clips.stop() {
                tracing::error!("a thread that loads sounds had panicked");
            }
            if let Ok(recorder) = Arc::try_unwrap(recorder) {
                recorder.stop();
            }
            if let Err(lost) = journal.close() {
                tracing::error!(lost, "events could not be written");
            }
            projector.close();
            site_store.close();
        });
        if let Err(error) = ended.await {
            tracing::error!(%error, "the end was not orderly");
        }
        for (stop, task) in http {
            // A server that has ended by itself needs no word.
            if stop.send(()).is_ok()
                && let Err(error) = task.await
            {
                tracing::error!(%error, "an HTTP server ended by a panic");
            }
        }
    }
}

const UNPOISONED: &str = "no holder of this lock can panic";

async fn next_change(changes: &mut Option<Changes>) -> Option<()> {
    match changes {
        Some(changes) => changes.next().await,
        None => std::future::pending().await,
    }
}

/// What the disk and the journal's lateness mean is told from here on.
fn watch_disk(
    data: &Path,
    journal: &Arc<Journal>,
    recorder: &Arc<RecorderWriter>,
    clock: &Arc<Clock>,
    verdicts: mpsc::Sender<Verdict>,
    door: &Door,
) -> Result<JoinHandle<()>, Failure> {
    let alive = Alive::open(data).map_err(|error| {
        Failure::new(format_args!("`{}/alive` cannot be made: {error}", data.display()), "set `data` or `--data`")
    })?;
    let disk = DiskDriver {
        folder: data.to_owned(),
        journal: Arc::clone(journal),
        recorder: Arc::clone(recorder),
        clock: Arc::clone(clock),
        alive,
        supplies: Supplies { ids: IdBlock::new(0, 0, 0), ports: Ports::default(), rng: Rng::from_number(0) },
        verdicts,
        meters: Arc::clone(door.meters()),
    };
    Ok(tokio::spawn(disk.run()))
}

fn watch_dialplans(folder: &Path) -> Option<Changes> {
    match Changes::of(folder) {
        Ok(changes) => Some(changes),
        Err(error) => {
            tracing::warn!(%error, "dialplans are not watched; a change needs a restart");
            None
        }
    }
}

fn put(lanes: &LanesByTenant, tenant: TenantNo, input: Input) {
    if let Some(lanes) = lanes.read().expect(UNPOISONED).get(&tenant) {
        lanes.put(input);
    }
}

fn open_site_store(data: &Path, lanes: &LanesByTenant) -> Result<SiteStore, Failure> {
    let lanes = Arc::clone(lanes);
    sites::open_store(data, Box::new(move |tenant, answer| put(&lanes, tenant, Input::Store(answer))))
}

fn open_journal(data: &Path, recovered: &store::Recovered, lanes: &LanesByTenant) -> Result<Arc<Journal>, Failure> {
    let lanes = Arc::clone(lanes);
    let on_committed = Box::new(move |tenant, token| put(&lanes, tenant, Input::Committed { token }));
    Journal::open(&data.join("journal"), recovered.last_seq, recovered.opens.clone(), on_committed)
        .map(Arc::new)
        .map_err(|error| sites::store_failure(data, &error))
}

fn load_bindings(store: &SiteStore, tenant: TenantNo) -> Result<Vec<Binding>, store::StoreError> {
    let rows = store.load_bindings(tenant)?;
    // A row of another version is a phone that registers again.
    Ok(rows.iter().filter_map(|(_, _, json)| serde_json::from_str(json).ok()).collect())
}

async fn listen(settings: &Settings, gate: &Arc<Gate>) -> Result<(Vec<Interface>, Vec<(Wire, SocketAddr)>), Failure> {
    let (mut made, mut addresses) = (Vec::new(), Vec::new());
    for (index, (ip, public, local)) in interfaces(settings)?.into_iter().enumerate() {
        let no = InterfaceNo(u16::try_from(index).unwrap_or(u16::MAX));
        let mut interface = Interface { no, ip, public, local, udp: None, tcp_port: None };
        for listen in &settings.sip.listen {
            let address = SocketAddr::new(ip, listen.port);
            let failure = |error: std::io::Error| {
                let hint = "another program may use the port; change `listen` of `[sip]` or `bind` of `[[interface]]`";
                Failure::new(format_args!("SIP cannot listen on {address}: {error}"), hint)
            };
            match listen.wire {
                Wire::Udp => {
                    let socket = udp::bind(address).map_err(failure)?;
                    let link = gate.links.add_udp(Arc::clone(&socket));
                    interface.udp = Some((link, listen.port));
                    tokio::spawn(udp::read(socket, link, no, Arc::clone(gate)));
                }
                Wire::Tcp => {
                    let listener = tokio::net::TcpListener::bind(address).await.map_err(failure)?;
                    interface.tcp_port = Some(listen.port);
                    tokio::spawn(tcp::accept(listener, no, Arc::clone(gate)));
                }
            }
            addresses.push((listen.wire, address));
        }
        made.push(interface);
    }
    Ok((made, addresses))
}

fn port_pool(settings: &Settings, interfaces: &[Interface], shares: Shares) -> PortPool {
    let ports = settings.media.ports;
    let range = |i: &Interface| PortRange { interface: i.no, ip: i.ip, first: ports.first, last: ports.last };
    let pairs = interfaces.len() * (usize::from(ports.last - ports.first) + 1) / 2;
    PortPool::new(&interfaces.iter().map(range).collect::<Vec<_>>(), shares.of_media_pairs(pairs))
}

/// Speech and cuts of recordings for the media threads. That there is no voice is told as an alarm of the house.
fn start_clips(data: &Path, recordings: &Path, verdicts: mpsc::Sender<Verdict>) -> Result<ClipLoader, Failure> {
    let folder = data.join("speech");
    let failure = |error: std::io::Error| {
        Failure::new(format_args!("`{}` cannot be used: {error}", folder.display()), "check its permissions")
    };
    let (program, longest) = (Path::new(tts_child::PROGRAM), SPEECH_CHILD_MAX.to_std());
    let tts = Tts::open(program, &folder, SPEECH_CACHE_BYTES, longest).map_err(failure)?;
    let on_absent = move |error: &TtsError| {
        tracing::error!(%error, "text cannot be spoken");
        let alarm = Verdict::Alarm(AlarmKind::SpeechUnavailable, error.to_string());
        if verdicts.try_send(alarm).is_err() {
            tracing::error!("the alarm was not told: the house has too many");
        }
    };
    ClipLoader::start(tts, recordings.to_owned(), Box::new(on_absent)).map_err(failure)
}

#[expect(clippy::too_many_arguments, reason = "each is a different room's, and this is where they meet")]
fn start_media(
    settings: &Settings,
    recordings: &Path,
    library: &Arc<Library>,
    ports: &Arc<PortPool>,
    clock: &Arc<Clock>,
    lanes: &LanesByTenant,
    load: Load,
    rng: &mut Rng,
) -> Result<(Arc<MediaThreads>, Arc<RecorderWriter>), Failure> {
    let failure =
        |error: std::io::Error| Failure::new(format_args!("media threads cannot start: {error}"), "raise limits");
    let format = match settings.recording.format {
        RecordingFormat::Pcm16 => Format::Pcm16,
        RecordingFormat::Alaw => Format::Alaw,
    };
    let lanes = Arc::clone(lanes);
    let report = move |tenant: TenantNo, report: Report| put(&lanes, tenant, Input::Media(report));
    let recorder = RecorderWriter::start(recordings.to_owned(), format, report.clone()).map_err(failure)?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = (0..MediaThreads::count(cores)).map(|index| {
        let clock = Arc::clone(clock);
        ThreadSettings {
            name: format!("media-{index}"),
            engine: EngineSettings {
                library: Arc::clone(library),
                pool: recorder.pool().clone(),
                format,
                rng: Rng::from_seed(rng.bytes()),
                home: Home::default(),
            },
            ports: Arc::clone(ports),
            coalesce: settings.media.coalesce,
            clock: Arc::new(move || clock.now()),
            writer: recorder.sender(),
            load: Arc::clone(&load),
        }
    });
    let threads = MediaThreads::start(threads.collect::<Vec<_>>(), report).map_err(failure)?;
    Ok((Arc::new(threads), Arc::new(recorder)))
}
