//! What happened, once. Every record, figure and open state is a fold over these events.
//! Owns the closed list of kinds, the words they are told in and their stored form (JSON text, fixed field order).
//! Leaves committing to `store`, folding to `ledger`, and the views that clients see to `api`.

#[cfg(test)]
mod catalog;
mod filter;
mod kind;
pub mod session;
pub mod words;

use serde::{Deserialize, Serialize};

pub use filter::Filter;
pub use kind::{About, DialogState, Kind, MediaCounts};
pub use words::By;

use crate::base::{TenantNo, Time, Utc};

/// The version of the stored form. A change of meaning gets a new number and a reader for the old one.
pub const VERSION: u16 = 1;

/// One thing that happened. Machines build this type and never see a `seq`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub v: u16,
    pub t: Time,
    /// For people; durations are differences of `t`.
    pub at: Utc,
    pub tenant: TenantNo,
    #[serde(flatten)]
    pub about: About,
    pub by: By,
    #[serde(flatten)]
    pub kind: Kind,
}

/// An event with its place in the journal. `seq` has no gaps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    pub seq: u64,
    #[serde(flatten)]
    pub event: Event,
}
