//! The tenant machine: everything of one tenant that changes, as one value.
//! Composes the endpoint, the contacts, the ACD and the flow runs, and introduces them to each other: what one tells, the
//! other is asked (`introduce`). Owns command ids and the tenant's limits. Leaves every rule of a room to that room, and
//! carrying out to `drive::tenant`. In: `words::Input`, a closed list. Out: `words::Output`. Empty when `handle` returns.

mod commands;
mod dialling;
mod introduce;
mod lending;
mod lines;
mod lookup;
mod picking;
mod playing;
mod preview;
mod queueing;
mod refer;
mod remember;
mod restore;
mod routing;
mod sessions;
mod shown;
mod supervision;
mod target;
mod two_way;
mod verbs;
mod view;
mod watching;
pub mod words;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::acd::Acd;
use crate::base::{Agenda, AgentNo, ContactId, GroupNo, LegId, LinkId, Now, Rng, Supplies, TenantNo, Time};
use crate::call::Contacts;
use crate::event::words::By;
use crate::event::{self, About, Event, Kind};
use crate::ivr;
use crate::ledger::open::OpenWatch;
use crate::sip::Endpoint;
use crate::sip::words::{Binding, Interface, ReferNo};
use crate::site::Site;
use crate::switch::session::Sessions;
use remember::AcceptedIds;
pub use restore::Why;
use words::{House, Input, Output};

/// An input that makes the machine panic outside of any contact: only in tests, to see what stays.
#[cfg(test)]
pub const POISON_REQUEST: u64 = u64::MAX;

pub struct Tenant {
    no: TenantNo,
    site: Arc<Site>,
    flows: Arc<ivr::Flows>,
    house: House,
    sip: Endpoint,
    contacts: Contacts,
    acd: Acd,
    sessions: Sessions,
    runs: BTreeMap<ContactId, Run>,
    run_agenda: Agenda<ContactId>,
    /// Customers whom an agent has sent into a flow that gives them back.
    lent: BTreeMap<ContactId, lending::Lent>,
    /// Callers whom a person has sent to somebody who has not got them yet.
    routed: BTreeMap<ContactId, routing::Routed>,
    /// Supervisors who go with an agent from call to call.
    watches: watching::Watches,
    /// Who waits for a group or has done so.
    waits: BTreeMap<ContactId, queueing::Wait>,
    accepted: AcceptedIds,
    /// Originates whose command is not on disk yet.
    awaiting_commit: BTreeMap<u64, dialling::Ordered>,
    /// Flows that begin when the party an originate dialled answers.
    ordered_next: BTreeMap<ContactId, dialling::Next>,
    /// Agents who call somebody in this contact, until they have left it.
    callers: BTreeMap<ContactId, AgentNo>,
    /// What each rotation of calling numbers showed last, by whose it is.
    rotations: BTreeMap<(Option<AgentNo>, Option<GroupNo>), String>,
    /// Contacts that wait for their agent's word, and until when.
    previews: BTreeMap<ContactId, preview::Preview>,
    preview_agenda: Agenda<ContactId>,
    next_token: u64,
    /// REFERs that wait for the transfer of this leg.
    refers: BTreeMap<LegId, ReferNo>,
    /// What a flow is told of an order that failed at once: told after the order, not inside of it.
    failed_at_once: VecDeque<(ContactId, ivr::words::Input)>,
    /// New contacts of this second, for `limits.cps`.
    arrivals: (i64, u32),
    out: VecDeque<Output>,
    /// Connections to be closed.
    closing: VecDeque<LinkId>,
}

/// A contact's flow and what it waits for.
struct Run {
    flow: ivr::Run,
    /// `None`: it speaks the text of an order, and is no flow of anybody's.
    flow_key: Option<String>,
}

/// What a tenant machine is made from.
pub struct Parts {
    pub site: Arc<Site>,
    pub flows: Arc<ivr::Flows>,
    pub interfaces: Vec<Interface>,
    pub bindings: Vec<Binding>,
}

