//! A supervisor goes with an agent from call to call: bo with ana, in a world of one caller, two agents and a phone.

use std::sync::Arc;

use cordboard::base::Span;
use cordboard::event::Kind;
use cordboard::event::words::{Actor, Display, Line, Station, SupervisionEnding, SupervisionMode as Mode, WatchEnding};
use cordboard::switch::{
    AgentVerb, Answer, Body, CallVerb, ChairLeaves, Code, Command, Force, Snapshot, WatchVerb, Who,
};
use cordboard::tenant::words::Input;

use crate::scenario::ua::call::{CallNo, Deed, Plan};
use crate::supervision::site;
use crate::verbs::{ANA, BO, CUSTOMER, House, number, talk_at};

const LISTEN: WatchVerb = WatchVerb::Start { mode: Mode::Listen, ring: None };

impl House {
    fn ask_watch(&mut self, verb: WatchVerb) -> Answer {
        let (agent, supervisor) = (self.agent_no("a0"), self.agent_no("a1"));
        let body = Body::Watch { agent, supervisor, verb };
        let reply = self.world.command(Command { id: None, actor: Actor::Integration(1), body });
        let answer = self.world.answers[&reply].0.clone();
        self.wait(Span::millis(500));
        answer
    }

    fn watch(&mut self, verb: WatchVerb) {
        let answer = self.ask_watch(verb);
        assert!(matches!(&answer, Answer::Accepted { snapshot: Snapshot::Agents(_) }), "{verb:?}: {answer:?}");
    }

    fn watch_refused(&mut self, verb: WatchVerb, expected: Code) {
        match self.ask_watch(verb) {
            Answer::Refused { code, .. } => assert_eq!(code, expected, "{verb:?}"),
            answer @ Answer::Accepted { .. } => panic!("{verb:?}: {answer:?}"),
        }
    }

    /// bo's phone hears this, in no contact.
    fn at_rest(&self) -> bool {
        let tenant = self.world.tenant.as_ref().expect("it runs");
        let legs = tenant.contacts().legs_at_rest();
        legs.values().any(|(agent, up)| *agent == self.agent_no("a1") && *up) && self.world.uas[BO].live_calls() == 1
    }

    /// The tone that tells bo of a call is over.
    fn beep(&mut self) {
        self.wait(Span::seconds(3));
    }

    /// The customer leaves; ana's wrap-up is over when the next one calls.
    fn customer_leaves(&mut self, call: CallNo) {
        self.drops(CUSTOMER, call);
        self.wait(Span::seconds(15));
    }

    fn over(mut self, call: CallNo) {
        self.drops(CUSTOMER, call);
        self.wait(Span::seconds(1));
        self.world.finish();
    }

    /// A talk of ana's that bo hears.
    fn watched() -> (Self, CallNo) {
        let mut house = talk_at(site());
        house.watch(LISTEN);
        house.answers(BO);
        house.beep();
        house.hear(&[("customer", "ana"), ("ana", "customer"), ("bo", "customer+ana")]);
        let call = house.world.uas[CUSTOMER].live_call().expect("the customer's");
        (house, call)
    }

    /// The next customer calls, and his contact is the one that is looked at.
    fn next_caller(&mut self) -> CallNo {
        let next = self.world.touch(CUSTOMER, |ua, t| ua.call("4008000002", "+8613900000002", Plan::default(), t));
        self.wait(Span::seconds(1));
        self.contact = self.world.tenant.as_ref().and_then(|t| t.contacts().ids().last()).expect("the next caller's");
        next
    }

    fn endings(&self) -> Vec<WatchEnding> {
        let told = self.world.told.as_ref().expect("kept");
        let ending = |kind: &Kind| if let Kind::WatchEnded { ending, .. } = kind { Some(*ending) } else { None };
        told.iter().map(|event| &event.kind).filter_map(ending).collect()
    }

