//! What the endpoint and the engine tell of a leg, and what the contact does about it.

use super::contact::{Contact, Context, PROBE_MAX, Timer};
use super::end::LegEnd;
use super::leg::Leg;
use super::words::{Audience, OfferStep, Tell};
use crate::base::LegId;
use crate::base::Span;
use crate::event::words::{AlarmKind, By, DigitPath, Direction, EndCause, Side, TransferEnding};
use crate::event::{About, DialogState, Kind};
use crate::media::words::{Body, Fact, ReportBody, Source, Subject};
use crate::sip::words::{Act, Tell as Sip};
use crate::switch::LegPhase;

/// What whoever answers at an outside number presses to take the call; the prompt names it.
const CONFIRM_KEY: char = '1';
/// What is told of a key that is nobody's business.
const HIDDEN_DIGIT: char = 'x';
/// How long a digit sounds that we make.
const DIGIT_LENGTH: Span = Span::millis(100);

impl Contact {
    pub fn signal(&mut self, context: &mut Context, tell: Sip) {
        match tell {
            Sip::Progress { leg, fork, status, sdp } => self.progressed(context, leg, fork, status, sdp.as_deref()),
            Sip::Answered { leg, fork, sdp } => self.answered(context, leg, fork, &sdp),
            Sip::Failed { leg, status, cause } => {
                let side = self.side_of(leg);
                self.end_leg(context, leg, LegEnd { cause, side, status: Some(status) });
            }
            Sip::Ended { leg, cause, status, by_far_end } => {
                let side = if by_far_end { self.side_of(leg) } else { Side::System };
                self.end_leg(context, leg, LegEnd { cause, side, status });
            }
            Sip::Acked { leg, sdp } => self.acked(context, leg, sdp.as_deref()),
            Sip::Dialog { leg, dialog } => self.dialog(context, leg, *dialog),
            Sip::Refreshed { leg, sdp } => self.refreshed(context, leg, &sdp),
            Sip::Offer { leg, sdp } => self.offered_again(context, leg, sdp.as_deref()),
            Sip::Digit { leg, digit } => self.digit(context, leg, digit, DigitPath::Info, true),
            Sip::Alive { leg } => self.alive(leg),
            // The room takes these to the history, the tenant what is about phones and not legs.
            Sip::Traced(_) | Sip::Incoming(_) | Sip::Refer(_) => {}
            Sip::Reachable { .. } | Sip::Registered { .. } | Sip::Unregistered { .. } => {}
        }
        self.settle(context);
    }

    /// What a BYE needs after a restart: of no use for a leg that its own answer has ended.
    fn dialog(&mut self, context: &mut Context, leg: LegId, dialog: DialogState) {
        if self.leg(leg).is_some_and(Leg::is_live) {
            self.journal_leg(context, leg, By::SYSTEM, Kind::LegDialog { dialog });
        }
    }

    fn progressed(&mut self, context: &mut Context, leg: LegId, fork: usize, status: u16, sdp: Option<&[u8]>) {
        let t = context.t();
        let Some(l) = self.leg_mut(leg).filter(|l| l.is_live() && !l.is_up()) else { return };
        if l.phase == LegPhase::Calling {
            l.enter(LegPhase::Ringing, t);
        }
        let first = l.progress < status;
        if first {
            l.progress = status;
        }
        let early = sdp.is_some_and(|sdp| l.media.take_early_answer(fork, sdp));
        let (offered, watches) = (l.offered, l.watches().is_some());
        if first {
            self.journal_leg(context, leg, By::PARTY, Kind::LegProgress { status });
            self.target_rings(context, leg);
        }
        if watches {
            return;
        }
        if let Some(offered) = offered {
            if first {
                self.tell(context, Tell::Offer { offer: offered.offer, step: OfferStep::Alerting });
            }
            return;
        }
        self.relay_progress(context, first, early);
    }

    /// The caller that waits unanswered hears that it rings, or the sound that the called side sends already.
    fn relay_progress(&mut self, context: &mut Context, first: bool, early: bool) {
        let Some(main) = self.main_leg().filter(|l| l.direction == Direction::Inbound && !l.is_answered()) else {
            return;
        };
        let (main, rings) = (main.id, main.phase == LegPhase::Ringing);
        let sdp = if early { self.answer_sdp(main) } else { None };
        if sdp.is_none() && (rings || !first) {
            return;
        }
        let status = if sdp.is_some() { 183 } else { 180 };
        self.sip(context, Act::Progress { leg: main, status, sdp });
        self.journal_leg(context, main, By::SYSTEM, Kind::LegProgress { status });
        let t = context.t();
        if let Some(main) = self.leg_mut(main) {
            main.enter(LegPhase::Ringing, t);
        }
    }

