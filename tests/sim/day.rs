//! Days of calls: callers arrive by chance, agents come, go, refuse and forget, phones call each other and outside,
//! orders are placed and repeated; in rough days datagrams are lost, phones lose power, disks stall and processes die.
//! Owns who does what when. Leaves looking on to `check`.

use std::collections::BTreeMap;

use cordboard::base::{AgentNo, CommandId, ExtensionNo, GroupNo, Rng, Span};
use cordboard::event::words::{Actor, Disposition, Line, OfferEnding, OfferWay, Station, Wire};
use cordboard::switch::{AgentVerb, Answer as CommandAnswer, Body, Command, Force, Originate, Then};

use crate::chance::{self, Client, Memory};
use crate::disk::DiskFaults;
use crate::net::Weather;
use crate::places::{self, add_carrier, add_phone};
use crate::scenario::place::Shape;
use crate::scenario::ua::call::{Answer, Call, CallNo, Deed, Phase, Plan};
use crate::world::{Panics, Setting, World};

/// How much of what.
#[derive(Clone, Copy)]
struct Kind {
    agents: usize,
    contacts: u32,
    /// Mean time between two callers.
    every: Span,
    rough: bool,
    /// Clients ask for verbs by chance, phones transfer by themselves.
    verbs: bool,
    /// Inputs that make a contact or the machine panic.
    poison: bool,
    /// To whom `support` offers a caller.
    strategy: &'static str,
}

/// One row per actor: which cue wakes it, and how long it sleeps on average. The callers' is the kind's own.
const CALLER: u64 = 0;
const PHONE: u64 = 1;
const OUTSIDE: u64 = 2;
const ORDER: u64 = 3;
const SHIFT: u64 = 4;
const MISHAP: u64 = 5;
const CRASH: u64 = 6;
const VERB: u64 = 7;
const TRICK: u64 = 8;
const POISON: u64 = 9;

/// Orders whose id comes a second time.
const REPEATED: f64 = 0.3;

struct Day {
    world: World,
    kind: Kind,
    /// Callers and whoever else begins a contact.
    begun: u32,
    orders: u64,
    verbs: u64,
    accepted: BTreeMap<&'static str, u64>,
    memory: Memory,
    rng: Rng,
}

/// What a run came to.
#[derive(Debug, PartialEq)]
struct Outcome {
    journal: String,
    contacts: u64,
    crashes: usize,
    lost_events: usize,
    steps: u64,
    /// Verbs by chance; by word those that were accepted.
    verbs: u64,
    accepted: BTreeMap<&'static str, u64>,
    /// How many records have which disposition, and offers which ending.
    dispositions: BTreeMap<Disposition, usize>,
    endings: BTreeMap<OfferEnding, usize>,
}

/// Exponential: the time between two events that know nothing of each other.
fn chance_of(mean: Span, rng: &mut Rng) -> Span {
    let even = (rng.u32() as f64 + 1.0) / 4_294_967_296.0;
    Span((-even.ln() * mean.0 as f64) as i64)
}

fn between(low: Span, high: Span, rng: &mut Rng) -> Span {
    Span(low.0 + rng.below((high.0 - low.0) as u64) as i64)
}

fn millis(low: i64, high: i64, rng: &mut Rng) -> Span {
    between(Span::millis(low), Span::millis(high), rng)
}

/// What an agent does when his phone rings.
fn agent(rng: &mut Rng) -> Plan {
    let answer = match rng.below(100) {
        0..93 => Answer::After(millis(500, 8_000, rng)),
        93..96 => Answer::Reject([486, 603, 480, 500][rng.below(4) as usize], millis(500, 5_000, rng)),
        _ => Answer::ByHand,
    };
    let mut deeds = Vec::new();
    if rng.chance(0.1) {
        deeds.extend([(Span::seconds(4), Deed::Hold), (Span::seconds(4) + millis(1_000, 30_000, rng), Deed::Retrieve)]);
    }
    if rng.chance(0.6) {
        deeds.push((Span::seconds(35) + chance_of(Span::seconds(80), rng), Deed::HangUp));
    }
    Plan { answer, deeds, ..Plan::default() }
}

/// The same, and sometimes the phone's power goes.
fn unlucky_agent(rng: &mut Rng) -> Plan {
    let mut plan = agent(rng);
    if rng.chance(0.01) {
        plan.answer = Answer::Vanish(millis(500, 5_000, rng));
    } else if rng.chance(0.02) {
        plan.deeds.push((Span::seconds(500), Deed::HangUp));
        plan.deeds[0] = (millis(100, 30_000, rng), Deed::Vanish);
    }
    plan
}

