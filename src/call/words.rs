//! What the call room is told and what it asks for. It knows legs, sound and who talks to whom; no flow, agent state or queue.

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::base::{
    AgentNo, CallId, ContactId, ExtensionNo, GroupNo, ItemId, LegId, NumberNo, OfferId, SegmentId, Span,
};
use crate::event::words::{By, CallKind, EndCause, LegRole, OfferEnding, PartyRef, Side, Station};
use crate::event::{About, Kind};
use crate::media;
use crate::sdp::Codec;
use crate::sip;

/// A contact to be born by an INVITE.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub incoming: sip::words::Incoming,
    /// The address our SDP names to this caller.
    pub media_ip: IpAddr,
    /// What was dialled, in normal form, and who called.
    pub from: String,
    pub to: String,
    pub number: Option<NumberNo>,
    pub language: String,
    pub record: bool,
    /// The caller is the contact's customer; not so in internal calls and when a phone of ours dials out.
    pub customer: bool,
    pub call_kind: CallKind,
    /// The codecs this party may speak, best first.
    pub codecs: Vec<Codec>,
    pub limits: Limits,
}

/// A contact to be born by a command.
#[derive(Clone, Debug)]
pub struct Birth {
    pub contact: ContactId,
    pub from: String,
    pub to: String,
    pub language: String,
    pub record: bool,
    pub data: Map<String, Value>,
    pub limits: Limits,
    pub by: By,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub call_max: Span,
    pub hold_max: Span,
}

/// One way to reach a party, all its phones at once.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub party: PartyRef,
    /// The user or number put into To.
    pub to_user: String,
    pub from_user: String,
    pub from_name: Option<String>,
    /// The number as the record shows it.
    pub remote: String,
    pub codecs: Vec<Codec>,
    /// Each with the address our SDP names to it.
    pub targets: Vec<(sip::words::Target, IpAddr)>,
}

/// Attempts are tried in order until one is answered or says that the called party itself will not take it.
#[derive(Clone, Debug)]
pub struct Dial {
    pub attempts: Vec<Attempt>,
    /// How long it may ring, over all attempts.
    pub ring: Span,
    /// The dialled party is the contact's customer.
    pub customer: bool,
    pub by: By,
}

/// An agent's station to be rung for an offer.
#[derive(Clone, Debug)]
pub struct Ring {
    pub offer: OfferId,
    pub item: ItemId,
    pub agent: AgentNo,
    pub group: GroupNo,
    pub segment: SegmentId,
    pub attempt: Attempt,
}

/// What the tenant asks of a contact.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answer the customer if that has not happened.
    Answer,
    Play {
        sounds: Vec<String>,
    },
    StopPlay,
    /// He waits in a queue: music under everything that is played.
    Wait {
        group: GroupNo,
        music: String,
    },
    /// He no longer waits.
    WaitOver,
    Ring(Box<Ring>),
    /// Stop ringing, or take the agent out before he is connected.
    Unring {
        offer: OfferId,
        ending: OfferEnding,
    },
    Dial(Box<Dial>),
    SetData {
        data: Map<String, Value>,
        by: By,
    },
    /// Nothing here takes the call: a final refusal before anybody was rung.
    Refuse {
        cause: EndCause,
    },
    /// One leg, or all and the contact with them.
    Hangup {
        leg: Option<LegId>,
        cause: EndCause,
        side: Side,
        by: By,
    },
    /// An agent's wrap-up, tags and the like need nothing here; the flow is over and nothing else holds the customer.
    Unhold,
}

/// What a contact tells the tenant.
#[derive(Clone, Debug, PartialEq)]
pub enum Tell {
    Digit(char),
    PlayEnded {
        missing: Option<String>,
    },
    /// A dial is over: whom it reached, or why nobody.
    DialEnded(Result<(), EndCause>),
    /// The agent or dialled party left; the customer is still there and a flow may go on.
    OtherSideLeft,
    /// The customer is gone. Told once.
    CustomerLeft,
    Offer {
        offer: OfferId,
        step: OfferStep,
    },
    /// The agent's last leg of this contact ended after a talk.
    AgentGone {
        agent: AgentNo,
        group: GroupNo,
    },
    /// Our phone is in a call that no offer made, or no longer.
    StationBusy {
        extension: ExtensionNo,
        busy: bool,
    },
    /// Everything of it has ended and is sealed; the contact is gone.
    Closed,
}

/// As `acd::words::OfferStep`; brothers do not know each other, the tenant translates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferStep {
    Alerting,
    Accepted,
    Connected,
    Ended { ending: OfferEnding, sip_status: Option<u16> },
}

#[derive(Clone, Debug)]
pub enum Output {
    Sip(sip::words::Act),
    Media(media::words::Command),
    Journal { about: About, by: By, kind: Kind },
    Tell { contact: ContactId, tell: Tell },
}

/// A leg as queries see it.
#[derive(Clone, Debug, PartialEq)]
pub struct LegView {
    pub leg: LegId,
    pub call: CallId,
    pub role: LegRole,
    pub station: Option<Station>,
}
