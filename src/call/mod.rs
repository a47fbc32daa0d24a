//! Contacts, calls and legs: the back-to-back user agent.
//! Owns who talks to whom, what each party hears, what is recorded, and the end of everything of a contact. Leaves SIP
//! to the endpoint, sound to the engine, flows to `ivr` and agents to `acd`, none of which it knows.
//! In: acts, tells, reports, deadlines. Out: `words::Output`. A machine; contacts are values in a map, not tasks.

mod acts;
mod arrive;
mod calls;
mod conference;
mod contact;
mod dial;
mod end;
mod hears;
mod history;
mod holds;
mod leg;
mod may;
mod merge;
mod merge_stays;
mod negotiation;
mod passing;
mod playback;
mod pressed;
mod queued;
mod recording;
mod replace;
mod room;
mod signal;
mod standing;
mod supervision;
#[cfg(test)]
mod tests;
mod transfer;
mod transfer_acts;
mod verbs;
mod view;
pub mod words;

#[cfg(test)]
pub use acts::POISON_KEY;
pub use view::ContactView;

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Map, Value};

use crate::base::bounds::SIP_HISTORIES_KEPT;
use crate::base::{Agenda, AgentNo, ContactId, GroupNo, LegId, Now, Supplies, Time, TrunkNo};
use crate::event::words::{AlarmKind, By, EndCause, PartyRef};
use crate::event::{About, Kind};
use crate::media::words::{Body, Command, Report, ReportBody};
use crate::sip;
use crate::switch::code::sip_status;
use contact::{Contact, Context};
use history::History;
use words::{Act, Arrival, Birth, Output};

/// All contacts of one tenant.
#[derive(Debug)]
pub struct Contacts {
    tenant_key: String,
    contacts: BTreeMap<ContactId, Contact>,
    by_leg: BTreeMap<LegId, ContactId>,
    /// Where the legs of permanent stations rest.
    lines: BTreeMap<AgentNo, ContactId>,
    agenda: Agenda<ContactId>,
    out: VecDeque<Output>,
    /// Ends of contacts. They wait until `out` is empty: what another room makes of a leg's end stands before them.
    closing: VecDeque<Output>,
    counter: u64,
    /// SIP histories of contacts that have ended, the oldest first.
    ended: VecDeque<(ContactId, History)>,
    /// Contacts whose last leg has not ended, and their legs by trunk.
    live: usize,
    trunk_legs: BTreeMap<TrunkNo, usize>,
    /// Contacts ended because their own code panicked.
    pub panics: u64,
}

