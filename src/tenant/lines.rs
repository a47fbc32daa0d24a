//! Permanent stations: how one is rung, and which verbs find its leg there.
//! Owns what the phone is shown and that a house that ends keeps no leg up. Leaves when it is rung to the ACD, and the leg
//! to the contacts.

use super::Tenant;
use super::commands::Refusal;
use super::dialling::RING_DEFAULT;
use super::words::House;
use crate::base::{AgentNo, ContactId, Now, Supplies};
use crate::call::words::{Phones, Stand};
use crate::event::words::{By, EndCause, Line, Station};
use crate::switch::Code;

impl Tenant {
    /// His phone is asked to answer by itself where that is his preference or the extension's.
    pub(super) fn ring_line(&mut self, agent: AgentNo, line: &Line, by: By, now: Now, supplies: &mut Supplies) {
        if matches!(self.house, House::Draining | House::Ending) {
            return self.acd.line_down(agent, EndCause::Drained, now, supplies);
        }
        // Nobody calls yet: the phone shows what it is.
        let nobody = ContactId(0);
        let (attempts, confirm) = match line {
            Line::Extension(extension) => {
                let from = self.site.extensions.get(extension).map(|e| e.number.clone()).unwrap_or_default();
                let ring = self.agent_attempt(*extension, None, nobody, now);
                (vec![Phones { from_user: from, ..ring }], false)
            }
            Line::Outside { number, confirm } => (self.outside_attempts(number, nobody, now), *confirm),
        };
        let stand = Stand {
            contact: ContactId(supplies.ids.mint(now.t)),
            agent,
            attempts,
            confirm,
            ring: RING_DEFAULT,
            language: self.site.language.clone(),
            limits: self.contact_limits(),
            by,
        };
        self.contacts.stand(stand, now, supplies);
    }

    /// A drain that waits for nobody any longer ends what rests.
    pub(super) fn end_lines(&mut self, now: Now, supplies: &mut Supplies) {
        let over = match self.house {
            House::Open | House::Shed(_) => false,
            House::Draining => self.contacts.live() == 0,
            House::Ending => true,
        };
        if !over {
            return;
        }
        let lines: Vec<AgentNo> = self.contacts.lines().collect();
        for agent in lines {
            self.contacts.drop_line(agent, EndCause::Drained, By::SYSTEM, now, supplies);
            self.acd.line_down(agent, EndCause::Drained, now, supplies);
        }
        self.introduce(now, supplies);
    }

    /// Whether the leg of an agent at a permanent station is at rest there. `None`: his station is rung.
    pub(super) fn line_of(&self, agent: AgentNo) -> Option<Result<(), Refusal>> {
        let station = self.acd.snapshot(agent)?.station?;
        station.permanent()?;
        let there = self.contacts.line(agent).is_some();
        Some(there.then_some(()).ok_or_else(|| self.line_refused(agent)))
    }

    /// In another contact, or not up.
    fn line_refused(&self, agent: AgentNo) -> Refusal {
        let reachable = self.acd.snapshot(agent).is_some_and(|seen| seen.reachable);
        let code = if reachable { Code::TargetBusy } else { Code::TargetUnreachable };
        (code, self.agent_name(agent))
    }

    /// His number, for those who are shown who calls.
    pub(super) fn station_number(&self, station: &Station) -> String {
        let extension = station.extension().and_then(|no| self.site.extensions.get(&no));
        extension.map(|e| e.number.clone()).or(station.outside().map(str::to_owned)).unwrap_or_default()
    }
}
