//! What is recorded of a contact: one file, left the customer, right what people and flow say to him; and its segments.
//! The recorder hangs on the customer's leg: who else comes and goes changes segments only. What he does not hear (a
//! consult, a whisper) is not in it, and music is left out.

use super::contact::{Contact, Context, Timer};
use super::leg::Leg;
use crate::base::{LegId, PlayerId, SegmentId, Span, Time};
use crate::event::words::{By, EndCause, LegRole, SegmentEdge};
use crate::event::{About, Kind};
use crate::media::words::{Body, Source, Subject, TrackSpec};
use crate::switch::{RecordingPhase, RecordingState};

/// The contact's recorder, from the first answer to the last end.
#[derive(Clone, Debug, Default)]
pub(super) enum Recorder {
    #[default]
    Off,
    On {
        file: String,
        origin: Time,
        told: Tracks,
        /// When it began to be recorded, or paused.
        since: Time,
        /// None while it is paused.
        segment: Option<Segment>,
        /// When it ends by itself, and who wanted it so.
        limit: Option<(Time, By)>,
    },
    /// The engine was told to close it.
    Closing {
        origin: Time,
        until: Time,
        by: By,
        cause: Option<EndCause>,
    },
    Closed {
        until: Time,
    },
}

/// What the two tracks are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tracks {
    left: Vec<Source>,
    right: Vec<Source>,
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

impl Contact {
    /// Left is the customer; without one it is whom the contact is about.
    fn left(&self) -> Option<LegId> {
        self.customer.or(self.main)
    }

    /// One of ours who was called to be connected to somebody: there is nothing to record of him before that.
    fn is_called_first(&self, left: LegId) -> bool {
        self.two_way && self.customer != Some(left)
    }

    pub fn sync_recorder(&mut self, context: &mut Context) {
        if !self.record {
            return;
        }
        let Some(left) = self.left().filter(|&l| self.is_answered(l) && self.leg(l).is_some_and(|l| l.media.open))
        else {
            return;
        };
        if self.is_called_first(left) && !self.marks.talked {
            return;
        }
        let music = |player: PlayerId| Some(player) == self.room.music || Some(player) == self.room.hold_music;
        let mut right = self.row(left).to_vec();
        right.retain(|source| match source {
            // Of a call without a customer the agent may be the left one.
            Source::Leg(leg) => !self.leg(*leg).is_some_and(Leg::whispers),
            Source::Player(player) => !music(*player),
        });
        let tracks = Tracks { left: vec![Source::Leg(left)], right };
        let party = self.recorded_party(left);
        match &self.room.recorder {
            Recorder::Off => self.start_recorder(context, tracks, party),
            Recorder::On { told, segment: Some(segment), .. } => {
                let (tracks_changed, party_changed) = (*told != tracks, segment.about.leg != party);
                if party_changed {
                    self.change_segment(context, party);
                }
                if tracks_changed {
                    self.tell_tracks(context, tracks);
                }
            }
            Recorder::On { segment: None, .. } | Recorder::Closing { .. } | Recorder::Closed { .. } => {}
        }
    }

    /// The leg that the stretch is told of: who talks to the recorded one now, an agent before others.
    fn recorded_party(&self, left: LegId) -> Option<LegId> {
        let agent = self.company(left).find(|l| l.role == LegRole::Agent);
        agent.or_else(|| self.company(left).next()).map(|l| l.id)
    }

    /// A command starts it: from the customer's answer on, or from now.
    pub fn start_recording(&mut self, length: Option<Span>, by: By) {
        self.record = true;
        self.room.record_by = Some((by, length));
    }

    fn start_recorder(&mut self, context: &mut Context, tracks: Tracks, party: Option<LegId>) {
        let file = format!("{}/{}/{}.wav", context.tenant_key, context.now.wall.day(), self.id);
        // From the answer on, also where a late offer (RFC 3261 §13.2.1) lets sound flow only with the ACK. A command's
        // begins with the command.
        let (by, length) = self.room.record_by.take().unzip();
        let left = self.left().filter(|&left| by.is_none() && !self.is_called_first(left));
        let answered = left.and_then(|left| self.leg(left)).map(|l| l.since);
        let origin = answered.unwrap_or(context.t());
        let segment = Some(Segment { from: origin, ..self.open_segment(context, party, SegmentEdge::Answered) });
        let (by, until) = (by.unwrap_or(By::SYSTEM), length.flatten().map(|length| origin + length));
        self.journal_call(context, by.clone(), Kind::RecordingStarted { file: file.clone(), until });
        self.timers.set(Timer::Recording, until);
        let (limit, told, since) = (until.map(|until| (until, by)), Tracks::default(), context.t());
        self.room.recorder = Recorder::On { file, origin, told, since, segment, limit };
        self.tell_tracks(context, tracks);
    }

