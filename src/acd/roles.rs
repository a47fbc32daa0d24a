//! How an agent is in his calls: on hold, consulting, in a conference, in somebody else's. The tenant tells it from what
//! the call room did.
//! Owns that nobody has two calls that are not on hold. Leaves the sound of it to the rooms.

use super::Acd;
use super::agent::Doing;
use super::people::about_work;
use super::phone::PhoneId;
use super::words::{How, RoleRefused};
use crate::base::bounds::CALLS_PER_AGENT;
use crate::base::{AgentNo, ContactId, ExtensionNo, GroupNo, Now, Supplies, Time};
use crate::event::words::{OfferEnding, Wish};
use crate::event::{About, By};

impl Acd {
    /// He is in somebody else's call from now on, or no longer.
    ///
    /// # Errors
    /// He is in this contact in another way, in another call that is not on hold, or in as many as he may; or signed out.
    pub fn monitoring(
        &mut self,
        agent: AgentNo,
        contact: ContactId,
        on: bool,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), RoleRefused> {
        let seat = self.seat_of(agent).map_err(|_| RoleRefused::NotHis)?;
        let (doing, full) = (seat.doing(contact), seat.is_full());
        match (doing, on) {
            (Some(Doing::Monitoring), true) => {}
            (Some(Doing::Monitoring), false) => self.end_work(agent, Some(contact), by, now.t),
            (None | Some(Doing::WrapUp { .. } | Doing::Call { offer: None, .. }), true) => {
                self.make_room(agent, Some(contact), by, now.t)?;
                if doing.is_none() && full {
                    return Err(RoleRefused::Full);
                }
                self.set_doing(agent, Doing::Monitoring, about_work(agent, Some(contact)), by, now.t);
            }
            (
                Some(Doing::Offered(_) | Doing::Call { .. } | Doing::Reserved { .. } | Doing::WrapUp { .. }) | None,
                _,
            ) => {
                return Err(RoleRefused::NotHis);
            }
        }
        self.settle(now.t, supplies);
        Ok(())
    }

    /// He goes with another agent from call to call from now on, or no longer. Between that one's calls too nobody is
    /// offered to him.
    ///
    /// # Errors
    /// He is in a call that is not on hold, or in as many as he may; or signed out.
    pub fn watching(
        &mut self,
        agent: AgentNo,
        on: bool,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), RoleRefused> {
        let seat = self.seat_of(agent).map_err(|_| RoleRefused::NotHis)?;
        let (aside, full) = (seat.work(None).map(|work| work.doing), seat.is_full());
        match (seat.goes_along(), on) {
            (true, true) => {}
            (true, false) => self.end_work(agent, None, by, now.t),
            (false, true) => {
                self.make_room(agent, None, by, now.t)?;
                if aside.is_none() && full {
                    return Err(RoleRefused::Full);
                }
                self.set_doing(agent, Doing::Monitoring, about_work(agent, None), by, now.t);
            }
            (false, false) => return Err(RoleRefused::NotHis),
        }
        self.settle(now.t, supplies);
        Ok(())
    }

    /// He was forced to sign out, and does when his calls are over.
    pub fn is_leaving(&self, agent: AgentNo) -> bool {
        self.seat_of(agent).is_ok_and(|seat| seat.wish == Wish::SignOut)
    }

    /// Whom he watched he talks to from now on, in their agent's place: there is no moment at which he would be free.
    /// `group`: on whose account.
    ///
    /// # Errors
    /// He does not watch this contact.
    pub fn takes_over(
        &mut self,
        agent: AgentNo,
        contact: ContactId,
        group: Option<GroupNo>,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), RoleRefused> {
        let doing = self.seat_of(agent).ok().and_then(|seat| seat.doing(contact));
        if doing != Some(Doing::Monitoring) {
            return Err(RoleRefused::NotHis);
        }
        let about = About { group, ..about_work(agent, Some(contact)) };
        self.set_doing(agent, Doing::Call { how: How::Talking, offer: None }, about, by, now.t);
        self.settle(now.t, supplies);
        Ok(())
    }

    /// Whether he may call somebody for this contact. What he wishes does not matter.
    ///
    /// # Errors
    /// He is signed out, in another call that is not on hold, or in as many as he may, or goes along with somebody.
    pub fn may_dial(&self, agent: AgentNo, contact: ContactId) -> Result<(), RoleRefused> {
        let seat = self.seat_of(agent).map_err(|_| RoleRefused::NotHis)?;
        let rings = self.ringing_offer(agent).is_some();
        if let Some(other) = self.other_talk(agent, Some(contact)) {
            return Err(RoleRefused::Talks(other));
        }
        if seat.goes_along() {
            return Err(RoleRefused::Watches);
        }
        let claims = self.phones.get(&seat.phone(agent)).map_or(0, |phone| phone.claims().len());
        if (seat.is_full() && !rings) || claims >= CALLS_PER_AGENT { Err(RoleRefused::Full) } else { Ok(()) }
    }

