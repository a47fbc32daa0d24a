//! What a command answers: a refusal with a code, or what the owner saw when it accepted.

use serde_json::{Map, Value};

use super::session::NewSession;
use super::{Code, Resolved};
use crate::base::{
    AgentNo, CallId, ContactId, ExtensionNo, GroupNo, IdBlock, LegId, NumberNo, OfferId, ReasonNo, SegmentId,
    SessionId, Span, Time,
};
use crate::event::words::{
    CallKind, Direction, Display, EndCause, LegRole, NotReadyReason, PartyRef, Preferences, Station, SupervisionMode,
    TransferMode, Watched, Wire, WorkRole,
};

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Refused {
        code: Code,
        /// What stood in the way, for people: `talking`, `signed-out`, a key that is unknown.
        state: String,
    },
    Accepted {
        snapshot: Snapshot,
    },
}

/// The object the command was about, right after it took effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Snapshot {
    Agents(Vec<AgentState>),
    Groups(Vec<GroupState>),
    Extensions(Vec<ExtensionState>),
    Contacts(Vec<ContactState>),
    /// The contact that an originate made; it may have ended since.
    Ordered(ContactId),
    SipHistory(Vec<TracedMessage>),
    /// None: it was there and has ended.
    Sessions(Vec<SessionState>),
    Resolved(Box<Resolved>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct AgentState {
    pub agent: AgentNo,
    pub id: String,
    pub name: String,
    pub display: Display,
    /// Since when `display` is what it is.
    pub since: Time,
    pub station: Option<Station>,
    pub groups: Vec<(GroupNo, u8)>,
    pub not_ready: Option<NotReadyReason>,
    /// When that is over, or may last no longer; absent while he works and the time has not begun.
    pub not_ready_until: Option<Time>,
    /// He is signed out when his calls are over.
    pub leaving: bool,
    pub rest_wait: Option<RestWait>,
    pub preferences: Preferences,
    pub reachable: bool,
    /// Why the leg of his permanent station is not up.
    pub down: Option<EndCause>,
    /// His phone failed, did not answer or refused too often: nothing is offered until then.
    pub phone_rests_until: Option<Time>,
    /// With whom he goes from call to call.
    pub watches: Option<WatchState>,
    pub work: Vec<AgentWorkState>,
}

/// An agent waits for rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestWait {
    /// 1 is the next.
    pub place: usize,
    pub since: Time,
    /// Which of the site's, if he gave one.
    pub reason: Option<ReasonNo>,
    /// How long he wants to rest.
    pub length: Span,
}

