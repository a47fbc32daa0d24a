//! The verbs of call control, each in a world of one caller, two agents and a phone: who hears whom, who is released, what
//! a verb that does not fit is refused with.

use std::sync::Arc;

use cordboard::base::{AgentNo, CommandId, ContactId, LegId, Span};
use cordboard::event::words::{Actor, Display, LegRole, PartyRef, SegmentEdge, TransferEnding, TransferMode, Wire};
use cordboard::ivr::{self, Known};
use cordboard::ledger::ContactRecord;
use cordboard::media::words::Source;
use cordboard::site::Site;
use cordboard::switch::{
    AgentVerb, Answer, Body, CallTarget, CallVerb, ChairLeaves, Code, Command, ConsultVerb, Hearers, LegState,
    RecordVerb, Snapshot, Who,
};

use crate::disk::DiskFaults;
use crate::lending::flow;
use crate::net::Weather;
use crate::places::{self, add_carrier, add_phone};
use crate::scenario::place::Shape;
use crate::scenario::ua::call::{CallNo, Phase, Plan};
use crate::world::{Setting, World};

/// The far ends in their order; ana and bo are agents of `support`, bo of `sales` too.
pub const CUSTOMER: usize = 0;
pub const ANA: usize = 1;
pub const BO: usize = 2;
pub const CAI: usize = 3;
const NAMES: [&str; 4] = ["customer", "ana", "bo", "cai"];
const EXTENSIONS: [(&str, &str); 3] = [("ana", "1001"), ("bo", "1002"), ("cai", "1900")];

/// A caller of this flow waits for `support`, and after an agent again.
pub const FLOW: &str = "nodes:\n  hello:\n    answer:\n    next: support\n  support:\n    queue: support\n    \
     after: support\n    failed: bye\n  bye:\n    play: goodbye\n    next: hangup\n";

pub struct House {
    pub world: World,
    pub contact: ContactId,
    caller: CallNo,
    commands: u32,
}

/// ana talks with a caller; bo is signed in, not ready.
pub fn talk() -> House {
    talk_at(places::site(&Shape::SMALL))
}

pub fn talk_at(site: Site) -> House {
    called_at(site).answered()
}

/// A caller waits, ana's phone rings.
pub fn called_at(site: Site) -> House {
    called_with(site, FLOW)
}

/// As [`called_at`], by this flow.
pub fn called_with(site: Site, flow: &str) -> House {
    called_with_all(site, &[("direct", flow)])
}

/// As [`called_at`], with these flows in the place of those of their keys.
pub fn called_with_all(site: Site, texts: &[(&str, &str)]) -> House {
    let mut flows = places::flows();
    for (key, text) in texts {
        let name = format!("{key}.yaml");
        let flow = ivr::load(&name, text, &Known::default()).unwrap_or_else(|problems| panic!("{problems:#?}"));
        flows.insert((*key).to_owned(), Arc::new(flow));
    }
    let mut world = World::new(Setting { seed: 1, site, flows, weather: Weather::FINE, faults: DiskFaults::default() });
    world.tape = Some(Vec::new());
    world.told = Some(Vec::new());
    assert_eq!(add_carrier(&mut world, Wire::Udp), CUSTOMER);
    for (ua, (name, number)) in (ANA..).zip(EXTENSIONS) {
        assert_eq!(add_phone(&mut world, name, number, Wire::Udp, 600), ua);
        world.touch(ua, |ua, t| ua.register(t));
    }
    let mut house = House { world, contact: ContactId(0), caller: 0, commands: 0 };
    house.wait(Span::seconds(1));
    for (agent, verb) in [
        ("a0", AgentVerb::SignIn { station: None, groups: None }),
        ("a0", AgentVerb::Ready),
        ("a1", AgentVerb::SignIn { station: None, groups: None }),
    ] {
        house.agent(agent, verb);
    }
    house.caller = house.world.touch(CUSTOMER, |ua, t| ua.call("4008000002", "+8613900000001", Plan::default(), t));
    house.wait(Span::seconds(1));
    house.contact = house.world.tenant.as_ref().and_then(|t| t.contacts().ids().next()).expect("the caller's");
    house
}