    fn heard(&self) -> Vec<(Mode, Option<SupervisionEnding>)> {
        let supervisions = &self.record().supervisions;
        supervisions.iter().map(|s| (s.stretches.last().expect("begun").mode, s.ending)).collect()
    }
}

#[test]
fn from_call_to_call_with_one_ring() {
    let mut house = talk_at(site());
    let first = house.world.uas[CUSTOMER].live_call().expect("the customer's");
    house.customer_leaves(first);
    house.watch(LISTEN);
    assert_eq!(house.shown("a1"), Some(Display::Monitoring), "granted before he is rung");
    house.answers(BO);
    assert!(house.at_rest(), "ana is in no call");
    house.agent("a0", AgentVerb::Ready);
    house.agent("a1", AgentVerb::Ready);
    let next = house.next_caller();
    house.hear(&[("customer", "music"), ("ana", ""), ("bo", "sound")]);
    house.beep();
    house.hear(&[("customer", "music"), ("ana", ""), ("bo", "customer+music")]);
    house.answers(ANA);
    house.beep();
    house.hear(&[("customer", "ana"), ("ana", "customer"), ("bo", "customer+ana")]);
    house.watch(WatchVerb::Mode { mode: Mode::Whisper });
    house.hear(&[("customer", "ana"), ("ana", "customer+bo"), ("bo", "customer+ana")]);
    house.customer_leaves(next);
    assert!(house.at_rest(), "between her calls");
    assert_eq!(house.shown("a1"), Some(Display::Monitoring), "nobody else is offered to him");
    assert_eq!(house.heard(), [(Mode::Whisper, Some(SupervisionEnding::TargetLeft))]);
    let third = house.next_caller();
    house.answers(ANA);
    house.beep();
    house.hear(&[("customer", "ana"), ("ana", "customer+bo"), ("bo", "customer+ana")]);
    house.watch(WatchVerb::Stop);
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    assert_eq!((house.world.uas[BO].live_calls(), house.world.uas[BO].diaries.len()), (0, 1), "rung once");
    assert_eq!(
        (house.heard(), house.endings()),
        (vec![(Mode::Whisper, Some(SupervisionEnding::Left))], vec![WatchEnding::Stopped])
    );
    assert_ne!(house.shown("a1"), Some(Display::Monitoring));
    house.over(third);
}

#[test]
fn he_hangs_up_in_a_call_or_between_two() {
    for between in [true, false] {
        let (mut house, call) = House::watched();
        if between {
            house.customer_leaves(call);
        }
        house.hangs_up(BO);
        assert_eq!(house.endings(), [WatchEnding::Left], "between calls: {between}");
        assert_ne!(house.shown("a1"), Some(Display::Monitoring));
        if !between {
            house.hear(&[("customer", "ana"), ("ana", "customer")]);
        }
        house.watch_refused(WatchVerb::Stop, Code::NotSupervisor);
        house.over(call);
    }
}

#[test]
fn a_command_releases_him_from_a_call_and_he_does_not_come_back() {
    let (mut house, call) = House::watched();
    let (contact, who) = (house.contact, Some(Who::Agent(house.agent_no("a1"))));
    house.world.command(Command {
        id: None,
        actor: Actor::Integration(1),
        body: Body::Hangup { contact, who, supervisor: None },
    });
    house.wait(Span::seconds(1));
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    assert_eq!((house.endings(), house.world.uas[BO].live_calls()), (vec![WatchEnding::Left], 0));
    house.over(call);
}

