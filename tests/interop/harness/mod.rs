//! What the scenarios are written with. Everything started here is killed by its process id when it is dropped, everything
//! waited for has a limit, and a test that fails prints the logs of all that it started.

pub mod api;
pub mod baresip;
pub mod events;
pub mod ports;
pub mod process;
pub mod raw;
pub mod rtp;
pub mod scene;
pub mod server;
pub mod sipp;
pub mod sound;
pub mod wait;

pub use api::Api;
pub use baresip::{Answer, Baresip, Line, Phone};
pub use events::Events;
pub use ports::Block;
pub use rtp::Rtp;
pub use server::{Plan, Server};
pub use sipp::Sipp;
