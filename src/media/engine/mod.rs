//! The engine of one media thread. Owns its legs, players, recorders and who hears whom; a machine, but for the packet
//! path: a datagram comes in as `&mut [u8]` and leaves as a small verdict, without queue, lock or allocation.
//! In: [`Engine::on_datagram`], [`Engine::command`], [`Engine::tick`] at [`Engine::deadline`].
//! Out: verdicts, packets through `tick`'s sender, [`Output`]s by [`Engine::poll`] until `None`.

mod command;
mod hand;
mod leg;
mod mix;
mod packet;
mod slab;
#[cfg(test)]
mod tests;
mod tick;
mod wire;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use self::hand::Awaited;
pub use self::hand::{Home, Moving};
use self::leg::Leg;
use self::packet::Fan;
use self::slab::Slab;
use super::mixer::Mixer;
use super::player::Player;
use super::recorder::{Pool, Recorder, Write};
use super::rtcp::PeerReport;
use super::sound::Library;
use super::wav::Format;
use super::words::{Clip, Fact, Report, ReportBody, Source, Subject};
use crate::base::{Agenda, ContactId, LegId, Now, PlayerId, PortPair, Rng, Span, TenantNo, Time, Utc};
use crate::event::MediaCounts;

/// A leg's place in its engine; the driver knows its sockets by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

/// Which of a leg's two sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Rtp,
    Rtcp,
}

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Drop(Refusal),
    /// Send the first `length` bytes of the buffer, which were rewritten.
    Forward(Forward),
    Consume,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The leg whose RTP socket sends.
    pub to: Slot,
    pub address: SocketAddr,
    pub length: usize,
    /// Others may hear it too: send this one, then ask [`Engine::another`].
    pub more: bool,
}

/// Why a datagram is dropped. Counted in [`Counters`], in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    NoLeg,
    /// By its first byte it is STUN, DTLS or nothing we know.
    NotRtp,
    Malformed,
    /// The leg has no SDP yet, or we said that we do not listen.
    NotListening,
    /// The latch is open, but this source has not sent three consistent packets yet.
    Waiting,
    /// The latch is closed on another source.
    Latched,
    /// A payload type nobody agreed to.
    PayloadType,
}

impl Refusal {
    const COUNT: usize = 7;
}

/// What a collector reads. Plain fields of this engine, from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub packets: u64,
    pub forwarded: u64,
    /// Packets sent that held a sum.
    pub mixed: u64,
    /// Of sources of sums: packets that came after their place was played, and frames with a hole.
    pub mixed_late: u64,
    pub mixed_lost: u64,
    /// By [`Refusal`].
    pub dropped: [u64; Refusal::COUNT],
    pub facts_lost: u64,
    pub keys_lost: u64,
    /// Commands for legs that were to come from another thread and never did.
    pub hands_lost: u64,
    /// Commands older than what the engine had.
    pub outdated: u64,
    /// Recorded samples that came too late.
    pub late_samples: u64,
    /// Legs ended by our bug.
    pub abandoned: u64,
}

/// What an engine is built with.
#[derive(Debug)]
pub struct Settings {
    pub library: Arc<Library>,
    pub pool: Pool,
    pub format: Format,
    pub rng: Rng,
    /// Which contacts live here.
    pub home: Home,
}

#[derive(Debug)]
pub enum Output {
    Report(TenantNo, Report),
    /// The driver takes these sockets and gives what they receive to `slot`.
    Listen {
        slot: Slot,
        ports: PortPair,
    },
    /// The sockets are the driver's again.
    Release {
        slot: Slot,
        ports: PortPair,
    },
    Write(Write),
    /// A player waits for this sound; [`Engine::loaded`] brings it, or says that there is none.
    Load(Clip),
    /// A leg goes to the thread where its new contact lives, with the sockets of `slot`.
    Give {
        slot: Slot,
        moving: Moving,
    },
}

#[derive(Debug)]
pub struct Engine {
    library: Arc<Library>,
    pool: Pool,
    format: Format,
    rng: Rng,
    home: Home,
    legs: Slab<Box<Leg>>,
    leg_slots: BTreeMap<LegId, u32>,
    players: Slab<(TenantNo, ContactId, Player)>,
    player_slots: BTreeMap<(TenantNo, PlayerId), u32>,
    /// Players that wait for a sound to be loaded.
    loading: BTreeSet<u32>,
    recorders: Slab<Box<Recorder>>,
    mixers: Slab<Box<Mixer>>,
    rooms: BTreeMap<RoomKey, Room>,
    versions: BTreeMap<(TenantNo, Subject), u64>,
    /// Versions of closed subjects, by when they may be forgotten.
    closed: VecDeque<(Time, (TenantNo, Subject))>,
    /// Legs that other threads are to hand over.
    awaited: BTreeMap<(TenantNo, LegId), Awaited>,
    agenda: Agenda<Due>,
    outputs: VecDeque<Output>,
    /// Legs with facts to take.
    telling: Vec<u32>,
    /// Legs that still have to say BYE.
    closing: VecDeque<u32>,
    fan: Fan,
    /// Whom the engine works for: found here after a panic.
    working: Option<u32>,
    /// Wall clock minus house time, as of the last tick.
    wall_offset: i64,
    counters: Counters,
}

/// Tests: a packet with this SSRC stands for a bug of ours.
#[cfg(test)]
pub const POISON_SSRC: u32 = 0xDEAD_0666;

type RoomKey = (TenantNo, ContactId);

