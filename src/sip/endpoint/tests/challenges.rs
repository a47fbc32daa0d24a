//! A trunk that challenges: every request is sent once more with credentials, a second challenge ends it.

use super::forks::{LEG, at_rest, dial, respond, respond_with, trunk};
use super::world::*;
use crate::base::{Span, TrunkNo};
use crate::event::words::{EndCause, PartyRef};
use crate::sip::message::{AuthValue, Name, Request};
use crate::sip::testing;
use crate::sip::words::{Act, Tell};
use crate::site::{Account, Secret};

const CARRIER: PartyRef = PartyRef::Trunk(TrunkNo(1));

/// A carrier that gave us an account.
fn world() -> World {
    let mut site = testing::default_site();
    site.trunks[0].account = Some(Account { user: "us".into(), password: Secret("secret".into()) });
    World::with(site)
}

fn call(world: &mut World) -> Request {
    let target = trunk(world);
    dial(world, vec![target], CARRIER);
    world.run(Span::millis(50));
    world.last_request(TRUNK, "INVITE")
}

/// Refuses with 407 and this nonce; the next request of the method.
fn challenge(world: &mut World, request: &Request, nonce: &str, more: &str) -> Request {
    let fields = format!("Proxy-Authenticate: Digest realm=\"carrier\", nonce=\"{nonce}\", qop=\"auth\"{more}\r\n");
    respond(world, request, "407 Proxy Authentication Required", "c", &fields);
    world.run(Span::millis(50));
    world.last_request(TRUNK, request.method.as_str())
}

/// CSeq number, nonce and count of a request.
fn proof(request: &Request) -> (u32, Option<(String, String)>) {
    let values = request.headers.auth(Name::ProxyAuthorization);
    assert!(values.len() <= 1, "{values:?}");
    let get = |value: &AuthValue, name| value.get(name).expect("a parameter").to_owned();
    let proof = values.first().map(|value| (get(value, "nonce"), get(value, "nc")));
    (request.headers.cseq().expect("CSeq").number, proof)
}

fn proven(cseq: u32, nonce: &str, count: &str) -> (u32, Option<(String, String)>) {
    (cseq, Some((nonce.to_owned(), count.to_owned())))
}

fn count(world: &World, method: &str) -> usize {
    world.heard_by(TRUNK).iter().filter(|line| line.starts_with(method)).count()
}

#[test]
fn a_call_goes_on_with_credentials_in_every_request() {
    let mut world = world();
    let first = call(&mut world);
    assert_eq!(proof(&first), (1, None));
    let second = challenge(&mut world, &first, "n1", "");
    assert_eq!(proof(&second), proven(2, "n1", "00000001"));
    let same = |name| assert_eq!(first.headers.text(name), second.headers.text(name), "{name:?}");
    [Name::CallId, Name::From, Name::To, Name::MaxForwards].into_iter().for_each(same);
    assert_eq!((&first.uri, first.body()), (&second.uri, second.body()));
    let branch = |of: &Request| of.headers.via().expect("Via").branch().map(str::to_owned);
    assert_ne!(branch(&first), branch(&second));
    assert_eq!(count(&world, "ACK"), 1, "of the refusal");
    respond(&mut world, &second, "200 OK", "c", "Session-Expires: 1800;refresher=uac\r\nAllow: UPDATE\r\n");
    world.run(Span::millis(50));
    assert!(matches!(world.take_tells()[..], [Tell::Answered { leg: LEG, .. }]));
    let ack = world.last_request(TRUNK, "ACK");
    assert_eq!(ack.headers.text(Name::ProxyAuthorization), second.headers.text(Name::ProxyAuthorization));
    assert_eq!(proof(&ack), proven(2, "n1", "00000001"));

    world.run(Span::seconds(900));
    let update = world.last_request(TRUNK, "UPDATE");
    assert_eq!(proof(&update), proven(3, "n1", "00000002"));
    let update = challenge(&mut world, &update, "n2", ", stale=true");
    assert_eq!(proof(&update), proven(4, "n2", "00000001"));
    respond(&mut world, &update, "200 OK", "", "Session-Expires: 1800;refresher=uac\r\n");
    world.act(Act::Probe { leg: LEG });
    world.run(Span::millis(50));
    let probe = world.last_request(TRUNK, "OPTIONS");
    assert_eq!(proof(&probe), proven(5, "n2", "00000002"));
    respond(&mut world, &probe, "200 OK", "", "");
    world.run(Span::millis(50));
    assert_eq!(world.take_tells(), [Tell::Alive { leg: LEG }]);

    world.act(Act::End { leg: LEG, status: 480, cause: EndCause::PeerLeft });
    world.run(Span::millis(50));
    let bye = world.last_request(TRUNK, "BYE");
    let bye = challenge(&mut world, &bye, "n3", "");
    assert_eq!(proof(&bye), proven(7, "n3", "00000001"), "a worn nonce that is not called stale");
    respond(&mut world, &bye, "200 OK", "", "");
    at_rest(&mut world);
    assert_eq!((count(&world, "BYE"), world.endpoint.counters.unproven), (2, 0));
}

