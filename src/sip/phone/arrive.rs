//! What a phone makes of what comes in: answers to its requests, and calls to it.

use std::net::SocketAddr;

use bytes::Bytes;

use super::{ALLOW, Call, NONCES, Phone, PhoneCall, PhoneEvent, Received, Sent, State, What, reason};
use crate::base::{Now, Span};
use crate::event::words::Wire;
use crate::sip::auth;
use crate::sip::dialog::Dialog;
use crate::sip::message::{CSeq, Contacts, Message, Method, Name, Request, Response, ResponseBuilder};
use crate::sip::transaction::server::Server;
use crate::sip::transaction::{Class, Up};

impl Phone {
    /// One whole message; on TCP as the framer cut it.
    pub fn receive(&mut self, bytes: Bytes, from: SocketAddr, now: Now) {
        if self.dead {
            return;
        }
        match Message::parse_datagram(bytes) {
            Ok(Message::Request(request)) if request.check().is_ok() => self.request(request, from, now),
            Ok(Message::Response(response)) if response.check().is_ok() => self.response(&response, from, now),
            Ok(_) | Err(_) => {}
        }
    }

    pub(super) fn response(&mut self, response: &Response, from: SocketAddr, now: Now) {
        let (Ok(via), Ok(cseq)) = (response.headers.via(), response.headers.cseq()) else { return };
        let branch = via.branch().unwrap_or("").to_owned();
        let matches = |sent: &Sent| {
            sent.request.method == cseq.method
                && sent.request.headers.via().is_ok_and(|via| via.branch() == Some(branch.as_str()))
        };
        let Some(no) = self.sent.iter().find(|(_, sent)| matches(sent)).map(|(no, _)| *no) else { return };
        let Some(sent) = self.sent.get_mut(&no) else { return };
        let step = sent.machine.response(Class::of(response.status), now.t);
        if step.ack
            && let Ok(ack) = sent.request.ack_refusal(response).build()
        {
            let to = sent.to;
            self.send(to, ack.to_bytes());
        }
        if step.up == Some(Up::Response) {
            self.answered(no, response, from, now);
        }
        self.sent.retain(|_, sent| !sent.machine.is_terminated());
    }

    pub(super) fn answered(&mut self, no: u64, response: &Response, from: SocketAddr, now: Now) {
        let Some(sent) = self.sent.get(&no) else { return };
        let (what, proven, method) = (sent.what, sent.proven, sent.request.method.clone());
        if response.status == 401 && !proven && self.prove(no, response, now) {
            return;
        }
        match what {
            What::Register => self.registered(response, now),
            What::Invite(call) => self.invite_answered(no, call, response, from, now),
            What::Other(call) => {
                if method == Method::Refer && response.status >= 200 {
                    self.event(PhoneEvent::Referred { call, status: response.status });
                }
                // a re-INVITE of ours
                if response.is_success() && method == Method::Invite {
                    self.acknowledge(no, what, response, from);
                }
            }
        }
    }

    /// Sends the request again with credentials.
    pub(super) fn prove(&mut self, no: u64, response: &Response, now: Now) -> bool {
        let Some(sent) = self.sent.get(&no) else { return false };
        let (mut request, to, what) = (sent.request.clone(), sent.to, sent.what);
        let challenges = response.headers.auth(Name::WwwAuthenticate);
        let cnonce = self.rng.token(8);
        let credentials = challenges.iter().find_map(|challenge| {
            let count = self.nonce_counts.entry(challenge.get("nonce")?.to_owned()).or_insert(0);
            *count += 1;
            let (user, password) = (&self.config.user, &self.config.password);
            auth::answer(challenge, user, password, request.method.as_str(), request.uri.as_str(), *count, &cnonce)
        });
        while self.nonce_counts.len() > NONCES {
            self.nonce_counts.pop_first();
        }
        let (Some(credentials), Ok(cseq)) = (credentials, request.headers.cseq()) else { return false };
        let number = cseq.number + 1;
        let headers = &mut request.headers;
        let written = headers
            .set(Name::Authorization, credentials)
            .and_then(|()| headers.set(Name::CSeq, CSeq { number, method: cseq.method }))
            .and_then(|()| headers.set(Name::Via, self.via()));
        if written.is_err() {
            return false;
        }
        match what {
            What::Register => self.register.2 = number,
            What::Invite(_) => {}
            What::Other(call) => {
                // the dialog has used this number as well
                if let Some(dialog) = self.calls.get_mut(&call).and_then(|call| call.dialog.as_mut()) {
                    dialog.next_cseq();
                }
            }
        }
        let again = self.start(request, to, what, true, now);
        if let What::Invite(call) = what
            && let Some(entry) = self.calls.get_mut(&call)
            && let State::Calling(_, hung_up) = entry.state
        {
            entry.state = State::Calling(again, hung_up);
        }
        true
    }

