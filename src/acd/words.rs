//! What the ACD is told and what it decides. It speaks of agents, stations, items and offers; no leg, call or sound.

use crate::base::{AgentNo, CallId, ContactId, ExtensionNo, GroupNo, ItemId, OfferId, SegmentId, Span, Time};
use crate::event::words::{By, EndCause, ItemExit, Line, OfferEnding, Preferences, Station, Wish, WorkRole};
pub use crate::switch::AgentVerb;
use crate::switch::RestWait;

/// What is queued and offered. The matcher never dereferences the holder.
#[derive(Clone, Debug, PartialEq)]
pub struct NewItem {
    pub item: ItemId,
    pub to: To,
    /// The call of the holder that an agent is wanted in beside those who are there; without one the holder himself waits.
    pub call: Option<CallId>,
    /// When the contact first entered a queue: rank counts from here.
    pub entered: Time,
    /// Each step is worth `PRIORITY_STEP` of waiting.
    pub priority: i32,
    /// Lowest level an agent must have in the group; 1 takes everybody.
    pub level: u8,
    /// The shortest of this and the groups' own.
    pub wait_max: Option<Span>,
    pub holder: ContactId,
    pub visit: u32,
    /// Agents to whom it is not offered, at most
    /// [`EXCLUSIONS_PER_ITEM`](crate::base::bounds::EXCLUSIONS_PER_ITEM).
    pub not_to: Vec<AgentNo>,
}

/// Who is to take an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// The first ready agent of any of these, one rank over all; of several who are ready it is one of the group named
    /// first. At least one, at most [`GROUPS_PER_ITEM`](crate::base::bounds::GROUPS_PER_ITEM).
    Groups(Vec<GroupNo>),
    /// This agent and nobody else, by the site's rule for direct calls. `group`: on whose account, for the wrap-up.
    Agent { agent: AgentNo, group: Option<GroupNo>, ring: Span },
}

/// Why an agent cannot be called directly now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    SignedOut,
    /// He leaves as soon as his work is done, or is removed from the site.
    Leaves,
    Unreachable,
    /// He talks, is rung, or has as many calls as he may.
    Busy,
    /// The site has direct calls go to agents who are ready, and he is not.
    NotReady,
}

/// How an offer proceeds, told by whoever rings the station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferStep {
    /// 180 or 183 came.
    Alerting,
    /// 200 came, and a key is to say that a person did it.
    Confirming,
    /// 200 came, or that key.
    Accepted,
    /// Sound flows both ways.
    Connected,
    /// It will not become a talk, or the talk is over (`OfferEnding::Connected`).
    Ended { ending: OfferEnding, sip_status: Option<u16> },
    /// No way to the station has room, so it was not rung; it ends as failed, and nothing is said of the station.
    NoWay,
}

/// Why a verb was refused; the tenant maps it to a code of `switch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerbRefused {
    UnknownAgent,
    AlreadySignedIn,
    NotSignedIn,
    /// Another agent is signed in at this station.
    StationTaken(AgentNo),
    /// The station is no extension of this tenant, and no number that the site's routes lead outside.
    UnknownStation,
    /// He talks or his phone is in a call: sign-out waits for nobody here. (A phone that only rings is no hindrance.)
    Busy,
    /// The object is being removed.
    Retiring,
    /// The site does not give him this group.
    NotMember(GroupNo),
    UnknownReason,
    /// Longer than this.
    TooLong(Span),
    NotInWrapUp,
    NotResting,
    NotReserved,
    /// He is not ready, not reachable, or busy.
    NotAvailable,
    /// The contact waits in no queue.
    NotQueued,
    /// He is in it already, or watches it.
    InContact,
    /// The offer is not his, or has ended: the caller left, or somebody was faster.
    OfferOver,
    /// It rings at his station.
    OfferRings,
    /// He has accepted it.
    OfferAccepted,
}

/// Why an agent cannot be in a call in this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleRefused {
    /// He is in no call of this contact that could be so.
    NotHis,
    /// He talks here.
    Talks(ContactId),
    /// `CALLS_PER_AGENT` are reached.
    Full,
    /// He goes with an agent from call to call.
    Watches,
}

/// Why a phone may not be in one more call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimRefused {
    /// `CALLS_PER_AGENT` are reached: 486.
    Full,
}

/// How an agent is in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Nobody is there yet, or his phone called by itself.
    Dialing,
    Talking,
    Held,
    Consulting,
    Conference,
}

/// What the ACD decides.
#[expect(clippy::large_enum_variant, reason = "most outputs are `Journal`, and the queue is empty between inputs")]
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Ring this agent's station for this item. Answered by `OfferStep`s. What a client shows first comes when it was
    /// accepted there.
    Offer(Box<Offer>),
    /// Stop ringing: the offer has ended here already; whatever the phone says now is too late.
    Rescind {
        offer: OfferId,
        holder: ContactId,
        ending: OfferEnding,
    },
    /// The item left its queue.
    ItemLeft {
        item: ItemId,
        holder: ContactId,
        exit: ItemExit,
    },
    /// Prove, or stop proving, that this phone is there.
    Watch {
        extension: ExtensionNo,
        on: bool,
    },
    /// Ring this agent's station: its leg is to stay up. Answered by `line_up` or `line_down`.
    RingLine {
        agent: AgentNo,
        line: Line,
        by: By,
    },
    /// He has left his station: its leg ends.
    DropLine {
        agent: AgentNo,
        by: By,
    },
    Journal {
        about: crate::event::About,
        by: By,
        kind: crate::event::Kind,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    pub offer: OfferId,
    /// The agent's part of the recording, named while the phone rings.
    pub segment: SegmentId,
    pub item: ItemId,
    pub holder: ContactId,
    pub agent: AgentNo,
    /// The group whose agent he is for this item; of a direct call the one on whose account it is.
    pub group: Option<GroupNo>,
    pub station: Station,
    pub until: Time,
    /// He has accepted it: his phone is asked to answer by itself.
    pub accepted: bool,
}

/// What people see of an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentSnapshot {
    pub agent: AgentNo,
    pub station: Option<Station>,
    pub groups: Vec<(GroupNo, u8)>,
    pub wish: Option<Wish>,
    /// When its limit is over.
    pub wish_until: Option<Time>,
    pub rest_wait: Option<RestWait>,
    pub preferences: Preferences,
    pub reachable: bool,
    /// Why the leg of his station is not up that should be.
    pub down: Option<EndCause>,
    /// His phone failed, did not answer or refused too often: nothing is offered until then.
    pub rests_until: Option<Time>,
    pub display: crate::event::words::Display,
    /// Since when `display` is what it is; since the restart at the earliest.
    pub since: Time,
    /// At most one per contact, and one without.
    pub works: Vec<WorkSnapshot>,
}

/// What people see of a group's queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueSnapshot {
    /// Not yet connected; also those an agent is rung for.
    pub waiting: usize,
    /// When the contact that waits longest first entered a queue.
    pub oldest: Option<Time>,
    /// Signed in with this group, whatever they do.
    pub signed_in: usize,
    /// Could be offered somebody now.
    pub ready: usize,
}

/// What he does for a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkSnapshot {
    pub contact: Option<ContactId>,
    pub role: WorkRole,
    /// The offer that is made to him, or that brought him the call.
    pub offer: Option<OfferId>,
    pub since: Time,
    /// When it ends by itself.
    pub until: Option<Time>,
}
