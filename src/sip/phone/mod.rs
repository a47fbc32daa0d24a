//! A phone: registers, calls, answers, hangs up. It serves `demo` and the tests, and is the far end that the endpoint's
//! own tests are judged by. A machine built of the same transactions and dialogs.
//! Owns one account and its calls. Leaves SDP and sound to whoever holds it.
//! In: bytes of one message, deadlines, verbs. Out: [`PhoneOutput`].

mod arrive;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use bytes::Bytes;

use super::dialog::{Dialog, Path};
use super::message::{
    CSeq, Method, Name, NameAddr, Request, RequestBuilder, Response, ResponseBuilder, Transport, Uri, Via,
};
use super::transaction::client::Client;
use super::transaction::server::Server;
use super::transaction::{Class, MAGIC_COOKIE, PATIENCE, T1, T2, Up};
use crate::base::{InterfaceNo, Now, Rng, Span, Time};
use crate::event::words::Wire;

#[derive(Clone, Debug)]
pub struct PhoneConfig {
    pub user: String,
    pub password: String,
    /// Host of the registrar's URI and of From: the tenant's domain.
    pub domain: String,
    pub registrar: SocketAddr,
    pub local: SocketAddr,
    pub wire: Wire,
    pub expires: Span,
}

/// A call of this phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhoneCall(pub u64);

#[derive(Clone, Debug, PartialEq)]
pub enum PhoneOutput {
    Send { to: SocketAddr, bytes: Bytes },
    Event(PhoneEvent),
}

#[derive(Clone, Debug, PartialEq)]
pub enum PhoneEvent {
    Registered {
        seconds: u32,
    },
    Unregistered,
    RegisterFailed {
        status: u16,
    },
    Incoming {
        call: PhoneCall,
        from: String,
        sdp: Vec<u8>,
    },
    Progress {
        call: PhoneCall,
        status: u16,
        sdp: Vec<u8>,
    },
    /// Ours was answered.
    Answered {
        call: PhoneCall,
        sdp: Vec<u8>,
    },
    /// Our 200 was acknowledged, with the answer when we had offered.
    Acked {
        call: PhoneCall,
        sdp: Vec<u8>,
    },
    /// Our REFER was answered, or a NOTIFY says how it goes: its status, and whether it was the last.
    Referred {
        call: PhoneCall,
        status: u16,
    },
    Notified {
        call: PhoneCall,
        status: u16,
        last: bool,
    },
    /// A refusal has its status; CANCEL and BYE have none.
    Ended {
        call: PhoneCall,
        status: Option<u16>,
        by_far_end: bool,
        reason: Option<String>,
    },
}

#[derive(Debug)]
struct Sent {
    machine: Client,
    request: Request,
    bytes: Bytes,
    to: SocketAddr,
    what: What,
    /// Credentials were added once.
    proven: bool,
    ack: Option<Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Register,
    Invite(PhoneCall),
    Other(PhoneCall),
}

#[derive(Debug)]
struct Received {
    machine: Server,
    request: Request,
    last: Option<Bytes>,
    to: SocketAddr,
    call: Option<PhoneCall>,
}

#[derive(Debug)]
struct Call {
    state: State,
    /// Once there is one; our tag before.
    dialog: Option<Dialog>,
    tag: String,
    sdp: Vec<u8>,
    /// Our 200 until its ACK: bytes, next repeat, interval, end.
    unacked: Option<(Bytes, Time, Span, Time)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// We called; the INVITE's transaction. True: hung up, CANCEL waits for a provisional response.
    Calling(u64, bool),
    /// They called.
    Ringing(u64),
    Up,
}

/// The machine.
#[derive(Debug)]
pub struct Phone {
    config: PhoneConfig,
    rng: Rng,
    sent: BTreeMap<u64, Sent>,
    received: BTreeMap<u64, Received>,
    calls: BTreeMap<PhoneCall, Call>,
    register: (String, String, u32),
    nonce_counts: BTreeMap<String, u32>,
    /// When the registration is refreshed.
    refresh: Option<Time>,
    last: u64,
    out: VecDeque<PhoneOutput>,
    /// Answers nothing any more: it lost its power.
    pub dead: bool,
}

impl Phone {
    pub fn new(config: PhoneConfig, seed: u64) -> Self {
        let mut rng = Rng::from_number(seed);
        let register = (rng.token(20), rng.token(10), 0);
        Self {
            config,
            rng,
            sent: BTreeMap::new(),
            received: BTreeMap::new(),
            calls: BTreeMap::new(),
            register,
            nonce_counts: BTreeMap::new(),
            refresh: None,
            last: 0,
            out: VecDeque::new(),
            dead: false,
        }
    }

