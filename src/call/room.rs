//! Who hears what: the contact's one room, as rows from sink to source, its players and its recorder.
//! The rows follow from the contact's state by one function; what differs from what the engine was told is told.

use std::collections::BTreeMap;

use super::contact::{Contact, Context};
use super::leg::Leg;
use super::words::Tell;
use crate::base::{LegId, PlayerId, SegmentId, Time};
use crate::event::words::{By, SegmentEdge};
use crate::event::{About, Kind};
use crate::media::words::{Body, PlayerSpec, Source, Subject, TrackSpec};
use crate::switch::LegPhase;

/// The tone a caller hears while the other side rings (ITU-T E.180).
const RINGBACK: &str = "tones/ringback";

#[derive(Debug, Default)]
pub(super) struct Room {
    /// What the engine was told, by sink.
    rows: BTreeMap<LegId, Option<Source>>,
    /// What it was told of each leg.
    specs: BTreeMap<LegId, crate::media::words::LegSpec>,
    pub prompt: Option<PlayerId>,
    pub music: Option<PlayerId>,
    ringback: Option<PlayerId>,
    /// Music that one party hears while the other holds it.
    hold_music: Option<PlayerId>,
    /// Key of the music of the group waited for, or the last one.
    pub music_key: String,
    /// The segment of the main leg, minted with it; taken by the first recorded stretch without an agent.
    pub main_segment: Option<SegmentId>,
    pub recorder: Recorder,
}

/// The contact's recorder, from the first answer to the last end.
#[derive(Debug, Default)]
pub(super) enum Recorder {
    #[default]
    Off,
    On {
        file: String,
        origin: Time,
        told: (Option<Source>, Option<Source>),
        segment: Segment,
    },
    /// The engine was told to close it.
    Closing {
        origin: Time,
        until: Time,
    },
    Closed,
}

/// The stretch of the recording that runs now.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    id: SegmentId,
    from: Time,
    began: SegmentEdge,
    /// The other party's leg, and the ids of its offer.
    about: About,
}

impl Room {
    /// `music`: what a party hears whom another holds, until a group's own music is known.
    pub fn new(music: &str) -> Self {
        Self { music_key: music.to_owned(), ..Self::default() }
    }
}

impl Contact {
    /// Brings the engine's picture of the room to what the contact's state says.
    pub fn sync_room(&mut self, context: &mut Context) {
        self.sync_players(context);
        self.sync_legs(context);
        let rows: Vec<(LegId, Option<Source>)> =
            self.legs.iter().filter(|l| l.media.open && l.is_live()).map(|l| (l.id, self.heard_by(l))).collect();
        for (sink, source) in rows {
            if self.room.rows.get(&sink) != Some(&source) {
                self.room.rows.insert(sink, source);
                self.media(context, Body::SetRow { sink, sources: source.into_iter().collect() });
            }
        }
        self.sync_recorder(context);
    }

    /// The one rule of the room: what a leg's far end hears.
    fn heard_by(&self, leg: &Leg) -> Option<Source> {
        if Some(leg.id) == self.main {
            return self.heard_by_main();
        }
        if Some(leg.id) != self.peer {
            return None;
        }
        let main = self.main_leg()?;
        if main.held_since.is_some() {
            return self.room.hold_music.map(Source::Player);
        }
        Some(Source::Leg(main.id))
    }

    fn heard_by_main(&self) -> Option<Source> {
        if let Some(peer) = self.peer.and_then(|p| self.leg(p)) {
            if peer.held_since.is_some() {
                return self.room.hold_music.map(Source::Player);
            }
            return Some(Source::Leg(peer.id));
        }
        if let Some(player) = self.room.prompt.or(self.room.music) {
            return Some(Source::Player(player));
        }
        if let Some(early) = self.early_media() {
            return Some(Source::Leg(early));
        }
        self.room.ringback.map(Source::Player)
    }

    /// A dialled leg that sends sound before it answers.
    pub fn early_media(&self) -> Option<LegId> {
        let dialled = self.dialing.as_ref()?.leg?;
        self.leg(dialled).filter(|l| l.media.open && l.phase == LegPhase::Ringing).map(|l| l.id)
    }

