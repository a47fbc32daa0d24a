//! The closed list of what can happen. Long on purpose: it is one table, and `docs/events.md` is made from it.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::Filter;
use super::session::{Delivery, Lease, SessionEnding};
use super::words::{
    AlarmKind, CallKind, DigitPath, Direction, Disposition, EndCause, ItemExit, LegRole, OfferEnding, OfferWay,
    OnTimeout, PartyRef, PlaybackEnding, PlaybackStep, Preferences, PreviewEnding, RecordingGap, SegmentEdge, Side,
    Speech, SpeechEnding, Station, SupervisionEnding, SupervisionMode, TransferEnding, TransferMode, WatchEnding,
    Watched, Wish, WorkRole,
};
use crate::base::{
    AgentNo, CallId, CommandId, ContactId, ExtensionNo, FlowNo, GroupNo, InterfaceNo, LegId, NumberNo, ReasonNo,
    SegmentId, SessionId, Span, Time,
};

/// What happened. The ids it is about stand beside it in [`super::Event`]; a kind holds only what they do not say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// A contact was born by an INVITE or a command. Personal: numbers.
    ContactOpened {
        from: String,
        to: String,
        number: Option<NumberNo>,
        language: String,
        record: bool,
    },
    /// A command asked for it; it dials once this is on disk. For whoever answers it runs the flow, speaks the text, or
    /// dials again. Personal: `say`, `first`.
    Originated {
        flow_key: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        say: Option<Speech>,
        /// Who is rung first, to be connected to the contact's `to`: a number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first: Option<String>,
    },
    /// What became of the text of an order.
    Said {
        ending: SpeechEnding,
    },
    /// Attached data was set; the whole of it, as a JSON object. Personal.
    ContactData {
        data: serde_json::Map<String, serde_json::Value>,
    },
    /// The last leg has ended; the record is sealed.
    ContactClosed {
        disposition: Disposition,
        side: Side,
        cause: EndCause,
        sip_status: Option<u16>,
    },

    /// This contact and `with` are one from now on: the one that goes on has the legs of the other.
    ContactMerged {
        with: ContactId,
        goes_on: bool,
    },

    /// A leg was made, by an INVITE from outside or one of ours. Personal: `remote`, the number or user at the far end.
    LegCreated {
        direction: Direction,
        role: LegRole,
        party: PartyRef,
        remote: String,
    },
    /// A provisional response was sent or received: 180, 183, 182.
    LegProgress {
        status: u16,
    },
    LegAnswered,
    /// Everything needed to end the dialog after a restart. `cseq_reserved` is the highest number we may have used.
    LegDialog {
        dialog: DialogState,
    },
    /// The first packet with sound in it arrived.
    MediaHeard,
    /// A key was pressed; `x` when it is nobody's business but the flow's. Personal.
    Digit {
        digit: char,
        path: DigitPath,
    },
    /// The leg left contact `from` for `to`; told of both. Without `from` it was at rest at its agent's station and is
    /// told of `to` alone. Personal: `remote`.
    LegMoved {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<ContactId>,
        to: ContactId,
        direction: Direction,
        role: LegRole,
        party: PartyRef,
        remote: String,
        answered: Option<Time>,
    },
    /// The part of an agent's leg in this contact is over as if it had ended; it stays up, at rest at his station.
    LegRested {
        cause: EndCause,
        side: Side,
    },
    LegEnded {
        cause: EndCause,
        side: Side,
        sip_status: Option<u16>,
    },
    /// The leg's sockets are closed; what passed through them.
    LegMedia {
        counts: MediaCounts,
    },

    /// From now on it hears music and nobody hears it. By a party: its own far end holds us, and the others hear music.
    LegHeld,
    LegRetrieved,
    /// What is muted from now on: `from`, nobody hears it; `to`, it hears nobody.
    LegMuted {
        from: bool,
        to: bool,
    },
    /// Keys that its far end presses go to leg `to` and to nobody else from now on, or no longer. They are told as `x`.
    LegPassesDigits {
        to: LegId,
        on: bool,
    },
    /// Keys were pressed for a leg by a command. Personal.
    DigitsSent {
        digits: String,
    },
    /// Somebody in a talk, or all of a call, hear sounds from the library.
    Announced {
        sounds: Vec<String>,
    },
    /// All was played, or stopped, or a sound was not in the library.
    AnnouncementEnded {
        missing: Option<String>,
    },

    CallOpened {
        call_kind: CallKind,
    },
    CallJoined,
    CallLeft,
    CallClosed,
    /// The dial to a further party is over: the leg it reached, or why nobody.
    InviteEnded {
        cause: Option<EndCause>,
    },
    /// A caller whom a flow or queue had was sent elsewhere by a person: he is there, or with a cause he is back where he was
    /// or gone.
    RouteEnded {
        cause: Option<EndCause>,
    },
    /// A recording is played to this leg: whose, which part of it, how long it is, and where in it this happened. Who
    /// listened to what is known by it.
    Playback {
        of: ContactId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        segment: Option<SegmentId>,
        step: PlaybackStep,
        place: Span,
        length: Span,
        /// Of `step: ended`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ending: Option<PlaybackEnding>,
    },
    /// This leg has the conference: it invited first, or the one before it left.
    ChairTaken,
    /// What holds of the conference from now on: parties at most, its end, and when it is warned.
    ConferenceLimits {
        seats: Option<usize>,
        until: Option<Time>,
        warn_at: Option<Time>,
    },
    /// Its parties are warned: it ends then, unless it is extended.
    ConferenceEnding {
        until: Time,
    },
    /// The leg gives its call to somebody who is being dialled.
    TransferBegan {
        mode: TransferMode,
    },
    TransferEnded {
        mode: TransferMode,
        ending: TransferEnding,
        cause: Option<EndCause>,
    },

    /// A supervisor (`agent`, with his leg) hears a call from now on.
    SupervisionStarted {
        mode: SupervisionMode,
        target: Watched,
    },
    /// Who hears him, or what he watches, is this from now on.
    SupervisionChanged {
        mode: SupervisionMode,
        target: Watched,
    },
    SupervisionEnded {
        ending: SupervisionEnding,
        cause: Option<EndCause>,
    },
    /// A supervisor (`agent`) goes with another agent from call to call from now on. His phone is rung for it once.
    WatchStarted {
        watched: AgentNo,
        mode: SupervisionMode,
    },
    /// Who hears him is this from now on, also in the calls to come.
    WatchChanged {
        watched: AgentNo,
        mode: SupervisionMode,
    },
    WatchEnded {
        watched: AgentNo,
        ending: WatchEnding,
        cause: Option<EndCause>,
    },

    FlowStarted {
        flow: FlowNo,
        flow_key: String,
        version: String,
    },
    /// A node was left by one of its exits.
    FlowNode {
        node: String,
        exit: String,
    },
    FlowEnded {
        flow: FlowNo,
    },
    /// The customer is back from a flow into which somebody had sent him; what it attached to him. Personal.
    FlowReturned {
        flow: FlowNo,
        data: serde_json::Map<String, serde_json::Value>,
    },

    ItemEntered {
        due: Time,
        priority: i32,
        visit: u32,
        /// All the groups it waits in, when there are several; the first is the event's own.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        groups: Vec<GroupNo>,
    },
    /// It waits at another place from now on.
    ItemPriority {
        due: Time,
        priority: i32,
    },
    ItemLeft {
        exit: ItemExit,
        waited: Span,
    },

    /// An agent was chosen; his segment of the recording has its name already.
    OfferMade {
        station: Station,
        until: Time,
        segment: SegmentId,
        #[serde(skip_serializing_if = "OfferWay::is_ring", default)]
        way: OfferWay,
    },
    /// A client shows it; nothing rings.
    OfferShown,
    OfferAlerting,
    /// The station answered; until then a key must say that a person did.
    OfferConfirming {
        until: Time,
    },
    OfferAccepted,
    /// Sound flows both ways.
    OfferConnected,
    OfferEnded {
        ending: OfferEnding,
        sip_status: Option<u16>,
        /// Why the agent rejected it, in his own words. Personal.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<String>,
    },

    AgentSignedIn {
        station: Station,
        groups: Vec<GroupNo>,
        /// He chose among his groups: others that the site gives him later are not his until he signs in again.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        chosen: bool,
    },
    AgentSignedOut,
    /// The groups of somebody signed in changed, with the site or because he chose others; the whole list.
    AgentGroups {
        groups: Vec<GroupNo>,
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        chosen: bool,
    },
    /// What he wants, also during a call; then `until` is told once more when the call is over and `limit` begins.
    AgentWish {
        wish: Wish,
        /// How long it may last.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        limit: Option<Span>,
        /// When that is over.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        until: Option<Time>,
    },
    /// He is not ready for longer than he may be. He stays so.
    AgentOvertime,
    /// Somebody forced what the next events tell. Personal: `why` is free text.
    AgentForced {
        verb: String,
        why: String,
    },
    /// He waits for rest: the quota is used up. First come, first served.
    AgentRestQueued {
        reason: Option<ReasonNo>,
        length: Span,
    },
    /// He waits for rest no longer; granted: his wish follows.
    AgentRestUnqueued {
        granted: bool,
    },
    /// What he has instead of what the site says of him, until he signs out.
    AgentPrefers {
        preferences: Preferences,
    },
    /// An agent is shown whom he may call: the contact's `to`, with its data. He is kept free for it until then.
    PreviewShown {
        until: Time,
        on_timeout: OnTimeout,
    },
    PreviewEnded {
        ending: PreviewEnding,
    },
    /// A rotation showed this number: the agent's, the group's, or without either the tenant's. The next call shows the next.
    NumberRotated {
        number: String,
    },
    /// Somebody tells him something. Personal.
    AgentNote {
        text: String,
    },
    AgentReachable {
        reachable: bool,
        /// Why the leg of his station is not up that should be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<EndCause>,
    },
    /// He began to do something for a contact, or changed what he does for it; without a contact for none.
    AgentWork {
        role: WorkRole,
        until: Option<Time>,
    },
    AgentWorkEnded {
        role: WorkRole,
    },

    /// A phone registered. Personal: the contact's address is where somebody sits.
    Registered {
        extension: ExtensionNo,
        /// Not the contact that an event is about: the stored names must differ.
        #[serde(rename = "contact_uri")]
        contact: String,
        until: Time,
    },
    Unregistered {
        extension: ExtensionNo,
        /// Not the contact that an event is about: the stored names must differ.
        #[serde(rename = "contact_uri")]
        contact: String,
    },

    RecordingStarted {
        file: String,
        /// When it ends by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Time>,
    },
    /// Silence is written until it is resumed.
    RecordingPaused,
    RecordingResumed,
    /// A part of the recording ended; `from` and `to` are places in the file.
    Segment {
        segment: SegmentId,
        from: Span,
        to: Span,
        began: SegmentEdge,
        ended: SegmentEdge,
    },
    RecordingEnded {
        length: Span,
        answered: Span,
        gap: Option<(RecordingGap, Span)>,
        /// `too-long`: it was as long as it was to be. Else a command has ended it, or the talk's end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<EndCause>,
    },

    /// A command was accepted. The table of accepted ids is a fold over these.
    CommandAccepted {
        id: CommandId,
        code: String,
        body_hash: u64,
    },

    /// A client session began. With an agent it is his client's.
    SessionOpened {
        session: SessionId,
        /// Whose it is.
        token: u32,
        delivery: Delivery,
        filter: Box<Filter>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        lease: Option<Lease>,
    },
    SessionEnded {
        session: SessionId,
        ending: SessionEnding,
    },

    /// The tenant's site changed.
    SiteChanged {
        version: u64,
    },
    /// The house started; everything open before was ended by it.
    Restarted {
        open_contacts: u32,
    },
    /// Open state at the head of a day's file, as JSON. Personal: it repeats numbers and data of what is open.
    Checkpoint {
        open: serde_json::Value,
    },
    Alarm {
        alarm: AlarmKind,
        text: String,
    },
}

