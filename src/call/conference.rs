//! What a conference may be: how many are in it, how long it lasts, and the chair who begins it alone.
//! Owns seats, length and warning of the main call. Leaves inviting and the chair to `verbs`, the longest call of any kind to
//! the site's `call_max`.
//!
//! When the time is over, it is as if everybody but the customer had hung up: chair and invited are released. A customer goes
//! on as after any agent, in his flow; without one he is released last, after the same warning as the others.

use super::contact::{Contact, Context, Timer};
use super::dial::Purpose;
use super::end::LegEnd;
use super::transfer::Event;
use super::words::{Audience, ChairLeaves, ConferenceChange, Refused};
use crate::base::bounds::CONFERENCE_MAX;
use crate::base::{LegId, Span, Time};
use crate::event::Kind;
use crate::event::words::{By, EndCause, Side, TransferEnding};
use crate::switch::ConferenceState;

/// What warns when nobody says otherwise.
const WARNING: &str = "tones/beep";

#[derive(Clone, Debug, Default)]
pub(super) struct Conference {
    seats: Option<usize>,
    length: Option<Length>,
    /// The leg of who began it alone, while he is in it.
    convener: Option<LegId>,
}

/// How long it lasts.
#[derive(Clone, Debug)]
struct Length {
    /// When it was set, and when the conference ends by it.
    began: Time,
    until: Time,
    /// How long before the end everybody is warned, and with what.
    warn: Option<Span>,
    sounds: Vec<String>,
    warned: bool,
    /// Whose doing the end is.
    by: By,
}

impl Length {
    fn warn_at(&self) -> Option<Time> {
        self.warn.map(|warn| self.until - warn)
    }
}

impl Contact {
    /// Who began it alone is in it, and may be alone again.
    pub fn is_convened(&self) -> bool {
        self.conference.as_ref().is_some_and(|c| c.convener.is_some())
    }

    /// Seats for so many more, counted with those who ring or are awaited from a queue: one comes of each dial, however
    /// many phones ring for it.
    pub fn has_seats(&self, more: usize) -> Result<(), Refused> {
        let Some(seats) = self.conference.as_ref().and_then(|c| c.seats) else { return Ok(()) };
        let (dialled, present): (Vec<_>, Vec<_>) =
            self.members(self.main_call()).map(|l| l.id).partition(|&leg| self.is_dialled(leg));
        let rings = |legs: &[LegId]| legs.iter().any(|leg| dialled.contains(leg));
        let coming = self.dialings.iter().filter(|d| rings(&d.legs) || d.is_invite()).count();
        if present.len() + coming + more > seats { Err(Refused::NoSeat) } else { Ok(()) }
    }

    /// It has an end, and may last so much longer.
    pub fn may_extend(&self, length: Span) -> Result<(), Refused> {
        let now = self.conference.as_ref().and_then(|c| c.length.as_ref()).ok_or(Refused::NothingToEnd)?;
        if now.until + length > now.began + CONFERENCE_MAX { Err(Refused::TooLong) } else { Ok(()) }
    }

    /// This leg leaves. When it is that of who began it alone, whoever is left alone is released.
    pub fn convener_left(&mut self, leg: LegId) {
        if self.conference.as_mut().and_then(|c| c.convener.take_if(|convener| *convener == leg)).is_some() {
            self.timers.set(Timer::Alone, None);
        }
    }

    /// His other leg takes the place of this one.
    pub fn convener_goes_on(&mut self, old: LegId, new: LegId) {
        let convener = self.conference.as_mut().and_then(|c| c.convener.as_mut());
        convener.into_iter().filter(|leg| **leg == old).for_each(|leg| *leg = new);
    }

    pub fn convene(&mut self, context: &mut Context, by: By) {
        let Some(main) = self.main else { return };
        self.conference.get_or_insert_default().convener = Some(main);
        self.marks.taken = true;
        // He was alone before it was known that he may.
        self.timers.set(Timer::Alone, None);
        let call = self.main_call();
        self.take_chair(context, call, main, ChairLeaves::PassOn);
        self.tell_limits(context, by);
    }

