//! What the media engine is told and what it reports. Commands are state, not steps: each carries a version, the newest
//! wins, and applying one twice changes nothing. The types are plain values so that the tenant machine can be driven
//! without a media thread.

use std::fmt;
use std::net::SocketAddr;

use crate::base::{ContactId, LegId, PlayerId, PortPair, Span, Time};
use crate::event::MediaCounts;
use crate::event::words::RecordingGap;
use crate::sdp::Codec;

/// One edit of the state of a contact's room. All commands of one contact go to one media thread, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Chooses the thread: all legs of a room live on one.
    pub contact: ContactId,
    /// Rises with each command of a tenant. The thread ignores what is older than what it has for the same subject.
    pub version: u64,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    SetLeg(LegSpec),
    /// What this leg's far end hears, in no order. Empty: nothing is sent but RTCP. One: forwarded, or converted between
    /// the laws. Several: mixed; the sink itself is left out of its own sum.
    SetRow {
        sink: LegId,
        sources: Vec<Source>,
    },
    /// The leg is another contact's from now on, with its sockets, latch and numbers, wherever that contact lives. It
    /// leaves the rows of the contact this command names; its rows in the other one may be told before and after. Its
    /// `SetLeg` is told to the new contact after each hand: what an earlier one was told may have been passed over.
    Hand {
        leg: LegId,
        to: ContactId,
    },
    SetPlayer(PlayerSpec),
    SetTrack(TrackSpec),
    Close(Subject),
    /// Ports that were offered to a far end which was not chosen; no leg ever owned them here. They rest.
    ReturnPorts(PortPair),
}

impl Body {
    /// What this command is about: its version is compared with the last one of the same subject.
    pub fn subject(&self) -> Subject {
        match self {
            Self::SetLeg(spec) => Subject::Leg(spec.leg),
            Self::SetRow { sink, .. } => Subject::Row(*sink),
            Self::Hand { leg, .. } => Subject::Hand(*leg),
            Self::SetPlayer(spec) => Subject::Player(spec.player),
            Self::SetTrack(spec) => Subject::Recorder(spec.recorder),
            Self::Close(subject) => *subject,
            Self::ReturnPorts(ports) => Subject::Ports(*ports),
        }
    }
}

/// What a version belongs to and what can be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    Leg(LegId),
    /// The row of this sink.
    Row(LegId),
    /// Which contact has this leg.
    Hand(LegId),
    Player(PlayerId),
    /// A recorder; one per contact.
    Recorder(ContactId),
    /// Ports that no leg got.
    Ports(PortPair),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// What this leg's far end says.
    Leg(LegId),
    Player(PlayerId),
}

/// One leg's connection.
#[derive(Clone, Debug, PartialEq)]
pub struct LegSpec {
    pub leg: LegId,
    /// Bound before the machine got it; the thread owns the sockets from the first `SetLeg` to `Close`.
    pub ports: PortPair,
    /// Where its SDP says its sound wants to go; `None` before the first SDP.
    pub remote: Option<Remote>,
    /// Rises with each offer/answer that changes the peer's address: the latch opens again.
    pub latch_epoch: u32,
    /// Payload type at which the far end wants the telephone-event we send, and at which it sends its own.
    pub telephone_event_send: Option<u8>,
    pub telephone_event_receive: Option<u8>,
    /// From our side: may we send, do we listen.
    pub send: bool,
    pub receive: bool,
    /// Report silence after 30 s without RTP or RTCP.
    pub watch: bool,
    /// Digits to send by RFC 4733, numbered from 1 over the leg's life; those already sent are ignored.
    pub digits: Vec<NumberedDigit>,
    /// Keys pressed there are told as [`Fact::KeptDigit`] and forwarded to nobody, nor is sound that comes while one lasts.
    pub keeps_keys: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Remote {
    pub rtp: SocketAddr,
    pub rtcp: SocketAddr,
    pub rtcp_mux: bool,
    pub codec: Codec,
    /// Payload type we send with. Static types of both G.711 laws are always understood when they arrive.
    pub payload_type: u8,
    /// Milliseconds of sound per packet we make ourselves; forwarded packets keep their length.
    pub ptime_ms: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberedDigit {
    pub number: u32,
    /// `0`-`9`, `*`, `#`, `A`-`D`.
    pub digit: char,
}

/// Something that can be said to a leg. The library is in memory; the others are loaded when a player asks for them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clip {
    /// A key in the sound library, without ending: `en-US/welcome`, `music/default`.
    Library(String),
    /// Text that a voice speaks. `language` is a tag of RFC 5646 as the site writes it: `zh-CN`.
    Speech { language: String, text: String },
    /// A part of a recording, finished or still running: both tracks as one. `file` as in [`TrackSpec`]; `to` may lie
    /// behind its end.
    Recording { file: String, from: Span, to: Span },
}

impl From<&str> for Clip {
    /// A sound of the library.
    fn from(key: &str) -> Self {
        Self::Library(key.to_owned())
    }
}

impl fmt::Display for Clip {
    /// As it is named when it is missing; what was to be spoken is personal and not told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library(key) => f.write_str(key),
            Self::Speech { language, .. } => write!(f, "speech in {language}"),
            Self::Recording { file, .. } => f.write_str(file),
        }
    }
}

/// A prompt, a list of prompts, music or a tone.
#[derive(Clone, Debug, PartialEq)]
pub struct PlayerSpec {
    pub player: PlayerId,
    /// Played one after the other, from when the last of them is there.
    pub sounds: Vec<Clip>,
    /// Start again after the last.
    pub repeat: bool,
    /// Music is not recorded.
    pub is_music: bool,
    /// It says nothing until this is false again, and goes on where it was.
    pub paused: bool,
    /// Plays on from here, counted from the start of the first sound, when the number has risen. `None`: from the start.
    pub position: Option<(u32, Span)>,
}

/// A contact's recorder: left is the customer, right what people and flow say to him.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackSpec {
    pub recorder: ContactId,
    /// Below the recordings folder: `<tenant>/<UTC day>/<contact>.wav`.
    pub file: String,
    /// Place 0 of the file on the house's axis. The engine records from here on.
    pub origin: Time,
    /// Whom each track hears, in no order: several are written as their sum. Music is left out.
    pub left: Vec<Source>,
    pub right: Vec<Source>,
}

/// What a media thread tells the tenant, about one contact.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub contact: ContactId,
    pub body: ReportBody,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ReportBody {
    Applied {
        subject: Subject,
        version: u64,
    },
    Fact {
        leg: LegId,
        fact: Fact,
    },
    /// All sounds were played, or this one is not in the library or could not be loaded in time.
    PlayerEnded {
        player: PlayerId,
        missing: Option<String>,
    },
    /// The leg's sockets are closed and its ports rest.
    LegClosed {
        leg: LegId,
        counts: MediaCounts,
    },
    /// The file is complete. `length` is its sound, `gap` what is missing in it and why.
    RecordingEnded {
        recorder: ContactId,
        length: Span,
        gap: Option<(RecordingGap, Span)>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The first RTP packet the latch let in.
    FirstSound,
    /// RFC 4733, told once at its first packet of a new event timestamp.
    Digit(char),
    /// A key that no far end was sent.
    KeptDigit(char),
    /// 30 s without RTP or RTCP on a watched leg; told once, and again after sound came back.
    Silence,
}
