//! Sites and flows of the runs, and where their far ends are.

use std::net::SocketAddr;
use std::sync::Arc;

use cordboard::base::TenantNo;
use cordboard::event::words::Wire;
use cordboard::ivr::{self, Flows, Known};
use cordboard::site::{self, Numbering, Site};

use crate::ua::Ua;
use crate::world::{SERVER, World};

pub const DOMAIN: &str = "sim.example";
pub const CARRIER: &str = "10.0.1.1:5080";

/// What differs between sites.
pub struct Shape {
    pub agents: usize,
    pub calls: u32,
    pub digest: &'static str,
    pub trunk_calls: u32,
}

impl Shape {
    pub const SMALL: Self = Self { agents: 2, calls: 50, digest: "md5", trunk_calls: 50 };
}

/// Agents `a0`, `a1` ... at the extensions from 1001 on; three more phones behind them, from 1900 on.
pub fn site(shape: &Shape) -> Site {
    let numbers = (0..shape.agents).map(|n| 1001 + n);
    let others = ["1900", "1901", "1902"];
    let extensions: Vec<String> = numbers
        .map(|n| n.to_string())
        .chain(others.map(str::to_owned))
        .map(|n| format!("  - {{number: \"{n}\", name: Phone {n}, password: \"secret-{n}\", outbound: true}}\n"))
        .collect();
    let agents: Vec<String> = (0..shape.agents)
        .map(|n| {
            let groups = match n % 3 {
                0 => "support: 5",
                1 => "support: 5, sales: 3",
                _ => "support: 2, sales: 7",
            };
            format!(
                "  - {{id: a{n}, name: Agent {n}, station: {{extension: \"{}\"}}, groups: {{{groups}}}}}\n",
                1001 + n
            )
        })
        .collect();
    let text = format!(
        "tenant: sim\ndomains: [{DOMAIN}]\ndefault: true\ntime_zone: UTC\nlanguage: en-US\n\
         limits: {{calls: {}, cps: 100}}\nextensions:\n{}\
         groups:\n  - {{id: support, name: Support, strategy: longest-idle, ring: 20s, wrap_up: 10s}}\n  \
         - {{id: sales, name: Sales, strategy: skill-level, ring: 15s, wrap_up: 5s}}\n\
         agents:\n{}\
         trunks:\n  - {{id: carrier, send: \"sip:{CARRIER}\", accept: [\"10.0.1.1/32:5080\"], codecs: [PCMA], \
         max_calls: {}, inbound: [{{match: \"^0?(4\\\\d{{9}})$\", to: \"+86$1\"}}]}}\n\
         routes:\n  - {{match: \"^9(\\\\d{{7,}})$\", to: \"+86$1\", trunks: [carrier]}}\n  \
         - {{match: \"^1\\\\d{{3}}$\", extension: true}}\n\
         numbers:\n  - {{number: \"+864008000001\", flow: main}}\n  - {{number: \"+864008000002\", flow: direct}}\n  \
         - {{number: \"+864008000003\", flow: forward}}\n  - {{number: \"9002\", flow: direct}}\n\
         emergency: {{numbers: [\"110\"], trunks: [carrier]}}\ndigest: {}\n",
        shape.calls,
        extensions.concat(),
        agents.concat(),
        shape.trunk_calls,
        shape.digest,
    );
    let file = site::load("sim.yaml", &text).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"));
    let mut no_password = |number: &str| panic!("{number} has a password");
    site::plan(Numbering::new(TenantNo(1)), file, &["main", "direct", "callback", "forward"], &mut no_password).0
}

pub fn flows() -> Flows {
    let texts = [
        ("main.yaml", include_str!("../../dialplans/main.yaml")),
        ("direct.yaml", include_str!("direct.yaml")),
        ("callback.yaml", include_str!("callback.yaml")),
        ("forward.yaml", include_str!("forward.yaml")),
    ];
    let load = |(name, text): (&str, &str)| {
        let flow = ivr::load(name, text, &Known::default()).unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
        (flow.key.clone(), Arc::new(flow))
    };
    texts.into_iter().map(load).collect()
}

/// The carrier is far end 0.
pub fn add_carrier(world: &mut World) -> usize {
    let at = CARRIER.parse().expect("an address");
    let rng = world.ua_rng();
    world.add(Ua::new("carrier", at, Wire::Udp, SERVER, DOMAIN, rng))
}

/// A phone of this extension; every third one speaks TCP when `mixed`.
pub fn add_phone(world: &mut World, name: &str, number: &str, wire: Wire, expires: u32) -> usize {
    let n = world.uas.len() as u16;
    let at = SocketAddr::new(std::net::Ipv4Addr::new(10, 0, 2 + (n / 250) as u8, (n % 250) as u8).into(), 5060);
    let rng = world.ua_rng();
    let ua = Ua::new(name, at, wire, SERVER, DOMAIN, rng).with_account(number, &format!("secret-{number}"), expires);
    world.add(ua)
}
