//! A SIP phone with sound for the demo and the tests: the machines `sip::phone` and `media::phone` on real sockets.
//! Owns one task, a UDP socket for SIP and a pair for RTP and RTCP, and at most one call; a second caller hears busy.
//! Leaves what to say and when to whoever holds the [`Phone`].
//! In: [`Phone`]'s verbs. Out: [`Seen`], in order.

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::base::{Rng, Span, Time};
use crate::drive::clock::Clock;
use crate::event::words::Wire;
use crate::media::phone::{self as sound, Diary, Voice};
use crate::sdp::{Agreed, Capabilities, Codec, MediaAddress, MediaDirection, Negotiator, Offer};
use crate::sip::phone::{self as sip, PhoneCall, PhoneConfig, PhoneEvent, PhoneOutput};

/// How often a free pair of ports is looked for before it is given up.
const PORT_TRIES: usize = 100;
/// Orders and tellings of one scripted phone on their way; a script gives a handful. Full: the newest is dropped.
const PHONE_LANE: usize = 256;
/// More than any UDP datagram.
const DATAGRAM_BYTES: usize = 65_536;

/// Who a phone is.
#[derive(Clone, Debug)]
pub struct Account {
    /// User of From and Contact: an extension, or the number of a carrier's caller.
    pub user: String,
    pub password: String,
    pub domain: String,
    /// The server, also as outbound proxy.
    pub server: SocketAddr,
    /// The best first.
    pub codecs: Vec<Codec>,
    /// Draws tags, branches and SSRC; no two phones of a run have the same.
    pub seed: u64,
}

/// What a phone does when it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Rings until the caller gives up.
    Ring,
    /// Rings so long, then answers.
    Answer { after: Span },
    /// Refuses with a status from 400 to 699.
    Refuse { status: u16 },
}

/// What a phone saw.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Registered {
        seconds: u32,
    },
    Unregistered,
    RegisterFailed {
        status: u16,
    },
    Ringing {
        from: String,
    },
    Progress {
        status: u16,
    },
    /// Answered on either side, with what was agreed; sound flows.
    Talking {
        codec: Codec,
    },
    /// No codec or no address in common; the call is hung up.
    NoSound,
    Ended {
        status: Option<u16>,
        by_far_end: bool,
        diary: Diary,
    },
}

enum Order {
    Register,
    Unregister,
    Manner(Manner),
    Call(String),
    Say(Voice),
    Press(String),
    HangUp,
    Heard(oneshot::Sender<Vec<i16>>),
}

/// A phone's verbs. Its task ends when this is dropped.
#[derive(Debug)]
pub struct Phone {
    orders: mpsc::Sender<Order>,
    seen: mpsc::Receiver<Seen>,
    /// Where it listens for SIP.
    pub address: SocketAddr,
}

/// The sockets of a phone, bound before anybody is told its port.
#[derive(Debug)]
pub struct Sockets {
    sip: UdpSocket,
    rtp: UdpSocket,
    /// Takes what the far end reports; nothing is said about it.
    rtcp: UdpSocket,
}

impl Sockets {
    /// On the loopback.
    ///
    /// # Errors
    /// No free ports, or no permission.
    pub async fn bind() -> io::Result<Self> {
        Self::with_sip(std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?).await
    }

    /// With a SIP socket whose port somebody was told already.
    ///
    /// # Errors
    /// As [`Sockets::bind`].
    pub async fn with_sip(sip: std::net::UdpSocket) -> io::Result<Self> {
        let any = (Ipv4Addr::LOCALHOST, 0);
        sip.set_nonblocking(true)?;
        let sip = UdpSocket::from_std(sip)?;
        for _ in 0..PORT_TRIES {
            let rtp = UdpSocket::bind(any).await?;
            let port = rtp.local_addr()?.port();
            if port % 2 == 0
                && let Ok(rtcp) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port + 1)).await
            {
                return Ok(Self { sip, rtp, rtcp });
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "no free pair of ports for RTP and RTCP"))
    }

    /// # Errors
    /// None that the system is known to give for a bound socket.
    pub fn sip_address(&self) -> io::Result<SocketAddr> {
        self.sip.local_addr()
    }
}

