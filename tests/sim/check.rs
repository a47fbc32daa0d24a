//! The thirteen invariants of the house. Every check panics with what it saw; the messages number them.
//!
//! After each step that touched them:
//! (1) no agent has two offers or talks that are not held, nor more work than the bound, and he has work wherever he is
//!     with an answered leg: `capacity`, `works_where_he_is`. An offer that is
//!     connected is open to the end of its talk, so it counts as the talk that it is, by the agent's work.
//! (2) no item waits while somebody may have it: `reference_eligible`, here and each second.
//! (9) an event names what is open, so nothing ends twice: `journaled`. In each record every offer has its ending.
//! Each second of the run:
//! (6) whoever is answered hears something, and is in one of flow, queue, call, ending: `hush`, `whereabouts`. Whom a
//!     flow asks for a key waits as long as it lets him, and a busy tone is an ending as long as it lasts.
//!     No instant of a customer is both wait and talk: `records::waits_or_talks`.
//! (10) no leg is open without ports; and `finish`: nothing of a call is left at rest, ports and timers included.
//! Every so many steps, and at the end:
//! (13) the fold equals the live state: `live::equals_fold`. Not compared are times that a restart need not know, and a
//!     recording that is being closed, which its writer ends later.
//! When a contact is done, and all that was late has come:
//! (3) it has one record, and each leg in it is in one call at each instant: `contact_done`, `records::is_sound`.
//! (5) its record equals the diaries of who was there, within what the network may delay: `records::equals_diaries`. Not
//!     when the process died meanwhile (then it ends with it: `records::outlives_no_process`), nor of a leg that left for
//!     another contact: that one's record has its end.
//! (11) recorded and excused are the answered time, the segments tile it: `records::is_sound`. The answered time itself
//!     is the leg's only of a contact that was not merged, as the leg was recorded in two, one after the other.
//! At the end of the run:
//! (4) what was seen of an agent tiles the time for which he was signed in: `records::intervals_tile`.
//! (8) from the diaries: every INVITE has its end, on both sides: `records::every_invite_ends`.
//! Elsewhere:
//! (7) nobody hears a source outside his row: `ear`, with real engines and a tone for each far end.
//! (12) one seed is one journal: `day::one_seed_is_one_journal`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use cordboard::base::bounds::CALLS_PER_AGENT;
use cordboard::base::{AgentNo, ContactId, LegId, Ports, Span, Time};
use cordboard::event::words::{AlarmKind, Disposition, LegRole, OfferEnding, OfferPhase, WorkRole};
use cordboard::event::{Kind, Recorded};
use cordboard::ledger::Open;
use cordboard::ledger::open::{OpenContact, OpenLeg, OpenOffer};
use cordboard::site::Site;

use crate::live;
use crate::net::Weather;
use crate::records;
use crate::reference::{Troubles, is_decided, reference_eligible};
use crate::world::{CheckView, INTERFACE};

/// Longest time in which a caller hears nothing (design 15, 6).
const HUSH: Span = Span::seconds(3);
/// Who is told by a tone that nobody is there is in his ending, as long as it lasts: 5 s, and a second between two looks.
const TONE: Span = Span::seconds(6);
/// A flow that waits for a key says so by waiting: the longest timeout of a node of theirs on top.
const HUSH_IN_FLOW: Span = Span::seconds(13);
/// A contact is compared with the diaries when everything late has arrived: the last repeats of UDP, and more.
const SETTLED: Span = Span::seconds(100);
/// Steps between two comparisons of the live state with the fold; prime, so that it drifts over the steps of a call.
const FOLD_EVERY: u64 = 499;

pub struct Check {
    site: Arc<Site>,
    pub weather: Weather,
    steps: u64,
    acd_changed: bool,
    agents_changed: BTreeSet<AgentNo>,
    troubles: Troubles,
    /// Since when a contact is nowhere.
    adrift: BTreeMap<ContactId, Time>,
    next_second: Time,
    /// When somebody in it was muted or unmuted last.
    muted: BTreeMap<ContactId, Time>,
    /// SIP's name for a leg, from its dialog.
    pub dialogs: BTreeMap<LegId, String>,
    closed: VecDeque<(Time, ContactId)>,
    /// When agents came and went.
    pub seats: Vec<(AgentNo, Time, bool)>,
    pub crashes: Vec<Time>,
    pub contacts: u64,
    /// Contacts whose recording a command began or ended.
    partly_recorded: BTreeSet<ContactId>,
    pub lost_events: usize,
    /// Panics that the run made up, of the machine that lives now.
    panics: u64,
    /// Contacts that panicked while they were open.
    panicked: BTreeSet<ContactId>,
}

