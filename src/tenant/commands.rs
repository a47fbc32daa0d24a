//! Commands: checked against the state, answered before any effect, never done twice.

use super::Tenant;
use super::dialling::{Next, Ordered, Rung};
use super::remember::{Known, Outcome, body_hash};
use super::words::Output;
use crate::acd::words::VerbRefused;
use crate::base::{AgentNo, ContactId, LegId, Now, Supplies};
use crate::call::words::{Act, Birth};
use crate::event::words::{Actor, By, CallKind, EndCause, Side, Speech};
use crate::event::{About, Kind};
use crate::site::{Destination, Origin, ResolveError, resolve};
use crate::switch::{
    AgentVerb, Answer, Body, Code, Command, ContactState, Force, LegPhase, Originate, SessionVerb, Snapshot, Then, Who,
};

/// A refusal: its code, and what stood in the way.
pub(super) type Refusal = (Code, String);

/// A contact all of whose legs have ended.
pub(super) fn ended(mut state: ContactState) -> ContactState {
    state.calls.iter_mut().flat_map(|call| &mut call.legs).for_each(|leg| leg.phase = LegPhase::Ended);
    state
}

impl Tenant {
    pub(super) fn command(&mut self, reply: u64, command: Command, now: Now, supplies: &mut Supplies) {
        let Command { id, actor, body } = command;
        if let Body::Query(query) = body {
            let answer = self.query(&query, now);
            return self.answer(reply, answer, None);
        }
        let id = id.map(|id| (id, body_hash(&body)));
        if let Some((id, hash)) = &id {
            match self.accepted.look_up(id, *hash, now.t) {
                Known::New => {}
                Known::Repeated(outcome) => {
                    let answer = self.answer_again(&body, outcome, id);
                    return self.answer(reply, answer, Some(id.clone()));
                }
                Known::Reused => return self.answer(reply, refused((Code::IdReused, id.id.clone())), None),
            }
        }
        let by = By { actor, command: id.as_ref().map(|(id, _)| id.clone()) };
        let reaches_out =
            matches!(&body, Body::Originate(_) | Body::TwoWay(_) | Body::Play(_) | Body::Decide { dial: true, .. });
        let result = self.carry_out(body, by.clone(), now, supplies);
        // What the command sets off is journaled first, its id last: the answer, and that of a repeat, is stamped with it.
        self.introduce(now, supplies);
        let token =
            if reaches_out && result.is_ok() { self.journal_order(by.clone(), now, id.is_none()) } else { None };
        if let Some(id) = id {
            self.remember(id, &result, token, by, now);
        }
        let answer = match result {
            Ok(snapshot) => Answer::Accepted { snapshot },
            Err(refusal) => refused(refusal),
        };
        self.answer(reply, answer, None);
    }

    fn answer(&mut self, reply: u64, answer: Answer, repeat_of: Option<crate::base::CommandId>) {
        self.out.push_back(Output::Answer { reply, answer, repeat_of });
    }

    /// `token` comes back when an accepted id is on disk.
    fn remember(
        &mut self,
        (id, hash): (crate::base::CommandId, u64),
        result: &Result<Snapshot, Refusal>,
        token: Option<u64>,
        by: By,
        now: Now,
    ) {
        let outcome = match result {
            Ok(snapshot) => {
                let (contact, shown) = match snapshot {
                    Snapshot::Ordered(contact) => (Some(*contact), None),
                    Snapshot::Contacts(contacts) => (None, contacts.first().cloned().map(Box::new)),
                    Snapshot::Agents(_)
                    | Snapshot::Groups(_)
                    | Snapshot::Extensions(_)
                    | Snapshot::SipHistory(_)
                    | Snapshot::Resolved(_)
                    | Snapshot::Sessions(_) => (None, None),
                };
                let kind = Kind::CommandAccepted { id: id.clone(), code: "accepted".to_owned(), body_hash: hash };
                self.journal(now, About { contact, ..About::default() }, by, kind, token);
                Outcome::Accepted { contact, shown }
            }
            Err((code, state)) => Outcome::Refused { code: *code, state: state.clone() },
        };
        self.accepted.remember(id, hash, outcome, now.t);
    }

    fn answer_again(&self, body: &Body, outcome: Outcome, id: &crate::base::CommandId) -> Answer {
        match outcome {
            Outcome::Accepted { contact: Some(contact), .. } => {
                Answer::Accepted { snapshot: Snapshot::Ordered(contact) }
            }
            Outcome::Accepted { contact: None, shown } => {
                let snapshot = match body {
                    Body::Session(SessionVerb::Open(_)) => self.session_of_command(id),
                    other => self.snapshot_of(other, shown.map(|shown| *shown)),
                };
                Answer::Accepted { snapshot }
            }
            Outcome::Refused { code, state } => refused((code, state)),
        }
    }

