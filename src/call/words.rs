//! What the call room is told and what it asks for. It knows legs, sound and who talks to whom; no flow, agent state or queue.

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::base::{
    AgentNo, CallId, ContactId, ExtensionNo, GroupNo, ItemId, LegId, NumberNo, OfferId, SegmentId, Span,
};
use crate::event::words::{
    By, CallKind, EndCause, LegRole, OfferEnding, PartyRef, Side, Station, SupervisionEnding, SupervisionMode,
    TransferEnding, TransferMode, Watched,
};
use crate::event::{About, Kind};
use crate::media;
use crate::sdp::Codec;
use crate::sip;
pub use crate::switch::{ChairLeaves, ConferenceChange, ConsultVerb, PlaybackVerb, RecordVerb};

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

/// An INVITE that takes the place of a leg.
#[derive(Clone, Debug)]
pub struct Replacement {
    pub incoming: sip::words::Incoming,
    /// The address our SDP names to it.
    pub media_ip: IpAddr,
    pub codecs: Vec<Codec>,
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
    /// The first party is dialled to be connected to a second: `from` is the first, `to` the second.
    pub two_way: bool,
    pub call_kind: CallKind,
    /// The number that far ends are shown, when it is not who calls.
    pub shown: Option<String>,
    /// It is no matter of anybody: the place where this agent's leg rests.
    pub standing: Option<AgentNo>,
    pub by: By,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub call_max: Span,
    pub hold_max: Span,
}

/// One way to reach a party.
#[derive(Clone, Debug)]
pub enum Attempt {
    Phones(Box<Phones>),
    /// No phone is rung: the leg at rest of this agent's station takes it at once.
    Line {
        agent: AgentNo,
        /// It is he who calls.
        caller: Option<Caller>,
    },
}

/// The phones of a party, rung all at once, or the trunk to it.
#[derive(Clone, Debug)]
pub struct Phones {
    pub party: PartyRef,
    /// The user or number put into To.
    pub to_user: String,
    pub from_user: String,
    pub from_name: Option<String>,
    /// The number as the record shows it.
    pub remote: String,
    pub codecs: Vec<Codec>,
    /// The phone is asked to answer by itself (RFC 5373, and what phones took before it).
    pub auto_answer: bool,
    /// The URI of whoever referred us to it (RFC 3892).
    pub referred_by: Option<String>,
    /// It rings the station of an agent who calls.
    pub caller: Option<Caller>,
    /// Each with the address our SDP names to it. None: nobody is there.
    pub targets: Vec<(sip::words::Target, IpAddr)>,
}

impl Attempt {
    /// The agent who calls by it.
    pub fn caller(&self) -> Option<Caller> {
        match self {
            Self::Phones(phones) => phones.caller,
            Self::Line { agent: _, caller } => *caller,
        }
    }

    /// The agent whose leg at rest it takes.
    pub fn line(&self) -> Option<AgentNo> {
        match self {
            Self::Phones(_) => None,
            Self::Line { agent, caller: _ } => Some(*agent),
        }
    }

    /// By these, in this order.
    pub fn by_phones(ways: Vec<Phones>) -> Vec<Self> {
        ways.into_iter().map(Self::from).collect()
    }
}

impl From<Phones> for Attempt {
    fn from(phones: Phones) -> Self {
        Self::Phones(Box::new(phones))
    }
}

/// An agent's station to be rung for a leg that stays up.
#[derive(Clone, Debug)]
pub struct Stand {
    /// The id of where the leg will rest.
    pub contact: ContactId,
    pub agent: AgentNo,
    /// The ways to it; none: there is no room, or nobody.
    pub attempts: Vec<Phones>,
    /// Whoever answers must press 1.
    pub confirm: bool,
    /// How long it may ring.
    pub ring: Span,
    pub language: String,
    pub limits: Limits,
    pub by: By,
}

/// An agent who calls somebody, and the group he does it for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    pub agent: AgentNo,
    pub group: Option<GroupNo>,
}

/// Attempts are tried in order until one is answered or says that the called party itself will not take it.
#[derive(Clone, Debug)]
pub struct Dial {
    pub attempts: Vec<Attempt>,
    /// Whom it reaches comes from a queue: then there is no attempt, and each offer for the item rings somebody.
    pub queue: Option<Queued>,
    /// How long it may ring, over all attempts.
    pub ring: Span,
    /// The dialled party is the contact's customer.
    pub customer: bool,
    pub by: By,
}