    fn answered(&mut self, context: &mut Context, leg: LegId, fork: usize, sdp: &[u8]) {
        let t = context.t();
        let Some(l) = self.leg_mut(leg).filter(|l| l.is_live()) else { return };
        if !l.media.take_answer(fork, sdp) {
            return self.release_leg(context, leg, EndCause::NotAcceptable, Side::System);
        }
        l.enter(LegPhase::Answered, t);
        self.journal_leg(context, leg, By::PARTY, Kind::LegAnswered);
        self.picked_up(context, leg);
    }

    /// Somebody, or something, is at the far end.
    pub fn picked_up(&mut self, context: &mut Context, leg: LegId) {
        let offered = self.leg(leg).and_then(|l| l.offered);
        if self.standing.is_some() {
            self.line_answered(context, leg);
        } else if self.leg(leg).is_some_and(|l| l.watches().is_some()) {
            self.supervisor_answered(context, leg);
        } else if let Some(offered) = offered.filter(|o| o.confirm) {
            self.tell(context, Tell::Offer { offer: offered.offer, step: OfferStep::Confirming });
            self.ask_to_confirm(context, leg);
        } else if let Some(offered) = offered {
            self.tell(context, Tell::Offer { offer: offered.offer, step: OfferStep::Accepted });
            self.agent_accepted(context, leg);
        } else if self.main == Some(leg) {
            self.main_answered(context);
            // Whom a command has called for somebody else wants that one.
            self.marks.taken = !self.two_way;
            self.dial_answered(context, leg);
        } else {
            self.answer_main(context);
            self.marks.talked = true;
            self.dial_answered(context, leg);
        }
    }

    /// The key that no machine presses: only now the far end counts as answered.
    fn confirmed(&mut self, context: &mut Context, leg: LegId) {
        self.end_announcement(context, |a| a.to == Audience::Leg(leg), None);
        if let Some(home) = self.leg_mut(leg).and_then(|l| l.home.as_mut()) {
            home.confirm = false;
            return self.line_answered(context, leg);
        }
        let Some(offered) = self.leg_mut(leg).and_then(|l| l.offered.as_mut()) else { return };
        offered.confirm = false;
        let offer = offered.offer;
        self.tell(context, Tell::Offer { offer, step: OfferStep::Accepted });
        self.agent_accepted(context, leg);
    }

    fn agent_accepted(&mut self, context: &mut Context, leg: LegId) {
        let lost = match self.dialings.iter().find(|d| d.legs.contains(&leg) && d.queue.is_some()) {
            Some(dialing) => dialing.legs.iter().any(|&other| other != leg && self.is_answered(other)),
            None => self.company(leg).any(|l| Some(l.id) != self.main) || self.waiting.is_none(),
        };
        if lost {
            return self.release_leg(context, leg, EndCause::LostRace, Side::System);
        }
        self.answer_main(context);
        if self.leg(leg).is_some_and(|l| l.heard) {
            self.agent_connected(context, leg);
        }
    }

    /// Sound flows both ways: only now the offer counts as answered.
    fn agent_connected(&mut self, context: &mut Context, leg: LegId) {
        let Some(offered) = self.leg_mut(leg).and_then(|l| l.offered.as_mut()).filter(|o| !o.connected) else { return };
        offered.connected = true;
        let offer = offered.offer;
        self.marks.talked = true;
        let main = self.main_call();
        self.free_all(context, main, &By::SYSTEM);
        self.tell(context, Tell::Offer { offer, step: OfferStep::Connected });
        if self.is_from_queue(leg) {
            return self.dial_answered(context, leg);
        }
        self.waiting = None;
    }

    /// The main party has answered, or was answered by us.
    pub fn main_answered(&mut self, context: &mut Context) {
        self.marks.answered = Some(context.t());
        self.timers.set(Timer::CallMax, Some(context.t() + self.limits.call_max));
    }