impl Tenant {
    pub fn new(parts: Parts, now: Now, rng: &mut Rng) -> Self {
        let Parts { site, flows, interfaces, bindings } = parts;
        let sip = Endpoint::new(site.tenant, Arc::clone(&site), interfaces, bindings, rng.bytes());
        Self {
            no: site.tenant,
            flows,
            house: House::Open,
            sip,
            contacts: Contacts::new(&site.key),
            acd: Acd::new(Arc::clone(&site), now),
            sessions: Sessions::default(),
            runs: BTreeMap::new(),
            run_agenda: Agenda::default(),
            lent: BTreeMap::new(),
            routed: BTreeMap::new(),
            watches: watching::Watches::default(),
            waits: BTreeMap::new(),
            accepted: AcceptedIds::default(),
            awaiting_commit: BTreeMap::new(),
            ordered_next: BTreeMap::new(),
            callers: BTreeMap::new(),
            previews: BTreeMap::new(),
            preview_agenda: Agenda::default(),
            rotations: BTreeMap::new(),
            next_token: 0,
            refers: BTreeMap::new(),
            failed_at_once: VecDeque::new(),
            arrivals: (0, 0),
            out: VecDeque::new(),
            closing: VecDeque::new(),
            site,
        }
    }

    pub fn no(&self) -> TenantNo {
        self.no
    }

    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    pub fn handle(&mut self, input: Input, now: Now, supplies: &mut Supplies) {
        #[cfg(test)]
        assert!(!matches!(input, Input::LinkFailed { request: POISON_REQUEST }), "poisoned by a test");
        match input {
            Input::Sip(received) => self.sip.receive(
                received.link,
                received.wire,
                received.interface,
                received.from,
                received.message,
                now,
                supplies,
            ),
            Input::LinkOpened { request, link } => self.sip.link_opened(request, link, now, supplies),
            Input::LinkFailed { request } => self.sip.link_failed(request, now, supplies),
            Input::LinkClosed { link } => self.sip.link_closed(link, now, supplies),
            Input::Media(report) => self.contacts.report(report, now, supplies),
            Input::Command { reply, command } => self.command(reply, *command, now, supplies),
            Input::Committed { token } => self.committed(token, now, supplies),
            Input::Store(answer) => self.sip.binding_saved(answer.request, answer.saved, now, supplies),
            Input::Site { site, by } => self.set_site(site, by, now, supplies),
            Input::Flows(flows) => self.flows = flows,
            Input::House(house) => self.set_house(house, now, supplies),
            Input::Due => {}
        }
        // What came is carried through all rooms before any timer looks: sound that came in the step of an offer's
        // deadline has connected it.
        self.introduce(now, supplies);
        self.due(now, supplies);
        self.end_lines(now, supplies);
    }

    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// The next TCP connection that is to be closed. Asked for after `poll` has nothing more: what was sent goes out first.
    pub fn poll_closing(&mut self) -> Option<LinkId> {
        self.closing.pop_front()
    }

    pub fn deadline(&self) -> Option<Time> {
        let run = self.run_agenda.next().map(|(t, _)| t);
        let rooms = [self.sip.deadline(), self.contacts.deadline(), self.acd.deadline(), self.sessions.deadline(), run];
        rooms.into_iter().chain([self.preview_deadline()]).flatten().min()
    }

    /// One room after the other, each seeing what the timers of the one before led to.
    fn due(&mut self, now: Now, supplies: &mut Supplies) {
        let is_due = |at: Option<Time>| at.is_some_and(|at| at <= now.t);
        if is_due(self.sip.deadline()) {
            self.sip.due(now, supplies);
            self.introduce(now, supplies);
        }
        if is_due(self.contacts.deadline()) {
            self.contacts.due(now, supplies);
            self.introduce(now, supplies);
        }
        // before the reservation of the same moment ends
        while let Some(contact) = self.preview_agenda.due(now.t) {
            self.preview_due(contact, now, supplies);
            self.introduce(now, supplies);
        }
        if is_due(self.acd.deadline()) {
            self.acd.due(now, supplies);
            self.introduce(now, supplies);
        }
        if is_due(self.sessions.deadline()) {
            self.sessions.due(now.t);
            self.introduce(now, supplies);
        }
        while let Some(contact) = self.run_agenda.due(now.t) {
            self.run_agenda.set(contact, None);
            self.flow(contact, ivr::words::Input::Due, now, supplies);
            self.introduce(now, supplies);
        }
    }

