//! How a leg ends, what that means to the others, and how the contact is sealed and let go.

use super::contact::{Contact, Context, Ending, SEAL_MAX, Timer};
use super::dial::leads_nowhere;
use super::leg::{Leg, Offered};
use super::recording::Recorder;
use super::transfer::{Event, Phase};
use super::words::{Caller, OfferStep, Output, Tell};
use crate::base::{AgentNo, CallId, LegId, Span};
use crate::event::words::{
    By, Disposition, EndCause, LegRole, OfferEnding, PartyRef, RecordingGap, Side, TransferEnding,
};
use crate::event::{About, Kind, MediaCounts};
use crate::sip::words::Act;
use crate::switch::LegPhase;
use crate::switch::code::sip_status;

/// How a leg's end came about.
#[derive(Clone, Copy, Debug)]
pub(super) struct LegEnd {
    pub cause: EndCause,
    pub side: Side,
    pub status: Option<u16>,
}

impl Contact {
    /// Whose side this leg's far end is, for the record.
    pub fn side_of(&self, leg: LegId) -> Side {
        match self.leg(leg).map(|l| l.role) {
            Some(LegRole::Customer) => Side::Customer,
            Some(LegRole::Agent | LegRole::Supervisor) => Side::Agent,
            Some(LegRole::Other) | None => Side::Other,
        }
    }

    /// Tells the far end and ends the leg here; one that stays up between contacts goes back to its rest.
    pub fn release_leg(&mut self, context: &mut Context, leg: LegId, cause: EndCause, side: Side) {
        if self.goes_home(leg, cause) {
            return self.leg_over(context, leg, LegEnd { cause, side, status: None }, true);
        }
        self.lose_leg(context, leg, cause, side);
    }

    /// What it has lost itself, or a bug or the house's end, ends a leg wherever it belongs.
    pub fn lose_leg(&mut self, context: &mut Context, leg: LegId, cause: EndCause, side: Side) {
        if self.leg(leg).is_some_and(|l| l.is_live()) {
            let status = self.refusal_status(cause);
            self.sip(context, Act::End { leg, status, cause });
            self.end_leg(context, leg, LegEnd { cause, side, status: None });
        }
    }

    /// What an unanswered caller is refused with: a caller that waited for a full trunk reads 480, at the door 486.
    fn refusal_status(&self, cause: EndCause) -> u16 {
        self.ended_by.and_then(|e| e.status).filter(|s| *s >= 400).unwrap_or_else(|| sip_status(cause))
    }

    /// The leg is over, whoever began it: every leg ends here.
    pub fn end_leg(&mut self, context: &mut Context, leg: LegId, end: LegEnd) {
        self.leg_over(context, leg, end, false);
    }

    fn leg_over(&mut self, context: &mut Context, leg: LegId, end: LegEnd, rests: bool) {
        let Some(l) = self.leg(leg).filter(|l| l.is_live()) else { return };
        let (was_answered, was_up, offered, caller) = (l.is_answered(), l.is_up(), l.offered, l.caller);
        let (party, call, took_over) = (l.party, l.call, l.supervision.as_ref().is_some_and(|s| !s.watches));
        let was_recorded = self.customer.or(self.main) == Some(leg);
        if was_recorded {
            self.stop_recorder(context, By::SYSTEM, None);
        }
        if let Some((agent, ending)) = self.supervision_over(context, leg, end) {
            self.tell(context, Tell::SupervisionOver { agent, ending, cause: end.cause });
        }
        self.passing_over(context, leg);
        let (cause, side, sip_status) = (end.cause, end.side, end.status);
        let told = if rests { Kind::LegRested { cause, side } } else { Kind::LegEnded { cause, side, sip_status } };
        self.journal_leg(context, leg, context.by.clone(), told);
        self.journal_leg(context, leg, By::SYSTEM, Kind::CallLeft);
        let freed = self.busy_tell(leg, false);
        match rests {
            true => self.send_home(leg),
            false => {
                self.tell_home(leg, end);
                self.close_media(context, leg);
            }
        }
        if let Some(l) = self.leg_mut(leg) {
            l.enter(LegPhase::Ended, context.now.t);
        }
        match offered {
            Some(offered) => {
                let step = step_of(offered, (was_answered, was_up, party), end);
                let ways = self.leg_mut(leg).map(|l| std::mem::take(&mut l.ways)).unwrap_or_default();
                if !ways.is_empty() && !was_up && self.ended_by.is_none() && leads_nowhere(end.cause) {
                    self.after_leg(context, leg, None, end);
                    return self.ring_ways(context, offered, ways.into_vec().into(), step);
                }
                self.tell_offer_over(context, offered, step);
            }
            None => {
                self.tell_caller_gone(context, caller, took_over);
                freed.into_iter().for_each(|freed| self.tell(context, freed));
            }
        }
        // Who lost the race was never in the talk.
        let talked = was_answered && end.cause != EndCause::LostRace;
        self.after_leg(context, leg, talked.then_some(call), end);
    }

