//! Calls of the user agent: INVITE in and out, what happens within a dialog, and its end.

use std::net::SocketAddr;

use cordboard::base::{Span, Time};
use cordboard::sip::message::{Method, Name, Request, Response};

use super::call::{Answer, Call, CallNo, Diary, Phase, Unacked};
use super::wire::{T1, T1_64, T2, What};
use super::{RING_MAX, Timer, Ua, digest};

impl Ua {
    fn sdp(&self, call: &Call) -> String {
        let at = call.rtp;
        let direction = if call.held { "sendonly" } else { "sendrecv" };
        format!(
            "v=0\r\no=- {} {} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {} RTP/AVP 8 0 101\r\n\
             a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
             a=fmtp:101 0-15\r\na={direction}\r\n",
            call.no,
            call.sdp_version,
            at.port(),
            ip = at.ip(),
        )
    }

    pub(super) fn send_invite(&mut self, call: &mut Call, credentials: Option<String>, t: Time) {
        let no = self.mint();
        call.cseq += 1;
        call.transaction = no;
        let mut builder = self.within(call, Method::Invite, call.cseq, no);
        if let Some(value) = credentials {
            builder = builder.header(Name::Authorization, value);
        }
        if let Some(dialog) = &call.plan.replaces {
            builder = builder.header(Name::Replaces, dialog);
        }
        if !call.plan.offers_late {
            builder = builder.body("application/sdp", self.sdp(call));
        }
        let request = builder.build().expect("an INVITE");
        self.send(no, What::Invite(call.no), request, t);
    }

    pub(super) fn invite_progressed(&mut self, no: CallNo, transaction: u64, response: &Response, t: Time) {
        if response.status > 100 {
            let rtp = rtp_in(response.body());
            self.with(no, |_, call| {
                call.diary.ringing.get_or_insert(t);
                call.peer_rtp = rtp.or(call.peer_rtp);
            });
        }
        if self.is_cancel_wanted(transaction) {
            self.invite_wants_cancel(transaction, t);
        }
    }

    pub(super) fn invite_answered(&mut self, no: CallNo, request: &Request, response: Response, t: Time) {
        self.with(no, |ua, call| {
            if response.is_success() {
                ua.call_answered(call, &response, t);
            } else if response.status == 401 && !call.challenged && ua.account.is_some() {
                ua.try_with_credentials(call, request, &response, t);
            } else {
                call.diary.finals.push((t, response.status));
                call.diary.acked.get_or_insert(t);
                ua.is_over(call, t);
            }
        });
    }

    fn try_with_credentials(&mut self, call: &mut Call, request: &Request, response: &Response, t: Time) {
        call.challenged = true;
        let (Some(account), Some(challenge)) =
            (self.account.clone(), response.headers.auth(Name::WwwAuthenticate).into_iter().next())
        else {
            return;
        };
        let (user, password) = (&account.user, &account.password);
        let value = digest::credentials(&challenge, user, password, "INVITE", request.uri.as_str(), 1);
        if call.phase == Phase::Cancelling {
            call.diary.finals.push((t, 401));
            call.diary.acked.get_or_insert(t);
            return self.is_over(call, t);
        }
        self.send_invite(call, value, t);
    }

    fn call_answered(&mut self, call: &mut Call, response: &Response, t: Time) {
        call.diary.finals.push((t, response.status));
        call.remote_tag = response.headers.to().ok().and_then(|to| to.tag().map(str::to_owned));
        if let Ok(Some(target)) = response.headers.contact_uri() {
            call.target = target;
        }
        call.peer_rtp = rtp_in(response.body()).or(call.peer_rtp);
        call.diary.acked.get_or_insert(t);
        let answer = call.plan.offers_late.then(|| self.sdp(call));
        self.ack(call, call.cseq, answer);
        let gives_up = call.phase != Phase::Calling;
        self.is_up(call, t);
        if gives_up {
            self.bye(call, t);
        }
    }

    fn ack(&mut self, call: &mut Call, cseq: u32, answer: Option<String>) {
        let no = self.mint();
        let builder = self.within(call, Method::Ack, cseq, no);
        let builder = answer.into_iter().fold(builder, |builder, sdp| builder.body("application/sdp", sdp));
        let ack = builder.build().expect("an ACK").to_bytes();
        call.acks.push((cseq, ack.clone()));
        self.put(ack);
    }

