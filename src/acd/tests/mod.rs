//! Tests of the whole room: a house with phones that do what the table says, and a fold of the journal beside it.
//! After every act the fold must equal the live state and no caller may wait beside an agent who could take him.

mod answers;
mod complaints;
mod direct;
mod fold;
mod in_contact;
mod outside;
mod permanent;
mod random;
mod ring_all;
mod rules;
mod states;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::words::{AgentVerb, How, NewItem, OfferStep, Output, RoleRefused, To, VerbRefused};
use super::{Acd, Open};
use crate::base::{
    AgentNo, ContactId, ExtensionNo, GroupNo, IdBlock, ItemId, Now, OfferId, Ports, Rng, Span, Supplies, TenantNo,
    Time, Utc,
};
use crate::event::words::{
    Actor, Display, EndCause, ItemExit, Line, OfferEnding, OfferWay, Preferences, Station, Wish,
};
use crate::event::{By, Kind};
use crate::site::{AfterCall, Agent, Extension, Group, Secret, Site, StationPlan, Strategy};
use crate::switch::OfferVerb;
use fold::Fold;

const RING: i64 = 20;
const WRAP_UP: i64 = 10;

fn group(no: u32) -> Group {
    Group {
        no: GroupNo(no),
        id: format!("g{no}"),
        name: String::new(),
        strategy: Strategy::LongestIdle,
        offer: OfferWay::Ring,
        ring: Span::seconds(RING),
        wrap_up: Span::seconds(WRAP_UP),
        length_max: None,
        wait_max: None,
        music: String::new(),
        calls_per_agent: 1,
        calling_number: None,
        retiring: false,
    }
}

/// Agent `n` sits at extension `n`; `(agent, [(group, level)])`.
fn site(groups: Vec<Group>, agents: &[(u32, &[(u32, u8)])]) -> Site {
    let extension = |n: u32| Extension {
        no: ExtensionNo(n),
        number: n.to_string(),
        name: String::new(),
        password: Secret(String::new()),
        outbound: true,
        record: false,
        auto_answer: false,
        retiring: false,
    };
    let agent = |n: u32, groups: &[(u32, u8)]| Agent {
        no: AgentNo(n),
        id: format!("a{n}"),
        name: String::new(),
        station: StationPlan::Extension(ExtensionNo(n)),
        groups: groups.iter().map(|(g, level)| (GroupNo(*g), *level)).collect(),
        after_call: AfterCall::WrapUp,
        offer: None,
        supervises: Vec::new(),
        calling_number: None,
        retiring: false,
    };
    let mut site = Site::bare(TenantNo(1), "test");
    site.extensions = agents.iter().map(|(n, _)| (ExtensionNo(*n), extension(*n))).collect();
    site.agents = agents.iter().map(|(n, groups)| (AgentNo(*n), agent(*n, groups))).collect();
    site.groups = groups.into_iter().map(|g| (g.no, g)).collect();
    site
}

fn supplies() -> Supplies {
    Supplies { ids: IdBlock::new(0, 0, 1 << 23), ports: Ports::default(), rng: Rng::from_number(1) }
}

