//! Where two rooms meet at one instant, or one is told what another has settled already: what must not fall between.
//! Worlds of one caller and one or two agents, driven step by step.

use std::sync::Arc;

use cordboard::base::{CommandId, Span};
use cordboard::event::words::{Actor, Display, Disposition, OfferEnding, SpeechEnding, Wire};
use cordboard::ivr::{self, Known};
use cordboard::media::words::{Fact, Report, ReportBody};
use cordboard::switch::{AgentVerb, Answer, Body, Command, LegPhase, Originate, Snapshot, Then};
use cordboard::tenant::words::Input;

use crate::disk::DiskFaults;
use crate::net::Weather;
use crate::places::{self, add_carrier, add_phone};
use crate::scenario::place::Shape;
use crate::scenario::ua::call::{CallNo, Deed, Phase, Plan};
use crate::world::{Setting, World};

/// The carrier is the first far end, ana's phone the second.
const CARRIER: usize = 0;
const ANA: usize = 1;

/// ana is signed in and ready at 1001; number 4008000002 runs this flow.
fn house(flow: &str) -> World {
    let mut flows = places::flows();
    let flow = ivr::load("direct.yaml", flow, &Known::default()).unwrap_or_else(|problems| panic!("{problems:#?}"));
    flows.insert("direct".to_owned(), Arc::new(flow));
    let site = places::site(&Shape::SMALL);
    let mut world = World::new(Setting { seed: 1, site, flows, weather: Weather::FINE, faults: DiskFaults::default() });
    assert_eq!(add_carrier(&mut world, Wire::Udp), CARRIER);
    assert_eq!(add_phone(&mut world, "ana", "1001", Wire::Udp, 600), ANA);
    world.touch(ANA, |ua, t| ua.register(t));
    wait(&mut world, Span::seconds(1));
    agent(&mut world, AgentVerb::SignIn { station: None, groups: None });
    agent(&mut world, AgentVerb::Ready);
    world
}

fn wait(world: &mut World, span: Span) {
    world.run(world.t + span);
}

fn agent(world: &mut World, verb: AgentVerb) {
    let agent = world.site.agent("a0").expect("an agent of the site").no;
    world.command(Command { id: None, actor: Actor::Integration(1), body: Body::Agent { agent, verb, force: None } });
}

fn calls(world: &mut World) -> CallNo {
    world.touch(CARRIER, |ua, t| ua.call("4008000002", "+8613900000001", Plan::default(), t))
}

fn shown(world: &World) -> Option<Display> {
    let agent = world.site.agent("a0").expect("an agent of the site").no;
    world.tenant.as_ref().and_then(|tenant| tenant.acd().snapshot(agent)).map(|snapshot| snapshot.display)
}

/// ana's phone rings and is picked up.
fn ana_answers(world: &mut World) -> CallNo {
    let call = world.uas[ANA].live_call().expect("ana is rung");
    world.touch(ANA, |ua, t| ua.answer(call, t));
    call
}

fn up(world: &World, ua: usize, call: CallNo) -> bool {
    world.uas[ua].calls.get(&call).is_some_and(|c| c.phase == Phase::Up)
}

const QUEUE: &str = "nodes:\n  hello:\n    answer:\n    next: support\n  support:\n    queue: support\n    \
     announce: {sounds: thank-you-for-waiting, every: 5s}\n    after: support\n    failed: bye\n  bye:\n    \
     play: goodbye\n    next: hangup\n";

