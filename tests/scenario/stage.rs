//! The words of a scenario, and what plays one. A scenario is a table of times, acts and what must be seen; it names no
//! machine and no message, so that the same table runs on the tenant machine and through the real binary.
//! Owns what each act does at the far ends and what is read from their diaries, which is the same everywhere. Leaves
//! time, the network and the house itself to a [`Stage`].

use std::collections::BTreeMap;

use cordboard::base::{OfferId, Span, Time};
use cordboard::event::words::{Display, Disposition, Line, OfferEnding, Side, Station, TransferMode};
use cordboard::switch::{AgentVerb, ConsultVerb, OfferVerb};

use super::place::{CALLED, Shape, agent, extension};
use super::ua::Ua;
use super::ua::call::{CallNo, Deed, Diary, Phase, Plan};

/// Somebody: a phone by its name, or a caller at the carrier by any other word.
pub type Who = &'static str;

#[derive(Clone, Copy, Debug)]
pub enum Act {
    Nothing,
    /// From the carrier or a phone.
    Calls(Who, &'static str),
    /// By an INVITE without a description: the answer is in the ACK.
    CallsWithoutOffer(Who, &'static str),
    Presses(Who, char),
    /// By SIP INFO.
    Informs(Who, char),
    HangsUp(Who),
    Answers(Who),
    Rejects(Who, u16),
    Holds(Who),
    Retrieves(Who),
    /// Power is lost, and is back.
    Vanishes(Who),
    ComesBack(Who),
    /// Registers with this password.
    Registers(Who, &'static str),
    /// Its user switches it off properly.
    Unregisters(Who),
    /// The phone sends its call to this number, by a blind REFER.
    Refers(Who, &'static str),
    SignsIn(Who),
    /// At a number outside; whoever answers there must press 1.
    SignsInOutside(Who, &'static str),
    /// At his extension, whose leg is to stay up between calls.
    SignsInPermanent(Who),
    SignsOut(Who),
    /// In his client, of the offer that is his now.
    InClient(Who, Word),
    /// He sends on to a group what is offered to him now.
    SendsOn(Who, &'static str),
    GetsReady(Who),
    GetsNotReady(Who),
    /// Command id, number, flow.
    Orders(&'static str, &'static str, &'static str),
    /// Command id, who is rung first (an agent by his phone's name, or a number), whom he calls.
    LetsCall(&'static str, &'static str, &'static str),
    /// A command: the agent at this phone gives away the call he is in, to an agent by his phone's name or to a group.
    Gives(Who, TransferMode, &'static str),
    /// A command: he is put aside while the customer goes through this flow.
    Lends(Who, &'static str),
    /// He decides about it.
    Decides(Who, ConsultVerb),
    /// Command id, and the agent at this phone: he is the chair of a conference, alone.
    Convenes(&'static str, Who),
    /// He invites a number to his call.
    Invites(Who, &'static str),
    /// The customer's keys go to him alone from now on.
    PassesKeys(Who),
    /// Seats and length, in milliseconds, of the one conference that lives; warned a second before.
    Limits(usize, i64),
    /// The command ends everything that runs.
    EndsAll,
    Crash,
    Drain,
    /// The drain's limit.
    DrainEnds,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expect {
    /// A caller's call rings at the far end (180 or 183).
    HearsRinging(Who),
    /// A phone rings.
    Rings(Who),
    /// A call is up on both sides.
    Talks(Who),
    /// Of these phones one has a call that is up on both sides, and the others have none.
    OneTalks(&'static [Who]),
    /// It has no call.
    IsIdle(Who),
    /// Whatever it asked for within its call has been answered.
    IsSettled(Who),
    /// Its last call ended with this final response.
    Gets(Who, u16),
    GetsBye(Who),
    GetsCancel(Who),
    /// The last REGISTER's final answer.
    RegisterGets(Who, u16),
    Shows(Who, Display),
    /// The last answer to this command id.
    Accepted(&'static str),
    TurnsDown(&'static str),
    /// Contacts that live now.
    Contacts(usize),
    /// The record of a caller's last contact.
    Record(Who, Disposition, Side, &'static [OfferEnding]),
    /// There are so many records, and all have ended.
    Records(usize),
    /// The digits in the record.
    Digits(Who, &'static str),
}

/// What an agent's client says of his offer.
#[derive(Clone, Copy, Debug)]
pub enum Word {
    Shows,
    Accepts,
    Rejects,
}

pub struct Row {
    /// Where time is virtual the act is done then. Where it is real, as soon as the row before was seen.
    pub at: Span,
    pub act: Act,
    /// Each must come true before the next row's time.
    pub sees: &'static [Expect],
    /// Why it is left out where time is real.
    pub only_sim: Option<&'static str>,
}

pub const fn at(ms: i64, act: Act, sees: &'static [Expect]) -> Row {
    Row { at: Span::millis(ms), act, sees, only_sim: None }
}

/// A row that runs where time is virtual only, and why.
pub const fn only_sim(why: &'static str, row: Row) -> Row {
    Row { only_sim: Some(why), ..row }
}

pub struct Scenario {
    pub name: &'static str,
    pub shape: Shape,
    pub rows: &'static [Row],
}

/// At the small site.
pub const fn scenario(name: &'static str, rows: &'static [Row]) -> Scenario {
    Scenario { name, shape: Shape::SMALL, rows }
}

/// What a scenario asks of a contact's record.
#[derive(Debug)]
pub struct Record {
    pub disposition: Option<Disposition>,
    pub side: Option<Side>,
    /// Of offers that have ended, in order.
    pub offers: Vec<OfferEnding>,
    pub digits: String,
}

/// What a scenario runs on: the far ends' time and network, and the house.
pub trait Stage {
    /// Time is made up: a row can be put at any moment, and waiting costs nothing.
    const IS_SIM: bool;

    fn uas(&self) -> &[Ua];
    /// Somebody in front of a far end does something.
    fn touch<R>(&mut self, ua: usize, act: impl FnOnce(&mut Ua, Time) -> R) -> R;

    /// A row begins.
    fn reach(&mut self, at: Span);
    /// Time goes on until something may have changed. `true`: the row that began at `from` has had its time, which ends
    /// at `until`.
    fn advance(&mut self, from: Span, until: Span) -> bool;

    fn agent(&mut self, id: &str, verb: AgentVerb);
    /// A command with an id.
    fn order(&mut self, id: &'static str, to: &str, flow: &str);
    /// A command with an id: this agent, or else this number, calls `to`.
    fn lets_call(&mut self, id: &'static str, by: Result<&str, &str>, to: &str);
    /// The agent transfers the one contact that lives to that agent, or else to that group.
    fn gives(&mut self, by: &str, mode: TransferMode, to: Result<&str, &str>);
    /// The agent sends the customer of the one contact that lives into the flow, and waits for him.
    fn lends(&mut self, by: &str, flow: &str);
    /// The agent sends on to this group what he is offered.
    fn sends_on(&mut self, by: &str, offer: OfferId, group: &str);
    fn decides(&mut self, by: &str, verb: ConsultVerb);
    /// A command with an id: this agent is the chair of a conference, alone.
    fn convenes(&mut self, id: &'static str, by: &str);
    fn invites(&mut self, by: &str, to: &str);
    /// The customer's keys go to this agent alone.
    fn passes_keys(&mut self, to: &str);
    fn limits(&mut self, seats: usize, length: Span, warn: Span);
    fn end_all(&mut self);
    /// The process dies and comes back.
    fn crash(&mut self);
    fn drain(&mut self);
    fn drain_ends(&mut self);

    fn shows(&mut self, id: &str) -> Option<Display>;
    /// The offer that was made to him last.
    fn offer(&mut self, id: &str) -> Option<OfferId>;
    /// The last answer to that command; `None` before there is one.
    fn accepted(&self, id: &str) -> Option<bool>;
    /// Contacts that live.
    fn contacts(&mut self) -> usize;
    /// The last record of a caller.
    fn record(&mut self, from: &str) -> Option<Record>;
    /// How many records there are, and how many of them are closed.
    fn records(&mut self) -> (usize, usize);

    /// What is really there, for a failure.
    fn tell(&mut self) -> String;
    /// Everybody has hung up: looks at what is left.
    fn finish(self);
}

/// A line each: who reads a failure sees only so many.
pub fn lines<T: std::fmt::Debug>(all: &[T]) -> String {
    all.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>().join("\n")
}

/// How long the last row may take.
const LAST: Span = Span::minutes(1);

pub fn play(scenario: &Scenario, stage: impl Stage) {
    let mut play = Play { stage, calls: BTreeMap::new(), callers: Vec::new() };
    for (n, row) in scenario.rows.iter().enumerate() {
        if row.only_sim.is_some() && !play.is_sim() {
            continue;
        }
        let until = scenario.rows.get(n + 1).map_or(row.at + LAST, |next| next.at);
        play.row(scenario.name, row, until);
    }
    play.finish();
}

struct Play<S> {
    stage: S,
    /// Calls by who began them last.
    calls: BTreeMap<Who, (usize, CallNo)>,
    callers: Vec<Who>,
}

impl<S: Stage> Play<S> {
    const fn is_sim(&self) -> bool {
        S::IS_SIM
    }

    fn row(&mut self, name: &str, row: &Row, until: Span) {
        self.stage.reach(row.at);
        self.act(row.act);
        let mut missing: Vec<&Expect> = row.sees.iter().collect();
        loop {
            missing.retain(|expect| !self.holds(expect));
            if missing.is_empty() || self.stage.advance(row.at, until) {
                break;
            }
        }
        missing.retain(|expect| !self.holds(expect));
        if !missing.is_empty() {
            let (at, act, told) = (row.at, row.act, self.stage.tell());
            panic!("{name}: at {at} after {act:?}, not seen by {until}: {missing:?}\n{told}");
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Nothing => {}
            Act::Calls(who, to) => self.call(who, to, Plan::default()),
            Act::CallsWithoutOffer(who, to) => self.call(who, to, Plan { offers_late: true, ..Plan::default() }),
            Act::Presses(who, key) => self.on_call(who, |ua, call, t| ua.carry_out(call, Deed::Press(key), t)),
            Act::Informs(who, key) => self.on_call(who, |ua, call, t| ua.carry_out(call, Deed::Info(key), t)),
            Act::HangsUp(who) => self.on_call(who, Ua::hang_up),
            Act::Answers(who) => self.on_call(who, Ua::answer),
            Act::Rejects(who, status) => self.on_call(who, |ua, call, t| ua.reject(call, status, t)),
            Act::Holds(who) => self.on_call(who, |ua, call, t| ua.carry_out(call, Deed::Hold, t)),
            Act::Retrieves(who) => self.on_call(who, |ua, call, t| ua.carry_out(call, Deed::Retrieve, t)),
            Act::Vanishes(who) => self.stage.touch(self.named(who), |ua, _| ua.vanish()),
            Act::ComesBack(who) => self.stage.touch(self.named(who), Ua::come_back),
            Act::Registers(who, password) => self.stage.touch(self.named(who), |ua, t| {
                ua.account.as_mut().expect("a phone").password = password.to_owned();
                ua.come_back(t);
            }),
            Act::Unregisters(who) => self.stage.touch(self.named(who), Ua::unregister),
            Act::Refers(who, to) => self.on_call(who, |ua, call, t| ua.refer(call, to, None, t)),
            Act::SignsIn(who) => self.stage.agent(agent(who), AgentVerb::SignIn { station: None, groups: None }),
            Act::SignsInOutside(who, number) => {
                let station = Some(Station::Outside { number: number.to_owned(), confirm: true });
                self.stage.agent(agent(who), AgentVerb::SignIn { station, groups: None });
            }
            Act::SignsInPermanent(who) => {
                let station = Some(Station::Permanent(Line::Extension(extension(who))));
                self.stage.agent(agent(who), AgentVerb::SignIn { station, groups: None });
            }
            Act::InClient(who, word) => {
                let id = agent(who);
                let offer = self.stage.offer(id).unwrap_or_else(|| panic!("{who} has no offer"));
                let verb = match word {
                    Word::Shows => OfferVerb::Show,
                    Word::Accepts => OfferVerb::Accept,
                    Word::Rejects => OfferVerb::Reject { reason: Some("not my language".to_owned()) },
                };
                self.stage.agent(id, AgentVerb::Offer { offer, verb });
            }
            Act::SendsOn(who, group) => {
                let offer = self.stage.offer(agent(who)).unwrap_or_else(|| panic!("{who} has no offer"));
                self.stage.sends_on(agent(who), offer, group);
            }
            Act::SignsOut(who) => self.stage.agent(agent(who), AgentVerb::SignOut),
            Act::GetsReady(who) => self.stage.agent(agent(who), AgentVerb::Ready),
            Act::GetsNotReady(who) => self.stage.agent(agent(who), AgentVerb::NotReady { reason: None }),
            Act::Orders(id, to, flow) => self.stage.order(id, to, flow),
            Act::LetsCall(id, by, to) => {
                let by = if self.position(by).is_some() { Ok(agent(by)) } else { Err(by) };
                self.stage.lets_call(id, by, to);
            }
            Act::Gives(who, mode, to) => {
                let to = if self.position(to).is_some() { Ok(agent(to)) } else { Err(to) };
                self.stage.gives(agent(who), mode, to);
            }
            Act::Lends(who, flow) => self.stage.lends(agent(who), flow),
            Act::Decides(who, verb) => self.stage.decides(agent(who), verb),
            Act::Convenes(id, who) => self.stage.convenes(id, agent(who)),
            Act::Invites(who, to) => self.stage.invites(agent(who), to),
            Act::PassesKeys(who) => self.stage.passes_keys(agent(who)),
            Act::Limits(seats, ms) => self.stage.limits(seats, Span::millis(ms), Span::seconds(1)),
            Act::EndsAll => self.stage.end_all(),
            Act::Crash => self.stage.crash(),
            Act::Drain => self.stage.drain(),
            Act::DrainEnds => self.stage.drain_ends(),
        }
    }

    fn holds(&mut self, expect: &Expect) -> bool {
        match *expect {
            Expect::HearsRinging(who) => self.diary(who).is_some_and(|d| d.outgoing && d.ringing.is_some()),
            Expect::Rings(who) => {
                self.phase(who) == Some(Phase::Calling) && self.diary(who).is_some_and(|d| !d.outgoing)
            }
            Expect::Talks(who) => self.talks(who),
            Expect::OneTalks(all) => {
                let talking = all.iter().filter(|who| self.talks(who)).count();
                talking == 1 && all.iter().filter(|who| self.is_idle(who)).count() + talking == all.len()
            }
            Expect::IsIdle(who) => self.is_idle(who),
            Expect::IsSettled(who) => !self.stage.uas()[self.named(who)].waits_for_answer(),
            Expect::Gets(who, status) => self.diary(who).and_then(Diary::last_final) == Some(status),
            Expect::GetsBye(who) => self.diary(who).is_some_and(|d| d.bye_received.is_some()),
            Expect::GetsCancel(who) => self.diary(who).is_some_and(|d| !d.outgoing && d.cancelled.is_some()),
            Expect::RegisterGets(who, status) => {
                let ua = &self.stage.uas()[self.named(who)];
                ua.register_status == Some(status) && !ua.is_registering()
            }
            Expect::Shows(who, display) => self.stage.shows(agent(who)) == Some(display),
            Expect::Accepted(id) => self.stage.accepted(id) == Some(true),
            Expect::TurnsDown(id) => self.stage.accepted(id) == Some(false),
            Expect::Contacts(n) => self.stage.contacts() == n,
            Expect::Record(who, disposition, side, offers) => self.record(who).is_some_and(|record| {
                (record.disposition, record.side) == (Some(disposition), Some(side)) && record.offers == offers
            }),
            Expect::Records(n) => self.stage.records() == (n, n),
            Expect::Digits(who, digits) => self.record(who).is_some_and(|record| record.digits == digits),
        }
    }

    fn talks(&self, who: Who) -> bool {
        self.phase(who) == Some(Phase::Up) && self.diary(who).is_some_and(|d| d.acked.is_some())
    }

    fn is_idle(&self, who: Who) -> bool {
        matches!(self.phase(who), Some(Phase::Over) | None)
    }

    fn position(&self, who: Who) -> Option<usize> {
        self.stage.uas().iter().position(|ua| ua.name == who)
    }

    fn named(&self, who: Who) -> usize {
        self.position(who).unwrap_or_else(|| panic!("nobody is called {who}"))
    }

    /// The call this word stands for: the caller's own, or whatever call the phone has now or had last.
    fn call_of(&self, who: Who) -> Option<(usize, CallNo)> {
        if who == CALLED {
            let incoming = |(no, diary): (&CallNo, &Diary)| (!diary.outgoing).then_some((0, *no));
            return self.stage.uas()[0].diaries.iter().rev().find_map(incoming);
        }
        let Some(ua) = self.position(who) else { return self.calls.get(who).copied() };
        let phone = &self.stage.uas()[ua];
        let last = || phone.diaries.keys().next_back().copied();
        phone.live_call().or_else(last).map(|call| (ua, call))
    }

    fn diary(&self, who: Who) -> Option<&Diary> {
        let (ua, call) = self.call_of(who)?;
        self.stage.uas()[ua].diaries.get(&call)
    }

    fn phase(&self, who: Who) -> Option<Phase> {
        let (ua, call) = self.call_of(who)?;
        self.stage.uas()[ua].calls.get(&call).map(|c| c.phase)
    }

    /// A caller's number tells his contacts from others.
    fn number_of(&mut self, who: Who) -> String {
        let n = self.callers.iter().position(|c| *c == who).unwrap_or_else(|| {
            self.callers.push(who);
            self.callers.len() - 1
        });
        format!("+8613900000{n:03}")
    }

    fn call(&mut self, who: Who, to: &str, plan: Plan) {
        let from = self.number_of(who);
        // who has no phone here calls over the carrier, far end 0
        let ua = self.position(who).unwrap_or(0);
        let call = self.stage.touch(ua, |ua, t| ua.call(to, &from, plan, t));
        self.calls.insert(who, (ua, call));
    }

    fn on_call(&mut self, who: Who, act: impl FnOnce(&mut Ua, CallNo, Time)) {
        let (ua, call) = self.call_of(who).unwrap_or_else(|| panic!("{who} has no call"));
        self.stage.touch(ua, |ua, t| act(ua, call, t));
    }

    fn record(&mut self, who: Who) -> Option<Record> {
        let account = self.position(who).and_then(|ua| self.stage.uas()[ua].account.as_ref());
        let from = account.map(|account| account.user.clone()).unwrap_or_else(|| self.number_of(who));
        self.stage.record(&from)
    }

    fn finish(mut self) {
        for ua in 0..self.stage.uas().len() {
            let calls: Vec<CallNo> = self.stage.uas()[ua].calls.keys().copied().collect();
            for call in calls {
                self.stage.touch(ua, |ua, t| ua.hang_up(call, t));
            }
        }
        self.stage.finish();
    }
}
