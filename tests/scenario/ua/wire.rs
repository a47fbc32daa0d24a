//! Transactions of the user agent: repeats, answers to repeats, and when to give up. RFC 3261 §17, as little as works.

use bytes::Bytes;
use cordboard::base::{Span, Time};
use cordboard::event::words::Wire;
use cordboard::sip::message::{
    CSeq, Message, Method, Name, Request, RequestBuilder, Response, ResponseBuilder, Transport, Uri, Via,
};

use super::call::{Call, CallNo, Phase};
use super::{Account, Out, Timer, Ua, digest};

/// RFC 3261 §17.1.1.1.
pub const T1: Span = Span::millis(500);
pub const T2: Span = Span::seconds(4);
pub const T1_64: Span = Span::seconds(32);

/// Which of its requests it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Register,
    Invite(CallNo),
    ReInvite(CallNo),
    Bye(CallNo),
    Cancel,
    Info,
}

#[derive(Debug)]
pub struct Client {
    pub what: What,
    pub request: Request,
    bytes: Bytes,
    interval: Span,
    provisional: bool,
    /// A final response came; repeats of it are acknowledged again.
    over: bool,
    ack: Option<Bytes>,
    pub wants_cancel: bool,
    cancel: Option<u64>,
}

#[derive(Debug)]
pub struct Server {
    key: String,
    pub request: Request,
    reply: Option<Bytes>,
    status: u16,
    interval: Span,
    until: Time,
    pub call: Option<CallNo>,
}

impl Ua {
    fn branch(&mut self, no: u64) -> String {
        format!("z9hG4bKua{no}x{}", self.rng.token(8))
    }

    fn via(&mut self, no: u64) -> String {
        let transport = match self.wire {
            Wire::Udp => Transport::Udp,
            Wire::Tcp => Transport::Tcp,
        };
        let branch = self.branch(no);
        format!("{};rport", Via::new(transport, self.at, &branch))
    }

    pub(super) fn contact(&self) -> String {
        let user = self.account.as_ref().map_or("gw", |a| a.user.as_str());
        match self.wire {
            Wire::Udp => format!("<sip:{user}@{}>", self.at),
            Wire::Tcp => format!("<sip:{user}@{};transport=tcp>", self.at),
        }
    }

    /// A request of this call's dialog, from its own transaction.
    pub(super) fn within(&mut self, call: &Call, method: Method, cseq: u32, no: u64) -> RequestBuilder {
        let to = match &call.remote_tag {
            Some(tag) if !call.remote.contains(";tag=") => format!("{};tag={tag}", call.remote),
            Some(_) | None => call.remote.clone(),
        };
        let via = self.via(no);
        Request::builder(method.clone(), call.target.clone())
            .header(Name::Via, via)
            .header(Name::MaxForwards, 70)
            .header(Name::From, &call.local)
            .header(Name::To, to)
            .header(Name::CallId, &call.call_id)
            .header(Name::CSeq, CSeq { number: cseq, method })
            .header(Name::Contact, self.contact())
    }

    pub(super) fn put(&mut self, bytes: Bytes) {
        self.out.push_back(Out::Send(bytes));
    }

    /// Sends a request that has a transaction.
    pub(super) fn send(&mut self, no: u64, what: What, request: Request, t: Time) {
        let bytes = request.to_bytes();
        self.put(bytes.clone());
        if self.wire == Wire::Udp {
            self.set(t + T1, Timer::Resend(no));
        }
        self.set(t + T1_64, Timer::GiveUp(no));
        let client = Client {
            what,
            request,
            bytes,
            interval: T1,
            provisional: false,
            over: false,
            ack: None,
            wants_cancel: false,
            cancel: None,
        };
        self.clients.insert(no, client);
    }

