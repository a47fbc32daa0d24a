//! Who hears what: each room's outputs become another's inputs, until all are empty. The exhaustive matches here are the
//! whole of what the rooms know of each other.

use std::sync::Arc;

use super::words::Output;
use super::{Run, Tenant};
use crate::acd::words::{How, Offer, OfferStep, Output as Acd, RoleRefused};
use crate::base::{ContactId, FlowNo, LegId, Now, Span, Supplies};
use crate::call::words::{self as call, Act};
use crate::event::words::{
    AlarmKind, By, EndCause, ItemExit, OfferEnding, PartyRef, Side, Speech, SpeechEnding, Station, TransferEnding,
};
use crate::event::{About, Kind};
use crate::ivr::words::{DialResult, Input as Flow, Output as FlowOutput, Subject};
use crate::sip::words::{Output as Sip, Tell};
use crate::switch::StoreAsk;

impl Tenant {
    /// Carries everything on until no room has anything to say.
    pub(super) fn introduce(&mut self, now: Now, supplies: &mut Supplies) {
        loop {
            if let Some((contact, input)) = self.failed_at_once.pop_front() {
                self.flow(contact, input, now, supplies);
                continue;
            }
            if let Some(output) = self.sessions.poll() {
                self.session_said(output, now, supplies);
                continue;
            }
            // the ACD first: what a leg's end means for its offer is told before the contact closes
            if let Some(output) = self.acd.poll() {
                self.acd_said(output, now, supplies);
            } else if let Some(output) = self.contacts.poll() {
                self.contact_said(output, now, supplies);
            } else if let Some(output) = self.sip.poll() {
                self.endpoint_said(output, now, supplies);
            } else if let Some(supervisor) = self.watches.take_touched() {
                self.keep_watch(supervisor, now, supplies);
            } else {
                return;
            }
        }
    }

    fn endpoint_said(&mut self, output: Sip, now: Now, supplies: &mut Supplies) {
        match output {
            Sip::Send { link, to, bytes } => self.out.push_back(Output::Send { link, to, bytes }),
            Sip::Open { request, interface, wire, to } => {
                self.out.push_back(Output::Open { request, interface, wire, to });
            }
            Sip::Close { link } => self.closing.push_back(link),
            Sip::SaveBinding { request, binding } => {
                let (extension, contact) = (binding.extension, binding.contact.clone());
                let json = serde_json::to_string(&*binding).unwrap_or_default();
                self.out.push_back(Output::Store(StoreAsk::SaveBinding { request, extension, contact, json }));
            }
            Sip::UpdateBinding { binding } => {
                let (extension, contact) = (binding.extension, binding.contact.clone());
                let json = serde_json::to_string(&*binding).unwrap_or_default();
                self.out.push_back(Output::Store(StoreAsk::UpdateBinding { extension, contact, json }));
            }
            Sip::RemoveBinding { extension, contact } => {
                self.out.push_back(Output::Store(StoreAsk::RemoveBinding { extension, contact }));
            }
            Sip::Tell(tell) => self.told_by_endpoint(tell, now, supplies),
        }
    }

    fn told_by_endpoint(&mut self, tell: Tell, now: Now, supplies: &mut Supplies) {
        if let Tell::Offer { leg, sdp: Some(sdp) } = &tell
            && self.would_talk_twice_by_phone(*leg, sdp)
        {
            return self.sip.act(crate::sip::words::Act::RefuseOffer { leg: *leg, status: 488 }, now, supplies);
        }
        if let Some(leg) = Self::leg_of(&tell) {
            return self.contacts.signal(leg, tell, now, supplies);
        }
        match tell {
            Tell::Incoming(incoming) => self.arrive(*incoming, now, supplies),
            Tell::Refer(refer) => self.referred(*refer, now, supplies),
            Tell::Reachable { extension, reachable } => self.acd.reachable(extension, reachable, now, supplies),
            Tell::Registered { extension, contact, until } => {
                self.journal(now, About::default(), By::PARTY, Kind::Registered { extension, contact, until }, None);
            }
            Tell::Unregistered { extension, contact } => {
                self.journal(now, About::default(), By::PARTY, Kind::Unregistered { extension, contact }, None);
            }
            // `leg_of` has these.
            Tell::Progress { .. }
            | Tell::Answered { .. }
            | Tell::Failed { .. }
            | Tell::Acked { .. }
            | Tell::Dialog { .. }
            | Tell::Offer { .. }
            | Tell::Refreshed { .. }
            | Tell::Digit { .. }
            | Tell::Alive { .. }
            | Tell::Ended { .. }
            | Tell::Traced(_) => {}
        }
    }