/// What a contact's commands made so far.
#[derive(Debug, Default)]
struct Room {
    legs: Vec<u32>,
    /// No row is empty.
    rows: BTreeMap<LegId, Vec<Source>>,
    players: Vec<PlayerId>,
    recorder: Option<u32>,
    /// While a row of it has several sources.
    mixer: Option<u32>,
}

impl Room {
    fn is_empty(&self) -> bool {
        self.legs.is_empty() && self.rows.is_empty() && self.players.is_empty() && self.recorder.is_none()
    }
}

/// Why the engine wakes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A sink's next packet from its player.
    Play(u32),
    /// A sink's next telephone-event.
    Key(u32),
    /// RTCP.
    Report(u32),
    Watch(u32),
    PlayerEnd(u32),
    Recorder(u32),
    /// The next frames of a room's sums.
    Mix(u32),
}

impl Engine {
    pub fn new(settings: Settings) -> Self {
        let Settings { library, pool, format, rng, home } = settings;
        Self {
            library,
            pool,
            format,
            rng,
            home,
            legs: Slab::default(),
            leg_slots: BTreeMap::new(),
            players: Slab::default(),
            player_slots: BTreeMap::new(),
            loading: BTreeSet::new(),
            recorders: Slab::default(),
            mixers: Slab::default(),
            rooms: BTreeMap::new(),
            versions: BTreeMap::new(),
            closed: VecDeque::new(),
            awaited: BTreeMap::new(),
            agenda: Agenda::default(),
            outputs: VecDeque::new(),
            telling: Vec::new(),
            closing: VecDeque::new(),
            fan: Fan::default(),
            working: None,
            wall_offset: 0,
            counters: Counters::default(),
        }
    }

    /// Sounds for players that start from now on.
    pub fn set_library(&mut self, library: Arc<Library>) {
        self.library = library;
    }

    pub fn counters(&self) -> Counters {
        self.counters
    }

    pub fn legs(&self) -> usize {
        self.leg_slots.len()
    }

    /// A leg's counters so far.
    pub fn counts(&self, leg: LegId) -> Option<MediaCounts> {
        self.leg_slots.get(&leg).and_then(|&slot| self.legs.get(slot)).map(|leg| leg.counts())
    }

    /// What the far end says about our sound, and the round trip.
    pub fn peer(&self, leg: LegId) -> Option<(PeerReport, Option<Span>)> {
        self.leg_slots.get(&leg).and_then(|&slot| self.legs.get(slot)).and_then(|leg| leg.peer)
    }

    /// When `tick` has something to do.
    pub fn deadline(&self) -> Option<Time> {
        if self.closing.is_empty() { self.agenda.next().map(|(at, _)| at) } else { Some(Time(i64::MIN)) }
    }

    /// The next thing to carry out; `None`: nothing is left.
    pub fn poll(&mut self) -> Option<Output> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        while let Some(&slot) = self.telling.last() {
            let fact =
                self.legs.get_mut(slot).and_then(|leg| leg.take_fact().map(|fact| (leg.tenant, report(leg, fact))));
            match fact {
                Some((tenant, report)) => return Some(Output::Report(tenant, report)),
                None => self.telling.pop(),
            };
        }
        None
    }

    /// After a panic: the leg that was worked on is gone, the others stay. `false`: it was nobody's work.
    pub fn abandon(&mut self, now: Time) -> bool {
        let Some(slot) = self.working.take() else { return false };
        self.counters.abandoned += 1;
        self.fan = Fan::default();
        self.agenda_clear(slot);
        self.close_leg(slot, now);
        self.closing.retain(|&closing| closing != slot);
        self.release(slot);
        true
    }

    /// After too many panics: all legs are gone.
    pub fn abandon_all(&mut self, now: Time) {
        for slot in self.legs.indexes().collect::<Vec<_>>() {
            self.working = Some(slot);
            self.abandon(now);
        }
    }

    fn tell(&mut self, slot: u32, fact: Fact) {
        let Some(leg) = self.legs.get_mut(slot) else { return };
        let lost_before = leg.facts_lost;
        if leg.tell(fact) {
            self.telling.push(slot);
        }
        self.counters.facts_lost += leg.facts_lost - lost_before;
    }

    fn report(&mut self, tenant: TenantNo, contact: ContactId, body: ReportBody) {
        self.outputs.push_back(Output::Report(tenant, Report { contact, body }));
    }

    /// What players said so far to a recorder's tracks.
    fn pull(&mut self, recorder: u32, tenant: TenantNo, now: Time) {
        let Some(recorder) = self.recorders.get_mut(recorder) else { return };
        let (slots, players) = (&self.player_slots, &self.players);
        recorder.pull(now, |player| {
            let slot = slots.get(&(tenant, player)).copied()?;
            players.get(slot).map(|(_, _, player)| player)
        });
    }

    fn remember_wall(&mut self, now: Now) {
        self.wall_offset = now.wall.0 - now.t.0;
    }

    fn wall(&self, t: Time) -> Utc {
        Utc(t.0 + self.wall_offset)
    }

    fn agenda_clear(&mut self, slot: u32) {
        for due in [Due::Play(slot), Due::Key(slot), Due::Report(slot), Due::Watch(slot)] {
            self.agenda.set(due, None);
        }
    }
}

fn report(leg: &Leg, fact: Fact) -> Report {
    Report { contact: leg.contact, body: ReportBody::Fact { leg: leg.spec.leg, fact } }
}
