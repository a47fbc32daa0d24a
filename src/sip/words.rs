//! What the layers above say to the endpoint and hear from it. Above the endpoint only [`LegId`] exists:
//! no dialog, transaction or header.

use std::net::SocketAddr;

use crate::base::{ExtensionNo, InterfaceNo, LegId, LinkId, Span, Time};
use crate::event::DialogState;
use crate::event::words::{EndCause, PartyRef, Wire};

/// What the endpoint is asked to do. Acts on a leg that is gone are ignored: its end has been told already.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Call out: one INVITE per fork, the first 200 wins, the others get CANCEL, a second 200 gets ACK and BYE.
    Invite(Box<Invite>),
    /// 180 or 183 to an inbound INVITE.
    Progress { leg: LegId, status: u16, sdp: Option<Vec<u8>> },
    /// 200 to an inbound INVITE. `sdp` is the answer, or the offer when the INVITE had none.
    Accept { leg: LegId, sdp: Vec<u8> },
    /// Whatever ends the leg in the state it is in: a final refusal with `status` to an unanswered inbound INVITE,
    /// CANCEL to forks that ring (a late 200 gets ACK and BYE), BYE otherwise. `Reason` tells the cause (RFC 3326).
    End { leg: LegId, status: u16, cause: EndCause },
    /// 200 to the far end's re-INVITE.
    AnswerOffer { leg: LegId, sdp: Vec<u8> },
    /// The far end's re-INVITE cannot be met; the dialog stays as it was.
    RefuseOffer { leg: LegId, status: u16 },
    /// A digit by INFO (`application/dtmf-relay`), for far ends without telephone-event.
    SendDigit { leg: LegId, digit: char, duration: Span },
    /// In-dialog OPTIONS: is the far end still there? Answered by `Alive` or `Ended`.
    Probe { leg: LegId },
    /// Ends a dialog of a process that died. Nothing is told back.
    ByeRestored { dialog: Box<DialogState>, cause: EndCause },
    /// How what this REFER asked for goes: 1xx, or the final status, which ends its subscription. One that is over, or was
    /// not wanted (RFC 4488), hears nothing.
    ReferProgress { refer: ReferNo, status: u16 },
    /// From now on (or no more) prove that this extension's phone is there: OPTIONS while nothing else is heard,
    /// two misses mean unreachable.
    Watch { extension: ExtensionNo, on: bool },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Invite {
    pub leg: LegId,
    pub party: PartyRef,
    pub forks: Vec<Fork>,
    /// User part and display name of From, as the far end shall see them.
    pub from_user: String,
    pub from_name: Option<String>,
    /// User part of To.
    pub to_user: String,
    /// Carried across, minus one.
    pub max_forwards: u8,
    /// A person who refuses on one phone refuses on all: an agent's phones.
    pub one_refusal_ends: bool,
    /// Headers beside the usual, such as `X-Cordboard-Contact`.
    pub headers: Vec<(String, String)>,
}

/// One INVITE of a dial.
#[derive(Clone, Debug, PartialEq)]
pub struct Fork {
    pub target: Target,
    /// The offer, with the address its interface shows to this target.
    pub sdp: Vec<u8>,
}

/// Where a request can be sent: made by the registrar or from a trunk.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Request-URI.
    pub uri: String,
    pub interface: InterfaceNo,
    pub wire: Wire,
    /// A connection that exists (a phone's own TCP connection, the interface's UDP socket), or one to be opened.
    pub link: Option<LinkId>,
    pub remote: SocketAddr,
    /// Route headers (RFC 3327 Path of a binding).
    pub routes: Vec<String>,
}

