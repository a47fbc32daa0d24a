//! Agents, work items, offers and the matcher.
pub mod words;
