//! Session descriptions and the offer/answer machine (RFC 3264).
//!
//! Owns which codec, payload types, addresses and directions two sides agree on, and the text in which they say so
//! (RFC 8866, read and written by `sdp-types`). Leaves when to offer to the endpoint and the packets to `media`.
//! In: capabilities, our address, the peer's bytes. Out: our bytes and [`Agreed`].

mod description;
mod negotiator;
#[cfg(test)]
mod tests;

pub use negotiator::{Negotiator, Offer};

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// What sound is coded in. Clock rate of all: 8,000 Hz, one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Codec {
    #[serde(rename = "PCMU")]
    Pcmu,
    #[serde(rename = "PCMA")]
    Pcma,
}

impl Codec {
    pub const ALL: [Self; 2] = [Self::Pcmu, Self::Pcma];

    /// The static payload type (RFC 3551 §6).
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    /// The encoding name of `a=rtpmap`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }
}

/// What one side can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The best first; an offer lists them so, an answer takes the first of the offer that is among them.
    pub codecs: Vec<Codec>,
    /// Digits as RFC 4733 events.
    pub telephone_event: bool,
    /// Milliseconds of sound in one packet, unless the peer wishes otherwise.
    pub ptime_ms: u16,
    /// RTP and RTCP on one port (RFC 5761): offered, and accepted when offered.
    pub rtcp_mux: bool,
}

impl Capabilities {
    /// The same with `codec` first, if it is there: a second leg offers the first leg's codec first.
    #[must_use]
    pub fn preferring(mut self, codec: Codec) -> Self {
        self.codecs.sort_by_key(|&listed| listed != codec);
        self
    }
}

impl Default for Capabilities {
    fn default() -> Self {
        Self { codecs: vec![Codec::Pcma, Codec::Pcmu], telephone_event: true, ptime_ms: 20, rtcp_mux: false }
    }
}

/// Where we receive: as told to the peer, never a wildcard. RTCP is at `rtp + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaAddress {
    pub ip: IpAddr,
    pub rtp: u16,
}

/// Which ways sound goes, from the view of the side that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaDirection {
    pub send: bool,
    pub receive: bool,
}

impl MediaDirection {
    pub const SEND_RECEIVE: Self = Self { send: true, receive: true };
    pub const SEND_ONLY: Self = Self { send: true, receive: false };
    pub const RECEIVE_ONLY: Self = Self { send: false, receive: true };
    pub const INACTIVE: Self = Self { send: false, receive: false };

    /// The name of the attribute.
    pub fn attribute(self) -> &'static str {
        match (self.send, self.receive) {
            (true, true) => "sendrecv",
            (true, false) => "sendonly",
            (false, true) => "recvonly",
            (false, false) => "inactive",
        }
    }

    /// What this side may do when its peer says `peer`.
    #[must_use]
    pub fn against(self, peer: Self) -> Self {
        Self { send: self.send && peer.receive, receive: self.receive && peer.send }
    }
}

/// What an offer and its answer came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Where the peer receives RTP, as signalled. 0.0.0.0 only while `send` is false (RFC 3264 §8.4).
    pub remote: SocketAddr,
    pub remote_rtcp: SocketAddr,
    pub rtcp_mux: bool,
    /// What we send.
    pub codec: Codec,
    /// The payload type that we send `codec` under.
    pub send_payload: u8,
    /// Payload types that may arrive, and what they carry.
    pub receive_payloads: Vec<(u8, Codec)>,
    /// The payload type for digits that we send.
    pub telephone_event_send: Option<u8>,
    /// The payload type under which digits may arrive.
    pub telephone_event_receive: Option<u8>,
    /// We may send.
    pub send: bool,
    /// We may receive.
    pub receive: bool,
    /// Milliseconds in a packet that we send.
    pub ptime_ms: u16,
}

/// Why there is no agreement. What was agreed before stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SdpError {
    /// No session description.
    Unreadable,
    /// More than [`crate::base::bounds::SDP_MEDIA_LINES`] media lines.
    TooManyLines,
    /// No audio line with a codec, a transport and an address that we can use.
    NothingInCommon,
    /// The answer does not have the lines of the offer (RFC 3264 §6).
    NotAnAnswer,
    /// An answer came, but no offer of ours is open.
    NoOffer,
    /// An offer came while ours is open.
    OfferPending,
}

impl SdpError {
    /// The response to a request whose body it was.
    pub fn status(self) -> u16 {
        match self {
            Self::Unreadable | Self::NoOffer => 400,
            Self::TooManyLines | Self::NothingInCommon | Self::NotAnAnswer => 488,
            // RFC 3261 §14.2
            Self::OfferPending => 491,
        }
    }
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "no session description",
            Self::TooManyLines => "too many media lines",
            Self::NothingInCommon => "no codec or address in common",
            Self::NotAnAnswer => "the answer does not match the offer",
            Self::NoOffer => "an answer without an offer",
            Self::OfferPending => "an offer crossed ours",
        })
    }
}

impl std::error::Error for SdpError {}