    pub fn limit_conference(&mut self, context: &mut Context, change: ConferenceChange, by: By) {
        let ConferenceChange { seats, length, warn, sounds } = change;
        let t = context.t();
        let conference = self.conference.get_or_insert_default();
        conference.seats = seats.or(conference.seats);
        if let Some(length) = length {
            let until = t + length;
            conference.length = Some(Length { began: t, until, warn, sounds, warned: false, by: by.clone() });
        }
        self.tell_limits(context, by);
    }

    pub fn extend_conference(&mut self, context: &mut Context, length: Span, by: By) {
        if let Some(lasts) = self.conference.as_mut().and_then(|c| c.length.as_mut()) {
            lasts.until += length;
            (lasts.warned, lasts.by) = (false, by.clone());
        }
        self.tell_limits(context, by);
    }

    fn tell_limits(&mut self, context: &mut Context, by: By) {
        self.watch_conference();
        let Some(ConferenceState { seats, until, warn_at }) = self.conference_state() else { return };
        self.journal_call(context, by, Kind::ConferenceLimits { seats, until, warn_at });
    }

    fn watch_conference(&mut self) {
        let length = self.conference.as_ref().and_then(|c| c.length.as_ref());
        let next = length.map(|length| length.warn_at().filter(|_| !length.warned).unwrap_or(length.until));
        self.timers.set(Timer::Conference, next);
    }

    /// The warning first, then the end.
    pub fn conference_due(&mut self, context: &mut Context) {
        let t = context.t();
        let Some(length) = self.conference.as_mut().and_then(|c| c.length.as_mut()) else { return };
        let (until, by, mut sounds) = (length.until, length.by.clone(), length.sounds.clone());
        if t >= until {
            return self.conference_over(context, by);
        }
        length.warned = true;
        if sounds.is_empty() {
            sounds.push(WARNING.to_owned());
        }
        self.journal_call(context, by.clone(), Kind::ConferenceEnding { until });
        let call = self.main_call();
        if self.talkers(call).next().is_some() {
            self.announce(context, Audience::Call(call), sounds, by);
        }
        self.watch_conference();
    }

    fn conference_over(&mut self, context: &mut Context, by: By) {
        let (cause, side) = (EndCause::TooLong, Side::System);
        context.by = by;
        self.conference = None;
        let Some(customer) = self.customer.filter(|&customer| self.is_answered(customer)) else {
            return self.release_all(context, cause, side);
        };
        match self.transfer.as_ref().is_some_and(|t| !t.transferor_here) {
            // Nobody is there any longer whose leaving would give the customer to his flow.
            true => self.transfer_event(context, Event::Cancel, Some(LegEnd { cause, side, status: None })),
            false => self.drop_transfer(context, TransferEnding::Cancelled, cause),
        }
        self.calls.iter_mut().for_each(|call| call.chair = call.chair.filter(|(chair, _)| *chair == customer));
        // Whom his flow or queue rings for him is none of the conference.
        self.give_up_dials(context, |dialing| dialing.purpose != Purpose::Connect);
        let is_other = |leg: &LegId| *leg != customer && self.purpose_of(*leg) != Some(Purpose::Connect);
        let others: Vec<LegId> = self.live_legs().map(|l| l.id).filter(is_other).collect();
        // From a consult too they leave the customer, whom nobody else would tell his flow of.
        let main = self.main_call();
        for &leg in others.iter().filter(|&&leg| self.is_answered(leg)).collect::<Vec<_>>() {
            self.hand(context, leg, main, &By::SYSTEM);
        }
        for leg in others {
            self.release_leg(context, leg, cause, side);
        }
    }

    pub fn conference_state(&self) -> Option<ConferenceState> {
        let Conference { seats, length, convener: _ } = self.conference.as_deref()?;
        let length = length.as_ref();
        let (until, warn_at) = (length.map(|length| length.until), length.and_then(Length::warn_at));
        Some(ConferenceState { seats: *seats, until, warn_at })
    }
}
