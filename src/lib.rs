//! Cordboard: a call centre in one process. This page is the map; `docs/architecture.md` walks one call through it.

#![forbid(unsafe_code)]

pub mod acd;
pub mod api;
pub mod base;
pub mod call;
pub mod cli;
pub mod config;
pub mod demo;
pub mod drive;
pub mod event;
pub mod ivr;
pub mod ledger;
pub mod media;
pub mod sdp;
pub mod sip;
pub mod site;
pub mod store;
pub mod switch;
pub mod tenant;