#[test]
fn a_reinvite_that_is_challenged_is_sent_again_and_acknowledged() {
    let mut world = world();
    let invite = call(&mut world);
    respond(&mut world, &invite, "200 OK", "c", "Session-Expires: 1800;refresher=uac\r\n");
    world.run(Span::seconds(901));
    world.take_tells();
    let refresh = world.last_request(TRUNK, "INVITE");
    let again = challenge(&mut world, &refresh, "n1", "");
    assert_eq!((proof(&again), again.body().as_ref()), (proven(3, "n1", "00000001"), SDP));
    let timer = "Session-Expires: 1800;refresher=uac\r\n";
    respond_with(&mut world, &again, "200 OK", ("", timer), "where it hears now");
    world.run(Span::millis(50));
    let told = world.take_tells();
    assert!(told.contains(&Tell::Refreshed { leg: LEG, sdp: b"where it hears now".to_vec() }), "{told:?}");
    assert_eq!(proof(&world.last_request(TRUNK, "ACK")), proven(3, "n1", "00000001"));
    world.run(Span::seconds(900));
    assert_eq!(proof(&world.last_request(TRUNK, "INVITE")), proven(4, "n1", "00000002"), "the session was kept");
}

#[test]
fn a_second_challenge_and_one_without_an_account_are_failures_of_the_trunk() {
    let failed = [Tell::Failed { leg: LEG, status: 407, cause: EndCause::Unproven }];
    let mut with = world();
    let invite = call(&mut with);
    let again = challenge(&mut with, &invite, "n1", "");
    challenge(&mut with, &again, "n2", "");
    assert_eq!(with.take_tells(), failed);
    assert_eq!((count(&with, "INVITE"), with.endpoint.counters.unproven), (2, 1));
    at_rest(&mut with);

    let mut without = World::new();
    let invite = call(&mut without);
    challenge(&mut without, &invite, "n1", "");
    assert_eq!(without.take_tells(), failed);
    assert_eq!(count(&without, "INVITE"), 1);
    at_rest(&mut without);
}

#[test]
fn a_trunk_to_which_everything_is_stale_is_given_up() {
    let mut world = world();
    let mut invite = call(&mut world);
    for round in 0..10 {
        invite = challenge(&mut world, &invite, &format!("n{round}"), ", stale=true");
    }
    assert_eq!(world.take_tells(), [Tell::Failed { leg: LEG, status: 407, cause: EndCause::Unproven }]);
    assert_eq!(count(&world, "INVITE"), 5);
    at_rest(&mut world);
}

#[test]
fn a_call_that_was_given_up_is_not_tried_again() {
    let mut world = world();
    let invite = call(&mut world);
    world.act(Act::End { leg: LEG, status: 487, cause: EndCause::Cancelled });
    challenge(&mut world, &invite, "n1", "");
    assert_eq!((count(&world, "INVITE"), world.take_tells()), (1, vec![]));
    at_rest(&mut world);
}

#[test]
fn a_longer_session_interval_is_asked_for_with_credentials() {
    let mut world = world();
    let invite = call(&mut world);
    let again = challenge(&mut world, &invite, "n1", "");
    respond(&mut world, &again, "422 Session Interval Too Small", "c", "Min-SE: 3600\r\n");
    world.run(Span::millis(50));
    assert_eq!(proof(&world.last_request(TRUNK, "INVITE")), proven(3, "n1", "00000002"));
}

#[test]
fn the_bye_of_a_process_that_died_is_proven_too() {
    let mut before = world();
    let invite = call(&mut before);
    respond(&mut before, &invite, "200 OK", "c", "");
    before.run(Span::millis(50));
    let dialog = before.tells.iter().find_map(|tell| match tell {
        Tell::Dialog { dialog, .. } => Some(dialog.clone()),
        _ => None,
    });
    let mut world = world();
    world.act(Act::ByeRestored { dialog: dialog.expect("it was told"), cause: EndCause::Crash });
    world.run(Span::millis(50));
    let bye = world.last_request(TRUNK, "BYE");
    let (number, _) = proof(&bye);
    let again = challenge(&mut world, &bye, "n1", "");
    assert_eq!(proof(&again), proven(number + 1, "n1", "00000001"));
    respond(&mut world, &again, "200 OK", "", "");
    at_rest(&mut world);
}