    /// His phone takes back a call that it has on hold, while he is in another that is not: as of a command, nobody has
    /// two talks. It keeps the one as it is.
    fn would_talk_twice_by_phone(&self, leg: LegId, offer: &[u8]) -> bool {
        let Some((contact, party)) = self.contacts.place_of(leg) else { return false };
        let elsewhere = |agent| self.acd.talks_elsewhere(agent, contact).is_some();
        self.agent_at(party).is_some_and(elsewhere) && self.contacts.would_unhold(leg, offer)
    }

    fn contact_said(&mut self, output: call::Output, now: Now, supplies: &mut Supplies) {
        match output {
            call::Output::Sip(act) => self.sip.act(act, now, supplies),
            call::Output::Media(command) => self.out.push_back(Output::Media(command)),
            call::Output::Journal { about, by, kind } => self.journal(now, about, by, kind, None),
            call::Output::Tell { contact, tell } => self.told_by_contact(contact, tell, now, supplies),
        }
    }

    fn told_by_contact(&mut self, contact: ContactId, tell: call::Tell, now: Now, supplies: &mut Supplies) {
        match tell {
            call::Tell::Digit(digit) => self.flow(contact, Flow::Digit(digit), now, supplies),
            call::Tell::PlayEnded { missing } => self.flow(contact, Flow::PlayEnded { missing }, now, supplies),
            call::Tell::DialEnded(result) => self.dial_ended(contact, result, now, supplies),
            call::Tell::OtherSideLeft => self.flow(contact, Flow::AgentSideEnded, now, supplies),
            call::Tell::Stranded { group } => self.queue_stranded(contact, group, now, supplies),
            // Commands are told by the event.
            call::Tell::TargetRings { transferor } => self.refer_rings(transferor, now, supplies),
            call::Tell::TransferEnded { transferor, ending, cause } => {
                if ending == TransferEnding::Cancelled {
                    self.lent_cancelled(contact, transferor, now, supplies);
                }
                self.refer_ended(transferor, ending, cause, now, supplies);
                self.hold_for(contact, transferor, now, supplies);
            }
            call::Tell::HeldTooLong { leg } => self.recall(contact, leg, now, supplies),
            call::Tell::Replaced { old } => drop(self.refers.remove(&old)),
            call::Tell::AgentDoes { agent, does, by } => {
                let done = self.acd.takes_part(agent, contact, how(does), &by, now, supplies);
                not_counted(contact, done);
            }
            call::Tell::PhoneDoes { extension, does, by } => {
                let done = self.acd.phone_takes_part(extension, contact, how(does), &by, now, supplies);
                not_counted(contact, done);
            }
            call::Tell::Unqueue { item, by } => self.acd.withdraw(item, ItemExit::Withdrawn, &by, now, supplies),
            call::Tell::TakesPlace { item, by } => self.takes_place(contact, item, &by, now, supplies),
            call::Tell::WantedIn { item, call, by } => self.acd.wanted_in(item, call, &by),
            call::Tell::TakenOver { agent, group, by } => {
                self.taken_over(contact, (agent, group), &by, now, supplies);
            }
            call::Tell::CustomerLeft => self.customer_left(contact, now, supplies),
            call::Tell::Offer { offer, step } => self.acd.offer_step(offer, offer_step(step), now, supplies),
            call::Tell::AgentGone { agent, group } => {
                let group = group.and_then(|group| self.site.groups.get(&group));
                let wrap_up = group.map_or(self.site.direct.wrap_up, |g| g.wrap_up);
                self.acd.talk_ended(agent, contact, wrap_up, &By::SYSTEM, now, supplies);
            }
            call::Tell::CallerGone { agent, group } => {
                self.callers.remove(&contact);
                let group = group.and_then(|group| self.site.groups.get(&group));
                let wrap_up = group.map_or(Span::ZERO, |g| g.wrap_up);
                self.acd.talk_ended(agent, contact, wrap_up, &By::SYSTEM, now, supplies);
            }
            call::Tell::AgentMoved { agent, from } => self.acd.talk_moved(agent, from, contact, now, supplies),
            call::Tell::StationBusy { extension, busy: true } => {
                // A full phone was refused before it was dialled; its own call is let through and shown.
                if self.acd.claim_station(extension, contact, now, supplies).is_err() {
                    tracing::debug!(%contact, "phone is in more calls than are counted");
                }
            }
            call::Tell::StationBusy { extension, busy: false } => {
                self.acd.release_station(extension, contact, now, supplies);
            }
            call::Tell::LineBusy { agent, at: _, busy: true } => {
                if self.acd.claim_line(agent, contact, now, supplies).is_err() {
                    tracing::debug!(%contact, %agent, "his leg is in more calls than are counted");
                }
            }
            call::Tell::LineBusy { agent, at, busy: false } => {
                self.acd.release_line(agent, at, contact, now, supplies);
            }
            call::Tell::SupervisionOver { agent, ending, cause } => {
                self.watcher_left(agent, (ending, cause), now, supplies);
            }
            call::Tell::LineUp { agent } => {
                self.acd.line_up(agent, now, supplies);
                self.watcher_up(agent);
            }
            call::Tell::LineDown { agent, cause } => {
                self.acd.line_down(agent, cause, now, supplies);
                self.watcher_down(agent, cause, now, supplies);
            }
            call::Tell::Closed => self.forget(contact, now, supplies),
        }
    }

