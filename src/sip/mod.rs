//! SIP: bytes to legs and back.
pub mod words;