#[test]
fn who_may_not() {
    let mut house = talk_at(site());
    let call = house.world.uas[CUSTOMER].live_call().expect("the customer's");
    let (ana, bo) = (house.agent_no("a0"), house.agent_no("a1"));
    let refused = |house: &mut House, agent, supervisor, expected| {
        let body = Body::Watch { agent, supervisor, verb: LISTEN };
        let reply = house.world.command(Command { id: None, actor: Actor::Integration(1), body });
        let answer = &house.world.answers[&reply].0;
        assert!(matches!(answer, Answer::Refused { code, .. } if *code == expected), "{answer:?}");
    };
    refused(&mut house, bo, ana, Code::OutOfScope);
    refused(&mut house, bo, bo, Code::TargetUnfit);
    house.watch_refused(WatchVerb::Stop, Code::NotSupervisor);
    house.agent("a1", AgentVerb::SignOut);
    house.watch_refused(LISTEN, Code::NotSignedIn);
    let station = Some(Station::Outside { number: "913800138000".to_owned(), confirm: false });
    house.agent("a1", AgentVerb::SignIn { station, groups: None });
    house.watch_refused(LISTEN, Code::TargetUnfit);
    house.agent("a1", AgentVerb::SignOut);
    house.agent("a1", AgentVerb::SignIn { station: None, groups: None });
    assert_eq!(house.world.uas[BO].live_calls(), 0, "nobody was rung");
    house.watch(LISTEN);
    house.watch_refused(LISTEN, Code::AlreadyDone);
    house.watch_refused(WatchVerb::Mode { mode: Mode::Listen }, Code::AlreadyDone);
    let verb = CallVerb::Supervise { agent: bo, target: None, mode: Mode::Listen, ring: None };
    house.refuses(verb, Code::AgentBusy);
    house.agent("a1", AgentVerb::SignOut);
    assert_eq!(house.shown("a1"), Some(Display::Monitoring), "he is in a call");
    house.rejects(BO);
    assert_eq!((house.endings(), house.shown("a1")), (vec![WatchEnding::Failed], Some(Display::NotReady)));
    house.over(call);
}

#[test]
fn taking_over_ends_it_and_his_leg_ends_with_the_talk() {
    let (mut house, call) = House::watched();
    house.does(CallVerb::TakeOver { who: None });
    house.hear(&[("customer", "bo"), ("bo", "customer")]);
    assert_eq!((house.endings(), house.shown("a1")), (vec![WatchEnding::TookOver], Some(Display::Talking)));
    house.drops(CUSTOMER, call);
    assert_eq!((house.world.uas[BO].live_calls(), house.shown("a1")), (0, Some(Display::WrapUp)));
    house.over(call);
}

#[test]
fn it_ends_when_either_signs_out() {
    let (mut house, call) = House::watched();
    house.customer_leaves(call);
    house.agent("a0", AgentVerb::SignOut);
    house.wait(Span::seconds(1));
    assert_eq!((house.endings(), house.world.uas[BO].live_calls()), (vec![WatchEnding::SignedOut], 0));
    house.over(call);

    let (mut house, call) = House::watched();
    let (agent, verb) = (house.agent_no("a1"), AgentVerb::SignOut);
    let force = Force { why: "goes home".to_owned(), supervisor: None };
    let body = Body::Agent { agent, verb, force: Some(force) };
    house.world.command(Command { id: None, actor: Actor::Integration(1), body });
    house.wait(Span::seconds(1));
    assert_eq!((house.endings(), house.shown("a1")), (vec![WatchEnding::SignedOut], Some(Display::SignedOut)));
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    house.over(call);
}

#[test]
fn it_ends_when_the_site_gives_him_no_group_of_hers() {
    let (mut house, call) = House::watched();
    let mut site = house.world.site.as_ref().clone();
    site.agents.values_mut().for_each(|agent| agent.supervises.clear());
    let by = cordboard::event::By::SYSTEM;
    house.world.feed(Input::Site { site: Arc::new(site), by });
    house.wait(Span::seconds(1));
    assert_eq!(house.endings(), [WatchEnding::OutOfScope]);
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    house.over(call);
}