    // ---- verbs

    pub fn register(&mut self, now: Now) {
        self.send_register(self.config.expires.as_seconds(), now);
    }

    pub fn unregister(&mut self, now: Now) {
        self.refresh = None;
        self.send_register(0, now);
    }

    fn send_register(&mut self, seconds: i64, now: Now) {
        self.register.2 += 1;
        let (call_id, tag, cseq) = self.register.clone();
        let (Some(uri), Some(me)) = (Uri::sip(None, &self.config.domain, None), self.address()) else { return };
        let builder =
            Request::builder(Method::Register, uri).header(Name::Via, self.via()).header(Name::MaxForwards, 70);
        let built = builder
            .header(Name::From, me.clone().with_tag(&tag))
            .header(Name::To, me)
            .header(Name::CallId, call_id)
            .header(Name::CSeq, CSeq { number: cseq, method: Method::Register })
            .header(Name::Contact, self.contact())
            .header(Name::Expires, seconds)
            .build();
        if let Ok(request) = built {
            self.start(request, self.config.registrar, What::Register, false, now);
        }
    }

    /// Calls a user of the domain.
    pub fn call(&mut self, to: &str, sdp: &[u8], now: Now) -> PhoneCall {
        let call = PhoneCall(self.mint());
        let (tag, call_id) = (self.rng.token(10), self.rng.token(20));
        let (Some(uri), Some(me)) = (Uri::sip(Some(to), &self.config.domain, None), self.address()) else {
            return call;
        };
        let builder = Request::builder(Method::Invite, uri.clone()).header(Name::Via, self.via());
        let builder = builder
            .header(Name::MaxForwards, 70)
            .header(Name::From, me.with_tag(&tag))
            .header(Name::To, NameAddr::new(uri))
            .header(Name::CallId, call_id)
            .header(Name::CSeq, CSeq { number: 1, method: Method::Invite })
            .header(Name::Contact, self.contact())
            .header(Name::Allow, ALLOW);
        let builder = if sdp.is_empty() { builder } else { builder.body("application/sdp", sdp.to_vec()) };
        if let Ok(request) = builder.build() {
            let no = self.start(request, self.config.registrar, What::Invite(call), false, now);
            let (state, sdp) = (State::Calling(no, false), sdp.to_vec());
            self.calls.insert(call, Call { state, dialog: None, tag, sdp, unacked: None });
        }
        call
    }

    pub fn ring(&mut self, call: PhoneCall, now: Now) {
        self.respond_to_invite(call, 180, None, now);
    }

    pub fn answer(&mut self, call: PhoneCall, sdp: &[u8], now: Now) {
        let Some(bytes) = self.respond_to_invite(call, 200, Some(sdp), now) else { return };
        if let Some(entry) = self.calls.get_mut(&call) {
            (entry.state, entry.sdp) = (State::Up, sdp.to_vec());
            entry.unacked = Some((bytes, now.t + T1, T1, now.t + PATIENCE));
        }
    }

    pub fn reject(&mut self, call: PhoneCall, status: u16, now: Now) {
        if self.respond_to_invite(call, status, None, now).is_some() {
            self.calls.remove(&call);
        }
    }

    /// Whatever ends it: CANCEL, 603 or BYE.
    pub fn hang_up(&mut self, call: PhoneCall, now: Now) {
        match self.calls.get(&call).map(|entry| entry.state) {
            None => {}
            Some(State::Ringing(_)) => self.reject(call, 603, now),
            Some(State::Calling(no, _)) => {
                let proceeding = self.sent.get(&no).is_some_and(|sent| sent.machine.is_proceeding());
                if proceeding {
                    self.cancel(no, call, now);
                } else if let Some(entry) = self.calls.get_mut(&call) {
                    entry.state = State::Calling(no, true);
                }
            }
            Some(State::Up) => {
                self.in_dialog(call, Method::Bye, now, |builder| builder);
                self.calls.remove(&call);
            }
        }
    }

    /// A digit by INFO.
    pub fn info(&mut self, call: PhoneCall, digit: char, now: Now) {
        let body = format!("Signal={digit}\r\nDuration=160\r\n");
        self.in_dialog(call, Method::Info, now, |builder| builder.body("application/dtmf-relay", body));
    }