    fn sync_legs(&mut self, context: &mut Context) {
        let specs: Vec<_> = self.legs.iter().filter(|l| l.is_live()).filter_map(Leg::spec).collect();
        for spec in specs {
            if self.room.specs.get(&spec.leg) == Some(&spec) {
                continue;
            }
            if let Some(leg) = self.leg_mut(spec.leg) {
                leg.media.open = true;
            }
            self.room.specs.insert(spec.leg, spec.clone());
            self.media(context, Body::SetLeg(spec));
        }
    }

    /// Players that the state asks for are made, others are closed.
    fn sync_players(&mut self, context: &mut Context) {
        let main_hears = self.main_leg().is_some_and(|l| l.is_answered());
        let alone = self.peer.is_none();
        let music = main_hears && alone && self.waiting.is_some();
        let ringback = main_hears && alone && self.dialing.is_some() && self.early_media().is_none();
        let held = |leg: Option<&Leg>| leg.is_some_and(|l| l.held_since.is_some());
        let hold = !alone && (held(self.main_leg()) || held(self.peer.and_then(|p| self.leg(p))));
        if !alone && self.room.prompt.is_some() {
            self.stop_prompt(context);
            self.tell(context, Tell::PlayEnded { missing: None });
        }
        let key = format!("music/{}", self.room.music_key);
        self.room.music = self.sync_player(context, self.room.music, music, &key, true);
        self.room.ringback = self.sync_player(context, self.room.ringback, ringback, RINGBACK, false);
        self.room.hold_music = self.sync_player(context, self.room.hold_music, hold, &key, true);
    }

    fn sync_player(
        &self,
        context: &mut Context,
        is: Option<PlayerId>,
        wanted: bool,
        sound: &str,
        is_music: bool,
    ) -> Option<PlayerId> {
        match (is, wanted) {
            (None, true) => {
                let player = PlayerId(context.count());
                let spec = PlayerSpec {
                    player,
                    sounds: vec![sound.to_owned()],
                    repeat: true,
                    is_music,
                    paused: false,
                    position: None,
                };
                self.media(context, Body::SetPlayer(spec));
                Some(player)
            }
            (Some(player), false) => {
                self.media(context, Body::Close(Subject::Player(player)));
                None
            }
            (is, _) => is,
        }
    }

    pub fn start_prompt(&mut self, context: &mut Context, sounds: Vec<String>) {
        self.stop_prompt(context);
        let player = PlayerId(context.count());
        self.room.prompt = Some(player);
        self.media(
            context,
            Body::SetPlayer(PlayerSpec {
                player,
                sounds,
                repeat: false,
                is_music: false,
                paused: false,
                position: None,
            }),
        );
    }

    pub fn stop_prompt(&mut self, context: &mut Context) {
        if let Some(player) = self.room.prompt.take() {
            self.media(context, Body::Close(Subject::Player(player)));
        }
    }

    pub fn player_ended(&mut self, context: &mut Context, player: PlayerId, missing: Option<String>) {
        if self.room.prompt == Some(player) {
            self.stop_prompt(context);
            self.tell(context, Tell::PlayEnded { missing });
        }
    }

    /// The leg's sockets are closed; a leg that never had any gives its ports back.
    pub fn close_media(&mut self, context: &mut Context, leg: LegId) {
        self.room.rows.remove(&leg);
        self.room.specs.remove(&leg);
        let Some(l) = self.leg_mut(leg) else { return };
        let open = l.media.open;
        let unused = l.media.take_unused_ports();
        for ports in unused {
            self.media(context, Body::ReturnPorts(ports));
        }
        if open {
            self.media(context, Body::Close(Subject::Leg(leg)));
        }
    }

    /// Left is the customer; without one it is whom the contact is about.
    fn left(&self) -> Option<LegId> {
        self.customer.or(self.main)
    }

    fn sync_recorder(&mut self, context: &mut Context) {
        if !self.record {
            return;
        }
        let Some(left) = self.left().filter(|&l| self.is_answered(l) && self.leg(l).is_some_and(|l| l.media.open))
        else {
            return;
        };
        let heard = self.room.rows.get(&left).copied().flatten();
        let right = heard.filter(|source| match source {
            Source::Leg(_) => true,
            Source::Player(player) => Some(*player) != self.room.music && Some(*player) != self.room.hold_music,
        });
        let tracks = (Some(Source::Leg(left)), right);
        let party = self.recorded_party(left);
        match &self.room.recorder {
            Recorder::Off => self.start_recorder(context, left, tracks, party),
            Recorder::On { told, segment, .. } => {
                let (tracks_changed, party_changed) = (*told != tracks, segment.about.leg != party.map(|(leg, _)| leg));
                if party_changed {
                    self.change_segment(context, party);
                }
                if tracks_changed {
                    self.tell_tracks(context, tracks);
                }
            }
            Recorder::Closing { .. } | Recorder::Closed => {}
        }
    }

