//! Phones that give their calls away by REFER: blind, and to whom they talk with in a second call; and a phone that takes a
//! call over from another by an INVITE with Replaces.

use cordboard::base::Span;
use cordboard::event::words::Wire;

use crate::far_ends::{self, FarEnds};
use crate::harness::Plan as House;
use crate::harness::rtp::Voice;
use crate::harness::scene::Scene;
use crate::harness::server::DOMAIN;
use crate::harness::wait::{alone, beside_others};
use crate::scenario::place::SECOND_PHONE;
use crate::scenario::ua::Ua;
use crate::scenario::ua::call::{Answer, CallNo, Phase, Plan};
use crate::verbs::{end, place};

/// A phone that answers at once.
fn phone(ends: &mut FarEnds, number: &str) -> usize {
    let no = ends.uas.len();
    let ua = ends.add(number, far_ends::seat(), Wire::Udp, DOMAIN);
    ua.has_account(number, &format!("secret-{number}"), 600);
    ua.manner = |_| Plan { answer: Answer::After(Span::millis(50)), ..Plan::default() };
    ends.touch(no, |ua, t| ua.register(t));
    ends.until("the phone to register", |uas| uas[no].registered_until.is_some());
    no
}

fn is_up(ua: &Ua, call: CallNo) -> bool {
    ua.calls.get(&call).is_some_and(|call| call.phase == Phase::Up)
}

/// `from` talks to `to`; the calls of both.
fn talk(ends: &mut FarEnds, from: usize, to: usize) -> (CallNo, CallNo) {
    let number = ends.uas[to].name.clone();
    let call = ends.touch(from, |ua, t| ua.call(&number, "", Plan::default(), t));
    ends.until("both to talk", |uas| is_up(&uas[from], call) && uas[to].live_call().is_some());
    let other = ends.uas[to].live_call().expect("it is up");
    ends.sound(from, call).wait_packets(1);
    (call, other)
}

/// Each hears the other's tone, and from now on.
fn hear_each_other(ends: &FarEnds, one: (usize, CallNo), other: (usize, CallNo)) {
    let (a, b) = (ends.sound(one.0, one.1), ends.sound(other.0, other.1));
    a.say(Voice::Tone(440.0));
    b.say(Voice::Tone(700.0));
    a.wait_tone(700.0, a.heard());
    b.wait_tone(440.0, b.heard());
}

#[test]
fn a_phone_refers_its_call_to_another_and_is_out() {
    let _others = beside_others();
    let scene = Scene::new(&House::default());
    let mut ends = FarEnds::new(scene.server.sip);
    let [ours, far, next] = ["1001", "1003", "1004"].map(|number| phone(&mut ends, number));
    let (call, there) = talk(&mut ends, ours, far);
    ends.touch(ours, |ua, t| ua.refer(call, "1004", None, t));
    ends.until("the transferor to be released", |uas| uas[ours].diaries[&call].bye_received.is_some());
    let notified = ends.uas[ours].diaries[&call].notified.clone();
    assert_eq!((notified.first(), notified.last()), (Some(&100), Some(&200)), "{notified:?}");
    let new = ends.uas[next].live_call().expect("it took the call");
    hear_each_other(&ends, (far, there), (next, new));
    assert!(is_up(&ends.uas[far], there), "the same dialog");
    ends.touch(far, |ua, t| ua.hang_up(there, t));
    ends.until("all to be over", |uas| uas.iter().all(|ua| ua.live_calls() == 0));
    scene.server.assert_rest();
}

