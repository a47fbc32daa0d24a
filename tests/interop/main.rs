//! The real binary against real programs: sipp as the carrier, baresip as the phones, sox and hound for sound.
//! Each test starts its own server with its own site on free ports of 127.0.0.1, drives it from outside only, and judges
//! it by what the far ends saw, what the API says, and what the recordings hold.
//! `scenarios` plays the table of `tests/scenario`, which the day simulator plays too, with `far_ends` on real sockets.
//! Truth about sound is the sending side's diary (`harness::rtp`). Sound tests run alone, the others side by side; a wait
//! is for an event, bounded, never for a length of time.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the harness is the world outside: processes, sockets, files, clocks"
)]

mod harness;

mod challenges;
mod commands;
mod consults;
mod drain;
mod early;
mod endings;
mod far_ends;
mod floods;
mod foreign;
mod inbound;
mod instruments;
mod lanes;
mod legs;
mod merging;
mod on_behalf;
mod passing;
mod permanent;
mod phones;
mod picking;
mod refers;
mod registration;
mod restart;
#[path = "../scenario/mod.rs"]
#[allow(dead_code, reason = "the day simulator asks more of its far ends")]
mod scenario;
mod scenarios;
mod sessions;
mod site;
mod speech;
mod supervision;
mod tenants;
mod trunks;
mod verbs;
mod wire;
mod wire_stage;
