//! What agents ask for: ready, not ready, rest within the quota, wrap-up, to be kept free.
//! Owns who waits for rest and which of these is refused in which state. Leaves coming and going to `presence`.

use super::agent::{Doing, Seat};
use super::item::Item;
use super::people::{about_work, cut_short};
use super::words::VerbRefused;
use super::{Acd, about_agent};
use crate::base::bounds::{RANG_OUT_REST, RESERVE_MAX, WRAP_UP_MAX};
use crate::base::{AgentNo, ContactId, GroupNo, Now, OfferId, ReasonNo, Span, Supplies, Time};
use crate::event::words::{NotReadyReason, OfferEnding, Wish, WorkRole};
use crate::event::{By, Kind};
use crate::switch::RestWait;

/// Somebody who waits for rest.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub agent: AgentNo,
    pub reason: Option<ReasonNo>,
    pub length: Span,
    pub since: Time,
    pub by: By,
}

impl Acd {
    /// How long a wish may last by the site's rules.
    pub(super) fn limit_of(&self, wish: Wish) -> Option<Span> {
        match wish {
            Wish::NotReady(NotReadyReason::RangOut) => Some(RANG_OUT_REST),
            Wish::NotReady(NotReadyReason::Own(reason)) => self.site.reasons.get(&reason).and_then(|r| r.max),
            Wish::NotReady(NotReadyReason::Rest(_)) => Some(self.site.rest.max),
            Wish::Ready
            | Wish::SignOut
            | Wish::NotReady(
                NotReadyReason::Asked
                | NotReadyReason::Restart
                | NotReadyReason::SignedIn
                | NotReadyReason::AfterCall
                | NotReadyReason::ClientLost,
            ) => None,
        }
    }

    /// He does not leave as somebody has forced him to.
    fn may_wish(&self, no: AgentNo, forced: bool) -> Result<(), VerbRefused> {
        let leaves = self.seat_of(no)?.wish == Wish::SignOut;
        if leaves && !forced { Err(VerbRefused::Busy) } else { Ok(()) }
    }

    pub(super) fn ready(&mut self, no: AgentNo, forced: bool, by: &By, t: Time) -> Result<(), VerbRefused> {
        self.may_wish(no, forced)?;
        if self.site.agents.get(&no).is_none_or(|a| a.retiring) {
            return Err(VerbRefused::Retiring);
        }
        self.end_wrap_ups(no, by, t);
        self.set_wish(no, Wish::Ready, by, t);
        self.ring_line(no, by);
        Ok(())
    }

    pub(super) fn not_ready(
        &mut self,
        no: AgentNo,
        reason: Option<ReasonNo>,
        forced: bool,
        by: &By,
        t: Time,
    ) -> Result<(), VerbRefused> {
        self.may_wish(no, forced)?;
        self.known_reason(reason)?;
        self.unqueue_rest(no, false, by);
        let reason = reason.map_or(NotReadyReason::Asked, NotReadyReason::Own);
        self.set_wish(no, Wish::NotReady(reason), by, t);
        self.stop_ringing(no, cut_short(forced), by, t);
        Ok(())
    }

    /// The client through which he works is gone: he is not ready, or signed out, during a call when it is over. Who is
    /// not ready by a reason that does not pass by itself stays so. Whoever comes back says himself that he is ready.
    pub fn client_lost(&mut self, no: AgentNo, leaves: bool, now: Now, supplies: &mut Supplies) {
        let Ok(wish) = self.seat_of(no).map(|seat| seat.wish) else { return };
        let passes = match wish {
            Wish::Ready | Wish::NotReady(NotReadyReason::RangOut | NotReadyReason::Restart) => true,
            Wish::SignOut
            | Wish::NotReady(
                NotReadyReason::Asked
                | NotReadyReason::SignedIn
                | NotReadyReason::AfterCall
                | NotReadyReason::ClientLost
                | NotReadyReason::Rest(_)
                | NotReadyReason::Own(_),
            ) => false,
        };
        if leaves {
            // Somebody signed in can be signed out, or leaves after his call.
            if let Err(why) = self.ask_sign_out(no, true, &By::SYSTEM, now.t) {
                tracing::debug!(agent = %no, ?why, "was signed out already");
            }
        } else {
            self.unqueue_rest(no, false, &By::SYSTEM);
            if passes {
                self.set_wish(no, Wish::NotReady(NotReadyReason::ClientLost), &By::SYSTEM, now.t);
            }
            self.stop_ringing(no, OfferEnding::Rescinded, &By::SYSTEM, now.t);
        }
        self.settle(now.t, supplies);
    }