/// What an agent is wanted for in a call that others are in already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    pub item: ItemId,
    /// Where it waits; for one agent, on whose account.
    pub groups: Vec<GroupNo>,
    pub music: String,
}

/// An agent's station to be rung for an offer.
#[derive(Clone, Debug)]
pub struct Ring {
    pub offer: OfferId,
    pub item: ItemId,
    pub agent: AgentNo,
    /// On whose account.
    pub group: Option<GroupNo>,
    pub segment: SegmentId,
    /// The ways to his station, in order; none when all are full.
    pub attempts: Vec<Attempt>,
    /// Whoever answers hears that a caller waits and must press 1; what lets it be without the caller is the offer's end.
    pub confirm: bool,
}

/// Somebody further is to join a call; the others talk on meanwhile, also when nobody answers.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Who invites, in whose call: the chair, unless the call has one.
    pub inviter: LegId,
    pub chair_leaves: ChairLeaves,
    pub dial: Dial,
}

/// A leg gives the main call to whom the dial reaches.
#[derive(Clone, Debug)]
pub struct Transfer {
    pub transferor: LegId,
    pub mode: TransferMode,
    /// Its `by` is who asked.
    pub dial: Dial,
}

/// A supervisor's station is rung; from its answer on he hears what he watches.
#[derive(Clone, Debug)]
pub struct Supervise {
    pub agent: AgentNo,
    pub target: Watched,
    pub mode: SupervisionMode,
    pub attempt: Attempt,
    /// How long it may ring.
    pub ring: Span,
    pub by: By,
}

/// A recording, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Whose it is.
    pub of: ContactId,
    pub segment: Option<SegmentId>,
    /// Below the folder of recordings, from which place on, and how long.
    pub file: String,
    pub from: Span,
    pub length: Span,
}

/// Who hears an announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Leg(LegId),
    Call(CallId),
}

/// Why an act does not fit the contact as it is. Nothing has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No such contact, or it has ended.
    UnknownContact,
    /// No such leg lives in it.
    UnknownLeg,
    UnknownCall,
    /// The leg is not in a talk.
    NotTalking,
    /// Nobody dialled the number of this phone, or it rings no longer.
    NotRinging,
    /// It is held, or recorded, or muted like that already.
    AlreadyDone,
    /// There is no hold, transfer, announcement or recording to be ended.
    NothingToEnd,
    /// Only from the main call, and not by the customer.
    NotTransferor,
    /// Another transfer of this contact runs, or somebody is being invited whom it would leave behind.
    TransferRuns,
    /// The verb does not fit how far the transfer is.
    TransferNotThere,
    /// `LEGS_PER_CONTACT` are up.
    Full,
    /// Every seat of the conference is taken.
    NoSeat,
    /// The conference would last longer than `CONFERENCE_MAX`.
    TooLong,
    /// A character that is no key, or more than `DIGITS_HELD`.
    BadDigits,
    /// Keys pressed there are tones in its sound, which all hear.
    KeysAreTones,
    /// The recording has ended for good.
    RecordingOver,
    /// Only who talks to one other party can give him to a group or flow.
    InConference,
    /// Somebody talks to the main party, or nobody has it.
    NotWithFlow,
    /// It is no leg of a supervisor.
    NotSupervisor,
    /// A whisper is for one leg, and never for the customer's.
    NobodyToWhisperTo,
    /// Nobody talks, rings or is waited for whose place a supervisor could take, or it is not said whose.
    NobodyToReplace,
}