    fn tell_offer_over(&self, context: &mut Context, offered: Offered, step: OfferStep) {
        if !offered.over {
            self.tell(context, Tell::Offer { offer: offered.offer, step });
        }
        if offered.connected && !self.has_agent(offered.agent) {
            self.tell(context, Tell::AgentGone { agent: offered.agent, group: offered.group });
        }
    }

    fn tell_caller_gone(&self, context: &mut Context, caller: Option<Caller>, took_over: bool) {
        let Some(Caller { agent, group }) = caller else { return };
        let group_of_talk = group.filter(|_| self.marks.talked);
        let told = match took_over {
            true => Tell::AgentGone { agent, group },
            false => Tell::CallerGone { agent, group: group_of_talk },
        };
        self.tell(context, told);
    }

    /// He has another leg in this contact: his wrap-up begins with the end of the last.
    fn has_agent(&self, agent: AgentNo) -> bool {
        self.live_legs().any(|l| l.offered.is_some_and(|o| o.agent == agent && o.connected))
    }

    /// What one leg's end means to the others. `talked_in`: the call it talked in.
    fn after_leg(&mut self, context: &mut Context, leg: LegId, talked_in: Option<CallId>, end: LegEnd) {
        if self.leg(leg).is_some_and(|l| l.watches().is_some()) {
            return drop(self.take_dialing(leg));
        }
        if let Some(dialing) = self.take_dialing(leg) {
            return self.attempt_failed(context, dialing, leg, end);
        }
        self.chair_left(context, leg, end);
        if let Some(event) = self.leaves_transfer(leg) {
            self.left_transfer(context, leg, event, end);
        } else if self.main == Some(leg) {
            self.main_left(context, leg, end);
        } else if talked_in.is_some() && talked_in == self.main_leg().map(|l| l.call) {
            self.other_left(context, end);
        }
    }

    fn left_transfer(&mut self, context: &mut Context, leg: LegId, event: Event, end: LegEnd) {
        let was_main = self.main == Some(leg);
        // When the two others have met already, they may talk on.
        let goes_on = self.talk_goes_on() || self.transfer.as_ref().is_some_and(|t| t.phase == Phase::Consulting);
        if was_main && !goes_on {
            self.mark_ending(end);
        }
        if was_main {
            self.customer_gone(context);
        }
        self.transfer_event(context, event, Some(end));
        if was_main && goes_on {
            self.pass_main(leg);
        }
    }

    /// Somebody who talked with the main party left it.
    fn other_left(&mut self, context: &mut Context, end: LegEnd) {
        if self.main_has_company() || self.waiting.is_some() || self.transfer.is_some() || self.is_convened() {
            return;
        }
        if self.flow_holds {
            let main = self.main_call();
            self.free_all(context, main, &By::SYSTEM);
            self.other_left = Some((context.t(), end));
            self.tell(context, Tell::OtherSideLeft);
        } else if let Some(main) = self.main {
            self.mark_ending(end);
            self.release_leg(context, main, EndCause::PeerLeft, end.side);
        }
    }

    fn main_left(&mut self, context: &mut Context, leg: LegId, end: LegEnd) {
        let goes_on = self.talk_goes_on();
        if !goes_on {
            self.mark_ending(end);
        }
        self.customer_gone(context);
        let cause = if end.side == Side::System { end.cause } else { EndCause::PeerLeft };
        if goes_on {
            self.release_unwanted(context, cause, end.side);
            return self.pass_main(leg);
        }
        self.drop_dials(context);
        self.release_others(context, cause, end.side);
    }