    /// Gives its far end to a user of the domain, or to the far end of another call of ours.
    pub fn refer(&mut self, call: PhoneCall, to: &str, replaces: Option<PhoneCall>, now: Now) {
        let other = replaces.and_then(|other| self.calls.get(&other)?.dialog.as_ref());
        // as our far end reads it: its tag is `to-tag` (RFC 3891 §6.1)
        let header =
            other.map(|d| format!("?Replaces={}%3Bto-tag%3D{}%3Bfrom-tag%3D{}", d.call_id, d.remote_tag, d.local_tag));
        let (contact, me) = (self.contact(), self.address());
        let refer_to = format!("<sip:{to}@{}{}>", self.config.domain, header.unwrap_or_default());
        self.in_dialog(call, Method::Refer, now, |builder| {
            let builder = builder.header(Name::Contact, contact).header(Name::ReferTo, refer_to);
            me.iter().fold(builder, |builder, me| builder.header(Name::ReferredBy, me))
        });
    }

    /// A REFER with these header lines as they are.
    #[cfg(test)]
    pub fn refer_raw(&mut self, call: PhoneCall, lines: &str, now: Now) {
        let fields: Vec<(&str, &str)> = lines.lines().filter_map(|line| line.split_once(": ")).collect();
        self.in_dialog(call, Method::Refer, now, |builder| {
            fields.iter().fold(builder, |builder, (name, value)| builder.named(name, value))
        });
    }

    /// A re-INVITE with another description.
    pub fn reinvite(&mut self, call: PhoneCall, sdp: &[u8], now: Now) {
        let contact = self.contact();
        self.in_dialog(call, Method::Invite, now, |builder| {
            builder.header(Name::Contact, contact).body("application/sdp", sdp.to_vec())
        });
    }

    // ---- time

    pub fn due(&mut self, now: Now) {
        if self.dead {
            return;
        }
        if self.refresh.take_if(|at| *at <= now.t).is_some() {
            self.register(now);
        }
        let late: Vec<u64> =
            self.sent.iter().filter(|(_, s)| is_due(s.machine.deadline(), now)).map(|(no, _)| *no).collect();
        for no in late {
            self.sent_due(no, now);
        }
        let mut again = Vec::new();
        for known in self.received.values_mut().filter(|known| is_due(known.machine.deadline(), now)) {
            if known.machine.due(now.t).resend {
                again.extend(known.last.clone().map(|bytes| (known.to, bytes)));
            }
        }
        self.received.retain(|_, known| !known.machine.is_terminated());
        for call in self.calls.values_mut() {
            let Some((bytes, at, interval, _)) = call.unacked.as_mut().filter(|unacked| unacked.1 <= now.t) else {
                continue;
            };
            *interval = (*interval * 2).min(T2);
            *at = now.t + *interval;
            again.extend(call.dialog.as_ref().map(|dialog| (dialog.path.remote, bytes.clone())));
        }
        for (to, bytes) in again {
            self.send(to, bytes);
        }
        self.give_up_unacked(now);
    }

    fn sent_due(&mut self, no: u64, now: Now) {
        let Some(sent) = self.sent.get_mut(&no) else { return };
        let step = sent.machine.due(now.t);
        let (to, bytes, what) = (sent.to, sent.bytes.clone(), sent.what);
        if step.resend {
            self.send(to, bytes);
        }
        if step.up == Some(Up::TimedOut) {
            match what {
                What::Register => self.event(PhoneEvent::RegisterFailed { status: 408 }),
                What::Invite(call) => {
                    if self.calls.remove(&call).is_some() {
                        let (status, reason) = (Some(408), None);
                        self.event(PhoneEvent::Ended { call, status, by_far_end: false, reason });
                    }
                }
                What::Other(_) => {}
            }
        }
        self.sent.retain(|_, sent| !sent.machine.is_terminated());
    }

    fn give_up_unacked(&mut self, now: Now) {
        let over = |call: &Call| call.unacked.as_ref().is_some_and(|unacked| unacked.3 <= now.t);
        let lost: Vec<PhoneCall> = self.calls.iter().filter(|(_, call)| over(call)).map(|(no, _)| *no).collect();
        for call in lost {
            self.hang_up(call, now);
            self.event(PhoneEvent::Ended { call, status: None, by_far_end: false, reason: None });
        }
    }

    pub fn deadline(&self) -> Option<Time> {
        if self.dead {
            return None;
        }
        let sent = self.sent.values().filter_map(|sent| sent.machine.deadline());
        let received = self.received.values().filter_map(|known| known.machine.deadline());
        let unacked =
            self.calls.values().filter_map(|call| call.unacked.as_ref().map(|unacked| unacked.1.min(unacked.3)));
        sent.chain(received).chain(unacked).chain(self.refresh).min()
    }

    pub fn poll(&mut self) -> Option<PhoneOutput> {
        self.out.pop_front()
    }

    /// Calls that are not over.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    // ---- helpers