    /// What the object of a command looks like now; a contact that has ended as it was `shown`.
    fn snapshot_of(&self, body: &Body, shown: Option<ContactState>) -> Snapshot {
        match body {
            Body::Agent { agent, .. }
            | Body::Decide { agent, .. }
            | Body::SendOn { agent, .. }
            | Body::Watch { supervisor: agent, .. } => Snapshot::Agents(self.agent_state(*agent).into_iter().collect()),
            Body::Hangup { contact, .. }
            | Body::SetData { contact, .. }
            | Body::Priority { contact, .. }
            | Body::Call { contact, .. } => {
                let state = self.contact_state(*contact).or_else(|| shown.map(ended));
                Snapshot::Contacts(vec![state.unwrap_or_else(|| ContactState::ended(*contact))])
            }
            Body::Session(SessionVerb::Renew { session, .. } | SessionVerb::Close { session, .. }) => {
                self.session_snapshot(*session)
            }
            Body::Originate(_)
            | Body::TwoWay(_)
            | Body::Play(_)
            | Body::Preview { .. }
            | Body::Session(SessionVerb::Open(_))
            | Body::Query(_) => Snapshot::Contacts(Vec::new()),
        }
    }

    fn carry_out(&mut self, body: Body, by: By, now: Now, supplies: &mut Supplies) -> Result<Snapshot, Refusal> {
        match body {
            Body::Agent { agent, verb, force: None } => self.agent_verb(agent, verb, None, &by, now, supplies),
            Body::Agent { agent, verb, force: Some(Force { why, supervisor }) } => {
                self.forces_in_scope(supervisor, agent, &verb)?;
                self.agent_verb(agent, verb, Some(&why), &in_name_of(supervisor, by), now, supplies)
            }
            Body::Priority { contact, priority } => self.prioritise(contact, priority, &by, now, supplies),
            Body::Originate(originate) => self.originate(originate, by, now, supplies),
            Body::TwoWay(order) => self.two_way(order, by, now, supplies),
            Body::Play(order) => self.play_to_agent(order, by, now, supplies),
            Body::Preview { order, timeout, on_timeout } => {
                self.preview(order, (timeout, on_timeout), by, now, supplies)
            }
            Body::SendOn { agent, offer, to, ring, reason } => {
                self.send_on((agent, offer), (&to, ring), reason, by, now, supplies)
            }
            Body::Watch { agent, supervisor, verb } => self.watch_verb((agent, supervisor), verb, by, now, supplies),
            Body::Decide { agent, contact, dial } => self.decide(agent, contact, dial, by, now, supplies),
            Body::Call { contact, verb } => self.call_verb(contact, verb, by, now, supplies),
            Body::Hangup { contact, who, supervisor } => {
                self.command_hangup(contact, (who, supervisor), by, now, supplies)
            }
            Body::SetData { contact, data } => {
                if !self.contacts.is_live(contact) {
                    return Err((Code::UnknownContact, contact.to_string()));
                }
                if !self.contacts.data_fits(contact, &data) {
                    return Err((Code::DataTooLarge, String::new()));
                }
                self.contacts.act(contact, Act::SetData { data, by }, now, supplies);
                Ok(Snapshot::Contacts(self.contact_state(contact).into_iter().collect()))
            }
            Body::Session(verb) => self.session_verb(verb, &by, now, supplies),
            Body::Query(query) => match self.query(&query, now) {
                Answer::Accepted { snapshot } => Ok(snapshot),
                Answer::Refused { code, state } => Err((code, state)),
            },
        }
    }

