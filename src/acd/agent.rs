//! One agent: presence, wish and work, and the one state that people see of them.
//! Owns what he is signed in to, what he asked for, what he is doing and how long he has been idle.
//! Leaves matching to `matcher`, the phone's own troubles to `phone`, journaling to the composition.
//! In: changes, each with its time. Out: `display`, `available`, the next deadline.

use crate::acd::phone::PhoneId;
use crate::acd::words::{AgentSnapshot, How, WorkSnapshot};
use crate::base::bounds::CALLS_PER_AGENT;
use crate::base::{AgentNo, ContactId, GroupNo, OfferId, Span, Time};
use crate::event::words::{By, Display, Line, NotReadyReason, Preferences, Station, Wish, WorkRole};

#[derive(Clone, Debug)]
pub struct Agent {
    pub no: AgentNo,
    presence: Presence,
    shown: Display,
    shown_since: Time,
    /// The later of becoming ready and the end of the last work that was not a mere offer. It is the agent's own:
    /// whichever of his groups gave the work.
    pub idle_since: Time,
}

#[derive(Clone, Debug)]
enum Presence {
    SignedOut,
    SignedIn(Box<Seat>),
}

/// What somebody has who is signed in.
#[derive(Clone, Debug)]
pub struct Seat {
    pub station: Station,
    /// Group and level, ordered by group. Empty once the agent is being removed.
    pub groups: Vec<(GroupNo, u8)>,
    /// He chose among his groups.
    pub chosen: bool,
    pub since: Time,
    pub wish: Wish,
    pub wish_since: Time,
    /// How long the wish may last.
    pub limit: Option<Span>,
    /// When that is over; `None` while he still works and it has not begun.
    pub until: Option<Time>,
    /// That it is over was told.
    pub overtime: bool,
    /// Who wished it.
    pub asked_by: By,
    pub reachable: bool,
    /// Since he signed in: time in talks that have ended, calls taken, and when he was last offered one.
    pub talked: Span,
    pub calls: u32,
    pub offered: Option<Time>,
    pub preferences: Preferences,
    /// At most one per contact, one without, and `CALLS_PER_AGENT` in all.
    works: Vec<Work>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// `None`: for no contact.
    pub contact: Option<ContactId>,
    pub doing: Doing,
    pub since: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    Offered(OfferId),
    /// In a call, with the offer that made it; without one when it is his phone's own.
    Call {
        how: How,
        offer: Option<OfferId>,
    },
    /// In somebody else's call; for no contact: in each of one agent's, and between them.
    Monitoring,
    Reserved {
        until: Time,
    },
    /// Without an end until he quits it.
    WrapUp {
        until: Option<Time>,
    },
}

impl Work {
    fn snapshot(&self) -> WorkSnapshot {
        let (role, until) = (self.doing.role(), self.doing.until());
        WorkSnapshot { contact: self.contact, role, offer: self.doing.offer(), since: self.since, until }
    }
}

impl Doing {
    /// His phone is in a call that no offer made.
    pub const DIALING: Self = Self::Call { how: How::Dialing, offer: None };

    pub fn talking(offer: OfferId) -> Self {
        Self::Call { how: How::Talking, offer: Some(offer) }
    }

    pub fn role(self) -> WorkRole {
        match self {
            Self::Offered(_) => WorkRole::Offered,
            Self::Call { how: How::Talking, .. } => WorkRole::Talking,
            Self::Call { how: How::Dialing, .. } => WorkRole::Dialing,
            Self::Call { how: How::Held, .. } => WorkRole::Held,
            Self::Call { how: How::Consulting, .. } => WorkRole::Consulting,
            Self::Call { how: How::Conference, .. } => WorkRole::Conference,
            Self::Monitoring => WorkRole::Monitoring,
            Self::Reserved { .. } => WorkRole::Reserved,
            Self::WrapUp { .. } => WorkRole::WrapUp,
        }
    }

    pub fn offer(self) -> Option<OfferId> {
        match self {
            Self::Offered(offer) => Some(offer),
            Self::Call { how: _, offer } => offer,
            Self::Monitoring | Self::Reserved { .. } | Self::WrapUp { .. } => None,
        }
    }

    /// An offer's lease is the offer's; wrap-up and reservation end by themselves.
    pub fn until(self) -> Option<Time> {
        match self {
            Self::WrapUp { until } => until,
            Self::Reserved { until } => Some(until),
            Self::Offered(_) | Self::Call { .. } | Self::Monitoring => None,
        }
    }

    pub fn is_wrap_up(self) -> bool {
        self.role() == WorkRole::WrapUp
    }

    pub fn is_reserved(self) -> bool {
        self.role() == WorkRole::Reserved
    }

    /// A call, and not on hold: of these he can have one.
    pub fn is_talk(self) -> bool {
        match self {
            Self::Call { how: How::Dialing | How::Talking | How::Consulting | How::Conference, .. }
            | Self::Monitoring => true,
            Self::Call { how: How::Held, .. } | Self::Offered(_) | Self::Reserved { .. } | Self::WrapUp { .. } => false,
        }
    }
}

