//! One call as the far end sees it: what it means to do, the dialog, and the diary that the checks believe.

use std::net::SocketAddr;

use bytes::Bytes;
use cordboard::base::{Span, Time};
use cordboard::sip::message::Uri;

/// Numbers of one user agent's calls.
pub type CallNo = usize;

/// What a far end does with a call, decided when the call begins.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub answer: Answer,
    /// A caller's INVITE has no description; his answer to ours is in the ACK (RFC 3261 §13.2.1).
    pub offers_late: bool,
    /// A caller's INVITE takes the place of this dialog (RFC 3891).
    pub replaces: Option<String>,
    /// A caller gives up when nobody has answered by then.
    pub patience: Option<Span>,
    /// What it does after its own answer or the other's, each so long after.
    pub deeds: Vec<(Span, Deed)>,
}

/// What a called phone does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// It rings until somebody says what to do.
    #[default]
    ByHand,
    After(Span),
    Reject(u16, Span),
    /// It rings, then nothing is ever heard of the phone again.
    Vanish(Span),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// RFC 4733.
    Press(char),
    /// The same by INFO.
    Info(char),
    Hold,
    Retrieve,
    HangUp,
    /// Power is lost.
    Vanish,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// INVITE sent or received.
    Calling,
    /// Our CANCEL is out, or waits for a provisional response.
    Cancelling,
    /// 200 sent or received.
    Up,
    Over,
}

/// What a far end wrote down. Times are its own: one way through the network before or after ours.
#[derive(Clone, Debug, Default)]
pub struct Diary {
    pub outgoing: bool,
    pub invite: Time,
    pub ringing: Option<Time>,
    /// Final responses to the INVITE, each once: sent by a called phone, received by a caller.
    pub finals: Vec<(Time, u16)>,
    /// 200 sent or received.
    pub up: Option<Time>,
    /// ACK sent or received, of whatever final response.
    pub acked: Option<Time>,
    /// CANCEL sent or received.
    pub cancelled: Option<Time>,
    pub bye_sent: Option<Time>,
    pub bye_received: Option<Time>,
    pub over: Option<Time>,
    /// Of the CANCEL or BYE that ended it.
    pub reason: Option<String>,
    /// Digits that arrived by INFO.
    pub digits: String,
    /// What NOTIFYs said of a REFER of ours.
    pub notified: Vec<u16>,
    /// The phone lost its power or its connection: what it did not write down may have happened.
    pub vanished: bool,
    /// The phone has power again for less than a caller tries: this may be the last repeat of an INVITE whose transaction
    /// has ended when its answer comes (RFC 3261 §17.1.1.2, Timer B).
    pub late: bool,
    /// It gave up on a request that was never answered.
    pub gave_up: bool,
}

impl Diary {
    pub fn answered(&self) -> bool {
        self.up.is_some()
    }

    pub fn last_final(&self) -> Option<u16> {
        self.finals.last().map(|(_, status)| *status)
    }
}

#[derive(Debug)]
pub struct Call {
    pub no: CallNo,
    pub phase: Phase,
    pub plan: Plan,
    pub diary: Diary,
    pub call_id: String,
    pub local: String,
    pub local_tag: String,
    pub remote: String,
    pub remote_tag: Option<String>,
    /// Where requests within the dialog go.
    pub target: Uri,
    pub cseq: u32,
    /// Of the INVITE that began it.
    pub transaction: u64,
    pub challenged: bool,
    /// Where its own sound arrives.
    pub rtp: SocketAddr,
    /// Where the other side wants its sound.
    pub peer_rtp: Option<SocketAddr>,
    pub held: bool,
    pub sdp_version: u32,
    /// The ACK of each 2xx, by CSeq number, sent again with it.
    pub acks: Vec<(u32, Bytes)>,
    /// A 2xx of ours that waits for its ACK.
    pub unacked: Option<Unacked>,
    /// It hangs up as soon as that ACK is here (RFC 3261 §15).
    pub parting: bool,
    /// The other side's key of the INVITE's server transaction.
    pub server: Option<u64>,
    /// It says something before it answers.
    #[allow(dead_code, reason = "read where the wire is real")]
    pub early: bool,
    /// What the INVITE that came allowed of hops.
    #[allow(dead_code, reason = "read where the wire is real")]
    pub max_forwards: Option<u32>,
    pub deeds_done: usize,
}

impl Call {
    /// How a `Replaces` names it, with the tags as the server sees them (RFC 3891 §6.1).
    #[allow(dead_code, reason = "asked where the wire is real")]
    pub fn replaces(&self) -> String {
        let theirs = self.remote_tag.as_deref().unwrap_or_default();
        format!("{};to-tag={theirs};from-tag={}", self.call_id, self.local_tag)
    }
}

#[derive(Debug)]
pub struct Unacked {
    pub bytes: Bytes,
    pub cseq: u32,
    pub interval: Span,
    pub until: Time,
}
