//! Life within a dialog, both ways: BYE, re-INVITE, UPDATE, INFO, probes, the repeats of our 2xx, the session timer.
//! Owns the end of dialogs: one without a leg stays until its transactions are over and answers 481 by itself.

use bytes::Bytes;

use super::arrive::Body;
use super::digits::{self, Info};
use super::session::{self, Asked, Due};
use super::wire::reason;
use super::{Context, Endpoint, Leg, No, Phase, Role, Timed};
use crate::base::bounds::INFOS_PER_SECOND;
use crate::base::{LegId, Span, Time};
use crate::event::DialogState;
use crate::event::words::{EndCause, PartyRef};
use crate::sip::dialog::{Dialog, Path};
use crate::sip::message::{Method, Name, Refresher, Request, RequestBuilder, Response};
use crate::sip::transaction::T2;
use crate::sip::words::Tell;

impl Endpoint {
    // ---- their requests

    /// A request within a known dialog, in its transaction.
    pub(super) fn in_dialog(&mut self, no: No, talk: No, path: Path, context: &mut Context) {
        let Some(request) = self.servers.get(&no).and_then(|tx| tx.request.as_deref()).cloned() else { return };
        let Some(entry) = self.talks.get_mut(&talk) else { return };
        let leg = entry.leg;
        let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
        let (over, in_order) = (matches!(entry.phase, Phase::Over), entry.dialog.take_cseq(number));
        // a phone whose NAT moved it, or whose connection was opened anew, is answered where it is now
        entry.dialog.path = path;
        self.join_talk(no, talk, leg);
        self.trace(leg, false, path.remote, request.to_bytes(), context);
        if over {
            return self.refuse(no, 481, context);
        }
        if !in_order {
            return self.refuse_for_now(no, context);
        }
        if self.refused_extension(no, &request, context) {
            return;
        }
        match request.method {
            Method::Bye => self.bye_arrived(no, talk, context),
            Method::Invite | Method::Update => self.offer_arrived(no, talk, &request, context),
            Method::Info => self.info_arrived(no, talk, &request, context),
            Method::Refer => self.refer_arrived(no, talk, &request, context),
            Method::Options => self.options(no, context),
            Method::Extension(_) => {
                self.respond(no, 501, |builder| builder.header(Name::Allow, super::wire::ALLOW), context);
            }
            _ => {
                self.respond(no, 405, |builder| builder.header(Name::Allow, super::wire::ALLOW), context);
            }
        }
    }

    fn bye_arrived(&mut self, no: No, talk: No, context: &mut Context) {
        self.refuse(no, 200, context);
        let Some(leg) = self.talks.get(&talk).map(|entry| entry.leg) else { return };
        if let Some(server) = self.is_early(talk) {
            // RFC 3261 §15.1.2: what is pending gets 487
            self.refuse(server, 487, context);
        }
        match leg {
            Some(leg) => self.leg_ended(leg, talk, EndCause::HungUp, None, true),
            None => self.close_talk(talk),
        }
        self.refuse_pending(talk, context);
    }

