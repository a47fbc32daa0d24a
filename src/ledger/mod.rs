//! What follows from events: open state, contact records, agents' intervals. All of it is a fold, one event at a time.
//! Owns what an event means for what is stored and for a restart, and the disk machine.
//! Leaves committing, SQL and waiting to `store`, the views that clients see to `api`.
//! In: [`crate::event::Recorded`]. Out: values that can be stored, compared and built again from the journal.

mod agent;
pub mod disk;
mod merged;
pub mod open;
pub mod projector;
pub mod record;
mod session;
pub mod supervision;

pub use disk::Disk;
pub use open::{Open, OpenRotation};
pub use projector::{AgentInterval, Changes, Rows, State};
pub use record::ContactRecord;

/// An event named something that a fold does not have: counted as an anomaly, never a panic.
struct Unknown;

type Fold = Result<(), Unknown>;

#[cfg(test)]
pub mod script;
#[cfg(test)]
mod tests;
