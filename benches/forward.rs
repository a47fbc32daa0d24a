//! What a forwarded G.711 call costs: CPU of the media thread, both directions, beside a bare loop that receives and sends
//! as many packets over as many sockets. The same machine at the same time decides, so rounds of all ways are interleaved
//! and the ratio to the loop of the same round is what counts.
//!
//!     cargo bench --bench forward -- [--calls 100,500,1000] [--rounds 5] [--seconds 3]
//!
//! The server runs on core 0, the load on core 1. Ways: `loop` the bare loop; `engine` the server's media thread with its
//! sockets and engine; `coalesce` the same with `media.coalesce`; `recorded` the same as `engine` with each call recorded
//! on two tracks, its writer thread included. `spread`: each stream has its own phase of the 20 ms, as on a network;
//! `bursts`: all of a millisecond come at once. Columns: CPU in per cent of a core per call and its ratio to the loop
//! (median and range over the rounds), packets lost, delay from the sender and back to it through the server, and what
//! other programs took of the machine meanwhile (200 is all of two cores).

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it owns sockets, threads and clocks")]

#[path = "forward/bare_loop.rs"]
mod bare_loop;
#[path = "forward/load.rs"]
mod load;
#[path = "tools/meter.rs"]
mod meter;
#[path = "forward/server.rs"]
mod server;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bare_loop::BareLoop;
use load::{Arrivals, Load};
use server::{MediaServer, Way};

/// Before the measured time: latches close, the first headers of files are written.
const WARM_UP: Duration = Duration::from_millis(500);

/// Of a call, both directions.
const PACKETS_PER_SECOND: f64 = 100.0;

/// One way in one round.
struct Sample {
    /// Per cent of a core per call.
    cpu: f64,
    lost: u64,
    sent: u64,
    delay_p50: f64,
    delay_p99: f64,
    /// Sends of the load that were over a millisecond late: above a few the round says nothing.
    late: u64,
    others: f64,
}

/// What is measured: the yardstick, or a way of ours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Loop,
    Ours(Way),
}

const SUBJECTS: [(&str, Subject); 4] = [
    ("loop", Subject::Loop),
    ("engine", Subject::Ours(Way::Plain)),
    ("coalesce", Subject::Ours(Way::Coalesced)),
    ("recorded", Subject::Ours(Way::Recorded)),
];

fn main() {
    let rounds = meter::number("--rounds", 5) as usize;
    let window = Duration::from_secs(meter::number("--seconds", 3));
    let calls = meter::text("--calls").unwrap_or_else(|| "100,500,1000".to_owned());
    cordboard::drive::process::prepare();
    meter::print_machine();
    println!("{rounds} rounds of {} s, interleaved\n", window.as_secs());
    println!(
        "| calls, arrivals | way | % of a core per call | ratio to the loop | lost of sent | delay p50 / p99 us | others % |"
    );
    println!("|---|---|---|---|---|---|---|");
    for calls in calls.split(',').map(|calls| calls.parse::<usize>().expect("`--calls` takes numbers")) {
        for arrivals in [Arrivals::Spread, Arrivals::Bursts] {
            let mut samples: [Vec<Sample>; 4] = Default::default();
            for round in 0..rounds {
                for turn in 0..SUBJECTS.len() {
                    let which = (round + turn) % SUBJECTS.len();
                    samples[which].push(measure(SUBJECTS[which].1, calls, arrivals, window));
                }
            }
            for (which, (name, _)) in SUBJECTS.iter().enumerate() {
                print_row(&format!("{calls}, {}", arrivals.name()), name, &samples[which], &samples[0]);
            }
        }
    }
}

fn measure(subject: Subject, calls: usize, arrivals: Arrivals, window: Duration) -> Sample {
    let mut load = Load::new(calls, arrivals);
    let before = meter::threads("self");
    meter::pin(meter::SERVER_CORE);
    let server = start(subject, &load.addresses());
    meter::pin(meter::LOAD_CORE);
    let threads = meter::Thread::since(&before);
    load.aim(server.addresses());

    load.run(WARM_UP);
    let cpu = || threads.iter().map(meter::Thread::cpu).sum::<Duration>();
    let (began, cpu_before, (busy_before, own_before)) = (Instant::now(), cpu(), meter::busy());
    let forwarded_before = load.received;
    load.run(window);
    let (took, cpu_after, (busy_after, own_after)) = (began.elapsed(), cpu(), meter::busy());
    let forwarded = load.received - forwarded_before;
    load.drain();

    server.stop();
    let others = (busy_after - busy_before).saturating_sub(own_after - own_before);
    Sample {
        // By packets and not by time: on a busy machine a second may have fewer of them.
        cpu: (cpu_after - cpu_before).as_secs_f64() / forwarded as f64 * PACKETS_PER_SECOND * 100.0,
        lost: load.sent - load.received.min(load.sent),
        sent: load.sent,
        delay_p50: load.delay(0.5),
        delay_p99: load.delay(0.99),
        late: load.late,
        others: others.as_secs_f64() / took.as_secs_f64() * 100.0,
    }
}

/// One of the two, while it runs.
enum Server {
    Loop(BareLoop),
    Ours(MediaServer),
}

fn start(subject: Subject, far_ends: &[SocketAddr]) -> Server {
    match subject {
        Subject::Loop => Server::Loop(BareLoop::start(far_ends)),
        Subject::Ours(way) => Server::Ours(MediaServer::start(way, far_ends)),
    }
}

impl Server {
    /// Where the sound of each far end goes.
    fn addresses(&self) -> &[SocketAddr] {
        match self {
            Self::Loop(bare) => bare.addresses(),
            Self::Ours(ours) => ours.addresses(),
        }
    }

    fn stop(self) {
        match self {
            Self::Loop(bare) => bare.stop(),
            Self::Ours(ours) => ours.stop(),
        }
    }
}

fn print_row(what: &str, name: &str, samples: &[Sample], yardstick: &[Sample]) {
    let of = |field: fn(&Sample) -> f64| samples.iter().map(field).collect::<Vec<f64>>();
    let range = |values: &[f64], digits: usize| {
        let at = |part| meter::quantile(values, part);
        format!("{:.digits$} ({:.digits$}-{:.digits$})", at(0.5), at(0.0), at(1.0))
    };
    let ratios: Vec<f64> = samples.iter().zip(yardstick).map(|(sample, bare)| sample.cpu / bare.cpu).collect();
    let (lost, sent) = (samples.iter().map(|s| s.lost).sum::<u64>(), samples.iter().map(|s| s.sent).sum::<u64>());
    println!(
        "| {what} | {name} | {} | {} | {lost} of {sent} | {:.0} / {:.0} | {:.0} |",
        range(&of(|s| s.cpu), 4),
        range(&ratios, 2),
        meter::median(&of(|s| s.delay_p50)),
        meter::median(&of(|s| s.delay_p99)),
        meter::median(&of(|s| s.others)),
    );
    let late: u64 = samples.iter().map(|s| s.late).sum();
    if late * 100 > sent {
        println!("| | | the load itself was late in {late} of {sent} sends: repeat on a quieter machine | | | | |");
    }
}
