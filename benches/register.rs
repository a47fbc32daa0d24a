//! What a registration with digest costs: a REGISTER, its challenge, the REGISTER with credentials, its 200.
//!
//!     cargo bench --bench register -- [--phones 10000] [--rounds 5]
//!
//! First the machines alone: datagrams through the front and the tenant machine, CPU of this thread, clients left out. The
//! first round makes new bindings, the others refresh them. Then the real binary over UDP on core 0, clients on core 1:
//! CPU of all its threads, journal and site file included, and by thread.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it owns sockets, processes and clocks")]

#[path = "tools/far_end.rs"]
mod far_end;
#[path = "tools/house.rs"]
mod house;
#[path = "tools/meter.rs"]
mod meter;
#[path = "register/wire.rs"]
mod wire;

use std::time::Duration;

use cordboard::base::Span;
use cordboard::sip::message::Message;
use house::{House, phone, user};

/// Registrations whose messages are made and answered outside of the measured time at once. Nonces in flight.
const BATCH: usize = 250;

fn main() {
    let phones = meter::number("--phones", 10_000) as usize;
    let rounds = meter::number("--rounds", 5) as u32;
    meter::print_machine();
    println!("{phones} phones\n");
    machines(phones, rounds);
    wire::measure(phones, rounds);
}

fn machines(phones: usize, rounds: u32) {
    meter::pin(meter::SERVER_CORE);
    let mut house = House::new(phones, 1);
    let mut refreshes = Vec::new();
    for round in 0..rounds {
        let (mut challenge, mut proof) = (Duration::ZERO, Duration::ZERO);
        for first in (0..phones).step_by(BATCH) {
            let batch = first..(first + BATCH).min(phones);
            let (challenged, proven) = batch_of(&mut house, batch, 1 + 2 * round);
            (challenge, proof) = (challenge + challenged, proof + proven);
            house.run(Span::millis(100));
        }
        house.run(Span::seconds(60));
        assert_eq!(house.tenant.endpoint().phones(), phones);
        let each = |time: Duration| time.as_secs_f64() * 1e6 / phones as f64;
        let all = each(challenge + proof);
        let what = if round == 0 { "new" } else { "refreshed" };
        println!(
            "machines, {what}: {all:.1} us each, of it challenge {:.1}, credentials {:.1}",
            each(challenge),
            each(proof)
        );
        if round > 0 {
            refreshes.push(all);
        }
    }
    println!("machines, refreshed: {:.1} us, median of {} rounds\n", meter::median(&refreshes), refreshes.len());
}

/// CPU of the first messages of these phones, and of the second ones.
fn batch_of(house: &mut House, phones: std::ops::Range<usize>, cseq: u32) -> (Duration, Duration) {
    let first: Vec<_> =
        phones.map(|index| (phone(index), far_end::register(&user(index), phone(index), cseq, None))).collect();
    let before = meter::own_cpu();
    first.into_iter().for_each(|(from, bytes)| house.receive(from, bytes));
    let challenged = meter::own_cpu() - before;

    let answers = std::mem::take(&mut house.sent).into_iter().flat_map(|(at, bytes)| {
        let message = Message::parse_datagram(bytes).expect("the server speaks SIP");
        far_end::react(at, &message, None).into_iter().map(move |said| (at, said.bytes))
    });
    let second: Vec<_> = answers.collect();
    let before = meter::own_cpu();
    second.into_iter().for_each(|(from, bytes)| house.receive(from, bytes));
    let proven = meter::own_cpu() - before;
    house.deliver();
    (challenged, proven)
}