impl Contacts {
    pub fn new(tenant_key: &str) -> Self {
        Self {
            tenant_key: tenant_key.to_owned(),
            contacts: BTreeMap::new(),
            by_leg: BTreeMap::new(),
            lines: BTreeMap::new(),
            agenda: Agenda::default(),
            out: VecDeque::new(),
            closing: VecDeque::new(),
            counter: 0,
            ended: VecDeque::new(),
            live: 0,
            trunk_legs: BTreeMap::new(),
            panics: 0,
        }
    }

    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front().or_else(|| self.closing.pop_front())
    }

    pub fn deadline(&self) -> Option<Time> {
        self.agenda.next().map(|(t, _)| t)
    }

    /// An INVITE that was let in.
    pub fn arrive(&mut self, arrival: Arrival, flow_holds: bool, now: Now, supplies: &mut Supplies) -> ContactId {
        let id = ContactId(supplies.ids.mint(now.t));
        let (before, taken, leg) = (self.out.len(), supplies.ports.taken(), arrival.incoming.leg);
        let mut context =
            context((&mut self.out, &mut self.closing), &mut self.counter, &self.tenant_key, now, supplies);
        let Ok(mut contact) = catch_unwind(AssertUnwindSafe(|| Contact::arrive(&mut context, id, arrival))) else {
            self.out.truncate(before);
            for ports in supplies.ports.lent_after(taken) {
                self.counter += 1;
                let (version, body) = (self.counter, Body::ReturnPorts(ports));
                self.out.push_back(Output::Media(Command { contact: id, version, body }));
            }
            self.stillborn(leg);
            return id;
        };
        contact.flow_holds = flow_holds;
        self.contacts.insert(id, contact);
        self.reindex(id);
        id
    }

    /// Its very INVITE made us panic: the caller is refused and nothing is left of it but an alarm.
    fn stillborn(&mut self, leg: LegId) {
        self.panics += 1;
        let (alarm, cause) = (AlarmKind::InternalError, EndCause::InternalError);
        let text = "an INVITE made its contact panic".to_owned();
        self.journal(About::default(), By::SYSTEM, Kind::Alarm { alarm, text });
        self.out.push_back(Output::Sip(sip::words::Act::End { leg, status: sip_status(cause), cause }));
    }

    /// A contact that begins with a command; it has no leg until it dials.
    pub fn born(&mut self, birth: Birth, now: Now, supplies: &mut Supplies) -> ContactId {
        let id = birth.contact;
        let mut context =
            context((&mut self.out, &mut self.closing), &mut self.counter, &self.tenant_key, now, supplies);
        let contact = Contact::born(&mut context, birth);
        self.contacts.insert(id, contact);
        self.reindex(id);
        id
    }

    /// An event about a contact that another room tells: it stands after what the contact has put out already.
    pub fn journal(&mut self, about: About, by: By, kind: Kind) {
        self.out.push_back(Output::Journal { about, by, kind });
    }

    /// A flow runs for this contact and decides what comes next.
    pub fn hold_by_flow(&mut self, id: ContactId) {
        if let Some(contact) = self.contacts.get_mut(&id) {
            contact.flow_holds = true;
        }
    }

    /// No flow decides any longer; whoever says so has somebody else for the customer.
    pub fn let_go_by_flow(&mut self, id: ContactId) {
        if let Some(contact) = self.contacts.get_mut(&id) {
            contact.flow_holds = false;
        }
    }

    /// Which keys the customer presses is told to nobody but his flow.
    pub fn hide_digits(&mut self, id: ContactId, hidden: bool) {
        if let Some(contact) = self.contacts.get_mut(&id) {
            contact.hides_digits = hidden;
        }
    }

    /// `false`: there is no such contact.
    pub fn act(&mut self, id: ContactId, act: Act, now: Now, supplies: &mut Supplies) -> bool {
        self.lend_line(&act, id, now, supplies);
        self.with(id, now, supplies, |contact, context| contact.act(context, act))
    }

    /// A tell about a leg.
    pub fn signal(&mut self, leg: LegId, tell: sip::words::Tell, now: Now, supplies: &mut Supplies) {
        let Some(&id) = self.by_leg.get(&leg) else { return };
        match tell {
            sip::words::Tell::Traced(traced) => {
                if let Some(contact) = self.contacts.get_mut(&id) {
                    contact.history.push(*traced);
                }
            }
            tell => drop(self.with(id, now, supplies, |contact, context| contact.signal(context, tell))),
        }
    }

    pub fn report(&mut self, report: Report, now: Now, supplies: &mut Supplies) {
        // The newest state always wins, so nothing waits for this.
        if matches!(report.body, ReportBody::Applied { .. }) {
            return;
        }
        // What a leg was heard to do while it was handed on is told under the contact that it has left.
        let at = match report.body {
            ReportBody::Fact { leg, .. } => self.by_leg.get(&leg).copied().unwrap_or(report.contact),
            _ => report.contact,
        };
        self.with(at, now, supplies, |contact, context| contact.report(context, report.body));
    }

    pub fn due(&mut self, now: Now, supplies: &mut Supplies) {
        while let Some(id) = self.agenda.due(now.t) {
            self.with(id, now, supplies, |contact, context| contact.due(context));
        }
    }

    /// Runs one step of one contact. Panic means our bug: the contact is what it was before the step, nothing of which
    /// came out, and ends. That it is saved for this before each step costs a copy; only so its end fits what was told.
    fn with(
        &mut self,
        id: ContactId,
        now: Now,
        supplies: &mut Supplies,
        step: impl FnOnce(&mut Contact, &mut Context),
    ) -> bool {
        let Some(contact) = self.contacts.get_mut(&id) else { return false };
        let before = (self.out.len(), self.closing.len(), supplies.ports.taken());
        let saved = contact.saved();
        let mut context =
            context((&mut self.out, &mut self.closing), &mut self.counter, &self.tenant_key, now, supplies);
        if catch_unwind(AssertUnwindSafe(|| step(contact, &mut context))).is_err() {
            self.panics += 1;
            context.out.truncate(before.0);
            context.closing.truncate(before.1);
            contact.put_back(saved);
            contact.poisoned(&mut context, before.2);
        }
        self.forget_line(id);
        self.bring_home(id, now, supplies);
        self.reindex(id);
        true
    }

    /// Brings indexes and counts to what the contact is after a step.
    fn reindex(&mut self, id: ContactId) {
        let Some(contact) = self.contacts.get_mut(&id) else { return };
        for leg in contact.dropped_legs.drain(..).filter(|leg| self.by_leg.get(leg) == Some(&id)).collect::<Vec<_>>() {
            self.by_leg.remove(&leg);
        }
        for leg in &contact.legs {
            self.by_leg.entry(leg.id).or_insert(id);
        }
        let tally = contact.tally();
        let counted = std::mem::replace(&mut contact.counted, tally);
        let (is, was) = (&contact.counted, counted);
        self.live = self.live + usize::from(is.live) - usize::from(was.live);
        for trunk in &is.trunks {
            *self.trunk_legs.entry(*trunk).or_default() += 1;
        }
        for trunk in was.trunks {
            if let Some(legs) = self.trunk_legs.get_mut(&trunk) {
                *legs -= 1;
            }
        }
        if !contact.gone {
            return self.agenda.set(id, contact.timers.next());
        }
        self.agenda.set(id, None);
        if let Some(contact) = self.contacts.remove(&id) {
            for leg in &contact.legs {
                if self.by_leg.get(&leg.id) == Some(&id) {
                    self.by_leg.remove(&leg.id);
                }
            }
            self.ended.push_back((id, contact.history));
            if self.ended.len() > SIP_HISTORIES_KEPT {
                self.ended.pop_front();
            }
        }
    }

    /// Contacts whose last leg has not ended.
    pub fn live(&self) -> usize {
        self.live
    }

    pub fn is_live(&self, id: ContactId) -> bool {
        self.contacts.get(&id).is_some_and(Contact::is_open)
    }

    /// The last version of a media command. Another machine in this one's place goes on after it.
    pub fn go_on_after(&mut self, version: u64) {
        self.counter = self.counter.max(version);
    }

    /// Legs of a trunk that are up or on their way.
    pub fn trunk_legs(&self, trunk: TrunkNo) -> usize {
        self.trunk_legs.get(&trunk).copied().unwrap_or(0)
    }

    pub fn has_leg(&self, id: ContactId, leg: LegId) -> bool {
        self.contacts.get(&id).is_some_and(|c| c.live_legs().any(|l| l.id == leg))
    }

    /// In which contact a leg lives, and who is at its far end.
    pub fn place_of(&self, leg: LegId) -> Option<(ContactId, PartyRef)> {
        let id = *self.by_leg.get(&leg)?;
        let found = self.contacts.get(&id)?.live_legs().find(|l| l.id == leg)?;
        Some((id, found.party))
    }

    /// The phone of this leg has put us on hold, and takes us back by this offer.
    pub fn would_unhold(&self, leg: LegId, offer: &[u8]) -> bool {
        let found = self.by_leg.get(&leg).and_then(|id| self.contacts.get(id)).and_then(|contact| contact.leg(leg));
        found.is_some_and(|l| l.is_live() && l.away_since.is_some() && l.media.would_send(offer))
    }

    /// Who gives this contact's call away, whether he is still there or not.
    pub fn transferor(&self, id: ContactId) -> Option<LegId> {
        self.contacts.get(&id)?.transfer.as_ref().map(|transfer| transfer.transferor)
    }

    /// The groups where its main party waits.
    pub fn waits_in(&self, id: ContactId) -> Vec<GroupNo> {
        let waiting = self.contacts.get(&id).and_then(|contact| contact.waiting.as_ref());
        waiting.map(|waiting| waiting.groups.clone()).unwrap_or_default()
    }

    /// Who waits for the customer to come back from a flow.
    pub fn lender(&self, id: ContactId) -> Option<LegId> {
        let transfer = self.contacts.get(&id)?.transfer.as_ref()?;
        transfer.is_lending().then_some(transfer.transferor)
    }

    pub fn agent_of(&self, id: ContactId, leg: LegId) -> Option<AgentNo> {
        self.contacts.get(&id)?.leg(leg)?.agent()
    }

    /// With whom it is in one talk.
    pub fn company(&self, id: ContactId, leg: LegId) -> Vec<LegId> {
        self.contacts.get(&id).map(|contact| contact.company(leg).map(|l| l.id).collect()).unwrap_or_default()
    }

    /// Whom somebody to whom this leg gives its call will talk to: the customer before others.
    pub fn other_party(&self, id: ContactId, leg: LegId) -> Option<String> {
        let contact = self.contacts.get(&id)?;
        let customer = contact.company(leg).find(|l| Some(l.id) == contact.customer);
        customer.or_else(|| contact.company(leg).next()).map(|l| l.remote.clone())
    }

    pub fn data(&self, id: ContactId) -> Option<&Map<String, Value>> {
        self.contacts.get(&id).map(|c| &*c.data)
    }

    pub fn data_fits(&self, id: ContactId, more: &Map<String, Value>) -> bool {
        self.contacts.get(&id).is_some_and(|c| c.data_fits(more))
    }

    pub fn ids(&self) -> impl Iterator<Item = ContactId> {
        self.contacts.values().filter(|c| c.is_open()).map(|c| c.id)
    }

    /// At rest both are zero.
    pub fn counts(&self) -> (usize, usize) {
        (self.contacts.len(), self.by_leg.len())
    }
}

fn context<'a>(
    (out, closing): (&'a mut VecDeque<Output>, &'a mut VecDeque<Output>),
    counter: &'a mut u64,
    tenant_key: &'a str,
    now: Now,
    supplies: &'a mut Supplies,
) -> Context<'a> {
    Context { now, supplies, out, closing, counter, tenant_key, by: By::SYSTEM }
}