    pub(super) fn resend(&mut self, no: u64, t: Time) {
        let Some(client) = self.clients.get_mut(&no).filter(|c| !c.over) else { return };
        let is_invite = client.request.method == Method::Invite;
        if is_invite && client.provisional {
            return;
        }
        client.interval = if is_invite { Span(client.interval.0 * 2) } else { Span(client.interval.0 * 2).min(T2) };
        let (bytes, interval) = (client.bytes.clone(), client.interval);
        self.put(bytes);
        self.set(t + interval, Timer::Resend(no));
    }

    pub(super) fn give_up(&mut self, no: u64, t: Time) {
        let Some(client) = self.clients.get(&no) else { return };
        let waits_for_ever = matches!(client.what, What::Invite(_)) && client.provisional && client.cancel.is_none();
        if client.over {
            self.clients.remove(&no);
            return;
        }
        if waits_for_ever {
            return;
        }
        let what = client.what;
        self.clients.remove(&no);
        match what {
            What::Register => self.set(t + Span::seconds(30), Timer::Register),
            What::Invite(call) | What::Bye(call) => {
                self.with(call, |ua, call| {
                    call.diary.gave_up = true;
                    ua.is_over(call, t);
                });
            }
            What::ReInvite(_) | What::Cancel | What::Info => {}
        }
    }

    // ---- REGISTER

    pub(super) fn send_register(&mut self, account: &Account, expires: u32, t: Time) {
        let no = self.mint();
        self.register_cseq += 1;
        let domain = self.domain.clone();
        let uri = Uri::sip(None, &domain, None).expect("a domain");
        let aor = format!("<sip:{}@{domain}>", account.user);
        let (via, tag) = (self.via(no), self.rng.token(10));
        let mut builder = Request::builder(Method::Register, uri.clone())
            .header(Name::Via, via)
            .header(Name::MaxForwards, 70)
            .header(Name::From, format!("{aor};tag={tag}"))
            .header(Name::To, &aor)
            .header(Name::CallId, &self.register_call_id)
            .header(Name::CSeq, CSeq { number: self.register_cseq, method: Method::Register })
            .header(Name::Contact, self.contact())
            .header(Name::Expires, expires)
            .header(Name::UserAgent, "sim");
        if let Some((challenge, count)) = &mut self.challenge {
            *count += 1;
            let value =
                digest::credentials(challenge, &account.user, &account.password, "REGISTER", uri.as_str(), *count);
            builder = value.into_iter().fold(builder, |builder, value| builder.header(Name::Authorization, value));
        }
        let request = builder.build().expect("a REGISTER");
        self.send(no, What::Register, request, t);
    }

    fn register_answered(&mut self, request: &Request, response: &Response, t: Time) {
        self.register_status = Some(response.status);
        let tried = request.headers.first(Name::Authorization).is_some();
        let challenge = response.headers.auth(Name::WwwAuthenticate).into_iter().next();
        match (response.status, challenge, self.account.clone()) {
            (401, Some(challenge), Some(account)) => {
                let stale = challenge.get("stale").is_some_and(|s| s.eq_ignore_ascii_case("true"));
                if !tried || stale {
                    self.challenge = Some((challenge, 0));
                    let expires = request.headers.expires().ok().flatten().unwrap_or(account.expires);
                    self.send_register(&account, expires, t);
                } else {
                    self.challenge = None;
                }
            }
            (200, _, Some(account)) => {
                let asked = request.headers.expires().ok().flatten().unwrap_or(0);
                self.registered_until = (asked > 0).then_some(t + Span::seconds(i64::from(asked)));
                if asked > 0 {
                    self.set(t + Span::seconds(i64::from(account.expires) * 2 / 3), Timer::Register);
                }
            }
            (503, _, _) => self.set(t + Span::seconds(20), Timer::Register),
            _ => {}
        }
    }

    // ---- responses