impl Phone {
    /// Starts its task, silent, and answering calls at once.
    ///
    /// # Errors
    /// None that the system is known to give for bound sockets.
    pub fn start(account: Account, sockets: Sockets, clock: Arc<Clock>) -> io::Result<Self> {
        let (orders, inbox) = mpsc::channel(PHONE_LANE);
        let (tell, seen) = mpsc::channel(PHONE_LANE);
        let address = sockets.sip_address()?;
        let config = PhoneConfig {
            user: account.user,
            password: account.password,
            domain: account.domain,
            registrar: account.server,
            local: address,
            wire: Wire::Udp,
            expires: Span::seconds(3_600),
        };
        let driver = Driver {
            rtp_port: sockets.rtp.local_addr()?.port(),
            sockets,
            clock,
            sip: sip::Phone::new(config, account.seed),
            rng: Rng::from_number(account.seed ^ 0x5EED),
            capabilities: Capabilities { codecs: account.codecs, telephone_event: true, ptime_ms: 20, rtcp_mux: false },
            manner: Manner::Answer { after: Span::ZERO },
            voice: Voice::Silence,
            call: None,
            tell,
        };
        tokio::spawn(driver.run(inbox));
        Ok(Self { orders, seen, address })
    }

    fn order(&self, order: Order) {
        // A task that is gone has told so by ending `seen`.
        drop(self.orders.try_send(order));
    }

    pub fn register(&self) {
        self.order(Order::Register);
    }

    pub fn unregister(&self) {
        self.order(Order::Unregister);
    }

    /// For calls that come from now on.
    pub fn set_manner(&self, manner: Manner) {
        self.order(Order::Manner(manner));
    }

    pub fn call(&self, to: &str) {
        self.order(Order::Call(to.to_owned()));
    }

    /// In this call and those after it.
    pub fn say(&self, voice: Voice) {
        self.order(Order::Say(voice));
    }

    /// Keys by RFC 4733, when the far end takes them.
    pub fn press(&self, keys: &str) {
        self.order(Order::Press(keys.to_owned()));
    }

    pub fn hang_up(&self) {
        self.order(Order::HangUp);
    }

    /// What was heard in this call since this was asked last, at 8 kHz; empty without a call.
    pub async fn heard(&self) -> Vec<i16> {
        let (send, answer) = oneshot::channel();
        self.order(Order::Heard(send));
        answer.await.unwrap_or_default()
    }

    /// The next thing it saw; `None` when its task is gone.
    pub async fn next(&mut self) -> Option<Seen> {
        self.seen.recv().await
    }
}

struct Call {
    no: PhoneCall,
    negotiator: Negotiator,
    /// The offer of a caller, until it is answered.
    offer: Vec<u8>,
    answer_at: Option<Time>,
    /// Once there is an agreement.
    media: Option<(sound::Phone, SocketAddr)>,
}

struct Driver {
    sockets: Sockets,
    rtp_port: u16,
    clock: Arc<Clock>,
    sip: sip::Phone,
    rng: Rng,
    capabilities: Capabilities,
    manner: Manner,
    voice: Voice,
    call: Option<Call>,
    tell: mpsc::Sender<Seen>,
}

impl Driver {
    async fn run(mut self, mut inbox: mpsc::Receiver<Order>) {
        let (mut at_sip, mut at_rtp) = (vec![0; DATAGRAM_BYTES], vec![0; DATAGRAM_BYTES]);
        let mut at_rtcp = vec![0; DATAGRAM_BYTES];
        loop {
            self.carry_out().await;
            let due = self.deadline();
            tokio::select! {
                order = inbox.recv() => match order {
                    Some(order) => self.obey(order),
                    None => return,
                },
                // A UDP error is the echo of something sent to a port that is closed by now.
                received = self.sockets.sip.recv_from(&mut at_sip) => if let Ok((length, from)) = received {
                    self.sip.receive(Bytes::copy_from_slice(&at_sip[..length]), from, self.clock.now());
                },
                received = self.sockets.rtp.recv_from(&mut at_rtp) => if let Ok((length, _)) = received {
                    let now = self.clock.t();
                    if let Some((media, _)) = self.call.as_mut().and_then(|call| call.media.as_mut()) {
                        media.receive(&at_rtp[..length], now);
                    }
                },
                _ = self.sockets.rtcp.recv_from(&mut at_rtcp) => {}
                () = until(due.map(|due| self.clock.instant_of(due).into())) => self.due().await,
            }
        }
    }