    pub(super) fn acd_said(&mut self, output: Acd, now: Now, supplies: &mut Supplies) {
        match output {
            Acd::Offer(offer) => self.ring_agent(*offer, now, supplies),
            Acd::Rescind { offer, holder, ending } => {
                self.contacts.act(holder, Act::Unring { offer, ending }, now, supplies);
            }
            Acd::ItemLeft { item, holder, exit } => self.item_left(item, holder, exit, now, supplies),
            Acd::Watch { extension, on } => {
                self.sip.act(crate::sip::words::Act::Watch { extension, on }, now, supplies);
            }
            Acd::RingLine { agent, line, by } => self.ring_line(agent, &line, by, now, supplies),
            Acd::DropLine { agent, by } => {
                self.contacts.drop_line(agent, EndCause::Released, by, now, supplies);
            }
            Acd::Journal { about, by, kind } => self.journal(now, about, by, kind, None),
        }
    }

    fn ring_agent(&mut self, offer: Offer, now: Now, supplies: &mut Supplies) {
        let asked = |p: call::Phones| call::Phones { auto_answer: p.auto_answer || offer.accepted, ..p }.into();
        let (attempts, confirm) = match &offer.station {
            Station::Extension(extension) => {
                (vec![asked(self.agent_attempt(*extension, offer.group, offer.holder, now))], false)
            }
            Station::Outside { number, confirm } => {
                let phones = self.outside_attempts(number, offer.holder, now);
                (phones.into_iter().map(asked).collect(), *confirm)
            }
            Station::Permanent(_) => (vec![call::Attempt::Line { agent: offer.agent, caller: None }], false),
        };
        let ring = call::Ring {
            offer: offer.offer,
            item: offer.item,
            agent: offer.agent,
            group: offer.group,
            segment: offer.segment,
            attempts,
            confirm,
        };
        if !self.contacts.act(offer.holder, Act::Ring(Box::new(ring)), now, supplies) {
            let step = OfferStep::Ended { ending: OfferEnding::CallerLeft, sip_status: None };
            self.acd.offer_step(offer.offer, step, now, supplies);
        }
    }

    fn dial_ended(&mut self, contact: ContactId, result: Result<(), EndCause>, now: Now, supplies: &mut Supplies) {
        if let Some(next) = self.ordered_next.remove(&contact) {
            return self.ordered_dial_ended(contact, next, result, now, supplies);
        }
        if self.routed_dial_ended(contact, result, now, supplies) {
            return;
        }
        let result = match result {
            Ok(()) => DialResult::Connected,
            Err(EndCause::Busy | EndCause::Rejected | EndCause::Full) => DialResult::Busy,
            Err(EndCause::NoAnswer) => DialResult::NoAnswer,
            Err(_) => DialResult::Failed,
        };
        self.flow(contact, Flow::DialEnded(result), now, supplies);
    }