    pub(super) fn response_arrived(&mut self, response: Response, t: Time) {
        let (Ok(via), Ok(cseq)) = (response.headers.via(), response.headers.cseq()) else { return };
        let number = |branch: &str| branch.strip_prefix("z9hG4bKua")?.split('x').next()?.parse::<u64>().ok();
        let Some(mut no) = via.branch().and_then(number) else { return };
        if cseq.method == Method::Cancel {
            match self.clients.get(&no).and_then(|c| c.cancel) {
                Some(cancel) => no = cancel,
                None => return,
            }
        }
        let Some(client) = self.clients.get_mut(&no) else {
            if response.is_success() && cseq.method == Method::Invite {
                self.ok_repeated(&response, cseq.number, t);
            }
            return;
        };
        if client.over {
            if let Some(ack) = client.ack.clone() {
                self.put(ack);
            }
            return;
        }
        if response.is_provisional() {
            client.provisional = true;
            if let What::Invite(call) = client.what {
                self.invite_progressed(call, no, &response, t);
            }
            return;
        }
        self.answered(no, response, t);
    }

    fn answered(&mut self, no: u64, response: Response, t: Time) {
        let Some(client) = self.clients.get_mut(&no) else { return };
        let (what, request) = (client.what, client.request.clone());
        if request.method == Method::Invite && !response.is_success() {
            client.over = true;
            let ack = request.ack_refusal(&response).build().expect("an ACK").to_bytes();
            client.ack = Some(ack.clone());
            self.set(t + T1_64, Timer::GiveUp(no));
            self.put(ack);
        } else {
            self.clients.remove(&no);
        }
        match what {
            What::Register => self.register_answered(&request, &response, t),
            What::Invite(call) => self.invite_answered(call, &request, response, t),
            What::ReInvite(call) => self.re_invite_answered(call, &response, t),
            What::Bye(call) => {
                self.with(call, |ua, call| ua.is_over(call, t));
            }
            What::Cancel | What::Info => {}
        }
    }

    /// CANCEL goes out once a provisional response is there (RFC 3261 §9.1).
    pub(super) fn invite_wants_cancel(&mut self, no: u64, t: Time) {
        let Some(client) = self.clients.get_mut(&no).filter(|c| !c.over) else { return };
        client.wants_cancel = true;
        if !client.provisional || client.cancel.is_some() {
            return;
        }
        let request = client.request.cancel().build().expect("a CANCEL");
        let cancel = self.mint();
        if let Some(client) = self.clients.get_mut(&no) {
            client.cancel = Some(cancel);
        }
        // its own time to give up may be this very moment
        self.timers.retain(|(_, timer)| *timer != Timer::GiveUp(no));
        self.set(t + T1_64 + T1_64, Timer::GiveUp(no));
        self.send(cancel, What::Cancel, request, t);
    }

    pub(super) fn is_cancel_wanted(&self, no: u64) -> bool {
        self.clients.get(&no).is_some_and(|c| c.wants_cancel)
    }

    // ---- requests

    pub(super) fn request_arrived(&mut self, request: Request, t: Time) {
        let Ok(via) = request.headers.via() else { return };
        let key = |method: &Method| format!("{} {}:{:?} {method}", via.branch().unwrap_or(""), via.host, via.port);
        if request.method == Method::Ack {
            return self.ack_arrived(&request, &key(&Method::Invite), t);
        }
        let own = key(&request.method);
        if let Some(no) = self.server_keys.get(&own) {
            let reply = self.servers.get(no).and_then(|s| s.reply.clone());
            return reply.into_iter().for_each(|reply| self.put(reply));
        }
        let no = self.mint();
        let of_invite = self.server_keys.get(&key(&Method::Invite)).copied();
        let is_cancel = request.method == Method::Cancel;
        let server = Server {
            key: own.clone(),
            request: request.clone(),
            reply: None,
            status: 0,
            interval: T1,
            until: t + T1_64,
            call: None,
        };
        self.servers.insert(no, server);
        self.server_keys.insert(own, no);
        if is_cancel {
            self.cancel_arrived(no, of_invite, t);
        } else {
            self.request_begins(no, &request, t);
        }
    }

