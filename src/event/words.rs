//! The words in which it is told what happened: who acts, causes, endings, states. Closed lists; no `other`.

use serde::{Deserialize, Serialize};

use crate::base::{AgentNo, CallId, CommandId, ExtensionNo, LegId, ReasonNo, TrunkNo};

/// Who acts. Numbers, not names: names can be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// An agent, as the API token of this number says: a supervisor who forces something in his scope.
    Agent { agent: AgentNo, token: u32 },
    /// An API token by its number.
    Integration(u32),
    /// A flow, on behalf of its caller.
    Flow,
    /// The far end of a leg: somebody hung up, pressed a key, registered.
    Party,
    /// The house itself: a deadline, a rule, a restart.
    System,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    pub actor: Actor,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub command: Option<CommandId>,
}

impl By {
    pub const PARTY: Self = Self { actor: Actor::Party, command: None };
    pub const SYSTEM: Self = Self { actor: Actor::System, command: None };
    pub const FLOW: Self = Self { actor: Actor::Flow, command: None };
}

/// What a leg is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyRef {
    Trunk(TrunkNo),
    Extension(ExtensionNo),
}

/// What a leg is in its contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegRole {
    /// The customer; at most one per contact.
    Customer,
    /// An agent's leg, made by an offer.
    Agent,
    /// Somebody dialled by a flow, a phone or a command; the caller of an internal call.
    Other,
    /// Somebody who listens to or helps in a call of others, until he takes it over.
    Supervisor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The far end called us.
    Inbound,
    /// We called the far end.
    Outbound,
}

/// Why a leg ended. One place maps it to SIP (`switch::code`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndCause {
    /// The far end sent BYE.
    HungUp,
    /// The far end sent CANCEL before we answered.
    Cancelled,
    /// The far end refused: its status tells why.
    Rejected,
    Busy,
    /// It rang until the deadline.
    NoAnswer,
    /// Nobody is there: not registered, 404, 410, 480, or no response at all.
    Unreachable,
    /// The number or name means nothing here.
    NotFound,
    /// The caller may not dial this.
    Forbidden,
    /// The far end wants us to prove ourselves, and takes no credentials that we have.
    Unproven,
    /// No codec in common, or SDP that cannot be used.
    NotAcceptable,
    /// A flow hung up.
    FlowEnded,
    /// A command hung up.
    Released,
    /// The other side left and nothing was to follow.
    PeerLeft,
    /// Another target of the same dial answered first.
    LostRace,
    /// The offer was withdrawn.
    Rescinded,
    /// No sound and no answer to the probe.
    MediaLost,
    /// The session timer ran out, or the 2xx was never acknowledged.
    SignallingLost,
    /// The longest call was reached.
    TooLong,
    /// A trunk, tenant, number or group is full.
    Full,
    /// The node itself is full or draining, or the far end's server answered with an error of its own (5xx).
    Overloaded,
    /// The server was stopped while the leg was up.
    Crash,
    Drained,
    /// A contact met itself too often.
    Loop,
    /// Our bug.
    InternalError,
}

/// Text to be spoken to whoever answers. Personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speech {
    pub text: String,
    /// A tag of RFC 5646: `zh-CN`.
    pub language: String,
}

/// What became of a text that a command had spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpeechEnding {
    /// He heard it to its end.
    Whole,
    /// He left before.
    CutShort,
    /// It could not be spoken, or nobody reported its end.
    Failed,
}

/// Who ended a leg or contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    Customer,
    Agent,
    Other,
    Flow,
    Command,
    System,
}

/// How a contact ended, as its record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disposition {
    /// The caller talked to an agent, or to whom he called; or a party that a command dialled took the call and did not
    /// leave it while waiting in a group.
    Answered,
    /// The flow served him and nobody else was wanted.
    SelfService,
    /// He left while a flow spoke or waited for digits, before any queue.
    AbandonedInFlow,
    /// He left while waiting in a group, also while an agent was rung.
    AbandonedInQueue,
    /// He left before anything answered.
    AbandonedRinging,
    /// Whom he called did not take the call.
    NotAnswered,
    /// Nothing here would take the call.
    Refused,
    /// The server stopped while it ran.
    Crash,
    /// Our bug ended it.
    InternalError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallKind {
    /// The conversation of the contact's customer.
    Main,
    /// Both parties are ours.
    Internal,
    /// Beside the main one: what is said in it never reaches the customer.
    Consult,
}