/// Whoever is called outside, or at a phone that is no agent's.
fn anybody(rng: &mut Rng) -> Plan {
    let answer = match rng.below(100) {
        0..70 => Answer::After(millis(500, 12_000, rng)),
        70..85 => Answer::Reject([486, 603, 404][rng.below(3) as usize], millis(200, 5_000, rng)),
        _ => Answer::ByHand,
    };
    let talk = chance_of(Span::seconds(50), rng);
    let mut deeds = vec![(talk, Deed::HangUp)];
    if rng.chance(0.6) {
        // an agent at a number outside is asked for it
        deeds.insert(0, (talk.min(millis(500, 6_000, rng)), Deed::Press('1')));
    }
    Plan { answer, deeds, ..Plan::default() }
}

/// A caller: what he presses, and when he has had enough, in whatever phase that finds him.
fn caller(rng: &mut Rng) -> Plan {
    let mut deeds = Vec::new();
    match rng.below(100) {
        0..80 => deeds.push((millis(500, 14_000, rng), Deed::Press('1'))),
        80..85 => deeds.push((millis(500, 14_000, rng), Deed::Info('1'))),
        85..92 => deeds.extend([(millis(3_000, 9_000, rng), Deed::Press('7')), (Span::seconds(13), Deed::Press('1'))]),
        _ => {}
    }
    let enough = chance_of(Span::seconds(if rng.chance(0.2) { 12 } else { 150 }), rng);
    deeds.push((enough, Deed::HangUp));
    deeds.sort_by_key(|(after, _)| *after);
    Plan { patience: Some(millis(2_000, 40_000, rng)), deeds, ..Plan::default() }
}

impl Day {
    fn new(seed: u64, kind: Kind) -> Self {
        let Kind { agents, strategy, .. } = kind;
        let shape = Shape { agents, calls: 5_000, digest: "both", trunk_calls: 4_000, strategy, ..Shape::SMALL };
        let (weather, faults) = match kind.rough {
            true => (Weather::FOUL, DiskFaults { stall: 0.0002, refuse: 0.001, unsaved: 0.01 }),
            false => (Weather::FINE, DiskFaults::default()),
        };
        let mut site = places::site(&shape);
        let groups: Vec<GroupNo> = site.groups.keys().copied().collect();
        // some of them supervise
        site.agents.values_mut().step_by(3).for_each(|agent| agent.supervises.clone_from(&groups));
        if kind.verbs {
            // others are shown by their clients what they are offered
            site.agents.values_mut().skip(1).step_by(4).for_each(|agent| agent.offer = Some(OfferWay::Client));
        }
        let setting = Setting { seed, site, flows: places::flows(), weather, faults };
        let mut world = World::new(setting);
        let carrier = add_carrier(&mut world, Wire::Udp);
        world.uas[carrier].manner = anybody;
        for n in 0..kind.agents {
            let wire = if n % 3 == 2 { Wire::Tcp } else { Wire::Udp };
            let ua = add_phone(&mut world, &format!("a{n}"), &(1001 + n).to_string(), wire, 1_800);
            world.uas[ua].manner = if kind.rough { unlucky_agent } else { agent };
        }
        for number in ["1900", "1901", "1902"] {
            let ua = add_phone(&mut world, number, number, Wire::Udp, 1_800);
            world.uas[ua].manner = anybody;
        }
        for ua in 1..world.uas.len() {
            world.touch(ua, |ua, t| ua.register(t));
        }
        let rng = world.ua_rng();
        Self { world, kind, begun: 0, orders: 0, verbs: 0, accepted: BTreeMap::new(), memory: Memory::default(), rng }
    }

    fn run(mut self) -> (Outcome, Panics) {
        self.world.run(self.world.started + Span::seconds(10));
        for n in 0..self.kind.agents {
            self.agent(n, AgentVerb::SignIn { station: None, groups: None });
            self.agent(n, AgentVerb::Ready);
        }
        for cue in [CALLER, PHONE, OUTSIDE, ORDER, SHIFT, MISHAP, CRASH, VERB, TRICK, POISON] {
            self.again(cue);
        }
        while self.begun < self.kind.contacts {
            self.world.run(self.world.t + Span::hours(1));
            if let Some(cue) = self.world.cues.pop_front() {
                self.perform(cue);
                self.again(cue);
            }
        }
        self.close()
    }

