//! One leg inside the engine: what it is told to be, what it heard, what it sends.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::base::{ContactId, Rng, Span, TenantNo, Time, bounds};
use crate::event::MediaCounts;
use crate::media::dtmf;
use crate::media::jitter::Jitter;
use crate::media::latch::Latch;
use crate::media::receive::Reception;
use crate::media::recorder::Side;
use crate::media::rtcp::PeerReport;
use crate::media::stream::Stream;
use crate::media::words::{Fact, LegSpec, Remote};
use crate::sdp::Codec;

use super::Channel;
use super::mix::Hearing;
use super::wire::Way;

/// Silence of a watched leg for this long is a fact..
pub const SILENCE: Span = Span::seconds(30);
/// A kept key may sound on for so long after a packet of its event: three of the usual intervals (RFC 4733 §2.5.1.2).
const KEY_LASTS: Span = Span::millis(60);

#[derive(Debug)]
pub struct Leg {
    pub tenant: TenantNo,
    pub contact: ContactId,
    pub spec: LegSpec,
    pub latch: Latch,
    /// Where the far end's RTCP came from, when it does not share the port.
    pub rtcp_from: Option<SocketAddr>,
    pub reception: Reception,
    pub stream: Stream,
    /// RFC 7022 §4.2: a random name for this session alone.
    pub cname: String,
    pub keys_in: dtmf::Receiver,
    pub keys_out: dtmf::Sender,
    pub key_sequence: u16,
    /// The key that is being pressed there is kept.
    keeps_key: bool,
    /// Until when sound from there is dropped, for a key that is kept.
    key_lasts: Time,
    facts: VecDeque<Fact>,
    pub facts_lost: u64,
    /// Last RTP or RTCP.
    pub heard: Time,
    pub is_silent: bool,
    pub heard_sound: bool,
    /// Who hears this leg.
    pub sinks: Vec<u32>,
    /// The recorder and track that hear it.
    pub tap: Option<(u32, Side)>,
    /// How the row of this sink was served when it was wired last.
    pub way: Way,
    pub playing: Option<Playing>,
    /// While a sum has this leg: its sound, waiting for its frame.
    pub jitter: Option<Box<Jitter>>,
    /// While this leg hears a sum.
    pub hearing: Option<Box<Hearing>>,
    pub peer: Option<(PeerReport, Option<Span>)>,
    /// An RTCP packet was sent, so the far end is told when we leave.
    pub reported: bool,
    pub report_at: Time,
}

/// A sink's own place in a player.
#[derive(Clone, Copy, Debug)]
pub struct Playing {
    pub player: u32,
    /// Of the player, when it was read from here on.
    pub turn: u32,
    pub position: u64,
    pub sequence: u16,
    pub next: Time,
}

/// What a payload type means on a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    Sound(Codec),
    Event,
}

impl Leg {
    pub fn new(tenant: TenantNo, contact: ContactId, spec: LegSpec, rng: &mut Rng, now: Time) -> Self {
        // The first sequence stays away from its wrap: some receivers mistake an early wrap for a restart.
        let stream = Stream::new(rng.u32(), rng.u32() as u16 & 0x7FFF, rng.u32());
        let mut leg = Self {
            tenant,
            contact,
            latch: Latch::default(),
            rtcp_from: None,
            reception: Reception::default(),
            stream,
            cname: rng.token(20),
            keys_in: dtmf::Receiver::default(),
            keys_out: dtmf::Sender::default(),
            key_sequence: 0,
            keeps_key: false,
            key_lasts: Time(0),
            facts: VecDeque::with_capacity(bounds::FACTS_PER_LEG),
            facts_lost: 0,
            heard: now,
            is_silent: false,
            heard_sound: false,
            sinks: Vec::new(),
            tap: None,
            way: Way::Nothing,
            playing: None,
            jitter: None,
            hearing: None,
            peer: None,
            reported: false,
            report_at: now,
            spec,
        };
        leg.open_latch();
        leg
    }

    /// The newest state. True: the far end's connection changed, its sound begins a new run.
    pub fn update(&mut self, spec: LegSpec, now: Time) -> bool {
        let before = std::mem::replace(&mut self.spec, spec);
        let remote_changed = before.remote != self.spec.remote;
        if before.latch_epoch != self.spec.latch_epoch || (before.remote.is_none() && self.spec.remote.is_some()) {
            self.open_latch();
        }
        if remote_changed && let Some(hearing) = self.hearing.as_mut() {
            hearing.forget();
        }
        if before.send != self.spec.send {
            self.stream.end_feed();
        }
        if self.spec.is_watched() && !before.is_watched() {
            (self.heard, self.is_silent) = (now, false);
        }
        remote_changed
    }

