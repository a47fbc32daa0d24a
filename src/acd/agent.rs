//! One agent: presence, wish and work, and the one state that people see of them.
//! Owns what he is signed in to, what he asked for, what he is doing and how long he has been idle.
//! Leaves matching to `matcher`, the phone's own troubles to `phone`, journaling to the composition.
//! In: changes, each with its time. Out: `display`, `available`, the next deadline.

use crate::acd::words::{AgentSnapshot, WorkSnapshot};
use crate::base::bounds::{CALLS_PER_AGENT, RANG_OUT_REST};
use crate::base::{AgentNo, ContactId, ExtensionNo, GroupNo, OfferId, Time};
use crate::event::words::{Display, NotReadyReason, Station, Wish, WorkRole};

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
    SignedIn(Seat),
}

/// What somebody has who is signed in.
#[derive(Clone, Debug)]
pub struct Seat {
    pub station: Station,
    /// Group and level, ordered by group. Empty once the agent is being removed.
    pub groups: Vec<(GroupNo, u8)>,
    pub since: Time,
    pub wish: Wish,
    pub wish_since: Time,
    pub reachable: bool,
    /// At most one per contact and `CALLS_PER_AGENT` in all.
    works: Vec<Work>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    pub contact: ContactId,
    pub doing: Doing,
    pub since: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    Offered(OfferId),
    Talking(OfferId),
    Dialing,
    WrapUp { until: Time },
}

impl Work {
    fn snapshot(&self) -> WorkSnapshot {
        let (role, until) = (self.doing.role(), self.doing.until());
        WorkSnapshot { contact: self.contact, role, since: self.since, until }
    }
}

impl Doing {
    pub fn role(self) -> WorkRole {
        match self {
            Self::Offered(_) => WorkRole::Offered,
            Self::Talking(_) => WorkRole::Talking,
            Self::Dialing => WorkRole::Dialing,
            Self::WrapUp { .. } => WorkRole::WrapUp,
        }
    }