    /// Answers once; a refusal of an INVITE is repeated until its ACK.
    pub(super) fn reply(&mut self, no: u64, status: u16, tag: &str, t: Time) {
        self.reply_with(no, status, tag, |builder| builder, t);
    }

    pub(super) fn reply_with(
        &mut self,
        no: u64,
        status: u16,
        tag: &str,
        fill: impl FnOnce(ResponseBuilder) -> ResponseBuilder,
        t: Time,
    ) -> Bytes {
        let request = &self.servers[&no].request;
        let response = fill(Response::to(request, status).to_tag(tag)).build().expect("a response");
        let bytes = response.to_bytes();
        let is_invite = request.method == Method::Invite;
        self.put(bytes.clone());
        let server = self.servers.get_mut(&no).expect("it answers what it has");
        server.reply = Some(bytes.clone());
        server.status = status;
        if status >= 200 {
            server.until = t + T1_64;
            self.set(t + T1_64, Timer::ForgetReply(no));
            if is_invite && status >= 300 && self.wire == Wire::Udp {
                self.set(t + T1, Timer::ResendReply(no));
            }
        }
        bytes
    }

    pub(super) fn resend_reply(&mut self, no: u64, t: Time) {
        let Some(server) = self.servers.get_mut(&no).filter(|s| s.until > t) else { return };
        server.interval = Span(server.interval.0 * 2).min(T2);
        let (reply, interval) = (server.reply.clone(), server.interval);
        reply.into_iter().for_each(|reply| self.put(reply));
        self.set(t + interval, Timer::ResendReply(no));
    }

    pub(super) fn forget_reply(&mut self, no: u64) {
        if let Some(server) = self.servers.remove(&no) {
            self.server_keys.remove(&server.key);
        }
    }

    fn ack_arrived(&mut self, request: &Request, invite_key: &str, t: Time) {
        let refused = self.server_keys.get(invite_key).and_then(|no| self.servers.get_mut(no));
        let call = match refused {
            Some(server) if server.status >= 300 => {
                server.until = t;
                server.call
            }
            Some(_) | None => return self.ok_acked(request, t),
        };
        let Some(diary) = call.and_then(|no| self.diaries.get_mut(&no)) else { return };
        diary.acked.get_or_insert(t);
        if let Some(call) = call.and_then(|no| self.calls.get_mut(&no)) {
            call.diary.acked.get_or_insert(t);
        }
    }

    fn cancel_arrived(&mut self, no: u64, invite: Option<u64>, t: Time) {
        let known = invite.and_then(|no| self.servers.get(&no)).and_then(|s| s.call);
        let tag = self.rng.token(10);
        self.reply(no, if invite.is_some() { 200 } else { 481 }, &tag, t);
        let reason = self.servers[&no].request.headers.text(Name::Reason).map(|r| r.into_owned());
        if let (Some(call), Some(invite)) = (known, invite) {
            self.cancelled(call, invite, reason, t);
        }
    }

    fn cancelled(&mut self, no: CallNo, invite: u64, reason: Option<String>, t: Time) {
        self.with(no, |ua, call| {
            call.diary.cancelled.get_or_insert(t);
            if call.phase == Phase::Calling {
                call.diary.reason = reason;
                call.diary.finals.push((t, 487));
                let tag = call.local_tag.clone();
                ua.reply(invite, 487, &tag, t);
                ua.is_over(call, t);
            }
        });
    }

    /// The house says hello, or asks whether anybody is there.
    pub(super) fn is_message_for_nobody(&mut self, no: u64, t: Time) {
        let tag = self.rng.token(10);
        self.reply(no, 481, &tag, t);
    }
}

/// One message out of bytes that came by UDP.
pub fn datagram(bytes: Bytes) -> Option<Message> {
    Message::parse_datagram(bytes).ok()
}
