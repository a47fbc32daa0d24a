//! A scenario's stage in the simulator.

use std::collections::BTreeMap;

use cordboard::base::{AgentNo, CommandId, Span};
use cordboard::event::words::{Actor, Wire};
use cordboard::ledger::ContactRecord;
use cordboard::switch::{AgentVerb, Answer, Body, Command, Originate};
use cordboard::tenant::words::{House, Input};

use crate::disk::DiskFaults;
use crate::net::Weather;
use crate::places::{self, Shape, add_carrier, add_phone};
use crate::stage::{Act, Expect, Stage, Who};
use crate::ua::call::{CallNo, Deed, Diary, Phase, Plan};
use crate::world::{Setting, World};

/// How far time goes at once, so that what lasts a moment is seen.
const STEP: Span = Span::millis(10);

pub struct Sim {
    world: World,
    /// Calls by who began or got them last.
    calls: BTreeMap<String, (usize, CallNo)>,
    callers: Vec<&'static str>,
    replies: BTreeMap<&'static str, u64>,
}

impl Sim {
    /// ana and bo are agents at 1001 and 1002, cai, dana and eve have the phones 1900 to 1902; `ana2` is ana's second
    /// phone, and does not register by itself. All others are signed in and ready when the first row begins.
    pub fn new(seed: u64, shape: &Shape, weather: Weather) -> Self {
        let setting =
            Setting { seed, site: places::site(shape), flows: places::flows(), weather, faults: DiskFaults::default() };
        let mut world = World::new(setting);
        add_carrier(&mut world);
        let phones = [
            ("ana", "1001", Wire::Udp),
            ("bo", "1002", Wire::Tcp),
            ("cai", "1900", Wire::Udp),
            ("dana", "1901", Wire::Tcp),
            ("eve", "1902", Wire::Udp),
        ];
        for (name, number, wire) in phones {
            let ua = add_phone(&mut world, name, number, wire, 600);
            world.touch(ua, |ua, t| ua.register(t));
        }
        add_phone(&mut world, "ana2", "1001", Wire::Udp, 600);
        let mut sim = Self { world, calls: BTreeMap::new(), callers: Vec::new(), replies: BTreeMap::new() };
        sim.world.run(sim.world.started + Span::seconds(1));
        for agent in ["ana", "bo"] {
            sim.agent(agent, AgentVerb::SignIn { station: None });
            sim.agent(agent, AgentVerb::Ready);
        }
        sim
    }

    fn agent_no(&self, who: Who) -> AgentNo {
        let id = match who {
            "ana" => "a0",
            "bo" => "a1",
            other => panic!("{other} is no agent"),
        };
        self.world.site.agent(id).expect("an agent of the site").no
    }

    fn agent(&mut self, who: Who, verb: AgentVerb) {
        let agent = self.agent_no(who);
        self.world.command(Command { id: None, actor: Actor::Integration(1), body: Body::Agent { agent, verb } });
    }

    /// The call this word stands for: the caller's own, or whatever call the phone has now.
    fn call_of(&self, who: Who) -> Option<(usize, CallNo)> {
        match self.world.uas.iter().position(|ua| ua.name == who) {
            Some(ua) => self.world.uas[ua].live_call().or(self.last_call(ua)).map(|call| (ua, call)),
            None => self.calls.get(who).copied(),
        }
    }

    fn last_call(&self, ua: usize) -> Option<CallNo> {
        self.world.uas[ua].diaries.keys().next_back().copied()
    }

    fn diary(&self, who: Who) -> Option<&Diary> {
        let (ua, call) = self.call_of(who)?;
        self.world.uas[ua].diaries.get(&call)
    }

    fn phase(&self, who: Who) -> Option<Phase> {
        let (ua, call) = self.call_of(who)?;
        self.world.uas[ua].calls.get(&call).map(|c| c.phase)
    }