    /// The evening: nobody comes any more, and whoever still talks after a while is asked to stop.
    fn close(mut self) -> (Outcome, Panics) {
        let evening = self.world.t + Span::minutes(12);
        while !self.world.run(evening) {
            self.world.cues.clear();
        }
        self.world.dies_after = None;
        while self.world.tenant.is_none() {
            self.world.run(self.world.t + Span::seconds(1));
        }
        for n in self.at_permanent_stations() {
            // their phones would be rung again all night
            self.force(n, AgentVerb::SignOut);
        }
        for ua in 0..self.world.uas.len() {
            if self.world.uas[ua].gone {
                // a dark phone would be asked for signs of life all night
                self.world.touch(ua, |ua, t| ua.come_back(t));
            }
            let calls: Vec<_> = self.world.uas[ua].calls.keys().copied().collect();
            for call in calls {
                self.world.touch(ua, |ua, t| ua.hang_up(call, t));
            }
        }
        self.world.finish();
        let check = &self.world.check;
        let records = self.world.disk.rows.contacts.values();
        let (mut dispositions, mut endings) = (BTreeMap::new(), BTreeMap::new());
        for record in records {
            record.disposition.into_iter().for_each(|d| *dispositions.entry(d).or_default() += 1);
            record.offers.iter().filter_map(|o| o.ending).for_each(|e| *endings.entry(e).or_default() += 1);
        }
        let outcome = Outcome {
            journal: self.world.disk.digest(),
            contacts: check.contacts,
            crashes: check.crashes.len(),
            lost_events: check.lost_events,
            steps: self.world.step,
            verbs: self.verbs,
            dispositions,
            endings,
            accepted: std::mem::take(&mut self.accepted),
        };
        (outcome, self.world.panics.clone())
    }

    fn at_permanent_stations(&self) -> Vec<usize> {
        let agents = &self.world.disk.open.agents;
        let is_there = |n: &usize| {
            let agent = self.world.site.agent(&format!("a{n}")).expect("an agent of the site").no;
            agents.get(&agent).is_some_and(|agent| agent.station.permanent().is_some())
        };
        (0..self.kind.agents).filter(is_there).collect()
    }

    fn again(&mut self, cue: u64) {
        let mean = match cue {
            CALLER => self.kind.every,
            PHONE | OUTSIDE | ORDER => Span(self.kind.every.0 * 12),
            VERB | TRICK if !self.kind.verbs => return,
            VERB => Span(self.kind.every.0 / 8),
            TRICK => Span(self.kind.every.0 * 4),
            POISON if !self.kind.poison => return,
            POISON => Span(self.kind.every.0 * 8),
            SHIFT => Span(600_000_000 / self.kind.agents as i64),
            MISHAP if self.kind.rough => Span::seconds(60),
            CRASH if self.kind.rough => Span::minutes(9),
            _ => return,
        };
        let at = self.world.t + chance_of(mean, &mut self.rng);
        self.world.cue(at, cue);
    }

    fn perform(&mut self, cue: u64) {
        match cue {
            CALLER => self.caller(),
            PHONE => self.phone(["1900", "1901", "1902", "1003", "1001"]),
            OUTSIDE => self.phone(["913800000000", "913900001111", "110", "7777", "9002"]),
            ORDER => self.order(),
            SHIFT => self.shift(),
            MISHAP => self.mishap(),
            VERB => self.verb(),
            TRICK => self.trick(),
            POISON => self.world.poison = Some(self.rng.below(4)),
            _ => self.world.dies_after = Some((1 + self.rng.below(60), millis(1_000, 4_000, &mut self.rng))),
        }
    }

    fn caller(&mut self) {
        self.begun += 1;
        let plan = caller(&mut self.rng);
        let to = match self.rng.below(100) {
            0..55 => "4008000001",
            55..94 => "4008000002",
            94..98 => "4008000003",
            _ => "4119999999",
        };
        let from = format!("+861390{:07}", self.begun);
        self.world.touch(0, |ua, t| ua.call(to, &from, plan, t));
    }

