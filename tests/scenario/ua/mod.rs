//! A SIP user agent of its own: phones and the carrier. It shares the parser with the house and nothing else: its
//! transactions and dialogs are written anew, small, from RFC 3261, so that a mistake there is seen here.
//! Owns what one far end knows and its diary. Leaves carrying bytes to `net`. In: messages, deadlines, what somebody in
//! front of it wants. Out: [`Out`]. `wire` keeps transactions, `talk` lives in dialogs, `call` is one call.

pub mod call;
mod digest;
mod talk;
mod wire;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

use bytes::Bytes;
use cordboard::base::{Rng, Span, Time};
use cordboard::event::words::Wire;
use cordboard::sip::message::{AuthValue, Message, Uri};

use call::{Answer, Call, CallNo, Deed, Diary, Phase, Plan};
pub use wire::datagram as wire_datagram;
use wire::{Client, Server};

/// What comes out: bytes to the server, and what only the world can carry out.
#[derive(Debug)]
pub enum Out {
    Send(Bytes),
    /// A key, as an RFC 4733 event from this call's port.
    Pressed(CallNo, char),
    /// Power was lost.
    Vanished,
}

/// A phone's account; the carrier has none.
#[derive(Clone, Debug)]
pub struct Account {
    pub user: String,
    pub password: String,
    /// Seconds asked for in REGISTER.
    pub expires: u32,
}

/// What an incoming call is answered with; drawn anew for each.
pub type Manner = fn(&mut Rng) -> Plan;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Resend(u64),
    GiveUp(u64),
    ResendReply(u64),
    ForgetReply(u64),
    ResendOk(CallNo),
    Deed(CallNo),
    Patience(CallNo),
    Answer(CallNo),
    Ringing(CallNo),
    Forget(CallNo),
    Register,
}

pub struct Ua {
    pub name: String,
    pub at: SocketAddr,
    pub wire: Wire,
    pub account: Option<Account>,
    pub manner: Manner,
    /// It has lost its power.
    pub gone: bool,
    /// Since when it has power again.
    back: Option<Time>,
    /// It sends no sound.
    pub silent: bool,
    /// Every diary it ever wrote.
    pub diaries: BTreeMap<CallNo, Diary>,
    pub calls: BTreeMap<CallNo, Call>,
    by_call_id_ever: BTreeMap<String, CallNo>,
    /// 200 to its last REGISTER, and until when; the last refusal.
    pub registered_until: Option<Time>,
    pub register_status: Option<u16>,
    /// OPTIONS it answered: proof of life.
    pub options: u64,
    server: SocketAddr,
    domain: String,
    rng: Rng,
    last: u64,
    by_call_id: BTreeMap<String, CallNo>,
    clients: BTreeMap<u64, Client>,
    servers: BTreeMap<u64, Server>,
    server_keys: BTreeMap<String, u64>,
    timers: BTreeSet<(Time, Timer)>,
    out: VecDeque<Out>,
    /// The sound of its calls has ports from here on, two for each; so many calls, then the first are used again.
    pub media_first: u16,
    pub media_calls: usize,
    sounds: usize,
    register_call_id: String,
    register_cseq: u32,
    challenge: Option<(AuthValue, u32)>,
}

/// How long a phone rings that nobody touches and nobody cancels.
const RING_MAX: Span = Span::minutes(4);
/// Who has an address of his own has all these for his sound.
const MEDIA_FIRST: u16 = 20_000;
const MEDIA_CALLS: usize = 20_000;

impl Ua {
    pub fn new(name: &str, at: SocketAddr, wire: Wire, server: SocketAddr, domain: &str, mut rng: Rng) -> Self {
        Self {
            name: name.to_owned(),
            at,
            wire,
            account: None,
            manner: |_| Plan::default(),
            gone: false,
            back: None,
            silent: false,
            diaries: BTreeMap::new(),
            calls: BTreeMap::new(),
            by_call_id_ever: BTreeMap::new(),
            registered_until: None,
            register_status: None,
            options: 0,
            server,
            domain: domain.to_owned(),
            register_call_id: rng.token(16),
            rng,
            last: 0,
            by_call_id: BTreeMap::new(),
            clients: BTreeMap::new(),
            servers: BTreeMap::new(),
            server_keys: BTreeMap::new(),
            timers: BTreeSet::new(),
            out: VecDeque::new(),
            media_first: MEDIA_FIRST,
            media_calls: MEDIA_CALLS,
            sounds: 0,
            register_cseq: 0,
            challenge: None,
        }
    }

    pub fn with_account(mut self, user: &str, password: &str, expires: u32) -> Self {
        self.has_account(user, password, expires);
        self
    }

    pub fn has_account(&mut self, user: &str, password: &str, expires: u32) {
        self.account = Some(Account { user: user.to_owned(), password: password.to_owned(), expires });
    }

    pub fn poll(&mut self) -> Option<Out> {
        self.out.pop_front()
    }

