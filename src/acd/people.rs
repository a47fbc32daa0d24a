//! Agents and their phones: signing in and out, wishes, reach, claims, and the deadlines of both.
//! Owns which verb is refused in which state. Leaves offers to `offers`, the sets to `settle`.

use super::agent::{Doing, Seat};
use super::offer::Lease;
use super::phone::Phone;
use super::words::{AgentVerb, ClaimRefused, Output, VerbRefused};
use super::{Acd, Owner, about_agent};
use crate::base::bounds::CALLS_PER_AGENT;
use crate::base::{AgentNo, ContactId, ExtensionNo, GroupNo, Now, OfferId, Supplies, Time};
use crate::event::words::{Actor, ItemExit, NotReadyReason, OfferEnding, Station, Wish};
use crate::event::{About, By, Kind};
use crate::site::StationPlan;

impl Acd {
    /// A command about an agent. Asking for what already is (ready twice) is granted and journals nothing.
    ///
    /// Not ready and sign-out end an offer that still rings: as `Rejected` when the agent asked himself, else as
    /// `Rescinded`; the agent is excluded from the item first. Once he has picked up, a wish is only remembered and
    /// sign-out is refused. Ready ends a wrap-up; sign-out too.
    pub fn agent(
        &mut self,
        agent: AgentNo,
        verb: AgentVerb,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), VerbRefused> {
        let t = now.t;
        if !self.agents.contains_key(&agent) {
            return Err(VerbRefused::UnknownAgent);
        }
        match verb {
            AgentVerb::SignIn { station } => self.sign_in(agent, station, by, t)?,
            AgentVerb::SignOut => self.ask_sign_out(agent, by, t)?,
            AgentVerb::Ready => self.ready(agent, by, t)?,
            AgentVerb::NotReady { reason } => {
                self.seat_of(agent)?;
                self.set_wish(agent, Wish::NotReady(reason), by, t);
                self.stop_ringing(agent, by, t);
            }
        }
        self.settle(t, supplies);
        Ok(())
    }

    /// A phone proved that it is there, or that it is not. Each proof may be told, not only changes: it ends a rest for
    /// silence. When it is lost, an offer the phone has not answered at all ends; one that rings goes on.
    pub fn reachable(&mut self, extension: ExtensionNo, there: bool, now: Now, supplies: &mut Supplies) {
        if !self.site.extensions.contains_key(&extension) {
            return;
        }
        let phone = self.phones.entry(extension).or_default();
        phone.prove(there);
        let holder = phone.holder;
        self.set_phone_deadline(extension);
        if let Some(no) = holder {
            self.sync_reach(no, if there { &By::PARTY } else { &By::SYSTEM }, now.t);
            if !there && let Some(offer) = self.ringing_offer(no).filter(|o| !self.rings_audibly(*o)) {
                self.rescind(offer, OfferEnding::Unreachable, &By::SYSTEM, now.t);
            }
        }
        self.settle(now.t, supplies);
    }

    /// Whether `claim_station` would be refused: 486.
    pub fn is_station_full(&self, extension: ExtensionNo) -> bool {
        let Some(phone) = self.phones.get(&extension) else { return false };
        let seat = phone.holder.and_then(|no| self.agents.get(&no)).and_then(|a| a.seat());
        phone.claims().len() >= CALLS_PER_AGENT || seat.is_some_and(Seat::is_full)
    }