/// What becomes of the transferor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferMode {
    /// Released at once; the others wait for the target.
    Blind,
    /// Released when the target answers; a failure brings him back to the others.
    OnAnswer,
    /// He waits while the target talks to the others, and is with them again when the target leaves.
    ComeBack,
    /// He talks to the target first and then says what happens.
    Consult,
}

/// How a transfer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferEnding {
    /// The target talks to the others, the transferor is gone.
    Completed,
    /// All of them talk to each other.
    Joined,
    /// The target has left and the transferor is with the others again.
    CameBack,
    /// Nobody answered.
    Failed,
    /// The transferor thought better of it.
    Cancelled,
    /// The others left before it was done.
    CustomerLeft,
}

/// Who hears a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SupervisionMode {
    /// Nobody.
    Listen,
    /// The leg he watches, and nobody else; it is in no recording.
    Whisper,
    /// Everybody in the call.
    Barge,
}

/// What a supervisor watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watched {
    /// He goes with it into every call, and leaves with it.
    Leg(LegId),
    /// He stays in it, whoever comes and goes, until nobody is left.
    Call(CallId),
}

/// How a supervision ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SupervisionEnding {
    /// The supervisor left, or a command released him.
    Left,
    /// What he watched is over.
    TargetLeft,
    /// He talks in the agent's place from now on.
    TookOver,
    /// He was not reached.
    Failed,
}

/// How it ended that a supervisor goes with an agent from call to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WatchEnding {
    /// A command ended it.
    Stopped,
    /// The supervisor hung up, was released from a call that he heard, or his phone was lost.
    Left,
    /// He was not reached.
    Failed,
    /// He talks in the agent's place from now on.
    TookOver,
    /// The agent has signed out, or the supervisor is forced to.
    SignedOut,
    /// The site lets him supervise none of the agent's groups any more.
    OutOfScope,
}

/// What happened to a recording that is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaybackStep {
    Started,
    Paused,
    Resumed,
    /// It goes on from another place.
    Moved,
    Ended,
}

/// How the playing of a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaybackEnding {
    /// To its end.
    Played,
    /// By a command.
    Stopped,
    /// Whoever listened left.
    Left,
    /// Its sound could not be loaded.
    Failed,
}

/// What becomes of a preview that its agent does not decide in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnTimeout {
    Skip,
    Dial,
}

/// How a preview ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreviewEnding {
    /// His phone rings, by his decision or because the time was over.
    Dialled,
    /// Nobody is dialled: he, or a command, decided so.
    Skipped,
    /// Nobody is dialled: the time was over.
    TimedOut,
}

/// How an offer reaches its agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfferWay {
    /// His station is rung at once.
    #[default]
    Ring,
    /// His client shows it; when he accepts there, his station is asked to answer by itself.
    Client,
    /// The leg of his station that is up hears a tone and is in the call.
    Permanent,
}

impl OfferWay {
    pub fn is_ring(&self) -> bool {
        *self == Self::Ring
    }
}

/// How far an offer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferPhase {
    Made,
    /// A client shows it.
    Shown,
    Alerting,
    /// Answered by what may be a machine.
    Confirming,
    Accepted,
    Connected,
}

/// How an offer ended. Only `Connected` counts as answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfferEnding {
    /// It became a talk, which has ended since.
    Connected,
    /// The agent refused: excluded from this item.
    Rejected,
    /// It rang until the deadline: the agent becomes not ready.
    RangOut,
    CallerLeft,
    /// The phone answered with an error: the station is marked.
    Failed,
    /// Somebody else or something else was first; the agent is not charged.
    LostRace,
    /// The phone is not there.
    Unreachable,
    /// Withdrawn by a rule or command.
    Rescinded,
    /// The agent sent the contact elsewhere before he took it, which costs him nothing.
    SentOn,
}

