//! Drivers: everything that touches sockets, threads, files and clocks. They feed a machine and carry out what it says;
//! they decide nothing, and each is under 300 lines.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "drivers own sockets, threads, files and clocks"
)]

pub mod clips;
pub mod clock;
pub mod disk;
pub mod gate;
pub mod http_client;
pub mod lanes;
pub mod leg_sockets;
pub mod links;
pub mod mailbox;
pub mod media_thread;
pub mod media_threads;
pub mod ports;
pub mod process;
pub mod push;
pub mod recorder_writer;
pub mod retention;
pub mod supply;
pub mod tcp;
pub mod tenant;
pub mod trace;
pub mod tts_child;
pub mod udp;
pub mod watch;
pub mod world;
