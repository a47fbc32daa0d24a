//! What can be asked of a tenant. A command is a value: who, what, and never an implied leg.

use serde_json::{Map, Value};

use super::session::NewSession;
use super::{CallTarget, CallVerb, Lookup, Who};
use crate::base::{AgentNo, CommandId, ContactId, GroupNo, OfferId, ReasonNo, SegmentId, SessionId, Span};
use crate::event::words::{Actor, OnTimeout, Preferences, Station, SupervisionMode};

#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Unique per (tenant, token). The same id within 10 minutes has the same answer and no second effect.
    /// `None` for queries and for callers that want no such promise.
    pub id: Option<CommandId>,
    pub actor: Actor,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Agent {
        agent: AgentNo,
        verb: AgentVerb,
        /// `None`: the agent's own wish.
        force: Option<Force>,
    },
    /// A contact that waits in a queue stands elsewhere in it from now on; each step is worth a minute of waiting.
    Priority {
        contact: ContactId,
        priority: i32,
    },
    Originate(Originate),
    TwoWay(TwoWay),
    Play(Play),
    /// As `TwoWay`, by an agent who is shown it first and says whether he calls.
    Preview {
        order: TwoWay,
        /// How long he may take.
        timeout: Span,
        on_timeout: OnTimeout,
    },
    /// What he says.
    Decide {
        agent: AgentNo,
        contact: ContactId,
        dial: bool,
    },
    /// Ends the whole contact, or one leg of it; `supervisor`: in the scope of this agent.
    Hangup {
        contact: ContactId,
        who: Option<Who>,
        supervisor: Option<AgentNo>,
    },
    /// Replaces the named keys of a contact's attached data; `null` removes one.
    SetData {
        contact: ContactId,
        data: Map<String, Value>,
    },
    /// A verb of call control.
    Call {
        contact: ContactId,
        verb: CallVerb,
    },
    /// The agent to whom a contact is offered sends it elsewhere before he takes it. `reason`: why, in his own words.
    SendOn {
        agent: AgentNo,
        offer: OfferId,
        to: CallTarget,
        ring: Option<Span>,
        reason: Option<String>,
    },
    /// A supervisor goes with an agent from call to call, whether that one is in a call now or not.
    Watch {
        agent: AgentNo,
        supervisor: AgentNo,
        verb: WatchVerb,
    },
    Session(SessionVerb),
    Query(Query),
}

/// What is done about a supervisor who goes with an agent from call to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchVerb {
    /// His station is rung, once and at most so long; where its leg stays up anyway, that one is taken.
    Start {
        mode: SupervisionMode,
        ring: Option<Span>,
    },
    /// Who hears him from now on.
    Mode {
        mode: SupervisionMode,
    },
    Stop,
}

/// It is done against the agent's own wish, or what his state would allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Force {
    pub why: String,
    /// Who does it, in his scope; `None`: the integration on its own account.
    pub supervisor: Option<AgentNo>,
}