    pub(super) fn registered(&mut self, response: &Response, now: Now) {
        match response.status {
            ..200 => {}
            200..300 => {
                let contact = self.contact();
                let mine = match response.headers.contacts() {
                    Ok(Contacts::List(list)) => list.into_iter().find(|listed| listed.uri().equivalent(&contact.uri)),
                    Ok(Contacts::Star) | Err(_) => None,
                };
                match mine.and_then(|mine| mine.expires()) {
                    Some(seconds) => {
                        self.refresh = Some(now.t + Span::millis(i64::from(seconds) * 800));
                        self.event(PhoneEvent::Registered { seconds });
                    }
                    None => self.event(PhoneEvent::Unregistered),
                }
            }
            status => self.event(PhoneEvent::RegisterFailed { status }),
        }
    }

    pub(super) fn invite_answered(
        &mut self,
        no: u64,
        call: PhoneCall,
        response: &Response,
        from: SocketAddr,
        now: Now,
    ) {
        let state = self.calls.get(&call).map(|entry| entry.state);
        match response.status {
            100 => {}
            status @ ..200 => {
                let sdp = response.body().to_vec();
                self.event(PhoneEvent::Progress { call, status, sdp });
            }
            200..300 => {
                self.acknowledge(no, What::Invite(call), response, from);
                match state {
                    Some(State::Calling(_, false)) => {
                        let sdp = response.body().to_vec();
                        self.event(PhoneEvent::Answered { call, sdp });
                    }
                    // it crossed our CANCEL
                    Some(State::Calling(_, true)) => {
                        self.calls.entry(call).and_modify(|entry| entry.state = State::Up);
                        self.hang_up(call, now);
                    }
                    Some(State::Ringing(_) | State::Up) | None => {}
                }
            }
            status => {
                if self.calls.remove(&call).is_some() {
                    let status = Some(status);
                    self.event(PhoneEvent::Ended { call, status, by_far_end: true, reason: reason(response) });
                }
            }
        }
        if let Some(State::Calling(no, true)) = state
            && response.is_provisional()
        {
            self.cancel(no, call, now);
        }
    }

    pub(super) fn acknowledge(&mut self, no: u64, what: What, response: &Response, from: SocketAddr) {
        let (What::Invite(call) | What::Other(call)) = what else { return };
        if let Some((to, ack)) = self.sent.get(&no).and_then(|sent| sent.ack.clone().map(|ack| (sent.to, ack))) {
            return self.send(to, ack);
        }
        let (via, path) = (self.via(), self.path(from));
        let Some(entry) = self.calls.get_mut(&call) else { return };
        if matches!(what, What::Invite(_)) && entry.dialog.is_none() {
            entry.dialog = Dialog::uac(response, path, false);
            if let State::Calling(_, false) = entry.state {
                entry.state = State::Up;
            }
        }
        let cseq = response.headers.cseq().map_or(0, |cseq| cseq.number);
        let ack = entry.dialog.as_ref().and_then(|dialog| dialog.request(Method::Ack, cseq, &via).build().ok());
        if let Some(ack) = ack {
            let bytes = ack.to_bytes();
            if let Some(sent) = self.sent.get_mut(&no) {
                sent.ack = Some(bytes.clone());
            }
            self.send(from, bytes);
        }
    }

