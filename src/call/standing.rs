//! An agent's leg that stays up between contacts, at rest at his station.
//! A leg at rest is in a contact of its own kind: nobody's matter, told of by its leg alone, in no record and no list.
//! So whatever a leg needs (dialling, SIP, sound, proof of life) is what every leg has. An act that wants the leg lends it
//! to its contact; when its part there is over it comes back (`LegRested`), and is never BYEd for that.

use std::collections::BTreeMap;

use super::Contacts;
use super::contact::{Contact, Context, PROBE_MAX, Timer};
use super::dial::{Part, Purpose};
use super::end::LegEnd;
use super::leg::Leg;
use super::negotiation::LegMedia;
use super::words::{Act, Attempt, Birth, Dial, Does, Output, Stand, Tell};
use crate::base::bounds::CONFIRM_MAX;
use crate::base::{AgentNo, ContactId, LegId, Now, Supplies};
use crate::event::words::{By, CallKind, EndCause, LegRole, PartyRef, Side};
use crate::event::{About, Kind};
use crate::media::words::{Body, Command, Subject};
use crate::sip::words::Act as Sip;
use crate::switch::LegPhase;
use crate::switch::code::sip_status;

/// What the far end hears before it hears the caller.
pub(super) const JOIN_TONE: &str = "tones/beep";
/// What it hears at rest, so that its stream goes on.
pub(super) const SILENCE: &str = "tones/silence";

/// What makes a contact the place where a leg rests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    agent: AgentNo,
    /// Its end was asked for by whoever is told of ends.
    dropped: bool,
}

/// What a step of a contact has to do with legs that rest elsewhere.
#[derive(Clone, Debug)]
pub(super) enum Passing {
    /// At rest until now: an act of this step may take it.
    Lent(Leg),
    /// Its part here is over.
    Homeward(Leg),
    /// It has ended here; where it belonged.
    Lost { home: ContactId, end: LegEnd },
}

/// Where a leg belongs that stays up between contacts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Home {
    pub contact: ContactId,
    pub agent: AgentNo,
    /// Whoever answered has to press 1 first.
    pub confirm: bool,
}

impl Standing {
    pub fn new(agent: AgentNo) -> Self {
        Self { agent, dropped: false }
    }
}

impl Act {
    /// The agent whose leg at rest it wants.
    fn line(&self) -> Option<AgentNo> {
        let attempt = if let Self::Ring(ring) = self {
            ring.attempts.first()
        } else if let Self::Supervise(supervise) = self {
            Some(&supervise.attempt)
        } else if let Self::PickUp { attempt, .. } = self {
            Some(&**attempt)
        } else if let Self::Dial(dial) = self {
            dial.attempts.first()
        } else {
            None
        };
        attempt?.line()
    }
}

impl Contacts {
    /// Rings an agent's station for a leg that stays up.
    pub fn stand(&mut self, stand: Stand, now: Now, supplies: &mut Supplies) {
        let Stand { contact, agent, attempts, confirm, ring, language, limits, by } = stand;
        let birth = Birth {
            contact,
            from: String::new(),
            to: String::new(),
            language,
            record: false,
            data: serde_json::Map::new(),
            limits,
            two_way: false,
            call_kind: CallKind::Internal,
            shown: None,
            standing: Some(agent),
            by: by.clone(),
        };
        self.lines.insert(agent, contact);
        self.born(birth, now, supplies);
        let dial = Dial { attempts: Attempt::by_phones(attempts), queue: None, ring, customer: false, by };
        self.with(contact, now, supplies, |contact, context| contact.stand(context, dial, confirm));
    }

    /// His station has a leg, is rung, or is in a contact.
    pub fn has_line(&self, agent: AgentNo) -> bool {
        self.lines.contains_key(&agent)
    }