    pub fn deadline(&self) -> Option<Time> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// A whole message from the server.
    pub fn receive(&mut self, message: Message, t: Time) {
        if self.gone {
            return;
        }
        match message {
            Message::Request(request) => self.request_arrived(request, t),
            Message::Response(response) => self.response_arrived(response, t),
        }
    }

    pub fn due(&mut self, t: Time) {
        while let Some(&(at, timer)) = self.timers.first()
            && at <= t
        {
            self.timers.pop_first();
            if !self.gone {
                self.timer_due(timer, t);
            }
        }
    }

    fn timer_due(&mut self, timer: Timer, t: Time) {
        match timer {
            Timer::Resend(no) => self.resend(no, t),
            Timer::GiveUp(no) => self.give_up(no, t),
            Timer::ResendReply(no) => self.resend_reply(no, t),
            Timer::ForgetReply(no) => self.forget_reply(no),
            Timer::ResendOk(call) => self.resend_ok(call, t),
            Timer::Deed(call) => self.deed_due(call, t),
            Timer::Patience(call) => {
                if self.calls.get(&call).is_some_and(|c| c.phase == Phase::Calling) {
                    self.cancel(call, t);
                }
            }
            Timer::Answer(call) => self.answer_due(call, t),
            Timer::Ringing(call) => {
                if self.calls.get(&call).is_some_and(|c| c.phase == Phase::Calling) {
                    self.reject(call, 480, t);
                }
            }
            Timer::Forget(call) => {
                if let Some(call) = self.calls.remove(&call) {
                    self.by_call_id.remove(&call.call_id);
                }
            }
            Timer::Register => self.register(t),
        }
    }

    fn set(&mut self, at: Time, timer: Timer) {
        self.timers.insert((at, timer));
    }