    /// Answers the caller if that has not happened. `false`: it could not be done, the contact is ending.
    pub fn answer_main(&mut self, context: &mut Context) -> bool {
        let Some(main) = self.main_leg().filter(|l| l.is_live()) else { return false };
        if main.is_answered() || main.direction == Direction::Outbound {
            return main.is_answered();
        }
        let id = main.id;
        let Some(sdp) = self.answer_sdp(id) else {
            self.refuse(context, EndCause::NotAcceptable, Side::System);
            return false;
        };
        self.sip(context, Act::Accept { leg: id, sdp });
        let t = context.t();
        if let Some(main) = self.leg_mut(id) {
            main.enter(LegPhase::Answered, t);
        }
        self.journal_leg(context, id, By::SYSTEM, Kind::LegAnswered);
        self.main_answered(context);
        true
    }

    fn answer_sdp(&mut self, leg: LegId) -> Option<Vec<u8>> {
        self.leg_mut(leg)?.media.answer_or_offer()
    }

    /// Our 200 carried the offer: its ACK has the answer.
    fn acked(&mut self, context: &mut Context, leg: LegId, sdp: Option<&[u8]>) {
        let Some(l) = self.leg_mut(leg).filter(|l| l.is_live()) else { return };
        if !l.media.take_ack(sdp) {
            self.lose_leg(context, leg, EndCause::NotAcceptable, Side::System);
        }
    }

    /// A re-INVITE is answered here and never relayed.
    fn offered_again(&mut self, context: &mut Context, leg: LegId, sdp: Option<&[u8]>) {
        let Some(l) = self.leg_mut(leg).filter(|l| l.is_live()) else { return };
        let Some(answer) = l.media.re_offer(sdp) else {
            return self.sip(context, Act::RefuseOffer { leg, status: 488 });
        };
        self.sip(context, Act::AnswerOffer { leg, sdp: answer });
        self.follow_direction(context, leg);
    }

    /// What the far end says when our refresh repeats our side; what cannot be used changes nothing.
    fn refreshed(&mut self, context: &mut Context, leg: LegId, sdp: &[u8]) {
        let Some(l) = self.leg_mut(leg).filter(|l| l.is_live()) else { return };
        if l.media.take_refreshed(sdp) {
            self.follow_direction(context, leg);
        }
    }

    /// A far end that hears nothing by its own wish has put us on hold.
    fn follow_direction(&mut self, context: &mut Context, leg: LegId) {
        let t = context.t();
        let Some(l) = self.leg_mut(leg) else { return };
        let (was_held, held) = (l.away_since.is_some(), l.media.agreed().is_some_and(|a| !a.send));
        l.away_since = held.then_some(l.away_since.unwrap_or(t));
        match (was_held, held) {
            (false, true) => self.journal_leg(context, leg, By::PARTY, Kind::LegHeld),
            (true, false) => self.journal_leg(context, leg, By::PARTY, Kind::LegRetrieved),
            (true, true) | (false, false) => {}
        }
    }

    pub fn report(&mut self, context: &mut Context, report: ReportBody) {
        match report {
            // The room has no need of these.
            ReportBody::Applied { .. } => {}
            ReportBody::Fact { leg, fact } => match fact {
                Fact::FirstSound => self.first_sound(context, leg),
                Fact::Digit(digit) => self.digit(context, leg, digit, DigitPath::Rtp, false),
                Fact::KeptDigit(digit) => self.digit(context, leg, digit, DigitPath::Rtp, true),
                Fact::Silence => self.silent(context, leg),
            },
            ReportBody::PlayerEnded { player, missing } => self.player_ended(context, player, missing),
            ReportBody::LegClosed { leg, counts } => self.leg_closed(context, leg, counts),
            ReportBody::RecordingEnded { recorder: _, length, gap } => self.recording_ended(context, length, gap),
        }
        self.settle(context);
    }

    fn first_sound(&mut self, context: &mut Context, leg: LegId) {
        let Some(l) = self.leg_mut(leg).filter(|l| l.is_live() && !l.heard) else { return };
        l.heard = true;
        self.journal_leg(context, leg, By::PARTY, Kind::MediaHeard);
        if self.is_answered(leg) {
            self.agent_connected(context, leg);
        }
    }

    fn silent(&mut self, context: &mut Context, leg: LegId) {
        let Some(l) = self.leg_mut(leg).filter(|l| l.is_answered() && l.away_since.is_none()) else { return };
        l.probing = true;
        self.timers.set(Timer::Probe, Some(context.t() + PROBE_MAX));
        self.sip(context, Act::Probe { leg });
    }