    pub(super) fn request(&mut self, request: Request, from: SocketAddr, now: Now) {
        let key = |request: &Request| {
            let method = if request.method == Method::Ack { Method::Invite } else { request.method.clone() };
            (request.headers.via().ok().and_then(|via| via.branch().map(str::to_owned)), method)
        };
        let found = self.received.iter().find(|(_, known)| key(&known.request) == key(&request)).map(|(no, _)| *no);
        if request.method == Method::Ack {
            if let Some(known) = found.and_then(|no| self.received.get_mut(&no)) {
                known.machine.acknowledged(now.t);
            }
            return self.acked(&request);
        }
        if let Some(known) = found.and_then(|no| self.received.get(&no)) {
            if known.machine.repeated().resend
                && let Some(bytes) = known.last.clone()
            {
                let to = known.to;
                self.send(to, bytes);
            }
            return;
        }
        let no = self.mint();
        let machine = Server::new(request.method == Method::Invite, self.config.wire == Wire::Tcp);
        let call = self.call_of(&request);
        self.received.insert(no, Received { machine, request: request.clone(), last: None, to: from, call });
        match (&request.method, call) {
            (Method::Invite, None) if !request.in_dialog() => self.invited(no, &request, from, now),
            (Method::Invite, Some(call)) => {
                let (sdp, contact) = (self.calls.get(&call).map(|entry| entry.sdp.clone()), self.contact());
                let fill = |builder: ResponseBuilder| {
                    builder.header(Name::Contact, contact).body("application/sdp", sdp.unwrap_or_default())
                };
                self.respond(no, 200, fill, now);
            }
            (Method::Cancel, _) => self.cancelled(no, &request, now),
            (Method::Bye, Some(call)) => {
                self.respond(no, 200, |builder| builder, now);
                self.calls.remove(&call);
                let reason = request.headers.text(Name::Reason).map(|text| text.into_owned());
                self.event(PhoneEvent::Ended { call, status: None, by_far_end: true, reason });
            }
            (Method::Notify, Some(call)) => {
                self.respond(no, 200, |builder| builder, now);
                let line = String::from_utf8_lossy(request.body()).into_owned();
                let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
                let state = request.headers.text(Name::SubscriptionState);
                let last = state.is_some_and(|state| state.starts_with("terminated"));
                self.event(PhoneEvent::Notified { call, status, last });
            }
            (Method::Options, _) | (Method::Update | Method::Info, Some(_)) => {
                let contact = self.contact();
                self.respond(no, 200, |builder| builder.header(Name::Contact, contact).header(Name::Allow, ALLOW), now);
            }
            (_, _) => {
                self.respond(no, 481, |builder| builder, now);
            }
        }
    }

    pub(super) fn invited(&mut self, no: u64, request: &Request, from: SocketAddr, now: Now) {
        let (call, tag) = (PhoneCall(no), self.rng.token(10));
        let dialog = Dialog::uas(request, &tag, self.path(from), false);
        self.calls.insert(call, Call { state: State::Ringing(no), dialog, tag, sdp: Vec::new(), unacked: None });
        if let Some(known) = self.received.get_mut(&no) {
            known.call = Some(call);
        }
        self.respond(no, 100, |builder| builder, now);
        let user = request.headers.from().ok().and_then(|from| from.uri.user_plain().map(|user| user.into_owned()));
        let (from, sdp) = (user.unwrap_or_default(), request.body().to_vec());
        self.event(PhoneEvent::Incoming { call, from, sdp });
    }

    pub(super) fn cancelled(&mut self, no: u64, request: &Request, now: Now) {
        let branch = |request: &Request| request.headers.via().ok().and_then(|via| via.branch().map(str::to_owned));
        let invite = self.received.iter().find(|(_, known)| {
            known.request.method == Method::Invite
                && known.machine.is_open()
                && branch(&known.request) == branch(request)
        });
        let Some((&invite, call)) = invite.map(|(no, known)| (no, known.call)) else {
            self.respond(no, 481, |builder| builder, now);
            return;
        };
        self.respond(no, 200, |builder| builder, now);
        self.respond(invite, 487, |builder| builder, now);
        if let Some(call) = call.filter(|call| self.calls.remove(call).is_some()) {
            let reason = request.headers.text(Name::Reason).map(|text| text.into_owned());
            self.event(PhoneEvent::Ended { call, status: None, by_far_end: true, reason });
        }
    }

    pub(super) fn acked(&mut self, request: &Request) {
        let Some(call) = self.call_of(request) else { return };
        let first = self.calls.get_mut(&call).is_some_and(|entry| entry.unacked.take().is_some());
        if first {
            self.event(PhoneEvent::Acked { call, sdp: request.body().to_vec() });
        }
    }

    pub(super) fn call_of(&self, request: &Request) -> Option<PhoneCall> {
        let (to, from) = (request.headers.to().ok()?, request.headers.from().ok()?);
        let of = |dialog: &Dialog| to.tag() == Some(&dialog.local_tag) && dialog.is_of(&request.headers, from.tag());
        self.calls.iter().find(|(_, call)| call.dialog.as_ref().is_some_and(of)).map(|(call, _)| *call)
    }
}