/// Why an item left its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemExit {
    /// An agent and the caller hear each other.
    Connected,
    CallerLeft,
    /// The longest wait is over.
    TimedOut,
    /// The group had as many waiting as it may.
    Full,
    /// Nobody is signed in who could ever take it.
    NoAgent,
    /// A command or the end of the contact took it out.
    Withdrawn,
    /// A person sent him elsewhere.
    Routed,
}

/// What an agent is right after a call that an offer brought him.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterCall {
    /// Free for the next, without wrap-up.
    Ready,
    /// In the group's wrap-up, then what he wished before.
    WrapUp,
    /// Not ready until he says so, without wrap-up.
    NotReady,
}

/// What a signed-in agent has instead of what the site says of him, until he signs out; `None`: the site's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    pub after_call: Option<AfterCall>,
    /// His phone is asked to answer by itself: offers, and calls that he begins by a command.
    pub auto_answer: Option<bool>,
}

/// What an agent asked for, also during a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    Ready,
    NotReady(NotReadyReason),
    /// He is signed out as soon as his calls are over.
    SignOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotReadyReason {
    /// He asked for it and gave no reason.
    Asked,
    /// An offer rang out.
    RangOut,
    /// The server restarted; he returns when his station answers.
    Restart,
    /// Just signed in.
    SignedIn,
    /// His call has ended and he is to be asked before the next.
    AfterCall,
    /// The last session of his client ended by its lease.
    ClientLost,
    /// On rest, which counts in the tenant's quota; why, by the tenant's own reasons.
    Rest(Option<ReasonNo>),
    /// One of the tenant's own reasons.
    Own(ReasonNo),
}

impl NotReadyReason {
    /// As people and clients read it; which of the tenant's reasons it is says [`Self::reason`].
    pub const fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::RangOut => "rang-out",
            Self::Restart => "restart",
            Self::SignedIn => "signed-in",
            Self::AfterCall => "after-call",
            Self::ClientLost => "client-lost",
            Self::Rest(_) => "rest",
            Self::Own(_) => "own",
        }
    }

    pub const fn reason(self) -> Option<ReasonNo> {
        match self {
            Self::Rest(reason) => reason,
            Self::Own(reason) => Some(reason),
            Self::Asked | Self::RangOut | Self::Restart | Self::SignedIn | Self::AfterCall | Self::ClientLost => None,
        }
    }
}

/// Where an agent takes calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Station {
    Extension(ExtensionNo),
    /// A number in normal form that the site's routes lead over a trunk. `confirm`: whoever answers must press 1.
    Outside {
        number: String,
        confirm: bool,
    },
    /// Rung once: the leg stays up between his calls.
    Permanent(Line),
}

/// Where a leg leads that stays up; as the variants of [`Station`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    Extension(ExtensionNo),
    Outside { number: String, confirm: bool },
}

impl Station {
    pub const fn extension(&self) -> Option<ExtensionNo> {
        match self {
            Self::Extension(no) | Self::Permanent(Line::Extension(no)) => Some(*no),
            Self::Outside { .. } | Self::Permanent(Line::Outside { .. }) => None,
        }
    }

    /// The number of one outside.
    pub fn outside(&self) -> Option<&str> {
        match self {
            Self::Outside { number, .. } | Self::Permanent(Line::Outside { number, .. }) => Some(number),
            Self::Extension(_) | Self::Permanent(Line::Extension(_)) => None,
        }
    }

    /// The way to it, when its leg stays up between calls.
    pub const fn permanent(&self) -> Option<&Line> {
        match self {
            Self::Permanent(line) => Some(line),
            Self::Extension(_) | Self::Outside { .. } => None,
        }
    }
}

/// What an agent is doing for a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkRole {
    /// An offer is on its way to him.
    Offered,
    Talking,
    WrapUp,
    /// His phone is in a call that no offer made.
    Dialing,
    /// The other side hears music; he may take another call where his groups allow it.
    Held,
    /// He asks somebody else while the customer waits.
    Consulting,
    Conference,
    /// He listens to, or helps in, somebody else's call.
    Monitoring,
    /// Kept free for a call that a command announced.
    Reserved,
}

/// The one exclusive state that people see. The variants stand in their precedence: the first that holds is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Display {
    SignedOut,
    Talking,
    Conference,
    Consulting,
    Dialing,
    Monitoring,
    Ringing,
    Held,
    Reserved,
    WrapUp,
    Unreachable,
    NotReady,
    Ready,
}

