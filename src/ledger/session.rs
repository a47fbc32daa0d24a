//! A client session as it is open: what a restart needs of it.

use serde::{Deserialize, Serialize};

use super::Unknown;
use crate::base::{AgentNo, CommandId, Time};
use crate::event::session::{Delivery, Lease};
use crate::event::{Event, Filter, Kind};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSession {
    pub token: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentNo>,
    pub delivery: Delivery,
    pub filter: Filter,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    pub opened: Time,
    /// The command that opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered_by: Option<CommandId>,
}

impl OpenSession {
    pub(super) fn of(event: &Event) -> Result<Self, Unknown> {
        let Kind::SessionOpened { token, delivery, filter, lease, .. } = &event.kind else { return Err(Unknown) };
        Ok(Self {
            token: *token,
            agent: event.about.agent,
            delivery: delivery.clone(),
            filter: (**filter).clone(),
            lease: *lease,
            opened: event.t,
            ordered_by: event.by.command.clone(),
        })
    }
}