    /// The file goes on with silence, which belongs to no segment.
    pub fn pause_recorder(&mut self, context: &mut Context, by: By) {
        self.end_segment(context, SegmentEdge::Paused);
        if let Recorder::On { segment, since, .. } = &mut self.room.recorder {
            (*segment, *since) = (None, context.t());
        }
        self.tell_tracks(context, Tracks::default());
        self.journal_call(context, by, Kind::RecordingPaused);
    }

    /// What is heard now is told to the engine when the room is brought up to date.
    pub fn resume_recorder(&mut self, context: &mut Context, by: By) {
        let party = self.left().and_then(|left| self.recorded_party(left));
        let next = self.open_segment(context, party, SegmentEdge::Resumed);
        if let Recorder::On { segment, since, .. } = &mut self.room.recorder {
            (*segment, *since) = (Some(next), context.t());
        }
        self.journal_call(context, by, Kind::RecordingResumed);
    }

    fn tell_tracks(&mut self, context: &mut Context, tracks: Tracks) {
        let recorder = self.id;
        let Recorder::On { file, origin, told, .. } = &mut self.room.recorder else { return };
        let Tracks { left, right } = tracks.clone();
        *told = tracks;
        let spec = TrackSpec { recorder, file: file.clone(), origin: *origin, left, right };
        self.media(context, Body::SetTrack(spec));
    }

    /// What is asked for: none before it began.
    pub fn recording_state(&self) -> Option<RecordingState> {
        let (phase, since) = match &self.room.recorder {
            Recorder::Off => return None,
            Recorder::On { since, segment: Some(_), .. } => (RecordingPhase::On, *since),
            Recorder::On { since, segment: None, .. } => (RecordingPhase::Paused, *since),
            Recorder::Closing { until, .. } | Recorder::Closed { until } => (RecordingPhase::Over, *until),
        };
        Some(RecordingState { phase, since, until: self.record_limit().map(|(until, _)| until) })
    }

    /// The name that an offer or the main leg gave its segment is used once; who comes back gets a new one.
    fn open_segment(&mut self, context: &mut Context, party: Option<LegId>, began: SegmentEdge) -> Segment {
        let minted = match party.and_then(|leg| self.leg_mut(leg)) {
            Some(leg) => leg.offered.as_mut().and_then(|o| o.segment.take()),
            None => self.room.main_segment.take(),
        };
        let id = minted.unwrap_or_else(|| SegmentId(context.supplies.ids.mint(context.now.t)));
        let about = party.and_then(|leg| self.leg(leg)).map(Leg::about).unwrap_or_default();
        let about = About { call: Some(about.call.unwrap_or_else(|| self.main_call())), ..about };
        Segment { id, from: context.t(), began, about }
    }

    fn change_segment(&mut self, context: &mut Context, party: Option<LegId>) {
        self.end_segment(context, SegmentEdge::PartyChanged);
        let next = self.open_segment(context, party, SegmentEdge::PartyChanged);
        if let Recorder::On { segment, .. } = &mut self.room.recorder {
            *segment = Some(next);
        }
    }

    fn end_segment(&self, context: &mut Context, ended: SegmentEdge) {
        let Recorder::On { origin, segment: Some(segment), .. } = &self.room.recorder else { return };
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

    fn record_limit(&self) -> Option<(Time, By)> {
        if let Recorder::On { limit, .. } = &self.room.recorder { limit.clone() } else { None }
    }

    /// It is as long as the command wanted it, paused or not.
    pub fn recording_due(&mut self, context: &mut Context) {
        let Some((_, by)) = self.record_limit() else { return };
        self.stop_recorder(context, by, Some(EndCause::TooLong));
        self.record = false;
    }

    /// The recorded leg has ended, or a command, or for a cause: the file ends with it.
    pub fn stop_recorder(&mut self, context: &mut Context, by: By, cause: Option<EndCause>) {
        self.end_segment(context, SegmentEdge::Ended);
        if let Recorder::On { origin, .. } = self.room.recorder {
            self.timers.set(Timer::Recording, None);
            self.room.recorder = Recorder::Closing { origin, until: context.t(), by, cause };
            self.media(context, Body::Close(Subject::Recorder(self.id)));
        }
    }
}
