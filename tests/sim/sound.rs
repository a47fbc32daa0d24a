//! The media engine reduced to what a tenant machine hears of it: first sound, digit, silence, player ended, closed.
//! Owns the state that commands set and what became of every pair of ports. Leaves when a far end sounds to `world`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use cordboard::base::{ContactId, InterfaceNo, LegId, PlayerId, PortPair, Ports, Span, Time};
use cordboard::media::words::{Body, Clip, Command, LegSpec, PlayerSpec, ReportBody, Source, Subject};

/// Every sound lasts so long.
pub const SOUND: Span = Span::seconds(2);

#[derive(Debug)]
pub struct Leg {
    pub contact: ContactId,
    pub spec: LegSpec,
    pub heard: bool,
    /// When the far end was heard last, or could have been first.
    pub last_sound: Time,
    /// Silence was told, and no sound came since.
    pub silent: bool,
}

#[derive(Debug, Default)]
pub struct Sound {
    pub legs: BTreeMap<LegId, Leg>,
    rows: BTreeMap<LegId, (Vec<Source>, Time)>,
    /// With the time at which it had played all.
    players: BTreeMap<PlayerId, (PlayerSpec, ContactId, Option<Time>)>,
    closed_players: BTreeMap<PlayerId, Time>,
    /// How much of each was left at the time, and when it will have played all.
    left: BTreeMap<PlayerId, (Span, Option<Time>)>,
    recorders: BTreeMap<ContactId, Time>,
    by_port: BTreeMap<u16, LegId>,
    last_version: u64,
    /// Pairs that were bound and are not closed again; those the machine may still hold.
    pub bound: BTreeSet<PortPair>,
    next_port: u16,
    pub closed: u64,
}

/// What a command leads to.
#[derive(Debug)]
pub enum Echo {
    Report(Span, ContactId, ReportBody),
    /// A leg's far end is to be listened to, until the leg is closed.
    Listen(LegId),
    PlayerEnds(ContactId, PlayerId),
}

impl Sound {
    /// The process died: sockets, players and files are gone. The lengths of the files that were open.
    pub fn crash(&mut self, t: Time) -> BTreeMap<ContactId, Span> {
        let recordings = self.recorders.iter().map(|(contact, origin)| (*contact, t - *origin)).collect();
        *self = Self { next_port: self.next_port, ..Self::default() };
        recordings
    }

    /// Bound pairs for the machine to take.
    pub fn refill(&mut self, ports: &mut Ports, interface: InterfaceNo, ip: std::net::IpAddr) {
        while ports.left(interface) < 16 {
            self.next_port =
                if self.next_port < 16_384 || self.next_port > 60_000 { 16_384 } else { self.next_port + 2 };
            let pair = PortPair { interface, ip, rtp: self.next_port };
            if self.bound.insert(pair) {
                ports.put(pair);
            }
        }
    }

    /// Pairs that are neither free nor given back. Zero at rest.
    pub fn held(&self, ports: &Ports, interface: InterfaceNo) -> usize {
        self.bound.len() - ports.left(interface)
    }

    fn give_back(&mut self, pair: PortPair) {
        assert!(self.bound.remove(&pair), "ports {pair:?} are closed or returned twice");
        self.closed += 1;
    }

    pub fn command(&mut self, command: Command, t: Time) -> Vec<Echo> {
        let Command { contact, version, body } = command;
        assert!(version > self.last_version, "media versions rise: {version} after {}", self.last_version);
        self.last_version = version;
        match body {
            Body::SetLeg(spec) => self.set_leg(contact, spec, t),
            Body::SetRow { sink, sources } => {
                self.rows.insert(sink, (sources, t));
                Vec::new()
            }
            Body::Hand { leg, to } => {
                let known = self.legs.get_mut(&leg).expect("a leg that is handed on is open");
                assert_eq!(known.contact, contact, "a leg is handed on by the contact that has it");
                known.contact = to;
                self.rows.remove(&leg);
                Vec::new()
            }
            Body::SetPlayer(spec) => self.set_player(contact, spec, t),
            Body::SetTrack(spec) => {
                let origin = self.recorders.entry(spec.recorder).or_insert(spec.origin);
                assert_eq!(*origin, spec.origin, "a recorder keeps its origin");
                Vec::new()
            }
            Body::Close(subject) => self.close(contact, subject, t),
            Body::ReturnPorts(pair) => {
                assert!(self.legs.values().all(|l| l.spec.ports != pair), "ports of an open leg are returned");
                self.give_back(pair);
                Vec::new()
            }
        }
    }

    /// Anew, or as it is to go on: paused, running, elsewhere.
    fn set_player(&mut self, contact: ContactId, spec: PlayerSpec, t: Time) -> Vec<Echo> {
        let (player, runs) = (spec.player, !spec.repeat && !spec.paused);
        let length: Span = spec.sounds.iter().map(length).fold(Span::ZERO, |sum, one| sum + one);
        let left = match (self.players.get(&player), spec.position) {
            (Some((before, ..)), at) if before.position.map(|(n, _)| n) == at.map(|(n, _)| n) => {
                assert_eq!(before.sounds, spec.sounds, "player {player} is set twice");
                let (left, ends) = self.left[&player];
                ends.map_or(left, |ends| ends - t)
            }
            (_, at) => length - at.map_or(Span::ZERO, |(_, at)| at),
        };
        let ends = runs.then_some(t + left);
        self.left.insert(player, (left, ends));
        self.players.insert(player, (spec, contact, None));
        if ends.is_some() { vec![Echo::PlayerEnds(contact, player)] } else { Vec::new() }
    }

