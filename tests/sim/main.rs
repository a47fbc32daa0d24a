//! The day simulator: the real tenant machine, front and folds in a made-up world of phones, callers, a carrier, a bad
//! network and a disk that fails. No task, file, thread or clock here; a seed replays a run.
//!
//! Start at `scenario/table.rs` for what the house does in single calls, at `day` for thousands at once, at `check` for
//! what is always true. `world` is the driver; the far ends and the words of scenarios are shared with the interop tests.

mod chance;
mod check;
mod complaints;
mod conferences;
mod day;
mod dialling;
mod disk;
mod ear;
mod forcing;
mod holds;
mod lending;
mod live;
mod net;
mod picking;
mod places;
mod playback;
mod records;
mod reference;
mod routing;
#[path = "../scenario/mod.rs"]
mod scenario;
mod scenarios;
mod seams;
mod sending_on;
mod sessions;
mod short_calls;
mod sim_stage;
mod sound;
mod supervision;
mod targets;
mod verbs;
mod watching;
mod world;
