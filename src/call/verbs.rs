//! What is done to parties of a talk: hold, mute, digits, announcements, further parties, the chair, the recording.
//! Whether a verb fits is said by `may`; here it does.

use super::contact::{Contact, Context};
use super::dial::Purpose;
use super::end::LegEnd;
use super::leg::Leg;
use super::words::{Audience, ChairLeaves, Does, Invite, RecordVerb, Tell};
use crate::base::{CallId, LegId, PlayerId};
use crate::event::words::{Actor, By, EndCause, LegRole, PartyRef, Side};
use crate::event::{About, Kind};
use crate::media::words::{Body, Clip, PlayerSpec, Subject};

/// The prompt below each language's sounds that tells of the key.
const CONFIRM_PROMPT: &str = "agent-confirm";

/// Sounds that parties of a talk hear instead of each other.
#[derive(Clone, Debug)]
pub(super) struct Announcement {
    pub player: PlayerId,
    pub to: Audience,
    by: By,
}

/// Whose doing a hold of ours is: one that is told of a party is its own far end's. A phone that transfers by REFER
/// frees those whom we hold, and holds them not itself.
fn ours(by: By) -> By {
    if by.actor == Actor::Party { By::SYSTEM } else { by }
}

impl Contact {
    pub fn hold(&mut self, context: &mut Context, leg: LegId, by: By) {
        let t = context.t();
        let Some(l) = self.leg_mut(leg) else { return };
        l.held_since = Some(t);
        self.journal_leg(context, leg, ours(by), Kind::LegHeld);
    }

    pub fn retrieve(&mut self, context: &mut Context, leg: LegId, by: By) {
        let held = self.leg_mut(leg).and_then(|l| l.held_since.take());
        if held.is_some() {
            self.journal_leg(context, leg, ours(by), Kind::LegRetrieved);
        }
    }

    /// Whoever is held in this call is held no longer: somebody new talks to them.
    pub fn retrieve_all(&mut self, context: &mut Context, call: CallId, by: &By) {
        let held: Vec<LegId> = self.talkers(call).filter(|l| l.held_since.is_some()).map(|l| l.id).collect();
        for leg in held {
            self.retrieve(context, leg, by.clone());
        }
    }

    /// Whoever talked to them has left, or somebody new comes: they are held and muted no longer.
    pub fn free_all(&mut self, context: &mut Context, call: CallId, by: &By) {
        self.retrieve_all(context, call, by);
        let muted: Vec<LegId> = self.talkers(call).filter(|l| l.muted_from || l.muted_to).map(|l| l.id).collect();
        for leg in muted {
            self.mute(context, leg, (false, false), by.clone());
        }
    }

    pub fn mute(&mut self, context: &mut Context, leg: LegId, (from, to): (bool, bool), by: By) {
        let Some(l) = self.leg_mut(leg) else { return };
        (l.muted_from, l.muted_to) = (from, to);
        self.journal_leg(context, leg, by, Kind::LegMuted { from, to });
    }

    pub fn send_digits(&mut self, context: &mut Context, leg: LegId, digits: String, by: By) {
        for digit in digits.chars() {
            self.pass_digit(context, leg, digit);
        }
        self.journal_leg(context, leg, by, Kind::DigitsSent { digits });
    }

    pub fn announce(&mut self, context: &mut Context, to: Audience, sounds: Vec<String>, by: By) {
        self.play_to(context, to, (sounds, false), by);
    }

    /// Whoever answered at an outside number hears, again and again, which key takes the call.
    pub fn ask_to_confirm(&mut self, context: &mut Context, leg: LegId) {
        let prompt = format!("{}/{CONFIRM_PROMPT}", self.language);
        self.play_to(context, Audience::Leg(leg), (vec![prompt], true), By::SYSTEM);
    }

