//! Sound: sockets' bytes in, sockets' bytes and facts out. A machine per media thread ([`Engine`]) that knows rooms:
//! which sink hears which source. It latches, forwards, plays, tells and sends keys, speaks RTCP and records.
//! Leaves to others: sockets and threads (`drive/media_thread`), files (`drive/recorder_writer`), SDP and who hears whom
//! (the tenant). In: datagrams, [`words::Command`]. Out: datagrams, [`words::Report`], blocks of recordings.

pub mod dsp;
pub mod dtmf;
mod engine;
pub mod jitter;
pub mod latch;
pub mod lateness;
pub mod law;
pub mod mixer;
pub mod phone;
pub mod player;
pub mod receive;
pub mod recorder;
pub mod rtcp;
pub mod rtp;
pub mod sound;
pub mod stream;
pub mod timeline;
pub mod wav;
pub mod words;

#[cfg(test)]
pub use engine::POISON_SSRC;
pub use engine::{Channel, Counters, Engine, Forward, Home, Moving, Output, Refusal, Settings, Slot, Verdict};
