//! A scenario's stage in the simulator.

use std::collections::BTreeMap;

use cordboard::base::{CommandId, OfferId, Span, Time};
use cordboard::event::words::{Actor, Display, LegRole, TransferMode};
use cordboard::switch::{
    AgentVerb, Answer, Body, CallTarget, CallVerb, Caller, ChairLeaves, Command, ConferenceChange, ConsultVerb,
    Originate, Then, TwoWay, Who,
};
use cordboard::tenant::words::{House, Input};

use crate::disk::DiskFaults;
use crate::net::Weather;
use crate::places::{self, add_carrier, add_phone};
use crate::scenario::place::{self, SECOND_PHONE, Shape};
use crate::scenario::stage::{Record, Stage, lines};
use crate::scenario::ua::Ua;
use crate::world::{Setting, World};

/// How far time goes at once, so that what lasts a moment is seen.
const STEP: Span = Span::millis(10);
/// The phones register before the first row.
const REGISTERING: Span = Span::seconds(1);

pub struct Sim {
    world: World,
    replies: BTreeMap<&'static str, u64>,
}

impl Sim {
    /// All phones but the second are registered, and all agents are signed in and ready when the first row begins.
    pub fn new(seed: u64, shape: &Shape, weather: Weather) -> Self {
        let setting =
            Setting { seed, site: places::site(shape), flows: places::flows(), weather, faults: DiskFaults::default() };
        let mut world = World::new(setting);
        add_carrier(&mut world, shape.trunk_wire);
        for (name, number, wire) in place::PHONES {
            let ua = add_phone(&mut world, name, number, wire, 600);
            if name != SECOND_PHONE {
                world.touch(ua, |ua, t| ua.register(t));
            }
        }
        let mut sim = Self { world, replies: BTreeMap::new() };
        sim.world.run(sim.world.started + REGISTERING);
        for agent in ["ana", "bo"].map(place::agent) {
            sim.agent(agent, AgentVerb::SignIn { station: None, groups: None });
            sim.agent(agent, AgentVerb::Ready);
        }
        sim
    }

    /// When a row's moment is.
    fn time(&self, at: Span) -> Time {
        self.world.started + REGISTERING + at
    }

    fn command(&mut self, id: Option<&str>, body: Body) -> u64 {
        let id = id.map(|id| CommandId { token: 1, id: id.to_owned() });
        self.world.command(Command { id, actor: Actor::Integration(1), body })
    }

    /// Of the one contact that lives.
    fn verb(&mut self, verb: CallVerb) {
        let contact = *self.world.disk.open.contacts.keys().next().expect("a contact");
        self.command(None, Body::Call { contact, verb });
    }

    fn house(&mut self, house: House) {
        self.world.house = house;
        self.world.feed(Input::House(house));
    }
}

impl Stage for Sim {
    const IS_SIM: bool = true;

    fn uas(&self) -> &[Ua] {
        &self.world.uas
    }

    fn touch<R>(&mut self, ua: usize, act: impl FnOnce(&mut Ua, Time) -> R) -> R {
        self.world.touch(ua, act)
    }

    fn reach(&mut self, at: Span) {
        self.world.run(self.time(at));
    }

    fn advance(&mut self, _from: Span, until: Span) -> bool {
        let until = self.time(until);
        let to = until.min(self.world.t + STEP);
        self.world.run(to);
        to == until
    }

    fn agent(&mut self, id: &str, verb: AgentVerb) {
        let agent = self.world.site.agent(id).expect("an agent of the site").no;
        self.command(None, Body::Agent { agent, verb, force: None });
    }

    fn order(&mut self, id: &'static str, to: &str, flow: &str) {
        let (to, then) = (to.to_owned(), Then::Flow(flow.to_owned()));
        let reply =
            self.command(Some(id), Body::Originate(Originate { to, then, from: None, data: serde_json::Map::new() }));
        self.replies.insert(id, reply);
    }

    fn lets_call(&mut self, id: &'static str, by: Result<&str, &str>, to: &str) {
        let by = match by {
            Ok(agent) => Caller::Agent(self.world.site.agent(agent).expect("an agent of the site").no),
            Err(number) => Caller::Number(number.to_owned()),
        };
        let to = CallTarget::Number(to.to_owned());
        let data = serde_json::Map::new();
        let order = TwoWay { by, to: Some(to), group: None, from: None, auto_answer: None, ring: None, data };
        let reply = self.command(Some(id), Body::TwoWay(order));
        self.replies.insert(id, reply);
    }

    fn gives(&mut self, by: &str, mode: TransferMode, to: Result<&str, &str>) {
        let site = &self.world.site;
        let no = |id: &str| site.agent(id).expect("an agent of the site").no;
        let to = match to {
            Ok(agent) => CallTarget::Agent { agent: no(agent), wait: Span::ZERO },
            Err(group) => CallTarget::Groups(vec![site.group(group).expect("a group of the site").no]),
        };
        let who = Some(Who::Agent(no(by)));
        self.verb(CallVerb::Transfer { who, mode, to, from: None, ring: None });
    }

    fn lends(&mut self, by: &str, flow: &str) {
        let who = Some(Who::Agent(self.world.site.agent(by).expect("an agent of the site").no));
        let to = CallTarget::Flow { key: flow.to_owned(), data: serde_json::Map::new() };
        self.verb(CallVerb::Transfer { who, mode: TransferMode::ComeBack, to, from: None, ring: None });
    }