    /// The leg that talks to the recorded one now, and the segment its offer minted.
    fn recorded_party(&self, left: LegId) -> Option<(LegId, Option<SegmentId>)> {
        let other = if Some(left) == self.main { self.peer } else { self.main.filter(|_| self.peer == Some(left)) };
        let leg = self.leg(other?)?;
        Some((leg.id, leg.offered.map(|o| o.segment)))
    }

    /// From the answer on, also where a late offer (RFC 3261 §13.2.1) lets sound flow only with the ACK.
    fn start_recorder(
        &mut self,
        context: &mut Context,
        left: LegId,
        tracks: (Option<Source>, Option<Source>),
        party: Option<(LegId, Option<SegmentId>)>,
    ) {
        let file = format!("{}/{}/{}.wav", context.tenant_key, context.now.wall.day(), self.id);
        let origin = self.leg(left).map_or(context.t(), |l| l.since);
        let segment = Segment { from: origin, ..self.open_segment(context, party, SegmentEdge::Answered) };
        self.journal_call(context, By::SYSTEM, Kind::RecordingStarted { file: file.clone() });
        self.room.recorder = Recorder::On { file, origin, told: (None, None), segment };
        self.tell_tracks(context, tracks);
    }

    fn tell_tracks(&mut self, context: &mut Context, tracks: (Option<Source>, Option<Source>)) {
        let recorder = self.id;
        let Recorder::On { file, origin, told, .. } = &mut self.room.recorder else { return };
        *told = tracks;
        let (left, right) = (tracks.0.into_iter().collect(), tracks.1.into_iter().collect());
        let spec = TrackSpec { recorder, file: file.clone(), origin: *origin, left, right };
        self.media(context, Body::SetTrack(spec));
    }

    fn open_segment(
        &mut self,
        context: &mut Context,
        party: Option<(LegId, Option<SegmentId>)>,
        began: SegmentEdge,
    ) -> Segment {
        let minted = match party {
            Some((_, segment)) => segment,
            None => self.room.main_segment.take(),
        };
        let id = minted.unwrap_or_else(|| SegmentId(context.supplies.ids.mint(context.now.t)));
        let about = party.and_then(|(leg, _)| self.leg(leg)).map(Leg::about).unwrap_or_default();
        Segment { id, from: context.t(), began, about: About { call: Some(self.call), ..about } }
    }

    fn change_segment(&mut self, context: &mut Context, party: Option<(LegId, Option<SegmentId>)>) {
        self.end_segment(context, SegmentEdge::PartyChanged);
        let next = self.open_segment(context, party, SegmentEdge::PartyChanged);
        if let Recorder::On { segment, .. } = &mut self.room.recorder {
            *segment = next;
        }
    }

    fn end_segment(&self, context: &mut Context, ended: SegmentEdge) {
        let Recorder::On { origin, segment, .. } = &self.room.recorder else { return };
        if context.t() == segment.from {
            return;
        }
        let kind = Kind::Segment {
            segment: segment.id,
            from: segment.from - *origin,
            to: context.t() - *origin,
            began: segment.began,
            ended,
        };
        self.journal(context, segment.about, By::SYSTEM, kind);
    }

    /// The recorded leg has ended: the file ends with it.
    pub fn stop_recorder(&mut self, context: &mut Context) {
        self.end_segment(context, SegmentEdge::Ended);
        if let Recorder::On { origin, .. } = self.room.recorder {
            self.room.recorder = Recorder::Closing { origin, until: context.t() };
            self.media(context, Body::Close(Subject::Recorder(self.id)));
        }
    }

    /// Everything that still plays is closed.
    pub fn close_players(&mut self, context: &mut Context) {
        let room = &mut self.room;
        let players = [room.prompt.take(), room.music.take(), room.ringback.take(), room.hold_music.take()];
        for player in players.into_iter().flatten() {
            self.media(context, Body::Close(Subject::Player(player)));
        }
    }
}
