//! A recording played to an agent's phone: he is rung as for a call of his own, and a player is whom he talks to.
//! The machinery is that of a call of two by command: his claim, his phone, the commit before it rings, the end of his
//! work are the same, and it is no call that anybody missed. Leaves what may be listened to, and where its sound lies, to
//! the API; the player to the contact.

use super::Tenant;
use super::commands::Refusal;
use super::dialling::{Next, Ordered, Rung};
use crate::base::{ContactId, Now, Supplies};
use crate::call::words::{Birth, Caller, Recorded};
use crate::event::words::{By, CallKind};
use crate::switch::{Code, Play, Snapshot};

impl Tenant {
    pub(super) fn play_to_agent(
        &mut self,
        order: Play,
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<Snapshot, Refusal> {
        self.house_lets_in()?;
        let Play { agent, of, segment, file, from, length, start } = order;
        let extension = self.extension_unoffered(agent)?;
        let name = self.agent_name(agent);
        let Some(phone) = self.site.extensions.get(&extension) else { return Err((Code::UnknownStation, name)) };
        let caller = Caller { agent, group: None };
        let line = self.line_of(agent).transpose()?;
        if line.is_none() && !self.sip.is_reachable(extension) {
            return Err((Code::TargetUnreachable, phone.number.clone()));
        }
        let (number, auto_answer) = (phone.number.clone(), self.auto_answers(extension));
        let contact = ContactId(supplies.ids.mint(now.t));
        self.acd.may_dial(agent, contact).map_err(|why| self.may_not_dial(why, agent))?;
        self.tenant_has_room(now)?;
        let birth = Birth {
            contact,
            from: number.clone(),
            to: segment.map_or(of.to_string(), |segment| segment.to_string()),
            language: self.site.language.clone(),
            record: false,
            data: serde_json::Map::new(),
            limits: self.contact_limits(),
            two_way: true,
            call_kind: CallKind::Internal,
            shown: None,
            standing: None,
            by: by.clone(),
        };
        let to = match line {
            Some(()) => Rung::Line { caller, extension: Some(extension) },
            None => Rung::Phone { extension, caller: Some(caller), to: birth.to.clone(), auto_answer },
        };
        let what = Recorded { of, segment, file, from, length };
        let then = Next::Play { what, start, first: number, by: by.clone() };
        let ordered = self.order(birth, Ordered { contact, to, from: None, then, by: by.clone() }, now, supplies);
        self.claim_call(agent, contact, &by, now, supplies);
        Ok(ordered)
    }
}