    /// The phone dials, or is about to be dialled, and no offer made that call. Granted first, so no offer is made
    /// meanwhile; one that still rings has lost the race. Answers who is signed in there. Granted twice for one contact
    /// it is one claim. Refused: `CALLS_PER_AGENT` calls are there already.
    pub fn claim_station(
        &mut self,
        extension: ExtensionNo,
        contact: ContactId,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<Option<AgentNo>, ClaimRefused> {
        if !self.site.extensions.contains_key(&extension) {
            return Ok(None);
        }
        let phone = self.phones.entry(extension).or_default();
        let holder = phone.holder;
        let seat = holder.and_then(|no| self.agents.get(&no)).and_then(|a| a.seat());
        // An offer that still rings makes room before the claim is added.
        let rings = holder.and_then(|no| self.ringing_offer(no));
        if rings.is_none() && seat.is_some_and(|s| s.is_full() && s.doing(contact).is_none()) {
            return Err(ClaimRefused::Full);
        }
        if !self.phones.entry(extension).or_default().claim(contact) {
            return Err(ClaimRefused::Full);
        }
        if let Some(offer) = rings {
            self.rescind(offer, OfferEnding::LostRace, &By::PARTY, now.t);
        }
        if let Some(no) = holder {
            self.begin_dialing(no, contact, now.t);
        }
        self.settle(now.t, supplies);
        Ok(holder)
    }

    /// The call of a claim is over for this phone.
    pub fn release_station(&mut self, extension: ExtensionNo, contact: ContactId, now: Now, supplies: &mut Supplies) {
        let Some(phone) = self.phones.get_mut(&extension) else {
            self.late += 1;
            return;
        };
        if !phone.release(contact) {
            self.late += 1;
            return;
        }
        if let Some(no) = phone.holder {
            let doing = self.agents.get(&no).and_then(|a| a.seat()).and_then(|s| s.doing(contact));
            if doing == Some(Doing::Dialing) {
                self.end_work(no, contact, &By::PARTY, now.t);
            }
        }
        self.settle(now.t, supplies);
    }

    fn sign_in(&mut self, no: AgentNo, station: Option<Station>, by: &By, t: Time) -> Result<(), VerbRefused> {
        let agent = self.site.agents.get(&no).filter(|a| !a.retiring).ok_or(VerbRefused::Retiring)?;
        if self.seat_of(no).is_ok() {
            return Err(VerbRefused::AlreadySignedIn);
        }
        let station = station.unwrap_or(match agent.station {
            StationPlan::Extension(extension) => Station::Extension(extension),
        });
        let Station::Extension(extension) = station;
        let known = self.site.extensions.get(&extension).ok_or(VerbRefused::UnknownStation)?;
        if known.retiring {
            return Err(VerbRefused::Retiring);
        }
        if let Some(other) = self.phones.get(&extension).and_then(|p| p.holder) {
            return Err(VerbRefused::StationTaken(other));
        }
        let seat = Seat::new(station, self.site_groups(no), t);
        let (groups, wish) = (seat.group_numbers(), seat.wish);
        self.journal(about_agent(no), by, Kind::AgentSignedIn { station, groups });
        self.journal(about_agent(no), by, Kind::AgentWish { wish });
        self.take_seat(no, seat, t);
        Ok(())
    }

    /// The agent sits down: his groups count him, his phone is his, and what it is in already is his work.
    pub(super) fn take_seat(&mut self, no: AgentNo, seat: Seat, t: Time) {
        let extension = seat.extension();
        self.matcher.join(&seat.groups);
        let phone = self.phones.entry(extension).or_default();
        phone.holder = Some(no);
        let claims = phone.claims().to_vec();
        self.agents.get_mut(&no).expect("asked before").sign_in(seat);
        self.signed_in += 1;
        for contact in claims {
            self.begin_dialing(no, contact, t);
        }
        self.outputs.push_back(Output::Watch { extension, on: true });
        self.sync_reach(no, &By::SYSTEM, t);
        self.touched.insert(no);
    }

    fn ask_sign_out(&mut self, no: AgentNo, by: &By, t: Time) -> Result<(), VerbRefused> {
        let busy = self.seat_of(no)?.works().iter().any(|w| match w.doing {
            Doing::Talking(_) | Doing::Dialing => true,
            Doing::Offered(offer) => self.offers.get(&offer).is_some_and(|lease| !lease.rings()),
            Doing::WrapUp { .. } => false,
        });
        if busy {
            return Err(VerbRefused::Busy);
        }
        self.stop_ringing(no, by, t);
        self.sign_out(no, by, t);
        Ok(())
    }

    /// Whoever has nothing but wrap-ups left is signed out. Callers whom nobody signed in can take any more leave.
    pub(super) fn sign_out(&mut self, no: AgentNo, by: &By, t: Time) {
        self.end_wrap_ups(no, by, t);
        let Some(seat) = self.agents.get_mut(&no).and_then(|a| a.sign_out()) else {
            return;
        };
        self.signed_in -= 1;
        self.journal(about_agent(no), by, Kind::AgentSignedOut);
        let extension = seat.extension();
        if let Some(phone) = self.phones.get_mut(&extension) {
            phone.holder = None;
        }
        self.matcher.part(&seat.groups);
        self.outputs.push_back(Output::Watch { extension, on: false });
        self.touched.insert(no);
        for (group, _) in seat.groups {
            self.expel_hopeless(group, t);
        }
    }

    fn ready(&mut self, no: AgentNo, by: &By, t: Time) -> Result<(), VerbRefused> {
        self.seat_of(no)?;
        if self.site.agents.get(&no).is_none_or(|a| a.retiring) {
            return Err(VerbRefused::Retiring);
        }
        self.end_wrap_ups(no, by, t);
        self.set_wish(no, Wish::Ready, by, t);
        Ok(())
    }

    fn seat_of(&self, no: AgentNo) -> Result<&Seat, VerbRefused> {
        self.agents.get(&no).and_then(|a| a.seat()).ok_or(VerbRefused::NotSignedIn)
    }

    pub(super) fn set_wish(&mut self, no: AgentNo, wish: Wish, by: &By, t: Time) {
        let Some(agent) = self.agents.get_mut(&no) else {
            return;
        };
        if !agent.seat_mut().is_some_and(|seat| seat.set_wish(wish, t)) {
            return;
        }
        if wish == Wish::Ready {
            agent.idle_since = t;
        }
        self.touched.insert(no);
        self.journal(about_agent(no), by, Kind::AgentWish { wish });
    }

    /// The offer whose phone has not been picked up.
    fn ringing_offer(&self, no: AgentNo) -> Option<OfferId> {
        self.agents.get(&no)?.seat()?.works().iter().find_map(|w| match w.doing {
            Doing::Offered(offer) if self.offers.get(&offer).is_some_and(Lease::rings) => Some(offer),
            Doing::Offered(_) | Doing::Talking(_) | Doing::Dialing | Doing::WrapUp { .. } => None,
        })
    }

    fn rings_audibly(&self, offer: OfferId) -> bool {
        self.offers.get(&offer).is_some_and(Lease::alerts)
    }

    fn stop_ringing(&mut self, no: AgentNo, by: &By, t: Time) {
        if let Some(offer) = self.ringing_offer(no) {
            self.rescind(offer, declined(no, by), by, t);
        }
    }

    /// What the agent does for a contact from now on.
    pub(super) fn set_doing(&mut self, no: AgentNo, contact: ContactId, doing: Doing, about: About, by: &By, t: Time) {
        let Some(seat) = self.agents.get_mut(&no).and_then(|a| a.seat_mut()) else {
            return;
        };
        seat.set_doing(contact, doing, t);
        self.touched.insert(no);
        self.journal(about, by, Kind::AgentWork { role: doing.role(), until: doing.until() });
    }

    /// A phone's own call. What he does for the same contact already is not changed by it, except a wrap-up.
    fn begin_dialing(&mut self, no: AgentNo, contact: ContactId, t: Time) {
        let Ok(seat) = self.seat_of(no) else {
            return;
        };
        match seat.doing(contact) {
            Some(Doing::Offered(_) | Doing::Talking(_) | Doing::Dialing) => {}
            // Only wrap-ups that a restart kept can leave no room; the claim itself still counts at the phone.
            None if seat.is_full() => {}
            Some(Doing::WrapUp { .. }) | None => {
                let about = About { contact: Some(contact), agent: Some(no), ..About::default() };
                self.set_doing(no, contact, Doing::Dialing, about, &By::PARTY, t);
            }
        }
    }

    /// The end of any work but a mere offer starts the idle time anew.
    pub(super) fn end_work(&mut self, no: AgentNo, contact: ContactId, by: &By, t: Time) {
        let Some(agent) = self.agents.get_mut(&no) else {
            return;
        };
        let Some(doing) = agent.seat_mut().and_then(|s| s.end_work(contact)) else {
            return;
        };
        match doing {
            Doing::Offered(_) => {}
            Doing::Talking(_) | Doing::Dialing | Doing::WrapUp { .. } => agent.idle_since = t,
        }
        self.touched.insert(no);
        let about = About { contact: Some(contact), agent: Some(no), ..About::default() };
        self.journal(about, by, Kind::AgentWorkEnded { role: doing.role() });
    }

    fn end_wrap_ups(&mut self, no: AgentNo, by: &By, t: Time) {
        self.end_wrap_ups_until(no, Time(i64::MAX), by, t);
    }

    fn end_wrap_ups_until(&mut self, no: AgentNo, last: Time, by: &By, t: Time) {
        let Ok(seat) = self.seat_of(no) else {
            return;
        };
        let over = seat.works().iter().filter(|w| w.doing.until().is_some_and(|until| until <= last));
        let over: Vec<ContactId> = over.map(|w| w.contact).collect();
        for contact in over {
            self.end_work(no, contact, by, t);
        }
    }

    /// Callers of a group whom nobody signed in can ever take leave it.
    pub(super) fn expel_hopeless(&mut self, group: GroupNo, t: Time) {
        let hopeless = self.matcher.queue(group).map_or_else(Vec::new, |q| q.hopeless());
        for item in hopeless {
            self.leave(item, ItemExit::NoAgent, &By::SYSTEM, t);
        }
    }

    /// Somebody who was removed from the site has finished his work.
    pub(super) fn retire_if_idle(&mut self, no: AgentNo, t: Time) {
        if self.site.agents.get(&no).is_some_and(|a| !a.retiring) {
            return;
        }
        if self.seat_of(no).is_ok_and(|seat| seat.works().is_empty()) {
            self.sign_out(no, &By::SYSTEM, t);
        }
        if self.seat_of(no).is_err() && !self.site.agents.contains_key(&no) {
            self.agents.remove(&no);
        }
    }

    pub(super) fn phone_of(&mut self, no: AgentNo) -> Option<&mut Phone> {
        let extension = self.seat_of(no).ok()?.extension();
        self.phones.get_mut(&extension)
    }

    /// The agent's phone behaved so that it may have to rest.
    pub(super) fn rest(&mut self, no: AgentNo, t: Time, how: fn(&mut Phone, Time)) {
        let Some(phone) = self.phone_of(no) else {
            return;
        };
        how(phone, t);
        self.sync_phone(no);
        self.sync_reach(no, &By::SYSTEM, t);
    }

    pub(super) fn sync_phone(&mut self, no: AgentNo) {
        if let Ok(extension) = self.seat_of(no).map(Seat::extension) {
            self.set_phone_deadline(extension);
        }
        self.touched.insert(no);
    }

    fn set_phone_deadline(&mut self, extension: ExtensionNo) {
        self.agenda.set(Owner::Phone(extension), self.phones.get(&extension).and_then(Phone::deadline));
    }

    /// Tells when the agent can be reached or not any more. Who was made not ready by a restart returns with his phone.
    pub(super) fn sync_reach(&mut self, no: AgentNo, by: &By, t: Time) {
        self.touched.insert(no);
        let reachable = self.phone_of(no).is_some_and(|p| p.reachable());
        let Some(seat) = self.agents.get_mut(&no).and_then(|a| a.seat_mut()) else {
            return;
        };
        if seat.reachable == reachable {
            return;
        }
        seat.reachable = reachable;
        let returns = reachable && seat.wish == Wish::NotReady(NotReadyReason::Restart);
        self.journal(about_agent(no), by, Kind::AgentReachable { reachable });
        if returns {
            self.set_wish(no, Wish::Ready, &By::SYSTEM, t);
        }
    }

    pub(super) fn agent_due(&mut self, no: AgentNo, t: Time) {
        self.end_wrap_ups_until(no, t, &By::SYSTEM, t);
        if self.seat_of(no).is_ok_and(|seat| seat.rang_out_until().is_some_and(|until| until <= t)) {
            self.set_wish(no, Wish::Ready, &By::SYSTEM, t);
        }
        let next = self.agents.get(&no).and_then(|a| a.deadline());
        self.agenda.set(Owner::Agent(no), next);
    }

    /// A rest is over. After silence the phone has the benefit of the doubt: the next offer is the proof.
    pub(super) fn phone_due(&mut self, extension: ExtensionNo, t: Time) {
        let Some(phone) = self.phones.get_mut(&extension) else {
            self.agenda.set(Owner::Phone(extension), None);
            return;
        };
        phone.wake(t);
        let holder = phone.holder;
        self.set_phone_deadline(extension);
        if let Some(no) = holder {
            self.sync_reach(no, &By::SYSTEM, t);
        }
    }
}

/// How an offer ends that a change of state cut short: declined by the agent, or taken away from him.
fn declined(no: AgentNo, by: &By) -> OfferEnding {
    match by.actor {
        Actor::Agent(actor) if actor == no => OfferEnding::Rejected,
        Actor::Agent(_) | Actor::Integration(_) | Actor::Flow | Actor::Party | Actor::System => OfferEnding::Rescinded,
    }
}
