//! Whether a verb fits the contact as it is: asked before any effect, so a refused verb has none.

use super::Contacts;
use super::contact::Contact;
use super::leg::Leg;
use super::recording::Recorder;
use super::transfer::Phase;
use super::words::{Act, Audience, ConsultVerb, Does, RecordVerb, Refused};
use crate::base::bounds::{DIGITS_HELD, LEGS_PER_CONTACT};
use crate::base::{ContactId, LegId};
use crate::event::words::{Direction, LegRole};

impl Contacts {
    /// Whether `act` would do anything to this contact now.
    pub fn may(&self, id: ContactId, act: &Act) -> Result<(), Refused> {
        let contact = self.contacts.get(&id).filter(|c| c.is_open()).ok_or(Refused::UnknownContact)?;
        contact.may(act)
    }

    /// The legs that this act would bring back into a talk, whose agents must therefore talk nowhere else.
    pub fn would_talk(&self, id: ContactId, act: &Act) -> Vec<LegId> {
        self.contacts.get(&id).map(|contact| contact.would_talk(act)).unwrap_or_default()
    }
}

impl Contact {
    fn would_talk(&self, act: &Act) -> Vec<LegId> {
        let rests = |l: &&Leg| l.does == Does::Holds && l.is_answered();
        let legs: Vec<&Leg> = match act {
            Act::Retrieve { leg, by: _ } => {
                let free = |l: &Leg| l.id == *leg || l.is_off_hold();
                let hears = |l: &&Leg| free(l) && self.company(l.id).any(free);
                self.leg(*leg).into_iter().chain(self.company(*leg)).filter(rests).filter(hears).collect()
            }
            Act::Consult { transferor, verb, by: _ } => {
                let comes = |l: &&Leg| match verb {
                    ConsultVerb::Swap | ConsultVerb::Join => true,
                    ConsultVerb::Complete => l.id != *transferor,
                    ConsultVerb::Cancel => l.id == *transferor,
                };
                self.parties().filter(rests).filter(comes).filter(|l| l.is_off_hold()).collect()
            }
            Act::Answer
            | Act::Play { .. }
            | Act::StopPlay
            | Act::Wait { .. }
            | Act::WaitOver
            | Act::Ring(_)
            | Act::Unqueued { .. }
            | Act::Unring { .. }
            | Act::Dial(_)
            | Act::SetData { .. }
            | Act::Refuse { .. }
            | Act::NotConnected { .. }
            | Act::Hangup { .. }
            | Act::Hold { .. }
            | Act::Mute { .. }
            | Act::PickUp { .. }
            | Act::SendDigits { .. }
            | Act::PassDigits { .. }
            | Act::Announce { .. }
            | Act::StopAnnounce { .. }
            | Act::Invite(_)
            | Act::Transfer(_)
            | Act::StepOut { .. }
            | Act::Lend { .. }
            | Act::TakeOut { .. }
            | Act::ComeBack { .. }
            | Act::Record { .. }
            | Act::StartPlayback { .. }
            | Act::Playback { .. }
            | Act::Supervise(_)
            | Act::ChangeMode { .. }
            | Act::TakeOver { .. }
            | Act::TakeChair { .. }
            | Act::Convene { .. }
            | Act::LimitConference { .. }
            | Act::ExtendConference { .. }
            | Act::Unhold => Vec::new(),
        };
        legs.into_iter().map(|l| l.id).collect()
    }

