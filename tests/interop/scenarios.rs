//! The scenario table through the real binary. Each scenario has a server of its own; several run side by side.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::harness::wait::beside_others;
use crate::scenario::stage::{Scenario, play};
use crate::scenario::table;
use crate::wire_stage::OnWire;

/// Servers at a time. They mostly wait.
const AT_ONCE: usize = 4;

fn all(scenarios: &[Scenario]) {
    let _others = beside_others();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failed = Vec::new();
        while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
            let began = Instant::now();
            let played = catch_unwind(AssertUnwindSafe(|| play(scenario, OnWire::new(&scenario.shape))));
            eprintln!("-- {} ({:.1?})", scenario.name, began.elapsed());
            failed.extend(played.is_err().then_some(scenario.name));
        }
        failed
    };
    let failed: Vec<&str> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("it catches what panics")).collect()
    });
    assert_eq!(failed, Vec::<&str>::new(), "failed");
}

crate::scenario::table::tests_of_all!(all);

#[test]
fn a_talk_with_time_for_repeats() {
    all(&[table::ROOMY]);
}
