//! An agent as clients see him.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Lens, Ref, word};
use crate::event::words::{Line, Station};
use crate::switch::{AgentState, AgentWorkState};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgentView {
    pub no: u32,
    pub id: String,
    pub name: String,
    /// `signed-out`, `talking`, `conference`, `consulting`, `dialing`, `monitoring`, `ringing`, `held`, `reserved`,
    /// `wrap-up`, `unreachable`, `not-ready` or `ready`: the first that holds.
    pub state: String,
    /// Since when `state` is what it is, RFC 3339.
    pub since: String,
    /// Where he takes calls; absent while signed out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub station: Option<StationView>,
    pub groups: Vec<LevelView>,
    /// Why he is not ready: `asked`, `rang-out`, `restart`, `signed-in`, `after-call`, `rest`, `client-lost` or `own` (one of the site's
    /// `reasons`). Also set in a call he asked to be the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_ready: Option<String>,
    /// Which of the site's `reasons`, for `own` and `rest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Ref>,
    /// When he has been so for as long as he may, RFC 3339. After `rang-out` he is ready again then; else he stays, and it
    /// is an event. Absent: no limit, or it begins when his call is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_ready_until: Option<String>,
    /// Somebody forced him to sign out; he is when his calls are over.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
    /// He waits for rest, over the quota.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest_wait: Option<RestWaitView>,
    /// What he is right after a call, where he has another wish than the site: `ready`, `wrap-up`, `not-ready`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_call: Option<String>,
    /// Whether his phone is asked to answer offers by itself, where he has another wish than the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_answer: Option<bool>,
    /// His station answers.
    pub reachable: bool,
    /// Why the leg of his permanent station is not up: `busy`, `no-answer`, `hung-up`, `unreachable` and other causes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable_cause: Option<String>,
    /// His phone failed, did not answer or refused three offers in a row: nothing is offered to him until then, RFC 3339,
    /// or until it proves that it is there, where it did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_rests_until: Option<String>,
    /// With whom he goes from call to call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supervises: Option<WatchView>,
    pub work: Vec<AgentWorkView>,
}

/// Whoever has waited for rest for longest is the next.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RestWaitView {
    /// 1 is the next.
    pub place: usize,
    pub since: String,
    /// Which of the site's `reasons`, if he gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Ref>,
    /// How long he wants to rest.
    pub length_ms: i64,
}

/// A supervisor goes with an agent from call to call.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WatchView {
    pub agent: Ref,
    /// `listen`, `whisper` or `barge`.
    pub mode: String,
    pub since: String,
    /// His phone has answered.
    pub there: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StationView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension: Option<Ref>,
    /// A number outside, as it is dialled here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outside: Option<String>,
    /// Whoever answers outside must press 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<bool>,
    /// It is rung once, and its leg stays up between calls.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub permanent: bool,
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
    /// `offered`, `talking`, `held`, `consulting`, `conference`, `monitoring`, `dialing`, `reserved` or `wrap-up`.
    pub role: String,
    /// Absent: for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The offer that is made to him, as `accept-offer` and `reject-offer` name it, or that brought him the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
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
    pub fn new(station: &Station, lens: &Lens<'_>) -> Self {
        let nowhere = Self { extension: None, outside: None, confirm: None, permanent: false };
        match station {
            Station::Extension(no) => Self { extension: Some(lens.extension(*no)), ..nowhere },
            Station::Permanent(Line::Extension(no)) => {
                Self { extension: Some(lens.extension(*no)), permanent: true, ..nowhere }
            }
            Station::Permanent(Line::Outside { number, confirm }) => {
                Self { outside: Some(number.clone()), confirm: Some(*confirm), permanent: true, ..nowhere }
            }
            Station::Outside { number, confirm } => {
                Self { outside: Some(number.clone()), confirm: Some(*confirm), ..nowhere }
            }
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
            station: state.station.as_ref().map(|station| StationView::new(station, lens)),
            groups: state.groups.iter().map(level).collect(),
            not_ready: state.not_ready.map(|reason| reason.word().to_owned()),
            reason: state.not_ready.and_then(|reason| reason.reason()).map(|no| lens.reason(no)),
            not_ready_until: state.not_ready_until.map(|until| lens.at(until)),
            leaving: state.leaving,
            rest_wait: state.rest_wait.map(|wait| RestWaitView {
                place: wait.place,
                since: lens.at(wait.since),
                reason: wait.reason.map(|no| lens.reason(no)),
                length_ms: wait.length.as_millis(),
            }),
            after_call: state.preferences.after_call.map(word),
            auto_answer: state.preferences.auto_answer,
            reachable: state.reachable,
            unreachable_cause: state.down.map(word),
            phone_rests_until: state.phone_rests_until.map(|until| lens.at(until)),
            supervises: state.watches.map(|watch| WatchView {
                agent: lens.agent(watch.agent),
                mode: word(watch.mode),
                since: lens.at(watch.since),
                there: watch.there,
            }),
            work: state.work.iter().map(|work| AgentWorkView::new(work, lens)).collect(),
        }
    }
}

impl AgentWorkView {
    fn new(work: &AgentWorkState, lens: &Lens<'_>) -> Self {
        Self {
            role: word(work.role),
            contact: work.contact.map(|contact| contact.to_string()),
            offer: work.offer.map(|offer| offer.to_string()),
            since: lens.at(work.since),
            until: work.until.map(|until| lens.at(until)),
        }
    }
}