    pub fn may(&self, act: &Act) -> Result<(), Refused> {
        match act {
            Act::Hold { leg, by: _ } => unless(self.talker(*leg)?.held_since.is_some(), Refused::AlreadyDone),
            Act::Retrieve { leg, by: _ } => unless(self.talker(*leg)?.held_since.is_none(), Refused::NothingToEnd),
            Act::Mute { leg, from, to, by: _ } => {
                let leg = self.talker(*leg)?;
                unless((leg.muted_from, leg.muted_to) == (*from, *to), Refused::AlreadyDone)
            }
            Act::PickUp { rung, .. } => {
                self.live(*rung)?;
                unless(!self.rings_directly(*rung), Refused::NotRinging)?;
                self.has_room()
            }
            Act::SendDigits { leg, digits, by: _ } => {
                self.talker(*leg)?;
                let keys = digits.chars().all(|c| matches!(c, '0'..='9' | '*' | '#' | 'A'..='D'));
                unless(!keys || digits.is_empty() || digits.len() > DIGITS_HELD, Refused::BadDigits)
            }
            Act::PassDigits { leg, to, on, by: _ } => self.may_pass_digits(*leg, *to, *on),
            Act::Announce { to, sounds: _, by: _ } => self.may_hear(*to),
            Act::StopAnnounce { to, by: _ } => {
                // What asks somebody to press 1 is no announcement.
                if let Audience::Leg(leg) = to {
                    self.talker(*leg)?;
                }
                let none = !self.room.announcements.iter().any(|a| a.to == *to);
                unless(none, Refused::NothingToEnd)
            }
            Act::Invite(invite) => self.may_invite(invite.inviter),
            Act::Convene { by: _ } => self.talker(self.main.ok_or(Refused::UnknownLeg)?).map(|_| ()),
            Act::LimitConference { .. } => Ok(()),
            Act::ExtendConference { length, by: _ } => self.may_extend(*length),
            Act::TakeChair { leg, by: _ } => {
                let talker = self.talker(*leg)?;
                let talks = talker.watches().is_none() && self.company(*leg).next().is_some();
                unless(!talks, Refused::NotTalking)?;
                unless(self.chair_of(talker.call) == Some(*leg), Refused::AlreadyDone)
            }
            Act::Transfer(transfer) => self.may_transfer(transfer.transferor),
            Act::StepOut { transferor, by: _ } | Act::Lend { transferor, by: _ } => {
                self.may_transfer(*transferor)?;
                let others_stay = self.company(*transferor).nth(1).is_some() || self.awaits_dial();
                unless(others_stay, Refused::InConference)
            }
            Act::TakeOut { by: _ } => self.may_take_out(),
            Act::Consult { transferor, verb, by: _ } => self.may_consult(*transferor, *verb),
            Act::Record { verb, by: _ } => self.may_record(*verb),
            Act::StartPlayback { .. } => unless(!self.main_leg().is_some_and(Leg::is_answered), Refused::NotTalking),
            Act::Playback { verb, by: _ } => self.may_steer(*verb),
            Act::Supervise(supervise) => {
                self.may_supervise(supervise.target, supervise.mode)?;
                self.has_room()
            }
            Act::ChangeMode { leg, mode, target, by: _ } => {
                let now = self.supervisor(*leg)?;
                let target = target.unwrap_or(now.target);
                unless((now.mode, now.target) == (*mode, target), Refused::AlreadyDone)?;
                self.may_supervise(target, *mode)
            }
            Act::TakeOver { leg, by: _ } => self.may_take_over(*leg),
            Act::Hangup { leg: Some(leg), .. } => self.live(*leg).map(|_| ()),
            Act::Answer
            | Act::Play { .. }
            | Act::StopPlay
            | Act::Wait { .. }
            | Act::WaitOver
            | Act::Ring(_)
            | Act::Unqueued { .. }
            | Act::Unring { .. }
            | Act::Dial(_)
            | Act::SetData { .. }
            | Act::Refuse { .. }
            | Act::NotConnected { .. }
            | Act::Hangup { leg: None, .. }
            | Act::ComeBack { .. }
            | Act::Unhold => Ok(()),
        }
    }

    fn may_invite(&self, inviter: LegId) -> Result<(), Refused> {
        let talker = self.talker(inviter)?;
        let watches = talker.watches().is_some();
        // What becomes of a consult is its transfer's to say.
        unless(talker.call != self.main_call(), Refused::TransferRuns)?;
        // Whom a flow or queue has is not alone in wanting the next one who comes.
        let alone = self.company(inviter).next().is_none() && !self.is_convened();
        unless(watches || alone || self.waiting.is_some(), Refused::NotTalking)?;
        self.has_room()?;
        self.has_seats(1)
    }

