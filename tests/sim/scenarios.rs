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

#[test]
fn talks() {
    all(table::TALKS);
}

#[test]
fn offers_end_in_every_way() {
    all(table::OFFERS);
}

#[test]
fn phones() {
    all(table::PHONES);
}

#[test]
fn refusals_and_ends() {
    all(table::REFUSALS);
}

#[test]
fn orders() {
    all(table::ORDERS);
}

#[test]
fn trunks() {
    all(table::TRUNKS);
}

#[test]
fn a_full_tenant_and_a_full_trunk_answer_486() {
    all(table::FULL);
}

#[test]
fn phones_prove_themselves_by_either_digest() {
    all(table::DIGESTS);
}

/// The same tables hold when one datagram in twenty is lost, as far as they leave time for repeats.
#[test]
fn a_bad_network_changes_nothing() {
    for seed in 1..40 {
        play(&table::ROOMY, Sim::new(seed, &table::ROOMY.shape, Weather::FOUL));
    }
}
