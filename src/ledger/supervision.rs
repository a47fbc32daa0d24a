//! Who listened to what, when and how, as a contact's record keeps it.

use serde::{Deserialize, Serialize};

use crate::base::{AgentNo, LegId, Time};
use crate::event::By;
use crate::event::words::{EndCause, SupervisionEnding, SupervisionMode, Watched};

/// A supervisor's stay, from his answer on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisionRecord {
    pub leg: LegId,
    pub agent: Option<AgentNo>,
    /// How it was, one stretch after the other.
    pub stretches: Vec<Stretch>,
    pub ended: Option<Time>,
    pub ending: Option<SupervisionEnding>,
    pub cause: Option<EndCause>,
}

/// A time in which the mode and what was watched stayed the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    pub mode: SupervisionMode,
    pub target: Watched,
    pub from: Time,
    pub to: Option<Time>,
    /// Who asked for it.
    pub by: By,
}

impl SupervisionRecord {
    pub fn ends(&mut self, t: Time, ending: SupervisionEnding, cause: Option<EndCause>) {
        self.close_stretch(t);
        (self.ended, self.ending, self.cause) = (Some(t), Some(ending), cause);
    }

    pub fn close_stretch(&mut self, t: Time) {
        if let Some(last) = self.stretches.last_mut() {
            last.to.get_or_insert(t);
        }
    }
}