    fn set_site(&mut self, site: Arc<Site>, by: By, now: Now, supplies: &mut Supplies) {
        self.journal(now, About::default(), by, Kind::SiteChanged { version: site.version }, None);
        self.sip.set_site(Arc::clone(&site), now, supplies);
        self.acd.set_site(Arc::clone(&site), now, supplies);
        self.site = site;
        self.watches.touch_all();
    }

    fn set_house(&mut self, house: House, now: Now, supplies: &mut Supplies) {
        self.house = house;
        self.sip.set_shedding(!matches!(house, House::Open));
        if house == House::Ending {
            let live: Vec<ContactId> = self.contacts.ids().collect();
            for contact in live {
                self.hang_up(contact, None, crate::event::words::EndCause::Drained, By::SYSTEM, now, supplies);
            }
        }
    }

    /// New contacts of any origin are refused, running ones go on.
    fn refuses_new(&self) -> bool {
        !matches!(self.house, House::Open)
    }

    fn journal(&mut self, now: Now, about: About, by: By, kind: Kind, notify: Option<u64>) {
        self.watches.note(&about);
        let event = Event { v: event::VERSION, t: now.t, at: now.wall, tenant: self.no, about, by, kind };
        self.out.push_back(Output::Journal { event: Box::new(event), notify });
    }

    /// Live contacts; of a house that ends, legs at rest too.
    pub fn live_contacts(&self) -> usize {
        let waits = if self.refuses_new() { self.contacts.lines().count() } else { 0 };
        self.contacts.live() + waits
    }

    /// Whether nothing of a call is left: no contact, leg, dialog, transaction, run, offer or item.
    pub fn is_at_rest(&self) -> bool {
        self.left_over().is_empty()
    }

    /// What is left of calls, by the names of those who have it.
    pub fn left_over(&self) -> Vec<&'static str> {
        let rooms = [
            ("contacts", self.contacts.counts() == (0, 0)),
            ("sip", self.sip.is_at_rest()),
            ("acd", self.acd.is_at_rest()),
            ("runs", self.runs.is_empty()),
            ("waits", self.waits.is_empty()),
            ("lent", self.lent.is_empty()),
            ("routed", self.routed.is_empty()),
            ("ordered", self.ordered_next.is_empty()),
            ("callers", self.callers.is_empty()),
            ("previews", self.previews.is_empty()),
            ("awaiting commit", self.awaiting_commit.is_empty()),
            ("refers", self.refers.is_empty()),
        ];
        rooms.into_iter().filter(|(_, rests)| !rests).map(|(name, _)| name).collect()
    }

    /// Who goes with which agent from call to call, by supervisor.
    pub fn watches(&self) -> impl Iterator<Item = (AgentNo, OpenWatch)> {
        self.watches.open()
    }

    pub fn acd(&self) -> &Acd {
        &self.acd
    }

    pub fn contacts(&self) -> &Contacts {
        &self.contacts
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.sip
    }

    fn leg_of(tell: &crate::sip::words::Tell) -> Option<LegId> {
        use crate::sip::words::Tell;
        match tell {
            Tell::Progress { leg, .. }
            | Tell::Answered { leg, .. }
            | Tell::Failed { leg, .. }
            | Tell::Acked { leg, .. }
            | Tell::Dialog { leg, .. }
            | Tell::Offer { leg, .. }
            | Tell::Refreshed { leg, .. }
            | Tell::Digit { leg, .. }
            | Tell::Alive { leg }
            | Tell::Ended { leg, .. } => Some(*leg),
            Tell::Traced(traced) => Some(traced.leg),
            // the tenant's to judge
            Tell::Refer(_) => None,
            Tell::Incoming(_) | Tell::Reachable { .. } | Tell::Registered { .. } | Tell::Unregistered { .. } => None,
        }
    }
}

const _: () = assert!(size_of::<Run>() <= crate::base::bounds::FLOW_RUN_VALUE_BYTES);