    /// A re-INVITE or UPDATE; RFC 3261 §14.2, RFC 3311 §5.2.
    fn offer_arrived(&mut self, no: No, talk: No, request: &Request, context: &mut Context) {
        let is_update = request.method == Method::Update;
        let Some(entry) = self.talks.get_mut(&talk) else { return };
        let unanswered = matches!(entry.phase, Phase::Early { .. }) || entry.offered.is_some();
        if entry.refreshing {
            return self.refuse(no, 491, context);
        }
        let sdp = match Self::body_of(request) {
            Body::None => None,
            Body::Sdp(sdp) => Some(sdp),
            Body::Foreign => return self.refuse_body(no, context),
        };
        let refreshes = is_update && sdp.is_none();
        if unanswered && !refreshes || entry.unacked.is_some() && !is_update {
            return self.refuse_for_now(no, context);
        }
        if session::asked(&request.headers) == Asked::TooSmall {
            self.respond(no, 422, |builder| builder.header(Name::MinSe, session::MIN_SE), context);
            return;
        }
        let moved = entry.dialog.refresh_target(&request.headers);
        let leg = entry.leg;
        if moved {
            self.tell_dialog(talk);
        }
        match leg {
            _ if refreshes => {
                self.answer_with_sdp(no, talk, Vec::new(), context);
            }
            Some(leg) => {
                if let Some(entry) = self.talks.get_mut(&talk) {
                    entry.offered = Some(no);
                }
                if !is_update {
                    self.respond(no, 100, |builder| builder, context);
                }
                self.tell(Tell::Offer { leg, sdp });
            }
            // the leg is over, its BYE is waiting
            None => self.refuse(no, 481, context),
        }
    }

    pub(super) fn answer_offer(&mut self, leg: LegId, sdp: Vec<u8>, context: &mut Context) {
        let Some((talk, no)) = self.take_offered(leg) else { return };
        self.answer_with_sdp(no, talk, sdp, context);
    }

    pub(super) fn refuse_offer(&mut self, leg: LegId, status: u16, context: &mut Context) {
        let Some((_, no)) = self.take_offered(leg) else { return };
        let status = if (300..700).contains(&status) { status } else { 488 };
        self.refuse(no, status, context);
    }

    fn take_offered(&mut self, leg: LegId) -> Option<(No, No)> {
        let talk = self.talk_no(leg)?;
        let no = self.talks.get_mut(&talk)?.offered.take()?;
        Some((talk, no))
    }

    fn info_arrived(&mut self, no: No, talk: No, request: &Request, context: &mut Context) {
        let kind = request.headers.content_type().unwrap_or(None);
        let Some(entry) = self.talks.get_mut(&talk) else { return };
        if !entry.infos.take(INFOS_PER_SECOND, INFOS_PER_SECOND, context.t()) {
            self.counters.infos_refused += 1;
            return self.refuse_for_now(no, context);
        }
        let leg = entry.leg;
        match (digits::read(kind.as_ref(), request.body()), leg) {
            (Info::Digit(digit), Some(leg)) => {
                self.refuse(no, 200, context);
                self.tell(Tell::Digit { leg, digit });
            }
            (Info::Digit(_) | Info::Nothing, _) => self.refuse(no, 200, context),
            (Info::Foreign, _) => self.refuse_body(no, context),
        }
    }

    // ---- ours

    /// Whatever ends the leg in the state it is in.
    pub(super) fn end(&mut self, leg: LegId, status: u16, cause: EndCause, context: &mut Context) {
        match self.legs.get(&leg) {
            None => {}
            Some(Leg::Inbound { .. }) => self.refuse_invite(leg, status, cause, context),
            Some(Leg::Dialing(_)) => self.give_up_dialing(leg, cause, context),
            Some(&Leg::Up { talk }) => {
                self.part(talk, cause, context);
                self.legs.remove(&leg);
            }
        }
    }

    /// BYE, or as soon as our 2xx is acknowledged.
    fn part(&mut self, talk: No, cause: EndCause, context: &mut Context) {
        let Some(entry) = self.talks.get_mut(&talk) else { return };
        match entry.phase {
            Phase::Confirmed if entry.unacked.is_some() => {
                (entry.phase, entry.leg, entry.session) = (Phase::Parting(cause), None, None);
                self.refuse_pending(talk, context);
                self.plan_talk(talk);
            }
            Phase::Confirmed => self.say_bye(talk, cause, context),
            Phase::Early { .. } | Phase::Parting(_) | Phase::Over => {}
        }
    }

