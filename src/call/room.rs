//! Who hears what: the contact's one room, as rows from sink to sources, and its players.
//! The rows follow from the contact's state by one function (`hears`); what differs from what the engine was told is told.

use std::collections::BTreeMap;

use super::contact::{Contact, Context};
use super::hears::{Hears, Party, Scene, Sounds};
use super::leg::Leg;
use super::playback::Playback;
use super::recording::Recorder;
use super::standing::SILENCE;
use super::verbs::Announcement;
use super::words::{Audience, Tell};
use crate::base::{LegId, PlayerId, SegmentId, Span};
use crate::event::words::{By, Direction, LegRole};
use crate::media::words::{Body, Clip, PlayerSpec, Source, Subject};
use crate::switch::LegPhase;

/// The tone a caller hears while the other side rings (ITU-T E.180).
const RINGBACK: &str = "tones/ringback";

#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    /// What the engine was told, by sink.
    rows: BTreeMap<LegId, Vec<Source>>,
    /// What it was told of each leg.
    specs: BTreeMap<LegId, crate::media::words::LegSpec>,
    pub prompt: Option<PlayerId>,
    pub music: Option<PlayerId>,
    ringback: Option<PlayerId>,
    /// Music that one party hears while the other holds it.
    pub hold_music: Option<PlayerId>,
    /// What a leg at rest hears.
    silence: Option<PlayerId>,
    /// Key of the music of the group waited for, or the last one.
    pub music_key: String,
    /// The segment of the main leg, minted with it; taken by the first recorded stretch without an agent.
    pub main_segment: Option<SegmentId>,
    pub recorder: Recorder,
    /// The command that started it, and how long it may be.
    pub record_by: Option<(By, Option<Span>)>,
    /// The recording that the main party listens to.
    pub playback: Option<Box<Playback>>,
    /// What parties of a talk hear instead of each other.
    pub announcements: Vec<Announcement>,
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
        let scene = self.scene();
        let sinks = self.legs.iter().filter(|l| l.media.open && l.is_live()).map(|l| l.id);
        let rows: Vec<(LegId, Vec<Source>)> = sinks.map(|sink| (sink, self.sources(scene.hears(sink)))).collect();
        for (sink, sources) in rows {
            if self.room.rows.get(&sink) != Some(&sources) {
                self.room.rows.insert(sink, sources.clone());
                self.media(context, Body::SetRow { sink, sources });
            }
        }
        self.sync_recorder(context);
    }

    /// What the rule of the room looks at.
    pub fn scene(&self) -> Scene {
        let mut prompts: Vec<(LegId, PlayerId)> = self.main.zip(self.room.prompt).into_iter().collect();
        prompts.extend(self.played());
        for announcement in &self.room.announcements {
            let hears = |l: &Leg| match announcement.to {
                Audience::Leg(leg) => l.id == leg,
                Audience::Call(call) => l.call == call && l.is_answered(),
            };
            prompts.extend(self.live_legs().filter(|l| hears(l)).map(|l| (l.id, announcement.player)));
        }
        prompts.extend(self.rests().zip(self.room.silence));
        let waiting = self.main.filter(|_| self.waiting.is_some());
        let convenes = self.main.filter(|_| self.is_convened());
        Scene { parties: self.live_legs().map(party).collect(), prompts, waiting, main: self.main, convenes }
    }

    fn sources(&self, hears: Hears) -> Vec<Source> {
        let player = match hears {
            Hears::Nothing => None,
            Hears::Legs(legs) => return legs.into_iter().map(Source::Leg).collect(),
            Hears::Over(legs, beneath) => {
                return legs.into_iter().map(Source::Leg).chain(self.sources(*beneath)).collect();
            }
            Hears::Prompt(player) => Some(player),
            Hears::QueueMusic => self.room.music,
            Hears::RingBack => self.room.ringback,
            Hears::HoldMusic => self.room.hold_music,
        };
        player.into_iter().map(Source::Player).collect()
    }

    /// What this leg's far end hears now, as the engine was told.
    pub fn row(&self, sink: LegId) -> &[Source] {
        self.room.rows.get(&sink).map_or(&[], Vec::as_slice)
    }

    /// Players that the state asks for are made, others are closed.
    fn sync_players(&mut self, context: &mut Context) {
        if self.main_has_company() && self.room.prompt.is_some() {
            self.stop_prompt(context);
            self.tell(context, Tell::PlayEnded { missing: None });
        }
        let scene = self.scene();
        let heard: Vec<Hears> = scene.parties.iter().map(|p| scene.hears(p.leg)).collect();
        // The music goes on beneath what is played to somebody who waits.
        let music = self.main_leg().is_some_and(Leg::is_answered) && self.waiting.is_some() && !self.main_has_company();
        let key = format!("music/{}", self.room.music_key);
        let plays = |what| heard.iter().any(|hears| hears.includes(&what));
        let (ringback, hold) = (plays(Hears::RingBack), plays(Hears::HoldMusic));
        self.room.silence = self.sync_player(context, self.room.silence, self.rests().is_some(), SILENCE, false);
        self.room.music = self.sync_player(context, self.room.music, music, &key, true);
        self.room.ringback = self.sync_player(context, self.room.ringback, ringback, RINGBACK, false);
        self.room.hold_music = self.sync_player(context, self.room.hold_music, hold, &key, true);
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
                    sounds: vec![sound.into()],
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

    pub fn start_prompt(&mut self, context: &mut Context, sounds: Vec<Clip>) {
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
        if self.room.prompt == Some(player) && self.hears_tone() {
            self.stop_prompt(context);
            self.tone_over(context);
        } else if self.room.prompt == Some(player) {
            self.stop_prompt(context);
            self.tell(context, Tell::PlayEnded { missing });
        } else if self.played().is_some_and(|(_, played)| played == player) {
            self.playback_over(context, missing.is_some());
        } else {
            self.end_announcement(context, |a| a.player == player, missing);
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

    /// The leg is another contact's from now on: its sockets stay as they are.
    pub fn forget_in_room(&mut self, leg: LegId) {
        self.room.rows.remove(&leg);
        self.room.specs.remove(&leg);
    }

    /// Everything that still plays is closed.
    pub fn close_players(&mut self, context: &mut Context) {
        let room = &mut self.room;
        let music = [room.music.take(), room.ringback.take(), room.hold_music.take()];
        for player in [room.prompt.take(), room.silence.take()].into_iter().chain(music).flatten() {
            self.media(context, Body::Close(Subject::Player(player)));
        }
    }
}

fn party(leg: &Leg) -> Party {
    let sounds = match (leg.phase, leg.direction) {
        (LegPhase::Answered, _) if leg.is_confirming() => Sounds::Unconfirmed,
        (LegPhase::Answered, _) => Sounds::Answered,
        // A phone that an offer rings is nobody's ring-back: who waits hears music.
        (LegPhase::Calling | LegPhase::Ringing, Direction::Outbound) if leg.offered.is_none() => {
            if leg.media.open && leg.phase == LegPhase::Ringing { Sounds::Early } else { Sounds::Ringing }
        }
        (LegPhase::Calling | LegPhase::Ringing | LegPhase::Ended, _) => Sounds::Silent,
    };
    Party {
        leg: leg.id,
        call: leg.call,
        sounds,
        agent: leg.role == LegRole::Agent,
        held: leg.held_since.is_some(),
        away: leg.away_since.is_some(),
        muted_from: leg.muted_from,
        muted_to: leg.muted_to,
        watches: leg.watches().map(|s| (s.mode, s.target)),
    }
}