/// What happens in a step of a table. Callers are item and contact of the same number; agents sit at the extension of
/// theirs.
#[derive(Clone, Copy, Debug)]
enum Do {
    /// Signs in, his phone answers, he is ready.
    Comes(u32),
    SignIn(u32),
    SignOut(u32),
    /// Signs in at a number outside, and is ready.
    ComesOutside(u32, &'static str),
    /// Signs in at his extension, whose leg is to stay up.
    SignInPermanent(u32),
    LineUp(u32),
    LineDown(u32, EndCause),
    Ready(u32),
    NotReady(u32),
    /// A supervisor does it.
    Forced(u32),
    Reach(u32, bool),
    /// Caller, group.
    Call(u64, u32),
    CallAs(u64, u32, Wants),
    /// Caller, agent, seconds of patience.
    CallAgent(u64, u32, i64),
    /// Caller, groups.
    CallGroups(u64, &'static [u32]),
    /// Caller, group, and who sent him on.
    CallNotTo(u64, u32, u32),
    /// An item of this contact, in which others are: item, contact, group.
    Inside(u64, u64, u32),
    /// As that for an agent by name, with a minute of patience.
    InsideAgent(u64, u64, u32),
    /// What was wanted in a consult call is the contact's, which entered then.
    TakePlace(u64, i64),
    CallerLeaves(u64),
    TakenOut(u64),
    /// The phone of the offer last made to this agent.
    Rings(u32),
    PicksUp(u32),
    /// In his client: the offer last made to him.
    Shows(u32),
    Accepts(u32),
    DeclinesOffer(u32),
    /// Every trunk to his number is full.
    HasNoWay(u32),
    /// Something answers the offer outside; a key is waited for.
    IsAnswered(u32),
    Talks(u32),
    Ends(u32, OfferEnding),
    /// The agent's talk with this caller is over: offer and legs.
    HangUp(u32, u64),
    /// The agent's phone is in a call of its own.
    Dials(u32, u64),
    HangsUpOwn(u32, u64),
    /// Asks for rest, returns from it or asks no longer.
    Rest(u32),
    CancelRest(u32),
    Prefer(u32, Preferences),
    /// Enters wrap-up (seconds, 0: without end), extends it by, quits it.
    WrapUp(u32, i64),
    Extend(u32, i64),
    QuitWrapUp(u32),
    /// Is kept free for so many seconds.
    Reserve(u32, i64),
    Release(u32),
    /// Takes a caller who waits.
    Pick(u32, u64),
    /// Serves these groups of his alone.
    Groups(u32, &'static [u32]),
    /// The last session of his client is over; with `true` he is to be signed out.
    ClientLost(u32, bool),
    /// A supervisor signs him out, or in at the station of the second.
    ForcedOut(u32),
    ForcedIn(u32, u32),
    Hold(u32, u64),
    Retrieve(u32, u64),
    Consults(u32, u64),
    Monitors(u32, u64, bool),
    Priority(u64, i32),
    Wait,
}

#[derive(Clone, Copy, Debug, Default)]
struct Wants {
    entered: Option<i64>,
    priority: i32,
    level: u8,
    wait_max: Option<i64>,
}

struct House {
    acd: Acd,
    supplies: Supplies,
    t: Time,
    fold: Fold,
    /// The offer last made to an agent.
    offers: BTreeMap<AgentNo, OfferId>,
    /// Of all offers, in order.
    ways: Vec<OfferWay>,
    /// Journal of the last act, in order, with what was told between.
    told: Vec<String>,
    kinds: Vec<&'static str>,
    refused: Option<VerbRefused>,
    role_refused: Option<RoleRefused>,
}

fn seconds(n: i64) -> Time {
    Time(1_000_000_000) + Span::seconds(n)
}

impl House {
    fn new(site: Site) -> Self {
        let t = seconds(0);
        Self {
            acd: Acd::new(Arc::new(site), Now { t, wall: Utc(0) }),
            supplies: supplies(),
            t,
            fold: Fold::default(),
            offers: BTreeMap::new(),
            ways: vec![],
            told: vec![],
            kinds: vec![],
            refused: None,
            role_refused: None,
        }
    }

    fn now(&self) -> Now {
        Now { t: self.t, wall: Utc(0) }
    }

    /// Goes to a time, stopping at each deadline on the way.
    fn go_to(&mut self, t: Time) {
        while let Some(at) = self.acd.deadline().filter(|at| *at <= t) {
            self.t = self.t.max(at);
            let now = self.now();
            self.acd.due(now, &mut self.supplies);
            self.drain();
            assert!(self.acd.deadline().is_none_or(|next| next > self.t), "a deadline that stays is a busy loop");
        }
        self.t = t;
    }

    fn drain(&mut self) {
        self.fold.t = self.t;
        while let Some(output) = self.acd.poll() {
            match output {
                Output::Journal { about, kind, .. } => {
                    self.kinds.push(kind.name());
                    if let Kind::OfferMade { way, .. } = kind {
                        self.ways.push(way);
                        self.offers.extend(about.agent.zip(about.offer));
                        self.fold.judge_choice(&self.acd, about);
                    }
                    self.fold.apply(self.t, about, &kind);
                }
                Output::Offer(offer) => {
                    assert!(self.fold.offers.contains_key(&offer.offer), "journaled before it is told");
                    self.offers.insert(offer.agent, offer.offer);
                    self.told.push(format!("offer {} to {}", offer.item, offer.agent));
                }
                Output::Rescind { offer, ending, .. } => {
                    assert!(!self.fold.offers.contains_key(&offer), "journaled before it is told");
                    let agent = self.offers.iter().find(|(_, o)| **o == offer).map(|(a, _)| a.0);
                    self.told.push(format!("rescind {} {ending:?}", agent.unwrap_or(0)));
                }
                Output::ItemLeft { item, exit, .. } => {
                    assert!(!self.fold.items.contains_key(&item), "journaled before it is told");
                    self.told.push(format!("{item} {exit:?}"));
                }
                Output::RingLine { agent, .. } => self.told.push(format!("ring {agent}")),
                Output::DropLine { agent, .. } => self.told.push(format!("drop {agent}")),
                Output::Watch { .. } => {}
            }
        }
        self.check();
    }

    /// The fold equals what lives; nobody waits beside a fitting idle agent; nobody has two talks; display states tile the
    /// signed-in time. That every offer has one ending the fold checks itself.
    fn check(&self) {
        let live = self.acd.open();
        assert_eq!(self.fold.open(), live, "the journal tells all");
        self.fold.no_pair_waits(&self.acd);
        one_offer_each(&live);
        one_winner(&live);
        for (no, shown) in &self.fold.shown {
            let live = self.acd.snapshot(*no).map(|s| (s.display, s.since));
            assert!(live.is_none_or(|live| live == *shown), "{no}: {live:?} is shown, {shown:?} by the journal");
        }
    }

    fn act(&mut self, act: Do) {
        let asked = By { actor: Actor::Integration(1), command: None };
        match act {
            Do::Comes(n) => {
                self.act(Do::SignIn(n));
                self.act(Do::Reach(n, true));
                self.act(Do::Ready(n));
            }
            Do::ComesOutside(n, number) => {
                let station = Station::Outside { number: number.to_owned(), confirm: true };
                self.verb(n, AgentVerb::SignIn { station: Some(station), groups: None }, &asked);
                self.act(Do::Ready(n));
            }
            Do::SignIn(n) => self.verb(n, AgentVerb::SignIn { station: None, groups: None }, &asked),
            Do::SignOut(n) => self.verb(n, AgentVerb::SignOut, &asked),
            Do::Ready(n) => self.verb(n, AgentVerb::Ready, &asked),
            Do::NotReady(n) => self.verb(n, AgentVerb::NotReady { reason: None }, &asked),
            Do::Forced(n) => self.force(n, AgentVerb::NotReady { reason: None }),
            Do::Reach(n, there) => self.acd.reachable(ExtensionNo(n), there, self.now(), &mut self.supplies),
            Do::Call(item, group) => self.call(item, group, Wants::default()),
            Do::CallAs(item, group, wants) => self.call(item, group, wants),
            Do::CallerLeaves(item) => self.take_out(item, ItemExit::CallerLeft),
            Do::TakenOut(item) => self.take_out(item, ItemExit::Withdrawn),
            Do::Rings(n) => self.step(n, OfferStep::Alerting),
            Do::PicksUp(n) => self.step(n, OfferStep::Accepted),
            Do::IsAnswered(n) => self.step(n, OfferStep::Confirming),
            Do::Talks(n) => {
                self.step(n, OfferStep::Accepted);
                self.step(n, OfferStep::Connected);
            }
            Do::Ends(n, ending) => self.step(n, OfferStep::Ended { ending, sip_status: Some(486) }),
            Do::HangUp(n, contact) => self.hang_up(n, contact),
            Do::Dials(n, contact) => {
                let holder = self.acd.claim_station(ExtensionNo(n), ContactId(contact), self.now(), &mut self.supplies);
                assert!(holder.is_ok() || self.acd.is_station_full(ExtensionNo(n)));
            }
            Do::HangsUpOwn(n, contact) => {
                self.acd.release_station(ExtensionNo(n), ContactId(contact), self.now(), &mut self.supplies);
            }
            other => self.act_more(other),
        }
        self.drain();
    }

    fn act_more(&mut self, act: Do) {
        let by = By { actor: Actor::Integration(1), command: None };
        let length = |seconds: i64| (seconds > 0).then(|| Span::seconds(seconds));
        match act {
            Do::SignInPermanent(n) => {
                let station = Some(Station::Permanent(Line::Extension(ExtensionNo(n))));
                self.verb(n, AgentVerb::SignIn { station, groups: None }, &by);
            }
            Do::LineUp(n) => self.acd.line_up(AgentNo(n), self.now(), &mut self.supplies),
            Do::LineDown(n, cause) => self.acd.line_down(AgentNo(n), cause, self.now(), &mut self.supplies),
            Do::Rest(n) => self.verb(n, AgentVerb::Rest { reason: None, length: None }, &by),
            Do::Prefer(n, preferences) => self.verb(n, AgentVerb::Prefer { preferences }, &by),
            Do::CancelRest(n) => self.verb(n, AgentVerb::CancelRest, &by),
            Do::WrapUp(n, seconds) => self.verb(n, AgentVerb::WrapUp { length: length(seconds) }, &by),
            Do::Extend(n, more) => self.verb(n, AgentVerb::ExtendWrapUp { by: Span::seconds(more) }, &by),
            Do::QuitWrapUp(n) => self.verb(n, AgentVerb::QuitWrapUp, &by),
            Do::Reserve(n, seconds) => self.verb(n, AgentVerb::Reserve { length: Span::seconds(seconds) }, &by),
            Do::Release(n) => self.verb(n, AgentVerb::Release, &by),
            Do::Pick(n, contact) => {
                let item = self.fold.items.values().find(|item| item.holder == ContactId(contact));
                self.fold.picked = item.map(|item| (AgentNo(n), item.item));
                self.verb(n, AgentVerb::Pick { contact: ContactId(contact) }, &by);
                self.drain();
                self.fold.picked = None;
            }
            Do::Groups(n, groups) => {
                let groups = Some(groups.iter().map(|g| GroupNo(*g)).collect());
                self.verb(n, AgentVerb::Groups { groups }, &by);
            }
            Do::ClientLost(n, leaves) => self.acd.client_lost(AgentNo(n), leaves, self.now(), &mut self.supplies),
            Do::ForcedOut(n) => self.force(n, AgentVerb::SignOut),
            Do::ForcedIn(n, at) => {
                let station = Some(Station::Extension(ExtensionNo(at)));
                self.force(n, AgentVerb::SignIn { station, groups: None });
            }
            Do::Hold(n, contact) => self
                .role(|acd, contact, by, now, s| acd.takes_part(AgentNo(n), contact, How::Held, by, now, s), contact),
            Do::Retrieve(n, contact) => {
                self.role(
                    |acd, contact, by, now, s| acd.takes_part(AgentNo(n), contact, How::Talking, by, now, s),
                    contact,
                );
            }
            Do::Consults(n, contact) => {
                self.role(
                    |acd, contact, by, now, s| acd.takes_part(AgentNo(n), contact, How::Consulting, by, now, s),
                    contact,
                );
            }
            Do::Monitors(n, contact, on) => {
                self.role(|acd, contact, by, now, s| acd.monitoring(AgentNo(n), contact, on, by, now, s), contact);
            }
            Do::HasNoWay(n) => self.step(n, OfferStep::NoWay),
            Do::Shows(n) => self.answer(n, OfferVerb::Show),
            Do::Accepts(n) => self.answer(n, OfferVerb::Accept),
            Do::DeclinesOffer(n) => self.answer(n, OfferVerb::Reject { reason: Some("busy".to_owned()) }),
            Do::Priority(item, priority) => {
                let now = self.now();
                self.acd.set_priority(ItemId(item), priority, &By::SYSTEM, now, &mut self.supplies);
            }
            other => self.act_entry(other),
        }
    }

    /// Who comes to a queue, and for whom.
    fn act_entry(&mut self, act: Do) {
        match act {
            Do::CallAgent(item, n, patience) => {
                let to = To::Agent { agent: AgentNo(n), group: None, ring: Span::seconds(RING) };
                self.enter(item, to, Wants { wait_max: Some(patience), ..Wants::default() });
            }
            Do::CallNotTo(item, group, n) => {
                self.fold.not_to.insert(ItemId(item), AgentNo(n));
                self.call(item, group, Wants::default());
            }
            Do::Inside(item, contact, group) => {
                self.enter_for(ContactId(contact), item, To::Groups(vec![GroupNo(group)]), Wants::default());
            }
            Do::InsideAgent(item, contact, n) => {
                let to = To::Agent { agent: AgentNo(n), group: None, ring: Span::seconds(RING) };
                self.enter_for(ContactId(contact), item, to, Wants { wait_max: Some(60), ..Wants::default() });
            }
            Do::CallGroups(item, groups) => {
                let to = To::Groups(groups.iter().map(|group| GroupNo(*group)).collect());
                self.enter(item, to, Wants::default());
            }
            Do::TakePlace(item, entered) => {
                let now = self.now();
                self.acd.take_place(ItemId(item), seconds(entered), &By::SYSTEM, now, &mut self.supplies);
            }
            _ => {}
        }
    }

    fn answer(&mut self, n: u32, verb: OfferVerb) {
        let offer = self.offers.get(&AgentNo(n)).copied().unwrap_or(OfferId(0));
        let by = By { actor: Actor::Integration(1), command: None };
        self.verb(n, AgentVerb::Offer { offer, verb }, &by);
    }

    fn role(
        &mut self,
        change: impl Fn(&mut Acd, ContactId, &By, Now, &mut Supplies) -> Result<(), RoleRefused>,
        contact: u64,
    ) {
        let (by, now) = (By { actor: Actor::Integration(1), command: None }, self.now());
        self.role_refused = change(&mut self.acd, ContactId(contact), &by, now, &mut self.supplies).err();
    }

    fn force(&mut self, n: u32, verb: AgentVerb) {
        let (now, by) = (self.now(), By { actor: Actor::Integration(1), command: None });
        self.refused = self.acd.agent(AgentNo(n), verb, Some("went home"), &by, now, &mut self.supplies).err();
    }

    fn verb(&mut self, n: u32, verb: AgentVerb, by: &By) {
        let now = self.now();
        self.refused = self.acd.agent(AgentNo(n), verb, None, by, now, &mut self.supplies).err();
    }

    fn call(&mut self, item: u64, group: u32, wants: Wants) {
        self.enter(item, To::Groups(vec![GroupNo(group)]), wants);
    }

    fn enter(&mut self, item: u64, to: To, wants: Wants) {
        self.enter_for(ContactId(item), item, to, wants);
    }

    fn enter_for(&mut self, holder: ContactId, item: u64, to: To, wants: Wants) {
        let new = NewItem {
            item: ItemId(item),
            to,
            call: None,
            entered: wants.entered.map_or(self.t, seconds),
            priority: wants.priority,
            level: wants.level,
            wait_max: wants.wait_max.map(Span::seconds),
            holder,
            visit: 1,
            not_to: self.fold.not_to.get(&ItemId(item)).copied().into_iter().collect(),
        };
        let now = self.now();
        self.acd.enqueue(&new, &By::FLOW, now, &mut self.supplies);
    }

    fn take_out(&mut self, item: u64, exit: ItemExit) {
        let now = self.now();
        self.acd.withdraw(ItemId(item), exit, &By::PARTY, now, &mut self.supplies);
    }

    fn step(&mut self, n: u32, step: OfferStep) {
        let now = self.now();
        let offer = self.offers.get(&AgentNo(n)).copied().unwrap_or(OfferId(0));
        self.acd.offer_step(offer, step, now, &mut self.supplies);
        self.drain();
    }

    fn hang_up(&mut self, n: u32, contact: u64) {
        self.step(n, OfferStep::Ended { ending: OfferEnding::Connected, sip_status: None });
        let (now, wrap_up) = (self.now(), Span::seconds(WRAP_UP));
        self.acd.talk_ended(AgentNo(n), ContactId(contact), wrap_up, &By::PARTY, now, &mut self.supplies);
    }

    fn shown(&self, n: u32) -> Display {
        self.acd.snapshot(AgentNo(n)).expect("an agent of the site").display
    }

    fn wish(&self, n: u32) -> Option<Wish> {
        self.acd.snapshot(AgentNo(n)).and_then(|seen| seen.wish)
    }

    /// Rows of (second, act, what is told from the row before up to and with this act).
    fn play(&mut self, table: &[(i64, Do, &[&str])]) {
        for (at, act, expected) in table {
            self.told.clear();
            self.go_to(seconds(*at));
            self.act(*act);
            assert_eq!(self.told, *expected, "at {at}: {act:?}");
        }
    }
}

/// Whoever has accepted has the item alone, and nobody is kept for an offer that is over.
fn one_winner(live: &Open) {
    use crate::event::words::{OfferPhase, WorkRole};
    let decided = |phase| matches!(phase, OfferPhase::Accepted | OfferPhase::Connected);
    for won in live.offers.iter().filter(|offer| decided(offer.phase)) {
        let rivals = live.offers.iter().filter(|other| other.item == won.item).count();
        assert_eq!(rivals, 1, "somebody else is offered what {won:?} has won");
    }
    for agent in &live.agents {
        for work in agent.works.iter().filter(|work| work.role == WorkRole::Offered) {
            let is_it =
                |offer: &&crate::acd::OpenOffer| offer.agent == agent.agent && Some(offer.holder) == work.contact;
            assert_eq!(live.offers.iter().filter(is_it).count(), 1, "offered nothing: {agent:?}");
        }
    }
}

fn one_offer_each(live: &Open) {
    use crate::event::words::WorkRole;
    for agent in &live.agents {
        let count = |roles: &[WorkRole]| agent.works.iter().filter(|w| roles.contains(&w.role)).count();
        assert!(count(&[WorkRole::Offered]) <= 1, "two live offers: {agent:?}");
        let talks = [WorkRole::Talking, WorkRole::Consulting, WorkRole::Conference];
        assert!(count(&talks) <= 1, "two talks: {agent:?}");
    }
}
