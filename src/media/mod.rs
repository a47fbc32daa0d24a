//! Sound: sockets' bytes in, sockets' bytes and facts out.
pub mod words;