    fn mint(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Power is lost: nothing is sent, heard or remembered from here on.
    pub fn vanish(&mut self) {
        self.gone = true;
        self.misses_something();
        self.calls.clear();
        self.by_call_id.clear();
        self.clients.clear();
        self.servers.clear();
        self.server_keys.clear();
        self.timers.clear();
        self.out.clear();
        self.registered_until = None;
        self.out.push_back(Out::Vanished);
    }

    /// What is said to its live calls from here on may not arrive, nor a BYE that nobody has answered yet: nobody can ask
    /// their diaries for it.
    pub fn misses_something(&mut self) {
        let clients = &self.clients;
        let parts = |no| clients.values().any(|client| client.what == wire::What::Bye(no));
        let is_live = |c: &Call| c.phase != Phase::Over || c.diary.acked.is_none() || parts(c.no);
        for call in self.calls.values_mut().filter(|c| is_live(c)) {
            call.diary.vanished = true;
            if let Some(diary) = self.diaries.get_mut(&call.no) {
                diary.vanished = true;
            }
        }
    }

    /// Power is back.
    pub fn come_back(&mut self, t: Time) {
        self.gone = false;
        self.back = Some(t);
        self.register_call_id = self.rng.token(16);
        self.challenge = None;
        self.register(t);
    }

    /// Its connection broke; it registers anew at `at`.
    pub fn lost_connection(&mut self, at: Time) {
        self.set(at, Timer::Register);
    }

    pub fn register(&mut self, t: Time) {
        let Some(account) = self.account.clone() else { return };
        self.timers.retain(|(_, timer)| *timer != Timer::Register);
        self.send_register(&account, account.expires, t);
    }

    /// Nobody is to ring it any more (RFC 3261 §10.2.2).
    pub fn unregister(&mut self, t: Time) {
        let Some(account) = self.account.clone() else { return };
        self.timers.retain(|(_, timer)| *timer != Timer::Register);
        self.send_register(&account, 0, t);
    }

    /// Where the next call's sound arrives.
    fn next_rtp(&mut self) -> SocketAddr {
        let port = self.media_first + 2 * (self.sounds % self.media_calls) as u16;
        self.sounds += 1;
        SocketAddr::new(self.at.ip(), port)
    }

    /// The live call whose sound arrives at this port.
    pub fn call_at(&self, rtp: SocketAddr) -> Option<&Call> {
        self.calls.values().rev().find(|c| c.rtp == rtp && c.phase != Phase::Over)
    }

    fn local_uri(&self, user: &str) -> String {
        format!("sip:{user}@{}", if self.account.is_some() { self.domain.clone() } else { self.at.to_string() })
    }

    /// Dials.
    pub fn call(&mut self, to: &str, from: &str, plan: Plan, t: Time) -> CallNo {
        let no = self.mint() as CallNo;
        let user = self.account.as_ref().map_or(from, |a| a.user.as_str()).to_owned();
        let target = Uri::sip(Some(to), &self.server.ip().to_string(), Some(self.server.port())).expect("a number");
        let (call_id, local_tag) = (self.rng.token(16), self.rng.token(10));
        let diary = Diary { outgoing: true, invite: t, ..Diary::default() };
        let local = format!("<{}>;tag={local_tag}", self.local_uri(&user));
        let remote = format!("<{}>", self.local_uri(to));
        let mut call = Call {
            no,
            phase: Phase::Calling,
            plan,
            diary,
            call_id: call_id.clone(),
            local,
            local_tag,
            remote,
            remote_tag: None,
            target,
            cseq: 0,
            transaction: 0,
            challenged: false,
            rtp: self.next_rtp(),
            peer_rtp: None,
            held: false,
            sdp_version: 1,
            acks: Vec::new(),
            unacked: None,
            parting: false,
            server: None,
            early: false,
            max_forwards: None,
            deeds_done: 0,
        };
        if let Some(patience) = call.plan.patience {
            self.set(t + patience, Timer::Patience(no));
        }
        self.by_call_id.insert(call_id, no);
        self.send_invite(&mut call, None, t);
        self.write(&call);
        self.calls.insert(no, call);
        no
    }

    /// The diary of a call is kept beside it, and outlives it.
    fn write(&mut self, call: &Call) {
        if !self.diaries.contains_key(&call.no) {
            self.by_call_id_ever.insert(call.call_id.clone(), call.no);
        }
        self.diaries.insert(call.no, call.diary.clone());
    }

    /// Changes a call and its diary.
    fn with<R>(&mut self, no: CallNo, change: impl FnOnce(&mut Self, &mut Call) -> R) -> Option<R> {
        let mut call = self.calls.remove(&no)?;
        let result = change(self, &mut call);
        self.write(&call);
        self.calls.insert(no, call);
        Some(result)
    }

    fn answer_due(&mut self, no: CallNo, t: Time) {
        let Some(call) = self.calls.get(&no).filter(|c| c.phase == Phase::Calling) else { return };
        match call.plan.answer {
            Answer::ByHand => {}
            Answer::After(_) => self.answer(no, t),
            Answer::Reject(status, _) => self.reject(no, status, t),
            Answer::Vanish(_) => self.vanish(),
        }
    }

    fn deed_due(&mut self, no: CallNo, t: Time) {
        let Some(call) = self.calls.get_mut(&no).filter(|c| c.phase == Phase::Up) else { return };
        let Some(&(_, deed)) = call.plan.deeds.get(call.deeds_done) else { return };
        call.deeds_done += 1;
        let (next, up) = (call.plan.deeds.get(call.deeds_done).map(|(after, _)| *after), call.diary.up.unwrap_or(t));
        if let Some(after) = next {
            self.set(up + after, Timer::Deed(no));
        }
        self.carry_out(no, deed, t);
    }

    pub fn carry_out(&mut self, no: CallNo, deed: Deed, t: Time) {
        match deed {
            Deed::Press(key) => self.out.push_back(Out::Pressed(no, key)),
            Deed::Info(key) => self.info(no, key, t),
            Deed::Hold => self.re_invite(no, true, t),
            Deed::Retrieve => self.re_invite(no, false, t),
            Deed::HangUp => self.hang_up(no, t),
            Deed::Vanish => self.vanish(),
        }
    }

    /// The call is up: its deeds begin.
    fn is_up(&mut self, call: &mut Call, t: Time) {
        call.phase = Phase::Up;
        call.diary.up.get_or_insert(t);
        if let Some(&(after, _)) = call.plan.deeds.first() {
            self.set(t + after, Timer::Deed(call.no));
        }
    }

    fn is_over(&mut self, call: &mut Call, t: Time) {
        if call.phase != Phase::Over {
            call.phase = Phase::Over;
            call.diary.over.get_or_insert(t);
            self.set(t + wire::T1_64 + Span::seconds(8), Timer::Forget(call.no));
        }
    }

    pub fn diary(&self, call_id: &str) -> Option<&Diary> {
        self.by_call_id_ever.get(call_id).and_then(|no| self.diaries.get(no))
    }

    /// Diaries of calls that are over.
    #[allow(dead_code, reason = "asked where calls are many")]
    pub fn forget(&mut self) {
        let live = &self.calls;
        self.diaries.retain(|no, _| live.contains_key(no));
        let diaries = &self.diaries;
        self.by_call_id_ever.retain(|_, no| diaries.contains_key(no));
    }

    /// The newest call that is not over.
    pub fn live_call(&self) -> Option<CallNo> {
        self.calls.values().rev().find(|c| c.phase != Phase::Over).map(|c| c.no)
    }

    /// A REGISTER of its is under way.
    pub fn is_registering(&self) -> bool {
        self.clients.values().any(|c| c.what == wire::What::Register)
    }

    /// A re-INVITE or INFO of its is under way.
    pub fn waits_for_answer(&self) -> bool {
        self.clients.values().any(|c| matches!(c.what, wire::What::ReInvite(_) | wire::What::Info))
    }

    pub fn live_calls(&self) -> usize {
        self.calls.values().filter(|c| c.phase != Phase::Over).count()
    }
}