/// A supervisor goes with an agent from call to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchState {
    pub agent: AgentNo,
    pub mode: SupervisionMode,
    pub since: Time,
    /// His phone has answered.
    pub there: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AgentWorkState {
    pub role: WorkRole,
    /// `None`: for no contact.
    pub contact: Option<ContactId>,
    /// The offer that is made to him, or that brought him the call.
    pub offer: Option<OfferId>,
    pub since: Time,
    /// When it ends by itself.
    pub until: Option<Time>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct GroupState {
    pub group: GroupNo,
    pub id: String,
    pub name: String,
    pub waiting: usize,
    /// When the one who waits longest entered.
    pub oldest: Option<Time>,
    pub signed_in: usize,
    pub available: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ExtensionState {
    pub extension: ExtensionNo,
    pub number: String,
    pub name: String,
    pub bindings: Vec<BindingState>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BindingState {
    pub contact: String,
    pub received: String,
    pub wire: Wire,
    pub until: Time,
    pub user_agent: Option<String>,
    pub usable: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ContactState {
    pub contact: ContactId,
    pub from: String,
    pub to: String,
    pub number: Option<NumberNo>,
    pub opened: Time,
    pub flow: Option<String>,
    pub node: Option<String>,
    /// The group it waits for.
    pub queued: Option<GroupNo>,
    pub wait: Option<WaitState>,
    pub data: Map<String, Value>,
    pub calls: Vec<CallState>,
    pub transfer: Option<TransferState>,
    /// What was said of it as a conference.
    pub conference: Option<ConferenceState>,
    /// None before it began.
    pub recording: Option<RecordingState>,
    pub playback: Option<PlaybackState>,
}

/// A recording that somebody listens to in this contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaybackState {
    pub of: ContactId,
    pub segment: Option<SegmentId>,
    pub length: Span,
    /// Where it was at `since`; from then on it runs, unless it is paused.
    pub at: Span,
    pub since: Time,
    pub paused: bool,
}

/// Where a contact stands in its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitState {
    /// The groups whose agents may take it; none when it is for a named agent.
    pub groups: Vec<GroupNo>,
    pub agent: Option<AgentNo>,
    /// When it entered this queue.
    pub since: Time,
    /// When it first entered any: its age for rank.
    pub first: Time,
    pub priority: i32,
    /// To whom it is offered now, and which offer it is.
    pub offered: Vec<(AgentNo, OfferId)>,
}

/// A transfer or consult that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferState {
    pub mode: TransferMode,
    pub phase: TransferPhase,
    /// The transferor's.
    pub leg: LegId,
    /// The one that was dialled last.
    pub target: Option<LegId>,
    /// The call in which transferor and target meet; none for a blind transfer.
    pub call: Option<CallId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferPhase {
    /// The target is dialled.
    Ringing,
    /// Target and transferor can talk.
    Consulting,
    /// The target talks to the others, the transferor waits until it leaves.
    Away,
}

/// The limits of a conference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConferenceState {
    /// Parties at most; `None`: as many as a contact has legs.
    pub seats: Option<usize>,
    /// When it ends, and when everybody is warned of it or was.
    pub until: Option<Time>,
    pub warn_at: Option<Time>,
}

/// The recording of a live contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingState {
    pub phase: RecordingPhase,
    pub since: Time,
    /// When it ends by itself.
    pub until: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingPhase {
    On,
    Paused,
    /// Ended for good.
    Over,
}

impl ContactState {
    /// One that has ended and of which nothing else is remembered here; its record tells the rest.
    pub fn ended(contact: ContactId) -> Self {
        Self {
            contact,
            from: String::new(),
            to: String::new(),
            number: None,
            opened: IdBlock::minted_at(contact.0),
            flow: None,
            node: None,
            queued: None,
            wait: None,
            data: Map::new(),
            calls: Vec::new(),
            transfer: None,
            conference: None,
            recording: None,
            playback: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CallState {
    pub call: CallId,
    pub kind: CallKind,
    /// Who has the conference, when it is one.
    pub chair: Option<LegId>,
    pub legs: Vec<LegState>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LegState {
    pub leg: LegId,
    pub role: LegRole,
    pub direction: Direction,
    pub party: PartyRef,
    pub remote: String,
    pub agent: Option<AgentNo>,
    pub offer: Option<OfferId>,
    pub phase: LegPhase,
    pub since: Time,
    /// Since when a command holds it.
    pub held: Option<Time>,
    /// Nobody hears it; it hears nobody.
    pub muted_from: bool,
    pub muted_to: bool,
    /// The one leg that gets the keys pressed at this one.
    pub passes_to: Option<LegId>,
    /// Of a supervisor: who hears him, and what he watches.
    pub supervision: Option<(SupervisionMode, Watched)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegPhase {
    /// INVITE sent or received, nothing heard yet.
    Calling,
    Ringing,
    Answered,
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionState {
    pub session: SessionId,
    pub new: NewSession,
    pub opened: Time,
    /// When the lease runs out.
    pub until: Option<Time>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TracedMessage {
    pub leg: LegId,
    pub sent: bool,
    pub t: Time,
    pub remote: String,
    /// The bytes as text; what is not UTF-8 is replaced.
    pub text: String,
}
