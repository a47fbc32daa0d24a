//! Previews: an agent is shown whom he may call, with the data of a contact that is born for it, and decides. Meanwhile he is
//! kept free. Owns whose preview runs until when. Leaves the call that follows to `two_way`. A restart ends the contact.

use super::Tenant;
use super::commands::Refusal;
use super::dialling::Ordered;
use crate::base::{AgentNo, ContactId, GroupNo, Now, Span, Supplies, Time};
use crate::call::words::Act;
use crate::event::words::{By, EndCause, OnTimeout, PreviewEnding, Side};
use crate::event::{About, Kind};
use crate::switch::{Caller, Code, Snapshot, TwoWay};

/// A contact that waits for its agent's word.
#[derive(Debug)]
pub(super) struct Preview {
    agent: AgentNo,
    group: Option<GroupNo>,
    ordered: Ordered,
    on_timeout: OnTimeout,
}

impl Preview {
    fn about(&self, contact: ContactId) -> About {
        About { contact: Some(contact), agent: Some(self.agent), group: self.group, ..About::default() }
    }
}

impl Tenant {
    pub(super) fn preview(
        &mut self,
        order: TwoWay,
        (timeout, on_timeout): (Span, OnTimeout),
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<Snapshot, Refusal> {
        let Caller::Agent(agent) = order.by else { return Err((Code::BadRequest, String::new())) };
        self.acd.may_reserve(agent).map_err(|why| self.verb_refused(why, agent))?;
        let group = order.group;
        let (birth, ordered, _) = self.planned(order, &by, now, supplies)?;
        let (contact, until) = (ordered.contact, now.t + timeout);
        self.contacts.born(birth, now, supplies);
        self.introduce(now, supplies);
        self.acd.reserve_for(agent, contact, until, &by, now, supplies).map_err(|why| self.verb_refused(why, agent))?;
        let preview = Preview { agent, group, ordered, on_timeout };
        self.introduce(now, supplies);
        self.journal(now, preview.about(contact), by, Kind::PreviewShown { until, on_timeout }, None);
        self.previews.insert(contact, preview);
        self.preview_agenda.set(contact, Some(until));
        Ok(Snapshot::Ordered(contact))
    }

    /// The agent, or somebody for him, has decided.
    pub(super) fn decide(
        &mut self,
        agent: AgentNo,
        contact: ContactId,
        dial: bool,
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<Snapshot, Refusal> {
        if self.previews.get(&contact).is_none_or(|preview| preview.agent != agent) {
            return Err((Code::UnknownContact, contact.to_string()));
        }
        if dial {
            self.acd.may_dial(agent, contact).map_err(|why| self.may_not_dial(why, agent))?;
            self.dial_preview(contact, by, now, supplies);
        } else {
            self.end_preview(contact, PreviewEnding::Skipped, by, now, supplies);
        }
        Ok(Snapshot::Agents(self.agent_state(agent).into_iter().collect()))
    }

    /// It is an order from now on; `command` or `preview_due` journals it.
    fn dial_preview(&mut self, contact: ContactId, by: By, now: Now, supplies: &mut Supplies) {
        let Some(preview) = self.take_preview(contact) else { return };
        let kind = Kind::PreviewEnded { ending: PreviewEnding::Dialled };
        self.journal(now, preview.about(contact), by.clone(), kind, None);
        self.claim_call(preview.agent, contact, &by, now, supplies);
        self.await_commit(Ordered { by, ..preview.ordered });
    }

    fn end_preview(&mut self, contact: ContactId, ending: PreviewEnding, by: By, now: Now, supplies: &mut Supplies) {
        let Some(preview) = self.take_preview(contact) else { return };
        self.journal(now, preview.about(contact), by.clone(), Kind::PreviewEnded { ending }, None);
        self.acd.release_from(preview.agent, contact, &by, now, supplies);
        let side = if ending == PreviewEnding::TimedOut { Side::System } else { Side::Command };
        let hangup = Act::Hangup { leg: None, cause: EndCause::Released, side, by };
        self.contacts.act(contact, hangup, now, supplies);
        self.introduce(now, supplies);
    }

    fn take_preview(&mut self, contact: ContactId) -> Option<Preview> {
        self.preview_agenda.set(contact, None);
        self.previews.remove(&contact)
    }

    /// Its contact was ended by somebody else.
    pub(super) fn preview_gone(&mut self, contact: ContactId, now: Now, supplies: &mut Supplies) {
        self.end_preview(contact, PreviewEnding::Skipped, By::SYSTEM, now, supplies);
    }

    /// The agent has not decided in time.
    pub(super) fn preview_due(&mut self, contact: ContactId, now: Now, supplies: &mut Supplies) {
        let Some(preview) = self.previews.get(&contact) else { return };
        let may = self.acd.may_dial(preview.agent, contact).is_ok();
        match preview.on_timeout {
            OnTimeout::Dial if may => {
                self.dial_preview(contact, By::SYSTEM, now, supplies);
                self.introduce(now, supplies);
                self.journal_order(By::SYSTEM, now, true);
            }
            OnTimeout::Dial | OnTimeout::Skip => {
                self.end_preview(contact, PreviewEnding::TimedOut, By::SYSTEM, now, supplies);
            }
        }
    }

    pub(super) fn preview_deadline(&self) -> Option<Time> {
        self.preview_agenda.next().map(|(t, _)| t)
    }
}