/// What the tenant asks of a contact. Those with a `by` are verbs: `Contacts::may` tells beforehand whether they fit.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answer the customer if that has not happened.
    Answer,
    Play {
        sounds: Vec<media::words::Clip>,
    },
    StopPlay,
    /// He waits in a queue: music under everything that is played.
    Wait {
        groups: Vec<GroupNo>,
        music: String,
    },
    /// He no longer waits.
    WaitOver,
    Ring(Box<Ring>),
    /// The item of a dial left its queue without an agent.
    Unqueued {
        item: ItemId,
        cause: EndCause,
    },
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
    /// Whom the main party is to be connected to cannot be dialled: as if the dial had failed.
    NotConnected {
        cause: EndCause,
    },
    /// One leg, or all and the contact with them.
    Hangup {
        leg: Option<LegId>,
        cause: EndCause,
        side: Side,
        by: By,
    },
    /// This leg hears music and nobody hears it.
    Hold {
        leg: LegId,
        by: By,
    },
    Retrieve {
        leg: LegId,
        by: By,
    },
    /// What is muted from now on. `from`: nobody hears it. `to`: it hears nobody.
    Mute {
        leg: LegId,
        from: bool,
        to: bool,
        by: By,
    },
    /// Another phone rings as well for whom this leg rings: who answers first has him.
    PickUp {
        rung: LegId,
        attempt: Box<Attempt>,
        ring: Span,
        by: By,
    },
    /// Keys (`0`-`9`, `*`, `#`, `A`-`D`) for its far end: RFC 4733 where it speaks that, else INFO.
    SendDigits {
        leg: LegId,
        digits: String,
        by: By,
    },
    /// `on`: keys that its far end presses go to `to` alone, and which they are is told to nobody. Else no longer, whoever
    /// `to` is; named, it must be he.
    PassDigits {
        leg: LegId,
        to: Option<LegId>,
        on: bool,
        by: By,
    },
    /// Sounds from the library for parties of a talk. A new one for the same audience replaces the old.
    Announce {
        to: Audience,
        sounds: Vec<String>,
        by: By,
    },
    StopAnnounce {
        to: Audience,
        by: By,
    },
    Invite(Box<Invite>),
    Transfer(Box<Transfer>),
    /// The transferor leaves the only other party to what the tenant has for it: a group or a flow.
    StepOut {
        transferor: LegId,
        by: By,
    },
    /// The transferor waits aside while a flow has the only other party.
    Lend {
        transferor: LegId,
        by: By,
    },
    /// The flow has given that party back to him.
    ComeBack {
        transferor: LegId,
    },
    /// A person sends the main party elsewhere: what plays for it and who rings for it is over.
    TakeOut {
        by: By,
    },
    /// The decision of a transferor.
    Consult {
        transferor: LegId,
        verb: ConsultVerb,
        by: By,
    },
    Record {
        verb: RecordVerb,
        by: By,
    },
    /// To whoever was rung for it; it begins at `start`.
    StartPlayback {
        what: Box<Recorded>,
        start: Span,
        by: By,
    },
    Playback {
        verb: PlaybackVerb,
        by: By,
    },
    Supervise(Box<Supervise>),
    /// Who hears this supervisor from now on; with a target also what he watches.
    ChangeMode {
        leg: LegId,
        mode: SupervisionMode,
        target: Option<Watched>,
        by: By,
    },
    /// This party has the conference from now on.
    TakeChair {
        leg: LegId,
        by: By,
    },
    /// The main party has answered and is alone on purpose: the chair of a conference, to which others will be invited.
    Convene {
        by: By,
    },
    /// How many may be in the main call, and how long it may last.
    LimitConference {
        change: ConferenceChange,
        by: By,
    },
    ExtendConference {
        length: Span,
        by: By,
    },
    /// This supervisor talks to the others in the place of whom he watches: of an agent who talks (an intercept), or of
    /// whoever rings or is waited for.
    TakeOver {
        leg: LegId,
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
    /// Nobody waits for this item any longer.
    Unqueue {
        item: ItemId,
        by: By,
    },
    /// The customer takes the place in the queue that whoever gave him away had there.
    TakesPlace {
        item: ItemId,
        by: By,
    },
    /// Whoever is sent for this item comes into this call, where others talk on.
    WantedIn {
        item: ItemId,
        call: CallId,
        by: By,
    },
    /// The customer is alone because a transfer failed after its transferor had left, and no flow runs: he belongs
    /// to the transferor's group. Unless he waits or is dialled somewhere he is released after `ALONE_MAX`.
    Stranded {
        group: GroupNo,
    },
    /// A command holds it for longer than one may be held.
    HeldTooLong {
        leg: LegId,
    },
    /// Another leg is in this one's place, which ends.
    Replaced {
        old: LegId,
    },
    /// A supervisor talks in an agent's place. Whoever waited does so no longer: his item is to be withdrawn.
    /// `group`: the one whose call it is.
    TakenOver {
        agent: AgentNo,
        group: Option<GroupNo>,
        by: By,
    },
    /// This supervisor's part in the contact is over.
    SupervisionOver {
        agent: AgentNo,
        ending: SupervisionEnding,
        cause: EndCause,
    },
    /// The target of a transfer rings.
    TargetRings {
        transferor: LegId,
    },
    /// How a transfer ended; the transferor's leg may be gone.
    TransferEnded {
        transferor: LegId,
        ending: TransferEnding,
        cause: Option<EndCause>,
    },
    /// A connected agent does something else in this contact from now on. He begins with `Talks`.
    AgentDoes {
        agent: AgentNo,
        does: Does,
        by: By,
    },
    /// As `AgentDoes`, of whoever sits at this phone, which is in the contact without an offer.
    PhoneDoes {
        extension: ExtensionNo,
        does: Does,
        by: By,
    },
    /// The agent's last leg of this contact ended after a talk.
    AgentGone {
        agent: AgentNo,
        group: Option<GroupNo>,
    },
    /// The leg of an agent who called ended. With the group whose wrap-up follows, if one does.
    CallerGone {
        agent: AgentNo,
        group: Option<GroupNo>,
    },
    /// The agent talks in this contact from now on, no longer in that one.
    AgentMoved {
        agent: AgentNo,
        from: ContactId,
    },
    /// Our phone is in a call that no offer made, or no longer.
    StationBusy {
        extension: ExtensionNo,
        busy: bool,
    },
    /// As `StationBusy`, of an agent's leg that stays up between calls.
    LineBusy {
        agent: AgentNo,
        /// His phone; none: it leads outside.
        at: Option<ExtensionNo>,
        busy: bool,
    },
    /// The leg of an agent's station is there from now on, or no longer.
    LineUp {
        agent: AgentNo,
    },
    LineDown {
        agent: AgentNo,
        cause: EndCause,
    },
    /// Everything of it has ended and is sealed; the contact is gone.
    Closed,
}

