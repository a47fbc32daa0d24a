//! Supervisors as clients see them: in a live call, in events and in a contact's record.

use serde::Serialize;
use utoipa::ToSchema;

use super::event::ActorView;
use super::{Ref, word};
use crate::event::words::{SupervisionMode, Watched};

/// What a supervisor watches: with a leg he goes into every call, in a call he stays.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WatchedView {
    Leg(String),
    Call(String),
}

impl WatchedView {
    pub fn new(target: Watched) -> Self {
        match target {
            Watched::Leg(leg) => Self::Leg(leg.to_string()),
            Watched::Call(call) => Self::Call(call.to_string()),
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SupervisionView {
    /// Who hears him: `listen`, nobody; `whisper`, the leg he watches; `barge`, all.
    pub mode: String,
    pub target: WatchedView,
}

impl SupervisionView {
    pub fn new((mode, target): (SupervisionMode, Watched)) -> Self {
        Self { mode: word(mode), target: WatchedView::new(target) }
    }
}

/// A supervisor's stay in a contact, from his answer on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SupervisionRecordView {
    pub leg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Ref>,
    /// How it was, one stretch after the other.
    pub stretches: Vec<StretchView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// `left`, `target-left` or `took-over`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// A time in which the mode and what was watched stayed the same.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StretchView {
    /// `listen`, `whisper` or `barge`.
    pub mode: String,
    pub target: WatchedView,
    pub from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Who asked for it.
    pub by: ActorView,
}
