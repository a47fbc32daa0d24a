//! The words of the one door: commands, their answers and codes, and the questions machines ask the world.
//! Owns what a caller of the house may say and hear. Leaves deciding to the tenant machine, wire forms to `api` and the
//! dialects, and the mailbox itself to `door`.

mod answer;
mod call;
pub mod code;
mod command;
pub mod door;
pub mod meters;
pub mod permission;
pub mod push_url;
mod resolved;
pub mod session;

pub use answer::{
    AgentState, AgentWorkState, Answer, BindingState, CallState, ConferenceState, ContactState, ExtensionState,
    GroupState, LegPhase, LegState, PlaybackState, RecordingPhase, RecordingState, RestWait, SessionState, Snapshot,
    TracedMessage, TransferPhase, TransferState, WaitState, WatchState,
};
pub use call::{
    CallTarget, CallVerb, ChairLeaves, ConferenceChange, ConsultVerb, Hearers, PlaybackVerb, RecordVerb, Watch, Who,
};
pub use code::Code;
pub use command::{
    AgentVerb, Body, Caller, Command, Force, OfferVerb, Originate, Play, Query, SessionVerb, Then, TwoWay, WatchVerb,
};
pub use resolved::{LeadsTo, LookedUpBy, Lookup, Outside, Resolved, RuleKind, RuleOf, ShownBy, TrunkWay};

use crate::base::ExtensionNo;

/// What a tenant machine asks of the store; the answer comes back as [`StoreAnswer`] with the same request number.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreAsk {
    /// A phone's new binding, as JSON, to be on disk before the 200.
    SaveBinding {
        request: u64,
        extension: ExtensionNo,
        contact: String,
        json: String,
    },
    /// A refresh; saved in batches, nobody waits.
    UpdateBinding {
        extension: ExtensionNo,
        contact: String,
        json: String,
    },
    RemoveBinding {
        extension: ExtensionNo,
        contact: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreAnswer {
    pub request: u64,
    pub saved: bool,
}