    fn known_reason(&self, reason: Option<ReasonNo>) -> Result<(), VerbRefused> {
        match reason {
            Some(reason) if !self.site.reasons.contains_key(&reason) => Err(VerbRefused::UnknownReason),
            Some(_) | None => Ok(()),
        }
    }

    /// At once, or when somebody returns; forced, beyond the quota. Asked again it changes nothing.
    pub(super) fn ask_rest(
        &mut self,
        no: AgentNo,
        reason: Option<ReasonNo>,
        length: Option<Span>,
        forced: bool,
        by: &By,
        t: Time,
    ) -> Result<(), VerbRefused> {
        self.may_wish(no, forced)?;
        self.known_reason(reason)?;
        let reasons_max = reason.and_then(|reason| self.site.reasons.get(&reason)?.max);
        let most = reasons_max.map_or(self.site.rest.max, |max| max.min(self.site.rest.max));
        if length.is_some_and(|length| length > most) {
            return Err(VerbRefused::TooLong(most));
        }
        let waits = self.rests.iter().any(|waiting| waiting.agent == no);
        if self.seat_of(no)?.rests() || (waits && !forced) {
            return Ok(());
        }
        let length = length.unwrap_or(most);
        if forced || (self.rests.is_empty() && self.rest_is_free()) {
            self.unqueue_rest(no, true, by);
            self.set_limited_wish(no, Wish::NotReady(NotReadyReason::Rest(reason)), Some(length), by, t);
            self.stop_ringing(no, cut_short(forced), by, t);
            return Ok(());
        }
        self.journal(about_agent(no), by, Kind::AgentRestQueued { reason, length });
        self.rests.push_back(Waiting { agent: no, reason, length, since: t, by: by.clone() });
        Ok(())
    }

    fn rest_is_free(&self) -> bool {
        self.site.rest.quota.is_none_or(|quota| self.resting.len() < quota.of(self.signed_in))
    }

    pub(super) fn cancel_rest(&mut self, no: AgentNo, by: &By, t: Time) -> Result<(), VerbRefused> {
        let rests = self.seat_of(no)?.rests();
        if !self.unqueue_rest(no, false, by) && !rests {
            return Err(VerbRefused::NotResting);
        }
        if rests {
            self.set_wish(no, Wish::Ready, by, t);
        }
        Ok(())
    }

    /// True when he waited.
    pub(super) fn unqueue_rest(&mut self, no: AgentNo, granted: bool, by: &By) -> bool {
        let Some(at) = self.rests.iter().position(|waiting| waiting.agent == no) else {
            return false;
        };
        self.rests.remove(at);
        self.journal(about_agent(no), by, Kind::AgentRestUnqueued { granted });
        true
    }

    /// First come, first served. Whoever is just being rung, or talks, rests afterwards.
    pub(super) fn grant_rests(&mut self, t: Time) {
        while self.rest_is_free()
            && let Some(first) = self.rests.pop_front()
        {
            self.journal(about_agent(first.agent), &first.by, Kind::AgentRestUnqueued { granted: true });
            let wish = Wish::NotReady(NotReadyReason::Rest(first.reason));
            self.set_limited_wish(first.agent, wish, Some(first.length), &first.by, t);
        }
    }

    pub(super) fn rest_wait(&self, no: AgentNo) -> Option<RestWait> {
        let (ahead, waiting) = self.rests.iter().enumerate().find(|(_, waiting)| waiting.agent == no)?;
        let Waiting { agent: _, reason, length, since, by: _ } = *waiting;
        Some(RestWait { place: ahead + 1, since, reason, length })
    }

    /// The limit of his wish is over: he returns after an offer that rang out, else it is told and he stays.
    pub(super) fn wish_due(&mut self, no: AgentNo, t: Time) {
        let Some(seat) = self.agents.get_mut(&no).and_then(|a| a.seat_mut()) else {
            return;
        };
        if seat.overtime || seat.until.is_none_or(|until| until > t) {
            return;
        }
        if seat.wish == Wish::NotReady(NotReadyReason::RangOut) {
            self.set_wish(no, Wish::Ready, &By::SYSTEM, t);
            return self.ring_line_rested(no);
        }
        seat.overtime = true;
        self.journal(about_agent(no), &By::SYSTEM, Kind::AgentOvertime);
    }

