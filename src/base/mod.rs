//! The ground floor: points and lengths of time, ids, chance, supplies, named bounds.
//! Owns the units everybody speaks in. Leaves to others everything that means something in a call.
//! Nothing here reads a clock or asks the operating system for anything.

mod agenda;
pub mod bounds;
mod ids;
mod language;
mod network;
mod rng;
mod secret;
mod supplies;
mod time;

pub use agenda::Agenda;
pub use ids::{
    AgentNo, CallId, CommandId, ContactId, ExtensionNo, FlowNo, GroupNo, InterfaceNo, ItemId, LegId, LinkId, NumberNo,
    OfferId, PlayerId, PoolExhausted, ReasonNo, RouteNo, SegmentId, SessionId, TenantNo, TrunkNo,
};
pub use language::is_language_tag;
pub use network::{Network, NetworkError};
pub use rng::Rng;
pub use secret::Secret;
pub use supplies::{IdBlock, PortPair, Ports, Supplies};
pub use time::{Now, Span, Time, Utc};
