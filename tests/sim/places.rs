//! The site and flows of the scenarios as the simulator takes them, and where its far ends are.

use std::net::SocketAddr;
use std::sync::Arc;

use cordboard::base::TenantNo;
use cordboard::event::words::Wire;
use cordboard::ivr::{self, Flows, Known};
use cordboard::site::{self, Numbering, Site};

use crate::scenario::place::{self, CARRIER, DOMAIN, Shape, USUAL};
use crate::scenario::ua::Ua;
use crate::world::{SERVER, World};

pub fn site(shape: &Shape) -> Site {
    let text = place::site(shape, &USUAL, carrier());
    let file = site::load("sim.yaml", &text).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"));
    let mut no_password = |number: &str| panic!("{number} has a password");
    let flows: Vec<&str> = place::flows(&USUAL).into_iter().map(|(key, _)| key).collect();
    site::plan(Numbering::new(TenantNo(1)), file, &flows, &mut no_password).0
}

pub fn flows() -> Flows {
    let load = |(key, text): (&str, String)| {
        let name = format!("{key}.yaml");
        let flow =
            ivr::load(&name, &text, &Known::default()).unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
        (flow.key.clone(), Arc::new(flow))
    };
    place::flows(&USUAL).into_iter().map(load).collect()
}

fn carrier() -> SocketAddr {
    SocketAddr::from(([10, 0, 1, 1], 5080))
}

/// The carrier is far end 0.
pub fn add_carrier(world: &mut World, wire: Wire) -> usize {
    let rng = world.ua_rng();
    world.add(Ua::new(CARRIER, carrier(), wire, SERVER, DOMAIN, rng))
}

/// A phone of this extension.
pub fn add_phone(world: &mut World, name: &str, number: &str, wire: Wire, expires: u32) -> usize {
    let n = world.uas.len() as u16;
    let at = SocketAddr::new(std::net::Ipv4Addr::new(10, 0, 2 + (n / 250) as u8, (n % 250) as u8).into(), 5060);
    let rng = world.ua_rng();
    let ua = Ua::new(name, at, wire, SERVER, DOMAIN, rng).with_account(number, &place::password(number), expires);
    world.add(ua)
}
