//! Who listened to what, when and how, as a contact's record keeps it; and who goes with whom from call to call.

use serde::{Deserialize, Serialize};

use super::record::push;
use super::{ContactRecord, Fold, Open, Unknown};
use crate::base::{AgentNo, LegId, Time};
use crate::event::words::{EndCause, LegRole, SupervisionEnding, SupervisionMode, Watched};
use crate::event::{By, Event, Kind};

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

/// Somebody goes with an agent from call to call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenWatch {
    pub watched: AgentNo,
    pub mode: SupervisionMode,
    pub since: Time,
    /// Who asked for it.
    pub by: By,
}

impl Open {
    /// Who goes with whom from call to call.
    pub(super) fn watch(&mut self, event: &Event) -> Fold {
        let supervisor = event.about.agent.ok_or(Unknown)?;
        if let Kind::WatchStarted { watched, mode } = event.kind {
            let watch = OpenWatch { watched, mode, since: event.t, by: event.by.clone() };
            return self.watches.insert(supervisor, watch).map_or(Ok(()), |_| Err(Unknown));
        }
        if let Kind::WatchChanged { mode, .. } = event.kind {
            return self.watches.get_mut(&supervisor).map(|watch| watch.mode = mode).ok_or(Unknown);
        }
        self.watches.remove(&supervisor).map(drop).ok_or(Unknown)
    }
}

impl ContactRecord {
    /// A supervision began, or is another one from now on.
    pub(super) fn supervised(&mut self, event: &Event) -> Fold {
        let (Kind::SupervisionStarted { mode, target } | Kind::SupervisionChanged { mode, target }) = event.kind else {
            return Err(Unknown);
        };
        let stretch = Stretch { mode, target, from: event.t, to: None, by: event.by.clone() };
        let (leg, agent) = (event.about.leg.ok_or(Unknown)?, event.about.agent);
        // A leg that stays up between contacts may come a second time.
        let his = |s: &&mut SupervisionRecord| s.leg == leg && s.ended.is_none();
        if self.supervisions.iter_mut().find(his).is_none() {
            let begun = SupervisionRecord { leg, agent, stretches: Vec::new(), ended: None, ending: None, cause: None };
            push(&mut self.supervisions, begun, &mut self.cut);
        }
        if let Some(supervision) = self.supervisions.iter_mut().find(his) {
            supervision.close_stretch(event.t);
            push(&mut supervision.stretches, stretch, &mut self.cut);
        }
        Ok(())
    }

    /// Who was not reached has heard nothing. Who took over is an agent like others.
    pub(super) fn supervision_ended(&mut self, event: &Event) -> Fold {
        let Kind::SupervisionEnded { ending, cause } = event.kind else { return Err(Unknown) };
        match ending {
            SupervisionEnding::Failed => return Ok(()),
            SupervisionEnding::TookOver => self.leg(&event.about)?.role = LegRole::Agent,
            SupervisionEnding::Left | SupervisionEnding::TargetLeft => {}
        }
        let his = |s: &&mut SupervisionRecord| Some(s.leg) == event.about.leg && s.ended.is_none();
        if let Some(supervision) = self.supervisions.iter_mut().find(his) {
            supervision.ends(event.t, ending, cause);
        }
        Ok(())
    }
}

impl SupervisionRecord {
    fn ends(&mut self, t: Time, ending: SupervisionEnding, cause: Option<EndCause>) {
        self.close_stretch(t);
        (self.ended, self.ending, self.cause) = (Some(t), Some(ending), cause);
    }

    fn close_stretch(&mut self, t: Time) {
        if let Some(last) = self.stretches.last_mut() {
            last.to.get_or_insert(t);
        }
    }
}