    /// The leg at rest of this agent, whose far end sends.
    pub fn line(&self, agent: AgentNo) -> Option<LegId> {
        let standing = self.contacts.get(self.lines.get(&agent)?)?;
        standing.leg_at_rest()
    }

    /// Legs of permanent stations that are in no contact, ringing ones too: whose, and whether it was answered.
    pub fn legs_at_rest(&self) -> BTreeMap<LegId, (AgentNo, bool)> {
        let standing = self.lines.values().filter_map(|id| self.contacts.get(id)).flat_map(|c| c.live_legs());
        standing.filter_map(|l| Some((l.id, (l.agent()?, l.is_up())))).collect()
    }

    /// Agents whose station has a leg, is rung, or is in a contact.
    pub fn lines(&self) -> impl Iterator<Item = AgentNo> {
        self.lines.keys().copied()
    }

    /// His leg ends, or is rung no longer; nothing of it is told any more.
    pub fn drop_line(&mut self, agent: AgentNo, cause: EndCause, by: By, now: Now, supplies: &mut Supplies) {
        let Some(&id) = self.lines.get(&agent) else { return };
        self.with(id, now, supplies, |contact, context| {
            context.by = by;
            contact.drop_line(context, cause);
        });
    }

    /// Brings the leg that the act wants to where it wants it; one that it does not take goes back.
    pub(super) fn lend_line(&mut self, act: &Act, to: ContactId, now: Now, supplies: &mut Supplies) {
        let home = act.line().and_then(|agent| self.lines.get(&agent)).copied();
        let (Some(home), true) = (home, self.is_live(to)) else { return };
        let mut lent = None;
        self.with(home, now, supplies, |contact, context| lent = contact.lend_line(context, to));
        let (Some(leg), Some(contact)) = (lent, self.contacts.get_mut(&to)) else { return };
        self.by_leg.insert(leg.id, to);
        contact.passing.push(Passing::Lent(leg));
    }

    /// After a step of a contact: legs whose part in it is over are at rest again, and who lost his leg is told.
    pub(super) fn bring_home(&mut self, id: ContactId, now: Now, supplies: &mut Supplies) {
        let Some(contact) = self.contacts.get_mut(&id) else { return };
        for passing in std::mem::take(&mut contact.passing) {
            let leg = match passing {
                Passing::Lent(leg) | Passing::Homeward(leg) => leg,
                Passing::Lost { home, end } => {
                    self.with(home, now, supplies, |contact, context| contact.line_lost(context, end));
                    continue;
                }
            };
            let Some(home) = leg.home.map(|home| home.contact) else { continue };
            self.by_leg.insert(leg.id, home);
            if self.contacts.get(&home).is_none_or(|c| c.sealed) {
                self.end_stray(id, leg);
                continue;
            }
            self.hand_leg(id, home, leg.id);
            let (copy, panics) = (leg.clone(), self.panics);
            self.with(home, now, supplies, |contact, context| contact.take_home(context, leg));
            if self.panics > panics {
                self.end_stray(home, copy);
            }
        }
    }

    fn hand_leg(&mut self, from: ContactId, to: ContactId, leg: LegId) {
        self.counter += 1;
        let command = Command { contact: from, version: self.counter, body: Body::Hand { leg, to } };
        self.out.push_back(Output::Media(command));
    }

    /// Its station is nobody's any more.
    fn end_stray(&mut self, at: ContactId, leg: Leg) {
        let (id, cause) = (leg.id, EndCause::Released);
        self.by_leg.remove(&id);
        self.counter += 1;
        let command = Command { contact: at, version: self.counter, body: Body::Close(Subject::Leg(id)) };
        self.out.push_back(Output::Media(command));
        self.out.push_back(Output::Sip(Sip::End { leg: id, status: sip_status(cause), cause }));
        let about = About { leg: Some(id), agent: leg.home.map(|home| home.agent), ..About::default() };
        self.journal(about, By::SYSTEM, Kind::LegEnded { cause, side: Side::System, sip_status: None });
    }