/// What a client does with its session. `of`: only if it is this token's; another's is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionVerb {
    Open(NewSession),
    /// A sign of life: the lease begins anew. Nothing is journaled.
    Renew {
        session: SessionId,
        of: Option<u32>,
    },
    Close {
        session: SessionId,
        of: Option<u32>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentVerb {
    /// At a station, or at the one the site names; in these of his groups, or in all. Forced, it ends another agent's
    /// session at the station and his own elsewhere, as far as the site's `take_over` allows.
    SignIn {
        station: Option<Station>,
        groups: Option<Vec<GroupNo>>,
    },
    /// Forced in a call, he is signed out when the call is over.
    SignOut,
    /// In these of his groups from now on; `None`: in all.
    Groups {
        groups: Option<Vec<GroupNo>>,
    },
    Ready,
    NotReady {
        reason: Option<ReasonNo>,
    },
    /// Wrap-up without a call, or another length for the one that runs; without a length until it is quit.
    WrapUp {
        length: Option<Span>,
    },
    ExtendWrapUp {
        by: Span,
    },
    /// What he wished before holds again.
    QuitWrapUp,
    /// Not ready within the tenant's quota: at once or when somebody returns. Forced, beyond the quota.
    Rest {
        reason: Option<ReasonNo>,
        length: Option<Span>,
    },
    /// Waits for rest no longer, or returns from it and is ready.
    CancelRest,
    /// Keeps an agent who is free out of matching for so long.
    Reserve {
        length: Span,
    },
    Release,
    /// Takes a contact that waits in one of his groups, whatever its place.
    Pick {
        contact: ContactId,
    },
    /// Until he signs out he has these instead of what the site says; what is not named stays as it is.
    Prefer {
        preferences: Preferences,
    },
    /// What he says in his client of an offer of his.
    Offer {
        offer: OfferId,
        verb: OfferVerb,
    },
    /// Tells him something; it is an event and nothing else.
    Note {
        text: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfferVerb {
    /// It is shown to him; from now on letting it pass is his.
    Show,
    /// He takes what his client shows: his station is asked to answer by itself.
    Accept,
    /// He does not take it, rung or shown: it goes on to the next agent and does not come back to him.
    Reject { reason: Option<String> },
}

impl AgentVerb {
    /// As events and paths say it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::SignIn { .. } => "sign-in",
            Self::SignOut => "sign-out",
            Self::Groups { .. } => "groups",
            Self::Ready => "ready",
            Self::NotReady { .. } => "not-ready",
            Self::WrapUp { .. } => "wrap-up",
            Self::ExtendWrapUp { .. } => "extend-wrap-up",
            Self::QuitWrapUp => "quit-wrap-up",
            Self::Rest { .. } => "rest",
            Self::CancelRest => "cancel-rest",
            Self::Reserve { .. } => "reserve",
            Self::Release => "release",
            Self::Pick { .. } => "pick",
            Self::Prefer { .. } => "preferences",
            Self::Offer { verb: OfferVerb::Show, .. } => "show-offer",
            Self::Offer { verb: OfferVerb::Accept, .. } => "accept-offer",
            Self::Offer { verb: OfferVerb::Reject { .. }, .. } => "reject-offer",
            Self::Note { .. } => "note",
        }
    }
}

/// Dials `to`, and does something for whoever answers. Reaches out of the house, so it acts once it is on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Originate {
    /// An internal number or a public one, resolved as everywhere.
    pub to: String,
    pub then: Then,
    /// The number shown to the far end; by the rule for calling numbers when absent.
    pub from: Option<String>,
    pub data: Map<String, Value>,
}

/// Rings `by` first; when he has answered, dials `to` and lets the two talk. Reaches out of the house, so it acts once it
/// is on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct TwoWay {
    pub by: Caller,
    /// `None`: nobody yet. He is the chair of a conference, and invites.
    pub to: Option<CallTarget>,
    /// For which of his groups an agent calls: its wrap-up follows.
    pub group: Option<GroupNo>,
    /// The number shown to far ends outside.
    pub from: Option<String>,
    /// The phone of `by` is asked to answer by itself; what the site says of it when absent.
    pub auto_answer: Option<bool>,
    /// How long `to` may ring.
    pub ring: Option<Span>,
    pub data: Map<String, Value>,
}

/// Rings an agent's phone and plays a recording to him. Acts once it is on disk, as every order that rings somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Play {
    pub agent: AgentNo,
    /// Whose recording, and which part of it.
    pub of: ContactId,
    pub segment: Option<SegmentId>,
    /// Where its sound lies: the file below the folder of recordings, the place in it, and how long it is.
    pub file: String,
    pub from: Span,
    pub length: Span,
    /// Where to begin, within `length`.
    pub start: Span,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq)]
pub enum Caller {
    /// At the station where he is signed in.
    Agent(AgentNo),
    /// A phone of ours, or somebody outside.
    Number(String),
}

/// What comes when the dialled party has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// The flow of this key runs.
    Flow(String),
    /// A text is spoken to its end, and the call is over: a voice notification. At most
    /// [`SPEECH_CHARS`](crate::base::bounds::SPEECH_CHARS); without a language in the tenant's.
    Say { text: String, language: Option<String> },
}

/// Reads of live state. They are answered in the order of the mailbox, so a query after a command sees its effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    Agents,
    Agent(AgentNo),
    Groups,
    Extensions,
    /// Live contacts, oldest first.
    Contacts,
    Contact(ContactId),
    /// The SIP messages of a contact that still lives.
    SipHistory(ContactId),
    /// Client sessions, oldest first.
    Sessions,
    Session(SessionId),
    /// What a dialled number leads to.
    Resolve(Lookup),
}