#[test]
fn a_restart_rings_him_again_and_he_hears_her_next_call() {
    let (mut house, _) = House::watched();
    house.world.crash(Span::seconds(1));
    house.wait(Span::seconds(5));
    assert_eq!((house.endings(), house.shown("a1")), (Vec::new(), Some(Display::Monitoring)));
    house.answers(BO);
    assert!(house.at_rest());
    house.agent("a0", AgentVerb::Ready);
    let next = house.next_caller();
    house.answers(ANA);
    house.beep();
    house.hear(&[("customer", "ana"), ("ana", "customer"), ("bo", "customer+ana")]);
    house.watch(WatchVerb::Stop);
    house.over(next);
}

#[test]
fn by_a_leg_that_stays_up_anyway() {
    let mut house = talk_at(site());
    let call = house.world.uas[CUSTOMER].live_call().expect("the customer's");
    house.agent("a1", AgentVerb::SignOut);
    let station = house.world.site.agent("a1").and_then(|bo| bo.station.station().extension()).expect("a phone");
    let station = Some(Station::Permanent(Line::Extension(station)));
    house.agent("a1", AgentVerb::SignIn { station, groups: None });
    house.wait(Span::seconds(1));
    house.watch_refused(LISTEN, Code::TargetUnreachable);
    house.answers(BO);
    house.watch(LISTEN);
    house.beep();
    house.hear(&[("customer", "ana"), ("ana", "customer"), ("bo", "customer+ana")]);
    house.watch(WatchVerb::Stop);
    assert!(house.at_rest(), "his station's own leg");
    assert_eq!(house.shown("a1"), Some(Display::NotReady));
    house.agent("a1", AgentVerb::SignOut);
    house.over(call);
}

#[test]
fn he_goes_where_she_talks() {
    // Her phone calls somebody else while it holds the customer: he is with her there, and comes back with her.
    let (mut house, call) = House::watched();
    let customers = house.contact;
    let hers = house.world.uas[ANA].live_call().expect("hers");
    house.world.touch(ANA, |ua, t| ua.carry_out(hers, Deed::Hold, t));
    house.wait(Span::seconds(1));
    let side = house.dials(ANA, "1900");
    house.answers(3);
    house.contact = house.world.tenant.as_ref().and_then(|t| t.contacts().ids().last()).expect("her own call's");
    house.beep();
    house.hear(&[("ana", "cai"), ("cai", "ana"), ("bo", "ana+cai")]);
    house.drops(ANA, side);
    house.contact = customers;
    house.world.touch(ANA, |ua, t| ua.carry_out(hers, Deed::Retrieve, t));
    house.beep();
    house.hear(&[("customer", "ana"), ("ana", "customer"), ("bo", "customer+ana")]);
    let endings: Vec<_> = house.heard().into_iter().map(|(_, ending)| ending).collect();
    assert_eq!(endings, [Some(SupervisionEnding::TargetLeft), None], "each stay is told");
    house.watch(WatchVerb::Stop);
    house.over(call);
}

#[test]
fn a_bug_in_a_contact_that_he_hears_rings_him_again() {
    let (mut house, _) = House::watched();
    // The contact panics as somebody is invited to it, and the machine as it rings bo: both take one more id.
    house.world.poison = Some(0);
    let (who, to, chair_leaves) = (house.ana(), number("1900"), ChairLeaves::PassOn);
    let verb = CallVerb::Invite { who, to, from: None, ring: None, chair_leaves };
    let body = Body::Call { contact: house.contact, verb };
    house.world.command(Command { id: None, actor: Actor::Integration(1), body });
    house.wait(Span::seconds(1));
    assert_eq!(house.world.panics.contacts + house.world.panics.machine, 1);
    assert_eq!((house.endings(), house.shown("a1")), (Vec::new(), Some(Display::Monitoring)));
    house.answers(BO);
    assert!(house.at_rest());
    house.wait(Span::seconds(15));
    house.agent("a0", AgentVerb::Ready);
    let next = house.next_caller();
    house.answers(ANA);
    house.beep();
    house.hear(&[("customer", "ana"), ("ana", "customer"), ("bo", "customer+ana")]);
    house.watch(WatchVerb::Stop);
    house.over(next);
}