    /// The 2xx came again: so does its ACK (RFC 3261 §13.2.2.4).
    pub(super) fn ok_repeated(&mut self, response: &Response, cseq: u32, _: Time) {
        let Ok(call_id) = response.headers.call_id() else { return };
        let call = self.by_call_id.get(call_id.as_ref()).and_then(|no| self.calls.get(no));
        let ack = call.and_then(|c| c.acks.iter().find(|(n, _)| *n == cseq)).map(|(_, ack)| ack.clone());
        ack.into_iter().for_each(|ack| self.put(ack));
    }

    /// Nobody answered in time, or the caller changed his mind.
    pub fn cancel(&mut self, no: CallNo, t: Time) {
        let transaction = self.with(no, |_, call| {
            if call.phase != Phase::Calling || !call.diary.outgoing {
                return None;
            }
            call.phase = Phase::Cancelling;
            call.diary.cancelled.get_or_insert(t);
            Some(call.transaction)
        });
        if let Some(Some(transaction)) = transaction {
            self.invite_wants_cancel(transaction, t);
        }
    }

    pub fn hang_up(&mut self, no: CallNo, t: Time) {
        match self.calls.get(&no).map(|c| (c.phase, c.diary.outgoing)) {
            Some((Phase::Up, _)) => {
                self.with(no, |ua, call| ua.bye(call, t));
            }
            Some((Phase::Calling, true)) => self.cancel(no, t),
            Some((Phase::Calling, false)) => self.reject(no, 603, t),
            Some((Phase::Cancelling | Phase::Over, _)) | None => {}
        }
    }

    /// A BYE waits for the ACK of our 200 (RFC 3261 §15).
    fn bye(&mut self, call: &mut Call, t: Time) {
        call.parting = true;
        if call.unacked.is_some() || call.diary.bye_sent.is_some() || call.phase == Phase::Over {
            return;
        }
        let no = self.mint();
        call.cseq += 1;
        let request = self.within(call, Method::Bye, call.cseq, no).build().expect("a BYE");
        call.diary.bye_sent = Some(t);
        call.phase = Phase::Over;
        self.send(no, What::Bye(call.no), request, t);
        self.set(t + T1_64 + Span::seconds(8), Timer::Forget(call.no));
        call.diary.over.get_or_insert(t);
    }

    pub(super) fn re_invite(&mut self, no: CallNo, hold: bool, t: Time) {
        self.with(no, |ua, call| {
            if call.phase != Phase::Up {
                return;
            }
            call.held = hold;
            call.sdp_version += 1;
            call.cseq += 1;
            let transaction = ua.mint();
            let builder = ua.within(call, Method::Invite, call.cseq, transaction);
            let request = builder.body("application/sdp", ua.sdp(call)).build().expect("a re-INVITE");
            ua.send(transaction, What::ReInvite(no), request, t);
        });
    }

    pub(super) fn re_invite_answered(&mut self, no: CallNo, response: &Response, t: Time) {
        let cseq = response.headers.cseq().map_or(0, |c| c.number);
        self.with(no, |ua, call| {
            if response.is_success() {
                call.peer_rtp = rtp_in(response.body()).or(call.peer_rtp);
                ua.ack(call, cseq, None);
            } else if response.status == 481 {
                ua.is_over(call, t);
            }
        });
    }

    pub(super) fn info(&mut self, no: CallNo, key: char, t: Time) {
        self.with(no, |ua, call| {
            if call.phase != Phase::Up {
                return;
            }
            call.cseq += 1;
            let transaction = ua.mint();
            let body = format!("Signal={key}\r\nDuration=160\r\n");
            let builder = ua.within(call, Method::Info, call.cseq, transaction);
            let request = builder.body("application/dtmf-relay", body).build().expect("an INFO");
            ua.send(transaction, What::Info, request, t);
        });
    }

    /// Gives the far end to somebody else; with `other` to whom it talks with in that call (RFC 3891 §6.1: the tags as
    /// the server sees them).
    pub fn refer(&mut self, no: CallNo, to: &str, other: Option<CallNo>, t: Time) {
        let replaces = other.and_then(|other| self.calls.get(&other)).map_or(String::new(), |other| {
            let theirs = other.remote_tag.as_deref().unwrap_or("");
            format!("?Replaces={}%3Bto-tag%3D{theirs}%3Bfrom-tag%3D{}", other.call_id, other.local_tag)
        });
        let target = format!("<{}{replaces}>", self.local_uri(to));
        self.with(no, |ua, call| {
            call.cseq += 1;
            let transaction = ua.mint();
            let builder = ua.within(call, Method::Refer, call.cseq, transaction).header(Name::ReferTo, target);
            ua.send(transaction, What::Info, builder.build().expect("a REFER"), t);
        });
    }