/// What the endpoint tells. After `Failed` or `Ended` a leg is gone and nothing more is told of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Tell {
    /// An INVITE from a trunk or an authenticated phone, outside any dialog; 100 was sent.
    Incoming(Box<Incoming>),
    /// A provisional response over 100. `fork` is the index in [`Invite::forks`].
    Progress {
        leg: LegId,
        fork: usize,
        status: u16,
        sdp: Option<Vec<u8>>,
    },
    /// The first 200; ACK was sent, the other forks are cancelled.
    Answered {
        leg: LegId,
        fork: usize,
        sdp: Vec<u8>,
    },
    /// No fork was answered: the best final response (RFC 3261 §16.7 point 6).
    Failed {
        leg: LegId,
        status: u16,
        cause: EndCause,
    },
    /// Our 200 was acknowledged; with the answer when our 200 carried the offer.
    Acked {
        leg: LegId,
        sdp: Option<Vec<u8>>,
    },
    /// What a later process needs to end this dialog. Told when the dialog is made and when its target or CSeq reserve changes.
    Dialog {
        leg: LegId,
        dialog: Box<DialogState>,
    },
    /// A re-INVITE or UPDATE to be answered by `AnswerOffer` or `RefuseOffer`; without SDP we are asked to offer.
    Offer {
        leg: LegId,
        sdp: Option<Vec<u8>>,
    },
    /// Our refresh repeated what we said last of our sound; this is what the far end says of its own.
    Refreshed {
        leg: LegId,
        sdp: Vec<u8>,
    },
    /// A digit by INFO.
    Digit {
        leg: LegId,
        digit: char,
    },
    /// The probe was answered.
    Alive {
        leg: LegId,
    },
    /// BYE, CANCEL, a session timer, or a 2xx that nobody acknowledged. `by_far_end` is false when a timer ended it.
    Ended {
        leg: LegId,
        cause: EndCause,
        status: Option<u16>,
        by_far_end: bool,
    },
    /// A phone gives its far end to somebody else; 202 was sent.
    Refer(Box<Refer>),
    /// A phone has (first contact made it) or has no longer any usable contact, or a watched one stopped answering. Of a
    /// watched one each proof is told: a new contact, Call-ID or source, and an answer to OPTIONS.
    Reachable {
        extension: ExtensionNo,
        reachable: bool,
    },
    /// A binding was added or refreshed with other data; removed or expired.
    Registered {
        extension: ExtensionNo,
        contact: String,
        until: Time,
    },
    Unregistered {
        extension: ExtensionNo,
        contact: String,
    },
    /// A message of this leg's dialog, for the SIP history.
    Traced(Box<Traced>),
}

/// One REFER of a tenant's endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReferNo(pub u64);

/// A REFER in the dialog of `leg` (RFC 3515).
#[derive(Clone, Debug, PartialEq)]
pub struct Refer {
    pub leg: LegId,
    /// Names its subscription in [`Act::ReferProgress`].
    pub refer: ReferNo,
    /// User part of Refer-To.
    pub to: String,
    /// The leg whose dialog the embedded `Replaces` names (RFC 3891): an attended transfer.
    pub replaces: Option<LegId>,
    /// The URI of Referred-By (RFC 3892), as it stood there.
    pub referred_by: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// Minted by the endpoint.
    pub leg: LegId,
    pub party: PartyRef,
    /// User part of From, and of P-Asserted-Identity when a trunk sent one.
    pub from_user: String,
    pub from_name: Option<String>,
    pub asserted_user: Option<String>,
    /// User part of the Request-URI: what was dialled.
    pub dialled: String,
    pub call_id: String,
    /// The offer; `None`: the caller wants ours (delayed offer).
    pub sdp: Option<Vec<u8>>,
    /// Its `Replaces` names the dialog of this leg, whose place it takes (RFC 3891).
    pub replaces: Option<LegId>,
    pub max_forwards: u8,
    pub interface: InterfaceNo,
    pub remote: SocketAddr,
    pub wire: Wire,
    /// `X-Cordboard-Contact` when this call has been here before.
    pub met: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Traced {
    pub leg: LegId,
    pub sent: bool,
    pub t: Time,
    pub remote: SocketAddr,
    pub bytes: bytes::Bytes,
}

/// What the endpoint asks of the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// On a link that exists.
    Send {
        link: LinkId,
        to: SocketAddr,
        bytes: bytes::Bytes,
    },
    /// Open a connection, then `LinkOpened(request, link)` or `LinkFailed(request)` comes back.
    Open {
        request: u64,
        interface: InterfaceNo,
        wire: Wire,
        to: SocketAddr,
    },
    /// A new binding to be saved; unused until `binding_saved(request)`.
    /// Whoever is at the other end is banned: the TCP connection is to be closed.
    Close {
        link: LinkId,
    },
    SaveBinding {
        request: u64,
        binding: Box<Binding>,
    },
    /// Refreshes and removals, saved in batches; nobody waits.
    UpdateBinding {
        binding: Box<Binding>,
    },
    RemoveBinding {
        extension: ExtensionNo,
        contact: String,
    },
    Tell(Tell),
}

/// Where a phone is (RFC 3261 §10.3). `(extension, contact)` is its key.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Binding {
    pub extension: ExtensionNo,
    /// The Contact URI as the phone wrote it.
    pub contact: String,
    /// Where the REGISTER came from: the way back through NAT.
    pub received: SocketAddr,
    pub interface: InterfaceNo,
    pub wire: Wire,
    pub path: Vec<String>,
    pub call_id: String,
    pub cseq: u32,
    /// Thousandths, 0 to 1,000 (RFC 3261 §20.10).
    pub q: u16,
    pub until: Time,
    pub user_agent: Option<String>,
}

/// An interface as the endpoint needs it to write Via and Contact.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    pub no: InterfaceNo,
    pub ip: std::net::IpAddr,
    pub public: Option<std::net::IpAddr>,
    pub local: Vec<crate::site::Network>,
    pub udp: Option<(LinkId, u16)>,
    pub tcp_port: Option<u16>,
}
