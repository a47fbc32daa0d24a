//! The verbs of call control: what can be asked of a live contact, and which leg and whom each names.
//! Owns the words. Leaves whether a verb fits to `call`, and where a target leads to the tenant machine.

use serde_json::{Map, Value};

use crate::base::{AgentNo, CallId, ContactId, GroupNo, LegId, Span};
use crate::event::words::{SupervisionMode, TransferMode};

/// Which leg of the contact a verb is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Leg(LegId),
    /// His leg in this contact.
    Agent(AgentNo),
}

/// Whom a verb leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum CallTarget {
    /// An internal number or a public one, resolved as everywhere; one of the tenant's own numbers is its flow.
    Number(String),
    /// An offer to him alone, at the station where he is signed in. When he cannot be called now it waits so long for
    /// him; zero: not at all.
    Agent { agent: AgentNo, wait: Span },
    /// The queues of skill groups, at most [`GROUPS_PER_ITEM`](crate::base::bounds::GROUPS_PER_ITEM): the first ready
    /// agent of any.
    Groups(Vec<GroupNo>),
    /// The flow with this key; what is attached to the contact before it runs.
    Flow { key: String, data: Map<String, Value> },
}

/// Who hears an announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearers {
    One(Option<Who>),
    Call(CallId),
}

/// A verb of call control. A `who` of `None` means the one leg that the verb fits; where it fits more, it is refused.
#[derive(Clone, Debug, PartialEq)]
pub enum CallVerb {
    /// The leg hears music and nobody hears it.
    Hold {
        who: Option<Who>,
    },
    Retrieve {
        who: Option<Who>,
    },
    /// What is muted from now on. `from`: nobody hears it. `to`: it hears nobody. Neither: unmuted.
    Mute {
        who: Option<Who>,
        from: bool,
        to: bool,
    },
    /// Keys for its far end.
    Digits {
        who: Option<Who>,
        digits: String,
    },
    /// Keys pressed by `who` go to `to` alone from now on, or no longer.
    PassDigits {
        who: Option<Who>,
        /// Not needed to end it.
        to: Option<Who>,
        on: bool,
    },
    Announce {
        to: Hearers,
        sounds: Vec<String>,
    },
    StopAnnounce {
        to: Hearers,
    },
    /// Somebody further joins the call of `who`, who has the chair from then on if nobody had it.
    Invite {
        who: Option<Who>,
        to: CallTarget,
        /// The number shown outside; by the rule for calling numbers when absent.
        from: Option<String>,
        ring: Option<Span>,
        chair_leaves: ChairLeaves,
    },
    /// `who` has the conference from now on; what the chair's leaving means stays as it was said.
    Chair {
        who: Option<Who>,
    },
    /// How many may be in the main call, and how long it may last.
    Conference {
        change: ConferenceChange,
    },
    /// The conference ends so much later.
    ExtendConference {
        by: Span,
    },
    /// `who` gives the main call away.
    Transfer {
        who: Option<Who>,
        mode: TransferMode,
        to: CallTarget,
        /// The number shown outside. Absent: whom it gives away, for a consult by the rule for calling numbers.
        from: Option<String>,
        ring: Option<Span>,
    },
    /// A caller whom only a flow or a queue has goes elsewhere; `supervisor`: in the scope of this agent.
    Route {
        supervisor: Option<AgentNo>,
        to: CallTarget,
        ring: Option<Span>,
    },
    /// What the transferor decides while his transfer runs.
    Consult {
        who: Option<Who>,
        verb: ConsultVerb,
    },
    /// The far ends of the party that is in both contacts talk to each other, without it; the older contact goes on.
    Merge {
        with: ContactId,
        /// He stays: all of them talk to each other, at the phone's call in which he talks now.
        stays: bool,
    },
    Record {
        verb: RecordVerb,
    },
    /// Of the recording that is played in this contact.
    Playback {
        verb: PlaybackVerb,
    },
    /// The station of `agent` is rung; from its answer on he hears what he watches: the main call when nothing is named.
    Supervise {
        agent: AgentNo,
        target: Option<Watch>,
        mode: SupervisionMode,
        ring: Option<Span>,
    },
    /// Who hears this supervisor from now on, and what he watches.
    SuperviseMode {
        who: Option<Who>,
        mode: SupervisionMode,
        target: Option<Watch>,
    },
    /// This supervisor takes the place of the agent he watches, who talks or rings, or whom the customer waits for.
    TakeOver {
        who: Option<Who>,
    },
}

/// What a supervisor is to watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    Party(Who),
    Call(CallId),
}

/// What is to hold of a conference from now on; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConferenceChange {
    /// Parties at most, those who ring included; nobody is removed by a smaller number.
    pub seats: Option<usize>,
    /// It ends so long after now.
    pub length: Option<Span>,
    /// Everybody is warned so long before that end; goes with `length`.
    pub warn: Option<Span>,
    /// Sounds of the library that warn; a beep when there are none.
    pub sounds: Vec<String>,
}

/// What becomes of a conference whose chair leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChairLeaves {
    /// Everybody in it is released.
    End,
    /// The next one has it: an agent before others, else who came first.
    #[default]
    PassOn,
}

/// What the transferor decides while his transfer runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsultVerb {
    /// The others get the target, the transferor is released; also while it rings.
    Complete,
    /// The target is released, the transferor is with the others again.
    Cancel,
    /// He talks to the other side: those he left, or the target.
    Swap,
    /// All talk to each other.
    Join,
}

/// What is done with a recording while it is played. Beyond its ends is at its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaybackVerb {
    Pause,
    Resume,
    SeekTo(Span),
    /// Onward, or back when it is less than zero.
    SeekBy(Span),
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordVerb {
    /// It ends by itself when it is so long, pauses included.
    Start {
        length: Option<Span>,
    },
    Stop,
    /// Silence of the same length is written.
    Pause,
    Resume,
}