    fn alive(&mut self, leg: LegId) {
        if let Some(l) = self.leg_mut(leg) {
            l.probing = false;
        }
        if !self.legs.iter().any(|l| l.probing) {
            self.timers.set(Timer::Probe, None);
        }
    }

    pub fn probe_unanswered(&mut self, context: &mut Context) {
        let silent: Vec<LegId> = self.live_legs().filter(|l| l.probing).map(|l| l.id).collect();
        for leg in silent {
            self.lose_leg(context, leg, EndCause::MediaLost, Side::System);
        }
    }

    /// A digit is the flow's while nobody else is there, and the other party's in a talk. `kept`: no far end has it yet, as
    /// it was pressed while the leg's keys were one party's, or came by INFO.
    fn digit(&mut self, context: &mut Context, leg: LegId, digit: char, path: DigitPath, kept: bool) {
        let t = context.t();
        let is_news = |l: &mut super::leg::Leg| l.is_live() && l.pressed.is_news(digit, path, t);
        if !self.leg_mut(leg).is_some_and(is_news) {
            return;
        }
        let passes_to = self.leg(leg).and_then(|l| l.passes_to);
        let to_one = passes_to.is_some() || (kept && path == DigitPath::Rtp);
        let hidden = to_one || (self.hides_digits && self.main == Some(leg));
        let told = if hidden { HIDDEN_DIGIT } else { digit };
        self.journal_leg(context, leg, By::PARTY, Kind::Digit { digit: told, path });
        if to_one {
            if let Some(to) = passes_to.filter(|_| kept) {
                self.pass_digit(context, to, digit);
            }
            return;
        }
        if self.leg(leg).is_some_and(super::leg::Leg::is_confirming) {
            if digit == CONFIRM_KEY {
                self.confirmed(context, leg);
            }
            return;
        }
        // What a supervisor presses is nobody's.
        let speaks = |l: &super::leg::Leg| l.is_answered() && l.watches().is_none();
        let others: Vec<LegId> = match self.leg(leg).is_some_and(speaks) {
            true => self.company(leg).map(|l| l.id).collect(),
            false => Vec::new(),
        };
        if others.is_empty() && self.main == Some(leg) {
            self.tell(context, Tell::Digit(digit));
        }
        for other in others {
            match path {
                DigitPath::Rtp if self.has_events(other) && !self.is_summed(leg, other) => {}
                DigitPath::Rtp | DigitPath::Info => self.pass_digit(context, other, digit),
            }
        }
    }

    /// `from` is heard by `to` in a sum, which has no keys. Where it is heard alone the engine forwards its telephone-events;
    /// where it is not heard they go nowhere.
    fn is_summed(&self, from: LegId, to: LegId) -> bool {
        let row = self.row(to);
        row.len() > 1 && row.contains(&Source::Leg(from))
    }

    fn has_events(&self, leg: LegId) -> bool {
        self.leg(leg).and_then(|l| l.media.agreed()).is_some_and(|a| a.telephone_event_send.is_some())
    }

    /// In the way the other side speaks.
    pub fn pass_digit(&mut self, context: &mut Context, to: LegId, digit: char) {
        let has_events = self.has_events(to);
        let Some(l) = self.leg_mut(to).filter(|l| l.is_answered()) else { return };
        match has_events {
            true => l.media.send_digit(digit),
            false => self.sip(context, Act::SendDigit { leg: to, digit, duration: DIGIT_LENGTH }),
        }
    }

    /// A bug in one contact ends that contact and nothing else: its far ends get BYE, and ports that the lost step took
    /// after the first `taken` go back.
    pub fn poisoned(&mut self, context: &mut Context, taken: u64) {
        for ports in context.supplies.ports.lent_after(taken) {
            self.media(context, Body::ReturnPorts(ports));
        }
        let legs: Vec<LegId> = self.live_legs().map(|l| l.id).collect();
        let kind = Kind::Alarm { alarm: AlarmKind::InternalError, text: "a step of this contact panicked".to_owned() };
        self.journal(context, About::default(), By::SYSTEM, kind);
        self.drop_dials(context);
        self.drop_transfer(context, TransferEnding::CustomerLeft, EndCause::InternalError);
        self.calls.iter_mut().for_each(|call| call.chair = None);
        self.mark_ending(LegEnd { cause: EndCause::InternalError, side: Side::System, status: None });
        for leg in legs {
            self.release_leg(context, leg, EndCause::InternalError, Side::System);
        }
        self.media(context, Body::Close(Subject::Recorder(self.id)));
        self.settle(context);
    }
}