    pub(super) fn say_bye(&mut self, talk: No, cause: EndCause, context: &mut Context) {
        let leg = self.talks.get(&talk).and_then(|entry| entry.leg);
        self.send_in_dialog(talk, Method::Bye, Role::Parting, context, |builder| {
            builder.header(Name::Reason, reason(cause))
        });
        self.refuse_pending(talk, context);
        self.close_talk(talk);
        if let Some(leg) = leg.filter(|leg| matches!(self.legs.get(leg), Some(Leg::Up { .. }))) {
            self.legs.remove(&leg);
        }
    }

    /// A dialog that ends leaves no offer of theirs unanswered.
    fn refuse_pending(&mut self, talk: No, context: &mut Context) {
        if let Some(no) = self.talks.get_mut(&talk).and_then(|entry| entry.offered.take()) {
            self.refuse(no, 487, context);
        }
    }

    /// Sends a request within a dialog; false: it could not be written.
    pub(super) fn send_in_dialog(
        &mut self,
        talk: No,
        method: Method,
        role: Role,
        context: &mut Context,
        fill: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> bool {
        let Some(entry) = self.talks.get_mut(&talk) else { return false };
        let path = Path { remote: entry.dialog.next_hop(), ..entry.dialog.path };
        let (cseq, grown) = entry.dialog.next_cseq();
        let leg = entry.leg;
        if grown {
            self.tell_dialog(talk);
        }
        let Some(via) = self.new_via(&path, context) else { return false };
        let Some(entry) = self.talks.get(&talk) else { return false };
        let built = fill(entry.dialog.request(method, cseq, &via)).build();
        let Some(request) = self.built(built) else { return false };
        self.send_request(request, path, role, (leg, Some(talk)), context);
        true
    }

    pub(super) fn send_digit(&mut self, leg: LegId, digit: char, duration: Span, context: &mut Context) {
        let Some(talk) = self.confirmed(leg) else { return };
        let body = digits::write(digit, duration);
        self.send_in_dialog(talk, Method::Info, Role::Digit, context, |builder| {
            builder.body("application/dtmf-relay", Bytes::from(body))
        });
    }

    pub(super) fn probe(&mut self, leg: LegId, context: &mut Context) {
        let Some(talk) = self.confirmed(leg) else { return };
        self.send_in_dialog(talk, Method::Options, Role::Probe, context, |builder| {
            builder.header(Name::Accept, super::wire::ACCEPT)
        });
    }

    pub(super) fn probe_answered(&mut self, no: No, status: u16, response: Option<&Response>, context: &mut Context) {
        let leg = self.clients.get(&no).and_then(|tx| tx.leg);
        if status < 200 {
            return;
        }
        match leg.filter(|leg| self.legs.contains_key(leg)) {
            Some(leg) if response.is_some() && !matches!(status, 408 | 481) => self.tell(Tell::Alive { leg }),
            Some(_) | None => self.lost(no, EndCause::MediaLost, status, response.is_none(), context),
        }
    }

    /// An INFO of ours was answered: only 408 and 481 mean something (RFC 3261 §12.2.1.2).
    pub(super) fn told_in_dialog(&mut self, no: No, status: u16, response: Option<&Response>, context: &mut Context) {
        if status == 481 || response.is_none() && status == 408 {
            self.lost(no, EndCause::SignallingLost, status, response.is_none(), context);
        }
    }

    /// The far end does not know the dialog any more, or is gone. BYE is sent in case it hears us after all.
    fn lost(&mut self, no: No, cause: EndCause, status: u16, silent: bool, context: &mut Context) {
        let Some(talk) = self.clients.get(&no).and_then(|tx| tx.talk) else { return };
        let Some(leg) = self.talks.get(&talk).and_then(|entry| entry.leg) else { return };
        self.say_bye(talk, cause, context);
        let status = (!silent).then_some(status);
        self.tell(Tell::Ended { leg, cause, status, by_far_end: false });
    }

    // ---- the session timer

    fn refresh(&mut self, talk: No, context: &mut Context) {
        let Some(entry) = self.talks.get_mut(&talk) else { return };
        let Some(timer) = entry.session else { return };
        // should this one not go out: theirs refreshes as well, if it is not refused
        entry.session.iter_mut().for_each(|session| session.retry(context.t()));
        if entry.offered.is_some() || entry.unacked.is_some() || entry.refreshing {
            return;
        }
        let (update, sdp, path) = (entry.takes_update || entry.sdp.is_empty(), entry.sdp.clone(), entry.dialog.path);
        let Some(contact) = self.contact(&path) else { return };
        let method = if update { Method::Update } else { Method::Invite };
        let sent = self.send_in_dialog(talk, method, Role::Refresh, context, |builder| {
            let builder = builder.header(Name::Contact, contact).header(Name::Allow, super::wire::ALLOW);
            // in a refresh we are the UAC
            let builder = session::write_request(builder, timer.seconds, Some(Refresher::Uac));
            if update { builder } else { builder.body("application/sdp", sdp) }
        });
        if let Some(entry) = self.talks.get_mut(&talk).filter(|_| sent) {
            entry.refreshing = true;
            entry.session.iter_mut().for_each(session::Session::sent);
        }
    }

    pub(super) fn refresh_answered(&mut self, no: No, status: u16, response: Option<&Response>, context: &mut Context) {
        let Some((talk, is_invite)) =
            self.clients.get(&no).and_then(|tx| Some((tx.talk?, tx.request.method == Method::Invite)))
        else {
            return;
        };
        if status < 200 {
            return;
        }
        if let Some(response) = response.filter(|response| response.is_success() && is_invite) {
            self.acknowledge(no, talk, response, context);
        }
        let Some(entry) = self.talks.get_mut(&talk) else { return };
        let first = std::mem::take(&mut entry.refreshing);
        if !first || entry.phase != Phase::Confirmed {
            return;
        }
        match (status, response) {
            (200..300, Some(response)) => {
                let (moved, leg) = (entry.dialog.refresh_target(&response.headers), entry.leg);
                entry.session = session::agreed(&response.headers, context.t());
                if moved {
                    self.tell_dialog(talk);
                }
                let sdp = Self::sdp_of(&response.headers, response.body());
                if let Some(leg) = leg.filter(|_| is_invite && !sdp.is_empty()) {
                    self.tell(Tell::Refreshed { leg, sdp });
                }
            }
            (422, Some(response)) => {
                if let Some(timer) = &mut entry.session
                    && let Some(seconds) = session::after_422(&response.headers, timer.seconds)
                {
                    timer.seconds = seconds;
                    self.refresh(talk, context);
                }
            }
            (481, _) | (408, None) => self.lost(no, EndCause::SignallingLost, status, response.is_none(), context),
            // the timer itself ends the call when no refresh is taken until then
            (_, _) => entry.session.iter_mut().for_each(|session| session.retry(context.t())),
        }
        self.plan_talk(talk);
    }

    // ---- time

    pub(super) fn talk_due(&mut self, no: No, context: &mut Context) {
        let t = context.t();
        let Some(entry) = self.talks.get_mut(&no) else { return self.agenda.set(Timed::Talk(no), None) };
        if let Some(unacked) = entry.unacked.as_mut() {
            if unacked.until <= t {
                entry.unacked = None;
                return self.never_acknowledged(no, context);
            }
            if unacked.again <= t {
                unacked.interval = (unacked.interval * 2).min(T2);
                unacked.again = t + unacked.interval;
                let (path, bytes) = (unacked.path, unacked.bytes.clone());
                self.send_reply(&path, bytes);
            }
        }
        let session = self.talks.get_mut(&no).and_then(|entry| entry.session.as_mut());
        match session.and_then(|session| session.due(t)) {
            Some(Due::Refresh) => self.refresh(no, context),
            Some(Due::End) => {
                let leg = self.talks.get(&no).and_then(|entry| entry.leg);
                self.say_bye(no, EndCause::SignallingLost, context);
                if let Some(leg) = leg {
                    let (cause, status) = (EndCause::SignallingLost, None);
                    self.tell(Tell::Ended { leg, cause, status, by_far_end: false });
                }
            }
            None => {}
        }
        self.plan_talk(no);
    }

    /// RFC 3261 §13.3.1.4: the dialog is confirmed, and ended by BYE.
    fn never_acknowledged(&mut self, talk: No, context: &mut Context) {
        let Some((leg, phase)) = self.talks.get(&talk).map(|entry| (entry.leg, entry.phase)) else { return };
        let cause = match phase {
            Phase::Parting(cause) => cause,
            Phase::Early { .. } | Phase::Confirmed | Phase::Over => EndCause::SignallingLost,
        };
        self.say_bye(talk, cause, context);
        if let Some(leg) = leg {
            self.tell(Tell::Ended { leg, cause, status: None, by_far_end: false });
        }
    }

    /// After each change of a dialog: its deadline, or its end.
    pub(super) fn plan_talk(&mut self, no: No) {
        let Some(entry) = self.talks.get(&no) else { return self.agenda.set(Timed::Talk(no), None) };
        if entry.phase == Phase::Over && entry.transactions == 0 {
            let tag = entry.dialog.local_tag.clone();
            self.talks.remove(&no);
            if self.tags.get(&tag) == Some(&no) {
                self.tags.remove(&tag);
            }
            return self.agenda.set(Timed::Talk(no), None);
        }
        let unacked = entry.unacked.as_ref().map(|unacked| unacked.again.min(unacked.until));
        let session = entry.session.as_ref().map(|session| session.deadline());
        let at: Option<Time> = unacked.into_iter().chain(session).min();
        self.agenda.set(Timed::Talk(no), at);
    }

    // ---- ends

    /// The far end or a timer ended the leg.
    pub(super) fn leg_ended(&mut self, leg: LegId, talk: No, cause: EndCause, status: Option<u16>, by_far_end: bool) {
        self.tell(Tell::Ended { leg, cause, status, by_far_end });
        self.legs.remove(&leg);
        self.close_talk(talk);
    }

    /// Over: what is left are its transactions.
    pub(super) fn close_talk(&mut self, no: No) {
        if let Some(entry) = self.talks.get_mut(&no) {
            (entry.phase, entry.leg, entry.session, entry.unacked) = (Phase::Over, None, None, None);
        }
        self.plan_talk(no);
    }

    /// Ends the dialog of a process that died.
    pub(super) fn bye_restored(&mut self, state: &DialogState, cause: EndCause, context: &mut Context) {
        let Some(dialog) = Dialog::restored(state) else {
            self.counters.unwritable += 1;
            return;
        };
        // the party is nobody's concern any more; a request of this dialog gets 481 whoever sends it
        let party = PartyRef::Trunk(crate::base::TrunkNo(u32::MAX));
        let talk = self.open_talk(dialog, party, None, Phase::Confirmed, context);
        self.say_bye(talk, cause, context);
    }

    pub(super) fn tell_dialog(&mut self, talk: No) {
        if let Some(entry) = self.talks.get(&talk)
            && let Some(leg) = entry.leg
        {
            let dialog = Box::new(entry.dialog.state());
            self.tell(Tell::Dialog { leg, dialog });
        }
    }

    fn talk_no(&self, leg: LegId) -> Option<No> {
        match self.legs.get(&leg)? {
            Leg::Inbound { talk, .. } | Leg::Up { talk } => Some(*talk),
            Leg::Dialing(_) => None,
        }
    }

    fn confirmed(&self, leg: LegId) -> Option<No> {
        let talk = self.talk_no(leg)?;
        self.talks.get(&talk).filter(|entry| entry.phase == Phase::Confirmed).map(|_| talk)
    }
}
