//! Client sessions in a world of one caller and one agent: what the end of a lease does, and what a restart keeps.

use cordboard::base::{AgentNo, CommandId, SessionId, Span};
use cordboard::event::Filter;
use cordboard::event::session::{Delivery, Lease, LeasePolicy};
use cordboard::event::words::{Actor, NotReadyReason, Wire, Wish};
use cordboard::switch::session::NewSession;
use cordboard::switch::{AgentVerb, Answer, Body, Code, Command, Query, SessionState, SessionVerb, Snapshot};

use crate::disk::DiskFaults;
use crate::net::Weather;
use crate::places::{self, add_carrier, add_phone};
use crate::scenario::place::Shape;
use crate::scenario::ua::call::Plan;
use crate::world::{Setting, World};

const CARRIER: usize = 0;
const ANA: usize = 1;
/// The token that asks in every test.
const TOKEN: u32 = 1;
const LEASE: Span = Span::seconds(30);

/// ana is signed in and ready at 1001.
fn house() -> World {
    let (site, flows) = (places::site(&Shape::SMALL), places::flows());
    let mut world = World::new(Setting { seed: 1, site, flows, weather: Weather::FINE, faults: DiskFaults::default() });
    assert_eq!(add_carrier(&mut world, Wire::Udp), CARRIER);
    assert_eq!(add_phone(&mut world, "ana", "1001", Wire::Udp, 600), ANA);
    world.touch(ANA, |ua, t| ua.register(t));
    wait(&mut world, Span::seconds(1));
    for verb in [AgentVerb::SignIn { station: None, groups: None }, AgentVerb::Ready] {
        let agent = ana(&world);
        accepted(&mut world, None, Body::Agent { agent, verb, force: None });
    }
    world
}

fn wait(world: &mut World, span: Span) {
    world.run(world.t + span);
}

fn ana(world: &World) -> AgentNo {
    world.site.agent("a0").expect("an agent of the site").no
}

fn ask(world: &mut World, id: Option<&str>, body: Body) -> Answer {
    let id = id.map(|id| CommandId { token: TOKEN, id: id.to_owned() });
    let reply = world.command(Command { id, actor: Actor::Integration(TOKEN), body });
    world.answers[&reply].0.clone()
}

fn accepted(world: &mut World, id: Option<&str>, body: Body) -> Snapshot {
    match ask(world, id, body.clone()) {
        Answer::Accepted { snapshot } => snapshot,
        Answer::Refused { code, state } => panic!("{body:?}: {} {state}", code.text()),
    }
}

fn sessions(snapshot: Snapshot) -> Vec<SessionState> {
    match snapshot {
        Snapshot::Sessions(states) => states,
        other => panic!("no sessions: {other:?}"),
    }
}

/// ana's client.
fn open(world: &mut World, id: Option<&str>, policy: LeasePolicy) -> SessionId {
    let lease = Some(Lease { length: LEASE, policy });
    let agent = Some(ana(world));
    let new = NewSession { token: TOKEN, agent, delivery: Delivery::Socket, filter: Filter::default(), lease };
    let opened = accepted(world, id, Body::Session(SessionVerb::Open(new)));
    sessions(opened).first().expect("it is open").session
}

fn renew(world: &mut World, session: SessionId) -> Answer {
    ask(world, None, Body::Session(SessionVerb::Renew { session, of: Some(TOKEN) }))
}

fn live(world: &mut World) -> Vec<SessionState> {
    sessions(accepted(world, None, Body::Query(Query::Sessions)))
}

fn wish(world: &World) -> Option<Wish> {
    world.tenant.as_ref().and_then(|tenant| tenant.acd().snapshot(ana(world))).and_then(|seen| seen.wish)
}

const LOST: Option<Wish> = Some(Wish::NotReady(NotReadyReason::ClientLost));

/// Complaint 40: a browser tab that sleeps, and a wave of missed calls.
#[test]
fn row_40_an_agent_whose_client_sleeps_is_not_rung() {
    let mut world = house();
    let session = open(&mut world, None, LeasePolicy::NotReady);
    for _ in 0..3 {
        wait(&mut world, LEASE - Span::seconds(1));
        assert!(matches!(renew(&mut world, session), Answer::Accepted { .. }));
        assert_eq!(wish(&world), Some(Wish::Ready), "the client shows that it lives");
    }
    wait(&mut world, LEASE - Span::micros(1));
    assert_eq!(wish(&world), Some(Wish::Ready));
    wait(&mut world, Span::micros(1));
    assert_eq!(wish(&world), LOST);
    assert!(matches!(renew(&mut world, session), Answer::Refused { code: Code::UnknownSession, .. }));
    let caller = world.touch(CARRIER, |ua, t| ua.call("4008000002", "+8613900000001", Plan::default(), t));
    wait(&mut world, Span::seconds(60));
    assert!(world.uas[ANA].diaries.is_empty(), "ana's phone is not rung");
    // Awake again, with a new session; it is she who says that she is ready.
    open(&mut world, None, LeasePolicy::NotReady);
    assert_eq!(wish(&world), LOST);
    world.touch(CARRIER, |ua, t| ua.hang_up(caller, t));
    world.finish();
    let record = world.disk.rows.contacts.values().next().expect("the caller's");
    assert!(record.offers.is_empty(), "{:?}", record.offers);
}

#[test]
fn sessions_survive_a_restart_with_their_whole_lease() {
    let mut world = house();
    let session = open(&mut world, Some("open"), LeasePolicy::NotReady);
    let gone = open(&mut world, None, LeasePolicy::Nothing);
    accepted(&mut world, None, Body::Session(SessionVerb::Close { session: gone, of: Some(TOKEN) }));
    let before = live(&mut world);
    wait(&mut world, LEASE - Span::seconds(1));
    world.crash(Span::seconds(5));
    wait(&mut world, Span::seconds(6));
    let after = live(&mut world);
    let [restored] = after.as_slice() else { panic!("one is open: {after:?}") };
    assert_eq!((restored.session, &restored.new, restored.opened), (session, &before[0].new, before[0].opened));
    assert_eq!(open(&mut world, Some("open"), LeasePolicy::NotReady), session, "a repeat opens no second one");
    wait(&mut world, LEASE - Span::seconds(2));
    assert_eq!(live(&mut world).len(), 1, "the whole lease, from the start on");
    wait(&mut world, Span::seconds(2));
    assert_eq!((live(&mut world).len(), wish(&world)), (0, LOST));
    world.finish();
}

#[test]
fn an_unknown_agent_and_anothers_session_are_refused() {
    let mut world = house();
    let new = NewSession {
        token: TOKEN,
        agent: Some(AgentNo(99)),
        delivery: Delivery::Poll,
        filter: Filter::default(),
        lease: None,
    };
    let answer = ask(&mut world, None, Body::Session(SessionVerb::Open(new)));
    assert!(matches!(answer, Answer::Refused { code: Code::UnknownAgent, .. }), "{answer:?}");
    let session = open(&mut world, None, LeasePolicy::SignOut);
    for verb in
        [SessionVerb::Renew { session, of: Some(TOKEN + 1) }, SessionVerb::Close { session, of: Some(TOKEN + 1) }]
    {
        let answer = ask(&mut world, None, Body::Session(verb));
        assert!(matches!(answer, Answer::Refused { code: Code::UnknownSession, .. }), "{answer:?}");
    }
    wait(&mut world, LEASE);
    assert_eq!(wish(&world), None, "signed out by the policy");
    world.finish();
}