#[test]
fn a_reference_that_nobody_takes_leaves_the_call_as_it_was() {
    let _others = beside_others();
    let scene = Scene::new(&House::default());
    let mut ends = FarEnds::new(scene.server.sip);
    let [ours, far, next] = ["1001", "1003", "1004"].map(|number| phone(&mut ends, number));
    ends.uas[next].manner = |_| Plan { answer: Answer::Reject(486, Span::millis(50)), ..Plan::default() };
    let (call, there) = talk(&mut ends, ours, far);
    for (to, status) in [("1004", 486), ("5555", 404)] {
        ends.touch(ours, |ua, t| ua.refer(call, to, None, t));
        ends.until("the refusal", |uas| uas[ours].diaries[&call].notified.last() == Some(&status));
        hear_each_other(&ends, (ours, call), (far, there));
    }
    ends.touch(ours, |ua, t| ua.hang_up(call, t));
    ends.until("all to be over", |uas| uas.iter().all(|ua| ua.live_calls() == 0));
    scene.server.assert_rest();
}

#[test]
fn two_calls_of_one_phone_become_one() {
    let _others = beside_others();
    let scene = Scene::new(&House::default());
    let mut ends = FarEnds::new(scene.server.sip);
    let [ours, one, two] = ["1001", "1003", "1004"].map(|number| phone(&mut ends, number));
    let (first, there) = talk(&mut ends, ours, one);
    let (second, new) = talk(&mut ends, ours, two);
    let invites = ends.uas[two].diaries.len();
    ends.touch(ours, |ua, t| ua.refer(first, "1004", Some(second), t));
    ends.until("both calls of the transferor to be over", |uas| uas[ours].live_calls() == 0);
    ends.until("he reads how it went", |uas| uas[ours].diaries[&first].notified.last() == Some(&200));
    hear_each_other(&ends, (one, there), (two, new));
    assert!(is_up(&ends.uas[one], there) && is_up(&ends.uas[two], new), "the same dialogs");
    assert_eq!(ends.uas[two].diaries.len(), invites, "Replaces is no new call");
    let merged = scene.events.any("contact_merged");
    let (gone, with) = (&merged["contact"], &merged["data"]["with"]);
    assert_eq!(merged["data"]["goes_on"], false, "{merged}");
    assert_ne!(gone, with);
    scene.events.closed(gone.as_str().expect("an id"));
    ends.touch(one, |ua, t| ua.hang_up(there, t));
    ends.until("all to be over", |uas| uas.iter().all(|ua| ua.live_calls() == 0));
    let record = scene.record(with.as_str().expect("an id"));
    assert_eq!(record["disposition"], "answered", "{record}");
    scene.server.assert_rest();
}

/// RFC 3891: the second phone takes the place of the first, and no new call begins.
#[test]
fn a_talk_goes_on_at_the_second_phone_which_says_whom_it_replaces() {
    alone(|| {
        let mut talk = crate::verbs::talk();
        talk.has_second_phone();
        let ana = talk.call("ana");
        let replaces = talk.stage.ends.uas[end("ana")].calls[&ana].replaces();
        let second = end(SECOND_PHONE);
        let plan = Plan { replaces: Some(replaces), ..Plan::default() };
        let call = talk.stage.ends.touch(second, |ua, t| ua.call("1001", "", plan, t));
        talk.stage.ends.until("her second phone to be up", |uas| is_up(&uas[second], call));
        talk.calls[place(SECOND_PHONE)] = Some(call);
        talk.says(SECOND_PHONE);
        talk.is_released("ana");
        assert!(talk.stage.ends.uas[end("ana")].diaries[&ana].bye_received.is_some(), "BYE to the first");
        talk.hears("customer", &[SECOND_PHONE]);
        talk.hears(SECOND_PHONE, &["customer"]);
        let calls = talk.stage.server.api.get("/v1/calls");
        assert_eq!(calls["contacts"].as_array().map(Vec::len), Some(1), "{calls}");
        assert_eq!(talk.stage.events.so_far("contact_opened").len(), 1);
        let record = talk.ends();
        assert_eq!(record["disposition"], "answered", "{record}");
        assert_eq!(record["offers"].as_array().map(Vec::len), Some(1), "the agent's offer goes on: {record}");
    });
}
