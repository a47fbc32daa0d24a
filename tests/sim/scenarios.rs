//! The scenario table on the tenant machine, in virtual time.

use crate::net::Weather;
use crate::scenario::stage::{Scenario, play};
use crate::scenario::table;
use crate::sim_stage::Sim;

fn all(scenarios: &[Scenario]) {
    for scenario in scenarios {
        eprintln!("-- {}", scenario.name);
        play(scenario, Sim::new(1, &scenario.shape, Weather::FINE));
    }
}

crate::scenario::table::tests_of_all!(all);

/// The same tables hold when one datagram in twenty is lost, as far as they leave time for repeats.
#[test]
fn a_bad_network_changes_nothing() {
    for seed in 1..40 {
        play(&table::ROOMY, Sim::new(seed, &table::ROOMY.shape, Weather::FOUL));
    }
}