/// What people see of him.
fn display(seat: Option<&Seat>) -> Display {
    seat.map_or(Display::SignedOut, |seat| {
        Display::of(seat.works.iter().map(|work| work.doing.role()), seat.reachable, seat.wish)
    })
}

impl Agent {
    pub fn new(no: AgentNo, t: Time) -> Self {
        Self { no, presence: Presence::SignedOut, shown: Display::SignedOut, shown_since: t, idle_since: t }
    }

    pub fn seat(&self) -> Option<&Seat> {
        match &self.presence {
            Presence::SignedIn(seat) => Some(seat),
            Presence::SignedOut => None,
        }
    }

    pub fn seat_mut(&mut self) -> Option<&mut Seat> {
        match &mut self.presence {
            Presence::SignedIn(seat) => Some(seat),
            Presence::SignedOut => None,
        }
    }

    pub fn sign_in(&mut self, seat: Seat) {
        self.idle_since = seat.since;
        self.presence = Presence::SignedIn(Box::new(seat));
    }

    /// Shown at once: whoever signs in again at the same instant begins anew.
    pub fn sign_out(&mut self, t: Time) -> Option<Seat> {
        let before = std::mem::replace(&mut self.presence, Presence::SignedOut);
        self.show(t);
        match before {
            Presence::SignedIn(seat) => Some(*seat),
            Presence::SignedOut => None,
        }
    }

    /// Notes when the displayed state changed. Called after every change, once.
    pub fn show(&mut self, t: Time) {
        let shown = display(self.seat());
        if shown != self.shown {
            (self.shown, self.shown_since) = (shown, t);
        }
    }

    /// The earliest moment at which something ends by itself or must be told.
    pub fn deadline(&self) -> Option<Time> {
        let seat = self.seat()?;
        let works = seat.works.iter().filter_map(|w| w.doing.until()).min();
        let wish = seat.until.filter(|_| !seat.overtime);
        [works, wish].into_iter().flatten().min()
    }

    /// `site_groups` is what the site says, shown while he is signed out.
    pub fn snapshot(&self, site_groups: Vec<(GroupNo, u8)>) -> AgentSnapshot {
        let seat = self.seat();
        AgentSnapshot {
            agent: self.no,
            station: seat.map(|s| s.station.clone()),
            groups: seat.map_or(site_groups, |s| s.groups.clone()),
            wish: seat.map(|s| s.wish),
            wish_until: seat.and_then(|s| s.until),
            rest_wait: None,
            preferences: seat.map(|s| s.preferences).unwrap_or_default(),
            reachable: seat.is_some_and(|s| s.reachable),
            down: None,
            rests_until: None,
            display: self.shown,
            since: self.shown_since,
            works: seat.map_or_else(Vec::new, |s| s.works.iter().map(|w| w.snapshot()).collect()),
        }
    }
}

impl Seat {
    pub fn new(station: Station, groups: Vec<(GroupNo, u8)>, t: Time) -> Self {
        Self {
            station,
            groups,
            chosen: false,
            since: t,
            wish: Wish::NotReady(NotReadyReason::SignedIn),
            wish_since: t,
            limit: None,
            until: None,
            overtime: false,
            asked_by: By::SYSTEM,
            reachable: false,
            talked: Span::ZERO,
            calls: 0,
            offered: None,
            preferences: Preferences::default(),
            works: Vec::new(),
        }
    }

    /// The phone of the agent `no` who sits here.
    pub fn phone(&self, no: AgentNo) -> PhoneId {
        match self.station {
            Station::Extension(extension) | Station::Permanent(Line::Extension(extension)) => {
                PhoneId::Extension(extension)
            }
            Station::Outside { .. } | Station::Permanent(Line::Outside { .. }) => PhoneId::Outside(no),
        }
    }

    pub fn group_numbers(&self) -> Vec<GroupNo> {
        self.groups.iter().map(|(group, _)| *group).collect()
    }

    /// Calls on hold, when nothing else keeps him from one more. A leg that stays up is in one of them.
    pub fn holds(&self) -> Option<usize> {
        if self.station.permanent().is_some() {
            return self.works.is_empty().then_some(0);
        }
        self.works.iter().all(|work| work.doing.role() == WorkRole::Held).then_some(self.works.len())
    }

    /// Wants work, can be reached and has at most calls on hold. Whether the phone rests is the phone's affair.
    pub fn available(&self) -> bool {
        self.wish == Wish::Ready && self.reachable && self.holds().is_some()
    }

    pub fn rests(&self) -> bool {
        matches!(self.wish, Wish::NotReady(NotReadyReason::Rest(_)))
    }

    pub fn works(&self) -> &[Work] {
        &self.works
    }

    pub fn is_full(&self) -> bool {
        self.works.len() >= CALLS_PER_AGENT
    }

    pub fn doing(&self, contact: ContactId) -> Option<Doing> {
        self.work(Some(contact)).map(|w| w.doing)
    }

    /// He supervises an agent from call to call, whether that one is in a call or not.
    pub fn goes_along(&self) -> bool {
        self.work(None).is_some_and(|work| work.doing == Doing::Monitoring)
    }