    fn deadline(&self) -> Option<Time> {
        let call = self.call.as_ref();
        let media = call.and_then(|call| call.media.as_ref()).map(|(media, _)| media.deadline(self.clock.t()));
        self.sip.deadline().into_iter().chain(media).chain(call.and_then(|call| call.answer_at)).min()
    }

    async fn due(&mut self) {
        let now = self.clock.now();
        self.sip.due(now);
        let mut packet = [0; sound::PACKET_BYTES];
        while let Some((media, to)) = self.call.as_mut().and_then(|call| call.media.as_mut()) {
            let Some(length) = media.packet(now.t, &mut packet) else { break };
            // Lost packets are the network's business, here as anywhere.
            drop(self.sockets.rtp.send_to(&packet[..length], *to).await);
        }
        if let Some(call) = self.call.as_mut()
            && call.answer_at.is_some_and(|at| at <= now.t)
        {
            call.answer_at = None;
            self.answer();
        }
    }

    fn obey(&mut self, order: Order) {
        let now = self.clock.now();
        match order {
            Order::Register => self.sip.register(now),
            Order::Unregister => self.sip.unregister(now),
            Order::Manner(manner) => self.manner = manner,
            Order::Call(to) => {
                let mut negotiator = Negotiator::new(self.rng.u64() >> 2);
                let offer = negotiator.offer(&self.capabilities, self.at(), MediaDirection::SEND_RECEIVE);
                let no = self.sip.call(&to, &offer, now);
                self.call = Some(Call { no, negotiator, offer: Vec::new(), answer_at: None, media: None });
            }
            Order::Say(voice) => {
                self.voice = voice.clone();
                if let Some((media, _)) = self.call.as_mut().and_then(|call| call.media.as_mut()) {
                    media.say(voice);
                }
            }
            Order::Press(keys) => {
                if let Some((media, _)) = self.call.as_mut().and_then(|call| call.media.as_mut()) {
                    let refused = media.press(&keys);
                    debug_assert_eq!(refused, 0, "keys are 0-9, *, #, A-D");
                }
            }
            Order::HangUp => {
                if let Some(call) = &self.call {
                    self.sip.hang_up(call.no, now);
                    // CANCEL has its end in the 487; BYE and a refusal have none that the machine tells.
                    let over = call.media.is_some() || !call.offer.is_empty();
                    if over {
                        self.ended(None, false);
                    }
                }
            }
            Order::Heard(answer) => {
                let media = self.call.as_mut().and_then(|call| call.media.as_mut());
                // Who asked may have gone away.
                drop(answer.send(media.map(|(media, _)| media.take_heard()).unwrap_or_default()));
            }
        }
    }

    /// What the SIP machine says, until it says no more.
    async fn carry_out(&mut self) {
        while let Some(output) = self.sip.poll() {
            match output {
                PhoneOutput::Send { to, bytes } => drop(self.sockets.sip.send_to(&bytes, to).await),
                PhoneOutput::Event(event) => self.event(event),
            }
        }
    }

