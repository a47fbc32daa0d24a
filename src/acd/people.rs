//! Agents and their phones: the verbs' way in, reach, claims, works, and the deadlines of both.
//! Leaves coming and going to `presence`, wishes to `wishes`, offers to `offers`, the sets to `settle`.

use super::agent::{Doing, Seat};
use super::offer::Lease;
use super::phone::{Phone, PhoneId};
use super::words::{AgentVerb, ClaimRefused, Output, VerbRefused};
use super::{Acd, Owner, about_agent};
use crate::base::bounds::CALLS_PER_AGENT;
use crate::base::{AgentNo, ContactId, ExtensionNo, Now, OfferId, Span, Supplies, Time};
use crate::event::words::{NotReadyReason, OfferEnding, Preferences, Wish};
use crate::event::{About, By, Kind};

impl Acd {
    /// A command about an agent. Asking for what already is (ready twice) is granted and journals nothing. `force` is why
    /// somebody forces it: journaled before what it does, when it is not refused.
    ///
    /// Not ready, rest, wrap-up and sign-out end an offer that still rings: as `Rejected` when it is the agent's own wish,
    /// forced as `Rescinded`; the agent is excluded from the item first. Once he has picked up, a wish is only remembered and
    /// sign-out is refused, or remembered when it is forced. Ready ends a wrap-up; sign-out too.
    pub fn agent(
        &mut self,
        agent: AgentNo,
        verb: AgentVerb,
        force: Option<&str>,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), VerbRefused> {
        if !self.agents.contains_key(&agent) {
            return Err(VerbRefused::UnknownAgent);
        }
        let word = verb.word();
        // What is told of it comes after who forced it; a verb that is refused tells nothing.
        let told = self.outputs.len();
        self.carry_out(agent, verb, force.is_some(), by, now.t)?;
        if let Some(why) = force {
            let kind = Kind::AgentForced { verb: word.to_owned(), why: why.to_owned() };
            let forced = Output::Journal { about: about_agent(agent), by: by.clone(), kind };
            self.outputs.insert(told, forced);
        }
        self.settle(now.t, supplies);
        Ok(())
    }

    fn carry_out(&mut self, no: AgentNo, verb: AgentVerb, forced: bool, by: &By, t: Time) -> Result<(), VerbRefused> {
        match verb {
            AgentVerb::SignIn { station, groups } => self.ask_sign_in(no, station, groups, forced, by, t),
            AgentVerb::SignOut => self.ask_sign_out(no, forced, by, t),
            AgentVerb::Groups { groups } => self.choose_groups(no, groups, by, t),
            AgentVerb::Ready => self.ready(no, forced, by, t),
            AgentVerb::NotReady { reason } => self.not_ready(no, reason, forced, by, t),
            AgentVerb::WrapUp { length } => self.enter_wrap_up(no, length, by, t),
            AgentVerb::ExtendWrapUp { by: more } => self.extend_wrap_up(no, more, by, t),
            AgentVerb::QuitWrapUp => self.quit_wrap_up(no, by, t),
            AgentVerb::Rest { reason, length } => self.ask_rest(no, reason, length, forced, by, t),
            AgentVerb::CancelRest => self.cancel_rest(no, by, t),
            AgentVerb::Reserve { length } => self.reserve(no, length, by, t),
            AgentVerb::Release => self.release(no, by, t),
            AgentVerb::Pick { contact } => self.pick(no, contact, by, t),
            AgentVerb::Prefer { preferences } => self.prefer(no, preferences, by),
            AgentVerb::Offer { offer, verb } => self.offer_verb(no, offer, verb, by, t),
            AgentVerb::Note { text } => {
                self.seat_of(no)?;
                self.journal(about_agent(no), by, Kind::AgentNote { text });
                Ok(())
            }
        }
    }

    /// What is not named stays as it is.
    fn prefer(&mut self, no: AgentNo, wanted: Preferences, by: &By) -> Result<(), VerbRefused> {
        let before = self.seat_of(no)?.preferences;
        let preferences = Preferences {
            after_call: wanted.after_call.or(before.after_call),
            auto_answer: wanted.auto_answer.or(before.auto_answer),
        };
        if let Some(seat) = self.agents.get_mut(&no).and_then(|a| a.seat_mut()).filter(|_| preferences != before) {
            seat.preferences = preferences;
            self.journal(about_agent(no), by, Kind::AgentPrefers { preferences });
        }
        Ok(())
    }

