//! A recording played to whoever listens: his own contact with a player for the other party.
//! Owns where the player stands, as far as it can be known here, and what its end means. Leaves loading and playing the
//! sound to the engine, who may listen to the API. In: acts, the player's end. Out: the player's state, `playback` events.

use super::contact::{Contact, Context};
use super::words::{PlaybackVerb, Recorded, Refused};
use crate::base::{LegId, PlayerId, Span, Time};
use crate::event::Kind;
use crate::event::words::{By, EndCause, PlaybackEnding, PlaybackStep, Side};
use crate::media::words::{Body, Clip, PlayerSpec, Subject};
use crate::switch::PlaybackState;

/// What is being played.
#[derive(Clone, Debug)]
pub(super) struct Playback {
    pub player: PlayerId,
    what: Recorded,
    /// Where it was at `since`, from the begin of what is played.
    at: Span,
    /// `None`: paused.
    since: Option<Time>,
    t: Time,
    /// How often it was moved.
    moves: u32,
}

impl Playback {
    /// Where it is now. The player begins when the sound is loaded, so this may be ahead of it by as much.
    fn position(&self, t: Time) -> Span {
        let run = self.since.map_or(Span::ZERO, |since| t - since);
        (self.at + run).clamp(Span::ZERO, self.what.length)
    }

    fn spec(&self) -> PlayerSpec {
        let Recorded { file, from, length, .. } = &self.what;
        let clip = Clip::Recording { file: file.clone(), from: *from, to: *from + *length };
        PlayerSpec {
            player: self.player,
            sounds: vec![clip],
            repeat: false,
            is_music: false,
            paused: self.since.is_none(),
            position: Some((self.moves, self.at)),
        }
    }

    fn told(&self, step: PlaybackStep, t: Time, ending: Option<PlaybackEnding>) -> Kind {
        let Recorded { of, segment, length, .. } = self.what;
        Kind::Playback { of, segment, step, place: self.position(t), length, ending }
    }

    pub fn state(&self) -> PlaybackState {
        let Recorded { of, segment, length, .. } = self.what;
        PlaybackState { of, segment, length, at: self.at, since: self.t, paused: self.since.is_none() }
    }
}

impl Contact {
    /// Whoever was rung has answered and listens.
    pub fn start_playback(&mut self, context: &mut Context, what: Recorded, start: Span, by: By) {
        let (player, t) = (PlayerId(context.count()), context.t());
        let at = start.min(what.length);
        let playback = Playback { player, what, at, since: Some(t), t, moves: 1 };
        self.media(context, Body::SetPlayer(playback.spec()));
        self.room.playback = Some(Box::new(playback));
        // He has what he was rung for; his contact is no call that nobody answered.
        (self.marks.taken, self.marks.talked) = (true, true);
        self.tell_playback(context, by, PlaybackStep::Started);
    }

    pub fn may_steer(&self, verb: PlaybackVerb) -> Result<(), Refused> {
        let Some(playback) = &self.room.playback else { return Err(Refused::NothingToEnd) };
        match (verb, playback.since) {
            (PlaybackVerb::Pause, None) => Err(Refused::AlreadyDone),
            (PlaybackVerb::Resume, Some(_)) => Err(Refused::NothingToEnd),
            (PlaybackVerb::Pause, Some(_)) | (PlaybackVerb::Resume, None) => Ok(()),
            (PlaybackVerb::SeekTo(_) | PlaybackVerb::SeekBy(_) | PlaybackVerb::Stop, _) => Ok(()),
        }
    }

    /// Places before the begin and behind the end are the begin and the end.
    pub fn steer_playback(&mut self, context: &mut Context, verb: PlaybackVerb, by: By) {
        let t = context.t();
        let Some(playback) = &mut self.room.playback else { return };
        let now = playback.position(t);
        let moved = |to: Span| to.clamp(Span::ZERO, playback.what.length);
        let (at, runs, step) = match verb {
            PlaybackVerb::Pause => (now, false, PlaybackStep::Paused),
            PlaybackVerb::Resume => (now, true, PlaybackStep::Resumed),
            PlaybackVerb::SeekTo(to) => (moved(to), playback.since.is_some(), PlaybackStep::Moved),
            PlaybackVerb::SeekBy(by) => {
                (moved(Span(now.0.saturating_add(by.0))), playback.since.is_some(), PlaybackStep::Moved)
            }
            PlaybackVerb::Stop => return self.end_playback(context, PlaybackEnding::Stopped, by),
        };
        (playback.at, playback.since, playback.t) = (at, runs.then_some(t), t);
        // A pause leaves the player where it is; it knows that better.
        if matches!(verb, PlaybackVerb::SeekTo(_) | PlaybackVerb::SeekBy(_)) {
            playback.moves += 1;
        }
        let spec = playback.spec();
        self.media(context, Body::SetPlayer(spec));
        self.tell_playback(context, by, step);
    }

    /// All was played, or its sound could not be had.
    pub fn playback_over(&mut self, context: &mut Context, missing: bool) {
        let ending = if missing { PlaybackEnding::Failed } else { PlaybackEnding::Played };
        self.end_playback(context, ending, By::SYSTEM);
    }

    /// Whoever listened is released.
    fn end_playback(&mut self, context: &mut Context, ending: PlaybackEnding, by: By) {
        self.close_playback(context, ending, by);
        let (cause, side) = match ending {
            PlaybackEnding::Stopped => (EndCause::Released, Side::Command),
            PlaybackEnding::Played | PlaybackEnding::Left => (EndCause::Released, Side::System),
            PlaybackEnding::Failed => (EndCause::NotFound, Side::System),
        };
        self.release_all(context, cause, side);
    }

    /// The contact is over, and what he listened to.
    pub fn drop_playback(&mut self, context: &mut Context) {
        self.close_playback(context, PlaybackEnding::Left, By::SYSTEM);
    }

    fn close_playback(&mut self, context: &mut Context, ending: PlaybackEnding, by: By) {
        let Some(playback) = self.room.playback.take() else { return };
        self.media(context, Body::Close(Subject::Player(playback.player)));
        let kind = playback.told(PlaybackStep::Ended, context.t(), Some(ending));
        self.journal_main(context, by, kind);
    }

    fn tell_playback(&self, context: &mut Context, by: By, step: PlaybackStep) {
        if let Some(kind) = self.room.playback.as_ref().map(|playback| playback.told(step, context.t(), None)) {
            self.journal_main(context, by, kind);
        }
    }

    /// Whom it is played to, and the player.
    pub fn played(&self) -> Option<(LegId, PlayerId)> {
        self.main.zip(self.room.playback.as_ref().map(|playback| playback.player))
    }

    fn journal_main(&self, context: &mut Context, by: By, kind: Kind) {
        let about = self.main_leg().map(super::leg::Leg::about).unwrap_or_default();
        self.journal(context, about, by, kind);
    }
}