    fn sends_on(&mut self, by: &str, offer: OfferId, group: &str) {
        let agent = self.world.site.agent(by).expect("an agent of the site").no;
        let to = CallTarget::Groups(vec![self.world.site.group(group).expect("a group of the site").no]);
        self.command(None, Body::SendOn { agent, offer, to, ring: None, reason: None });
    }

    fn decides(&mut self, by: &str, verb: ConsultVerb) {
        let who = Some(Who::Agent(self.world.site.agent(by).expect("an agent of the site").no));
        self.verb(CallVerb::Consult { who, verb });
    }

    fn convenes(&mut self, id: &'static str, by: &str) {
        let by = Caller::Agent(self.world.site.agent(by).expect("an agent of the site").no);
        let data = serde_json::Map::new();
        let order = TwoWay { by, to: None, group: None, from: None, auto_answer: None, ring: None, data };
        let reply = self.command(Some(id), Body::TwoWay(order));
        self.replies.insert(id, reply);
    }

    fn invites(&mut self, by: &str, to: &str) {
        let who = Some(Who::Agent(self.world.site.agent(by).expect("an agent of the site").no));
        let (to, chair_leaves) = (CallTarget::Number(to.to_owned()), ChairLeaves::PassOn);
        self.verb(CallVerb::Invite { who, to, from: None, ring: None, chair_leaves });
    }

    fn passes_keys(&mut self, to: &str) {
        let to = Some(Who::Agent(self.world.site.agent(to).expect("an agent of the site").no));
        let legs = self.world.disk.open.contacts.values().flat_map(|contact| &contact.legs);
        let customer = legs.filter(|(_, leg)| leg.role == LegRole::Customer).map(|(leg, _)| *leg).next();
        self.verb(CallVerb::PassDigits { who: customer.map(Who::Leg), to, on: true });
    }

    fn limits(&mut self, seats: usize, length: Span, warn: Span) {
        let (seats, length, warn) = (Some(seats), Some(length), Some(warn));
        self.verb(CallVerb::Conference { change: ConferenceChange { seats, length, warn, sounds: Vec::new() } });
    }

    fn end_all(&mut self) {
        let contacts: Vec<_> = self.world.disk.open.contacts.keys().copied().collect();
        for contact in contacts {
            self.command(None, Body::Hangup { contact, who: None, supervisor: None });
        }
    }

    fn crash(&mut self) {
        self.world.crash(Span::seconds(1));
    }

    fn drain(&mut self) {
        self.house(House::Draining);
    }

    fn drain_ends(&mut self) {
        self.house(House::Ending);
    }

    fn shows(&mut self, id: &str) -> Option<Display> {
        let no = self.world.site.agent(id).expect("an agent of the site").no;
        self.world.tenant.as_ref()?.acd().snapshot(no).map(|snapshot| snapshot.display)
    }

    fn offer(&mut self, id: &str) -> Option<OfferId> {
        let no = self.world.site.agent(id).expect("an agent of the site").no;
        let offers = self.world.disk.open.contacts.values().flat_map(|contact| &contact.offers);
        offers.filter(|(_, offer)| offer.agent == Some(no)).map(|(offer, _)| *offer).next_back()
    }

    fn accepted(&self, id: &str) -> Option<bool> {
        match self.world.answers.get(self.replies.get(id)?)? {
            (Answer::Accepted { .. }, _) => Some(true),
            (Answer::Refused { .. }, _) => Some(false),
        }
    }

    fn contacts(&mut self) -> usize {
        // while the process is away nobody counts
        self.world.tenant.as_ref().map_or(usize::MAX, |tenant| tenant.live_contacts())
    }

    fn record(&mut self, from: &str) -> Option<Record> {
        let record = self.world.disk.rows.contacts.values().rev().find(|record| record.from == from)?;
        Some(Record {
            disposition: record.disposition,
            side: record.side,
            offers: record.offers.iter().filter_map(|offer| offer.ending).collect(),
            digits: record.digits.iter().map(|d| d.digit).collect(),
        })
    }

    fn records(&mut self) -> (usize, usize) {
        let records = &self.world.disk.rows.contacts;
        (records.len(), records.values().filter(|record| record.closed.is_some()).count())
    }

    fn tell(&mut self) -> String {
        let diaries: Vec<_> =
            self.world.uas.iter().map(|ua| (&ua.name, &ua.diaries)).filter(|(_, d)| !d.is_empty()).collect();
        let records: Vec<_> = self
            .world
            .disk
            .rows
            .contacts
            .values()
            .map(|r| {
                let offers: Vec<_> = r.offers.iter().map(|o| (o.agent, o.ending)).collect();
                let legs: Vec<_> = r.legs.iter().map(|l| (l.role, l.cause, l.side, l.sip_status)).collect();
                (&r.from, &r.to, r.disposition, r.side, r.cause, offers, legs)
            })
            .collect();
        let agents: Vec<_> = self.world.disk.open.agents.iter().collect();
        format!("{}\n{}\n{}", lines(&diaries), lines(&records), lines(&agents))
    }

    fn finish(mut self) {
        self.world.finish();
    }
}