    /// Starts the flow of this key for a contact. `false`: there is no such flow.
    pub(super) fn start_flow(&mut self, contact: ContactId, key: &str, now: Now, supplies: &mut Supplies) -> bool {
        let (Some(flow), Some(&no)) = (self.flows.get(key).cloned(), self.site.flows.get(key)) else { return false };
        let version = flow.version.clone();
        if !self.put_run(contact, flow, no, Some(key)) {
            return false;
        }
        let kind = Kind::FlowStarted { flow: no, flow_key: key.to_owned(), version };
        self.contacts.journal(About { contact: Some(contact), ..About::default() }, By::FLOW, kind);
        self.flow(contact, Flow::Start, now, supplies);
        true
    }

    /// Speaks an order's text to whoever answered, then hangs up: a flow of one node that stands in no file.
    pub(super) fn start_saying(
        &mut self,
        contact: ContactId,
        speech: Speech,
        now: Now,
        supplies: &mut Supplies,
    ) -> bool {
        let flow = crate::ivr::Flow::saying(&speech.text, Some(speech.language));
        if !self.put_run(contact, Arc::new(flow), FlowNo(0), None) {
            return false;
        }
        self.flow(contact, Flow::Start, now, supplies);
        true
    }

    fn put_run(&mut self, contact: ContactId, flow: Arc<crate::ivr::Flow>, no: FlowNo, key: Option<&str>) -> bool {
        let living = self.contacts.subject(contact).filter(|_| self.contacts.is_live(contact));
        let Some((from, to, language, data)) = living else { return false };
        let subject = Subject { flow: no, from, to, language, data };
        let run = Run { flow: crate::ivr::Run::new(flow, subject), flow_key: key.map(str::to_owned) };
        self.runs.insert(contact, run);
        self.contacts.hold_by_flow(contact);
        true
    }

    /// Tells a contact's flow something and carries out what it asks for.
    pub(super) fn flow(&mut self, contact: ContactId, input: Flow, now: Now, supplies: &mut Supplies) {
        let Some(run) = self.runs.get_mut(&contact) else { return };
        run.flow.handle(input, now);
        while let Some(output) = self.runs.get_mut(&contact).and_then(|run| run.flow.poll()) {
            self.flow_said(contact, output, now, supplies);
        }
        let deadline = self.runs.get(&contact).and_then(|run| run.flow.deadline());
        self.run_agenda.set(contact, deadline);
    }

    fn flow_said(&mut self, contact: ContactId, output: FlowOutput, now: Now, supplies: &mut Supplies) {
        let act = match output {
            FlowOutput::Answer => Act::Answer,
            FlowOutput::Play { sounds } => Act::Play { sounds },
            FlowOutput::StopPlay => Act::StopPlay,
            FlowOutput::Queue { to, priority, wait_max } => {
                self.lent_goes_on(contact, now, supplies);
                return self.flow_queues(contact, &to, priority, wait_max, now, supplies);
            }
            FlowOutput::Unqueue => return self.unqueue(contact, now, supplies),
            FlowOutput::Dial { to, ring } => {
                self.lent_goes_on(contact, now, supplies);
                return self.flow_dials(contact, &to, ring, now, supplies);
            }
            FlowOutput::Set { key: set, value } => {
                let data = [(set.clone(), serde_json::Value::String(value.clone()))].into_iter().collect();
                if !self.contacts.data_fits(contact, &data) {
                    return self.alarm(AlarmKind::DataTooLarge, contact);
                }
                self.lent_sets(contact, &set, &value);
                Act::SetData { data, by: By::FLOW }
            }
            FlowOutput::Trace { node, exit } => return self.trace(contact, node, exit),
            FlowOutput::Hangup { cause } => Act::Hangup { leg: None, cause, side: Side::Flow, by: By::FLOW },
            // A customer who was lent goes back at the end of the flow, which is told next.
            FlowOutput::Return if self.lent.contains_key(&contact) => return,
            FlowOutput::Return => Act::Hangup { leg: None, cause: EndCause::FlowEnded, side: Side::Flow, by: By::FLOW },
            FlowOutput::Ended if self.lent_ended(contact, now, supplies) => return,
            FlowOutput::Ended => {
                self.flow_ended(contact);
                Act::Unhold
            }
            FlowOutput::TooManySteps => return self.alarm(AlarmKind::FlowSteps, contact),
        };
        self.contacts.act(contact, act, now, supplies);
    }

