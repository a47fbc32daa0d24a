//! Flows: what a caller hears and may press before somebody talks to him.
pub mod words;