    fn set_leg(&mut self, contact: ContactId, spec: LegSpec, t: Time) -> Vec<Echo> {
        assert!(self.bound.contains(&spec.ports), "leg {} uses ports that are not bound: {:?}", spec.leg, spec.ports);
        let leg = spec.leg;
        self.by_port.insert(spec.ports.rtp, leg);
        match self.legs.get_mut(&leg) {
            Some(known) => {
                assert_eq!(known.spec.ports, spec.ports, "a leg keeps its ports");
                known.spec = spec;
                Vec::new()
            }
            None => {
                self.legs.insert(leg, Leg { contact, spec, heard: false, last_sound: t, silent: false });
                vec![Echo::Listen(leg)]
            }
        }
    }

    fn close(&mut self, contact: ContactId, subject: Subject, t: Time) -> Vec<Echo> {
        match subject {
            Subject::Leg(leg) => {
                let closed = self.legs.remove(&leg).expect("a leg is closed once");
                self.rows.remove(&leg);
                self.by_port.remove(&closed.spec.ports.rtp);
                self.give_back(closed.spec.ports);
                let counts = cordboard::event::MediaCounts::default();
                vec![Echo::Report(Span::millis(5), contact, ReportBody::LegClosed { leg, counts })]
            }
            Subject::Row(sink) => {
                self.rows.remove(&sink);
                Vec::new()
            }
            Subject::Player(player) => {
                assert!(self.players.remove(&player).is_some(), "player {player} is closed twice");
                self.left.remove(&player);
                self.closed_players.insert(player, t);
                self.closed_players.retain(|_, at| t - *at < Span::minutes(1));
                Vec::new()
            }
            Subject::Recorder(recorder) => match self.recorders.remove(&recorder) {
                Some(origin) => {
                    let ended = ReportBody::RecordingEnded { recorder, length: t - origin, gap: None };
                    vec![Echo::Report(Span::millis(30), contact, ended)]
                }
                None => Vec::new(),
            },
            Subject::Ports(_) | Subject::Hand(_) => Vec::new(),
        }
    }

    /// What the machine had it open and has not closed.
    pub fn open(&self) -> Vec<(ContactId, Subject)> {
        let legs = self.legs.iter().map(|(leg, l)| (l.contact, Subject::Leg(*leg)));
        let players = self.players.iter().map(|(player, (_, of, _))| (*of, Subject::Player(*player)));
        let recorders = self.recorders.keys().map(|contact| (*contact, Subject::Recorder(*contact)));
        legs.chain(players).chain(recorders).collect()
    }

    /// It played to its end, unless it was closed before.
    pub fn player_ended(&mut self, player: PlayerId, t: Time) -> bool {
        let over = self.left.get(&player).is_some_and(|(_, ends)| ends.is_some_and(|ends| ends <= t));
        over && self.players.get_mut(&player).is_some_and(|(_, _, ended)| ended.replace(t).is_none())
    }

    /// How long it has to play, from when it was set last.
    pub fn player_length(&self, player: PlayerId) -> Span {
        self.left.get(&player).map_or(Span::ZERO, |(left, _)| *left)
    }

    /// A player of this contact that plays this sound has not come to its end.
    pub fn plays(&self, contact: ContactId, sound: &str) -> bool {
        let is_it = |spec: &PlayerSpec| spec.sounds.iter().any(|clip| *clip == Clip::from(sound));
        self.players.values().any(|(spec, of, ended)| *of == contact && ended.is_none() && is_it(spec))
    }

    /// What a leg's far end hears.
    pub fn row(&self, sink: LegId) -> &[Source] {
        self.rows.get(&sink).map_or(&[], |(sources, _)| sources)
    }

    pub fn player(&self, player: PlayerId) -> Option<&PlayerSpec> {
        self.players.get(&player).map(|(spec, _, _)| spec)
    }

    pub fn leg_at(&self, rtp: SocketAddr) -> Option<(LegId, &Leg)> {
        let leg = *self.by_port.get(&rtp.port())?;
        Some((leg, self.legs.get(&leg)?))
    }

    /// Since when this leg's far end hears nothing; `None`: somebody talks to it, or a player that has not run out.
    pub fn quiet_since(&self, sink: LegId) -> Option<Time> {
        let (sources, since) = self.rows.get(&sink)?;
        let quiet = |source: &Source| match source {
            Source::Leg(leg) if self.legs.contains_key(leg) => None,
            Source::Leg(_) => Some(*since),
            Source::Player(player) => match self.players.get(player) {
                Some((_, _, ended)) => *ended,
                None => Some(self.closed_players.get(player).copied().unwrap_or(*since)),
            },
        };
        sources.iter().try_fold(*since, |last, source| quiet(source).map(|at| at.max(last)))
    }

    pub fn is_at_rest(&self) -> bool {
        self.legs.is_empty() && self.players.is_empty() && self.recorders.is_empty()
    }
}

fn length(clip: &Clip) -> Span {
    match clip {
        Clip::Library(_) | Clip::Speech { .. } => SOUND,
        Clip::Recording { from, to, .. } => *to - *from,
    }
}