impl House {
    /// ana invites cai, who answers: three talk.
    pub fn calls_cai_in(&mut self) {
        let (who, to) = (self.ana(), number("1900"));
        self.does(CallVerb::Invite { who, to, from: None, ring: None, chair_leaves: ChairLeaves::PassOn });
        self.answers(CAI);
    }

    /// ana has picked up, and talks.
    pub fn answered(mut self) -> Self {
        self.answers(ANA);
        self.wait(Span::seconds(1));
        self.hear(&[("customer", "ana"), ("ana", "customer")]);
        self
    }

    pub fn wait(&mut self, span: Span) {
        self.world.run(self.world.t + span);
    }

    pub fn agent_no(&self, id: &str) -> AgentNo {
        self.world.site.agent(id).expect("an agent of the site").no
    }

    /// He is rung at once or not at all.
    pub fn bo(&self) -> CallTarget {
        CallTarget::Agent { agent: self.agent_no("a1"), wait: Span::ZERO }
    }

    pub fn agent(&mut self, id: &str, verb: AgentVerb) {
        let agent = self.agent_no(id);
        self.world.command(Command {
            id: None,
            actor: Actor::Integration(1),
            body: Body::Agent { agent, verb, force: None },
        });
    }

    pub fn answers(&mut self, ua: usize) {
        let call = self.world.uas[ua].live_call().unwrap_or_else(|| panic!("{} is rung", NAMES[ua]));
        self.world.touch(ua, |ua, t| ua.answer(call, t));
        self.wait(Span::millis(500));
    }

    pub fn rejects(&mut self, ua: usize) {
        let call = self.world.uas[ua].live_call().unwrap_or_else(|| panic!("{} is rung", NAMES[ua]));
        self.world.touch(ua, |ua, t| ua.reject(call, 486, t));
        self.wait(Span::millis(500));
    }

    pub fn hangs_up(&mut self, ua: usize) {
        let call = self.world.uas[ua].live_call().unwrap_or_else(|| panic!("{} is in a call", NAMES[ua]));
        self.world.touch(ua, |ua, t| ua.hang_up(call, t));
        self.wait(Span::millis(500));
    }

    /// A phone dials by itself.
    pub fn dials(&mut self, ua: usize, number: &str) -> CallNo {
        let call = self.world.touch(ua, |ua, t| ua.call(number, "", Plan::default(), t));
        self.wait(Span::millis(500));
        call
    }

    pub fn drops(&mut self, ua: usize, call: CallNo) {
        self.world.touch(ua, |ua, t| ua.hang_up(call, t));
        self.wait(Span::millis(500));
    }

    pub fn ask(&mut self, verb: CallVerb) -> Answer {
        self.commands += 1;
        let id = format!("c{}", self.commands);
        self.ask_as(&id, verb)
    }

    pub fn ask_as(&mut self, id: &str, verb: CallVerb) -> Answer {
        let id = Some(CommandId { token: 1, id: id.to_owned() });
        let body = Body::Call { contact: self.contact, verb };
        let reply = self.world.command(Command { id, actor: Actor::Integration(1), body });
        let answer = self.world.answers[&reply].0.clone();
        self.wait(Span::millis(500));
        answer
    }

    /// It is accepted.
    pub fn does(&mut self, verb: CallVerb) {
        let answer = self.ask(verb.clone());
        let told = matches!(&answer, Answer::Accepted { snapshot: Snapshot::Contacts(told) } if !told.is_empty());
        assert!(told, "{verb:?}: {answer:?}");
    }

    /// It is refused, and nothing has happened.
    pub fn refuses(&mut self, verb: CallVerb, expected: Code) {
        let before = self.picture();
        match self.ask(verb.clone()) {
            Answer::Refused { code, .. } => assert_eq!(code, expected, "{verb:?}"),
            answer @ Answer::Accepted { .. } => panic!("{verb:?}: {answer:?}"),
        }
        assert_eq!(self.picture(), before, "{verb:?} was refused");
    }

    pub fn legs(&self) -> Vec<LegState> {
        let tenant = self.world.tenant.as_ref().expect("it runs");
        let view = tenant.contacts().view(self.contact);
        view.into_iter().flat_map(|view| view.calls).flat_map(|call| call.legs).collect()
    }