    pub fn work(&self, contact: Option<ContactId>) -> Option<Work> {
        self.works.iter().find(|w| w.contact == contact).copied()
    }

    /// What he does for this contact from now on. The caller has asked `is_full` where the contact is new to him.
    pub fn set_doing(&mut self, contact: Option<ContactId>, doing: Doing, t: Time) {
        let before = self.work(contact);
        if before.is_some_and(|before| before.doing.role() == doing.role()) {
            self.works.iter_mut().filter(|w| w.contact == contact).for_each(|work| work.doing = doing);
            return;
        }
        match (before.map(|before| before.doing.role()), doing.role()) {
            (_, WorkRole::Offered) => self.offered = Some(t),
            (Some(WorkRole::Offered | WorkRole::Monitoring), WorkRole::Talking) => self.calls += 1,
            _ => {}
        }
        self.count_talk(before, t);
        self.works.retain(|w| w.contact != contact);
        self.put(Work { contact, doing, since: t });
    }

    /// Work that is new to him, or that a restart brings back.
    pub fn put(&mut self, work: Work) {
        assert!(!self.is_full(), "whoever adds work asks `is_full` first");
        self.works.push(work);
    }

    pub fn end_work(&mut self, contact: Option<ContactId>, t: Time) -> Option<Doing> {
        let at = self.works.iter().position(|w| w.contact == contact)?;
        let work = self.works.remove(at);
        self.count_talk(Some(work), t);
        Some(work.doing)
    }

    fn count_talk(&mut self, ended: Option<Work>, t: Time) {
        if let Some(work) = ended.filter(|work| work.doing.role() == WorkRole::Talking) {
            self.talked = self.talked + (t - work.since);
        }
    }

    /// The wish begins to be kept now, or when his works are over. True when that is news.
    pub fn begin_wish(&mut self, t: Time) -> bool {
        let begins = self.until.is_none() && self.works.is_empty();
        if let Some(limit) = self.limit.filter(|_| begins) {
            (self.until, self.wish_since) = (Some(t + limit), t);
            return true;
        }
        false
    }

    /// True when it is a change.
    pub fn set_wish(&mut self, wish: Wish, limit: Option<Span>, by: &By, t: Time) -> bool {
        let changes = self.wish != wish;
        if changes {
            (self.wish, self.wish_since, self.limit, self.until) = (wish, t, limit, None);
            (self.overtime, self.asked_by) = (false, by.clone());
            self.begin_wish(t);
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ExtensionNo;

    #[test]
    fn display_follows_its_precedence() {
        let wrap_up = Doing::WrapUp { until: Some(Time(9)) };
        let (dialing, talking) = (Doing::DIALING, Doing::talking(OfferId(1)));
        let held = Doing::Call { how: How::Held, offer: Some(OfferId(1)) };
        let cases: &[(&[Doing], bool, Wish, Display)] = &[
            (&[], true, Wish::Ready, Display::Ready),
            (&[], true, Wish::NotReady(NotReadyReason::Asked), Display::NotReady),
            (&[], false, Wish::Ready, Display::Unreachable),
            (&[], false, Wish::NotReady(NotReadyReason::Asked), Display::Unreachable),
            (&[wrap_up], false, Wish::Ready, Display::WrapUp),
            (&[wrap_up, Doing::Offered(OfferId(1))], true, Wish::Ready, Display::Ringing),
            (&[wrap_up, dialing], true, Wish::NotReady(NotReadyReason::Asked), Display::Dialing),
            (&[dialing, Doing::Offered(OfferId(1))], true, Wish::Ready, Display::Dialing),
            (&[dialing, talking], false, Wish::Ready, Display::Talking),
            (&[held], true, Wish::Ready, Display::Held),
        ];
        for (works, reachable, wish, expected) in cases {
            let mut seat = Seat::new(Station::Extension(ExtensionNo(1)), vec![], Time(0));
            (seat.reachable, seat.wish) = (*reachable, *wish);
            for (i, doing) in works.iter().enumerate() {
                seat.set_doing(Some(ContactId(i as u64)), *doing, Time(0));
            }
            assert_eq!(display(Some(&seat)), *expected, "{works:?} {reachable} {wish:?}");
            let free = [Display::Ready, Display::Held].contains(expected);
            assert_eq!(seat.available(), free, "{works:?} {reachable} {wish:?}");
        }
        assert_eq!(display(None), Display::SignedOut);
    }

    #[test]
    fn since_changes_only_with_what_is_shown() {
        let mut agent = Agent::new(AgentNo(1), Time(0));
        agent.sign_in(Seat::new(Station::Extension(ExtensionNo(1)), vec![], Time(5)));
        agent.show(Time(5));
        let seat = agent.seat_mut().expect("signed in");
        assert!(seat.set_wish(Wish::Ready, None, &By::SYSTEM, Time(7)));
        agent.show(Time(7));
        assert_eq!((agent.shown, agent.shown_since), (Display::Unreachable, Time(5)));
    }
}
