//! A great many short calls through one tenant machine: afterwards nothing of them is left, and memory is where it was
//! when a fifth of them were done. `CORDBOARD_CALLS` is how many; without it as many as a test run has time for.

use std::sync::Arc;

use cordboard::base::Span;
use cordboard::event::words::Wire;
use cordboard::ivr::{self, Known};

use crate::disk::DiskFaults;
use crate::net::Weather;
use crate::places::{self, add_carrier};
use crate::scenario::place::Shape;
use crate::scenario::ua::call::{Deed, Plan};
use crate::world::{INTERFACE, Setting, World};

const CALLS: u64 = 2_000;
/// Calls that are up at once.
const AT_ONCE: u64 = 200;
/// What a page more or less may make of it, and what the allocator keeps of a peak.
const GROWTH_MAX: f64 = 0.1;
const FLOW: &str = "nodes:\n  a: {answer: , next: b}\n  b: {play: welcome, next: hangup}\n";

/// Resident memory in bytes (proc(5), `statm`, second field; a page has 4 KiB wherever this runs).
#[expect(clippy::disallowed_methods, reason = "what the kernel counts is told by a file")]
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let pages: u64 = statm.split(' ').nth(1).and_then(|field| field.parse().ok()).expect("the second field");
    pages * 4_096
}

/// What the simulator itself keeps of calls that are over; without it the machine's own memory is what is measured.
fn forget(world: &mut World) {
    world.disk.rows.contacts.clear();
    world.check.forget();
    world.answers.clear();
    for ua in &mut world.uas {
        ua.forget();
    }
}

#[test]
fn short_calls_leave_nothing_and_memory_is_flat() {
    let calls = std::env::var("CORDBOARD_CALLS").map_or(CALLS, |text| text.parse().expect("a number"));
    let mut flows = places::flows();
    let flow = ivr::load("direct.yaml", FLOW, &Known::default()).unwrap_or_else(|problems| panic!("{problems:#?}"));
    flows.insert("direct".to_owned(), Arc::new(flow));
    let shape = Shape { calls: 5_000, trunk_calls: 4_000, ..Shape::SMALL };
    let (site, weather) = (places::site(&shape), Weather::FINE);
    let mut world = World::new(Setting { seed: 1, site, flows, weather, faults: DiskFaults::default() });
    add_carrier(&mut world, Wire::Udp);
    let (mut done, mut at_a_fifth) = (0, None);
    while done < calls {
        for n in 0..AT_ONCE {
            // half of them by the flow, half by the caller
            let deeds = if n % 2 == 0 { vec![(Span::millis(500), Deed::HangUp)] } else { Vec::new() };
            let plan = Plan { deeds, ..Plan::default() };
            world.touch(0, |ua, t| ua.call("4008000002", "+8613900000001", plan, t));
            world.run(world.t + Span::millis(12));
        }
        done += AT_ONCE;
        world.run(world.t + Span::seconds(3));
        // 64*T1 and more: the last repeat is answered
        world.run(world.t + Span::seconds(45));
        nothing_is_left(&world, done);
        forget(&mut world);
        if at_a_fifth.is_none() && done * 5 >= calls {
            at_a_fifth = Some(resident());
        }
    }
    let (before, after) = (at_a_fifth.expect("a fifth was done"), resident());
    let growth = after as f64 / before as f64 - 1.0;
    eprintln!("{done} calls: {before} bytes after a fifth, {after} in the end ({:.1} %)", growth * 100.0);
    assert!(growth < GROWTH_MAX, "{done} calls: {before} bytes after a fifth, {after} in the end");
}

/// Every live object by its count.
fn nothing_is_left(world: &World, done: u64) {
    let tenant = world.tenant.as_ref().expect("it runs");
    assert_eq!(tenant.contacts().counts(), (0, 0), "contacts and legs after {done} calls");
    let counts = tenant.endpoint().counts();
    assert!(tenant.endpoint().is_at_rest(), "dialogs and transactions after {done} calls: {counts:?}");
    let gauges = tenant.acd().gauges();
    assert_eq!(gauges.items, 0, "items and offers after {done} calls");
    assert!(tenant.is_at_rest(), "flow runs, waits, orders after {done} calls");
    assert_eq!(tenant.deadline(), None, "timers after {done} calls");
    assert_eq!(world.sound.held(world.ports(), INTERFACE), 0, "ports after {done} calls");
    assert!(world.sound.is_at_rest(), "sound after {done} calls: {:?}", world.sound);
    assert!(world.disk.open.contacts.is_empty() && world.disk.open.unsealed.is_empty(), "the fold after {done} calls");
}