    /// A phone proved that it is there, or that it is not. Each proof may be told, not only changes: it ends a rest for
    /// silence. When it is lost, an offer the phone has not answered at all ends; one that rings goes on.
    pub fn reachable(&mut self, extension: ExtensionNo, there: bool, now: Now, supplies: &mut Supplies) {
        if !self.site.extensions.contains_key(&extension) {
            return;
        }
        let phone = self.phones.entry(PhoneId::Extension(extension)).or_default();
        let returns = there && !phone.proved;
        phone.prove(there);
        let holder = phone.holder;
        self.set_phone_deadline(PhoneId::Extension(extension));
        if let Some(no) = holder.filter(|_| returns) {
            self.ring_line_again(no);
        }
        if let Some(no) = holder {
            self.sync_reach(no, if there { &By::PARTY } else { &By::SYSTEM }, now.t);
            let line = self.phone_of(no).is_some_and(|phone| phone.line.is_some());
            if !there
                && !line
                && let Some(offer) = self.ringing_offer(no).filter(|o| !self.rings_audibly(*o))
            {
                self.rescind(offer, OfferEnding::Unreachable, &By::SYSTEM, now.t);
            }
        }
        self.settle(now.t, supplies);
    }

    /// Of who is signed in at this phone.
    pub fn holder_preferences(&self, extension: ExtensionNo) -> Preferences {
        let holder = self.phones.get(&PhoneId::Extension(extension)).and_then(|phone| phone.holder);
        holder.and_then(|no| self.seat_of(no).ok()).map(|seat| seat.preferences).unwrap_or_default()
    }

    /// Who is signed in at this phone.
    pub fn holder(&self, extension: ExtensionNo) -> Option<AgentNo> {
        self.phones.get(&PhoneId::Extension(extension))?.holder
    }

    /// Whether `claim_station` would be refused: 486.
    pub fn is_station_full(&self, extension: ExtensionNo) -> bool {
        let Some(phone) = self.phones.get(&PhoneId::Extension(extension)) else { return false };
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
        self.claim(PhoneId::Extension(extension), contact, now, supplies)
    }

    /// As [`Self::claim_station`], of the leg of an agent that stays up between calls.
    pub fn claim_line(
        &mut self,
        agent: AgentNo,
        contact: ContactId,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), ClaimRefused> {
        match self.seat_of(agent).map(|seat| seat.phone(agent)) {
            Ok(phone) => self.claim(phone, contact, now, supplies).map(drop),
            Err(_) => Ok(()),
        }
    }

