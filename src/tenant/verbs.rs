//! The verbs of call control: which leg is meant, whether the contact lets it, what it leads to. A verb is refused before
//! any effect; what becomes of one that was accepted is told by events with its command id.

use super::Tenant;
use super::commands::{Refusal, ended};
use super::dialling::RING_DEFAULT;
use super::target::Way;
use crate::acd::words::{NewItem, To};
use crate::base::{AgentNo, ContactId, GroupNo, LegId, Now, Span, Supplies};
use crate::call::words::{Act, Attempt, Audience, Dial, Invite, Queued, Refused, Transfer};
use crate::event::words::{By, ItemExit, PartyRef, TransferMode, Watched};
use crate::switch::{CallTarget, CallVerb, Code, Hearers, Snapshot, Who};

/// Somebody here calls, as by his phone. A transfer is the call of whom it gives away.
fn is_own_call(act: &Act) -> bool {
    match act {
        Act::Transfer(transfer) => transfer.mode == TransferMode::Consult,
        act => matches!(act, Act::Invite(_)),
    }
}

impl Tenant {
    pub(super) fn call_verb(
        &mut self,
        contact: ContactId,
        verb: CallVerb,
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<Snapshot, Refusal> {
        if !self.contacts.is_live(contact) {
            return Err((Code::UnknownContact, contact.to_string()));
        }
        let before = self.contact_state(contact);
        match verb {
            CallVerb::Transfer { who, mode, to, from, ring } => {
                self.may_show_there(from.as_deref(), &to)?;
                self.transfer(contact, (who, mode), (&to, from.as_deref(), ring), by, now, supplies)?;
            }
            CallVerb::Supervise { agent, target, mode, ring } => {
                self.supervise(contact, agent, (target, mode, ring), by, now, supplies)?;
            }
            CallVerb::SuperviseMode { who, mode, target } => {
                let act = self.mode_of(contact, who, (mode, target), by)?;
                self.contacts.act(contact, act, now, supplies);
            }
            CallVerb::Invite { who, to, from, ring, chair_leaves } => {
                self.may_show_there(from.as_deref(), &to)?;
                let invite = |inviter, dial| Act::Invite(Box::new(Invite { inviter, chair_leaves, dial }));
                self.dial_verb((contact, who), (&to, from.as_deref(), ring), invite, by, now, supplies)?;
            }
            CallVerb::Route { supervisor, to, ring } => {
                self.route(contact, supervisor, (&to, ring), by, now, supplies)?;
            }
            CallVerb::Merge { with, stays } => self.merge((contact, with, stays), by, now, supplies)?,
            CallVerb::Hold { .. }
            | CallVerb::Retrieve { .. }
            | CallVerb::Mute { .. }
            | CallVerb::Digits { .. }
            | CallVerb::PassDigits { .. }
            | CallVerb::Announce { .. }
            | CallVerb::StopAnnounce { .. }
            | CallVerb::Chair { .. }
            | CallVerb::Conference { .. }
            | CallVerb::ExtendConference { .. }
            | CallVerb::Consult { .. }
            | CallVerb::Record { .. }
            | CallVerb::Playback { .. }
            | CallVerb::TakeOver { .. } => {
                let act = self.act_of(contact, verb, by)?;
                self.may(contact, &act)?;
                self.talk_nowhere_else(contact, &act)?;
                self.contacts.act(contact, act, now, supplies);
            }
        }
        self.introduce(now, supplies);
        // One that ended by it is gone already.
        let state = self.contact_state(contact).or_else(|| before.map(ended));
        Ok(Snapshot::Contacts(state.into_iter().collect()))
    }

    /// A verb with its leg found, in the contact's words.
    fn act_of(&self, contact: ContactId, verb: CallVerb, by: By) -> Result<Act, Refusal> {
        Ok(match verb {
            CallVerb::Hold { who } => {
                let leg = self.leg(contact, who, |leg| Act::Hold { leg, by: by.clone() })?;
                Act::Hold { leg, by }
            }
            CallVerb::Retrieve { who } => {
                let leg = self.leg(contact, who, |leg| Act::Retrieve { leg, by: by.clone() })?;
                Act::Retrieve { leg, by }
            }
            CallVerb::Mute { who, from, to } => {
                let leg = self.leg(contact, who, |leg| Act::Mute { leg, from, to, by: by.clone() })?;
                Act::Mute { leg, from, to, by }
            }
            CallVerb::Digits { who, digits } => {
                let send = |leg| Act::SendDigits { leg, digits: digits.clone(), by: by.clone() };
                let leg = self.leg(contact, who, send)?;
                Act::SendDigits { leg, digits, by }
            }
            CallVerb::PassDigits { who, to, on } => {
                let to = to.map(|to| self.party(contact, to)).transpose()?;
                let leg = self.leg(contact, who, |leg| Act::PassDigits { leg, to, on, by: by.clone() })?;
                Act::PassDigits { leg, to, on, by }
            }
            CallVerb::Announce { to, sounds } => {
                let announce = |to| Act::Announce { to, sounds: sounds.clone(), by: by.clone() };
                let to = self.audience(contact, to, announce)?;
                Act::Announce { to, sounds, by }
            }
            CallVerb::StopAnnounce { to } => {
                let to = self.audience(contact, to, |to| Act::StopAnnounce { to, by: by.clone() })?;
                Act::StopAnnounce { to, by }
            }
            CallVerb::Chair { who } => {
                let leg = self.leg(contact, who, |leg| Act::TakeChair { leg, by: by.clone() })?;
                Act::TakeChair { leg, by }
            }
            CallVerb::Conference { change } => Act::LimitConference { change, by },
            CallVerb::ExtendConference { by: length } => Act::ExtendConference { length, by },
            CallVerb::Consult { who, verb } => {
                let decide = |transferor| Act::Consult { transferor, verb, by: by.clone() };
                let transferor = self.leg(contact, who, decide)?;
                Act::Consult { transferor, verb, by }
            }
            // of two contacts, so no act of one
            CallVerb::Merge { with, stays: _ } => return Err((Code::TargetUnfit, with.to_string())),
            CallVerb::Record { verb } => Act::Record { verb, by },
            CallVerb::Playback { verb } => Act::Playback { verb, by },
            CallVerb::TakeOver { who } => {
                let leg = self.leg(contact, who, |leg| Act::TakeOver { leg, by: by.clone() })?;
                Act::TakeOver { leg, by }
            }
            // `call_verb` has these.
            CallVerb::Invite { .. }
            | CallVerb::Transfer { .. }
            | CallVerb::Route { .. }
            | CallVerb::Supervise { .. }
            | CallVerb::SuperviseMode { .. } => {
                return Err((Code::BadRequest, String::new()));
            }
        })
    }

    /// Blind to a queue or flow by stepping out; else by the contact's transfer machine.
    fn transfer(
        &mut self,
        contact: ContactId,
        (who, mode): (Option<Who>, TransferMode),
        (to, from, ring): (&CallTarget, Option<&str>, Option<Span>),
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), Refusal> {
        let step_out = |leg| Act::StepOut { transferor: leg, by: by.clone() };
        match (self.way(contact, to, now), mode) {
            (Ok(Way::Queue(to, wait)), TransferMode::Blind) => {
                let leg = self.leg(contact, who, step_out)?;
                self.transfer_to_queue(contact, leg, (to, wait, ring), by, now, supplies)
            }
            (Ok(Way::Flow(key, data)), TransferMode::Blind) => {
                let leg = self.leg(contact, who, step_out)?;
                self.attach(contact, data, &by, now, supplies);
                self.transfer_to_flow(contact, leg, &key, by, now, supplies);
                Ok(())
            }
            (Ok(Way::Flow(key, data)), TransferMode::ComeBack) => {
                let leg = self.leg(contact, who, |leg| Act::Lend { transferor: leg, by: by.clone() })?;
                self.lend_to_flow(contact, leg, (&key, data), by, now, supplies)
            }
            (
                Ok(Way::Ring(_) | Way::Queue(..) | Way::Flow(..)) | Err(_),
                TransferMode::Blind | TransferMode::OnAnswer | TransferMode::ComeBack | TransferMode::Consult,
            ) => {
                let transfer = |transferor, dial| Act::Transfer(Box::new(Transfer { transferor, mode, dial }));
                self.dial_verb((contact, who), (to, from, ring), transfer, by, now, supplies)
            }
        }
    }

    /// A verb that wants somebody further in a call of this contact: phones are rung, from a queue agents come by offers.
    fn dial_verb(
        &mut self,
        (contact, who): (ContactId, Option<Who>),
        (to, from, ring): (&CallTarget, Option<&str>, Option<Span>),
        act: impl Fn(LegId, Dial) -> Act,
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), Refusal> {
        let dial = |attempts, queue| {
            let ring = ring.unwrap_or(RING_DEFAULT);
            Dial { attempts, queue, ring, customer: false, by: by.clone() }
        };
        let leg = self.leg(contact, who, |leg| act(leg, dial(Vec::new(), None)))?;
        match self.way(contact, to, now)? {
            Way::Ring(mut ways) => {
                match from {
                    Some(from) => self.show(from, &mut ways),
                    None if is_own_call(&act(leg, dial(Vec::new(), None))) => {
                        self.show_own((contact, leg), &mut ways, now, supplies);
                    }
                    None => {}
                }
                self.contacts.act(contact, act(leg, dial(Attempt::by_phones(ways), None)), now, supplies);
            }
            Way::Queue(to, wait) => {
                let new = self.item_of_verb(contact, leg, (to, wait, ring), now, supplies)?;
                let (groups, music) = self.waits_in(&new.to);
                let queued = Queued { item: new.item, groups, music };
                self.contacts.act(contact, act(leg, dial(Vec::new(), Some(queued))), now, supplies);
                // what the verb did is told before the item that it waits for
                self.introduce(now, supplies);
                if let Some(call) = self.contacts.call_of_item(contact, new.item) {
                    self.acd.enqueue(&NewItem { call: Some(call), entered: now.t, ..new }, &by, now, supplies);
                }
            }
            Way::Flow(key, _) => return Err((Code::TargetUnfit, format!("flow `{key}`"))),
        }
        Ok(())
    }

    /// The item that a verb of this leg makes, unless it is known to find nobody. A direct call is on the account of the
    /// group whose agent the leg is.
    fn item_of_verb(
        &self,
        contact: ContactId,
        leg: LegId,
        (to, wait, ring): (To, Option<Span>, Option<Span>),
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<NewItem, Refusal> {
        let account = self.contacts.groups_watched(contact, Watched::Leg(leg)).first().copied();
        self.item_for(contact, account, (to, wait, ring), now, supplies)
    }

    /// As [`Self::item_of_verb`], on the account of this group.
    pub(super) fn item_for(
        &self,
        contact: ContactId,
        account: Option<GroupNo>,
        (to, wait, ring): (To, Option<Span>, Option<Span>),
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<NewItem, Refusal> {
        let (to, name) = match to {
            To::Agent { agent, group, ring: usual } => {
                let to = To::Agent { agent, group: group.or(account), ring: ring.unwrap_or(usual) };
                (to, self.agent_name(agent))
            }
            To::Groups(groups) => {
                let name = groups.first().and_then(|group| self.site.groups.get(group)).map(|g| g.id.clone());
                (To::Groups(groups), name.unwrap_or_default())
            }
        };
        let Some(new) = self.new_item(contact, to, now, supplies) else { return Err((Code::TargetBusy, name)) };
        let new = NewItem { wait_max: wait, ..new };
        match self.acd.would_refuse(&new, now) {
            None => Ok(new),
            Some(ItemExit::Full) => Err((Code::TargetBusy, name)),
            Some(
                ItemExit::NoAgent
                | ItemExit::TimedOut
                | ItemExit::Withdrawn
                | ItemExit::Routed
                | ItemExit::CallerLeft
                | ItemExit::Connected,
            ) => Err((Code::TargetUnreachable, name)),
        }
    }

    /// He waits with the age of the contact's first entry; music plays until an agent is there.
    fn transfer_to_queue(
        &mut self,
        contact: ContactId,
        leg: LegId,
        to: (To, Option<Span>, Option<Span>),
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), Refusal> {
        let new = self.item_of_verb(contact, leg, to, now, supplies)?;
        let (groups, music) = self.waits_in(&new.to);
        self.contacts.act(contact, Act::Wait { groups, music }, now, supplies);
        self.contacts.act(contact, Act::StepOut { transferor: leg, by: by.clone() }, now, supplies);
        // that he left is told before he could be offered the same caller
        self.introduce(now, supplies);
        self.enqueue(new, false, &by, now, supplies);
        Ok(())
    }

    /// The flow takes the place of the one that stood behind the agent.
    pub(super) fn transfer_to_flow(
        &mut self,
        contact: ContactId,
        leg: LegId,
        key: &str,
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) {
        if self.contacts.is_held_by_flow(contact) {
            self.flow_ended(contact);
            self.runs.remove(&contact);
        }
        self.contacts.hold_by_flow(contact);
        self.contacts.act(contact, Act::StepOut { transferor: leg, by }, now, supplies);
        self.introduce(now, supplies);
        if !self.start_flow(contact, key, now, supplies) {
            self.contacts.act(contact, Act::Unhold, now, supplies);
        }
    }

    /// The leg that is meant. Named by nobody it is the one that the verb fits.
    pub(super) fn leg(
        &self,
        contact: ContactId,
        who: Option<Who>,
        act: impl Fn(LegId) -> Act,
    ) -> Result<LegId, Refusal> {
        let legs = self.contacts.legs_of(contact);
        // Who gave the call away blindly is gone, and decides about his transfer still.
        let transferor = self.contacts.transferor(contact).filter(|leg| legs.iter().all(|l| l.leg != *leg));
        let every = || transferor.into_iter().chain(legs.iter().map(|l| l.leg));
        let meant: Vec<LegId> = match who {
            Some(Who::Leg(leg)) => every().filter(|l| *l == leg).collect(),
            Some(Who::Agent(agent)) => {
                let extension = self.extension_of(agent);
                let is_his = |l: &&crate::switch::LegState| l.agent == Some(agent) || Some(l.party) == extension;
                legs.iter().filter(is_his).map(|l| l.leg).collect()
            }
            None => every().collect(),
        };
        let (mut fits, mut refused) = (Vec::new(), None);
        for leg in meant {
            match self.contacts.may(contact, &act(leg)) {
                Ok(()) => fits.push(leg),
                Err(why) => refused = Some((why, leg)),
            }
        }
        match (fits.as_slice(), refused) {
            ([leg], _) => Ok(*leg),
            ([], Some((why, leg))) => Err((code_of(why), leg.to_string())),
            ([], None) => Err((Code::UnknownLeg, self.name_of(who))),
            ([_, _, ..], _) => {
                let legs: Vec<String> = fits.iter().map(LegId::to_string).collect();
                Err((Code::LegNotNamed, legs.join(", ")))
            }
        }
    }

    /// The leg that is named beside a verb's own; an agent's is the one with which he talks.
    pub(super) fn party(&self, contact: ContactId, who: Who) -> Result<LegId, Refusal> {
        match who {
            Who::Leg(leg) => Ok(leg),
            Who::Agent(agent) => {
                let legs = self.contacts.legs_of(contact);
                let his = legs.iter().find(|leg| leg.supervision.is_none() && self.is_of(leg, agent));
                his.map(|leg| leg.leg).ok_or_else(|| (Code::UnknownLeg, self.agent_name(agent)))
            }
        }
    }

    fn audience(&self, contact: ContactId, to: Hearers, act: impl Fn(Audience) -> Act) -> Result<Audience, Refusal> {
        match to {
            Hearers::One(who) => self.leg(contact, who, |leg| act(Audience::Leg(leg))).map(Audience::Leg),
            Hearers::Call(call) => Ok(Audience::Call(call)),
        }
    }

    pub(super) fn may(&self, contact: ContactId, act: &Act) -> Result<(), Refusal> {
        self.contacts.may(contact, act).map_err(|refused| (code_of(refused), contact.to_string()))
    }

    /// Those whom the act brings back into a talk: nobody has two that are not on hold.
    fn talk_nowhere_else(&self, contact: ContactId, act: &Act) -> Result<(), Refusal> {
        let back = self.contacts.would_talk(contact, act);
        let legs = self.contacts.legs_of(contact);
        let agents = legs.iter().filter(|l| back.contains(&l.leg)).filter_map(|l| l.agent.or(self.agent_at(l.party)));
        match agents.into_iter().find_map(|agent| self.acd.talks_elsewhere(agent, contact)) {
            Some(other) => Err((Code::AgentBusy, other.to_string())),
            None => Ok(()),
        }
    }

    /// A transfer has given the others back to an agent who has gone on to another call meanwhile: they wait on hold, until
    /// he takes them back.
    pub(super) fn hold_for(&mut self, contact: ContactId, back: LegId, now: Now, supplies: &mut Supplies) {
        let legs = self.contacts.legs_of(contact);
        let Some(his) = legs.iter().find(|leg| leg.leg == back) else { return };
        let agent = his.agent.or(self.agent_at(his.party));
        if agent.and_then(|agent| self.acd.talks_elsewhere(agent, contact)).is_none() {
            return;
        }
        // Of several each has the others: only his part of their talk waits.
        let held = match self.contacts.company(contact, back)[..] {
            [other] => other,
            [] | [..] => back,
        };
        self.contacts.act(contact, Act::Hold { leg: held, by: By::SYSTEM }, now, supplies);
    }

    /// A hold was forgotten: he has the caller back, unless he talks to somebody else.
    pub(super) fn recall(&mut self, contact: ContactId, leg: LegId, now: Now, supplies: &mut Supplies) {
        let act = Act::Retrieve { leg, by: By::SYSTEM };
        if self.talk_nowhere_else(contact, &act).is_ok() {
            self.contacts.act(contact, act, now, supplies);
        }
    }

    fn extension_of(&self, agent: AgentNo) -> Option<PartyRef> {
        let extension = self.acd.snapshot(agent)?.station?.extension()?;
        Some(PartyRef::Extension(extension))
    }

    fn name_of(&self, who: Option<Who>) -> String {
        match who {
            Some(Who::Leg(leg)) => leg.to_string(),
            Some(Who::Agent(agent)) => self.agent_name(agent),
            None => String::new(),
        }
    }
}

pub(super) fn code_of(refused: Refused) -> Code {
    match refused {
        Refused::UnknownContact => Code::UnknownContact,
        Refused::UnknownLeg => Code::UnknownLeg,
        Refused::UnknownCall => Code::UnknownCall,
        Refused::NotTalking => Code::NotTalking,
        Refused::NotRinging => Code::NotQueued,
        Refused::AlreadyDone => Code::AlreadyDone,
        Refused::NothingToEnd => Code::NothingToEnd,
        Refused::NotTransferor => Code::NotTransferor,
        Refused::TransferRuns => Code::TransferRuns,
        Refused::TransferNotThere => Code::TransferNotThere,
        Refused::Full => Code::LegsFull,
        Refused::NoSeat => Code::ConferenceFull,
        Refused::TooLong => Code::TooLong,
        Refused::BadDigits => Code::BadDigits,
        Refused::KeysAreTones => Code::KeysAreTones,
        Refused::RecordingOver => Code::RecordingOver,
        Refused::InConference => Code::InConference,
        Refused::NotWithFlow => Code::NotWithFlow,
        Refused::NotSupervisor => Code::NotSupervisor,
        Refused::NobodyToWhisperTo => Code::NobodyToWhisperTo,
        Refused::NobodyToReplace => Code::NobodyToReplace,
    }
}