    // ---- called

    pub(super) fn request_begins(&mut self, no: u64, request: &Request, t: Time) {
        let known = request.headers.call_id().ok().and_then(|id| self.by_call_id.get(id.as_ref()).copied());
        let to_tag = request.headers.to().ok().and_then(|to| to.tag().map(str::to_owned));
        if let Some(tag) = to_tag {
            let call = known.filter(|no| self.calls.get(no).is_some_and(|c| c.local_tag == tag));
            return match call {
                Some(call) => self.in_dialog(call, no, request, t),
                None => self.is_message_for_nobody(no, t),
            };
        }
        match request.method {
            Method::Invite => self.called(no, request, t),
            Method::Options => {
                self.options += 1;
                let tag = self.local_token();
                self.reply(no, 200, &tag, t);
            }
            _ => self.is_message_for_nobody(no, t),
        }
    }

    fn local_token(&mut self) -> String {
        self.rng.token(10)
    }

    fn called(&mut self, server: u64, request: &Request, t: Time) {
        let headers = &request.headers;
        let (Ok(from), Ok(to), Ok(Some(target))) = (headers.from(), headers.to(), headers.contact_uri()) else {
            return self.reply(server, 400, "broken", t);
        };
        let call_id = headers.call_id().map(|id| id.into_owned()).unwrap_or_default();
        let (no, local_tag) = (self.mint() as CallNo, self.local_token());
        let plan = (self.manner)(&mut self.rng);
        let late = self.back.is_some_and(|back| t - back < T1_64);
        let diary = Diary { invite: t, ringing: Some(t), late, ..Diary::default() };
        let call = Call {
            no,
            phase: Phase::Calling,
            plan,
            diary,
            call_id: call_id.clone(),
            local: format!("{to};tag={local_tag}"),
            local_tag: local_tag.clone(),
            remote_tag: from.tag().map(str::to_owned),
            remote: from.to_string(),
            target,
            cseq: 100,
            transaction: 0,
            challenged: false,
            rtp: self.next_rtp(),
            peer_rtp: rtp_in(request.body()),
            held: false,
            sdp_version: 1,
            acks: Vec::new(),
            unacked: None,
            parting: false,
            server: Some(server),
            early: false,
            max_forwards: headers.max_forwards().ok().flatten().map(u32::from),
            deeds_done: 0,
        };
        self.begin(call, server, t);
    }

    fn begin(&mut self, call: Call, server: u64, t: Time) {
        let (no, tag, answer) = (call.no, call.local_tag.clone(), call.plan.answer);
        if let Some(server) = self.servers.get_mut(&server) {
            server.call = Some(no);
        }
        self.by_call_id.insert(call.call_id.clone(), no);
        self.write(&call);
        self.calls.insert(no, call);
        let contact = self.contact();
        self.reply_with(server, 180, &tag, |builder| builder.header(Name::Contact, contact), t);
        match answer {
            Answer::ByHand => {}
            Answer::After(after) | Answer::Reject(_, after) | Answer::Vanish(after) => {
                self.set(t + after, Timer::Answer(no));
            }
        }
        self.set(t + RING_MAX, Timer::Ringing(no));
    }

    /// Sound before the answer: 183 with a description.
    #[allow(dead_code, reason = "asked where the wire is real")]
    pub fn speaks_early(&mut self, no: CallNo, t: Time) {
        self.with(no, |ua, call| {
            let Some(server) = call.server.filter(|_| call.phase == Phase::Calling) else { return };
            let (sdp, contact, tag) = (ua.sdp(call), ua.contact(), call.local_tag.clone());
            let fill = |builder: cordboard::sip::message::ResponseBuilder| {
                builder.header(Name::Contact, contact).body("application/sdp", sdp)
            };
            ua.reply_with(server, 183, &tag, fill, t);
            call.early = true;
        });
    }

    pub fn answer(&mut self, no: CallNo, t: Time) {
        self.with(no, |ua, call| {
            let Some(server) = call.server.filter(|_| call.phase == Phase::Calling) else { return };
            call.diary.finals.push((t, 200));
            ua.ok(call, server, t);
            ua.is_up(call, t);
        });
    }