    /// A wrap-up that runs gets this length from now on; without one it begins, for no contact. In a call it lies beneath
    /// the call until that is over.
    pub(super) fn enter_wrap_up(
        &mut self,
        no: AgentNo,
        length: Option<Span>,
        by: &By,
        t: Time,
    ) -> Result<(), VerbRefused> {
        let seat = self.seat_of(no)?;
        let until = length.map(|length| t + length.min(WRAP_UP_MAX));
        let wraps_up = seat.works().iter().any(|w| w.doing.is_wrap_up()) || self.over_wrap_up(no).is_some();
        if !wraps_up && (seat.is_full() || seat.work(None).is_some()) {
            return Err(VerbRefused::Busy);
        }
        self.stop_ringing(no, OfferEnding::Rejected, by, t);
        let works = self.seat_of(no)?.works();
        let running: Vec<_> = works.iter().filter(|w| w.doing.is_wrap_up()).map(|w| w.contact).collect();
        let contacts = if running.is_empty() { vec![None] } else { running };
        for contact in contacts {
            self.set_doing(no, Doing::WrapUp { until }, about_work(no, contact), by, t);
        }
        Ok(())
    }

    /// Every wrap-up of his that has an end ends so much later.
    pub(super) fn extend_wrap_up(&mut self, no: AgentNo, more: Span, by: &By, t: Time) -> Result<(), VerbRefused> {
        let works = self.seat_of(no)?.works().to_vec();
        let over = self.over_wrap_up(no);
        if over.is_none() && !works.iter().any(|w| w.doing.is_wrap_up()) {
            return Err(VerbRefused::NotInWrapUp);
        }
        let later = |doing: Doing| Doing::WrapUp { until: doing.until().map(|at| (at + more).min(t + WRAP_UP_MAX)) };
        for work in works.iter().filter(|w| w.doing.is_wrap_up() && w.doing.until().is_some()) {
            self.set_doing(no, later(work.doing), about_work(no, work.contact), by, t);
        }
        if let Some(lease) = over.and_then(|offer| self.offers.get_mut(&offer)) {
            lease.beneath = lease.beneath.map(later);
        }
        Ok(())
    }

    pub(super) fn quit_wrap_up(&mut self, no: AgentNo, by: &By, t: Time) -> Result<(), VerbRefused> {
        if !self.seat_of(no)?.works().iter().any(|w| w.doing.is_wrap_up()) && self.over_wrap_up(no).is_none() {
            return Err(VerbRefused::NotInWrapUp);
        }
        self.end_wrap_ups(no, by, t);
        Ok(())
    }

    /// Also one that an offer of the same contact lies over.
    pub(super) fn end_wrap_ups(&mut self, no: AgentNo, by: &By, t: Time) {
        self.end_works(no, by, t, Doing::is_wrap_up);
        let lease = self.over_wrap_up(no).and_then(|offer| self.offers.get_mut(&offer));
        if let Some(agent) = lease.and_then(|lease| lease.beneath.take()).and_then(|_| self.agents.get_mut(&no)) {
            agent.idle_since = t;
        }
    }

    /// The offer that is made to him by name while he wraps up the same contact.
    fn over_wrap_up(&self, no: AgentNo) -> Option<OfferId> {
        let works = self.seat_of(no).ok()?.works();
        let offer = works.iter().find(|w| w.doing.role() == WorkRole::Offered)?.doing.offer()?;
        self.offers.get(&offer).filter(|lease| lease.beneath.is_some()).map(|lease| lease.id)
    }

    /// Kept free for a call that somebody announces: a lease, so that nobody is kept for ever.
    pub(super) fn reserve(&mut self, no: AgentNo, length: Span, by: &By, t: Time) -> Result<(), VerbRefused> {
        self.may_reserve(no)?;
        let doing = Doing::Reserved { until: t + length.min(RESERVE_MAX) };
        self.set_doing(no, doing, about_work(no, None), by, t);
        Ok(())
    }

    /// Whether he could be kept free now.
    ///
    /// # Errors
    /// He is signed out, not ready, not reachable, or has work.
    pub fn may_reserve(&self, no: AgentNo) -> Result<(), VerbRefused> {
        let seat = self.seat_of(no)?;
        let free = seat.available() && seat.works().is_empty();
        let rests = self.phones.get(&seat.phone(no)).is_some_and(super::phone::Phone::resting);
        if free && !rests { Ok(()) } else { Err(VerbRefused::NotAvailable) }
    }

