//! A talk goes on in another contact: the two are one from now on.

use super::Acd;
use super::agent::Doing;
use super::people::about_work;
use crate::base::{AgentNo, ContactId, Now, Supplies};
use crate::event::By;
use crate::event::words::OfferEnding;

impl Acd {
    /// The offer that began the talk has its ending with the contact it was for; the talk counts for the other one.
    pub fn talk_moved(&mut self, agent: AgentNo, from: ContactId, to: ContactId, now: Now, supplies: &mut Supplies) {
        let doing = self.agents.get(&agent).and_then(|a| a.seat()).and_then(|s| s.doing(from));
        match doing {
            Some(doing @ Doing::Call { offer: Some(offer), .. }) => {
                let by = &By::SYSTEM;
                self.finish(offer, OfferEnding::Connected, None, by, now.t);
                self.end_work(agent, Some(from), by, now.t);
                self.set_doing(agent, doing, about_work(agent, Some(to)), by, now.t);
            }
            Some(
                Doing::Offered(_)
                | Doing::Call { offer: None, .. }
                | Doing::Monitoring
                | Doing::Reserved { .. }
                | Doing::WrapUp { .. },
            )
            | None => self.late += 1,
        }
        self.settle(now.t, supplies);
    }
}