    /// The place of a leg at rest is over with it.
    pub(super) fn forget_line(&mut self, id: ContactId) {
        let standing = self.contacts.get(&id).filter(|c| c.sealed).and_then(|c| c.standing);
        if let Some(agent) = standing.map(|s| s.agent).filter(|agent| self.lines.get(agent) == Some(&id)) {
            self.lines.remove(&agent);
        }
    }
}

/// What is told of a leg at rest: of the leg alone, and of no contact or call.
pub(super) fn told_at_rest(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::LegCreated { .. }
            | Kind::LegProgress { .. }
            | Kind::LegAnswered
            | Kind::LegDialog { .. }
            | Kind::MediaHeard
            | Kind::LegHeld
            | Kind::LegRetrieved
            | Kind::LegEnded { .. }
            | Kind::LegMedia { .. }
            | Kind::Alarm { .. }
    )
}

impl Contact {
    fn leg_at_rest(&self) -> Option<LegId> {
        self.standing?;
        self.legs.iter().find(|l| l.is_answered() && !l.probing).map(|l| l.id)
    }

    /// Whose leg rests here, once somebody is there to hear silence.
    pub fn rests(&self) -> Option<LegId> {
        self.standing?;
        self.legs.iter().find(|l| l.is_answered()).map(|l| l.id)
    }

    fn stand(&mut self, context: &mut Context, dial: Dial, confirm: bool) {
        let call = self.main_call();
        self.start_dial(context, dial, Purpose::Stand { confirm }, call);
        self.settle(context);
    }

    /// The leg that was rung for a station belongs there.
    pub fn at_home(&self, confirm: bool) -> Option<Home> {
        self.standing.map(|standing| Home { contact: self.id, agent: standing.agent, confirm })
    }

    /// His phone was picked up: by what may be a machine, or by himself.
    pub fn line_answered(&mut self, context: &mut Context, leg: LegId) {
        if self.leg(leg).is_some_and(Leg::is_confirming) {
            self.ask_to_confirm(context, leg);
            return self.await_dial_until(leg, context.t() + CONFIRM_MAX);
        }
        drop(self.take_dialing(leg));
        if let Some(standing) = self.standing {
            self.tell(context, Tell::LineUp { agent: standing.agent });
        }
    }

    fn drop_line(&mut self, context: &mut Context, cause: EndCause) {
        self.standing.iter_mut().for_each(|standing| standing.dropped = true);
        self.drop_dials(context);
        let legs: Vec<LegId> = self.live_legs().map(|l| l.id).collect();
        for leg in legs {
            self.release_leg(context, leg, cause, Side::System);
        }
        self.line_lost(context, LegEnd { cause, side: Side::System, status: None });
    }

    /// The leg of this station has ended, here or in a contact.
    fn line_lost(&mut self, context: &mut Context, end: LegEnd) {
        self.mark_ending(end);
        self.settle(context);
    }

    /// The last that is told of a station's leg.
    pub fn tell_line_down(&self, context: &mut Context, cause: EndCause) {
        if let Some(Standing { agent, dropped: false }) = self.standing {
            self.tell(context, Tell::LineDown { agent, cause });
        }
    }

    /// The leg leaves for a contact that wants it.
    fn lend_line(&mut self, context: &mut Context, to: ContactId) -> Option<Leg> {
        let leg = self.leg_at_rest()?;
        let at = self.legs.iter().position(|l| l.id == leg)?;
        self.media(context, Body::Hand { leg, to });
        self.forget_in_room(leg);
        let leg = self.legs.remove(at);
        self.timers.set(Timer::Probe, None);
        self.settle(context);
        Some(leg)
    }