/// What it takes to send a BYE for a leg whose server has died.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DialogState {
    pub interface: InterfaceNo,
    pub transport: crate::event::words::Wire,
    /// Where in-dialog requests go when no route says otherwise.
    pub remote: SocketAddr,
    pub call_id: String,
    pub local_tag: String,
    pub remote_tag: String,
    pub local_uri: String,
    pub remote_uri: String,
    pub remote_target: String,
    pub route_set: Vec<String>,
    pub cseq_reserved: u32,
}

/// What passed through a leg's sockets, both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaCounts {
    pub received: u64,
    pub sent: u64,
    /// By sequence numbers of the stream that arrived.
    pub lost: u64,
    /// Refused by the closed latch.
    pub refused: u64,
    /// RFC 3550 §6.4.1 interarrival jitter in microseconds, the last.
    pub jitter_us: u32,
}

/// Ids an event is about. Which of them a kind has is said in `docs/events.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub contact: Option<ContactId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub call: Option<CallId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub leg: Option<LegId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<AgentNo>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group: Option<GroupNo>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub item: Option<crate::base::ItemId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub offer: Option<crate::base::OfferId>,
}

impl Kind {
    /// Kinds that hold values which can name a person; deleting a customer overwrites them in place.
    pub fn is_personal(&self) -> bool {
        if let Self::AgentSignedIn { station, .. } | Self::OfferMade { station, .. } = self {
            return station.outside().is_some();
        }
        matches!(
            self,
            Self::ContactOpened { .. }
                | Self::Originated { .. }
                | Self::ContactData { .. }
                | Self::FlowReturned { .. }
                | Self::LegCreated { .. }
                | Self::LegMoved { .. }
                | Self::LegDialog { .. }
                | Self::Digit { .. }
                | Self::OfferEnded { reason: Some(_), .. }
                | Self::AgentForced { .. }
                | Self::AgentNote { .. }
                | Self::DigitsSent { .. }
                | Self::Registered { .. }
                | Self::Unregistered { .. }
                | Self::Checkpoint { .. }
        )
    }

