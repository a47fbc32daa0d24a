//! What clients see of each object: types of their own, pinned by a golden file.
//! Owns names and forms: `at` and `since` are RFC 3339, lengths end in `_ms`, minted ids are text, site objects show
//! their `no` and their `id`. Leaves the objects to `switch` and `event`.

mod agent;
mod contact;
pub mod event;
mod record;
mod resolved;
pub mod session;
mod site;
mod supervision;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

pub use agent::{AgentReply, AgentView, AgentWorkView, AgentsReply, LevelView, StationView};
pub use contact::{
    CallReply, CallView, CallsReply, ConferenceView, ContactView, LegView, OriginateReply, PartyView,
    RecordingStateView, SipReply, TracedView, TransferView, WaitView, ladder,
};
pub use event::{ActorView, EventView, EventsReply};
pub use record::*;
pub use resolved::ResolveReply;
pub use session::{SessionClosedReply, SessionReply, SessionView, SessionsReply};
pub use site::{BindingView, ExtensionView, ExtensionsReply, GroupView, GroupsReply};
pub use supervision::{StretchView, SupervisionRecordView, SupervisionView, WatchedView};

use crate::base::{AgentNo, ExtensionNo, GroupNo, NumberNo, ReasonNo, Time, TrunkNo, Utc};
use crate::site::Site;

/// A site object by its number and its key.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Ref {
    /// Small, per kind, never reused.
    pub no: u32,
    /// The key in the site file, or `no:<n>` when the object is gone.
    pub id: String,
}

/// Turns numbers into keys and points of the axis into what people read.
pub struct Lens<'a> {
    pub site: &'a Site,
    /// Wall clock at the axis's origin, microseconds.
    pub origin: Utc,
}

impl Lens<'_> {
    pub fn at(&self, t: Time) -> String {
        Utc(self.origin.0 + t.0).rfc3339()
    }

    pub fn agent(&self, no: AgentNo) -> Ref {
        named(no.0, self.site.agents.get(&no).map(|agent| agent.id.as_str()))
    }

    pub fn group(&self, no: GroupNo) -> Ref {
        named(no.0, self.site.groups.get(&no).map(|group| group.id.as_str()))
    }

    pub fn extension(&self, no: ExtensionNo) -> Ref {
        named(no.0, self.site.extensions.get(&no).map(|extension| extension.number.as_str()))
    }

    pub fn reason(&self, no: ReasonNo) -> Ref {
        named(no.0, self.site.reasons.get(&no).map(|reason| reason.id.as_str()))
    }

    pub fn trunk(&self, no: TrunkNo) -> Ref {
        named(no.0, self.site.trunks.get(&no).map(|trunk| trunk.id.as_str()))
    }

    pub fn number(&self, no: NumberNo) -> Ref {
        named(no.0, self.site.numbers.get(&no).map(|number| number.number.as_str()))
    }
}

fn named(no: u32, key: Option<&str>) -> Ref {
    Ref { no, id: key.map_or_else(|| format!("no:{no}"), str::to_owned) }
}

/// A word of `event::words` as events spell it.
pub fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) => text,
        other => unreachable!("only unit variants are words: {other:?}"),
    }
}