    fn agent_verb(
        &mut self,
        agent: AgentNo,
        verb: AgentVerb,
        force: Option<&str>,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<Snapshot, Refusal> {
        let comes = matches!(verb, AgentVerb::SignIn { .. });
        let picked = if let AgentVerb::Pick { contact } = verb { Some(contact) } else { None };
        match (self.acd.agent(agent, verb, force, by, now, supplies), picked) {
            (Err(VerbRefused::NotQueued), Some(contact)) => self.pick_up(agent, contact, by.clone(), now, supplies)?,
            (result, _) => result.map_err(|refused| self.verb_refused(refused, agent))?,
        }
        let station = self.acd.snapshot(agent).and_then(|seen| seen.station).filter(|_| comes);
        if let Some(extension) = station.and_then(|station| station.extension()) {
            self.acd.reachable(extension, self.sip.is_reachable(extension), now, supplies);
        }
        Ok(Snapshot::Agents(self.agent_state(agent).into_iter().collect()))
    }

    pub(super) fn verb_refused(&self, refused: VerbRefused, agent: AgentNo) -> Refusal {
        let name = |no: AgentNo| self.site.agents.get(&no).map_or_else(|| no.to_string(), |a| a.id.clone());
        match refused {
            VerbRefused::UnknownAgent => (Code::UnknownAgent, name(agent)),
            VerbRefused::AlreadySignedIn => (Code::AlreadySignedIn, name(agent)),
            VerbRefused::NotSignedIn => (Code::NotSignedIn, name(agent)),
            VerbRefused::StationTaken(other) => (Code::StationTaken, name(other)),
            VerbRefused::UnknownStation => (Code::UnknownStation, String::new()),
            VerbRefused::Busy => (Code::AgentBusy, name(agent)),
            VerbRefused::Retiring => (Code::Retiring, name(agent)),
            VerbRefused::NotMember(group) => {
                let group = self.site.groups.get(&group).map_or_else(|| group.to_string(), |g| g.id.clone());
                (Code::NotMember, group)
            }
            VerbRefused::UnknownReason => (Code::UnknownReason, String::new()),
            VerbRefused::TooLong(most) => (Code::TooLong, most.to_string()),
            VerbRefused::NotInWrapUp => (Code::NotInWrapUp, name(agent)),
            VerbRefused::NotResting => (Code::NotResting, name(agent)),
            VerbRefused::NotReserved => (Code::NotReserved, name(agent)),
            VerbRefused::NotAvailable => (Code::AgentNotAvailable, name(agent)),
            VerbRefused::InContact => (Code::AlreadyDone, name(agent)),
            VerbRefused::NotQueued => (Code::NotQueued, String::new()),
            VerbRefused::OfferOver => (Code::OfferOver, name(agent)),
            VerbRefused::OfferRings => (Code::OfferRings, name(agent)),
            VerbRefused::OfferAccepted => (Code::OfferAccepted, name(agent)),
        }
    }

    fn prioritise(
        &mut self,
        contact: ContactId,
        priority: i32,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<Snapshot, Refusal> {
        if !self.contacts.is_live(contact) {
            return Err((Code::UnknownContact, contact.to_string()));
        }
        let item = self.waits.get(&contact).and_then(|wait| wait.item);
        if !item.is_some_and(|item| self.acd.set_priority(item, priority, by, now, supplies)) {
            return Err((Code::NotQueued, contact.to_string()));
        }
        Ok(Snapshot::Contacts(self.contact_state(contact).into_iter().collect()))
    }

    /// The contact is born now; it dials once its command is on disk.
    fn originate(
        &mut self,
        originate: Originate,
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<Snapshot, Refusal> {
        self.may_originate(&originate, now)?;
        let Originate { to, then, from, data } = originate;
        let from = from.or_else(|| match resolve(&self.site, &Origin::Api, &to) {
            Ok(Destination::Trunks { number, .. }) => self.shown_number(None, None, &number, now, supplies),
            Ok(Destination::Extension { .. } | Destination::Number { .. } | Destination::Emergency { .. }) | Err(_) => {
                None
            }
        });
        let then = match then {
            Then::Flow(key) => Next::Flow(key),
            Then::Say { text, language } => {
                Next::Say(Speech { text, language: language.unwrap_or_else(|| self.site.language.clone()) })
            }
        };
        let contact = ContactId(supplies.ids.mint(now.t));
        let birth = Birth {
            contact,
            from: from.clone().unwrap_or_default(),
            to: to.clone(),
            language: self.site.language.clone(),
            record: true,
            data,
            limits: self.contact_limits(),
            two_way: false,
            call_kind: CallKind::Main,
            shown: None,
            standing: None,
            by: by.clone(),
        };
        let ordered = Ordered { contact, to: Rung::Number(to), from, then, by };
        Ok(self.order(birth, ordered, now, supplies))
    }

    /// The contact is born, and dials once its command is on disk.
    pub(super) fn order(&mut self, birth: Birth, ordered: Ordered, now: Now, supplies: &mut Supplies) -> Snapshot {
        let contact = ordered.contact;
        self.contacts.born(birth, now, supplies);
        self.introduce(now, supplies);
        self.await_commit(ordered);
        Snapshot::Ordered(contact)
    }

    pub(super) fn await_commit(&mut self, ordered: Ordered) {
        let token = self.next_token;
        self.next_token += 1;
        self.awaiting_commit.insert(token, ordered);
    }

    /// An order dials once it is on disk, and the id of its command with it, if it has one: what is dialled is never an
    /// order that a repeat could give a second time. Answers the token that waits for the id.
    pub(super) fn journal_order(&mut self, by: By, now: Now, is_last: bool) -> Option<u64> {
        let (&token, ordered) = self.awaiting_commit.last_key_value()?;
        let (agent, group) = match &ordered.to {
            Rung::Phone { caller: Some(caller), .. } | Rung::Line { caller, .. } => (Some(caller.agent), caller.group),
            Rung::Phone { caller: None, .. } | Rung::Number(_) => (None, None),
        };
        let about = About { contact: Some(ordered.contact), agent, group, ..About::default() };
        let kind = match ordered.then.clone() {
            Next::Flow(key) => Kind::Originated { flow_key: Some(key), say: None, first: None },
            Next::Say(speech) => Kind::Originated { flow_key: None, say: Some(speech), first: None },
            Next::Play { first, .. } => Kind::Originated { flow_key: None, say: None, first: Some(first) },
            Next::Connect(connect) => Kind::Originated { flow_key: None, say: None, first: Some(connect.first) },
        };
        self.journal(now, about, by, kind, is_last.then_some(token));
        Some(token)
    }

    fn may_originate(&mut self, originate: &Originate, now: Now) -> Result<(), Refusal> {
        self.house_lets_in()?;
        match &originate.then {
            // One that came as a file since the start has no number yet: it cannot run, so nobody is rung for it.
            Then::Flow(key) if !self.flows.contains_key(key) || !self.site.flows.contains_key(key) => {
                return Err((Code::UnknownFlow, key.clone()));
            }
            Then::Flow(_) | Then::Say { .. } => {}
        }
        attachable(&originate.data)?;
        self.may_show(originate.from.as_deref())?;
        self.destination(&originate.to)?;
        self.tenant_has_room(now)
    }

    pub(super) fn house_lets_in(&self) -> Result<(), Refusal> {
        if !self.refuses_new() {
            return Ok(());
        }
        let code = match self.house {
            super::words::House::Draining | super::words::House::Ending => Code::Draining,
            super::words::House::Open | super::words::House::Shed(_) => Code::Overloaded,
        };
        Err((code, String::new()))
    }

    /// What a number of a command means.
    pub(super) fn destination(&self, number: &str) -> Result<Destination, Refusal> {
        self.destination_from(&Origin::Api, number)
    }

    pub(super) fn destination_from(&self, origin: &Origin, number: &str) -> Result<Destination, Refusal> {
        resolve(&self.site, origin, number).map_err(|error| match error {
            ResolveError::NotFound => (Code::UnknownNumber, number.to_owned()),
            ResolveError::Forbidden => (Code::OutboundForbidden, number.to_owned()),
        })
    }

    /// Counts one more contact of this second.
    pub(super) fn tenant_has_room(&mut self, now: Now) -> Result<(), Refusal> {
        if self.contacts.live() >= self.site.limits.calls as usize || !self.count_arrival(now) {
            return Err((Code::TenantFull, String::new()));
        }
        Ok(())
    }

    fn command_hangup(
        &mut self,
        contact: ContactId,
        (who, supervisor): (Option<Who>, Option<AgentNo>),
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<Snapshot, Refusal> {
        if !self.contacts.is_live(contact) {
            return Err((Code::UnknownContact, contact.to_string()));
        }
        let ends = |leg| Act::Hangup { leg: Some(leg), cause: EndCause::Released, side: Side::Command, by: By::SYSTEM };
        let leg = who.map(|who| self.leg(contact, Some(who), ends)).transpose()?;
        self.ends_in_scope(supervisor, contact, leg)?;
        let before = self.contact_state(contact);
        self.hang_up(contact, leg, EndCause::Released, in_name_of(supervisor, by), now, supplies);
        self.introduce(now, supplies);
        // A contact that ended by it is gone already; its last state is what the command left.
        let state = self.contact_state(contact).or_else(|| before.map(ended));
        Ok(Snapshot::Contacts(state.into_iter().collect()))
    }

    pub(super) fn hang_up(
        &mut self,
        contact: ContactId,
        leg: Option<LegId>,
        cause: EndCause,
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) {
        let side = match cause {
            EndCause::Released => Side::Command,
            _ => Side::System,
        };
        self.contacts.act(contact, Act::Hangup { leg, cause, side, by }, now, supplies);
    }
}

/// What a supervisor does is told as his, with the token that said so.
fn in_name_of(supervisor: Option<AgentNo>, by: By) -> By {
    match (supervisor, by.actor) {
        (Some(agent), Actor::Integration(token)) => By { actor: Actor::Agent { agent, token }, ..by },
        (Some(_) | None, Actor::Agent { .. } | Actor::Integration(_) | Actor::Flow | Actor::Party | Actor::System) => {
            by
        }
    }
}

/// Whether this much may be attached to a contact.
pub(super) fn attachable(data: &serde_json::Map<String, serde_json::Value>) -> Result<(), Refusal> {
    let size = serde_json::to_string(data).map_or(usize::MAX, |text| text.len());
    if size > crate::base::bounds::ATTACHED_DATA_BYTES {
        return Err((Code::DataTooLarge, size.to_string()));
    }
    Ok(())
}

fn refused((code, state): Refusal) -> Answer {
    Answer::Refused { code, state }
}