    fn live(&self, leg: LegId) -> Result<&Leg, Refused> {
        self.leg(leg).filter(|l| l.is_live()).ok_or(Refused::UnknownLeg)
    }

    fn talker(&self, leg: LegId) -> Result<&Leg, Refused> {
        self.live(leg).and_then(|l| if l.is_answered() { Ok(l) } else { Err(Refused::NotTalking) })
    }

    fn may_hear(&self, to: Audience) -> Result<(), Refused> {
        match to {
            Audience::Leg(leg) => self.talker(leg).map(|_| ()),
            Audience::Call(call) if self.calls.iter().all(|c| c.id != call) => Err(Refused::UnknownCall),
            Audience::Call(call) => unless(self.talkers(call).next().is_none(), Refused::NotTalking),
        }
    }

    fn has_room(&self) -> Result<(), Refused> {
        unless(self.live_legs().count() >= LEGS_PER_CONTACT, Refused::Full)
    }

    fn may_transfer(&self, transferor: LegId) -> Result<(), Refused> {
        let leg = self.talker(transferor)?;
        let gives = leg.role != LegRole::Customer && leg.watches().is_none();
        unless(leg.call != self.main_call() || !gives, Refused::NotTransferor)?;
        unless(self.transfer.is_some() || self.invites(), Refused::TransferRuns)?;
        // Until there was sound from an agent the queue has the caller still.
        let unheard = leg.offered.is_some_and(|offered| !offered.connected);
        unless(self.company(transferor).next().is_none() || unheard, Refused::NotTalking)?;
        self.has_room()
    }

    /// The main party is there, and only a flow or a queue has it.
    fn may_take_out(&self) -> Result<(), Refused> {
        unless(self.transfer.is_some(), Refused::TransferRuns)?;
        let there = |l: &Leg| l.is_live() && (l.is_answered() || l.direction == Direction::Inbound);
        let alone = self.main_leg().is_some_and(there) && !self.main_has_company();
        unless(!alone || !(self.flow_holds || self.waiting.is_some()), Refused::NotWithFlow)
    }

    fn may_consult(&self, transferor: LegId, verb: ConsultVerb) -> Result<(), Refused> {
        // Who gave his call away blindly is gone already and may still think better of it.
        let transfer = self.transfer.as_ref().ok_or(Refused::NothingToEnd)?;
        unless(transfer.transferor != transferor, Refused::NotTransferor)?;
        let fits = match verb {
            ConsultVerb::Complete => transfer.transferor_here,
            // Alone, the others go back to where they came from, if to anywhere.
            ConsultVerb::Cancel => transfer.transferor_here || self.flow_holds || transfer.group.is_some(),
            ConsultVerb::Swap => transfer.phase == Phase::Consulting,
            ConsultVerb::Join => matches!(transfer.phase, Phase::Consulting | Phase::Away) && !transfer.is_lending(),
        };
        unless(!fits, Refused::TransferNotThere)?;
        if verb == ConsultVerb::Join { self.has_seats(1) } else { Ok(()) }
    }

    fn may_record(&self, verb: RecordVerb) -> Result<(), Refused> {
        match (verb, &self.room.recorder) {
            (RecordVerb::Start { .. }, Recorder::Off) => unless(self.record, Refused::AlreadyDone),
            (RecordVerb::Start { .. }, Recorder::On { .. }) => Err(Refused::AlreadyDone),
            (RecordVerb::Start { .. }, Recorder::Closing { .. } | Recorder::Closed { .. }) => {
                Err(Refused::RecordingOver)
            }
            (RecordVerb::Pause, Recorder::On { segment: None, .. }) => Err(Refused::AlreadyDone),
            (RecordVerb::Resume, Recorder::On { segment: Some(_), .. }) => Err(Refused::NothingToEnd),
            (RecordVerb::Stop | RecordVerb::Pause | RecordVerb::Resume, Recorder::On { .. }) => Ok(()),
            (RecordVerb::Stop | RecordVerb::Pause | RecordVerb::Resume, _) => Err(Refused::NothingToEnd),
        }
    }
}

fn unless(bad: bool, refused: Refused) -> Result<(), Refused> {
    if bad { Err(refused) } else { Ok(()) }
}