impl Check {
    pub fn new(site: Arc<Site>, weather: Weather) -> Self {
        Self {
            site,
            weather,
            steps: 0,
            acd_changed: false,
            agents_changed: BTreeSet::new(),
            troubles: Troubles::default(),
            adrift: BTreeMap::new(),
            next_second: Time(0),
            muted: BTreeMap::new(),
            dialogs: BTreeMap::new(),
            closed: VecDeque::new(),
            seats: Vec::new(),
            crashes: Vec::new(),
            contacts: 0,
            partly_recorded: BTreeSet::new(),
            lost_events: 0,
            panics: 0,
            panicked: BTreeSet::new(),
        }
    }

    /// An event was appended and folded, `now`: what a restart tells is of before.
    pub fn journaled(&mut self, recorded: &Recorded, open: &Open, now: Time) {
        let (about, t) = (&recorded.event.about, recorded.event.t);
        assert_eq!(open.anomalies, 0, "(9, 13) an event names what is not open: {recorded:?}");
        let contact = about.contact.and_then(|contact| open.contacts.get(&contact));
        if let (Some(contact), Some(item), Some(_)) = (contact, about.item, about.offer) {
            self.troubles.offer_moved(contact, item, about.group);
        }
        match &recorded.event.kind {
            Kind::OfferEnded { ending, .. } => {
                let won = |o: &OpenOffer| o.item == about.item && is_decided(o.phase);
                let by_another = contact.is_some_and(|contact| contact.offers.values().any(won));
                if !(by_another && *ending == OfferEnding::LostRace) {
                    self.troubles.offer_ended(about, *ending, t);
                }
                self.acd_changed = true;
            }
            Kind::ItemEntered { .. } | Kind::ItemLeft { .. } | Kind::OfferMade { .. } => self.acd_changed = true,
            Kind::AgentWish { .. } | Kind::AgentReachable { .. } | Kind::AgentGroups { .. } => self.acd_changed = true,
            Kind::ItemPriority { .. } => self.acd_changed = true,
            Kind::AgentSignedIn { .. } | Kind::AgentSignedOut => {
                let is_in = matches!(recorded.event.kind, Kind::AgentSignedIn { .. });
                self.seats.extend(about.agent.map(|agent| (agent, t, is_in)));
                self.agents_changed.extend(about.agent);
                self.acd_changed = true;
            }
            Kind::AgentWork { .. } | Kind::AgentWorkEnded { .. } => {
                self.agents_changed.extend(about.agent);
                self.acd_changed = true;
            }
            Kind::LegMuted { .. } => self.muted.extend(about.contact.map(|contact| (contact, t))),
            Kind::LegDialog { dialog } => {
                if let Some(leg) = about.leg {
                    self.dialogs.insert(leg, dialog.call_id.clone());
                }
            }
            Kind::RecordingStarted { .. } | Kind::RecordingEnded { .. } if recorded.event.by.command.is_some() => {
                self.partly_recorded.extend(about.contact);
            }
            Kind::Alarm { alarm: AlarmKind::InternalError, .. } if contact.is_some() => {
                self.panicked.extend(about.contact);
            }
            Kind::ContactOpened { .. } => self.contacts += 1,
            Kind::ContactClosed { .. } => self.closed.extend(about.contact.map(|contact| (now, contact))),
            _ => {}
        }
    }

    pub fn crashed(&mut self, open: &Open, lost: usize, t: Time) {
        assert_eq!(open.anomalies, 0, "(13) the committed journal folds cleanly");
        self.crashes.push(t);
        self.lost_events += lost;
        // what happened only in the lost tail did not happen
        self.adrift.clear();
        self.troubles = Troubles::default();
    }

    /// What is over and was judged, or is not to be judged.
    pub fn forget(&mut self) {
        self.dialogs.clear();
        self.closed.clear();
        self.seats.clear();
        self.partly_recorded.clear();
        self.muted.clear();
        self.panicked.clear();
    }

    pub fn expect_panics(&mut self, panics: u64) {
        self.panics = panics;
    }

    /// Another machine in its place: all that was said is on disk or will be.
    pub fn renewed(&mut self, t: Time) {
        self.crashes.push(t);
        self.panics = 0;
        self.adrift.clear();
        self.troubles = Troubles::default();
    }