    /// 200 with our description, repeated until its ACK.
    fn ok(&mut self, call: &mut Call, server: u64, t: Time) {
        let (sdp, contact, tag) = (self.sdp(call), self.contact(), call.local_tag.clone());
        let fill = |builder: cordboard::sip::message::ResponseBuilder| {
            builder.header(Name::Contact, contact).body("application/sdp", sdp)
        };
        let cseq = self.servers[&server].request.headers.cseq().map_or(0, |c| c.number);
        let bytes = self.reply_with(server, 200, &tag, fill, t);
        call.unacked = Some(Unacked { bytes, cseq, interval: T1, until: t + T1_64 });
        self.set(t + T1, Timer::ResendOk(call.no));
    }

    pub(super) fn resend_ok(&mut self, no: CallNo, t: Time) {
        self.with(no, |ua, call| {
            let Some(unacked) = &mut call.unacked else { return };
            if unacked.until <= t {
                call.unacked = None;
                call.diary.gave_up = true;
                return ua.bye(call, t);
            }
            unacked.interval = Span(unacked.interval.0 * 2).min(T2);
            let (bytes, interval) = (unacked.bytes.clone(), unacked.interval);
            ua.put(bytes);
            ua.set(t + interval, Timer::ResendOk(no));
        });
    }

    pub(super) fn ok_acked(&mut self, request: &Request, t: Time) {
        let (Ok(call_id), Ok(cseq)) = (request.headers.call_id(), request.headers.cseq()) else { return };
        let Some(no) = self.by_call_id.get(call_id.as_ref()).copied() else { return };
        let rtp = rtp_in(request.body());
        self.with(no, |ua, call| {
            if call.unacked.as_ref().is_some_and(|u| u.cseq == cseq.number) {
                call.unacked = None;
            }
            call.diary.acked.get_or_insert(t);
            call.peer_rtp = rtp.or(call.peer_rtp);
            if call.parting {
                ua.bye(call, t);
            }
        });
    }

    pub fn reject(&mut self, no: CallNo, status: u16, t: Time) {
        self.with(no, |ua, call| {
            let Some(server) = call.server.filter(|_| call.phase == Phase::Calling) else { return };
            let tag = call.local_tag.clone();
            call.diary.finals.push((t, status));
            ua.reply(server, status, &tag, t);
            ua.is_over(call, t);
        });
    }

    fn in_dialog(&mut self, no: CallNo, server: u64, request: &Request, t: Time) {
        let tag = self.calls[&no].local_tag.clone();
        match request.method {
            Method::Bye => {
                self.reply(server, 200, &tag, t);
                let reason = request.headers.text(Name::Reason).map(|r| r.into_owned());
                self.with(no, |ua, call| {
                    call.diary.bye_received.get_or_insert(t);
                    if call.phase != Phase::Over {
                        call.diary.reason = reason;
                    }
                    call.unacked = None;
                    ua.is_over(call, t);
                });
            }
            Method::Invite => {
                let rtp = rtp_in(request.body());
                self.with(no, |ua, call| {
                    call.peer_rtp = rtp.or(call.peer_rtp);
                    if call.phase == Phase::Up {
                        ua.ok(call, server, t);
                    } else {
                        ua.reply(server, 481, &tag, t);
                    }
                });
            }
            Method::Info => {
                let body = String::from_utf8_lossy(request.body()).into_owned();
                let key = body.strip_prefix("Signal=").and_then(|rest| rest.trim_start().chars().next());
                self.with(no, |_, call| call.diary.digits.extend(key));
                self.reply(server, 200, &tag, t);
            }
            Method::Notify => {
                let line = String::from_utf8_lossy(request.body()).into_owned();
                let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
                self.with(no, |_, call| call.diary.notified.extend::<Option<u16>>(status));
                self.reply(server, 200, &tag, t);
            }
            Method::Options | Method::Update => self.reply(server, 200, &tag, t),
            _ => self.reply(server, 405, &tag, t),
        }
    }
}

/// Where a description wants its sound: its first `c=` and `m=audio`.
fn rtp_in(body: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(body).ok()?;
    let ip = text.lines().find_map(|line| line.strip_prefix("c=IN IP4 "))?.trim().parse().ok()?;
    let port = text.lines().find_map(|line| line.strip_prefix("m=audio "))?.split(' ').next()?.parse().ok()?;
    Some(SocketAddr::new(ip, port))
}
