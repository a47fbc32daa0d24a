//! A leg takes the place of another: an INVITE with `Replaces` (RFC 3891), such as a talk that goes on at another device.
//! The others keep hearing the same party; the contact, its offer and its recording go on.

use super::Contacts;
use super::contact::{Contact, Context};
use super::end::LegEnd;
use super::leg::Leg;
use super::negotiation::LegMedia;
use super::words::{Does, Replacement, Tell};
use crate::base::{LegId, Now, Supplies};
use crate::event::Kind;
use crate::event::words::{By, Direction, EndCause, LegRole, PartyRef, Side};
use crate::sip::words::Act;
use crate::switch::LegPhase;
use crate::switch::code::sip_status;

impl Contacts {
    /// The INVITE was let in and takes the place of `old`, which lives and talks. `false`: it does not.
    pub fn replace(&mut self, old: LegId, with: Replacement, now: Now, supplies: &mut Supplies) -> bool {
        let Some(&id) = self.by_leg.get(&old) else { return false };
        if !self.contacts.get(&id).is_some_and(|c| c.is_open() && c.is_answered(old)) {
            return false;
        }
        self.with(id, now, supplies, |contact, context| contact.replace(context, old, with))
    }
}

impl Contact {
    fn replace(&mut self, context: &mut Context, old: LegId, with: Replacement) {
        let Replacement { incoming, media_ip, codecs } = with;
        let (new, party) = (incoming.leg, incoming.party);
        let mut media = LegMedia::new(codecs);
        let ports = context.supplies.ports.take(incoming.interface);
        if let Ok(ports) = ports {
            media.arrive(ports, media_ip, incoming.sdp, context.supplies);
        }
        let sdp = if ports.is_ok() && media.can_answer() { media.answer_or_offer() } else { None };
        let Some(sdp) = sdp else {
            let cause = if ports.is_ok() { EndCause::NotAcceptable } else { EndCause::Overloaded };
            for ports in media.take_unused_ports() {
                self.media(context, crate::media::words::Body::ReturnPorts(ports));
            }
            return self.sip(context, Act::End { leg: new, status: sip_status(cause), cause });
        };
        let t = context.t();
        // He goes on by another leg.
        self.supervision_over(context, old, LegEnd { cause: EndCause::Released, side: Side::System, status: None });
        let Some(before) = self.leg_mut(old) else { return };
        let leg = Leg {
            id: new,
            call: before.call,
            role: before.role,
            direction: Direction::Inbound,
            party,
            remote: incoming.from_user,
            phase: LegPhase::Answered,
            since: t,
            offered: before.offered.take(),
            caller: before.caller.take(),
            media,
            progress: 0,
            heard: false,
            held_since: before.held_since,
            away_since: None,
            muted_from: before.muted_from,
            muted_to: before.muted_to,
            passes_to: before.passes_to.take(),
            does: std::mem::replace(&mut before.does, Does::Talks),
            probing: false,
            ways: Box::default(),
            pressed: Default::default(),
            supervision: before.supervision.take(),
            home: before.home.take(),
        };
        self.open_leg(context, leg);
        self.put_in_place(context, old, new);
        self.sip(context, Act::Accept { leg: new, sdp });
        self.journal_leg(context, new, By::PARTY, Kind::LegAnswered);
        self.tell_what_goes_on(context, new);
        self.end_replaced(context, old);
        self.settle(context);
    }

    /// Whatever named the old leg names the new one.
    pub(super) fn put_in_place(&mut self, context: &mut Context, old: LegId, new: LegId) {
        let take = |leg: &mut LegId| *leg = if *leg == old { new } else { *leg };
        self.main.iter_mut().for_each(take);
        self.calls.iter_mut().filter_map(|call| call.chair.as_mut()).for_each(|(chair, _)| take(chair));
        if let Some(transfer) = &mut self.transfer {
            take(&mut transfer.transferor);
            transfer.target.iter_mut().for_each(take);
        }
        self.legs.iter_mut().filter_map(|leg| leg.passes_to.as_mut()).for_each(take);
        self.inviters().for_each(take);
        self.convener_goes_on(old, new);
        self.watch_instead(context, old, new, &By::PARTY);
    }

    /// What the old leg was is told of the new one.
    fn tell_what_goes_on(&self, context: &mut Context, leg: LegId) {
        let Some(l) = self.leg(leg) else { return };
        let (held, muted) = (l.held_since.is_some(), (l.muted_from, l.muted_to));
        let (supervision, passes_to) = (l.watches().map(|s| (s.mode, s.target)), l.passes_to);
        if held {
            self.journal_leg(context, leg, By::SYSTEM, Kind::LegHeld);
        }
        if let (from, to) = muted
            && (from || to)
        {
            self.journal_leg(context, leg, By::PARTY, Kind::LegMuted { from, to });
        }
        if let Some(to) = passes_to {
            self.journal_leg(context, leg, By::PARTY, Kind::LegPassesDigits { to, on: true });
        }
        self.tell_passing(context, leg);
        if self.calls.iter().any(|call| call.chair.is_some_and(|(chair, _)| chair == leg)) {
            self.journal_leg(context, leg, By::PARTY, Kind::ChairTaken);
        }
        if let Some((mode, target)) = supervision {
            self.journal_leg(context, leg, By::PARTY, Kind::SupervisionStarted { mode, target });
        }
    }

    /// Nobody else ends with it, as somebody is in its place.
    pub(super) fn end_replaced(&mut self, context: &mut Context, leg: LegId) {
        let (cause, side) = (EndCause::Released, Side::System);
        self.passing_over(context, leg);
        self.tell(context, Tell::Replaced { old: leg });
        if self.goes_home(leg, cause) {
            self.journal_leg(context, leg, By::SYSTEM, Kind::LegRested { cause, side });
            self.journal_leg(context, leg, By::SYSTEM, Kind::CallLeft);
            self.send_home(leg);
        } else {
            self.sip(context, Act::End { leg, status: sip_status(cause), cause });
            self.journal_leg(context, leg, By::SYSTEM, Kind::LegEnded { cause, side, sip_status: None });
            self.journal_leg(context, leg, By::SYSTEM, Kind::CallLeft);
            self.close_media(context, leg);
        }
        let t = context.t();
        let Some(l) = self.leg_mut(leg) else { return };
        l.enter(LegPhase::Ended, t);
        if let (PartyRef::Extension(extension), true) = (l.party, l.role != LegRole::Agent) {
            // The new leg of the same phone is in the call.
            self.tell(context, Tell::StationBusy { extension, busy: true });
        }
    }
}