#[test]
fn sound_that_comes_in_the_step_of_its_deadline_counts() {
    let mut world = house(QUEUE);
    let caller = calls(&mut world);
    wait(&mut world, Span::seconds(1));
    ana_answers(&mut world);
    wait(&mut world, Span::millis(25));
    world.uas[ANA].gone = true;
    let tenant = world.tenant.as_ref().expect("it runs");
    let contact = tenant.contacts().views().next().expect("the caller's");
    let legs: Vec<_> = contact.calls.iter().flat_map(|call| &call.legs).collect();
    let leg = legs.iter().find(|leg| leg.agent.is_some() && leg.phase == LegPhase::Answered).expect("ana's");
    let accepted = world.disk.rows.contacts[&(world.site.tenant, contact.contact)].offers[0].accepted;
    let (leg, contact) = (leg.leg, contact.contact);
    let lapses = accepted.expect("she has picked up") + cordboard::base::bounds::OFFER_CONNECT_MAX;
    world.run(lapses - Span::micros(1));
    world.t = lapses;
    world.feed(Input::Media(Report { contact, body: ReportBody::Fact { leg, fact: Fact::FirstSound } }));
    assert_eq!(shown(&world), Some(Display::Talking));
    world.uas[ANA].gone = false;
    wait(&mut world, Span::seconds(5));
    assert!(up(&world, CARRIER, caller) && world.uas[ANA].live_calls() == 1);
    world.touch(CARRIER, |ua, t| ua.hang_up(caller, t));
    world.finish();
    let record = &world.disk.rows.contacts[&(world.site.tenant, contact)];
    assert_eq!(record.offers.iter().map(|o| o.ending).collect::<Vec<_>>(), [Some(OfferEnding::Connected)]);
}

#[test]
fn a_hold_is_over_with_the_leg_that_held() {
    let mut world = house(QUEUE);
    let caller = calls(&mut world);
    wait(&mut world, Span::seconds(1));
    let call = ana_answers(&mut world);
    wait(&mut world, Span::seconds(5));
    world.touch(ANA, |ua, t| ua.carry_out(call, Deed::Hold, t));
    wait(&mut world, Span::minutes(14));
    assert!(up(&world, CARRIER, caller), "a hold may last 15 min");
    agent(&mut world, AgentVerb::NotReady { reason: None });
    world.touch(ANA, |ua, t| ua.hang_up(call, t));
    wait(&mut world, Span::minutes(5));
    assert!(up(&world, CARRIER, caller), "the caller waits in the queue; nobody holds him");
    world.touch(CARRIER, |ua, t| ua.hang_up(caller, t));
    world.finish();
}