    pub fn after_step(&mut self, view: &CheckView, ports: &Ports) {
        self.steps += 1;
        let open = &view.disk.open;
        let panics = view.tenant.map_or(0, |tenant| tenant.contacts().panics);
        assert_eq!(panics, self.panics, "a contact panicked by itself");
        for agent in std::mem::take(&mut self.agents_changed) {
            capacity(open, agent);
            works_where_he_is(open, agent);
            one_winner(open, agent);
        }
        if std::mem::take(&mut self.acd_changed)
            && let Some((item, agent)) = reference_eligible(open, &self.site, &self.troubles, view.t)
        {
            panic!(
                "(2) item {item} waits and agent {agent} is free:\n{:#?}\n{:#?}",
                open.contacts, open.agents[&agent]
            );
        }
        if self.steps.is_multiple_of(FOLD_EVERY) {
            live::equals_fold(view.tenant.expect("it has just stepped"), open);
        }
        if view.t >= self.next_second {
            self.next_second = view.t + Span::seconds(1);
            self.each_second(view, ports);
        }
    }

    fn each_second(&mut self, view: &CheckView, ports: &Ports) {
        let open = &view.disk.open;
        assert!(
            view.sound.legs.len() <= view.sound.held(ports, INTERFACE),
            "(10) more open legs than ports were taken"
        );
        self.hush(view);
        self.whereabouts(view);
        while let Some(&(at, contact)) = self.closed.front()
            && at + SETTLED <= view.t
        {
            self.closed.pop_front();
            self.contact_done(view, contact);
        }
        if let Some((item, agent)) = reference_eligible(open, &self.site, &self.troubles, view.t) {
            panic!("(2) item {item} waits and agent {agent} is free, with nothing happening");
        }
    }

    /// (6) An answered customer always hears something, unless somebody was told not to be heard or him not to hear.
    fn hush(&self, view: &CheckView) {
        for (id, contact) in &view.disk.open.contacts {
            let talks = talkers(contact) > 1;
            let in_flow = contact.flow.is_some() && contact.items.is_empty() && !talks;
            let limit = if in_flow { HUSH_IN_FLOW } else { HUSH };
            let others_are_muted = contact.legs.values().any(|l| l.role != LegRole::Customer && l.muted_from);
            let hears = |l: &OpenLeg| l.answered.is_some() && !l.muted_to && !others_are_muted;
            let customers = contact.legs.iter().filter(|(_, l)| l.role == LegRole::Customer && hears(l));
            for (leg, _) in customers {
                let Some(since) = view.sound.quiet_since(*leg) else { continue };
                let since = self.muted.get(id).map_or(since, |muted| since.max(*muted));
                assert!(view.t - since <= limit, "(6) leg {leg} hears nothing since {since:?}: {contact:#?}");
            }
        }
    }

    /// (6) Every answered customer is in exactly one of flow, queue, call, ending.
    fn whereabouts(&mut self, view: &CheckView) {
        let mut adrift = BTreeMap::new();
        for (id, contact) in &view.disk.open.contacts {
            let answered = |role| contact.legs.values().filter(|l| l.role == role && l.answered.is_some()).count();
            if answered(LegRole::Customer) == 0 {
                continue;
            }
            let in_queue = contact.items.values().any(|item| item.call.is_none());
            let in_call = talkers(contact) > 1;
            let is_dialled = contact.legs.values().any(|l| l.role != LegRole::Supervisor && l.answered.is_none());
            let in_flow = contact.flow.is_some();
            let in_one = in_queue != in_call || (!in_queue && !in_call && (in_flow || is_dialled));
            if !in_one {
                let since = self.adrift.get(id).copied().unwrap_or(view.t);
                let limit = if view.sound.plays(*id, "tones/busy") { TONE } else { HUSH };
                assert!(view.t - since <= limit, "(6) contact {id} is nowhere since {since:?}: {contact:#?}");
                adrift.insert(*id, since);
            }
        }
        self.adrift = adrift;
    }

    fn contact_done(&mut self, view: &CheckView, contact: ContactId) {
        let key = (self.site.tenant, contact);
        let Some(record) = view.disk.rows.contacts.get(&key) else {
            assert!(!self.crashes.is_empty(), "(3) contact {contact} has no record");
            return;
        };
        records::is_sound(record, self.partly_recorded.contains(&contact));
        records::outlives_no_process(record, &self.crashes);
        if self.panicked.remove(&contact) {
            assert_eq!(record.disposition, Some(Disposition::InternalError), "contact {contact} panicked and went on");
        }
        records::equals_diaries(record, &self.dialogs, view.uas, self.slack(), &self.crashes);
        for leg in record.legs.iter().filter(|leg| records::moved_away(record, leg).is_none()) {
            self.dialogs.remove(&leg.leg);
        }
    }

    /// How far our times and a far end's may lie apart.
    fn slack(&self) -> Span {
        match self.weather.loss > 0.0 {
            // 64*T1: as long as anything is repeated
            true => Span::seconds(32) + self.weather.longest(),
            // a BYE waits for the ACK of an answer that is on its way
            false => self.weather.longest() * 3 + Span::millis(20),
        }
    }

