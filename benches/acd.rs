//! How fast a ready agent's phone rings, and what the tenant machine costs when it is full.
//!
//!     cargo bench --bench acd -- [--part wire|machine] [--rounds 3]
//!         wire:    [--agents 50] [--waiting 200] [--rate 200] [--seconds 10]
//!         machine: [--agents 5000] [--talking 2000] [--waiting 10000] [--seconds 30]
//!
//! *Wire*: the real binary on core 0; phones, a carrier and clients of the HTTP API on core 1, all over the loopback. While
//! callers wait, an agent is made ready so many times a second. Measured is the time from before his `ready` is written to
//! the API's connection until his phone has read the INVITE: HTTP, the command's way to the machine, the match and the
//! datagram's way are in it. The phone answers, talks for 100 ms and hangs up; the flow ends the call, the carrier calls again, and
//! the agent is not ready after the call. So each of these events is a whole call.
//!
//! *Machine*: the tenant machine without sockets and disk, with as many agents signed in, contacts in talk and items
//! waiting. 28 times a second (5,000 agents in calls of 180 s) a talk ends, an agent wraps up and gets the next item, and a
//! carrier's call comes in. `handle` of each input by its kind, CPU time.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it owns sockets, processes and clocks")]

#[path = "tools/far_end.rs"]
mod far_end;
#[path = "tools/house.rs"]
mod house;
#[path = "tools/meter.rs"]
mod meter;
#[path = "acd/wire.rs"]
mod wire;

use cordboard::base::Span;
use house::House;

/// Talks that end, and calls that come, in a second.
const RATE: u64 = 28;
const BETWEEN: Span = Span(1_000_000 / RATE as i64);

fn main() {
    meter::print_machine();
    let part = meter::text("--part");
    let wanted = |name: &str| part.as_deref().is_none_or(|part| part == name);
    if wanted("wire") {
        let plan = wire::Plan {
            agents: meter::number("--agents", 50) as usize,
            waiting: meter::number("--waiting", 200),
            rate: meter::number("--rate", 200),
            seconds: meter::number("--seconds", 10),
        };
        wire::measure(&plan, meter::number("--rounds", 3));
    }
    if wanted("machine") {
        machine();
    }
}

fn machine() {
    let agents = meter::number("--agents", 5_000) as usize;
    let talking = meter::number("--talking", 2_000);
    let waiting = meter::number("--waiting", 10_000);
    let seconds = meter::number("--seconds", 30);
    meter::pin(meter::SERVER_CORE);
    // As the binary does.
    cordboard::drive::process::prepare();
    let mut house = full(agents, talking, waiting);
    house.steps = Some(Vec::new());
    let first = talking + waiting;
    for tick in 0..seconds * RATE {
        house.hang_up_oldest();
        house.call(first + tick);
        house.run(BETWEEN);
        if tick % (10 * RATE) == 0 {
            // Left out: nobody hears all far ends within one instant.
            let kept = house.steps.take();
            house.speak_all();
            house.steps = kept;
        }
    }
    let steps = house.steps.take().expect("they were kept");
    let counts = house.tenant.acd().counts();
    let live = house.tenant.live_contacts();
    println!("\n{agents} agents, {} items waiting, {live} contacts; {} talks ended\n", counts.items, seconds * RATE);
    house::print_by_input(&steps, seconds * RATE);
}

/// So many agents talk, the others are signed in and not ready, and so many callers wait.
fn full(agents: usize, talking: u64, waiting: u64) -> House {
    let mut house = House::new(agents, agents);
    for phone in 0..agents {
        house.register(phone, 1);
        house.run(Span::millis(2));
    }
    (0..talking as usize).for_each(|agent| house.sign_in(agent));
    (talking as usize..agents).for_each(|agent| house.sign_in_only(agent));
    for call in 0..talking + waiting {
        house.call(call);
        house.run(Span::millis(10));
        if call % 1_000 == 0 {
            house.speak_all();
        }
    }
    // The last callers have pressed their key, and all phones have answered.
    house.run(Span::seconds(8));
    house.speak_all();
    let items = house.tenant.acd().counts().items;
    assert_eq!((items, house.connected.len()), (waiting as usize, talking as usize), "it is full");
    house
}