    fn respond_to_invite(&mut self, call: PhoneCall, status: u16, sdp: Option<&[u8]>, now: Now) -> Option<Bytes> {
        let State::Ringing(no) = self.calls.get(&call)?.state else { return None };
        let contact = self.contact();
        let fill = |builder: ResponseBuilder| {
            let builder = builder.header(Name::Contact, contact).header(Name::Allow, ALLOW);
            match sdp {
                Some(sdp) => builder.body("application/sdp", sdp.to_vec()),
                None => builder,
            }
        };
        self.respond(no, status, fill, now)
    }

    fn respond(
        &mut self,
        no: u64,
        status: u16,
        fill: impl FnOnce(ResponseBuilder) -> ResponseBuilder,
        now: Now,
    ) -> Option<Bytes> {
        let fresh = self.rng.token(10);
        let known = self.received.get_mut(&no)?;
        let tag = known.call.and_then(|call| self.calls.get(&call)).map_or(fresh, |call| call.tag.clone());
        let builder = Response::to(&known.request, status);
        let builder = if status == 100 { builder } else { builder.to_tag(&tag) };
        let bytes = fill(builder).build().ok()?.to_bytes();
        known.machine.respond(Class::of(status), now.t).then_some(())?;
        known.last = Some(bytes.clone());
        let to = known.to;
        self.send(to, bytes.clone());
        Some(bytes)
    }

    fn in_dialog(
        &mut self,
        call: PhoneCall,
        method: Method,
        now: Now,
        fill: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) {
        let via = self.via();
        let Some(dialog) = self.calls.get_mut(&call).and_then(|call| call.dialog.as_mut()) else { return };
        let (cseq, _) = dialog.next_cseq();
        let to = dialog.next_hop();
        if let Ok(request) = fill(dialog.request(method, cseq, &via)).build() {
            self.start(request, to, What::Other(call), false, now);
        }
    }

    fn cancel(&mut self, no: u64, call: PhoneCall, now: Now) {
        let Some(sent) = self.sent.get_mut(&no) else { return };
        sent.machine.cancelled(now.t);
        let (cancel, to) = (sent.request.cancel().build(), sent.to);
        if let Ok(cancel) = cancel {
            self.start(cancel, to, What::Other(call), true, now);
        }
        if let Some(entry) = self.calls.get_mut(&call) {
            entry.state = State::Calling(no, true);
        }
    }

    fn start(&mut self, request: Request, to: SocketAddr, what: What, proven: bool, now: Now) -> u64 {
        let (no, bytes) = (self.mint(), request.to_bytes());
        let machine = Client::new(request.method == Method::Invite, self.config.wire == Wire::Tcp, now.t);
        self.sent.insert(no, Sent { machine, request, bytes: bytes.clone(), to, what, proven, ack: None });
        self.send(to, bytes);
        no
    }

    fn send(&mut self, to: SocketAddr, bytes: Bytes) {
        if !self.dead {
            self.out.push_back(PhoneOutput::Send { to, bytes });
        }
    }

    fn event(&mut self, event: PhoneEvent) {
        self.out.push_back(PhoneOutput::Event(event));
    }

    fn path(&self, remote: SocketAddr) -> Path {
        Path { interface: InterfaceNo(0), wire: self.config.wire, link: None, remote }
    }

    fn via(&mut self) -> Via {
        let transport = match self.config.wire {
            Wire::Udp => Transport::Udp,
            Wire::Tcp => Transport::Tcp,
        };
        let mut via = Via::new(transport, self.config.local, &format!("{MAGIC_COOKIE}{}", self.rng.token(16)));
        via.params.set_flag("rport");
        via
    }

    fn address(&self) -> Option<NameAddr> {
        Uri::sip(Some(&self.config.user), &self.config.domain, None).map(NameAddr::new)
    }

    fn contact(&self) -> NameAddr {
        let local = self.config.local;
        let uri = Uri::sip(Some(&self.config.user), &local.ip().to_string(), Some(local.port()));
        let uri = match self.config.wire {
            Wire::Udp => uri,
            Wire::Tcp => uri.and_then(|uri| uri.with_param("transport", Some("tcp"))),
        };
        NameAddr::new(uri.expect("an address and an escaped user make a URI"))
    }

    fn mint(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY";
/// Nonces whose counts are remembered.
const NONCES: usize = 16;

fn is_due(at: Option<Time>, now: Now) -> bool {
    at.is_some_and(|at| at <= now.t)
}

fn reason(response: &Response) -> Option<String> {
    response.headers.text(Name::Reason).map(|text| text.into_owned())
}