    /// The name as stored in the journal's `kind` column.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ContactOpened { .. } => "contact_opened",
            Self::Originated { .. } => "originated",
            Self::Said { .. } => "said",
            Self::ContactData { .. } => "contact_data",
            Self::ContactClosed { .. } => "contact_closed",
            Self::ContactMerged { .. } => "contact_merged",
            Self::LegCreated { .. } => "leg_created",
            Self::LegProgress { .. } => "leg_progress",
            Self::LegAnswered => "leg_answered",
            Self::LegDialog { .. } => "leg_dialog",
            Self::MediaHeard => "media_heard",
            Self::Digit { .. } => "digit",
            Self::LegMoved { .. } => "leg_moved",
            Self::LegRested { .. } => "leg_rested",
            Self::LegEnded { .. } => "leg_ended",
            Self::LegMedia { .. } => "leg_media",
            Self::LegHeld => "leg_held",
            Self::LegRetrieved => "leg_retrieved",
            Self::LegMuted { .. } => "leg_muted",
            Self::LegPassesDigits { .. } => "leg_passes_digits",
            Self::DigitsSent { .. } => "digits_sent",
            Self::Announced { .. } => "announced",
            Self::AnnouncementEnded { .. } => "announcement_ended",
            Self::CallOpened { .. } => "call_opened",
            Self::CallJoined => "call_joined",
            Self::CallLeft => "call_left",
            Self::CallClosed => "call_closed",
            Self::InviteEnded { .. } => "invite_ended",
            Self::Playback { .. } => "playback",
            Self::RouteEnded { .. } => "route_ended",
            Self::ChairTaken => "chair_taken",
            Self::ConferenceLimits { .. } => "conference_limits",
            Self::ConferenceEnding { .. } => "conference_ending",
            Self::TransferBegan { .. } => "transfer_began",
            Self::TransferEnded { .. } => "transfer_ended",
            Self::SupervisionStarted { .. } => "supervision_started",
            Self::SupervisionChanged { .. } => "supervision_changed",
            Self::SupervisionEnded { .. } => "supervision_ended",
            Self::WatchStarted { .. } => "watch_started",
            Self::WatchChanged { .. } => "watch_changed",
            Self::WatchEnded { .. } => "watch_ended",
            Self::FlowStarted { .. } => "flow_started",
            Self::FlowNode { .. } => "flow_node",
            Self::FlowEnded { .. } => "flow_ended",
            Self::FlowReturned { .. } => "flow_returned",
            Self::ItemEntered { .. } => "item_entered",
            Self::ItemPriority { .. } => "item_priority",
            Self::ItemLeft { .. } => "item_left",
            Self::OfferMade { .. } => "offer_made",
            Self::OfferShown => "offer_shown",
            Self::OfferAlerting => "offer_alerting",
            Self::OfferConfirming { .. } => "offer_confirming",
            Self::OfferAccepted => "offer_accepted",
            Self::OfferConnected => "offer_connected",
            Self::OfferEnded { .. } => "offer_ended",
            Self::AgentSignedIn { .. } | Self::AgentSignedOut => self.name_beside_calls(),
            Self::AgentGroups { .. } | Self::AgentWish { .. } => self.name_beside_calls(),
            Self::AgentOvertime | Self::AgentForced { .. } => self.name_beside_calls(),
            Self::AgentRestQueued { .. } | Self::AgentRestUnqueued { .. } => self.name_beside_calls(),
            Self::AgentPrefers { .. } | Self::PreviewShown { .. } => self.name_beside_calls(),
            Self::PreviewEnded { .. } | Self::NumberRotated { .. } => self.name_beside_calls(),
            Self::AgentNote { .. } | Self::AgentReachable { .. } => self.name_beside_calls(),
            Self::AgentWork { .. } | Self::AgentWorkEnded { .. } => self.name_beside_calls(),
            Self::Registered { .. } | Self::Unregistered { .. } => self.name_beside_calls(),
            Self::RecordingStarted { .. } | Self::RecordingPaused => self.name_beside_calls(),
            Self::RecordingResumed | Self::Segment { .. } => self.name_beside_calls(),
            Self::RecordingEnded { .. } | Self::CommandAccepted { .. } => self.name_beside_calls(),
            Self::SessionOpened { .. } | Self::SessionEnded { .. } => self.name_beside_calls(),
            Self::SiteChanged { .. } | Self::Restarted { .. } => self.name_beside_calls(),
            Self::Checkpoint { .. } | Self::Alarm { .. } => self.name_beside_calls(),
        }
    }

    /// Of what agents, phones, recordings and the house do.
    fn name_beside_calls(&self) -> &'static str {
        match self {
            Self::AgentSignedIn { .. } => "agent_signed_in",
            Self::AgentSignedOut => "agent_signed_out",
            Self::AgentGroups { .. } => "agent_groups",
            Self::AgentWish { .. } => "agent_wish",
            Self::AgentOvertime => "agent_overtime",
            Self::AgentForced { .. } => "agent_forced",
            Self::AgentRestQueued { .. } => "agent_rest_queued",
            Self::AgentRestUnqueued { .. } => "agent_rest_unqueued",
            Self::AgentPrefers { .. } => "agent_prefers",
            Self::PreviewShown { .. } => "preview_shown",
            Self::PreviewEnded { .. } => "preview_ended",
            Self::NumberRotated { .. } => "number_rotated",
            Self::AgentNote { .. } => "agent_note",
            Self::AgentReachable { .. } => "agent_reachable",
            Self::AgentWork { .. } => "agent_work",
            Self::AgentWorkEnded { .. } => "agent_work_ended",
            Self::Registered { .. } => "registered",
            Self::Unregistered { .. } => "unregistered",
            Self::RecordingStarted { .. } => "recording_started",
            Self::RecordingPaused => "recording_paused",
            Self::RecordingResumed => "recording_resumed",
            Self::Segment { .. } => "segment",
            Self::RecordingEnded { .. } => "recording_ended",
            Self::CommandAccepted { .. } => "command_accepted",
            Self::SessionOpened { .. } => "session_opened",
            Self::SessionEnded { .. } => "session_ended",
            Self::SiteChanged { .. } => "site_changed",
            Self::Restarted { .. } => "restarted",
            Self::Checkpoint { .. } => "checkpoint",
            Self::Alarm { .. } => "alarm",
            other => unreachable!("`name` has {other:?}"),
        }
    }
}