    fn trace(&mut self, contact: ContactId, node: String, exit: String) {
        let Some(run) = self.runs.get(&contact) else { return };
        let kind = match (&run.flow_key, exit.as_str()) {
            (Some(_), _) => Kind::FlowNode { node, exit },
            (None, crate::ivr::NEXT) => Kind::Said { ending: SpeechEnding::Whole },
            (None, crate::ivr::CUSTOMER_LEFT | crate::ivr::TAKEN) => Kind::Said { ending: SpeechEnding::CutShort },
            (None, _) => Kind::Said { ending: SpeechEnding::Failed },
        };
        let about = About { contact: Some(contact), ..About::default() };
        self.contacts.journal(about, By::FLOW, kind);
    }

    pub(super) fn flow_ended(&mut self, contact: ContactId) {
        if let Some(key) = self.runs.get(&contact).and_then(|run| run.flow_key.clone()) {
            self.journal_flow_ended(contact, &key);
        }
    }

    pub(super) fn journal_flow_ended(&mut self, contact: ContactId, key: &str) {
        if let Some(&flow) = self.site.flows.get(key) {
            let about = About { contact: Some(contact), ..About::default() };
            self.contacts.journal(about, By::FLOW, Kind::FlowEnded { flow });
        }
    }

    fn flow_dials(&mut self, contact: ContactId, to: &str, ring: Span, now: Now, supplies: &mut Supplies) {
        match self.attempts_of_flow(contact, to, now) {
            Ok(ways) => {
                let attempts = call::Attempt::by_phones(ways);
                let dial = call::Dial { attempts, queue: None, ring, customer: false, by: By::FLOW };
                self.contacts.act(contact, Act::Dial(Box::new(dial)), now, supplies);
            }
            Err(_) => self.failed_at_once.push_back((contact, Flow::DialEnded(DialResult::Failed))),
        }
    }

    pub(super) fn alarm(&mut self, alarm: AlarmKind, contact: ContactId) {
        let about = About { contact: Some(contact), ..About::default() };
        self.contacts.journal(about, By::SYSTEM, Kind::Alarm { alarm, text: String::new() });
    }

    fn forget(&mut self, contact: ContactId, now: Now, supplies: &mut Supplies) {
        self.preview_gone(contact, now, supplies);
        if let Some(agent) = self.callers.remove(&contact) {
            self.acd.dials_not(agent, contact, now, supplies);
        }
        self.runs.remove(&contact);
        self.lent.remove(&contact);
        self.routed.remove(&contact);
        self.ordered_next.remove(&contact);
        if let Some(item) = self.waits.remove(&contact).and_then(|wait| wait.item) {
            debug_assert!(false, "item {item} outlived its contact");
        }
        self.run_agenda.set(contact, None);
    }

    /// Whether this party is a phone of ours.
    pub(super) fn is_phone(party: PartyRef) -> bool {
        matches!(party, PartyRef::Extension(_))
    }
}

/// What the call room did with an agent is what he does, in the ACD's words; it keeps count of his calls by it.
fn how(does: call::Does) -> How {
    match does {
        call::Does::Talks => How::Talking,
        call::Does::Dials => How::Dialing,
        call::Does::Holds => How::Held,
        call::Does::Consults => How::Consulting,
        call::Does::Confers => How::Conference,
    }
}

/// Commands were refused before. His own phone asks nobody: off hold in two contacts at once he is shown in the one he
/// was in first. Or he has signed out meanwhile.
fn not_counted(contact: ContactId, done: Result<(), RoleRefused>) {
    if let Err(why) = done {
        tracing::debug!(%contact, ?why, "what an agent does is not counted");
    }
}

/// The contact's word for how an offer proceeds, in the ACD's.
fn offer_step(step: call::OfferStep) -> OfferStep {
    match step {
        call::OfferStep::Alerting => OfferStep::Alerting,
        call::OfferStep::Confirming => OfferStep::Confirming,
        call::OfferStep::Accepted => OfferStep::Accepted,
        call::OfferStep::Connected => OfferStep::Connected,
        call::OfferStep::Ended { ending, sip_status } => OfferStep::Ended { ending, sip_status },
        call::OfferStep::NoWay => OfferStep::NoWay,
    }
}