    /// An offer's lease is the offer's; only wrap-up ends by itself.
    pub fn until(self) -> Option<Time> {
        match self {
            Self::WrapUp { until } => Some(until),
            Self::Offered(_) | Self::Talking(_) | Self::Dialing => None,
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
        self.presence = Presence::SignedIn(seat);
    }

    pub fn sign_out(&mut self) -> Option<Seat> {
        match std::mem::replace(&mut self.presence, Presence::SignedOut) {
            Presence::SignedIn(seat) => Some(seat),
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

    /// The earliest moment at which something ends by itself: a wrap-up, or the rest after an offer that rang out.
    pub fn deadline(&self) -> Option<Time> {
        let seat = self.seat()?;
        let wrap_up = seat.works.iter().filter_map(|w| w.doing.until()).min();
        [wrap_up, seat.rang_out_until()].into_iter().flatten().min()
    }

    /// `site_groups` is what the site says, shown while he is signed out.
    pub fn snapshot(&self, site_groups: Vec<(GroupNo, u8)>) -> AgentSnapshot {
        let seat = self.seat();
        AgentSnapshot {
            agent: self.no,
            station: seat.map(|s| s.station),
            groups: seat.map_or(site_groups, |s| s.groups.clone()),
            wish: seat.map(|s| s.wish),
            reachable: seat.is_some_and(|s| s.reachable),
            display: self.shown,
            since: self.shown_since,
            works: seat.map_or_else(Vec::new, |s| s.works.iter().map(|w| w.snapshot()).collect()),
        }
    }
}

impl Seat {
    pub fn new(station: Station, groups: Vec<(GroupNo, u8)>, t: Time) -> Self {
        let wish = Wish::NotReady(NotReadyReason::SignedIn);
        Self { station, groups, since: t, wish, wish_since: t, reachable: false, works: Vec::new() }
    }

    pub fn extension(&self) -> ExtensionNo {
        match self.station {
            Station::Extension(no) => no,
        }
    }

    pub fn group_numbers(&self) -> Vec<GroupNo> {
        self.groups.iter().map(|(group, _)| *group).collect()
    }

    /// Wants work, can be reached and has none. Whether the phone rests is the phone's affair.
    pub fn available(&self) -> bool {
        self.wish == Wish::Ready && self.reachable && self.works.is_empty()
    }

    pub fn works(&self) -> &[Work] {
        &self.works
    }

    pub fn is_full(&self) -> bool {
        self.works.len() >= CALLS_PER_AGENT
    }

    pub fn doing(&self, contact: ContactId) -> Option<Doing> {
        self.works.iter().find(|w| w.contact == contact).map(|w| w.doing)
    }

    /// What he does for this contact from now on. The caller has asked `is_full` where the contact is new to him.
    pub fn set_doing(&mut self, contact: ContactId, doing: Doing, t: Time) {
        match self.works.iter_mut().find(|w| w.contact == contact) {
            Some(work) => (work.doing, work.since) = (doing, t),
            None => {
                assert!(!self.is_full(), "whoever adds work asks `is_full` first");
                self.works.push(Work { contact, doing, since: t });
            }
        }
    }

    pub fn end_work(&mut self, contact: ContactId) -> Option<Doing> {
        let at = self.works.iter().position(|w| w.contact == contact)?;
        Some(self.works.remove(at).doing)
    }

    /// True when it is a change.
    pub fn set_wish(&mut self, wish: Wish, t: Time) -> bool {
        let changes = self.wish != wish;
        if changes {
            (self.wish, self.wish_since) = (wish, t);
        }
        changes
    }

    /// When he returns to ready by himself after an offer that rang out.
    pub fn rang_out_until(&self) -> Option<Time> {
        (self.wish == Wish::NotReady(NotReadyReason::RangOut)).then(|| self.wish_since + RANG_OUT_REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_follows_its_precedence() {
        let wrap_up = Doing::WrapUp { until: Time(9) };
        let cases: &[(&[Doing], bool, Wish, Display)] = &[
            (&[], true, Wish::Ready, Display::Ready),
            (&[], true, Wish::NotReady(NotReadyReason::Asked), Display::NotReady),
            (&[], false, Wish::Ready, Display::Unreachable),
            (&[], false, Wish::NotReady(NotReadyReason::Asked), Display::Unreachable),
            (&[wrap_up], false, Wish::Ready, Display::WrapUp),
            (&[wrap_up, Doing::Offered(OfferId(1))], true, Wish::Ready, Display::Ringing),
            (&[wrap_up, Doing::Dialing], true, Wish::NotReady(NotReadyReason::Asked), Display::Dialing),
            (&[Doing::Dialing, Doing::Offered(OfferId(1))], true, Wish::Ready, Display::Dialing),
            (&[Doing::Dialing, Doing::Talking(OfferId(1))], false, Wish::Ready, Display::Talking),
        ];
        for (works, reachable, wish, expected) in cases {
            let mut seat = Seat::new(Station::Extension(ExtensionNo(1)), vec![], Time(0));
            (seat.reachable, seat.wish) = (*reachable, *wish);
            for (i, doing) in works.iter().enumerate() {
                seat.set_doing(ContactId(i as u64), *doing, Time(0));
            }
            assert_eq!(display(Some(&seat)), *expected, "{works:?} {reachable} {wish:?}");
            assert_eq!(seat.available(), *expected == Display::Ready, "{works:?} {reachable} {wish:?}");
        }
        assert_eq!(display(None), Display::SignedOut);
    }

    #[test]
    fn since_changes_only_with_what_is_shown() {
        let mut agent = Agent::new(AgentNo(1), Time(0));
        agent.sign_in(Seat::new(Station::Extension(ExtensionNo(1)), vec![], Time(5)));
        agent.show(Time(5));
        let seat = agent.seat_mut().expect("signed in");
        assert!(seat.set_wish(Wish::Ready, Time(7)));
        agent.show(Time(7));
        assert_eq!((agent.shown, agent.shown_since), (Display::Unreachable, Time(5)));
    }
}