impl Display {
    /// Of somebody signed in: what he does first, then whether he can be reached, then what he wishes.
    pub fn of(works: impl Iterator<Item = WorkRole>, reachable: bool, wish: Wish) -> Self {
        let working = works.map(|role| match role {
            WorkRole::Talking => Self::Talking,
            WorkRole::Dialing => Self::Dialing,
            WorkRole::Offered => Self::Ringing,
            WorkRole::WrapUp => Self::WrapUp,
            WorkRole::Held => Self::Held,
            WorkRole::Consulting => Self::Consulting,
            WorkRole::Conference => Self::Conference,
            WorkRole::Monitoring => Self::Monitoring,
            WorkRole::Reserved => Self::Reserved,
        });
        let wished = match wish {
            Wish::NotReady(_) | Wish::SignOut => Self::NotReady,
            Wish::Ready => Self::Ready,
        };
        working.chain((!reachable).then_some(Self::Unreachable)).min().unwrap_or(wished)
    }
}

/// What carries SIP to a far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    Udp,
    Tcp,
}

/// Why a recording's part began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SegmentEdge {
    /// The customer was answered, or the recorder was started.
    Answered,
    /// Another party came into or left the room.
    PartyChanged,
    /// A command paused the recording: silence follows.
    Paused,
    Resumed,
    Ended,
    /// Found after a restart and closed at the file's length.
    Crash,
}

/// Why seconds are missing in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordingGap {
    DiskFull,
    /// The writer was stuck for longer than its pool lasts.
    DiskSlow,
    /// The file could not be made or written.
    WriteFailed,
}

/// How a leg's sound failed or came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DigitPath {
    /// RFC 4733 events.
    Rtp,
    /// SIP INFO.
    Info,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmKind {
    /// A panic was caught.
    InternalError,
    /// A contact met itself.
    Loop,
    /// A flow ran too many steps.
    FlowSteps,
    /// A flow wanted to attach more data than a contact may carry.
    DataTooLarge,
    /// Recorded and answered seconds differ.
    RecordingIncomplete,
    /// The media thread did not apply a command for 200 ms.
    MediaLate,
    DiskLow,
    DiskFull,
    JournalStalled,
    /// The wall clock was stepped.
    ClockStep,
    /// A flow or site file was refused; the old version stays.
    FileRefused,
    /// Text was to be spoken, and there is no program for it.
    SpeechUnavailable,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_state_that_holds_is_shown_whatever_came_first() {
        use WorkRole::{Conference, Consulting, Dialing, Held, Monitoring, Offered, Reserved, Talking, WrapUp};
        let not_ready = Wish::NotReady(NotReadyReason::Asked);
        let rows: [(&[WorkRole], bool, Wish, Display); 14] = [
            (&[Talking, Dialing, Offered, WrapUp], false, not_ready, Display::Talking),
            (&[Conference, Consulting, Dialing], true, not_ready, Display::Conference),
            (&[Consulting, Dialing, Held], true, not_ready, Display::Consulting),
            (&[Dialing, Monitoring, Offered, WrapUp], false, not_ready, Display::Dialing),
            (&[Monitoring, Offered, Held], true, not_ready, Display::Monitoring),
            (&[Offered, Held], true, Wish::Ready, Display::Ringing),
            (&[Held, Reserved, WrapUp], true, Wish::Ready, Display::Held),
            (&[Reserved, WrapUp], true, Wish::Ready, Display::Reserved),
            (&[Offered, WrapUp], false, Wish::Ready, Display::Ringing),
            (&[WrapUp], false, Wish::Ready, Display::WrapUp),
            (&[], false, not_ready, Display::Unreachable),
            (&[], false, Wish::Ready, Display::Unreachable),
            (&[], true, not_ready, Display::NotReady),
            (&[], true, Wish::Ready, Display::Ready),
        ];
        for (works, reachable, wish, expected) in rows {
            assert_eq!(Display::of(works.iter().copied(), reachable, wish), expected, "{works:?}");
            assert_eq!(Display::of(works.iter().rev().copied(), reachable, wish), expected, "{works:?} from behind");
        }
    }
}
