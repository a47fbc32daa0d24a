//! An agent as clients see him.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Lens, Ref, word};
use crate::event::words::Station;
use crate::switch::{AgentState, AgentWorkState};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgentView {
    pub no: u32,
    pub id: String,
    pub name: String,
    /// `signed-out`, `talking`, `dialing`, `ringing`, `wrap-up`, `unreachable`, `not-ready` or `ready`.
    pub state: String,
    /// Since when `state` is what it is, RFC 3339.
    pub since: String,
    /// Where he takes calls; absent while signed out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub station: Option<StationView>,
    pub groups: Vec<LevelView>,
    /// Why he is not ready: `asked`, `rang-out`, `restart`, `signed-in`. Also set in a call he asked to be the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_ready: Option<String>,
    /// His station answers.
    pub reachable: bool,
    pub work: Vec<AgentWorkView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StationView {
    pub extension: Ref,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LevelView {
    pub no: u32,
    pub id: String,
    /// 1 to 9; higher is better.
    pub level: u8,
}

/// What he is doing for a contact.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgentWorkView {
    /// `offered`, `talking`, `wrap-up` or `dialing`.
    pub role: String,
    pub contact: String,
    pub since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgentsReply {
    pub seq: u64,
    pub agents: Vec<AgentView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgentReply {
    pub seq: u64,
    pub agent: AgentView,
}

impl StationView {
    pub fn new(station: Station, lens: &Lens<'_>) -> Self {
        match station {
            Station::Extension(no) => Self { extension: lens.extension(no) },
        }
    }
}

impl AgentView {
    pub fn new(state: &AgentState, lens: &Lens<'_>) -> Self {
        let level = |(group, level): &(_, u8)| {
            let Ref { no, id } = lens.group(*group);
            LevelView { no, id, level: *level }
        };
        Self {
            no: state.agent.0,
            id: state.id.clone(),
            name: state.name.clone(),
            state: word(state.display),
            since: lens.at(state.since),
            station: state.station.map(|station| StationView::new(station, lens)),
            groups: state.groups.iter().map(level).collect(),
            not_ready: state.not_ready.map(word),
            reachable: state.reachable,
            work: state.work.iter().map(|work| AgentWorkView::new(work, lens)).collect(),
        }
    }
}

impl AgentWorkView {
    fn new(work: &AgentWorkState, lens: &Lens<'_>) -> Self {
        Self {
            role: word(work.role),
            contact: work.contact.to_string(),
            since: lens.at(work.since),
            until: work.until.map(|until| lens.at(until)),
        }
    }
}