    fn take_home(&mut self, context: &mut Context, leg: Leg) {
        #[cfg(test)]
        assert!(leg.remote != super::POISON_KEY, "poisoned by a test");
        self.legs.retain(|l| l.id != leg.id);
        // A probe that is out is waited for here: until its answer the leg is no way to anybody.
        if leg.probing {
            self.timers.start(Timer::Probe, context.t() + PROBE_MAX);
        }
        self.legs.push(Leg { call: self.main_call(), ..leg });
        self.settle(context);
    }

    fn take_lent(&mut self) -> Option<Leg> {
        let at = self.passing.iter().position(|passing| matches!(passing, Passing::Lent(_)))?;
        match self.passing.remove(at) {
            Passing::Lent(leg) => Some(leg),
            Passing::Homeward(_) | Passing::Lost { .. } => None,
        }
    }

    /// The lent leg is a part of this contact from here on, as one that has just answered.
    pub fn seat_lent(&mut self, context: &mut Context, part: Part) -> Result<LegId, EndCause> {
        let lent = self.take_lent().ok_or(EndCause::Unreachable)?;
        let id = lent.id;
        self.legs.retain(|l| l.id != id);
        let does = part.does();
        let Part { call, role, offered, caller, supervision } = part;
        let leg = Leg {
            call,
            role,
            phase: LegPhase::Answered,
            since: context.t(),
            offered,
            caller,
            supervision,
            progress: 0,
            // Its hold of this contact begins with it: no hold of before ends this call.
            away_since: lent.away_since.map(|_| context.t()),
            does,
            ..lent
        };
        self.open_lent(context, leg);
        Ok(id)
    }

    /// Whether the leg's part here can end without its end. Whatever else becomes of this contact is not its matter; what
    /// it loses itself is told by `lose_leg`, and by its own end.
    pub fn goes_home(&self, leg: LegId, cause: EndCause) -> bool {
        let gone = matches!(cause, EndCause::InternalError | EndCause::Crash | EndCause::Drained);
        let Some(l) = self.leg(leg).filter(|l| l.is_answered()) else { return false };
        !gone && l.home.is_some_and(|home| home.contact != self.id)
    }

    /// It goes as it came: what is left here is a leg that has ended.
    pub fn send_home(&mut self, leg: LegId) {
        let main = self.main_call();
        let Some(l) = self.leg_mut(leg) else { return };
        let (home, pressed) = (l.home.take(), std::mem::take(&mut l.pressed));
        let media = std::mem::replace(&mut l.media, LegMedia::new(Vec::new()));
        let going = Leg {
            call: main,
            role: LegRole::Agent,
            offered: None,
            caller: None,
            supervision: None,
            media,
            held_since: None,
            muted_from: false,
            muted_to: false,
            passes_to: None,
            does: Does::Talks,
            ways: Box::default(),
            pressed,
            home,
            ..l.clone()
        };
        self.forget_in_room(leg);
        self.passing.push(Passing::Homeward(going));
    }

    /// What a leg's end, or its part's, means to the place it belongs to.
    pub fn tell_home(&mut self, leg: LegId, end: LegEnd) {
        match self.leg(leg).and_then(|l| l.home).map(|home| home.contact) {
            Some(home) if home == self.id => self.mark_ending(end),
            Some(home) => self.passing.push(Passing::Lost { home, end }),
            None => {}
        }
    }

    /// That a phone is in a call that no offer made, or no longer.
    pub fn busy_tell(&self, leg: LegId, busy: bool) -> Option<Tell> {
        let l = self.leg(leg).filter(|l| l.offered.is_none() && self.standing.is_none())?;
        match (l.home, l.party) {
            (Some(home), PartyRef::Extension(at)) => Some(Tell::LineBusy { agent: home.agent, at: Some(at), busy }),
            (Some(home), PartyRef::Trunk(_)) => Some(Tell::LineBusy { agent: home.agent, at: None, busy }),
            (None, PartyRef::Extension(extension)) => Some(Tell::StationBusy { extension, busy }),
            (None, PartyRef::Trunk(_)) => None,
        }
    }
}