    /// Everybody has hung up and everything late has arrived.
    pub fn finish(&mut self, view: &CheckView, ports: &Ports) {
        let tenant = view.tenant.expect("a run ends with a living machine");
        while let Some((_, contact)) = self.closed.pop_front() {
            self.contact_done(view, contact);
        }
        assert!(view.disk.open.contacts.is_empty(), "(3) contacts that never ended: {:#?}", view.disk.open.contacts);
        let (left, counts) = (tenant.left_over(), tenant.endpoint().counts());
        assert!(left.is_empty(), "(10) the machine is not at rest: {left:?}, {counts:?}");
        assert_eq!(view.sound.held(ports, INTERFACE), 0, "(10) ports are held at rest");
        assert!(view.sound.is_at_rest(), "(10) sound is left: {:?}", view.sound);
        live::equals_fold(tenant, &view.disk.open);
        let unclosed = view.disk.rows.contacts.values().find(|record| record.closed.is_none());
        assert!(unclosed.is_none(), "(3) a record without an end: {unclosed:#?}");
        assert_eq!(view.disk.rows.orphans(), 0, "(3) events about contacts that have no record");
        records::intervals_tile(&view.disk.rows, &self.seats, &self.crashes);
        for ua in view.uas {
            records::every_invite_ends(ua, view.t, &self.crashes, self.weather.loss > 0.0);
        }
    }
}

/// Those who talk, or hear that nobody does. Whom an offer has brought is one of them once there was sound from him, and
/// from a number outside the key that proves who he is.
fn talkers(contact: &OpenContact) -> usize {
    let has_come = |l: &OpenLeg| {
        let offer = l.offer.and_then(|offer| contact.offers.get(&offer));
        offer.is_none_or(|offer| offer.phase == OfferPhase::Connected)
    };
    let talks = |l: &&OpenLeg| l.answered.is_some() && l.role != LegRole::Supervisor && has_come(l);
    contact.legs.values().filter(talks).count()
}

/// (1) Whoever has accepted has the item alone.
fn one_winner(open: &Open, agent: AgentNo) {
    for contact in open.contacts.values() {
        let live = |item| contact.offers.values().filter(move |o| o.item == item && o.phase != OfferPhase::Connected);
        let won = |o: &&OpenOffer| o.agent == Some(agent) && o.phase == OfferPhase::Accepted;
        for offer in contact.offers.values().filter(won) {
            assert_eq!(live(offer.item).count(), 1, "(1) others are offered what {agent} has: {:#?}", contact.offers);
        }
    }
}

/// (1) Whoever is in a contact with an answered leg has work in it, so that nobody takes him to be free. Whom an offer
/// brought: who calls his own phone is in a contact twice, and the end of one is the end of his work.
fn works_where_he_is(open: &Open, agent: AgentNo) {
    for (id, contact) in &open.contacts {
        let is_his =
            |l: &&OpenLeg| l.agent == Some(agent) && l.offer.is_some() && l.answered.is_some() && l.call.is_some();
        let Some(leg) = contact.legs.values().find(is_his) else { continue };
        let works = open.agents.get(&agent).map(|seat| &seat.works);
        let role = works.and_then(|works| works.get(id)).map(|work| work.role);
        assert!(
            role.is_some_and(|role| role != WorkRole::WrapUp),
            "(1) agent {agent} is in contact {id} and works {role:?} there: {leg:#?} {works:#?}"
        );
    }
}

/// (1) One offer or talk at a time, and never more work than the bound.
fn capacity(open: &Open, agent: AgentNo) {
    let Some(seat) = open.agents.get(&agent) else { return };
    let talks = [WorkRole::Offered, WorkRole::Talking, WorkRole::Consulting, WorkRole::Conference];
    let busy = seat.works.values().filter(|w| talks.contains(&w.role)).count();
    assert!(busy <= 1, "(1) agent {agent} has two offers or talks: {:?}", seat.works);
    assert!(
        seat.works.len() + usize::from(seat.aside.is_some()) <= CALLS_PER_AGENT,
        "(1) agent {agent} has too much work: {:?}",
        seat.works
    );
    let offers = open
        .contacts
        .values()
        .flat_map(|c| c.offers.values())
        .filter(|o| o.agent == Some(agent) && o.phase != OfferPhase::Connected)
        .count();
    assert!(offers <= 1, "(1) agent {agent} has {offers} live offers");
    let offered = seat.works.values().filter(|w| w.role == WorkRole::Offered).count();
    assert_eq!(offers, offered, "(1) agent {agent} is offered something other than he works: {:?}", seat.works);
}