    fn customer_gone(&mut self, context: &mut Context) {
        self.tell(context, Tell::CustomerLeft);
        self.drop_connect_dials(context);
        self.waiting = None;
        self.flow_holds = false;
    }

    /// Legs that ring for a party who has left, or is somebody else's now, while others talk on.
    pub fn release_unwanted(&mut self, context: &mut Context, cause: EndCause, side: Side) {
        let rings = |l: &&Leg| !l.is_answered() && !self.is_dialled(l.id) && Some(l.id) != self.main;
        let ringing = self.live_legs().filter(rings);
        for leg in ringing.map(|l| l.id).collect::<Vec<_>>() {
            self.release_leg(context, leg, cause, side);
        }
    }

    /// Whether somebody talks on when this leg ends.
    pub fn goes_on_without(&self, leg: LegId) -> bool {
        let stays = |call: CallId| self.talkers(call).filter(|l| l.id != leg).nth(1).is_some();
        self.main != Some(leg) || self.calls.iter().any(|call| stays(call.id))
    }

    fn release_others(&mut self, context: &mut Context, cause: EndCause, side: Side) {
        let others: Vec<LegId> = self.live_legs().map(|l| l.id).collect();
        for leg in others {
            self.release_leg(context, leg, cause, side);
        }
    }

    /// The first thing that makes the contact's end certain stays in its record.
    pub fn mark_ending(&mut self, end: LegEnd) {
        let while_queued = self.waiting.is_some();
        self.ended_by.get_or_insert(Ending { side: end.side, cause: end.cause, status: end.status, while_queued });
    }

    /// The flow ends the contact. When it does so in the step in which the other party left, that party ended it.
    pub fn release_by_flow(&mut self, context: &mut Context, cause: EndCause) {
        if let Some((_, end)) = self.other_left.filter(|(at, _)| *at == context.t()) {
            self.mark_ending(end);
        }
        self.release_all(context, cause, Side::Flow);
    }

    pub fn release_all(&mut self, context: &mut Context, cause: EndCause, side: Side) {
        self.mark_ending(LegEnd { cause, side, status: None });
        self.drop_transfer(context, TransferEnding::CustomerLeft, cause);
        self.calls.iter_mut().for_each(|call| call.chair = None);
        match self.main.filter(|&leg| self.leg(leg).is_some_and(|l| l.is_live())) {
            Some(main) => {
                self.release_leg(context, main, cause, side);
                self.drop_dials(context);
                let cause = if side == Side::System { cause } else { EndCause::PeerLeft };
                self.release_others(context, cause, side);
            }
            None => self.release_others(context, cause, side),
        }
    }

    /// The contact ends with its last leg.
    pub fn seal(&mut self, context: &mut Context) {
        self.sealed = true;
        self.tell_line_down(context, self.ended_by.map_or(EndCause::Released, |end| end.cause));
        // Who was wanted from a queue is wanted no longer, whatever way the last ones went.
        self.drop_dials(context);
        while !self.room.announcements.is_empty() {
            self.end_announcement(context, |_| true, None);
        }
        self.drop_playback(context);
        self.close_players(context);
        for call in &self.calls {
            self.journal_last(context, About { call: Some(call.id), ..About::default() }, Kind::CallClosed);
        }
        let ending = self.ended_by.unwrap_or(Ending {
            side: Side::System,
            cause: EndCause::PeerLeft,
            status: None,
            while_queued: false,
        });
        let kind = Kind::ContactClosed {
            disposition: self.disposition(ending),
            side: ending.side,
            cause: ending.cause,
            sip_status: ending.status,
        };
        self.journal_last(context, About::default(), kind);
        for timer in super::contact::Timers::ALL {
            self.timers.set(timer, None);
        }
        self.timers.set(Timer::Seal, Some(context.t() + SEAL_MAX));
    }