    fn play_to(&mut self, context: &mut Context, to: Audience, (sounds, repeat): (Vec<String>, bool), by: By) {
        self.end_announcement(context, |a| a.to == to, None);
        let player = PlayerId(context.count());
        let spec = PlayerSpec {
            player,
            sounds: sounds.iter().map(|key| Clip::Library(key.clone())).collect(),
            repeat,
            is_music: false,
            paused: false,
            position: None,
        };
        self.media(context, Body::SetPlayer(spec));
        self.room.announcements.push(Announcement { player, to, by: by.clone() });
        self.journal(context, self.about_audience(to), by, Kind::Announced { sounds });
    }

    /// Ends the announcement that this is true of, if there is one.
    pub fn end_announcement(
        &mut self,
        context: &mut Context,
        is_it: impl Fn(&Announcement) -> bool,
        missing: Option<String>,
    ) {
        let Some(at) = self.room.announcements.iter().position(is_it) else { return };
        let Announcement { player, to, by } = self.room.announcements.remove(at);
        self.media(context, Body::Close(Subject::Player(player)));
        self.journal(context, self.about_audience(to), by, Kind::AnnouncementEnded { missing });
    }

    /// An announcement for a leg or call that is gone ends with it.
    pub fn end_unheard_announcements(&mut self, context: &mut Context) {
        let unheard = |contact: &Self, to: Audience| match to {
            Audience::Leg(leg) => !contact.leg(leg).is_some_and(Leg::is_up),
            Audience::Call(call) => contact.talkers(call).next().is_none(),
        };
        while let Some(to) = self.room.announcements.iter().map(|a| a.to).find(|to| unheard(self, *to)) {
            self.end_announcement(context, |a| a.to == to, None);
        }
    }

    fn about_audience(&self, to: Audience) -> About {
        match to {
            Audience::Leg(leg) => self.leg(leg).map(Leg::about).unwrap_or_default(),
            Audience::Call(call) => About { call: Some(call), ..About::default() },
        }
    }

    pub fn invite(&mut self, context: &mut Context, invite: Invite) {
        let Invite { inviter, chair_leaves, dial } = invite;
        let Some(call) = self.leg(inviter).map(|l| l.call) else { return };
        self.start_dial(context, dial, Purpose::Invite { inviter, chair_leaves }, call);
    }

    /// The dial to a further party is over; the others were never touched.
    pub fn invite_over(
        &mut self,
        context: &mut Context,
        (call, leg, by): (CallId, Option<LegId>, By),
        (inviter, chair_leaves): (LegId, ChairLeaves),
        cause: Option<EndCause>,
    ) {
        let about = match leg.filter(|_| cause.is_none()).and_then(|leg| self.leg(leg)) {
            Some(leg) => leg.about(),
            None => About { call: Some(call), ..About::default() },
        };
        self.journal(context, about, by, Kind::InviteEnded { cause });
        if cause.is_none() {
            self.take_chair(context, call, inviter, chair_leaves);
        }
    }

    /// The first to invite has the chair.
    pub fn take_chair(&mut self, context: &mut Context, call: CallId, leg: LegId, leaves: ChairLeaves) {
        let talks = self.talkers(call).any(|l| l.id == leg);
        let Some(call) = self.calls.iter_mut().find(|c| c.id == call && c.chair.is_none() && talks) else { return };
        call.chair = Some((leg, leaves));
        self.journal_leg(context, leg, By::SYSTEM, Kind::ChairTaken);
    }

    /// A command says who has it.
    pub fn hand_chair(&mut self, context: &mut Context, leg: LegId, by: By) {
        let call = self.leg(leg).map(|l| l.call);
        let Some(call) = self.calls.iter_mut().find(|c| Some(c.id) == call) else { return };
        let leaves = call.chair.map(|(_, leaves)| leaves).unwrap_or_default();
        call.chair = Some((leg, leaves));
        self.journal_leg(context, leg, by, Kind::ChairTaken);
    }