    /// A caller's number tells his contacts from others.
    fn number_of(&mut self, who: Who) -> String {
        let n = self.callers.iter().position(|c| *c == who).unwrap_or_else(|| {
            self.callers.push(who);
            self.callers.len() - 1
        });
        format!("+8613900000{n:03}")
    }

    fn calls(&mut self, who: Who, to: &str) {
        let phone = self.world.uas.iter().position(|ua| ua.name == who);
        let from = self.number_of(who);
        let ua = phone.unwrap_or(0);
        let call = self.world.touch(ua, |ua, t| ua.call(to, &from, Plan::default(), t));
        self.calls.insert(who.to_owned(), (ua, call));
    }

    fn on_call(&mut self, who: Who, act: impl FnOnce(&mut crate::ua::Ua, CallNo, cordboard::base::Time)) {
        let (ua, call) = self.call_of(who).unwrap_or_else(|| panic!("{who} has no call"));
        self.world.touch(ua, |ua, t| act(ua, call, t));
    }

    fn order(&mut self, id: &'static str, to: &str, flow: &str) {
        let body = Body::Originate(Originate {
            to: to.to_owned(),
            flow: flow.to_owned(),
            from: None,
            data: serde_json::Map::new(),
        });
        let id_of = CommandId { token: 1, id: id.to_owned() };
        let command = Command { id: Some(id_of), actor: Actor::Integration(1), body };
        let reply = self.world.command(command);
        self.replies.insert(id, reply);
    }

    fn end_all(&mut self) {
        let contacts: Vec<_> = self.world.disk.open.contacts.keys().copied().collect();
        for contact in contacts {
            let body = Body::Hangup { contact, leg: None };
            self.world.command(Command { id: None, actor: Actor::Integration(1), body });
        }
    }

    fn record(&self, who: Who) -> Option<&ContactRecord> {
        let n = self.callers.iter().position(|c| *c == who)?;
        let phone = self.world.uas.iter().find(|ua| ua.name == who).and_then(|ua| ua.account.as_ref());
        let from = phone.map_or_else(|| format!("+8613900000{n:03}"), |account| account.user.clone());
        self.world.disk.rows.contacts.values().rev().find(|record| record.from == from)
    }

    fn house(&mut self, house: House) {
        self.world.house = house;
        self.world.feed(Input::House(house));
    }
}

impl Stage for Sim {
    fn act(&mut self, act: Act) {
        match act {
            Act::Nothing => {}
            Act::Calls(who, to) => self.calls(who, to),
            Act::Presses(who, key) => self.on_call(who, |ua, call, t| ua.carry_out(call, Deed::Press(key), t)),
            Act::Informs(who, key) => self.on_call(who, |ua, call, t| ua.carry_out(call, Deed::Info(key), t)),
            Act::HangsUp(who) => self.on_call(who, |ua, call, t| ua.hang_up(call, t)),
            Act::Answers(who) => self.on_call(who, |ua, call, t| ua.answer(call, t)),
            Act::Rejects(who, status) => self.on_call(who, |ua, call, t| ua.reject(call, status, t)),
            Act::Holds(who) => self.on_call(who, |ua, call, t| ua.carry_out(call, Deed::Hold, t)),
            Act::Retrieves(who) => self.on_call(who, |ua, call, t| ua.carry_out(call, Deed::Retrieve, t)),
            Act::Vanishes(who) => {
                let ua = self.world.named(who);
                self.world.touch(ua, |ua, _| ua.vanish());
            }
            Act::ComesBack(who) => {
                let ua = self.world.named(who);
                self.world.touch(ua, |ua, t| ua.come_back(t));
            }
            Act::Registers(who, password) => {
                let ua = self.world.named(who);
                self.world.touch(ua, |ua, t| {
                    ua.account.as_mut().expect("a phone").password = password.to_owned();
                    ua.come_back(t);
                });
            }
            Act::SignsIn(who) => self.agent(who, AgentVerb::SignIn { station: None }),
            Act::SignsOut(who) => self.agent(who, AgentVerb::SignOut),
            Act::GetsReady(who) => self.agent(who, AgentVerb::Ready),
            Act::GetsNotReady(who) => self.agent(who, AgentVerb::NotReady),
            Act::Orders(id, to, flow) => self.order(id, to, flow),
            Act::EndsAll => self.end_all(),
            Act::Crash => self.world.crash(Span::seconds(1)),
            Act::Drain => self.house(House::Draining),
            Act::DrainEnds => self.house(House::Ending),
        }
    }