    /// A phone that has no call dials one of these.
    fn phone(&mut self, numbers: [&str; 5]) {
        let ua = 1 + self.rng.below(self.world.uas.len() as u64 - 1) as usize;
        if self.world.uas[ua].gone || self.world.uas[ua].live_call().is_some() {
            return;
        }
        self.begun += 1;
        let to = numbers[self.rng.below(5) as usize];
        let plan = Plan {
            patience: Some(millis(1_000, 40_000, &mut self.rng)),
            deeds: vec![(chance_of(Span::seconds(40), &mut self.rng), Deed::HangUp)],
            ..Plan::default()
        };
        self.world.touch(ua, |ua, t| ua.call(to, "", plan, t));
    }

    fn order(&mut self) {
        if self.world.tenant.is_none() {
            return;
        }
        self.begun += 1;
        self.orders += 1;
        let to = ["913700000000", "1900", "1001", "7777"][self.rng.below(4) as usize];
        let body = Body::Originate(Originate {
            to: to.to_owned(),
            then: Then::Flow("callback".to_owned()),
            from: self.rng.chance(0.5).then(|| "+864008000001".to_owned()),
            data: serde_json::Map::new(),
        });
        let id = CommandId { token: 1, id: format!("order-{}", self.orders) };
        let command = Command { id: Some(id), actor: Actor::Integration(1), body };
        let reply = self.world.command(command.clone());
        if self.rng.chance(REPEATED) && self.world.tenant.is_some() {
            let again = self.world.command(command);
            let answers = &self.world.answers;
            let accepted = |reply| matches!(answers.get(&reply), Some((CommandAnswer::Accepted { .. }, _)));
            // a process that dies on the way answers nothing
            let Some((_, repeated)) = answers.get(&again).filter(|_| answers.contains_key(&reply)) else { return };
            assert_eq!(accepted(reply), accepted(again), "the same command has the same answer");
            assert!(repeated, "it is known to be a repeat");
        }
    }

    fn agent(&mut self, n: usize, verb: AgentVerb) {
        let agent = self.world.site.agent(&format!("a{n}")).expect("an agent of the site").no;
        let body = Body::Agent { agent, verb, force: None };
        self.world.command(Command { id: None, actor: Actor::Integration(1), body });
    }

    /// A supervisor does it.
    fn force(&mut self, n: usize, verb: AgentVerb) {
        let agent = self.world.site.agent(&format!("a{n}")).expect("an agent of the site").no;
        let force = Force { why: "the day wants it".to_owned(), supervisor: None };
        let body = Body::Agent { agent, verb, force: Some(force) };
        self.world.command(Command { id: None, actor: Actor::Integration(1), body });
    }

    fn shift(&mut self) {
        let n = self.rng.below(self.kind.agents as u64) as usize;
        match self.rng.below(100) {
            0..8 => self.agent(n, AgentVerb::SignOut),
            8..16 => self.agent(n, AgentVerb::NotReady { reason: None }),
            16..19 => self.agent(n, AgentVerb::Rest { reason: None, length: None }),
            19..21 => self.agent(n, AgentVerb::CancelRest),
            21..23 => self.agent(n, AgentVerb::WrapUp { length: Some(Span::seconds(20)) }),
            23 => self.agent(n, AgentVerb::QuitWrapUp),
            24..26 => self.agent(n, AgentVerb::Reserve { length: Span::seconds(15) }),
            26 => self.agent(n, AgentVerb::Release),
            27 => self.force(n, AgentVerb::SignOut),
            28 => self.force(n, AgentVerb::SignIn { station: None, groups: None }),
            29 => self.agent(n, AgentVerb::Groups { groups: None }),
            30..34 => {
                let number = format!("91380013{:04}", 8_000 + n);
                let station = Some(Station::Outside { number, confirm: self.rng.chance(0.7) });
                self.agent(n, AgentVerb::SignOut);
                self.agent(n, AgentVerb::SignIn { station, groups: None });
                self.agent(n, AgentVerb::Ready);
            }
            34..40 if self.kind.verbs => self.settles(n),
            _ => {
                self.agent(n, AgentVerb::SignIn { station: None, groups: None });
                self.agent(n, AgentVerb::Ready);
            }
        }
    }

    /// At a station that is rung once: his phone, or a number outside.
    fn settles(&mut self, n: usize) {
        let extension = ExtensionNo(1 + n as u32);
        let line = match self.rng.chance(0.6) {
            true => Line::Extension(extension),
            false => Line::Outside { number: format!("91380014{:04}", 8_000 + n), confirm: self.rng.chance(0.5) },
        };
        self.agent(n, AgentVerb::SignOut);
        self.agent(n, AgentVerb::SignIn { station: Some(Station::Permanent(line)), groups: None });
        self.agent(n, AgentVerb::Ready);
    }