    /// Keeps him free for this contact, which he is shown.
    ///
    /// # Errors
    /// As [`Self::may_reserve`].
    pub fn reserve_for(
        &mut self,
        no: AgentNo,
        contact: ContactId,
        until: Time,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), VerbRefused> {
        self.may_reserve(no)?;
        self.set_doing(no, Doing::Reserved { until }, about_work(no, Some(contact)), by, now.t);
        self.settle(now.t, supplies);
        Ok(())
    }

    /// He is kept free for this contact no longer.
    pub fn release_from(&mut self, no: AgentNo, contact: ContactId, by: &By, now: Now, supplies: &mut Supplies) {
        let is_it = |doing: Doing| doing.is_reserved();
        if self.seat_of(no).ok().and_then(|seat| seat.doing(contact)).is_some_and(is_it) {
            self.end_work(no, Some(contact), by, now.t);
        }
        self.settle(now.t, supplies);
    }

    pub(super) fn release(&mut self, no: AgentNo, by: &By, t: Time) -> Result<(), VerbRefused> {
        if !self.seat_of(no)?.works().iter().any(|w| w.doing.is_reserved()) {
            return Err(VerbRefused::NotReserved);
        }
        self.end_works(no, by, t, Doing::is_reserved);
        Ok(())
    }

    /// A contact that waits in one of his groups, or for an agent of one of them, is his, whatever its place and
    /// whatever he wishes; he must be there and in no call that is not on hold. A wrap-up ends.
    ///
    /// While it rings at others he picks it up: their offers have lost the race, which costs nothing.
    pub(super) fn pick(&mut self, no: AgentNo, contact: ContactId, by: &By, t: Time) -> Result<(), VerbRefused> {
        let item = self.items.values().find(|item| item.holder == contact).ok_or(VerbRefused::NotQueued)?;
        let id = item.id;
        let groups = self.pickable_by(item);
        let elsewhere =
            |offer: &OfferId| self.offers.get(offer).is_some_and(|lease| lease.rings() && lease.agent != no);
        if !item.state.offers().iter().all(elsewhere) {
            return Err(VerbRefused::NotQueued);
        }
        let rings = !item.is_waiting();
        let seat = self.seat_of(no)?;
        let is_his = |group: &&GroupNo| seat.groups.iter().any(|(his, _)| his == *group);
        let Some(&group) = groups.iter().find(is_his) else {
            return Err(groups.first().map_or(VerbRefused::NotQueued, |group| VerbRefused::NotMember(*group)));
        };
        let busy = seat.works().iter().any(|w| match w.doing {
            Doing::WrapUp { .. } => false,
            Doing::Call { .. } => w.doing.is_talk(),
            Doing::Offered(_) | Doing::Monitoring | Doing::Reserved { .. } => true,
        });
        let held = seat.works().iter().filter(|w| !w.doing.is_wrap_up()).count();
        let room = self.site.groups.get(&group).is_some_and(|g| held < g.calls_per_agent as usize);
        if seat.doing(contact).is_some_and(|doing| !doing.is_wrap_up()) {
            return Err(VerbRefused::InContact);
        }
        if busy || !room || !seat.reachable {
            return Err(VerbRefused::NotAvailable);
        }
        if rings {
            self.pass_on(id, by, t);
        }
        self.picked.push_back((id, no, group));
        Ok(())
    }

    /// Whose agents may pick it: of the groups it waits in, or of those of the agent it is for.
    fn pickable_by(&self, item: &Item) -> Vec<GroupNo> {
        let his = item.named().and_then(|agent| self.seat_of(agent).ok()).map(Seat::group_numbers).unwrap_or_default();
        let account = item.named().and(item.group());
        item.groups().iter().copied().chain(account).chain(his).collect()
    }

    /// What a talk's end makes of him, by his own setting.
    pub(super) fn after_call(&mut self, no: AgentNo, t: Time) {
        if self.seat_of(no).is_ok_and(|seat| seat.wish == Wish::Ready) {
            self.set_wish(no, Wish::NotReady(NotReadyReason::AfterCall), &By::SYSTEM, t);
        }
    }
}