    fn advance(&mut self, until: Span) -> bool {
        // the first second was for the phones to register
        let until = self.world.started + Span::seconds(1) + until;
        let to = until.min(self.world.t + STEP);
        self.world.run(to);
        to == until
    }

    fn holds(&mut self, expect: &Expect) -> bool {
        match *expect {
            Expect::HearsRinging(who) => self.diary(who).is_some_and(|d| d.outgoing && d.ringing.is_some()),
            Expect::Rings(who) => {
                self.phase(who) == Some(Phase::Calling) && self.diary(who).is_some_and(|d| !d.outgoing)
            }
            Expect::Talks(who) => {
                self.phase(who) == Some(Phase::Up) && self.diary(who).is_some_and(|d| d.acked.is_some())
            }
            Expect::IsIdle(who) => matches!(self.phase(who), Some(Phase::Over) | None),
            Expect::Gets(who, status) => self.diary(who).and_then(Diary::last_final) == Some(status),
            Expect::GetsBye(who) => self.diary(who).is_some_and(|d| d.bye_received.is_some()),
            Expect::GetsCancel(who) => self.diary(who).is_some_and(|d| !d.outgoing && d.cancelled.is_some()),
            Expect::RegisterGets(who, status) => {
                let ua = self.world.named(who);
                self.world.uas[ua].register_status == Some(status)
            }
            Expect::Shows(who, display) => {
                let no = self.agent_no(who);
                let snapshot = self.world.tenant.as_ref().and_then(|tenant| tenant.acd().snapshot(no));
                snapshot.is_some_and(|s| s.display == display)
            }
            Expect::Accepted(id) => matches!(self.answer(id), Some(Answer::Accepted { .. })),
            Expect::TurnsDown(id) => matches!(self.answer(id), Some(Answer::Refused { .. })),
            Expect::Contacts(n) => self.world.tenant.as_ref().is_some_and(|tenant| tenant.live_contacts() == n),
            Expect::Record(who, disposition, side, offers) => self.record(who).is_some_and(|record| {
                let endings: Vec<_> = record.offers.iter().filter_map(|offer| offer.ending).collect();
                (record.disposition, record.side) == (Some(disposition), Some(side)) && endings == offers
            }),
            Expect::Records(n) => {
                let records = &self.world.disk.rows.contacts;
                records.len() == n && records.values().all(|record| record.closed.is_some())
            }
            Expect::Digits(who, digits) => {
                self.record(who).is_some_and(|r| r.digits.iter().map(|d| d.digit).eq(digits.chars()))
            }
        }
    }

    fn tell(&self) -> String {
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
        format!("{diaries:#?}\n{records:#?}\n{:#?}", self.world.disk.open.agents)
    }

    fn finish(mut self) {
        let busy: Vec<_> = (0..self.world.uas.len()).collect();
        for ua in busy {
            let calls: Vec<CallNo> = self.world.uas[ua].calls.keys().copied().collect();
            for call in calls {
                self.world.touch(ua, |ua, t| ua.hang_up(call, t));
            }
        }
        self.world.finish();
    }
}

impl Sim {
    fn answer(&self, id: &'static str) -> Option<&Answer> {
        self.replies.get(id).and_then(|reply| self.world.answers.get(reply)).map(|(answer, _)| answer)
    }
}