impl Act {
    /// Whose doing it is, where somebody is named.
    pub fn by(&self) -> Option<&By> {
        match self {
            Self::SetData { by, .. }
            | Self::Hangup { by, .. }
            | Self::Hold { by, .. }
            | Self::Retrieve { by, .. }
            | Self::Mute { by, .. }
            | Self::PickUp { by, .. }
            | Self::SendDigits { by, .. }
            | Self::PassDigits { by, .. }
            | Self::Announce { by, .. }
            | Self::StopAnnounce { by, .. }
            | Self::StepOut { by, .. }
            | Self::Lend { by, .. }
            | Self::TakeOut { by }
            | Self::Consult { by, .. }
            | Self::Record { by, .. }
            | Self::StartPlayback { by, .. }
            | Self::Playback { by, .. }
            | Self::ChangeMode { by, .. }
            | Self::TakeChair { by, .. }
            | Self::Convene { by }
            | Self::LimitConference { by, .. }
            | Self::ExtendConference { by, .. }
            | Self::TakeOver { by, .. } => Some(by),
            Self::Dial(dial) => Some(&dial.by),
            Self::Invite(invite) => Some(&invite.dial.by),
            Self::Transfer(transfer) => Some(&transfer.dial.by),
            Self::Supervise(supervise) => Some(&supervise.by),
            Self::Answer
            | Self::Play { .. }
            | Self::StopPlay
            | Self::Wait { .. }
            | Self::WaitOver
            | Self::Ring(_)
            | Self::Unqueued { .. }
            | Self::Unring { .. }
            | Self::Refuse { .. }
            | Self::NotConnected { .. }
            | Self::ComeBack { .. }
            | Self::Unhold => None,
        }
    }
}

/// What an agent does in his contact, once he is connected or calls himself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Does {
    #[default]
    Talks,
    /// He calls, and nobody is there yet.
    Dials,
    /// Whom he talked with is on hold, or waits for his transfer to end.
    Holds,
    /// He talks, or is about to, to somebody of whom the customer hears nothing.
    Consults,
    /// Three or more talk.
    Confers,
}

/// As `acd::words::OfferStep`; brothers do not know each other, the tenant translates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferStep {
    Alerting,
    Confirming,
    Accepted,
    Connected,
    Ended { ending: OfferEnding, sip_status: Option<u16> },
    NoWay,
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