#[test]
fn announcements_go_on_after_a_phone_that_gave_no_sound() {
    let mut world = house(QUEUE);
    let caller = calls(&mut world);
    wait(&mut world, Span::millis(4_500));
    ana_answers(&mut world);
    wait(&mut world, Span::millis(25));
    world.uas[ANA].gone = true;
    wait(&mut world, Span::seconds(4));
    agent(&mut world, AgentVerb::NotReady { reason: None });
    let (mut heard, contact) = (0, world.contacts()[0].contact);
    for _ in 0..60 {
        wait(&mut world, Span::seconds(1));
        heard += usize::from(world.sound.plays(contact, "en-US/thank-you-for-waiting"));
    }
    assert!(heard >= 10, "one of 2 s every 7 s, heard {heard} times in a minute");
    assert!(up(&world, CARRIER, caller));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a small stack shows what nests")]
fn a_flow_that_dials_in_a_circle_ends_by_its_steps() {
    let small_stack = std::thread::Builder::new().stack_size(2 << 20);
    let run = || {
        let mut world = house("nodes:\n  again:\n    dial: \"77777\"\n    after: hangup\n    failed: again\n");
        let caller = calls(&mut world);
        wait(&mut world, Span::seconds(5));
        assert!(!up(&world, CARRIER, caller) && world.uas[CARRIER].live_calls() == 0);
        world.finish();
    };
    small_stack.spawn(run).expect("a thread").join().expect("no panic, no end of the stack");
}

fn order(world: &mut World, id: &str) -> u64 {
    order_flow(world, id, "callback")
}

fn order_flow(world: &mut World, id: &str, flow: &str) -> u64 {
    let (to, then, data) = ("913900000001".to_owned(), Then::Flow(flow.to_owned()), serde_json::Map::new());
    let body = Body::Originate(Originate { to, then, from: None, data });
    let id = Some(CommandId { token: 1, id: id.to_owned() });
    world.command(Command { id, actor: Actor::Integration(1), body })
}

#[test]
fn an_order_that_is_hung_up_before_it_is_on_disk_leaves_nothing() {
    let mut world = house(QUEUE);
    let reply = order(&mut world, "o1");
    let Some((Answer::Accepted { snapshot: Snapshot::Ordered(contact) }, _)) = world.answers.get(&reply) else {
        panic!("the order is accepted")
    };
    let contact = *contact;
    world.command(Command {
        id: None,
        actor: Actor::Integration(1),
        body: Body::Hangup { contact, who: None, supervisor: None },
    });
    wait(&mut world, Span::seconds(5));
    assert!(world.uas[CARRIER].diaries.is_empty(), "nobody is dialled");
    world.finish();
}

#[test]
fn an_order_waits_for_the_id_of_its_command() {
    let mut world = house(QUEUE);
    wait(&mut world, Span::seconds(1));
    order(&mut world, "o2");
    let tail = world.disk.tail();
    let place = |name| tail.iter().position(|n| *n == name).unwrap_or_else(|| panic!("no {name} in {tail:?}"));
    assert!(place("originated") < place("command_accepted"), "{tail:?}");
    assert_eq!(world.disk.awaited(), ["command_accepted"], "the last of them is waited for");
    wait(&mut world, Span::seconds(1));
    assert!(world.uas[CARRIER].live_call().is_some(), "then it dials");
    world.finish();
}

#[test]
fn nobody_is_rung_for_a_flow_that_cannot_run() {
    let mut world = house(QUEUE);
    let mut flows = places::flows();
    flows.insert("new".to_owned(), Arc::clone(&flows["callback"]));
    world.feed(Input::Flows(Arc::new(flows)));
    let reply = order_flow(&mut world, "o3", "new");
    assert!(matches!(world.answers.get(&reply), Some((Answer::Refused { .. }, _))), "{:?}", world.answers.get(&reply));
    world.finish();
}

#[test]
fn a_party_we_called_that_leaves_while_it_waits_has_abandoned() {
    let mut world = house(QUEUE);
    agent(&mut world, AgentVerb::NotReady { reason: None });
    order(&mut world, "o4");
    wait(&mut world, Span::seconds(1));
    let call = world.uas[CARRIER].live_call().expect("it is dialled");
    world.touch(CARRIER, |ua, t| ua.answer(call, t));
    wait(&mut world, Span::seconds(10));
    world.touch(CARRIER, |ua, t| ua.hang_up(call, t));
    world.finish();
    let record = world.disk.rows.contacts.values().next().expect("the order's");
    assert_eq!(record.visits.len(), 1, "{record:?}");
    assert_eq!(record.disposition, Some(Disposition::AbandonedInQueue));
}

#[test]
fn a_text_is_spoken_to_whoever_answers_and_the_record_says_so() {
    for (leaves, ending) in [(false, SpeechEnding::Whole), (true, SpeechEnding::CutShort)] {
        let mut world = house(QUEUE);
        let then = Then::Say { text: "Your order is on its way.".to_owned(), language: None };
        let (to, data) = ("913900000001".to_owned(), serde_json::Map::new());
        let body = Body::Originate(Originate { to, then, from: None, data });
        world.command(Command { id: None, actor: Actor::Integration(1), body });
        wait(&mut world, Span::seconds(1));
        let call = world.uas[CARRIER].live_call().expect("it is dialled");
        wait(&mut world, Span::seconds(1));
        assert_eq!(world.uas[CARRIER].live_calls(), 1, "nothing is said before the answer");
        world.touch(CARRIER, |ua, t| ua.answer(call, t));
        wait(&mut world, Span::millis(500));
        if leaves {
            world.touch(CARRIER, |ua, t| ua.hang_up(call, t));
        }
        wait(&mut world, Span::seconds(5));
        assert_eq!(world.uas[CARRIER].live_calls(), 0, "it is over with the text");
        world.finish();
        let record = world.disk.rows.contacts.values().next().expect("the order's");
        let said = record.said.as_ref().expect("a text");
        assert_eq!((said.speech.language.as_str(), said.ending), ("en-US", Some(ending)));
        assert_eq!((record.flows.len(), record.anomalies), (0, 0), "{record:?}");
    }
}