    pub fn name(&self, leg: &LegState) -> &'static str {
        match leg.party {
            PartyRef::Trunk(_) => "customer",
            PartyRef::Extension(_) => {
                EXTENSIONS.iter().find(|(_, number)| *number == leg.remote).map_or("nobody", |(name, _)| name)
            }
        }
    }

    pub fn leg(&self, who: &str) -> LegId {
        let legs = self.legs();
        legs.iter().find(|leg| self.name(leg) == who).unwrap_or_else(|| panic!("{who} is not in {legs:#?}")).leg
    }

    pub fn named(&self, who: &str) -> Option<Who> {
        Some(Who::Leg(self.leg(who)))
    }

    pub fn ana(&self) -> Option<Who> {
        Some(Who::Agent(self.agent_no("a0")))
    }

    /// Who is heard by whom, by name, in the order in which they came; `music` and `sound` are players.
    pub fn picture(&self) -> Vec<(&'static str, String)> {
        let legs = self.legs();
        let source = |source: &Source| match source {
            Source::Leg(leg) => legs.iter().find(|l| l.leg == *leg).map_or("nobody", |l| self.name(l)),
            Source::Player(player) => match self.world.sound.player(*player) {
                Some(spec) if spec.is_music => "music",
                Some(_) => "sound",
                None => "silence",
            },
        };
        let row = |leg: &LegState| {
            let sources: Vec<&str> = self.world.sound.row(leg.leg).iter().map(source).collect();
            (self.name(leg), sources.join("+"))
        };
        let mut picture: Vec<_> = legs.iter().map(row).collect();
        picture.sort();
        picture
    }

    /// Exactly these are there, and hear this.
    pub fn hear(&self, expected: &[(&'static str, &str)]) {
        let mut expected: Vec<_> = expected.iter().map(|(who, what)| (*who, (*what).to_owned())).collect();
        expected.sort();
        assert_eq!(self.picture(), expected);
    }

    pub fn record(&self) -> &ContactRecord {
        &self.world.disk.rows.contacts[&(self.world.site.tenant, self.contact)]
    }

    pub fn transfer(&mut self) -> (TransferMode, Option<TransferEnding>) {
        self.wait(Span::millis(500));
        let last = self.record().transfers.last().expect("a transfer");
        (last.mode, last.ending)
    }

    pub fn shown(&self, agent: &str) -> Option<Display> {
        let agent = self.agent_no(agent);
        self.world.tenant.as_ref().and_then(|t| t.acd().snapshot(agent)).map(|snapshot| snapshot.display)
    }

    pub fn ends(mut self) {
        let caller = self.caller;
        let up = self.world.uas[CUSTOMER].calls.get(&caller).is_some_and(|call| call.phase == Phase::Up);
        assert!(up, "the customer never died with anybody");
        self.world.touch(CUSTOMER, |ua, t| ua.hang_up(caller, t));
        self.wait(Span::seconds(1));
        for ua in [ANA, BO, CAI] {
            if self.world.uas[ua].live_calls() > 0 {
                self.hangs_up(ua);
            }
        }
        self.world.finish();
    }
}

pub fn number(number: &str) -> CallTarget {
    CallTarget::Number(number.to_owned())
}

pub fn to(who: Option<Who>, mode: TransferMode, to: CallTarget) -> CallVerb {
    CallVerb::Transfer { who, mode, to, from: None, ring: None }
}

#[test]
fn hold_and_retrieve() {
    let mut house = talk();
    let customer = house.named("customer");
    house.refuses(CallVerb::Hold { who: None }, Code::LegNotNamed);
    house.refuses(CallVerb::Retrieve { who: customer }, Code::NothingToEnd);
    house.does(CallVerb::Hold { who: customer });
    house.hear(&[("customer", "music"), ("ana", "")]);
    house.refuses(CallVerb::Hold { who: customer }, Code::AlreadyDone);
    let held: Vec<bool> = house.legs().iter().map(|leg| leg.held.is_some()).collect();
    assert_eq!(held, [true, false]);
    // only one is held: no name is needed
    house.does(CallVerb::Retrieve { who: None });
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    house.refuses(CallVerb::Hold { who: Some(Who::Leg(LegId(5))) }, Code::UnknownLeg);
    let bo = Some(Who::Agent(house.agent_no("a1")));
    house.refuses(CallVerb::Hold { who: bo }, Code::UnknownLeg);
    house.ends();
}

#[test]
fn mute_both_ways() {
    let mut house = talk();
    let ana = house.ana();
    house.does(CallVerb::Mute { who: ana, from: true, to: false });
    house.hear(&[("customer", ""), ("ana", "customer")]);
    house.refuses(CallVerb::Mute { who: ana, from: true, to: false }, Code::AlreadyDone);
    house.does(CallVerb::Mute { who: ana, from: false, to: true });
    house.hear(&[("customer", "ana"), ("ana", "")]);
    house.does(CallVerb::Mute { who: ana, from: false, to: false });
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    house.ends();
}

#[test]
fn digits_reach_the_far_end() {
    let mut house = talk();
    let customer = house.named("customer");
    for bad in ["", "12x", &"1".repeat(65)] {
        house.refuses(CallVerb::Digits { who: customer, digits: bad.to_owned() }, Code::BadDigits);
    }
    house.does(CallVerb::Digits { who: customer, digits: "12#".to_owned() });
    let leg = &house.world.sound.legs[&house.leg("customer")];
    assert_eq!(leg.spec.digits.iter().map(|d| d.digit).collect::<String>(), "12#");
    assert_eq!(house.world.sound.legs[&house.leg("ana")].spec.digits, []);
    house.ends();
}

#[test]
fn keys_of_the_customer_go_to_one_of_two() {
    let mut house = talk();
    let (customer, ana) = (house.named("customer"), house.ana());
    house.calls_cai_in();
    let (cai, pass) = (house.named("cai"), |who, to| CallVerb::PassDigits { who, to, on: true });
    house.refuses(pass(None, cai), Code::LegNotNamed);
    house.refuses(pass(cai, cai), Code::NotTalking);
    house.refuses(CallVerb::PassDigits { who: customer, to: None, on: false }, Code::NothingToEnd);
    house.does(pass(customer, ana));
    house.does(pass(customer, cai));
    house.refuses(pass(customer, cai), Code::AlreadyDone);
    house.presses("4");
    let sent = |house: &House, who: &str| {
        let digits = &house.world.sound.legs[&house.leg(who)].spec.digits;
        digits.iter().map(|d| d.digit).collect::<String>()
    };
    assert_eq!((sent(&house, "cai"), sent(&house, "ana")), ("4".to_owned(), String::new()));
    let told = house.world.disk.rows.contacts.values().next().expect("a record");
    assert_eq!(told.digits.iter().map(|d| d.digit).collect::<String>(), "x");
    house.does(CallVerb::PassDigits { who: customer, to: None, on: false });
    house.ends();
}

#[test]
fn announcements_to_one_and_to_all() {
    let mut house = talk();
    let customer = house.named("customer");
    let sounds = || vec!["en-US/thank-you-for-waiting".to_owned()];
    let to_one = Hearers::One(customer);
    house.does(CallVerb::Announce { to: to_one, sounds: sounds() });
    house.hear(&[("customer", "sound"), ("ana", "customer")]);
    house.wait(Span::seconds(3));
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    let call =
        house.world.tenant.as_ref().and_then(|t| t.contacts().view(house.contact)).expect("it lives").calls[0].call;
    house.refuses(CallVerb::StopAnnounce { to: Hearers::Call(call) }, Code::NothingToEnd);
    house.does(CallVerb::Announce { to: Hearers::Call(call), sounds: sounds() });
    house.hear(&[("customer", "sound"), ("ana", "sound")]);
    house.does(CallVerb::StopAnnounce { to: Hearers::Call(call) });
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    let no_call = cordboard::base::CallId(5);
    house.refuses(CallVerb::Announce { to: Hearers::Call(no_call), sounds: sounds() }, Code::UnknownCall);
    house.ends();
}

#[test]
fn a_third_party_joins_and_is_removed() {
    let mut house = talk();
    let ana = house.ana();
    let invite = |to| CallVerb::Invite { who: ana, to, from: None, ring: None, chair_leaves: ChairLeaves::PassOn };
    house.does(invite(number("1900")));
    house.hear(&[("customer", "ana"), ("ana", "customer"), ("cai", "")]);
    house.answers(CAI);
    house.hear(&[("customer", "ana+cai"), ("ana", "customer+cai"), ("cai", "customer+ana")]);
    house.refuses(to(ana, TransferMode::Blind, number("9002")), Code::InConference);
    let cai = house.leg("cai");
    let chair = CallVerb::Chair { who: Some(Who::Leg(cai)) };
    house.does(chair.clone());
    house.refuses(chair, Code::AlreadyDone);
    let body = Body::Hangup { contact: house.contact, who: Some(Who::Leg(cai)), supervisor: None };
    house.world.command(Command { id: None, actor: Actor::Integration(1), body });
    house.wait(Span::millis(500));
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    let bo = Some(Who::Agent(house.agent_no("a1")));
    let body = Body::Hangup { contact: house.contact, who: bo, supervisor: None };
    let reply = house.world.command(Command { id: None, actor: Actor::Integration(1), body });
    let answer = &house.world.answers[&reply].0;
    assert!(matches!(answer, Answer::Refused { code: Code::UnknownLeg, .. }), "{answer:?}");
    // who does not come changes nothing
    house.does(invite(number("1900")));
    house.rejects(CAI);
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    house.ends();
}

#[test]
fn a_blind_transfer_to_a_phone() {
    let mut house = talk();
    let ana = house.ana();
    house.does(to(ana, TransferMode::Blind, number("1900")));
    assert_eq!(house.world.uas[ANA].live_calls(), 0, "she is released at once");
    assert_eq!(house.shown("a0"), Some(Display::WrapUp));
    house.hear(&[("customer", "sound"), ("cai", "")]);
    house.answers(CAI);
    house.hear(&[("customer", "cai"), ("cai", "customer")]);
    assert_eq!(house.transfer(), (TransferMode::Blind, Some(TransferEnding::Completed)));
    house.ends();
}

#[test]
fn a_blind_transfer_that_nobody_takes_is_the_flows_again() {
    let mut house = talk();
    let ana = house.ana();
    house.does(to(ana, TransferMode::Blind, house.bo()));
    assert_eq!(house.transfer(), (TransferMode::Blind, Some(TransferEnding::Completed)), "it is the ACD's now");
    house.hear(&[("customer", "music"), ("bo", "")]);
    house.rejects(BO);
    house.hear(&[("customer", "music")]);
    // the flow's `after` has put him into the queue again, and ana is there after her wrap-up
    house.wait(Span::seconds(11));
    house.answers(ANA);
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    assert_eq!(house.record().visits.len(), 3);
    house.ends();
}

#[test]
fn a_blind_transfer_to_a_group_keeps_the_age() {
    let mut house = talk();
    let ana = house.ana();
    let sales = house.world.site.groups.values().find(|g| g.id == "sales").expect("a group").no;
    house.wait(Span::seconds(30));
    house.does(to(ana, TransferMode::Blind, CallTarget::Groups(vec![sales])));
    assert_eq!(house.world.uas[ANA].live_calls(), 0, "she is released at once");
    house.hear(&[("customer", "music")]);
    house.wait(Span::seconds(5));
    let visits = &house.record().visits;
    assert_eq!(visits.len(), 2);
    assert_eq!((visits[1].group, visits[1].due), (Some(sales), visits[0].due), "as old as at his first entry");
    assert!(visits[1].entered - visits[0].entered > Span::seconds(30), "and waits since now");
    house.agent("a1", AgentVerb::Ready);
    house.wait(Span::millis(500));
    house.answers(BO);
    house.wait(Span::millis(500));
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    assert_eq!(house.shown("a1"), Some(Display::Talking));
    assert_eq!(house.transfer(), (TransferMode::Blind, Some(TransferEnding::Completed)));
    // and after bo the flow goes on as after ana
    house.hangs_up(BO);
    house.wait(Span::seconds(1));
    assert_eq!(house.record().visits.len(), 3);
    house.ends();
}

#[test]
fn a_blind_transfer_is_called_back_while_it_rings() {
    let mut house = talk();
    let ana = house.ana();
    house.does(to(ana, TransferMode::Blind, number("1002")));
    assert_eq!(house.world.uas[ANA].live_calls(), 0, "she is gone");
    // Nobody names her: only she gave a call away.
    house.does(CallVerb::Consult { who: None, verb: ConsultVerb::Cancel });
    assert_eq!(house.transfer(), (TransferMode::Blind, Some(TransferEnding::Cancelled)));
    house.wait(Span::seconds(1));
    assert_eq!(house.world.uas[BO].live_calls(), 0, "he is rung no longer");
    house.refuses(CallVerb::Consult { who: None, verb: ConsultVerb::Cancel }, Code::NothingToEnd);
    house.ends();
}

#[test]
fn nobody_is_given_to_a_group_that_cannot_take_him() {
    let mut house = talk();
    let ana = house.ana();
    let group = |house: &House, id: &str| house.world.site.groups.values().find(|g| g.id == id).expect("a group").no;
    let sales = group(&house, "sales");
    house.agent("a1", AgentVerb::SignOut);
    house.refuses(to(ana, TransferMode::Blind, CallTarget::Groups(vec![sales])), Code::TargetUnreachable);
    house.refuses(to(ana, TransferMode::OnAnswer, CallTarget::Groups(vec![sales])), Code::TargetUnreachable);
    house.refuses(to(ana, TransferMode::OnAnswer, CallTarget::Groups(vec![])), Code::TargetUnfit);
    house.refuses(to(ana, TransferMode::Consult, flow("direct")), Code::TargetUnfit);
    house.refuses(to(ana, TransferMode::Blind, flow("none")), Code::UnknownFlow);
    house.refuses(to(ana, TransferMode::Blind, number("1777")), Code::UnknownNumber);
    let bo = house.bo();
    house.refuses(to(ana, TransferMode::Blind, bo), Code::NotSignedIn);
    house.refuses(to(ana, TransferMode::Blind, number("1901")), Code::TargetUnreachable);
    house.refuses(to(house.named("customer"), TransferMode::Blind, number("1900")), Code::NotTransferor);
    house.refuses(CallVerb::Consult { who: ana, verb: ConsultVerb::Complete }, Code::NothingToEnd);
    house.ends();
}

#[test]
fn a_blind_transfer_to_a_flow_behind_a_number() {
    let mut house = talk();
    let ana = house.ana();
    house.does(to(ana, TransferMode::Blind, number("9002")));
    assert_eq!(house.world.uas[ANA].live_calls(), 0, "she is released at once");
    house.hear(&[("customer", "music")]);
    house.wait(Span::seconds(1));
    assert_eq!(house.record().flows.len(), 2);
    assert!(house.record().flows[0].ended.is_some(), "the flow that stood behind her is over");
    assert_eq!(house.transfer(), (TransferMode::Blind, Some(TransferEnding::Completed)));
    house.ends();
}

#[test]
fn a_transfer_on_success_releases_or_restores() {
    let mut house = talk();
    let ana = house.ana();
    house.does(to(ana, TransferMode::OnAnswer, number("1900")));
    house.hear(&[("customer", "music"), ("ana", "sound"), ("cai", "")]);
    house.refuses(to(ana, TransferMode::OnAnswer, number("1002")), Code::NotTransferor);
    house.rejects(CAI);
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    assert_eq!(house.transfer(), (TransferMode::OnAnswer, Some(TransferEnding::Failed)));
    house.does(to(ana, TransferMode::OnAnswer, number("1900")));
    house.answers(CAI);
    house.hear(&[("customer", "cai"), ("cai", "customer")]);
    assert_eq!(house.world.uas[ANA].live_calls(), 0);
    assert_eq!(house.transfer(), (TransferMode::OnAnswer, Some(TransferEnding::Completed)));
    house.ends();
}

#[test]
fn a_transfer_that_talks_comes_back() {
    let mut house = talk();
    let ana = house.ana();
    house.does(to(ana, TransferMode::ComeBack, number("1900")));
    house.answers(CAI);
    house.hear(&[("customer", "cai"), ("cai", "customer"), ("ana", "music")]);
    house.hangs_up(CAI);
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    assert_eq!(house.transfer(), (TransferMode::ComeBack, Some(TransferEnding::CameBack)));
    house.ends();
}

#[test]
fn a_consult_is_never_heard_by_the_customer() {
    let mut house = talk();
    let ana = house.ana();
    let decide = |verb| CallVerb::Consult { who: ana, verb };
    house.does(to(ana, TransferMode::Consult, number("1900")));
    house.hear(&[("customer", "music"), ("ana", "sound"), ("cai", "")]);
    house.refuses(decide(ConsultVerb::Swap), Code::TransferNotThere);
    house.answers(CAI);
    house.hear(&[("customer", "music"), ("ana", "cai"), ("cai", "ana")]);
    house.does(decide(ConsultVerb::Swap));
    house.hear(&[("customer", "ana"), ("ana", "customer"), ("cai", "music")]);
    house.does(decide(ConsultVerb::Swap));
    house.hear(&[("customer", "music"), ("ana", "cai"), ("cai", "ana")]);
    house.does(decide(ConsultVerb::Cancel));
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    assert_eq!(house.world.uas[CAI].live_calls(), 0);
    assert_eq!(house.transfer(), (TransferMode::Consult, Some(TransferEnding::Cancelled)));
    house.does(to(ana, TransferMode::Consult, number("1900")));
    house.answers(CAI);
    house.does(decide(ConsultVerb::Complete));
    house.hear(&[("customer", "cai"), ("cai", "customer")]);
    assert_eq!(house.world.uas[ANA].live_calls(), 0);
    assert_eq!(house.transfer(), (TransferMode::Consult, Some(TransferEnding::Completed)));
    house.ends();
}

#[test]
fn a_consult_that_joins_is_a_conference() {
    let mut house = talk();
    let ana = house.ana();
    house.does(to(ana, TransferMode::Consult, house.bo()));
    house.answers(BO);
    house.does(CallVerb::Consult { who: ana, verb: ConsultVerb::Join });
    house.hear(&[("customer", "ana+bo"), ("ana", "customer+bo"), ("bo", "customer+ana")]);
    assert_eq!(house.transfer(), (TransferMode::Consult, Some(TransferEnding::Joined)));
    house.hangs_up(ANA);
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    house.ends();
}

#[test]
fn a_recording_is_paused_and_ended() {
    let mut house = talk();
    let record = |verb| CallVerb::Record { verb };
    house.refuses(record(RecordVerb::Start { length: None }), Code::AlreadyDone);
    house.refuses(record(RecordVerb::Resume), Code::NothingToEnd);
    house.does(record(RecordVerb::Pause));
    house.refuses(record(RecordVerb::Pause), Code::AlreadyDone);
    house.wait(Span::seconds(5));
    house.does(record(RecordVerb::Resume));
    house.wait(Span::seconds(5));
    house.does(record(RecordVerb::Stop));
    house.wait(Span::seconds(1));
    house.refuses(record(RecordVerb::Start { length: None }), Code::RecordingOver);
    let edges: Vec<SegmentEdge> = house.record().segments.iter().map(|segment| segment.ended).collect();
    assert_eq!(edges.iter().filter(|edge| **edge == SegmentEdge::Paused).count(), 1, "{edges:?}");
    house.ends();
}

#[test]
fn the_same_command_twice_rings_once() {
    let mut house = talk();
    let invite = CallVerb::Invite {
        who: house.ana(),
        to: number("1900"),
        from: None,
        ring: None,
        chair_leaves: ChairLeaves::PassOn,
    };
    let first = house.ask_as("once", invite.clone());
    let again = house.ask_as("once", invite);
    assert!(matches!((&first, &again), (Answer::Accepted { .. }, Answer::Accepted { .. })), "{first:?} {again:?}");
    let rung = house.legs().iter().filter(|leg| leg.role == LegRole::Other).count();
    assert_eq!(rung, 1);
    match house.ask_as("once", CallVerb::Hold { who: house.ana() }) {
        Answer::Refused { code, .. } => assert_eq!(code, Code::IdReused),
        answer @ Answer::Accepted { .. } => panic!("{answer:?}"),
    }
    house.rejects(CAI);
    house.ends();
}
