//! What the tenant machine costs in time and memory, without sockets and disk: calls of a carrier that run through the
//! flow that ships, wait in a group, ring an agent, talk and end, while all phones keep registering.
//!
//!     cargo bench --bench tenant -- [--registered 10000] [--bridged 1000] [--phones 5000] [--agents 2000] [--seconds 120]
//!
//! Memory first, as growth of the process: per registration, and per call that is bridged to an agent. That holds tenant
//! machine, media engine and the folded open state, all of a call but its four sockets in the kernel; the far ends
//! remember nothing. Then time: 28 calls a second (5,000 agents in calls of 180 s), `handle` of each input by its kind, its
//! median and 99th percentile (budget: 200 us), and inputs per second of one core, with taking their outputs.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it reads clocks")]

#[path = "tools/far_end.rs"]
mod far_end;
#[path = "tools/house.rs"]
mod house;
#[path = "tools/meter.rs"]
mod meter;

use cordboard::base::Span;
use house::House;

const CALLS_PER_SECOND: u64 = 28;
const BETWEEN_CALLS: Span = Span(1_000_000 / CALLS_PER_SECOND as i64);
/// A caller's talk with the flow and the agent. Shorter than the 30 s after which silence would be told.
const TALK: Span = Span::seconds(22);
/// Calls before the memory of others is measured: they fill what is used again.
const BEFORE: u64 = 20;
/// Each phone registers so often.
const REFRESH: u64 = 300;

fn main() {
    meter::print_machine();
    meter::pin(meter::SERVER_CORE);
    memory();
    time();
}

fn memory() {
    let registered = meter::number("--registered", 10_000) as usize;
    let bridged = meter::number("--bridged", 1_000);
    let agents = (bridged + 2 * BEFORE) as usize;
    let phones = registered.max(agents);
    let mut house = House::new(phones, agents);
    let empty = meter::resident("self");
    for first in (0..phones).step_by(200) {
        (first..phones.min(first + 200)).for_each(|phone| house.register(phone, 1));
        // Transactions end after 32 s, so that the next ones use their memory.
        house.run(Span::seconds(40));
    }
    assert_eq!(house.tenant.endpoint().phones(), phones);
    let registered = meter::resident("self");
    println!("a registration: {:.1} KB", (registered - empty) as f64 / phones as f64 / 1024.0);

    (0..agents).for_each(|agent| house.sign_in(agent));
    (0..BEFORE).for_each(|call| house.call(call));
    house.run(Span::seconds(40));
    let before = meter::resident("self");
    for call in BEFORE..BEFORE + bridged {
        house.call(call);
        // Slowly: of most calls the transactions of the beginning are over, as they are of calls that last minutes.
        house.run(Span::millis(200));
        if call % 64 == 0 {
            house.speak_all();
        }
    }
    house.run(Span::seconds(10));
    let talking = house.tenant.acd().counts();
    assert_eq!((talking.items, house.tenant.live_contacts()), (0, (BEFORE + bridged) as usize), "all are bridged");
    let after = meter::resident("self");
    println!("a bridged call: {:.1} KB", (after - before) as f64 / bridged as f64 / 1024.0);
}

fn time() {
    let phones = meter::number("--phones", 5_000);
    let agents = meter::number("--agents", 2_000);
    let seconds = meter::number("--seconds", 120);
    let mut house = House::new(phones as usize, agents as usize);
    house.talk = Some(TALK);
    for phone in 0..phones as usize {
        house.register(phone, 1);
        house.run(Span::millis(2));
    }
    (0..agents as usize).for_each(|agent| house.sign_in(agent));
    let mut calls = 0;
    let mut carry_on = |house: &mut House, from: u64, seconds: u64| {
        for tick in from * CALLS_PER_SECOND..(from + seconds) * CALLS_PER_SECOND {
            house.call(tick);
            calls += 1;
            let due = phones * tick / (REFRESH * CALLS_PER_SECOND)..phones * (tick + 1) / (REFRESH * CALLS_PER_SECOND);
            due.for_each(|n| house.register((n % phones) as usize, 10 + 2 * n as u32));
            house.run(BETWEEN_CALLS);
        }
        calls
    };
    // Until as many calls end as begin.
    let warm_up = 60;
    carry_on(&mut house, 0, warm_up);
    house.steps = Some(Vec::new());
    carry_on(&mut house, warm_up, seconds);
    let steps = house.steps.take().expect("they were kept");
    let calls = seconds * CALLS_PER_SECOND;
    println!("\n{calls} calls, {} contacts at once, registrations of phones included\n", house.tenant.live_contacts());
    house::print_by_input(&steps, calls);
}
