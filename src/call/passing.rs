//! Keys of one party that go to one other party and to nobody else, such as a customer's to the menu of a bank while an
//! agent is with them. Which keys they are is told to nobody: events and records have `x`.
//! Owns whose keys go to whom, an attribute of the leg where they are pressed, and when that is over. Leaves the keys'
//! packets to the engine, which keeps them, and how a key is said to a far end to `signal`.

use super::contact::{Contact, Context};
use super::leg::Leg;
use super::words::Refused;
use crate::base::LegId;
use crate::event::Kind;
use crate::event::words::By;

impl Leg {
    /// Its keys come apart from its voice: by telephone-event (RFC 4733), or by INFO, as one has shown. Tones in its sound
    /// (RFC 4733 §1 says in-band) would be heard by all.
    fn tells_keys(&self) -> bool {
        // Its own SDP names them: that we listen for them says nothing. Of who was answered without an offer it is known
        // with his ACK.
        let has_events = self.media.agreed().is_none_or(|a| a.telephone_event_send.is_some());
        has_events || self.pressed.came_by_info()
    }
}

impl Contact {
    pub fn may_pass_digits(&self, leg: LegId, to: Option<LegId>, on: bool) -> Result<(), Refused> {
        let from = self.leg(leg).filter(|l| l.is_live()).ok_or(Refused::UnknownLeg)?;
        match (on, from.passes_to, to) {
            (false, Some(_), None) => Ok(()),
            (false, Some(now), Some(to)) if now == to => Ok(()),
            (false, Some(_) | None, _) => Err(Refused::NothingToEnd),
            (true, Some(now), Some(to)) if now == to => Err(Refused::AlreadyDone),
            (true, _, None) => Err(Refused::UnknownLeg),
            (true, _, Some(to)) => {
                self.leg(to).filter(|l| l.is_live()).ok_or(Refused::UnknownLeg)?;
                self.can_pass(from, to)
            }
        }
    }

    fn can_pass(&self, from: &Leg, to: LegId) -> Result<(), Refused> {
        let talks = from.is_answered() && from.watches().is_none();
        if !talks || self.company(from.id).all(|l| l.id != to) {
            return Err(Refused::NotTalking);
        }
        if from.tells_keys() { Ok(()) } else { Err(Refused::KeysAreTones) }
    }

    pub fn pass_digits(&mut self, context: &mut Context, leg: LegId, to: Option<LegId>, by: By) {
        let Some(l) = self.leg_mut(leg) else { return };
        let before = std::mem::replace(&mut l.passes_to, to);
        if let Some((partner, on)) = to.map(|to| (to, true)).or(before.map(|before| (before, false))) {
            self.journal_leg(context, leg, by, Kind::LegPassesDigits { to: partner, on });
        }
    }

    /// The leg leaves: its keys are nobody's.
    pub fn passing_over(&mut self, context: &mut Context, leg: LegId) {
        self.pass_digits(context, leg, None, context.by.clone());
    }

    /// One of the two has left the other's call, or the keys come as tones from now on.
    pub fn end_idle_passing(&mut self, context: &mut Context) {
        let over = |l: &&Leg| l.passes_to.is_some_and(|to| self.can_pass(l, to).is_err());
        let over: Vec<LegId> = self.legs.iter().filter(over).map(|l| l.id).collect();
        for leg in over {
            self.passing_over(context, leg);
        }
    }

    /// Another leg of its party passes its keys on: what is told is told of that one.
    pub fn forget_passing(&mut self, leg: LegId) {
        self.leg_mut(leg).into_iter().for_each(|l| l.passes_to = None);
    }

    /// The two legs of one party become one: whoever passed keys to the old one passes them to the new one, and `inherited`
    /// is to whom the old one passed its own.
    pub fn passing_goes_on(&mut self, context: &mut Context, (old, new): (LegId, LegId), inherited: Option<LegId>) {
        let to_old = self.legs.iter().filter(|l| l.passes_to == Some(old)).map(|l| l.id);
        for leg in to_old.collect::<Vec<_>>() {
            self.pass_digits(context, leg, Some(new), By::SYSTEM);
        }
        if inherited.is_some() {
            self.pass_digits(context, new, inherited, By::SYSTEM);
        }
    }

    /// Somebody is in another's place: whose keys come to him is told anew.
    pub fn tell_passing(&self, context: &mut Context, to: LegId) {
        for from in self.legs.iter().filter(|l| l.passes_to == Some(to)) {
            self.journal(context, from.about(), By::SYSTEM, Kind::LegPassesDigits { to, on: true });
        }
    }
}