    /// A leg ended. The chair's: the conference goes on with the next one, or ends. Whoever gives the call away leaves it to
    /// the next one, whatever his leaving was to mean.
    pub fn chair_left(&mut self, context: &mut Context, leg: LegId, end: LegEnd) {
        self.convener_left(leg);
        let gives_away = self.transfer.as_ref().is_some_and(|transfer| transfer.transferor == leg);
        let Some(call) = self.calls.iter_mut().find(|c| c.chair.is_some_and(|(chair, _)| chair == leg)) else { return };
        let Some((id, (_, leaves))) = call.chair.take().map(|chair| (call.id, chair)) else { return };
        let leaves = if gives_away { ChairLeaves::PassOn } else { leaves };
        let left: Vec<(LegId, LegRole)> = self.talkers(id).map(|l| (l.id, l.role)).collect();
        let next = left.iter().find(|(_, role)| *role == LegRole::Agent).or(left.first());
        match (leaves, next) {
            (ChairLeaves::PassOn, Some((next, _))) if left.len() > 1 => self.take_chair(context, id, *next, leaves),
            (ChairLeaves::End, Some(_)) => {
                self.mark_ending(end);
                for (leg, _) in left {
                    self.release_leg(context, leg, EndCause::PeerLeft, end.side);
                }
            }
            (ChairLeaves::PassOn, _) | (ChairLeaves::End, None) => {}
        }
    }

    pub fn record_verb(&mut self, context: &mut Context, verb: RecordVerb, by: By) {
        match verb {
            RecordVerb::Start { length } => self.start_recording(length, by),
            RecordVerb::Stop => {
                self.stop_recorder(context, by, None);
                self.record = false;
            }
            RecordVerb::Pause => self.pause_recorder(context, by),
            RecordVerb::Resume => self.resume_recorder(context, by),
        }
    }

    /// Tells what each agent does who is connected or calls, and each phone that talks by itself, where it has changed.
    pub fn tell_agents(&mut self, context: &mut Context) {
        let now: Vec<(LegId, Does)> = self.live_legs().map(|l| (l.id, self.does(l))).collect();
        for (leg, does) in now {
            let by = context.by.clone();
            let Some(l) = self.leg_mut(leg).filter(|l| l.does != does) else { continue };
            let told = match (l.working(), l.party) {
                (Some(agent), _) => Tell::AgentDoes { agent, does, by },
                (None, PartyRef::Extension(extension)) if l.is_by_itself() => Tell::PhoneDoes { extension, does, by },
                (None, PartyRef::Extension(_) | PartyRef::Trunk(_)) => continue,
            };
            l.does = does;
            self.tell(context, told);
        }
    }

    fn does(&self, leg: &Leg) -> Does {
        if leg.call != self.main_call() {
            let alone = self.members(leg.call).nth(1).is_none();
            return if alone { Does::Holds } else { Does::Consults };
        }
        let (mut heard, mut held) = (0_u32, 0_u32);
        for other in self.company(leg.id) {
            let on_hold = other.held_since.is_some() || other.away_since.is_some();
            *(if on_hold { &mut held } else { &mut heard }) += 1;
        }
        match (heard, held) {
            _ if leg.held_since.is_some() || leg.away_since.is_some() => Does::Holds,
            (0, 1..) => Does::Holds,
            (2.., _) => Does::Confers,
            (0, 0) if self.is_convened() => Does::Confers,
            (0, 0) if (leg.caller.is_some() || leg.is_by_itself()) && !self.marks.talked => Does::Dials,
            (0 | 1, _) => Does::Talks,
        }
    }

    /// Whom nobody waits for any longer is not rung.
    pub fn end_orphaned_invites(&mut self, context: &mut Context) {
        while let Some((call, legs)) = self.orphaned_invite() {
            self.give_up_dials(context, |d| d.is_invite() && d.call == call && d.legs == legs);
            for leg in legs {
                self.release_leg(context, leg, EndCause::PeerLeft, Side::System);
            }
        }
    }
}