    /// He calls somebody for this contact from now on: granted before his station is rung, so nobody else rings it. An offer
    /// that rings has lost the race.
    ///
    /// # Errors
    /// As [`Self::may_dial`].
    pub fn dials(
        &mut self,
        agent: AgentNo,
        contact: ContactId,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), RoleRefused> {
        self.may_dial(agent, contact)?;
        self.make_room(agent, Some(contact), by, now.t)?;
        if let Some(phone) = self.phone_of(agent) {
            phone.claim(contact);
        }
        self.set_doing(agent, Doing::DIALING, about_work(agent, Some(contact)), by, now.t);
        self.settle(now.t, supplies);
        Ok(())
    }

    /// His station was never rung for it.
    pub fn dials_not(&mut self, agent: AgentNo, contact: ContactId, now: Now, supplies: &mut Supplies) {
        if let Some(phone) = self.phone_of(agent) {
            phone.release(contact);
        }
        self.end_work(agent, Some(contact), &By::SYSTEM, now.t);
        self.settle(now.t, supplies);
    }

    /// How he is in his call from now on. On hold, the next may be offered to him where his groups allow several; in
    /// every other way an offer that rings meanwhile has lost the race.
    ///
    /// # Errors
    /// He is in no call of this contact, or in another that is not on hold.
    pub fn takes_part(
        &mut self,
        agent: AgentNo,
        contact: ContactId,
        how: How,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), RoleRefused> {
        let doing = self.seat_of(agent).ok().and_then(|seat| seat.doing(contact));
        let Some(Doing::Call { how: was, offer }) = doing else { return Err(RoleRefused::NotHis) };
        if how != How::Held {
            self.make_room(agent, Some(contact), by, now.t)?;
        }
        if was != how {
            let about = About { offer, ..about_work(agent, Some(contact)) };
            self.set_doing(agent, Doing::Call { how, offer }, about, by, now.t);
        }
        self.settle(now.t, supplies);
        Ok(())
    }

    /// As [`Self::takes_part`], of a call that this phone made or took by itself: it has no offer. Who sits there is in it by
    /// an offer as well: that one says what he does.
    ///
    /// # Errors
    /// He is in another call that is not on hold.
    pub fn phone_takes_part(
        &mut self,
        extension: ExtensionNo,
        contact: ContactId,
        how: How,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), RoleRefused> {
        let holder = self.phones.get(&PhoneId::Extension(extension)).and_then(|phone| phone.holder);
        let doing = holder.and_then(|no| self.seat_of(no).ok()?.doing(contact));
        let (Some(agent), Some(Doing::Call { offer: None, .. })) = (holder, doing) else { return Ok(()) };
        self.takes_part(agent, contact, how, by, now, supplies)
    }

    /// In which other contact he talks, so that he cannot talk in this one.
    pub fn talks_elsewhere(&self, agent: AgentNo, contact: ContactId) -> Option<ContactId> {
        self.other_talk(agent, Some(contact))
    }

    /// No other call of his is off hold, and no offer rings.
    fn make_room(&mut self, agent: AgentNo, contact: Option<ContactId>, by: &By, t: Time) -> Result<(), RoleRefused> {
        if let Some(other) = self.other_talk(agent, contact) {
            return Err(RoleRefused::Talks(other));
        }
        if let Some(offer) = self.ringing_offer(agent) {
            self.rescind(offer, OfferEnding::LostRace, by, t);
        }
        Ok(())
    }

    /// Where else he talks.
    fn other_talk(&self, agent: AgentNo, contact: Option<ContactId>) -> Option<ContactId> {
        let seat = self.seat_of(agent).ok()?;
        let rings = self.ringing_offer(agent);
        // A leg that stays up is where he holds somebody.
        let permanent = seat.station.permanent().is_some();
        // An offer that was picked up is a talk already.
        let talks = |doing: Doing| match doing {
            Doing::Offered(offer) => rings != Some(offer),
            Doing::Call { .. } if permanent => true,
            Doing::Call { .. } | Doing::Monitoring | Doing::Reserved { .. } | Doing::WrapUp { .. } => doing.is_talk(),
        };
        // What he does for no contact is no talk: an agent whom he goes along with is in none.
        seat.works().iter().filter(|w| talks(w.doing)).find_map(|w| w.contact.filter(|_| w.contact != contact))
    }
}