    /// Somebody asks for a verb.
    fn verb(&mut self) {
        if self.world.tenant.is_none() {
            return;
        }
        let agents: Vec<AgentNo> = self.world.site.agents.keys().copied().collect();
        let groups: Vec<GroupNo> = self.world.site.groups.keys().copied().collect();
        let memory = &mut self.memory;
        let mut client = Client { rng: &mut self.rng, agents: &agents, groups: &groups, memory };
        if let Some(command) = client.command(&mut self.world) {
            self.verbs += 1;
            let is_read = matches!(command.body, Body::Query(_));
            let id = (!is_read).then(|| CommandId { token: 1, id: format!("verb-{}", self.verbs) });
            let command = Command { id, ..command };
            let (word, body) = (chance::word(&command.body), command.body.clone());
            let reply = self.world.command(command);
            let answer = self.world.answers.get(&reply).map(|(answer, _)| answer);
            answer.into_iter().for_each(|answer| self.memory.answered(&body, answer));
            let accepted = matches!(answer, Some(CommandAnswer::Accepted { .. }));
            *self.accepted.entry(word).or_default() += u64::from(accepted);
        }
    }

    /// What phones do by themselves: a second call beside the first, REFER, with Replaces when there are two.
    fn trick(&mut self) {
        let ua = 1 + self.rng.below(self.world.uas.len() as u64 - 1) as usize;
        let is_up = |c: &&Call| c.phase == Phase::Up && !c.parting;
        let up: Vec<CallNo> = self.world.uas[ua].calls.values().filter(is_up).map(|c| c.no).collect();
        let to = ["1900", "1901", "1002", "913800000000", "9002", "7777"][self.rng.below(6) as usize];
        match up.as_slice() {
            [] => {}
            [one] if self.rng.chance(0.5) => {
                let one = *one;
                self.world.touch(ua, |ua, t| ua.refer(one, to, None, t));
            }
            [one] => {
                let one = *one;
                let plan = Plan { patience: Some(Span::seconds(25)), ..Plan::default() };
                self.world.touch(ua, |ua, t| ua.carry_out(one, Deed::Hold, t));
                self.world.touch(ua, |ua, t| ua.call(to, "", plan, t));
            }
            [one, .., other] => {
                let (one, other) = (*one, *other);
                self.world.touch(ua, |ua, t| ua.refer(one, to, Some(other), t));
            }
        }
    }

    /// Power goes and comes back, connections break.
    fn mishap(&mut self) {
        let ua = 1 + self.rng.below(self.world.uas.len() as u64 - 1) as usize;
        if self.world.uas[ua].gone {
            self.world.touch(ua, |ua, t| ua.come_back(t));
        } else if self.rng.chance(0.3) {
            self.world.touch(ua, |ua, _| ua.vanish());
        } else if self.world.uas[ua].wire == Wire::Tcp {
            self.world.break_connection(ua);
        }
        // nobody stays dark for long
        for ua in 1..self.world.uas.len() {
            if self.world.uas[ua].gone && self.rng.chance(0.5) {
                self.world.touch(ua, |ua, t| ua.come_back(t));
            }
        }
    }
}

const LONGEST_IDLE: &str = "longest-idle";
const QUIET: Kind = Kind {
    agents: 100,
    contacts: 6_000,
    every: Span::millis(1_700),
    rough: false,
    verbs: false,
    poison: false,
    strategy: LONGEST_IDLE,
};
const ROUGH: Kind = Kind {
    agents: 20,
    contacts: 3_000,
    every: Span::millis(6_000),
    rough: true,
    verbs: false,
    poison: false,
    strategy: LONGEST_IDLE,
};
const SHORT: Kind = Kind { contacts: 300, ..ROUGH };
/// Everybody asks for everything, in good weather and in bad.
const VERBS: Kind = Kind {
    agents: 12,
    contacts: 600,
    every: Span::millis(6_000),
    rough: false,
    verbs: true,
    poison: false,
    strategy: LONGEST_IDLE,
};
const ROUGH_VERBS: Kind = Kind { rough: true, ..VERBS };
/// Now and then a contact, or the machine, meets a bug of ours.
const BUGS: Kind = Kind { poison: true, ..VERBS };