    fn event(&mut self, event: PhoneEvent) {
        let mine = self.call.as_ref().map(|call| call.no);
        match event {
            PhoneEvent::Registered { seconds } => self.tell(Seen::Registered { seconds }),
            PhoneEvent::Unregistered => self.tell(Seen::Unregistered),
            PhoneEvent::RegisterFailed { status } => self.tell(Seen::RegisterFailed { status }),
            PhoneEvent::Referred { .. } | PhoneEvent::Notified { .. } => {}
            PhoneEvent::Incoming { call, from, sdp } => self.incoming(call, from, sdp),
            PhoneEvent::Progress { call, status, .. } => {
                if mine == Some(call) {
                    self.tell(Seen::Progress { status });
                }
            }
            PhoneEvent::Answered { call, sdp } => {
                if mine == Some(call) {
                    self.agreed(|call| call.negotiator.read_answer(&sdp).ok().cloned());
                }
            }
            PhoneEvent::Acked { call, sdp } => {
                let pending = self.call.as_ref().is_some_and(|call| call.negotiator.is_pending());
                if mine == Some(call) && pending {
                    self.agreed(|call| call.negotiator.read_answer(&sdp).ok().cloned());
                }
            }
            PhoneEvent::Ended { call, status, by_far_end, .. } => {
                if mine == Some(call) {
                    self.ended(status, by_far_end);
                }
            }
        }
    }

    fn incoming(&mut self, no: PhoneCall, from: String, offer: Vec<u8>) {
        let now = self.clock.now();
        if self.call.is_some() {
            return self.sip.reject(no, 486, now);
        }
        let negotiator = Negotiator::new(self.rng.u64() >> 2);
        let mut call = Call { no, negotiator, offer, answer_at: None, media: None };
        match self.manner {
            Manner::Refuse { status } => return self.sip.reject(no, status, now),
            Manner::Ring => {}
            Manner::Answer { after } => call.answer_at = Some(now.t + after),
        }
        self.call = Some(call);
        self.sip.ring(no, now);
        self.tell(Seen::Ringing { from });
    }

    /// Answers the call that rings; an INVITE without an offer gets ours in the 200.
    fn answer(&mut self) {
        let (at, now, both) = (self.at(), self.clock.now(), MediaDirection::SEND_RECEIVE);
        let Some(call) = self.call.as_mut() else { return };
        let offer = std::mem::take(&mut call.offer);
        if offer.is_empty() {
            let ours = call.negotiator.offer(&self.capabilities, at, both);
            return self.sip.answer(call.no, &ours, now);
        }
        let met = Offer::read(&offer).and_then(|offer| {
            let (ours, agreed) = call.negotiator.answer(&offer, &self.capabilities, at, both)?;
            Ok((ours, agreed.clone()))
        });
        match met {
            Ok((ours, agreed)) => {
                self.sip.answer(call.no, &ours, now);
                self.agreed(|_| Some(agreed));
            }
            Err(error) => {
                self.sip.reject(call.no, error.status(), now);
                self.call = None;
                self.tell(Seen::NoSound);
            }
        }
    }

    /// Sound begins, or the call ends for want of it.
    fn agreed(&mut self, agreed: impl FnOnce(&mut Call) -> Option<Agreed>) {
        let now = self.clock.now();
        let Some(call) = self.call.as_mut() else { return };
        let Some(agreed) = agreed(call) else {
            self.sip.hang_up(call.no, now);
            self.call = None;
            return self.tell(Seen::NoSound);
        };
        let (codec, payload, event) = (agreed.codec, agreed.send_payload, agreed.telephone_event_send);
        let mut media = sound::Phone::new(codec, payload, event, &mut self.rng, now.t);
        media.say(self.voice.clone());
        call.media = Some((media, agreed.remote));
        self.tell(Seen::Talking { codec });
    }

    fn ended(&mut self, status: Option<u16>, by_far_end: bool) {
        let diary = self.call.take().and_then(|call| call.media).map(|(media, _)| media.diary).unwrap_or_default();
        self.tell(Seen::Ended { status, by_far_end, diary });
    }

    fn at(&self) -> MediaAddress {
        MediaAddress { ip: Ipv4Addr::LOCALHOST.into(), rtp: self.rtp_port }
    }

    fn tell(&self, seen: Seen) {
        // Who does not look any more does not want to know.
        drop(self.tell.try_send(seen));
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
