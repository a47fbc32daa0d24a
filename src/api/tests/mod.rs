//! The API against a fake tenant that answers from its lane.

mod coverage;
mod house;
mod live;
mod records;
mod refusals;
mod sessions;
mod stream;
mod verbs;
mod wire;