    fn disposition(&self, ending: Ending) -> Disposition {
        let marks = self.marks;
        match ending {
            Ending { cause: EndCause::InternalError, .. } => Disposition::InternalError,
            _ if marks.talked => Disposition::Answered,
            _ if marks.refused => Disposition::Refused,
            Ending { while_queued: true, side: Side::Customer | Side::Other, .. } => Disposition::AbandonedInQueue,
            _ if marks.taken => Disposition::Answered,
            Ending { side: Side::Customer | Side::Other, .. } if self.customer_left_first(ending) => {
                match marks.answered {
                    Some(_) if !self.two_way => Disposition::AbandonedInFlow,
                    Some(_) | None => Disposition::AbandonedRinging,
                }
            }
            _ if marks.queued || marks.dialled => Disposition::NotAnswered,
            _ if marks.answered.is_some() => Disposition::SelfService,
            _ => Disposition::Refused,
        }
    }

    /// He hung up or cancelled; a called party's refusal is no leaving of his.
    fn customer_left_first(&self, ending: Ending) -> bool {
        matches!(ending.cause, EndCause::HungUp | EndCause::Cancelled | EndCause::MediaLost | EndCause::SignallingLost)
    }

    pub fn leg_closed(&mut self, context: &mut Context, leg: LegId, counts: MediaCounts) {
        self.journal_leg(context, leg, By::SYSTEM, Kind::LegMedia { counts });
        if let Some(l) = self.leg_mut(leg) {
            l.media.open = false;
            l.media.counts = Some(counts);
        }
    }

    pub fn recording_ended(&mut self, context: &mut Context, length: Span, gap: Option<(RecordingGap, Span)>) {
        if let Recorder::Closing { origin, until, by, cause } = &self.room.recorder {
            let (until, answered, by, cause) = (*until, *until - *origin, by.clone(), *cause);
            self.journal_call(context, by, Kind::RecordingEnded { length, answered, gap, cause });
            self.room.recorder = Recorder::Closed { until };
        }
    }

    /// The engine was asked to close legs and recorder; their last reports belong to the record.
    pub fn close_when_reported(&mut self, context: &mut Context) {
        let legs = self.legs.iter().any(|l| l.media.open);
        let recorder = matches!(self.room.recorder, Recorder::On { .. } | Recorder::Closing { .. });
        if !legs && !recorder {
            self.let_go(context);
        }
    }

    pub fn let_go(&mut self, context: &mut Context) {
        self.timers.set(Timer::Seal, None);
        self.gone = true;
        if self.standing.is_none() {
            context.closing.push_back(Output::Tell { contact: self.id, tell: Tell::Closed });
        }
    }
}

/// What the end of its leg is to an offer.
fn step_of(offered: Offered, (was_answered, was_up, party): (bool, bool, PartyRef), end: LegEnd) -> OfferStep {
    let ending = if offered.connected { OfferEnding::Connected } else { offer_ending(was_answered, end.cause) };
    // What a carrier has no room for says nothing of who is called there.
    let full = matches!((party, end.cause), (PartyRef::Trunk(_), EndCause::Full | EndCause::Overloaded));
    match full && !was_up {
        true => OfferStep::NoWay,
        false => OfferStep::Ended { ending, sip_status: end.status },
    }
}

/// How an offer ended whose leg ended before the talk.
fn offer_ending(was_answered: bool, cause: EndCause) -> OfferEnding {
    match cause {
        // He took it and was gone before any sound: for the caller that is a refusal.
        _ if was_answered && cause == EndCause::HungUp => OfferEnding::Rejected,
        EndCause::Rejected | EndCause::Busy | EndCause::HungUp => OfferEnding::Rejected,
        EndCause::NoAnswer => OfferEnding::RangOut,
        EndCause::Unreachable | EndCause::NotFound => OfferEnding::Unreachable,
        EndCause::Cancelled | EndCause::PeerLeft => OfferEnding::CallerLeft,
        EndCause::LostRace => OfferEnding::LostRace,
        EndCause::Rescinded
        | EndCause::Released
        | EndCause::FlowEnded
        | EndCause::TooLong
        | EndCause::Drained
        | EndCause::Crash => OfferEnding::Rescinded,
        EndCause::Forbidden
        | EndCause::NotAcceptable
        | EndCause::Unproven
        | EndCause::MediaLost
        | EndCause::SignallingLost
        | EndCause::Full
        | EndCause::Overloaded
        | EndCause::Loop
        | EndCause::InternalError => OfferEnding::Failed,
    }
}
