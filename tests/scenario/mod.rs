//! Scenarios that hold wherever the house runs: on the tenant machine in the day simulator, and through the real binary.
//! Both test binaries take this folder as a module of their own; what differs between them is a [`stage::Stage`].
//!
//! Start at `table` for what the house does in single calls, and `asked` for what clients and commands make of them.
//! `stage` has the words of a scenario and plays it, `place` the site it plays at, `ua` the far ends: a small SIP user
//! agent without sockets, carried by whoever owns it.

pub mod asked;
pub mod place;
pub mod stage;
pub mod table;
pub mod ua;
