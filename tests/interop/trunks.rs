//! Carriers that do what carriers do: no description in the INVITE, and a trunk that leads back to ourselves.

use cordboard::event::words::Wire;
use serde_json::Value;

use crate::far_ends::{self, FarEnds};
use crate::harness::rtp::Voice;
use crate::harness::server::House;
use crate::harness::wait::beside_others;
use crate::harness::{Block, Server};
use crate::scenario::place::Shape;
use crate::scenario::stage::Stage as _;
use crate::scenario::ua::call::{Phase, Plan};
use crate::wire_stage::OnWire;

#[test]
fn after_a_late_answer_both_sides_hear_each_other_and_the_way_gets_shorter() {
    let _others = beside_others();
    let mut stage = OnWire::new(&Shape::SMALL);
    let ends = &mut stage.ends;
    let cai = ends.uas.iter().position(|ua| ua.name == "cai").expect("a phone of the site");
    let plan = Plan { offers_late: true, ..Plan::default() };
    let call = ends.touch(0, |ua, t| ua.call("4008000003", "+8613900000000", plan, t));
    ends.until("the phone to ring", |uas| uas[cai].live_calls() == 1);
    let rings = ends.uas[cai].live_call().expect("it rings");
    assert_eq!(ends.uas[cai].calls[&rings].max_forwards, Some(69), "of the 70 that came");
    ends.touch(cai, |ua, t| ua.answer(rings, t));
    ends.until("both to talk", |uas| {
        let has_sound = |c: &crate::scenario::ua::call::Call| c.phase == Phase::Up && c.peer_rtp.is_some();
        uas[0].calls.get(&call).is_some_and(has_sound) && uas[cai].calls.get(&rings).is_some_and(has_sound)
    });
    let (outside, inside) = (ends.sound(0, call), ends.sound(cai, rings));
    outside.say(Voice::Tone(440.0));
    inside.say(Voice::Tone(1_000.0));
    inside.wait_tone(440.0, 0);
    outside.wait_tone(1_000.0, 0);
    ends.touch(0, |ua, t| ua.hang_up(call, t));
    ends.until("the phone to be left", |uas| uas[cai].live_calls() == 0);
    stage.finish();
}

/// The trunk `mirror` sends to the server that it belongs to, as a carrier does that forwards a number back to us.
fn hall_of_mirrors(sip: u16, carrier: u16) -> String {
    format!(
        r#"tenant: mirrors
domains: [mirrors.example]
default: true
language: en-US
trunks:
  - {{id: carrier, send: "sip:127.0.0.1:{carrier}", accept: ["127.0.0.1/32:{carrier}"], inbound: [{{match: "^(4\\d{{9}})$", to: "+86$1"}}]}}
  - {{id: mirror, send: "sip:127.0.0.1:{sip}", accept: ["127.0.0.1/32:{sip}"], inbound: [{{match: "^\\+865(\\d{{9}})$", to: "+864$1"}}]}}
routes:
  - {{match: "^8(\\d{{7,}})$", to: "+86$1", trunks: [mirror]}}
numbers:
  - {{number: "+864008000001", flow: around}}
"#
    )
}

/// Rings a number over the mirror that is forwarded to its own, and says something when that does not go well.
const AROUND: &str = r#"nodes:
  around: {dial: "85008000001", ring: 20s, after: hangup, busy: sorry, no_answer: sorry, failed: sorry}
  sorry: {answer: , next: say}
  say: {play: [opening-hours, opening-hours, opening-hours, opening-hours], barge: false, next: hangup}
"#;

/// Max-Forwards of the INVITEs of a live contact, in order.
fn hops(server: &Server, contact: &Value) -> Vec<u32> {
    let id = contact["contact"].as_str().expect("an id");
    let reply = server.api.send("GET", &format!("/v1/calls/{id}/sip"), &[("Accept", "application/json")], "");
    let history = reply.json();
    let messages = history["messages"].as_array().unwrap_or_else(|| panic!("no messages in {history}"));
    let text = |message: &Value| message["text"].as_str().unwrap_or_default().to_owned();
    let invites = messages.iter().map(text).filter(|text| text.starts_with("INVITE "));
    let value = |text: String| text.lines().find_map(|line| line.strip_prefix("Max-Forwards: ")?.trim().parse().ok());
    invites.filter_map(value).collect()
}

#[test]
fn a_call_that_meets_itself_three_times_ends_with_an_alarm() {
    let _others = beside_others();
    let (carrier, sip) = (far_ends::seat(), Block::one());
    let server = Server::open(House {
        tenant: "mirrors",
        sites: vec![("site.yaml", hall_of_mirrors(sip.first, carrier.first))],
        flows: vec![("around", AROUND.to_owned())],
        drain: "20s",
        sip,
        media_ports: 60,
    });
    let events = server.events();
    let mut ends = FarEnds::new(server.sip);
    ends.add("carrier", carrier, Wire::Udp, "mirrors.example");
    let call = ends.touch(0, |ua, t| ua.call("4008000001", "+8613900000000", Plan::default(), t));
    ends.until("the innermost contact to say sorry", |uas| {
        uas[0].calls.get(&call).is_some_and(|c| c.phase == Phase::Up)
    });
    let alarm = events.any("alarm");
    assert_eq!(alarm["data"]["alarm"], "loop", "{alarm}");
    let opened = events.so_far("contact_opened");
    assert_eq!(opened.len(), 4, "the call, and three meetings: {opened:?}");
    let last = events.closed(opened[3]["contact"].as_str().expect("an id"));
    assert_eq!((&last["data"]["cause"], &last["data"]["disposition"]), (&"loop".into(), &"refused".into()), "{last}");
    let calls = server.api.get("/v1/calls");
    let live = calls["contacts"].as_array().expect("a list");
    let hops: Vec<Vec<u32>> = live.iter().map(|contact| hops(&server, contact)).collect();
    assert_eq!(hops, [[70, 69], [69, 68], [68, 67]], "each way out is one shorter than the way in");
    ends.touch(0, |ua, t| ua.hang_up(call, t));
    ends.until("the caller to be gone", |uas| uas[0].live_calls() == 0);
    for contact in &opened {
        events.closed(contact["contact"].as_str().expect("an id"));
    }
    server.assert_rest();
}