    /// Hears nobody and is heard by nobody until it is wired again.
    pub fn unwire(&mut self) {
        (self.tap, self.playing, self.hearing, self.way) = (None, None, None, Way::Nothing);
        self.sinks.clear();
        self.stream.end_feed();
    }

    fn open_latch(&mut self) {
        self.rtcp_from = None;
        if let Some(remote) = self.spec.remote {
            self.latch.open(remote.rtp);
        }
    }

    /// What a payload type is here; `None` for what nobody agreed to.
    pub fn payload(&self, remote: &Remote, payload_type: u8) -> Option<Payload> {
        if self.spec.telephone_event_receive == Some(payload_type) {
            return Some(Payload::Event);
        }
        if payload_type == remote.payload_type {
            return Some(Payload::Sound(remote.codec));
        }
        match payload_type {
            0 => Some(Payload::Sound(Codec::Pcmu)),
            8 => Some(Payload::Sound(Codec::Pcma)),
            _ => None,
        }
    }

    /// Judges a packet: nobody is to get it, as it says a kept key or may be its tone. Whether a key is kept is settled by
    /// its first packet.
    pub fn keeps(&mut self, payload: Option<Payload>, is_new_key: bool, now: Time) -> bool {
        match payload {
            Some(Payload::Event) => {
                if is_new_key {
                    self.keeps_key = self.spec.keeps_keys;
                }
                if self.keeps_key {
                    self.key_lasts = now + KEY_LASTS;
                }
                self.keeps_key
            }
            Some(Payload::Sound(_)) | None => now < self.key_lasts,
        }
    }

    /// How our sound is sent now; `None` while it must not or cannot.
    pub fn outlet(&self) -> Option<(Remote, SocketAddr)> {
        let remote = self.spec.remote.filter(|_| self.spec.send)?;
        Some((remote, self.latch.destination().filter(is_address)?))
    }

    /// Where and on which socket our RTCP goes.
    pub fn rtcp_outlet(&self) -> Option<(Channel, SocketAddr)> {
        let remote = self.spec.remote?;
        if remote.rtcp_mux {
            return Some((Channel::Rtp, self.latch.destination().filter(is_address)?));
        }
        let behind_nat = self.latch.current().filter(|current| current.ip() != remote.rtp.ip());
        let guess = behind_nat.map_or(remote.rtcp, |at| SocketAddr::new(at.ip(), at.port().wrapping_add(1)));
        Some((Channel::Rtcp, Some(self.rtcp_from.unwrap_or(guess)).filter(is_address)?))
    }

    /// Whether a source may speak RTCP for this leg: the signalled address, or the host of the latched one.
    pub fn may_report(&self, from: SocketAddr) -> bool {
        let signalled = self.spec.remote.is_some_and(|remote| remote.rtcp == from || remote.rtp == from);
        signalled || self.latch.current().is_some_and(|current| current.ip() == from.ip())
    }

    /// Keeps a fact until it is taken. Full: the oldest goes. True: this leg had none before.
    pub fn tell(&mut self, fact: Fact) -> bool {
        if self.facts.len() == bounds::FACTS_PER_LEG {
            self.facts.pop_front();
            self.facts_lost += 1;
        }
        self.facts.push_back(fact);
        self.facts.len() == 1
    }

    pub fn take_fact(&mut self) -> Option<Fact> {
        self.facts.pop_front()
    }

    /// Something arrived. True: it had been silent, so the watch begins anew.
    pub fn hear(&mut self, now: Time) -> bool {
        self.heard = now;
        std::mem::take(&mut self.is_silent)
    }

    pub fn counts(&self) -> MediaCounts {
        MediaCounts {
            received: self.reception.received,
            sent: self.stream.packets,
            lost: self.reception.lost(),
            refused: self.latch.refused(),
            jitter_us: self.reception.jitter().as_micros() as u32,
        }
    }
}

/// `0.0.0.0` or port 0 in an SDP means nowhere (RFC 3264 §8.4 has the old way of hold); the kernel would take it for us.
fn is_address(address: &SocketAddr) -> bool {
    address.port() != 0 && !address.ip().is_unspecified()
}

impl LegSpec {
    /// Silence of this leg is worth telling.
    pub fn is_watched(&self) -> bool {
        self.watch && self.receive && self.remote.is_some()
    }
}

const _: () = assert!(size_of::<Leg>() <= crate::base::bounds::ENGINE_LEG_VALUE_BYTES);
