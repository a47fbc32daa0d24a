//! Groups and extensions as clients see them.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Lens, word};
use crate::switch::{BindingState, ExtensionState, GroupState};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GroupView {
    pub no: u32,
    pub id: String,
    pub name: String,
    /// Callers waiting.
    pub waiting: usize,
    /// When the one who waits longest entered, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<String>,
    pub signed_in: usize,
    /// Agents who could take a call now.
    pub available: usize,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GroupsReply {
    pub seq: u64,
    pub groups: Vec<GroupView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExtensionView {
    pub no: u32,
    pub number: String,
    pub name: String,
    /// Phones registered now.
    pub bindings: Vec<BindingView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BindingView {
    /// The phone's own Contact URI.
    pub contact: String,
    /// The address its REGISTER came from.
    pub received: String,
    /// `udp` or `tcp`.
    pub transport: String,
    pub until: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// False until a phone whose connection is gone connects again.
    pub usable: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExtensionsReply {
    pub seq: u64,
    pub extensions: Vec<ExtensionView>,
}

impl GroupView {
    pub fn new(state: &GroupState, lens: &Lens<'_>) -> Self {
        Self {
            no: state.group.0,
            id: state.id.clone(),
            name: state.name.clone(),
            waiting: state.waiting,
            oldest: state.oldest.map(|t| lens.at(t)),
            signed_in: state.signed_in,
            available: state.available,
        }
    }
}

impl ExtensionView {
    pub fn new(state: &ExtensionState, lens: &Lens<'_>) -> Self {
        Self {
            no: state.extension.0,
            number: state.number.clone(),
            name: state.name.clone(),
            bindings: state.bindings.iter().map(|binding| BindingView::new(binding, lens)).collect(),
        }
    }
}

impl BindingView {
    fn new(binding: &BindingState, lens: &Lens<'_>) -> Self {
        Self {
            contact: binding.contact.clone(),
            received: binding.received.clone(),
            transport: word(binding.wire),
            until: lens.at(binding.until),
            user_agent: binding.user_agent.clone(),
            usable: binding.usable,
        }
    }
}