    fn claim(
        &mut self,
        id: PhoneId,
        contact: ContactId,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<Option<AgentNo>, ClaimRefused> {
        let phone = self.phones.entry(id).or_default();
        let holder = phone.holder;
        let seat = holder.and_then(|no| self.agents.get(&no)).and_then(|a| a.seat());
        // An offer that still rings makes room before the claim is added.
        let rings = holder.and_then(|no| self.ringing_offer(no));
        if rings.is_none() && seat.is_some_and(|s| s.is_full() && s.doing(contact).is_none()) {
            return Err(ClaimRefused::Full);
        }
        if !self.phones.entry(id).or_default().claim(contact) {
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
        self.release_claim(PhoneId::Extension(extension), contact, now, supplies);
    }

    /// As [`Self::release_station`], of the leg of an agent that stays up between calls: `at` his phone, or outside. He may
    /// have been signed out by the end of that very call.
    pub fn release_line(
        &mut self,
        agent: AgentNo,
        at: Option<ExtensionNo>,
        contact: ContactId,
        now: Now,
        supplies: &mut Supplies,
    ) {
        self.release_claim(at.map_or(PhoneId::Outside(agent), PhoneId::Extension), contact, now, supplies);
    }

    fn release_claim(&mut self, id: PhoneId, contact: ContactId, now: Now, supplies: &mut Supplies) {
        let Some(phone) = self.phones.get_mut(&id) else {
            self.late += 1;
            return;
        };
        if !phone.release(contact) {
            self.late += 1;
            return;
        }
        if let Some(no) = phone.holder {
            match self.agents.get(&no).and_then(|a| a.seat()).and_then(|s| s.doing(contact)) {
                Some(Doing::Call { offer: None, .. } | Doing::Monitoring) => {
                    self.end_work(no, Some(contact), &By::PARTY, now.t);
                }
                Some(
                    Doing::Offered(_)
                    | Doing::Call { offer: Some(_), .. }
                    | Doing::Reserved { .. }
                    | Doing::WrapUp { .. },
                )
                | None => {}
            }
        }
        self.settle(now.t, supplies);
    }

    pub(super) fn seat_of(&self, no: AgentNo) -> Result<&Seat, VerbRefused> {
        self.agents.get(&no).and_then(|a| a.seat()).ok_or(VerbRefused::NotSignedIn)
    }

    /// What he wants from now on; a limit begins when he has no work.
    pub(super) fn set_wish(&mut self, no: AgentNo, wish: Wish, by: &By, t: Time) {
        let limit = self.limit_of(wish);
        self.set_limited_wish(no, wish, limit, by, t);
    }

    pub(super) fn set_limited_wish(&mut self, no: AgentNo, wish: Wish, limit: Option<Span>, by: &By, t: Time) {
        let Some(agent) = self.agents.get_mut(&no) else {
            return;
        };
        let Some(seat) = agent.seat_mut().filter(|seat| seat.wish != wish) else {
            return;
        };
        seat.set_wish(wish, limit, by, t);
        let (rests, until) = (seat.rests(), seat.until);
        if wish == Wish::Ready {
            agent.idle_since = t;
        }
        self.touched.insert(no);
        match rests {
            true => self.resting.insert(no),
            false => self.resting.remove(&no),
        };
        self.journal(about_agent(no), by, Kind::AgentWish { wish, limit, until });
    }

    /// A wish that waited for the end of his works begins to be kept.
    pub(super) fn begin_wish(&mut self, no: AgentNo, t: Time) {
        let Some(seat) = self.agents.get_mut(&no).and_then(|a| a.seat_mut()) else {
            return;
        };
        if seat.begin_wish(t) {
            let kind = Kind::AgentWish { wish: seat.wish, limit: seat.limit, until: seat.until };
            self.journal(about_agent(no), &By::SYSTEM, kind);
        }
    }

    /// The offer whose phone has not been picked up.
    pub(super) fn ringing_offer(&self, no: AgentNo) -> Option<OfferId> {
        self.agents.get(&no)?.seat()?.works().iter().find_map(|w| match w.doing {
            Doing::Offered(offer) if self.offers.get(&offer).is_some_and(Lease::rings) => Some(offer),
            Doing::Offered(_)
            | Doing::Call { .. }
            | Doing::Monitoring
            | Doing::Reserved { .. }
            | Doing::WrapUp { .. } => None,
        })
    }

    fn rings_audibly(&self, offer: OfferId) -> bool {
        self.offers.get(&offer).is_some_and(Lease::alerts)
    }

    pub(super) fn stop_ringing(&mut self, no: AgentNo, ending: OfferEnding, by: &By, t: Time) {
        if let Some(offer) = self.ringing_offer(no) {
            self.rescind(offer, ending, by, t);
        }
    }

    /// What the agent does from now on for the contact, if any, that `about` names.
    pub(super) fn set_doing(&mut self, no: AgentNo, doing: Doing, about: About, by: &By, t: Time) {
        let Some(seat) = self.agents.get_mut(&no).and_then(|a| a.seat_mut()) else {
            return;
        };
        seat.set_doing(about.contact, doing, t);
        self.touched.insert(no);
        self.journal(about, by, Kind::AgentWork { role: doing.role(), until: doing.until() });
    }

    /// A phone's own call. What he does for the same contact already is not changed by it, except a wrap-up.
    pub(super) fn begin_dialing(&mut self, no: AgentNo, contact: ContactId, t: Time) {
        let Ok(seat) = self.seat_of(no) else {
            return;
        };
        match seat.doing(contact) {
            Some(Doing::Offered(_) | Doing::Call { .. } | Doing::Monitoring | Doing::Reserved { .. }) => {}
            // Only wrap-ups that a restart kept can leave no room; the claim itself still counts at the phone.
            None if seat.is_full() => {}
            Some(Doing::WrapUp { .. }) | None => {
                self.set_doing(no, Doing::DIALING, about_work(no, Some(contact)), &By::PARTY, t);
            }
        }
    }

    /// The end of any work but an offer or a reservation starts the idle time anew; that of the last begins a wish that
    /// waited for it.
    pub(super) fn end_work(&mut self, no: AgentNo, contact: Option<ContactId>, by: &By, t: Time) {
        let Some(agent) = self.agents.get_mut(&no) else {
            return;
        };
        let Some(doing) = agent.seat_mut().and_then(|s| s.end_work(contact, t)) else {
            return;
        };
        match doing {
            Doing::Offered(_) | Doing::Reserved { .. } => {}
            Doing::Call { .. } | Doing::Monitoring | Doing::WrapUp { .. } => agent.idle_since = t,
        }
        self.touched.insert(no);
        self.journal(about_work(no, contact), by, Kind::AgentWorkEnded { role: doing.role() });
        self.begin_wish(no, t);
    }

    /// Ends those of his works that `over` names.
    pub(super) fn end_works(&mut self, no: AgentNo, by: &By, t: Time, over: impl Fn(Doing) -> bool) {
        let Ok(seat) = self.seat_of(no) else {
            return;
        };
        let over: Vec<Option<ContactId>> = seat.works().iter().filter(|w| over(w.doing)).map(|w| w.contact).collect();
        for contact in over {
            self.end_work(no, contact, by, t);
        }
    }

    pub(super) fn phone_of(&mut self, no: AgentNo) -> Option<&mut Phone> {
        let phone = self.seat_of(no).ok()?.phone(no);
        self.phones.get_mut(&phone)
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
        if let Ok(phone) = self.seat_of(no).map(|seat| seat.phone(no)) {
            self.set_phone_deadline(phone);
        }
        self.touched.insert(no);
    }

    pub(super) fn set_phone_deadline(&mut self, phone: PhoneId) {
        self.agenda.set(Owner::Phone(phone), self.phones.get(&phone).and_then(Phone::deadline));
    }

    /// Tells when the agent can be reached or not any more. Who was made not ready by a restart returns with his phone.
    pub(super) fn sync_reach(&mut self, no: AgentNo, by: &By, t: Time) {
        self.touched.insert(no);
        let (reachable, cause) = self.phone_of(no).map_or((false, None), |p| (p.reachable(), p.down()));
        let Some(seat) = self.agents.get_mut(&no).and_then(|a| a.seat_mut()) else {
            return;
        };
        if seat.reachable == reachable {
            return;
        }
        seat.reachable = reachable;
        let cause = cause.filter(|_| !reachable);
        let returns = reachable && seat.wish == Wish::NotReady(NotReadyReason::Restart);
        self.journal(about_agent(no), by, Kind::AgentReachable { reachable, cause });
        if returns {
            self.set_wish(no, Wish::Ready, &By::SYSTEM, t);
        }
    }

    pub(super) fn agent_due(&mut self, no: AgentNo, t: Time) {
        self.end_works(no, &By::SYSTEM, t, |doing| doing.until().is_some_and(|until| until <= t));
        self.wish_due(no, t);
        let next = self.agents.get(&no).and_then(|a| a.deadline());
        self.agenda.set(Owner::Agent(no), next);
    }

    /// A rest is over. After silence the phone has the benefit of the doubt: the next offer is the proof.
    pub(super) fn phone_due(&mut self, id: PhoneId, t: Time) {
        let Some(phone) = self.phones.get_mut(&id) else {
            self.agenda.set(Owner::Phone(id), None);
            return;
        };
        phone.wake(t);
        let holder = phone.holder;
        self.set_phone_deadline(id);
        if let Some(no) = holder {
            self.ring_line_again(no);
            self.sync_reach(no, &By::SYSTEM, t);
        }
    }
}

/// An event about what an agent does, for a contact or for none.
pub(super) fn about_work(agent: AgentNo, contact: Option<ContactId>) -> About {
    About { contact, agent: Some(agent), ..About::default() }
}

/// How an offer ends that a change of state cut short: the agent's own wish declines it, what is forced on him takes it away.
pub(super) fn cut_short(forced: bool) -> OfferEnding {
    if forced { OfferEnding::Rescinded } else { OfferEnding::Rejected }
}