/// The fixed seeds and one that nobody has seen; `CORDBOARD_SEED=N` replays one instead.
pub fn seeds(fixed: &[u64]) -> Vec<u64> {
    match std::env::var("CORDBOARD_SEED") {
        Err(_) => fixed.iter().copied().chain([fresh_seed()]).collect(),
        Ok(text) if text == "fresh" => vec![fresh_seed()],
        Ok(text) => vec![text.parse().expect("CORDBOARD_SEED is a number")],
    }
}

/// The fixed seeds alone, where an unseen one may still find something. `CORDBOARD_SEED=N`
/// replays one, `CORDBOARD_SEED=fresh` takes one that nobody has seen.
fn fixed_seeds(fixed: &[u64]) -> Vec<u64> {
    match std::env::var("CORDBOARD_SEED") {
        Err(_) => fixed.to_vec(),
        Ok(text) if text == "fresh" => vec![fresh_seed()],
        Ok(text) => vec![text.parse().expect("CORDBOARD_SEED is a number")],
    }
}

#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a fresh seed comes from outside and is printed"
)]
fn fresh_seed() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |since| since.as_micros() as u64)
}

/// What each came to, and the bugs it was given.
fn run(kind: Kind, seeds: &[u64]) -> Vec<(Outcome, Panics)> {
    let day = |seed: &u64| {
        eprintln!("seed {seed}");
        let outcome = Day::new(*seed, kind).run();
        eprintln!("{outcome:?}");
        outcome
    };
    seeds.iter().map(day).collect()
}

/// A house of another size has as many more agents, and its callers come as much closer to each other.
fn of_size(kind: Kind, contacts: u32) -> Kind {
    let shrunk = |value: i64| value * i64::from(kind.contacts) / i64::from(contacts);
    let agents = kind.agents * contacts as usize / kind.contacts as usize;
    Kind { contacts, agents, every: Span::micros(shrunk(kind.every.as_micros())), ..kind }
}

/// `CORDBOARD_CONTACTS` is how many; without it as many as a test run has time for.
#[test]
fn a_day_of_calls() {
    let contacts = std::env::var("CORDBOARD_CONTACTS").map_or(QUIET.contacts, |text| text.parse().expect("a number"));
    run(of_size(QUIET, contacts), &seeds(&[5]));
}

#[test]
fn days_with_loss_and_crashes() {
    run(ROUGH, &seeds(&[1, 13]));
}

#[test]
fn days_of_verbs() {
    let mut accepted: BTreeMap<&str, u64> = BTreeMap::new();
    for (outcome, _) in run(VERBS, &seeds(&[1, 2, 4, 403])) {
        outcome.accepted.into_iter().for_each(|(word, n)| *accepted.entry(word).or_default() += n);
    }
    let never: Vec<_> = accepted.iter().filter(|(_, n)| **n == 0).collect();
    let is_replay = std::env::var_os("CORDBOARD_SEED").is_some();
    assert!(is_replay || never.is_empty(), "verbs that fit nothing prove nothing: {never:?}");
}

#[test]
fn rough_days_of_verbs() {
    run(ROUGH_VERBS, &seeds(&[1, 2]));
}

/// A contact that panics ends with its cause, all others go on; whatever else panics ends the calls and nothing more.
#[test]
fn days_of_bugs() {
    let mut panics = Panics::default();
    for (_, met) in run(BUGS, &seeds(&[1, 105])) {
        (panics.contacts, panics.machine) = (panics.contacts + met.contacts, panics.machine + met.machine);
    }
    assert!(panics.contacts > 10 && panics.machine > 10, "{panics:?}");
}

/// Every caller rings at all who are free: in good weather and in bad, and while everybody asks for everything.
#[test]
fn days_where_all_ring() {
    let rings_all = |kind| Kind { contacts: 400, strategy: "ring-all", ..kind };
    for (kind, seed) in [(QUIET, 1), (ROUGH, 2), (VERBS, 3)] {
        for (outcome, _) in run(Kind { agents: 12, every: Span::millis(6_000), ..rings_all(kind) }, &seeds(&[seed])) {
            let lost = outcome.endings.get(&OfferEnding::LostRace).copied().unwrap_or_default();
            assert!(lost > 50, "nobody lost a race: {outcome:?}");
        }
    }
}

#[test]
fn one_seed_is_one_journal() {
    for seed in fixed_seeds(&[7]) {
        let [first, second] = [(); 2].map(|()| Day::new(seed, SHORT).run());
        assert_eq!(first, second, "(12) seed {seed} ran twice and differs");
    }
}
