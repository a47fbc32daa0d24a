//! Cordboard: a call centre in one process. This page is the map; `docs/architecture.md` walks one call through it.

#![forbid(unsafe_code)]

pub mod base;
pub mod drive;
pub mod event;
pub mod media;
pub mod sdp;
pub mod site;
